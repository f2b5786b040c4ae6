//! A row of numbers as a row of bars. Pure.

/// The bars, lowest first; a value that is not known is a space.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The same for terminals that know ASCII alone.
const PLAIN: [char; 8] = ['_', '.', '-', '~', '=', '+', '*', '#'];

/// One bar for each value, the highest for the most of them; from zero, so that what is alike looks alike.
#[must_use]
pub fn sparkline(values: &[Option<u64>], unicode: bool) -> String {
    let most = values.iter().flatten().max().copied().unwrap_or(0).max(1);
    let bars = if unicode { BARS } else { PLAIN };
    let bar = |value: u64| {
        let top = u128::try_from(bars.len() - 1).unwrap_or(0);
        let at = (u128::from(value) * top + u128::from(most) / 2) / u128::from(most);
        usize::try_from(at).ok().and_then(|at| bars.get(at)).copied().unwrap_or(' ')
    };
    values.iter().map(|value| value.map_or(' ', bar)).collect()
}

/// The bar of what is usual, counted from none at all: what is twice as much fills the line.
const USUAL_AT: u128 = 4;

/// A bar beside those of an agent that uses what is usual for it: that is half a line high, whoever's it is.
#[must_use]
pub fn against(value: u64, usual: u64, unicode: bool) -> char {
    let bars = if unicode { BARS } else { PLAIN };
    let usual = u128::from(usual.max(1));
    let eighths = (u128::from(value) * USUAL_AT + usual / 2) / usual;
    let at = usize::try_from(eighths).unwrap_or(usize::MAX).clamp(1, bars.len());
    bars.get(at - 1).copied().unwrap_or(' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_is_the_highest_bar_and_what_is_unknown_is_a_gap() {
        let values = [Some(0), Some(50), None, Some(100)];
        assert_eq!(sparkline(&values, true), "▁▅ █");
        assert_eq!(sparkline(&values, false), "_= #");
        assert_eq!(sparkline(&[Some(1_200); 4], true), "████");
        assert_eq!(sparkline(&[Some(0); 2], true), "▁▁");
        assert_eq!(sparkline(&[Some(u64::MAX), Some(1)], true), "█▁");
        assert_eq!(sparkline(&[], true), "");
    }

    #[test]
    fn what_is_usual_is_half_a_line_high_and_twice_that_fills_it() {
        let bars = |usual| -> String {
            [0, 500, 1_000, 1_250, 2_000, 90_000].map(|n| against(n, usual, true)).iter().collect()
        };
        assert_eq!(bars(1_000), "▁▂▄▅██");
        assert_eq!(against(7, 7, false), '~');
        assert_eq!(against(u64::MAX, 0, true), '█');
    }
}
