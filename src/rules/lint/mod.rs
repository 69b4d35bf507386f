//! ADVICE: what is right and yet probably not meant. One file each, and one line in `ALL`.
//!
//! A piece of advice has to be worth a reviewer's time. `# bellwether: allow NAME` on the line before lets one pass.

mod allow;
mod constant_condition;
mod duplicate_check;
mod no_words;
mod same_name_once;
mod severity_order;
mod short_for;
mod short_window;
mod silence;
mod timeout_over_every;
mod unreachable_matchers;
mod unused_calendar;
mod unused_channel;
mod unused_name;
mod unused_source;

use super::Check;
use super::outline::Outline;
use super::read::Declared;
use crate::config::{Problems, Sources};

/// A kind of advice.
struct Advice {
    /// By which it can be allowed.
    names: &'static [&'static str],
    give: fn(&Outline, &mut Problems),
}

const ALL: &[Advice] = &[
    constant_condition::ADVICE,
    duplicate_check::ADVICE,
    no_words::ADVICE,
    same_name_once::ADVICE,
    severity_order::ADVICE,
    silence::ADVICE,
    short_for::ADVICE,
    short_window::ADVICE,
    timeout_over_every::ADVICE,
    unreachable_matchers::ADVICE,
    unused_calendar::ADVICE,
    unused_channel::ADVICE,
    unused_name::ADVICE,
    unused_source::ADVICE,
];

/// Adds what there is to advise, but for what comments in the files allow.
pub fn advise(outline: &Outline, sources: &Sources, problems: &mut Problems) {
    for advice in ALL {
        (advice.give)(outline, problems);
    }
    allow::apply(sources, problems);
}

/// The names of all advice.
pub fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().flat_map(|advice| advice.names.iter().copied()).chain([allow::NAME])
}

/// Whether the labels of all checks are known: a check that is wrong has labels that nobody knows.
fn knows_all_labels(outline: &Outline) -> bool {
    outline.is_whole && !outline.checks.is_empty() && outline.checks.iter().all(|check| check.check.is_some())
}

/// The checks that are right, with their declarations.
fn checks(outline: &Outline) -> impl Iterator<Item = (&Declared, &Check)> {
    outline.checks.iter().filter_map(|declared| Some((declared, declared.check.as_deref()?)))
}
