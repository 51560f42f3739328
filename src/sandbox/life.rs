//! The month before the demo, written into a new database, so that no list of the portal is empty.

use std::collections::{HashMap, HashSet};

use jiff::tz::TimeZone;

use super::acts::Planned;
use super::colleagues::{self, Colleague, OWNER};
use super::company_apps::{self, Asked, SALES, Someone, TRAVEL};
use super::timetable::{self, Happening, Outcome};
use crate::admin::{Act, Admin, Refusal, Said, perform};
use crate::audit::event::SignInWay;
use crate::audit::{About, Actor, Changes, Deed, Event, Note};
use crate::clock::UnixTime;
use crate::config::PROVIDER_ID;
use crate::db::{Conn, Db, Sql};
use crate::error::{Error, Result, Stopped};
use crate::id::{Reference, UserId};
use crate::permissions;
use crate::reason::Reason;
use crate::roles::{self, RolePermissions};
use crate::secret::{random_token, sha256};
use crate::sessions::proof::{Proof, ProvedBy};
use crate::sessions::tokens::Sealed;
use crate::sessions::{self, Client, Closing, Limits, NewSession};
use crate::users::{self, Occasion, Role, Roles};

/// The portal's settings on which the month depends.
pub struct Rules<'a> {
    pub limits: Limits,
    pub roles: &'a RolePermissions,
    pub time_zone: &'a TimeZone,
}

/// Writes the month before `now`, if the database is a new one.
pub fn begin(db: &Db, now: UnixTime, rules: &Rules<'_>) -> Result<()> {
    let staff = colleagues::all();
    db.write_blocking(|conn| {
        if !is_new(conn)? {
            return Ok(());
        }
        let table = timetable::until(now, rules.time_zone, &staff)?;
        let mut month = Month {
            conn,
            rules,
            staff: &staff,
            ids: HashMap::new(),
            visits: HashMap::new(),
            away: HashSet::new(),
            asked: None,
        };
        for (at, happening) in table {
            month.write(at, &happening)?;
        }
        month.settle_everyone()
    })
}

fn is_new(conn: &mut Conn) -> Result<bool> {
    let user = Sql::text("SELECT u.id AS value FROM users u LIMIT 1").number(conn)?;
    Ok(user.is_none() && crate::apps::count(conn)? == 0)
}

/// The month, as far as it is written.
struct Month<'a> {
    conn: &'a mut Conn,
    rules: &'a Rules<'a>,
    staff: &'a [Colleague],
    ids: HashMap<&'a str, UserId>,
    /// The last sign-in of each, which is not yet in their account's row.
    visits: HashMap<&'a str, (&'a Colleague, UnixTime)>,
    /// Those whose account is deactivated.
    away: HashSet<&'a str>,
    /// What was asked for last.
    asked: Option<Asked<'a>>,
}

impl<'a> Month<'a> {
    fn write(&mut self, at: UnixTime, happening: &Happening<'a>) -> Result<()> {
        match happening {
            Happening::Arrives(who) => self.arrive(at, who).map(drop),
            Happening::SignsIn { who, .. } if self.away.contains(who.username.as_str()) => Ok(()),
            Happening::SignsIn {
                who,
                client,
                is_first,
                stays_until,
            } => {
                let changes = if *is_first {
                    Some(self.arrive(at, who)?)
                } else {
                    None
                };
                self.sign_in(at, who, client, changes)?;
                stays_until.map_or(Ok(()), |end| {
                    let token = self.open_session(at, who, client)?;
                    self.use_session(end, &token)
                })
            }
            Happening::SignsOut(who) if self.away.contains(who.username.as_str()) => Ok(()),
            Happening::SignsOut(who) => self.record_own(at, who, &who.desk, &Event::SignedOut),
            Happening::IsRefused(Ok(who), reason) => self.refuse(at, who, *reason),
            Happening::IsRefused(Err(name), reason) => self.refuse_stranger(at, name, *reason),
            Happening::AppsAreAdded => self.as_admin(at, |month, admin| {
                let client = &month.nth(0)?.desk;
                company_apps::add(month.conn, at, admin, client)?;
                let owner = month.id_of(OWNER)?;
                company_apps::star(month.conn, at, owner, SALES)?;
                company_apps::star(month.conn, at, owner, "mail")
            }),
            Happening::ARuleIsChanged => self.as_admin(at, |month, admin| {
                company_apps::change_a_rule(month.conn, at, admin)
            }),
            Happening::Act(planned) => self.act(at, planned),
            Happening::AccessIsAskedFor(outcome) => self.ask(at, *outcome),
            Happening::AccessIsDecidedOn(outcome) => self.decide(at, *outcome),
        }
    }

    fn id_of(&self, username: &str) -> Result<UserId> {
        let missing = || Error::Internal(format!("the demo has nobody called {username}"));
        self.ids.get(username).copied().ok_or_else(missing)
    }

    fn nth(&self, number: usize) -> Result<&'a Colleague> {
        let missing = || Error::Internal(format!("the demo has no colleague {number}"));
        self.staff.get(number).ok_or_else(missing)
    }

    /// Creates an account with its permissions and its role, as a first sign-in does.
    fn arrive(&mut self, at: UnixTime, who: &'a Colleague) -> Result<Changes> {
        let conn = &mut *self.conn;
        let id = users::create(conn, at, PROVIDER_ID, &who.profile(), Some(at), at)?;
        users::note_permissions_first_read(conn, at, id, PROVIDER_ID)?;
        let mut changes = Changes {
            permissions: permissions::replace(conn, at, id, PROVIDER_ID, &who.permissions)?,
            ..Changes::default()
        };
        let none = Roles {
            by_hand: Role::Employee,
            by_permission: Role::Employee,
        };
        let (wanted, by) = (self.rules.roles, Actor::Provider);
        roles::sync_and_note(conn, at, wanted, (id, none), by, &mut changes)?;
        self.ids.insert(&who.username, id);
        Ok(changes)
    }

    fn actor(&self, who: &'a Colleague) -> Result<Actor<'a>> {
        Ok(Actor::Person {
            id: self.id_of(&who.username)?,
            username: &who.username,
        })
    }

    /// Records what somebody did to their own account.
    fn record_own(
        &mut self,
        at: UnixTime,
        who: &'a Colleague,
        client: &Client,
        event: &Event,
    ) -> Result<()> {
        let deed = Deed::new(at, self.actor(who)?, client).through(Some(PROVIDER_ID));
        let about = About::Person(self.id_of(&who.username)?, &who.username);
        deed.record(self.conn, about, event)
    }

    /// Records a sign-in. The first one has the changes that it made.
    fn sign_in(
        &mut self,
        at: UnixTime,
        who: &'a Colleague,
        client: &Client,
        first: Option<Changes>,
    ) -> Result<()> {
        let event = Event::SignedIn {
            by: SignInWay::Provider,
            account_created: first.is_some(),
            changes: first.unwrap_or_default(),
            adopted: None,
        };
        self.visits.insert(&who.username, (who, at));
        self.record_own(at, who, client, &event)
    }

    /// Opens a session, and returns the hash of its token.
    fn open_session(
        &mut self,
        at: UnixTime,
        who: &'a Colleague,
        client: &Client,
    ) -> Result<String> {
        let token_hash = sha256(random_token()?.as_bytes());
        let new = NewSession {
            user_id: self.id_of(&who.username)?,
            token_hash: &token_hash,
            provider: PROVIDER_ID,
            attempt: None,
            client,
            grant: &Sealed::default(),
            proof: Some(Proof {
                at,
                by: ProvedBy::Prompt,
            }),
        };
        sessions::open(self.conn, at, self.rules.limits, &new)?;
        Ok(token_hash)
    }

    fn use_session(&mut self, at: UnixTime, token_hash: &str) -> Result<()> {
        let found = sessions::find_live(self.conn, at, self.rules.limits, token_hash)?;
        found.map_or(Ok(()), |(session, _)| {
            sessions::touch(self.conn, at, session.id)
        })
    }

    fn refuse(&mut self, at: UnixTime, who: &'a Colleague, reason: Reason) -> Result<()> {
        let event = refused(reason);
        let Ok(id) = self.id_of(&who.username) else {
            // They come for the first time a moment later.
            return Ok(());
        };
        let about = match reason {
            // Before the provider has answered, nobody knows who it is.
            Reason::Declined | Reason::UnknownAttempt | Reason::Unreachable => None,
            _ => Some(About::Person(id, &who.username)),
        };
        let by = match about {
            Some(_) => self.actor(who)?,
            None => Actor::Unknown,
        };
        let reference = Reference::random();
        let deed = Deed::new(at, by, &who.desk).through(Some(PROVIDER_ID));
        let deed = deed.with_reference(&reference);
        deed.record(self.conn, about.unwrap_or(About::Portal), &event)
    }

    fn refuse_stranger(&mut self, at: UnixTime, name: &str, reason: Reason) -> Result<()> {
        let client = Client {
            address: "198.51.100.23".to_owned(),
            user_agent: "python-requests/2.32.3".to_owned(),
            is_proxy: false,
        };
        let reference = Reference::random();
        let deed = Deed::new(at, Actor::Named(name), &client).with_reference(&reference);
        deed.record(self.conn, About::Portal, &refused(reason))
    }

    /// Does something with the authority of the admin, who signs in for it.
    fn as_admin(
        &mut self,
        at: UnixTime,
        act: impl FnOnce(&mut Self, &Admin) -> Result<()>,
    ) -> Result<()> {
        let who = self.nth(0)?;
        self.sign_in(at, who, &who.desk, None)?;
        let token = self.open_session(at, who, &who.desk)?;
        let missing = || Error::Internal("the demo's admin is none".to_owned());
        let found = sessions::find_live(self.conn, at, self.rules.limits, &token)?;
        let (session, user) = found.ok_or_else(missing)?;
        let admin = Admin::of(&user, &session, who.desk.clone()).ok_or_else(missing)?;
        act(self, &admin)?;
        sessions::close(self.conn, at, user.id, Closing::One(session.id))?;
        Ok(())
    }

    fn act(&mut self, at: UnixTime, planned: &'static Planned) -> Result<()> {
        let whom = self.nth(planned.whom)?;
        let user_id = self.id_of(&whom.username)?;
        let act = planned.act();
        match &act {
            Act::Deactivate => {
                self.settle(&whom.username)?;
                self.away.insert(&whom.username);
            }
            Act::Activate => {
                self.away.remove(whom.username.as_str());
            }
            Act::EndSessions => {
                self.open_session(at, whom, &whom.phone)?;
            }
            _ => {}
        }
        let said = Said {
            note: Note::of(planned.note.to_owned()),
            reference: None,
        };
        let roles = self.rules.roles;
        self.as_admin(at, |month, admin| {
            perform(month.conn, at, admin, roles, user_id, &act, &said).map_err(failed)?;
            Ok(())
        })
    }

    fn someone(&self, who: &'a Colleague) -> Result<Someone<'a>> {
        Ok(Someone {
            id: self.id_of(&who.username)?,
            username: &who.username,
            client: &who.desk,
        })
    }

    fn owner(&self) -> Result<Someone<'a>> {
        let owner = self.staff.iter().find(|who| who.username == OWNER);
        let missing = || Error::Internal("the demo's apps have no owner".to_owned());
        self.someone(owner.ok_or_else(missing)?)
    }

    /// Finds somebody who may ask for what this permission opens.
    fn who_lacks(
        &self,
        permission: &str,
        is_fit: impl Fn(&Colleague) -> bool,
    ) -> Result<Someone<'a>> {
        let lacks = |who: &&Colleague| {
            let name = who.username.as_str();
            let is_there = self.ids.contains_key(name) && !self.away.contains(name);
            is_there && !who.holds(permission) && is_fit(who)
        };
        let missing = || Error::Internal(format!("everyone in the demo has {permission}"));
        // The first ones have roles.
        let found = self.staff.iter().skip(3).find(lacks);
        self.someone(found.ok_or_else(missing)?)
    }

    fn ask(&mut self, at: UnixTime, outcome: Outcome) -> Result<()> {
        let (permission, app, sentence, days) = match outcome {
            Outcome::Declined => (
                "reports.sales.read",
                SALES,
                "想了解各产品的销量，方便排期。",
                90,
            ),
            Outcome::Granted => (
                "travel.book",
                TRAVEL,
                "下周去宁波的供应商验货，需要订票。",
                7,
            ),
            Outcome::Waiting => (
                "reports.sales.read",
                SALES,
                "I am preparing the quarterly review and need the sales figures for the east.",
                30,
            ),
        };
        let by = self.who_lacks(permission, |who| match outcome {
            Outcome::Declined => who.holds("dev.git"),
            Outcome::Granted => who.holds("parts.read"),
            Outcome::Waiting => who.is_latin(),
        })?;
        let asked = company_apps::ask(self.conn, at, by, app, (sentence, days))?;
        self.asked = Some(asked);
        Ok(())
    }

    fn decide(&mut self, at: UnixTime, outcome: Outcome) -> Result<()> {
        let owner = self.owner()?;
        let Some(asked) = self.asked.take() else {
            return Ok(());
        };
        match outcome {
            Outcome::Declined => {
                let answer = "排期所需的数据在周报里都有，不必开通整套报表。";
                company_apps::decline(self.conn, at, &asked, owner, answer)
            }
            Outcome::Granted => company_apps::grant(self.conn, at, &asked, owner, "一路顺风。"),
            Outcome::Waiting => Ok(()),
        }
    }

    /// Writes somebody's last sign-in into their account's row. Writing each would take long.
    fn settle(&mut self, username: &str) -> Result<()> {
        let Some((who, at)) = self.visits.remove(username) else {
            return Ok(());
        };
        let id = self.id_of(username)?;
        let Some(user) = users::find(self.conn, id)? else {
            return Ok(());
        };
        let (profile, occasion) = (who.profile(), Occasion::SignIn);
        users::sync(self.conn, at, &user, &profile, Some(at), occasion)?;
        for identity in users::identities_at(self.conn, PROVIDER_ID, id)? {
            users::note_sync(self.conn, at, &identity, at, None)?;
        }
        Ok(())
    }

    fn settle_everyone(&mut self) -> Result<()> {
        for who in self.staff {
            self.settle(&who.username)?;
        }
        Ok(())
    }
}

const fn refused(reason: Reason) -> Event {
    Event::SignInRefused {
        reason,
        failure: None,
    }
}

fn failed(stopped: Stopped<Refusal>) -> Error {
    match stopped {
        Stopped::Refused(refusal) => Error::Internal(format!("the demo's acts: {refusal}")),
        Stopped::Failed(error) => error,
    }
}
