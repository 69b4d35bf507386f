//! A desk to try deliveries at: the real core on a virtual clock, a source that says what the test says, and channels
//! that answer as the test wants.

use bellwether::core::{Core, CoreConfig, Input, Options};
use bellwether::engine::Collect;
use bellwether::load::{self, Mode};
use bellwether::model::record::{Entry, Row, RowName, Saved, Write};
use bellwether::model::{Delivery, FailureClass, ItemKind, Notification, TableBuilder, Timestamp, Value};
use bellwether::testing::evaluated;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// Turns that one instant may take.
const TURNS_MAX: u32 = 200;

/// How a channel answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Takes,
    /// No connection.
    Down,
    /// It answers 4xx.
    Refuses,
    /// It never answers, and the send is cut after this long.
    Hangs(Duration),
    /// 429 with `Retry-After`.
    Limits(Duration),
}

/// One attempt to send.
#[derive(Clone, Debug)]
pub struct Sent {
    /// Seconds since the start.
    pub at: f64,
    pub channel: String,
    pub notification: Arc<Notification>,
    pub arrived: bool,
}

impl Sent {
    /// `fired c{k="a"}`, joined by `; `.
    pub fn says(&self) -> String {
        let item = |i: &bellwether::model::Item| {
            let key = &i.alert.id.key;
            let key = key.get("k").or_else(|| key.get("channel")).unwrap_or("");
            let check = if &*i.alert.id.check == "c" { String::new() } else { format!("{} ", i.alert.id.check) };
            format!("{}{} {check}{key}", i.kind.name(), if i.kind == ItemKind::CameAndWent { ":" } else { "" })
        };
        self.notification.items.iter().map(item).map(|s| s.trim().to_owned()).collect::<Vec<_>>().join("; ")
    }
}

pub struct Desk {
    pub core: Core,
    config: CoreConfig,
    start: Timestamp,
    pub now: Timestamp,
    values: BTreeMap<String, f64>,
    fates: HashMap<String, Fate>,
    events: BTreeMap<(Timestamp, u64), Input>,
    issued: u64,
    saved: BTreeMap<RowName, Row>,
    /// The rows that the last turn wrote.
    pub written: Vec<Row>,
    pub sent: Vec<Sent>,
    /// What was noted about Bellwether itself.
    pub noted: Vec<String>,
}

impl Desk {
    /// `yaml` holds channels and a route; the check `c` (key `k`, critical above 10, warning above 5) is there, each 10s.
    pub fn new(yaml: &str) -> Desk {
        Desk::with(yaml, "")
    }

    /// The same, with more keys for the check.
    pub fn with(yaml: &str, check: &str) -> Desk {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let all = format!(
            "sources: {{ s: {{ exec: {{}} }} }}\n{yaml}\nchecks:\n  - check: c\n    source: s\n    collect: {{ command: [\"true\"] }}\n    \
             columns: {{ k: text, v: number }}\n    key: [k]\n    every: 10s\n    alert: {{ critical: v > 10, warning: v > 5 }}\n{check}"
        );
        std::fs::write(dir.path().join("bellwether.yaml"), &all).expect("written");
        let loaded = load::load(dir.path(), &|_| None, Mode::Lenient).expect("a folder");
        let Some(config) = loaded.config else { panic!("{}", loaded.problems.human(&loaded.sources, false)) };
        let config = CoreConfig {
            checks: config.checks,
            dispatch: config.dispatch,
            self_alerts: config.self_alerts,
            ..CoreConfig::default()
        };
        let start = Timestamp::from_secs(1_767_571_200);
        let core = Core::new(config.clone(), Saved::default(), start, Options { seed: 7, eager: true });
        Desk {
            core,
            config,
            start,
            now: start,
            values: BTreeMap::new(),
            fates: HashMap::new(),
            events: BTreeMap::new(),
            issued: 0,
            saved: BTreeMap::new(),
            written: Vec::new(),
            sent: Vec::new(),
            noted: Vec::new(),
        }
    }

    pub fn set(&mut self, key: &str, value: f64) -> &mut Desk {
        self.values.insert(key.to_owned(), value);
        self
    }

    pub fn fate(&mut self, channel: &str, fate: Fate) -> &mut Desk {
        self.fates.insert(channel.to_owned(), fate);
        self
    }

    /// Lets this many seconds pass.
    pub fn pass(&mut self, seconds: u64) -> &mut Desk {
        let end = self.now + Duration::from_secs(seconds);
        let mut turns = (self.now, 0);
        loop {
            let event = self.events.keys().next().map(|(at, _)| *at);
            let Some(next) = self.core.next_due().into_iter().chain(event).min().filter(|at| *at <= end) else { break };
            self.now = self.now.max(next);
            turns = if turns.0 == self.now { (self.now, turns.1 + 1) } else { (self.now, 0) };
            assert!(turns.1 < TURNS_MAX, "{TURNS_MAX} turns at one instant, {}", self.now);
            let mut inputs = Vec::new();
            while let Some(entry) = self.events.first_entry().filter(|e| e.key().0 <= self.now) {
                inputs.push(entry.remove());
            }
            self.turn(inputs);
        }
        self.now = end;
        self
    }

    pub fn turn(&mut self, inputs: Vec<Input>) {
        let turn = self.core.handle(self.now, inputs);
        self.written.clear();
        for write in turn.writes {
            match write {
                Write::Put(row) => {
                    self.written.push(row.clone());
                    self.saved.insert(row.name(), row);
                }
                Write::Delete(name) => drop(self.saved.remove(&name)),
                Write::Append(entry) => {
                    if let Entry::Note { text, .. } = *entry {
                        self.noted.push(text);
                    }
                }
            }
        }
        turn.collects.iter().for_each(|collect| self.collect(collect));
        turn.sends.into_iter().for_each(|send| self.send(&send.notification));
    }

    /// The daemon dies and starts again from its store.
    pub fn restart(&mut self) -> &mut Desk {
        self.events.clear();
        let rows = self.saved.values().cloned().collect();
        self.core = Core::new(self.config.clone(), Saved { rows }, self.now, Options { seed: 8, eager: true });
        self.turn(Vec::new());
        self
    }

    /// Takes up the configuration of another desk, as after a file was saved.
    pub fn reload(&mut self, other: &Desk) -> &mut Desk {
        self.config = other.config.clone();
        self.turn(vec![Input::Reload(Box::new(self.config.clone()))]);
        self
    }

    /// The same with other words in its check.
    pub fn restart_with(&mut self, other: &Desk) -> &mut Desk {
        self.config = other.config.clone();
        self.restart()
    }

    fn at(&mut self, after: Duration, input: Input) {
        self.issued += 1;
        self.events.insert((self.now + after, self.issued), input);
    }

    fn collect(&mut self, collect: &Collect) {
        let mut table = TableBuilder::new(["k", "v"]).expect("two names");
        for (key, value) in &self.values {
            table.push([Value::text(key), Value::Number(*value)]).expect("two values");
        }
        let evaluated = evaluated(collect, Ok(Arc::new(table.finish())));
        self.at(Duration::ZERO, Input::Evaluated(evaluated));
    }

    fn send(&mut self, notification: &Arc<Notification>) {
        let channel = notification.channel.to_string();
        let why = || String::from("the desk says so");
        let (after, delivery) = match self.fates.get(&channel).copied().unwrap_or(Fate::Takes) {
            Fate::Takes => (Duration::ZERO, Delivery::Delivered { but: None, receipt: None }),
            Fate::Down => (
                Duration::ZERO,
                Delivery::NotSent { why: why(), retry_after: None, ill: true, class: FailureClass::Refused },
            ),
            Fate::Refuses => (Duration::ZERO, Delivery::Refused { why: why(), class: FailureClass::Malformed }),
            Fate::Hangs(cut) => {
                (cut, Delivery::Unanswered { why: why(), retry_after: None, class: FailureClass::TimedOut })
            }
            Fate::Limits(wait) => (
                Duration::ZERO,
                Delivery::NotSent { why: why(), retry_after: Some(wait), ill: false, class: FailureClass::RateLimited },
            ),
        };
        let millis = u32::try_from(self.now.since(self.start).as_millis()).expect("a short story");
        self.sent.push(Sent {
            at: f64::from(millis) / 1000.0,
            channel,
            notification: Arc::clone(notification),
            arrived: matches!(delivery, Delivery::Delivered { .. }),
        });
        self.at(after, Input::Delivered { id: Arc::clone(&notification.id), took: after, delivery });
    }

    /// What arrived at a channel so far: `12.5 fired a; fired b`.
    pub fn inbox(&self, channel: &str) -> Vec<String> {
        let arrived = self.sent.iter().filter(|s| s.channel == channel && s.arrived);
        arrived.map(|s| format!("{} {}", s.at, s.says())).collect()
    }

    /// The last message that arrived there.
    pub fn last(&self, channel: &str) -> &Sent {
        self.sent.iter().rev().find(|s| s.channel == channel && s.arrived).expect("something arrived")
    }
}
