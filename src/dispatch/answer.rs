//! How a send ended, and what follows.

use super::{Dispatch, Health};
use crate::model::breaker::Turned;
use crate::model::record::{Entry, FlightRecord, Retry, RowName};
use crate::model::{Delivery, LastFailure, Timestamp};
use std::sync::Arc;
use std::time::Duration;

/// How long the content that a far side refused is held before it is tried again.
pub const REFUSED_MAX: Duration = Duration::from_mins(15);

impl Dispatch {
    /// A notification's attempt ended. An answer that came twice, or to nothing we sent, is passed over.
    pub fn answered(&mut self, id: &Arc<str>, delivery: &Delivery, took: Duration, now: Timestamp) {
        if self.drilled(id, delivery, took, now) {
            return;
        }
        let Some(flight) = self.flights.remove(id) else { return };
        self.dirty.insert(RowName::Flight(Arc::clone(id)));
        self.history.push(Entry::Delivery {
            at: now,
            id: Arc::clone(id),
            channel: Arc::clone(&flight.channel),
            attempt: flight.attempt,
            took,
            delivery: delivery.clone(),
        });
        self.note_beliefs(&flight, delivery, now);
        self.note_groups(&flight, delivery, now);
        let tripped = self.note_health(&flight.channel, delivery, now);
        if flight.is_digest {
            self.note_digest(&flight, delivery, now);
        }
        match delivery {
            Delivery::Delivered { .. } => self.note_taken(&flight.channel),
            _ => self.cover_failed(&flight, matches!(delivery, Delivery::Refused { .. }), tripped, now),
        }
    }

    /// A channel takes messages: what it refused before, and its fallback was told, it may hear now.
    fn note_taken(&mut self, name: &Arc<str>) {
        let channel = self.channels.get_mut(name).filter(|channel| !channel.digest_was_refused);
        if let Some(channel) = channel.filter(|channel| !channel.digest_is_out) {
            channel.digest_not_before = None;
        }
    }

    /// A message ended that told a channel what its fallback had been told.
    fn note_digest(&mut self, flight: &FlightRecord, delivery: &Delivery, now: Timestamp) {
        let delay = self.jitter.delay(flight.attempt, None);
        let channel = self.channels.entry(Arc::clone(&flight.channel)).or_default();
        let wait = match delivery {
            Delivery::Refused { .. } => REFUSED_MAX,
            // A breaker that is tripped says itself when it is tried again.
            Delivery::Delivered { .. } => Duration::ZERO,
            _ if !channel.breaker.is_admitting() => Duration::ZERO,
            _ => delay,
        };
        channel.digest_is_out = false;
        channel.digest_was_refused = matches!(delivery, Delivery::Refused { .. });
        channel.digest_not_before = Some(now + wait);
        if matches!(delivery, Delivery::Delivered { .. }) {
            let told = flight.items.iter().map(|item| item.alert.clone()).collect();
            self.uncover(&flight.channel, &told, now);
        }
    }

    /// What the channel believes now.
    fn note_beliefs(&mut self, flight: &FlightRecord, delivery: &Delivery, now: Timestamp) {
        for item in &flight.items {
            let Some(subject) = self.subjects.get_mut(&item.alert) else { continue };
            let truth = subject.truth();
            for target in subject.targets.iter_mut().filter(|t| t.channel == flight.channel) {
                target.in_flight = false;
                match delivery {
                    Delivery::Delivered { .. } => target.delivered(item, flight.at),
                    Delivery::Unanswered { .. } => target.unanswered(item),
                    Delivery::NotSent { .. } | Delivery::Refused { .. } => target.not_sent(item, truth),
                }
            }
        }
        for item in &flight.items {
            self.refresh(&item.alert, now);
        }
    }

    fn note_groups(&mut self, flight: &FlightRecord, delivery: &Delivery, now: Timestamp) {
        let (refused, not_before) = match delivery {
            Delivery::Delivered { .. } => (false, now),
            Delivery::NotSent { retry_after, .. } | Delivery::Unanswered { retry_after, .. } => {
                // That we died is no reason to wait longer and longer.
                let attempt = if self.starting { 1 } else { flight.attempt };
                (false, now + self.jitter.delay(attempt, *retry_after))
            }
            Delivery::Refused { .. } => (true, now + REFUSED_MAX),
        };
        let groups = flight.also.len() + 1;
        for (key, digest) in flight.groups() {
            self.touched.insert(Arc::clone(key));
            let Some(group) = self.groups.get_mut(key) else { continue };
            group.flight = None;
            self.dirty.insert(RowName::Group(Arc::clone(key)));
            if let Delivery::Delivered { receipt, .. } = delivery {
                group.delivered(flight, receipt.as_ref());
                continue;
            }
            let never_came = matches!(delivery, Delivery::NotSent { .. } | Delivery::Refused { .. });
            if never_came && group.last_send.is_none() && group.thread.as_ref() == Some(&flight.id) {
                group.thread = None; // what nobody has cannot be answered
            }
            let (id, attempts) = (Arc::clone(&flight.id), flight.attempt);
            group.retry = Some(Box::new(Retry { id, digest, attempts, not_before, refused, groups }));
        }
    }

    /// How the channel is now. Whether its breaker has just tripped.
    pub(super) fn note_health(&mut self, name: &Arc<str>, delivery: &Delivery, now: Timestamp) -> bool {
        let rules = self.config.channel(name).map(|channel| channel.breaker).unwrap_or_default();
        let channel = self.channels.entry(Arc::clone(name)).or_default();
        delivery.class().into_iter().for_each(|class| channel.classes.add(class));
        channel.in_flight = channel.in_flight.saturating_sub(1);
        if self.starting {
            return false; // it was we who died: that says nothing of the far side
        }
        self.dirty.insert(RowName::Channel(Arc::clone(name)));
        let failed = delivery.class().zip(delivery.why());
        channel.last_failure = failed.map(|(class, why)| LastFailure { at: now, class, why: why.to_owned() });
        let (up, why) = match delivery {
            Delivery::Delivered { .. } => (true, None),
            // It only asks us to wait: the far side is well, and nothing else goes there before that.
            Delivery::NotSent { retry_after, ill: false, .. } => {
                channel.not_before = Some(now + retry_after.unwrap_or(super::backoff::DELAY_MIN));
                (true, None)
            }
            Delivery::NotSent { why, retry_after, ill: true, .. } | Delivery::Unanswered { why, retry_after, .. } => {
                channel.not_before = retry_after.map(|wait| now + wait).or(channel.not_before);
                (false, Some(why))
            }
            // A refusal proves that the far side is up; it is our message that is wrong.
            Delivery::Refused { why, .. } => (true, Some(why)),
        };
        let tripped = channel.breaker.record(now, up, &rules) == Some(Turned::Tripped);
        let refused = matches!(delivery, Delivery::Refused { .. });
        if let Some(why) = why.filter(|_| tripped || refused) {
            channel.down = Some(why.clone());
            self.health.push(Health::Down { channel: Arc::clone(name), why: why.clone() });
        } else if matches!(delivery, Delivery::Delivered { .. }) && channel.down.take().is_some() {
            self.health.push(Health::Up { channel: Arc::clone(name), note: None });
        }
        tripped
    }
}
