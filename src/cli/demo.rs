//! `frontdesk demo`: the portal and a stand-in for a company's provider in one process, only on
//! loopback. Reads no settings, no environment and no `.env`.

use std::collections::HashMap;
use std::net::{Ipv4Addr, TcpListener};

use super::Failure;
use crate::clock::Clock;
use crate::config::Settings;
use crate::db::Db;
use crate::error::Error;
use crate::sandbox::life::{self, Rules};
use crate::secret::{Secret, random_token};
use crate::sessions::Limits;
use crate::{Server, logging, sandbox};

const PORTAL_PORT: u16 = 8000;
const PLATFORM_PORT: u16 = 8001;

pub fn run() -> Result<(), Failure> {
    let portal = format!("http://127.0.0.1:{PORTAL_PORT}");
    let platform = format!("http://127.0.0.1:{PLATFORM_PORT}");
    let redirect_url = format!("{portal}/oauth2_callback/");
    let client_secret = random_token().map_err(Error::from)?;
    let settings = settings(&platform, &redirect_url, &client_secret)?;
    let portal_socket = listen(PORTAL_PORT)?;
    let platform_socket = listen(PLATFORM_PORT)?;
    // Before the log: the events of a month would fill it.
    live_a_month(&settings)?;
    logging::start(&settings.log());

    actix_web::rt::System::new().block_on(async {
        let stand_in = sandbox::start(
            platform_socket,
            Secret::new(client_secret),
            redirect_url,
            format!("{portal}/"),
        )?;
        let stand_in_handle = stand_in.handle();
        actix_web::rt::spawn(stand_in);
        let server = Server::on(portal_socket, settings, Clock::default())?;
        greet(&portal, &platform);
        let result = server.run().await;
        stand_in_handle.stop(false).await;
        Ok(result?)
    })
}

/// Fills a new database with the month before.
fn live_a_month(settings: &Settings) -> Result<(), Failure> {
    let db = Db::open(&settings.database)?;
    db.migrate()?;
    let rules = Rules {
        limits: Limits {
            idle: settings.session_idle,
            max: settings.session_max,
            per_person: settings.sessions_per_person,
        },
        roles: &settings.roles().into(),
        time_zone: &settings.time_zone,
    };
    Ok(life::begin(&db, Clock::default().now(), &rules)?)
}

fn settings(platform: &str, redirect_url: &str, client_secret: &str) -> Result<Settings, Failure> {
    let secret_key = random_token().map_err(Error::from)?;
    let authorize_url = format!("{platform}/o/authorize/");
    let permissions_url = format!("{platform}/public-api/current_user/all_permissions");
    let logout_url = format!("{platform}/o/logout/");
    let variables: HashMap<String, String> = [
        ("OAUTH2_CLIENT_ID", sandbox::CLIENT_ID),
        ("OAUTH2_CLIENT_SECRET", client_secret),
        ("OAUTH2_REDIRECT_URL", redirect_url),
        ("OAUTH2_AUTHORIZE_URL", &authorize_url),
        ("INTERNAL_URL_PREFIX", platform),
        ("OAUTH2_USER_ALL_PERMISSIONS_URL", &permissions_url),
        ("OAUTH2_LOGOUT_URL", &logout_url),
        // The stand-in signs nothing, but it must be possible to try everything.
        ("OAUTH2_PROVES_BY", "prompt"),
        ("DATABASE_URL", "frontdesk-demo.sqlite3"),
        ("SECRET_KEY", &secret_key),
        // The company's people work in China, and their hours should look like it.
        ("FRONTDESK_TIME_ZONE", "Asia/Shanghai"),
        ("FRONTDESK_STAFF_PERMISSION", "frontdesk.staff"),
        ("FRONTDESK_SUPERUSER_PERMISSION", "frontdesk.admin"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    Ok(Settings::parse(&variables)?)
}

fn listen(port: u16) -> Result<TcpListener, Failure> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|error| {
        format!("the demo needs port {port} of 127.0.0.1: {error}. Is another demo running?").into()
    })
}

fn greet(portal: &str, platform: &str) {
    say!("\nFrontdesk's demo is ready. Open\n\n    {portal}/\n");
    say!("and click \"Continue with your company account\". A demo provider ({platform}/)");
    say!("stands in for your company's, and you choose a test user there, for example:\n");
    for (name, username, note) in sandbox::introductions() {
        say!("    {username:<14} {note} ({name})");
    }
    say!("\nThe company has ten apps, on the start page, and 200 people with a month behind them:");
    say!("/admin/users and /admin/apps, as linxiaoyu. A request for access waits for zhouwenbo,");
    say!("at /requests; amelia.hart can ask for more.");
    say!("\nAll of it is kept in frontdesk-demo.sqlite3. Remove this file to begin anew.");
    say!("Stop with Ctrl-C.\n");
}
