//! The settings of a provider, as types: what is known before the provider is asked anything.
//! [`read`] takes them from the variables and the file, and [`build`] checks them.

mod build;
mod read;

pub use read::is_provider_id;

use std::collections::BTreeMap;
use std::time::Duration;

use jsonwebtoken::{Algorithm, EncodingKey};
use strum::{EnumString, IntoStaticStr};
use url::Url;

use super::settings::variable;
use crate::branding::Bilingual;
use crate::coded::coded;
use crate::secret::Secret;

/// The id under which the provider set by variables is stored with each subject.
pub const PROVIDER_ID: &str = "company";

/// A provider that people may sign in with.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "switches of an operator")]
pub struct ProviderSettings {
    /// Stored with each subject, so it must never change.
    pub id: String,
    /// `None` means "company account", in the reader's language.
    pub label: Option<Bilingual>,
    /// The colour of its dot on the sign-in page: `#2c49c4`
    pub color: Option<String>,
    pub order: i64,
    /// `OpenID` Connect: compared byte for byte.
    pub issuer: Option<String>,
    /// The address of its metadata, if it differs from the one in `OpenID` Connect Discovery 4.
    pub discovery_url: Option<Url>,
    /// The address at which this server reaches what browsers reach at the issuer's origin.
    pub internal_base: Option<Url>,
    pub client_id: String,
    /// Empty for a public client and for one that uses a key.
    pub client_secret: Secret<String>,
    /// `None` means the first of `basic` and `post` that the provider offers.
    pub client_auth: Option<ClientAuth>,
    /// The files that hold a secret or a key of this client.
    pub secret_files: Vec<String>,
    /// For `private_key_jwt`.
    pub signing_key: Option<SigningKey>,
    pub pkce: bool,
    pub scope: Option<String>,
    /// Sent byte for byte as it was set.
    pub redirect_url: String,
    /// The path of `redirect_url`.
    pub callback_path: String,
    pub addresses: Addresses,
    /// `userinfo` is read if the provider has it.
    pub asks_userinfo: bool,
    /// Requests are pushed (RFC 9126) even if the provider does not require it.
    pub pushes_requests: bool,
    /// Tokens are revoked at the provider when their owner signs out here.
    pub revokes_tokens: bool,
    pub prompt: Option<String>,
    pub acr_values: Option<String>,
    pub max_age: Option<Duration>,
    pub proves_by: ProvesBy,
    /// The algorithms that an ID token may be signed with.
    pub algorithms: Vec<Algorithm>,
    pub trusted_audiences: Vec<String>,
    pub mapping: Mapping,
    pub admission: AdmissionRules,
    pub dialect: Dialect,
    pub recheck: Option<Recheck>,
    pub vouches_for: VouchesFor,
    /// The certificate authorities, as PEM.
    pub ca: Option<Vec<u8>>,
    /// Used to name the settings in messages.
    pub source: SettingsSource,
}

impl ProviderSettings {
    /// Returns whether the provider gives permissions at all.
    pub fn gives_permissions(&self) -> bool {
        self.addresses.permissions.is_some() || !self.mapping.permissions.is_empty()
    }
}

/// The addresses that were set. Discovery provides the rest.
#[derive(Debug, Clone, Default)]
pub struct Addresses {
    pub authorize: Option<Url>,
    pub token: Option<Url>,
    pub userinfo: Option<Url>,
    pub profile: Option<Url>,
    pub permissions: Option<Url>,
    pub jwks: Option<Url>,
    pub pushed_requests: Option<Url>,
    pub revocation: Option<Url>,
    pub end_session: Option<Url>,
    /// Where people sign out of a provider that has no `end_session`.
    pub logout: Option<Url>,
}

/// Where a provider's settings come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingsSource {
    Variables,
    /// The table of this name in the file.
    File(String),
}

impl SettingsSource {
    /// Returns the name by which an operator knows a setting.
    pub fn name(&self, key: &str) -> String {
        match self {
            Self::Variables => variable(key).map_or_else(
                || format!("{key} (metadata)"),
                |variable| variable.option.name.to_owned(),
            ),
            Self::File(id) => format!("FRONTDESK_PROVIDERS {id}.{key}"),
        }
    }
}

/// Where each field of a person stands in the provider's answers.
#[derive(Debug, Clone, Default)]
pub struct Mapping {
    pub subject: Pointer,
    pub username: Pointer,
    pub first_name: Pointer,
    pub email: Pointer,
    pub email_verified: Pointer,
    /// If empty, the permissions answer itself, or its `permissions` member.
    pub permissions: Vec<Pointer>,
    /// The separator of names in a text that holds several. `None` means that each text is one
    /// name.
    pub permissions_separator: Option<String>,
    /// A JSON Pointer (RFC 6901) into one item. `None` means a text, or the object's `codename`.
    pub permission_name: Option<String>,
    /// Our name for each of the provider's.
    pub permission_names: BTreeMap<String, String>,
    /// Prefixed to each name that the table does not have.
    pub permission_prefix: String,
    /// Names that the table does not have are dropped.
    pub only_named_permissions: bool,
}

/// A JSON Pointer (RFC 6901) into one document, or into the first document that has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pointer {
    pub document: Option<Document>,
    pub path: String,
}

/// The documents in which a provider describes a person, in the order of precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Document {
    IdToken,
    Userinfo,
    Profile,
    Permissions,
}

coded!(Document);

impl Document {
    pub const ALL: [Self; 4] = [
        Self::IdToken,
        Self::Userinfo,
        Self::Profile,
        Self::Permissions,
    ];
}

impl Pointer {
    /// Returns the text that [`Self::parse`] reads.
    pub fn text(&self) -> String {
        match self.document {
            Some(document) => format!("{}:{}", document.code(), self.path),
            None => self.path.clone(),
        }
    }

    /// Parses `/email` or `userinfo:/email`.
    pub fn parse(text: &str) -> Option<Self> {
        let (document, path) = match text.split_once(':') {
            Some((code, path)) if !code.starts_with('/') => {
                (Some(Document::from_code(code)?), path)
            }
            _ => (None, text),
        };
        path.starts_with('/').then(|| Self {
            document,
            path: path.to_owned(),
        })
    }
}

/// The rules on who may sign in at all. Empty lists admit everyone.
#[derive(Debug, Clone, Default)]
pub struct AdmissionRules {
    /// In lower case; the address must be a verified one.
    pub email_domains: Vec<String>,
    /// Any of these permissions, by our names.
    pub permissions: Vec<String>,
    /// Members of the answers that must have one of some values, as text.
    pub values: Vec<AdmissionRule>,
}

/// One member of an answer, and the values that it may have.
#[derive(Debug, Clone)]
pub struct AdmissionRule {
    /// `None` means that the member is in the token answer.
    pub pointer: Option<Pointer>,
    pub token_path: String,
    pub values: Vec<String>,
}

/// The ways in which a provider departs from RFC 6749.
#[derive(Debug, Clone)]
pub struct Dialect {
    /// Other names for parameters; a parameter with an empty name is left out.
    pub authorize_params: BTreeMap<String, String>,
    pub authorize_extra: BTreeMap<String, String>,
    /// The callback parameter that carries the code.
    pub callback_code: String,
    pub token_request: TokenRequest,
    pub token_params: BTreeMap<String, String>,
    pub token_extra: BTreeMap<String, String>,
    /// A JSON Pointer to the object that holds the answer.
    pub token_envelope: Option<String>,
    pub profile_envelope: Option<String>,
    /// A member of each JSON answer, and its value when the call succeeded.
    pub ok: Option<(String, serde_json::Value)>,
    pub access_token: String,
    pub refresh_token: String,
    pub expires_in: String,
    pub needs_token_type: bool,
    /// The header that carries the token in place of `Authorization: Bearer`.
    pub token_header: Option<String>,
    pub profile_query: BTreeMap<String, String>,
    pub details_url: Option<Url>,
    pub details_query: BTreeMap<String, String>,
    /// The details are a list. The first item where this JSON Pointer finds `true` is used, and
    /// takes precedence over the profile.
    pub details_pick: Option<String>,
    /// A JSON Pointer to the member that says what is wrong.
    pub error_member: String,
    /// The values of that member that mean that a code or a refresh token is refused.
    pub refused_values: Vec<serde_json::Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum TokenRequest {
    Form,
    Json,
    /// A GET, which some providers require.
    Query,
}

/// The method by which a client proves its identity (RFC 6749 2.3, `OpenID` Connect Core 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAuth {
    Post,
    Basic,
    PrivateKeyJwt,
    None,
}

impl ClientAuth {
    /// Returns its name in metadata (RFC 8414 2).
    pub const fn metadata_code(self) -> &'static str {
        match self {
            Self::Post => "client_secret_post",
            Self::Basic => "client_secret_basic",
            Self::PrivateKeyJwt => "private_key_jwt",
            Self::None => "none",
        }
    }
}

/// The key with which the client signs its assertions.
pub struct SigningKey {
    pub key: EncodingKey,
    pub algorithm: Algorithm,
    /// Sent as `kid`.
    pub id: Option<String>,
    /// The SHA-256 of the certificate by which the provider knows the key (RFC 7515 4.1.8),
    /// base64url.
    pub thumbprint: Option<String>,
    pub audience: AssertionAudience,
}

/// The audience of a client's own assertion (RFC 7523 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AssertionAudience {
    /// The issuer, as RFC 9126 2 and the newer drafts require.
    Issuer,
    /// The token endpoint, as OpenID Connect Core 9 has it.
    TokenEndpoint,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({:?}, [redacted])", self.algorithm)
    }
}

/// The proof of a fresh sign-in at a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum ProvesBy {
    /// The time of the sign-in, signed by the provider, or a pushed prompt.
    AuthTime,
    /// Also `prompt=login` in the browser's address, which the person at the browser can remove.
    Prompt,
}

/// The matters in which a provider's word counts here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "switches of an operator")]
pub struct VouchesFor {
    /// Its permissions make roles and grant access; otherwise they are only shown.
    pub permissions: bool,
    /// Its people get the usernames that it gives them; otherwise `NAME@ID`.
    pub names: bool,
    /// Its people may adopt an imported account with their name.
    pub adoption: bool,
    /// Its identities may be linked to an existing account, by that account's owner.
    pub linking: bool,
    /// People whom it refuses are signed out, however they signed in.
    pub leaving: bool,
}

impl VouchesFor {
    pub const ALL: Self = Self {
        permissions: true,
        names: true,
        adoption: true,
        linking: true,
        leaving: true,
    };

    /// The words that the setting accepts.
    pub const WORDS: [&'static str; 5] = ["permissions", "names", "adoption", "linking", "leaving"];

    /// Parses the words. Returns `None` if one is not among [`Self::WORDS`].
    pub fn of<'a>(words: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let mut vouches_for = Self::default();
        for word in words {
            let place = Self::WORDS.iter().position(|known| *known == word)?;
            **vouches_for.switches().get_mut(place)? = true;
        }
        Some(vouches_for)
    }

    /// Returns the words that the setting contains.
    pub fn words(mut self) -> Vec<&'static str> {
        let words = Self::WORDS.into_iter().zip(self.switches());
        words
            .filter_map(|(word, is_on)| is_on.then_some(word))
            .collect()
    }

    /// Returns the switches in the order of [`Self::WORDS`].
    const fn switches(&mut self) -> [&mut bool; 5] {
        [
            &mut self.permissions,
            &mut self.names,
            &mut self.adoption,
            &mut self.linking,
            &mut self.leaving,
        ]
    }
}

/// The re-check of people who are signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recheck {
    pub every: Duration,
    /// The most calls per second by each instance.
    pub rate: u32,
    /// The profile address, instead of the refresh token, tells who is still there.
    pub asks_profile: bool,
}
