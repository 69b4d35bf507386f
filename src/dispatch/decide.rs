//! What leaves now: the queue of groups, the holds, and the making of a notification.

use super::group::Group;
use super::hold::Cause;
use super::queue::Load;
use super::subject::{Subject, Target};
use super::{Dispatch, Send};
use crate::model::alert::AlertView;
use crate::model::fnv::Fnv;
use crate::model::notification::{Holds, Occasion};
use crate::model::record::{Entry, FlightItem, FlightRecord, RowName, Told};
use crate::model::{AlertId, Item, ItemKind, Notification, Severity, Timestamp};
use hashbrown::{HashMap, HashSet};
use std::cmp::Reverse;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// Held alerts that a message names; of more it says how many there are.
const HELD_NAMED: usize = 50;

/// Gives the view of an active alert as of its last row.
pub(super) type Renew<'a> = &'a dyn Fn(&AlertId) -> Option<Arc<AlertView>>;

/// What a group would say now.
#[derive(Default)]
pub(super) struct Draft {
    /// By alert: the end of an episode stands before the beginning of the next.
    blocks: Vec<Vec<Item>>,
    /// Members whose news something holds, or that are held and would have been repeated.
    pub held: Vec<(AlertId, Cause)>,
}

impl Draft {
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.blocks.iter().flatten()
    }

    fn has_news(&self) -> bool {
        self.items().any(|i| i.kind.is_news())
    }
}

/// What a message says of one group.
struct Part {
    group: Arc<str>,
    digest: u64,
    blocks: Vec<Vec<Item>>,
    has_news: bool,
}

impl Dispatch {
    /// Makes the notification of these groups, where they have something to say that nothing holds.
    pub(super) fn send(&mut self, load: &Load, now: Timestamp, renew: Renew) -> Option<Send> {
        let (mut parts, mut held) = (Vec::new(), Vec::new());
        for key in &load.groups {
            self.renew_views(key, renew);
            let Some(group) = self.groups.get(key).filter(|g| g.flight.is_none()) else { continue };
            let draft = self.draft(group, now, load.is_digest);
            let repeat_due = group.repeats().is_some_and(|at| at <= now);
            let (has_news, digest) = (draft.has_news(), digest(draft.items()));
            if !draft.blocks.is_empty() && (has_news || repeat_due) {
                parts.push(Part { group: Arc::clone(key), digest, blocks: draft.blocks, has_news });
            }
            held.push((Arc::clone(key), draft.held));
        }
        let repeat = !parts.iter().any(|part| part.has_news);
        if 1 < parts.len() && !repeat {
            // Many groups: what is new is enough. A repeat among them has its turn after it.
            parts.retain(|part| part.has_news);
            parts.iter_mut().flat_map(|part| &mut part.blocks).for_each(|block| block.retain(|i| i.kind.is_news()));
        }
        let send = (!parts.is_empty()).then(|| self.notify(load, parts, repeat, now));
        for (key, held) in held {
            self.hold(&key, held, now);
        }
        send
    }

    fn notify(&mut self, load: &Load, parts: Vec<Part>, repeat: bool, now: Timestamp) -> Send {
        let said: Vec<(Arc<str>, u64)> = parts.iter().map(|p| (Arc::clone(&p.group), p.digest)).collect();
        let items = in_order(parts.into_iter().flat_map(|part| part.blocks).collect());
        let (holds, over) = (self.holds(&items), self.ends(&said, &items));
        let (id, attempt) = self.attempt(&said, now);
        let only = if let [(key, _)] = said.as_slice() { Some(Arc::clone(key)) } else { None };
        let (mut thread, mut first_message) = (Arc::clone(&id), None);
        for (key, _) in &said {
            let group = self.groups.get_mut(key).expect("drafted above");
            group.flight = Some(Arc::clone(&id));
            let began = group.thread.get_or_insert_with(|| Arc::clone(&id));
            if only.is_some() {
                (thread, first_message) = (Arc::clone(began), group.first.as_deref().cloned());
            }
        }
        let mut also = said.into_iter();
        let (first, digest) = also.next().expect("a message tells of a group");
        let notification = Arc::new(Notification {
            id: Arc::clone(&id),
            channel: Arc::clone(&load.channel),
            group: only.clone().unwrap_or_else(|| Arc::from(format!("gathered:{}", load.channel))),
            group_labels: only.map(|key| self.groups[&key].labels.clone()).unwrap_or_default(),
            thread,
            at: now,
            repeat,
            holds,
            first: first_message,
            over,
            occasion: Occasion {
                gathered: (0 < also.len()).then_some(also.len() + 1),
                away: if load.is_digest { self.away(&load.channel, now) } else { None },
                instead_of: self.instead_of(&load.channel, &items),
            },
            items,
        });
        self.depart(FlightRecord {
            id,
            channel: Arc::clone(&load.channel),
            group: first,
            at: now,
            attempt,
            digest,
            repeat,
            items: notification.items.iter().map(flight_item).collect(),
            also: also.collect(),
            is_digest: load.is_digest,
        });
        self.history.push(Entry::Sent { at: now, attempt, notification: Arc::clone(&notification) });
        Send { notification, attempt }
    }

    /// The id of a message that says this, and which attempt it is: that of the one before where it said the same.
    fn attempt(&mut self, said: &[(Arc<str>, u64)], now: Timestamp) -> (Arc<str>, u32) {
        let retries = || said.iter().map(|(key, digest)| (self.groups[key].retry.as_deref(), *digest));
        let attempts = retries().filter_map(|(retry, _)| retry).map(|retry| retry.attempts).max().unwrap_or(0);
        let first = retries().next().and_then(|(retry, _)| retry).map(|retry| Arc::clone(&retry.id));
        let same = |id: &Arc<str>| {
            !id.is_empty()
                && retries().all(|(retry, digest)| {
                    retry.is_some_and(|r| r.id == *id && r.digest == digest && r.groups.max(1) == said.len())
                })
        };
        let id = first.filter(same).unwrap_or_else(|| {
            self.issued += 1;
            Arc::from(format!("{:x}-{:x}-{:x}", now.as_micros(), self.boot & 0xffff_ffff, self.issued))
        });
        (id, attempts + 1)
    }

    /// Whether nothing that the channel was told in these groups fires any more once it has these items.
    fn ends(&self, said: &[(Arc<str>, u64)], items: &[Item]) -> bool {
        if items.iter().any(|i| i.kind.is_firing()) {
            return false;
        }
        let ended: HashSet<&AlertId> =
            items.iter().filter(|i| i.kind == ItemKind::Resolved).map(|i| &i.alert.id).collect();
        let is_over = |group: &Group| {
            let mut members = self.members(group);
            members.all(|(id, s, t)| ended.contains(id) || !s.targets[t].may_believe_firing())
        };
        said.iter().filter_map(|(key, _)| self.groups.get(key)).all(|group| is_over(group))
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
        self.dirty.extend(flight.groups().map(|(key, _)| RowName::Group(Arc::clone(key))));
        self.flights.insert(Arc::clone(&flight.id), flight);
    }

    /// Brings the views of a group's firing members up to their last rows.
    fn renew_views(&mut self, key: &Arc<str>, renew: Renew) {
        let Some(group) = self.groups.get(key) else { return };
        for id in group.members.iter() {
            let Some(subject) = self.subjects.get_mut(id).filter(|s| s.truth().is_some() && s.flapping.is_none())
            else {
                continue;
            };
            if let Some(view) = renew(id).filter(|v| Some(v.since) == subject.truth().map(|t| t.episode)) {
                subject.view = view;
            }
        }
    }

    /// All news of a group that nothing holds, most severe first, then what else was told and still fires. What is
    /// told elsewhere is said in a digest alone.
    pub(super) fn draft(&self, group: &Group, now: Timestamp, is_digest: bool) -> Draft {
        let mut draft = Draft::default();
        let mut told: Vec<Vec<Item>> = Vec::new();
        for (id, subject, place) in self.members(group) {
            let target = &subject.targets[place];
            if target.in_flight || (target.covered && !is_digest) {
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
        told.retain(|items| !items.is_empty());
        sort(&mut told);
        draft.blocks = told;
        draft
    }

    pub(super) fn digest(&self, group: &Group, now: Timestamp) -> u64 {
        digest(self.draft(group, now, false).items())
    }

    /// What holds an alert's news to one of its groups now, if anything does.
    pub(super) fn cause(&self, id: &AlertId, subject: &Subject, group: &Group, now: Timestamp) -> Option<Cause> {
        self.cause_for_all(id, subject, now).or_else(|| self.calendars.hold(&group.route).cloned())
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
    pub(super) fn hold(&mut self, key: &Arc<str>, held: Vec<(AlertId, Cause)>, now: Timestamp) {
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
            if cause.is_of_the_route() {
                self.lead_around(&id, now);
            }
            self.held.insert(id);
        }
    }

    /// Asks anew about what is held. What is free again, and still fires, is told as new.
    pub(super) fn recheck_holds(&mut self, now: Timestamp) {
        let over = std::mem::take(&mut self.over);
        let relabelled = std::mem::take(&mut self.relabelled);
        let all = std::mem::take(&mut self.holds_changed);
        if !all && over.is_empty() && relabelled.is_empty() {
            return;
        }
        // Of a silence that ended, only those that it held are asked: there may be many silences, and many alerts.
        let concerns = |s: &Subject| s.targets.iter().filter_map(|t| t.hold.as_ref()).any(|c| c.is_silence_of(&over));
        let is_asked = |id: &&AlertId| all || relabelled.contains(*id) || self.subjects.get(*id).is_some_and(concerns);
        let asked: Vec<AlertId> = self.held.iter().filter(is_asked).cloned().collect();
        for id in asked {
            self.held.remove(&id);
            self.lead_around(&id, now);
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

/// News first, the most severe first.
fn sort(blocks: &mut [Vec<Item>]) {
    blocks.sort_by_key(|items| (!items[0].kind.is_news(), Reverse(items.iter().map(|i| i.alert.severity).max())));
}

fn in_order(mut blocks: Vec<Vec<Item>>) -> Vec<Item> {
    blocks.retain(|items| !items.is_empty());
    sort(&mut blocks);
    blocks.into_iter().flatten().collect()
}

fn flight_item(item: &Item) -> FlightItem {
    let flapping = item.alert.flapping.is_some();
    let told = Told { severity: item.alert.severity, episode: item.alert.since, flapping };
    FlightItem { alert: item.alert.id.clone(), kind: item.kind, told }
}

/// What a message says, so far as it decides whether it is the same message.
fn digest<'a>(items: impl Iterator<Item = &'a Item>) -> u64 {
    #[derive(Hash)]
    struct Said<'a>(&'a AlertId, ItemKind, Severity, Timestamp);
    let mut hasher = Fnv::default();
    for item in items {
        Said(&item.alert.id, item.kind, item.alert.severity, item.alert.since).hash(&mut hasher);
    }
    hasher.finish()
}
