//! What a store that fails is still to be given.

use crate::model::Timestamp;
use crate::model::record::{Entry, Write};
use std::collections::VecDeque;

/// Lines of history kept in memory for a store that fails.
pub const LINES_MAX: usize = 10_000;
/// Writes kept while a snapshot is on its way; where more come, another is taken.
const LATE_MAX: usize = 100_000;

/// Lines of history that no snapshot has kept: the newest, and what is known of those that there was no room for.
#[derive(Debug, Default)]
pub struct Owed {
    lines: VecDeque<Write>,
    lost: Option<Lost>,
}

#[derive(Clone, Copy, Debug)]
struct Lost {
    count: usize,
    from: Timestamp,
    until: Timestamp,
}

impl Owed {
    /// Takes the lines of history among these.
    pub fn extend(&mut self, writes: impl IntoIterator<Item = Write>) {
        self.lines.extend(writes.into_iter().filter(|write| matches!(write, Write::Append(_))));
        let over = self.lines.len().saturating_sub(LINES_MAX);
        for write in self.lines.drain(..over) {
            if let Write::Append(entry) = write {
                let lost = Lost { count: 1, from: entry.at(), until: entry.at() };
                self.lost = Some(lost.and(self.lost));
            }
        }
    }

    /// Takes what came after these.
    pub fn append(&mut self, later: Owed) {
        self.lost = later.lost.map(|lost| lost.and(self.lost)).or(self.lost);
        self.extend(later.lines);
    }

    /// What is to be written, the oldest first; a note of what is lost among it.
    pub fn writes(&self) -> Vec<Write> {
        let note = self.lost.map(|lost| Write::Append(Box::new(lost.note())));
        let mut writes: Vec<Write> = note.into_iter().chain(self.lines.iter().cloned()).collect();
        // A turn that hung and failed at last is older than what was owed meanwhile.
        writes.sort_by_key(at);
        writes
    }
}

/// When a line was; what is no line stays in front.
fn at(write: &Write) -> Option<Timestamp> {
    match write {
        Write::Append(entry) => Some(entry.at()),
        Write::Put(_) | Write::Delete(_) => None,
    }
}

impl Lost {
    fn and(self, other: Option<Lost>) -> Lost {
        other.map_or(self, |other| Lost {
            count: self.count + other.count,
            from: self.from.min(other.from),
            until: self.until.max(other.until),
        })
    }

    fn note(self) -> Entry {
        let Lost { count, from, until } = self;
        let lines = if count == 1 { "1 line" } else { &format!("{count} lines") };
        let text = format!(
            "{lines} of history from {from} to {until} {LOST}: no more than {LINES_MAX} are kept in memory while it fails"
        );
        Entry::Note { at: until, text }
    }
}

/// What a note of lost lines says, whatever else it says.
pub const LOST: &str = "could not be kept by the store";

/// State that was written while a snapshot was on its way, and so is in none. `None` where there was too much of it.
#[derive(Debug)]
pub struct Late(Option<Vec<Write>>);

impl Default for Late {
    fn default() -> Late {
        Late(Some(Vec::new()))
    }
}

impl Late {
    pub fn extend(&mut self, writes: impl IntoIterator<Item = Write>) {
        if let Some(late) = &mut self.0 {
            late.extend(writes);
            if LATE_MAX < late.len() {
                self.0 = None;
            }
        }
    }

    /// What is to be written behind the snapshot; `None` where only another snapshot has it all.
    pub fn writes(self) -> Option<Vec<Write>> {
        self.0
    }
}
