//! What the pages about apps say: names of icons and colours, and what is wrong with a form.

use crate::admin::apps::AppRefusal;
use crate::apps::check::Fault;
use crate::apps::images::ImageFault;
use crate::apps::rule::MAX_NAMES;
use crate::apps::{self, AppField, MAX_KEY, owners};
use crate::i18n::messages::Messages;
use crate::permissions::MAX_NAME;

/// The colours in their order: number, class and name.
pub fn tints(t: &'static Messages) -> [(i64, &'static str, &'static str); 6] {
    [
        (1, "t1", t.tint_ink),
        (2, "t2", t.tint_jade),
        (3, "t3", t.tint_plum),
        (4, "t4", t.tint_amber),
        (5, "t5", t.tint_brick),
        (6, "t6", t.tint_slate),
    ]
}

/// Something that is wrong with a form: the id of the field, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub field: &'static str,
    pub text: String,
}

impl Problem {
    pub fn new(field: &'static str, text: impl Into<String>) -> Self {
        Self {
            field,
            text: text.into(),
        }
    }
}

/// Says what is wrong with each field.
pub fn problems(t: &'static Messages, refusals: &[AppRefusal]) -> Vec<Problem> {
    let mut all = Vec::new();
    for refusal in refusals {
        match refusal {
            AppRefusal::Faults(faults) => {
                let said = faults
                    .iter()
                    .map(|(field, fault)| of_field(t, *field, *fault));
                all.extend(said);
            }
            other => all.push(of_refusal(t, other)),
        }
    }
    all
}

pub fn of_field(t: &'static Messages, field: AppField, fault: Fault) -> Problem {
    let text = match fault {
        Fault::NoName => t.fault_no_name.to_owned(),
        Fault::TooLong(longest) => t.fault_too_long.with(longest),
        Fault::ForbiddenCharacter if field == AppField::Url => t.fault_url_character.to_owned(),
        Fault::ForbiddenCharacter => t.fault_character.to_owned(),
        Fault::NoUrl => t.fault_no_url.to_owned(),
        Fault::NotHttp => t.fault_not_http.to_owned(),
        Fault::UrlWithPassword => t.fault_url_password.to_owned(),
        Fault::NoSuchTint => t.fault_tint.to_owned(),
        Fault::NoPermission => t.fault_no_permission.to_owned(),
        Fault::TooManyPermissions => t.fault_many_permissions.with(MAX_NAMES),
        Fault::BadPermission => t.fault_permission.with(MAX_NAME),
    };
    Problem::new(field.code(), text)
}

fn of_refusal(t: &'static Messages, refusal: &AppRefusal) -> Problem {
    let of = |field, text: &str| Problem::new(field, text);
    match refusal {
        AppRefusal::BadKey => Problem::new("key", t.fault_key.with(MAX_KEY)),
        AppRefusal::KeyTaken => of("key", t.fault_key_taken),
        AppRefusal::TooManyApps => Problem::new("key", t.fault_many_apps.with(apps::MAX_APPS)),
        AppRefusal::UnknownCategory => of("category", t.fault_category),
        AppRefusal::UnknownOwner(username) => Problem::new("owners", t.fault_owner.with(username)),
        AppRefusal::TooManyOwners => {
            Problem::new("owners", t.fault_many_owners.with(owners::MAX_OWNERS))
        }
        AppRefusal::UnknownImage => of("file", t.fault_image_gone),
        AppRefusal::BadImage(fault) => of("file", image_fault_in_words(t, *fault)),
        AppRefusal::TooManyCategories => Problem::new(
            "name_en",
            t.fault_many_categories.with(apps::MAX_CATEGORIES),
        ),
        AppRefusal::BadCategory(field, fault) => of_field(t, *field, *fault),
        AppRefusal::ChangedMeanwhile => of("what", t.fault_meanwhile),
        AppRefusal::UnknownApp | AppRefusal::Unchanged | AppRefusal::Faults(_) => {
            of("what", t.fault_unchanged)
        }
    }
}

pub const fn image_fault_in_words(t: &'static Messages, fault: ImageFault) -> &'static str {
    let t = &t.admin.apps;
    match fault {
        ImageFault::Missing => t.image_missing,
        ImageFault::TooManyBytes => t.image_too_large,
        ImageFault::Svg => t.image_svg,
        ImageFault::OtherKind => t.image_other_kind,
        ImageFault::Moving => t.image_moving,
        ImageFault::TooManyPixels => t.image_too_wide,
        ImageFault::Damaged => t.image_damaged,
        ImageFault::MoreAfterEnd => t.image_more_after_end,
    }
}

/// The notice that a page shows once after an act, by its code in the cookie.
pub fn notice(t: &'static Messages, code: &str) -> Option<&'static str> {
    Some(match code {
        APP_ADDED => t.done_app_added,
        APP_SAVED => t.done_app_saved,
        APP_UNCHANGED => t.done_app_unchanged,
        APP_REMOVED => t.done_app_removed,
        ICON_SAVED => t.done_icon_saved,
        ICON_REMOVED => t.done_icon_removed,
        CATEGORY_ADDED => t.done_category_added,
        CATEGORY_RENAMED => t.done_category_renamed,
        CATEGORY_REMOVED => t.done_category_removed,
        _ => return None,
    })
}

pub const APP_ADDED: &str = "app_added";
pub const APP_SAVED: &str = "app_saved";
pub const APP_UNCHANGED: &str = "app_unchanged";
pub const APP_REMOVED: &str = "app_removed";
pub const ICON_SAVED: &str = "icon_saved";
pub const ICON_REMOVED: &str = "icon_removed";
pub const CATEGORY_ADDED: &str = "category_added";
pub const CATEGORY_RENAMED: &str = "category_renamed";
pub const CATEGORY_REMOVED: &str = "category_removed";
