//! What opens or grants, by what closes: each opener is held up between its read and its write (on
//! SQLite: before its transaction), a closer runs to its end, and the opener goes on. Nothing is
//! opened or granted by what was true a moment ago.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use frontdesk::admin::{self, Admin};
use frontdesk::failpoint::{Pause, pause_about};
use frontdesk::passwords::hash;
use frontdesk::rekey;
use frontdesk::secret::Secret;
use frontdesk::sessions::logouts;
use serde_json::json;
use tokio::task::JoinHandle;

use crate::providers::linking;
use crate::support::desk::PASSWORD;
use crate::support::openid::{Call, Document, Subject, back_channel};
use crate::support::{
    Answer, Browser, Database, Desk, OpenId, Reply, on_both_databases, run, spawn, until,
};

// -- the table --

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opener {
    SignIn,
    Password,
    Linking,
    Adoption,
    RescueLink,
    PasswordLink,
    Rekey,
    /// A re-check's new tokens.
    Rotation,
    /// What a re-check read.
    Sync,
    Grant,
    Promote,
    Activate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Closer {
    SignOut,
    Unlink,
    Deactivate,
    Demote,
    /// By an admin.
    EndSessions,
    /// "Sign out everywhere else", in another session of the same person.
    EndOthers,
    /// By its owner, in another session.
    PasswordChange,
    /// On the command line.
    PasswordCommand,
    PasswordReset,
    Take,
    Erase,
    LogoutSid,
    LogoutSub,
    RecheckRefusal,
    SyncBySignIn,
    SyncByLinking,
    SyncByRecheck,
}

const OPENERS: [Opener; 12] = {
    use Opener::*;
    [
        SignIn,
        Password,
        Linking,
        Adoption,
        RescueLink,
        PasswordLink,
        Rekey,
        Rotation,
        Sync,
        Grant,
        Promote,
        Activate,
    ]
};

const CLOSERS: [Closer; 17] = {
    use Closer::*;
    [
        SignOut,
        Unlink,
        Deactivate,
        Demote,
        EndSessions,
        EndOthers,
        PasswordChange,
        PasswordCommand,
        PasswordReset,
        Take,
        Erase,
        LogoutSid,
        LogoutSub,
        RecheckRefusal,
        SyncBySignIn,
        SyncByLinking,
        SyncByRecheck,
    ]
};

/// What becomes of an opener that a closer overtook. Whatever it is, what was closed stays closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cell {
    /// Nothing is opened or granted.
    Refused,
    /// It is done, and may be: why.
    Done(&'static str),
    /// It cannot happen: why.
    Never(&'static str),
}

const ANEW: &str = "who has just proved who they are comes in; what ended was another session";
const NO_PASSWORD: &str = "a password does not matter to it";
const ROLE_IS_READ: &str = "it opens no role: a role counts as the account has it at each request";
const BY_HAND: &str = "what is given by hand is no part of it, and stays taken";
const DROPPED: &str = "it opens, and what was asked for before the newer sync is dropped";
const LINKING_TAKES_NOTHING: &str =
    "linking adds an identity, and takes nothing that this rests on";
const NOT_BY_PROVIDER: &str = "it does not rest on a session at the provider";
const NO_SESSION: &str = "it rests on no session";

/// The table. Whoever acts in the last three rows is the admin whose rights are closed; in the rows
/// of the password and of the password link local passwords are for superusers alone.
#[expect(clippy::match_same_arms, reason = "a table, line by line")]
const fn cell(opener: Opener, closer: Closer) -> Cell {
    use Cell::{Done, Never, Refused};
    use Closer::*;
    match (opener, closer) {
        // Nobody who is gone or switched off gets anything, but the name by which they are known.
        (Opener::Rekey, Deactivate) => Done("the identity moves; the account stays deactivated"),
        (_, Deactivate | Erase) => Refused,

        (Opener::SignIn, SignOut | EndSessions | EndOthers) => Done(ANEW),
        (Opener::SignIn, Demote) => Done(ROLE_IS_READ),
        (Opener::SignIn, PasswordChange | PasswordCommand | PasswordReset) => Done(NO_PASSWORD),
        (Opener::SignIn, Take) => Done(BY_HAND),
        (Opener::SignIn, Unlink | LogoutSid | LogoutSub | RecheckRefusal) => Refused,
        (Opener::SignIn, SyncBySignIn | SyncByLinking | SyncByRecheck) => Done(DROPPED),

        (Opener::Password, SignOut | EndSessions | EndOthers) => Done(ANEW),
        (Opener::Password, LogoutSid | LogoutSub) => Done(NOT_BY_PROVIDER),
        (Opener::Password, SyncByLinking) => Never(LINKING_TAKES_NOTHING),
        (Opener::Password, _) => Refused,

        (Opener::Linking, Demote | Take) => Done("a role does not matter to it"),
        (Opener::Linking, SyncBySignIn | SyncByRecheck) => {
            Done("the session goes on, and the new identity has permissions of its own")
        }
        (Opener::Linking, SyncByLinking) => {
            Done("it is linked already; nothing is written a second time")
        }
        (Opener::Linking, _) => Refused,

        (Opener::Adoption, SignOut | EndSessions | EndOthers) => {
            Done("it ends all sessions of the account, and rests on none")
        }
        (Opener::Adoption, PasswordChange | PasswordCommand | PasswordReset) => {
            Done("it takes the account's password, whichever that is")
        }
        (Opener::Adoption, Take) => Done(BY_HAND),
        (Opener::Adoption, SyncBySignIn | SyncByLinking) => Done(DROPPED),
        (Opener::Adoption, LogoutSid | LogoutSub) => Refused,
        (Opener::Adoption, Demote) => Never("an account with a role is not adopted"),
        (Opener::Adoption, Unlink | RecheckRefusal | SyncByRecheck) => {
            Never("nobody has come to the account by a provider before")
        }

        (Opener::RescueLink, SignOut | EndSessions | EndOthers) => Done(NO_SESSION),
        (Opener::RescueLink, Demote | Take | SyncBySignIn | SyncByRecheck) => Done(ROLE_IS_READ),
        (Opener::RescueLink, PasswordChange | PasswordCommand | PasswordReset) => Done(NO_PASSWORD),
        (Opener::RescueLink, Unlink | LogoutSid | LogoutSub | RecheckRefusal) => Done(
            "it is for the account, by whoever has the command line, when the provider is not to be had",
        ),
        (Opener::RescueLink, SyncByLinking) => Never(LINKING_TAKES_NOTHING),

        (Opener::PasswordLink, SignOut | EndSessions | EndOthers) => Done(NO_SESSION),
        (Opener::PasswordLink, LogoutSid | LogoutSub) => Done(NOT_BY_PROVIDER),
        (Opener::PasswordLink, PasswordChange) => Never("its owner has no password yet to change"),
        (Opener::PasswordLink, SyncByLinking) => Never(LINKING_TAKES_NOTHING),
        (Opener::PasswordLink, _) => Refused,

        (Opener::Rekey, Unlink) => Refused,
        (Opener::Rekey, SyncByLinking) => Never(LINKING_TAKES_NOTHING),
        (Opener::Rekey, _) => Done("it moves a name; what was ended or taken stays so"),

        (Opener::Rotation, Demote | Take | SyncBySignIn) => {
            Done("the session goes on, with the rights that are left")
        }
        (Opener::Rotation, SyncByLinking) => Never(LINKING_TAKES_NOTHING),
        (Opener::Rotation, SyncByRecheck) => {
            Never("a refresh token works once, so of two checks one renews it")
        }
        (Opener::Rotation, _) => Refused,

        (Opener::Sync, Unlink | RecheckRefusal | SyncBySignIn | SyncByRecheck) => Refused,
        (Opener::Sync, Demote | Take) => Done(BY_HAND),
        (Opener::Sync, SyncByLinking) => Never(LINKING_TAKES_NOTHING),
        (Opener::Sync, _) => {
            Done("what the provider says of a person holds, whatever session it was asked with")
        }

        (Opener::Grant | Opener::Promote | Opener::Activate, SyncByLinking) => {
            Never(LINKING_TAKES_NOTHING)
        }
        (Opener::Grant | Opener::Promote | Opener::Activate, _) => Refused,
    }
}

/// Where the opener is held up. What takes turns with it cannot run to its end inside its
/// transaction: then it is held up before that alone.
fn places(opener: Opener, closer: Closer, is_postgresql: bool) -> Vec<&'static str> {
    use Closer::{LogoutSid, LogoutSub, SyncByLinking, SyncBySignIn};
    let takes_turns = match opener {
        Opener::Linking => closer == SyncByLinking,
        _ => matches!(closer, LogoutSid | LogoutSub | SyncBySignIn | SyncByLinking),
    };
    let (before, inside) = match opener {
        Opener::SignIn => ("before_sign_in", Some("identity_read")),
        Opener::Adoption => ("before_sign_in", Some("owner_read")),
        Opener::Password => ("before_password", None),
        Opener::Linking => ("before_linking", Some("linking_read")),
        Opener::RescueLink | Opener::PasswordLink => ("before_link", None),
        Opener::Rekey => ("", Some("rekey_read")),
        Opener::Rotation | Opener::Sync => ("before_settling", None),
        // It reads nothing before it has taken the rows.
        Opener::Grant | Opener::Promote | Opener::Activate => ("before_act_begins", None),
    };
    let inside = inside.filter(|_| is_postgresql && (opener == Opener::Rekey || !takes_turns));
    match inside {
        Some(inside) if before.is_empty() => vec![inside],
        Some(inside) => vec![before, inside],
        None => vec![before],
    }
}

#[test]
fn each_cell_without_a_refusal_says_why() {
    for opener in OPENERS {
        for closer in CLOSERS {
            if let Cell::Done(why) | Cell::Never(why) = cell(opener, closer) {
                assert!(why.len() > 20, "{opener:?} by {closer:?}");
            }
        }
    }
    if std::env::var("PRINT_TABLE").is_ok() {
        print_table();
    }
}

/// The table, for the documentation.
fn print_table() {
    let mut notes: Vec<&str> = Vec::new();
    let names: Vec<String> = OPENERS.iter().map(|opener| format!("{opener:?}")).collect();
    println!(
        "| | {} |\n|---{}|",
        names.join(" | "),
        "|---".repeat(names.len())
    );
    for closer in CLOSERS {
        let mut row = format!("| {closer:?} |");
        for opener in OPENERS {
            let (mark, why) = match cell(opener, closer) {
                Cell::Refused => ("refused", ""),
                Cell::Done(why) => ("done", why),
                Cell::Never(why) => ("—", why),
            };
            let note = if why.is_empty() {
                String::new()
            } else {
                let known = notes.iter().position(|note| *note == why);
                let number = known.unwrap_or_else(|| {
                    notes.push(why);
                    notes.len() - 1
                });
                format!(" {}", number + 1)
            };
            row.extend([" ", mark, &note, " |"]);
        }
        println!("{row}");
    }
    for (number, note) in notes.iter().enumerate() {
        println!("{}. {note}.", number + 1);
    }
}

// -- who is there --

/// Makes whoever holds it a superuser.
const SUPER: &str = "desk.superuser";
const NEW_PASSWORD: &str = "another horse battery";

static NEW_HASH: LazyLock<String> =
    LazyLock::new(|| hash(&Secret::new(NEW_PASSWORD.to_owned())).expect("argon2 works"));

/// Pauses are found by a subject, whichever desk's: no two people of this process share a number.
static LAST: AtomicI64 = AtomicI64::new(0);

/// A desk with two providers, and an admin who is none of the people of the cells.
struct Hall {
    a: OpenId,
    b: OpenId,
    desk: Desk,
    boss: Form,
}

/// A browser with a session, and a page of it whose form token serves for all forms.
#[derive(Clone)]
struct Form {
    browser: Browser,
    page: Answer,
}

impl Form {
    async fn of(browser: Browser) -> Self {
        let page = browser.get("/account").await;
        assert_eq!(page.status, 200, "{}", page.body);
        Self { browser, page }
    }

    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.browser.post(path, &self.page, fields).await
    }
}

/// Whose rights the opener rests on, and the closer ends.
struct Somebody {
    id: i64,
    name: String,
    /// Who they are at both providers.
    subject: String,
    session: Form,
    session_id: i64,
    second: Option<Form>,
    /// Choosing a password by it.
    link: String,
    /// An account of no rights, on which they act.
    target: i64,
    /// The refresh token of their session, sealed.
    refresh: String,
}

/// Lets whoever is held up go on, whatever happens.
struct Held(Pause);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.release();
    }
}

/// Names the cell of a test that fails.
struct Naming(String);

impl Drop for Naming {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("in the cell: {}", self.0);
        }
    }
}

fn at(provider: &str) -> String {
    format!("/oauth2/login?next=/account&provider={provider}")
}

impl Hall {
    async fn open(database: Database) -> Self {
        let (a, b) = (OpenId::start().await, OpenId::start().await);
        let groups = "mapping.permissions = [\"/groups\"]\n";
        let first = a.toml("a").replace("\"off\"", "\"10s\"");
        let toml = format!("{first}{groups}{}{groups}", b.toml("b"));
        let desk = a
            .desk_of(database, &toml)
            .with("FRONTDESK_SUPERUSER_PERMISSION", SUPER)
            .with("FRONTDESK_ADOPT_IMPORTED", "on")
            .with("FRONTDESK_PASSWORD_LOGIN", "superusers")
            .run()
            .await;
        until("both are found", async || {
            let mut all = desk.inner.providers.all().iter();
            all.all(|provider| provider.is_available())
        })
        .await;
        desk.local_account("boss");
        desk.database
            .execute("UPDATE users SET is_staff = TRUE, is_superuser = TRUE");
        let boss = rescued(&desk, "boss").await;
        Self { a, b, desk, boss }
    }

    fn number(&self, sql: &str) -> i64 {
        self.desk.database.number(sql)
    }

    fn count(&self, from: &str) -> i64 {
        self.number(&format!("SELECT COUNT(*) AS value FROM {from}"))
    }

    fn execute(&self, sql: &str) {
        self.desk.database.execute(sql);
    }

    /// The live sessions of an account, the oldest first.
    fn live(&self, user_id: i64) -> Vec<String> {
        self.desk.database.texts(&format!(
            "SELECT CAST(id AS TEXT) AS value FROM sessions WHERE user_id = {user_id} AND ended_at IS NULL ORDER BY id"
        ))
    }

    fn newest_session(&self, user_id: i64) -> i64 {
        self.number(&format!(
            "SELECT MAX(id) AS value FROM sessions WHERE user_id = {user_id}"
        ))
    }

    async fn by_boss(&self, user_id: i64, act: &str, fields: &[(&str, &str)]) -> Answer {
        let path = format!("/admin/users/{user_id}/{act}");
        let answer = self.boss.post(&path, fields).await;
        let is_done = answer.status == 303 && answer.location().starts_with("/admin/users/")
            || act == "reset-password" && answer.status == 200;
        assert!(is_done, "{act}: {} {}", answer.status, answer.body);
        answer
    }

    fn subject(name: &str, session: &str, groups: &[&str]) -> Subject {
        Subject::named(name)
            .with("groups", groups)
            .with("sid", sid(name, session))
    }

    async fn sign_in(&self, provider: (&OpenId, &str), subject: &Subject) -> Form {
        let browser = self.browser();
        let answer = provider
            .0
            .sign_in_from(&browser, &at(provider.1), subject)
            .await;
        assert!(answer.sets_session(), "{}", answer.body);
        Form::of(browser).await
    }

    fn browser(&self) -> Browser {
        let mut browser = self.desk.browser();
        browser.is_recorded = false;
        browser
    }

    /// An account as it was imported from another system, with a password.
    fn import(&self, name: &str, number: i64) -> i64 {
        let id = 1000 + number;
        self.execute(&format!(
            "INSERT INTO users (id, username, first_name, email, password, is_active, is_staff, is_superuser, is_staff_by_permission, is_superuser_by_permission, date_joined, imported_at) \
             SELECT {id}, '{name}', '', '', password, TRUE, FALSE, FALSE, FALSE, FALSE, {id}, 1 FROM users WHERE username = 'boss'"
        ));
        id
    }

    /// Somebody with what `opener` needs and `closer` can take: a superuser by hand, by a permission
    /// that was given by hand, or by one of the provider.
    async fn arrive(&self, opener: Opener, closer: Closer) -> Somebody {
        let number = LAST.fetch_add(1, Ordering::Relaxed) + 1;
        let name = format!("person{number}");
        let is_imported = opener == Opener::Adoption;
        let needs_second = matches!(closer, Closer::EndOthers | Closer::PasswordChange)
            || (opener, closer) == (Opener::Sync, Closer::SyncByRecheck);
        let groups: &[&str] = if by_provider(closer) {
            &["team", SUPER]
        } else {
            &["team"]
        };
        let subject = |session: &str| Self::subject(&name, session, groups);
        let id = if is_imported {
            self.import(&name, number)
        } else {
            self.sign_in((&self.a, "a"), &subject("before")).await;
            self.number(&format!(
                "SELECT id AS value FROM users WHERE username = '{name}'"
            ))
        };
        self.execute(&format!(
            "UPDATE users SET password = (SELECT u.password FROM users u WHERE u.username = 'boss') WHERE id = {id}"
        ));
        match closer {
            Closer::Demote => self.execute(&format!(
                "UPDATE users SET is_staff = TRUE, is_superuser = TRUE WHERE id = {id}"
            )),
            Closer::Take => {
                let permission = [("permission", taken(opener))];
                self.by_boss(id, "grant", &permission).await;
            }
            _ => {}
        }
        let mut link = String::new();
        if opener == Opener::PasswordLink {
            link = link_on(&self.by_boss(id, "reset-password", &[]).await);
        }
        self.execute(&format!(
            "UPDATE sessions SET ended_at = 1 WHERE user_id = {id}"
        ));
        let session = async |session: &str| {
            if is_imported {
                rescued(&self.desk, &name).await
            } else {
                self.sign_in((&self.a, "a"), &subject(session)).await
            }
        };
        let first = session("s").await;
        let session_id = self.newest_session(id);
        let second = if needs_second {
            Some(session("other").await)
        } else {
            None
        };
        let target = self.target(opener, number);
        let refresh = self.refresh_token(session_id);
        Somebody {
            id,
            subject: format!("sub-of-{name}"),
            name,
            session: first,
            session_id,
            second,
            link,
            target,
            refresh,
        }
    }

    fn target(&self, opener: Opener, number: i64) -> i64 {
        if !matches!(opener, Opener::Grant | Opener::Promote | Opener::Activate) {
            return 0;
        }
        let name = format!("target{number}");
        self.desk.local_account(&name);
        if opener == Opener::Activate {
            self.execute(&format!(
                "UPDATE users SET is_active = FALSE WHERE username = '{name}'"
            ));
        }
        self.number(&format!(
            "SELECT id AS value FROM users WHERE username = '{name}'"
        ))
    }

    fn refresh_token(&self, session_id: i64) -> String {
        let sql = format!("SELECT refresh_token AS value FROM sessions WHERE id = {session_id}");
        self.desk.database.texts(&sql).remove(0)
    }

    // -- openers --

    /// Has the opener begin and held up at `place`; what it will have answered.
    async fn begin(
        &self,
        (opener, closer): (Opener, Closer),
        place: &'static str,
        who: &Somebody,
    ) -> (Option<Held>, JoinHandle<Answer>) {
        let failpoint = &self.desk.inner.failpoint;
        let arm = || match place {
            "" => None,
            "identity_read" | "owner_read" | "rekey_read" => {
                Some(Held(pause_about(place, &who.subject)))
            }
            place => Some(Held(failpoint.pause_at(place))),
        };
        let target = |act: &str| format!("/admin/users/{}/{act}", who.target);
        let (held, answer) = match opener {
            Opener::SignIn | Opener::Adoption => {
                let is_at_b = opener == Opener::SignIn && closer == Closer::SyncByLinking;
                let (provider, id) = if is_at_b {
                    (&self.b, "b")
                } else {
                    (&self.a, "a")
                };
                let is_newly_super = opener == Opener::Adoption || is_at_b || by_provider(closer);
                let groups: &[&str] = if is_newly_super {
                    &["team", SUPER]
                } else {
                    &["team"]
                };
                let browser = self.browser();
                let begun = browser.get(&at(id)).await;
                let subject = Self::subject(&who.name, "new", groups);
                let callback = provider.approve(begun.location(), &subject);
                (arm(), spawn(async move { browser.get(&callback).await }))
            }
            Opener::Linking => {
                let browser = who.session.browser.clone();
                let begun = browser.get(&linking(&browser, "b").await).await;
                let is_newly_super = closer == Closer::SyncByLinking;
                let groups: &[&str] = if is_newly_super {
                    &["team", SUPER]
                } else {
                    &["team"]
                };
                let subject = Self::subject(&who.name, "b", groups);
                let callback = self.b.approve(begun.location(), &subject);
                (arm(), spawn(async move { browser.get(&callback).await }))
            }
            Opener::Password | Opener::RescueLink | Opener::PasswordLink => {
                let link = match opener {
                    Opener::RescueLink => self.desk.rescue_link(&who.name),
                    _ => who.link.clone(),
                };
                let token = link.split_once("token=").map(|(_, token)| token.to_owned());
                let token = token.unwrap_or_default();
                let browser = self.browser();
                let page = browser.get("/login").await;
                let name = who.name.clone();
                let answer = async move {
                    let fields: &[(&str, &str)] = match opener {
                        Opener::Password => &[("username", &name), ("password", PASSWORD)],
                        Opener::RescueLink => &[("token", &token)],
                        _ => &[
                            ("token", &token),
                            ("new_password", NEW_PASSWORD),
                            ("new_password_again", NEW_PASSWORD),
                        ],
                    };
                    let path = match opener {
                        Opener::Password => "/login",
                        Opener::RescueLink => "/rescue",
                        _ => "/password",
                    };
                    browser.post(path, &page, fields).await
                };
                (arm(), spawn(answer))
            }
            Opener::Rekey => (arm(), self.rekey(who)),
            Opener::Rotation | Opener::Sync => {
                if opener == Opener::Sync {
                    let mut groups = vec!["team", "x.new"];
                    groups.extend(by_provider(closer).then_some(SUPER));
                    self.a.patch(Document::Userinfo, json!({"groups": groups}));
                }
                self.nobody_is_due();
                until("no check is under way", async || self.checks() == 0).await;
                let held = arm();
                self.is_due(who.id);
                (held, spawn(async { Answer::empty() }))
            }
            Opener::Grant | Opener::Promote | Opener::Activate => {
                let (path, fields): (_, &'static [(&str, &str)]) = match opener {
                    Opener::Grant => (target("grant"), &[("permission", "x.granted")]),
                    Opener::Promote => (target("role"), &[("role", "superuser")]),
                    _ => (target("activate"), &[]),
                };
                let session = who.session.clone();
                (
                    arm(),
                    spawn(async move { session.post(&path, fields).await }),
                )
            }
        };
        if let Some(held) = &held {
            until("the opener is held up", async || held.0.is_reached()).await;
        }
        (held, answer)
    }

    /// Gives the person another subject.
    fn rekey(&self, who: &Somebody) -> JoinHandle<Answer> {
        let (db, now) = (self.desk.inner.db.clone(), self.desk.clock.now());
        let pairs = [(who.subject.clone(), format!("new-{}", who.subject))];
        let pointer = "SELECT subject_pointer AS value FROM providers WHERE id = 'a'";
        let pointer = self.desk.database.texts(pointer).remove(0);
        let begun = move || {
            rekey::to_subjects(&db, now, "a", &pairs, &pointer, false).expect("a database");
            Answer::empty()
        };
        tokio::task::spawn_blocking(begun)
    }

    /// Whether the opener has done what it wanted; `before` are the live sessions before that.
    fn is_done(&self, opener: Opener, who: &Somebody, before: &[String]) -> bool {
        let (id, target, subject) = (who.id, who.target, &who.subject);
        match opener {
            Opener::SignIn
            | Opener::Password
            | Opener::Adoption
            | Opener::RescueLink
            | Opener::PasswordLink => self.live(id).iter().any(|one| !before.contains(one)),
            Opener::Linking => {
                self.count(&format!(
                    "identities WHERE provider = 'b' AND user_id = {id}"
                )) == 1
            }
            Opener::Rekey => {
                self.count(&format!(
                    "identities WHERE subject = 'new-{subject}' AND user_id = {id}"
                )) == 1
            }
            Opener::Rotation => {
                let is_live = self.live(id).contains(&who.session_id.to_string());
                let refresh = self.refresh_token(who.session_id);
                let is_renewed = refresh != who.refresh && refresh != "NULL";
                assert!(is_live || !is_renewed, "an ended session gets no tokens");
                is_live && is_renewed
            }
            Opener::Sync => {
                self.count(&format!(
                    "user_permissions WHERE user_id = {id} AND name = 'x.new'"
                )) == 1
            }
            Opener::Grant => self.count(&format!("user_permissions WHERE user_id = {target}")) == 1,
            Opener::Promote => {
                self.count(&format!("users WHERE id = {target} AND is_superuser")) == 1
            }
            Opener::Activate => {
                self.count(&format!("users WHERE id = {target} AND is_active")) == 1
            }
        }
    }

    // -- re-checks --

    fn checks(&self) -> usize {
        self.desk.inner.jobs.waited_for()
    }

    fn nobody_is_due(&self) {
        self.execute("UPDATE sessions SET recheck_at = NULL WHERE recheck_at IS NOT NULL");
    }

    fn is_due(&self, user_id: i64) {
        self.execute(&format!(
            "UPDATE sessions SET recheck_at = 1 WHERE user_id = {user_id} AND provider = 'a' AND ended_at IS NULL"
        ));
    }

    // -- closers --

    /// Runs a closer to its end.
    async fn close(&self, opener: Opener, closer: Closer, who: &Somebody) {
        let (id, name) = (who.id, who.name.as_str());
        let second = || who.second.as_ref().expect("a second session");
        match closer {
            Closer::SignOut => {
                assert_eq!(who.session.post("/logout", &[]).await.status, 303);
            }
            Closer::Unlink => {
                let identity = [("provider", "a"), ("subject", who.subject.as_str())];
                self.by_boss(id, "unlink", &identity).await;
            }
            Closer::Deactivate => {
                self.by_boss(id, "deactivate", &[]).await;
            }
            Closer::Demote => {
                self.by_boss(id, "role", &[("role", "employee")]).await;
            }
            Closer::EndSessions => {
                self.by_boss(id, "end-sessions", &[]).await;
            }
            Closer::EndOthers => {
                let answer = second().post("/account/sessions/end-others", &[]).await;
                assert_eq!(answer.location(), "/account", "{}", answer.body);
            }
            Closer::PasswordChange => {
                let fields = [
                    ("current_password", PASSWORD),
                    ("new_password", NEW_PASSWORD),
                    ("new_password_again", NEW_PASSWORD),
                ];
                let answer = second().post("/account/password", &fields).await;
                assert_eq!(answer.location(), "/account", "{}", answer.body);
            }
            Closer::PasswordCommand => {
                let (db, now) = (&self.desk.inner.db, self.desk.clock.now());
                admin::change_password(db, now, &Admin::command_line(), name, &NEW_HASH)
                    .unwrap_or_else(|stopped| panic!("{stopped:?}"));
            }
            Closer::PasswordReset => {
                self.by_boss(id, "reset-password", &[]).await;
            }
            Closer::Take => {
                self.by_boss(id, "take", &[("permission", taken(opener))])
                    .await;
            }
            Closer::Erase => {
                self.by_boss(id, "deactivate", &[]).await;
                self.by_boss(id, "erase", &[]).await;
            }
            Closer::LogoutSid | Closer::LogoutSub => {
                let by = if closer == Closer::LogoutSub {
                    json!({"sub": who.subject})
                } else {
                    json!({"sid": sid(name, left(opener))})
                };
                let token = self.a.logout_token(&by);
                assert_eq!(back_channel(&self.desk, "a", &token).await.status, 200);
            }
            Closer::RecheckRefusal => {
                let refused = Reply::json(400, &json!({"error": "invalid_grant"}));
                self.a.on_call(Call::Token, refused);
                self.is_due(id);
                let live = format!(
                    "sessions WHERE user_id = {id} AND provider = 'a' AND ended_at IS NULL"
                );
                until("the person is refused", async || self.count(&live) == 0).await;
                self.a.behave();
            }
            Closer::SyncBySignIn => {
                let subject = Self::subject(name, "newer", &["team"]);
                self.sign_in((&self.a, "a"), &subject).await;
            }
            Closer::SyncByLinking => {
                let (provider, to) = match opener {
                    Opener::Adoption => (&self.a, "a"),
                    _ => (&self.b, "b"),
                };
                let browser = &who.session.browser;
                let from = linking(browser, to).await;
                let subject = Self::subject(name, "newer", &["team"]);
                let answer = provider.sign_in_from(browser, &from, &subject).await;
                assert_eq!(answer.location(), "/account", "{}", answer.body);
            }
            Closer::SyncByRecheck => {
                self.a
                    .patch(Document::Userinfo, json!({"groups": ["team"]}));
                self.is_due(id);
                let held = held_of(id, "a");
                until("what was taken is read", async || self.count(&held) == 0).await;
                self.a.behave();
            }
        }
    }

    /// What was closed is closed, whatever the opener did.
    fn assert_closed(&self, opener: Opener, closer: Closer, who: &Somebody) {
        let id = who.id;
        let none = |from: &str| assert_eq!(self.count(from), 0, "{from}");
        let live = self.live(id);
        let is_out = || assert!(!live.contains(&who.session_id.to_string()), "the session");
        let no_role_of = |columns: &str| none(&format!("users WHERE id = {id} AND ({columns})"));
        let no_role_by_permission =
            || no_role_of("is_staff_by_permission OR is_superuser_by_permission");
        let no_permission_of = |origin: &str| {
            none(&format!(
                "user_permissions WHERE user_id = {id} AND origin = '{origin}'"
            ));
        };
        match closer {
            Closer::SignOut | Closer::EndSessions | Closer::EndOthers | Closer::PasswordCommand => {
                is_out();
            }
            Closer::PasswordChange => {
                is_out();
                none(&format!(
                    "users WHERE id = {id} AND password = (SELECT u.password FROM users u WHERE u.username = 'boss')"
                ));
            }
            Closer::PasswordReset => {
                is_out();
                none(&format!("users WHERE id = {id} AND password <> '!'"));
            }
            Closer::Unlink => {
                is_out();
                none(&format!(
                    "identities WHERE user_id = {id} AND provider = 'a'"
                ));
                no_permission_of("a");
                no_role_by_permission();
            }
            Closer::Deactivate => {
                assert!(live.is_empty(), "{live:?}");
                none(&format!("users WHERE id = {id} AND is_active"));
            }
            Closer::Demote => no_role_of("is_staff OR is_superuser"),
            Closer::Take => {
                no_permission_of("");
                if opener != Opener::Adoption {
                    no_role_by_permission();
                }
            }
            Closer::Erase => {
                assert!(live.is_empty(), "{live:?}");
                none(&format!("identities WHERE user_id = {id}"));
                none(&format!("user_permissions WHERE user_id = {id}"));
                none(&format!(
                    "users WHERE id = {id} AND (is_active OR username NOT LIKE 'erased-%' OR password IS NOT NULL)"
                ));
                no_role_of("is_superuser OR is_staff OR is_superuser_by_permission");
            }
            Closer::LogoutSid => {
                let sid = sid(&who.name, left(opener));
                none(&format!(
                    "sessions WHERE ended_at IS NULL AND sid = '{sid}'"
                ));
            }
            Closer::LogoutSub => none(&format!(
                "sessions WHERE ended_at IS NULL AND provider = 'a' AND sub = '{}'",
                who.subject
            )),
            Closer::RecheckRefusal => {
                is_out();
                no_permission_of("a");
                no_role_by_permission();
            }
            Closer::SyncBySignIn | Closer::SyncByRecheck => {
                none(&held_of(id, "a"));
                no_role_by_permission();
            }
            Closer::SyncByLinking => {
                let origin = if opener == Opener::Adoption { "a" } else { "b" };
                none(&held_of(id, origin));
                no_role_by_permission();
            }
        }
    }

    // -- a cell --

    async fn walk_cell(&self, opener: Opener, closer: Closer, place: &'static str) {
        let wanted = cell(opener, closer);
        if let Cell::Never(_) = wanted {
            return;
        }
        let name = format!("{opener:?} ({place}) by {closer:?}: {wanted:?}");
        let _named = Naming(name.clone());
        let who = self.arrive(opener, closer).await;
        let is_after = place.is_empty();
        let (held, answer) = if is_after {
            self.close(opener, closer, &who).await;
            self.begin((opener, closer), place, &who).await
        } else {
            let begun = self.begin((opener, closer), place, &who).await;
            self.a.behave();
            self.close(opener, closer, &who).await;
            begun
        };
        let before = self.live(who.id);
        drop(held);
        let answer = answer.await.expect("an answer");
        assert_ne!(answer.status, 503, "{name}: {}", answer.body);
        assert_ne!(answer.status, 500, "{name}: {}", answer.body);
        until("no check is under way", async || self.checks() == 0).await;
        let is_done = self.is_done(opener, &who, &before);
        let is_wanted = wanted != Cell::Refused;
        assert_eq!(
            is_done,
            is_wanted,
            "{name}: {} {}",
            answer.status,
            answer.location()
        );
        self.assert_closed(opener, closer, &who);
        // Nobody asks about them while others are looked at.
        self.nobody_is_due();
        self.execute(&format!(
            "UPDATE sessions SET ended_at = 1 WHERE user_id = {}",
            who.id
        ));
    }

    async fn walk(self, opener: Opener) {
        let is_postgresql = self.desk.database.is_postgresql();
        for closer in CLOSERS {
            for mut place in places(opener, closer, is_postgresql) {
                if opener == Opener::Rekey && !is_postgresql {
                    place = "";
                }
                self.walk_cell(opener, closer, place).await;
            }
        }
    }
}

/// The session at the provider that a logout token names: of the sign-in that is under way, or of
/// the session that the opener rests on.
fn left(opener: Opener) -> &'static str {
    match opener {
        Opener::SignIn | Opener::Adoption => "new",
        _ => "s",
    }
}

fn sid(name: &str, session: &str) -> String {
    format!("{session}-of-{name}")
}

/// What is taken: it makes a superuser, but of nobody who waits to be adopted.
const fn taken(opener: Opener) -> &'static str {
    match opener {
        Opener::Adoption => "x.by.hand",
        _ => SUPER,
    }
}

/// Whether the role that a closer takes is the provider's.
const fn by_provider(closer: Closer) -> bool {
    !matches!(
        closer,
        Closer::Demote | Closer::Take | Closer::SyncByLinking
    )
}

fn held_of(user_id: i64, origin: &str) -> String {
    format!(
        "user_permissions WHERE user_id = {user_id} AND origin = '{origin}' AND name = '{SUPER}'"
    )
}

fn link_on(page: &Answer) -> String {
    let (_, rest) = page
        .body
        .split_once("/password?token=")
        .unwrap_or_else(|| panic!("no link: {}", page.body));
    let token = rest.split('<').next().unwrap_or_default();
    format!("/password?token={token}")
}

/// Somebody who came in by a rescue link.
async fn rescued(desk: &Desk, name: &str) -> Form {
    let link = desk.rescue_link(name);
    let mut browser = desk.browser();
    browser.is_recorded = false;
    let page = browser.get(&link).await;
    let token = link.split_once("token=").expect("a token").1;
    let answer = browser.post("/rescue", &page, &[("token", token)]).await;
    assert!(answer.sets_session(), "{}", answer.body);
    Form::of(browser).await
}

on_both_databases! {
    async fn a_sign_in_opens_nothing_by_what_was_true_a_moment_ago(database) {
        Hall::open(database).await.walk(Opener::SignIn).await;
    }

    async fn a_password_opens_nothing_by_what_was_true_a_moment_ago(database) {
        Hall::open(database).await.walk(Opener::Password).await;
    }

    async fn a_linking_adds_nothing_by_what_was_true_a_moment_ago(database) {
        Hall::open(database).await.walk(Opener::Linking).await;
    }

    async fn an_adoption_takes_nothing_by_what_was_true_a_moment_ago(database) {
        Hall::open(database).await.walk(Opener::Adoption).await;
    }

    async fn a_rescue_link_opens_nothing_by_what_was_true_a_moment_ago(database) {
        Hall::open(database).await.walk(Opener::RescueLink).await;
    }

    async fn a_password_link_opens_nothing_by_what_was_true_a_moment_ago(database) {
        Hall::open(database).await.walk(Opener::PasswordLink).await;
    }

    async fn a_rekey_moves_nobody_by_what_was_true_a_moment_ago(database) {
        Hall::open(database).await.walk(Opener::Rekey).await;
    }

    async fn a_re_check_renews_nothing_by_what_was_true_a_moment_ago(database) {
        Hall::open(database).await.walk(Opener::Rotation).await;
    }

    async fn a_re_check_gives_nothing_by_what_was_true_a_moment_ago(database) {
        Hall::open(database).await.walk(Opener::Sync).await;
    }

    async fn an_admin_grants_nothing_by_what_was_true_a_moment_ago(database) {
        Hall::open(database).await.walk(Opener::Grant).await;
    }

    async fn an_admin_promotes_nobody_by_what_was_true_a_moment_ago(database) {
        Hall::open(database).await.walk(Opener::Promote).await;
    }

    async fn an_admin_activates_nobody_by_what_was_true_a_moment_ago(database) {
        Hall::open(database).await.walk(Opener::Activate).await;
    }
}

// -- the faults that were found --

on_both_databases! {
    async fn an_act_under_way_is_not_done_to_whom_is_erased_meanwhile(database) {
        let hall = Hall::open(database).await;
        for opener in [Opener::Grant, Opener::Promote, Opener::Activate] {
            let _named = Naming(format!("{opener:?}"));
            let who = hall.arrive(opener, Closer::SignOut).await;
            let begun = (opener, Closer::SignOut);
            let (held, answer) = hall.begin(begun, "before_act_begins", &who).await;
            if opener != Opener::Activate {
                hall.by_boss(who.target, "deactivate", &[]).await;
            }
            hall.by_boss(who.target, "erase", &[]).await;
            drop(held);
            assert_eq!(answer.await.expect("an answer").status, 422);
            assert!(!hall.is_done(opener, &who, &[]));
        }
    }

    async fn a_sign_in_under_way_does_not_outlive_an_admin_s_unlink(database) {
        let hall = Hall::open(database).await;
        let place = if hall.desk.database.is_postgresql() { "identity_read" } else { "before_sign_in" };
        let cell = (Opener::SignIn, Closer::Unlink);
        let who = hall.arrive(cell.0, cell.1).await;
        let (held, answer) = hall.begin(cell, place, &who).await;
        hall.close(cell.0, cell.1, &who).await;
        drop(held);
        let answer = answer.await.expect("an answer");
        assert_eq!((answer.status.as_u16(), answer.sets_session()), (409, false), "{}", answer.body);
        assert_eq!(hall.count("users WHERE is_superuser_by_permission"), 0, "for good");
        assert_eq!(hall.count("user_permissions"), 0);
        assert_eq!(hall.live(who.id), Vec::<String>::new());
    }

    async fn a_linking_under_way_does_not_outlive_signing_out_everywhere(database) {
        let hall = Hall::open(database).await;
        let place = if hall.desk.database.is_postgresql() { "linking_read" } else { "before_linking" };
        for closer in [Closer::EndOthers, Closer::EndSessions, Closer::SignOut] {
            let _named = Naming(format!("{closer:?}"));
            let cell = (Opener::Linking, closer);
            let who = hall.arrive(cell.0, cell.1).await;
            let (held, answer) = hall.begin(cell, place, &who).await;
            hall.close(cell.0, cell.1, &who).await;
            drop(held);
            let answer = answer.await.expect("an answer");
            assert!(answer.location().starts_with("/login"), "{}", answer.body);
            assert_eq!(hall.count("identities WHERE provider = 'b'"), 0);
        }
    }

    async fn an_old_password_link_does_not_work_after_its_replacement(database) {
        let hall = Hall::open(database).await;
        let cell = (Opener::PasswordLink, Closer::PasswordReset);
        let who = hall.arrive(cell.0, cell.1).await;
        let (held, answer) = hall.begin(cell, "before_link", &who).await;
        let replaced = link_on(&hall.by_boss(who.id, "reset-password", &[]).await);
        drop(held);
        let answer = answer.await.expect("an answer");
        assert_eq!((answer.status.as_u16(), answer.sets_session()), (410, false), "{}", answer.body);
        assert_eq!(hall.live(who.id), Vec::<String>::new());
        // The one that replaced it works.
        hall.execute(&format!("UPDATE users SET is_superuser = TRUE WHERE id = {}", who.id));
        let browser = hall.browser();
        let page = browser.get(&replaced).await;
        let token = replaced.split_once("token=").expect("a token").1;
        let fields = [("token", token), ("new_password", NEW_PASSWORD), ("new_password_again", NEW_PASSWORD)];
        assert!(browser.post("/password", &page, &fields).await.sets_session());
    }

    async fn a_change_of_one_s_password_under_way_does_not_outlive_the_session(database) {
        let hall = Hall::open(database).await;
        for closer in [Closer::EndSessions, Closer::SignOut, Closer::Deactivate, Closer::PasswordReset] {
            let _named = Naming(format!("{closer:?}"));
            let who = hall.arrive(Opener::SignIn, closer).await;
            let held = Held(hall.desk.inner.failpoint.pause_at("before_password_change"));
            let session = who.session.clone();
            let changing = spawn(async move {
                let fields = [
                    ("current_password", PASSWORD),
                    ("new_password", NEW_PASSWORD),
                    ("new_password_again", NEW_PASSWORD),
                ];
                session.post("/account/password", &fields).await
            });
            until("the change is held up", async || held.0.is_reached()).await;
            let stored = format!("SELECT password AS value FROM users WHERE id = {}", who.id);
            hall.close(Opener::SignIn, closer, &who).await;
            let before = hall.desk.database.texts(&stored);
            drop(held);
            let answer = changing.await.expect("an answer");
            assert!(answer.location().starts_with("/login"), "{} {}", answer.status, answer.body);
            assert_eq!(hall.desk.database.texts(&stored), before);
        }
    }

    async fn a_linking_does_not_outlive_a_sign_out_at_the_provider_that_is_added(database) {
        let hall = Hall::open(database).await;
        for by in ["sid", "sub"] {
            let _named = Naming(by.to_owned());
            let cell = (Opener::Linking, Closer::SignOut);
            let who = hall.arrive(cell.0, cell.1).await;
            let (held, answer) = hall.begin(cell, "before_linking", &who).await;
            let value = if by == "sid" { sid(&who.name, "b") } else { who.subject.clone() };
            let token = hall.b.logout_token(&json!({by: value}));
            assert_eq!(back_channel(&hall.desk, "b", &token).await.status, 200);
            drop(held);
            let answer = answer.await.expect("an answer");
            assert!(answer.location().starts_with(&hall.b.url), "it starts over: {}", answer.location());
            assert_eq!(hall.count("identities WHERE provider = 'b'"), 0);
            // The person goes there once more, with a session of there.
            hall.b.clock.advance(Duration::from_secs(2));
            let subject = Hall::subject(&who.name, "b-again", &["team"]);
            let callback = hall.b.approve(answer.location(), &subject);
            assert_eq!(who.session.browser.get(&callback).await.location(), "/account");
            assert_eq!(hall.count("identities WHERE provider = 'b'"), 1);
            hall.execute("DELETE FROM identities WHERE provider = 'b'");
        }
    }

    async fn a_sign_out_at_the_provider_is_not_lost_for_a_sign_in_at_its_userinfo_call(database) {
        let (provider, desk) = alone(database).await;
        for (by, value) in [("sid", "one"), ("sub", "sub-of-li")] {
            let _named = Naming(by.to_owned());
            let li = Subject::named("li").with("sid", "one");
            let browser = desk.browser();
            let callback = provider.approve(browser.get("/oauth2/login?next=/account").await.location(), &li);
            let held = Held(desk.inner.failpoint.pause_at("before_sign_in"));
            provider.on_call(Call::Userinfo, Reply::Late(Duration::from_millis(100)));
            let asked = provider.seen(Call::Userinfo).len();
            let coming = {
                let browser = browser.clone();
                spawn(async move { browser.get(&callback).await })
            };
            until("userinfo is asked for", async || provider.seen(Call::Userinfo).len() > asked).await;
            let token = provider.logout_token(&json!({by: value}));
            assert_eq!(back_channel(&desk, "company", &token).await.status, 200);
            drop(held);
            let answer = coming.await.expect("an answer");
            assert!(!answer.sets_session());
            assert!(answer.location().starts_with(&provider.url), "it starts over: {}", answer.body);
            provider.behave();
            assert_eq!(desk.database.count("sessions"), 0);
            assert_eq!(desk.database.count("users"), 0);
            // Once: with the same it is refused with a page.
            let callback = provider.approve(answer.location(), &li);
            let refused = browser.get(&callback).await;
            assert!(!refused.sets_session());
            assert!(refused.status.is_client_error(), "{} {}", refused.status, refused.location());
            assert_eq!(desk.database.count("sessions"), 0);
        }
        // For the person, what is issued after it counts; of another session at the provider, too.
        desk.clock.advance(Duration::from_secs(2));
        let later = Subject::named("li").with("sid", "two");
        provider.signed_in(&desk, &later).await;
        // What that session of there gives does not, however late it is issued.
        let browser = desk.browser();
        let same = Subject::named("li").with("sid", "one");
        assert!(!provider.sign_in(&browser, &same).await.sets_session());
    }

    async fn a_sign_out_at_the_provider_is_remembered_for_a_day_also_where_it_ended_nothing(database) {
        let (provider, desk) = alone(database).await;
        let ghost = Subject::named("li").with("sid", "ghost");
        let token = provider.logout_token(&json!({"sid": "ghost"}));
        assert_eq!(back_channel(&desk, "company", &token).await.status, 200);
        let sweep = || {
            let now = desk.clock.now();
            let db = &desk.inner.db;
            db.write_blocking(|conn| logouts::sweep(conn, now, 100)).expect("a database");
        };
        desk.clock.advance(Duration::from_secs(23 * 3600));
        sweep();
        let browser = desk.browser();
        assert!(!provider.sign_in(&browser, &ghost).await.sets_session());
        assert_eq!(desk.database.count("logouts"), 1);
        desk.clock.advance(Duration::from_secs(3600 + 1));
        sweep();
        assert_eq!(desk.database.count("logouts"), 0);
        assert!(provider.sign_in(&desk.browser(), &ghost).await.sets_session());
    }
}

async fn alone(database: Database) -> (OpenId, Desk) {
    let provider = OpenId::start().await;
    let desk = provider
        .desk(database)
        .with("OAUTH2_RECHECK", "off")
        .run()
        .await;
    (provider, desk)
}
