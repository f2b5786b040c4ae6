//! Runaways, other signs of a loop, and budgets, in words.

use crate::core::cost::budget::{Budget, Spending};
use crate::core::cost::limits::Action;
use crate::core::cost::money::Usd;
use crate::core::cost::runaway::Stretch;
use crate::core::cost::sign::{Cleared, LoopOver, Sign, SignKind};
use crate::core::fact::Fact;

use super::words::{count, grouped, span};

/// So many times, as people say it: `33 ×`, below ten with a tenth: `4.5 ×`.
#[must_use]
pub fn times(of: u64, to: u64) -> String {
    let tenths = u128::from(of) * 10 / u128::from(to.max(1));
    in_tenths(tenths)
}

fn in_tenths(tenths: u128) -> String {
    let (whole, tenth) = (tenths / 10, tenths % 10);
    if whole >= 10 || tenth == 0 {
        format!("{} ×", grouped(u64::try_from(whole).unwrap_or(u64::MAX)))
    } else {
        format!("{whole}.{tenth} ×")
    }
}

/// An amount of USD: cents, and below a cent what is there.
#[must_use]
pub fn usd(usd: f64) -> String {
    Usd::from_f64(usd).to_string()
}

/// What a sum of money leaves out: `, and 12 beats of unknown cost`.
#[must_use]
pub fn unpriced(beats: u64) -> String {
    if beats == 0 {
        return String::new();
    }
    format!(", and {} of unknown cost", count(beats, "beat"))
}

/// What looks like a loop, and by which measure: `40,112 tokens, 33 × the usual 1,210`.
#[must_use]
pub fn sign(sign: &Sign) -> String {
    match sign {
        Sign::Tokens { stretch, tokens, usual, record } => {
            let what = match stretch {
                Stretch::One => "in a cycle",
                Stretch::Two => "in each of two cycles in a row",
                Stretch::Six => "in each of six cycles in a row",
                Stretch::HalfMinute => "in half a minute",
            };
            let usually = format!("{} the usual {}", times(*tokens, *usual), grouped(*usual));
            let most = record
                .filter(|record| *record > 0)
                .map(|record| format!(", {} the most of the last 30 days", times(*tokens, record)));
            format!("{} tokens {what}, {usually}{}", grouped(*tokens), most.unwrap_or_default())
        }
        Sign::Shutdown { tokens, usual } => format!(
            "{} tokens since it announced its shutdown, {} the usual {} of a cycle",
            grouped(*tokens),
            times(*tokens, *usual),
            grouped(*usual)
        ),
        Sign::ToolCalls { calls, max } => {
            format!("{} in a minute, and {} are allowed", count(*calls, "tool call"), grouped(*max))
        }
        Sign::SameMessage { beats, message } => {
            format!("the same message in {} running: {message}", count(*beats, "beat"))
        }
        Sign::Retries { beats } => {
            format!("trouble in {} running, and nothing done", count(*beats, "beat"))
        }
    }
}

/// The name of a sign, as the end of a child gives it.
#[must_use]
pub fn sign_kind(kind: SignKind) -> &'static str {
    match kind {
        SignKind::Tokens => "runaway tokens",
        SignKind::Shutdown => "an announced shutdown that used far too much",
        SignKind::ToolCalls => "too many tool calls",
        SignKind::SameMessage => "the same message again and again",
        SignKind::Retries => "trouble again and again",
    }
}

/// The name of a budget: `the day's tokens`.
#[must_use]
pub fn budget(budget: Budget) -> &'static str {
    match budget {
        Budget::TokensPerHour => "the hour's tokens",
        Budget::TokensPerDay => "the day's tokens",
        Budget::UsdPerDay => "the day's USD",
    }
}

/// What was spent of a budget: `12,400 of 10,000 tokens this hour`.
#[must_use]
pub fn spent(spent: &Spending) -> String {
    match spent {
        Spending::TokensPerHour { spent, limit } => {
            format!("{} of {} tokens this hour", grouped(*spent), grouped(*limit))
        }
        Spending::TokensPerDay { spent, limit } => {
            format!("{} of {} tokens today", grouped(*spent), grouped(*limit))
        }
        Spending::UsdPerDay { spent_usd, limit_usd } => {
            format!("{} of {} today", usd(*spent_usd), usd(*limit_usd))
        }
    }
}

/// What agentwatch does about it.
#[must_use]
pub fn action(action: Action) -> &'static str {
    match action {
        Action::Alert => "left alone",
        Action::Restart => "restarting it",
        Action::Stop => "stopping it",
        Action::Park => "parking it until the budget is fresh",
        Action::Pause => "pausing it",
    }
}

/// One of these facts in one line, for a list of events.
#[must_use]
pub fn words(fact: &Fact) -> String {
    match fact {
        Fact::LoopSuspected { sign: seen, action: then, .. } => {
            format!("{}; {}", sign(seen), action(*then))
        }
        Fact::LoopCleared(LoopOver { sign: kind, for_ms, cycles, tokens, why }) => {
            let what = match why {
                Cleared::Normal => format!("normal again after {}", span(*for_ms)),
                Cleared::Ended => format!("over after {}, as it was dealt with", span(*for_ms)),
                Cleared::Allowed => format!("over after {}: a person lets it go on", span(*for_ms)),
                Cleared::Rebaselined => {
                    format!("over after {}: a person says it is right", span(*for_ms))
                }
            };
            let used = (*cycles > 0).then(|| {
                format!(", {} used {} tokens", count(u64::from(*cycles), "cycle"), grouped(*tokens))
            });
            let kind = if *kind == SignKind::Tokens {
                String::new()
            } else {
                format!("{}: ", sign_kind(*kind))
            };
            format!("{kind}{what}{}", used.unwrap_or_default())
        }
        Fact::LoopSettled { cycles, times } => format!(
            "settled at {} what was usual, {} running; nobody has said that this is right",
            in_tenths(u128::from(*times / 10)),
            count(u64::from(*cycles), "cycle"),
        ),
        Fact::BudgetWarning { spent: so_much, .. } => format!("{} spent", spent(so_much)),
        Fact::BudgetExceeded { spent: so_much, action: then, .. } => {
            format!("{} spent; {}", spent(so_much), action(*then))
        }
        Fact::Rebaselined { usual: Some(usual) } => {
            format!("a person says that {} tokens a cycle are usual", grouped(*usual))
        }
        Fact::Rebaselined { usual: None } => "a person says that all is usual".to_owned(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runaway_says_its_rule_in_words() {
        let (tokens, usual, record) = (40_112, 1_210, Some(10_000));
        let seen = Sign::Tokens { stretch: Stretch::One, tokens, usual, record };
        let want =
            "40,112 tokens in a cycle, 33 × the usual 1,210, 4 × the most of the last 30 days";
        assert_eq!(sign(&seen), want);
        let seen = Sign::Tokens { stretch: Stretch::Two, tokens: 5_445, usual, record: None };
        assert_eq!(
            sign(&seen),
            "5,445 tokens in each of two cycles in a row, 4.5 × the usual 1,210"
        );
    }

    #[test]
    fn money_is_cents_and_below_a_cent_what_is_there() {
        for (amount, text) in
            [(0.0, "$0.00"), (4.1, "$4.10"), (0.0042, "$0.0042"), (1e6, "$1,000,000.00")]
        {
            assert_eq!(usd(amount), text);
        }
    }
}
