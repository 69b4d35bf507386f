//! Whoever is woken by a check reads its title and its description: one of them has to be there.

use super::{Advice, checks};
use crate::config::{Problem, Problems};
use crate::rules::Mode;
use crate::rules::outline::Outline;

const NAME: &str = "no-words";
pub(super) const ADVICE: Advice = Advice { names: &[NAME], give };

fn give(outline: &Outline, problems: &mut Problems) {
    for (declared, check) in checks(outline).filter(|(_, check)| check.mode != Mode::Off) {
        if check.title.is_none() && check.body.is_none() && check.description.is_empty() {
            let message = format!(
                "`{}` has neither a title nor a description: its message says only names and numbers",
                check.name
            );
            problems.push(
                Problem::advice(NAME, message)
                    .at(declared.name.place())
                    .help("add `description:`, or `title:` for the words of one alert"),
            );
        }
    }
}
