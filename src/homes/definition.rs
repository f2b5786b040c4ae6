//! A configuration file for an agent: the template with every key, and what was typed set in it.

use super::quote::{shell, toml, toml_all};
use super::{Agent, Written};
use crate::config::keys::{self, Kind};
use crate::config::template;

/// `NAME.toml`, for `agents/`; without a command `agentwatch.toml`.
#[must_use]
pub fn file(agent: &Agent) -> Written {
    if agent.command.is_empty() {
        let text = set(template::TEXT, &agent.settings);
        let name = "agentwatch.toml".to_owned();
        let steps = vec![format!("agentwatch check --config {}", agent.written(&name))];
        return Written::new(name, text, steps);
    }
    let mut settings = agent.settings.clone();
    settings.push(("command", agent.command.clone()));
    settings.push(("cwd", vec![agent.cwd.clone()]));
    // The name is that of the file.
    settings.retain(|(path, _)| !matches!(*path, "name" | "state_dir"));
    let (name, file) = (shell(&agent.name), format!("{}.toml", agent.name));
    let folder = if agent.uid == 0 && !agent.own {
        "/etc/agentwatch/agents"
    } else {
        "~/.config/agentwatch/agents"
    };
    // In its place already there is nothing to move.
    let placed = agent.folder.as_ref().is_some_and(|path| path.ends_with("/agentwatch/agents"));
    let placing = format!("mkdir -p {folder} && mv {} {folder}/", agent.written(&file));
    let steps = (!placed).then_some(placing).into_iter();
    let steps = steps.chain([format!("agentwatch check {name}"), format!("agentwatch run {name}")]);
    Written::new(file, set(template::TEXT, &settings), steps.collect())
}

/// The template with settings in the place of the lines that are commented out.
fn set(text: &str, settings: &[(&'static str, Vec<String>)]) -> String {
    let (mut out, mut table) = (String::with_capacity(text.len()), String::new());
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            name.clone_into(&mut table);
        }
        let key =
            line.strip_prefix('#').and_then(|rest| rest.split_once(" = ")).map(|(key, _)| key);
        let path = key.map(|key| match table.as_str() {
            "" => key.to_owned(),
            table => format!("{table}.{key}"),
        });
        let found = path.and_then(|path| settings.iter().find(|(known, _)| *known == path));
        match found.zip(key) {
            Some(((path, texts), key)) => {
                out.push_str(key);
                out.push_str(" = ");
                out.push_str(&value(path, texts));
            }
            None => out.push_str(line),
        }
        out.push('\n');
    }
    out
}

fn value(path: &str, texts: &[String]) -> String {
    let first = texts.first().map(String::as_str).unwrap_or_default();
    let Some(key) = keys::find(path) else { return toml(first) };
    match key.kind {
        kind if kind.is_bare() => first.to_owned(),
        Kind::Command if path == "command" => toml_all(texts),
        Kind::Sinks | Kind::Files | Kind::Addresses => toml_all(texts),
        _ => toml(first),
    }
}
