//! Behind real proxies: a cache in front (nginx), and the whole first day from `git clone` to a
//! company's portal with TLS (Caddy with its own certificate authority), at a real platform.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use reqwest::Client;
use serde_json::json;
use tempfile::TempDir;

use crate::slow_requests::{allow_many_files, hold_half_requests};
use crate::support::django::{Decision, Platform, PlatformBrowser};
use crate::support::portal::PASSWORD;
use crate::support::process::{self, Process, client, free_port, text};
use crate::support::{Database, Person, Portal, Provider, left_out, run, until};

/// A server in a folder of its own; ended with its children when dropped.
struct Server {
    process: Child,
    folder: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            eprintln!("{log}");
        }
        let id = self.process.id().to_string();
        // Asked first, so that nginx takes its workers with it.
        let _asked = Command::new("kill").args(["-TERM", &id]).status();
        let _ended = self.process.wait();
    }
}

fn is_installed(program: &str) -> bool {
    let is_there = env::var_os("PATH")
        .is_some_and(|path| env::split_paths(&path).any(|folder| folder.join(program).is_file()))
        || Path::new("/usr/sbin").join(program).is_file();
    if !is_there {
        left_out(if program == "nginx" { "nginx" } else { "Caddy" });
    }
    is_there
}

fn start(program: &str, arguments: &[&str], folder: TempDir) -> Server {
    let log = fs::File::create(folder.path().join("log")).expect("a log");
    let path = format!("{}:/usr/sbin", env::var("PATH").unwrap_or_default());
    let process = Command::new(program)
        .args(arguments)
        .env("PATH", path)
        .env("HOME", folder.path())
        .env("XDG_DATA_HOME", folder.path().join("data"))
        .env("XDG_CONFIG_HOME", folder.path().join("config"))
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("the same file"))
        .stderr(log)
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    Server { process, folder }
}

/// nginx with a cache of everything that may be cached, under its default key.
async fn nginx_with_a_cache(upstream: &str) -> (Server, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let port = free_port();
    let root = folder.path().display().to_string();
    let configuration = format!(
        "daemon off; pid {root}/pid; error_log stderr; \
         events {{}} \
         http {{ access_log off; client_body_temp_path {root}/body; proxy_temp_path {root}/proxy; \
           fastcgi_temp_path {root}/fastcgi; uwsgi_temp_path {root}/uwsgi; scgi_temp_path {root}/scgi; \
           proxy_cache_path {root}/cache keys_zone=all:1m; \
           server {{ listen 127.0.0.1:{port}; \
             location / {{ proxy_pass http://{upstream}; proxy_set_header Host $http_host; \
               proxy_cache all; proxy_cache_valid any 10m; \
               add_header X-Cache $upstream_cache_status always; }} }} }}"
    );
    fs::write(folder.path().join("nginx.conf"), configuration).expect("a file");
    let file = format!("{root}/nginx.conf");
    let nginx = start("nginx", &["-p", &root, "-c", &file], folder);
    let url = format!("http://127.0.0.1:{port}");
    let client = client();
    until("nginx is there", async || {
        client.get(format!("{url}/healthz")).send().await.is_ok()
    })
    .await;
    (nginx, url)
}

#[test]
fn a_shared_cache_in_front_never_mixes_people_up() {
    if !is_installed("nginx") {
        return;
    }
    run(async {
        let front = free_port();
        let portal = Portal::on(Database::sqlite())
            .with("FRONTDESK_PUBLIC_URL", format!("http://127.0.0.1:{front}"))
            .with("FRONTDESK_TRUSTED_PROXIES", "127.0.0.1")
            .run()
            .await;
        let upstream = portal.url.trim_start_matches("http://").to_owned();
        let (_nginx, url) = nginx_with_a_cache(&upstream).await;
        let client = client();
        let mut sessions = Vec::new();
        for name in ["anna", "boris"] {
            let browser = portal.signed_in(&Person::named(name)).await;
            sessions.push((name, browser.session_cookie().expect("a session")));
        }
        let host = format!("127.0.0.1:{front}");
        let get = async |path: &str, cookie: &str| {
            let request = client
                .get(format!("{url}{path}"))
                .header("host", host.as_str())
                .header("accept", "text/html");
            let request = match cookie {
                "" => request,
                cookie => request.header("cookie", format!("fd_session={cookie}")),
            };
            let answer = request.send().await.expect("an answer");
            let cached = answer.headers()["x-cache"]
                .to_str()
                .expect("ASCII")
                .to_owned();
            let status = answer.status().as_u16();
            (status, cached, answer.text().await.expect("a text"))
        };
        for path in [
            "/",
            "/account",
            "/login",
            "/no-such-page",
            "/account/x.css",
            "/oauth2/login",
        ] {
            for _ in 0..3 {
                for (name, cookie) in &sessions {
                    let (_, cached, body) = get(path, cookie).await;
                    assert_eq!(cached, "MISS", "{path} must not be cached");
                    let other = if *name == "anna" { "boris" } else { "anna" };
                    assert!(!body.contains(other), "{path}");
                }
                let (_, cached, body) = get(path, "").await;
                assert_eq!(cached, "MISS");
                assert!(!body.contains("anna") && !body.contains("boris"), "{path}");
            }
        }
        // What may be cached is, and is the same for everybody.
        let (_, _, page) = get("/login", "").await;
        let style = page
            .split('"')
            .find(|part| part.starts_with("/static/style."))
            .expect("a style");
        let first = get(style, "").await;
        assert_eq!((first.0, first.1.as_str()), (200, "MISS"));
        assert_eq!(get(style, "").await.1, "HIT");
    });
}

#[test]
fn half_requests_through_caddy_do_not_stop_the_portal() {
    if !is_installed("caddy") || !allow_many_files() {
        return;
    }
    run(async {
        let front = free_port();
        let provider = Provider::start().await;
        let database = Database::sqlite();
        let mut settings = process::settings(free_port(), &provider, &database);
        let public = format!("http://127.0.0.1:{front}");
        settings.insert("FRONTDESK_PUBLIC_URL".to_owned(), public.clone());
        settings.insert(
            "FRONTDESK_TRUSTED_PROXIES".to_owned(),
            "127.0.0.1".to_owned(),
        );
        let portal = Process::spawn_with_files(&settings, 1024);
        portal.until_ready().await;
        let upstream = portal.url.trim_start_matches("http://");
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(
            folder.path().join("Caddyfile"),
            format!("{{\n admin off\n}}\n{public} {{\n reverse_proxy {upstream}\n}}\n"),
        )
        .expect("a file");
        let _caddy = start("caddy", &["run", "--config", "Caddyfile"], folder);
        let client = client();
        until("Caddy is there", async || {
            let answer = client.get(format!("{public}/healthz")).send().await;
            answer.is_ok_and(|answer| answer.status() == 200)
        })
        .await;
        let address = public.trim_start_matches("http://");
        let held = hold_half_requests(address, 1100).await;
        for url in [&public, &portal.url] {
            for path in ["/healthz", "/readyz"] {
                let answer = client.get(format!("{url}{path}")).send();
                let answer = tokio::time::timeout(std::time::Duration::from_secs(5), answer);
                let answer = answer.await.expect("in time").expect("an answer");
                assert_eq!(answer.status(), 200, "{url}{path}");
            }
        }
        drop(held);
    });
}

/// The lines that `init` printed between two others.
fn lines_between<'a>(said: &'a str, before: &str, after: &str) -> Vec<&'a str> {
    said.lines()
        .skip_while(|line| !line.contains(before))
        .skip(1)
        .take_while(|line| !line.contains(after))
        .collect()
}

/// `git clone` of this project and a static build of it, as for the archive and the image; the
/// clone, and the program.
fn clone_and_build(folder: &Path) -> (PathBuf, PathBuf) {
    let here = env!("CARGO_MANIFEST_DIR");
    let clone = folder.join("frontdesk");
    succeed(
        Command::new("git")
            .args(["clone", "--quiet", here])
            .arg(&clone),
    );
    // What runs while building is built already.
    let target = env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(here).join("target"), PathBuf::from);
    let version = Command::new("rustc").arg("-vV").output().expect("rustc");
    let version = text(&version.stdout);
    let triple = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .expect("a triple");
    // Not `--release`: the same program, and minutes less.
    succeed(
        Command::new(env!("CARGO"))
            .args(["build", "--locked", "--quiet", "--target", triple])
            .current_dir(&clone)
            .env("CARGO_TARGET_DIR", &target)
            .env("RUSTFLAGS", "-C target-feature=+crt-static"),
    );
    (clone, target.join(triple).join("debug/frontdesk"))
}

/// The README's block of shell lines that begins so, as one line.
fn shell_block(readme: &str, beginning: &str) -> String {
    let block = readme
        .split("```sh\n")
        .find(|block| block.starts_with(beginning))
        .unwrap_or_else(|| panic!("the README has no block {beginning}"));
    let block = block.split("```").next().unwrap_or_default();
    block.replace("\\\n", " ").trim().to_owned()
}

/// Runs a command that must succeed; what it printed.
fn succeed(command: &mut Command) -> String {
    let done = command.output().expect("it runs");
    let said = format!("{}{}", text(&done.stdout), text(&done.stderr));
    assert!(done.status.success(), "{command:?}: {said}");
    said
}

/// The archive holds what docs/deploy.md says, and the image's files alone run.
fn check_packages(clone: &Path, program: &Path) {
    let said = succeed(
        Command::new(clone.join("packaging/dist"))
            .env("FRONTDESK_BINARY", program)
            .env("CARGO_TARGET_DIR", clone.join("target")),
    );
    let archive = clone.join(said.trim().lines().last().expect("a path"));
    let listing = succeed(Command::new("tar").arg("-tzf").arg(&archive));
    for file in [
        "bin/frontdesk",
        "lib/systemd/system/frontdesk.service",
        "etc/frontdesk/frontdesk.env.example",
        "share/bash-completion/completions/frontdesk",
        "share/man/man1/frontdesk.1",
        "share/doc/frontdesk/docs/deploy.md",
        "share/doc/frontdesk/LICENSE-MIT",
    ] {
        assert!(listing.contains(file), "{file} in {listing}");
    }
    let is_root = succeed(Command::new("id").arg("-u")).trim() == "0";
    if is_root {
        let said = succeed(Command::new(clone.join("packaging/try-image")).arg(program));
        assert!(said.contains("The image's files suffice"), "{said}");
    }
}

/// A browser that believes Caddy's own certificate authority, with one jar.
struct SecureBrowser {
    client: Client,
    cookies: BTreeMap<String, String>,
}

impl SecureBrowser {
    fn new(authority: &[u8]) -> Self {
        let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let authority = reqwest::Certificate::from_pem(authority).expect("a certificate");
        let client = Client::builder()
            .no_proxy()
            .tls_certs_only([authority])
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("a client");
        Self {
            client,
            cookies: BTreeMap::new(),
        }
    }

    /// Status, where to, and the page.
    async fn send(&mut self, url: &str, form: Option<String>) -> (u16, String, String) {
        let origin = url::Url::parse(url).expect("an address").origin();
        let request = match form {
            None => self.client.get(url),
            Some(body) => self
                .client
                .post(url)
                .header("origin", origin.ascii_serialization())
                .header("content-type", "application/x-www-form-urlencoded")
                .body(body),
        };
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .map(|(n, v)| format!("{n}={v}"))
            .collect();
        let answer = request
            .header("accept", "text/html")
            .header("cookie", cookies.join("; "))
            .send()
            .await
            .expect("an answer");
        for cookie in answer.headers().get_all("set-cookie") {
            let cookie = cookie.to_str().expect("ASCII");
            assert!(
                cookie.contains("Secure") && cookie.contains("HttpOnly"),
                "{cookie}"
            );
            let (pair, _) = cookie.split_once(';').expect("attributes");
            let (name, value) = pair.split_once('=').expect("a cookie");
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        assert_eq!(
            answer.headers()["strict-transport-security"],
            "max-age=31536000"
        );
        let status = answer.status().as_u16();
        let location = answer.headers().get("location");
        let location = location
            .map_or("", |value| value.to_str().expect("ASCII"))
            .to_owned();
        (status, location, answer.text().await.expect("a page"))
    }
}

#[test]
#[ignore = "minutes of building on all cores: `make test` runs it after the others"]
fn from_git_clone_to_a_company_s_portal_behind_caddy_with_tls_by_the_readme_alone() {
    let Some(platform) = Platform::shared() else {
        return;
    };
    if !is_installed("caddy") {
        return;
    }
    run(first_day(platform));
}

async fn first_day(platform: &'static Platform) {
    let readme = fs::read_to_string("README.md").expect("the README");
    let folder = tempfile::tempdir().expect("a folder");
    let (clone, program) = clone_and_build(folder.path());
    check_packages(&clone, &program);
    let company = folder.path().join("company");
    fs::create_dir(&company).expect("a folder");
    let port = free_port();
    let public = format!("https://localhost:{port}");
    let secret = "the secret that the platform gave";
    fs::write(company.join("secret"), secret).expect("a file");

    // 1. The platform registers the portal, as init will ask for it.
    platform
        .application(&json!({
            "client_id": "first-day",
            "client_secret": secret,
            "redirect_uris": format!("{public}/oauth2_callback/"),
        }))
        .await;
    let person = json!({"username": "linxiaoyu", "password": PASSWORD, "name_cn": "林晓雨",
                        "email": "linxiaoyu@qinghe.example"});
    platform.person(&person).await;

    // 2. frontdesk init, as the README has it for scripts, with this company's addresses.
    let listen = format!("127.0.0.1:{}", free_port());
    let environment = [("FRONTDESK_LISTEN", listen.as_str())];
    fs::write(company.join("password"), format!("{PASSWORD}\n")).expect("a file");
    let line = shell_block(&readme, "frontdesk init --yes")
        .replace("https://desk.example.com", &public)
        .replace("https://id.example.com", &platform.url)
        .replace("https://id.internal.example.com", &platform.url)
        .replace("--client-id frontdesk", "--client-id first-day")
        .replace(
            "--yes",
            "--yes --company-name Qinghe --time-zone Asia/Shanghai",
        );
    let path = format!(
        "{}:{}",
        program.parent().expect("a folder").display(),
        env::var("PATH").unwrap_or_default()
    );
    let done = Command::new("sh")
        .args(["-c", &line])
        .current_dir(&company)
        .env_clear()
        .env("PATH", path)
        .envs(environment)
        .output()
        .expect("init runs");
    let said = text(&done.stdout);
    assert!(done.status.success(), "{said}{}", text(&done.stderr));
    assert!(
        said.contains("ok       client secret: the provider accepts it"),
        "{said}"
    );
    assert!(!said.contains("fault"), "{said}");
    assert!(
        said.contains(&format!("{public}/oauth2_callback/")),
        "{said}"
    );

    for command in ["cargo build --release", "frontdesk serve", "caddy run"] {
        assert!(readme.contains(command), "{command}");
    }

    // 3. Caddy, with the lines that init printed. Its own authority needs no internet; the
    // options on top keep it off this machine's port 80 and its store of authorities.
    let lines = lines_between(&said, "Caddy:", "Or with nginx").join("\n");
    // init cannot know of this test's port.
    let lines = lines.replace("127.0.0.1:8000", &listen);
    let file = format!(
        "{{\n admin off\n auto_https disable_redirects\n skip_install_trust\n}}\n{lines}\n"
    );
    let proxy = tempfile::tempdir().expect("a folder");
    fs::write(proxy.path().join("Caddyfile"), file).expect("a file");
    let caddy = start("caddy", &["run"], proxy);

    // 4. frontdesk serve.
    let log = fs::File::create(folder.path().join("serve.log")).expect("a log");
    let serve = Command::new(&program)
        .arg("serve")
        .current_dir(&company)
        .env_clear()
        .envs(environment)
        .stdin(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("serve starts");
    let _serve = Server {
        process: serve,
        folder: tempfile::tempdir().expect("a folder"),
    };
    let authority = caddy
        .folder
        .path()
        .join("data/caddy/pki/authorities/local/root.crt");
    until("Caddy has its authority", async || authority.exists()).await;
    let authority = fs::read(&authority).expect("a certificate");
    let mut browser = SecureBrowser::new(&authority);
    until("the portal answers through Caddy", async || {
        let answer = browser.client.get(format!("{public}/readyz")).send().await;
        answer.is_ok_and(|answer| answer.status() == 200)
    })
    .await;

    // An employee signs in with the company account, at the first sign-in.
    let (status, to, _) = browser.send(&format!("{public}/account"), None).await;
    assert_eq!((status, to.as_str()), (303, "/login?next=/account"));
    let (_, _, page) = browser.send(&format!("{public}{to}"), None).await;
    assert!(page.contains("Sign in to Qinghe"), "{page}");
    let (status, authorize, _) = browser
        .send(&format!("{public}/oauth2/login?next=/account"), None)
        .await;
    assert_eq!(status, 303);
    let callback = PlatformBrowser::new(platform)
        .log_in_and_decide(&authorize, "linxiaoyu", PASSWORD, Decision::Allow)
        .await
        .expect("a way back");
    assert!(callback.starts_with(&format!("{public}/oauth2_callback/?")));
    let (status, to, page) = browser.send(&callback, None).await;
    assert_eq!((status, to.as_str()), (303, "/account"), "{page}");
    let (_, _, page) = browser.send(&format!("{public}/account"), None).await;
    assert!(
        page.contains("data-user=\"linxiaoyu\"") && page.contains("林晓雨"),
        "{page}"
    );
    assert!(browser.cookies.contains_key("__Host-fd_session"));

    // The first admin signs in with the password that init asked for.
    let mut admin = SecureBrowser::new(&authority);
    let (_, _, page) = admin.send(&format!("{public}/login?local"), None).await;
    let token = page
        .split("name=\"csrf_token\" value=\"")
        .nth(1)
        .expect("a token");
    let token = token.split('"').next().expect("its end");
    let form = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            ("csrf_token", token),
            ("username", "desk-admin"),
            ("password", PASSWORD),
        ])
        .append_pair("next", "/admin/users")
        .finish();
    let (status, to, page) = admin.send(&format!("{public}/login"), Some(form)).await;
    assert_eq!((status, to.as_str()), (303, "/admin/users"), "{page}");
    let (_, _, page) = admin.send(&format!("{public}/admin/users"), None).await;
    assert!(page.contains("林晓雨"), "the admin sees the newcomer");
    // The address behind the proxy is the browser's, not Caddy's alone.
    let log = fs::read_to_string(folder.path().join("serve.log")).expect("the log");
    assert!(log.contains("address=127.0.0.1"), "{log}");
    assert!(
        !log.contains(PASSWORD) && !log.contains(secret),
        "no secret in the log"
    );
}
