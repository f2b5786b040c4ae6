//! What would bite: how agentwatch is launched here, judged over what was collected. Pure.

mod agents;
pub mod bursts;
pub mod compose;
mod dockerfile;
mod line;
mod machine;
pub mod plist;
mod span;
pub mod unit;
mod words;
mod yaml;

#[cfg(test)]
mod tests;

use std::time::Duration;

use serde::Serialize;

use crate::core::time::millis;
use crate::wire::columns::clip;
use crate::wire::plain::plain;
use crate::wire::words::span as told;

use bursts::Bursts;
pub use line::Line;

/// What an agent may still need after its stop timeout: what is left of its tree, letters to people.
const AFTER_STOP: Duration = Duration::from_secs(30);

/// How much something matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Good,
    /// It may be meant.
    Look,
    /// It will bite.
    Bites,
}

/// What one look found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub check: &'static str,
    /// How much it matters.
    pub verdict: Verdict,
    /// The file that it is about, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// What is so.
    pub words: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

/// What is said longer than this nobody reads, in columns.
const WORDS_MAX: usize = 1000;

/// Words as a terminal may have them: names in files may be anything.
fn clean(words: &str) -> String {
    clip(&plain(words.replace(['\n', '\r', '\t'], " ").as_bytes()), WORDS_MAX)
}

impl Finding {
    fn good(check: &'static str, words: impl Into<String>) -> Self {
        let words = clean(&words.into());
        Self { check, verdict: Verdict::Good, file: None, words, fix: None }
    }

    fn new(
        check: &'static str,
        verdict: Verdict,
        words: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        let fix = Some(clean(&fix.into()));
        Self { check, verdict, file: None, words: clean(&words.into()), fix }
    }
}

/// What is found in one file.
struct Judged {
    check: &'static str,
    file: String,
    found: Vec<Finding>,
}

impl Judged {
    fn of(check: &'static str, launcher: &Launcher) -> Self {
        Self { check, file: clean(&launcher.path), found: Vec::new() }
    }

    fn say(&mut self, verdict: Verdict, words: impl Into<String>, fix: impl Into<String>) {
        let file = Some(self.file.clone());
        self.found.push(Finding { file, ..Finding::new(self.check, verdict, words, fix) });
    }

    fn bites(&mut self, words: impl Into<String>, fix: impl Into<String>) {
        self.say(Verdict::Bites, words, fix);
    }

    fn look(&mut self, words: impl Into<String>, fix: impl Into<String>) {
        self.say(Verdict::Look, words, fix);
    }

    /// Says it if who is above agentwatch kills it before its agent had the time to stop.
    fn stops(
        &mut self,
        who: &str,
        (theirs, ours): (Duration, Duration),
        fix: impl Fn(u64) -> String,
    ) {
        if ours < theirs {
            return;
        }
        let all = ours.saturating_add(AFTER_STOP);
        let seconds = all.as_secs().saturating_add(u64::from(all.subsec_nanos() > 0));
        let (theirs, ours) = (told(millis(theirs)), told(millis(ours)));
        let words = format!(
            "{who}stops are nested wrongly: killed after {theirs}, the agent may take {ours}"
        );
        self.bites(words, fix(seconds));
    }

    /// What is wrong with the line itself, whoever starts it.
    fn line(&mut self, who: &str, line: &Line, ground: &Ground) {
        if let Some(below) = line.supervisor_below() {
            let words = format!(
                "{who}agentwatch runs {below}, which restarts the agent unseen, or detaches it"
            );
            self.bites(words, "give agentwatch the agent itself: agentwatch run -- COMMAND");
        }
        if line.followed {
            let words = format!("{who}the shell goes on after agentwatch and hides its exit code");
            self.bites(words, "exec agentwatch run …, as the last command");
        }
        if line.var("PYTHONUNBUFFERED").is_none()
            && line.vars.iter().any(|(name, _)| name == "PYTHONUNBUFFERED")
        {
            let words =
                format!("{who}PYTHONUNBUFFERED is set to nothing: Python holds its beats back");
            self.bites(words, "remove it (agentwatch sets it to 1), or PYTHONUNBUFFERED=1");
        }
        if let Some(dir) = line.state_dir().filter(|dir| ground.in_memory || lasts_not(dir)) {
            let words =
                format!("{who}the state is in memory ({dir}): a reboot forgets streak and latch");
            self.bites(words, "--state-dir /var/lib/agentwatch, or another folder on a disk");
        }
        for missing in &ground.missing {
            let words = format!("{who}{missing} is not there");
            self.bites(words, "write the path of what is there, or put it there");
        }
    }

    fn done(mut self) -> Vec<Finding> {
        if self.found.is_empty() {
            let file = Some(self.file);
            self.found.push(Finding { file, ..Finding::good(self.check, "fits agentwatch") });
        }
        self.found
    }
}

/// Whether a folder is gone after a reboot by its very name.
fn lasts_not(dir: &str) -> bool {
    ["/run/", "/dev/shm/", "%t/", "/var/run/"]
        .iter()
        .any(|root| format!("{dir}/").starts_with(root))
}

/// What the file system says of what a launcher names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ground {
    /// What the definition of its agent says; of a template that of the instance that may take longest to stop.
    pub defined: Option<Defined>,
    /// Programs and folders that it names and that are not there.
    pub missing: Vec<String>,
    /// The state directory that it names is gone after a reboot.
    pub in_memory: bool,
    /// Whose the file is, and who may write it.
    pub owner: Option<(u32, u32)>,
    /// Files that lie beside it and belong to it: path as it names it, text.
    pub beside: Vec<(String, String)>,
}

/// What matters here of the definition of an agent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Defined {
    /// How long a stop of it may take.
    pub stop_timeout: Duration,
    /// Who is told of it.
    pub sinks: usize,
    /// agentwatch stays when it was given up.
    pub holds: bool,
}

/// A file that starts agentwatch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Launcher {
    /// Where it is.
    pub path: String,
    /// What it says; of a unit with everything that is dropped in behind it.
    pub text: String,
    /// Of a template those that are enabled.
    pub instances: Vec<String>,
    /// What is so around it.
    pub ground: Ground,
}

impl Launcher {
    /// How long a stop of the agent of a line may take.
    fn stop_timeout(&self, line: &Line, usual: Duration) -> Duration {
        let defined = || self.ground.defined.map(|defined| defined.stop_timeout);
        line.stop_timeout().or_else(defined).unwrap_or(usual)
    }

    /// Whether agentwatch stays when the agent of a line was given up; `None` if nobody says.
    fn holds(&self, line: &Line) -> Option<bool> {
        let said = line.setting("--on-escalate").map(|word| word == "hold");
        said.or_else(|| self.ground.defined.map(|defined| defined.holds))
    }

    fn alerts(&self, line: &Line) -> bool {
        line.alerts() || self.ground.defined.is_some_and(|defined| 0 < defined.sinks)
    }
}

/// Where agents keep their data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateDir {
    /// The folder.
    pub path: String,
    /// It, or the nearest folder above it that exists, may be written.
    pub writable: bool,
    /// It is gone after a reboot.
    pub in_memory: bool,
    /// How many bytes may still be written, if that is known.
    pub free: Option<u64>,
}

/// What is known of an agent.
#[expect(clippy::struct_excessive_bools, reason = "each is about something else")]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Its name.
    pub name: String,
    /// Whether an agentwatch runs for it.
    pub supervised: bool,
    /// The program of that agentwatch was replaced or removed since.
    pub outdated: bool,
    /// A beat was ever heard of what runs now.
    pub beats: bool,
    /// Where it stands.
    pub state: String,
    /// For how long it has been up, in milliseconds.
    pub up_ms: Option<u64>,
    /// Where it was started.
    pub directory: String,
    /// What was started.
    pub command: Vec<String>,
    /// Beats that came in bursts.
    pub bursts: Bursts,
    /// Somebody is told of it.
    pub told: bool,
    /// Why its state is refused: a newer agentwatch wrote it.
    pub newer: Option<String>,
}

/// The agentwatch that `PATH` finds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum OnPath {
    /// This one.
    #[default]
    This,
    /// None; this one is here.
    Nowhere(String),
    /// A copy of this one: here, there.
    Copy(String, String),
    /// Something else: this one here, that there.
    Other(String, String),
}

/// All that was collected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Units of systemd that start agentwatch.
    pub units: Vec<Launcher>,
    /// Property lists of launchd that do.
    pub plists: Vec<Launcher>,
    /// Files of Compose that do.
    pub composes: Vec<Launcher>,
    /// Where agents keep their data.
    pub state_dir: StateDir,
    /// Somebody keeps the clock right; `None` if nobody tells.
    pub clock_kept: Option<bool>,
    /// Sinks that are configured.
    pub sinks: usize,
    /// Agents that are known here.
    pub agents: Vec<Seen>,
    /// Files that may start agentwatch and cannot be read: the check, the file, why.
    pub unread: Vec<(&'static str, String, String)>,
    /// The agentwatch that `PATH` finds.
    pub on_path: OnPath,
    /// `PYTHONUNBUFFERED` as it is set here, if it is.
    pub unbuffered: Option<String>,
    /// How long a stop of an agent may take, where nothing else is said.
    pub stop_timeout: Duration,
}

/// Everything that is to be said, what bites first.
#[must_use]
pub fn judge(facts: &Facts) -> Vec<Finding> {
    let mut all = machine::judge(facts);
    all.extend(agents::judge(facts));
    for launcher in &facts.units {
        all.extend(unit::judge(launcher, facts.stop_timeout));
    }
    for launcher in &facts.plists {
        all.extend(plist::judge(launcher, facts.stop_timeout));
    }
    for launcher in &facts.composes {
        all.extend(compose::judge(launcher, facts.stop_timeout));
    }
    for (check, file, why) in &facts.unread {
        let words = format!("cannot be read, so nothing is known of it: {why}");
        let file = Some(clean(file));
        all.push(Finding {
            file,
            ..Finding::new(check, Verdict::Look, words, "doctor as who may read it")
        });
    }
    all.extend(launched_twice(facts));
    all.sort_by_key(|finding| std::cmp::Reverse(finding.verdict));
    all
}

/// Every line by which something outside of a container starts agentwatch.
fn lines(facts: &Facts) -> impl Iterator<Item = (&Launcher, Line)> {
    let units = facts.units.iter().filter_map(|one| Some((one, unit::line(one)?)));
    units.chain(facts.plists.iter().filter_map(|one| Some((one, plist::line(one)?))))
}

/// The same agent, started by two files: the one that comes second is refused (75), again and again.
fn launched_twice(facts: &Facts) -> Vec<Finding> {
    let mut all: Vec<(String, String, String)> = Vec::new();
    for (launcher, line) in lines(facts) {
        let home = unit::state_of(launcher, &line);
        for name in &launcher.instances {
            all.push((format!("{} for {name}", launcher.path), home.clone(), name.clone()));
        }
        if let Some(name) = line.name().filter(|name| !name.contains('%')) {
            all.push((launcher.path.clone(), home, name.to_owned()));
        }
    }
    let mut found = Vec::new();
    for (at, (one, home, name)) in all.iter().enumerate() {
        let same = |other: &&(String, String, String)| (&other.1, &other.2) == (home, name);
        if let Some((other, ..)) = all.iter().skip(at + 1).find(same) {
            found.push(Finding::new(
                "supervisors",
                Verdict::Bites,
                format!("{one} and {other} both start {name}"),
                "keep one of them; the other is refused with code 75, again and again",
            ));
        }
    }
    found
}
