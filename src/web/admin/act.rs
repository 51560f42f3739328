//! Acts on one account: GET describes the act and asks for the reason, POST performs it.

use std::collections::HashMap;

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use strum::{EnumString, IntoStaticStr, VariantArray};

use crate::admin::{self, Act, ActKind, Refusal, Said};
use crate::audit::Note;
use crate::clock::UnixTime;
use crate::config::PasswordLogin;
use crate::db::Conn;
use crate::error::{Error, Result, Stopped};
use crate::i18n::sentence::{Around, AroundTwo};
use crate::id::{Reference, UserId};
use crate::permissions;
use crate::portal::Portal;
use crate::secret::Secret;
use crate::sessions::{self, Limits, Session};
use crate::signin::one_time_link::{Draft, LinkFor};
use crate::users::{self, Role, User};
use crate::web::codes_in_words::reason_in_words;
use crate::web::csrf::Form;
use crate::web::device::Device;
use crate::web::guard::{Acting, Reader, SignedIn, Superuser};
use crate::web::list::with_query;
use crate::web::page::{Page, Person};
use crate::web::redirect::{see_other_with, sign_in_anew_or};

/// The maximum number of permission names that the field suggests.
const MAX_NAMES: i64 = 100;

/// The details of an act, as an address or a form gives them.
#[derive(Clone, Debug, Default)]
pub struct ActForm {
    given: HashMap<Field, String>,
    note: Note,
}

/// The fields, in the order of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case", const_into_str)]
enum Field {
    Role,
    Permission,
    Provider,
    Subject,
    Session,
    Reason,
}

impl ActForm {
    /// Reads the fields that we know. A reason that is longer than its field is a bad request.
    fn of(pairs: impl IntoIterator<Item = (String, String)>) -> Result<Self> {
        let mut fields = Self::default();
        for (name, value) in pairs {
            if let Ok(field) = name.parse() {
                fields.given.insert(field, value.trim().to_owned());
            }
        }
        fields.note = Note::parse(fields.get(Field::Reason)).ok_or(Error::BadRequest)?;
        Ok(fields)
    }

    /// The fields of an act with this permission, which may be empty.
    pub fn of_permission(permission: &str) -> Self {
        let mut fields = Self::default();
        fields
            .given
            .insert(Field::Permission, permission.to_owned());
        fields
    }

    fn get(&self, field: Field) -> &str {
        self.given.get(&field).map_or("", String::as_str)
    }

    /// Fills in the provider if there is only one.
    fn at_provider(mut self, portal: &Portal, kind: ActKind) -> Self {
        if matches!(kind, ActKind::LinkIdentity | ActKind::UnlinkIdentity)
            && self.get(Field::Provider).is_empty()
            && let Some(provider) = portal.providers.first()
        {
            self.given.insert(Field::Provider, provider.id().to_owned());
        }
        self
    }

    /// Returns the act that the fields describe. A permission or a subject that has not been typed
    /// yet is empty. A role or a session that cannot exist is not found.
    pub fn act(&self, kind: ActKind) -> Result<Act> {
        let text = |field| self.get(field).to_owned();
        Ok(match kind {
            ActKind::EndSessions => Act::EndSessions,
            ActKind::EndSession => Act::EndSession(
                self.get(Field::Session)
                    .parse()
                    .map_err(|_| Error::NotFound)?,
            ),
            ActKind::Deactivate => Act::Deactivate,
            ActKind::Activate => Act::Activate,
            ActKind::GrantPermission => Act::GrantPermission(text(Field::Permission)),
            ActKind::TakePermission => Act::TakePermission(text(Field::Permission)),
            ActKind::SetRole => {
                Act::SetRole(Role::from_code(self.get(Field::Role)).ok_or(Error::NotFound)?)
            }
            ActKind::LinkIdentity => Act::LinkIdentity(text(Field::Provider), text(Field::Subject)),
            ActKind::UnlinkIdentity => {
                Act::UnlinkIdentity(text(Field::Provider), text(Field::Subject))
            }
            ActKind::ResetPassword => Act::ResetPassword {
                link: String::new(),
            },
            ActKind::MakeConfirmationLink => Act::MakeConfirmationLink {
                link: String::new(),
            },
            ActKind::Erase => Act::Erase,
            ActKind::Readmit => Act::Readmit(None),
            ActKind::Note => Act::Note,
        })
    }

    /// The same fields as an address, so that nothing is lost during a fresh sign-in.
    fn address(&self, user_id: UserId, kind: ActKind) -> String {
        let given = Field::VARIANTS.iter();
        let given = given.map(|field| (field.into_str(), self.get(*field)));
        let given = given.filter(|(_, value)| !value.is_empty());
        with_query(&format!("/admin/users/{user_id}/{}", kind.code()), given)
    }
}

/// The texts of an act.
pub struct Words {
    pub label: &'static str,
    /// The texts before and after the person's name.
    pub question: Around,
    pub steps: &'static [&'static str],
    is_destructive: bool,
}

impl Words {
    /// The class of the button that does it.
    pub const fn button(&self) -> &'static str {
        if self.is_destructive {
            "danger"
        } else {
            "primary"
        }
    }
}

pub fn words(page: &Page<'_>, act: &Act) -> Words {
    let t = page.t;
    let (label, question, steps) = match act {
        Act::Deactivate => (t.act_deactivate, t.ask_deactivate, t.steps_deactivate),
        Act::Activate => (t.act_activate, t.ask_activate, t.steps_activate),
        Act::SetRole(Role::Superuser) => (
            t.act_make_superuser,
            t.ask_make_superuser,
            t.steps_make_superuser,
        ),
        Act::SetRole(Role::Staff) => (t.act_make_staff, t.ask_make_staff, t.steps_make_staff),
        Act::SetRole(Role::Employee) => (t.act_take_role, t.ask_take_role, t.steps_take_role),
        Act::EndSessions => (t.act_end_sessions, t.ask_end_sessions, t.steps_end_sessions),
        Act::EndSession(_) => (t.act_end_session, t.ask_end_session, t.steps_end_session),
        Act::GrantPermission(_) => (t.act_grant, t.ask_grant, t.steps_grant),
        Act::TakePermission(_) => (t.act_take, t.ask_take, t.steps_take),
        Act::LinkIdentity(..) => (t.act_link, t.ask_link, t.steps_link),
        Act::UnlinkIdentity(..) => (t.act_unlink, t.ask_unlink, t.steps_unlink),
        Act::ResetPassword { .. } => (
            t.act_reset_password,
            t.ask_reset_password,
            t.steps_reset_password,
        ),
        Act::MakeConfirmationLink { .. } => (
            t.act_confirmation_link,
            t.ask_confirmation_link,
            t.steps_confirmation_link,
        ),
        Act::Erase => (t.act_erase, t.ask_erase, t.steps_erase),
        Act::Readmit(_) => (t.act_readmit, t.ask_readmit, t.steps_readmit),
        Act::Note => (t.act_note, t.ask_note, t.steps_note),
    };
    Words {
        label,
        question,
        steps,
        is_destructive: act.kind().is_destructive(),
    }
}

/// The notice after an act. The code in the cookie is the code of the act.
pub fn notice_of(page: &Page<'_>, code: &str) -> Option<&'static str> {
    let t = page.t;
    Some(match ActKind::from_code(code)? {
        ActKind::EndSessions => t.done_end_sessions,
        ActKind::EndSession => t.done_end_session,
        ActKind::Deactivate => t.done_deactivate,
        ActKind::Activate => t.done_activate,
        ActKind::GrantPermission => t.done_grant,
        ActKind::TakePermission => t.done_take,
        ActKind::SetRole => t.done_role,
        ActKind::LinkIdentity => t.done_link,
        ActKind::UnlinkIdentity => t.done_unlink,
        // The page of these acts shows the link instead.
        ActKind::ResetPassword | ActKind::MakeConfirmationLink => return None,
        ActKind::Erase => t.done_erase,
        ActKind::Readmit => t.done_readmit,
        ActKind::Note => t.done_note,
    })
}

/// The acts that can be done to many accounts: their codes and labels.
pub fn for_many(page: &Page<'_>) -> Vec<(&'static str, &'static str)> {
    let for_many = ActKind::ALL.iter().filter(|kind| kind.is_for_many());
    for_many
        .filter_map(|kind| {
            let act = ActForm::default().act(*kind).ok()?;
            Some((kind.code(), words(page, &act).label))
        })
        .collect()
}

/// A refusal in the words of the page that asked for the act.
pub fn refusal_in_words(page: &Page<'_>, refusal: &Refusal) -> String {
    let t = page.t;
    match refusal {
        Refusal::IdentityTaken(username) => return t.refused_identity_of.with(username),
        Refusal::UnknownUser => t.refused_unknown_user,
        Refusal::LastSuperuser => t.refused_last_superuser,
        Refusal::Yourself => t.refused_yourself,
        Refusal::StillActive => t.refused_still_active,
        Refusal::Erased => t.refused_erased,
        refusal => reason_in_words(t, refusal.reason()),
    }
    .to_owned()
}

/// An input that the confirmation page shows beside the reason.
struct Typed<'a> {
    name: &'static str,
    label: &'static str,
    hint: &'static str,
    value: &'a str,
    options: Vec<String>,
    longest: usize,
}

#[derive(Template)]
#[template(path = "admin/act.html")]
struct ActPage<'a> {
    page: &'a Page<'a>,
    person: Person,
    words: Words,
    object: Option<String>,
    /// `name` and value of fields that are sent along with the form.
    hidden: Vec<(&'static str, &'a str)>,
    typed: Option<Typed<'a>>,
    is_reason_needed: bool,
    reason_label: &'static str,
    reason: &'a str,
    action: String,
    problem: Option<String>,
    reference: Option<&'a Reference>,
}

/// The data that the page reads from the database.
struct Found {
    user: User,
    session: Option<Session>,
    names: Vec<String>,
}

fn find(
    conn: &mut Conn,
    (now, limits): (UnixTime, Limits),
    user_id: UserId,
    act: &Act,
) -> Result<Found> {
    let user = users::find(conn, user_id)?.ok_or(Error::NotFound)?;
    let session = match act {
        Act::EndSession(id) => Some(
            sessions::list_live(conn, now, limits, user_id, 1000)?
                .into_iter()
                .find(|session| session.id == *id)
                .ok_or(Error::NotFound)?,
        ),
        _ => None,
    };
    let names = match act {
        Act::GrantPermission(_) => permissions::known_names(conn, MAX_NAMES)?,
        _ => Vec::new(),
    };
    Ok(Found {
        user,
        session,
        names,
    })
}

/// Returns the act of an address with the details that the address or a form gives.
fn asked(
    portal: &Portal,
    code: &str,
    pairs: impl IntoIterator<Item = (String, String)>,
) -> Result<(Act, ActForm)> {
    let kind = ActKind::from_code(code).ok_or(Error::NotFound)?;
    let fields = ActForm::of(pairs)?.at_provider(portal, kind);
    Ok((fields.act(kind)?, fields))
}

pub async fn confirm(
    reader: Reader<Superuser>,
    portal: Data<Portal>,
    path: Path<(UserId, String)>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    let (user_id, code) = path.into_inner();
    let pairs = url::form_urlencoded::parse(request.query_string().as_bytes()).into_owned();
    let asked = asked(&portal, &code, pairs);
    let when = (portal.clock.now(), portal.limits);
    let (me, (act, fields), found) = reader
        .read_by(asked, move |conn, _, (act, _)| {
            find(conn, when, user_id, act)
        })
        .await?;
    refuse_useless(&portal, &act)?;
    if act.kind().needs_proof() {
        me.check_proof(&portal)?;
    }
    let page = Page::new(&portal, &me.visit, Some(&me.user))?;
    page.ok(&act_page(&page, &found, &act, &fields, None))
}

fn act_page<'a>(
    page: &'a Page<'a>,
    found: &Found,
    act: &Act,
    fields: &'a ActForm,
    problem: Option<(String, &'a Reference)>,
) -> ActPage<'a> {
    let t = page.t;
    let (problem, reference) = problem.unzip();
    ActPage {
        page,
        person: Person::of(&found.user),
        words: words(page, act),
        object: object(page, found, act),
        hidden: hidden(act.kind())
            .iter()
            .map(|field| (field.into_str(), fields.get(*field)))
            .collect(),
        typed: typed(page, found, act, fields),
        is_reason_needed: act.kind().needs_note(),
        reason_label: match act {
            Act::Note => t.note,
            Act::Readmit(_) => t.reason_needed,
            _ => t.reason_optional,
        },
        reason: fields.get(Field::Reason),
        action: format!("/admin/users/{}/{}", found.user.id, act.kind().code()),
        problem,
        reference,
    }
}

/// The fields that the form sends along.
const fn hidden(kind: ActKind) -> &'static [Field] {
    match kind {
        ActKind::SetRole => &[Field::Role],
        ActKind::EndSession => &[Field::Session],
        ActKind::TakePermission => &[Field::Permission],
        ActKind::LinkIdentity => &[Field::Provider],
        ActKind::UnlinkIdentity => &[Field::Provider, Field::Subject],
        _ => &[],
    }
}

/// The object of an act besides the person: a permission, a subject or a browser.
fn object(page: &Page<'_>, found: &Found, act: &Act) -> Option<String> {
    let is_single = page.portal.providers.is_single();
    match act {
        Act::EndSession(_) => found.session.as_ref().map(|session| {
            let device = Device::of(&session.user_agent, page.lang);
            format!("{} · {}", device.name, session.address)
        }),
        Act::TakePermission(permission) => Some(permission.clone()),
        Act::UnlinkIdentity(_, subject) if is_single => Some(subject.clone()),
        Act::UnlinkIdentity(provider, subject) => {
            let provider = page.provider_name(provider);
            Some(format!("{provider}{}{subject}", page.t.colon))
        }
        Act::LinkIdentity(provider, _) if !is_single => Some(page.provider_name(provider)),
        _ => None,
    }
}

/// The input that an act needs besides the reason.
fn typed<'a>(page: &Page<'_>, found: &Found, act: &Act, fields: &'a ActForm) -> Option<Typed<'a>> {
    let t = page.t;
    let typed = |field: Field, label, hint, longest| Typed {
        name: field.into_str(),
        label,
        hint,
        value: fields.get(field),
        options: found.names.clone(),
        longest,
    };
    match act {
        Act::GrantPermission(_) => {
            let longest = permissions::MAX_NAME;
            Some(typed(
                Field::Permission,
                t.permission,
                t.permission_hint,
                longest,
            ))
        }
        Act::LinkIdentity(..) => {
            let longest = users::MAX_SUBJECT;
            Some(typed(
                Field::Subject,
                t.directory_id,
                t.subject_hint,
                longest,
            ))
        }
        _ => None,
    }
}

pub async fn perform(
    acting: Acting,
    portal: Data<Portal>,
    path: Path<(UserId, String)>,
    form: Form<Vec<(String, String)>>,
) -> Result<HttpResponse> {
    let Acting { me, admin } = acting;
    let (user_id, code) = path.into_inner();
    let (mut act, fields) = asked(&portal, &code, form.0)?;
    refuse_useless(&portal, &act)?;
    let draft = draft_of(&mut act)?;
    let reference = Reference::random();
    let said = Said {
        note: fields.note.clone(),
        reference: Some(reference.clone()),
    };
    let done = admin::act(&portal, &admin, user_id, act.clone(), said).await;
    let refusal = match done {
        Err(Stopped::Failed(Error::ProofNeeded)) => {
            let back = fields.address(user_id, act.kind());
            return Ok(sign_in_anew_or(&back, &format!("/admin/users/{user_id}")));
        }
        Err(Stopped::Failed(error)) => return Err(error),
        Err(Stopped::Refused(Refusal::UnknownUser)) => return Err(Error::NotFound),
        Err(Stopped::Refused(refusal)) => refusal,
        Ok(_) => {
            if let Some(draft) = draft {
                return show_link(&portal, &me, user_id, draft).await;
            }
            let account = format!("/admin/users/{user_id}");
            return see_other_with(act.kind().code(), &account, &portal);
        }
    };
    let page = Page::new(&portal, &me.visit, Some(&me.user))?;
    let when = (portal.clock.now(), portal.limits);
    let shown = match act {
        Act::EndSession(_) => Act::EndSessions,
        _ => act.clone(),
    };
    // A session that can no longer be ended has no name to show.
    let found = portal
        .db
        .read(move |conn| find(conn, when, user_id, &shown))
        .await?;
    let problem = (refusal_in_words(&page, &refusal), &reference);
    let shown = act_page(&page, &found, &act, &fields, Some(problem));
    page.refuse(&reference, None, &shown)
}

/// Makes the link of an act that makes one.
fn draft_of(act: &mut Act) -> Result<Option<Draft>> {
    let (link, is_for) = match act {
        Act::ResetPassword { link } => (link, LinkFor::Password),
        Act::MakeConfirmationLink { link } => (link, LinkFor::Confirmation),
        _ => return Ok(None),
    };
    let draft = Draft::new(is_for)?;
    link.clone_from(&draft.id);
    Ok(Some(draft))
}

/// Refuses a link where local passwords are switched off: it would void the old password without
/// giving a new one.
fn refuse_useless(portal: &Portal, act: &Act) -> Result<()> {
    let is_useless = portal.password_login == PasswordLogin::Off;
    match act {
        Act::ResetPassword { .. } if is_useless => Err(Error::NotFound),
        Act::LinkIdentity(provider, _) if portal.providers.find(provider).is_none() => {
            Err(Error::NotFound)
        }
        _ => Ok(()),
    }
}

#[derive(Template)]
#[template(path = "admin/password_link.html")]
struct PasswordLinkPage<'a> {
    page: &'a Page<'a>,
    person: Person,
    heading: &'static str,
    lead: AroundTwo,
    once: &'static str,
    link: Secret<String>,
    hours: u64,
}

/// Shows the link. No other page ever does.
pub async fn show_link(
    portal: &Portal,
    me: &SignedIn,
    user_id: UserId,
    draft: Draft,
) -> Result<HttpResponse> {
    let is_for = draft.is_for;
    let origin = &portal.public_url.origin;
    let link = draft.address(&portal.keys, portal.clock.now(), user_id, origin)?;
    let user = portal
        .db
        .read(move |conn| users::find(conn, user_id))
        .await?
        .ok_or(Error::NotFound)?;
    let page = Page::new(portal, &me.visit, Some(&me.user))?;
    let t = page.t;
    let (heading, lead, once) = match is_for {
        LinkFor::Confirmation => (
            t.confirmation_link_heading,
            t.confirmation_link_lead,
            t.confirmation_link_once,
        ),
        // Only the command line makes rescue links.
        LinkFor::Password | LinkFor::Rescue => (
            t.password_link_heading,
            t.password_link_lead,
            t.password_link_once,
        ),
    };
    page.ok(&PasswordLinkPage {
        page: &page,
        person: Person::of(&user),
        heading,
        lead,
        once,
        link,
        hours: is_for.lifetime().as_secs() / 3600,
    })
}
