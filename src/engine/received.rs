//! Alerts that others send us: each lives as long as its sender says so again.
//!
//! A sender that went silent said nothing, so that such an end is marked [`EndNote::Unsent`] and never reads like one
//! that was told.

use super::News;
use super::signals::ended;
use crate::model::alert::{AlertView, EndNote};
use crate::model::record::{ReceivedRecord, Row, RowName, Write};
use crate::model::{AlertId, Change, ChangeKind, Incoming, LabelSet, Severity, Timestamp};
use hashbrown::{HashMap, HashSet};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// How long an alert that was sent without an end lives on after it was sent last: Alertmanager's `resolve_timeout`.
/// After a start every alert has this long to be sent again, since nobody could send it while we were away.
pub const RESOLVE_TIMEOUT: Duration = Duration::from_mins(5);
/// Received alerts that may fire at once; more are refused, and their sender is told.
pub const RECEIVED_MAX: usize = 200_000;

/// When the last episode of an alert of which something is still to be told ended.
pub type Ended<'a> = &'a dyn Fn(&AlertId) -> Option<Timestamp>;

/// The received alerts that fire.
#[derive(Debug, Default)]
pub struct Received {
    lives: HashMap<AlertId, Life>,
    /// When to look at each life again, at the latest when it expires.
    queue: BTreeSet<(Timestamp, AlertId)>,
    dirty: HashSet<RowName>,
    news: Vec<News>,
}

#[derive(Debug)]
struct Life {
    record: ReceivedRecord,
    /// What the store has for `expires`.
    written: Timestamp,
    /// Its time in the queue.
    queued: Timestamp,
    view: Arc<AlertView>,
}

impl Received {
    /// Takes up what was kept.
    #[must_use]
    pub fn new(rows: Vec<ReceivedRecord>, now: Timestamp) -> Received {
        let mut received = Received::default();
        for mut record in rows {
            let id = AlertId::received(&record.labels);
            let written = record.expires;
            // What was written is up to one timeout older than what was last sent.
            record.expires = record.expires.max(now) + RESOLVE_TIMEOUT;
            received.queue.insert((record.expires, id.clone()));
            let view = Arc::new(view(&id, &record));
            received.lives.insert(id, Life { written, queued: record.expires, view, record });
        }
        received
    }

    /// Why these cannot be taken, where they cannot.
    ///
    /// # Errors
    /// For people: more fire than [`RECEIVED_MAX`].
    pub fn has_room(&self, alerts: &[Incoming]) -> Result<(), String> {
        if self.lives.len() + alerts.len() <= RECEIVED_MAX {
            return Ok(());
        }
        let new = alerts.iter().filter(|a| !self.lives.contains_key(&AlertId::received(&a.labels))).count();
        if self.lives.len() + new <= RECEIVED_MAX {
            return Ok(());
        }
        Err(format!("{} received alerts fire already, and {RECEIVED_MAX} may: send fewer", self.lives.len()))
    }

    /// Takes what was sent.
    pub fn take(&mut self, alerts: Vec<Incoming>, now: Timestamp, ended_at: Ended) {
        for alert in alerts {
            let id = AlertId::received(&alert.labels);
            match alert.ends.filter(|ends| *ends <= now) {
                Some(ends) => self.end(&id, ends, None, now),
                None => self.fires(id, alert, now, ended_at),
            }
        }
    }

    /// Ends those that were not sent again in time.
    pub fn expire(&mut self, now: Timestamp) {
        while self.queue.first().is_some_and(|(at, _)| *at <= now) {
            let (_, id) = self.queue.pop_first().expect("looked at above");
            let life = self.lives.get_mut(&id).expect("a life leaves the queue when it ends");
            if life.record.expires <= now {
                let at = life.record.expires;
                self.end(&id, at, Some(EndNote::Unsent), now);
            } else {
                life.queued = life.record.expires;
                self.queue.insert((life.queued, id));
            }
        }
    }

    /// When [`Received::expire`] has something to do.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.queue.first().map(|(at, _)| *at)
    }

    /// The view of one that fires.
    #[must_use]
    pub fn view(&self, id: &AlertId) -> Option<Arc<AlertView>> {
        self.lives.get(id).map(|life| Arc::clone(&life.view))
    }

    /// One that fires, as it was sent last.
    #[must_use]
    pub fn record(&self, id: &AlertId) -> Option<&ReceivedRecord> {
        self.lives.get(id).map(|life| &life.record)
    }

    /// Every one that fires.
    pub fn views(&self) -> impl ExactSizeIterator<Item = &Arc<AlertView>> {
        self.lives.values().map(|life| &life.view)
    }

    /// What changed since the last call, in order.
    pub fn take_news(&mut self) -> Vec<News> {
        std::mem::take(&mut self.news)
    }

    /// The state rows that changed since the last call.
    pub fn take_writes(&mut self) -> Vec<Write> {
        let dirty = std::mem::take(&mut self.dirty);
        dirty.into_iter().map(|name| self.write(name)).collect()
    }

    /// Every state row there is.
    #[must_use]
    pub fn snapshot(&self) -> Vec<Write> {
        self.lives.values().map(|life| Write::Put(Row::Received(Box::new(life.record.clone())))).collect()
    }

    fn write(&self, name: RowName) -> Write {
        let record = match &name {
            RowName::Received(id) => self.record(id),
            _ => None,
        };
        record.map_or_else(|| Write::Delete(Box::new(name)), |r| Write::Put(Row::Received(Box::new(r.clone()))))
    }

    fn fires(&mut self, id: AlertId, alert: Incoming, now: Timestamp, ended_at: Ended) {
        let expires = alert.ends.unwrap_or(now + RESOLVE_TIMEOUT);
        let Some(life) = self.lives.get_mut(&id) else { return self.begin(id, alert, expires, now, ended_at) };
        let known = &mut life.record;
        (known.expires, known.updated) = (expires, now);
        let changed = known.annotations != alert.annotations || known.generator != alert.generator;
        if changed {
            (known.annotations, known.generator) = (alert.annotations, alert.generator);
            life.view = Arc::new(view(&id, known));
        }
        // A sender says the same each minute: what is written need only be near.
        if changed || expires < life.written || life.written + RESOLVE_TIMEOUT < expires {
            life.written = expires;
            self.dirty.insert(RowName::Received(id.clone()));
        }
        if expires < life.queued {
            self.queue.remove(&(life.queued, id.clone()));
            life.queued = expires;
            self.queue.insert((expires, id));
        }
    }

    fn begin(&mut self, id: AlertId, alert: Incoming, expires: Timestamp, now: Timestamp, ended_at: Ended) {
        let since = alert.starts.unwrap_or(now).min(now);
        // The instant names the episode: one that ended must not be told as if it went on.
        let since = if ended_at(&id).is_some_and(|end| since <= end) { now } else { since };
        let Incoming { labels, annotations, generator, .. } = alert;
        let record = ReceivedRecord { labels, annotations, generator, since, expires, updated: now };
        let view = Arc::new(view(&id, &record));
        let (kind, severity) = (ChangeKind::Fired, view.severity);
        self.news.push(News::Changed(Change { at: now, kind, severity, note: None, view: Arc::clone(&view) }));
        self.dirty.insert(RowName::Received(id.clone()));
        self.queue.insert((expires, id.clone()));
        self.lives.insert(id, Life { record, written: expires, queued: expires, view });
    }

    /// The end of one that fires; of another there is nothing to tell.
    fn end(&mut self, id: &AlertId, at: Timestamp, note: Option<EndNote>, now: Timestamp) {
        let Some(life) = self.lives.remove(id) else { return };
        self.queue.remove(&(life.queued, id.clone()));
        self.dirty.insert(RowName::Received(id.clone()));
        let mut change = ended(Arc::clone(&life.view), note, at.max(life.record.since));
        change.at = now;
        self.news.push(News::Changed(change));
    }
}

/// The severity that a sender's label means. What is none of ours is a warning: seen, and wakes nobody.
fn severity(labels: &LabelSet) -> Severity {
    let said = labels.get("severity").unwrap_or_default().to_ascii_lowercase();
    Severity::from_name(&said).unwrap_or(Severity::Warning)
}

/// The labels as routes see them: as sent, with `check` and `severity` where they lack. A severity that is one of ours
/// but for its letters' case is written as ours; another word stays.
fn labels(id: &AlertId, sent: &LabelSet, severity: Severity) -> LabelSet {
    let check = sent.get("check").unwrap_or(&id.check);
    let said = sent.get("severity").filter(|said| !said.eq_ignore_ascii_case(severity.name()));
    let ours = [("check", check), ("severity", said.unwrap_or(severity.name()))];
    let ours = ours.into_iter().map(|(name, value)| (Arc::from(name), Arc::from(value)));
    LabelSet::new(sent.iter().map(|(name, value)| (Arc::clone(name), Arc::clone(value))).chain(ours))
}

fn view(id: &AlertId, record: &ReceivedRecord) -> AlertView {
    let severity = severity(&record.labels);
    let said = |names: &[&str]| names.iter().find_map(|name| record.annotations.get(name)).map(str::to_owned);
    let link = |name: &str, annotation: &str| Some((name.to_owned(), said(&[annotation])?));
    let source = (!record.generator.is_empty()).then(|| ("source".to_owned(), record.generator.to_string()));
    AlertView {
        id: id.clone(),
        labels: labels(id, &record.labels, severity),
        severity,
        since: record.since,
        ended: None,
        note: None,
        title: said(&["summary", "title"]).unwrap_or_else(|| title(id)),
        body: said(&["description", "message"]).unwrap_or_default(),
        description: String::new(),
        values: Vec::new(),
        condition: String::new(),
        links: [link("runbook", "runbook_url"), link("dashboard", "dashboard_url"), source]
            .into_iter()
            .flatten()
            .collect(),
        declared: Arc::from("received"),
        template_error: None,
        fell_back: None,
        flapping: None,
    }
}

/// `HighLatency: api, eu-west-1`: the values of its labels, where the sender says nothing better.
fn title(id: &AlertId) -> String {
    let others = id.key.0.iter().filter(|(name, _)| !matches!(&**name, "alertname" | "severity"));
    let values: Vec<&str> = others.map(|(_, value)| &**value).collect();
    if values.is_empty() { id.check.to_string() } else { format!("{}: {}", id.check, values.join(", ")) }
}

#[cfg(test)]
mod tests;
