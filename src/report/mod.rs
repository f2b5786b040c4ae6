//! A pure fold of records into what people look at.

pub mod attention;
pub mod backtest;
pub mod daily;
pub mod deadline;
pub mod detail;
pub mod gaps;
pub mod glance;
pub mod happened;
pub mod plot;
pub mod slow;
pub mod sparkline;
pub mod spend;
pub mod status;
pub mod view;
