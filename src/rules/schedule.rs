//! When a check's slots stand.

use crate::model::{Timestamp, fnv};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The planned instants of a check.
#[derive(Clone)]
pub enum Schedule {
    /// `every`, at a phase after each multiple of it since 1970.
    Every { every: Duration, phase: Duration },
    /// `cron` in a time zone.
    Cron(Arc<CronSchedule>),
    /// These instants, in order, and no others: a test's.
    Fixed(Arc<[Timestamp]>),
}

/// A cron pattern (five fields) and the zone it is read in.
pub struct CronSchedule {
    pattern: croner::Cron,
    text: String,
    zone: jiff::tz::TimeZone,
}

impl Schedule {
    /// `every`, at the phase that the check's name gives it: the same after a restart, and spread, so that
    /// a thousand checks of one minute do not start together.
    #[must_use]
    pub fn every(every: Duration, name: &str) -> Schedule {
        let every = every.max(Duration::from_millis(1));
        let micros = u64::try_from(every.as_micros()).unwrap_or(u64::MAX);
        // Whole seconds where there are some: instants that people read should be round.
        let step = if micros >= 2_000_000 { 1_000_000 } else { 1 };
        let phase = spread(name) % (micros / step) * step;
        Schedule::Every { every, phase: Duration::from_micros(phase) }
    }

    /// A cron pattern in an IANA zone.
    ///
    /// # Errors
    /// What is wrong with the pattern or the zone.
    pub fn cron(text: &str, zone: &str) -> Result<Schedule, String> {
        let pattern = text.parse::<croner::Cron>().map_err(|e| e.to_string())?;
        let zone = jiff::tz::TimeZone::get(zone).map_err(|_| format!("`{zone}` is no IANA time zone"))?;
        Ok(Schedule::Cron(Arc::new(CronSchedule { pattern, text: text.to_owned(), zone })))
    }

    /// The first slot at or after `t`; `None` where there is no more.
    #[must_use]
    pub fn at_or_after(&self, t: Timestamp) -> Option<Timestamp> {
        match self {
            Schedule::Every { every, phase } => Some(grid(t, *every, *phase)),
            Schedule::Cron(cron) => cron.find(t, true),
            Schedule::Fixed(slots) => slots.get(slots.partition_point(|s| *s < t)).copied(),
        }
    }

    /// The first slot after `t`.
    #[must_use]
    pub fn after(&self, t: Timestamp) -> Option<Timestamp> {
        self.at_or_after(t + Duration::from_micros(1))
    }

    /// The last slot before `t`.
    #[must_use]
    pub fn before(&self, t: Timestamp) -> Option<Timestamp> {
        match self {
            Schedule::Every { every, phase } => Some(grid(t, *every, *phase) - *every),
            Schedule::Cron(cron) => cron.find(t, false),
            Schedule::Fixed(slots) => slots[..slots.partition_point(|s| *s < t)].last().copied(),
        }
    }

    /// The distance between slots, where it is always the same.
    #[must_use]
    pub fn interval(&self) -> Option<Duration> {
        match self {
            Schedule::Every { every, .. } => Some(*every),
            Schedule::Cron(_) | Schedule::Fixed(_) => None,
        }
    }
}

/// The first instant of the grid at or after `t`.
fn grid(t: Timestamp, every: Duration, phase: Duration) -> Timestamp {
    let step = i64::try_from(every.as_micros()).unwrap_or(i64::MAX).max(1);
    let phase = i64::try_from(phase.as_micros()).unwrap_or(0);
    let past = t.as_micros().saturating_sub(phase).rem_euclid(step);
    let wait = if past == 0 { 0 } else { step - past };
    Timestamp::from_micros(t.as_micros().saturating_add(wait))
}

/// FNV-1a, mixed once more so that names which differ in their last letter lie far apart.
fn spread(name: &str) -> u64 {
    let fnv = fnv::of(name);
    (fnv ^ (fnv >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 16
}

impl CronSchedule {
    /// The first run at or after `t`, or the last one before it.
    fn find(&self, t: Timestamp, forward: bool) -> Option<Timestamp> {
        // Cron knows whole seconds: the first one at or after `t` stands for it in both directions.
        let second =
            Timestamp::from_secs(t.as_micros().div_euclid(1_000_000) + i64::from(t.as_micros() % 1_000_000 != 0));
        let local = second.to_jiff().to_zoned(self.zone.clone());
        let found = if forward {
            self.pattern.find_next_occurrence(&local, true)
        } else {
            self.pattern.find_previous_occurrence(&local, false)
        };
        let found = Timestamp::from(found.ok()?.timestamp());
        let ahead = if forward { found >= t } else { found < t };
        ahead.then_some(found)
    }
}

/// Whether they give the same slots: what a reload asks.
impl PartialEq for Schedule {
    fn eq(&self, other: &Schedule) -> bool {
        match (self, other) {
            (Schedule::Every { every, phase }, Schedule::Every { every: e, phase: p }) => every == e && phase == p,
            (Schedule::Cron(a), Schedule::Cron(b)) => a.text == b.text && a.zone == b.zone,
            (Schedule::Fixed(a), Schedule::Fixed(b)) => a == b,
            _ => false,
        }
    }
}

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Schedule::Every { every, .. } => write!(f, "every {every:?}"),
            Schedule::Cron(cron) => write!(f, "cron {:?}", cron.text),
            Schedule::Fixed(slots) => write!(f, "{} fixed slots", slots.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn t(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn every_slots_keep_their_phase_and_are_spread() {
        let minute = Duration::from_mins(1);
        let phases: std::collections::BTreeSet<u64> = (0..1000)
            .map(|i| match Schedule::every(minute, &format!("check-{i}")) {
                Schedule::Every { phase, .. } => phase.as_secs(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(phases.len(), 60, "a thousand names use every second of the minute");
        let s = Schedule::every(minute, "x");
        let first = s.at_or_after(t("2026-01-05T00:00:00Z")).unwrap();
        assert_eq!(s.at_or_after(first), Some(first));
        assert_eq!(s.after(first), Some(first + minute));
        assert_eq!(s.before(first), Some(first - minute));
        assert_eq!(s.before(first + minute), Some(first));
    }

    /// 2026: summer time begins on 8 March at 02:00 and ends on 1 November at 02:00.
    #[test]
    fn cron_keeps_both_clock_changes() {
        let runs = |pattern: &str, from: &str, n: usize| -> Vec<String> {
            let s = Schedule::cron(pattern, "America/New_York").unwrap();
            let mut at = t(from);
            (0..n)
                .map(|_| {
                    let found = s.at_or_after(at).unwrap();
                    at = found + Duration::from_micros(1);
                    found.to_string()
                })
                .collect()
        };
        for (pattern, from, want) in [
            // 02:30 does not exist on 8 March: the next valid time is 03:00 EDT.
            ("30 2 * * *", "2026-03-07T12:00:00Z", vec!["2026-03-08T07:00:00Z", "2026-03-09T06:30:00Z"]),
            // 01:30 exists twice on 1 November: the first, in EDT.
            ("30 1 * * *", "2026-10-31T12:00:00Z", vec!["2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"]),
            // every real hour of the doubled one
            (
                "0 * * * *",
                "2026-11-01T04:30:00Z",
                vec!["2026-11-01T05:00:00Z", "2026-11-01T06:00:00Z", "2026-11-01T07:00:00Z"],
            ),
            (
                "*/30 */1 * * *",
                "2026-11-01T05:15:00Z",
                vec!["2026-11-01T05:30:00Z", "2026-11-01T06:00:00Z", "2026-11-01T06:30:00Z"],
            ),
            ("45 12 * * *", "2026-03-08T00:00:00Z", vec!["2026-03-08T16:45:00Z", "2026-03-09T16:45:00Z"]),
        ] {
            assert_eq!(runs(pattern, from, want.len()), want, "{pattern} from {from}");
        }
    }

    #[test]
    fn cron_finds_the_run_before() {
        let s = Schedule::cron("45 12 * * *", "UTC").unwrap();
        assert_eq!(s.before(t("2026-01-05T12:45:00Z")), Some(t("2026-01-04T12:45:00Z")));
        assert_eq!(s.before(t("2026-01-05T12:45:01Z")), Some(t("2026-01-05T12:45:00Z")));
        assert!(Schedule::cron("61 * * * *", "UTC").is_err());
        assert!(Schedule::cron("0 0 30 2 *", "UTC").unwrap().at_or_after(t("2026-01-05T00:00:00Z")).is_none());
    }
}
