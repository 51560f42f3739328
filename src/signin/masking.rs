//! Hides secrets in a provider's answer from admins: the values of members whose names suggest a
//! secret, and values that look like one under any name. The names stay.

use serde_json::{Map, Value};
use url::{Url, form_urlencoded};

const MASK: &str = "••••••";
/// How deep texts that hold JSON are searched.
const MAX_DEPTH: u8 = 3;

// These are lists of words, separated by spaces.

/// Parts of a name that suggest a secret, even inside a longer word.
const PARTS: &str = "\
    token secret passw passphrase passcode assertion credential cookie apikey privatekey \
    accesskey signingkey sshkey hmackey masterkey verifier csrf xsrf 密码 口令 密钥 私钥 令牌 \
    验证码 凭证 凭据 会话";
/// Whole words of a name.
const WORDS: &str = "\
    pin pins pwd pw pass psk tan puk seed salt nonce sid hash hashes hashed digest hmac jwt \
    jws jwe bearer ticket tickets";
/// Beginnings or ends of a word.
const BEGINNINGS: &str = "otp totp hotp session";
const ENDINGS: &str = "otp hash session sessions";
/// Words that, together with `key` or `code`, make a key or a code that opens something.
const OF_KEYS: &str = "\
    api private access signing signature encryption ssh master shared rsa aes ec pem gpg pgp \
    host recovery backup client service auth license licence activation stream webhook";
const OF_CODES: &str = "\
    authorization auth recovery backup scratch verification verify reset activation security \
    access sms login device user invite invitation pairing unlock confirmation grant qr";
/// Members whose value names another member of the object.
const NAMING: &str = "name key label field attribute claim id code";
/// The names of those other members.
const NAMED: &str = "value values text content data val";
/// The beginnings of stored passwords, and of tokens that have a recognisable prefix.
const HASHES: &str = "\
    $argon2 $2a$ $2b$ $2x$ $2y$ $1$ $5$ $6$ $7$ $y$ $pbkdf2 $scrypt $sha1$ $md5 argon2$ \
    argon2id$ bcrypt$ bcrypt_sha256$ scrypt$ pbkdf2_sha1$ pbkdf2_sha256$ pbkdf2_sha512$ \
    pbkdf2: scrypt: {ssha {sha {smd5} {md5} {crypt} {pbkdf2 {argon2 {bcrypt}";
const TOKENS: &str = "\
    ghp_ gho_ ghu_ ghs_ ghr_ github_pat_ glpat- gldt- glrt- gloas- xoxa- xoxb- xoxp- xoxr- \
    xoxs- xapp- sk_live_ sk_test_ rk_live_ AKIA ASIA AIza ya29. npm_ pypi- hvs. dop_v1_ \
    shpat_";
/// A shorter text is not taken for a token.
const MIN_TOKEN: usize = 20;

fn any(words: &str, test: impl Fn(&str) -> bool) -> bool {
    words.split_whitespace().any(test)
}

/// The answer in a form that may be shown.
pub fn masked(value: &Value) -> Value {
    masked_within(value, MAX_DEPTH)
}

fn masked_within(value: &Value, depth: u8) -> Value {
    match value {
        Value::Object(object) => Value::Object(masked_members(object, depth)),
        Value::Array(list) => list
            .iter()
            .map(|value| masked_within(value, depth))
            .collect(),
        Value::String(text) => masked_text(text, depth),
        other => other.clone(),
    }
}

fn masked_members(object: &Map<String, Value>, depth: u8) -> Map<String, Value> {
    // `{"name": "api_key", "value": "…"}`
    let is_named_secret = any(NAMING, |naming| {
        object
            .get(naming)
            .and_then(Value::as_str)
            .is_some_and(is_secret_name)
    });
    object
        .iter()
        .map(|(name, value)| {
            let is_secret =
                is_secret_name(name) || is_named_secret && any(NAMED, |named| named == name);
            // A secret is masked whatever it contains.
            let value = if is_secret {
                Value::from(MASK)
            } else {
                masked_within(value, depth)
            };
            let name = if looks_secret(name) { MASK } else { name };
            (name.to_owned(), value)
        })
        .collect()
}

fn masked_text(text: &str, depth: u8) -> Value {
    if text.trim_start().starts_with(['{', '['])
        && let Some(depth) = depth.checked_sub(1)
        && let Ok(inner @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(text)
    {
        let shown = masked_within(&inner, depth);
        return if shown == inner {
            Value::from(text)
        } else {
            Value::from(shown.to_string())
        };
    }
    Value::from(if looks_secret(text) { MASK } else { text })
}

/// Returns whether a name suggests a secret: `pin_hash`, `apiKey`, `x-session-id`, `refreshtoken`.
fn is_secret_name(name: &str) -> bool {
    let words = words_of(name);
    let joined = words.concat();
    let has = |list| any(list, |listed| words.iter().any(|word| word == listed));
    joined == "code"
        || any(PARTS, |part| joined.contains(part))
        || has(WORDS)
        || words.iter().any(|word| {
            any(BEGINNINGS, |part| word.starts_with(part))
                || any(ENDINGS, |part| word.ends_with(part))
        })
        || has("key keys") && has(OF_KEYS)
        || has("code codes") && has(OF_CODES)
        || has("answer answers question") && has("security")
        || has("phrase words") && has("recovery backup")
}

/// The words of a name in snake, kebab, camel or any other case, in lower case, without digits at
/// either end.
fn words_of(name: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut chars = name.chars().peekable();
    let mut before: Option<char> = None;
    while let Some(c) = chars.next() {
        let begins = c.is_uppercase()
            && before.is_some_and(|before| {
                // This splits `apiKey`, and `APIKey` before the `K`.
                !before.is_uppercase() || chars.peek().is_some_and(|next| next.is_lowercase())
            });
        if begins || !c.is_alphanumeric() {
            words.push(std::mem::take(&mut word));
        }
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        }
        before = Some(c);
    }
    words.push(word);
    words
        .iter()
        .map(|word| word.trim_matches(|c: char| c.is_ascii_digit()).to_owned())
        .filter(|word| !word.is_empty())
        .collect()
}

/// Returns whether a text looks like a token, a key or a stored password, or contains one.
fn looks_secret(text: &str) -> bool {
    let trimmed = text.trim();
    let lower = trimmed.to_lowercase();
    has_jwt(trimmed)
        || any(HASHES, |beginning| lower.starts_with(beginning))
        || (trimmed.contains("-----BEGIN ") && trimmed.contains("PRIVATE KEY"))
        || is_authorization(trimmed, &lower)
        || trimmed
            .split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '"' | '=' | ':' | '/'))
            .any(|word| word.len() >= MIN_TOKEN && any(TOKENS, |token| word.starts_with(token)))
        || is_telling_address(trimmed)
}

/// Matches `eyJ….….…`: the JSON object at the beginning of a JWT (RFC 7519), in base64url.
fn has_jwt(text: &str) -> bool {
    let is_of_jwt = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    text.match_indices("eyJ").any(|(at, _)| {
        let rest = text.get(at..).unwrap_or_default();
        let end = rest.find(|c| !is_of_jwt(c)).unwrap_or(rest.len());
        let token = rest.get(..end).unwrap_or_default();
        let mut parts = token.split('.');
        let is_long = |part: Option<&str>| part.is_some_and(|part| part.len() >= 10);
        is_long(parts.next()) && is_long(parts.next()) && parts.next().is_some()
    })
}

/// The value of an `Authorization` header (RFC 6750 2.1, RFC 7617).
fn is_authorization(text: &str, lower: &str) -> bool {
    let Some((_, credentials)) = text.split_once(' ') else {
        return false;
    };
    let credentials = credentials.trim();
    let is_one_word = credentials.len() >= 8 && !credentials.contains(char::is_whitespace);
    let is_random = credentials.contains('=') || credentials.contains(|c: char| c.is_ascii_digit());
    is_one_word && (lower.starts_with("bearer ") || lower.starts_with("basic ") && is_random)
}

/// Matches an address with a password, or with a parameter whose name suggests a secret.
fn is_telling_address(text: &str) -> bool {
    if !text.contains("://") {
        return false;
    }
    let Ok(url) = Url::parse(text) else {
        return false;
    };
    let tells = |pairs: &str| {
        form_urlencoded::parse(pairs.as_bytes())
            .any(|(name, value)| !value.is_empty() && is_secret_name(&name))
    };
    url.password().is_some()
        || tells(url.query().unwrap_or_default())
        || tells(url.fragment().unwrap_or_default())
}
