//! What the status page says about webhooks, in words, and the button that tries one out.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};

use crate::admin;
use crate::clock::UnixTime;
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::portal::Portal;
use crate::web::cookie::PortalCookie;
use crate::web::csrf::Form;
use crate::web::guard::Acting;
use crate::web::list::grouped;
use crate::web::page::Page;
use crate::web::redirect::{see_other, sign_in_anew};
use crate::webhooks::queue;
use crate::webhooks::state::{self, HookState};

/// The code of the notice in the cookie.
const TEST_SENT: &str = "webhook_test";

/// A hook as the status page shows it.
pub struct HookView {
    pub name: String,
    pub kind: &'static str,
    pub last_success: Option<UnixTime>,
    /// How many messages wait, if any do.
    pub waiting: Option<String>,
    pub failing_since: Option<UnixTime>,
    pub next_try: Option<UnixTime>,
    /// What is wrong and what to do about it.
    pub trouble: Option<String>,
    /// What was dropped, and why.
    pub lost: Vec<String>,
}

impl HookView {
    /// True if somebody should look at it.
    pub fn needs_attention(&self) -> bool {
        self.trouble.is_some() || !self.lost.is_empty()
    }
}

/// The notice after a test was sent.
pub fn notice(page: &Page<'_>, request: &HttpRequest) -> Option<&'static str> {
    let code = PortalCookie::Notice.read(request, page.portal)?;
    (code == TEST_SENT).then_some(page.t.hooks.test_sent)
}

/// Reads what the page needs to know about each hook.
pub fn find(conn: &mut Conn, names: &[String]) -> Result<Vec<(HookState, i64)>> {
    let mut found = Vec::new();
    for name in names {
        found.push((state::find(conn, name)?, queue::count(conn, name)?));
    }
    Ok(found)
}

/// Puts what was found into words.
pub fn views(page: &Page<'_>, found: &[(HookState, i64)]) -> Vec<HookView> {
    let hooks = page.portal.webhooks.all().iter().zip(found);
    hooks
        .map(|(hook, (state, waiting))| {
            let trouble = state.trouble();
            HookView {
                name: hook.name().to_owned(),
                kind: hook.settings().kind.code(),
                last_success: state.last_success(),
                waiting: (*waiting > 0).then(|| grouped(*waiting)),
                failing_since: state.failing_since().filter(|_| trouble.is_some()),
                next_try: state.paused_until(page.now).filter(|_| trouble.is_some()),
                trouble: trouble.map(|trouble| trouble.in_words(page.lang)),
                lost: lost(page, state),
            }
        })
        .collect()
}

fn lost(page: &Page<'_>, state: &HookState) -> Vec<String> {
    let t = &page.t.hooks;
    let refused = state
        .refused_recently(page.now)
        .map(|(count, at, trouble)| {
            let refused = t.refused.with(grouped(count), page.date_time(at));
            format!("{refused}{}{}", page.t.space, trouble.in_words(page.lang))
        });
    let given_up = state
        .given_up_recently(page.now)
        .map(|(count, at)| t.given_up.with(grouped(count), page.date_time(at)));
    refused.into_iter().chain(given_up).collect()
}

/// The button that sends a test message through a hook.
pub async fn test(
    acting: Acting,
    portal: Data<Portal>,
    hook: Path<String>,
    _form: Form<Vec<(String, String)>>,
) -> Result<HttpResponse> {
    match admin::test_webhook(&portal, &acting.admin, &hook).await {
        Ok(()) => {
            let mut response = see_other("/admin/status");
            PortalCookie::Notice.set(&mut response, &portal, TEST_SENT.to_owned())?;
            Ok(response)
        }
        Err(Error::ProofNeeded) => Ok(sign_in_anew("/admin/status")),
        Err(error) => Err(error),
    }
}
