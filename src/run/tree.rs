//! Signals to the child and its tree: stop, pass on, and the end of what is left.

use std::io;

use crate::core::effect::{Effect, Force};
use crate::core::event::{Event, Stray};
use crate::core::fact::Fact;
use crate::core::settings::StopScope;
use crate::core::signal::Signal;
use crate::sys::tree::{self, Kin, Process, StartTime};
use crate::sys::{host, signals};
use crate::wire::process;

use super::Shell;
use super::child::Running;

/// How often a tree that is being killed is looked through in one go: what a process forks while the
/// others are killed is found in the next round, and a storm of forks is over within a few.
const ROUNDS: usize = 8;

/// The variable that all processes of an incarnation inherit: run, incarnation, the agent's folder.
pub const MARK: &str = "AGENTWATCH_MARK";

impl Shell {
    /// The value of the mark of an incarnation; without the number of its run where that is not known.
    pub(super) fn mark(&self, incarnation: u32, run: Option<u64>) -> String {
        let run = run.map(|run| format!("{run:016x}")).unwrap_or_default();
        format!("{run}:{incarnation}:{}", self.paths.dir().display())
    }

    /// Sends a stop signal, then CONT: a stopped process would wait for ever with it.
    pub(super) fn stop(&mut self, incarnation: u32, signal: Signal, scope: StopScope, sent: bool) {
        let scope = if sent { StopScope::Group } else { scope };
        if !sent {
            self.send(incarnation, signal, scope);
        }
        self.send(incarnation, signals::CONT, scope);
    }

    /// Sends a signal to a child or its group. Who is gone already needs none: its end is on its way.
    pub(super) fn send(&mut self, incarnation: u32, signal: Signal, scope: StopScope) {
        let Some(child) = self.child.as_ref().filter(|child| child.incarnation == incarnation)
        else {
            return;
        };
        // Its status is not collected yet, so the number is still its own.
        let pid = child.pid;
        let shared = scope == StopScope::Group && child.shares_group && tree::SEES_ALL;
        if let Some(Ok(members)) = shared.then(|| self.members(incarnation)) {
            // Our group holds us, and in a pipeline strangers as well.
            for process in &members {
                // A Ctrl-Z that came in while we looked has stopped them: to continue them now would have
                // them run while the shell believes the whole job stopped.
                if signal == signals::CONT && signals::suspension_pending() {
                    break;
                }
                let _ = tree::signal(process, signal);
            }
            return;
        }
        let leads = scope == StopScope::Group && !child.shares_group;
        let to_group = leads.then(|| signals::send_group(pid, signal));
        // Without anybody in it, it has left the group that it was made the leader of.
        if !matches!(to_group, Some(Ok(signals::Sent::Delivered))) {
            let _ = signals::send(pid, signal);
        }
    }

    /// Signals what is left of a tree and tells what that is.
    pub(super) fn end_tree(&mut self, incarnation: u32, how: Force) {
        // Zombies of ours still count as alive to the kernel.
        if let Err(error) = self.reap() {
            let what = format!("{error:#}");
            self.effects.push_back(Effect::Record(Fact::Bug { what }));
        }
        let Ok(left) = self.push(incarnation, how) else {
            // We cannot look, so something may be left, and nobody can say what.
            self.step(Event::TreeLeft { incarnation, left: Vec::new() });
            return;
        };
        if left.is_empty() {
            // What died of it since then is not left to whoever inherits us.
            let _ = self.reap();
            self.terminal_back(incarnation);
            self.close_roads(incarnation);
            self.step(Event::TreeGone { incarnation });
        } else {
            self.step(Event::TreeLeft { incarnation, left });
        }
    }

    fn push(&mut self, incarnation: u32, how: Force) -> io::Result<Vec<Stray>> {
        let own = self.own.as_ref().filter(|own| own.incarnation == incarnation);
        // Orphans come to us, so without any child there is nothing below us.
        if own.is_some() && tree::SEES_ALL && self.childless {
            return Ok(Vec::new());
        }
        let group = own.filter(|own| !own.shares_group).map(|own| own.pid);
        if !tree::SEES_ALL {
            return Ok(push_group(group, how));
        }
        let mut left = self.look(incarnation)?;
        let found = left.iter().map(named).collect();
        for _ in 0..ROUNDS {
            if left.is_empty() {
                break;
            }
            // In one call for all of the group, so that none of it sees another die first.
            let at_once = group.filter(|group| left.iter().any(|one| one.group == *group));
            if let Some(group) = at_once {
                push(how, |signal| signals::send_group(group, signal));
            }
            // Between our look and the signal a process may have made itself the leader of another group.
            let missed = |one: &&Process| at_once != Some(one.group) || tree::has_moved(one);
            for process in left.iter().filter(missed) {
                push(how, |signal| tree::signal(process, signal));
            }
            if how != Force::Kill {
                break;
            }
            if self.reap().is_err() {
                break;
            }
            left = self.members(incarnation)?;
        }
        Ok(found)
    }

    /// The same as `members`, but an empty answer is doubted while a child of ours lives that can only be
    /// of this tree: it may have moved on under our eyes. Not for ever: /proc may hide the others' processes.
    fn look(&mut self, incarnation: u32) -> io::Result<Vec<Process>> {
        let own = self.own.is_some_and(|own| own.incarnation == incarnation);
        let no_stranger = own && self.inherited.is_empty() && !host::is_pid1();
        for _ in 0..ROUNDS {
            let left = self.members(incarnation)?;
            if !left.is_empty() || !no_stranger || self.reap().is_err() || self.childless {
                return Ok(left);
            }
        }
        Ok(Vec::new())
    }

    /// The living processes of an incarnation, as far as this system shows them.
    fn members(&self, incarnation: u32) -> io::Result<Vec<Process>> {
        let own = self.own.as_ref().filter(|own| own.incarnation == incarnation);
        let recorded = self.supervisor.memory().tree.as_ref();
        let recorded = recorded.filter(|tree| tree.incarnation == incarnation);
        let run = recorded.and_then(|tree| tree.run);
        let mark = self.mark(incarnation, run);
        let marked = |variable: &[u8]| {
            let value = variable.strip_prefix(MARK.as_bytes());
            let value = value.and_then(|value| value.strip_prefix(b"="));
            // Of a run whose number is lost, the incarnation and the folder must do.
            value.is_some_and(|value| {
                if run.is_some() {
                    value == mark.as_bytes()
                } else {
                    value.ends_with(mark.as_bytes())
                }
            })
        };
        let child = own.map(|own| own.pid).or_else(|| recorded.and_then(|tree| tree.pid));
        let start = recorded.and_then(|tree| tree.start_time).map(StartTime);
        let kin = Kin {
            child,
            start,
            led_group: own.is_none_or(|own| !own.shares_group),
            ours: own.is_some(),
            inherited: &self.inherited,
            init: host::is_pid1(),
        };
        tree::members(&kin, &marked)
    }

    /// Looks how much memory the tree has. Where it cannot be seen, nothing is told.
    pub(super) fn measure(&mut self, incarnation: u32) {
        let members = self.members(incarnation).unwrap_or_default();
        if members.is_empty() {
            return;
        }
        let rss_kib = members.iter().fold(0, |sum: u64, one| sum.saturating_add(one.rss_kib));
        let processes = u32::try_from(members.len()).unwrap_or(u32::MAX);
        self.step(Event::Measured { incarnation, rss_kib, processes });
    }

    /// Stops every process of the tree where it is, and tells how many of them ran until now.
    pub(super) fn freeze(&mut self, incarnation: u32) {
        let members = self.members(incarnation).unwrap_or_default();
        if members.is_empty() {
            // Where the tree cannot be seen, its group goes as one.
            self.send(incarnation, signals::STOP, StopScope::Group);
        }
        let mut fresh = 0_u32;
        for process in members {
            let known = (process.pid, process.start);
            if !self.frozen.contains(&known) {
                fresh = fresh.saturating_add(1);
                self.frozen.push(known);
            }
            let _ = tree::signal(&process, signals::STOP);
        }
        self.step(Event::Frozen { incarnation, fresh });
    }

    /// Lets every process of the tree go on.
    pub(super) fn thaw(&mut self, incarnation: u32) {
        self.frozen.clear();
        let members = self.members(incarnation).unwrap_or_default();
        if members.is_empty() {
            self.send(incarnation, signals::CONT, StopScope::Group);
        }
        for process in members {
            let _ = tree::signal(&process, signals::CONT);
        }
    }

    /// After the last of a tree is gone the terminal is ours again, as it was if the child died badly.
    fn terminal_back(&mut self, incarnation: u32) {
        let Some(own) = self.own.as_ref().filter(|own| own.incarnation == incarnation) else {
            return;
        };
        let Some(terminal) = self.terminal.as_ref().filter(|_| own.shares_group) else { return };
        terminal.take_back();
        if own.died_badly {
            terminal.restore();
        }
    }
}

/// Where only groups can be seen: the group of a child of ours. Of an earlier life nothing is touched,
/// as the number may be a stranger's by now.
fn push_group(group: Option<i32>, how: Force) -> Vec<Stray> {
    let Some(group) = group.filter(|group| tree::group_alive(*group)) else { return Vec::new() };
    push(how, |signal| signals::send_group(group, signal));
    vec![Stray { pid: group, name: format!("process group {group}") }]
}

fn named(process: &Process) -> Stray {
    let name = process::name(&process.comm, &tree::command_line(process.pid));
    Stray { pid: process.pid, name }
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

impl Running {
    /// Remembers how it ended, for the terminal.
    pub(super) fn note_end(&mut self, badly: bool) {
        self.died_badly = badly;
    }
}
