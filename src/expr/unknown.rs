//! What an expression says of a row: a value, or that it is not known, and why.

use super::program::{Id, Program};
use crate::model::Value;
use std::fmt;
use std::sync::Arc;

/// What a condition says of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Truth {
    True,
    False,
    Unknown(Unknown),
}

/// What an expression of any type says of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Computed {
    /// A value; a null is one.
    Value(Value),
    Unknown(Unknown),
}

/// Why a value is not known, in a few words. Cheap to make and to clone; the words are made when it is shown.
#[derive(Clone)]
pub struct Unknown(Cause);

#[derive(Clone)]
enum Cause {
    Met(Arc<Program>, Why),
    Said(Arc<str>),
}

/// A reason, and the node that gave it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Why {
    pub reason: Reason,
    pub node: Id,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    Null,
    NotANumber,
    Infinite,
    DividesByZero,
    OutsideTime,
    TextTooLong,
    /// Types that the checker could not know do not fit.
    Mixed,
    CrossedLimits,
}

impl Unknown {
    /// A reason of the caller's own.
    pub fn because(reason: &str) -> Unknown {
        Unknown(Cause::Said(Arc::from(reason)))
    }

    pub(super) fn met(program: &Arc<Program>, why: Why) -> Unknown {
        Unknown(Cause::Met(Arc::clone(program), why))
    }
}

/// `` `baseline` is null ``
impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (program, why) = match &self.0 {
            Cause::Said(reason) => return f.write_str(reason),
            Cause::Met(program, why) => (program, why),
        };
        let source = program.excerpt(why.node);
        match why.reason {
            Reason::Null => write!(f, "`{source}` is null"),
            Reason::NotANumber => write!(f, "`{source}` is not a number (NaN)"),
            Reason::Infinite => write!(f, "`{source}` is infinite"),
            Reason::DividesByZero => write!(f, "`{source}` divides by zero"),
            Reason::OutsideTime => write!(f, "`{source}` is outside the range of times"),
            Reason::TextTooLong => write!(f, "`{source}` is longer than {} bytes", super::TEXT_MAX),
            Reason::Mixed => write!(f, "`{source}` mixes types"),
            Reason::CrossedLimits => write!(f, "in `{source}` the lower limit is above the upper one"),
        }
    }
}

impl fmt::Debug for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unknown({self})")
    }
}

/// Two are equal where their words are.
impl PartialEq for Unknown {
    fn eq(&self, other: &Unknown) -> bool {
        self.to_string() == other.to_string()
    }
}

/// `true`, `false`, `` unknown: `baseline` is null ``
impl fmt::Display for Truth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Truth::True => f.write_str("true"),
            Truth::False => f.write_str("false"),
            Truth::Unknown(why) => write!(f, "unknown: {why}"),
        }
    }
}

/// As [`Value`] is shown, text in quotes.
impl fmt::Display for Computed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Computed::Value(Value::Text(t)) => write!(f, "{t:?}"),
            Computed::Value(value) => write!(f, "{value}"),
            Computed::Unknown(why) => write!(f, "unknown: {why}"),
        }
    }
}
