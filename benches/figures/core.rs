//! The middle of the house: judging tables and stepping lives, without collection and without a store.

use super::{Figure, least};
use bellwether::core::{Core, CoreConfig, Input, Options, Turn};
use bellwether::dispatch::Send;
use bellwether::engine::{Collect, CollectFailure};
use bellwether::load::{self, Mode};
use bellwether::model::record::Saved;
use bellwether::model::{Delivery, Table, TableBuilder, Timestamp, Value};
use bellwether::testing::{World, drive, evaluated};
use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

const ROWS: usize = 100_000;
/// One row in so many fires.
const FIRES: usize = 1_000;
const CHECKS: usize = 10_000;
/// Slots of each check, after its first.
const SLOTS: u32 = 3;
/// How often each check has a slot.
const EVERY: Duration = Duration::from_mins(1);
const START: Timestamp = Timestamp::from_secs(1_767_571_200);

/// One check with a key, over a table that is in memory.
pub fn many_rows() -> Vec<Figure> {
    let yaml = "sources: { web: { http: {} } }\n\
        channels: { terminal: { console: {} } }\n\
        route: { channels: [terminal], group_wait: 30s }\n\
        checks:\n  - check: slow\n    source: web\n    collect: { url: \"http://127.0.0.1\" }\n    every: 1m\n    limit: 1000\n    \
        columns: { host: text, region: text, value: number, baseline: number }\n    key: [host]\n    \
        alert: { critical: value > 3 * baseline }\n    labels: { team: data, region: \"{{ region }}\" }\n    \
        title: \"{{ host }} took {{ value }} s\"\n";
    let table = hosts();
    let mut first = f64::INFINITY;
    let later = least(3, || {
        let mut core = core(yaml);
        let mut slots = Vec::new();
        for _ in 0..6 {
            let (took, changes) = slot(&mut core, &table);
            assert_eq!(changes, if slots.is_empty() { ROWS / FIRES } else { 0 });
            slots.push(took);
        }
        first = first.min(slots[0]);
        slots[1..].iter().copied().fold(f64::INFINITY, f64::min)
    });
    let figure = |work: &str, seconds: f64| Figure {
        work: work.into(),
        peer: "690 ms",
        limit: "50 ms",
        ours: format!("{:.1} ms", seconds * 1e3),
    };
    vec![
        figure("one check of 100,000 rows, 0.1 % fire: first slot", first),
        figure("  each later slot, the same fire", later),
    ]
}

/// The seconds of the check's next slot, and how many alerts it changed.
fn slot(core: &mut Core, table: &Arc<Table>) -> (f64, usize) {
    let mut due = core.next_due().unwrap();
    loop {
        // Timers of what fired before, too.
        let begun = Instant::now();
        let turn = core.handle(due, []);
        let Some(collect) = turn.collects.first() else {
            let answers: Vec<Input> = turn.sends.iter().map(delivered).collect();
            core.handle(due, answers);
            due = core.next_due().unwrap();
            continue;
        };
        let turn = core.handle(due, [answer(collect, table)]);
        return (begun.elapsed().as_secs_f64(), black_box(turn).changes.len());
    }
}

fn delivered(send: &Send) -> Input {
    let id = Arc::clone(&send.notification.id);
    Input::Delivered { id, took: Duration::ZERO, delivery: Delivery::delivered() }
}

fn answer(collect: &Collect, table: &Arc<Table>) -> Input {
    Input::Evaluated(evaluated(collect, Ok(Arc::clone(table))))
}

fn hosts() -> Arc<Table> {
    let mut builder = TableBuilder::new(["host", "region", "value", "baseline"]).unwrap();
    for row in 0..ROWS {
        let value = if row % FIRES == 0 { 900.0 } else { f64::from(u32::try_from(row % 97).unwrap()) };
        let region = Value::text(if row % 2 == 0 { "eu-west-1" } else { "us-east-1" });
        let host = Value::text(&format!("host-{row:06}.example.com"));
        builder.push([host, region, Value::Number(value), Value::Number(74.0)]).unwrap();
    }
    Arc::new(builder.finish())
}

/// Checks of one row each, at the slots that their names give them.
pub fn many_checks() -> Vec<Figure> {
    let mut builder = TableBuilder::new(["duration", "baseline"]).unwrap();
    builder.push([Value::Number(80.0), Value::Number(74.0)]).unwrap();
    let mut world = OneRow { table: Arc::new(builder.finish()), collected: 0 };
    let mut core = core(&checks());
    let first = timed(&mut core, &mut world, START);
    let mut slots = (1..).map(|n| START + EVERY * n);
    let later = least(SLOTS, || timed(&mut core, &mut world, slots.next().unwrap()));
    let figure = |work: &str, seconds: f64| Figure {
        work: work.into(),
        peer: "49 µs",
        limit: "5 µs",
        ours: format!("{:.2} µs", seconds * 1e6),
    };
    vec![figure("10,000 checks of one row, each check and slot: first", first), figure("  each later slot", later)]
}

/// Seconds for one check and one slot, over the minute from here on: it has one slot of each check.
fn timed(core: &mut Core, world: &mut OneRow, from: Timestamp) -> f64 {
    world.collected = 0;
    let begun = Instant::now();
    drive(core, from, from + EVERY - Duration::from_micros(1), world);
    let took = begun.elapsed().as_secs_f64();
    assert_eq!(world.collected, CHECKS);
    took / f64::from(u32::try_from(world.collected).unwrap())
}

fn checks() -> String {
    let mut yaml = String::from(
        "sources: { web: { http: {} } }\nchannels: { terminal: { console: {} } }\nroute: { channels: [terminal] }\nchecks:\n",
    );
    for check in 0..CHECKS {
        write!(
            yaml,
            "  - check: duration-{check}\n    source: web\n    collect: {{ url: \"http://127.0.0.1\" }}\n    every: 1m\n    \
             columns: {{ duration: number, baseline: number }}\n    alert: {{ critical: duration > 3 * baseline }}\n"
        )
        .unwrap();
    }
    yaml
}

/// Every source answers the same row.
struct OneRow {
    table: Arc<Table>,
    collected: usize,
}

impl World for OneRow {
    fn collect(&mut self, _: &Collect) -> Result<Arc<Table>, CollectFailure> {
        self.collected += 1;
        Ok(Arc::clone(&self.table))
    }

    fn send(&mut self, _: Timestamp, _: &Send) -> Delivery {
        Delivery::delivered()
    }

    fn watch(&mut self, _: Timestamp, turn: &Turn) {
        black_box(turn);
    }
}

/// The core of a configuration, at its beginning.
fn core(yaml: &str) -> Core {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bellwether.yaml"), yaml).unwrap();
    let loaded = load::load(folder.path(), &|_| None, Mode::Lenient).unwrap();
    let config = loaded.config.unwrap_or_else(|| panic!("{}", loaded.problems.human(&loaded.sources, false)));
    let config = CoreConfig {
        checks: config.checks,
        dispatch: config.dispatch,
        self_alerts: config.self_alerts,
        ..CoreConfig::default()
    };
    Core::new(config, Saved::default(), START, Options { seed: 7, eager: false })
}
