//! Named tests of the rules, each told as a story in virtual time.

mod ends;
mod lives;
mod rules;
mod silence;
mod stops;
mod story;
