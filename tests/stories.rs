//! The sentences of the language about lives, holds, groups and timers, each as a test of a user's.
//!
//! `tests/stories` is a configuration with its tests; they run on the engine that runs.

use bellwether::load::{self, Mode};
use bellwether::testing;
use std::path::Path;

#[test]
fn every_story_happens_as_told() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stories");
    let loaded = load::load(&folder, &|_| None, Mode::Lenient).expect("the folder is there");
    let Some(config) = loaded.config else {
        panic!("{}", loaded.problems.human(&loaded.sources, false));
    };
    let outcomes: Vec<testing::Outcome> = config.tests.iter().map(|case| testing::run(&config, case)).collect();
    let failed: Vec<String> = outcomes
        .iter()
        .filter(|o| !o.passed())
        .map(|o| format!("{} ({})\n  {}", o.name, o.declared, o.differences.join("\n  ")))
        .collect();
    assert!(failed.is_empty(), "{} of {} stories:\n{}", failed.len(), outcomes.len(), failed.join("\n"));
    assert!(outcomes.len() > 30, "stories were lost: {}", outcomes.len());
}
