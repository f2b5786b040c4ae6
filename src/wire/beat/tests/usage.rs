//! Figures as the libraries of model providers name them.

use super::*;

#[test]
fn figures_by_other_names_are_understood_and_no_total_is_added_to_its_parts() {
    for (fields, counted, parts) in [
        (r#""prompt_tokens":1000,"completion_tokens":50"#, None, [Some(1000), Some(50), None]),
        (r#""total_tokens":1050"#, Some(1050), [None, None, None]),
        (
            r#""prompt_tokens":1000,"completion_tokens":50,"total_tokens":1050"#,
            None,
            [Some(1000), Some(50), None],
        ),
        (
            r#""usage":{"prompt_tokens":1000,"completion_tokens":50,"total_tokens":1050,"prompt_tokens_details":{"cached_tokens":400}}"#,
            None,
            [Some(600), Some(50), Some(400)],
        ),
        (
            r#""usage":{"input_tokens":600,"output_tokens":50,"cache_read_input_tokens":400,"cache_creation_input_tokens":null}"#,
            None,
            [Some(600), Some(50), Some(400)],
        ),
        (
            r#""usage_metadata":{"input_tokens":1000,"output_tokens":50,"total_tokens":1050,"input_token_details":{"cache_read":400}}"#,
            None,
            [Some(600), Some(50), Some(400)],
        ),
        (
            r#""usageMetadata":{"promptTokenCount":1000,"candidatesTokenCount":50,"thoughtsTokenCount":200,"totalTokenCount":1250,"cachedContentTokenCount":400}"#,
            None,
            [Some(600), Some(250), Some(400)],
        ),
        (
            r#""input_tokens":1000,"output_tokens":50,"input_tokens_details":{"cached_tokens":400}"#,
            None,
            [Some(600), Some(50), Some(400)],
        ),
        (
            r#""input_tokens":600,"output_tokens":50,"cache_read_input_tokens":400"#,
            None,
            [Some(600), Some(50), Some(400)],
        ),
        // Its own count comes first, and the rest is what it is made of.
        (
            r#""tokens_used":7,"usage":{"input_tokens":5,"output_tokens":2}"#,
            Some(7),
            [Some(5), Some(2), None],
        ),
        (r#""tokens_used":7,"total_tokens":9"#, Some(7), [None, None, None]),
    ] {
        let beat = beat(&format!(r#"{{"agent":"a",{fields}}}"#));
        let is = [beat.input_tokens, beat.output_tokens, beat.cache_read_tokens];
        assert_eq!((beat.tokens_used, is), (counted, parts), "{fields}");
    }
}

#[test]
fn what_only_looks_like_usage_marks_no_beat_and_spoils_none() {
    for line in [
        r#"{"agent":"a","usage":"high"}"#,
        r#"{"agent":"a","usage":{"cpu":5}}"#,
        r#"{"agent":"a","usage":[1]}"#,
        r#"{"agent":"a","x":{"total_tokens":5}}"#,
        r#"{"agent":"a","usage":{"x":{"total_tokens":5}}}"#,
        r#"{"usage":{"total_tokens":5}}"#,
    ] {
        assert_eq!(parse(line.as_bytes()), Parsed::Stranger, "{line}");
    }
    let spared = beat(
        r#"{"agent":"a","tokens_used":5,"usage":{"total_tokens":"many"},"prompt_tokens":null}"#,
    );
    assert_eq!((spared.tokens_used, spared.input_tokens), (Some(5), None));
    for wrong in ["-5", "1.5", "1e300"] {
        let line = format!(r#"{{"agent":"a","usage":{{"total_tokens":{wrong}}}}}"#);
        assert!(matches!(parse(line.as_bytes()), Parsed::Bad(_)), "{line}");
    }
}
