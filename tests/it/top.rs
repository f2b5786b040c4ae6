//! `agentwatch top` at a terminal of its own: what it shows, what its keys do, and what it leaves behind.

use agentwatch::core::fact::Fact;
use nix::sys::termios::LocalFlags;

use crate::harness::{World, alive, kill, state, until};
use crate::pty::{Terminal, with_environment};

const STEADY: &str =
    r#"while :; do echo '{"agent":"a","status":"ok","tokens_used":1200}'; sleep 0.05; done"#;

/// What is written when the full screen is taken, and when it is given back.
const TAKEN: &str = "\x1b[?1049h";
const GIVEN_BACK: &str = "\x1b[?1049l";

fn top(world: &World, words: &[&str]) -> Terminal {
    let words: Vec<&str> = ["top"].iter().chain(words).copied().collect();
    let mut command = world.command(&words);
    command.env("TERM", "xterm-256color").env("LANG", "C.UTF-8").env_remove("NO_COLOR");
    command.env_remove("LC_ALL");
    Terminal::start(command)
}

/// What a person sees: the characters at their places, from what was written to the terminal.
fn picture(written: &str, rows: usize, columns: usize) -> Vec<String> {
    let mut cells = vec![vec![' '; columns]; rows];
    let (mut row, mut column) = (0, 0);
    let mut rest = written.chars();
    while let Some(c) = rest.next() {
        if c != '\x1b' {
            if let Some(cell) = cells.get_mut(row).and_then(|line| line.get_mut(column)) {
                *cell = c;
            }
            column += 1;
            continue;
        }
        // The end of one may still have to come.
        let Some(c) = rest.next() else { break };
        assert_eq!(c, '[', "an unknown sequence in {written:?}");
        let mut sequence = String::new();
        for c in rest.by_ref() {
            sequence.push(c);
            if ('@'..='~').contains(&c) {
                break;
            }
        }
        let Some(last) = sequence.pop().filter(|c| ('@'..='~').contains(c)) else { break };
        let parameters = sequence.as_str();
        match last {
            'H' => {
                let mut places = parameters.split(';').map(|n| n.parse().unwrap_or(1));
                row = places.next().unwrap_or(1usize) - 1;
                column = places.next().unwrap_or(1usize) - 1;
            }
            'J' => cells = vec![vec![' '; columns]; rows],
            'm' | 'h' | 'l' => {}
            _ => panic!("{parameters:?}{last} is nothing that this terminal knows"),
        }
    }
    cells.into_iter().map(|line| line.into_iter().collect()).collect()
}

/// Waits until `text` is to be seen in one line.
fn sees(top: &mut Terminal, text: &str) -> Vec<String> {
    until(&format!("{text:?} in the picture"), || {
        let lines = picture(&top.screen(), 31, 97);
        lines.iter().any(|line| line.contains(text)).then_some(lines)
    })
}

/// Whether the terminal was given back after all that was drawn.
fn is_given_back(screen: &str) -> bool {
    let last = screen.rfind(GIVEN_BACK);
    last.is_some() && screen.rfind(TAKEN) < last && screen.ends_with("\x1b[?25h")
}

/// Whether lines are edited and echoed, as a shell wants them.
fn is_cooked(terminal: &Terminal) -> bool {
    terminal.modes().local_flags.contains(LocalFlags::ECHO | LocalFlags::ICANON | LocalFlags::ISIG)
}

#[test]
fn an_agent_that_comes_is_shown_stopped_by_a_key_and_the_terminal_given_back() {
    let world = World::new();
    let mut top = top(&world, &[]);
    top.shows(TAKEN);
    top.shows("no agents in");
    assert!(!is_cooked(&top));
    let mut run = world.script(&["--interval", "5s"], STEADY);
    run.beat(2);
    sees(&mut top, "agentwatch  1 agent ");
    let lines = sees(&mut top, "▄▄▄▄");
    let row = lines.iter().find(|line| line.contains("▄▄▄▄")).unwrap();
    assert!(row.contains("t ") && row.contains("healthy") && row.contains("1.2k"), "{row}");
    top.types("s");
    sees(&mut top, "stop t? it ends, and so does its agentwatch  y yes");
    top.types("n");
    sees(&mut top, "r restart  s stop  p pause");
    assert!(run.is_running());
    top.types("sy");
    run.wait();
    sees(&mut top, "t: stopped");
    sees(&mut top, "t         stopped");
    assert!(world.facts().iter().any(|fact| matches!(fact, Fact::Stopped { .. })));
    // A smaller terminal is drawn anew, one that is too small says so.
    top.resize(6, 30);
    sees(&mut top, "30×6 is too small: agentwatch");
    top.resize(24, 80);
    sees(&mut top, "AGENT     STATE ");
    top.types("q");
    assert_eq!(top.wait(), 0);
    assert!(is_cooked(&top));
    let screen = top.screen();
    assert!(is_given_back(&screen), "{screen:?}");
    // Nothing was asked of the terminal that it would have to answer.
    assert!(!screen.contains("\x1b[6n"));
}

#[test]
fn every_way_out_gives_the_terminal_back() {
    let world = World::new();
    for (keys, signal, code) in [
        ("\x03", None, 0),
        ("\x1b", None, 0),
        ("?q", None, 0),
        ("", Some("TERM"), 143),
        ("", Some("INT"), 130),
        ("", Some("HUP"), 129),
    ] {
        let mut top = top(&world, &[]);
        top.shows("no agents in");
        top.types(keys);
        if let Some(signal) = signal {
            kill(top.leader(), signal);
        }
        assert_eq!(top.wait(), code, "{keys:?} {signal:?}");
        assert!(is_cooked(&top), "{keys:?} {signal:?}");
        assert!(is_given_back(&top.screen()), "{keys:?} {signal:?}");
    }
    // A terminal that goes away is an end as well.
    let mut top = top(&world, &[]);
    top.shows("no agents in");
    top.hang_up();
    top.wait();
}

#[test]
fn ctrl_z_puts_it_into_the_background_and_fg_draws_it_anew() {
    let world = World::new();
    let mut shell = Terminal::bash(&world);
    shell.enters("TERM=xterm LANG=C.UTF-8 $AW top");
    shell.shows(TAKEN);
    shell.shows("no agents in");
    let job = shell.foreground();
    shell.types("\x1a");
    shell.shows(GIVEN_BACK);
    shell.shows("Stopped");
    shell.prompts();
    assert_eq!(state(job), Some('T'));
    // In the background there is nothing to draw on.
    shell.enters("bg");
    shell.prompts();
    shell.until("a second stop", || (state(job) == Some('T')).then_some(()));
    shell.enters("fg");
    shell.shows(TAKEN);
    shell.shows("no agents in");
    shell.types("q");
    shell.shows(GIVEN_BACK);
    shell.prompts();
    until("its end", || (!alive(job)).then_some(()));
}

#[test]
fn where_there_is_no_full_screen_it_says_what_to_use_instead() {
    let world = World::new();
    let output = world.output(&["top"]);
    let words = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        words,
        "agentwatch: top: stdout is no terminal; for a look without a full screen: agentwatch status\n"
    );
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(2), &b""[..]));
    let mut command = world.command(&["top"]);
    command.env("TERM", "dumb");
    let mut dumb = Terminal::start(command);
    assert_eq!(dumb.wait(), 2);
    assert!(dumb.screen().contains("top: TERM is dumb"), "{:?}", dumb.screen());
    let mut blind = Terminal::start(with_environment(&world, &["sh", "-c", "$AW top </dev/null"]));
    assert_eq!(blind.wait(), 2);
    assert!(blind.screen().contains("no key can be read"), "{:?}", blind.screen());
    let mut nobody = top(&world, &["nobody"]);
    assert_eq!(nobody.wait(), 1);
    assert!(nobody.screen().contains("no agent nobody in"), "{:?}", nobody.screen());
}

#[test]
fn without_colour_nothing_is_coloured_and_the_answer_of_a_refusal_is_shown() {
    let world = World::new();
    let mut run = world.script(&["--interval", "5s"], STEADY);
    run.beat(1);
    kill(run.pid(), "TERM");
    run.wait();
    let mut command = world.command(&["top", "t"]);
    command.env("TERM", "xterm").env("NO_COLOR", "1");
    let mut top = Terminal::start(command);
    top.shows("stopped");
    top.types("ry");
    top.shows("t: no agentwatch runs it");
    top.types("q");
    assert_eq!(top.wait(), 0);
    let screen = top.screen();
    assert!(is_given_back(&screen) && !screen.contains("[38;5"), "{screen:?}");
}
