//! What the image of an agent needs: its base, what is installed in it, the command as it is in there.

use super::Agent;

/// Files that tell how an agent is installed.
pub const TELLING: [&str; 5] =
    ["requirements.txt", "pyproject.toml", "uv.lock", "package.json", "package-lock.json"];

/// Where the agent is in the image.
const APP: &str = "/app";

/// The image of the language, and of the tool that installs for it.
const UV: &str = "ghcr.io/astral-sh/uv:python3.13-bookworm-slim";
const PYTHON: &str = "python:3-slim";
const NODE: &str = "node:24-slim";

/// Agents that are installed by npm: their program and their package.
const CLIS: [(&str, &str); 3] = [
    ("claude", "@anthropic-ai/claude-code"),
    ("codex", "@openai/codex"),
    ("gemini", "@google/gemini-cli"),
];

/// The command as it is in the image, and what is likely not to work.
pub(super) fn command(agent: &Agent) -> (Vec<String>, Vec<String>) {
    let (mut words, mut warnings) = (agent.command.clone(), Vec::new());
    let Some(first) = words.first_mut() else { return (words, warnings) };
    if let Some(program) = of_environment(first) {
        let fit = if program.starts_with("python") { "python3" } else { program };
        warnings.push(format!(
            "{first} is of an environment of this machine, which is not in the image; written as {fit}"
        ));
        *first = fit.to_owned();
    }
    for word in &mut words {
        let inside = word.strip_prefix(agent.cwd.as_str()).filter(|_| agent.cwd != "/");
        if let Some(rest) = inside.filter(|rest| rest.is_empty() || rest.starts_with('/')) {
            *word = format!("{APP}{rest}");
        }
    }
    let there = ["/app/", "/usr/", "/bin/", "/sbin/", "/opt/"];
    let first = words.first().filter(|first| first.starts_with('/'));
    if let Some(first) = first.filter(|first| !there.iter().any(|known| first.starts_with(known))) {
        warnings.push(format!(
            "{first} is a path of this machine; give the command as it is in the image ({APP} is this folder)"
        ));
    }
    (words, warnings)
}

/// The program, if the path is one of a virtual environment.
fn of_environment(path: &str) -> Option<&str> {
    let (folder, program) = path.rsplit_once('/')?;
    let folder = folder.strip_suffix("/bin")?.rsplit('/').next()?;
    matches!(folder, ".venv" | "venv" | "env" | ".env").then_some(program)
}

/// The usual image for what the command is written in, and the lines that install what it needs.
pub(super) fn base(agent: &Agent, command: &[String]) -> (&'static str, String) {
    let has = |name: &str| agent.files.contains(&name);
    let program = command.first().map(String::as_str).unwrap_or_default();
    let program = program.rsplit('/').next().unwrap_or_default();
    let locked = has("pyproject.toml") && has("uv.lock");
    let environment = agent.command.first().is_some_and(|word| of_environment(word).is_some());
    let cli = CLIS.iter().find(|(name, _)| *name == program);
    match program {
        "uv" if locked => (UV, UV_SYNC.to_owned()),
        name if (name.starts_with("python") || environment) && locked => (UV, UV_SYNC.to_owned()),
        name if name.starts_with("python") || environment => (PYTHON, pip(&has)),
        "uv" | "uvx" => (UV, String::new()),
        "node" | "npm" | "npx" => (NODE, npm(&has)),
        "bun" | "bunx" => ("oven/bun:slim", String::new()),
        "deno" => ("denoland/deno:debian", String::new()),
        _ => match cli {
            Some((_, package)) => (NODE, format!("RUN npm install -g {package}\n")),
            None => ("debian:stable-slim", String::new()),
        },
    }
}

/// Before the agent itself, so that a change of it builds nothing of this anew.
const UV_SYNC: &str = "\
# What it needs, as uv.lock has it. If the command is a script of the project itself: once more
# behind COPY . /app, without --no-install-project.
COPY pyproject.toml uv.lock /app/
RUN uv sync --frozen --no-dev --no-install-project
ENV PATH=/app/.venv/bin:$PATH UV_NO_SYNC=1
";

fn pip(has: &dyn Fn(&str) -> bool) -> String {
    let text = if has("requirements.txt") {
        "# What it needs.\nCOPY requirements.txt /app/\n\
         RUN pip install --no-cache-dir -r requirements.txt\n"
    } else if has("pyproject.toml") {
        "# What it needs: maybe, behind COPY . /app:\n#RUN pip install --no-cache-dir .\n"
    } else {
        ""
    };
    text.to_owned()
}

fn npm(has: &dyn Fn(&str) -> bool) -> String {
    let text = match (has("package.json"), has("package-lock.json")) {
        (true, true) => {
            "# What it needs.\nCOPY package.json package-lock.json /app/\nRUN npm ci --omit=dev\n"
        }
        (true, false) => "# What it needs.\nCOPY package.json /app/\nRUN npm install --omit=dev\n",
        (false, _) => "",
    };
    text.to_owned()
}
