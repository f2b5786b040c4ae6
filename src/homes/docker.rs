//! An image for Docker and a service for Compose.

use super::quote::{json_all, shell};
use super::{Agent, Written, fill};

/// The image of an agent.
pub const IMAGE: &str = include_str!("../../packaging/docker/agent.Dockerfile");
/// The service of an agent.
pub const COMPOSE: &str = include_str!("../../packaging/docker/compose.yaml");
/// Where agentwatch is in the image.
const PROGRAM: &str = "/usr/local/bin/agentwatch";

/// `Dockerfile`.
#[must_use]
pub fn image(agent: &Agent) -> Written {
    let image = image_name(&agent.name);
    let stop = agent.stop_seconds().to_string();
    let entrypoint = json_all(&entrypoint(agent));
    let values = [
        ("image", image.as_str()),
        ("name", &agent.name),
        ("version", env!("CARGO_PKG_VERSION")),
        ("base", base(agent)),
        ("stop_seconds", &stop),
        ("entrypoint", &entrypoint),
        ("command", &json_all(&agent.command)),
    ];
    Written {
        name: "Dockerfile".to_owned(),
        text: fill(IMAGE, &values),
        steps: vec![
            "# once, from the sources of agentwatch: the image that it is copied from".to_owned(),
            format!(
                "docker build -t agentwatch:{} -f packaging/docker/Dockerfile .",
                env!("CARGO_PKG_VERSION")
            ),
            format!("docker build -t {image} ."),
            format!(
                "docker run -d --name {image} -v {image}-state:/var/lib/agentwatch --read-only --tmpfs /tmp \
                 --stop-timeout {stop} --restart unless-stopped {image}"
            ),
            format!("docker exec {image} agentwatch status"),
        ],
    }
}

/// `compose.yaml`.
#[must_use]
pub fn compose(agent: &Agent) -> Written {
    let image = image_name(&agent.name);
    // Compose puts variables in, and a doubled dollar is one.
    let command = json_all(&agent.command).replace('$', "$$");
    let values = [
        ("image", image.as_str()),
        ("command", &command),
        ("stop_seconds", &agent.stop_seconds().to_string()),
    ];
    Written {
        name: "compose.yaml".to_owned(),
        text: fill(COMPOSE, &values),
        steps: vec![
            format!("# the Dockerfile beside it: agentwatch init docker -- {}", words(agent)),
            "docker compose up -d".to_owned(),
            format!("docker compose exec {image} agentwatch status"),
        ],
    }
}

fn words(agent: &Agent) -> String {
    agent.command.iter().map(|word| shell(word)).collect::<Vec<_>>().join(" ")
}

/// What stands before the command in a container.
pub(super) fn entrypoint(agent: &Agent) -> Vec<String> {
    std::iter::once(PROGRAM.to_owned()).chain(agent.run_words(&[])).collect()
}

/// A name as images and services may have it: lower case, and no separators at the ends.
pub(super) fn image_name(name: &str) -> String {
    let fit = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let mut text = String::new();
    for c in name.chars().map(fit) {
        if !(c == '-' && (text.is_empty() || text.ends_with('-'))) {
            text.push(c);
        }
    }
    let text = text.trim_end_matches('-');
    if text.is_empty() { "agent".to_owned() } else { text.to_owned() }
}

/// The usual image for what the command is written in.
fn base(agent: &Agent) -> &'static str {
    let program = agent.command.first().map(String::as_str).unwrap_or_default();
    let program = program.rsplit('/').next().unwrap_or_default();
    match program {
        name if name.starts_with("python") => "python:3-slim",
        "uv" | "uvx" => "ghcr.io/astral-sh/uv:python3.13-bookworm-slim",
        "node" | "npm" | "npx" => "node:24-slim",
        "bun" | "bunx" => "oven/bun:slim",
        "deno" => "denoland/deno:debian",
        _ => "debian:stable-slim",
    }
}
