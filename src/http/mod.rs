//! A small HTTP server: a thread a connection, one request each, a limit on everything.
//!
//! What it refuses it says to the client and, once, on stderr; it never waits for one client to hear another.

pub mod access;
mod timed;

use std::collections::{BTreeSet, VecDeque};
use std::io::{self, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::sys::poll;
use crate::wire::http::{Body, Head, answer};
use crate::wire::plain::brief;

use timed::Timed;

/// A request takes this long at most, from its first byte to its last.
const LIMIT: Duration = Duration::from_secs(10);

/// An answer that is not taken within this time is kept.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// Requests at one time. As many again are told to come later, and what is beyond that is not answered.
const AT_ONCE: usize = 64;

/// How long a request may take that is only told to come later.
const BUSY_LIMIT: Duration = Duration::from_secs(1);

/// Troubles that are told, each once: a request that is wrong comes every minute.
const TOLD_MAX: usize = 256;

/// After the system has refused a connection it is asked again this much later.
const BREATH: Duration = Duration::from_millis(100);

/// What most answers are.
pub const TEXT: &str = "text/plain; charset=utf-8";

/// Headers of an answer: names and values.
pub type Headers = &'static [(&'static str, &'static str)];

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// `200`.
    pub code: u16,
    /// What the body is.
    pub kind: &'static str,
    /// Headers besides those of every answer.
    pub headers: Headers,
    /// The body.
    pub body: String,
}

impl Answer {
    /// All is well, and this is it.
    #[must_use]
    pub fn ok(kind: &'static str, body: String) -> Self {
        Self { code: 200, kind, headers: &[], body }
    }
}

/// A request that is not heard: the code, and why.
pub type Refused = (u16, String);

/// Why there is nothing to answer with.
#[derive(Debug)]
pub enum Lost {
    /// For this.
    Refused(Refused),
    /// The client has left, and hears nothing.
    Gone,
}

impl From<Refused> for Lost {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

/// A request whose head was heard.
#[derive(Debug)]
pub struct Request<'a> {
    /// Its head.
    pub head: &'a Head,
    behind: Vec<u8>,
    timed: &'a mut Timed,
}

impl Request<'_> {
    /// Its body, of which `keep` bytes are kept.
    ///
    /// # Errors
    /// It is none, is too long, comes too slowly, or stops.
    pub fn body(&mut self, keep: usize) -> Result<Body, Lost> {
        self.timed.body(self.head, &self.behind, keep)
    }
}

/// What requests are made to.
pub trait Service: Send + Sync + 'static {
    /// What it is called on stderr.
    const NAME: &'static str;

    /// What a thread needs to answer; 4 KiB of it is the buffer of a head.
    const STACK: usize;

    /// Told to who is not let in: `Bearer`.
    const CHALLENGE: Headers;

    /// Told to who asks by another method: `Allow`.
    const ALLOW: Headers;

    /// Answers a request; reads its body if it wants that.
    ///
    /// # Errors
    /// It is refused, or the client is gone.
    fn answer(&self, request: &mut Request<'_>) -> Result<Answer, Lost>;

    /// How the words of a refusal are written: kind, body.
    fn refusal(&self, path: &str, words: &str) -> (&'static str, String) {
        let _ = path;
        (TEXT, format!("{words}\n"))
    }

    /// Text of a client without the secrets that may be in it.
    fn masked(&self, text: &str) -> String {
        text.to_owned()
    }
}

/// A server of requests to `S`.
#[derive(Debug)]
pub struct Server<S> {
    service: S,
    told: Mutex<BTreeSet<String>>,
    /// Connections that have not said what they want, the oldest first.
    silent: Mutex<VecDeque<(u64, TcpStream)>>,
}

impl<S: Service> Server<S> {
    /// One that has said nothing yet.
    #[must_use]
    pub fn new(service: S) -> Self {
        Self { service, told: Mutex::default(), silent: Mutex::default() }
    }

    /// Listens until it is killed.
    pub fn serve(self, listener: &TcpListener) {
        let own = Arc::new(self);
        let mut number = 0;
        loop {
            number += 1;
            match listener.accept() {
                Ok((stream, _)) => meet(&own, number, stream),
                // No descriptors, most likely: they come back when connections end.
                Err(error) => {
                    own.tell(&format!("cannot take a connection: {error}"));
                    poll::pause(BREATH);
                }
            }
        }
    }

    /// Hears a request and answers it.
    fn attend(&self, number: u64, stream: TcpStream, is_busy: bool) {
        let mut timed = Timed::new(stream, if is_busy { BUSY_LIMIT } else { LIMIT });
        let (mut is_head, mut path) = (false, String::new());
        let first = timed.head();
        self.silent().retain(|(of, _)| *of != number);
        let heard = first.and_then(|(head, behind)| {
            if is_busy {
                return Err((503, "too many at once; come again".to_owned()).into());
            }
            is_head = head.method == "HEAD";
            head.path().clone_into(&mut path);
            self.service.answer(&mut Request { head: &head, behind, timed: &mut timed })
        });
        let given = match heard {
            Ok(given) => given,
            Err(Lost::Refused((code, words))) => {
                match brief(&self.service.masked(&path)).as_str() {
                    "" => self.tell(&format!("{code}: {words}")),
                    what => self.tell(&format!("{code} for {what}: {words}")),
                }
                let (kind, body) = self.service.refusal(&path, &words);
                let headers = match code {
                    401 => S::CHALLENGE,
                    405 => S::ALLOW,
                    _ => &[],
                };
                Answer { code, kind, headers, body }
            }
            Err(Lost::Gone) => return,
        };
        let bytes = answer(given.code, given.kind, given.headers, &given.body, is_head);
        timed.finish(&bytes, ANSWER_LIMIT);
    }

    fn silent(&self) -> MutexGuard<'_, VecDeque<(u64, TcpStream)>> {
        self.silent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hangs up on whoever has been silent for longest: many who say nothing keep nobody out who does.
    fn make_room(&self) -> bool {
        let longest = self.silent().pop_front();
        longest.is_some_and(|(_, stream)| stream.shutdown(Shutdown::Both).is_ok())
    }

    /// Tells a trouble on stderr, the first time it comes.
    fn tell(&self, words: &str) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() < TOLD_MAX && told.insert(words.to_owned()) {
            let _ = writeln!(io::stderr().lock(), "agentwatch: {}: {words}", S::NAME);
        }
    }
}

/// Gives a connection its thread.
fn meet<S: Service>(own: &Arc<Server<S>>, number: u64, stream: TcpStream) {
    // The thread that accepts has one itself.
    let others = Arc::strong_count(own) - 1;
    let is_full = AT_ONCE <= others;
    let is_busy = is_full && !own.make_room();
    if 2 * AT_ONCE <= others {
        return;
    }
    if let Ok(same) = stream.try_clone() {
        own.silent().push_back((number, same));
    }
    let mine = Arc::clone(own);
    let thread = std::thread::Builder::new().stack_size(S::STACK);
    if let Err(error) = thread.spawn(move || mine.attend(number, stream, is_busy)) {
        own.silent().retain(|(of, _)| *of != number);
        own.tell(&format!("cannot take a connection: {error}"));
        poll::pause(BREATH);
    }
}
