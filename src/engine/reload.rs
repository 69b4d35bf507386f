//! Taking up what was kept, and a configuration that takes the place of another.

use super::queue::Queue;
use super::signals::ended;
use super::{CheckState, Engine, Life, News, Options, Signal};
use crate::model::alert::{AlertState, AlertView, EndNote, Latch, Reason};
use crate::model::record::{CheckRecord, LifeRecord, Phase, Row, RowName, Write};
use crate::model::{AlertId, Change, ChangeKind, Timestamp, Value};
use crate::rules::{Check, KeyColumns, Mode, SelfAlerts};
use hashbrown::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

/// The name under which the words of an alert without rows are kept.
const MESSAGE: &str = "message";

/// What was kept of the checks.
#[derive(Default)]
struct Kept {
    lives: HashMap<Arc<str>, Vec<LifeRecord>>,
    checks: HashMap<Arc<str>, CheckRecord>,
}

impl Engine {
    /// Takes up what was kept. Lives whose check is gone, off, or has other key columns are
    /// dropped.
    #[must_use]
    pub fn new(
        checks: Vec<Arc<Check>>,
        self_alerts: SelfAlerts,
        rows: Vec<Row>,
        now: Timestamp,
        options: Options,
    ) -> Engine {
        let mut engine = Engine {
            checks: HashMap::new(),
            sources: HashMap::new(),
            breakers: HashMap::new(),
            signals: HashMap::new(),
            self_alerts,
            generation: 0,
            options,
            queue: Queue::default(),
            dirty: HashSet::new(),
            news: Vec::new(),
        };
        let kept = engine.sort(rows);
        for check in checks.into_iter().filter(|c| c.mode != Mode::Off) {
            engine.add(check, &kept, now);
        }
        engine.drop_leftovers(kept);
        engine.drop_dead_signals(now);
        engine
    }

    /// Puts alerts without rows where they belong, and the rest by check.
    fn sort(&mut self, rows: Vec<Row>) -> Kept {
        let mut kept = Kept::default();
        for row in rows {
            match row {
                Row::Life(r) => match Signal::restore(&r) {
                    Some(signal) => {
                        self.signals.insert(r.id, signal);
                    }
                    None => kept.lives.entry(Arc::clone(&r.id.check)).or_default().push(*r),
                },
                Row::Check(r) => {
                    kept.checks.insert(Arc::clone(&r.check), *r);
                }
                Row::Source(r) => self.restore_source(*r),
                _ => {}
            }
        }
        kept
    }

    /// Adds a check with what was kept of it, and plans its first slot.
    fn add(&mut self, check: Arc<Check>, kept: &Kept, now: Timestamp) {
        let name = Arc::clone(&check.name);
        let record = kept.checks.get(&name);
        let mut state = CheckState::new(check);
        state.last_slot = record.and_then(|r| r.last_slot);
        if record.is_none_or(|r| r.key == state.check.key.names()) {
            for life in kept.lives.get(&name).into_iter().flatten() {
                state.firing += usize::from(AlertState::of(&life.latches).firing().is_some());
                state.lives.insert(life.id.key.clone(), Life::restore(life));
            }
        }
        let limit = AlertId::own(&name, Reason::Limit);
        state.over_limit = self.signals.contains_key(&limit);
        if state.over_limit {
            self.news.push(News::Limit { check: Arc::clone(&name), over: true });
        }
        let first = state.first_slot(now, self.options.eager);
        self.checks.insert(Arc::clone(&name), state);
        self.dirty.insert(RowName::Check(Arc::clone(&name)));
        if let Some(first) = first {
            self.plan(&name, first);
        }
    }

    /// Drops what was kept of checks that are no more: dispatch ends what it told of them, in the words that were told.
    fn drop_leftovers(&mut self, kept: Kept) {
        for (name, lives) in kept.lives {
            for record in lives {
                if !self.checks.get(&name).is_some_and(|c| c.lives.contains_key(&record.id.key)) {
                    self.dirty.insert(RowName::Life(record.id));
                }
            }
        }
        for name in kept.checks.into_keys() {
            self.dirty.insert(RowName::Check(name)); // written where it lives on, deleted where not
        }
    }

    /// A configuration takes the place of another: latches and clocks of the checks that stay live on.
    pub fn reload(&mut self, checks: Vec<Arc<Check>>, self_alerts: SelfAlerts, now: Timestamp) {
        self.generation += 1;
        self.self_alerts = self_alerts;
        let wanted: HashMap<Arc<str>, Arc<Check>> =
            checks.into_iter().filter(|c| c.mode != Mode::Off).map(|c| (Arc::clone(&c.name), c)).collect();
        let mut names: Vec<Arc<str>> = self.checks.keys().cloned().collect();
        names.sort_unstable();
        for name in names {
            let before = &self.checks[&name].check;
            match wanted.get(&name) {
                Some(check) if check.key == before.key => self.replace(&name, check, now),
                _ => self.remove(&name, now),
            }
        }
        let mut new: Vec<Arc<Check>> = wanted.into_values().filter(|c| !self.checks.contains_key(&c.name)).collect();
        new.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        for check in new {
            self.add(check, &Kept::default(), now);
        }
        self.drop_dead_signals(now);
    }

    /// The check's new declaration takes over its lives. From live to shadow its alerts end for those who were told.
    fn replace(&mut self, name: &Arc<str>, check: &Arc<Check>, now: Timestamp) {
        let was = self.checks[name].check.mode;
        if was == Mode::Live && check.mode == Mode::Shadow {
            self.end_all(name, now);
        }
        let state = self.checks.get_mut(name).expect("listed by the caller");
        let old = std::mem::replace(&mut state.check, Arc::clone(check));
        if state.out.is_none() && old.schedule != check.schedule {
            let next = state.first_slot(now, false);
            state.next = next;
            if let Some(next) = next {
                self.plan(name, next);
            }
        }
        self.dirty.insert(RowName::Check(Arc::clone(name)));
        if was == Mode::Shadow && check.mode == Mode::Live {
            self.announce(name, now);
        }
    }

    /// What fired in shadow is told now that the check is live.
    fn announce(&mut self, name: &Arc<str>, now: Timestamp) {
        let state = &self.checks[name];
        let firing = state.lives.iter().filter(|(_, l)| AlertState::of(&l.latches).firing().is_some());
        let mut ids: Vec<AlertId> =
            firing.map(|(key, _)| AlertId { check: Arc::clone(name), reason: None, key: key.clone() }).collect();
        ids.sort_unstable();
        for id in ids {
            let Some(view) = self.view(&id) else { continue };
            let kind = ChangeKind::Fired;
            self.tell(Change { at: now, kind, severity: view.severity, note: None, view });
        }
    }

    fn remove(&mut self, name: &Arc<str>, now: Timestamp) {
        self.end_all(name, now);
        self.checks.remove(name);
        self.dirty.insert(RowName::Check(Arc::clone(name)));
    }

    /// Ends every alert of a check: those told hear `resolved (check removed)`.
    fn end_all(&mut self, name: &Arc<str>, now: Timestamp) {
        let state = self.checks.get_mut(name).expect("the caller looked it up");
        let (lives, live) = (std::mem::take(&mut state.lives), state.check.mode == Mode::Live);
        (state.firing, state.over_limit) = (0, false);
        let mut lives: Vec<_> = lives.into_iter().collect();
        lives.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        for (key, life) in lives {
            let id = AlertId { check: Arc::clone(name), reason: None, key };
            self.dirty.insert(RowName::Life(id.clone()));
            let Some(view) = self.checks[name].view(&life, &id) else { continue };
            let firing = AlertState::of(&life.latches).firing().is_some();
            match (firing, live) {
                (true, true) => self.news.push(News::Changed(ended(Arc::new(view), Some(EndNote::Removed), now))),
                (false, _) => self.news.push(News::PendingOver(id)),
                (true, false) => {}
            }
        }
        for reason in [Reason::Error, Reason::Empty, Reason::Limit] {
            self.clear(&Engine::own(name, reason), Some(EndNote::Removed), now);
        }
        self.news.push(News::Limit { check: Arc::clone(name), over: false });
    }

    /// Ends alerts without rows that nothing can end any more: of a check or a source that is gone, or switched off.
    fn drop_dead_signals(&mut self, now: Timestamp) {
        let sources: HashSet<Arc<str>> = self.checks.values().flat_map(|c| c.check.sources().cloned()).collect();
        let mut dead: Vec<AlertId> = self.signals.keys().filter(|id| self.is_dead(id, &sources)).cloned().collect();
        dead.sort_unstable();
        for id in dead {
            self.clear(&id, Some(EndNote::Removed), now);
        }
        self.keep_sources(&sources);
    }

    fn is_dead(&self, id: &AlertId, sources: &HashSet<Arc<str>>) -> bool {
        if id.reason.is_some() {
            return !self.checks.contains_key(&id.check);
        }
        if self.self_alerts.severity(&id.check).is_none() {
            return true;
        }
        match &*id.check {
            "check-failing" => id.key.get("check").is_none_or(|c| !self.checks.contains_key(c)),
            "source-unreachable" => id.key.get("source").is_none_or(|s| !sources.contains(s)),
            _ => false,
        }
    }

    /// The alerts that are active, for dispatch at start.
    #[must_use]
    pub fn active(&self) -> Vec<(Phase, Arc<AlertView>)> {
        let shadow = |view: &AlertView| self.is_shadow(&view.id.check);
        let phase = |state| if matches!(state, AlertState::Firing(_)) { Phase::Firing } else { Phase::Pending };
        self.alerts().into_iter().filter(|(_, v)| !shadow(v)).map(|(state, view)| (phase(state), view)).collect()
    }

    /// The state rows that changed since the last call.
    pub fn take_writes(&mut self) -> Vec<Write> {
        let dirty = std::mem::take(&mut self.dirty);
        dirty.into_iter().map(|name| self.write(name)).collect()
    }

    /// Every state row there is.
    #[must_use]
    pub fn snapshot(&self) -> Vec<Write> {
        let checks = self.checks.keys().cloned().map(RowName::Check);
        let lives = self.checks.iter().flat_map(|(name, c)| {
            c.lives.keys().map(|key| RowName::Life(AlertId { check: Arc::clone(name), reason: None, key: key.clone() }))
        });
        let signals = self.signals.keys().cloned().map(RowName::Life);
        let sources = self.sources.keys().cloned().map(RowName::Source);
        checks.chain(lives).chain(signals).chain(sources).map(|name| self.write(name)).collect()
    }

    fn write(&self, name: RowName) -> Write {
        let row = match &name {
            RowName::Life(id) => self.life_record(id).map(Box::new).map(Row::Life),
            RowName::Check(name) => self.checks.get(name).map(|c| Row::Check(Box::new(c.record()))),
            RowName::Source(name) => self.source_record(name).map(Box::new).map(Row::Source),
            _ => None,
        };
        row.map_or_else(|| Write::Delete(Box::new(name)), Write::Put)
    }

    fn life_record(&self, id: &AlertId) -> Option<LifeRecord> {
        if let Some(signal) = self.signals.get(id) {
            return Some(signal.record(id));
        }
        let life = self.checks.get(&id.check)?.lives.get(&id.key)?;
        Some(LifeRecord {
            id: id.clone(),
            latches: life.latches,
            since: life.since,
            absent: life.absent,
            unknown: life.unknown,
            row: Arc::clone(&life.row),
            labels: life.labels.clone(),
        })
    }
}

impl CheckState {
    /// When the check runs first: at once where it was never evaluated, or missed a slot while the daemon was down
    /// (for the latest of them).
    fn first_slot(&self, now: Timestamp, eager: bool) -> Option<Timestamp> {
        let schedule = &self.check.schedule;
        if eager {
            let missed = schedule.before(now + Duration::from_micros(1));
            match self.last_slot {
                None => return Some(now),
                Some(last) if missed.is_some_and(|m| last < m) => return missed,
                Some(_) => {}
            }
        }
        schedule.at_or_after(self.last_slot.map_or(now, |last| now.max(last + Duration::from_micros(1))))
    }

    fn record(&self) -> CheckRecord {
        CheckRecord { check: Arc::clone(&self.check.name), key: self.check.key.names(), last_slot: self.last_slot }
    }
}

impl KeyColumns {
    /// The names, for comparing: a check whose key columns changed is another one.
    fn names(&self) -> Vec<Arc<str>> {
        match self {
            KeyColumns::None => Vec::new(),
            KeyColumns::Columns(names) => names.to_vec(),
            KeyColumns::AllText => vec![Arc::from("*")],
        }
    }
}

impl Life {
    fn restore(r: &LifeRecord) -> Life {
        Life {
            latches: r.latches,
            since: r.since,
            absent: r.absent,
            unknown: r.unknown,
            row: Arc::clone(&r.row),
            labels: r.labels.clone(),
        }
    }
}

impl Signal {
    fn record(&self, id: &AlertId) -> LifeRecord {
        let mut latches = [Latch::Off; 3];
        latches[self.severity.index()] = Latch::On { since: self.since, clear: None };
        LifeRecord {
            id: id.clone(),
            latches,
            since: self.since,
            absent: None,
            unknown: 0,
            row: Arc::from([(Arc::from(MESSAGE), Value::text(&self.message))]),
            labels: crate::model::LabelSet::default(),
        }
    }

    /// The alert without rows that was kept under this record, if it is one.
    fn restore(r: &LifeRecord) -> Option<Signal> {
        let own = r.id.reason.is_some() || SelfAlerts::NAMES.contains(&&*r.id.check);
        let severity = AlertState::of(&r.latches).firing().filter(|_| own)?;
        let message = match r.row.first() {
            Some((_, Value::Text(text))) => text.to_string(),
            _ => String::new(),
        };
        Some(Signal { severity, since: r.since, message })
    }
}
