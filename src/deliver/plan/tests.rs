//! What is sent where and when.

use super::*;
use crate::core::fact::Severity;
use crate::wire::letter::Try;

fn road(outbox: usize, proof: &str, least: Severity, fallback: bool, chat: bool) -> Road {
    let way = Way { url: String::new(), min_severity: least, fallback, proof: proof.into() };
    Road { outbox, way, chat }
}

fn waiting(outbox: usize, incident: &str, number: u32, kind: Kind, severity: Severity) -> Waiting {
    let letter = Letter {
        v: 1,
        id: format!("{incident}/{number}"),
        incident: incident.into(),
        number,
        kind,
        severity,
        cause: "failing".into(),
        group: None,
        agent: format!("agent{outbox}"),
        host: "vps2".into(),
        at: 1_000,
        offset: 0,
        since: 0,
        not_before: None,
        headline: "fails".into(),
        lines: Vec::new(),
        output: None,
        steps: Vec::new(),
        runbook: None,
        report: None,
    };
    Waiting { outbox, letter, tried: Tried::new() }
}

fn warned(incident: &str, number: u32) -> Waiting {
    waiting(0, incident, number, Kind::Opened, Severity::Warning)
}

fn failed(tries: u32, next: i64) -> Try {
    Try { tries, next, error: Some("no".into()), ..Try::default() }
}

#[test]
fn the_letters_of_an_incident_keep_their_order_and_those_of_others_do_not_wait() {
    let roads = [road(0, "p", Severity::Warning, false, false)];
    let all = [warned("a", 1), warned("a", 2), warned("b", 1)];
    let jobs = plan(&all, &roads, 2_000).jobs;
    assert_eq!(jobs["p"], [Job::Send(vec![0]), Job::Send(vec![2])]);
}

#[test]
fn a_sink_that_failed_rests_and_the_next_moment_is_told() {
    let roads = [
        road(0, "p", Severity::Warning, false, false),
        road(0, "q", Severity::Warning, false, false),
    ];
    let mut all = [warned("a", 1), warned("b", 1)];
    all[0].tried.insert("p".into(), failed(1, 7_000));
    let found = plan(&all, &roads, 2_000);
    assert_eq!(found.next, Some(5_000));
    assert_eq!(found.jobs.keys().collect::<Vec<_>>(), ["q"]);
    assert_eq!(plan(&all, &roads, 7_000).jobs["p"].len(), 2);
}

#[test]
fn severity_and_quiet_hours_hold() {
    let roads = [road(0, "p", Severity::Critical, false, false)];
    let mut all = [warned("a", 1), waiting(0, "b", 1, Kind::Opened, Severity::Critical)];
    all[1].letter.not_before = Some(9_000);
    let found = plan(&all, &roads, 2_000);
    assert!(found.jobs.is_empty());
    assert_eq!(found.next, Some(7_000));
    assert!(is_done(&all[0], &roads), "nobody wants it");
    assert!(!is_done(&all[1], &roads));
}

#[test]
fn a_fallback_is_used_when_nobody_else_could_and_the_others_are_tried_on() {
    let roads = [
        road(0, "p", Severity::Warning, false, false),
        road(0, "f", Severity::Warning, true, false),
    ];
    let mut all = [warned("a", 1)];
    assert_eq!(plan(&all, &roads, 2_000).jobs.keys().collect::<Vec<_>>(), ["p"]);
    all[0].tried.insert("p".into(), failed(3, 9_000));
    assert_eq!(plan(&all, &roads, 2_000).jobs.keys().collect::<Vec<_>>(), ["f"]);
    all[0].tried.insert("f".into(), Try { tries: 1, done: true, ..Try::default() });
    let found = plan(&all, &roads, 2_000);
    assert!(found.jobs.is_empty() && found.next == Some(7_000));
    all[0].tried.insert("p".into(), Try { tries: 4, done: true, ..Try::default() });
    assert!(is_done(&all[0], &roads));
}

#[test]
fn after_a_day_it_is_given_up() {
    let roads = [road(0, "p", Severity::Warning, false, false)];
    let mut all = [warned("a", 1)];
    all[0].tried.insert("p".into(), failed(99, i64::MAX));
    assert!(plan(&all, &roads, GIVE_UP).jobs.is_empty());
    let jobs = plan(&all, &roads, 1_000 + GIVE_UP).jobs;
    assert!(matches!(jobs["p"].as_slice(), [Job::GiveUp(0, _)]));
}

#[test]
fn what_was_over_before_people_could_read_of_it_is_one_message_to_them_and_all_to_a_pager() {
    let roads = [
        road(0, "chat", Severity::Warning, false, true),
        road(0, "hook", Severity::Warning, false, false),
    ];
    let all = [warned("a", 1), waiting(0, "a", 2, Kind::Closed, Severity::Warning)];
    let jobs = plan(&all, &roads, 2_000).jobs;
    assert!(matches!(jobs["chat"].as_slice(), [Job::Skip(0), Job::Send(list)] if list == &[1]));
    assert_eq!(jobs["hook"], [Job::Send(vec![0])]);
}

#[test]
fn one_thing_in_many_agents_is_said_once_where_people_read() {
    let roads: Vec<Road> = (0..4)
        .flat_map(|at| {
            [
                road(at, "chat", Severity::Warning, false, true),
                road(at, "hook", Severity::Warning, false, false),
            ]
        })
        .collect();
    let of = |at: usize| waiting(at, &format!("i{at}"), 1, Kind::Opened, Severity::Warning);
    let mut all: Vec<Waiting> = (0..4).map(of).collect();
    all[3].letter.group = Some("another".into());
    let jobs = plan(&all, &roads, 2_000).jobs;
    assert_eq!(jobs["chat"], [Job::Send(vec![0, 1, 2]), Job::Send(vec![3])]);
    assert_eq!(jobs["hook"].len(), 4);
    let two = plan(&all[..2], &roads, 2_000).jobs;
    assert_eq!(two["chat"].len(), 2, "two agents are no storm");
}

#[test]
fn waits_double_up_to_a_quarter_of_an_hour_and_scatter() {
    for dice in [0, 7, u64::MAX] {
        assert!((3_750..=6_250).contains(&backoff(1, dice)));
        assert!((7_500..=12_500).contains(&backoff(2, dice)));
        for tries in [10, 64, 65, u32::MAX] {
            assert!((675_000..=1_125_000).contains(&backoff(tries, dice)), "{tries}");
        }
    }
    assert_ne!(backoff(3, 1), backoff(3, 2));
}

#[test]
fn what_becomes_critical_in_the_night_is_not_held_by_the_warning_before_it() {
    let roads = [road(0, "p", Severity::Warning, false, true)];
    let critical = waiting(0, "a", 2, Kind::Updated, Severity::Critical);
    let mut all = [warned("a", 1), warned("b", 1), critical];
    (all[0].letter.not_before, all[1].letter.not_before) = (Some(9_000), Some(9_000));
    let found = plan(&all, &roads, 2_000);
    assert_eq!(found.jobs["p"], [Job::Send(vec![0])], "in their order");
    assert_eq!(found.next, Some(7_000), "the other incident is held");
    all[0].tried.insert("p".into(), Try { done: true, ..Try::default() });
    assert_eq!(plan(&all, &roads, 2_000).jobs["p"], [Job::Send(vec![2])]);
}

#[test]
fn a_report_goes_to_whoever_asked_for_reports_and_is_never_rolled_up() {
    let roads: Vec<Road> =
        (0..4).map(|at| road(at, "p", Severity::Critical, false, true)).collect();
    let report = |outbox, day: &str| waiting(outbox, day, 1, Kind::Report, Severity::Info);
    let all = [report(0, "a"), report(1, "b"), report(2, "c"), report(3, "d")];
    let jobs = plan(&all, &roads, 2_000).jobs;
    let alone: Vec<Job> = (0..4).map(|at| Job::Send(vec![at])).collect();
    assert_eq!(jobs["p"], alone);
    let late = plan(&all, &roads, 1_000 + GIVE_UP).jobs;
    assert!(matches!(late["p"][0], Job::GiveUp(0, _)), "a day later it is no news");
}
