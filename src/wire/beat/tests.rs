//! What is a beat, what a bad one, and what none.

mod quickly;
mod records;
mod strangers;
mod usage;

use super::*;

fn beat(line: &str) -> Beat {
    match parse(line.as_bytes()) {
        Parsed::Beat(beat) => *beat,
        other => panic!("{other:?} from {}", clip(line, 200)),
    }
}

fn bad(line: &[u8]) -> String {
    match parse(line) {
        Parsed::Bad(reason) => {
            assert!(reason.as_str().len() <= REASON_MAX);
            assert!(!reason.as_str().contains(char::is_control), "{reason:?}");
            reason.to_string()
        }
        other => panic!("{other:?} from {}", clip(&String::from_utf8_lossy(line), 200)),
    }
}

fn is_stranger(line: &[u8]) {
    assert_eq!(parse(line), Parsed::Stranger, "{}", clip(&String::from_utf8_lossy(line), 200));
}

#[test]
fn the_announced_line_and_the_missions_snippet() {
    let want = Beat {
        agent: Some("my-agent".into()),
        tokens_used: Some(1234),
        ts: Some(1_790_000_000.5),
        ..Beat::default()
    };
    let json = r#"{"agent":"my-agent","status":"ok","tokens_used":1234,"ts":1790000000.5}"#;
    assert_eq!(beat(json), want);
    let dict = "{'agent': 'my-agent', 'status': 'ok', 'tokens_used': 1234, 'ts': 1790000000.5}";
    assert_eq!(beat(dict), want);
}

#[test]
fn every_field_is_read() {
    let want = Beat {
        agent: Some("a".into()),
        status: Status::Busy,
        tokens_used: Some(1),
        tokens_total: Some(2),
        input_tokens: Some(3),
        output_tokens: Some(4),
        cache_read_tokens: Some(5),
        cache_write_tokens: Some(6),
        cache_write_1h_tokens: Some(8),
        cost_usd: Some(0.25),
        model: Some("m".into()),
        price: None,
        cycle: Some(u64::MAX),
        tool_calls: Some(7),
        message: Some("hi".into()),
        expect_next: Some(Duration::from_millis(1500)),
        retry_after: Some(Duration::from_millis(2500)),
        ts: Some(-1.0),
        checkpoint: true,
        ..Beat::default()
    };
    let json = r#"{"agent":"a","status":"busy","tokens_used":1,"tokens_total":2,"input_tokens":3,
        "output_tokens":4,"cache_read_tokens":5,"cache_write_tokens":6,"cache_write_1h_tokens":8,"cost_usd":0.25,"model":"m",
        "cycle":18446744073709551615,"tool_calls":7,"message":"hi","expect_next":1.5,"retry_after":2.5,"ts":-1,"checkpoint":true}"#;
    assert_eq!(beat(json), want);
    let python = json.replace('"', "'").replace('\n', " ").replace("true", "True");
    assert_eq!(beat(&python), want);
}

#[test]
fn what_marks_a_beat() {
    let beats = [
        r#"{"agent":"a","status":"ok"}"#,
        r#"{"agent":"a","ts":1}"#,
        r#"{"agent":"","cycle":1}"#,
        r#"{"tokens_used":1,"model":"m"}"#,
        r#"{"tokens_used":0,"ts":"2026-11-23T00:11:05Z"}"#,
        r#"{"agent":"a","tokens_used":1}"#,
        r#"{"status":"ok","ts":1}"#,
        r#"{"status":"shutting_down","ts":"2026-11-23T00:11:05Z"}"#,
        r#"{"status":"warning","ts":1e9}"#,
        "\t {\"agent\" : \"a\" , \"status\" : \"ok\" } \r",
        r#"{"\u0061gent":"a","status":"ok"}"#,
        r#"{"agent":"a","status":"ok","deep":{"tokens_used":-1,"list":[{"status":5}]}}"#,
        r#"{ 'agent': "it's", 'status': 'ok', 'n': {1: (2,), None: b'x'}}"#,
    ];
    for line in beats {
        beat(line);
    }
    let strangers = [
        "",
        "{",
        "{}",
        "[]",
        "null",
        "x",
        "{ agent: 'a' }",
        "{ agent: 'a', status: 'ok', tokens_used: 12 }",
        r#"{"agent":"a"}"#,
        r#"{"agent":"a","extra":1}"#,
        r#"{"agent":"a","status":null,"ts":null}"#,
        r#"{"agent":null,"status":"fine","model":"m"}"#,
        r#"{"agent":{"name":"a"},"status":"ok"}"#,
        r#"{"agent":5,"status":"ok"}"#,
        r#"{"agent":"a","message":{"role":"user"}}"#,
        r#"{"agent":"a","model":5}"#,
        r#"{"agent":"a","ts":true}"#,
        r#"{"tokens_used":5}"#,
        r#"{"tokens_used":-5}"#,
        r#"{"tokens_used":null,"model":"m","status":"ok"}"#,
        r#"{"tokens_used":5,"agent":{"name":"a"}}"#,
        r#"{"status":"ok"}"#,
        r#"{"status":"OK","ts":1}"#,
        r#"{"status":"running","ts":1}"#,
        r#"{"status":"ok","ts":null}"#,
        r#"{"status":"ok","ts":{}}"#,
        r#"{"result":{"agent":"a","status":"ok"}}"#,
        r#"{"result":"{\"agent\":\"a\",\"status\":\"ok\"}"}"#,
        r#"[{"agent":"a","status":"ok"}]"#,
        r#"{"Agent":"a","Status":"ok"}"#,
    ];
    for line in strangers {
        is_stranger(line.as_bytes());
    }
}

#[test]
fn numbers_as_languages_print_them() {
    let table = [
        ("1234", Some(1234)),
        ("1234.0", Some(1234)),
        ("1.234e3", Some(1234)),
        ("0", Some(0)),
        ("-0", Some(0)),
        ("-0.0", Some(0)),
        ("1000000000000", Some(TOKENS_MAX)),
        ("1e12", Some(TOKENS_MAX)),
        ("null", None),
    ];
    for (number, want) in table {
        let line = format!(r#"{{"agent":"a","status":"ok","tokens_used":{number}}}"#);
        assert_eq!(beat(&line).tokens_used, want, "{number}");
    }
    let cycle = |number| beat(&format!(r#"{{"agent":"a","cycle":{number}}}"#)).cycle;
    assert_eq!(cycle("1790000000000000000"), Some(1_790_000_000_000_000_000));
    assert_eq!(cycle("1.79e18"), Some(1_790_000_000_000_000_000));
    let next = |number| beat(&format!(r#"{{"agent":"a","expect_next":{number}}}"#)).expect_next;
    assert_eq!(next("0"), Some(Duration::ZERO));
    assert_eq!(next("600"), Some(Duration::from_mins(10)));
    assert_eq!(next("1e300"), Some(EXPECT_MAX));
}

#[test]
fn a_wrong_value_is_named() {
    let table = [
        ("tokens_used", "-5", "tokens_used is -5; it must be a whole number from 0 up"),
        ("tokens_used", "-5.0", "tokens_used is -5.0; it must be a whole number from 0 up"),
        ("tokens_used", "1.5", "tokens_used is 1.5; it must be a whole number from 0 up"),
        ("tokens_used", "true", "tokens_used is true; it must be a whole number from 0 up"),
        ("tokens_used", r#""12""#, "tokens_used is \"12\"; it must be a whole number from 0 up"),
        ("tokens_used", "[1]", "tokens_used is a list; it must be a whole number from 0 up"),
        ("tokens_used", "{}", "tokens_used is an object; it must be a whole number from 0 up"),
        (
            "tokens_used",
            "1000000000001",
            "tokens_used is 1000000000001; it must be at most 1000000000000",
        ),
        (
            "tokens_used",
            "18446744073709551616",
            "tokens_used is 1.8446744073709552e19; it must be at most 1000000000000",
        ),
        (
            "tokens_used",
            "-99999999999999999999",
            "tokens_used is -1e20; it must be a whole number from 0 up",
        ),
        ("tokens_total", "-1", "tokens_total is -1; it must be a whole number from 0 up"),
        ("input_tokens", "-1", "input_tokens is -1; it must be a whole number from 0 up"),
        ("output_tokens", "-1", "output_tokens is -1; it must be a whole number from 0 up"),
        ("cache_read_tokens", "-1", "cache_read_tokens is -1; it must be a whole number from 0 up"),
        (
            "cache_write_tokens",
            "-1",
            "cache_write_tokens is -1; it must be a whole number from 0 up",
        ),
        ("checkpoint", "2", "checkpoint is 2; it must be true or false"),
        ("tool_calls", "0.5", "tool_calls is 0.5; it must be a whole number from 0 up"),
        ("cycle", "-1", "cycle is -1; it must be a whole number from 0 up"),
        ("cycle", "1e300", "cycle is 1e300; it must be at most 18446744073709551615"),
        ("cost_usd", "-0.01", "cost_usd is -0.01; it must be a number of USD from 0 up"),
        ("cost_usd", r#""0.01""#, "cost_usd is \"0.01\"; it must be a number of USD from 0 up"),
        ("cost_usd", "1e10", "cost_usd is 10000000000.0; it must be at most 1000000000.0"),
        ("expect_next", "-1", "expect_next is -1; it must be a number of seconds from 0 up"),
        (
            "expect_next",
            r#""5m""#,
            "expect_next is \"5m\"; it must be a number of seconds from 0 up",
        ),
        (
            "retry_after",
            r#""30""#,
            "retry_after is \"30\"; it must be a number of seconds from 0 up",
        ),
        ("retry_after", "2592001", "retry_after is 2592001; it must be at most 2592000.0"),
        (
            "retry_after_ms",
            "-1",
            "retry_after_ms is -1; it must be a number of milliseconds from 0 up",
        ),
        ("status", "200", "status is 200; it must be a word such as \"ok\""),
        ("status", "{}", "status is an object; it must be a word such as \"ok\""),
    ];
    for (field, value, want) in table {
        let json = format!(r#"{{"agent":"a","model":"m","{field}":{value}}}"#);
        assert_eq!(bad(json.as_bytes()), want);
        let dict =
            format!("{{'agent': 'a', 'model': 'm', '{field}': {}}}", value.replace("true", "True"));
        assert_eq!(bad(dict.as_bytes()), want);
    }
    let long = format!(r#"{{"agent":"a","cycle":"{}"}}"#, "\\u001b[31mé".repeat(1000));
    let reason = bad(long.as_bytes());
    assert!(reason.starts_with(r#"cycle is "\u{1b}[31mé\u{1b}["#), "{reason}");
    assert!(reason.ends_with("…; it must be a whole number from 0 up"), "{reason}");
}

#[test]
fn ts_is_data_and_never_bad() {
    for (ts, want) in [
        ("1", Some(1.0)),
        ("-1.5", Some(-1.5)),
        ("18446744073709551616", Some(18_446_744_073_709_551_616.0)),
        (r#""2026-11-23T00:11:05Z""#, None),
        (r#""yesterday""#, None),
        ("true", None),
        ("null", None),
        ("[1]", None),
        ("{}", None),
    ] {
        let line = format!(r#"{{"agent":"a","status":"ok","ts":{ts}}}"#);
        assert_eq!(beat(&line).ts, want, "{ts}");
    }
}

#[test]
fn retry_after_is_read_in_the_spellings_of_the_sdks() {
    let retry = |field: &str| beat(&format!(r#"{{"agent":"a",{field}}}"#)).retry_after;
    for name in ["retry_after", "retry_after_s", "retry_after_seconds", "retryAfter", "retry-after"]
    {
        assert_eq!(retry(&format!("\"{name}\":1.5")), Some(Duration::from_millis(1500)), "{name}");
    }
    for name in ["retry_after_ms", "retryAfterMs", "retry-after-ms"] {
        assert_eq!(retry(&format!("\"{name}\":1500")), Some(Duration::from_millis(1500)), "{name}");
    }
    assert_eq!(retry(r#""retry_after":2592000"#), Some(RETRY_MAX));
    assert_eq!(retry(r#""retry_after":0"#), Some(Duration::ZERO));
    assert_eq!(retry(r#""retry_after":null,"retry_after_ms":null,"cycle":1"#), None);
}

#[test]
fn texts_are_clipped_between_characters() {
    for escape in ["", "\\n"] {
        let text = "é".repeat(5000);
        let line = format!(
            r#"{{"agent":"x{text}{escape}","model":"{text}{escape}","message":"x{text}{escape}","status":"{text}{escape}"}}"#
        );
        for line in [line.clone(), line.replace('"', "'")] {
            let beat = beat(&line);
            assert_eq!(beat.agent.unwrap().len(), NAME_MAX - 1);
            assert_eq!(beat.model.unwrap().len(), NAME_MAX);
            assert_eq!(beat.message.unwrap().len(), MESSAGE_MAX - 1);
            assert_eq!(beat.status.word().len(), Status::WORD_MAX);
        }
    }
    let kept = beat(r#"{"agent":"a","message":"x\ud83d\ude00\n","status":"thinking"}"#);
    assert_eq!(kept.message.as_deref(), Some("x😀\n"));
    assert_eq!(kept.status, Status::Other("thinking".into()));
}

#[test]
fn of_a_repeated_key_the_last_one_counts() {
    let line = r#"{"agent":"a","tokens_used":-1,"tokens_used":2,"status":5,"status":"idle"}"#;
    assert_eq!(beat(line).tokens_used, Some(2));
    assert_eq!(beat(line).status, Status::Idle);
    bad(br#"{"agent":"a","tokens_used":2,"tokens_used":-1}"#);
    is_stranger(br#"{"agent":"a","status":"ok","agent":null}"#);
    assert_eq!(beat(r#"{"agent":"a","status":"ok","cycle":1,"cycle":null}"#).cycle, None);
}

#[test]
fn malformed_lines_are_bad_only_if_they_show_a_beat() {
    let table: &[(&[u8], &str)] = &[
        (br#"{"agent":"a","status":"o"#, "not JSON: EOF while parsing a string at column 24"),
        (br#"{"agent":"a","status""#, "not JSON: EOF while parsing an object at column 21"),
        (br#"{"tokens_used":12"#, "not JSON: EOF while parsing an object at column 17"),
        (br#"{"agent":"a","cost_usd":NaN}"#, "not JSON: expected value at column 25"),
        (br#"{"agent":"a","status":"ok","x":-Infinity}"#, "not JSON: invalid number at column 33"),
        (br#"{"agent":"a","ts":1e400}"#, "not JSON: number out of range at column 23"),
        (br#"{"agent":"a","status":"ok"} tail"#, "not JSON: trailing characters at column 29"),
        (br#"{"agent":"a","status":"ok"},"#, "not JSON: trailing characters at column 28"),
        (
            br#"{"agent":"a","status":"ok"}{"agent":"b"}"#,
            "not JSON: trailing characters at column 28",
        ),
        (br#"{"agent":"a","status":"ok",}"#, "not JSON: trailing comma at column 28"),
        (br#"{"agent":"a", 'status': 'ok'}"#, "not JSON: key must be a string at column 15"),
        (
            b"{\"agent\":\"a\0\",\"status\":\"ok\"}",
            "not JSON: control character (\\u0000-\\u001F) found while parsing a string at column 12",
        ),
        (b"{\"agent\":\"a\xff\",\"status\":\"ok\"}", "it is not UTF-8"),
        (b"{'agent': 'a\xff', 'status': 'ok'}", "it is not UTF-8"),
        (
            b"{'agent': 'a', 'cost_usd': nan}",
            "not a Python dict of plain values (nan, inf and objects are none)",
        ),
        (
            b"{'agent': 'a', 'ts': datetime.date(2026, 1, 1)}",
            "not a Python dict of plain values (nan, inf and objects are none)",
        ),
        (
            b"{'agent': 'a', 'status': 'o",
            "not a Python dict of plain values (nan, inf and objects are none)",
        ),
        (b"{'agent': 'a' 'status': 'ok'}", "not a Python dict: a comma or colon is wrong"),
        (
            b"{'agent': 'a', 'status': 'ok'} tail",
            "not a Python dict of plain values (nan, inf and objects are none)",
        ),
    ];
    for (line, want) in table {
        assert_eq!(bad(line), *want, "{}", String::from_utf8_lossy(line));
    }
    let strangers: &[&[u8]] = &[
        br#"{"agent":"a","sta"#,
        br#"{"agent":"a","cost":NaN}"#,
        br#"{"type":"agent","status":"ok""#,
        br#"{"status":"ok","ts":NaN}"#,
        br#"{"loss":NaN,"model":"m"}"#,
        br#"{"result":"{\"agent\":\"a\",\"status\":\"ok\"}"#,
        br#"{"agents":1,"status":"ok""#,
        b"{\"text\":\"\xff\",\"status\":\"ok\"}",
        b"{'agent': <Agent a>}",
        b"{\0\0\0}",
        b"{\"\"\"\"\"\"''''",
        br#"{agent:"a",status:"ok"}"#,
    ];
    for line in strangers {
        is_stranger(line);
    }
}

#[test]
fn too_long_lines_are_bad_only_if_they_show_a_beat() {
    let Parsed::Bad(reason) = too_long(b"{\"agent\":\"a\",\"status\":\"ok\",\"message\":\"\xc3")
    else {
        panic!("no bad beat");
    };
    assert_eq!(reason.as_str(), "longer than 256 KiB");
    assert_eq!(too_long(br#"{"type":"user","message":{"#), Parsed::Stranger);
}

#[test]
fn lone_surrogates_do_not_cost_a_beat() {
    let table = [
        (r"x\ud83d", "x\u{fffd}"),
        (r"\ude00x", "\u{fffd}x"),
        (r"\uD83Dx\\ud83d", "\u{fffd}x\\ud83d"),
        (r"\ud83d\ud83d\ude00", "\u{fffd}😀"),
        (r"\ud83d\n\u00e9é", "\u{fffd}\néé"),
        (r"\\\ud83d", "\\\u{fffd}"),
    ];
    for (text, want) in table {
        let line = format!(r#"{{"agent":"a","message":"{text}"}}"#);
        assert_eq!(beat(&line).message.as_deref(), Some(want), "{text}");
    }
    beat(r#"{"\ud83d":1,"agent":"a","status":"ok","other":"\ud83d"}"#);
    beat(r"{'agent': 'a', 'status': 'ok', 'message': '\ud83d'}");
    for torn in [r"\ud83", r"\u+83d", r"\ud83d\", r"\ud83d\é", r"\ud83dé\x"] {
        bad(format!(r#"{{"agent":"a","message":"{torn}"#).as_bytes());
    }
}

#[test]
fn every_known_key_fits_the_search_for_torn_ones() {
    let names = [
        "agent",
        "status",
        "tokens_used",
        "tokens_total",
        "input_tokens",
        "output_tokens",
        "cache_read_tokens",
        "cache_write_tokens",
        "cache_write_1h_tokens",
        "cost_usd",
        "model",
        "cycle",
        "tool_calls",
        "checkpoint",
        "message",
        "expect_next",
        "retry_after",
        "retry_after_seconds",
        "ts",
    ];
    for name in names {
        assert!(Fields::default().slot(name).is_some(), "{name}");
        assert_eq!(key(format!("\"{name}\"").as_bytes()), Some(name));
        assert!(
            shows_marker(format!("{{\"agent\":\"a\", '{name}' :").as_bytes()) || name == "agent"
        );
    }
}
