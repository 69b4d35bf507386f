//! Where one alert stands in its life, and when that may change next.

use super::Engine;
use crate::model::alert::{AlertState, AlertView, Latch};
use crate::model::{AlertId, LabelSet, Severity, Timestamp};
use crate::rules::KeyColumns;
use std::sync::Arc;
use std::time::Duration;

/// Where an alert stands, for people.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    pub state: AlertState,
    /// When the present episode fired, or since when it is pending; of an inactive one it says nothing.
    pub since: Timestamp,
    pub labels: LabelSet,
    pub title: String,
    /// `live`, `shadow`, `off`.
    pub mode: &'static str,
    /// The severities that wait for their `for`, the most severe first.
    pub pending: Vec<Pending>,
    /// Slots in a row in which it could not be judged, and why not in the last one.
    pub unknown: u32,
    pub unknown_why: Vec<String>,
    /// The slot in which its row was first missing.
    pub absent: Option<Timestamp>,
    /// Why its check's last slot could not be judged.
    pub error: Option<String>,
    pub last_slot: Option<Timestamp>,
    pub next_slot: Option<Timestamp>,
}

/// A severity that waits for its `for`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    pub severity: Severity,
    pub since: Timestamp,
    pub hold: Duration,
    /// The first slot that may fire it.
    pub earliest: Option<Timestamp>,
}

impl Standing {
    /// Of an alert that others sent: nobody here judges it.
    #[must_use]
    pub fn received(state: AlertState, view: &AlertView) -> Standing {
        Standing {
            state,
            since: view.since,
            labels: view.labels.clone(),
            title: view.title.clone(),
            mode: "live",
            pending: Vec::new(),
            unknown: 0,
            unknown_why: Vec::new(),
            absent: None,
            error: None,
            last_slot: None,
            next_slot: None,
        }
    }
}

/// What the alerts of a check are told apart by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckKey {
    /// The columns of `key`.
    pub names: Vec<Arc<str>>,
    /// Every text column is one, whatever its name.
    pub is_open: bool,
}

impl Engine {
    /// The key of a check; `None` where there is no such check.
    #[must_use]
    pub fn key_of(&self, check: &str) -> Option<CheckKey> {
        let key = &self.checks.get(check)?.check.key;
        let names = if let KeyColumns::Columns(columns) = key { columns.to_vec() } else { Vec::new() };
        Some(CheckKey { names, is_open: *key == KeyColumns::AllText })
    }

    /// Every alert of a check that it knows, also those that are inactive.
    #[must_use]
    pub fn ids_of(&self, check: &str) -> Vec<(AlertId, AlertState)> {
        let lives = self.checks.get(check).into_iter().flat_map(|state| {
            let id = |key| AlertId { check: Arc::clone(&state.check.name), reason: None, key };
            state.lives.iter().map(move |(key, life)| (id(key.clone()), AlertState::of(&life.latches)))
        });
        let signals = self.signals.iter().filter(|(id, _)| *id.check == *check);
        let signals = signals.map(|(id, signal)| (id.clone(), AlertState::Firing(signal.severity)));
        lives.chain(signals).collect()
    }

    /// Where an alert stands; `None` where it is not known (any more).
    #[must_use]
    pub fn standing(&self, id: &AlertId) -> Option<Standing> {
        let view = self.view(id);
        let report = self.check_report(&id.check);
        let mut standing = Standing {
            state: self.state(id),
            since: view.as_ref().map_or_else(Timestamp::default, |view| view.since),
            labels: view.as_ref().map(|view| view.labels.clone()).unwrap_or_default(),
            title: view.as_ref().map(|view| view.title.clone()).unwrap_or_default(),
            mode: report.as_ref().map_or("live", |report| report.mode),
            pending: Vec::new(),
            unknown: 0,
            unknown_why: Vec::new(),
            absent: None,
            error: report.as_ref().and_then(|report| report.error.clone()),
            last_slot: report.as_ref().and_then(|report| report.last_slot),
            next_slot: report.as_ref().and_then(|report| report.next_slot),
        };
        if self.signals.contains_key(id) {
            return Some(standing);
        }
        let state = self.checks.get(&id.check)?;
        let life = state.lives.get(&id.key).filter(|_| id.reason.is_none())?;
        (standing.unknown, standing.absent) = (life.unknown, life.absent);
        if view.is_none() {
            standing.labels = life.labels.with("severity", state.check.worst().name());
        }
        let outcome = report.iter().flat_map(|report| &report.outcomes).find(|outcome| outcome.key == id.key);
        standing.unknown_why = outcome.map(|outcome| outcome.unknown.clone()).unwrap_or_default();
        for severity in Severity::ALL.into_iter().rev() {
            let (Latch::Pending { since, .. }, Some(rule)) =
                (life.latches[severity.index()], &state.check.severities[severity.index()])
            else {
                continue;
            };
            let slot = self.slot_from(&id.check, since + rule.hold).map(|(slot, _)| slot);
            let earliest = slot.filter(|slot| Some(*slot) != state.last_slot).or(state.next);
            standing.pending.push(Pending { severity, since, hold: rule.hold, earliest });
        }
        Some(standing)
    }
}
