//! What an answer may hold, and the counter that stops where it holds more.

use super::error::CollectError;
use crate::config::{Key, Settings, Shape};

pub(super) const MAX_ROWS: Key =
    Key::new("max_rows", Shape::Integer { min: 1, max: 10_000_000 }, "The most rows of one answer; more is an error.")
        .default("200000");
pub(super) const MAX_BYTES: Key =
    Key::new("max_bytes", Shape::Size, "The most bytes of one answer; more is an error.").default("64MiB");

/// The most rows and bytes of one answer. `max_rows` and `max_bytes` of a source change them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub rows_max: usize,
    /// Bytes as the answer's cells (or its body) hold them, before they are a table.
    pub bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { rows_max: 200_000, bytes_max: 64 << 20 }
    }
}

/// Counts an answer while it comes in.
#[derive(Debug)]
pub struct Counter {
    limits: Limits,
    rows: usize,
    bytes: usize,
}

impl Limits {
    /// Those of a source.
    #[must_use]
    pub fn of(source: &Settings) -> Limits {
        let default = Limits::default();
        Limits {
            rows_max: source.integer(MAX_ROWS.name).and_then(|n| usize::try_from(n).ok()).unwrap_or(default.rows_max),
            bytes_max: source.size(MAX_BYTES.name).and_then(|n| usize::try_from(n).ok()).unwrap_or(default.bytes_max),
        }
    }

    /// Whether an answer may have so many rows, where their number is known before they are read.
    ///
    /// # Errors
    /// Where it may not.
    pub fn allow(self, rows: usize) -> Result<(), CollectError> {
        if rows <= self.rows_max {
            return Ok(());
        }
        Err(CollectError::limit(format_args!(
            "the answer has more than {} rows (`max_rows` of the source): aggregate or filter in the query, or raise it",
            self.rows_max
        )))
    }

    #[must_use]
    pub fn counter(self) -> Counter {
        Counter { limits: self, rows: 0, bytes: 0 }
    }
}

impl Counter {
    /// Counts one row of `bytes`.
    ///
    /// # Errors
    /// Where the answer now has more rows or bytes than it may.
    pub fn row(&mut self, bytes: usize) -> Result<(), CollectError> {
        self.rows += 1;
        self.limits.allow(self.rows)?;
        self.bytes(bytes)
    }

    /// Counts bytes that belong to no row of their own.
    ///
    /// # Errors
    /// Where the answer now has more bytes than it may.
    pub fn bytes(&mut self, bytes: usize) -> Result<(), CollectError> {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > self.limits.bytes_max {
            return Err(CollectError::limit(format_args!(
                "the answer has more than {} bytes (`max_bytes` of the source): ask for less, or raise it",
                self.limits.bytes_max
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::error::CollectErrorKind;
    use super::*;

    #[test]
    fn the_limit_that_was_passed_is_named() {
        for (rows_max, bytes_max, named) in [(2, 100, "`max_rows`"), (9, 2, "`max_bytes`")] {
            let mut counter = Limits { rows_max, bytes_max }.counter();
            let error = (0..3).find_map(|_| counter.row(1).err()).unwrap();
            assert_eq!(error.kind, CollectErrorKind::LimitPassed);
            assert!(error.message.contains(named), "{error}");
        }
        assert!((0..3).all({
            let mut counter = Limits { rows_max: 3, bytes_max: 3 }.counter();
            move |_| counter.row(1).is_ok()
        }));
    }
}
