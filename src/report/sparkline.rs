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
}
