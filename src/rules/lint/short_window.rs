//! A window of time that is shorter than the distance between slots: what falls between is never seen.

use super::{Advice, checks};
use crate::config::{Problem, Problems};
use crate::model::time::human_duration;
use crate::rules::outline::Outline;

const NAME: &str = "short-window";
pub(super) const ADVICE: Advice = Advice { names: &[NAME], give };

fn give(outline: &Outline, problems: &mut Problems) {
    for (declared, check) in checks(outline).filter(|(_, check)| check.collect.shape().keys.iter().any(is_window)) {
        let Some(every) = check.schedule.interval().filter(|_| !check.collect.has("promql")) else { continue };
        let Some(window) = check.collect.duration("window").filter(|window| *window < every) else { continue };
        let place = if check.collect.has("window") {
            check.collect.place("window")
        } else {
            declared.settings.key_place("collect")
        };
        let (window, every) = (human_duration(window.as_secs_f64()), human_duration(every.as_secs_f64()));
        let message = format!("it looks back {window}, and is asked every {every}: what lies between is never seen");
        let help = format!("write `window: {every}` or more, or a shorter `every`");
        problems.push(Problem::advice(NAME, message).at(place).help(help));
    }
}

fn is_window(key: &crate::config::Key) -> bool {
    key.name == "window"
}
