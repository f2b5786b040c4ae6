//! Moments as people write them: `1h` ago, `09:00`, `2026-11-22`, `2026-11-22 09:00`, RFC 3339.

use crate::core::time::{LocalDay, Wall, millis};

use super::duration;
use super::stamp::{day, parse_day};

const DAY_MS: i64 = 86_400_000;

/// Reads a moment. A duration is that long before `now`, a bare time the last one of that name, a bare
/// day its local midnight; `offset` tells the seconds east of UTC at a moment.
///
/// # Errors
/// What is wrong with it and what could be written, as a predicate.
pub fn parse(text: &str, now: Wall, offset: &dyn Fn(Wall) -> i32) -> Result<Wall, String> {
    let text = text.trim();
    let today = day(now, offset(now));
    match text {
        "now" => return Ok(now),
        "today" => return Ok(local(today, 0, offset)),
        "yesterday" => return Ok(local(LocalDay(today.0.saturating_sub(1)), 0, offset)),
        _ => {}
    }
    let ago = duration::parse(text);
    if let Ok(ago) = ago {
        let ms = i64::try_from(millis(ago)).unwrap_or(i64::MAX);
        return Ok(Wall(now.0.saturating_sub(ms)));
    }
    if let Some(ms) = time_of_day(text) {
        let at = local(today, ms, offset);
        let before = LocalDay(today.0.saturating_sub(1));
        return Ok(if at <= now { at } else { local(before, ms, offset) });
    }
    if let Some(day) = parse_day(text) {
        return Ok(local(day, 0, offset));
    }
    date_and_time(text, offset).ok_or_else(|| match ago {
        // It begins like one: the likelier slip gets the likelier cure.
        Err(error)
            if text.starts_with(|c: char| c.is_ascii_digit()) && !text.contains([':', '-']) =>
        {
            error.to_string()
        }
        _ => "is no moment; write \"1h\" (ago), \"09:00\", \"2026-11-22\", \"2026-11-22 09:00\" \
              or \"2026-11-22T08:00:00Z\""
            .to_owned(),
    })
}

/// A day and a time, local unless an offset stands behind them.
fn date_and_time(text: &str, offset: &dyn Fn(Wall) -> i32) -> Option<Wall> {
    let (date, time) = text.split_at_checked(10)?;
    let date = parse_day(date)?;
    let time = time.strip_prefix(['T', 't', ' '])?;
    if let Some(time) = time.strip_suffix(['Z', 'z']) {
        return Some(utc(date, time_of_day(time)?));
    }
    let Some(sign) = time.rfind(['+', '-']) else {
        return Some(local(date, time_of_day(time)?, offset));
    };
    let (time, zone) = time.split_at_checked(sign)?;
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    let (hours, minutes): (i64, i64) = (two(hours)?, two(minutes)?);
    let east = (hours * 60 + minutes) * 60_000 * if zone.starts_with('-') { -1 } else { 1 };
    Some(Wall(utc(date, time_of_day(time)?).0.saturating_sub(east)))
}

/// `09:00`, `09:00:30`, `09:00:30.5` in milliseconds since midnight.
fn time_of_day(text: &str) -> Option<i64> {
    let mut parts = text.split(':');
    let (hour, minute) = (parts.next()?, two(parts.next()?)?);
    let second = parts.next().unwrap_or("00");
    let (second, fraction) = second.split_once('.').unwrap_or((second, "0"));
    let hour: i64 = if hour.len() == 1 { two(&format!("0{hour}"))? } else { two(hour)? };
    let second = two(second)?;
    let digits = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let fits = parts.next().is_none() && digits && hour < 24 && minute < 60 && second <= 60;
    let ms: i64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    fits.then_some(((hour * 60 + minute) * 60 + second) * 1000 + ms)
}

/// Two digits.
fn two(text: &str) -> Option<i64> {
    let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// The begin of a local day.
#[must_use]
pub fn midnight(day: LocalDay, offset: &dyn Fn(Wall) -> i32) -> Wall {
    local(day, 0, offset)
}

fn utc(day: LocalDay, ms: i64) -> Wall {
    Wall(i64::from(day.0).saturating_mul(DAY_MS).saturating_add(ms))
}

/// The moment at which local clocks show that. Twice a year one is missing or there twice: the offset
/// that holds right after it decides.
fn local(day: LocalDay, ms: i64, offset: &dyn Fn(Wall) -> i32) -> Wall {
    let shown = utc(day, ms);
    let east = |at: Wall| i64::from(offset(at)) * 1000;
    let guess = Wall(shown.0.saturating_sub(east(shown)));
    Wall(shown.0.saturating_sub(east(guess)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::stamp;

    /// 2026-11-23 12:00 in Vienna.
    const NOW: Wall = Wall(1_795_431_600_000);

    fn at(text: &str) -> String {
        parse(text, NOW, &|_| 3600).map_or_else(|error| error, stamp::utc)
    }

    #[test]
    fn what_people_write_is_understood() {
        for (text, want) in [
            ("now", "2026-11-23T11:00:00.000Z"),
            ("1h", "2026-11-23T10:00:00.000Z"),
            ("1h30m", "2026-11-23T09:30:00.000Z"),
            ("09:00", "2026-11-23T08:00:00.000Z"),
            ("9:00", "2026-11-23T08:00:00.000Z"),
            ("12:00:00", "2026-11-23T11:00:00.000Z"),
            // Not come yet today, so it was yesterday's.
            ("22:15", "2026-11-22T21:15:00.000Z"),
            ("today", "2026-11-22T23:00:00.000Z"),
            ("yesterday", "2026-11-21T23:00:00.000Z"),
            ("2026-11-20", "2026-11-19T23:00:00.000Z"),
            ("2026-11-20 09:00", "2026-11-20T08:00:00.000Z"),
            ("2026-11-20T09:00:01", "2026-11-20T08:00:01.000Z"),
            ("2026-11-20T09:00:01.25Z", "2026-11-20T09:00:01.250Z"),
            ("2026-11-20T09:00:00+02:00", "2026-11-20T07:00:00.000Z"),
            ("2026-11-20T09:00:00-05:30", "2026-11-20T14:30:00.000Z"),
        ] {
            assert_eq!(at(text), want, "{text}");
        }
    }

    #[test]
    fn what_is_no_moment_is_refused_with_a_way_out() {
        for text in ["", "soon", "25:00", "09:60", "2026-02-31", "2026-11-20T09", "1:2:3:4", "é"] {
            assert!(at(text).starts_with("is no moment; write \"1h\""), "{text}: {}", at(text));
        }
        assert_eq!(at("60"), "has no unit; write \"60s\" or \"60m\"");
        assert!(at("5min").contains("unknown unit"));
    }

    #[test]
    fn a_local_day_begins_at_the_offset_of_that_day() {
        // Summer time until 2026-10-25 01:00 UTC.
        let offset = |at: Wall| if at.0 < 1_792_890_000_000 { 7200 } else { 3600 };
        let day = |text| stamp::utc(parse(text, NOW, &offset).unwrap());
        assert_eq!(day("2026-10-25"), "2026-10-24T22:00:00.000Z");
        assert_eq!(day("2026-10-26"), "2026-10-25T23:00:00.000Z");
    }
}
