//! Why a collection gave no table, said in the same words by every kind.

use crate::model::FailureClass;
use std::fmt::Display;
use std::time::Duration;

/// Why there is no table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectError {
    pub kind: CollectErrorKind,
    pub class: FailureClass,
    /// What happened and what to do: one line. What leaves a source has no secrets in it, and an end.
    pub message: String,
    /// How long the source asks to be left alone.
    pub retry_after: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CollectErrorKind {
    /// Could not connect, log in or finish in time: the source is at fault (`source-unreachable`).
    Unreachable,
    /// It answered and said no, or what it said cannot be read: the request is at fault (`check-failing`).
    Refused,
    /// The answer passed a limit on rows or bytes; the limit is named (`check-failing`).
    LimitPassed,
}

/// The longest message that is kept: what a server says can be a whole page.
const MESSAGE_CHARS_MAX: usize = 500;
/// How much of its end is kept of a longer one: a program that fails says why in its last line.
const END_CHARS_MAX: usize = 300;

impl CollectError {
    fn new(kind: CollectErrorKind, class: FailureClass, message: &dyn Display) -> CollectError {
        CollectError { kind, class, message: one_line(&message.to_string()), retry_after: None }
    }

    /// The same, of another class than its kind has by itself.
    #[must_use]
    pub fn classed(self, class: FailureClass) -> CollectError {
        CollectError { class, ..self }
    }

    /// The same, where the source asks to be left alone for a while.
    #[must_use]
    pub fn after(self, retry_after: Option<Duration>) -> CollectError {
        CollectError { retry_after, ..self }
    }

    #[must_use]
    pub fn unreachable(message: impl Display) -> CollectError {
        CollectError::new(CollectErrorKind::Unreachable, FailureClass::Unreachable, &message)
    }

    #[must_use]
    pub fn refused(message: impl Display) -> CollectError {
        CollectError::new(CollectErrorKind::Refused, FailureClass::Rejected, &message)
    }

    #[must_use]
    pub fn limit(message: impl Display) -> CollectError {
        CollectError::new(CollectErrorKind::LimitPassed, FailureClass::Other, &message)
    }

    /// Not longer than a message may be. Only what has no secrets in it any more may be cut: half of one is none that
    /// is known.
    pub(super) fn cut(mut self) -> CollectError {
        if MESSAGE_CHARS_MAX < self.message.chars().count() {
            let head: String = self.message.chars().take(MESSAGE_CHARS_MAX - END_CHARS_MAX).collect();
            self.message = format!("{head}{}", end_of(&self.message));
        }
        self
    }

    /// The collection was cut at its deadline.
    #[must_use]
    pub fn too_late(what: &str, timeout: Duration) -> CollectError {
        CollectError::unreachable(format_args!(
            "{what} did not finish within {timeout:?}: make it cheaper, or raise the check's `timeout`"
        ))
        .classed(FailureClass::TimedOut)
    }
}

impl std::fmt::Display for CollectError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for CollectError {}

/// The end of a text, where it is long. As [`CollectError::cut`], of what has no secrets in it any more.
pub(super) fn end_of(text: &str) -> String {
    match text.chars().count().checked_sub(END_CHARS_MAX) {
        None | Some(0) => text.to_owned(),
        Some(more) => format!("…{}", text.chars().skip(more).collect::<String>()),
    }
}

/// The text on one line, without control characters.
#[must_use]
pub fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty());
    let mut line = String::new();
    for word in words {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}

/// An error with the causes behind it, each once: `error sending request: connection refused`.
#[must_use]
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let said = cause.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_line_and_ends() {
        assert_eq!(one_line(" a\n\tb \u{7}c"), "a b c");
        let long = CollectError::refused(format!("begin {}end", "ü".repeat(600))).cut().message;
        assert_eq!(long.chars().count(), MESSAGE_CHARS_MAX + 1);
        assert!(long.starts_with("begin ü") && long.ends_with("üend") && long.contains("ü…ü"), "{long}");
        let late = CollectError::too_late("the query", Duration::from_secs(30));
        assert!(late.message.starts_with("the query did not finish within 30s"), "{late}");
    }
}
