//! Commands of a human: each is right in every state, and each is answered (SPEC §7).

use crate::core::command::{After, Command, Needless, Refusal, Reply};
use crate::core::effect::Effect;
use crate::core::event::By;
use crate::core::fact::{Fact, StopBy};
use crate::core::memory::{DelayWhy, Latch, LatchWhy};
use crate::core::settings::{OnEscalate, Policy};
use crate::core::time::Boot;

use super::{Next, State, StopCause, Supervisor, Wait};

impl Supervisor {
    /// Does what a human says.
    pub(super) fn command(&mut self, command: Command, out: &mut Vec<Effect>) {
        match command {
            Command::Resume { rebaseline } => {
                let usual = rebaseline.then(|| self.rebaseline(out));
                let reply = match (self.resume(out), usual) {
                    (Reply::Needless(_), Some(usual)) => Reply::Rebaselined { usual },
                    (reply, _) => reply,
                };
                out.push(Effect::Answer(reply));
            }
            Command::Restart { at_beat } => {
                let reply = self.restart(at_beat, out);
                out.push(Effect::Answer(reply));
            }
            Command::Pause => {
                let reply = self.ask_to_pause(out);
                out.push(Effect::Answer(reply));
            }
            Command::Ack => {
                let reply = self.acknowledge(out);
                out.push(Effect::Answer(reply));
            }
            Command::Snooze { time } => {
                let reply = self.snooze(time, out);
                out.push(Effect::Answer(reply));
            }
            Command::Stop { now, stay } => self.stop_by_command(now, stay, out),
        }
    }

    /// Lifts what keeps the agent from running: a latch, a pause, a cooldown, a parking.
    fn resume(&mut self, out: &mut Vec<Effect>) -> Reply {
        match &mut self.state {
            State::Paused(_) => Reply::Continued { paused: self.go_on(out) },
            State::Escalated
            | State::Down {
                wait: Wait::Cooldown | Wait::Delay(DelayWhy::Park { .. } | DelayWhy::Budget { .. }),
                ..
            } => {
                self.forgive(By::Command, out);
                self.start_after_tree(out)
            }
            State::Sweeping(sweeping)
                if matches!(sweeping.next, Next::Escalate | Next::Restart { .. }) =>
            {
                sweeping.next = Next::AT_ONCE;
                self.forgive(By::Command, out);
                self.persist(out);
                Reply::StartsAfterTree
            }
            State::Validating(_) => Reply::Needless(Needless::IsValidating),
            State::Down { wait: Wait::Delay(DelayWhy::Repeat), .. }
            | State::New
            | State::Live(_)
            | State::Stopping(_)
            | State::Sweeping(_)
            | State::Leaving(_)
            | State::Done => Reply::Needless(Needless::NothingToResume),
        }
    }

    /// Starts now, or as soon as a tree that was stuck is gone (SPEC rule 5).
    fn start_after_tree(&mut self, out: &mut Vec<Effect>) -> Reply {
        match &self.memory.tree {
            None => {
                self.start(out);
                Reply::Started
            }
            Some(tree) => {
                let incarnation = tree.incarnation;
                self.persist(out);
                self.sweep(incarnation, Next::AT_ONCE, None, out);
                Reply::StartsAfterTree
            }
        }
    }

    /// A fresh child, without a strike and without a cooldown.
    fn restart(&mut self, at_beat: bool, out: &mut Vec<Effect>) -> Reply {
        if self.settings.policy == Policy::Never {
            return Reply::Refused(Refusal::PlainWrapper);
        }
        if self.memory.latch.is_some() {
            return Reply::Refused(Refusal::Latched);
        }
        // Without a child there is no beat to wait for.
        let waits = at_beat && matches!(self.state, State::Live(_));
        let asked = Effect::Record(Fact::RestartAsked { at_beat: waits });
        let kill_after = self.settings.stop_timeout;
        match &mut self.state {
            State::Live(child) if child.announced.is_some() => {
                Reply::Refused(Refusal::ShuttingDown)
            }
            State::Live(child) if at_beat => {
                if !child.pulse.beaten() {
                    return Reply::Refused(Refusal::NeverBeat);
                }
                if !std::mem::replace(&mut child.restart_at_beat, true) {
                    out.push(asked);
                }
                Reply::RestartsAtBeat
            }
            State::Paused(_) if at_beat => Reply::Refused(Refusal::IsPaused),
            State::Live(_) | State::Paused(_) => {
                out.push(asked);
                self.begin_stop(StopCause::Restart, None, out);
                Reply::Restarting { kill_after }
            }
            State::Stopping(stopping) if stopping.requested.is_some() => {
                Reply::Refused(Refusal::Stopping)
            }
            // It is being ended anyhow; what is left to lift is the wait after that.
            State::Stopping(stopping) => {
                if stopping.cause != StopCause::Restart && !stopping.hurry {
                    stopping.hurry = true;
                    out.push(asked);
                }
                Reply::Restarting { kill_after }
            }
            State::Sweeping(sweeping) => match sweeping.next {
                Next::Restart { from, .. } => {
                    if from != Boot::default() {
                        sweeping.next = Next::AT_ONCE;
                        self.lift(out, asked);
                    }
                    Reply::StartsAfterTree
                }
                Next::Escalate | Next::Stopped { .. } | Next::Finished { .. } => {
                    Reply::Refused(Refusal::Stopping)
                }
            },
            State::Down { .. } => {
                self.lift(out, asked);
                self.start_after_tree(out)
            }
            State::Validating(_) => Reply::Needless(Needless::IsValidating),
            State::New | State::Escalated | State::Leaving(_) | State::Done => {
                Reply::Refused(Refusal::NoChild)
            }
        }
    }

    /// A human wants no wait before the next start; the streak stays as it is (SPEC rules 2 and 3).
    fn lift(&mut self, out: &mut Vec<Effect>, asked: Effect) {
        self.memory.cooldown_owed = false;
        self.memory.delay = None;
        out.push(asked);
        self.persist(out);
    }

    fn ask_to_pause(&mut self, out: &mut Vec<Effect>) -> Reply {
        match &self.state {
            State::Live(child) if child.announced.is_some() => {
                Reply::Refused(Refusal::ShuttingDown)
            }
            State::Live(_) => {
                self.pause(out);
                Reply::Paused
            }
            State::Paused(_) => Reply::Needless(Needless::IsPaused),
            State::Stopping(_) => Reply::Refused(Refusal::Stopping),
            State::New
            | State::Sweeping(_)
            | State::Validating(_)
            | State::Down { .. }
            | State::Escalated
            | State::Leaving(_)
            | State::Done => Reply::Refused(Refusal::NoChild),
        }
    }

    /// As a stop signal, and maybe at once, and maybe for good. The answer comes first: nothing comes
    /// after the word to leave.
    fn stop_by_command(&mut self, now: bool, stay: bool, out: &mut Vec<Effect>) {
        let kill_after = self.settings.stop_timeout;
        let holds = stay && self.settings.on_escalate == OnEscalate::Hold;
        let after = match stay {
            false => After::Leave,
            true if holds => After::Hold,
            true => After::LeaveLatched,
        };
        let reply = match &self.state {
            State::Live(_) | State::Paused(_) | State::Stopping(_) if now => {
                Reply::Killing { after }
            }
            State::Live(_) | State::Paused(_) => Reply::Stopping { kill_after, after },
            State::Stopping(stopping) if stopping.requested.is_none() => {
                Reply::Stopping { kill_after, after }
            }
            State::Stopping(_) | State::Leaving(_) | State::Done => {
                Reply::Needless(Needless::IsStopping)
            }
            State::New
            | State::Sweeping(_)
            | State::Validating(_)
            | State::Down { .. }
            | State::Escalated => Reply::NothingRan { after },
        };
        out.push(Effect::Answer(reply));
        if matches!(self.state, State::Leaving(_) | State::Done) {
            self.leave_now();
            return;
        }
        if stay && self.memory.latch.is_none() {
            let (since, why) = (self.now.wall, LatchWhy::Stay);
            self.memory.latch = Some(Latch { since, failures: 0, why });
            out.push(Effect::Record(Fact::Held));
            self.persist(out);
        }
        // Who holds already goes on holding.
        if !(holds && matches!(self.state, State::Escalated)) {
            self.stop(if stay { StopBy::STAY } else { StopBy::STOP }, false, out);
        }
        if now {
            self.kill_now(out);
        }
    }
}
