//! The outboxes of a state directory: letters read, what was tried kept, receipts left.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::store::outbox::Outbox;
use crate::store::secrets::{look_up, proof};
use crate::sys::file;
use crate::wire::letter::{LETTER_MAX, Letter, Receipt, Route, Way};
use crate::wire::plain::brief;
use crate::wire::sink::{Sink, resolve};

use super::plan::{Road, Tried, Waiting};

/// Letters that are looked at in one pass; the rest has its turn after them.
const LETTERS_MAX: usize = 10_000;

/// The longest of the other files, in bytes.
const FILE_MAX: usize = 1 << 20;

/// A sink that may be used.
#[derive(Clone, Debug)]
pub struct Place {
    /// The proof of its resolved URL.
    pub proof: String,
    /// Itself.
    pub sink: Sink,
    /// A file of certificates to trust beside the common ones.
    pub ca_file: Option<PathBuf>,
}

/// All that waits.
#[derive(Debug, Default)]
pub struct Queue {
    /// The outboxes.
    pub outboxes: Vec<Outbox>,
    /// The letters, those of an outbox in their order.
    pub letters: Vec<Waiting>,
    /// Where each lies.
    pub paths: Vec<PathBuf>,
    /// The ways that may be used.
    pub roads: Vec<Road>,
    /// The sinks of those.
    pub places: Vec<Place>,
    /// Ways of the agent that was asked for which cannot be used, and why.
    pub blocked: Vec<(usize, Way, String)>,
}

impl Queue {
    /// Reads all outboxes of a state directory. `agent`: whose environment this is.
    ///
    /// # Errors
    /// The state directory cannot be read.
    pub fn read(state_dir: &Path, agent: Option<&str>) -> io::Result<Self> {
        let mut queue = Self::default();
        let mut names: Vec<_> =
            fs::read_dir(state_dir)?.filter_map(|entry| Some(entry.ok()?.file_name())).collect();
        names.sort();
        for name in names {
            let outbox = Outbox::new(&state_dir.join(&name));
            if outbox.dir().is_dir() {
                queue.read_outbox(outbox, agent.is_some_and(|agent| name == agent));
            }
        }
        Ok(queue)
    }

    fn read_outbox(&mut self, outbox: Outbox, own: bool) {
        let at = self.outboxes.len();
        let Ok(entries) = fs::read_dir(outbox.dir()) else { return };
        let mut names: Vec<_> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| is_letter(name))
            .collect();
        if names.is_empty() {
            return;
        }
        names.sort();
        for name in names {
            if LETTERS_MAX <= self.letters.len() {
                break;
            }
            let path = outbox.dir().join(name);
            match letter(&path) {
                Ok(letter) => {
                    let tried = tried(&path);
                    self.letters.push(Waiting { outbox: at, letter, tried });
                    self.paths.push(path);
                }
                Err(error) => set_aside(outbox.dir(), &path, &error),
            }
        }
        let route: Route = file::read(&outbox.route(), FILE_MAX)
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default();
        for way in route.ways {
            self.road(at, way, route.ca_file.as_deref(), own);
        }
        self.outboxes.push(outbox);
    }

    /// A way may be used by whoever resolves it to the same URL as its own supervisor.
    fn road(&mut self, outbox: usize, way: Way, ca_file: Option<&str>, own: bool) {
        let resolved = resolve(&way.url, look_up);
        let known = match resolved {
            Ok(url) if proof(&url) == way.proof => Sink::parse(&url),
            Ok(_) => Err("its secret is another one than when agentwatch was started".to_owned()),
            Err(words) => Err(words),
        };
        match known {
            Ok(sink) => {
                let chat = sink.is_chat();
                if self.places.iter().all(|place| place.proof != way.proof) {
                    let ca_file = ca_file.map(PathBuf::from);
                    self.places.push(Place { proof: way.proof.clone(), sink, ca_file });
                }
                self.roads.push(Road { outbox, way, chat });
            }
            // Whoever has its environment will do it.
            Err(_) if !own => {
                let waiting = Road { outbox, way, chat: false };
                self.roads.push(waiting);
            }
            Err(words) => {
                self.blocked.push((outbox, way.clone(), words));
                self.roads.push(Road { outbox, way, chat: false });
            }
        }
    }

    /// The sink with this proof, if this process may use it.
    #[must_use]
    pub fn place(&self, proof: &str) -> Option<&Place> {
        self.places.iter().find(|place| place.proof == proof)
    }

    /// Keeps what was tried of a letter.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn keep(&self, at: usize) -> io::Result<()> {
        let (Some(path), Some(waiting)) = (self.paths.get(at), self.letters.get(at)) else {
            return Ok(());
        };
        let bytes = serde_json::to_vec(&waiting.tried).map_err(io::Error::other)?;
        file::replace(&beside(path), &bytes, true)
    }

    /// Leaves a receipt for whoever writes the journal of that agent.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn receipt(&self, at: usize, receipt: &Receipt) -> io::Result<()> {
        let Some(outbox) = self.letters.get(at).and_then(|one| self.outboxes.get(one.outbox))
        else {
            return Ok(());
        };
        let mut line = serde_json::to_vec(receipt).map_err(io::Error::other)?;
        line.push(b'\n');
        let mut file = file::append(&outbox.receipts())?;
        file.write_all(&line)?;
        file.sync_all()
    }

    /// Nothing is left to be done about a letter.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn remove(&self, at: usize) -> io::Result<()> {
        let Some(path) = self.paths.get(at) else { return Ok(()) };
        fs::remove_file(path)?;
        match fs::remove_file(beside(path)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// Whether that is the name of a letter: they begin with a moment.
fn is_letter(name: &str) -> bool {
    let (stem, kind) = name.rsplit_once('.').unwrap_or((name, ""));
    stem.starts_with(|c: char| c.is_ascii_digit()) && kind == "json"
}

/// Where it is kept what was tried of a letter.
fn beside(path: &Path) -> PathBuf {
    path.with_extension("tried")
}

fn letter(path: &Path) -> Result<Letter, String> {
    let bytes = file::read(path, LETTER_MAX).map_err(|error| error.to_string())?;
    serde_json::from_slice(&bytes).map_err(|error| brief(&error))
}

/// What is unreadable of that is nothing: the letter is sent once more, with the same key.
fn tried(path: &Path) -> Tried {
    let bytes = file::read(&beside(path), FILE_MAX).ok();
    bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

/// What is no letter is put where nobody looks for one, with the reason beside it.
fn set_aside(dir: &Path, path: &Path, error: &str) {
    let aside = dir.join("unreadable");
    let Some(name) = path.file_name() else { return };
    if file::private_dir(&aside).is_ok() && fs::rename(path, aside.join(name)).is_ok() {
        let _ = fs::write(aside.join(name).with_extension("why"), format!("{error}\n"));
    }
}
