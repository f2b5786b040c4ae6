//! Where the files of an agent are.

use std::path::{Path, PathBuf};

/// The files of one agent below the state directory (SPEC §6).
#[derive(Clone, Debug)]
pub struct Paths {
    dir: PathBuf,
}

impl Paths {
    /// The files of the agent `name`.
    #[must_use]
    pub fn new(state_dir: &Path, name: &str) -> Self {
        Self { dir: state_dir.join(name) }
    }

    /// The folder of the agent.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Held by the running agentwatch.
    #[must_use]
    pub fn lock(&self) -> PathBuf {
        self.dir.join("lock")
    }

    /// What one life of agentwatch hands to the next.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.dir.join("state.json")
    }

    /// The day files.
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        self.dir.join("journal")
    }
}
