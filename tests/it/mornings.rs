//! The report of every morning by the real binary: one for all agents, made up for, sent once, and survived.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use agentwatch::core::fact::Fact;
use agentwatch::core::fact::Severity;
use agentwatch::core::time::LocalDay;
use agentwatch::store::secrets::proof;
use agentwatch::sys::clock;
use agentwatch::wire::letter::{Route, Way};

use super::harness::{Run, World, facts, kill, until};
use super::server::{Manners, OK, PostOffice, Server};

/// The hour of the report, in seconds after midnight.
const EIGHT: i64 = 8 * 3600;
const DAY: i64 = 24 * 3600;

/// A place on earth where eight o'clock is so many seconds away, and the day before that day.
struct Place {
    zone: String,
    yesterday: LocalDay,
}

impl Place {
    fn before_eight(seconds: i64) -> Self {
        let now = clock::wall_ms() / 1000;
        // West is positive there, and no place is more than half a day away.
        let west = (now - (EIGHT - seconds) + DAY / 2).rem_euclid(DAY) - DAY / 2;
        let (sign, far) = (if west < 0 { "-" } else { "" }, west.abs());
        let zone = format!("AWT{sign}{:02}:{:02}:{:02}", far / 3600, far / 60 % 60, far % 60);
        let today = i32::try_from((now - west).div_euclid(DAY)).unwrap();
        Self { zone, yesterday: LocalDay(today - 1) }
    }
}

/// A world whose agent `t` is known since yesterday, and whose reports go there.
fn world(place: &Place, to: &[String]) -> World {
    let world = World::new();
    let journal = world.agent().join("journal");
    fs::create_dir_all(&journal).unwrap();
    let line = format!(
        "{{\"ts\":\"{}T12:00:00.000Z\",\"seq\":1,\"event\":\"supervisor_stopped\",\"code\":0}}\n",
        place.yesterday
    );
    fs::write(journal.join(format!("{}.jsonl", place.yesterday)), line).unwrap();
    fs::write(world.path("agentwatch.toml"), format!("[report]\nto = {to:?}\n")).unwrap();
    world
}

fn start(world: &World, place: &Place, name: &str, wait: &str) -> Run {
    let args = ["run", "--name", name, "--beats", "none", "--", "sleep", "600"];
    let mut command = world.command(&args);
    command.env("TZ", &place.zone).env("AGENTWATCH_DELIVER_PACE", "0.01");
    command.env("AGENTWATCH_MORNING_WAIT", wait);
    world.spawn(command)
}

fn report(world: &World, place: &Place, kind: &str) -> PathBuf {
    world.path(&format!("state/reports/{}.{kind}", place.yesterday))
}

fn await_report(world: &World, place: &Place) {
    until("the report", || report(world, place, "json").exists().then_some(()));
}

/// What the journals of these agents tell of reports.
fn told(world: &World, names: &[&str]) -> Vec<Fact> {
    let all = names.iter().flat_map(|name| facts(&world.path("state").join(name)));
    all.filter(|fact| matches!(fact, Fact::ReportSent(_) | Fact::ReportFailed(_))).collect()
}

#[test]
fn five_supervisors_make_one_report_and_mail_and_hook_have_it_once() {
    let place = Place::before_eight(11);
    let (server, office) = (Server::new(&[OK]), PostOffice::new(Manners::default()));
    let mail = format!("mailto:me@example.org?smtp=smtp://{}&from=aw@example.org", office.address);
    let world = world(&place, &[format!("{}/hook", server.url), mail]);
    let names = ["t", "t2", "t3", "t4", "t5"];
    let mut runs: Vec<Run> = names.iter().map(|name| start(&world, &place, name, "0")).collect();
    await_report(&world, &place);
    until("both receipts", || (told(&world, &names).len() == 2).then_some(()));
    for fact in told(&world, &names) {
        let Fact::ReportSent(fact) = fact else { panic!("{fact:?}") };
        assert_eq!((fact.day, fact.error), (place.yesterday.to_string(), None));
    }
    for kind in ["html", "txt", "json"] {
        let mode = fs::metadata(report(&world, &place, kind)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{kind}");
    }
    let asked = server.asked();
    let body: serde_json::Value = serde_json::from_str(&asked[0].body).unwrap();
    assert_eq!(
        (&body["kind"], &body["report"]["day"]),
        (&"report".into(), &place.yesterday.to_string().into())
    );
    assert_eq!(body["report"]["json"], report(&world, &place, "json").to_str().unwrap());
    let mails = office.mails();
    let name = format!("agentwatch-{}.html", place.yesterday);
    assert!(mails[0].contains(&name) && mails[0].contains("t is fine"), "{}", mails[0]);

    // One is started again, and beside it one of another world that still has its report to make: when that
    // is there, the first has had its time, too.
    drop(runs.remove(0));
    runs.push(start(&world, &place, "t", "0"));
    let witness = self::world(&place, &[format!("{}/hook", server.url)]);
    let _run = start(&witness, &place, "t", "0");
    await_report(&witness, &place);
    until("the witness", || (server.asked().len() == 2).then_some(()));
    assert_ne!(server.asked()[0].key, server.asked()[1].key, "another state directory");
    assert_eq!((office.mails().len(), told(&world, &names).len()), (1, 2));
    let status = world.output(&["status", "--json"]);
    let agents: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!(agents.as_array().unwrap().len(), 5, "reports are no agent");
}

#[test]
fn a_report_whose_process_was_killed_is_made_by_the_next_life() {
    let place = Place::before_eight(-3600);
    let server = Server::new(&[OK]);
    let world = world(&place, &[format!("{}/hook", server.url)]);
    let run = start(&world, &place, "t", "60000");
    let lock = world.path("state/reports/lock");
    let pid = until("a process at work", || {
        fs::read_to_string(&lock).ok()?.strip_suffix('\n')?.parse::<i32>().ok()
    });
    kill(pid, "KILL");
    let error = run.fact("the failure", 1, |fact| match fact {
        Fact::ReportFailed(fact) => Some((fact.sink.clone(), fact.error.clone())),
        _ => None,
    });
    assert_eq!(error, (None, Some("it was killed, or has crashed".to_owned())));
    assert!(!report(&world, &place, "json").exists() && server.asked().is_empty());
    drop(run);
    let run = start(&world, &place, "t", "0");
    run.fact("the report", 1, |fact| matches!(fact, Fact::ReportSent(_)).then_some(()));
    assert_eq!(server.asked().len(), 1);
}

fn morning(world: &World, place: &Place, route: &[u8]) -> Child {
    let day = place.yesterday.0.to_string();
    let mut command: Command = world.command(&["morning", "--day", &day]);
    command.env("AGENTWATCH_MORNING_WAIT", "300").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(route).unwrap();
    child
}

#[test]
fn of_fifty_at_once_one_makes_the_report_and_writes_one_letter() {
    let place = Place::before_eight(-60);
    let world = world(&place, &[]);
    let url = "exec:true".to_owned();
    let (min_severity, fallback, proof) = (Severity::Warning, false, proof(&url));
    let route = Route { ways: vec![Way { url, min_severity, fallback, proof }], ca_file: None };
    let route = serde_json::to_vec(&Some(route)).unwrap();
    let all: Vec<Child> = (0..50).map(|_| morning(&world, &place, &route)).collect();
    let said = all.into_iter().map(|one| String::from_utf8(one.wait_with_output().unwrap().stdout));
    let said: Vec<String> = said.map(Result::unwrap).collect();
    assert_eq!(
        said.iter().filter(|words| words.contains("\"letter\":true")).count(),
        1,
        "{said:?}"
    );
    let letters = || {
        let names = fs::read_dir(world.path("state/reports/outbox")).unwrap();
        names.flatten().filter(|one| one.file_name().to_string_lossy().starts_with('0')).count()
    };
    assert_eq!(letters(), 1);
    // Killed before it was done: the letter takes its own place.
    fs::remove_file(report(&world, &place, "json")).unwrap();
    let again = morning(&world, &place, &route).wait_with_output().unwrap();
    assert_eq!(String::from_utf8(again.stdout).unwrap(), "{\"letter\":true,\"there\":true}\n");
    assert_eq!(letters(), 1);
    // Of a day before anybody was here there is nothing to be told.
    let earlier = Place { yesterday: LocalDay(place.yesterday.0 - 1), ..place };
    let nothing = morning(&world, &earlier, &route).wait_with_output().unwrap();
    assert_eq!(String::from_utf8(nothing.stdout).unwrap(), "{\"letter\":false,\"there\":true}\n");
    assert!(!report(&world, &earlier, "json").exists());
}
