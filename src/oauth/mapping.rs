//! Maps the provider's answers to a person: the meaning of each member, and what is refused.
//!
//! The subject is kept exactly. Names are stored as sent, neither normalised nor trimmed.

pub mod permissions;

use serde_json::Value;

use super::documents::Documents;
use crate::config::{Mapping, Pointer};
use crate::error::{Cause, Problem, ProfileFault};
use crate::text::is_forbidden;
use crate::users::{MAX_EMAIL, MAX_FIRST_NAME, MAX_SUBJECT, MAX_USERNAME, Profile};

/// A field that was sent but could not be used, so that the stored value stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RejectedField {
    pub field: &'static str,
    pub problem: Problem,
}

/// A person, as the answers of a sign-in describe them.
#[derive(Debug)]
pub struct FullProfile {
    pub profile: Profile,
    pub rejected: Vec<RejectedField>,
    /// True only for JSON `true`, not for anything that looks like it.
    pub is_email_verified: bool,
}

/// A known person, as later answers describe them. A field that is missing or unusable says
/// nothing.
#[derive(Debug)]
pub struct PartialProfile {
    pub subject: Option<String>,
    pub username: Option<String>,
    pub first_name: Option<String>,
    pub email: Option<String>,
    pub rejected: Vec<RejectedField>,
}

/// Reads fields, and remembers those that could not be used.
struct Fields<'a> {
    documents: &'a Documents,
    rejected: Vec<RejectedField>,
}

impl<'a> Fields<'a> {
    const fn of(documents: &'a Documents) -> Self {
        Self {
            documents,
            rejected: Vec::new(),
        }
    }

    fn read(&mut self, field: &'static str, pointer: &Pointer, max: usize) -> Option<String> {
        text(self.documents.value(pointer), max).unwrap_or_else(|problem| {
            self.rejected.push(RejectedField { field, problem });
            None
        })
    }
}

/// Reads the profile of a sign-in (the mapping's JSON Pointers, RFC 6901).
///
/// # Errors
/// [`Cause::BadProfile`] if subject or username cannot be used.
pub fn read(mapping: &Mapping, documents: &Documents) -> Result<FullProfile, Cause> {
    let required = |field, pointer: &Pointer, max| {
        let fault = |problem| Cause::BadProfile(ProfileFault { field, problem });
        match text(documents.value(pointer), max) {
            Ok(Some(text)) if !text.trim().is_empty() => Ok(text),
            Ok(_) => Err(fault(Problem::Missing)),
            Err(problem) => Err(fault(problem)),
        }
    };
    let mut fields = Fields::of(documents);
    let profile = Profile {
        subject: required("subject", &mapping.subject, MAX_SUBJECT)?,
        username: required("username", &mapping.username, MAX_USERNAME)?,
        first_name: fields.read("first_name", &mapping.first_name, MAX_FIRST_NAME),
        email: fields.read("email", &mapping.email, MAX_EMAIL),
    };
    Ok(FullProfile {
        profile,
        rejected: fields.rejected,
        is_email_verified: verified(mapping, documents),
    })
}

/// Reads the profile of a known person.
pub(crate) fn read_partial(mapping: &Mapping, documents: &Documents) -> PartialProfile {
    let mut fields = Fields::of(documents);
    let named = |text: &String| !text.trim().is_empty();
    let subject = fields.read("subject", &mapping.subject, MAX_SUBJECT);
    let username = fields.read("username", &mapping.username, MAX_USERNAME);
    PartialProfile {
        subject: subject.filter(named),
        username: username.filter(named),
        first_name: fields.read("first_name", &mapping.first_name, MAX_FIRST_NAME),
        email: fields.read("email", &mapping.email, MAX_EMAIL),
        rejected: fields.rejected,
    }
}

/// True if the document that gave the address vouches for it.
fn verified(mapping: &Mapping, documents: &Documents) -> bool {
    let Some((of_email, _)) = documents.find(&mapping.email) else {
        return false;
    };
    let found = documents.find(&mapping.email_verified);
    found.is_some_and(|(document, value)| document == of_email && *value == Value::Bool(true))
}

/// Reads a member as text. Absent and null are `None`; an empty text is a text; a whole number is
/// read as text, because some directories identify people by number.
fn text(value: Option<&Value>, max: usize) -> Result<Option<String>, Problem> {
    let text = match value {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) if number.is_i64() || number.is_u64() => number.to_string(),
        Some(_) => return Err(Problem::WrongType),
    };
    if text.chars().count() > max {
        Err(Problem::TooLong)
    } else if text.chars().any(is_forbidden) {
        Err(Problem::RefusedCharacters)
    } else {
        Ok(Some(text))
    }
}

/// The domain of an email address in lower case: the part after its only @. Returns `None` if the
/// address is ambiguous.
pub fn email_domain(email: &str) -> Option<String> {
    /// The address would need quotes (RFC 5322 3.2.3).
    const SPECIAL: &str = r#""()<>,;:\[]"#;
    let (local, domain) = email.split_once('@')?;
    let is_plain = |text: &str| {
        !text.is_empty()
            && !text.contains(|c: char| c.is_control() || c.is_whitespace() || SPECIAL.contains(c))
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
    use serde_json::json;

    use super::*;
    use crate::config::Document;

    pub(super) fn mapping() -> Mapping {
        Mapping {
            subject: at("/name"),
            username: at("/name"),
            first_name: at("/name_cn"),
            email: at("/email"),
            email_verified: at("/email_verified"),
            ..Mapping::default()
        }
    }

    pub(super) fn at(text: &str) -> Pointer {
        Pointer::parse(text).expect("a pointer")
    }

    pub(super) fn documents(document: Document, value: &Value) -> Documents {
        let mut documents = Documents::default();
        documents.set(document, value.clone());
        documents
    }

    fn profile_of(value: &Value) -> Result<(Profile, Vec<RejectedField>), Cause> {
        read(&mapping(), &documents(Document::Profile, value))
            .map(|read| (read.profile, read.rejected))
    }

    #[test]
    fn a_profile_without_a_usable_name_is_no_person() {
        for (profile, problem) in [
            (json!({}), Problem::Missing),
            (json!({"name": null}), Problem::Missing),
            (json!({"name": ""}), Problem::Missing),
            (json!({"name": "   "}), Problem::Missing),
            (json!({"name": {}}), Problem::WrongType),
            (json!({"name": ["a"]}), Problem::WrongType),
            (json!({"name": true}), Problem::WrongType),
            (json!({"name": 1.5}), Problem::WrongType),
            (json!({"name": "x".repeat(10_000)}), Problem::TooLong),
            (json!({"name": "a\u{0}b"}), Problem::RefusedCharacters),
            (json!({"name": "a\u{202e}b"}), Problem::RefusedCharacters),
        ] {
            let field = "subject";
            let cause = Cause::BadProfile(ProfileFault { field, problem });
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
        let marked = ["e\u{301}", "é", "a\u{200d}b", "👩‍🚀"];
        let plain = ["admin ", " Ａdmin", "аdmin", "𠮷"];
        for name in marked.into_iter().chain(plain) {
            let (profile, _) = profile_of(&json!({ "name": name })).expect("is a person");
            assert_eq!(profile.subject, name);
            assert_eq!(profile.username, name);
        }
    }

    #[test]
    fn an_absent_claim_and_one_that_is_too_long_keep_what_is_stored() {
        let sent = json!({"name": "a", "email": "x".repeat(255), "name_cn": "甲\u{7}"});
        let (profile, rejected) = profile_of(&sent).expect("is a person");
        assert_eq!((profile.first_name, profile.email), (None, None));
        assert_eq!(rejected.len(), 2);
        let (profile, rejected) = profile_of(&json!({"name": "a", "email": ""})).expect("person");
        assert_eq!(profile.first_name, None);
        assert_eq!(profile.email.as_deref(), Some(""));
        assert!(rejected.is_empty());
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
        let token = json!({"name": "a", "email": "boss@corp.com"});
        let mut both = documents(Document::IdToken, &token);
        let userinfo = json!({"email": "a@x.y", "email_verified": true});
        both.set(Document::Userinfo, userinfo);
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
}
