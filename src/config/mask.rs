//! Lines of a file as they may be shown: without the secrets that stand in them.

use std::sync::LazyLock;

use regex::Regex;

use super::source::{Source, Span};

/// What stands behind a key that sounds like a secret. Where a file could not be read as YAML nobody knows which
/// values are secrets, and the line is shown all the same.
static SOUNDS_SECRET: LazyLock<Regex> = LazyLock::new(|| {
    let key = format!(r"(?i)[\w-]*(?:{SECRET_NAMES})[\w-]*");
    let value = r#"(?:"(?:[^"\\]|\\.)*"?|'[^']*'?|[^\s,}"'#{\[][^,}#]*)"#;
    Regex::new(&format!(r#"({key}["']?\s*:\s+)({value})"#)).expect("a constant pattern")
});

/// What the name of a secret has in it.
const SECRET_NAMES: &str = "pass|pasw|pwd|secret|token|api[_-]?key|credential|webhook|authorization";

static IS_SECRET_NAME: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(&format!("(?i){SECRET_NAMES}")).expect("a constant pattern"));

/// A password inside of a URL.
static URL_PASSWORD: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"(://[^/\s:@"']*:)([^@\s/"']+)@"#).expect("a constant pattern"));

/// Whether a key, a header or a variable sounds like that of a secret.
#[must_use]
pub fn names_a_secret(name: &str) -> bool {
    IS_SECRET_NAME.is_match(name)
}

/// Whether a part of a line sounds like a secret, so that no message may quote it.
pub(super) fn sounds_secret(source: &Source, span: Span) -> bool {
    let line = source.place(span).line;
    let from = (span.start as usize).saturating_sub(source.line_start(line).unwrap_or(0));
    let text = source.line(line);
    let hidden = masked(source, line, std::iter::empty());
    let skipped = text.get(..from).map_or(0, |before| before.chars().count());
    text.chars().zip(hidden.chars()).skip(skipped).any(|(written, shown)| written != shown)
}

/// A line with every secret in it replaced by as many `*`, so that columns stay where they are.
pub(super) fn masked(source: &Source, line: u32, secrets: impl Iterator<Item = Span>) -> String {
    let text = source.line(line);
    let start = source.line_start(line).unwrap_or(0);
    let mut hidden: Vec<(usize, usize)> = secrets
        .map(|span| ((span.start as usize).saturating_sub(start), (span.end as usize).saturating_sub(start)))
        .collect();
    for found in SOUNDS_SECRET.captures_iter(text) {
        let key = found.get(1).map_or("", |key| key.as_str());
        let is_path = key.trim_end().trim_end_matches([':', ' ', '"', '\'']).ends_with("_file");
        hidden.extend(found.get(2).filter(|_| !is_path).map(|value| (value.start(), value.end())));
    }
    hidden.extend(URL_PASSWORD.captures_iter(text).filter_map(|found| found.get(2)).map(|p| (p.start(), p.end())));
    hidden.retain(|(from, to)| !text.get(*from..(*to).min(text.len())).is_some_and(is_reference));
    let is_hidden = |at: usize| hidden.iter().any(|(from, to)| (*from..*to).contains(&at));
    text.char_indices().map(|(at, c)| if is_hidden(at) && !c.is_whitespace() { '*' } else { c }).collect()
}

/// Whether a value is nothing but `${NAME}`, which gives nothing away.
fn is_reference(value: &str) -> bool {
    static REFERENCES: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r#"^\s*["']?(?:\$\{\w+\})+["']?\s*$"#).expect("a constant pattern"));
    REFERENCES.is_match(value)
}
