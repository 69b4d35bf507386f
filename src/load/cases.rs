//! `tests:` as the runner takes them: rows by slot, and what has to come of them.

mod route;

pub use route::RouteCase;

use super::declare::{EXPECT, ROWS, SEND, TEST};
use super::series::{self, Item, Series, is_there, slot};
use crate::config::{Node, Place, Problem, Problems, Reader, Setting, SettingValue, Settings, Source, Style, Text};
use crate::model::alert::Reason;
use crate::model::{ChangeKind, Severity, Timestamp, Value, ValueType};
use crate::rules::read::{Declared, declared, unknown_name};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// An entry of `tests:`.
#[derive(Clone, Debug)]
pub struct TestCase {
    pub name: String,
    /// `rules/slow.test.yaml:3`.
    pub declared: Arc<str>,
    pub place: Place,
    pub start: Timestamp,
    /// The checks that have rows.
    pub inputs: Vec<Input>,
    /// Every change there is, in the order written.
    pub expect: Vec<Expect>,
    /// Every send there is; `None` where the test does not ask.
    pub sends: Option<Vec<SendExpect>>,
    /// Where it is a test of routes: then there are no rows.
    pub route: Option<RouteCase>,
}

impl TestCase {
    /// The checks that it is about.
    pub fn checks(&self) -> impl Iterator<Item = &str> {
        let routed = self.route.as_ref().and_then(|route| route.check.as_deref());
        self.inputs.iter().map(|input| &*input.check).chain(routed)
    }
}

/// What one check is given.
#[derive(Clone, Debug)]
pub struct Input {
    pub check: Arc<str>,
    pub slots: Vec<Slot>,
}

/// What the source answers in one slot.
#[derive(Clone, Debug, PartialEq)]
pub enum Slot {
    /// It could not be reached.
    Fail,
    Rows(Vec<Row>),
}

/// The cells of one row, by column.
pub type Row = Vec<(Arc<str>, Cell)>;

/// One cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    Value(Value),
    /// A time this long before the slot's `now`.
    Ago(Duration),
}

/// One change that has to be.
#[derive(Clone, Debug)]
pub struct Expect {
    /// After `start`.
    pub at: Duration,
    pub kind: ChangeKind,
    pub severity: Severity,
    /// What is `None` or empty is not asked.
    pub check: Option<Arc<str>>,
    pub key: Option<Vec<(Arc<str>, Arc<str>)>>,
    pub title: Option<String>,
    pub labels: Vec<(Arc<str>, Arc<str>)>,
    pub reason: Option<Reason>,
    pub place: Place,
}

/// One message that has to be sent.
#[derive(Clone, Debug)]
pub struct SendExpect {
    /// After `start`.
    pub at: Duration,
    pub channel: Arc<str>,
    /// Texts that the message holds.
    pub contains: Vec<String>,
    pub check: Option<Arc<str>>,
    pub place: Place,
}

/// Reads the tests of a configuration.
pub(super) struct CaseReader<'a> {
    pub reader: Reader<'a>,
    /// All checks by name, those too that are wrong.
    pub checks: &'a HashMap<&'a str, &'a Declared>,
    pub channels: &'a BTreeSet<Arc<str>>,
    /// Whether there may be other checks, and other channels, which nobody could read.
    pub hides: (bool, bool),
    /// The silences and calendars of the files by name, those too that are wrong.
    pub holds: &'a BTreeSet<Arc<str>>,
    pub hides_holds: bool,
    pub problems: &'a mut Problems,
}

impl CaseReader<'_> {
    /// One entry. `None` where it is wrong; that has been told.
    pub fn case(&mut self, source: &Arc<Source>, node: &Node) -> Option<TestCase> {
        if node.get("route").is_some() {
            return self.route_case(source, node);
        }
        let settings = self.reader.record(source, node, &TEST, self.problems);
        self.known_check(&settings);
        let inputs = self.inputs(source, &settings);
        let expect = settings.list("expect").map(|list| self.each(list, &EXPECT, CaseReader::expect));
        let sends = settings.list("sends").map(|list| self.each(list, &SEND, CaseReader::send));
        Some(TestCase {
            name: settings.text("test")?.to_owned(),
            declared: declared(&settings.origin().place()),
            place: settings.origin().place(),
            start: settings.time("start")?,
            inputs: inputs?,
            expect: expect?,
            sends,
            route: None,
        })
    }

    fn each<T>(
        &mut self,
        list: &[Setting],
        record: &'static crate::config::Record,
        read: fn(&mut Self, &Settings) -> Option<T>,
    ) -> Vec<T> {
        debug_assert!(record.kinds.is_none(), "entries have no kinds");
        list.iter().filter_map(|entry| read(self, entry.record()?)).collect()
    }

    fn fail(&mut self, place: Place, message: impl Into<String>, help: &str) {
        self.problems.push(Problem::error(message).at(place).help(help));
    }

    /// The check under `check:`, where there is one and it is known.
    fn known_check(&mut self, settings: &Settings) -> Option<Text> {
        let name = settings.spanned("check")?;
        let is_self_alert = crate::rules::SelfAlerts::NAMES.contains(&name.as_str());
        if self.checks.contains_key(name.as_str()) || is_self_alert {
            return Some(name);
        }
        if !self.hides.0 {
            self.problems.push(unknown_name(&name, "check", self.checks.keys().copied()));
        }
        None
    }

    fn known_channel(&mut self, channel: &Text) {
        if !self.hides.1 && !self.channels.contains(&channel.text) {
            self.problems.push(unknown_name(channel, "channel", self.channels.iter().map(|name| &**name)));
        }
    }

    /// The rows of each check that has some.
    fn inputs(&mut self, source: &Arc<Source>, settings: &Settings) -> Option<Vec<Input>> {
        let node = settings.node("rows")?;
        let names_no_check = |rows: &[(Node, Node)]| {
            !rows.iter().any(|(name, _)| name.text().is_some_and(|name| self.checks.contains_key(name)))
        };
        if settings.has("check") && node.map().is_some_and(names_no_check) {
            let place = source.place(node.span);
            self.fail(place, "`rows` is a list, and this is a mapping", "begin each row with `- `, or put it in `[ ]`");
            return None;
        }
        let rows = self.reader.value(source, node, &ROWS, "`rows`", self.problems)?;
        match &rows.value {
            SettingValue::List(rows) => {
                let Some(check) = settings.spanned("check") else {
                    self.fail(
                        settings.key_place("rows"),
                        "`rows` is a list, and the test names no `check`",
                        "add `check: name`",
                    );
                    return None;
                };
                Some(self.input(&check, rows).into_iter().collect())
            }
            SettingValue::Map(by_check) => {
                if settings.has("check") {
                    let help = "remove `check`: the names under `rows` say which checks are fed";
                    self.fail(settings.key_place("check"), "`check` and rows by check are both given", help);
                }
                Some(by_check.iter().filter_map(|(check, rows)| self.input(check, rows.list()?)).collect())
            }
            _ => None,
        }
    }

    fn input(&mut self, name: &Text, rows: &[Setting]) -> Option<Input> {
        let Some(found) = self.checks.get(name.as_str()) else {
            let problem = unknown_name(name, "check", self.checks.keys().copied());
            // Under `check:` it was told already.
            if !self.hides.0 && !self.problems.iter().any(|told| *told == problem) {
                self.problems.push(problem);
            }
            return None;
        };
        if super::checks::mode(found) == crate::rules::Mode::Off {
            let help = "take `mode: off` from the check, or remove the test";
            self.fail(name.place(), format!("`{name}` is off: there is nothing to test"), help);
        }
        let columns = found.check.as_ref().and_then(|check| check.columns.clone());
        let mut table = Vec::new();
        for row in rows {
            let written = row.map()?;
            let series: Vec<Series> =
                written.iter().filter_map(|(column, values)| self.series(column, values)).collect();
            for series in &series {
                self.fits(series, columns.as_deref());
            }
            table.push(series);
        }
        let slots = self.length(&table)?;
        for (row, series) in rows.iter().zip(&table) {
            if (0..slots).any(|slot| is_there(series, slot)) {
                self.is_whole(row, columns.as_deref());
            }
        }
        Some(Input { check: Arc::clone(&name.text), slots: (0..slots).map(|i| slot(&table, i)).collect() })
    }

    /// The values of one column. In a text they stand between blanks; in a list each entry is one or, as `70x4`, many.
    fn series(&mut self, column: &Text, values: &Setting) -> Option<Series> {
        let is_text = values.origin.style.is_some();
        let mut items = Vec::new();
        for text in values.list()?.iter().filter_map(Setting::spanned) {
            match (is_text, text.origin.style) {
                (true, _) => self.words(&text, &mut items)?,
                (false, Some(Style::Plain)) => self.word(&text, 0, text.as_str(), &mut items)?,
                (false, _) => items.push(Item::Value(Value::text(text.as_str()))),
            }
        }
        if items.is_empty() {
            let help = "write one value for every slot, or `[\"\"]` for an empty text";
            self.fail(values.place(), format!("`{column}` has no value"), help);
            return None;
        }
        Some(Series { column: column.clone(), items, place: values.place() })
    }

    fn words(&mut self, text: &Text, items: &mut Vec<Item>) -> Option<()> {
        let all = text.as_str();
        for word in all.split_whitespace() {
            let offset = word.as_ptr() as usize - all.as_ptr() as usize;
            self.word(text, offset, word, items)?;
        }
        Some(())
    }

    fn word(&mut self, text: &Text, offset: usize, word: &str, items: &mut Vec<Item>) -> Option<()> {
        let read = series::word(word).and_then(|read| match items.len() + read.len() {
            n if n <= series::VALUES_MAX => Ok(read),
            _ => Err(crate::config::ScalarError::new(format!("more than {} values, the limit", series::VALUES_MAX))),
        });
        match read {
            Ok(read) => {
                items.extend(read);
                Some(())
            }
            Err(error) => {
                let place = text.place_in(offset, word.len());
                self.problems.push(Problem::error(error.message).at(place).help_if(error.help));
                None
            }
        }
    }

    /// Whether a row has every column that is declared: what the answer would lack is no null.
    fn is_whole(&mut self, row: &Setting, columns: Option<&[(Arc<str>, ValueType)]>) {
        let (written, columns) = (row.map().unwrap_or_default(), columns.unwrap_or_default());
        let has = |name: &str| written.iter().any(|(column, _)| column.as_str() == name);
        let missing: Vec<&str> = columns.iter().map(|(name, _)| &**name).filter(|name| !has(name)).collect();
        // A column that is not declared was told, and is probably the one that is missing.
        let is_known = |name: &str| columns.iter().any(|(column, _)| **column == *name);
        let Some(first) = missing.first().filter(|_| written.iter().all(|(name, _)| is_known(name.as_str()))) else {
            return;
        };
        let help = format!("give it a value for each slot; where the query gives none, write `{first}: null`");
        self.fail(row.place(), format!("this row lacks `{}`, declared under `columns:`", missing.join("`, `")), &help);
    }

    /// Whether a series is of a column that is declared, and of its type.
    fn fits(&mut self, series: &Series, columns: Option<&[(Arc<str>, ValueType)]>) {
        let Some(columns) = columns else { return };
        let name = series.column.as_str();
        let Some((_, want)) = columns.iter().find(|(column, _)| **column == *name) else {
            self.problems.push(unknown_name(&series.column, "column", columns.iter().map(|(column, _)| &**column)));
            return;
        };
        let odd = series.items.iter().find_map(|item| match item {
            Item::Value(value) => value.value_type().filter(|have| have != want).map(|have| (value.to_string(), have)),
            Item::Ago(_) if *want != ValueType::Time => Some(("this".to_owned(), ValueType::Time)),
            _ => None,
        });
        if let Some((value, have)) = odd {
            let problem =
                Problem::error(format!("`{name}` is {want}, and `{value}` is {have}")).at(series.place.clone());
            let help = (*want == ValueType::Text).then(|| format!("put it in a list and in quotes: `[\"{value}\"]`"));
            self.problems.push(problem.help_if(help));
        }
    }

    /// How many slots there are: all series of a check have as many values, or a single one that stands for every slot.
    fn length(&mut self, table: &[Vec<Series>]) -> Option<usize> {
        let mut all = table.iter().flatten().filter(|series| series.items.len() > 1);
        let Some(first) = all.next() else { return Some(usize::from(table.iter().any(|row| !row.is_empty()))) };
        let Some(other) = all.find(|other| other.items.len() != first.items.len()) else {
            return Some(first.items.len());
        };
        let counted = |series: &Series| format!("`{}` has {} values", series.column, series.items.len());
        let problem = Problem::error(format!("{}, and {}", counted(other), counted(first)));
        let help = "give both as many values, or one that stands for every slot; a text with spaces stands in a list: \
                    `[\"a b\"]`";
        self.problems.push(problem.at(other.place.clone()).also(first.place.clone(), "the other one").help(help));
        None
    }

    fn expect(&mut self, entry: &Settings) -> Option<Expect> {
        let kinds =
            [ChangeKind::Fired, ChangeKind::Escalated, ChangeKind::Eased, ChangeKind::Resolved, ChangeKind::Pending];
        let written: Vec<ChangeKind> = kinds.into_iter().filter(|kind| entry.has(kind.name())).collect();
        let place = entry.origin().place();
        let kind = match written.as_slice() {
            [kind] => *kind,
            // What it says is misspelt, and that was told.
            [] if !kinds.iter().all(|kind| entry.lacks(kind.name())) => return None,
            [] => {
                let help = "write one of `fired`, `escalated`, `eased`, `resolved`, `pending` with a severity";
                self.fail(place, "this entry does not say what happens", help);
                return None;
            }
            [_, second, ..] => {
                let place = entry.key_place(second.name());
                self.fail(place, "an entry is one change, and this one names two", "make it two entries");
                return None;
            }
        };
        let check = if entry.has("check") { Some(self.known_check(entry)?.text) } else { None };
        let pairs = |key: &str| {
            entry.map(key).map(|map| {
                map.iter()
                    .filter_map(|(name, value)| Some((Arc::clone(&name.text), Arc::from(value.text()?))))
                    .collect::<Vec<_>>()
            })
        };
        Some(Expect {
            at: entry.duration("at")?,
            kind,
            severity: Severity::from_name(entry.text(kind.name())?)?,
            check,
            key: pairs("key"),
            title: entry.text("title").map(ToOwned::to_owned),
            labels: pairs("labels").unwrap_or_default(),
            reason: entry.text("reason").and_then(reason),
            place,
        })
    }

    fn send(&mut self, entry: &Settings) -> Option<SendExpect> {
        let check = if entry.has("check") { Some(self.known_check(entry)?.text) } else { None };
        let channel = entry.spanned("channel")?;
        self.known_channel(&channel);
        Some(SendExpect {
            at: entry.duration("at")?,
            channel: channel.text,
            contains: entry.texts("contains").into_iter().map(ToOwned::to_owned).collect(),
            check,
            place: entry.origin().place(),
        })
    }
}

fn reason(name: &str) -> Option<Reason> {
    [Reason::Error, Reason::Empty, Reason::Limit].into_iter().find(|reason| reason.name() == name)
}
