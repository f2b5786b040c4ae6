//! Collects what the doctor judges: files that start agentwatch, the state directory, the clock, the agents.

use std::fs;
use std::path::{Path, PathBuf};

use crate::config::Resolved;
use crate::homes::checkup::{Facts, Launcher, Seen, StateDir, plist, unit};
use crate::look::{self, Agent, GLANCE, Watch};
use crate::sys::clock::Clock;
use crate::sys::{disk, host, program};

/// A file that starts an agent is short; what is longer is something else.
const FILE_MAX: u64 = 256 * 1024;

/// A folder of units with more files than this is looked through up to here.
const FILES_MAX: usize = 10_000;

/// Everything that can be found out without rights and without waiting.
pub fn collect(resolved: &Resolved) -> Facts {
    let home = host::home().unwrap_or_default();
    let config = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
    let config = config.filter(|path| path.is_absolute()).unwrap_or_else(|| home.join(".config"));
    let mut units = Vec::new();
    // Later folders are overruled by earlier ones, by name (systemd.unit(5)).
    for folders in [
        &["/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system"][..],
        &["/etc/systemd/user", "/usr/lib/systemd/user"],
    ] {
        units.extend(units_of(folders.iter().map(PathBuf::from)));
    }
    units.extend(units_of([config.join("systemd/user")].into_iter()));
    let folders = [
        home.join("Library/LaunchAgents"),
        "/Library/LaunchAgents".into(),
        "/Library/LaunchDaemons".into(),
    ];
    let plists = folders.iter().flat_map(|folder| files(folder, "plist"));
    let plists = plists.filter_map(|path| launcher(&path)).filter(plist::starts_us).collect();
    let composes = ["compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"];
    let composes = composes.iter().filter_map(|name| launcher(Path::new(name)));
    Facts {
        units,
        plists,
        composes: composes.filter(|one| one.text.contains("agentwatch")).collect(),
        state_dir: state_dir(&resolved.state_dir),
        clock_kept: host::clock_is_kept(),
        sinks: resolved.alert.sinks.len(),
        agents: agents(&resolved.state_dir),
        other: other(),
        unbuffered: std::env::var("PYTHONUNBUFFERED").ok(),
        stop_timeout: resolved.settings.stop_timeout,
    }
}

/// The files of a folder with that ending, by name.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().take(FILES_MAX);
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|found| found == ending))
        .collect();
    paths.sort();
    paths
}

/// What a file says; nothing of one that cannot be read, is no file, or is too long.
fn launcher(path: &Path) -> Option<Launcher> {
    let length = fs::metadata(path).ok().filter(fs::Metadata::is_file)?.len();
    let bytes = (length <= FILE_MAX).then(|| fs::read(path).ok())??;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Some(Launcher { path: path.display().to_string(), text })
}

/// The units that start agentwatch, each with what is dropped in behind it.
fn units_of(folders: impl Iterator<Item = PathBuf>) -> Vec<Launcher> {
    let folders: Vec<PathBuf> = folders.collect();
    let mut names = Vec::new();
    let mut found = Vec::new();
    for path in folders.iter().flat_map(|folder| files(folder, "service")) {
        let Some(name) = path.file_name().map(ToOwned::to_owned) else { continue };
        // An instance that is linked to its template is the template.
        if names.contains(&name) || path.is_symlink() {
            continue;
        }
        let Some(mut unit) = launcher(&path) else { continue };
        let mut dropped = name.clone();
        dropped.push(".d");
        for drop_in in folders.iter().flat_map(|folder| files(&folder.join(&dropped), "conf")) {
            if let Some(more) = launcher(&drop_in) {
                unit.text.push('\n');
                unit.text.push_str(&more.text);
            }
        }
        names.push(name);
        if unit::starts_us(&unit) {
            found.push(unit);
        }
    }
    found
}

fn state_dir(path: &Path) -> StateDir {
    // What is not there yet is made in what is.
    let there = path.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
    StateDir {
        path: path.display().to_string(),
        writable: there.is_dir() && disk::is_writable(there),
        in_memory: disk::is_in_memory(there).unwrap_or(false),
        free: disk::space(there).ok().filter(|space| space.total > 0).map(|space| space.free),
    }
}

fn agents(state_dir: &Path) -> Vec<Seen> {
    let now = Clock::new().now();
    let names = look::all(state_dir).unwrap_or_default();
    let seen = |name: String| {
        let mut watch = Watch::new(Agent { name, state_dir: state_dir.to_owned() });
        watch.refresh(GLANCE, &now);
        let status = watch.status("", &now);
        Seen {
            name: status.agent,
            supervised: status.supervised,
            outdated: status.supervisor_pid.is_some_and(host::runs_what_is_gone),
            beats: status.last_beat.is_some(),
            state: status.state.to_owned(),
            up_ms: status.up_ms,
            directory: status.directory,
            command: status.command,
        }
    };
    names.into_iter().map(seen).collect()
}

/// This agentwatch and the one that `PATH` finds, if that is another file.
fn other() -> Option<(String, String)> {
    let own = std::env::current_exe().ok()?;
    let first = program::look_up("agentwatch".as_ref(), None).ok()?;
    let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    (real(&own) != real(&first)).then(|| (own.display().to_string(), first.display().to_string()))
}
