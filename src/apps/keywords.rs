//! The words of "also found by": a suggestion from the Chinese name.

use pinyin::ToPinyin as _;

use super::MAX_KEYWORDS;

/// Returns the name as it is typed without an input method, whole and as initials: `weixin wx` for
/// 微信. `None` if there is nothing Chinese in the name. Characters with several readings make this
/// a suggestion only.
pub fn suggest(name: &str) -> Option<String> {
    let (mut whole, mut initials) = (String::new(), String::new());
    let mut has_chinese = false;
    for c in name.chars() {
        if let Some(pinyin) = c.to_pinyin() {
            has_chinese = true;
            // People type v where a keyboard has no ü.
            let plain = pinyin.plain().replace('ü', "v").replace('ê', "e");
            initials.extend(plain.chars().next());
            whole.push_str(&plain);
        } else if c.is_alphanumeric() {
            whole.extend(c.to_lowercase());
            initials.extend(c.to_lowercase());
        }
    }
    if !has_chinese {
        return None;
    }
    let both = format!("{whole} {initials}");
    // A very long name is found by its initials alone.
    let is_short = both.chars().count() <= MAX_KEYWORDS && whole != initials;
    Some(if is_short { both } else { initials })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chinese_name_is_found_by_its_pinyin_and_its_initials() {
        for (name, expected) in [
            ("微信", Some("weixin wx")),
            ("费用报销", Some("feiyongbaoxiao fybx")),
            ("IT 服务台", Some("itfuwutai itfwt")),
            ("绿色通道", Some("lvsetongdao lstd")),
            ("啊", Some("a")),
            ("Mail", None),
            ("", None),
        ] {
            assert_eq!(suggest(name).as_deref(), expected, "{name}");
        }
        let long = suggest(&"窗".repeat(60)).expect("a suggestion");
        assert_eq!(long, "c".repeat(60));
    }
}
