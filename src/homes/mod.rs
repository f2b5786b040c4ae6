//! Homes for an agent: units, images and manifests, filled in from the templates in `packaging/`. Pure.

pub mod checkup;
pub mod definition;
pub mod docker;
pub mod fits;
mod image;
pub mod kubernetes;
pub mod launchd;
pub mod quote;
pub mod systemd;

#[cfg(test)]
mod tests;

use std::time::Duration;

/// Writes one kind of home.
pub type Write = fn(&Agent) -> Written;

/// What can be written, and by whom.
pub const HOMES: [(&str, Write); 6] = [
    ("systemd", systemd::unit),
    ("docker", docker::image),
    ("compose", docker::compose),
    ("launchd", launchd::plist),
    ("kubernetes", kubernetes::manifest),
    ("config", definition::file),
];

/// What an agent may still need after its stop timeout: what is left of its tree (5 s and 10 s), letters to
/// people (15 s).
const AFTER_STOP: Duration = Duration::from_secs(30);

/// An agent that is to have a home.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// Its name.
    pub name: String,
    /// Its command as it was typed; empty if it is defined in `agents/NAME.toml`, or for whoever is.
    pub command: Vec<String>,
    /// The name that it is defined by, if it is.
    pub defined: Option<String>,
    /// The options for `run` as they were typed, without `--name`.
    pub options: Vec<String>,
    /// The same for a configuration file: key and text, in the order of the table of keys.
    pub settings: Vec<(&'static str, Vec<String>)>,
    /// Where it is started, absolute.
    pub cwd: String,
    /// Where the file is written, absolute, if that is not where we are.
    pub folder: Option<String>,
    /// What lies where it is started, of [`docker::TELLING`].
    pub files: Vec<&'static str>,
    /// Where its data is to be kept, if that was typed.
    pub state_dir: Option<String>,
    /// agentwatch itself, absolute.
    pub program: String,
    /// The program of the command, absolute, if it is found here: an init system has another `PATH`.
    pub found: Option<String>,
    /// `PATH` here.
    pub path: String,
    /// As whom it is to run; none is root.
    pub user: Option<String>,
    /// Their number.
    pub uid: u32,
    /// Their home.
    pub home: String,
    /// It is to be a user's own, without root.
    pub own: bool,
    /// How long a stop of the agent may take.
    pub stop_timeout: Duration,
}

impl Agent {
    /// The seconds after which whoever stops agentwatch may kill it.
    #[must_use]
    pub fn stop_seconds(&self) -> u64 {
        let all = self.stop_timeout.saturating_add(AFTER_STOP);
        all.as_secs().saturating_add(u64::from(all.subsec_nanos() > 0))
    }

    /// The command with its program as this machine finds it.
    fn found_command(&self) -> Vec<String> {
        let mut words = self.command.clone();
        if let (Some(first), Some(found)) = (words.first_mut(), &self.found) {
            first.clone_from(found);
        }
        words
    }

    /// What stands behind `agentwatch`: `run --name NAME … -- COMMAND`, of a defined one `run … NAME`.
    fn run_words(&self, more: &[&str], command: Vec<String>) -> Vec<String> {
        let mut words = vec!["run".to_owned()];
        if self.defined.as_ref() != Some(&self.name) {
            words.extend(["--name".to_owned(), self.name.clone()]);
        }
        words.extend(self.options.iter().cloned());
        words.extend(more.iter().map(|word| (*word).to_owned()));
        match &self.defined {
            Some(name) => words.push(name.clone()),
            None => words.extend(std::iter::once("--".to_owned()).chain(command)),
        }
        words
    }

    /// A file that is written, as a shell finds it.
    fn written(&self, name: &str) -> String {
        match &self.folder {
            Some(folder) => quote::shell(&format!("{}/{name}", folder.trim_end_matches('/'))),
            None => quote::shell(name),
        }
    }

    /// `--state-dir DIR` for a command that looks, if it must be told.
    fn look_words(&self) -> String {
        let told = |dir: &String| format!(" --state-dir {}", quote::shell(dir));
        self.state_dir.as_ref().map(told).unwrap_or_default()
    }

    /// Whether it is for whoever is named behind the `@` of a template unit.
    fn is_for_all(&self) -> bool {
        self.command.is_empty() && self.defined.is_none()
    }

    /// Whether an option was typed.
    fn has(&self, key: &str) -> bool {
        self.settings.iter().any(|(path, _)| *path == key)
    }
}

/// A file for a home, and what is to be done with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its name.
    pub name: String,
    /// Its content.
    pub text: String,
    /// Commands for the person, and remarks that begin with `#`.
    pub steps: Vec<String>,
    /// Another file that is to lie beside it, if there is none yet: name and content.
    pub beside: Option<(String, &'static str)>,
    /// What is likely not to work as it was typed, each with what would.
    pub warnings: Vec<String>,
}

impl Written {
    /// A file alone.
    fn new(name: String, text: String, steps: Vec<String>) -> Self {
        Self { name, text, steps, beside: None, warnings: Vec::new() }
    }
}

/// Puts values into a template, each in place of `{{its name}}`.
fn fill(template: &str, values: &[(&str, &str)]) -> String {
    // From left to right, so that nothing is looked for in what was put in.
    let mut text = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        text.push_str(before);
        let value = after.split_once("}}").and_then(|(name, behind)| {
            let value = values.iter().find(|(known, _)| *known == name)?.1;
            Some((value, behind))
        });
        if let Some((value, behind)) = value {
            text.push_str(value);
            rest = behind;
        } else {
            text.push_str("{{");
            rest = after;
        }
    }
    text.push_str(rest);
    text
}
