//! A slot's outcomes change the lives of a check.

use super::evaluate::{CollectFailure, Evaluated, Judged, Judgement, Outcome, row_values};
use super::life::{Reading, Slot, Verdict, step};
use super::signals::ended;
use super::view::{labels, view};
use super::{CheckState, Engine, Life, News, RowValues};
use crate::model::alert::{AlertState, EndNote, Latch, Reason};
use crate::model::record::RowName;
use crate::model::{AlertId, Change, ChangeKind, Key, Severity, Timestamp};
use crate::rules::{Check, Mode, Policy};
use hashbrown::HashSet;
use std::sync::Arc;
use std::time::Duration;

/// Collections in a row that make a source unreachable.
const UNREACHABLE_AFTER: u32 = 2;
/// Slots in a row in which a key could not be judged, after which its check is failing.
const UNKNOWN_AFTER: u32 = 3;
/// A collection that could not reach its source is tried again after this, where its next slot is further off.
const RETRY_AFTER: Duration = Duration::from_secs(45);
/// Keys that the message of a check's own alert names.
const KEYS_NAMED: usize = 10;

/// What happened to one key in one slot: what the engine must do about it once the life is put back.
enum Event {
    Change { kind: ChangeKind, before: AlertState, note: Option<EndNote> },
    Relabelled,
    PendingOver,
}

impl Engine {
    /// A collection has ended. An answer to an older configuration is asked again.
    pub fn apply(&mut self, evaluated: Evaluated, now: Timestamp) {
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
        state.report.note(&evaluated.check, evaluated.slot, evaluated.took, &evaluated.judged);
        self.dirty.insert(RowName::Check(Arc::clone(&name)));
        self.note_source(&evaluated, now);
        match evaluated.judged {
            Judged::Failed(failure) => self.failed(&name, evaluated.slot, &failure, now),
            Judged::Rows(judgement) => self.judged(&name, evaluated.slot, &judgement, now),
        }
        let state = self.checks.get_mut(&name).expect("looked up above");
        state.last_slot = Some(evaluated.slot);
        self.news.push(News::Judged { check: name, slot: evaluated.slot });
    }

    /// Two collections in a row that could not reach it make a source unreachable.
    fn note_source(&mut self, evaluated: &Evaluated, now: Timestamp) {
        let source = Arc::clone(&evaluated.check.source);
        let state = self.sources.entry(Arc::clone(&source)).or_default();
        let key = Key::one("source", &source);
        match &evaluated.judged {
            Judged::Failed(failure) if failure.unreachable => {
                state.failures = state.failures.saturating_add(1);
                state.last_error = Some(failure.message.clone());
                if state.failures >= UNREACHABLE_AFTER {
                    self.raise_self("source-unreachable", key, failure.message.clone(), now);
                }
            }
            _ => {
                *state = super::SourceState::default();
                self.clear_self("source-unreachable", key, now);
            }
        }
    }

    /// The collection failed: instances stay as they are; the check's own alert says so, where it is asked to.
    fn failed(&mut self, name: &Arc<str>, slot: Timestamp, failure: &CollectFailure, now: Timestamp) {
        let policy = self.checks[name].check.on_error;
        self.own_alert(name, Reason::Error, policy, true, &failure.message, slot);
        let failing = Key::one("check", name);
        if failure.unreachable {
            self.retry_soon(name, now);
        } else {
            self.raise_self("check-failing", failing, failure.message.clone(), now);
        }
    }

    fn retry_soon(&mut self, name: &Arc<str>, now: Timestamp) {
        let again = now + RETRY_AFTER;
        if self.options.eager && self.checks[name].next.is_none_or(|next| again < next) {
            self.plan(name, again);
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

    fn judged(&mut self, name: &Arc<str>, at: Timestamp, judgement: &Judgement, now: Timestamp) {
        let check = Arc::clone(&self.checks[name].check);
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
        self.tell_failing(name, judgement, now);
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

    /// What cannot be judged is said, not passed over.
    fn tell_failing(&mut self, name: &Arc<str>, judgement: &Judgement, at: Timestamp) {
        let key = Key::one("check", name);
        match self.checks[name].failing(judgement) {
            Some(why) => self.raise_self("check-failing", key, why, at),
            None => self.clear_self("check-failing", key, at),
        }
    }
}

/// What a slot touched.
#[derive(Default)]
struct Touched {
    events: Vec<(Key, Event)>,
    dirty: Vec<Key>,
    /// Keys with a life that were stepped.
    stepped: Vec<Key>,
    /// Keys that had no row for too long.
    forgotten: Vec<Key>,
}

impl CheckState {
    /// Steps the life of one key by its row.
    fn outcome(&mut self, outcome: &Outcome, judgement: &Judgement, slot: Slot, touched: &mut Touched) {
        let check = Arc::clone(&self.check);
        let remember = matches!(check.on_absent, Policy::Fire(_));
        if !self.lives.contains_key(&outcome.key) {
            if outcome.is_clear() && !remember {
                return; // nothing begins and nothing must be remembered: most keys, most of the time
            }
            self.lives.insert(outcome.key.clone(), Life::new(slot.at));
            touched.dirty.push(outcome.key.clone());
        }
        let life = self.lives.get_mut(&outcome.key).expect("inserted above");
        let cannot_say = life.cannot_say(&check, outcome.readings);
        let mut readings = outcome.readings;
        if let (true, Policy::Fire(severity)) = (cannot_say, check.on_unknown) {
            readings[severity.index()] = Reading { when: Verdict::True, until: Verdict::False };
        }
        let was_absent = life.absent.take().is_some();
        let unknown = if cannot_say { life.unknown.saturating_add(1) } else { 0 };
        let unknown_changed = std::mem::replace(&mut life.unknown, unknown) != unknown;
        let row = || row_values(&check, &judgement.table, outcome.row as usize, slot.at);
        let changed = self.advance(&outcome.key, readings, slot, Some(&row), touched);
        if was_absent || unknown_changed || changed {
            touched.dirty.push(outcome.key.clone());
        }
    }

    /// Steps the lives of the keys that had no row.
    fn absences(&mut self, judgement: &Judgement, empty: bool, slot: Slot, touched: &mut Touched) {
        if self.lives.is_empty() {
            return;
        }
        let check = Arc::clone(&self.check);
        let present: HashSet<&Key> = judgement.outcomes.iter().map(|o| &o.key).collect();
        let mut absent: Vec<Key> = self.lives.keys().filter(|k| !present.contains(k)).cloned().collect();
        absent.sort_unstable();
        let policy = if empty { check.on_empty } else { check.on_absent };
        for key in absent {
            let life = self.lives.get_mut(&key).expect("listed above");
            let since = *life.absent.get_or_insert(slot.at);
            if since == slot.at {
                touched.dirty.push(key.clone());
            }
            if slot.at.since(since) >= check.remember {
                self.forget(&key, touched);
                continue;
            }
            let readings = match policy {
                Policy::Keep => continue,
                Policy::Ok => [Reading::CLEAR; 3],
                // For an empty answer the check's own alert speaks; the instances are kept.
                Policy::Fire(_) if empty => continue,
                Policy::Fire(severity) => {
                    let mut readings = [Reading::UNKNOWN; 3];
                    readings[severity.index()] = Reading { when: Verdict::True, until: Verdict::False };
                    readings
                }
            };
            if self.advance(&key, readings, slot, None, touched) {
                touched.dirty.push(key.clone());
            }
        }
    }

    /// Steps the latches of a key, and notes what changed. True where its record did.
    fn advance(
        &mut self,
        key: &Key,
        readings: [Reading; 3],
        slot: Slot,
        row: Option<&dyn Fn() -> RowValues>,
        touched: &mut Touched,
    ) -> bool {
        let check = Arc::clone(&self.check);
        touched.stepped.push(key.clone());
        let life = self.lives.get_mut(key).expect("the caller looked it up");
        let (latches, before) = (life.latches, AlertState::of(&life.latches));
        for ((latch, reading), rule) in life.latches.iter_mut().zip(readings).zip(&check.severities) {
            if let Some(rule) = rule {
                *latch = step(*latch, reading, rule.hold, rule.keep_firing_for, slot);
            }
        }
        let after = AlertState::of(&life.latches);
        if before == AlertState::Inactive && after == AlertState::Inactive {
            return life.latches != latches;
        }
        let event = life.note(before, after, slot.at);
        let mut changed = life.latches != latches;
        if let Some(row) = row {
            let row = row();
            changed |= life.row != row;
            life.row = row;
        }
        let id = AlertId { check: Arc::clone(&check.name), reason: None, key: key.clone() };
        let severity = severity_of(after).or(severity_of(before)).unwrap_or(Severity::Info);
        let relabelled = life.relabel(labels(&check, &id, &life.row, severity));
        self.firing = (self.firing + usize::from(after.firing().is_some())) - usize::from(before.firing().is_some());
        let event = event
            .or((relabelled && before.firing().is_some() && after.firing().is_some()).then_some(Event::Relabelled));
        touched.events.extend(event.map(|e| (key.clone(), e)));
        changed || relabelled
    }

    fn forget(&mut self, key: &Key, touched: &mut Touched) {
        let life = &self.lives[key];
        let before = AlertState::of(&life.latches);
        touched.dirty.push(key.clone());
        touched.forgotten.push(key.clone());
        match before {
            AlertState::Inactive => {}
            AlertState::Pending(_) => touched.events.push((key.clone(), Event::PendingOver)),
            AlertState::Firing(_) => {
                self.firing -= 1;
                self.lives.get_mut(key).expect("looked at above").latches = [Latch::Off; 3];
                let event = Event::Change { kind: ChangeKind::Resolved, before, note: Some(EndNote::Forgotten) };
                touched.events.push((key.clone(), event));
            }
        }
    }

    /// Drops the lives that nothing is known by any more.
    fn sweep(&mut self, stepped: &[Key]) {
        let remember = matches!(self.check.on_absent, Policy::Fire(_));
        for key in stepped {
            let Some(life) = self.lives.get_mut(key) else { continue };
            if life.latches != [Latch::Off; 3] {
                continue;
            }
            life.row = RowValues::from([]);
            if life.unknown == 0 && !remember {
                self.lives.remove(key);
            }
        }
    }

    /// The change that an event stands for, with the view that a message needs.
    fn change(
        &self,
        id: &AlertId,
        kind: ChangeKind,
        before: AlertState,
        note: Option<EndNote>,
        at: Timestamp,
    ) -> Change {
        let life = &self.lives[&id.key];
        let after = AlertState::of(&life.latches);
        let severity = match kind {
            ChangeKind::Resolved => before.firing(),
            _ => severity_of(after),
        };
        let severity = severity.expect("a change has a severity: it began or ended with one");
        let view = Arc::new(view(&self.check, life, id, severity));
        if kind == ChangeKind::Resolved { ended(view, note, at) } else { Change { at, kind, severity, note, view } }
    }

    /// Whether the check passed its limit, or came well below it again.
    fn limit_changed(&mut self) -> Option<bool> {
        let limit = self.check.limit;
        let over = if self.over_limit { self.firing > limit / 2 } else { self.firing > limit };
        (std::mem::replace(&mut self.over_limit, over) != over).then_some(over)
    }

    fn limit_message(&self) -> (Severity, String) {
        let firing = |l: &Life| AlertState::of(&l.latches).firing();
        let mut keys: Vec<&Key> = self.lives.iter().filter(|(_, l)| firing(l).is_some()).map(|(k, _)| k).collect();
        keys.sort_unstable();
        let worst = self.lives.values().filter_map(firing).max().unwrap_or(Severity::Warning);
        let named: Vec<String> = keys.iter().take(KEYS_NAMED).map(|k| format!("{{{k}}}")).collect();
        let more =
            if keys.len() > KEYS_NAMED { format!(" and {} more", keys.len() - KEYS_NAMED) } else { String::new() };
        (worst, format!("{} instances fire, more than {}: {}{more}", keys.len(), self.check.limit, named.join(", ")))
    }

    /// Why the check cannot be judged, where it cannot.
    fn failing(&self, judgement: &Judgement) -> Option<String> {
        if let Some(why) = &judgement.mistyped {
            return Some(why.clone());
        }
        if let Some(why) = judgement.unread_why.first() {
            return Some(format!("{} of {} rows could not be read: {why}", judgement.unread, judgement.table.rows()));
        }
        if let Some(key) = judgement.doubled.first() {
            let more = judgement.doubled.len() - 1;
            let more = if more > 0 { format!(" (and {more} more)") } else { String::new() };
            return Some(format!("two rows have one key, {{{key}}}{more}: group the query by its key columns"));
        }
        let unknown =
            judgement.outcomes.iter().find(|o| self.lives.get(&o.key).is_some_and(|l| l.unknown >= UNKNOWN_AFTER))?;
        Some(format!("{{{}}} could not be judged in {} slots in a row", unknown.key, self.lives[&unknown.key].unknown))
    }
}

fn severity_of(state: AlertState) -> Option<Severity> {
    match state {
        AlertState::Inactive => None,
        AlertState::Pending(severity) | AlertState::Firing(severity) => Some(severity),
    }
}

impl Life {
    pub(super) fn new(at: Timestamp) -> Life {
        Life {
            latches: [Latch::Off; 3],
            since: at,
            absent: None,
            unknown: 0,
            row: RowValues::from([]),
            labels: crate::model::LabelSet::default(),
        }
    }

    /// Whether some condition that matters now is unknown.
    fn cannot_say(&self, check: &Check, readings: [Reading; 3]) -> bool {
        let mut each = self.latches.iter().zip(readings).zip(&check.severities);
        each.any(|((latch, reading), rule)| {
            let until_matters = latch.is_on() && reading.clear().is_none();
            rule.is_some() && (reading.when == Verdict::Unknown || until_matters)
        })
    }

    /// Notes since when the new state is, and gives the event that it is.
    fn note(&mut self, before: AlertState, after: AlertState, at: Timestamp) -> Option<Event> {
        let kind = ChangeKind::between(before, after);
        match kind {
            Some(ChangeKind::Fired | ChangeKind::Pending) => self.since = at,
            Some(ChangeKind::Escalated | ChangeKind::Eased | ChangeKind::Resolved) => {}
            None if after == AlertState::Inactive => return Some(Event::PendingOver),
            None => return None,
        }
        kind.map(|kind| Event::Change { kind, before, note: None })
    }

    /// Takes new labels; true where one besides `severity` changed.
    fn relabel(&mut self, labels: crate::model::LabelSet) -> bool {
        let changed = self.labels.with("severity", "") != labels.with("severity", "");
        self.labels = labels;
        changed
    }
}
