//! The architecture: what the source, the templates and the documents must have in common.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use frontdesk::audit::EventKind;
use frontdesk::config::{OPTIONS, Settings};
use frontdesk::web;

fn sources() -> BTreeMap<PathBuf, String> {
    let mut files = BTreeMap::new();
    collect(Path::new("src"), "rs", &mut files);
    files
}

fn collect(folder: &Path, extension: &str, files: &mut BTreeMap<PathBuf, String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, extension, files);
        } else if path.extension().is_some_and(|given| given == extension) {
            let text = fs::read_to_string(&path).expect("a text");
            files.insert(path, text);
        }
    }
}

/// The module of a file below `src`: `src/web/admin/users.rs` is `web`.
fn module(path: &Path) -> String {
    path.components()
        .nth(1)
        .and_then(|part| Path::new(part.as_os_str()).file_stem()?.to_str())
        .expect("a module")
        .to_owned()
}

const RANKS: &[&[&str]] = &[
    &[
        "clock",
        "client_network",
        "csv",
        "secret",
        "id",
        "local_path",
        "text",
        "coded",
        "reason",
        "error",
        "i18n",
    ],
    &["branding", "config", "logging", "db", "paging", "failpoint"],
    &[
        "users",
        "passwords",
        "permissions",
        "apps",
        "access_requests",
        "roles",
        "sessions",
        "audit",
        "sign_in_attempts",
        "password_throttle",
        "oauth",
        "import_django",
        "status_page",
        "webhooks",
    ],
    &["portal", "jobs"],
    &[
        "identity_sync",
        "signin",
        "signout",
        "recheck",
        "leaving",
        "instances",
        "admin",
        "access",
        "rekey",
    ],
    &["web"],
    &["server", "sandbox"],
    &["cli"],
    &["main", "lib"],
];

fn rank(module: &str) -> usize {
    RANKS
        .iter()
        .position(|modules| modules.contains(&module))
        .unwrap_or_else(|| panic!("{module} has no rank: add it to the map"))
}

#[test]
fn imports_point_up_the_map_only() {
    for (path, text) in sources() {
        let from = module(&path);
        for used in text.split("crate::").skip(1) {
            let used: String = used
                .chars()
                .take_while(|c| c.is_ascii_lowercase() || *c == '_' || c.is_ascii_digit())
                .collect();
            if used.is_empty() || from == "lib" || from == "main" {
                continue;
            }
            assert!(
                rank(&used) <= rank(&from),
                "{} uses {used}, which stands below it",
                path.display()
            );
        }
    }
}

#[test]
fn each_library_stays_in_its_modules() {
    let rooms: &[(&str, &[&str])] = &[
        (
            "diesel::",
            &[
                "id",
                "db",
                "users",
                "permissions",
                "apps",
                "access_requests",
                "sessions",
                "audit",
                "paging",
                "import_django",
                "status_page",
                "error",
                "webhooks",
            ],
        ),
        ("actix_web::", &["web", "server", "sandbox", "cli"]),
        ("actix_session::", &["web"]),
        ("actix_multipart::", &["web"]),
        ("askama::", &["web", "sandbox"]),
        ("pinyin::", &["apps"]),
        ("reqwest::", &["oauth", "webhooks"]),
        ("tokio_util::", &["jobs"]),
        ("std::env", &["config"]),
        (" aws_lc_rs::", &["secret"]),
        ("SystemTime::now", &["clock"]),
        ("Timestamp::now", &["logging"]),
        ("sandbox::start", &["cli"]),
    ];
    for (path, text) in sources() {
        let from = module(&path);
        for (library, allowed) in rooms {
            let uses = text
                .lines()
                .any(|line| line.contains(library) && !line.trim_start().starts_with("//"));
            assert!(
                !uses || allowed.contains(&from.as_str()),
                "{} uses {library}",
                path.display()
            );
        }
        // One place draws random bytes.
        assert!(
            from == "secret" || from == "passwords" || !text.contains("SystemRandom"),
            "{} draws its own random bytes",
            path.display()
        );
    }
}

/// T72: whoever acts or decides on a page is found by the guard, and nobody there is the command
/// line.
#[test]
fn only_the_guard_and_the_commands_give_authority() {
    for (path, text) in sources() {
        let is_command = module(&path) == "cli";
        let is_guard = path.ends_with("web/guard.rs");
        // The demo fills its own database with what its admins have done.
        let is_demo = path.ends_with("sandbox/life.rs");
        assert!(
            is_command || !text.contains("::command_line()"),
            "{} acts as the command line",
            path.display()
        );
        assert!(
            is_guard
                || is_demo
                || !["Decider::of(", "Admin::of("]
                    .iter()
                    .any(|of| text.contains(of)),
            "{} makes an authority of its own",
            path.display()
        );
    }
}

#[test]
fn the_stand_in_platform_is_started_by_the_demo_alone() {
    for (path, text) in sources() {
        let is_demo = path.ends_with("cli/demo.rs") || module(&path) == "sandbox";
        assert!(
            is_demo || !text.contains("sandbox::"),
            "{} reaches the stand-in provider",
            path.display()
        );
    }
}

/// The one script of all pages.
const THE_SCRIPT: &str = r#"<script src="{{ page.assets.home_script.path }}" defer></script>"#;

/// It is small enough to be read by whoever wonders what it does.
#[test]
fn the_one_script_is_under_two_kilobytes() {
    let files: Vec<_> = fs::read_dir("static").expect("static").collect();
    let scripts = files.into_iter().map(|file| file.expect("a file").path());
    let scripts: Vec<_> = scripts
        .filter(|path| path.extension().is_some_and(|given| given == "js"))
        .collect();
    assert_eq!(scripts, [Path::new("static/home.js")]);
    let script = fs::read("static/home.js").expect("the script");
    assert!(script.len() < 2000, "{} bytes", script.len());
}

#[test]
fn no_template_writes_text_unescaped() {
    let mut templates = BTreeMap::new();
    collect(Path::new("templates"), "html", &mut templates);
    for (path, text) in templates {
        let text = if path.ends_with("home.html") {
            text.replacen(THE_SCRIPT, "", 1)
        } else {
            text
        };
        for forbidden in [
            "|safe",
            "| safe",
            "|escape(\"none\")",
            "autoescape",
            "<script",
            "style=\"",
        ] {
            assert!(
                !text.contains(forbidden),
                "{forbidden} in {}",
                path.display()
            );
        }
    }
}

#[test]
fn no_line_of_a_template_is_longer_than_160_characters() {
    let mut templates = BTreeMap::new();
    collect(Path::new("templates"), "html", &mut templates);
    for (path, text) in templates {
        for line in text.lines() {
            let length = line.chars().count();
            assert!(length <= 160, "{}: {length}: {line}", path.display());
        }
    }
}

#[test]
fn the_documented_tables_of_settings_are_the_program_s() {
    let document = fs::read_to_string("docs/settings.md").expect("docs/settings.md");
    for option in OPTIONS {
        let row = format!(
            "| `{}` | {} | {} |",
            option.name, option.default, option.meaning
        );
        assert!(
            document.contains(&row),
            "docs/settings.md lacks this row:\n{row}"
        );
    }
}

/// The names of tests in a document: those in backticks that are long enough to be sentences.
fn tests_named_in(document: &str) -> Vec<String> {
    let text = fs::read_to_string(document).expect(document);
    text.split('`')
        .skip(1)
        .step_by(2)
        .filter(|name| {
            name.matches('_').count() >= 3
                && name
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        })
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_test_that_the_promises_name_exists() {
    let mut files = BTreeMap::new();
    collect(Path::new("tests"), "rs", &mut files);
    collect(Path::new("src"), "rs", &mut files);
    let functions: Vec<String> = files
        .values()
        .flat_map(|text| text.split("fn ").skip(1))
        .filter_map(|rest| rest.split('(').next())
        .map(str::to_owned)
        .collect();
    let named = tests_named_in("docs/security.md");
    assert!(named.len() > 50, "{named:?}");
    for name in named {
        assert!(functions.contains(&name), "docs/security.md names {name}");
    }
}

/// Files that recipes propose and that do not exist yet.
const PROPOSED: &[&str] = &["src/metrics.rs", "src/gate.rs", "src/web/gate.rs"];

/// Returns the path in backticks that a document means, if it means one.
fn as_path(code: &str) -> Option<&Path> {
    const ENDS: &[&str] = &["rs", "md", "html", "css", "toml", "jsonl", "csv", "example"];
    const FOLDERS: &[&str] = &["src/", "templates/", "tests/", "docs/", "migrations/"];
    let path = Path::new(code);
    let end = path.extension().and_then(|end| end.to_str());
    let is_file = end.is_some_and(|end| ENDS.contains(&end));
    let is_path = is_file || FOLDERS.iter().any(|folder| code.starts_with(folder));
    is_path.then_some(path)
}

/// Each path of the recipes exists, and of "`a` and `b` in `src/c.rs`", the file has both names.
#[test]
fn every_file_and_name_of_the_recipes_exists() {
    let text = fs::read_to_string("CONTRIBUTING.md").expect("CONTRIBUTING.md");
    let (_, rest) = text
        .split_once("\n## Where to add what\n")
        .expect("recipes");
    let recipes = rest.split("\n## ").next().unwrap_or_default();
    let (mut paths, mut in_files) = (0, 0);
    for row in recipes.lines().filter(|line| line.starts_with('|')) {
        let parts: Vec<&str> = row.split('`').collect();
        let mut names: Vec<&str> = Vec::new();
        for pair in parts.windows(2).step_by(2) {
            let (between, code) = (pair[0], pair[1]);
            if !matches!(between, ", " | " and " | " in ") {
                names.clear();
            }
            let Some(path) = as_path(code) else {
                names.push(code);
                continue;
            };
            paths += 1;
            assert_ne!(path.exists(), PROPOSED.contains(&code), "{code}: {row}");
            if between == " in " {
                let file = fs::read_to_string(path).expect(code);
                for name in names.drain(..) {
                    let name = name.rsplit("::").next().unwrap_or(name);
                    assert!(file.contains(name), "{code} has no {name}: {row}");
                    in_files += 1;
                }
            }
            names.clear();
        }
    }
    assert!(paths > 100 && in_files > 50, "{paths} {in_files}");
}

#[test]
fn no_test_bears_a_number_and_no_file_of_tests_is_long() {
    let mut files = BTreeMap::new();
    collect(Path::new("tests"), "rs", &mut files);
    for (path, text) in files.iter().chain(&sources()) {
        let place = path.display();
        for name in text.split("fn t").skip(1) {
            let rest = name.trim_start_matches(|c: char| c.is_ascii_digit());
            assert!(
                rest.len() == name.len() || !rest.starts_with('_'),
                "{place}: a number of no list: t{}",
                name.split('(').next().unwrap_or_default()
            );
        }
        let is_test = path.starts_with("tests");
        assert!(!is_test || text.lines().count() < 800, "{place} is long");
    }
}

#[test]
fn the_sqlite_inside_has_no_known_corruption_bug() {
    assert!(frontdesk::db::sqlite_version() >= 3_051_003);
}

#[test]
fn no_provider_sends_people_back_to_the_path_of_a_page() {
    let addresses = web::addresses();
    let without_a_cookie = [
        "/healthz",
        "/readyz",
        "/static/{name}",
        "/app-images/{hash}",
        "/oidc/x/{provider}",
    ];
    let paths = addresses.iter().map(|address| address.path);
    for path in paths.chain(without_a_cookie) {
        // Braces alone are refused, too.
        let url = format!("https://desk.example.com{}", path.replace(['{', '}'], ""));
        let variables = HashMap::from([("OAUTH2_REDIRECT_URL".to_owned(), url)]);
        let faults = Settings::parse(&variables).expect_err("required settings are missing");
        let is_refused = |line: &String| line.starts_with("OAUTH2_REDIRECT_URL must have a path");
        assert!(faults.lines().iter().any(is_refused), "{path} is free");
    }
}

/// The functions of a file: name and text, without comments and tests.
fn functions(text: &str) -> Vec<(String, String)> {
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    let mut functions: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        let code = line.trim_start();
        if code.starts_with("//") {
            continue;
        }
        let words = ["pub ", "pub(super) ", "pub(crate) ", "const ", "async "];
        let head = words
            .iter()
            .fold(code, |head, word| head.strip_prefix(word).unwrap_or(head));
        if let Some(rest) = head.strip_prefix("fn ") {
            let name = rest.split(['(', '<']).next().unwrap_or_default();
            functions.push((name.to_owned(), String::new()));
        }
        if let Some((_, body)) = functions.last_mut() {
            body.push_str(line);
            body.push('\n');
        }
    }
    functions
}

/// A function that does one of many acts is looked at act by act.
fn pieces(body: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    for line in body.lines() {
        if line.trim_start().starts_with("Act::") && line.contains("=>") {
            pieces.push(String::new());
        }
        if let Some(piece) = pieces.last_mut() {
            piece.push_str(line);
            piece.push('\n');
        }
    }
    pieces
}

/// One function ends sessions and takes rights, so that whatever keeps a copy of who may do what is
/// told at one place.
#[test]
fn all_that_ends_a_session_or_takes_a_right_goes_through_one_function() {
    const LOWER: &[&str] = &[
        "users::set_role_by_hand(",
        "users::set_role_by_permission(",
        "users::unlink(",
        "users::erase(",
        "users::clear_password(",
        "users::set_password(",
        "users::replace_password(",
        "permissions::revoke(",
        "permissions::replace(",
        "permissions::forget(",
    ];
    /// What writes by the same words and takes nothing.
    const TAKE_NOTHING: &[(&str, &str)] = &[
        // The same password, hashed anew.
        ("src/signin/commit.rs", "identify_by_password"),
        // The first password of an account without any.
        ("src/signin/commit.rs", "identify_by_password_link"),
        // The first permissions of a new account.
        ("src/sandbox/life.rs", "arrive"),
    ];
    let mut found = 0;
    let mut left: Vec<_> = TAKE_NOTHING.to_vec();
    // The one method that others call for it.
    let acts = fs::read_to_string("src/admin/act.rs").expect("the acts");
    let ending = functions(&acts)
        .into_iter()
        .find(|(name, _)| name == "close");
    assert!(ending.is_some_and(|(_, body)| body.contains("sessions::close(")));
    for (path, text) in sources() {
        let place = path.to_str().expect("a path in Unicode").to_owned();
        for (number, line) in text.lines().enumerate() {
            let is_set = line.contains("ended_at.eq(") && !line.contains("eq(None");
            let is_raw = line.contains("SET ended_at") || line.contains("ended_at = ");
            assert!(
                !(is_set || is_raw) || place == "src/sessions/closing.rs",
                "{place}:{}: a session ends beside sessions::close",
                number + 1
            );
        }
        if matches!(module(&path).as_str(), "users" | "permissions" | "sessions") {
            continue;
        }
        for (name, body) in functions(&text) {
            for piece in pieces(&body) {
                let flat: String = piece.split_whitespace().collect();
                let deactivates = flat.split("users::set_active(").skip(1).any(|call| {
                    let call = call.split(';').next().unwrap_or_default();
                    call.contains(",false)")
                });
                if !deactivates && !LOWER.iter().any(|writer| flat.contains(writer)) {
                    continue;
                }
                found += 1;
                let exception = left
                    .iter()
                    .position(|one| *one == (place.as_str(), name.as_str()));
                if let Some(at) = exception {
                    left.remove(at);
                    continue;
                }
                assert!(
                    flat.contains("sessions::close(") || flat.contains("self.close("),
                    "{place}: {name} takes something and does not go through sessions::close"
                );
            }
        }
    }
    assert!(found > 10, "the writers have other names by now");
    assert!(left.is_empty(), "not there any more: {left:?}");
}

/// Every heading of a document, as links name it.
fn anchors(document: &str) -> Vec<String> {
    let mut is_code = false;
    let mut anchors: Vec<String> = Vec::new();
    for line in document.lines() {
        is_code ^= line.trim_start().starts_with("```");
        let Some(heading) = line.strip_prefix('#').filter(|_| !is_code) else {
            continue;
        };
        let heading = heading.trim_start_matches('#').trim().to_lowercase();
        let is_kept = |c: &char| c.is_alphanumeric() || matches!(c, '-' | '_' | ' ');
        let anchor: String = heading.chars().filter(is_kept).collect();
        anchors.push(anchor.replace(' ', "-"));
    }
    anchors
}

#[test]
fn every_link_between_the_documents_leads_somewhere() {
    let mut documents: Vec<PathBuf> = ["README.md", "README.zh-CN.md", "CONTRIBUTING.md"]
        .map(PathBuf::from)
        .to_vec();
    for folder in ["docs", "docs/zh-CN"] {
        let files = fs::read_dir(folder).expect("a folder of documents");
        let paths = files.map(|file| file.expect("a file").path());
        documents.extend(paths.filter(|path| path.extension().is_some_and(|end| end == "md")));
    }
    let mut count = 0;
    for path in &documents {
        let text = fs::read_to_string(path).expect("a document");
        for rest in text.split("](").skip(1) {
            let link = rest.split(')').next().unwrap_or_default();
            if link.contains(':') || link.contains(' ') {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => path.clone(),
                file => path.with_file_name(file),
            };
            assert!(target.exists(), "{}: {link}", path.display());
            if !anchor.is_empty() && target.extension().is_some_and(|end| end == "md") {
                let text = fs::read_to_string(&target).expect("a document");
                let is_there = anchors(&text).iter().any(|known| known == anchor);
                assert!(is_there, "{}: {link}", path.display());
            }
            count += 1;
        }
    }
    assert!(count > 100, "the links look otherwise by now");
}

#[test]
fn the_readme_is_read_in_one_go() {
    for path in ["README.md", "README.zh-CN.md"] {
        let lines = fs::read_to_string(path).expect("a README").lines().count();
        assert!(lines <= 150, "{path} has {lines} lines");
    }
}

#[test]
fn each_event_and_each_setting_has_its_row_in_the_documents() {
    let administration = fs::read_to_string("docs/administration.md").expect("a document");
    for kind in EventKind::all() {
        let row = format!("| `{}` |", kind.code());
        assert!(
            administration.contains(&row),
            "docs/administration.md: {row}"
        );
    }
    let chinese = fs::read_to_string("docs/zh-CN/settings.md").expect("a document");
    for option in OPTIONS {
        let row = format!("| `{}` |", option.name);
        assert!(chinese.contains(&row), "docs/zh-CN/settings.md: {row}");
    }
}

/// The names that follow a prefix in imports and paths: of `super::{a, b::c}`, `a` and `b`.
fn names_after(text: &str, prefix: &str) -> Vec<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let name = |text: &str| text.chars().take_while(|c| is_name(*c)).collect::<String>();
    let mut names = Vec::new();
    for rest in text.split(prefix).skip(1) {
        let Some(group) = rest.strip_prefix('{') else {
            names.push(name(rest));
            continue;
        };
        let mut depth = 0;
        let mut is_first = true;
        for (at, c) in group.char_indices() {
            match c {
                '}' if depth == 0 => break,
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => is_first = true,
                c if is_first && is_name(c) => {
                    names.push(name(&group[at..]));
                    is_first = false;
                }
                _ => {}
            }
        }
    }
    names
}

/// The files of a folder, and which of their neighbours each names.
fn neighbours(folder: &str) -> BTreeMap<String, BTreeSet<String>> {
    let files = sources();
    let below = Path::new("src").join(folder);
    let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (path, text) in &files {
        let Ok(inside) = path.strip_prefix(&below) else {
            continue;
        };
        let first = inside.components().next().expect("a file");
        let own = Path::new(first.as_os_str()).file_stem();
        let own = own
            .and_then(|stem| stem.to_str())
            .expect("a name")
            .to_owned();
        let code = text.split("#[cfg(test)]\nmod tests").next();
        let code: String = code
            .unwrap_or_default()
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .flat_map(|line| [line, "\n"])
            .collect();
        let mut named = names_after(&code, &format!("crate::{folder}::"));
        if inside.components().count() == 1 {
            named.extend(names_after(&code, "super::"));
        }
        named.retain(|name| *name != own);
        graph.entry(own).or_default().extend(named);
    }
    graph
}

#[test]
fn no_two_files_of_a_folder_lean_on_each_other() {
    for folder in [
        "admin", "audit", "cli", "oauth", "sessions", "signin", "users", "web", "webhooks",
    ] {
        let mut graph = neighbours(folder);
        assert!(graph.len() > 2, "src/{folder} has moved");
        // What leans on nothing that is left goes, until only circles are left.
        loop {
            let left: BTreeSet<String> = graph.keys().cloned().collect();
            let free: Vec<String> = graph
                .iter()
                .filter(|(_, named)| named.is_disjoint(&left))
                .map(|(own, _)| own.clone())
                .collect();
            if free.is_empty() {
                break;
            }
            graph.retain(|own, _| !free.contains(own));
        }
        let circles: Vec<&String> = graph.keys().collect();
        assert!(
            circles.is_empty(),
            "src/{folder}: a circle among {circles:?}"
        );
    }
}

/// The declarations of a block of the style sheet, of its tokens alone.
fn tokens(block: &str) -> Vec<String> {
    let (_, inside) = block.split_once('{').expect("a block");
    let declarations = inside.split(['}']).next().unwrap_or_default().split(';');
    declarations
        .map(|declaration| declaration.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|declaration| declaration.starts_with("--"))
        .collect()
}

/// By day: the first of each pair.
fn by_day(declaration: &str) -> String {
    let Some((before, rest)) = declaration.split_once("light-dark(") else {
        return declaration.to_owned();
    };
    let mut depth = 0;
    let mut comma = None;
    let mut end = rest.len();
    for (at, c) in rest.char_indices() {
        match c {
            '(' => depth += 1,
            ')' if depth == 0 => {
                end = at;
                break;
            }
            ')' => depth -= 1,
            ',' if depth == 0 && comma.is_none() => comma = Some(at),
            _ => {}
        }
    }
    let day = &rest[..comma.expect("two colours")];
    format!("{before}{day}{}", by_day(&rest[end + 1..]))
}

#[test]
fn browsers_without_light_dark_have_the_colours_of_the_day() {
    let style = fs::read_to_string("static/style.css").expect("the style sheet");
    let (_, pairs) = style.split_once("\n:root ").expect("the tokens");
    let (_, fallback) = style
        .split_once("@supports not (color: light-dark(red, red)) {")
        .expect("a fallback");
    let wanted: Vec<String> = tokens(pairs)
        .iter()
        .filter(|declaration| declaration.contains("light-dark("))
        .map(|declaration| by_day(declaration))
        .collect();
    assert!(wanted.len() > 20, "the tokens look otherwise by now");
    assert_eq!(tokens(fallback), wanted);
}
