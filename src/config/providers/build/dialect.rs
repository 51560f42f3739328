//! How the provider departs from RFC 6749.

use super::Builder;
use crate::config::providers::{Dialect, Pointer, TokenRequest};

impl Builder<'_, '_> {
    pub(super) fn dialect(&mut self) -> Dialect {
        let raw = std::mem::take(&mut self.raw.dialect);
        let is_in_header = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if let Some(header) = &raw.token_header
            && (header.is_empty() || !header.bytes().all(is_in_header))
        {
            self.fault("dialect.token_header", "must be the name of a header");
        }
        let token_request = self.parsed("dialect.token_request", raw.token_request);
        let details_url = self.parsed("dialect.details_url", raw.details_url);
        let mut path = |key: &str, text: Option<String>| {
            let pointer: Option<Pointer> = self.parsed(&format!("dialect.{key}"), text);
            pointer.map(|pointer| pointer.path)
        };
        let ok_value = raw.ok_value.and_then(json).unwrap_or_else(|| 0.into());
        Dialect {
            authorize_params: raw.authorize_params,
            authorize_extra: raw.authorize_extra,
            callback_code: or(raw.callback_code, "code"),
            token_request: token_request.unwrap_or(TokenRequest::Form),
            token_params: raw.token_params,
            token_extra: raw.token_extra,
            token_envelope: path("token_envelope", raw.token_envelope),
            profile_envelope: path("profile_envelope", raw.profile_envelope),
            ok: path("ok_member", raw.ok_member).map(|member| (member, ok_value)),
            access_token: or(path("access_token", raw.access_token), "/access_token"),
            refresh_token: or(path("refresh_token", raw.refresh_token), "/refresh_token"),
            expires_in: or(path("expires_in", raw.expires_in), "/expires_in"),
            needs_token_type: raw.token_type.unwrap_or(true),
            token_header: raw.token_header,
            profile_query: raw.profile_query,
            details_url,
            details_query: raw.details_query,
            details_pick: path("details_pick", raw.details_pick),
            error_member: or(path("error_member", raw.error_member), "/error"),
            refused_values: raw.refused_values.into_iter().filter_map(json).collect(),
        }
    }
}

fn or(given: Option<String>, usual: &str) -> String {
    given.unwrap_or_else(|| usual.to_owned())
}

fn json(value: toml::Value) -> Option<serde_json::Value> {
    serde_json::to_value(value).ok()
}
