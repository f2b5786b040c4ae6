//! Finds the lines that may be beats in a stream of output, whatever chunks it comes in.
//!
//! The stream itself is forwarded elsewhere, untouched; nothing is re-assembled here but a candidate
//! that two chunks share. Memory is bounded by [`LINE_MAX`] whatever an agent prints (SPEC rule 10).

use memchr::{memchr, memrchr};

use super::prefix;

/// The longest line that is looked at as a whole, in bytes, from its `{` to before its newline.
pub const LINE_MAX: usize = 256 * 1024;

/// How much of a longer line is shown: enough to tell a beat gone wrong from a stranger.
pub const START_MAX: usize = 1024;

/// What a line that may be a beat begins with, behind blanks or what a logger puts before it.
const OPENING: u8 = b'{';

/// What the buffer may keep between two candidates, so that short ones do not allocate each time.
const KEEP: usize = 1024;

/// A line that may be a beat, from its first `{` on, without the line end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// All of it.
    Whole(&'a [u8]),
    /// It is longer than [`LINE_MAX`]; said once, as soon as that is known, and the rest is skipped.
    TooLong {
        /// Its first [`START_MAX`] bytes.
        start: &'a [u8],
    },
}

/// Where in a line the stream stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// Before its first `{`; what earlier chunks held of it is kept, as far as a prefix may reach.
    Start,
    /// Inside a candidate; what earlier chunks held of it is in the buffer.
    Candidate,
    /// In a line that no one wants, up to its newline.
    Skip,
}

/// The splitter of one stream. Each stream has its own; it outlives no incarnation.
#[derive(Debug)]
pub struct Lines {
    at: At,
    held: Vec<u8>,
    /// The start of a line that has no `{` yet; at most [`prefix::MAX`] bytes.
    before: Vec<u8>,
    judged: prefix::Judged,
    limit: usize,
}

impl Default for Lines {
    fn default() -> Self {
        Self::with_limit(LINE_MAX)
    }
}

impl Lines {
    /// A splitter at the start of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The limit is a parameter so that tests can try every split of a line that is too long.
    fn with_limit(limit: usize) -> Self {
        Self {
            at: At::Start,
            held: Vec::new(),
            before: Vec::new(),
            judged: prefix::Judged::default(),
            limit,
        }
    }

    /// Looks at the next bytes of the stream and hands over every candidate that ends in them.
    ///
    /// Only a newline ends a line: a lone `\r` is a progress bar at work. The `\r` of a CRLF is
    /// stripped, but counts for the limit.
    pub fn feed(&mut self, chunk: &[u8], on: &mut impl FnMut(Line<'_>)) {
        let mut rest = chunk;
        // Ends: a candidate passes its newline or leaves nothing, and a search leaves nothing or
        // stops at a candidate.
        while !rest.is_empty() {
            rest = match self.at {
                At::Candidate => self.candidate(rest, on),
                // Where one is, another follows mostly; a search costs more than a look.
                At::Start if rest.first() == Some(&OPENING) && self.before.is_empty() => {
                    self.candidate(rest, on)
                }
                At::Start | At::Skip => self.search(rest),
            };
        }
    }

    /// The stream ended: a last line without a newline is a line too. The next byte starts afresh.
    pub fn end(&mut self, on: &mut impl FnMut(Line<'_>)) {
        if self.at == At::Candidate {
            on(Line::Whole(strip(&self.held)));
        }
        self.at = At::Start;
        self.before.clear();
        self.give_back();
    }

    /// Goes to where the next candidate begins.
    ///
    /// Looks for the byte that begins one, not for the ends of all the lines that none begins: what
    /// most agents print holds far fewer of it.
    fn search<'c>(&mut self, chunk: &'c [u8]) -> &'c [u8] {
        let mut rest = chunk;
        // Ends: every round leaves a line behind.
        while let Some((before, from)) = split_at_byte(OPENING, rest) {
            if self.opens(before) {
                self.at = At::Candidate;
                return from;
            }
            // The others in this line begin nothing either.
            self.at = At::Skip;
            let Some((_, end)) = split_at_byte(b'\n', from) else { return &[] };
            self.at = At::Start;
            rest = end.get(1..).unwrap_or_default();
        }
        self.keep(rest);
        &[]
    }

    /// Whether a `{` behind these bytes begins a candidate. Looks no further back than a prefix reaches.
    fn opens(&mut self, searched: &[u8]) -> bool {
        let (start, ended) = line_start(searched);
        let opens = match start {
            None => false,
            Some(start) if ended || self.before.is_empty() => {
                (ended || self.at == At::Start) && self.judged.may_open(start)
            }
            Some(start) => {
                self.extend(start);
                self.at == At::Start && self.judged.may_open(&self.before)
            }
        };
        self.before.clear();
        opens
    }

    /// Keeps the start of a line of which no `{` has come yet.
    fn keep(&mut self, searched: &[u8]) {
        let (start, ended) = line_start(searched);
        if ended {
            self.at = At::Start;
            self.before.clear();
        }
        match start {
            Some(start) => self.extend(start),
            None => self.skip(),
        }
    }

    fn extend(&mut self, start: &[u8]) {
        if prefix::MAX.saturating_sub(self.before.len()) < start.len() {
            self.skip();
        } else if self.at == At::Start {
            self.before.extend_from_slice(start);
        }
    }

    fn skip(&mut self) {
        self.at = At::Skip;
        self.before.clear();
    }

    fn candidate<'c>(&mut self, chunk: &'c [u8], on: &mut impl FnMut(Line<'_>)) -> &'c [u8] {
        let (part, rest) = cut(chunk);
        let mut then = if rest.is_some() { At::Start } else { At::Candidate };
        if self.limit.saturating_sub(self.held.len()) < part.len() {
            self.too_long(part, on);
            if rest.is_none() {
                then = At::Skip;
            }
        } else if rest.is_none() {
            self.hold(part);
        } else if self.held.is_empty() {
            on(Line::Whole(strip(part)));
        } else {
            self.hold(part);
            on(Line::Whole(strip(&self.held)));
            self.give_back();
        }
        self.at = then;
        rest.unwrap_or_default()
    }

    /// Says it with the same bytes however the line was cut into chunks.
    fn too_long(&mut self, part: &[u8], on: &mut impl FnMut(Line<'_>)) {
        let shown = self.limit.min(START_MAX);
        let missing = shown.saturating_sub(self.held.len()).min(part.len());
        self.hold(part.get(..missing).unwrap_or_default());
        on(Line::TooLong { start: self.held.get(..shown).unwrap_or(&self.held) });
        self.give_back();
    }

    /// Doubles like a `Vec` does, but never past the limit, which doubling could overshoot.
    fn hold(&mut self, part: &[u8]) {
        let needed = self.held.len().saturating_add(part.len());
        if self.held.capacity() < needed {
            let roomy = needed.saturating_mul(2).min(self.limit).max(needed);
            self.held.reserve_exact(roomy.saturating_sub(self.held.len()));
        }
        self.held.extend_from_slice(part);
    }

    /// One long line must not cost its memory for the rest of the agent's life.
    fn give_back(&mut self) {
        self.held.clear();
        self.held.shrink_to(KEEP);
    }
}

/// What is before the first newline, and what is behind it if there is one.
fn cut(chunk: &[u8]) -> (&[u8], Option<&[u8]>) {
    match split_at_byte(b'\n', chunk) {
        Some((line, end)) => (line, end.get(1..)),
        None => (chunk, None),
    }
}

/// What is before the first such byte, and the rest from it on.
fn split_at_byte(byte: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    bytes.split_at_checked(memchr(byte, bytes)?)
}

/// What stands in the last line of these bytes, if it is no more than a prefix may be, and whether
/// that line begins in them.
fn line_start(bytes: &[u8]) -> (Option<&[u8]>, bool) {
    let skipped = bytes.len().saturating_sub(prefix::MAX.saturating_add(1));
    let near = bytes.get(skipped..).unwrap_or_default();
    match memrchr(b'\n', near) {
        Some(at) => (near.get(at.saturating_add(1)..), true),
        None if skipped == 0 && near.len() <= prefix::MAX => (Some(near), false),
        // Too long for a prefix, wherever it began. Whether it did here does not matter any more.
        None => (None, false),
    }
}

fn strip(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was handed over, owned: `Err` is the start of a line that was too long.
    type Seen = Vec<Result<Vec<u8>, Vec<u8>>>;

    fn run(limit: usize, chunks: &[&[u8]]) -> Seen {
        let mut lines = Lines::with_limit(limit);
        let mut seen = Seen::new();
        let mut on = |line: Line<'_>| {
            seen.push(match line {
                Line::Whole(line) => Ok(line.to_vec()),
                Line::TooLong { start } => Err(start.to_vec()),
            });
        };
        for chunk in chunks {
            lines.feed(chunk, &mut on);
        }
        lines.end(&mut on);
        assert!(lines.held.is_empty() && lines.held.capacity() <= KEEP);
        assert!(lines.before.is_empty() && lines.before.capacity() <= 2 * prefix::MAX);
        seen
    }

    #[test]
    fn what_is_a_candidate() {
        let table: &[(&str, &[&str])] = &[
            ("", &[]),
            ("\n\n", &[]),
            ("plain\n", &[]),
            ("{a}\n", &["{a}"]),
            ("{a}\r\n", &["{a}"]),
            ("{a}\r\r\n", &["{a}\r"]),
            ("{a}", &["{a}"]),
            ("{", &["{"]),
            ("{a}\r", &["{a}"]),
            (" \t {a} \n", &["{a} "]),
            ("   \n{a}\n", &["{a}"]),
            ("   ", &[]),
            ("x {a}\n{b}\nx\n{c}\n", &["{b}", "{c}"]),
            ("10%\r20%\r{a}\n{b}\n", &["{b}"]),
            ("{a\rb}\n", &["{a\rb}"]),
            ("\0{a}\n{\0}\n", &["{\0}"]),
            ("[{a}]\n\"{\"\n", &[]),
            ("INFO:root:{a}\n\x1b[32m{b}\x1b[0m\n", &["{a}", "{b}\x1b[0m"]),
            ("INFO a: {b} {c}\nprint({d})\n", &["{b} {c}"]),
        ];
        for (stream, want) in table {
            let want: Seen = want.iter().map(|line| Ok(line.as_bytes().to_vec())).collect();
            assert_eq!(run(LINE_MAX, &[stream.as_bytes()]), want, "{stream:?}");
        }
    }

    #[test]
    fn a_prefix_is_looked_at_as_far_as_it_may_reach_however_it_is_cut() {
        for (length, fits) in
            [(prefix::MAX - 1, true), (prefix::MAX, true), (prefix::MAX + 1, false)]
        {
            for start in ["INFO", ""] {
                let line = format!("{start:<length$}{{a}}\n");
                let want: Seen = fits.then(|| Ok(b"{a}".to_vec())).into_iter().collect();
                for before in ["", "x\n", "x {\n"] {
                    let stream = [before, &line].concat();
                    for size in [1, 2, 7, 100, 255, 256, 257, 258, stream.len()] {
                        let chunks: Vec<&[u8]> = stream.as_bytes().chunks(size).collect();
                        assert_eq!(
                            run(LINE_MAX, &chunks),
                            want,
                            "{length} in {size}s behind {before:?}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn a_line_of_braces_is_read_once() {
        // One candidate and no more, wherever it begins; the time would show a second look at each brace.
        for start in ["", "INFO:root:", "x "] {
            let stream = [start, &"{".repeat(LINE_MAX), "\n"].concat();
            let seen = run(LINE_MAX, &[stream.as_bytes()]);
            assert_eq!(seen.len(), usize::from(start != "x "));
        }
    }

    #[test]
    fn every_split_gives_the_same_lines() {
        let stream: &[u8] =
            b"log\r\n{a}\r\n  {bb}\n\t\nno {c}\nINFO:a: {p}\n\x1b[1m{q\n\n{\xff\0}\n{12345678}\n{123456789}\n {1234567}\r\n{1234567\r\n7%\r{d}\n{12345678901234}";
        let whole = run(10, &[stream]);
        assert_eq!(whole.len(), 10);
        assert_eq!(whole.iter().filter(|line| line.is_err()).count(), 2);
        for first in 0..=stream.len() {
            let (a, rest) = stream.split_at(first);
            assert_eq!(run(10, &[a, rest]), whole, "split at {first}");
            for second in 0..=rest.len() {
                let (b, c) = rest.split_at(second);
                assert_eq!(run(10, &[a, b, c]), whole, "split at {first} and {second} more");
            }
        }
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        assert_eq!(run(10, &bytes), whole);
    }

    /// What the lines of a stream are when nobody is in a hurry.
    fn slowly(stream: &[u8]) -> Seen {
        let mut lines: Vec<&[u8]> = stream.split(|byte| *byte == b'\n').collect();
        // Behind the last newline nothing is no line.
        lines.pop_if(|line| line.is_empty());
        let opened = |line: &&[u8]| {
            let at = line.iter().position(|byte| *byte == b'{')?;
            prefix::may_open(&line[..at]).then_some(at)
        };
        let lines = lines.iter().filter_map(|line| opened(line).map(|at| &line[at..]));
        lines.map(|line| Ok(strip(line).to_vec())).collect()
    }

    #[test]
    fn every_short_stream_in_every_split_gives_what_a_slow_reader_finds() {
        let alphabet = b"{x \n\t\r";
        for number in 0..alphabet.len().pow(6) {
            let stream: Vec<u8> = (0..6)
                .map(|at| alphabet[number / alphabet.len().pow(at) % alphabet.len()])
                .collect();
            let want = slowly(&stream);
            for at in 0..stream.len() {
                let (a, b) = stream.split_at(at);
                assert_eq!(
                    run(LINE_MAX, &[a, b]),
                    want,
                    "{:?} at {at}",
                    stream.escape_ascii().to_string()
                );
            }
        }
    }

    #[test]
    fn the_limit_is_exact_and_said_once() {
        for (length, fits) in [(LINE_MAX - 1, true), (LINE_MAX, true), (LINE_MAX + 1, false)] {
            let mut stream = vec![b'{'; length];
            stream.extend_from_slice(b"\n{next}\n");
            let first = if fits { Ok(vec![b'{'; length]) } else { Err(vec![b'{'; START_MAX]) };
            for size in [stream.len(), 65_536, 4096, 4097, 7] {
                let chunks: Vec<&[u8]> = stream.chunks(size).collect();
                let want = [first.clone(), Ok(b"{next}".to_vec())];
                assert_eq!(run(LINE_MAX, &chunks), want, "{length} in {size}s");
            }
        }
    }

    #[test]
    fn endless_lines_take_no_memory_and_a_candidate_is_copied_a_few_times_at_most() {
        for first in *b"{ x\0\xff" {
            let mut lines = Lines::new();
            let mut said = 0;
            let mut grown = 0;
            lines.feed(&[first], &mut |_| said += 1);
            for chunk in [[b' '; 1], [b'x'; 1], [0; 1]].iter().cycle().take(3 * LINE_MAX) {
                let before = lines.held.capacity();
                lines.feed(chunk, &mut |_| said += 1);
                grown += usize::from(before < lines.held.capacity());
                assert!(lines.held.capacity() <= LINE_MAX);
            }
            lines.end(&mut |_| said += 1);
            assert_eq!(said, usize::from(first == b'{'));
            // Each growth copies what is there, so their number is what keeps it linear.
            assert!(grown <= 20, "{grown} reallocations");
        }
    }

    #[test]
    fn a_candidate_inside_one_chunk_is_a_slice_of_it() {
        let chunk = b"x\n {a}\ny\n{b}\n";
        let mut lines = Lines::new();
        lines.feed(chunk, &mut |line| {
            let Line::Whole(line) = line else { panic!("{line:?}") };
            assert!(chunk.as_ptr_range().contains(&line.as_ptr()));
        });
        assert_eq!(lines.held.capacity(), 0);
    }
}
