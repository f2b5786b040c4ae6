//! The quick look never differs from the full one.

use super::*;

/// Splitmix64, as the simulator has it: the same lines in every run.
struct Rng {
    state: u64,
    /// Whether the line at hand breaks rules, too.
    wild: bool,
}

impl Rng {
    fn below(&mut self, n: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % u64::try_from(n).unwrap()).unwrap()
    }

    fn pick(&mut self, of: &[&'static str]) -> &'static str {
        of[self.below(of.len())]
    }

    fn pick_tame(&mut self, tame: &[&'static str], wild: &[&'static str]) -> &'static str {
        if self.wild { self.pick(wild) } else { self.pick(tame) }
    }

    /// A known key or nearly one, with any of its letters hidden in an escape.
    fn key(&mut self, quote: &str) -> String {
        let name = self.pick(&[
            "agent",
            "tokens_used",
            "status",
            "ts",
            "message",
            "cycle",
            "level",
            "msg",
            "retry_after",
            "agents",
            "user_agent",
            "x",
        ]);
        let hidden = if self.below(4) == 0 { self.below(name.len()) } else { name.len() };
        let mut key = self.pick(&["", "", "", "b"]).repeat(usize::from(quote == "'"));
        key.push_str(quote);
        for (at, letter) in name.chars().enumerate() {
            let code = u32::from(letter);
            let kind = if self.wild || quote == "'" { self.below(4) } else { 0 };
            let spelt = match kind {
                _ if at != hidden => letter.to_string(),
                0 => format!("\\u{code:04x}"),
                1 => format!("\\x{code:02x}"),
                2 => format!("\\{code:o}"),
                _ => format!("\\U{code:08x}"),
            };
            key.push_str(&spelt);
        }
        key + quote
    }

    fn value(&mut self, quote: &str) -> String {
        let text = self
            .pick_tame(&["ok", "idle", "a"], &["fine", "agent", "\\n", "\\ud83d", "it\\", "ts"]);
        match self.below(6) {
            0 | 1 => self.pick_tame(&["1", "-1", "1790000000.5"], &["0", "1e999", "NaN"]).into(),
            2 if self.wild => self.pick(&["null", "None", "True", "[", "[]", "(1,)", "{}"]).into(),
            3 if self.wild => format!("{{{}:{}}}", self.key(quote), self.value(quote)),
            4 if quote == "'" => format!("b'{text}'"),
            _ => format!("{quote}{text}{quote}"),
        }
    }

    fn line(&mut self) -> Vec<u8> {
        self.wild = self.below(2) == 0;
        let quote = self.pick(&["\"", "'"]);
        let mut line = self.pick_tame(&["{", " {", "{ "], &["{", ""]).to_owned();
        for field in 0..=self.below(4) {
            if 0 < field {
                line += self.pick_tame(&[",", ", "], &[",", ", ", " "]);
            }
            let colon = self.pick_tame(&[":", ": ", "\t:", "\r:"], &[":", "\u{c}:", ""]);
            line += &[self.key(quote), colon.to_owned(), self.value(quote)].concat();
        }
        line += self.pick_tame(&["}", "} "], &["}", "}", "}x", ""]);
        // As the message of a log record, or bound to one of loguru's.
        line = match self.below(6) {
            0 => format!("{{\"level\":1,\"msg\":{}}}", serde_json::to_string(&line).unwrap()),
            1 => format!("{{\"record\":{{\"level\":{{}},\"extra\":{line}}}}}"),
            _ => line,
        };
        let mut line = line.into_bytes();
        let at = self.below(line.len() + 1);
        match if self.wild { self.below(8) } else { 8 } {
            0 => line.truncate(at),
            1 => line.insert(at, b"\"'\\\xff{:u"[self.below(7)]),
            2 if at < line.len() => drop(line.remove(at)),
            _ => {}
        }
        line
    }
}

#[test]
fn the_quick_look_turns_no_beat_away() {
    let mut rng = Rng { state: 42, wild: false };
    let (mut beats, mut bads, mut spared, mut read) = (0, 0, 0, 0);
    for _ in 0..200_000 {
        let line = rng.line();
        match (judge(&line), quick::may_be_beat(&line)) {
            (Parsed::Stranger, false) => spared += 1,
            (Parsed::Stranger, true) => read += 1,
            (Parsed::Beat(_), true) => beats += 1,
            (Parsed::Bad(_), true) => bads += 1,
            (other, false) => panic!("{other:?} from {}", line.escape_ascii()),
        }
    }
    let counts = [beats, bads, spared, read];
    assert!(counts.iter().all(|&count| 2_000 < count), "{counts:?}");
}

#[test]
fn the_quick_look_spares_what_agents_and_servers_print() {
    let lines = [
        r#"{"level":30,"time":1795392667887,"pid":7935,"hostname":"vm","msg":"listening"}"#,
        r#"{"type":"item.completed","item":{"id":"item_1","type":"agent_message","status":"completed"}}"#,
        r#"{"ts":1790000000.5,"status":200,"method":"GET","path":"/"}"#,
        r#"{"ts":1790000000.5,"id":"item_1","status":"completed"}"#,
        r#"{"user_agent":"Mozilla/5.0","status":200,"msg":"the agent says \"agent\" and\nmore"}"#,
        "{'role': 'assistant', 'content': 'The status of the agent'}",
    ];
    for line in lines {
        assert!(!quick::may_be_beat(line.as_bytes()), "{line}");
    }
}
