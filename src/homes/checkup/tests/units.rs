//! Units of systemd that fight agentwatch, and lines that are hard to see.

use super::*;

const GOOD: &str =
    "Restart=on-failure\nRestartSec=5\nRestartPreventExitStatus=2 69 75 78 126 127\n";

/// The unit of a user who has read no manual, with some lines more.
fn unit_with(lines: &str) -> Facts {
    unit_of("/usr/bin/agentwatch run --name t --stop-timeout 2m -- python a.py", lines)
}

fn unit_of(exec: &str, lines: &str) -> Facts {
    let text = format!(
        "[Unit]\nDescription=x\n[Service]\nExecStart={exec}\nKillMode=mixed\nTimeoutStopSec=3min\n{lines}\n[Install]\n"
    );
    Facts { units: vec![launcher("/etc/systemd/system/t.service", &text)], ..well() }
}

#[track_caller]
fn bites(facts: &Facts, words: &str) {
    finds(facts, "systemd", Verdict::Bites, words);
}

#[test]
fn units_that_fight_agentwatch() {
    assert_eq!(found(&unit_with(GOOD)), []);
    // What an older init wrote is as good.
    assert_eq!(found(&unit_with(&GOOD.replace(" 126 127", ""))), []);
    let bites = |lines: &str, words: &str| bites(&unit_with(lines), words);
    bites("", "no Restart=");
    bites("Restart=always\nRestartSec=5", "given-up agent again and again (code 69)");
    bites("Restart=on-failure\nRestartPreventExitStatus=69", "no RestartSec=");
    bites(&format!("{GOOD}RestartSec=200ms"), "RestartSec=0.2s, so five crashes in a row");
    bites(&format!("{GOOD}TimeoutStopSec=90"), "killed after 1m30s, the agent may take 2m");
    bites(&format!("{GOOD}KillMode=none"), "KillMode=none");
    bites(&format!("{GOOD}Type=forking"), "Type=forking waits");
    bites(
        &format!("{GOOD}Type=oneshot"),
        "Type=oneshot waits for agentwatch to leave: it is never active",
    );
    bites(
        &format!("{GOOD}Environment=A=b PYTHONUNBUFFERED="),
        "PYTHONUNBUFFERED is set to nothing",
    );
    bites(
        &format!("{GOOD}Environment=\"PYTHONUNBUFFERED=\""),
        "PYTHONUNBUFFERED is set to nothing",
    );
    bites(
        &format!("{GOOD}Environment=AGENTWATCH_STATE_DIR=/run/t"),
        "the state is in memory (/run/t)",
    );
    let looks =
        |lines: &str, words: &str| finds(&unit_with(lines), "systemd", Verdict::Look, words);
    looks("Restart=on-failure\nRestartSec=5\nRestartPreventExitStatus=69", "only a human can mend");
    looks(&GOOD.replace("on-failure", "always"), "an agent again that has finished");
    looks(&format!("{GOOD}WatchdogSec=30\nType=simple"), "WatchdogSec= without Type=notify");
    looks(
        &format!("{GOOD}WatchdogSec=30\nType=notify\nNotifyAccess=none"),
        "NotifyAccess=none means",
    );
    looks(&format!("{GOOD}KillMode=control-group"), "beside agentwatch");
    looks(&format!("{GOOD}WatchdogSec=30\nType=notify"), "SIGABRT of the watchdog");
    // What is emptied is forgotten, and what stands in another section is no setting of the service.
    bites(&format!("{GOOD}RestartPreventExitStatus="), "code 69");
    bites(&GOOD.replace("RestartSec", "[X]\nRestartSec"), "no RestartSec=");
    // A stop that never times out is no mistake.
    assert_eq!(found(&unit_with(&format!("{GOOD}TimeoutStopSec=infinity"))), []);
}

#[test]
fn fixes_can_be_pasted() {
    let fixes = |facts: &Facts| -> Vec<String> {
        judge(facts).into_iter().filter_map(|it| it.fix).collect()
    };
    let fix = fixes(&unit_with("")).remove(0);
    for part in
        ["Restart=on-failure", "RestartSec=5", "RestartPreventExitStatus=2 69 75 78 126 127"]
    {
        assert!(fix.contains(part), "{fix}");
    }
    let exec = "/usr/bin/agentwatch run --stop-timeout 5m -- a";
    assert_eq!(fixes(&unit_of(exec, GOOD)), ["TimeoutStopSec=330"]);
}

#[test]
fn a_stop_takes_as_long_as_its_own_line_says() {
    // Three minutes are in the unit.
    let line = |exec: &str, more: &str| unit_of(exec, &format!("{GOOD}{more}"));
    assert_eq!(found(&line("/usr/bin/agentwatch run -- a", "")), []);
    let words = "the agent may take 5m";
    bites(&line("/usr/bin/agentwatch run --stop-timeout=5m -- a", ""), words);
    bites(
        &line("/usr/bin/agentwatch run -- a", "Environment=AGENTWATCH_OPT_STOP_TIMEOUT=5m"),
        words,
    );
    bites(&line("env AGENTWATCH_OPT_STOP_TIMEOUT=5m agentwatch run -- a", ""), words);
    // An option of the agent is none of agentwatch's.
    assert_eq!(found(&line("/usr/bin/agentwatch run -- a --stop-timeout 5m", "")), []);
    let mut facts = line("/usr/bin/agentwatch run crawler", "");
    let defined = Defined { stop_timeout: Duration::from_mins(5), ..Defined::default() };
    facts.units[0].ground.defined = Some(defined);
    bites(&facts, words);
    // The line is nearer than the definition.
    let mut facts = line("/usr/bin/agentwatch run --stop-timeout 1m crawler", "");
    facts.units[0].ground.defined = Some(defined);
    assert_eq!(found(&facts), []);
}

#[test]
fn lines_that_are_hard_to_see() {
    for exec in [
        "/usr/bin/agentwatch \\\n  run \\\n# a remark\n  --name t \\\n  -- a",
        "-/usr/bin/agentwatch run --name t -- a",
        "@+/usr/bin/agentwatch agentwatch run --name t -- a",
        ":!!/usr/bin/agentwatch run --name t -- a",
        "/bin/bash -lc \"source ~/.profile && exec agentwatch run --name t -- a\"",
        "/bin/sh -c 'agentwatch run --name t -- a'",
        "/bin/sh -c 'cd /srv; A=b agentwatch run --name t -- a 2>&1'",
        "/usr/bin/env X=y bash -l -c 'bash -c \"agentwatch run --name t -- a\"'",
    ] {
        let facts = unit_of(exec, "");
        assert!(unit::starts_us(&facts.units[0]), "{exec}");
        let line = unit::line(&facts.units[0]).unwrap();
        assert_eq!(line.name(), Some("t"), "{exec}");
        assert!(!line.followed, "{exec}");
        bites(&facts, "no Restart=");
    }
    for exec in ["/bin/sh -c 'agentwatch status'", "/bin/echo agentwatch", "/bin/sh -c", ""] {
        assert!(!unit::starts_us(&unit_of(exec, "").units[0]), "{exec}");
    }
    for hidden in
        ["agentwatch run -- a; true", "agentwatch run -- a | tee log", "agentwatch run -- a || :"]
    {
        bites(&unit_of(&format!("/bin/sh -c '{hidden}'"), GOOD), "hides its exit code");
    }
}

#[test]
fn what_a_line_itself_gets_wrong() {
    let line = |command: &str| unit_of(&format!("/usr/bin/agentwatch run -- {command}"), GOOD);
    for (command, below) in [
        ("pm2 start a.js", "pm2"),
        ("/usr/bin/nohup a", "nohup"),
        ("env A=b npx nodemon a.js", "nodemon"),
        ("agentwatch run -- a", "agentwatch"),
    ] {
        bites(&line(command), &format!("agentwatch runs {below}, which"));
    }
    for command in ["agentwatch serve", "python pm2", "sh -c nohup"] {
        assert_eq!(found(&line(command)), []);
    }
    bites(&unit_of("/usr/bin/agentwatch run --state-dir /dev/shm/a -- a", GOOD), "in memory");
    let mut facts = unit_of("/usr/bin/agentwatch run --state-dir /tmp/a -- a", GOOD);
    assert_eq!(found(&facts), []);
    facts.units[0].ground.in_memory = true;
    bites(&facts, "the state is in memory (/tmp/a)");
    let mut facts = unit_with(GOOD);
    facts.units[0].ground.missing = vec!["/usr/bin/agentwatch".to_owned()];
    bites(&facts, "/usr/bin/agentwatch is not there");
}

#[test]
fn a_unit_of_a_user_that_the_wrong_target_wants() {
    let mut facts = unit_with(GOOD);
    facts.units[0].text.push_str("WantedBy=multi-user.target\n");
    assert_eq!(found(&facts), []);
    facts.units[0].path = "/home/a/.config/systemd/user/t.service".to_owned();
    bites(&facts, "WantedBy=multi-user.target, which no user's systemd has");
    facts.units[0].text = facts.units[0].text.replace("multi-user", "default");
    assert_eq!(found(&facts), []);
}

#[test]
fn an_agent_that_two_files_start() {
    let mut facts = unit_with(GOOD);
    let other =
        Launcher { path: "/etc/systemd/system/u.service".to_owned(), ..facts.units[0].clone() };
    facts.units.push(other);
    finds(&facts, "supervisors", Verdict::Bites, "both start t");
    // A unit of a user keeps its state elsewhere: the two never meet.
    facts.units[1].path = "/home/a/.config/systemd/user/t.service".to_owned();
    assert_eq!(found(&facts), []);
    let template = unit_of("/usr/bin/agentwatch run %i", GOOD).units.remove(0);
    let path = "/etc/systemd/system/agentwatch@.service".to_owned();
    facts.units[1] = Launcher { path, instances: vec!["t".to_owned()], ..template };
    finds(&facts, "supervisors", Verdict::Bites, "agentwatch@.service for t both start t");
    facts.units[1].instances = vec!["u".to_owned()];
    assert_eq!(found(&facts), []);
}

#[test]
fn spans_of_systemd() {
    let seconds = |text| span::time(text).map(|time| time.as_millis());
    for (text, ms) in [("90", 90_000), ("1min 30s", 90_000), ("500ms", 500), ("1h", 3_600_000)] {
        assert_eq!(seconds(text), Some(ms), "{text}");
    }
    for text in ["soon", "5 parsecs", "1e400", "-5"] {
        assert_eq!(seconds(text), None, "{text}");
    }
}
