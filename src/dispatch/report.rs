//! What each channel was told and how it is, for the API and for people.

use super::channel::ChannelState;
use super::subject::{Subject, Target};
use super::{Cause, Config, Dispatch};
use crate::model::alert::Reason;
use crate::model::record::{Phase, TargetRecord};
use crate::model::{AlertId, FailureCounts, LabelSet, LastFailure, Severity, Timestamp};
use std::collections::BTreeSet;
use std::sync::Arc;

/// How a channel is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelReport {
    pub channel: Arc<str>,
    /// `admitting`, `tripped` or `probing`.
    pub breaker: &'static str,
    /// Sends in a row that failed.
    pub failures: u32,
    /// How many failed of each class, ever.
    pub classes: FailureCounts,
    pub tripped_until: Option<Timestamp>,
    /// Why it is down, where it is.
    pub down: Option<String>,
    /// The latest failure, where nothing was delivered since.
    pub last_failure: Option<LastFailure>,
    /// Sends without an answer.
    pub in_flight: usize,
    /// Alerts of which it does not yet know what is true, though nothing holds them.
    pub undelivered: usize,
}

/// What a channel has not been told, though nothing holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undelivered {
    pub alert: AlertId,
    pub severity: Severity,
    pub title: String,
    pub firing: bool,
    pub channel: Arc<str>,
    /// Since when there is news that it has not been told.
    pub since: Option<Timestamp>,
    /// Episodes that came and went in the meantime.
    pub missed: usize,
    /// Its fallback was told, or is.
    pub covered: bool,
    /// Why it has not been told yet, for people.
    pub why: String,
}

impl Dispatch {
    /// What was not told yet though nothing holds it, by alert and channel.
    #[must_use]
    pub fn undelivered(&self, now: Timestamp) -> Vec<Undelivered> {
        let mut all: Vec<Undelivered> = Vec::new();
        for (id, subject) in &self.subjects {
            let untold = subject.targets.iter().enumerate().filter(|(_, t)| t.is_untold());
            all.extend(untold.map(|(place, target)| Undelivered {
                alert: id.clone(),
                severity: subject.view.severity,
                title: subject.view.title.clone(),
                firing: subject.phase == Phase::Firing,
                channel: Arc::clone(&target.channel),
                since: target.news.map(|(_, at)| at),
                missed: target.missed.len(),
                covered: target.covered,
                why: self.why_untold(subject, place, now),
            }));
        }
        all.sort_by(|a, b| (&a.alert, &a.channel).cmp(&(&b.alert, &b.channel)));
        all
    }

    /// What it waits for; nothing holds it, as those that something holds are not listed.
    fn why_untold(&self, subject: &Subject, place: usize, now: Timestamp) -> String {
        let Some(group) = self.groups.get(&subject.targets[place].group) else {
            return "it has not been asked yet".to_owned();
        };
        let (because, next, _) = self.next(subject, place, group, None, now);
        format!("{because}; next: {next}")
    }

    /// How each channel is, in the order of names.
    #[must_use]
    pub fn channel_reports(&self, now: Timestamp) -> Vec<ChannelReport> {
        let mut reports: Vec<ChannelReport> =
            self.config.names().map(|name| report(name, self.channels.get(name), now)).collect();
        reports.sort_by(|a, b| a.channel.cmp(&b.channel));
        let untold = self.subjects.values().flat_map(|s| &s.targets).filter(|t| t.is_untold());
        for target in untold {
            if let Ok(i) = reports.binary_search_by(|r| r.channel.cmp(&target.channel)) {
                reports[i].undelivered += 1;
            }
        }
        reports
    }

    /// What the configuration says.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The channels that an alert leads to or that were told of it.
    pub fn channels_of(&self, alert: &AlertId) -> impl Iterator<Item = &Arc<str>> {
        self.subjects.get(alert).into_iter().flat_map(|s| &s.targets).map(|t| &t.channel)
    }

    /// What holds an alert with these labels back from those who were not told, whether or not somebody was.
    #[must_use]
    pub fn held_by(&self, alert: &AlertId, labels: &LabelSet) -> Vec<AlertId> {
        let limit = self.limited.contains(&alert.check) && alert.reason.is_none();
        let limit = limit.then(|| AlertId::own(&alert.check, Reason::Limit));
        let inhibitor = self.inhibitions.find(alert, labels).map(|inhibitor| inhibitor.by);
        inhibitor.into_iter().chain(limit).collect()
    }

    /// The calendars that hold an alert back now on a route that it leads by.
    #[must_use]
    pub fn muted_by(&self, alert: &AlertId) -> BTreeSet<Arc<str>> {
        let targets = self.subjects.get(alert).into_iter().flat_map(|s| &s.targets);
        let causes = targets.filter_map(|t| self.calendars.hold(&self.groups.get(&t.group)?.route));
        let names = |cause: &Cause| match cause {
            Cause::Outside { calendars, .. } => calendars.clone(),
            Cause::Muted { calendar, .. } => vec![Arc::clone(calendar)],
            _ => Vec::new(),
        };
        causes.flat_map(names).collect()
    }

    /// What travels together: each group's labels, its channel and its members.
    pub fn groups(&self) -> impl Iterator<Item = (&LabelSet, &Arc<str>, impl Iterator<Item = &AlertId>)> {
        self.groups.values().map(|g| (&g.labels, &g.channel, g.members.iter()))
    }

    /// When the last episode of an alert ended, of which something is still to be told.
    #[must_use]
    pub fn ended_at(&self, alert: &AlertId) -> Option<Timestamp> {
        self.subjects.get(alert).filter(|s| s.phase == Phase::Ended).and_then(|s| s.view.ended)
    }

    /// What each channel was told of an alert, and what keeps it from being told more.
    #[must_use]
    pub fn told(&self, alert: &AlertId) -> Vec<TargetRecord> {
        self.subjects.get(alert).map(|s| s.record().targets).unwrap_or_default()
    }
}

fn report(name: &Arc<str>, state: Option<&ChannelState>, now: Timestamp) -> ChannelReport {
    ChannelReport {
        channel: Arc::clone(name),
        breaker: state.map_or("admitting", |s| s.breaker.name()),
        failures: state.map_or(0, |s| s.breaker.failures()),
        classes: state.map(|s| s.classes.clone()).unwrap_or_default(),
        tripped_until: state.and_then(|s| s.breaker.tripped_until(now)),
        down: state.and_then(|s| s.down.clone()),
        last_failure: state.and_then(|s| s.last_failure.clone()),
        in_flight: state.map_or(0, |s| s.in_flight),
        undelivered: 0,
    }
}

impl Target {
    fn is_untold(&self) -> bool {
        (self.news.is_some() || self.owed || self.in_flight) && self.hold.is_none()
    }
}
