//! What to call a process, from what the kernel keeps of it. Pure.

/// Programs of which the interesting part is what they execute.
const INTERPRETERS: [&str; 12] =
    ["node", "python", "ruby", "perl", "php", "deno", "bun", "bash", "sh", "dash", "zsh", "java"];

/// The longest name, in characters: it stands in lists.
const NAME_MAX: usize = 40;

/// A short name: `git`; and for an interpreter what it runs: `node mcp`, `python -m http.server`.
///
/// `command_line` holds the arguments, each ended by a NUL, as far as they may be read. Of the arguments
/// at most the name of the script is shown: the others may hold secrets.
#[must_use]
pub fn name(comm: &str, command_line: &[u8]) -> String {
    let mut words = command_line.split(|byte| *byte == 0).map(String::from_utf8_lossy);
    let program = words.next().unwrap_or_default();
    let program = base(&program);
    // Threads and programs may rename themselves; the file that was executed is better known.
    let program = if program.is_empty() { comm } else { program };
    let plain = program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    let script = INTERPRETERS.contains(&plain).then(|| script(&mut words)).flatten();
    let name = match script {
        Some(script) => format!("{program} {script}"),
        None => program.to_owned(),
    };
    name.chars().filter(|c| !c.is_control()).take(NAME_MAX).collect()
}

/// The stem of the first argument that is no option; of `-m module` both.
fn script<'a>(words: &mut impl Iterator<Item = std::borrow::Cow<'a, str>>) -> Option<String> {
    let word = words.find(|word| {
        let code = matches!(word.as_ref(), "-m" | "--eval" | "--print");
        let short = word.starts_with('-') && !word.starts_with("--");
        code || short && word.contains(['c', 'e']) || !word.starts_with('-') && !word.is_empty()
    })?;
    // A program on the command line has no name, and may hold anything.
    if word.starts_with('-') && word != "-m" {
        return None;
    }
    if word == "-m" {
        return Some(format!("-m {}", words.next()?));
    }
    let name = base(&word);
    // `sh -c 'a long line'` is no file.
    if name.contains([' ', ';', '|', '&', '=']) {
        return None;
    }
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    Some(if stem.is_empty() { name } else { stem }.to_owned())
}

fn base(path: &str) -> &str {
    path.trim_start_matches('-').rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interpreters_are_called_by_what_they_run() {
        for (comm, line, wanted) in [
            ("git", "git\0fetch\0--quiet\0", "git"),
            (
                "node",
                "/usr/bin/node\0--max-old-space-size=4\0/x/mcp.js\0--key\0s3cret\0",
                "node mcp",
            ),
            ("python3", "python3.11\0-u\0-m\0http.server\0", "python3.11 -m http.server"),
            ("sh", "sh\0-c\0curl -H 'token: x' | tee y\0", "sh"),
            ("bash", "-bash\0", "bash"),
            ("bash", "/bin/bash\0-lc\0git status >/tmp/out\0", "bash"),
            ("node", "node\0--eval\0key=1\0", "node"),
            ("node", "node\0-e\0key=1\0", "node"),
            ("kworker/0:1", "", "kworker/0:1"),
            ("MainThread", "/opt/claude\0-p\0hi\0", "claude"),
            ("node", "node\0.\0", "node ."),
            ("x", "\0\0", "x"),
        ] {
            assert_eq!(name(comm, line.as_bytes()), wanted, "{line:?}");
        }
        assert_eq!(name("x", &[b'y'; 9999]).len(), NAME_MAX);
        assert_eq!(name("x", b"a\x1b[31m\xff"), "a[31m\u{fffd}");
    }
}
