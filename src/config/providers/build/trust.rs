//! The matters in which the provider's word counts, and how often it is asked.

use jsonwebtoken::Algorithm;

use super::{Builder, default_text, default_value};
use crate::config::providers::read::HowMany;
use crate::config::providers::{Recheck, SettingsSource, VouchesFor};
use crate::config::values::duration;
use crate::secret::Secret;

/// The most people that one instance re-checks per second.
const MAX_RECHECK_RATE: u32 = 10_000;

/// The algorithms accepted for an ID token by default.
const USUAL: &[Algorithm] = &[
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];
const SYMMETRIC: &[Algorithm] = &[Algorithm::HS256, Algorithm::HS384, Algorithm::HS512];

impl Builder<'_, '_> {
    pub(super) fn recheck(&mut self) -> Option<Recheck> {
        let text = self.raw.recheck.take().filter(|text| !text.is_empty());
        let every = self.parsed_as(
            "recheck",
            text.or_else(|| default_text("recheck").map(str::to_owned)),
            "off, or a duration, like 30s, 5m or 1h (at least 1s)",
            |text| match text {
                "off" => Some(None),
                text => duration(text, 1).map(Some),
            },
        );
        let rate = self.raw.recheck_rate;
        let rate = rate.or_else(|| default_value("recheck_rate"));
        if rate.is_none_or(|rate| !(1..=MAX_RECHECK_RATE).contains(&rate)) {
            self.fault(
                "recheck_rate",
                format!("must be a number from 1 to {MAX_RECHECK_RATE}"),
            );
        }
        let text = self.raw.recheck_with.take();
        let asks_profile =
            self.parsed_as(
                "recheck_with",
                text,
                "refresh or profile",
                |text| match text {
                    "refresh" => Some(false),
                    "profile" => Some(true),
                    _ => None,
                },
            );
        Some(Recheck {
            every: every??,
            rate: rate?,
            // A provider without OpenID Connect rarely refuses a refresh.
            asks_profile: asks_profile.unwrap_or(!self.is_open_id()),
        })
    }

    /// Returns everything if this is the only provider. With several, each must say it.
    pub(super) fn vouches_for(&mut self) -> Option<VouchesFor> {
        const KEY: &str = "vouches_for";
        let Some(words) = self.raw.vouches_for.take() else {
            if self.count == HowMany::One {
                return Some(VouchesFor::ALL);
            }
            let all = VouchesFor::WORDS;
            let line = match self.source {
                SettingsSource::Variables => format!("OAUTH2_VOUCHES_FOR={}", all.join(",")),
                SettingsSource::File(_) => format!("vouches_for = {all:?}"),
            };
            let problem = format!(
                "is required, since there are several providers; write: {line} (or only some of these; [] for nothing)"
            );
            return self.refuse(KEY, problem);
        };
        let found = VouchesFor::of(words.iter().map(String::as_str));
        found.or_else(|| {
            let all = VouchesFor::WORDS.join(", ");
            self.refuse(KEY, format!("may contain {all}; [] for nothing"))
        })
    }

    /// Returns the algorithms. Symmetric ones count only if they are named, and only with a long
    /// enough secret.
    pub(super) fn algorithms(&mut self, secret: Option<&Secret<String>>) -> Vec<Algorithm> {
        const KEY: &str = "id_token_algorithms";
        let Some(names) = self.raw.id_token_algorithms.take() else {
            return USUAL.to_vec();
        };
        let mut algorithms = Vec::new();
        for name in names {
            match name.parse::<Algorithm>() {
                Ok(algorithm) => algorithms.push(algorithm),
                Err(_) => self.fault(
                    KEY,
                    "may contain RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA, HS256, HS384 and HS512",
                ),
            }
        }
        let is_symmetric = algorithms.iter().any(|one| SYMMETRIC.contains(one));
        if is_symmetric && secret.is_none_or(|secret| secret.expose().len() < 32) {
            self.fault(
                KEY,
                "may contain HS256, HS384 and HS512 only with a client secret of at least 32 bytes",
            );
        }
        algorithms
    }
}
