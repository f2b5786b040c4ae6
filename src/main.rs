//! The process: nothing but its entry. What it does is in `cli/`.
#![no_main]

agentwatch::entry!(agentwatch::cli::main);
