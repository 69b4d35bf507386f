//! Alerts that others send go the way of a check's, and are never taken for one.

use bellwether::core::{Core, CoreConfig, Input, Options, Turn};
use bellwether::engine::{Collect, CollectFailure};
use bellwether::load::{self, Mode};
use bellwether::model::record::{Row, Saved, Write};
use bellwether::model::{AlertId, Delivery, Incoming, LabelSet, Matcher, Table, TableBuilder, Timestamp, Value};
use bellwether::testing::drive::{World, drive};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const START: Timestamp = Timestamp::from_secs(1_767_571_200);
const RULES: &str = "
sources: { local: { sqlite: { path: a.db } } }
channels: { terminal: { console: {} }, other: { console: {} } }
route:
  channels: [terminal]
  group_by: ['...']
  group_wait: 0s
  group_interval: 1s
checks:
  - { check: parent, source: local, every: 1m, collect: { query: SELECT 1 AS n }, alert: { critical: n > 1 } }
  - check: child
    source: local
    every: 1m
    collect: { query: SELECT 1 AS n }
    alert: { critical: n > 1 }
    depends_on: [parent]
";

fn configuration() -> CoreConfig {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("a.yaml"), RULES).expect("written");
    let loaded = load::load(folder.path(), &|_| None, Mode::Lenient).expect("a folder");
    let config = loaded.config.expect("it loads");
    CoreConfig {
        checks: config.checks,
        dispatch: config.dispatch,
        self_alerts: config.self_alerts,
        ..CoreConfig::default()
    }
}

/// A world in which checks have this value, what is sent arrives, and every write is kept.
#[derive(Default)]
struct House {
    values: BTreeMap<&'static str, f64>,
    /// `second channel kind alert`, in order.
    told: Vec<String>,
    kept: BTreeMap<String, Row>,
}

impl World for House {
    fn collect(&mut self, collect: &Collect) -> Result<Arc<Table>, CollectFailure> {
        let mut table = TableBuilder::new(["n"]).expect("one column");
        table.push([Value::Number(*self.values.get(&*collect.check.name).unwrap_or(&0.0))]).expect("one cell");
        Ok(Arc::new(table.finish()))
    }

    fn send(&mut self, now: Timestamp, send: &bellwether::dispatch::Send) -> Delivery {
        for item in &send.notification.items {
            let note = item.alert.note.map(|note| format!(" ({})", note.text())).unwrap_or_default();
            let (second, channel) = (now.since(START).as_secs(), &send.notification.channel);
            self.told.push(format!("{second} {channel} {} {}{note}", item.kind.name(), item.alert.id));
        }
        Delivery::Delivered { but: None, receipt: None }
    }

    fn watch(&mut self, _: Timestamp, turn: &Turn) {
        for write in &turn.writes {
            match write {
                Write::Put(row) => drop(self.kept.insert(format!("{:?}", row.name()), row.clone())),
                Write::Delete(name) => drop(self.kept.remove(&format!("{name:?}"))),
                Write::Append(_) => {}
            }
        }
    }
}

impl House {
    /// Takes these in at this second, and goes on until nothing is due for a while.
    fn send_in(&mut self, core: &mut Core, second: u64, labels: &[(&str, &str)], ends: Option<u64>) {
        let at = START + Duration::from_secs(second);
        let alert = Incoming {
            labels: labels.iter().copied().collect(),
            annotations: LabelSet::default(),
            generator: Arc::from(""),
            starts: None,
            ends: ends.map(|second| START + Duration::from_secs(second)),
        };
        let turn = core.handle(at, [Input::Received(vec![alert])]);
        self.watch(at, &turn);
        let delivered = turn.sends.iter().map(|send| Input::Delivered {
            id: Arc::clone(&send.notification.id),
            took: Duration::ZERO,
            delivery: self.send(at, send),
        });
        let delivered: Vec<Input> = delivered.collect();
        let turn = core.handle(at, delivered);
        self.watch(at, &turn);
    }
}

fn start(saved: Saved, now: Timestamp) -> Core {
    Core::new(configuration(), saved, now, Options { seed: 1, eager: false })
}

#[test]
fn one_that_is_called_like_a_check_neither_holds_nor_is_held() {
    let mut core = start(Saved::default(), START);
    let mut house = House::default();
    house.send_in(&mut core, 0, &[("alertname", "parent"), ("check", "parent")], None);
    house.values.insert("child", 5.0);
    drive(&mut core, START, START + Duration::from_secs(65), &mut house);
    assert!(house.told.iter().any(|told| told.ends_with("terminal fired child")), "{:?}", house.told);
    house.values.insert("parent", 5.0);
    drive(&mut core, START + Duration::from_secs(65), START + Duration::from_secs(130), &mut house);
    house.send_in(&mut core, 131, &[("alertname", "child"), ("check", "child")], None);
    let last = r#"131 terminal fired {alertname="child", check="child"}"#;
    assert_eq!(house.told.last().map(String::as_str), Some(last), "{:?}", house.told);
}

#[test]
fn one_that_is_called_like_ours_about_a_channel_goes_where_its_labels_lead() {
    let mut core = start(Saved::default(), START);
    let mut house = House::default();
    house.send_in(&mut core, 0, &[("alertname", "channel-down"), ("channel", "terminal")], None);
    assert_eq!(house.told, [r#"0 terminal fired {alertname="channel-down", channel="terminal"}"#]);
}

#[test]
fn one_that_is_not_sent_again_ends_with_a_note_also_over_a_restart() {
    let labels = [("alertname", "Down")];
    let mut core = start(Saved::default(), START);
    let mut house = House::default();
    house.send_in(&mut core, 0, &labels, None);
    let saved = Saved { rows: house.kept.values().cloned().collect() };
    assert_eq!(core.active().collect::<Vec<_>>(), [&AlertId::received(&labels.into_iter().collect())]);

    // Away for an hour: nobody could send.
    let back = START + Duration::from_hours(1);
    let mut core = start(saved, back);
    house.told.clear();
    drive(&mut core, back, back + Duration::from_secs(299), &mut house);
    assert_eq!(house.told, Vec::<String>::new());
    drive(&mut core, back + Duration::from_secs(299), back + Duration::from_secs(400), &mut house);
    assert_eq!(house.told, [r#"3900 terminal resolved {alertname="Down"} (no longer sent)"#]);
    assert_eq!(core.active().len(), 0);
    assert!(!house.kept.keys().any(|name| name.starts_with("Received")), "its row is gone");
}

#[test]
fn the_list_of_what_is_active_is_that_of_the_evaluator_and_of_what_was_received() {
    let mut core = start(Saved::default(), START);
    let mut house = House::default();
    for minute in 0..12_u64 {
        house.values.insert("parent", if minute % 3 == 0 { 5.0 } else { 0.0 });
        house.values.insert("child", if minute % 2 == 0 { 5.0 } else { 0.0 });
        let from = START + Duration::from_secs(minute * 60);
        drive(&mut core, from, from + Duration::from_secs(59), &mut house);
        let ends = (minute % 4 == 3).then_some(minute * 60);
        house.send_in(&mut core, minute * 60 + 59, &[("alertname", "Down")], ends);
        if minute == 7 {
            core.handle(from + Duration::from_secs(59), [Input::Reload(Box::new(configuration()))]);
        }
        let mut want: Vec<AlertId> = core.engine.alerts().iter().map(|(_, view)| view.id.clone()).collect();
        want.extend(core.received.views().map(|view| view.id.clone()));
        want.sort_unstable();
        assert_eq!(core.active().cloned().collect::<Vec<_>>(), want, "minute {minute}");
    }
}

/// What matchers reach: alerts that fire, checks, and whether every critical is among them.
fn reached(core: &Core, matchers: &[&str]) -> (usize, usize, bool) {
    let matchers: Vec<Matcher> = matchers.iter().map(|text| Matcher::parse(text).expect("a matcher")).collect();
    let reach = core.reach(&matchers);
    (reach.firing, reach.checks, reach.every_critical)
}

#[test]
fn what_matchers_reach_counts_received_alerts() {
    let down = [("alertname", "Down"), ("severity", "critical"), ("job", "x")];
    let full = [("alertname", "Full"), ("severity", "Critical"), ("job", "y")];
    let ours = [("alertname", "channel-down"), ("severity", "critical")];
    let slow = [("alertname", "Slow"), ("job", "x")];
    let critical = r#"severity="critical""#;
    for (checks, sent, matchers, want) in [
        (false, &[&down[..], &full] as &[&[_]], &[critical] as &[_], (2, 0, true)),
        (false, &[&down, &full, &slow], &[critical], (2, 0, true)),
        (false, &[&down, &full], &[r#"job="x""#], (1, 0, false)),
        (false, &[&slow], &[r#"job="x""#], (1, 0, false)),
        (false, &[], &[critical], (0, 0, false)),
        (false, &[&ours], &[critical], (1, 0, true)),
        (false, &[&ours, &down], &[r#"job="x""#], (1, 0, false)),
        (true, &[&down], &[critical], (1, 2, true)),
        (true, &[&down], &[r#"job="x""#], (1, 0, false)),
        (true, &[&down], &[r#"check=~"parent|child""#], (0, 2, false)),
        (true, &[], &[r#"check=~"parent|child""#], (0, 2, true)),
    ] {
        let config = if checks { configuration() } else { CoreConfig::default() };
        let mut core = Core::new(config, Saved::default(), START, Options { seed: 1, eager: false });
        for labels in sent {
            House::default().send_in(&mut core, 1, labels, None);
        }
        assert_eq!(reached(&core, matchers), want, "checks={checks} {sent:?} {matchers:?}");
    }
}
