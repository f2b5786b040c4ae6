//! What a child tells beside its beats, as `sd_notify` clients do it.

use std::time::Duration;

use super::story::{Story, defaults, min, s};
use crate::core::beat::{Beat, Status};
use crate::core::effect::Effect;
use crate::core::event::{Event, Launch};
use crate::core::fact::Fact;
use crate::core::memory::Memory;
use crate::core::notice::{Notice, Road};
use crate::core::settings::{OnMissed, Settings};
use crate::core::signal::Signal;
use crate::core::supervisor::{Phase, Supervisor};
use crate::core::time::{Now, Up};

fn tell(story: &mut Story, notice: Notice) {
    let incarnation = story.alive().expect("nobody is there to tell");
    story.step(Event::Notice { incarnation, notice });
    story.tick();
}

fn ready() -> Notice {
    Notice::Word { ready: true, text: None }
}

fn beats(story: &Story) -> Vec<(u64, String)> {
    let mut beats = Vec::new();
    for fact in &story.facts {
        if let Fact::Beat(beat) = fact {
            beats.push((beat.beats, beat.status.clone().into_owned()));
        }
    }
    beats
}

#[test]
fn ready_alone_obliges_nobody_to_beat() {
    let mut story = Story::new(defaults());
    story.launch();
    tell(&mut story, ready());
    story.advance(min(60)).is(Phase::Running);
    assert!(story.facts.iter().any(|fact| matches!(fact, Fact::Unwatched { .. })));
    story.take();
    story.exit(0);
    assert_eq!(story.take()[0], "exited 1 0: Finished");
}

#[test]
fn ready_meets_a_start_grace_and_gives_a_known_beater_a_fresh_one() {
    let settings = Settings { start_grace: Some(s(45)), ..defaults() };
    let mut story = Story::new(settings.clone());
    story.launch().advance(s(44)).is(Phase::Starting);
    tell(&mut story, ready());
    story.advance(min(60)).is(Phase::Running);

    let memory = Memory { slowest_first_beat: Some(s(1)), ..Memory::default() };
    let mut story = Story::with(settings, memory);
    story.launch().advance(s(44));
    for _ in 0..3 {
        tell(&mut story, ready());
    }
    story.advance(s(44)).is(Phase::Starting);
    tell(&mut story, ready());
    assert!(story.advance(s(1)).take().contains(&"unhealthy 45s".to_owned()));
}

#[test]
fn a_word_of_who_beats_keeps_it_alive_and_ends_no_cycle() {
    let mut story = Story::healthy(defaults());
    for text in [Some("a"), None, Some("b")] {
        story.advance(s(59));
        tell(&mut story, Notice::Word { ready: text.is_none(), text: text.map(Into::into) });
    }
    story.is(Phase::Healthy);
    assert_eq!(beats(&story)[1..], [(); 3].map(|()| (1, "busy".to_owned())));
}

#[test]
fn words_of_who_does_not_beat_are_recorded_once_a_second() {
    let mut story = Story::new(defaults());
    story.launch();
    for _ in 0..1_000 {
        story.pass(Duration::from_millis(10));
        tell(&mut story, Notice::Word { ready: false, text: Some("busy".into()) });
    }
    let told = story.facts.iter().filter(|fact| matches!(fact, Fact::Notified { .. })).count();
    assert_eq!(told, 10);
}

#[test]
fn a_triggered_watchdog_is_believed_at_once() {
    let mut story = Story::healthy(defaults());
    tell(&mut story, Notice::Trigger);
    tell(&mut story, Notice::Trigger);
    story.exit(0).tells(&[
        "triggered",
        "seen",
        "stopping 15 Unhealthy",
        "signal 15 Group",
        "exited 1 0: failure 1 Triggered",
        "cooldown 300s",
    ]);

    let mut story = Story::healthy(Settings { on_missed: OnMissed::Alert, ..defaults() });
    tell(&mut story, Notice::Trigger);
    tell(&mut story, Notice::Trigger);
    story.is(Phase::Unhealthy).tells(&["triggered", "seen"]);
    story.beat().is(Phase::Healthy);
}

#[test]
fn more_time_to_start_is_bounded_by_the_shutdown_grace() {
    let settings = Settings { start_grace: Some(s(45)), shutdown_grace: min(2), ..defaults() };
    let mut story = Story::new(settings);
    story.launch();
    for (after, more) in [(40, "extended Start 35s"), (39, "extended Start 39s")] {
        story.advance(s(after));
        tell(&mut story, Notice::Extend { by: s(40) });
        assert_eq!(story.take().last().map(String::as_str), Some(more));
    }
    tell(&mut story, Notice::Extend { by: Duration::MAX });
    story.advance(s(40)).is(Phase::Starting).tells(&["extended Start 1s"]);
    assert_eq!(story.advance(s(1)).take()[0], "unhealthy 120s");
}

#[test]
fn more_time_to_stop_is_bounded_by_the_shutdown_grace() {
    let mut story = Story::healthy(defaults());
    story.stop(Signal::TERM).advance(s(29));
    tell(&mut story, Notice::Extend { by: min(1) });
    story.advance(s(59)).is(Phase::Stopping);
    assert!(story.alive().is_some());
    tell(&mut story, Notice::Extend { by: Duration::MAX });
    story.advance(s(300 - 29 - 59 - 1));
    assert!(story.alive().is_some(), "four minutes and 59 seconds");
    story.advance(s(1));
    assert_eq!(story.alive(), None, "rule 8: stop always ends");

    let mut story = Story::healthy(defaults());
    story.stop(Signal::TERM).pass(s(2));
    tell(&mut story, Notice::Extend { by: min(1) });
    story.stop(Signal::TERM);
    assert_eq!(story.alive(), None, "a second request kills at once all the same");
}

#[test]
fn who_is_being_stopped_announces_nothing() {
    let mut story = Story::healthy(defaults());
    story.stop(Signal::TERM).take();
    story.beat_with(Beat { status: Status::ShuttingDown, ..Beat::default() });
    assert!(!story.facts.iter().any(|fact| matches!(fact, Fact::ShutdownAnnounced { .. })));
}

#[test]
fn output_is_a_beat_once_a_second_and_a_line_every_ten() {
    let mut story = Story::new(defaults());
    story.launch();
    for _ in 0..600 {
        tell(&mut story, Notice::Output);
        story.advance(Duration::from_millis(100));
    }
    story.is(Phase::Healthy);
    let told = beats(&story);
    assert!((6..=8).contains(&told.len()), "{told:?}");
    story.advance(s(10));
    let sum: u64 = beats(&story).iter().map(|(beats, _)| beats).sum();
    assert_eq!(sum, 60);
    // From the last output on, not from the last one that was counted.
    story.advance(s(59 - 10)).is(Phase::Healthy);
    let told = story.advance(min(2)).take();
    assert!(told.contains(&"late 60s".to_owned()) && told.contains(&"unhealthy 120s".to_owned()));
}

#[test]
fn a_road_that_is_off_is_said_once_and_without_any_nobody_is_blamed() {
    let memory = Memory { slowest_first_beat: Some(s(1)), ..Memory::default() };
    let mut sut = Supervisor::new(defaults(), memory);
    let now = |secs| Now { up: Up(s(secs)), ..Now::default() };
    let mut out = Vec::new();
    sut.step(now(1), Event::Launch(Launch::default()), &mut out);
    for deaf in [false, true] {
        let off = Event::SourceOff { source: Road::Pipe, error: "no".into(), deaf };
        sut.step(now(1), off, &mut out);
    }
    sut.step(now(1), Event::Spawned { incarnation: 1, pid: 7, start_time: None }, &mut out);
    sut.step(now(9_999), Event::Tick { drained: true }, &mut out);
    assert_eq!(sut.phase(), Phase::Running);
    let off = |effect: &&Effect| matches!(effect, Effect::Record(Fact::SourceOff { .. }));
    assert_eq!(out.iter().filter(off).count(), 1);
}
