//! What is served: metrics, health, the report as a page that is always new; and to whom.

use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::core::time::LocalDay;
use crate::http::access::{credentials, is_meant, is_same};
use crate::http::{Answer, Headers, Lost, Refused, Request, Service, TEXT};
use crate::sys::clock::Deadline;
use crate::wire::http::Head;
use crate::wire::plain::brief;
use crate::wire::stamp::parse_day;

use super::text::Format;

/// A page is made anew no more often than that: it reads the journals of some days.
const FRESH: Duration = Duration::from_secs(15);

/// Pages that are kept for as long.
const KEPT: usize = 4;

/// So many may wait for metrics, and as many for a page: a first look may read gigabytes, and whoever asks for
/// something else needs a thread, too.
const WAITING: usize = 8;

/// Of a page that changes: it is asked for again by itself, without a script.
const LIVE: Headers = &[
    ("Refresh", "60"),
    ("Content-Security-Policy", POLICY),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
];

/// Of a day that is over.
const STILL: Headers = &[
    ("Content-Security-Policy", POLICY),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
];

/// Nothing is fetched, nothing runs, and no other page shows it in a frame.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

/// A page that was made.
#[derive(Clone, Debug)]
pub struct Page {
    /// As HTML.
    pub html: String,
    /// What it shows still changes.
    pub live: bool,
    /// The day before the first that it shows.
    pub before: LocalDay,
}

/// Makes metrics.
pub type Scrape = Box<dyn Fn(Format) -> String + Send + Sync>;

/// Makes the page of a day, or of today and yesterday; or says why there is none.
pub type Paint = Box<dyn Fn(Option<LocalDay>) -> Result<Page, Refused> + Send + Sync>;

/// A page, and until when it is good.
type Kept = (Option<LocalDay>, Deadline, Arc<Page>);

/// What it serves.
pub struct Web {
    token: Option<String>,
    ip: IpAddr,
    scrape: Scrape,
    paint: Paint,
    pages: Mutex<Vec<Kept>>,
    scraping: Queue,
    reading: Queue,
}

/// Those that wait for the same thing.
#[derive(Debug, Default)]
struct Queue(AtomicUsize);

impl Queue {
    /// Does it, if not too many wait already.
    fn wait<T>(&self, deed: impl FnOnce() -> Result<T, Refused>) -> Result<T, Refused> {
        let done = if self.0.fetch_add(1, Ordering::Relaxed) < WAITING {
            deed()
        } else {
            Err((503, "too many wait for it; come again".to_owned()))
        };
        self.0.fetch_sub(1, Ordering::Relaxed);
        done
    }
}

impl Web {
    /// Serves these; `ip` is where it listens. Whoever asks needs the token, if there is one.
    #[must_use]
    pub fn new(token: Option<String>, ip: IpAddr, scrape: Scrape, paint: Paint) -> Self {
        let (pages, scraping, reading) = <_>::default();
        Self { token, ip, scrape, paint, pages, scraping, reading }
    }

    fn admit(&self, head: &Head) -> Result<(), Refused> {
        let Some(token) = &self.token else {
            let words =
                "a Host that is not this machine's; ask for localhost, or serve with --token-file";
            return if is_meant(head, self.ip) { Ok(()) } else { Err((403, words.to_owned())) };
        };
        let bearer = credentials(head, "bearer").is_some_and(|shown| is_same(shown, token));
        // A browser asks a person for a name and a password; whatever the name is.
        let by_hand = || {
            let bytes = STANDARD.decode(credentials(head, "basic")?).ok()?;
            let text = String::from_utf8(bytes).ok()?;
            let (_, password) = text.split_once(':')?;
            Some(is_same(password, token))
        };
        if bearer || by_hand().unwrap_or(false) {
            return Ok(());
        }
        Err((
            401,
            "needs the token: Authorization: Bearer, or as the password of any name".to_owned(),
        ))
    }

    fn page(&self, day: Option<LocalDay>) -> Result<Answer, Refused> {
        let page = self.reading.wait(|| self.kept(day))?;
        Ok(Answer {
            code: 200,
            kind: "text/html; charset=utf-8",
            headers: if page.live { LIVE } else { STILL },
            body: linked(&page, day.is_some()),
        })
    }

    /// One page is made at a time; who asks for it meanwhile gets the same.
    fn kept(&self, day: Option<LocalDay>) -> Result<Arc<Page>, Refused> {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        pages.retain(|(_, until, _)| !until.left().is_zero());
        if let Some((.., page)) = pages.iter().find(|(of, ..)| *of == day) {
            return Ok(Arc::clone(page));
        }
        let page = Arc::new((self.paint)(day)?);
        if KEPT <= pages.len() {
            pages.remove(0);
        }
        pages.push((day, Deadline::after(FRESH), Arc::clone(&page)));
        Ok(page)
    }
}

/// With links to what else there is, which a report that is sent by mail has not.
fn linked(page: &Page, is_day: bool) -> String {
    let (top, days) = if is_day { ("../", "") } else { ("./", "report/") };
    let links = format!(
        "<nav><a href=\"{days}{before}\">{before}</a> · <a href=\"{top}\">today and yesterday</a> · \
         <a href=\"{top}metrics\">metrics</a></nav>\n",
        before = page.before
    );
    match page.html.rsplit_once("</main>") {
        Some((before, after)) => [before, &links, "</main>", after].concat(),
        None => page.html.clone(),
    }
}

impl Service for Web {
    const NAME: &'static str = "serve";
    // Plots are drawn in it.
    const STACK: usize = 2 * 1024 * 1024;
    const CHALLENGE: Headers = &[
        ("WWW-Authenticate", "Bearer realm=\"agentwatch\""),
        ("WWW-Authenticate", "Basic realm=\"agentwatch\", charset=\"UTF-8\""),
    ];

    const ALLOW: Headers = &[("Allow", "GET, HEAD")];

    fn answer(&self, request: &mut Request<'_>) -> Result<Answer, Lost> {
        let head = request.head;
        let path = head.path();
        // Who only asks whether somebody is there learns nothing else, and needs no token.
        if path != "/healthz" || self.token.is_none() {
            self.admit(head)?;
        }
        if !matches!(head.method.as_str(), "GET" | "HEAD") {
            return Err((405, format!("{} is not for this path", brief(&head.method))).into());
        }
        match path {
            "/healthz" => Ok(Answer::ok(TEXT, "ok\n".to_owned())),
            "/metrics" => {
                let format = Format::accepted(head.header("accept"));
                let body = self.scraping.wait(|| Ok((self.scrape)(format)))?;
                Ok(Answer::ok(format.kind(), body))
            }
            "/" => Ok(self.page(None)?),
            path => {
                let day = path.strip_prefix("/report/").and_then(parse_day).ok_or_else(|| {
                    let words = "no such path; there are /, /report/2026-11-28, /metrics, /healthz";
                    (404, words.to_owned())
                })?;
                Ok(self.page(Some(day))?)
            }
        }
    }

    fn masked(&self, text: &str) -> String {
        match &self.token {
            Some(token) => text.replace(token.as_str(), "[masked]"),
            None => text.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn web(token: Option<&str>) -> Web {
        let page = |_| {
            let html = "<main>x</main>".to_owned();
            Ok(Page { html, live: true, before: LocalDay(0) })
        };
        let ip = IpAddr::from([127, 0, 0, 1]);
        Web::new(token.map(str::to_owned), ip, Box::new(|_| String::new()), Box::new(page))
    }

    fn code(web: &Web, headers: &str) -> u16 {
        let text = format!("GET /metrics HTTP/1.1\r\n{headers}\r\n\r\n");
        let (head, _) = Head::parse(text.as_bytes()).unwrap().unwrap();
        web.admit(&head).err().map_or(200, |(code, _)| code)
    }

    #[test]
    fn without_a_token_only_what_asks_for_this_machine_is_answered() {
        let open = web(None);
        for host in ["localhost:9464", "127.0.0.1", "[::1]:9464", "a.localhost"] {
            assert_eq!(code(&open, &format!("Host: {host}")), 200, "{host}");
        }
        for host in ["evil.example", "localhost.evil.example:9464", "10.0.0.1", ""] {
            assert_eq!(code(&open, &format!("Host: {host}")), 403, "{host}");
        }
    }

    #[test]
    fn with_a_token_who_shows_it_is_answered_by_any_name() {
        let shut = web(Some("s3cret:0123"));
        let basic = |text: &str| format!("Authorization: Basic {}", STANDARD.encode(text));
        for headers in [
            "Authorization: Bearer s3cret:0123".to_owned(),
            "Host: metrics.example\r\nAuthorization: bearer s3cret:0123".to_owned(),
            basic("me:s3cret:0123"),
            basic(":s3cret:0123"),
        ] {
            assert_eq!(code(&shut, &headers), 200, "{headers}");
        }
        for headers in [
            "Host: localhost".to_owned(),
            "Authorization: s3cret:0123".to_owned(),
            "Authorization: Bearer".to_owned(),
            "Authorization: Bearer s3cret:012".to_owned(),
            "Authorization: Bearer s3cret:01234".to_owned(),
            "Authorization: Basic %%%".to_owned(),
            basic("s3cret:0123"),
            basic("me:"),
        ] {
            assert_eq!(code(&shut, &headers), 401, "{headers}");
        }
    }

    #[test]
    fn who_waits_in_vain_is_told_at_once_and_makes_room_again() {
        fn nested(queue: &Queue, depth: usize) -> Result<(), Refused> {
            queue.wait(|| if depth == 0 { Ok(()) } else { nested(queue, depth - 1) })
        }
        let queue = Queue::default();
        assert_eq!(nested(&queue, WAITING - 1), Ok(()));
        assert_eq!(nested(&queue, WAITING).unwrap_err().0, 503);
        assert_eq!(nested(&queue, WAITING - 1), Ok(()));
    }

    #[test]
    fn a_page_leads_to_the_day_before() {
        let page = Page { html: "<main>x</main>y".into(), live: true, before: LocalDay(20_000) };
        let text = linked(&page, false);
        assert!(text.contains("<a href=\"report/2024-10-04\">") && text.ends_with("</main>y"));
        assert!(linked(&page, true).contains("<a href=\"2024-10-04\">"));
    }
}
