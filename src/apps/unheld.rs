//! The permissions of rules that nobody holds: most likely misspelt, or gone at the provider.

use std::collections::BTreeSet;

use crate::db::{Conn, Sql, Value};
use crate::error::Result;
use crate::permissions::PermissionSources;

/// Returns those of the names that nobody holds from an origin that counts.
pub fn unheld<'a>(
    conn: &mut Conn,
    sources: &PermissionSources,
    names: impl IntoIterator<Item = &'a str>,
) -> Result<BTreeSet<String>> {
    let names: BTreeSet<&str> = names.into_iter().collect();
    let origins: Vec<Value> = sources.counting.origins().map(Value::from).collect();
    let mut unheld = BTreeSet::new();
    for name in names {
        let holders = Sql::new(
            "SELECT 1 FROM user_permissions p WHERE p.name = ? AND p.origin IN ",
            [name.into()],
        )
        .then(&Sql::list(&origins));
        if holders.count_up_to(conn, 1)? == 0 {
            unheld.insert(name.to_owned());
        }
    }
    Ok(unheld)
}
