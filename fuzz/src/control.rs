//! Messages of the control socket: written as they were read, and what is none is refused in a short line.

use agentwatch::wire::control::{Answer, LINE_MAX, is_ping, read_answer, read_request, write};

use super::assert_words;

pub fn check(data: &[u8]) {
    if LINE_MAX < data.len() {
        return;
    }
    match read_request(data) {
        Ok(request) => {
            let line = write(&request).unwrap();
            assert_eq!(read_request(line.trim_ascii_end()), Ok(request));
        }
        Err(words) => {
            assert_words(&words);
            let answer = Answer { ok: false, words, leaves: false };
            assert!(write(&answer).unwrap().len() <= LINE_MAX);
        }
    }
    if let Some(answer) = read_answer(data) {
        let line = write(&answer).unwrap();
        assert_eq!(read_answer(line.trim_ascii_end()), Some(answer));
    }
    assert!(!is_ping(data) || read_request(data).is_err());
}
