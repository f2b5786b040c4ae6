//! Letters for tests: one of each stage, a storm of seven agents, and one that means harm.

use super::*;

/// 03:14 on 2026-11-23, an hour ahead of UTC.
pub const AT: i64 = 1_795_400_040_000;

/// The letter of the contract.
pub fn letter() -> Letter {
    let step = |label: &str, command: &str| Step {
        label: label.to_owned(),
        command: format!("ssh vps2 agentwatch {command}"),
    };
    let line = |line: &str| line.to_owned();
    Letter {
        v: VERSION,
        id: "01K7-trader-1".to_owned(),
        incident: "vps2-trader-gave_up-1795400040".to_owned(),
        number: 1,
        kind: Kind::Opened,
        severity: Severity::Critical,
        cause: "gave_up".to_owned(),
        group: None,
        agent: "trader".to_owned(),
        host: "vps2".to_owned(),
        at: AT,
        offset: 3600,
        since: AT,
        not_before: None,
        headline: "gave up: 3 failures in 10m, same error".to_owned(),
        lines: vec![
            line("Down, stays down. Streak 3/3. Last healthy 02:58. Spend today $4.10 of $20."),
            line("Why: exit 1 after 2s. KeyError: 'BROKER_TOKEN'. State files: valid."),
            line("Before: release 9f3c at 02:57. Other agents here: 5 healthy."),
            line("Can it wait? No more tokens are spent; nothing will be tried again."),
        ],
        output: Some(
            "Traceback (most recent call last):\n  File \"/srv/trader/main.py\", line 41, in <module>\n    \
             token = os.environ[\"BROKER_TOKEN\"]\nKeyError: 'BROKER_TOKEN'\n"
                .to_owned(),
        ),
        steps: vec![
            step("Try again", "resume trader"),
            step("Look", "events trader --since 1h"),
            step("Silence", "snooze trader 6h"),
        ],
        runbook: Some("https://wiki.example.org/agents?page=trader&v=2".to_owned()),
        report: None,
    }
}

/// Four hours later nobody has answered.
pub fn reminder() -> Letter {
    let mut letter = letter();
    letter.id = "01K7-trader-2".to_owned();
    letter.number = 2;
    letter.kind = Kind::Reminder;
    letter.at += 4 * 3_600_000;
    letter.output = None;
    letter
}

/// Somebody has seen it.
pub fn acknowledged() -> Letter {
    let mut letter = reminder();
    letter.kind = Kind::Acknowledged;
    letter.lines = vec!["By ann, from the command line; no reminders follow.".to_owned()];
    letter.steps.truncate(1);
    letter
}

/// It is over.
pub fn recovered() -> Letter {
    let mut letter = letter();
    letter.id = "01K7-trader-3".to_owned();
    letter.number = 3;
    letter.kind = Kind::Closed;
    letter.at = letter.since + 11_520_000;
    letter.lines =
        vec!["Healthy since 06:26. 3 failures in all. Spend today $4.10 of $20.".to_owned()];
    letter.output = None;
    letter.steps.clear();
    letter
}

/// The report of a day on which one of seven needs somebody.
pub fn report() -> Letter {
    let words = [
        "Alive the whole day? 99.2%: trader was down for 1h18m, the others never.",
        "Restarts? 3, all of trader.",
        "Tokens a cycle? As usual; crawler took 1.3 × its four weeks.",
        "Loops or cooldowns? None.",
        "What recovered by itself, what needs a human? 1 recovered; trader needs you.",
        "trader gave up 3h12m ago: 3 failures in 10m, same last line. agentwatch resume trader",
        "crawler: 9 of 11 restarts at 03:00, by chance once in 40,000 years.",
    ];
    let file = |kind: &str| Some(format!("/var/lib/agentwatch/reports/2026-11-22.{kind}"));
    super::report::letter(super::report::About {
        id: "report@vps2/0a1b2c3d/2026-11-22".to_owned(),
        host: "vps2",
        kept: Kept {
            day: "2026-11-22".to_owned(),
            html: file("html"),
            text: file("txt"),
            json: file("json"),
        },
        since: 1_795_302_000_000,
        at: 1_795_417_203_000,
        offset: 3600,
        severity: Severity::Critical,
        subject: "vps2: 6 fine, trader needs you",
        lines: &words.map(str::to_owned),
    })
}

/// Seven agents suffer from one thing.
pub fn storm() -> Vec<Letter> {
    let names = ["trader", "crawler", "mailer", "scout", "clerk", "indexer", "judge"];
    let letters = names.iter().zip(0..).map(|(name, at)| {
        let mut letter = letter();
        letter.id = format!("01K8-{name}-1");
        letter.incident = format!("vps2-{name}-parked");
        letter.agent = (*name).to_owned();
        letter.severity = Severity::Warning;
        letter.cause = "parked".to_owned();
        letter.group = Some("API 529".to_owned());
        letter.since = AT - 720_000 + at * 20_000;
        letter.headline = format!("parked: status 529 of the API, tried again at 03:{}", 17 + at);
        letter.lines = vec![
            format!("Parked after {} tries.", at + 1),
            "Can it wait? Nothing is spent meanwhile; it is tried again by itself.".to_owned(),
        ];
        letter.steps = vec![
            Step {
                label: "Try now".to_owned(),
                command: format!("ssh vps2 agentwatch restart {name}"),
            },
            Step { label: "Look".to_owned(), command: "ssh vps2 agentwatch status".to_owned() },
        ];
        letter
    });
    letters.collect()
}

/// Markup of every service, control and bidirectional characters, emoji, and far too much of it.
pub fn hostile() -> Letter {
    let evil = "<!channel> <@U1> @everyone <b>x</b> </pre></code><script>alert(1)</script> &amp; *a* _b_ ~c~ \
                `d` ```e``` ||f|| [g](https://evil.example) # h\n- i\n> j \\* \u{202e}gnp.exe\u{2066} \u{0}\
                \u{1b}[31mred\u{1b}[0m\u{7} 👩\u{200d}👩\u{200d}👧 é e\u{301} <t:0:R> :smile: \"q\" 'r'";
    let mut letter = letter();
    letter.id = "evil id\r\nX-Evil: 1".to_owned();
    letter.incident = format!("evil\r\n{}", "i".repeat(400));
    letter.agent = format!("a{}", "<&>".repeat(20));
    letter.host = "h\r\nBcc: x@y.z".to_owned();
    letter.headline = format!("{evil} {}", "long ".repeat(300));
    letter.lines = (0..40).map(|at| format!("{at} {evil}")).collect();
    letter.lines.push("x".repeat(5000));
    letter.output = Some(format!("{evil}\n`````\n").repeat(40).chars().take(10_000).collect());
    letter.steps = vec![
        Step { label: evil.to_owned(), command: format!("echo '{}'", "`\"<&>\\".repeat(20)) },
        Step { label: "Bent".to_owned(), command: "echo a\u{202e}b".to_owned() },
        Step { label: "Long".to_owned(), command: "x".repeat(5000) },
    ];
    letter.steps.extend(std::iter::repeat_n(
        Step {
            label: "More".to_owned(),
            command: "agentwatch look ".to_owned() + &"y".repeat(800),
        },
        8,
    ));
    letter.runbook = Some("javascript:alert('<b>')".to_owned());
    letter.offset = i32::MAX;
    letter
}
