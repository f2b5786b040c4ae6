//! Agents as their files tell, read once for `status` and again and again for `top`; changes nothing.

mod watch;

use std::io;
use std::path::{Path, PathBuf};

use crate::config;
use crate::store::paths::Paths;

pub use watch::{DEEPER, GLANCE, LOOK, Watch};

/// An agent and where it keeps its data.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Agent {
    /// Its name.
    pub name: String,
    /// The state directory.
    pub state_dir: PathBuf,
}

impl Agent {
    /// Its files.
    #[must_use]
    pub fn paths(&self) -> Paths {
        Paths::new(&self.state_dir, &self.name)
    }
}

/// Every agent of a state directory, by name. A directory that is not there has none.
///
/// # Errors
/// The system's: the directory cannot be read.
pub fn all(state_dir: &Path) -> io::Result<Vec<String>> {
    let entries = match std::fs::read_dir(state_dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        // Whatever else lies there is not ours, and may be called as it likes.
        let folder = entry.file_type().is_ok_and(|kind| kind.is_dir() || kind.is_symlink());
        if !folder || !config::name::is_valid(&name) {
            continue;
        }
        let paths = Paths::new(state_dir, &name);
        // Of what we may not look into something is said later.
        let there = |path: PathBuf| path.try_exists().unwrap_or(true);
        if there(paths.state()) || there(paths.journal()) {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// The agents of several directories, and what is wrong with those that cannot be read: these hide no other.
#[must_use]
pub fn all_of(dirs: &[PathBuf]) -> (Vec<Agent>, Vec<String>) {
    let (mut agents, mut unreadable) = (Vec::new(), Vec::new());
    for dir in dirs {
        match all(dir) {
            Ok(names) => {
                agents.extend(names.into_iter().map(|name| Agent { name, state_dir: dir.clone() }));
            }
            Err(error) => unreadable.push(format!("{}: {error}", dir.display())),
        }
    }
    agents.sort();
    agents.dedup();
    (agents, unreadable)
}
