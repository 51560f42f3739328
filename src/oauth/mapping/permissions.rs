//! The permissions in a provider's answers.

use serde_json::Value;

use super::text;
use crate::config::{Document, Mapping, Pointer};
use crate::error::{Cause, Step};
use crate::oauth::documents::Documents;
use crate::oauth::{Failure, Permissions};
use crate::permissions::{self, Permission};
use crate::text::is_forbidden;

const UNREADABLE: Cause = Cause::Unreadable("permissions");

/// Reads the permissions, under our names.
pub fn read(mapping: &Mapping, documents: &Documents) -> Permissions {
    match given(mapping, documents) {
        Ok(permissions) => Permissions::Given(permissions),
        Err(cause) => Permissions::Failed(Failure {
            step: Step::PermissionsCall,
            cause,
        }),
    }
}

/// Reads the lists: of texts, of objects, or an object that holds either. A single text is a list
/// of one. The result is sorted by name, without duplicates.
///
/// # Errors
/// [`Cause::Unreadable`] if any part is not as expected: a set that is half understood must not
/// replace one that was understood.
fn given(mapping: &Mapping, documents: &Documents) -> Result<Vec<Permission>, Cause> {
    // It is unknown whether the failed answer would have held a list.
    if let Some(cause) = &documents.permissions_failure {
        return Err(cause.clone());
    }
    let mut all = Vec::new();
    if mapping.permissions.is_empty() {
        let answer = documents.get(Document::Permissions).ok_or(UNREADABLE)?;
        let list = if answer.is_object() {
            answer.get("permissions").ok_or(UNREADABLE)?
        } else {
            answer
        };
        add(&mut all, mapping, list)?;
    }
    for pointer in &mapping.permissions {
        if let Some(list) = list_at(documents, pointer)? {
            add(&mut all, mapping, list)?;
        }
    }
    let renamed = all.into_iter().filter_map(|one| renamed(mapping, one));
    let mut all: Vec<Permission> = renamed.collect();
    let is_too_long = |one: &Permission| one.name.chars().count() > permissions::MAX_NAME;
    if all.iter().any(is_too_long) {
        return Err(UNREADABLE);
    }
    all.sort();
    all.dedup_by(|later, first| later.name == first.name);
    Ok(all)
}

/// The list at a pointer. `None` means that there is none, which counts as an empty one.
fn list_at<'a>(documents: &'a Documents, pointer: &Pointer) -> Result<Option<&'a Value>, Cause> {
    match documents.find(pointer) {
        Some((_, list)) => Ok(Some(list)),
        // There were too many for the token (OpenID Connect Core 5.6.2).
        None if is_elsewhere(documents, pointer) => Err(Cause::Unreadable("permissions elsewhere")),
        None if documents.says_null(pointer) => Ok(None),
        // In an answer that was requested, the list is missing; an absent claim is an empty list.
        None if documents.get(Document::Permissions).is_some()
            && matches!(pointer.document, None | Some(Document::Permissions)) =>
        {
            Err(UNREADABLE)
        }
        None => Ok(None),
    }
}

/// Adds the permissions of one list.
fn add(all: &mut Vec<Permission>, mapping: &Mapping, list: &Value) -> Result<(), Cause> {
    let items = match list {
        Value::Array(items) => items.as_slice(),
        one => std::slice::from_ref(one),
    };
    for item in items {
        match item {
            Value::Null => {}
            Value::String(text) => {
                for name in separated(mapping, text) {
                    all.push(named(name).ok_or(UNREADABLE)?);
                }
            }
            // Only a text stands for a list of one.
            item if list.is_array() => all.push(permission(mapping, item).ok_or(UNREADABLE)?),
            _ => return Err(UNREADABLE),
        }
        if all.len() > permissions::MAX_COUNT {
            return Err(Cause::Unreadable("too many permissions"));
        }
    }
    Ok(())
}

/// True if the answer says that a claim is at another address.
fn is_elsewhere(documents: &Documents, pointer: &Pointer) -> bool {
    let first = pointer.path.split('/').nth(1).unwrap_or_default();
    documents.iter().any(|(_, value)| {
        value
            .get("_claim_names")
            .and_then(|names| names.get(first))
            .is_some()
    })
}

/// The permission under our name; `None` if it is dropped.
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

/// The names in a text, split at the separator and trimmed; without a separator, the text as it is.
/// Empty names are left out.
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
    let is_fit = name.chars().count() <= permissions::MAX_NAME && !name.chars().any(is_forbidden);
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::{at, documents, mapping};
    use super::*;

    /// The names that are read, or `Err` if they are unreadable.
    type Names = Result<Vec<&'static str>, ()>;

    #[track_caller]
    fn assert_names(mapping: &Mapping, documents: &Documents, expected: &Names, case: &str) {
        let read = given(mapping, documents);
        let names = match &read {
            Ok(all) => Ok(all.iter().map(|one| one.name.as_str()).collect()),
            Err(_) => Err(()),
        };
        assert_eq!(names, *expected, "{case}");
    }

    fn of_groups() -> Mapping {
        Mapping {
            permissions: vec![at("/groups")],
            ..mapping()
        }
    }

    #[test]
    fn permissions_are_read_in_three_shapes_and_a_garbled_set_is_refused_whole() {
        let two = || Ok(vec!["a.b", "c.d"]);
        let objects = json!([{"codename": "c.d", "name": "See"}, {"codename": "a.b"}]);
        for (answer, expected) in [
            (json!(["c.d", "a.b", "a.b"]), two()),
            (objects.clone(), two()),
            (json!({"permissions": ["a.b", "c.d"]}), two()),
            (json!({ "permissions": objects }), two()),
            (json!([]), Ok(vec![])),
            (json!({"permissions": []}), Ok(vec![])),
            (json!({}), Err(())),
            (json!({"permissions": {"a": 1}}), Err(())),
            (json!(["a.b", {"name": "no codename"}]), Err(())),
            (json!(["x".repeat(256)]), Err(())),
            (json!(vec!["p"; 2001]), Err(())),
        ] {
            let documents = documents(Document::Permissions, &answer);
            assert_names(&mapping(), &documents, &expected, &answer.to_string());
        }
    }

    /// Values of a member, and the names that are read from each.
    fn shapes() -> Vec<(Value, Names)> {
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

    #[test]
    fn each_shape_of_a_set_is_a_list_or_none_or_unreadable() {
        for (value, expected) in shapes() {
            let case = value.to_string();
            let member = documents(Document::Permissions, &json!({"permissions": value}));
            assert_names(&mapping(), &member, &expected, &case);
            if !value.is_object() {
                let answer = documents(Document::Permissions, &value);
                assert_names(&mapping(), &answer, &expected, &case);
            }
            for document in Document::ALL {
                let claims = documents(document, &json!({"groups": value}));
                assert_names(&of_groups(), &claims, &expected, &case);
            }
        }
        for document in Document::ALL {
            let expected = match document {
                Document::Permissions => Err(()),
                _ => Ok(vec![]),
            };
            let absent = documents(document, &json!({}));
            assert_names(&of_groups(), &absent, &expected, "absent");
        }
    }

    #[test]
    fn a_null_gives_way_to_another_answer_s_list() {
        let mut both = documents(Document::IdToken, &json!({"groups": null}));
        both.set(Document::Userinfo, json!({"groups": "staff"}));
        assert_names(&of_groups(), &both, &Ok(vec!["staff"]), "both");
    }

    #[test]
    fn a_separator_parts_each_text() {
        let many = json!(vec!["p"; 2001].join(","));
        for (separator, value, expected) in [
            (",", json!("a,b"), Ok(vec!["a", "b"])),
            (",", json!(" a , b ,, a,"), Ok(vec!["a", "b"])),
            (",", json!("a"), Ok(vec!["a"])),
            (",", json!(",,"), Ok(vec![])),
            (",", json!(""), Ok(vec![])),
            (",", json!(null), Ok(vec![])),
            (",", json!(["a,b", "c"]), Ok(vec!["a", "b", "c"])),
            (" ", json!("b  a"), Ok(vec!["a", "b"])),
            (";", json!("a,b"), Ok(vec!["a,b"])),
            (",", many, Err(())),
        ] {
            let mapping = Mapping {
                permissions_separator: Some(separator.to_owned()),
                ..of_groups()
            };
            let claims = documents(Document::IdToken, &json!({ "groups": value }));
            assert_names(
                &mapping,
                &claims,
                &expected,
                &format!("{separator:?} {value}"),
            );
        }
    }

    #[test]
    fn permissions_are_joined_renamed_and_dropped_by_the_table() {
        let names = [("desk-admins", "frontdesk.admin"), ("noise", "")];
        let all = Mapping {
            permissions: vec![at("/groups"), at("/realm_access/roles")],
            permission_names: names
                .map(|(one, two)| (one.to_owned(), two.to_owned()))
                .into(),
            permission_prefix: "kc.".to_owned(),
            ..mapping()
        };
        let only_named = Mapping {
            only_named_permissions: true,
            ..all.clone()
        };
        let claims =
            json!({"groups": ["desk-admins", "noise", "b"], "realm_access": {"roles": ["a", "b"]}});
        let elsewhere = json!({"_claim_names": {"groups": "src1"}});
        for (mapping, claims, expected, case) in [
            (
                &all,
                &claims,
                Ok(vec!["frontdesk.admin", "kc.a", "kc.b"]),
                "all",
            ),
            (
                &only_named,
                &claims,
                Ok(vec!["frontdesk.admin"]),
                "only named ones",
            ),
            (&all, &json!({}), Ok(vec![]), "an absent claim is empty"),
            (&all, &json!({"groups": {"all": true}}), Err(()), "garbled"),
            (&all, &elsewhere, Err(()), "too many for the token"),
        ] {
            let documents = documents(Document::IdToken, claims);
            assert_names(mapping, &documents, &expected, case);
        }
    }
}
