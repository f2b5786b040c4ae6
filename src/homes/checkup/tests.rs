//! Each of the classic mistakes is found, and what `init` writes has none.

use std::time::Duration;

use super::*;
use crate::homes::{docker, launchd, systemd};

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
    Launcher { path: path.to_owned(), text: text.to_owned() }
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
        let facts = Facts {
            plists: vec![launcher("/Library/LaunchDaemons/t.plist", &launchd::plist(&agent).text)],
            stop_timeout,
            ..well()
        };
        assert_eq!(found(&facts), []);
        assert_eq!(plist::agent(&facts.plists[0]), Some(agent.name));
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
    let other = Some(("/opt/agentwatch".to_owned(), "/usr/bin/agentwatch".to_owned()));
    finds(&Facts { other, ..well() }, "program", Verdict::Bites, "PATH finds /usr/bin/agentwatch");
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

/// The unit of a user who has read no manual, with some lines more.
fn unit_with(lines: &str) -> Facts {
    let text = format!(
        "[Unit]\nDescription=x\n[Service]\n\
         ExecStart=/usr/bin/agentwatch run --name t --stop-timeout 2m -- python a.py\n\
         KillMode=mixed\nTimeoutStopSec=3min\n{lines}\n[Install]\n"
    );
    Facts { units: vec![launcher("/etc/systemd/system/t.service", &text)], ..well() }
}

#[test]
fn units_that_fight_agentwatch() {
    let good = "Restart=on-failure\nRestartSec=5\nRestartPreventExitStatus=2 69 75 78\n";
    assert_eq!(found(&unit_with(good)), []);
    let bites =
        |lines: &str, words: &str| finds(&unit_with(lines), "systemd", Verdict::Bites, words);
    bites("", "no Restart=");
    bites("Restart=always\nRestartSec=5", "given-up agent again and again (code 69)");
    bites("Restart=on-failure\nRestartPreventExitStatus=69", "no RestartSec=");
    bites(&format!("{good}TimeoutStopSec=90"), "systemd kills after 1m30s, the agent may take 2m");
    bites(&format!("{good}KillMode=none"), "KillMode=none");
    bites(&format!("{good}WatchdogSec=30\nType=simple"), "WatchdogSec= without Type=notify");
    let looks =
        |lines: &str, words: &str| finds(&unit_with(lines), "systemd", Verdict::Look, words);
    looks("Restart=on-failure\nRestartSec=5\nRestartPreventExitStatus=69", "only a human can mend");
    looks(&good.replace("on-failure", "always"), "an agent again that has finished");
    looks(&format!("{good}KillMode=control-group"), "beside agentwatch");
    looks(&format!("{good}WatchdogSec=30\nType=notify"), "SIGABRT of the watchdog");
    // What is emptied is forgotten, and what stands in another section is no setting of the service.
    bites(&format!("{good}RestartPreventExitStatus="), "code 69");
    bites(&good.replace("RestartSec", "[X]\nRestartSec"), "no RestartSec=");
    // A stop that never times out is no mistake.
    assert_eq!(found(&unit_with(&format!("{good}TimeoutStopSec=infinity"))), []);
}

#[test]
fn an_agent_that_two_files_start() {
    let mut facts =
        unit_with("Restart=on-failure\nRestartSec=5\nRestartPreventExitStatus=2 69 75 78");
    let other = Launcher { path: "/home/a/t.service".to_owned(), ..facts.units[0].clone() };
    facts.units.push(other);
    finds(&facts, "supervisors", Verdict::Bites, "both start t");
}

#[test]
fn spans_of_systemd() {
    let seconds = |text| unit::time(text).map(|time| time.as_millis());
    for (text, ms) in [("90", 90_000), ("1min 30s", 90_000), ("500ms", 500), ("1h", 3_600_000)] {
        assert_eq!(seconds(text), Some(ms), "{text}");
    }
    for text in ["soon", "5 parsecs", "1e400", "-5"] {
        assert_eq!(seconds(text), None, "{text}");
    }
}

#[test]
fn files_of_compose_that_fight_agentwatch() {
    let compose = |text: &str| Facts { composes: vec![launcher("compose.yaml", text)], ..well() };
    let rest = "stop_grace_period: 1m\nvolumes: [x:/var/lib/agentwatch]\n";
    let bites = |text: &str, words: &str| finds(&compose(text), "docker", Verdict::Bites, words);
    let exits = r#"command: ["agentwatch", "run", "--on-escalate", "exit", "--", "a"]"#;
    bites(&format!("{exits}\nrestart: always\n{rest}"), "given-up agent again and again");
    bites(&format!("init: true\nrestart: always\n{rest}"), "not PID 1");
    bites("restart: always\nvolumes: [x:/var/lib/agentwatch]", "Docker kills after 10s");
    bites("restart: always\nstop_grace_period: 1m", "no volume");
    finds(&compose(rest), "docker", Verdict::Look, "no restart:");
    assert_eq!(found(&compose(&format!("restart: always # why not\n{rest}"))), []);
}

#[test]
fn property_lists_that_fight_agentwatch() {
    let words = |more: &str| {
        format!(
            "<key>ProgramArguments</key><array><string>/opt/agentwatch</string><string>run</string>\
             <string>--name</string><string>t</string>{more}<string>--</string><string>a</string></array>\
             <key>EnvironmentVariables</key><dict><key>PATH</key><string>/bin</string></dict>"
        )
    };
    let hold = "<string>--on-escalate</string><string>hold</string>";
    let keep = "<key>KeepAlive</key><dict><key>SuccessfulExit</key><false/></dict>";
    let late = "<key>ExitTimeOut</key><integer>60</integer>";
    let (agents, daemons) =
        ("/Users/a/Library/LaunchAgents/t.plist", "/Library/LaunchDaemons/t.plist");
    let at = |path: &str, text: String| Facts { plists: vec![launcher(path, &text)], ..well() };
    assert_eq!(found(&at(agents, format!("{}{keep}{late}", words(hold)))), []);
    let bites = |facts: &Facts, said: &str| finds(facts, "launchd", Verdict::Bites, said);
    let user = "<key>UserName</key><string>a</string>";
    bites(&at(agents, format!("{}{keep}{late}{user}", words(hold))), "UserName means nothing");
    let session = "<key>LimitLoadToSessionType</key><string>Aqua</string>";
    bites(&at(daemons, format!("{}{keep}{late}{session}", words(hold))), "never loaded");
    bites(&at(daemons, format!("{}{keep}{late}", words(""))), "again and again");
    bites(&at(daemons, format!("{}{keep}", words(hold))), "launchd kills after 20s");
    let always = "<key>KeepAlive</key><true/>";
    let facts = at(daemons, format!("{}{always}{late}", words(hold)));
    finds(&facts, "launchd", Verdict::Look, "finished agent");
    let bare = words(hold).replace("<key>PATH</key>", "<key>X</key>");
    finds(&at(daemons, format!("{bare}{keep}{late}")), "launchd", Verdict::Look, "no PATH");
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
