//! Bytes ↔ types, pure.

pub mod ansi;
pub mod beat;
pub mod control;
pub mod costs;
pub mod decimal;
pub mod down;
pub mod duration;
pub mod ending;
pub mod evidence;
pub mod face;
pub mod kinds;
pub mod lines;
pub mod moment;
pub mod notices;
pub mod notify;
pub mod paint;
pub mod pipe;
pub mod plain;
pub mod prefix;
pub mod process;
pub mod python;
pub mod record;
pub mod size;
pub mod stamp;
pub mod state;
pub mod words;
