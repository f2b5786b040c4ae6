//! Metrics for Prometheus and reports for browsers, by HTTP or as a file: a process of its own, which changes
//! nothing of an agent.

pub mod counter;
pub mod counts;
pub mod metrics;
pub mod text;
pub mod web;
