//! `lint --online`: each query is prepared by its source, and its columns are held against the expressions.

use crate::collectors::{self, Collector};
use crate::config::{Problem, Problems, Settings};
use crate::load::{self, Config};
use crate::model::Timestamp;
use crate::rules::outline::Outline;
use crate::rules::read::Declared;
use crate::rules::{Check, Mode};
use futures_util::StreamExt;
use std::collections::HashMap;
use std::sync::Arc;

/// Sources are asked this many questions at once.
const ASKED_AT_ONCE: usize = 8;

type Sources = HashMap<Arc<str>, Arc<dyn Collector>>;

/// What the sources say of the checks.
pub(super) fn ask(config: &Config, outline: &Outline) -> Problems {
    let mut problems = Problems::new();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            problems.push(Problem::error(format!("cannot ask the sources: {error}")));
            return problems;
        }
    };
    let sources: Sources = config
        .sources
        .iter()
        .map(|source| {
            let place = collectors::Place { name: &source.name, folder: &config.folder };
            (Arc::clone(&source.name), collectors::registry::build(source.kind, &source.settings, &place))
        })
        .collect();
    let now = Timestamp::from(jiff::Timestamp::now());
    let asked = outline.checks.iter().filter_map(|declared| Some((declared, declared.check.as_deref()?)));
    let asked = asked.filter(|(_, check)| check.mode != Mode::Off);
    let found = runtime.block_on(async {
        let answers = asked.map(|(declared, check)| one(declared, check, &sources, now));
        futures_util::stream::iter(answers).buffered(ASKED_AT_ONCE).collect::<Vec<_>>().await
    });
    for problem in found.into_iter().flatten() {
        problems.push(problem);
    }
    problems
}

async fn one(declared: &Declared, check: &Check, sources: &Sources, now: Timestamp) -> Vec<Problem> {
    let place = || declared.settings.key_place("collect");
    let mut found = prepared(check, &check.source, &check.collect, sources, now, &place).await;
    if let (Some(fallback), Some(written)) = (&check.fallback, declared.settings.record("fallback")) {
        let place = || written.key_place("collect");
        found.extend(prepared(check, &fallback.source, &fallback.collect, sources, now, &place).await);
    }
    found
}

/// What one source says of what it is asked.
async fn prepared(
    check: &Check,
    name: &Arc<str>,
    collect: &Arc<Settings>,
    sources: &Sources,
    now: Timestamp,
    place: &dyn Fn() -> crate::config::Place,
) -> Vec<Problem> {
    let Some(source) = sources.get(name) else { return Vec::new() };
    match tokio::time::timeout(check.timeout, source.columns(&load::request(check, collect, now))).await {
        Ok(Ok(columns)) => {
            let found = check.compiled.check_columns(columns.iter().map(|(name, of)| (name.as_str(), *of)));
            found.into_iter().map(|problem| Problem::error(problem.to_string()).at(place())).collect()
        }
        Ok(Err(error)) => vec![Problem::error(format!("`{name}` says: {}", error.message)).at(place())],
        Err(_) => {
            let message = format!("`{name}` did not answer within {}", seconds(check.timeout));
            vec![Problem::error(message).at(place()).help("make the query faster, or raise the check's `timeout`")]
        }
    }
}

fn seconds(time: std::time::Duration) -> String {
    crate::model::time::human_duration(time.as_secs_f64())
}
