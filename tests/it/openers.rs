//! Who may open an app: the evaluator, its second form in SQL, and the page that lists the people.

mod company;
mod page;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use frontdesk::apps::openers::{self, Difference};
use frontdesk::apps::{Decision, OpenBy, Rule, find_holder};
use frontdesk::db::{Conn, Sql};
use frontdesk::id::{AppId, UserId};
use frontdesk::paging::{Page, Total, WINDOW};
use frontdesk::users;

use crate::support::{Database, on_both_databases, run};
use company::{Company, NOW, sources};

/// The people to whom an app opens, newest first, by the function that decides about one person.
fn decided(conn: &mut Conn, people: &[UserId], app: AppId, rule: &Rule) -> Vec<(i64, OpenBy)> {
    let mut open = Vec::new();
    for id in people {
        let user = users::find(conn, *id)
            .expect("an answer")
            .expect("a person");
        let found = find_holder(conn, &sources(), &user).expect("an answer");
        let decision = frontdesk::apps::rule::decide(rule, &found.holder, &found.grants(app), NOW);
        if let Decision::Open(by) = decision {
            open.push(((*id).into(), by));
        }
    }
    open.reverse();
    open
}

/// The same by the list: all its pages, forwards or backwards, and how often it stopped early.
fn listed(
    conn: &mut Conn,
    app: AppId,
    rule: &Rule,
    size: usize,
    first: Page,
) -> (Vec<(i64, OpenBy)>, usize) {
    let (mut all, mut stops, mut next) = (Vec::new(), 0, Some(first));
    while let Some(page) = next {
        let listing = openers::page(conn, &sources(), NOW, app, rule, page, size).expect("a page");
        stops += usize::from(listing.stopped_at.is_some());
        next = if page.is_backward() {
            let before = listing
                .previous(|opener| opener.user.id)
                .or(listing.stopped_at);
            before.map(Page::Before)
        } else {
            listing
                .next(|opener| opener.user.id)
                .or(listing.stopped_at)
                .map(Page::After)
        };
        assert!(listing.rows.len() <= size);
        let rows = listing
            .rows
            .into_iter()
            .map(|opener| (opener.user.id.into(), opener.by));
        if page.is_backward() {
            let rows: Vec<_> = rows.collect();
            all.splice(0..0, rows);
        } else {
            all.extend(rows);
        }
    }
    (all, stops)
}

/// The same by the condition alone.
fn selected(conn: &mut Conn, app: Option<AppId>, rule: &Rule) -> Vec<i64> {
    let rows = Sql::text("SELECT CAST(u.id AS TEXT) AS value FROM users u WHERE ")
        .then(&openers::condition(&sources(), NOW, app, rule))
        .with(" ORDER BY u.id DESC", []);
    let ids = rows.texts(conn).expect("an answer");
    ids.iter().map(|id| id.parse().expect("an id")).collect()
}

fn ids(open: &[(i64, OpenBy)]) -> Vec<i64> {
    open.iter().map(|(id, _)| *id).collect()
}

/// What changes for whom, worked out plainly.
fn expected_difference(conn: &mut Conn, before: &[i64], after: &[i64]) -> Difference {
    let only_in = |one: &[i64], other: &[i64]| -> Vec<i64> {
        one.iter()
            .copied()
            .filter(|id| !other.contains(id))
            .collect()
    };
    let (gaining, losing) = (only_in(after, before), only_in(before, after));
    let mut names = |ids: &[i64]| -> Vec<String> {
        let newest = ids.iter().take(3).map(|id| UserId(*id));
        let people = newest.map(|id| users::find(conn, id).expect("an answer").expect("a person"));
        people.map(|user| user.display_name().to_owned()).collect()
    };
    Difference {
        gaining: i64::try_from(gaining.len()).expect("a number"),
        losing: i64::try_from(losing.len()).expect("a number"),
        gaining_names: names(&gaining),
        losing_names: names(&losing),
    }
}

on_both_databases! {
    /// 10,000 pairs of a person and an app: the function, the list, the count, the condition, and
    /// what a change of the rule would do (A4, A13).
    async fn the_list_of_an_app_s_people_and_the_evaluator_agree(database) {
        let company = Company::small();
        let db = company.store(&database);
        db.read_blocking(|conn| {
            let (mut open_pairs, mut ways) = (0, BTreeMap::new());
            let mut earlier: Option<(Rule, AppId)> = None;
            for (number, (app, rule)) in company.apps.iter().enumerate() {
                let open = decided(conn, &company.people, *app, rule);
                open_pairs += open.len();
                for (_, by) in &open {
                    let way = format!("{by:?}").split(['(', ' ']).next().expect("a word").to_owned();
                    *ways.entry(way).or_insert(0) += 1;
                }
                let size = 1 + number % 40;
                for first in [Page::First, Page::Last] {
                    let list = listed(conn, *app, rule, size, first);
                    assert_eq!(list, (open.clone(), 0), "{rule:?} {first:?}");
                }
                assert_eq!(selected(conn, Some(*app), rule), ids(&open), "{rule:?}");
                let total = openers::count(conn, &sources(), NOW, *app, rule)?;
                assert_eq!(total, Total::Exactly(i64::try_from(open.len()).expect("a number")));
                if let Some((old, _)) = earlier.replace((rule.clone(), *app)) {
                    for of in [Some(*app), None] {
                        let [before, after] = [&old, rule].map(|rule| selected(conn, of, rule));
                        let change = openers::difference(conn, &sources(), NOW, of, &old, rule)?;
                        let expected = expected_difference(conn, &before, &after);
                        assert_eq!(change, expected, "{old:?} to {rule:?}");
                    }
                }
            }
            assert_eq!(company.people.len() * company.apps.len(), 10_000);
            assert!(open_pairs > 2000 && open_pairs < 8000, "{open_pairs}");
            assert!(ways.len() == 3 && ways.values().all(|count| *count > 200), "{ways:?}");
            Ok(())
        })
        .expect("all agree");
    }

    /// More people than are looked up one by one, in more pieces than one.
    async fn a_change_for_many_people_is_counted_in_full(database) {
        let company = Company::large();
        let db = company.store(&database);
        db.read_blocking(|conn| {
            let mut many = 0;
            for pair in company.apps.windows(2) {
                let [(_, old), (app, new)] = pair else { continue };
                let [was, is] = [old, new].map(|rule| selected(conn, Some(*app), rule));
                let change = openers::difference(conn, &sources(), NOW, Some(*app), old, new)?;
                let [was, is] = [was, is].map(|ids| ids.into_iter().collect::<std::collections::BTreeSet<_>>());
                let (gaining, losing) = (&is - &was, &was - &is);
                let counts = [gaining.len(), losing.len()].map(|count| i64::try_from(count).expect("a number"));
                assert_eq!([change.gaining, change.losing], counts, "{old:?} to {new:?}");
                let newest = |ids: &std::collections::BTreeSet<i64>| -> Vec<String> {
                    ids.iter().rev().take(3).map(|id| format!("Name {id}")).collect()
                };
                assert_eq!(change.gaining_names, newest(&gaining));
                assert_eq!(change.losing_names, newest(&losing));
                many += usize::from(change.gaining + change.losing > 10_000);
            }
            assert!(many >= 4, "{many}");
            Ok(())
        })
        .expect("all counted");
    }

    /// A rule that lets in hardly any of its candidates: each page looks at a part and says so.
    async fn a_list_that_finds_hardly_anybody_stops_and_goes_on(database) {
        let company = Company::large();
        let db = company.store(&database);
        db.read_blocking(|conn| {
            // All but one in a thousand hold what closes it.
            let rule = company::rule("everyone", &[], &["nearly"]);
            let app = company.apps[0].0;
            let wanted = selected(conn, Some(app), &rule);
            assert!(wanted.len() > 10 && wanted.len() < 100, "{}", wanted.len());
            for (first, size) in [(Page::First, 50), (Page::Last, 50), (Page::First, 4)] {
                let (found, stops) = listed(conn, app, &rule, size, first);
                assert_eq!(ids(&found), wanted);
                assert_eq!(stops >= 2, size == 50, "{stops}");
            }
            let total = openers::count(conn, &sources(), NOW, app, &rule)?;
            let seen = openers::page(conn, &sources(), NOW, app, &rule, Page::First, 100)?;
            assert_eq!(total, Total::MoreThan(i64::try_from(seen.rows.len()).expect("a number") - 1));
            // None at all among the first, and yet there may be some.
            let rule = company::rule("everyone", &[], &["all"]);
            let page = openers::page(conn, &sources(), NOW, app, &rule, Page::First, 50)?;
            assert!(page.rows.is_empty() && page.stopped_at.is_some());
            assert_eq!(openers::count(conn, &sources(), NOW, app, &rule)?, Total::About(0));
            assert!(company.people.len() > usize::try_from(2 * WINDOW).expect("a number"));
            Ok(())
        })
        .expect("it goes on");
    }
}

/// A4: nothing else decides. What reads a rule to show, to store or to check it is named here.
#[test]
fn nothing_but_the_evaluator_decides_who_may_open_an_app() {
    const READ_RULES: &[&str] = &[
        // The evaluator, and its form in SQL.
        "src/apps/rule.rs",
        "src/apps/openers",
        // What may be written, and what was.
        "src/apps/check.rs",
        "src/apps/changes.rs",
        "src/web/codes_in_words.rs",
        "src/web/rule_in_words.rs",
        // The form, and files.
        "src/admin/apps",
        "src/apps/file",
        "src/cli/apps",
        "src/cli/why.rs",
        "src/sandbox/company_apps.rs",
        "src/web/admin/app",
        "src/i18n/messages/",
    ];
    let mut files = BTreeMap::new();
    sources_below(Path::new("src"), &mut files);
    let mut found = 0;
    for (path, text) in files {
        let reads = [
            "but_not",
            ".any_of",
            "Audience::AnyOf",
            "Audience::Nobody",
            "\"any_of\"",
        ];
        let code = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        let has = code
            .clone()
            .any(|line| reads.iter().any(|word| line.contains(word)));
        found += usize::from(has);
        assert!(
            !has || READ_RULES.iter().any(|place| path.starts_with(place)),
            "{path} reads a rule itself: it should ask `decide`"
        );
        // Grants count for the evaluator alone.
        let asks = code.clone().any(|line| line.contains("FROM app_grants"));
        assert!(
            !asks || path.starts_with("src/apps/"),
            "{path} reads grants itself"
        );
    }
    assert!(found >= 5, "{found}");
}

fn sources_below(folder: &Path, files: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources_below(&path, files);
        } else {
            let text = fs::read_to_string(&path).expect("a text");
            files.insert(path.to_str().expect("a path in Unicode").to_owned(), text);
        }
    }
}
