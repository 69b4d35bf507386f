//! An alert: a check and a key. Its identity, its latches and its changes.

use super::labels::LabelSet;
use super::time::Timestamp;
use super::value::Value;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// How bad: `critical` > `warning` > `info`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Info,
    Warning,
    Critical,
}

impl Severity {
    /// The least severe first, so that a severity's place is [`Severity::index`].
    pub const ALL: [Severity; 3] = [Severity::Info, Severity::Warning, Severity::Critical];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Critical => "critical",
        }
    }

    #[must_use]
    pub fn from_name(name: &str) -> Option<Severity> {
        Severity::ALL.into_iter().find(|s| s.name() == name)
    }

    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What names one instance of a check: its key columns and their values, in the check's order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(pub Arc<[(Arc<str>, Arc<str>)]>);

impl Key {
    #[must_use]
    pub fn one(name: &str, value: &str) -> Key {
        Key(Arc::from([(Arc::from(name), Arc::from(value))]))
    }

    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| &**n == name).map(|(_, v)| &**v)
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// `processor="PredictionCoordinator"`; several are joined by `, `.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (name, value)) in self.0.iter().enumerate() {
            write!(f, "{}{name}={:?}", if i > 0 { ", " } else { "" }, &**value)?;
        }
        Ok(())
    }
}

/// Why a check's own alert fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reason {
    /// The collection failed and `on_error` is a severity.
    Error,
    /// The collection held no rows and `on_empty` is a severity.
    Empty,
    /// More instances fire than `limit`.
    Limit,
    /// It is nobody's check: it was sent to us, and its key is all the labels that it was sent with.
    Received,
}

impl Reason {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Reason::Error => "error",
            Reason::Empty => "empty",
            Reason::Limit => "limit",
            Reason::Received => "received",
        }
    }
}

/// The identity of an alert: its check's name with the values of its key columns, or the check and a reason.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AlertId {
    pub check: Arc<str>,
    pub reason: Option<Reason>,
    pub key: Key,
}

impl AlertId {
    #[must_use]
    pub fn new(check: &str, key: Key) -> AlertId {
        AlertId { check: Arc::from(check), reason: None, key }
    }

    /// The check's own alert.
    #[must_use]
    pub fn own(check: &str, reason: Reason) -> AlertId {
        AlertId { check: Arc::from(check), reason: Some(reason), key: Key::default() }
    }

    /// An alert that was sent to us with these labels: as in Alertmanager, all of them are its identity. Whatever its
    /// `alertname` is, it is never an alert of a check of that name.
    #[must_use]
    pub fn received(labels: &LabelSet) -> AlertId {
        let check = Arc::from(labels.get("alertname").unwrap_or("unnamed"));
        let key = Key(labels.iter().map(|(name, value)| (Arc::clone(name), Arc::clone(value))).collect());
        AlertId { check, reason: Some(Reason::Received), key }
    }

    /// How the text of a received alert begins whose `alertname` is this one, or (not `whole`) begins so. That label is the
    /// first, but where another sorts before it.
    #[must_use]
    pub fn received_begins(alertname: &str, whole: bool) -> String {
        let mut text = format!("{{alertname={alertname:?}");
        if !whole {
            text.pop();
        }
        text
    }

    /// Whether others sent it.
    #[must_use]
    pub fn is_received(&self) -> bool {
        self.reason == Some(Reason::Received)
    }

    /// What names the alert over its whole life, as Alertmanager's API and webhooks do: Prometheus's fingerprint of the
    /// labels that a received one was sent with; of our own, of its check, key and reason, for labels may change.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let key = self.key.0.iter().cloned();
        if self.is_received() {
            return LabelSet::new(key).fingerprint();
        }
        let reason = self.reason.map(|r| ("reason".into(), r.name().into()));
        LabelSet::new([("check".into(), self.check.clone())].into_iter().chain(key).chain(reason)).fingerprint()
    }
}

/// `processor-slowdown{processor="X"}`, `processor-slowdown{reason="error"}`, or the check's name alone; a received one
/// is `{alertname="HighLatency", job="api"}`, so that it reads like no check's.
impl fmt::Display for AlertId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_received() {
            return write!(f, "{{{}}}", self.key);
        }
        f.write_str(&self.check)?;
        match self.reason {
            Some(reason) => write!(f, "{{reason={:?}}}", reason.name()),
            None if self.key.is_empty() => Ok(()),
            None => write!(f, "{{{}}}", self.key),
        }
    }
}

/// One severity of one alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Latch {
    #[default]
    Off,
    /// True since `since` but not yet for its `for`; `known` is the last slot that found it true.
    Pending { since: Timestamp, known: Timestamp },
    /// On; `clear` is when it was first found clear, where it is being cleared.
    On { since: Timestamp, clear: Option<Timestamp> },
}

impl Latch {
    #[must_use]
    pub const fn is_on(&self) -> bool {
        matches!(self, Latch::On { .. })
    }

    #[must_use]
    pub const fn is_pending(&self) -> bool {
        matches!(self, Latch::Pending { .. })
    }
}

/// The state of an alert. "Resolved" is a change and no state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "state", content = "severity")]
pub enum AlertState {
    Inactive,
    Pending(Severity),
    Firing(Severity),
}

impl AlertState {
    /// The state that three latches, the least severe first, make.
    #[must_use]
    pub fn of(latches: &[Latch; 3]) -> AlertState {
        let most = |is: fn(&Latch) -> bool| Severity::ALL.into_iter().rev().find(|s| is(&latches[s.index()]));
        match (most(Latch::is_on), most(Latch::is_pending)) {
            (Some(severity), _) => AlertState::Firing(severity),
            (None, Some(severity)) => AlertState::Pending(severity),
            (None, None) => AlertState::Inactive,
        }
    }

    /// The severity it fires at.
    #[must_use]
    pub const fn firing(self) -> Option<Severity> {
        match self {
            AlertState::Firing(severity) => Some(severity),
            AlertState::Inactive | AlertState::Pending(_) => None,
        }
    }
}

/// What happened to an alert. `Pending` is told to nobody; it can be asserted in a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    Pending,
    Fired,
    Escalated,
    Eased,
    Resolved,
}

impl ChangeKind {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            ChangeKind::Pending => "pending",
            ChangeKind::Fired => "fired",
            ChangeKind::Escalated => "escalated",
            ChangeKind::Eased => "eased",
            ChangeKind::Resolved => "resolved",
        }
    }

    /// The change between two states, where there is one. `Pending` is the change from inactive to pending.
    #[must_use]
    pub fn between(before: AlertState, after: AlertState) -> Option<ChangeKind> {
        match (before.firing(), after.firing()) {
            (None, Some(_)) => Some(ChangeKind::Fired),
            (Some(_), None) => Some(ChangeKind::Resolved),
            (Some(b), Some(a)) if b < a => Some(ChangeKind::Escalated),
            (Some(b), Some(a)) if a < b => Some(ChangeKind::Eased),
            (Some(_), Some(_)) => None,
            (None, None) => {
                matches!((before, after), (AlertState::Inactive, AlertState::Pending(_))).then_some(ChangeKind::Pending)
            }
        }
    }
}

/// Why an alert ended, where it was not that its condition cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EndNote {
    /// Its key had no row for `remember`.
    Forgotten,
    /// Its check is gone, off, in shadow, or has other key columns.
    Removed,
    /// The channel or source that it is about is in the configuration no more.
    Gone,
    /// It was received, and its sender has not sent it again: nobody said that it is over.
    Unsent,
    /// It flapped, and has been steady for a while.
    Steady,
}

impl EndNote {
    /// As a message shows it: `resolved (forgotten)`.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            EndNote::Forgotten => "forgotten",
            EndNote::Removed => "check removed",
            EndNote::Gone => "taken out of the configuration",
            EndNote::Unsent => "no longer sent",
            EndNote::Steady => "steady after flapping",
        }
    }
}

/// One change of one alert's life, with what a message needs to say about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    pub at: Timestamp,
    pub kind: ChangeKind,
    /// The severity after the change; for `resolved`, before it.
    pub severity: Severity,
    pub note: Option<EndNote>,
    pub view: Arc<AlertView>,
}

/// What a message shows of an alert: rendered once from the alert's last row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlertView {
    pub id: AlertId,
    /// The check's labels, its key columns, `check`, `severity`, `source`, and `reason` where there is one.
    pub labels: LabelSet,
    /// The severity now; for an ended alert, the last one.
    pub severity: Severity,
    /// When it fired; for a pending alert, since when it is pending.
    pub since: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    pub note: Option<EndNote>,
    pub title: String,
    pub body: String,
    /// The check's `description`.
    pub description: String,
    /// The columns and `let` names that the condition uses, with their values in the last row.
    pub values: Vec<(Arc<str>, Value)>,
    /// The condition that decided, as written: `ratio > factor`, with its constants filled in: `ratio > 3`.
    pub condition: String,
    /// `(name, url)`: runbook, dashboard.
    pub links: Vec<(String, String)>,
    /// Where the check is declared: `rules/slow.yaml:4`.
    pub declared: Arc<str>,
    /// A template that failed, named, where one did.
    pub template_error: Option<String>,
    /// Which source was read in the place of the check's own, and why, where one was.
    #[serde(default)]
    pub fell_back: Option<String>,
    /// That it flaps, and how much, where it does: `6 changes within 1h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flapping: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_print_as_prometheus_prints_series() {
        let key = Key(Arc::from([(Arc::from("a"), Arc::from("x\"y")), (Arc::from("b"), Arc::from("2"))]));
        assert_eq!(AlertId::new("c", key).to_string(), r#"c{a="x\"y", b="2"}"#);
        assert_eq!(AlertId::own("c", Reason::Empty).to_string(), r#"c{reason="empty"}"#);
        assert_eq!(AlertId::new("c", Key::default()).to_string(), "c");
        let received = AlertId::received(&[("job", "x"), ("alertname", "c")].into_iter().collect());
        assert_eq!((&*received.check, received.to_string()), ("c", r#"{alertname="c", job="x"}"#.to_owned()));
    }

    #[test]
    fn the_state_is_that_of_the_most_severe_latch() {
        let t = Timestamp::default();
        let (off, pending, on) =
            (Latch::Off, Latch::Pending { since: t, known: t }, Latch::On { since: t, clear: None });
        for (latches, want) in [
            ([off, off, off], AlertState::Inactive),
            ([pending, off, pending], AlertState::Pending(Severity::Critical)),
            ([on, off, pending], AlertState::Firing(Severity::Info)),
            ([on, on, off], AlertState::Firing(Severity::Warning)),
        ] {
            assert_eq!(AlertState::of(&latches), want);
        }
    }
}
