//! `test`: runs the tests of the checks, on the engine that `run` runs.

mod report;

use super::{Folder, environment, print, say};
use crate::load::cases::TestCase;
use crate::load::{self, Config, Mode};
use crate::testing::{self, Outcome};
use regex::Regex;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    folder: Folder,
    /// Only tests whose name, or the name of a check they feed, holds this text or matches this regular expression.
    #[arg(long, value_name = "PATTERN")]
    run: Option<String>,
    /// How results are written.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Json,
    Junit,
}

/// 0, or 1 where a test failed, or 2 where the configuration does not load.
pub(super) fn main(arguments: &Arguments) -> u8 {
    let Some((config, _)) = super::loaded(&arguments.folder.folder, &environment, Mode::Lenient) else { return 2 };
    let pattern = arguments.run.as_deref().map(Pattern::new);
    let cases: Vec<&TestCase> =
        config.tests.iter().filter(|case| pattern.as_ref().is_none_or(|p| p.takes(case))).collect();
    if let Some(note) = nothing(&config, arguments, cases.len()) {
        say(&note);
    }
    let outcomes = run_all(&config, &cases);
    print(&report::written(&cases, &outcomes, arguments.format));
    u8::from(outcomes.iter().any(|outcome| !outcome.passed()))
}

/// What to say where no test runs.
fn nothing(config: &Config, arguments: &Arguments, taken: usize) -> Option<String> {
    if 0 < taken {
        return None;
    }
    if config.files == 0 {
        return Some(format!("note: {}", load::no_file(&arguments.folder.folder)));
    }
    let all = super::count(config.tests.len(), "test");
    Some(match &arguments.run {
        Some(pattern) if !config.tests.is_empty() => {
            format!("note: of {all} none is called like `{pattern}`, nor feeds a check that is")
        }
        _ => "note: there are no tests: write some under `tests:`, in a file beside the checks".to_owned(),
    })
}

/// What `--run` asks for.
struct Pattern<'a> {
    text: &'a str,
    regex: Option<Regex>,
}

impl Pattern<'_> {
    /// A text that is no regular expression is looked for as it stands.
    fn new(text: &str) -> Pattern<'_> {
        Pattern { text, regex: Regex::new(text).ok() }
    }

    fn takes(&self, case: &TestCase) -> bool {
        let fits = |name: &str| name.contains(self.text) || self.regex.as_ref().is_some_and(|r| r.is_match(name));
        fits(&case.name) || case.checks().any(fits)
    }
}

/// Runs the tests on all cores; the outcomes stand in the order of the tests.
fn run_all(config: &Config, cases: &[&TestCase]) -> Vec<Outcome> {
    let threads = thread::available_parallelism().map_or(1, usize::from).min(cases.len());
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some((at, case)) = take(&next, cases) {
            done.push((at, run_one(config, case)));
        }
        done
    };
    let mut outcomes: Vec<(usize, Outcome)> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|w| w.join().expect("a panic of a test is caught in it")).collect()
    });
    outcomes.sort_by_key(|(at, _)| *at);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

fn take<'a>(next: &AtomicUsize, cases: &[&'a TestCase]) -> Option<(usize, &'a TestCase)> {
    let at = next.fetch_add(1, Ordering::Relaxed);
    cases.get(at).map(|case| (at, *case))
}

/// A bug that one test meets fails that test alone.
fn run_one(config: &Config, case: &TestCase) -> Outcome {
    catch_unwind(AssertUnwindSafe(|| testing::run(config, case))).unwrap_or_else(|_| Outcome {
        name: case.name.clone(),
        declared: Arc::clone(&case.declared),
        differences: vec!["a bug of Bellwether's was met, see above: please report it with this test".to_owned()],
        notes: Vec::new(),
    })
}
