//! The history: what happened, line by line, and how it is asked for. Its lines are kept for `store.keep`.

use super::alert::{AlertId, Change};
use super::notification::{Delivery, Notification};
use super::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// One line of the history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "entry")]
pub enum Entry {
    Change(Change),
    /// Something that was to be told and was held, or is not held any more.
    Decision {
        at: Timestamp,
        alert: AlertId,
        channel: Arc<str>,
        decision: String,
    },
    Sent {
        at: Timestamp,
        attempt: u32,
        notification: Arc<Notification>,
    },
    Delivery {
        at: Timestamp,
        id: Arc<str>,
        channel: Arc<str>,
        attempt: u32,
        took: Duration,
        delivery: Delivery,
    },
    /// Something about Bellwether itself: a reload, a start.
    Note {
        at: Timestamp,
        text: String,
    },
}

impl Entry {
    #[must_use]
    pub fn at(&self) -> Timestamp {
        match self {
            Entry::Change(change) => change.at,
            Entry::Decision { at, .. }
            | Entry::Sent { at, .. }
            | Entry::Delivery { at, .. }
            | Entry::Note { at, .. } => *at,
        }
    }

    /// What the index finds it by.
    #[must_use]
    pub fn about(&self) -> About<'_> {
        match self {
            Entry::Change(change) => About::Alerts(vec![&change.view.id]),
            Entry::Decision { alert, .. } => About::Alerts(vec![alert]),
            Entry::Sent { notification, .. } => {
                let mut alerts: Vec<&AlertId> = notification.items.iter().map(|item| &item.alert.id).collect();
                alerts.sort_unstable();
                alerts.dedup();
                About::Alerts(alerts)
            }
            Entry::Delivery { id, .. } => About::Notification(id),
            Entry::Note { .. } => About::Bellwether,
        }
    }
}

/// What an entry of the history is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About<'a> {
    /// These alerts, each once; a message may speak of many.
    Alerts(Vec<&'a AlertId>),
    /// The message with this id.
    Notification(&'a str),
    /// Bellwether itself.
    Bellwether,
}

/// What is asked of the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic<'a> {
    /// An alert, by its text: its changes, decisions, and the messages that speak of it.
    Alert(&'a str),
    /// The answers to the message with this id.
    Notification(&'a str),
    Bellwether,
}

impl Topic<'_> {
    /// Whether an entry is about it.
    #[must_use]
    pub fn is_of(self, entry: &Entry) -> bool {
        match (self, entry.about()) {
            (Topic::Alert(alert), About::Alerts(of)) => of.iter().any(|id| id.to_string() == alert),
            (Topic::Notification(id), About::Notification(of)) => id == of,
            (Topic::Bellwether, About::Bellwether) => true,
            _ => false,
        }
    }
}

/// A part of the history, the newest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lines {
    /// With the number under which each is kept: a later entry has a greater one.
    pub entries: Vec<(i64, Entry)>,
    /// Whether there are older ones that a limit left out.
    pub more: bool,
}
