//! A portal with two providers in which openers and closers meet.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicI64, Ordering};

use frontdesk::admin::{self, Admin};
use frontdesk::failpoint::{Pause, pause_about};
use frontdesk::passwords::hash;
use frontdesk::rekey;
use frontdesk::secret::Secret;
use serde_json::json;
use tokio::task::JoinHandle;

use super::table::{CLOSERS, Cell, Closer, Opener, cell, places};
use crate::providers::linking;
use crate::support::lying_openid::{Call, Document, Subject, back_channel};
use crate::support::portal::PASSWORD;
use crate::support::{Answer, Browser, Database, Db, OpenId, Portal, Reply, spawn, until};

/// Makes whoever holds it a superuser.
const SUPER: &str = "desk.superuser";
pub(super) const NEW_PASSWORD: &str = "another horse battery";

static NEW_HASH: LazyLock<String> =
    LazyLock::new(|| hash(&Secret::new(NEW_PASSWORD.to_owned())).expect("argon2 works"));

/// Pauses are found by a subject, whichever portal's: no two people of this process share a number.
static LAST: AtomicI64 = AtomicI64::new(0);

/// A portal with two providers, and an admin who is none of the people of the cells.
pub(super) struct Hall {
    a: OpenId,
    pub(super) b: OpenId,
    pub(super) portal: Portal,
    boss: Form,
}

/// A browser with a session, and a page of it whose form token serves for all forms.
#[derive(Clone)]
pub(super) struct Form {
    pub(super) browser: Browser,
    page: Answer,
}

impl Form {
    async fn of(browser: Browser) -> Self {
        let page = browser.get("/account").await;
        assert_eq!(page.status, 200, "{}", page.body);
        Self { browser, page }
    }

    pub(super) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.browser.post(path, &self.page, fields).await
    }
}

/// Whose rights the opener rests on, and the closer ends.
pub(super) struct Somebody {
    pub(super) id: i64,
    pub(super) name: String,
    /// Who they are at both providers.
    pub(super) subject: String,
    pub(super) session: Form,
    session_id: i64,
    second: Option<Form>,
    /// Choosing a password by it.
    link: String,
    /// An account of no rights, on which they act.
    pub(super) target: i64,
    /// The refresh token of their session, sealed.
    refresh: String,
}

/// Lets whoever is held up go on, whatever happens.
pub(super) struct Held(pub(super) Pause);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.release();
    }
}

/// Names the cell of a test that fails.
pub(super) struct Naming(pub(super) String);

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
    pub(super) async fn open(database: Database) -> Self {
        let (a, b) = (OpenId::start().await, OpenId::start().await);
        let groups = "mapping.permissions = [\"/groups\"]\n";
        let first = a.toml("a").replace("\"off\"", "\"10s\"");
        let toml = format!("{first}{groups}{}{groups}", b.toml("b"));
        let portal = a
            .portal_of(database, &toml)
            .with("FRONTDESK_SUPERUSER_PERMISSION", SUPER)
            .with("FRONTDESK_ADOPT_IMPORTED", "on")
            .with("FRONTDESK_PASSWORD_LOGIN", "superusers")
            .run()
            .await;
        until("both are found", async || {
            let mut all = portal.inner.providers.all().iter();
            all.all(|provider| provider.is_available())
        })
        .await;
        portal.db_create_local_account("boss");
        portal.db_make_superuser("boss");
        let boss = rescued(&portal, "boss").await;
        Self { a, b, portal, boss }
    }

    fn number(&self, sql: &str) -> i64 {
        self.portal.database.number(sql)
    }

    pub(super) fn count(&self, from: &str) -> i64 {
        self.portal.database.count(from)
    }

    pub(super) fn execute(&self, sql: &str) {
        self.portal.database.execute(sql);
    }

    /// The live sessions of an account, the oldest first.
    pub(super) fn db_live(&self, user_id: i64) -> Vec<String> {
        self.portal.database.texts(&format!(
            "SELECT CAST(id AS TEXT) AS value FROM sessions WHERE user_id = {user_id} AND ended_at IS NULL ORDER BY id"
        ))
    }

    fn db_newest_session(&self, user_id: i64) -> i64 {
        self.number(&format!(
            "SELECT MAX(id) AS value FROM sessions WHERE user_id = {user_id}"
        ))
    }

    pub(super) async fn by_boss(&self, user_id: i64, act: &str, fields: &[(&str, &str)]) -> Answer {
        let path = format!("/admin/users/{user_id}/{act}");
        let answer = self.boss.post(&path, fields).await;
        let is_done = answer.status == 303 && answer.location().starts_with("/admin/users/")
            || act == "reset-password" && answer.status == 200;
        assert!(is_done, "{act}: {} {}", answer.status, answer.body);
        answer
    }

    pub(super) fn subject(name: &str, session: &str, groups: &[&str]) -> Subject {
        Subject::named(name)
            .with("groups", groups)
            .with("sid", sid(name, session))
    }

    pub(super) async fn sign_in(&self, provider: (&OpenId, &str), subject: &Subject) -> Form {
        let browser = self.browser();
        let answer = provider
            .0
            .sign_in_from(&browser, &at(provider.1), subject)
            .await;
        assert!(answer.sets_session(), "{}", answer.body);
        Form::of(browser).await
    }

    pub(super) fn browser(&self) -> Browser {
        let mut browser = self.portal.browser();
        browser.is_recorded = false;
        browser
    }

    /// An account as it was imported from another system, with a password.
    fn db_import(&self, name: &str, number: i64) -> i64 {
        let id = 1000 + number;
        self.execute(&format!(
            "INSERT INTO users (id, username, first_name, email, password, is_active, is_staff, is_superuser, is_staff_by_permission, is_superuser_by_permission, date_joined, imported_at) \
             SELECT {id}, '{name}', '', '', password, TRUE, FALSE, FALSE, FALSE, FALSE, {id}, 1 FROM users WHERE username = 'boss'"
        ));
        id
    }

    /// Somebody with what `opener` needs and `closer` can take: a superuser by hand, by a permission
    /// that was given by hand, or by one of the provider.
    pub(super) async fn arrive(&self, opener: Opener, closer: Closer) -> Somebody {
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
            self.db_import(&name, number)
        } else {
            self.sign_in((&self.a, "a"), &subject("before")).await;
            self.portal.db_id_of(&name)
        };
        self.execute(&format!(
            "UPDATE users SET password = (SELECT u.password FROM users u WHERE u.username = 'boss') WHERE id = {id}"
        ));
        match closer {
            Closer::Demote => self.portal.db_make_superuser(&name),
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
        self.portal.db_end_sessions_of(&name);
        let session = async |session: &str| {
            if is_imported {
                rescued(&self.portal, &name).await
            } else {
                self.sign_in((&self.a, "a"), &subject(session)).await
            }
        };
        let first = session("s").await;
        let session_id = self.db_newest_session(id);
        let second = if needs_second {
            Some(session("other").await)
        } else {
            None
        };
        let target = self.target(opener, number);
        let refresh = self.db_refresh_token(session_id);
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

    pub(super) fn target(&self, opener: Opener, number: i64) -> i64 {
        if !matches!(opener, Opener::Grant | Opener::Promote | Opener::Activate) {
            return 0;
        }
        let name = format!("target{number}");
        self.portal.db_create_local_account(&name);
        if opener == Opener::Activate {
            self.portal.db_deactivate(&name);
        }
        self.portal.db_id_of(&name)
    }

    fn db_refresh_token(&self, session_id: i64) -> String {
        let sql = format!("SELECT refresh_token AS value FROM sessions WHERE id = {session_id}");
        self.portal.database.texts(&sql).remove(0)
    }

    // -- openers --

    /// Has the opener begin and held up at `place`; what it will have answered.
    pub(super) async fn begin(
        &self,
        (opener, closer): (Opener, Closer),
        place: &'static str,
        who: &Somebody,
    ) -> (Option<Held>, JoinHandle<Answer>) {
        let failpoint = &self.portal.inner.failpoint;
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
                    Opener::RescueLink => self.portal.db_make_rescue_link(&who.name),
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
                self.db_nobody_is_due();
                until("no check is under way", async || self.checks() == 0).await;
                let held = arm();
                self.db_is_due(who.id);
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
        let (db, now) = (self.portal.inner.db.clone(), self.portal.clock.now());
        let pairs = [(who.subject.clone(), format!("new-{}", who.subject))];
        let pointer = "SELECT subject_pointer AS value FROM providers WHERE id = 'a'";
        let pointer = self.portal.database.texts(pointer).remove(0);
        let begun = move || {
            rekey::to_subjects(&db, now, "a", &pairs, &pointer, false).expect("a database");
            Answer::empty()
        };
        tokio::task::spawn_blocking(begun)
    }

    /// Whether the opener has done what it wanted; `before` are the live sessions before that.
    pub(super) fn is_done(&self, opener: Opener, who: &Somebody, before: &[String]) -> bool {
        let (id, target, subject) = (who.id, who.target, &who.subject);
        match opener {
            Opener::SignIn
            | Opener::Password
            | Opener::Adoption
            | Opener::RescueLink
            | Opener::PasswordLink => self.db_live(id).iter().any(|one| !before.contains(one)),
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
                let is_live = self.db_live(id).contains(&who.session_id.to_string());
                let refresh = self.db_refresh_token(who.session_id);
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
        self.portal.inner.jobs.waited_for()
    }

    fn db_nobody_is_due(&self) {
        self.execute("UPDATE sessions SET recheck_at = NULL WHERE recheck_at IS NOT NULL");
    }

    fn db_is_due(&self, user_id: i64) {
        self.execute(&format!(
            "UPDATE sessions SET recheck_at = 1 WHERE user_id = {user_id} AND provider = 'a' AND ended_at IS NULL"
        ));
    }

    // -- closers --

    /// Runs a closer to its end.
    pub(super) async fn close(&self, opener: Opener, closer: Closer, who: &Somebody) {
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
                let (db, now) = (&self.portal.inner.db, self.portal.clock.now());
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
                assert_eq!(back_channel(&self.portal, "a", &token).await.status, 200);
            }
            Closer::RecheckRefusal => {
                let refused = Reply::json(400, &json!({"error": "invalid_grant"}));
                self.a.on_call(Call::Token, refused);
                self.db_is_due(id);
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
                self.db_is_due(id);
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
        let live = self.db_live(id);
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
        let before = self.db_live(who.id);
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
        self.db_nobody_is_due();
        self.execute(&format!(
            "UPDATE sessions SET ended_at = 1 WHERE user_id = {}",
            who.id
        ));
    }

    pub(super) async fn walk(self, opener: Opener) {
        let is_postgresql = self.portal.database.is_postgresql();
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

pub(super) fn sid(name: &str, session: &str) -> String {
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

pub(super) fn link_on(page: &Answer) -> String {
    let (_, rest) = page
        .body
        .split_once("/password?token=")
        .unwrap_or_else(|| panic!("no link: {}", page.body));
    let token = rest.split('<').next().unwrap_or_default();
    format!("/password?token={token}")
}

/// Somebody who came in by a rescue link.
async fn rescued(portal: &Portal, name: &str) -> Form {
    let link = portal.db_make_rescue_link(name);
    let mut browser = portal.browser();
    browser.is_recorded = false;
    let page = browser.get(&link).await;
    let token = link.split_once("token=").expect("a token").1;
    let answer = browser.post("/rescue", &page, &[("token", token)]).await;
    assert!(answer.sets_session(), "{}", answer.body);
    Form::of(browser).await
}
