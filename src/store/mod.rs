//! The files of an agent; decides nothing.

pub mod journal;
pub mod memory;
pub mod paths;
pub mod read;
pub mod rebuild;
