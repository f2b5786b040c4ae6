//! The process: starts the command line, turns a panic into one line, and is the only place that exits.

/// Runs the command line and leaves with its code.
fn main() {
    let code = agentwatch::cli::main();
    #[expect(clippy::disallowed_methods, reason = "the only place that exits")]
    std::process::exit(i32::from(code));
}
