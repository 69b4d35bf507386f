//! What the daemon shows of itself: plain values, made between turns and sent as JSON.
//!
//! `docs/openapi.json` describes each field; a test compares the two.

use crate::model::{Matcher, Severity, Timestamp, Value};
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Items of a page where nothing else is asked.
pub const LIMIT_DEFAULT: usize = 100;
/// Items of a page at most: it is made between two turns.
pub const LIMIT_MAX: usize = 1_000;

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Page<T> {
    /// How many there are in all.
    pub total: usize,
    pub offset: usize,
    pub limit: usize,
    pub items: Vec<T>,
}

/// Which part of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub offset: usize,
    pub limit: usize,
}

impl Default for Window {
    fn default() -> Self {
        Window { offset: 0, limit: LIMIT_DEFAULT }
    }
}

impl Window {
    /// The window's part of a list; what is shown is made for it alone.
    pub fn of<T, U>(self, all: Vec<T>, show: impl FnMut(T) -> U) -> Page<U> {
        let total = all.len();
        let items = all.into_iter().skip(self.offset).take(self.limit).map(show).collect();
        Page { total, offset: self.offset, limit: self.limit, items }
    }
}

/// Which alerts are asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlertFilter {
    /// Firing or pending; `None` is both.
    pub state: Option<State>,
    pub check: Option<String>,
    pub severity: Option<Severity>,
    pub matchers: Vec<Matcher>,
    pub window: Window,
}

impl AlertFilter {
    /// Whether nothing is left out.
    #[must_use]
    pub fn takes_all(&self) -> bool {
        self.state.is_none() && self.check.is_none() && self.severity.is_none() && self.matchers.is_empty()
    }
}

/// Which checks are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckFilter {
    pub check: Option<String>,
    pub window: Window,
}

/// The state of an alert that is shown; an inactive one is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Pending,
    Firing,
}

/// An instant as people and programs read it: RFC 3339 in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instant(pub Timestamp);

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(&self.0)
    }
}

impl From<Timestamp> for Instant {
    fn from(t: Timestamp) -> Self {
        Instant(t)
    }
}

/// A value as JSON: a number that is not finite is the text `NaN`, `inf` or `-inf`, a time is RFC 3339.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown(pub Value);

impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Value::Null => s.serialize_none(),
            Value::Number(n) if n.is_finite() => s.serialize_f64(*n),
            Value::Bool(b) => s.serialize_bool(*b),
            Value::Number(_) | Value::Text(_) | Value::Time(_) => s.collect_str(&self.0),
        }
    }
}

/// Names and values, as a JSON object.
pub type Names<T> = BTreeMap<Arc<str>, T>;

/// An alert that is pending or firing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Alert {
    pub id: String,
    pub check: Arc<str>,
    pub key: Names<Arc<str>>,
    /// Why a check's own alert fires: `error`, `empty`, `limit`.
    pub reason: Option<&'static str>,
    pub state: State,
    pub severity: Severity,
    /// Whether its check is in `mode: shadow`: nobody is told of it.
    pub shadow: bool,
    pub since: Instant,
    pub title: String,
    pub body: String,
    pub description: String,
    pub labels: Names<Arc<str>>,
    pub values: Names<Shown>,
    pub condition: String,
    pub links: Names<String>,
    pub declared: Arc<str>,
    /// Which source was read in the place of the check's own, and why, where one was.
    pub fell_back: Option<String>,
    /// Each channel that it leads to or was told.
    pub channels: Vec<Told>,
}

/// What one channel was told of an alert, and why it was not told more.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Told {
    pub channel: Arc<str>,
    pub group: Arc<str>,
    /// `nothing`, `firing`, or `unknown` where a message may have arrived.
    pub believes: &'static str,
    /// The severity that it was told.
    pub severity: Option<Severity>,
    /// When the episode that it was told of fired.
    pub since: Option<Instant>,
    /// Since when there is news that it has not been told.
    pub news_since: Option<Instant>,
    /// Why that news has not left.
    pub held: Option<String>,
}

/// A check and what it last said.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Check {
    pub check: Arc<str>,
    pub source: Arc<str>,
    pub declared: Arc<str>,
    /// `live`, `shadow`, `off`.
    pub mode: &'static str,
    pub last_slot: Option<Instant>,
    pub next_slot: Option<Instant>,
    /// Whether a slot is out.
    pub collecting: bool,
    /// Seconds that the last slot took, collection and evaluation.
    pub took_seconds: f64,
    /// The source whose answer was judged in the last slot.
    pub answered: Option<Arc<str>>,
    /// Which source was read in the place of the check's own, and why, where one was.
    pub fell_back: Option<String>,
    /// Why the last slot could not be judged.
    pub error: Option<String>,
    pub rows: usize,
    /// Rows whose key could not be read.
    pub unread_rows: usize,
    pub firing: usize,
    pub pending: usize,
    pub skipped_slots: u64,
    /// The worst outcomes of the last slot.
    pub outcomes: Vec<Outcome>,
}

/// What a check last said of one key.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcome {
    pub key: Names<Arc<str>>,
    /// `inactive`, `pending`, `firing`.
    pub state: &'static str,
    pub severity: Option<Severity>,
    pub values: Names<Shown>,
    /// `severity: why`, where a condition could not be judged.
    pub unknown: Vec<String>,
}

/// What a channel has not been told, though nothing holds it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Undelivered {
    pub alert: String,
    pub severity: Severity,
    pub title: String,
    /// Whether it fires; an ended one is told as ended, or as one that came and went.
    pub firing: bool,
    pub channel: Arc<str>,
    /// Since when there is news that it has not been told.
    pub since: Option<Instant>,
    /// Episodes that came and went in the meantime.
    pub missed: usize,
    /// Whether its fallback is told in its place.
    pub covered: bool,
    /// Why it has not been told yet.
    pub why: String,
}

/// The daemon.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Status {
    pub version: &'static str,
    pub started: Instant,
    pub now: Instant,
    pub checks: usize,
    pub firing: usize,
    pub pending: usize,
    pub config: ConfigStatus,
    pub store: StoreStatus,
    pub sources: Vec<Source>,
    pub channels: Vec<Channel>,
}

/// The last reload.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ConfigStatus {
    /// Where the last one was refused: why. The one before it goes on.
    pub rejected: Option<String>,
    pub loaded: Instant,
}

/// Whether what is told is written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StoreStatus {
    /// Why the last write failed, where it did and nothing was kept since.
    pub failing: Option<String>,
}

/// How many failures there were, by the name of their class.
pub type Classes = BTreeMap<&'static str, u64>;

/// A source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Source {
    pub source: Arc<str>,
    /// `admitting`, `probing`, `tripped`.
    pub breaker: &'static str,
    /// Collections in a row that could not reach it.
    pub failures: u32,
    /// How many collections failed of each class, ever.
    pub failures_by_class: Classes,
    pub tripped_until: Option<Instant>,
    /// The latest failure, where none succeeded since.
    pub last_failure: Option<LastFailure>,
}

/// The latest failure of a source or a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LastFailure {
    pub at: Instant,
    pub class: &'static str,
    /// What went wrong, for people.
    pub why: String,
}

/// A breaker that somebody had reset, as it was before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ResetBreaker {
    /// `channel` or `source`.
    pub of: &'static str,
    /// `admitting`, `probing`, `tripped`.
    pub was: &'static str,
    /// In a row.
    pub failures: u32,
}

/// A channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Channel {
    pub channel: Arc<str>,
    /// `admitting`, `probing`, `tripped`.
    pub breaker: &'static str,
    /// Sends in a row that failed.
    pub failures: u32,
    /// How many sends failed of each class, ever.
    pub failures_by_class: Classes,
    pub tripped_until: Option<Instant>,
    /// Why it is down, where it is: what tripped its breaker, or was refused.
    pub down: Option<String>,
    /// The latest failure, where nothing was delivered since.
    pub last_failure: Option<LastFailure>,
    pub in_flight: usize,
    /// Alerts of which it does not yet know what is true.
    pub undelivered: usize,
}

/// A reload that succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Reloaded {
    pub checks: usize,
}

pub mod drill;
pub mod why;

#[cfg(test)]
pub mod samples;
