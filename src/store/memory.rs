//! A store that forgets when the process ends: for tests, which can make it fail and can crash it.

use super::{Store, StoreError};
use crate::model::Timestamp;
use crate::model::record::{About, Entry, Lines, Row, RowName, Saved, Topic, Write};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// State and history in memory. A clone is another handle on the same store.
#[derive(Clone, Debug, Default)]
pub struct Memory(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    rows: BTreeMap<RowName, Row>,
    history: Vec<Entry>,
    fail_next: u32,
    commits: u64,
}

impl Memory {
    /// Makes the next `n` commits fail.
    pub fn fail_next(&self, n: u32) {
        self.inner().fail_next = n;
    }

    /// What would be found after a crash now: the state as of the last commit.
    #[must_use]
    pub fn saved(&self) -> Saved {
        Saved { rows: self.inner().rows.values().cloned().collect() }
    }

    /// How many commits succeeded.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.inner().commits
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn write(&mut self, writes: &[Write], afresh: bool) -> Result<(), StoreError> {
        if self.fail_next > 0 {
            self.fail_next -= 1;
            return Err(StoreError::Failed("the store was told to fail".into()));
        }
        if afresh {
            self.rows.clear();
        }
        for write in writes {
            match write {
                Write::Put(row) => drop(self.rows.insert(row.name(), row.clone())),
                Write::Delete(name) => drop(self.rows.remove(name)),
                Write::Append(entry) => self.history.push((**entry).clone()),
            }
        }
        self.commits += 1;
        Ok(())
    }
}

impl Store for Memory {
    fn load(&mut self) -> Result<Saved, StoreError> {
        Ok(self.saved())
    }

    fn commit(&mut self, writes: &[Write]) -> Result<(), StoreError> {
        self.inner().write(writes, false)
    }

    fn replace(&mut self, writes: &[Write]) -> Result<(), StoreError> {
        self.inner().write(writes, true)
    }

    fn history(&mut self, alert: Option<&str>, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let inner = self.inner();
        let about = |e: &&Entry| alert.is_none_or(|want| Topic::Alert(want).is_of(e));
        // Sorted from the end, and the sort is stable: of one instant the later entry comes first.
        let mut found: Vec<Entry> = inner.history.iter().rev().filter(about).cloned().collect();
        found.sort_by_key(|e| std::cmp::Reverse(e.at()));
        found.truncate(limit);
        Ok(found)
    }

    fn lines(&mut self, of: Topic<'_>, before: i64, limit: usize) -> Result<Lines, StoreError> {
        let inner = self.inner();
        let numbered = inner.history.iter().zip(1..).map(|(entry, number)| (number, entry));
        let older: Vec<_> = numbered.filter(|(number, entry)| *number < before && of.is_of(entry)).collect();
        let entries = older.iter().rev().take(limit).map(|(number, entry)| (*number, (*entry).clone()));
        Ok(Lines { entries: entries.collect(), more: limit < older.len() })
    }

    fn alerts_from(&mut self, begins: &str, limit: usize) -> Result<Vec<String>, StoreError> {
        let inner = self.inner();
        let ids = inner.history.iter().flat_map(|entry| match entry.about() {
            About::Alerts(ids) => ids,
            About::Notification(_) | About::Bellwether => Vec::new(),
        });
        let texts: BTreeSet<String> = ids.map(ToString::to_string).collect();
        Ok(texts.into_iter().filter(|text| text.starts_with(begins)).take(limit).collect())
    }

    fn prune(&mut self, now: Timestamp, keep: Duration) -> Result<(), StoreError> {
        self.inner().history.retain(|e| now - keep <= e.at());
        Ok(())
    }
}
