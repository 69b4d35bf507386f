//! WHO IS TOLD, WHEN, AND WHY NOT.
//!
//! What is true and what each channel has been told stand side by side ([`subject`]); a message is an attempt to
//! make the second equal to the first. Groups ([`group`]) say only what travels together and when; a breaker
//! ([`breaker`]) guards each channel. [`Dispatch`] owns them all: it is told what changed ([`news`]), decides what
//! leaves ([`decide`]) and hears how it ended ([`answer`]).

pub mod answer;
pub mod backoff;
pub mod calendar;
pub mod channel;
pub mod cover;
pub mod decide;
pub mod drill;
pub mod explain;
pub mod flap;
mod gone;
pub mod group;
pub mod hold;
pub mod inhibit;
pub mod kept;
pub mod members;
pub mod news;
pub mod outlook;
pub mod pace;
pub mod queue;
pub mod report;
pub mod route;
pub mod silence;
pub mod state;
pub mod subject;

pub use crate::model::breaker;
pub use hold::Cause;
pub use route::{GroupBy, Route, Timers};
pub use subject::Wait;

use crate::model::alert::{AlertView, EndNote};
use crate::model::breaker::BreakerRules;
use crate::model::record::{Entry, FlightRecord, RowName};
use crate::model::{AlertId, Matcher, Notification, Rate, Silence, Timestamp};
use backoff::Jitter;
use calendar::Calendars;
use channel::ChannelState;
use group::Group;
use hashbrown::{HashMap, HashSet};
use inhibit::Inhibitions;
use silence::Silences;
use std::collections::BTreeSet;
use std::sync::Arc;
use subject::Subject;

/// What a configuration says of dispatch.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// The root of the routing tree; `None` where there is none: alerts are kept and told to nobody.
    pub route: Option<Route>,
    pub inhibit: Vec<Inhibit>,
    /// Those of files.
    pub silences: Vec<Silence>,
    /// All channels, as they are declared.
    pub channels: Vec<ChannelRules>,
}

/// What a configuration says of one channel, so far as it matters to who is told when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelRules {
    pub name: Arc<str>,
    /// The channel that is told what this one was not.
    pub fallback: Option<Arc<str>>,
    /// The most messages in a time; `None`: as many as there are.
    pub rate: Option<Rate>,
    /// The far side that the rate is counted at: what one channel sends there slows all others that share it.
    pub room: Option<u64>,
    /// The most messages in an hour; what is critical is counted and never held.
    pub hourly: Option<u32>,
    pub breaker: BreakerRules,
}

impl ChannelRules {
    /// A channel with no rules but its name.
    #[must_use]
    pub fn new(name: &Arc<str>) -> ChannelRules {
        ChannelRules {
            name: Arc::clone(name),
            fallback: None,
            rate: None,
            room: None,
            hourly: None,
            breaker: BreakerRules::default(),
        }
    }
}

impl Config {
    /// The channels that a route leads to, as they are declared.
    #[must_use]
    pub fn reached(&self) -> Vec<&str> {
        let routes: Vec<&Route> = self.route.iter().flat_map(Route::walk).collect();
        let is_reached = |name: &&Arc<str>| routes.iter().any(|route| route.channels.contains(*name));
        self.names().filter(is_reached).map(|name| &**name).collect()
    }

    /// The names of all channels, as they are declared.
    pub fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.channels.iter().map(|channel| &channel.name)
    }

    /// What is said of a channel.
    #[must_use]
    pub fn channel(&self, name: &str) -> Option<&ChannelRules> {
        self.channels.iter().find(|channel| *channel.name == *name)
    }

    /// Why no alert whatever is told to anybody, and what to write; `None` where a route leads to a channel.
    #[must_use]
    pub fn nobody_is_told(&self) -> Option<String> {
        if !self.reached().is_empty() {
            return None;
        }
        let why = if self.route.is_some() { "`route:` leads to no channel" } else { "there is no `route:`" };
        let name = self.names().next().map_or("name", |name| &**name);
        Some(format!("{why}. One that leads to a channel is taken up at once: `route: {{ channels: [{name}] }}`"))
    }
}

/// A rule by which one alert holds another. `depends_on` is one of these, too.
#[derive(Clone, Debug)]
pub struct Inhibit {
    pub source: Vec<Matcher>,
    pub target: Vec<Matcher>,
    pub equal: Vec<Arc<str>>,
    /// Where it stands: `rules/x.yaml:3`, or the parent that a check depends on.
    pub cause: InhibitCause,
}

/// Where a rule of inhibition comes from: what a hold is called by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InhibitCause {
    /// `inhibit:`, declared there.
    Rule(Arc<str>),
    /// `depends_on: [parent]`.
    Parent(Arc<str>),
    /// `source-unreachable` holds the `reason: error` alerts of its checks.
    SourceUnreachable,
}

impl InhibitCause {
    /// Whether a rule of this cause may be about the alert: what others send is no check of ours, whatever its labels
    /// are.
    #[must_use]
    pub fn is_about(&self, alert: &AlertId) -> bool {
        matches!(self, InhibitCause::Rule(_)) || !alert.is_received()
    }
}

/// An effect: this notification is to be sent to its channel now.
#[derive(Clone, Debug)]
pub struct Send {
    pub notification: Arc<Notification>,
    pub attempt: u32,
}

/// Something that dispatch noticed about a channel; it becomes an alert of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    Down {
        channel: Arc<str>,
        why: String,
    },
    /// It takes messages again, or, as the note says, is in the configuration no more.
    Up {
        channel: Arc<str>,
        note: Option<EndNote>,
    },
}

/// The owner of all groups, breakers and of what each channel was told.
#[derive(Debug)]
pub struct Dispatch {
    config: Config,
    subjects: HashMap<AlertId, Subject>,
    groups: HashMap<Arc<str>, Box<Group>>,
    channels: HashMap<Arc<str>, ChannelState>,
    flights: HashMap<Arc<str>, FlightRecord>,
    inhibitions: Inhibitions,
    silences: Silences,
    calendars: Calendars,
    /// Held alerts whose labels changed: what holds them is asked anew.
    relabelled: HashSet<AlertId>,
    /// Silences that hold no longer, or not as before: whom they held is asked anew.
    over: HashSet<Arc<str>>,
    /// Checks that fire for more instances than their limit.
    limited: HashSet<Arc<str>>,
    /// When each group wants to be asked next.
    queue: BTreeSet<(Timestamp, Arc<str>)>,
    /// Groups whose `due` must be worked out anew before the next look at the queue.
    touched: HashSet<Arc<str>>,
    /// Alerts with news that something holds, or that wait for a parent.
    held: BTreeSet<AlertId>,
    /// What each active alert holds: worked out for a turn whose messages tell of one that may hold others.
    under: Option<HashMap<AlertId, Vec<Arc<AlertView>>>>,
    /// The last changes of each alert, to tell which flap.
    flips: HashMap<AlertId, flap::Flips>,
    /// When each alert that flaps is steady, if nothing changes before.
    steady: BTreeSet<(Timestamp, AlertId)>,
    /// What was out when the daemon died is being taken up.
    starting: bool,
    /// Something that may hold or free alerts has changed.
    holds_changed: bool,
    jitter: Jitter,
    /// Makes ids unique over restarts.
    boot: u64,
    issued: u64,
    dirty: HashSet<RowName>,
    history: Vec<Entry>,
    health: Vec<Health>,
    drills: drill::Drills,
}

impl Dispatch {
    /// What was written down since the last call: state rows that changed, by name, and history.
    pub fn take_history(&mut self) -> Vec<Entry> {
        std::mem::take(&mut self.history)
    }

    /// What was noticed about channels since the last call.
    pub fn take_health(&mut self) -> Vec<Health> {
        std::mem::take(&mut self.health)
    }

    /// The next instant at which [`Dispatch::advance`] has something to do.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        let is_asked = self.holds_changed || !self.over.is_empty() || !self.relabelled.is_empty();
        if !self.touched.is_empty() || is_asked || self.drills.has_sends() {
            return Some(Timestamp::MIN);
        }
        let timer = self.queue.first().map(|(at, _)| *at);
        let blocked = self.channels.iter().filter_map(|(name, c)| c.next_try(self.config.channel(name)));
        let holds = self.silences.next_due().into_iter().chain(self.calendars.next_due());
        let steady = self.steady.first().map(|(at, _)| *at);
        timer.into_iter().chain(blocked).chain(holds).chain(steady).min()
    }

    /// Takes every step that is due: works out timers, asks holds, and gives what is to be sent now.
    ///
    /// `renew` gives the view of an active alert as of its last row.
    pub fn advance(&mut self, now: Timestamp, renew: &dyn Fn(&AlertId) -> Option<Arc<AlertView>>) -> Vec<Send> {
        self.steady(now);
        self.pass(now);
        self.recheck_holds(now);
        self.settle(now);
        self.enqueue_due(now);
        let mut sends = self.drills.take_sends();
        let mut names: Vec<Arc<str>> =
            self.channels.iter().filter(|(_, c)| c.wants(now)).map(|(n, _)| Arc::clone(n)).collect();
        names.sort_unstable(); // the same input gives the same order of sends
        for channel in names {
            self.serve(&channel, now, renew, &mut sends);
        }
        self.settle(now);
        self.under = None;
        sends
    }
}
