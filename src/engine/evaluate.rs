//! A check and a table make outcomes. Pure: it runs in the task that collected the table.

use super::RowValues;
use super::life::{Reading, Verdict};
use crate::expr::{Bound, Computed, Scratch, Truth};
use crate::model::{Cells, Column, FailureClass, Key, Severity, Table, Timestamp, Value};
use crate::rules::{Check, KeyColumns};
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;

/// Unread rows whose reason is kept; of more only the number is.
const UNREAD_SHOWN: usize = 3;

/// Why there is no table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectFailure {
    /// The source is at fault: it could not connect, log in or finish in time.
    pub unreachable: bool,
    pub message: String,
    pub class: FailureClass,
    /// How long the source asks to be left alone.
    pub retry_after: Option<Duration>,
}

/// The answer to one `Collect`.
#[derive(Clone, Debug)]
pub struct Evaluated {
    pub check: Arc<Check>,
    pub slot: Timestamp,
    pub generation: u64,
    /// How long the collection and the evaluation took.
    pub took: Duration,
    /// Why the check's own source could not be read, where its fallback was asked: `judged` is then of that answer.
    pub fell_back: Option<CollectFailure>,
    pub judged: Judged,
}

impl Evaluated {
    /// The source whose answer was judged, and what it says: where that is not the check's own, why it is not.
    #[must_use]
    pub fn answered(&self) -> (&Arc<str>, Option<String>) {
        match (&self.fell_back, &self.check.fallback) {
            (Some(why), Some(fallback)) => {
                let own = &self.check.source;
                (
                    &fallback.source,
                    Some(format!("read from `{}`, because `{own}` gave no answer: {}", fallback.source, why.message)),
                )
            }
            _ => (&self.check.source, None),
        }
    }

    /// Why no source gave an answer.
    #[must_use]
    pub fn why_failed(&self, last: &CollectFailure) -> String {
        match (&self.fell_back, &self.check.fallback) {
            (Some(first), Some(fallback)) => {
                format!("{}; and the fallback `{}`: {}", first.message, fallback.source, last.message)
            }
            _ => last.message.clone(),
        }
    }
}

/// What a slot gave.
#[derive(Clone, Debug)]
pub enum Judged {
    Failed(CollectFailure),
    Rows(Judgement),
}

/// A table, judged.
#[derive(Clone, Debug)]
pub struct Judgement {
    pub table: Arc<Table>,
    /// One for each key, in the order of rows.
    pub outcomes: Vec<Outcome>,
    /// Rows whose key could not be read, and why the first of them could not.
    pub unread: usize,
    pub unread_why: Vec<String>,
    /// Columns that are missing or mistyped: every condition is unknown.
    pub mistyped: Option<String>,
    /// Keys that stand in two rows.
    pub doubled: Vec<Key>,
}

/// What one row says of its key.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub key: Key,
    pub row: u32,
    /// By [`Severity::index`]; a severity that the check does not have reads as clear.
    pub readings: [Reading; 3],
}

impl Judgement {
    /// Whether some of it could not be judged.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        let whole = self.mistyped.is_none() && self.unread == 0 && self.doubled.is_empty();
        !whole || self.outcomes.iter().any(Outcome::is_unknown)
    }
}

impl Outcome {
    /// Whether every severity's condition is false: nothing begins with it.
    #[must_use]
    pub fn is_clear(&self) -> bool {
        self.readings.iter().all(|r| r.when == Verdict::False)
    }

    /// Whether some condition is unknown.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        self.readings.iter().any(|r| r.when == Verdict::Unknown)
    }
}

/// Judges what was collected for a slot.
#[must_use]
pub fn evaluate(check: &Check, slot: Timestamp, collected: Result<Arc<Table>, CollectFailure>) -> Judged {
    match collected {
        Ok(table) => Judged::Rows(judge(check, slot, table)),
        Err(failure) => Judged::Failed(failure),
    }
}

fn judge(check: &Check, slot: Timestamp, table: Arc<Table>) -> Judgement {
    let bound = check.compiled.bind(&table);
    let mistyped = bound.as_ref().err().map(|problems| {
        let words: Vec<String> = problems.iter().map(ToString::to_string).collect();
        with_said(words.join("; "), &table)
    });
    let mut outcomes = Outcomes::of(check, &table);
    if let Some(keys) = outcomes.keys(check, &table) {
        let mut scratch = Scratch::default();
        for row in 0..table.rows() {
            match keys.read(&table, row) {
                Ok(key) => {
                    let readings =
                        bound.as_ref().map_or([Reading::UNKNOWN; 3], |b| read(check, b, row, slot, &mut scratch));
                    outcomes.add(key, row, readings);
                }
                Err(why) => outcomes.unread(why),
            }
        }
    }
    let Outcomes { list, unread, unread_why, doubled, .. } = outcomes;
    drop(bound);
    Judgement { table, outcomes: list, unread, unread_why, mistyped, doubled }
}

/// What is wrong with an answer, with what its source said besides: that may say why.
fn with_said(wrong: String, table: &Table) -> String {
    match table.said() {
        Some(said) => format!("{wrong}; its source said: {said}"),
        None => wrong,
    }
}

/// What the conditions of a check say of one row.
fn read<'t>(check: &Check, bound: &Bound<'t>, row: usize, slot: Timestamp, scratch: &mut Scratch<'t>) -> [Reading; 3] {
    let mut readings = [Reading::CLEAR; 3];
    for (reading, rule) in readings.iter_mut().zip(&check.severities) {
        let Some(rule) = rule else { continue };
        reading.when = verdict(&bound.truth(rule.when, row, slot, scratch));
        if let Some(until) = rule.until {
            reading.until = verdict(&bound.truth(until, row, slot, scratch));
        }
    }
    readings
}

fn verdict(truth: &Truth) -> Verdict {
    match truth {
        Truth::True => Verdict::True,
        Truth::False => Verdict::False,
        Truth::Unknown(_) => Verdict::Unknown,
    }
}

/// The outcomes as they grow, each key once.
struct Outcomes {
    list: Vec<Outcome>,
    places: HashMap<Key, u32>,
    unread: usize,
    unread_why: Vec<String>,
    doubled: Vec<Key>,
}

impl Outcomes {
    fn of(check: &Check, table: &Table) -> Outcomes {
        let rows = if check.key == KeyColumns::None { 1 } else { table.rows() };
        Outcomes {
            list: Vec::with_capacity(rows),
            places: HashMap::with_capacity(rows),
            unread: 0,
            unread_why: Vec::new(),
            doubled: Vec::new(),
        }
    }

    /// The key columns in this table; where one is missing every row is unread.
    fn keys(&mut self, check: &Check, table: &Table) -> Option<Keys> {
        Keys::of(&check.key, table)
            .map_err(|why| {
                self.unread = table.rows();
                self.unread_why.push(with_said(why, table));
            })
            .ok()
    }

    fn unread(&mut self, why: String) {
        self.unread += 1;
        if self.unread_why.len() < UNREAD_SHOWN {
            self.unread_why.push(why);
        }
    }

    fn add(&mut self, key: Key, row: usize, readings: [Reading; 3]) {
        let row = u32::try_from(row).expect("a table has fewer than 2^32 rows: collectors limit them");
        match self.places.entry(key) {
            Entry::Vacant(place) => {
                let key = place.key().clone();
                place.insert(u32::try_from(self.list.len()).expect("not more outcomes than rows"));
                self.list.push(Outcome { key, row, readings });
            }
            Entry::Occupied(place) => {
                // Two rows with one key: neither is the truth.
                let outcome = &mut self.list[*place.get() as usize];
                outcome.readings = [Reading::UNKNOWN; 3];
                if self.doubled.last() != Some(&outcome.key) && !self.doubled.contains(&outcome.key) {
                    self.doubled.push(outcome.key.clone());
                }
            }
        }
    }
}

/// The key columns of a check, found in a table.
struct Keys {
    columns: Vec<(Arc<str>, usize)>,
    /// A null is no value of the key (a label that a series lacks), rather than a row that cannot be read.
    null_is_absent: bool,
}

impl Keys {
    fn of(key: &KeyColumns, table: &Table) -> Result<Keys, String> {
        let place = |name: &Arc<str>| {
            let found = table.column_index(name).map(|at| (Arc::clone(name), at));
            found.ok_or_else(|| format!("the answer has no key column `{name}`"))
        };
        match key {
            KeyColumns::None => Ok(Keys { columns: Vec::new(), null_is_absent: false }),
            KeyColumns::Columns(names) => {
                let columns = names.iter().map(place).collect::<Result<_, _>>()?;
                Ok(Keys { columns, null_is_absent: false })
            }
            KeyColumns::AllText => {
                let text = |c: &Column| matches!(c.cells, Cells::Text(_));
                let columns = table.columns().iter().enumerate().filter(|(_, c)| text(c));
                Ok(Keys { columns: columns.map(|(at, c)| (Arc::clone(&c.name), at)).collect(), null_is_absent: true })
            }
        }
    }

    fn read(&self, table: &Table, row: usize) -> Result<Key, String> {
        if let [(name, at)] = self.columns.as_slice()
            && let Some(value) = key_text(name, &table.columns()[*at], row)?
        {
            return Ok(Key(Arc::from([(Arc::clone(name), value)])));
        }
        let mut parts = Vec::with_capacity(self.columns.len());
        for (name, at) in &self.columns {
            match key_text(name, &table.columns()[*at], row)? {
                Some(value) => parts.push((Arc::clone(name), value)),
                None if self.null_is_absent => {}
                None => return Err(format!("row {}: key column `{name}` is null", row + 1)),
            }
        }
        Ok(Key(parts.into()))
    }
}

/// A key cell as text; `None` where it is null.
fn key_text(name: &str, column: &Column, row: usize) -> Result<Option<Arc<str>>, String> {
    if column.is_null(row) {
        return Ok(None);
    }
    Ok(Some(match &column.cells {
        Cells::Text(cells) => Arc::clone(&cells[row]),
        Cells::Number(cells) if cells[row].fract() == 0.0 && cells[row].abs() <= 9_007_199_254_740_992.0 => {
            Arc::from(Value::Number(cells[row]).to_string())
        }
        Cells::Number(cells) => {
            return Err(format!(
                "row {}: key column `{name}` is {}: a key is text or a whole number",
                row + 1,
                cells[row]
            ));
        }
        _ => Arc::from(column.value(row).to_string()),
    }))
}

/// The columns and `let` names of a row with their values; an unknown is a null here.
#[must_use]
pub fn row_values(check: &Check, table: &Table, row: usize, slot: Timestamp) -> RowValues {
    let columns = table.columns().iter().map(|c| (Arc::clone(&c.name), c.value(row)));
    let Ok(bound) = check.compiled.bind(table) else { return columns.collect() };
    let mut scratch = Scratch::default();
    let lets = check.lets.iter().enumerate().map(|(i, name)| {
        let value = match bound.let_value(i, row, slot, &mut scratch) {
            Computed::Value(value) => value,
            Computed::Unknown(_) => Value::Null,
        };
        (Arc::clone(name), value)
    });
    columns.chain(lets).collect()
}

/// Why a row's conditions are unknown, by severity: for people.
#[must_use]
pub fn unknown_reasons(check: &Check, table: &Table, row: usize, slot: Timestamp) -> Vec<(Severity, String)> {
    let Ok(bound) = check.compiled.bind(table) else { return Vec::new() };
    let mut scratch = Scratch::default();
    let rules = Severity::ALL.into_iter().filter_map(|s| check.severities[s.index()].as_ref().map(|r| (s, r)));
    rules
        .filter_map(|(severity, rule)| match bound.truth(rule.when, row, slot, &mut scratch) {
            Truth::Unknown(why) => Some((severity, why.to_string())),
            Truth::True | Truth::False => None,
        })
        .collect()
}
