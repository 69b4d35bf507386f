//! A start asks every check at once, whatever its schedule: that is a slot that children wait for like any other.

use bellwether::core::{Core, CoreConfig, Input, Options};
use bellwether::load::{self, Mode};
use bellwether::model::record::Saved;
use bellwether::model::{TableBuilder, Timestamp, Value};
use bellwether::rules::{Check, Schedule};
use bellwether::testing::evaluated;
use std::sync::Arc;
use std::time::Duration;

const START: Timestamp = Timestamp::from_secs(1_767_571_200);
const RULES: &str = "
sources: { local: { sqlite: { path: a.db } } }
channels: { terminal: { console: {} } }
route: { channels: [terminal], group_by: ['...'], group_wait: 0s }
checks:
  - { check: parent, source: local, collect: { query: SELECT 1 AS n }, alert: { critical: n > 1 } }
  - { check: child, source: local, collect: { query: SELECT 1 AS n }, alert: { critical: n > 1 }, depends_on: [parent] }
";

/// The checks, whose next slot after the start is `next` later.
fn configuration(next: Duration) -> CoreConfig {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("a.yaml"), RULES).expect("written");
    let loaded = load::load(folder.path(), &|_| None, Mode::Lenient).expect("a folder");
    let config = loaded.config.expect("it loads");
    let schedule = Schedule::Fixed([START + next].into());
    let planned = |check: &Arc<Check>| Arc::new(Check { schedule: schedule.clone(), ..(**check).clone() });
    let checks = config.checks.iter().map(planned).collect();
    CoreConfig { checks, dispatch: config.dispatch, self_alerts: config.self_alerts, ..CoreConfig::default() }
}

/// What is sent while the checks of the start answer in this order, each with its value.
fn sent(next: Duration, answers: [(&str, f64); 2]) -> Vec<String> {
    let mut core = Core::new(configuration(next), Saved::default(), START, Options { seed: 1, eager: true });
    let asked = core.handle(START, []).collects;
    let mut sent = Vec::new();
    for (name, value) in answers {
        let collect = asked.iter().find(|collect| &*collect.check.name == name).expect("it is asked at once");
        let mut table = TableBuilder::new(["n"]).expect("one column");
        table.push([Value::Number(value)]).expect("one cell");
        let evaluated = evaluated(collect, Ok(Arc::new(table.finish())));
        let turn = core.handle(START, [Input::Evaluated(evaluated)]);
        let items = turn.sends.iter().flat_map(|send| &send.notification.items);
        sent.extend(items.map(|item| item.alert.id.check.to_string()));
    }
    sent
}

#[test]
fn a_child_waits_at_a_start_for_what_its_parent_says_and_no_longer() {
    for next in [Duration::from_mins(1), Duration::from_hours(1)] {
        for (answers, want) in [
            ([("child", 5.0), ("parent", 5.0)], &["parent"][..]),
            ([("parent", 5.0), ("child", 5.0)], &["parent"]),
            ([("child", 5.0), ("parent", 0.0)], &["child"]),
            ([("parent", 0.0), ("child", 5.0)], &["child"]),
        ] {
            assert_eq!(sent(next, answers), want, "{answers:?}, the next slot {next:?} later");
        }
    }
}
