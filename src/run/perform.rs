//! Performing effects, in the order given; what they led to goes back to the core as events.

use std::ffi::OsString;
use std::ops::ControlFlow;

use crate::config::keys::OPT_PREFIX;
use crate::config::presets;
use crate::core::effect::Effect;
use crate::core::ending::Ending;
use crate::core::event::{Event, Kept, SpawnFailure, SpawnFailureKind, SpawnStage};
use crate::core::fact::Fact;
use crate::core::settings::Policy;
use crate::core::validation::Task;
use crate::store::log;
use crate::sys::oom::OomWatch;
use crate::sys::spawn::{self, Group, Kind, Output, Spawn, Stage};
use crate::sys::{self, evidence, file, signals, tty};
use crate::wire::face::Said;
use crate::wire::plain::plain;
use crate::wire::preset::reader::Reader;
use crate::wire::stamp;
use crate::wire::tone::Tone;

use super::child::{Running, Source, Stream};
use super::{Shell, offset, tree};

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
            Effect::Persist { sync } => self.is_unsaved(sync),
            Effect::Spawn { incarnation, again } => {
                self.before_start();
                self.spawn(incarnation, again);
            }
            Effect::Examine { incarnation } => self.examine(incarnation),
            Effect::Measure { incarnation } => self.measure(incarnation),
            Effect::Stop { incarnation, signal, scope, reached } => {
                self.stop(incarnation, signal, scope, reached);
            }
            Effect::Pass { incarnation, signal, scope } => self.send(incarnation, signal, scope),
            Effect::Suspend { firmly } => {
                self.before_suspending();
                signals::suspend(firmly);
            }
            Effect::EndTree { incarnation, how } => self.end_tree(incarnation, how),
            Effect::Freeze { incarnation } => {
                self.before_suspending();
                self.freeze(incarnation);
            }
            Effect::Thaw { incarnation } => self.thaw(incarnation),
            Effect::Errand { number, task } => {
                if !matches!(task, Task::Snapshot { .. }) {
                    self.before_start();
                }
                self.errand(number, task);
            }
            Effect::DropErrand { .. } => self.drop_errand(),
            Effect::Hook { incarnation, cause, restored } => {
                self.before_start();
                self.start_hook(incarnation, cause, restored);
            }
            Effect::Alert(alert) => self.write_letter(&alert),
            Effect::Deliver => self.deliver(),
            Effect::DropDelivery => self.drop_delivery(),
            Effect::Report { day } => self.make_report(day),
            Effect::DropReport => self.drop_report(),
            Effect::Ping { fail } => self.ping(fail),
            Effect::Answer(reply) => self.reply = Some(reply),
            Effect::Exit { code } => {
                self.tell_above();
                self.drop_helpers();
                self.leave_post();
                self.before_leaving();
                self.drain();
                self.end_log();
                return ControlFlow::Break(code);
            }
        }
        ControlFlow::Continue(())
    }

    /// Keeps a fact for the journal and says what a person should hear of it.
    pub(super) fn record(&mut self, fact: &Fact) {
        // The offset is asked for only when a line needs it: few facts have one.
        if matches!(
            fact,
            Fact::Cooldown { .. }
                | Fact::Parked { .. }
                | Fact::Waiting { .. }
                | Fact::Latched { .. }
        ) {
            let offset = offset(&self.clock, self.now.wall);
            self.speaker.set_offset(offset);
        }
        for line in self.speaker.lines(fact) {
            self.say(&line);
        }
        self.note(fact);
    }

    /// Says a line of ours that is about no fact.
    pub(super) fn say_plain(&mut self, text: &str) {
        let line = self.speaker.plain(text);
        self.say(&line);
    }

    /// Says a line of ours that names the agent already.
    pub(super) fn say_line(&mut self, text: &str) {
        self.say(&Said { tone: Tone::Warning, text: text.to_owned() });
    }

    /// Says a line on stderr and, with the time, in the log.
    fn say(&mut self, said: &Said) {
        self.err.say(&self.speaker.finished(said));
        if let Some(log) = &mut self.log {
            let at = stamp::local(self.now.wall, offset(&self.clock, self.now.wall));
            let text = plain(said.text.as_bytes());
            log.take(log::From::Us, format!("agentwatch: {at} {text}\n").as_bytes());
        }
    }

    /// What was said of a line is all of it.
    fn end_log(&mut self) {
        if let Some(log) = &mut self.log {
            log.end(log::From::Out);
            log.end(log::From::Err);
        }
    }

    /// Says once that the log cannot be written, and that it can again.
    pub(super) fn tell_log(&mut self) {
        let what = Kept::Log;
        match self.log.as_mut().and_then(|log| log.news()) {
            None => {}
            Some(log::News::Fails(error)) => self.step(Event::StoreFailed { what, error }),
            Some(log::News::Works) => self.step(Event::StoreWorks { what }),
        }
    }

    fn spawn(&mut self, incarnation: u32, again: bool) {
        let stdin = match self.plan.resolved.stdin.as_ref().map(|path| (path, file::input(path))) {
            None => None,
            Some((_, Ok(file))) => Some(file),
            Some((path, Err(error))) => {
                let error = format!("{}: cannot open it as stdin: {error}", path.display());
                let (kind, stage) = (SpawnFailureKind::System, SpawnStage::Stdin);
                let failure = SpawnFailure { kind, stage, error };
                self.step(Event::SpawnFailed { incarnation, failure });
                return;
            }
        };
        let shared = self.terminal.as_mut().filter(|terminal| terminal.is_ours());
        let shares_group = shared.is_some();
        if let Some(terminal) = shared {
            terminal.remember();
        }
        // What was killed since the last end was a leftover, and none of the new one's.
        let _ = self.oom.as_mut().and_then(OomWatch::since);
        self.open_roads(incarnation);
        let env_set = self.environment(incarnation);
        let resolved = &self.plan.resolved;
        let argv = resolved.restart_command.as_ref().filter(|_| again).unwrap_or(&resolved.command);
        let (scan, stdout, stderr) = self.outputs();
        let request = Spawn {
            argv,
            env_set: &env_set,
            env_hidden: &|name| self.is_hidden(name),
            stdin: stdin.as_ref(),
            stdout,
            stderr,
            group: if shares_group { Group::Shared } else { Group::Own },
            directory: self.directory.as_deref(),
            outlives: false,
        };
        match spawn::spawn(&request) {
            Ok(child) => {
                let pid = child.pid;
                let running = Running { incarnation, pid, shares_group, died_badly: false };
                self.child = Some(running);
                self.own = Some(running);
                self.childless = false;
                let preset = &self.plan.resolved.preset;
                let reader = scan.then(|| Reader::new(preset.clone(), presets::builtin));
                let mut open = |fd: Option<_>, stream, reader| {
                    let source = fd.map(|fd| Source::new(fd, incarnation, stream, reader));
                    self.sources.extend(source);
                };
                open(child.stdout, Stream::Out, reader);
                open(child.stderr, Stream::Err, None);
                let start_time = sys::tree::identity(pid).map(|start| start.0);
                self.step(Event::Spawned { incarnation, pid, start_time });
                self.leave_directory();
            }
            Err(error) => {
                self.close_roads(incarnation);
                let kind = match error.kind {
                    Kind::NotFound => SpawnFailureKind::NotFound,
                    Kind::NotExecutable => SpawnFailureKind::NotExecutable,
                    Kind::Other => SpawnFailureKind::System,
                };
                let stage = match error.stage {
                    Stage::Fork => SpawnStage::Fork,
                    Stage::Chdir => SpawnStage::Chdir,
                    Stage::Exec => SpawnStage::Exec,
                };
                let failure = SpawnFailure { kind, stage, error: error.to_string() };
                self.step(Event::SpawnFailed { incarnation, failure });
            }
        }
    }

    /// Looks what a silent child is doing.
    fn examine(&mut self, incarnation: u32) {
        let child = self.child.filter(|child| child.incarnation == incarnation);
        if let Some(evidence) = child.and_then(|child| evidence::look(child.pid)) {
            self.step(Event::Examined { incarnation, evidence: Box::new(evidence) });
        }
    }

    /// Whether beats are looked for on stdout, and where the child's output goes.
    fn outputs(&self) -> (bool, Output, Output) {
        let resolved = &self.plan.resolved;
        let piped = |pipe| if pipe { Output::Pipe } else { Output::Inherit };
        // A plain wrapper that nobody asked for beats leaves the terminal to who expects one.
        let wrapper = resolved.settings.policy == Policy::Never && resolved.source_by_default;
        let scan = resolved.source.scans_stdout() && !(wrapper && tty::is_terminal(1));
        // What is kept must be read, also where it would be handed over untouched.
        let log = resolved.log.is_some();
        let capture = resolved.capture_stderr && !tty::is_terminal(2);
        (scan, piped(scan || log), piped(capture || log))
    }

    /// After the first start the working directory is the child's affair: we would only keep it from
    /// being unmounted or, if it is replaced, start the next child in what is no longer there.
    fn leave_directory(&mut self) {
        if self.directory.is_none() && std::env::set_current_dir("/").is_ok() {
            self.directory = Some(self.identity.directory.clone().into());
        }
    }

    /// What the child is told through its environment (SPEC §3).
    pub(super) fn environment(&self, incarnation: u32) -> Vec<(OsString, OsString)> {
        let settings = self.supervisor.settings();
        let interval = settings.interval.as_secs_f64().to_string();
        let mut set: Vec<(OsString, OsString)> = vec![
            ("AGENTWATCH_NAME".into(), self.identity.name.clone().into()),
            ("AGENTWATCH_INCARNATION".into(), incarnation.to_string().into()),
            ("AGENTWATCH_INTERVAL".into(), interval.into()),
            (tree::MARK.into(), self.mark(incarnation, Some(self.run)).into()),
        ];
        if let Some(ending) = self.supervisor.last_ending() {
            let text = match ending {
                Ending::Exit { code } => format!("exit {code}"),
                Ending::Signal { signal, .. } => format!("signal {}", signal.0),
                Ending::Unknown => "unknown".to_owned(),
            };
            set.push(("AGENTWATCH_LAST_EXIT".into(), text.into()));
        }
        set.extend(self.road_variables());
        // What is ours is not for a file to change: processes are known by it.
        for (name, value) in self.plan.resolved.variables.iter() {
            if !set.iter().any(|(ours, _)| ours == name) {
                set.push((name.into(), value.into()));
            }
        }
        // A piped Python would hold its beats back for minutes.
        let unbuffered = "PYTHONUNBUFFERED";
        let variables = &self.plan.resolved.variables;
        if std::env::var_os(unbuffered).is_none() && variables.get(unbuffered).is_none() {
            set.push((unbuffered.into(), "1".into()));
        }
        set
    }
}

/// Those of them that have names of their own; `AGENTWATCH_PIPE` is that of an agentwatch above us.
const OURS: [&[u8]; 5] =
    [b"NOTIFY_SOCKET", b"AGENTWATCH_PIPE", b"AGENTWATCH_LAST_EXIT", b"LISTEN_FDS", b"LISTEN_PID"];

/// Variables that are agentwatch's own and never reach the child (SPEC §2, §10).
pub(super) fn is_ours(name: &std::ffi::OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name.starts_with(OPT_PREFIX.as_bytes())
        || name.starts_with(b"WATCHDOG_")
        || OURS.contains(&name)
}
