//! "Did you mean …?": the nearest of some known words.

/// The word of `known` that `written` was most likely meant to be, if any is near enough.
///
/// Near is at most a third of the letters wrong: `intervall`, `colldown`.
#[must_use]
pub fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let letters = written.chars().count();
    let limit = letters / 3;
    known
        .into_iter()
        // What is longer by more than that is not near, however long it takes to find out.
        .filter(|word| letters <= word.len().saturating_add(limit))
        .map(|word| (distance(written, word), word))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// Levenshtein's distance in characters, with two rows instead of a matrix.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_is_levenshteins() {
        for (a, b, steps) in [
            ("", "", 0),
            ("", "abc", 3),
            ("kitten", "sitting", 3),
            ("flaw", "lawn", 2),
            ("ä", "a", 1),
        ] {
            assert_eq!(distance(a, b), steps, "{a} {b}");
            assert_eq!(distance(b, a), steps, "{b} {a}");
        }
    }

    #[test]
    fn only_what_is_near_is_suggested() {
        let known = ["interval", "misses", "cooldown"];
        for (written, meant) in [
            ("intervall", Some("interval")),
            ("colldown", Some("cooldown")),
            ("miss", None),
            ("missses", Some("misses")),
            ("banana", None),
            // Of two letters, one wrong could be anything.
            ("mi", None),
            ("", None),
        ] {
            assert_eq!(nearest(written, known), meant, "{written}");
        }
        // Would take minutes if each letter were compared.
        assert_eq!(nearest(&"interval".repeat(1 << 20), known), None);
    }
}
