//! The real binary with real children, signals, files and clocks, in short intervals.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]
#![allow(clippy::print_stderr, reason = "a test that does less says so")]
#![allow(clippy::disallowed_methods, reason = "tests wait for real time, with a deadline")]
#![allow(missing_docs, reason = "names of tests are sentences")]

mod harness;
mod http;
mod pty;

mod alerts;
mod beats;
mod commands;
mod configuration;
mod corpus;
mod costs;
mod databases;
mod deliver;
mod doctor;
mod events;
mod examples;
mod health;
mod homes;
mod hostile;
mod init;
mod jobs;
mod layers;
mod leaving;
mod listen;
mod lives;
mod logs;
mod looking;
mod loops;
mod manual;
mod meanings;
mod mornings;
mod named;
mod never;
mod notify;
mod odd_files;
mod outer;
mod pages;
mod pipes;
mod presets;
mod prices;
mod readme;
mod recipes;
mod replacing;
mod report;
mod restarts;
mod restores;
mod roads;
mod serve;
mod server;
mod sinks;
mod statefiles;
mod steering;
mod terminal;
mod told;
mod top;
mod tree;
mod upgrades;
mod validation;
mod wrapper;
