//! A calendar that no route names holds nothing.

use super::Advice;
use crate::config::{Problem, Problems};
use crate::rules::outline::Outline;

const NAME: &str = "unused-calendar";
pub(super) const ADVICE: Advice = Advice { names: &[NAME], give };

fn give(outline: &Outline, problems: &mut Problems) {
    if !outline.is_whole {
        return;
    }
    for calendar in outline.calendars.iter().filter(|calendar| !outline.calendars_used.contains(&calendar.text)) {
        let message = format!("no route names the calendar `{calendar}`");
        let help = format!("name it on a route: `active_during: [{calendar}]`, or remove it");
        problems.push(Problem::advice(NAME, message).at(calendar.place()).help(help));
    }
}
