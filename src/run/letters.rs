//! Letters: written into the outbox, handed to a process that delivers them, and what came of it told to the
//! core. Nothing here waits for anybody.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::fd::OwnedFd;
use std::time::Duration;

use serde::Deserialize;

use crate::core::event::{Event, Kept};
use crate::core::fact::Delivery;
use crate::core::incident::{Alert, Trouble};
use crate::core::signal::Signal;
use crate::core::supervisor::Phase;
use crate::core::time::{Wall, millis};
use crate::store::outbox::Outbox;
use crate::sys::pending::{self, ReadResult};
use crate::sys::spawn::{self, Output, Spawn};
use crate::sys::{self, file, host, signals};
use crate::wire::compose::{self, About};
use crate::wire::letter::{Letter, Receipt};
use crate::wire::sink::{Reference, references};
use crate::wire::words::{count, span};

use super::perform::is_ours;
use super::{Shell, offset};

/// Letters that could not be written wait here; a disk that is full for long loses the oldest, of which the
/// journal's queue and the memory still know.
const WAITING_MAX: usize = 64;

/// The most that is read of what a delivery says: one line.
const WORDS_MAX: usize = 4096;

/// How a line begins that says that there are receipts.
const RECEIPTS: &[u8] = b"{\"receipts\"";

/// After a delivery that did not say when the next one makes sense.
const AGAIN: Duration = Duration::from_mins(1);

/// Letters and the processes that deliver them.
#[derive(Debug, Default)]
pub(super) struct Letters {
    /// Those that could not be written yet.
    waiting: Vec<(Trouble, Letter)>,
    /// The process that delivers.
    courier: Option<Courier>,
    /// The process that makes a report.
    pub(super) reporter: Option<Courier>,
    /// The process that pings.
    pinger: Option<i32>,
    /// It was said that people are being told before agentwatch leaves.
    said: bool,
}

/// A process that is out for us, and what it has said.
#[derive(Debug)]
pub(super) struct Courier {
    pub(super) pid: i32,
    pub(super) stdout: Option<OwnedFd>,
    pub(super) words: Vec<u8>,
}

/// What a delivery says at its end.
#[derive(Default, Deserialize)]
struct Said {
    next_ms: Option<u64>,
}

impl Letters {
    /// What is to be read of them.
    pub(super) fn fds(&self) -> impl Iterator<Item = &OwnedFd> {
        self.courier.iter().chain(&self.reporter).filter_map(|courier| courier.stdout.as_ref())
    }
}

impl Courier {
    /// Reads what it says.
    fn read(&mut self) {
        let mut buffer = [0; 512];
        let words = &mut self.words;
        self.stdout.take_if(|fd| match pending::read(fd, &mut buffer) {
            ReadResult::Data(count) => {
                let room = WORDS_MAX.saturating_sub(words.len()).min(count);
                words.extend_from_slice(buffer.get(..room).unwrap_or_default());
                false
            }
            ReadResult::Empty => false,
            ReadResult::End | ReadResult::Failed(_) => true,
        });
    }

    pub(super) fn kill(&self) {
        let _ = signals::send_group(self.pid, Signal::KILL);
        let _ = signals::send(self.pid, Signal::KILL);
    }
}

impl Shell {
    /// Whether a variable is none of the child's business: ours, or the secret of a sink, which a prompt
    /// could make it print.
    pub(super) fn is_hidden(&self, name: &OsStr) -> bool {
        let plan = &self.plan;
        let ways = plan.route.iter().chain(&plan.report_route).flat_map(|route| &route.ways);
        let urls = ways.map(|way| way.url.as_str()).chain(plan.resolved.alert.ping_url.as_deref());
        is_ours(name)
            || urls
                .flat_map(|url| references(url).unwrap_or_default())
                .any(|reference| matches!(reference, Reference::Variable(secret) if name == secret))
    }

    fn outbox(&self) -> Outbox {
        Outbox::new(self.paths.dir())
    }

    /// Composes a letter and puts it into the outbox.
    pub(super) fn write_letter(&mut self, alert: &Alert) {
        let resolved = &self.plan.resolved;
        let host = host::hostname().unwrap_or_else(|| "localhost".to_owned());
        let letter = compose::letter(
            alert,
            &About {
                agent: &resolved.name,
                host: &host,
                options: &self.speaker.command_options(),
                reach: resolved.alert.reach.as_deref(),
                runbook: resolved.alert.runbook.as_deref(),
                settings: self.supervisor.settings(),
                memory: self.supervisor.memory(),
                phase: self.supervisor.phase(),
                now: self.now,
                offset: offset(&self.clock, self.now.wall),
            },
        );
        if WAITING_MAX <= self.letters.waiting.len() {
            self.letters.waiting.remove(0);
        }
        self.letters.waiting.push((alert.incident.trouble, letter));
        self.post_letters();
    }

    /// Puts into the outbox what waits for that.
    pub(super) fn post_letters(&mut self) {
        if self.letters.waiting.is_empty() {
            return;
        }
        let outbox = self.outbox();
        let what = Kept::Outbox;
        let (mut wrong, mut posted) = (None, Vec::new());
        self.letters.waiting.retain(|(trouble, letter)| match wrong {
            Some(_) => true,
            None => match outbox.put(letter) {
                Ok(()) => {
                    posted.push((*trouble, Wall(letter.since)));
                    false
                }
                Err(error) => {
                    wrong = Some(error.to_string());
                    true
                }
            },
        });
        for (trouble, since) in posted {
            self.step(Event::Posted { trouble, since });
        }
        self.step(match wrong {
            Some(error) => Event::StoreFailed { what, error },
            None => Event::StoreWorks { what },
        });
    }

    /// Whether a letter waits for a disk.
    pub(super) fn has_waiting_letters(&self) -> bool {
        !self.letters.waiting.is_empty()
    }

    /// Starts the process that delivers, if there is anything to deliver.
    pub(super) fn deliver(&mut self) {
        self.post_letters();
        let outbox = self.outbox();
        if let Some(route) = &self.plan.route
            && let Err(error) = outbox.keep_route(route)
        {
            let (what, error) = (Kept::Outbox, error.to_string());
            self.step(Event::StoreFailed { what, error });
        }
        self.take_receipts();
        if !outbox.has_letters() && !self.reports().outbox().has_letters() {
            let next = self.has_waiting_letters().then_some(AGAIN);
            self.step(Event::Delivered { next });
            return;
        }
        let argv = self.courier(&[]);
        self.letters.courier = self.start_courier(&argv, None);
        if self.letters.courier.is_none() {
            self.step(Event::Delivered { next: Some(AGAIN) });
        }
    }

    /// The command that delivers; with `--stay` one that goes on until nothing waits.
    fn courier(&self, more: &[&str]) -> Vec<OsString> {
        let resolved = &self.plan.resolved;
        let mut argv = vec![
            host::own_program(),
            "deliver".into(),
            "--state-dir".into(),
            resolved.state_dir.clone().into_os_string(),
            "--agent".into(),
            resolved.name.clone().into(),
        ];
        argv.extend(more.iter().map(OsString::from));
        argv
    }

    /// Starts a process of ours that reads `input` and says a line at its end.
    pub(super) fn start_courier(
        &mut self,
        argv: &[OsString],
        input: Option<&File>,
    ) -> Option<Courier> {
        let null = file::input("/dev/null".as_ref()).ok();
        // A command that is a sink means the directory that agentwatch was started in.
        let directory = self.directory.as_deref();
        // What was under way when we left is brought to its end: people were to know of the end, too. Whoever
        // reads our stderr does not wait for that.
        let (stdin, outlives) = (input.or(null.as_ref()), true);
        let (stdout, stderr) = (Output::Pipe, Output::Pipe);
        let request = Spawn { stdin, stdout, stderr, directory, outlives, ..Spawn::new(argv) };
        let child = spawn::spawn(&request).ok()?;
        // It is ours and no part of the tree of the child, wherever that is looked for.
        self.inherited.extend(sys::tree::identity(child.pid).map(|id| (child.pid, id)));
        self.childless = false;
        Some(Courier { pid: child.pid, stdout: child.stdout, words: Vec::new() })
    }

    /// Before agentwatch leaves: what waits is handed to a process that tries it on, and said where it
    /// should be known; where nothing waits nothing is kept that may be secret.
    pub(super) fn leave_post(&mut self) {
        self.post_letters();
        let outbox = self.outbox();
        let Some(waiting) = outbox.waiting() else {
            let _ = outbox.drop_route();
            return;
        };
        // With the first process of a container all others end.
        let stays = host::pid() != 1 && self.send_stayer();
        if !self.letters.said && waiting.failing.is_empty() {
            return;
        }
        let letters = count(waiting.letters as u64, "letter");
        let verb = if waiting.letters == 1 { "waits" } else { "wait" };
        let what = if waiting.arrived {
            format!("{letters} {verb}")
        } else {
            format!("nobody was told yet, {letters} {verb}")
        };
        let why = waiting.failing.first().map(|(sink, error)| format!(" ({sink}: {error})"));
        let then = if stays {
            "a process stays behind and tries for a day"
        } else {
            "tried again by the next agentwatch here, or: agentwatch deliver"
        };
        self.say_plain(&format!("{what}{}; {then}", why.unwrap_or_default()));
    }

    fn send_stayer(&mut self) -> bool {
        let argv = self.courier(&["--stay"]);
        self.start_courier(&argv, None).is_some()
    }

    /// Says once that people are being told before agentwatch leaves.
    pub(super) fn tell_leaving(&mut self) {
        if self.supervisor.phase() == Phase::Leaving && !self.letters.said {
            self.letters.said = true;
            let wait = span(millis(self.supervisor.settings().alerting.exit_wait));
            self.say_plain(&format!("telling people; waits up to {wait} for that"));
        }
    }

    /// Kills a delivery that hangs.
    pub(super) fn drop_delivery(&mut self) {
        if let Some(courier) = self.letters.courier.take() {
            courier.kill();
        }
    }

    /// Pings the dead man's switch; one that is still at it is left at it.
    pub(super) fn ping(&mut self, fail: bool) {
        let Some(url) = self.plan.resolved.alert.ping_url.clone() else { return };
        if self.letters.pinger.is_some() && !fail {
            return;
        }
        // By the name of the agent, not by the URL: a list of processes shows arguments to everybody.
        let verb = if fail { "--ping-fail" } else { "--ping" };
        let argv = [host::own_program(), "deliver".into(), verb.into()];
        let Ok(stdin) = file::filled_pipe(url.as_bytes()) else { return };
        let (stdin, stdout, stderr) = (Some(&stdin), Output::Pipe, Output::Pipe);
        let request = Spawn { stdin, stdout, stderr, outlives: true, ..Spawn::new(&argv) };
        if let Ok(child) = spawn::spawn(&request) {
            self.inherited.extend(sys::tree::identity(child.pid).map(|id| (child.pid, id)));
            self.childless = false;
            self.letters.pinger = Some(child.pid);
        }
    }

    /// Reads what those who are out for us say.
    pub(super) fn read_courier(&mut self) {
        let letters = &mut self.letters;
        letters.courier.iter_mut().chain(&mut letters.reporter).for_each(Courier::read);
        // Lines that say that there are receipts come before the last one.
        let mut news = false;
        if let Some(Courier { words, .. }) = &mut self.letters.courier {
            while words.starts_with(RECEIPTS)
                && let Some(end) = words.iter().position(|byte| *byte == b'\n')
            {
                words.drain(..=end);
                news = true;
            }
        }
        if news {
            self.take_receipts();
        }
    }

    /// True if that was the process that delivers, one that pings, or one that makes a report.
    pub(super) fn tell_courier_end(&mut self, pid: i32) -> bool {
        if self.letters.pinger == Some(pid) {
            self.letters.pinger = None;
            return true;
        }
        if self.tell_report_end(pid) {
            return true;
        }
        if self.letters.courier.as_ref().is_none_or(|courier| courier.pid != pid) {
            return false;
        }
        self.read_courier();
        let words = self.letters.courier.take().map(|courier| courier.words).unwrap_or_default();
        self.take_receipts();
        let next = match serde_json::from_slice::<Said>(words.trim_ascii()) {
            Ok(said) => said.next_ms.map(Duration::from_millis),
            // It was killed, or has failed before it could say anything.
            Err(_) => Some(AGAIN),
        };
        self.step(Event::Delivered { next });
        true
    }

    fn take_receipts(&mut self) {
        self.take_report_receipts();
        // What cannot be read now is read after the next delivery.
        let receipts = self.outbox().take_receipts().unwrap_or_default();
        for Receipt { letter, about, sink, tries, after_ms, error, .. } in receipts {
            let receipt = Box::new(Delivery { letter, about, sink, tries, after_ms, error });
            self.step(Event::Receipt(receipt));
        }
    }
}
