//! Progress: an agent whose beats come while its `cycle` stands still is alive and does nothing.

use std::time::Duration;

use super::beat::Beat;
use super::settings::Settings;
use super::time::Up;

/// A cycle that has stood still for too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stall {
    /// The number that does not grow.
    pub cycle: u64,
    /// For how long, less what is excused.
    pub lasted: Duration,
    /// Beats that came meanwhile.
    pub beats: u64,
}

/// The progress of one incarnation. It knows nothing until a beat tells a `cycle`.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// The last `cycle` told, and when it last grew, moved on by what cannot be blamed on the agent.
    cycle: Option<(u64, Up)>,
    /// Beats since then.
    beats: u64,
    /// A beat asked for patience until then.
    patient_until: Up,
    /// That it stands still has been said.
    said: bool,
    /// Not judged since then: we could not hear it.
    deaf_since: Option<Up>,
}

impl Progress {
    /// A beat was heard; if it ends a stall that was said, the stall.
    pub fn beat(&mut self, now: Up, beat: &Beat, settings: &Settings) -> Option<Stall> {
        self.beats = self.beats.saturating_add(1);
        let expected = beat.expect_next.unwrap_or(Duration::ZERO).min(settings.max_expect);
        self.patient_until = self.patient_until.max(now.plus(expected));
        let told = beat.cycle?;
        let grown = match &mut self.cycle {
            Some((cycle, _)) if *cycle >= told => {
                // One that went back counts anew from there; going back alone is no progress.
                *cycle = told;
                return None;
            }
            Some(_) | None => self.stall(now),
        };
        self.cycle = Some((told, now));
        self.beats = 0;
        self.deaf_since = self.deaf_since.map(|_| now);
        let said = std::mem::take(&mut self.said);
        grown.filter(|_| said)
    }

    /// Whether what it last told was progress, or nothing of the kind: only that proves its health.
    #[must_use]
    pub fn moves(&self, settings: &Settings) -> bool {
        settings.progress_within.is_none() || self.cycle.is_none() || self.beats == 0
    }

    /// Forgives the time until now in which agentwatch itself was not awake.
    pub fn excuse(&mut self, gap: Duration) {
        if self.deaf_since.is_none() {
            self.shift(gap);
        }
    }

    /// Our own blocked stdout keeps us from hearing the agent.
    pub fn deafen(&mut self, now: Up) {
        self.deaf_since.get_or_insert(now);
    }

    /// We hear the agent again; the time for which we did not is forgiven.
    pub fn hear(&mut self, now: Up) {
        if let Some(since) = self.deaf_since.take() {
            self.shift(now.since(since));
        }
    }

    /// When the cycle will have stood still for too long. Without a beat meanwhile that is silence, which
    /// is judged elsewhere.
    #[must_use]
    pub fn deadline(&self, settings: &Settings) -> Option<Up> {
        let within = settings.progress_within?;
        let (_, since) = self.cycle?;
        if self.said || self.beats == 0 || self.deaf_since.is_some() {
            return None;
        }
        Some(since.plus(within).max(self.patient_until))
    }

    /// The stall, if it has lasted too long and was not said yet.
    pub fn judge(&mut self, now: Up, settings: &Settings) -> Option<Stall> {
        if now < self.deadline(settings)? {
            return None;
        }
        self.said = true;
        self.stall(now)
    }

    fn stall(&self, now: Up) -> Option<Stall> {
        let (cycle, since) = self.cycle?;
        Some(Stall { cycle, lasted: now.since(since), beats: self.beats })
    }

    fn shift(&mut self, gap: Duration) {
        self.cycle = self.cycle.map(|(cycle, since)| (cycle, since.plus(gap)));
        self.patient_until = self.patient_until.plus(gap);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::pulse::tests::settings as plain;

    fn s(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    fn up(secs: u64) -> Up {
        Up(s(secs))
    }

    fn settings() -> Settings {
        Settings { progress_within: Some(s(100)), ..plain() }
    }

    fn beat(cycle: u64) -> Beat {
        Beat { cycle: Some(cycle), ..Beat::default() }
    }

    /// Beats of cycle 7 at 0 and 10 seconds.
    fn standing() -> Progress {
        let mut progress = Progress::default();
        progress.beat(up(0), &beat(7), &settings());
        progress.beat(up(10), &beat(7), &settings());
        progress
    }

    #[test]
    fn a_cycle_that_stands_still_is_said_once_and_exactly_then() {
        let mut progress = standing();
        assert_eq!(progress.deadline(&settings()), Some(up(100)));
        assert_eq!(progress.judge(up(99), &settings()), None);
        let stall = Stall { cycle: 7, lasted: s(100), beats: 1 };
        assert_eq!(progress.judge(up(100), &settings()), Some(stall));
        assert_eq!(
            (progress.judge(up(999), &settings()), progress.deadline(&settings())),
            (None, None)
        );
        let over = Stall { cycle: 7, lasted: s(200), beats: 2 };
        assert_eq!(progress.beat(up(200), &beat(8), &settings()), Some(over));
        assert_eq!(progress.beat(up(201), &beat(9), &settings()), None, "said once, ended once");
    }

    #[test]
    fn nothing_is_judged_that_is_off_never_told_or_silent() {
        let mut progress = standing();
        assert_eq!((progress.deadline(&plain()), progress.judge(up(999), &plain())), (None, None));
        let mut never = Progress::default();
        never.beat(up(0), &Beat::default(), &settings());
        never.beat(up(10), &Beat::default(), &settings());
        assert_eq!((never.deadline(&settings()), never.judge(up(999), &settings())), (None, None));
        let mut silent = Progress::default();
        silent.beat(up(0), &beat(1), &settings());
        assert_eq!(
            (silent.deadline(&settings()), silent.judge(up(999), &settings())),
            (None, None)
        );
        silent.beat(up(1_000), &beat(1), &settings());
        assert!(
            silent.judge(up(1_000), &settings()).is_some(),
            "one beat proves that it stood still"
        );
    }

    #[test]
    fn beats_without_a_cycle_are_beats_that_stand_still() {
        let mut progress = Progress::default();
        progress.beat(up(0), &beat(7), &settings());
        progress.beat(up(50), &Beat::default(), &settings());
        assert_eq!(progress.deadline(&settings()), Some(up(100)));
    }

    #[test]
    fn a_cycle_that_went_back_counts_on_from_there() {
        let mut progress = standing();
        progress.beat(up(50), &beat(1), &settings());
        assert_eq!(progress.deadline(&settings()), Some(up(100)), "going back is no progress");
        progress.beat(up(60), &beat(2), &settings());
        progress.beat(up(61), &beat(2), &settings());
        assert_eq!(progress.deadline(&settings()), Some(up(160)));
    }

    #[test]
    fn who_says_so_beforehand_is_given_the_time_but_no_more_than_settings_allow() {
        for (expect, at) in [(20, 100), (300, 310), (9_999, 610)] {
            let mut progress = Progress::default();
            progress.beat(up(0), &beat(7), &settings());
            let patient = Beat { expect_next: Some(s(expect)), ..beat(7) };
            progress.beat(up(10), &patient, &settings());
            assert_eq!(progress.deadline(&settings()), Some(up(at)));
        }
    }

    #[test]
    fn sleep_and_deafness_are_excused() {
        let mut progress = standing();
        progress.excuse(s(1_000));
        assert_eq!(progress.deadline(&settings()), Some(up(1_100)));
        progress.deafen(up(1_050));
        progress.excuse(s(500));
        assert_eq!(
            (progress.deadline(&settings()), progress.judge(up(9_999), &settings())),
            (None, None)
        );
        progress.hear(up(1_250));
        progress.hear(up(9_999));
        assert_eq!(progress.deadline(&settings()), Some(up(1_300)));
    }

    #[test]
    fn only_progress_proves_health() {
        let mut progress = standing();
        assert!(!progress.moves(&settings()) && progress.moves(&plain()));
        progress.beat(up(20), &beat(8), &settings());
        assert!(progress.moves(&settings()));
    }
}
