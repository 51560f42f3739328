//! What the fuzz targets know: providers, keys, tokens, and what may be stored.

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use frontdesk::config::{Faults, ProviderSettings, Settings};
use frontdesk::oauth::jwt::Jwt;
use frontdesk::oauth::keys::Key;
use frontdesk::oauth::{json, keys};
use frontdesk::text::is_forbidden;

/// 2027-01-15
pub(crate) const NOW: i64 = 1_800_000_000;
/// What an access token's life is cut to: ten years, in seconds.
pub(crate) const LONGEST: u64 = 315_360_000;
pub(crate) const LEEWAY: f64 = 60.0;

pub(crate) const ISSUER: &str = "https://id.example.com/realms/a";
pub(crate) const CLIENT: &str = "frontdesk";
pub(crate) const TRUSTED: &str = "other-app";
pub(crate) const NONCE: &str = "n-0S6_WzA2Mj";
pub(crate) const SUB: &str = "248289761001";
pub(crate) const ACCESS_TOKEN: &str = "SlAV32hkKG";
pub(crate) const CODE: &str = "SplxlOBeZQQYbYS6WxSbIA";
pub(crate) const MAX_AGE: u64 = 3600;
pub(crate) const FRESH: u64 = 600;
pub(crate) const ACR: &[&str] = &["gold", "silver"];

/// The providers whose answers these might be.
pub(crate) const PROVIDERS: &str = r#"
[company]
kind = "oauth2"
vouches_for = []
client_id = "frontdesk"
client_secret = "company-0123456789abcdefghijklmnop"
authorize_url = "https://portal.example.com/o/authorize/"
token_url = "https://portal.example.com/o/token/"
profile_url = "https://portal.example.com/public-api/current_user/base_info"
permissions_url = "https://portal.example.com/public-api/current_user/all_permissions"

[nested]
kind = "oauth2"
vouches_for = []
client_id = "frontdesk"
client_secret = "nested-0123456789abcdefghijklmnop"
authorize_url = "https://portal.example.com/o/authorize/"
token_url = "https://portal.example.com/o/token/"
profile_url = "https://portal.example.com/me"
only_named_permissions = true
admit_values = { "token:/tenant/id" = ["7"] }
[nested.mapping]
subject = "/data/user/0/id"
username = "/data/user/0/login~1name"
first_name = "/data/user/0/names/zh"
email = "userinfo:/data/mails/0"
email_verified = "/data/mails_verified"
permissions = ["/data/roles", "permissions:/result/items"]
permission_name = "/role/code"
[nested.permission_names]
"desk-admins" = "frontdesk.admin"
"noise" = ""
[nested.dialect]
token_envelope = "/data/0"
ok_member = "/success"
ok_value = true
access_token = "/accessToken"
refresh_token = "/refreshToken"
expires_in = "/expireIn"
token_type = false

[keycloak]
kind = "openid"
vouches_for = []
issuer = "https://id.example.com/realms/a"
client_id = "frontdesk"
client_secret = "keycloak-0123456789abcdefghijklm"
trusted_audiences = ["other-app"]
permission_prefix = "kc."
mapping = { permissions = ["/groups", "/realm_access/roles"] }

[inside]
kind = "openid"
vouches_for = []
issuer = "https://sso.example.com"
internal_url_prefix = "http://keycloak:8080/auth/"
client_id = "frontdesk"
client_secret = "inside-0123456789abcdefghijklmnop"

[entra]
kind = "openid"
vouches_for = []
issuer = "https://login.microsoftonline.com/8eaef023-2b34-4da1-9baa-8bc8c9d6a490/v2.0"
client_id = "frontdesk"
client_secret = "entra-0123456789abcdefghijklmnop"

[local]
kind = "openid"
vouches_for = []
issuer = "http://127.0.0.1:3000"
client_id = "frontdesk"
client_secret = "local-0123456789abcdefghijklmnop"

[feishu]
kind = "feishu"
vouches_for = []
client_id = "cli_a1"
client_secret = "feishu-0123456789abcdefghijklmnop"

[dingtalk]
kind = "dingtalk"
vouches_for = []
client_id = "ding1"
client_secret = "dingtalk-0123456789abcdefghijklm"

[wecom]
kind = "wecom"
vouches_for = []
client_id = "ww1"
client_secret = "wecom-0123456789abcdefghijklmnop"

[github]
kind = "github"
vouches_for = []
client_id = "Iv1"
client_secret = "github-0123456789abcdefghijklmnop"
"#;

/// Keys with which none of the inputs is signed.
pub(crate) const KEYS: &str = r#"{
  "keys": [
    {
      "kty": "RSA",
      "kid": "r1",
      "n": "ztWbOpkmhLiA0doXh6geV7v8SjV-GZef1p39D6e6GV1hzQ1qhLhMnMoJKNv3Eqr2lYnJjGIHd1TtWFfUEUJK-Bw2Gbf4QAo-yGrdpKv99VDUkTZZEdbnSzdiJyRhJ24BxfhIYwpXsyDx-ymvJoWsd8eTIGkQ-MBY_qQmXlPOVErGGjykIUS3G59EjkICjHh60IB-6y-dfMWoD5yG1BQu_zPvaOeiwRBjxjmNvYo-6SUX5Mx-vJjFmwXVVrppxTRzEuXpYvN01oTOkp5TjnaIeRzKiZGuEB5Exe6z6l9TjkNHT826rEkhDBPiLVhaGdwNeM_CMMIvG-GR_gGDfgDsiw",
      "e": "AQAB"
    },
    {
      "kty": "EC",
      "crv": "P-256",
      "kid": "e256",
      "x": "uZbOtLSTiHZrkggGsU2lwQropMbOimHts1jpLrNGXKs",
      "y": "gyjgdmY3u53uxUzV2OORCiHcJvp6QxZ45By2JtpiZ48"
    },
    {
      "kty": "EC",
      "crv": "P-384",
      "kid": "e384",
      "x": "K-h-XRxVWed7oSndte1KZVZASkGSW-t7ik9fQJyWA_AN0EJkQacOVksRF7sakL_D",
      "y": "B37Ag_9jZWDxz-la-zCaYQDu0YQ6CRq2dZ31d-5TN109vleSbmzkHMwI_l3iYV5w"
    },
    {
      "kty": "OKP",
      "crv": "Ed25519",
      "kid": "d1",
      "x": "39jeXxcok5cBGlPM2GGWzuJGg0cmA6Si2sg_ToPGXbM"
    }
  ]
}"#;

/// One token for each kind of key, whose signature nobody made.
pub(crate) static UNSIGNED: LazyLock<Vec<Jwt>> = LazyLock::new(|| {
    [
        ("RS256", 256),
        ("PS256", 256),
        ("ES256", 64),
        ("ES384", 96),
        ("EdDSA", 64),
    ]
    .into_iter()
    .map(|(algorithm, length)| {
        let header = format!(r#"{{"alg":"{algorithm}"}}"#);
        let signature = vec![0x5a_u8; length];
        let text = [header.as_bytes(), b"{}", &signature]
            .map(|part| URL_SAFE_NO_PAD.encode(part))
            .join(".");
        Jwt::parse(&text).unwrap_or_else(|cause| panic!("{cause:?}"))
    })
    .collect()
});

pub(crate) static SETTINGS: LazyLock<Vec<ProviderSettings>> = LazyLock::new(|| {
    settings(PROVIDERS.as_bytes())
        .unwrap_or_else(|faults| panic!("{faults}"))
        .providers
});

pub(crate) static SIGNING_KEYS: LazyLock<Vec<Key>> = LazyLock::new(|| {
    let document = json::parse(KEYS.as_bytes()).expect("JSON");
    let keys = keys::parse(&document).unwrap_or_else(|cause| panic!("{cause:?}"));
    assert_eq!(keys.len(), 4);
    keys
});

/// The settings of a portal with this file of providers.
pub(crate) fn settings(toml: &[u8]) -> Result<Settings, Faults> {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(toml).expect("a file that can be written");
    let path = file.path().to_str().expect("Unicode").to_owned();
    let variables = [
        ("FRONTDESK_PROVIDERS", path),
        (
            "FRONTDESK_PUBLIC_URL",
            "https://desk.example.com".to_owned(),
        ),
        ("DATABASE_URL", "desk.sqlite3".to_owned()),
        (
            "SECRET_KEY",
            "fuzz-0123456789abcdefghijklmnopqrstuvwxyz".to_owned(),
        ),
    ];
    let variables: HashMap<String, String> = variables
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    Settings::parse(&variables)
}

pub(crate) fn provider(id: &str) -> Option<&'static ProviderSettings> {
    SETTINGS.iter().find(|settings| settings.id == id)
}

/// The first line, and what is after it. Without a second line all is the rest.
pub(crate) fn parted(data: &[u8]) -> (&str, &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n');
    let (head, rest) = match end {
        Some(end) => (&data[..end], &data[end + 1..]),
        None => (&[][..], data),
    };
    (std::str::from_utf8(head).unwrap_or_default(), rest)
}

pub(crate) fn is_visible(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Whether `text` may be stored under a limit.
pub(crate) fn is_name(text: &str, max: usize) -> bool {
    text.chars().count() <= max && !text.chars().any(is_forbidden)
}
