//! Beats by the FIFO, by `agentwatch beat` and by bare output; and what hostile writers can do there.

use std::fs;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use agentwatch::core::fact::{BeatFact, Fact};

use crate::harness::{Run, World, alive, story, until};
use crate::hostile::{PEAK_KIB, peak_kib};

const BIN: &str = env!("CARGO_BIN_EXE_agentwatch");

pub fn beats(facts: &[Fact]) -> Vec<BeatFact> {
    let beat = |fact: &Fact| match fact {
        Fact::Beat(beat) => Some(beat.clone()),
        _ => None,
    };
    facts.iter().filter_map(beat).collect()
}

pub fn bad_beats(facts: &[Fact]) -> Vec<String> {
    let bad = |fact: &Fact| match fact {
        Fact::BadBeat { reason, .. } => Some(reason.clone()),
        _ => None,
    };
    facts.iter().filter_map(bad).collect()
}

/// Waits until the beats that were recorded have so many tokens.
fn tokens(run: &Run, world: &World, wanted: u64) {
    until(&format!("{wanted} tokens; stderr: {}", run.stderr()), || {
        let told: u64 = beats(&world.facts()).iter().filter_map(|beat| beat.tokens).sum();
        (wanted <= told).then_some(())
    });
}

/// The FIFOs and notify sockets that are there.
fn ends(world: &World) -> Vec<PathBuf> {
    let entries = fs::read_dir(world.path("run")).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending != "sock"))
        .collect();
    paths.sort();
    paths
}

#[test]
fn any_object_in_the_fifo_is_a_beat_and_anything_else_a_bad_one() {
    let world = World::new();
    let script = r#"
        echo '{"tokens_used":1,"status":"ok"}' >"$AGENTWATCH_PIPE"
        echo '{}' >"$AGENTWATCH_PIPE"
        echo "{'agent': 'my-agent', 'status': 'idle', 'tokens_used': 1234, 'ts': 1790000000.5}" >"$AGENTWATCH_PIPE"
        echo hello >"$AGENTWATCH_PIPE""#;
    let mut run = world.script(&["--restart", "never"], script);
    assert_eq!(run.wait(), 0);
    let facts = world.facts();
    let told: Vec<_> =
        beats(&facts).iter().map(|beat| (beat.tokens, beat.status.clone())).collect();
    let want = [(Some(1), "ok"), (None, "ok"), (Some(1234), "idle")];
    assert_eq!(told, want.map(|(tokens, word)| (tokens, word.into())), "{}", story(&facts));
    assert!(bad_beats(&facts)[0].contains("$AGENTWATCH_PIPE: not a JSON object"));
    assert_eq!(run.stdout(), "");
}

#[test]
fn fifo_and_socket_are_new_for_each_incarnation_and_gone_with_its_tree() {
    let world = World::new();
    let script = r#"
        echo "$AGENTWATCH_PIPE $NOTIFY_SOCKET" >ends-$AGENTWATCH_INCARNATION
        [ -p "$AGENTWATCH_PIPE" ] && [ -S "$NOTIFY_SOCKET" ] || exit 7
        [ $AGENTWATCH_INCARNATION = 1 ] && exit 1
        [ -e "$(cut -d' ' -f1 ends-1)" ] && exit 8
        sleep 1000"#;
    let mut run = world.script(&["--cooldown", "300ms"], script);
    run.fact("cooldown", 1, |fact| matches!(fact, Fact::Cooldown { .. }).then_some(()));
    assert_eq!(ends(&world), [] as [PathBuf; 0], "gone while no child is up");
    run.started(2);
    let whole = |text: &String| text.ends_with('\n');
    let told = until("the second", || fs::read_to_string(world.path("ends-2")).ok().filter(whole));
    let found = ends(&world);
    let want: Vec<PathBuf> = told.split_whitespace().map(PathBuf::from).collect();
    assert_eq!(found, [want[1].clone(), want[0].clone()]);
    let fifo = fs::metadata(&want[0]).unwrap();
    assert!(fifo.file_type().is_fifo());
    assert_eq!(fifo.permissions().mode() & 0o777, 0o600);
    run.signal("TERM");
    run.wait();
    assert_eq!(ends(&world), [] as [PathBuf; 0]);
}

#[test]
fn what_a_killed_agentwatch_left_is_cleared_by_the_next() {
    let world = World::new();
    let run = world.script(&["--cooldown", "1h"], "sleep 1000");
    run.started(1);
    run.says("started");
    let old = ends(&world);
    assert_eq!(old.len(), 2);
    run.signal("KILL");
    drop(run);
    let mut run = world.script(&["--cooldown", "1h"], "sleep 1000");
    until("an empty folder", || ends(&world).is_empty().then_some(()));
    run.signal("TERM");
    run.wait();
}

#[test]
fn torn_mixed_and_binary_lines_harm_no_other_beat() {
    let world = World::new();
    let script = r#"
        printf '{"tokens_used":1,' >"$AGENTWATCH_PIPE"; printf '"status":"ok"}\n' >"$AGENTWATCH_PIPE"
        sh -c 'printf "{\"tokens_used\":1000000,\"mess" >"$AGENTWATCH_PIPE"; kill -9 $$'
        printf '\n{"tokens_used":2}\n' >"$AGENTWATCH_PIPE"
        head -c 300000 /dev/urandom >"$AGENTWATCH_PIPE"; echo >"$AGENTWATCH_PIPE"
        head -c 1000000 /dev/zero >"$AGENTWATCH_PIPE"; echo >"$AGENTWATCH_PIPE"
        (for n in 1 2 3 4 5 6 7 8; do
            (for m in 1 2 3 4 5 6 7 8 9 10; do echo '{"tokens_used":3}' >"$AGENTWATCH_PIPE"; done) &
        done; wait)
        echo '{"tokens_used":5}' >"$AGENTWATCH_PIPE""#;
    let mut run = world.script(&["--restart", "never"], script);
    assert_eq!(run.wait(), 0);
    let facts = world.facts();
    let sum: u64 = beats(&facts).iter().filter_map(|beat| beat.tokens).sum();
    assert_eq!(sum, 1 + 2 + 240 + 5, "{}", story(&facts));
    assert!(bad_beats(&facts)[0].contains("not JSON"), "{}", story(&facts));
}

#[test]
fn a_hundred_thousand_beats_in_the_fifo_are_counted_to_the_token() {
    let world = World::new();
    let script = r#"awk 'BEGIN { for (n = 0; n < 100000; n++) print "{\"tokens_used\":" n "}" }' >"$AGENTWATCH_PIPE""#;
    let mut run = world.script(&["--restart", "never"], script);
    assert_eq!(run.wait(), 0);
    let told = beats(&world.facts());
    let tokens: u64 = told.iter().filter_map(|beat| beat.tokens).sum();
    let count: u64 = told.iter().map(|beat| beat.beats).sum();
    assert_eq!((tokens, count), ((0..100_000).sum(), 100_000));
    assert!(told.len() < 1_000, "{} lines", told.len());
}

#[test]
fn a_flood_of_writers_postpones_no_stop_and_takes_no_memory() {
    let world = World::new();
    let script = r#"
        for n in 1 2 3; do yes '{"tokens_used":1}' >"$AGENTWATCH_PIPE" & done
        yes 'garbage that is no beat at all' >"$AGENTWATCH_PIPE" &
        while :; do echo '{"agent":"a","tokens_used":1000000000}'; sleep 0.1; done"#;
    let mut run = world.script(&["--interval", "1s"], script);
    let pid = run.started(1);
    tokens(&run, &world, 5_000_000_000);
    let began = Instant::now();
    run.signal("TERM");
    run.wait();
    let took = began.elapsed();
    assert!(took < Duration::from_secs(20), "stopped after {took:?}");
    assert!(!alive(pid));
    let facts = world.facts();
    assert!(!facts.iter().any(|fact| matches!(fact, Fact::Late { .. })), "{}", story(&facts));
}

#[test]
fn rule_10_a_flooded_fifo_takes_no_memory() {
    let world = World::new();
    let script = r#"
        yes '{}' >"$AGENTWATCH_PIPE" & yes >"$AGENTWATCH_PIPE" &
        (head -c 1000000 /dev/zero | tr '\0' '{'; echo) >"$AGENTWATCH_PIPE"
        echo '{"agent":"a","tokens_used":7}'; sleep 1000"#;
    let run = world.script(&[], script);
    tokens(&run, &world, 7);
    if let Some(peak) = peak_kib(run.pid()) {
        assert!(peak <= PEAK_KIB, "{peak} KiB at the most");
    }
}

#[test]
fn a_beat_by_the_fifo_is_in_the_journal_at_once() {
    let world = World::new();
    let run = world.script(&[], r#"echo "$AGENTWATCH_PIPE" >path; sleep 1000"#);
    let path = until("the path", || {
        let text = fs::read_to_string(world.path("path")).ok()?;
        text.strip_suffix('\n').map(str::to_owned)
    });
    let mut took = Vec::new();
    for n in 1..=10 {
        let began = Instant::now();
        fs::write(&path, "{\"status\":\"ok\"}\n").unwrap();
        run.beat(n);
        took.push(began.elapsed());
    }
    took.sort();
    assert!(took[5] < Duration::from_millis(200), "{took:?}");
}

#[test]
fn a_folder_of_somebody_else_is_refused_and_said_once() {
    let world = World::new();
    fs::create_dir(world.path("run")).unwrap();
    fs::set_permissions(world.path("run"), fs::Permissions::from_mode(0o777)).unwrap();
    let script = r#"
        [ -z "$AGENTWATCH_PIPE$NOTIFY_SOCKET$WATCHDOG_USEC" ] || exit 7
        echo '{"agent":"a","tokens_used":5}'; exit 1"#;
    let mut run = world.script(&["--cooldown", "10ms"], script);
    assert_eq!(run.wait(), 69);
    let stderr = run.stderr();
    for road in ["$AGENTWATCH_PIPE", "$NOTIFY_SOCKET"] {
        let line = format!("no {road}: {}", world.path("run").display());
        assert_eq!(stderr.matches(&line).count(), 1, "{stderr}");
    }
    assert!(stderr.contains("can be written to by others"), "{stderr}");
    let facts = world.facts();
    assert_eq!(facts.iter().filter(|fact| matches!(fact, Fact::SourceOff { .. })).count(), 2);
    assert_eq!(beats(&facts).len(), 3, "stdout is heard all the same");
}

#[test]
fn the_sources_give_the_child_what_they_say() {
    for (source, roads, pipe) in [
        ("auto", true, true),
        ("stdout", false, true),
        ("pipe", true, false),
        ("output", false, true),
        ("none", false, false),
    ] {
        let world = World::new();
        let script = "echo \"$AGENTWATCH_PIPE|$NOTIFY_SOCKET|$WATCHDOG_USEC|$WATCHDOG_PID\" >env
            [ -p /dev/stdout ] && echo pipe >stdout; true";
        let args = [
            "run",
            "--name",
            "t",
            "--restart",
            "never",
            "--interval",
            "5s",
            "--beats",
            source,
            "--",
            "sh",
            "-c",
            script,
        ];
        let mut command = world.command(&args);
        // Those of whoever supervises us are ours alone.
        for name in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "AGENTWATCH_PIPE"] {
            command.env(name, "/outer");
        }
        assert_eq!(world.spawn(command).wait(), 0);
        let env = fs::read_to_string(world.path("env")).unwrap();
        assert!(!env.contains("/outer"), "{source}: {env}");
        if roads {
            assert!(env.contains(".pipe|") && env.ends_with(".notify|5000000|\n"), "{env}");
        } else {
            assert_eq!(env, "|||\n", "{source}");
        }
        assert_eq!(world.path("stdout").exists(), pipe, "{source}");
    }
}

#[test]
fn any_output_is_a_sign_of_life_where_that_is_asked_for() {
    let world = World::new();
    let script = r"
        for n in 1 2 3 4 5 6 7 8 9 10 11 12; do printf .; sleep 0.2; done
        for n in 1 2 3 4 5 6 7 8 9 10; do printf . >&2; sleep 0.2; done
        echo silent >silent; sleep 1000";
    let options = ["--beats", "output", "--interval", "1s", "--misses", "3", "--cooldown", "1h"];
    let mut run = world.script(&options, script);
    run.fact("unhealthy", 1, |fact| matches!(fact, Fact::Unhealthy { .. }).then_some(()));
    assert!(world.path("silent").exists(), "{}", run.stderr());
    let facts = world.facts();
    assert!(beats(&facts).iter().all(|beat| beat.status == "busy" && beat.cycles == 0));
    let count: u64 = beats(&facts).iter().map(|beat| beat.beats).sum();
    assert!((3..=6).contains(&count), "{}", story(&facts));
    assert_eq!(facts.iter().filter(|fact| matches!(fact, Fact::Late { .. })).count(), 1);
    run.signal("TERM");
    run.wait();
}

#[test]
fn a_shell_beats_from_inside_its_agent() {
    let world = World::new();
    let script = format!(
        r#"{BIN} beat --tokens 1234 --cycle 7 --status warning --cost 0.25 --expect-next 10m || exit 7
        {BIN} beat t --message "$(head -c 900 /dev/zero | tr '\0' '\1')" || exit 8
        {BIN} beat --status busy --input-tokens 5 --model m --tool-calls 3 || exit 9
        AGENTWATCH_PIPE= {BIN} beat --tokens 3 || exit 10
        (AGENTWATCH_PIPE= AGENTWATCH_INCARNATION=99 {BIN} beat 2>old) && exit 11
        {BIN} beat --tokens -5 2>/dev/null && exit 12; {BIN} beat --cost -5 2>bad && exit 13; true"#
    );
    let mut run = world.script(&["--restart", "never"], &script);
    assert_eq!(run.wait(), 0, "{}", run.stderr());
    let facts = world.facts();
    let told = beats(&facts);
    assert_eq!(told.len(), 4, "{}", story(&facts));
    let first = &told[0];
    assert_eq!((first.tokens, first.cycle, first.cost_usd), (Some(1234), Some(7), Some(0.25)));
    assert_eq!((first.status.as_ref(), first.expect_next_ms), ("warning", Some(600_000)));
    // Too long for one piece in the FIFO once it is escaped.
    assert_eq!(told[1].message.as_ref().map(String::len), Some(900));
    assert_eq!((told[2].tokens, told[2].status.as_ref()), (Some(5), "busy"));
    assert_eq!(told[3].tokens, Some(3));
    let read = |name| fs::read_to_string(world.path(name)).unwrap();
    assert!(read("old").contains("that incarnation is over, 1 is up"), "{}", read("old"));
    assert!(read("bad").contains("cost_usd is -5"), "{}", read("bad"));
    assert_eq!(run.stdout(), "", "what was heard is not worth a word");
}

#[test]
fn a_beat_from_outside_finds_its_agent_by_name_or_says_why_not() {
    let world = World::new();
    let beat = |args: &[&str]| {
        let output = world.command(&[&["beat"], args].concat()).stdin(Stdio::null()).output();
        let output = output.unwrap();
        let words = String::from_utf8(output.stderr).unwrap();
        (output.status.code().unwrap(), words)
    };
    let (code, words) = beat(&[]);
    assert!(code == 2 && words.contains("agentwatch beat NAME"), "{words}");
    let (code, words) = beat(&["t"]);
    assert!(code == 1 && words.contains("no agent t in"), "{words}");

    let mut run = world.script(&["--cooldown", "1h"], "sleep 1000");
    run.started(1);
    until("the control socket", || (beat(&["t", "--tokens", "7"]).0 == 0).then_some(()));
    run.beat(1);
    assert_eq!(beats(&world.facts())[0].tokens, Some(7));
    crate::harness::kill(run.started(1), "KILL");
    run.says("next start");
    let (code, words) = beat(&["t"]);
    assert!(code == 1 && words.contains("t is not up"), "{words}");
    run.signal("TERM");
    run.wait();
    let (code, words) = beat(&["t"]);
    assert!(code == 1 && words.contains("no agentwatch runs it"), "{words}");

    let run = world.script(&["--beats", "none"], "sleep 1000");
    run.started(2);
    let words =
        until("a refusal", || Some(beat(&["t"]).1).filter(|words| words.contains("--beats")));
    assert!(words.contains("only its exits are watched"), "{words}");
}
