//! The report of the day before: asked for once a day, at its hour or when that was missed.

use std::time::Duration;

use crate::core::event::{Event, ReportEnd};
use crate::core::fact::{Fact, ReportFact};
use crate::core::settings::{Morning, Settings};
use crate::core::supervisor::{Phase, Why};
use crate::core::time::{Day, LocalDay, Wall};

use super::story::{DAY, Story, defaults, min, s};

const HOUR: Duration = Duration::from_hours(1);

fn settings(at: u16, sent: bool) -> Settings {
    Settings { beats: false, morning: Some(Morning { at, sent }), ..defaults() }
}

/// A story that begins at that time of day 11, whose child never beats: nothing else wakes anybody.
fn story(settings: Settings, hours: u32) -> Story {
    let mut story = Story::new(settings);
    set(&mut story, 11);
    story.pass(HOUR * hours);
    launch(&mut story);
    story
}

/// Of an earlier life no letter waits.
fn launch(story: &mut Story) {
    story.launch().tick().is(Phase::Running);
    story.step(Event::Delivered { next: None }).take();
}

/// The clocks of day so and so, at its midnight.
fn set(story: &mut Story, day: i64) {
    let begin = |day: i64| Wall(day * 24 * 3_600_000);
    story.now.wall = begin(day);
    story.now.day = LocalDay(i32::try_from(day).unwrap());
    (story.now.today, story.now.tomorrow) = (Day::plain(begin(day)), Day::plain(begin(day + 1)));
}

/// The next day: the calendar goes on, as the shell reads it.
fn turn_the_page(story: &mut Story) {
    let (wall, day) = (story.now.wall, story.now.wall.0.div_euclid(24 * 3_600_000));
    set(story, day);
    story.now.wall = wall;
}

fn there(letter: bool) -> Event {
    Event::ReportEnded(ReportEnd::There { letter })
}

fn failed(error: &str) -> Event {
    Event::ReportEnded(ReportEnd::Failed { error: error.to_owned() })
}

#[test]
fn it_is_asked_for_at_its_hour_and_delivered_with_one_wake_up_a_day() {
    let mut story = story(settings(480, true), 6);
    assert_eq!(story.why(), Some(Why::Report));
    story.advance(s(2 * 3600 - 1)).tells(&[]);
    story.advance(s(1) + Duration::from_millis(1)).tells(&["report 1970-01-11"]);
    story.step(there(true)).tells(&["deliver"]);
    story.step(Event::Delivered { next: None }).tick();
    let wait = story.sut.deadline().map(|(when, _)| when.wait(&story.now));
    assert_eq!(wait, Some(DAY), "nothing until the next morning");
    story.pass(DAY);
    turn_the_page(&mut story);
    story.tick().tells(&["report 1970-01-12"]);
    // Another has made it, and delivers it.
    story.step(there(false)).tells(&[]);
}

#[test]
fn a_morning_that_was_missed_is_made_up_for_once_it_is_clear_that_we_stay() {
    let mut story = story(settings(480, true), 15);
    story.advance(s(9)).tells(&[]);
    story.advance(s(2)).tells(&["report 1970-01-11"]);
    story.step(there(false)).advance(HOUR).tells(&[]);
    // Asleep for two days: of the first of them nothing is sent late.
    story.pass(DAY * 2);
    turn_the_page(&mut story);
    story.tick().tells(&["report 1970-01-13"]);
    // Before its hour nothing is missed.
    let mut early = self::story(settings(480, true), 7);
    early.advance(min(59)).tells(&[]);
}

#[test]
fn who_sends_to_nobody_lets_others_go_first() {
    let mut story = story(settings(480, false), 7);
    story.advance(HOUR + s(59)).tells(&[]);
    story.advance(s(2)).tells(&["report 1970-01-11"]);
    story.step(there(false)).tells(&[]);
}

#[test]
fn what_cannot_be_made_is_said_once_and_tried_again_without_haste() {
    let mut story = story(settings(480, true), 8);
    story.advance(s(11)).tells(&["report 1970-01-11"]);
    story.step(failed("no space left on device")).tells(&["ReportFailed"]);
    let Some(Fact::ReportFailed(fact)) = story.facts.last() else { panic!("not said") };
    let ReportFact { day, sink, tries, after_ms, error } = fact.clone();
    assert_eq!((day.as_str(), sink, tries, after_ms), ("1970-01-11", None, 1, 11_000));
    assert_eq!(error.as_deref(), Some("no space left on device"));
    story.advance(s(59)).tells(&[]);
    story.advance(s(1)).tells(&["report 1970-01-11"]);
    story.step(failed("the same")).tells(&[]);
    for wait in [2, 4, 8, 16, 32, 60, 60, 60] {
        story.advance(s(wait * 60 - 1)).tells(&[]);
        story.advance(s(1)).tells(&["report 1970-01-11"]);
        story.step(Event::ReportEnded(ReportEnd::Busy)).tells(&[]);
    }
    story.pass(DAY);
    turn_the_page(&mut story);
    story.tick().tells(&["report 1970-01-12"]);
    story.step(failed("again")).tells(&["ReportFailed"]);
}

#[test]
fn one_that_hangs_is_killed_and_what_it_says_later_is_not_heard() {
    let mut story = story(settings(480, true), 8);
    story.advance(s(11)).tells(&["report 1970-01-11"]);
    story.advance(min(10)).tells(&["drop report", "ReportFailed"]);
    story.step(there(true)).tells(&[]);
    story.advance(min(1)).tells(&["report 1970-01-11"]);
}

#[test]
fn a_day_that_turns_its_clocks_has_its_morning_too() {
    // Two o'clock becomes three: eight o'clock is seven hours after midnight.
    let mut story = Story::new(settings(480, true));
    set(&mut story, 11);
    let hour = 3_600_000;
    let begins = story.now.today.begins;
    let turns = Wall(begins.0 + 2 * hour);
    story.now.tomorrow = Day::plain(Wall(begins.0 + 23 * hour));
    story.now.today = Day { begins, turns, ends: Wall(begins.0 + 23 * hour) };
    launch(&mut story);
    story.advance(s(7 * 3600 - 1)).tells(&[]);
    story.advance(s(2)).tells(&["report 1970-01-11"]);
}

#[test]
fn what_became_of_it_is_recorded_and_nothing_is_asked_for_where_nobody_wants_it() {
    let mut story = story(Settings { beats: false, ..defaults() }, 8);
    assert_eq!(story.why(), None);
    story.advance(DAY * 3).tells(&[]);
    let fact = |error: Option<&str>| {
        Event::ReportReceipt(Box::new(ReportFact {
            day: "1970-01-11".to_owned(),
            sink: Some("mail".to_owned()),
            tries: 1,
            after_ms: 5,
            error: error.map(str::to_owned),
        }))
    };
    story.step(fact(None)).step(fact(Some("no"))).tells(&["ReportSent", "ReportFailed"]);
}
