//! Moments as text: UTC in the journal, local for people.

use crate::core::time::{LocalDay, Wall};

const DAY_MS: i64 = 86_400_000;

/// A moment as the journal writes it: `2026-11-22T08:00:00.123Z`.
#[must_use]
pub fn utc(wall: Wall) -> String {
    let ms = wall.0.rem_euclid(DAY_MS);
    let (hour, minute, second) = clock(ms / 1000);
    format!("{}T{hour:02}:{minute:02}:{second:02}.{:03}Z", day(wall, 0), ms % 1000)
}

/// A moment for people, `offset_s` seconds east of UTC: `2026-11-22 09:00:00`.
#[must_use]
pub fn local(wall: Wall, offset_s: i32) -> String {
    format!("{} {}", day(wall, offset_s), local_time(wall, offset_s))
}

/// The time of day for people: `09:00:00`.
#[must_use]
pub fn local_time(wall: Wall, offset_s: i32) -> String {
    let ms = wall.0.saturating_add(i64::from(offset_s) * 1000).rem_euclid(DAY_MS);
    let (hour, minute, second) = clock(ms / 1000);
    format!("{hour:02}:{minute:02}:{second:02}")
}

/// The calendar day of a moment, `offset_s` seconds east of UTC.
#[must_use]
pub fn day(wall: Wall, offset_s: i32) -> LocalDay {
    let days = wall.0.saturating_add(i64::from(offset_s) * 1000).div_euclid(DAY_MS);
    LocalDay(i32::try_from(days).unwrap_or(i32::MAX))
}

/// The day of the week: `Sunday`.
#[must_use]
pub fn weekday(day: LocalDay) -> &'static str {
    const NAMES: [&str; 7] =
        ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
    // 1970 began on a Thursday.
    let at = usize::try_from((i64::from(day.0) + 3).rem_euclid(7)).unwrap_or(0);
    NAMES.get(at).copied().unwrap_or_default()
}

/// An offset from UTC: `UTC`, `UTC+2`, `UTC-3:30`.
#[must_use]
pub fn offset(offset_s: i32) -> String {
    let minutes = offset_s.unsigned_abs() / 60;
    let sign = if offset_s < 0 { '-' } else { '+' };
    match (minutes / 60, minutes % 60) {
        (0, 0) => "UTC".to_owned(),
        (hours, 0) => format!("UTC{sign}{hours}"),
        (hours, minutes) => format!("UTC{sign}{hours}:{minutes:02}"),
    }
}

fn clock(second: i64) -> (i64, i64, i64) {
    (second / 3600, second / 60 % 60, second % 60)
}

/// Reads a moment that [`utc`] wrote. Anything else is `None`.
#[must_use]
pub fn parse_utc(text: &str) -> Option<Wall> {
    // A report reads millions of them: where each digit stands is known.
    let text: &[u8; 24] = text.as_bytes().try_into().ok()?;
    let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'.'), (23, b'Z')];
    if marks.iter().any(|(at, mark)| text[*at] != *mark) {
        return None;
    }
    let number = |from: usize, until: usize| {
        text[from..until].iter().try_fold(0_i64, |number, byte| {
            byte.is_ascii_digit().then(|| number * 10 + i64::from(byte - b'0'))
        })
    };
    let day = civil_day(number(0, 4)?, number(5, 7)?, number(8, 10)?)?;
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let ms = number(20, 23)?;
    let fits = hour < 24 && minute < 60 && second <= 60;
    fits.then(|| Wall(i64::from(day.0) * DAY_MS + ((hour * 60 + minute) * 60 + second) * 1000 + ms))
}

/// Reads a calendar day as `2026-11-22`, the name of a day file.
#[must_use]
pub fn parse_day(text: &str) -> Option<LocalDay> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let digits = text.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit());
    if !digits || parts.next().is_some() || year.len() != 4 || month.len() != 2 || day.len() != 2 {
        return None;
    }
    let (year, month, day): (i64, i64, i64) =
        (year.parse().ok()?, month.parse().ok()?, day.parse().ok()?);
    civil_day(year, month, day)
}

/// The number of a calendar day; `None` if there is no such day.
fn civil_day(year: i64, month: i64, day: i64) -> Option<LocalDay> {
    // Howard Hinnant's days_from_civil, the inverse of the one in core/time.rs.
    let y = year - i64::from(month <= 2);
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let doy = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    let number = LocalDay(i32::try_from(era * 146_097 + doe - 719_468).ok()?);
    // Whatever is no day of the calendar (2026-02-31) does not come back as it went in.
    number.is_called(year, month, day).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_reads_back_as_it_was_written() {
        for ms in [0, 1, 951_782_400_000, 1_795_392_664_461, 4_102_444_799_999] {
            assert_eq!(parse_utc(&utc(Wall(ms))), Some(Wall(ms)), "{ms}");
        }
        assert_eq!(utc(Wall(1_795_392_664_461)), "2026-11-23T00:11:04.461Z");
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in ["", "Z", "2026-02-31T00:00:00.000Z", "2026-11-23T24:00:00.000Z", "2026-11-23"]
        {
            assert_eq!(parse_utc(text), None, "{text}");
        }
    }

    #[test]
    fn days_and_offsets_are_named() {
        let weekday = |text| weekday(parse_day(text).unwrap());
        assert_eq!([weekday("1969-12-31"), weekday("1970-01-01")], ["Wednesday", "Thursday"]);
        assert_eq!([weekday("2026-11-29"), weekday("2026-11-30")], ["Sunday", "Monday"]);
        let offsets = [0, 7_200, -12_600, 20_700, -1_800].map(offset);
        assert_eq!(offsets, ["UTC", "UTC+2", "UTC-3:30", "UTC+5:45", "UTC-0:30"]);
    }

    #[test]
    fn local_time_is_east_of_utc() {
        assert_eq!(local(Wall(0), 3600), "1970-01-01 01:00:00");
        assert_eq!(local(Wall(0), -3600), "1969-12-31 23:00:00");
    }
}
