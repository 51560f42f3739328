//! From the provider's JSON to a person: which member is what, and what is refused.
//!
//! The subject is exact text; names are stored as sent, not normalised and not trimmed.

use serde_json::Value;

use crate::config::Mapping;
use crate::error::{Cause, Problem, ProfileFault};
use crate::permissions::{self, Permission};
use crate::text::is_refused;
use crate::users::{MAX_EMAIL, MAX_FIRST_NAME, MAX_SUBJECT, MAX_USERNAME, Profile};

/// A field that was sent but could not be taken over, so that what is stored stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    pub field: &'static str,
    pub problem: Problem,
}

/// Reads the profile (the mapping's JSON Pointers, RFC 6901).
///
/// # Errors
/// [`Cause::Unreadable`] when it is not an object, [`Cause::BadProfile`] when subject or username
/// cannot be used.
pub fn read(mapping: &Mapping, profile: &Value) -> Result<(Profile, Vec<Kept>), Cause> {
    if !profile.is_object() {
        return Err(Cause::Unreadable("profile"));
    }
    let required = |field, pointer: &str, max| {
        let fault = |problem| Cause::BadProfile(ProfileFault { field, problem });
        match text(profile.pointer(pointer), max) {
            Ok(Some(text)) if !text.trim().is_empty() => Ok(text),
            Ok(_) => Err(fault(Problem::Missing)),
            Err(problem) => Err(fault(problem)),
        }
    };
    let subject = required("subject", &mapping.subject, MAX_SUBJECT)?;
    let username = required("username", &mapping.username, MAX_USERNAME)?;
    let mut kept = Vec::new();
    let mut optional = |field, pointer: &str, max| {
        text(profile.pointer(pointer), max).unwrap_or_else(|problem| {
            kept.push(Kept { field, problem });
            None
        })
    };
    let first_name = optional("first_name", &mapping.first_name, MAX_FIRST_NAME);
    let email = optional("email", &mapping.email, MAX_EMAIL);
    let profile = Profile {
        subject,
        username,
        first_name,
        email,
    };
    Ok((profile, kept))
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

/// Reads the permissions: a list of texts, a list of objects, or an object that holds either.
/// Sorted by name, each once.
///
/// # Errors
/// [`Cause::Unreadable`] when any part is not as expected: a set that is half understood must
/// not replace one that was understood.
pub fn read_permissions(mapping: &Mapping, answer: &Value) -> Result<Vec<Permission>, Cause> {
    let list = match &mapping.permissions {
        Some(pointer) => answer.pointer(pointer),
        None if answer.is_array() => Some(answer),
        None => answer.get("permissions"),
    };
    let Some(Value::Array(list)) = list else {
        return Err(Cause::Unreadable("permissions"));
    };
    if list.len() > permissions::MAX_COUNT {
        return Err(Cause::Unreadable("too many permissions"));
    }
    let mut all = list
        .iter()
        .map(|item| permission(mapping, item))
        .collect::<Option<Vec<Permission>>>()
        .ok_or(Cause::Unreadable("permissions"))?;
    all.sort();
    all.dedup_by(|later, first| later.name == first.name);
    Ok(all)
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn mapping() -> Mapping {
        Mapping {
            subject: "/name".to_owned(),
            username: "/name".to_owned(),
            first_name: "/name_cn".to_owned(),
            email: "/email".to_owned(),
            permissions: None,
            permission_name: None,
        }
    }

    fn fault(problem: Problem) -> Cause {
        Cause::BadProfile(ProfileFault {
            field: "subject",
            problem,
        })
    }

    #[test]
    fn t28_a_profile_without_a_usable_name_makes_no_person() {
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
            (json!([{"name": "a"}]), Cause::Unreadable("profile")),
            (json!("a"), Cause::Unreadable("profile")),
            (json!(null), Cause::Unreadable("profile")),
        ] {
            assert_eq!(
                read(&mapping(), &profile).map(|_| ()),
                Err(cause),
                "{profile}"
            );
        }
    }

    #[test]
    fn t28_a_number_as_a_name_is_read_as_text() {
        let (profile, _) = read(&mapping(), &json!({"name": 1042})).expect("is a person");
        assert_eq!(profile.username, "1042");
    }

    #[test]
    fn t36_a_name_is_taken_as_it_was_sent() {
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
            let (profile, _) = read(&mapping(), &json!({ "name": name })).expect("is a person");
            assert_eq!(profile.subject, name);
            assert_eq!(profile.username, name);
        }
    }

    #[test]
    fn an_absent_claim_and_one_that_is_too_long_keep_what_is_stored() {
        let sent = json!({"name": "a", "email": "x".repeat(255), "name_cn": "甲\u{7}"});
        let (profile, kept) = read(&mapping(), &sent).expect("is a person");
        assert_eq!((profile.first_name, profile.email), (None, None));
        assert_eq!(kept.len(), 2);
        let (profile, kept) = read(&mapping(), &json!({"name": "a", "email": ""})).expect("person");
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
            (json!(null), Err(())),
            (json!({"permissions": null}), Err(())),
            (json!({"permissions": {"a": 1}}), Err(())),
            (json!(["a.b", null]), Err(())),
            (json!(["a.b", {"name": "no codename"}]), Err(())),
            (json!(["a.b", ""]), Err(())),
            (json!(["x".repeat(256)]), Err(())),
            (json!(vec!["p"; 2001]), Err(())),
        ] {
            let read = read_permissions(&mapping(), &answer);
            let names = read
                .as_ref()
                .map(|all| all.iter().map(|one| one.name.as_str()).collect::<Vec<_>>())
                .map_err(|_| ());
            assert_eq!(names, expected, "{answer}");
        }
    }
}
