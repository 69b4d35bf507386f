//! The loop.

mod asked;
pub mod drill;
mod orders;
mod v2;

use super::ask::Asker;
use super::handle::{Inbox, Question};
use super::heartbeat::Heartbeat;
use super::keeper::{Keeper, Outcome, Promise};
use super::reload::{LoadResult, Reloads};
use super::signals::Signal;
use super::silences;
use super::tell::{Sent, Teller};
use super::views::{ConfigStatus, Instant as Shown, Reloaded, Status, StoreStatus};
use super::{Clock, Event, Loaded, Options, answer, watch};
use crate::core::{Core, Input, Options as CoreOptions, Send as Outgoing};
use crate::model::record::{Entry, Phase, Row, Write};
use crate::model::{AlertState, Timestamp};
use crate::store::StoreError;
use crate::telemetry::{BreakerState, Telemetry};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

/// The loop looks at the clock at least this often: a system clock that was set must not be noticed late.
const WAKE: Duration = Duration::from_secs(5);
/// A core that always has something due, and does nothing about it, must not keep a processor busy.
const IDLE_MIN: Duration = Duration::from_millis(1);
/// Events taken into one turn.
const EVENTS_MAX: usize = 1_024;
/// How long a stop waits for sends that are out.
const STOP_PATIENCE: Duration = Duration::from_secs(10);
/// How often old history is dropped.
const PRUNE_EVERY: Duration = Duration::from_hours(1);

/// The loop's state.
pub struct Daemon {
    core: Core,
    clock: Box<dyn Clock>,
    asker: Asker,
    teller: Teller,
    keeper: Keeper<Outgoing>,
    reloads: Reloads,
    heartbeat: Heartbeat,
    events: mpsc::UnboundedReceiver<Event>,
    inbox: Inbox,
    signals: mpsc::Receiver<Signal>,
    changed: mpsc::Receiver<()>,
    telemetry: Telemetry,
    known: Known,
    /// Answers that wait until the next turn is durable.
    promises: Vec<Promise>,
    drills: drill::Waiting,
    keep: Duration,
    /// The last turn had something to do.
    busy: bool,
    chores_at: Instant,
    prune_at: Instant,
    /// Set by a signal: until when sends that are out are waited for. No slot starts any more.
    stop_at: Option<Instant>,
    /// What is to be noted in the history with the next turn.
    notes: Vec<Write>,
}

/// What is only shown.
struct Known {
    started: Timestamp,
    loaded: Timestamp,
    rejected: Option<String>,
    store_failing: Option<String>,
    checks: HashSet<Arc<str>>,
    skipped: u64,
}

/// What ended the wait.
enum Woken {
    Events(Vec<Event>),
    Store(super::keeper::Report),
    Question(Question),
    Signal(Signal),
    FilesChanged,
    Time,
}

impl Daemon {
    /// Opens the store, takes up what it kept, and makes everything ready.
    pub fn start(options: Options) -> Result<Daemon, StoreError> {
        let Options { loaded, loader, folder, fingerprint, store, mut clock, inbox, signals, telemetry, seed } =
            options;
        let (keeper, saved, why) = Keeper::start(store, telemetry.clone())?;
        let now = clock.now();
        let is_firing = |row: &&Row| matches!(row, Row::Subject(subject) if subject.phase == Phase::Firing);
        let firing = saved.rows.iter().filter(is_firing).count();
        let (sender, events) = mpsc::unbounded_channel();
        let core = Core::new(loaded.core.clone(), saved, now, CoreOptions { seed, eager: true });
        let known = Known {
            started: now,
            loaded: now,
            rejected: None,
            store_failing: why.clone(),
            checks: HashSet::new(),
            skipped: 0,
        };
        let asker = Asker::new(sender.clone(), telemetry.clone());
        let mut daemon = Daemon {
            core,
            clock,
            heartbeat: Heartbeat::new(inbox.pulse.clone(), asker.asking(), telemetry.clone()),
            asker,
            teller: Teller::new(sender.clone(), telemetry.clone()),
            keeper,
            reloads: Reloads::new(loader, sender),
            events,
            inbox,
            signals,
            changed: watch::start(folder, loaded.fingerprint, fingerprint, telemetry.clone()),
            telemetry,
            known,
            promises: Vec::new(),
            drills: drill::Waiting::default(),
            keep: loaded.keep,
            busy: true,
            chores_at: Instant::now(),
            prune_at: Instant::now(),
            stop_at: None,
            notes: Vec::new(),
        };
        daemon.heartbeat.store_writes(why.is_none());
        daemon.telemetry.started(loaded.core.checks.len(), firing, env!("CARGO_PKG_VERSION"));
        daemon.note(now, concat!("Bellwether ", env!("CARGO_PKG_VERSION"), " started"));
        daemon.adopt(loaded, now);
        daemon.turn(why.into_iter().map(|why| Input::StoreFailed { why }).collect());
        Ok(daemon)
    }

    /// Turns until it is told to stop, and then until nothing is out, or patience ends.
    pub async fn run(mut self) {
        while !self.is_done() {
            let woken = self.wait().await;
            let mut inputs = self.inputs(woken);
            inputs.extend(self.due());
            self.turn(inputs);
        }
        self.asker.stop().await;
        if !self.keeper.stop().await {
            self.telemetry.store_failed("the store did not end in time: what it was told last may be lost", true);
        }
    }

    fn is_done(&self) -> bool {
        self.stop_at.is_some_and(|at| self.teller.in_flight() == 0 || at <= Instant::now())
    }

    async fn wait(&mut self) -> Woken {
        let wake = self.next_wake();
        let mut events = Vec::new();
        tokio::select! {
            biased;
            Some(signal) = self.signals.recv() => Woken::Signal(signal),
            report = self.keeper.report() => Woken::Store(report),
            Some(question) = self.inbox.questions.recv() => Woken::Question(question),
            _ = self.events.recv_many(&mut events, EVENTS_MAX) => Woken::Events(events),
            Some(()) = self.changed.recv() => Woken::FilesChanged,
            () = sleep_until(wake) => Woken::Time,
        }
    }

    fn next_wake(&mut self) -> Instant {
        let (now, clock) = (Instant::now(), self.clock.now());
        let due = self.core.next_due().map_or(WAKE, |due| due.since(clock)).min(WAKE);
        let due = now + if self.busy { due } else { due.max(IDLE_MIN) };
        [self.keeper.next_due(), self.stop_at].into_iter().flatten().fold(due, Instant::min)
    }

    /// What this means to the core.
    fn inputs(&mut self, woken: Woken) -> Vec<Input> {
        match woken {
            Woken::Events(events) => events.into_iter().map(|event| self.hear(event)).collect(),
            Woken::Store(report) => {
                let outcome = self.keeper.hear(report);
                self.heed(outcome).into_iter().collect()
            }
            Woken::Time => Vec::new(),
            Woken::Question(question) => self.answer(question).into_iter().collect(),
            Woken::Signal(Signal::Stop(name)) => {
                self.stop(name);
                Vec::new()
            }
            Woken::Signal(Signal::Reload) | Woken::FilesChanged => {
                self.reloads.ask(None);
                Vec::new()
            }
        }
    }

    /// What the time asks for, however busy the loop is.
    fn due(&mut self) -> Option<Input> {
        let at = Instant::now();
        if self.chores_at <= at {
            self.chores_at = at + WAKE;
            self.chores();
        }
        if self.keeper.next_due().is_none_or(|due| at < due) {
            return None;
        }
        let (core, now) = (&self.core, self.clock.now());
        let outcome = self.keeper.tick(|| core.snapshot(now));
        self.heed(outcome)
    }

    fn hear(&mut self, event: Event) -> Input {
        match event {
            Event::Evaluated(evaluated) => Input::Evaluated(evaluated),
            Event::Sent(Sent { notification, attempt, took, delivery }) => {
                self.teller.ended();
                self.telemetry.delivered(&notification, attempt, &delivery, self.clock.now());
                Input::Delivered { id: Arc::clone(&notification.id), took, delivery }
            }
            Event::Loaded(loaded) => self.loaded(loaded.and_then(|loaded| self.with_a_check(loaded))),
        }
    }

    /// A reload that takes the last check away would end every alert: more likely a folder is gone or was moved.
    fn with_a_check(&self, loaded: Box<Loaded>) -> LoadResult {
        let had = self.known.checks.len();
        if loaded.core.checks.is_empty() && 0 < had {
            return Err(format!(
                "the configuration has no check any more, and had {had}: what fires would be told as ended. Put the files \
                 of `checks:` back; to go on with none, start the daemon again"
            ));
        }
        Ok(loaded)
    }

    /// Takes up the configuration that was read, or says why not.
    fn loaded(&mut self, loaded: LoadResult) -> Input {
        match loaded {
            Ok(loaded) => {
                let now = self.clock.now();
                let core = Box::new(loaded.core.clone());
                self.note(now, "a changed configuration was taken up");
                self.reloads.ended(&Ok(Reloaded { checks: core.checks.len() }));
                self.adopt(*loaded, now);
                Input::Reload(core)
            }
            Err(why) => {
                self.telemetry.reload_rejected(&why);
                self.reloads.ended(&Err(why.clone()));
                self.known.rejected = Some(why.clone());
                Input::ReloadRejected { why }
            }
        }
    }

    /// What the core does about it, and what follows.
    fn turn(&mut self, inputs: Vec<Input>) {
        let had = inputs.len();
        let now = self.clock.now();
        let turn = self.core.handle(now, inputs);
        turn.changes.iter().for_each(|change| self.telemetry.changed(change));
        self.busy = 0 < had + turn.writes.len() + turn.sends.len() + turn.collects.len();
        let mut writes = turn.writes;
        self.telemetry.noted(&writes);
        writes.append(&mut self.notes); // these the log has already
        let ready = self.keeper.keep(writes, turn.sends);
        self.keeper.promise(std::mem::take(&mut self.promises));
        self.end_drills();
        self.teller.start(ready);
        if self.stop_at.is_none() {
            self.asker.start(turn.collects);
        }
        self.inbox.pulse.beat();
    }

    /// Notes something about Bellwether itself, for whoever reads an alert's life later.
    fn note(&mut self, at: Timestamp, text: &str) {
        self.notes.push(Write::Append(Box::new(Entry::Note { at, text: text.to_owned() })));
    }

    /// Takes the outer half of a configuration; the inner half goes to the core.
    fn adopt(&mut self, loaded: Loaded, now: Timestamp) {
        let checks: HashSet<Arc<str>> = loaded.core.checks.iter().map(|c| Arc::clone(&c.name)).collect();
        self.telemetry.forget_checks(self.known.checks.difference(&checks));
        self.telemetry.reloaded(now, checks.len());
        if let Some(why) = loaded.core.dispatch.nobody_is_told() {
            self.telemetry.nobody_is_told(&why);
        }
        self.asker.adopt(loaded.sources);
        self.teller.adopt(loaded.channels);
        self.heartbeat.adopt(loaded.heartbeat);
        self.keep = loaded.keep;
        self.known.checks = checks;
        (self.known.loaded, self.known.rejected) = (now, None);
    }

    /// Does what the keeper says, and says what that means to the core.
    fn heed(&mut self, outcome: Outcome<Outgoing>) -> Option<Input> {
        self.teller.start(outcome.sends);
        self.heartbeat.store_writes(!self.keeper.is_failing());
        if let Some(why) = outcome.failed {
            self.known.store_failing = Some(why.clone());
            return Some(Input::StoreFailed { why });
        }
        outcome.recovered.then(|| {
            self.known.store_failing = None;
            Input::StoreRecovered
        })
    }

    /// What is done every few seconds.
    fn chores(&mut self) {
        if let Some(what) = self.clock.jumped() {
            self.telemetry.clock_jumped(&what);
        }
        self.telemetry.clock_offset(self.clock.offset());
        if self.prune_at <= Instant::now() {
            self.prune_at = Instant::now() + PRUNE_EVERY;
            self.keeper.prune(self.clock.now(), self.keep);
        }
        let skipped = self.core.engine.skipped();
        // A check that is gone takes its count with it.
        self.telemetry.slots_skipped(skipped.saturating_sub(self.known.skipped));
        self.known.skipped = skipped;
    }

    fn stop(&mut self, name: &str) {
        self.telemetry.stopping(name, self.teller.in_flight());
        let now = self.clock.now();
        self.note(now, "Bellwether stopped");
        self.stop_at.get_or_insert_with(|| Instant::now() + STOP_PATIENCE);
        self.inbox.questions.close();
    }

    /// Answers a question, or says what it means to the core. Who asked may have gone away.
    fn answer(&mut self, question: Question) -> Option<Input> {
        match question {
            Question::Alerts(filter, reply) => drop(reply.send(answer::alerts(&self.core, &filter))),
            Question::Undelivered(window, reply) => {
                drop(reply.send(answer::undelivered(&self.core, window, self.clock.now())));
            }
            Question::Checks(filter, reply) => drop(reply.send(answer::checks(&self.core, &filter))),
            Question::Status(reply) => {
                let status = self.status();
                drop(reply.send(status));
            }
            Question::Find(named, reply) => self.find(named, reply),
            Question::Why(alert, filter, reply) => self.why(&alert, filter, reply),
            Question::Gauges(reply) => {
                self.gauges();
                let _ = reply.send(());
            }
            Question::Reload(reply) => self.reloads.ask(Some(reply)),
            Question::Silences(filter, reply) => {
                drop(reply.send(silences::list(&self.core, &filter, self.clock.now())));
            }
            Question::PutSilence(request, reply) => return self.put_silence(*request, reply),
            Question::ExpireSilence(id, reply) => return self.expire_silence(id, reply),
            Question::ResetBreaker(name, reply) => return self.reset_breaker(&name, reply),
            Question::Drill(wish, reply) => return self.order_drill(&wish, reply),
            Question::V2(ask) => return self.answer_v2(ask),
        }
        None
    }

    fn gauges(&mut self) {
        self.telemetry.alerts(self.core.counts());
        for channel in self.core.dispatch.channel_reports(self.clock.now()) {
            let state = BreakerState::from_name(channel.breaker);
            self.telemetry.channel(&channel.channel, state, channel.undelivered, &channel.classes);
        }
        for source in self.core.engine.source_reports(self.clock.now()) {
            self.telemetry.source(&source.source, BreakerState::from_name(source.breaker), &source.classes);
        }
    }

    fn status(&mut self) -> Status {
        let now = self.clock.now();
        let counts = self.core.counts();
        let sum = |of: fn(AlertState) -> bool| counts.iter().filter(|(s, _)| of(*s)).map(|(_, n)| n).sum();
        Status {
            version: env!("CARGO_PKG_VERSION"),
            started: Shown(self.known.started),
            now: Shown(now),
            checks: self.known.checks.len(),
            firing: sum(|s| matches!(s, AlertState::Firing(_))),
            pending: sum(|s| matches!(s, AlertState::Pending(_))),
            config: ConfigStatus { rejected: self.known.rejected.clone(), loaded: Shown(self.known.loaded) },
            store: StoreStatus { failing: self.known.store_failing.clone() },
            sources: answer::sources(&self.core, now),
            channels: answer::channels(&self.core, now),
        }
    }
}
