//! The live view: a model of what is shown, the keys that change it, and its picture. Pure, but for the
//! terminal that it is drawn on and the commands that it starts.

pub mod draw;
pub mod errand;
pub mod keys;
pub mod model;
pub mod terminal;
pub mod theme;
