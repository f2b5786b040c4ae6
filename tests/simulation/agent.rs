//! A simulated agent: how it behaves in one incarnation, and what it leaves behind.

use std::time::Duration;

use agentwatch::core::beat::{Beat, Status};
use agentwatch::core::ending::Ending;
use agentwatch::core::signal::Signal;
use agentwatch::core::time::Up;

use crate::rng::Rng;

/// What kind of agent this is; each incarnation may differ in the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Steady,
    /// Beats at nine tenths of what is allowed.
    Slow,
    /// Falls silent at random.
    Hanging,
    /// Dies at once, mostly.
    Crashing,
    /// Dies at random.
    Dying,
    /// Exits 0 at random.
    Leaving,
    /// Announces its shutdown at random; it may overrun.
    Announcing,
    /// Tells its cycle, which stands still at random while its beats go on.
    Stalling,
    /// Sends bursts of beats and bad beats.
    Flooding,
    /// Uses a thousand times its tokens at random.
    Runaway,
    /// Does its work and exits 0, most of the time.
    OneShot,
    /// Forks processes that outlive it.
    Forking,
    /// Never beats.
    Mute,
    /// Does nothing by itself.
    Puppet,
}

pub const KINDS: [Kind; 13] = [
    Kind::Steady,
    Kind::Slow,
    Kind::Hanging,
    Kind::Crashing,
    Kind::Dying,
    Kind::Leaving,
    Kind::Announcing,
    Kind::Stalling,
    Kind::Flooding,
    Kind::Runaway,
    Kind::OneShot,
    Kind::Forking,
    Kind::Mute,
];

/// A process.
#[derive(Clone, Debug)]
pub struct Agent {
    pub incarnation: u32,
    pub kind: Kind,
    rng: Rng,
    pub next_beat: Option<Up>,
    pub exit: Option<(Up, Ending)>,
    ignores_term: bool,
    /// Survives KILL for this long.
    unkillable: Duration,
    announced: bool,
    /// Its next beat, which comes too late, announces its shutdown.
    late_word: bool,
    period: Duration,
    cycle: u64,
    /// For this many beats its cycle stands still.
    stands: u64,
}

fn killed() -> Ending {
    Ending::Signal { signal: Signal::KILL, core: false }
}

impl Agent {
    pub fn new(seed: u64, incarnation: u32, kind: Kind, now: Up, interval: Duration) -> Self {
        let rng = &mut Rng::of(seed, "agent", u64::from(incarnation));
        let life = rng.secs(1, 200_000);
        let code = Ending::Exit { code: i32::try_from(1 + rng.below(255)).unwrap_or(1) };
        let exit = match kind {
            Kind::Crashing if !rng.one_in(8) => Some((now.plus(rng.secs(0, 3)), code)),
            Kind::Crashing | Kind::Dying => Some((now.plus(life), code)),
            Kind::Leaving => Some((now.plus(life), Ending::Exit { code: 0 })),
            Kind::OneShot => {
                let code = i32::from(rng.one_in(10));
                Some((now.plus(rng.secs(0, 900)), Ending::Exit { code }))
            }
            Kind::Forking if rng.one_in(2) => Some((now.plus(rng.secs(1, 20_000)), code)),
            Kind::Mute if rng.one_in(2) => Some((now.plus(life), code)),
            Kind::Steady
            | Kind::Slow
            | Kind::Hanging
            | Kind::Announcing
            | Kind::Stalling
            | Kind::Flooding
            | Kind::Runaway
            | Kind::Forking
            | Kind::Mute
            | Kind::Puppet => None,
        };
        let period = if kind == Kind::Slow { interval * 9 / 10 } else { interval / 2 };
        let first = now.plus(rng.secs(0, 20));
        let quiet = matches!(kind, Kind::Mute | Kind::Puppet)
            || kind == Kind::OneShot && seed.is_multiple_of(2);
        let mild = matches!(kind, Kind::Steady | Kind::Puppet);
        Self {
            incarnation,
            kind,
            next_beat: (!quiet).then_some(first),
            exit,
            ignores_term: !mild && rng.one_in(4),
            unkillable: if !mild && rng.one_in(12) { rng.secs(1, 60) } else { Duration::ZERO },
            announced: false,
            late_word: false,
            period,
            cycle: 1 + rng.below(100) * u64::from(kind == Kind::Stalling),
            stands: 0,
            rng: rng.clone(),
        }
    }

    /// The beat that it sends now, and how many like it.
    pub fn beat(&mut self, now: Up) -> (Box<Beat>, u32) {
        let rng = &mut self.rng;
        self.next_beat = Some(now.plus(self.period));
        let mut beat = Box::<Beat>::default();
        beat.tokens_used = Some(rng.below(5_000));
        match self.kind {
            Kind::Hanging if rng.one_in(200) => self.next_beat = None,
            Kind::Hanging if rng.one_in(100) => {
                let long = rng.secs(60, 4_000);
                beat.expect_next = Some(long);
                self.next_beat = Some(now.plus(long.mul_f64(0.9)));
            }
            Kind::Announcing if self.announced => beat.status = Status::Busy,
            Kind::Announcing if !self.late_word && rng.one_in(300) => {
                self.late_word = true;
                let late = self.period * rng.pick(&[3, 5, 12]);
                self.next_beat = Some(now.plus(late));
            }
            Kind::Announcing
                if self.late_word || rng.one_in(if self.cycle == 1 { 9 } else { 300 }) =>
            {
                self.announced = true;
                beat.status = Status::ShuttingDown;
                let code = i32::from(rng.one_in(4));
                let done = now.plus(rng.secs(1, 400));
                self.exit = (!rng.one_in(5)).then_some((done, Ending::Exit { code }));
            }
            Kind::Stalling => {
                if rng.one_in(100) {
                    self.stands = rng.below(200);
                }
                if let Some(left) = self.stands.checked_sub(1) {
                    self.stands = left;
                    self.cycle -= 1;
                }
                beat.cycle = (!rng.one_in(10)).then_some(self.cycle);
            }
            Kind::Flooding if rng.one_in(if self.cycle == 1 { 9 } else { 100 }) => {
                return (beat, 200);
            }
            Kind::Runaway if rng.one_in(50) => beat.tokens_used = Some(5_000_000),
            Kind::Steady
            | Kind::Slow
            | Kind::Hanging
            | Kind::Crashing
            | Kind::Dying
            | Kind::Leaving
            | Kind::Announcing
            | Kind::Flooding
            | Kind::Runaway
            | Kind::OneShot
            | Kind::Forking
            | Kind::Mute
            | Kind::Puppet => {}
        }
        self.cycle += 1;
        (beat, 1)
    }

    /// A stop signal arrived.
    pub fn asked(&mut self, now: Up) {
        if !self.ignores_term {
            let code = i32::try_from(self.rng.below(2)).unwrap_or(0);
            let takes = self.rng.secs(0, 40);
            self.dies(now.plus(takes), Ending::Exit { code });
        }
    }

    /// KILL arrived, whoever sent it.
    pub fn killed(&mut self, now: Up) {
        let left = std::mem::take(&mut self.unkillable);
        self.dies(now.plus(left), killed());
    }

    /// When it ends, and how. Nobody exits while it is stopped, but anybody can be killed.
    pub fn ends(&self, frozen: bool) -> Option<(Up, Ending)> {
        self.exit.filter(|(_, ending)| !frozen || *ending == killed())
    }

    fn dies(&mut self, at: Up, ending: Ending) {
        if self.exit.is_none_or(|(earlier, _)| at < earlier) {
            self.exit = Some((at, ending));
        }
    }

    /// What stays behind when it is gone, if anything does.
    pub fn leaves(&mut self, often: u64) -> Option<Strays> {
        let leaves = self.kind == Kind::Forking || self.rng.one_in(often);
        (leaves && self.kind != Kind::Puppet).then(|| Strays::new(&mut self.rng, self.incarnation))
    }

    /// It was frozen for `time`.
    pub fn freeze(&mut self, time: Duration) {
        self.next_beat = self.next_beat.map(|at| at.plus(time));
        self.exit = self.exit.map(|(at, ending)| (at.plus(time), ending));
    }
}

/// What outlived its child.
#[derive(Clone, Copy, Debug)]
pub struct Strays {
    pub of: u32,
    pub needs_kill: bool,
    /// Once signalled hard enough, gone then.
    pub takes: Duration,
    pub gone_at: Option<Up>,
}

impl Strays {
    pub fn new(rng: &mut Rng, of: u32) -> Self {
        let takes = if rng.one_in(6) { rng.secs(5, 4_000) } else { rng.secs(0, 2) };
        Self { of, needs_kill: rng.one_in(2), takes, gone_at: None }
    }

    pub fn signal(&mut self, now: Up, kill: bool) {
        if self.gone_at.is_none() && (kill || !self.needs_kill) {
            self.gone_at = Some(now.plus(self.takes));
        }
    }
}
