//! Whom an app opens to, in SQL. (Stub: the real one comes with the pages of who may open what.)

use super::Rule;
use crate::clock::UnixTime;
use crate::db::Conn;
use crate::error::Result;
use crate::id::AppId;
use crate::permissions::PermissionSources;

/// What a change of a rule means for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    pub gaining: i64,
    pub losing: i64,
    /// The first of them, by username.
    pub gaining_names: Vec<String>,
    pub losing_names: Vec<String>,
}

/// Compares two rules of an app.
pub fn difference(
    _conn: &mut Conn,
    _sources: &PermissionSources,
    _now: UnixTime,
    _app: Option<AppId>,
    _old: &Rule,
    _new: &Rule,
) -> Result<Difference> {
    Ok(Difference::default())
}
