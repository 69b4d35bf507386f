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

    /// The breakers that have this name, as they are: of what, how it is, and failures in a row. None where there is none.
    #[must_use]
    pub fn breakers_named(&self, name: &str, now: Timestamp) -> Vec<(&'static str, &'static str, u32)> {
        let channels = self.dispatch.channel_reports(now).into_iter();
        let channel = channels.filter(|c| *c.channel == *name).map(|c| ("channel", c.breaker, c.failures));
        let mut found: Vec<_> = channel.collect();
        if self.engine.source_names().any(|source| **source == *name) {
            let source = self.engine.source_reports(now).into_iter().find(|s| *s.source == *name);
            found.push(source.map_or(("source", "admitting", 0), |s| ("source", s.breaker, s.failures)));
        }
        found
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
