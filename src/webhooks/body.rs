//! The body of a call, in the form of its receiver. Robots get plain text: one message for all that
//! waits, within the robot's limit in bytes.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::message::{Told, Voice, name};
use super::news::{By, News};
use crate::config::WebhookKind;

/// The limits of a kind of receiver, below those that its vendor documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most messages in one body.
    pub batch: i64,
    /// The largest body, in bytes.
    pub bytes: usize,
    /// The least time between two calls of one address.
    pub interval: Duration,
}

pub const fn limits(kind: WebhookKind) -> Limits {
    let (batch, bytes, millis) = match kind {
        WebhookKind::Json => (1, usize::MAX, 0),
        // 100 a minute, 5 a second, 20 KB
        WebhookKind::Feishu => (500, 18_000, 1000),
        // 20 a minute, 20,000 bytes
        WebhookKind::Dingtalk => (500, 18_000, 4000),
        // 20 a minute, 2,048 bytes
        WebhookKind::Wecom => (500, 2000, 4000),
        // about one a second; nothing is documented about the size, but a block takes 3,000 characters
        WebhookKind::Slack => (500, 6000, 1500),
    };
    Limits {
        batch,
        bytes,
        interval: Duration::from_millis(millis),
    }
}

/// A signature inside a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sign {
    pub seconds: i64,
    pub sign: String,
}

/// Returns the body that tells of all of these.
pub fn body(
    kind: WebhookKind,
    voice: &Voice,
    prefix: &str,
    all: &[Told],
    sign: Option<&Sign>,
) -> String {
    if kind == WebhookKind::Json {
        return all
            .first()
            .map_or_else(String::new, |told| json_body(voice, told));
    }
    let lines: Vec<String> = all
        .iter()
        .map(|told| voice.sentence(kind, &told.news))
        .collect();
    let beginning = voice.beginning(prefix);
    let link = voice.link_to_all(all);
    let most = limits(kind).bytes;
    let of = |shown: usize| encoded(kind, &text(voice, &beginning, &lines, shown, &link), sign);
    // The fewer lines, the shorter the body.
    let (mut fits, mut too_many) = (1, lines.len() + 1);
    while too_many - fits > 1 {
        let middle = usize::midpoint(fits, too_many);
        if of(middle).len() <= most {
            fits = middle;
        } else {
            too_many = middle;
        }
    }
    of(fits)
}

/// The text with the first lines, the number of the others, and the link on a line of its own.
fn text(voice: &Voice, beginning: &str, lines: &[String], shown: usize, link: &str) -> String {
    if let [line] = lines {
        return format!("{beginning}{line}\n{link}");
    }
    let mut text = beginning.trim_end().to_owned();
    for line in lines.iter().take(shown) {
        text.push_str("\n- ");
        text.push_str(line);
    }
    if lines.len() > shown {
        text.push('\n');
        text.push_str(&voice.and_more(lines.len() - shown));
    }
    text.push('\n');
    text.push_str(link);
    text
}

fn encoded(kind: WebhookKind, text: &str, sign: Option<&Sign>) -> String {
    let body = match kind {
        WebhookKind::Feishu => {
            let mut body = json!({"msg_type": "text", "content": {"text": text}});
            if let (Some(sign), Some(body)) = (sign, body.as_object_mut()) {
                body.insert("timestamp".to_owned(), sign.seconds.to_string().into());
                body.insert("sign".to_owned(), sign.sign.as_str().into());
            }
            body
        }
        WebhookKind::Json | WebhookKind::Dingtalk | WebhookKind::Wecom => {
            json!({"msgtype": "text", "text": {"content": text}})
        }
        WebhookKind::Slack => json!({
            "text": entities(text),
            "mrkdwn": false,
            "unfurl_links": false,
            "unfurl_media": false,
            "blocks": [{
                "type": "section",
                "text": {"type": "plain_text", "emoji": false, "text": text},
            }],
        }),
    };
    body.to_string()
}

/// The three characters that Slack wants as entities, and no others.
fn entities(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn json_body(voice: &Voice, told: &Told) -> String {
    let kind = WebhookKind::Json;
    let news = &told.news;
    let mut data = Map::new();
    let mut put = |member: &str, value: Value| {
        data.insert(member.to_owned(), value);
    };
    put("text", voice.sentence(kind, news).into());
    put("url", voice.link(news).into());
    if let Some(who) = news.who() {
        // As text: other languages read numbers of this size wrongly.
        let id = who.id.to_string();
        let username = name(kind, &who.username);
        let mut person = json!({"id": id, "username": username});
        if let (Some(person), false) = (person.as_object_mut(), who.name.is_empty()) {
            person.insert("name".to_owned(), name(kind, &who.name).into());
        }
        put("user", person);
    }
    match news {
        News::AccessRequested {
            app, is_reminder, ..
        } => {
            put("app", app.as_str().into());
            put("is_reminder", (*is_reminder).into());
        }
        News::AdminMade { role, .. } => put("role", role.as_str().into()),
        News::RefusedSignIns { count, limit } => {
            put("count", (*count).into());
            put("limit", (*limit).into());
        }
        News::ProviderUnreachable { provider, state } => {
            put("provider", provider.as_str().into());
            put("state", json!(state));
        }
        News::WebhookFailing { hook, state } => {
            put("webhook", hook.as_str().into());
            put("state", json!(state));
        }
        News::AccountCreated { .. } | News::AccountDeactivated { .. } | News::Test { .. } => {}
    }
    if let Some(by) = who_did(news) {
        put("by", by);
    }
    json!({"type": news.code(), "timestamp": told.timestamp(), "data": data}).to_string()
}

/// Returns who did it, for news that have such a member.
fn who_did(news: &News) -> Option<Value> {
    let (News::AccountCreated { by, .. }
    | News::AdminMade { by, .. }
    | News::AccountDeactivated { by, .. }
    | News::Test { by }) = news
    else {
        return None;
    };
    Some(match by {
        By::Person(username) => json!({"username": name(WebhookKind::Json, username)}),
        By::CommandLine => json!({"command_line": true}),
        By::Itself => Value::Null,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::UnixTime;
    use crate::i18n::Lang;
    use crate::webhooks::Who;

    const ROBOTS: [WebhookKind; 4] = [
        WebhookKind::Feishu,
        WebhookKind::Dingtalk,
        WebhookKind::Wecom,
        WebhookKind::Slack,
    ];

    fn voice(lang: Lang) -> Voice {
        Voice {
            lang,
            origin: "https://desk.example.com".to_owned(),
        }
    }

    fn request(username: &str, app: &str) -> Told {
        Told {
            at: UnixTime(1_700_000_000_000_000),
            news: News::AccessRequested {
                who: Who {
                    id: 7,
                    username: username.to_owned(),
                    name: String::new(),
                },
                app: "wiki".to_owned(),
                app_name: app.to_owned(),
                is_reminder: false,
            },
        }
    }

    fn one(kind: WebhookKind, username: &str, app: &str) -> String {
        let sign = Sign {
            seconds: 1_599_360_473,
            sign: "SIGN".to_owned(),
        };
        let sign = (kind == WebhookKind::Feishu).then_some(&sign);
        body(
            kind,
            &voice(Lang::En),
            "Frontdesk",
            &[request(username, app)],
            sign,
        )
    }

    /// C9: nobody is mentioned, and no name is a link or breaks a line.
    #[test]
    fn hostile_names_are_harmless_in_the_body_of_every_kind() {
        let golden = |kind| match kind {
            WebhookKind::Feishu => [
                r#"{"content":{"text":"Frontdesk: “＜at user_id='all'＞” asks for access to “＜!channel＞”.\nhttps://desk.example.com/requests"},"msg_type":"text","sign":"SIGN","timestamp":"1599360473"}"#,
                r#"{"content":{"text":"Frontdesk: “[x](http：／／e)” asks for access to “＠所有人 ＜＠all＞”.\nhttps://desk.example.com/requests"},"msg_type":"text","sign":"SIGN","timestamp":"1599360473"}"#,
            ],
            WebhookKind::Dingtalk | WebhookKind::Wecom => [
                r#"{"msgtype":"text","text":{"content":"Frontdesk: “＜at user_id='all'＞” asks for access to “＜!channel＞”.\nhttps://desk.example.com/requests"}}"#,
                r#"{"msgtype":"text","text":{"content":"Frontdesk: “[x](http：／／e)” asks for access to “＠所有人 ＜＠all＞”.\nhttps://desk.example.com/requests"}}"#,
            ],
            WebhookKind::Slack => [
                r#"{"blocks":[{"text":{"emoji":false,"text":"Frontdesk: “<at user_id='all'>” asks for access to “<!channel>”.\nhttps://desk.example.com/requests","type":"plain_text"},"type":"section"}],"mrkdwn":false,"text":"Frontdesk: “&lt;at user_id='all'&gt;” asks for access to “&lt;!channel&gt;”.\nhttps://desk.example.com/requests","unfurl_links":false,"unfurl_media":false}"#,
                r#"{"blocks":[{"text":{"emoji":false,"text":"Frontdesk: “[x](http：／／e)” asks for access to “＠所有人 <＠all>”.\nhttps://desk.example.com/requests","type":"plain_text"},"type":"section"}],"mrkdwn":false,"text":"Frontdesk: “[x](http：／／e)” asks for access to “＠所有人 &lt;＠all&gt;”.\nhttps://desk.example.com/requests","unfurl_links":false,"unfurl_media":false}"#,
            ],
            WebhookKind::Json => [
                r#"{"data":{"app":"wiki","is_reminder":false,"text":"“<at user_id='all'>” asks for access to “<!channel>”.","url":"https://desk.example.com/requests","user":{"id":"7","username":"<at user_id='all'>"}},"timestamp":"2023-11-14T22:13:20+00:00","type":"access_requested"}"#,
                r#"{"data":{"app":"wiki","is_reminder":false,"text":"“[x](http://e)” asks for access to “@所有人 <@all>”.","url":"https://desk.example.com/requests","user":{"id":"7","username":"[x](http://e)"}},"timestamp":"2023-11-14T22:13:20+00:00","type":"access_requested"}"#,
            ],
        };
        for kind in ROBOTS.into_iter().chain([WebhookKind::Json]) {
            let [first, second] = golden(kind);
            assert_eq!(
                one(kind, "<at user_id=\"all\">", "<!chan\u{202e}nel>"),
                first
            );
            assert_eq!(one(kind, "[x](http://e)", "@所有人\n<@all>"), second);
        }
    }

    /// C4: a gathered message stays within the limit, and says how many it left out.
    #[test]
    fn what_does_not_fit_is_counted_at_the_end() {
        for lang in [Lang::En, Lang::Zh] {
            for kind in ROBOTS {
                let person = "王".repeat(255);
                let app = "🦀&<\\\"".repeat(60);
                let all = vec![request(&person, &app); 500];
                let sent = body(kind, &voice(lang), "前台", &all, None);
                assert!(sent.len() <= limits(kind).bytes, "{kind:?} {}", sent.len());
                let sent: Value = serde_json::from_str(&sent).expect("JSON");
                let text = ["/content/text", "/text/content", "/blocks/0/text/text"]
                    .into_iter()
                    .find_map(|pointer| sent.pointer(pointer)?.as_str())
                    .expect("a text");
                assert!(text.starts_with("前台"), "{text}");
                let shown = text.matches("\n- ").count();
                assert!(shown > 1, "{kind:?} {shown}");
                let mut last = text.lines().rev();
                assert_eq!(last.next(), Some("https://desk.example.com/requests"));
                assert_eq!(
                    last.next(),
                    Some(voice(lang).and_more(500 - shown).as_str())
                );
            }
        }
    }

    #[test]
    fn what_fits_is_told_in_full() {
        let all = [request("li", "Wiki"), request("wang", "CRM")];
        for kind in ROBOTS {
            let sent = body(kind, &voice(Lang::En), "Frontdesk", &all, None);
            let lines = r"Frontdesk:\n- “li” asks for access to “Wiki”.\n- “wang” asks for access to “CRM”.\nhttps://desk.example.com/requests";
            assert!(sent.contains(lines), "{sent}");
        }
    }

    #[test]
    fn no_kind_is_paced_above_its_vendor_s_limit() {
        for (kind, a_minute) in [
            (WebhookKind::Feishu, 100),
            (WebhookKind::Dingtalk, 20),
            (WebhookKind::Wecom, 20),
            (WebhookKind::Slack, 60),
        ] {
            let interval = limits(kind).interval.as_millis();
            assert!(60_000 / interval < a_minute, "{kind:?}");
        }
    }
}
