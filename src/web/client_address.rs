//! The client's address: the peer's, unless a trusted proxy names another one.

use std::net::{IpAddr, SocketAddr};

use actix_web::HttpRequest;
use ipnet::IpNet;

/// The client behind a request, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whose {
    pub address: IpAddr,
    /// True if the request came from a trusted proxy that names no client.
    pub is_proxy: bool,
}

/// Returns the right-most address of `X-Forwarded-For` that is not a trusted proxy, or the peer's
/// address if an entry on the way there cannot be parsed.
pub fn client_address(request: &HttpRequest, trusted: &[IpNet]) -> Option<Whose> {
    let peer = request.peer_addr()?.ip().to_canonical();
    let headers = request
        .headers()
        .get_all("x-forwarded-for")
        .map(|value| value.to_str().unwrap_or_default());
    Some(walk(peer, trusted, &headers.collect::<Vec<_>>()))
}

fn walk(peer: IpAddr, trusted: &[IpNet], headers: &[&str]) -> Whose {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|network| network.contains(address));
    // People may sit in the network of their proxies: only an address that is listed as a single
    // host is certainly a proxy.
    let is_proxy = |address: &IpAddr| {
        let is_host = |network: &IpNet| network.prefix_len() == network.max_prefix_len();
        let mut named = trusted.iter().filter(|network| network.contains(address));
        is_trusted(address) && (*address == peer || named.any(is_host))
    };
    let nobody = Whose {
        address: peer,
        is_proxy: is_trusted(&peer),
    };
    let mut whose = nobody;
    for hop in headers.iter().rev().flat_map(|header| header.rsplit(',')) {
        if !is_trusted(&whose.address) {
            break;
        }
        let Some(address) = parse(hop) else {
            return nobody;
        };
        whose = Whose {
            address,
            is_proxy: is_proxy(&address),
        };
    }
    whose
}

/// Parses `10.0.0.1`, `10.0.0.1:4711`, `2001:db8::1` or `[2001:db8::1]:4711`.
fn parse(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    let with_port = || hop.parse::<SocketAddr>().map(|socket| socket.ip());
    let address = hop.trim_matches(['[', ']']).parse::<IpAddr>();
    let address = address.or_else(|_| with_port()).ok()?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(list: &[&str]) -> Vec<IpNet> {
        let parsed = list.iter().map(|network| network.parse());
        parsed.collect::<Result<_, _>>().expect("networks")
    }

    #[test]
    fn whoever_sits_among_the_proxies_is_somebody_and_a_proxy_is_nobody() {
        let trusted = networks(&["10.0.0.0/8", "192.168.0.1/32"]);
        let peer: IpAddr = "10.0.0.1".parse().expect("an address");
        for (headers, is_proxy) in [
            (vec!["10.7.7.7"], false),
            (vec!["192.168.0.1"], true),
            (vec!["198.51.100.1, 192.168.0.1"], false),
            (vec!["10.0.0.1"], true),
            (vec![], true),
        ] {
            let found = walk(peer, &trusted, &headers);
            assert_eq!(found.is_proxy, is_proxy, "{headers:?}");
        }
    }

    #[test]
    fn the_client_is_the_rightmost_address_that_is_no_proxy_of_ours() {
        let trusted = networks(&["10.0.0.0/8", "127.0.0.1/32", "fd00::/8"]);
        let hundred = vec!["10.0.0.1"; 100].join(",");
        for (peer, headers, client) in [
            ("203.0.113.9", vec!["198.51.100.1"], "203.0.113.9"),
            ("10.0.0.1", vec![], "10.0.0.1"),
            ("10.0.0.1", vec!["198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", vec!["1.2.3.4, 198.51.100.1"], "198.51.100.1"),
            (
                "10.0.0.1",
                vec!["1.2.3.4, 198.51.100.1, 10.9.9.9"],
                "198.51.100.1",
            ),
            ("10.0.0.1", vec!["1.2.3.4", "198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", vec!["198.51.100.1:4711"], "198.51.100.1"),
            ("fd00::1", vec!["[2001:db8::1]:4711"], "2001:db8::1"),
            ("10.0.0.1", vec!["2001:db8::1"], "2001:db8::1"),
            ("::ffff:10.0.0.1", vec!["198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", vec!["::ffff:10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", vec!["garbage"], "10.0.0.1"),
            ("10.0.0.1", vec![""], "10.0.0.1"),
            ("10.0.0.1", vec!["198.51.100.1, garbage"], "10.0.0.1"),
            ("10.0.0.1", vec!["fe80::1%eth0"], "10.0.0.1"),
            ("10.0.0.1", vec![hundred.as_str()], "10.0.0.1"),
        ] {
            let peer: IpAddr = peer.parse().expect("an address");
            let found = walk(peer.to_canonical(), &trusted, &headers);
            assert_eq!(found.address.to_string(), client, "{peer} {headers:?}");
            let is_proxy = client == "10.0.0.1";
            assert_eq!(found.is_proxy, is_proxy, "{peer} {headers:?}");
        }
    }
}
