//! What many agents may have in common, so that their letters become one. Pure.

use crate::core::fact::Fact;
use crate::core::incident::Incident;
use crate::wire::last::is_warning;
use crate::wire::mask::masked;

/// What many agents may have in common: the last words of who fails, the provider that is away.
pub(super) fn group(incident: &Incident) -> Option<String> {
    let Some(Fact::Exited { last_line: Some(line), .. }) =
        incident.fact(|fact| matches!(fact, Fact::Exited { .. }))
    else {
        return None;
    };
    // What a library warns of is no cause, and many print it.
    if is_warning(line) {
        return None;
    }
    let line: String = masked(line).chars().take(120).collect();
    Some(format!("{}: {}", incident.trouble.word(), without_numbers(&line).trim()))
}

/// Numbers differ from agent to agent: times, pids, requests. What an API answered is the same, and says much.
fn without_numbers(line: &str) -> String {
    let is_digit = |c: char| c.is_ascii_digit();
    let (mut text, mut rest) = (String::new(), line);
    while let Some(at) = rest.find(is_digit) {
        let (before, number) = rest.split_at(at);
        let end = number.find(|c| !is_digit(c)).unwrap_or(number.len());
        let (number, behind) = number.split_at(end);
        let whole = !before.ends_with(['.', ':', '-', '/']) && !behind.starts_with([':', '-', '/']);
        let code = number.len() == 3 && number.starts_with(['4', '5']) && whole;
        text.push_str(before);
        text.push_str(if code { number } else { "#" });
        rest = behind;
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::without_numbers;

    #[test]
    fn numbers_of_one_agent_are_no_difference_and_answers_of_an_api_are() {
        for (line, want) in [
            ("API 529 overloaded, request 8812", "API 529 overloaded, request #"),
            ("Error: 429.", "Error: 429."),
            ("HTTP/1.1 503", "HTTP/#.# 503"),
            ("12:04:05.404 pid 4711 gone", "#:#:#.# pid # gone"),
            ("2026-11-24T03:02:500Z x", "#-#-#T#:#:#Z x"),
            ("row 1234 of 5000", "row # of #"),
            ("é 500", "é 500"),
            ("", ""),
        ] {
            assert_eq!(without_numbers(line), want, "{line}");
        }
    }
}
