//! Breakers that a person resets.

use super::Core;
use crate::model::Timestamp;
use crate::model::record::Entry;
use std::collections::BTreeSet;
use std::sync::Arc;

impl Core {
    /// The names of all channels and sources, in order.
    #[must_use]
    pub fn breaker_names(&self) -> BTreeSet<Arc<str>> {
        let channels = self.dispatch.channel_names();
        channels.chain(self.engine.source_names()).map(Arc::clone).collect()
    }

    /// What has this name is tried at once, by one probe, whatever its breaker says; that is written down.
    pub(super) fn reset_breaker(&mut self, name: &Arc<str>, now: Timestamp) {
        let channel = self.dispatch.reset_breaker(name, now).map(|was| ("channel", was));
        let source = self.engine.reset_breaker(name, now).map(|was| ("source", was));
        for (what, was) in channel.into_iter().chain(source) {
            let text = format!("the breaker of {what} `{name}` was reset: it was {was}");
            self.history.push(Entry::Note { at: now, text });
        }
    }
}
