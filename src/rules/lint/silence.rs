//! Silences that hold nothing, and one that holds all that is critical.

use super::Advice;
use super::unreachable_matchers::Labels;
use crate::config::{Problem, Problems};
use crate::model::Matcher;
use crate::rules::Check;
use crate::rules::outline::{Outline, SilenceOutline};
use crate::rules::reach::{self, Meets};

const EXPIRED: &str = "expired-silence";
const IDLE: &str = "idle-silence";
const ALL: &str = "hides-every-critical";
pub(super) const ADVICE: Advice = Advice { names: &[EXPIRED, IDLE, ALL], give };

fn give(outline: &Outline, problems: &mut Problems) {
    let labels = super::knows_all_labels(outline).then(|| Labels::of(outline));
    for silence in &outline.silences {
        if silence.ends <= outline.now {
            let message = format!("the silence `{}` ended at {}", silence.name, silence.ends);
            problems.push(Problem::advice(EXPIRED, message).at(silence.ends_at.clone()).help("remove it"));
        } else if let Some(labels) = &labels {
            of_what_it_matches(outline, labels, silence, problems);
        }
    }
}

fn of_what_it_matches(outline: &Outline, labels: &Labels, silence: &SilenceOutline, problems: &mut Problems) {
    let name = &silence.name;
    let of_one = silence.matchers.iter().find_map(|(matcher, place)| Some((labels.problem(matcher)?, place)));
    if let Some(((why, help), place)) = of_one {
        let message = format!("the silence `{name}` holds nothing: {why}");
        problems.push(Problem::advice(IDLE, message).at(place.clone()).help_if(help));
        return;
    }
    let matchers: Vec<Matcher> = silence.matchers.iter().map(|(matcher, _)| matcher.clone()).collect();
    let checks = || super::checks(outline).map(|(_, check)| check);
    let could = |check: &Check| reach::could_match(check, &matchers);
    if !checks().any(could) && !reach::could_match_self(&matchers) {
        let message = format!("the silence `{name}` holds nothing: no alert matches all of its matchers");
        problems.push(Problem::advice(IDLE, message).at(name.place()).help("take out the one that is too much"));
    } else if reach::meets_critical(checks(), &matchers) == Some(Meets::Always) {
        let message = format!("the silence `{name}` hides every critical alert that the checks can have");
        let help = format!("add a matcher; where it is meant, write `# bellwether: allow {ALL}` on the line before");
        problems.push(Problem::advice(ALL, message).at(name.place()).help(help));
    }
}
