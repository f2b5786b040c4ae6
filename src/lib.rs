//! agentwatch keeps long-lived AI agents alive: it spawns the agent, hears its heartbeats, restarts
//! it with a cooldown, and after the third failure stops and calls a human.
//!
//! This is the map; a module imports from lower floors only (`tests/tidy.rs` holds it to that).
//!
//! | floor | module | holds |
//! | --- | --- | --- |
//! | 0 | [`core`] | every decision, pure: events in, effects out |
//! | 1 | [`wire`] | bytes ↔ types, pure |
//! | 2 | [`config`] | flags, environment, files → one resolved `Settings` |
//! | 2 | [`sys`] | the only home of nix, `unsafe` and `cfg(target_os)` |
//! | 3 | [`store`] | the files of an agent: journal, memory |
//! | 3 | [`homes`] | units, images and manifests for an agent, filled in; pure |
//! | 3 | [`report`] | a pure fold of records into what people look at |
//! | 3 | [`http`] | a small HTTP server for those who listen: limits, threads, who asks |
//! | 4 | [`statefiles`] | the agent's state files: checked, copied, put back; in a process of its own |
//! | 4 | [`deliver`] | letters sent to people: TLS, DNS, retries; in a process of its own |
//! | 4 | [`listen`] | heartbeats of other clients by HTTP, handed on as beats; in a process of its own |
//! | 4 | [`look`] | agents as their files tell, read once or again and again |
//! | 4 | [`serve`] | metrics and reports by HTTP or as a file; in a process of its own |
//! | 4 | [`run`] | the shell of `agentwatch run`: poll, read, feed the core, perform |
//! | 4 | [`top`] | the live view: model, keys and picture pure; in a process of its own |
//! | 5 | [`cli`] | one file per command |

pub mod cli;
pub mod config;
pub mod core;
pub mod deliver;
pub mod homes;
pub mod http;
pub mod listen;
pub mod look;
pub mod report;
pub mod run;
pub mod serve;
pub mod statefiles;
pub mod store;
pub mod sys;
pub mod top;
pub mod wire;
