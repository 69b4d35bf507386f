//! When a check is asked: the first time, after a restart, after a failure, after a reload, and while it is out.

use bellwether::core::{Core, CoreConfig, Input, Options, Turn};
use bellwether::dispatch::Send;
use bellwether::engine::{Collect, CollectFailure};
use bellwether::load::{self, Mode};
use bellwether::model::record::{Row, RowName, Saved, Write};
use bellwether::model::{Delivery, FailureClass, Table, TableBuilder, Timestamp, Value};
use bellwether::testing::{World, drive};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Notes the slots that were asked, and the alerts that fired.
#[derive(Default)]
struct Notes {
    asked: Vec<Timestamp>,
    told: Vec<String>,
    rows: BTreeMap<RowName, Row>,
    unreachable: bool,
}

impl World for Notes {
    fn collect(&mut self, collect: &Collect) -> Result<Arc<Table>, CollectFailure> {
        self.asked.push(collect.slot);
        if self.unreachable {
            return Err(CollectFailure {
                unreachable: true,
                message: "refused".into(),
                class: FailureClass::Other,
                retry_after: None,
            });
        }
        let mut table = TableBuilder::new(["n"]).expect("one column");
        table.push([Value::Number(0.0)]).expect("one cell");
        Ok(Arc::new(table.finish()))
    }

    fn send(&mut self, _now: Timestamp, send: &Send) -> Delivery {
        self.told.extend(send.notification.items.iter().map(|i| i.alert.id.check.to_string()));
        Delivery::delivered()
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

fn t(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("a time")
}

/// One check, planned as `when` says.
fn configuration(when: &str) -> CoreConfig {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let rules = format!(
        "sources: {{ local: {{ sqlite: {{ path: a.db }} }} }}
channels: {{ terminal: {{ console: {{}} }} }}
route: {{ channels: [terminal], group_wait: 0s }}
checks:
  - {{ check: c, source: local, collect: {{ query: SELECT 1 AS n }}, {when}, alert: {{ critical: n > 1 }} }}
"
    );
    std::fs::write(folder.path().join("a.yaml"), rules).expect("written");
    let loaded = load::load(folder.path(), &|_| None, Mode::Lenient).expect("a folder");
    let human = loaded.problems.human(&loaded.sources, false);
    let config = loaded.config.unwrap_or_else(|| panic!("{human}"));
    CoreConfig {
        checks: config.checks,
        dispatch: config.dispatch,
        self_alerts: config.self_alerts,
        ..CoreConfig::default()
    }
}

fn start(when: &str, rows: &BTreeMap<RowName, Row>, now: Timestamp) -> Core {
    let saved = Saved { rows: rows.values().cloned().collect() };
    Core::new(configuration(when), saved, now, Options { seed: 1, eager: true })
}

const NOON: &str = "2026-01-05T12:00:00Z";
const AT_NINE: &str = "cron: '0 9 * * *', timezone: UTC";

#[test]
fn a_check_that_was_never_asked_is_asked_at_once_and_then_in_its_slots() {
    let mut notes = Notes::default();
    drive(&mut start(AT_NINE, &BTreeMap::new(), t(NOON)), t(NOON), t("2026-01-07T00:00:00Z"), &mut notes);
    assert_eq!(notes.asked, [t(NOON), t("2026-01-06T09:00:00Z")]);
}

#[test]
fn after_a_restart_the_latest_missed_slot_is_asked_once_and_none_twice() {
    let mut notes = Notes::default();
    drive(&mut start(AT_NINE, &notes.rows, t(NOON)), t(NOON), t(NOON), &mut notes);
    // Down over two slots: the later of them is made up for.
    let back = t("2026-01-07T10:30:00Z");
    notes.asked.clear();
    drive(&mut start(AT_NINE, &notes.rows, back), back, t("2026-01-08T08:00:00Z"), &mut notes);
    assert_eq!(notes.asked, [t("2026-01-07T09:00:00Z")]);
    // Down over none.
    notes.asked.clear();
    let back = t("2026-01-08T08:30:00Z");
    drive(&mut start(AT_NINE, &notes.rows, back), back, t("2026-01-08T09:30:00Z"), &mut notes);
    assert_eq!(notes.asked, [t("2026-01-08T09:00:00Z")]);
}

#[test]
fn a_source_that_cannot_be_reached_is_tried_again_within_a_minute_and_then_is_an_alert() {
    let mut notes = Notes { unreachable: true, ..Notes::default() };
    let mut core = start("every: 15m", &BTreeMap::new(), t(NOON));
    drive(&mut core, t(NOON), t("2026-01-05T12:01:00Z"), &mut notes);
    assert_eq!(notes.asked, [t(NOON), t("2026-01-05T12:00:45Z")]);
    assert_eq!(notes.told, ["source-unreachable"]);
}

#[test]
fn checks_that_fail_at_one_instant_count_as_one_failure_of_their_source() {
    let two =
        "every: 15m, alert: { critical: n > 1 } }\n  - { check: d, source: local, collect: { query: SELECT 2 AS n }";
    let mut notes = Notes { unreachable: true, ..Notes::default() };
    let mut core = start(two, &BTreeMap::new(), t(NOON));
    drive(&mut core, t(NOON), t(NOON), &mut notes);
    assert_eq!((notes.asked.len(), notes.told.len()), (2, 0));
}

#[test]
fn a_reload_with_another_schedule_moves_the_next_slot() {
    for (before, after, next) in [
        ("every: 1h", "cron: '0 18 * * *', timezone: UTC", "2026-01-05T18:00:00Z"),
        (AT_NINE, "cron: '0 13 * * *', timezone: UTC", "2026-01-05T13:00:00Z"),
        (AT_NINE, "cron: '0 9 * * *', timezone: America/New_York", "2026-01-05T14:00:00Z"),
        (AT_NINE, AT_NINE, "2026-01-06T09:00:00Z"),
    ] {
        let mut notes = Notes::default();
        let mut core = start(before, &BTreeMap::new(), t(NOON));
        drive(&mut core, t(NOON), t(NOON), &mut notes);
        core.handle(t(NOON), [Input::Reload(Box::new(configuration(after)))]);
        assert_eq!(core.next_due(), Some(t(next)), "{before} became {after}");
    }
}

#[test]
fn a_slot_whose_predecessor_is_still_out_is_skipped_and_counted() {
    let mut core = start("every: 1m", &BTreeMap::new(), t(NOON));
    let out = core.handle(t(NOON), []).collects;
    assert_eq!(out.len(), 1);
    for minute in 1..=3 {
        let turn = core.handle(t(NOON) + Duration::from_mins(minute), []);
        assert!(turn.collects.is_empty(), "the first one is still out");
        assert_eq!(core.engine.skipped(), minute);
    }
}

#[test]
fn checks_that_ask_the_same_share_their_slots_and_others_keep_their_own() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let check = |name: &str, query: &str, every: &str| {
        format!(
            "  - {{ check: {name}, source: local, collect: {{ query: {query} }}, every: {every}, alert: {{ info: n > 1 }} }}\n"
        )
    };
    let checks = [
        check("b", "SELECT 1 AS n", "10m"),
        check("a", "SELECT 1 AS n", "10m"),
        check("c", "SELECT 1 AS n", "15m"),
        check("d", "SELECT 2 AS n", "10m"),
    ];
    let sources = "sources: { local: { sqlite: { path: a.db } } }\nchecks:\n";
    std::fs::write(folder.path().join("a.yaml"), format!("{sources}{}", checks.concat())).expect("written");
    let loaded = load::load(folder.path(), &|_| None, Mode::Lenient).expect("a folder");
    let config = loaded.config.expect("it loads");
    let planned = load::in_shared_slots(&config.checks, &config.sources);
    let schedule = |checks: &[Arc<bellwether::rules::Check>], name: &str| {
        checks.iter().find(|check| &*check.name == name).expect("it is there").schedule.clone()
    };
    for (name, like) in [("a", "a"), ("b", "a"), ("c", "c"), ("d", "d")] {
        assert_eq!(schedule(&planned, name), schedule(&config.checks, like), "{name}");
    }
    assert_ne!(schedule(&config.checks, "b"), schedule(&config.checks, "a"));
}
