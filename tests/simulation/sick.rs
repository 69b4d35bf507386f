//! One channel of twenty is ill all the time: the others must not be told a second later than if it were well.
//!
//! The same world is lived twice, once with the sick channel and once without, and what reached each of the others is
//! compared, message by message. Nothing here is drawn but the world itself, so that the two lives are the same but for
//! the illness.

use super::faults;
use super::world::Rng;
use bellwether::core::{Core, CoreConfig, Input, Options};
use bellwether::dispatch::backoff::Jitter;
use bellwether::engine::Collect;
use bellwether::load::{self, Mode};
use bellwether::model::record::Saved;
use bellwether::model::{Delivery, Notification, Table, TableBuilder, Timestamp, Value};
use bellwether::testing::evaluated;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;
use testkit::Outcome;

const START: Timestamp = Timestamp::from_secs(1_767_571_200);
const LIFE: Duration = Duration::from_mins(40);
const CHANNELS: usize = 20;
const SICK: &str = "c3";

/// What reached each channel: when, and what it said.
type Inboxes = BTreeMap<Arc<str>, Vec<(Timestamp, String)>>;

struct World {
    seed: u64,
    fault: Option<&'static Outcome>,
    now: Timestamp,
    events: BTreeMap<(Timestamp, u64), Input>,
    issued: u64,
    rng: Rng,
    inboxes: Inboxes,
}

/// Lives twice, and compares.
pub fn compare(seed: u64, fault: &'static Outcome) {
    let (well, ill) = (live(seed, None), live(seed, Some(fault)));
    let messages: usize = well.values().map(Vec::len).sum();
    assert!(CHANNELS < messages, "seed {seed}: nothing happens in this world");
    assert_ne!(well.get(SICK), ill.get(SICK), "seed {seed}: {fault:?} does nothing");
    for (channel, well) in well.iter().filter(|(name, _)| &***name != SICK) {
        let ill = ill.get(channel).map(Vec::as_slice).unwrap_or_default();
        for ((then, said), (now, other)) in well.iter().zip(ill) {
            assert_eq!(said, other, "seed {seed}, {fault:?}: {channel} at {then} and {now}");
            let late = now.since(*then);
            assert!(late < Duration::from_secs(1), "seed {seed}, {fault:?}: {channel} is told {late:?} late: {said}");
        }
        assert_eq!(well.len(), ill.len(), "seed {seed}, {fault:?}: {channel}");
    }
}

fn configuration(rng: &mut Rng) -> CoreConfig {
    let names: Vec<String> = (0..CHANNELS).map(|i| format!("c{i}")).collect();
    let mut yaml = String::from("self_alerts: { channel-down: off }\nsources: { s: { exec: {} } }\nchannels:\n");
    for name in &names {
        let rate = if rng.chance(20) { ", rate: 1/s" } else { "" };
        writeln!(yaml, "  {name}: {{ console: {{}}{rate} }}").expect("a string");
    }
    let group = *rng.pick(&["[check]", "['...']", "[]", "[severity]"]);
    let wait = *rng.pick(&["0s", "10s"]);
    writeln!(
        yaml,
        "route: {{ channels: [{}], group_by: {group}, group_wait: {wait}, group_interval: 30s, repeat_interval: 10m }}\nchecks:",
        names.join(", ")
    )
    .expect("a string");
    for i in 0..3 {
        writeln!(
            yaml,
            "  - {{ check: k{i}, source: s, collect: {{ command: [\"true\"] }}, columns: {{ k: text, v: number }}, key: [k], \
             every: 30s, flapping: off, alert: {{ critical: v > 10, warning: v > 7 }} }}"
        )
        .expect("a string");
    }
    let dir = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(dir.path().join("bellwether.yaml"), &yaml).expect("written");
    let loaded = load::load(dir.path(), &|_| None, Mode::Lenient).expect("a folder");
    let Some(config) = loaded.config else { panic!("{}", loaded.problems.human(&loaded.sources, false)) };
    CoreConfig {
        checks: config.checks,
        dispatch: config.dispatch,
        self_alerts: config.self_alerts,
        ..CoreConfig::default()
    }
}

fn live(seed: u64, fault: Option<&'static Outcome>) -> Inboxes {
    let mut rng = Rng(Jitter::new(seed ^ 0x51c4));
    let config = configuration(&mut rng);
    let mut core = Core::new(config, Saved::default(), START, Options { seed, eager: true });
    let mut world = World { seed, fault, now: START, events: BTreeMap::new(), issued: 0, rng, inboxes: Inboxes::new() };
    loop {
        let event = world.events.keys().next().map(|(at, _)| *at);
        let Some(next) = core.next_due().into_iter().chain(event).min() else { break };
        if START + LIFE < next {
            break;
        }
        world.now = world.now.max(next);
        let mut inputs = Vec::new();
        while let Some(entry) = world.events.first_entry().filter(|e| e.key().0 <= world.now) {
            inputs.push(entry.remove());
        }
        let turn = core.handle(world.now, inputs);
        turn.collects.iter().for_each(|collect| world.collect(collect));
        turn.sends.iter().for_each(|send| world.send(&send.notification));
    }
    world.inboxes
}

impl World {
    fn at(&mut self, after: Duration, input: Input) {
        self.issued += 1;
        self.events.insert((self.now + after, self.issued), input);
    }

    fn collect(&mut self, collect: &Collect) {
        let evaluated = evaluated(collect, Ok(Arc::new(self.table(collect))));
        self.at(Duration::from_millis(20), Input::Evaluated(evaluated));
    }

    /// The values are drawn from the seed, the check, the key and the time alone: they stay for two minutes.
    fn table(&self, collect: &Collect) -> Table {
        let mut table = TableBuilder::new(["k", "v"]).expect("two names");
        for key in ["a", "b", "c", "d"] {
            let mut hasher = DefaultHasher::new();
            (self.seed, &collect.check.name, key, collect.slot.as_secs() / 120).hash(&mut hasher);
            let value = f64::from(u32::try_from(hasher.finish() % 12).expect("small"));
            table.push([Value::text(key), Value::Number(value)]).expect("two values");
        }
        table.finish()
    }

    fn send(&mut self, notification: &Arc<Notification>) {
        let (mut arrives, mut delivery, mut after) = (true, Delivery::delivered(), Duration::from_millis(200));
        if let Some(fault) = self.fault.filter(|_| &*notification.channel == SICK) {
            (arrives, delivery) = faults::play(fault, &mut self.rng);
            if fault.class == "timed_out" {
                after = Duration::from_secs(30);
            }
        }
        if arrives {
            let said = |i: &bellwether::model::Item| format!("{} {}", i.kind.name(), i.alert.id);
            let said: Vec<String> = notification.items.iter().map(said).collect();
            self.inboxes.entry(Arc::clone(&notification.channel)).or_default().push((self.now, said.join("; ")));
        }
        self.at(after, Input::Delivered { id: Arc::clone(&notification.id), took: after, delivery });
    }
}
