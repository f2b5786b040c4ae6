//! Cost as a health metric: what a cycle usually takes, and when it takes far too much.
//!
//! A runaway loop shows neither in CPU nor in memory; it shows in tokens (SPEC §3).

pub mod baseline;
pub mod record;
pub mod runaway;
