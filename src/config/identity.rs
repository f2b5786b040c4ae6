//! Whether two commands are one agent, or strangers whose commands give the same name. Pure.

use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

use super::error::one_line;
use super::name;

/// Where a command was started, and what it was.
#[derive(Clone, Copy, Debug)]
pub struct Who<'a> {
    /// The working directory, absolute.
    pub directory: &'a Path,
    /// The command as typed.
    pub command: &'a [OsString],
}

/// Whether `now` is the agent that `before` was: started in the same place, and the same script or
/// program. Arguments, interpreters and launchers may change.
///
/// A deployment moves an agent from one folder of releases to the next, which is the same place; so is
/// one to which `linked` says that a symlink leads.
#[must_use]
pub fn is_same(before: Who<'_>, now: Who<'_>, linked: impl Fn(&Path) -> bool) -> bool {
    if !is_same_place(before.directory, now.directory, &linked) {
        return false;
    }
    // What gives no name was named by hand, and says nothing about who comes now.
    let (Ok(was), Ok(is)) = (name::derive(before.command), name::derive(now.command)) else {
        return true;
    };
    let bare = |subject: &str| !subject.contains('/');
    // `uv run trader` and `.venv/bin/trader` are one, as far as anybody can tell.
    if bare(&was.subject) || bare(&is.subject) {
        return was.name == is.name;
    }
    let (was, is) = (before.directory.join(was.subject), now.directory.join(is.subject));
    is_same_place(&was, &is, &linked)
}

/// The words for a stranger: both directories, and the way out.
#[must_use]
pub fn refusal(name: &str, before: Who<'_>, now: Who<'_>) -> String {
    let words = |who: Who<'_>| {
        let command: Vec<_> = who.command.iter().map(|word| word.to_string_lossy()).collect();
        one_line(&command.join(" "))
    };
    format!(
        "{name}: that name belongs to \"{}\" in {}, and this is \"{}\" in {}; name this one: --name OTHER, \
         or let it take that one's place: --name {name}",
        words(before),
        before.directory.display(),
        words(now),
        now.directory.display(),
    )
}

/// The same path, or the same but for one folder that stands for a release.
fn is_same_place(before: &Path, now: &Path, linked: &impl Fn(&Path) -> bool) -> bool {
    let parts = |path: &Path| path.components().map(|part| part.as_os_str().to_owned()).collect();
    let (was, is): (Vec<OsString>, Vec<OsString>) = (parts(before), parts(now));
    let same = was.iter().zip(&is).take_while(|(was, is)| was == is).count();
    if was.len() != is.len() || was.iter().skip(same + 1).ne(is.iter().skip(same + 1)) {
        return false;
    }
    let (Some(old), Some(new)) = (was.get(same), is.get(same)) else { return true };
    let above: PathBuf = now.components().take(same).collect();
    let holder = above.components().next_back().and_then(|part| match part {
        Component::Normal(name) => name.to_str(),
        _ => None,
    });
    let (old, new) = (old.to_string_lossy(), new.to_string_lossy());
    let numbered = |name: &str| name.bytes().any(|byte| byte.is_ascii_digit());
    let held = holder.is_some_and(|holder| HOLDERS.contains(&holder));
    // Two words in one folder are two agents: `deploy/trader` and `deploy/crawler`.
    held && numbered(&old) && numbered(&new)
        || are_releases(&old, &new)
        || linked(&above.join(new.as_ref()))
}

/// Folders that hold one release beside the other, by the tools that make them.
const HOLDERS: [&str; 12] = [
    "release",
    "releases",
    "version",
    "versions",
    "deploy",
    "deploys",
    "deployments",
    "build",
    "builds",
    "revision",
    "revisions",
    "slots",
];

/// Whether two names tell releases of one thing apart: dates, versions or commits, with the same words
/// before them. A short number alone is none: `bot1` and `bot2` are two bots.
fn are_releases(old: &str, new: &str) -> bool {
    let word =
        |name: &str| name.len() - name.trim_start_matches(|c: char| !c.is_ascii_digit()).len();
    let is_release = |mark: &str| {
        let digits = mark.bytes().filter(u8::is_ascii_digit).count();
        let plain = mark.bytes().all(|byte| byte.is_ascii_hexdigit() || b".-_".contains(&byte));
        plain && (mark.contains('.') && digits > 1 || digits >= DATE_DIGITS)
    };
    let is_commit = |name: &str| {
        COMMIT_LENGTH <= name.len()
            && name.bytes().all(|byte| byte.is_ascii_hexdigit())
            && name.bytes().any(|byte| byte.is_ascii_digit())
    };
    if is_commit(old) && is_commit(new) {
        return true;
    }
    let (before, after) = (old.split_at(word(old)), new.split_at(word(new)));
    before.0 == after.0 && is_release(before.1) && is_release(after.1)
}

/// The digits of a date: `261122`.
const DATE_DIGITS: usize = 6;

/// The letters of an abbreviated commit.
const COMMIT_LENGTH: usize = 7;

#[cfg(test)]
mod tests {
    use super::*;

    fn same(before: (&str, &str), now: (&str, &str), link: &str) -> bool {
        let words = |command: &str| command.split(' ').map(OsString::from).collect::<Vec<_>>();
        let (was, is) = (words(before.1), words(now.1));
        let before = Who { directory: Path::new(before.0), command: &was };
        let now = Who { directory: Path::new(now.0), command: &is };
        is_same(before, now, |path| path == Path::new(link))
    }

    #[test]
    fn flags_and_interpreters_may_change_and_the_script_may_not() {
        for (before, now, expected) in [
            ("python agent.py", "python agent.py", true),
            ("python agent.py", "python3.12 -u agent.py --fast", true),
            ("python agent.py", "uv run agent.py", true),
            ("python agent.py", "python -m agent", true),
            ("python agent.py", "python /srv/a/agent.py", true),
            ("python agent.py", "nice ./agent.py", true),
            ("uv run trader", ".venv/bin/trader --live", true),
            ("npx trader", "trader", true),
            ("python agent.py", "node agent.js", false),
            ("python agent.py", "python old/agent.py", false),
            ("./agent", "./bin/agent", false),
            // Named by hand before.
            ("sh -c x", "python agent.py", true),
        ] {
            assert_eq!(same(("/srv/a", before), ("/srv/a", now), ""), expected, "{before} → {now}");
        }
    }

    #[test]
    fn another_directory_is_another_agent_and_the_next_release_is_not() {
        for (before, now, link, expected) in [
            ("/srv/a", "/srv/a", "", true),
            ("/srv/a", "/srv/b", "", false),
            ("/srv/a", "/srv/a/b", "", false),
            ("/home/me/bot1", "/home/me/bot2", "", false),
            ("/home/me/bots/1", "/home/me/bots/2", "", false),
            ("/srv/app/releases/41", "/srv/app/releases/42", "", true),
            ("/srv/app/releases/41/bots", "/srv/app/releases/42/bots", "", true),
            ("/srv/app/releases/41/bots", "/srv/app/releases/42/cats", "", false),
            ("/srv/deploy/trader", "/srv/deploy/crawler", "", false),
            ("/srv/one/releases/41", "/srv/two/releases/41", "", false),
            ("/srv/app-1.2.3", "/srv/app-1.10.0", "", true),
            ("/srv/app-1.2.3", "/srv/cat-1.10.0", "", false),
            ("/opt/20261122093000/x", "/opt/20261123093000/x", "", true),
            ("/opt/2026-11-22", "/opt/2026-11-23", "", true),
            ("/opt/9f3c2ab/x", "/opt/77aa01f/x", "", true),
            ("/opt/feedbed", "/opt/decade7", "", false),
            ("/srv/blue", "/srv/green", "/srv/green", true),
            ("/srv/blue", "/srv/green", "/srv/blue", false),
        ] {
            let command = "python agent.py";
            assert_eq!(same((before, command), (now, command), link), expected, "{before} → {now}");
        }
        // A script that is named by its whole path moves with the release, too.
        let (old, new) = ("python /srv/releases/1/agent.py", "python /srv/releases/2/agent.py");
        assert!(same(("/", old), ("/", new), ""));
    }

    #[test]
    fn a_stranger_learns_both_directories_and_the_way_out() {
        let command: Vec<OsString> = vec!["python".into(), "agent.py".into()];
        let who = |directory| Who { directory: Path::new(directory), command: &command };
        let words = refusal("agent", who("/a"), who("/b"));
        for part in ["\"python agent.py\" in /a", "in /b", "--name OTHER", "--name agent"] {
            assert!(words.contains(part), "{words}");
        }
    }
}
