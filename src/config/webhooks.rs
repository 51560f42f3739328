//! The file of outgoing webhooks: who is told of what, where, and how. Every fault of the file is
//! reported with the name of its hook and its line. No fault shows a value that may be a secret.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;
use strum::{EnumString, IntoStaticStr, VariantArray};
use url::{Host, Url};

use super::is_provider_id;
use super::reader::{AlreadyReported, Reader, Reading, unreadable};
use super::settings::OptionSpec;
use super::values::{http_url, one_of};
use crate::coded::coded;
use crate::secret::Secret;
use crate::text::is_forbidden;

const NAME: &str = "FRONTDESK_WEBHOOKS";
const HEADER: &str = "[[webhook]]";
/// The refused sign-ins within an hour of which a hook is told, unless it says otherwise.
const REFUSED_PER_HOUR: i64 = 100;
const MAX_PREFIX: usize = 40;
const MAX_HOOKS: usize = 50;

/// What a receiver understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum WebhookKind {
    /// JSON with the headers of Standard Webhooks.
    Json,
    Feishu,
    Dingtalk,
    Wecom,
    Slack,
}

coded!(WebhookKind);

impl WebhookKind {
    /// Returns whether this kind signs what it sends.
    pub const fn signs(self) -> bool {
        matches!(self, Self::Json | Self::Feishu | Self::Dingtalk)
    }
}

/// What a hook can ask to be told of. The codes are stored, and sent to receivers.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, EnumString, IntoStaticStr, VariantArray,
)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum WebhookEvent {
    AccessRequested,
    AccountCreated,
    RefusedSignIns,
    AdminMade,
    AccountDeactivated,
    ProviderUnreachable,
    WebhookFailing,
}

coded!(WebhookEvent);

/// Where the address of a receiver is. The address of a robot is its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WebhookAddress {
    Url(Secret<Url>),
    /// A file whose first line is the address, read at each try.
    File(String),
}

/// One outgoing webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookSettings {
    pub name: String,
    pub kind: WebhookKind,
    pub address: WebhookAddress,
    /// Read at each try. Each line is a secret.
    pub secret_file: Option<String>,
    pub events: BTreeSet<WebhookEvent>,
    /// The keys of the apps whose requests are told; all of them if this is empty.
    pub apps: Vec<String>,
    /// The word with which each message begins.
    pub prefix: Option<String>,
    pub allow_private: bool,
    /// Calls go through this proxy, so that the receiver's network address cannot be checked.
    pub proxy: Option<Secret<Url>>,
    /// Additional certificate authorities, in PEM.
    pub ca: Option<Vec<u8>>,
    pub refused_sign_ins_per_hour: i64,
}

impl WebhookSettings {
    /// The files that are read again at each try.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        let address = match &self.address {
            WebhookAddress::Url(_) => None,
            WebhookAddress::File(path) => Some(path.as_str()),
        };
        address.into_iter().chain(self.secret_file.as_deref())
    }
}

/// What an address lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadAddress {
    NoUrl,
    NotHttps,
}

/// Reads a receiver's address: https, or http to this machine.
pub fn webhook_url(text: &str) -> Result<Secret<Url>, BadAddress> {
    let url = http_url(text.trim()).ok_or(BadAddress::NoUrl)?;
    if url.scheme() == "https" || is_loopback(&url) {
        Ok(Secret::new(url))
    } else {
        Err(BadAddress::NotHttps)
    }
}

/// Returns whether an address itself says that it is on this machine. A name that only resolves to
/// this machine does not.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// A hook as described, before anything is checked.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Raw {
    name: Option<String>,
    kind: Option<String>,
    url: Option<String>,
    url_file: Option<String>,
    secret_file: Option<String>,
    events: Vec<String>,
    apps: Vec<String>,
    prefix: Option<String>,
    allow_private: bool,
    proxy: Option<String>,
    ca_file: Option<String>,
    refused_sign_ins_per_hour: Option<i64>,
}

impl Reader<'_> {
    /// Reads all webhooks, in the order of their file.
    pub(super) fn webhooks(&mut self, option: &OptionSpec) -> Reading<Vec<WebhookSettings>> {
        let Some(path) = self.text(option.name) else {
            return Ok(Vec::new());
        };
        let text = std::fs::read_to_string(&path)
            .map_err(|error| self.fault(NAME, unreadable(&path, &error)))?;
        let mut file: toml::Table = toml::from_str(&text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start));
            let line = before.map_or(1, |before| 1 + before.matches('\n').count());
            self.fault(NAME, format!("cannot be read: {path}, line {line}"))
        })?;
        let tables = match file.remove("webhook") {
            Some(toml::Value::Array(tables)) => tables,
            None => Vec::new(),
            Some(_) => return Err(self.fault(NAME, "must describe each hook below [[webhook]]")),
        };
        for key in file.keys() {
            let problem = "is not a known key; each hook begins with [[webhook]]";
            self.fault(&format!("{NAME} {}", shown(key)), problem);
        }
        if tables.is_empty() {
            return Err(self.fault(NAME, format!("names a file without webhooks: {path}")));
        }
        if tables.len() > MAX_HOOKS {
            return Err(self.fault(NAME, format!("has more than {MAX_HOOKS} webhooks")));
        }
        let number = tables.len();
        let blocks = Blocks::of(&text);
        let mut hooks: Vec<WebhookSettings> = Vec::new();
        for (at, table) in tables.into_iter().enumerate() {
            let folder = Path::new(&path).parent();
            let block = blocks.block(at);
            let known: Vec<String> = hooks.iter().map(|hook| hook.name.clone()).collect();
            hooks.extend(self.webhook(at, table, folder, block, &known).ok());
        }
        let is_whole = hooks.len() == number && file.is_empty();
        is_whole.then_some(hooks).ok_or(AlreadyReported)
    }

    fn webhook(
        &mut self,
        at: usize,
        table: toml::Value,
        folder: Option<&Path>,
        block: Block<'_>,
        known: &[String],
    ) -> Reading<WebhookSettings> {
        let given = table.get("name").and_then(toml::Value::as_str);
        let has_name = given.is_some_and(is_provider_id);
        let label = match given {
            Some(name) if has_name => name.to_owned(),
            _ => format!("hook {}", at + 1),
        };
        let mut checks = Checks {
            reader: self,
            label: format!("{NAME} {label}"),
            block,
            has_fault: false,
        };
        if !has_name {
            checks.fault(
                "name",
                "must be a name of at most 32 lower-case letters, digits, - and _",
            );
        } else if known.contains(&label) {
            checks.fault("name", "is the name of another hook, too");
        }
        let toml::Value::Table(table) = table else {
            checks.fault("name", "must be a table, below [[webhook]]");
            return Err(AlreadyReported);
        };
        let Ok(raw) = table.clone().try_into::<Raw>() else {
            checks.name_bad_keys(table);
            return Err(AlreadyReported);
        };
        let settings = checks.hook(label, raw, folder);
        let is_good = !checks.has_fault;
        settings.filter(|_| is_good).ok_or(AlreadyReported)
    }
}

/// The checks of one hook.
struct Checks<'a, 'b> {
    reader: &'a mut Reader<'b>,
    /// `FRONTDESK_WEBHOOKS ops`
    label: String,
    block: Block<'a>,
    has_fault: bool,
}

impl Checks<'_, '_> {
    fn fault(&mut self, key: &str, problem: &str) {
        self.has_fault = true;
        let line = self.block.line_of(key);
        let name = format!("{}.{key}", self.label);
        self.reader.fault(&name, format!("{problem} (line {line})"));
    }

    fn hook(&mut self, name: String, raw: Raw, folder: Option<&Path>) -> Option<WebhookSettings> {
        let beside = |file: String| match folder {
            Some(folder) => folder.join(&file).to_string_lossy().into_owned(),
            None => file,
        };
        let kind = self.kind(raw.kind.as_deref());
        let address = self.address(raw.url.as_deref(), raw.url_file.map(beside));
        let secret_file = raw.secret_file.map(beside);
        match (kind, &secret_file) {
            (Some(WebhookKind::Json), None) => {
                self.fault("secret_file", "is required: receivers check the signature");
            }
            (Some(kind), Some(_)) if !kind.signs() => {
                self.fault(
                    "secret_file",
                    "is not for this kind, whose address is all there is",
                );
            }
            _ => {}
        }
        let events = self.events(&raw.events);
        self.apps(&raw.apps, &events);
        let prefix = raw.prefix.map(|prefix| prefix.trim().to_owned());
        if let Some(prefix) = &prefix {
            let is_long = prefix.chars().count() > MAX_PREFIX;
            if prefix.is_empty() || is_long || prefix.chars().any(is_forbidden) {
                self.fault("prefix", "must be one line of 1 to 40 characters");
            }
        }
        let per_hour = raw.refused_sign_ins_per_hour.unwrap_or(REFUSED_PER_HOUR);
        if !(1..=10_000).contains(&per_hour) {
            self.fault(
                "refused_sign_ins_per_hour",
                "must be a number from 1 to 10000",
            );
        }
        let proxy = self.proxy(raw.proxy.as_deref());
        let ca = self.ca(raw.ca_file.map(beside));
        Some(WebhookSettings {
            name,
            kind: kind?,
            address: address?,
            secret_file,
            events,
            apps: raw.apps,
            prefix,
            allow_private: raw.allow_private,
            proxy,
            ca,
            refused_sign_ins_per_hour: per_hour,
        })
    }

    fn kind(&mut self, code: Option<&str>) -> Option<WebhookKind> {
        let kind = code.and_then(WebhookKind::from_code);
        if kind.is_none() {
            let codes: Vec<_> = WebhookKind::VARIANTS
                .iter()
                .map(|kind| kind.code())
                .collect();
            self.fault("kind", &format!("must be {}", one_of(&codes)));
        }
        kind
    }

    fn address(&mut self, url: Option<&str>, file: Option<String>) -> Option<WebhookAddress> {
        match (url, file) {
            (Some(url), None) => match webhook_url(url) {
                Ok(url) => return Some(WebhookAddress::Url(url)),
                Err(BadAddress::NoUrl) => {
                    self.fault("url", "must be an address that starts with https://");
                }
                Err(BadAddress::NotHttps) => {
                    self.fault(
                        "url",
                        "must start with https://, unless it is on this machine",
                    );
                }
            },
            (None, Some(file)) => return Some(WebhookAddress::File(file)),
            (None, None) => self.fault("url", "is required, or url_file"),
            (Some(_), Some(_)) => self.fault("url_file", "and url are both set; keep one"),
        }
        None
    }

    fn events(&mut self, codes: &[String]) -> BTreeSet<WebhookEvent> {
        let known = codes.iter().map(|code| WebhookEvent::from_code(code));
        let known: Option<BTreeSet<_>> = known.collect();
        match known {
            Some(events) if !events.is_empty() => events,
            _ => {
                let codes: Vec<_> = WebhookEvent::VARIANTS
                    .iter()
                    .map(|one| one.code())
                    .collect();
                self.fault("events", &format!("must be a list of {}", one_of(&codes)));
                BTreeSet::new()
            }
        }
    }

    fn apps(&mut self, apps: &[String], events: &BTreeSet<WebhookEvent>) {
        if apps.is_empty() {
            return;
        }
        let is_key = |key: &String| {
            let is_good = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
            !key.is_empty() && key.bytes().all(is_good)
        };
        if !apps.iter().all(is_key) {
            self.fault(
                "apps",
                "must be a list of keys: lower-case letters, digits and -",
            );
        } else if !events.is_empty() && !events.contains(&WebhookEvent::AccessRequested) {
            self.fault(
                "apps",
                "is only for hooks with access_requested in their events",
            );
        }
    }

    fn proxy(&mut self, url: Option<&str>) -> Option<Secret<Url>> {
        let url = url?;
        let parsed = Url::parse(url)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.host_str().is_some());
        if parsed.is_none() {
            self.fault(
                "proxy",
                "must be an address that starts with http:// or https://",
            );
        }
        parsed.map(Secret::new)
    }

    fn ca(&mut self, path: Option<String>) -> Option<Vec<u8>> {
        let path = path?;
        let read = std::fs::read(&path);
        if let Err(error) = &read {
            self.fault("ca_file", &unreadable(&path, error));
        }
        read.ok()
    }

    /// Reports each key that is unknown or has a value of the wrong type, without its value.
    fn name_bad_keys(&mut self, table: toml::Table) {
        for (key, value) in table {
            let alone = toml::Table::from_iter([(key.clone(), value)]);
            let Err(error) = alone.try_into::<Raw>() else {
                continue;
            };
            let problem = if error.message().starts_with("unknown field") {
                "is not a known key; see docs/webhooks.md for the list"
            } else {
                "has a value of the wrong type: texts must be in quotes, lists in [ ]"
            };
            self.fault(shown(&key), problem);
        }
    }
}

/// A key as a fault shows it. A line with its parts mixed up may have a secret for a key.
fn shown(key: &str) -> &str {
    let is_word = key.len() <= 32 && key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    if is_word { key } else { "(key)" }
}

/// The lines of the file, and where each hook begins.
struct Blocks<'a> {
    lines: Vec<&'a str>,
    starts: Vec<usize>,
}

/// The lines of one hook; the first has the number `start` + 1.
#[derive(Clone, Copy)]
struct Block<'a> {
    start: usize,
    lines: &'a [&'a str],
}

impl<'a> Blocks<'a> {
    fn of(text: &'a str) -> Self {
        let lines: Vec<&str> = text.lines().collect();
        let is_start = |line: &str| line.replace(' ', "").starts_with(HEADER);
        let starts = (0..lines.len())
            .filter(|at| lines.get(*at).is_some_and(|line| is_start(line)))
            .collect();
        Self { lines, starts }
    }

    fn block(&self, at: usize) -> Block<'_> {
        let start = self.starts.get(at).copied().unwrap_or(0);
        let end = self.starts.get(at + 1).copied().unwrap_or(self.lines.len());
        Block {
            start,
            lines: self.lines.get(start..end).unwrap_or_default(),
        }
    }
}

impl Block<'_> {
    /// Returns the number of the line with this key, or of the hook's first line.
    fn line_of(&self, key: &str) -> usize {
        let is_it = |line: &&str| {
            let rest = line.trim_start().strip_prefix(key);
            rest.is_some_and(|rest| rest.trim_start().starts_with('='))
        };
        let within = self.lines.iter().position(is_it).unwrap_or(0);
        self.start + within + 1
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn read(toml: &str) -> Result<Vec<WebhookSettings>, Vec<String>> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("webhooks.toml");
        std::fs::write(&path, toml).expect("a file");
        let name = NAME.to_owned();
        let variables = HashMap::from([(name, path.to_string_lossy().into_owned())]);
        let read = Reader::run(&variables, crate::config::Settings::webhooks);
        read.map_err(|faults| faults.lines().to_vec())
    }

    #[test]
    fn a_hook_is_read_with_its_defaults() {
        let hooks = read(
            "[[webhook]]\nname = 'ops'\nkind = 'feishu'\nurl = 'https://open.feishu.cn/open-apis/bot/v2/hook/KEY'\nevents = ['account_created']\n",
        )
        .unwrap_or_default();
        let hook = hooks.first().expect("a hook");
        assert_eq!(
            (hook.name.as_str(), hook.kind),
            ("ops", WebhookKind::Feishu)
        );
        assert_eq!(hook.refused_sign_ins_per_hour, REFUSED_PER_HOUR);
        assert!(!format!("{hook:?}").contains("KEY"));
    }

    #[test]
    fn a_file_that_is_no_toml_is_refused_with_the_line() {
        for (text, line) in [
            ("= 'SECRET'\n", 1),
            ("[[webhook]]\nname = 'ops'\n= 'SECRET'\n", 3),
            ("[[webhook]]\nname = = 'SECRET'\n", 2),
        ] {
            let faults = read(text).expect_err("a fault").concat();
            assert!(faults.ends_with(&format!(", line {line}")), "{faults}");
            assert!(!faults.contains("SECRET"), "{faults}");
        }
    }

    #[test]
    fn all_faults_are_named_at_once_by_hook_and_line_and_show_no_secret() {
        let faults = read(
            "[[webhook]]\n\
             name = 'ops'\n\
             kind = 'teams'\n\
             url = 'http://hooks.example.com/SECRET'\n\
             events = ['everything']\n\
             \n\
             [[webhook]]\n\
             kind = 'json'\n\
             url = 'SECRET'\n\
             url_file = 'SECRET'\n\
             events = ['admin_made']\n\
             apps = ['wiki']\n\
             [[webhook]]\n\
             name = 'ops'\n\
             kind = 'slack'\n\
             url_file = 'x'\n\
             secret_file = 'x'\n\
             events = ['admin_made']\n\
             [[webhook]]\n\
             name = 'more'\n\
             key_of_the_robot = 'SECRET'\n\
             events = 'admin_made'\n",
        )
        .expect_err("faults");
        let all = faults.join("\n");
        assert!(!all.contains("SECRET"), "{all}");
        for expected in [
            "FRONTDESK_WEBHOOKS ops.kind must be json, feishu, dingtalk, wecom or slack (line 3)",
            "FRONTDESK_WEBHOOKS ops.url must start with https://, unless it is on this machine (line 4)",
            "FRONTDESK_WEBHOOKS ops.events must be a list of access_requested, account_created, refused_sign_ins, admin_made, account_deactivated, provider_unreachable or webhook_failing (line 5)",
            "FRONTDESK_WEBHOOKS hook 2.name must be a name of at most 32 lower-case letters, digits, - and _ (line 7)",
            "FRONTDESK_WEBHOOKS hook 2.url_file and url are both set; keep one (line 10)",
            "FRONTDESK_WEBHOOKS hook 2.secret_file is required: receivers check the signature (line 7)",
            "FRONTDESK_WEBHOOKS hook 2.apps is only for hooks with access_requested in their events (line 12)",
            "FRONTDESK_WEBHOOKS ops.secret_file is not for this kind, whose address is all there is (line 17)",
            "FRONTDESK_WEBHOOKS more.key_of_the_robot is not a known key; see docs/webhooks.md for the list (line 21)",
            "FRONTDESK_WEBHOOKS more.events has a value of the wrong type: texts must be in quotes, lists in [ ] (line 22)",
        ] {
            assert!(
                faults.iter().any(|fault| fault == expected),
                "{expected}\n{all}"
            );
        }
    }

    #[test]
    fn only_an_address_that_says_so_itself_is_on_this_machine() {
        for (url, is_good) in [
            ("https://hooks.example.com/x", true),
            ("http://127.0.0.1:9/x", true),
            ("http://[::1]:9/x", true),
            ("http://localhost/x", true),
            ("http://localhost.example.com/x", false),
            ("http://10.0.0.1/x", false),
            ("ftp://localhost/x", false),
            ("https://me:secret@example.com/", false),
        ] {
            assert_eq!(webhook_url(url).is_ok(), is_good, "{url}");
        }
    }
}
