//! `lint --online`: each query is prepared by its source, and its columns are held against the expressions.

use super::cost::{self, Cost};
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
#[derive(Default)]
pub(super) struct Found {
    pub problems: Problems,
    /// Of the checks whose source can tell.
    pub costs: Vec<Cost>,
}

/// Asks the sources of all checks that are not off.
pub(super) fn ask(config: &Config, outline: &Outline) -> Found {
    let mut found = Found::default();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            found.problems.push(Problem::error(format!("cannot ask the sources: {error}")));
            return found;
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
    let planned = load::in_shared_slots(&config.checks, &config.sources);
    let asked = outline.checks.iter().filter_map(|declared| Some((declared, declared.check.as_deref()?)));
    let asked: Vec<(&Declared, &Check)> = asked.filter(|(_, check)| check.mode != Mode::Off).collect();
    let answers = runtime.block_on(async {
        let answers = asked.iter().map(|(declared, check)| one(declared, check, &sources, now));
        futures_util::stream::iter(answers).buffered(ASKED_AT_ONCE).collect::<Vec<_>>().await
    });
    for ((declared, check), (problems, bytes)) in asked.into_iter().zip(answers) {
        let is_right = problems.is_empty();
        for problem in problems {
            found.problems.push(problem);
        }
        if is_right && bytes.is_none() && declared.settings.has("budget") {
            found.problems.push(cost::no_bytes(&check.source, declared.settings.key_place("budget")));
        }
        let planned = planned.iter().find(|planned| planned.name == check.name);
        let cost = bytes.and_then(|bytes| Cost::of(planned.map_or(check, |planned| planned), config, bytes, now));
        if let Some(cost) = cost {
            if let Some(problem) = cost.over_budget(declared) {
                found.problems.push(problem);
            }
            found.costs.push(cost);
        }
    }
    found
}

/// What is wrong with what a check asks, and the bytes that its own source would process for it.
async fn one(declared: &Declared, check: &Check, sources: &Sources, now: Timestamp) -> (Vec<Problem>, Option<u64>) {
    let place = || declared.settings.key_place("collect");
    let (mut found, bytes) = prepared(check, &check.source, &check.collect, sources, now, &place).await;
    if let (Some(fallback), Some(written)) = (&check.fallback, declared.settings.record("fallback")) {
        let place = || written.key_place("collect");
        found.extend(prepared(check, &fallback.source, &fallback.collect, sources, now, &place).await.0);
    }
    (found, bytes)
}

/// What one source says of what it is asked.
async fn prepared(
    check: &Check,
    name: &Arc<str>,
    collect: &Arc<Settings>,
    sources: &Sources,
    now: Timestamp,
    place: &dyn Fn() -> crate::config::Place,
) -> (Vec<Problem>, Option<u64>) {
    let Some(source) = sources.get(name) else { return (Vec::new(), None) };
    match tokio::time::timeout(check.timeout, source.survey(&load::request(check, collect, now))).await {
        Ok(Ok(survey)) => {
            let found = check.compiled.check_columns(survey.columns.iter().map(|(name, of)| (name.as_str(), *of)));
            let found = found.into_iter().map(|problem| Problem::error(problem.to_string()).at(place())).collect();
            (found, survey.bytes)
        }
        Ok(Err(error)) => (vec![Problem::error(format!("`{name}` says: {}", error.message)).at(place())], None),
        Err(_) => {
            let message = format!("`{name}` did not answer within {}", seconds(check.timeout));
            let help = "make the query faster, or raise the check's `timeout`";
            (vec![Problem::error(message).at(place()).help(help)], None)
        }
    }
}

fn seconds(time: std::time::Duration) -> String {
    crate::model::time::human_duration(time.as_secs_f64())
}
