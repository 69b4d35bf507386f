//! Alerts without rows: a check's own, and those about Bellwether itself.

use super::{Engine, News, Signal};
use crate::model::alert::{AlertView, EndNote, Reason};
use crate::model::record::RowName;
use crate::model::{AlertId, Change, ChangeKind, Key, Severity, Timestamp};
use std::sync::Arc;

impl Engine {
    /// A check's own alert fires at this severity from now on, with these words.
    pub(super) fn raise_own(
        &mut self,
        check: &Arc<str>,
        reason: Reason,
        severity: Severity,
        message: String,
        at: Timestamp,
    ) {
        self.raise(&Engine::own(check, reason), severity, message, at);
    }

    pub(super) fn clear_own(&mut self, check: &Arc<str>, reason: Reason, at: Timestamp) {
        self.clear(&Engine::own(check, reason), None, at);
    }

    /// An alert about Bellwether itself fires, unless `self_alerts` has it off.
    pub fn raise_self(&mut self, name: &str, key: Key, message: String, at: Timestamp) {
        if let Some(severity) = self.self_alerts.severity(name) {
            self.raise(&AlertId::new(name, key), severity, message, at);
        }
    }

    /// It ends.
    pub fn clear_self(&mut self, name: &str, key: Key, at: Timestamp) {
        self.end_self(name, key, None, at);
    }

    /// The same, with a note that says in which way.
    pub fn end_self(&mut self, name: &str, key: Key, note: Option<EndNote>, at: Timestamp) {
        self.clear(&AlertId::new(name, key), note, at);
    }

    fn raise(&mut self, id: &AlertId, severity: Severity, message: String, at: Timestamp) {
        let before = self.signals.get(id).map(|s| s.severity);
        let since = self.signals.get(id).map_or(at, |s| s.since);
        let unchanged = self.signals.get(id).is_some_and(|s| s.severity == severity && s.message == message);
        if unchanged {
            return;
        }
        self.dirty.insert(RowName::Life(id.clone()));
        self.signals.insert(id.clone(), Signal { severity, since, message });
        let kind = match before {
            None => ChangeKind::Fired,
            Some(before) if before < severity => ChangeKind::Escalated,
            Some(before) if severity < before => ChangeKind::Eased,
            Some(_) => return,
        };
        let view = self.view(id).expect("inserted above");
        self.tell(Change { at, kind, severity, note: None, view });
    }

    pub(super) fn clear(&mut self, id: &AlertId, note: Option<EndNote>, at: Timestamp) {
        let Some(view) = self.view(id).filter(|_| self.signals.contains_key(id)) else { return };
        self.signals.remove(id);
        self.dirty.insert(RowName::Life(id.clone()));
        self.tell(ended(view, note, at));
    }

    /// Says that an alert changed; what a check in `shadow` does is recorded and never told.
    pub(super) fn tell(&mut self, change: Change) {
        let shadow = self.is_shadow(&change.view.id.check);
        self.news.push(if shadow { News::Shadowed(change) } else { News::Changed(change) });
    }
}

/// The end of an alert whose check cannot speak for it any more.
#[must_use]
pub fn end_of(view: Arc<AlertView>, at: Timestamp) -> Change {
    let note = if view.id.is_received() { EndNote::Unsent } else { EndNote::Removed };
    ended(view, Some(note), at)
}

/// The end of an alert.
pub(super) fn ended(view: Arc<AlertView>, note: Option<EndNote>, at: Timestamp) -> Change {
    let severity = view.severity;
    let mut view = Arc::unwrap_or_clone(view);
    view.ended = Some(at);
    view.note = note;
    Change { at, kind: ChangeKind::Resolved, severity, note, view: Arc::new(view) }
}
