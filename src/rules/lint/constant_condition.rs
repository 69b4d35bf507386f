//! A condition that looks at no column is true at every slot, or at none.

use super::{Advice, checks};
use crate::config::{Place, Problem, Problems};
use crate::model::Severity;
use crate::rules::outline::Outline;
use crate::rules::read::Declared;

const NAME: &str = "constant-condition";
pub(super) const ADVICE: Advice = Advice { names: &[NAME], give };

fn give(outline: &Outline, problems: &mut Problems) {
    for (declared, check) in checks(outline) {
        for severity in Severity::ALL {
            let Some(rule) = &check.severities[severity.index()] else { continue };
            let uses_columns = |condition: usize| {
                let names = check.compiled.names_of(condition);
                names.iter().any(|name| check.compiled.columns().iter().any(|column| column.name == *name))
            };
            // `now` alone is a clock: `hour_of(now, "UTC") == 3` is a condition.
            let is_constant =
                |condition: usize| !uses_columns(condition) && !check.compiled.source(condition).contains("now");
            if is_constant(rule.when) {
                let message = format!("the condition of `{severity}` looks at no column: it is the same at every slot");
                problems.push(Problem::advice(NAME, message).at(condition_place(declared, severity)));
            }
        }
    }
}

/// Where the condition of a severity is written.
pub(super) fn condition_place(declared: &Declared, severity: Severity) -> Place {
    let Some(alert) = declared.settings.record("alert") else { return declared.name.place() };
    match alert.record(severity.name()) {
        Some(written) => written.place("when"),
        None => alert.place(severity.name()),
    }
}
