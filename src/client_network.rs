//! The part of a client's address by which its requests are counted.

use std::net::IpAddr;

/// Returns an IPv4 address as it is, and the /64 of an IPv6 address: a person who has one address
/// in a /64 has them all.
pub fn network(address: &str) -> String {
    let address = address.parse::<IpAddr>();
    match address.map(|address| address.to_canonical()) {
        Ok(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        Ok(IpAddr::V4(address)) => address.to_string(),
        Err(_) => String::new(),
    }
}
