//! Beats inside the records of loggers.

use super::*;

#[test]
fn what_marks_a_beat_in_a_log_record() {
    let beats = [
        r#"{"level":"info","agent":"a","status":"ok"}"#,
        r#"{"level":30,"agent":"a","cycle":1}"#,
        r#"{"levelname":"INFO","agent":"a","tokens_used":1}"#,
        r#"{"severity":"INFO","tokens_used":1,"message":"x"}"#,
        r#"{"log.level":"INFO","tokens_used":1,"event":"x"}"#,
        r#"{"lvl":1,"agent":"a","retry_after":5}"#,
        // The level may come last.
        r#"{"agent":"a","status":"busy","level":"info"}"#,
        r#"{"tokens_used":1,"msg":"x"}"#,
    ];
    for line in beats {
        beat(line);
    }
    let strangers = [
        r#"{"level":"info","agent":"a","message":"x"}"#,
        r#"{"level":"info","agent":"a","ts":1}"#,
        r#"{"level":"info","agent":"a","model":"m"}"#,
        r#"{"level":"info","agent":"a","status":"completed"}"#,
        r#"{"level":"info","status":"ok","ts":1}"#,
        r#"{"level":"info","tokens_used":1}"#,
        r#"{"level":"info","tokens_used":1,"ts":1}"#,
        r#"{"agent":"a","msg":"x"}"#,
        r#"{"agent":"a","event":"x"}"#,
        r#"{"agent":"Mozilla/5.0","status":"200"}"#,
    ];
    for line in strangers {
        is_stranger(line.as_bytes());
    }
    assert_eq!(
        bad(br#"{"level":"info","agent":"a","tokens_used":-1}"#),
        "tokens_used is -1; it must be a whole number from 0 up"
    );
}

#[test]
fn the_message_of_a_record_may_be_a_beat_as_a_whole() {
    let inside = |message: &str| {
        let message = serde_json::to_string(message).unwrap();
        format!(r#"{{"level":"info","msg":{message},"time":1}}"#)
    };
    assert_eq!(beat(&inside(r#"{"agent":"a","tokens_used":7}"#)).tokens_used, Some(7));
    assert_eq!(beat(&inside("{'agent': 'a', 'tokens_used': 7}")).tokens_used, Some(7));
    assert_eq!(beat(&inside(r#"{"status":"idle","ts":1}"#)).status, Status::Idle);
    bad(inside(r#"{"agent":"a","tokens_used":-7}"#).as_bytes());
    is_stranger(inside(r#"{"agent":"a","tokens_used":7} and more"#).as_bytes());
    is_stranger(inside(r#"result: {"agent":"a","tokens_used":7}"#).as_bytes());
    is_stranger(inside(&inside(r#"{"agent":"a","tokens_used":7}"#)).as_bytes());
    is_stranger(br#"{"msg":"{\"agent\":\"a\",\"tokens_used\":7}"}"#);
    // Its own fields come first.
    let both = r#"{"level":"info","agent":"b","tokens_used":1,"msg":"{\"agent\":\"a\",\"tokens_used\":7}"}"#;
    assert_eq!(beat(both).tokens_used, Some(1));
    // One that is too long to be kept is cut, and then it is none.
    let long = |length: usize| format!(r#"{{"agent":"a","cycle":1,"x":"{}"}}"#, "é".repeat(length));
    beat(&inside(&long(NESTED_MAX / 2 - 30)));
    is_stranger(inside(&long(NESTED_MAX)).as_bytes());
}

#[test]
fn loguru_nests_what_was_bound() {
    let record =
        |inside: &str| format!(r#"{{"text":"x","record":{{"level":{{"no":20}},{inside}}}}}"#);
    assert_eq!(beat(&record(r#""extra":{"agent":"a","tokens_used":7}"#)).tokens_used, Some(7));
    assert_eq!(beat(&record(r#""extra":{"tokens_used":7},"message":"x""#)).tokens_used, Some(7));
    beat(&record(r#""extra":{},"message":"{\"agent\":\"a\",\"cycle\":7}""#));
    for inside in [
        r#""extra":{"agent":"a"},"message":"x""#,
        r#""extra":{"x":{"agent":"a","tokens_used":7}},"message":"x""#,
        r#""extra":[{"agent":"a","tokens_used":7}],"message":"x""#,
        r#""extra":5,"message":5"#,
    ] {
        is_stranger(record(inside).as_bytes());
    }
    for record in ["5", "null", "true", "-1", "0.5", "[1,{}]", "\"x\"", "{}"] {
        is_stranger(
            format!(r#"{{"record":{record},"text":"agent","x":{{"agent":1}}}}"#).as_bytes(),
        );
        beat(&format!(r#"{{"record":{record},"agent":"a","status":"ok"}}"#));
    }
    // However deep they nest, it is one record and no stack.
    let deep = r#"{"record":{"level":1,"extra":"#.repeat(100_000);
    assert_ne!(parse(deep.as_bytes()), Parsed::Beat(Box::default()));
}

#[test]
fn colours_are_taken_out() {
    let line = "{\u{1b}[1;39m\u{1b}[34;1m\"agent\"\u{1b}[0m:\u{1b}[0;32m\"a\"\u{1b}[0m,\"cycle\":\u{1b}[0;39m1\u{1b}[0m}\u{1b}[0m";
    assert_eq!(beat(line).cycle, Some(1));
    let dict = "{\u{1b}[32m'agent'\u{1b}[0m: 'a', 'cycle': \u{1b}[1;36m1\u{1b}[0m}";
    assert_eq!(beat(dict).cycle, Some(1));
    is_stranger("{\u{1b}[32m\"agent\"\u{1b}[0m:\"a\"}".as_bytes());
    assert!(matches!(
        too_long("{\"\u{1b}[1magent\": \u{1b}[0m\"a\", \"status\": \"".as_bytes()),
        Parsed::Bad(_)
    ));
}
