//! An alert as others send it to us.

use super::labels::LabelSet;
use super::time::Timestamp;
use std::sync::Arc;

/// One alert of a `POST /api/v2/alerts`, parsed at the door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// All of them are its identity; there is at least one.
    pub labels: LabelSet,
    pub annotations: LabelSet,
    /// The sender's page about it; empty where it gave none.
    pub generator: Arc<str>,
    /// When it began; `None` is now.
    pub starts: Option<Timestamp>,
    /// When it ended, or will unless it is sent again; `None` leaves that to us.
    pub ends: Option<Timestamp>,
}
