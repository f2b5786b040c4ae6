//! What holds of every parser, whatever it is given. The fuzzer looks for bytes that break one of these;
//! `cargo test` tries all that the fuzzer has found interesting so far.

use agentwatch::config::Surroundings;
use agentwatch::config::files::{Found, Source};
use agentwatch::config::{document, flags, resolve, show, variables};
use agentwatch::core::beat::Beat;
use agentwatch::core::ending::Ending;
use agentwatch::core::fact::{BeatFact, Fact};
use agentwatch::core::rule::{End, Pattern, Rule, RuleAction, first_match};
use agentwatch::core::time::Wall;
use agentwatch::wire::beat::{self, Parsed, REASON_MAX};
use agentwatch::wire::lines::{Line, Lines};
use agentwatch::wire::notify;
use agentwatch::wire::pipe::Cutter;
use agentwatch::wire::plain::plain;
use agentwatch::wire::{control, duration, moment, notices, record, size, stamp, state, words};

/// Panics if it does not hold of these bytes.
pub type Property = fn(&[u8]);

/// The parsers by the names of their targets and of the folders of their corpora.
pub const ALL: [(&str, Property); 10] = [
    ("stdout", stdout),
    ("pipe", pipe),
    ("notify", notify),
    ("config", config),
    ("variables", variables),
    ("journal", journal),
    ("state", state),
    ("control", control),
    ("values", values),
    ("rules", rules),
];

/// The first byte says in what pieces the rest comes.
fn pieces(data: &[u8]) -> (usize, &[u8]) {
    match data.split_first() {
        Some((first, rest)) => (usize::from(*first % 64) + 1, rest),
        None => (1, data),
    }
}

fn is_for_people(text: &str) {
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
}

fn is_one_line(text: &str) {
    is_for_people(text);
    assert!(!text.contains('\n'), "{text:?}");
}

fn is_sound(parsed: &Parsed) {
    match parsed {
        Parsed::Stranger => {}
        Parsed::Bad(reason) => {
            is_one_line(reason.as_str());
            assert!(reason.as_str().len() <= REASON_MAX);
        }
        Parsed::Beat(beat) => is_recorded(beat),
    }
}

/// The same with its fractions as far as JSON carries them: to the last digit but one.
fn about(fact: Fact) -> Fact {
    let digits = |number: Option<f64>| {
        number.map(|number| format!("{number:.12e}").parse().unwrap_or(number))
    };
    match fact {
        Fact::Beat(beat) => Fact::Beat(BeatFact {
            agent_ts: digits(beat.agent_ts),
            cost_usd: digits(beat.cost_usd),
            ..beat
        }),
        other => other,
    }
}

/// A beat reads back from the journal as it was recorded, and a person can be told of it.
fn is_recorded(beat: &Beat) {
    let fact = Fact::Beat(BeatFact::new(1, beat, beat.tokens_used, true));
    let line = record::write(Wall(1_790_000_000_000), 7, &fact).expect("a beat is JSON");
    assert!(line.len() < 16 * 1024, "a record of {} bytes", line.len());
    let (last, line) = line.split_last().expect("a newline");
    assert_eq!((*last, line.contains(&b'\n')), (b'\n', false));
    let read = record::read(line).expect("our own line");
    assert_eq!(read.fact.map(about), Some(about(fact.clone())));
    assert_eq!(record::number(line), Some(7));
    let _ = words::describe(&fact);
}

/// Beats in output, in any pieces, behind any logger's prefix.
pub fn stdout(data: &[u8]) {
    let (piece, stream) = pieces(data);
    let cut = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let (mut lines, mut heard) = (Lines::new(), Vec::new());
        let mut on = |line: Line<'_>| {
            heard.push(match line {
                Line::Whole(line) => (line.to_vec(), beat::parse(line)),
                Line::TooLong { start } => (Vec::new(), beat::too_long(start)),
            });
        };
        pieces.for_each(|piece| lines.feed(piece, &mut on));
        lines.end(&mut on);
        heard
    };
    let heard = cut(&mut stream.chunks(piece));
    assert_eq!(heard, cut(&mut std::iter::once(stream)), "in pieces of {piece}");
    for (line, parsed) in heard {
        is_sound(&parsed);
        let mut behind = b"2026-11-01T00:00:00Z INFO ".to_vec();
        behind.extend(&line);
        // One `\r` before a newline belongs to it; of more, the line has the rest.
        behind.extend(b"\r\n");
        let again = cut(&mut std::iter::once(behind.as_slice()));
        if !line.is_empty() {
            assert_eq!(again, [(line, parsed)], "behind a prefix");
        }
    }
}

/// Lines of the FIFO, in any pieces.
pub fn pipe(data: &[u8]) {
    let (piece, stream) = pieces(data);
    let cut = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let (mut cutter, mut heard) = (Cutter::default(), Vec::new());
        let mut on = |line: Option<&[u8]>| heard.push(line.map(<[u8]>::to_vec));
        pieces.for_each(|piece| cutter.feed(piece, &mut on));
        heard
    };
    let heard = cut(&mut stream.chunks(piece));
    assert_eq!(heard, cut(&mut std::iter::once(stream)), "in pieces of {piece}");
    for line in heard.into_iter().flatten() {
        is_sound(&beat::parse_any(&line));
        // Whatever stdout would take, the FIFO takes.
        if let Parsed::Beat(beat) = beat::parse(&line)
            && line.first() == Some(&b'{')
        {
            assert_eq!(beat::parse_any(&line), Parsed::Beat(beat));
        }
        is_one_line(&plain(&line).replace('\t', " "));
    }
}

/// A datagram of the notify socket.
pub fn notify(data: &[u8]) {
    let told = notify::parse(data);
    if let Some(beat) = &told.beat {
        is_recorded(beat);
    }
    if let Some(reason) = &told.bad {
        is_one_line(reason.as_str());
    }
}

/// A file of settings, the whole way to what `run` goes by.
pub fn config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let alone = document::parse(text, "agentwatch.toml");
    let matches = clap::Command::new("run")
        .no_binary_name(true)
        .args(flags::run_flags())
        .arg(flags::command_arg())
        .get_matches_from(["python", "agent.py"]);
    let shown = "agentwatch.toml".to_owned();
    let source = Source { shown, folder: "/work".into(), text: text.into(), defines: false };
    let found = Found { sources: vec![source], ..Found::default() };
    let around = Surroundings {
        cwd: "/work".into(),
        home: Some("/home/me".into()),
        uid: 1000,
        ..Surroundings::default()
    };
    match resolve::run_with(&matches, &around, found) {
        Ok(resolved) => {
            assert!(alone.is_ok());
            is_for_people(&show::text(&resolved));
            assert!(resolved.settings.misses > 0 && resolved.settings.max_failures > 0);
        }
        Err(error) => {
            let words = error.to_string();
            is_for_people(&words);
            assert!(words.len() < 4 * 1024, "an error of {} bytes", words.len());
        }
    }
}

/// A file of variables.
pub fn variables(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match variables::parse(text) {
        Ok(variables) => {
            for (name, value) in variables.iter() {
                assert!(!name.is_empty() && !name.contains(['=', '\0']) && !value.contains('\0'));
            }
        }
        Err(torn) => {
            assert!(0 < torn.line && torn.line <= text.split('\n').count());
            is_one_line(torn.words);
        }
    }
}

/// A line of the journal.
pub fn journal(data: &[u8]) {
    if data.contains(&b'\n') {
        return;
    }
    let _ = (record::beat(data), record::is_whole(data));
    let head = record::head(data).map(|head| head.seq);
    let Some(read) = record::read(data) else { return };
    assert_eq!(record::number(data), Some(read.seq));
    assert_eq!(head, Some(read.seq));
    let Some(fact) = &read.fact else { return };
    let _ = (words::describe(fact), notices::words(fact));
    let Ok(line) = record::write(read.ts, read.seq, fact) else { return };
    let again = record::read(line.trim_ascii_end()).expect("our own line");
    let told = read.fact.clone().map(about);
    assert_eq!((again.seq, again.fact.map(about)), (read.seq, told));
}

/// `state.json`.
pub fn state(data: &[u8]) {
    match state::read(data) {
        Ok((identity, memory)) => {
            let bytes = state::write(&identity, &memory).expect("what was read can be written");
            assert_eq!(state::read(&bytes), Ok((identity, memory)));
        }
        Err(words) => assert!(words.len() < 1024, "{words}"),
    }
}

/// A message of the control socket, either way.
pub fn control(data: &[u8]) {
    if let Ok(request) = control::read_request(data) {
        let line = control::write(&request).expect("what was read can be written");
        assert_eq!(control::read_request(line.trim_ascii_end()), Ok(request));
    }
    if let Some(answer) = control::read_answer(data) {
        let line = control::write(&answer).expect("what was read can be written");
        assert_eq!(control::read_answer(line.trim_ascii_end()), Some(answer));
    }
    let _ = control::is_ping(data);
}

/// Durations, sizes and moments as people write them.
pub fn values(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(read) = duration::parse(text) {
        assert_eq!(duration::parse(&duration::exact(read)), Ok(read));
        is_one_line(&duration::show(read));
    }
    if let Ok(read) = size::parse(text) {
        assert_eq!(size::parse(&size::exact(read)), Ok(read));
    }
    let now = Wall(1_790_000_000_000);
    for offset in [0, 19_800, -43_200] {
        if let Err(words) = moment::parse(text, now, &|_| offset) {
            assert!(words.len() < 1024 + text.len());
        }
    }
    if let Some(read) = stamp::parse_utc(text) {
        assert_eq!(stamp::parse_utc(&stamp::utc(read)), Some(read));
    }
    if let Some(day) = stamp::parse_day(text) {
        assert_eq!(stamp::parse_day(&day.to_string()), Some(day));
    }
}

/// A pattern of a restart rule, over output.
pub fn rules(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (pattern, output) = text.split_once('\n').unwrap_or((text, ""));
    match Pattern::new(pattern) {
        Ok(pattern) => {
            assert_eq!(
                Pattern::new(pattern.as_str()).map(|again| again.as_str().to_owned()),
                Ok(pattern.as_str().to_owned())
            );
            let rule = Rule {
                exits: Vec::new(),
                signals: Vec::new(),
                output: Some(pattern),
                statuses: Vec::new(),
                action: RuleAction::Finish,
            };
            let output: Vec<String> = output.lines().map(str::to_owned).collect();
            let ending = Ending::Exit { code: 1 };
            let line = output.last().map(String::as_str);
            let _ = first_match(&[rule], End { ending, line, output: &output, status: None });
        }
        Err(words) => assert!(words.len() < 8 * 1024 + pattern.len()),
    }
}
