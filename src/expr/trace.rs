//! How an expression came to its value: the evaluator asked at every node.

use super::eval::{At, Bound, Scratch};
use super::program::{Id, Op};
use super::unknown::Computed;
use super::values::Val;
use crate::model::{Timestamp, Value};
use std::fmt;

/// A piece of an expression with its value in one row.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// As it was written.
    pub source: String,
    pub value: Computed,
    /// `false` where the value of the whole is the same whatever this one is.
    pub needed: bool,
    /// The pieces it is made of; literals are left out. A `let` is explained where it is used first.
    pub children: Vec<Trace>,
}

impl<'t> Bound<'t> {
    /// How a condition came to its value in a row.
    ///
    /// # Panics
    /// Where there is no such condition or row.
    pub fn explain(&self, condition: usize, row: usize, now: Timestamp) -> Trace {
        let mut scratch = Scratch::default();
        let mut explained = vec![false; self.program.let_names.len()];
        let root = self.program.sources[self.program.condition(condition)].root;
        let mut trace = self.trace(root, &mut At::new(row, now, &mut scratch), &mut explained);
        if trace.value == Computed::Value(Value::Null) {
            let why = self.truth(condition, row, now, &mut scratch);
            if let super::Truth::Unknown(why) = why {
                trace.value = Computed::Unknown(why);
            }
        }
        trace
    }

    fn trace(&self, id: Id, at: &mut At<'_, 't>, explained: &mut [bool]) -> Trace {
        let op = self.program.node(id).op;
        let value = self.value(id, at);
        let mut decided = false;
        let mut children = Vec::new();
        for child in self.inside(op, explained) {
            if is_literal(self.program.node(child).op) && self.is_written(child) {
                continue;
            }
            let mut trace = self.trace(child, at, explained);
            trace.needed = !decided && !is_idle(op, &value, &trace.value);
            decided |= settles(op, &trace.value);
            children.push(trace);
        }
        Trace { source: self.program.excerpt(id), value: self.computed(value), needed: true, children }
    }

    /// Whether a constant stands there as a literal, and not by a param's name.
    fn is_written(&self, id: Id) -> bool {
        let text = self.program.excerpt(id);
        matches!(text.as_str(), "true" | "false") || !text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
    }

    fn inside(&self, op: Op, explained: &mut [bool]) -> Vec<Id> {
        match op {
            Op::Null | Op::Number(_) | Op::Bool(_) | Op::Time(_) | Op::Text(_) | Op::Now | Op::Column(_) => vec![],
            Op::Let(i) if std::mem::replace(&mut explained[i as usize], true) => vec![],
            Op::Let(i) => vec![self.program.sources[i as usize].root],
            Op::Negate(a)
            | Op::Not(a)
            | Op::IsNull(a)
            | Op::NumberFn(_, a)
            | Op::Age(a)
            | Op::HourOf(a, _)
            | Op::WeekdayOf(a, _)
            | Op::Map(_, a)
            | Op::Len(a)
            | Op::Matches(a, _) => vec![a],
            Op::Arith(_, a, b)
            | Op::Sum(_, a, b)
            | Op::CompareNumbers(_, a, b)
            | Op::Compare(_, a, b)
            | Op::Test(_, a, b) => vec![a, b],
            Op::And(list)
            | Op::Or(list)
            | Op::Coalesce(list)
            | Op::InRange(_, list)
            | Op::Fold(_, list)
            | Op::Clamp(list) => self.program.list(list).to_vec(),
            Op::InList(_, needle, list) => [&[needle], self.program.list(list)].concat(),
        }
    }
}

const fn is_literal(op: Op) -> bool {
    matches!(op, Op::Null | Op::Number(_) | Op::Bool(_) | Op::Time(_) | Op::Text(_))
}

/// Whether a part's value alone makes the whole's.
fn settles(op: Op, value: &Computed) -> bool {
    match (op, value) {
        (Op::And(_), Computed::Value(Value::Bool(false))) | (Op::Or(_), Computed::Value(Value::Bool(true))) => true,
        (Op::Coalesce(_), value) => *value != Computed::Value(Value::Null),
        _ => false,
    }
}

/// Whether a part of a decided `&&` or `||` is not the one that decides.
fn is_idle(op: Op, whole: &Val, part: &Computed) -> bool {
    match (op, whole) {
        (Op::And(_), Val::Bool(false)) | (Op::Or(_), Val::Bool(true)) => !settles(op, part),
        _ => false,
    }
}

/// A tree, the whole expression at its head.
impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_line(f)?;
        self.write_children(f, "")
    }
}

impl Trace {
    fn write_line(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let idle = if self.needed { "" } else { "  (not needed)" };
        write!(f, "{} = {}{idle}", self.source, self.value)
    }

    fn write_children(&self, f: &mut fmt::Formatter<'_>, indent: &str) -> fmt::Result {
        for (i, child) in self.children.iter().enumerate() {
            let last = i + 1 == self.children.len();
            write!(f, "\n{indent}{}", if last { "└─ " } else { "├─ " })?;
            child.write_line(f)?;
            child.write_children(f, &format!("{indent}{}", if last { "   " } else { "│  " }))?;
        }
        Ok(())
    }
}
