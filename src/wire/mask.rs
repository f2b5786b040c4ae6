//! Secrets in lines of output: keys of providers, bearer tokens, passwords in URLs and assignments are
//! blanked before a line is kept, shown or sent (SPEC §8). Pure.

use std::borrow::Cow;
use std::sync::OnceLock;

use regex_lite::{Captures, Regex};

mod shapes;

use shapes::{SHAPES, Shape};

/// What stands in the place of a secret.
pub const MASK: &str = "[masked]";

/// So many signs of base64 are no word.
const LONG: usize = 40;

/// Words that stand behind `--token` or `password:` where that is talked about.
const TALK: [&str; 64] = [
    "a",
    "an",
    "and",
    "are",
    "argument",
    "as",
    "be",
    "but",
    "by",
    "can",
    "cannot",
    "changed",
    "does",
    "empty",
    "error",
    "expects",
    "expired",
    "failed",
    "flag",
    "for",
    "found",
    "from",
    "given",
    "had",
    "has",
    "if",
    "in",
    "incorrect",
    "invalid",
    "is",
    "missing",
    "mismatch",
    "must",
    "needs",
    "none",
    "not",
    "null",
    "of",
    "off",
    "on",
    "option",
    "or",
    "parameter",
    "provided",
    "rejected",
    "required",
    "requires",
    "revoked",
    "set",
    "should",
    "string",
    "that",
    "the",
    "to",
    "true",
    "false",
    "undefined",
    "unknown",
    "used",
    "value",
    "was",
    "will",
    "with",
    "wrong",
];

/// Ends of names of options whose value is a secret.
const OPTIONS: [&str; 14] = [
    "password",
    "passwd",
    "passphrase",
    "pass",
    "token",
    "secret",
    "api-key",
    "api_key",
    "apikey",
    "access-key",
    "secret-key",
    "auth-key",
    "private-key",
    "credential",
];

fn compiled(at: usize, shape: &Shape) -> Option<&'static Regex> {
    static COMPILED: [OnceLock<Option<Regex>>; SHAPES.len()] =
        [const { OnceLock::new() }; SHAPES.len()];
    COMPILED.get(at)?.get_or_init(|| Regex::new(shape.regex).ok()).as_ref()
}

/// The line with whatever looks like a secret blanked.
#[must_use]
pub fn masked(line: &str) -> Cow<'_, str> {
    let small = line.to_ascii_lowercase();
    let mut line = Cow::Borrowed(line);
    // Few lines hold anything that a secret could stand behind, and to look for that costs little.
    let may = |shape: &Shape| shape.hints.iter().any(|hint| small.contains(hint));
    for (at, shape) in SHAPES.iter().enumerate().filter(|(_, shape)| may(shape)) {
        let Some(regex) = compiled(at, shape) else { continue };
        let mut any = false;
        let blank = |found: &Captures<'_>| {
            let part = |name: &str| found.name(name).map_or("", |part| part.as_str());
            let talk = is_talk(part("value")) || is_talk(part("argument"));
            // As `--token TOKEN` in a line about usage.
            let talk = talk || is_placeholder(part("argument"));
            // As in "Basic authentication failed".
            let talk = talk || is_word(part("code_word"));
            if talk || !part("code").is_empty() {
                return found.get(0).map_or("", |whole| whole.as_str()).to_owned();
            }
            any = true;
            format!("{}{MASK}{}", part("kept"), part("behind"))
        };
        let changed = regex.replace_all(&line, blank).into_owned();
        if any {
            line = Cow::Owned(changed);
        }
    }
    line
}

fn is_talk(value: &str) -> bool {
    let small = value.to_ascii_lowercase();
    TALK.contains(&small.trim_end_matches(['.', ':', '!', ')']))
}

fn is_word(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_lowercase())
}

fn is_placeholder(value: &str) -> bool {
    let is_sign = |c: char| c.is_ascii_uppercase() || "_-<>[]|,.".contains(c);
    !value.is_empty() && value.chars().all(is_sign)
}

/// The same of lines that belong together: keys that go over several of them are one mask. `text` is what a
/// line says.
pub fn mask_lines<T>(lines: &mut Vec<T>, text: impl Fn(&mut T) -> &mut String) {
    let mut inside = false;
    for at in 0..lines.len() {
        let Some(line) = lines.get_mut(at).map(&text) else { continue };
        let is_mark = line.contains("PRIVATE KEY-----");
        let (begins, ends) =
            (is_mark && line.contains("-----BEGIN"), is_mark && line.contains("-----END"));
        let masked = masked(line).into_owned();
        *line = match (begins, ends) {
            (false, false) if inside && is_of_key(line) => MASK.to_owned(),
            (false, true) => MASK.to_owned(),
            _ => masked,
        };
        if ends && !begins && !inside {
            // Its beginning was printed before what is kept.
            for before in lines.iter_mut().take(at).rev() {
                let before = text(before);
                if !is_of_key(before) {
                    break;
                }
                MASK.clone_into(before);
            }
        }
        let goes_on = lines.get_mut(at).map(&text).is_some_and(|line| line == MASK);
        inside = (begins || inside && goes_on) && !ends;
    }
    lines.dedup_by(|later, before| text(later) == MASK && text(before) == MASK);
}

/// Whether a line can be one of a key in PEM, behind whatever a logger puts in front.
fn is_of_key(line: &str) -> bool {
    let is_code =
        |word: &str| word.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b));
    let line = line.trim();
    let last = line.rsplit(' ').next().unwrap_or_default();
    is_code(line)
        || LONG <= last.len() && is_code(last)
        || line.contains("Proc-Type:")
        || line.contains("DEK-Info:")
}

/// The words of a command without what looks like a secret, the values of options such as `--api-key` among it.
#[must_use]
pub fn masked_command(words: &[String]) -> Vec<String> {
    let mut all: Vec<String> = Vec::with_capacity(words.len());
    let mut option = "";
    for word in words {
        let login = ["-u", "--user"].contains(&option) && word.contains(':');
        all.push(if is_secret_option(option) && !word.starts_with('-') || login {
            MASK.to_owned()
        } else {
            masked(word).into_owned()
        });
        option = word;
    }
    all
}

fn is_secret_option(word: &str) -> bool {
    let small = word.to_ascii_lowercase();
    let name = small.trim_start_matches('-');
    small.starts_with('-')
        && !small.contains(['=', ' '])
        && OPTIONS.iter().any(|end| name.ends_with(end))
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
            (
                "at https://hooks.slack.com/services/T0/B0/abcdefgh: 404",
                "at https://hooks.slack.com/services/[masked]: 404",
            ),
            (
                "https://discord.com/api/webhooks/4159128788/2bhj-k4rz_WEL",
                "https://discord.com/api/webhooks/[masked]",
            ),
            (
                "/bot530818845:eTINx5LHrkkgb5eX3d6v1Rqn0gGGk5BVsiY/send",
                "/bot530818845:[masked]/send",
            ),
            ("Authorization: token abcdefgh12345678", "Authorization: token [masked]"),
            ("npm_03TUpe5WfCUFaqJVVv0A4BQ0qhbaOcPOGUbN", "[masked]"),
            ("eyJhbGciOiJI.eyJzdWIiOiIx.sig-nature", "[masked]"),
            ("postgres://bob:p@ssw0rd@db/x", "postgres://bob:[masked]@db/x"),
            ("postgres://bob:p/ss@w0rd@db/x", "postgres://bob:[masked]@db/x"),
            ("curl --token abcdefgh12345678", "curl --token [masked]"),
            ("mysql --password hunter22 -h db", "mysql --password [masked] -h db"),
            ("curl -u bob:hunter22 https://x", "curl -u bob:[masked] https://x"),
            ("DB_PASS=hunter33x", "DB_PASS=[masked]"),
            ("PGPASSWORD=zzzzzz1 psql", "PGPASSWORD=[masked] psql"),
            ("DEEPSEEK_KEY=abcdef123456", "DEEPSEEK_KEY=[masked]"),
            ("secret: mysecretvalue", "secret: [masked]"),
            (
                "https://abcdef0123456789abcdef0123456789@git.example.org/x",
                "https://[masked]@git.example.org/x",
            ),
            ("Cookie: session=abcdef123456789; a=b", "Cookie: [masked]"),
            ("'Set-Cookie': 'sid=abcdef1234; Path=/'", "'Set-Cookie': '[masked]; Path=/'"),
            ("X-Auth-Token: 99887766aabb", "X-Auth-Token: [masked]"),
            ("x-api-key: 0123456789abcdefKEY", "x-api-key: [masked]"),
            ("Authorization: 0123456789abcdef", "Authorization: [masked]"),
            ("?X-Amz-Signature=0123456789abcdef0123&x=1", "?X-Amz-Signature=[masked]&x=1"),
            (
                "{\"private_key\": \"-----BEGIN PRIVATE KEY-----\\nMIIEvQIBADAN\\n-----END PRIVATE KEY-----\"}",
                "{\"private_key\": \"[masked]\"}",
            ),
        ] {
            assert_eq!(masked(line), kept, "{line}");
        }
    }

    #[test]
    fn what_helps_to_find_the_fault_stays() {
        for line in include_str!("mask/ordinary.log").lines() {
            assert_eq!(masked(line), line);
        }
    }

    fn mask(text: &str) -> String {
        let mut lines: Vec<String> = text.split('|').map(str::to_owned).collect();
        mask_lines(&mut lines, |line| line);
        lines.join("|")
    }

    #[test]
    fn a_key_of_many_lines_is_blanked_whole_also_where_it_was_cut() {
        let key = "MIIEowIBAAKCAQEA1234567890abcdefghij|KCAQEA1234567890abcdefghijABCDEFG==";
        let (begin, end) = ("-----BEGIN RSA PRIVATE KEY-----", "-----END RSA PRIVATE KEY-----");
        assert_eq!(mask(&format!("a|{begin}|{key}|{end}|b c")), "a|[masked]|b c");
        assert_eq!(mask(&format!("{key}|{end}|b c")), "[masked]|b c");
        assert_eq!(
            mask(&format!("a b|{begin}|{key}|Traceback (most recent)")),
            "a b|[masked]|Traceback (most recent)"
        );
        let logged = "12:00 INFO MIIEowIBAAKCAQEA1234567890abcdefghijKCAQEA1234567890abcdefghij";
        assert_eq!(
            mask(&format!("x {begin}|{logged}|x {end}|ok then")),
            "x [masked]|[masked]|ok then"
        );
        assert_eq!(mask("a|b|password=hunter22"), "a|b|password=[masked]");
    }

    #[test]
    fn a_command_is_shown_without_what_is_secret_in_it() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        for (command, shown) in [
            ("python agent.py --api-key sk-1 -v", "python agent.py --api-key [masked] -v"),
            ("run --token=abcdef123456", "run --token=[masked]"),
            ("run --db-password p --fast", "run --db-password [masked] --fast"),
            ("env API_TOKEN=abcdef123456 run", "env API_TOKEN=[masked] run"),
            ("curl -u bob:pw x", "curl -u [masked] x"),
            ("run --password --fast", "run --password --fast"),
            ("run --max-tokens 4096", "run --max-tokens 4096"),
        ] {
            assert_eq!(masked_command(&words(command)), words(shown), "{command}");
        }
    }

    #[test]
    fn long_lines_take_no_time() {
        let line = "a_key://".repeat(2_000);
        assert_eq!(masked(&line), line);
    }
}
