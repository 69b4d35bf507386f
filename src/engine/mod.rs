//! THE EVALUATOR: what a table says of each key, and the life that follows from it.
//!
//! [`evaluate()`] judges a table (pure; it runs where the table was collected), [`life`] steps one latch, and
//! [`Engine`] holds the states of all checks and says what changed. It knows no clock: a slot's time is its
//! planned instant, and `now` is an argument.

mod apply;
pub mod evaluate;
pub mod life;
mod queue;
pub mod received;
mod reload;
mod report;
mod signals;
mod sources;
pub mod standing;
mod step;
mod view;

pub use evaluate::{CollectFailure, Evaluated, Judged, evaluate};
pub use received::Received;
pub use report::{CheckReport, Instance};
pub use signals::end_of;
pub use sources::SourceReport;
pub use standing::{CheckKey, Pending, Standing};
pub use view::preview;

use crate::model::alert::AlertView;
use crate::model::alert::{AlertState, Latch, Reason};
use crate::model::record::RowName;
use crate::model::{AlertId, Change, FlapRule, Key, LabelSet, Severity, Timestamp, Value};
use crate::rules::{Check, SelfAlerts};
use hashbrown::{HashMap, HashSet};
use queue::Queue;
use std::sync::Arc;

/// The columns and `let` names of a row, with their values.
pub type RowValues = Arc<[(Arc<str>, Value)]>;

/// A collection to be started: this check, for this slot.
#[derive(Clone, Debug)]
pub struct Collect {
    pub check: Arc<Check>,
    pub slot: Timestamp,
    /// The configuration's generation: an answer to an older one is thrown away and asked again.
    pub generation: u64,
    pub held: Held,
}

/// Which of a check's sources is not asked, and why: its breaker has tripped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    pub own: Option<Arc<str>>,
    pub fallback: Option<Arc<str>>,
}

/// Something that dispatch must hear of.
#[derive(Clone, Debug)]
pub enum News {
    Changed(Change),
    /// A label of a firing alert changed.
    Relabelled {
        view: Arc<AlertView>,
        at: Timestamp,
    },
    /// A pending alert is inactive again.
    PendingOver(AlertId),
    Limit {
        check: Arc<str>,
        over: bool,
    },
    Judged {
        check: Arc<str>,
        slot: Timestamp,
    },
    /// A change of a check in `shadow`: recorded, never told.
    Shadowed(Change),
}

/// The life of one key.
#[derive(Clone, Debug)]
pub struct Life {
    pub latches: [Latch; 3],
    /// When the present episode fired, or since when it is pending.
    pub since: Timestamp,
    /// The slot in which its row was first missing.
    pub absent: Option<Timestamp>,
    /// Slots in a row in which it could not be judged.
    pub unknown: u32,
    pub row: RowValues,
    pub labels: LabelSet,
}

/// An alert without rows: a check's own, or one about Bellwether itself.
#[derive(Clone, Debug)]
struct Signal {
    severity: Severity,
    since: Timestamp,
    message: String,
}

/// What is known of one check.
#[derive(Debug)]
struct CheckState {
    check: Arc<Check>,
    lives: HashMap<Key, Life>,
    last_slot: Option<Timestamp>,
    /// The slot that is being collected.
    out: Option<Timestamp>,
    /// When it is to run next; an entry of the queue that says otherwise is old.
    next: Option<Timestamp>,
    skipped: u64,
    /// Instances that fire, held ones too.
    firing: usize,
    over_limit: bool,
    report: report::Last,
    /// Of the slot that is being collected, or of the last one.
    held: Held,
}

/// How the engine is driven.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// A check that was never evaluated, or missed a slot while the daemon was down, runs at once; a collection
    /// whose source could not be reached is tried again within a minute; a source's breaker holds. A users' test has none of
    /// these.
    pub eager: bool,
}

/// Holds every check's state and says what changed.
#[derive(Debug)]
pub struct Engine {
    checks: HashMap<Arc<str>, CheckState>,
    sources: HashMap<Arc<str>, sources::SourceState>,
    breakers: sources::Breakers,
    signals: HashMap<AlertId, Signal>,
    self_alerts: SelfAlerts,
    generation: u64,
    options: Options,
    queue: Queue,
    dirty: HashSet<RowName>,
    news: Vec<News>,
}

impl Engine {
    /// What changed since the last call, in order.
    pub fn take_news(&mut self) -> Vec<News> {
        std::mem::take(&mut self.news)
    }

    /// The configuration's generation.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// When a check's alerts flap; received ones by the default. Those about Bellwether itself are told each time.
    #[must_use]
    pub fn flap_rule(&self, check: &str) -> Option<FlapRule> {
        match self.checks.get(check) {
            Some(state) => state.check.flapping,
            None => (!SelfAlerts::NAMES.contains(&check)).then_some(FlapRule::DEFAULT),
        }
    }

    /// When the next slot stands.
    #[must_use]
    pub fn next_due(&mut self) -> Option<Timestamp> {
        while let Some((at, name)) = self.queue.first() {
            if self.checks.get(name).is_some_and(|c| c.next == Some(at)) {
                return Some(at);
            }
            self.queue.pop();
        }
        None
    }

    /// Starts every slot that is due at or before `now`. One whose predecessor is still out is skipped and counted.
    pub fn due_slots(&mut self, now: Timestamp) -> Vec<Collect> {
        let mut collects = Vec::new();
        while self.next_due().is_some_and(|at| at <= now) {
            let (at, name) = self.queue.pop().expect("looked at above");
            let generation = self.generation;
            let state = self.checks.get_mut(&name).expect("next_due passes over what is gone");
            let (slot, check) = (state.start(at, now), Arc::clone(&state.check));
            if let Some(next) = state.next {
                self.queue.push(next, &name);
            }
            let Some(slot) = slot else { continue };
            let held = self.held(&name, now);
            self.checks.get_mut(&name).expect("looked up above").held = held.clone();
            let asks_nobody = held.own.is_some() && (check.fallback.is_none() || held.fallback.is_some());
            let collect = Collect { check, slot, generation, held };
            if asks_nobody { self.fail_held(collect, now) } else { collects.push(collect) }
        }
        collects
    }

    /// The state of an alert.
    #[must_use]
    pub fn state(&self, id: &AlertId) -> AlertState {
        if let Some(signal) = self.signals.get(id) {
            return AlertState::Firing(signal.severity);
        }
        let life = self.checks.get(&id.check).filter(|_| id.reason.is_none()).and_then(|c| c.lives.get(&id.key));
        life.map_or(AlertState::Inactive, |l| AlertState::of(&l.latches))
    }

    /// The last slot of a check that was judged.
    #[must_use]
    pub fn last_slot(&self, check: &str) -> Option<Timestamp> {
        self.checks.get(check)?.last_slot
    }

    /// The check's first slot at or after `t`, judged already or to come, and how long its collection may take. Slots that
    /// stand in no schedule count as well: the one of a start, and a collection that is tried again.
    #[must_use]
    pub fn slot_from(&self, check: &str, t: Timestamp) -> Option<(Timestamp, std::time::Duration)> {
        let state = self.checks.get(check)?;
        let mut known = [state.last_slot, state.out, state.next].into_iter().flatten();
        let slot = known.find(|slot| t <= *slot).or_else(|| state.check.schedule.at_or_after(t))?;
        Some((slot, state.check.longest()))
    }

    /// The slot in which a source that could not be reached once is asked again by this check, where the alert is the
    /// check's own about that; and how long it may take.
    #[must_use]
    pub fn second_try(&self, id: &AlertId, at: Timestamp) -> Option<(Timestamp, std::time::Duration)> {
        let state = self.checks.get(&id.check).filter(|_| id.reason == Some(Reason::Error))?;
        self.sources.get(&state.check.source).filter(|source| source.failures() == 1)?;
        self.slot_from(&id.check, at + std::time::Duration::from_micros(1))
    }

    /// Slots that were skipped because their predecessor was still out, over all checks.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        self.checks.values().map(|c| c.skipped).sum()
    }

    fn own(check: &Arc<str>, reason: Reason) -> AlertId {
        AlertId { check: Arc::clone(check), reason: Some(reason), key: Key::default() }
    }
}

impl CheckState {
    fn new(check: Arc<Check>) -> CheckState {
        CheckState {
            check,
            lives: HashMap::new(),
            last_slot: None,
            out: None,
            next: None,
            skipped: 0,
            firing: 0,
            over_limit: false,
            report: report::Last::default(),
            held: Held::default(),
        }
    }

    /// Takes the slot planned at `at`, or the latest that has passed since; `None` where it is skipped.
    fn start(&mut self, at: Timestamp, now: Timestamp) -> Option<Timestamp> {
        let schedule = &self.check.schedule;
        let latest = schedule.before(now + std::time::Duration::from_micros(1)).filter(|s| at < *s);
        let slot = latest.unwrap_or(at);
        self.next = schedule.after(slot.max(at));
        if latest.is_some() {
            // The clock jumped, or the machine slept: what lies between is not made up for.
            self.skipped += 1;
        }
        if self.out.is_some() {
            self.skipped += 1;
            return None;
        }
        self.out = Some(slot);
        Some(slot)
    }
}
