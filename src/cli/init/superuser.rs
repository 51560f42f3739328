//! The local superuser that `init` creates.

use super::{Init, Questions, ask};
use crate::admin;
use crate::cli::{Failure, new_password};

pub struct Superuser {
    pub username: String,
    pub email: String,
    pub password_hash: String,
}

pub fn collect(init: &Init, questions: Questions) -> Result<Option<Superuser>, Failure> {
    let Some(username) = username(init, questions)? else {
        return Ok(None);
    };
    let email = email(init, &username, questions)?;
    let password_hash = password_hash(init, &username, questions)?;
    Ok(Some(Superuser {
        username,
        email,
        password_hash,
    }))
}

fn username(init: &Init, questions: Questions) -> Result<Option<String>, Failure> {
    if let Some(given) = &init.superuser {
        admin::check_new_account(given, "")?;
        return Ok(Some(given.clone()));
    }
    if questions == Questions::Skipped {
        return Ok(None);
    }
    say!("\nA local admin can sign in with a password, even while the provider is down.");
    loop {
        let username = ask("Username", Some("none"))?;
        if username.is_empty() {
            return Ok(None);
        }
        match admin::check_new_account(&username, "") {
            Ok(()) => return Ok(Some(username)),
            Err(refusal) => say!("  {refusal}"),
        }
    }
}

fn email(init: &Init, username: &str, questions: Questions) -> Result<String, Failure> {
    if init.email.is_some() || questions == Questions::Skipped {
        let email = init.email.clone().unwrap_or_default();
        admin::check_new_account(username, &email)?;
        return Ok(email);
    }
    loop {
        let email = ask("Email address", Some("none"))?;
        match admin::check_new_account(username, &email) {
            Ok(()) => return Ok(email),
            Err(refusal) => say!("  {refusal}"),
        }
    }
}

/// Asks again after a mistake: one slip at the last question must not cost all earlier answers.
fn password_hash(init: &Init, username: &str, questions: Questions) -> Result<String, Failure> {
    let is_typed = questions == Questions::Asked && !init.password_stdin;
    let more_tries = if is_typed { 2 } else { 0 };
    for _ in 0..more_tries {
        match new_password(init.password_stdin, username) {
            Err(Failure::Reason(reason)) => say!("  {reason}"),
            result => return result,
        }
    }
    new_password(init.password_stdin, username)
}
