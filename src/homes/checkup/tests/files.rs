//! Files of Compose and property lists that fight agentwatch.

use super::*;

/// A service with these lines, well but for them.
fn service(lines: &str) -> Facts {
    let text = format!(
        "services:\n  one:\n    {}\n    volumes: [x:/var/lib/agentwatch]\n",
        lines.replace('\n', "\n    ")
    );
    Facts { composes: vec![launcher("compose.yaml", &text)], ..well() }
}

/// The same, built by a Dockerfile beside the file.
fn built(lines: &str, dockerfile: &str) -> Facts {
    let mut facts = service(&format!("build: .\n{lines}"));
    facts.composes[0].ground.beside = vec![("Dockerfile".to_owned(), dockerfile.to_owned())];
    facts
}

#[track_caller]
fn bites(facts: &Facts, words: &str) {
    finds(facts, "docker", Verdict::Bites, words);
}

const REST: &str = "restart: always\nstop_grace_period: 1m";

#[test]
fn files_of_compose_that_fight_agentwatch() {
    let run = |more: &str| format!(r#"command: ["agentwatch", "run", {more} "--", "a"]"#);
    assert_eq!(found(&service(&format!("{}\n{REST} # why not", run("")))), []);
    let exits = run(r#""--on-escalate", "exit","#);
    for policy in ["always", "unless-stopped", "on-failure:5"] {
        let rest = REST.replace("always", policy);
        bites(&service(&format!("{exits}\n{rest}")), &format!("one: restart: {policy} starts"));
    }
    let text = "command: agentwatch run --on-escalate exit -- a";
    bites(&service(&format!("{text}\n{REST}")), "given-up agent again and again");
    let list = "command:\n- agentwatch\n- run\n- --on-escalate=exit\n- a";
    bites(&service(&format!("{list}\n{REST}")), "given-up agent again and again");
    bites(&service(&format!("{}\ninit: true\n{REST}", run(""))), "not PID 1");
    let holds = run(r#""--on-escalate", "hold","#);
    let facts = service(&format!("{holds}\ninit: true\n{REST}"));
    finds(&facts, "docker", Verdict::Look, "one: init: true puts another init");
    bites(
        &service(&format!("{}\nrestart: always", run(""))),
        "one: stops are nested wrongly: killed after 10s",
    );
    finds(
        &service(&format!("{}\nstop_grace_period: 1m", run(""))),
        "docker",
        Verdict::Look,
        "no restart:",
    );
    let mut facts = service(&format!("{}\n{REST}", run("")));
    facts.composes[0].text = facts.composes[0].text.replace("x:/var/lib/agentwatch", "x:/data");
    bites(&facts, "one: no volume for the state");
    facts.composes[0].text += "    environment:\n      AGENTWATCH_STATE_DIR: /data/state\n";
    assert_eq!(found(&facts), []);
    let empty = format!("{}\n{REST}\nenvironment:\n- PYTHONUNBUFFERED=", run(""));
    bites(&service(&empty), "one: PYTHONUNBUFFERED is set to nothing");
    // Who serves the metrics of agents is none.
    let serves = "command: agentwatch serve\nvolumes: [x:/var/lib/agentwatch:ro]\nhealthcheck: {test: agentwatch status}";
    assert_eq!(found(&service(serves)), []);
    // An image that was built elsewhere may be one.
    bites(&service("image: agent\nrestart: always"), "killed after 10s");
    // Another service is another matter.
    let mut facts = service(&format!("{}\n{REST}", run("")));
    facts.composes[0].text += "  db:\n    image: postgres\n    init: true\n";
    assert_eq!(found(&facts), []);
}

#[test]
fn a_stop_in_a_container_takes_as_long_as_its_own_line_says() {
    let words = "killed after 1m, the agent may take 5m";
    bites(&service(&format!("command: agentwatch run --stop-timeout 5m -- a\n{REST}")), words);
    bites(
        &service(&format!("entrypoint: [agentwatch, run, --stop-timeout=5m]\ncommand: a\n{REST}")),
        words,
    );
    let variable = "command: agentwatch run a\nenvironment: {AGENTWATCH_OPT_STOP_TIMEOUT: 5m}";
    bites(&service(&format!("{variable}\n{REST}")), words);
    let image = "FROM x AS y\nENTRYPOINT [\"a\"]\nFROM z\nENTRYPOINT [\"agentwatch\", \"run\", \\\n  \"--stop-timeout\", \"5m\"]\nCMD a\n";
    bites(&built(REST, image), words);
    let variable =
        "FROM z\nENV A=b AGENTWATCH_OPT_STOP_TIMEOUT=5m\nENTRYPOINT exec agentwatch run -- a";
    bites(&built(REST, variable), words);
    let fix = judge(&built(REST, image)).remove(0).fix;
    assert_eq!(fix.as_deref(), Some("stop_grace_period: 330s"));
    // What the file says goes over what the image says.
    assert_eq!(found(&built(&format!("entrypoint: [agentwatch, run, a]\n{REST}"), image)), []);
}

#[test]
fn a_dockerfile_beside_it_counts() {
    let image = |more: &str| {
        format!("FROM z\nENTRYPOINT [\"agentwatch\", \"run\", {more} \"--\"]\nCMD [\"a\"]\n")
    };
    assert_eq!(found(&built(REST, &image(""))), []);
    bites(
        &built(REST, &image("\"--on-escalate\", \"exit\",")),
        "one: restart: always starts a given-up agent",
    );
    bites(&built(&format!("init: true\n{REST}"), &image("")), "init: true, so it is not PID 1");
    let empty = "FROM z\nENV PYTHONUNBUFFERED=\nENTRYPOINT [\"agentwatch\", \"run\", \"a\"]\n";
    bites(&built(REST, empty), "PYTHONUNBUFFERED is set to nothing");
    let text =
        "services: {a: {build: {context: ./x, dockerfile: D}}, b: {build: ../y/}, c: {build: .}}";
    assert_eq!(compose::builds(text), ["./x/D", "../y/Dockerfile", "Dockerfile"]);
}

#[test]
fn a_file_of_compose_that_is_not_understood_is_said() {
    let extends = service("command: agentwatch run a\nextends: {file: b.yaml, service: two}");
    finds(&extends, "docker", Verdict::Look, "one: what it extends is not looked at");
    assert_eq!(found(&extends).len(), 1);
    for text in ["services:\n\tone: agentwatch", "services: [", "include: agentwatch.yaml"] {
        let facts = Facts { composes: vec![launcher("compose.yaml", text)], ..well() };
        let all = found(&facts);
        assert_eq!(
            (all.len(), all[0].0, all[0].1),
            (1, "docker", Verdict::Look),
            "{text}: {all:?}"
        );
    }
}

/// A property list as it should be, with more words on its line.
fn words(more: &str) -> String {
    format!(
        "<key>ProgramArguments</key><array><string>/opt/agentwatch</string><string>run</string>\
         <string>--name</string><string>t</string>{more}<string>--</string><string>a</string></array>\
         <key>EnvironmentVariables</key><dict><key>PATH</key><string>/bin</string></dict>"
    )
}

const HOLD: &str = "<string>--on-escalate</string><string>hold</string>";
const KEEP: &str = "<key>KeepAlive</key><dict><key>SuccessfulExit</key><false/></dict>";
const LATE: &str = "<key>ExitTimeOut</key><integer>60</integer>";
const AGENTS: &str = "/Users/a/Library/LaunchAgents/t.plist";
const DAEMONS: &str = "/Library/LaunchDaemons/t.plist";

fn at(path: &str, text: &str) -> Facts {
    Facts { plists: vec![launcher(path, text)], ..well() }
}

#[track_caller]
fn launchd_bites(facts: &Facts, said: &str) {
    finds(facts, "launchd", Verdict::Bites, said);
}

#[test]
fn property_lists_that_fight_agentwatch() {
    let good = format!("{}{KEEP}{LATE}", words(HOLD));
    assert_eq!(found(&at(AGENTS, &good)), []);
    let bites = launchd_bites;
    let user = "<key>UserName</key><string>a</string>";
    bites(&at(AGENTS, &format!("{good}{user}")), "UserName means nothing");
    let session = "<key>LimitLoadToSessionType</key><string>Aqua</string>";
    bites(&at(DAEMONS, &format!("{good}{session}")), "never loaded");
    bites(&at(DAEMONS, &format!("{}{KEEP}{LATE}", words(""))), "again and again");
    bites(&at(DAEMONS, &format!("{}{KEEP}", words(HOLD))), "killed after 20s");
    let long = format!("{HOLD}<string>--stop-timeout</string><string>5m</string>");
    bites(
        &at(DAEMONS, &format!("{}{KEEP}{LATE}", words(&long))),
        "killed after 1m, the agent may take 5m",
    );
    let facts = at(DAEMONS, &format!("{}<key>KeepAlive</key><true/>{LATE}", words(HOLD)));
    finds(&facts, "launchd", Verdict::Look, "finished agent");
    let bare = words(HOLD).replace("<key>PATH</key>", "<key>X</key>");
    finds(&at(DAEMONS, &format!("{bare}{KEEP}{LATE}")), "launchd", Verdict::Look, "no PATH");
    bites(&at(DAEMONS, &format!("{}{LATE}", words(HOLD))), "nothing starts it");
    // What stands in a remark is not so.
    let remark = format!("{}{LATE}<!-- {KEEP} -->", words(HOLD));
    bites(&at(DAEMONS, &remark), "nothing starts it");
    let load = format!("{}{LATE}<key>RunAtLoad</key><true/>", words(HOLD));
    finds(&at(DAEMONS, &load), "launchd", Verdict::Look, "no KeepAlive");
    let empty =
        good.replace("<dict><key>PATH", "<dict><key>PYTHONUNBUFFERED</key><string/><key>PATH");
    bites(&at(AGENTS, &empty), "PYTHONUNBUFFERED is set to nothing");
}

#[test]
fn property_lists_in_the_wrong_place_or_hands() {
    let good = format!("{}{KEEP}{LATE}", words(HOLD));
    let log = "<key>StandardOutPath</key><string>/Users/a/Library/Logs/x/t.log</string>";
    let facts = at(DAEMONS, &format!("{good}{log}"));
    launchd_bites(&facts, "runs as root in the folders of a user");
    assert_eq!(plist::needs(&facts.plists[0]), ["/Users/a/Library/Logs/x", "/opt/agentwatch"]);
    let mut facts = at(AGENTS, &format!("{good}{log}"));
    assert_eq!(found(&facts), []);
    facts.plists[0].ground.missing = vec!["/Users/a/Library/Logs/x".to_owned()];
    launchd_bites(&facts, "/Users/a/Library/Logs/x is not there");
    let mut facts = at(DAEMONS, &good);
    for (owner, bad) in [((0, 0o100_644), false), ((0, 0o100_664), true), ((501, 0o100_644), true)]
    {
        facts.plists[0].ground.owner = Some(owner);
        let found = found(&facts).iter().any(|one| one.2.contains("root's alone to write"));
        assert_eq!(found, bad, "{owner:?}");
    }
    let facts = at(DAEMONS, "bplist00\u{fffd}/usr/local/bin/agentwatch");
    assert!(plist::starts_us(&facts.plists[0]));
    finds(&facts, "launchd", Verdict::Look, "it is binary");
}
