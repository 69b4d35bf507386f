//! The life of an alert in lines, as the history has it.

use super::Present;
use crate::model::record::{Entry, Lines, Topic};
use crate::model::time::human_duration;
use crate::model::{Change, ChangeKind, Delivery, Notification, Timestamp};
use crate::runtime::views::Instant;
use crate::runtime::views::why::WhyLine;
use crate::store::{Store, StoreError};
use std::sync::Arc;
use std::time::Duration;

/// Answers to one message that are looked at.
const ANSWERS_MAX: usize = 100;

/// What happened, in lines.
#[derive(Default)]
pub struct Life {
    pub lines: Vec<WhyLine>,
    pub older: Option<i64>,
    /// Its last title.
    pub title: Option<String>,
    /// Its last change.
    pub last: Option<(Timestamp, ChangeKind)>,
}

impl Life {
    /// The newest lines that are older than `before`, at most so many; beside them what else concerns the alert.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn read(
        store: &mut dyn Store,
        present: &Present,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Life, StoreError> {
        let before = before.unwrap_or(i64::MAX);
        let Lines { mut entries, more } = store.lines(Topic::Alert(&present.alert), before, limit)?;
        entries.reverse();
        let mut life = Life { older: entries.first().filter(|_| more).map(|(id, _)| *id), ..Life::default() };
        for (_, entry) in &entries {
            match entry {
                Entry::Change(change) => life.change(change),
                Entry::Decision { at, channel, decision, .. } => {
                    life.push(*at, "decision", Some(Arc::clone(channel)), decision.clone());
                }
                Entry::Sent { at, attempt, notification } => {
                    let answers = store.lines(Topic::Notification(&notification.id), i64::MAX, ANSWERS_MAX)?;
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

    pub(super) fn push(
        &mut self,
        at: Timestamp,
        kind: &'static str,
        channel: Option<Arc<str>>,
        text: String,
    ) -> &mut WhyLine {
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

    fn change(&mut self, change: &Change) {
        let Change { at, kind, severity, note, view } = change;
        let text = match kind {
            ChangeKind::Pending => format!("pending at {severity}: it waits for its `for`"),
            ChangeKind::Fired => format!("fired, {severity}: {}", view.title),
            ChangeKind::Escalated => format!("escalated to {severity}: {}", view.title),
            ChangeKind::Eased => format!("eased to {severity}: {}", view.title),
            ChangeKind::Resolved => {
                let note = note.map(|note| format!(" ({})", note.text())).unwrap_or_default();
                format!("resolved{note} after {}", human_duration(at.since(view.since).as_secs_f64()))
            }
        };
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
            Some((took, delivery)) => delivery.words(took),
        };
        let text = format!("sent `{}`{others}{again}: {end}", said.join("` and `"));
        let line = self.push(at, "sent", Some(Arc::clone(&message.channel)), text);
        line.attempt = Some(attempt);
        line.outcome = answer.map(|(_, delivery)| delivery.name());
        line.took_seconds = answer.map(|(took, _)| took.as_secs_f64());
    }
}

type Answer<'a> = (Duration, &'a Delivery);

fn answer_to(entry: &Entry, asked: u32) -> Option<Answer<'_>> {
    match entry {
        Entry::Delivery { attempt, took, delivery, .. } if *attempt == asked => Some((*took, delivery)),
        _ => None,
    }
}
