//! Text from data, made fit to be read: cleaned, shortened, clipped.

use crate::model::Timestamp;
use crate::model::Value;
use crate::model::time::human_duration;
use std::borrow::Cow;

/// Whether a character may reorder or hide what stands around it, or drive a terminal.
fn is_unfit(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}' | '\u{feff}')
}

/// The text as one line: line breaks become spaces, control characters and direction marks are dropped.
#[must_use]
pub fn one_line(text: &str) -> String {
    clipped(text, usize::MAX)
}

/// The text as one line of at most so many UTF-16 units; no more of it is looked at than is needed.
pub(super) fn clipped(text: &str, units_max: usize) -> String {
    let mut out = String::with_capacity(text.len().min(units_max));
    let mut used = 0;
    for c in text.trim().chars() {
        let c = if matches!(c, '\n' | '\t' | '\u{2028}' | '\u{2029}') { ' ' } else { c };
        if is_unfit(c) {
            continue;
        }
        used += c.len_utf16();
        out.push(c);
        if used > units_max {
            return clip(&out, units_max).into_owned();
        }
    }
    out
}

/// The text with its line breaks; other control characters and direction marks are dropped.
pub(super) fn lines(text: &str) -> String {
    text.chars().filter(|c| *c == '\n' || !is_unfit(*c)).collect()
}

/// Clips a text to so many UTF-16 units, the way Slack counts, and marks the cut with `…`.
pub(super) fn clip(text: &str, units_max: usize) -> Cow<'_, str> {
    if text.encode_utf16().count() <= units_max {
        return Cow::Borrowed(text);
    }
    let mut left = units_max.saturating_sub(1);
    let end = text
        .char_indices()
        .find(|(_, c)| {
            let fits = c.len_utf16() <= left;
            left = left.saturating_sub(c.len_utf16());
            !fits
        })
        .map_or(text.len(), |(at, _)| at);
    Cow::Owned(format!("{}…", &text[..end]))
}

/// A value as a message shows it: of a number that is not whole four significant digits behind the point.
#[must_use]
pub fn shown(value: &Value) -> String {
    match value {
        Value::Number(n) if n.is_finite() && n.fract() != 0.0 && n.abs() < 1e15 => {
            let places = if n.abs() >= 1.0 { 3 } else { 3 + leading_zeros(n.abs()) };
            let text = format!("{n:.places$}");
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        Value::Text(t) => clipped(t, 200),
        Value::Time(t) => date_time(*t),
        other => other.to_string(),
    }
}

/// How many places behind the point a number below one begins at.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and 324")]
fn leading_zeros(n: f64) -> usize {
    (-n.log10()).floor().max(0.0) as usize + 1
}

/// `2026-03-05 14:00:10 UTC`.
#[must_use]
pub fn date_time(t: Timestamp) -> String {
    t.to_jiff().strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// How long from one instant to another, in whole seconds; seconds are left out from an hour up.
pub(super) fn span(from: Timestamp, to: Timestamp) -> String {
    let seconds = to.since(from).as_secs();
    let rounded = if seconds >= 3_600 { seconds / 60 * 60 } else { seconds };
    #[expect(clippy::cast_precision_loss, reason = "seconds below 2^53")]
    human_duration(rounded as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shortened_for_reading_and_never_to_nothing() {
        for (n, want) in [
            (608.0, "608"),
            (608.0 / 74.0, "8.216"),
            (0.126_400_1, "0.1264"),
            (0.000_012_346, "0.00001235"),
            (-39.7, "-39.7"),
            (99.9999, "100"),
            (1e300, "1e300"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(shown(&Value::Number(n)), want, "{n}");
        }
    }

    #[test]
    fn what_drives_a_terminal_or_turns_the_text_is_dropped() {
        assert_eq!(one_line("a\x1b[31m\nb\u{202e}c\r"), "a[31m bc");
        assert_eq!(lines("a\r\nb\x07"), "a\nb");
    }

    #[test]
    fn a_clip_counts_utf_16_units_and_cuts_no_character() {
        for (text, units, want) in [
            ("abcd", 4, "abcd"),
            ("abcde", 4, "abc…"),
            ("🔴🔴🔴", 6, "🔴🔴🔴"),
            ("🔴🔴🔴", 5, "🔴🔴…"),
            ("🔴🔴🔴", 4, "🔴…"),
        ] {
            assert_eq!(clip(text, units), want);
        }
    }
}
