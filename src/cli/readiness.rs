//! What only a look at the system tells of the settings of `state`: said before anything starts, and not in
//! the night when it is needed.

use std::ffi::OsStr;
use std::path::Path;

use crate::config::Resolved;
use crate::core::validation::StateFile;
use crate::sys::file::{self, Kind};
use crate::sys::program;
use crate::wire::errand::FILES_MAX;

use super::{EXIT_CONFIG, Failure};

/// Looks at the hook and at the state files.
///
/// # Errors
/// A hook that cannot be executed, a state file that is none, in words with the way out.
pub fn look_at_state(resolved: &Resolved) -> Result<(), Failure> {
    let refuse = |key: &str, words: String| {
        let origin = resolved.values.iter().find(|value| value.key.path == key);
        let origin = origin.map(|value| value.origin.to_string()).unwrap_or_default();
        Err(Failure::new(EXIT_CONFIG, format_args!("{words} ({key} of {origin})")))
    };
    let cwd = resolved.cwd.as_deref();
    if let Some(hook) = &resolved.hook
        && let Some(program) = program_of(hook.iter().map(AsRef::as_ref))
        && let Err(words) = program::look_up(program, cwd)
    {
        return refuse("state.validate", words);
    }
    if !resolved.state_files.is_empty() && resolved.state_dir.to_str().is_none() {
        let dir = resolved.state_dir.display();
        return refuse(
            "state_dir",
            format!("{dir}: is not UTF-8, as state.files asks for; set another"),
        );
    }
    let length = serde_json::to_vec(&resolved.state_files).map_or(0, |files| files.len());
    if FILES_MAX < length {
        let words = format!(
            "too many paths: {length} bytes of at most {FILES_MAX}; use patterns (\"dir/*.json\")"
        );
        return refuse("state.files", words);
    }
    for file in resolved.state_files.iter().filter(|file| !file.glob) {
        if let Some(words) = unfit(file) {
            return refuse("state.files", words);
        }
    }
    Ok(())
}

/// The program of a hook, where that can be told: of a line for the shell it is its first word, if it is
/// the path of a file and nothing that the shell makes something else of.
fn program_of<'a>(mut argv: impl Iterator<Item = &'a OsStr>) -> Option<&'a OsStr> {
    let program = argv.next()?;
    let (first, line) = (argv.next(), argv.next());
    if program != "/bin/sh" || first != Some(OsStr::new("-c")) {
        return Some(program);
    }
    let word = line?.to_str()?.split_whitespace().next()?;
    let plain = |c: char| c.is_alphanumeric() || "/._-+@%,".contains(c);
    (word.contains('/') && word.chars().all(plain)).then(|| OsStr::new(word))
}

/// Why a path can be no state file, if so. One that is not there may come.
fn unfit(file: &StateFile) -> Option<String> {
    let path = Path::new(&file.path);
    let what = match file::kind(path).ok()? {
        Kind::File => return None,
        Kind::Folder => "a folder; list the files in it, as in \"folder/*.json\"".to_owned(),
        Kind::Link => match std::fs::canonicalize(path) {
            Ok(target) => format!("a symlink; list {} itself", target.display()),
            Err(_) => "a symlink that leads nowhere; list a file".to_owned(),
        },
        Kind::Fifo => "a FIFO; list a file".to_owned(),
        Kind::Other => "a device or socket; list a file".to_owned(),
    };
    Some(format!("{}: is {what}", file.path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_of_a_hook_is_told_where_it_is_plain() {
        let of = |argv: &[&str]| {
            program_of(argv.iter().map(OsStr::new)).map(|word| word.to_str().unwrap().to_owned())
        };
        assert_eq!(of(&["./check", "-v"]).as_deref(), Some("./check"));
        assert_eq!(of(&["/bin/sh", "-c", "./check -v | cat"]).as_deref(), Some("./check"));
        for line in ["check", "$HOME/check", "test -f a && b", "X=1 ./check", ""] {
            assert_eq!(of(&["/bin/sh", "-c", line]), None, "{line}");
        }
        assert_eq!(of(&[]), None);
    }
}
