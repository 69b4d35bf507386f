//! Drills: a marked message through the real routes and channels, to see that it arrives.
//!
//! A drill is told at once, whatever holds and however its group would gather; then it is told as over. It is no alert:
//! no group, belief or silence knows of it. What a channel answers counts for its breaker and its rate, as it is true.

use super::explain::explain;
use super::{Dispatch, Send};
use crate::model::alert::AlertView;
use crate::model::notification::{Holds, Occasion};
use crate::model::record::{Entry, RowName};
use crate::model::{AlertId, Delivery, Item, ItemKind, Key, LabelSet, Notification, Severity, Timestamp};
use hashbrown::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// What every word of a drill begins with.
pub const MARK: &str = "DRILL";
/// The check that a drill is an alert of; its key is the drill's id.
pub const CHECK: &str = "drill";

/// A drill that is wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct DrillOrder {
    pub id: Arc<str>,
    /// The labels that the routes see.
    pub labels: LabelSet,
    pub severity: Severity,
    /// This channel alone, whatever the routes say.
    pub channel: Option<Arc<str>>,
}

/// A drill that has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Drill {
    pub id: Arc<str>,
    pub labels: LabelSet,
    /// What would hold an alert with these labels now.
    pub held: Vec<String>,
    pub legs: Vec<DrillLeg>,
}

/// One channel of a drill.
#[derive(Clone, Debug, PartialEq)]
pub struct DrillLeg {
    pub channel: Arc<str>,
    /// The place of the route that leads there; `None` where the channel was named.
    pub route: Option<Arc<str>>,
    /// What would keep a message from the channel now.
    pub kept: Option<String>,
    pub fired: Option<(Delivery, Duration)>,
    /// `None` where the first was not delivered: there is nothing to take back.
    pub resolved: Option<(Delivery, Duration)>,
}

/// The drills that are under way.
#[derive(Debug, Default)]
pub struct Drills {
    running: HashMap<Arc<str>, Running>,
    /// By the id of a message that is out: its drill, its leg, and the message.
    out: HashMap<Arc<str>, (Arc<str>, usize, Arc<Notification>)>,
    outbox: Vec<Send>,
    done: Vec<Drill>,
}

#[derive(Debug)]
struct Running {
    drill: Drill,
    view: Arc<AlertView>,
    /// Legs that have not ended.
    left: usize,
}

impl Drills {
    #[must_use]
    pub fn has_sends(&self) -> bool {
        !self.outbox.is_empty()
    }

    pub fn take_sends(&mut self) -> Vec<Send> {
        std::mem::take(&mut self.outbox)
    }
}

/// The alert that a drill tells of.
#[must_use]
pub fn view(order: &DrillOrder, now: Timestamp) -> AlertView {
    let of = order.labels.get("check").map(|check| format!(" of `{check}`")).unwrap_or_default();
    AlertView {
        id: AlertId::new(CHECK, Key::one("id", &order.id)),
        labels: order.labels.with(CHECK, "true"),
        severity: order.severity,
        since: now,
        ended: None,
        note: None,
        title: format!("{MARK}: a test of how alerts{of} are told"),
        body: format!("{MARK}: nothing is wrong. Somebody asked whether this message arrives."),
        description: String::new(),
        values: Vec::new(),
        condition: String::new(),
        links: Vec::new(),
        declared: Arc::from(CHECK),
        template_error: None,
        fell_back: None,
        flapping: None,
    }
}

/// One message of a drill to one channel.
#[must_use]
pub fn message(view: &Arc<AlertView>, channel: &Arc<str>, kind: ItemKind, now: Timestamp) -> Notification {
    let drill = view.id.key.get("id").unwrap_or_default();
    let thread: Arc<str> = Arc::from(format!("{CHECK}-{drill}-{}", fnv(channel)));
    let id = if kind == ItemKind::Fired { Arc::clone(&thread) } else { Arc::from(format!("{thread}-over")) };
    let before = (kind != ItemKind::Fired).then_some(view.severity);
    let ended = (kind != ItemKind::Fired).then_some(now);
    let alert = Arc::new(AlertView { ended, ..AlertView::clone(view) });
    Notification {
        id,
        channel: Arc::clone(channel),
        group: Arc::from(format!("{CHECK}:{channel}:{drill}")),
        group_labels: [(CHECK, "true")].into_iter().collect(),
        thread,
        at: now,
        repeat: false,
        items: vec![Item { kind, before, alert }],
        holds: Holds::default(),
        first: None,
        over: kind != ItemKind::Fired,
        occasion: Occasion::default(),
    }
}

fn fnv(text: &str) -> String {
    format!("{:08x}", crate::model::fnv::of(text) & 0xffff_ffff)
}

impl Dispatch {
    /// Starts a drill. Its end is given by [`Dispatch::take_drills`].
    pub fn drill(&mut self, order: &DrillOrder, now: Timestamp) {
        let view = Arc::new(view(order, now));
        let leads = if let Some(channel) = &order.channel {
            vec![(Arc::clone(channel), None, None)]
        } else {
            let explained = explain(&self.config, &order.labels, now);
            let lead = |l: &super::explain::Lead<'_>| {
                let held = l.held.as_ref().map(ToString::to_string);
                (Arc::clone(l.channel), Some(Arc::clone(&l.route.declared)), held)
            };
            explained.leads.iter().map(lead).collect()
        };
        let kept = |channel: &Arc<str>| {
            let (because, next, _) = self.admission(channel, now);
            (because != "it is due").then(|| format!("{because}; {next}"))
        };
        let leg = |(channel, route, held): (Arc<str>, Option<Arc<str>>, Option<String>)| DrillLeg {
            kept: held.or_else(|| kept(&channel)),
            channel,
            route,
            fired: None,
            resolved: None,
        };
        let legs: Vec<DrillLeg> = leads.into_iter().map(leg).collect();
        let held = self.would_hold(&order.labels);
        let channels: Vec<Arc<str>> = legs.iter().map(|leg| Arc::clone(&leg.channel)).collect();
        let drill = Drill { id: Arc::clone(&order.id), labels: view.labels.clone(), held, legs };
        if channels.is_empty() {
            self.drills.done.push(drill);
            return;
        }
        let running = Running { drill, view: Arc::clone(&view), left: channels.len() };
        self.drills.running.insert(Arc::clone(&order.id), running);
        for (leg, channel) in channels.iter().enumerate() {
            self.send_drill(&order.id, leg, message(&view, channel, ItemKind::Fired, now), now);
        }
    }

    /// What would hold an alert with these labels, whomever it is for.
    fn would_hold(&self, labels: &LabelSet) -> Vec<String> {
        let id = AlertId::new(labels.get("check").unwrap_or(CHECK), Key::default());
        let silence = self.silences.find(labels).map(|silence| super::Cause::Silenced(Arc::clone(silence)));
        let inhibited = self.inhibitions.find(&id, labels).map(super::Cause::Inhibited);
        silence.into_iter().chain(inhibited).map(|cause| cause.to_string()).collect()
    }

    fn send_drill(&mut self, id: &Arc<str>, leg: usize, message: Notification, now: Timestamp) {
        let message = Arc::new(message);
        let channel = &message.channel;
        let state = self.channels.entry(Arc::clone(channel)).or_default();
        state.breaker.started(now);
        state.in_flight += 1;
        if let Some(rules) = self.config.channels.iter().find(|rules| rules.name == *channel) {
            state.pace.take(rules, now);
        }
        self.dirty.insert(RowName::Channel(Arc::clone(channel)));
        self.history.push(Entry::Sent { at: now, attempt: 1, notification: Arc::clone(&message) });
        self.drills.out.insert(Arc::clone(&message.id), (Arc::clone(id), leg, Arc::clone(&message)));
        self.drills.outbox.push(Send { notification: message, attempt: 1 });
    }

    /// An attempt ended. Whether it was of a drill.
    pub(super) fn drilled(&mut self, id: &Arc<str>, delivery: &Delivery, took: Duration, now: Timestamp) -> bool {
        let Some((drill, leg, message)) = self.drills.out.remove(id) else { return false };
        let channel = Arc::clone(&message.channel);
        self.history.push(Entry::Delivery {
            at: now,
            id: Arc::clone(id),
            channel: Arc::clone(&channel),
            attempt: 1,
            took,
            delivery: delivery.clone(),
        });
        self.note_health(&channel, delivery, now);
        let Some(running) = self.drills.running.get_mut(&drill) else { return true };
        let view = Arc::clone(&running.view);
        let told = &mut running.drill.legs[leg];
        let end = Some((delivery.clone(), took));
        if message.over {
            told.resolved = end;
        } else {
            told.fired = end;
            // What may have arrived is taken back: nobody is left with an alarm that was none.
            if let Delivery::Delivered { .. } | Delivery::Unanswered { .. } = delivery {
                let mut over = self::message(&view, &channel, ItemKind::Resolved, now);
                if let Delivery::Delivered { receipt, .. } = delivery {
                    over.first.clone_from(receipt);
                }
                self.send_drill(&drill, leg, over, now);
                return true;
            }
        }
        running.left -= 1;
        if running.left == 0 {
            let ended = self.drills.running.remove(&drill).map(|running| running.drill);
            self.drills.done.extend(ended);
        }
        true
    }

    /// The drills that ended since the last call.
    pub fn take_drills(&mut self) -> Vec<Drill> {
        std::mem::take(&mut self.drills.done)
    }
}
