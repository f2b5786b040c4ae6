//! Last words: what an agent said last on its two streams, put in order, and the line of it that says why it
//! ended. Pure.

use super::beat::{Parsed, parse};

/// A line, behind a number that grows whenever the other stream speaks.
pub type Numbered = (u64, String);

/// What a line says of an end; the better, the more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    /// Something may be wrong some day, and it goes on.
    Warning,
    /// Nobody knows.
    Plain,
    /// Something went wrong.
    Fault,
}

/// Words of those who fail, in lower case.
const FAULTS: [&str; 18] = [
    "error",
    "exception",
    "fatal",
    "panic",
    "traceback",
    "failed",
    "failure",
    "cannot",
    "can't",
    "could not",
    "unable to",
    "denied",
    "refused",
    "killed",
    "abort",
    "not found",
    "no such",
    "unauthorized",
];

/// Words of those who only warn, in lower case.
const WARNINGS: [&str; 5] = ["warning", "[warn]", "warn:", " warn ", "deprecated"];

/// Of a warning nothing worse is said in the same line.
const WORSE: [&str; 3] = ["fatal", "panic", "traceback"];

fn weight(line: &str) -> Weight {
    let line = line.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| line.contains(word));
    let warns = has(&WARNINGS) || line.starts_with("warn ");
    match (warns, has(&WORSE)) {
        (_, true) => Weight::Fault,
        (true, false) => Weight::Warning,
        (false, false) if has(&FAULTS) => Weight::Fault,
        (false, false) => Weight::Plain,
    }
}

/// Whether a line is no more than a warning: what many agents print that have nothing in common.
#[must_use]
pub fn is_warning(line: &str) -> bool {
    weight(line) == Weight::Warning
}

/// What was said on stdout but for beats, which say nothing of an end.
#[must_use]
pub fn without_beats(lines: Vec<Numbered>) -> Vec<Numbered> {
    let is_beat = |line: &str| matches!(parse(line.as_bytes()), Parsed::Beat(_));
    lines.into_iter().filter(|(_, line)| !is_beat(line)).collect()
}

/// The last line of a stream that says anything, what it weighs, and when it was said.
fn last(lines: &[Numbered]) -> Option<(Weight, u64, &str)> {
    let mut said = lines.iter().rev().filter(|(_, line)| !line.trim().is_empty());
    let (number, line) = said.next()?;
    let before = said.next().map(|(_, line)| line.as_str()).unwrap_or_default();
    // Below its warnings Python prints the line that they are about.
    let of_warning = line.starts_with([' ', '\t']) && is_warning(before);
    let weight = if of_warning { Weight::Warning } else { weight(line) };
    Some((weight, *number, line.trim()))
}

/// The line that says most of why it ended: a fault before anything else and a warning behind it; of two the
/// later one, and stderr where nobody knows which that was.
#[must_use]
pub fn telling(out: &[Numbered], err: &[Numbered]) -> Option<String> {
    // What is structured is for programs.
    let out = last(out).filter(|(_, _, line)| !line.starts_with('{'));
    let err = last(err);
    let (_, _, line) = out.into_iter().chain(err).max_by_key(|(weight, at, _)| (*weight, *at))?;
    Some(line.replace('\t', ""))
}

/// Both streams in the order in which they were said, at most so many bytes with their line ends: of each the
/// last half, and more if the other one said less.
#[must_use]
pub fn together(out: Vec<Numbered>, err: Vec<Numbered>, max: usize) -> Vec<String> {
    let cost = |lines: &[Numbered]| lines.iter().map(|(_, line)| line.len() + 1).sum::<usize>();
    let (of_out, of_err) = (cost(&out).min(max / 2), cost(&err).min(max / 2));
    let mut all = tail(out, max - of_err);
    all.extend(tail(err, max - of_out));
    // Stable: the lines of each keep their order.
    all.sort_by_key(|(number, _)| *number);
    all.into_iter().map(|(_, line)| line).collect()
}

fn tail(mut lines: Vec<Numbered>, max: usize) -> Vec<Numbered> {
    let mut left = max;
    let fits = |(_, line): &&Numbered| match left.checked_sub(line.len() + 1) {
        Some(rest) => {
            left = rest;
            true
        }
        None => false,
    };
    let kept = lines.iter().rev().take_while(fits).count();
    lines.drain(..lines.len() - kept);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(of: &[(u64, &str)]) -> Vec<Numbered> {
        of.iter().map(|(number, line)| (*number, (*line).to_owned())).collect()
    }

    #[test]
    fn the_line_that_tells_why_is_found_on_either_stream() {
        let warning = [(1, "x.py:3: DeprecationWarning: old"), (1, "  import old")];
        for (out, err, want) in [
            (&[(2, "FATAL: cannot reach broker")][..], &warning[..], "FATAL: cannot reach broker"),
            (&[(2, "doing work on page 7")], &warning[..], "doing work on page 7"),
            (&[(2, "done with page 7")], &[(1, "KeyError: 'A'")], "KeyError: 'A'"),
            (&[(2, "Error: late")], &[(1, "Error: early")], "Error: late"),
            (&[(1, "said last")], &[(2, "on stderr")], "on stderr"),
            (&[(0, "nobody knows")], &[(0, "on stderr")], "on stderr"),
            (&[], &warning[..1], "x.py:3: DeprecationWarning: old"),
            (&[(3, "{\"type\":\"error\"}")], &[(1, "bye")], "bye"),
            (&[(1, "KeyError:\t'A'"), (1, " ")], &[], "KeyError:'A'"),
        ] {
            assert_eq!(telling(&lines(out), &lines(err)).as_deref(), Some(want));
        }
        assert_eq!(telling(&lines(&[(1, "{}")]), &lines(&[(1, "  ")])), None);
    }

    #[test]
    fn both_streams_stand_in_the_order_of_time_and_neither_pushes_the_other_out() {
        let (out, err) = (lines(&[(1, "a"), (3, "c")]), lines(&[(2, "b"), (4, "d")]));
        assert_eq!(together(out, err, 100), ["a", "b", "c", "d"]);
        let long: Vec<Numbered> = (0..100).map(|n| (9, format!("{n:09}"))).collect();
        let all = together(long.clone(), lines(&[(1, "Traceback"), (1, "KeyError")]), 200);
        assert_eq!(all[..2], ["Traceback", "KeyError"]);
        assert_eq!(all.iter().map(|line| line.len() + 1).sum::<usize>(), 199);
        assert_eq!(together(long, Vec::new(), 200).len(), 20);
    }

    #[test]
    fn beats_are_no_last_words() {
        let said = lines(&[
            (1, r#"{"agent":"x","tokens_used":5}"#),
            (1, "{'agent': 'x', 'status': 'ok'}"),
            (1, "bye"),
        ]);
        assert_eq!(without_beats(said), lines(&[(1, "bye")]));
    }
}
