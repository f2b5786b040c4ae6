//! Precedence, defaults and errors of the whole resolution, without touching a file.

use std::path::Path;
use std::time::Duration;

use super::*;
use crate::config::files::{Role, Source};
use crate::config::flags;
use crate::core::settings::Morning;
use crate::core::signal::Signal;

mod defined;

fn around(vars: &[(&str, &str)]) -> Surroundings {
    Surroundings {
        vars: vars.iter().map(|(name, value)| (name.into(), value.into())).collect(),
        cwd: "/work/here".into(),
        home: Some("/home/me".into()),
        uid: 1000,
        ..Surroundings::default()
    }
}

fn matches(line: &[&str]) -> ArgMatches {
    clap::Command::new("run")
        .no_binary_name(true)
        .args(flags::run_flags())
        .arg(flags::command_arg())
        .get_matches_from(line)
}

/// The local file with `text`, as `files::read` gives it.
fn local(text: &str) -> Found {
    let shown = "agentwatch.toml".to_owned();
    let source = Source { shown, folder: "/work/here".into(), text: text.into(), defines: false };
    let notes = vec!["settings from ./agentwatch.toml".into()];
    Found { sources: vec![source], notes, ..Found::default() }
}

pub fn with(line: &[&str], vars: &[(&str, &str)], file: &str) -> Result<Resolved, String> {
    run_with(&matches(line), &around(vars), local(file)).map_err(|error| error.to_string())
}

/// A resolution for tests elsewhere in this folder.
pub fn resolved(line: &[&str], file: &str) -> Resolved {
    with(line, &[], file).unwrap()
}

fn shown(resolved: &Resolved, path: &str) -> String {
    let one = resolved.values.iter().find(|one| one.key.path == path).unwrap();
    format!("{} ({})", one.value.as_deref().unwrap_or("unset"), one.origin)
}

#[test]
fn nobody_said_anything_gives_the_numbers_of_the_spec() {
    let resolved = run_with(&matches(&["python", "a.py"]), &around(&[]), Found::default()).unwrap();
    let seconds = Duration::from_secs;
    assert_eq!(
        resolved.settings,
        Settings {
            beats: true,
            interval: seconds(60),
            misses: 2,
            start_grace: None,
            on_missed: OnMissed::Restart,
            max_expect: seconds(3_600),
            progress_within: None,
            on_stalled: OnMissed::Alert,
            policy: Policy::Auto,
            cooldown: seconds(300),
            max_failures: 3,
            max_failures_per_day: 10,
            reset_after: seconds(600),
            on_escalate: OnEscalate::Exit,
            stop_signal: Signal::TERM,
            stop_scope: StopScope::Group,
            stop_timeout: seconds(30),
            shutdown_grace: seconds(300),
            rules: Vec::new(),
            repeat: None,
            max_run: None,
            release: None,
            preset: None,
            limits: crate::core::cost::limits::Limits::default(),
            validation: None,
            alerting: crate::core::incident::Alerting::default(),
            morning: Some(Morning { at: 480, sent: false }),
        }
    );
    assert_eq!((resolved.name.as_str(), resolved.name_derived), ("a", true));
    assert_eq!(resolved.command, ["python", "a.py"]);
    assert_eq!(resolved.state_dir, Path::new("/home/me/.local/state/agentwatch"));
    assert!(
        resolved.source == BeatSource::Auto
            && resolved.source_by_default
            && resolved.capture_stderr
    );
    assert_eq!(resolved.keep_days, 90);
    assert!(resolved.notes.is_empty());
    let paths: Vec<&str> = resolved.values.iter().map(|one| one.key.path).collect();
    assert_eq!(paths, KEYS.iter().map(|key| key.path).collect::<Vec<_>>());
    assert_eq!(shown(&resolved, "name"), "a (from the command)");
    assert_eq!(shown(&resolved, "heartbeat.start_grace"), "unset (default)");
}

#[test]
fn a_flag_beats_the_environment_beats_a_file_beats_the_default() {
    let flag = ["--cooldown", "1s", "x"];
    let var = [("AGENTWATCH_OPT_COOLDOWN", "2s")];
    let file = "[restart]\ncooldown = '3s'";
    for (line, vars, file, value) in [
        (&flag[..], &var[..], file, "1s (--cooldown)"),
        (&["x"], &var, file, "2s (AGENTWATCH_OPT_COOLDOWN)"),
        (&["x"], &[], file, "3s (agentwatch.toml:2)"),
        (&["x"], &[("AGENTWATCH_OPT_COOLDOWN", "")], file, "3s (agentwatch.toml:2)"),
        (&["x"], &[], "", "5m (default)"),
    ] {
        assert_eq!(shown(&with(line, vars, file).unwrap(), "restart.cooldown"), value);
    }
}

#[test]
fn a_later_file_beats_an_earlier_one_key_by_key() {
    let mut found = local("[restart]\ncooldown = '3s'");
    let (shown_as, folder) =
        ("/etc/agentwatch/agentwatch.toml".to_owned(), "/etc/agentwatch".into());
    let text = "[restart]\ncooldown = '9s'\nmax_failures = 5".into();
    found.sources.insert(0, Source { shown: shown_as, folder, text, defines: false });
    let resolved = run_with(&matches(&["x"]), &around(&[]), found).unwrap();
    assert_eq!(shown(&resolved, "restart.cooldown"), "3s (agentwatch.toml:2)");
    let failures = shown(&resolved, "restart.max_failures");
    assert_eq!(failures, "5 (/etc/agentwatch/agentwatch.toml:3)");
}

#[test]
fn every_flag_and_every_variable_reaches_its_key() {
    for key in KEYS {
        let (Some(flag), Some(variable)) = (key.flag, key.opt_variable()) else { continue };
        let flag = format!("--{flag}");
        let by_flag = with(&[&flag, key.sample(), "x"], &[], "").unwrap();
        // Of a sink it is shown where it is, and nothing that is secret.
        let sample = if key.path == "alert.sinks" { "warning@ntfy" } else { key.sample() };
        assert_eq!(shown(&by_flag, key.path), format!("{sample} ({flag})"));
        let by_variable = with(&["x"], &[(&variable, key.sample())], "").unwrap();
        assert_eq!(shown(&by_variable, key.path), format!("{sample} ({variable})"));
    }
}

#[test]
fn every_choice_of_every_key_means_something() {
    use crate::config::keys::Kind;
    for key in KEYS {
        let Kind::Choice(words) = key.kind else { continue };
        for word in words {
            let (table, name) = key.path.split_once('.').unwrap();
            let resolved = resolved(&["x"], &format!("[{table}]\n{name} = '{word}'"));
            assert_eq!(shown(&resolved, key.path), format!("{word} (agentwatch.toml:2)"));
        }
    }
    let settings = |flag, word| resolved(&[flag, word, "x"], "").settings;
    assert_eq!(settings("--restart", "on-failure").policy, Policy::OnFailure);
    assert_eq!(settings("--on-missed", "alert").on_missed, OnMissed::Alert);
    assert_eq!(settings("--on-escalate", "hold").on_escalate, OnEscalate::Hold);
    assert_eq!(settings("--stop-scope", "child").stop_scope, StopScope::Child);
    for (word, scan, roads, beats) in [
        ("auto", true, true, true),
        ("stdout", true, false, true),
        ("pipe", false, true, true),
        ("output", true, false, true),
        ("none", false, false, false),
    ] {
        let resolved = resolved(&["--beats", word, "x"], "");
        let source = resolved.source;
        let what = (source.scans_stdout(), source.has_roads(), resolved.settings.beats);
        assert_eq!(what, (scan, roads, beats), "{word}");
        assert_eq!(source.counts_output(), word == "output");
    }
}

#[test]
fn pid_1_holds_unless_told_otherwise() {
    let pid1 = Surroundings { is_pid1: true, ..around(&[]) };
    let escalate = |line: &[&str]| {
        let resolved = run_with(&matches(line), &pid1, Found::default()).unwrap();
        (resolved.settings.on_escalate, shown(&resolved, "restart.on_escalate"))
    };
    assert_eq!(escalate(&["x"]), (OnEscalate::Hold, "hold (default, as PID 1)".into()));
    let told = escalate(&["--on-escalate", "exit", "x"]);
    assert_eq!(told, (OnEscalate::Exit, "exit (--on-escalate)".into()));
}

#[test]
fn the_signal_gets_the_number_of_this_machine() {
    for (macos, number) in [(false, 10), (true, 30)] {
        let around = Surroundings { macos, ..around(&[]) };
        let line = matches(&["--stop-signal", "sigusr1", "x"]);
        let resolved = run_with(&line, &around, Found::default()).unwrap();
        assert_eq!(resolved.settings.stop_signal, Signal(number));
        assert_eq!(shown(&resolved, "stop.signal"), "USR1 (--stop-signal)");
    }
}

#[test]
fn wrong_values_are_refused_in_the_words_of_their_place() {
    for (line, vars, file, words) in [
        (
            &["--cooldown", "5", "x"][..],
            &[][..],
            "",
            "--cooldown 5: has no unit; write \"5s\" or \"5m\"",
        ),
        (
            &["x"],
            &[("AGENTWATCH_OPT_COOLDOWN", "5")],
            "",
            "AGENTWATCH_OPT_COOLDOWN=5: has no unit; write \"5s\" or \"5m\"",
        ),
        // Overridden, and refused all the same.
        (
            &["--cooldown", "5s", "x"],
            &[],
            "[restart]\ncooldown = '5'",
            "agentwatch.toml:2: restart.cooldown = '5' has no unit; write \"5s\" or \"5m\"",
        ),
        (&["--interval", "0s", "x"], &[], "", "--interval 0s: is out of range; write 10ms to 30d"),
        (
            &["x"],
            &[("AGENTWATCH_OPT_COLDOWN", "5s")],
            "",
            "AGENTWATCH_OPT_COLDOWN: unknown setting; did you mean AGENTWATCH_OPT_COOLDOWN?",
        ),
        (
            &["x"],
            &[("AGENTWATCH_OPT_BANANA", "5s")],
            "",
            "AGENTWATCH_OPT_BANANA: unknown setting; \
             see agentwatch run --help for the flags it can name",
        ),
        (
            &["--beats", "file", "x"],
            &[],
            "",
            "--beats file: is none of auto, stdout, pipe, output, none",
        ),
        (&["--state-dir", "", "x"], &[], "", "--state-dir \"\": is empty; write a path"),
        (&["sh", "-c", "x"], &[], "", "sh -c gives no name to the agent; add --name my-agent"),
    ] {
        assert_eq!(with(line, vars, file).map(|_| ()), Err(words.to_owned()));
    }
    // Nothing is set by an unknown variable that is empty, nor by those given to the child.
    for name in ["AGENTWATCH_OPT_BANANA", "AGENTWATCH_INTERVAL"] {
        let value = if name.contains("_OPT_") { "" } else { "7" };
        assert_eq!(with(&["x"], &[(name, value)], "").unwrap().settings.interval.as_secs(), 60);
    }
}

#[test]
fn zero_is_allowed_where_it_means_at_once() {
    let line = ["--cooldown", "0s", "--stop-timeout", "0s", "--shutdown-grace", "0s", "x"];
    assert_eq!(resolved(&line, "").settings.cooldown, Duration::ZERO);
}

#[test]
fn a_name_that_is_given_spares_the_command() {
    let named = resolved(&["--name", "bot", "sh", "-c", "x"], "");
    assert_eq!((named.name.as_str(), named.name_derived), ("bot", false));
    // `check` alone has no command, and its name stays open.
    let alone = resolved(&[], "");
    assert_eq!((alone.name.as_str(), alone.name_derived), ("", false));
    assert_eq!(shown(&alone, "name"), "unset (default)");
}

#[test]
fn a_limit_that_cannot_be_reached_is_noted() {
    let notes = resolved(&["--max-failures", "20", "x"], "").notes;
    assert!(notes[1].starts_with("restart.max_failures = 20 is never reached in one day"));
}

#[test]
fn data_is_kept_where_each_system_keeps_it() {
    let home = "/home/me/.local/state/agentwatch (default)";
    for (vars, uid, macos, expected) in [
        (&[][..], 1000, false, home),
        (&[], 1000, true, "/home/me/Library/Application Support/agentwatch (default)"),
        (&[], 0, false, "/var/lib/agentwatch (default, as root)"),
        (&[], 0, true, "/var/lib/agentwatch (default, as root)"),
        (&[("XDG_STATE_HOME", "/s")], 1000, false, "/s/agentwatch (default, from $XDG_STATE_HOME)"),
        (&[("XDG_STATE_HOME", "s")], 1000, false, home),
        (&[("XDG_STATE_HOME", "")], 1000, false, home),
        (&[("STATE_DIRECTORY", "/v/a:/v/b")], 1000, false, "/v/a (default, from $STATE_DIRECTORY)"),
        (&[("STATE_DIRECTORY", "/v/a")], 0, false, "/v/a (default, from $STATE_DIRECTORY)"),
        (
            &[("AGENTWATCH_STATE_DIR", "/a"), ("STATE_DIRECTORY", "/v")],
            0,
            false,
            "/a (AGENTWATCH_STATE_DIR)",
        ),
        (
            &[("AGENTWATCH_STATE_DIR", "/a"), ("AGENTWATCH_OPT_STATE_DIR", "/o")],
            0,
            false,
            "/o (AGENTWATCH_OPT_STATE_DIR)",
        ),
        (&[("AGENTWATCH_STATE_DIR", "./a/")], 0, false, "/work/here/a (AGENTWATCH_STATE_DIR)"),
        (&[("AGENTWATCH_STATE_DIR", "~/a")], 0, false, "/home/me/a (AGENTWATCH_STATE_DIR)"),
    ] {
        let around = Surroundings { uid, macos, ..around(vars) };
        let resolved = run_with(&matches(&["x"]), &around, Found::default()).unwrap();
        assert_eq!(shown(&resolved, "state_dir"), expected, "{vars:?}");
        let alone = state_dir_with(&matches(&[]), &around, Found::default()).unwrap();
        assert_eq!(format!("{} ({})", alone.path.display(), alone.origin), expected);
        assert_eq!(alone.path, resolved.state_dir);
    }
    let nowhere = Surroundings { home: None, ..around(&[]) };
    let error = state_dir_with(&matches(&[]), &nowhere, Found::default()).unwrap_err();
    assert!(error.to_string().starts_with("no place to keep data: HOME is not set"));
}

#[test]
fn a_relative_path_in_a_file_starts_from_its_folder() {
    let mut found = local("state_dir = 'data'");
    found.sources[0].folder = "/etc/agentwatch".into();
    let resolved = run_with(&matches(&["x"]), &around(&[]), found).unwrap();
    assert_eq!(resolved.state_dir, Path::new("/etc/agentwatch/data"));
}

#[test]
fn commands_that_only_look_check_the_files_and_know_fewer_flags() {
    let status = |line: &[&str]| {
        clap::Command::new("status")
            .no_binary_name(true)
            .args(flags::state_dir_flags())
            .get_matches_from(line)
    };
    let found = local("state_dir = '/data'\n[restart]\ncooldown = '9s'");
    let looked = state_dir_with(&status(&[]), &around(&[]), found.clone()).unwrap();
    assert_eq!(
        (looked.path, looked.origin.to_string()),
        ("/data".into(), "agentwatch.toml:1".into())
    );
    let looked = state_dir_with(&status(&["--state-dir", "/f"]), &around(&[]), found).unwrap();
    assert_eq!(looked.path, Path::new("/f"));
    let error = state_dir_with(&status(&[]), &around(&[]), local("statedir = 1")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "agentwatch.toml:1: unknown key statedir; did you mean state_dir?"
    );
}

#[test]
fn files_are_looked_for_in_three_places_or_in_the_one_that_is_named() {
    let looked = |line: &[&str], vars: &[(&str, &str)]| {
        let wanted = layers::wanted(&matches(line), &around(vars)).unwrap();
        wanted.into_iter().map(|one| (one.path.display().to_string(), one.role)).collect::<Vec<_>>()
    };
    let place = |path: &str, role| (path.to_owned(), role);
    let etc = || place("/etc/agentwatch/agentwatch.toml", Role::Shared);
    let here = || place("/work/here/agentwatch.toml", Role::Local);
    let home = place("/home/me/.config/agentwatch/agentwatch.toml", Role::Shared);
    assert_eq!(looked(&["x"], &[]), [etc(), home, here()]);
    let xdg = place("/x/agentwatch/agentwatch.toml", Role::Shared);
    assert_eq!(looked(&["x"], &[("XDG_CONFIG_HOME", "/x")]), [etc(), xdg, here()]);
    let by_flag = ["--config", "a.toml", "x"];
    let by_variable = [("AGENTWATCH_CONFIG", "~/b.toml")];
    assert_eq!(looked(&by_flag, &by_variable), [place("/work/here/a.toml", Role::Named)]);
    assert_eq!(looked(&["x"], &by_variable), [place("/home/me/b.toml", Role::Named)]);
    assert_eq!(looked(&["x"], &[("AGENTWATCH_CONFIG", "")]).len(), 3);
    let empty = layers::wanted(&matches(&["--config", "", "x"]), &around(&[])).unwrap_err();
    assert_eq!(empty.to_string(), "--config \"\": is empty; write a path");
}
