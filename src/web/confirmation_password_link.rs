//! The link with which a person chooses a confirmation password. It works only in their own live
//! session.

use actix_web::HttpResponse;
use actix_web::web::{Data, Query};

use super::account_notice::{AccountNotice, back_to_account};
use super::csrf::Form;
use super::guard::SignedIn;
use super::page::Page;
use super::password_link::{ChoosePage, Chosen, Link};
use super::proof::owner;
use crate::error::{Result, Stopped};
use crate::portal::Portal;
use crate::signin::confirmation_password_link::{choose, look};

pub async fn show(me: SignedIn, portal: Data<Portal>, link: Query<Link>) -> Result<HttpResponse> {
    let token = link.into_inner().token()?;
    look(&portal, me.user.id, &token).await?;
    let page = Page::new(&portal, &me.visit, None)?;
    page.ok(&ChoosePage::for_confirmation(&page, &me.user, &token))
}

pub async fn set(me: SignedIn, portal: Data<Portal>, form: Form<Chosen>) -> Result<HttpResponse> {
    let (token, typed) = form.0.secrets()?;
    match choose(&portal, owner(&me), &token, typed).await {
        Ok(()) => back_to_account(&portal, AccountNotice::ConfirmationSet),
        Err(Stopped::Failed(error)) => Err(error),
        Err(Stopped::Refused(unfit)) => {
            let page = Page::new(&portal, &me.visit, None)?;
            ChoosePage::for_confirmation(&page, &me.user, &token).refuse(&unfit)
        }
    }
}
