//! How an incarnation ended, and what that means: finished, stopped, or a failure.

use super::settings::Policy;
use super::signal::Signal;

/// How a process ended, as far as anyone knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum Ending {
    /// It exited by itself.
    Exit {
        /// Its exit code, 0 to 255.
        code: i32,
    },
    /// A signal ended it.
    Signal {
        /// The number of the signal.
        signal: Signal,
        /// Whether the kernel wrote a core dump.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        core: bool,
    },
    /// Nobody saw it end: agentwatch itself was killed meanwhile, or the machine went down.
    Unknown,
}

impl Ending {
    /// The code that agentwatch leaves with in its place: the child's own, or 128+N.
    ///
    /// An unknown end is 137, as if it had been killed.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Exit { code } => u8::try_from(code & 0xff).unwrap_or(u8::MAX),
            Self::Signal { signal, .. } => u8::try_from(128 + signal.0).unwrap_or(u8::MAX),
            Self::Unknown => 137,
        }
    }
}

/// What a process has used until its end, with the descendants that it had waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Spent {
    /// Time on a CPU, in user and kernel mode.
    pub cpu_ms: u64,
    /// The most memory that any one of them held at a time.
    pub peak_rss_kib: u64,
}

/// What is known of an incarnation when it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    /// It beat at least once.
    pub beaten: bool,
    /// It announced its shutdown.
    pub announced: bool,
}

/// What an end by itself (nobody asked for it) means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The agent is done; agentwatch leaves with the child's code.
    Finished,
    /// An end other than asked or announced.
    Failure,
}

/// Judges an end that nobody asked for (SPEC §2, `--restart`).
#[must_use]
pub fn judge(policy: Policy, ending: Ending, life: Life) -> Verdict {
    let clean = ending == Ending::Exit { code: 0 };
    match policy {
        Policy::Never => Verdict::Finished,
        // Announced, then exit 0: finished, whatever the policy (SPEC §3).
        Policy::Auto | Policy::Always | Policy::OnFailure if clean && life.announced => {
            Verdict::Finished
        }
        // An agent that beats is meant to run for ever.
        Policy::Auto if clean && !life.beaten => Verdict::Finished,
        Policy::OnFailure if clean => Verdict::Finished,
        Policy::Auto | Policy::Always | Policy::OnFailure => Verdict::Failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: Life = Life { beaten: false, announced: false };
    const BEATEN: Life = Life { beaten: true, announced: false };
    const ANNOUNCED: Life = Life { beaten: true, announced: true };

    #[test]
    fn the_policy_table_of_the_spec() {
        use Policy::{Always, Auto, Never, OnFailure};
        use Verdict::{Failure, Finished};
        let zero = Ending::Exit { code: 0 };
        let one = Ending::Exit { code: 1 };
        let killed = Ending::Signal { signal: Signal::KILL, core: false };
        for (policy, ending, life, verdict) in [
            (Auto, zero, QUIET, Finished),
            (Auto, zero, BEATEN, Failure),
            (Auto, zero, ANNOUNCED, Finished),
            (Auto, one, ANNOUNCED, Failure),
            (Auto, one, QUIET, Failure),
            (Auto, killed, QUIET, Failure),
            (Auto, Ending::Unknown, QUIET, Failure),
            (Always, zero, QUIET, Failure),
            (Always, zero, ANNOUNCED, Finished),
            (OnFailure, zero, BEATEN, Finished),
            (OnFailure, one, QUIET, Failure),
            (Never, one, BEATEN, Finished),
            (Never, killed, QUIET, Finished),
        ] {
            assert_eq!(judge(policy, ending, life), verdict, "{policy:?} {ending:?} {life:?}");
        }
    }

    #[test]
    fn the_exit_code_is_the_childs_or_128_plus_the_signal() {
        assert_eq!(Ending::Exit { code: 255 }.code(), 255);
        assert_eq!(Ending::Signal { signal: Signal::TERM, core: false }.code(), 143);
    }
}
