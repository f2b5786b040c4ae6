//! Tells what a logger puts before a line (time, level, name) from text that happens to come before a `{`.
//!
//! Strict on purpose: a miss costs a line in the documentation, a stranger that is taken for a beat keeps
//! a dead agent alive. So a prefix must begin with what only loggers and multiplexers write, and may
//! hold one word that could be anything, but none of those that announce somebody else's JSON.

use super::ansi;

/// The longest prefix that is looked at, in bytes, colours included: a Kubernetes pod, a time and a
/// module path take half of it.
pub const MAX: usize = 256;

/// Levels, in the two ways loggers write them. `Error:` with a capital is how programs print errors.
const LEVELS: [&str; 18] = [
    "trace", "debug", "verbose", "info", "notice", "warn", "warning", "error", "err", "fatal",
    "critical", "crit", "success", "silly", "trc", "dbg", "inf", "wrn",
];

/// Parts of dates, and what containers name their streams: they say nothing and do no harm.
const NEUTRAL: [&str; 27] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", "mon",
    "tue", "wed", "thu", "fri", "sat", "sun", "utc", "gmt", "am", "pm", "stdout", "stderr", "f",
    "p",
];

/// Words behind which stands what somebody else has said: `INFO tool result: {…}`.
const FOREIGN: [&str; 31] = [
    "tool",
    "result",
    "results",
    "response",
    "responses",
    "resp",
    "output",
    "body",
    "payload",
    "return",
    "returned",
    "returns",
    "reply",
    "request",
    "req",
    "received",
    "sent",
    "content",
    "data",
    "json",
    "args",
    "arguments",
    "input",
    "params",
    "plan",
    "parsed",
    "chunk",
    "delta",
    "got",
    "prompt",
    "completion",
];

/// What one word of a prefix is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    /// A level or a time: a logger was here.
    Proof,
    /// Part of a date, a number, a mark between columns, a place in a source: nothing for or against.
    Neutral,
    /// `python3[123]:`, as syslog has it: what came before was a host.
    Tag,
    /// Any other word.
    Plain,
    /// What no logger writes, or what announces somebody else's JSON.
    Foreign,
}

/// The prefixes that were judged last: lines of one logger differ in little but digits, and those are all
/// the same to the rules.
#[derive(Debug, Default)]
pub struct Judged {
    known: [(Vec<u8>, bool); KNOWN],
    next: usize,
}

/// How many prefixes are remembered: a few levels, a few names.
const KNOWN: usize = 4;

impl Judged {
    /// As [`may_open`], at a fraction of its cost where a prefix of the same shape came before.
    #[must_use]
    pub fn may_open(&mut self, prefix: &[u8]) -> bool {
        if prefix.is_empty() {
            return true;
        }
        // Behind anything else it is one look at one byte.
        if MAX < prefix.len() || !matches!(prefix.first(), Some(0x1b | b'[' | b'0'..=b'z')) {
            return may_open(prefix);
        }
        if let Some((_, verdict)) = self.known.iter().find(|(shape, _)| same_shape(shape, prefix)) {
            return *verdict;
        }
        let verdict = may_open(prefix);
        if let Some((shape, known)) = self.known.get_mut(self.next) {
            shape.clear();
            shape.extend_from_slice(prefix);
            *known = verdict;
        }
        self.next = self.next.wrapping_add(1) % KNOWN;
        verdict
    }
}

/// Whether two prefixes differ in the value of digits alone, which no rule looks at.
fn same_shape(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len()
        && a.iter().zip(b).all(|(a, b)| a == b || (a.is_ascii_digit() && b.is_ascii_digit()))
}

/// Whether a `{` behind this, the start of a line, may open a beat: nothing, blanks, or what a logger or a
/// multiplexer (docker compose, journalctl) puts before a message, in colours or not.
#[must_use]
pub fn may_open(prefix: &[u8]) -> bool {
    // Nearly every line that comes here is decided by its first byte.
    match prefix.iter().find(|byte| !is_blank(**byte)) {
        None => true,
        Some(0x1b) => {
            let plain = ansi::strip(prefix);
            plain.iter().all(|byte| is_blank(*byte)) || is_log(&plain)
        }
        Some(b'[' | b'(' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z') => is_log(&ansi::strip(prefix)),
        Some(_) => false,
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn is_log(prefix: &[u8]) -> bool {
    // `print({` and `x={` end otherwise.
    if !matches!(prefix.last(), Some(b' ' | b'\t' | b':' | b'|' | b']')) {
        return false;
    }
    // A logger's line begins in the first column; a table, a diff or a quoted log does not.
    let Ok(text) = std::str::from_utf8(prefix) else { return false };
    if text.starts_with([' ', '\t']) {
        return false;
    }
    let (mut proven, mut dated, mut plain, mut open) = (false, false, 0_u32, 0_i32);
    let mut words = text.split([' ', '\t']).filter(|word| !word.is_empty()).peekable();
    let letter = |c: char| c.is_ascii_alphabetic();
    let mut first = true;
    while let Some(word) = words.next() {
        let begins = word.starts_with(['[', '(', '<']);
        let bracketed = begins || open > 0;
        open += depth(word);
        let kind = if first && is_instance(word, words.peek().copied()) {
            Word::Proof
        } else {
            look(word, bracketed, first)
        };
        first = false;
        match kind {
            Word::Proof => proven = true,
            Word::Neutral if proven || dated => {}
            // `Nov 23 00:11:05`: a date may come before its time.
            Word::Neutral if word.trim_start_matches('[').starts_with(letter) => dated = true,
            Word::Tag if proven => plain = 0,
            Word::Plain if proven => plain += u32::from(!bracketed),
            Word::Neutral | Word::Tag | Word::Plain | Word::Foreign => return false,
        }
    }
    proven && plain <= 1 && open == 0
}

/// How many brackets a word leaves open.
fn depth(word: &str) -> i32 {
    let count = |of: [char; 2]| i32::try_from(word.matches(of).count()).unwrap_or(i32::MAX);
    // klog closes what it never opened: `main.go:23]`.
    let klog = word.ends_with(']') && !word.contains('[') && place(word.trim_end_matches(']'));
    count(['[', '(']).saturating_sub(count([']', ')'])).saturating_add(i32::from(klog))
}

/// `agent-1  |`, as docker compose, honcho and their like name the process that said the line.
fn is_instance(word: &str, next: Option<&str>) -> bool {
    let (name, barred) = match word.strip_suffix('|') {
        Some(name) => (name, true),
        None => (word, next.is_some_and(|next| next == "|")),
    };
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    barred
        && stem.len() < name.len()
        && stem.ends_with(['-', '_', '.'])
        && stem.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

fn look(word: &str, bracketed: bool, first: bool) -> Word {
    if !first && matches!(word, "-" | "--" | "---" | "|" | ":" | "~") {
        return Word::Neutral;
    }
    let core =
        word.trim_start_matches(['[', '(', '<']).trim_end_matches([']', ')', '>', ':', ',', '|']);
    if core.is_empty() {
        return if bracketed && !first { Word::Neutral } else { Word::Foreign };
    }
    if is_time(core) || is_glog(core) {
        return Word::Proof;
    }
    // `INFO:root:` is how Python's `basicConfig` begins.
    let (level, name) = core.split_once(':').unwrap_or((core, ""));
    if is_level(level) {
        // Unmarked and in small letters it is a word of English.
        let marked =
            bracketed || word.contains(':') || level.starts_with(|c: char| c.is_ascii_uppercase());
        return match plain(name) {
            Word::Foreign if !name.is_empty() => Word::Foreign,
            _ if marked || !first => Word::Proof,
            _ => Word::Foreign,
        };
    }
    if core.starts_with("pod/") && bracketed {
        return Word::Proof;
    }
    if is_any_of(core, &NEUTRAL) || is_number(core) || place(core) {
        return Word::Neutral;
    }
    // One letter in brackets is a level, as in tornado's `[I 2026-11-23 …]`.
    if bracketed && core.len() == 1 && core.chars().all(|c| c.is_ascii_uppercase()) {
        return Word::Neutral;
    }
    // coloredlogs has the colon not.
    let tag = core.split_once('[').filter(|(_, pid)| word.ends_with("]:") || is_number(pid));
    if let Some((name, pid)) = tag {
        let is_name = plain(name) == Word::Plain && !pid.is_empty() && plain(pid) == Word::Plain;
        return if is_name { Word::Tag } else { Word::Foreign };
    }
    plain(core)
}

/// Whether a word may be a name.
fn plain(core: &str) -> Word {
    let is_name = |c: u8| c.is_ascii_alphanumeric() || b"_-./:@$#*<>".contains(&c);
    let mut parts = core.split(|c: char| !c.is_ascii_alphanumeric());
    if core.is_empty() || !core.bytes().all(is_name) || parts.any(|part| is_any_of(part, &FOREIGN))
    {
        Word::Foreign
    } else {
        Word::Plain
    }
}

/// Whether it is one of some short words, in letters of any size.
fn is_any_of(word: &str, words: &[&str]) -> bool {
    // Lengths differ mostly, so this is no more than a few compares.
    words.iter().any(|known| known.eq_ignore_ascii_case(word))
}

fn is_level(word: &str) -> bool {
    (word.bytes().all(|c| c.is_ascii_uppercase()) || word.bytes().all(|c| c.is_ascii_lowercase()))
        && is_any_of(word, &LEVELS)
}

/// `2026-11-23`, `00:11:05,964`, `2026-11-23T00:11:05.964Z`: digits, and two marks between them at least.
fn is_time(word: &str) -> bool {
    let allowed = |c: char| c.is_ascii_digit() || ":.,/-+TZ".contains(c);
    let digits = word.chars().filter(char::is_ascii_digit).count();
    let marks = word.chars().filter(|c| matches!(c, ':' | '-' | '/')).count();
    // `9:10AM`, as zerolog's console has it.
    let kitchen = word.strip_suffix("AM").or(word.strip_suffix("PM")).unwrap_or_default();
    word.starts_with(|c: char| c.is_ascii_digit())
        && ((word.chars().all(allowed) && digits >= 6 && marks >= 2)
            || (is_number(kitchen) && digits >= 3 && marks == 1))
}

/// `I1123`: level, month and day, as glog and klog begin.
fn is_glog(word: &str) -> bool {
    let (level, day) = word.split_at_checked(1).unwrap_or_default();
    matches!(level, "I" | "W" | "E" | "D" | "F") && day.len() == 4 && is_number(day)
}

/// A process id, a fraction of a second, an offset from UTC.
fn is_number(word: &str) -> bool {
    word.contains(|c: char| c.is_ascii_digit())
        && word.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ',' | '+' | '-' | ':'))
}

/// `main.go:23`, `__main__:<module>:9`: a name and a line in it.
fn place(word: &str) -> bool {
    let (name, line) = word.rsplit_once(':').unwrap_or_default();
    !line.is_empty()
        && line.chars().all(|c| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-./:<>$".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_loggers_write_before_a_message() {
        let table = [
            "",
            "  \t",
            "\x1b[32m",
            "INFO:root:",
            "WARNING:worker.tools:",
            "INFO ",
            "INFO: ",
            "info: ",
            "[INFO] ",
            "[INFO] agent: ",
            "\x1b[34m[info]\x1b[0m agent: ",
            "[INFO]",
            "00:11:05 ",
            "2026-11-23 00:11:05,964 INFO worker.tools ",
            "2026-11-23 00:11:05,964 - root - INFO - ",
            "2026-11-23 00:11:05,964 root: ",
            "2026-11-23 00:11:06.131 | INFO     | __main__:<module>:9 - ",
            "2026/11/23 00:11:05 ",
            "2026/11/23 00:11:05.123456 main.go:23: ",
            "2026-11-23T00:11:05.123456Z  INFO agent::worker: ",
            "[2026-11-23T00:11:05Z INFO  agent] ",
            "2026-11-23T00:11:05.123Z\tINFO\tagent/main.go:12\theartbeat\t",
            "2026-11-23 00:11:05.964  INFO 12345 --- [main] c.a.Agent : ",
            "12:00:01.123 [main] INFO  com.acme.Agent - ",
            "I1123 00:11:05.964123   12345 main.go:23] ",
            "[I 2026-11-23 00:11:05,123 app] ",
            "[12:00:01.123] INFO (12345): ",
            "agent-1  | ",
            "agent_1 | INFO:root:",
            "\x1b[36magent-1  | \x1b[0m",
            "12:00:00 agent.1   | ",
            "Nov 23 00:11:05 host python3[123]: ",
            "Nov 23 00:11:05 host python3[123]: INFO:root:",
            "2026-11-23T00:11:05.123Z stdout F ",
            "2026-11-23T00:11:05+01:00 app[web.1]: ",
            "[pod/agent-5d9/agent] ",
            "2026-11-23 09:02:18 host cd[14115] INFO ",
            "\x1b[90m9:10AM\x1b[0m \x1b[32mINF\x1b[0m ",
        ];
        for prefix in table {
            assert!(may_open(prefix.as_bytes()), "{prefix:?}");
        }
    }

    #[test]
    fn a_remembered_verdict_is_the_one_that_would_be_given() {
        let mut judged = Judged::default();
        // Each of them, and neighbours of it by a byte, in an order that fills and misses the memory.
        for round in 0..3_u8 {
            for line in include_str!("../../tests/corpus/strangers.txt").lines() {
                let prefix = line.split('{').next().unwrap_or_default();
                for digit in [b'0', b'7', b'x', b' '] {
                    let mut prefix = prefix.as_bytes().to_vec();
                    if let Some(at) = prefix.len().checked_sub(usize::from(round) + 1) {
                        prefix[at] = digit;
                    }
                    assert_eq!(
                        judged.may_open(&prefix),
                        may_open(&prefix),
                        "{}",
                        prefix.escape_ascii()
                    );
                }
            }
        }
        assert!(judged.may_open(b"12:00:01 INFO a: ") && judged.may_open(b"23:59:59 INFO a: "));
        assert_eq!(
            judged.known.iter().filter(|(shape, _)| shape.ends_with(b"INFO a: ")).count(),
            1
        );
    }

    #[test]
    fn what_comes_before_a_strangers_brace() {
        let table = [
            "x ",
            "x: ",
            "[",
            "[INFO] [",
            "print(",
            "    print(",
            "INFO:root:print(",
            "+ ",
            "- ",
            "> ",
            "* ",
            "| ",
            "1. ",
            "12 | ",
            "     12\t",
            "12:",
            "agent.py:12:",
            "agent.log:3:2026-11-23 00:11:05 INFO ",
            "beat = ",
            "INFO beat=",
            "data: ",
            "Out[1]: ",
            "[1] ",
            "a[1] ",
            "INFO a[i] ",
            "[tool] ",
            "Error: ",
            "error ",
            "ERROR could not read ",
            "INFO tool result: ",
            "INFO response: ",
            "[INFO] [tool_result] ",
            "INFO:swarm.response:",
            "2026-11-23 00:11:05 GET /v1/agents 200 ",
            "10.0.0.1 - - [23/Nov/2026:00:11:05 +0000] ",
            "$ echo '",
            "result | ",
            " data_1 | ",
            "(INFO ",
            "[INFO ",
            "INFO “quoted” ",
            "INFO \"quoted\": ",
            "   INFO ",
            "10%\r20%\r",
            "| agent-1 | ",
            "| INFO | ",
            "`",
            "```json ",
            "- INFO ",
            "HTTP/1.1 200 OK ",
            "event: ",
            "\x1b[1m│ \x1b[0m",
            "2026-11-23 00:11:05 INFO the plan is ",
            "\0",
            "\u{7f} ",
        ];
        for prefix in table {
            assert!(!may_open(prefix.as_bytes()), "{prefix:?}");
        }
        assert!(!may_open(b"INFO \xff "));
    }
}
