//! What the store keeps. Records are plain values: the core writes them, the store turns them into rows,
//! and at start they come back as [`Saved`].
//!
//! The store is a door of its own, so these derive `Deserialize` (the rest of `model` is parsed elsewhere).

use super::alert::{AlertId, AlertView, Latch, Severity};
use super::breaker::BreakerRecord;
use super::failure::{FailureCounts, LastFailure};
use super::flap::Flapping;
pub use super::history::{About, Entry, Lines, Topic};
use super::labels::LabelSet;
use super::notification::{ItemKind, Receipt};
use super::silence::Silence;
use super::time::Timestamp;
use super::value::Value;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// One write of a turn. A turn's writes are one transaction.
#[derive(Clone, Debug)]
pub enum Write {
    /// Replaces the state row with this name in its table.
    Put(Row),
    Delete(Box<RowName>),
    /// Appends to the history, which is kept for `store.keep`.
    Append(Box<Entry>),
}

/// The name of a state row: its table and its key in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RowName {
    Life(AlertId),
    Check(Arc<str>),
    Subject(AlertId),
    Group(Arc<str>),
    Channel(Arc<str>),
    Flight(Arc<str>),
    Silence(Arc<str>),
    Received(AlertId),
    Source(Arc<str>),
}

/// A state row: what is true now. Each is in a box of its own size, as there may be many of the small ones.
#[derive(Clone, Debug, PartialEq)]
pub enum Row {
    Life(Box<LifeRecord>),
    Check(Box<CheckRecord>),
    Subject(Box<SubjectRecord>),
    Group(Box<GroupRecord>),
    Channel(Box<ChannelRecord>),
    /// A notification that was sent and has no answer yet.
    Flight(Box<FlightRecord>),
    /// A silence that was made while the daemon ran; those of files come with the files.
    Silence(Box<Silence>),
    /// An alert that was sent to us and fires.
    Received(Box<ReceivedRecord>),
    /// How a source answers.
    Source(Box<SourceRecord>),
}

impl Row {
    #[must_use]
    pub fn name(&self) -> RowName {
        match self {
            Row::Life(r) => RowName::Life(r.id.clone()),
            Row::Check(r) => RowName::Check(Arc::clone(&r.check)),
            Row::Source(r) => RowName::Source(Arc::clone(&r.source)),
            Row::Subject(r) => RowName::Subject(r.view.id.clone()),
            Row::Group(r) => RowName::Group(Arc::clone(&r.key)),
            Row::Channel(r) => RowName::Channel(Arc::clone(&r.channel)),
            Row::Flight(r) => RowName::Flight(Arc::clone(&r.id)),
            Row::Silence(r) => RowName::Silence(Arc::clone(&r.id)),
            Row::Received(r) => RowName::Received(AlertId::received(&r.labels)),
        }
    }
}

/// The life of one alert, as the evaluator holds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LifeRecord {
    pub id: AlertId,
    /// By [`Severity::index`].
    pub latches: [Latch; 3],
    /// When the present episode fired, or since when it is pending.
    pub since: Timestamp,
    /// The slot in which its row was first missing; `None` while it has one.
    pub absent: Option<Timestamp>,
    /// Slots in a row in which it could not be judged.
    pub unknown: u32,
    /// The last row: columns and `let` names.
    pub row: Arc<[(Arc<str>, Value)]>,
    pub labels: LabelSet,
}

/// What is known of a check besides its lives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckRecord {
    pub check: Arc<str>,
    /// Its key columns, so that a change of them ends its alerts.
    pub key: Vec<Arc<str>>,
    pub last_slot: Option<Timestamp>,
}

/// An alert as dispatch sees it: what is true, and what each channel was told of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SubjectRecord {
    pub view: Arc<AlertView>,
    pub phase: Phase,
    pub targets: Vec<TargetRecord>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flapping: Option<Flapping>,
}

/// Whether an alert is on, as far as dispatch is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    Pending,
    Firing,
    Ended,
}

/// What one channel was told of one alert.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetRecord {
    pub channel: Arc<str>,
    /// The key of the group that tells it.
    pub group: Arc<str>,
    pub belief: Belief,
    /// Since when there is news for the channel.
    pub news: Option<Timestamp>,
    /// A message about the present episode was due and could not be delivered.
    pub owed: bool,
    /// Told episodes that ended, until their end was told.
    pub ended: Vec<Arc<AlertView>>,
    /// Episodes that came and went while the channel could not be told.
    pub missed: Vec<Arc<AlertView>>,
    /// Why the last news did not leave, where something held it.
    pub hold: Option<String>,
    /// The channel's fallback tells it, until the channel is back.
    #[serde(default)]
    pub covered: bool,
    /// The channel in whose place this one was told.
    #[serde(default)]
    pub stands_for: Option<Arc<str>>,
    /// When the last message left that told it of the alert and was delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told_at: Option<Timestamp>,
}

/// An episode as a channel was told it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    pub severity: Severity,
    /// The instant the episode fired: it names the episode.
    pub episode: Timestamp,
    /// That it flaps.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub flapping: bool,
}

/// What a channel believes of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Belief {
    /// It was told nothing, or told that it ended.
    Nothing,
    Firing(Told),
    /// A message may have arrived: it believes `before` or `sent`.
    Unknown {
        before: Option<Told>,
        sent: Option<Told>,
    },
}

/// What travels together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupRecord {
    pub key: Arc<str>,
    pub route: Arc<str>,
    pub channel: Arc<str>,
    pub labels: LabelSet,
    pub wait: Duration,
    pub interval: Duration,
    pub repeat: Duration,
    pub last_send: Option<Timestamp>,
    /// The id of the message that began its life.
    pub thread: Option<Arc<str>>,
    pub retry: Option<Box<Retry>>,
    /// What names the message under which the next ones stand.
    #[serde(default)]
    pub first: Option<Box<Receipt>>,
}

/// A send that failed and will be tried again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Retry {
    /// The id of the notification, kept while its content stays the same.
    pub id: Arc<str>,
    pub digest: u64,
    pub attempts: u32,
    pub not_before: Timestamp,
    /// The far side refused this very content.
    pub refused: bool,
    /// How many groups the notification told of.
    #[serde(default)]
    pub groups: usize,
}

/// The health of a channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChannelRecord {
    pub channel: Arc<str>,
    pub failures: u32,
    /// Tripped until then.
    pub tripped_until: Option<Timestamp>,
    /// How long the last trip waited.
    pub wait: Duration,
    /// The far side asked us to wait until then.
    pub not_before: Option<Timestamp>,
    /// Why it is down, where it is: its breaker tripped, or it refused a message.
    pub down: Option<String>,
    /// Since when its fallback is told in its place.
    #[serde(default)]
    pub away_since: Option<Timestamp>,
    #[serde(default)]
    pub pace: PaceRecord,
    /// The failures within its breaker's window, where there is one.
    #[serde(default)]
    pub recent: Vec<Timestamp>,
    /// Probes that succeeded since the trip.
    #[serde(default)]
    pub proven: u32,
    /// How many sends failed of each class, ever.
    #[serde(default)]
    pub classes: FailureCounts,
    /// The latest failure, where nothing was delivered since.
    #[serde(default)]
    pub last_failure: Option<LastFailure>,
}

/// What a channel was sent lately, against its rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaceRecord {
    pub last: Option<Timestamp>,
    /// When its bucket has its token again.
    pub free: Option<Timestamp>,
    /// When the hour began in which `sent` messages left.
    pub hour: Option<Timestamp>,
    pub sent: u32,
}

/// The health of a source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceRecord {
    pub source: Arc<str>,
    pub breaker: BreakerRecord,
    /// The latest collection that failed, where none succeeded since.
    #[serde(default)]
    pub last_failure: Option<LastFailure>,
    /// How many collections failed of each class, ever.
    pub classes: FailureCounts,
}

/// A notification without an answer. At start each of these is `Unanswered`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FlightRecord {
    pub id: Arc<str>,
    pub channel: Arc<str>,
    pub group: Arc<str>,
    pub at: Timestamp,
    pub attempt: u32,
    pub digest: u64,
    pub repeat: bool,
    pub items: Vec<FlightItem>,
    /// The other groups that it tells of, each with the digest of what it says of them.
    #[serde(default)]
    pub also: Vec<(Arc<str>, u64)>,
    /// It tells a channel that is back what its fallback was told.
    #[serde(default)]
    pub is_digest: bool,
}

impl FlightRecord {
    /// The groups that it tells of, each with the digest of what it says of it.
    pub fn groups(&self) -> impl Iterator<Item = (&Arc<str>, u64)> {
        std::iter::once((&self.group, self.digest)).chain(self.also.iter().map(|(group, digest)| (group, *digest)))
    }
}

/// What a notification in flight says of one alert.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FlightItem {
    pub alert: AlertId,
    pub kind: ItemKind,
    pub told: Told,
}

/// An alert that was sent to us, as it was sent last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReceivedRecord {
    pub labels: LabelSet,
    pub annotations: LabelSet,
    /// The sender's page about it; empty where it gave none.
    pub generator: Arc<str>,
    /// When the present episode began.
    pub since: Timestamp,
    /// When it ends unless it is sent again.
    pub expires: Timestamp,
    /// When it was sent last; a later one that said the same is not written down.
    pub updated: Timestamp,
}

/// Everything that was kept, at start.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Saved {
    pub rows: Vec<Row>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten thousand alerts that fire at once are forty thousand writes, all in memory until they are on disk.
    #[test]
    fn a_write_takes_no_more_than_what_it_writes() {
        assert!(size_of::<Write>() <= 16, "{}", size_of::<Write>());
        for (row, size) in [("life", size_of::<LifeRecord>()), ("group", size_of::<GroupRecord>())] {
            assert!(size <= 192, "the record of a {row} takes {size} bytes");
        }
    }
}
