//! Flags, environment and files → one resolved `Settings`, each value with its origin.
//!
//! [`keys`] is the one table that everything is made from. [`find::run`] is what `run` and
//! `check` call, [`resolve::state_dir`] what the other commands need. Only [`files`] reads.

pub mod document;
pub mod error;
pub mod files;
pub mod find;
pub mod flags;
pub mod identity;
pub mod keys;
pub mod kind;
pub mod layers;
pub mod name;
pub mod presets;
pub mod resolve;
pub mod rules;
pub mod show;
pub mod signal;
pub mod sinks;
pub mod statefiles;
pub mod suggest;
pub mod template;
pub mod value;
pub mod variables;

pub use error::{ConfigError, Origin};
pub use flags::{COMMAND, command_arg, run_flags, run_flags_in, state_dir_flags};
pub use layers::Surroundings;
pub use resolve::{Effective, Resolved, StateDir};
