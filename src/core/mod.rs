//! Every decision of agentwatch, pure: no IO, no clock, no randomness, no logging.
//!
//! [`supervisor::Supervisor`] gets events with the time they happened at and answers with effects to
//! be performed in order; [`supervisor::Supervisor::deadline`] says when to wake it and why.
#![deny(clippy::wildcard_enum_match_arm)]

pub mod beat;
pub mod command;
pub mod cost;
pub mod counters;
pub mod effect;
pub mod ending;
pub mod event;
pub mod evidence;
pub mod fact;
pub mod incident;
pub mod memory;
pub mod notice;
pub mod oom;
pub mod outer;
pub mod progress;
pub mod pulse;
pub mod recording;
pub mod rule;
pub mod settings;
pub mod signal;
pub mod supervisor;
pub mod sweep;
pub mod time;
pub mod trend;
pub mod usage;
pub mod validation;
