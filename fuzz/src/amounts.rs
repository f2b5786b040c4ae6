//! Durations, sizes and moments: what is read is written so that it reads the same.

use agentwatch::core::time::Wall;
use agentwatch::wire::{duration, moment, size, stamp};

use super::assert_words;

/// A day in November 2026.
const NOW: Wall = Wall(1_795_431_600_000);

/// The last moment that has a year of four digits.
const LAST: Wall = Wall(253_402_300_799_999);

pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match duration::parse(text) {
        Ok(read) => {
            assert!(read <= duration::MAX);
            assert_eq!(duration::parse(&duration::exact(read)), Ok(read));
            // For people, and never more than it is.
            if let Ok(shown) = duration::parse(&duration::show(read)) {
                assert!(shown <= read);
            }
        }
        Err(error) => assert_words(&error.to_string()),
    }
    match size::parse(text) {
        Ok(read) => assert_eq!(size::parse(&size::exact(read)), Ok(read)),
        Err(error) => assert_words(&error.to_string()),
    }
    for offset in [0, 3_600, -34_200] {
        match moment::parse(text, NOW, &|_| offset) {
            Ok(read) => moment_again(read),
            Err(words) => assert_words(&words),
        }
    }
    if let Some(read) = stamp::parse_utc(text) {
        moment_again(read);
    }
}

fn moment_again(read: Wall) {
    let written = stamp::utc(read);
    if read <= LAST && written.len() == "2026-11-22T08:00:00.123Z".len() {
        assert_eq!(stamp::parse_utc(&written), Some(read), "{written}");
    }
}
