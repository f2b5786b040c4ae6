//! Facts of loops and budgets.

use super::*;
use crate::core::cost::limits::Action;
use crate::core::cost::runaway::Stretch;
use crate::core::cost::sign::{Cleared, LoopOver, Sign, SignKind};

pub fn costs() -> Vec<Fact> {
    let fresh = Wall(1_790_000_300_000);
    let suspected = |sign, action| Fact::LoopSuspected { incarnation: 1, sign, action };
    let cleared = |sign, cycles, tokens, why| {
        Fact::LoopCleared(LoopOver { sign, for_ms: 180_000, cycles, tokens, why })
    };
    let (tokens, usual) = (40_112, 1_210);
    let runaway = |stretch, record| Sign::Tokens { stretch, tokens, usual, record };
    let message = "rate limited, trying again".to_owned();
    vec![
        suspected(runaway(Stretch::One, Some(10_000)), Action::Alert),
        suspected(runaway(Stretch::HalfMinute, None), Action::Restart),
        suspected(runaway(Stretch::Six, Some(9_000)), Action::Pause),
        suspected(Sign::Shutdown { tokens: 900_000, usual }, Action::Stop),
        suspected(Sign::ToolCalls { calls: 61, max: 60 }, Action::Alert),
        suspected(Sign::SameMessage { beats: 10, message }, Action::Alert),
        suspected(Sign::Retries { beats: 10 }, Action::Alert),
        cleared(SignKind::Tokens, 5, 200_000, Cleared::Normal),
        cleared(SignKind::Retries, 0, 0, Cleared::Normal),
        cleared(SignKind::Tokens, 0, 0, Cleared::Ended),
        cleared(SignKind::Tokens, 0, 0, Cleared::Allowed),
        cleared(SignKind::Tokens, 0, 0, Cleared::Rebaselined),
        Fact::LoopSettled { cycles: 50, times: 3_000 },
        Fact::BudgetWarning {
            spent: Spending::TokensPerDay { spent: 801_000, limit: 1_000_000 },
            fresh,
        },
        Fact::BudgetExceeded {
            spent: Spending::TokensPerHour { spent: 100_001, limit: 100_000 },
            action: Action::Park,
            fresh,
        },
        Fact::BudgetExceeded {
            spent: Spending::UsdPerDay { spent_usd: 20.5, limit_usd: 20.0 },
            action: Action::Alert,
            fresh,
        },
        Fact::Rebaselined { usual: Some(4_000) },
        Fact::Rebaselined { usual: None },
    ]
}
