//! Checks the claims of a token: ID tokens (OpenID Connect Core 3.1.3.7, 12.2), signed userinfo
//! (5.3.2) and logout tokens (Back-Channel Logout 1.0, 2.6).

use std::time::Duration;

use jsonwebtoken::Algorithm;
use serde_json::{Map, Value};

use super::jwt::Jwt;
use crate::clock::UnixTime;
use crate::error::Cause;
use crate::secret::half_of_hash;

/// The largest accepted difference between clocks, in seconds.
pub const LEEWAY: i64 = 60;
/// The maximum length of `sub` and `sid` (Core 2 allows 255 ASCII characters).
const MAX_NAME: usize = 255;

/// Stands for all other audiences in the list of trusted ones.
const ANY: &str = "*";

/// The issuer that a token must come from, and the client that it must be for.
#[derive(Debug, Clone, Copy)]
pub struct Parties<'a> {
    pub issuer: &'a str,
    pub client_id: &'a str,
    /// Audiences besides the client; `*` means any, if `azp` names the client.
    pub trusted_audiences: &'a [String],
}

/// The request that an ID token of a sign-in must answer.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    pub nonce: &'a str,
    /// The access token that came with it.
    pub access_token: &'a str,
    pub code: &'a str,
    pub max_age: Option<Duration>,
    /// The person must have signed in again: a time that the provider gives must not be earlier.
    pub fresh_since: Option<UnixTime>,
    /// Values separated by spaces. One of them must come back.
    pub acr_values: Option<&'a str>,
}

type Claims = Map<String, Value>;

/// The time when the person signed in at the provider, according to an ID token that is otherwise
/// valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthTime {
    /// The token does not say, which proves nothing.
    Unsaid,
    /// The time in whole seconds.
    At(i64),
    /// The value cannot be a time.
    Unreadable,
}

impl AuthTime {
    /// The time that the token gives.
    pub const fn moment(self) -> Option<UnixTime> {
        match self {
            Self::At(at) => Some(UnixTime(at * 1_000_000)),
            Self::Unsaid | Self::Unreadable => None,
        }
    }

    /// True if the person signed in after an attempt began; `None` if the token does not say.
    pub(crate) fn is_since(self, begun_at: UnixTime, now: UnixTime) -> Option<bool> {
        match self {
            Self::Unsaid => None,
            Self::At(at) => {
                let (first, last) = (seconds(begun_at) - LEEWAY, seconds(now) + LEEWAY);
                Some((first..=last).contains(&at))
            }
            Self::Unreadable => Some(false),
        }
    }
}

/// Reads `auth_time` of an ID token. This refuses no one.
pub fn auth_time(claims: &Value) -> AuthTime {
    match claims.get("auth_time") {
        None | Some(Value::Null) => AuthTime::Unsaid,
        Some(time) => whole_seconds(time).map_or(AuthTime::Unreadable, AuthTime::At),
    }
}

/// Checks the claims of an ID token that came with a code.
///
/// # Errors
/// [`Cause::BadToken`] with the claim at fault; [`Cause::Clock`] if only the clocks disagree.
pub fn check_id_token(
    token: &Jwt,
    parties: Parties<'_>,
    asked: &Asked<'_>,
    now: UnixTime,
) -> Result<(), Cause> {
    check_kind(token, &[])?;
    let claims = token.claims();
    // A logout token is not an ID token (Back-Channel Logout 2.4).
    if claims.contains_key("events") {
        return Err(Cause::BadToken("events"));
    }
    check_parties(claims, parties)?;
    check_times(claims, now, REQUIRED)?;
    name(claims, "sub")?.ok_or(Cause::BadToken("sub"))?;
    if claims.get("nonce").and_then(Value::as_str) != Some(asked.nonce) {
        return Err(Cause::BadToken("nonce"));
    }
    for (claim, value) in [("at_hash", asked.access_token), ("c_hash", asked.code)] {
        let said = claims.get(claim);
        let hash = half_hash(token.algorithm, value);
        if said.is_some_and(|said| said.as_str() != Some(&hash)) {
            return Err(Cause::BadToken(claim));
        }
    }
    if let Some(max_age) = asked.max_age {
        let at = number(claims, "auth_time")?.ok_or(Cause::BadToken("auth_time"))?;
        let oldest = seconds(now) - i64::try_from(max_age.as_secs()).unwrap_or(i64::MAX) - LEEWAY;
        if at < oldest {
            return Err(Cause::BadToken("auth_time"));
        }
    }
    if let Some(since) = asked.fresh_since
        && number(claims, "auth_time")?.is_some_and(|at| at < seconds(since) - LEEWAY)
    {
        return Err(Cause::BadToken("auth_time"));
    }
    if let Some(wanted) = asked.acr_values {
        let acr = claims.get("acr").and_then(Value::as_str);
        if !wanted.split(' ').any(|value| Some(value) == acr) {
            return Err(Cause::BadToken("acr"));
        }
    }
    Ok(())
}

/// Checks the claims of an ID token that came with a refresh: it must be the same person (Core
/// 12.2).
pub fn check_refreshed(
    token: &Jwt,
    parties: Parties<'_>,
    sub: &str,
    now: UnixTime,
) -> Result<(), Cause> {
    check_kind(token, &[])?;
    let claims = token.claims();
    check_parties(claims, parties)?;
    check_times(claims, now, REQUIRED)?;
    if name(claims, "sub")?.as_deref() == Some(sub) {
        Ok(())
    } else {
        Err(Cause::BadToken("sub"))
    }
}

/// Checks the claims of a signed userinfo answer.
pub fn check_userinfo(token: &Jwt, parties: Parties<'_>, now: UnixTime) -> Result<(), Cause> {
    check_kind(token, &["userinfo+jwt", "token-introspection+jwt"])?;
    check_parties(token.claims(), parties)?;
    check_times(token.claims(), now, &[])
}

/// The sessions that a logout token ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logout {
    pub sub: Option<String>,
    pub sid: Option<String>,
    /// The token's id, because it counts only once.
    pub jti: String,
    pub expires_at: UnixTime,
    pub issued_at: UnixTime,
}

/// Checks the claims of a logout token.
pub fn check_logout(token: &Jwt, parties: Parties<'_>, now: UnixTime) -> Result<Logout, Cause> {
    const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
    check_kind(token, &["logout+jwt"])?;
    let claims = token.claims();
    check_parties(claims, parties)?;
    check_times(claims, now, REQUIRED)?;
    let is_logout = claims
        .get("events")
        .and_then(|events| events.get(EVENT))
        .is_some_and(Value::is_object);
    if !is_logout {
        return Err(Cause::BadToken("events"));
    }
    if claims.contains_key("nonce") {
        return Err(Cause::BadToken("nonce"));
    }
    let sub = name(claims, "sub")?;
    let sid = name(claims, "sid")?;
    if sub.is_none() && sid.is_none() {
        return Err(Cause::BadToken("sub"));
    }
    let jti = name(claims, "jti")?.ok_or(Cause::BadToken("jti"))?;
    let expires = number(claims, "exp")?.ok_or(Cause::BadToken("exp"))?;
    let issued = number(claims, "iat")?.ok_or(Cause::BadToken("iat"))?;
    Ok(Logout {
        issued_at: UnixTime(issued * 1_000_000),
        sub,
        sid,
        jti,
        // It is remembered for as long as it could be sent again.
        expires_at: UnixTime((expires + LEEWAY) * 1_000_000),
    })
}

/// Checks `typ`: it may be absent, `JWT`, or the type that is expected here (RFC 8725 3.11).
fn check_kind(token: &Jwt, expected: &[&str]) -> Result<(), Cause> {
    let kind = token.kind.as_str();
    if kind.is_empty() || kind == "jwt" || expected.contains(&kind) {
        Ok(())
    } else {
        Err(Cause::BadToken("typ"))
    }
}

fn check_parties(claims: &Claims, parties: Parties<'_>) -> Result<(), Cause> {
    if claims.get("iss").and_then(Value::as_str) != Some(parties.issuer) {
        return Err(Cause::BadToken("iss"));
    }
    let audience: Vec<&str> = match claims.get("aud") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(list)) => list
            .iter()
            .map(Value::as_str)
            .collect::<Option<_>>()
            .ok_or(Cause::BadToken("aud"))?,
        _ => return Err(Cause::BadToken("aud")),
    };
    let is_named = |one: &&str| {
        *one == parties.client_id || parties.trusted_audiences.iter().any(|other| other == one)
    };
    let are_others_trusted = parties.trusted_audiences.iter().any(|one| one == ANY);
    let has_strangers = !audience.iter().all(is_named);
    if !audience.contains(&parties.client_id) {
        return Err(Cause::BadToken("aud"));
    }
    if has_strangers && !are_others_trusted {
        return Err(Cause::BadToken("other audiences"));
    }
    match claims.get("azp") {
        // With unknown audiences, only this claim says which client the token was issued to.
        None if has_strangers => Err(Cause::BadToken("azp")),
        None => Ok(()),
        Some(azp) if azp.as_str() == Some(parties.client_id) => Ok(()),
        Some(_) => Err(Cause::BadToken("azp")),
    }
}

/// The times that most tokens must have.
const REQUIRED: &[&str] = &["exp", "iat"];

/// Checks `exp`, `iat` and `nbf`. A value of another type is refused, not treated as absent.
fn check_times(claims: &Claims, now: UnixTime, required: &[&'static str]) -> Result<(), Cause> {
    let now = seconds(now);
    let expires = number(claims, "exp")?;
    let issued = number(claims, "iat")?;
    if let Some(absent) = required.iter().find(|name| !claims.contains_key(**name)) {
        return Err(Cause::BadToken(absent));
    }
    if expires.is_some_and(|at| at <= now - LEEWAY) {
        // The token was just issued, and by our clock it has already expired.
        return Err(Cause::Clock("exp"));
    }
    if issued.is_some_and(|at| at > now + LEEWAY) {
        return Err(Cause::Clock("iat"));
    }
    if number(claims, "nbf")?.is_some_and(|at| at > now + LEEWAY) {
        return Err(Cause::Clock("nbf"));
    }
    Ok(())
}

/// A claim that is a time, in seconds.
fn number(claims: &Claims, name: &'static str) -> Result<Option<i64>, Cause> {
    let time = claims.get(name);
    time.map(|time| whole_seconds(time).ok_or(Cause::BadToken(name)))
        .transpose()
}

/// The whole seconds of a `NumericDate` (RFC 7519 2). Fractions are allowed; the year 9999 is the
/// last.
pub(super) fn whole_seconds(time: &Value) -> Option<i64> {
    const LAST: i64 = 253_402_300_799;
    let whole = time.as_i64().or_else(|| {
        let number = time.as_f64().filter(|number| number.is_finite())?;
        // The number is parsed from text, so that nothing is cast.
        format!("{:.0}", number.floor()).parse().ok()
    });
    whole.filter(|whole| (1..=LAST).contains(whole))
}

/// Reads an identifier: it is not empty, not too long, and has no control characters.
fn name(claims: &Claims, name: &'static str) -> Result<Option<String>, Cause> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::String(text))
            if !text.is_empty()
                && text.chars().count() <= MAX_NAME
                && !text.chars().any(char::is_control) =>
        {
            Ok(Some(text.clone()))
        }
        Some(_) => Err(Cause::BadToken(name)),
    }
}

const fn seconds(now: UnixTime) -> i64 {
    now.0.div_euclid(1_000_000)
}

/// The left half of a hash, with the algorithm of the signature (Core 3.1.3.6).
fn half_hash(algorithm: Algorithm, value: &str) -> String {
    let bits = match algorithm {
        Algorithm::RS384 | Algorithm::PS384 | Algorithm::ES384 | Algorithm::HS384 => 384,
        Algorithm::RS512 | Algorithm::PS512 | Algorithm::HS512 | Algorithm::EdDSA => 512,
        _ => 256,
    };
    half_of_hash(bits, value.as_bytes())
}
