//! Conditions of presets. What their rows make of real streams is tested where the rows are read.

use super::*;

#[test]
fn a_star_stands_for_any_text() {
    for (pattern, text, fits) in [
        ("result", "result", true),
        ("result", "results", false),
        ("*", "", true),
        ("*status 401*", "unexpected status 401 Unauthorized", true),
        ("*status 401*", "status 402", false),
        ("a*b*c", "a--b--c", true),
        ("a*b*c", "ac", false),
        ("a*a", "a", false),
        ("*é*", "xéy", true),
        ("**x**", "x", true),
    ] {
        assert_eq!(is_like(pattern, text), fits, "{pattern} {text}");
    }
}
