//! Signals as people write them, by name or number, for every system that has them. Pure.

use crate::core::signal::Signal;

/// A signal that is not yet bound to the numbers of one system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    linux: i32,
    bsd: i32,
}

impl Written {
    /// The signal on this machine; `bsd` says that its numbers are BSD's, as on macOS.
    #[must_use]
    pub fn here(self, bsd: bool) -> Signal {
        Signal(if bsd { self.bsd } else { self.linux })
    }
}

/// Signals that can ask a process to end, by name, with their number on Linux (signal(7)) and on
/// BSD and macOS (`sys/signal.h`). Others can be given as a number.
const STOPS: [(&str, i32, i32); 10] = [
    ("TERM", 15, 15),
    ("INT", 2, 2),
    ("QUIT", 3, 3),
    ("HUP", 1, 1),
    ("USR1", 10, 30),
    ("USR2", 12, 31),
    ("KILL", 9, 9),
    ("ABRT", 6, 6),
    ("ALRM", 14, 14),
    ("WINCH", 28, 28),
];

/// The others by which a process may die, as above.
const FAULTS: [(&str, i32, i32); 12] = [
    ("SEGV", 11, 11),
    ("BUS", 7, 10),
    ("FPE", 8, 8),
    ("ILL", 4, 4),
    ("TRAP", 5, 5),
    ("SYS", 31, 12),
    ("PIPE", 13, 13),
    ("XCPU", 24, 24),
    ("XFSZ", 25, 25),
    ("VTALRM", 26, 26),
    ("PROF", 27, 27),
    ("IO", 29, 23),
];

/// The last real-time signal of Linux.
const MAX: i32 = 64;

/// The names of the signals that can ask a process to end.
pub fn stop_names() -> impl Iterator<Item = &'static str> {
    STOPS.iter().map(|(name, ..)| *name)
}

/// A signal that can ask a process to end, or any by its number; with the text that stands for it on
/// every system.
#[must_use]
pub fn stop(text: &str) -> Option<(Written, String)> {
    read(text, &STOPS)
}

/// Any signal by which a process may die.
#[must_use]
pub fn deadly(text: &str) -> Option<(Written, String)> {
    read(text, &STOPS).or_else(|| read(text, &FAULTS))
}

fn read(text: &str, known: &[(&str, i32, i32)]) -> Option<(Written, String)> {
    let upper = text.to_ascii_uppercase();
    let short = upper.strip_prefix("SIG").unwrap_or(&upper);
    if let Some((name, linux, bsd)) = known.iter().find(|(name, ..)| *name == short) {
        return Some((Written { linux: *linux, bsd: *bsd }, (*name).to_owned()));
    }
    let number = text.parse::<i32>().ok().filter(|number| (1..=MAX).contains(number))?;
    let named = known.iter().find(|(_, linux, bsd)| *linux == number && *bsd == number);
    let shown = named.map_or_else(|| number.to_string(), |(name, ..)| (*name).to_owned());
    Some((Written { linux: number, bsd: number }, shown))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_may_die_of_more_than_can_be_asked_of_it() {
        for (text, stops, linux, bsd) in [
            ("SIGKILL", true, 9, 9),
            ("segv", false, 11, 11),
            ("BUS", false, 7, 10),
            ("33", true, 33, 33),
        ] {
            assert_eq!(stop(text).is_some(), stops, "{text}");
            let (signal, _) = deadly(text).unwrap();
            assert_eq!((signal.here(false).0, signal.here(true).0), (linux, bsd), "{text}");
        }
        for text in ["", "0", "65", "-9", "SIG", "BANANA"] {
            assert!(deadly(text).is_none(), "{text}");
        }
    }
}
