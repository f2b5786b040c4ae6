//! Pictures, as people see them: `tests/golden/top/`, accepted anew by `AGENTWATCH_BLESS=1`.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::Modifier;

use super::*;
use crate::core::time::Up;
use crate::report::happened::Happened;
use crate::report::spend::Spend;
use crate::report::status::Status;
use crate::top::keys::Key;
use crate::top::model::Row;

const THEME: Theme = Theme { colour: true, unicode: true };

fn status(name: &str, state: &'static str, state_ms: u64) -> Status {
    Status {
        agent: name.to_owned(),
        state,
        state_ms: Some(state_ms),
        state_dir: "/var/lib/agentwatch".to_owned(),
        supervised: true,
        supervisor_pid: Some(700),
        incarnation: 4,
        max_failures: 3,
        interval_ms: 60_000,
        command: vec!["python3".to_owned(), format!("{name}.py")],
        directory: "/srv/agents".to_owned(),
        ..Status::default()
    }
}

/// One that runs, with these tokens in its last cycles.
fn live(name: &str, tokens: &[u64], spend: Spend) -> Row {
    let status = Status {
        pid: Some(4711),
        up_ms: Some(11_040_000),
        last_beat_ms: Some(12_300),
        longest_gap_ms: Some(64_000),
        status: Some("ok".to_owned()),
        recent_tokens: tokens.to_vec(),
        last_tokens: tokens.last().copied(),
        spend: Some(spend),
        ..status(name, "healthy", 10_950_000)
    };
    Row { status, need: Need::Fine, factor: Some(1_000), ..Row::default() }
}

fn row(status: Status, need: Need, note: &str) -> Row {
    Row { status, need, note: Some(note.to_owned()), ..Row::default() }
}

fn spend(usual: u64, usd_today: f64, max_usd_per_day: Option<f64>) -> Spend {
    Spend { baseline: Some(usual), usd_today, max_usd_per_day, ..Spend::default() }
}

/// A fleet in which there is one of everything.
fn fleet() -> Model {
    let mut model = Model::new(vec!["/var/lib/agentwatch".to_owned()]);
    let steady: Vec<u64> = (0..48).map(|n| 1_150 + (n * 37) % 120).collect();
    let mut runaway = vec![9_800; 40];
    runaway.extend([14_000, 22_000, 112_000, 130_000]);
    let mut looping = live("researcher", &runaway, spend(9_900, 17.2, Some(20.0)));
    looping.note = Some("a loop? for 12m".to_owned());
    looping.need = Need::Trouble;
    let mut given_up = status("trader", "escalated", 200_000);
    given_up.streak = 3;
    given_up.latched_since = Some("2026-11-22T07:56:51.000Z".to_owned());
    given_up.command_to_type = Some("agentwatch resume trader".to_owned());
    given_up.last_end = Some("exit 1 after 0.2s; last line: KeyError: 'BROKER_TOKEN'".to_owned());
    given_up.last_end_ms = Some(200_000);
    let mut given_up = row(given_up, Need::Human, "3 failures");
    given_up.incidents =
        vec!["failing since 2026-11-22 08:55:01, critical; not acknowledged".to_owned()];
    let mut waits = status("scout", "cooldown", 62_000);
    (waits.streak, waits.next_start_ms) = (1, Some(238_000));
    let mut stopped = row(status("old-crawler", "stopped", 93_600_000), Need::Down, "");
    stopped.note = None;
    let mut unbeating = live("indexer", &[], Spend::default());
    (unbeating.status.state, unbeating.status.last_beat_ms) = ("running", None);
    model.update(vec![
        live("crawler", &steady, spend(1_204, 4.1, Some(20.0))),
        unbeating,
        looping,
        row(waits, Need::Trouble, "next start in 3m58s"),
        given_up,
        stopped,
    ]);
    let event = |at, event: &str, tone, words: &str| {
        let (event, words) = (event.to_owned(), words.to_owned());
        ("trader".to_owned(), Happened { at: Wall(NOW.0 - at), event, tone, words })
    };
    model.events = vec![
        event(90_000_000, "started", Tone::Plain, "incarnation 1, pid 4502"),
        event(
            200_300,
            "exited",
            Tone::Bad,
            "failure 3 of 3: exit 1 after 0.2s; last line: KeyError: 'BROKER_TOKEN'",
        ),
        event(200_000, "escalated", Tone::Bad, "3 failures in 10m, same last line"),
        event(199_900, "incident_opened", Tone::Warning, "critical incident: failing"),
    ];
    model
}

/// 2026-11-22 08:00:11 UTC.
const NOW: Wall = Wall(1_795_334_411_000);

fn view(theme: Theme) -> View {
    View { theme, offset_s: 3600, now: NOW }
}

fn paint(model: &mut Model, theme: Theme, width: u16, height: u16) -> Buffer {
    let share = room(width, height, model.rows().len(), model.unreadable.len());
    model.fit(usize::from(share.agents));
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    let model = &*model;
    let view = view(theme);
    terminal.draw(|frame| draw(model, &view, frame.area(), frame.buffer_mut())).unwrap();
    terminal.backend().buffer().clone()
}

fn text(buffer: &Buffer) -> String {
    let area = *buffer.area();
    let line = |y| -> String { (0..area.width).map(|x| buffer[(x, y)].symbol()).collect() };
    (0..area.height).map(|y| line(y).trim_end().to_owned() + "\n").collect()
}

/// The text with the style of each stretch named in front of it, so that colours are held too.
fn styled(buffer: &Buffer) -> String {
    let area = *buffer.area();
    let mut lines = String::new();
    for y in 0..area.height {
        let mut last = None;
        let mut line = String::new();
        for x in 0..area.width {
            let cell = &buffer[(x, y)];
            let style = (cell.fg, cell.modifier);
            if last != Some(style) && cell.symbol() != " " {
                last = Some(style);
                let bold = if cell.modifier.contains(Modifier::BOLD) { "+bold" } else { "" };
                let dim = if cell.modifier.contains(Modifier::DIM) { "+dim" } else { "" };
                let turned = if cell.modifier.contains(Modifier::REVERSED) { "+rev" } else { "" };
                let _ = write!(line, "{{{}{bold}{dim}{turned}}}", cell.fg);
            }
            line.push_str(cell.symbol());
        }
        lines.push_str(line.trim_end());
        lines.push('\n');
    }
    lines
}

fn golden(name: &str, picture: &str) {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/top");
    let path = dir.join(name);
    if std::env::var_os("AGENTWATCH_BLESS").is_some() {
        fs::create_dir_all(&dir).unwrap();
        fs::write(&path, picture).unwrap();
    }
    let wanted = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(picture, wanted, "{}: AGENTWATCH_BLESS=1 accepts it", path.display());
}

#[test]
fn pictures_as_people_see_them() {
    let plain = Theme { colour: false, unicode: false };
    let bare = Theme { colour: false, unicode: true };
    golden("80x24.txt", &text(&paint(&mut fleet(), bare, 80, 24)));
    golden("80x24-styles.txt", &styled(&paint(&mut fleet(), THEME, 80, 24)));
    golden("80x24-no-colour.txt", &styled(&paint(&mut fleet(), bare, 80, 24)));
    golden("80x24-ascii.txt", &text(&paint(&mut fleet(), plain, 80, 24)));
    golden("60x15.txt", &text(&paint(&mut fleet(), bare, 60, 15)));
    golden("40x8.txt", &text(&paint(&mut fleet(), bare, 40, 8)));
    golden("160x50.txt", &text(&paint(&mut fleet(), bare, 160, 50)));
    let mut asked = fleet();
    asked.press(Key::Char('s'));
    asked.all_events = true;
    golden("question.txt", &text(&paint(&mut asked, bare, 80, 24)));
    let mut answered = fleet();
    let answer = "trader: its agentwatch has not answered in 10s; \
                  look: agentwatch status --check live trader";
    answered.say(Tone::Bad, answer.to_owned(), Up::default());
    golden("answer.txt", &text(&paint(&mut answered, bare, 80, 24)));
    let mut helped = fleet();
    helped.press(Key::Char('?'));
    golden("help.txt", &text(&paint(&mut helped, bare, 80, 24)));
    let mut empty = Model::new(vec!["/var/lib/agentwatch".to_owned()]);
    empty.unreadable = vec!["/srv/other: Permission denied (os error 13)".to_owned()];
    golden("nobody.txt", &text(&paint(&mut empty, bare, 80, 24)));
}

#[test]
fn without_colour_there_is_none_and_without_unicode_ascii_alone() {
    let plain = Theme { colour: false, unicode: false };
    let mut model = fleet();
    for help in [false, true] {
        model.help = help;
        let buffer = paint(&mut model, plain, 120, 40);
        for cell in buffer.content() {
            assert_eq!(cell.fg, ratatui::style::Color::Reset);
            assert!(cell.symbol().is_ascii(), "{:?}", cell.symbol());
        }
    }
}

#[test]
fn every_size_is_drawn_and_one_that_is_too_small_says_so() {
    for width in (0..4).chain(28..46).chain([79, 80, 81, 119, 200, 500]) {
        for height in (0..14).chain([24, 50, 200]) {
            for rows in [0, 1, 200] {
                let mut model = Model::new(vec!["/s".to_owned(), "/t".to_owned()]);
                let one = |n: usize| {
                    let name = format!("{}-{n}", "long-name".repeat(n % 5));
                    let mut row = live(&name, &[1, 2, u64::MAX], spend(2, 1e12, Some(1e-9)));
                    row.note = n.is_multiple_of(3).then(|| "日本語".repeat(n));
                    row
                };
                model.update((0..rows).map(one).collect());
                model.help = height % 2 == 0;
                model.press(Key::End);
                model.say(Tone::Bad, "no".repeat(200), Up::default());
                paint(&mut model, THEME, width, height);
            }
        }
    }
    let small = text(&paint(&mut fleet(), THEME, 30, 6));
    assert_eq!(small.replace('\n', " ").trim(), "30×6 is too small: agentwatch top needs 40×8");
    let room = room(80, 24, 200, 0);
    assert_eq!(room, Room { agents: 9, details: 5, events: 5 });
}
