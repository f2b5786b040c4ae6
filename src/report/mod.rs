//! A pure fold of records into what people look at.

pub mod status;
