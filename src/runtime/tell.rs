//! Sends: each in a task of its own, with a deadline, and a wall around its bugs.

use super::guard::caught;
use super::{Event, Events};
use crate::channels::Channel;
use crate::core::Send as Outgoing;
use crate::model::{Delivery, FailureClass, Notification, Severity};
use crate::telemetry::Telemetry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

/// How long the rest of what leaves at once for one channel lets its critical messages go before. The network orders nothing:
/// what starts later may arrive sooner.
const HEAD_START: Duration = Duration::from_millis(500);

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
        let turns = Turns::of(&sends);
        for Outgoing { notification, attempt } in sends {
            self.in_flight += 1;
            let channel = self.channels.get(&notification.channel).cloned();
            let (events, telemetry) = (self.events.clone(), self.telemetry.clone());
            let turn = turns.turn(&notification);
            self.tasks.spawn(async move {
                let first = turn.comes().await;
                let begun = Instant::now();
                let delivery = attempt_to_send(channel, &notification, &telemetry).await;
                drop(first);
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

/// The channels that are told something critical and something else at once.
struct Turns(HashMap<Arc<str>, watch::Sender<()>>);

/// When one message may leave.
enum Turn {
    Now,
    /// Now, and others after its end.
    First(watch::Sender<()>),
    /// Once every first has ended.
    Then(watch::Receiver<()>),
}

impl Turns {
    fn of(sends: &[Outgoing]) -> Turns {
        let told = |critical: bool| -> HashSet<&Arc<str>> {
            let told = sends.iter().map(|s| &s.notification).filter(|n| is_critical(n) == critical);
            told.map(|n| &n.channel).collect()
        };
        let both = told(true);
        Turns(both.intersection(&told(false)).map(|c| (Arc::clone(c), watch::Sender::new(()))).collect())
    }

    fn turn(&self, notification: &Notification) -> Turn {
        match self.0.get(&notification.channel) {
            None => Turn::Now,
            Some(first) if is_critical(notification) => Turn::First(first.clone()),
            Some(first) => Turn::Then(first.subscribe()),
        }
    }
}

impl Turn {
    /// Waits for its turn; what it gives is held until the send has ended.
    async fn comes(self) -> Option<watch::Sender<()>> {
        match self {
            Turn::Now => None,
            Turn::First(sender) => Some(sender),
            Turn::Then(mut firsts) => {
                // An error says that all have ended.
                let _ = timeout(HEAD_START, firsts.changed()).await;
                None
            }
        }
    }
}

fn is_critical(notification: &Notification) -> bool {
    notification.items.iter().any(|i| i.kind.is_firing() && i.alert.severity == Severity::Critical)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channels::render::samples;
    use crate::model::Timestamp;
    use std::sync::Mutex;
    use tokio::sync::mpsc;

    /// Takes its time for what is critical, and remembers what it took in which order.
    #[derive(Default)]
    struct Slow {
        takes: Duration,
        took: Mutex<Vec<String>>,
    }

    #[async_trait::async_trait]
    impl Channel for Slow {
        async fn send(&self, notification: &Notification) -> Delivery {
            if is_critical(notification) {
                tokio::time::sleep(self.takes).await;
            }
            self.took.lock().unwrap().push(notification.id.to_string());
            Delivery::delivered()
        }
    }

    /// What two channels took, of a warning, a critical message and a warning for the first, and a warning for the second.
    async fn took(takes: Duration) -> [Vec<String>; 2] {
        let (events, mut ends) = mpsc::unbounded_channel();
        let mut teller = Teller::new(events, Telemetry::new(Timestamp::default()));
        let worlds = ["one", "two"].map(|name| (name, Arc::new(Slow { takes, ..Slow::default() })));
        teller.adopt(
            worlds
                .iter()
                .map(|(name, world)| ChannelSpec {
                    name: Arc::from(*name),
                    fingerprint: 0,
                    deadline: Duration::from_mins(1),
                    channel: Arc::clone(world) as Arc<dyn Channel>,
                })
                .collect(),
        );
        let (_, fired) = samples::all().swap_remove(0);
        let send = |id: &str, channel: &str, severity: Severity| {
            let mut notification = Notification { id: id.into(), channel: channel.into(), ..fired.clone() };
            for item in &mut notification.items {
                item.alert = Arc::new(crate::model::alert::AlertView { severity, ..(*item.alert).clone() });
            }
            Outgoing { notification: Arc::new(notification), attempt: 1 }
        };
        teller.start(vec![
            send("w1", "one", Severity::Warning),
            send("c", "one", Severity::Critical),
            send("w2", "one", Severity::Warning),
            send("w", "two", Severity::Warning),
        ]);
        for _ in 0..4 {
            ends.recv().await;
        }
        worlds.map(|(_, world)| world.took.lock().unwrap().clone())
    }

    #[tokio::test(start_paused = true)]
    async fn of_what_leaves_at_once_for_a_channel_the_critical_is_first_but_not_for_long() {
        let [one, two] = took(Duration::from_millis(400)).await;
        assert_eq!((one[0].as_str(), two.as_slice()), ("c", ["w".to_owned()].as_slice()));
        let [one, _] = took(Duration::from_secs(30)).await;
        assert_eq!(one[2], "c", "one that hangs holds nothing up: {one:?}");
    }
}
