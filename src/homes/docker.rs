//! An image for Docker and a service for Compose.

use super::quote::{json, json_all, shell, shell_all};
use super::{Agent, Written, fill, image as inside};

pub use super::image::TELLING;

/// The image of an agent.
pub const IMAGE: &str = include_str!("../../packaging/docker/agent.Dockerfile");
/// What does not come along into it.
pub const IGNORED: &str = include_str!("../../packaging/docker/agent.dockerignore");
/// The service of an agent.
pub const COMPOSE: &str = include_str!("../../packaging/docker/compose.yaml");
/// Where agentwatch is in the image.
const PROGRAM: &str = "/usr/local/bin/agentwatch";
/// Where the state is in the image, if nobody says.
const STATE: &str = "/var/lib/agentwatch";

/// `Dockerfile`.
#[must_use]
pub fn image(agent: &Agent) -> Written {
    let image = label(&agent.name);
    let stop = agent.stop_seconds().to_string();
    let (command, warnings) = inside::command(agent);
    let (base, install) = inside::base(agent, &command);
    let state = state_dir(agent);
    // Docker looks for what to leave out at the root of what it copies, or under this name beside the file.
    let (file, ignored) = match &agent.folder {
        Some(_) => (format!("-f {} ", agent.written("Dockerfile")), "Dockerfile.dockerignore"),
        None => (String::new(), ".dockerignore"),
    };
    let values = [
        ("image", image.as_str()),
        ("name", &agent.name),
        ("version", env!("CARGO_PKG_VERSION")),
        ("base", base),
        ("file", &file),
        ("install", &install),
        ("state_dir", state),
        ("stop_seconds", &stop),
        ("entrypoint", &json_all(&entrypoint(agent))),
        ("command", &json_all(&command)),
    ];
    let steps = vec![
        source(),
        format!("cd {} && docker build -t {image} {file}.", shell(&agent.cwd)),
        format!(
            "docker run -d --name {image} -v {image}-state:{state} --read-only --tmpfs /tmp \
             --stop-timeout {stop} --restart unless-stopped {image}"
        ),
        format!("docker exec {image} agentwatch status"),
    ];
    Written {
        beside: Some((ignored.to_owned(), IGNORED)),
        warnings,
        ..Written::new("Dockerfile".to_owned(), fill(IMAGE, &values), steps)
    }
}

/// `compose.yaml`.
#[must_use]
pub fn compose(agent: &Agent) -> Written {
    let image = label(&agent.name);
    let (command, warnings) = inside::command(agent);
    // Compose puts variables in, and a doubled dollar is one.
    let literal = |text: String| text.replace('$', "$$");
    let build = match &agent.folder {
        Some(folder) => literal(format!(
            "{{context: {}, dockerfile: {}}}",
            json(&agent.cwd),
            json(&format!("{}/Dockerfile", folder.trim_end_matches('/')))
        )),
        None => ".".to_owned(),
    };
    let values = [
        ("image", image.as_str()),
        ("name", &agent.name),
        ("build", &build),
        ("entrypoint", &literal(json_all(&entrypoint(agent)))),
        ("command", &literal(json_all(&command))),
        ("state_dir", state_dir(agent)),
        ("stop_seconds", &agent.stop_seconds().to_string()),
    ];
    let file = match &agent.folder {
        Some(_) => format!("-f {} ", agent.written("compose.yaml")),
        None => String::new(),
    };
    let mut words = vec!["agentwatch".to_owned(), "init".to_owned(), "docker".to_owned()];
    if let Some(folder) = &agent.folder {
        words.extend(["--output".to_owned(), folder.clone()]);
    }
    words.extend(["--name".to_owned(), agent.name.clone()]);
    words.extend(agent.options.iter().cloned());
    words.push("--".to_owned());
    words.extend(agent.command.iter().cloned());
    let steps = vec![
        source(),
        format!("[ -e {} ] || {}", agent.written("Dockerfile"), shell_all(&words)),
        format!("docker compose {file}up -d"),
        format!("docker compose {file}exec {image} agentwatch status"),
    ];
    Written { warnings, ..Written::new("compose.yaml".to_owned(), fill(COMPOSE, &values), steps) }
}

/// What must be there before: a remark, as nobody knows where.
fn source() -> String {
    format!(
        "# once, in the sources of agentwatch, whose image this one is made with: \
         docker build -t agentwatch:{} -f packaging/docker/Dockerfile .",
        env!("CARGO_PKG_VERSION")
    )
}

/// Where the state is in a container.
pub(super) fn state_dir(agent: &Agent) -> &str {
    agent.state_dir.as_deref().unwrap_or(STATE)
}

/// What stands before the command in a container.
pub(super) fn entrypoint(agent: &Agent) -> Vec<String> {
    std::iter::once(PROGRAM.to_owned()).chain(agent.run_words(&[], Vec::new())).collect()
}

/// A name as images, services and pods may have it (RFC 1035): lower case, a letter first, no separators at
/// the ends.
pub(super) fn label(name: &str) -> String {
    let fit = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let mut text = String::new();
    for c in name.chars().map(fit) {
        if !(c == '-' && (text.is_empty() || text.ends_with('-'))) {
            text.push(c);
        }
    }
    let text = text.trim_end_matches('-');
    match text.chars().next() {
        None => "agent".to_owned(),
        Some(first) if first.is_ascii_digit() => format!("agent-{text}"),
        Some(_) => text.to_owned(),
    }
}
