//! `kill -9` of agentwatch at moments that nobody chose: what its next life must make of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use agentwatch::core::ending::Ending;
use agentwatch::core::fact::{Fact, Outcome};
use agentwatch::store::read;
use agentwatch::wire::record::Record;

use crate::harness::{World, code, records, until};
use crate::rng::Rng;
use crate::rounds;

/// Each incarnation is another kind of agent. All of them, and all below them, hold a lock: whoever is
/// started while anything of an earlier incarnation lives cannot have it, and screams. What is noted of a
/// start is the kernel's own time of it, in hundredths of a second since boot.
const AGENT: &str = r#"
    exec 9>>one; flock -n 9 || echo "$AGENTWATCH_INCARNATION" >>screams
    read -ra stat </proc/self/stat; echo "$AGENTWATCH_INCARNATION ${stat[21]}" >>starts
    beat() { echo '{"agent":"a","status":"ok","tokens_used":7}'; }
    beats() { while :; do beat; sleep 0.02; done; }
    case $((AGENTWATCH_INCARNATION % 8)) in
        0) beats;;
        1) exit 1;;
        2) sleep 1001 & (sleep 1002 & exec sleep 1003) & setsid sleep 1004 & beats;;
        3) trap '' TERM; beats;;
        4) beat; beat; exit 0;;
        5) (setsid sh -c 'sleep 1005 & exec sleep 1006' &); (setsid sleep 1007 &); exit 3;;
        6) trap 'sleep 0.05; beat; exit 0' TERM; beats;;
        7) [ "$((AGENTWATCH_INCARNATION % 3))" = 0 ] || sleep 0.05; kill -9 $$;;
    esac"#;

/// A storm has one seed: `AGENTWATCH_SEED` gives it again, as far as a kernel can be made to.
pub fn seeded(storm: &str) -> Rng {
    let given = std::env::var("AGENTWATCH_SEED").ok().and_then(|seed| seed.parse().ok());
    let clock = || std::time::SystemTime::UNIX_EPOCH.elapsed().map_or(1, |now| now.as_micros());
    let seed = given.unwrap_or_else(|| u64::try_from(clock()).unwrap_or(1));
    println!("{storm}: AGENTWATCH_SEED={seed}");
    Rng::new(seed)
}

/// One agent, and however many lives of agentwatch it takes.
struct Storm {
    world: World,
    cooldown_ms: u64,
    rng: Rng,
    /// Commands that were given and have not ended yet.
    commands: Vec<Child>,
    latched: bool,
}

impl Storm {
    fn new(storm: &str, cooldown_ms: u64) -> Self {
        let world = World::new();
        // The limits are those of the configuration; whoever resumes begins to count anew.
        let text = format!(
            "[restart]\ncooldown = \"{cooldown_ms}ms\"\nmax_failures = 1000\n\
             max_failures_per_day = 10000\n[stop]\ntimeout = \"150ms\"\n"
        );
        fs::write(world.path("agentwatch.toml"), text).unwrap();
        fs::write(world.path("agent"), AGENT).unwrap();
        Self { world, cooldown_ms, rng: seeded(storm), commands: Vec::new(), latched: false }
    }

    fn begin(&self, resume: bool) -> Child {
        let resume = resume.then_some("--resume");
        let before = ["run", "--name", "t"].into_iter().chain(resume);
        let args: Vec<&str> = before.chain(["--", "bash", "agent"]).collect();
        let mut command = self.world.command(&args);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    fn tell(&mut self, args: &[&str]) {
        let mut command = self.world.command(args);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        self.commands.push(child);
    }

    /// A time that is as likely below a millisecond as near the longest, which is beyond a cooldown.
    fn moment(&mut self) -> Duration {
        let longest = if self.cooldown_ms == 0 { 18 } else { 20 };
        let most = 1 << (7 + self.rng.below(longest - 6));
        Duration::from_micros(self.rng.below(most))
    }

    /// One life, and its end at a moment between any two.
    fn round(&mut self) {
        let resume = std::mem::take(&mut self.latched) || self.rng.one_in(20);
        let mut life = self.begin(resume);
        sleep(self.moment());
        match self.rng.below(10) {
            0 | 1 => {
                let command: &[&str] = self.rng.pick(&[
                    &["stop", "t"],
                    &["stop", "--now", "t"],
                    &["stop", "--stay", "t"],
                    &["restart", "t"],
                    &["restart", "--at-beat", "t"],
                    &["resume", "t"],
                    &["pause", "t"],
                ]);
                self.tell(command);
                sleep(self.moment());
            }
            2 => {
                self.tell(&["pause", "t"]);
                sleep(self.moment());
                self.tell(self.rng.clone().pick(&[&["resume", "t"], &["stop", "t"]]));
                sleep(self.moment());
            }
            3 => {
                crate::harness::kill(i32::try_from(life.id()).unwrap(), "TERM");
                sleep(self.moment());
            }
            _ => {}
        }
        life.kill().unwrap();
        // Now and then the next one comes before this one is quite gone.
        let next = self.rng.one_in(5).then(|| self.begin(false));
        self.latched = code(life.wait().unwrap()) == 69;
        if let Some(mut next) = next {
            sleep(self.moment());
            next.kill().unwrap();
            self.latched = code(next.wait().unwrap()) == 69;
        }
        // What was told to a dead one must not reach its successor.
        for mut command in self.commands.drain(..) {
            command.wait().unwrap();
        }
        self.is_whole();
    }

    /// What must hold at every moment.
    fn is_whole(&self) {
        assert_eq!(fs::read_to_string(self.world.path("screams")).ok(), None, "two at once");
        match fs::read(self.world.agent().join("state.json")) {
            Ok(state) => drop(serde_json::from_slice::<serde_json::Value>(&state).unwrap()),
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::NotFound),
        }
    }

    /// A last life that is left alone, and what must hold after it.
    fn end(mut self) -> String {
        let before = starts(&self.world).len();
        let mut life = self.begin(true);
        until("a last start", || (before < starts(&self.world).len()).then_some(()));
        let strays = self.strays();
        self.tell(&["stop", "t"]);
        until("the end", || life.try_wait().unwrap());
        self.commands[0].wait().unwrap();
        self.is_whole();
        assert!(strays.iter().all(|(_, of)| *of as usize > 0), "{strays:?}");
        assert_eq!(self.strays(), [], "nothing outlives a stop");
        let starts = starts(&self.world);
        let records = records(&self.world.agent());
        lines_are_whole(&self.world.agent());
        let kept = ends_are_known(&starts, &records);
        let gaps = self.cooldowns_were_kept(&starts, &records);
        let failures = streaks_are_right(&records, &self.world.agent());
        self.nothing_piles_up();
        format!(
            "{} starts, {} of them in the journal, {gaps} cooldowns, {failures} failures, {} lines",
            starts.len(),
            kept,
            records.len()
        )
    }

    /// Processes that bear the mark of this agent, and of which incarnation.
    fn strays(&self) -> Vec<(i32, u32)> {
        let folder = self.world.agent().display().to_string();
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let pid = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok());
            let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
            let mark = environment.split(|byte| *byte == 0).find_map(|variable| {
                let text = std::str::from_utf8(variable).ok()?;
                text.strip_prefix("AGENTWATCH_MARK=")?.strip_suffix(&folder)?.split(':').nth(1)
            });
            if let (Some(pid), Some(mark)) = (pid, mark.and_then(|mark| mark.parse().ok())) {
                found.push((pid, mark));
            }
        }
        found
    }

    /// SPEC rule 2, by the journal to the millisecond and by the kernel as exactly as a loaded machine
    /// goes from a decision to a start.
    fn cooldowns_were_kept(&self, starts: &[(u32, u64)], records: &[Record]) -> usize {
        let lifted = lifted(records);
        let told: BTreeMap<u32, i64> = records
            .iter()
            .filter_map(|record| match record.fact {
                Some(Fact::Started { incarnation, .. }) => Some((incarnation, record.ts.0)),
                _ => None,
            })
            .collect();
        let cooldown = i64::try_from(self.cooldown_ms).unwrap();
        let mut kept = 0;
        for pair in starts.windows(2) {
            let [(before, from), (after, to)] = [pair[0], pair[1]];
            if (before..after).any(|incarnation| lifted.contains(&incarnation)) {
                continue;
            }
            kept += 1;
            let ticks = i64::try_from(to).unwrap() - i64::try_from(from).unwrap();
            assert!(cooldown - 150 <= ticks * 10, "{before} → {after}: {ticks}0 ms");
            if let (Some(from), Some(to)) = (told.get(&before), told.get(&after)) {
                assert!(
                    cooldown - 1 <= to - from,
                    "{before} → {after}: {} ms\n{}",
                    to - from,
                    around(records, before)
                );
            }
        }
        kept
    }

    /// Files of the agent, and what lies about in the folder for sockets.
    fn nothing_piles_up(&self) {
        let mut names = names(&self.world.agent());
        names.retain(|name| !["journal", "lock", "state.json"].contains(&name.as_str()));
        assert!(names.is_empty(), "in the folder of the agent: {names:?}");
        let sockets = crate::killed::names(&self.world.path("run"));
        assert!(sockets.is_empty(), "in the folder for sockets: {sockets:?}");
        assert!(crate::killed::names(&self.world.agent().join("journal")).len() <= 2);
    }
}

pub fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// What the agents themselves noted of their starts, in that order.
fn starts(world: &World) -> Vec<(u32, u64)> {
    let text = fs::read_to_string(world.path("starts")).unwrap_or_default();
    let mut all = Vec::new();
    for line in text.lines() {
        let (incarnation, at) = line.split_once(' ').unwrap();
        all.push((incarnation.parse().unwrap(), at.parse().unwrap()));
    }
    // Who was killed while it noted its start may come after the next one.
    all.sort_unstable();
    all
}

/// Every line is one record of ours, whole, and the numbers have no gap.
pub fn lines_are_whole(agent: &Path) {
    let mut seq = 0;
    for (_, path) in read::days(&agent.join("journal")).unwrap() {
        for line in fs::read_to_string(path).unwrap().lines() {
            let value: serde_json::Value =
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            seq += 1;
            assert_eq!(value["seq"], seq, "{line}");
        }
    }
    assert!(records(agent).iter().all(|record| record.fact.is_some()));
}

/// SPEC rule 4, for what the journal calls started and for whoever really was. Gives how many the journal
/// knows the start of: one that was lost in between has its end all the same.
fn ends_are_known(starts: &[(u32, u64)], records: &[Record]) -> usize {
    let mut ends: BTreeMap<u32, usize> = BTreeMap::new();
    let mut told = Vec::new();
    for record in records {
        match record.fact {
            Some(Fact::Exited { incarnation, .. }) => *ends.entry(incarnation).or_default() += 1,
            Some(Fact::Started { incarnation, .. }) => told.push(incarnation),
            _ => {}
        }
    }
    assert!(told.is_sorted_by(|a, b| a < b), "a number was given out twice: {told:?}");
    assert!(starts.is_sorted_by(|(a, _), (b, _)| a < b), "a number was given out twice");
    for incarnation in told.iter().chain(starts.iter().map(|(incarnation, _)| incarnation)) {
        assert_eq!(ends.get(incarnation), Some(&1), "ends of {incarnation}");
    }
    told.len()
}

/// What the journal has from one incarnation on, for who has to find out.
fn around(records: &[Record], incarnation: u32) -> String {
    let of = |record: &&Record| record.line.contains(&format!("\"incarnation\":{incarnation},"));
    let from = records.iter().position(|record| of(&record)).unwrap_or(0);
    let lines = records[from.saturating_sub(5)..].iter().take(25);
    lines.map(|record| record.line.as_str()).collect::<Vec<_>>().join("\n")
}

/// The incarnations after which somebody lifted the cooldown, or which ended as somebody wished.
fn lifted(records: &[Record]) -> Vec<u32> {
    let mut latest = 0;
    let mut lifted = Vec::new();
    for record in records {
        match &record.fact {
            Some(Fact::Exited { incarnation, outcome, .. }) => {
                latest = latest.max(*incarnation);
                if matches!(outcome, Outcome::Stopped | Outcome::Restarting | Outcome::Finished) {
                    lifted.push(*incarnation);
                }
            }
            Some(Fact::Started { incarnation, .. }) => latest = latest.max(*incarnation),
            Some(Fact::RestartAsked { .. } | Fact::Resumed { .. } | Fact::Stopped { .. }) => {
                lifted.push(latest);
            }
            _ => {}
        }
    }
    lifted
}

/// The streak counts every failure from the last time that somebody forgave, over all lives.
fn streaks_are_right(records: &[Record], agent: &Path) -> u32 {
    let (mut streak, mut all) = (0, 0);
    for record in records {
        match &record.fact {
            Some(Fact::Exited { outcome: Outcome::Failure { streak: told, .. }, .. }) => {
                streak += 1;
                all += 1;
                assert_eq!(*told, streak, "{}", record.line);
            }
            // The machine was not down: nobody else can be to blame for an end that nobody saw.
            Some(Fact::Exited { ending: Ending::Unknown, .. }) => panic!("{}", record.line),
            Some(Fact::Resumed { .. } | Fact::StreakForgotten { .. }) => streak = 0,
            _ => {}
        }
    }
    let state = fs::read(agent.join("state.json")).unwrap();
    let state: serde_json::Value = serde_json::from_slice(&state).unwrap();
    assert_eq!(state["streak"]["failures"], streak, "{state}");
    all
}

fn storm(name: &str, cooldown_ms: u64, few: u32) {
    if !can_storm() {
        return;
    }
    let begin = Instant::now();
    let mut storm = Storm::new(name, cooldown_ms);
    for _ in 0..rounds(few) {
        storm.round();
    }
    let told = storm.end();
    println!("{name}: {} rounds in {:.1?}: {told}", rounds(few), begin.elapsed());
}

pub fn can_storm() -> bool {
    let can = cfg!(target_os = "linux");
    if !can {
        println!("SKIPPED: only Linux shows what became of every process");
    }
    can && crate::harness::has("flock") && crate::harness::has("setsid")
}

#[test]
fn killed_at_any_moment_without_a_cooldown() {
    storm("killed, cooldown 0", 0, 250);
}

#[test]
fn killed_at_any_moment_within_a_cooldown() {
    storm("killed, cooldown 200 ms", 200, 80);
}
