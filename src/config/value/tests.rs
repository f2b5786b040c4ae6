//! What may be written for each kind, and the words for what may not.

use super::*;

const SPAN: Kind = Kind::Duration { min: Duration::from_millis(10), max: Duration::from_hours(24) };
const COUNT: Kind = Kind::Count { min: 1, max: 1_000 };
const CHOICE: Kind = Kind::Choice(&["auto", "stdout", "none"]);

fn text(kind: Kind, written: &str) -> Result<Value, String> {
    from_text(kind, written.as_ref()).map(|read| read.value).map_err(|fault| fault.to_string())
}

#[test]
fn text_is_read_by_its_kind() {
    for (kind, written, value) in [
        (SPAN, "10ms", Value::Duration(Duration::from_millis(10))),
        (SPAN, "1d", Value::Duration(Duration::from_hours(24))),
        (COUNT, "1", Value::Count(1)),
        (COUNT, "1000", Value::Count(1_000)),
        (CHOICE, "none", Value::Word("none")),
        (Kind::Bool, "false", Value::Bool(false)),
        (Kind::Name, "my-agent", Value::Name("my-agent".into())),
        (Kind::Label, "crawler:v1+9f3c", Value::Name("crawler:v1+9f3c".into())),
        (Kind::Path, "a b", Value::Path("a b".into())),
    ] {
        assert_eq!(text(kind, written), Ok(value), "{written}");
    }
}

#[test]
fn wrong_text_is_refused_with_what_would_be_right() {
    for (kind, written, words) in [
        (SPAN, "60", "has no unit; write \"60s\" or \"60m\""),
        (SPAN, "9ms", "is out of range; write 10ms to 1d"),
        (SPAN, "1d1ms", "is out of range; write 10ms to 1d"),
        (COUNT, "0", "is out of range; write 1 to 1000"),
        (COUNT, "-1", "is out of range; write 1 to 1000"),
        (COUNT, "1001", "is out of range; write 1 to 1000"),
        (COUNT, "99999999999", "is out of range; write 1 to 1000"),
        (COUNT, "two", "is not a whole number; write 1 to 1000"),
        (COUNT, "", "is not a whole number; write 1 to 1000"),
        (CHOICE, "Auto", "is none of auto, stdout, none; did you mean auto?"),
        (CHOICE, "stdot", "is none of auto, stdout, none; did you mean stdout?"),
        (CHOICE, "pigeon", "is none of auto, stdout, none"),
        (Kind::Bool, "yes", "is no yes or no; write true or false"),
        (Kind::Path, "", "is empty; write a path"),
    ] {
        assert_eq!(text(kind, written), Err(words.to_owned()), "{written}");
    }
    assert!(text(Kind::Label, "a b").is_err_and(|words| words.starts_with("is no ID")));
    assert!(text(Kind::Name, "../etc").is_err_and(|words| words.starts_with("is no name")));
}

#[test]
fn signals_go_by_name_or_number_and_by_the_numbers_of_the_machine() {
    for (written, linux, bsd, shown) in [
        ("TERM", 15, 15, "TERM"),
        ("SIGTERM", 15, 15, "TERM"),
        ("sigint", 2, 2, "INT"),
        ("15", 15, 15, "TERM"),
        ("USR1", 10, 30, "USR1"),
        ("SIGUSR2", 12, 31, "USR2"),
        // A number is that number everywhere, so it gets no name that differs.
        ("10", 10, 10, "10"),
        ("37", 37, 37, "37"),
    ] {
        let read = from_text(Kind::Signal, written.as_ref()).unwrap();
        assert_eq!(read.text, shown, "{written}");
        let Value::Signal(signal) = read.value else { panic!("{written}") };
        assert_eq!((signal.here(false).0, signal.here(true).0), (linux, bsd), "{written}");
    }
    for written in ["", "0", "65", "-9", "STOP", "SIG", "SIGSIGTERM"] {
        assert_eq!(from_text(Kind::Signal, written.as_ref()), Err(Fault::NotASignal));
    }
}

#[test]
fn toml_types_are_held_to() {
    for (kind, written, result) in [
        (SPAN, "\"60s\"", Ok("60s")),
        (SPAN, "60", Err("has no unit; write \"60s\" or \"60m\"")),
        (SPAN, "true", Err("is a boolean; write a duration in quotes, such as \"60s\"")),
        (SPAN, "1.5", Err("is a fraction; write a duration in quotes, such as \"60s\"")),
        (COUNT, "3", Ok("3")),
        (COUNT, "0x10", Ok("16")),
        (COUNT, "1_000", Ok("1000")),
        (COUNT, "-3", Err("is out of range; write 1 to 1000")),
        (COUNT, "\"3\"", Err("is text; write a number without quotes")),
        (COUNT, "[3]", Err("is a list; write a number without quotes")),
        (CHOICE, "false", Err("is a boolean; write text in quotes")),
        (Kind::Bool, "false", Ok("false")),
        (Kind::Bool, "\"false\"", Err("is text; write true or false without quotes")),
        (Kind::Signal, "15", Ok("TERM")),
        (Kind::Path, "{}", Err("is a table; write text in quotes")),
    ] {
        let value = DeValue::parse(written).unwrap();
        let read = from_toml(kind, value.get_ref());
        let read = read.map(|read| read.text).map_err(|fault| fault.to_string());
        assert_eq!(read, result.map(str::to_owned).map_err(str::to_owned), "{written}");
    }
}
