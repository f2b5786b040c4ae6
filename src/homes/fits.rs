//! What cannot be written for a home, in words that name the way out. Pure.

use super::Agent;
use super::docker::label;
use super::quote::fits_xml;
use crate::config::keys;
use crate::config::sinks;
use crate::config::value::Value;
use crate::wire::sink::Sink;

/// The homes that are containers: nothing of this machine is in there but what is copied.
pub const IMAGES: [&str; 3] = ["docker", "compose", "kubernetes"];

/// The longest name of a service (RFC 1035), and of a `StatefulSet`: it gets ten letters and a hyphen added.
const LABEL_MAX: usize = 63;
const POD_MAX: usize = 52;

/// Why the home cannot be written, if it cannot.
#[must_use]
pub fn refusal(home: &str, agent: &Agent) -> Option<String> {
    let words = secret(agent).or_else(|| torn(agent)).or_else(|| {
        if IMAGES.contains(&home) {
            of_image(home, agent)
        } else if home == "config" {
            None
        } else {
            of_machine(home, agent)
        }
    })?;
    Some(format!("{home}: {words}"))
}

/// A secret that would stand in a file that everybody may read.
fn secret(agent: &Agent) -> Option<String> {
    let sinks = agent
        .settings
        .iter()
        .filter(|(path, _)| keys::find(path).is_some_and(|key| key.kind.is_secret()));
    let all = sinks.flat_map(|(path, texts)| texts.iter().map(move |text| (path, text)));
    let (path, text) = all.into_iter().find(|(_, text)| is_open(text))?;
    let flag = keys::find(path).and_then(|key| key.flag).unwrap_or(path);
    Some(format!(
        "--{flag} {} holds a secret, and everybody may read what is written; write '${{NAME}}' in its place \
         and NAME=… into the environment of agentwatch (EnvironmentFile=, env_file, a Secret), or file:/path, or cred:NAME",
        sinks::hidden(text)
    ))
}

/// Whether what is secret in a sink stands in it.
fn is_open(text: &str) -> bool {
    let Ok(read) = sinks::from_text(text) else { return false };
    let Value::Sinks(all) = read.value else { return false };
    all.iter().filter_map(|one| Sink::parse(&one.url).ok()).any(|sink| match &sink {
        // Whoever knows a topic may read along; that is how topics are used.
        Sink::Ntfy { auth, .. } => auth.is_some(),
        Sink::Webhook { url } => url.contains(['@', '?']),
        sink => !sink.secrets().is_empty(),
    })
}

/// A folder that stands in a line of its own or in a remark: no quotes protect it there, and what is behind a
/// line end would be another setting.
fn torn(agent: &Agent) -> Option<String> {
    let breaks = |path: &&String| path.chars().any(char::is_control) || path.ends_with('\\');
    let folders = [Some(&agent.cwd), agent.folder.as_ref(), agent.state_dir.as_ref()];
    let path = folders.into_iter().flatten().find(breaks)?;
    Some(format!("the folder {path:?} cannot stand in a file of lines; rename it"))
}

fn of_image(home: &str, agent: &Agent) -> Option<String> {
    if agent.own {
        return Some("--user is for systemd and launchd; leave it out".to_owned());
    }
    if let Some(at) = agent.options.iter().position(|word| word == "--config") {
        let file = agent.options.get(at + 1).map(String::as_str).unwrap_or_default();
        return Some(format!(
            "{file} is not in the image; name it agentwatch.toml in {} (COPY brings it along, and it is read there), \
             and leave --config out",
            agent.cwd
        ));
    }
    if let Some(dir) = &agent.state_dir {
        let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
        if !dir.starts_with('/') || dir == "/" || !dir.chars().all(plain) {
            return Some(format!(
                "--state-dir {dir:?} is to be a folder in the container; write an absolute path of letters, \
                 digits and /._-"
            ));
        }
    }
    let (name, max) = (label(&agent.name), if home == "kubernetes" { POD_MAX } else { LABEL_MAX });
    (max < name.len()).then(|| {
        format!(
            "{name} has {} characters, and at most {max} fit; give a shorter --name",
            name.len()
        )
    })
}

fn of_machine(home: &str, agent: &Agent) -> Option<String> {
    if agent.is_for_all() && !agent.options.is_empty() {
        return Some(format!(
            "{} would act on no command; give one (agentwatch init {home} … -- python agent.py), or define the \
             agent with them: agentwatch init config … -- python agent.py",
            agent
                .options
                .iter()
                .filter(|word| word.starts_with("--"))
                .cloned()
                .collect::<Vec<_>>()
                .join(" ")
        ));
    }
    if home == "launchd" {
        let words = agent.command.iter().chain(&agent.options).chain([&agent.path]);
        if let Some(word) = words.into_iter().find(|word| !word.chars().all(fits_xml)) {
            return Some(format!(
                "{word:?} holds a control character, which no property list can; put the command into a script"
            ));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::tests::agents;
    use super::*;
    use crate::homes::HOMES;

    /// An agent that fits everywhere.
    fn agent() -> Agent {
        let [_, plain] = agents();
        Agent { own: false, ..plain }
    }

    fn refused(home: &str, agent: &Agent, words: &str) {
        let said = refusal(home, agent).unwrap_or_default();
        assert!(said.starts_with(home) && said.contains(words), "{home}: {said:?}");
        assert!(!said.contains('\n') && !said.contains("SECRET"), "{said}");
    }

    #[test]
    fn no_secret_gets_into_a_file_that_everybody_may_read() {
        let with = |sink: &str| {
            let settings = vec![("alert.sinks", vec![sink.to_owned()])];
            Agent { settings, ..agent() }
        };
        for (home, _) in HOMES {
            for sink in [
                "slack:https://hooks.slack.com/services/T0/B0/SECRETSECRET",
                "critical@pagerduty:0123456789abcdef0123456789abcdef",
                "telegram:123456:SECRETSECRETSECRETSECRETSECRETSECRE/-100",
                "https://me:SECRET@example.org/hook",
            ] {
                refused(home, &with(sink), "--alert");
            }
            for sink in ["slack:${HOOK}", "pagerduty:cred:pd", "ntfy:my-topic", "exec:notify me"] {
                assert_eq!(refusal(home, &with(sink)), None, "{sink}");
            }
        }
    }

    #[test]
    fn options_that_would_be_lost_are_refused() {
        let for_all = Agent {
            command: Vec::new(),
            options: vec!["--interval".to_owned(), "5m".to_owned()],
            ..agent()
        };
        refused("systemd", &for_all, "--interval would act on no command");
        for home in IMAGES {
            refused(home, &Agent { own: true, ..agent() }, "--user is for systemd and launchd");
            let options = vec!["--config".to_owned(), "/srv/x.toml".to_owned()];
            refused(home, &Agent { options, ..agent() }, "/srv/x.toml is not in the image");
        }
    }

    #[test]
    fn names_that_nothing_can_be_called_by_are_refused() {
        let long = |length| Agent { name: "a".repeat(length), ..agent() };
        refused("kubernetes", &long(53), "at most 52 fit; give a shorter --name");
        refused("compose", &long(64), "at most 63 fit");
        assert_eq!(refusal("kubernetes", &long(52)), None);
        assert_eq!(refusal("systemd", &long(64)), None);
    }

    #[test]
    fn what_a_format_cannot_hold_is_refused() {
        let command = vec!["echo".to_owned(), "\u{1b}[1m".to_owned()];
        refused("launchd", &Agent { command, ..agent() }, "\"\\u{1b}[1m\" holds a control");
        let cwd = "/srv/a\nExecStartPre=x".to_owned();
        refused("systemd", &Agent { cwd, ..agent() }, "cannot stand in a file of lines");
    }
}
