//! Named tests of the rules, each told as a story in virtual time.

mod ends;
mod lives;
mod progress;
mod rules;
mod signals;
mod silence;
mod stops;
mod story;
