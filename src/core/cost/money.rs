//! An amount of money, exact where models are priced: billionths of a USD are too coarse for one token.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Of a USD, what is counted: a cached token of a cheap model costs a few thousand of these.
const PICO: u128 = 1_000_000_000_000;

/// An amount of USD in units of 1e-12. Sums saturate; what is told to others is a number of USD.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Usd(u128);

impl Usd {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// So many units of 1e-12 USD.
    #[must_use]
    pub fn from_pico(pico: u128) -> Self {
        Self(pico)
    }

    /// How many units of 1e-12 USD it is.
    #[must_use]
    pub fn pico(self) -> u128 {
        self.0
    }

    /// What an agent told, to the nearest unit; nothing if it is negative or no number.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "`as` saturates; NaN is 0"
    )]
    #[must_use]
    pub fn from_f64(usd: f64) -> Self {
        Self((usd * 1e12).round() as u128)
    }

    /// The nearest number of USD, for JSON: below 2,000 USD it reads back as the same amount.
    #[expect(clippy::cast_precision_loss, reason = "for telling, never for counting")]
    #[must_use]
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / 1e12
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl fmt::Display for Usd {
    /// `$4.10`, `$1,234.50`; below a cent what is there, and never 0 for what is more: `$0.0042`, `<$0.0001`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rounded = |unit: u128| (self.0.saturating_add(unit / 2)) / unit;
        let (cent, small) = (PICO / 100, PICO / 10_000);
        if self.0 > 0 && rounded(small) == 0 {
            return f.write_str("<$0.0001");
        }
        if self.0 > 0 && rounded(small) < 100 {
            return write!(f, "$0.{:04}", rounded(small));
        }
        let cents = rounded(cent);
        let whole = (cents / 100).to_string();
        f.write_str("$")?;
        for (at, digit) in whole.chars().enumerate() {
            if at > 0 && (whole.len() - at).is_multiple_of(3) {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        write!(f, ".{:02}", cents % 100)
    }
}

impl Serialize for Usd {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_f64(self.to_f64())
    }
}

impl<'de> Deserialize<'de> for Usd {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        f64::deserialize(from).map(Self::from_f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_reads_as_people_write_it_and_never_hides_as_nothing() {
        for (pico, text) in [
            (0, "$0.00"),
            (1, "<$0.0001"),
            (49_999_999, "<$0.0001"),
            (50_000_000, "$0.0001"),
            (4_200_000_000, "$0.0042"),
            (9_949_999_999, "$0.0099"),
            (9_999_999_999, "$0.01"),
            (4_100_000_000_000, "$4.10"),
            (4_104_999_999_999, "$4.10"),
            (4_105_000_000_000, "$4.11"),
            (999_995_000_000_000, "$1,000.00"),
            (1_234_567_890_000_000_000, "$1,234,567.89"),
        ] {
            assert_eq!(Usd(pico).to_string(), text);
        }
        assert!(Usd(u128::MAX).to_string().starts_with("$340,282,"));
    }

    #[test]
    fn an_amount_survives_json_and_sums_do_not_wrap() {
        for pico in [0, 1, 30_000, 123_456_789_012, 1_999_999_999_999_999] {
            let text = serde_json::to_string(&Usd(pico)).unwrap();
            assert_eq!(serde_json::from_str::<Usd>(&text).unwrap(), Usd(pico), "{text}");
        }
        assert_eq!(serde_json::to_string(&Usd(12_300_000_000)).unwrap(), "0.0123");
        assert_eq!(Usd::from_f64(f64::NAN), Usd::ZERO);
        assert_eq!(Usd::from_f64(-1.0), Usd::ZERO);
        assert_eq!(Usd::from_f64(f64::INFINITY).plus(Usd(1)), Usd(u128::MAX));
    }
}
