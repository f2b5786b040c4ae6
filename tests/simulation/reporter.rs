//! The morning's report in the simulated world, and what must be true of it: it is asked for once a day, on
//! each day on which agentwatch runs at its hour or later, and never in a hurry. Clocks are turned twice a
//! week, so that some days have 23 hours and some 25.

use std::collections::BTreeSet;
use std::time::Duration;

use agentwatch::core::event::{Event, ReportEnd};
use agentwatch::core::settings::Morning;
use agentwatch::core::supervisor::Phase;
use agentwatch::core::time::{Boot, Day, LocalDay, Up, Wall};

use crate::rng::Rng;
use crate::run::fail;
use crate::world::World;

const HOUR: i64 = 3_600_000;

/// How long after its hour, and after a launch, it must have been asked for: who sends nothing lets others go
/// first, and all of them are spread.
const PATIENCE: Duration = Duration::from_secs(80);

/// Who was told that it is not there asks again no sooner.
const LEAST_WAIT: Duration = Duration::from_mins(1);

/// The reports, and the process that makes one.
#[derive(Clone, Debug, Default)]
pub struct Reporter {
    /// The process ends then, with that; one that hangs never does.
    out: Option<(Option<Up>, LocalDay, ReportEnd)>,
    /// The days whose reports are on disk.
    there: BTreeSet<i32>,
    /// On these days this life asked last, and when; whether it was answered that nothing is left to be done.
    asked: Option<(LocalDay, Boot, bool)>,
    /// The days on which this life was told that nothing is left to be done.
    done: BTreeSet<i32>,
    launched: Boot,
    /// Draws of luck so far.
    draws: u64,
    pub made: u64,
}

/// Most agents have a report; half of them send it somewhere.
pub fn morning(seed: u64) -> Option<Morning> {
    let rng = &mut Rng::of(seed, "morning", 0);
    // Also at times that some days skip, or have twice.
    let at = rng.pick(&[480, 480, 0, 150, 1_439]);
    let sent = rng.one_in(2);
    (!rng.one_in(4)).then_some(Morning { at, sent })
}

/// A local day: every week has one that begins an hour ahead, and another that gives it back.
pub fn day(number: i64) -> Day {
    let ahead = |day: i64| i64::from(matches!(day.rem_euclid(7), 4 | 5)) * HOUR;
    let begin = |day: i64| Wall(day * 24 * HOUR - ahead(day));
    let (begins, ends) = (begin(number), begin(number + 1));
    let turns = match number.rem_euclid(7) {
        3 => Wall(begins.0 + 2 * HOUR),
        5 => Wall(begins.0 + 3 * HOUR),
        _ => ends,
    };
    Day { begins, turns, ends }
}

/// What clocks show at a moment, in milliseconds since midnight; and whether they show it for the second time
/// on that day, or soon will. By another way than the core's.
fn shown(at: Wall) -> (i64, bool) {
    let number = local_day(at);
    let turned = day(number).turns <= at;
    let ahead = match number.rem_euclid(7) {
        3 => turned,
        4 => true,
        5 => !turned,
        _ => false,
    };
    let shown = at.0 + i64::from(ahead) * HOUR - number * 24 * HOUR;
    (shown, number.rem_euclid(7) == 5 && (2 * HOUR..3 * HOUR).contains(&shown))
}

/// The number of the local day of a moment.
pub fn local_day(at: Wall) -> i64 {
    let number = at.0.div_euclid(24 * HOUR);
    if day(number).ends <= at { number + 1 } else { number }
}

impl Reporter {
    /// A new life.
    pub fn anew(&mut self, now: Boot) {
        (self.asked, self.launched) = (None, now);
        self.done.clear();
    }

    /// agentwatch is gone; its process goes on without it, and leaves a report or none.
    pub fn leave(&mut self) {
        if let Some((Some(_), day, ReportEnd::There { .. })) = self.out.take() {
            self.there.insert(day.0);
        }
    }

    /// When the process is back.
    pub fn next(&self) -> Option<Up> {
        self.out.as_ref().and_then(|(at, ..)| *at)
    }
}

impl World {
    /// It is asked for.
    pub fn report(&mut self, day: LocalDay) {
        let now = self.now;
        let Some(morning) = self.settings.morning else { fail(0, "a report that nobody wants") };
        let (clock, twice) = shown(now.wall);
        let early = clock < i64::from(morning.at) * 60_000 && !twice;
        if day.0 + 1 != now.day.0 || early {
            fail(0, &format!("the report of {day} on {} at {:?}", now.day, now.wall));
        }
        if self.reporter.out.is_some() {
            fail(0, "two reports at once");
        }
        let before = self.reporter.asked.filter(|(on, ..)| *on == now.day);
        if before.is_some_and(|(_, at, done)| done || now.boot.since(at) < LEAST_WAIT) {
            fail(0, &format!("the report was asked for again on {}", now.day));
        }
        self.reporter.asked = Some((now.day, now.boot, false));
        if self.reporter.there.contains(&day.0) {
            self.reporter.asked = Some((now.day, now.boot, true));
            self.reporter.done.insert(now.day.0);
            self.step(Event::ReportEnded(ReportEnd::There { letter: false }));
            return;
        }
        self.reporter.draws += 1;
        let rng = &mut Rng::of(self.seed, "report", self.reporter.draws);
        let end = match rng.below(8) {
            0 => ReportEnd::Busy,
            1 | 2 => ReportEnd::Failed { error: "no space left".to_owned() },
            _ => ReportEnd::There { letter: morning.sent },
        };
        let back = (!rng.one_in(8)).then(|| now.up.plus(rng.secs(0, 40)));
        self.reporter.out = Some((back, day, end));
    }

    /// The process is killed.
    pub fn drop_report(&mut self) {
        if self.reporter.out.take().is_none() {
            fail(0, "no report to be given up");
        }
    }

    /// The process is back.
    pub fn tell_reporter(&mut self) {
        let now = self.now;
        let back = |out: &mut (Option<Up>, _, _)| out.0.is_some_and(|at| at <= now.up);
        let Some((_, day, end)) = self.reporter.out.take_if(back) else { return };
        if matches!(end, ReportEnd::There { .. }) {
            self.reporter.there.insert(day.0);
            self.reporter.made += 1;
            self.reporter.done.insert(day.0 + 1);
            // A day may have ended meanwhile.
            let on = LocalDay(day.0 + 1);
            self.reporter.asked = self.reporter.asked.map(|(_, at, _)| (on, at, true));
        }
        self.step(Event::ReportEnded(end));
    }

    /// At the end of a turn: whoever runs has asked for the report that is due.
    pub fn misses_no_morning(&self) {
        let (Some(morning), Some(_)) = (self.settings.morning, &self.sut) else { return };
        if matches!(self.phase(), Phase::New | Phase::Leaving | Phase::Done) {
            return;
        }
        let now = self.now;
        let (clock, twice) = shown(now.wall);
        // A time that is skipped is when it is skipped.
        let skips = now.day.0.rem_euclid(7) == 3 && (120..180).contains(&morning.at);
        let at = if skips { 3 * HOUR } else { i64::from(morning.at) * 60_000 };
        let late = Wall(at).plus(PATIENCE);
        let due = late.0 <= clock && !twice;
        let settled = PATIENCE <= now.boot.since(self.reporter.launched);
        // A clock that is set back shows a day again whose work is done.
        let asked = self.reporter.out.is_some()
            || self.reporter.done.contains(&now.day.0)
            || self.reporter.asked.is_some_and(|(on, ..)| on == now.day);
        if due && settled && !asked {
            fail(0, &format!("the report of the day before {} was missed", now.day));
        }
    }
}
