//! Tails of distributions that have no table: exact sums over whole numbers, in the same order on every machine.

/// The chance that of `tries` at least `hits` hit, each with a chance of `one`: the binomial tail.
#[must_use]
pub fn at_least(hits: u32, tries: u32, one: f64) -> f64 {
    if hits == 0 {
        return 1.0;
    }
    if tries < hits || one <= 0.0 {
        return 0.0;
    }
    if 1.0 <= one {
        return 1.0;
    }
    let miss = 1.0 - one;
    // The chance of none, then of each next number by the ratio to the one before.
    let mut term = (0..tries).fold(1.0, |so_far: f64, _| so_far * miss);
    let mut sum = 0.0;
    for n in 1..=tries {
        term *= f64::from(tries - n + 1) / f64::from(n) * (one / miss);
        if hits <= n {
            sum += term;
        }
    }
    sum.min(1.0)
}

/// The chance that the signs of some amounts, if each is a fair coin, sum up the ranks of their sizes to at least
/// what the positive ones do: the one-sided signed-rank test, exact also for ties (F. Wilcoxon, Individual
/// comparisons by ranking methods, 1945). Amounts of zero are left out.
#[must_use]
pub fn signed_rank(amounts: &[i64]) -> f64 {
    let mut sizes: Vec<u64> =
        amounts.iter().map(|amount| amount.unsigned_abs()).filter(|size| *size != 0).collect();
    sizes.sort_unstable();
    // Twice the rank of a size, so that those who are alike share a whole number.
    let rank = |size: u64| {
        let below = sizes.partition_point(|other| *other < size);
        below + sizes.partition_point(|other| *other <= size) + 1
    };
    let positive = amounts.iter().filter(|amount| **amount > 0);
    let observed: usize = positive.map(|amount| rank(amount.unsigned_abs())).sum();
    let mut chances = vec![1.0];
    for rank in sizes.iter().map(|size| rank(*size)) {
        let mut next = vec![0.0; chances.len() + rank];
        for (at, chance) in chances.iter().enumerate() {
            for to in [at, at + rank] {
                if let Some(sum) = next.get_mut(to) {
                    *sum += chance / 2.0;
                }
            }
        }
        chances = next;
    }
    chances.iter().skip(observed).sum::<f64>().min(1.0)
}

/// One in so many, at most a thousand million; how people say a small chance.
#[must_use]
pub fn one_in(chance: f64) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within bounds")]
    let whole = (1.0 / chance.clamp(1e-9, 1.0)).round() as u64;
    whole
}

/// A number with its first two digits only: 66,355 is 66,000.
#[must_use]
pub fn about(n: u64) -> u64 {
    let mut unit = 1;
    while 100 <= n / unit {
        unit *= 10;
    }
    n / unit * unit
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-9 * b.abs()
    }

    #[test]
    fn the_binomial_tail_is_that_of_the_books() {
        assert!(near(at_least(2, 3, 0.5), 0.5));
        assert!(near(at_least(4, 6, 0.25), (15.0 * 9.0 + 6.0 * 3.0 + 1.0) / 4096.0));
        assert!(near(at_least(1, 1_000, 0.001), 1.0 - 0.367_695_424_770_964));
        for (hits, tries, one, chance) in [
            (0, 0, 0.1, 1.0),
            (1, 0, 0.1, 0.0),
            (3, 5, 0.0, 0.0),
            (3, 5, 1.0, 1.0),
            (3, 5, 7.0, 1.0),
        ] {
            assert!(near(at_least(hits, tries, one), chance), "{hits} of {tries}");
        }
        assert!(at_least(4_000, 4_096, 0.09) < 1e-300);
        assert!(0.99 < at_least(300, 4_096, 0.09));
    }

    #[test]
    fn the_signed_ranks_are_those_of_the_table() {
        assert!(near(signed_rank(&[1, 2, 3, 4, 5, 6, 7]), 1.0 / 128.0));
        // W+ = 28 of 36 at n = 8: all but the largest... by hand, of 256 ways.
        assert!(near(signed_rank(&[1, 2, 3, 4, 5, 6, 7, -8]), 25.0 / 256.0));
        // Ties: both halves of a pair of the same size.
        assert!(near(signed_rank(&[5, 5]), 0.25));
        assert!(near(signed_rank(&[5, -5]), 0.75));
        assert!(near(signed_rank(&[0, 0]), 1.0));
        assert!(near(signed_rank(&[]), 1.0));
        assert!(near(signed_rank(&[i64::MIN, i64::MAX]), 0.75));
    }

    #[test]
    fn a_chance_is_said_with_two_digits() {
        assert_eq!(about(one_in(0.000_015_07)), 66_000);
        assert_eq!(
            (about(99), about(0), about(100), about(u64::MAX) > 1 << 60),
            (99, 0, 100, true)
        );
        assert_eq!((one_in(0.0), one_in(7.0), one_in(f64::NAN)), (1_000_000_000, 1, 0));
    }
}
