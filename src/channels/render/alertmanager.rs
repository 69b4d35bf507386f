//! The message in the format of Alertmanager's webhook, version 4.
//!
//! Source: prometheus.io/docs/alerting/latest/configuration/#webhook_config and alertmanager's
//! `notify/webhook.Message` over `template.Data`.

use super::preface::Digest;
use crate::model::alert::AlertView;
use crate::model::notification::Away;
use crate::model::{Item, ItemKind, Notification, Timestamp};
use serde::ser::{Serialize, SerializeMap, SerializeStruct, Serializer};
use std::borrow::Cow;

/// `endsAt` of what still fires: Go's zero time, as Alertmanager writes it.
const NEVER: &str = "0001-01-01T00:00:00Z";

/// The body of a webhook; it is serialised from the notification without a copy.
pub struct Payload<'a> {
    pub notification: &'a Notification,
    /// The address of this Bellwether's pages.
    pub url: &'a str,
}

impl Serialize for Payload<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let n = self.notification;
        let alerts: Vec<Alert<'_>> = n.items.iter().map(|item| Alert::new(item, self.url)).collect();
        let mut out = s.serialize_map(None)?;
        out.serialize_entry("receiver", &n.channel)?;
        out.serialize_entry("status", if n.is_firing() { "firing" } else { "resolved" })?;
        out.serialize_entry("alerts", &alerts)?;
        out.serialize_entry("groupLabels", &n.group_labels)?;
        out.serialize_entry("commonLabels", &common(alerts.iter().map(|a| &a.labels)))?;
        out.serialize_entry("commonAnnotations", &common(alerts.iter().map(|a| &a.annotations)))?;
        out.serialize_entry("externalURL", self.url)?;
        out.serialize_entry("version", "4")?;
        out.serialize_entry("groupKey", &n.group)?;
        out.serialize_entry("truncatedAlerts", &0)?;
        // Ours: the same over retries, so that a receiver can tell a message that it already has.
        out.serialize_entry("notificationId", &n.id)?;
        // Ours too, each only where it is so.
        if let (Some(away), Some(digest)) = (&n.occasion.away, Digest::of(n)) {
            out.serialize_entry("digest", &DigestFields { away, digest: &digest, summary: digest.headline(n, away) })?;
        }
        // A digest is of many groups by its nature.
        if let Some(groups) = n.occasion.gathered.filter(|_| n.occasion.away.is_none()) {
            out.serialize_entry("gathered", &groups)?;
        }
        if !n.occasion.instead_of.is_empty() {
            out.serialize_entry("insteadOf", &n.occasion.instead_of)?;
        }
        if 0 < n.holds.count {
            let named: Vec<String> = n.holds.named.iter().map(|alert| alert.id.to_string()).collect();
            out.serialize_entry("held", &Held { count: n.holds.count, alerts: named })?;
        }
        out.end()
    }
}

/// That the channel was away, and what it missed.
struct DigestFields<'a> {
    away: &'a Away,
    digest: &'a Digest,
    summary: String,
}

impl Serialize for DigestFields<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut out = s.serialize_struct("Digest", 6)?;
        out.serialize_field("summary", &self.summary)?;
        out.serialize_field("since", &Instant(self.away.since))?;
        out.serialize_field("toldTo", &self.away.told)?;
        out.serialize_field("firing", &self.digest.firing)?;
        out.serialize_field("resolved", &self.digest.resolved)?;
        out.serialize_field("cameAndWent", &self.digest.came_and_went)?;
        out.end()
    }
}

/// What fires and is not told by itself, because something here holds it.
#[derive(serde::Serialize)]
struct Held {
    count: usize,
    alerts: Vec<String>,
}

struct Alert<'a> {
    item: &'a Item,
    labels: Pairs<'a>,
    annotations: Pairs<'a>,
    url: &'a str,
}

/// Names and values, in the order in which they are written.
struct Pairs<'a>(Vec<(&'a str, Cow<'a, str>)>);

impl<'a> Alert<'a> {
    fn new(item: &'a Item, url: &'a str) -> Alert<'a> {
        Alert { item, labels: labels(&item.alert), annotations: annotations(item), url }
    }
}

impl Serialize for Alert<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let alert = &self.item.alert;
        let firing = self.item.kind.is_firing();
        let ends = alert.ended.filter(|_| !firing).map_or_else(|| NEVER.into(), |t| Cow::Owned(t.to_string()));
        let mut out = s.serialize_struct("Alert", 7)?;
        out.serialize_field("status", if firing { "firing" } else { "resolved" })?;
        out.serialize_field("labels", &self.labels)?;
        out.serialize_field("annotations", &self.annotations)?;
        out.serialize_field("startsAt", &Instant(alert.since))?;
        out.serialize_field("endsAt", &ends)?;
        out.serialize_field("generatorURL", &generator(self.url, alert))?;
        out.serialize_field("fingerprint", &fingerprint(alert))?;
        out.end()
    }
}

struct Instant(Timestamp);

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(&self.0)
    }
}

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// The alert's labels, with the `alertname` that receivers of Alertmanager look for, and the severity of this alert; the
/// severity of a received one stays as it was sent.
fn labels(alert: &AlertView) -> Pairs<'_> {
    if alert.id.is_received() {
        return Pairs(alert.labels.iter().map(|(n, v)| (&**n, Cow::Borrowed(&**v))).collect());
    }
    let mut out: Vec<(&str, Cow<'_, str>)> = Vec::with_capacity(alert.labels.len() + 1);
    if alert.labels.get("alertname").is_none() {
        out.push(("alertname", Cow::Borrowed(&alert.id.check)));
    }
    out.extend(alert.labels.iter().filter(|(n, _)| &***n != "severity").map(|(n, v)| (&**n, Cow::Borrowed(&**v))));
    out.push(("severity", Cow::Borrowed(alert.severity.name())));
    out.sort_unstable_by_key(|(name, _)| *name);
    Pairs(out)
}

fn annotations(item: &Item) -> Pairs<'_> {
    let alert = &*item.alert;
    let mut out: Vec<(&str, Cow<'_, str>)> = Vec::with_capacity(8);
    let about = if alert.body.is_empty() { &alert.description } else { &alert.body };
    out.push(("change", change(item)));
    out.push(("condition", Cow::Borrowed(&alert.condition)));
    out.push(("declared", Cow::Borrowed(&alert.declared)));
    out.push(("description", Cow::Borrowed(about)));
    out.push(("summary", Cow::Borrowed(&alert.title)));
    out.push(("values", Cow::Owned(values(alert))));
    out.retain(|(_, text)| !text.is_empty());
    for (name, url) in &alert.links {
        out.push((link_name(name), Cow::Borrowed(url)));
    }
    out.sort_by_key(|(name, _)| *name);
    out.dedup_by_key(|(name, _)| *name);
    Pairs(out)
}

/// `runbook` is the annotation `runbook_url`, as in the mixins of Prometheus.
fn link_name(name: &str) -> &str {
    match name {
        "runbook" => "runbook_url",
        "dashboard" => "dashboard_url",
        other => other,
    }
}

/// `escalated from warning`, `resolved (forgotten)`.
fn change(item: &Item) -> Cow<'static, str> {
    let kind = item.kind.name();
    match (item.kind, item.before, item.alert.note) {
        (ItemKind::Escalated | ItemKind::Eased, Some(before), _) => format!("{kind} from {before}").into(),
        (ItemKind::Resolved, _, Some(note)) => format!("{kind} ({})", note.text()).into(),
        _ => kind.into(),
    }
}

/// `ratio=8.216216216216216 duration=608`: exact, for machines too.
fn values(alert: &AlertView) -> String {
    let mut out = String::new();
    for (i, (name, value)) in alert.values.iter().enumerate() {
        out.push_str(&format!("{}{name}={value}", if i > 0 { " " } else { "" }));
    }
    out
}

fn generator(url: &str, alert: &AlertView) -> String {
    if url.is_empty() {
        return String::new();
    }
    let check: String = alert
        .id
        .check
        .bytes()
        .map(|b| match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(b).to_string(),
            b => format!("%{b:02X}"),
        })
        .collect();
    format!("{}/api/v1/alerts?check={check}", url.trim_end_matches('/'))
}

fn fingerprint(alert: &AlertView) -> String {
    format!("{:016x}", alert.id.fingerprint())
}

/// The pairs that all have.
fn common<'a>(mut all: impl Iterator<Item = &'a Pairs<'a>>) -> Common<'a> {
    let Some(first) = all.next() else { return Common(Vec::new()) };
    let mut out: Vec<(&str, &str)> = first.0.iter().map(|(n, v)| (*n, &**v)).collect();
    for pairs in all {
        out.retain(|(name, value)| {
            // Both are sorted by name.
            pairs.0.binary_search_by_key(name, |(n, _)| n).is_ok_and(|i| pairs.0[i].1 == *value)
        });
    }
    Common(out)
}

struct Common<'a>(Vec<(&'a str, &'a str)>);

impl Serialize for Common<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_map(self.0.iter().copied())
    }
}
