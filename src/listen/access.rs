//! Who may send heartbeats: whoever is on this machine and is no browser, or whoever knows the token.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::http::Refused;
use crate::http::access::{credentials, is_meant, is_same};
use crate::wire::http::Head;
use crate::wire::intake::Ping;

/// What is asked of a request before its body is read.
#[derive(Debug)]
pub struct Access {
    /// The token, if one is needed.
    pub token: Option<String>,
    /// Names that clients use, and whose they are.
    pub names: BTreeMap<String, String>,
    /// Where it listens.
    pub ip: IpAddr,
}

/// A key of this length is as hard to guess as a token: a UUID has 122 random bits in 36 characters.
const UUID_LENGTH: usize = 36;

impl Access {
    /// Whether the request may be heard. `ping`: what its path is, if it is a ping.
    ///
    /// # Errors
    /// Why not, and what would do.
    pub fn admit(&self, head: &Head, ping: Option<&Ping>) -> Result<(), Refused> {
        // A page in a browser can send requests to this machine; it cannot leave these headers out.
        let fetched = head.header("sec-fetch-site").is_some_and(|site| site != "none");
        if fetched || head.header("origin").is_some() {
            let words = "a page in a browser asks, and no page may send heartbeats";
            return Err((403, words.to_owned()));
        }
        let Some(token) = &self.token else {
            let words =
                "a Host that is not this machine's; ask for localhost, or listen with --token";
            return if is_meant(head, self.ip) { Ok(()) } else { Err((403, words.to_owned())) };
        };
        let bearer = credentials(head, "bearer");
        let shown = [head.header("x-api-key"), bearer, ping.and_then(|ping| ping.pass.as_deref())];
        let by_uuid = ping.is_some_and(|ping| {
            ping.key.len() == UUID_LENGTH && self.names.contains_key(&ping.key)
        });
        if by_uuid || shown.into_iter().flatten().any(|shown| is_same(shown, token)) {
            return Ok(());
        }
        let words = "needs the token of --token: as X-API-Key, as Authorization: Bearer, \
                     or as the ping key before the slug";
        Err((401, words.to_owned()))
    }

    /// The agent that a client means.
    #[must_use]
    pub fn agent<'a>(&'a self, key: &'a str) -> &'a str {
        self.names.get(key).map_or(key, String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::intake::Route;

    const UUID: &str = "5bf66975-d4c7-4bf5-bcc8-b8d8a82ea278";

    fn access(token: Option<&str>) -> Access {
        let names = [(UUID, "t"), ("short", "t")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        Access {
            token: token.map(str::to_owned),
            names: names.into(),
            ip: IpAddr::from([127, 0, 0, 1]),
        }
    }

    fn code(access: &Access, path: &str, headers: &str) -> u16 {
        let text = format!("GET {path} HTTP/1.1\r\n{headers}\r\n\r\n");
        let (head, _) = Head::parse(text.as_bytes()).unwrap().unwrap();
        let ping = match Route::of(path) {
            Route::Ping(ping) => Some(ping),
            _ => None,
        };
        access.admit(&head, ping.as_ref()).err().map_or(200, |(code, _)| code)
    }

    #[test]
    fn without_a_token_this_machine_is_heard_and_no_browser() {
        let open = access(None);
        for host in [
            "localhost",
            "LOCALHOST:80",
            "127.0.0.1:8642",
            "[::1]:8642",
            "a.localhost",
            "127.9.9.9",
        ] {
            assert_eq!(code(&open, "/t", &format!("Host: {host}")), 200, "{host}");
        }
        for headers in [
            "Host: evil.example",
            "Host: localhost.evil.example:80",
            "Host: 10.0.0.1",
            "Host:",
            "Host: localhost\r\nOrigin: null",
            "Host: localhost\r\nSec-Fetch-Site: cross-site",
        ] {
            assert_eq!(code(&open, "/t", headers), 403, "{headers}");
        }
        assert_eq!(code(&open, "/t", "Host: localhost\r\nSec-Fetch-Site: none"), 200);
    }

    #[test]
    fn with_a_token_who_knows_it_is_heard_wherever_it_stands() {
        let shut = access(Some("s3cret"));
        for (path, headers) in [
            ("/t", "X-API-Key: s3cret"),
            ("/t", "Authorization: bearer s3cret"),
            ("/s3cret/t/start", "Host: agents.example"),
            ("/5bf66975-d4c7-4bf5-bcc8-b8d8a82ea278/7", "Host: agents.example"),
        ] {
            assert_eq!(code(&shut, path, headers), 200, "{path} {headers}");
        }
        for (path, headers) in [
            ("/t", "Host: localhost"),
            ("/short", "Host: localhost"),
            ("/s3cre/t", "Host: localhost"),
            ("/t", "X-API-Key: s3cretz"),
            ("/t", "X-API-Key:"),
            ("/t", "Authorization: s3cret"),
            ("/api/v1/heartbeat", "X-API-Key: s3creT"),
        ] {
            assert_eq!(code(&shut, path, headers), 401, "{path} {headers}");
        }
        assert_eq!(code(&shut, "/t", "X-API-Key: s3cret\r\nOrigin: https://evil.example"), 403);
    }

    #[test]
    fn names_are_looked_up_and_else_taken_as_they_are() {
        let access = access(None);
        assert_eq!((access.agent(UUID), access.agent("crawler")), ("t", "crawler"));
    }
}
