//! Two checks that ask the same and judge it alike tell everything twice.

use super::{Advice, checks};
use crate::config::{Place, Problem, Problems, Settings};
use crate::rules::outline::Outline;
use crate::rules::{Check, Mode};
use std::collections::HashMap;

const NAME: &str = "duplicate-check";
pub(super) const ADVICE: Advice = Advice { names: &[NAME], give };

fn give(outline: &Outline, problems: &mut Problems) {
    let mut seen: HashMap<String, (&str, Place)> = HashMap::new();
    for (declared, check) in checks(outline).filter(|(_, check)| check.mode == Mode::Live) {
        let print = fingerprint(check, &declared.settings);
        if let Some((name, place)) = seen.get(&print) {
            // Two of one name are an error already.
            if **name == *check.name {
                continue;
            }
            let message = format!("`{}` asks and judges the same as `{name}`: everything is told twice", check.name);
            problems
                .push(Problem::advice(NAME, message).at(declared.name.place()).also(place.clone(), "the other one"));
        } else {
            seen.insert(print, (&check.name, declared.name.place()));
        }
    }
}

/// What decides when a check fires, as text.
fn fingerprint(check: &Check, settings: &Settings) -> String {
    let collect = settings.node("collect").map(|node| settings.origin().source.slice(node.span)).unwrap_or_default();
    let mut print = format!("{}\0{collect}\0{:?}\0{:?}", check.source, check.key, check.params);
    for (at, rule) in check.severities.iter().enumerate() {
        if let Some(rule) = rule {
            let until = rule.until.map(|until| check.compiled.source(until));
            let (when, times) = (check.compiled.source(rule.when), (rule.hold, rule.keep_firing_for));
            print.push_str(&format!("\0{at}{when}\0{until:?}{times:?}"));
        }
    }
    let policies = [check.on_error, check.on_empty, check.on_absent, check.on_unknown];
    print.push_str(&format!("\0{policies:?}"));
    for (name, value) in settings.map("let").unwrap_or_default() {
        print.push_str(&format!("\0{name}={}", value.text().unwrap_or("")));
    }
    print
}
