//! docs/first-ten-minutes.md, from its top to its last command, as it stands.
//!
//! A `sh` block is run, and the plain block behind it is what it prints: these lines in this order, others
//! may stand between them. Words with digits or an `@` (a host) may be any; what is behind a `…` may be anything. The number of
//! a process on the page stands for that of the same line here. Comments in front of a block say more.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::harness::{DEADLINE, Run, World, until};

const PAGE: &str = include_str!("../../docs/first-ten-minutes.md");

#[derive(Debug)]
struct Block {
    /// The comment in front of it.
    mark: &'static str,
    /// Whether it is run, or printed.
    commands: bool,
    text: &'static str,
}

fn blocks() -> Vec<Block> {
    let parts: Vec<&str> = PAGE.split("\n```").collect();
    assert_eq!(parts.len() % 2, 1, "a fence is not closed");
    let inside = parts.iter().enumerate().skip(1).step_by(2);
    inside
        .map(|(at, part)| {
            let (language, text) = part.split_once('\n').unwrap_or((part, ""));
            let last = parts[at - 1].lines().last().unwrap_or("");
            let mark = last.strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->"));
            Block { mark: mark.unwrap_or(""), commands: language == "sh", text }
        })
        .collect()
}

/// The words of a line, those with digits in them alike.
fn plain(line: &str) -> String {
    let mut words: Vec<&str> = Vec::new();
    let mut given = line.split_whitespace();
    while let Some(word) = given.next() {
        if word == "--state-dir" {
            // A hint of where; the page's reader has the usual place.
            given.next();
            continue;
        }
        let any = word.contains(|c: char| c.is_ascii_digit() || c == '@');
        let word = if any { "#" } else { word };
        if word != "#" || words.last() != Some(&"#") {
            words.push(word);
        }
    }
    words.join(" ")
}

fn fits(wanted: &str, line: &str) -> bool {
    match wanted.split_once('…') {
        Some((begin, _)) => plain(line).starts_with(plain(begin).trim_end_matches('#')),
        None => plain(line) == plain(wanted),
    }
}

fn pid(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once("pid ")?;
    rest.split(|c: char| !c.is_ascii_digit()).next()
}

/// A reader of the page: where they are, what they have started.
struct Reader {
    world: World,
    terminal: Option<Run>,
    /// How many lines of the terminal have been read.
    read: usize,
    /// Processes of the page, and here.
    pids: BTreeMap<String, String>,
}

impl Reader {
    fn bash(&self, text: &str) -> Command {
        let mut script = text.to_owned();
        for (page, here) in &self.pids {
            script = script.replace(page, here);
        }
        let at = self.world.path("at");
        let folder = fs::read_to_string(&at).unwrap_or_default();
        let at = at.display();
        let script = format!("set -e\n{script}\npwd >'{at}'");
        // Its folder first, so that no other agentwatch of the machine is meant.
        let own = std::path::Path::new(env!("CARGO_BIN_EXE_agentwatch")).parent().unwrap();
        let path = format!("{}:{}", own.display(), std::env::var("PATH").unwrap());
        let home = self.world.path("home");
        fs::create_dir_all(&home).unwrap();
        let mut command = self.world.within(&["bash", "-c", &script], &[]);
        command
            .env("HOME", &home)
            .env_remove("XDG_CONFIG_HOME")
            .env("PATH", path)
            .current_dir(if folder.is_empty() { home } else { folder.trim_end().into() });
        command
    }

    /// What is missing of `wanted` in `lines`, and how many lines were read; learns processes.
    fn compare(&mut self, wanted: &str, lines: &[&str]) -> Result<usize, String> {
        let mut read = 0;
        let mut learnt = Vec::new();
        for want in wanted.lines().filter(|line| !line.trim().is_empty()) {
            let Some(found) = lines[read..].iter().position(|line| fits(want, line)) else {
                return Err(want.to_owned());
            };
            learnt.extend(pid(want).zip(pid(lines[read + found])));
            read += found + 1;
        }
        self.pids.extend(learnt.iter().map(|(page, here)| ((*page).into(), (*here).into())));
        Ok(read)
    }

    /// Runs a block once, or until it prints what it should.
    fn run(&mut self, block: &Block, wanted: Option<&str>) {
        let end = Instant::now() + DEADLINE;
        loop {
            let out = self.bash(block.text).output().unwrap();
            let both = [&out.stdout[..], &out.stderr[..]].concat();
            let said = String::from_utf8_lossy(&both).into_owned();
            let lines: Vec<&str> = said.lines().collect();
            let missing = self.compare(wanted.unwrap_or(""), &lines).err();
            if missing.is_none() && out.status.success() {
                return;
            }
            let again = block.mark == "after a while" && Instant::now() < end;
            assert!(again, "{}\n{}\n{said}\nhas not: {missing:?}", block.text, out.status);
            std::thread::sleep(std::time::Duration::from_millis(200));
        }
    }

    fn start(&mut self, block: &Block) {
        let mut command = self.bash(&format!("exec {}", block.text));
        command.stdin(Stdio::null());
        self.terminal = Some(self.world.spawn(command));
    }

    /// Waits until the first terminal shows this.
    fn terminal_shows(&mut self, wanted: &str) {
        let end = Instant::now() + DEADLINE;
        loop {
            let said = self.terminal.as_ref().unwrap().stderr();
            let lines: Vec<&str> = said.lines().skip(self.read).collect();
            match self.compare(wanted, &lines) {
                Ok(read) => return self.read += read,
                Err(missing) => assert!(Instant::now() < end, "no {missing:?} in\n{said}"),
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}

#[test]
fn the_first_ten_minutes_are_as_they_are_told() {
    let (world, pids) = (World::new(), BTreeMap::new());
    let mut reader = Reader { world, terminal: None, read: 0, pids };
    let blocks = blocks();
    assert!(15 < blocks.len() && blocks.iter().filter(|block| block.mark == "by hand").count() < 3);
    for (at, block) in blocks.iter().enumerate() {
        let printed = blocks.get(at + 1).filter(|next| !next.commands && next.mark.is_empty());
        match (block.commands, block.mark) {
            (true, "stays") => {
                reader.start(block);
                reader.terminal_shows(printed.unwrap().text);
            }
            (true, "" | "after a while") => reader.run(block, printed.map(|next| next.text)),
            (false, "first terminal") => reader.terminal_shows(block.text),
            (true, "by hand") | (false, "") => {}
            (_, mark) => panic!("nobody knows what {mark:?} means"),
        }
    }
    let mut terminal = reader.terminal.take().unwrap();
    until("the end of the first terminal", || (!terminal.is_running()).then_some(()));
}
