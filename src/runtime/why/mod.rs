//! Why an alert was told, or was not: what is true now, from the core, beside what happened, from the store.
//!
//! The loop says how the alert stands and hands the rest to the store's thread, which reads the history between two
//! commits and answers whoever asked.

mod answer;

use super::views::Instant;
use super::views::why::{NoAlert, Why, WhyChannel, WhyFilter, WhyLine};
use crate::core::{Core, Knows, Led, Outlook, Standing};
use crate::model::alert_ref::AlertRef;
use crate::model::record::{Entry, Lines, Topic};
use crate::model::time::human_duration;
use crate::model::{AlertId, AlertState, Change, ChangeKind, Delivery, Notification, Severity, Timestamp};
use crate::store::{Store, StoreError};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Alerts that are listed where a name may mean several.
const LISTED_MAX: usize = 20;
/// Lines about Bellwether itself and about its channels, beside those of the alert.
const NOTES_MAX: usize = 100;

/// Which alert a text means, as far as the core knows.
pub enum Found {
    One(AlertId),
    /// None that is active; these are remembered.
    Remembered(Vec<String>),
}

/// Looks for an alert among those that are active or remembered.
///
/// # Errors
/// Where the text means several that are active.
pub fn find(core: &Core, named: &AlertRef) -> Result<Found, NoAlert> {
    let known = core.engine.ids_of(&named.check);
    let told = core.dispatch.ids_of(&named.check);
    let is_active = |state: AlertState| state != AlertState::Inactive;
    let active: BTreeSet<&AlertId> =
        known.iter().filter(|(_, state)| is_active(*state)).map(|(id, _)| id).chain(&told).collect();
    let fitting: Vec<&AlertId> = active.into_iter().filter(|id| named.fits(id)).collect();
    match fitting.as_slice() {
        [one] => Ok(Found::One((*one).clone())),
        [] => {
            let remembered = known.iter().map(|(id, _)| id).filter(|id| named.fits(id));
            Ok(Found::Remembered(remembered.map(ToString::to_string).collect()))
        }
        several => match several.iter().find(|id| named.is(id)) {
            Some(id) => Ok(Found::One((*id).clone())),
            None => Err(unclear(named, several.iter().map(ToString::to_string).collect())),
        },
    }
}

/// The text of the alert that is meant, from those that are remembered and those of the history.
///
/// # Errors
/// Where there is none, or there are several.
pub fn choose(named: &AlertRef, mut remembered: Vec<String>, store: Option<&mut dyn Store>) -> Result<String, NoAlert> {
    let known = store.and_then(|store| {
        if !named.is_received {
            return store.alerts_of(&named.check, super::views::why::LINES_MAX).ok();
        }
        // They are no check's: one that is over is found by its whole text alone.
        let lines = store.lines(Topic::Alert(&named.text), i64::MAX, 1).ok()?;
        Some(lines.entries.iter().map(|_| named.text.clone()).collect())
    });
    remembered.extend(known.unwrap_or_default().into_iter().filter(|text| means(named, text)));
    remembered.sort_unstable();
    remembered.dedup();
    match remembered.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(NoAlert::Unknown(format!(
            "no alert of a check `{}` is known{}: `/api/v1/checks` lists the checks, and what is over is kept for `store.keep`",
            named.check,
            if named.pairs.is_empty() { "" } else { " with this key" }
        ))),
        several => match several.iter().find(|text| is_whole(named, text)) {
            Some(one) => Ok(one.clone()),
            None => Err(unclear(named, remembered)),
        },
    }
}

fn means(named: &AlertRef, text: &str) -> bool {
    AlertRef::parse(text).is_ok_and(|other| named.pairs.iter().all(|pair| other.pairs.contains(pair)))
}

fn is_whole(named: &AlertRef, text: &str) -> bool {
    means(named, text) && AlertRef::parse(text).is_ok_and(|other| other.pairs.len() == named.pairs.len())
}

fn unclear(named: &AlertRef, alerts: Vec<String>) -> NoAlert {
    let count = alerts.len();
    let listed: Vec<String> = alerts.into_iter().take(LISTED_MAX).collect();
    let more = count.saturating_sub(listed.len());
    let more = if more > 0 { format!("\nand {more} more") } else { String::new() };
    NoAlert::Unclear(format!("`{}` may be one of {count} alerts: name one\n{}{more}", named.check, listed.join("\n")))
}

/// How an alert stands, as the core knows it.
pub struct Present {
    alert: String,
    now: Timestamp,
    standing: Option<Standing>,
    outlooks: Vec<Outlook>,
    /// Where its labels lead, where nothing is bound to it yet.
    led: Option<Result<Vec<Led>, String>>,
}

impl Present {
    #[must_use]
    pub fn of(core: &Core, alert: &str, now: Timestamp) -> Present {
        let check = AlertRef::parse(alert).map(|named| named.check).unwrap_or_default();
        let known = core.engine.ids_of(&check).into_iter().map(|(id, _)| id);
        let id = known.chain(core.dispatch.ids_of(&check)).find(|id| id.to_string() == alert);
        let standing = id.as_ref().and_then(|id| core.standing(id));
        let outlooks = id.as_ref().map(|id| core.dispatch.outlook(id, now)).unwrap_or_default();
        let asks = standing.as_ref().filter(|_| outlooks.is_empty());
        let led = asks.map(|standing| core.dispatch.led(&standing.labels, now));
        Present { alert: alert.to_owned(), now, standing, outlooks, led }
    }

    fn state(&self) -> (&'static str, Option<Severity>) {
        match self.standing.as_ref().map(|standing| standing.state) {
            Some(AlertState::Firing(severity)) => ("firing", Some(severity)),
            Some(AlertState::Pending(severity)) => ("pending", Some(severity)),
            Some(AlertState::Inactive) => ("inactive", None),
            None => ("over", None),
        }
    }

    /// All that is shown, with what the store knows.
    #[must_use]
    pub fn with_life(self, filter: &WhyFilter, store: Option<&mut dyn Store>) -> Why {
        let (life, unread) = match store.map(|store| Life::read(store, &self, filter)) {
            Some(Ok(life)) => (life, None),
            Some(Err(error)) => (Life::default(), Some(error.to_string())),
            None => (Life::default(), Some("the store fails and cannot be read now".to_owned())),
        };
        let (state, severity) = self.state();
        let channels: Vec<WhyChannel> = self.outlooks.iter().map(|outlook| channel(outlook, &life)).collect();
        let standing = self.standing.as_ref();
        let title = standing.map(|s| s.title.clone()).filter(|title| !title.is_empty());
        Why {
            now: Instant(self.now),
            state,
            severity,
            since: standing.filter(|s| s.state != AlertState::Inactive).map(|s| Instant(s.since)),
            title: title.or_else(|| life.title.clone()).unwrap_or_default(),
            answer: answer::answer(&self, &channels, &life),
            channels,
            older: life.older,
            life: life.lines,
            unread,
            alert: self.alert,
        }
    }
}

fn channel(outlook: &Outlook, life: &Life) -> WhyChannel {
    let severity = match outlook.knows {
        Knows::Truth(severity) | Knows::Old(severity) => Some(severity),
        Knows::Maybe | Knows::Nothing => None,
    };
    let told = life.delivered.iter().rev().find(|(channel, _)| *channel == outlook.channel);
    WhyChannel {
        channel: Arc::clone(&outlook.channel),
        group: Arc::clone(&outlook.group),
        knows: outlook.knows.name(),
        severity,
        told_at: told.map(|(_, at)| Instant(*at)),
        because: outlook.because.clone(),
        next: outlook.next.clone(),
        next_at: outlook.at.map(Instant),
    }
}

/// What happened, in lines.
#[derive(Default)]
pub struct Life {
    pub lines: Vec<WhyLine>,
    pub older: Option<i64>,
    /// The channels that have a message about it, and when that was sent.
    pub delivered: Vec<(Arc<str>, Timestamp)>,
    /// Its last title.
    pub title: Option<String>,
    /// Its last change.
    pub last: Option<(Timestamp, ChangeKind)>,
}

impl Life {
    fn read(store: &mut dyn Store, present: &Present, filter: &WhyFilter) -> Result<Life, StoreError> {
        let before = filter.before.unwrap_or(i64::MAX);
        let Lines { mut entries, more } = store.lines(Topic::Alert(&present.alert), before, filter.limit)?;
        entries.reverse();
        let mut life = Life { older: entries.first().filter(|_| more).map(|(id, _)| *id), ..Life::default() };
        let mut fired = None;
        for (_, entry) in &entries {
            match entry {
                Entry::Change(change) => life.change(change, &mut fired),
                Entry::Decision { at, channel, decision, .. } => {
                    life.push(*at, "decision", Some(Arc::clone(channel)), decision.clone());
                }
                Entry::Sent { at, attempt, notification } => {
                    let answers = store.lines(Topic::Notification(&notification.id), i64::MAX, NOTES_MAX)?;
                    let answer = answers.entries.iter().find_map(|(_, entry)| answer_to(entry, *attempt));
                    life.sent(&present.alert, *at, *attempt, notification, answer);
                }
                Entry::Delivery { .. } | Entry::Note { .. } => {}
            }
        }
        life.notes(store, present)?;
        life.lines.sort_by_key(|line| line.at.0);
        Ok(life)
    }

    fn push(&mut self, at: Timestamp, kind: &'static str, channel: Option<Arc<str>>, text: String) -> &mut WhyLine {
        let line = WhyLine {
            at: Instant(at),
            kind,
            channel,
            text,
            severity: None,
            outcome: None,
            took_seconds: None,
            attempt: None,
        };
        self.lines.push(line);
        self.lines.last_mut().expect("pushed above")
    }

    fn change(&mut self, change: &Change, fired: &mut Option<Timestamp>) {
        let Change { at, kind, severity, note, view } = change;
        let after = fired.map(|fired| format!(" after {}", human_duration(at.since(fired).as_secs_f64())));
        let text = match kind {
            ChangeKind::Pending => format!("pending at {severity}: it waits for its `for`"),
            ChangeKind::Fired => format!("fired, {severity}: {}", view.title),
            ChangeKind::Escalated => format!("escalated to {severity}: {}", view.title),
            ChangeKind::Eased => format!("eased to {severity}: {}", view.title),
            ChangeKind::Resolved => {
                let note = note.map(|note| format!(" ({})", note.text())).unwrap_or_default();
                format!("resolved{note}{}", after.unwrap_or_default())
            }
        };
        match kind {
            ChangeKind::Fired => *fired = Some(*at),
            ChangeKind::Resolved => *fired = None,
            _ => {}
        }
        (self.title, self.last) = (Some(view.title.clone()), Some((*at, *kind)));
        self.push(*at, "change", None, text).severity = Some(*severity);
    }

    fn sent(&mut self, alert: &str, at: Timestamp, attempt: u32, message: &Notification, answer: Option<Answer<'_>>) {
        let own = message.items.iter().filter(|item| item.alert.id.to_string() == alert);
        let said: Vec<&str> = own.map(|item| item.kind.name()).collect();
        let others = message.items.len() - said.len();
        let others = if others > 0 { format!(", with {others} more") } else { String::new() };
        let again = if attempt > 1 { format!(", attempt {attempt}") } else { String::new() };
        let end = match answer {
            None => "no answer yet".to_owned(),
            Some((took, delivery)) => format!("{} in {}", ended(delivery), seconds(took)),
        };
        if matches!(answer, Some((_, Delivery::Delivered { .. }))) {
            self.delivered.push((Arc::clone(&message.channel), at));
        }
        let text = format!("sent `{}`{others}{again}: {end}", said.join("` and `"));
        let line = self.push(at, "sent", Some(Arc::clone(&message.channel)), text);
        line.attempt = Some(attempt);
        line.outcome = answer.map(|(_, delivery)| delivery.name());
        line.took_seconds = answer.map(|(took, _)| took.as_secs_f64());
    }

    /// Whether a note matters here: one about a silence does where that silence held something.
    fn concerns(&self, note: &str) -> bool {
        let silence = note.strip_prefix("silence `").and_then(|rest| rest.split('`').next());
        let held = |id: &str| self.lines.iter().any(|line| line.kind == "decision" && line.text.contains(id));
        silence.is_none_or(held)
    }

    /// What happened to Bellwether itself, and to the channels of the alert, while it was under way.
    fn notes(&mut self, store: &mut dyn Store, present: &Present) -> Result<(), StoreError> {
        let Some(from) = self.lines.first().map(|line| line.at.0) else { return Ok(()) };
        let over = self.last.filter(|(_, kind)| *kind == ChangeKind::Resolved && present.standing.is_none());
        let last = self.lines.iter().map(|line| line.at.0).max().unwrap_or(present.now);
        let until = if over.is_some() && present.outlooks.is_empty() { last } else { present.now };
        let within = |entry: &Entry| from <= entry.at() && entry.at() <= until;
        let notes = store.lines(Topic::Bellwether, i64::MAX, NOTES_MAX)?.entries;
        for (_, entry) in notes.into_iter().filter(|(_, entry)| within(entry)) {
            if let Entry::Note { at, text } = entry
                && self.concerns(&text)
            {
                self.push(at, "note", None, text);
            }
        }
        let of_outlook = present.outlooks.iter().map(|outlook| Arc::clone(&outlook.channel));
        let channels: BTreeSet<Arc<str>> =
            self.lines.iter().filter_map(|line| line.channel.clone()).chain(of_outlook).collect();
        for channel in channels {
            let down = AlertId::new("channel-down", crate::model::Key::one("channel", &channel)).to_string();
            if down == present.alert {
                continue;
            }
            let changes = store.lines(Topic::Alert(&down), i64::MAX, NOTES_MAX)?.entries;
            for (_, entry) in changes.into_iter().filter(|(_, entry)| within(entry)) {
                if let Entry::Change(change) = entry {
                    let what = match change.kind {
                        ChangeKind::Resolved => "is up again".to_owned(),
                        _ => format!("is down: {}", change.view.body),
                    };
                    self.push(change.at, "note", Some(Arc::clone(&channel)), what);
                }
            }
        }
        Ok(())
    }
}

type Answer<'a> = (std::time::Duration, &'a Delivery);

fn answer_to(entry: &Entry, asked: u32) -> Option<Answer<'_>> {
    match entry {
        Entry::Delivery { attempt, took, delivery, .. } if *attempt == asked => Some((*took, delivery)),
        _ => None,
    }
}

fn ended(delivery: &Delivery) -> String {
    match delivery {
        Delivery::Delivered { but: None, .. } => "delivered".to_owned(),
        Delivery::Delivered { but: Some(but), .. } => format!("delivered, but {but}"),
        Delivery::NotSent { why, .. } => format!("not sent ({why})"),
        Delivery::Unanswered { why, .. } => format!("unanswered, it may have arrived ({why})"),
        Delivery::Refused { why, .. } => format!("refused ({why})"),
    }
}

fn seconds(took: std::time::Duration) -> String {
    if took.as_secs() == 0 { format!("{}ms", took.as_millis()) } else { format!("{:.1}s", took.as_secs_f64()) }
}
