//! The shell of `agentwatch run`: it does IO and decides nothing.
