//! One test of a user's: its rows are fed to the core, what happened is held against what it expects.

use super::compare::{Happened, Sent, compare, own_alerts};
use super::drive::{World, drive};
use crate::channels::render;
use crate::core::{Core, CoreConfig, Options, Turn};
use crate::dispatch::{self, Route, Send};
use crate::engine::{Collect, CollectFailure};
use crate::load::Config;
use crate::load::cases::{Cell, Input, Row, Slot, TestCase};
use crate::model::record::Saved;
use crate::model::{AlertId, Delivery, FailureClass, Table, TableBuilder, Timestamp, Value};
use crate::rules::{Check, Schedule};
use hashbrown::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// How a test ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub name: String,
    pub declared: Arc<str>,
    /// What differs from what was expected, each in a line or a few; empty where it passed.
    pub differences: Vec<String>,
    /// What may explain the differences, each in a line; empty where it passed.
    pub notes: Vec<String>,
}

impl Outcome {
    #[must_use]
    pub fn passed(&self) -> bool {
        self.differences.is_empty()
    }
}

/// Runs one test against its configuration.
#[must_use]
pub fn run(config: &Config, case: &TestCase) -> Outcome {
    let done = |differences, notes| Outcome {
        name: case.name.clone(),
        declared: Arc::clone(&case.declared),
        differences,
        notes,
    };
    if let Some(route) = &case.route {
        let (differences, notes) = super::routed::differences(config, route);
        return done(differences, notes);
    }
    let Some((core, world)) = play(config, case) else {
        return done(vec!["the test has no slot: give at least one row".to_owned()], Vec::new());
    };
    let differences = compare(case, &world.happened, &world.sent);
    let notes = if differences.is_empty() { Vec::new() } else { notes(case, &core, &world.happened) };
    done(differences, notes)
}

/// The messages that a test makes leave, in their order.
#[must_use]
pub fn sends(config: &Config, case: &TestCase) -> Vec<Sent> {
    play(config, case).map_or(Vec::new(), |(_, world)| world.sent)
}

/// Feeds a test's rows to a core; `None` where it has no slot.
fn play<'a>(config: &Config, case: &'a TestCase) -> Option<(Core, Fed<'a>)> {
    let checks: Vec<Arc<Check>> = case.inputs.iter().filter_map(|input| fixed(config, case, input)).collect();
    let last = checks.iter().filter_map(|c| last_slot(&c.schedule)).max()?;
    let mut world = Fed::new(case, &checks);
    let core_config = CoreConfig {
        checks,
        dispatch: config.dispatch.clone(),
        self_alerts: config.self_alerts,
        ..CoreConfig::default()
    };
    let mut core = Core::new(core_config, Saved::default(), case.start, Options { seed: 0, eager: false });
    drive(&mut core, case.start, last + tail(&config.dispatch), &mut world);
    Some((core, world))
}

/// What a test does not ask and may explain it: alerts about Bellwether itself, and conditions that nobody knew at last.
fn notes(case: &TestCase, core: &Core, happened: &[Happened]) -> Vec<String> {
    let mut notes = own_alerts(case, happened);
    for report in case.inputs.iter().filter_map(|input| core.engine.check_report(&input.check)) {
        for instance in report.outcomes.iter().filter(|instance| !instance.unknown.is_empty()) {
            let id = AlertId::new(&report.check, instance.key.clone());
            notes.push(format!("in its last slot {id} is unknown: {}", worst_first(&instance.unknown)));
        }
    }
    notes
}

fn worst_first(unknown: &[String]) -> String {
    unknown.iter().rev().map(String::as_str).collect::<Vec<_>>().join("; ")
}

/// The check, with its slots where the test has them.
fn fixed(config: &Config, case: &TestCase, input: &Input) -> Option<Arc<Check>> {
    let check = config.check(&input.check)?;
    let mut slots = Vec::with_capacity(input.slots.len());
    let mut next = match check.schedule.interval() {
        Some(_) => Some(case.start),
        None => check.schedule.at_or_after(case.start),
    };
    while let Some(at) = next.filter(|_| slots.len() < input.slots.len()) {
        slots.push(at);
        next = match check.schedule.interval() {
            Some(every) => Some(at + every),
            None => check.schedule.after(at),
        };
    }
    Some(Arc::new(Check { schedule: Schedule::Fixed(slots.into()), ..Check::clone(check) }))
}

fn last_slot(schedule: &Schedule) -> Option<Timestamp> {
    schedule.before(Timestamp::MAX)
}

/// How long the clock runs on after the last slot: the longest `group_wait` and the longest `group_interval`.
fn tail(dispatch: &dispatch::Config) -> Duration {
    let longest =
        |of: fn(&Route) -> Duration| dispatch.route.iter().flat_map(Route::walk).map(of).max().unwrap_or_default();
    longest(|r| r.timers.wait) + longest(|r| r.timers.interval)
}

/// A world that answers with a test's rows, and takes every message.
struct Fed<'a> {
    start: Timestamp,
    inputs: HashMap<&'a str, (&'a Input, Arc<Check>)>,
    happened: Vec<Happened>,
    sent: Vec<Sent>,
}

impl<'a> Fed<'a> {
    fn new(case: &'a TestCase, checks: &[Arc<Check>]) -> Fed<'a> {
        let check = |input: &Input| checks.iter().find(|c| c.name == input.check).cloned();
        let inputs = case.inputs.iter().filter_map(|input| Some((&*input.check, (input, check(input)?)))).collect();
        Fed { start: case.start, inputs, happened: Vec::new(), sent: Vec::new() }
    }
}

impl World for Fed<'_> {
    fn collect(&mut self, collect: &Collect) -> Result<Arc<Table>, CollectFailure> {
        let (input, check) = &self.inputs[&*collect.check.name];
        let Schedule::Fixed(slots) = &check.schedule else { unreachable!("a test's slots are fixed") };
        let slot = slots.iter().position(|at| *at == collect.slot).and_then(|i| input.slots.get(i));
        match slot {
            None | Some(Slot::Fail) => Err(CollectFailure {
                unreachable: true,
                message: "the test says that it fails here".to_owned(),
                class: FailureClass::Other,
                retry_after: None,
            }),
            Some(Slot::Rows(rows)) => table(input, rows, collect.slot).map(Arc::new).map_err(|message| {
                CollectFailure { unreachable: false, message, class: FailureClass::Other, retry_after: None }
            }),
        }
    }

    fn send(&mut self, now: Timestamp, send: &Send) -> Delivery {
        let text = render::plain::plain(&render::Message::new(&send.notification, None));
        self.sent.push(Sent { at: now.since(self.start), notification: Arc::clone(&send.notification), text });
        Delivery::delivered()
    }

    fn watch(&mut self, _now: Timestamp, turn: &Turn) {
        let happened = turn.changes.iter().map(|c| Happened { at: c.at.since(self.start), change: c.clone() });
        self.happened.extend(happened);
    }
}

/// The rows of one slot as a table: every column that the test names in any slot, so that an empty one is typed too.
fn table(input: &Input, rows: &[Row], slot: Timestamp) -> Result<Table, String> {
    let mut names: Vec<Arc<str>> = Vec::new();
    for row in input.slots.iter().filter_map(|s| if let Slot::Rows(rows) = s { Some(rows) } else { None }).flatten() {
        names.extend(row.iter().map(|(name, _)| Arc::clone(name)).filter(|n| !names.contains(n)).collect::<Vec<_>>());
    }
    let mut table = TableBuilder::new(&names)?;
    for row in rows {
        let cell = |name: &Arc<str>| row.iter().find(|(n, _)| n == name).map_or(Value::Null, |(_, c)| value(c, slot));
        table.push(names.iter().map(cell))?;
    }
    Ok(table.finish())
}

fn value(cell: &Cell, slot: Timestamp) -> Value {
    match cell {
        Cell::Value(value) => value.clone(),
        Cell::Ago(ago) => Value::Time(slot - *ago),
    }
}
