//! A slot's outcomes change the lives of a check.

use super::evaluate::{CollectFailure, Evaluated, Judged, Judgement};
use super::life::Slot;
use super::step::{Event, Touched};
use super::{Engine, News};
use crate::model::alert::Reason;
use crate::model::record::RowName;
use crate::model::{AlertId, Key, Timestamp};
use crate::rules::{Mode, Policy};
use std::sync::Arc;
use std::time::Duration;

/// A collection that could not reach its source is tried again after this, where its next slot is further off.
const RETRY_AFTER: Duration = Duration::from_secs(45);

impl Engine {
    /// A collection has ended. An answer to an older configuration is asked again.
    pub fn apply(&mut self, evaluated: &Evaluated, now: Timestamp) {
        let name = Arc::clone(&evaluated.check.name);
        let Some(state) = self.checks.get_mut(&name) else { return };
        if state.out != Some(evaluated.slot) {
            return; // of a slot that a reload gave up
        }
        state.out = None;
        if !Arc::ptr_eq(&state.check, &evaluated.check) {
            self.plan(&name, evaluated.slot);
            return;
        }
        state.note(evaluated);
        self.dirty.insert(RowName::Check(Arc::clone(&name)));
        let held = self.checks[&name].held.clone();
        self.note_sources(evaluated, &held, now);
        match &evaluated.judged {
            Judged::Failed(failure) => self.failed(evaluated, failure, now),
            Judged::Rows(judgement) => self.judged(evaluated, judgement, now),
        }
        let state = self.checks.get_mut(&name).expect("looked up above");
        state.last_slot = Some(evaluated.slot);
        self.news.push(News::Judged { check: name, slot: evaluated.slot });
    }

    /// The collection failed: instances stay as they are; the check's own alert says so, where it is asked to.
    fn failed(&mut self, evaluated: &Evaluated, failure: &CollectFailure, now: Timestamp) {
        let check = &evaluated.check;
        let message = evaluated.why_failed(failure);
        self.own_alert(&check.name, Reason::Error, check.on_error, true, &message, evaluated.slot);
        if failure.unreachable {
            self.retry_soon(&check.name, now, RETRY_AFTER);
        } else {
            self.raise_self("check-failing", Key::one("check", &check.name), message, now);
        }
    }

    /// Plans the next run of a check at that instant.
    pub(super) fn plan(&mut self, name: &Arc<str>, at: Timestamp) {
        if let Some(state) = self.checks.get_mut(name) {
            state.next = Some(at);
            self.queue.push(at, name);
        }
    }

    fn own_alert(&mut self, name: &Arc<str>, reason: Reason, policy: Policy, on: bool, message: &str, slot: Timestamp) {
        match policy {
            Policy::Fire(severity) if on => self.raise_own(name, reason, severity, message.to_owned(), slot),
            _ => self.clear_own(name, reason, slot),
        }
    }

    fn judged(&mut self, evaluated: &Evaluated, judgement: &Judgement, now: Timestamp) {
        let (check, at) = (Arc::clone(&evaluated.check), evaluated.slot);
        let name = &check.name;
        self.clear_own(name, Reason::Error, at);
        let empty = judgement.table.is_empty();
        self.own_alert(name, Reason::Empty, check.on_empty, empty, "the answer held no rows", at);
        let mut state = self.checks.remove(name).expect("looked up above");
        let slot = Slot { at, previous: check.schedule.before(at) };
        let mut touched = Touched::default();
        for outcome in &judgement.outcomes {
            state.outcome(outcome, judgement, slot, &mut touched);
        }
        if judgement.unread == 0 {
            state.absences(judgement, empty, slot, &mut touched);
        }
        let over = state.limit_changed();
        self.checks.insert(Arc::clone(name), state);
        self.tell_events(name, at, touched);
        self.tell_limit(name, over, at);
        self.tell_failing(evaluated, judgement, now);
    }

    /// Says what happened to the keys of a slot.
    fn tell_events(&mut self, name: &Arc<str>, at: Timestamp, mut touched: Touched) {
        for key in std::mem::take(&mut touched.dirty) {
            self.dirty.insert(RowName::Life(AlertId { check: Arc::clone(name), reason: None, key }));
        }
        for (key, event) in std::mem::take(&mut touched.events) {
            let id = AlertId { check: Arc::clone(name), reason: None, key };
            match event {
                Event::PendingOver => self.news.push(News::PendingOver(id)),
                Event::Relabelled => {
                    let shadow = self.checks[name].check.mode == Mode::Shadow;
                    if let Some(view) = self.view(&id).filter(|_| !shadow) {
                        self.news.push(News::Relabelled { view, at });
                    }
                }
                Event::Change { kind, before, note } => {
                    let change = self.checks[name].change(&id, kind, before, note, at);
                    self.tell(change);
                }
            }
        }
        let state = self.checks.get_mut(name).expect("looked up above");
        state.sweep(&touched.stepped);
        for key in touched.forgotten {
            state.lives.remove(&key);
        }
    }

    /// More instances fire than the limit: one alert for them all, until at most half of it fire.
    fn tell_limit(&mut self, name: &Arc<str>, changed: Option<bool>, at: Timestamp) {
        let state = &self.checks[name];
        if state.over_limit {
            let (severity, message) = state.limit_message();
            self.raise_own(name, Reason::Limit, severity, message, at);
        } else if changed == Some(false) {
            self.clear_own(name, Reason::Limit, at);
        }
        if let Some(over) = changed {
            self.news.push(News::Limit { check: Arc::clone(name), over });
        }
    }

    /// What cannot be judged is said, not passed over; so is a request that its source refuses while the fallback
    /// answers.
    fn tell_failing(&mut self, evaluated: &Evaluated, judgement: &Judgement, at: Timestamp) {
        let name = &evaluated.check.name;
        let key = Key::one("check", name);
        let refused = evaluated.fell_back.as_ref().filter(|why| !why.unreachable);
        let refused = refused.map(|why| format!("the fallback is asked, because: {}", why.message));
        match self.checks[name].failing(judgement).or(refused) {
            Some(why) => self.raise_self("check-failing", key, why, at),
            None => self.clear_self("check-failing", key, at),
        }
    }
}
