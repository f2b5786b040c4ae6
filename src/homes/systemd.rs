//! Units for systemd: of the system and of a user, for an agent that is defined and for a command.

use super::quote::{shell, shell_all, systemd, systemd_path};
use super::{Agent, Written};

/// The template unit of the system, as packages install it.
pub const SYSTEM: &str = include_str!("../../packaging/systemd/agentwatch@.service");
/// The template unit of users.
pub const USER: &str = include_str!("../../packaging/systemd/user/agentwatch@.service");

/// The unit for an agent: the template unit, or, for a command, one of its own.
#[must_use]
pub fn unit(agent: &Agent) -> Written {
    let template = if agent.own { USER } else { SYSTEM };
    let run = systemd(&agent.program);
    if agent.command.is_empty() {
        let text = set(template, "ExecStart", &format!("{run} run %i"));
        let instance = format!("agentwatch@{}", agent.name);
        return Written {
            name: "agentwatch@.service".to_owned(),
            text,
            steps: steps(agent, "agentwatch@.service", &instance),
        };
    }
    let words = agent.run_words(&[]).into_iter().chain(agent.found_command());
    let words: Vec<String> = words.map(|word| systemd(&word)).collect();
    // The name first: what comes from the command line may look like a specifier.
    let text = template.replace("%i", &agent.name);
    let mut text = set(&text, "ExecStart", &format!("{run} {}", words.join(" ")));
    let definition = |line: &str| line.starts_with("# The definition of the agent:");
    text = lines(&text, |line| (!definition(line)).then(|| line.to_owned()));
    text = set(&text, "WorkingDirectory", &systemd_path(&agent.cwd));
    // `%` is doubled in a list of paths as anywhere.
    if !agent.own {
        text = set(&text, "ReadWritePaths", &systemd(&agent.cwd).replace("$$", "$"));
        if let Some(user) = &agent.user {
            text = set(&text, "User", user);
        }
    }
    text = set(&text, "TimeoutStopSec", &agent.stop_seconds().max(90).to_string());
    let name = format!("{}.service", agent.name);
    let steps = steps(agent, &name, &agent.name);
    Written { name, text, steps }
}

fn steps(agent: &Agent, file: &str, unit: &str) -> Vec<String> {
    let (file, unit) = (shell(file), shell(unit));
    let mut steps = Vec::new();
    if agent.own {
        steps.push(format!("mkdir -p ~/.config/systemd/user && mv {file} ~/.config/systemd/user/"));
        steps.push("systemctl --user daemon-reload".to_owned());
        steps.push(format!("systemctl --user enable --now {unit}"));
        steps.push("loginctl enable-linger   # or it ends when you log out".to_owned());
        steps.push(format!("systemctl --user status {unit}; agentwatch status"));
    } else {
        steps.push(format!("sudo mv {file} /etc/systemd/system/"));
        steps.push("sudo systemctl daemon-reload".to_owned());
        steps.push(format!("sudo systemctl enable --now {unit}"));
        let look = ["sudo", "agentwatch", "status"].map(str::to_owned);
        steps.push(format!("systemctl status {unit}; {}", shell_all(&look)));
    }
    steps
}

/// The text with one setting, which stands there already, maybe commented out.
fn set(text: &str, key: &str, value: &str) -> String {
    let is_it = |line: &str| {
        let line = line.strip_prefix('#').unwrap_or(line);
        line.strip_prefix(key).is_some_and(|rest| rest.starts_with('='))
    };
    lines(text, |line| Some(if is_it(line) { format!("{key}={value}") } else { line.to_owned() }))
}

fn lines(text: &str, each: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.lines().filter_map(each) {
        out.push_str(&line);
        out.push('\n');
    }
    out
}
