//! Collections: each in a task of its own, with permits, a deadline, and a wall around its bugs.

use super::asking::Asking;
use super::guard::{caught, spawned};
use super::{Event, Events};
use crate::collectors::{self, CollectError, CollectErrorKind, Collector, Identity, Kind, Request};
use crate::core::Collect;
use crate::engine::evaluate::{CollectFailure, Evaluated, Judged, evaluate};
use crate::load;
use crate::model::Table;
use crate::telemetry::Telemetry;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::sync::{OnceCell, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

/// Requests that are out at once, to all sources together.
pub const REQUESTS_MAX: usize = 64;
/// Requests that are out to one source at once: a dead one does not take them all.
pub const REQUESTS_PER_SOURCE_MAX: usize = 8;
/// A table of more rows is judged on a thread that may be busy for long.
const ROWS_INLINE: usize = 1_000;

/// A source as the configuration has it.
pub struct SourceSpec {
    pub name: Arc<str>,
    pub kind: &'static Kind,
    /// Of its settings: a source whose fingerprint stays is kept over a reload, with its connections.
    pub fingerprint: u64,
    pub collector: Arc<dyn Collector>,
}

/// Starts collections.
pub struct Asker {
    sources: HashMap<Arc<str>, Source>,
    all: Arc<Semaphore>,
    /// Requests that are out or whose answer somebody still reads: who asks the same in the same slot shares it.
    shared: Mutex<HashMap<Identity, Weak<Answer>>>,
    tasks: JoinSet<()>,
    events: Events,
    telemetry: Telemetry,
    asking: Asking,
}

#[derive(Clone)]
struct Source {
    name: Arc<str>,
    kind: &'static Kind,
    fingerprint: u64,
    collector: Arc<dyn Collector>,
    permits: Arc<Semaphore>,
}

type Answer = OnceCell<Result<Arc<Table>, CollectError>>;

/// One collection, ready to go.
struct Job {
    collect: Collect,
    own: Ask,
    fallback: Option<Ask>,
    all: Arc<Semaphore>,
    asking: Asking,
    telemetry: Telemetry,
}

/// What one source is asked.
struct Ask {
    name: Arc<str>,
    request: Request,
    answer: Arc<Answer>,
    source: Option<Source>,
}

impl Asker {
    #[must_use]
    pub fn new(events: Events, telemetry: Telemetry) -> Asker {
        Asker {
            sources: HashMap::new(),
            all: Arc::new(Semaphore::new(REQUESTS_MAX)),
            shared: Mutex::default(),
            tasks: JoinSet::new(),
            events,
            telemetry,
            asking: Asking::default(),
        }
    }

    /// Whether requests have their turns, as it is at each moment.
    #[must_use]
    pub fn asking(&self) -> Asking {
        self.asking.clone()
    }

    /// Takes these sources for those of before. One that did not change is kept.
    pub fn adopt(&mut self, specs: Vec<SourceSpec>) {
        let mut before = std::mem::take(&mut self.sources);
        for spec in specs {
            let kept = before.remove(&spec.name).filter(|s| s.fingerprint == spec.fingerprint);
            let source = kept.unwrap_or_else(|| Source {
                name: Arc::clone(&spec.name),
                kind: spec.kind,
                fingerprint: spec.fingerprint,
                collector: spec.collector,
                permits: Arc::new(Semaphore::new(REQUESTS_PER_SOURCE_MAX)),
            });
            self.sources.insert(spec.name, source);
        }
        let gone = before.keys().filter(|name| !self.sources.contains_key(*name));
        gone.for_each(|name| self.telemetry.forget_source(name));
    }

    /// Starts these. Each ends as an [`Event::Evaluated`].
    pub fn start(&mut self, collects: Vec<Collect>) {
        while self.tasks.try_join_next().is_some() {}
        // All are made before the first is started, so that a fast answer is shared as well.
        let jobs: Vec<Job> = collects.into_iter().map(|collect| self.job(collect)).collect();
        for job in jobs {
            let events = self.events.clone();
            self.tasks.spawn(async move {
                let evaluated = job.run().await;
                // A loop that is gone needs no answer.
                let _ = events.send(Event::Evaluated(Box::new(evaluated)));
            });
        }
    }

    /// Cuts what is out.
    pub async fn stop(&mut self) {
        self.tasks.shutdown().await;
    }

    fn job(&self, collect: Collect) -> Job {
        let check = &collect.check;
        let ask = |name: &Arc<str>, settings: &Arc<_>| {
            let request = load::request(check, settings, collect.slot);
            let source = self.sources.get(name).cloned();
            let answer = source.as_ref().map_or_else(Arc::default, |source| self.answer(source, &request));
            Ask { name: Arc::clone(name), request, answer, source }
        };
        let own = ask(&check.source, &check.collect);
        let fallback = check.fallback.as_ref().map(|fallback| ask(&fallback.source, &fallback.collect));
        let (all, asking) = (Arc::clone(&self.all), self.asking.clone());
        Job { own, fallback, all, asking, telemetry: self.telemetry.clone(), collect }
    }

    /// The place of the answer to this request, which may be on its way already.
    fn answer(&self, source: &Source, request: &Request) -> Arc<Answer> {
        let identity = collectors::identity(&source.name, source.kind, request);
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answer) = shared.get(&identity).and_then(Weak::upgrade) {
            return answer;
        }
        if shared.len() == shared.capacity() {
            shared.retain(|_, answer| answer.strong_count() > 0);
        }
        let answer = Arc::new(Answer::new());
        shared.insert(identity, Arc::downgrade(&answer));
        answer
    }
}

impl Job {
    async fn run(self) -> Evaluated {
        let begun = Instant::now();
        let check = Arc::clone(&self.collect.check);
        let (fell_back, collected) = self.collected().await;
        let (slot, generation) = (self.collect.slot, self.collect.generation);
        let judged = self.judge(collected).await;
        let took = begun.elapsed();
        let outcome = match &judged {
            Judged::Failed(_) => "error",
            Judged::Rows(rows) if rows.is_unknown() => "unknown",
            Judged::Rows(rows) if rows.table.is_empty() => "empty",
            Judged::Rows(_) => "ok",
        };
        self.telemetry.evaluated(&check.name, outcome, took);
        Evaluated { check, slot, generation, took, fell_back, judged }
    }

    /// The answer of the check's own source; where it cannot be read, why, and the answer of the fallback.
    async fn collected(&self) -> (Option<CollectFailure>, Result<Arc<Table>, CollectError>) {
        let held = &self.collect.held;
        let own = self.answer_unless(held.own.as_deref(), &self.own).await;
        match (own, &self.fallback) {
            (Err(why), Some(fallback)) => {
                self.telemetry.collection_failed(&self.collect.check.name, &self.own.name, &why.message);
                (Some(failure(&why)), self.answer_unless(held.fallback.as_deref(), fallback).await)
            }
            (own, _) => (None, own),
        }
    }

    /// The answer of a source, where its breaker does not hold it.
    async fn answer_unless(&self, held: Option<&str>, ask: &Ask) -> Result<Arc<Table>, CollectError> {
        match held {
            Some(why) => Err(CollectError::unreachable(why)),
            None => self.answer(ask).await,
        }
    }

    async fn answer(&self, ask: &Ask) -> Result<Arc<Table>, CollectError> {
        let deadline = Instant::now() + self.collect.check.timeout;
        ask.answer.get_or_init(|| self.ask(ask, deadline)).await.clone()
    }

    /// Asks a source, and waits no longer than until `deadline`, for our turn or for the answer.
    async fn ask(&self, ask: &Ask, deadline: Instant) -> Result<Arc<Table>, CollectError> {
        let Some(source) = &ask.source else {
            let name = &ask.name;
            return Err(CollectError::refused(format_args!(
                "there is no source `{name}`: declare it under `sources:`"
            )));
        };
        let answer = match timeout_at(deadline, self.ask_in_turn(source, &ask.request)).await {
            Ok(answer) => answer.map(Arc::new),
            Err(_) => Err(CollectError::too_late("the collection", ask.request.timeout)),
        };
        self.telemetry.collected(&source.name, answer.as_ref().map_or_else(|e| name(e.kind), |_| "ok"));
        answer
    }

    async fn ask_in_turn(&self, source: &Source, request: &Request) -> Result<Table, CollectError> {
        // The source's own first: who waits for a dead source holds nothing that others need.
        let _own = source.permits.acquire().await.expect("the semaphore is never closed");
        let waiting = self.asking.wait();
        let _all = self.all.acquire().await.expect("the semaphore is never closed");
        waiting.ends();
        let asked = caught(source.collector.collect(request)).await;
        asked.unwrap_or_else(|panic| Err(self.bug(&format!("the collector of source `{}`", source.name), &panic)))
    }

    async fn judge(&self, collected: Result<Arc<Table>, CollectError>) -> Judged {
        let (check, slot) = (Arc::clone(&self.collect.check), self.collect.slot);
        let table = match collected {
            Ok(table) => table,
            Err(error) => return self.failed(&error),
        };
        let big = ROWS_INLINE < table.rows();
        let judging = move || evaluate(&check, slot, Ok(table));
        let judged = if big { spawned(judging).await } else { caught(async { judging() }).await };
        judged.unwrap_or_else(|panic| self.failed(&self.bug("the evaluation", &panic)))
    }

    fn failed(&self, error: &CollectError) -> Judged {
        let check = &self.collect.check;
        let asked = self.fallback.as_ref().unwrap_or(&self.own);
        self.telemetry.collection_failed(&check.name, &asked.name, &error.message);
        evaluate(check, self.collect.slot, Err(failure(error)))
    }

    fn bug(&self, what: &str, panic: &str) -> CollectError {
        self.telemetry.panicked(&format!("{what} for check `{}`", self.collect.check.name), panic);
        CollectError::refused(format_args!("a bug was caught in {what}: {panic}. Please report it"))
    }
}

fn failure(error: &CollectError) -> CollectFailure {
    let unreachable = error.kind == CollectErrorKind::Unreachable;
    CollectFailure { unreachable, message: error.message.clone(), class: error.class, retry_after: error.retry_after }
}

fn name(kind: CollectErrorKind) -> &'static str {
    match kind {
        CollectErrorKind::Unreachable => "unreachable",
        CollectErrorKind::Refused => "refused",
        CollectErrorKind::LimitPassed => "limit_passed",
    }
}

#[cfg(test)]
mod tests;
