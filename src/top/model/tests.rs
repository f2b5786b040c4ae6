//! Keys and what they change.

use super::*;

fn row(name: &str, need: Need) -> Row {
    let status = Status { agent: name.to_owned(), state_dir: "/s".to_owned(), ..Status::default() };
    Row { status, need, ..Row::default() }
}

fn id(name: &str) -> Id {
    Id { name: name.to_owned(), state_dir: "/s".to_owned() }
}

fn model(rows: &[(&str, Need)]) -> Model {
    let mut model = Model::new(vec!["/s".to_owned()]);
    model.fit(5);
    model.update(rows.iter().map(|(name, need)| row(name, *need)).collect());
    model
}

fn names(model: &Model) -> Vec<&str> {
    model.rows().iter().map(|row| row.status.agent.as_str()).collect()
}

fn chosen(model: &Model) -> &str {
    model.row().map(|row| row.status.agent.as_str()).unwrap_or_default()
}

const FOUR: [(&str, Need); 4] =
    [("d", Need::Fine), ("a", Need::Down), ("c", Need::Fine), ("b", Need::Human)];

#[test]
fn those_that_need_a_human_are_first_and_the_rest_stays_in_its_place() {
    assert_eq!(names(&model(&FOUR)), ["b", "c", "d", "a"]);
}

#[test]
fn who_chose_nobody_sees_whoever_is_first_and_who_chose_one_keeps_it() {
    let mut model = model(&FOUR);
    assert_eq!(chosen(&model), "b");
    model.update(vec![row("a", Need::Human), row("b", Need::Human), row("c", Need::Fine)]);
    assert_eq!(chosen(&model), "a");
    model.press(Key::Down);
    model.press(Key::Char('j'));
    assert_eq!(chosen(&model), "c");
    model.update(vec![row("c", Need::Human), row("a", Need::Fine), row("b", Need::Fine)]);
    assert_eq!((chosen(&model), model.index()), ("c", 0));
    // It goes away: whoever took its place.
    model.update(vec![row("a", Need::Fine), row("b", Need::Fine)]);
    assert_eq!(chosen(&model), "a");
    model.update(Vec::new());
    assert!(model.row().is_none());
    assert_eq!(model.press(Key::Char('s')), Act::Nothing);
    assert_eq!(model.line(), Line::Keys);
}

#[test]
fn who_is_at_the_end_stays_there_when_an_agent_goes() {
    let mut model = model(&FOUR);
    model.press(Key::End);
    assert_eq!(chosen(&model), "a");
    model.update(vec![row("b", Need::Human), row("c", Need::Fine), row("d", Need::Fine)]);
    assert_eq!(chosen(&model), "d");
}

#[test]
fn the_table_scrolls_as_far_as_it_must() {
    let all: Vec<String> = (0..200).map(|n| format!("a{n:03}")).collect();
    let mut model = Model::new(Vec::new());
    model.fit(10);
    model.update(all.iter().map(|name| row(name, Need::Fine)).collect());
    for (key, at, first) in [
        (Key::Down, 1, 0),
        (Key::PageDown, 11, 2),
        (Key::PageDown, 21, 12),
        (Key::Up, 20, 12),
        (Key::End, 199, 190),
        (Key::Down, 199, 190),
        (Key::PageUp, 189, 189),
        (Key::Home, 0, 0),
        (Key::Up, 0, 0),
        (Key::Char('G'), 199, 190),
    ] {
        assert_eq!(model.press(key), Act::Nothing);
        assert_eq!((model.index(), model.first()), (at, first), "{key:?}");
    }
    // A larger terminal shows more, and no empty lines below the last agent.
    model.fit(50);
    assert_eq!((model.index(), model.first()), (199, 150));
    model.fit(3);
    assert_eq!((model.index(), model.first()), (199, 197));
    model.fit(500);
    assert_eq!(model.first(), 0);
}

#[test]
fn what_loses_something_is_done_only_after_a_yes() {
    for (key, verb) in [('r', Verb::Restart), ('s', Verb::Stop), ('p', Verb::Pause)] {
        let mut model = model(&FOUR);
        assert_eq!(model.press(Key::Char(key)), Act::Nothing);
        assert_eq!(model.line(), Line::Question(verb, id("b")));
        for no in [Key::Char('n'), Key::Escape, Key::Enter, Key::Char(key), Key::Other] {
            model.press(Key::Char(key));
            assert_eq!(model.press(no), Act::Nothing, "{no:?}");
            assert_eq!(model.line(), Line::Keys);
        }
        model.press(Key::Char(key));
        assert_eq!(model.press(Key::Char('y')), Act::Ask(verb, id("b")));
        assert_eq!(model.press(Key::Char('y')), Act::Nothing);
    }
    let mut model = model(&FOUR);
    assert_eq!(model.press(Key::Char('a')), Act::Ask(Verb::Ack, id("b")));
    assert_eq!(model.press(Key::Char('u')), Act::Ask(Verb::Resume, id("b")));
}

#[test]
fn a_question_is_about_the_agent_that_was_chosen_then() {
    let mut model = model(&FOUR);
    model.press(Key::Char('s'));
    // Another one is first now.
    let mut rows: Vec<Row> = FOUR.iter().map(|(name, need)| row(name, *need)).collect();
    rows.push(row("0", Need::Human));
    model.update(rows);
    assert_eq!(chosen(&model), "0");
    assert_eq!(model.press(Key::Char('y')), Act::Ask(Verb::Stop, id("b")));
    // Of one that has gone nothing is asked any more.
    model.press(Key::Down);
    model.press(Key::Char('s'));
    model.update(vec![row("c", Need::Fine)]);
    assert_eq!(model.press(Key::Char('y')), Act::Nothing);
}

#[test]
fn an_answer_stays_until_a_key_or_for_a_while() {
    let mut model = model(&FOUR);
    let at = |seconds| Up(Duration::from_secs(seconds));
    let said = || Line::Said(Tone::Good, "b: restarted".to_owned());
    model.say(Tone::Good, "b: restarted".to_owned(), at(1));
    assert!(!model.age(at(10)));
    assert_eq!(model.line(), said());
    assert!(model.age(at(16)));
    assert_eq!(model.line(), Line::Keys);
    model.say(Tone::Good, "b: restarted".to_owned(), at(20));
    // A question is more urgent, and what is answered meanwhile is there behind it.
    model.press(Key::Char('s'));
    model.say(Tone::Good, "b: restarted".to_owned(), at(21));
    assert_eq!(model.line(), Line::Question(Verb::Stop, id("b")));
    model.press(Key::Char('n'));
    assert_eq!(model.line(), said());
    model.press(Key::Down);
    assert_eq!(model.line(), Line::Keys);
}

#[test]
fn leaving_is_always_possible() {
    for key in [Key::Char('q'), Key::Escape, Key::Ctrl('c')] {
        assert_eq!(model(&FOUR).press(key), Act::Leave, "{key:?}");
    }
    let mut model = model(&FOUR);
    model.press(Key::Char('?'));
    assert!(model.help);
    assert_eq!(model.press(Key::Escape), Act::Nothing);
    assert!(!model.help);
    model.press(Key::Char('?'));
    assert_eq!(model.press(Key::Char('q')), Act::Leave);
    model.press(Key::Char('s'));
    assert_eq!(model.press(Key::Ctrl('c')), Act::Leave);
    assert_eq!(model.press(Key::Ctrl('z')), Act::Suspend);
    assert_eq!(model.press(Key::Ctrl('l')), Act::Redraw);
}
