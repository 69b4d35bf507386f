//! An alert that changes again and again: told once as flapping, and once when it is steady.
//!
//! While it flaps its channels are told that it fires, at the worst severity since; changes are recorded and not told. Once
//! nothing has changed for half the window they hear what is true: that it fires still, or that it ended.

use super::{Dispatch, Subject};
use crate::model::alert::{AlertView, EndNote};
use crate::model::record::{Entry, Phase, RowName};
use crate::model::time::human_duration;
use crate::model::{AlertId, Change, ChangeKind, FlapRule, Flapping, Timestamp};
use std::collections::VecDeque;
use std::sync::Arc;

/// Alerts whose changes are remembered; of more those that changed long ago are forgotten first.
const REMEMBERED_MAX: usize = 100_000;

/// The last changes of an alert, while they count.
#[derive(Debug, Default)]
pub struct Flips {
    at: VecDeque<Timestamp>,
    window: std::time::Duration,
}

impl Flips {
    fn note(&mut self, now: Timestamp, rule: FlapRule) -> bool {
        self.window = rule.window;
        let changes = usize::try_from(rule.changes).unwrap_or(usize::MAX);
        while changes <= self.at.len() {
            self.at.pop_front();
        }
        self.at.push_back(now);
        let first = self.at.front().copied().unwrap_or(now);
        changes <= self.at.len() && now.since(first) <= rule.window
    }

    fn is_over(&self, now: Timestamp) -> bool {
        self.at.back().is_none_or(|last| *last + self.window < now)
    }
}

impl Dispatch {
    /// Takes a change into account. Whether the alert flaps: then the change is not told by itself.
    pub(super) fn flaps(&mut self, change: &Change, rule: Option<FlapRule>) -> bool {
        let (id, now) = (&change.view.id, change.at);
        let flapping = self.subjects.get(id).is_some_and(|s| s.flapping.is_some());
        let Some(rule) = rule.filter(|_| change.kind != ChangeKind::Pending && change.note.is_none()) else {
            // The check is gone, or has no rule any more: what is true is told now.
            if flapping && change.kind != ChangeKind::Pending {
                self.settle_flapping(id, now);
            }
            return false;
        };
        if flapping {
            self.flap_on(change, rule);
            return true;
        }
        self.forget_flips(now);
        if !self.flips.entry(id.clone()).or_default().note(now, rule) {
            return false;
        }
        self.flips.remove(id);
        self.begin_flapping(change, rule);
        true
    }

    fn forget_flips(&mut self, now: Timestamp) {
        if REMEMBERED_MAX <= self.flips.len() {
            self.flips.retain(|_, flips| !flips.is_over(now));
        }
        if REMEMBERED_MAX <= self.flips.len() {
            self.flips.clear();
        }
    }

    fn begin_flapping(&mut self, change: &Change, rule: FlapRule) {
        let (id, now) = (change.view.id.clone(), change.at);
        self.follow(change);
        let subject = self.subjects.entry(id.clone()).or_insert_with(|| Subject::new(&change.view, Phase::Firing));
        let text = format!("{} changes within {}", rule.changes, human_duration(rule.window.as_secs_f64()));
        let now_too = if change.kind == ChangeKind::Resolved { "; at this moment it does not fire" } else { "" };
        let shown = AlertView { ended: None, flapping: Some(format!("{text}{now_too}")), ..(*change.view).clone() };
        subject.flapping = Some(Box::new(Flapping {
            episode: shown.since,
            severity: shown.severity,
            steady_at: now + rule.steady(),
            steady: rule.steady(),
            began: Some(now),
            changes: 0,
            last: Arc::clone(&change.view),
        }));
        (subject.view, subject.phase) = (Arc::new(shown), Phase::Firing);
        for target in &mut subject.targets {
            target.owed = false;
        }
        self.steady.insert((now + rule.steady(), id.clone()));
        self.relabelled.insert(id.clone());
        // Routes are asked as they are for any change: an easing and an end lead nowhere.
        if matches!(change.kind, ChangeKind::Fired | ChangeKind::Escalated) || self.subjects[&id].targets.is_empty() {
            self.lead(&id, now);
        }
        let decision = format!(
            "it flaps, {text}: told once, and again when nothing has changed for {}",
            human_duration(rule.steady().as_secs_f64())
        );
        let channels: Vec<Arc<str>> = self.subjects[&id].targets.iter().map(|t| Arc::clone(&t.channel)).collect();
        for channel in channels {
            self.history.push(Entry::Decision { at: now, alert: id.clone(), channel, decision: decision.clone() });
        }
    }

    /// Another change of an alert that flaps.
    fn flap_on(&mut self, change: &Change, rule: FlapRule) {
        let (id, now) = (&change.view.id, change.at);
        self.follow(change);
        let Some(subject) = self.subjects.get_mut(id) else { return };
        let Some(flapping) = &mut subject.flapping else { return };
        self.steady.remove(&(flapping.steady_at, id.clone()));
        (flapping.steady_at, flapping.steady) = (now + rule.steady(), rule.steady());
        flapping.last = Arc::clone(&change.view);
        flapping.changes = flapping.changes.saturating_add(1);
        self.steady.insert((flapping.steady_at, id.clone()));
        if flapping.severity < change.view.severity && change.kind != ChangeKind::Resolved {
            flapping.severity = change.view.severity;
            let (since, text) = (flapping.episode, subject.view.flapping.clone());
            subject.view = Arc::new(AlertView { since, flapping: text, ..(*change.view).clone() });
            self.relabelled.insert(id.clone());
            self.lead(id, now);
        }
        self.dirty.insert(RowName::Subject(id.clone()));
    }

    /// What it holds and does not hold others by is what it is in truth.
    fn follow(&mut self, change: &Change) {
        if change.kind == ChangeKind::Resolved {
            self.deactivate(&change.view.id);
        } else {
            self.hold_others(&change.view, Phase::Firing);
        }
    }

    /// Tells what is true of the alerts that have been steady for long enough.
    pub(super) fn steady(&mut self, now: Timestamp) {
        while let Some((at, _)) = self.steady.first().filter(|(at, _)| *at <= now) {
            let at = *at;
            let (_, id) = self.steady.pop_first().expect("looked at above");
            if self.subjects.get(&id).and_then(|s| s.flapping.as_ref()).is_some_and(|f| f.steady_at == at) {
                self.settle_flapping(&id, now);
                self.refresh(&id, now);
            }
        }
    }

    fn settle_flapping(&mut self, id: &AlertId, now: Timestamp) {
        let Some(subject) = self.subjects.get_mut(id) else { return };
        let Some(flapping) = subject.flapping.take() else { return };
        self.steady.remove(&(flapping.steady_at, id.clone()));
        self.relabelled.insert(id.clone());
        if flapping.last.ended.is_none() {
            let fired_anew = flapping.last.since != flapping.episode;
            subject.view = flapping.last;
            if fired_anew {
                self.lead_too(id, now); // what fired while it flapped asked no routes
            }
            return;
        }
        let note = flapping.last.note.or(Some(EndNote::Steady));
        let end = Arc::new(AlertView { since: flapping.episode, note, ..(*flapping.last).clone() });
        subject.end_episode(&end);
        subject.view = end;
    }

    /// Takes up after a restart which alerts flap.
    pub(super) fn take_up_flapping(&mut self) {
        let flapping = self.subjects.iter().filter_map(|(id, s)| Some((s.flapping.as_ref()?.steady_at, id.clone())));
        self.steady = flapping.collect();
    }
}
