//! When a letter is written, and what is known by then.

use super::story::{Story, defaults, min, s};
use crate::core::fact::Fact;
use crate::core::incident::{Alerting, Part};
use crate::core::settings::Settings;
use crate::core::supervisor::Phase;

fn with_a_sink(settings: Settings) -> Settings {
    let alerting = Alerting { sinks: true, ..settings.alerting };
    Settings { alerting, ..settings }
}

#[test]
fn of_a_failure_it_is_told_when_it_is_known_when_it_is_started_again() {
    let mut story = Story::healthy(with_a_sink(defaults()));
    story.exit(1).advance(min(5)).exit(1);
    let [(phase, alert)] = story.alerts.as_slice() else { panic!("{:?}", story.alerts) };
    assert_eq!((*phase, alert.part), (Phase::Cooldown, Part::Opened));
    assert_eq!(alert.next_start, Some(story.now.wall.plus(min(5))));
    story.advance(min(5)).exit(1);
    let parts: Vec<_> = story.alerts.iter().map(|(_, alert)| alert.part).collect();
    assert_eq!(parts, [Part::Opened, Part::Worse]);
}

#[test]
fn what_a_silent_child_was_seen_to_do_is_in_the_letter_about_its_end_and_in_no_later_one() {
    let settings = Settings { max_failures: 9, misses: 1, ..defaults() };
    let mut story = Story::healthy(with_a_sink(settings));
    let is_seen = |story: &Story| {
        let (_, alert) = story.alerts.last().unwrap();
        alert.incident.fact(|fact| matches!(fact, Fact::Evidence(_))).is_some()
    };
    story.exit(1).advance(min(5)).beat().advance(s(60)).is(Phase::Stopping);
    story.exit(1).is(Phase::Cooldown);
    assert!(is_seen(&story), "{:?}", story.alerts);
    // Given up for another reason: what was seen of the one before says nothing of it.
    for _ in 0..7 {
        story.advance(min(5)).exit(1);
    }
    assert_eq!(story.alerts.last().unwrap().1.part, Part::Worse);
    assert!(!is_seen(&story), "{:?}", story.alerts);
}
