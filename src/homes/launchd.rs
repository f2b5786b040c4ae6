//! A property list for launchd: an agent of a user, or a daemon of the system.

use super::quote::{shell, xml};
use super::{Agent, Written, fill};

/// The property list.
pub const PLIST: &str = include_str!("../../packaging/launchd/agent.plist");

/// `dev.agentwatch.NAME.plist`.
#[must_use]
pub fn plist(agent: &Agent) -> Written {
    let label = format!("dev.agentwatch.{}", agent.name);
    let hold: &[&str] =
        if agent.has("restart.on_escalate") { &[] } else { &["--on-escalate", "hold"] };
    let words =
        std::iter::once(agent.program.clone()).chain(agent.run_words(hold, agent.found_command()));
    let arguments: Vec<String> =
        words.map(|word| format!("    <string>{}</string>", xml(&word))).collect();
    let (what, folder, log_folder, domain) = if agent.own {
        let logs = format!("{}/Library/Logs/agentwatch", agent.home);
        ("An agent of a user", format!("{}/Library/LaunchAgents", agent.home), logs, gui(agent))
    } else {
        let logs = "/var/log/agentwatch".to_owned();
        ("A daemon", "/Library/LaunchDaemons".to_owned(), logs, "system".to_owned())
    };
    let place = format!("{folder}/{label}.plist");
    let log = format!("{log_folder}/{}.log", agent.name);
    let user = (!agent.own).then(|| match &agent.user {
        Some(user) => {
            let user = xml(user);
            format!(
                "\n  <!-- As whom it runs. -->\n  <key>UserName</key>\n  <string>{user}</string>"
            )
        }
        None => {
            "\n  <!-- It runs as root. As another: <key>UserName</key> <string>NAME</string> -->"
                .to_owned()
        }
    });
    let stop = agent.stop_seconds().to_string();
    let values = [
        ("what", what),
        // Two hyphens end a comment.
        ("place", &xml(&place).replace("--", "- -")),
        ("domain", &domain),
        ("label", &xml(&label)),
        ("arguments", &arguments.join("\n")),
        ("cwd", &xml(&agent.cwd)),
        ("path", &xml(&agent.path)),
        ("user", user.as_deref().unwrap_or_default()),
        ("stop_seconds", &stop),
        ("log", &xml(&log)),
    ];
    let steps = steps(agent, &label, &folder, &log_folder, &domain);
    Written::new(format!("{label}.plist"), fill(PLIST, &values), steps)
}

/// The domain of a user who sits at the machine: what is loaded there has their keychain and screen, and
/// ends when they log out.
fn gui(agent: &Agent) -> String {
    format!("gui/{}", agent.uid)
}

fn steps(agent: &Agent, label: &str, folder: &str, logs: &str, domain: &str) -> Vec<String> {
    let sudo = if agent.own { "" } else { "sudo " };
    let file = format!("{label}.plist");
    let path = agent.written(&file);
    let (folder, logs) = (shell(folder), shell(logs));
    let mut steps = vec![
        format!("{sudo}mkdir -p {folder} {logs} && {sudo}mv {path} {folder}/"),
        format!("plutil -lint {folder}/{file}"),
    ];
    if !agent.own {
        if let Some(user) = &agent.user {
            steps.push(format!("sudo chown {} {logs}", shell(user)));
        }
        steps.push(format!("sudo chown root:wheel {folder}/{file}"));
    }
    steps.push(format!("{sudo}launchctl bootstrap {domain} {folder}/{file}"));
    steps.push(format!("{sudo}launchctl print {domain}/{label}"));
    steps.push(format!("# and away with it: {sudo}launchctl bootout {domain}/{label}"));
    if agent.own {
        let words = "# by ssh, with nobody at the screen, there is no gui domain: use user/";
        steps.push(format!("{words}{} instead", agent.uid));
    }
    steps.push("# the authors could not run this on a Mac; keys and types are checked".to_owned());
    steps
}
