//! Slow problems, found and said: what no alert catches, over days. Pure functions over plain series; what each
//! looks at, its source, how often it speaks for nothing and what it misses is in `docs/report-methods.md`.

pub mod budget;
pub mod clash;
pub mod drift;
pub mod growth;
pub mod slower;
pub mod unusual;

mod chance;

#[cfg(test)]
mod tests;
