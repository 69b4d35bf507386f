//! A channel's health: its breaker, what it asked us to wait, and who stands in its queue.

use super::breaker::{Admission, Breaker};
use crate::model::record::ChannelRecord;
use crate::model::{Severity, Timestamp};
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Notifications that may be out to one channel at once. A channel that hangs is asked by no more than these.
pub const IN_FLIGHT_MAX: usize = 256;

/// What dispatch knows of one channel.
#[derive(Debug, Default)]
pub struct ChannelState {
    pub breaker: Breaker,
    /// The far side asked us to wait until then.
    pub not_before: Option<Timestamp>,
    pub in_flight: usize,
    /// Groups that are due: the most severe first, then the longest waiting.
    pub ready: BTreeSet<(Reverse<Option<Severity>>, Timestamp, Arc<str>)>,
    /// Why it is down, where it is.
    pub down: Option<String>,
}

impl ChannelState {
    /// Whether a send may start now, and if not, when to ask again (`None`: when an attempt has ended).
    #[must_use]
    pub fn admit(&self, now: Timestamp) -> Admission {
        match (self.not_before, self.breaker.admit(now)) {
            (Some(until), _) if now < until => Admission::No { until: Some(until) },
            (_, Admission::Yes) if self.in_flight >= IN_FLIGHT_MAX => Admission::No { until: None },
            (_, admission) => admission,
        }
    }

    /// When a send may be tried; `None` where an attempt must end first.
    #[must_use]
    pub fn next_try(&self) -> Option<Timestamp> {
        let asked = self.not_before.unwrap_or(Timestamp::MIN);
        match self.breaker.admit(asked) {
            Admission::Yes if self.in_flight >= IN_FLIGHT_MAX => None,
            Admission::Yes | Admission::Probe => Some(asked),
            Admission::No { until } => until,
        }
    }

    /// Whether it is the far side, not our own limit, that keeps us from sending.
    #[must_use]
    pub fn is_away(&self, now: Timestamp) -> bool {
        self.not_before.is_some_and(|until| now < until) || self.breaker.admit(now) != Admission::Yes
    }

    #[must_use]
    pub fn record(&self, channel: &Arc<str>, now: Timestamp) -> ChannelRecord {
        ChannelRecord {
            channel: Arc::clone(channel),
            failures: self.breaker.failures(),
            tripped_until: self.breaker.tripped_until(now),
            wait: self.breaker.wait(),
            not_before: self.not_before,
            down: self.down.clone(),
        }
    }

    #[must_use]
    pub fn restore(r: ChannelRecord) -> ChannelState {
        ChannelState {
            breaker: Breaker::restore(r.failures, r.wait, r.tripped_until),
            not_before: r.not_before,
            down: r.down,
            ..ChannelState::default()
        }
    }
}
