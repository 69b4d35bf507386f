//! What happened to Bellwether itself and to an alert's channels, where that changed something for the alert.

use super::Present;
use super::life::Life;
use crate::model::record::{Entry, Topic};
use crate::model::{AlertId, ChangeKind, Key, Timestamp};
use crate::runtime::views::why::WhyLine;
use crate::store::{Store, StoreError};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// How many notes about Bellwether, and about each channel, are looked at: the newest.
const NOTES_MAX: usize = 100;
/// What comes this soon after a start, a reset or another configuration comes of it: what it holds is asked at once, and
/// its checks within seconds.
const NEAR: Duration = Duration::from_secs(10);

impl Life {
    /// Adds the lines that are not of the alert itself and concern it all the same.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub(super) fn notes(&mut self, store: &mut dyn Store, present: &Present) -> Result<(), StoreError> {
        let Some(first) = self.lines.iter().map(|line| line.at.0).min() else { return Ok(()) };
        let last = self.lines.iter().map(|line| line.at.0).max().unwrap_or(first);
        let is_over = present.is_past() && present.outlooks.is_empty();
        let span = (first, if is_over { last } else { present.now });
        // A drill, which has no changes, goes by nothing but its channels.
        let mut found = if self.last.is_some() { self.about_bellwether(store, span)? } else { Vec::new() };
        let of_outlook = present.outlooks.iter().map(|outlook| Arc::clone(&outlook.channel));
        let channels: BTreeSet<Arc<str>> =
            self.lines.iter().filter_map(|line| line.channel.clone()).chain(of_outlook).collect();
        for channel in channels {
            let down = AlertId::new("channel-down", Key::one("channel", &channel)).to_string();
            if down != present.alert {
                found.extend(self.about_channel(store, &down, &channel, span)?);
            }
        }
        for (at, channel, text) in found {
            self.push(at, "note", channel, text);
        }
        Ok(())
    }

    /// Whether a line of the alert itself stands soon after an instant.
    fn follows(&self, at: Timestamp, of: impl Fn(&WhyLine) -> bool) -> bool {
        let near = |line: &&WhyLine| at <= line.at.0 && line.at.0.since(at) <= NEAR;
        self.lines.iter().filter(near).any(of)
    }

    fn about_bellwether(
        &self,
        store: &mut dyn Store,
        (from, until): (Timestamp, Timestamp),
    ) -> Result<Vec<Found>, StoreError> {
        let mut notes: Vec<(Timestamp, String)> = Vec::new();
        for (_, entry) in store.lines(Topic::Bellwether, i64::MAX, NOTES_MAX)?.entries {
            if let Entry::Note { at, text } = entry {
                notes.push((at, text));
            }
        }
        let mut kept: Vec<Found> = Vec::new();
        // The newest first: whether a stop matters is known from the start that followed.
        let mut start_matters = false;
        for (at, text) in notes.into_iter().filter(|(at, _)| *at <= until) {
            let matters = if text == "Bellwether stopped" {
                std::mem::take(&mut start_matters)
            } else {
                from <= at + NEAR && self.concerns(at, &text)
            };
            start_matters |= matters && text.ends_with(" started");
            if matters {
                kept.push((at, None, text));
            }
        }
        Ok(kept)
    }

    /// Whether a note changed something for the alert.
    fn concerns(&self, at: Timestamp, note: &str) -> bool {
        // Nobody knows whose they were.
        if note.contains(crate::runtime::keeper::LOST) {
            return true;
        }
        let quoted = |begin: &str| note.strip_prefix(begin).and_then(|rest| rest.split('`').next());
        if let Some(id) = quoted("silence `") {
            return self.lines.iter().any(|line| line.kind == "decision" && line.text.contains(id));
        }
        if let Some(name) = quoted("the breaker of channel `") {
            return self.follows(at, |line| line.kind == "sent" && line.channel.as_deref() == Some(name));
        }
        if quoted("the breaker of source `").is_some() {
            return !note.contains("it was admitting") && self.follows(at, |line| line.kind == "change");
        }
        if note.starts_with('`') {
            return false; // of a channel that is gone: a line of the alert itself says so
        }
        // A start sends again what a stop cut off.
        let sends = |line: &WhyLine| line.kind == "sent" && note.ends_with(" started");
        self.follows(at, |line| matches!(line.kind, "change" | "decision") || sends(line))
    }

    /// When a channel went down and was up again, where a message about the alert did not get through in the meantime, or
    /// was told elsewhere; and where it is down now.
    fn about_channel(
        &self,
        store: &mut dyn Store,
        down: &str,
        channel: &Arc<str>,
        (from, until): (Timestamp, Timestamp),
    ) -> Result<Vec<Found>, StoreError> {
        let mut changes = store.lines(Topic::Alert(down), i64::MAX, NOTES_MAX)?.entries;
        changes.reverse();
        let (mut kept, mut downs) = (Vec::new(), Vec::new());
        for (_, entry) in changes {
            let Entry::Change(change) = entry else { continue };
            if change.kind != ChangeKind::Resolved {
                downs.push((change.at, Some(Arc::clone(channel)), format!("is down: {}", change.view.body)));
                continue;
            }
            let since = downs.first().map_or(change.at, |(at, ..)| *at);
            if self.is_hit(channel, since, change.at) {
                kept.append(&mut downs);
                kept.push((change.at, Some(Arc::clone(channel)), "is up again".to_owned()));
            }
            downs.clear();
        }
        if downs.first().is_some_and(|(at, ..)| self.is_hit(channel, *at, until)) {
            kept.append(&mut downs);
        }
        kept.retain(|(at, ..)| from <= *at && *at <= until);
        Ok(kept)
    }

    /// Whether something that the channel was to be told did not get through, or something else was decided, in a span.
    fn is_hit(&self, channel: &Arc<str>, from: Timestamp, until: Timestamp) -> bool {
        let within = |line: &&WhyLine| from <= line.at.0 && line.at.0 <= until;
        let own = self.lines.iter().filter(within).filter(|line| line.channel.as_ref() == Some(channel));
        let mut own = own.filter(|line| line.outcome != Some("delivered"));
        // What failed at the very instant left a moment before.
        own.next().is_some()
            || self.lines.iter().any(|line| {
                let failed = line.outcome.is_some_and(|outcome| outcome != "delivered");
                let ended = line.at.0 + Duration::from_secs_f64(line.took_seconds.unwrap_or(0.0).max(0.0));
                line.channel.as_ref() == Some(channel) && failed && line.at.0 <= from && from <= ended + SECOND
            })
    }
}

/// When, of which channel, and what.
type Found = (Timestamp, Option<Arc<str>>, String);

const SECOND: Duration = Duration::from_secs(1);
