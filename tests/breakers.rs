//! Breakers, as a configuration declares them: when they trip, whom that is told, what is kept, and that they end.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use bellwether::core::{Core, CoreConfig, Input, Options, Turn};
use bellwether::dispatch::Send;
use bellwether::engine::{Collect, CollectFailure};
use bellwether::load::{self, Mode};
use bellwether::model::record::{Entry, Row, RowName, Saved, Write};
use bellwether::model::{Delivery, FailureClass, Table, TableBuilder, Timestamp, Value};
use bellwether::testing::{World, drive, evaluated};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const START: Timestamp = Timestamp::from_secs(1_767_571_200);

/// `%` is where the keys of the channel `one` stand, `^` those of the source.
const RULES: &str = "
sources: { s: { exec: {}^ } }
channels: { one: { console: {}% }, two: { console: {} } }
route: { channels: [one], group_by: ['...'], group_wait: 0s, group_interval: 1s, repeat_interval: 4h }
checks:
  - { check: c, source: s, collect: { command: ['true'] }, columns: { v: number }, every: 1m, alert: { critical: v > 10 } }
";

/// What is said of a configuration: its errors, or nothing.
fn loaded(yaml: &str) -> Result<CoreConfig, String> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bellwether.yaml"), yaml.replace(['%', '^'], "")).unwrap();
    let loaded = load::load(folder.path(), &|_| None, Mode::Lenient).unwrap();
    let human = loaded.problems.human(&loaded.sources, false);
    let config = loaded.config.ok_or(human)?;
    let sources = config.sources.iter().map(|s| (Arc::clone(&s.name), s.breaker)).collect();
    Ok(CoreConfig { checks: config.checks, sources, dispatch: config.dispatch, self_alerts: config.self_alerts })
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
    /// The same of the source.
    source_is_down_until: u64,
    source_asks_to_wait: Option<Duration>,
    /// When the source was asked, in seconds, and by which check.
    asked: Vec<(u64, String)>,
    now: u64,
    class: FailureClass,
    /// `seconds channel kind check`, with ` x` where it failed.
    log: Vec<String>,
    rows: BTreeMap<RowName, Row>,
}

impl World for Around {
    fn collect(&mut self, collect: &Collect) -> Result<Arc<Table>, CollectFailure> {
        self.asked.push((self.now, collect.check.name.to_string()));
        if self.now < self.source_is_down_until {
            let class = FailureClass::Refused;
            let retry_after = self.source_asks_to_wait;
            return Err(CollectFailure { unreachable: true, message: "nobody listens".into(), class, retry_after });
        }
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

    fn watch(&mut self, now: Timestamp, turn: &Turn) {
        self.now = now.since(START).as_secs();
        for write in &turn.writes {
            match write {
                Write::Put(row) => drop(self.rows.insert(row.name(), row.clone())),
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

/// So many checks of one source.
fn many(checks: usize, source: &str) -> String {
    let rules = RULES.replace('^', source).replace("group_by: ['...']", "group_by: [check]");
    let one = rules.lines().last().unwrap().to_owned();
    let more = (1..checks)
        .map(|i| i - 1)
        .map(|i| one.replace("check: c,", &format!("check: c{i},")))
        .collect::<Vec<_>>()
        .join("\n");
    format!("{rules}{more}\n").replace("every: 1m", "every: 1m, on_error: critical")
}

impl Daemon {
    fn source(&self) -> String {
        let report = self.core.engine.source_reports(self.now).remove(0);
        let classes = report.classes.iter().map(|(class, n)| format!("{n} {}", class.name()));
        let words = [report.breaker.to_owned(), report.failures.to_string()];
        words.into_iter().chain(classes).collect::<Vec<_>>().join(" ")
    }

    fn error(&self, check: &str) -> String {
        self.core.engine.check_report(check).unwrap().error.unwrap_or_default()
    }

    fn asked_after(&self, second: u64) -> Vec<u64> {
        self.world.asked.iter().map(|(at, _)| *at).filter(|at| second <= *at).collect()
    }
}

#[test]
fn a_source_that_dies_under_five_hundred_checks_is_one_message() {
    let yaml = many(500, "").replace("v > 10", "v > 99");
    let d = Daemon::new(&yaml, Around::default()).run(90);
    assert_eq!(d.world.log, Vec::<String>::new(), "all is well");
    let world = Around { source_is_down_until: 3_600, ..d.world };
    let d = Daemon { world, ..d }.run(3_500);
    let told: Vec<&str> = d.world.log.iter().map(|line| line.split_once(' ').unwrap().1).collect();
    assert_eq!(told, ["one fired source-unreachable"]);
    assert!(d.core.active().count() > 400, "each check has its own alert all the same, and it is held");
}

#[test]
fn a_source_that_is_down_is_asked_by_one_check_and_the_others_say_why_they_know_nothing() {
    let yaml = many(10, ", breaker: { failures: 2, wait: 40s, wait_max: 2m }");
    let d = Daemon::new(&yaml, Around { source_is_down_until: 400, ..Around::default() }).run(390);
    let (checks, asked) = (10, d.world.asked.len());
    let tripped = d.asked_after(121);
    assert!(asked < 4 * checks && tripped.len() <= 5, "{:?}", d.world.asked);
    assert!(d.source().starts_with("tripped "), "{}", d.source());
    assert!(d.source().ends_with(&format!("{asked} refused")), "only what was asked counts: {}", d.source());
    let held: Vec<String> = (0..9).map(|i| d.error(&format!("c{i}"))).collect();
    let why =
        |error: &&String| error.starts_with("breaker of source `s` is tripped") && error.ends_with("nobody listens");
    assert!(8 <= held.iter().filter(why).count(), "{held:?}");
    let fired = d.world.log.iter().filter(|line| line.contains("fired source-unreachable")).count();
    assert_eq!(fired, 1, "{:?}", d.world.log);
    // It is back: a probe finds out within `wait_max`, and then all ask at once.
    let d = d.run(530);
    assert_eq!(d.source().split(' ').next(), Some("admitting"), "{}", d.source());
    assert!(d.world.log.iter().any(|line| line.contains("resolved source-unreachable")), "{:?}", d.world.log);
    assert_eq!(d.error("c3"), "", "it asked again as soon as the source was back");
}

#[test]
fn what_is_known_of_a_source_outlives_a_restart_and_a_probe_follows_however_seldom_it_is_asked() {
    let yaml = many(10, ", breaker: { failures: 1, wait: 10m, wait_max: 10m }").replace("every: 1m", "every: 6h");
    let d = Daemon::new(&yaml, Around { source_is_down_until: 60, ..Around::default() }).run(30).restart(&yaml);
    let before = d.source();
    assert!(before.starts_with("tripped ") && before.ends_with("refused"), "{before}");
    let d = d.run(590);
    assert_eq!(d.asked_after(1), Vec::<u64>::new(), "it waits");
    let d = d.run(610);
    assert!(d.source().starts_with("admitting 0 "), "{}: {:?}", d.source(), d.world.asked);
    assert!((0..9).all(|i| d.error(&format!("c{i}")).is_empty()), "all asked again");
}

#[test]
fn a_probe_that_a_reload_gave_up_locks_nothing() {
    let yaml = many(10, ", breaker: { failures: 1, wait: 10s, wait_max: 10s }");
    let mut d = Daemon::new(&yaml, Around { source_is_down_until: 5, ..Around::default() }).run(9);
    // The probe leaves, and before its answer another configuration takes its check away.
    let later = START + Duration::from_secs(70);
    let turn = d.core.handle(later, []);
    let probe = turn.collects.first().expect("a probe").check.name.clone();
    assert_eq!(turn.collects.len(), 1, "one probe");
    let without: Vec<&str> = yaml.lines().filter(|line| !line.contains(&format!("check: {probe},"))).collect();
    let turn = d.core.handle(later, [Input::Reload(Box::new(loaded(&without.join("\n")).unwrap()))]);
    let [next] = &turn.collects[..] else { panic!("another probe: {:?}", turn.collects) };
    assert_ne!(next.check.name, probe);
    d.world.now = 70;
    let answer = answered(&mut d.world, next);
    d.core.handle(later, [answer]);
    d.now = later;
    let d = d.run(200);
    assert!(d.source().starts_with("admitting "), "{}", d.source());
}

#[test]
fn a_reset_has_a_channel_and_a_source_tried_at_once_and_is_written_down() {
    let long = ", breaker: { failures: 1, wait: 1h, wait_max: 1h }";
    let yaml = many(10, long).replace('%', long).replace("every: 1m", "every: 6h");
    let mut d = Daemon::new(&yaml, Around { one_is_down_until: 20, source_is_down_until: 20, ..Around::default() });
    d = d.run(60);
    assert!(d.source().starts_with("tripped") && d.channel("one").starts_with("one tripped"), "{:?}", d.world.log);
    d.world.now = 60;
    for (name, want) in [
        ("one", vec![("channel", "tripped")]),
        ("two", vec![("channel", "admitting")]),
        ("s", vec![("source", "tripped")]),
        ("x", vec![]),
    ] {
        let named: Vec<_> = d.core.breakers_named(name, d.now).into_iter().map(|(of, was, _)| (of, was)).collect();
        assert_eq!(named, want, "{name}");
    }
    let mut notes = Vec::new();
    for name in ["one", "s"] {
        let turn = d.core.handle(d.now, [Input::ResetBreaker(Arc::from(name))]);
        notes.extend(turn.writes.iter().filter_map(|write| match write {
            Write::Append(entry) => match &**entry {
                Entry::Note { text, .. } => Some(text.clone()),
                _ => None,
            },
            _ => None,
        }));
        let answers: Vec<Input> = turn.collects.iter().map(|c| answered(&mut d.world, c)).collect();
        let sends = turn.sends.iter().map(|send| Input::Delivered {
            id: Arc::clone(&send.notification.id),
            took: Duration::ZERO,
            delivery: d.world.send(d.now, send),
        });
        let inputs: Vec<Input> = answers.into_iter().chain(sends).collect();
        assert!(!inputs.is_empty(), "{name} is tried");
        d.core.handle(d.now, inputs);
    }
    assert!(notes[0].starts_with("the breaker of channel `one` was reset: it was tripped until"), "{notes:?}");
    assert!(notes[1].starts_with("the breaker of source `s` was reset: it was tripped until"), "{notes:?}");
    let d = d.run(70);
    assert!(d.channel("one").starts_with("one admitting"), "{}", d.channel("one"));
    assert!(d.source().starts_with("admitting"), "{}", d.source());
    assert!((0..9).all(|i| d.error(&format!("c{i}")).is_empty()), "all ask again");
}

fn answered(world: &mut Around, collect: &Collect) -> Input {
    Input::Evaluated(evaluated(collect, world.collect(collect)))
}

#[test]
fn a_source_that_asks_to_wait_is_left_alone_that_long() {
    for (wait, want) in [(None, 45), (Some(20), 45), (Some(150), 150)] {
        let source_asks_to_wait = wait.map(Duration::from_secs);
        let world = Around { source_is_down_until: 10, source_asks_to_wait, ..Around::default() };
        let daemon = Daemon::new(RULES, world).run(179);
        let (first, second) = (daemon.world.asked[0].0, daemon.world.asked[1].0);
        // The world's clock is that of the turn before.
        assert!((want..=want + 1).contains(&(second - first)), "{wait:?}: {:?}", daemon.world.asked);
    }
    let source_asks_to_wait = Some(Duration::from_secs(150));
    let world = Around { source_is_down_until: 60, source_asks_to_wait, ..Around::default() };
    let mut daemon = Daemon::new(RULES, world).run(70);
    assert_eq!(daemon.world.asked.len(), 1);
    daemon.core.handle(daemon.now, [Input::ResetBreaker("s".into())]);
    let daemon = daemon.run(130);
    assert_eq!(daemon.world.asked.len(), 2, "who resets it has it asked in the next slot: {:?}", daemon.world.asked);
}
