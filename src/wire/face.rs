//! The few lines that `run` says on stderr: the product's face (SPEC §11). Pure: facts in, lines out.

use std::time::Duration;

use crate::core::cost::limits::Action;
use crate::core::cost::sign::{Cleared, LoopOver, Sign};
use crate::core::ending::Ending;
use crate::core::event::{Kept, SpawnFailureKind, Traces};
use crate::core::fact::{Cause, Fact, FinishedWhy, Outcome, Recognised, Released, StopBy, StopWhy};
use crate::core::settings::{OnMissed, Policy, Settings};
use crate::core::signal::Signal;
use crate::core::time::millis;

use super::ending as ending_words;
use super::stamp::local_time;
use super::tone::{Tone, tone};
use super::words::{self, span};
use super::{costs, custody, down};

/// What a person who happens to look learns when no sink is configured.
const NOBODY: &str = "nobody was told, no alert sink; try: --alert ntfy:YOUR-TOPIC";

/// One line, without prefix and newline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// How much it matters.
    pub tone: Tone,
    /// The line, naming the agent first.
    pub text: String,
}

/// What the lines depend on besides the facts.
#[derive(Clone, Debug)]
pub struct Voice {
    /// The agent's name.
    pub name: String,
    /// What a command for this agent needs besides its name: ` --state-dir /tmp/x`, or nothing.
    pub options: String,
    /// Seconds east of UTC.
    pub offset_s: i32,
    /// A person sits at the terminal: Ctrl-C means something.
    pub interactive: bool,
    settings: Settings,
    said: SaidAlready,
    /// What follows the trouble that was told last.
    action: OnMissed,
    /// What an unhealthy child was doing when it was looked at.
    seen: Option<String>,
    /// What its output is read as.
    preset: Option<String>,
}

/// What is said once in a `run`.
#[derive(Clone, Debug, Default)]
struct SaidAlready {
    started: bool,
    healthy: bool,
    bad_beat: bool,
}

impl Voice {
    /// The voice of one `run`.
    #[must_use]
    pub fn new(name: String, options: String, interactive: bool, settings: Settings) -> Self {
        Self {
            name,
            options,
            offset_s: 0,
            interactive,
            settings,
            said: SaidAlready::default(),
            action: OnMissed::Restart,
            seen: None,
            preset: None,
        }
    }

    /// What a person should hear of a fact; most facts are for the journal alone.
    #[expect(clippy::too_many_lines, reason = "a table: one arm a fact, no steps")]
    pub fn say(&mut self, fact: &Fact) -> Vec<Said> {
        let plain = self.settings.policy == Policy::Never;
        if let Fact::Unhealthy { action, .. } | Fact::Stalled { action, .. } = fact {
            self.action = *action;
        }
        if let Fact::Recognised(Recognised { preset, interval_ms, .. }) = fact {
            self.settings.interval = Duration::from_millis(*interval_ms);
            self.preset = Some(preset.clone());
        }
        let lines = match fact {
            Fact::Started { pid, first_beat_ms, .. } => {
                let line = self.started(*pid, *first_beat_ms);
                if plain { Vec::new() } else { vec![line] }
            }
            Fact::Beat(beat) => match beat.first_after_ms {
                Some(after) if !plain && !self.said.healthy => {
                    self.said.healthy = true;
                    vec![self.healthy(after)]
                }
                _ => Vec::new(),
            },
            Fact::BadBeat { reason, .. } if !self.said.bad_beat => {
                self.said.bad_beat = true;
                vec![format!("not a beat: {reason}; counted in the journal")]
            }
            // To a plain wrapper neither changes anything.
            Fact::Unwatched { .. } | Fact::ShutdownAnnounced { .. } if plain => Vec::new(),
            Fact::Unwatched { silent_ms, .. } => self.unwatched(*silent_ms),
            Fact::Evidence { .. } => self.seen(fact),
            // What a budget or a loop led to, it has said.
            Fact::Exited { outcome: Outcome::Parked, rule: None, .. } => Vec::new(),
            Fact::Exited { ending, ran_ms, outcome, traces, .. } => {
                self.exited(*ending, *ran_ms, *outcome, traces)
            }
            Fact::SpawnFailed { failure, .. } => {
                vec![self.not_started(failure.kind, &failure.error)]
            }
            Fact::Cooldown { wait_ms, until } => {
                let at = local_time(*until, self.offset_s);
                let cooldown = span(millis(self.settings.cooldown));
                let stop = if self.interactive { " · stop: Ctrl-C" } else { "" };
                let now = self.command("restart");
                let wait = span(*wait_ms);
                vec![format!("next start {at}, in {wait} (cooldown {cooldown}); now: {now}{stop}")]
            }
            Fact::Escalated { .. } => {
                let (why, way_out) = (down::escalated(fact), self.command("resume"));
                let mut said = vec![format!("GAVE UP after {why}; stays down until: {way_out}")];
                if !self.settings.alerting.sinks {
                    said.push(NOBODY.to_owned());
                }
                said
            }
            Fact::Latched { since, failures, why } => vec![format!(
                "down since {} ({}); stays down until: {}",
                super::stamp::local(*since, self.offset_s),
                down::latched(*why, *failures),
                self.command("resume")
            )],
            Fact::Parked { wait_ms, until, asked, budget } => {
                let at = local_time(*until, self.offset_s);
                let asked = match budget {
                    Some(budget) => &format!(", when {} are fresh", costs::budget(*budget)),
                    None if *asked => ", as it asked",
                    None => "",
                };
                let now = self.command("restart");
                vec![format!("parked until {at}, for {}{asked}; now: {now}", span(*wait_ms))]
            }
            Fact::Waiting { wait_ms, until } => {
                let at = local_time(*until, self.offset_s);
                let now = self.command("restart");
                vec![format!("run complete; next at {at}, in {}; now: {now}", span(*wait_ms))]
            }
            Fact::Held => vec![format!("stays down until: {}", self.command("resume"))],
            Fact::Paused { .. } => vec![format!(
                "paused, all its processes are stopped; go on: {}",
                self.command("resume")
            )],
            Fact::Continued { paused_ms, .. } => {
                vec![format!("goes on after a pause of {}", span(*paused_ms))]
            }
            Fact::RestartAsked { at_beat } => {
                let when = if *at_beat { ", at its next beat" } else { "" };
                vec![format!("a person wants it started anew{when}")]
            }
            Fact::Released(Released { release, before }) => {
                let before = before.as_ref().map(|b| format!(" (before: {b})")).unwrap_or_default();
                vec![format!("release {release}{before}; earlier failures are forgotten")]
            }
            Fact::Recovered { after_ms, alive_only, .. } => vec![if *alive_only {
                let alive = span(millis(self.settings.reset_after));
                format!("recovered, alive for {alive} without a failure")
            } else {
                format!("recovered, beats are back after {}", span(*after_ms))
            }],
            Fact::Unhealthy { action: OnMissed::Alert, triggered: true, .. } => {
                vec![format!("{}; left alone (on_missed = alert)", super::notices::TRIGGERED)]
            }
            Fact::Unhealthy { silent_ms, action: OnMissed::Alert, .. } => {
                vec![format!("silent for {}; left alone (on_missed = alert)", span(*silent_ms))]
            }
            Fact::Stalled { action: OnMissed::Alert, .. } => {
                vec![format!("{} (on_stalled = alert)", words::describe(fact).1)]
            }
            Fact::LoopSuspected { .. }
            | Fact::LoopCleared { .. }
            | Fact::LoopSettled { .. }
            | Fact::BudgetWarning { .. }
            | Fact::BudgetExceeded { .. }
            | Fact::Rebaselined { .. } => self.cost(fact),
            Fact::Validated(_) => custody::notes(fact),
            Fact::StateInvalid(_) => custody::lines(fact),
            Fact::StateRestored(_) => vec![format!("restored {}", words::describe(fact).1)],
            Fact::Idle { .. }
            | Fact::StateRepaired(_)
            | Fact::RestoreFailed(_)
            | Fact::StatePassedOver(_)
            | Fact::StateQuarantined(_)
            | Fact::SnapshotFailed { .. }
            | Fact::SnapshotWorks => vec![words::describe(fact).1],
            Fact::Stopping { why: StopWhy::StopTimeout, .. } => {
                let timeout = span(millis(self.settings.stop_timeout));
                vec![format!("did not stop in {timeout}; killing it")]
            }
            Fact::Stopping { why: StopWhy::Impatience, .. } => vec!["killing it".to_owned()],
            Fact::Stopped { by, summary, .. } => {
                let by = self.stopper(*by);
                let after = span(summary.after_ms);
                vec![format!("stopped by {by} after {after}{}", words::summary(summary))]
            }
            Fact::Finished { reason, code, summary } => Self::finished(*reason, *code, summary),
            Fact::ShutdownAnnounced { .. }
            | Fact::Progressing { .. }
            | Fact::TreeStuck { .. }
            | Fact::Resumed { .. }
            | Fact::SourceOff { .. }
            | Fact::AlertFailed(_)
            | Fact::ReportFailed(_)
            | Fact::OutputBlocked { .. }
            | Fact::OutputUnblocked { .. }
            | Fact::StoreWorks { .. }
            | Fact::StateRebuilt(_)
            | Fact::Bug { .. } => vec![Self::worded(fact)],
            Fact::StoreFailed { what: Kept::Log, .. } => {
                let words = words::describe(fact).1;
                vec![format!("{words}; supervision goes on, output is not kept meanwhile")]
            }
            Fact::StoreFailed { .. } => vec![format!(
                "{}; supervision goes on, a crash of agentwatch would now lose what happens",
                words::describe(fact).1
            )],
            Fact::SupervisorStarted { .. }
            | Fact::SupervisorStopped { .. }
            | Fact::SignalPassed { .. }
            | Fact::Strays { .. }
            | Fact::BadBeat { .. }
            | Fact::Memory(_)
            | Fact::Notified { .. }
            | Fact::Recognised { .. }
            | Fact::Extended { .. }
            | Fact::Late { .. }
            | Fact::Unhealthy { .. }
            | Fact::Stalled { .. }
            | Fact::Stopping { .. }
            | Fact::Validating { .. }
            | Fact::SnapshotTaken(_)
            | Fact::IncidentOpened(_)
            | Fact::IncidentWorsened(_)
            | Fact::IncidentClosed(_)
            | Fact::Acknowledged(_)
            | Fact::Snoozed(_)
            | Fact::AlertSent(_)
            | Fact::ReportSent(_)
            | Fact::StreakForgotten { .. } => Vec::new(),
        };
        let tone = match fact {
            Fact::Beat(_) => Tone::Good,
            fact => tone(fact),
        };
        let said = |text| Said { tone, text: format!("{}: {text}", self.name) };
        lines.into_iter().map(said).collect()
    }
}

impl Voice {
    fn command(&self, verb: &str) -> String {
        format!("agentwatch {verb} {}{}", self.name, self.options)
    }

    /// What it uses, and what a person can type about it.
    fn cost(&self, fact: &Fact) -> Vec<String> {
        let text = costs::words(fact);
        let right = format!("is that right? {} --rebaseline", self.command("resume"));
        match fact {
            Fact::LoopSuspected { sign: Sign::Tokens { .. }, action: Action::Alert, .. } => {
                vec![format!("LOOP? {text} (cost.on_loop = alert); {right}")]
            }
            Fact::LoopSuspected { .. } => vec![format!("LOOP? {text}")],
            Fact::LoopSettled { .. } => vec![format!("{text}; {right}")],
            Fact::LoopCleared(LoopOver { why: Cleared::Normal, .. }) => {
                vec![format!("no loop: {text}")]
            }
            Fact::LoopCleared { .. } => Vec::new(),
            Fact::BudgetWarning { .. } => vec![format!("budget: {text}")],
            Fact::BudgetExceeded { action: Action::Alert, .. } => {
                vec![format!("BUDGET EXCEEDED: {text} (cost.on_exceeded = alert)")]
            }
            Fact::BudgetExceeded { .. } => vec![format!("BUDGET EXCEEDED: {text}")],
            _ => vec![text],
        }
    }

    /// A fact that needs its event's name to be understood.
    fn worded(fact: &Fact) -> String {
        let text = words::describe(fact).1;
        match fact {
            Fact::ShutdownAnnounced { .. } => format!("shutdown announced: {text}"),
            Fact::TreeStuck { .. } => format!("STUCK: {text}"),
            Fact::Resumed { .. } => format!("resumed {text}"),
            _ => text,
        }
    }

    fn started(&mut self, pid: i32, first_beat_ms: Option<u64>) -> String {
        if std::mem::replace(&mut self.said.started, true) {
            return format!("started again, pid {pid}");
        }
        let watched = match first_beat_ms {
            Some(ms) => format!("first beat expected within {}", span(ms)),
            None if self.settings.beats => {
                "exits are watched, hangs from the first beat on".to_owned()
            }
            None => "exits are watched, beats are not (--beats none)".to_owned(),
        };
        format!("started, pid {pid}; {watched}")
    }

    fn healthy(&self, after_ms: u64) -> String {
        let interval = self.settings.interval;
        let all = span(millis(interval.saturating_mul(self.settings.misses)));
        let each = span(millis(interval));
        let means = match self.settings.on_missed {
            OnMissed::Restart => "restart",
            OnMissed::Alert => "an alert",
        };
        let misses = self.settings.misses;
        let after = span(after_ms);
        let read = self.preset.as_ref().map(|preset| format!(", read as {preset}'s"));
        let read = read.unwrap_or_default();
        format!(
            "healthy, first beat after {after}{read}; {all} of silence ({misses} × {each}) now means {means}"
        )
    }

    fn unwatched(&self, silent_ms: u64) -> Vec<String> {
        let print = format!(
            r#"  print({{"agent":"{}","status":"ok","tokens_used":n,"ts":time.time()}})"#,
            self.name
        );
        vec![
            format!(
                "no beat in {}, so a hang would go unseen; print this once a cycle:",
                span(silent_ms)
            ),
            print,
            "  cannot change it: --beats output · exits are enough: --beats none".to_owned(),
        ]
    }

    /// What a silent child does belongs to the line about its end; where it is left alone, it is a line.
    fn seen(&mut self, fact: &Fact) -> Vec<String> {
        let seen = words::evidence(fact);
        if self.action == OnMissed::Alert {
            return seen.into_iter().collect();
        }
        self.seen = seen;
        Vec::new()
    }

    fn exited(
        &mut self,
        ending: Ending,
        ran_ms: Option<u64>,
        outcome: Outcome,
        traces: &Traces,
    ) -> Vec<String> {
        let seen = self.seen.take();
        match outcome {
            Outcome::Failure { cause, streak, max } => {
                let (oom, seen) = (traces.oom.as_ref(), seen.as_deref());
                let why = ending_words::failure(cause, ending, ran_ms, oom, seen);
                vec![format!("failure {streak} of {max}: {why}")]
            }
            Outcome::Signalled => {
                vec![format!(
                    "{}, passed on for somebody; no failure",
                    ending_words::ending(ending)
                )]
            }
            Outcome::NoFault => {
                vec!["the machine went down with it; its end is recorded as unknown".to_owned()]
            }
            // Codes that agentwatch gives a meaning of its own: whose is it?
            Outcome::Passed => match ending {
                Ending::Exit { code: code @ (69 | 75 | 78 | 125..=127) } => {
                    vec![format!("exit {code} is the command's own")]
                }
                Ending::Exit { .. } | Ending::Signal { .. } | Ending::Unknown => Vec::new(),
            },
            Outcome::Parked => {
                let why = ending_words::failure(Cause::Exited, ending, ran_ms, None, None);
                vec![format!("{why}; no failure, as a restart rule says")]
            }
            Outcome::Finished
            | Outcome::Stopped
            | Outcome::Restarting
            | Outcome::Completed { .. } => Vec::new(),
        }
    }

    fn not_started(&self, kind: SpawnFailureKind, error: &str) -> String {
        let fatal = !self.said.started || self.settings.policy == Policy::Never;
        match kind {
            SpawnFailureKind::NotFound if fatal => {
                format!("cannot start: {error}; no restart, exit 127")
            }
            SpawnFailureKind::NotExecutable if fatal => {
                format!("cannot start: {error}; no restart, exit 126")
            }
            SpawnFailureKind::NotFound
            | SpawnFailureKind::NotExecutable
            | SpawnFailureKind::System => format!("cannot start: {error}"),
        }
    }

    fn stopper(&self, by: StopBy) -> String {
        match by {
            StopBy::Signal(Signal::INT) if self.interactive => "Ctrl-C".to_owned(),
            StopBy::Signal(Signal::QUIT) if self.interactive => "Ctrl-\\".to_owned(),
            by => words::stopper(by),
        }
    }

    fn finished(
        reason: FinishedWhy,
        code: u8,
        summary: &crate::core::fact::Summary,
    ) -> Vec<String> {
        let after = span(summary.after_ms);
        let back = words::summary(summary);
        match reason {
            FinishedWhy::NotStarted | FinishedWhy::NeverRestart => Vec::new(),
            FinishedWhy::Announced => {
                vec![format!("finished as announced, exit {code} after {after}{back}")]
            }
            FinishedWhy::NeverBeat => vec![format!(
                "finished, exit {code} after {after}{back}; it never beat, so exit 0 is its end \
                 (else: --restart always)"
            )],
            FinishedWhy::Rule => {
                vec![format!("finished as a restart rule says, exit {code} after {after}{back}")]
            }
            FinishedWhy::Success => vec![format!("finished, exit {code} after {after}{back}")],
        }
    }
}

#[cfg(test)]
mod tests;
