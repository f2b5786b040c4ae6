//! One world from its seed to its end; and of a world that broke a rule, the shortest story of how.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::panic::{self, AssertUnwindSafe};
use std::rc::Rc;
use std::time::Duration;

use crate::act::Plan;
use crate::settings::{self, NAMES};
use crate::world::World;
use agentwatch::core::time::Up;

/// How long a world is lived in before it turns kind.
const WEEK: Duration = Duration::from_hours(7 * 24);

/// Worlds that are tried to find the shortest story.
const TRIES: u32 = 600;

/// The last lines of a story that a failure prints.
const LINES: usize = 120;

/// A rule that was broken; 0 for what no rule has a number for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    pub rule: u8,
    pub what: String,
}

/// The end of a world that broke a rule.
pub fn fail(rule: u8, what: &str) -> ! {
    panic::panic_any(Broken { rule, what: what.to_owned() });
}

/// The end of a world of which something is not true.
pub fn check(verdict: Result<(), (u8, String)>) {
    if let Err((rule, what)) = verdict {
        fail(rule, &what);
    }
}

/// What is told of a world.
pub type Story = Rc<RefCell<Vec<String>>>;

/// A world, or a part of it.
#[derive(Clone, Debug, Default)]
pub struct Case {
    pub seed: u64,
    /// Only these acts happen.
    pub only: Option<Rc<BTreeSet<u32>>>,
    /// These settings are as most people have them.
    pub plain: Vec<String>,
}

thread_local! {
    static EXPECTED: Cell<bool> = const { Cell::new(false) };
}

/// Runs `what`; a panic in it becomes an error, without the noise.
pub fn caught<T>(what: impl FnOnce() -> T) -> Result<T, Broken> {
    static HOOK: std::sync::Once = std::sync::Once::new();
    HOOK.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !EXPECTED.get() {
                usual(info);
            }
        }));
    });
    EXPECTED.set(true);
    let result = panic::catch_unwind(AssertUnwindSafe(what));
    EXPECTED.set(false);
    result.map_err(|payload| match payload.downcast::<Broken>() {
        Ok(broken) => *broken,
        Err(payload) => {
            let text = payload.downcast_ref::<String>().cloned();
            let what = text.or_else(|| payload.downcast_ref::<&str>().map(ToString::to_string));
            Broken { rule: 0, what: what.unwrap_or_default() }
        }
    })
}

impl Case {
    pub fn of(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }

    fn world(&self, story: Option<Story>) -> World {
        let mut drawn = settings::drawn(self.seed);
        for name in &self.plain {
            settings::make_plain(&mut drawn, name);
        }
        let start = Up(Duration::from_secs(1_000));
        let plan = Plan::new(self.seed, start, self.only.clone());
        World::new(self.seed, drawn, World::kind_of(self.seed), plan, story)
    }

    /// Lives through it.
    pub fn live(&self, story: Option<Story>) -> Result<World, Broken> {
        caught(|| {
            let mut world = self.world(story);
            world.live(WEEK);
            world.must_become_healthy();
            world
        })
    }

    /// What to type to see it again.
    fn command(&self) -> String {
        let mut words = format!("AGENTWATCH_SEED={}", self.seed);
        if let Some(only) = &self.only {
            let numbers: Vec<String> = only.iter().map(ToString::to_string).collect();
            let _ = write!(words, " AGENTWATCH_ACTS={}", numbers.join(","));
        }
        if !self.plain.is_empty() {
            let _ = write!(words, " AGENTWATCH_PLAIN={}", self.plain.join(","));
        }
        format!("{words} cargo test --test simulation no_world -- --nocapture")
    }

    /// The story of its end, and how to see it again.
    pub fn report(&self, broken: &Broken) -> String {
        let story = Story::default();
        let _ = self.live(Some(Rc::clone(&story)));
        let story = story.borrow();
        let left_out = story.len().saturating_sub(LINES);
        let mut text = format!("rule {} is broken: {}\n\n{}\n", broken.rule, broken.what, story[0]);
        if left_out > 1 {
            let _ = writeln!(text, "… {} lines", left_out - 1);
        }
        for line in &story[left_out.max(1)..] {
            let _ = writeln!(text, "{line}");
        }
        let _ = write!(text, "\nreplay: {}", self.command());
        text
    }

    /// The smallest part of this world that breaks the same rule.
    pub fn shrunk(self, broken: &Broken) -> Self {
        let mut tries = 0;
        let mut fails = |case: &Self| {
            tries += 1;
            let same = |found: Broken| found.rule == broken.rule;
            tries <= TRIES && case.live(None).err().is_some_and(same)
        };
        let all: Vec<u32> = match &self.only {
            Some(only) => only.iter().copied().collect(),
            None => (0..self.count_acts()).collect(),
        };
        let mut best = Self { only: Some(Rc::new(all.iter().copied().collect())), ..self };
        let mut acts = all;
        let mut piece = acts.len().div_ceil(2);
        while 0 < piece {
            let mut from = 0;
            while from < acts.len() {
                let mut fewer = acts.clone();
                fewer.drain(from..(from + piece).min(acts.len()));
                let only = Some(Rc::new(fewer.iter().copied().collect()));
                let case = Self { only, ..best.clone() };
                if fails(&case) {
                    (acts, best) = (fewer, case);
                } else {
                    from += piece;
                }
            }
            piece /= 2;
        }
        for name in NAMES {
            if best.plain.iter().all(|plain| plain != name) {
                let mut case = best.clone();
                case.plain.push(name.to_owned());
                if fails(&case) {
                    best = case;
                }
            }
        }
        best
    }

    /// How many acts happen before the end.
    fn count_acts(&self) -> u32 {
        let story = Story::default();
        let _ = self.live(Some(Rc::clone(&story)));
        let story = story.borrow();
        let act = |line: &String| line.split_once(" act ")?.1.split_once(':')?.0.parse().ok();
        story.iter().rev().find_map(act).map_or(0, |last: u32| last + 1)
    }
}
