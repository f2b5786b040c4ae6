//! `agentwatch top`: all agents on a full screen, live, with keys to steer them.

use std::io;
use std::os::fd::AsFd as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgMatches, Command};

use crate::core::signal::{Request, Signal};
use crate::core::time::{Now, Up};
use crate::look::{self, Agent, GLANCE, LOOK, Watch};
use crate::report::attention;
use crate::report::happened::Happened;
use crate::sys::clock::{Clock, Deadline};
use crate::sys::pending::{self, ReadResult};
use crate::sys::poll::{self, Interest};
use crate::sys::signals::{self, Signals};
use crate::sys::tty::{self, Terminal};
use crate::top::draw::{self, View, room};
use crate::top::errand::Errands;
use crate::top::keys::Keys;
use crate::top::model::{Act, Id, Model, Row};
use crate::top::terminal::Screen;
use crate::top::theme::Theme;
use crate::wire::tone::Tone;

use super::{EXIT_FAILED, EXIT_USAGE, Failure, Outcome, agents};

/// How often the files are looked at: a glance of a person sees no less.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long the end of a key's sequence is waited for.
const KEY_WAIT: Duration = Duration::from_millis(50);

/// What agents use is worked out for so long in one turn: of heavy ones there may be an hour to read.
const RECKON_FOR: Duration = Duration::from_millis(40);

/// Events that are shown of each agent, at most, among those of all.
const EVENTS_EACH: usize = 60;

/// The definition.
pub fn command() -> Command {
    Command::new("top")
        .about("Show all agents live on the full screen, and steer them")
        .args(agents::many_args())
        .after_help("Example:\n  agentwatch top\n  agentwatch top crawler trader")
}

/// The deed.
pub fn main(matches: &ArgMatches) -> Outcome {
    refuse()?;
    let dirs = agents::state_dirs(matches)?;
    // Before anything is drawn: who named an agent that is not there is told so at the prompt.
    agents::chosen_of(matches, &dirs)?;
    let names = matches.get_many::<String>("name").map(|names| names.cloned().collect());
    let given = matches.try_contains_id("state_dir").unwrap_or(false);
    let mut top = Top::open(Fleet { dirs, names, given, watches: Vec::new() })?;
    let code = top.run();
    drop(top);
    code
}

/// A full screen needs one.
fn refuse() -> Result<(), Failure> {
    let instead = "for a look without a full screen: agentwatch status";
    let refused =
        |words: &str| Err(Failure::new(EXIT_USAGE, format_args!("top: {words}; {instead}")));
    if !tty::is_terminal(1) {
        return refused("stdout is no terminal");
    }
    if !tty::is_terminal(0) {
        return refused("stdin is no terminal, so no key can be read");
    }
    if std::env::var_os("TERM").is_some_and(|term| term == "dumb") {
        return refused("TERM is dumb: it has no full screen");
    }
    Ok(())
}

/// The agents that are looked at.
#[derive(Debug)]
struct Fleet {
    dirs: Vec<PathBuf>,
    /// Those that were named; none are all.
    names: Option<Vec<String>>,
    /// The state directory was named, so a command to type needs it too.
    given: bool,
    watches: Vec<Watch>,
}

impl Fleet {
    /// Reads what is new, of agents that are new too; gives why a directory cannot be read.
    fn refresh(&mut self, now: &Now) -> Vec<String> {
        let (mut agents, unreadable) = look::all_of(&self.dirs);
        if let Some(names) = &self.names {
            agents.retain(|agent| names.contains(&agent.name));
        }
        self.watches.retain(|watch| agents.binary_search(watch.agent()).is_ok());
        for agent in agents {
            if let Err(at) = self.watches.binary_search_by(|watch| watch.agent().cmp(&agent)) {
                self.watches.insert(at, Watch::new(agent));
            }
        }
        for watch in &mut self.watches {
            watch.refresh(GLANCE, now);
        }
        unreadable
    }

    /// Works out what agents use, as far as there is time.
    fn reckon(&mut self) {
        let deadline = Deadline::after(RECKON_FOR);
        for watch in self.watches.iter_mut().filter(|watch| !watch.is_reckoned()) {
            watch.reckon();
            if deadline.left().is_zero() {
                return;
            }
        }
    }

    fn is_reckoned(&self) -> bool {
        self.watches.iter().all(Watch::is_reckoned)
    }

    fn rows(&self, now: &Now, offset_s: i32) -> Vec<Row> {
        self.watches.iter().map(|watch| self.row(watch, now, offset_s)).collect()
    }

    fn row(&self, watch: &Watch, now: &Now, offset_s: i32) -> Row {
        let options = if self.given {
            format!(" --state-dir {}", watch.agent().state_dir.display())
        } else {
            String::new()
        };
        let mut status = watch.status(&options, now);
        status.recent_tokens = watch.recent_tokens();
        let memory = watch.memory();
        Row {
            need: attention::need(&status, memory),
            note: attention::note(&status, memory, now.wall),
            incidents: attention::incidents(memory, offset_s),
            factor: watch.ledger().map(|ledger| ledger.limits().rule.factor).filter(|n| 0 < *n),
            status,
        }
    }

    fn find(&mut self, id: &Id) -> Option<&mut Watch> {
        let agent = Agent { name: id.name.clone(), state_dir: PathBuf::from(&id.state_dir) };
        self.watches.iter_mut().find(|watch| *watch.agent() == agent)
    }

    /// The last events of all agents, or of one, the newest last.
    fn events(&mut self, of: Option<&Id>, most: usize, now: &Now) -> Vec<(String, Happened)> {
        let mut events = Vec::new();
        if let Some(id) = of {
            let Some(watch) = self.find(id) else { return events };
            if watch.events().len() < most {
                watch.deepen(LOOK, now);
            }
            let named = watch.events().iter().map(|event| (id.name.clone(), event.clone()));
            events.extend(named);
        } else {
            for watch in &self.watches {
                let last = watch.events().iter().rev().take(most.min(EVENTS_EACH));
                let name = &watch.agent().name;
                events.extend(last.map(|event| (name.clone(), event.clone())));
            }
            // Stable, and each agent's own were taken from behind.
            events.reverse();
            events.sort_by_key(|(_, event)| event.at);
        }
        events.drain(..events.len().saturating_sub(most));
        events
    }
}

/// The view at work.
struct Top {
    fleet: Fleet,
    model: Model,
    errands: Errands,
    keys: Keys,
    clock: Clock,
    theme: Theme,
    signals: Signals,
    screen: Screen,
}

impl Top {
    fn open(fleet: Fleet) -> Result<Self, Failure> {
        let failed = |error: io::Error| Failure::new(EXIT_FAILED, format_args!("top: {error}"));
        let theme = Theme { colour: tty::colour(1), unicode: tty::speaks_unicode() };
        let dirs = fleet.dirs.iter().map(|dir| dir.display().to_string()).collect();
        let signals = Signals::new().map_err(failed)?;
        let screen = Screen::open().map_err(failed)?;
        Ok(Self {
            fleet,
            model: Model::new(dirs),
            errands: Errands::default(),
            keys: Keys::default(),
            clock: Clock::new(),
            theme,
            signals,
            screen,
        })
    }

    /// Until somebody leaves; a terminal that has gone is such an end too.
    fn run(&mut self) -> Outcome {
        let mut next = Up::default();
        loop {
            let now = self.clock.now();
            if next <= now.up {
                self.model.unreadable = self.fleet.refresh(&now);
                next = now.up.plus(LOOK_EVERY);
            } else {
                // Not in the same turn: two hundred agents are there before their budgets are.
                self.fleet.reckon();
            }
            for (tone, words) in self.errands.answers() {
                self.model.say(tone, words, now.up);
                // What came of it is to be seen beside the answer.
                next = Up::default();
            }
            self.model.age(now.up);
            if self.picture(&now).is_err() {
                return Ok(0);
            }
            let wait = if self.fleet.is_reckoned() { next.since(now.up) } else { Duration::ZERO };
            if let Some(code) = self.wait(wait) {
                return Ok(code);
            }
        }
    }

    fn picture(&mut self, now: &Now) -> io::Result<()> {
        let offset_s = self.clock.offset_at(now.wall);
        self.model.update(self.fleet.rows(now, offset_s));
        let area = self.screen.area();
        let model = &mut self.model;
        let room = room(area.width, area.height, model.rows().len(), model.unreadable.len());
        model.fit(usize::from(room.agents));
        let chosen = model.row().map(Row::id);
        let of = if model.all_events { None } else { chosen.as_ref() };
        model.events = self.fleet.events(of, usize::from(room.events), now);
        let view = View { theme: self.theme, offset_s, now: now.wall };
        self.screen.draw(|area, buffer| draw::draw(model, &view, area, buffer))
    }

    /// Waits for a key, a signal, an answer or the next look; gives the code to leave with.
    fn wait(&mut self, wait: Duration) -> Option<u8> {
        let stdin = io::stdin();
        let wait = if self.keys.is_waiting() { wait.min(KEY_WAIT) } else { wait };
        let mut fds = [Interest::read(stdin.as_fd()), Interest::read(self.signals.fd())];
        if poll::wait(&mut fds, Some(wait)).is_err() {
            return Some(EXIT_FAILED);
        }
        let ready = fds[0].ready;
        for caught in self.signals.take() {
            match signals::request(caught.signal) {
                Request::Stop | Request::Hangup => {
                    return Some(code(caught.signal));
                }
                Request::Continue if is_ours() => return gone(self.screen.enter()),
                Request::Suspend | Request::Background | Request::Continue => {
                    return self.suspend();
                }
                Request::Other => {}
            }
        }
        let mut typed = Vec::new();
        if ready.readable {
            let mut buffer = [0; 1024];
            match pending::read(stdin.as_fd(), &mut buffer) {
                ReadResult::Data(n) => typed = self.keys.feed(&buffer[..n]),
                ReadResult::Empty => {}
                ReadResult::End | ReadResult::Failed(_) => return Some(0),
            }
        } else {
            typed.extend(self.keys.settle());
        }
        for key in typed {
            let act = self.model.press(key);
            if let Some(code) = self.act(act) {
                return Some(code);
            }
        }
        None
    }

    fn act(&mut self, act: Act) -> Option<u8> {
        match act {
            Act::Nothing => None,
            Act::Leave => Some(0),
            Act::Suspend => self.suspend(),
            Act::Redraw => gone(self.screen.redraw()),
            Act::Ask(verb, id) => {
                let (tone, words) = match self.errands.send(verb, &id) {
                    Ok(words) => (Tone::Plain, words),
                    Err(words) => (Tone::Bad, words),
                };
                let now = self.clock.now();
                self.model.say(tone, words, now.up);
                None
            }
        }
    }

    /// Into the background, as a shell's job; back when that says so.
    fn suspend(&mut self) -> Option<u8> {
        self.screen.leave();
        loop {
            signals::suspend(false);
            for caught in self.signals.take() {
                if matches!(signals::request(caught.signal), Request::Stop | Request::Hangup) {
                    return Some(code(caught.signal));
                }
            }
            // Who is told to go on in the background has nothing to draw on.
            if is_ours() {
                return gone(self.screen.enter());
            }
            // Where nobody could continue us the kernel does not stop us.
            poll::pause(LOOK_EVERY);
        }
    }
}

/// Whether the terminal is ours, and not that of a job in front of us.
fn is_ours() -> bool {
    Terminal::open().is_none_or(|terminal| terminal.is_ours())
}

/// A terminal that has gone is the end of the view, and nothing to complain about: nobody is there.
fn gone(result: io::Result<()>) -> Option<u8> {
    result.err().map(|_| 0)
}

/// The exit code of who ends by a signal.
fn code(signal: Signal) -> u8 {
    u8::try_from(128 + signal.0).unwrap_or(EXIT_FAILED)
}
