//! A source that no check asks.

use super::Advice;
use crate::config::{Problem, Problems};
use crate::rules::outline::Outline;
use std::collections::HashSet;

const NAME: &str = "unused-source";
pub(super) const ADVICE: Advice = Advice { names: &[NAME], give };

fn give(outline: &Outline, problems: &mut Problems) {
    let asked: HashSet<&str> = outline.checks.iter().filter_map(|check| check.settings.text("source")).collect();
    for source in outline.sources.iter().filter(|source| !asked.contains(source.as_str())) {
        let message = format!("no check asks the source `{source}`");
        problems.push(Problem::advice(NAME, message).at(source.place()).help("remove it"));
    }
}
