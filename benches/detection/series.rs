//! The agents: what a cycle takes, and how far apart cycles end. No runaway is in them.

use crate::rng::Rng;

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;

/// A kind of agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Lognormal, σ 0.3.
    Light,
    /// Lognormal, σ 1.0.
    Heavy,
    /// Lognormal, σ 1.5, and bursts of five cycles at five times that, every two hundred cycles or so.
    VeryHeavy,
    /// Idle at 200, and a fifth of all cycles at work at 8,000, one to three in a row.
    Bimodal,
    /// 20 at night and on weekends, 4,000 for nine hours of a weekday, from one cycle to the next.
    Daily,
    /// The same with 400 at night and 8,000 by day.
    Office,
    /// Like light, and every night at two o'clock a job of ten minutes at forty times that.
    Nightly,
    /// Like light, and 2 % more a day.
    Growth,
    /// Pareto, α 1.5.
    Pareto,
    /// Like light, once an hour, σ 0.5.
    Sparse,
    /// Heavy, and each cycle much like the one before it: AR(1), φ 0.8.
    HeavyAr,
}

pub const KINDS: [(Kind, &str); 11] = [
    (Kind::Light, "light"),
    (Kind::Heavy, "heavy"),
    (Kind::VeryHeavy, "v.heavy"),
    (Kind::Bimodal, "bimodal"),
    (Kind::Daily, "daily"),
    (Kind::Growth, "growth"),
    (Kind::Pareto, "pareto"),
    (Kind::Sparse, "sparse"),
    (Kind::HeavyAr, "heavy AR"),
    (Kind::Office, "office"),
    (Kind::Nightly, "nightly"),
];

/// One agent.
#[derive(Clone)]
pub struct Agent {
    kind: Kind,
    pub rng: Rng,
    /// The median of its cycles, where no time of day has a say in it.
    scale: f64,
    /// Cycles that a burst or a piece of work still takes.
    busy: u64,
    /// The last deviation in logarithms.
    before: f64,
    /// When its weekdays begin, in milliseconds after midnight.
    morning: u64,
    /// What its first cycle is after the Monday on which the calendar of the bench begins.
    pub begins: u64,
}

impl Agent {
    /// The `n`th of its kind; `scale` multiplies all its tokens.
    pub fn new(kind: Kind, seed: u64, n: u64, scale: f64) -> Self {
        let mut rng = Rng::of(seed, &format!("{kind:?}"), n);
        let median = match kind {
            Kind::Bimodal => 200.0,
            Kind::Daily => 20.0,
            Kind::Office => 400.0,
            _ => 2_500.0 * rng.lognormal(0.6),
        };
        let morning = 7 * HOUR_MS + rng.below(4 * HOUR_MS);
        let begins = rng.below(7 * DAY_MS);
        let scale = scale * median;
        Self { kind, rng, scale, busy: 0, before: 0.0, morning, begins }
    }

    fn at_work(&self, at_ms: u64) -> bool {
        let (day, of_day) = (at_ms / DAY_MS % 7, at_ms % DAY_MS);
        day < 5 && (self.morning..self.morning + 9 * HOUR_MS).contains(&of_day)
    }

    fn at_the_job(at_ms: u64) -> bool {
        (2 * HOUR_MS..2 * HOUR_MS + 600_000).contains(&(at_ms % DAY_MS))
    }

    /// Whether a runaway at that time counts: by night a daily agent's is harmless.
    pub fn counts(&self, at_ms: u64) -> bool {
        match self.kind {
            Kind::Daily | Kind::Office => self.at_work(at_ms),
            Kind::Nightly => !Self::at_the_job(at_ms),
            _ => true,
        }
    }

    /// The true median of a cycle at that time.
    pub fn median(&self, at_ms: u64) -> f64 {
        match self.kind {
            Kind::Daily if self.at_work(at_ms) => 200.0 * self.scale,
            Kind::Office if self.at_work(at_ms) => 20.0 * self.scale,
            Kind::Nightly if Self::at_the_job(at_ms) => 40.0 * self.scale,
            Kind::Growth => {
                self.scale * 1.02_f64.powf((at_ms - self.begins) as f64 / DAY_MS as f64)
            }
            _ => self.scale,
        }
    }

    /// Milliseconds until the next cycle ends.
    pub fn gap(&mut self) -> u64 {
        let usual = if self.kind == Kind::Sparse { 3_600_000.0 } else { 60_000.0 };
        (usual * self.rng.lognormal(0.2)) as u64
    }

    /// What the cycle takes that ends then.
    pub fn tokens(&mut self, at_ms: u64) -> u64 {
        let rng = &mut self.rng;
        let times = match self.kind {
            Kind::Light | Kind::Daily | Kind::Growth | Kind::Office | Kind::Nightly => {
                rng.lognormal(0.3)
            }
            Kind::Sparse => rng.lognormal(0.5),
            Kind::Heavy => rng.lognormal(1.0),
            Kind::Pareto => rng.pareto(1.5),
            Kind::VeryHeavy => {
                self.busy = match self.busy {
                    0 if rng.below(200) == 0 => 5,
                    busy => busy.saturating_sub(1),
                };
                rng.lognormal(1.5) * if 0 < self.busy { 5.0 } else { 1.0 }
            }
            Kind::Bimodal => {
                self.busy = match self.busy {
                    0 if rng.below(10) == 0 => 1 + rng.below(3),
                    busy => busy.saturating_sub(1),
                };
                rng.lognormal(0.3) * if 0 < self.busy { 40.0 } else { 1.0 }
            }
            Kind::HeavyAr => {
                self.before = 0.8 * self.before + 0.6 * rng.normal();
                self.before.exp()
            }
        };
        (self.median(at_ms) * times) as u64
    }
}
