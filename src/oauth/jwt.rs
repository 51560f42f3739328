//! JSON Web Tokens (RFC 7519) in their compact form: parsed strictly, verified by the JOSE library,
//! and never believed before that.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::crypto::verify;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::{Map, Value};

use super::json;
use crate::error::Cause;

/// The longest token, in bytes.
pub const MAX_TOKEN: usize = 64 * 1024;

/// A token whose signature has not been verified yet.
pub struct Jwt {
    pub algorithm: Algorithm,
    pub key_id: Option<String>,
    /// The type in lower case, without `application/`; empty if absent.
    pub kind: String,
    claims: Map<String, Value>,
    /// Header and claims as they were signed.
    message: String,
    signature: String,
}

impl Jwt {
    /// Parses a token. Unsigned tokens, encrypted ones and those with extensions that must be
    /// understood (`crit`) are refused. Keys in the header are ignored.
    pub fn parse(text: &str) -> Result<Self, Cause> {
        if text.len() > MAX_TOKEN {
            return Err(Cause::BadToken("size"));
        }
        let mut parts = text.split('.');
        let (Some(header), Some(claims), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Cause::BadToken("shape"));
        };
        let (Value::Object(header_members), Value::Object(claim_members)) =
            (decoded(header)?, decoded(claims)?)
        else {
            return Err(Cause::BadToken("shape"));
        };
        if header_members.contains_key("crit") {
            return Err(Cause::BadToken("crit"));
        }
        let text_member = |name: &'static str| match header_members.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str())),
            Some(_) => Err(Cause::BadToken(name)),
        };
        let algorithm = text_member("alg")?
            .and_then(algorithm)
            .ok_or(Cause::BadToken("alg"))?;
        if signature.is_empty() {
            return Err(Cause::BadToken("signature"));
        }
        let kind = text_member("typ")?.unwrap_or_default().to_ascii_lowercase();
        Ok(Self {
            algorithm,
            key_id: text_member("kid")?.map(str::to_owned),
            kind: kind
                .strip_prefix("application/")
                .unwrap_or(&kind)
                .to_owned(),
            claims: claim_members,
            message: format!("{header}.{claims}"),
            signature: signature.to_owned(),
        })
    }

    pub(crate) fn is_signed_with(&self, key: &DecodingKey) -> bool {
        let message = self.message.as_bytes();
        verify(&self.signature, message, key, self.algorithm).unwrap_or(false)
    }

    /// Its claims, which are valid only once the signature has been verified.
    pub const fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    pub(crate) fn into_claims(self) -> Value {
        Value::Object(self.claims)
    }
}

/// An algorithm by its name (RFC 7518 3.1, RFC 8037 3.1, RFC 9864 2.2). Returns `None` for
/// algorithms that the library does not have, and for `none`.
pub fn algorithm(name: &str) -> Option<Algorithm> {
    match name {
        "Ed25519" => Some(Algorithm::EdDSA),
        name => name.parse().ok(),
    }
}

fn decoded(part: &str) -> Result<Value, Cause> {
    let bytes = URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| Cause::BadToken("base64url"))?;
    json::parse(&bytes).map_err(|_| Cause::BadToken("JSON"))
}
