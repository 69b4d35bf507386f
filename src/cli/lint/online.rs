//! `lint --online`: each query is prepared by its source, and its columns are held against the expressions.

use crate::collectors::{self, Collector, Request};
use crate::config::{Problem, Problems};
use crate::load::Config;
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
    let Some(source) = sources.get(&check.source) else { return Vec::new() };
    let request = Request {
        collect: Arc::clone(&check.collect),
        params: Arc::clone(&check.params),
        columns: check.columns.clone(),
        now,
        timeout: check.timeout,
        check: Arc::clone(&check.name),
    };
    match tokio::time::timeout(check.timeout, source.columns(&request)).await {
        Ok(Ok(columns)) => {
            let found = check.compiled.check_columns(columns.iter().map(|(name, of)| (name.as_str(), *of)));
            found.into_iter().map(|problem| Problem::error(problem.to_string()).at(place())).collect()
        }
        Ok(Err(error)) => vec![Problem::error(format!("`{}` says: {}", check.source, error.message)).at(place())],
        Err(_) => {
            let message = format!("`{}` did not answer within {}", check.source, seconds(check.timeout));
            vec![Problem::error(message).at(place()).help("make the query faster, or raise the check's `timeout`")]
        }
    }
}

fn seconds(time: std::time::Duration) -> String {
    crate::model::time::human_duration(time.as_secs_f64())
}
