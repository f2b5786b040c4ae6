//! How what is known of an agent's use of tokens is written to `state.json`, and read again.

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::{Incident, Runaways, SETTLED};
use crate::core::cost::baseline::{Baseline, Cycle};
use crate::core::cost::record::Record;

/// The form below; what has another is not read.
const VERSION: u32 = 1;

/// The most cycles of a baseline that are written; a larger window goes on with so many after a restart.
const CYCLES_MAX: usize = 100;

/// What is written. The clock of what runs begins anew with each agentwatch, so the last half minute, the
/// running cycle and the cycles of a run are not.
#[derive(Serialize, Deserialize)]
pub(super) struct Saved {
    v: u32,
    baseline: Baseline,
    record: Record,
    recent: Vec<Cycle>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    incident: Option<Incident>,
}

/// What is read: whatever is there.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Read {
    Known(Box<Saved>),
    Unknown(IgnoredAny),
}

impl From<Runaways> for Saved {
    fn from(known: Runaways) -> Self {
        let Runaways { mut baseline, record, recent, incident, .. } = known;
        baseline.shorten(CYCLES_MAX);
        Self { v: VERSION, baseline, record, recent: recent.into(), incident }
    }
}

impl From<Read> for Runaways {
    fn from(read: Read) -> Self {
        let Read::Known(saved) = read else { return Self::default() };
        let Saved { v: VERSION, mut baseline, mut record, mut recent, incident } = *saved else {
            return Self::default();
        };
        baseline.shorten(CYCLES_MAX);
        record.mend();
        let surplus = recent.len().saturating_sub(SETTLED);
        recent.drain(..surplus);
        Self { baseline, record, recent: recent.into(), incident, ..Self::default() }
    }
}
