//! A source that no check asks.

use super::Advice;
use crate::config::{Problem, Problems, Text};
use crate::rules::outline::Outline;
use crate::rules::read::Declared;
use std::collections::HashSet;

const NAME: &str = "unused-source";
pub(super) const ADVICE: Advice = Advice { names: &[NAME], give };

fn give(outline: &Outline, problems: &mut Problems) {
    let asked: HashSet<&str> = outline
        .checks
        .iter()
        .flat_map(|check| std::iter::once(&check.settings).chain(check.settings.record("fallback")))
        .filter_map(|settings| settings.text("source"))
        .collect();
    let sources: HashSet<&str> = outline.sources.iter().map(Text::as_str).collect();
    // A check whose source is misspelt asks one of those that seem idle.
    let is_known = |check: &Declared| check.settings.text("source").is_some_and(|source| sources.contains(source));
    if !outline.is_whole || !outline.checks.iter().all(is_known) {
        return;
    }
    for source in outline.sources.iter().filter(|source| !asked.contains(source.as_str())) {
        let message = format!("no check asks the source `{source}`");
        problems.push(Problem::advice(NAME, message).at(source.place()).help("remove it"));
    }
}
