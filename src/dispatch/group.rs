//! What travels together, and when it leaves.

use super::members::Members;
use super::route::Timers;
use super::subject::News;
use crate::model::record::{FlightRecord, GroupRecord, Retry};
use crate::model::{LabelSet, Receipt, Severity, Timestamp};
use std::cmp::Reverse;
use std::sync::Arc;

/// The worst that a group has to tell of what fires, and when it was due: the least goes first.
pub type Rank = (Reverse<Option<Severity>>, Timestamp);

/// A route, a channel and the values of `group_by`.
#[derive(Debug)]
pub struct Group {
    pub key: Arc<str>,
    pub route: Arc<str>,
    pub channel: Arc<str>,
    pub labels: LabelSet,
    pub timers: Timers,
    pub members: Members,
    /// When its last message left; `None` before its first, and once its last end was told.
    pub last_send: Option<Timestamp>,
    /// The id of the message that began its life.
    pub thread: Option<Arc<str>>,
    /// What names the message under which the next ones stand, where the channel gave something.
    pub first: Option<Box<Receipt>>,
    pub retry: Option<Box<Retry>>,
    /// The id of the notification that is out.
    pub flight: Option<Arc<str>>,
    /// When it wants to be asked next; kept in step with the queue of all groups.
    pub due: Option<Timestamp>,
    /// Where it stands in its channel's queue, once it was due.
    pub ready: Option<Rank>,
    /// What is owed was noted since it became ready.
    pub owed_noted: bool,
}

impl Group {
    #[must_use]
    pub fn new(key: Arc<str>, route: &Arc<str>, channel: &Arc<str>, labels: LabelSet, timers: Timers) -> Group {
        Group {
            key,
            route: Arc::clone(route),
            channel: Arc::clone(channel),
            labels,
            timers,
            members: Members::default(),
            last_send: None,
            thread: None,
            first: None,
            retry: None,
            flight: None,
            due: None,
            ready: None,
            owed_noted: false,
        }
    }

    /// When news that happened at `at` leaves, if nothing holds it.
    ///
    /// First news waits `group_wait`; later news leaves at once, but not sooner than `group_interval` after the
    /// last send; an escalation waits for whichever of the two is over first.
    #[must_use]
    pub fn leaves(&self, news: News, at: Timestamp) -> Timestamp {
        let Some(last) = self.last_send else { return at + self.timers.wait };
        let rest = at.max(last + self.timers.interval);
        if news == News::Escalated { rest.min(at + self.timers.wait) } else { rest }
    }

    /// A message that tells of it was delivered.
    pub fn delivered(&mut self, flight: &FlightRecord, receipt: Option<&Receipt>) {
        self.last_send = Some(flight.at);
        self.retry = None;
        // One that stands under the first has none: the first stays what it is.
        let shared = !flight.also.is_empty();
        let receipt = receipt.map(|receipt| Box::new(Receipt { shared, ..receipt.clone() }));
        self.first = receipt.or_else(|| self.first.take());
    }

    /// When a repeat is due, while something told still fires.
    #[must_use]
    pub fn repeats(&self) -> Option<Timestamp> {
        self.last_send.map(|last| last + self.timers.repeat.max(self.timers.interval))
    }

    #[must_use]
    pub fn record(&self) -> GroupRecord {
        GroupRecord {
            key: Arc::clone(&self.key),
            route: Arc::clone(&self.route),
            channel: Arc::clone(&self.channel),
            labels: self.labels.clone(),
            wait: self.timers.wait,
            interval: self.timers.interval,
            repeat: self.timers.repeat,
            last_send: self.last_send,
            thread: self.thread.clone(),
            retry: self.retry.clone(),
            first: self.first.clone(),
        }
    }

    #[must_use]
    pub fn restore(r: GroupRecord) -> Group {
        let timers = Timers { wait: r.wait, interval: r.interval, repeat: r.repeat };
        Group {
            last_send: r.last_send,
            thread: r.thread,
            first: r.first,
            retry: r.retry,
            ..Group::new(r.key, &r.route, &r.channel, r.labels, timers)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds; wait 30, interval 300, repeat 1000.
    #[test]
    fn the_three_timers() {
        let timers = Timers {
            wait: std::time::Duration::from_secs(30),
            interval: std::time::Duration::from_mins(5),
            repeat: std::time::Duration::from_secs(1000),
        };
        let name: Arc<str> = Arc::from("g");
        let mut group = Group::new(Arc::clone(&name), &name, &name, LabelSet::default(), timers);
        for (last, news, at, want) in [
            (None, News::Fired, 100, 130),
            (None, News::Escalated, 100, 130),
            (Some(50), News::Fired, 100, 350),
            (Some(50), News::Resolved, 400, 400),
            (Some(50), News::Escalated, 100, 130),
            (Some(50), News::Escalated, 340, 350),
            (Some(50), News::Escalated, 400, 400),
        ] {
            group.last_send = last.map(Timestamp::from_secs);
            assert_eq!(
                group.leaves(news, Timestamp::from_secs(at)),
                Timestamp::from_secs(want),
                "{last:?} {news:?} {at}"
            );
        }
        assert_eq!(group.repeats(), Some(Timestamp::from_secs(1050)));
    }
}
