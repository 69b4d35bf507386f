//! A channel's health: its breaker, what it asked us to wait, and who stands in its queue.

use super::ChannelRules;
use super::group::Rank;
use super::pace::Pace;
use crate::model::breaker::{Admission, Breaker, BreakerRecord};
use crate::model::record::{ChannelRecord, RowName};
use crate::model::{AlertId, FailureCounts, LastFailure, Severity, Timestamp};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Notifications that may be out to one channel at once. A channel that hangs is asked by no more than these.
pub const IN_FLIGHT_MAX: usize = 256;

/// What dispatch knows of one channel.
#[derive(Debug, Default)]
pub struct ChannelState {
    pub breaker: Breaker,
    /// How many sends failed of each class, ever.
    pub classes: FailureCounts,
    /// The far side asked us to wait until then.
    pub not_before: Option<Timestamp>,
    pub in_flight: usize,
    /// Groups that are due: the most severe first, then the longest waiting.
    pub ready: BTreeSet<(Rank, Arc<str>)>,
    /// Why it is down, where it is: what tripped its breaker, or was refused.
    pub down: Option<String>,
    /// The latest failure, where nothing was delivered since.
    pub last_failure: Option<LastFailure>,
    /// What it was sent lately, against its rate.
    pub pace: Pace,
    /// More was due than its rate lets through: the next message gathers all of it.
    pub over: bool,
    /// Alerts of which it was noted, since its last message, that its limits keep them.
    pub paced: BTreeSet<AlertId>,
    /// Alerts that its fallback is told of in its place.
    pub covered: BTreeSet<AlertId>,
    /// Since when there are such.
    pub away_since: Option<Timestamp>,
    /// What it was told elsewhere is not told here before then.
    pub digest_not_before: Option<Timestamp>,
    /// A message that tells of these is out.
    pub digest_is_out: bool,
    /// The last such message was refused: that others are taken says nothing of it.
    pub digest_was_refused: bool,
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

    /// When a send may be tried; `None` where nothing waits, or an attempt must end first.
    #[must_use]
    pub fn next_try(&self, rules: Option<&ChannelRules>) -> Option<Timestamp> {
        let digest = self.digest_at();
        let wanted = if self.ready.is_empty() { digest? } else { Timestamp::MIN };
        let paced = rules.map_or(Timestamp::MIN, |rules| self.pace.free_at(rules, self.is_critical()));
        let asked = self.not_before.unwrap_or(Timestamp::MIN).max(paced).max(wanted);
        match self.breaker.admit(asked) {
            Admission::Yes if self.in_flight >= IN_FLIGHT_MAX => None,
            Admission::Yes | Admission::Probe => Some(asked),
            Admission::No { until } => until.map(|until| until.max(asked)),
        }
    }

    /// When what its fallback was told may be told here; `None` where there is nothing of the kind.
    fn digest_at(&self) -> Option<Timestamp> {
        (!self.covered.is_empty() && !self.digest_is_out).then(|| self.digest_not_before.unwrap_or(Timestamp::MIN))
    }

    /// When what its fallback was told is told here, as far as a clock says it.
    #[must_use]
    pub fn next_digest(&self, rules: Option<&ChannelRules>) -> Option<Timestamp> {
        Some(self.digest_at()?.max(self.next_try(rules)?))
    }

    /// Whether what its fallback was told may be told here now.
    #[must_use]
    pub fn is_digest_due(&self, now: Timestamp) -> bool {
        self.digest_at().is_some_and(|at| at <= now)
    }

    /// Whether something is to be sent to it now, if it can be.
    #[must_use]
    pub fn wants(&self, now: Timestamp) -> bool {
        !self.ready.is_empty() || self.is_digest_due(now)
    }

    /// Whether what waits longest for its turn is critical.
    #[must_use]
    pub fn is_critical(&self) -> bool {
        self.ready.first().is_none_or(|((severity, _), _)| severity.0 == Some(Severity::Critical))
    }

    /// Why it does not take messages, by its latest word.
    #[must_use]
    pub fn trouble(&self) -> Option<&str> {
        self.last_failure.as_ref().map(|failure| failure.why.as_str()).or(self.down.as_deref())
    }

    /// Whether it is the far side, not our own limit, that keeps us from sending.
    #[must_use]
    pub fn is_away(&self, now: Timestamp) -> bool {
        self.not_before.is_some_and(|until| now < until) || self.breaker.admit(now) != Admission::Yes
    }

    #[must_use]
    pub fn record(&self, channel: &Arc<str>, now: Timestamp) -> ChannelRecord {
        let BreakerRecord { failures, tripped_until, wait, recent, proven } = self.breaker.record_of(now);
        ChannelRecord {
            channel: Arc::clone(channel),
            failures,
            tripped_until,
            wait,
            recent,
            proven,
            classes: self.classes.clone(),
            not_before: self.not_before,
            down: self.down.clone(),
            last_failure: self.last_failure.clone(),
            away_since: self.away_since,
            pace: self.pace.record(),
        }
    }

    #[must_use]
    pub fn restore(r: ChannelRecord) -> ChannelState {
        ChannelState {
            breaker: Breaker::restore(BreakerRecord {
                failures: r.failures,
                tripped_until: r.tripped_until,
                wait: r.wait,
                recent: r.recent,
                proven: r.proven,
            }),
            classes: r.classes,
            not_before: r.not_before,
            down: r.down,
            last_failure: r.last_failure,
            away_since: r.away_since,
            pace: Pace::restore(r.pace),
            ..ChannelState::default()
        }
    }
}

impl super::Dispatch {
    /// No breaker waits longer than the rules of now allow.
    pub(super) fn bound_breakers(&mut self, now: Timestamp) {
        for (name, channel) in &mut self.channels {
            channel.breaker.bound(now, &self.config.channel(name).map(|rules| rules.breaker).unwrap_or_default());
        }
    }

    /// Has a channel tried at once, whatever its breaker says or it asked us to wait; what its breaker was. `None` where
    /// there is no such channel.
    pub fn reset_breaker(&mut self, name: &Arc<str>, now: Timestamp) -> Option<String> {
        self.config.channel(name)?;
        let channel = self.channels.entry(Arc::clone(name)).or_default();
        channel.not_before = None;
        channel.digest_not_before = None;
        let was = channel.breaker.reset(now);
        self.dirty.insert(RowName::Channel(Arc::clone(name)));
        for (key, group) in self.groups.iter_mut().filter(|(_, group)| group.channel == *name) {
            if let Some(retry) = &mut group.retry {
                retry.not_before = now;
                self.dirty.insert(RowName::Group(Arc::clone(key)));
            }
            self.touched.insert(Arc::clone(key));
        }
        Some(was)
    }

    /// All channels, as they are declared.
    pub fn channel_names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.config.names()
    }
}
