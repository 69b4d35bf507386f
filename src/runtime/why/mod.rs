//! Why an alert was told, or was not: what is true now, from the core, beside what happened, from the store.
//!
//! The loop says how the alert stands and hands the rest to the store's thread, which reads the history between two
//! commits and answers whoever asked.

mod answer;
mod find;
mod life;
mod notes;

use super::views::Instant;
use super::views::why::{LINES_MAX, NoAlert, Why, WhyChannel, WhyFilter, WhyFlapping};
use crate::core::{Core, Flaps, Knows, Led, Outlook, Standing};
use crate::model::alert_ref::AlertRef;
use crate::model::{AlertState, Severity, Timestamp};
use crate::store::Store;
pub use find::{Found, choose, find};
use life::Life;
use std::sync::Arc;

/// How an alert stands, as the core knows it.
pub struct Present {
    alert: String,
    now: Timestamp,
    standing: Option<Standing>,
    outlooks: Vec<Outlook>,
    /// Where its labels lead, where nothing is bound to it yet.
    led: Option<Result<Vec<Led>, String>>,
    flaps: Option<Flaps>,
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
        let flaps = id.as_ref().and_then(|id| core.dispatch.flapping(id));
        Present { alert: alert.to_owned(), now, standing, outlooks, led, flaps }
    }

    fn state(&self) -> (&'static str, Option<Severity>) {
        match self.standing.as_ref().map(|standing| standing.state) {
            Some(AlertState::Firing(severity)) => ("firing", Some(severity)),
            Some(AlertState::Pending(severity)) => ("pending", Some(severity)),
            Some(AlertState::Inactive) => ("inactive", None),
            None => ("over", None),
        }
    }

    /// Whether it neither fires nor waits to: then the history alone says what became of it.
    fn is_past(&self) -> bool {
        !matches!(self.state().0, "firing" | "pending")
    }

    /// All that is shown, with what the store knows.
    #[must_use]
    pub fn with_life(self, filter: &WhyFilter, store: Option<&mut dyn Store>) -> Why {
        let read = match store {
            Some(store) => self.read(store, filter).map_err(|error| error.to_string()),
            None => Err("the store fails and cannot be read now".to_owned()),
        };
        let (life, newest, unread) = match read {
            Ok((life, newest)) => (life, newest, None),
            Err(why) => (Life::default(), None, Some(why)),
        };
        let past = newest.as_ref().unwrap_or(&life);
        let (state, severity) = self.state();
        let channels: Vec<WhyChannel> = self.outlooks.iter().map(channel).collect();
        let standing = self.standing.as_ref();
        let title = standing.map(|s| s.title.clone()).filter(|title| !title.is_empty());
        Why {
            now: Instant(self.now),
            state,
            severity,
            since: standing.filter(|_| !self.is_past()).map(|s| Instant(s.since)),
            title: title.or_else(|| past.title.clone()).unwrap_or_default(),
            answer: answer::answer(&self, &channels, past),
            channels,
            flapping: self.flaps.as_ref().map(flapping),
            older: life.older,
            life: life.lines,
            unread,
            alert: self.alert,
        }
    }

    /// The lines that are asked for; and where the answer rests on the history, and these are not the newest, those.
    fn read(
        &self,
        store: &mut dyn Store,
        filter: &WhyFilter,
    ) -> Result<(Life, Option<Life>), crate::store::StoreError> {
        let life = Life::read(store, self, filter.before, filter.limit)?;
        let is_newest = filter.before.is_none() && (life.older.is_none() || LINES_MAX <= filter.limit);
        let asks = self.is_past() && !is_newest;
        let newest = if asks { Some(Life::read(store, self, None, LINES_MAX)?) } else { None };
        Ok((life, newest))
    }
}

fn flapping(flaps: &Flaps) -> WhyFlapping {
    WhyFlapping {
        rule: flaps.rule.clone(),
        since: flaps.since.map(Instant),
        changes: flaps.changes,
        firing: flaps.fires.is_some(),
        steady_at: Instant(flaps.steady_at),
    }
}

fn channel(outlook: &Outlook) -> WhyChannel {
    let severity = match outlook.knows {
        Knows::Truth(severity) | Knows::Flaps(severity) | Knows::Old(severity) => Some(severity),
        Knows::Over | Knows::Maybe | Knows::Nothing => None,
    };
    WhyChannel {
        channel: Arc::clone(&outlook.channel),
        group: Arc::clone(&outlook.group),
        knows: outlook.knows.name(),
        severity,
        told_at: outlook.told_at.map(Instant),
        because: outlook.because.clone(),
        next: outlook.next.clone(),
        next_at: outlook.at.map(Instant),
    }
}

#[cfg(test)]
mod tests;
