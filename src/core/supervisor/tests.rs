//! Named tests of the rules, each told as a story in virtual time.

mod commands;
mod ends;
mod lives;
mod meanings;
mod notices;
mod progress;
mod rules;
mod signals;
mod silence;
mod spending;
mod stops;
mod story;
mod telling;
mod validating;
