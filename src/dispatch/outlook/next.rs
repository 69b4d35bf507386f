//! What a channel waits for before it is told of an alert (again), and until when.

use super::super::channel::ChannelState;
use super::super::group::Group;
use super::super::hold::Cause;
use super::super::pace::Limit;
use super::super::subject::{Subject, Target};
use super::super::{ChannelRules, Dispatch, InhibitCause, state};
use crate::model::Timestamp;
use crate::model::breaker::Admission;
use crate::model::record::{Belief, Phase, Retry};
use crate::model::time::human_duration;
use std::sync::Arc;

/// Why it is told no more, what has to happen for it to be told, and when that is.
pub(in super::super) type Next = (String, String, Option<Timestamp>);

impl Dispatch {
    /// What one of an alert's targets waits for; `cause` holds the alert there.
    pub(in super::super) fn next(
        &self,
        subject: &Subject,
        place: usize,
        group: &Group,
        cause: Option<Cause>,
        now: Timestamp,
    ) -> Next {
        let target = &subject.targets[place];
        if target.in_flight {
            let since = group.flight.as_ref().and_then(|id| self.flights.get(id)).map(|flight| flight.at);
            let when = since.map(|at| format!(" at {}", at.in_the_second())).unwrap_or_default();
            return (format!("a message was sent{when} and has no answer yet"), "its answer".to_owned(), None);
        }
        if target.covered {
            return self.covered(subject, target, now);
        }
        let Some((news, _)) = target.news else {
            return flaps(subject).unwrap_or_else(|| repeat(group, target, subject, cause));
        };
        if let Some(cause) = cause.filter(|_| news.can_be_held() && subject.items(target, true).is_empty()) {
            return held(&cause);
        }
        if let Some(retry) = group.retry.as_ref().filter(|retry| now < retry.not_before) {
            let kept = self.admission(&target.channel, now);
            // Whichever of the two lets it go last.
            let is_kept = kept.2.is_some_and(|until| retry.not_before.to_the_second() < until);
            return if is_kept { kept } else { self.tried_again(target, retry) };
        }
        let leaves = state::leaves(group, subject, place).filter(|at| now < *at && group.ready.is_none());
        if let Some(at) = leaves.map(Timestamp::to_the_second) {
            return (waits(group, target), format!("it leaves at {at}"), Some(at));
        }
        self.admission(&target.channel, now)
    }

    /// An attempt failed, and there is another.
    fn tried_again(&self, target: &Target, retry: &Retry) -> Next {
        let at = retry.not_before.to_the_second();
        if retry.refused {
            let next = format!("it is tried again at {at}, or at once when what it says changes");
            let because = format!("`{}` refused the message", target.channel);
            return (self.with_trouble(&target.channel, because), next, Some(at));
        }
        // What was not confirmed may be there: "failed" would say that it is not.
        let unsure = matches!(target.belief, Belief::Unknown { .. });
        let failed = match (retry.attempts, unsure) {
            (1, true) => "one attempt was not confirmed".to_owned(),
            (n, true) => format!("{n} attempts were not confirmed"),
            (1, false) => "one attempt failed".to_owned(),
            (n, false) => format!("{n} attempts failed"),
        };
        (self.with_trouble(&target.channel, failed), format!("it is sent again at {at}"), Some(at))
    }

    /// The channel was away, and its fallback tells the alert in its place.
    fn covered(&self, subject: &Subject, target: &Target, now: Timestamp) -> Next {
        let channel = &target.channel;
        let instead = subject.targets.iter().find(|other| other.stands_for.as_ref() == Some(channel));
        let instead = instead.map(|other| &other.channel);
        let instead = instead.or_else(|| self.config.channel(channel)?.fallback.as_ref());
        let instead = instead.map_or_else(|| "its fallback".to_owned(), |name| format!("its fallback `{name}`"));
        let because = self.with_trouble(channel, format!("{instead} is told in its place, as it was away"));
        let state = self.channels.get(channel);
        let at = state.and_then(|state| state.next_digest(self.config.channel(channel)));
        let at = at.map(Timestamp::to_the_second);
        let missed = "in one message what it missed";
        let next = match at.filter(|at| now < *at) {
            Some(at) if state.is_some_and(|state| state.is_away(now)) => {
                format!("it is tried again at {at}, and once it is back it is told {missed}")
            }
            Some(at) => format!("at {at} it is told {missed}"),
            None if state.is_some_and(|state| state.digest_is_out) => {
                format!("the answer to a message that is out, and then it is told {missed}")
            }
            None => format!("once it is back it is told {missed}"),
        };
        (because, next, at.filter(|at| now < *at))
    }

    /// What the channel itself says to a message that is due.
    pub(in super::super) fn admission(&self, channel: &Arc<str>, now: Timestamp) -> Next {
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
                self.config.channel(channel).and_then(|rules| paced(rules, state, now)).unwrap_or_else(due)
            }
        }
    }
}

/// What a channel's own limits say to a message that is due, where they keep it.
fn paced(rules: &ChannelRules, state: &ChannelState, now: Timestamp) -> Option<Next> {
    let (free, limit) = state.pace.limit(rules, state.is_critical())?;
    if free <= now {
        return None;
    }
    let (at, channel) = (free.to_the_second(), &rules.name);
    Some(match limit {
        Limit::Rate => (
            format!("more is due than the `rate` of `{channel}` lets through"),
            format!("the next message leaves at {at}, the most severe first"),
            Some(at),
        ),
        Limit::Hour { began, max } => (
            format!("`{channel}` had the {max} that its `max_per_hour` allows since {}", began.in_the_second()),
            format!("that hour is over at {at}: then the next message leaves, the most severe first"),
            Some(at),
        ),
    })
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
        let because = if target.has_heard_all() { "nothing is left to tell" } else { "there is nothing to tell" };
        return (because.to_owned(), "nothing".to_owned(), None);
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
