//! Numbers with a few digits behind the point, exactly: `10`, `4.5`, `0.25`. No float is asked.

/// Why a text is no such number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecimalError {
    /// It is none, is negative, or has too many digits behind the point.
    NoNumber,
    /// More than 64 bits count.
    TooLarge,
}

/// Reads a number as a count of units of its last place: `4.5` with two places is 450.
///
/// # Errors
/// See [`DecimalError`].
pub fn parse(text: &str, places: u32) -> Result<u64, DecimalError> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    // As TOML writes long numbers.
    let is_group = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_number = whole.split('_').all(is_group);
    let has_point = whole.len() < text.len();
    let fraction = fraction.trim_end_matches('0');
    let is_fraction = fraction.bytes().all(|byte| byte.is_ascii_digit());
    let room = usize::try_from(places).unwrap_or(usize::MAX);
    let ends_in_point = has_point && text.ends_with('.');
    if !is_number || !is_fraction || ends_in_point || room < fraction.len() {
        return Err(DecimalError::NoNumber);
    }
    let zeros = std::iter::repeat_n(b'0', room - fraction.len());
    let digits = whole.bytes().filter(u8::is_ascii_digit).chain(fraction.bytes()).chain(zeros);
    digits
        .into_iter()
        .try_fold(0_u64, |sum, digit| sum.checked_mul(10)?.checked_add(u64::from(digit - b'0')))
        .ok_or(DecimalError::TooLarge)
}

/// The number as one would write it, without zeros that say nothing.
#[must_use]
pub fn exact(units: u64, places: u32) -> String {
    let one = 10_u64.saturating_pow(places);
    let (whole, rest) = (units / one, units % one);
    if rest == 0 {
        return whole.to_string();
    }
    let width = usize::try_from(places).unwrap_or(0);
    let fraction = format!("{rest:0width$}");
    format!("{whole}.{}", fraction.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_to_its_last_place_and_no_further() {
        for (text, units) in
            [("10", 1_000), ("4.5", 450), ("0.25", 25), ("1_000.10", 100_010), ("7.0", 700)]
        {
            assert_eq!(parse(text, 2), Ok(units), "{text}");
        }
        for text in [
            "", ".", ".5", "5.", "1.234", "-1", "+1", "1e3", "nan", "inf", "1,5", "1__0", "_1",
            "1.0_0", "٣",
        ] {
            assert_eq!(parse(text, 2), Err(DecimalError::NoNumber), "{text}");
        }
        assert_eq!(parse("99999999999999999999", 0), Err(DecimalError::TooLarge));
        assert_eq!(parse("18446744073709551615", 0), Ok(u64::MAX));
    }

    #[test]
    fn a_number_reads_back_as_it_is_written() {
        for (units, text) in [(1_000, "10"), (450, "4.5"), (25, "0.25"), (0, "0"), (101, "1.01")] {
            assert_eq!(exact(units, 2), text);
            assert_eq!(parse(text, 2), Ok(units));
        }
    }
}
