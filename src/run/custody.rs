//! The short-lived processes around the state files: one that checks, copies and puts back, and the hook
//! that validates. They are started, heard and ended here; what their words mean the core decides.

use std::ffi::OsString;
use std::os::fd::OwnedFd;

use crate::core::ending::Ending;
use crate::core::event::Event;
use crate::core::fact::Cause;
use crate::core::signal::Signal;
use crate::core::validation::{Done, HookEnd, Task};
use crate::sys::pending::{self, ReadResult};
use crate::sys::reap::Ended;
use crate::sys::spawn::{self, Output, Spawn};
use crate::sys::{self, file, host, signals};
use crate::wire::ending;
use crate::wire::errand::{Errand, ORDER_MAX};
use crate::wire::mask::mask_lines;
use crate::wire::plain::brief;

use super::Shell;
use super::child::{READ_MAX, Running};
use super::perform::is_ours;
use super::tail::Tail;

/// The longest answer of an errand: the longest lists in it are bounded, and paths are.
const ANSWER_MAX: usize = 1 << 20;

/// The most that is read of a helper in one turn, and after its end: one that prints without end must not
/// keep us from anything else.
const TURN_MAX: usize = 1 << 20;

/// The process that is out on an errand.
#[derive(Debug)]
pub(super) struct Helper {
    number: u32,
    pid: i32,
    stdout: Option<OwnedFd>,
    answer: Vec<u8>,
}

/// The hook that runs.
#[derive(Debug)]
pub(super) struct Hook {
    incarnation: u32,
    pid: i32,
    pipes: Vec<OwnedFd>,
    tail: Tail,
}

/// Those that are there.
#[derive(Debug, Default)]
pub(super) struct Helpers {
    errand: Option<Helper>,
    hook: Option<Hook>,
}

impl Helpers {
    /// What is to be read of them.
    pub(super) fn fds(&self) -> impl Iterator<Item = &OwnedFd> {
        let stdout = self.errand.iter().filter_map(|helper| helper.stdout.as_ref());
        stdout.chain(self.hook.iter().flat_map(|hook| &hook.pipes))
    }
}

impl Shell {
    /// Sends a process on an errand.
    pub(super) fn errand(&mut self, number: u32, task: Task) {
        // Whoever was forgotten is not to write while this one does.
        self.drop_errand();
        match self.start_errand(number, task) {
            Ok(helper) => {
                // It is ours and no part of the tree of the child, wherever that is looked for.
                self.inherited.extend(sys::tree::identity(helper.pid).map(|id| (helper.pid, id)));
                self.childless = false;
                self.helpers.errand = Some(helper);
            }
            Err(error) => {
                let done = Box::new(Done::Failed { error });
                self.step(Event::ErrandDone { number, done });
            }
        }
    }

    fn start_errand(&self, number: u32, task: Task) -> Result<Helper, String> {
        let failed =
            |error: &dyn std::fmt::Display| format!("cannot look after the files: {error}");
        let resolved = &self.plan.resolved;
        let dir = self.paths.dir().to_str().ok_or_else(|| {
            let dir = self.paths.dir().display();
            format!("{dir}: is not UTF-8; set --state-dir to a path that is")
        })?;
        let errand = Errand {
            files: resolved.state_files.clone(),
            dir: dir.to_owned(),
            keep: resolved.keep_snapshots,
            max_bytes: resolved.max_snapshot_bytes,
            task,
        };
        let order = serde_json::to_vec(&errand).map_err(|error| brief(&error))?;
        if ORDER_MAX < order.len() {
            return Err(format!("{}; use patterns", failed(&"state.files is too long")));
        }
        let stdin = file::filled_pipe(&order).map_err(|error| failed(&error))?;
        // The very program that runs, also when another was installed in its place meanwhile.
        let argv = [host::own_program(), OsString::from("errand")];
        let request = Spawn {
            stdin: Some(&stdin),
            stdout: Output::Pipe,
            env_hidden: &is_ours,
            ..Spawn::new(&argv)
        };
        let child = spawn::spawn(&request).map_err(|error| failed(&error))?;
        Ok(Helper { number, pid: child.pid, stdout: child.stdout, answer: Vec::new() })
    }

    /// Kills the process that is out on an errand.
    pub(super) fn drop_errand(&mut self) {
        if let Some(helper) = self.helpers.errand.take() {
            // Not reaped yet, so the number is still its own.
            let _ = signals::send_group(helper.pid, Signal::KILL);
            let _ = signals::send(helper.pid, Signal::KILL);
        }
    }

    /// Kills whatever is out, before agentwatch leaves: not everywhere does the kernel do that.
    pub(super) fn drop_helpers(&mut self) {
        self.drop_errand();
        if let Some(hook) = self.helpers.hook.take() {
            let _ = signals::send_group(hook.pid, Signal::KILL);
        }
    }

    /// Starts the hook.
    pub(super) fn start_hook(
        &mut self,
        incarnation: u32,
        cause: Option<Cause>,
        restored: Option<String>,
    ) {
        let mut env_set = self.environment(incarnation);
        let files = self.plan.resolved.state_files.iter().map(|file| file.path.as_str());
        let files = files.collect::<Vec<_>>().join("\n");
        env_set.push(("AGENTWATCH_STATE_FILES".into(), files.into()));
        let reason = cause.map_or("start", ending::cause_word);
        env_set.push(("AGENTWATCH_REASON".into(), reason.into()));
        env_set.extend(restored.map(|set| ("AGENTWATCH_RESTORED".into(), set.into())));
        let argv = self.plan.resolved.hook.clone().unwrap_or_default();
        let null = file::input("/dev/null".as_ref()).map_err(|error| error.to_string());
        let started = null.and_then(|null| {
            let request = Spawn {
                env_set: &env_set,
                env_hidden: &|name| self.is_hidden(name),
                stdin: Some(&null),
                stdout: Output::Pipe,
                stderr: Output::Pipe,
                directory: self.directory.as_deref(),
                ..Spawn::new(&argv)
            };
            spawn::spawn(&request).map_err(|error| error.to_string())
        });
        match started {
            Ok(child) => {
                let pid = child.pid;
                let pipes = [child.stdout, child.stderr].into_iter().flatten().collect();
                self.helpers.hook = Some(Hook { incarnation, pid, pipes, tail: Tail::default() });
                // Whatever it leaves behind is found and ended as the tree of a child is.
                let running = Running { incarnation, pid, shares_group: false, died_badly: false };
                self.own = Some(running);
                self.childless = false;
                let start_time = sys::tree::identity(pid).map(|start| start.0);
                self.step(Event::HookStarted { incarnation, pid, start_time });
            }
            Err(error) => {
                let end = HookEnd { ending: Err(error), output: Vec::new() };
                self.step(Event::HookEnded { incarnation, end: Box::new(end) });
            }
        }
    }

    /// Reads what they say.
    pub(super) fn read_helpers(&mut self) {
        if self.helpers.errand.is_none() && self.helpers.hook.is_none() {
            return;
        }
        self.buffer.resize(self.buffer.len().max(READ_MAX), 0);
        if let Some(helper) = &mut self.helpers.errand {
            let answer = &mut helper.answer;
            helper.stdout.take_if(|fd| {
                !read(fd, &mut self.buffer, |bytes| {
                    // One more than is allowed shows that it is too much.
                    let room = (ANSWER_MAX + 1).saturating_sub(answer.len());
                    answer.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
                })
            });
        }
        if let Some(Hook { pipes, tail, .. }) = &mut self.helpers.hook {
            pipes.retain(|fd| read(fd, &mut self.buffer, |bytes| tail.push(bytes)));
        }
    }

    /// True if that was one of them; then the core is told.
    pub(super) fn tell_helper_end(&mut self, ended: &Ended) -> bool {
        self.inherited.retain(|(pid, _)| *pid != ended.pid);
        if self.helpers.errand.as_ref().is_some_and(|helper| helper.pid == ended.pid) {
            self.read_helpers();
            if let Some(helper) = self.helpers.errand.take() {
                let done = Box::new(answer(&helper, ended.ending));
                self.step(Event::ErrandDone { number: helper.number, done });
            }
            return true;
        }
        if self.helpers.hook.as_ref().is_some_and(|hook| hook.pid == ended.pid) {
            self.read_helpers();
            if let Some(hook) = self.helpers.hook.take() {
                let end = HookEnd { ending: Ok(ended.ending), output: masked_lines(&hook.tail) };
                let incarnation = hook.incarnation;
                self.step(Event::HookEnded { incarnation, end: Box::new(end) });
            }
            return true;
        }
        false
    }
}

/// Reads what lies ready; false at the end of it all.
fn read(fd: &OwnedFd, buffer: &mut [u8], mut take: impl FnMut(&[u8])) -> bool {
    let mut left = TURN_MAX;
    while left > 0 {
        match pending::read(fd, buffer) {
            ReadResult::Data(count) => {
                take(buffer.get(..count).unwrap_or_default());
                left = left.saturating_sub(count);
            }
            ReadResult::Empty => return true,
            ReadResult::End | ReadResult::Failed(_) => return false,
        }
    }
    true
}

/// What a hook said last, without what looks like a secret.
fn masked_lines(tail: &Tail) -> Vec<String> {
    let mut lines = tail.lines();
    mask_lines(&mut lines, |line| line);
    lines
}

/// What a process answered, or why it did not.
fn answer(helper: &Helper, ended: Ending) -> Done {
    let failed = |error: String| Done::Failed { error };
    if ANSWER_MAX < helper.answer.len() {
        return failed("agentwatch errand said more than anybody wants to know".to_owned());
    }
    match serde_json::from_slice(&helper.answer) {
        Ok(done) => done,
        Err(_) if ended != (Ending::Exit { code: 0 }) => {
            failed(format!("agentwatch errand did not end well: {}", ending::ending(ended)))
        }
        Err(error) => failed(format!("agentwatch errand: {}", brief(&error))),
    }
}
