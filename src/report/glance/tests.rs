//! Fleets as they are seen.

use super::*;
use crate::core::fact::Fact;
use crate::core::memory::{Latch, LatchWhy};
use crate::core::settings::OnMissed;

const NOW: Wall = Wall(1_795_431_600_000);

fn agent(name: &str, state: &'static str) -> Status {
    Status {
        agent: name.to_owned(),
        state,
        state_ms: Some(7_440_000),
        supervised: true,
        incarnation: 2,
        max_failures: 3,
        ..Status::default()
    }
}

fn beats(status: Status, last: u64, usd: f64, budget: Option<f64>) -> Status {
    Status {
        pid: Some(4711),
        up_ms: Some(8_000_000),
        last_beat_ms: Some(12_345),
        longest_gap_ms: Some(64_000),
        last_tokens: Some(last),
        spend: Some(Spend {
            baseline: Some(1_211),
            usd_today: usd,
            max_usd_per_day: budget,
            ..Spend::default()
        }),
        ..status
    }
}

fn fleet() -> Vec<Glance> {
    let given_up = Memory {
        latch: Some(Latch { since: Wall(0), failures: 3, why: LatchWhy::Failures }),
        ..Memory::default()
    };
    let mut silent = Memory::default();
    let unhealthy =
        Fact::Unhealthy { incarnation: 1, silent_ms: 1, action: OnMissed::Alert, triggered: false };
    silent.incidents.hear(Wall(0), &unhealthy);
    let looping = Spend { loop_since: Some(stamp::utc(Wall(NOW.0 - 90_000))), ..Spend::default() };
    let mut loopy = beats(agent("loopy", "healthy"), 90_000, 7.2, None);
    loopy.spend = loopy.spend.map(|spend| Spend { loop_since: looping.loop_since, ..spend });
    let all = [
        (beats(agent("crawler", "healthy"), 1_204, 18.2, Some(20.0)), None),
        (agent("done", "finished"), None),
        (loopy, None),
        (beats(agent("newsletter", "unhealthy"), 1_300, 0.4, None), Some(&silent)),
        (Status { next_start_ms: Some(238_000), streak: 1, ..agent("broken", "cooldown") }, None),
        (Status { streak: 3, ..agent("trader", "escalated") }, Some(&given_up)),
    ];
    let mut all: Vec<Glance> =
        all.into_iter().map(|(status, memory)| Glance::new(status, memory, NOW)).collect();
    sort(&mut all);
    all
}

#[test]
fn who_needs_a_human_is_seen_first_and_everything_where_there_is_room() {
    let want = "\
AGENT       STATE       FOR  RUN     UP  BEAT   GAP  LAST  USUAL  TODAY             FAILED  NOTE
trader      escalated  2h4m    2      –     –     –     –      –  –                    3/3  3 failures
broken      cooldown   2h4m    2      –     –     –     –      –  –                    1/3  next start in 3m58s
loopy       healthy    2h4m    2  2h13m   12s  1m4s   90k   1.2k  $7.20                0/3  a loop? for 1m30s
newsletter  unhealthy  2h4m    2  2h13m   12s  1m4s  1.3k   1.2k  $0.40                0/3  silent
crawler     healthy    2h4m    2  2h13m   12s  1m4s  1.2k   1.2k  $18.20 of $20.00     0/3
done        finished   2h4m    2      –     –     –     –      –  –                    0/3";
    let lines = table(&fleet(), None, false);
    assert_eq!(lines.join("\n"), want);
    assert_eq!(table(&fleet(), Some(200), false), lines);
}

#[test]
fn on_a_narrow_screen_what_tells_least_gives_way() {
    let want = "\
AGENT       STATE       FOR  BEAT  LAST  USUAL  TODAY       NOTE
trader      escalated  2h4m     –     –      –  –           3 failures
broken      cooldown   2h4m     –     –      –  –           next start in 3m58s
loopy       healthy    2h4m   12s   90k   1.2k  $7.20       a loop? for 1m30s
newsletter  unhealthy  2h4m   12s  1.3k   1.2k  $0.40       silent
crawler     healthy    2h4m   12s  1.2k   1.2k  $18.20 91%
done        finished   2h4m     –     –      –  –";
    assert_eq!(table(&fleet(), Some(80), false).join("\n"), want);
    let mut all = fleet();
    all[0].status.agent = "日本語のとても長い名前のエージェントです".to_owned();
    for width in 0..150 {
        for line in table(&all, Some(width), false) {
            let fixed = columns("日本語のとても長い名前のエー");
            assert!(columns(&line) <= width.max(fixed + 20), "{width}: {line}");
        }
    }
}

#[test]
fn colour_is_for_what_matters() {
    let lines = table(&fleet(), Some(80), true);
    assert!(lines[1].contains("\x1b[1;31mescalated\x1b[0m"), "{:?}", lines[1]);
    assert!(lines[3].contains("\x1b[33m 90k\x1b[0m"), "{:?}", lines[3]);
    assert!(lines[5].contains("\x1b[33m$18.20 91%\x1b[0m"), "{:?}", lines[5]);
    assert!(lines[6].starts_with("\x1b[2mdone") && lines[6].matches('\x1b').count() == 2);
    let plain: Vec<String> =
        lines.iter().map(|line| crate::wire::plain::plain(line.as_bytes())).collect();
    assert_eq!(plain, table(&fleet(), Some(80), false));
}

#[test]
fn the_verdict_names_who_needs_a_human_as_far_as_there_is_room() {
    let all = fleet();
    let (tone, words) = verdict(&all, None);
    assert_eq!(
        (tone, words.as_str()),
        (Tone::Bad, "6 agents: 1 fine, 3 in trouble, 1 down, trader needs you")
    );
    assert_eq!(verdict(&all[1..], None).0, Tone::Warning);
    assert_eq!(verdict(&all[4..5], None), (Tone::Good, "1 agent: 1 fine".to_owned()));
    let many = |agents: usize, width| {
        let one = |n| Glance::new(agent(&format!("agent-{n}"), "unknown"), None, NOW);
        verdict(&(0..agents).map(one).collect::<Vec<_>>(), width).1
    };
    assert_eq!(many(2, None), "2 agents: agent-0 and agent-1 need you");
    assert_eq!(
        many(9, None),
        "9 agents: agent-0, agent-1, agent-2, agent-3, agent-4 and 4 more need you"
    );
    assert_eq!(many(9, Some(50)), "9 agents: agent-0, agent-1 and 7 more need you");
    assert_eq!(many(2, Some(30)), "2 agents: 2 need you");
    assert_eq!(many(2, Some(0)), "2 agents: 2 need you");
    assert_eq!(many(1, Some(0)), "1 agent: 1 needs you");
}

#[test]
fn programs_get_what_people_see_beside_what_they_always_got() {
    let all = fleet();
    let json = serde_json::to_value(&all).unwrap();
    assert_eq!(json[0]["agent"], "trader");
    assert_eq!(json[0]["need"], "human");
    assert_eq!(json[0]["note"], "3 failures");
    assert_eq!(json[3]["incidents"][0]["trouble"], "silent");
    assert_eq!(json[3]["incidents"][0]["severity"], "warning");
    assert_eq!(json[3]["incidents"][0]["since"], "1970-01-01T00:00:00.000Z");
    assert_eq!(json[3]["incidents"][0]["acknowledged"], false);
    assert_eq!(json[4]["need"], "fine");
    assert_eq!(json[4]["note"], serde_json::Value::Null);
}
