//! What is wrong with a hook, in words, and what to do about it.

use super::verdict::{Trouble, TroubleKind};
use crate::i18n::Lang;

impl Trouble {
    /// Says what is wrong and what to do about it, with the receiver's number.
    pub fn in_words(self, lang: Lang) -> String {
        let t = &lang.messages().hooks;
        let words = match self.kind {
            TroubleKind::UrlFile => t.trouble_url_file,
            TroubleKind::SecretFile => t.trouble_secret_file,
            TroubleKind::BadUrl => t.trouble_bad_url,
            TroubleKind::NotHttps => t.trouble_not_https,
            TroubleKind::PrivateAddress => t.trouble_private_address,
            TroubleKind::NoSuchHost => t.trouble_no_such_host,
            TroubleKind::Tls => t.trouble_tls,
            TroubleKind::Redirect => t.trouble_redirect,
            TroubleKind::NotThere => t.trouble_not_there,
            TroubleKind::Signature => t.trouble_signature,
            TroubleKind::Clock => t.trouble_clock,
            TroubleKind::Keyword => t.trouble_keyword,
            TroubleKind::OurAddress => t.trouble_our_address,
            TroubleKind::RobotSettings => t.trouble_robot_settings,
            TroubleKind::Unreachable => t.trouble_unreachable,
            TroubleKind::TimedOut => t.trouble_timed_out,
            TroubleKind::TooOften => t.trouble_too_often,
            TroubleKind::Busy => t.trouble_busy,
            TroubleKind::ServerError => t.trouble_server_error,
            TroubleKind::Unreadable => t.trouble_unreadable,
            TroubleKind::UnknownCode => t.trouble_unknown_code,
            TroubleKind::UnknownStatus => t.trouble_unknown_status,
            TroubleKind::BadMessage => t.trouble_bad_message,
        };
        match self.detail {
            Some(detail) => format!("{words}{}", lang.messages().in_brackets.with(detail)),
            None => words.to_owned(),
        }
    }
}
