//! The output of an agent read by presets: whatever it is and however it is cut, beats stay within their
//! limits, and by the same preset the same is heard.

use std::collections::BTreeSet;

use agentwatch::config::presets;
use agentwatch::core::counters::Counters;
use agentwatch::core::time::Wall;
use agentwatch::wire::lines::Lines;
use agentwatch::wire::preset::reader::{Choice, Heard, Reader};

use super::{assert_plain, beat, pieces};

fn heard(choice: &Choice, pieces: &[&[u8]]) -> Vec<Heard> {
    let (mut lines, mut reader) = (Lines::new(), Reader::new(choice.clone(), presets::builtin));
    let mut heard = Vec::new();
    for piece in pieces {
        lines.feed(piece, &mut |line| reader.line(line, &mut |told| heard.push(told)));
        reader.bytes(piece, &mut |told| heard.push(told));
    }
    lines.end(&mut |line| reader.line(line, &mut |told| heard.push(told)));
    heard
}

pub fn check(data: &[u8]) {
    let mut choices = vec![Choice::None, Choice::Auto];
    choices.extend(presets::builtin().presets().iter().cloned().map(Choice::Named));
    for choice in &choices {
        let whole = heard(choice, &[data]);
        let cut = heard(choice, &pieces(data));
        // How often text shows life depends on its pieces, and so does what comes first of a line and of
        // text in one read; what they tell does not.
        let told = |heard: &[Heard]| {
            let told = heard.iter().filter(|told| !matches!(told, Heard::Alive));
            let mut told: Vec<_> = told.map(|told| format!("{told:?}")).collect();
            told.sort();
            told
        };
        // Two agents in one stream: whose it is from then on hangs on which was seen first.
        let agents: BTreeSet<String> = whole
            .iter()
            .chain(&cut)
            .filter_map(|told| match told {
                Heard::Recognised(preset) => Some(preset.name.clone()),
                Heard::Beat(_) | Heard::Bad(_) | Heard::Alive => None,
            })
            .collect();
        if agents.len() < 2 {
            assert_eq!(told(&whole), told(&cut));
        }
        let mut counters = Counters::default();
        for told in whole {
            match told {
                Heard::Beat(mut one) => {
                    beat::in_limits(&one);
                    counters.settle(1, Wall(0), &mut one);
                    beat::in_limits(&one);
                }
                Heard::Bad(reason) => assert_plain(&reason),
                Heard::Alive | Heard::Recognised(_) => {}
            }
        }
    }
    // A preset of somebody's own is read or refused in words, and never a panic.
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(read) = agentwatch::config::document::parse(text, "own")
    {
        let catalog = presets::with(&read.presets, false);
        assert!(read.presets.iter().all(|one| catalog.find(one.name()).is_some()));
    }
}
