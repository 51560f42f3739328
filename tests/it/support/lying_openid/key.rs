//! Keys that sign tokens, and the form of tokens.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384,
    RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding, RsaKeyPair,
    RsaPublicKeyComponents,
};
use aws_lc_rs::{digest, hmac};
use frontdesk::secret::base64url;
use serde_json::{Value, json};

use super::patched;

/// A key that signs.
pub struct Key {
    pub id: String,
    pkcs8: Vec<u8>,
    pair: Pair,
}

enum Pair {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Secret(Vec<u8>),
}

impl Key {
    fn new(id: &str, pkcs8: &[u8], pair: Pair) -> Self {
        Self {
            id: id.to_owned(),
            pkcs8: pkcs8.to_vec(),
            pair,
        }
    }

    /// Loads a key made by `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048`, in DER.
    fn of_rsa(id: &str, pkcs8: &[u8]) -> Self {
        let pair = RsaKeyPair::from_pkcs8(pkcs8).expect("an RSA key");
        Self::new(id, pkcs8, Pair::Rsa(pair))
    }

    pub fn rsa() -> Self {
        Self::of_rsa("rsa", include_bytes!("../../fixtures/rsa2048-one.pk8"))
    }

    pub fn other_rsa() -> Self {
        Self::of_rsa(
            "other-rsa",
            include_bytes!("../../fixtures/rsa2048-two.pk8"),
        )
    }

    fn of_curve(
        id: &str,
        algorithm: &'static EcdsaSigningAlgorithm,
        pair: fn(EcdsaKeyPair) -> Pair,
    ) -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a key");
        let made = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref()).expect("its pair");
        Self::new(id, pkcs8.as_ref(), pair(made))
    }

    pub fn p256() -> Self {
        Self::of_curve("p256", &ECDSA_P256_SHA256_FIXED_SIGNING, Pair::P256)
    }

    pub fn p384() -> Self {
        Self::of_curve("p384", &ECDSA_P384_SHA384_FIXED_SIGNING, Pair::P384)
    }

    pub fn ed25519() -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("a key");
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).expect("its pair");
        Self::new("ed25519", pkcs8.as_ref(), Pair::Ed25519(pair))
    }

    /// A key for HS256 and similar algorithms.
    pub fn secret(id: &str, bytes: impl Into<Vec<u8>>) -> Self {
        Self::new(id, &[], Pair::Secret(bytes.into()))
    }

    pub fn with_id(mut self, id: &str) -> Self {
        self.id = id.to_owned();
        self
    }

    /// The algorithms that it can sign with. The first is the default.
    pub const fn algorithms(&self) -> &'static [&'static str] {
        match self.pair {
            Pair::Rsa(_) => &["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
            Pair::P256(_) => &["ES256"],
            Pair::P384(_) => &["ES384"],
            Pair::Ed25519(_) => &["EdDSA"],
            Pair::Secret(_) => &["HS256", "HS384", "HS512"],
        }
    }

    /// Its public half (RFC 7517), or the secret.
    pub fn jwk(&self) -> Value {
        let point = |curve: &str, pair: &EcdsaKeyPair| {
            let point: &[u8] = pair.public_key().as_ref();
            let (x, y) = point[1..].split_at(point.len() / 2);
            json!({"kty": "EC", "crv": curve, "x": base64url(x), "y": base64url(y)})
        };
        let more = match &self.pair {
            Pair::Rsa(pair) => {
                let public = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key());
                json!({"kty": "RSA", "n": base64url(&public.n), "e": base64url(&public.e)})
            }
            Pair::P256(pair) => point("P-256", pair),
            Pair::P384(pair) => point("P-384", pair),
            Pair::Ed25519(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": base64url(pair.public_key().as_ref())})
            }
            Pair::Secret(bytes) => json!({"kty": "oct", "k": base64url(bytes)}),
        };
        patched(json!({"kid": self.id, "use": "sig"}), &more)
    }

    /// Its public half as bytes: `RSAPublicKey`, a point, or nothing.
    pub fn public(&self) -> &[u8] {
        match &self.pair {
            Pair::Rsa(pair) => pair.public_key().as_ref(),
            Pair::P256(pair) | Pair::P384(pair) => pair.public_key().as_ref(),
            Pair::Ed25519(pair) => pair.public_key().as_ref(),
            Pair::Secret(_) => &[],
        }
    }

    /// Its private half, as in a file.
    pub fn pem(&self) -> String {
        pem("PRIVATE KEY", &self.pkcs8)
    }

    /// The signature in base64url. If the key does not support the algorithm, another one is used.
    pub fn sign(&self, algorithm: &str, message: &str) -> String {
        let random = SystemRandom::new();
        let message = message.as_bytes();
        let signature = match &self.pair {
            Pair::Rsa(pair) => {
                let padding: &'static dyn RsaEncoding = match algorithm {
                    "RS384" => &RSA_PKCS1_SHA384,
                    "RS512" => &RSA_PKCS1_SHA512,
                    "PS256" => &RSA_PSS_SHA256,
                    "PS384" => &RSA_PSS_SHA384,
                    "PS512" => &RSA_PSS_SHA512,
                    _ => &RSA_PKCS1_SHA256,
                };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(padding, &random, message, &mut signature)
                    .expect("a signature");
                signature
            }
            Pair::P256(pair) | Pair::P384(pair) => {
                let signature = pair.sign(&random, message).expect("a signature");
                signature.as_ref().to_vec()
            }
            Pair::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            Pair::Secret(bytes) => {
                let algorithm = match algorithm {
                    "HS384" => hmac::HMAC_SHA384,
                    "HS512" => hmac::HMAC_SHA512,
                    _ => hmac::HMAC_SHA256,
                };
                let key = hmac::Key::new(algorithm, bytes);
                hmac::sign(&key, message).as_ref().to_vec()
            }
        };
        base64url(&signature)
    }

    /// The usual header, patched.
    pub(super) fn header(&self, header: &Value) -> Value {
        let usual = json!({"alg": self.algorithms()[0], "kid": self.id, "typ": "JWT"});
        patched(usual, header)
    }

    /// A token. `header` patches the usual one.
    pub fn jwt(&self, header: &Value, claims: &Value) -> String {
        let header = self.header(header);
        let message = format!("{}.{}", part(&header), part(claims));
        let signature = self.sign(header["alg"].as_str().unwrap_or_default(), &message);
        format!("{message}.{signature}")
    }
}

pub fn pem(label: &str, der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<_> = text
        .as_bytes()
        .chunks(64)
        .map(String::from_utf8_lossy)
        .collect();
    let lines = lines.join("\n");
    format!("-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n")
}

/// One part of a token.
pub fn part(value: &Value) -> String {
    base64url(value.to_string().as_bytes())
}

/// The claims of a token, without verifying its signature.
pub fn claims(token: &str) -> Value {
    use base64::Engine as _;
    let claims = token.split('.').nth(1).expect("claims");
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(claims)
        .expect("base64url");
    serde_json::from_slice(&bytes).expect("JSON")
}

/// `at_hash` and similar claims (`OpenID` Connect Core 3.1.3.6).
pub(super) fn half_hash(algorithm: &str, value: &str) -> String {
    let kind = if algorithm.ends_with("384") {
        &digest::SHA384
    } else if algorithm.ends_with("512") || ["EdDSA", "Ed25519"].contains(&algorithm) {
        &digest::SHA512
    } else {
        &digest::SHA256
    };
    let hash = digest::digest(kind, value.as_bytes());
    base64url(&hash.as_ref()[..hash.as_ref().len() / 2])
}
