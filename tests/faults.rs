//! Sends that end badly, restarts and reloads: what leaves, when, and under which id.
//!
//! Each story scripts how the attempts to a channel end, and lists every message that left. The channel `one` is
//! told everything, `two` only what goes wrong with `one`.

use bellwether::core::{Core, CoreConfig, Input, Options, Turn};
use bellwether::dispatch::Send;
use bellwether::engine::{Collect, CollectFailure};
use bellwether::load::{self, Mode};
use bellwether::model::record::{Row, RowName, Saved, Write};
use bellwether::model::{Delivery, FailureClass, Receipt, Severity, Table, TableBuilder, Timestamp, Value};
use bellwether::testing::{World, drive, evaluated};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

const RULES: &str = r#"
sources: { s: { exec: {} } }
channels: { one: { console: {} }, two: { console: {} } }
route: { channels: [one], group_by: ['...'], group_wait: 0s, group_interval: 1m, repeat_interval: 4h }
checks:
  - check: c
    source: s
    collect: { command: ["true"] }
    columns: { k: text, v: number }
    key: [k]
    every: 1m
    title: "{{ k }} is at {{ v }}"
    alert: { critical: v > 10, warning: { when: v > 5, for: 0s } }
"#;

const START: Timestamp = Timestamp::from_secs(1_767_571_200);

/// A daemon with its store, and a world that does as it is told.
struct Daemon {
    core: Core,
    world: Scripted,
    now: Timestamp,
    dir: tempfile::TempDir,
}

#[derive(Default)]
struct Scripted {
    /// The value of key `a` in each minute; the last one stays.
    values: Vec<f64>,
    /// The same of key `b`, where it has rows.
    others: Vec<f64>,
    /// How the next attempts to `one` end; then everything is delivered.
    script: VecDeque<Delivery>,
    /// `seconds channel kinds [outcome]`.
    log: Vec<String>,
    ids: Vec<Arc<str>>,
    /// Under which message each stands, and whether with it all is over: `-`, `m1`, `m1 over`.
    under: Vec<String>,
    /// The severity of each message's first item.
    severities: Vec<Severity>,
    /// The title of each message's first item.
    titles: Vec<String>,
    rows: BTreeMap<RowName, Row>,
}

impl World for Scripted {
    fn collect(&mut self, collect: &Collect) -> Result<Arc<Table>, CollectFailure> {
        let minute = usize::try_from(collect.slot.since(START).as_secs() / 60).expect("small");
        let value = self.values[minute.min(self.values.len() - 1)];
        let mut table = TableBuilder::new(["k", "v"]).expect("two names");
        table.push([Value::text("a"), Value::Number(value)]).expect("two values");
        if let Some(value) = self.others.get(minute).or(self.others.last()) {
            table.push([Value::text("b"), Value::Number(*value)]).expect("two values");
        }
        Ok(Arc::new(table.finish()))
    }

    fn send(&mut self, now: Timestamp, send: &Send) -> Delivery {
        let n = &send.notification;
        let to_one = &*n.channel == "one";
        let delivery = if to_one { self.script.pop_front() } else { None };
        let delivery = delivery.unwrap_or(Delivery::delivered());
        let items: Vec<String> = n.items.iter().map(|i| format!("{} {}", i.kind.name(), i.alert.id.check)).collect();
        let outcome = if matches!(delivery, Delivery::Delivered { .. }) { "" } else { delivery.name() };
        let line = format!("{} {} {} {outcome}", now.since(START).as_secs(), n.channel, items.join(" + "));
        self.log.push(line.trim_end().to_owned());
        self.severities.push(n.items[0].alert.severity);
        self.titles.push(n.items[0].alert.title.clone());
        if to_one {
            self.ids.push(Arc::clone(&n.id));
            let first = n.first.as_ref().map_or("-", |first| &first.message);
            self.under.push(format!("{first}{}", if n.over { " over" } else { "" }));
        }
        delivery
    }

    fn watch(&mut self, _now: Timestamp, turn: &Turn) {
        for write in &turn.writes {
            match write {
                Write::Put(row) => drop(self.rows.insert(row.name(), row.clone())),
                Write::Delete(name) => drop(self.rows.remove(name)),
                Write::Append(_) => {}
            }
        }
    }
}

fn configuration(yaml: &str) -> (CoreConfig, tempfile::TempDir) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(dir.path().join("bellwether.yaml"), yaml).expect("written");
    let loaded = load::load(dir.path(), &|_| None, Mode::Lenient).expect("a folder");
    let human = loaded.problems.human(&loaded.sources, false);
    let config = loaded.config.unwrap_or_else(|| panic!("{human}"));
    let mut checks = config.checks;
    for check in &mut checks {
        // Slots on the minute: the phase that a name gives is no part of these stories.
        let slots: Vec<Timestamp> = (0..600).map(|m| START + Duration::from_mins(m)).collect();
        let fixed = bellwether::rules::Schedule::Fixed(slots.into());
        *check = Arc::new(bellwether::rules::Check { schedule: fixed, ..(**check).clone() });
    }
    (CoreConfig { checks, dispatch: config.dispatch, self_alerts: config.self_alerts, ..CoreConfig::default() }, dir)
}

impl Daemon {
    fn new(values: &[f64], script: Vec<Delivery>) -> Daemon {
        let (config, dir) = configuration(RULES);
        let core = Core::new(config, Saved::default(), START, Options { seed: 1, eager: false });
        let world = Scripted { values: values.to_vec(), script: script.into(), ..Scripted::default() };
        Daemon { core, world, now: START, dir }
    }

    fn run(mut self, until_s: u64) -> Daemon {
        let until = START + Duration::from_secs(until_s);
        drive(&mut self.core, self.now, until, &mut self.world);
        self.now = until;
        self
    }

    /// Dies and starts again from its store.
    fn restart(self, after_s: u64) -> Daemon {
        self.restart_with(after_s, RULES)
    }

    /// Dies, and starts again from its store with another configuration.
    fn restart_with(mut self, after_s: u64, yaml: &str) -> Daemon {
        let (config, dir) = configuration(yaml);
        self.now = self.now + Duration::from_secs(after_s);
        let rows = self.world.rows.values().cloned().collect();
        self.core = Core::new(config, Saved { rows }, self.now, Options { seed: 2, eager: true });
        self.world.log.push("restart".into());
        self.dir = dir;
        self
    }

    fn enter(mut self, input: Input) -> Daemon {
        let turn = self.core.handle(self.now, [input]);
        self.world.watch(self.now, &turn);
        for send in &turn.sends {
            let delivery = self.world.send(self.now, send);
            let id = Arc::clone(&send.notification.id);
            let turn = self.core.handle(self.now, [Input::Delivered { id, took: Duration::ZERO, delivery }]);
            self.world.watch(self.now, &turn);
        }
        self
    }

    fn reload(self, yaml: &str) -> Daemon {
        let (config, _dir) = configuration(yaml);
        self.enter(Input::Reload(Box::new(config)))
    }

    fn log(&self) -> Vec<&str> {
        self.world.log.iter().map(String::as_str).collect()
    }
}

fn not_sent() -> Delivery {
    Delivery::NotSent { why: "refused".into(), retry_after: None, ill: true, class: FailureClass::Refused }
}

fn taken_as(message: &str) -> Delivery {
    let text = |text: &str| Arc::from(text);
    let receipt =
        Receipt { to: text("#data"), place: text("C1"), message: text(message), said: text(""), shared: false };
    Delivery::Delivered { but: None, receipt: Some(receipt) }
}

fn unanswered() -> Delivery {
    Delivery::Unanswered { why: "hung".into(), retry_after: None, class: FailureClass::TimedOut }
}

#[test]
fn a_send_that_did_not_arrive_is_tried_again_under_its_id() {
    let d = Daemon::new(&[7.0], vec![not_sent(), not_sent()]).run(50);
    assert_eq!(d.log().len(), 3, "{:?}", d.log());
    assert!(d.world.ids.iter().all(|id| *id == d.world.ids[0]));
    let told: Vec<&str> = d.log().iter().map(|l| l.split_once(' ').expect("time first").1).collect();
    assert_eq!(told, ["one fired c not_sent", "one fired c not_sent", "one fired c"]);
}

#[test]
fn a_far_side_that_asks_to_wait_is_obeyed_and_is_not_ill() {
    let busy = || Delivery::NotSent {
        why: "429".into(),
        retry_after: Some(Duration::from_secs(40)),
        ill: false,
        class: FailureClass::RateLimited,
    };
    let d = Daemon::new(&[7.0], vec![busy(), busy(), busy(), busy(), busy(), busy(), busy()]).run(600);
    assert_eq!(d.log().len(), 8, "{:?}", d.log());
    assert_eq!(d.log()[1], "40 one fired c not_sent");
    assert!(d.log().iter().all(|l| !l.contains("channel-down")), "a wait is not ill health: {:?}", d.log());
}

#[test]
fn what_may_have_arrived_is_asserted_until_answered() {
    // It may believe that it fires: the end is said, though nothing is known to have been told.
    let d = Daemon::new(&[7.0, 1.0], (0..9).map(|_| unanswered()).collect()).run(1800);
    let told: Vec<&str> = d.log().into_iter().filter(|l| l.contains(" one ")).collect();
    assert!(told[0].ends_with("fired c unanswered"), "{told:?}");
    assert!(told.last().is_some_and(|l| l.ends_with("one resolved c")), "{told:?}");
    // It was told of an end that may not have arrived, and it fires again.
    let d = Daemon::new(&[7.0, 1.0, 7.0], vec![Delivery::delivered(), unanswered()]).run(150);
    assert_eq!(d.log().last().copied(), Some("120 one fired c"), "{:?}", d.log());
}

#[test]
fn an_end_whose_answer_was_lost_is_said_again() {
    let d = Daemon::new(&[7.0, 1.0], vec![Delivery::delivered(), unanswered()]).run(100);
    let told: Vec<String> = d.log().iter().map(|l| l.split_once(' ').unwrap().1.to_owned()).collect();
    assert_eq!(told, ["one fired c", "one resolved c unanswered", "one resolved c"]);
}

#[test]
fn a_refusal_is_held_until_the_content_changes_and_is_told_through_the_others() {
    let refused = || Delivery::Refused { why: "no_service".into(), class: FailureClass::Rejected };
    let d = Daemon::new(&[7.0, 7.0, 12.0, 12.0], vec![refused(), refused()]).run(1200);
    assert_eq!(
        d.log(),
        [
            "0 one fired c refused",
            "0 two fired channel-down",
            "120 one fired c refused", // it escalated: other content
            "1020 one fired c",
            "1020 two resolved channel-down",
        ]
    );
}

#[test]
fn a_refused_message_is_tried_again_once_the_configuration_changes() {
    let refused = Delivery::Refused { why: "invalid_token".into(), class: FailureClass::Unauthorised };
    let d = Daemon::new(&[7.0], vec![refused]).run(90).reload(RULES).run(200);
    let told: Vec<&str> = d.log().into_iter().filter(|l| l.contains(" one ")).collect();
    assert_eq!(told, ["0 one fired c refused", "90 one fired c"]);
}

#[test]
fn a_channel_that_is_away_is_probed_and_told_what_came_and_went() {
    let away: Vec<Delivery> = (0..8).map(|_| not_sent()).collect();
    let d = Daemon::new(&[7.0, 1.0, 1.0, 1.0, 1.0], away).run(900);
    let log = d.log();
    assert!(log.iter().any(|l| l.contains("two fired channel-down")), "{log:?}");
    let last = log.iter().rfind(|l| l.contains(" one ")).expect("something was sent");
    assert!(last.ends_with("one came and went c"), "{log:?}");
    assert_eq!(log.last().map(|l| l.contains("two resolved channel-down")), Some(true), "{log:?}");
    // Once tripped it is asked by one probe at a time, 30 s, 60 s, 2 m later.
    let probes: Vec<u64> =
        log.iter().filter(|l| l.contains(" one ")).filter_map(|l| l.split(' ').next()?.parse().ok()).collect();
    let waits: Vec<u64> = probes[4..].windows(2).map(|w| w[1] - w[0]).collect();
    assert_eq!(waits, [30, 60, 120, 240][..waits.len()].to_vec(), "{probes:?}");
}

#[test]
fn an_alert_that_was_never_tried_while_its_channel_was_away_is_told_late() {
    let mut d = Daemon::new(&[7.0], (0..7).map(|_| not_sent()).collect());
    d.world.others = vec![1.0, 1.0, 7.0, 1.0];
    let d = d.run(400);
    let late = d.log().iter().filter(|l| l.contains("one came and went c")).count();
    assert_eq!(late, 1, "{:?}", d.log());
}

#[test]
fn after_a_restart_nothing_is_told_twice_and_nothing_untold_is_forgotten() {
    let told = Daemon::new(&[7.0], vec![]).run(30).restart(300).run(1000);
    assert_eq!(told.log(), ["0 one fired c", "restart"]);
    let untold = Daemon::new(&[7.0], vec![not_sent(); 1]).run(0).restart(300).run(1000);
    assert_eq!(untold.log(), ["0 one fired c not_sent", "restart", "300 one fired c"]);
    let ended = Daemon::new(&[7.0, 7.0, 7.0, 1.0], vec![]).run(30).restart(300).run(1000);
    assert_eq!(ended.log(), ["0 one fired c", "restart", "330 one resolved c"]);
}

#[test]
fn what_ends_while_the_daemon_is_down_ends_in_the_words_that_were_told() {
    for (what, yaml) in [
        ("off", format!("{RULES}    mode: \"off\"\n")),
        ("gone", RULES.replace("check: c\n", "check: d\n")),
        ("other key", RULES.replace("key: [k]", "key: []")),
    ] {
        let d = Daemon::new(&[7.0], vec![]).run(30).restart_with(300, &yaml).run(330);
        let sent: Vec<&str> = d.log().into_iter().filter(|l| *l != "restart").collect();
        let end = sent.iter().position(|l| *l == "330 one resolved c");
        assert_eq!(end.map(|at| &*d.world.titles[at]), Some("a is at 7"), "{what}: {:?}", d.log());
    }
}

#[test]
fn a_send_in_flight_at_the_crash_is_told_once_more() {
    let mut d = Daemon::new(&[7.0], vec![]);
    // The send left, its answer was never heard: the flight stands in the store.
    let turn = d.core.handle(START, []);
    let evaluated: Vec<Input> =
        turn.collects.iter().map(|c| Input::Evaluated(evaluated(c, d.world.collect(c)))).collect();
    d.world.watch(START, &turn);
    let turn = d.core.handle(START, evaluated);
    d.world.watch(START, &turn);
    assert_eq!(turn.sends.len(), 1);
    let d = d.restart(10).run(600);
    assert_eq!(d.log(), ["restart", "10 one fired c"]);
}

#[test]
fn a_reload_keeps_lives_and_ends_what_is_gone() {
    let fired = || Daemon::new(&[7.0], vec![]).run(90);
    for (what, yaml, want) in [
        ("longer for", RULES.replace("for: 0s", "for: 3h"), vec![]),
        ("other title", RULES.replace("{{ k }} is at", "now"), vec![]),
        ("check off", format!("{RULES}    mode: \"off\"\n"), vec!["90 one resolved c"]),
        ("shadow", format!("{RULES}    mode: shadow\n"), vec!["90 one resolved c"]),
        ("renamed", RULES.replace("check: c\n", "check: d\n"), vec!["90 one resolved c", "120 one fired d"]),
        ("other key", RULES.replace("key: [k]", "key: []"), vec!["90 one resolved c", "120 one fired c"]),
        (
            "channel gone",
            RULES.replace("one: { console: {} }, ", "").replace("channels: [one]", "channels: [two]"),
            vec!["90 two fired c"],
        ),
    ] {
        let d = fired().reload(&yaml).run(400);
        assert_eq!(d.log()[1..], want[..], "{what}");
    }
    let d = fired().reload(&format!("{RULES}    mode: shadow\n")).run(200).reload(RULES).run(400);
    assert_eq!(d.log()[1..], ["90 one resolved c", "200 one fired c"], "from shadow to live");
}

#[test]
fn a_refused_reload_and_a_failing_store_are_alerts() {
    let d = Daemon::new(&[1.0], vec![])
        .run(30)
        .enter(Input::ReloadRejected { why: "x.yaml:3:1: unknown key".into() })
        .run(100)
        .reload(RULES)
        .enter(Input::StoreFailed { why: "disk full".into() })
        .run(200)
        .enter(Input::StoreRecovered)
        .run(400);
    let log = d.log();
    let want = ["fired config-rejected", "resolved config-rejected", "fired store-failing", "resolved store-failing"];
    assert_eq!(log.iter().map(|l| l.split_once(" one ").unwrap().1).collect::<Vec<_>>(), want);
}

#[test]
fn self_alerts_are_as_severe_as_the_file_says_or_off() {
    let told = |yaml: &str| {
        let rejected = Input::ReloadRejected { why: "x.yaml:3:1: unknown key".into() };
        let d = Daemon::new(&[1.0], vec![]).reload(yaml).run(30).enter(rejected).run(100);
        d.world.severities
    };
    assert_eq!(told(&format!("{RULES}\nself_alerts: {{ config-rejected: info }}\n")), [Severity::Info]);
    assert_eq!(told(&format!("{RULES}\nself_alerts: {{ config-rejected: \"off\" }}\n")), []);
}

#[test]
fn a_start_with_a_configuration_that_loads_ends_what_was_told_of_one_that_did_not() {
    let rejected = Input::ReloadRejected { why: "x.yaml:3:1: unknown key".into() };
    let d = Daemon::new(&[1.0], vec![]).run(30).enter(rejected).run(100).restart(60).run(400);
    let told: Vec<&str> = d.log().iter().filter_map(|l| Some(l.split_once(" one ")?.1)).collect();
    assert_eq!(told, ["fired config-rejected", "resolved config-rejected"]);
}

#[test]
fn what_follows_stands_under_the_first_message_until_all_of_the_group_is_over() {
    let together = RULES.replace("group_by: ['...']", "group_by: [check]");
    let mut d = Daemon::new(&[7.0], vec![]).restart_with(0, &together);
    d.world = Scripted { values: vec![7.0, 12.0, 1.0, 1.0, 1.0, 7.0], ..Scripted::default() };
    d.world.others = vec![7.0, 7.0, 7.0, 7.0, 1.0, 1.0];
    // The second message finds the first gone; a failed send changes nothing.
    d.world.script = [taken_as("m1"), taken_as("m2"), not_sent(), Delivery::delivered(), Delivery::delivered()].into();
    let d = d.run(150).restart_with(0, &together).run(310);
    assert_eq!(d.world.under, ["-", "m1", "m2", "m2", "m2 over", "-"], "{:?}", d.log());
}
