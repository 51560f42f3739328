//! The presets of providers, by the kind that selects each. A preset sets keys of a provider that
//! the settings leave out.

pub(super) const PRESETS: &[(&str, &str)] = &[
    ("platform", include_str!("presets/platform.toml")),
    ("feishu", include_str!("presets/feishu.toml")),
    ("lark", include_str!("presets/lark.toml")),
    ("dingtalk", include_str!("presets/dingtalk.toml")),
    ("wecom", include_str!("presets/wecom.toml")),
    ("github", include_str!("presets/github.toml")),
    ("gitlab", include_str!("presets/gitlab.toml")),
];

/// Returns the kinds that a provider can have, the presets among them.
pub(super) fn kinds() -> Vec<&'static str> {
    let presets = PRESETS.iter().map(|(kind, _)| *kind);
    ["openid", "oauth2"].into_iter().chain(presets).collect()
}
