//! Units for systemd: of the system and of a user, for an agent that is defined and for a command.

use super::quote::{shell, systemd, systemd_path, systemd_value};
use super::{Agent, Written};

/// The template unit of the system, as packages install it.
pub const SYSTEM: &str = include_str!("../../packaging/systemd/agentwatch@.service");
/// The template unit of users.
pub const USER: &str = include_str!("../../packaging/systemd/user/agentwatch@.service");

/// The unit for an agent: one of its own; the template unit where none is named.
#[must_use]
pub fn unit(agent: &Agent) -> Written {
    let template = if agent.own { USER } else { SYSTEM };
    let run = systemd(&agent.program);
    if agent.is_for_all() {
        let text = caller(&set(template, "ExecStart", &format!("{run} run %i")), agent);
        let instance = format!("agentwatch@{}", agent.name);
        let name = "agentwatch@.service".to_owned();
        let steps = steps(agent, &name, &instance);
        return Written::new(name, text, steps);
    }
    let words = agent.run_words(&[], agent.found_command());
    let words: Vec<String> = words.iter().map(|word| systemd(word)).collect();
    // The name first: what comes from the command line may look like a specifier.
    let text = template.replace("%i", &agent.name);
    let mut text = set(&text, "ExecStart", &format!("{run} {}", words.join(" ")));
    if agent.defined.is_none() {
        let definition = |line: &str| line.starts_with("# The definition of the agent:");
        text = lines(&text, |line| (!definition(line)).then(|| line.to_owned()));
    }
    text = set(&text, "WorkingDirectory", &systemd_path(&agent.cwd));
    text = state(&caller(&text, agent), agent);
    text = set(&text, "TimeoutStopSec", &agent.stop_seconds().max(90).to_string());
    let name = format!("{}.service", agent.name);
    let steps = steps(agent, &name, &agent.name);
    Written { warnings: hidden(agent).into_iter().collect(), ..Written::new(name, text, steps) }
}

/// What a unit of the system does not see of where the agent is.
fn hidden(agent: &Agent) -> Option<String> {
    let own = ["/tmp", "/var/tmp"].into_iter().find(|folder| {
        agent.cwd.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    });
    own.filter(|_| !agent.own).map(|folder| {
        let words = "of its own (PrivateTmp=); keep the agent elsewhere";
        format!("{} is not there for the unit, which has a {folder} {words}", agent.cwd)
    })
}

/// As whom it runs, and with which `PATH`.
fn caller(text: &str, agent: &Agent) -> String {
    let mut text = text.to_owned();
    if let Some(user) = agent.user.as_ref().filter(|_| !agent.own) {
        text = set(&text, "User", user);
    }
    // root's is the usual one, and that of sudo is sudo's.
    if agent.uid != 0 {
        text = set(&text, "Environment", &systemd_value(&format!("PATH={}", agent.path)));
    }
    text
}

/// Where it may write, and where its state is.
fn state(text: &str, agent: &Agent) -> String {
    let mut paths = vec![systemd_value(&agent.cwd)];
    let mut text = text.to_owned();
    if let Some(dir) = &agent.state_dir {
        let managed = managed(agent);
        let remark = if managed.is_some() {
            format!("# Journal, streak and latch: {dir}. For agentwatch status: --state-dir {dir}")
        } else {
            paths.push(systemd_value(dir));
            format!(
                "# Journal, streak and latch: {dir}, which must exist and belong to whom this runs as. For\n\
                 # agentwatch status: --state-dir {dir}"
            )
        };
        text = lines(&text, |line| match line {
            line if line.starts_with("# Journal, streak and latch") => Some(remark.clone()),
            line if line.starts_with("# one user; for another one") => None,
            line if line.starts_with("StateDirectory") && managed.is_none() => None,
            line => Some(line.to_owned()),
        });
        if let Some(name) = managed {
            text = set(&text, "StateDirectory", name);
        }
    }
    if agent.own { text } else { set(&text, "ReadWritePaths", &paths.join(" ")) }
}

/// The state directory as systemd makes it itself, with the right owner, if it lies where it does.
fn managed(agent: &Agent) -> Option<&str> {
    let name = agent.state_dir.as_ref().filter(|_| !agent.own)?.strip_prefix("/var/lib/")?;
    // A colon would ask for a link.
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    (!name.is_empty() && name.chars().all(plain) && !name.contains("..")).then_some(name)
}

fn steps(agent: &Agent, file: &str, unit: &str) -> Vec<String> {
    let (path, unit) = (agent.written(file), shell(unit));
    let look = agent.look_words();
    let mut steps = Vec::new();
    if let Some(dir) = agent.state_dir.as_ref().filter(|_| managed(agent).is_none()) {
        let owner = agent.user.as_ref().map(|user| format!("-o {} ", shell(user)));
        let dir = shell(dir);
        steps.push(match owner {
            _ if agent.own => format!("mkdir -p -m 700 {dir}"),
            owner => format!("sudo install -d -m 700 {}{dir}", owner.unwrap_or_default()),
        });
    }
    if agent.own {
        steps.push(format!("mkdir -p ~/.config/systemd/user && mv {path} ~/.config/systemd/user/"));
        steps.push("systemctl --user daemon-reload".to_owned());
        steps.push(format!("systemctl --user enable --now {unit}"));
        steps.push("loginctl enable-linger   # or it ends when you log out".to_owned());
        steps.push(format!("systemctl --user status {unit}; agentwatch status{look}"));
    } else {
        // Not moved: what the system runs must not belong to an ordinary user.
        steps.push(format!("sudo install -m 644 {path} /etc/systemd/system/ && rm {path}"));
        steps.push("sudo systemctl daemon-reload".to_owned());
        steps.push(format!("sudo systemctl enable --now {unit}"));
        steps.push(format!("systemctl status {unit}; sudo agentwatch status{look}"));
    }
    if agent.is_for_all() && agent.name == "NAME" {
        // Of no agent in particular: nothing to paste, but what to do for each.
        for step in steps.iter_mut().filter(|step| step.contains("@NAME")) {
            *step = format!("# for each agents/NAME.toml: {step}");
        }
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
