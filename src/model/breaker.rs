//! A breaker: whether a far side, a channel's or a source's, is well enough to be asked.

use super::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The longest wait that may be asked for: what has recovered must not stay locked for longer.
pub const WAIT_LIMIT: Duration = Duration::from_hours(1);

/// When a breaker trips, how long it waits, and when it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerRules {
    /// Failures in a row that trip it.
    pub failures: u32,
    /// Of those in a row, only failures of so long ago count. `None`: all do, so that what is seldom asked trips too.
    pub window: Option<Duration>,
    /// The wait of the first trip; each that follows a failed probe waits twice as long.
    pub wait: Duration,
    /// No wait is longer.
    pub wait_max: Duration,
    /// Probes in a row that must succeed before it admits again.
    pub successes: u32,
}

impl Default for BreakerRules {
    fn default() -> Self {
        BreakerRules {
            failures: 5,
            window: None,
            wait: Duration::from_secs(30),
            wait_max: Duration::from_mins(15),
            successes: 1,
        }
    }
}

/// Admitting, tripped or probing. A value: it is told the time and what was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Breaker {
    failures: u32,
    /// The failures within the window, where there is one.
    recent: Vec<Timestamp>,
    /// Probes that succeeded since the trip.
    proven: u32,
    wait: Duration,
    state: State,
}

/// A breaker as it is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakerRecord {
    /// In a row.
    pub failures: u32,
    /// Tripped until then.
    pub tripped_until: Option<Timestamp>,
    /// How long the last trip waited.
    pub wait: Duration,
    /// The failures within the window, where there is one.
    #[serde(default)]
    pub recent: Vec<Timestamp>,
    /// Probes that succeeded since the trip.
    #[serde(default)]
    pub proven: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Admitting,
    Tripped {
        until: Timestamp,
    },
    /// One attempt is out; the others wait for its end.
    Probing,
}

/// Whether an attempt may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    Yes,
    /// One attempt, and no other until it has ended.
    Probe,
    /// Not before then; `None`: not before the probe that is out has ended.
    No {
        until: Option<Timestamp>,
    },
}

/// What a record changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turned {
    Tripped,
    Recovered,
}

impl Breaker {
    /// As it was kept. A probe that was out when the daemon died is forgotten: another may start.
    #[must_use]
    pub fn restore(record: BreakerRecord) -> Self {
        let BreakerRecord { failures, tripped_until, wait, recent, proven } = record;
        let state = tripped_until.map_or(State::Admitting, |until| State::Tripped { until });
        Breaker { failures, recent, proven, wait, state }
    }

    /// As it is to be kept: a probe that is out counts as tripped until now.
    #[must_use]
    pub fn record_of(&self, now: Timestamp) -> BreakerRecord {
        BreakerRecord {
            failures: self.failures,
            tripped_until: self.tripped_until(now),
            wait: self.wait,
            recent: self.recent.clone(),
            proven: self.proven,
        }
    }

    /// Whether an attempt may start now.
    #[must_use]
    pub fn admit(&self, now: Timestamp) -> Admission {
        match self.state {
            State::Admitting => Admission::Yes,
            State::Tripped { until } if until <= now => Admission::Probe,
            State::Tripped { until } => Admission::No { until: Some(until) },
            State::Probing => Admission::No { until: None },
        }
    }

    /// An attempt that was admitted starts.
    pub fn started(&mut self, now: Timestamp) {
        if self.admit(now) == Admission::Probe {
            self.state = State::Probing;
        }
    }

    /// The probe that is out came to no end: another may start.
    pub fn given_up(&mut self, now: Timestamp) {
        if self.state == State::Probing {
            self.state = State::Tripped { until: now };
        }
    }

    /// Somebody wants it tried: the next attempt starts at once, and as the first after a trip. What it was, for people.
    pub fn reset(&mut self, now: Timestamp) -> String {
        let was = match self.state {
            State::Admitting => format!("admitting, after {} failures in a row", self.failures),
            State::Tripped { until } => format!("tripped until {until}, after {} failures in a row", self.failures),
            State::Probing => "probing".to_owned(),
        };
        let state = if self.is_admitting() { State::Admitting } else { State::Tripped { until: now } };
        *self = Breaker { state, ..Breaker::default() };
        was
    }

    /// An attempt ended and showed whether the far side is up.
    pub fn record(&mut self, now: Timestamp, far_side_is_up: bool, rules: &BreakerRules) -> Option<Turned> {
        if far_side_is_up { self.succeeded(now, rules) } else { self.failed(now, rules) }
    }

    fn succeeded(&mut self, now: Timestamp, rules: &BreakerRules) -> Option<Turned> {
        let was_down = self.state != State::Admitting;
        self.proven = self.proven.saturating_add(1);
        if was_down && self.proven < rules.successes {
            // The next probe has no reason to wait.
            self.state = State::Tripped { until: now };
            return None;
        }
        *self = Breaker::default();
        was_down.then_some(Turned::Recovered)
    }

    fn failed(&mut self, now: Timestamp, rules: &BreakerRules) -> Option<Turned> {
        self.failures = self.failures.saturating_add(1);
        self.proven = 0;
        let counted = match rules.window {
            None => {
                self.recent.clear();
                self.failures
            }
            Some(window) => self.within(window, now, rules.failures),
        };
        match self.state {
            State::Admitting if rules.failures <= counted => {
                self.trip(now, rules);
                Some(Turned::Tripped)
            }
            State::Probing => {
                self.trip(now, rules);
                None
            }
            State::Admitting | State::Tripped { .. } => None,
        }
    }

    /// Notes a failure, and says how many there are in the window, as far as `most`.
    fn within(&mut self, window: Duration, now: Timestamp, most: u32) -> u32 {
        self.recent.push(now);
        self.recent.retain(|at| now.since(*at) <= window);
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        self.recent.drain(..self.recent.len().saturating_sub(most));
        u32::try_from(self.recent.len()).unwrap_or(u32::MAX)
    }

    fn trip(&mut self, now: Timestamp, rules: &BreakerRules) {
        self.wait = (self.wait * 2).max(rules.wait).min(rules.wait_max);
        self.state = State::Tripped { until: now + self.wait };
    }

    /// No wait is longer than the rules of now allow, whatever they were, or the clock was, when it began.
    pub fn bound(&mut self, now: Timestamp, rules: &BreakerRules) {
        if let State::Tripped { until } = &mut self.state {
            *until = (*until).min(now + rules.wait_max);
        }
    }

    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Until when it is tripped; a probe that is out counts as tripped until now.
    #[must_use]
    pub fn tripped_until(&self, now: Timestamp) -> Option<Timestamp> {
        match self.state {
            State::Admitting => None,
            State::Tripped { until } => Some(until),
            State::Probing => Some(now),
        }
    }

    #[must_use]
    pub fn is_admitting(&self) -> bool {
        self.state == State::Admitting
    }

    /// `admitting`, `tripped` or `probing`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self.state {
            State::Admitting => "admitting",
            State::Tripped { .. } => "tripped",
            State::Probing => "probing",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `x` a failure, `o` a success, `~` wait until it admits, `.` a minute passes; the letter after each: a(dmitting)
    /// t(ripped) p(robing); then the wait in seconds.
    fn story(acts: &str, rules: &BreakerRules) -> String {
        let (mut breaker, mut now, mut out) = (Breaker::default(), Timestamp::default(), String::new());
        for act in acts.chars() {
            match act {
                '.' => now = now + Duration::from_mins(1),
                '~' => {
                    if let Admission::No { until: Some(until) } = breaker.admit(now) {
                        now = until;
                    }
                    breaker.started(now);
                }
                _ => {
                    breaker.record(now, act == 'o', rules);
                }
            }
            // What is kept is all there is, but for a probe that is out.
            if breaker.state != State::Probing {
                assert_eq!(Breaker::restore(breaker.record_of(now)), breaker, "{acts}");
            }
            out.push_str(&breaker.name()[..1]);
        }
        format!("{out} {}", breaker.wait.as_secs())
    }

    #[test]
    fn it_trips_waits_longer_and_recovers_by_one_probe() {
        for (acts, want) in [
            ("xxxx", "aaaa 0"),
            ("xxxxox", "aaaaaa 0"),
            ("xxxxx", "aaaat 30"),
            ("x.x..x...x....x", "aaaaaaaaaaaaaat 30"),
            ("xxxxx~x", "aaaatpt 60"),
            ("xxxxx~x~x~x~x~x~x", "aaaatptptptptptpt 900"),
            ("xxxxx~o", "aaaatpa 0"),
            ("xxxxxo", "aaaata 0"),
        ] {
            assert_eq!(story(acts, &BreakerRules::default()), want, "{acts}");
        }
    }

    #[test]
    fn the_rules_say_when_it_trips_and_when_it_is_over() {
        let rules = BreakerRules::default();
        let (one, seconds) = (BreakerRules { failures: 1, ..rules }, Duration::from_secs);
        let window = BreakerRules { failures: 3, window: Some(seconds(120)), ..rules };
        let short = BreakerRules { wait: seconds(5), wait_max: seconds(12), ..one };
        let twice = BreakerRules { successes: 2, ..one };
        for (acts, rules, want) in [
            ("x", one, "t 30"),
            ("xx.x", window, "aaat 30"),
            // The first is too old by then, and the third one counts with the next.
            ("x..x.x", window, "aaaaaa 0"),
            ("x..x.x.x", window, "aaaaaaat 30"),
            ("xxox.x", window, "aaaaaa 0"),
            ("x~x~x~x", short, "tptptpt 12"),
            ("x~o", twice, "tpt 30"),
            ("x~o~o", twice, "tptpa 0"),
            ("x~o~x~o~o", twice, "tptptptpa 0"),
        ] {
            assert_eq!(story(acts, &rules), want, "{acts} {rules:?}");
        }
    }

    #[test]
    fn one_probe_at_a_time() {
        let t = Timestamp::from_secs(100);
        let tripped = BreakerRecord { failures: 5, tripped_until: Some(t), ..BreakerRecord::default() };
        let mut b = Breaker::restore(tripped);
        assert_eq!(b.admit(t - Duration::from_secs(1)), Admission::No { until: Some(t) });
        assert_eq!(b.admit(t), Admission::Probe);
        b.started(t);
        assert_eq!(b.admit(t), Admission::No { until: None });
        b.given_up(t);
        assert_eq!(b.admit(t), Admission::Probe);
    }

    #[test]
    fn one_that_is_reset_probes_at_once_and_waits_from_the_start() {
        let (now, rules) = (Timestamp::from_secs(100), BreakerRules { failures: 1, ..BreakerRules::default() });
        let (wait, later) = (rules.wait_max, now + Duration::from_mins(10));
        let record = BreakerRecord { failures: 9, tripped_until: Some(later), wait, ..BreakerRecord::default() };
        let mut b = Breaker::restore(record);
        assert!(b.reset(now).starts_with("tripped until "));
        assert_eq!(b.admit(now), Admission::Probe);
        b.started(now);
        b.record(now, false, &rules);
        assert_eq!(b.admit(now), Admission::No { until: Some(now + rules.wait) });
        assert!(b.reset(now).starts_with("tripped"));
        b.started(now);
        assert_eq!((b.reset(now).as_str(), b.admit(now)), ("probing", Admission::Probe));
        let mut well = Breaker::default();
        well.reset(now);
        assert_eq!(well.admit(now), Admission::Yes);
    }

    #[test]
    fn no_wait_outlasts_the_rules_of_now() {
        let (now, day) = (Timestamp::from_secs(100), Duration::from_hours(24));
        let mut b = Breaker::restore(BreakerRecord { tripped_until: Some(now + day), ..BreakerRecord::default() });
        b.bound(now, &BreakerRules::default());
        assert_eq!(b.admit(now + Duration::from_mins(15)), Admission::Probe);
    }
}
