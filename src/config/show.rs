//! What `agentwatch check` prints: every setting, its value, and where it came from. Pure.

use std::fmt::Write as _;

use serde_json::{Map, Value as Json, json};

use super::error::printable;
use super::files::Looked;
use super::keys::Kind;
use super::resolve::{Effective, Resolved};

/// The widest column, in characters: one long command must not move all origins out of sight, and
/// formatting knows no width beyond 65,535.
const ALIGNED_MAX: usize = 100;

/// What stands for a value that is not set.
const UNSET: &str = "unset";

/// An aligned table of key, value and origin, then rules, files and notes; every line ends in a line break.
#[must_use]
pub fn text(resolved: &Resolved) -> String {
    let rules = resolved.rules.iter().zip(1..).map(|(rule, at)| {
        let (text, origin) = (printable(&rule.text()), printable(&rule.origin.to_string()));
        [format!("restart.rule {at}"), text, origin]
    });
    let rows: Vec<[String; 3]> = resolved
        .values
        .iter()
        .map(|one| {
            let value = one.value.as_deref().map_or_else(|| UNSET.to_owned(), printable);
            [one.key.path.to_owned(), value, printable(&origin(one))]
        })
        .chain(rules)
        .collect();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count().min(ALIGNED_MAX)).max()
    };
    let (keys, values) = (width(0).unwrap_or(0), width(1).unwrap_or(0));
    let mut text = String::new();
    for [key, value, origin] in &rows {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{key:keys$}  {value:values$}  {origin}");
    }
    let names: Vec<&str> = resolved.variables.names().collect();
    if !names.is_empty() {
        let _ = writeln!(text, "variables: {} (values are not shown)", names.join(", "));
    }
    for Looked { shown, came_of_it } in &resolved.looked {
        let _ = writeln!(text, "file {shown}: {came_of_it}");
    }
    for note in &resolved.notes {
        let _ = writeln!(text, "note: {note}");
    }
    text
}

/// Where a value came from, and what it won over.
fn origin(one: &Effective) -> String {
    let mut words = one.origin.to_string();
    for (text, origin) in &one.over {
        let _ = write!(words, ", over {text} ({origin})");
    }
    words
}

/// The same for programs. Counts are numbers, switches booleans, the rest text as one would write
/// it; an unset value is null. A path or argument that is not UTF-8 is shown as near as text can.
#[must_use]
pub fn json(resolved: &Resolved) -> Json {
    let settings: Map<String, Json> = resolved
        .values
        .iter()
        .map(|one| {
            let origin = one.origin.to_string();
            let over = one.over.iter();
            let over: Vec<Json> = over
                .map(|(text, origin)| {
                    json!({ "value": typed(one, text), "origin": origin.to_string() })
                })
                .collect();
            let shown = json!({ "value": value(one), "origin": origin, "over": over });
            (one.key.path.to_owned(), shown)
        })
        .collect();
    let rules: Vec<Json> = resolved
        .rules
        .iter()
        .map(|rule| json!({ "value": rule.text(), "origin": rule.origin.to_string() }))
        .collect();
    let variables: Vec<&str> = resolved.variables.names().collect();
    let files: Vec<Json> = resolved
        .looked
        .iter()
        .map(|one| json!({ "path": one.shown, "state": one.came_of_it }))
        .collect();
    let command: Vec<_> = resolved.command.iter().map(|word| word.to_string_lossy()).collect();
    json!({
        "command": command,
        "settings": settings,
        "rules": rules,
        "variables": variables,
        "files": files,
        "notes": resolved.notes,
    })
}

fn value(one: &Effective) -> Json {
    one.value.as_ref().map_or(Json::Null, |text| typed(one, text))
}

fn typed(one: &Effective, text: &str) -> Json {
    match one.key.kind {
        Kind::Count { .. } => text.parse::<u32>().map_or(Json::Null, Json::from),
        Kind::Decimal { .. } => match text.parse::<u64>() {
            Ok(whole) => Json::from(whole),
            Err(_) => text.parse::<f64>().map_or(Json::Null, Json::from),
        },
        Kind::Bool => Json::Bool(text == "true"),
        Kind::Duration { .. }
        | Kind::Size { .. }
        | Kind::Choice(_)
        | Kind::Signal
        | Kind::Path
        | Kind::Input
        | Kind::Name
        | Kind::Label
        | Kind::Text
        | Kind::Secret
        | Kind::Sinks
        | Kind::Addresses
        | Kind::Files
        | Kind::Command => Json::from(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::resolve::tests::resolved;

    #[test]
    fn the_table_lines_up_and_ends_in_the_notes() {
        let text = text(&resolved(
            &["--cooldown", "10s", "python", "agent.py"],
            "[heartbeat]\nmisses = 3",
        ));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), crate::config::keys::KEYS.len() + 1, "{text}");
        let line = |key: &str| {
            let line = lines.iter().find(|line| line.starts_with(key)).unwrap();
            line.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(line("name "), "name agent from the command");
        assert_eq!(line("heartbeat.interval "), "heartbeat.interval 60s default");
        assert_eq!(line("heartbeat.misses "), "heartbeat.misses 3 agentwatch.toml:2");
        assert_eq!(line("heartbeat.start_grace "), "heartbeat.start_grace unset default");
        assert_eq!(line("restart.cooldown "), "restart.cooldown 10s --cooldown");
        assert_eq!(lines.last(), Some(&"note: settings from ./agentwatch.toml"));
        let column = lines[0].find("from the command");
        let aligned = lines.iter().find(|line| line.starts_with("heartbeat.misses")).unwrap();
        assert_eq!(aligned.find("agentwatch.toml:2"), column, "{text}");
    }

    #[test]
    fn a_value_is_shown_whole_and_on_one_line() {
        let long = format!("/{}/a\nb", "x".repeat(200));
        let text = text(&resolved(&["--state-dir", &long, "x"], ""));
        assert!(text.contains(&long.replace('\n', "\\n")), "{text}");
    }

    #[test]
    fn a_value_of_any_length_is_shown() {
        let long = format!("/{}", "x".repeat(100_000));
        let text = text(&resolved(&["--state-dir", &long, "x"], ""));
        assert!(text.contains(&format!("{long}  --state-dir")));
        assert!(text.lines().filter(|line| 200 < line.len()).count() == 1);
    }

    #[test]
    fn programs_get_types() {
        let json = json(&resolved(&["--cooldown", "10s", "python", "agent.py"], ""));
        let setting = |key: &str| json["settings"][key].clone();
        assert_eq!(
            setting("restart.cooldown"),
            json!({ "value": "10s", "origin": "--cooldown", "over": [] })
        );
        assert_eq!(
            setting("heartbeat.misses"),
            json!({ "value": 2, "origin": "default", "over": [] })
        );
        assert_eq!(setting("output.capture_stderr")["value"], json!(true));
        assert_eq!(setting("heartbeat.start_grace")["value"], Json::Null);
        assert_eq!(json["command"], json!(["python", "agent.py"]));
    }
}
