//! Terminals: whether one is there, whether a person wants colour on it, and who has it.

use std::fs::{File, OpenOptions};
use std::io::IsTerminal as _;
use std::os::unix::fs::OpenOptionsExt as _;

use nix::libc;
use nix::sys::termios::{SetArg, Termios, tcgetattr, tcsetattr};
use nix::unistd::{getpgrp, getpid, getsid, tcgetpgrp, tcsetpgrp};

use super::tree;

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
    let dumb = || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    is_terminal(fd) && !set("NO_COLOR") && !dumb()
}

/// How many columns a terminal at our stdin, stdout or stderr has; `None` if there is none there. One that
/// does not say has the 80 of old.
#[must_use]
pub fn width(fd: i32) -> Option<usize> {
    size(fd).map(|(columns, _)| usize::from(columns))
}

/// How many columns and lines a terminal at our stdin, stdout or stderr has; `None` if there is none there.
/// One that does not say has the 80 and 24 of old.
#[must_use]
pub fn size(fd: i32) -> Option<(u16, u16)> {
    nix::ioctl_read_bad!(window, libc::TIOCGWINSZ, libc::winsize);
    if !is_terminal(fd) {
        return None;
    }
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    #[expect(unsafe_code, reason = "nix wraps no such call")]
    // SAFETY: the kernel fills in the four numbers, and only if it knows them.
    let asked = unsafe { window(fd, &raw mut size) };
    let told = |number: u16, of_old: u16| if asked.is_ok() && 0 < number { number } else { of_old };
    Some((told(size.ws_col, 80), told(size.ws_row, 24)))
}

/// Whether a person sits there: stdin and stderr are terminals and we are in the foreground.
#[must_use]
pub fn is_foreground() -> bool {
    is_terminal(0) && is_terminal(2) && tcgetpgrp(std::io::stdin()).ok() == Some(getpgrp())
}

/// Whether this process leads its session: of a terminal that hangs up the kernel tells the leader alone,
/// while everything that is typed goes to a whole group.
#[must_use]
pub fn leads_session() -> bool {
    getsid(None).ok() == Some(getpid())
}

/// The controlling terminal of this process.
#[derive(Debug)]
pub struct Terminal {
    file: File,
    /// How it was set when the child was started.
    modes: Option<Termios>,
}

impl Terminal {
    /// The controlling terminal; none under systemd, in a container without `-t`, in a cron job.
    #[must_use]
    pub fn open() -> Option<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).custom_flags(libc::O_NOCTTY | libc::O_NONBLOCK);
        let file = options.open("/dev/tty").ok()?;
        Some(Self { file, modes: None })
    }

    /// Whether our process group has it: what is typed goes to us, and so does Ctrl-C.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        tcgetpgrp(&self.file).ok() == Some(getpgrp())
    }

    /// Remembers how it is set, for [`Self::restore`].
    pub fn remember(&mut self) {
        self.modes = tcgetattr(&self.file).ok();
    }

    /// Takes it back from a group of which nobody is left, as a shell that had job control leaves it
    /// when it is killed. From the living nothing is taken: a shell may have put us into the background.
    pub fn take_back(&self) {
        let Ok(group) = tcgetpgrp(&self.file) else { return };
        if group != getpgrp() && !tree::group_alive(group.as_raw()) {
            // TTOU, which a background process gets for this, is blocked (`signals`).
            let _ = tcsetpgrp(&self.file, getpgrp());
        }
    }

    /// Sets it as it was when the child was started: who is killed in the middle of an editor cannot do
    /// so. Only if it is ours.
    pub fn restore(&self) {
        if let Some(modes) = self.modes.as_ref().filter(|_| self.is_ours()) {
            // Not after the output has drained: that may never be (Ctrl-S).
            let _ = tcsetattr(&self.file, SetArg::TCSANOW, modes);
        }
    }
}

/// Whether the locale is one of UTF-8; where nobody says, it usually is.
#[must_use]
pub fn speaks_unicode() -> bool {
    let named = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    named.is_none_or(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}
