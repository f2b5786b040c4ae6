//! Configuration files that are none: each gets a clear word, and nothing hangs or falls over.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};

use crate::harness::{DEADLINE, World, until};

/// Runs agentwatch to its end, within the deadline.
fn finish(mut command: Command) -> Output {
    use std::process::Stdio;
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let begun = std::time::Instant::now();
    until("the end of agentwatch", || {
        if begun.elapsed() > DEADLINE / 2 {
            let _ = child.kill();
        }
        child.try_wait().unwrap()
    });
    child.wait_with_output().unwrap()
}

/// What comes of a file at each place where one is looked for: named, the user's, local, an agent's.
fn refused(make: impl Fn(&Path), words: &str) {
    for place in ["aw.toml", "config/agentwatch/agentwatch.toml", "agentwatch.toml", "agent"] {
        let world = World::new();
        let agents = world.path("config/agentwatch/agents");
        fs::create_dir_all(&agents).unwrap();
        let file = if place == "agent" { agents.join("t.toml") } else { world.path(place) };
        make(&file);
        let args = match place {
            "aw.toml" => vec!["run", "--config", "aw.toml", "--", "touch", "started"],
            "agent" => vec!["run", "t"],
            _ => vec!["run", "--", "touch", "started"],
        };
        let output = finish(world.command(&args));
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(78), "{place}: {err}");
        assert!(err.contains(words), "{place}: {words}: {err}");
        assert!(err.contains(file.file_name().unwrap().to_str().unwrap()), "{place}: {err}");
        assert_eq!(err.lines().count(), 1, "{place}: {err}");
        assert!(!world.path("started").exists());
    }
}

fn written(text: &'static [u8]) -> impl Fn(&Path) {
    move |path| fs::write(path, text).unwrap()
}

#[test]
fn a_file_of_a_hundred_megabytes_is_not_read() {
    // Sparse: it takes no disk.
    let make = |path: &Path| fs::File::create(path).unwrap().set_len(100 << 20).unwrap();
    refused(make, "longer than 1024 KiB; this is no configuration");
}

#[test]
fn a_binary_is_no_configuration() {
    refused(written(b"\x7fELF\x02\x01\xff\xfe"), "not UTF-8 in line 1");
    refused(written(b"name = 'a\0b'\n"), ":1: not TOML");
}

#[test]
fn a_folder_a_fifo_and_a_socket_are_no_files() {
    refused(|path| fs::create_dir(path).unwrap(), "not a file");
    let fifo = |path: &Path| assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    refused(fifo, "not a file");
    let socket = |path: &Path| drop(std::os::unix::net::UnixListener::bind(path).unwrap());
    refused(socket, "not a file");
}

#[test]
fn links_in_a_circle_are_told() {
    refused(|path| symlink(path.file_name().unwrap(), path).unwrap(), "cannot be read: ");
}

#[test]
fn depth_without_end_is_refused() {
    let deep = |path: &Path| fs::write(path, format!("name = {}", "[".repeat(200_000))).unwrap();
    refused(deep, ":1: not TOML");
    let tables = |path: &Path| fs::write(path, format!("a{} = 1", ".a".repeat(100_000))).unwrap();
    refused(tables, ":1: ");
    let inline = |path: &Path| fs::write(path, "a={".repeat(100_000)).unwrap();
    refused(inline, ":1: not TOML");
}

#[test]
fn what_stands_there_twice_is_refused() {
    refused(
        written(b"[restart]\ncooldown = '1m'\ncooldown = '2m'\n"),
        ":3: not TOML: duplicate key",
    );
    refused(written(b"[restart]\n[stop]\n[restart]\n"), ":3: not TOML: duplicate key");
}

#[test]
fn files_of_windows_are_read() {
    let world = World::new();
    let file = b"\xef\xbb\xbfname = 'w'\r\ncommand = 'echo $A'\r\nenv_file = 'a.env'\r\n";
    fs::write(world.path("agentwatch.toml"), file).unwrap();
    fs::write(world.path("a.env"), b"\xef\xbb\xbfA=\"1\"\r\n").unwrap();
    let output = world.output(&["run"]);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "1\n");
    assert!(world.path("state/w/state.json").exists());
}

#[test]
fn variables_in_a_folder_a_fifo_or_a_giant_are_refused() {
    for (make, words) in [
        (&(|path: &Path| fs::create_dir(path).unwrap()) as &dyn Fn(&Path), "not a file; env_file"),
        (
            &|path| assert!(Command::new("mkfifo").arg(path).status().unwrap().success()),
            "not a file",
        ),
        (
            &|path| fs::File::create(path).unwrap().set_len(100 << 20).unwrap(),
            "longer than 1024 KiB",
        ),
        (&|path| fs::write(path, b"A=\xff").unwrap(), "not UTF-8 in line 1"),
    ] {
        let world = World::new();
        make(&world.path("a.env"));
        fs::write(world.path("agentwatch.toml"), "env_file = 'a.env'\n").unwrap();
        let output = finish(world.command(&["run", "--", "true"]));
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(78), "{err}");
        assert!(err.contains(words) && err.contains("a.env"), "{words}: {err}");
    }
}

#[test]
fn a_pipe_may_be_named_and_a_state_directory_may_come_from_anywhere() {
    let world = World::new();
    let mut command = world.within(
        &["bash", "-c", r#""$0" "$1" --config <(echo 'name = "piped"') -- true"#],
        &["run"],
    );
    let output = command
        .env_remove("AGENTWATCH_STATE_DIR")
        .env("STATE_DIRECTORY", world.path("s"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(world.path("s/piped/state.json").exists());
    let output = world.output(&["run", "--state-dir", "flag", "--", "true"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(world.path("flag/true/state.json").exists() && !world.path("state/true").exists());
}
