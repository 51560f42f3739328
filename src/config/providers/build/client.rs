//! Frontdesk as a client of the provider: its id, and how it proves its identity.

use jsonwebtoken::{Algorithm, EncodingKey};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::{Builder, default_value};
use crate::config::providers::{AssertionAudience, ClientAuth, SettingsSource, SigningKey};
use crate::secret::{Secret, sha256};

impl Builder<'_, '_> {
    pub(super) fn client_id(&mut self) -> Option<String> {
        let id = self.raw.client_id.take().filter(|id| !id.is_empty());
        id.or_else(|| self.refuse("client_id", "is required"))
    }

    /// Returns the files that hold a secret or a key of this client.
    pub(super) fn secret_files(&self) -> Vec<String> {
        let files = [&self.raw.client_secret_file, &self.raw.private_key_file];
        files.into_iter().flatten().cloned().collect()
    }

    pub(super) fn client_auth(&mut self) -> Option<ClientAuth> {
        let (expected, is_file) = match self.source {
            SettingsSource::Variables => ("post, basic or none", false),
            SettingsSource::File(_) => ("post, basic, none or private_key_jwt", true),
        };
        let text = self.raw.client_auth.take();
        let auth = self.parsed_as("client_auth", text, expected, |text| match text {
            "post" => Some(ClientAuth::Post),
            "basic" => Some(ClientAuth::Basic),
            "none" => Some(ClientAuth::None),
            "private_key_jwt" if is_file => Some(ClientAuth::PrivateKeyJwt),
            _ => None,
        });
        match auth {
            None if self.raw.private_key_file.is_some() => Some(ClientAuth::PrivateKeyJwt),
            // The metadata decides.
            None if self.is_open_id() => None,
            None => Some(ClientAuth::Post),
            some => some,
        }
    }

    pub(super) fn check_secret(
        &mut self,
        auth: Option<ClientAuth>,
        secret: Option<&Secret<String>>,
    ) {
        let needs_none = matches!(auth, Some(ClientAuth::None | ClientAuth::PrivateKeyJwt));
        let is_told = self.has_fault("client_secret") || self.has_fault("client_secret_file");
        if secret.is_none() && !needs_none && !is_told {
            self.fault("client_secret", "is required");
        }
    }

    pub(super) fn pkce(&mut self, auth: Option<ClientAuth>) -> Option<bool> {
        let is_on = self.raw.pkce.or_else(|| default_value("pkce"));
        if is_on == Some(false) && auth == Some(ClientAuth::None) {
            self.fault(
                "pkce",
                "must be on for a public client (OAUTH2_CLIENT_AUTH=none)",
            );
        }
        is_on
    }

    pub(super) fn signing_key(&mut self, auth: Option<ClientAuth>) -> Option<SigningKey> {
        let path = self.raw.private_key_file.take();
        let certificate = self.raw.certificate_file.take();
        let audience = self.raw.client_assertion_audience.take();
        if auth != Some(ClientAuth::PrivateKeyJwt) {
            for (key, value) in [
                ("private_key_file", path),
                ("certificate_file", certificate),
                ("client_assertion_audience", audience),
            ] {
                if value.is_some() {
                    self.fault(key, "is only for client_auth = \"private_key_jwt\"");
                }
            }
            return None;
        }
        let thumbprint = self.thumbprint(certificate);
        let audience = self.assertion_audience(audience)?;
        let Some(path) = path else {
            return self.refuse("private_key_file", "is required by private_key_jwt");
        };
        let pem = self.content("private_key_file", &path)?;
        // Providers that identify a key by its certificate expect the newer padding.
        let of_rsa = match thumbprint {
            Some(_) => Algorithm::PS256,
            None => Algorithm::RS256,
        };
        let Some((key, algorithm)) = private_key(&pem, of_rsa) else {
            let why = format!(
                "contains no RSA, EC P-256, EC P-384 or Ed25519 private key in PKCS#8: {path}"
            );
            return self.refuse("private_key_file", why);
        };
        Some(SigningKey {
            key,
            algorithm,
            id: self.raw.private_key_id.take(),
            thumbprint,
            audience,
        })
    }

    fn thumbprint(&mut self, path: Option<String>) -> Option<String> {
        const KEY: &str = "certificate_file";
        let path = path?;
        let pem = self.content(KEY, &path)?;
        match CertificateDer::from_pem_slice(&pem) {
            Ok(certificate) => Some(sha256(&certificate)),
            Err(_) => self.refuse(KEY, format!("contains no PEM certificate: {path}")),
        }
    }

    fn assertion_audience(&mut self, text: Option<String>) -> Option<AssertionAudience> {
        let is_open_id = self.is_open_id();
        let (usual, expected) = if is_open_id {
            (AssertionAudience::Issuer, "issuer or token_endpoint")
        } else {
            (
                AssertionAudience::TokenEndpoint,
                "token_endpoint, since there is no issuer",
            )
        };
        if text.is_none() {
            return Some(usual);
        }
        self.parsed_as(
            "client_assertion_audience",
            text,
            expected,
            |text| match text {
                "issuer" if is_open_id => Some(AssertionAudience::Issuer),
                "token_endpoint" => Some(AssertionAudience::TokenEndpoint),
                _ => None,
            },
        )
    }

    pub(super) fn ca_file(&mut self) -> Option<Vec<u8>> {
        const KEY: &str = "ca_file";
        let path = self.raw.ca_file.take()?;
        let pem = self.content(KEY, &path)?;
        if is_certificates(&pem) {
            return Some(pem);
        }
        self.refuse(KEY, format!("contains no PEM certificate: {path}"))
    }
}

/// Reads the private key in a file, and returns it with its signing algorithm.
fn private_key(pem: &[u8], of_rsa: Algorithm) -> Option<(EncodingKey, Algorithm)> {
    // The library can tell the kinds apart; a wrong curve shows at the first signature.
    let candidates = [
        (EncodingKey::from_rsa_pem(pem), of_rsa),
        (EncodingKey::from_ec_pem(pem), Algorithm::ES256),
        (EncodingKey::from_ec_pem(pem), Algorithm::ES384),
        (EncodingKey::from_ed_pem(pem), Algorithm::EdDSA),
    ];
    candidates.into_iter().find_map(|(key, algorithm)| {
        let key = key.ok()?;
        let signs = jsonwebtoken::crypto::sign(b"", &key, algorithm).is_ok();
        signs.then_some((key, algorithm))
    })
}

fn is_certificates(pem: &[u8]) -> bool {
    let mut certificates = CertificateDer::pem_slice_iter(pem).peekable();
    certificates.peek().is_some() && certificates.all(|certificate| certificate.is_ok())
}
