//! WHAT SURVIVES A CRASH. Written before a send that depends on it; one transaction a turn.

pub mod memory;
mod rows;
pub mod sqlite;

#[cfg(test)]
pub(crate) mod conformance;

pub use memory::Memory;
pub use sqlite::Sqlite;

use crate::model::Timestamp;
use crate::model::record::{Entry, Lines, Saved, Topic, Write};
use std::time::Duration;

/// Entries read at once stop after this many bytes of them: a message may speak of thousands of alerts, and who asks must
/// not hold up who writes.
pub const BYTES_MAX: usize = 16 << 20;

/// Keeps the state and the history. One daemon to a store.
pub trait Store: Send {
    /// What was kept, at start.
    ///
    /// # Errors
    /// See [`StoreError`].
    fn load(&mut self) -> Result<Saved, StoreError>;

    /// Writes these, all or none, and returns when they are durable.
    ///
    /// # Errors
    /// See [`StoreError`]; nothing of this call was kept.
    fn commit(&mut self, writes: &[Write]) -> Result<(), StoreError>;

    /// Replaces all state by these writes, all or none: how a store that failed for a while is made whole again.
    /// The history is kept and only added to.
    ///
    /// # Errors
    /// See [`StoreError`]; nothing of this call was kept.
    fn replace(&mut self, writes: &[Write]) -> Result<(), StoreError>;

    /// The history of one alert (its text identity), or of everything, the newest first.
    ///
    /// # Errors
    /// See [`StoreError`].
    fn history(&mut self, alert: Option<&str>, limit: usize) -> Result<Vec<Entry>, StoreError>;

    /// The newest `limit` entries about something that are older than the entry `before`, as far as [`BYTES_MAX`] goes.
    ///
    /// # Errors
    /// See [`StoreError`].
    fn lines(&mut self, of: Topic<'_>, before: i64, limit: usize) -> Result<Lines, StoreError>;

    /// The alerts that the history knows whose text begins like this, in the order of texts, at most `limit`.
    ///
    /// # Errors
    /// See [`StoreError`].
    fn alerts_from(&mut self, begins: &str, limit: usize) -> Result<Vec<String>, StoreError>;

    /// Drops history older than `keep` before `now`.
    ///
    /// # Errors
    /// See [`StoreError`].
    fn prune(&mut self, now: Timestamp, keep: Duration) -> Result<(), StoreError>;
}

/// Why the store does not answer: what happened and what to do, in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// Another process holds it.
    Locked(String),
    /// What it holds cannot be read: it must be moved away by a person.
    Corrupt(String),
    /// It cannot be written now: full, read-only, gone.
    Failed(String),
}

impl std::error::Error for StoreError {}

impl std::fmt::Display for StoreError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            StoreError::Locked(why) | StoreError::Corrupt(why) | StoreError::Failed(why) => f.write_str(why),
        }
    }
}
