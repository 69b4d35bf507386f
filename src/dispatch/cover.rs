//! Who is told in the place of a channel that is away.
//!
//! A channel is away while its breaker is tripped, or where it refused a message. What it was not told its fallback is
//! told at once, and the rest of that alert's life: the alert's target on the channel is *covered*, and a target on
//! the fallback *stands for* it. When the channel is back, one message tells what is true of all that is covered: the
//! digest, which is the breaker's probe, too.

use super::Dispatch;
use super::answer::REFUSED_MAX;
use super::backoff::DELAY_MIN;
use super::group::Group;
use super::news::channel_of;
use super::subject::{Subject, Target};
use crate::model::notification::{Absent, Away};
use crate::model::record::{Belief, Entry, FlightRecord, RowName};
use crate::model::{AlertId, Item, ItemKind, Timestamp};
use std::collections::BTreeSet;
use std::sync::Arc;

impl Dispatch {
    fn fallback(&self, channel: &str) -> Option<Arc<str>> {
        self.config.channel(channel)?.fallback.clone()
    }

    /// The channel admits nothing now: what stands in its queue is told elsewhere, or owed, so that it is told late
    /// rather than never.
    pub(super) fn pass_over(&mut self, channel: &Arc<str>, now: Timestamp) {
        let state = &self.channels[channel];
        let fallback = self.fallback(channel).filter(|_| !state.breaker.is_admitting());
        let keys: Vec<Arc<str>> = state.ready.iter().map(|(_, key)| Arc::clone(key)).collect();
        for key in keys {
            let Some(group) = self.groups.get_mut(&key).filter(|g| !g.owed_noted) else { continue };
            group.owed_noted = true;
            match &fallback {
                Some(to) => self.cover_group(&key, to, now),
                None => self.owe_group(&key, now),
            }
        }
    }

    fn owe_group(&mut self, key: &Arc<str>, now: Timestamp) {
        let draft = self.draft(&self.groups[key], now, false);
        let fired = draft.items().filter(|i| i.kind == ItemKind::Fired).map(|i| i.alert.id.clone());
        for id in fired.collect::<Vec<_>>() {
            let Some(subject) = self.subjects.get_mut(&id) else { continue };
            for target in subject.targets.iter_mut().filter(|t| t.group == *key) {
                target.owed = true;
            }
            self.dirty.insert(RowName::Subject(id));
        }
        self.hold(key, draft.held, now);
    }

    /// An attempt to send failed: where the channel is away, or will not take it, its fallback is told.
    pub(super) fn cover_failed(&mut self, flight: &FlightRecord, refused: bool, tripped: bool, now: Timestamp) {
        let away = self.channels.get(&flight.channel).is_some_and(|c| !c.breaker.is_admitting());
        let Some(to) = self.fallback(&flight.channel).filter(|_| refused || away) else { return };
        if refused && !away && !flight.is_digest {
            // It is well, and would refuse the same at once: until it has taken another message.
            let channel = self.channels.entry(Arc::clone(&flight.channel)).or_default();
            channel.digest_not_before = channel.digest_not_before.max(Some(now + REFUSED_MAX));
        }
        let mut keys: BTreeSet<Arc<str>> = flight.groups().map(|(key, _)| Arc::clone(key)).collect();
        if tripped {
            let waits = |g: &Group| g.channel == flight.channel && (g.retry.is_some() || g.ready.is_some());
            keys.extend(self.groups.values().filter(|g| waits(g)).map(|g| Arc::clone(&g.key)));
        }
        for key in keys {
            self.cover_group(&key, &to, now);
        }
    }

    /// What a group would say now its channel's fallback says.
    fn cover_group(&mut self, key: &Arc<str>, to: &Arc<str>, now: Timestamp) {
        let Some(group) = self.groups.get(key).filter(|g| g.flight.is_none()) else { return };
        let draft = self.draft(group, now, false);
        let news = draft.items().filter(|i| i.kind.is_news()).map(|i| i.alert.id.clone());
        let ids: BTreeSet<AlertId> = news.collect();
        let mut left = 0;
        for id in &ids {
            left += usize::from(!self.cover(id, key, to, now));
        }
        self.hold(key, draft.held, now);
        if 0 < left {
            self.owe_group(key, now);
        } else if !ids.is_empty() {
            self.unqueue(key);
        }
    }

    /// The first in a row of fallbacks that an alert is not about: nobody hears through itself that it is down.
    fn hears(&self, id: &AlertId, to: &Arc<str>) -> Option<Arc<str>> {
        if channel_of(id) == Some(to) { self.fallback(to) } else { Some(Arc::clone(to)) }
    }

    /// Whether its fallback is told of an alert in a channel's place.
    fn cover(&mut self, id: &AlertId, key: &Arc<str>, to: &Arc<str>, now: Timestamp) -> bool {
        let Some(to) = &self.hears(id, to) else { return false };
        let group = &self.groups[key];
        let (channel, stand_in) = (Arc::clone(&group.channel), stand_in_group(group, to));
        let Some(subject) = self.subjects.get_mut(id) else { return true };
        let truth = subject.truth();
        let Some(target) = subject.targets.iter_mut().find(|t| t.group == *key && !t.covered) else { return true };
        target.covered = true;
        target.owed |= truth.is_some_and(|t| !target.believes_episode(t.episode));
        let new = target.stand_in(to, &stand_in.key);
        if let Place::Joins { leaving } = place(subject, new, now) {
            if let Some(left) = leaving {
                self.remove_member(&left, id);
            }
            self.dirty.insert(RowName::Group(Arc::clone(&stand_in.key)));
            self.touched.insert(Arc::clone(&stand_in.key));
            let group = self.groups.entry(Arc::clone(&stand_in.key)).or_insert_with(|| Box::new(stand_in));
            group.members.insert(id.clone());
            self.channels.entry(Arc::clone(to)).or_default();
        }
        let state = self.channels.entry(Arc::clone(&channel)).or_default();
        state.covered.insert(id.clone());
        state.away_since.get_or_insert(now);
        let why = state.trouble().map(|why| format!(": {why}")).unwrap_or_default();
        self.dirty.extend([RowName::Subject(id.clone()), RowName::Channel(Arc::clone(&channel))]);
        let decision = format!("told through its fallback `{to}`{why}");
        self.history.push(Entry::Decision { at: now, alert: id.clone(), channel, decision });
        self.refresh(id, now);
        true
    }

    /// The groups of what a channel's fallback was told in its place.
    pub(super) fn covered_groups(&self, channel: &Arc<str>) -> BTreeSet<Arc<str>> {
        let covered = self.channels.get(channel).map(|state| &state.covered);
        let targets = covered.into_iter().flatten().filter_map(|id| self.subjects.get(id)).flat_map(|s| &s.targets);
        targets.filter(|t| t.channel == *channel && t.covered).map(|t| Arc::clone(&t.group)).collect()
    }

    /// A digest was delivered, or had nothing to say (`told` is empty): what it told, and what needs no telling, is the
    /// channel's own matter again.
    pub(super) fn uncover(&mut self, channel: &Arc<str>, told: &BTreeSet<AlertId>, now: Timestamp) {
        let ids: Vec<AlertId> = self.channels.get(channel).into_iter().flat_map(|c| &c.covered).cloned().collect();
        for id in ids {
            let target = self.subjects.get_mut(&id).and_then(|s| s.targets.iter_mut().find(|t| t.channel == *channel));
            let known = target.is_some();
            if let Some(target) = target.filter(|t| t.covered) {
                if !told.contains(&id) && target.news.is_some() && target.hold.is_none() {
                    continue; // it came to be covered after the digest had left
                }
                target.covered = false;
            }
            self.channels.get_mut(channel).expect("listed above").covered.remove(&id);
            if known {
                self.dismiss(&id, channel);
                self.refresh(&id, now);
            }
        }
        let state = self.channels.entry(Arc::clone(channel)).or_default();
        if state.covered.is_empty() {
            state.away_since = None;
        } else {
            state.digest_not_before = Some(now + DELAY_MIN);
        }
        self.dirty.insert(RowName::Channel(Arc::clone(channel)));
    }

    /// Whoever stands for a channel that is back, and was told nothing, need not be told.
    fn dismiss(&mut self, id: &AlertId, channel: &Arc<str>) {
        let Some(subject) = self.subjects.get(id) else { return };
        let idle = |t: &&Target| {
            t.stands_for.as_ref() == Some(channel) && t.belief == Belief::Nothing && !t.in_flight && !t.covered
        };
        let idle: Vec<Arc<str>> = subject.targets.iter().filter(idle).map(|t| Arc::clone(&t.channel)).collect();
        for stand_in in idle {
            self.leave(id, &stand_in);
        }
    }

    /// What a digest says of itself.
    pub(super) fn away(&self, channel: &Arc<str>, now: Timestamp) -> Option<Away> {
        let state = self.channels.get(channel)?;
        let subjects = state.covered.iter().filter_map(|id| self.subjects.get(id));
        let stand_ins = subjects.flat_map(|s| &s.targets).filter(|t| t.stands_for.as_ref() == Some(channel));
        let told: BTreeSet<Arc<str>> = stand_ins.map(|t| Arc::clone(&t.channel)).collect();
        Some(Away { since: state.away_since.unwrap_or(now), told: told.into_iter().collect() })
    }

    /// The channels in whose place these items are told.
    pub(super) fn instead_of(&self, channel: &Arc<str>, items: &[Item]) -> Vec<Absent> {
        let mut absent: BTreeSet<&Arc<str>> = BTreeSet::new();
        for item in items {
            let Some(subject) = self.subjects.get(&item.alert.id) else { continue };
            let mine = subject.targets.iter().filter(|t| t.channel == *channel && subject.is_bound(t));
            absent.extend(mine.filter_map(|t| t.stands_for.as_ref()));
        }
        let why = |name: &Arc<str>| self.channels.get(name).and_then(|c| c.trouble()).unwrap_or_default().to_owned();
        absent.into_iter().map(|name| Absent { channel: Arc::clone(name), why: why(name) }).collect()
    }
}

/// What became of a target that was to stand on a fallback.
enum Place {
    /// The alert leads there by itself: that target speaks.
    Known,
    /// It is a member of the group that was made for it, and of the one before no more.
    Joins { leaving: Option<Arc<str>> },
}

/// Puts a target on a fallback. Where the alert leads there by itself, that one speaks, but for one that is held.
fn place(subject: &mut Subject, new: Target, now: Timestamp) -> Place {
    let Some(at) = subject.targets.iter().position(|t| t.channel == new.channel) else {
        subject.targets.push(new);
        subject.refresh(subject.targets.len() - 1, now);
        return Place::Joins { leaving: None };
    };
    let own = &mut subject.targets[at];
    let untold = own.belief == Belief::Nothing;
    own.urgent |= untold && own.news.is_some();
    if !untold || own.hold.is_none() || own.covered {
        return Place::Known;
    }
    let left = std::mem::replace(&mut own.group, Arc::clone(&new.group));
    (own.owed, own.hold) = (true, None);
    subject.refresh(at, now);
    Place::Joins { leaving: (left != new.group).then_some(left) }
}

/// The group on a fallback that is to it what `group` is to its channel.
fn stand_in_group(group: &Group, to: &Arc<str>) -> Group {
    let rest = group.key.strip_prefix(&*format!("{}:{}:", group.route, group.channel)).unwrap_or(&group.key);
    let key = Arc::from(format!("{}:{to}:{rest}", group.route));
    Group::new(key, &group.route, to, group.labels.clone(), group.timers)
}
