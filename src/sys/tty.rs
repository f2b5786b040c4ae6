//! Terminals: whether one is there and whether a person wants colour on it.

use std::io::IsTerminal as _;

/// Whether our stdin, stdout or stderr (0, 1, 2) is a terminal.
#[must_use]
pub fn is_terminal(fd: i32) -> bool {
    match fd {
        0 => std::io::stdin().is_terminal(),
        1 => std::io::stdout().is_terminal(),
        2 => std::io::stderr().is_terminal(),
        _ => false,
    }
}

/// Whether colour belongs on one of them: a terminal that is not dumb, and no `NO_COLOR`
/// (<https://no-color.org>: set and not empty).
#[must_use]
pub fn colour(fd: i32) -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    is_terminal(fd) && !set("NO_COLOR") && !dumb
}

/// Whether a person sits there: stdin and stderr are terminals and we are in the foreground.
#[must_use]
pub fn is_foreground() -> bool {
    let foreground = nix::unistd::tcgetpgrp(std::io::stdin()).ok();
    is_terminal(0) && is_terminal(2) && foreground == Some(nix::unistd::getpgrp())
}
