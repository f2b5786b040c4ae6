//! The HTML of reports, held to its promises.

mod checker;
mod contrast;

use super::super::{Agent, Gap, Mark, Report, Span, sample};
use super::clock::Clock;
use super::{html, plots};
use checker::{check, texts};

/// All samples, by name.
fn samples() -> Vec<(&'static str, Report)> {
    vec![
        ("nothing", Report::default()),
        ("small", sample::small()),
        ("three", sample::report()),
        ("week", sample::week()),
        ("crowd", sample::crowd(97)),
        ("hostile", sample::hostile()),
    ]
}

/// To look at: `AGENTWATCH_LOOK=/tmp cargo test --lib pages_are_whole` leaves the pages there.
#[test]
fn pages_are_whole() {
    for (name, report) in samples() {
        let page = html(&report);
        if let Ok(folder) = std::env::var("AGENTWATCH_LOOK") {
            std::fs::write(format!("{folder}/{name}.html"), &page).unwrap();
        }
        let seen = check(&page).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(!seen.tags.iter().any(|tag| tag == "script" || tag == "img"), "{name}");
        // Nothing of what stood for colours on the way is left, and no colour is fixed.
        assert!(!page.contains("#0000"), "{name}");
        assert!(!page.contains(" style=\"fill"), "{name}");
        for outside in ["http:", "https:", "url(\"", "@import", "src="] {
            let body = page.split("</head>").nth(1).unwrap();
            assert!(name == "hostile" || !body.contains(outside), "{name}: {outside}");
        }
    }
}

#[test]
fn the_small_sample_is_as_it_was() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/report/small.html");
    let page = html(&sample::small());
    if std::env::var_os("AGENTWATCH_BLESS").is_some() {
        std::fs::create_dir_all(std::path::Path::new(path).parent().unwrap()).unwrap();
        std::fs::write(path, &page).unwrap();
    }
    assert_eq!(page, std::fs::read_to_string(path).unwrap(), "{path}");
}

#[test]
fn whoever_wrote_it_it_is_text() {
    let page = html(&sample::hostile());
    let seen = check(&page).unwrap();
    let odd = |c: char| {
        c.is_control() && c != '\n'
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert!(!page.contains(odd));
    // The same elements as with words that mean no harm, but for what has room in a plot.
    let calm = check(&html(&sample::spoken("calm"))).unwrap();
    let tags = |tags: Vec<String>| -> Vec<String> {
        tags.into_iter().filter(|tag| tag != "text" && tag != "/text").collect()
    };
    assert_eq!(tags(seen.tags), tags(calm.tags));
    let quoted = "&lt;/style&gt;&lt;/title&gt;&lt;/text&gt;&lt;script&gt;alert(1)";
    assert!(page.contains(&format!("<title>{quoted}")));
    assert!(page.contains(&format!("<code><bdi>{quoted}")));
}

/// Takes a series away.
type Clear = fn(&mut Agent);

#[test]
fn where_there_is_nothing_to_say_nothing_is_said() {
    let day = sample::report().days;
    let bare = Agent { name: "bare".into(), state: "unknown", ..Agent::default() };
    let page = html(&Report { days: day, agents: vec![bare], ..Report::default() });
    for absent in ["<figure", "class=\"plot\"", "<h3", "<table", "<dl", "<section", "<ul", "<ol"] {
        assert!(!page.contains(absent), "{absent}");
    }
    // Each series has its own plot, and no other.
    let clear: [(Clear, &str); 5] = [
        (|agent| agent.cycles.clear(), "Tokens a cycle"),
        (|agent| agent.hours.clear(), "Cost by hour"),
        (|agent| agent.memory.clear(), "Memory"),
        (|agent| agent.failures_by_hour = [0; 24], "Failures by hour of the day"),
        (|agent| agent.history.clear(), "Tokens a cycle, day by day"),
    ];
    let whole = sample::report();
    let clock = Clock::new(&whole);
    for (clear, name) in clear {
        let mut agent = whole.agents[1].clone();
        let names = |agent: &Agent| -> Vec<&str> {
            plots::all(agent, &clock).iter().map(|plot| plot.name).collect()
        };
        let before = names(&agent);
        clear(&mut agent);
        let left: Vec<&str> = before.iter().copied().filter(|other| *other != name).collect();
        assert_eq!((before.len(), names(&agent)), (5, left));
    }
}

#[test]
fn without_known_cost_tokens_are_shown() {
    let mut report = sample::report();
    report.agents[2].hours.iter_mut().for_each(|hour| hour.usage.cost_usd = None);
    let clock = Clock::new(&report);
    let plots = plots::all(&report.agents[2], &clock);
    assert!(plots.iter().any(|plot| plot.name == "Tokens by hour"));
    report.agents[2].hours.iter_mut().for_each(|hour| hour.usage.cost_usd = Some(f64::NAN));
    assert!(check(&html(&report)).is_ok());
}

#[test]
fn the_numbers_of_a_table_are_those_of_its_plot() {
    let report = sample::report();
    let agent = &report.agents[2];
    let plots = plots::all(agent, &Clock::new(&report));
    let named = |name: &str| plots.iter().find(|plot| plot.name == name).unwrap();
    let ground = 1_319.0;
    let rises = |heights: &[f64], values: &[f64]| {
        let of = |n: usize| heights[n] / values[n];
        assert_eq!(heights.len(), values.len());
        for n in 0..heights.len() {
            assert!((of(n) / of(0) - 1.0).abs() < 0.02, "{n}: {heights:?} {values:?}");
        }
    };
    let number = |cell: &String| -> f64 {
        cell.chars()
            .filter(|c| c.is_ascii_digit() || *c == '.')
            .collect::<String>()
            .parse()
            .unwrap()
    };
    let column = |name: &str, at: usize| -> Vec<f64> {
        named(name).table.rows.iter().map(|row| number(&row[at])).collect()
    };
    // Points of lines: their distance from the ground is as their number.
    for (name, at) in [("Tokens a cycle", 1), ("Memory", 1)] {
        let svg = named(name).svg.as_deref().unwrap();
        let line = svg.split("class=\"line\" points=\"").nth(1).unwrap();
        let points = line.split('"').next().unwrap().split(' ');
        let heights: Vec<f64> = points
            .map(|point| ground - point.split(',').nth(1).unwrap().parse::<f64>().unwrap())
            .collect();
        rises(&heights, &column(name, at));
    }
    // Bars, and what they tell of themselves.
    let cost = named("Cost by hour");
    let svg = cost.svg.as_deref().unwrap();
    let heights = texts(svg, "height=\"", "\"><title>");
    let heights: Vec<f64> = heights.iter().map(|height| height.parse().unwrap()).collect();
    let exact: Vec<f64> = agent.hours.iter().map(|hour| hour.usage.cost_usd.unwrap()).collect();
    rises(&heights, &exact);
    let told: Vec<String> =
        cost.table.rows.iter().map(|row| format!("{}: {}", row[0], row[1])).collect();
    assert_eq!(texts(svg, "<title>", "</title>"), told);
    // Dots: a point a day.
    let days = named("Tokens a cycle, day by day");
    assert_eq!(days.svg.as_deref().unwrap().matches("h0").count(), days.table.rows.len());
}

#[test]
fn the_day_of_25_hours_has_all_of_them() {
    let page = html(&sample::report());
    assert!(page.contains("Sunday, 25 October 2026, 25 hours"));
    let hours = page.split("<h3>Cost by hour</h3>").nth(1).unwrap();
    for hour in ["01:00: $", "02:00 +02:00: $", "02:00 +01:00: $", "03:00: $"] {
        assert!(hours.contains(&format!("<title>{hour}")), "{hour}");
    }
    assert!(page.contains(">clocks back 1h</text>"));
}

#[test]
fn a_crowd_is_small_and_folded_but_for_those_with_something_to_say() {
    let page = html(&sample::crowd(97));
    assert!(page.len() < 3_000_000, "{} bytes", page.len());
    assert_eq!(page.matches("<details class=\"agent good\">").count(), 98);
    assert_eq!(page.matches(" open>").count(), 2);
    assert!(html(&sample::report()).len() < 150_000);
}

#[test]
fn an_agent_that_flaps_all_day_fits_and_its_failures_are_seen() {
    let mut report = sample::report();
    let from = report.days[0].from_ms;
    let span = |n: i64| Span {
        state: ["failed", "starting", "healthy"][usize::try_from(n % 3).unwrap()],
        from_ms: from + n * 1_000,
        until_ms: from + (n + 1) * 1_000,
    };
    let mut agent = Agent { name: "flaps".into(), mark: Mark::Bad, ..Agent::default() };
    agent.spans = (0..90_000).map(span).collect();
    let gap = |n: i64| Gap {
        from_ms: from + n * 90_000,
        until_ms: from + n * 90_000 + 1_000,
        cause: "exit 1".into(),
        ..Gap::default()
    };
    agent.gaps = (0..1_000).map(gap).collect();
    report.agents = vec![agent];
    let page = html(&report);
    assert!(page.len() < 300_000, "{} bytes", page.len());
    // Of a second of a day there would be nothing to be seen.
    let strip = page.split("<rect class=\"s-failed\"").nth(1).unwrap();
    assert!(strip.contains("width=\"100%\""), "{strip:.200}");
}
