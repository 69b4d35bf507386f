//! What is asked of a drill, and what came of it.

use super::{Instant, Names};
use crate::model::{LabelSet, Severity};
use serde::Serialize;
use std::sync::Arc;

/// A drill that somebody wants.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DrillWish {
    /// A check whose source and constant labels the alert has.
    pub check: Option<String>,
    /// The check's most severe, or critical, where it is not given.
    pub severity: Option<Severity>,
    /// Further labels; they win.
    pub labels: LabelSet,
    /// This channel alone, whatever the routes say.
    pub channel: Option<String>,
}

/// A drill that has ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DrillReport {
    pub id: Arc<str>,
    pub at: Instant,
    pub labels: Names<Arc<str>>,
    /// Whether it arrived everywhere, and somewhere.
    pub arrived: bool,
    /// What would hold a real alert with these labels now.
    pub held: Vec<String>,
    pub channels: Vec<DrillChannel>,
}

/// One channel of a drill.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DrillChannel {
    pub channel: Arc<str>,
    /// The place of the route that leads there; null where the channel was named.
    pub route: Option<Arc<str>>,
    /// What would have kept a real message from the channel when the drill began.
    pub kept: Option<String>,
    /// The message that tells of it.
    pub fired: Option<DrillSend>,
    /// The one that takes it back; null where the first did not arrive.
    pub resolved: Option<DrillSend>,
}

/// How one message ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DrillSend {
    /// `delivered`, `not_sent`, `unanswered`, `refused`.
    pub outcome: &'static str,
    /// What the far side said, where it said something.
    pub why: Option<String>,
    pub took_seconds: f64,
    /// All of that for people: whether it arrived, and why not.
    pub text: String,
}
