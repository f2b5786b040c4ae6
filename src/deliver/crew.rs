//! Who hands letters over: a thread for each sink that is being sent to, each at its own pace.
//!
//! A sink has one thread at a time, so that its letters keep their order, and gets its next letter only
//! when it is written down what became of the last one.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use crate::sys::clock;
use crate::wire::letter::Letter;
use crate::wire::letter::pack::roll_up;

use super::queue::Place;
use super::send::{self, Came};

/// Sinks that are sent to at one time.
const AT_ONCE: usize = 48;

/// Of those so many may be sinks that did not answer the last time: they keep no place from the others.
const DOUBTFUL: usize = 32;

/// A sink that takes longer than this is waited for, and by nobody else.
const SLOW: Duration = Duration::from_secs(2);

/// The shortest that tests may have: a disk is not as quick as they are.
const SLOW_MIN: Duration = Duration::from_millis(500);

/// The stack of a thread, in bytes: TLS and mail need some of it.
const STACK: usize = 1 << 20;

/// One thing to be done at a sink.
#[derive(Debug)]
pub struct Task {
    /// Where the letters lie that it is about.
    pub paths: Vec<PathBuf>,
    /// What is to be done.
    pub work: Work,
}

/// What is to be done at a sink.
#[derive(Debug)]
pub enum Work {
    /// Send these: one, or many as one message.
    Send(Vec<Letter>),
    /// Nothing is sent: it is given up, for this reason, or nobody needs it.
    Leave(Option<&'static str>),
}

/// What came of a task.
#[derive(Debug)]
pub struct Report {
    /// The sink.
    pub place: Place,
    /// Where the letters lie.
    pub paths: Vec<PathBuf>,
    /// What became of them.
    pub end: End,
    /// Dropped when it is written down ([`Crew::go_on`]): until then its sink gets nothing more, so that a
    /// crash repeats one letter and not all that were sent in the meantime.
    noted: Sender<()>,
}

/// How a task ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// It was tried.
    Tried(Came),
    /// Nothing was sent, for this reason or as nobody needs it.
    Left(Option<&'static str>),
}

/// What was heard of the threads.
#[derive(Debug)]
pub enum Heard {
    /// What came of a task.
    Report(Box<Report>),
    /// A sink has nothing to do any more.
    Free,
    /// Nothing in that time.
    Nothing,
}

/// What a thread says.
enum Said {
    /// What came of a task.
    Report(Box<Report>),
    /// It has nothing more to do, and was the thread of that number.
    Free(String, u64),
}

/// A sink that is being sent to.
struct Busy {
    /// Where the letters lie that are under way now.
    paths: Vec<PathBuf>,
    /// What it is at began then.
    since: Instant,
    /// What it has left to do after that.
    rest: std::vec::IntoIter<Vec<PathBuf>>,
    /// It did not answer the last time.
    doubtful: bool,
    /// The number of its thread.
    number: u64,
}

/// All threads that hand letters over.
pub struct Crew {
    busy: BTreeMap<String, Busy>,
    tell: Sender<Said>,
    hear: Receiver<Said>,
    pace: f64,
    /// Threads that there were.
    threads: u64,
}

impl Crew {
    /// Nobody is sent to yet.
    #[must_use]
    pub fn new(pace: f64) -> Self {
        let (tell, hear) = mpsc::channel();
        Self { busy: BTreeMap::new(), tell, hear, pace, threads: 0 }
    }

    /// Whether nothing is under way.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.busy.is_empty()
    }

    /// Whether that sink may be given something to do now.
    #[must_use]
    pub fn takes(&self, proof: &str, doubtful: bool) -> bool {
        let doubted = self.busy.values().filter(|one| one.doubtful).count();
        self.busy.len() < AT_ONCE
            && !(doubtful && DOUBTFUL <= doubted)
            && !self.busy.contains_key(proof)
    }

    /// Whether all that is under way has been for long.
    #[must_use]
    pub fn is_stuck(&self) -> bool {
        let slow = SLOW.mul_f64(self.pace).max(SLOW_MIN);
        self.busy.values().all(|one| slow <= one.since.elapsed())
    }

    /// What is under way: the sink, and where the letters lie.
    pub fn under_way(&self) -> impl Iterator<Item = (&str, &PathBuf)> {
        self.busy
            .iter()
            .flat_map(|(proof, busy)| busy.paths.iter().map(move |path| (proof.as_str(), path)))
    }

    /// Gives a sink its tasks; it has the next one when what came of the last is noted. False where
    /// nothing more may be started.
    pub fn start(&mut self, place: Place, tasks: Vec<Task>, doubtful: bool) -> bool {
        let mut rest = tasks.iter().map(|task| task.paths.clone()).collect::<Vec<_>>().into_iter();
        let paths = rest.next().unwrap_or_default();
        let (proof, stretch) = (place.proof.clone(), self.pace);
        self.threads += 1;
        let number = self.threads;
        let free = Free { tell: self.tell.clone(), proof: proof.clone(), number };
        let started = thread::Builder::new().stack_size(STACK).spawn(move || {
            for task in tasks {
                let (noted, wait) = mpsc::channel();
                let (paths, end) = perform(&place, task, stretch);
                // A sink that does not answer now will not answer for the next letter either.
                let rests = matches!(end, End::Tried(Came::Later { .. }));
                let report = Report { place: place.clone(), paths, end, noted };
                if free.tell.send(Said::Report(Box::new(report))).is_err() || rests {
                    return;
                }
                let _ = wait.recv();
            }
        });
        let is_started = started.is_ok();
        if is_started {
            let busy = Busy { paths, since: clock::instant(), rest, doubtful, number };
            self.busy.insert(proof, busy);
        }
        is_started
    }

    /// It is written down what came of a task, and its sink has the next one.
    pub fn go_on(&mut self, report: Report) {
        if let Some(busy) = self.busy.get_mut(&report.place.proof) {
            busy.since = clock::instant();
        }
        drop(report.noted);
    }

    /// Waits for what came of a task, for as long as that.
    pub fn hear(&mut self, wait: Duration) -> Heard {
        match self.hear.recv_timeout(wait) {
            Ok(Said::Report(report)) => {
                if let Some(busy) = self.busy.get_mut(&report.place.proof) {
                    busy.paths = busy.rest.next().unwrap_or_default();
                }
                Heard::Report(report)
            }
            Ok(Said::Free(proof, number)) => {
                self.busy.retain(|of, busy| *of != proof || busy.number != number);
                Heard::Free
            }
            Err(_) => Heard::Nothing,
        }
    }
}

/// Says that a sink is free, however its thread ends.
struct Free {
    tell: Sender<Said>,
    proof: String,
    number: u64,
}

impl Drop for Free {
    fn drop(&mut self) {
        let _ = self.tell.send(Said::Free(std::mem::take(&mut self.proof), self.number));
    }
}

fn perform(place: &Place, task: Task, stretch: f64) -> (Vec<PathBuf>, End) {
    let end = match task.work {
        Work::Leave(why) => End::Left(why),
        Work::Send(letters) => {
            let them: Vec<&Letter> = letters.iter().collect();
            let parcel = match them.as_slice() {
                [one] => super::packed(&place.sink, one),
                many => roll_up(&place.sink, many),
            };
            End::Tried(match parcel {
                Ok(parcel) => {
                    without_secrets(send::send(&parcel, place.ca_file.as_deref(), stretch), place)
                }
                Err(words) => Came::Never(words),
            })
        }
    };
    (task.paths, end)
}

/// Libraries repeat URLs in their errors; nobody is to read what is secret in one.
pub fn without_secrets(came: Came, place: &Place) -> Came {
    let clean = |mut words: String| {
        for secret in place.sink.secrets() {
            words = words.replace(&secret, "…");
        }
        words
    };
    match came {
        Came::Sent => Came::Sent,
        Came::Later { words, after } => Came::Later { words: clean(words), after },
        Came::Never(words) => Came::Never(clean(words)),
    }
}
