//! Where a hook goes now, and whether it may. The files are read at each try, so that a new address
//! or a new secret needs no restart.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use url::{Host, Url};

use super::verdict::{Trouble, TroubleKind};
use crate::config::{BadAddress, WebhookAddress, WebhookSettings, is_loopback, webhook_url};
use crate::secret::Secret;

/// The most secrets of one hook: the old one and the new one.
const MAX_SECRETS: usize = 2;
/// The largest file that is read, in bytes.
const MAX_FILE: u64 = 64 * 1024;

/// An address that may be called, and the secrets that sign for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    pub(super) url: Secret<Url>,
    pub(super) secrets: Vec<Secret<String>>,
}

impl Destination {
    /// Reads a hook's files, and checks the address as far as it can be checked before it is
    /// called. This may wait for a disk.
    pub fn read(settings: &WebhookSettings) -> Result<Self, Trouble> {
        let url = match &settings.address {
            WebhookAddress::Url(url) => url.clone(),
            WebhookAddress::File(path) => {
                let text = read_file(path).ok_or(TroubleKind::UrlFile.alone())?;
                let line = text
                    .expose()
                    .lines()
                    .map(str::trim)
                    .find(|line| !line.is_empty());
                webhook_url(line.unwrap_or_default()).map_err(|bad| match bad {
                    BadAddress::NoUrl => TroubleKind::BadUrl.alone(),
                    BadAddress::NotHttps => TroubleKind::NotHttps.alone(),
                })?
            }
        };
        check_literal(url.expose(), settings)?;
        let secrets = match &settings.secret_file {
            None => Vec::new(),
            Some(path) => read_secrets(path).ok_or(TroubleKind::SecretFile.alone())?,
        };
        Ok(Self { url, secrets })
    }

    /// Returns the address as text, to make its mark.
    pub fn expose_address(&self) -> &str {
        self.url.expose().as_str()
    }

    /// The scheme, host and port, without the path that is a robot's secret.
    pub fn origin(&self) -> String {
        self.url.expose().origin().ascii_serialization()
    }

    /// Returns whether a signing key is shorter than Standard Webhooks recommends (24 bytes).
    pub fn has_short_secret(&self) -> bool {
        self.secrets.iter().any(|secret| secret.expose().len() < 24)
    }
}

fn read_file(path: &str) -> Option<Secret<String>> {
    let metadata = std::fs::metadata(Path::new(path)).ok()?;
    if metadata.len() > MAX_FILE {
        return None;
    }
    std::fs::read_to_string(path).ok().map(Secret::new)
}

fn read_secrets(path: &str) -> Option<Vec<Secret<String>>> {
    let text = read_file(path)?;
    let lines = text.expose().lines().map(str::trim);
    let secrets: Vec<_> = lines
        .filter(|line| !line.is_empty())
        .take(MAX_SECRETS)
        .map(|line| Secret::new(line.to_owned()))
        .collect();
    (!secrets.is_empty()).then_some(secrets)
}

/// Checks an address that has no name to look up.
fn check_literal(url: &Url, settings: &WebhookSettings) -> Result<(), Trouble> {
    let address = match url.host() {
        Some(Host::Ipv4(address)) => IpAddr::V4(address),
        Some(Host::Ipv6(address)) => IpAddr::V6(address),
        Some(Host::Domain(_)) | None => return Ok(()),
    };
    let is_fine = settings.allow_private || is_loopback(url) || !is_private(address);
    is_fine
        .then_some(())
        .ok_or(TroubleKind::PrivateAddress.alone())
}

/// Returns whether an address is not on the public internet: a hook must not reach what only this
/// machine or this network can reach, unless its settings say so.
pub fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_private_v4(address),
        IpAddr::V6(address) => is_private_v6(address),
    }
}

const fn is_private_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || a == 0
        || a >= 240
        // shared address space (RFC 6598), protocol assignments, benchmarks
        || (a == 100 && b & 0b1100_0000 == 64)
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && b & 0b1111_1110 == 18)
}

fn is_private_v6(address: Ipv6Addr) -> bool {
    if let Some(inner) = address.to_ipv4_mapped() {
        return is_private_v4(inner);
    }
    let [first, second, third, _, _, _, high, low] = address.segments();
    let inner = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        is_private_v4(Ipv4Addr::new(a, b, c, d))
    };
    match first {
        // NAT64 (RFC 6052) and 6to4 (RFC 3056) carry an IPv4 address.
        0x64 if second == 0xff9b && third == 0 => inner(high, low),
        0x2002 => inner(second, third),
        // Only 2000::/3 is given to the public; 2001:db8::/32 is for documents, 2001::/32 a tunnel.
        0x2001 => matches!(second, 0 | 0xdb8),
        0x2000..=0x3fff => false,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_not_private() {
        for (address, private) in [
            ("8.8.8.8", false),
            ("127.0.0.1", true),
            ("10.1.2.3", true),
            ("172.16.0.1", true),
            ("172.32.0.1", false),
            ("192.168.1.1", true),
            ("169.254.169.254", true),
            ("100.64.0.1", true),
            ("100.128.0.1", false),
            ("0.0.0.0", true),
            ("224.0.0.1", true),
            ("255.255.255.255", true),
            ("198.18.0.1", true),
            ("::1", true),
            ("::", true),
            ("fd00::1", true),
            ("fe80::1", true),
            ("ff02::1", true),
            ("::ffff:10.0.0.1", true),
            ("::ffff:8.8.8.8", false),
            ("::10.0.0.1", true),
            ("64:ff9b::a00:1", true),
            ("64:ff9b::808:808", false),
            ("2002:a00:1::", true),
            ("2001:db8::1", true),
            ("2606:4700::1111", false),
        ] {
            let parsed: IpAddr = address.parse().expect("an address");
            assert_eq!(is_private(parsed), private, "{address}");
        }
    }
}
