//! All agents together: one report, its verdict in a line. Pure.

use crate::core::time::Wall;

use super::answers::answers;
use super::calendar::Calendar;
use super::phrases::list;
use super::{Agent, Finding, Mark, Need, Report, VERSION, Verdict};

/// What was read of one agent: what is to be said of it, whether it waits for a person, and slow problems; `None`
/// if nothing is known of it in these days.
pub type Read = Option<(Agent, Option<Need>, Vec<Finding>)>;

/// Puts a report together. `read` is each agent by its name; `notes` what could not be read.
#[must_use]
pub fn report(
    calendar: &Calendar,
    as_of: Wall,
    read: Vec<(String, Read)>,
    notes: Vec<String>,
) -> Report {
    let (mut agents, mut needs, mut silent) = (Vec::new(), Vec::new(), Vec::new());
    let mut findings = Vec::new();
    for (name, read) in read {
        match read {
            None => silent.push(name),
            Some((mut agent, need, found)) => {
                let found_worst = found.iter().map(|one| one.mark).max().unwrap_or_default();
                agent.mark = agent.mark.max(found_worst);
                findings.extend(found);
                agents.push(agent);
                needs.extend(need);
            }
        }
    }
    // Stable: those of one kind stay in the order of their names.
    agents.sort_by_key(|agent| std::cmp::Reverse(agent.mark.max(Mark::Good)));
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.mark));
    let answers = answers(calendar.days(), &agents, &needs);
    let verdict = verdict(&agents, needs);
    Report {
        v: VERSION,
        until_ms: as_of.0,
        days: calendar.days().to_vec(),
        verdict,
        answers,
        findings,
        agents,
        silent,
        notes,
    }
}

fn verdict(agents: &[Agent], needs: Vec<Need>) -> Verdict {
    let fine = agents.iter().filter(|agent| agent.mark <= Mark::Good).count();
    let watch: Vec<&str> = agents
        .iter()
        .filter(|agent| agent.mark == Mark::Warning)
        .map(|agent| agent.name.as_str())
        .collect();
    let need: Vec<&str> = needs.iter().map(|need| need.agent.as_str()).collect();
    let mark = match (needs.is_empty(), watch.is_empty()) {
        (false, _) => Mark::Bad,
        (true, false) => Mark::Warning,
        (true, true) if agents.is_empty() => Mark::Quiet,
        (true, true) => Mark::Good,
    };
    let subject = format!("{}: {}", place(agents), words(agents, fine, &watch, &need));
    Verdict { subject, mark, fine: u32::try_from(fine).unwrap_or(u32::MAX), needs }
}

/// The machine, or how many.
fn place(agents: &[Agent]) -> String {
    let mut hosts: Vec<&str> = agents.iter().map(|agent| agent.host.as_str()).collect();
    hosts.sort_unstable();
    hosts.dedup();
    match hosts.as_slice() {
        [] => "agentwatch".to_owned(),
        [one] => (*one).to_owned(),
        many => format!("{} machines", many.len()),
    }
}

fn words(agents: &[Agent], fine: usize, watch: &[&str], need: &[&str]) -> String {
    if agents.is_empty() {
        return "no agent has run".to_owned();
    }
    let mut parts = Vec::new();
    match (agents, fine) {
        ([one], 1) => return format!("{} is fine", one.name),
        (all, fine) if fine == all.len() => return format!("all {fine} fine"),
        (_, 0) => {}
        (_, fine) => parts.push(format!("{fine} fine")),
    }
    if !need.is_empty() {
        let verb = if need.len() == 1 { "needs you" } else { "need you" };
        parts.push(format!("{} {verb}", list(need)));
    }
    if !watch.is_empty() {
        parts.push(format!("{} worth a look", list(watch)));
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent(name: &str, mark: Mark) -> Agent {
        Agent { name: name.to_owned(), host: "vps2".to_owned(), mark, ..Agent::default() }
    }

    fn need(name: &str) -> Need {
        Need { agent: name.to_owned(), ..Need::default() }
    }

    #[test]
    fn the_verdict_says_who_is_fine_and_who_is_not() {
        let fine = || (0..6).map(|n| agent(&format!("a{n}"), Mark::Good)).collect::<Vec<_>>();
        let say = |agents: &[Agent], needs: Vec<Need>| verdict(agents, needs).subject;
        assert_eq!(say(&fine(), Vec::new()), "vps2: all 6 fine");
        let mut agents = fine();
        agents.push(agent("trader", Mark::Bad));
        assert_eq!(say(&agents, vec![need("trader")]), "vps2: 6 fine, trader needs you");
        agents.push(agent("crawler", Mark::Warning));
        agents[0].host = "vps3".to_owned();
        assert_eq!(
            say(&agents, vec![need("trader")]),
            "2 machines: 6 fine, trader needs you, crawler worth a look"
        );
        assert_eq!(say(&[agent("a", Mark::Good)], Vec::new()), "vps2: a is fine");
        assert_eq!(say(&[agent("a", Mark::Bad)], vec![need("a")]), "vps2: a needs you");
        assert_eq!(say(&[], Vec::new()), "agentwatch: no agent has run");
    }
}
