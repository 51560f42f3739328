//! The button on the status page with which an admin confirms a provider's refusals.

use actix_web::HttpResponse;
use actix_web::web::Data;

use crate::admin;
use crate::desk::Desk;
use crate::error::{Error, Result};
use crate::web::csrf::Form;
use crate::web::guard::Acting;
use crate::web::redirect::{see_other, sign_in_anew};

const STATUS: &str = "/admin/status";

pub async fn confirm(
    acting: Acting,
    desk: Data<Desk>,
    form: Form<Vec<(String, String)>>,
) -> Result<HttpResponse> {
    let provider = form.0.into_iter().find(|(name, _)| name == "provider");
    let (_, provider) = provider.ok_or(Error::BadRequest)?;
    match admin::confirm_refusals(&desk, &acting.admin, provider).await {
        Ok(()) => Ok(see_other(STATUS)),
        Err(Error::FreshSignInNeeded) => Ok(sign_in_anew(STATUS)),
        Err(error) => Err(error),
    }
}
