//! Performing effects, in the order given; what they led to goes back to the core as events.

use std::ffi::OsString;
use std::ops::ControlFlow;

use crate::config::keys::OPT_PREFIX;
use crate::core::effect::{Effect, Force};
use crate::core::ending::Ending;
use crate::core::event::{Event, Kept, SpawnFailure, SpawnFailureKind};
use crate::core::fact::Fact;
use crate::core::settings::StopScope;
use crate::core::signal::Signal;
use crate::store::memory;
use crate::sys::spawn::{self, Kind, Output, Spawn};
use crate::sys::{signals, tree, tty};

use super::child::{Running, Source, Stream};
use super::{Shell, offset};

/// More effects than this in one turn mean that the core chases its own tail; the rest waits.
const EFFECTS_MAX: usize = 10_000;

impl Shell {
    /// Performs everything that is to be done; breaks with the exit code.
    pub(super) fn perform_all(&mut self) -> ControlFlow<u8> {
        for _ in 0..EFFECTS_MAX {
            let Some(effect) = self.effects.pop_front() else { break };
            self.perform(effect)?;
        }
        ControlFlow::Continue(())
    }

    fn perform(&mut self, effect: Effect) -> ControlFlow<u8> {
        match effect {
            Effect::Record(fact) => self.record(&fact),
            Effect::Persist { sync } => self.persist(sync),
            Effect::Spawn { incarnation } => self.spawn(incarnation),
            Effect::Stop { incarnation, signal, scope } => self.stop(incarnation, signal, scope),
            Effect::EndTree { incarnation, how } => self.end_tree(incarnation, how),
            Effect::Exit { code } => {
                self.drain();
                return ControlFlow::Break(code);
            }
        }
        ControlFlow::Continue(())
    }

    fn record(&mut self, fact: &Fact) {
        // The offset is asked for only when a line needs it: few facts have one.
        if matches!(fact, Fact::Cooldown { .. } | Fact::Latched { .. }) {
            let offset = offset(&self.clock, self.now.wall);
            self.speaker.set_offset(offset);
        }
        for line in self.speaker.lines(fact) {
            self.err.say(&line);
        }
        let what = Kept::Journal;
        match self.journal.as_mut().map(|journal| journal.append(&self.now, fact)) {
            None => {}
            Some(Ok(())) => self.step(Event::StoreWorks { what }),
            Some(Err(error)) => self.step(Event::StoreFailed { what, error }),
        }
    }

    /// Says a line of ours that is about no fact.
    pub(super) fn say_plain(&mut self, text: &str) {
        let line = self.speaker.plain(text);
        self.err.say(&line);
    }

    fn persist(&mut self, sync: bool) {
        // Without the lock another agentwatch may be the one who writes here.
        if self.plan.lock.is_err() {
            return;
        }
        let what = Kept::State;
        match memory::save(&self.paths, &self.identity, self.supervisor.memory(), sync) {
            Ok(()) => self.step(Event::StoreWorks { what }),
            Err(error) => self.step(Event::StoreFailed { what, error }),
        }
    }

    fn spawn(&mut self, incarnation: u32) {
        let resolved = &self.plan.resolved;
        let stderr = if resolved.capture_stderr && !tty::is_terminal(2) {
            Output::Pipe
        } else {
            Output::Inherit
        };
        let stdout = if resolved.scan_stdout { Output::Pipe } else { Output::Inherit };
        let env_set = self.environment(incarnation);
        let names = std::env::vars_os().map(|(name, _)| name);
        let env_remove: Vec<OsString> = names.filter(|name| is_ours(name)).collect();
        let request = Spawn {
            argv: &resolved.command,
            env_set: &env_set,
            env_remove: &env_remove,
            stdout,
            stderr,
        };
        match spawn::spawn(&request) {
            Ok(child) => {
                let pid = child.pid;
                self.child = Some(Running { incarnation, pid });
                self.own = Some(Running { incarnation, pid });
                let mut open = |fd: Option<_>, stream, scan| {
                    let source = fd.map(|fd| Source::new(fd, incarnation, stream, scan));
                    self.sources.extend(source);
                };
                open(child.stdout, Stream::Out, true);
                open(child.stderr, Stream::Err, false);
                let start_time = tree::identity(pid).map(|start| start.0);
                self.step(Event::Spawned { incarnation, pid, start_time });
            }
            Err(error) => {
                let kind = match error.kind {
                    Kind::NotFound => SpawnFailureKind::NotFound,
                    Kind::NotExecutable => SpawnFailureKind::NotExecutable,
                    Kind::Other => SpawnFailureKind::System,
                };
                let failure = SpawnFailure { kind, error: error.to_string() };
                self.step(Event::SpawnFailed { incarnation, failure });
            }
        }
    }

    /// What the child is told through its environment (SPEC §3).
    fn environment(&self, incarnation: u32) -> Vec<(OsString, OsString)> {
        let settings = self.supervisor.settings();
        let interval = settings.interval.as_secs_f64().to_string();
        let mut set: Vec<(OsString, OsString)> = vec![
            ("AGENTWATCH_NAME".into(), self.identity.name.clone().into()),
            ("AGENTWATCH_INCARNATION".into(), incarnation.to_string().into()),
            ("AGENTWATCH_INTERVAL".into(), interval.into()),
        ];
        if let Some(ending) = self.supervisor.last_ending() {
            let text = match ending {
                Ending::Exit { code } => format!("exit {code}"),
                Ending::Signal { signal, .. } => format!("signal {}", signal.0),
                Ending::Unknown => "unknown".to_owned(),
            };
            set.push(("AGENTWATCH_LAST_EXIT".into(), text.into()));
        }
        // A piped Python would hold its beats back for minutes.
        if std::env::var_os("PYTHONUNBUFFERED").is_none() {
            set.push(("PYTHONUNBUFFERED".into(), "1".into()));
        }
        set
    }

    fn stop(&mut self, incarnation: u32, signal: Signal, scope: StopScope) {
        let Some(child) = self.child.as_ref().filter(|child| child.incarnation == incarnation)
        else {
            return;
        };
        // Who is gone already needs no signal: its end is on its way to us.
        let _ = match scope {
            StopScope::Group => signals::send_group(child.pid, signal)
                .and_then(|_| signals::send_group(child.pid, signals::CONT)),
            StopScope::Child => signals::send(child.pid, signal)
                .and_then(|_| signals::send(child.pid, signals::CONT)),
        };
    }

    /// Signals what is left of a tree and tells what that is.
    fn end_tree(&mut self, incarnation: u32, how: Force) {
        // Zombies of ours still count as alive to the kernel.
        if let Err(error) = self.reap() {
            let what = format!("{error:#}");
            self.effects.push_back(Effect::Record(Fact::Bug { what }));
        }
        let names = match (&self.own, &self.supervisor.memory().tree) {
            // Its group is ours as long as anything is in it.
            (Some(own), _) if own.incarnation == incarnation => push_group(own.pid, how),
            // Of an earlier life only what bears our mark: the number may be a stranger's by now.
            (_, Some(tree)) if tree.incarnation == incarnation => tree
                .pid
                .map(|pid| push_marked(pid, &self.mark(incarnation), how))
                .unwrap_or_default(),
            (_, _) => Vec::new(),
        };
        let event = if names.is_empty() {
            Event::TreeGone { incarnation }
        } else {
            Event::TreeLeft { incarnation, names }
        };
        self.step(event);
    }

    /// What a process of an incarnation bears in its environment.
    fn mark(&self, incarnation: u32) -> [Vec<u8>; 2] {
        [
            format!("AGENTWATCH_NAME={}", self.identity.name).into_bytes(),
            format!("AGENTWATCH_INCARNATION={incarnation}").into_bytes(),
        ]
    }
}

/// Pushes a process group; gives the names of what is in it.
fn push_group(pgid: i32, how: Force) -> Vec<String> {
    if !tree::group_alive(pgid) {
        return Vec::new();
    }
    push(how, |signal| signals::send_group(pgid, signal));
    if !tree::SEES_MEMBERS {
        return vec![format!("process group {pgid}")];
    }
    living(pgid).map(|member| member.comm).collect()
}

/// Pushes what is in a process group and bears our mark; gives the names of it.
fn push_marked(pgid: i32, mark: &[Vec<u8>], how: Force) -> Vec<String> {
    let marked = living(pgid).filter(|member| tree::bears(member.pid, mark));
    marked
        .map(|member| {
            push(how, |signal| signals::send(member.pid, signal));
            member.comm
        })
        .collect()
}

/// The dead wait for their parent to notice, which is none of our affair.
fn living(pgid: i32) -> impl Iterator<Item = tree::Member> {
    tree::group_members(pgid).into_iter().filter(|member| !member.zombie)
}

/// Sends what `how` means; nobody there to hear it is what is wanted.
fn push(how: Force, mut send: impl FnMut(Signal) -> std::io::Result<signals::Sent>) {
    match how {
        Force::Look => {}
        Force::Term => {
            let _ = send(Signal::TERM);
            let _ = send(signals::CONT);
        }
        Force::Kill => {
            let _ = send(Signal::KILL);
        }
    }
}

/// Variables that are agentwatch's own and never reach the child (SPEC §2, §10).
fn is_ours(name: &std::ffi::OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name.starts_with(OPT_PREFIX.as_bytes())
        || name.starts_with(b"WATCHDOG_")
        || [&b"NOTIFY_SOCKET"[..], b"AGENTWATCH_LAST_EXIT", b"LISTEN_FDS", b"LISTEN_PID"]
            .contains(&name)
}
