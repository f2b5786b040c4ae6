//! The files of an agent; decides nothing.

pub mod backward;
pub mod follow;
pub mod growing;
pub mod history;
pub mod journal;
pub mod log;
pub mod memory;
pub mod outbox;
pub mod paths;
pub mod read;
pub mod rebuild;
pub mod reports;
pub mod secrets;
pub mod span;
pub mod tail;
