//! Asks the sources of some checks, each request once.

use crate::collectors::{self, CollectError, Collector, Identity, Place, Request};
use crate::config::Settings;
use crate::load::{self, Config, SourceDecl};
use crate::model::{Table, Timestamp};
use crate::rules::Check;
use crate::runtime;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

/// Requests that are out at once.
const ASKED_AT_ONCE: usize = 64;
/// Requests that are out to one source at once.
const ASKED_OF_A_SOURCE: usize = 8;

/// What a check's source answered, or its fallback's.
pub(super) struct Answer {
    pub check: Arc<Check>,
    pub took: Duration,
    pub table: Result<Arc<Table>, CollectError>,
    /// Why the check's own source gave no answer, where its fallback was asked.
    pub fell_back: Option<CollectError>,
}

/// A source that some check asks.
#[derive(Clone)]
struct Source {
    collector: Arc<dyn Collector>,
    permits: Arc<Semaphore>,
}

type Collected = (Duration, Result<Arc<Table>, CollectError>);

/// The answers to these checks as of `now`, in their order.
pub(super) fn ask(config: &Config, checks: &[Arc<Check>], now: Timestamp) -> Result<Vec<Answer>, String> {
    runtime::block_on(collect(config, checks, now))
}

async fn collect(config: &Config, checks: &[Arc<Check>], now: Timestamp) -> Vec<Answer> {
    let mut asker = Asker { config, now, all: Arc::new(Semaphore::new(ASKED_AT_ONCE)), sources: HashMap::new() };
    let own = checks.iter().map(|check| (check, &check.source, &check.collect));
    let mut answers: Vec<Answer> = Vec::with_capacity(checks.len());
    for (check, (took, table)) in checks.iter().zip(asker.round(own).await) {
        answers.push(Answer { check: Arc::clone(check), took, table, fell_back: None });
    }
    let fallbacks = checks.iter().zip(&answers).filter(|(_, answer)| answer.table.is_err());
    let fallbacks: Vec<_> = fallbacks.filter_map(|(check, _)| Some((check, check.fallback.as_ref()?))).collect();
    let asked = fallbacks.iter().map(|(check, fallback)| (*check, &fallback.source, &fallback.collect));
    let mut seconds = asker.round(asked).await.into_iter();
    for answer in answers.iter_mut().filter(|answer| answer.table.is_err() && answer.check.fallback.is_some()) {
        let (took, table) = seconds.next().expect("each of these was asked above");
        answer.took += took;
        answer.fell_back = std::mem::replace(&mut answer.table, table).err();
    }
    answers
}

/// Asks sources, each request of a round once.
struct Asker<'a> {
    config: &'a Config,
    now: Timestamp,
    all: Arc<Semaphore>,
    sources: HashMap<Arc<str>, Source>,
}

impl Asker<'_> {
    /// The answers, in the order of what is asked: a check, a source, and what that is asked.
    async fn round<'c>(
        &mut self,
        asks: impl Iterator<Item = (&'c Arc<Check>, &'c Arc<str>, &'c Arc<Settings>)>,
    ) -> Vec<Collected> {
        let mut places: HashMap<Identity, usize> = HashMap::new();
        let mut out: Vec<JoinHandle<Collected>> = Vec::new();
        let mut asked = Vec::new();
        for (check, name, collect) in asks {
            let decl = self.config.sources.iter().find(|decl| decl.name == *name);
            let decl = decl.expect("a configuration that loads has the sources that its checks name");
            let config = self.config;
            let source = self.sources.entry(Arc::clone(name)).or_insert_with(|| build(decl, config)).clone();
            let request = load::request(check, collect, self.now);
            let all = Arc::clone(&self.all);
            asked.push(*places.entry(collectors::identity(name, decl.kind, &request)).or_insert_with(|| {
                out.push(tokio::spawn(one(source, request, all)));
                out.len() - 1
            }));
        }
        let mut collected = Vec::with_capacity(out.len());
        for request in out {
            collected.push(request.await.unwrap_or_else(|panic| (Duration::ZERO, Err(bug(&panic)))));
        }
        asked.into_iter().map(|place| collected[place].clone()).collect()
    }
}

fn build(decl: &SourceDecl, config: &Config) -> Source {
    let place = Place { name: &decl.name, folder: &config.folder };
    let collector = collectors::registry::build(decl.kind, &decl.settings, &place);
    Source { collector, permits: Arc::new(Semaphore::new(ASKED_OF_A_SOURCE)) }
}

/// One request. Its time begins once it is its turn: nobody waits for `eval` but who called it.
async fn one(source: Source, request: Request, all: Arc<Semaphore>) -> Collected {
    // The source's own first: who waits for a slow source holds nothing that others need.
    let _own = source.permits.acquire().await.expect("the semaphore is never closed");
    let _all = all.acquire().await.expect("the semaphore is never closed");
    let begun = Instant::now();
    let table = match tokio::time::timeout(request.timeout, source.collector.collect(&request)).await {
        Ok(table) => table.map(Arc::new),
        Err(_) => Err(CollectError::too_late("the collection", request.timeout)),
    };
    (begun.elapsed(), table)
}

fn bug(panic: &tokio::task::JoinError) -> CollectError {
    CollectError::refused(format_args!("a bug was met in the source: {panic}. Please report it"))
}
