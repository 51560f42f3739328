//! What the account page says when an act leads back to it. A cookie carries it there.

use actix_web::HttpResponse;
use strum::{EnumString, IntoStaticStr};

use super::redirect::see_other_with;
use crate::coded::coded;
use crate::error::Result;
use crate::i18n::messages::Messages;
use crate::portal::Portal;

#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum AccountNotice {
    SessionEnded,
    SessionsEnded,
    PasswordChanged,
    ConfirmationSet,
    IdentityLinked,
    /// The link that adds a provider was followed too late.
    LinkTooOld,
}

coded!(AccountNotice);

impl AccountNotice {
    pub const fn in_words(self, t: &'static Messages) -> &'static str {
        match self {
            Self::SessionEnded => t.session_ended,
            Self::SessionsEnded => t.sessions_ended,
            Self::PasswordChanged => t.password_changed,
            Self::ConfirmationSet => t.confirmation_set,
            Self::IdentityLinked => t.identity_linked,
            Self::LinkTooOld => t.link_too_old,
        }
    }
}

pub fn back_to_account(portal: &Portal, notice: AccountNotice) -> Result<HttpResponse> {
    see_other_with(notice.code(), "/account", portal)
}
