//! Checks every answer of every test: headers, cookies, content type, secrets.

use reqwest::StatusCode;
use reqwest::header::HeaderMap;

const COOKIES: &[&str] = &[
    "fd_session",
    "fd_browser",
    "fd_language",
    "fd_theme",
    "fd_notice",
    "fd_farewell",
];

pub struct Expectation<'a> {
    pub is_https: bool,
    /// Values that no answer may contain.
    pub canaries: &'a [String],
}

/// Checks one answer: its cookies, its headers, its addresses and its escaping, and that it shows
/// no secret.
pub fn check(
    path: &str,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    expected: &Expectation<'_>,
) {
    let text = |name: &str| {
        headers
            .get(name)
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            .unwrap_or_default()
    };
    let context = format!("{status} for {path}: {headers:?}");

    let policy = text("content-security-policy");
    for rule in [
        "default-src 'none'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ] {
        assert!(policy.contains(rule), "no {rule} in {context}");
    }
    // Only the start page runs a script, and only ours.
    let is_home = path.split('?').next() == Some("/") && status == StatusCode::OK;
    let scripts: Vec<&str> = policy
        .split("; ")
        .filter(|rule| rule.starts_with("script-src"))
        .collect();
    let allowed: &[&str] = if is_home { &["script-src 'self'"] } else { &[] };
    assert_eq!(scripts, allowed, "{context}");
    assert!(!policy.contains("unsafe"), "{context}");
    assert_eq!(text("x-content-type-options"), "nosniff", "{context}");
    assert_eq!(text("x-frame-options"), "DENY", "{context}");
    assert_eq!(
        text("cross-origin-opener-policy"),
        "same-origin",
        "{context}"
    );
    let is_callback = path.starts_with("/oauth2_callback/") && status != StatusCode::NOT_FOUND;
    let referrer = if is_callback {
        "no-referrer"
    } else {
        "same-origin"
    };
    assert_eq!(text("referrer-policy"), referrer, "{context}");
    assert_eq!(
        !text("strict-transport-security").is_empty(),
        expected.is_https,
        "{context}"
    );
    let is_image = path.starts_with("/app-images/") && status == StatusCode::OK;
    if is_image || path.starts_with("/static/") && status == StatusCode::OK {
        assert!(text("cache-control").contains("immutable"), "{context}");
    } else {
        assert_eq!(text("cache-control"), "no-store", "{context}");
        assert!(text("vary").contains("Accept-Language"), "{context}");
    }
    if is_image {
        assert!(text("content-type").starts_with("image/"), "{context}");
    } else if !body.is_empty() {
        let content_type = text("content-type");
        assert!(content_type.contains("charset=utf-8"), "{context}");
        if content_type.starts_with("text/html") {
            let html = String::from_utf8(body.to_vec()).expect("HTML in UTF-8");
            let html = if is_home {
                without_our_script(&html)
            } else {
                html
            };
            check_html(&html, &context);
        }
    }
    for cookie in headers.get_all("set-cookie") {
        check_cookie(
            cookie.to_str().expect("a cookie in ASCII"),
            expected.is_https,
        );
    }
    let whole = format!("{headers:?}\n{}", String::from_utf8_lossy(body));
    // No answer contains the hash of a password.
    for hash in ["$argon2", "pbkdf2_sha256$", "argon2$argon2id"] {
        assert!(!whole.contains(hash), "a password's hash in {context}");
    }
    for canary in expected.canaries {
        assert!(!whole.contains(canary.as_str()), "a secret in {context}");
    }
}

/// Removes the one script that the start page may name.
fn without_our_script(html: &str) -> String {
    let Some((before, rest)) = html.split_once("<script src=\"/static/home.") else {
        return html.to_owned();
    };
    let (hash, after) = rest
        .split_once(".js\" defer></script>")
        .unwrap_or_else(|| panic!("another script than ours: {rest}"));
    assert!(
        hash.chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)),
        "{hash}"
    );
    format!("{before}{after}")
}

fn check_html(html: &str, context: &str) {
    assert!(html.starts_with("<!doctype html>"), "{context}");
    for tag in html.split('<').skip(1) {
        let tag = tag.split('>').next().unwrap_or_default();
        // The names of attributes are outside the quotes; their values are text.
        let outside: String = tag.split('"').step_by(2).collect();
        let outside = outside.to_lowercase();
        let mut words = outside.split_whitespace();
        let element = words.next().unwrap_or_default();
        let is_known = !["script", "base", "iframe", "object", "embed"].contains(&element);
        assert!(is_known, "<{tag}> in {context}");
        for attribute in words {
            let is_plain = !attribute.starts_with("on") && !attribute.starts_with("style");
            assert!(is_plain, "<{tag}> in {context}");
        }
    }
    assert!(!html.contains("\"javascript:"), "{context}");
    assert_eq!(html.matches("<h1").count(), 1, "one heading in {context}");
    // Every form that changes something carries a token.
    for form in html.split("<form").skip(1) {
        let form = form.split("</form>").next().unwrap_or_default();
        if form.contains("method=\"post\"") {
            assert!(form.contains("name=\"csrf_token\""), "{context}\n{form}");
        }
    }
    if context.starts_with('4') || context.starts_with('5') {
        assert!(html.contains("class=\"ref\""), "no reference on {context}");
    }
}

fn check_cookie(cookie: &str, is_https: bool) {
    let (name, _) = cookie.split_once('=').expect("a name");
    let plain = name.strip_prefix("__Host-").unwrap_or(name);
    assert!(COOKIES.contains(&plain), "an unknown cookie: {cookie}");
    let attributes: Vec<String> = cookie
        .split(';')
        .skip(1)
        .map(|attribute| attribute.trim().to_ascii_lowercase())
        .collect();
    let has = |attribute: &str| attributes.iter().any(|given| given == attribute);
    assert!(
        has("httponly") && has("samesite=lax") && has("path=/"),
        "{cookie}"
    );
    assert!(
        !attributes.iter().any(|given| given.starts_with("domain")),
        "{cookie}"
    );
    assert_eq!(has("secure"), is_https, "{cookie}");
    if plain == "fd_session" || plain == "fd_browser" {
        assert_eq!(name.starts_with("__Host-"), is_https, "{cookie}");
    }
    assert!(cookie.len() < 1024, "{cookie}");
}
