//! A pure fold of records into what people look at.

pub mod deadline;
pub mod spend;
pub mod status;
pub mod view;
