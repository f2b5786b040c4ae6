//! `state.json`: written as it was read, and whatever stands in it, the supervisor starts and status tells.

use agentwatch::core::event::{Event, Launch};
use agentwatch::core::memory::Memory;
use agentwatch::core::settings::{Morning, OnEscalate, OnMissed, Policy, Settings, StopScope};
use agentwatch::core::signal::Signal;
use agentwatch::core::supervisor::Supervisor;
use agentwatch::core::time::{Boot, Day, LocalDay, Now, Up, Wall};
use agentwatch::report::deadline::deadline;
use agentwatch::report::status::{Known, Supervised, status};
use agentwatch::report::view::View;
use agentwatch::wire::state::{Identity, read, write};
use std::time::Duration;

use super::assert_plain;

/// A day in November 2026.
const NOW: Wall = Wall(1_795_431_600_000);

pub fn check(data: &[u8]) {
    match read(data) {
        Ok((identity, memory)) => {
            again(&identity, &memory);
            look(Some(&identity), &memory, &View::default());
            launch(memory);
        }
        Err(unfit) => assert_plain(&unfit.to_string()),
    }
}

/// A memory that is written down and read again is the same one.
pub fn again(identity: &Identity, memory: &Memory) {
    let bytes = write(identity, memory).unwrap();
    assert_eq!(read(&bytes), Ok((identity.clone(), memory.clone())));
}

/// Looks at an agent as `status` does.
pub fn look(identity: Option<&Identity>, memory: &Memory, view: &View) {
    let state = identity.map(|identity| (identity, memory));
    for supervised in [Supervised::By(Some(1)), Supervised::ByNobody] {
        let known = Known { name: "agent", state, supervised, options: "" };
        let _ = status(&known, view, NOW);
    }
    let _ = deadline(identity.unwrap_or(&Identity::default()), memory, view, NOW);
}

/// Starts a supervisor with that memory, and lets time pass.
pub fn launch(memory: Memory) {
    let seconds = Duration::from_secs;
    let mut supervisor = Supervisor::new(settings(), memory);
    let mut effects = Vec::new();
    let tick = || Event::Tick { drained: true };
    for (past, event) in [(0, Event::Launch(Launch::default())), (1, tick()), (900, tick())] {
        let past = seconds(past);
        let now = Now {
            up: Up(seconds(1_000) + past),
            boot: Boot(seconds(2_000) + past),
            wall: Wall(NOW.0 + i64::try_from(past.as_millis()).unwrap()),
            day: LocalDay(20_780),
            today: Day::plain(Wall(NOW.0 - 82_800_000)),
            tomorrow: Day::plain(Wall(NOW.0 + 3_600_000)),
        };
        supervisor.step(now, event, &mut effects);
        let _ = supervisor.deadline();
    }
    assert!(effects.len() < 100, "{}", effects.len());
    again(&Identity::default(), supervisor.memory());
}

fn settings() -> Settings {
    let seconds = Duration::from_secs;
    Settings {
        beats: true,
        interval: seconds(60),
        misses: 2,
        start_grace: None,
        on_missed: OnMissed::Restart,
        max_expect: seconds(3_600),
        progress_within: None,
        on_stalled: OnMissed::Alert,
        policy: Policy::Auto,
        cooldown: seconds(300),
        max_failures: 3,
        max_failures_per_day: 10,
        reset_after: seconds(600),
        on_escalate: OnEscalate::Hold,
        stop_signal: Signal::TERM,
        stop_scope: StopScope::Group,
        stop_timeout: seconds(30),
        shutdown_grace: seconds(300),
        rules: Vec::new(),
        repeat: None,
        max_run: None,
        release: None,
        preset: None,
        limits: agentwatch::core::cost::limits::Limits::default(),
        validation: None,
        alerting: agentwatch::core::incident::Alerting::default(),
        morning: Some(Morning { at: 480, sent: true }),
    }
}
