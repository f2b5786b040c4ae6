//! A property list of launchd, judged: its domain, what starts agentwatch past its latch, when it is killed.

use std::time::Duration;

use super::{Finding, Judged, Launcher, Line};

/// What launchd takes where nothing is said (launchd.plist(5)).
const EXIT_DEFAULT: Duration = Duration::from_secs(20);

/// The text without its remarks, which may hold anything.
fn bare(text: &str) -> String {
    let mut bare = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("<!--") {
        bare.push_str(before);
        rest = behind.split_once("-->").map_or("", |(_, behind)| behind);
    }
    bare.push_str(rest);
    bare
}

/// What stands behind a key: the text of its element, or the element itself where it has none.
fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let rest = text.split_once(&format!("<key>{key}</key>"))?.1.trim_start();
    let (element, rest) = rest.strip_prefix('<')?.split_once('>')?;
    match element {
        "dict" | "array" => rest.split_once(&format!("</{element}>")).map(|(inner, _)| inner),
        element if element.ends_with('/') => Some(element),
        element => rest.split_once(&format!("</{element}>")).map(|(inner, _)| inner),
    }
}

/// A text as it is meant.
fn plain(text: &str) -> String {
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    text.replace("&apos;", "'").replace("&amp;", "&")
}

/// The texts within an element.
fn strings(text: &str) -> impl Iterator<Item = String> {
    // An empty one may be written short.
    let parts = text.split("<string").skip(1).map(|part| match part.strip_prefix('>') {
        Some(part) => part.split_once("</string>").map_or(String::new(), |(word, _)| plain(word)),
        None => String::new(),
    });
    parts.collect::<Vec<_>>().into_iter()
}

fn is_binary(launcher: &Launcher) -> bool {
    launcher.text.starts_with("bplist")
}

/// The line by which it starts agentwatch, if it does.
#[must_use]
pub fn line(launcher: &Launcher) -> Option<Line> {
    let text = bare(&launcher.text);
    let words: Vec<String> = strings(value(&text, "ProgramArguments")?).collect();
    let vars: Option<Vec<(String, String)>> = value(&text, "EnvironmentVariables").map(|set| {
        let keys = set.split("<key>").skip(1).filter_map(|part| part.split_once("</key>"));
        keys.map(|(key, rest)| (plain(key), strings(rest).next().unwrap_or_default())).collect()
    });
    Line::find(&words, &vars.unwrap_or_default())
}

/// Whether it starts agentwatch; of a binary one whether it speaks of it.
#[must_use]
pub fn starts_us(launcher: &Launcher) -> bool {
    line(launcher).is_some() || is_binary(launcher) && launcher.text.contains("agentwatch")
}

/// The files that must exist before launchd can start it, and the folders of its logs.
#[must_use]
pub fn needs(launcher: &Launcher) -> Vec<String> {
    let text = bare(&launcher.text);
    let program = value(&text, "ProgramArguments").and_then(|words| strings(words).next());
    let folder = |key| Some(plain(value(&text, key)?).rsplit_once('/')?.0.to_owned());
    let mut needs: Vec<String> = ["StandardOutPath", "StandardErrorPath"]
        .into_iter()
        .filter_map(folder)
        .chain(program)
        .filter(|path| path.starts_with('/'))
        .collect();
    needs.sort();
    needs.dedup();
    needs
}

/// Everything that is to be said of one that starts agentwatch.
#[must_use]
pub fn judge(launcher: &Launcher, usual: Duration) -> Vec<Finding> {
    let mut judged = Judged::of("launchd", launcher);
    if is_binary(launcher) {
        let fix = format!("plutil -convert xml1 '{}'; launchd reads both", launcher.path);
        judged.look("it is binary, which is not read here", fix);
        return judged.done();
    }
    let Some(line) = line(launcher) else { return Vec::new() };
    let text = &bare(&launcher.text);
    judged.line("", &line, &launcher.ground);
    domain(&mut judged, launcher, text);
    starts(&mut judged, launcher, &line, text);
    let number = |key| value(text, key).and_then(|text| text.parse().ok()).map(Duration::from_secs);
    // Zero is for ever.
    let theirs = number("ExitTimeOut").unwrap_or(EXIT_DEFAULT);
    let theirs = if theirs.is_zero() { Duration::MAX } else { theirs };
    let ours = launcher.stop_timeout(&line, usual);
    judged.stops("", (theirs, ours), |seconds| {
        format!("<key>ExitTimeOut</key> <integer>{seconds}</integer>")
    });
    if !line.vars.iter().any(|(name, _)| name == "PATH") {
        judged.look(
            "no PATH: launchd's is /usr/bin:/bin:/usr/sbin:/sbin",
            "EnvironmentVariables with the PATH of your shell",
        );
    }
    judged.done()
}

/// Who it is and when it lives.
fn domain(judged: &mut Judged, launcher: &Launcher, text: &str) {
    let path = launcher.path.as_str();
    let daemon = path.contains("/LaunchDaemons/");
    let user = value(text, "UserName");
    if !daemon && user.is_some() {
        judged.bites(
            "UserName means nothing in the domain of a user (gui/UID)",
            "move it to /Library/LaunchDaemons and bootstrap it into system",
        );
    }
    if daemon && value(text, "LimitLoadToSessionType").is_some() {
        judged.bites(
            "the domain system has no sessions, so it is never loaded",
            "remove LimitLoadToSessionType, or bootstrap it into gui/UID",
        );
    }
    let paths = ["StandardOutPath", "StandardErrorPath", "WorkingDirectory"];
    let mut paths = paths.into_iter().filter_map(|key| value(text, key));
    if daemon && user.is_none() && paths.clone().any(|path| path.starts_with("/Users/")) {
        judged.bites(
            "an agent of a user among the daemons: it runs as root in the folders of a user",
            "move it to ~/Library/LaunchAgents and bootstrap it into gui/UID, or add UserName",
        );
    }
    if paths.any(|path| path.starts_with('~')) {
        judged.bites("launchd knows no ~ in a path", "write the path in full");
    }
    if let Some((owner, mode)) = launcher.ground.owner
        && path.starts_with("/Library/")
        && (owner != 0 || mode & 0o022 != 0)
    {
        judged.bites(
            "it is not root's alone to write, so launchd refuses to load it",
            format!("sudo chown root:wheel '{path}' && sudo chmod 644 '{path}'"),
        );
    }
}

/// What starts it, and what starts it again.
fn starts(judged: &mut Judged, launcher: &Launcher, line: &Line, text: &str) {
    let keep = value(text, "KeepAlive").filter(|keep| *keep != "false/");
    let holds = launcher.holds(line) == Some(true);
    if keep == Some("true/") || keep.is_some() && !holds {
        let words = "KeepAlive starts a given-up or finished agent again and again";
        let fix = "--on-escalate hold, and KeepAlive with SuccessfulExit false";
        if holds { judged.look(words, fix) } else { judged.bites(words, fix) }
    }
    let others =
        ["StartInterval", "StartCalendarInterval", "WatchPaths", "QueueDirectories", "Sockets"];
    let begins = value(text, "RunAtLoad") == Some("true/");
    if keep.is_none() && !begins && !others.iter().any(|key| value(text, key).is_some()) {
        judged.bites(
            "neither RunAtLoad nor KeepAlive, so nothing starts it",
            "<key>RunAtLoad</key> <true/>, and KeepAlive with SuccessfulExit false",
        );
    } else if keep.is_none() {
        judged.look(
            "no KeepAlive, so a crash of agentwatch leaves the agent down",
            "KeepAlive with SuccessfulExit false",
        );
    }
}
