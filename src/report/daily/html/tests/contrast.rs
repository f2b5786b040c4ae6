//! The style sheet's colours: legible in both themes, by the measure of WCAG 2.2.

use super::super::STYLE;

/// Relative luminance, as WCAG defines it.
fn luminance(color: &str) -> f64 {
    let part = |at: usize| {
        let byte = u8::from_str_radix(&color[at..at + 2], 16).unwrap();
        let share = f64::from(byte) / 255.0;
        if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
}

fn contrast(one: &str, other: &str) -> f64 {
    let (a, b) = (luminance(one), luminance(other));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// The colour of a name in a theme; the dark one's come second.
fn color(name: &str, theme: usize) -> &'static str {
    let mark = format!("--{name}: ");
    let found = STYLE.split(&mark).nth(theme + 1).unwrap_or_else(|| panic!("{name} in {theme}"));
    found.split(';').next().unwrap()
}

#[test]
fn text_and_plots_stand_out_in_both_themes() {
    let letters = [
        ("text", "page"),
        ("text", "card"),
        ("text", "bad-soft"),
        ("soft", "page"),
        ("soft", "card"),
        ("soft", "bad-soft"),
        ("link", "card"),
        ("bad", "card"),
        ("bad", "bad-soft"),
        ("warning", "card"),
    ];
    let shapes = [
        "good", "up", "between", "late", "cooldown", "failed", "gone", "waits", "series", "usual",
        "bar",
    ];
    let shapes = shapes.map(|name| (name, "card"));
    for theme in [0, 1] {
        let all =
            letters.iter().map(|pair| (pair, 4.5)).chain(shapes.iter().map(|pair| (pair, 3.0)));
        for ((ink, ground), least) in all {
            let (a, b) = (color(ink, theme), color(ground, theme));
            let found = contrast(a, b);
            assert!(least <= found, "{ink} {a} on {ground} {b}: {found:.2}, theme {theme}");
        }
    }
    // What is wrong differs from what is well in brightness too, for those who do not see its hue.
    for theme in [0, 1] {
        let found = contrast(color("up", theme), color("gone", theme));
        assert!(1.4 < found, "{found:.2}, theme {theme}");
    }
}

#[test]
fn the_measure_is_right() {
    assert!((contrast("#000000", "#ffffff") - 21.0).abs() < 0.01);
    assert!((contrast("#777777", "#ffffff") - 4.48).abs() < 0.01);
}
