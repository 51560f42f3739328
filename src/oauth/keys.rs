//! A provider's public keys (RFC 7517). They are cached, and fetched again if none fits, but never
//! more often than every half minute.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey};
use reqwest::Client;
use reqwest::header::ACCEPT;
use serde_json::Value;
use tokio::time::Instant;
use url::Url;

use super::call::{Answer, call_for};
use super::jwt::{self, Jwt};
use super::{Moment, json};
use crate::clock::UnixTime;
use crate::error::Cause;

/// The largest document of keys, in bytes.
const MAX_BODY: usize = 256 * 1024;
/// The most keys in it.
const MAX_KEYS: usize = 200;
/// The maximum number of keys that are tried for one signature.
const MAX_TRIED: usize = 10;
/// The time between two fetches because no key fits a token.
const THROTTLE: Duration = Duration::from_secs(30);
/// The time after a failed fetch, while there are no keys at all.
const RETRY: Duration = Duration::from_millis(500);
/// The time limit for renewing keys that are still in use.
const RENEWAL: Duration = Duration::from_secs(2);
/// The age at which keys are fetched again.
const FRESH: Duration = Duration::from_secs(3600);

/// One usable key.
pub struct Key {
    id: Option<String>,
    /// The only algorithm that the key is for; `None` for any that fits.
    algorithm: Option<Algorithm>,
    family: Family,
    public: DecodingKey,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    Rsa,
    P256,
    P384,
    Ed25519,
}

impl Family {
    fn fits(self, algorithm: Algorithm) -> bool {
        match self {
            Self::Rsa => algorithm.family() == AlgorithmFamily::Rsa,
            Self::P256 => algorithm == Algorithm::ES256,
            Self::P384 => algorithm == Algorithm::ES384,
            Self::Ed25519 => algorithm == Algorithm::EdDSA,
        }
    }
}

#[derive(Default)]
pub struct Cache {
    state: Mutex<State>,
    /// Ensures one call at a time.
    calling: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    keys: Option<Arc<Vec<Key>>>,
    fetched_at: Option<UnixTime>,
    /// When a fetch was last forced.
    forced_at: Option<UnixTime>,
    failed_at: Option<UnixTime>,
}

impl Cache {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Verifies a token's signature with the known keys or, if none fits, with the provider's
    /// current ones.
    pub async fn verify(
        &self,
        token: &Jwt,
        address: &Url,
        client: &Client,
        moment: Moment,
    ) -> Result<(), Cause> {
        let Moment { now, deadline } = moment;
        let (known, fetched_at) = {
            let state = self.state();
            (state.keys.clone(), state.fetched_at)
        };
        let is_old = fetched_at.is_some_and(|at| !is_within(FRESH, at, now));
        let is_known = known.as_ref().is_some_and(|keys| is_signed_by(token, keys));
        if is_known && !is_old {
            return Ok(());
        }
        // Old keys count until there are newer ones. If those are not available, the wait is short.
        let deadline = if is_known {
            deadline.min(Instant::now() + RENEWAL)
        } else {
            deadline
        };
        let moment = Moment { now, deadline };
        match self.fetch(known, address, client, moment).await {
            Ok(keys) if is_signed_by(token, &keys) => Ok(()),
            Ok(_) => Err(Cause::BadToken("signature")),
            Err(_) if is_known => Ok(()),
            Err(cause) => Err(cause),
        }
    }

    /// Returns the keys, newer than `seen` if the throttle allows it.
    async fn fetch(
        &self,
        seen: Option<Arc<Vec<Key>>>,
        address: &Url,
        client: &Client,
        Moment { now, deadline }: Moment,
    ) -> Result<Arc<Vec<Key>>, Cause> {
        let _calling = tokio::time::timeout_at(deadline, self.calling.lock())
            .await
            .map_err(|_| Cause::TooSlow)?;
        let older = {
            let mut state = self.state();
            let is_recent =
                |at: Option<UnixTime>, limit| at.is_some_and(|at| is_within(limit, at, now));
            match (&state.keys, &seen) {
                // Another task fetched them while this one waited.
                (Some(keys), seen) if seen.as_ref().is_none_or(|seen| !Arc::ptr_eq(keys, seen)) => {
                    return Ok(Arc::clone(keys));
                }
                (Some(keys), _) => {
                    if is_recent(state.forced_at, THROTTLE) {
                        return Ok(Arc::clone(keys));
                    }
                    state.forced_at = Some(now);
                }
                (None, _) if is_recent(state.failed_at, RETRY) => return Err(Cause::Unreachable),
                (None, _) => {}
            }
            state.keys.clone()
        };
        let request = client
            .get(address.clone())
            .header(ACCEPT, "application/jwk-set+json, application/json");
        let answer = call_for(request, deadline, MAX_BODY).await;
        let fetched = answer.and_then(Answer::ok).and_then(|answer| {
            let document = json::parse(&answer.body);
            parse(&document.map_err(|_| Cause::Unreadable("keys"))?)
        });
        match (fetched, older) {
            (Ok(keys), _) => {
                let keys = Arc::new(keys);
                let mut state = self.state();
                state.keys = Some(Arc::clone(&keys));
                state.fetched_at = Some(now);
                Ok(keys)
            }
            // The previous keys remain in use during an outage.
            (Err(_), Some(older)) => Ok(older),
            (Err(cause), None) => {
                self.state().failed_at = Some(now);
                Err(cause)
            }
        }
    }
}

/// True if two times are this close, whichever is first: a clock may be put back.
fn is_within(limit: Duration, one: UnixTime, other: UnixTime) -> bool {
    one.since(other) < limit && other.since(one) < limit
}

/// The usable keys of a document. One unusable key does not hide the others.
///
/// # Errors
/// [`Cause::Unreadable`] if it has no list of keys, or too many.
pub fn parse(document: &Value) -> Result<Vec<Key>, Cause> {
    let list = document
        .get("keys")
        .and_then(Value::as_array)
        .filter(|list| list.len() <= MAX_KEYS)
        .ok_or(Cause::Unreadable("keys"))?;
    Ok(list.iter().filter_map(key).collect())
}

fn key(value: &Value) -> Option<Key> {
    let mut members = value.as_object()?.clone();
    // This is read here because the library knows fewer names.
    let algorithm = members.remove("alg");
    let jwk: Jwk = serde_json::from_value(Value::Object(members)).ok()?;
    if matches!(&jwk.common.public_key_use, Some(for_what) if *for_what != PublicKeyUse::Signature)
    {
        return None;
    }
    let family = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => Family::Rsa,
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => Family::P256,
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P384 => Family::P384,
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
            Family::Ed25519
        }
        // A shared secret has no place in a public document.
        _ => return None,
    };
    let algorithm = match &algorithm {
        None | Some(Value::Null) => None,
        Some(name) => Some(jwt::algorithm(name.as_str()?).filter(|one| family.fits(*one))?),
    };
    Some(Key {
        id: jwk.common.key_id.clone(),
        algorithm,
        family,
        public: DecodingKey::from_jwk(&jwk).ok()?,
    })
}

/// True if one of the keys made the signature: the key that the token names or, if it names none,
/// any that fits its algorithm.
pub fn is_signed_by(token: &Jwt, keys: &[Key]) -> bool {
    keys.iter()
        .filter(|key| {
            key.family.fits(token.algorithm)
                && key.algorithm.is_none_or(|only| only == token.algorithm)
                && (token.key_id.is_none() || key.id.is_none() || key.id == token.key_id)
        })
        .take(MAX_TRIED)
        .any(|key| token.is_signed_with(&key.public))
}
