//! The form of an app. Before a rule takes the app from people or opens it to more, a page says to
//! how many, and carries the whole form.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use strum::VariantArray as _;

use super::typed::{Step, Typed};
use super::words::{self, Problem, tints};
use super::{LIST, address, notice, respond};
use crate::admin::Admin;
use crate::admin::apps::{self as verbs, AppRefusal, Edit};
use crate::apps::openers::{Difference, difference};
use crate::apps::owners::{self, Owner};
use crate::apps::unheld::unheld;
use crate::apps::{self, App, AppFields, Audience, Category, Icon, Rule};
use crate::audit::Note;
use crate::clock::UnixTime;
use crate::db::Conn;
use crate::error::{Error, Result, Stopped};
use crate::id::Reference;
use crate::permissions::{self, PermissionSources};
use crate::portal::Portal;
use crate::users::Role;
use crate::web::codes_in_words::icon_in_words;
use crate::web::csrf::Form;
use crate::web::guard::{Acting, Reader, SignedIn, Staff, Superuser};
use crate::web::list::{grouped, with_query};
use crate::web::page::Page;
use crate::web::redirect::{fresh_address, path, see_other_with, sign_in_anew_or};
use crate::web::rule_in_words::rule_in_words;

/// The most permissions that the fields suggest.
const MAX_OFFERED: i64 = 1000;
/// The empty fields for more permissions.
const SPARE: usize = 3;

/// The data of the form besides what was typed.
struct Known {
    /// `None` for a new app
    app: Option<App>,
    owners: Vec<Owner>,
    categories: Vec<Category>,
    /// The names of permissions that the fields suggest.
    offered: Vec<String>,
}

fn known(conn: &mut Conn, key: Option<&str>) -> Result<Known> {
    let app = match key {
        Some(key) => Some(apps::find(conn, key)?.ok_or(Error::NotFound)?),
        None => None,
    };
    Ok(Known {
        owners: match &app {
            Some(app) => owners::of_app(conn, app.id)?,
            None => Vec::new(),
        },
        app,
        categories: apps::categories(conn)?,
        offered: permissions::known_names(conn, MAX_OFFERED)?,
    })
}

impl Known {
    /// The form as it is before anything is typed.
    fn first(&self) -> Typed {
        match &self.app {
            Some(app) => Typed::of_app(app, &self.owners),
            None => Typed::for_new(),
        }
    }
}

#[derive(Template)]
#[template(path = "admin/app_form.html")]
struct FormPage<'a> {
    page: &'a Page<'a>,
    app: Option<&'a App>,
    typed: &'a Typed,
    heading: String,
    action: String,
    categories: &'a [Category],
    offered: &'a [String],
    icons: Vec<(&'static str, &'static str)>,
    tints: [(i64, &'static str, &'static str); 6],
    problems: Vec<Problem>,
    reference: Option<&'a Reference>,
    notice: Option<&'static str>,
    /// What was typed came back with the address.
    is_kept: bool,
    /// The address that proves who the admin is, if that is still to be done.
    prove: Option<String>,
}

impl<'a> FormPage<'a> {
    fn new(page: &'a Page<'a>, known: &'a Known, typed: &'a Typed) -> Self {
        let t = page.t;
        let app = known.app.as_ref();
        Self {
            page,
            app,
            typed,
            heading: match app {
                Some(app) => t.edit_app.with(page.app_name(app)),
                None => t.add_app.to_owned(),
            },
            action: app.map_or_else(|| format!("{LIST}/new"), |app| address(&app.key)),
            categories: &known.categories,
            offered: &known.offered,
            icons: Icon::VARIANTS
                .iter()
                .map(|icon| (icon.code(), icon_in_words(t, *icon)))
                .collect(),
            tints: tints(t),
            problems: Vec::new(),
            reference: None,
            notice: None,
            is_kept: false,
            prove: None,
        }
    }

    fn problem_of(&self, field: &str) -> Option<&str> {
        let found = self.problems.iter().find(|problem| problem.field == field);
        found.map(|problem| problem.text.as_str())
    }

    /// The permissions that a list of the rule shows, with empty fields for more.
    #[expect(clippy::unused_self, reason = "templates reach it through the page")]
    fn with_spare(&self, names: &[String]) -> Vec<String> {
        let spare = std::iter::repeat_n(String::new(), SPARE);
        names.iter().cloned().chain(spare).collect()
    }

    fn audiences(&self) -> [(Audience, &'static str, &'static str); 3] {
        let t = self.page.t;
        [
            (
                Audience::Nobody,
                t.audience_nobody_long,
                t.audience_nobody_hint,
            ),
            (Audience::Everyone, t.audience_everyone_long, ""),
            (Audience::AnyOf, t.audience_any_of_long, ""),
        ]
    }
}

pub async fn show_new(
    reader: Reader<Superuser>,
    portal: Data<Portal>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    let (me, known) = reader.read(|conn, _| known(conn, None)).await?;
    me.check_proof(&portal)?;
    let page = Page::new(&portal, &me.visit, Some(&me.user))?;
    let pairs = pairs_of(&request);
    let typed = known.first().with(&pairs);
    page.ok(&FormPage {
        is_kept: !pairs.is_empty(),
        ..FormPage::new(&page, &known, &typed)
    })
}

fn pairs_of(request: &HttpRequest) -> Vec<(String, String)> {
    url::form_urlencoded::parse(request.query_string().as_bytes())
        .into_owned()
        .collect()
}

/// What somebody sees who may look and not change.
#[derive(Template)]
#[template(path = "admin/app_view.html")]
struct ViewPage<'a> {
    page: &'a Page<'a>,
    app: &'a App,
    category: &'a str,
    sentence: String,
    unheld: Vec<String>,
    owners: &'a [Owner],
}

pub async fn show(
    reader: Reader<Staff>,
    portal: Data<Portal>,
    key: Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    let key = key.into_inner();
    let sources = portal.permission_sources();
    let (me, (known, unheld)) = reader
        .read(move |conn, _| {
            let known = known(conn, Some(&key))?;
            let app = known.app.iter();
            let named = app.flat_map(|app| app.fields.rule.permissions());
            let unheld = unheld(conn, &sources, named)?;
            Ok((known, unheld))
        })
        .await?;
    let page = Page::new(&portal, &me.visit, Some(&me.user))?;
    if me.user.role() < Role::Superuser {
        let app = known.app.as_ref().ok_or(Error::NotFound)?;
        let mut category = known.categories.iter();
        let category = category.find(|one| Some(one.id) == app.fields.category_id);
        return page.ok(&ViewPage {
            page: &page,
            app,
            category: category.map_or(page.t.no_category, |category| category.name(page.lang)),
            sentence: rule_in_words(page.t, &app.fields.rule),
            unheld: unheld.into_iter().collect(),
            owners: &known.owners,
        });
    }
    let notice = notice(&page, &request, &portal);
    let pairs = pairs_of(&request);
    let typed = known.first().with(&pairs);
    let form = FormPage {
        is_kept: !pairs.is_empty(),
        notice,
        prove: me
            .check_proof(&portal)
            .is_err()
            .then(|| fresh_address(&path(Some(page.here)))),
        ..FormPage::new(&page, &known, &typed)
    };
    respond(&page, &form, notice)
}

/// The page before a rule is saved.
#[derive(Template)]
#[template(path = "admin/app_confirm.html")]
struct ConfirmPage<'a> {
    page: &'a Page<'a>,
    name: &'a str,
    parent: (String, String),
    action: String,
    label: &'static str,
    now: Option<String>,
    then: String,
    gaining: Option<(String, String)>,
    losing: Option<(String, String)>,
    unheld: Vec<String>,
    hidden: Vec<(&'static str, &'a str)>,
}

/// A count and a few names: "1,200" and "Anna, Bert, Carl and 1,197 more".
fn named(page: &Page<'_>, count: i64, names: &[String]) -> Option<(String, String)> {
    let shown = names.join(page.t.list_comma);
    let listed = i64::try_from(names.len()).unwrap_or(i64::MAX);
    let names = match count.saturating_sub(listed) {
        ..=0 => shown,
        more => page.t.and_more.with(shown, grouped(more)),
    };
    (count > 0).then(|| (grouped(count), names))
}

/// What a form leads to, as far as the database knows.
struct Judged {
    known: Known,
    refusals: Vec<AppRefusal>,
    /// Who gains and who loses the app, if the rule changes.
    difference: Option<Difference>,
    unheld: Vec<String>,
}

fn judge(
    conn: &mut Conn,
    (sources, now): (&PermissionSources, UnixTime),
    key: Option<&str>,
    typed: &Typed,
    fields: &AppFields,
) -> Result<Judged> {
    let known = known(conn, key)?;
    let new_key = key.is_none().then_some(typed.key.as_str());
    let mut refusals = verbs::refusals(conn, new_key, fields, &typed.owners)?;
    if let Some(app) = &known.app
        && app.changed_at.0.to_string() != typed.seen
    {
        refusals.push(AppRefusal::ChangedMeanwhile);
    }
    let before = known.app.as_ref().map(|app| &app.fields.rule);
    let nobody = Rule::default();
    let before = before.unwrap_or(&nobody);
    let is_asked = refusals.is_empty() && *before != fields.rule && typed.step == Step::Save;
    let id = known.app.as_ref().map(|app| app.id);
    let difference = is_asked
        .then(|| difference(conn, sources, now, id, before, &fields.rule))
        .transpose()?;
    let unheld = unheld(conn, sources, fields.rule.permissions())?;
    Ok(Judged {
        refusals,
        difference,
        unheld: unheld.into_iter().collect(),
        known,
    })
}

pub async fn add(
    acting: Acting,
    portal: Data<Portal>,
    form: Form<Vec<(String, String)>>,
) -> Result<HttpResponse> {
    submit(acting, &portal, None, &form.0).await
}

pub async fn save(
    acting: Acting,
    portal: Data<Portal>,
    key: Path<String>,
    form: Form<Vec<(String, String)>>,
) -> Result<HttpResponse> {
    submit(acting, &portal, Some(key.into_inner()), &form.0).await
}

async fn submit(
    acting: Acting,
    portal: &Portal,
    key: Option<String>,
    pairs: &[(String, String)],
) -> Result<HttpResponse> {
    let Acting { me, admin } = acting;
    let mut typed = Typed::of_form(pairs);
    typed.suggest_keywords();
    let fields = typed.fields()?;
    let now = portal.clock.now();
    let sources = portal.permission_sources();
    let asked = (key.clone(), typed.clone(), fields.clone());
    let judged = portal
        .db
        .read(move |conn| {
            let (key, typed, fields) = &asked;
            judge(conn, (&sources, now), key.as_deref(), typed, fields)
        })
        .await?;
    let first = judged.known.first();
    if needs_proof(&judged.known, &typed, &fields) && !admin.is_fresh(now) {
        return Ok(prove(key.as_deref(), &typed, &first));
    }
    let page = Page::new(portal, &me.visit, Some(&me.user))?;
    if typed.step == Step::Back {
        let form = FormPage::new(&page, &judged.known, &typed);
        return page.ok(&form);
    }
    if !judged.refusals.is_empty() {
        return refuse(&page, &judged.known, &mut typed, &judged.refusals);
    }
    if let Some(difference) = &judged.difference {
        return confirm(&page, &judged, difference, &typed, &fields);
    }
    let done = write(portal, admin, key.clone(), &typed, fields).await;
    match done {
        Ok(notice) => see_other_with(notice, &address(&typed_key(key, &typed)), portal),
        Err(Stopped::Failed(Error::ProofNeeded)) => Ok(prove(key.as_deref(), &typed, &first)),
        Err(Stopped::Failed(error)) => Err(error),
        Err(Stopped::Refused(AppRefusal::UnknownApp)) => Err(Error::NotFound),
        Err(Stopped::Refused(refusal)) => again(portal, &me, key, &mut typed, &[refusal]).await,
    }
}

fn typed_key(key: Option<String>, typed: &Typed) -> String {
    key.unwrap_or_else(|| typed.key.clone())
}

/// Returns whether the form asks for what only somebody may do who has just proved who they are.
fn needs_proof(known: &Known, typed: &Typed, fields: &AppFields) -> bool {
    let Some(app) = &known.app else { return true };
    let mut changes = apps::changes(&app.fields, fields).into_iter();
    let owners: Vec<&str> = known
        .owners
        .iter()
        .map(|owner| owner.username.as_str())
        .collect();
    let is_same = owners.len() == typed.owners.len()
        && typed
            .owners
            .iter()
            .all(|name| owners.contains(&name.as_str()));
    !is_same || changes.any(|change| verbs::is_dangerous(change.field))
}

/// Leads to a fresh sign-in and back to the form with what was typed, unless that is too long for
/// an address; then without the long texts.
fn prove(key: Option<&str>, typed: &Typed, first: &Typed) -> HttpResponse {
    const LONG: [&str; 4] = ["note", "description_en", "description_zh", "keywords"];
    let form = key.map_or_else(|| format!("{LIST}/new"), address);
    let all = typed.typed_since(first);
    let of = |all: &[(&'static str, String)]| {
        with_query(
            &form,
            all.iter().map(|(name, value)| (*name, value.as_str())),
        )
    };
    let short = all.iter().filter(|(name, _)| !LONG.contains(name));
    let short: Vec<(&'static str, String)> = short.cloned().collect();
    sign_in_anew_or(&of(&all), &of(&short))
}

fn confirm(
    page: &Page<'_>,
    judged: &Judged,
    difference: &Difference,
    typed: &Typed,
    fields: &AppFields,
) -> Result<HttpResponse> {
    let t = page.t;
    let app = judged.known.app.as_ref();
    let name = app.map_or(fields, |app| &app.fields).name(page.lang);
    page.ok(&ConfirmPage {
        page,
        name,
        parent: match app {
            Some(app) => (address(&app.key), name.to_owned()),
            None => (format!("{LIST}/new"), t.add_app.to_owned()),
        },
        action: app.map_or_else(|| format!("{LIST}/new"), |app| address(&app.key)),
        label: if app.is_some() {
            t.save_changes
        } else {
            t.add_the_app
        },
        now: app.map(|app| rule_in_words(t, &app.fields.rule)),
        then: rule_in_words(t, &fields.rule),
        gaining: named(page, difference.gaining, &difference.gaining_names),
        losing: named(page, difference.losing, &difference.losing_names),
        unheld: judged.unheld.clone(),
        hidden: typed.pairs(),
    })
}

/// Writes the form. Returns the notice.
async fn write(
    portal: &Portal,
    admin: Admin,
    key: Option<String>,
    typed: &Typed,
    fields: AppFields,
) -> Result<&'static str, Stopped<AppRefusal>> {
    let now = portal.clock.now();
    let Some(key) = key else {
        let (key, owners) = (typed.key.clone(), typed.owners.clone());
        return portal
            .db
            .decide(move |conn| {
                create(conn, now, &admin, &key, &fields, &owners)?;
                Ok(words::APP_ADDED)
            })
            .await;
    };
    let edit: Edit = typed.edit()?;
    portal
        .db
        .decide(move |conn| {
            let has_changed = verbs::save(conn, now, &admin, &key, &edit)?;
            Ok(if has_changed {
                words::APP_SAVED
            } else {
                words::APP_UNCHANGED
            })
        })
        .await
}

/// Adds an app with its owners. Everything is checked before anything is written, because what is
/// written before a refusal stays.
fn create(
    conn: &mut Conn,
    now: UnixTime,
    admin: &Admin,
    key: &str,
    fields: &AppFields,
    owners: &[String],
) -> Result<(), Stopped<AppRefusal>> {
    admin.check(conn)?;
    if let Some(refusal) = verbs::refusals(conn, Some(key), fields, owners)?.pop() {
        return Err(Stopped::Refused(refusal));
    }
    let app = verbs::add(conn, now, admin, key, fields.clone(), &Note::default())?;
    match verbs::set_owners(conn, now, admin, &app, owners) {
        // An account was renamed in between: nothing of the app may stay.
        Err(Stopped::Refused(refusal)) => Err(Error::Internal(refusal.to_string()).into()),
        Err(failed) => Err(failed),
        Ok(_) => Ok(()),
    }
}

/// Shows the form again after a refusal that only the transaction found.
async fn again(
    portal: &Portal,
    me: &SignedIn,
    key: Option<String>,
    typed: &mut Typed,
    refusals: &[AppRefusal],
) -> Result<HttpResponse> {
    let known = portal
        .db
        .read(move |conn| known(conn, key.as_deref()))
        .await?;
    let page = Page::new(portal, &me.visit, Some(&me.user))?;
    refuse(&page, &known, typed, refusals)
}

fn refuse(
    page: &Page<'_>,
    known: &Known,
    typed: &mut Typed,
    refusals: &[AppRefusal],
) -> Result<HttpResponse> {
    // Whoever saves again has seen that the app is another now.
    typed.seen = known.first().seen;
    let reference = Reference::random();
    let form = FormPage {
        problems: words::problems(page.t, refusals),
        reference: Some(&reference),
        ..FormPage::new(page, known, typed)
    };
    page.refuse(&reference, None, &form)
}
