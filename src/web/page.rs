//! The data that every page has: language, colours, form token, viewer. Also the small parts that
//! templates draw with.

use std::fmt;
use std::net::IpAddr;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use askama::{FastWritable, Template};
use url::Url;

use super::assets::{ASSETS, Assets};
use super::cookie::PortalCookie;
use super::csrf::{self, FIELD};
use super::visit::{Sender, Theme, Visit};
use crate::access_requests::span;
use crate::apps::{App, Category};
use crate::audit::Actor;
use crate::clock::UnixTime;
use crate::error::{Error, Result};
use crate::i18n::messages::Messages;
use crate::i18n::{self, Lang, sentence};
use crate::id::{Reference, UserId};
use crate::oauth::Provider;
use crate::password_throttle::Paused;
use crate::portal::Portal;
use crate::sign_in_attempts::Browser;
use crate::users::{Role, User, search_index};

pub struct Page<'a> {
    pub portal: &'a Portal,
    pub t: &'static Messages,
    pub lang: Lang,
    theme: Theme,
    pub assets: &'static Assets,
    pub csrf_field: &'static str,
    pub csrf_token: String,
    /// The address to return to after a form that changes nothing on the page.
    pub here: &'a str,
    /// True if the page can be shown again in the other language.
    pub is_repeatable: bool,
    pub now: UnixTime,
    pub version: &'static str,
    pub viewer: Option<Person>,
    /// How many requests for access the viewer may decide now, on pages that have read it.
    pub to_decide: Option<i64>,
    /// The binding for a browser that has none yet, so that its forms can be recognised. If none
    /// may be given, the forms of this page are refused, and those of the next page work.
    fresh_browser: Option<Browser>,
}

impl<'a> Page<'a> {
    pub fn new(portal: &'a Portal, visit: &'a Visit, viewer: Option<&User>) -> Result<Self> {
        let mut fresh_browser = None;
        let holder = if let Some(holder) = csrf::holder(visit) {
            holder
        } else {
            let browser = Browser::new()?;
            let holder = csrf::browser_holder(&browser);
            fresh_browser = (visit.sender == Sender::Ours).then_some(browser);
            holder
        };
        Ok(Self {
            portal,
            t: visit.lang.messages(),
            lang: visit.lang,
            theme: visit.theme,
            assets: &ASSETS,
            version: env!("CARGO_PKG_VERSION"),
            csrf_field: FIELD,
            csrf_token: portal.keys.csrf_token(&holder),
            here: visit.here.as_str(),
            is_repeatable: !visit.is_callback,
            now: portal.clock.now(),
            viewer: viewer.map(Person::of),
            to_decide: None,
            fresh_browser,
        })
    }

    /// Renders the page, with the binding's cookie if there is a new one.
    pub fn respond(&self, status: StatusCode, template: &impl Template) -> Result<HttpResponse> {
        let html = template
            .render()
            .map_err(|error| Error::Internal(format!("template: {error}")))?;
        let mut response = HttpResponse::build(status)
            .content_type("text/html; charset=utf-8")
            .body(html);
        if let Some(browser) = &self.fresh_browser {
            PortalCookie::Browser.set(&mut response, self.portal, browser.value().to_owned())?;
        }
        Ok(response)
    }

    pub fn ok(&self, template: &impl Template) -> Result<HttpResponse> {
        self.respond(StatusCode::OK, template)
    }

    /// Renders a page that says why something was refused. Its reference is also in the log line of
    /// the request, and programs learn when to try again.
    pub fn refuse(
        &self,
        reference: &Reference,
        paused: Option<Paused>,
        template: &impl Template,
    ) -> Result<HttpResponse> {
        let status = match paused {
            Some(_) => StatusCode::TOO_MANY_REQUESTS,
            None => StatusCode::UNPROCESSABLE_ENTITY,
        };
        let mut response = self.respond(status, template)?;
        response.extensions_mut().insert(reference.clone());
        if let Some(paused) = paused {
            let seconds = paused.retry_after.as_secs() + 1;
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        Ok(response)
    }

    // -- for templates --

    pub fn icon(&self, name: &'static str) -> Icon {
        Icon {
            path: &self.assets.icons.path,
            name,
        }
    }

    /// The value of `data-theme`; the automatic theme has none.
    pub fn theme_choice(&self) -> Option<&'static str> {
        (self.theme != Theme::Auto).then(|| self.theme.code())
    }

    pub fn themes(&self) -> [(&'static str, &'static str, bool); 3] {
        [
            (Theme::Auto, self.t.theme_auto),
            (Theme::Light, self.t.theme_light),
            (Theme::Dark, self.t.theme_dark),
        ]
        .map(|(theme, label)| (theme.code(), label, theme == self.theme))
    }

    pub fn ago(&self, time: impl Moment) -> String {
        self.lang
            .ago(time.moment(), self.now, &self.portal.time_zone)
    }

    pub fn date_time(&self, time: impl Moment) -> String {
        i18n::date_time(time.moment(), &self.portal.time_zone)
    }

    pub fn date_time_seconds(&self, time: impl Moment) -> String {
        i18n::date_time_seconds(time.moment(), &self.portal.time_zone)
    }

    pub fn rfc3339(&self, time: impl Moment) -> String {
        i18n::rfc3339(time.moment(), &self.portal.time_zone)
    }

    pub fn zone(&self) -> &str {
        self.portal.time_zone.iana_name().unwrap_or("UTC")
    }

    /// The last moment at which a grant with this end counts, with the zone:
    /// `2026-03-12 23:59:59 (Asia/Shanghai, UTC+08:00)`.
    pub fn last_moment(&self, end: impl Moment) -> String {
        let last = span::last_moment(end.moment());
        let offset = i18n::utc_offset(last, &self.portal.time_zone);
        let zone = format!("{}, UTC{offset}", self.zone());
        let time = self.date_time_seconds(last);
        format!("{time}{}", self.t.in_brackets.with(zone))
    }

    /// An app's description in the reader's language.
    pub fn description_of<'b>(&self, app: &'b App) -> &'b str {
        app.description(self.lang)
    }

    /// How long a grant with this end lasts, in words.
    pub fn until(&self, end: Option<UnixTime>) -> String {
        end.map_or_else(
            || self.t.for_ever.to_owned(),
            |end| self.t.until_time.with(self.last_moment(end)),
        )
    }

    /// The tab of requests, for those who decide: `Requests (2)`. Pages that have not read their
    /// number show it to admins, without the number.
    pub fn requests_tab(&self) -> Option<String> {
        let is_admin = self
            .viewer
            .as_ref()
            .is_some_and(|viewer| viewer.role() == Role::Superuser);
        match self.to_decide {
            Some(0) => Some(self.t.requests.to_owned()),
            Some(count) => Some(self.t.requests_counted.with(count)),
            None => is_admin.then(|| self.t.requests.to_owned()),
        }
    }

    pub fn company(&self) -> Option<&str> {
        self.portal.branding.company.of(self.lang)
    }

    /// The name beside the bell: `Qinghe Frontdesk`.
    pub fn site_name(&self) -> String {
        let company = self.company();
        company.map_or_else(
            || "Frontdesk".to_owned(),
            |company| format!("{company} Frontdesk"),
        )
    }

    pub fn site_notice(&self) -> Option<&str> {
        self.portal.branding.notice.of(self.lang)
    }

    /// The person or program that did something, in words; empty for those without a name.
    pub fn actor<'b>(&self, actor: &Actor<'b>) -> &'b str
    where
        'a: 'b,
    {
        match *actor {
            Actor::CommandLine => self.t.command_line,
            Actor::Person { username, .. } => username,
            Actor::Named(name) => name,
            Actor::Provider | Actor::Portal | Actor::Unknown => "",
        }
    }

    /// The location of an address, in brackets: on this machine, or in a private network. Empty for
    /// any other.
    pub fn place(&self, address: &str) -> String {
        let place = match address
            .parse::<IpAddr>()
            .map(|address| address.to_canonical())
        {
            Ok(address) if address.is_loopback() => self.t.place_this_machine,
            Ok(IpAddr::V4(address)) if address.is_private() || address.is_link_local() => {
                self.t.place_internal
            }
            Ok(IpAddr::V6(address))
                if address.is_unique_local() || address.is_unicast_link_local() =>
            {
                self.t.place_internal
            }
            _ => return String::new(),
        };
        self.t.in_brackets.with(place)
    }

    /// Says for how long the password form is paused.
    pub fn paused_lead(&self, paused: Paused) -> String {
        let minutes = paused.retry_after.as_secs().div_ceil(60).max(1);
        self.t.paused_lead.with(minutes)
    }

    /// An app's name in the reader's language.
    pub fn app_name<'b>(&self, app: &'b App) -> &'b str {
        app.name(self.lang)
    }

    pub fn category_name<'b>(&self, category: &'b Category) -> &'b str {
        category.name(self.lang)
    }

    /// The space between a part of a sentence and a name that is marked up, if it needs one.
    #[expect(clippy::unused_self, reason = "templates reach it through the page")]
    pub fn gap(&self, left: &str, right: &str) -> &'static str {
        sentence::gap(left, right)
    }

    /// "Sign in to Qinghe"
    pub fn sign_in_heading(&self) -> String {
        match self.company() {
            Some(company) => self.t.sign_in_to.with(company),
            None => self.t.sign_in.to_owned(),
        }
    }

    /// The words on a provider's button.
    pub fn continue_with(&self, provider: &Provider) -> String {
        match self.label(provider) {
            Some(name) => self.t.continue_with.with(name),
            None => self.t.continue_with_company.to_owned(),
        }
    }

    fn label<'b>(&self, provider: &'b Provider) -> Option<&'b str> {
        provider.settings().label.as_ref()?.of(self.lang)
    }

    pub fn label_of(&self, provider: &Provider) -> String {
        self.label(provider)
            .unwrap_or(self.t.company_account)
            .to_owned()
    }

    /// A provider's name, by its id; the id itself if the provider is no longer configured.
    pub fn provider_name(&self, id: &str) -> String {
        let provider = self.portal.providers.find(id);
        provider.map_or_else(|| id.to_owned(), |provider| self.label_of(provider))
    }

    /// Returns whether permissions from this origin count.
    pub fn counts(&self, origin: &str) -> bool {
        self.portal.roles.counting.has(origin)
    }

    pub fn host_of(provider: &Provider) -> String {
        let url = match provider.known() {
            Some(known) => Some(known.authorize.clone()),
            None => provider
                .settings()
                .issuer
                .as_deref()
                .and_then(|issuer| issuer.parse().ok()),
        };
        url.as_ref()
            .and_then(Url::host_str)
            .unwrap_or_default()
            .to_owned()
    }

    pub fn provider_host(&self, id: &str) -> String {
        let provider = self.portal.providers.find(id);
        provider.map_or_else(String::new, |provider| Self::host_of(provider))
    }

    /// The address where people sign out of a provider, if it is set.
    pub fn logout_url(&self, id: &str) -> Option<&'a str> {
        let provider = self.portal.providers.find(id)?;
        let url = provider.settings().addresses.logout.as_ref()?;
        Some(url.as_str())
    }

    /// The roles that can be set by hand: their codes in addresses, and their descriptions.
    pub fn role_acts(&self) -> [(&'static str, Role, &'static str); 3] {
        [
            (Role::Superuser, self.t.act_make_superuser),
            (Role::Staff, self.t.act_make_staff),
            (Role::Employee, self.t.act_take_role),
        ]
        .map(|(role, label)| (role.code(), role, label))
    }

    pub fn role_name(&self, role: Role) -> &'static str {
        match role {
            Role::Employee => self.t.role_employee,
            Role::Staff => self.t.role_staff,
            Role::Superuser => self.t.role_superuser,
        }
    }
}

/// The message above a form whose password was refused.
pub struct Problem {
    pub heading: &'static str,
    pub lead: String,
}

/// A time, through any number of references that a template adds.
pub trait Moment {
    fn moment(&self) -> UnixTime;
}

impl Moment for UnixTime {
    fn moment(&self) -> UnixTime {
        *self
    }
}

impl<T: Moment> Moment for &T {
    fn moment(&self) -> UnixTime {
        (*self).moment()
    }
}

/// A person, as a page shows them.
pub struct Person {
    pub id: UserId,
    pub name: String,
    pub username: String,
    pub email: String,
    role: Role,
    pub initials: String,
    /// One of `t1` to `t6`.
    pub tint: &'static str,
}

impl Person {
    pub fn of(user: &User) -> Self {
        let name = user.display_name();
        Self {
            id: user.id,
            name: name.to_owned(),
            username: user.username.clone(),
            email: user.email.clone(),
            role: user.role(),
            initials: initials(name),
            tint: tint(&user.username),
        }
    }

    pub const fn role(&self) -> Role {
        self.role
    }

    pub fn may_look(&self) -> bool {
        self.role >= Role::Staff
    }

    /// The email address in two parts, so that a line may break before the `@`.
    pub fn email_parts(&self) -> (&str, &str) {
        self.email
            .rfind('@')
            .and_then(|at| self.email.split_at_checked(at))
            .unwrap_or((&self.email, ""))
    }

    /// The language of the name, if it is obvious.
    pub fn name_lang(&self) -> Option<&'static str> {
        is_han(&self.name).then_some("zh-Hans")
    }
}

fn is_han(text: &str) -> bool {
    text.chars().any(search_index::is_han)
}

/// The first character of a Chinese name, or the first letters of two words of any other.
fn initials(name: &str) -> String {
    if is_han(name) {
        return name.trim_start().chars().take(1).collect();
    }
    name.split([' ', '.', '-', '_'])
        .filter_map(|word| word.chars().find(|c| c.is_alphanumeric()))
        .take(2)
        .flat_map(char::to_uppercase)
        .collect()
}

fn tint(username: &str) -> &'static str {
    const TINTS: [&str; 6] = ["t1", "t2", "t3", "t4", "t5", "t6"];
    let sum = username.bytes().fold(0_usize, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(usize::from(byte))
    });
    TINTS.get(sum % TINTS.len()).copied().unwrap_or("t1")
}

/// An icon of the sprite. Both texts are ours, so they need no escaping.
pub struct Icon {
    path: &'static str,
    name: &'static str,
}

impl fmt::Display for Icon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            r#"<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}"/></svg>"#,
            self.path, self.name
        )
    }
}

impl askama::filters::HtmlSafe for Icon {}

impl FastWritable for Icon {
    fn write_into(&self, dest: &mut dyn fmt::Write, _: &dyn askama::Values) -> askama::Result<()> {
        Ok(write!(dest, "{self}")?)
    }
}
