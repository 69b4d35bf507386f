//! What leaves now: the queue of groups, the holds, and the making of a notification.

use super::breaker::Admission;
use super::group::Group;
use super::hold::Cause;
use super::subject::{Subject, Target};
use super::{Dispatch, Send};
use crate::model::alert::AlertView;
use crate::model::fnv::Fnv;
use crate::model::notification::Holds;
use crate::model::record::{Entry, FlightItem, FlightRecord, RowName, Told};
use crate::model::{AlertId, Item, ItemKind, Notification, Severity, Timestamp};
use hashbrown::{HashMap, HashSet};
use std::cmp::Reverse;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// Held alerts that a message names; of more it says how many there are.
const HELD_NAMED: usize = 50;

/// Gives the view of an active alert as of its last row.
type Renew<'a> = &'a dyn Fn(&AlertId) -> Option<Arc<AlertView>>;

/// What a group would say now.
#[derive(Default)]
struct Draft {
    items: Vec<Item>,
    /// Members whose news something holds, or that are held and would have been repeated.
    held: Vec<(AlertId, Cause)>,
}

impl Draft {
    fn has_news(&self) -> bool {
        self.items.iter().any(|i| i.kind.is_news())
    }
}

impl Dispatch {
    /// Moves the groups that are due into the queues of their channels.
    pub(super) fn enqueue_due(&mut self, now: Timestamp) {
        while let Some((at, _)) = self.queue.first() {
            if now < *at {
                break;
            }
            let (at, key) = self.queue.pop_first().expect("looked at above");
            let severity = self.groups.get(&key).and_then(|g| self.members(g).map(|(_, s, _)| s.view.severity).max());
            let Some(group) = self.groups.get_mut(&key) else { continue };
            group.due = None;
            group.ready = true;
            group.owed_noted = false;
            let channel = self.channels.entry(Arc::clone(&group.channel)).or_default();
            channel.ready.insert((Reverse(severity), at, key));
        }
    }

    /// Sends what stands in a channel's queue, as far as the channel admits it.
    pub(super) fn serve(&mut self, channel: &Arc<str>, now: Timestamp, renew: Renew, sends: &mut Vec<Send>) {
        loop {
            let Some(state) = self.channels.get(channel) else { return };
            if state.ready.is_empty() {
                return;
            }
            if matches!(state.admit(now), Admission::No { .. }) {
                if state.is_away(now) {
                    self.note_owed(channel, now);
                }
                return;
            }
            let state = self.channels.get_mut(channel).expect("looked at above");
            let (_, _, key) = state.ready.pop_first().expect("not empty");
            if let Some(group) = self.groups.get_mut(&key) {
                group.ready = false;
            }
            self.touched.insert(Arc::clone(&key));
            if let Some(send) = self.send(&key, now, renew) {
                let state = self.channels.get_mut(channel).expect("looked at above");
                state.breaker.started(now);
                state.in_flight += 1;
                sends.push(send);
            }
        }
    }

    /// The channel is away: what was due is owed, so that it is told late rather than never.
    fn note_owed(&mut self, channel: &Arc<str>, now: Timestamp) {
        let keys: Vec<Arc<str>> = self.channels[channel].ready.iter().map(|(_, _, k)| Arc::clone(k)).collect();
        for key in keys {
            let Some(group) = self.groups.get_mut(&key).filter(|g| !g.owed_noted) else { continue };
            group.owed_noted = true;
            let draft = self.draft(&self.groups[&key], now);
            for id in draft.items.iter().filter(|i| i.kind == ItemKind::Fired).map(|i| i.alert.id.clone()) {
                let Some(subject) = self.subjects.get_mut(&id) else { continue };
                for target in subject.targets.iter_mut().filter(|t| t.group == key) {
                    target.owed = true;
                }
                self.dirty.insert(RowName::Subject(id));
            }
            self.hold(&key, draft.held, now);
        }
    }

    /// Makes a group's notification, where it has something to say that nothing holds.
    fn send(&mut self, key: &Arc<str>, now: Timestamp, renew: Renew) -> Option<Send> {
        self.renew_views(key, renew);
        let draft = self.draft(self.groups.get(key)?, now);
        let group = self.groups.get(key)?;
        let repeat_due = group.repeats().is_some_and(|at| at <= now);
        let repeat = !draft.has_news();
        let Draft { items, held } = draft;
        let nothing = items.is_empty() || (repeat && !repeat_due);
        let send = if nothing { None } else { Some(self.notify(key, items, repeat, now)) };
        self.hold(key, held, now);
        send
    }

    fn notify(&mut self, key: &Arc<str>, items: Vec<Item>, repeat: bool, now: Timestamp) -> Send {
        let (digest, holds, over) = (digest(&items), self.holds(&items), self.ends(key, &items));
        let group = self.groups.get_mut(key).expect("looked up by the caller");
        let (id, attempts) = match &group.retry {
            Some(retry) if retry.digest == digest && !retry.id.is_empty() => (Arc::clone(&retry.id), retry.attempts),
            retry => {
                self.issued += 1;
                let id = format!("{:x}-{:x}-{:x}", now.as_micros(), self.boot & 0xffff_ffff, self.issued);
                (Arc::from(id), retry.as_ref().map_or(0, |r| r.attempts))
            }
        };
        let thread = group.thread.get_or_insert_with(|| Arc::clone(&id)).clone();
        group.flight = Some(Arc::clone(&id));
        let flight = FlightRecord {
            id: Arc::clone(&id),
            channel: Arc::clone(&group.channel),
            group: Arc::clone(key),
            at: now,
            attempt: attempts + 1,
            digest,
            repeat,
            items: items.iter().map(flight_item).collect(),
        };
        let notification = Arc::new(Notification {
            id: Arc::clone(&id),
            channel: Arc::clone(&group.channel),
            group: Arc::clone(key),
            group_labels: group.labels.clone(),
            thread,
            at: now,
            repeat,
            holds,
            first: group.first.clone(),
            over,
            items,
        });
        self.depart(flight);
        self.history.push(Entry::Sent { at: now, attempt: attempts + 1, notification: Arc::clone(&notification) });
        Send { notification, attempt: attempts + 1 }
    }

    /// Whether nothing that the group's channel was told fires any more once it has these items.
    fn ends(&self, key: &Arc<str>, items: &[Item]) -> bool {
        let Some(group) = self.groups.get(key).filter(|_| !items.iter().any(|i| i.kind.is_firing())) else {
            return false;
        };
        let ended: HashSet<&AlertId> =
            items.iter().filter(|i| i.kind == ItemKind::Resolved).map(|i| &i.alert.id).collect();
        self.members(group).all(|(id, s, t)| ended.contains(id) || !s.targets[t].may_believe_firing())
    }

    /// What the alerts of these items hold.
    fn holds(&mut self, items: &[Item]) -> Holds {
        let firing = || items.iter().filter(|i| i.kind.is_firing()).map(|i| &*i.alert);
        if !firing().any(|alert| self.inhibitions.is_source(&alert.labels)) {
            return Holds::default();
        }
        let under = self.under.take().unwrap_or_else(|| self.all_under());
        let mut named: Vec<Arc<AlertView>> = firing().filter_map(|a| under.get(&a.id)).flatten().cloned().collect();
        self.under = Some(under);
        let count = named.len();
        named.sort_by(|a, b| (Reverse(a.severity), &a.id).cmp(&(Reverse(b.severity), &b.id)));
        named.truncate(HELD_NAMED);
        Holds { named, count }
    }

    /// What each alert holds that no channel was told of.
    fn all_under(&self) -> HashMap<AlertId, Vec<Arc<AlertView>>> {
        let mut under: HashMap<AlertId, Vec<Arc<AlertView>>> = HashMap::new();
        for (id, subject) in &self.subjects {
            let untold = subject.truth().is_some() && !subject.targets.iter().any(Target::may_believe_firing);
            let Some(holder) = self.inhibitions.find(id, &subject.view.labels).filter(|_| untold) else { continue };
            under.entry(holder.by).or_default().push(Arc::clone(&subject.view));
        }
        under
    }

    /// Notes that a notification is out.
    fn depart(&mut self, flight: FlightRecord) {
        for item in &flight.items {
            let Some(subject) = self.subjects.get_mut(&item.alert) else { continue };
            for target in subject.targets.iter_mut().filter(|t| t.channel == flight.channel) {
                target.in_flight = true;
                target.hold = None;
            }
        }
        self.dirty.insert(RowName::Flight(Arc::clone(&flight.id)));
        self.dirty.insert(RowName::Group(Arc::clone(&flight.group)));
        self.flights.insert(Arc::clone(&flight.id), flight);
    }

    /// Brings the views of a group's firing members up to their last rows.
    fn renew_views(&mut self, key: &Arc<str>, renew: Renew) {
        let Some(group) = self.groups.get(key) else { return };
        for id in &group.members {
            let Some(subject) = self.subjects.get_mut(id).filter(|s| s.truth().is_some()) else { continue };
            if let Some(view) = renew(id).filter(|v| Some(v.since) == subject.truth().map(|t| t.episode)) {
                subject.view = view;
            }
        }
    }

    /// All news of a group that nothing holds, most severe first, then what else was told and still fires.
    fn draft(&self, group: &Group, now: Timestamp) -> Draft {
        let mut draft = Draft::default();
        let mut told: Vec<Vec<Item>> = Vec::new();
        for (id, subject, place) in self.members(group) {
            let target = &subject.targets[place];
            if target.in_flight {
                continue; // by the group that told it before: what it says is not known yet
            }
            let matters = target.news.is_some_and(|(n, _)| n.can_be_held()) || target.may_believe_firing();
            let cause = if matters && subject.truth().is_some() { self.cause(id, subject, group, now) } else { None };
            told.push(subject.items(target, cause.is_some()));
            let repeats = target.news.is_none() && target.may_believe_firing() && cause.is_none();
            if repeats && subject.truth().is_some() {
                let before = Some(subject.view.severity);
                told.push(vec![Item { kind: ItemKind::StillFiring, before, alert: Arc::clone(&subject.view) }]);
            }
            draft.held.extend(cause.map(|cause| (id.clone(), cause)));
        }
        // By alert, not by item: the end of an episode stands before the beginning of the next.
        told.retain(|items| !items.is_empty());
        told.sort_by_key(|items| (!items[0].kind.is_news(), Reverse(items.iter().map(|i| i.alert.severity).max())));
        draft.items = told.into_iter().flatten().collect();
        draft
    }

    pub(super) fn digest(&self, group: &Group, now: Timestamp) -> u64 {
        digest(&self.draft(group, now).items)
    }

    /// What holds an alert's news to one of its groups now, if anything does.
    pub(super) fn cause(&self, id: &AlertId, subject: &Subject, _group: &Group, now: Timestamp) -> Option<Cause> {
        self.cause_for_all(id, subject, now)
    }

    /// What holds an alert's news, whomever it is for.
    fn cause_for_all(&self, id: &AlertId, subject: &Subject, now: Timestamp) -> Option<Cause> {
        let waiting: Vec<_> = subject.waits.iter().filter(|w| now < w.until).collect();
        if let Some(until) = waiting.iter().map(|w| w.until).max() {
            let parents = waiting.iter().map(|w| Arc::clone(&w.parent)).collect();
            return Some(Cause::Waiting { parents, until });
        }
        if self.limited.contains(&id.check) && id.reason.is_none() {
            return Some(Cause::Limit);
        }
        if let Some(silence) = self.silences.find(&subject.view.labels) {
            return Some(Cause::Silenced(Arc::clone(silence)));
        }
        self.inhibitions.find(id, &subject.view.labels).map(Cause::Inhibited)
    }

    /// Notes what was held, and why: the answer to "why was I not told?".
    fn hold(&mut self, key: &Arc<str>, held: Vec<(AlertId, Cause)>, now: Timestamp) {
        for (id, cause) in held {
            let Some(subject) = self.subjects.get_mut(&id) else { continue };
            for target in subject.targets.iter_mut().filter(|t| t.group == *key) {
                if target.hold.as_ref() == Some(&cause) {
                    continue;
                }
                self.history.push(not_sent(&id, &target.channel, &cause, now));
                target.hold = Some(cause.clone());
                self.dirty.insert(RowName::Subject(id.clone()));
            }
            self.touched.insert(Arc::clone(key));
            self.held.insert(id);
        }
    }

    /// Asks anew about what is held. What is free again, and still fires, is told as new.
    pub(super) fn recheck_holds(&mut self, now: Timestamp) {
        let over = std::mem::take(&mut self.over);
        let all = std::mem::take(&mut self.holds_changed);
        if !all && over.is_empty() {
            return;
        }
        // Of a silence that ended, only those that it held are asked: there may be many silences, and many alerts.
        let concerns = |s: &Subject| s.targets.iter().filter_map(|t| t.hold.as_ref()).any(|c| c.is_silence_of(&over));
        let is_asked = |id: &&AlertId| all || self.subjects.get(*id).is_some_and(concerns);
        let asked: Vec<AlertId> = self.held.iter().filter(is_asked).cloned().collect();
        for id in asked {
            self.held.remove(&id);
            let Some(subject) = self.subjects.get(&id) else { continue };
            let cause = |t: &Target| self.groups.get(&t.group).and_then(|group| self.cause(&id, subject, group, now));
            let causes = subject.targets.iter().map(|t| t.hold.as_ref().and_then(|_| cause(t))).collect();
            let waits = !subject.waits.is_empty();
            if self.rehold(&id, causes, now) || waits {
                self.held.insert(id);
            }
        }
    }

    /// Gives a held alert its present cause in each of its targets, or frees it. True while something of it is held.
    fn rehold(&mut self, id: &AlertId, causes: Vec<Option<Cause>>, now: Timestamp) -> bool {
        let subject = self.subjects.get_mut(id).expect("looked up by the caller");
        let mut held = false;
        for (target, cause) in subject.targets.iter_mut().zip(causes).filter(|(t, _)| t.hold.is_some()) {
            let before = std::mem::replace(&mut target.hold, cause);
            if let Some(cause) = &target.hold {
                held = true;
                if before.as_ref() != Some(cause) {
                    self.history.push(not_sent(id, &target.channel, cause, now));
                    self.dirty.insert(RowName::Subject(id.clone()));
                }
                continue;
            }
            // Waiting for a parent is part of its first wait; every other hold that ends begins a new one.
            if !matches!(before, Some(Cause::Waiting { .. })) {
                target.news = target.news.map(|(news, at)| (news, if news.can_be_held() { now } else { at }));
            }
            self.history.push(Entry::Decision {
                at: now,
                alert: id.clone(),
                channel: Arc::clone(&target.channel),
                decision: "free: nothing holds it any more".to_owned(),
            });
            self.touched.insert(Arc::clone(&target.group));
            self.dirty.insert(RowName::Subject(id.clone()));
        }
        held
    }
}

fn not_sent(alert: &AlertId, channel: &Arc<str>, cause: &Cause, at: Timestamp) -> Entry {
    let decision = format!("not sent: {cause}");
    Entry::Decision { at, alert: alert.clone(), channel: Arc::clone(channel), decision }
}

fn flight_item(item: &Item) -> FlightItem {
    let told = Told { severity: item.alert.severity, episode: item.alert.since };
    FlightItem { alert: item.alert.id.clone(), kind: item.kind, told }
}

/// What a message says, so far as it decides whether it is the same message.
fn digest(items: &[Item]) -> u64 {
    #[derive(Hash)]
    struct Said<'a>(&'a AlertId, ItemKind, Severity, Timestamp);
    let mut hasher = Fnv::default();
    for item in items {
        Said(&item.alert.id, item.kind, item.alert.severity, item.alert.since).hash(&mut hasher);
    }
    hasher.finish()
}
