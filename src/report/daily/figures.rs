//! What an agent used: by hour, by day, by cycle. A fold of beats. Pure.

use crate::core::cost::money::Usd;
use crate::core::time::{Wall, millis};
use crate::core::usage::per_cycle;
use crate::wire::glance::Glance;

use super::calendar::Calendar;
use super::timeline::Share;
use super::{BUCKET_MS, Bucket, Hour, Past, Usage};

/// Cycles of one day whose tokens and distances are kept for the median: one a second. Of faster agents it is
/// the first of each day, which says as much.
const SAMPLES_MAX: usize = 86_400;

/// A sum that is exact in money.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    cycles: u64,
    tokens: u64,
    usd: Option<Usd>,
    unknown: u64,
}

impl Sum {
    fn add(&mut self, beat: &Glance) {
        self.cycles = self.cycles.saturating_add(beat.cycles);
        self.tokens = self.tokens.saturating_add(beat.tokens.unwrap_or(0));
        if let Some(usd) = beat.cost_usd {
            self.usd = Some(self.usd.unwrap_or_default().plus(Usd::from_f64(usd)));
        }
        self.unknown = self.unknown.saturating_add(beat.unpriced());
    }

    fn usage(self) -> Usage {
        Usage {
            cycles: self.cycles,
            tokens: self.tokens,
            per_cycle: per_cycle(self.tokens, self.cycles).filter(|_| self.tokens > 0),
            cost_usd: self.usd.map(Usd::to_f64),
            cost_unknown: self.unknown,
        }
    }
}

/// The day that is being read.
#[derive(Debug, Default)]
struct Today {
    sum: Sum,
    tokens: Vec<u64>,
    gaps: Vec<u64>,
}

/// What is known of one day of the calendar.
#[derive(Clone, Debug, Default)]
pub(super) struct DayFigures {
    pub(super) usage: Usage,
    pub(super) median_tokens: Option<u64>,
    pub(super) median_gap_ms: Option<u64>,
    pub(super) failures: u32,
}

/// The figures of one agent.
#[derive(Debug)]
pub(super) struct Figures<'a> {
    calendar: &'a Calendar,
    /// Of each day of the calendar.
    days: Vec<DayFigures>,
    at_day: Option<usize>,
    today: Today,
    hours: Vec<(Sum, u32)>,
    buckets: Vec<Bucket>,
    /// Cycles and tokens of the bucket that is the last.
    bucket: (u64, u64),
    width: i64,
    all: Sum,
    beats: u64,
    usual: Option<u64>,
    longest_gap: Option<u64>,
    /// The last beat and the last end of a cycle of the incarnation that runs.
    last_beat: Option<i64>,
    last_cycle: Option<i64>,
    /// Tokens of the cycle that runs.
    running: u64,
}

impl<'a> Figures<'a> {
    /// Nothing was used.
    pub(super) fn new(calendar: &'a Calendar) -> Self {
        let days = i64::try_from(calendar.days().len()).unwrap_or(1);
        Self {
            calendar,
            days: vec![DayFigures::default(); calendar.len()],
            at_day: None,
            today: Today::default(),
            hours: vec![(Sum::default(), 0); calendar.hours().len()],
            buckets: Vec::new(),
            bucket: (0, 0),
            width: BUCKET_MS.saturating_mul(days.max(1)),
            all: Sum::default(),
            beats: 0,
            usual: None,
            longest_gap: None,
            last_beat: None,
            last_cycle: None,
            running: 0,
        }
    }

    /// Another child, or a time that nobody counts: what comes now is no gap and no cycle of before.
    pub(super) fn interrupt(&mut self) {
        (self.last_beat, self.last_cycle, self.running) = (None, None, 0);
    }

    /// It beat.
    pub(super) fn beat(&mut self, at: Wall, beat: &Glance) {
        let gap = |last: i64| millis(at.since(Wall(last)));
        let silence = self.last_beat.replace(at.0).map(gap);
        self.running = self.running.saturating_add(beat.tokens.unwrap_or(0));
        let (mut used, mut between) = (0, None);
        if beat.cycles > 0 {
            used = std::mem::take(&mut self.running);
            between = self.last_cycle.replace(at.0).map(gap).filter(|_| beat.cycles == 1);
        }
        let tokens = used.checked_div(beat.cycles).filter(|tokens| *tokens > 0);
        let Some(day) = self.calendar.day_of(at.0) else { return };
        self.go_to(day);
        self.today.sum.add(beat);
        let keep = |list: &mut Vec<u64>, value: Option<u64>| {
            if list.len() < SAMPLES_MAX {
                list.extend(value);
            }
        };
        keep(&mut self.today.tokens, tokens);
        keep(&mut self.today.gaps, between);
        if day < self.calendar.before() {
            return;
        }
        self.all.add(beat);
        self.beats = self.beats.saturating_add(beat.beats);
        self.usual = beat.usual.or(self.usual);
        self.longest_gap = self.longest_gap.max(silence);
        if let Some((sum, _)) = self.hour(at.0) {
            sum.add(beat);
        }
        if let Some(each) = tokens {
            self.cycle(at.0, each, (beat.cycles, used));
        }
    }

    /// A cycle for the plot.
    fn cycle(&mut self, at: i64, each: u64, (cycles, tokens): (u64, u64)) {
        let from_ms = self.bucket_of(at);
        match self.buckets.last() {
            Some(last) if last.from_ms == from_ms => {}
            // Behind a clock that was set back: its part is drawn already.
            Some(last) if from_ms < last.from_ms => return,
            _ => {
                self.buckets.push(Bucket { from_ms, ..Bucket::default() });
                self.bucket = (0, 0);
            }
        }
        let (all, used) = &mut self.bucket;
        *all = all.saturating_add(cycles);
        *used = used.saturating_add(tokens);
        let mean = per_cycle(*used, *all).unwrap_or(0);
        let usual = self.usual;
        if let Some(last) = self.buckets.last_mut() {
            (last.mean, last.most, last.usual) = (mean, last.most.max(each), usual);
        }
    }

    fn bucket_of(&self, at: i64) -> i64 {
        let from = self.calendar.from();
        from + (at - from).div_euclid(self.width) * self.width
    }

    /// Marks the parts from `from` to `until` as those of a loop; parts without a cycle are not there.
    pub(super) fn flag(&mut self, from: i64, until: i64) {
        let width = self.width;
        for bucket in &mut self.buckets {
            bucket.flagged |= bucket.from_ms <= until && from < bucket.from_ms + width;
        }
    }

    /// It failed.
    pub(super) fn failure(&mut self, at: i64) {
        if let Some(day) = self.calendar.day_of(at).and_then(|day| self.days.get_mut(day)) {
            day.failures = day.failures.saturating_add(1);
        }
        if let Some((_, failures)) = self.hour(at) {
            *failures = failures.saturating_add(1);
        }
    }

    fn hour(&mut self, at: i64) -> Option<&mut (Sum, u32)> {
        let after = self.calendar.hours().partition_point(|hour| hour.from_ms <= at);
        let inside = at < self.calendar.until();
        self.hours.get_mut(after.checked_sub(1)?).filter(|_| inside)
    }

    /// The days that were read are put into figures when the next one begins.
    fn go_to(&mut self, day: usize) {
        if self.at_day == Some(day) {
            return;
        }
        self.close_day();
        self.at_day = Some(day);
    }

    fn close_day(&mut self) {
        let Some(day) = self.at_day.and_then(|day| self.days.get_mut(day)) else { return };
        let Today { sum, tokens, gaps } = &mut self.today;
        if day.usage.cycles == 0 && day.usage.tokens == 0 {
            day.usage = sum.usage();
            day.median_tokens = median(tokens);
            day.median_gap_ms = median(gaps);
        } else {
            // A clock that was set back over midnight: the longer part of the day has the say.
            let whole = Sum {
                cycles: day.usage.cycles.saturating_add(sum.cycles),
                tokens: day.usage.tokens.saturating_add(sum.tokens),
                usd: both(day.usage.cost_usd.map(Usd::from_f64), sum.usd),
                unknown: day.usage.cost_unknown.saturating_add(sum.unknown),
            };
            day.usage = whole.usage();
        }
        *sum = Sum::default();
        tokens.clear();
        gaps.clear();
    }

    /// All that is known.
    pub(super) fn end(mut self) -> Ended {
        self.close_day();
        let hours = self.calendar.hours().iter().zip(&self.hours);
        Ended {
            usage: self.all.usage(),
            beats: self.beats,
            usual: self.usual,
            longest_gap_ms: self.longest_gap,
            hours: hours
                .map(|(hour, (sum, failures))| Hour {
                    usage: sum.usage(),
                    failures: *failures,
                    ..*hour
                })
                .collect(),
            cycles: self.buckets,
            days: self.days,
        }
    }
}

/// What it comes to.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) usage: Usage,
    pub(super) beats: u64,
    pub(super) usual: Option<u64>,
    pub(super) longest_gap_ms: Option<u64>,
    pub(super) hours: Vec<Hour>,
    pub(super) cycles: Vec<Bucket>,
    pub(super) days: Vec<DayFigures>,
}

impl Ended {
    /// The days of which anything is known, with what was up of each.
    pub(super) fn history(&self, calendar: &Calendar, shares: &[Share]) -> Vec<Past> {
        let days = self.days.iter().zip(shares).enumerate();
        days.filter(|(_, (day, share))| {
            day.usage.cycles > 0 || day.usage.tokens > 0 || day.failures > 0 || share.due > 0
        })
        .map(|(at, (day, share))| Past {
            date: calendar.number(at).to_string(),
            usage: day.usage,
            median_tokens: day.median_tokens,
            median_gap_ms: day.median_gap_ms,
            failures: day.failures,
            up_share: share.of(),
        })
        .collect()
    }
}

/// Half of them are no more; of an even number the higher of the two in the middle.
fn median(values: &mut [u64]) -> Option<u64> {
    let at = values.len() / 2;
    (at < values.len()).then(|| *values.select_nth_unstable(at).1)
}

fn both(one: Option<Usd>, other: Option<Usd>) -> Option<Usd> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.plus(other)),
        (one, other) => one.or(other),
    }
}
