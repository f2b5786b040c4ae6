//! Under which names a model may stand in a table of prices: its own, and that without known decorations.
//!
//! Nothing is guessed by resemblance. A prefix comes off only before a name of the family that it sells, and
//! at the price for which it sells it; a version, a date and the like come off at the end.

/// A name to look for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The name.
    pub name: String,
    /// What the model costs by its full name, in hundredths of what it costs by this one.
    pub percent: u64,
}

/// The longest name that is looked for, in bytes; the longest that is known to have a price has 76.
const NAME_MAX: usize = 128;

/// The most that is taken from the end of a name: a mark of the context, a version and a date at once.
const ENDS_MAX: usize = 3;

const CLAUDE: &[&str] = &["claude-"];
const GPT: &[&str] = &["gpt-", "chatgpt-", "codex-", "o1", "o3", "o4"];
const GEMINI: &[&str] = &["gemini-"];
const GROK: &[&str] = &["grok-"];
const DEEPSEEK: &[&str] = &["deepseek-"];
const MISTRAL: &[&str] =
    &["mistral-", "ministral-", "magistral-", "codestral-", "devstral-", "open-mistral-"];
const MOONSHOT: &[&str] = &["kimi-", "moonshot-"];
const ON_BEDROCK: &[&str] = &["anthropic.claude-"];

/// Prefixes, what must follow, and the price in hundredths of what it is without them. `LiteLLM`'s table as of
/// `config/prices.toml` bears out each: regions of Bedrock cost a tenth more, its government's two tenths.
const PREFIXES: &[(&str, &[&str], u64)] = &[
    ("anthropic/", CLAUDE, 100),
    ("openai/", GPT, 100),
    ("gemini/", GEMINI, 100),
    ("google/", GEMINI, 100),
    ("models/", GEMINI, 100),
    ("vertex_ai/", CLAUDE, 100),
    ("vertex_ai/", GEMINI, 100),
    ("xai/", GROK, 100),
    ("x-ai/", GROK, 100),
    ("deepseek/", DEEPSEEK, 100),
    ("mistral/", MISTRAL, 100),
    ("mistralai/", MISTRAL, 100),
    ("moonshot/", MOONSHOT, 100),
    ("moonshotai/", MOONSHOT, 100),
    ("openrouter/", &["anthropic/", "openai/", "google/", "x-ai/"], 100),
    ("bedrock/", &["anthropic.", "global.anthropic.", "us.anthropic.", "eu.anthropic."], 100),
    ("bedrock/", &["jp.anthropic.", "au.anthropic.", "apac.anthropic."], 100),
    ("bedrock/", &["us-gov.anthropic."], 100),
    ("global.", ON_BEDROCK, 100),
    ("us.", ON_BEDROCK, 110),
    ("eu.", ON_BEDROCK, 110),
    ("jp.", ON_BEDROCK, 110),
    ("au.", ON_BEDROCK, 110),
    ("apac.", ON_BEDROCK, 110),
    ("us-gov.", ON_BEDROCK, 120),
    ("anthropic.", CLAUDE, 100),
];

/// Under which prefix the maker's own price stands in tables that have one for every name.
const MAKERS: &[(&str, &[&str])] = &[
    ("gemini/", GEMINI),
    ("xai/", GROK),
    ("deepseek/", DEEPSEEK),
    ("mistral/", MISTRAL),
    ("moonshot/", MOONSHOT),
];

/// Where the price of `model` may stand, the most exact name first. There are few, however long it is.
#[must_use]
pub fn candidates(model: &str) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = Vec::new();
    let mut add = |name: &str, percent| {
        if found.iter().all(|known| known.name != name) {
            found.push(Candidate { name: name.to_owned(), percent });
        }
    };
    if model.is_empty() || NAME_MAX < model.len() {
        return found;
    }
    let begin = Some((model, 100));
    // Whole names first, then those without what stands at their end.
    let heads: Vec<_> = std::iter::successors(begin, |head| without_prefix(*head)).collect();
    let ends = |name| {
        std::iter::successors(Some(name), |name: &&str| without_end(name)).take(ENDS_MAX + 1)
    };
    let most = heads.iter().map(|(name, _)| ends(*name).count()).max().unwrap_or(0);
    for cut in 0..most {
        for (head, percent) in &heads {
            let Some(name) = ends(*head).nth(cut) else { continue };
            add(name, *percent);
            for (maker, family) in MAKERS {
                if is_of(name, family) {
                    add(&format!("{maker}{name}"), *percent);
                }
            }
        }
    }
    found
}

fn is_of(name: &str, family: &[&str]) -> bool {
    family.iter().any(|begin| name.starts_with(begin))
}

fn without_prefix((name, percent): (&str, u64)) -> Option<(&str, u64)> {
    PREFIXES.iter().find_map(|(prefix, family, share)| {
        let rest = name.strip_prefix(prefix)?;
        is_of(rest, family).then_some((rest, percent * share / 100))
    })
}

/// The name without what Claude Code, Bedrock, Vertex AI or a snapshot adds to its end.
fn without_end(name: &str) -> Option<&str> {
    let fixed = ["[1m]", "-v1", "-v1:0", "-v2:0", "@default", "@latest", "-latest"];
    let fixed = fixed.iter().find_map(|end| name.strip_suffix(end));
    fixed.or_else(|| without_date(name)).filter(|rest| !rest.is_empty())
}

/// `-20250929`, `@20250929`, `-2025-08-07`.
fn without_date(name: &str) -> Option<&str> {
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (rest, date) = name.rsplit_once(['-', '@'])?;
    if date.len() == 8 && date.starts_with("20") && is_number(date) {
        return Some(rest);
    }
    let (at, date) = name.split_at_checked(name.len().checked_sub("-2025-08-07".len())?)?;
    let parts: Vec<&str> = date.strip_prefix('-')?.split('-').collect();
    let is_date = matches!(parts[..], [year, month, day]
        if (year.len(), month.len(), day.len()) == (4, 2, 2)
            && year.starts_with("20") && [year, month, day].into_iter().all(is_number));
    is_date.then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(model: &str) -> Vec<String> {
        candidates(model).into_iter().map(|one| one.name).collect()
    }

    fn percent(model: &str, name: &str) -> Option<u64> {
        candidates(model).into_iter().find(|one| one.name == name).map(|one| one.percent)
    }

    #[test]
    fn known_decorations_come_off_and_the_exact_name_is_first() {
        for (model, name) in [
            ("claude-sonnet-4-5", "claude-sonnet-4-5"),
            ("claude-sonnet-4-5-20250929", "claude-sonnet-4-5"),
            ("claude-sonnet-4-5[1m]", "claude-sonnet-4-5"),
            ("anthropic/claude-sonnet-4-5-20250929", "claude-sonnet-4-5"),
            ("openrouter/anthropic/claude-sonnet-4-5", "claude-sonnet-4-5"),
            ("vertex_ai/claude-sonnet-4-5@20250929", "claude-sonnet-4-5"),
            ("claude-sonnet-4-5@default", "claude-sonnet-4-5"),
            ("openai/gpt-5-2025-08-07", "gpt-5"),
            ("models/gemini-2.5-pro", "gemini-2.5-pro"),
            ("gemini-2.5-pro", "gemini/gemini-2.5-pro"),
            ("mistral-large-latest", "mistral/mistral-large-latest"),
            ("grok-4.5-latest", "grok-4.5"),
        ] {
            assert_eq!(percent(model, name), Some(100), "{model}");
            assert_eq!(names(model)[0], model);
            assert!(names(model).len() <= 24, "{:?}", names(model));
        }
    }

    #[test]
    fn a_region_of_bedrock_costs_more_and_its_exact_name_wins() {
        let model = "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0";
        assert_eq!(percent(model, "claude-sonnet-4-5"), Some(110));
        assert_eq!(percent(model, "us.anthropic.claude-sonnet-4-5-20250929-v1:0"), Some(100));
        assert_eq!(percent(model, "anthropic.claude-sonnet-4-5-20250929"), Some(110));
        assert_eq!(percent("global.anthropic.claude-opus-5-v1", "claude-opus-5"), Some(100));
        assert_eq!(percent("us-gov.anthropic.claude-opus-5", "claude-opus-5"), Some(120));
    }

    #[test]
    fn nothing_is_guessed_by_resemblance() {
        for (model, guess) in [
            ("claude-sonnet-4-5-mine", "claude-sonnet-4-5"),
            ("my-claude-sonnet-4-5", "claude-sonnet-4-5"),
            // Anything speaks the protocol of OpenAI.
            ("openai/deepseek-chat", "deepseek-chat"),
            ("groq/gpt-5", "gpt-5"),
            ("us.claude-opus-5", "claude-opus-5"),
            ("gpt-5:free", "gpt-5"),
            ("gpt-5-20", "gpt-5"),
            ("gpt-5-10250929", "gpt-5"),
            ("gpt-5-2025-8-07", "gpt-5"),
            ("Claude-Opus-5", "claude-opus-5"),
        ] {
            assert_eq!(percent(model, guess), None, "{model}");
        }
    }

    #[test]
    fn hostile_names_are_looked_for_in_few_places() {
        assert_eq!(names(""), Vec::<String>::new());
        assert_eq!(names(&"x".repeat(NAME_MAX + 1)), Vec::<String>::new());
        let latest = format!("gemini-{}", "-latest".repeat(17));
        let dates = format!("gpt-{}", "-20250101".repeat(13));
        let odd = ["-", "@", "-latest", "[1m]", "-2025-01-0é", "é-20250101", &latest, &dates];
        for odd in odd {
            assert!(names(odd).len() <= 40, "{odd}");
        }
    }
}
