//! One slot of one check: each key's life is stepped, absences are judged, limits are counted.

use super::evaluate::{Judgement, Outcome, row_values};
use super::life::{Reading, Slot, Verdict, step};
use super::signals::ended;
use super::view::labels;
use super::{CheckState, Life, RowValues};
use crate::model::alert::{AlertState, EndNote, Latch};
use crate::model::{AlertId, Change, ChangeKind, Key, LabelSet, Severity, Timestamp};
use crate::rules::{Check, Policy};
use hashbrown::HashSet;
use std::sync::Arc;

/// Slots in a row in which a key could not be judged, after which its check is failing.
const UNKNOWN_AFTER: u32 = 3;
/// Keys that the message of a check's own alert names.
const KEYS_NAMED: usize = 10;

/// What happened to one key in one slot: what the engine must do about it once the life is put back.
pub(super) enum Event {
    Change { kind: ChangeKind, before: AlertState, note: Option<EndNote> },
    Relabelled,
    PendingOver,
}

/// What a slot touched.
#[derive(Default)]
pub(super) struct Touched {
    pub events: Vec<(Key, Event)>,
    pub dirty: Vec<Key>,
    /// Keys with a life that were stepped.
    pub stepped: Vec<Key>,
    /// Keys that had no row for too long.
    pub forgotten: Vec<Key>,
}

impl CheckState {
    /// Steps the life of one key by its row.
    pub(super) fn outcome(&mut self, outcome: &Outcome, judgement: &Judgement, slot: Slot, touched: &mut Touched) {
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
    pub(super) fn absences(&mut self, judgement: &Judgement, empty: bool, slot: Slot, touched: &mut Touched) {
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
        touched.events.extend(event.map(|e| (key.clone(), e)));
        // Beside another change too: an easing alone asks no route.
        if relabelled && before.firing().is_some() && after.firing().is_some() {
            touched.events.push((key.clone(), Event::Relabelled));
        }
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
    pub(super) fn sweep(&mut self, stepped: &[Key]) {
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
    pub(super) fn change(
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
        let view = Arc::new(self.view_at(life, id, severity));
        if kind == ChangeKind::Resolved { ended(view, note, at) } else { Change { at, kind, severity, note, view } }
    }

    /// Whether the check passed its limit, or came well below it again.
    pub(super) fn limit_changed(&mut self) -> Option<bool> {
        let limit = self.check.limit;
        let over = if self.over_limit { self.firing > limit / 2 } else { self.firing > limit };
        (std::mem::replace(&mut self.over_limit, over) != over).then_some(over)
    }

    pub(super) fn limit_message(&self) -> (Severity, String) {
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
    pub(super) fn failing(&self, judgement: &Judgement) -> Option<String> {
        if let Some(why) = &judgement.mistyped {
            return Some(why.clone());
        }
        if let Some(why) = judgement.unread_why.first() {
            return Some(format!("{} of {} rows could not be read: {why}", judgement.unread, judgement.table.rows()));
        }
        if let Some(key) = judgement.doubled.first() {
            let more = judgement.doubled.len() - 1;
            let more = if more > 0 { format!(" (and {more} more)") } else { String::new() };
            if key.0.is_empty() {
                let rows = judgement.table.rows();
                return Some(format!("the answer has {rows} rows, and the check has no `key` that tells them apart"));
            }
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
            labels: LabelSet::default(),
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
    fn relabel(&mut self, labels: LabelSet) -> bool {
        let changed = self.labels.with("severity", "") != labels.with("severity", "");
        self.labels = labels;
        changed
    }
}
