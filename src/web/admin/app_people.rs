//! The people who may open an app, and why: a list and its export.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::export::{BATCH, Export, Marked, respond, time};
use crate::apps::openers::{self, Opener};
use crate::apps::{self, App, OpenBy};
use crate::clock::UnixTime;
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::portal::Portal;
use crate::users::Role;
use crate::web::csrf::Form;
use crate::web::guard::{Acting, Reader, Staff};
use crate::web::list::{List, ListQuery, Pager, accounts_in_words};
use crate::web::page::{Page, Person};
use crate::web::rule_in_words::rule_in_words;

const LIST: List = List::without_filters("");

fn address_of(key: &str, request: &HttpRequest) -> Result<ListQuery> {
    let query = ListQuery::of(&LIST, request)?;
    Ok(query.under(format!("/admin/apps/{key}/people")))
}

fn find(conn: &mut Conn, key: &str) -> Result<App> {
    apps::find(conn, key)?.ok_or(Error::NotFound)
}

struct Row {
    person: Person,
    permission: Option<String>,
    /// What opens it, if it is no permission.
    words: &'static str,
    /// The end of a grant that has one.
    until: Option<UnixTime>,
    is_granted: bool,
}

impl Row {
    fn of(opener: Opener, page: &Page<'_>) -> Self {
        let person = Person::of(&opener.user);
        let is_granted = matches!(opener.by, OpenBy::Grant(_));
        let (permission, words, until) = match opener.by {
            OpenBy::Everyone => (None, page.t.opens_for_everyone, None),
            OpenBy::Permission(name) => (Some(name), "", None),
            OpenBy::Grant(grant) => (None, page.t.opens_by_grant, grant.expires_at),
        };
        Self {
            person,
            permission,
            words,
            until,
            is_granted,
        }
    }
}

#[derive(Template)]
#[template(path = "admin/app_people.html")]
struct AppPeople<'a> {
    page: &'a Page<'a>,
    app: &'a App,
    rule: String,
    total: String,
    rows: Vec<Row>,
    pager: Pager,
    csv: String,
    may_act: bool,
}

pub async fn list(
    reader: Reader<Staff>,
    portal: Data<Portal>,
    key: Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    let (sources, now) = (portal.permission_sources(), portal.clock.now());
    let asked = key.clone();
    let (me, address, (app, listing, total)) = reader
        .read_by(address_of(&key, &request), move |conn, _, address| {
            let (page, size) = (address.page()?, address.size()?);
            let app = find(conn, &asked)?;
            let rule = &app.fields.rule;
            let listing = openers::page(conn, &sources, now, app.id, rule, page, size)?;
            let total = openers::count(conn, &sources, now, app.id, rule)?;
            Ok((app, listing, total))
        })
        .await?;
    let page = Page::new(&portal, &me.visit, Some(&me.user))?;
    let (label, note) = (page.t.pages_of_openers, page.t.newest_first.to_owned());
    let pager = Pager::of(&listing, &address, label, note, |opener| opener.user.id);
    let rows = listing.rows.into_iter();
    page.ok(&AppPeople {
        page: &page,
        rule: rule_in_words(page.t, &app.fields.rule),
        total: accounts_in_words(&page, Some(total)),
        rows: rows.map(|opener| Row::of(opener, &page)).collect(),
        pager,
        csv: format!("{}.csv", address.path),
        may_act: me.user.role() == Role::Superuser,
        app: &app,
    })
}

const PEOPLE: Export<Opener> = Export {
    name: "app-people",
    id: |opener| opener.user.id.into(),
    columns: &[
        ("id", |opener, _| opener.user.id.to_string().into()),
        ("username", |opener, _| (&opener.user.username).into()),
        ("first_name", |opener, _| (&opener.user.first_name).into()),
        ("email", |opener, _| (&opener.user.email).into()),
        ("opens_by", |opener, _| match opener.by {
            OpenBy::Everyone => "everyone".into(),
            OpenBy::Permission(_) => "permission".into(),
            OpenBy::Grant(_) => "grant".into(),
        }),
        ("permission", |opener, _| match &opener.by {
            OpenBy::Permission(name) => name.into(),
            OpenBy::Everyone | OpenBy::Grant(_) => "".into(),
        }),
        ("until", |opener, zone| match opener.by {
            OpenBy::Grant(grant) => time(grant.expires_at, zone),
            OpenBy::Everyone | OpenBy::Permission(_) => "".into(),
        }),
    ],
};

/// Exports the people to whom the rule of this moment opens the app.
pub async fn export(
    acting: Acting,
    portal: Data<Portal>,
    key: Path<String>,
    request: HttpRequest,
    form: Form<Marked>,
) -> Result<HttpResponse> {
    let address = address_of(&key, &request)?;
    let asked = key.clone();
    let app = portal.db.read(move |conn| find(conn, &asked)).await?;
    let list = format!("apps/{}/people", app.key);
    let (sources, now) = (portal.permission_sources(), portal.clock.now());
    let read = move |conn: &mut Conn, page| {
        openers::page(conn, &sources, now, app.id, &app.fields.rule, page, BATCH)
    };
    respond(acting, portal, form.0, (&list, &address), &PEOPLE, read).await
}
