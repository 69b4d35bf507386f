//! Whose turn it is: the queue of all groups, the queue of each channel, and what its breaker and its rate let through.

use super::decide::Renew;
use super::group::Group;
use super::{ChannelRules, Dispatch, Send};
use crate::model::breaker::Admission;
use crate::model::record::{Entry, RowName};
use crate::model::{AlertId, Item, Severity, Timestamp};
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// What a channel's limits keep for less than this is not worth a line of the history.
const NOTED_WAIT_MIN: Duration = Duration::from_mins(1);

/// Groups of one channel whose turn it is, to be told in one message.
pub(super) struct Load {
    pub channel: Arc<str>,
    pub groups: Vec<Arc<str>>,
    /// With what the channel's fallback was told in its place.
    pub is_digest: bool,
}

impl Dispatch {
    /// Moves the groups that are due into the queues of their channels.
    pub(super) fn enqueue_due(&mut self, now: Timestamp) {
        while let Some((at, _)) = self.queue.first() {
            if now < *at {
                break;
            }
            let (at, key) = self.queue.pop_first().expect("looked at above");
            let Some(group) = self.groups.get_mut(&key) else { continue };
            group.due = None;
            group.owed_noted = false;
            self.queue_up(&key, at);
        }
    }

    /// Puts a group into its channel's queue, or where it stands now that it has other news.
    pub(super) fn queue_up(&mut self, key: &Arc<str>, at: Timestamp) {
        let Some(group) = self.groups.get(key) else { return };
        let rank = (Reverse(self.urgency(group)), at);
        if group.ready != Some(rank) {
            self.unqueue(key);
            let group = self.groups.get_mut(key).expect("looked up above");
            group.ready = Some(rank);
            let channel = self.channels.entry(Arc::clone(&group.channel)).or_default();
            channel.ready.insert((rank, Arc::clone(key)));
        }
    }

    /// Takes a group out of its channel's queue.
    pub(super) fn unqueue(&mut self, key: &Arc<str>) {
        let Some(group) = self.groups.get_mut(key) else { return };
        let Some(rank) = group.ready.take() else { return };
        if let Some(channel) = self.channels.get_mut(&group.channel) {
            channel.ready.remove(&(rank, Arc::clone(key)));
        }
        self.touched.insert(Arc::clone(key));
    }

    /// The worst that a group has to tell of what fires; `None` where it has only ends and repeats.
    fn urgency(&self, group: &Group) -> Option<Severity> {
        let urgent = self.members(group).filter(|(_, subject, place)| {
            let target = &subject.targets[*place];
            let is_ready = target.hold.is_none() && !target.covered && !target.in_flight;
            subject.truth().is_some() && target.news.is_some() && is_ready
        });
        urgent.map(|(_, subject, _)| subject.view.severity).max()
    }

    /// Sends what stands in a channel's queue, as far as the channel and its rate let it through.
    pub(super) fn serve(&mut self, channel: &Arc<str>, now: Timestamp, renew: Renew, sends: &mut Vec<Send>) {
        while let Some(state) = self.channels.get_mut(channel).filter(|state| state.wants(now)) {
            if matches!(state.admit(now), Admission::No { .. }) {
                if state.is_away(now) {
                    self.pass_over(channel, now);
                }
                return;
            }
            if now < self.free_at(channel, now) {
                let state = self.channels.get_mut(channel).expect("looked at above");
                state.over = !state.ready.is_empty();
                self.note_paced(channel, now);
                self.pass_over(channel, now);
                return;
            }
            let load = self.next_load(channel, now);
            let send = self.send(&load, now, renew);
            let state = self.channels.get_mut(channel).expect("looked at above");
            let Some(send) = send else {
                if load.is_digest {
                    self.uncover(channel, &BTreeSet::new(), now);
                }
                continue;
            };
            state.breaker.started(now);
            state.in_flight += 1;
            state.digest_is_out |= load.is_digest;
            self.take_token(channel, now);
            sends.push(send);
        }
    }

    /// The channel's own limits keep what stands in its queue for a while: that is said once of each alert of it.
    fn note_paced(&mut self, channel: &Arc<str>, now: Timestamp) {
        let (because, next, Some(until)) = self.admission(channel, now) else { return };
        if until < now + NOTED_WAIT_MIN {
            return;
        }
        let state = &self.channels[channel];
        let groups = state.ready.iter().filter_map(|(_, key)| self.groups.get(key)).filter(|group| !group.owed_noted);
        let mut waiting: BTreeSet<AlertId> = BTreeSet::new();
        for group in groups {
            let draft = self.draft(group, now, false);
            let news = draft.items().filter(|item| item.kind.is_news()).map(|item| &item.alert.id);
            waiting.extend(news.filter(|id| !state.paced.contains(id)).cloned());
        }
        let decision = format!("not sent: {because}; {next}");
        self.history.extend(waiting.iter().map(|alert| Entry::Decision {
            at: now,
            alert: alert.clone(),
            channel: Arc::clone(channel),
            decision: decision.clone(),
        }));
        self.channels.get_mut(channel).expect("looked at above").paced.append(&mut waiting);
    }

    /// A message leaves: the channel's rate, and that of those who tell the same room, is used.
    fn take_token(&mut self, channel: &Arc<str>, now: Timestamp) {
        self.dirty.insert(RowName::Channel(Arc::clone(channel)));
        let Some(rules) = self.config.channel(channel) else { return };
        self.channels.entry(Arc::clone(channel)).or_default().pace.take(rules, now);
        let shares =
            |other: &&ChannelRules| rules.room.is_some() && other.room == rules.room && other.name != rules.name;
        for other in self.config.channels.iter().filter(shares) {
            self.channels.entry(Arc::clone(&other.name)).or_default().pace.wait(other, now);
            self.dirty.insert(RowName::Channel(Arc::clone(&other.name)));
        }
    }

    /// When a channel's rate lets the next message through.
    fn free_at(&mut self, channel: &Arc<str>, now: Timestamp) -> Timestamp {
        let (Some(rules), Some(state)) = (self.config.channel(channel), self.channels.get(channel)) else { return now };
        let (first, other) = (state.pace.free_at(rules, state.is_critical()), state.pace.free_at(rules, false));
        let Some((_, key)) = state.ready.first().filter(|_| first <= now && now < other) else { return first };
        // It has its turn for what is critical in it alone: that must not be held by now.
        let (key, draft) = (Arc::clone(key), self.draft(&self.groups[key], now, false));
        let critical = |i: &Item| i.kind.is_news() && i.kind.is_firing() && i.alert.severity == Severity::Critical;
        if draft.items().any(critical) {
            return first;
        }
        self.hold(&key, draft.held, now);
        self.touched.insert(key);
        other
    }

    /// Takes out of a channel's queue what is told next: the first group, or all that came while its rate let nothing
    /// through, or all beside what was told elsewhere.
    fn next_load(&mut self, channel: &Arc<str>, now: Timestamp) -> Load {
        let state = self.channels.get_mut(channel).expect("looked up by the caller");
        let is_digest = state.is_digest_due(now);
        let all = std::mem::take(&mut state.over) || is_digest;
        state.paced.clear();
        let taken: Vec<_> = if all {
            std::mem::take(&mut state.ready).into_iter().collect()
        } else {
            state.ready.pop_first().into_iter().collect()
        };
        let mut groups: Vec<Arc<str>> = taken.into_iter().map(|(_, key)| key).collect();
        for key in &groups {
            if let Some(group) = self.groups.get_mut(key) {
                group.ready = None;
            }
            self.touched.insert(Arc::clone(key));
        }
        if is_digest {
            let more = self.covered_groups(channel).into_iter().filter(|key| !groups.contains(key));
            groups.extend(more.collect::<Vec<_>>());
        }
        Load { channel: Arc::clone(channel), groups, is_digest }
    }
}
