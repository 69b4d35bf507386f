//! What dispatch is told: an alert changed, a limit was passed, a parent was judged.

use super::calendar::Calendars;
use super::group::Group;
use super::subject::{Subject, Target, Wait};
use super::{Dispatch, Route};
use crate::model::alert::AlertView;
use crate::model::record::{Phase, RowName};
use crate::model::{AlertId, Change, ChangeKind, FlapRule, LabelSet, Timestamp};
use std::sync::Arc;

/// A channel that an alert's labels lead to, by the group that tells it.
struct Lead {
    channel: Arc<str>,
    group: Arc<str>,
}

impl Dispatch {
    /// An alert's life changed. A new alert waits for the parents in `waits`.
    ///
    /// One that changes too often by `flap` is told as flapping, and once when it is steady.
    pub fn changed(&mut self, change: &Change, waits: Vec<Wait>, flap: Option<FlapRule>) {
        let (id, now) = (&change.view.id, change.at);
        if self.flaps(change, flap) {
            self.refresh(id, now);
            return;
        }
        match change.kind {
            ChangeKind::Pending => self.activate(&change.view, Phase::Pending),
            ChangeKind::Fired => {
                self.activate(&change.view, Phase::Firing);
                let subject = self.subjects.get_mut(id).expect("activated above");
                if !waits.is_empty() {
                    self.held.insert(id.clone());
                }
                subject.waits = waits;
                self.lead(id, now);
            }
            ChangeKind::Escalated => {
                self.activate(&change.view, Phase::Firing);
                self.lead(id, now);
            }
            ChangeKind::Eased => self.activate(&change.view, Phase::Firing),
            ChangeKind::Resolved => self.end(&change.view),
        }
        self.refresh(id, now);
    }

    /// A label of a firing alert changed: routes are asked again.
    pub fn relabelled(&mut self, view: &Arc<AlertView>, now: Timestamp) {
        self.activate(view, Phase::Firing);
        self.lead(&view.id, now);
        self.refresh(&view.id, now);
    }

    /// A pending alert is inactive again, or its check is gone: nobody was told.
    pub fn forget_pending(&mut self, id: &AlertId) {
        self.deactivate(id);
        if let Some(subject) = self.subjects.get_mut(id).filter(|s| s.phase == Phase::Pending) {
            subject.phase = Phase::Ended;
        }
        self.drop_if_over(id);
    }

    /// A check fires for more instances than its limit, or no longer.
    pub fn limit(&mut self, check: &Arc<str>, over: bool) {
        let changed = if over { self.limited.insert(Arc::clone(check)) } else { self.limited.remove(check) };
        self.holds_changed |= changed;
    }

    /// The checks that an alert with these labels depends on.
    #[must_use]
    pub fn parents(&self, labels: &LabelSet) -> std::collections::BTreeSet<Arc<str>> {
        self.inhibitions.parents(labels)
    }

    /// A check's slot was judged: alerts that waited for it may leave.
    pub fn judged(&mut self, check: &str, slot: Timestamp) {
        for id in &self.held {
            let Some(subject) = self.subjects.get_mut(id) else { continue };
            let before = subject.waits.len();
            subject.waits.retain(|w| &*w.parent != check || slot < w.slot);
            if subject.waits.len() != before {
                self.holds_changed = true;
                self.touched.extend(subject.targets.iter().map(|t| Arc::clone(&t.group)));
            }
        }
    }

    /// The alert is active with this view now.
    pub(super) fn activate(&mut self, view: &Arc<AlertView>, phase: Phase) {
        let id = &view.id;
        if phase == Phase::Pending && !self.subjects.contains_key(id) && !self.inhibitions.is_source(&view.labels) {
            return; // a pending alert matters to others only
        }
        let subject = self.hold_others(view, phase);
        // A told alert that is pending again has ended all the same: its end is still to be told.
        if subject.flapping.is_none() && (phase == Phase::Firing || subject.targets.is_empty()) {
            subject.phase = phase;
            subject.view = Arc::clone(view);
        }
    }

    /// It may hold others by these labels now.
    pub(super) fn hold_others(&mut self, view: &Arc<AlertView>, phase: Phase) -> &mut Subject {
        let id = &view.id;
        let subject = self.subjects.entry(id.clone()).or_insert_with(|| Subject::new(view, phase));
        if subject.active.as_ref() != Some(&view.labels) {
            if subject.targets.iter().any(|t| t.hold.is_some()) {
                self.relabelled.insert(id.clone());
            }
            if let Some(labels) = subject.active.replace(view.labels.clone()) {
                self.holds_changed |= self.inhibitions.deactivate(id, &labels);
            }
            self.holds_changed |= self.inhibitions.activate(id, &view.labels);
        }
        subject
    }

    /// It is no source of an inhibition any more.
    pub(super) fn deactivate(&mut self, id: &AlertId) {
        if let Some(labels) = self.subjects.get_mut(id).and_then(|s| s.active.take()) {
            self.holds_changed |= self.inhibitions.deactivate(id, &labels);
        }
    }

    fn end(&mut self, view: &Arc<AlertView>) {
        self.deactivate(&view.id);
        if let Some(subject) = self.subjects.get_mut(&view.id) {
            subject.end_episode(view);
            subject.view = Arc::clone(view);
        }
    }

    /// Asks the routes where an alert leads now. Who was told of it stays; who was not, and is not led to, goes.
    pub(super) fn lead(&mut self, id: &AlertId, now: Timestamp) {
        let Some(subject) = self.subjects.get(id) else { return };
        let labels = subject.view.labels.clone();
        let leads = self.leads(id, &labels);
        let gone: Vec<Arc<str>> = subject
            .targets
            .iter()
            .filter(|t| t.is_free() && !leads.iter().any(|(l, _)| l.channel == t.channel) && !subject.is_bound(t))
            .map(|t| Arc::clone(&t.channel))
            .collect();
        for channel in gone {
            self.leave(id, &channel);
        }
        self.join_all(id, leads, now);
    }

    /// The same, and nobody goes; an alert that is over is led, too. Gives the channels that it leads to.
    pub(super) fn lead_too(&mut self, id: &AlertId, now: Timestamp) -> Vec<Arc<str>> {
        let Some(subject) = self.subjects.get(id) else { return Vec::new() };
        let leads = self.leads(id, &subject.view.labels);
        let channels = leads.iter().map(|(lead, _)| Arc::clone(&lead.channel)).collect();
        self.join_all(id, leads, now);
        channels
    }

    fn join_all(&mut self, id: &AlertId, leads: Vec<(Lead, Group)>, now: Timestamp) {
        for (lead, group) in leads {
            self.join(id, &lead, group, now);
        }
    }

    /// The channels that labels lead to, each once: by the first route in the tree's order that no calendar holds now,
    /// else by the first.
    fn leads(&self, id: &AlertId, labels: &LabelSet) -> Vec<(Lead, Group)> {
        let Some(root) = &self.config.route else { return Vec::new() };
        let mut leads: Vec<(Lead, Group)> = Vec::new();
        let down = channel_of(id);
        let routes = if down.is_some() { vec![root] } else { root.find(labels) };
        for route in routes {
            let channels = down.map_or_else(|| route.channels.clone(), |down| self.others(down));
            for channel in channels {
                let known = leads.iter().position(|(l, _)| l.channel == channel);
                let is_held = |route: &str| self.calendars.hold(route).is_some();
                if known.is_some_and(|i| !is_held(&leads[i].1.route) || is_held(&route.id)) {
                    continue;
                }
                let group = new_group(route, &channel, id, labels);
                let lead = (Lead { channel, group: Arc::clone(&group.key) }, group);
                match known {
                    Some(i) => leads[i] = lead,
                    None => leads.push(lead),
                }
            }
        }
        leads
    }

    /// Who is told of the trouble of a channel: the first of its fallbacks that is not down itself, else all others.
    fn others(&self, down: &str) -> Vec<Arc<str>> {
        let fallback = |name: &str| self.config.channel(name).and_then(|channel| channel.fallback.clone());
        let is_down = |name: &Arc<str>| self.channels.get(name).is_some_and(|channel| channel.down.is_some());
        let chain = std::iter::successors(fallback(down), |name| fallback(name));
        match chain.take(self.config.channels.len()).find(|name| !is_down(name)) {
            Some(fallback) => vec![fallback],
            None => self.config.names().filter(|name| ***name != *down).cloned().collect(),
        }
    }

    /// Where a calendar holds the route by which a channel is told of an alert, another that leads there and is free
    /// takes its place.
    pub(super) fn lead_around(&mut self, id: &AlertId, now: Timestamp) {
        let Some(subject) = self.subjects.get(id).filter(|s| s.truth().is_some()) else { return };
        let is_held = |t: &Target| {
            let route = self.groups.get(&t.group).map(|g| &g.route);
            let is_its_own = !t.in_flight && !t.covered && t.stands_for.is_none();
            is_its_own && t.hold.is_some() && route.is_some_and(|route| self.calendars.hold(route).is_some())
        };
        let held: Vec<(Arc<str>, Arc<str>)> = subject
            .targets
            .iter()
            .filter(|t| is_held(t))
            .map(|t| (Arc::clone(&t.channel), Arc::clone(&t.group)))
            .collect();
        if held.is_empty() {
            return;
        }
        for (lead, group) in self.leads(id, &subject.view.labels.clone()) {
            let Some((_, before)) = held.iter().find(|(channel, _)| *channel == lead.channel) else { continue };
            if *before == lead.group || self.calendars.hold(&group.route).is_some() {
                continue;
            }
            // What was told through the other route was told: a repeat is due when it was.
            let told = self.groups.get(before).and_then(|group| group.last_send).filter(|_| self.tells(before, id));
            self.join(id, &lead, group, now);
            if let Some(group) = self.groups.get_mut(&lead.group) {
                group.last_send = group.last_send.or(told);
            }
            self.touched.insert(lead.group);
            self.dirty.insert(RowName::Subject(id.clone()));
        }
    }

    /// Whether a group's channel may believe of this alert that it fires.
    fn tells(&self, group: &str, id: &AlertId) -> bool {
        let targets = self.subjects.get(id).map(|s| s.targets.as_slice()).unwrap_or_default();
        targets.iter().any(|t| *t.group == *group && t.may_believe_firing())
    }

    fn join(&mut self, id: &AlertId, lead: &Lead, group: Group, now: Timestamp) {
        let subject = self.subjects.get_mut(id).expect("looked up by the caller");
        if let Some(target) = subject.targets.iter_mut().find(|t| t.channel == lead.channel) {
            target.stands_for = None; // it leads there by itself now
            if target.group != lead.group {
                let old = std::mem::replace(&mut target.group, Arc::clone(&lead.group));
                // In its new group it is news of now, and nothing was asked about it yet.
                target.hold = None;
                target.news = target.news.map(|(news, _)| (news, now));
                self.remove_member(&old, id);
            }
        } else {
            // Most alerts have one target, and a vector makes room for four.
            subject.targets.reserve_exact(1);
            subject.targets.push(Target::new(&lead.channel, &lead.group));
        }
        self.channels.entry(Arc::clone(&lead.channel)).or_default();
        let group = self.groups.entry(Arc::clone(&lead.group)).or_insert_with(|| Box::new(group));
        group.members.insert(id.clone());
        self.dirty.insert(RowName::Group(Arc::clone(&lead.group)));
    }

    pub(super) fn leave(&mut self, id: &AlertId, channel: &str) {
        let Some(subject) = self.subjects.get_mut(id) else { return };
        let Some(at) = subject.targets.iter().position(|t| &*t.channel == channel) else { return };
        let target = subject.targets.remove(at);
        self.remove_member(&target.group, id);
    }

    pub(super) fn remove_member(&mut self, group: &Arc<str>, id: &AlertId) {
        if let Some(group) = self.groups.get_mut(group) {
            group.members.remove(id);
        }
        self.touched.insert(Arc::clone(group));
    }

    /// What there is to tell of an alert may have changed.
    pub(super) fn refresh(&mut self, id: &AlertId, now: Timestamp) {
        if self.renew(id, now) {
            self.dirty.insert(RowName::Subject(id.clone()));
            self.drop_if_over(id);
        }
    }

    /// Works out anew what there is to tell of an alert; false where it is not known.
    pub(super) fn renew(&mut self, id: &AlertId, now: Timestamp) -> bool {
        let Some(subject) = self.subjects.get_mut(id) else { return false };
        subject.refresh_all(now);
        for target in &subject.targets {
            if let Some(group) = self.groups.get_mut(&target.group) {
                group.owed_noted = false;
            }
            self.touched.insert(Arc::clone(&target.group));
        }
        true
    }

    /// Forgets an alert of which nothing is left to tell.
    pub(super) fn drop_if_over(&mut self, id: &AlertId) {
        if !self.subjects.get(id).is_some_and(Subject::is_over) {
            return;
        }
        let subject = self.subjects.remove(id).expect("looked at above");
        for target in &subject.targets {
            self.remove_member(&target.group, id);
        }
        self.held.remove(id);
        self.dirty.insert(RowName::Subject(id.clone()));
    }

    /// A configuration took the place of another. Groups, breakers and what was told live on; an alert that was
    /// told through a channel which is gone is led anew.
    pub fn reload(&mut self, config: super::Config, now: Timestamp) {
        self.config = config;
        self.rebuild_inhibitions();
        self.silences.declare(self.config.silences.clone());
        self.calendars = Calendars::new(self.config.route.as_ref());
        self.pass(now);
        let gone: Vec<Arc<str>> = self.channels.keys().filter(|c| self.config.channel(c).is_none()).cloned().collect();
        for channel in &gone {
            self.drop_channel(channel, now);
        }
        self.bound_breakers(now);
        self.take_timers();
        let refused: Vec<Arc<str>> = self
            .groups
            .values()
            .filter(|g| g.retry.as_ref().is_some_and(|r| r.refused))
            .map(|g| Arc::clone(&g.key))
            .collect();
        for key in refused {
            self.groups.get_mut(&key).expect("listed above").retry = None;
            self.touched.insert(key);
        }
        self.channels.values_mut().for_each(|channel| channel.digest_not_before = None);
        self.groups.values_mut().for_each(|group| group.owed_noted = false);
        self.holds_changed = true;
    }

    /// Groups keep their lives, and take the timers that their route has now.
    fn take_timers(&mut self) {
        let Some(root) = &self.config.route else { return };
        let timers: std::collections::HashMap<&Arc<str>, super::Timers> =
            root.walk().map(|r| (&r.id, r.timers)).collect();
        for group in self.groups.values_mut() {
            let Some(now) = timers.get(&group.route).filter(|t| **t != group.timers) else { continue };
            group.timers = *now;
            self.touched.insert(Arc::clone(&group.key));
            self.dirty.insert(RowName::Group(Arc::clone(&group.key)));
        }
    }
}

/// The channel whose trouble an alert of ours is about.
pub(super) fn channel_of(id: &AlertId) -> Option<&str> {
    (&*id.check == "channel-down" && id.reason.is_none()).then(|| id.key.get("channel").unwrap_or_default())
}

fn new_group(route: &Route, channel: &Arc<str>, id: &AlertId, labels: &LabelSet) -> Group {
    let group_labels = route.group_labels(labels);
    let key = match route.group_by {
        super::GroupBy::Labels(_) => format!("{}:{channel}:{group_labels}", route.id),
        super::GroupBy::Each => format!("{}:{channel}:{id}", route.id),
    };
    Group::new(Arc::from(key), &route.id, channel, group_labels, route.timers)
}
