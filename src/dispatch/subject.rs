//! One alert, as dispatch sees it: what is true beside what each channel was told.

use super::hold::Cause;
use crate::model::alert::AlertView;
use crate::model::record::{Belief, FlightItem, Phase, Told};
use crate::model::{Flapping, Item, ItemKind, LabelSet, Severity, Timestamp};
use std::sync::Arc;

/// Ended episodes kept for one channel that could not be told; of more the oldest are forgotten.
pub const MISSED_MAX: usize = 50;

/// An alert that is active, or of which something is still to be told.
#[derive(Debug)]
pub struct Subject {
    pub view: Arc<AlertView>,
    pub phase: Phase,
    pub targets: Vec<Target>,
    /// The labels under which it is a possible source of inhibitions, while it is firing or pending.
    pub active: Option<LabelSet>,
    /// Parents whose next slot a new alert waits for.
    pub waits: Vec<Wait>,
    /// In a box: few flap, and there is one of these for every alert.
    pub flapping: Option<Box<Flapping>>,
}

/// A parent's slot that must be judged before a new alert is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    pub parent: Arc<str>,
    pub slot: Timestamp,
    /// Whatever happens to the slot, no later than this.
    pub until: Timestamp,
}

/// One channel and one alert.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Target {
    pub channel: Arc<str>,
    /// The key of the group that tells it.
    pub group: Arc<str>,
    pub belief: Belief,
    /// What there is to tell, and since when.
    pub news: Option<(News, Timestamp)>,
    pub owed: bool,
    /// Ends of episodes that the channel was told, or is being told, of.
    pub ended: Vec<Arc<AlertView>>,
    pub missed: Vec<Arc<AlertView>>,
    pub hold: Option<Cause>,
    /// A notification that names it is out.
    pub in_flight: bool,
    /// The channel's fallback tells it, until the channel is back.
    pub covered: bool,
    /// The channel in whose place this one is told.
    pub stands_for: Option<Arc<str>>,
    /// Its news has waited elsewhere already: it leaves at once.
    pub urgent: bool,
    /// When the last message left that told it of the alert and was delivered.
    pub told_at: Option<Timestamp>,
}

/// How what is true differs from what a channel was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    Fired,
    /// The told episode ended, and another began: a message that says both.
    Again,
    Escalated,
    Eased,
    Resolved,
    /// Only that episodes came and went.
    Missed,
    /// It changes again and again.
    Flapping,
    /// It flapped, is steady, and fires.
    Steady,
}

impl News {
    /// Whether a hold may hold it; ends and easings of what was told never wait.
    #[must_use]
    pub const fn can_be_held(self) -> bool {
        matches!(self, News::Fired | News::Again | News::Escalated | News::Flapping)
    }

    /// Whether it is the news of an alert that the channel knows nothing of.
    #[must_use]
    pub const fn is_new(self) -> bool {
        matches!(self, News::Fired | News::Again | News::Flapping)
    }
}

impl Target {
    #[must_use]
    pub fn new(channel: &Arc<str>, group: &Arc<str>) -> Target {
        Target {
            channel: Arc::clone(channel),
            group: Arc::clone(group),
            belief: Belief::Nothing,
            news: None,
            owed: false,
            ended: Vec::new(),
            missed: Vec::new(),
            hold: None,
            in_flight: false,
            covered: false,
            stands_for: None,
            urgent: false,
            told_at: None,
        }
    }

    /// Whether the channel may believe that it fires.
    #[must_use]
    pub fn may_believe_firing(&self) -> bool {
        self.belief != Belief::Nothing
    }

    /// Whether nothing binds the channel to the alert: it believes nothing of it and is owed nothing.
    #[must_use]
    pub fn is_free(&self) -> bool {
        self.belief == Belief::Nothing && self.missed.is_empty() && !self.in_flight
    }

    /// Whether it was told something of the alert, and there is nothing that it was not told.
    #[must_use]
    pub fn has_heard_all(&self) -> bool {
        self.told_at.is_some() && self.news.is_none() && !self.in_flight
    }

    /// The difference between what is true and what was told.
    pub(super) fn difference(&self, truth: Option<Told>) -> Option<News> {
        let told = match (self.belief, truth) {
            (Belief::Nothing, Some(_)) => return Some(News::Fired),
            (Belief::Nothing, None) => return (!self.missed.is_empty()).then_some(News::Missed),
            (_, None) => return Some(News::Resolved),
            (Belief::Firing(told), Some(truth)) => return compare(told, truth),
            (Belief::Unknown { before, sent }, Some(truth)) => (before, sent, truth),
        };
        match told {
            (None, _, _) => Some(News::Fired),
            // It may have heard of an end, or of another severity: say what is true again.
            (Some(before), sent, truth) => compare(before, truth).or_else(|| match sent {
                Some(sent) => compare(sent, truth).or(Some(News::Eased)),
                None => Some(News::Fired),
            }),
        }
    }
}

fn compare(told: Told, truth: Told) -> Option<News> {
    if told.flapping != truth.flapping {
        return Some(if truth.flapping { News::Flapping } else { News::Steady });
    }
    if told.episode != truth.episode {
        return Some(News::Again);
    }
    match truth.severity.cmp(&told.severity) {
        std::cmp::Ordering::Greater => Some(News::Escalated),
        std::cmp::Ordering::Less => Some(News::Eased),
        std::cmp::Ordering::Equal => None,
    }
}

impl Subject {
    #[must_use]
    pub fn new(view: &Arc<AlertView>, phase: Phase) -> Subject {
        Subject { view: Arc::clone(view), phase, targets: Vec::new(), active: None, waits: Vec::new(), flapping: None }
    }

    /// The episode that is true now.
    #[must_use]
    pub fn truth(&self) -> Option<Told> {
        let flapping = self.flapping.is_some();
        let told = Told { severity: self.view.severity, episode: self.view.since, flapping };
        (self.phase == Phase::Firing).then_some(told)
    }

    /// Works out anew what there is to tell to one of its targets; what is the same news keeps its time.
    pub fn refresh(&mut self, target: usize, now: Timestamp) {
        let truth = self.truth();
        let target = &mut self.targets[target];
        let missed_too = || (!target.missed.is_empty()).then_some(News::Missed);
        target.news = target.difference(truth).or_else(missed_too).map(|news| match target.news {
            Some((before, at)) if before == news || !starts_anew(before, news) => (news, at),
            _ => (news, now),
        });
        if target.news.is_none() {
            target.hold = None;
        }
    }

    pub fn refresh_all(&mut self, now: Timestamp) {
        for target in 0..self.targets.len() {
            self.refresh(target, now);
        }
    }

    /// Whether a fallback has a part in it: the target is covered by one, or stands for a channel that is away.
    #[must_use]
    pub fn is_bound(&self, target: &Target) -> bool {
        let is_away = |name: &Arc<str>| self.targets.iter().any(|t| t.channel == *name && t.covered);
        target.covered || target.stands_for.as_ref().is_some_and(is_away)
    }

    /// Notes in each target that the present episode is over.
    pub fn end_episode(&mut self, view: &Arc<AlertView>) {
        for target in &mut self.targets {
            let told = target.believes_episode(view.since) || target.in_flight;
            if told {
                target.ended.push(Arc::clone(view));
            } else if !told && target.owed {
                target.miss(view);
            }
            target.owed = false;
        }
        self.phase = Phase::Ended;
        self.waits.clear();
    }

    /// The items that tell one target's news; `held` leaves out what a hold holds.
    #[must_use]
    pub fn items(&self, target: &Target, held: bool) -> Vec<Item> {
        let mut items: Vec<Item> = target.missed.iter().map(|v| item(ItemKind::CameAndWent, None, v)).collect();
        let before = target.told_severity();
        let end = target.end();
        match target.news {
            Some((News::Fired | News::Flapping, _)) if !held && self.flapping.is_some() => {
                items.push(item(ItemKind::Flapping, before, &self.view));
            }
            Some((News::Steady, _)) => items.push(item(ItemKind::Steady, before, &self.view)),
            Some((News::Fired, _)) if !held => items.push(item(ItemKind::Fired, None, &self.view)),
            Some((News::Again, _)) => {
                items.extend(end.map(|end| item(ItemKind::Resolved, before, end)));
                if !held {
                    items.push(item(ItemKind::Fired, None, &self.view));
                }
            }
            Some((News::Escalated, _)) if !held => items.push(item(ItemKind::Escalated, before, &self.view)),
            Some((News::Eased, _)) => items.push(item(ItemKind::Eased, before, &self.view)),
            Some((News::Resolved, _)) => {
                items.push(item(ItemKind::Resolved, before, end.unwrap_or(&self.view)));
            }
            _ => {}
        }
        items
    }

    /// Whether the store must know it: a pending alert of which nothing was told is in its life already.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.phase == Phase::Firing || !self.targets.is_empty()
    }

    /// Whether nothing is left to tell or to know of it.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.phase == Phase::Ended && self.active.is_none() && self.targets.iter().all(Target::is_free)
    }
}

/// An escalation has its own wait; an easing or an end after it is other news again. That a fired alert became
/// another kind of untold news does not put it off.
fn starts_anew(before: News, news: News) -> bool {
    matches!((before, news), (News::Escalated | News::Missed, _) | (_, News::Escalated))
}

fn item(kind: ItemKind, before: Option<Severity>, view: &Arc<AlertView>) -> Item {
    Item { kind, before, alert: Arc::clone(view) }
}

impl Target {
    fn told_severity(&self) -> Option<Severity> {
        match self.belief {
            Belief::Nothing => None,
            Belief::Firing(told) => Some(told.severity),
            Belief::Unknown { before, sent } => before.or(sent).map(|t| t.severity),
        }
    }

    /// What the channel's fallback is to know in its place: what the channel believes for sure.
    #[must_use]
    pub fn stand_in(&self, to: &Arc<str>, group: &Arc<str>) -> Target {
        let belief = match self.belief {
            Belief::Unknown { before, .. } => before.map_or(Belief::Nothing, Belief::Firing),
            sure => sure,
        };
        Target {
            belief,
            owed: self.owed,
            ended: self.ended.clone(),
            missed: self.missed.clone(),
            stands_for: Some(Arc::clone(&self.channel)),
            urgent: true,
            ..Target::new(to, group)
        }
    }

    /// Whether it may have been told of the episode that fired at this instant.
    #[must_use]
    pub fn believes_episode(&self, episode: Timestamp) -> bool {
        let same = |t: Option<Told>| t.is_some_and(|t| t.episode == episode);
        match self.belief {
            Belief::Nothing => false,
            Belief::Firing(told) => told.episode == episode,
            Belief::Unknown { before, sent } => same(before) || same(sent),
        }
    }

    /// The end of the episode that the channel believes in.
    fn end(&self) -> Option<&Arc<AlertView>> {
        self.ended.iter().find(|end| self.believes_episode(end.since))
    }

    fn miss(&mut self, view: &Arc<AlertView>) {
        if self.missed.len() >= MISSED_MAX {
            self.missed.remove(0);
        }
        self.missed.push(Arc::clone(view));
    }

    /// The channel has what this item said, in a message that left at `at`.
    pub fn delivered(&mut self, item: &FlightItem, at: Timestamp) {
        self.urgent = false;
        self.told_at = Some(at);
        match item.kind {
            ItemKind::CameAndWent => self.missed.retain(|v| v.since != item.told.episode),
            ItemKind::Resolved => {
                self.belief = Belief::Nothing;
                self.ended.retain(|end| end.since != item.told.episode);
            }
            ItemKind::Fired
            | ItemKind::Escalated
            | ItemKind::Eased
            | ItemKind::StillFiring
            | ItemKind::Flapping
            | ItemKind::Steady => {
                self.belief = Belief::Firing(item.told);
                self.ended.retain(|end| end.since == item.told.episode);
                self.owed = false;
            }
        }
    }

    /// The channel may have what this item said.
    pub fn unanswered(&mut self, item: &FlightItem) {
        let sent = match item.kind {
            ItemKind::CameAndWent => return,
            ItemKind::Resolved => None,
            _ => Some(item.told),
        };
        let before = match self.belief {
            Belief::Nothing => None,
            Belief::Firing(told) => Some(told),
            Belief::Unknown { before, .. } => before,
        };
        // A repeat of what it believes leaves no doubt.
        let doubt = before != sent || matches!(self.belief, Belief::Unknown { .. });
        if doubt {
            self.belief = Belief::Unknown { before, sent };
        }
    }

    /// The channel has nothing of what this item said. `truth` is the episode that is true now.
    pub fn not_sent(&mut self, item: &FlightItem, truth: Option<Told>) {
        if !matches!(item.kind, ItemKind::Fired | ItemKind::Flapping) || self.believes_episode(item.told.episode) {
            return;
        }
        if truth.is_some_and(|t| t.episode == item.told.episode) {
            self.owed = true;
        } else if let Some(at) = self.ended.iter().position(|end| end.since == item.told.episode) {
            let end = self.ended.remove(at);
            self.miss(&end);
        }
    }
}
