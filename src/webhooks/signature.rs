//! The signatures that receivers check. They look alike and are not: Feishu's secret is in the key
//! over an empty message, `DingTalk`'s is the key and in the message. Each is made at each attempt,
//! because receivers refuse old ones.

use crate::secret::{Secret, from_base64, hmac_sha256};

/// The prefix of a Standard Webhooks secret, after which the key follows in base64.
const PREFIX: &str = "whsec_";

/// Returns the header `webhook-signature` of Standard Webhooks: one signature for each secret, so
/// that a receiver with either of two verifies it while the secret is changed.
pub fn standard(id: &str, seconds: i64, body: &str, secrets: &[Secret<String>]) -> String {
    let message = format!("{id}.{seconds}.{body}");
    let sign = |secret: &Secret<String>| {
        let encoded = secret.expose().strip_prefix(PREFIX).and_then(from_base64);
        let key = encoded.unwrap_or_else(|| secret.expose().as_bytes().to_vec());
        format!("v1,{}", hmac_sha256(&key, message.as_bytes()))
    };
    secrets.iter().map(sign).collect::<Vec<_>>().join(" ")
}

/// Returns the member `sign` of a body for Feishu.
pub fn feishu(seconds: i64, secret: &Secret<String>) -> String {
    hmac_sha256(format!("{seconds}\n{}", secret.expose()).as_bytes(), b"")
}

/// Returns the value of `sign` in a query for `DingTalk`, before it is encoded for the query.
pub fn dingtalk(millis: i64, secret: &Secret<String>) -> String {
    let message = format!("{millis}\n{}", secret.expose());
    hmac_sha256(secret.expose().as_bytes(), message.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    /// The vector of the libraries of Standard Webhooks.
    #[test]
    fn standard_webhooks_publish_this_signature() {
        let secrets = [secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")];
        let signed = standard(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            r#"{"test": 2432232314}"#,
            &secrets,
        );
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    /// The time and the secret of the vendor's documents, with the value that others publish.
    #[test]
    fn feishu_and_dingtalk_sign_their_vendors_examples_so() {
        assert_eq!(
            feishu(1_599_360_473, &secret("demo")),
            "l1N0gAcBjdwBvGm1xMjOF0XSyaLRpR7tuO5dHfhAYc8="
        );
        assert_eq!(
            dingtalk(1_577_262_236_757, &secret("this is secret")),
            "hmPWwU+7lVdm3ZZz0r9tSfx0L4Q26jWOZr9+Gs6EZQM="
        );
    }

    #[test]
    fn while_a_secret_is_changed_the_old_and_the_new_one_sign() {
        let (old, new) = (secret("whsec_b2xk"), secret("new"));
        let both = standard("msg_1", 1, "{}", &[old.clone(), new.clone()]);
        let each = [old, new].map(|one| standard("msg_1", 1, "{}", &[one]));
        assert_eq!(both, each.join(" "));
    }
}
