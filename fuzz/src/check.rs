//! Checks of state files: the same in any pieces, JSON as its library has it, lines as one by one, and a torn
//! end told from what is wrong before it.

use agentwatch::core::validation::{FaultKind, FileKind};
use agentwatch::wire::check::{Checker, Verdict};
use serde::de::{Deserialize as _, IgnoredAny};

use super::{assert_words, pieces};

/// Every kind that is checked by reading.
pub const KINDS: [FileKind; 6] = [
    FileKind::Json,
    FileKind::Jsonl,
    FileKind::Toml,
    FileKind::Pickle,
    FileKind::Exists,
    FileKind::Opaque,
];

/// Longer inputs are not tried at each of their cuts.
const EACH_MAX: usize = 512;

pub fn check(data: &[u8]) {
    assert!(Checker::new(FileKind::Sqlite).is_none());
    for kind in KINDS {
        any(kind, data);
    }
    json(data);
    assert_eq!(faulty(&verdict(FileKind::Jsonl, data)), by_line(data));
    for kind in [FileKind::Json, FileKind::Jsonl, FileKind::Toml, FileKind::Pickle] {
        cuts(kind, data);
    }
}

/// What comes of bytes in one piece.
pub fn verdict(kind: FileKind, data: &[u8]) -> Verdict {
    in_pieces(kind, &[data])
}

fn in_pieces(kind: FileKind, pieces: &[&[u8]]) -> Verdict {
    let mut checker = Checker::new(kind).unwrap();
    for piece in pieces {
        checker.feed(piece);
        // Who stops reading here knows as much as who goes on.
        if checker.is_settled() {
            break;
        }
    }
    checker.end()
}

/// What holds of a verdict of any kind.
fn any(kind: FileKind, data: &[u8]) {
    let whole = verdict(kind, data);
    assert_eq!(in_pieces(kind, &pieces(data)), whole);
    if data.len() <= EACH_MAX {
        assert_eq!(in_pieces(kind, &data.chunks(1).collect::<Vec<_>>()), whole);
    }
    let length = data.len() as u64;
    if let Some(wrong) = &whole.wrong {
        assert_words(&wrong.words);
        assert!(wrong.offset <= length && kind != FileKind::Exists && kind != FileKind::Opaque);
        assert!(wrong.fault.is_mendable());
        assert!(wrong.fault != FaultKind::Corrupt || wrong.offset < length.max(1), "{wrong:?}");
    }
    let Some(at) = whole.cut_at else { return };
    assert_eq!((kind, faulty(&whole)), (FileKind::Jsonl, Some((FaultKind::TornEnd, at))));
    let (kept, _) = data.split_at(usize::try_from(at).unwrap());
    assert_eq!(verdict(kind, kept), Verdict::default());
    assert!(kept.is_empty() || kept.ends_with(b"\n"));
}

fn faulty(verdict: &Verdict) -> Option<(FaultKind, u64)> {
    verdict.wrong.as_ref().map(|wrong| (wrong.fault, wrong.offset))
}

/// JSON by its library, where that is meant to agree.
fn json(data: &[u8]) {
    let verdict = verdict(FileKind::Json, data);
    let Ok(text) = std::str::from_utf8(data) else {
        assert!(verdict.wrong.is_some());
        return;
    };
    let mut library = serde_json::Deserializer::from_str(text);
    match IgnoredAny::deserialize(&mut library).and_then(|_| library.end()) {
        Ok(()) => assert_eq!(verdict, Verdict::default()),
        // Python's numbers, a mark, and NUL bytes at the end, are our own.
        Err(_) if ["N", "I", "\u{feff}", "\0"].iter().any(|own| text.contains(own)) => {}
        // Of an escape it wants all four digits before it looks at the first.
        Err(_) if text.contains("\\u") => assert!(verdict.wrong.is_some()),
        Err(error) => {
            let fault = verdict.wrong.expect("valid to us alone").fault;
            let torn = matches!(fault, FaultKind::TornEnd | FaultKind::Empty);
            // A number that ends too early is a wrong one to the library.
            let cut_off = error.is_eof() || error.to_string().starts_with("invalid number");
            assert!(if torn { cut_off } else { !error.is_eof() }, "{fault:?}: {error}");
        }
    }
}

/// What is wrong with lines of JSON, each checked by itself.
fn by_line(data: &[u8]) -> Option<(FaultKind, u64)> {
    let mut any = false;
    let (mut at, mut lines) = (0, data.split(|byte| *byte == b'\n').peekable());
    while let Some(line) = lines.next() {
        // A mark stands at the beginning of a file only, and so not behind a space.
        let space = usize::from(at > 0);
        let spaced = [&b" "[..space], line].concat();
        let bare = line.strip_prefix(b"\xef\xbb\xbf").filter(|_| at == 0).unwrap_or(line);
        let blank = bare.iter().all(|byte| b" \t\r".contains(byte));
        let found = verdict(FileKind::Json, &spaced).wrong.filter(|_| !blank);
        match (found, lines.peek()) {
            (None, _) => {
                any |= !blank;
                at += line.len() as u64 + 1;
            }
            // Without a line that holds a value nothing says that this is JSONL.
            (Some(wrong), None) if !any && wrong.fault == FaultKind::Corrupt => {
                return Some((FaultKind::Corrupt, at + wrong.offset - space as u64));
            }
            (Some(_), None) => return Some((FaultKind::TornEnd, at)),
            (Some(wrong), Some(_)) => {
                return Some((FaultKind::Corrupt, at + wrong.offset - space as u64));
            }
        }
    }
    None
}

/// What is valid is at worst torn when it is cut, and when NUL bytes are all that follows.
fn cuts(kind: FileKind, data: &[u8]) {
    if data.len() > EACH_MAX || verdict(kind, data).wrong.is_some() {
        return;
    }
    for end in 0..data.len() {
        let (start, cut_off) = data.split_at(end);
        let cut = verdict(kind, start);
        let fault = faulty(&cut).map(|(fault, _)| fault);
        assert!(
            matches!(fault, None | Some(FaultKind::TornEnd | FaultKind::Empty)),
            "{end}: {cut:?}"
        );
        let nuls = verdict(kind, &[start, &vec![0; cut_off.len()]].concat());
        let fault = faulty(&nuls).map(|(fault, _)| fault);
        // Inside an argument of known length a pickle may hold them.
        let held = kind == FileKind::Pickle && fault.is_none();
        assert!(held || fault == Some(FaultKind::TornEnd), "{end}: {nuls:?}");
    }
}
