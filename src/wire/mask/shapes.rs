//! The shapes of secrets, as those who hand them out document them.

/// One shape.
#[derive(Debug)]
pub struct Shape {
    /// Without one of these, in lower case, a line need not be looked at.
    pub hints: &'static [&'static str],
    /// What is matched; of that `kept` stays before the mask and `behind` after it. What is a `value` may
    /// be a word of talk about secrets, and before some `code` it is code; an `argument` may stand for one,
    /// too, and a `code_word` of small letters alone is a word.
    pub regex: &'static str,
}

/// All of them, the whole ones first.
pub const SHAPES: [Shape; 16] = [
    // A key in PEM on one line, its line ends escaped; of many lines the first.
    Shape {
        hints: &["private key-----"],
        regex: r#"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[^"']*"#,
    },
    // `OpenAI` and Anthropic (`sk-`), Slack (`xox?-`), `GitHub` (`gh?_`, `github_pat_`), AWS (`AKIA`,
    // `ASIA`), Google (`AIza`), `GitLab` (`glpat-`), Hugging Face (`hf_`), Groq (`gsk_`), xAI (`xai-`),
    // Stripe (`sk_live_`), Perplexity (`pplx-`), Replicate (`r8_`), Tavily (`tvly-`), `LangSmith`
    // (`lsv2_`), npm (`npm_`), `DigitalOcean` (`do?_v1_`), `SendGrid` (`SG.`), Google's OAuth (`ya29.`),
    // JSON web tokens (`eyJ`).
    Shape {
        hints: &[
            "sk-", "xox", "gh", "akia", "asia", "aiza", "glpat-", "hf_", "gsk_", "xai-", "k_live_",
            "pplx-", "r8_", "tvly-", "lsv2_", "npm_", "_v1_", "sg.", "ya29.", "eyj",
        ],
        regex: r"\b(?:sk-[A-Za-z0-9_-]{16,}|xox[a-z]-[A-Za-z0-9-]{10,}|gh[a-z]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|A[KS]IA[A-Z0-9]{16}|AIza[A-Za-z0-9_-]{30,}|glpat-[A-Za-z0-9_-]{16,}|hf_[A-Za-z0-9]{20,}|gsk_[A-Za-z0-9]{20,}|xai-[A-Za-z0-9]{20,}|[rs]k_live_[A-Za-z0-9]{16,}|pplx-[A-Za-z0-9]{20,}|r8_[A-Za-z0-9]{20,}|tvly-[A-Za-z0-9-]{20,}|lsv2_[a-z]{2}_[A-Za-z0-9_]{20,}|npm_[A-Za-z0-9]{30,}|do[a-z]_v1_[a-f0-9]{40,}|SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{20,}|ya29\.[A-Za-z0-9_-]{20,}|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*)",
    },
    // A bot of Telegram.
    Shape { hints: &[":"], regex: r"\b(?P<kept>(?:bot)?[0-9]{6,12}:)[A-Za-z0-9_-]{35}\b" },
    // Hooks of Slack and Discord.
    Shape {
        hints: &["hooks.slack.com/", "/api/webhooks/"],
        regex: r"(?P<kept>hooks\.slack\.com/(?:services|triggers|workflows)/|discord(?:app)?\.com/api/webhooks/)[A-Za-z0-9_/-]{10,}",
    },
    Shape {
        hints: &["bearer", "basic", "authorization: token"],
        regex: r"(?i)\b(?P<kept>(?:bearer|basic|authorization: token)\s+)(?P<code_word>[A-Za-z0-9._~+/=-]{8,})",
    },
    Shape {
        hints: &["authorization"],
        regex: r#"(?i)\b(?P<kept>authorization["']?\s{0,3}[=:]\s{0,3}["']?)(?P<value>[^\s"',;\[]{8,})"#,
    },
    Shape {
        hints: &["cookie"],
        regex: r#"(?i)\b(?P<kept>(?:set-)?cookie["']?\s{0,3}[=:]\s{0,3}["']?)[^\s=;"',]{1,100}=[^\s;"']+(?:;\s?[^\s=;"']{1,100}=[^\s;/"']+)*"#,
    },
    // A password in a URL, up to the last `@` of what may be a host.
    Shape {
        hints: &["://"],
        regex: r#"(?P<kept>[a-zA-Z][a-zA-Z0-9+.-]{1,20}://[^\s:/@]{0,200}:)[^\s/"'<>]{1,200}(?P<behind>@)"#,
    },
    // Of a database, with a slash in it.
    Shape {
        hints: &["postgres", "mysql", "redis", "mongodb", "amqp"],
        regex: r#"(?P<kept>(?:postgres(?:ql)?|mysql|rediss?|mongodb|amqps?)(?:\+[a-z0-9]{1,20})?://[^\s:/@]{0,200}:)[^\s"'<>?\[]{1,200}(?P<behind>@)"#,
    },
    // A token before the host.
    Shape {
        hints: &["://"],
        regex: r"(?P<kept>\bhttps?://)[A-Za-z0-9_.~%+-]{16,255}(?P<behind>@)",
    },
    // `password=…`, `"api_key": "…"`, `client_secret: …`.
    Shape {
        hints: &["token", "key", "passw", "secret", "passphrase", "_pass", "_pwd", "passwd"],
        regex: r#"(?i)(?P<kept>(?:\btoken|\bsecret|(?:api|access|secret|private|auth)[_-]?(?:key|token)|passw(?:or)?d|passphrase|client[_-]?secret|[a-z_]{1,40}_(?:token|secret|pass|pwd))["']?\s{0,3}[=:]\s{0,3}["']?)(?P<value>[^\s"',;&/\[(][^\s"',;&\[(]{5,})(?P<code>[\[(]?)"#,
    },
    // A variable: `OPENAI_KEY=…`.
    Shape {
        hints: &["_key"],
        regex: r#"(?P<kept>\b[A-Z0-9_]{1,40}_KEY["']?\s{0,3}[=:]\s{0,3}["']?)(?P<value>[^\s"',;&/\[(][^\s"',;&\[(]{5,})(?P<code>[\[(]?)"#,
    },
    // `--token …`
    Shape {
        hints: &["--"],
        regex: r#"(?i)(?P<kept>--[a-z0-9_-]{0,40}(?:password|passwd|passphrase|token|secret|api[_-]?key|access[_-]key|secret[_-]key|auth[_-]key|private[_-]key)\s{1,3}["']?)(?P<argument>[^\s"'\[-][^\s"']{3,})"#,
    },
    // `curl -u bob:…`
    Shape {
        hints: &["-u", "--user"],
        regex: r#"(?P<kept>(?:\s-u|--user)[= ]["']?[^\s:"']{1,100}:)[^\s"']{3,}"#,
    },
    // Addresses that are signed.
    Shape {
        hints: &["x-amz-", "sig="],
        regex: r#"(?i)(?P<kept>(?:\bx-amz-(?:signature|credential|security-token)|[?&]sig)=)[^\s&"']{8,}"#,
    },
    // `AWS_SECRET_ACCESS_KEY …` as a table of `env` shows it is a variable; this is what its tools print.
    Shape {
        hints: &["aws_"],
        regex: r"(?i)(?P<kept>\baws_(?:secret_access_key|session_token)\s{1,3})[A-Za-z0-9/+=]{20,}",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_is_one_and_is_looked_for_by_what_it_holds() {
        for Shape { hints, regex } in &SHAPES {
            assert!(regex_lite::Regex::new(regex).is_ok(), "{regex}");
            let small = |hint: &&str| !hint.is_empty() && **hint == hint.to_ascii_lowercase();
            assert!(!hints.is_empty() && hints.iter().all(small), "{hints:?}");
        }
    }
}
