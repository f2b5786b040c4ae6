//! A file of Compose, judged service by service: the few settings that fight agentwatch.

use std::time::Duration;

use super::dockerfile::{self, Image};
use super::line::{assigned, base};
use super::span::time;
use super::yaml::{self, Node};
use super::{Finding, Ground, Judged, Launcher, Line, Verdict, words};

/// What Docker takes where nothing is said.
const GRACE: Duration = Duration::from_secs(10);

/// Where an image keeps the state, if nobody says otherwise.
const STATE: &str = "/var/lib/agentwatch";

/// The words of `command:` or `entrypoint:`.
fn command(node: &Node) -> Vec<String> {
    let words = match node {
        Node::Text(text) => words::plain(text),
        node => node.texts(),
    };
    // For Compose a dollar begins a variable, and two are one.
    words.iter().map(|word| word.replace("$$", "$")).collect()
}

/// What `environment:` sets, as a map or as a list.
fn environment(node: &Node) -> Vec<(String, String)> {
    match node {
        Node::Map(entries) => {
            let text = |value: &Node| value.text().unwrap_or_default().to_owned();
            entries.iter().map(|(name, value)| (name.clone(), text(value))).collect()
        }
        node => node.texts().iter().filter_map(|word| assigned(word)).collect(),
    }
}

/// The Dockerfile of a service, as it is seen from the file.
fn built_by(service: &Node) -> Option<String> {
    let build = service.get("build")?;
    let text = |key| build.get(key).and_then(Node::text);
    let folder = build.text().or_else(|| text("context")).unwrap_or(".");
    let file = text("dockerfile").unwrap_or("Dockerfile");
    let folder = folder.trim_end_matches('/');
    Some(if folder == "." { file.to_owned() } else { format!("{folder}/{file}") })
}

fn services(root: &Node) -> &[(String, Node)] {
    match root.get("services") {
        Some(Node::Map(services)) => services,
        _ => &[],
    }
}

/// The Dockerfiles that belong to it.
#[must_use]
pub fn builds(text: &str) -> Vec<String> {
    let Ok(root) = yaml::read(text) else { return Vec::new() };
    services(&root).iter().filter_map(|(_, service)| built_by(service)).collect()
}

/// Whether a service keeps an agent, though neither it nor a Dockerfile says how that is started. One that
/// does something else with agentwatch, or only looks at its state, does not.
fn keeps_agent(service: &Node, words: &[String]) -> bool {
    let asked = service.get("healthcheck").map(Node::texts).unwrap_or_default().join(" ");
    let mut volumes = service.get("volumes").map(Node::texts).unwrap_or_default().into_iter();
    let state = volumes.any(|text| text.contains(STATE) && !text.ends_with(":ro"));
    let other = words.iter().any(|word| base(word) == "agentwatch");
    !other && (state || asked.contains("agentwatch"))
}

/// How a service starts agentwatch.
fn line(service: &Node, image: &Image) -> Option<Line> {
    let entrypoint = service.get("entrypoint").map(command);
    // Who replaces the entrypoint replaces the command of the image, too.
    let usual = if entrypoint.is_some() { Vec::new() } else { image.command.clone() };
    let mut words = entrypoint.unwrap_or_else(|| image.entrypoint.clone());
    words.extend(service.get("command").map_or(usual, command));
    let mut vars = image.vars.clone();
    vars.extend(service.get("environment").map(environment).unwrap_or_default());
    Line::find(&words, &vars)
        .or_else(|| keeps_agent(service, &words).then(|| Line { vars, ..Line::default() }))
}

/// Everything that is to be said of one that starts agentwatch.
#[must_use]
pub fn judge(launcher: &Launcher, usual: Duration) -> Vec<Finding> {
    let mut judged = Judged::of("docker", launcher);
    let root = match yaml::read(&launcher.text) {
        Ok(root) => root,
        Err(why) => {
            let words = format!("it cannot be understood, so nothing is known of it: {why}");
            judged.look(words, format!("docker compose -f {} config", launcher.path));
            return judged.done();
        }
    };
    if services(&root).is_empty() {
        let words = "it has no services, or they stand in another file";
        judged.look(words, format!("docker compose -f {} config", launcher.path));
        return judged.done();
    }
    let mut ours = false;
    for (name, service) in services(&root) {
        let file = built_by(service).and_then(|path| {
            launcher.ground.beside.iter().find(|(known, _)| *known == path).map(|(_, text)| text)
        });
        let image = file.map(|text| dockerfile::read(text)).unwrap_or_default();
        if let Some(line) = line(service, &image) {
            ours = true;
            one(&mut judged, launcher, (name, service), &line, usual);
        }
    }
    if ours { judged.done() } else { Vec::new() }
}

fn one(
    judged: &mut Judged,
    launcher: &Launcher,
    (name, service): (&str, &Node),
    line: &Line,
    usual: Duration,
) {
    let who = format!("{name}: ");
    if service.get("extends").is_some() {
        let words = format!("{who}what it extends is not looked at, so nothing is known of it");
        judged.look(words, "docker compose config says what comes of it");
        return;
    }
    let text = |key| service.get(key).and_then(Node::text);
    // What is there and what is in memory is another matter inside.
    judged.line(&who, line, &Ground::default());
    let restart = text("restart").unwrap_or("no");
    // What agentwatch does as PID 1 by itself it does not do below another init, or told otherwise.
    let init = text("init") == Some("true");
    let said = launcher.holds(line);
    let kept = restart.starts_with("on-failure") || matches!(restart, "always" | "unless-stopped");
    if kept && !said.unwrap_or(!init) {
        let why =
            if said.is_some() { "--on-escalate exit" } else { "init: true, so it is not PID 1" };
        let words =
            format!("{who}restart: {restart} starts a given-up agent again and again ({why})");
        judged.bites(words, "--on-escalate hold, and init: false");
    } else if init {
        let words = format!("{who}init: true puts another init before agentwatch, which is one");
        judged.look(words, "init: false");
    }
    if restart == "no" && service.get("deploy").is_none() {
        let words =
            format!("{who}no restart:, so neither a reboot nor a crash of agentwatch is survived");
        judged.look(words, "restart: unless-stopped");
    }
    let theirs = text("stop_grace_period").and_then(time).unwrap_or(GRACE);
    let stop = launcher.stop_timeout(line, usual);
    judged.stops(&who, (theirs, stop), |seconds| format!("stop_grace_period: {seconds}s"));
    state(judged, name, service, line.state_dir().unwrap_or(STATE));
}

/// Whether the state outlives the container.
fn state(judged: &mut Judged, name: &str, service: &Node, dir: &str) {
    let target = |text: &str| {
        let mut parts = text.split(':');
        let first = parts.next().unwrap_or_default();
        parts.next().unwrap_or(first).to_owned()
    };
    let holds = |target: &String| {
        let target = target.trim_end_matches('/');
        !target.is_empty() && (dir == target || dir.starts_with(&format!("{target}/")))
    };
    let (mut kept, mut fleeting) = (Vec::new(), Vec::new());
    for volume in service.get("volumes").map(Node::items).unwrap_or_default() {
        let of = |key| volume.get(key).and_then(Node::text);
        match (volume.text(), of("target")) {
            (Some(text), _) => kept.push(target(text)),
            (None, Some(path)) if of("type") == Some("tmpfs") => fleeting.push(path.to_owned()),
            (None, path) => kept.extend(path.map(str::to_owned)),
        }
    }
    fleeting.extend(
        service
            .get("tmpfs")
            .map(Node::texts)
            .unwrap_or_default()
            .iter()
            .map(|text| text.split(':').next().unwrap_or_default().to_owned()),
    );
    if kept.iter().any(holds) {
        return;
    }
    let words = if fleeting.iter().any(holds) {
        format!(
            "{name}: the state is in memory ({dir}): a new start has forgotten streak and latch"
        )
    } else {
        format!("{name}: no volume for the state: a new container has forgotten streak and latch")
    };
    judged.say(
        Verdict::Bites,
        words,
        format!("volumes: [{name}-state:{dir}], and {name}-state: below the volumes of the file"),
    );
}
