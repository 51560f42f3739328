//! The categories: one page with a form for each.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde::Deserialize;

use super::remove::RemovePage;
use super::words::{self, Problem};
use super::{LIST, notice, respond};
use crate::admin::apps::{self as verbs, AppRefusal};
use crate::apps::order::Direction;
use crate::apps::{self, Category};
use crate::db::Conn;
use crate::error::{Error, Result, Stopped};
use crate::id::{CategoryId, Reference};
use crate::portal::Portal;
use crate::users::Role;
use crate::web::csrf::Form;
use crate::web::guard::{Acting, Reader, SignedIn, Staff, Superuser};
use crate::web::page::Page;
use crate::web::redirect::{see_other, see_other_with};

const PATH: &str = "/admin/apps/categories";

#[derive(Clone, Deserialize)]
pub struct Names {
    name_en: String,
    name_zh: String,
}

impl Names {
    fn trimmed(&self) -> (String, String) {
        (
            self.name_en.trim().to_owned(),
            self.name_zh.trim().to_owned(),
        )
    }
}

/// The form in which something was wrong: of a category, or of a new one.
struct Failed {
    id: Option<CategoryId>,
    typed: Names,
    problem: Problem,
    reference: Reference,
}

impl Failed {
    /// The id of the category; empty for a new one.
    fn at(&self) -> String {
        self.id.map(|id| id.to_string()).unwrap_or_default()
    }
}

#[derive(Template)]
#[template(path = "admin/app_categories.html")]
struct CategoriesPage<'a> {
    page: &'a Page<'a>,
    /// Each category with the number of its apps.
    rows: &'a [(Category, usize)],
    failed: Option<&'a Failed>,
    notice: Option<&'static str>,
    may_act: bool,
}

impl CategoriesPage<'_> {
    /// The names in the form of a category: as typed, if they were refused.
    fn names<'b>(&'b self, category: &'b Category) -> (&'b str, &'b str) {
        match self.failed_in(Some(category.id)) {
            Some(failed) => (&failed.typed.name_en, &failed.typed.name_zh),
            None => (&category.name_en, &category.name_zh),
        }
    }

    /// The names in the form of a new category.
    fn new_names(&self) -> (&str, &str) {
        match self.failed_in(None) {
            Some(failed) => (&failed.typed.name_en, &failed.typed.name_zh),
            None => ("", ""),
        }
    }

    fn failed_in(&self, id: Option<CategoryId>) -> Option<&Failed> {
        self.failed.filter(|failed| failed.id == id)
    }

    /// What is wrong with a field of the form of a category, by its id, or of a new one.
    fn problem_of(&self, id: &str, field: &str) -> Option<&str> {
        let failed = self.failed.filter(|failed| failed.at() == id)?;
        (failed.problem.field == field).then_some(failed.problem.text.as_str())
    }

    /// The id of a field, which is unique on the page.
    #[expect(clippy::unused_self, reason = "templates reach it through the page")]
    fn field_id(&self, id: &str, field: &str) -> String {
        if id.is_empty() {
            field.to_owned()
        } else {
            format!("{field}-{id}")
        }
    }

    fn failed_field(&self) -> Option<(String, &str)> {
        let failed = self.failed?;
        let id = self.field_id(&failed.at(), failed.problem.field);
        Some((id, failed.problem.text.as_str()))
    }
}

fn rows(conn: &mut Conn) -> Result<Vec<(Category, usize)>> {
    let all = apps::list(conn)?;
    let count = |id: CategoryId| {
        let of = all.iter().filter(|app| app.fields.category_id == Some(id));
        of.count()
    };
    let categories = apps::categories(conn)?.into_iter();
    Ok(categories
        .map(|one| {
            let number = count(one.id);
            (one, number)
        })
        .collect())
}

pub async fn show(
    reader: Reader<Staff>,
    portal: Data<Portal>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    let (me, rows) = reader.read(|conn, _| rows(conn)).await?;
    let page = Page::new(&portal, &me.visit, Some(&me.user))?;
    let notice = notice(&page, &request, &portal);
    let shown = CategoriesPage {
        page: &page,
        rows: &rows,
        failed: None,
        notice,
        may_act: me.user.role() == Role::Superuser,
    };
    respond(&page, &shown, notice)
}

pub async fn add(acting: Acting, portal: Data<Portal>, form: Form<Names>) -> Result<HttpResponse> {
    let Acting { me, admin } = acting;
    let (now, (en, zh)) = (portal.clock.now(), form.0.trimmed());
    let done = portal
        .db
        .decide(move |conn| verbs::add_category(conn, now, &admin, (&en, &zh)))
        .await;
    let done = done.map(|_| words::CATEGORY_ADDED);
    finish(&portal, &me, None, form.0, done).await
}

pub async fn rename(
    acting: Acting,
    portal: Data<Portal>,
    id: Path<CategoryId>,
    form: Form<Names>,
) -> Result<HttpResponse> {
    let Acting { me, admin } = acting;
    let (now, (en, zh)) = (portal.clock.now(), form.0.trimmed());
    let id = id.into_inner();
    let done = portal
        .db
        .decide(move |conn| verbs::rename_category(conn, now, &admin, id, (&en, &zh)))
        .await;
    let done = done.map(|()| words::CATEGORY_RENAMED);
    finish(&portal, &me, Some(id), form.0, done).await
}

async fn finish(
    portal: &Portal,
    me: &SignedIn,
    id: Option<CategoryId>,
    typed: Names,
    done: Result<&'static str, Stopped<AppRefusal>>,
) -> Result<HttpResponse> {
    let refusal = match done {
        Ok(notice) => return see_other_with(notice, PATH, portal),
        Err(Stopped::Refused(AppRefusal::Unchanged)) => {
            return see_other_with(words::APP_UNCHANGED, PATH, portal);
        }
        Err(Stopped::Refused(AppRefusal::UnknownCategory)) => return Err(Error::NotFound),
        Err(Stopped::Refused(refusal)) => refusal,
        Err(Stopped::Failed(error)) => return Err(error),
    };
    let rows = portal.db.read(rows).await?;
    let page = Page::new(portal, &me.visit, Some(&me.user))?;
    let mut problems = words::problems(page.t, &[refusal]);
    let failed = Failed {
        id,
        typed,
        problem: problems.pop().ok_or(Error::BadRequest)?,
        reference: Reference::random(),
    };
    let shown = CategoriesPage {
        page: &page,
        rows: &rows,
        failed: Some(&failed),
        notice: None,
        may_act: true,
    };
    page.refuse(&failed.reference, None, &shown)
}

#[derive(Deserialize)]
pub struct Step {
    direction: Direction,
}

pub async fn step(
    acting: Acting,
    portal: Data<Portal>,
    id: Path<CategoryId>,
    form: Form<Step>,
) -> Result<HttpResponse> {
    let Acting { admin, .. } = acting;
    let (id, now) = (id.into_inner(), portal.clock.now());
    let direction = form.0.direction;
    let done = portal
        .db
        .decide(move |conn| verbs::move_category(conn, now, &admin, id, direction))
        .await;
    match done {
        Ok(()) => Ok(see_other(&format!("{PATH}#c{id}"))),
        Err(Stopped::Refused(_)) => Err(Error::NotFound),
        Err(Stopped::Failed(error)) => Err(error),
    }
}

pub async fn confirm_remove(
    reader: Reader<Superuser>,
    portal: Data<Portal>,
    id: Path<CategoryId>,
) -> Result<HttpResponse> {
    let id = id.into_inner();
    let (me, (category, count)) = reader
        .read(move |conn, _| {
            let mut all = rows(conn)?.into_iter();
            all.find(|(category, _)| category.id == id)
                .ok_or(Error::NotFound)
        })
        .await?;
    let page = Page::new(&portal, &me.visit, Some(&me.user))?;
    let t = page.t;
    page.ok(&RemovePage {
        page: &page,
        crumbs: vec![
            (LIST.to_owned(), t.apps_title.to_owned()),
            (PATH.to_owned(), t.categories.to_owned()),
        ],
        question: t.remove_category_question.with(category.name(page.lang)),
        steps: vec![t.remove_category_steps.with(count)],
        label: t.remove_category.to_owned(),
        action: format!("{PATH}/{id}/remove"),
        back: PATH.to_owned(),
        asks_for_reason: false,
    })
}

pub async fn remove(
    acting: Acting,
    portal: Data<Portal>,
    id: Path<CategoryId>,
    _form: Form<super::image::Nothing>,
) -> Result<HttpResponse> {
    let Acting { admin, .. } = acting;
    let (id, now) = (id.into_inner(), portal.clock.now());
    let done = portal
        .db
        .decide(move |conn| verbs::remove_category(conn, now, &admin, id))
        .await;
    match done {
        Ok(_) => see_other_with(words::CATEGORY_REMOVED, PATH, &portal),
        Err(Stopped::Refused(_)) => Err(Error::NotFound),
        Err(Stopped::Failed(error)) => Err(error),
    }
}
