//! Starts the command line; the only place that exits.
fn main() {}
