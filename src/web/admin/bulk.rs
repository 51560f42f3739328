//! One act on many accounts: those that were ticked, or all that match a list's filters. A first
//! page says what will happen; after each batch, a page says what happened.

use actix_web::HttpResponse;
use actix_web::web::Data;
use askama::Template;

use super::act::{ActForm, Words, refusal_in_words, words};
use super::users::{LIST, wanted};
use crate::admin::{self, Act, ActKind, BATCH, Said, Selection};
use crate::audit::Note;
use crate::error::{Error, Result};
use crate::id::{Reference, UserId};
use crate::paging::{PAGE_SIZES, Page as ListPage, Total};
use crate::permissions;
use crate::portal::Portal;
use crate::users::{self, UserQuery};
use crate::web::csrf::Form;
use crate::web::guard::Acting;
use crate::web::list::{Chip, ListQuery, accounts_in_words, grouped};
use crate::web::page::{Page, Person};
use crate::web::redirect::sign_in_anew;

const MAX_NAMES: i64 = 100;
/// The maximum number of failures that a page lists individually.
const MAX_FAILURES: usize = 1000;

/// The fields that the forms send.
#[derive(Default)]
struct Asked {
    ids: Vec<UserId>,
    is_all: bool,
    /// The filters of the list.
    filter: String,
    act: String,
    permission: String,
    reason: String,
    note: Note,
    after: Option<i64>,
    reference: Option<Reference>,
    /// The number of accounts in earlier batches.
    done: usize,
}

impl Asked {
    fn of(form: Vec<(String, String)>) -> Result<Self> {
        let mut asked = Self::default();
        for (name, value) in form {
            let number = || value.parse().map_err(|_| Error::BadRequest);
            match name.as_str() {
                "u" => asked.ids.push(UserId(number()?)),
                "all" => asked.is_all = true,
                "filter" => asked.filter = value,
                "act" => asked.act = value,
                "permission" => asked.permission = value.trim().to_owned(),
                "reason" => asked.reason = value.trim().to_owned(),
                "after" => asked.after = Some(number()?),
                "reference" => {
                    asked.reference = Some(Reference::parse(value).ok_or(Error::BadRequest)?);
                }
                "done" => asked.done = value.parse().map_err(|_| Error::BadRequest)?,
                _ => {}
            }
        }
        asked.note = Note::parse(&asked.reason).ok_or(Error::BadRequest)?;
        let most = PAGE_SIZES.into_iter().max().unwrap_or(0);
        if asked.ids.len() > most {
            return Err(Error::BadRequest);
        }
        Ok(asked)
    }

    /// The act, if it can be done to many accounts.
    fn act(&self) -> Option<Act> {
        let kind = ActKind::from_code(&self.act).filter(|kind| kind.is_for_many())?;
        ActForm::of_permission(&self.permission).act(kind).ok()
    }

    fn address(&self) -> Result<ListQuery> {
        ListQuery::parse(&LIST, &self.filter)
    }

    fn wanted(&self, portal: &Portal) -> Result<UserQuery> {
        let mut wanted = wanted(&self.address()?, portal.clock.now())?;
        wanted.page = self.after.map_or(ListPage::First, ListPage::After);
        Ok(wanted)
    }
}

#[derive(Template)]
#[template(path = "admin/bulk.html")]
struct BulkPage<'a> {
    page: &'a Page<'a>,
    /// The input that is still missing, if any: no one is ticked, or no act is chosen.
    missing: Option<&'static str>,
    words: Option<Words>,
    count: String,
    people: Vec<Person>,
    /// The filters, if the act is for all accounts that match.
    chips: Vec<Chip>,
    asked: &'a Asked,
    needs_permission: bool,
    names: Vec<String>,
    batch: String,
    back: String,
}

pub async fn confirm(
    acting: Acting,
    portal: Data<Portal>,
    form: Form<Vec<(String, String)>>,
) -> Result<HttpResponse> {
    let Acting { me, admin } = acting;
    let asked = Asked::of(form.0)?;
    let back = asked.address()?.with("select", None);
    if !admin.is_fresh(portal.clock.now()) {
        return Ok(sign_in_anew(&back));
    }
    let wanted = asked.wanted(&portal)?;
    let is_all = asked.is_all;
    let ids = if is_all {
        Vec::new()
    } else {
        asked.ids.clone()
    };
    let (people, total, names) = portal
        .db
        .read(move |conn| {
            let people = users::find_all(conn, &ids)?;
            let total = if is_all {
                users::total_of_many(conn, &wanted.filter)?
            } else {
                Some(Total::Exactly(i64::try_from(people.len()).unwrap_or(0)))
            };
            Ok((people, total, permissions::known_names(conn, MAX_NAMES)?))
        })
        .await?;
    let page = Page::new(&portal, &me.visit, Some(&me.user))?;
    let act = asked.act();
    let missing = match act {
        _ if people.is_empty() && !is_all => Some(page.t.nobody_selected),
        None => Some(page.t.no_act_chosen),
        Some(_) => None,
    };
    page.ok(&BulkPage {
        page: &page,
        missing,
        words: act.as_ref().map(|act| words(&page, act)),
        count: accounts_in_words(&page, total),
        people: people.iter().map(Person::of).collect(),
        chips: LIST.chips(&page, &asked.address()?),
        needs_permission: matches!(act, Some(Act::GrantPermission(_) | Act::TakePermission(_))),
        asked: &asked,
        names,
        batch: grouped(i64::try_from(BATCH).unwrap_or(i64::MAX)),
        back,
    })
}

/// An account for which the act was refused, and the reason.
struct FailedRow {
    person: Option<Person>,
    why: String,
}

#[derive(Template)]
#[template(path = "admin/bulk_result.html")]
struct ResultPage<'a> {
    page: &'a Page<'a>,
    label: &'static str,
    done: String,
    unchanged: String,
    failed: String,
    rows: Vec<FailedRow>,
    asked: &'a Asked,
    /// The account after which the next batch begins.
    next: Option<i64>,
    done_so_far: usize,
    reference: &'a Reference,
    back: String,
}

pub async fn perform(
    acting: Acting,
    portal: Data<Portal>,
    form: Form<Vec<(String, String)>>,
) -> Result<HttpResponse> {
    let Acting { me, admin } = acting;
    let asked = Asked::of(form.0)?;
    let back = asked.address()?.with("select", None);
    let act = asked.act().ok_or(Error::BadRequest)?;
    let selection = if asked.is_all {
        Selection::Matching(asked.wanted(&portal)?)
    } else {
        Selection::These(asked.ids.clone())
    };
    // All batches share one reference, so that the audit log shows the whole act under it.
    let reference = asked.reference.clone().unwrap_or_else(Reference::random);
    let said = Said {
        note: asked.note.clone(),
        reference: Some(reference.clone()),
    };
    let outcome = match admin::bulk(&portal, &admin, selection, &act, &said).await {
        Err(Error::ProofNeeded) => return Ok(sign_in_anew(&back)),
        other => other?,
    };
    let page = Page::new(&portal, &me.visit, Some(&me.user))?;
    let count = |number: usize| grouped(i64::try_from(number).unwrap_or(i64::MAX));
    let done_so_far = asked.done.saturating_add(outcome.done);
    page.ok(&ResultPage {
        page: &page,
        label: words(&page, &act).label,
        done: count(done_so_far),
        unchanged: count(outcome.unchanged),
        failed: count(outcome.refused.len()),
        rows: outcome
            .refused
            .iter()
            .take(MAX_FAILURES)
            .map(|failed| FailedRow {
                person: failed.user.as_ref().map(Person::of),
                why: refusal_in_words(&page, &failed.refusal),
            })
            .collect(),
        asked: &asked,
        next: outcome.next,
        done_so_far,
        reference: &reference,
        back,
    })
}
