//! The robots of group chats: their bodies, signatures and answers.

use std::time::Duration;

use super::{create, hook, portal, state, until_told, until_trouble};
use crate::support::{Receiver, Says, run};

const FEISHU_OK: &str =
    r#"{"StatusCode":0,"StatusMessage":"success","code":0,"data":{},"msg":"success"}"#;
const DINGTALK_OK: &str = r#"{"errcode":0,"errmsg":"ok"}"#;

#[test]
fn each_robot_gets_plain_text_with_its_own_signature() {
    run(async {
        let robots = [
            ("feishu", FEISHU_OK, "secret_file = 'secret'\n"),
            ("dingtalk", DINGTALK_OK, "secret_file = 'secret'\n"),
            ("wecom", DINGTALK_OK, ""),
            ("slack", "ok", ""),
        ];
        for (kind, fine, more) in robots {
            let receiver = Receiver::start().await;
            receiver.always(Says::body(fine));
            let toml =
                hook("ops", kind, &receiver, "'account_created'") + "prefix = '前台'\n" + more;
            let portal = portal(&toml)
                .with("FRONTDESK_LANGUAGE", "zh-Hans")
                .run()
                .await;
            create(&portal, "li");
            until_told(&portal, "ops").await;
            let calls = receiver.calls();
            assert_eq!(calls.len(), 1, "{kind}");
            let text = calls[0].text();
            let link = format!("\n{}/admin/users/7", portal.url);
            assert_eq!(
                text,
                format!("前台：已创建账号：“li”。通过命令行操作。{link}")
            );
            match kind {
                "feishu" => {
                    let body = calls[0].json();
                    assert_eq!(body["msg_type"], "text");
                    let at: i64 = body["timestamp"]
                        .as_str()
                        .expect("text")
                        .parse()
                        .expect("seconds");
                    assert!((portal.clock.now().millis() / 1000 - at).abs() < 10);
                    assert_eq!(body["sign"].as_str().map(str::len), Some(44));
                }
                "dingtalk" => {
                    let (_, query) = calls[0].target.split_once('?').expect("a query");
                    let (at, sign) = query.split_once("&sign=").expect("a signature");
                    assert_eq!(at.len(), "timestamp=".len() + 13, "milliseconds");
                    assert!(sign.ends_with("%3D"), "{sign}");
                }
                _ => assert!(!calls[0].target.contains('?') && !calls[0].body.contains("sign")),
            }
        }
    });
}

/// C2: success is read from the body.
#[test]
fn an_answer_that_is_no_robot_s_is_no_success() {
    run(async {
        for (kind, page) in [
            ("feishu", "<html>Please sign in to the Wi-Fi</html>"),
            ("dingtalk", "ok"),
            ("wecom", "{}"),
            ("slack", "<html>"),
        ] {
            let receiver = Receiver::start().await;
            receiver.always(Says::body(page));
            let portal = portal(&hook("ops", kind, &receiver, "'account_created'"))
                .run()
                .await;
            create(&portal, "li");
            until_trouble(&portal, "ops", "unreadable").await;
            assert_eq!(portal.database.count("webhook_deliveries"), 1, "{kind}");
        }
    });
}

/// C3, C4: a burst becomes one message, and a robot is called below its limit, whichever hook has
/// its address.
#[test]
fn a_burst_is_gathered_and_hooks_with_one_address_share_its_pace() {
    run(async {
        let receiver = Receiver::start().await;
        receiver.always(Says::body(FEISHU_OK));
        let toml = hook("one", "feishu", &receiver, "'account_created'")
            + &hook("two", "feishu", &receiver, "'account_created'");
        let portal = portal(&toml).run().await;
        for number in 0..300 {
            create(&portal, &format!("person-{number}"));
        }
        until_told(&portal, "one").await;
        until_told(&portal, "two").await;
        let calls = receiver.calls();
        assert!(calls.len() < 40, "{}", calls.len());
        for pair in calls.windows(2) {
            let apart = pair[1].at - pair[0].at;
            assert!(apart > Duration::from_millis(900), "{apart:?}");
        }
        let told: usize = calls
            .iter()
            .map(|call| call.text().matches("“person-").count())
            .sum();
        assert_eq!(told, 600);
    });
}

/// One message of a gathered one is refused: each is tried alone, and only that one is dropped.
#[test]
fn of_a_gathered_message_only_the_part_that_is_refused_is_dropped() {
    run(async {
        let receiver = Receiver::start().await;
        receiver.next(Says::body(r#"{"code":11232,"msg":"frequency limited"}"#));
        let portal = portal(&hook("ops", "feishu", &receiver, "'account_created'"))
            .run()
            .await;
        for name in ["a", "bad", "c"] {
            create(&portal, name);
        }
        until_trouble(&portal, "ops", "too_often").await;
        let bad = r#"{"code":9499,"msg":"Bad Request"}"#;
        for says in [bad, FEISHU_OK, bad, FEISHU_OK] {
            receiver.next(Says::body(says));
        }
        portal.clock.advance(Duration::from_secs(600));
        until_told(&portal, "ops").await;
        assert_eq!(state(&portal, "refused", "ops"), "1");
        let calls = receiver.calls();
        let last: Vec<bool> = calls[calls.len() - 3..]
            .iter()
            .map(|call| call.text().contains("“bad”"))
            .collect();
        assert_eq!(last, [false, true, false]);
    });
}

/// C5: a robot that demands a keyword is content with a prefix, and the status says so.
#[test]
fn a_keyword_that_is_missing_is_named() {
    run(async {
        let receiver = Receiver::start().await;
        receiver.always(Says::body(r#"{"code":19024,"msg":"Key Words Not Found"}"#));
        let portal = portal(&hook("ops", "feishu", &receiver, "'account_created'"))
            .run()
            .await;
        create(&portal, "li");
        until_trouble(&portal, "ops", "keyword").await;
        assert_eq!(state(&portal, "trouble_detail", "ops"), "19024");
    });
}

/// C6: a clock that is off is named, since it makes every signature invalid.
#[test]
fn a_clock_that_is_off_is_named() {
    run(async {
        let receiver = Receiver::start().await;
        receiver.always(Says::Answer(
            200,
            "date: Mon, 01 Jan 2001 00:00:00 GMT\r\n",
            r#"{"code":19021,"msg":"sign match fail or timestamp is not within one hour from current time"}"#,
        ));
        let portal = portal(&hook("ops", "feishu", &receiver, "'account_created'"))
            .run()
            .await;
        create(&portal, "li");
        until_trouble(&portal, "ops", "clock").await;
    });
}

/// `DingTalk` shuts a robot for ten minutes.
#[test]
fn a_robot_that_is_shut_is_left_alone_for_ten_minutes() {
    run(async {
        let receiver = Receiver::start().await;
        receiver.next(Says::body(r#"{"errcode":130101,"errmsg":"send too fast"}"#));
        receiver.always(Says::body(DINGTALK_OK));
        let portal = portal(&hook("ops", "dingtalk", &receiver, "'account_created'"))
            .run()
            .await;
        create(&portal, "li");
        until_trouble(&portal, "ops", "too_often").await;
        portal.clock.advance(Duration::from_secs(570));
        tokio::time::sleep(Duration::from_millis(1200)).await;
        assert_eq!(receiver.calls().len(), 1);
        portal.clock.advance(Duration::from_secs(60));
        until_told(&portal, "ops").await;
        assert_eq!(receiver.calls().len(), 2);
    });
}
