//! Secrets in lines of output: keys of providers, bearer tokens, passwords in URLs and assignments are
//! blanked before a line is kept, shown or sent (SPEC §8). Pure.

use std::borrow::Cow;
use std::sync::OnceLock;

use regex_lite::Regex;

/// What stands in the place of a secret.
pub const MASK: &str = "[masked]";

/// Each with what is kept of it. The shapes are those that the providers document: `OpenAI` and Anthropic
/// (`sk-`), Slack (`xox?-`), `GitHub` (`gh?_`, `github_pat_`), AWS (`AKIA`, `ASIA`), Google (`AIza`), `GitLab`
/// (`glpat-`), Hugging Face (`hf_`), Groq (`gsk_`), xAI (`xai-`), Stripe (`sk_live_`), JSON web tokens (`eyJ`).
const SHAPES: [(&str, &str); 4] = [
    (
        r"\b(?:sk-[A-Za-z0-9_-]{16,}|xox[a-z]-[A-Za-z0-9-]{10,}|gh[a-z]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|A[KS]IA[A-Z0-9]{16}|AIza[A-Za-z0-9_-]{30,}|glpat-[A-Za-z0-9_-]{16,}|hf_[A-Za-z0-9]{20,}|gsk_[A-Za-z0-9]{20,}|xai-[A-Za-z0-9]{20,}|[rs]k_live_[A-Za-z0-9]{16,}|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*)",
        MASK,
    ),
    (r"(?i)\b(bearer|basic)(\s+)[A-Za-z0-9._~+/=-]{8,}", "$1$2[masked]"),
    (r"([a-zA-Z][a-zA-Z0-9+.-]{1,20}://[^\s:/@]{0,200}:)[^\s/@]{1,200}@", "$1[masked]@"),
    (
        r#"(?i)(\btoken|(?:api|access|secret|private|auth)[_-]?(?:key|token)|passw(?:or)?d|client[_-]?secret|[a-z_]{0,40}_(?:token|secret|key))(["']?\s{0,3}[=:]\s{0,3}["']?)[^\s"',;&/][^\s"',;&]{5,}"#,
        "$1$2[masked]",
    ),
];

fn shapes() -> &'static [(Regex, &'static str)] {
    static COMPILED: OnceLock<Vec<(Regex, &'static str)>> = OnceLock::new();
    COMPILED.get_or_init(|| {
        let compile = |(shape, kept): &(&str, &'static str)| Some((Regex::new(shape).ok()?, *kept));
        SHAPES.iter().filter_map(compile).collect()
    })
}

/// The line with whatever looks like a secret blanked.
#[must_use]
pub fn masked(line: &str) -> Cow<'_, str> {
    let mut line = Cow::Borrowed(line);
    for (shape, kept) in shapes() {
        if let Cow::Owned(changed) = shape.replace_all(&line, *kept) {
            line = Cow::Owned(changed);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_secret_is_blanked() {
        for (line, kept) in [
            ("key sk-ant-api03-abcdefghijklmnop failed", "key [masked] failed"),
            ("OPENAI_API_KEY=sk-proj-abcdefghijklmnop12", "OPENAI_API_KEY=[masked]"),
            ("authorization: Bearer abc.def.ghi-123", "authorization: Bearer [masked]"),
            ("postgres://bob:hunter2@db/x", "postgres://bob:[masked]@db/x"),
            ("redis://:hunter2@db", "redis://:[masked]@db"),
            ("{\"api_key\": \"0123456789\"}", "{\"api_key\": \"[masked]\"}"),
            ("password=hunter22 user=bob", "password=[masked] user=bob"),
            ("xoxb-1234567890-abcdef", "[masked]"),
            ("ghp_abcdefghijklmnopqrstuvwx", "[masked]"),
            ("AKIAIOSFODNN7EXAMPLE", "[masked]"),
            ("eyJhbGciOiJI.eyJzdWIiOiIx.sig-nature", "[masked]"),
        ] {
            assert_eq!(masked(line), kept, "{line}");
        }
    }

    #[test]
    fn what_helps_to_find_the_fault_stays() {
        for line in [
            "KeyError: 'OPENAI_API_KEY'",
            "tokens_used=1234 tokens: 99",
            "https://example.org:8443/path?a=b",
            "task-skeleton at /usr/lib/python3/sk-1",
            "Traceback (most recent call last):",
            "bearer of bad news",
            "12:34:56 key=7",
        ] {
            assert!(matches!(masked(line), Cow::Borrowed(_)), "{}", masked(line));
        }
    }

    #[test]
    fn every_shape_compiles_and_long_lines_take_no_time() {
        assert_eq!(shapes().len(), SHAPES.len());
        let line = "a_key://".repeat(2_000);
        assert_eq!(masked(&line), line);
    }
}
