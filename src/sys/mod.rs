//! The only home of nix, `unsafe` and `cfg(target_os)`; knows nothing of agents.
//!
//! Thin, portable faces: what differs between systems stands in `os/` and nowhere else.

pub mod clock;
pub mod datagram;
pub mod disk;
pub mod entry;
pub mod evidence;
pub mod fifo;
pub mod file;
mod head;
pub mod host;
pub mod lock;
pub mod oom;
mod os;
pub mod out;
pub mod outer;
pub mod pending;
pub mod poll;
pub mod program;
pub mod reap;
pub mod runtime;
pub mod signals;
pub mod socket;
pub mod spawn;
#[cfg(test)]
mod testing;
pub mod tree;
pub mod tty;
