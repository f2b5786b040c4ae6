//! Who asks: what a request shows of itself, and whether it was meant for this machine.

use std::net::IpAddr;

use crate::wire::http::Head;

/// Whether the request was meant for us: a name of the outside that was made to point here was not. `ip` is
/// where we listen.
#[must_use]
pub fn is_meant(head: &Head, ip: IpAddr) -> bool {
    let Some(host) = head.header("host") else { return true };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches([']', '.']).to_ascii_lowercase();
    let own = name.parse::<IpAddr>().is_ok_and(|asked| asked.is_loopback() || asked == ip);
    own || name == "localhost" || name.ends_with(".localhost")
}

/// What follows a scheme in `Authorization`: `bearer`, `basic`.
#[must_use]
pub fn credentials<'a>(head: &'a Head, scheme: &str) -> Option<&'a str> {
    let (given, shown) = head.header("authorization")?.split_once(' ')?;
    given.eq_ignore_ascii_case(scheme).then_some(shown.trim())
}

/// Whether two texts are the same, in a time that does not tell where they differ.
#[must_use]
pub fn is_same(shown: &str, token: &str) -> bool {
    let differ = shown.bytes().zip(token.bytes()).fold(0, |differ, (a, b)| differ | (a ^ b));
    shown.len() == token.len() && std::hint::black_box(differ) == 0
}
