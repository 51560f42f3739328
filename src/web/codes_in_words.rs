//! Codes, in words.

use super::page::Page;
use crate::apps::{AppField, Audience, Decision, Icon, OpenBy, WhyNot};
use crate::audit::event::ClosedBecause;
use crate::error::{Admission, Step};
use crate::i18n::messages::Messages;
use crate::reason::Reason;

pub const fn step_in_words(t: &'static Messages, step: Step) -> &'static str {
    match step {
        Step::Discovery => t.step_discovery,
        Step::PushedRequest => t.step_pushed_request,
        Step::Callback => t.step_callback,
        Step::TokenCall => t.step_token,
        Step::IdToken => t.step_id_token,
        Step::Userinfo | Step::ProfileCall => t.step_profile,
        Step::PermissionsCall => t.step_permissions,
        Step::Account => t.step_account,
    }
}

/// The rule of a provider that keeps someone out, in words.
pub const fn admission_in_words(t: &'static Messages, why: Admission) -> &'static str {
    match why {
        Admission::EmailDomain => t.not_admitted_domain,
        Admission::EmailNotVerified => t.not_admitted_not_verified,
        Admission::Permission => t.not_admitted_permission,
        Admission::Value => t.not_admitted_value,
    }
}

pub fn reason_in_words(t: &'static Messages, reason: Reason) -> &'static str {
    match reason {
        Reason::UnknownAttempt => t.outcome_unknown_attempt,
        Reason::RestartLoop => t.outcome_restart_loop,
        Reason::BadCallback => t.outcome_bad_callback,
        Reason::Declined => t.outcome_declined,
        Reason::CodeRefused => t.outcome_code_refused,
        Reason::NameTaken => t.reason_name_taken,
        Reason::NameReserved => t.outcome_name_reserved,
        Reason::WrongIssuer => t.outcome_wrong_issuer,
        Reason::NotAdmitted => t.outcome_not_admitted,
        Reason::IdentityTaken => t.outcome_identity_taken,
        Reason::KeptOut => t.outcome_kept_out,
        Reason::NotLinkable => t.outcome_not_linkable,
        Reason::WrongPassword => t.reason_wrong_password,
        Reason::UnknownUser => t.reason_unknown_user,
        Reason::NoPassword | Reason::NoLocalPassword => t.reason_no_password,
        Reason::NotAllowed => t.reason_not_allowed,
        Reason::Impossible => t.reason_impossible,
        Reason::Paused => t.reason_paused,
        Reason::LinkExpired => t.reason_link_expired,
        Reason::More => t.reason_more,
        Reason::ProviderError | Reason::NotOk => t.outcome_provider_error,
        Reason::ClientRefused => t.outcome_client_refused,
        Reason::UnexpectedStatus | Reason::TokenRefused => t.outcome_refused,
        Reason::SignedOutThere => t.outcome_signed_out_there,
        Reason::Unreachable => t.outcome_unreachable,
        Reason::TooSlow => t.outcome_too_slow,
        Reason::Unreadable => t.outcome_unreadable,
        Reason::BadProfile => t.outcome_bad_profile,
        Reason::BadMetadata => t.outcome_bad_metadata,
        Reason::BadToken => t.outcome_bad_token,
        Reason::Clock => t.outcome_clock,
        Reason::Internal => t.reason_internal,
        Reason::Overloaded => t.outcome_overloaded,
        Reason::DatabaseUnavailable => t.outcome_database,
        Reason::Inactive => t.reason_inactive,
        Reason::LastSuperuser => t.reason_last_superuser,
        Reason::Yourself => t.reason_yourself,
        Reason::StillActive => t.reason_still_active,
        Reason::Erased => t.reason_erased,
        // The rest have no events; only forms say them.
        Reason::UsernameTaken => t.refused_username_taken,
        Reason::BadUsername => t.refused_bad_username,
        Reason::ReservedUsername => t.refused_reserved_username,
        Reason::BadFirstName => t.refused_bad_first_name,
        Reason::BadEmail => t.refused_bad_email,
        Reason::BadName => t.refused_bad_name,
        Reason::Unchanged => t.refused_unchanged,
        Reason::NotRefused => t.refused_not_refused,
        Reason::NoReason => t.refused_no_reason,
    }
}

pub fn closed_because_in_words(t: &'static Messages, because: ClosedBecause) -> &'static str {
    match because {
        ClosedBecause::Deactivated => t.closed_because_deactivated,
        ClosedBecause::AppRemoved => t.closed_because_app_removed,
        ClosedBecause::NotRequestable => t.closed_because_not_requestable,
        ClosedBecause::OpenAnyway => t.closed_because_open_anyway,
    }
}

pub fn app_field_in_words(t: &'static Messages, field: AppField) -> &'static str {
    match field {
        AppField::NameEn => t.app_name_en,
        AppField::NameZh => t.app_name_zh,
        AppField::DescriptionEn => t.app_description_en,
        AppField::DescriptionZh => t.app_description_zh,
        AppField::Url => t.app_url,
        AppField::Category => t.app_category,
        AppField::Position => t.app_position,
        AppField::Icon => t.app_icon,
        AppField::Image => t.app_image,
        AppField::Tint => t.app_tint,
        AppField::Audience => t.app_audience,
        AppField::AnyOf => t.app_any_of,
        AppField::ButNot => t.app_but_not,
        AppField::IsHidden => t.app_is_hidden,
        AppField::IsRequestable => t.app_is_requestable,
        AppField::Keywords => t.app_keywords,
        AppField::Note => t.app_note,
    }
}

/// A value of an app's field, where it is a code.
pub fn app_value_in_words<'a>(t: &'static Messages, field: AppField, value: &'a str) -> &'a str {
    match field {
        _ if value.is_empty() => "—",
        AppField::Audience => match Audience::from_code(value) {
            Some(Audience::Nobody) => t.audience_nobody_long,
            Some(Audience::Everyone) => t.audience_everyone_long,
            Some(Audience::AnyOf) => t.audience_any_of,
            None => value,
        },
        AppField::IsHidden | AppField::IsRequestable => match value {
            "true" => t.yes,
            "false" => t.no,
            other => other,
        },
        AppField::Icon => Icon::from_code(value).map_or(value, |icon| icon_in_words(t, icon)),
        _ => value,
    }
}

pub const fn icon_in_words(t: &'static Messages, icon: Icon) -> &'static str {
    let t = &t.admin.apps;
    match icon {
        Icon::Tag => t.icon_tag,
        Icon::Wallet => t.icon_wallet,
        Icon::Calendar => t.icon_calendar,
        Icon::Mail => t.icon_mail,
        Icon::Chat => t.icon_chat,
        Icon::Chart => t.icon_chart,
        Icon::Book => t.icon_book,
        Icon::Code => t.icon_code,
        Icon::Server => t.icon_server,
        Icon::Box => t.icon_box,
        Icon::Cart => t.icon_cart,
        Icon::Plane => t.icon_plane,
        Icon::Ticket => t.icon_ticket,
        Icon::Clock => t.icon_clock,
        Icon::Help => t.icon_help,
        Icon::File => t.icon_file,
        Icon::Database => t.icon_database,
        Icon::Building => t.icon_building,
        Icon::Users => t.icon_users,
        Icon::Globe => t.icon_globe,
        Icon::Shield => t.icon_shield,
        Icon::Key => t.icon_key,
    }
}

/// How an app opens to a person, or the first reason why not.
pub fn decision_in_words(page: &Page<'_>, decision: &Decision) -> String {
    let t = page.t;
    match decision {
        Decision::Open(OpenBy::Everyone) => t.why_everyone.to_owned(),
        Decision::Open(OpenBy::Permission(name)) => t.why_permission.with(name),
        Decision::Open(OpenBy::Grant(grant)) => match grant.expires_at {
            None => t.why_granted.to_owned(),
            Some(end) => t.why_granted_until.with(page.date_time(end)),
        },
        Decision::Closed(why) => why_not_in_words(t, why),
    }
}

pub fn why_not_in_words(t: &'static Messages, why: &WhyNot) -> String {
    match why {
        WhyNot::Deactivated => t.closed_by_deactivation.to_owned(),
        WhyNot::ButNot(name) => t.closed_by_but_not.with(name),
        WhyNot::Unread => t.closed_by_unread.to_owned(),
        WhyNot::Nobody => t.closed_for_everyone.to_owned(),
        WhyNot::NoPermission => t.closed_without_permission.to_owned(),
    }
}
