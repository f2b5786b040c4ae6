//! Reads a beat where nothing but beats is expected: any object is one, and anything else is a mistake.

use super::{Parsed, Reason, parse, python, read, without_lone_surrogates};

/// Reads a line from a road for beats alone, without its line end.
///
/// An object need not name itself a beat, and an empty one is a sign of life; a printed Python dict will
/// do. A blank line says nothing; whatever else is there is [`Parsed::Bad`].
#[must_use]
pub fn parse_any(line: &[u8]) -> Parsed {
    let line = line.trim_ascii();
    if line.is_empty() {
        return Parsed::Stranger;
    }
    let bad = |why: &str| Parsed::Bad(Reason::new(why));
    let Some(inside) = line.strip_prefix(b"{") else {
        return bad("not a JSON object; write one a line: {\"status\":\"ok\"}");
    };
    // What stdout would take is the same beat here: a logger may write into a FIFO as well.
    if let beat @ Parsed::Beat(_) = parse(line) {
        return beat;
    }
    let Ok(text) = std::str::from_utf8(line) else { return bad("it is not UTF-8") };
    let mut json = Vec::new();
    let text = if inside.trim_ascii_start().first() == Some(&b'\'') {
        if !python::to_json(line, &mut json) {
            return bad("not a Python dict of plain values (nan, inf and objects are none)");
        }
        std::str::from_utf8(&json).unwrap_or_default()
    } else {
        text
    };
    let mended;
    let fields = match read(text) {
        Ok(fields) => fields,
        Err(error) => {
            mended = without_lone_surrogates(text);
            let Some(Ok(fields)) = mended.as_deref().map(read) else {
                let why = error.to_string().replace("line 1 column", "column");
                return bad(&format!("not JSON: {why}"));
            };
            fields
        }
    };
    match fields.beat() {
        Ok(beat) => Parsed::Beat(Box::new(beat)),
        Err(reason) => Parsed::Bad(reason),
    }
}

/// What a line is there that was too long to be kept.
#[must_use]
pub fn too_long_for_any() -> Parsed {
    Parsed::Bad(Reason::new("longer than 256 KiB"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::beat::{Beat, Status};

    #[test]
    fn the_record_of_a_logger_is_the_beat_that_it_is_on_stdout() {
        let line = r#"{"level":"info","message":"{\"agent\":\"a\",\"tokens_used\":7}"}"#;
        assert_eq!(beat(line).tokens_used, Some(7));
        assert_eq!(beat(r#"{"level":"info","message":"hello"}"#).tokens_used, None);
    }

    fn beat(line: &str) -> Beat {
        match parse_any(line.as_bytes()) {
            Parsed::Beat(beat) => *beat,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn any_object_is_a_beat() {
        assert_eq!(beat("{}"), Beat::default());
        assert_eq!(beat(" {\"x\":{\"tokens_used\":5}}\r"), Beat::default());
        assert_eq!(beat("{\"tokens_used\":7}").tokens_used, Some(7));
        assert_eq!(beat("{\"status\":\"busy\"}").status, Status::Busy);
        assert_eq!(beat("{'tokens_used': 1234, 'status': 'idle'}").status, Status::Idle);
        assert_eq!(beat(r#"{"message":"\ud83d"}"#).message.as_deref(), Some("\u{fffd}"));
    }

    #[test]
    fn anything_else_is_a_mistake_in_words() {
        assert_eq!(parse_any(b" \r"), Parsed::Stranger);
        for (line, words) in [
            (&b"ok"[..], "not a JSON object"),
            (b"[{}]", "not a JSON object"),
            (b"{\"a\":1", "not JSON"),
            (b"{\"a\":1}{\"b\":2}", "not JSON"),
            (b"{'a': nan}", "not a Python dict"),
            (b"{\"\xff\":1}", "UTF-8"),
            (b"{\"tokens_used\":-1}", "tokens_used is -1"),
            (b"{\"status\":200}", "status is 200"),
            (b"\0\0\0", "not a JSON object"),
        ] {
            match parse_any(line) {
                Parsed::Bad(reason) => assert!(reason.as_str().contains(words), "{reason}"),
                other => panic!("{line:?}: {other:?}"),
            }
        }
    }
}
