//! An event of the trail in the reader's words.

use crate::audit::Event;
use crate::users::Role;
use crate::web::device::Device;
use crate::web::page::Page;

/// One event, ready to be shown.
pub struct Happening {
    pub event: Event,
    pub title: &'static str,
    pub icon: &'static str,
    pub tint: &'static str,
    pub notes: Vec<String>,
    pub device: Device,
}

impl Happening {
    pub fn of(event: Event, page: &Page<'_>) -> Self {
        let t = page.t;
        let details = event.details();
        let (title, icon, tint) = match event.event.as_str() {
            "signed_in" if details.account_created => (t.event_account_created, "user", "t1"),
            "signed_in" => (t.event_signed_in, "check", "t2"),
            "sign_in_refused" => (t.event_sign_in_refused, "alert", "t5"),
            "signed_out" => (t.event_signed_out, "out", "t6"),
            "user_switched" => (t.event_user_switched, "out", "t6"),
            "session_ended" => (t.event_session_ended, "out", "t6"),
            "other_sessions_ended" => (t.event_sessions_ended, "out", "t6"),
            "role_changed" => (t.event_role_changed, "key", "t4"),
            "superuser_created" => (t.event_superuser_created, "user", "t1"),
            "password_changed" => (t.event_password_changed, "key", "t4"),
            "password_change_refused" => (t.event_password_change_refused, "alert", "t5"),
            "rescue_link_made" => (t.event_rescue_link_made, "key", "t4"),
            "more_sign_ins_refused" => (t.event_more_refused, "alert", "t5"),
            _ => (t.event_other, "clock", "t6"),
        };
        let mut notes: Vec<String> = Vec::new();
        if !event.reason.is_empty() {
            notes.push(reason(page, &event.reason).to_owned());
        }
        if details.rescue_link {
            notes.push(t.by_rescue_link.to_owned());
        }
        if let Some(count) = details.count {
            let [before, after] = if event.event == "more_sign_ins_refused" {
                t.sign_ins_counted
            } else {
                t.sessions_counted
            };
            notes.push(format!("{before}{count}{after}"));
        }
        for change in &details.changes {
            let [before, from, to] = t.changed_from_to;
            let (field, old, new) = match change.field.as_str() {
                "email" => (t.email, change.from.as_str(), change.to.as_str()),
                "first_name" => (t.name, change.from.as_str(), change.to.as_str()),
                "username" => (t.username, change.from.as_str(), change.to.as_str()),
                _ => (
                    t.role,
                    role_word(page, &change.from),
                    role_word(page, &change.to),
                ),
            };
            let [old, new] = [old, new].map(|text| if text.is_empty() { "—" } else { text });
            notes.push(format!("{before}{field}{from}{old}{to}{new}"));
        }
        for (sign, names) in [
            ("+", &details.permissions_added),
            ("−", &details.permissions_removed),
        ] {
            if !names.is_empty() {
                notes.push(format!("{sign} {}", names.join(", ")));
            }
        }
        if details.permissions_kept.is_some() {
            notes.push(t.permissions_kept.to_owned());
        }
        Self {
            title,
            icon,
            tint,
            notes,
            device: Device::of(&event.user_agent, page.lang),
            event,
        }
    }
}

fn role_word<'a>(page: &Page<'_>, code: &'a str) -> &'a str {
    [Role::Employee, Role::Staff, Role::Superuser]
        .into_iter()
        .find(|role| role.code() == code)
        .map_or(code, |role| page.role_name(role))
}

/// Why it was refused, in words; a code that has none stands for itself.
pub fn reason<'a>(page: &Page<'_>, code: &'a str) -> &'a str {
    let t = page.t;
    match code {
        "inactive" => t.reason_inactive,
        "name_taken" => t.reason_name_taken,
        "wrong_password" => t.reason_wrong_password,
        "unknown_user" => t.reason_unknown_user,
        "no_password" => t.reason_no_password,
        "not_allowed" => t.reason_not_allowed,
        "impossible" => t.reason_impossible,
        "link_expired" => t.link_expired_heading,
        "paused" => t.reason_paused,
        "more" => t.reason_more,
        "unknown_attempt" => t.outcome_unknown_attempt,
        "restart_loop" => t.outcome_restart_loop,
        "bad_callback" => t.outcome_bad_callback,
        "declined" => t.outcome_declined,
        "code_refused" => t.outcome_code_refused,
        "provider_error" => t.outcome_provider_error,
        "client_refused" => t.outcome_client_refused,
        "refused" => t.outcome_refused,
        "unreachable" => t.outcome_unreachable,
        "too_slow" => t.outcome_too_slow,
        "unreadable" => t.outcome_unreadable,
        "bad_profile" => t.outcome_bad_profile,
        "overloaded" => t.outcome_overloaded,
        "database_unavailable" => t.outcome_database,
        other => other,
    }
}
