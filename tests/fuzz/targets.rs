//! What a provider sends, read by what reads it in service, and what must hold of every answer.
//!
//! `fuzz_targets` feeds these to a fuzzer; `tests/it/fuzz.rs` replays `corpus` through them.

mod known;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use frontdesk::clock::UnixTime;
use frontdesk::config::{ClientAuth, Document, Mapping, ProviderSettings};
use frontdesk::error::Cause;
use frontdesk::oauth::call::Answer;
use frontdesk::oauth::claims::{Asked, Parties};
use frontdesk::oauth::documents::Documents;
use frontdesk::oauth::jwt::{Jwt, MAX_TOKEN};
use frontdesk::oauth::keys::is_signed_by;
use frontdesk::oauth::mapping::permissions;
use frontdesk::oauth::{Permissions, call, claims, json, keys, mapping, metadata, token};
use frontdesk::permissions::{MAX_COUNT, MAX_NAME};
use frontdesk::secret::half_of_hash;
use frontdesk::signin::Callback;
use frontdesk::users::{MAX_EMAIL, MAX_FIRST_NAME, MAX_SUBJECT, MAX_USERNAME};
use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, HeaderValue};
use serde_json::{Map, Value};
use url::Url;

use known::{
    ACCESS_TOKEN, ACR, CLIENT, CODE, FRESH, ISSUER, LEEWAY, LONGEST, MAX_AGE, NONCE, NOW, SETTINGS,
    SIGNING_KEYS, SUB, TRUSTED, UNSIGNED, is_name, is_visible, parted, provider, settings,
};

/// A target: the name of its corpus, and what is done with an input.
pub type Target = (&'static str, fn(&[u8]));

/// Each target under the name of its corpus.
pub const ALL: &[Target] = &[
    ("token", token),
    ("json", json),
    ("metadata", metadata),
    ("keys", keys),
    ("jwt", jwt),
    ("claims", claims),
    ("profile", profile),
    ("email", email),
    ("providers", providers),
    ("callback", callback),
    ("headers", headers),
];

/// A token endpoint's answer.
pub fn token(data: &[u8]) {
    let (head, body) = parted(data);
    let mut words = head.split(' ');
    let status = words
        .next()
        .and_then(|status| StatusCode::from_bytes(status.as_bytes()).ok());
    let content_type = words.next().unwrap_or("application/json").to_owned();
    let settings = words.next().and_then(provider).unwrap_or(&SETTINGS[0]);
    let answer = Answer {
        status: status.unwrap_or(StatusCode::OK),
        content_type,
        body: body.to_vec(),
        date: None,
        has_retry_after: false,
        challenge: None,
    };
    let now = UnixTime(NOW * 1_000_000);
    let Ok(tokens) = token::read(settings, &answer, now) else {
        return;
    };
    assert_eq!(answer.status, StatusCode::OK);
    let whole = answer.json().expect("only JSON is read");
    assert!(whole.get("error").is_none_or(Value::is_null));
    let dialect = &settings.dialect;
    let object = token::opened(dialect, &whole, dialect.token_envelope.as_deref())
        .unwrap_or_else(|cause| panic!("{cause:?}"));
    if let Some((member, value)) = &dialect.ok {
        let said = whole.pointer(member).and_then(token::as_text);
        assert_eq!(said, token::as_text(value));
    }
    match object.get("token_type") {
        None => assert!(!dialect.needs_token_type),
        Some(kind) => assert!(
            kind.as_str()
                .expect("a text")
                .eq_ignore_ascii_case("bearer")
        ),
    }
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
    let access_token = tokens.access_token.expose().as_str();
    assert!(is_visible(access_token));
    assert_eq!(text(&dialect.access_token), Some(access_token));
    if let Some(refresh_token) = &tokens.refresh_token {
        let refresh_token = refresh_token.expose().as_str();
        assert!(is_visible(refresh_token) && refresh_token.len() <= 16 * 1024);
        assert_eq!(text(&dialect.refresh_token), Some(refresh_token));
    }
    if let Some(expires_at) = tokens.expires_at {
        assert!(expires_at >= now && expires_at <= now.plus(Duration::from_secs(LONGEST)));
    }
    if let Some(id_token) = &tokens.id_token {
        assert_eq!(text("/id_token"), Some(id_token.expose().as_str()));
    }
    if settings.id == "nested" && tokens.is_admitted {
        let tenant = object.pointer("/tenant/id").and_then(token::as_text);
        assert_eq!(tenant.as_deref(), Some("7"));
    }
}

/// Any JSON at all.
pub fn json(data: &[u8]) {
    let Ok(value) = json::parse(data) else {
        return;
    };
    let lax: Value = serde_json::from_slice(data).expect("strict is stricter");
    assert_eq!(value, lax);
    let twice = [&br#"{"a":"#[..], data, br#","\u0061":"#, data, b"}"].concat();
    assert!(json::parse(&twice).is_err(), "a name stands there twice");
}

/// A discovery document.
pub fn metadata(data: &[u8]) {
    let Ok(document) = json::parse(data) else {
        return;
    };
    for settings in &*SETTINGS {
        let Some(issuer) = settings.issuer.as_deref() else {
            continue;
        };
        let Ok(found) = metadata::parse(settings, &document) else {
            continue;
        };
        let said = |name: &str| document.get(name).and_then(Value::as_str);
        assert_eq!(said("issuer"), Some(issuer));
        let issuer = Url::parse(issuer).expect("an address");
        let address = |name: &str| {
            let url = Url::parse(said(name)?).expect("an address");
            assert!(url.username().is_empty() && url.password().is_none());
            assert!(url.has_host());
            assert!(
                url.scheme() == "https" || (url.scheme() == "http" && issuer.scheme() == "http")
            );
            Some(url)
        };
        for (name, url) in [
            ("authorization_endpoint", Some(&found.authorize)),
            ("end_session_endpoint", found.end_session.as_ref()),
        ] {
            assert_eq!(url, address(name).as_ref(), "{name}");
        }
        for (name, url) in [
            ("token_endpoint", Some(&found.token)),
            ("userinfo_endpoint", found.userinfo.as_ref()),
            ("jwks_uri", found.jwks.as_ref()),
            (
                "pushed_authorization_request_endpoint",
                found.pushed_requests.as_ref(),
            ),
            ("revocation_endpoint", found.revocation.as_ref()),
        ] {
            let said = address(name);
            match (&settings.internal_base, &said, url) {
                (Some(base), Some(said), Some(url)) if said.origin() == issuer.origin() => {
                    assert_eq!(url.origin(), base.origin(), "{name}");
                    let path = format!("{}{}", base.path().trim_end_matches('/'), said.path());
                    assert_eq!(url.path(), path, "{name}");
                    assert_eq!(url.query(), said.query(), "{name}");
                }
                _ => assert_eq!(url, said.as_ref(), "{name}"),
            }
        }
        assert!(found.jwks.is_some());
        let is_true = |name: &str| document.get(name).and_then(Value::as_bool) == Some(true);
        assert_eq!(
            found.sends_issuer,
            is_true("authorization_response_iss_parameter_supported")
        );
        assert_eq!(
            found.requires_pushed_requests,
            is_true("require_pushed_authorization_requests")
        );
        assert_eq!(found.sends_logouts, is_true("backchannel_logout_supported"));
    }
}

/// A document of keys.
pub fn keys(data: &[u8]) {
    let Ok(document) = json::parse(data) else {
        return;
    };
    let Ok(keys) = keys::parse(&document) else {
        return;
    };
    let list = document
        .get("keys")
        .and_then(Value::as_array)
        .expect("a list");
    assert!(list.len() <= 200);
    let is_public = |entry: &&Value| {
        let of = |name: &str| entry.get(name).and_then(Value::as_str);
        matches!(of("kty"), None | Some("RSA" | "EC" | "OKP"))
            && matches!(of("use"), None | Some("sig"))
            && of("alg").is_none_or(|algorithm| !algorithm.starts_with("HS"))
    };
    assert!(keys.len() <= list.iter().filter(is_public).count());
    for token in &*UNSIGNED {
        assert!(!is_signed_by(token, &keys), "nobody signed it");
    }
}

/// A token in its compact form.
pub fn jwt(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let Ok(jwt) = Jwt::parse(text) else {
        return;
    };
    assert!(text.len() <= MAX_TOKEN);
    let parts: Vec<&str> = text.split('.').collect();
    let [header, claims, signature] = parts[..] else {
        panic!("a token has three parts");
    };
    assert!(!signature.is_empty(), "an unsigned token");
    let decoded = |part: &str| -> Map<String, Value> {
        let bytes = URL_SAFE_NO_PAD.decode(part).expect("base64url");
        serde_json::from_slice(&bytes).expect("an object")
    };
    let header = decoded(header);
    assert!(!header.contains_key("crit"));
    let algorithm = header.get("alg").and_then(Value::as_str);
    let name = format!("{:?}", jwt.algorithm);
    let is_its_name = algorithm == Some(name.as_str());
    assert!(is_its_name || (name == "EdDSA" && algorithm == Some("Ed25519")));
    assert!(algorithm.is_none_or(|name| !name.eq_ignore_ascii_case("none")));
    assert_eq!(
        header.get("kid").map(|id| id.as_str().expect("a text")),
        jwt.key_id.as_deref()
    );
    assert!(!jwt.kind.chars().any(|c| c.is_ascii_uppercase()));
    assert_eq!(*jwt.claims(), decoded(claims));
    assert!(!is_signed_by(&jwt, &SIGNING_KEYS), "nobody signed it");
}

/// Claims that somebody signed: the first line is the token's header.
pub fn claims(data: &[u8]) {
    let (header, body) = parted(data);
    let text = format!(
        "{}.{}.AA",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(body)
    );
    let Ok(jwt) = Jwt::parse(&text) else {
        return;
    };
    let trusted = [TRUSTED.to_owned()];
    let parties = Parties {
        issuer: ISSUER,
        client_id: CLIENT,
        trusted_audiences: &trusted,
    };
    let now = UnixTime(NOW * 1_000_000);
    let asked = Asked {
        nonce: NONCE,
        access_token: ACCESS_TOKEN,
        code: CODE,
        max_age: None,
        fresh_since: None,
        acr_values: None,
    };
    let acr_values = ACR.join(" ");
    let asked_more = Asked {
        max_age: Some(Duration::from_secs(MAX_AGE)),
        fresh_since: Some(now.minus(Duration::from_secs(FRESH))),
        acr_values: Some(&acr_values),
        ..asked
    };
    let claims = jwt.claims();
    let (kind, algorithm) = (jwt.kind.as_str(), jwt.algorithm);
    let check = |asked| claims::check_id_token(&jwt, parties, asked, now);
    let is_id_token = check(&asked).is_ok();
    let is_more = check(&asked_more).is_ok();
    let is_refreshed = claims::check_refreshed(&jwt, parties, SUB, now).is_ok();
    let is_userinfo = claims::check_userinfo(&jwt, parties, now).is_ok();
    let logout = claims::check_logout(&jwt, parties, now).ok();

    let of = |name: &str| claims.get(name).and_then(Value::as_str);
    if is_id_token || is_refreshed || is_userinfo || logout.is_some() {
        hold_of_parties_and_times(claims, !is_userinfo);
    }
    if is_id_token || is_refreshed || logout.is_some() {
        hold_of_parties_and_times(claims, true);
    }
    if is_id_token || is_refreshed {
        assert!(matches!(kind, "" | "jwt"), "a token for something else");
        assert!(of("sub").is_some_and(|sub| !sub.is_empty()));
    }
    if is_id_token {
        assert_eq!(of("nonce"), Some(NONCE));
        assert!(!claims.contains_key("events") && logout.is_none());
        let bits = match format!("{algorithm:?}") {
            name if name == "EdDSA" || name.ends_with("512") => 512,
            name if name.ends_with("384") => 384,
            _ => 256,
        };
        for (claim, value) in [("at_hash", ACCESS_TOKEN), ("c_hash", CODE)] {
            if claims.contains_key(claim) {
                let hash = half_of_hash(bits, value.as_bytes());
                assert_eq!(of(claim), Some(hash.as_str()));
            }
        }
    }
    if is_more {
        assert!(is_id_token, "more was asked, and less given");
        let oldest = u64::try_from(NOW).expect("a number") - FRESH - 60;
        let at = claims.get("auth_time").and_then(Value::as_f64);
        assert!(at.is_some_and(|at| at >= seconds(oldest)));
        assert!(of("acr").is_some_and(|acr| ACR.contains(&acr)));
    }
    if is_refreshed {
        assert_eq!(of("sub"), Some(SUB));
    }
    if let Some(logout) = logout {
        assert!(matches!(kind, "" | "jwt" | "logout+jwt"));
        assert!(!claims.contains_key("nonce"));
        assert!(logout.sub.is_some() || logout.sid.is_some());
        assert_eq!(logout.sub.as_deref(), of("sub"));
        assert_eq!(logout.sid.as_deref(), of("sid"));
        assert_eq!(Some(logout.jti.as_str()), of("jti"));
        assert!(!logout.jti.is_empty());
        // For as long as it could come again.
        let expires = claims.get("exp").and_then(Value::as_f64);
        let remembered = in_seconds(logout.expires_at);
        assert!(logout.expires_at > now && expires.is_some_and(|at| at <= remembered));
        let events = claims.get("events").and_then(Value::as_object);
        assert!(events.is_some_and(|events| {
            events.contains_key("http://schemas.openid.net/event/backchannel-logout")
        }));
    }
}

/// Precise for every year up to 9999.
fn in_seconds(time: UnixTime) -> f64 {
    format!("{}", time.0 / 1_000_000).parse().expect("a number")
}

fn seconds(number: u64) -> f64 {
    f64::from(u32::try_from(number).expect("a small number"))
}

/// What every token must say that counts.
fn hold_of_parties_and_times(claims: &Map<String, Value>, is_timed: bool) {
    assert_eq!(claims.get("iss").and_then(Value::as_str), Some(ISSUER));
    let audience: Vec<&Value> = match claims.get("aud") {
        Some(Value::Array(list)) => list.iter().collect(),
        Some(one) => vec![one],
        None => Vec::new(),
    };
    assert!(audience.iter().any(|one| *one == CLIENT));
    assert!(audience.iter().all(|one| *one == CLIENT || *one == TRUSTED));
    assert!(claims.get("azp").is_none_or(|azp| *azp == CLIENT));
    let now = seconds(u64::try_from(NOW).expect("a number"));
    let number = |name: &str| {
        claims
            .get(name)
            .map(|value| value.as_f64().expect("a number"))
    };
    let (expires, issued) = (number("exp"), number("iat"));
    assert!(!is_timed || (expires.is_some() && issued.is_some()));
    assert!(expires.is_none_or(|at| at > now - LEEWAY), "it is over");
    // Fractions are cut off.
    for at in [issued, number("nbf")].into_iter().flatten() {
        assert!(at < now + LEEWAY + 1.0, "it is not yet");
    }
}

/// What is said of a person: an object with any of the four documents, or the profile itself.
pub fn profile(data: &[u8]) {
    let Ok(value) = json::parse(data) else {
        return;
    };
    let is_parted = Document::ALL
        .into_iter()
        .any(|document| value.get(document.code()).is_some());
    for id in ["company", "nested", "keycloak", "feishu", "wecom"] {
        let settings = provider(id).expect("a provider");
        let dialect = &settings.dialect;
        let mut documents = Documents::default();
        for document in Document::ALL {
            let of_profile = document == Document::Profile;
            let answer = match value.get(document.code()) {
                Some(answer) => answer,
                None if !is_parted && (of_profile || document == Document::Permissions) => &value,
                None => continue,
            };
            let envelope = dialect.profile_envelope.as_deref().filter(|_| of_profile);
            if let Ok(opened) = token::opened(dialect, answer, envelope) {
                documents.set(document, opened.clone());
            }
        }
        hold_of_person(&settings.mapping, &documents);
        hold_of_permissions(&settings.mapping, &mut documents);
    }
}

fn hold_of_person(mapping: &Mapping, documents: &Documents) {
    let Ok(read) = mapping::read(mapping, documents) else {
        return;
    };
    let said = |pointer| {
        documents
            .find(pointer)
            .and_then(|(_, value)| token::as_text(value))
    };
    let person = &read.profile;
    for (text, pointer, max) in [
        (&person.subject, &mapping.subject, MAX_SUBJECT),
        (&person.username, &mapping.username, MAX_USERNAME),
    ] {
        assert!(is_name(text, max) && !text.trim().is_empty());
        assert_eq!(Some(text), said(pointer).as_ref());
    }
    for (field, text, pointer, max) in [
        (
            "first_name",
            &person.first_name,
            &mapping.first_name,
            MAX_FIRST_NAME,
        ),
        ("email", &person.email, &mapping.email, MAX_EMAIL),
    ] {
        let is_kept = read.rejected.iter().any(|rejected| rejected.field == field);
        match text {
            Some(text) => {
                assert!(is_name(text, max) && !is_kept);
                assert_eq!(Some(text), said(pointer).as_ref());
            }
            // Either it was not sent, or it is said that it was dropped.
            None => assert_eq!(is_kept, documents.find(pointer).is_some()),
        }
    }
    if read.is_email_verified {
        let (of_email, _) = documents.find(&mapping.email).expect("an address");
        let vouching = documents.get(of_email).expect("a document");
        let said = vouching.pointer(&mapping.email_verified.path);
        assert_eq!(said, Some(&Value::Bool(true)));
    }
}

fn hold_of_permissions(mapping: &Mapping, documents: &mut Documents) {
    match permissions::read(mapping, documents) {
        Permissions::NotAsked => panic!("it was asked"),
        Permissions::Failed(_) => {}
        Permissions::Given(all) => {
            assert!(all.len() <= MAX_COUNT);
            assert!(all.is_sorted_by(|one, next| one.name < next.name));
            for permission in &all {
                let name = &permission.name;
                assert!(is_name(name, MAX_NAME) && !name.is_empty());
                assert!(is_name(&permission.label, MAX_NAME));
                let is_named = mapping.permission_names.values().any(|ours| ours == name);
                let is_prefixed = name.starts_with(&mapping.permission_prefix);
                assert!(is_named || (is_prefixed && !mapping.only_named_permissions));
            }
        }
    }
    documents.permissions_failure = Some(Cause::TooSlow);
    assert!(matches!(
        permissions::read(mapping, documents),
        Permissions::Failed(_)
    ));
}

/// An e-mail address, by whose domain people are let in.
pub fn email(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let Some(domain) = mapping::email_domain(text) else {
        return;
    };
    let parts: Vec<&str> = text.split('@').collect();
    let [local, tail] = parts[..] else {
        panic!("one @ and no more");
    };
    assert_eq!(domain, tail.to_lowercase());
    assert!(!local.is_empty() && local.len() <= 64);
    let is_odd = |c: char| c.is_control() || c.is_whitespace();
    assert!(!text.contains(is_odd));
    for label in tail.split('.') {
        assert!(!label.is_empty() && !label.starts_with('-') && !label.ends_with('-'));
    }
    if tail.is_ascii() {
        assert_eq!(
            mapping::email_domain(&format!("a@{domain}")),
            Some(domain),
            "a domain stays itself"
        );
    }
}

/// The file that describes providers.
pub fn providers(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let tables = toml::from_str::<toml::Table>(&text).unwrap_or_default();
    let described = || tables.values().filter_map(toml::Value::as_table);
    // What other files hold is not for here, and some of them have no end.
    if described().any(|table| table.keys().any(|key| key.ends_with("_file"))) {
        return;
    }
    match settings(data) {
        Ok(settings) => {
            for (place, provider) in settings.providers.iter().enumerate() {
                hold_of_settings(provider);
                for other in &settings.providers[place + 1..] {
                    assert_ne!(provider.id, other.id);
                    assert_ne!(provider.callback_path, other.callback_path);
                    assert!((provider.order, &provider.id) < (other.order, &other.id));
                }
            }
        }
        Err(faults) => {
            assert!(!faults.lines().is_empty());
            let told = faults.to_string();
            let numbers = described()
                .filter_map(|table| table.get("client_secret")?.as_integer())
                .filter(|number| *number >= 1_000_000)
                .map(|number| number.to_string());
            let texts = text
                .split("client_secret = \"canary-")
                .skip(1)
                .filter_map(|rest| rest.split_once('"'))
                .filter(|(secret, _)| secret.len() >= 8)
                .map(|(secret, _)| format!("canary-{secret}"));
            for secret in numbers.chain(texts) {
                // What stands there twice may be something else too.
                if text.matches(&secret).count() == 1 {
                    assert!(!told.contains(&secret), "a secret is in: {told}");
                }
            }
        }
    }
}

fn hold_of_settings(settings: &ProviderSettings) {
    let is_id = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    assert!(settings.id.chars().all(is_id) && (1..=32).contains(&settings.id.len()));
    assert!(settings.callback_path.starts_with('/') && settings.callback_path.len() > 1);
    let is_public = settings.client_auth == Some(ClientAuth::None);
    assert!(settings.pkce || !is_public, "a public client without PKCE");
    let has_key = settings.client_auth == Some(ClientAuth::PrivateKeyJwt);
    let secret = settings.client_secret.expose();
    assert!(!secret.is_empty() || is_public || has_key);
    let is_symmetric = settings
        .algorithms
        .iter()
        .any(|algorithm| format!("{algorithm:?}").starts_with("HS"));
    assert!(!is_symmetric || secret.len() >= 32);
    if settings.issuer.is_some() {
        let scope = settings.scope.as_deref().unwrap_or_default();
        assert!(scope.split(' ').any(|word| word == "openid"));
    }
    let addresses = &settings.addresses;
    for url in [
        &settings.internal_base,
        &settings.discovery_url,
        &addresses.authorize,
        &addresses.token,
        &addresses.userinfo,
        &addresses.profile,
        &addresses.permissions,
        &addresses.jwks,
        &addresses.end_session,
        &addresses.logout,
    ]
    .into_iter()
    .flatten()
    {
        assert!(matches!(url.scheme(), "http" | "https") && url.has_host());
        assert!(url.username().is_empty() && url.password().is_none());
    }
    let domains = &settings.admission.email_domains;
    assert!(
        domains
            .iter()
            .all(|domain| !domain.is_empty() && !domain.contains('@'))
    );
    let rules = &settings.admission.values;
    assert!(rules.iter().all(|rule| !rule.values.is_empty()));
}

/// The query with which a browser comes back.
pub fn callback(data: &[u8]) {
    let Ok(query) = std::str::from_utf8(data) else {
        return;
    };
    let pairs: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    let values = |name: &str| -> Vec<&str> {
        pairs
            .iter()
            .filter(|(given, _)| given == name)
            .map(|(_, value)| value.as_str())
            .collect()
    };
    for code_name in ["code", "authCode"] {
        let callback = Callback::parse(query, code_name);
        let is_once = |name: &str, value: Option<&str>| {
            value.is_none_or(|value| !value.is_empty() && values(name) == [value])
        };
        let code = callback.code.as_ref().map(|code| code.expose().as_str());
        assert!(is_once(code_name, code));
        assert!(is_once("state", callback.state.as_deref()));
        assert!(is_once("error", callback.error.as_deref()));
        assert!(is_once("iss", callback.issuer.as_deref()));
        let has_duplicates = ["state", code_name, "error", "iss"]
            .into_iter()
            .any(|name| values(name).len() > 1);
        assert!(!has_duplicates || callback.has_duplicates);
        assert!(!callback.has_duplicates || (code.is_none() && callback.error.is_none()));
    }
}

/// The two headers that are read: the type in the first line, the date in the second.
pub fn headers(data: &[u8]) {
    let mut lines = data.split(|byte| *byte == b'\n');
    let mut headers = HeaderMap::new();
    for name in [CONTENT_TYPE, DATE] {
        let value = lines.next().map(HeaderValue::from_bytes);
        if let Some(Ok(value)) = value {
            headers.insert(name, value);
        }
    }
    let essence = call::essence(&headers);
    assert_eq!(essence, essence.trim().to_ascii_lowercase());
    assert!(!essence.contains(';'));
    if let Some(date) = call::date(&headers) {
        // From the year -9999 to 9999.
        assert!((-377_705_116_800..=253_402_300_800).contains(&date));
    }
}
