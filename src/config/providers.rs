//! What is known of a provider before it is asked anything: its settings, as types. How they are
//! written down is [`read`]'s, what of that can be is [`build`]'s.

mod build;
mod read;

pub use read::is_provider_id;

use std::collections::BTreeMap;
use std::time::Duration;

use jsonwebtoken::{Algorithm, EncodingKey};
use url::Url;

use crate::branding::Twin;
use crate::secret::Secret;

/// The id under which the provider set by variables is stored with each subject.
pub const PROVIDER_ID: &str = "company";

/// A provider that people may sign in with.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "switches of an operator")]
pub struct ProviderSettings {
    /// Stored with each subject; it stays.
    pub id: String,
    /// `None`: "company account", in the reader's language.
    pub label: Option<Twin>,
    /// Of its dot on the sign-in page: `#2c49c4`
    pub color: Option<String>,
    pub order: i64,
    /// `OpenID` Connect: compared byte for byte.
    pub issuer: Option<String>,
    /// Where its metadata is, if not where `OpenID` Connect Discovery 4 says.
    pub discovery_url: Option<Url>,
    /// Under which base this server reaches what browsers reach at the issuer's origin.
    pub internal_base: Option<Url>,
    pub client_id: String,
    /// Empty for a public client and for one with a key.
    pub client_secret: Secret<String>,
    /// `None`: the first of `basic` and `post` that the provider offers.
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
    /// Whether `userinfo` is asked, where there is one.
    pub asks_userinfo: bool,
    /// Whether requests are pushed (RFC 9126) even where the provider does not require it.
    pub pushes_requests: bool,
    /// Whether tokens are taken back there when somebody signs out here.
    pub revokes_tokens: bool,
    pub prompt: Option<String>,
    pub acr_values: Option<String>,
    pub max_age: Option<Duration>,
    pub proves_by: ProvesBy,
    /// Those that an ID token may be signed with.
    pub algorithms: Vec<Algorithm>,
    pub trusted_audiences: Vec<String>,
    pub mapping: Mapping,
    pub admission: Admission,
    pub dialect: Dialect,
    pub recheck: Option<Recheck>,
    pub vouches_for: VouchesFor,
    /// PEM
    pub ca: Option<Vec<u8>>,
    /// What names its settings in messages.
    pub source: Source,
}

/// What was set; discovery gives the rest.
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
pub enum Source {
    Variables,
    /// The table of this name in the file.
    File(String),
}

impl Source {
    /// What an operator knows a setting by.
    #[must_use]
    pub fn name(&self, key: &str) -> String {
        match self {
            Self::Variables => VARIABLES
                .iter()
                .find(|(known, _)| *known == key)
                .map_or_else(
                    || format!("{key} (metadata)"),
                    |(_, name)| (*name).to_owned(),
                ),
            Self::File(id) => format!("FRONTDESK_PROVIDERS {id}.{key}"),
        }
    }
}

/// The variable of each key that the short form has.
const VARIABLES: &[(&str, &str)] = &[
    ("issuer", "OAUTH2_ISSUER"),
    ("client_id", "OAUTH2_CLIENT_ID"),
    ("client_secret", "OAUTH2_CLIENT_SECRET"),
    ("client_auth", "OAUTH2_CLIENT_AUTH"),
    ("redirect_url", "OAUTH2_REDIRECT_URL"),
    ("authorize_url", "OAUTH2_AUTHORIZE_URL"),
    ("internal_url_prefix", "INTERNAL_URL_PREFIX"),
    ("token_url", "OAUTH2_TOKEN_URL"),
    ("profile_url", "OAUTH2_USER_BASE_INFO_URL"),
    ("permissions_url", "OAUTH2_USER_ALL_PERMISSIONS_URL"),
    ("logout_url", "OAUTH2_LOGOUT_URL"),
    ("pkce", "OAUTH2_PKCE"),
    ("scope", "OAUTH2_SCOPE"),
    ("ca_file", "OAUTH2_CA_FILE"),
    ("label", "OAUTH2_PROVIDER_NAME"),
    ("proves_by", "OAUTH2_PROVES_BY"),
    ("recheck", "OAUTH2_RECHECK"),
    ("recheck_rate", "OAUTH2_RECHECK_RATE"),
    ("recheck_with", "OAUTH2_RECHECK_WITH"),
    ("vouches_for", "OAUTH2_VOUCHES_FOR"),
    ("mapping.subject", "OAUTH2_SUBJECT"),
    ("mapping.username", "OAUTH2_USERNAME"),
    ("mapping.first_name", "OAUTH2_FIRST_NAME"),
    ("mapping.email", "OAUTH2_EMAIL"),
    ("mapping.permissions", "OAUTH2_PERMISSIONS"),
    ("mapping.permission_name", "OAUTH2_PERMISSION_NAME"),
    ("permissions_separator", "OAUTH2_PERMISSIONS_SEPARATOR"),
];

/// Which member of which answer is what.
#[derive(Debug, Clone, Default)]
pub struct Mapping {
    pub subject: Pointer,
    pub username: Pointer,
    pub first_name: Pointer,
    pub email: Pointer,
    pub email_verified: Pointer,
    /// Empty: the permissions answer itself, or its `permissions` member.
    pub permissions: Vec<Pointer>,
    /// What stands between the names in a text that holds several; `None`: each text is one name.
    pub permissions_separator: Option<String>,
    /// JSON Pointer (RFC 6901) into one item; `None`: a text, or the object's `codename`.
    pub permission_name: Option<String>,
    /// The provider's name to ours.
    pub permission_names: BTreeMap<String, String>,
    /// Stands before each name that the table does not have.
    pub permission_prefix: String,
    /// Names that the table does not have are dropped.
    pub only_named_permissions: bool,
}

/// A JSON Pointer (RFC 6901), into one document or into whichever has it first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pointer {
    pub document: Option<Document>,
    pub path: String,
}

/// What a provider says of a person, in the order in which it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Document {
    IdToken,
    Userinfo,
    Profile,
    Permissions,
}

impl Document {
    pub const ALL: [Self; 4] = [
        Self::IdToken,
        Self::Userinfo,
        Self::Profile,
        Self::Permissions,
    ];

    /// As settings and the rehearsal write it.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::IdToken => "id_token",
            Self::Userinfo => "userinfo",
            Self::Profile => "profile",
            Self::Permissions => "permissions",
        }
    }
}

impl Pointer {
    /// As it is written down.
    #[must_use]
    pub fn text(&self) -> String {
        match self.document {
            Some(document) => format!("{}:{}", document.code(), self.path),
            None => self.path.clone(),
        }
    }

    /// `/email`, or `userinfo:/email`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (document, path) = match text.split_once(':') {
            Some((code, path)) if !code.starts_with('/') => {
                let document = Document::ALL
                    .into_iter()
                    .find(|document| document.code() == code)?;
                (Some(document), path)
            }
            _ => (None, text),
        };
        path.starts_with('/').then(|| Self {
            document,
            path: path.to_owned(),
        })
    }
}

/// Who may come in at all. Empty lists admit everybody.
#[derive(Debug, Clone, Default)]
pub struct Admission {
    /// In lower case; the address must be a verified one.
    pub email_domains: Vec<String>,
    /// Any of these, by our names.
    pub permissions: Vec<String>,
    /// Members of the answers that must have one of some values, as text.
    pub values: Vec<Rule>,
}

/// One member of an answer, and what it may be.
#[derive(Debug, Clone)]
pub struct Rule {
    /// `None`: of the token answer.
    pub pointer: Option<Pointer>,
    pub token_path: String,
    pub values: Vec<String>,
}

/// How a provider departs from RFC 6749.
#[derive(Debug, Clone)]
pub struct Dialect {
    /// Parameters by other names; an empty one is left out.
    pub authorize_params: BTreeMap<String, String>,
    pub authorize_extra: BTreeMap<String, String>,
    /// The callback's parameter that brings the code.
    pub callback_code: String,
    pub token_request: TokenRequest,
    pub token_params: BTreeMap<String, String>,
    pub token_extra: BTreeMap<String, String>,
    /// JSON Pointer to the object that counts.
    pub token_envelope: Option<String>,
    pub profile_envelope: Option<String>,
    /// A member that each JSON answer has, and its value where all is well.
    pub ok: Option<(String, serde_json::Value)>,
    pub access_token: String,
    pub refresh_token: String,
    pub expires_in: String,
    pub needs_token_type: bool,
    /// Brings the token in place of `Authorization: Bearer`.
    pub token_header: Option<String>,
    pub profile_query: BTreeMap<String, String>,
    pub details_url: Option<Url>,
    pub details_query: BTreeMap<String, String>,
    /// The details are a list: its first item where this JSON Pointer finds `true` counts, and
    /// before the profile.
    pub details_pick: Option<String>,
    /// JSON Pointer to what says what is wrong, and which values of it mean that a code or a
    /// refresh token is refused.
    pub error_member: String,
    pub refused_values: Vec<serde_json::Value>,
}

impl Default for Dialect {
    fn default() -> Self {
        Self {
            authorize_params: BTreeMap::new(),
            authorize_extra: BTreeMap::new(),
            callback_code: "code".to_owned(),
            token_request: TokenRequest::Form,
            token_params: BTreeMap::new(),
            token_extra: BTreeMap::new(),
            token_envelope: None,
            profile_envelope: None,
            ok: None,
            access_token: "/access_token".to_owned(),
            refresh_token: "/refresh_token".to_owned(),
            expires_in: "/expires_in".to_owned(),
            needs_token_type: true,
            token_header: None,
            profile_query: BTreeMap::new(),
            details_url: None,
            details_query: BTreeMap::new(),
            details_pick: None,
            error_member: "/error".to_owned(),
            refused_values: Vec::new(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenRequest {
    Form,
    Json,
    /// A GET, as some providers want it.
    Query,
}

/// How a client shows who it is (RFC 6749 2.3, `OpenID` Connect Core 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAuth {
    Post,
    Basic,
    PrivateKeyJwt,
    None,
}

impl ClientAuth {
    /// As metadata writes it (RFC 8414 2).
    #[must_use]
    pub const fn metadata_code(self) -> &'static str {
        match self {
            Self::Post => "client_secret_post",
            Self::Basic => "client_secret_basic",
            Self::PrivateKeyJwt => "private_key_jwt",
            Self::None => "none",
        }
    }
}

/// What signs for the client.
pub struct SigningKey {
    pub key: EncodingKey,
    pub algorithm: Algorithm,
    /// `kid`
    pub id: Option<String>,
    /// SHA-256 of the certificate that the provider knows the key by (RFC 7515 4.1.8), base64url.
    pub thumbprint: Option<String>,
    pub audience: AssertionAudience,
}

/// Whom a client's own assertion names as its reader (RFC 7523 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AssertionAudience {
    /// As RFC 9126 2 and the newer drafts want it.
    Issuer,
    /// As OpenID Connect Core 9 has it.
    TokenEndpoint,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({:?}, [redacted])", self.algorithm)
    }
}

/// What a fresh sign-in at a provider is proved by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProvesBy {
    /// Its own signed word on when it was, or a prompt that was pushed.
    AuthTime,
    /// `prompt=login` in the browser's address, too, which whoever sits there can take out.
    Prompt,
}

/// What a provider's word counts for here. Where there are several, each is told apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "switches of an operator")]
pub struct VouchesFor {
    /// Its permissions make roles and open what asks for them; otherwise they are only shown.
    pub permissions: bool,
    /// Its people are called as it calls them; otherwise `NAME@ID`.
    pub names: bool,
    /// Its people may land on an imported account of their name.
    pub adoption: bool,
    /// Its identities may be added to an account that exists, by that account's owner.
    pub linking: bool,
    /// Whom it refuses is out by every other way, too.
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

    /// The words of the setting.
    pub const WORDS: [&'static str; 5] = ["permissions", "names", "adoption", "linking", "leaving"];

    /// `None` when one of the words is none of [`Self::WORDS`].
    #[must_use]
    pub fn of<'a>(words: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let mut vouches_for = Self::default();
        for word in words {
            *match word {
                "permissions" => &mut vouches_for.permissions,
                "names" => &mut vouches_for.names,
                "adoption" => &mut vouches_for.adoption,
                "linking" => &mut vouches_for.linking,
                "leaving" => &mut vouches_for.leaving,
                _ => return None,
            } = true;
        }
        Some(vouches_for)
    }

    /// As the setting has it.
    #[must_use]
    pub fn words(self) -> Vec<&'static str> {
        let said = [
            self.permissions,
            self.names,
            self.adoption,
            self.linking,
            self.leaving,
        ];
        let words = Self::WORDS.into_iter().zip(said);
        words
            .filter_map(|(word, is_said)| is_said.then_some(word))
            .collect()
    }
}

/// How people who are signed in are looked up again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recheck {
    pub every: Duration,
    /// At most so many calls a second, for each instance.
    pub rate: u32,
    /// Whether the profile tells that somebody is still there, and not that a refresh token is taken.
    pub asks_profile: bool,
}
