//! `(now, Input) → Turn`: the body of the loop.
//!
//! One owner of all state, and no clock, socket, `await` or log. `run`, the users' tests, the simulation and every
//! replay drive this very thing.

mod breakers;
mod reach;

use crate::dispatch::{self, Dispatch, Health, Wait};
use crate::engine::{self, Engine, Evaluated, Received};
use crate::model::alert::AlertView;
use crate::model::breaker::BreakerRules;
use crate::model::record::{Entry, Phase, Row, Saved, Write};
use crate::model::{AlertId, AlertState, Change, ChangeKind, Delivery, Incoming, Key, LabelSet, Silence, Timestamp};
use crate::rules::{Check, SelfAlerts};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

pub use crate::dispatch::drill::{Drill, DrillLeg, DrillOrder};
pub use crate::dispatch::silence::{Refusal as SilenceRefusal, Wish as SilenceWish};
pub use crate::dispatch::{
    Send,
    outlook::{Flaps, Knows, Led, Outlook},
    report::ChannelReport,
};
pub use crate::engine::received::RESOLVE_TIMEOUT;
pub use crate::engine::{Collect, Held, SourceReport, Standing};
pub use reach::Reach;

/// What routes are made of, for whoever shows them.
pub mod routes {
    pub use crate::dispatch::{Config, GroupBy, Route};
}

/// A new alert waits for a parent's next slot only where that comes within this.
pub const PARENT_WAIT_MAX: Duration = Duration::from_mins(2);

/// What a configuration says to the core.
#[derive(Clone, Debug, Default)]
pub struct CoreConfig {
    pub checks: Vec<Arc<Check>>,
    /// The breakers of the sources; one that is not here has the usual rules.
    pub sources: Vec<(Arc<str>, BreakerRules)>,
    pub dispatch: dispatch::Config,
    pub self_alerts: SelfAlerts,
}

/// How the core is driven.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Seeds the jitter of backoff, and makes ids unique over restarts.
    pub seed: u64,
    /// See [`engine::Options::eager`].
    pub eager: bool,
}

/// What enters the core.
#[derive(Debug)]
pub enum Input {
    Evaluated(Box<Evaluated>),
    Delivered {
        id: Arc<str>,
        took: Duration,
        delivery: Delivery,
    },
    Reload(Box<CoreConfig>),
    ReloadRejected {
        why: String,
    },
    StoreFailed {
        why: String,
    },
    /// A silence was made or edited: as [`Core::grant_silence`] gave it.
    Silence(Box<Silence>),
    /// Somebody ends a silence that was made. One that is unknown or over stays as it is.
    ExpireSilence {
        id: Arc<str>,
    },
    StoreRecovered,
    /// Somebody has what has this name tried at once: a channel, a source.
    ResetBreaker(Arc<str>),
    /// A marked message is to go through the routes and channels now.
    Drill(Box<DrillOrder>),
    /// Alerts that others sent us.
    Received(Vec<Incoming>),
}

/// What leaves it: what to keep, and then what to do.
#[derive(Debug, Default)]
pub struct Turn {
    /// One transaction; durable before `sends` start.
    pub writes: Vec<Write>,
    pub sends: Vec<Send>,
    pub collects: Vec<Collect>,
    /// For those who watch: what changed, told or not.
    pub changes: Vec<Change>,
}

/// Everything Bellwether believes, and what it is going to do about it.
#[derive(Debug)]
pub struct Core {
    pub engine: Engine,
    pub received: Received,
    pub dispatch: Dispatch,
    /// Alerts that are pending or firing, in the order of identities, and whether they fire: what lists are made of.
    active: BTreeMap<AlertId, bool>,
    changes: Vec<Change>,
    history: Vec<Entry>,
}

impl Core {
    /// Takes up what was kept.
    #[must_use]
    pub fn new(config: CoreConfig, saved: Saved, now: Timestamp, options: Options) -> Core {
        let (mut engine_rows, mut received_rows, mut dispatch_rows) = (Vec::new(), Vec::new(), Vec::new());
        for row in saved.rows {
            match row {
                Row::Life(_) | Row::Check(_) | Row::Source(_) => engine_rows.push(row),
                Row::Received(record) => received_rows.push(*record),
                other => dispatch_rows.push(other),
            }
        }
        let engine_options = engine::Options { eager: options.eager };
        let received = Received::new(received_rows, now);
        // The two halves know nothing of each other yet: each is taken up on a thread of its own.
        let (engine, active, mut dispatch) = std::thread::scope(|scope| {
            let dispatch = scope.spawn(|| Dispatch::new(config.dispatch, dispatch_rows, now, options.seed));
            let mut engine = Engine::new(config.checks, config.self_alerts, engine_rows, now, engine_options);
            engine.take_breakers(&config.sources, now);
            let active = engine.active();
            (engine, active, dispatch.join().expect("its panic is ours"))
        });
        for (phase, view) in active {
            dispatch.active(&view, phase, now);
        }
        for view in received.views() {
            dispatch.active(view, Phase::Firing, now);
        }
        let mut core =
            Core { engine, received, dispatch, active: BTreeMap::new(), changes: Vec::new(), history: Vec::new() };
        core.list();
        // This configuration loaded, and this store was read: what was wrong with either before is over.
        for over in ["config-rejected", "store-failing"] {
            core.engine.clear_self(over, Key::default(), now);
        }
        core.pass_on(now);
        for view in core.dispatch.orphans() {
            core.tell(&engine::end_of(view, now));
        }
        core.pass_on(now);
        core
    }

    /// Takes these in, then does everything that is due.
    ///
    /// At one instant slots come before timers: where slots begin now, timers wait for the next call.
    pub fn handle(&mut self, now: Timestamp, inputs: impl IntoIterator<Item = Input>) -> Turn {
        self.dispatch.pass(now);
        for input in inputs {
            self.take(now, input);
            self.pass_on(now);
        }
        self.received.expire(now);
        self.pass_on(now);
        let collects = self.engine.due_slots(now);
        self.pass_on(now);
        let sends = if collects.is_empty() { self.advance(now) } else { Vec::new() };
        let mut writes = self.engine.take_writes();
        writes.extend(self.received.take_writes());
        writes.extend(self.dispatch.take_writes(now));
        let history = std::mem::take(&mut self.history).into_iter().chain(self.dispatch.take_history());
        writes.extend(history.map(|entry| Write::Append(Box::new(entry))));
        Turn { writes, sends, collects, changes: std::mem::take(&mut self.changes) }
    }

    /// When [`Core::handle`] wants to be called next, if nothing enters before.
    #[must_use]
    pub fn next_due(&mut self) -> Option<Timestamp> {
        let due = [self.engine.next_due(), self.received.next_due(), self.dispatch.next_due()];
        due.into_iter().flatten().min()
    }

    /// Everything that is to be kept, anew: for a store that failed and is back.
    #[must_use]
    pub fn snapshot(&self, now: Timestamp) -> Vec<Write> {
        let mut writes = self.engine.snapshot();
        writes.extend(self.received.snapshot());
        writes.extend(self.dispatch.snapshot(now));
        writes
    }

    /// The silence that a wish comes to, for [`Input::Silence`]. Nothing has changed yet.
    ///
    /// # Errors
    /// Why it cannot be, and what to do instead.
    pub fn grant_silence(&mut self, wish: SilenceWish, now: Timestamp) -> Result<Silence, SilenceRefusal> {
        let id = self.dispatch.new_silence_id(now);
        self.dispatch.silences().grant(wish, id, now)
    }

    /// Where an alert stands, ours or received; `None` where it is not known (any more).
    #[must_use]
    pub fn standing(&self, id: &AlertId) -> Option<Standing> {
        if !id.is_received() {
            return self.engine.standing(id);
        }
        Some(Standing::received(self.brief(id)?.0, &*self.view(id)?))
    }

    fn take(&mut self, now: Timestamp, input: Input) {
        match input {
            Input::Evaluated(evaluated) => self.engine.apply(&evaluated, now),
            Input::Delivered { id, took, delivery } => self.dispatch.answered(&id, &delivery, took, now),
            Input::Reload(config) => {
                self.engine.reload(config.checks, config.self_alerts, now);
                self.engine.take_breakers(&config.sources, now);
                self.dispatch.reload(config.dispatch, now);
                self.engine.clear_self("config-rejected", Key::default(), now);
                self.list();
            }
            Input::ReloadRejected { why } => self.engine.raise_self("config-rejected", Key::default(), why, now),
            Input::StoreFailed { why } => self.engine.raise_self("store-failing", Key::default(), why, now),
            Input::Silence(silence) => self.dispatch.silence(*silence, now),
            Input::ResetBreaker(name) => self.reset_breaker(&name, now),
            Input::ExpireSilence { id } => self.dispatch.expire_silence(&id, now),
            Input::Drill(order) => self.dispatch.drill(&order, now),
            Input::StoreRecovered => self.engine.clear_self("store-failing", Key::default(), now),
            Input::Received(alerts) => {
                let dispatch = &self.dispatch;
                self.received.take(alerts, now, &|id| dispatch.ended_at(id));
            }
        }
    }

    fn advance(&mut self, now: Timestamp) -> Vec<Send> {
        let (engine, received) = (&self.engine, &self.received);
        self.dispatch.advance(now, &|id: &AlertId| view(engine, received, id))
    }

    /// Every alert that is pending or firing, ours or received, in the order of identities.
    pub fn active(&self) -> impl ExactSizeIterator<Item = &AlertId> {
        self.active.keys()
    }

    /// Every alert that fires, in that order.
    pub fn firing(&self) -> impl Iterator<Item = &AlertId> {
        self.active.iter().filter_map(|(id, fires)| fires.then_some(id))
    }

    /// The state and the labels of an active alert, without rendering its words; its label `severity` may be an older one.
    #[must_use]
    pub fn brief(&self, id: &AlertId) -> Option<(AlertState, LabelSet)> {
        if !id.is_received() {
            return self.engine.brief(id);
        }
        self.received.view(id).map(|view| (AlertState::Firing(view.severity), view.labels.clone()))
    }

    /// How many alerts, ours and received, are in each state that is not inactive.
    #[must_use]
    pub fn counts(&self) -> Vec<(AlertState, usize)> {
        let mut counts = self.engine.counts();
        for state in self.received.views().map(|view| AlertState::Firing(view.severity)) {
            match counts.iter_mut().find(|(s, _)| *s == state) {
                Some((_, count)) => *count += 1,
                None => counts.push((state, 1)),
            }
        }
        counts
    }

    /// Makes the list of active alerts anew.
    fn list(&mut self) {
        let received = self.received.views().map(|view| (view.id.clone(), true));
        self.active = self.engine.active_ids().chain(received).collect();
    }

    /// The view of an active alert, ours or received.
    #[must_use]
    pub fn view(&self, id: &AlertId) -> Option<Arc<AlertView>> {
        view(&self.engine, &self.received, id)
    }

    /// Carries what the evaluator says to dispatch, and what dispatch says of its channels back.
    fn pass_on(&mut self, now: Timestamp) {
        loop {
            let mut news = self.engine.take_news();
            news.extend(self.received.take_news());
            let health = self.dispatch.take_health();
            if news.is_empty() && health.is_empty() {
                return;
            }
            for item in news {
                self.hear(item);
            }
            for item in health {
                self.hear_health(item, now);
            }
        }
    }

    fn hear(&mut self, news: engine::News) {
        match news {
            engine::News::Changed(change) => self.tell(&change),
            engine::News::Shadowed(change) => self.note(&change),
            engine::News::Relabelled { view, at } => self.dispatch.relabelled(&view, at),
            engine::News::PendingOver(id) => {
                self.active.remove(&id);
                self.dispatch.forget_pending(&id);
            }
            engine::News::Limit { check, over } => self.dispatch.limit(&check, over),
            engine::News::Judged { check, slot } => self.dispatch.judged(&check, slot),
        }
    }

    fn tell(&mut self, change: &Change) {
        // What others send depends on no check, whatever it is called.
        let new = change.kind == ChangeKind::Fired && !change.view.id.is_received();
        let waits = if new { self.waits(change) } else { Vec::new() };
        let flap = self.engine.flap_rule(&change.view.id.check);
        self.dispatch.changed(change, waits, flap);
        self.note(change);
    }

    fn note(&mut self, change: &Change) {
        let id = &change.view.id;
        let fires = !matches!(change.kind, ChangeKind::Pending | ChangeKind::Resolved);
        // One that ended may be pending again already.
        if change.kind == ChangeKind::Resolved && self.engine.state(id) == AlertState::Inactive {
            self.active.remove(id);
        } else {
            self.active.insert(id.clone(), fires);
        }
        self.changes.push(change.clone());
        self.history.push(Entry::Change(change.clone()));
    }

    /// The parents' slots that a new alert waits for: each one's next, its own instant included, where that comes
    /// soon and has not been judged.
    fn waits(&self, change: &Change) -> Vec<Wait> {
        let parents = self.dispatch.parents(&change.view.labels);
        let wait = |parent: Arc<str>| {
            let (slot, timeout) = self.engine.slot_from(&parent, change.at)?;
            let soon = slot.since(change.at) <= PARENT_WAIT_MAX;
            let judged = self.engine.last_slot(&parent).is_some_and(|last| slot <= last);
            // A parent that does not answer in its time is not waited for any longer.
            let until = slot + timeout + Duration::from_secs(5);
            (soon && !judged).then_some(Wait { parent, slot, until })
        };
        let second = self.engine.second_try(&change.view.id, change.at).map(|(slot, timeout)| Wait {
            parent: Arc::clone(&change.view.id.check),
            slot,
            until: slot + timeout + Duration::from_secs(5),
        });
        let second = second.filter(|wait| wait.slot.since(change.at) <= PARENT_WAIT_MAX);
        parents.into_iter().filter_map(wait).chain(second).collect()
    }

    fn hear_health(&mut self, health: Health, now: Timestamp) {
        let key = |channel: &Arc<str>| Key::one("channel", channel);
        match health {
            Health::Down { channel, why } => self.engine.raise_self("channel-down", key(&channel), why, now),
            Health::Up { channel, note } => self.engine.end_self("channel-down", key(&channel), note, now),
        }
    }
}

fn view(engine: &Engine, received: &Received, id: &AlertId) -> Option<Arc<AlertView>> {
    if id.is_received() { received.view(id) } else { engine.view(id) }
}
