//! Asks the sources of some checks, each request once.

use crate::collectors::{self, CollectError, Collector, Identity, Place, Request};
use crate::load::{Config, SourceDecl};
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

/// What a check's source answered.
pub(super) struct Answer {
    pub check: Arc<Check>,
    pub took: Duration,
    pub table: Result<Arc<Table>, CollectError>,
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
    let all = Arc::new(Semaphore::new(ASKED_AT_ONCE));
    let mut sources: HashMap<&str, Source> = HashMap::new();
    let mut places: HashMap<Identity, usize> = HashMap::new();
    let mut out: Vec<JoinHandle<Collected>> = Vec::new();
    let mut asked = Vec::with_capacity(checks.len());
    for check in checks {
        let decl = config.sources.iter().find(|decl| decl.name == check.source);
        let decl = decl.expect("a configuration that loads has the sources that its checks name");
        let source = sources.entry(&decl.name).or_insert_with(|| build(decl, config));
        let request = request(check, now);
        let place = *places.entry(collectors::identity(&decl.name, decl.kind, &request)).or_insert_with(|| {
            out.push(tokio::spawn(one(source.clone(), request, Arc::clone(&all))));
            out.len() - 1
        });
        asked.push((Arc::clone(check), place));
    }
    let mut collected = Vec::with_capacity(out.len());
    for request in out {
        collected.push(request.await.unwrap_or_else(|panic| (Duration::ZERO, Err(bug(&panic)))));
    }
    let answer = |(check, place): (Arc<Check>, usize)| {
        let (took, table) = collected[place].clone();
        Answer { check, took, table }
    };
    asked.into_iter().map(answer).collect()
}

fn build(decl: &SourceDecl, config: &Config) -> Source {
    let place = Place { name: &decl.name, folder: &config.folder };
    let collector = collectors::registry::build(decl.kind, &decl.settings, &place);
    Source { collector, permits: Arc::new(Semaphore::new(ASKED_OF_A_SOURCE)) }
}

fn request(check: &Check, now: Timestamp) -> Request {
    Request {
        collect: Arc::clone(&check.collect),
        params: Arc::clone(&check.params),
        columns: check.columns.clone(),
        now,
        timeout: check.timeout,
        check: Arc::clone(&check.name),
    }
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
