//! Every decision of agentwatch, pure: no IO, no clock, no randomness, no logging.

pub mod beat;
pub mod ending;
pub mod settings;
pub mod time;
