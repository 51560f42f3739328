//! The end of `init`: what to register, what to put in front of the portal, and how to run it.

use std::path::Path;

use url::Url;

use crate::config::ENV_FILE as FILE;
use crate::config::{DatabaseUrl, ProvesBy, Settings};

/// Prints the remaining steps outside this program. `superuser` is the username of the new one.
pub fn print(settings: &Settings, superuser: Option<&str>) {
    say!("\nWhat to do next:");
    print_registration(settings);
    print_front(settings);
    print_running(settings);
    print_first_admin(settings, superuser);
}

fn print_registration(settings: &Settings) {
    say!("\n1. Register the client at the provider exactly like this:\n");
    for provider in &settings.providers {
        say!("       redirect URL:  {}", provider.redirect_url);
    }
    if settings.providers.iter().any(|one| one.issuer.is_some()) {
        let origin = &settings.public_url.origin;
        say!("       post-logout:   {origin}/signed-out");
        for provider in &settings.providers {
            let id = &provider.id;
            say!("       back-channel:  {origin}/oidc/backchannel-logout/{id}");
        }
    }
    say!("       grant type:    authorization code");
    say!("       client type:   confidential");
}

fn print_front(settings: &Settings) {
    let origin = &settings.public_url.origin;
    let listen = settings.listen;
    if !settings.public_url.is_https {
        say!("\n2. Frontdesk listens on {listen} (FRONTDESK_LISTEN), and browsers use");
        say!("   {origin}: without https, passwords and cookies are sent unencrypted.");
        say!("   For anything but this machine, put an https proxy in front.");
        return;
    }
    // It contains the port if that is not 443.
    let site = settings.public_url.host();
    let url = Url::parse(origin).ok();
    let host = url.as_ref().and_then(Url::host_str).unwrap_or(site);
    let port = url.as_ref().and_then(Url::port).unwrap_or(443);
    say!("\n2. Put an https proxy in front, on this machine. With Caddy:\n");
    say!("       {site} {{");
    say!("           reverse_proxy {listen}");
    say!("       }}");
    say!("\n   Or with nginx, using the paths of your certificate and its key:\n");
    say!("       server {{");
    say!("           listen {port} ssl;");
    say!("           server_name {host};");
    say!("           ssl_certificate     /etc/ssl/CERTIFICATE.pem;");
    say!("           ssl_certificate_key /etc/ssl/KEY.pem;");
    say!("           location / {{");
    say!("               proxy_pass http://{listen};");
    say!("               proxy_set_header Host $http_host;");
    say!("               proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;");
    say!("           }}");
    say!("       }}");
}

fn print_running(settings: &Settings) {
    say!("\n3. Run `frontdesk serve` in this directory. To run it as a service, unpack the");
    say!("   release archive in /usr/local, then as root, in this directory:\n");
    say!(
        "       useradd --system --home-dir /var/lib/frontdesk --shell /usr/sbin/nologin frontdesk"
    );
    say!("       install -d -m 750 -o root -g frontdesk /etc/frontdesk");
    say!("       install -d -m 700 -o frontdesk -g frontdesk /var/lib/frontdesk");
    say!("       install -m 640 -o root -g frontdesk {FILE} /etc/frontdesk/frontdesk.env");
    say!("       rm {FILE} && ln -s /etc/frontdesk/frontdesk.env /var/lib/frontdesk/{FILE}");
    if let DatabaseUrl::Sqlite(path) = &settings.database {
        print_database_move(path);
    }
    say!("       systemctl daemon-reload");
    say!("       systemctl enable --now frontdesk");
}

/// Says to move the database: the service may write only below one folder, and needs the new
/// records there.
fn print_database_move(path: &Path) {
    let name = path.to_string_lossy();
    let is_plain = name
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
    if is_plain {
        say!("       mv {name}* /var/lib/frontdesk/");
    } else {
        say!("       # Move {name} to /var/lib/frontdesk,");
        say!("       # and change DATABASE_URL in frontdesk.env accordingly.");
    }
    say!("       chown -R frontdesk: /var/lib/frontdesk");
}

fn print_first_admin(settings: &Settings, superuser: Option<&str>) {
    let origin = &settings.public_url.origin;
    say!("\n4. The first admin:");
    if let Some(username) = superuser {
        say!("   sign in as {username} with the local password at {origin}/login?local");
        say!("   or sign in once with the company account at {origin}/");
    } else {
        say!("   sign in once with the company account at {origin}/");
    }
    say!("   and then run, with the settings of `serve`:\n");
    say!("       frontdesk promote USERNAME --admin\n");
    let proves_nothing = settings.providers.iter().all(|one| {
        one.issuer.is_none() && !one.pushes_requests && one.proves_by == ProvesBy::AuthTime
    });
    if proves_nothing {
        say!(
            "   Actions that could do lasting harm require proof that it is really the admin, and"
        );
        say!("   this provider gives none. Set a confirmation password for each admin, which");
        say!("   cannot be used to sign in:\n");
        say!("       frontdesk changepassword USERNAME\n");
    }
}
