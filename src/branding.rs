//! A company's own name, notice, logo, colour and help address on the pages, set only by settings.

use crate::i18n::Lang;
use crate::secret::sha256;

/// A text in each language. If one is missing, the other is used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bilingual {
    pub en: Option<String>,
    pub zh: Option<String>,
}

impl Bilingual {
    #[must_use]
    pub fn of(&self, lang: Lang) -> Option<&str> {
        let (first, second) = match lang {
            Lang::En => (&self.en, &self.zh),
            Lang::Zh => (&self.zh, &self.en),
        };
        first.as_deref().or(second.as_deref())
    }
}

#[derive(Debug, Default)]
pub struct Branding {
    pub company: Bilingual,
    pub notice: Bilingual,
    pub logo: Option<File>,
    /// The accent colour's custom properties.
    pub style: Option<File>,
    pub help: Option<HelpAddress>,
}

/// A file served under a name that changes with its content.
#[derive(Debug, Clone)]
pub struct File {
    /// The path, such as `/static/logo.1f3a….png`.
    pub path: String,
    pub content_type: &'static str,
    pub content: Vec<u8>,
}

impl File {
    #[must_use]
    pub fn new(stem: &str, extension: &str, content_type: &'static str, content: Vec<u8>) -> Self {
        let mut hash = sha256(&content);
        hash.truncate(16);
        Self {
            path: format!("/static/{stem}.{hash}.{extension}"),
            content_type,
            content,
        }
    }
}

/// The most characters that the label of a button may have.
pub const MAX_LABEL: usize = 60;
/// The largest logo, in bytes. Every page loads it.
pub const MAX_LOGO: usize = 64 * 1024;

/// Recognizes a logo by its first bytes: SVG, PNG, JPEG or WebP. An error is the end of a sentence
/// that names the setting.
pub fn logo(content: Vec<u8>) -> Result<File, String> {
    if content.len() > MAX_LOGO {
        return Err(format!(
            "has {} bytes; at most {MAX_LOGO} are allowed, since every page loads it",
            content.len()
        ));
    }
    let (extension, content_type) = match content.as_slice() {
        [0x89, b'P', b'N', b'G', ..] => ("png", "image/png"),
        [0xff, 0xd8, 0xff, ..] => ("jpg", "image/jpeg"),
        riff if riff.starts_with(b"RIFF") && riff.get(8..12) == Some(b"WEBP") => {
            ("webp", "image/webp")
        }
        text if std::str::from_utf8(text).is_ok_and(|text| text.contains("<svg")) => {
            ("svg", "image/svg+xml; charset=utf-8")
        }
        _ => return Err("must be SVG, PNG, JPEG or WebP".to_owned()),
    };
    Ok(File::new("logo", extension, content_type, content))
}

/// The address at which people ask for help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HelpAddress {
    /// The link: `mailto:…` or `https://…`
    pub href: String,
    pub text: String,
}

impl HelpAddress {
    /// Parses an email address, or a web address that starts with https:// or http://.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_plain = |text: &str| !text.chars().any(|c| c.is_whitespace() || c.is_control());
        if !is_plain(text) {
            return None;
        }
        if text.starts_with("https://") || text.starts_with("http://") {
            let url = url::Url::parse(text).ok()?;
            return Some(Self {
                text: format!("{}{}", url.host_str()?, url.path().trim_end_matches('/')),
                href: url.into(),
            });
        }
        let address = text.strip_prefix("mailto:").unwrap_or(text);
        let (local, domain) = address.split_once('@')?;
        let is_address = !local.is_empty()
            && !domain.is_empty()
            && !address.contains(['?', '&', '<', '>', '"', '%', ','])
            && !domain.contains('@');
        is_address.then(|| Self {
            href: format!("mailto:{address}"),
            text: address.to_owned(),
        })
    }
}

/// An sRGB colour, each channel from 0 to 255.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Colour([f64; 3]);

/// The backgrounds in static/style.css behind accent-coloured text: page, card, note.
const LIGHT_GROUNDS: [Colour; 3] = [
    Colour([247.0, 245.0, 241.0]),
    Colour([255.0, 255.0, 255.0]),
    Colour([243.0, 240.0, 234.0]),
];
const DARK_GROUNDS: [Colour; 3] = [
    Colour([22.0, 21.0, 19.0]),
    Colour([31.0, 29.0, 27.0]),
    Colour([41.0, 38.0, 36.0]),
];
const WHITE: Colour = Colour([255.0, 255.0, 255.0]);
const BLACK: Colour = Colour([0.0, 0.0, 0.0]);

/// The lowest contrast at which people can read text (WCAG 2.2, 1.4.3).
const READABLE: f64 = 4.5;

impl Colour {
    fn parse(text: &str) -> Option<Self> {
        // Without quotes, `.env` takes everything after a # for a comment.
        let hex = text.strip_prefix('#').unwrap_or(text);
        if hex.len() != 6 {
            return None;
        }
        let part = |range| {
            let hex: &str = hex.get(range)?;
            u8::from_str_radix(hex, 16).ok().map(f64::from)
        };
        Some(Self([part(0..2)?, part(2..4)?, part(4..6)?]))
    }

    /// Mixes a share of `self`, from 0 to 1, with `ground`.
    fn over(self, share: f64, ground: Self) -> Self {
        let mut mixed = self.0;
        for (part, under) in mixed.iter_mut().zip(ground.0) {
            *part = (*part * share + under * (1.0 - share)).round();
        }
        Self(mixed)
    }

    /// Returns the relative luminance (WCAG 2.2).
    fn luminance(self) -> f64 {
        let [red, green, blue] = self.0.map(|part| {
            let part = part / 255.0;
            if part <= 0.04045 {
                part / 12.92
            } else {
                ((part + 0.055) / 1.055).powf(2.4)
            }
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    /// Returns the contrast, from 1 to 21 (WCAG 2.2).
    fn contrast(self, other: Self) -> f64 {
        let (one, two) = (self.luminance(), other.luminance());
        (one.max(two) + 0.05) / (one.min(two) + 0.05)
    }

    fn worst(self, grounds: &[Self]) -> f64 {
        grounds
            .iter()
            .map(|ground| self.contrast(*ground))
            .fold(f64::INFINITY, f64::min)
    }

    fn css(self) -> String {
        let [red, green, blue] = self.0;
        format!("rgb({red} {green} {blue})")
    }
}

/// The custom properties of one theme.
struct Theme {
    accent: Colour,
    on_accent: Colour,
    soft: Colour,
    panel: Colour,
    panel_ink: Colour,
}

impl Theme {
    fn css(&self) -> String {
        format!(
            "--accent:{};--on-accent:{};--accent-soft:{};--panel:{};--panel-ink:{}",
            self.accent.css(),
            self.on_accent.css(),
            self.soft.css(),
            self.panel.css(),
            self.panel_ink.css()
        )
    }
}

/// Makes the stylesheet of an accent colour. Dark mode uses a lighter shade of the same hue. An
/// error is the end of a sentence that names the setting.
pub fn accent_style(text: &str) -> Result<File, String> {
    let accent = Colour::parse(text).ok_or("must be a colour like #2c49c4")?;
    let contrast = accent.worst(&LIGHT_GROUNDS);
    if contrast < READABLE {
        return Err(format!(
            "is too light to read: its contrast with the page background is {contrast:.1}:1, and at least {READABLE}:1 is needed; choose a darker one"
        ));
    }
    // The background of the selected line in a menu, with as much colour as its text allows.
    let soft = |accent: Colour, ground: Colour| {
        [0.2, 0.15, 0.1, 0.07, 0.04, 0.0]
            .map(|share| accent.over(share, ground))
            .into_iter()
            .find(|soft| accent.contrast(*soft) >= READABLE)
            .unwrap_or(ground)
    };
    let light = Theme {
        accent,
        on_accent: WHITE,
        soft: soft(accent, WHITE),
        panel: accent.over(0.55, BLACK),
        panel_ink: accent.over(0.25, WHITE),
    };
    let [_, dark_surface, _] = DARK_GROUNDS;
    let by_night = (0..=20)
        .map(|step| accent.over(1.0 - f64::from(step) / 20.0, WHITE))
        .find(|lighter| lighter.worst(&DARK_GROUNDS) >= READABLE + 1.0)
        .unwrap_or(WHITE);
    let dark = Theme {
        accent: by_night,
        on_accent: BLACK,
        soft: soft(by_night, dark_surface),
        panel: accent.over(0.3, BLACK),
        panel_ink: accent.over(0.35, WHITE),
    };
    let (light, dark) = (light.css(), dark.css());
    let css = format!(
        // Browsers without light-dark() show the pages by day only.
        ":root{{{light}}}\n@supports (color:light-dark(red,red)){{@media (prefers-color-scheme:dark){{:root:not([data-theme=\"light\"]){{{dark}}}}}\n:root[data-theme=\"dark\"]{{{dark}}}}}\n"
    );
    Ok(File::new(
        "brand",
        "css",
        "text/css; charset=utf-8",
        css.into_bytes(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_that_nobody_could_read_are_refused_with_their_contrast() {
        for (colour, reason) in [
            ("#ffcc00", "1.3:1"),
            ("#ffffff", "1.0:1"),
            ("#6f86ff", "2.8:1"),
            ("red", "like #2c49c4"),
            ("ffcc00", "1.3:1"),
            ("#12345", "like #2c49c4"),
            ("#gggggg", "like #2c49c4"),
        ] {
            let refused = accent_style(colour).expect_err(colour);
            assert!(refused.contains(reason), "{colour}: {refused}");
        }
    }

    #[test]
    fn the_grounds_are_those_of_the_stylesheet() {
        let style = include_str!("../static/style.css");
        let hex = |colour: Colour| {
            let [red, green, blue] = colour.0.map(|part| format!("{part:02.0}"));
            let parts: Vec<u8> = [red, green, blue]
                .iter()
                .map(|part| part.parse().expect("a byte"))
                .collect();
            format!("#{:02x}{:02x}{:02x}", parts[0], parts[1], parts[2]).replace("#ffffff", "#fff")
        };
        let grounds = LIGHT_GROUNDS.into_iter().zip(DARK_GROUNDS);
        for (name, (light, dark)) in ["--bg", "--surface", "--sunk"].into_iter().zip(grounds) {
            let token = format!("{name}: light-dark({}, {});", hex(light), hex(dark));
            assert!(style.contains(&token), "{token}");
        }
    }

    #[test]
    fn whatever_colour_is_accepted_can_be_read_by_day_and_by_night() {
        let colour = |css: &str, name: &str, nth: usize| {
            let value = css
                .split(&format!("{name}:rgb("))
                .nth(nth)
                .and_then(|rest| rest.split(')').next())
                .expect("a value");
            let parts: Vec<f64> = value
                .split(' ')
                .map(|part| part.parse().expect("a number"))
                .collect();
            Colour([parts[0], parts[1], parts[2]])
        };
        let mut accepted = 0;
        for red in (0..=255).step_by(15) {
            for green in (0..=255).step_by(15) {
                for blue in (0..=255).step_by(15) {
                    let text = format!("#{red:02x}{green:02x}{blue:02x}");
                    let Ok(file) = accent_style(&text) else {
                        continue;
                    };
                    accepted += 1;
                    let css = String::from_utf8(file.content).expect("UTF-8");
                    for (nth, grounds) in [(1, LIGHT_GROUNDS), (2, DARK_GROUNDS)] {
                        let accent = colour(&css, "--accent", nth);
                        let on_accent = colour(&css, "--on-accent", nth);
                        let soft = colour(&css, "--accent-soft", nth);
                        assert!(accent.worst(&grounds) >= READABLE, "{text} {nth}");
                        assert!(accent.contrast(on_accent) >= READABLE, "{text} {nth}");
                        assert!(accent.contrast(soft) >= READABLE, "{text} {nth}");
                    }
                }
            }
        }
        assert!(accepted > 500);
    }

    #[test]
    fn a_help_address_is_mail_or_web() {
        let href = |text| HelpAddress::parse(text).map(|help| help.href);
        assert_eq!(
            href("it-desk@example.com").as_deref(),
            Some("mailto:it-desk@example.com")
        );
        assert_eq!(
            href("https://help.example.com/").as_deref(),
            Some("https://help.example.com/")
        );
        for bad in [
            "help",
            "javascript:alert(1)",
            "a b@example.com",
            "@x",
            "a@b@c",
            "x@y?cc=z",
        ] {
            assert_eq!(href(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_logo_is_told_by_its_first_bytes() {
        assert!(logo(b"<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec()).is_ok());
        assert!(logo(b"\x89PNG\r\n\x1a\n".to_vec()).is_ok());
        assert!(logo(b"<html>".to_vec()).is_err());
        assert!(logo(vec![0xff; MAX_LOGO + 1]).is_err());
    }
}
