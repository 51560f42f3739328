//! From the provider's answers to a person: which member is what, and what is refused.
//!
//! The subject is exact text; names are stored as sent, not normalised and not trimmed.

use serde_json::Value;

use super::{Failure, Given, Permissions};
use crate::config::{Document, Mapping, Pointer};
use crate::error::{Cause, Problem, ProfileFault, Step};
use crate::permissions::{self, Permission};
use crate::text::is_refused;
use crate::users::{MAX_EMAIL, MAX_FIRST_NAME, MAX_SUBJECT, MAX_USERNAME, Profile};

/// A field that was sent but could not be taken over, so that what is stored stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    pub field: &'static str,
    pub problem: Problem,
}

/// A provider's answers about one person.
#[derive(Default)]
pub struct Documents {
    all: [Option<Value>; 4],
    /// Why the permissions answer is missing, if it was asked for.
    pub permissions_failure: Option<Cause>,
    /// The tokens that they were asked for with, where the provider takes such back.
    pub given: Option<Given>,
}

impl Documents {
    pub fn set(&mut self, document: Document, value: Value) {
        for (known, place) in Document::ALL.into_iter().zip(&mut self.all) {
            if known == document {
                *place = Some(value);
                return;
            }
        }
    }

    #[must_use]
    pub fn get(&self, document: Document) -> Option<&Value> {
        self.iter()
            .find(|(known, _)| *known == document)
            .map(|(_, value)| value)
    }

    /// Those that there are, in the order in which they count.
    pub fn iter(&self) -> impl Iterator<Item = (Document, &Value)> {
        Document::ALL
            .into_iter()
            .zip(&self.all)
            .filter_map(|(document, value)| Some((document, value.as_ref()?)))
    }

    /// What a pointer finds, and where: the first document that has it, and not as null.
    #[must_use]
    pub fn find(&self, pointer: &Pointer) -> Option<(Document, &Value)> {
        self.iter()
            .filter(|(document, _)| pointer.document.is_none_or(|only| only == *document))
            .find_map(|(document, value)| {
                let found = value
                    .pointer(&pointer.path)
                    .filter(|found| !found.is_null())?;
                Some((document, found))
            })
    }

    /// The documents that have any of these members: their codes, by spaces.
    #[must_use]
    pub fn that_have(&self, pointers: &[Pointer]) -> String {
        let has = |document: Document, value: &Value| {
            pointers
                .iter()
                .filter(|pointer| pointer.document.is_none_or(|only| only == document))
                .any(|pointer| value.pointer(&pointer.path).is_some())
        };
        let codes: Vec<&str> = self
            .iter()
            .filter(|(document, value)| has(*document, value))
            .map(|(document, _)| document.code())
            .collect();
        codes.join(" ")
    }

    /// Whether any document says something there, be it null.
    #[must_use]
    pub fn has(&self, pointer: &Pointer) -> bool {
        self.iter()
            .filter(|(document, _)| pointer.document.is_none_or(|only| only == *document))
            .any(|(_, value)| value.pointer(&pointer.path).is_some())
    }

    /// Whether a document says of a member that there is nothing: as null.
    fn says_null(&self, pointer: &Pointer) -> bool {
        self.iter()
            .filter(|(document, _)| pointer.document.is_none_or(|only| only == *document))
            .any(|(_, value)| value.pointer(&pointer.path).is_some_and(Value::is_null))
    }

    fn value(&self, pointer: &Pointer) -> Option<&Value> {
        self.find(pointer).map(|(_, value)| value)
    }
}

/// What was read of a person.
#[derive(Debug)]
pub struct Read {
    pub profile: Profile,
    pub kept: Vec<Kept>,
    /// JSON `true`, and nothing that only looks like it.
    pub is_email_verified: bool,
}

/// Reads the profile (the mapping's JSON Pointers, RFC 6901).
///
/// # Errors
/// [`Cause::BadProfile`] when subject or username cannot be used.
pub fn read(mapping: &Mapping, documents: &Documents) -> Result<Read, Cause> {
    let required = |field, pointer: &Pointer, max| {
        let fault = |problem| Cause::BadProfile(ProfileFault { field, problem });
        match text(documents.value(pointer), max) {
            Ok(Some(text)) if !text.trim().is_empty() => Ok(text),
            Ok(_) => Err(fault(Problem::Missing)),
            Err(problem) => Err(fault(problem)),
        }
    };
    let subject = required("subject", &mapping.subject, MAX_SUBJECT)?;
    let username = required("username", &mapping.username, MAX_USERNAME)?;
    let mut kept = Vec::new();
    let mut optional = |field, pointer: &Pointer, max| {
        text(documents.value(pointer), max).unwrap_or_else(|problem| {
            kept.push(Kept { field, problem });
            None
        })
    };
    let first_name = optional("first_name", &mapping.first_name, MAX_FIRST_NAME);
    let email = optional("email", &mapping.email, MAX_EMAIL);
    let is_email_verified = verified(mapping, documents);
    let profile = Profile {
        subject,
        username,
        first_name,
        email,
    };
    Ok(Read {
        profile,
        kept,
        is_email_verified,
    })
}

/// What was read of a person who is known already.
#[derive(Debug)]
pub struct ReadAgain {
    pub subject: Option<String>,
    pub username: Option<String>,
    pub first_name: Option<String>,
    pub email: Option<String>,
}

/// Reads the profile of a person who is known already: what is not there, or cannot be used, says
/// nothing.
pub fn read_leniently(mapping: &Mapping, documents: &Documents, kept: &mut Vec<Kept>) -> ReadAgain {
    let mut read = |field, pointer: &Pointer, max| {
        text(documents.value(pointer), max).unwrap_or_else(|problem| {
            kept.push(Kept { field, problem });
            None
        })
    };
    let named = |text: &String| !text.trim().is_empty();
    ReadAgain {
        subject: read("subject", &mapping.subject, MAX_SUBJECT).filter(named),
        username: read("username", &mapping.username, MAX_USERNAME).filter(named),
        first_name: read("first_name", &mapping.first_name, MAX_FIRST_NAME),
        email: read("email", &mapping.email, MAX_EMAIL),
    }
}

/// Whether the document that gave the address vouches for it.
fn verified(mapping: &Mapping, documents: &Documents) -> bool {
    let Some((of_email, _)) = documents.find(&mapping.email) else {
        return false;
    };
    let found = documents.find(&mapping.email_verified);
    found.is_some_and(|(document, value)| document == of_email && *value == Value::Bool(true))
}

/// A member as text. Absent and null are `None`; an empty text is a text; a whole number is
/// read as text, since some directories name people by number.
fn text(value: Option<&Value>, max: usize) -> Result<Option<String>, Problem> {
    let text = match value {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) if number.is_i64() || number.is_u64() => number.to_string(),
        Some(_) => return Err(Problem::WrongType),
    };
    if text.chars().count() > max {
        Err(Problem::TooLong)
    } else if text.chars().any(is_refused) {
        Err(Problem::RefusedCharacters)
    } else {
        Ok(Some(text))
    }
}

/// The permissions by our names; `is_asked`: whether this portal wants them at all.
#[must_use]
pub fn read_permissions(mapping: &Mapping, documents: &Documents, is_asked: bool) -> Permissions {
    if !is_asked {
        return Permissions::NotAsked;
    }
    match given(mapping, documents) {
        Ok(permissions) => Permissions::Given(permissions),
        Err(cause) => Permissions::Failed(Failure {
            step: Step::PermissionsCall,
            cause,
        }),
    }
}

/// The lists: of texts, of objects, or an object that holds either. One text is a list of one.
/// Sorted by name, each once.
///
/// # Errors
/// [`Cause::Unreadable`] when any part is not as expected: a set that is half understood must
/// not replace one that was understood.
fn given(mapping: &Mapping, documents: &Documents) -> Result<Vec<Permission>, Cause> {
    let unreadable = Cause::Unreadable("permissions");
    // A list that a failed answer may have held cannot be told from none.
    if let Some(cause) = &documents.permissions_failure {
        return Err(cause.clone());
    }
    let mut all = Vec::new();
    let mut add = |stated: &Value| {
        let items = match stated {
            Value::Array(items) => items.as_slice(),
            one => std::slice::from_ref(one),
        };
        let is_list = stated.is_array();
        for item in items {
            match item {
                Value::Null => {}
                Value::String(text) => {
                    for name in separated(mapping, text) {
                        all.push(named(name).ok_or(unreadable.clone())?);
                    }
                }
                // Nothing but a text stands for a list of one.
                item if is_list => all.push(permission(mapping, item).ok_or(unreadable.clone())?),
                _ => return Err(unreadable.clone()),
            }
            if all.len() > permissions::MAX_COUNT {
                return Err(Cause::Unreadable("too many permissions"));
            }
        }
        Ok(())
    };
    if mapping.permissions.is_empty() {
        let answer = documents
            .get(Document::Permissions)
            .ok_or(unreadable.clone())?;
        let stated = if answer.is_object() {
            answer.get("permissions").ok_or(unreadable.clone())?
        } else {
            answer
        };
        add(stated)?;
    }
    for pointer in &mapping.permissions {
        match documents.find(pointer) {
            Some((_, list)) => add(list)?,
            // The provider had too many of them for the token (OpenID Connect Core 5.6.2).
            None if is_elsewhere(documents, pointer) => {
                return Err(Cause::Unreadable("permissions elsewhere"));
            }
            None if documents.says_null(pointer) => {}
            // Of an answer that was asked for, it is missing; a claim that is absent is empty.
            None if documents.get(Document::Permissions).is_some()
                && matches!(pointer.document, None | Some(Document::Permissions)) =>
            {
                return Err(unreadable.clone());
            }
            None => {}
        }
    }
    all = all
        .into_iter()
        .filter_map(|permission| renamed(mapping, permission))
        .collect();
    if all
        .iter()
        .any(|permission| permission.name.chars().count() > permissions::MAX_NAME)
    {
        return Err(unreadable);
    }
    all.sort();
    all.dedup_by(|later, first| later.name == first.name);
    Ok(all)
}

/// Whether a claim is said to be at another address.
fn is_elsewhere(documents: &Documents, pointer: &Pointer) -> bool {
    let first = pointer.path.split('/').nth(1).unwrap_or_default();
    documents.iter().any(|(_, value)| {
        value
            .get("_claim_names")
            .and_then(|names| names.get(first))
            .is_some()
    })
}

/// By our name; `None`: dropped.
fn renamed(mapping: &Mapping, permission: Permission) -> Option<Permission> {
    let Permission { name, label } = permission;
    let ours = match mapping.permission_names.get(&name) {
        Some(ours) if ours.is_empty() => return None,
        Some(ours) => ours.clone(),
        None if mapping.only_named_permissions => return None,
        None => format!("{}{name}", mapping.permission_prefix),
    };
    Some(Permission { name: ours, label })
}

/// The names in a text: what the separator parts, without the spaces around; without a separator
/// the text as it is. An empty one is none.
fn separated<'a>(mapping: &'a Mapping, text: &'a str) -> impl Iterator<Item = &'a str> {
    let separator = mapping.permissions_separator.as_deref();
    let (parts, whole) = match separator {
        Some(separator) => (Some(text.split(separator).map(str::trim)), None),
        None => (None, Some(text)),
    };
    parts
        .into_iter()
        .flatten()
        .chain(whole)
        .filter(|name| !name.is_empty())
}

/// A permission that is a text.
fn named(name: &str) -> Option<Permission> {
    let is_fit = name.chars().count() <= permissions::MAX_NAME && !name.chars().any(is_refused);
    is_fit.then(|| Permission {
        name: name.to_owned(),
        label: String::new(),
    })
}

/// A permission that is an object, or a number that names one.
fn permission(mapping: &Mapping, item: &Value) -> Option<Permission> {
    let name = match (&mapping.permission_name, item) {
        (Some(pointer), _) => item.pointer(pointer),
        (None, Value::Object(object)) => object.get("codename"),
        (None, _) => Some(item),
    };
    let name = text(name, permissions::MAX_NAME).ok().flatten()?;
    let label = match item {
        Value::Object(object) => text(object.get("name"), permissions::MAX_NAME)
            .ok()
            .flatten()
            .filter(|label| *label != name)
            .unwrap_or_default(),
        _ => String::new(),
    };
    (!name.is_empty()).then_some(Permission { name, label })
}

/// The domain of an e-mail address, in lower case: what stands after its only @. `None` when the
/// address could be read in two ways.
#[must_use]
pub fn email_domain(email: &str) -> Option<String> {
    let (local, domain) = email.split_once('@')?;
    let is_plain = |text: &str| {
        !text.is_empty()
            && text.chars().all(|c| {
                !c.is_control()
                    && !c.is_whitespace()
                    && !matches!(
                        c,
                        '"' | '(' | ')' | '<' | '>' | ',' | ';' | ':' | '\\' | '[' | ']'
                    )
            })
    };
    let is_domain = domain.split('.').all(|label| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    });
    (is_plain(local) && local.len() <= 64 && is_domain && is_plain(domain))
        .then(|| domain.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn mapping() -> Mapping {
        Mapping {
            subject: at("/name"),
            username: at("/name"),
            first_name: at("/name_cn"),
            email: at("/email"),
            email_verified: at("/email_verified"),
            ..Mapping::default()
        }
    }

    fn at(text: &str) -> Pointer {
        Pointer::parse(text).expect("a pointer")
    }

    fn documents(document: Document, value: &Value) -> Documents {
        let mut documents = Documents::default();
        documents.set(document, value.clone());
        documents
    }

    fn profile_of(value: &Value) -> Result<(Profile, Vec<Kept>), Cause> {
        read(&mapping(), &documents(Document::Profile, value)).map(|read| (read.profile, read.kept))
    }

    fn fault(problem: Problem) -> Cause {
        Cause::BadProfile(ProfileFault {
            field: "subject",
            problem,
        })
    }

    #[test]
    fn a_profile_without_a_usable_name_is_no_person() {
        for (profile, cause) in [
            (json!({}), fault(Problem::Missing)),
            (json!({"name": null}), fault(Problem::Missing)),
            (json!({"name": ""}), fault(Problem::Missing)),
            (json!({"name": "   "}), fault(Problem::Missing)),
            (json!({"name": {}}), fault(Problem::WrongType)),
            (json!({"name": ["a"]}), fault(Problem::WrongType)),
            (json!({"name": true}), fault(Problem::WrongType)),
            (json!({"name": 1.5}), fault(Problem::WrongType)),
            (json!({"name": "x".repeat(10_000)}), fault(Problem::TooLong)),
            (
                json!({"name": "a\u{0}b"}),
                fault(Problem::RefusedCharacters),
            ),
            (
                json!({"name": "a\u{202e}b"}),
                fault(Problem::RefusedCharacters),
            ),
        ] {
            assert_eq!(profile_of(&profile).map(|_| ()), Err(cause), "{profile}");
        }
    }

    #[test]
    fn a_number_as_a_name_is_read_as_text() {
        let (profile, _) = profile_of(&json!({"name": 1042})).expect("is a person");
        assert_eq!(profile.username, "1042");
    }

    #[test]
    fn a_name_is_taken_as_it_was_sent() {
        for name in [
            "admin ",
            " Ａdmin",
            "аdmin",
            "e\u{301}",
            "é",
            "a\u{200d}b",
            "👩‍🚀",
            "𠮷",
        ] {
            let (profile, _) = profile_of(&json!({ "name": name })).expect("is a person");
            assert_eq!(profile.subject, name);
            assert_eq!(profile.username, name);
        }
    }

    #[test]
    fn an_absent_claim_and_one_that_is_too_long_keep_what_is_stored() {
        let sent = json!({"name": "a", "email": "x".repeat(255), "name_cn": "甲\u{7}"});
        let (profile, kept) = profile_of(&sent).expect("is a person");
        assert_eq!((profile.first_name, profile.email), (None, None));
        assert_eq!(kept.len(), 2);
        let (profile, kept) = profile_of(&json!({"name": "a", "email": ""})).expect("person");
        assert_eq!(
            (profile.first_name, profile.email),
            (None, Some(String::new()))
        );
        assert!(kept.is_empty());
    }

    #[test]
    fn permissions_are_read_in_three_shapes_and_a_garbled_set_is_refused_whole() {
        let two = Ok(vec!["a.b", "c.d"]);
        for (answer, expected) in [
            (json!(["c.d", "a.b", "a.b"]), two.clone()),
            (
                json!([{"codename": "a.b"}, {"codename": "c.d", "name": "See"}]),
                two.clone(),
            ),
            (json!({"permissions": ["a.b", "c.d"]}), two.clone()),
            (
                json!({"permissions": [{"codename": "c.d"}, {"codename": "a.b"}]}),
                two,
            ),
            (json!([]), Ok(vec![])),
            (json!({"permissions": []}), Ok(vec![])),
            (json!({}), Err(())),
            (json!({"permissions": {"a": 1}}), Err(())),
            (json!(["a.b", {"name": "no codename"}]), Err(())),
            (json!(["x".repeat(256)]), Err(())),
            (json!(vec!["p"; 2001]), Err(())),
        ] {
            let read = given(&mapping(), &documents(Document::Permissions, &answer));
            let names = read
                .as_ref()
                .map(|all| all.iter().map(|one| one.name.as_str()).collect::<Vec<_>>())
                .map_err(|_| ());
            assert_eq!(names, expected, "{answer}");
        }
    }

    /// What a member may hold, and what is read of it.
    fn shapes() -> Vec<(Value, Result<Vec<&'static str>, ()>)> {
        vec![
            (json!("staff"), Ok(vec!["staff"])),
            (json!("Domain Admins"), Ok(vec!["Domain Admins"])),
            (json!("a,b"), Ok(vec!["a,b"])),
            (json!(["staff"]), Ok(vec!["staff"])),
            (json!(["staff", null]), Ok(vec!["staff"])),
            (json!(["staff", ""]), Ok(vec!["staff"])),
            (json!([12, "staff"]), Ok(vec!["12", "staff"])),
            (json!([]), Ok(vec![])),
            (json!([null]), Ok(vec![])),
            (json!([""]), Ok(vec![])),
            (json!(""), Ok(vec![])),
            (json!(null), Ok(vec![])),
            (json!({}), Err(())),
            (json!({"codename": "staff"}), Err(())),
            (json!(false), Err(())),
            (json!(true), Err(())),
            (json!(0), Err(())),
            (json!(12), Err(())),
            (json!(1.5), Err(())),
            (json!(["staff", {}]), Err(())),
            (json!(["staff", false]), Err(())),
            (json!(["staff", 1.5]), Err(())),
            (json!(["staff", ["more"]]), Err(())),
            (json!("a\u{0}b"), Err(())),
            (json!("x".repeat(256)), Err(())),
        ]
    }

    fn names_of(mapping: &Mapping, documents: &Documents) -> Result<Vec<String>, ()> {
        given(mapping, documents)
            .map(|all| all.into_iter().map(|one| one.name).collect())
            .map_err(|_| ())
    }

    #[test]
    fn each_shape_of_a_set_is_a_list_or_none_or_unreadable() {
        let of_claim = Mapping {
            permissions: vec![at("/groups")],
            ..mapping()
        };
        for (value, expected) in shapes() {
            let expected = expected.map(|names| names.iter().map(|&n| n.to_owned()).collect());
            let member = json!({"permissions": value});
            let read = names_of(&mapping(), &documents(Document::Permissions, &member));
            assert_eq!(read, expected, "member {value}");
            if !value.is_object() {
                let read = names_of(&mapping(), &documents(Document::Permissions, &value));
                assert_eq!(read, expected, "answer {value}");
            }
            let claims = json!({"groups": value});
            for document in Document::ALL {
                let read = names_of(&of_claim, &documents(document, &claims));
                assert_eq!(read, expected, "{document:?} {value}");
            }
        }
        for document in Document::ALL {
            let absent = names_of(&of_claim, &documents(document, &json!({})));
            let expected = match document {
                Document::Permissions => Err(()),
                _ => Ok(vec![]),
            };
            assert_eq!(absent, expected, "absent in {document:?}");
        }
    }

    #[test]
    fn a_null_gives_way_to_another_answer_s_list() {
        let mapping = Mapping {
            permissions: vec![at("/groups")],
            ..mapping()
        };
        let mut both = documents(Document::IdToken, &json!({"groups": null}));
        both.set(Document::Userinfo, json!({"groups": "staff"}));
        assert_eq!(names_of(&mapping, &both), Ok(vec!["staff".to_owned()]));
    }

    #[test]
    fn a_separator_parts_each_text() {
        for (separator, value, expected) in [
            (",", json!("a,b"), vec!["a", "b"]),
            (",", json!(" a , b ,, a,"), vec!["a", "b"]),
            (",", json!("a"), vec!["a"]),
            (",", json!(",,"), vec![]),
            (",", json!(""), vec![]),
            (",", json!(null), vec![]),
            (",", json!(["a,b", "c"]), vec!["a", "b", "c"]),
            (" ", json!("b  a"), vec!["a", "b"]),
            (";", json!("a,b"), vec!["a,b"]),
        ] {
            let mapping = Mapping {
                permissions: vec![at("/groups")],
                permissions_separator: Some(separator.to_owned()),
                ..mapping()
            };
            let claims = json!({ "groups": value });
            let read = names_of(&mapping, &documents(Document::IdToken, &claims));
            let expected = expected.iter().map(|&name| name.to_owned()).collect();
            assert_eq!(read, Ok(expected), "{separator:?} {value}");
        }
        let mapping = Mapping {
            permissions_separator: Some(",".to_owned()),
            ..mapping()
        };
        let many = json!(vec!["p"; 2001].join(","));
        assert_eq!(
            names_of(&mapping, &documents(Document::Permissions, &many)),
            Err(()),
            "too many"
        );
    }

    #[test]
    fn only_json_true_makes_an_address_verified() {
        for (value, is_verified) in [
            (json!(true), true),
            (json!("true"), false),
            (json!("false"), false),
            (json!(1), false),
            (json!(0), false),
            (json!(null), false),
            (json!([]), false),
            (json!([true]), false),
            (json!({}), false),
        ] {
            let sent = json!({"name": "a", "email": "a@b.c", "email_verified": value});
            let read = read(&mapping(), &documents(Document::Profile, &sent)).expect("a person");
            assert_eq!(read.is_email_verified, is_verified, "{value}");
        }
        let absent = json!({"name": "a", "email": "a@b.c"});
        let read = read(&mapping(), &documents(Document::Profile, &absent)).expect("a person");
        assert!(!read.is_email_verified);
    }

    #[test]
    fn one_document_does_not_vouch_for_the_address_of_another() {
        let mut both = documents(
            Document::IdToken,
            &json!({"name": "a", "email": "boss@corp.com"}),
        );
        both.set(
            Document::Userinfo,
            json!({"email": "a@x.y", "email_verified": true}),
        );
        assert!(!read(&mapping(), &both).expect("a person").is_email_verified);
    }

    #[test]
    fn a_domain_is_what_stands_after_the_only_at_sign() {
        for (email, domain) in [
            ("a@corp.com", Some("corp.com")),
            ("a.b+c@CORP.com", Some("corp.com")),
            ("a@evil.com@corp.com", None),
            ("\"a@corp.com\"@evil.com", None),
            ("a@corp.com\n", None),
            ("a@corp.com ", None),
            ("a@CORP.com.", None),
            ("a@corp.com.evil.com", Some("corp.com.evil.com")),
            ("a@evilcorp.com", Some("evilcorp.com")),
            ("a@xn--crp-tna.com", Some("xn--crp-tna.com")),
            ("a@", None),
            ("@corp.com", None),
            ("corp.com", None),
            ("", None),
            ("a@corp..com", None),
            ("a(x)@corp.com", None),
            ("a@[127.0.0.1]", None),
            ("a@corp.com\u{0}", None),
        ] {
            assert_eq!(email_domain(email).as_deref(), domain, "{email:?}");
        }
        assert_eq!(email_domain(&format!("{}@corp.com", "a".repeat(300))), None);
    }

    #[test]
    fn permissions_are_joined_renamed_and_dropped_by_the_table() {
        let names = [("desk-admins", "frontdesk.admin"), ("noise", "")];
        let mut mapping = Mapping {
            permissions: vec![at("/groups"), at("/realm_access/roles")],
            permission_names: names
                .map(|(one, two)| (one.to_owned(), two.to_owned()))
                .into(),
            permission_prefix: "kc.".to_owned(),
            ..mapping()
        };
        let claims =
            json!({"groups": ["desk-admins", "noise", "b"], "realm_access": {"roles": ["a", "b"]}});
        let names = |mapping: &Mapping, claims: &Value| {
            given(mapping, &documents(Document::IdToken, claims))
                .map(|all| all.into_iter().map(|one| one.name).collect::<Vec<_>>())
                .map_err(|_| ())
        };
        let all = ["frontdesk.admin", "kc.a", "kc.b"]
            .map(str::to_owned)
            .to_vec();
        assert_eq!(names(&mapping, &claims), Ok(all));
        mapping.only_named_permissions = true;
        assert_eq!(
            names(&mapping, &claims),
            Ok(vec!["frontdesk.admin".to_owned()])
        );
        assert_eq!(
            names(&mapping, &json!({})),
            Ok(vec![]),
            "an absent claim is empty"
        );
        assert_eq!(
            names(&mapping, &json!({"groups": {"all": true}})),
            Err(()),
            "garbled"
        );
        let elsewhere = json!({"_claim_names": {"groups": "src1"}});
        assert_eq!(
            names(&mapping, &elsewhere),
            Err(()),
            "too many for the token"
        );
    }
}
