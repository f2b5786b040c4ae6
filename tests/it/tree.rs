//! The whole tree of an incarnation goes before the next one starts, however it was grown: small children
//! here misbehave as the agents do that people really run.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command};
use std::time::Instant;

use agentwatch::core::ending::Ending;
use agentwatch::core::fact::{Fact, StopWhy, Strays};
use agentwatch::core::signal::Signal;

use crate::harness::{Run, World, code, has, kill, records, story, until};

/// A world whose processes can be told from all others: they have `TAG` as an argument.
struct Grove {
    world: World,
    tag: String,
}

impl Grove {
    /// None where trees cannot be seen, or where `needs` are missing.
    fn new(needs: &[&str]) -> Option<Self> {
        if !Path::new("/proc/self/stat").exists() {
            eprintln!("SKIPPED: this system shows no trees");
            return None;
        }
        if !needs.iter().all(|need| has(need)) {
            return None;
        }
        let world = World::new();
        let name = world.dir.file_name().unwrap().to_string_lossy().into_owned();
        let digits: String = name.chars().filter(char::is_ascii_digit).collect();
        // So that `sleep TAG` is a long one.
        Some(Self { world, tag: format!("1000.{digits}") })
    }

    /// `script` for the first incarnation; each later one writes down what it finds of the tag (to the
    /// file `left`) and stays.
    fn script(&self, script: &str) -> String {
        // A pattern that does not match itself.
        let pattern = format!("[1]{}", &self.tag[1..]).replace('.', "[.]");
        format!(
            "if [ $AGENTWATCH_INCARNATION != 1 ]; then grep -lzxs '{pattern}' /proc/[0-9]*/cmdline >new
            mv new left; exec sleep 1001; fi\n{}",
            script.replace("TAG", &self.tag)
        )
    }

    fn run(&self, options: &[&str], script: &str) -> Run {
        self.world.run(options, &["bash", "-c", &self.script(script)])
    }

    /// The living processes with the tag.
    fn alive(&self) -> Vec<i32> {
        let tagged = |pid: &i32| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            line.split(|byte| *byte == 0).any(|word| word == self.tag.as_bytes())
        };
        let pids = fs::read_dir("/proc").unwrap().flatten();
        let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter(tagged).collect()
    }

    /// Waits until so many processes of the tag are alive.
    fn grown(&self, count: usize) {
        until(&format!("{count} processes"), || (self.alive().len() == count).then_some(()));
    }

    /// Asserts that the second incarnation found nothing of the first.
    fn gone_before_the_next(&self, run: &Run) {
        run.started(2);
        let left = until("what it found", || fs::read_to_string(self.world.path("left")).ok());
        assert_eq!(left, "", "{}", story(&self.world.facts()));
    }

    /// The first `strays` of the journal: how many, and their names.
    fn strays(&self) -> (u32, Vec<String>) {
        let find = |fact| match fact {
            Fact::Strays(Strays { count, names, .. }) => Some((count, names)),
            _ => None,
        };
        until("strays", || self.world.facts().into_iter().find_map(find))
    }

    /// Changes the tree that `state.json` remembers.
    fn edit_tree(&self, edit: impl Fn(&mut serde_json::Value)) {
        let path = self.world.agent().join("state.json");
        let text = fs::read_to_string(&path).unwrap();
        let mut state: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert!(state["tree"].is_object(), "{text}");
        edit(&mut state["tree"]);
        fs::write(&path, state.to_string()).unwrap();
    }

    /// Waits until the pid of the child is in `state.json`.
    fn remembered(&self) {
        until("the pid on disk", || {
            let text = fs::read_to_string(self.world.agent().join("state.json")).ok()?;
            let state: serde_json::Value = serde_json::from_str(&text).ok()?;
            state["tree"]["pid"].is_i64().then_some(())
        });
    }
}

impl Drop for Grove {
    fn drop(&mut self) {
        // However the test ended. A storm forks while it is being killed.
        for _ in 0..100 {
            let left = self.alive();
            if left.is_empty() {
                break;
            }
            for pid in left {
                let _ = Command::new("sh").args(["-c", &format!("kill -9 {pid}")]).output();
            }
        }
    }
}

fn ending(run: &Run) -> Ending {
    run.fact("exited", 1, |fact| match fact {
        Fact::Exited { ending, .. } => Some(*ending),
        _ => None,
    })
}

/// Claude Code: on TERM it leaves by itself with 143, which is no signal; its tool is a shell in a session
/// of its own.
const CLAUDE: &str = "trap 'exit 143' TERM
    setsid bash -c 'sleep TAG & sleep TAG & wait' TAG &
    while :; do sleep 0.05; done";

#[test]
fn a_tool_in_a_session_of_its_own_goes_before_the_next_start() {
    let Some(grove) = Grove::new(&["setsid", "bash"]) else { return };
    let run = grove.run(&["--cooldown", "100ms"], CLAUDE);
    grove.grown(3);
    kill(run.started(1), "TERM");
    grove.gone_before_the_next(&run);
    assert_eq!(ending(&run), Ending::Exit { code: 143 }, "143 is a code here, no signal");
    let (count, names) = grove.strays();
    assert!(
        names.contains(&"sleep ×2".to_owned()) && names.contains(&"bash".to_owned()),
        "{names:?}"
    );
    // The `sleep` of its own loop may be among them.
    assert!(count == 3 || count == 4, "{count} {names:?}");
}

#[test]
fn a_stop_ends_the_tools_and_keeps_the_agents_own_code() {
    let Some(grove) = Grove::new(&["setsid", "bash"]) else { return };
    let mut run = grove.run(&[], CLAUDE);
    grove.grown(3);
    run.signal("TERM");
    assert_eq!(run.wait(), 143);
    assert_eq!(grove.alive(), [0; 0]);
}

#[test]
fn the_end_is_the_wait_status_although_the_real_agent_lives_on_and_holds_the_pipe() {
    let Some(grove) = Grove::new(&["setsid", "bash"]) else { return };
    // Codex: a launcher; below it the agent with a server that is deaf to TERM in a group of its own, and
    // the shell of a tool in a session of its own. All hold the stdout of the launcher.
    let script = r#"bash -c '
            set -m; bash -c "trap \"\" TERM; exec sleep TAG" & echo $! >deaf; set +m
            setsid bash -c "sleep TAG & wait" TAG &
            wait' TAG &
        wait"#;
    let run = grove.run(&["--cooldown", "100ms"], script);
    grove.grown(4);
    kill(run.started(1), "KILL");
    assert_eq!(ending(&run), Ending::Signal { signal: Signal::KILL, core: false });
    grove.gone_before_the_next(&run);
    // By the journal, as whoever looks here may be late: who is deaf to TERM held the pipe for five seconds more.
    let records = records(&grove.world.agent());
    let at = |is: fn(&Fact) -> bool| {
        records.iter().find(|record| record.fact.as_ref().is_some_and(is)).unwrap().ts.0
    };
    let told = at(|fact| matches!(fact, Fact::Exited { .. }));
    let gone = at(|fact| matches!(fact, Fact::Strays { .. }));
    assert!(told + 3_000 < gone, "the end was told only when nobody held the pipe any more");
    let (count, names) = grove.strays();
    assert_eq!((count, &names[..]), (4, &["bash ×2".to_owned(), "sleep ×2".to_owned()][..]));
}

/// Gemini CLI: a launcher that swallows TERM over the process that does the work.
const GEMINI: &str = "trap : TERM INT HUP
    bash -c 'trap \"exit 0\" TERM; while :; do sleep 0.05; done' TAG & second=$!
    while kill -0 $second 2>/dev/null; do wait $second; done; exit 0";

#[test]
fn a_launcher_that_swallows_the_stop_is_stopped_by_its_group() {
    let Some(grove) = Grove::new(&["bash"]) else { return };
    let mut run = grove.run(&["--stop-timeout", "1h"], GEMINI);
    grove.grown(1);
    run.signal("TERM");
    assert_eq!(run.wait(), 0);
    assert_eq!(grove.alive(), [0; 0]);
}

#[test]
fn a_launcher_that_alone_is_told_to_stop_is_killed_with_all_below_it() {
    let Some(grove) = Grove::new(&["bash"]) else { return };
    let mut run = grove.run(&["--stop-timeout", "200ms", "--stop-scope", "child"], GEMINI);
    grove.grown(1);
    run.signal("TERM");
    assert_eq!(run.wait(), 137);
    assert_eq!(grove.alive(), [0; 0]);
    let timeout = |fact: &Fact| matches!(fact, Fact::Stopping { why: StopWhy::StopTimeout, .. });
    assert!(grove.world.facts().iter().any(timeout), "{}", story(&grove.world.facts()));
}

#[test]
fn dozens_of_session_leaders_are_ended_and_named_after_a_clean_exit_too() {
    let Some(grove) = Grove::new(&["setsid", "bash"]) else { return };
    // opencode: each short command leads a session. Some are not so short.
    let script = "for i in 1 2 3 4 5 6 7 8 9 10; do
            for j in 1 2 3 4; do setsid true & done; setsid sleep TAG &
        done
        exit 0";
    let run = grove.run(&["--restart", "always", "--cooldown", "100ms"], script);
    grove.gone_before_the_next(&run);
    assert_eq!(ending(&run), Ending::Exit { code: 0 });
    // A process that has not executed its program yet bears the name of the shell.
    let (count, names) = grove.strays();
    assert!(count >= 10 && !names.is_empty(), "{count} {names:?}");
    // Who was just leaving the group when that was told to end has heard it too, or five seconds pass.
    let at = |wanted: fn(&Fact) -> bool| {
        let all = records(&grove.world.agent());
        all.iter().find(|one| one.fact.as_ref().is_some_and(wanted)).map(|one| one.ts.0).unwrap()
    };
    let took = at(|fact| matches!(fact, Fact::Strays { .. }))
        - at(|fact| matches!(fact, Fact::Exited { .. }));
    assert!(took < 4_500, "{took} ms");
}

#[test]
fn a_daemon_that_threw_its_environment_away_is_found_by_descent() {
    let Some(grove) = Grove::new(&["setsid", "bash"]) else { return };
    let script = r#"(setsid env -i PATH="$PATH" bash -c '
            sleep TAG & sleep TAG & cd /; exec sleep TAG' >/dev/null 2>&1 &)
        until [ -f go ]; do sleep 0.02; done; exit 0"#;
    let run = grove.run(&["--restart", "always", "--cooldown", "100ms"], script);
    grove.grown(3);
    fs::write(grove.world.path("go"), "").unwrap();
    grove.gone_before_the_next(&run);
    let (count, names) = grove.strays();
    assert!(count >= 3 && names[0] == "sleep ×3", "{count} {names:?}");
}

/// Two hundred processes that are deaf to TERM; whoever of them is killed is forked again at once.
const STORM: &str = r#"python3 -c "
import os, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.setsid() if LEAVE else None
for _ in range(9):
    if os.fork() == 0: break
live = 0
while True:
    while live < 19:
        try:
            if os.fork() == 0: signal.pause()
        except OSError: continue
        live += 1
    os.wait(); live -= 1
" TAG"#;

#[test]
fn a_storm_of_forks_is_over_before_the_next_start() {
    let Some(grove) = Grove::new(&["python3", "bash"]) else { return };
    let script = format!(
        "{} & until [ -f go ]; do sleep 0.02; done; exit 1",
        STORM.replace("LEAVE", "True")
    );
    let run = grove.run(&["--cooldown", "100ms"], &script);
    grove.grown(200);
    fs::write(grove.world.path("go"), "").unwrap();
    grove.gone_before_the_next(&run);
    let (count, names) = grove.strays();
    assert!(count >= 200 && names.iter().any(|name| name.contains('×')), "{count} {names:?}");
}

#[test]
fn a_storm_of_forks_does_not_outlive_a_stop() {
    let Some(grove) = Grove::new(&["python3", "bash"]) else { return };
    let storm = format!("exec {}", STORM.replace("LEAVE", "False"));
    let mut run = grove.run(&["--stop-timeout", "200ms"], &storm);
    grove.grown(200);
    run.signal("TERM");
    assert_eq!(run.wait(), 137);
    assert_eq!(grove.alive(), [0; 0]);
}

#[test]
fn a_process_that_is_never_where_it_was_seen_is_ended_before_the_next_start() {
    let Some(grove) = Grove::new(&["python3", "bash"]) else { return };
    // Each is gone by the time that it is looked at, and its child is in a session of its own.
    let script = r#"python3 -c "
import os, time
end = time.time() + 30
hops = os.open('hops', os.O_WRONLY | os.O_CREAT | os.O_APPEND)
while time.time() < end:
    os.write(hops, b'.')
    if os.fork(): os._exit(0)
    os.setsid()
" TAG &
        until [ -f go ]; do sleep 0.02; done; exit 1"#;
    let run = grove.run(&["--cooldown", "0s"], script);
    let hops = || fs::metadata(grove.world.path("hops")).map_or(0, |file| file.len());
    until("some hops", || (hops() > 200).then_some(()));
    fs::write(grove.world.path("go"), "").unwrap();
    grove.gone_before_the_next(&run);
    let before = hops();
    let begin = Instant::now();
    until("a moment", || (begin.elapsed().as_millis() > 300).then_some(()));
    assert_eq!(hops(), before, "it goes on: {}", story(&grove.world.facts()));
    assert!(grove.strays().0 >= 1);
}

/// Its grandchildren have left the group and the session, and their parents are gone.
const ORPHANS: &str = "(setsid sleep TAG &); (setsid bash -c 'sleep TAG & wait' TAG &)
    sleep TAG & wait";

#[test]
fn orphans_of_a_killed_agentwatch_are_found_by_their_mark_even_if_no_pid_was_written() {
    for forget in [false, true] {
        let Some(grove) = Grove::new(&["setsid", "bash"]) else { return };
        let mut run = grove.run(&[], ORPHANS);
        grove.grown(4);
        grove.remembered();
        run.signal("KILL");
        run.wait();
        // The child dies with it; nothing else does.
        grove.grown(4);
        if forget {
            grove.edit_tree(|tree| {
                tree["pid"] = serde_json::Value::Null;
                tree["start_time"] = serde_json::Value::Null;
            });
        }
        let run = grove.run(&["--cooldown", "0s"], ORPHANS);
        grove.gone_before_the_next(&run);
        let (count, names) = grove.strays();
        assert_eq!((count, &names[..]), (4, &["sleep ×3".to_owned(), "bash".to_owned()][..]));
    }
}

#[test]
fn orphans_are_found_although_the_state_was_torn() {
    let Some(grove) = Grove::new(&["setsid", "bash"]) else { return };
    let mut run = grove.run(&[], ORPHANS);
    grove.grown(4);
    grove.remembered();
    run.signal("KILL");
    run.wait();
    grove.grown(4);
    fs::write(grove.world.agent().join("state.json"), "{\"version\":1,").unwrap();
    let run = grove.run(&["--cooldown", "0s"], ORPHANS);
    grove.gone_before_the_next(&run);
    assert_eq!(grove.strays().0, 4);
}

#[test]
fn an_agentwatch_that_is_killed_while_it_ends_a_tree_leaves_the_rest_to_the_next() {
    let Some(grove) = Grove::new(&["setsid", "bash"]) else { return };
    let script = "(setsid bash -c 'trap \"\" TERM; exec sleep TAG' &)
        until [ -f go ]; do sleep 0.02; done; exit 1";
    let mut run = grove.run(&["--cooldown", "0s"], script);
    grove.grown(1);
    fs::write(grove.world.path("go"), "").unwrap();
    ending(&run);
    run.signal("KILL");
    run.wait();
    assert_eq!(grove.alive().len(), 1, "it is deaf to TERM, and KILL comes after five seconds");
    let run = grove.run(&["--cooldown", "0s"], script);
    grove.gone_before_the_next(&run);
    let ends = grove.world.facts().into_iter().filter(|fact| matches!(fact, Fact::Exited { .. }));
    assert_eq!(ends.count(), 1, "its end was known: {}", story(&grove.world.facts()));
}

/// Somebody else's process, which leads a group.
fn stranger() -> Child {
    Command::new("sleep").arg("600").process_group(0).spawn().unwrap()
}

#[test]
fn a_stranger_that_was_given_the_number_of_the_old_child_is_never_touched() {
    for with_start in [true, false] {
        let Some(grove) = Grove::new(&["setsid", "bash"]) else { return };
        let mut run = grove.run(&[], ORPHANS);
        grove.grown(4);
        grove.remembered();
        run.signal("KILL");
        run.wait();
        let mut stranger = stranger();
        grove.edit_tree(|tree| {
            tree["pid"] = stranger.id().into();
            if !with_start {
                tree["start_time"] = serde_json::Value::Null;
            }
        });
        let run = grove.run(&["--cooldown", "0s"], ORPHANS);
        grove.gone_before_the_next(&run);
        let ended = stranger.try_wait().unwrap();
        stranger.kill().unwrap();
        stranger.wait().unwrap();
        assert_eq!(ended, None, "{}", story(&grove.world.facts()));
    }
}

#[test]
fn what_agentwatch_was_given_at_its_start_is_reaped_and_never_ended() {
    let Some(grove) = Grove::new(&["bash"]) else { return };
    // A job of the shell that becomes agentwatch, and another one that leaves an orphan.
    let line = r#"sleep TAG &
        bash -c 'sleep TAG & until [ -f orphan ]; do sleep 0.02; done' TAG & echo $! >job
        exec "$0" run --name t --cooldown 100ms --restart always -- bash -c "$1""#;
    let script = "sleep TAG & until [ -f go ]; do sleep 0.02; done; exit 0";
    let line = line.replace("TAG", &grove.tag);
    let command = grove.world.within(&["bash", "-c", &line], &[&grove.script(script)]);
    let mut run = grove.world.spawn(command);
    run.started(1);
    grove.grown(4);
    let job: i32 = fs::read_to_string(grove.world.path("job")).unwrap().trim().parse().unwrap();
    fs::write(grove.world.path("orphan"), "").unwrap();
    // Not even a zombie: agentwatch is its parent now.
    until("the job to be reaped", || (!Path::new(&format!("/proc/{job}")).exists()).then_some(()));
    fs::write(grove.world.path("go"), "").unwrap();
    run.started(2);
    let left = until("what it found", || fs::read_to_string(grove.world.path("left")).ok());
    assert_eq!(
        left.lines().count(),
        2,
        "the two of the shell, and not the one of the child: {left}"
    );
    run.signal("TERM");
    run.wait();
    assert_eq!(grove.alive().len(), 2);
}

#[test]
fn a_tree_that_is_gone_costs_the_next_start_no_time() {
    let Some(grove) = Grove::new(&["bash"]) else { return };
    let begin = Instant::now();
    let run = grove.run(&["--cooldown", "0s"], "sleep TAG & exit 1");
    grove.gone_before_the_next(&run);
    // Well below the five seconds that leftovers may have.
    assert!(begin.elapsed().as_millis() < 4_000, "{:?}", begin.elapsed());
    let mut plain = Command::new(env!("CARGO_BIN_EXE_agentwatch"));
    assert_eq!(code(plain.arg("--version").output().unwrap().status), 0);
}
