//! A less severe condition that is never true before the more severe one says nothing.

use super::constant_condition::condition_place;
use super::{Advice, checks};
use crate::config::{Problem, Problems};
use crate::model::Severity;
use crate::rules::outline::Outline;
use crate::rules::{Check, SeverityRule};

const NAME: &str = "severity-order";
pub(super) const ADVICE: Advice = Advice { names: &[NAME], give };

fn give(outline: &Outline, problems: &mut Problems) {
    for (declared, check) in checks(outline) {
        for (lower, higher) in [(0, 1), (1, 2), (0, 2)] {
            let (Some(low), Some(high)) = (&check.severities[lower], &check.severities[higher]) else { continue };
            // A severity that takes longer to turn on may well be looser, or the same.
            if low.hold < high.hold || !implies(check, low, high) {
                continue;
            }
            let (low, high) = (Severity::ALL[lower], Severity::ALL[higher]);
            let message = format!("whenever `{low}` is true `{high}` is, too: `{low}` is never seen");
            let help = "make it the looser of the two, or remove it";
            let place = condition_place(declared, low);
            problems.push(
                Problem::advice(NAME, message).at(place).also(condition_place(declared, high), "here").help(help),
            );
        }
    }
}

/// Whether `low` cannot be true without `high`: the same text, or the same comparison with a stricter number.
fn implies(check: &Check, low: &SeverityRule, high: &SeverityRule) -> bool {
    let (low, high) = (check.compiled.with_constants(low.when), check.compiled.with_constants(high.when));
    if low == high {
        return true;
    }
    match (threshold(&low), threshold(&high)) {
        (Some((a, op, low)), Some((b, other, high))) if a == b => match (op, other) {
            (">", ">" | ">=") | (">=", ">=") => high <= low,
            (">=", ">") => high < low,
            ("<", "<" | "<=") | ("<=", "<=") => low <= high,
            ("<=", "<") => low < high,
            _ => false,
        },
        _ => false,
    }
}

/// `ratio > 3` as its three parts.
fn threshold(text: &str) -> Option<(&str, &str, f64)> {
    let (left, op, right) = [">=", "<=", ">", "<"].into_iter().find_map(|op| {
        let (left, right) = text.split_once(op)?;
        Some((left.trim(), op, right.trim()))
    })?;
    let is_simple = !left.contains(['<', '>', '=', '&', '|', '!']);
    Some((left, op, right.parse().ok()?)).filter(|_| is_simple)
}
