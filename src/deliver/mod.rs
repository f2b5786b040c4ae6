//! Letters are delivered: by a short-lived process of its own, in which TLS, DNS and retries live and die.
//!
//! At least once: a crash between sending and remembering sends again, with the same key. What is due when
//! is decided in [`mod@plan`], which is pure; [`queue`] is the files, [`mod@send`] the network, `crew`
//! the threads, and `desk` brings them together.

mod crew;
mod desk;
mod exec;
mod mail;
pub mod plan;
pub mod queue;
pub mod send;
mod stay;

use crate::sys::file;
use crate::wire::letter::pack::pack;
use crate::wire::letter::report::{self, Whole};
use crate::wire::letter::{Kind, Letter};
use crate::wire::parcel::Parcel;
use crate::wire::sink::Sink;

use queue::Place;
use send::Came;

pub use desk::{Left, deliver};
pub use stay::stay;

/// The longest page or text of a report that is sent, in bytes: what mail servers take at most, encoded.
const REPORT_MAX: usize = 16 << 20;

/// One letter for a sink; of a report with all of it, where it is still kept.
fn packed(sink: &Sink, letter: &Letter) -> Result<Parcel, String> {
    if letter.kind != Kind::Report {
        return pack(sink, letter);
    }
    let read = |path: &Option<String>| {
        let bytes = file::read(path.as_ref()?.as_ref(), REPORT_MAX).ok()?;
        String::from_utf8(bytes).ok()
    };
    let whole = letter
        .report
        .as_ref()
        .and_then(|kept| Some(Whole { html: read(&kept.html)?, text: read(&kept.text)? }));
    report::parcel(sink, letter, whole)
}

/// Sends a report to each of these sinks at once, one after the other, and says what each answered.
/// `pace` as for [`deliver`].
#[must_use]
pub fn send_report(places: &[Place], letter: &Letter, whole: &Whole, pace: f64) -> Vec<Tested> {
    let one = |place: &Place| {
        let parcel = report::parcel(&place.sink, letter, Some(whole.clone()));
        let came = match parcel.map(|parcel| send::send(&parcel, place.ca_file.as_deref(), pace)) {
            Ok(came) => crew::without_secrets(came, place),
            Err(words) => Came::Never(words),
        };
        let answer = match came {
            Came::Sent => Ok(()),
            Came::Later { words, .. } | Came::Never(words) => Err(words),
        };
        Tested { sink: place.name.clone(), answer }
    };
    places.iter().map(one).collect()
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
/// at a pager is closed again. `pace` as for [`deliver`].
#[must_use]
pub fn test(places: &[Place], letter: &Letter, pace: f64) -> Vec<Tested> {
    let mut all = Vec::new();
    for place in places {
        let try_one = |kind: Kind, number: u32| {
            let id = format!("{}/{number}", letter.incident);
            let letter = Letter { id, number, kind, ..letter.clone() };
            match pack(&place.sink, &letter)
                .map(|parcel| send::send(&parcel, place.ca_file.as_deref(), pace))
            {
                Ok(came) => crew::without_secrets(came, place),
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
        all.push(Tested { sink: place.name.clone(), answer });
    }
    all
}
