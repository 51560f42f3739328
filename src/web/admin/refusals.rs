//! The button of the status page by which an admin confirms a provider's refusals.

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde::Deserialize;

use crate::admin;
use crate::desk::Desk;
use crate::error::{Error, Result};
use crate::local_path::LocalPath;
use crate::web::csrf::Form;
use crate::web::guard::Acting;
use crate::web::signin::{fresh_address, see_other};

const STATUS: &str = "/admin/status";

#[derive(Deserialize)]
pub struct Confirmed {
    provider: String,
}

pub async fn confirm(
    acting: Acting,
    desk: Data<Desk>,
    form: Form<Confirmed>,
) -> Result<HttpResponse> {
    match admin::confirm_refusals(&desk, &acting.admin, form.0.provider).await {
        Ok(()) => Ok(see_other(STATUS)),
        Err(Error::FreshSignInNeeded) => {
            let next = LocalPath::parse(STATUS).unwrap_or_else(LocalPath::home);
            Ok(see_other(&fresh_address(&next)))
        }
        Err(error) => Err(error),
    }
}
