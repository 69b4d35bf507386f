//! Breakers, as a configuration declares them: when they trip, whom that is told, what is kept, and that they end.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use bellwether::core::{Core, CoreConfig, Options, Turn};
use bellwether::dispatch::Send;
use bellwether::engine::{Collect, CollectFailure};
use bellwether::load::{self, Mode};
use bellwether::model::record::{Row, RowName, Saved, Write};
use bellwether::model::{Delivery, FailureClass, Table, TableBuilder, Timestamp, Value};
use bellwether::testing::{World, drive};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const START: Timestamp = Timestamp::from_secs(1_767_571_200);

/// `%` is where the keys of the channel `one` stand.
const RULES: &str = "
sources: { s: { exec: {} } }
channels: { one: { console: {}% }, two: { console: {} } }
route: { channels: [one], group_by: ['...'], group_wait: 0s, group_interval: 1s, repeat_interval: 4h }
checks:
  - { check: c, source: s, collect: { command: ['true'] }, columns: { v: number }, every: 1m, alert: { critical: v > 10 } }
";

/// What is said of a configuration: its errors, or nothing.
fn loaded(yaml: &str) -> Result<CoreConfig, String> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bellwether.yaml"), yaml).unwrap();
    let loaded = load::load(folder.path(), &|_| None, Mode::Lenient).unwrap();
    let human = loaded.problems.human(&loaded.sources, false);
    let config = loaded.config.ok_or(human)?;
    Ok(CoreConfig { checks: config.checks, dispatch: config.dispatch, self_alerts: config.self_alerts })
}

/// A daemon with its store, in a world whose channel `one` is down for a while.
struct Daemon {
    core: Core,
    now: Timestamp,
    world: Around,
}

#[derive(Default)]
struct Around {
    /// Seconds from the start.
    one_is_down_until: u64,
    class: FailureClass,
    /// `seconds channel kind check`, with ` x` where it failed.
    log: Vec<String>,
    rows: BTreeMap<RowName, Row>,
}

impl World for Around {
    fn collect(&mut self, _: &Collect) -> Result<Arc<Table>, CollectFailure> {
        let mut table = TableBuilder::new(["v"]).unwrap();
        table.push([Value::Number(11.0)]).unwrap();
        Ok(Arc::new(table.finish()))
    }

    fn send(&mut self, now: Timestamp, send: &Send) -> Delivery {
        let (n, second) = (&send.notification, now.since(START).as_secs());
        let fails = &*n.channel == "one" && second < self.one_is_down_until;
        let items: Vec<String> = n.items.iter().map(|i| format!("{} {}", i.kind.name(), i.alert.id.check)).collect();
        self.log.push(format!("{second} {} {}{}", n.channel, items.join(" + "), if fails { " x" } else { "" }));
        if fails {
            return Delivery::NotSent { why: "no".into(), retry_after: None, ill: true, class: self.class };
        }
        Delivery::delivered()
    }

    fn watch(&mut self, _: Timestamp, turn: &Turn) {
        for write in &turn.writes {
            match write {
                Write::Put(row) => drop(self.rows.insert(row.name(), (**row).clone())),
                Write::Delete(name) => drop(self.rows.remove(name)),
                Write::Append(_) => {}
            }
        }
    }
}

impl Daemon {
    fn new(yaml: &str, world: Around) -> Daemon {
        let options = Options { seed: 1, eager: true };
        Daemon { core: Core::new(loaded(yaml).unwrap(), Saved::default(), START, options), now: START, world }
    }

    fn run(mut self, until_s: u64) -> Daemon {
        let until = START + Duration::from_secs(until_s);
        drive(&mut self.core, self.now, until, &mut self.world);
        self.now = until;
        self
    }

    fn restart(mut self, yaml: &str) -> Daemon {
        let rows = self.world.rows.values().cloned().collect();
        self.core = Core::new(loaded(yaml).unwrap(), Saved { rows }, self.now, Options { seed: 2, eager: true });
        self
    }

    /// `one admitting 0 1 refused`: breaker, failures in a row, and those of each class ever.
    fn channel(&self, name: &str) -> String {
        let report = self.core.dispatch.channel_reports(self.now).into_iter().find(|r| &*r.channel == name).unwrap();
        let classes = report.classes.iter().map(|(class, n)| format!("{n} {}", class.name()));
        let words = [name.to_owned(), report.breaker.to_owned(), report.failures.to_string()];
        words.into_iter().chain(classes).collect::<Vec<_>>().join(" ")
    }

    /// The seconds in which `one` was tried and failed.
    fn tries(&self) -> Vec<u64> {
        let failed = self.world.log.iter().filter(|line| line.ends_with(" x"));
        failed.map(|line| line.split(' ').next().unwrap().parse().unwrap()).collect()
    }
}

#[test]
fn a_channel_trips_and_recovers_as_its_breaker_says_and_the_other_channel_is_told_of_both() {
    let yaml = RULES.replace('%', ", breaker: { failures: 2, wait: 40s, wait_max: 1m, successes: 2 }");
    let world = Around { one_is_down_until: 100, class: FailureClass::TimedOut, ..Around::default() };
    let d = Daemon::new(&yaml, world).run(60);
    let told = "two fired channel-down";
    assert!(d.world.log.iter().any(|line| line.ends_with(told)), "{:?}", d.world.log);
    assert_eq!(d.channel("one"), "one tripped 3 3 timed_out");
    // What is known of it is kept over a restart, and the wait grows no further than its limit.
    let d = d.restart(&yaml);
    assert_eq!(d.channel("one"), "one tripped 3 3 timed_out");
    let d = d.run(200);
    let tries = d.tries();
    assert!(tries[0] == 0 && tries[1] <= 2, "{tries:?}");
    assert_eq!(tries[2..], [tries[1] + 40], "the next probe, a minute later, succeeded");
    let two: Vec<&String> = d.world.log.iter().filter(|line| line.contains(" two ")).collect();
    assert_eq!(two.len(), 2, "{two:?}");
    assert!(two[1].ends_with("two resolved channel-down"), "{two:?}");
}

#[test]
fn a_shorter_limit_frees_a_breaker_that_waits_longer() {
    let long = RULES.replace('%', ", breaker: { failures: 1, wait: 1h, wait_max: 1h }");
    let short = RULES.replace('%', ", breaker: { failures: 1, wait: 1m, wait_max: 1m }");
    let d = Daemon::new(&long, Around { one_is_down_until: 1, ..Around::default() }).run(30).restart(&short).run(91);
    assert_eq!(d.channel("one"), "one admitting 0 1 other", "{:?}", d.world.log);
}

#[test]
fn what_is_wrong_in_a_breaker_is_told() {
    for (written, want) in [
        ("wait_max: 24h", "what has recovered would stay locked"),
        ("wait: 20m", "`wait` is 1200s and `wait_max` is 900s"),
        ("wait_max: 10s, wait: 11s", "`wait` is 11s and `wait_max` is 10s"),
        ("failures: 0", "failures"),
        ("failure: 3", "did you mean `failures`"),
    ] {
        let error = loaded(&RULES.replace('%', &format!(", breaker: {{ {written} }}"))).unwrap_err();
        assert!(error.contains(want), "{written}: {error}");
    }
    assert!(loaded(&RULES.replace('%', ", breaker: { wait_max: 10s }")).is_ok(), "the usual wait is cut to it");
}
