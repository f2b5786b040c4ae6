//! The settings of a world, drawn from its seed; and each of them made plain, to see whether it matters.

use std::ops::Range;
use std::time::Duration;

use agentwatch::core::cost::limits::{Action, Limits};
use agentwatch::core::rule::{Rule, RuleAction};
use agentwatch::core::settings::{OnEscalate, OnMissed, Policy, Settings, StopScope};
use agentwatch::core::signal::Signal;
use agentwatch::core::validation::{OnInvalid, Validation};

use crate::post;
use crate::reporter;
use crate::rng::Rng;

/// What most people have.
pub fn plain() -> Settings {
    let s = Duration::from_secs;
    Settings {
        beats: true,
        interval: s(300),
        misses: 2,
        start_grace: None,
        on_missed: OnMissed::Restart,
        max_expect: s(3_600),
        progress_within: None,
        on_stalled: OnMissed::Restart,
        policy: Policy::Auto,
        cooldown: s(300),
        max_failures: 3,
        max_failures_per_day: 10,
        reset_after: s(600),
        on_escalate: OnEscalate::Hold,
        stop_signal: Signal::TERM,
        stop_scope: StopScope::Group,
        stop_timeout: s(30),
        shutdown_grace: s(300),
        rules: Vec::new(),
        repeat: None,
        max_run: None,
        release: None,
        preset: None,
        limits: Limits::default(),
        validation: None,
        alerting: agentwatch::core::incident::Alerting::default(),
        morning: None,
    }
}

/// Some of everything.
pub fn drawn(seed: u64) -> Settings {
    let rng = &mut Rng::of(seed, "settings", 0);
    let s = Duration::from_secs;
    Settings {
        interval: rng.pick(&[s(60), s(300), s(600), s(1_800), s(1_800), s(3_600)]),
        misses: rng.pick(&[1, 2, 2, 4]),
        start_grace: rng.pick(&[None, None, Some(s(45)), Some(s(600))]),
        on_missed: rng.pick(&[OnMissed::Restart, OnMissed::Restart, OnMissed::Alert]),
        progress_within: rng.pick(&[None, Some(s(3_600)), Some(s(600))]),
        on_stalled: rng.pick(&[OnMissed::Restart, OnMissed::Alert]),
        policy: rng.pick(&[
            Policy::Auto,
            Policy::Auto,
            Policy::Always,
            Policy::OnFailure,
            Policy::Never,
        ]),
        cooldown: rng.pick(&[s(300), s(300), s(10), s(3_600)]),
        max_failures: rng.pick(&[3, 3, 1, 7]),
        max_failures_per_day: rng.pick(&[10, 10, 3]),
        reset_after: rng.pick(&[s(600), s(600), s(60)]),
        on_escalate: rng.pick(&[OnEscalate::Exit, OnEscalate::Hold]),
        stop_timeout: rng.pick(&[s(30), s(30), s(1)]),
        shutdown_grace: rng.pick(&[s(300), s(20)]),
        rules: rules(rng),
        repeat: rng.pick(&[None, None, None, Some(s(900)), Some(s(0))]),
        // Longer than the kind end of a world, or no agent would be healthy then.
        max_run: rng.pick(&[None, None, Some(s(200_000))]),
        limits: limits(rng),
        validation: validation(rng),
        alerting: post::alerting(rng),
        morning: reporter::morning(seed),
        ..plain()
    }
}

/// What an agent may use: most of them have no budget, and none that a steady agent exceeds.
fn limits(rng: &mut Rng) -> Limits {
    let actions =
        [Action::Alert, Action::Alert, Action::Restart, Action::Stop, Action::Pause, Action::Park];
    let some = |rng: &mut Rng, amount| rng.pick(&[None, None, None, Some(amount)]);
    Limits {
        on_loop: rng.pick(&actions[..5]),
        tokens_per_hour: some(rng, 1_000_000),
        tokens_per_day: some(rng, 12_000_000),
        on_exceeded: rng.pick(&actions),
        same_message: some(rng, 20),
        retries: some(rng, 5),
        ..Limits::default()
    }
}

/// Half of the agents have no state that anybody knows of.
fn validation(rng: &mut Rng) -> Option<Validation> {
    let s = Duration::from_secs;
    let (files, hook) = rng.pick(&[(false, false), (true, true), (true, false), (false, true)]);
    let on_invalid = rng.pick(&[
        OnInvalid::Restore,
        OnInvalid::Restore,
        OnInvalid::Quarantine,
        OnInvalid::Escalate,
    ]);
    Some(Validation {
        files,
        hook,
        on_start: rng.one_in(3),
        on_invalid,
        hook_timeout: s(60),
        errand_timeout: s(600),
        snapshot_every: s(7_200),
    })
    .filter(|_| (files || hook) && rng.one_in(2))
}

fn rules(rng: &mut Rng) -> Vec<Rule> {
    let rule = |exits: Range<u8>, action| Rule {
        exits: exits.collect(),
        signals: Vec::new(),
        output: None,
        statuses: Vec::new(),
        action,
    };
    if rng.one_in(2) {
        return Vec::new();
    }
    let after = rng.secs(0, 4_000);
    vec![
        rule(1..90, RuleAction::Park { after }),
        rule(90..100, RuleAction::Escalate),
        rule(100..105, RuleAction::Finish),
        rule(0..200, RuleAction::Restart),
    ]
}

/// What can be made plain, by its name.
pub const NAMES: [&str; 17] = [
    "interval",
    "misses",
    "start_grace",
    "on_missed",
    "progress_within",
    "policy",
    "cooldown",
    "max_failures",
    "reset_after",
    "on_escalate",
    "stop_timeout",
    "shutdown_grace",
    "rules",
    "repeat",
    "max_run",
    "limits",
    "validation",
];

/// Makes one setting plain.
pub fn make_plain(settings: &mut Settings, name: &str) {
    let plain = plain();
    match name {
        "interval" => settings.interval = plain.interval,
        "misses" => settings.misses = plain.misses,
        "start_grace" => settings.start_grace = plain.start_grace,
        "on_missed" => settings.on_missed = plain.on_missed,
        "progress_within" => settings.progress_within = plain.progress_within,
        "policy" => settings.policy = plain.policy,
        "cooldown" => settings.cooldown = plain.cooldown,
        "max_failures" => {
            settings.max_failures = plain.max_failures;
            settings.max_failures_per_day = plain.max_failures_per_day;
        }
        "reset_after" => settings.reset_after = plain.reset_after,
        "on_escalate" => settings.on_escalate = plain.on_escalate,
        "stop_timeout" => settings.stop_timeout = plain.stop_timeout,
        "shutdown_grace" => settings.shutdown_grace = plain.shutdown_grace,
        "rules" => settings.rules.clear(),
        "repeat" => settings.repeat = None,
        "limits" => settings.limits = plain.limits,
        "max_run" => settings.max_run = None,
        "validation" => settings.validation = None,
        other => assert!(other.is_empty(), "AGENTWATCH_PLAIN: there is no {other:?}"),
    }
}
