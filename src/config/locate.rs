//! From a byte of a decoded scalar back to the bytes of the file that it was written as.
//!
//! YAML changes white space alone (folds, indentation, escaped blanks). Every other character stands in the file in
//! the same order, as one unit: itself, `''` in single quotes, an escape in double quotes. So the n-th of them is
//! found by counting, whatever the style.

use super::source::{Span, Style};

/// The part of the file that was decoded to the `len` bytes at `offset` of `decoded`, the scalar at `span`.
/// A blank is found by its distance from the character before it.
pub(super) fn raw_span(file: &str, span: Span, style: Style, decoded: &str, offset: usize, len: usize) -> Span {
    let base = span.start as usize;
    let Some(raw) = file.get(base..span.end as usize) else { return span };
    let first = unit_at(raw, style, decoded, offset);
    if len == 0 {
        return Span::new(base + first.0, base + first.0);
    }
    let last = decoded.get(offset..offset + len).and_then(|t| t.char_indices().next_back()).map_or(0, |(at, _)| at);
    let end = unit_at(raw, style, decoded, offset + last).1;
    Span::new(base + first.0, base + end.max(first.0))
}

/// Start and end, in `raw`, of what became the character at `offset` of `decoded`.
fn unit_at(raw: &str, style: Style, decoded: &str, offset: usize) -> (usize, usize) {
    let before = decoded.get(..offset).unwrap_or(decoded);
    let solid = before.chars().filter(|c| !is_blank(*c)).count();
    let blanks = before.chars().rev().take_while(|c| is_blank(*c)).count();
    let wanted = decoded.get(offset..).and_then(|rest| rest.chars().next());
    let mut units = Units { raw, style, at: usize::from(is_quoted(style)) }.filter(|unit| unit.solid);
    if wanted.is_some_and(|c| !is_blank(c)) {
        return units.nth(solid).map_or((raw.len(), raw.len()), |unit| (unit.start, unit.end));
    }
    let previous = solid.checked_sub(1).and_then(|n| units.nth(n)).map_or(usize::from(is_quoted(style)), |u| u.end);
    // Past the end of the text is behind its last character, not on the next line.
    let is_room = |c| if wanted.is_some() { is_blank(c) } else { matches!(c, ' ' | '\t') };
    let room = raw[previous..].find(|c| !is_room(c)).map_or(raw.len(), |n| previous + n);
    let start = (previous + blanks).min(room);
    (start, (start + 1).min(room.max(start)))
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

fn is_quoted(style: Style) -> bool {
    matches!(style, Style::Single | Style::Double)
}

/// What is written for one character, or for a blank or nothing at all where it is not solid.
struct Unit {
    start: usize,
    end: usize,
    solid: bool,
}

struct Units<'a> {
    raw: &'a str,
    style: Style,
    at: usize,
}

impl Iterator for Units<'_> {
    type Item = Unit;

    fn next(&mut self) -> Option<Unit> {
        let rest = &self.raw[self.at..];
        let c = rest.chars().next()?;
        let (len, solid) = match (self.style, c) {
            (Style::Double, '\\') => escape(rest),
            (Style::Single, '\'') if rest.starts_with("''") => (2, true),
            (Style::Double, '"') | (Style::Single, '\'') => (1, false),
            _ => (c.len_utf8(), !is_blank(c)),
        };
        let start = self.at;
        self.at = (self.at + len).min(self.raw.len());
        Some(Unit { start, end: self.at, solid })
    }
}

/// Length of the escape at the head of `rest`, and whether it stands for a character that is no blank.
fn escape(rest: &str) -> (usize, bool) {
    let Some(kind) = rest[1..].chars().next() else { return (1, false) };
    let digits = match kind {
        'x' => 2,
        'u' => 4,
        'U' => 8,
        'n' | 't' | 'r' | ' ' | '\t' | '\n' | '\r' => return (2, false),
        other => return (1 + other.len_utf8(), true),
    };
    let code = rest.get(2..2 + digits).and_then(|hex| u32::from_str_radix(hex, 16).ok()).unwrap_or(0);
    // Of a surrogate pair the second half counts.
    let solid = !(0xD800..0xDC00).contains(&code) && !char::from_u32(code).is_some_and(is_blank);
    (2 + digits, solid)
}
