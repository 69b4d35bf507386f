//! The slots to come, the earliest first.

use crate::model::Timestamp;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

/// A heap of slots. An entry that a later one replaced stays in it and is passed over by its reader.
#[derive(Debug, Default)]
pub struct Queue(BinaryHeap<Reverse<(Timestamp, Arc<str>)>>);

impl Queue {
    pub fn push(&mut self, at: Timestamp, check: &Arc<str>) {
        self.0.push(Reverse((at, Arc::clone(check))));
    }

    pub fn first(&self) -> Option<(Timestamp, &Arc<str>)> {
        self.0.peek().map(|Reverse((at, check))| (*at, check))
    }

    pub fn pop(&mut self) -> Option<(Timestamp, Arc<str>)> {
        self.0.pop().map(|Reverse(entry)| entry)
    }
}
