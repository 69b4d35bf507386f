//! A collection that may take longer than the distance between slots skips some.

use super::{Advice, checks};
use crate::config::{Problem, Problems};
use crate::model::time::human_duration;
use crate::rules::outline::Outline;

const NAME: &str = "timeout-over-every";
pub(super) const ADVICE: Advice = Advice { names: &[NAME], give };

fn give(outline: &Outline, problems: &mut Problems) {
    for (declared, check) in checks(outline).filter(|(declared, _)| declared.settings.has("timeout")) {
        let Some(every) = check.schedule.interval().filter(|every| *every < check.timeout) else { continue };
        let (timeout, every) = (human_duration(check.timeout.as_secs_f64()), human_duration(every.as_secs_f64()));
        let message =
            format!("a collection may take {timeout}, and the next slot comes after {every}: it would be skipped");
        problems.push(
            Problem::advice(NAME, message)
                .at(declared.settings.place("timeout"))
                .help(format!("write `timeout: {every}`, or a longer `every`")),
        );
    }
}
