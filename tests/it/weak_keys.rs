//! A `SECRET_KEY` that somebody could guess.

use crate::support::process::{self, Process, free_port, output, text};
use crate::support::{Database, Provider, run};

const WEAK: &str = "change-me-change-me-change-me-0123456789";

#[test]
fn a_weak_secret_key_is_refused_with_the_lines_to_write_and_nobody_is_signed_out() {
    run(async {
        let provider = Provider::start().await;
        let database = Database::sqlite();
        let mut settings = process::settings(free_port(), &provider, &database);
        for weak in [
            WEAK,
            "0123456789abcdef0123456789abcdef",
            "please-replace-this-secret-key-with-your-own",
        ] {
            settings.insert("SECRET_KEY".to_owned(), weak.to_owned());
            for arguments in [&["serve"], &["check"]] {
                let refused = output(arguments, &settings);
                assert!(!refused.status.success(), "{weak}");
                let said = format!("{}{}", text(&refused.stdout), text(&refused.stderr));
                for part in [
                    "SECRET_KEY is easy to guess",
                    "`frontdesk secret-key`",
                    "SECRET_KEY=THE-NEW-KEY",
                    "SECRET_KEY_PREVIOUS=THE-CURRENT-KEY",
                ] {
                    assert!(said.contains(part), "{part} in {said}");
                }
                assert!(!said.contains(weak));
            }
        }
        // As it says.
        let fresh = text(&output(&["secret-key"], &settings).stdout);
        settings.insert("SECRET_KEY".to_owned(), fresh.trim().to_owned());
        settings.insert("SECRET_KEY_PREVIOUS".to_owned(), WEAK.to_owned());
        let _portal = Process::serve(&settings).await;
    });
}
