//! Sends: each in a task of its own, with a deadline, and a wall around its bugs.

use super::guard::caught;
use super::{Event, Events};
use crate::channels::Channel;
use crate::core::Send as Outgoing;
use crate::model::{Delivery, FailureClass, Notification};
use crate::telemetry::Telemetry;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

/// A channel as the configuration has it.
#[derive(Clone)]
pub struct ChannelSpec {
    pub name: Arc<str>,
    /// Of its settings: a channel whose fingerprint stays is kept over a reload, with its connections.
    pub fingerprint: u64,
    /// When a send is cut. The channel ends it by itself before that.
    pub deadline: Duration,
    pub channel: Arc<dyn Channel>,
}

/// Starts sends.
pub struct Teller {
    channels: HashMap<Arc<str>, ChannelSpec>,
    tasks: JoinSet<()>,
    in_flight: usize,
    events: Events,
    telemetry: Telemetry,
}

/// How a send ended.
#[derive(Debug)]
pub struct Sent {
    pub notification: Arc<Notification>,
    pub attempt: u32,
    pub took: Duration,
    pub delivery: Delivery,
}

impl Teller {
    #[must_use]
    pub fn new(events: Events, telemetry: Telemetry) -> Teller {
        Teller { channels: HashMap::new(), tasks: JoinSet::new(), in_flight: 0, events, telemetry }
    }

    /// Takes these channels for those of before. One that did not change is kept; sends that are out go on.
    pub fn adopt(&mut self, specs: Vec<ChannelSpec>) {
        let mut before = std::mem::take(&mut self.channels);
        for spec in specs {
            let kept = before.remove(&spec.name).filter(|known| known.fingerprint == spec.fingerprint);
            self.channels.insert(Arc::clone(&spec.name), kept.unwrap_or(spec));
        }
        for gone in before.keys() {
            self.telemetry.forget_channel(gone);
        }
    }

    /// Starts these. Each ends as an [`Event::Sent`].
    pub fn start(&mut self, sends: Vec<Outgoing>) {
        while self.tasks.try_join_next().is_some() {}
        for Outgoing { notification, attempt } in sends {
            self.in_flight += 1;
            let channel = self.channels.get(&notification.channel).cloned();
            let (events, telemetry) = (self.events.clone(), self.telemetry.clone());
            self.tasks.spawn(async move {
                let begun = Instant::now();
                let delivery = attempt_to_send(channel, &notification, &telemetry).await;
                let sent = Sent { notification, attempt, took: begun.elapsed(), delivery };
                // A loop that is gone takes the send for unanswered at the next start.
                let _ = events.send(Event::Sent(sent));
            });
        }
    }

    /// One of the sends has ended.
    pub fn ended(&mut self) {
        self.in_flight -= 1;
    }

    /// Sends whose end the loop has not heard.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }
}

async fn attempt_to_send(channel: Option<ChannelSpec>, notification: &Notification, telemetry: &Telemetry) -> Delivery {
    let Some(ChannelSpec { channel, deadline, .. }) = channel else {
        let why = format!("there is no channel `{}` any more", notification.channel);
        return Delivery::NotSent { why, retry_after: None, ill: false, class: FailureClass::Other };
    };
    match timeout(deadline, caught(channel.send(notification))).await {
        Ok(Ok(delivery)) => delivery,
        Ok(Err(panic)) => {
            telemetry.panicked(&format!("channel `{}`", notification.channel), &panic);
            let why = format!("a bug was caught in the channel: {panic}. Please report it");
            Delivery::Unanswered { why, retry_after: None, class: FailureClass::Other }
        }
        Err(_) => {
            let why = format!("no answer within {deadline:?}");
            Delivery::Unanswered { why, retry_after: None, class: FailureClass::TimedOut }
        }
    }
}
