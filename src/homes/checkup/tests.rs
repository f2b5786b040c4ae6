//! Each of the classic mistakes is found, and what `init` writes has none.

use std::time::Duration;

use super::agents::NEVER_BEAT;
use super::*;
use crate::homes::{docker, launchd, systemd};

mod files;
mod units;

const STOP: Duration = Duration::from_secs(30);

/// A machine without a fault.
fn well() -> Facts {
    Facts {
        state_dir: StateDir {
            path: "/var/lib/agentwatch".to_owned(),
            writable: true,
            in_memory: false,
            free: Some(1 << 40),
        },
        clock_kept: Some(true),
        sinks: 1,
        stop_timeout: STOP,
        ..Facts::default()
    }
}

fn launcher(path: &str, text: &str) -> Launcher {
    Launcher { path: path.to_owned(), text: text.to_owned(), ..Launcher::default() }
}

/// What is found besides what is good: check, verdict, words.
fn found(facts: &Facts) -> Vec<(&'static str, Verdict, String)> {
    let all = judge(facts).into_iter().filter(|finding| finding.verdict != Verdict::Good);
    all.map(|finding| {
        assert!(finding.fix.is_some(), "{finding:?}");
        (finding.check, finding.verdict, finding.words)
    })
    .collect()
}

#[track_caller]
fn finds(facts: &Facts, check: &str, verdict: Verdict, words: &str) {
    let all = found(facts);
    let it = |(found, weight, said): &(&str, Verdict, String)| {
        *found == check && *weight == verdict && said.contains(words)
    };
    assert!(all.iter().any(it), "{check} {words}: {all:?}");
}

#[test]
fn a_machine_without_a_fault_has_none() {
    assert_eq!(found(&well()), []);
}

#[test]
fn what_init_writes_has_no_fault() {
    for (name, text) in [("a@.service", systemd::SYSTEM), ("b@.service", systemd::USER)] {
        let facts = Facts { units: vec![launcher(name, text)], ..well() };
        assert_eq!(found(&facts), []);
        assert!(unit::starts_us(&facts.units[0]), "{name}");
    }
    for agent in crate::homes::tests::agents() {
        let agent = crate::homes::Agent { options: Vec::new(), ..agent };
        let stop_timeout = agent.stop_timeout;
        let facts = Facts {
            units: vec![launcher("t.service", &systemd::unit(&agent).text)],
            composes: vec![launcher("compose.yaml", &docker::compose(&agent).text)],
            stop_timeout,
            ..well()
        };
        assert_eq!(found(&facts), []);
        let place = if agent.own {
            "/Users/ann/Library/LaunchAgents/t.plist"
        } else {
            "/Library/LaunchDaemons/t.plist"
        };
        let facts = Facts {
            plists: vec![launcher(place, &launchd::plist(&agent).text)],
            stop_timeout,
            ..well()
        };
        assert_eq!(found(&facts), []);
        let line = plist::line(&facts.plists[0]).unwrap();
        assert_eq!(line.name(), Some(&*agent.name));
    }
}

#[test]
fn the_surroundings() {
    let dir = well().state_dir;
    let with = |state_dir| Facts { state_dir, ..well() };
    let facts = with(StateDir { writable: false, ..dir.clone() });
    finds(&facts, "state", Verdict::Bites, "cannot be written");
    let facts = with(StateDir { in_memory: true, ..dir.clone() });
    finds(&facts, "state", Verdict::Bites, "is in memory");
    finds(&with(StateDir { free: Some(9_000_000), ..dir }), "room", Verdict::Bites, "9 MB left");
    finds(&Facts { clock_kept: Some(false), ..well() }, "clock", Verdict::Look, "nobody keeps");
    assert_eq!(found(&Facts { clock_kept: None, ..well() }), []);
    finds(&Facts { sinks: 0, ..well() }, "sinks", Verdict::Bites, "nobody is told");
    let facts = Facts { unbuffered: Some(String::new()), ..well() };
    finds(&facts, "stdout", Verdict::Bites, "PYTHONUNBUFFERED is set to nothing");
    assert_eq!(found(&Facts { unbuffered: Some("1".to_owned()), ..well() }), []);
    let (own, first) = ("/opt/agentwatch".to_owned(), "/usr/bin/agentwatch".to_owned());
    let path = |on_path| Facts { on_path, ..well() };
    let nowhere = path(OnPath::Nowhere(own.clone()));
    finds(&nowhere, "program", Verdict::Look, "PATH finds no agentwatch; this one is /opt");
    let copy = path(OnPath::Copy(own.clone(), first.clone()));
    finds(&copy, "program", Verdict::Look, "/usr/bin/agentwatch, a second copy");
    finds(&path(OnPath::Other(own, first)), "program", Verdict::Bites, "another product");
    let unread = vec![("docker", "compose.yaml".to_owned(), "Permission denied".to_owned())];
    finds(
        &Facts { unread, ..well() },
        "docker",
        Verdict::Look,
        "be read, so nothing is known of it",
    );
}

#[test]
fn sinks_that_stand_elsewhere() {
    let agent = |name: &str, told| Seen {
        name: name.to_owned(),
        supervised: true,
        told,
        beats: true,
        ..Seen::default()
    };
    let facts = Facts { sinks: 0, agents: vec![agent("a", true)], ..well() };
    assert_eq!(found(&facts), []);
    let facts = Facts { agents: vec![agent("a", true), agent("b", false)], ..facts };
    finds(&facts, "sinks", Verdict::Bites, "nobody is told when b is given up; of a somebody is");
    // The line of a unit that was never started yet, and the definition by which it runs.
    let line = "[Service]\nExecStart=/usr/bin/agentwatch run --alert ntfy:x -- a\n";
    let units = vec![launcher("/etc/systemd/system/u.service", line)];
    let facts = Facts { sinks: 0, units, ..well() };
    assert!(!found(&facts).iter().any(|one| one.0 == "sinks"));
    let mut unit = launcher("/u.service", "[Service]\nExecStart=/usr/bin/agentwatch run a\n");
    let facts = |unit| Facts { sinks: 0, units: vec![unit], ..well() };
    finds(&facts(unit.clone()), "sinks", Verdict::Bites, "no alert sink");
    // The template of a package starts nobody.
    let template = launcher("/a@.service", "[Service]\nExecStart=/usr/bin/agentwatch run %i\n");
    let told = Facts { agents: vec![agent("b", true)], ..facts(template.clone()) };
    assert!(!found(&told).iter().any(|one| one.0 == "sinks"));
    let instances = vec!["c".to_owned()];
    let units = vec![Launcher { instances, ..template }];
    let words = "nobody is told when a@.service is given up; of b somebody is";
    finds(&Facts { units, ..told }, "sinks", Verdict::Bites, words);
    unit.ground.defined = Some(Defined { sinks: 1, ..Defined::default() });
    assert!(!found(&facts(unit)).iter().any(|one| one.0 == "sinks"));
}

#[test]
fn agents_that_never_beat_or_are_run_by_two() {
    let agent = Seen {
        name: "a".to_owned(),
        supervised: true,
        outdated: false,
        beats: false,
        state: "running".to_owned(),
        up_ms: Some(NEVER_BEAT),
        directory: "/srv".to_owned(),
        command: vec!["python".to_owned(), "a.py".to_owned()],
        ..Seen::default()
    };
    let with = |agents: &[&Seen]| Facts {
        agents: agents.iter().map(|agent| (*agent).clone()).collect(),
        ..well()
    };
    finds(&with(&[&agent]), "beats", Verdict::Look, "a has been up for 10m without a beat");
    let beats = Seen { beats: true, state: "healthy".to_owned(), ..agent.clone() };
    let young = Seen { up_ms: Some(NEVER_BEAT - 1), ..agent.clone() };
    assert_eq!(found(&with(&[&beats])), []);
    assert_eq!(found(&with(&[&young])), []);
    let nested = Seen { command: vec!["/usr/bin/pm2".to_owned()], ..beats.clone() };
    finds(&with(&[&nested]), "supervisors", Verdict::Bites, "run by pm2");
    let again = Seen { name: "b".to_owned(), ..beats.clone() };
    finds(&with(&[&beats, &again]), "supervisors", Verdict::Look, "a and b are the same command");
    let down = Seen { supervised: false, ..again };
    assert_eq!(found(&with(&[&beats, &down])), []);
    let old = Seen { outdated: true, ..down };
    finds(
        &with(&[&beats, &old]),
        "program",
        Verdict::Look,
        "b: run by an agentwatch that was replaced",
    );
    let crowd = [&old; 7];
    finds(&with(&crowd), "program", Verdict::Look, "b, b, b, b, b and 2 more: run by");
}

#[test]
fn beats_that_come_in_bursts_and_a_state_of_tomorrow() {
    let agent = |bursts| Seen { name: "a".to_owned(), beats: true, bursts, ..Seen::default() };
    let with = |agent| Facts { agents: vec![agent], ..well() };
    let once = Bursts { count: 1, most: 157, silence_ms: 151_000, ..Bursts::default() };
    let words = "a holds its beats back: once many came in one second, 157 after 2m31s of silence";
    finds(&with(agent(once.clone())), "stdout", Verdict::Look, words);
    let hung = Bursts { hung: 1, ..once.clone() };
    finds(&with(agent(hung)), "stdout", Verdict::Bites, "and it was taken for hung");
    finds(&with(agent(Bursts { count: 2, ..once })), "stdout", Verdict::Bites, "2 times many came");
    let newer = Some("version 9; this one knows 1".to_owned());
    let facts = with(Seen { newer, ..agent(Bursts::default()) });
    finds(&facts, "program", Verdict::Bites, "a: its state is refused (code 78): version 9");
}

#[test]
fn what_bites_comes_first() {
    let facts = Facts { sinks: 0, clock_kept: Some(false), ..well() };
    let verdicts: Vec<Verdict> = judge(&facts).into_iter().map(|one| one.verdict).collect();
    assert!(verdicts.is_sorted_by(|one, next| next <= one), "{verdicts:?}");
}

#[test]
fn files_that_are_no_launchers_are_survived() {
    for text in
        ["", "\0", "[Service", "[Service]\nExecStart=", "<key>ProgramArguments</key>", "<key>"]
    {
        let facts = Facts {
            units: vec![launcher("u", text)],
            plists: vec![launcher("p", text)],
            composes: vec![launcher("c", text)],
            ..well()
        };
        let _ = judge(&facts);
    }
}

/// What is cut or broken anywhere is judged or passed over, and never the end of the doctor.
#[test]
fn files_that_are_cut_or_broken_are_survived() {
    let agent = &crate::homes::tests::agents()[0];
    for text in [
        systemd::unit(agent).text,
        docker::compose(agent).text,
        docker::image(agent).text,
        launchd::plist(agent).text,
    ] {
        // Every place is too many for a test; a prime meets all kinds of places.
        for at in (0..text.len()).step_by(23).filter(|at| text.is_char_boundary(*at)) {
            let (before, behind) = text.split_at(at);
            for broken in [
                before.to_owned(),
                behind.to_owned(),
                format!("{before}[\"{behind}"),
                format!("{before}\n - &a *a:{behind}"),
            ] {
                let mut compose = launcher("c", &broken);
                compose.ground.beside = vec![("Dockerfile".to_owned(), broken.clone())];
                let facts = Facts {
                    units: vec![launcher("u", &broken)],
                    plists: vec![launcher("p", &broken)],
                    composes: vec![compose, built_by(&broken)],
                    ..well()
                };
                let _ = judge(&facts);
            }
        }
    }
}

/// A service that is built by this Dockerfile.
fn built_by(dockerfile: &str) -> Launcher {
    let mut compose = launcher("c", "services: {a: {build: .}}");
    compose.ground.beside = vec![("Dockerfile".to_owned(), dockerfile.to_owned())];
    compose
}
