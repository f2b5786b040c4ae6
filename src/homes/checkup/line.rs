//! The command line by which a file starts agentwatch: found, and what it says of name, stop, state, sinks.

use std::time::Duration;

use super::span::time;
use super::words::{self, Part};

/// Shells that are given their script behind `-c`.
const SHELLS: [&str; 6] = ["sh", "bash", "dash", "zsh", "ksh", "ash"];

/// A shell in a shell in a shell is looked into, and no deeper.
const DEPTH_MAX: usize = 3;

/// `agentwatch run` as a file says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// agentwatch, as it is written.
    pub program: String,
    /// What stands between `run` and the command of the agent.
    pub(super) own: Vec<String>,
    /// The command of the agent.
    pub command: Vec<String>,
    /// What is set in its environment.
    pub vars: Vec<(String, String)>,
    /// A shell goes on after it, whose exit code is then told instead.
    pub followed: bool,
}

/// The last part of a path.
pub(super) fn base(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or_default()
}

/// A word that sets a variable, taken apart.
pub(super) fn assigned(word: &str) -> Option<(String, String)> {
    let (name, value) = word.split_once('=')?;
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    (!name.is_empty() && name.chars().all(plain)).then(|| (name.to_owned(), value.to_owned()))
}

impl Line {
    /// The first `agentwatch run` among the words of a command, also behind a shell's `-c`.
    #[must_use]
    pub fn find(words: &[String], vars: &[(String, String)]) -> Option<Self> {
        find(words, vars, DEPTH_MAX)
    }

    /// The value of an option.
    #[must_use]
    pub fn option(&self, name: &str) -> Option<&str> {
        let own = &self.own;
        let next = own.iter().position(|word| word == name).and_then(|at| own.get(at + 1));
        let next = next.map(String::as_str);
        next.or_else(|| own.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('=')))
    }

    /// What is set in its environment; nothing is as good as not set.
    #[must_use]
    pub fn var(&self, name: &str) -> Option<&str> {
        let set = self.vars.iter().rev().find(|(known, _)| known == name);
        set.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// A setting by its flag, or by the variable of that flag.
    #[must_use]
    pub fn setting(&self, flag: &str) -> Option<&str> {
        let name = flag.trim_start_matches('-').replace('-', "_").to_ascii_uppercase();
        self.option(flag).or_else(|| self.var(&format!("AGENTWATCH_OPT_{name}")))
    }

    /// The agent by whose definition it runs: `agentwatch run NAME`.
    #[must_use]
    pub fn defined(&self) -> Option<&str> {
        let [name] = self.command.as_slice() else { return None };
        (!name.contains('/')).then_some(name)
    }

    /// The name of its agent, if it says so.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.setting("--name").or_else(|| self.defined())
    }

    /// How long a stop of its agent may take, if it says so.
    #[must_use]
    pub fn stop_timeout(&self) -> Option<Duration> {
        self.setting("--stop-timeout").and_then(time)
    }

    /// Where it keeps its data, if it says so.
    #[must_use]
    pub fn state_dir(&self) -> Option<&str> {
        self.setting("--state-dir").or_else(|| self.var("AGENTWATCH_STATE_DIR"))
    }

    /// Whether it names somebody to tell.
    #[must_use]
    pub fn alerts(&self) -> bool {
        self.setting("--alert").is_some()
    }

    /// A program that restarts or detaches what it runs, put between agentwatch and the agent.
    #[must_use]
    pub fn supervisor_below(&self) -> Option<&str> {
        supervisor(&self.command)
    }
}

/// Programs that restart what they run, or detach it.
const SUPERVISORS: [&str; 13] = [
    "agentwatch",
    "pm2",
    "forever",
    "nodemon",
    "supervisord",
    "circusd",
    "honcho",
    "foreman",
    "runsv",
    "s6-supervise",
    "monit",
    "daemonize",
    "nohup",
];

/// The supervisor that a command begins with, also behind what only sets the stage for it.
pub(super) fn supervisor(command: &[String]) -> Option<&str> {
    let stage = |word: &&String| {
        matches!(base(word), "env" | "exec" | "npx" | "setsid" | "nice") || assigned(word).is_some()
    };
    let at = command.iter().position(|word| !stage(&word))?;
    let program = base(command.get(at)?);
    // Others of its commands are good agents: agentwatch serve.
    let runs = program != "agentwatch" || command.get(at + 1).is_some_and(|word| word == "run");
    (runs && SUPERVISORS.contains(&program)).then_some(program)
}

fn find(words: &[String], vars: &[(String, String)], depth: usize) -> Option<Line> {
    let at = words.windows(2).position(|pair| {
        let [program, run] = pair else { return false };
        base(program) == "agentwatch" && run == "run"
    });
    let Some(at) = at else { return in_shell(words, vars, depth) };
    let mut vars = vars.to_vec();
    vars.extend(words.iter().take(at).filter_map(|word| assigned(word)));
    let rest = words.get(at + 2..).unwrap_or_default();
    let (own, command) = apart(rest);
    let program = words.get(at).cloned().unwrap_or_default();
    Some(Line { program, own, command, vars, followed: false })
}

/// Options and command, which `--` or the first word that belongs to no option divides.
fn apart(rest: &[String]) -> (Vec<String>, Vec<String>) {
    let mut at = 0;
    while let Some(word) = rest.get(at) {
        match word.as_str() {
            "--" => {
                let command = rest.get(at + 1..).unwrap_or_default();
                return (rest.iter().take(at).cloned().collect(), command.to_vec());
            }
            // The only ones without a value.
            "--resume" | "--no-prompt" => at += 1,
            word if word.starts_with('-') => at += if word.contains('=') { 1 } else { 2 },
            _ => break,
        }
    }
    let (own, command) = rest.split_at(at.min(rest.len()));
    (own.to_vec(), command.to_vec())
}

/// Behind `sh -c`.
fn in_shell(words: &[String], vars: &[(String, String)], depth: usize) -> Option<Line> {
    let depth = depth.checked_sub(1)?;
    let shell = words.iter().position(|word| SHELLS.contains(&base(word)))?;
    let is_c =
        |word: &String| word.starts_with('-') && !word.starts_with("--") && word.contains('c');
    let at = shell + words.iter().skip(shell).position(is_c)?;
    let parts = words::shell(words.get(at + 1)?);
    let mut vars = vars.to_vec();
    vars.extend(words.iter().take(shell).filter_map(|word| assigned(word)));
    for (at, Part { words, then }) in parts.iter().enumerate() {
        if words.first().is_some_and(|word| word == "export") {
            vars.extend(words.iter().filter_map(|word| assigned(word)));
        }
        if let Some(mut line) = find(words, &vars, depth) {
            // What comes after && is only run where agentwatch left with 0, and otherwise its code is told.
            let more = parts.iter().skip(at + 1).any(|part| !part.words.is_empty());
            line.followed |= more && then != "&&";
            return Some(line);
        }
    }
    None
}
