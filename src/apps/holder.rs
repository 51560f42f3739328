//! What the evaluator must know about a person, and the apps that it opens to them.

use std::collections::BTreeSet;

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::rule::{Decision, Grant, Holder, decide};
use super::{App, Category, list_with_categories};
use crate::clock::UnixTime;
use crate::db::{Conn, Sql, Value};
use crate::error::Result;
use crate::id::AppId;
use crate::permissions::PermissionSources;
use crate::users::{Role, User};

/// Everything about a person that decides on apps, and what they chose for their start page.
#[derive(Clone, Debug, Default)]
pub struct FoundHolder {
    pub holder: Holder,
    grants: Vec<(AppId, Grant)>,
    /// The starred apps, the first starred first.
    pub stars: Vec<AppId>,
    pub opens_in_new_tab: bool,
    pub news: AccessNews,
}

/// What the start page says about requests for access, read along with the rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccessNews {
    /// How many ended requests the person has not seen the end of.
    pub unseen: i64,
    /// How many open requests the person may decide now, up to a thousand; `None` if they decide on
    /// none, as neither a superuser nor an owner of an app.
    pub to_decide: Option<i64>,
}

impl FoundHolder {
    /// The grants of one app, of which some may have ended.
    pub fn grants(&self, app: AppId) -> Vec<Grant> {
        let of_app = self.grants.iter().filter(|(id, _)| *id == app);
        of_app.map(|(_, grant)| *grant).collect()
    }

    /// Decides about one app as if there were no grant of it.
    pub fn decide_without_grants(&self, app: &App, now: UnixTime) -> Decision {
        decide(&app.fields.rule, &self.holder, &[], now)
    }

    /// The longest of an app's grants that are still running.
    pub fn running(&self, app: AppId, now: UnixTime) -> Option<Grant> {
        let grants = self.grants(app).into_iter();
        grants
            .filter(|grant| grant.is_running(now))
            .max_by_key(|grant| grant.expires_at.map_or(i64::MAX, |end| end.0))
    }

    /// Returns whether a grant without an end runs for an app, so that there is nothing to ask for.
    pub fn is_granted_for_ever(&self, app: AppId) -> bool {
        let of_app = self.grants(app);
        of_app.iter().any(|grant| grant.expires_at.is_none())
    }

    /// Decides about one app.
    pub fn decide(&self, app: &App, now: UnixTime) -> Decision {
        decide(&app.fields.rule, &self.holder, &self.grants(app.id), now)
    }
}

#[derive(QueryableByName)]
struct Fact {
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    time: Option<i64>,
}

/// The part of the statement that reads the news about requests.
fn news(user: &User) -> Sql {
    let id = Value::from(user.id);
    let unseen = Sql::new(
        " UNION ALL SELECT 'unseen', '', COUNT(*), NULL FROM access_requests r WHERE r.user_id = ? AND r.state <> 'open' AND r.seen_at IS NULL",
        [id.clone()],
    );
    if user.role() == Role::Superuser {
        unseen.with(
            " UNION ALL SELECT 'to_decide', '', COUNT(*), NULL FROM (SELECT r.id FROM access_requests r WHERE r.state = 'open' AND r.user_id <> ? LIMIT 1000) AS waiting",
            [id],
        )
    } else {
        unseen.with(
            " UNION ALL SELECT 'to_decide', '', (SELECT COUNT(*) FROM (SELECT r.id FROM access_requests r WHERE r.state = 'open' AND r.user_id <> ? AND r.app_id IN (SELECT o.app_id FROM app_owners o WHERE o.user_id = ?) LIMIT 1000) AS waiting), NULL FROM users u WHERE u.id = ? AND EXISTS (SELECT 1 FROM app_owners o WHERE o.user_id = u.id)",
            [id.clone(), id.clone(), id],
        )
    }
}

/// Selects all that is to be known about a person, one fact a row.
fn facts(sources: &PermissionSources, user: &User) -> Sql {
    let id = Value::from(user.id);
    let origins: Vec<Value> = sources.counting.origins().map(Value::from).collect();
    let mut facts = Sql::new(
        "SELECT 'permission' AS kind, p.name AS name, CAST(0 AS BIGINT) AS id, CAST(NULL AS BIGINT) AS time FROM user_permissions p WHERE p.user_id = ? AND p.origin IN ",
        [id.clone()],
    )
    .then(&Sql::list(&origins))
    .with(
        " UNION ALL SELECT 'grant', '', g.app_id, g.expires_at FROM app_grants g WHERE g.user_id = ?",
        [id.clone()],
    )
    .with(
        " UNION ALL SELECT 'star', '', s.app_id, s.starred_at FROM app_stars s WHERE s.user_id = ?",
        [id.clone()],
    )
    .with(
        " UNION ALL SELECT 'new_tab', '', u.id, NULL FROM users u WHERE u.id = ? AND u.opens_apps_in_new_tab = TRUE",
        [id.clone()],
    )
    .then(&news(user));
    if !sources.expected.is_empty() {
        let expected: Vec<Value> = sources
            .expected
            .iter()
            .map(|id| id.as_str().into())
            .collect();
        facts = facts
            .with(
                " UNION ALL SELECT 'unread', i.provider, i.user_id, NULL FROM identities i WHERE i.user_id = ? AND i.permissions_read_at IS NULL AND i.provider IN ",
                [id],
            )
            .then(&Sql::list(&expected));
    }
    facts
}

/// Reads what decides about a person, in one statement.
pub fn find_holder(
    conn: &mut Conn,
    sources: &PermissionSources,
    user: &User,
) -> Result<FoundHolder> {
    let mut found = FoundHolder::default();
    found.holder.is_active = user.is_active;
    let mut stars: Vec<(Option<i64>, AppId)> = Vec::new();
    let mut permissions = BTreeSet::new();
    for fact in facts(sources, user).load::<Fact>(conn)? {
        match fact.kind.as_str() {
            "permission" => {
                permissions.insert(fact.name);
            }
            "grant" => found.grants.push((
                AppId(fact.id),
                Grant {
                    expires_at: fact.time.map(UnixTime),
                },
            )),
            "star" => stars.push((fact.time, AppId(fact.id))),
            "new_tab" => found.opens_in_new_tab = true,
            "unseen" => found.news.unseen = fact.id,
            "to_decide" => found.news.to_decide = Some(fact.id),
            _ => found.holder.has_unread_permissions = true,
        }
    }
    stars.sort();
    found.stars = stars.into_iter().map(|(_, app)| app).collect();
    found.holder.permissions = permissions;
    Ok(found)
}

/// The apps as one person sees them: each with the decision about it, in the order of the start
/// page.
#[derive(Clone, Debug)]
pub struct AppsOf {
    pub found: FoundHolder,
    /// The categories that have an app, in their order.
    pub categories: Vec<Category>,
    decided: Vec<(App, Decision)>,
}

impl AppsOf {
    /// Reads all apps and decides about each, in two statements.
    pub fn read(
        conn: &mut Conn,
        sources: &PermissionSources,
        user: &User,
        now: UnixTime,
    ) -> Result<Self> {
        let found = find_holder(conn, sources, user)?;
        let mut categories: Vec<Category> = Vec::new();
        let mut decided = Vec::new();
        for (app, category) in list_with_categories(conn)? {
            let decision = found.decide(&app, now);
            decided.push((app, decision));
            categories.extend(category.filter(|one| categories.last() != Some(one)));
        }
        Ok(Self {
            found,
            categories,
            decided,
        })
    }

    /// The apps that open.
    pub fn open(&self) -> impl Iterator<Item = &App> {
        let open = self.decided.iter();
        open.filter(|(_, decision)| decision.is_open())
            .map(|(app, _)| app)
    }

    /// The apps that have a tile: those that open and are not hidden.
    pub fn tiles(&self) -> impl Iterator<Item = &App> {
        self.tiles_with_decisions().map(|(app, _)| app)
    }

    /// The same apps, each with how it opens.
    pub fn tiles_with_decisions(&self) -> impl Iterator<Item = (&App, &Decision)> {
        let is_shown = |app: &App, decision: &Decision| decision.is_open() && !app.fields.is_hidden;
        self.all()
            .filter(move |(app, decision)| is_shown(app, decision))
    }

    /// All apps with the decision about each, for admins and for the list of apps to ask for.
    pub fn all(&self) -> impl Iterator<Item = (&App, &Decision)> {
        self.decided.iter().map(|(app, decision)| (app, decision))
    }

    pub fn is_starred(&self, app: AppId) -> bool {
        self.found.stars.contains(&app)
    }

    /// Returns how the app opens or why not.
    pub fn decision(&self, app: AppId) -> Option<&Decision> {
        let mut all = self.decided.iter();
        all.find(|(one, _)| one.id == app)
            .map(|(_, decision)| decision)
    }
}
