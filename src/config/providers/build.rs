//! From a description to a provider's settings. Nothing of it is believed before it was looked at;
//! every fault is named by its key.

use std::time::Duration;

use jsonwebtoken::{Algorithm, EncodingKey};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use url::Url;

use super::read::Raw;
use super::{
    Addresses, Admission, AssertionAudience, ClientAuth, Dialect, Mapping, Pointer, ProvesBy,
    ProviderSettings, Recheck, Rule, SigningKey, Source, TokenRequest, VouchesFor,
};
use crate::branding::{self, Twin};
use crate::config::{HTTP_ADDRESS, Reader, http_url, seconds};
use crate::secret::{Secret, sha256};
use crate::text::is_refused;

/// How often people who are signed in are looked up again, unless it is set.
const RECHECK: Duration = Duration::from_secs(300);
/// Re-checks a second, unless it is set.
const RECHECK_RATE: u32 = 100;
/// People whom one instance re-checks a second, at most.
const MAX_RECHECK_RATE: u32 = 10_000;

/// One description and where its faults go.
pub(super) struct Builder<'a, 'b> {
    reader: &'a mut Reader<'b>,
    source: Source,
    raw: Raw,
    /// There is no other provider.
    is_alone: bool,
}

impl<'a, 'b> Builder<'a, 'b> {
    pub(super) const fn new(
        reader: &'a mut Reader<'b>,
        source: Source,
        raw: Raw,
        is_alone: bool,
    ) -> Self {
        Self {
            reader,
            source,
            raw,
            is_alone,
        }
    }

    fn fault(&mut self, key: &str, problem: impl Into<String>) {
        let name = self.source.name(key);
        self.reader.fault(&name, problem);
    }

    fn has_fault(&self, key: &str) -> bool {
        self.reader.has_fault(&self.source.name(key))
    }

    fn url(&mut self, key: &str, text: Option<String>) -> Option<Url> {
        let name = self.source.name(key);
        self.reader.parsed_text(&name, text, HTTP_ADDRESS, http_url)
    }

    fn pointer(&mut self, key: &str, text: Option<String>) -> Option<Pointer> {
        let name = self.source.name(key);
        self.reader.parsed_text(
            &name,
            text,
            "a JSON Pointer, like /profile/name",
            Pointer::parse,
        )
    }

    fn is_open_id(&self) -> bool {
        self.raw.issuer.is_some()
    }

    /// `None` when something of it has a fault.
    pub(super) fn build(
        mut self,
        id: &str,
        secret: Option<Secret<String>>,
    ) -> Option<ProviderSettings> {
        self.check_kind();
        let issuer = self.issuer();
        let client_id = self.raw.client_id.take().filter(|id| !id.is_empty());
        if client_id.is_none() {
            self.fault("client_id", "is required");
        }
        let raw = &self.raw;
        let secret_files = [&raw.client_secret_file, &raw.private_key_file];
        let secret_files = secret_files.into_iter().flatten().cloned().collect();
        let client_auth = self.client_auth();
        let signing_key = self.signing_key(client_auth);
        let has_no_secret = matches!(
            client_auth,
            Some(ClientAuth::None | ClientAuth::PrivateKeyJwt)
        );
        let is_told = self.has_fault("client_secret") || self.has_fault("client_secret_file");
        if secret.is_none() && !has_no_secret && !is_told {
            self.fault("client_secret", "is required");
        }
        let pkce = self.raw.pkce.unwrap_or(true);
        if !pkce && client_auth == Some(ClientAuth::None) {
            self.fault(
                "pkce",
                "must be on for a public client (OAUTH2_CLIENT_AUTH=none)",
            );
        }
        let redirect_url = self.redirect_url(id);
        let prefix = self.raw.internal_url_prefix.take();
        let internal_base = self.url("internal_url_prefix", prefix);
        let addresses = self.addresses(internal_base.as_ref());
        let discovery = self.raw.discovery_url.take();
        let discovery_url = self.url("discovery_url", discovery);
        let mapping = self.mapping();
        let dialect = self.dialect();
        let recheck = self.recheck();
        let proves_by = self.proves_by();
        let vouches_for = self.vouches_for();
        let algorithms = self.algorithms(secret.as_ref());
        let admission = self.admission();
        let color = self.color();
        let label = self.label();
        let ca = self.ca_file();
        let scope = self.raw.scope.take();
        let scope = if self.is_open_id() {
            let asked = scope.unwrap_or_else(|| "openid profile email".to_owned());
            if !asked.split(' ').any(|word| word == "openid") {
                self.fault("scope", "must include openid, since there is an issuer");
            }
            Some(asked)
        } else {
            scope
        };
        let (redirect_url, callback_path) = redirect_url?;
        let raw = &mut self.raw;
        Some(ProviderSettings {
            id: id.to_owned(),
            label,
            color,
            order: raw.order,
            issuer,
            discovery_url,
            internal_base,
            client_id: client_id?,
            client_secret: secret.unwrap_or_else(|| Secret::new(String::new())),
            client_auth,
            secret_files,
            signing_key,
            pkce,
            scope,
            redirect_url,
            callback_path,
            addresses: addresses?,
            asks_userinfo: raw.ask_userinfo.unwrap_or(true),
            pushes_requests: raw.use_par,
            revokes_tokens: raw.revoke_tokens.unwrap_or(true),
            prompt: raw.prompt.take(),
            acr_values: raw.acr_values.take(),
            max_age: raw.max_age.map(Duration::from_secs),
            proves_by,
            algorithms,
            trusted_audiences: std::mem::take(&mut raw.trusted_audiences),
            mapping,
            admission,
            dialect,
            recheck,
            vouches_for: vouches_for?,
            ca,
            source: self.source.clone(),
        })
    }

    fn check_kind(&mut self) {
        match self.raw.kind.as_deref() {
            Some("openid") if self.raw.issuer.is_none() => {
                self.fault("issuer", "is required");
            }
            Some("oauth2") if self.raw.issuer.is_some() => {
                self.fault("issuer", "is only for kind = \"openid\"");
            }
            Some("openid" | "oauth2") => {}
            _ => self.fault(
                "kind",
                "must be openid, oauth2, platform, feishu, lark, dingtalk, wecom, github or gitlab",
            ),
        }
    }

    /// As it was set; it is compared byte for byte.
    fn issuer(&mut self) -> Option<String> {
        let text = self.raw.issuer.clone()?;
        let url = self.url("issuer", Some(text.clone()))?;
        if url.query().is_some() || url.fragment().is_some() {
            self.fault("issuer", "must not have a query or fragment");
            return None;
        }
        Some(text)
    }

    fn client_auth(&mut self) -> Option<ClientAuth> {
        let name = self.source.name("client_auth");
        let expected = match self.source {
            Source::Variables => "post, basic or none",
            Source::File(_) => "post, basic, none or private_key_jwt",
        };
        let is_file = self.source != Source::Variables;
        let auth =
            self.reader.parsed_text(
                &name,
                self.raw.client_auth.take(),
                expected,
                |text| match text {
                    "post" => Some(ClientAuth::Post),
                    "basic" => Some(ClientAuth::Basic),
                    "none" => Some(ClientAuth::None),
                    "private_key_jwt" if is_file => Some(ClientAuth::PrivateKeyJwt),
                    _ => None,
                },
            );
        match auth {
            None if self.raw.private_key_file.is_some() => Some(ClientAuth::PrivateKeyJwt),
            // What discovery offers decides.
            None if self.is_open_id() => None,
            None => Some(ClientAuth::Post),
            some => some,
        }
    }

    fn signing_key(&mut self, auth: Option<ClientAuth>) -> Option<SigningKey> {
        let path = self.raw.private_key_file.take();
        let certificate = self.raw.certificate_file.take();
        let audience = self.raw.client_assertion_audience.take();
        if auth != Some(ClientAuth::PrivateKeyJwt) {
            for (key, is_set) in [
                ("private_key_file", path.is_some()),
                ("certificate_file", certificate.is_some()),
                ("client_assertion_audience", audience.is_some()),
            ] {
                if is_set {
                    self.fault(key, "is only for client_auth = \"private_key_jwt\"");
                }
            }
            return None;
        }
        let thumbprint = self.thumbprint(certificate);
        let audience = self.assertion_audience(audience)?;
        let Some(path) = path else {
            self.fault("private_key_file", "is required by private_key_jwt");
            return None;
        };
        let pem = match std::fs::read(&path) {
            Ok(pem) => pem,
            Err(error) => {
                self.fault(
                    "private_key_file",
                    format!("cannot be read: {path}: {error}"),
                );
                return None;
            }
        };
        let id = self.raw.private_key_id.take();
        // Those that know a key by its certificate want the newer padding.
        let of_rsa = match thumbprint {
            Some(_) => Algorithm::PS256,
            None => Algorithm::RS256,
        };
        // The library tells the kinds apart; a curve shows at its first signature.
        let candidates = [
            (EncodingKey::from_rsa_pem(&pem), of_rsa),
            (EncodingKey::from_ec_pem(&pem), Algorithm::ES256),
            (EncodingKey::from_ec_pem(&pem), Algorithm::ES384),
            (EncodingKey::from_ed_pem(&pem), Algorithm::EdDSA),
        ];
        for (key, algorithm) in candidates {
            if let Ok(key) = key
                && jsonwebtoken::crypto::sign(b"", &key, algorithm).is_ok()
            {
                return Some(SigningKey {
                    key,
                    algorithm,
                    id,
                    thumbprint,
                    audience,
                });
            }
        }
        self.fault(
            "private_key_file",
            format!("contains no RSA, EC P-256, EC P-384 or Ed25519 private key in PKCS#8: {path}"),
        );
        None
    }

    fn thumbprint(&mut self, path: Option<String>) -> Option<String> {
        let path = path?;
        let pem = match std::fs::read(&path) {
            Ok(pem) => pem,
            Err(error) => {
                let problem = format!("cannot be read: {path}: {error}");
                self.fault("certificate_file", problem);
                return None;
            }
        };
        if let Ok(certificate) = CertificateDer::from_pem_slice(&pem) {
            return Some(sha256(&certificate));
        }
        let problem = format!("contains no PEM certificate: {path}");
        self.fault("certificate_file", problem);
        None
    }

    fn assertion_audience(&mut self, text: Option<String>) -> Option<AssertionAudience> {
        let is_open_id = self.is_open_id();
        let usual = if is_open_id {
            AssertionAudience::Issuer
        } else {
            AssertionAudience::TokenEndpoint
        };
        if text.is_none() {
            return Some(usual);
        }
        let name = self.source.name("client_assertion_audience");
        let expected = if is_open_id {
            "issuer or token_endpoint"
        } else {
            "token_endpoint, since there is no issuer"
        };
        self.reader
            .parsed_text(&name, text, expected, |text| match text {
                "issuer" if is_open_id => Some(AssertionAudience::Issuer),
                "token_endpoint" => Some(AssertionAudience::TokenEndpoint),
                _ => None,
            })
    }

    /// The address as it was set, and its path.
    fn redirect_url(&mut self, id: &str) -> Option<(String, String)> {
        const KEY: &str = "redirect_url";
        let text = match self.raw.redirect_url.take() {
            Some(text) => text,
            None if self.source == Source::Variables => {
                self.fault(KEY, "is required");
                return None;
            }
            None => {
                let Some(origin) = self.reader.public_url() else {
                    self.fault(KEY, "is required, unless FRONTDESK_PUBLIC_URL is set");
                    return None;
                };
                format!("{}/oauth2_callback/{id}/", origin.origin)
            }
        };
        let url = self.url(KEY, Some(text.clone()))?;
        let path = url.path();
        if url.fragment().is_some()
            || url.query().is_some()
            || is_taken(path)
            || path.contains(['{', '}', '%'])
        {
            self.fault(
                KEY,
                "must have a path of its own, like /oauth2_callback/, without query or fragment",
            );
            return None;
        }
        let path = path.to_owned();
        Some((text, path))
    }

    fn addresses(&mut self, internal: Option<&Url>) -> Option<Addresses> {
        let is_open_id = self.is_open_id();
        let mut take = |key: &str, of: fn(&mut Raw) -> &mut Option<String>| {
            let text = of(&mut self.raw).take();
            self.url(key, text)
        };
        let mut addresses = Addresses {
            authorize: take("authorize_url", |raw| &mut raw.authorize_url),
            token: take("token_url", |raw| &mut raw.token_url),
            userinfo: take("userinfo_url", |raw| &mut raw.userinfo_url),
            profile: take("profile_url", |raw| &mut raw.profile_url),
            permissions: take("permissions_url", |raw| &mut raw.permissions_url),
            jwks: take("jwks_url", |raw| &mut raw.jwks_url),
            pushed_requests: take("par_url", |raw| &mut raw.par_url),
            revocation: take("revocation_url", |raw| &mut raw.revocation_url),
            end_session: take("end_session_url", |raw| &mut raw.end_session_url),
            logout: take("logout_url", |raw| &mut raw.logout_url),
        };
        if is_open_id {
            return Some(addresses);
        }
        if addresses.authorize.is_none() && !self.has_fault("authorize_url") {
            self.fault("authorize_url", "is required");
        }
        for (key, address, path) in [
            ("token_url", &mut addresses.token, "/o/token/"),
            (
                "profile_url",
                &mut addresses.profile,
                "/public-api/current_user/base_info",
            ),
        ] {
            if address.is_some() || self.has_fault(key) {
                continue;
            }
            match internal {
                Some(base) => {
                    *address = http_url(&format!("{}{path}", base.as_str().trim_end_matches('/')));
                }
                None if self.has_fault("internal_url_prefix") => {}
                None => {
                    let prefix = self.source.name("internal_url_prefix");
                    self.fault(key, format!("is required, unless {prefix} is set"));
                }
            }
        }
        (addresses.authorize.is_some() && addresses.token.is_some() && addresses.profile.is_some())
            .then_some(addresses)
    }

    fn mapping(&mut self) -> Mapping {
        let [subject, username, first_name, email] = if self.is_open_id() {
            ["/sub", "/preferred_username", "/name", "/email"]
        } else {
            ["/name", "/name", "/name_cn", "/email"]
        };
        let raw = std::mem::take(&mut self.raw.mapping);
        let mut or = |key: &str, text: Option<String>, default: &str| {
            let text = text.unwrap_or_else(|| default.to_owned());
            self.pointer(key, Some(text)).unwrap_or_default()
        };
        let mut mapping = Mapping {
            subject: or("mapping.subject", raw.subject, subject),
            username: or("mapping.username", raw.username, username),
            first_name: or("mapping.first_name", raw.first_name, first_name),
            email: or("mapping.email", raw.email, email),
            email_verified: or(
                "mapping.email_verified",
                raw.email_verified,
                "/email_verified",
            ),
            permissions: Vec::new(),
            permissions_separator: None,
            permission_name: None,
            permission_names: std::mem::take(&mut self.raw.permission_names),
            permission_prefix: std::mem::take(&mut self.raw.permission_prefix),
            only_named_permissions: self.raw.only_named_permissions,
        };
        for text in raw.permissions {
            mapping
                .permissions
                .extend(self.pointer("mapping.permissions", Some(text)));
        }
        mapping.permissions_separator = self.permissions_separator();
        let name = self.pointer("mapping.permission_name", raw.permission_name);
        mapping.permission_name = name.map(|pointer| pointer.path);
        let is_bad = |name: &str| name.is_empty() || name.chars().any(is_refused);
        if mapping
            .permission_names
            .values()
            .any(|name| name.chars().any(is_refused))
            || (!mapping.permission_prefix.is_empty() && is_bad(&mapping.permission_prefix))
        {
            self.fault("permission_names", "contains a control character");
        }
        mapping
    }

    /// Spaces alone are one too, and those beside another one do not count. An empty text counts as
    /// not set.
    fn permissions_separator(&mut self) -> Option<String> {
        let given = self.raw.permissions_separator.take();
        let given = given.filter(|text| !text.is_empty())?;
        let separator = match given.trim() {
            "" => given,
            separator => separator.to_owned(),
        };
        if separator.chars().any(char::is_alphanumeric) || separator.chars().count() > 8 {
            self.fault(
                "permissions_separator",
                "must be a separator of names, like \",\" or \" \"",
            );
            return None;
        }
        Some(separator)
    }

    fn dialect(&mut self) -> Dialect {
        let raw = std::mem::take(&mut self.raw.dialect);
        let usual = Dialect::default();
        let name = self.source.name("dialect.token_request");
        let token_request =
            self.reader
                .parsed_text(
                    &name,
                    raw.token_request,
                    "form, json or query",
                    |text| match text {
                        "form" => Some(TokenRequest::Form),
                        "json" => Some(TokenRequest::Json),
                        "query" => Some(TokenRequest::Query),
                        _ => None,
                    },
                );
        let mut pointer = |key: &str, text: Option<String>| {
            let found = self.pointer(&format!("dialect.{key}"), text);
            found.map(|pointer| pointer.path)
        };
        let token_envelope = pointer("token_envelope", raw.token_envelope);
        let profile_envelope = pointer("profile_envelope", raw.profile_envelope);
        let ok_member = pointer("ok_member", raw.ok_member);
        let access_token = pointer("access_token", raw.access_token);
        let refresh_token = pointer("refresh_token", raw.refresh_token);
        let expires_in = pointer("expires_in", raw.expires_in);
        let details_pick = pointer("details_pick", raw.details_pick);
        let error_member = pointer("error_member", raw.error_member);
        let ok_value = raw
            .ok_value
            .and_then(|value| serde_json::to_value(value).ok())
            .unwrap_or_else(|| 0.into());
        let details_url = self.url("dialect.details_url", raw.details_url);
        if let Some(header) = &raw.token_header
            && (header.is_empty()
                || !header
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'))
        {
            self.fault("dialect.token_header", "must be the name of a header");
        }
        Dialect {
            authorize_params: raw.authorize_params,
            authorize_extra: raw.authorize_extra,
            callback_code: raw.callback_code.unwrap_or(usual.callback_code),
            token_request: token_request.unwrap_or(usual.token_request),
            token_params: raw.token_params,
            token_extra: raw.token_extra,
            token_envelope,
            profile_envelope,
            ok: ok_member.map(|member| (member, ok_value)),
            access_token: access_token.unwrap_or(usual.access_token),
            refresh_token: refresh_token.unwrap_or(usual.refresh_token),
            expires_in: expires_in.unwrap_or(usual.expires_in),
            needs_token_type: raw.token_type.unwrap_or(usual.needs_token_type),
            token_header: raw.token_header,
            profile_query: raw.profile_query,
            details_url,
            details_query: raw.details_query,
            details_pick,
            error_member: error_member.unwrap_or(usual.error_member),
            refused_values: raw
                .refused_values
                .into_iter()
                .filter_map(|value| serde_json::to_value(value).ok())
                .collect(),
        }
    }

    fn proves_by(&mut self) -> ProvesBy {
        let name = self.source.name("proves_by");
        self.reader
            .parsed_text(
                &name,
                self.raw.proves_by.take(),
                "auth_time or prompt",
                |text| match text {
                    "auth_time" => Some(ProvesBy::AuthTime),
                    "prompt" => Some(ProvesBy::Prompt),
                    _ => None,
                },
            )
            .unwrap_or(ProvesBy::AuthTime)
    }

    fn recheck(&mut self) -> Option<Recheck> {
        let name = self.source.name("recheck");
        let every = self.reader.parsed_text(
            &name,
            self.raw.recheck.take(),
            "off, or a duration, like 30s, 5m or 1h (at least 1s)",
            |text| match text {
                "off" => Some(None),
                text => seconds(text, 1).map(Some),
            },
        );
        let rate = self.raw.recheck_rate.unwrap_or(RECHECK_RATE);
        if !(1..=MAX_RECHECK_RATE).contains(&rate) {
            self.fault(
                "recheck_rate",
                format!("must be a number from 1 to {MAX_RECHECK_RATE}"),
            );
        }
        let name = self.source.name("recheck_with");
        let asks_profile = self
            .reader
            .parsed_text(
                &name,
                self.raw.recheck_with.take(),
                "refresh or profile",
                |text| match text {
                    "refresh" => Some(false),
                    "profile" => Some(true),
                    _ => None,
                },
            )
            // A platform that knows no OpenID Connect rarely refuses to refresh.
            .unwrap_or(!self.is_open_id());
        Some(Recheck {
            every: every.unwrap_or(Some(RECHECK))?,
            rate,
            asks_profile,
        })
    }

    /// All of it where there is nobody else to ask; said for each where there are several.
    fn vouches_for(&mut self) -> Option<VouchesFor> {
        const KEY: &str = "vouches_for";
        let Some(words) = self.raw.vouches_for.take() else {
            if self.is_alone {
                return Some(VouchesFor::ALL);
            }
            let all = VouchesFor::WORDS;
            let line = match self.source {
                Source::Variables => format!("OAUTH2_VOUCHES_FOR={}", all.join(",")),
                Source::File(_) => format!("vouches_for = {all:?}"),
            };
            self.fault(
                KEY,
                format!(
                    "is required, since there are several providers; write: {line} (or only some of these; [] for nothing)"
                ),
            );
            return None;
        };
        let found = VouchesFor::of(words.iter().map(String::as_str));
        if found.is_none() {
            let all = VouchesFor::WORDS.join(", ");
            self.fault(KEY, format!("may contain {all}; [] for nothing"));
        }
        found
    }

    /// Symmetric ones count only where they are named, and with a secret worth the name.
    fn algorithms(&mut self, secret: Option<&Secret<String>>) -> Vec<Algorithm> {
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
        let Some(names) = self.raw.id_token_algorithms.take() else {
            return USUAL.to_vec();
        };
        let mut algorithms = Vec::new();
        for name in names {
            match name.parse::<Algorithm>() {
                Ok(algorithm) => algorithms.push(algorithm),
                Err(_) => self.fault(
                    "id_token_algorithms",
                    "may contain RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA, HS256, HS384 and HS512",
                ),
            }
        }
        let is_symmetric = algorithms.iter().any(|one| SYMMETRIC.contains(one));
        if is_symmetric && secret.is_none_or(|secret| secret.expose().len() < 32) {
            self.fault(
                "id_token_algorithms",
                "may contain HS256, HS384 and HS512 only with a client secret of at least 32 bytes",
            );
        }
        algorithms
    }

    fn admission(&mut self) -> Admission {
        let domains: Vec<String> = self
            .raw
            .admit_email_domains
            .drain(..)
            .map(|domain| domain.trim().to_lowercase())
            .collect();
        if domains
            .iter()
            .any(|domain| domain.is_empty() || domain.contains(['@', '*', ' ']))
        {
            self.fault(
                "admit_email_domains",
                "must contain domains, like example.com",
            );
        }
        let mut values = Vec::new();
        for (name, allowed) in std::mem::take(&mut self.raw.admit_values) {
            let token_path = name
                .strip_prefix("token:")
                .filter(|path| path.starts_with('/'));
            let pointer = match token_path {
                Some(_) => None,
                None => self.pointer("admit_values", Some(name.clone())),
            };
            if allowed.is_empty() {
                self.fault("admit_values", "must contain lists of values");
            }
            if pointer.is_some() || token_path.is_some() {
                values.push(Rule {
                    pointer,
                    token_path: token_path.unwrap_or_default().to_owned(),
                    values: allowed,
                });
            }
        }
        Admission {
            email_domains: domains,
            permissions: std::mem::take(&mut self.raw.admit_permissions),
            values,
        }
    }

    fn color(&mut self) -> Option<String> {
        let text = self.raw.color.take()?;
        let text = text.trim_start_matches('#').to_lowercase();
        if text.len() != 6 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            self.fault("color", "must be a colour like #2c49c4");
            return None;
        }
        Some(format!("#{text}"))
    }

    fn label(&mut self) -> Option<Twin> {
        let twin = Twin {
            en: self.raw.label.take(),
            zh: self.raw.label_zh.take(),
        };
        for text in [&twin.en, &twin.zh].into_iter().flatten() {
            if text.chars().count() > branding::MAX_LABEL || text.chars().any(is_refused) {
                let name = self.source.name("label");
                self.reader
                    .fault(&name, "must be one line of at most 60 characters");
            }
        }
        (twin.en.is_some() || twin.zh.is_some()).then_some(twin)
    }

    fn ca_file(&mut self) -> Option<Vec<u8>> {
        let path = self.raw.ca_file.take()?;
        match std::fs::read(&path) {
            Ok(pem) if is_certificates(&pem) => Some(pem),
            Ok(_) => {
                self.fault("ca_file", format!("contains no PEM certificate: {path}"));
                None
            }
            Err(error) => {
                self.fault("ca_file", format!("cannot be read: {path}: {error}"));
                None
            }
        }
    }
}

/// Whether one of our pages has this path.
fn is_taken(path: &str) -> bool {
    path == "/"
        || [
            "/login",
            "/logout",
            "/account",
            "/admin",
            "/oauth2/login",
            "/oidc",
            "/password",
            "/signed-out",
            "/healthz",
            "/readyz",
            "/static",
            "/preferences",
            "/rescue",
        ]
        .iter()
        .any(|page| path == *page || path.starts_with(&format!("{page}/")))
}

fn is_certificates(pem: &[u8]) -> bool {
    let mut certificates = CertificateDer::pem_slice_iter(pem).peekable();
    certificates.peek().is_some() && certificates.all(|certificate| certificate.is_ok())
}
