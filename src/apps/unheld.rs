//! The permissions of rules that nobody holds: most likely misspelt, or gone at the provider.

use std::collections::BTreeSet;

use crate::db::Conn;
use crate::error::Result;
use crate::permissions::{self, PermissionSources};

/// Returns those of the names that nobody holds from an origin that counts.
pub fn unheld<'a>(
    conn: &mut Conn,
    sources: &PermissionSources,
    names: impl IntoIterator<Item = &'a str>,
) -> Result<BTreeSet<String>> {
    let names: BTreeSet<&str> = names.into_iter().collect();
    let held = permissions::held_by_anyone(conn, &sources.counting, &names)?;
    let missing = names.into_iter().filter(|name| !held.contains(*name));
    Ok(missing.map(str::to_owned).collect())
}
