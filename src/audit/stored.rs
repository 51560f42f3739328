//! How a row stores an event: a kind, a reason, and the JSON of its `details`. Rows of every
//! earlier version must stay readable, so members are added and never renamed.

use serde_json::{Map, Value, json};

use super::event::{Event, EventKind, SignInWay};
use super::{Note, Record};
use crate::error::{Error, Result};
use crate::reason::Reason;
use crate::users::Field;

/// The most permission names that a row keeps.
const MAX_NAMES: usize = 50;

/// The JSON of a row's details. Members without a value are left out.
pub(super) type Details = Map<String, Value>;

/// Returns the reason and the details with which a row stores an event.
pub(super) fn encode(event: &Event, note: &Note) -> Result<(Option<Reason>, Details)> {
    let value = serde_json::to_value(event)
        .map_err(|error| Error::Internal(format!("audit details: {error}")))?;
    let Value::Object(mut details) = value else {
        return Err(Error::Internal("audit details: no object".to_owned()));
    };
    // These are columns.
    for column in ["kind", "reason"] {
        details.remove(column);
    }
    details.insert("note".to_owned(), note.as_str().into());
    match event {
        Event::SignedIn { .. } => {
            let by = details.remove("by");
            let is_rescue = by == Some(json!("rescue_link"));
            details.insert("rescue_link".to_owned(), is_rescue.into());
            if let Some(Value::Object(adopted)) = details.remove("adopted") {
                details.extend(adopted);
                details.insert("adopted".to_owned(), true.into());
            }
        }
        Event::SessionEnded => {
            details.insert("count".to_owned(), 1.into());
        }
        _ => {}
    }
    for member in ["permissions_added", "permissions_removed"] {
        if let Some(Value::Array(names)) = details.get_mut(member) {
            names.truncate(MAX_NAMES);
        }
    }
    details.retain(|_, value| match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => true,
    });
    Ok((event.reason(), details))
}

/// Reads the event of a row.
pub(super) fn decode(row: &Record) -> Event {
    let kind = EventKind::from_code(&row.event);
    kind.and_then(|kind| decode_known(kind, row))
        .unwrap_or(Event::Other { kind })
}

fn decode_known(kind: EventKind, row: &Record) -> Option<Event> {
    let mut members = read_details(&row.details);
    if !row.reason.is_empty() {
        let reason = Reason::from_code(&row.reason)?;
        if !is_refusal(kind) {
            return Some(Event::ActRefused { act: kind, reason });
        }
        members.insert("reason".to_owned(), reason.code().into());
    }
    if kind == EventKind::SignedIn {
        let by = serde_json::to_value(sign_in_way(row)).ok()?;
        members.insert("by".to_owned(), by);
        if members.remove("adopted") == Some(true.into()) {
            let told = ["identity", "count"].into_iter();
            let told = told.filter_map(|name| Some((name.to_owned(), members.get(name)?.clone())));
            let adopted = Value::Object(told.collect());
            members.insert("adopted".to_owned(), adopted);
        }
    }
    members.insert("kind".to_owned(), kind.code().into());
    serde_json::from_value(Value::Object(members)).ok()
}

/// Returns how the person of a sign-in's row signed in. Reads the details only if they may say so,
/// since lists ask for this alone.
pub(super) fn sign_in_way(row: &Record) -> SignInWay {
    let is_rescue = row.details.contains("rescue_link")
        && read_details(&row.details).get("rescue_link") == Some(&Value::Bool(true));
    match row.provider.as_str() {
        _ if is_rescue => SignInWay::RescueLink,
        "" => SignInWay::Password,
        _ => SignInWay::Provider,
    }
}

/// Returns whether events of this kind are refusals themselves. Any other kind with a reason is an
/// act that was refused.
const fn is_refusal(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::SignInRefused
            | EventKind::TokensRevoked
            | EventKind::PasswordChangeRefused
            | EventKind::ProofRefused
            | EventKind::MoreSignInsRefused
    )
}

/// Reads what an admin wrote with a deed.
pub(super) fn note(details: &str) -> Note {
    let note = read_details(details).remove("note");
    note.and_then(|note| serde_json::from_value(note).ok())
        .unwrap_or_default()
}

/// Reads a number of what happened more than once.
pub(super) fn count(details: &str) -> i64 {
    let count = read_details(details).remove("count");
    count.and_then(|count| count.as_i64()).unwrap_or(0)
}

fn read_details(json: &str) -> Details {
    serde_json::from_str(json).unwrap_or_default()
}

/// The members that are no personal data.
const IMPERSONAL: &[&str] = &[
    "account_created",
    "rescue_link",
    "proved_by",
    "changes",
    "permissions_added",
    "permissions_removed",
    "permissions_kept",
    "count",
    "refused_by",
    "adopted",
    "app",
    "webhook",
    "closed_because",
    "until",
];

/// Removes the texts that are personal data. What was done, and to how many, stays.
pub(super) fn without_texts(details: &str) -> String {
    let mut details = read_details(details);
    details.retain(|member, _| IMPERSONAL.contains(&member.as_str()));
    let changes = details.get_mut("changes").and_then(Value::as_array_mut);
    for change in changes.into_iter().flatten() {
        let text = |member: &str| change.get(member).and_then(Value::as_str).unwrap_or("");
        let field = text("field");
        let is_role = matches!(
            Field::from_code(field),
            Some(Field::RoleByHand | Field::RoleByPermission)
        );
        let kept = |member| if is_role { text(member) } else { "" };
        let blank = json!({"field": field, "from": kept("from"), "to": kept("to")});
        *change = blank;
    }
    Value::Object(details).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(event: &str, reason: &str, details: &str) -> Record {
        Record {
            id: 1,
            created_at: 0,
            event: event.to_owned(),
            outcome: String::new(),
            reason: reason.to_owned(),
            actor: String::new(),
            actor_id: None,
            user_id: None,
            username: String::new(),
            provider: "company".to_owned(),
            address: String::new(),
            user_agent: String::new(),
            reference: String::new(),
            details: details.to_owned(),
        }
    }

    #[test]
    fn a_reason_of_a_newer_version_leaves_the_kind_known() {
        for (event, reason, kind) in [
            ("role_changed", "too_early", Some(EventKind::RoleChanged)),
            ("proved", "", Some(EventKind::Proved)),
            ("teleported", "", None),
        ] {
            let decoded = decode(&row(event, reason, "{}"));
            assert_eq!(decoded, Event::Other { kind });
        }
    }

    #[test]
    fn a_row_without_details_has_its_event() {
        for kind in EventKind::all() {
            let reason = if kind == EventKind::SignInRefused {
                "paused"
            } else {
                ""
            };
            let needs_member = matches!(kind, EventKind::Proved | EventKind::ProofRefused);
            let event = decode(&row(kind.code(), reason, "{}"));
            assert_eq!(
                matches!(event, Event::Other { .. }),
                needs_member,
                "{kind:?}"
            );
        }
    }

    #[test]
    fn what_a_newer_version_stored_does_not_survive_erasure() {
        let details = r#"{"nickname":"Li","changes":[{"field":"email","from":"a","to":"b","was":"c"},{"field":"role_by_hand","from":"employee","to":"staff"}],"count":1}"#;
        assert_eq!(
            without_texts(details),
            r#"{"changes":[{"field":"email","from":"","to":""},{"field":"role_by_hand","from":"employee","to":"staff"}],"count":1}"#
        );
    }

    #[test]
    fn what_earlier_versions_stored_would_be_stored_so_today() {
        let rows = include_str!("../../tests/it/fixtures/audit_events.jsonl").lines();
        for line in rows {
            let stored_then: Value = serde_json::from_str(line).expect("a row");
            let text = |column: &str| stored_then[column].as_str().unwrap_or_default();
            let row = Record {
                provider: text("provider").to_owned(),
                ..row(text("event"), text("reason"), text("details"))
            };
            let (reason, details) = encode(&decode(&row), &note(&row.details)).expect("an object");
            assert_eq!(reason.map_or("", Reason::code), row.reason, "{line}");
            assert_eq!(details, read_details(&row.details), "{line}");
        }
    }

    #[test]
    fn a_first_sign_in_to_an_imported_account_is_told_after_its_person_is_erased() {
        let details = r#"{"adopted":true,"identity":["company","42"],"count":2}"#;
        let event = decode(&row("signed_in", "", &without_texts(details)));
        let Event::SignedIn { adopted, .. } = event else {
            panic!("{event:?}");
        };
        assert_eq!(adopted.map(|adopted| adopted.sessions_ended), Some(2));
    }
}
