//! What an answer means. Robots answer 200 with an error in the body, so success is read from the
//! body, and what is neither success nor a known error is tried again.

use std::time::Duration;

use serde_json::Value;
use strum::{EnumString, IntoStaticStr, VariantArray};

use crate::coded::coded;
use crate::config::WebhookKind;

/// The longest pause that a receiver can ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);
/// `DingTalk` shuts a robot for this long that was called too often.
const DINGTALK_SHUT: Duration = Duration::from_secs(600);
const WECOM_PAUSE: Duration = Duration::from_secs(65);
const FEISHU_PAUSE: Duration = Duration::from_secs(60);
/// A clock that differs by more makes signatures invalid, in seconds.
pub const MAX_CLOCK_DIFFERENCE: i64 = 300;

/// What to do after a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Delivered,
    /// The message is at fault: it is dropped, and the next one follows.
    MessageRefused(Trouble),
    /// The hook is at fault: the queue waits until somebody mends it.
    HookAtFault(Trouble),
    /// The moment is at fault: the hook pauses, at least this long if the receiver says so.
    NotNow(Trouble, Option<Duration>),
}

/// What went wrong, without anything that the receiver wrote except for a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trouble {
    pub kind: TroubleKind,
    /// The HTTP status or the robot's code.
    pub detail: Option<i64>,
}

/// What went wrong. The codes are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum TroubleKind {
    UrlFile,
    SecretFile,
    BadUrl,
    NotHttps,
    PrivateAddress,
    NoSuchHost,
    Tls,
    Redirect,
    /// 401, 403, 404, 410 and the codes of a robot that is gone.
    NotThere,
    Signature,
    Clock,
    Keyword,
    OurAddress,
    /// `DingTalk` has one code for a keyword, a signature, an address or a clock.
    RobotSettings,
    Unreachable,
    TimedOut,
    TooOften,
    Busy,
    ServerError,
    /// No JSON, or a page in place of an answer.
    Unreadable,
    UnknownCode,
    UnknownStatus,
    BadMessage,
}

coded!(TroubleKind);

impl TroubleKind {
    pub const fn alone(self) -> Trouble {
        Trouble {
            kind: self,
            detail: None,
        }
    }

    pub const fn with(self, detail: i64) -> Trouble {
        Trouble {
            kind: self,
            detail: Some(detail),
        }
    }
}

/// The part of an answer that counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// At most the first 8 KiB.
    pub body: Vec<u8>,
    /// `Retry-After` or a robot's own header, in seconds.
    pub retry_after: Option<u64>,
    /// By how many seconds the receiver's clock differs from ours, if it says so.
    pub clock_difference: Option<i64>,
}

impl Answer {
    fn pause(&self) -> Option<Duration> {
        let pause = Duration::from_secs(self.retry_after?);
        Some(pause.min(LONGEST_PAUSE))
    }

    fn status(&self) -> i64 {
        i64::from(self.status)
    }

    fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Judges an answer of a receiver of this kind.
pub fn judge(kind: WebhookKind, answer: &Answer) -> Verdict {
    match kind {
        WebhookKind::Json if answer.is_success() => Verdict::Delivered,
        WebhookKind::Json => by_status(answer),
        WebhookKind::Slack => slack(answer),
        WebhookKind::Feishu => robot(answer, &["code", "StatusCode"], feishu, FEISHU_PAUSE),
        WebhookKind::Dingtalk => robot(answer, &["errcode"], dingtalk, DINGTALK_SHUT),
        WebhookKind::Wecom => robot(answer, &["errcode"], wecom, WECOM_PAUSE),
    }
}

fn by_status(answer: &Answer) -> Verdict {
    let status = answer.status();
    match answer.status {
        400 | 413 | 415 | 422 => Verdict::MessageRefused(TroubleKind::BadMessage.with(status)),
        401 | 403 | 404 | 410 => Verdict::HookAtFault(TroubleKind::NotThere.with(status)),
        300..=399 => Verdict::HookAtFault(TroubleKind::Redirect.with(status)),
        429 => Verdict::NotNow(TroubleKind::TooOften.with(status), answer.pause()),
        408 | 425 => Verdict::NotNow(TroubleKind::Busy.with(status), answer.pause()),
        500..=599 => Verdict::NotNow(TroubleKind::ServerError.with(status), answer.pause()),
        _ => Verdict::NotNow(TroubleKind::UnknownStatus.with(status), answer.pause()),
    }
}

fn slack(answer: &Answer) -> Verdict {
    let body = String::from_utf8_lossy(&answer.body);
    match answer.status {
        200 if body.trim() == "ok" => Verdict::Delivered,
        200..=299 => unreadable(answer),
        _ => by_status(answer),
    }
}

fn unreadable(answer: &Answer) -> Verdict {
    Verdict::NotNow(
        TroubleKind::Unreadable.with(answer.status()),
        answer.pause(),
    )
}

/// Judges the answer of a robot that writes a code into a member of a JSON body. `pause` is how long
/// the vendor shuts those who call too often.
fn robot(
    answer: &Answer,
    members: &[&str],
    by_code: fn(i64, &Answer) -> Option<Verdict>,
    pause: Duration,
) -> Verdict {
    let json = answer.json();
    let member = |name: &&str| json.as_ref()?.get(*name)?.as_i64();
    match members.iter().find_map(member) {
        Some(0) if answer.is_success() => Verdict::Delivered,
        // A proxy before it may answer in JSON, too.
        Some(0) => by_status_of_robot(answer, pause),
        Some(code) => by_code(code, answer).unwrap_or_else(|| unknown(code, answer, pause)),
        None if answer.is_success() => unreadable(answer),
        None => by_status_of_robot(answer, pause),
    }
}

/// Without the robot's own code, a 400 says nothing about the message.
fn by_status_of_robot(answer: &Answer, pause: Duration) -> Verdict {
    match by_status(answer) {
        // Often it is answered before the robot is reached, and does not say for how long.
        Verdict::NotNow(trouble, _) if trouble.kind == TroubleKind::TooOften => {
            too_often(answer.status(), answer, pause)
        }
        Verdict::MessageRefused(trouble) => Verdict::NotNow(
            Trouble {
                kind: TroubleKind::UnknownStatus,
                ..trouble
            },
            answer.pause(),
        ),
        verdict => verdict,
    }
}

/// What the answer says in words, in lower case.
fn words(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).to_lowercase()
}

/// Judges a code of Feishu. Returns `None` if it is not known.
fn feishu(code: i64, answer: &Answer) -> Option<Verdict> {
    Some(match code {
        // One number for a bad body and for too many requests.
        9499 if words(answer).contains("too many") => too_often(code, answer, FEISHU_PAUSE),
        9499 | 10002 => Verdict::MessageRefused(TroubleKind::BadMessage.with(code)),
        19021 => Verdict::HookAtFault(signature(code, answer)),
        19022 => Verdict::HookAtFault(TroubleKind::OurAddress.with(code)),
        19024 => Verdict::HookAtFault(TroubleKind::Keyword.with(code)),
        99_991_201 => Verdict::HookAtFault(TroubleKind::NotThere.with(code)),
        11232 | 99_991_400 => too_often(code, answer, FEISHU_PAUSE),
        _ => return None,
    })
}

/// Judges a code of `DingTalk`. Returns `None` if it is not known.
fn dingtalk(code: i64, answer: &Answer) -> Option<Verdict> {
    Some(match code {
        // One number for a bad message and for a robot that was removed, whose token is unknown.
        300_001 | 300_005 if words(answer).contains("token") => {
            Verdict::HookAtFault(TroubleKind::NotThere.with(code))
        }
        300_001 | 101_002 | 460_101 => Verdict::MessageRefused(TroubleKind::BadMessage.with(code)),
        310_000 => Verdict::HookAtFault(match signature(code, answer) {
            trouble if trouble.kind == TroubleKind::Clock => trouble,
            _ => TroubleKind::RobotSettings.with(code),
        }),
        130_101 => too_often(code, answer, DINGTALK_SHUT),
        90030 => too_often(code, answer, LONGEST_PAUSE),
        -1 => Verdict::NotNow(TroubleKind::Busy.with(code), answer.pause()),
        _ => return None,
    })
}

/// Judges a code of `WeCom`. Returns `None` if it is not known.
fn wecom(code: i64, answer: &Answer) -> Option<Verdict> {
    Some(match code {
        40058 | 40008 | 45002 => Verdict::MessageRefused(TroubleKind::BadMessage.with(code)),
        93000 => Verdict::HookAtFault(TroubleKind::NotThere.with(code)),
        45009 => too_often(code, answer, WECOM_PAUSE),
        -1 => Verdict::NotNow(TroubleKind::Busy.with(code), answer.pause()),
        _ => return None,
    })
}

/// A signature that is refused, or the clock that makes it so.
fn signature(code: i64, answer: &Answer) -> Trouble {
    let difference = answer.clock_difference.unwrap_or(0);
    if difference.abs() > MAX_CLOCK_DIFFERENCE {
        TroubleKind::Clock.alone()
    } else {
        TroubleKind::Signature.with(code)
    }
}

fn too_often(code: i64, answer: &Answer, pause: Duration) -> Verdict {
    let pause = answer.pause().map_or(pause, |asked| asked.max(pause));
    Verdict::NotNow(TroubleKind::TooOften.with(code), Some(pause))
}

/// A code that nobody documented. Some statuses say by themselves that the hook is at fault, or that
/// it was called too often.
fn unknown(code: i64, answer: &Answer, pause: Duration) -> Verdict {
    match answer.status {
        300..=399 | 401 | 403 | 404 | 410 | 429 => by_status_of_robot(answer, pause),
        _ => Verdict::NotNow(TroubleKind::UnknownCode.with(code), answer.pause()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(kind: WebhookKind, status: u16, body: &str) -> Verdict {
        let answer = Answer {
            status,
            body: body.as_bytes().to_vec(),
            ..Answer::default()
        };
        judge(kind, &answer)
    }

    fn kind_of(verdict: Verdict) -> &'static str {
        match verdict {
            Verdict::Delivered => "delivered",
            Verdict::MessageRefused(_) => "message",
            Verdict::HookAtFault(_) => "hook",
            Verdict::NotNow(..) => "moment",
        }
    }

    const PORTAL: &str = "<html><h1>Please sign in to the Wi-Fi</h1></html>";

    #[test]
    fn each_answer_that_vendors_document_or_that_was_seen_has_its_meaning() {
        use WebhookKind::{Dingtalk, Feishu, Json, Slack, Wecom};
        for (kind, status, body, expected) in [
            (Json, 204, "", "delivered"),
            (Json, 200, PORTAL, "delivered"),
            (Json, 400, "", "message"),
            (Json, 413, "", "message"),
            (Json, 415, "", "message"),
            (Json, 422, "", "message"),
            (Json, 401, "", "hook"),
            (Json, 403, "", "hook"),
            (Json, 404, "", "hook"),
            (Json, 410, "", "hook"),
            (Json, 301, "", "hook"),
            (Json, 308, "", "hook"),
            (Json, 408, "", "moment"),
            (Json, 425, "", "moment"),
            (Json, 429, "", "moment"),
            (Json, 500, "", "moment"),
            (Json, 418, "", "moment"),
            (Feishu, 200, r#"{"code":0,"msg":"success"}"#, "delivered"),
            (
                Feishu,
                200,
                r#"{"StatusCode":0,"StatusMessage":"success"}"#,
                "delivered",
            ),
            (Feishu, 200, PORTAL, "moment"),
            (Feishu, 200, "", "moment"),
            (
                Feishu,
                200,
                r#"{"code":9499,"msg":"Bad Request"}"#,
                "message",
            ),
            (
                Feishu,
                400,
                r#"{"code":9499,"msg":"too many request"}"#,
                "moment",
            ),
            (
                Feishu,
                200,
                r#"{"code":10002,"msg":"text is nil"}"#,
                "message",
            ),
            (
                Feishu,
                200,
                r#"{"code":19021,"msg":"sign match fail"}"#,
                "hook",
            ),
            (
                Feishu,
                200,
                r#"{"code":19022,"msg":"Ip Not Allowed"}"#,
                "hook",
            ),
            (
                Feishu,
                200,
                r#"{"code":19024,"msg":"Key Words Not Found"}"#,
                "hook",
            ),
            (Feishu, 404, r#"{"code":99991201}"#, "hook"),
            (Feishu, 404, PORTAL, "hook"),
            (Feishu, 200, r#"{"code":11232}"#, "moment"),
            (Feishu, 429, r#"{"code":99991400}"#, "moment"),
            (Feishu, 200, r#"{"code":77777}"#, "moment"),
            (Feishu, 404, r#"{"code":77777}"#, "hook"),
            (Feishu, 401, r#"{"code":77777}"#, "hook"),
            (Feishu, 302, r#"{"code":77777}"#, "hook"),
            (Feishu, 400, r#"{"code":77777}"#, "moment"),
            (Feishu, 400, "", "moment"),
            (Feishu, 502, PORTAL, "moment"),
            (Dingtalk, 200, r#"{"errcode":0,"errmsg":"ok"}"#, "delivered"),
            (Dingtalk, 200, r#"{"errcode":300001}"#, "message"),
            (
                Dingtalk,
                200,
                r#"{"errcode":300001,"errmsg":"token is not exist"}"#,
                "hook",
            ),
            (
                Dingtalk,
                200,
                r#"{"errcode":300005,"errmsg":"token is not exist"}"#,
                "hook",
            ),
            (Dingtalk, 200, r#"{"errcode":101002}"#, "message"),
            (Dingtalk, 403, r#"{"errcode":77777}"#, "hook"),
            (Dingtalk, 200, r#"{"errcode":460101}"#, "message"),
            (
                Dingtalk,
                200,
                r#"{"errcode":310000,"errmsg":"keywords not in content"}"#,
                "hook",
            ),
            (
                Dingtalk,
                200,
                r#"{"errcode":130101,"errmsg":"send too fast","wait":1,"punish":"x"}"#,
                "moment",
            ),
            (Dingtalk, 200, r#"{"errcode":90030}"#, "moment"),
            (Dingtalk, 200, r#"{"errcode":-1}"#, "moment"),
            (Dingtalk, 200, "ok", "moment"),
            (
                Wecom,
                200,
                r#"{"errcode":0,"errmsg":"anything"}"#,
                "delivered",
            ),
            (Wecom, 200, r#"{"errcode":40058}"#, "message"),
            (Wecom, 200, r#"{"errcode":40008}"#, "message"),
            (Wecom, 200, r#"{"errcode":45002}"#, "message"),
            (Wecom, 200, r#"{"errcode":93000}"#, "hook"),
            (Wecom, 200, r#"{"errcode":45009}"#, "moment"),
            (Wecom, 410, r#"{"errcode":77777}"#, "hook"),
            (Wecom, 200, r#"{"errcode":-1}"#, "moment"),
            (Wecom, 200, r#"{"errmsg":"ok"}"#, "moment"),
            (Slack, 200, "ok", "delivered"),
            (Slack, 200, "ok\n", "delivered"),
            (Slack, 200, PORTAL, "moment"),
            (Slack, 400, "invalid_payload", "message"),
            (Slack, 403, "invalid_token", "hook"),
            (Slack, 404, "no_service", "hook"),
            (Slack, 410, "channel_is_archived", "hook"),
            (Slack, 429, r#"{"retry_after":30}"#, "moment"),
        ] {
            let verdict = kind_of(judged(kind, status, body));
            assert_eq!(verdict, expected, "{kind:?} {status} {body}");
        }
    }

    #[test]
    fn a_pause_is_as_long_as_the_receiver_says_and_an_hour_at_most() {
        let asked = |kind, body: &str, retry_after| {
            let answer = Answer {
                status: 429,
                body: body.as_bytes().to_vec(),
                retry_after,
                ..Answer::default()
            };
            match judge(kind, &answer) {
                Verdict::NotNow(_, pause) => pause.map(|pause| pause.as_secs()),
                verdict => panic!("{verdict:?}"),
            }
        };
        assert_eq!(asked(WebhookKind::Json, "", Some(30)), Some(30));
        assert_eq!(asked(WebhookKind::Json, "", Some(86_400)), Some(3600));
        assert_eq!(asked(WebhookKind::Json, "", None), None);
        let dingtalk = r#"{"errcode":130101}"#;
        assert_eq!(asked(WebhookKind::Dingtalk, dingtalk, None), Some(600));
        let wecom = r#"{"errcode":45009}"#;
        assert_eq!(asked(WebhookKind::Wecom, wecom, Some(5)), Some(65));
        let unknown = r#"{"errcode":77777}"#;
        for body in ["", "busy", unknown] {
            assert_eq!(asked(WebhookKind::Dingtalk, body, None), Some(600));
        }
        assert_eq!(asked(WebhookKind::Wecom, "", None), Some(65));
        assert_eq!(asked(WebhookKind::Feishu, "", None), Some(60));
        assert_eq!(asked(WebhookKind::Feishu, "", Some(90)), Some(90));
    }

    #[test]
    fn a_clock_that_is_off_is_named_instead_of_the_signature() {
        for (kind, body) in [
            (WebhookKind::Feishu, r#"{"code":19021}"#),
            (WebhookKind::Dingtalk, r#"{"errcode":310000}"#),
        ] {
            let answer = Answer {
                status: 200,
                body: body.as_bytes().to_vec(),
                clock_difference: Some(-7200),
                ..Answer::default()
            };
            let clock = Verdict::HookAtFault(TroubleKind::Clock.alone());
            assert_eq!(judge(kind, &answer), clock);
        }
    }
}
