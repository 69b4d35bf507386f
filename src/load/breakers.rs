//! `breaker:` of a channel and of a source: when it is not asked any more, and for how long.

use crate::config::{Key, Problem, Problems, Record, Settings, Shape};
use crate::model::breaker::{BreakerRules, WAIT_LIMIT};

pub(super) static BREAKER: Record = Record::new(
    "breaker",
    "When it is not asked any more, because it fails, and for how long.",
    &[
        Key::new(
            "failures",
            Shape::Integer { min: 1, max: 100 },
            "Failures in a row that trip it; a success begins anew.",
        )
        .default("5"),
        Key::new(
            "window",
            Shape::Duration,
            "Only failures in a row that are no older than this count. Without it all do, so that what is seldom asked \
             trips too.",
        ),
        Key::new("wait", Shape::Duration, "How long it waits before one probe; twice as long after each that fails.")
            .default("30s"),
        Key::new("wait_max", Shape::Duration, "The longest wait, at most an hour.").default("15m"),
        Key::new("successes", Shape::Integer { min: 1, max: 10 }, "Probes in a row that end it.").default("1"),
    ],
);

/// The rules that stand under `breaker` of a channel or a source, or those that hold without it.
pub(super) fn breaker(settings: &Settings, problems: &mut Problems) -> BreakerRules {
    let usual = BreakerRules::default();
    let Some(written) = settings.record("breaker") else { return usual };
    let number = |key, or| written.integer(key).and_then(|n| u32::try_from(n).ok()).unwrap_or(or);
    let wait_max = written.duration("wait_max").unwrap_or(usual.wait_max);
    let rules = BreakerRules {
        failures: number("failures", usual.failures),
        window: written.duration("window"),
        wait: written.duration("wait").filter(|_| written.has("wait")).unwrap_or(usual.wait.min(wait_max)),
        wait_max,
        successes: number("successes", usual.successes),
    };
    for (key, instead) in [("window", "10m"), ("wait", "30s"), ("wait_max", "15m")] {
        if written.has(key) && written.duration(key).is_some_and(|span| span.is_zero()) {
            let problem = Problem::error(format!("`{key}` is more than nothing")).at(written.place(key));
            problems.push(problem.help(format!("write `{key}: {instead}`, or leave it out")));
        }
    }
    if WAIT_LIMIT < rules.wait_max {
        let problem = Problem::error("`wait_max` is longer than an hour: what has recovered would stay locked");
        problems.push(problem.at(written.place("wait_max")).help("write at most `1h`"));
    } else if rules.wait_max < rules.wait {
        let key = if written.has("wait_max") { "wait_max" } else { "wait" };
        let problem = Problem::error(format!("`wait` is {:?} and `wait_max` is {:?}", rules.wait, rules.wait_max));
        problems.push(problem.at(written.place(key)).help("`wait_max` is the longest that `wait` grows to"));
    }
    rules
}
