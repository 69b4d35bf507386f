//! From what the core knows to what is shown, between two turns and for one page.

use super::views::{
    Alert, AlertFilter, Channel, Check, CheckFilter, Classes, Instant, LastFailure, Names, Outcome, Page, Shown,
    Source, State, Told, Undelivered, Window,
};
use crate::core::Core;
use crate::model::alert::AlertView;
use crate::model::record::{Belief, TargetRecord};
use crate::model::{AlertId, AlertState, FailureCounts, Key, LabelSet, Matcher, Severity, Timestamp, Value};
use std::sync::Arc;

/// Alerts that pass the filter, by identity.
pub fn alerts(core: &Core, filter: &AlertFilter) -> Page<Alert> {
    let (total, ids): (usize, Vec<&AlertId>) = if filter.takes_all() {
        (core.active().len(), core.active().skip(filter.window.offset).take(filter.window.limit).collect())
    } else {
        let found: Vec<&AlertId> = core.active().filter(|id| passes(core, id, filter)).collect();
        (found.len(), found.into_iter().skip(filter.window.offset).take(filter.window.limit).collect())
    };
    let items = ids.into_iter().filter_map(|id| Some(alert(core, core.brief(id)?.0, &*core.view(id)?))).collect();
    Page { total, offset: filter.window.offset, limit: filter.window.limit, items }
}

fn passes(core: &Core, id: &AlertId, filter: &AlertFilter) -> bool {
    if filter.check.as_deref().is_some_and(|want| want != &*id.check) {
        return false;
    }
    let Some((state, labels)) = core.brief(id) else { return false };
    let Some((state, severity)) = shown(state) else { return false };
    filter.state.is_none_or(|want| want == state)
        && filter.severity.is_none_or(|want| want == severity)
        && filter.matchers.iter().all(|matcher| matches(matcher, id, &labels, severity))
}

/// Whether a matcher matches an alert; the severity of one of ours is the present one.
pub fn matches(matcher: &Matcher, id: &AlertId, labels: &LabelSet, severity: Severity) -> bool {
    if matcher.name() == "severity" && !id.is_received() {
        return matcher.takes(severity.name());
    }
    matcher.matches(labels)
}

/// Checks that pass the filter, by name.
pub fn checks(core: &Core, filter: &CheckFilter) -> Page<Check> {
    let names = match &filter.check {
        Some(name) => core.engine.check_names().into_iter().filter(|n| **n == **name).collect(),
        None => core.engine.check_names(),
    };
    filter.window.of(names, |name| check(core, &name))
}

/// What channels were not told yet though nothing holds it, by alert and channel.
pub fn undelivered(core: &Core, window: Window, now: Timestamp) -> Page<Undelivered> {
    window.of(core.dispatch.undelivered(now), |untold| Undelivered {
        alert: untold.alert.to_string(),
        severity: untold.severity,
        title: untold.title,
        firing: untold.firing,
        channel: untold.channel,
        since: untold.since.map(Instant),
        missed: untold.missed,
        covered: untold.covered,
        why: untold.why,
    })
}

fn alert(core: &Core, state: AlertState, view: &AlertView) -> Alert {
    let (state, severity) = shown(state).unwrap_or((State::Pending, view.severity));
    Alert {
        id: view.id.to_string(),
        check: Arc::clone(&view.id.check),
        key: key(&view.id.key),
        reason: view.id.reason.map(crate::model::alert::Reason::name),
        state,
        severity,
        shadow: !view.id.is_received() && core.engine.is_shadow(&view.id.check),
        since: Instant(view.since),
        title: view.title.clone(),
        body: view.body.clone(),
        description: view.description.clone(),
        labels: labels(&view.labels),
        values: values(&view.values),
        condition: view.condition.clone(),
        links: view.links.iter().map(|(name, url)| (Arc::from(&**name), url.clone())).collect(),
        declared: Arc::clone(&view.declared),
        fell_back: view.fell_back.clone(),
        channels: core.dispatch.told(&view.id).into_iter().map(told).collect(),
    }
}

fn told(target: TargetRecord) -> Told {
    let (believes, told) = match target.belief {
        Belief::Nothing => ("nothing", None),
        Belief::Firing(told) => ("firing", Some(told)),
        Belief::Unknown { before, sent } => ("unknown", sent.or(before)),
    };
    Told {
        channel: target.channel,
        group: target.group,
        believes,
        severity: told.map(|t| t.severity),
        since: told.map(|t| Instant(t.episode)),
        news_since: target.news.map(Instant),
        held: target.hold,
    }
}

fn check(core: &Core, name: &str) -> Check {
    let report = core.engine.check_report(name).expect("the name was asked of the engine in this turn");
    let outcomes = report.outcomes.into_iter().map(|o| {
        let (state, severity) = match o.state {
            AlertState::Inactive => ("inactive", None),
            AlertState::Pending(severity) => ("pending", Some(severity)),
            AlertState::Firing(severity) => ("firing", Some(severity)),
        };
        Outcome { key: key(&o.key), state, severity, values: values(&o.values), unknown: o.unknown }
    });
    Check {
        check: report.check,
        source: report.source,
        declared: report.declared,
        mode: report.mode,
        last_slot: report.last_slot.map(Instant),
        next_slot: report.next_slot.map(Instant),
        collecting: report.collecting,
        took_seconds: report.took,
        answered: report.answered,
        fell_back: report.fell_back,
        error: report.error,
        rows: report.rows,
        unread_rows: report.unread,
        firing: report.firing,
        pending: report.pending,
        skipped_slots: report.skipped_slots,
        outcomes: outcomes.collect(),
    }
}

/// Every source that was asked.
pub fn sources(core: &Core, now: Timestamp) -> Vec<Source> {
    let show = |s: crate::core::SourceReport| Source {
        source: s.source,
        breaker: s.breaker,
        failures: s.failures,
        failures_by_class: classes(&s.classes),
        tripped_until: s.tripped_until.map(Instant),
        last_failure: s.last_failure.map(last_failure),
    };
    core.engine.source_reports(now).into_iter().map(show).collect()
}

fn last_failure(of: crate::model::LastFailure) -> LastFailure {
    LastFailure { at: Instant(of.at), class: of.class.name(), why: of.why }
}

/// Failures by the names of their classes.
fn classes(counts: &FailureCounts) -> Classes {
    counts.iter().map(|(class, count)| (class.name(), count)).collect()
}

/// Every channel.
pub fn channels(core: &Core, now: Timestamp) -> Vec<Channel> {
    let show = |r: crate::core::ChannelReport| Channel {
        channel: r.channel,
        breaker: r.breaker,
        failures: r.failures,
        failures_by_class: classes(&r.classes),
        tripped_until: r.tripped_until.map(Instant),
        down: r.down,
        last_failure: r.last_failure.map(last_failure),
        in_flight: r.in_flight,
        undelivered: r.undelivered,
    };
    core.dispatch.channel_reports(now).into_iter().map(show).collect()
}

fn shown(state: AlertState) -> Option<(State, Severity)> {
    match state {
        AlertState::Pending(severity) => Some((State::Pending, severity)),
        AlertState::Firing(severity) => Some((State::Firing, severity)),
        AlertState::Inactive => None,
    }
}

fn key(key: &Key) -> Names<Arc<str>> {
    key.0.iter().cloned().collect()
}

fn values(values: &[(Arc<str>, Value)]) -> Names<Shown> {
    values.iter().map(|(name, value)| (Arc::clone(name), Shown(value.clone()))).collect()
}

fn labels(labels: &LabelSet) -> Names<Arc<str>> {
    labels.iter().map(|(name, value)| (Arc::clone(name), Arc::clone(value))).collect()
}
