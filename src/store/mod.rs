//! The files of an agent; decides nothing.
