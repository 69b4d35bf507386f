//! How fast a channel may be told: a bucket of one token, and a cap per hour.

use super::ChannelRules;
use crate::model::Timestamp;
use crate::model::record::PaceRecord;
use std::time::Duration;

/// What is critical waits for no longer than this after the last message, whatever the rate: it takes its token from
/// the time to come.
pub const CRITICAL_WAIT_MAX: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_hours(1);

/// What one channel was sent lately. A value: it is told the time and what the configuration allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    last: Option<Timestamp>,
    /// When the bucket has its token again.
    free: Option<Timestamp>,
    /// When the hour began in which `sent` messages left.
    hour: Option<Timestamp>,
    sent: u32,
}

/// Which of a channel's own limits keeps a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    Rate,
    /// So many messages left since then, and more may not before the hour is over.
    Hour {
        began: Timestamp,
        max: u32,
    },
}

impl Pace {
    /// When a message may leave; the past where it may now.
    #[must_use]
    pub fn free_at(&self, rules: &ChannelRules, critical: bool) -> Timestamp {
        let (Some(rate), Some(last)) = (rules.rate, self.last) else { return self.hour_free_at(rules, critical) };
        let free = self.free.unwrap_or(Timestamp::MIN);
        let bucket = if critical { free.min(last + rate.every.min(CRITICAL_WAIT_MAX)) } else { free };
        bucket.max(self.hour_free_at(rules, critical))
    }

    /// When a message may leave, and what keeps it until then; `None` where nothing does.
    #[must_use]
    pub fn limit(&self, rules: &ChannelRules, critical: bool) -> Option<(Timestamp, Limit)> {
        let (free, hour) = (self.free_at(rules, critical), self.hour_free_at(rules, critical));
        match (rules.hourly, self.hour) {
            _ if free == Timestamp::MIN => None,
            (Some(max), Some(began)) if hour == free => Some((free, Limit::Hour { began, max })),
            _ => Some((free, Limit::Rate)),
        }
    }

    fn hour_free_at(&self, rules: &ChannelRules, critical: bool) -> Timestamp {
        match (rules.hourly, self.hour) {
            (Some(max), Some(began)) if !critical && max <= self.sent => began + HOUR,
            _ => Timestamp::MIN,
        }
    }

    /// A message leaves.
    pub fn take(&mut self, rules: &ChannelRules, now: Timestamp) {
        self.wait(rules, now);
        if self.hour.is_none_or(|began| began + HOUR <= now) {
            (self.hour, self.sent) = (Some(now), 0);
        }
        self.sent = self.sent.saturating_add(1);
    }

    /// A message leaves for the same far side by another channel.
    pub fn wait(&mut self, rules: &ChannelRules, now: Timestamp) {
        self.last = Some(now);
        // Critical messages may borrow, and no more than one token: what else there is must not wait for ever.
        let free = |every: Duration| (self.free.unwrap_or(now).max(now) + every).min(now + every * 2);
        self.free = rules.rate.map(|rate| free(rate.every));
    }

    #[must_use]
    pub fn record(&self) -> PaceRecord {
        PaceRecord { last: self.last, free: self.free, hour: self.hour, sent: self.sent }
    }

    #[must_use]
    pub fn restore(r: PaceRecord) -> Pace {
        Pace { last: r.last, free: r.free, hour: r.hour, sent: r.sent }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Rate;
    use std::sync::Arc;

    /// `w` a warning, `c` a critical one, both wanted at once: the seconds at which they leave.
    fn leave(rate: Option<&str>, hourly: Option<u32>, messages: &str) -> Vec<i64> {
        let rules = ChannelRules { rate: rate.and_then(Rate::parse), hourly, ..ChannelRules::new(&Arc::from("slack")) };
        let (mut pace, mut now, mut left) = (Pace::default(), Timestamp::default(), Vec::new());
        for message in messages.chars() {
            now = now.max(pace.free_at(&rules, message == 'c'));
            pace.take(&rules, now);
            left.push(now.as_micros() / 1_000_000);
        }
        left
    }

    #[test]
    fn a_bucket_of_one_and_a_cap_per_hour() {
        for (rate, hourly, messages, want) in [
            (None, None, "wwww", vec![0, 0, 0, 0]),
            (Some("1/s"), None, "wwww", vec![0, 1, 2, 3]),
            (Some("1/m"), None, "www", vec![0, 60, 120]),
            (Some("1/m"), None, "wcw", vec![0, 1, 120]),
            (Some("1/s"), None, "wcc", vec![0, 1, 2]),
            (Some("1/m"), None, "wccccw", vec![0, 1, 2, 3, 4, 124]),
            (None, Some(2), "wwww", vec![0, 0, 3600, 3600]),
            (None, Some(2), "wwcw", vec![0, 0, 0, 3600]),
            (Some("1/m"), Some(2), "wwcw", vec![0, 60, 61, 3600]),
        ] {
            assert_eq!(leave(rate, hourly, messages), want, "{rate:?} {hourly:?} {messages}");
        }
    }
}
