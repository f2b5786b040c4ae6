//! Heartbeats of other people's clients, heard by HTTP and handed on as beats: a process of its own.
//!
//! What it cannot hand on it says to the client and, once, on stderr.

pub mod access;
pub mod hand;

use std::path::PathBuf;

use crate::config::name;
use crate::http::{Answer, Headers, Lost, Refused, Request, Service, TEXT};
use crate::store::paths::Paths;
use crate::wire::beat::{Parsed, parse_any};
use crate::wire::intake::{Heartbeat, Ping, Route, heartbeats};
use crate::wire::plain::brief;

use access::Access;
use hand::{Unheard, hand};

/// How much is kept of what comes along with a ping, as healthchecks.io does.
const PING_BODY: usize = 100_000;

/// The longest POST of heartbeats.
const HEARTBEATS_BODY: usize = 1_000_000;

/// What it knows.
#[derive(Debug)]
pub struct Listen {
    /// Who may send.
    pub access: Access,
    /// Whose agents.
    pub state_dir: PathBuf,
}

const JSON: &str = "application/json";

impl Service for Listen {
    const NAME: &'static str = "listen";
    const STACK: usize = 512 * 1024;
    const CHALLENGE: Headers = &[("WWW-Authenticate", "Bearer")];
    const ALLOW: Headers = &[("Allow", "GET, HEAD, POST")];

    fn answer(&self, request: &mut Request<'_>) -> Result<Answer, Lost> {
        let head = request.head;
        let route = Route::of(head.path());
        let ping = if let Route::Ping(ping) = &route { Some(ping) } else { None };
        self.access.admit(head, ping)?;
        let keep = match (&route, head.method.as_str()) {
            (Route::Unknown, _) => return Err((404, "no such path".to_owned()).into()),
            (Route::Heartbeats, "POST") => HEARTBEATS_BODY,
            (Route::Ping(_), "GET" | "HEAD" | "POST") | (Route::Status, "GET" | "HEAD") => {
                PING_BODY
            }
            (_, method) => {
                return Err((405, format!("{} is not for this path", brief(&method))).into());
            }
        };
        let body = request.body(keep)?;
        match route {
            Route::Ping(ping) => Ok(self.ping(&ping, &body.kept)?),
            Route::Heartbeats if (HEARTBEATS_BODY as u64) < body.length => {
                Err((413, format!("more than {HEARTBEATS_BODY} bytes of heartbeats")).into())
            }
            Route::Heartbeats => Ok(self.heartbeats(&body.kept)?),
            Route::Status | Route::Unknown => {
                Ok(Answer::ok(JSON, "{\"status\":\"ok\"}\n".to_owned()))
            }
        }
    }

    fn refusal(&self, path: &str, words: &str) -> (&'static str, String) {
        if path.starts_with("/api/") {
            (JSON, serde_json::json!({ "detail": words }).to_string())
        } else {
            (TEXT, format!("{words}\n"))
        }
    }

    fn masked(&self, text: &str) -> String {
        match &self.access.token {
            Some(token) => text.replace(token.as_str(), "[masked]"),
            None => text.to_owned(),
        }
    }
}

impl Listen {
    fn ping(&self, ping: &Ping, body: &[u8]) -> Result<Answer, Refused> {
        self.beat(&ping.key, &ping.signal.beat(body))?;
        Ok(Answer::ok(TEXT, "OK".to_owned()))
    }

    /// Each is heard, whatever became of those before it; the first that was not is what the answer is about.
    fn heartbeats(&self, body: &[u8]) -> Result<Answer, Refused> {
        let all = heartbeats(body).map_err(|words| (400, words))?;
        let mut failed = None;
        for Heartbeat { key, line } in &all {
            if let Err(refused) = self.beat(key, line) {
                failed.get_or_insert(refused);
            }
        }
        match (failed, all.as_slice()) {
            (Some(refused), _) => Err(refused),
            (None, [one]) => {
                let agent = self.access.agent(&one.key);
                let body = serde_json::json!({ "agent_id": agent, "status": "ok" });
                Ok(Answer::ok(JSON, body.to_string()))
            }
            (None, all) => {
                let body = serde_json::json!({ "status": "ok", "accepted": all.len() });
                Ok(Answer::ok(JSON, body.to_string()))
            }
        }
    }

    /// Hands on one beat.
    fn beat(&self, key: &str, line: &str) -> Result<(), Refused> {
        let agent = self.access.agent(key);
        let unknown = || {
            let (shown, dir) = (brief(&self.masked(key)), self.state_dir.display());
            (
                404,
                format!(
                    "no agent {shown:?} in {dir}; if it has another name: --map {shown:?}=NAME"
                ),
            )
        };
        if let Parsed::Bad(reason) = parse_any(line.as_bytes()) {
            return Err((400, format!("{agent}: {reason}")));
        }
        // A name is a folder here: `..` is none.
        if !name::is_valid(agent) {
            return Err(unknown());
        }
        hand(&Paths::new(&self.state_dir, agent), None, line).map_err(|unheard| match unheard {
            Unheard::Unknown => unknown(),
            Unheard::NobodyRuns => (503, format!("{agent}: no agentwatch runs it")),
            Unheard::Because(words) => (503, words),
        })
    }
}
