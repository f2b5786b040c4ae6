//! Collects what the doctor judges: files that start agentwatch, the state directory, the clock, the agents.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config::Resolved;
use crate::core::settings::OnEscalate;
use crate::homes::checkup::bursts::Bursts;
use crate::homes::checkup::{
    Defined, Facts, Launcher, Line, OnPath, Seen, StateDir, compose, plist, unit,
};
use crate::look::{self, Agent, DEEPER, GLANCE, Watch};
use crate::store::outbox::Outbox;
use crate::store::paths::Paths;
use crate::store::{memory, read};
use crate::sys::clock::Clock;
use crate::sys::{disk, host, program};
use crate::wire::record;

/// A file that starts an agent is short; what is longer is something else.
const FILE_MAX: u64 = 256 * 1024;

/// A folder of units with more files than this is looked through up to here.
const FILES_MAX: usize = 10_000;

/// Resolves the settings of an agent that is defined by its name.
pub type Resolve<'a> = &'a dyn Fn(&str) -> Option<Resolved>;

/// Everything that can be found out without rights and without waiting. `usual` is how long a stop may take
/// where nothing is said.
pub fn collect(resolved: &Resolved, usual: Duration, resolve: Resolve<'_>) -> Facts {
    let home = host::home().unwrap_or_default();
    let config = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
    let config = config.filter(|path| path.is_absolute()).unwrap_or_else(|| home.join(".config"));
    let mut units = Vec::new();
    // Later folders are overruled by earlier ones, by name (systemd.unit(5)).
    let system = ["/etc", "/run", "/usr/local/lib", "/usr/lib"];
    units.extend(units_of(system.iter().map(|root| Path::new(root).join("systemd/system"))));
    let own = [config, home.join(".local/share")].into_iter();
    let users = own.chain(system.iter().map(PathBuf::from)).map(|root| root.join("systemd/user"));
    units.extend(units_of(users));
    let folders = [
        home.join("Library/LaunchAgents"),
        "/Library/LaunchAgents".into(),
        "/Library/LaunchDaemons".into(),
    ];
    let plists = folders.iter().flat_map(|folder| files(folder, "plist"));
    let mut plists: Vec<Launcher> =
        plists.filter_map(|path| launcher(&path)).filter(plist::starts_us).collect();
    let mut grounds = Grounds { resolve, known: BTreeMap::new() };
    for one in &mut units {
        let needs: Vec<String> = unit::program(one).into_iter().collect();
        grounds.fill(one, unit::line(one).as_ref(), needs);
    }
    for one in &mut plists {
        grounds.fill(one, plist::line(one).as_ref(), plist::needs(one));
    }
    let (composes, unread) = composes();
    Facts {
        units,
        plists,
        composes,
        unread,
        state_dir: state_dir(&resolved.state_dir),
        clock_kept: host::clock_is_kept(),
        sinks: resolved.alert.sinks.len(),
        agents: agents(&resolved.state_dir),
        on_path: on_path(),
        unbuffered: std::env::var("PYTHONUNBUFFERED").ok(),
        stop_timeout: usual,
    }
}

/// What is so around launchers; a definition is read once.
struct Grounds<'a> {
    resolve: Resolve<'a>,
    known: BTreeMap<String, Option<Defined>>,
}

impl Grounds<'_> {
    fn fill(&mut self, launcher: &mut Launcher, line: Option<&Line>, mut needs: Vec<String>) {
        let found = fs::metadata(&launcher.path).ok();
        let ground = &mut launcher.ground;
        ground.owner = found.map(|found| (found.uid(), found.mode()));
        // Behind a shell it is another than the one that is executed first.
        let own = line.map(|line| line.program.clone()).filter(|path| path.starts_with('/'));
        needs.extend(own.filter(|path| !path.contains('%') && !needs.contains(path)));
        // What we may not look into may be there.
        let missing = |path: &String| matches!(Path::new(path).try_exists(), Ok(false));
        ground.missing = needs.into_iter().filter(missing).collect();
        let Some(line) = line else { return };
        ground.in_memory = line.state_dir().is_some_and(|dir| state_dir(Path::new(dir)).in_memory);
        let named = line.defined().filter(|name| !name.contains('%')).map(str::to_owned);
        let agents = launcher.instances.iter().cloned().chain(named);
        let all = agents.filter_map(|name| {
            let resolve = self.resolve;
            *self.known.entry(name).or_insert_with_key(|name| resolve(name).map(|it| defined(&it)))
        });
        ground.defined = all.max_by_key(|defined| defined.stop_timeout);
    }
}

fn defined(resolved: &Resolved) -> Defined {
    Defined {
        stop_timeout: resolved.settings.stop_timeout,
        sinks: resolved.alert.sinks.len(),
        holds: resolved.settings.on_escalate == OnEscalate::Hold,
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

/// What a file says.
fn text_of(path: &Path) -> io::Result<String> {
    let found = fs::metadata(path)?;
    if !found.is_file() {
        return Err(io::Error::other("no regular file"));
    }
    if FILE_MAX < found.len() {
        return Err(io::Error::other("too long"));
    }
    Ok(String::from_utf8_lossy(&fs::read(path)?).into_owned())
}

/// What a file says; nothing of one that cannot be read, is no file, or is too long.
fn launcher(path: &Path) -> Option<Launcher> {
    let text = text_of(path).ok()?;
    Some(Launcher { path: path.display().to_string(), text, ..Launcher::default() })
}

type Unread = Vec<(&'static str, String, String)>;

/// Files of Compose in this folder that start agentwatch, and those that cannot be read.
fn composes() -> (Vec<Launcher>, Unread) {
    let (mut found, mut unread) = (Vec::new(), Vec::new());
    for name in ["compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"] {
        let text = match text_of(Path::new(name)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => {
                unread.push(("docker", name.to_owned(), error.to_string()));
                continue;
            }
        };
        let mut one = Launcher { path: name.to_owned(), text, ..Launcher::default() };
        for file in compose::builds(&one.text) {
            match text_of(Path::new(&file)) {
                Ok(text) => one.ground.beside.push((file, text)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => unread.push(("docker", file, error.to_string())),
            }
        }
        let beside = one.ground.beside.iter().map(|(_, text)| text);
        if beside.chain([&one.text]).any(|text| text.contains("agentwatch")) {
            found.push(one);
        }
    }
    (found, unread)
}

/// The units that start agentwatch, each with what is dropped in behind it and which of it are enabled.
fn units_of(folders: impl Iterator<Item = PathBuf>) -> Vec<Launcher> {
    let folders: Vec<PathBuf> = folders.collect();
    let mut names = Vec::new();
    let mut found = Vec::new();
    for path in folders.iter().flat_map(|folder| files(folder, "service")) {
        let Some(name) = path.file_name().map(ToOwned::to_owned) else { continue };
        if names.contains(&name) {
            continue;
        }
        match fs::canonicalize(&path) {
            // Masked, and so is what other folders have of that name.
            Ok(real) if real == Path::new("/dev/null") => {
                names.push(name);
                continue;
            }
            // An instance that is linked to its template is the template; an alias is its unit.
            Ok(real) if real.file_name() != Some(&name) => continue,
            _ => {}
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
        if unit::starts_us(&unit) {
            unit.instances = instances(&folders, &name.to_string_lossy());
            found.push(unit);
        }
        names.push(name);
    }
    found
}

/// The instances of a template that something wants.
fn instances(folders: &[PathBuf], template: &str) -> Vec<String> {
    let Some(stem) = template.strip_suffix("@.service") else { return Vec::new() };
    let wants = folders.iter().flat_map(|folder| files(folder, "wants"));
    let units = wants.flat_map(|folder| files(&folder, "service"));
    let mut names: Vec<String> = units
        .filter_map(|path| {
            let name = path.file_name()?.to_str()?;
            let name = name.strip_prefix(stem)?.strip_prefix('@')?.strip_suffix(".service")?;
            (!name.is_empty()).then(|| name.to_owned())
        })
        .collect();
    names.sort();
    names.dedup();
    names
}

fn state_dir(path: &Path) -> StateDir {
    // What is not there yet is made in what is.
    let there = path.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
    let space = disk::space(there).ok();
    // A file system without room is none for files: /proc takes root for somebody who may write.
    let takes_files = space.is_none_or(|space| space.total > 0);
    StateDir {
        path: path.display().to_string(),
        writable: takes_files && there.is_dir() && disk::is_writable(there),
        in_memory: disk::is_in_memory(there).unwrap_or(false),
        free: space.filter(|space| space.total > 0).map(|space| space.free),
    }
}

fn agents(state_dir: &Path) -> Vec<Seen> {
    let now = Clock::new().now();
    let names = look::all(state_dir).unwrap_or_default();
    let seen = |name: String| {
        let paths = Paths::new(state_dir, &name);
        let mut watch = Watch::new(Agent { name, state_dir: state_dir.to_owned() });
        watch.refresh(GLANCE, &now);
        let status = watch.status("", &now);
        let newer = memory::look(&paths).err();
        let newer = newer.filter(|error| error.kind() == io::ErrorKind::Unsupported);
        Seen {
            name: status.agent,
            supervised: status.supervised,
            outdated: status.supervisor_pid.is_some_and(host::runs_what_is_gone),
            beats: status.last_beat.is_some(),
            state: status.state.to_owned(),
            up_ms: status.up_ms,
            directory: status.directory,
            command: status.command,
            bursts: bursts(&paths, now.day),
            told: Outbox::new(paths.dir()).route().exists(),
            newer: newer.map(|error| error.to_string()),
        }
    };
    names.into_iter().map(seen).collect()
}

/// Whether its beats came in bursts lately.
fn bursts(paths: &Paths, today: crate::core::time::LocalDay) -> Bursts {
    let mut bursts = Bursts::default();
    let end = read::end(&paths.journal(), DEEPER, today);
    let lines = end.parts.iter().flat_map(|part| part.split(|byte| *byte == b'\n'));
    for record in lines.filter_map(record::read) {
        if let Some(fact) = &record.fact {
            bursts.add(record.ts, fact);
        }
    }
    bursts
}

/// The agentwatch that `PATH` finds, beside this one.
fn on_path() -> OnPath {
    let Ok(own) = std::env::current_exe() else { return OnPath::This };
    let shown = own.display().to_string();
    let Ok(first) = program::look_up("agentwatch".as_ref(), None) else {
        return OnPath::Nowhere(shown);
    };
    let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    match (shown, first.display().to_string()) {
        _ if real(&own) == real(&first) => OnPath::This,
        (shown, other) if is_copy(&own, &first).unwrap_or(false) => OnPath::Copy(shown, other),
        (shown, other) => OnPath::Other(shown, other),
    }
}

/// Whether two files are byte for byte the same.
fn is_copy(one: &Path, other: &Path) -> io::Result<bool> {
    const AT_ONCE: usize = 256 * 1024;
    if fs::metadata(one)?.len() != fs::metadata(other)?.len() {
        return Ok(false);
    }
    let (mut one, mut other) = (fs::File::open(one)?, fs::File::open(other)?);
    let (mut a, mut b) = (Vec::new(), Vec::new());
    loop {
        a.clear();
        b.clear();
        let most = AT_ONCE as u64;
        one.by_ref().take(most).read_to_end(&mut a)?;
        other.by_ref().take(most).read_to_end(&mut b)?;
        if a != b || a.is_empty() {
            return Ok(a == b);
        }
    }
}
