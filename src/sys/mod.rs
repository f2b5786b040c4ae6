//! The only home of nix, `unsafe` and `cfg(target_os)`; knows nothing of agents.
