//! What stands before a `{`: judged the same with and without memory, and the beat behind it is found.

use agentwatch::wire::prefix::{Judged, MAX, may_open};

use super::lines;

const BEAT: &[u8] = b"{\"agent\":\"a\",\"status\":\"ok\"}";

pub fn check(data: &[u8]) {
    let mut judged = Judged::default();
    for prefix in data.split(|byte| *byte == b'\n') {
        let opens = may_open(prefix);
        assert_eq!(judged.may_open(prefix), opens, "{}", prefix.escape_ascii());
        assert_eq!(judged.may_open(prefix), opens, "{}", prefix.escape_ascii());
        // No rule looks at the value of a digit.
        let digit =
            |byte: &u8| if byte.is_ascii_digit() { b'1' + (byte - b'0') / 2 } else { *byte };
        let digits: Vec<u8> = prefix.iter().map(digit).collect();
        assert_eq!(judged.may_open(&digits), may_open(&digits), "{}", prefix.escape_ascii());
        if prefix.contains(&b'{') {
            continue;
        }
        let stream = [prefix, BEAT].concat();
        let found = opens && prefix.len() <= MAX;
        let want: lines::Seen = found.then(|| Ok(BEAT.to_vec())).into_iter().collect();
        assert_eq!(lines::whole(&stream), want, "{}", prefix.escape_ascii());
    }
}
