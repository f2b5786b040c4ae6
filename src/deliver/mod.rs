//! Letters are delivered: by a short-lived process of its own, in which TLS, DNS and retries live and die.
//!
//! At least once: a crash between sending and remembering sends again, with the same key. What is due when is
//! decided in [`mod@plan`], which is pure; [`queue`] is the files, [`mod@send`] the network.

pub mod plan;
pub mod queue;
pub mod send;

use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use crate::store::outbox::Outbox;
use crate::sys::lock::{Lock, LockError};
use crate::sys::{clock, host, poll};
use crate::wire::letter::pack::{pack, roll_up};
use crate::wire::letter::{Kind, Letter, Receipt};

use plan::{Job, Plan, backoff, is_done, plan};
use queue::{Place, Queue};
use send::Came;

/// Letters of one burst come within this time of each other, and go out together.
const GATHER: Duration = Duration::from_secs(1);

/// What is due within this time is waited for; for the rest `run` starts another delivery.
const PATIENCE: u64 = 2_000;

/// How often it is looked whether another delivery has left.
const LOOK: Duration = Duration::from_millis(50);

/// Another delivery is waited for so many looks: ten minutes.
const LOOKS: u32 = 12_000;

/// Sinks that are sent to at one time; each has its order, and one that hangs keeps no other waiting.
const AT_ONCE: usize = 16;

/// Rounds of one process: who has more to do is started again.
const ROUNDS: u32 = 1_000;

/// What is left when a delivery ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// Milliseconds until something is due.
    pub next: Option<u64>,
    /// Letters that wait.
    pub letters: usize,
}

/// Delivers what is due in all outboxes of a state directory. `pace` stretches all waits; 1 but in tests.
///
/// # Errors
/// The state directory cannot be read or locked.
pub fn deliver(state_dir: &Path, agent: Option<&str>, pace: f64) -> std::io::Result<Left> {
    let Some(_lock) = lock(state_dir)? else {
        return Ok(Left { next: Some(scaled(5_000, pace)), letters: 0 });
    };
    poll::pause(GATHER.mul_f64(pace));
    let mut left = Left::default();
    for _ in 0..ROUNDS {
        let mut queue = Queue::read(state_dir, agent)?;
        refuse_blocked(&mut queue);
        let Plan { jobs, next } = plan(&queue.letters, &queue.roads, clock::wall_ms());
        let jobs: Vec<(Place, Vec<Job>)> = jobs
            .into_iter()
            .filter_map(|(proof, jobs)| Some((queue.place(&proof)?.clone(), jobs)))
            .collect();
        let any = !jobs.is_empty();
        for some in jobs.chunks(AT_ONCE) {
            hand_over(&mut queue, some, pace);
        }
        sweep(&queue);
        left = Left { next, letters: queue.letters.len() };
        match next {
            _ if any => {}
            Some(wait) if wait <= PATIENCE => poll::pause(Duration::from_millis(wait)),
            _ => return Ok(left),
        }
    }
    Ok(left)
}

/// Waits for its turn: two deliveries at once would send everything twice.
fn lock(state_dir: &Path) -> std::io::Result<Option<Lock>> {
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

fn scaled(ms: u64, pace: f64) -> u64 {
    let scaled = Duration::from_millis(ms).mul_f64(pace);
    u64::try_from(scaled.as_millis()).unwrap_or(u64::MAX)
}

/// A way whose secret is missing here although this is its own environment fails like any other.
fn refuse_blocked(queue: &mut Queue) {
    let now = clock::wall_ms();
    for (outbox, way, words) in std::mem::take(&mut queue.blocked) {
        for at in 0..queue.letters.len() {
            let Some(waiting) = queue.letters.get_mut(at).filter(|one| one.outbox == outbox) else {
                continue;
            };
            let one = waiting.tried.entry(way.proof.clone()).or_default();
            if !one.done && one.next <= now {
                one.tries = one.tries.saturating_add(1);
                let wait = backoff(one.tries, host::random());
                one.next = now.saturating_add(i64::try_from(wait).unwrap_or(i64::MAX));
                one.error = Some(words.clone());
                let _ = queue.keep(at);
            }
        }
    }
}

/// What came of a job.
struct Report {
    proof: String,
    letters: Vec<usize>,
    came: Came,
}

/// Gives each sink its letters, each sink at its own pace; what came of each is written down at once.
fn hand_over(queue: &mut Queue, jobs: &[(Place, Vec<Job>)], pace: f64) {
    let letters: Vec<Letter> = queue.letters.iter().map(|one| one.letter.clone()).collect();
    let (tell, hear) = mpsc::channel();
    std::thread::scope(|scope| {
        for (place, list) in jobs {
            let (tell, letters) = (tell.clone(), &letters);
            let work = move || {
                for job in list {
                    let report = perform(place, job, letters);
                    // A sink that does not answer now will not answer for the next letter either.
                    let rests = matches!(report.came, Came::Later { .. });
                    if tell.send(report).is_err() || rests {
                        return;
                    }
                }
            };
            // Where nothing more may be started the rest has its turn in the next round.
            let _ = std::thread::Builder::new().spawn_scoped(scope, work);
        }
        drop(tell);
        for report in hear {
            note(queue, &report, jobs, pace);
        }
    });
}

fn perform(place: &Place, job: &Job, letters: &[Letter]) -> Report {
    let proof = place.proof.clone();
    match job {
        Job::GiveUp(at, why) => {
            let came = Came::Never((*why).to_owned());
            Report { proof, letters: vec![*at], came }
        }
        Job::Send(list) => {
            let them: Vec<&Letter> = list.iter().filter_map(|at| letters.get(*at)).collect();
            let parcel = match them.as_slice() {
                [one] => pack(&place.sink, one),
                many => roll_up(&place.sink, many),
            };
            let came = match parcel {
                Ok(parcel) => send::send(&parcel, place.ca_file.as_deref()),
                Err(words) => Came::Never(words),
            };
            Report { proof, letters: list.clone(), came: without_secrets(came, place) }
        }
    }
}

/// Libraries repeat URLs in their errors; nobody is to read what is secret in one.
fn without_secrets(came: Came, place: &Place) -> Came {
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

/// Writes down what came of it: the receipt first, for what is remembered as done is not done again.
fn note(queue: &mut Queue, report: &Report, jobs: &[(Place, Vec<Job>)], pace: f64) {
    let now = clock::wall_ms();
    let sink = jobs.iter().find(|(place, _)| place.proof == report.proof);
    let sink = sink.map(|(place, _)| place.sink.masked()).unwrap_or_default();
    for &at in &report.letters {
        let Some(waiting) = queue.letters.get_mut(at) else { continue };
        let one = waiting.tried.entry(report.proof.clone()).or_default();
        one.tries = one.tries.saturating_add(1);
        let tries = one.tries;
        match &report.came {
            Came::Sent => (one.done, one.error) = (true, None),
            Came::Never(words) => (one.done, one.error) = (true, Some(words.clone())),
            Came::Later { words, after } => {
                let own = scaled(backoff(tries, host::random()), pace);
                let told = after.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
                let wait = i64::try_from(told.unwrap_or(0).max(own)).unwrap_or(i64::MAX);
                (one.next, one.error) = (now.saturating_add(wait), Some(words.clone()));
            }
        }
        let (done, error) = (one.done, one.error.clone());
        let letter = &waiting.letter;
        let after_ms = u64::try_from(now.saturating_sub(letter.at)).unwrap_or(0);
        let receipt = Receipt {
            letter: letter.id.clone(),
            incident: letter.incident.clone(),
            severity: letter.severity,
            sink: sink.clone(),
            at: now,
            after_ms,
            tries,
            error,
        };
        // A full disk: it is sent again when there is room, with the same key.
        if done {
            let _ = queue.receipt(at, &receipt);
        }
        let _ = queue.keep(at);
    }
}

/// Removes the letters about which nothing is left to be done.
fn sweep(queue: &Queue) {
    for (at, waiting) in queue.letters.iter().enumerate() {
        if is_done(waiting, &queue.roads) {
            let _ = queue.remove(at);
        }
    }
}

/// What a sink answered to a test.
#[derive(Clone, Debug)]
pub struct Tested {
    /// The sink, without what is secret.
    pub sink: String,
    /// It took the letter; else why not.
    pub answer: Result<(), String>,
}

/// Sends a test to each of these sinks, one after the other, and says what each answered. What a test opened
/// at a pager is closed again.
#[must_use]
pub fn test(places: &[Place], letter: &Letter) -> Vec<Tested> {
    let mut all = Vec::new();
    for place in places {
        let try_one = |kind: Kind, number: u32| {
            let id = format!("{}/{number}", letter.incident);
            let letter = Letter { id, number, kind, ..letter.clone() };
            match pack(&place.sink, &letter)
                .map(|parcel| send::send(&parcel, place.ca_file.as_deref()))
            {
                Ok(came) => without_secrets(came, place),
                Err(words) => Came::Never(words),
            }
        };
        let answer = match try_one(Kind::Test, 1) {
            Came::Sent => Ok(()),
            Came::Later { words, .. } | Came::Never(words) => Err(words),
        };
        if place.sink.is_pager() && answer.is_ok() {
            let _ = try_one(Kind::Closed, 2);
        }
        all.push(Tested { sink: place.sink.masked(), answer });
    }
    all
}

/// Whether an agent has letters that wait.
#[must_use]
pub fn has_letters(agent: &Path) -> bool {
    Outbox::new(agent).has_letters()
}
