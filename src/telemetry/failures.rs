//! Breakers, and how many failures there were of each class. The core counts them, over restarts too; here they are shown.

use super::Name;
use crate::model::FailureCounts;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
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

#[derive(Debug, Default)]
pub(super) struct Failures {
    channels: Family<ChannelClass, Counter>,
}

impl Failures {
    pub(super) fn register(&self, own: &mut Registry) {
        own.register("channel_failures", "Sends that failed, by the class of the failure", self.channels.clone());
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
