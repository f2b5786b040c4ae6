//! Memory over time: seldom, and never at the price of a wake-up.

use crate::core::event::Event;
use crate::core::fact::{Fact, MemoryFact};
use crate::core::settings::Settings;
use crate::core::signal::{Request, Signal};
use crate::core::supervisor::Phase;

use super::story::{Story, defaults, min, s};

/// How old the child was at each look, in seconds.
fn ages(story: &Story) -> Vec<u64> {
    let age = |fact: &Fact| {
        let Fact::Memory(MemoryFact { age_ms, .. }) = fact else { return None };
        Some(age_ms / 1000)
    };
    story.facts.iter().filter_map(age).collect()
}

#[test]
fn who_beats_is_measured_at_its_first_beat_and_at_a_beat_of_each_hour() {
    let mut story = Story::new(defaults());
    story.launch().advance(s(3)).beat();
    assert_eq!(ages(&story), [3]);
    story.beats_for(min(59));
    assert_eq!(ages(&story), [3]);
    story.beats_for(min(121));
    assert_eq!(ages(&story), [3, 3603, 7203, 10_803]);
    let Some(Fact::Memory(fact)) = story.facts.iter().find(|fact| matches!(fact, Fact::Memory(_)))
    else {
        panic!("no look at all")
    };
    let expected = MemoryFact { incarnation: 1, age_ms: 3000, rss_kib: 2048, processes: 2 };
    assert_eq!(*fact, expected);
}

#[test]
fn who_never_beats_is_measured_when_something_else_wakes_us() {
    let mut story = Story::new(Settings { beats: false, ..defaults() });
    story.launch().is(Phase::Running);
    assert_eq!(story.why(), None);
    story.advance(s(20)).signal(Signal(10), Request::Other, false);
    assert_eq!(ages(&story), [0; 0], "what it has right after its start says little");
    story.advance(min(300));
    assert_eq!((ages(&story), story.why()), (Vec::new(), None), "nobody wakes for that");
    story.signal(Signal(10), Request::Other, false);
    assert_eq!(ages(&story), [18_020]);
    story.signal(Signal(10), Request::Other, false);
    assert_eq!(ages(&story), [18_020]);
}

#[test]
fn nothing_is_no_figure_and_is_looked_for_again() {
    let mut story = Story::new(defaults());
    story.launch().advance(s(3)).beat();
    story.step(Event::Measured { incarnation: 1, rss_kib: 0, processes: 2 });
    story.advance(s(9)).beat();
    assert_eq!(ages(&story), [3], "not at once");
    story.advance(s(2)).beat();
    assert_eq!(ages(&story), [3, 14]);
}

#[test]
fn each_incarnation_is_measured_anew_and_an_old_one_no_more() {
    let mut story = Story::healthy(defaults());
    story.beats_for(min(10)).exit(1).advance(s(5)).beat();
    assert_eq!(ages(&story), [0, 5]);
    let facts = story.facts.len();
    story.step(Event::Measured { incarnation: 1, rss_kib: 9, processes: 1 });
    assert_eq!(story.facts.len(), facts, "nothing is told of one that is gone");
}
