//! The order of apps within their category, and of the categories: one step up or down.

use diesel::prelude::*;
use serde::Deserialize;
use strum::{EnumString, IntoStaticStr};

use super::{App, MAX_APPS, categories};
use crate::coded::coded;
use crate::db::schema::{app_categories, apps};
use crate::db::{Conn, each};
use crate::error::Result;
use crate::id::{AppId, CategoryId};

#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr, Deserialize)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Direction {
    Up,
    Down,
}

coded!(Direction);

/// The place before and after a step, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moved {
    pub from: usize,
    pub to: usize,
}

/// Swaps an app with its neighbour in the category. `None` if there is no neighbour.
pub fn move_app(conn: &mut Conn, app: &App, direction: Direction) -> Result<Option<Moved>> {
    let category = app.fields.category_id;
    let all: Vec<(AppId, Option<CategoryId>, i64)> = each!(conn, |conn| apps::table
        .order((apps::position, apps::id))
        .limit(MAX_APPS)
        .select((apps::id, apps::category_id, apps::position))
        .load(conn))?;
    let in_category: Vec<(AppId, i64)> = all
        .into_iter()
        .filter(|(_, of, _)| *of == category)
        .map(|(id, _, position)| (id, position))
        .collect();
    let Some((moved, changed)) = swapped(&in_category, app.id, direction) else {
        return Ok(None);
    };
    for (id, position) in changed {
        set_place(conn, id, position)?;
    }
    Ok(Some(moved))
}

/// Puts an app at the end of its category.
pub fn move_to_end(conn: &mut Conn, id: AppId) -> Result<()> {
    let last: Option<i64> = apps::table
        .select(diesel::dsl::max(apps::position))
        .first(conn)?;
    set_place(conn, id, last.unwrap_or(0).saturating_add(1))
}

fn set_place(conn: &mut Conn, id: AppId, position: i64) -> Result<()> {
    diesel::update(apps::table.find(id))
        .set(apps::position.eq(position))
        .execute(conn)?;
    Ok(())
}

/// Swaps a category with its neighbour. `None` if there is no neighbour.
pub fn move_category(
    conn: &mut Conn,
    id: CategoryId,
    direction: Direction,
) -> Result<Option<Moved>> {
    let all: Vec<(CategoryId, i64)> = categories(conn)?
        .into_iter()
        .map(|category| (category.id, category.position))
        .collect();
    let Some((moved, changed)) = swapped(&all, id, direction) else {
        return Ok(None);
    };
    for (id, position) in changed {
        diesel::update(app_categories::table.find(id))
            .set(app_categories::position.eq(position))
            .execute(conn)?;
    }
    Ok(Some(moved))
}

/// The rows that get another position when one row of an ordered list takes a step. Rows with equal
/// positions, which an import may have made, are numbered anew.
fn swapped<Id: Copy + PartialEq>(
    rows: &[(Id, i64)],
    id: Id,
    direction: Direction,
) -> Option<(Moved, Vec<(Id, i64)>)> {
    let at = rows.iter().position(|(one, _)| *one == id)?;
    let other = match direction {
        Direction::Up => at.checked_sub(1)?,
        Direction::Down => at.checked_add(1)?,
    };
    let moved = Moved {
        from: at + 1,
        to: other + 1,
    };
    let ((first, place), (second, other_place)) = (*rows.get(at)?, *rows.get(other)?);
    if place != other_place {
        return Some((moved, vec![(first, other_place), (second, place)]));
    }
    let mut order: Vec<Id> = rows.iter().map(|(id, _)| *id).collect();
    order.swap(at, other);
    Some((moved, order.into_iter().zip(1..).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_swaps_two_rows_and_ends_at_the_ends() {
        let rows = [('a', 3), ('b', 5), ('c', 9)];
        let step = |id, direction| swapped(&rows, id, direction);
        let moved = |from, to| Moved { from, to };
        assert_eq!(
            step('b', Direction::Up),
            Some((moved(2, 1), vec![('b', 3), ('a', 5)]))
        );
        assert_eq!(
            step('b', Direction::Down),
            Some((moved(2, 3), vec![('b', 9), ('c', 5)]))
        );
        assert_eq!(step('a', Direction::Up), None);
        assert_eq!(step('c', Direction::Down), None);
        assert_eq!(step('x', Direction::Up), None);
        assert_eq!(
            swapped(&[('a', 1), ('b', 1), ('c', 1)], 'c', Direction::Up),
            Some((moved(3, 2), vec![('a', 1), ('c', 2), ('b', 3)]))
        );
    }
}
