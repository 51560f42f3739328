//! What decides about a few people, as far as some rules can tell.

use std::collections::HashMap;

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::ways::names_of;
use super::{PROVIDER, texts};
use crate::apps::rule::{Grant, Holder, Rule};
use crate::clock::UnixTime;
use crate::db::{Conn, Sql, Value};
use crate::error::Result;
use crate::id::AppId;
use crate::permissions::PermissionSources;

/// A person with only the permissions that the rules name, and the grants of one app.
pub type Facts = (Holder, Vec<Grant>);

#[derive(QueryableByName)]
struct Fact {
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    time: Option<i64>,
}

/// Reads it in one statement. Only people with an account are in the answer.
pub fn read(
    conn: &mut Conn,
    sources: &PermissionSources,
    app: Option<AppId>,
    rules: &[&Rule],
    ids: &[i64],
) -> Result<HashMap<i64, Facts>> {
    let mut people: HashMap<i64, Facts> = HashMap::new();
    if ids.is_empty() {
        return Ok(people);
    }
    let facts = statement(sources, app, rules, ids).load::<Fact>(conn)?;
    for fact in facts.iter().filter(|fact| fact.kind == "active") {
        let (holder, _) = people.entry(fact.id).or_default();
        holder.is_active = fact.time == Some(1);
    }
    for fact in facts {
        let Some((holder, grants)) = people.get_mut(&fact.id) else {
            continue;
        };
        match fact.kind.as_str() {
            "active" => {}
            "permission" => {
                holder.permissions.insert(fact.name);
            }
            "grant" => grants.push(Grant {
                expires_at: fact.time.map(UnixTime),
            }),
            _ => holder.has_unread_permissions = true,
        }
    }
    Ok(people)
}

fn statement(sources: &PermissionSources, app: Option<AppId>, rules: &[&Rule], ids: &[i64]) -> Sql {
    let ids = Sql::list(&ids.iter().copied().map(Value::from).collect::<Vec<_>>());
    let mut facts = Sql::text("SELECT 'active' AS kind, u.id AS id, '' AS name, CASE WHEN u.is_active THEN CAST(1 AS BIGINT) END AS time FROM users u WHERE u.id IN ")
        .then(&ids);
    let names = names_of(rules);
    if !names.is_empty() {
        facts = facts
            .with(" UNION ALL SELECT 'permission', p.user_id, p.name, NULL FROM user_permissions p WHERE p.user_id IN ", [])
            .then(&ids)
            .with(" AND p.name IN ", [])
            .then(&texts(names.into_iter()))
            .with(" AND p.origin IN ", [])
            .then(&texts(sources.counting.origins()));
    }
    if let Some(app) = app {
        facts = facts
            .with(
                " UNION ALL SELECT 'grant', g.user_id, '', g.expires_at FROM app_grants g WHERE g.app_id = ? AND g.user_id IN ",
                [app.into()],
            )
            .then(&ids);
    }
    let has_but_not = rules.iter().any(|rule| !rule.but_not.is_empty());
    if has_but_not && !sources.expected.is_empty() {
        facts = facts
            .with(" UNION ALL SELECT 'unread', i.user_id, i.provider, NULL FROM identities i WHERE i.permissions_read_at IS NULL AND i.user_id IN ", [])
            .then(&ids)
            .with(&format!(" AND {PROVIDER} IN "), [])
            .then(&texts(sources.expected.iter().map(String::as_str)));
    }
    facts
}
