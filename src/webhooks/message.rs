//! What happened, in plain sentences of the portal's language. Names are the only part that others
//! chose, so they lose what could break a line, change the order of reading, mention somebody or
//! look like a link, and are cut. No e-mail address is in a message.

use jiff::tz::TimeZone;

use super::news::{By, News, State, Who};
use crate::clock::UnixTime;
use crate::config::WebhookKind;
use crate::i18n::sentence::gap;
use crate::i18n::{Lang, rfc3339};
use crate::text::is_forbidden;
use crate::users::Role;

/// The longest name in a message, in characters.
const MAX_NAME: usize = 40;

/// How the portal speaks, and where its pages are.
#[derive(Clone, Debug)]
pub struct Voice {
    pub lang: Lang,
    /// `https://desk.example.com`
    pub origin: String,
}

/// Something to tell, and when it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    pub at: UnixTime,
    pub news: News,
}

impl Told {
    /// The moment, for the member `timestamp` of kind `json`.
    pub fn timestamp(&self) -> String {
        rfc3339(self.at, &TimeZone::UTC)
    }
}

impl Voice {
    /// Returns one sentence about it, for receivers of this kind.
    pub fn sentence(&self, kind: WebhookKind, news: &News) -> String {
        let t = &self.lang.messages().hooks;
        let named = |who: &Who| person(kind, who);
        let said = match news {
            News::AccessRequested {
                who,
                app,
                app_name,
                is_reminder,
            } => {
                let app = if app_name.is_empty() { app } else { app_name };
                let words = if *is_reminder {
                    t.access_reminder
                } else {
                    t.access_requested
                };
                words.with(named(who), name(kind, app))
            }
            News::AccountCreated {
                who,
                by: By::Itself,
            } => t.account_created_by_sign_in.with(named(who)),
            News::AccountCreated { who, .. } => t.account_created.with(named(who)),
            News::AdminMade { who, role, .. } if *role == Role::Superuser.code() => {
                t.admin_made.with(named(who))
            }
            News::AdminMade { who, .. } => t.read_only_admin_made.with(named(who)),
            News::AccountDeactivated { who, .. } => t.account_deactivated.with(named(who)),
            News::RefusedSignIns { count, limit } => t.refused_sign_ins.with(count, limit),
            News::ProviderUnreachable { provider, state } => match state {
                State::Began => t.provider_unreachable.with(name(kind, provider)),
                State::Over => t.provider_back.with(name(kind, provider)),
            },
            News::WebhookFailing { hook, state } => match state {
                State::Began => t.failing.with(name(kind, hook)),
                State::Over => t.well.with(name(kind, hook)),
            },
            News::Test { .. } => t.test_message.to_owned(),
        };
        match self.by(kind, news) {
            Some(by) => format!("{said}{}{by}", self.space()),
            None => said,
        }
    }

    /// Returns a sentence about who did it, if somebody did.
    fn by(&self, kind: WebhookKind, news: &News) -> Option<String> {
        let t = &self.lang.messages().hooks;
        let (News::AccountCreated { by, .. }
        | News::AdminMade { by, .. }
        | News::AccountDeactivated { by, .. }
        | News::Test { by }) = news
        else {
            return None;
        };
        match by {
            By::Person(username) => Some(t.by.with(name(kind, username))),
            By::CommandLine => Some(t.by_command_line.to_owned()),
            By::Itself => None,
        }
    }

    /// The space between two sentences.
    pub const fn space(&self) -> &'static str {
        match self.lang {
            Lang::En => " ",
            Lang::Zh => "",
        }
    }

    /// Begins a message with its fixed word.
    pub fn beginning(&self, prefix: &str) -> String {
        match self.lang {
            Lang::En => format!("{prefix}: "),
            Lang::Zh => format!("{prefix}："),
        }
    }

    /// The last line of a list that is not complete.
    pub fn and_more(&self, count: usize) -> String {
        self.lang.messages().hooks.and_more.with(count)
    }

    /// The page that shows it.
    pub fn link(&self, news: &News) -> String {
        let origin = &self.origin;
        match news {
            News::AccessRequested { .. } => format!("{origin}/requests"),
            News::RefusedSignIns { .. } => format!("{origin}/admin/audit?outcome=refused"),
            News::ProviderUnreachable { .. } | News::WebhookFailing { .. } | News::Test { .. } => {
                format!("{origin}/admin/status")
            }
            News::AccountCreated { who, .. }
            | News::AdminMade { who, .. }
            | News::AccountDeactivated { who, .. } => format!("{origin}/admin/users/{}", who.id),
        }
    }

    /// The page that shows all of them.
    pub fn link_to_all(&self, all: &[Told]) -> String {
        let links = all.iter().map(|one| self.link(&one.news));
        let mut links: Vec<String> = links.collect();
        links.dedup();
        match links.as_slice() {
            [only] => only.clone(),
            _ => format!("{}/admin/audit", self.origin),
        }
    }
}

/// Names a person: by the displayed name, and the username in brackets.
fn person(kind: WebhookKind, who: &Who) -> String {
    let username = name(kind, &who.username);
    if who.name.is_empty() || who.name == who.username {
        return username;
    }
    let shown = name(kind, &who.name);
    let gap = match gap(&shown, &username) {
        "" if shown.is_ascii() => " ",
        gap => gap,
    };
    format!("{shown}{gap}({username})")
}

/// Makes a name harmless for receivers of this kind.
pub(super) fn name(kind: WebhookKind, text: &str) -> String {
    let mut clean = String::new();
    for c in text.chars() {
        match c {
            '\u{2028}' | '\u{2029}' => clean.push(' '),
            c if c.is_whitespace() => clean.push(' '),
            // Invisible, they split words that somebody looks for.
            '\u{200b}' | '\u{2060}' | '\u{feff}' | '\u{ad}' => {}
            c if is_forbidden(c) => {}
            // The quotes around a name end where it ends.
            '“' | '”' | '"' => clean.push('\''),
            c => clean.push(c),
        }
    }
    // Before this, something invisible could stand in an address.
    let clean = without_domains(&clean);
    let mut words = clean.split(' ').filter(|word| !word.is_empty());
    let mut clean = words.next().unwrap_or_default().to_owned();
    for word in words {
        clean.push(' ');
        clean.push_str(word);
    }
    if clean.chars().count() > MAX_NAME {
        clean = clean.chars().take(MAX_NAME - 1).collect();
        clean.push('…');
    }
    if clean.is_empty() {
        clean.push('?');
    }
    match kind {
        WebhookKind::Json => clean,
        // Its entities are made where the body is.
        WebhookKind::Slack => clean.chars().map(without_link).collect(),
        WebhookKind::Feishu | WebhookKind::Dingtalk | WebhookKind::Wecom => clean
            .chars()
            .map(without_link)
            .map(|c| match c {
                '<' => '＜',
                '>' => '＞',
                c => c,
            })
            .collect(),
    }
}

/// Leaves of each e-mail address the part that is none.
fn without_domains(text: &str) -> String {
    let mut left = String::new();
    let mut is_domain = false;
    for c in text.chars() {
        let is_address = c == '@' && left.chars().next_back().is_some_and(ends_local_part);
        is_domain = (is_domain || is_address) && !ends_domain(c);
        if !is_domain {
            left.push(c);
        }
    }
    left
}

/// Whether this, before an `@`, makes an address of it. Otherwise, it is a mention.
fn ends_local_part(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '.' | '_' | '+' | '-')
}

/// Whether a domain ends before this: a space, a bracket or a quotation mark.
fn ends_domain(c: char) -> bool {
    let brackets = "()[]{}<>（）［］｛｝＜＞【】〔〕〈〉《》「」『』";
    c.is_whitespace() || brackets.contains(c) || "\"'`‘’“”«»".contains(c)
}

/// Replaces what makes a mention or a link by characters that look like it.
const fn without_link(c: char) -> char {
    match c {
        '@' => '＠',
        '/' => '／',
        ':' => '：',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_loses_what_mentions_links_breaks_or_turns_and_is_cut() {
        let long = "王".repeat(255);
        let cut = format!("{}…", "王".repeat(39));
        for (given, plain, robot) in [
            ("王伟", "王伟", "王伟"),
            ("li.wei@example.com", "li.wei", "li.wei"),
            ("li@corp", "li", "li"),
            ("@ li@example.com", "@ li", "＠ li"),
            ("Li Wei <li@example.com>", "Li Wei <li>", "Li Wei ＜li＞"),
            ("a@b.example c-@d.example 王", "a c- 王", "a c- 王"),
            ("王伟（li@example.com）", "王伟（li）", "王伟（li）"),
            ("li\u{200b}@example.com", "li", "li"),
            ("@所有人", "@所有人", "＠所有人"),
            ("<@all>", "<@all>", "＜＠all＞"),
            ("<!channel>", "<!channel>", "＜!channel＞"),
            (
                "<at user_id=\"all\">",
                "<at user_id='all'>",
                "＜at user_id='all'＞",
            ),
            ("[x](http://e)", "[x](http://e)", "[x](http：／／e)"),
            ("a\u{202e}b\nc\u{2028}d\u{200b}e", "ab c de", "ab c de"),
            ("”. Approve “", "'. Approve '", "'. Approve '"),
            ("\u{202e}", "?", "?"),
            (long.as_str(), cut.as_str(), cut.as_str()),
        ] {
            assert_eq!(name(WebhookKind::Json, given), plain);
            for kind in [
                WebhookKind::Feishu,
                WebhookKind::Dingtalk,
                WebhookKind::Wecom,
            ] {
                assert_eq!(name(kind, given), robot);
            }
        }
    }

    #[test]
    fn each_kind_of_news_is_one_sentence_in_both_languages() {
        let who = Who {
            id: 7,
            username: "wangwei".to_owned(),
            name: "王伟".to_owned(),
        };
        let boss = By::Person("boss".to_owned());
        let say = |lang, news: &News| {
            let voice = Voice {
                lang,
                origin: "https://desk.example.com".to_owned(),
            };
            voice.sentence(WebhookKind::Feishu, news)
        };
        for (news, en, zh) in [
            (
                News::AccessRequested {
                    who: who.clone(),
                    app: "wiki".to_owned(),
                    app_name: "Wiki".to_owned(),
                    is_reminder: false,
                },
                "“王伟 (wangwei)” asks for access to “Wiki”.",
                "“王伟 (wangwei)”申请使用“Wiki”。",
            ),
            (
                News::AccountCreated {
                    who: who.clone(),
                    by: By::Itself,
                },
                "New account at a first sign-in: “王伟 (wangwei)”.",
                "首次登录，已创建账号：“王伟 (wangwei)”。",
            ),
            (
                News::AccountCreated {
                    who: who.clone(),
                    by: boss.clone(),
                },
                "New account: “王伟 (wangwei)”. By “boss”.",
                "已创建账号：“王伟 (wangwei)”。操作人：“boss”。",
            ),
            (
                News::AdminMade {
                    who: who.clone(),
                    role: "superuser".to_owned(),
                    by: By::CommandLine,
                },
                "“王伟 (wangwei)” is an admin now. On the command line.",
                "“王伟 (wangwei)”已成为管理员。通过命令行操作。",
            ),
            (
                News::RefusedSignIns {
                    count: 120,
                    limit: 100,
                },
                "120 sign-ins were refused within an hour (limit: 100).",
                "一小时内有 120 次登录被拒绝（上限为 100 次）。",
            ),
            (
                News::WebhookFailing {
                    hook: "ops".to_owned(),
                    state: State::Over,
                },
                "The webhook “ops” works again.",
                "Webhook“ops”已恢复正常。",
            ),
        ] {
            assert_eq!(say(Lang::En, &news), en);
            assert_eq!(say(Lang::Zh, &news), zh);
        }
    }
}
