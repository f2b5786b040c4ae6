//! Cost as a health metric: what a cycle usually takes, when it takes far too much, and what may be spent.
//!
//! A runaway loop shows neither in CPU nor in memory; it shows in tokens (SPEC §3).

pub mod baseline;
pub mod budget;
pub mod drift;
pub mod ledger;
pub mod limits;
pub mod model;
pub mod money;
pub mod price;
pub mod record;
pub mod runaway;
pub mod sign;
pub mod signs;
