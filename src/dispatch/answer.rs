//! How a send ended, and what follows.

use super::breaker::Turned;
use super::{Dispatch, Health};
use crate::model::record::{Entry, FlightRecord, Retry, RowName};
use crate::model::{Delivery, Timestamp};
use std::sync::Arc;
use std::time::Duration;

/// How long the content that a far side refused is held before it is tried again.
pub const REFUSED_MAX: Duration = Duration::from_mins(15);

impl Dispatch {
    /// A notification's attempt ended. An answer that came twice, or to nothing we sent, is passed over.
    pub fn answered(&mut self, id: &Arc<str>, delivery: &Delivery, took: Duration, now: Timestamp) {
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
        self.note_group(&flight, delivery, now);
        self.note_health(&flight.channel, delivery, now);
        self.touched.insert(Arc::clone(&flight.group));
    }

    /// What the channel believes now.
    fn note_beliefs(&mut self, flight: &FlightRecord, delivery: &Delivery, now: Timestamp) {
        for item in &flight.items {
            let Some(subject) = self.subjects.get_mut(&item.alert) else { continue };
            let truth = subject.truth();
            for target in subject.targets.iter_mut().filter(|t| t.channel == flight.channel) {
                target.in_flight = false;
                match delivery {
                    Delivery::Delivered { .. } => target.delivered(item),
                    Delivery::Unanswered { .. } => target.unanswered(item),
                    Delivery::NotSent { .. } | Delivery::Refused { .. } => target.not_sent(item, truth),
                }
            }
        }
        for item in &flight.items {
            self.refresh(&item.alert, now);
        }
    }

    fn note_group(&mut self, flight: &FlightRecord, delivery: &Delivery, now: Timestamp) {
        let (refused, not_before) = match delivery {
            Delivery::Delivered { .. } => (false, now),
            Delivery::NotSent { retry_after, .. } | Delivery::Unanswered { retry_after, .. } => {
                (false, now + self.jitter.delay(flight.attempt, *retry_after))
            }
            Delivery::Refused { .. } => (true, now + REFUSED_MAX),
        };
        let Some(group) = self.groups.get_mut(&flight.group) else { return };
        group.flight = None;
        self.dirty.insert(RowName::Group(Arc::clone(&flight.group)));
        if let Delivery::Delivered { receipt, .. } = delivery {
            group.last_send = Some(flight.at);
            group.retry = None;
            // One that stands under the first has none: the first stays what it is.
            group.first = receipt.clone().or_else(|| group.first.take());
            return;
        }
        let never_came = matches!(delivery, Delivery::NotSent { .. } | Delivery::Refused { .. });
        if never_came && group.last_send.is_none() && group.thread.as_ref() == Some(&flight.id) {
            group.thread = None; // what nobody has cannot be answered
        }
        let retry =
            Retry { id: Arc::clone(&flight.id), digest: flight.digest, attempts: flight.attempt, not_before, refused };
        group.retry = Some(retry);
    }

    fn note_health(&mut self, name: &Arc<str>, delivery: &Delivery, now: Timestamp) {
        let channel = self.channels.entry(Arc::clone(name)).or_default();
        channel.in_flight = channel.in_flight.saturating_sub(1);
        self.dirty.insert(RowName::Channel(Arc::clone(name)));
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
        let tripped = channel.breaker.record(now, up) == Some(Turned::Tripped);
        let refused = matches!(delivery, Delivery::Refused { .. });
        if let Some(why) = why.filter(|_| tripped || refused) {
            channel.down = Some(why.clone());
            self.health.push(Health::Down { channel: Arc::clone(name), why: why.clone() });
        } else if matches!(delivery, Delivery::Delivered { .. }) && channel.down.take().is_some() {
            self.health.push(Health::Up { channel: Arc::clone(name) });
        }
    }
}
