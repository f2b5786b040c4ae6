//! Where letters are given out and where it is written down what became of them.
//!
//! Each sink has its own pace: while one hangs, what comes meanwhile goes out through the others, and what
//! was put off is tried when it is due.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::sys::lock::{Lock, LockError};
use crate::sys::{clock, host, poll};
use crate::wire::letter::title::brief;
use crate::wire::letter::{Letter, Receipt, Try};

use super::crew::{Crew, End, Heard, Report, Task, Work};
use super::plan::{Job, Plan, backoff, plan};
use super::queue::Queue;
use super::send::{self, Came};

/// Letters of one burst come within this time of each other, and go out together.
const GATHER: Duration = Duration::from_secs(1);

/// What is due within this time is waited for; for the rest `run` starts another delivery.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often it is looked whether another delivery has left.
const LOOK: Duration = Duration::from_millis(50);

/// Another delivery is waited for so many looks: ten minutes and more.
const LOOKS: u32 = 12_000;

/// How often it is looked for letters that have come meanwhile.
const NEWS: Duration = Duration::from_millis(250);

/// Of ten thousand letters that takes long: no more than one part in so many of all the time.
const NEWS_SHARE: u32 = 20;

/// What a sink is given to do at one time; then what has come meanwhile has its turn, too.
const TASKS_MAX: usize = 64;

/// Whoever waits for receipts hears of them this often.
const TELL: Duration = Duration::from_secs(1);

/// After this time nothing more is begun: who has more to do is started again.
const SHIFT: Duration = Duration::from_mins(20);

/// What a sink is given beyond its limit until somebody else may try it again.
const MARGIN: Duration = Duration::from_secs(5);

/// What is left when a delivery ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// Milliseconds until something is due.
    pub next: Option<u64>,
    /// Letters that wait.
    pub letters: usize,
}

/// Delivers what is due in all outboxes of a state directory. `agent`: whose environment this is; `pace`
/// stretches all waits; 1 but in tests. It will `tell` now and then that there are receipts.
///
/// # Errors
/// The state directory cannot be read or locked.
pub fn deliver(
    state_dir: &Path,
    agent: Option<&str>,
    pace: f64,
    tell: &mut dyn FnMut(),
) -> io::Result<Left> {
    let Some(lock) = lock(state_dir)? else {
        let next = Some(backoff(1, host::random()));
        return Ok(Left { next, letters: 0 });
    };
    poll::pause(GATHER.mul_f64(pace));
    let queue = Queue::read(state_dir, agent)?;
    let desk = Desk {
        state_dir,
        agent,
        pace,
        lock: Some(lock),
        queue,
        crew: Crew::new(pace),
        next: Some(clock::instant()),
        gathered: None,
        untold: false,
    };
    desk.work(tell)
}

/// Waits for its turn: two deliveries at once would send everything twice.
fn lock(state_dir: &Path) -> io::Result<Option<Lock>> {
    let path = state_dir.join("deliver.lock");
    for _ in 0..LOOKS {
        match Lock::take(&path) {
            Ok(lock) => return Ok(Some(lock)),
            Err(LockError::Held { .. }) => poll::pause(LOOK),
            Err(LockError::Io(error)) => return Err(error),
        }
    }
    Ok(None)
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// It was tried in vain, and is tried again: when its sink said so, and not before it makes sense.
fn put_off(one: &mut Try, told: Option<Duration>, words: &str, pace: f64) {
    let own = Duration::from_millis(backoff(one.tries, host::random())).mul_f64(pace);
    let wait = i64::try_from(ms(told.unwrap_or_default().max(own))).unwrap_or(i64::MAX);
    one.next = clock::wall_ms().saturating_add(wait);
    one.error = Some(words.to_owned());
}

/// Whoever sits here has the lock, but for the time in which there is nothing to do but to wait for sinks
/// that hang: others may have letters that only they can send.
struct Desk<'a> {
    state_dir: &'a Path,
    agent: Option<&'a str>,
    pace: f64,
    lock: Option<Lock>,
    queue: Queue,
    crew: Crew,
    /// Something is due then.
    next: Option<Instant>,
    /// Letters have come, and all of their burst are here then.
    gathered: Option<Instant>,
    /// There are receipts of which nobody was told.
    untold: bool,
}

impl Desk<'_> {
    fn work(mut self, tell: &mut dyn FnMut()) -> io::Result<Left> {
        let begun = clock::instant();
        let usual = NEWS.mul_f64(self.pace);
        let (mut looked, mut news, mut told) = (begun, usual, begun);
        loop {
            let now = clock::instant();
            if news <= now.saturating_duration_since(looked) {
                if self.has_news()? {
                    self.gathered.get_or_insert(now + GATHER.mul_f64(self.pace));
                }
                looked = clock::instant();
                news = usual.max(looked.saturating_duration_since(now) * NEWS_SHARE);
            }
            if self.untold && TELL <= now.saturating_duration_since(told) {
                (self.untold, told) = (false, now);
                tell();
            }
            let over = SHIFT <= now.saturating_duration_since(begun);
            let due = [self.next, self.gathered].into_iter().flatten().min();
            if due.is_some_and(|at| at <= now) && !over {
                self.give_out()?;
            }
            let soon = [self.next, self.gathered].into_iter().flatten().min();
            let wait = soon.map(|at| at.saturating_duration_since(clock::instant()));
            if self.crew.is_idle() && (over || wait.is_none_or(|wait| PATIENCE < wait)) {
                return Ok(self.left(wait));
            }
            if !self.crew.is_idle() && self.crew.is_stuck() {
                self.step_aside();
            }
            match self.crew.hear(wait.unwrap_or(news).min(news)) {
                Heard::Report(report) => {
                    self.sit_down()?;
                    self.note(&report);
                    self.crew.go_on(*report);
                }
                Heard::Free => self.next = Some(clock::instant()),
                Heard::Nothing => {}
            }
        }
    }

    fn left(&self, wait: Option<Duration>) -> Left {
        let now = clock::wall_ms();
        let waits = |at: &usize| !self.queue.is_done(*at, now);
        let letters = (0..self.queue.letters.len()).filter(waits).count();
        Left { next: wait.map(ms), letters }
    }

    /// Whether letters have come; those that have are known from now on.
    fn has_news(&mut self) -> io::Result<bool> {
        match self.lock {
            Some(_) => self.queue.refresh(self.state_dir, self.agent),
            None => self.queue.has_news(self.state_dir),
        }
    }

    /// Gives each sink that is free what is due there.
    fn give_out(&mut self) -> io::Result<()> {
        self.sit_down()?;
        self.gathered = None;
        self.refuse_blocked();
        self.sweep();
        let Plan { jobs, next } = plan(&self.queue.letters, &self.queue.roads, clock::wall_ms());
        self.next = next.map(|wait| clock::instant() + Duration::from_millis(wait));
        for (proof, jobs) in jobs {
            let Some(place) = self.queue.place(&proof).cloned() else { continue };
            let doubtful = self.has_failed(&proof);
            if !self.crew.takes(&proof, doubtful) {
                continue;
            }
            let tasks = jobs.iter().take(TASKS_MAX).map(|job| self.task(job)).collect();
            if !self.crew.start(place, tasks, doubtful) {
                let again = clock::instant() + PATIENCE;
                self.next = Some(self.next.map_or(again, |next| next.min(again)));
            }
        }
        Ok(())
    }

    fn task(&self, job: &Job) -> Task {
        let path = |at: &usize| self.queue.paths.get(*at).cloned();
        let letter = |at: &usize| self.queue.letters.get(*at).map(|one| one.letter.clone());
        match job {
            Job::Send(list) => {
                let letters: Vec<Letter> = list.iter().filter_map(letter).collect();
                let paths = list.iter().filter_map(path).collect();
                Task { paths, work: Work::Send(letters) }
            }
            Job::GiveUp(at, why) => {
                Task { paths: path(at).into_iter().collect(), work: Work::Leave(Some(why)) }
            }
            Job::Skip(at) => {
                Task { paths: path(at).into_iter().collect(), work: Work::Leave(None) }
            }
        }
    }

    /// Whether a sink did not answer the last time.
    fn has_failed(&self, proof: &str) -> bool {
        let tries = self.queue.letters.iter().filter_map(|waiting| waiting.tried.get(proof));
        tries.into_iter().any(|one| one.tries > 0 && !one.done)
    }

    /// Gives the lock to who may wait for it. What is under way is written down as being tried, so that
    /// nobody else begins with it before its limit is over.
    fn step_aside(&mut self) {
        if self.lock.is_none() {
            return;
        }
        let limit = i64::try_from(ms(send::limit(self.pace) + MARGIN)).unwrap_or(i64::MAX);
        let until = clock::wall_ms().saturating_add(limit);
        let under_way: Vec<_> = self.crew.under_way().collect();
        for (proof, path) in under_way {
            let Some(at) = self.queue.find(path) else { continue };
            if let Some(waiting) = self.queue.letters.get_mut(at) {
                waiting.tried.entry(proof.to_owned()).or_default().next = until;
            }
            if self.queue.keep(at).is_err() {
                // On a full disk nobody would know of it.
                return;
            }
        }
        self.lock = None;
    }

    /// Takes the lock again, if it was given away; others may have done something meanwhile.
    fn sit_down(&mut self) -> io::Result<()> {
        if self.lock.is_none() {
            self.lock = lock(self.state_dir)?;
            if self.lock.is_none() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            self.queue = Queue::read(self.state_dir, self.agent)?;
            self.next = Some(clock::instant());
        }
        Ok(())
    }

    /// A way whose secret is missing here although this is its own environment fails like any other.
    fn refuse_blocked(&mut self) {
        let now = clock::wall_ms();
        for (outbox, way, words) in self.queue.blocked.clone() {
            for at in 0..self.queue.letters.len() {
                let letters = &mut self.queue.letters;
                let Some(waiting) = letters.get_mut(at).filter(|one| one.outbox == outbox) else {
                    continue;
                };
                let one = waiting.tried.entry(way.proof.clone()).or_default();
                if !one.done && one.next <= now {
                    one.tries = one.tries.saturating_add(1);
                    put_off(one, None, &words, self.pace);
                    let _ = self.queue.keep(at);
                }
            }
        }
    }

    /// Writes down what came of it: the receipt first, for what is remembered as done is not done again.
    fn note(&mut self, report: &Report) {
        let now = clock::wall_ms();
        for path in &report.paths {
            let Some(at) = self.queue.find(path) else { continue };
            let Some(waiting) = self.queue.letters.get(at) else { continue };
            let mut one = waiting.tried.get(&report.place.proof).cloned().unwrap_or_default();
            one.tries = one.tries.saturating_add(u32::from(report.end != End::Left(None)));
            one.sink = Some(report.place.name.clone());
            match &report.end {
                End::Tried(Came::Sent) | End::Left(None) => (one.done, one.error) = (true, None),
                End::Tried(Came::Never(words)) => {
                    (one.done, one.error) = (true, Some(words.clone()));
                }
                End::Left(Some(words)) => {
                    (one.done, one.error) = (true, Some((*words).to_owned()));
                }
                End::Tried(Came::Later { words, after }) => {
                    put_off(&mut one, *after, words, self.pace);
                }
            }
            let letter = &waiting.letter;
            let receipt = Receipt {
                letter: letter.id.clone(),
                about: brief(letter),
                incident: letter.incident.clone(),
                severity: letter.severity,
                sink: report.place.name.clone(),
                at: now,
                after_ms: u64::try_from(now.saturating_sub(letter.at)).unwrap_or(0),
                tries: one.tries,
                error: one.error.clone(),
            };
            // A full disk: it is sent again when there is room, with the same key.
            if one.done && report.end != End::Left(None) {
                let _ = self.queue.receipt(at, &receipt);
                self.untold = true;
            }
            if let Some(waiting) = self.queue.letters.get_mut(at) {
                waiting.tried.insert(report.place.proof.clone(), one);
            }
            if self.queue.is_done(at, now) {
                let _ = self.queue.remove(at);
            } else {
                let _ = self.queue.keep(at);
            }
        }
    }

    /// Removes the letters about which nothing is left to be done.
    fn sweep(&mut self) {
        let now = clock::wall_ms();
        for at in 0..self.queue.letters.len() {
            if self.queue.is_done(at, now) {
                let _ = self.queue.remove(at);
            }
        }
    }
}
