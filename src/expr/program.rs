//! A compiled script: a flat list of operations, and what the rest of the house asks about it.

use super::columns::ColumnUse;
use super::compile::Which;
use crate::model::{Timestamp, Value};
use std::fmt::Write as _;
use std::sync::Arc;

/// The expressions of a check, compiled. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Compiled {
    pub(super) program: Arc<Program>,
}

#[derive(Debug, Default)]
pub(super) struct Program {
    pub nodes: Vec<Node>,
    /// The nodes of operations with more than two, one after the other.
    pub lists: Vec<Id>,
    pub texts: Vec<Arc<str>>,
    pub regexes: Vec<regex::Regex>,
    pub zones: Vec<jiff::tz::TimeZone>,
    pub columns: Vec<ColumnUse>,
    pub params: Vec<(Arc<str>, Value)>,
    pub let_names: Vec<Arc<str>>,
    /// The `let`s in order, then the conditions.
    pub sources: Vec<Source>,
}

/// One source text and where it begins.
#[derive(Debug)]
pub(super) struct Source {
    pub text: Arc<str>,
    pub root: Id,
    /// The columns, `let`s and params it names, in order of appearance.
    pub mentions: Vec<Mention>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Mention {
    pub what: Name,
    pub start: usize,
    pub end: usize,
}

/// What a name stands for; the number is its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    Column(usize),
    Let(usize),
    Param(usize),
    /// Nobody knows: its declaration is wrong.
    Unknown,
}

/// The place of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Id(pub u32);

/// Nodes that stand one after the other in [`Program::lists`].
#[derive(Clone, Copy, Debug)]
pub(super) struct List {
    pub start: u32,
    pub len: u32,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    pub op: Op,
    /// Which of [`Program::sources`], and the bytes there.
    pub source: u16,
    pub start: u16,
    pub end: u16,
    /// How deep operations stand in it, `let`s put in for their names.
    pub nesting: u16,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Op {
    Null,
    Number(f64),
    Bool(bool),
    Time(Timestamp),
    Text(u32),
    Now,
    Column(u32),
    Let(u32),
    Negate(Id),
    Not(Id),
    /// Of numbers.
    Arith(Arith, Id, Id),
    /// Of numbers or times: `true` for `-`.
    Sum(bool, Id, Id),
    /// Of numbers.
    CompareNumbers(Comparison, Id, Id),
    Compare(Comparison, Id, Id),
    And(List),
    Or(List),
    Coalesce(List),
    /// `true` where it is `!in`.
    InList(bool, Id, List),
    /// The value, the low end, the high end.
    InRange(Range, List),
    IsNull(Id),
    NumberFn(fn(f64) -> f64, Id),
    Fold(fn(f64, f64) -> f64, List),
    Clamp(List),
    Age(Id),
    HourOf(Id, u32),
    WeekdayOf(Id, u32),
    Test(fn(&str, &str) -> bool, Id, Id),
    Map(fn(&str) -> String, Id),
    Len(Id),
    Matches(Id, u32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub negated: bool,
    pub with_end: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arith {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Power,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    pub const fn is_equality(self) -> bool {
        matches!(self, Comparison::Equal | Comparison::NotEqual)
    }

    #[inline]
    pub fn holds<T: PartialOrd>(self, a: &T, b: &T) -> bool {
        match self {
            Comparison::Equal => a == b,
            Comparison::NotEqual => a != b,
            Comparison::Less => a < b,
            Comparison::LessOrEqual => a <= b,
            Comparison::Greater => a > b,
            Comparison::GreaterOrEqual => a >= b,
        }
    }
}

impl Program {
    pub fn node(&self, id: Id) -> &Node {
        &self.nodes[id.0 as usize]
    }

    pub fn list(&self, list: List) -> &[Id] {
        &self.lists[list.start as usize..(list.start + list.len) as usize]
    }

    /// The piece of source that a node was written as, in one line and not too long.
    pub fn excerpt(&self, id: Id) -> String {
        let node = self.node(id);
        let text = &self.sources[node.source as usize].text;
        let piece = text.get(node.start as usize..node.end as usize).unwrap_or(text);
        let mut line = piece.split_whitespace().collect::<Vec<_>>().join(" ");
        if line.chars().count() > EXCERPT_MAX {
            line = line.chars().take(EXCERPT_MAX - 1).chain(['…']).collect();
        }
        line
    }

    /// The place in [`Program::sources`] of a condition.
    pub fn condition(&self, condition: usize) -> usize {
        self.let_names.len() + condition
    }
}

/// The characters of source that a reason or a trace shows.
const EXCERPT_MAX: usize = 120;

impl Compiled {
    /// The columns: the declared ones, or those that the expressions name, in order of appearance.
    pub fn columns(&self) -> &[ColumnUse] {
        &self.program.columns
    }

    /// How many conditions there are.
    pub fn conditions(&self) -> usize {
        self.program.sources.len() - self.program.let_names.len()
    }

    /// A condition as it was written.
    ///
    /// # Panics
    /// Where there is no such condition.
    pub fn source(&self, condition: usize) -> &Arc<str> {
        &self.program.sources[self.program.condition(condition)].text
    }

    /// The names under `let:`, in their order.
    pub fn let_names(&self) -> &[Arc<str>] {
        &self.program.let_names
    }

    /// The columns and `let` names that a condition uses, also by way of a `let`, in order of appearance.
    ///
    /// # Panics
    /// Where there is no such condition.
    pub fn names_of(&self, condition: usize) -> Vec<Arc<str>> {
        let mut seen = Vec::new();
        self.collect_names(self.program.condition(condition), &mut seen);
        let name = |n: &Name| match *n {
            Name::Column(i) => Some(Arc::clone(&self.program.columns[i].name)),
            Name::Let(i) => Some(Arc::clone(&self.program.let_names[i])),
            Name::Param(_) | Name::Unknown => None,
        };
        seen.iter().filter_map(name).collect()
    }

    fn collect_names(&self, source: usize, seen: &mut Vec<Name>) {
        for mention in &self.program.sources[source].mentions {
            if seen.contains(&mention.what) {
                continue;
            }
            seen.push(mention.what);
            if let Name::Let(i) = mention.what {
                self.collect_names(i, seen);
            }
        }
    }

    /// A condition's source with the params' values in place of their names: `ratio > 3`.
    ///
    /// # Panics
    /// Where there is no such condition.
    pub fn with_constants(&self, condition: usize) -> String {
        let source = &self.program.sources[self.program.condition(condition)];
        let (mut out, mut done) = (String::with_capacity(source.text.len()), 0);
        for mention in &source.mentions {
            let Name::Param(i) = mention.what else { continue };
            out.push_str(&source.text[done..mention.start]);
            match &self.program.params[i].1 {
                Value::Text(t) => write!(out, "{t:?}").expect("a string takes all"),
                other => write!(out, "{other}").expect("a string takes all"),
            }
            done = mention.end;
        }
        out.push_str(&source.text[done..]);
        out
    }

    /// The source that an error or a use stands in.
    pub(super) fn which(lets: usize, source: usize) -> Which {
        if source < lets { Which::Let(source) } else { Which::Condition(source - lets) }
    }
}
