//! Moves a provider's people when their identifiers change: the provider's id, or the member of its
//! answers that names them. Either everyone is moved or no one is.

use std::collections::HashSet;

use crate::audit::{About, Actor, Deed, Event, Note};
use crate::clock::UnixTime;
use crate::db::{Conn, Db};
use crate::error::Result;
use crate::failpoint::hit_about;
use crate::sessions::removed_providers;
use crate::text::is_forbidden;
use crate::users::{MAX_SUBJECT, provider_keys};

/// The maximum number of clashes that are listed and looked for.
const MAX_CLASHES: i64 = 20;

/// The result of a move, or of a dry run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Moved {
    pub people: usize,
    /// Subjects that stand in the way; if there are any, no one was moved.
    pub clashes: Vec<String>,
    pub unknown: Vec<String>,
    /// The number of the provider's people who are not in the list.
    pub left: usize,
}

/// Moves all people of `from` to the id `to`.
pub fn to_id(db: &Db, now: UnixTime, from: &str, to: &str, is_dry_run: bool) -> Result<Moved> {
    db.write_blocking(|conn| {
        let clashes = provider_keys::clashes(conn, from, to, MAX_CLASHES)?;
        let people = provider_keys::count(conn, from)?;
        let people = usize::try_from(people).unwrap_or_default();
        if is_dry_run || !clashes.is_empty() || people == 0 {
            return Ok(Moved {
                people,
                clashes,
                ..Moved::default()
            });
        }
        provider_keys::lock_rows(conn, from, None)?;
        let people = provider_keys::move_to(conn, from, to)?;
        // No instance has the new id before its next start, and until then the sessions must not
        // end.
        removed_providers::note(conn, now, "rekey", &[to.to_owned()])?;
        record(conn, now, to, people, format!("{from} → {to}"))?;
        Ok(Moved {
            people,
            ..Moved::default()
        })
    })
}

/// Gives people of a provider new subjects, by a list of old and new ones. `pointer` names the
/// member that identifies them from now on.
pub fn to_subjects(
    db: &Db,
    now: UnixTime,
    provider: &str,
    pairs: &[(String, String)],
    pointer: &str,
    is_dry_run: bool,
) -> Result<Moved> {
    db.write_blocking(|conn| {
        let mut moved = Moved::default();
        let mut known = Vec::new();
        let (mut olds, mut news) = (HashSet::new(), HashSet::new());
        let moving: HashSet<&String> = pairs.iter().map(|(old, _)| old).collect();
        for (old, new) in pairs {
            if !olds.insert(old) || !news.insert(new) {
                moved.clashes.push(new.clone());
                continue;
            }
            if !provider_keys::is_known(conn, provider, old)? {
                moved.unknown.push(old.clone());
                continue;
            }
            // The subject is free if it is unknown, or if the same list moves it away.
            let is_free = !provider_keys::is_known(conn, provider, new)? || moving.contains(new);
            if !is_free || new.chars().count() > MAX_SUBJECT || new.chars().any(is_forbidden) {
                moved.clashes.push(new.clone());
            }
            known.push((old, new));
        }
        let all = usize::try_from(provider_keys::count(conn, provider)?).unwrap_or_default();
        moved.people = known.len();
        moved.left = all.saturating_sub(known.len());
        if is_dry_run || !moved.clashes.is_empty() {
            return Ok(moved);
        }
        for (old, _) in &known {
            hit_about("rekey_read", old);
        }
        let subjects: Vec<&str> = known.iter().map(|(old, _)| old.as_str()).collect();
        for some in subjects.chunks(1000) {
            provider_keys::lock_rows(conn, provider, Some(some))?;
        }
        // People move by way of a name that no one has, because two of them may swap.
        moved.people = 0;
        for (place, (old, _)) in known.iter().enumerate() {
            // The identity may have just been removed from the account.
            let is_moved = provider_keys::move_subject(conn, provider, old, &passage(place))?;
            moved.people += usize::from(is_moved);
        }
        for (place, (_, new)) in known.iter().enumerate() {
            provider_keys::move_subject(conn, provider, &passage(place), new)?;
        }
        if moved.people > 0 {
            provider_keys::set_subject_pointer(conn, now, provider, pointer)?;
            record(conn, now, provider, moved.people, pointer.to_owned())?;
        }
        Ok(moved)
    })
}

fn passage(place: usize) -> String {
    format!("\u{1}rekey {place}")
}

fn record(
    conn: &mut Conn,
    now: UnixTime,
    provider: &str,
    people: usize,
    note: String,
) -> Result<()> {
    let note = Note::of(note);
    Deed::from_nowhere(now, Actor::CommandLine)
        .through(Some(provider))
        .with_note(&note)
        .record(conn, About::Portal, &Event::ProviderRekeyed { people })
}
