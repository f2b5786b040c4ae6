//! What an exit means, on the real binary: restart rules, repeated runs, runs that last too long.

use agentwatch::core::fact::{Cause, Excess, Fact, Outcome};

use crate::harness::{Run, World};

fn configured(world: &World, text: &str) {
    std::fs::write(world.path("agentwatch.toml"), text).unwrap();
}

fn outcome(run: &Run, n: usize) -> (Outcome, Option<u32>) {
    run.fact("an end", n, |fact| match fact {
        Fact::Exited { outcome, rule, .. } => Some((*outcome, *rule)),
        _ => None,
    })
}

const RULES: &str = r#"
[restart]
cooldown = "0s"

[[restart.rule]]
exit = 75
action = "park"
after = "100ms"

[[restart.rule]]
output = "(?i)invalid api key"
action = "escalate"

[[restart.rule]]
status = "bored"
action = "finish"
"#;

#[test]
fn a_quota_parks_and_the_run_goes_on_with_the_command_for_restarts() {
    let world = World::new();
    let command = "[restart]\ncommand = [\"sh\", \"-c\", \"echo goes on; exec sleep 600\"]\n";
    configured(&world, &RULES.replace("[restart]\n", command));
    let run = world.script(&[], "echo begins; exit 75");
    assert_eq!(outcome(&run, 1), (Outcome::Parked, Some(1)));
    run.started(2);
    run.says("parked until ");
    crate::harness::until("both commands", || (run.stdout() == "begins\ngoes on\n").then_some(()));
    assert!(run.stderr().contains("exit 75 after"), "{}", run.stderr());
    assert!(run.stderr().contains("no failure, as a restart rule says"), "{}", run.stderr());
}

#[test]
fn the_last_beat_says_how_long_to_park() {
    let world = World::new();
    configured(&world, &RULES.replace("100ms", "1h"));
    // Once from a shell, once on stdout.
    let run = world.script(
        &[],
        &format!(
            r#"if [ $AGENTWATCH_INCARNATION = 1 ]; then
                   {} beat --status rate_limited --retry-after 200ms
               else echo '{{"agent":"t","status":"rate_limited","retry_after":0.2}}'; fi
               exit 75"#,
            env!("CARGO_BIN_EXE_agentwatch")
        ),
    );
    for n in [1, 2] {
        let parked = run.fact("parked", n, |fact| match fact {
            Fact::Parked { asked, wait_ms, .. } => Some((*asked, *wait_ms <= 200)),
            _ => None,
        });
        assert_eq!(parked, (true, true));
    }
    run.started(3);
}

#[test]
fn a_revoked_key_calls_a_human_at_once() {
    let world = World::new();
    configured(&world, RULES);
    let mut run = world.script(&[], "echo 'Error: Invalid API key' >&2; exit 1");
    assert_eq!(run.wait(), 69);
    assert_eq!(outcome(&run, 1).1, Some(2));
    let reason = run.fact("escalated", 1, |fact| match fact {
        Fact::Escalated { reason, .. } => Some(*reason),
        _ => None,
    });
    assert_eq!(reason, Excess::Rule);
    assert!(run.stderr().contains("GAVE UP"), "{}", run.stderr());
}

#[test]
fn the_word_of_the_last_beat_may_be_the_end() {
    let world = World::new();
    configured(&world, RULES);
    let mut run = world.script(&[], r#"echo '{"agent":"t","status":"bored"}'; exit 4"#);
    assert_eq!(run.wait(), 4);
    assert!(run.stderr().contains("finished as a restart rule says, exit 4"), "{}", run.stderr());
}

#[test]
fn bad_rules_are_refused_before_anything_starts() {
    let world = World::new();
    configured(&world, "[[restart.rule]]\nexit = 75\naction = \"pause\"\n");
    let mut run = world.script(&[], "echo started");
    assert_eq!(run.wait(), 78);
    assert!(run.stderr().contains("agentwatch.toml:3: restart.rule.action = \"pause\" is none of"));
    assert_eq!(run.stdout(), "");
}

#[test]
fn a_repeated_run_starts_again_after_its_time() {
    let world = World::new();
    let run = world.script(&["--repeat", "150ms"], "echo ran");
    run.started(3);
    assert_eq!(outcome(&run, 1), (Outcome::Completed { idle: false }, None));
    let waits = |fact: &Fact| matches!(fact, Fact::Waiting { wait_ms: 100..=150, .. });
    assert!(world.facts().iter().any(waits), "{:?}", world.facts());
}

#[test]
fn runs_that_do_nothing_are_told_of() {
    let world = World::new();
    let run = world.script(&["--repeat", "0s", "--cooldown", "50ms"], "exit 0");
    run.says("3 runs in a row ended at once, without a beat and without a word");
    assert_eq!(outcome(&run, 1), (Outcome::Completed { idle: true }, None));
}

#[test]
fn a_run_that_lasts_too_long_is_ended_and_a_failure() {
    let world = World::new();
    let run = world.script(&["--max-run", "300ms", "--cooldown", "1h"], "exec sleep 600");
    let (outcome, _) = outcome(&run, 1);
    assert!(matches!(outcome, Outcome::Failure { cause: Cause::MaxRun { max_ms: 300 }, .. }));
    run.says("failure 1 of 3: ran for more than 0.3s; ended");
}

#[test]
fn another_release_forgets_the_latch_of_the_one_before() {
    let world = World::new();
    let give_up = ["--max-failures", "1", "--release", "v1", "--cooldown", "0s"];
    assert_eq!(world.script(&give_up, "exit 1").wait(), 69);
    assert_eq!(world.script(&give_up, "exit 1").wait(), 69, "still down");
    let run = world.script(&["--release", "v2", "--cooldown", "0s"], "exec sleep 600");
    run.started(2);
    run.says("release v2 (before: v1); earlier failures are forgotten");
}

#[test]
fn a_wait_survives_a_crash_of_agentwatch() {
    let world = World::new();
    let run = world.script(&["--repeat", "1h"], "echo ran");
    run.fact("waiting", 1, |fact| matches!(fact, Fact::Waiting { .. }).then_some(()));
    crate::harness::until("the state on disk", || {
        let text = std::fs::read_to_string(world.agent().join("state.json")).ok()?;
        text.contains("\"why\": \"repeat\"").then_some(())
    });
    run.signal("KILL");
    drop(run);
    let run = world.script(&["--repeat", "1h"], "echo ran");
    run.fact("waiting again", 2, |fact| matches!(fact, Fact::Waiting { .. }).then_some(()));
    let starts = |fact: &&Fact| matches!(fact, Fact::Started { .. });
    assert_eq!(world.facts().iter().filter(starts).count(), 1);
    assert!(
        !world
            .facts()
            .iter()
            .any(|fact| { matches!(fact, Fact::Exited { outcome: Outcome::Failure { .. }, .. }) })
    );
}
