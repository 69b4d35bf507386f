//! A channel that is in the configuration no more: whom its alerts lead to now is told what it was owed.

use super::{Dispatch, Health};
use crate::model::alert::{AlertView, EndNote};
use crate::model::record::{Entry, Phase, RowName};
use crate::model::{AlertId, Timestamp};
use std::sync::Arc;

impl Dispatch {
    /// Alerts that still fire are led anew. Episodes that are over, and whose end the channel was not told, go where the
    /// routes lead now, as what came and went, but to no channel that was told of the alert by itself.
    pub(super) fn drop_channel(&mut self, channel: &Arc<str>, now: Timestamp) {
        let of_it = self.subjects.iter().filter(|(_, s)| s.targets.iter().any(|t| t.channel == *channel));
        let mut bound: Vec<AlertId> = of_it.map(|(id, _)| id.clone()).collect();
        bound.sort_unstable();
        for id in bound {
            let owed = self.owed(&id, channel);
            self.leave(&id, channel);
            let others: Vec<Arc<str>> = self.channels_of(&id).cloned().collect();
            if self.subjects.get(&id).is_some_and(|s| s.phase == Phase::Firing) {
                self.lead_too(&id, now); // who is to be told of it already stays
            }
            if !owed.is_empty() {
                self.hand_over(&id, channel, &owed, &others, now);
            }
            self.refresh(&id, now);
        }
        self.channels.remove(channel);
        self.dirty.insert(RowName::Channel(Arc::clone(channel)));
        self.health.push(Health::Up { channel: Arc::clone(channel), note: Some(EndNote::Gone) });
    }

    /// Episodes that are over, of which a channel was to be told; none where its fallback tells them.
    fn owed(&self, id: &AlertId, channel: &str) -> Vec<Arc<AlertView>> {
        let targets = self.subjects.get(id).into_iter().flat_map(|s| &s.targets);
        let target = targets.filter(|t| *t.channel == *channel && !t.covered);
        target.flat_map(|t| t.missed.iter().chain(&t.ended)).cloned().collect()
    }

    /// Has those told of what is over to whom the alert leads now; `others` know of it by themselves.
    fn hand_over(
        &mut self,
        id: &AlertId,
        from: &Arc<str>,
        owed: &[Arc<AlertView>],
        others: &[Arc<str>],
        now: Timestamp,
    ) {
        let mut heirs: Vec<Arc<str>> = others.to_vec();
        for channel in self.lead_too(id, now) {
            if others.contains(&channel) {
                continue;
            }
            let subject = self.subjects.get_mut(id).expect("it led there just now");
            let target = subject.targets.iter_mut().find(|t| t.channel == channel).expect("it led there just now");
            target.missed.extend(owed.iter().cloned());
            heirs.push(channel);
        }
        let heirs: Vec<String> = heirs.iter().map(|name| format!("`{name}`")).collect();
        let to = if heirs.is_empty() { "nobody".to_owned() } else { heirs.join(", ") };
        let decision = format!("taken out of the configuration before it was told of an end: {to} is told");
        self.history.push(Entry::Note { at: now, text: format!("`{from}` was {decision} of {id}") });
        self.history.push(Entry::Decision { at: now, alert: id.clone(), channel: Arc::clone(from), decision });
    }
}
