//! Drills: ordered through the API, and answered once each channel has answered.

use super::Daemon;
use crate::core::{Drill, DrillLeg, DrillOrder, Input};
use crate::model::{Delivery, LabelSet, Severity, Timestamp};
use crate::runtime::views::Instant;
use crate::runtime::views::drill::{DrillChannel, DrillReport, DrillSend, DrillWish};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// Drills that may be under way at once.
const DRILLS_MAX: usize = 16;

/// Who waits for a drill's end. The error is for people.
pub type Reply = oneshot::Sender<Result<DrillReport, String>>;

/// Who waits for which drill.
#[derive(Default)]
pub struct Waiting {
    replies: Vec<(Arc<str>, Timestamp, Reply)>,
    ordered: u64,
}

impl Daemon {
    pub(super) fn order_drill(&mut self, wish: &DrillWish, reply: Reply) -> Option<Input> {
        let now = self.clock.now();
        self.drills.replies.retain(|(_, _, reply)| !reply.is_closed());
        let order = if DRILLS_MAX <= self.drills.replies.len() {
            Err(format!("{DRILLS_MAX} drills are under way: wait for their end"))
        } else {
            self.drill_order(wish, now)
        };
        match order {
            Ok(order) => {
                self.drills.replies.push((Arc::clone(&order.id), now, reply));
                Some(Input::Drill(Box::new(order)))
            }
            Err(why) => {
                drop(reply.send(Err(why)));
                None
            }
        }
    }

    fn drill_order(&mut self, wish: &DrillWish, now: Timestamp) -> Result<DrillOrder, String> {
        let check = wish.check.as_deref().map(|name| {
            let mut checks = self.core.engine.checks();
            checks.find(|check| *check.name == *name).ok_or_else(|| format!("there is no check `{name}`"))
        });
        let check = check.transpose()?;
        let channel = wish.channel.as_deref().map(|name| {
            let reports = self.core.dispatch.channel_reports(now);
            let known =
                reports.iter().find(|report| *report.channel == *name).map(|report| Arc::clone(&report.channel));
            known.ok_or_else(|| format!("there is no channel `{name}`"))
        });
        let (severity, known) = match check {
            Some(check) => {
                let severity = wish.severity.unwrap_or(check.worst());
                (severity, check.labels_known(severity).0)
            }
            None => (wish.severity.unwrap_or(Severity::Critical), LabelSet::default()),
        };
        let own = known.iter().chain(wish.labels.iter()).map(|(name, value)| (Arc::clone(name), Arc::clone(value)));
        let labels = LabelSet::new(own).with("severity", severity.name());
        let channel = channel.transpose()?;
        self.drills.ordered += 1;
        let id = Arc::from(format!("{:x}-{:x}", now.as_micros(), self.drills.ordered));
        Ok(DrillOrder { id, labels, severity, channel })
    }

    /// Answers who waits for a drill that has ended.
    pub(super) fn end_drills(&mut self) {
        for drill in self.core.dispatch.take_drills() {
            let Some(at) = self.drills.replies.iter().position(|(id, ..)| *id == drill.id) else { continue };
            let (_, began, reply) = self.drills.replies.swap_remove(at);
            drop(reply.send(Ok(report(drill, began))));
        }
    }
}

fn report(drill: Drill, began: Timestamp) -> DrillReport {
    let channels: Vec<DrillChannel> = drill.legs.into_iter().map(channel).collect();
    let arrived = |send: &Option<DrillSend>| send.as_ref().is_some_and(|send| send.outcome == "delivered");
    DrillReport {
        id: drill.id,
        at: Instant(began),
        labels: drill.labels.iter().map(|(name, value)| (Arc::clone(name), Arc::clone(value))).collect(),
        arrived: !channels.is_empty() && channels.iter().all(|leg| arrived(&leg.fired) && arrived(&leg.resolved)),
        held: drill.held,
        channels,
    }
}

fn channel(leg: DrillLeg) -> DrillChannel {
    let send = |end: Option<(Delivery, Duration)>| end.map(|(delivery, took)| sent(&delivery, took));
    DrillChannel {
        channel: leg.channel,
        route: leg.route,
        kept: leg.kept,
        fired: send(leg.fired),
        resolved: send(leg.resolved),
    }
}

/// How a message of a drill ended.
pub fn sent(delivery: &Delivery, took: Duration) -> DrillSend {
    DrillSend {
        outcome: delivery.name(),
        why: delivery.why().map(str::to_owned),
        took_seconds: took.as_secs_f64(),
        text: delivery.words(took),
    }
}
