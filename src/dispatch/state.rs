//! What is kept over a restart, and the clock-work of groups.

use super::backoff::Jitter;
use super::calendar::Calendars;
use super::channel::ChannelState;
use super::group::Group;
use super::inhibit::Inhibitions;
use super::silence::Silences;
use super::subject::Subject;
use super::{Cause, Config, Dispatch};
use crate::model::alert::AlertView;
use crate::model::record::{Belief, FlightRecord, Phase, Retry, Row, RowName, Write};
use crate::model::{AlertId, Delivery, FailureClass, Timestamp};
use hashbrown::{HashMap, HashSet};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

impl Dispatch {
    /// Takes up what was kept. Every notification that was out when the daemon died is unanswered.
    ///
    /// The caller then says which alerts are active ([`Dispatch::active`]).
    #[must_use]
    pub fn new(config: Config, rows: Vec<Row>, now: Timestamp, seed: u64) -> Dispatch {
        let mut dispatch = Dispatch {
            inhibitions: Inhibitions::new(config.inhibit.clone()),
            silences: Silences::default(),
            calendars: Calendars::default(),
            relabelled: HashSet::new(),
            over: HashSet::new(),
            config,
            subjects: HashMap::new(),
            groups: HashMap::new(),
            channels: HashMap::new(),
            flights: HashMap::new(),
            limited: HashSet::new(),
            queue: BTreeSet::new(),
            touched: HashSet::new(),
            held: BTreeSet::new(),
            under: None,
            flips: HashMap::new(),
            steady: BTreeSet::new(),
            starting: true,
            holds_changed: true,
            jitter: Jitter::new(seed),
            boot: seed,
            issued: 0,
            dirty: HashSet::new(),
            history: Vec::new(),
            health: Vec::new(),
            drills: super::drill::Drills::default(),
        };
        dispatch.take_up(rows);
        let mut out: Vec<Arc<str>> = dispatch.flights.keys().cloned().collect();
        out.sort_unstable(); // each draws its jitter: the same seed gives the same waits
        let why = "the daemon stopped before the answer came".to_owned();
        for id in out {
            dispatch.answered(
                &id,
                &Delivery::Unanswered { why: why.clone(), retry_after: None, class: FailureClass::Lost },
                Duration::ZERO,
                now,
            );
        }
        dispatch.starting = false;
        let config = dispatch.config.clone();
        dispatch.reload(config, now);
        dispatch
    }

    fn take_up(&mut self, rows: Vec<Row>) {
        for row in rows {
            match row {
                Row::Subject(r) => {
                    self.subjects.insert(r.view.id.clone(), Subject::restore(*r));
                }
                Row::Group(r) => {
                    self.groups.insert(Arc::clone(&r.key), Box::new(Group::restore(*r)));
                }
                Row::Channel(r) => {
                    self.channels.insert(Arc::clone(&r.channel), ChannelState::restore(*r));
                }
                Row::Flight(r) => self.take_up_flight(*r),
                Row::Silence(r) => self.silences.put(*r),
                Row::Life(_) | Row::Check(_) | Row::Received(_) | Row::Source(_) => {}
            }
        }
        for (id, subject) in &self.subjects {
            for target in &subject.targets {
                let channel = self.channels.entry(Arc::clone(&target.channel)).or_default();
                if target.covered {
                    channel.covered.insert(id.clone());
                }
                if let Some(group) = self.groups.get_mut(&target.group) {
                    group.members.insert(id.clone());
                }
            }
        }
        self.touched.extend(self.groups.keys().cloned());
        self.take_up_flapping();
    }

    fn take_up_flight(&mut self, flight: FlightRecord) {
        self.flights.insert(Arc::clone(&flight.id), flight);
    }

    /// At start: this alert is active, as the evaluator remembers it. Its row is written where it says something else now.
    pub fn active(&mut self, view: &Arc<AlertView>, phase: Phase, now: Timestamp) {
        let id = &view.id;
        let before = self.subjects.get(id).map(Subject::record);
        self.activate(view, phase);
        if phase == Phase::Firing {
            let led = self.subjects.get(id).is_some_and(|s| !s.targets.is_empty());
            if !led {
                self.lead(id, now);
            }
        }
        self.renew(id, now);
        if self.subjects.get(id).map(Subject::record) != before {
            self.dirty.insert(RowName::Subject(id.clone()));
        }
    }

    /// Alerts that dispatch took for active at start but the evaluator does not know end now.
    #[must_use]
    pub fn orphans(&self) -> Vec<Arc<AlertView>> {
        let firing = self.subjects.values().filter(|s| {
            let has_ended = s.flapping.as_ref().is_some_and(|f| f.last.ended.is_some());
            s.active.is_none() && s.phase != Phase::Ended && !has_ended
        });
        firing.map(|s| Arc::clone(&s.view)).collect()
    }

    pub(super) fn rebuild_inhibitions(&mut self) {
        self.inhibitions = Inhibitions::new(self.config.inhibit.clone());
        for (id, subject) in &self.subjects {
            if let Some(labels) = &subject.active {
                self.inhibitions.activate(id, labels);
            }
        }
    }

    /// The state rows that changed since the last call.
    pub fn take_writes(&mut self, now: Timestamp) -> Vec<Write> {
        let dirty = std::mem::take(&mut self.dirty);
        dirty.into_iter().map(|name| self.write(name, now)).collect()
    }

    /// Every state row there is: after a store that failed is back, or has been emptied.
    #[must_use]
    pub fn snapshot(&self, now: Timestamp) -> Vec<Write> {
        let subjects = self.subjects.keys().cloned().map(RowName::Subject);
        let groups = self.groups.keys().cloned().map(RowName::Group);
        let channels = self.channels.keys().cloned().map(RowName::Channel);
        let flights = self.flights.keys().cloned().map(RowName::Flight);
        let silences = self.silences.made_ids().cloned().map(RowName::Silence);
        subjects
            .chain(groups)
            .chain(channels)
            .chain(flights)
            .chain(silences)
            .map(|name| self.write(name, now))
            .collect()
    }

    fn write(&self, name: RowName, now: Timestamp) -> Write {
        let subject = |id| self.subjects.get(id).filter(|s| s.is_kept());
        let row = match &name {
            RowName::Subject(id) => subject(id).map(|s| Row::Subject(Box::new(s.record()))),
            RowName::Group(key) => self.groups.get(key).map(|g| Row::Group(Box::new(g.record()))),
            RowName::Channel(name) => self.channels.get(name).map(|c| Row::Channel(Box::new(c.record(name, now)))),
            RowName::Flight(id) => self.flights.get(id).map(|f| Row::Flight(Box::new(f.clone()))),
            RowName::Silence(id) => self.silences.made(id).map(|s| Row::Silence(Box::new((**s).clone()))),
            RowName::Life(_) | RowName::Check(_) | RowName::Received(_) | RowName::Source(_) => None,
        };
        row.map_or_else(|| Write::Delete(Box::new(name)), Write::Put)
    }

    /// Works out `due` of every group that was touched, and drops those that are over.
    pub(super) fn settle(&mut self, now: Timestamp) {
        for key in std::mem::take(&mut self.touched) {
            let Some(group) = self.groups.get(&key) else { continue };
            if group.members.is_empty() && group.flight.is_none() {
                self.drop_group(&key);
                continue;
            }
            if let Some((_, at)) = group.ready {
                self.queue_up(&key, at);
            }
            let group = &self.groups[&key];
            let due = self.due(group, now);
            let over = !self.tells_anything(group);
            let group = self.groups.get_mut(&key).expect("looked up above");
            if over && group.flight.is_none() && group.last_send.is_some() {
                // Its last end was told: its next news is first news.
                group.last_send = None;
                group.thread = None;
                group.first = None;
                self.dirty.insert(RowName::Group(Arc::clone(&key)));
                self.touched.insert(Arc::clone(&key));
            }
            if group.due != due {
                if let Some(before) = std::mem::replace(&mut group.due, due) {
                    self.queue.remove(&(before, Arc::clone(&key)));
                }
                if let Some(due) = due {
                    self.queue.insert((due, key));
                }
            }
        }
        if !self.touched.is_empty() {
            self.settle(now);
        }
    }

    fn drop_group(&mut self, key: &Arc<str>) {
        let Some(group) = self.groups.remove(key) else { return };
        if let Some(due) = group.due {
            self.queue.remove(&(due, Arc::clone(key)));
        }
        if let (Some(channel), Some(rank)) = (self.channels.get_mut(&group.channel), group.ready) {
            channel.ready.remove(&(rank, Arc::clone(key)));
        }
        self.dirty.insert(RowName::Group(Arc::clone(key)));
    }

    /// Whether its channel may believe of any of its members that it fires.
    fn tells_anything(&self, group: &Group) -> bool {
        self.members(group).any(|(_, s, t)| s.targets[t].may_believe_firing())
    }

    /// The members of a group with the place of the target that is the group's.
    pub(super) fn members<'a>(&'a self, group: &'a Group) -> impl Iterator<Item = (&'a AlertId, &'a Subject, usize)> {
        group.members.iter().filter_map(|id| {
            let subject = self.subjects.get(id)?;
            let target = subject.targets.iter().position(|t| t.group == group.key)?;
            Some((id, subject, target))
        })
    }

    /// When a group is to be asked: for its earliest news that nothing holds, or for a repeat.
    fn due(&self, group: &Group, now: Timestamp) -> Option<Timestamp> {
        if group.flight.is_some() || group.ready.is_some() {
            return None;
        }
        let mut due: Option<Timestamp> = None;
        let mut repeats = false;
        for (_, subject, target) in self.members(group) {
            let at = leaves(group, subject, target);
            due = due.into_iter().chain(at).min();
            let target = &subject.targets[target];
            let told = target.may_believe_firing() && !target.covered;
            repeats |= target.news.is_none() && told && target.hold.is_none();
        }
        let repeat = group.repeats().filter(|_| repeats);
        let due = due.into_iter().chain(repeat).min()?;
        Some(match &group.retry {
            Some(retry) if !self.refusal_is_over(group, retry, now) && !self.is_told_elsewhere(group) => {
                due.max(retry.not_before)
            }
            _ => due,
        })
    }

    /// Whether the group's channel is away and has a fallback: what is new then does not wait for its next attempt.
    fn is_told_elsewhere(&self, group: &Group) -> bool {
        let is_away = self.channels.get(&group.channel).is_some_and(|channel| !channel.breaker.is_admitting());
        is_away && self.config.channel(&group.channel).is_some_and(|rules| rules.fallback.is_some())
    }

    /// A refusal holds as long as the content is the refused one.
    fn refusal_is_over(&self, group: &Group, retry: &Retry, now: Timestamp) -> bool {
        retry.refused && self.digest(group, now) != retry.digest
    }
}

/// When one member's news leaves; `None` where there is none, or something holds it.
pub(super) fn leaves(group: &Group, subject: &Subject, target: usize) -> Option<Timestamp> {
    let target = &subject.targets[target];
    let (news, at) = target.news?;
    if target.in_flight || target.covered {
        return None;
    }
    // An unanswered message is said again without waiting: the channel may believe something false.
    let unknown = matches!(target.belief, Belief::Unknown { .. });
    let natural = if unknown || target.urgent { at } else { group.leaves(news, at) };
    // Part of what is held may leave all the same: an end, and what came and went.
    let held = target.hold.as_ref().filter(|_| news.can_be_held() && subject.items(target, true).is_empty());
    match held {
        Some(Cause::Waiting { until, .. }) => return Some(natural.max(*until)),
        Some(_) => return None,
        None => {}
    }
    let wait = subject.waits.iter().map(|w| w.until).max().filter(|_| news.is_new());
    Some(natural.max(wait.unwrap_or(Timestamp::MIN)))
}
