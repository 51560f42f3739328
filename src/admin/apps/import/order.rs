//! The order of a file, with as few changes of places as possible.

/// One place of a row, in the order of now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot<Id> {
    /// `None` for what the import adds.
    pub(super) id: Option<Id>,
    /// Its place in the file, if that lists it.
    pub(super) place: Option<usize>,
    pub(super) position: i64,
}

/// Puts what the file lists into the file's order, with new positions. Whatever it does not list
/// stays where it is in the row.
pub(super) fn arrange<Id: Copy + PartialEq>(row: &[Slot<Id>]) -> Vec<Slot<Id>> {
    let mut listed: Vec<Slot<Id>> = row
        .iter()
        .filter(|slot| slot.place.is_some())
        .copied()
        .collect();
    listed.sort_by_key(|slot| slot.place);
    let mut listed = listed.into_iter();
    let wanted: Vec<Slot<Id>> = row
        .iter()
        .filter_map(|slot| match slot.place {
            Some(_) => listed.next(),
            None => Some(*slot),
        })
        .collect();
    if wanted == row {
        return wanted;
    }
    let positions: Vec<i64> = row.iter().map(|slot| slot.position).collect();
    let is_distinct = positions.is_sorted_by(|one, two| one < two);
    let positions = if is_distinct {
        positions
    } else {
        (1..).take(row.len()).collect()
    };
    let placed = wanted.into_iter().zip(positions);
    placed
        .map(|(slot, position)| Slot { position, ..slot })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(id: i64, place: Option<usize>, position: i64) -> Slot<i64> {
        Slot {
            id: Some(id),
            place,
            position,
        }
    }

    fn ids_and_positions(row: &[Slot<i64>]) -> Vec<(i64, i64)> {
        row.iter()
            .map(|slot| (slot.id.expect("an id"), slot.position))
            .collect()
    }

    #[test]
    fn what_is_in_order_keeps_its_positions() {
        let row = [slot(1, Some(0), 4), slot(2, None, 4), slot(3, Some(1), 9)];
        assert_eq!(ids_and_positions(&arrange(&row)), [(1, 4), (2, 4), (3, 9)]);
    }

    #[test]
    fn what_the_file_does_not_list_stays_where_it_is() {
        let row = [slot(1, Some(2), 3), slot(2, None, 5), slot(3, Some(0), 8)];
        assert_eq!(ids_and_positions(&arrange(&row)), [(3, 3), (2, 5), (1, 8)]);
    }

    #[test]
    fn equal_positions_are_numbered_anew_when_something_moves() {
        let row = [slot(1, Some(1), 7), slot(2, Some(0), 7)];
        assert_eq!(ids_and_positions(&arrange(&row)), [(2, 1), (1, 2)]);
    }
}
