//! The link with which a person chooses a confirmation password. It works only in their own live
//! session.

use actix_web::HttpResponse;
use actix_web::web::{Data, Query};

use super::account_notice::{AccountNotice, back_to_account};
use super::confirm::owner;
use super::csrf::Form;
use super::guard::SignedIn;
use super::page::Page;
use super::password_link::{ChoosePage, Chosen, Link};
use crate::desk::Desk;
use crate::error::{Result, Stopped};
use crate::signin::confirmation::{choose, look};

pub async fn show(me: SignedIn, desk: Data<Desk>, link: Query<Link>) -> Result<HttpResponse> {
    let token = link.into_inner().token()?;
    look(&desk, me.user.id, &token).await?;
    let page = Page::new(&desk, &me.visit, None)?;
    page.ok(&ChoosePage::for_confirmation(&page, &me.user, &token))
}

pub async fn set(me: SignedIn, desk: Data<Desk>, form: Form<Chosen>) -> Result<HttpResponse> {
    let (token, typed) = form.0.secrets()?;
    match choose(&desk, owner(&me), &token, typed).await {
        Ok(()) => back_to_account(&desk, AccountNotice::ConfirmationSet),
        Err(Stopped::Failed(error)) => Err(error),
        Err(Stopped::Refused(unfit)) => {
            let page = Page::new(&desk, &me.visit, None)?;
            ChoosePage::for_confirmation(&page, &me.user, &token).refuse(&unfit)
        }
    }
}
