//! What a message says, before it takes the form of a service: one letter, or many rolled up into one.

use super::cut::{Cost, clean, clean_line, cost_of, cut_line, cut_middle, units};
use super::title::{Mark, clock, lasted, severity, title, zone};
use super::{Kind, Letter, Step};

/// The longest title, in UTF-16 units: three lines of a phone.
const TITLE_MAX: usize = 300;
/// The longest line of the text: more is no sentence.
const LINE_MAX: usize = 500;
/// Lines of one letter, and agents of a roll-up: what a person takes in.
const LINES_MAX: usize = 20;
/// The longest command: what is longer is left out and never cut, for half a command does something else.
const COMMAND_MAX: usize = 1000;
/// Commands of a letter.
const STEPS_MAX: usize = 6;
/// What a line costs besides its words: a sign, bold, a line end.
const LINE_COST: usize = 16;
/// The longest label in front of a line that is made bold: `Can it wait?`.
const LABEL_MAX: usize = 20;

/// One line of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// A sign in front, where lines differ in it.
    pub sign: Option<&'static str>,
    /// Its first words, bold: `Why:`, or an agent.
    pub label: String,
    /// The rest.
    pub words: String,
}

impl Line {
    fn new(line: &str) -> Self {
        let line = clean_line(line);
        let line = cut_line(&line, LINE_MAX, units);
        let (label, words) = split_label(&line).unwrap_or(("", &line));
        Self { sign: None, label: label.to_owned(), words: words.to_owned() }
    }

    /// The line as plain text.
    #[must_use]
    pub fn text(&self) -> String {
        let parts = [self.sign.unwrap_or_default(), &self.label, &self.words];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
    }
}

/// What a message says. All of it is clean and bounded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sheet {
    /// Colour and sign.
    pub mark: Mark,
    /// One line that says it all.
    pub title: String,
    /// What is the case.
    pub lines: Vec<Line>,
    /// The last lines of output.
    pub output: Option<String>,
    /// What to type; a command may be several, a line each.
    pub steps: Vec<Step>,
    /// Where to read on: an address, or words.
    pub runbook: Option<String>,
    /// When, with its zone.
    pub footer: String,
}

impl Sheet {
    /// Of one letter.
    #[must_use]
    pub fn one(letter: &Letter) -> Self {
        let lines: Vec<_> = letter.lines.iter().map(|line| Line::new(line)).collect();
        let lines = lines.into_iter().filter(|line| !line.text().is_empty()).take(LINES_MAX);
        let output = letter.output.as_deref().map(clean).filter(|text| !text.is_empty());
        Self {
            mark: Mark::of(letter),
            title: cut_line(&title(letter), TITLE_MAX, units).into_owned(),
            lines: lines.collect(),
            output,
            steps: letter.steps.iter().filter_map(step).take(STEPS_MAX).collect(),
            runbook: runbook(letter),
            footer: footer(letter.since, letter),
        }
    }

    /// Of many letters of one cause: a line an agent. None if there are no letters.
    #[must_use]
    pub fn many(letters: &[&Letter]) -> Option<Self> {
        let letters = newest(letters);
        let (first, rest) = letters.split_first()?;
        if rest.is_empty() {
            return Some(Self::one(first));
        }
        let open: Vec<_> = letters.iter().copied().filter(|l| l.kind != Kind::Closed).collect();
        let telling = if open.is_empty() { &letters } else { &open };
        let worst = telling.iter().copied().max_by_key(|l| l.severity).unwrap_or(first);
        let last = letters.iter().map(|l| l.at).max().unwrap_or(first.at);
        let since = telling.iter().map(|l| l.since).min().unwrap_or(first.since);
        let newest = Letter { at: last, since, ..(*worst).clone() };
        let mut lines = shared_lines(&letters);
        lines.extend(rows(&letters));
        Some(Self {
            mark: Mark::of(worst),
            title: cut_line(&many_title(&letters, telling, &newest), TITLE_MAX, units).into_owned(),
            lines,
            output: None,
            steps: shared_steps(telling),
            runbook: runbook(worst),
            footer: footer(since, &newest),
        })
    }

    /// The title behind its sign.
    #[must_use]
    pub fn headed(&self) -> String {
        self.mark.before(&self.title)
    }

    /// The same within a limit: commands are whole or left out, then lines, then output have what is
    /// left. `words` and `code` say what characters cost in either.
    #[must_use]
    pub fn fit(&self, max: usize, output_max: usize, words: Cost, code: Cost) -> Self {
        let mut left = max;
        let mut steps = Vec::new();
        for step in &self.steps {
            let cost = cost_of(&step.label, words) + cost_of(&step.command, code) + 2 * LINE_COST;
            // The half of it at most: the text says why.
            if max / 2 + cost <= left {
                left -= cost;
                steps.push(step.clone());
            }
        }
        let kept = if self.output.is_some() { left / 3 } else { 0 };
        let mut room = left.saturating_sub(kept);
        let mut lines = Vec::new();
        for (at, line) in self.lines.iter().enumerate() {
            let cost = cost_of(&line.text(), words) + LINE_COST;
            if room < cost + 2 * LINE_COST {
                let more = self.lines.len() - at;
                lines.push(Line::new(&format!("… and {more} more")));
                break;
            }
            room -= cost;
            lines.push(line.clone());
        }
        let room = (room + kept).saturating_sub(4 * LINE_COST).min(output_max);
        let output = self.output.as_deref().map(|text| cut_middle(text, room, code).into_owned());
        Self { lines, output, steps, ..self.clone() }
    }
}

/// An address that may be a link, and nothing that only looks like one.
#[must_use]
pub fn is_link(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let fits = |c: char| c.is_ascii_graphic() && !"\"'<>`\\|".contains(c);
    host.is_some_and(|host| !host.is_empty() && host.chars().all(fits))
}

/// `Why:` and the rest: a few words with a capital in front, up to a colon or a question mark.
fn split_label(line: &str) -> Option<(&str, &str)> {
    let end = line.find([':', '?'])?;
    let (label, rest) = line.split_at_checked(end + 1)?;
    let fits = label.starts_with(|c: char| c.is_ascii_uppercase())
        && label.len() <= LABEL_MAX
        && label.chars().rev().skip(1).all(|c| c.is_ascii_alphabetic() || c == ' ');
    fits.then_some((label, rest.strip_prefix(' ')?))
}

fn step(step: &Step) -> Option<Step> {
    let command = clean(&step.command);
    // Cleaned, it could be another command.
    let same = command == step.command && !command.is_empty();
    let fits = same && cost_of(&command, units) <= COMMAND_MAX;
    let label = clean_line(&step.label);
    fits.then(|| Step { label: cut_line(&label, 2 * LABEL_MAX, units).into_owned(), command })
}

/// Where to read on, while there is something to be done.
fn runbook(letter: &Letter) -> Option<String> {
    let text = clean_line(letter.runbook.as_deref()?);
    let open = letter.kind != Kind::Closed;
    (open && !text.is_empty() && cost_of(&text, units) <= COMMAND_MAX).then_some(text)
}

/// `2026-11-23 02:58 to 06:10 +01:00`.
fn footer(since: i64, letter: &Letter) -> String {
    if letter.kind == Kind::Report {
        return super::report::footer(letter);
    }
    // With the day, for whoever reads it later.
    let long = |at: i64| {
        let date = crate::wire::stamp::day(crate::core::time::Wall(at), letter.offset);
        let clock = clock(at, &Letter { at, ..letter.clone() });
        format!("{date} {clock}")
    };
    let (from, to) = (long(since), clock(letter.at, letter));
    let zone = zone(letter.offset);
    match letter.kind {
        Kind::Closed => format!("{from} to {to} {zone}"),
        _ if from.ends_with(&to) => format!("{from} {zone}"),
        _ => format!("since {from}, as of {to} {zone}"),
    }
}

/// The last letter of each incident, in the order of the first ones.
fn newest<'a>(letters: &[&'a Letter]) -> Vec<&'a Letter> {
    let mut all: Vec<&Letter> = Vec::new();
    for letter in letters {
        match all.iter_mut().find(|other| other.incident == letter.incident) {
            Some(other) if other.number < letter.number => *other = letter,
            Some(_) => {}
            None => all.push(letter),
        }
    }
    all
}

/// What all of them say, if so.
fn common<T: PartialEq>(letters: &[&Letter], of: impl Fn(&Letter) -> T) -> Option<T> {
    let first = of(letters.first()?);
    letters.iter().all(|letter| of(letter) == first).then_some(first)
}

fn distinct(letters: &[&Letter], of: impl Fn(&Letter) -> String) -> usize {
    letters.iter().map(|letter| of(letter)).collect::<std::collections::BTreeSet<_>>().len()
}

/// `CRITICAL 7 agents on vps2: API 529 since 03:02, all parked`.
fn many_title(letters: &[&Letter], telling: &[&Letter], newest: &Letter) -> String {
    let hosts = distinct(letters, |l| l.host.clone());
    let place = match common(letters, |l| l.host.clone()) {
        Some(host) => clean_line(&host),
        None => format!("{hosts} machines"),
    };
    let who = match distinct(telling, |l| format!("{}@{}", l.agent, l.host)) {
        1 => format!("{} incidents of {}@{place}", telling.len(), clean_line(&newest.agent)),
        agents => format!("{agents} agents on {place}"),
    };
    let headline = common(telling, |l| clean_line(&l.headline));
    let group = common(telling, |l| l.group.clone()).flatten().map(|group| {
        // "gave_up: KeyError": the kind of trouble is not what they have in common.
        let kind =
            group.strip_prefix(newest.cause.as_str()).and_then(|rest| rest.strip_prefix(": "));
        common_words(&clean_line(kind.unwrap_or(&group)))
    });
    // "parked: status 529 until 03:32": how each begins is what became of all, if it counts nothing.
    let became = |l: &Letter| l.headline.split_once(':').map(|(became, _)| clean_line(became));
    let became = common(telling, became).flatten().filter(|words| {
        group.is_some() && words.len() <= LABEL_MAX && !words.contains(|c: char| c.is_ascii_digit())
    });
    let all = became.map(|became| format!(", all {became}")).unwrap_or_default();
    let what = group.or(headline).unwrap_or_else(|| clean_line(&newest.cause).replace('_', " "));
    if newest.kind == Kind::Closed {
        return format!("RECOVERED {who} after {}: {what}", lasted(newest));
    }
    let still = common(telling, |l| l.kind) == Some(Kind::Reminder);
    let still = if still { "STILL " } else { "" };
    let over = match letters.len() - telling.len() {
        0 => String::new(),
        over => format!("; {over} recovered"),
    };
    let since = clock(newest.since, newest);
    let severity = match newest.kind {
        Kind::Test => "TEST",
        Kind::Acknowledged => "ACKNOWLEDGED",
        _ => severity(newest.severity),
    };
    format!("{still}{severity} {who}: {what} since {since}{all}{over}")
}

/// A name for what they have in common, without the marks that stand for what differs.
fn common_words(group: &str) -> String {
    let mut words = String::new();
    for c in group.chars() {
        // `12:04:05.404` and the like are one thing that differs.
        let joins = words.ends_with('…') && ".:-/".contains(c);
        match c {
            '#' if words.ends_with('…') => {}
            '#' => words.push('…'),
            _ if joins => {}
            c => words.push(c),
        }
    }
    words
}

/// What of a letter may be about all: why, and what has no figure of one agent in it.
fn is_of_all(line: &str) -> bool {
    line.starts_with("Why:") || !line.contains(|c: char| c.is_ascii_digit())
}

/// Lines that every letter has.
fn shared_lines(letters: &[&Letter]) -> Vec<Line> {
    let Some((first, rest)) = letters.split_first() else { return Vec::new() };
    let shared = first.lines.iter().filter(|line| is_of_all(line));
    let shared = shared.filter(|line| rest.iter().all(|l| l.lines.contains(line)));
    shared.map(|line| Line::new(line)).filter(|line| !line.text().is_empty()).take(4).collect()
}

/// A line an agent.
fn rows(letters: &[&Letter]) -> Vec<Line> {
    let one_host = common(letters, |l| l.host.clone()).is_some();
    let one_mark = common(letters, Mark::of).is_some();
    let row = |letter: &&Letter| {
        let headline = clean_line(&letter.headline);
        let words = match letter.kind {
            Kind::Closed => format!("recovered after {}: {headline}", lasted(letter)),
            _ => format!("{headline} (since {})", clock(letter.since, letter)),
        };
        let who = if one_host {
            letter.agent.clone()
        } else {
            format!("{}@{}", letter.agent, letter.host)
        };
        Line {
            sign: (!one_mark).then(|| Mark::of(letter).sign()),
            label: cut_line(&clean_line(&who), 80, units).into_owned(),
            words: cut_line(&words, LINE_MAX / 3, units).into_owned(),
        }
    };
    let mut rows: Vec<_> = letters.iter().take(LINES_MAX).map(row).collect();
    if LINES_MAX < letters.len() {
        rows.push(Line::new(&format!("… and {} more", letters.len() - LINES_MAX)));
    }
    rows
}

/// What the letters say to type, in the order of the first: one command for all agents where there is one, else
/// one for each.
fn shared_steps(letters: &[&Letter]) -> Vec<Step> {
    let Some(first) = letters.first() else { return Vec::new() };
    let mut left = COMMAND_MAX;
    let mut steps = Vec::new();
    for wanted in first.steps.iter().take(STEPS_MAX) {
        let mut same: Vec<(&str, String)> = Vec::new();
        for letter in letters {
            let one = letter.steps.iter().find(|step| step.label == wanted.label);
            let command = one.and_then(step).map(|step| step.command);
            same.extend(command.map(|command| (letter.agent.as_str(), command)));
        }
        let all = for_all(&same).filter(|command| cost_of(command, units) <= COMMAND_MAX);
        let command = all.unwrap_or_else(|| {
            let mut each: Vec<&str> = same.iter().map(|(_, command)| command.as_str()).collect();
            each.retain(|command| {
                let cost = cost_of(command, units) + 1;
                let fits = cost <= left;
                left = left.saturating_sub(cost);
                fits
            });
            each.join("\n")
        });
        steps.extend(step(&Step { label: wanted.label.clone(), command }));
    }
    steps
}

/// Commands of agentwatch that take many names.
const OF_MANY: [&str; 7] = ["resume", "restart", "pause", "events", "status", "ack", "snooze"];

/// The command that does for all agents what each of these does for its own.
fn for_all(commands: &[(&str, String)]) -> Option<String> {
    let (_, first) = commands.first()?;
    if commands.iter().all(|(_, command)| command == first) {
        return Some(first.clone());
    }
    let mut form = None;
    for (agent, command) in commands {
        let words: Vec<&str> = command.split(' ').collect();
        let verb = words.iter().position(|word| *word == "agentwatch")? + 1;
        let named = words.get(verb).is_some_and(|verb| OF_MANY.contains(verb))
            && words.get(verb + 1) == Some(agent);
        let (before, behind) = words.split_at_checked(verb + 1).filter(|_| named)?;
        let this = (before.join(" "), behind.get(1..)?.join(" "));
        if *form.get_or_insert_with(|| this.clone()) != this {
            return None;
        }
    }
    let (before, behind) = form?;
    let mut names: Vec<&str> = commands.iter().map(|(agent, _)| *agent).collect();
    names.dedup();
    let parts = [before, names.join(" "), behind];
    Some(parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests;
