//! A pure fold of records into what people look at.

pub mod backtest;
pub mod deadline;
pub mod gaps;
pub mod plot;
pub mod sparkline;
pub mod spend;
pub mod status;
pub mod view;
