//! The name of an agent: which are valid, and which one a command gives by itself (SPEC §10). Pure.

use std::ffi::OsString;
use std::fmt;

/// The most bytes of a name; with the names of day files it stays far from any file system's 255.
const NAME_MAX: usize = 64;

/// Whether `name` matches `[A-Za-z0-9_][A-Za-z0-9._-]{0,63}`: a safe folder name on every system,
/// never hidden, never taken for a flag.
#[must_use]
pub fn is_valid(name: &str) -> bool {
    name.len() <= NAME_MAX
        && name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && name.chars().all(fits)
}

/// The folder of reports in a state directory, which is no agent's.
pub const REPORTS: &str = "reports";

/// What is wrong with an agent that is called so.
pub const RESERVED_WORDS: &str = "is where reports are kept";

/// Whether no agent may be called so, as its folder is another's.
#[must_use]
pub fn is_reserved(name: &str) -> bool {
    // Some file systems take capitals for the same.
    name.eq_ignore_ascii_case(REPORTS)
}

fn fits(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
}

/// Why a command gives no name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameError {
    /// The code stands on the command line, as in `sh -c …`.
    Inline {
        /// The interpreter and its flag: `sh -c`.
        what: String,
    },
    /// It gives a name that no agent may have.
    Reserved {
        /// The name.
        name: String,
    },
    /// Nothing of the program's name could stand in a name.
    Unusable {
        /// The program or script as written.
        what: String,
    },
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inline { what } => {
                let what = super::error::one_line(what);
                write!(f, "{what} gives no name to the agent")
            }
            Self::Reserved { name } => {
                write!(f, "the command gives the name {name}, which {RESERVED_WORDS}")
            }
            Self::Unusable { what } => {
                let what = super::error::one_line(what);
                write!(f, "\"{what}\" gives no name to the agent")
            }
        }
    }
}

impl std::error::Error for NameError {}

/// What a command is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Derived {
    /// The name that it gives.
    pub name: String,
    /// The script as a path with a slash, or the program as it was written: without a slash where `PATH`
    /// or a launcher finds it.
    pub subject: String,
}

/// Derives the name from the command: the stem of the script behind an interpreter, else of the
/// program, looking through what only launches it (`env`, `nohup`, `uv run`, `npx` …).
///
/// # Errors
/// Code on the command line (`sh -c`), or a name without any letter or digit that fits.
pub fn derive(command: &[OsString]) -> Result<Derived, NameError> {
    let words: Vec<_> = command.iter().map(|word| word.to_string_lossy()).collect();
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    let mut rest = words.as_slice();
    // Ends: each turn but the last drops at least the launcher's own word.
    while let Some((program, args)) = rest.split_first() {
        let base = base(program);
        if let Some(name) = container(base, args) {
            return name;
        }
        if let Some(launcher) = LAUNCHERS.iter().find(|launcher| launcher.is(base, args)) {
            let inner = launcher.inner(args);
            match inner.first() {
                // `uv run -m pkg.mod`
                Some(&"-m" | &"--module") if inner.len() > 1 => return module(inner[1]),
                Some(_) => {
                    rest = inner;
                    continue;
                }
                // A launcher with nothing to launch is the program.
                None => return derived(stem(base), program),
            }
        }
        // `python3.11` and `lua5.4` are python and lua, `npx tsx@latest` is tsx.
        let plain = base.split_once('@').map_or(base, |(name, _)| name);
        let plain = plain.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
        let interpreter = INTERPRETERS.iter().find(|one| one.names.contains(&plain));
        return interpreter
            .map_or_else(|| executed(program), |one| one.script(base, program, args));
    }
    Err(NameError::Unusable { what: String::new() })
}

/// A program that only starts another one.
struct Launcher {
    name: &'static str,
    /// Words that must follow for it to be one: `run` of `uv run`. Empty: none.
    verb: &'static [&'static str],
    /// Single letters and long names of options that take the next word as their value.
    values: &'static [&'static str],
    /// Words of its own behind the options: the duration of `timeout`.
    own: usize,
}

impl Launcher {
    fn is(&self, base: &str, args: &[&str]) -> bool {
        self.name == base && args.starts_with(self.verb)
    }

    /// The words from the launched program on.
    fn inner<'a, 'b>(&self, args: &'a [&'b str]) -> &'a [&'b str] {
        let mut rest = args.get(self.verb.len()..).unwrap_or_default();
        while let [word, tail @ ..] = rest {
            if *word == "--" {
                rest = tail;
                break;
            }
            // `uv run -m`, which is as good as a program.
            if self.name == "uv" && matches!(*word, "-m" | "--module") {
                return rest;
            }
            let assigns = self.name == "env" && word.contains('=');
            if !word.starts_with('-') && !assigns {
                break;
            }
            rest = if takes_next(word, self.values) {
                tail.get(1..).unwrap_or_default()
            } else {
                tail
            };
        }
        rest.get(self.own..).unwrap_or_default()
    }
}

/// Whether the option `word` takes the next word: `-u`, `--unset`, but not `--unset=X` or `-uX`.
fn takes_next(word: &str, values: &[&str]) -> bool {
    word.strip_prefix("--").or_else(|| word.strip_prefix('-')).is_some_and(|o| values.contains(&o))
}

const fn launcher(
    name: &'static str,
    verb: &'static [&'static str],
    values: &'static [&'static str],
) -> Launcher {
    Launcher { name, verb, values, own: 0 }
}

/// The options of `uv run` that take a value (uv's reference, those of everyday use).
const UV: &[&str] = &[
    "p",
    "python",
    "w",
    "with",
    "with-editable",
    "with-requirements",
    "extra",
    "group",
    "package",
    "project",
    "directory",
    "env-file",
    "index",
    "index-url",
    "extra-index-url",
    "config-file",
    "no-group",
    "only-group",
    "no-extra",
    "cache-dir",
    "color",
    "from",
];

const LAUNCHERS: &[Launcher] = &[
    launcher("env", &[], &["u", "unset", "C", "chdir"]),
    launcher("nohup", &[], &[]),
    launcher("setsid", &[], &[]),
    launcher("nice", &[], &["n", "adjustment"]),
    launcher("ionice", &[], &["c", "class", "n", "classdata"]),
    launcher("stdbuf", &[], &["i", "input", "o", "output", "e", "error"]),
    launcher("time", &[], &["f", "format", "o", "output"]),
    Launcher { own: 1, ..launcher("timeout", &[], &["k", "kill-after", "s", "signal"]) },
    launcher("caffeinate", &[], &["t", "w"]),
    launcher("sudo", &[], &["u", "user", "g", "group", "C", "D", "h", "p", "r", "t", "T"]),
    launcher("doas", &[], &["u", "C"]),
    launcher("tini", &[], &["p", "e"]),
    launcher("chrt", &[], &["T", "P", "D"]),
    launcher("taskset", &[], &[]),
    launcher("systemd-run", &[], &["u", "unit", "p", "property", "E", "setenv", "slice", "M"]),
    launcher("systemd-inhibit", &[], &["what", "who", "why", "mode"]),
    launcher("xvfb-run", &[], &["n", "s", "server-args", "e", "f", "w"]),
    launcher("exec", &[], &["a"]),
    launcher("dumb-init", &[], &["r", "rewrite"]),
    launcher("uv", &["run"], UV),
    launcher("uv", &["tool", "run"], UV),
    launcher("uvx", &[], UV),
    launcher("pipx", &["run"], &["spec", "python", "index-url", "i", "pip-args"]),
    launcher("hatch", &["run"], &[]),
    launcher("poetry", &["run"], &["C", "directory", "P", "project"]),
    launcher("pipenv", &["run"], &[]),
    launcher("pdm", &["run"], &[]),
    launcher("rye", &["run"], &[]),
    launcher("pixi", &["run"], &["e", "environment"]),
    launcher("conda", &["run"], &["n", "name", "p", "prefix", "cwd"]),
    launcher("npx", &[], &["p", "package", "c", "call"]),
    launcher("bunx", &[], &["p", "package"]),
    launcher("bun", &["x"], &["p", "package"]),
    launcher("bundle", &["exec"], &[]),
    launcher("op", &["run"], &["env-file", "account"]),
    launcher("doppler", &["run"], &["p", "project", "c", "config", "t", "token"]),
    launcher("dotenvx", &["run"], &["f", "env-file"]),
    launcher("dotenv", &["run"], &[]),
    launcher("dotenv", &[], &["f", "file", "e", "c", "v"]),
    launcher("pnpm", &["dlx"], &["package"]),
    launcher("pnpm", &["exec"], &[]),
    launcher("yarn", &["dlx"], &["p", "package"]),
    launcher("npm", &["exec"], &["p", "package"]),
    // The script of a package.json, which says more than `npm`.
    launcher("npm", &["run"], &["w", "workspace"]),
    launcher("pnpm", &["run"], &["filter"]),
    launcher("yarn", &["run"], &[]),
];

/// A program that runs a script.
struct Interpreter {
    /// Its names without a version.
    names: &'static [&'static str],
    /// A word before the script: `run` of `deno run`.
    verbs: &'static [&'static str],
    /// Letters that may be bundled (`-uO`) and of which these take a value.
    letters: &'static str,
    /// Long options whose value is the next word.
    values: &'static [&'static str],
    /// Letters and long options behind which the code itself stands.
    code: &'static [&'static str],
    /// Whether `-m` names a module.
    modules: bool,
}

const SHELL: Interpreter = Interpreter {
    names: &["sh", "bash", "zsh", "dash", "ksh", "ash", "fish"],
    verbs: &[],
    letters: "oO",
    values: &["rcfile", "init-file"],
    code: &["c", "command"],
    modules: false,
};

const INTERPRETERS: &[Interpreter] = &[
    SHELL,
    Interpreter {
        names: &["python", "pypy", "pythonw"],
        letters: "WX",
        values: &["check-hash-based-pycs"],
        code: &["c"],
        modules: true,
        ..SHELL
    },
    Interpreter {
        names: &["node", "nodejs", "tsx", "ts-node"],
        verbs: &["watch"],
        letters: "rC",
        values: &["require", "import", "loader", "experimental-loader", "conditions"],
        code: &["e", "eval", "p", "print", "pe"],
        ..SHELL
    },
    Interpreter {
        names: &["deno", "bun"],
        verbs: &["run"],
        letters: "cr",
        values: &["config", "import-map", "preload", "cwd"],
        code: &["e", "eval", "p", "print"],
        ..SHELL
    },
    Interpreter {
        names: &["ruby", "perl"],
        letters: "ICr",
        values: &[],
        code: &["e", "E"],
        ..SHELL
    },
    Interpreter { names: &["php"], letters: "cd", values: &[], code: &["r"], ..SHELL },
    Interpreter { names: &["lua", "luajit"], letters: "l", values: &[], code: &["e"], ..SHELL },
];

impl Interpreter {
    /// The name that the first word after the options gives, or the interpreter's own without one.
    fn script(&self, base: &str, program: &str, args: &[&str]) -> Result<Derived, NameError> {
        let mut rest = args;
        if let [verb, tail @ ..] = rest
            && self.verbs.contains(verb)
        {
            rest = tail;
        }
        while let [word, tail @ ..] = rest {
            let Some(option) = word.strip_prefix('-') else {
                return script(word);
            };
            // `python -` reads the program from stdin.
            if option.is_empty() {
                break;
            }
            if option == "-" {
                return tail.first().map_or_else(|| derived(base, program), |word| script(word));
            }
            let long = option.strip_prefix('-');
            if self.code.contains(&long.unwrap_or(option)) {
                return Err(NameError::Inline { what: format!("{base} {word}") });
            }
            let mut used = usize::from(long.is_some_and(|long| self.values.contains(&long)));
            for (at, letter) in option.char_indices().take_while(|_| long.is_none()) {
                let value = &option[at + letter.len_utf8()..];
                if self.modules && letter == 'm' {
                    let name = if value.is_empty() { tail.first().copied() } else { Some(value) };
                    return name.map_or_else(|| derived(base, program), module);
                }
                if self.code.contains(&&option[at..at + letter.len_utf8()]) {
                    return Err(NameError::Inline { what: format!("{base} -{letter}") });
                }
                if self.letters.contains(letter) {
                    used = usize::from(value.is_empty());
                    break;
                }
            }
            rest = tail.get(used..).unwrap_or_default();
        }
        derived(base, program)
    }
}

/// A container is named by who runs it: the image says little, and finding it among a hundred options
/// would be guessing.
fn container(base: &str, args: &[&str]) -> Option<Result<Derived, NameError>> {
    let engine = ["docker", "podman", "nerdctl"].contains(&base);
    let verb = args.iter().find(|arg| !arg.starts_with('-'))?;
    if !engine || !["run", "exec", "compose", "container"].contains(verb) {
        return None;
    }
    let named = args.iter().enumerate().find_map(|(at, arg)| match arg.strip_prefix("--name") {
        Some("") => args.get(at + 1).copied(),
        Some(rest) => rest.strip_prefix('='),
        None => None,
    });
    Some(match named {
        Some(name) => derived(name, base),
        None => Err(NameError::Inline { what: format!("{base} {verb}") }),
    })
}

fn derived(stem: &str, subject: &str) -> Result<Derived, NameError> {
    Ok(Derived { name: clean(stem)?, subject: subject.to_owned() })
}

/// A program, or a script that is one.
fn executed(program: &str) -> Result<Derived, NameError> {
    if program.strip_suffix(".py").is_some() {
        script(program)
    } else {
        derived(stem(base(program)), program)
    }
}

fn script(path: &str) -> Result<Derived, NameError> {
    let file = path.strip_suffix("/__main__.py").unwrap_or(path);
    let file = file.strip_suffix(".py").unwrap_or(file);
    let subject = if file.contains('/') { file.to_owned() } else { format!("./{file}") };
    Ok(Derived { name: clean(stem(base_of_script(path)))?, subject })
}

/// `python -m pkg.mod` runs pkg/mod.py, so it is named as `python pkg/mod.py` would be: `mod`. Only
/// `__main__`, which nobody chose, gives way to its package.
fn module(name: &str) -> Result<Derived, NameError> {
    let name = name.strip_suffix(".__main__").unwrap_or(name);
    let subject = format!("./{}", name.replace('.', "/"));
    derived(name.rsplit('.').next().unwrap_or(name), &subject)
}

/// The last part of a path.
fn base(path: &str) -> &str {
    path.trim_end_matches('/').rsplit('/').next().unwrap_or(path)
}

/// As [`base`], but `pkg/__main__.py` goes by its folder, as `python -m pkg` does.
fn base_of_script(path: &str) -> &str {
    match path.strip_suffix("/__main__.py") {
        Some(folder) => base(folder),
        None => base(path),
    }
}

/// Without the extension, and without the version of an npm package (`tool@1.2`). A number is no
/// extension: `agent-1.2` stays.
fn stem(base: &str) -> &str {
    let base = base.split_once('@').map_or(base, |(name, _)| name);
    match base.rsplit_once('.') {
        Some((stem, extension))
            if !stem.is_empty() && extension.starts_with(|c: char| c.is_ascii_alphabetic()) =>
        {
            stem
        }
        _ => base,
    }
}

/// Makes a valid name of `text`: what does not fit becomes `-`, and none stands at an end.
fn clean(text: &str) -> Result<String, NameError> {
    let fitted: String = text.chars().map(|c| if fits(c) { c } else { '-' }).collect();
    let fitted = fitted.trim_start_matches(['-', '.']);
    let name = fitted[..fitted.len().min(NAME_MAX)].trim_end_matches(['-', '.']);
    if is_valid(name) {
        Ok(name.to_owned())
    } else {
        Err(NameError::Unusable { what: text.to_owned() })
    }
}

#[cfg(test)]
mod tests;
