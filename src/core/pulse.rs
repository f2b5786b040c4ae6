//! Beats and silence: when an agent is late, when it is unhealthy, and what excuses it.

use std::time::Duration;

use super::settings::Settings;
use super::time::Up;

/// The least time that a later incarnation of a beating agent gets for its first beat (SPEC §2).
pub const FIRST_BEAT_MIN: Duration = Duration::from_mins(2);

/// How many times its slowest first beat an agent gets for the next one (SPEC §2).
const FIRST_BEAT_SLACK: u32 = 3;

/// What silence amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Silence {
    /// Nothing is overdue.
    None,
    /// One interval without a beat.
    Late,
    /// All intervals without a beat, or no first beat within its time.
    Unhealthy,
}

/// The time to wait for the first beat of an incarnation; `None` when none can be demanded.
#[must_use]
pub fn first_beat_limit(settings: &Settings, slowest: Option<Duration>) -> Option<Duration> {
    if !settings.beats {
        return None;
    }
    settings.start_grace.or_else(|| {
        let slowest = slowest?.saturating_mul(FIRST_BEAT_SLACK);
        let silence = settings.interval.saturating_mul(settings.misses);
        Some(FIRST_BEAT_MIN.max(silence).max(slowest))
    })
}

/// The pulse of one incarnation.
#[derive(Clone, Debug)]
pub struct Pulse {
    /// The start or the last beat, moved on by whatever time cannot be blamed on the agent.
    last: Up,
    /// It has beaten.
    beaten: bool,
    /// It has said that it is ready.
    ready: bool,
    /// The limits of the silence that runs now.
    late_after: Option<Duration>,
    unhealthy_after: Option<Duration>,
    /// What has been said of this silence already.
    said: Silence,
    /// Not judged since then: we could not hear it.
    deaf_since: Option<Up>,
}

impl Pulse {
    /// The pulse of a child that starts now and has `first_limit` for its first beat.
    #[must_use]
    pub fn new(now: Up, first_limit: Option<Duration>) -> Self {
        Self {
            last: now,
            beaten: false,
            ready: false,
            late_after: None,
            unhealthy_after: first_limit,
            said: Silence::None,
            deaf_since: None,
        }
    }

    /// A beat was heard; the next is due as `settings` say, or later if the beat said so.
    pub fn beat(&mut self, now: Up, expect_next: Option<Duration>, settings: &Settings) {
        // Only ever a longer wait: `expect_next` is for the long cycle that says so beforehand.
        let first =
            settings.interval.max(expect_next.unwrap_or(Duration::ZERO).min(settings.max_expect));
        let rest = settings.interval.saturating_mul(settings.misses.saturating_sub(1));
        self.last = now;
        self.beaten = true;
        self.late_after = Some(first);
        self.unhealthy_after = Some(first.saturating_add(rest));
        self.said = Silence::None;
        self.deaf_since = self.deaf_since.map(|_| now);
    }

    /// It says that it is ready: only from now on its first beat is awaited, for `limit`. True if
    /// that is news: it holds once in a life.
    pub fn ready(&mut self, now: Up, limit: Option<Duration>) -> bool {
        let news = !self.beaten && !std::mem::replace(&mut self.ready, true);
        if news {
            self.last = now;
            self.unhealthy_after = limit;
        }
        news
    }

    /// Its first beat may come `by` later than now, at most `most` after its start; gives what that adds.
    pub fn extend(&mut self, now: Up, by: Duration, most: Duration) -> Duration {
        let Some(limit) = self.unhealthy_after.filter(|_| !self.beaten) else {
            return Duration::ZERO;
        };
        let wanted = now.since(self.last).saturating_add(by).min(most);
        self.unhealthy_after = Some(limit.max(wanted));
        wanted.saturating_sub(limit)
    }

    /// It is unhealthy by its own word, until its next beat.
    pub fn condemn(&mut self) {
        self.said = Silence::Unhealthy;
    }

    /// Whether this incarnation has beaten.
    #[must_use]
    pub fn beaten(&self) -> bool {
        self.beaten
    }

    /// The start or the last beat, less what is excused.
    #[must_use]
    pub fn last(&self) -> Up {
        self.last
    }

    /// What has been said of the silence that runs now.
    #[must_use]
    pub fn said(&self) -> Silence {
        self.said
    }

    /// Forgives the time until now in which agentwatch itself was not awake. While deaf there is
    /// nothing to forgive: all of that time is forgiven at its end.
    pub fn excuse(&mut self, gap: Duration) {
        if self.deaf_since.is_none() {
            self.last = self.last.plus(gap);
        }
    }

    /// Silence begins anew: its first grace after a pause.
    pub fn refresh(&mut self, now: Up) {
        self.last = now;
        self.said = Silence::None;
        self.deaf_since = self.deaf_since.map(|_| now);
    }

    /// Our own blocked stdout keeps us from hearing the agent: the silence that follows is ours.
    pub fn deafen(&mut self, now: Up) {
        self.deaf_since.get_or_insert(now);
    }

    /// We hear the agent again; gives the time for which we did not.
    pub fn hear(&mut self, now: Up) -> Duration {
        let deaf = self.deaf_since.take().map_or(Duration::ZERO, |since| now.since(since));
        self.last = self.last.plus(deaf);
        deaf
    }

    /// What the silence amounts to at `now`, if that is worse than what was said of it before.
    pub fn judge(&mut self, now: Up) -> Option<Silence> {
        if self.deaf_since.is_some() {
            return None;
        }
        let silent = now.since(self.last);
        let over = |limit: Option<Duration>| limit.is_some_and(|limit| limit <= silent);
        let silence = if over(self.unhealthy_after) {
            Silence::Unhealthy
        } else if over(self.late_after) {
            Silence::Late
        } else {
            Silence::None
        };
        (self.said < silence).then(|| {
            self.said = silence;
            silence
        })
    }

    /// When the silence that runs now becomes worse, and to what.
    #[must_use]
    pub fn deadline(&self) -> Option<(Up, Silence)> {
        if self.deaf_since.is_some() {
            return None;
        }
        let (after, silence) = match (self.said, self.late_after) {
            (Silence::None, Some(after)) => (after, Silence::Late),
            (Silence::None | Silence::Late, _) => (self.unhealthy_after?, Silence::Unhealthy),
            (Silence::Unhealthy, _) => return None,
        };
        Some((self.last.plus(after), silence))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::core::settings::{OnEscalate, OnMissed, Policy, StopScope};

    fn s(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    pub fn settings() -> Settings {
        Settings {
            beats: true,
            interval: s(60),
            misses: 3,
            start_grace: None,
            on_missed: OnMissed::Restart,
            max_expect: s(600),
            progress_within: None,
            on_stalled: OnMissed::Alert,
            policy: Policy::Auto,
            cooldown: s(300),
            max_failures: 3,
            max_failures_per_day: 10,
            reset_after: s(600),
            on_escalate: OnEscalate::Exit,
            stop_signal: crate::core::signal::Signal::TERM,
            stop_scope: StopScope::Group,
            stop_timeout: s(30),
            shutdown_grace: s(300),
            rules: Vec::new(),
            repeat: None,
            max_run: None,
            release: None,
            preset: None,
            limits: crate::core::cost::limits::Limits::default(),
            validation: None,
            alerting: crate::core::incident::Alerting::default(),
            morning: None,
        }
    }

    fn beaten(expect_next: Option<u64>) -> Pulse {
        let mut pulse = Pulse::new(Up(s(0)), None);
        pulse.beat(Up(s(100)), expect_next.map(s), &settings());
        pulse
    }

    #[test]
    fn each_degree_of_silence_is_said_once() {
        let mut pulse = beaten(None);
        assert_eq!(pulse.judge(Up(s(159))), None);
        assert_eq!(pulse.judge(Up(s(160))), Some(Silence::Late));
        assert_eq!(pulse.judge(Up(s(279))), None);
        assert_eq!(pulse.judge(Up(s(280))), Some(Silence::Unhealthy));
        assert_eq!((pulse.judge(Up(s(9_999))), pulse.deadline()), (None, None));
    }

    #[test]
    fn the_deadline_is_when_the_judgement_changes() {
        let mut pulse = beaten(None);
        while let Some((at, silence)) = pulse.deadline() {
            let before = Up(at.0.saturating_sub(Duration::from_millis(1)));
            assert_eq!((pulse.judge(before), pulse.judge(at)), (None, Some(silence)));
        }
        assert_eq!(pulse.said(), Silence::Unhealthy);
    }

    #[test]
    fn without_a_limit_silence_before_the_first_beat_means_nothing() {
        let mut pulse = Pulse::new(Up(s(0)), None);
        assert_eq!((pulse.deadline(), pulse.judge(Up(s(1 << 30)))), (None, None));
        assert!(!pulse.beaten());
    }

    #[test]
    fn a_first_beat_that_is_overdue_is_unhealthy_at_once() {
        let mut pulse = Pulse::new(Up(s(0)), Some(s(5)));
        assert_eq!(pulse.deadline(), Some((Up(s(5)), Silence::Unhealthy)));
        assert_eq!(pulse.judge(Up(s(5))), Some(Silence::Unhealthy));
    }

    #[test]
    fn expect_next_is_longer_only_capped_and_for_once() {
        for (expect, late) in [(Some(1), 160), (Some(300), 400), (Some(9_999), 700), (None, 160)] {
            assert_eq!(beaten(expect).deadline(), Some((Up(s(late)), Silence::Late)));
        }
        let mut pulse = beaten(Some(300));
        pulse.judge(Up(s(400)));
        assert_eq!(pulse.deadline(), Some((Up(s(520)), Silence::Unhealthy)));
        pulse.beat(Up(s(450)), None, &settings());
        assert_eq!(pulse.deadline(), Some((Up(s(510)), Silence::Late)));
    }

    #[test]
    fn excused_time_moves_the_limits_on() {
        let mut pulse = beaten(None);
        pulse.excuse(s(1_000));
        assert_eq!(pulse.deadline(), Some((Up(s(1_160)), Silence::Late)));
    }

    #[test]
    fn who_is_deaf_judges_nobody_and_forgives_exactly_that_time() {
        let mut pulse = beaten(None);
        pulse.deafen(Up(s(110)));
        pulse.deafen(Up(s(500)));
        // Overslept while deaf: forgiven once, not twice.
        pulse.excuse(s(300));
        assert_eq!((pulse.judge(Up(s(9_999))), pulse.deadline()), (None, None));
        assert_eq!(pulse.hear(Up(s(1_110))), s(1_000));
        assert_eq!(pulse.hear(Up(s(1_120))), s(0));
        assert_eq!(pulse.deadline(), Some((Up(s(1_160)), Silence::Late)));
    }

    #[test]
    fn a_beat_by_another_road_while_deaf_counts_from_then() {
        let mut pulse = beaten(None);
        pulse.deafen(Up(s(110)));
        pulse.beat(Up(s(200)), None, &settings());
        assert_eq!(pulse.hear(Up(s(250))), s(50));
        assert_eq!(pulse.deadline(), Some((Up(s(310)), Silence::Late)));
    }
}
