//! A `for` shorter than the distance between slots needs two true slots, however short it is.

use super::{Advice, checks};
use crate::config::{Problem, Problems};
use crate::model::Severity;
use crate::model::time::human_duration;
use crate::rules::outline::Outline;

const NAME: &str = "short-for";
pub(super) const ADVICE: Advice = Advice { names: &[NAME], give };

fn give(outline: &Outline, problems: &mut Problems) {
    for (declared, check) in checks(outline) {
        let Some(every) = check.schedule.interval() else { continue };
        let mut told = Vec::new();
        for severity in Severity::ALL {
            let Some(rule) = &check.severities[severity.index()] else { continue };
            if rule.hold.is_zero() || every <= rule.hold {
                continue;
            }
            let own = declared.settings.record("alert").and_then(|alert| alert.record(severity.name()));
            let place = match own {
                Some(own) if own.has("for") => own.place("for"),
                _ => declared.settings.place("for"),
            };
            if told.contains(&place) {
                continue;
            }
            told.push(place.clone());
            let (hold, slots) = (human_duration(rule.hold.as_secs_f64()), human_duration(every.as_secs_f64()));
            let message = format!(
                "`for: {hold}` is shorter than the {slots} between two slots: it waits for the next slot, {slots}"
            );
            problems.push(
                Problem::advice(NAME, message).at(place).help(format!("write `for: {slots}`, or a shorter `every`")),
            );
        }
    }
}
