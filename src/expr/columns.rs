//! Columns: how the expressions use them, and whether an answer has them.

use super::compile::Which;
use super::names::nearest;
use super::program::Compiled;
use super::types::Set;
use crate::model::ValueType;
use std::fmt;
use std::sync::Arc;

/// A column, declared or inferred from use.
#[derive(Clone, Debug)]
pub struct ColumnUse {
    pub name: Arc<str>,
    /// Its type; `None` where the expressions leave it open.
    pub value_type: Option<ValueType>,
    pub declared: bool,
    /// How often expressions name it.
    pub uses: usize,
    /// Where it is named first: the source and the byte there.
    pub first: Option<(Which, usize)>,
    /// The types it may have.
    pub(super) set: Set,
}

/// Why an answer does not serve the expressions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BindProblem {
    Missing {
        column: Arc<str>,
        /// A column of the answer that may be meant.
        near: Option<String>,
    },
    Mistyped {
        column: Arc<str>,
        /// `number`, `number or time`
        want: String,
        have: ValueType,
    },
    /// The answer has a column of that name, which is a `let` or a param here.
    Taken { column: Arc<str>, by: &'static str },
}

impl fmt::Display for BindProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BindProblem::Missing { column, near: None } => write!(f, "the answer has no column `{column}`"),
            BindProblem::Missing { column, near: Some(near) } => {
                write!(f, "the answer has no column `{column}`: did you mean `{near}`?")
            }
            BindProblem::Mistyped { column, want, have } => {
                write!(f, "column `{column}` is {have}, the expressions take it for {want}: ")?;
                write!(f, "have the source give it as that, or write them for {have}")
            }
            BindProblem::Taken { column, by } => {
                write!(f, "column `{column}` has the name of a {by}: rename it in the query, `AS …`")
            }
        }
    }
}

impl Compiled {
    /// Whether an answer with these columns serves: each with its type, or `None` where all its cells are null.
    pub fn check_columns<'n>(
        &self,
        have: impl Iterator<Item = (&'n str, Option<ValueType>)> + Clone,
    ) -> Vec<BindProblem> {
        let mut problems: Vec<BindProblem> =
            self.columns().iter().filter_map(|c| column_problem(c, have.clone())).collect();
        problems.extend(have.filter_map(|(name, _)| self.taken(name)));
        problems
    }

    fn taken(&self, name: &str) -> Option<BindProblem> {
        let program = &self.program;
        let by = if program.let_names.iter().any(|n| &**n == name) {
            "`let`"
        } else if program.params.iter().any(|(n, _)| &**n == name) {
            "param"
        } else {
            return None;
        };
        Some(BindProblem::Taken { column: Arc::from(name), by })
    }
}

fn column_problem<'n>(
    column: &ColumnUse,
    mut have: impl Iterator<Item = (&'n str, Option<ValueType>)> + Clone,
) -> Option<BindProblem> {
    let all = have.clone();
    let name = || Arc::clone(&column.name);
    match have.find(|(n, _)| *n == &*column.name) {
        None => {
            let near = nearest(&column.name, all.map(|(n, _)| n)).map(str::to_string);
            Some(BindProblem::Missing { column: name(), near })
        }
        Some((_, Some(have))) if column.set.and(Set::of(have)).is_empty() => {
            Some(BindProblem::Mistyped { column: name(), want: column.set.to_string(), have })
        }
        Some(_) => None,
    }
}
