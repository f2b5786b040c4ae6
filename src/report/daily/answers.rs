//! The five questions of a morning, each answered in a line with its number. Pure.

use crate::wire::words::{count, grouped};

use super::calendar::time;
use super::phrases::{between, causes, list, percent};
use super::{Agent, Answer, Day, Mark, Need};

/// Agents that are named in an answer.
const NAMED: usize = 3;

/// All five, in their order.
#[must_use]
pub(super) fn answers(days: &[Day], agents: &[Agent], needs: &[Need]) -> Vec<Answer> {
    let whole = if days.len() == 1 { "Alive the whole day?" } else { "Alive all the time?" };
    vec![
        alive(whole, days, agents),
        restarts(agents),
        tokens(days, agents),
        loops(days, agents),
        recovered(agents, needs),
    ]
}

/// The agents of which `number` is not 0, the most of it first, each with its words; the rest counted.
fn named(
    agents: &[Agent],
    number: impl Fn(&Agent) -> u64,
    words: impl Fn(&Agent) -> String,
) -> String {
    let mut some: Vec<(&Agent, u64)> =
        agents.iter().map(|agent| (agent, number(agent))).filter(|(_, n)| *n > 0).collect();
    some.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    let mut parts: Vec<String> = some.iter().take(NAMED).map(|(agent, _)| words(agent)).collect();
    if NAMED < some.len() {
        parts.push(format!("and {} more", some.len() - NAMED));
    }
    parts.join("; ")
}

/// The name in front, where it is not clear whose it is.
fn whose(agents: &[Agent], agent: &Agent) -> String {
    if agents.len() == 1 { String::new() } else { format!("{} ", agent.name) }
}

fn alive(question: &'static str, days: &[Day], agents: &[Agent]) -> Answer {
    let up: u64 = agents.iter().map(|agent| agent.up_ms).sum();
    let due: u64 = agents.iter().map(|agent| agent.due_ms).sum();
    let share = u128::from(up) * 10_000 / u128::from(due.max(1));
    let share = if due == 0 { 10_000 } else { u32::try_from(share).unwrap_or(10_000) };
    let gaps: usize = agents.iter().map(|agent| agent.gaps.len()).sum();
    let longest = agents
        .iter()
        .flat_map(|agent| agent.gaps.iter().map(move |gap| (agent, gap)))
        .max_by_key(|(_, gap)| gap.until_ms - gap.from_ms);
    let (mark, words) = match longest {
        None if due == 0 => (Mark::Quiet, "nothing was meant to run".to_owned()),
        None if agents.len() == 1 => (Mark::Good, "yes".to_owned()),
        None => (Mark::Good, format!("yes, {}", all_of(agents))),
        Some((agent, gap)) => {
            let span = between(gap.from_ms, gap.until_ms);
            let open = if gap.open { ", and it goes on" } else { "" };
            let which = if gaps == 1 { "in one gap" } else { "the longest" };
            let gaps = if gaps == 1 { String::new() } else { format!(" in {gaps} gaps") };
            let down = between(0, i64::try_from(due - up).unwrap_or(0));
            let words = format!(
                "{}: {down} down{gaps}, {which}: {}{} for {span}{open} ({})",
                percent(share),
                whose(agents, agent),
                time(days, gap.from_ms),
                gap.cause
            );
            (if gap.open { Mark::Bad } else { Mark::Warning }, words)
        }
    };
    Answer { key: "alive", question, mark, words, number: u64::from(share) }
}

/// `all 7 agents`.
fn all_of(agents: &[Agent]) -> String {
    let due = agents.iter().filter(|agent| agent.due_ms > 0).count();
    let rest = agents.len() - due;
    let all = format!("all {due} agents");
    if rest == 0 { all } else { format!("{all}; {rest} were not meant to run") }
}

fn restarts(agents: &[Agent]) -> Answer {
    let number: u64 = agents.iter().map(|agent| u64::from(agent.restarts)).sum();
    let failures: u64 = agents.iter().map(|agent| u64::from(agent.failures)).sum();
    let why = named(
        agents,
        |agent| u64::from(agent.failures),
        |agent| {
            let many = if agents.len() == 1 { String::new() } else { agent.failures.to_string() };
            let of = format!("{}{many}", whose(agents, agent));
            let causes = causes(&agent.causes);
            if of.is_empty() { causes } else { format!("{of} ({causes})") }
        },
    );
    let asked: u64 = agents.iter().map(|agent| u64::from(agent.restarts_asked)).sum();
    let by_hand = match asked {
        0 => String::new(),
        _ if asked == number => " by hand".to_owned(),
        _ => format!(", {} by hand,", grouped(asked)),
    };
    let (mark, words) = match (number, failures) {
        (0, 0) => (Mark::Good, "none".to_owned()),
        (_, 0) if asked == number => (Mark::Good, format!("{}{by_hand}", grouped(number))),
        (_, 0) => (Mark::Good, format!("{}, none after a failure", grouped(number))),
        _ => {
            let after = count(failures, "failure");
            (Mark::Warning, format!("{}{by_hand} after {after}: {why}", grouped(number)))
        }
    };
    Answer { key: "restarts", question: "How many restarts?", mark, words, number }
}

fn flags<'a>(
    agents: &'a [Agent],
    kinds: &'a [&str],
) -> impl Iterator<Item = (&'a Agent, &'a super::Flag)> {
    agents.iter().flat_map(move |agent| {
        let flags = agent.flags.iter().filter(|flag| kinds.contains(&flag.kind));
        flags.map(move |flag| (agent, flag))
    })
}

fn tokens(days: &[Day], agents: &[Agent]) -> Answer {
    let question = "Did tokens a cycle leave the baseline?";
    let found: Vec<_> = flags(agents, &["tokens"]).collect();
    let number = u64::try_from(found.len()).unwrap_or(0);
    let (mark, words) = match found.first() {
        Some((agent, flag)) => {
            let more =
                if number == 1 { "yes".to_owned() } else { format!("{number} times, first") };
            let words = format!(
                "{more}: {}{} {}",
                whose(agents, agent),
                time(days, flag.at_ms),
                flag.words
            );
            (Mark::Warning, words)
        }
        None => match agents.iter().filter(|agent| agent.usage.per_cycle.is_some()).count() {
            0 => (Mark::Quiet, "no tokens were told".to_owned()),
            1 => (Mark::Good, format!("no{}", against(agents))),
            many => (Mark::Good, format!("no, none of {many} agents")),
        },
    };
    Answer { key: "tokens", question, mark, words, number }
}

/// `: 1,211 a cycle, usual 1,210`, of the one that told any.
fn against(agents: &[Agent]) -> String {
    let Some(agent) = agents.iter().find(|agent| agent.usage.per_cycle.is_some()) else {
        return String::new();
    };
    let each = agent.usage.per_cycle.map(|n| format!(": {} a cycle", grouped(n)));
    let usual = agent.usual.map(|n| format!(", usual {}", grouped(n)));
    each.unwrap_or_default() + &usual.unwrap_or_default()
}

fn loops(days: &[Day], agents: &[Agent]) -> Answer {
    let cooldowns: u64 = agents.iter().map(|agent| u64::from(agent.cooldowns)).sum();
    let found: Vec<_> = flags(agents, &["loop", "budget"]).collect();
    let number = u64::try_from(found.len()).unwrap_or(0).saturating_add(cooldowns);
    let mut parts: Vec<String> = found
        .iter()
        .take(NAMED)
        .map(|(agent, flag)| {
            format!("{}{} {}", whose(agents, agent), time(days, flag.at_ms), flag.words)
        })
        .collect();
    if NAMED < found.len() {
        parts.push(format!("{} more of these", found.len() - NAMED));
    }
    if cooldowns > 0 {
        let who =
            named(agents, |a| u64::from(a.cooldowns), |a| format!("{} {}", a.name, a.cooldowns));
        let who = if agents.len() == 1 { String::new() } else { format!(" ({who})") };
        parts.push(format!("{} waited out{who}", count(cooldowns, "cooldown")));
    }
    let mark = if found.is_empty() { Mark::Good } else { Mark::Warning };
    let words = if parts.is_empty() { "none".to_owned() } else { parts.join("; ") };
    Answer { key: "loops", question: "Loops, budgets, cooldowns?", mark, words, number }
}

fn recovered(agents: &[Agent], needs: &[Need]) -> Answer {
    let recovered: u64 = agents.iter().map(|agent| u64::from(agent.recovered)).sum();
    let number = u64::try_from(needs.len()).unwrap_or(0);
    let itself = match recovered {
        0 => "nothing had to recover".to_owned(),
        1 => "1 failure recovered by itself".to_owned(),
        many => format!("{} failures recovered by themselves", grouped(many)),
    };
    let names: Vec<&str> = needs.iter().map(|need| need.agent.as_str()).collect();
    let (mark, words) = match needs {
        [] => (Mark::Good, format!("{itself}; nothing needs a human")),
        [one] => {
            let how = one.command.as_ref().map(|command| format!(": {command}"));
            (Mark::Bad, format!("{itself}; {} needs a human{}", one.agent, how.unwrap_or_default()))
        }
        _ => (Mark::Bad, format!("{itself}; {} need a human", list(&names))),
    };
    let question = "What recovered, what needs a human?";
    Answer { key: "recovered", question, mark, words, number }
}
