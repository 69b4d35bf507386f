//! A breaker: whether a channel's far side is well enough to be asked.

use crate::model::Timestamp;
use std::time::Duration;

/// Failures in a row that trip it.
pub const FAILURES_MAX: u32 = 5;
/// The wait of the first trip; each trip that follows a failed probe waits twice as long.
pub const WAIT_MIN: Duration = Duration::from_secs(30);
pub const WAIT_MAX: Duration = Duration::from_mins(15);

/// Admitting, tripped or probing. A value: it is told the time and what was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breaker {
    failures: u32,
    wait: Duration,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
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

impl Default for Breaker {
    fn default() -> Self {
        Breaker { failures: 0, wait: Duration::ZERO, state: State::Admitting }
    }
}

impl Breaker {
    /// As it was kept. A probe that was out when the daemon died is forgotten: another may start.
    #[must_use]
    pub fn restore(failures: u32, wait: Duration, tripped_until: Option<Timestamp>) -> Self {
        let state = tripped_until.map_or(State::Admitting, |until| State::Tripped { until });
        Breaker { failures, wait, state }
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

    /// An attempt ended and showed whether the far side is up.
    pub fn record(&mut self, now: Timestamp, far_side_is_up: bool) -> Option<Turned> {
        if far_side_is_up {
            let was_down = self.state != State::Admitting;
            *self = Breaker::default();
            return was_down.then_some(Turned::Recovered);
        }
        self.failures = self.failures.saturating_add(1);
        match self.state {
            State::Admitting if self.failures >= FAILURES_MAX => {
                self.trip(now);
                Some(Turned::Tripped)
            }
            State::Probing => {
                self.trip(now);
                None
            }
            State::Admitting | State::Tripped { .. } => None,
        }
    }

    fn trip(&mut self, now: Timestamp) {
        self.wait = (self.wait * 2).clamp(WAIT_MIN, WAIT_MAX);
        self.state = State::Tripped { until: now + self.wait };
    }

    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failures
    }

    #[must_use]
    pub fn wait(&self) -> Duration {
        self.wait
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

    /// Whether the far side is taken for well.
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

    /// `x` a failure, `o` a success, `~` wait until it admits; the letter after each: a(dmitting) t(ripped) p(robing).
    fn story(acts: &str) -> String {
        let (mut breaker, mut now, mut out) = (Breaker::default(), Timestamp::default(), String::new());
        for act in acts.chars() {
            match act {
                '~' => {
                    if let Admission::No { until: Some(until) } = breaker.admit(now) {
                        now = until;
                    }
                    breaker.started(now);
                }
                _ => {
                    breaker.record(now, act == 'o');
                }
            }
            out.push_str(&breaker.name()[..1]);
        }
        format!("{out} {}", breaker.wait().as_secs())
    }

    #[test]
    fn it_trips_waits_longer_and_recovers_by_one_probe() {
        for (acts, want) in [
            ("xxxx", "aaaa 0"),
            ("xxxxox", "aaaaaa 0"),
            ("xxxxx", "aaaat 30"),
            ("xxxxx~x", "aaaatpt 60"),
            ("xxxxx~x~x~x~x~x~x", "aaaatptptptptptpt 900"),
            ("xxxxx~o", "aaaatpa 0"),
            ("xxxxxo", "aaaata 0"),
        ] {
            assert_eq!(story(acts), want, "{acts}");
        }
    }

    #[test]
    fn one_probe_at_a_time() {
        let t = Timestamp::from_secs(100);
        let mut b = Breaker::restore(5, WAIT_MIN, Some(t));
        assert_eq!(b.admit(t - Duration::from_secs(1)), Admission::No { until: Some(t) });
        assert_eq!(b.admit(t), Admission::Probe);
        b.started(t);
        assert_eq!(b.admit(t), Admission::No { until: None });
    }
}
