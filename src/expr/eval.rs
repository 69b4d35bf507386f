//! The evaluator: three-valued, over the rows of a table.

use super::TEXT_MAX;
use super::columns::BindProblem;
use super::program::{Arith, Comparison, Compiled, Id, List, Op, Program, Range};
use super::unknown::{Computed, Reason, Truth, Unknown, Why};
use super::values::{Val, arith, as_number, compare, finite, not_a, shifted};
use crate::model::{Cells, Column, Table, Timestamp, Value};
use std::sync::Arc;

/// A program with the columns of a table.
#[derive(Debug)]
pub struct Bound<'t> {
    pub(super) program: &'t Arc<Program>,
    /// Beside [`Program::columns`].
    columns: Vec<&'t Column>,
}

/// The `let` values of one row at one time, so that each is computed once.
#[derive(Debug, Default)]
pub struct Scratch<'t> {
    of: (usize, Timestamp),
    lets: Vec<Option<Val<'t>>>,
}

/// Where evaluation stands.
pub(super) struct At<'s, 't> {
    row: usize,
    now: Timestamp,
    scratch: &'s mut Scratch<'t>,
}

impl<'s, 't> At<'s, 't> {
    pub fn new(row: usize, now: Timestamp, scratch: &'s mut Scratch<'t>) -> At<'s, 't> {
        if scratch.of != (row, now) {
            scratch.of = (row, now);
            scratch.lets.fill(None);
        }
        At { row, now, scratch }
    }
}

impl Compiled {
    /// Finds the columns in a table.
    ///
    /// # Errors
    /// Every column that is missing, has another type, or has the name of a `let` or a param.
    pub fn bind<'t>(&'t self, table: &'t Table) -> Result<Bound<'t>, Vec<BindProblem>> {
        let problems = self.check_columns(table.columns().iter().map(|c| (&*c.name, c.cells.value_type())));
        if !problems.is_empty() {
            return Err(problems);
        }
        let find = |name: &str| table.columns().iter().find(|c| &*c.name == name);
        let columns = self.columns().iter().filter_map(|c| find(&c.name)).collect();
        Ok(Bound { program: &self.program, columns })
    }
}

impl<'t> Bound<'t> {
    /// What a condition says of a row.
    ///
    /// # Panics
    /// Where there is no such condition or row.
    #[inline]
    pub fn truth(&self, condition: usize, row: usize, now: Timestamp, scratch: &mut Scratch<'t>) -> Truth {
        let root = self.program.sources[self.program.condition(condition)].root;
        match self.bool(root, &mut At::new(row, now, scratch)) {
            Ok(true) => Truth::True,
            Ok(false) => Truth::False,
            Err(why) => Truth::Unknown(Unknown::met(self.program, why)),
        }
    }

    /// What a `let` is in a row.
    ///
    /// # Panics
    /// Where there is no such `let` or row.
    pub fn let_value(&self, index: usize, row: usize, now: Timestamp, scratch: &mut Scratch<'t>) -> Computed {
        let value = self.let_val(index, &mut At::new(row, now, scratch));
        self.computed(value)
    }

    /// What a name, a column's or a `let`'s, is in a row; `None` where it is neither.
    ///
    /// # Panics
    /// Where there is no such row.
    pub fn named(&self, name: &str, row: usize, now: Timestamp, scratch: &mut Scratch<'t>) -> Option<Computed> {
        if let Some(column) = self.columns.iter().find(|c| &*c.name == name) {
            return Some(Computed::Value(column.value(row)));
        }
        let index = self.program.let_names.iter().position(|n| &**n == name)?;
        Some(self.let_value(index, row, now, scratch))
    }

    pub(super) fn computed(&self, value: Val) -> Computed {
        Computed::Value(match value {
            Val::Null => Value::Null,
            Val::Number(n) => Value::Number(n),
            Val::Bool(b) => Value::Bool(b),
            Val::Time(t) => Value::Time(t),
            Val::Text(t) => Value::text(t),
            Val::Made(t) => Value::Text(t),
            Val::Unknown(why) => return Computed::Unknown(Unknown::met(self.program, why)),
        })
    }

    /// The value of any node.
    pub(super) fn value(&self, id: Id, at: &mut At<'_, 't>) -> Val<'t> {
        match self.program.node(id).op {
            Op::Null => Val::Null,
            Op::Time(t) => Val::Time(t),
            Op::Text(i) => Val::Text(&self.program.texts[i as usize]),
            Op::Now => Val::Time(at.now),
            Op::Column(i) => self.cell(id, i, at.row),
            Op::Let(i) => self.let_val(i as usize, at),
            Op::Sum(minus, a, b) => self.sum(id, minus, a, b, at),
            Op::Coalesce(list) => self.coalesce(list, at),
            Op::Map(f, a) => match self.text(a, at) {
                Ok(text) => Val::Made(Arc::from(f(text.str()))),
                Err(why) => Val::Unknown(why),
            },
            Op::Bool(_)
            | Op::Not(_)
            | Op::CompareNumbers(..)
            | Op::Compare(..)
            | Op::And(_)
            | Op::Or(_)
            | Op::InList(..)
            | Op::InRange(..)
            | Op::IsNull(_)
            | Op::Test(..)
            | Op::Matches(..) => self.bool(id, at).map_or_else(Val::Unknown, Val::Bool),
            Op::Number(_)
            | Op::Negate(_)
            | Op::Arith(..)
            | Op::NumberFn(..)
            | Op::Fold(..)
            | Op::Clamp(_)
            | Op::Age(_)
            | Op::HourOf(..)
            | Op::WeekdayOf(..)
            | Op::Len(_) => self.number(id, at).map_or_else(Val::Unknown, Val::Number),
        }
    }

    /// The value of a node that is a number; a null is a reason.
    pub(super) fn number(&self, id: Id, at: &mut At<'_, 't>) -> Result<f64, Why> {
        match self.program.node(id).op {
            Op::Number(n) => finite(n, id),
            Op::Column(i) => match &self.columns[i as usize].cells {
                Cells::Number(cells) if !self.columns[i as usize].is_null(at.row) => finite(cells[at.row], id),
                _ => as_number(self.cell(id, i, at.row), id),
            },
            Op::Let(i) => match at.scratch.lets.get(i as usize) {
                Some(Some(Val::Number(n))) => Ok(*n),
                _ => as_number(self.let_val(i as usize, at), id),
            },
            Op::Arith(how, a, b) => {
                let a = self.number(a, at)?;
                arith(how, a, self.number(b, at)?, id)
            }
            Op::Negate(a) => Ok(-self.number(a, at)?),
            Op::NumberFn(f, a) => finite(f(self.number(a, at)?), id),
            Op::Fold(f, list) => {
                let (first, rest) = self.program.list(list).split_first().expect("a fold has two arguments or more");
                rest.iter().try_fold(self.number(*first, at)?, |so_far, next| Ok(f(so_far, self.number(*next, at)?)))
            }
            Op::Clamp(list) => self.clamp(id, list, at),
            Op::Age(a) => Ok(at.now.seconds_since(self.time(a, at)?)),
            Op::HourOf(a, zone) => Ok(f64::from(self.local(a, zone, at)?.hour())),
            Op::WeekdayOf(a, zone) => Ok(f64::from(self.local(a, zone, at)?.weekday().to_monday_one_offset())),
            #[expect(clippy::cast_precision_loss, reason = "a text has at most TEXT_MAX characters")]
            Op::Len(a) => Ok(self.text(a, at)?.str().chars().count() as f64),
            _ => as_number(self.value(id, at), id),
        }
    }

    /// The value of a node that is true or false; a null is a reason.
    pub(super) fn bool(&self, id: Id, at: &mut At<'_, 't>) -> Result<bool, Why> {
        match self.program.node(id).op {
            Op::Bool(b) => Ok(b),
            Op::CompareNumbers(how, a, b) => {
                let a = self.number(a, at)?;
                Ok(how.holds(&a, &self.number(b, at)?))
            }
            Op::Compare(how, a, b) => {
                let (a, b) = (self.known(a, at)?, self.known(b, at)?);
                compare(how, &a, &b).ok_or(Why { reason: Reason::Mixed, node: id })
            }
            Op::Not(a) => Ok(!self.bool(a, at)?),
            Op::And(list) => self.any(list, at, false).map(|found| !found),
            Op::Or(list) => self.any(list, at, true),
            Op::InList(negated, needle, list) => Ok(self.in_list(id, needle, list, at)? != negated),
            Op::InRange(range, list) => Ok(self.in_range(id, range, list, at)? != range.negated),
            Op::IsNull(a) => match self.value(a, at) {
                Val::Null => Ok(true),
                Val::Unknown(why) => Err(why),
                _ => Ok(false),
            },
            Op::Test(f, a, b) => {
                let a = self.text(a, at)?;
                Ok(f(a.str(), self.text(b, at)?.str()))
            }
            Op::Matches(a, regex) => {
                let text = self.text(a, at)?;
                Ok(self.program.regexes[regex as usize].is_match(text.str()))
            }
            _ => match self.value(id, at) {
                Val::Bool(b) => Ok(b),
                other => Err(not_a(&other, id)),
            },
        }
    }

    fn let_val(&self, index: usize, at: &mut At<'_, 't>) -> Val<'t> {
        if let Some(Some(known)) = at.scratch.lets.get(index) {
            return known.clone();
        }
        let value = self.value(self.program.sources[index].root, at);
        if at.scratch.lets.len() <= index {
            at.scratch.lets.resize_with(self.program.let_names.len(), || None);
        }
        at.scratch.lets[index] = Some(value.clone());
        value
    }

    fn cell(&self, id: Id, column: u32, row: usize) -> Val<'t> {
        let column: &'t Column = self.columns[column as usize];
        if column.is_null(row) {
            return Val::Null;
        }
        match &column.cells {
            Cells::Number(v) => finite(v[row], id).map_or_else(Val::Unknown, Val::Number),
            Cells::Text(v) if v[row].len() > TEXT_MAX => Val::Unknown(Why { reason: Reason::TextTooLong, node: id }),
            Cells::Text(v) => Val::Text(&v[row]),
            Cells::Bool(v) => Val::Bool(v[row]),
            Cells::Time(v) => Val::Time(v[row]),
            Cells::AllNull => Val::Null,
        }
    }

    fn coalesce(&self, list: List, at: &mut At<'_, 't>) -> Val<'t> {
        let mut values = self.program.list(list).iter().map(|id| self.value(*id, at));
        values.find(|v| !matches!(v, Val::Null)).unwrap_or(Val::Null)
    }

    /// Whether one of the parts is `wanted`: one that is decides, whatever the others are.
    fn any(&self, list: List, at: &mut At<'_, 't>, wanted: bool) -> Result<bool, Why> {
        let mut unknown = None;
        for part in self.program.list(list) {
            match self.bool(*part, at) {
                Ok(b) if b == wanted => return Ok(true),
                Ok(_) => {}
                Err(why) => unknown = unknown.or(Some(why)),
            }
        }
        unknown.map_or(Ok(false), Err)
    }

    fn in_list(&self, id: Id, needle: Id, list: List, at: &mut At<'_, 't>) -> Result<bool, Why> {
        let needle = self.known(needle, at)?;
        let mut unknown = None;
        for item in self.program.list(list) {
            let found = match (&needle, self.program.node(*item).op) {
                (Val::Text(text), Op::Text(i)) => Ok(**text == *self.program.texts[i as usize]),
                _ => self.known(*item, at).and_then(|item| {
                    compare(Comparison::Equal, &needle, &item).ok_or(Why { reason: Reason::Mixed, node: id })
                }),
            };
            match found {
                Ok(true) => return Ok(true),
                Ok(false) => {}
                Err(why) => unknown = unknown.or(Some(why)),
            }
        }
        unknown.map_or(Ok(false), Err)
    }

    /// `low <= needle && needle < high`, three-valued.
    fn in_range(&self, id: Id, range: Range, list: List, at: &mut At<'_, 't>) -> Result<bool, Why> {
        let [needle, low, high] = self.program.list(list) else { unreachable!("a range has three parts") };
        let needle = self.known(*needle, at)?;
        let below_end = if range.with_end { Comparison::LessOrEqual } else { Comparison::Less };
        let mut side = |how, end: Id| {
            let end = self.known(end, at)?;
            compare(how, &needle, &end).ok_or(Why { reason: Reason::Mixed, node: id })
        };
        match (side(Comparison::GreaterOrEqual, *low), side(below_end, *high)) {
            (Ok(false), _) | (_, Ok(false)) => Ok(false),
            (Ok(true), Ok(true)) => Ok(true),
            (Err(why), _) | (_, Err(why)) => Err(why),
        }
    }

    fn clamp(&self, id: Id, list: List, at: &mut At<'_, 't>) -> Result<f64, Why> {
        let [x, low, high] = self.program.list(list) else { unreachable!("clamp has three arguments") };
        let (x, low, high) = (self.number(*x, at)?, self.number(*low, at)?, self.number(*high, at)?);
        if low > high { Err(Why { reason: Reason::CrossedLimits, node: id }) } else { Ok(x.clamp(low, high)) }
    }

    fn local(&self, time: Id, zone: u32, at: &mut At<'_, 't>) -> Result<jiff::civil::DateTime, Why> {
        let time = self.time(time, at)?;
        Ok(self.program.zones[zone as usize].to_datetime(time.to_jiff()))
    }

    fn sum(&self, id: Id, minus: bool, a: Id, b: Id, at: &mut At<'_, 't>) -> Val<'t> {
        let (a, b) = match (self.known(a, at), self.known(b, at)) {
            (Ok(a), Ok(b)) => (a, b),
            (Err(why), _) | (_, Err(why)) => return Val::Unknown(why),
        };
        let how = if minus { Arith::Subtract } else { Arith::Add };
        let made = match (a, b, minus) {
            (Val::Number(a), Val::Number(b), _) => arith(how, a, b, id).map(Val::Number),
            (Val::Time(a), Val::Time(b), true) => Ok(Val::Number(a.seconds_since(b))),
            (Val::Time(t), Val::Number(n), true) => shifted(t, -n, id).map(Val::Time),
            (Val::Time(t), Val::Number(n), false) | (Val::Number(n), Val::Time(t), false) => {
                shifted(t, n, id).map(Val::Time)
            }
            _ => Err(Why { reason: Reason::Mixed, node: id }),
        };
        made.unwrap_or_else(Val::Unknown)
    }

    /// A value that is neither null nor unknown.
    fn known(&self, id: Id, at: &mut At<'_, 't>) -> Result<Val<'t>, Why> {
        match self.value(id, at) {
            Val::Null => Err(Why { reason: Reason::Null, node: id }),
            Val::Unknown(why) => Err(why),
            known => Ok(known),
        }
    }

    fn time(&self, id: Id, at: &mut At<'_, 't>) -> Result<Timestamp, Why> {
        match self.value(id, at) {
            Val::Time(t) => Ok(t),
            other => Err(not_a(&other, id)),
        }
    }

    fn text(&self, id: Id, at: &mut At<'_, 't>) -> Result<Val<'t>, Why> {
        match self.value(id, at) {
            text @ (Val::Text(_) | Val::Made(_)) => Ok(text),
            other => Err(not_a(&other, id)),
        }
    }
}
