//! From what the core knows to what Alertmanager's API shows.

use super::super::answer::matches;
use super::super::views::{Instant, Names};
use super::{Alert, AlertStatus, Cluster, Config, Filter, Outline, Receiver, Status, VersionInfo, original};
use crate::core::{Core, RESOLVE_TIMEOUT};
use crate::model::alert::AlertView;
use crate::model::{AlertId, AlertState, LabelSet, Severity, Timestamp};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The firing alerts that pass, in the order of identities.
pub fn list(core: &Core, filter: &Filter) -> Vec<AlertId> {
    let all = filter.takes_every_state() && filter.receiver.is_none() && filter.matchers.is_empty();
    let passing = core.firing().filter(|id| all || passes(core, id, filter));
    passing.skip(filter.offset).take(filter.limit).cloned().collect()
}

/// Those of these that fire.
pub fn show(core: &Core, ids: &[AlertId], now: Timestamp) -> Vec<Alert> {
    let firing = |id: &&AlertId| core.brief(id).is_some_and(|(state, _)| state.firing().is_some());
    ids.iter().filter(firing).filter_map(|id| Some(alert(core, &*core.view(id)?, now))).collect()
}

/// The groups with a firing alert that passes: by labels, then by receiver, as Alertmanager has them.
pub fn groups(core: &Core, filter: &Filter) -> Vec<Outline> {
    let mut groups: Vec<Outline> = Vec::new();
    for (labels, channel, members) in core.dispatch.groups() {
        if filter.receiver.as_ref().is_some_and(|wanted| !wanted.takes(channel)) {
            continue;
        }
        let mut members: Vec<AlertId> = members.filter(|id| passes(core, id, filter)).cloned().collect();
        if members.is_empty() {
            continue;
        }
        members.sort_unstable();
        groups.push(Outline { labels: names(labels), receiver: Receiver { name: Arc::clone(channel) }, members });
    }
    groups.sort_by(|a, b| (&a.labels, &a.receiver).cmp(&(&b.labels, &b.receiver)));
    groups
}

/// Every channel, as a receiver.
pub fn receivers(core: &Core) -> Vec<Receiver> {
    let names: BTreeSet<&Arc<str>> = core.dispatch.config().channels.iter().map(|c| &c.name).collect();
    names.into_iter().map(|name| Receiver { name: Arc::clone(name) }).collect()
}

pub fn status(core: &Core, started: Timestamp) -> Status {
    let version = env!("CARGO_PKG_VERSION");
    Status {
        cluster: Cluster { peers: [], status: "disabled" },
        config: Config { original: original::of(core.dispatch.config()) },
        uptime: Instant(started),
        // The names are Alertmanager's; of what we are not made of there is nothing to say.
        version_info: VersionInfo {
            branch: "",
            build_date: "",
            build_user: "bellwether",
            go_version: "",
            revision: "",
            version,
        },
    }
}

fn passes(core: &Core, id: &AlertId, filter: &Filter) -> bool {
    let Some((state, labels)) = core.brief(id) else { return false };
    let AlertState::Firing(severity) = state else { return false };
    filter.matchers.iter().all(|matcher| matches(matcher, id, &labels, severity))
        && filter.receiver.as_ref().is_none_or(|wanted| core.dispatch.channels_of(id).any(|name| wanted.takes(name)))
        && (filter.takes_every_state() || filter.takes(&status_of(core, id, &present(id, &labels, severity))))
}

impl Filter {
    fn takes_every_state(&self) -> bool {
        self.active && self.silenced && self.inhibited && self.unprocessed && self.muted
    }

    fn takes(&self, status: &AlertStatus) -> bool {
        (self.active || status.state != "active")
            && (self.unprocessed || status.state != "unprocessed")
            && (self.silenced || status.silenced_by.is_empty())
            && (self.inhibited || status.inhibited_by.is_empty())
            && (self.muted || status.muted_by.is_empty())
    }
}

/// The labels with the severity of now.
fn present(id: &AlertId, labels: &LabelSet, severity: Severity) -> LabelSet {
    if id.is_received() { labels.clone() } else { labels.with("severity", severity.name()) }
}

fn status_of(core: &Core, id: &AlertId, labels: &LabelSet) -> AlertStatus {
    if !id.is_received() && core.engine.is_shadow(&id.check) {
        let none = (Vec::new(), Vec::new(), Vec::new());
        return AlertStatus { state: "unprocessed", silenced_by: none.0, inhibited_by: none.1, muted_by: none.2 };
    }
    let inhibited_by: Vec<String> = core.dispatch.held_by(id, labels).iter().map(fingerprint).collect();
    let silenced_by: Vec<Arc<str>> = core.dispatch.silences().matching(labels).map(|s| Arc::clone(&s.id)).collect();
    let muted_by: Vec<Arc<str>> = core.dispatch.muted_by(id).into_iter().collect();
    let held = !(inhibited_by.is_empty() && silenced_by.is_empty() && muted_by.is_empty());
    AlertStatus { state: if held { "suppressed" } else { "active" }, silenced_by, inhibited_by, muted_by }
}

fn alert(core: &Core, view: &AlertView, now: Timestamp) -> Alert {
    let id = &view.id;
    let record = core.received.record(id);
    let mut labels = names(&view.labels);
    labels.entry(Arc::from("alertname")).or_insert_with(|| Arc::clone(&id.check));
    Alert {
        annotations: record.map_or_else(|| annotations(view), |record| names(&record.annotations)),
        ends_at: Instant(record.map_or(now + RESOLVE_TIMEOUT, |record| record.expires)),
        fingerprint: fingerprint(id),
        receivers: core.dispatch.channels_of(id).map(|name| Receiver { name: Arc::clone(name) }).collect(),
        starts_at: Instant(view.since),
        status: status_of(core, id, &view.labels),
        updated_at: Instant(record.map_or_else(|| judged(core, id, view), |record| record.updated)),
        generator_url: record.map_or_else(|| Arc::from(""), |record| Arc::clone(&record.generator)),
        labels,
    }
}

/// When our own alert was judged last.
fn judged(core: &Core, id: &AlertId, view: &AlertView) -> Timestamp {
    core.engine.last_slot(&id.check).unwrap_or(view.since).max(view.since)
}

/// What our own alert says, under the names that Alertmanager's users look for; as in its webhooks.
fn annotations(view: &AlertView) -> Names<Arc<str>> {
    let about = if view.body.is_empty() { &view.description } else { &view.body };
    let said = [("summary", &view.title), ("description", about), ("condition", &view.condition)];
    let said = said.into_iter().map(|(name, text)| (name, text.as_str()));
    let links = view.links.iter().map(|(name, url)| match &**name {
        "runbook" => ("runbook_url", url.as_str()),
        "dashboard" => ("dashboard_url", url.as_str()),
        name => (name, url.as_str()),
    });
    let all = links.chain(said).filter(|(_, text)| !text.is_empty());
    all.map(|(name, text)| (Arc::from(name), Arc::from(text))).collect()
}

fn fingerprint(id: &AlertId) -> String {
    format!("{:016x}", id.fingerprint())
}

fn names(labels: &LabelSet) -> Names<Arc<str>> {
    labels.iter().map(|(name, value)| (Arc::clone(name), Arc::clone(value))).collect()
}
