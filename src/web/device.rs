//! A browser's description of itself, in words: "Chrome on Windows".

use crate::i18n::Lang;

pub struct Device {
    pub name: String,
    pub is_phone: bool,
}

const BROWSERS: &[(&str, &str)] = &[
    ("MicroMessenger/", "WeChat"),
    ("DingTalk/", "DingTalk"),
    ("Lark/", "Feishu"),
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("HeadlessChrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
];

const SYSTEMS: &[(&str, &str)] = &[
    ("HarmonyOS", "HarmonyOS"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
];

impl Device {
    pub fn of(user_agent: &str, lang: Lang) -> Self {
        let find = |table: &[(&str, &'static str)]| {
            table
                .iter()
                .find(|(mark, _)| user_agent.contains(mark))
                .map(|(_, name)| *name)
        };
        let name = match (find(BROWSERS), find(SYSTEMS), lang) {
            (Some(browser), Some(system), Lang::En) => format!("{browser} on {system}"),
            (Some(browser), Some(system), Lang::Zh) => format!("{browser}（{system}）"),
            (Some(browser), None, _) => browser.to_owned(),
            (None, Some(system), _) => system.to_owned(),
            (None, None, _) => lang.messages().unknown_browser.to_owned(),
        };
        Self {
            name,
            is_phone: ["iPhone", "Android", "Mobile"]
                .iter()
                .any(|mark| user_agent.contains(mark)),
        }
    }
}
