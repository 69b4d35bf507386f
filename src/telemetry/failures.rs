//! Breakers, and how many failures there were of each class. The core counts them, over restarts too; here they are shown.

use super::Name;
use crate::model::FailureCounts;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// What a channel's breaker does, as its gauge has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    Admitting = 0,
    Probing = 1,
    Tripped = 2,
}

impl BreakerState {
    /// The state of that name.
    #[must_use]
    pub fn from_name(name: &str) -> BreakerState {
        match name {
            "tripped" => BreakerState::Tripped,
            "probing" => BreakerState::Probing,
            _ => BreakerState::Admitting,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ChannelClass {
    channel: Name,
    class: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SourceClass {
    source: Name,
    class: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfSource {
    source: Name,
}

#[derive(Debug, Default)]
pub(super) struct Failures {
    channels: Family<ChannelClass, Counter>,
    sources: Family<SourceClass, Counter>,
    breakers: Family<OfSource, Gauge>,
}

impl Failures {
    pub(super) fn register(&self, own: &mut Registry) {
        own.register("channel_failures", "Sends that failed, by the class of the failure", self.channels.clone());
        own.register("source_failures", "Collections that failed, by the class of the failure", self.sources.clone());
        own.register("source_breaker_state", "0 admitting, 1 probing, 2 tripped", self.breakers.clone());
    }

    pub(super) fn channel(&self, channel: &Arc<str>, counts: &FailureCounts) {
        for (class, count) in counts.iter() {
            let of = ChannelClass { channel: Name(Arc::clone(channel)), class: class.name() };
            self.channels.get_or_create(&of).inner().store(count, Ordering::Relaxed);
        }
    }

    pub(super) fn forget_channel(&self, channel: &Arc<str>) {
        for class in crate::model::FailureClass::ALL {
            self.channels.remove(&ChannelClass { channel: Name(Arc::clone(channel)), class: class.name() });
        }
    }
}

impl super::Telemetry {
    /// The health of a source.
    pub fn source(&self, source: &Arc<str>, breaker: BreakerState, counts: &FailureCounts) {
        let (name, failures) = (Name(Arc::clone(source)), &self.0.failures);
        failures.breakers.get_or_create(&OfSource { source: name.clone() }).set(breaker as i64);
        for (class, count) in counts.iter() {
            let of = SourceClass { source: name.clone(), class: class.name() };
            failures.sources.get_or_create(&of).inner().store(count, Ordering::Relaxed);
        }
    }

    /// Ends the series of a source that no check asks any more.
    pub fn forget_source(&self, source: &Arc<str>) {
        let (name, failures) = (Name(Arc::clone(source)), &self.0.failures);
        failures.breakers.remove(&OfSource { source: name.clone() });
        for class in crate::model::FailureClass::ALL {
            failures.sources.remove(&SourceClass { source: name.clone(), class: class.name() });
        }
    }
}
