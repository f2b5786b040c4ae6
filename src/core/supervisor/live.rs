//! A child that runs: its beats, its silence, its health.

use std::time::Duration;

use crate::core::beat::{Beat, Status};
use crate::core::cost::price;
use crate::core::effect::Effect;
use crate::core::evidence::Evidence;
use crate::core::fact::{BeatFact, EvidenceFact, Fact};
use crate::core::pulse::Silence;
use crate::core::settings::OnMissed;
use crate::core::time::{Up, Wall, millis};

use super::{Child, NOTICE_AFTER, State, StopCause, Supervisor, Why, sooner};

impl Supervisor {
    /// A beat was heard. One of an old incarnation, or one that comes while a child is being ended, is
    /// recorded and keeps nothing alive (SPEC rule 7).
    pub(super) fn beat(&mut self, incarnation: u32, beat: &Beat, out: &mut Vec<Effect>) {
        self.heard(incarnation, beat, false, out);
    }

    /// The same, of a beat that the journal need not have by itself if it is `dull`.
    pub(super) fn heard(
        &mut self,
        incarnation: u32,
        beat: &Beat,
        dull: bool,
        out: &mut Vec<Effect>,
    ) {
        let now = self.now;
        let live = matches!(self.state, State::Live(_));
        let Some(child) = self.state.child_mut() else { return };
        if child.incarnation != incarnation {
            return;
        }
        let settled = beat.cumulative.is_some().then(|| {
            let mut beat = beat.clone();
            self.memory.counters.settle(incarnation, child.started.wall, &mut beat);
            beat
        });
        let beat = settled.as_ref().unwrap_or(beat);
        let tokens = self.memory.tokens.tokens(beat, self.settings.limits.cache_reads);
        let ends_cycle = beat.ends_cycle();
        let cost = price::of(beat, tokens);
        let mut fact = BeatFact::new(incarnation, beat, tokens, ends_cycle).costing(cost);
        fact.usual = tokens.filter(|_| ends_cycle).and_then(|_| self.memory.ledger.usual());
        let first = !child.pulse.beaten();
        let waited = now.up.since(child.started.up);
        fact.first_after_ms = first.then(|| millis(waited));
        child.pulse.beat(now.up, beat.expect_next, &self.settings);
        let stall = child.progress.beat(now.up, beat, &self.settings);
        child.status = Some(beat.status.clone());
        child.turn = beat.turn.or(child.turn);
        child.retry_at = beat.retry_after.map(|after| now.boot.plus(after));
        let restarts = live && ends_cycle && child.restart_at_beat;
        if live {
            child.healthy_since.get_or_insert(now.up);
            if child.progress.moves(&self.settings) {
                child.last_beat = Some(now.up);
            }
        }
        // Who is being stopped announces nothing: clients of sd_notify say STOPPING=1 then.
        let announces = live && beat.status == Status::ShuttingDown && child.announced.is_none();
        if announces {
            child.announced = Some(now.up);
        }
        self.totals.add(beat, tokens, cost);
        if dull {
            self.recording.dull(now.up, fact, out);
        } else {
            self.recording.beat(now.up, fact, out);
        }
        if let Some((stall, cycle)) = stall.zip(beat.cycle) {
            let for_ms = millis(stall.lasted);
            out.push(Effect::Record(Fact::Progressing { incarnation, cycle, for_ms }));
        }
        if announces {
            out.extend(self.recording.flush().map(Effect::Record));
            let grace_ms = millis(self.settings.shutdown_grace);
            out.push(Effect::Record(Fact::ShutdownAnnounced { incarnation, grace_ms }));
            self.memory.ledger.announced();
        }
        if first {
            let slowest = self.memory.slowest_first_beat.unwrap_or_default();
            self.memory.slowest_first_beat = Some(slowest.max(waited));
        }
        if live && let Some(since) = self.memory.trouble_since.take() {
            self.recovered(incarnation, since, false, out);
        } else if first {
            self.persist(out);
        }
        self.forget_streak(out);
        if self.account(beat, tokens, cost, out) {
            return;
        }
        if restarts {
            self.begin_stop(StopCause::Restart, None, out);
        } else {
            self.consider_snapshot(beat, out);
        }
    }

    pub(super) fn recovered(
        &mut self,
        incarnation: u32,
        since: Wall,
        alive_only: bool,
        out: &mut Vec<Effect>,
    ) {
        let after_ms = millis(self.now.wall.since(since));
        out.push(Effect::Record(Fact::Recovered { incarnation, after_ms, alive_only }));
        self.persist(out);
    }

    /// When something about a running child is due.
    pub(super) fn live_deadline(&self, child: &Child) -> Option<(Up, Why)> {
        if let Some(since) = child.announced {
            let end = since.plus(self.settings.shutdown_grace);
            return Some((end, Why::ShutdownGrace));
        }
        let silence = child.pulse.deadline().map(|(at, silence)| match silence {
            Silence::None | Silence::Late => (at, Why::Late),
            Silence::Unhealthy => (at, Why::Unhealthy),
        });
        // Who is silent, too, is judged for that.
        let stalled = (child.pulse.said() == Silence::None)
            .then(|| child.progress.deadline(&self.settings))
            .flatten()
            .map(|at| (at, Why::Stalled));
        let notice = (!self.noticed && self.unwatched(child))
            .then(|| (child.started.up.plus(NOTICE_AFTER), Why::Notice));
        // Who beats is forgiven at a beat; only for who never does the mere time is awaited.
        let forget = child
            .healthy_since
            .filter(|_| self.has_past() && child.last_beat.is_none() && child.first_limit.is_none())
            .map(|since| (since.plus(self.settings.reset_after), Why::ForgetStreak));
        let max_run = child.run_until.map(|until| (until, Why::MaxRun));
        [stalled, notice, forget, max_run].into_iter().fold(silence, sooner)
    }

    /// Whether long health would change anything.
    fn has_past(&self) -> bool {
        self.memory.streak.failures > 0
            || self.memory.trouble_since.is_some()
            || self.memory.custody.trial.is_some()
    }

    /// Whether a hang of this child would go unseen although beats are listened for.
    fn unwatched(&self, child: &Child) -> bool {
        self.settings.beats && child.first_limit.is_none() && !child.pulse.beaten()
    }

    /// Does what is due for a running child.
    pub(super) fn tick_live(&mut self, out: &mut Vec<Effect>) {
        let now = self.now;
        let State::Live(child) = &mut self.state else { return };
        let incarnation = child.incarnation;
        if let Some(since) = child.announced {
            if self.settings.shutdown_grace <= now.up.since(since) {
                self.begin_stop(StopCause::ShutdownOverrun, None, out);
            }
            return;
        }
        if child.run_until.is_some_and(|until| until <= now.up) {
            let max = self.settings.max_run.unwrap_or_default();
            self.trouble(Duration::ZERO);
            self.begin_stop(StopCause::MaxRun(max), None, out);
            return;
        }
        if let Some(silence) = child.pulse.judge(now.up) {
            let silent = now.up.since(child.pulse.last());
            match silence {
                Silence::None => {}
                Silence::Late => {
                    let silent_ms = millis(silent);
                    out.push(Effect::Record(Fact::Late { incarnation, silent_ms }));
                    // What it uses from now on tells a hang from hard work.
                    out.push(Effect::Examine { incarnation });
                }
                Silence::Unhealthy => {
                    self.unhealthy(false, out);
                    return;
                }
            }
        }
        self.judge_progress(out);
        let State::Live(child) = &self.state else { return };
        if !self.noticed && self.unwatched(child) && NOTICE_AFTER <= now.up.since(child.started.up)
        {
            let silent_ms = millis(now.up.since(child.started.up));
            self.noticed = true;
            out.push(Effect::Record(Fact::Unwatched { incarnation, silent_ms }));
        }
        self.forget_streak(out);
    }

    /// It is silent for too long, or `triggered` that itself.
    pub(super) fn unhealthy(&mut self, triggered: bool, out: &mut Vec<Effect>) {
        let now = self.now;
        let action = self.settings.on_missed;
        let State::Live(child) = &mut self.state else { return };
        let silent = now.up.since(child.pulse.last());
        let incarnation = child.incarnation;
        child.healthy_since = None;
        let cause = if triggered {
            StopCause::Triggered
        } else if child.pulse.beaten() {
            StopCause::Silent(silent)
        } else {
            StopCause::NoFirstBeat(silent)
        };
        out.extend(self.recording.flush().map(Effect::Record));
        let silent_ms = millis(silent);
        out.push(Effect::Record(Fact::Unhealthy { incarnation, silent_ms, action, triggered }));
        out.push(Effect::Examine { incarnation });
        self.trouble(if triggered { Duration::ZERO } else { silent });
        match action {
            OnMissed::Alert => self.persist(out),
            OnMissed::Restart => self.begin_stop(cause, None, out),
        }
    }

    /// Beats that come without progress, for too long.
    fn judge_progress(&mut self, out: &mut Vec<Effect>) {
        let (now, action) = (self.now.up, self.settings.on_stalled);
        let State::Live(child) = &mut self.state else { return };
        if child.pulse.said() != Silence::None {
            return;
        }
        let Some(stall) = child.progress.judge(now, &self.settings) else { return };
        let incarnation = child.incarnation;
        let (cycle, for_ms, beats) = (stall.cycle, millis(stall.lasted), stall.beats);
        out.extend(self.recording.flush().map(Effect::Record));
        out.push(Effect::Record(Fact::Stalled { incarnation, cycle, for_ms, beats, action }));
        out.push(Effect::Examine { incarnation });
        if action == OnMissed::Restart {
            child.healthy_since = None;
            self.trouble(stall.lasted);
            self.begin_stop(StopCause::Stalled(stall.lasted), None, out);
        }
    }

    /// A silent child was looked at: the first time to compare with, then for the record.
    pub(super) fn examined(&mut self, incarnation: u32, evidence: Evidence, out: &mut Vec<Effect>) {
        let now = self.now.up;
        let live = matches!(self.state, State::Live(_));
        let Some(child) = self.state.child_mut() else { return };
        if child.incarnation != incarnation {
            return;
        }
        if live && child.pulse.said() == Silence::Late {
            child.looked = Some((now, evidence.cpu_ms));
            return;
        }
        let earlier = child.looked.take();
        let cpu_used_ms = earlier.map(|(_, cpu)| evidence.cpu_ms.saturating_sub(cpu));
        let cpu_over_ms = earlier.map(|(at, _)| millis(now.since(at)));
        let fact = EvidenceFact { incarnation, evidence, cpu_used_ms, cpu_over_ms };
        out.push(Effect::Record(Fact::Evidence(fact)));
    }

    /// Trouble began, with the last sign of life `silent` ago; the first one counts until recovery.
    pub(super) fn trouble(&mut self, silent: Duration) {
        let ms = i64::try_from(millis(silent)).unwrap_or(0);
        let since = Wall(self.now.wall.0.saturating_sub(ms));
        self.memory.trouble_since.get_or_insert(since);
    }

    /// Long unbroken health ends the streak; for an agent that never beats it is the recovery too.
    fn forget_streak(&mut self, out: &mut Vec<Effect>) {
        let State::Live(child) = &self.state else { return };
        let long = self.settings.reset_after <= child.healthy_for(self.now.up);
        if !long || !self.has_past() {
            return;
        }
        let incarnation = child.incarnation;
        // The set that was put in place has proven itself.
        self.memory.custody.trial = None;
        self.drop_streak(out);
        match self.memory.trouble_since.take() {
            Some(since) => self.recovered(incarnation, since, true, out),
            None => self.persist(out),
        }
    }

    /// Nothing is left of the streak.
    pub(super) fn drop_streak(&mut self, out: &mut Vec<Effect>) {
        let failures = std::mem::take(&mut self.memory.streak).failures;
        if failures > 0 {
            out.push(Effect::Record(Fact::StreakForgotten { failures }));
        }
    }
}
