//! Telling people: incidents that follow from what is recorded, letters that are to be delivered, the dead
//! man's switch, and leaving only when the worst has been told (SPEC §8, §10).

use std::time::Duration;

use crate::core::command::{Needless, Reply};
use crate::core::effect::Effect;
use crate::core::fact::{Delivery, Fact, IncidentFact, Seen, Severity};
use crate::core::incident::{Alert, Incident, Part, Trouble};
use crate::core::time::{Boot, Up, Wall, millis};

use super::{State, Supervisor};

/// A delivery that takes longer hangs: its own limits end every try long before.
const DELIVERY_MAX: Duration = Duration::from_mins(30);

/// After one that had to be killed the next waits so long.
const DELIVERY_PAUSE: Duration = Duration::from_mins(1);

/// The dead man's switch is told this often (SPEC §8).
const PING_EVERY: Duration = Duration::from_mins(1);

/// Letters and their delivery.
#[derive(Clone, Debug, Default)]
pub(super) struct Alerts {
    /// The last lines that the agent printed before it failed last.
    output: Vec<String>,
    /// A delivery is under way, since then.
    running: Option<Up>,
    /// A letter was written meanwhile.
    again: bool,
    /// A human is needed and may not know it yet.
    urgent: bool,
    /// The next delivery.
    next: Option<Boot>,
    /// The next ping.
    ping: Option<Boot>,
    /// It was told that a human is needed.
    cried: bool,
}

/// Leaving, once people know why.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leaving {
    /// With this code.
    pub(super) code: u8,
    /// At the latest then.
    pub(super) until: Up,
}

impl Supervisor {
    /// agentwatch begins: letters of an earlier life may wait.
    pub(super) fn launch_alerts(&mut self) {
        // Of an earlier life, which had another stdout.
        self.memory.incidents.close(self.now.wall, Trouble::Deaf);
        if self.memory.incidents.open(Trouble::Snapshots).is_some() {
            self.snapshots.were_in_trouble();
        }
        let reports = self.settings.morning.is_some_and(|morning| morning.sent);
        let sends = self.settings.alerting.sinks || reports;
        self.alerts.next = sends.then_some(self.now.boot);
        self.alerts.ping = self.settings.alerting.ping.then_some(self.now.boot);
        let worst = self.memory.incidents.worst();
        self.alerts.urgent = self.settings.alerting.sinks && worst == Some(Severity::Critical);
    }

    /// Looks at what this step recorded, and tells what is to be told of it; what time alone brings about
    /// it does when a turn `ends`.
    pub(super) fn attend(&mut self, from: usize, ends: bool, out: &mut Vec<Effect>) {
        let now = self.now;
        let mut behind = out.len();
        for (at, effect) in out.iter().enumerate().skip(from) {
            let Effect::Record(fact) = effect else { continue };
            behind = at.saturating_add(1);
            if let Fact::Exited { traces, .. } = fact
                && !traces.output.is_empty()
            {
                self.alerts.output.clone_from(&traces.output);
            }
            self.memory.incidents.hear(now.wall, fact);
        }
        if self.memory.latch.is_none() {
            // A disk that took neither journal nor state has lost the word that lifted it.
            self.memory.incidents.unlatch();
        }
        // What comes after the word to leave the next life tells.
        if self.memory.incidents.all.is_empty() || matches!(self.state, State::Done) {
            self.ping(ends, out);
            return;
        }
        if ends {
            self.memory.incidents.pass(now.wall);
        }
        let how = self.settings.alerting;
        let letters = self.memory.incidents.tell(&now, &how, ends, self.is_settled());
        if !letters.is_empty() {
            let mut told = Vec::new();
            for (part, incident, not_before) in letters {
                self.tell(part, incident, not_before, &mut told);
            }
            self.persist(&mut told);
            // Before anything that is done about it may end us.
            out.splice(behind..behind, told);
            if how.sinks {
                self.deliver(out);
            }
        }
        self.ping(ends, out);
    }

    fn tell(
        &mut self,
        part: Part,
        incident: Incident,
        not_before: Option<Wall>,
        out: &mut Vec<Effect>,
    ) {
        let Incident { trouble, severity, since, .. } = incident;
        let lasted_ms = (part == Part::Closed).then(|| millis(incident.lasted(self.now.wall)));
        let fact = IncidentFact { trouble, severity, since, lasted_ms };
        match part {
            Part::Opened => out.push(Effect::Record(Fact::IncidentOpened(fact))),
            Part::Worse => out.push(Effect::Record(Fact::IncidentWorsened(fact))),
            Part::Closed => out.push(Effect::Record(Fact::IncidentClosed(fact))),
            Part::Reminder | Part::Acknowledged => {}
        }
        if !self.settings.alerting.sinks {
            return;
        }
        self.alerts.urgent |= severity == Severity::Critical && part != Part::Closed;
        let next_start = match &self.state {
            State::Down { until, .. } => Some(self.now.wall.plus(until.since(self.now.boot))),
            State::New
            | State::Live(_)
            | State::Stopping(_)
            | State::Sweeping(_)
            | State::Paused(_)
            | State::Validating(_)
            | State::Escalated
            | State::Leaving(_)
            | State::Done => None,
        };
        let output = if part == Part::Closed { Vec::new() } else { self.alerts.output.clone() };
        let alert = Alert { incident, part, not_before, output, next_start };
        out.push(Effect::Alert(Box::new(alert)));
    }

    /// Sends the process that delivers, now or when the one that is out has come back.
    pub(super) fn deliver(&mut self, out: &mut Vec<Effect>) {
        if self.alerts.running.is_some() {
            self.alerts.again = true;
            return;
        }
        self.alerts.running = Some(self.now.up);
        self.alerts.next = None;
        out.push(Effect::Deliver);
    }

    /// A delivery has ended.
    pub(super) fn delivered(&mut self, next: Option<Duration>, out: &mut Vec<Effect>) {
        if self.alerts.running.take().is_none() {
            return;
        }
        self.alerts.next = next.map(|wait| self.now.boot.plus(wait));
        if std::mem::take(&mut self.alerts.again) {
            self.deliver(out);
        } else {
            self.alerts.urgent &= next.is_some();
        }
    }

    /// A letter arrived, or was given up.
    pub(super) fn receipt(delivery: Delivery, out: &mut Vec<Effect>) {
        let sent = delivery.error.is_none();
        let fact = if sent { Fact::AlertSent } else { Fact::AlertFailed };
        out.push(Effect::Record(fact(delivery)));
    }

    /// When there is something to tell, to deliver or to ping although nothing happens.
    pub(super) fn alerts_deadline(&self) -> Option<Boot> {
        let how = &self.settings.alerting;
        let incidents = &self.memory.incidents;
        let passes = incidents.passes_in(self.now.wall);
        let told = passes.into_iter().chain(incidents.tells_in(&self.now, how, self.is_settled()));
        let told = told.map(|wait| self.now.boot.plus(wait));
        let hangs = self.alerts.running.map(|since| {
            let left = since.plus(DELIVERY_MAX).since(self.now.up);
            self.now.boot.plus(left)
        });
        told.chain(hangs).chain(self.alerts.next).chain(self.alerts.ping).min()
    }

    /// Whether it is decided if it is started again, and when: that is known when its tree is gone.
    fn is_settled(&self) -> bool {
        !matches!(self.state, State::Stopping(_) | State::Sweeping(_))
    }

    /// What is due.
    pub(super) fn tick_alerts(&mut self, out: &mut Vec<Effect>) {
        let now = self.now;
        if self.alerts.running.is_some_and(|since| DELIVERY_MAX <= now.up.since(since)) {
            out.push(Effect::DropDelivery);
            self.alerts.running = None;
            self.alerts.next = Some(now.boot.plus(DELIVERY_PAUSE));
        }
        if self.alerts.running.is_none() && self.alerts.next.is_some_and(|at| at <= now.boot) {
            self.deliver(out);
        }
    }

    /// Tells the dead man's switch that all is well, or once that it is not.
    fn ping(&mut self, ends: bool, out: &mut Vec<Effect>) {
        if !self.settings.alerting.ping || matches!(self.state, State::New | State::Done) {
            return;
        }
        let needed = self.memory.incidents.worst() == Some(Severity::Critical)
            || self.memory.latch.is_some();
        if needed {
            self.alerts.ping = None;
            if !std::mem::replace(&mut self.alerts.cried, true) {
                out.push(Effect::Ping { fail: true });
            }
            return;
        }
        let again = std::mem::take(&mut self.alerts.cried);
        if again || ends && self.alerts.ping.is_none_or(|at| at <= self.now.boot) {
            self.alerts.ping = Some(self.now.boot.plus(PING_EVERY));
            out.push(Effect::Ping { fail: false });
        }
    }

    /// A person has seen what is open.
    pub(super) fn acknowledge(&mut self, out: &mut Vec<Effect>) -> Reply {
        let incidents = self.memory.incidents.acknowledge();
        if incidents == 0 {
            return Reply::Needless(Needless::NothingOpen);
        }
        out.push(Effect::Record(Fact::Acknowledged(Seen { incidents, until: None })));
        self.persist(out);
        Reply::Acknowledged { incidents }
    }

    /// A person wants to hear nothing of what is open for a while.
    pub(super) fn snooze(&mut self, time: Duration, out: &mut Vec<Effect>) -> Reply {
        let until = self.now.wall.plus(time);
        let incidents = self.memory.incidents.snooze(until);
        if incidents == 0 {
            return Reply::Needless(Needless::NothingOpen);
        }
        out.push(Effect::Record(Fact::Snoozed(Seen { incidents, until: Some(until) })));
        self.persist(out);
        Reply::Snoozed { incidents, time }
    }

    /// Leaves, or first lets the word go out that a human is needed.
    pub(super) fn settle_leaving(&mut self, out: &mut Vec<Effect>) {
        let State::Leaving(leaving) = &self.state else { return };
        let Leaving { code, until } = *leaving;
        if until <= self.now.up || !self.is_telling(until) {
            out.push(Effect::Record(Fact::SupervisorStopped { code }));
            self.persist(out);
            out.push(Effect::Exit { code });
            self.state = State::Done;
        }
    }

    /// Whether the worst is still being told, or tried again before `until`; what is later is for the life
    /// that follows.
    fn is_telling(&self, until: Up) -> bool {
        let alerts = &self.alerts;
        let left = until.since(self.now.up);
        let soon = alerts.next.is_some_and(|at| at.since(self.now.boot) < left);
        alerts.urgent && (alerts.running.is_some() || soon)
    }

    /// Waits until people were told, for as long as may be.
    pub(super) fn linger(&mut self) {
        if let State::Leaving(leaving) = &mut self.state {
            leaving.until = self.now.up.plus(self.settings.alerting.exit_wait);
        }
    }

    /// Somebody is in a hurry.
    pub(super) fn leave_now(&mut self) {
        if let State::Leaving(leaving) = &mut self.state {
            leaving.until = self.now.up;
        }
    }
}
