//! What each channel was told of an alert, and what would have to happen for it to be told now.

use super::breaker::Admission;
use super::explain::explain;
use super::group::Group;
use super::hold::Cause;
use super::subject::{Subject, Target};
use super::{Dispatch, InhibitCause};
use crate::model::record::{Belief, Phase, Told};
use crate::model::time::human_duration;
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
            Knows::Truth(_) => "told",
            Knows::Flaps(_) => "told_flapping",
            Knows::Old(_) => "told_before",
            Knows::Maybe => "unsure",
            Knows::Nothing => "not_told",
        }
    }

    fn of(target: &Target, truth: Option<Told>) -> Knows {
        match target.belief {
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

/// A sentence and an instant.
type Next = (String, String, Option<Timestamp>);

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
        let (because, next, at) = self.next(id, subject, place, group, now);
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

    fn next(&self, id: &AlertId, subject: &Subject, place: usize, group: &Group, now: Timestamp) -> Next {
        let target = &subject.targets[place];
        if target.in_flight {
            let since = group.flight.as_ref().and_then(|id| self.flights.get(id)).map(|flight| flight.at);
            let when = since.map(|at| format!(" at {}", at.in_the_second())).unwrap_or_default();
            return (format!("a message was sent{when} and has no answer yet"), "its answer".to_owned(), None);
        }
        if target.covered {
            return self.covered(subject, target, now);
        }
        let cause = if subject.truth().is_some() { self.cause(id, subject, group, now) } else { None };
        let Some((news, _)) = target.news else {
            return flaps(subject).unwrap_or_else(|| repeat(group, target, subject, cause));
        };
        if let Some(cause) = cause.filter(|_| news.can_be_held() && subject.items(target, true).is_empty()) {
            return held(&cause);
        }
        if let Some(retry) = group.retry.as_ref().filter(|retry| now < retry.not_before) {
            let at = retry.not_before.to_the_second();
            // Whichever of the two lets it go last.
            if let kept @ (.., Some(until)) = self.admission(&target.channel, now)
                && at < until
            {
                return kept;
            }
            return if retry.refused {
                let next = format!("it is tried again at {at}, or at once when what it says changes");
                (format!("`{}` refused the message", target.channel), next, Some(at))
            } else {
                // What was not confirmed may be there: "failed" would say that it is not.
                let unsure = matches!(target.belief, Belief::Unknown { .. });
                let failed = match (retry.attempts, unsure) {
                    (1, true) => "one attempt was not confirmed".to_owned(),
                    (n, true) => format!("{n} attempts were not confirmed"),
                    (1, false) => "one attempt failed".to_owned(),
                    (n, false) => format!("{n} attempts failed"),
                };
                (self.with_trouble(&target.channel, failed), format!("it is sent again at {at}"), Some(at))
            };
        }
        let leaves = super::state::leaves(group, subject, place).filter(|at| now < *at && group.ready.is_none());
        if let Some(at) = leaves.map(Timestamp::to_the_second) {
            return (waits(group, target), format!("it leaves at {at}"), Some(at));
        }
        self.admission(&target.channel, now)
    }

    /// The channel is away, and its fallback tells the alert in its place.
    fn covered(&self, subject: &Subject, target: &Target, now: Timestamp) -> Next {
        let channel = &target.channel;
        let instead = subject.targets.iter().find(|other| other.stands_for.as_ref() == Some(channel));
        let instead = instead.map(|other| &other.channel);
        let instead = instead.or_else(|| self.config.channel(channel)?.fallback.as_ref());
        let instead = instead.map_or_else(|| "its fallback".to_owned(), |name| format!("its fallback `{name}`"));
        let because = self.with_trouble(channel, format!("{instead} is told in its place, as it was away"));
        let at = match self.channels.get(channel).map(|state| state.admit(now)) {
            Some(Admission::No { until: Some(at) }) => Some(at.to_the_second()),
            _ => None,
        };
        let next = match at {
            Some(at) => {
                format!("it is tried again at {at}, and once it is back it is told in one message what it missed")
            }
            None => "once it is back it is told in one message what it missed".to_owned(),
        };
        (because, next, at)
    }

    /// What the channel itself says to a message that is due.
    pub(super) fn admission(&self, channel: &Arc<str>, now: Timestamp) -> Next {
        let Some(state) = self.channels.get(channel) else { return due() };
        match state.admit(now) {
            Admission::No { until } => {
                let asked = state.not_before.is_some_and(|until| now < until);
                let why = if asked { "asked us to wait" } else { "takes no messages now" };
                let because = self.with_trouble(channel, format!("`{channel}` {why}"));
                let until = until.map(Timestamp::to_the_second);
                let next = match until {
                    Some(at) if asked => format!("it is tried again at {at}"),
                    Some(at) => format!("its breaker lets one message through at {at}, and the rest when that arrives"),
                    None => "the answer to a message that is out".to_owned(),
                };
                (because, next, until)
            }
            Admission::Yes | Admission::Probe => {
                let rules = self.config.channel(channel);
                let free = rules.map_or(Timestamp::MIN, |rules| state.pace.free_at(rules, state.is_critical()));
                if free <= now {
                    return due();
                }
                let at = free.to_the_second();
                (
                    format!("more is due than the `rate` of `{channel}` lets through"),
                    format!("the next message leaves at {at}, the most severe first"),
                    Some(at),
                )
            }
        }
    }

    /// The sentence, with why the channel fails where it does.
    fn with_trouble(&self, channel: &str, sentence: String) -> String {
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

/// That its changes are not told, as there are too many.
fn flaps(subject: &Subject) -> Option<Next> {
    let flapping = subject.flapping.as_ref()?;
    let at = flapping.steady_at.to_the_second();
    let next = match flapping.last.ended {
        Some(_) => "it is told that it is over",
        None => "it is told that it fires",
    };
    let because = "its single changes are not told while it flaps".to_owned();
    Some((because, format!("{next} at {at}, if nothing changes before"), Some(at)))
}

fn due() -> Next {
    ("it is due".to_owned(), "it leaves now".to_owned(), None)
}

/// What happens while there is no news.
fn repeat(group: &Group, target: &Target, subject: &Subject, cause: Option<Cause>) -> Next {
    if subject.phase != Phase::Firing || !target.may_believe_firing() {
        return ("there is nothing to tell".to_owned(), "nothing".to_owned(), None);
    }
    let because = "it knows what is true".to_owned();
    match (cause, group.repeats().map(Timestamp::to_the_second)) {
        (Some(cause), _) => (because, format!("it is not repeated: {cause}"), None),
        (None, Some(at)) => (because, format!("a repeat is due at {at}, if it still fires"), Some(at)),
        (None, None) => (because, "nothing".to_owned(), None),
    }
}

fn held(cause: &Cause) -> Next {
    let (next, at) = match cause {
        Cause::Inhibited(by) => {
            let over = match &by.cause {
                InhibitCause::SourceUnreachable => "the source is read again".to_owned(),
                InhibitCause::Parent(_) | InhibitCause::Rule(_) => format!("{} is over", by.by),
            };
            (format!("when {over} and this still fires, it is told as new"), None)
        }
        Cause::Silenced(silence) => {
            let ends = silence.ends.to_the_second();
            (format!("the silence ends at {ends}; what still fires then is told as new"), Some(ends))
        }
        Cause::Outside { until, .. } | Cause::Muted { until, .. } => match until.map(Timestamp::to_the_second) {
            Some(at) => {
                (format!("its route may tell again from {at} on; what still fires then is told as new"), Some(at))
            }
            None => ("its calendars hold its route for years: see `active_during` and `mute_during`".to_owned(), None),
        },
        Cause::Limit => ("when at most half of the limit fire, what still fires is told as new".to_owned(), None),
        Cause::Waiting { until, .. } => {
            let until = until.to_the_second();
            (format!("it waits until then, and {until} at the latest"), Some(until))
        }
    };
    (cause.to_string(), next, at)
}

fn waits(group: &Group, target: &Target) -> String {
    let timers = group.timers;
    match group.last_send {
        None => format!("its group gathers news for `group_wait` {}", human_duration(timers.wait.as_secs_f64())),
        Some(last) => {
            let interval = human_duration(timers.interval.as_secs_f64());
            format!(
                "`{}` had a message of its group at {}, and `group_interval` is {interval}",
                target.channel,
                last.in_the_second()
            )
        }
    }
}

#[cfg(test)]
mod tests;
