//! What each channel was told of an alert, and what would have to happen for it to be told now.

mod next;

use super::Dispatch;
use super::explain::explain;
use super::subject::{Subject, Target};
use crate::model::record::{Belief, Told};
use crate::model::{AlertId, LabelSet, Severity, Timestamp};
use std::collections::BTreeSet;
use std::sync::Arc;

/// One channel, beside what is true of the alert.
#[derive(Clone, Debug, PartialEq)]
pub struct Outlook {
    pub channel: Arc<str>,
    pub group: Arc<str>,
    pub knows: Knows,
    /// Why it was told no more: a sentence.
    pub because: String,
    /// What has to happen for it to be told (again): a sentence.
    pub next: String,
    /// When that is, where a clock says it.
    pub at: Option<Timestamp>,
    /// When the last message left that told the channel of it and was delivered.
    pub told_at: Option<Timestamp>,
}

/// What a channel knows of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Knows {
    /// What is true.
    Truth(Severity),
    /// What is true, which is that nothing fires: it was told of all that did.
    Over,
    /// That it flaps, which is true.
    Flaps(Severity),
    /// Something that is not true any more.
    Old(Severity),
    /// A message may have arrived.
    Maybe,
    Nothing,
}

impl Knows {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Knows::Truth(_) | Knows::Over => "told",
            Knows::Flaps(_) => "told_flapping",
            Knows::Old(_) => "told_before",
            Knows::Maybe => "unsure",
            Knows::Nothing => "not_told",
        }
    }

    fn of(target: &Target, truth: Option<Told>) -> Knows {
        match target.belief {
            Belief::Nothing if truth.is_none() && target.has_heard_all() => Knows::Over,
            Belief::Nothing => Knows::Nothing,
            Belief::Unknown { .. } => Knows::Maybe,
            Belief::Firing(told) if truth == Some(told) && told.flapping => Knows::Flaps(told.severity),
            Belief::Firing(told) if truth == Some(told) => Knows::Truth(told.severity),
            Belief::Firing(told) => Knows::Old(told.severity),
        }
    }
}

/// That an alert flaps.
#[derive(Clone, Debug, PartialEq)]
pub struct Flaps {
    /// `6 changes within 1h`.
    pub rule: String,
    pub since: Option<Timestamp>,
    /// Its changes since then.
    pub changes: u32,
    /// What it is in truth: its severity where it fires.
    pub fires: Option<Severity>,
    /// Since when that is so.
    pub true_since: Timestamp,
    /// When it is steady, if nothing changes before.
    pub steady_at: Timestamp,
}

/// A channel that labels lead to, and the place of the route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Led {
    pub channel: Arc<str>,
    pub by: Arc<str>,
}

impl Dispatch {
    /// Every alert of a check of which there is something to know or to tell.
    #[must_use]
    pub fn ids_of(&self, check: &str) -> Vec<AlertId> {
        self.subjects.keys().filter(|id| *id.check == *check).cloned().collect()
    }

    /// The same of those that this takes, in the order of identities.
    #[must_use]
    pub fn ids_that(&self, takes: impl Fn(&AlertId) -> bool) -> BTreeSet<AlertId> {
        self.subjects.keys().filter(|id| takes(id)).cloned().collect()
    }

    /// Whether an alert flaps, and how.
    #[must_use]
    pub fn flapping(&self, id: &AlertId) -> Option<Flaps> {
        let subject = self.subjects.get(id)?;
        let flapping = subject.flapping.as_ref()?;
        let said = subject.view.flapping.as_deref().unwrap_or_default();
        let last = &flapping.last;
        Some(Flaps {
            rule: said.split_once(';').map_or(said, |(rule, _)| rule).to_owned(),
            since: flapping.began,
            changes: flapping.changes,
            fires: last.ended.is_none().then_some(last.severity),
            true_since: last.ended.unwrap_or(last.since),
            steady_at: flapping.steady_at,
        })
    }

    /// Each channel that is bound to an alert, by name.
    #[must_use]
    pub fn outlook(&self, id: &AlertId, now: Timestamp) -> Vec<Outlook> {
        let Some(subject) = self.subjects.get(id) else { return Vec::new() };
        let mut all: Vec<Outlook> =
            (0..subject.targets.len()).filter_map(|target| self.target_outlook(id, subject, target, now)).collect();
        all.sort_by(|a, b| a.channel.cmp(&b.channel));
        all
    }

    fn target_outlook(&self, id: &AlertId, subject: &Subject, place: usize, now: Timestamp) -> Option<Outlook> {
        let target = &subject.targets[place];
        let group = self.groups.get(&target.group)?;
        let cause = if subject.truth().is_some() { self.cause(id, subject, group, now) } else { None };
        let (because, next, at) = self.next(subject, place, group, cause, now);
        Some(Outlook {
            channel: Arc::clone(&target.channel),
            group: Arc::clone(&target.group),
            knows: Knows::of(target, subject.truth()),
            because,
            next,
            at,
            told_at: target.told_at,
        })
    }

    /// The sentence, with why the channel fails where it does.
    pub(super) fn with_trouble(&self, channel: &str, sentence: String) -> String {
        match self.channels.get(channel).and_then(super::channel::ChannelState::trouble) {
            Some(why) => format!("{sentence}: {why}"),
            None => sentence,
        }
    }

    /// Where the routes lead an alert with these labels: the channels with the place of the route, or why none is told.
    ///
    /// # Errors
    /// Why no channel is told.
    pub fn led(&self, labels: &LabelSet, now: Timestamp) -> Result<Vec<Led>, String> {
        if let Some(why) = self.config.nobody_is_told() {
            return Err(why);
        }
        let explained = explain(&self.config, labels, now);
        if explained.leads.is_empty() {
            let taken =
                explained.steps.iter().rev().find(|step| matches!(step.verdict, super::explain::Verdict::Taken));
            let place = taken.map(|step| format!(": the route at {} has no channels", step.route.declared));
            return Err(format!("no route leads to a channel{}", place.unwrap_or_default()));
        }
        let led = explained.leads.iter();
        Ok(led.map(|l| Led { channel: Arc::clone(l.channel), by: Arc::clone(&l.route.declared) }).collect())
    }
}

#[cfg(test)]
mod tests;
