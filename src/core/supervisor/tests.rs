//! Named tests of the rules, each told as a story in virtual time.

mod commands;
mod ends;
mod letters;
mod lives;
mod meanings;
mod measuring;
mod mornings;
mod notices;
mod outer;
mod progress;
mod rules;
mod signals;
mod silence;
mod spending;
mod stops;
mod story;
mod telling;
mod validating;

pub use story::defaults;
