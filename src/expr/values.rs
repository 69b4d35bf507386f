//! Values while they are computed, and what is done with known ones.

use super::program::{Arith, Comparison, Id};
use super::unknown::{Reason, Why};
use crate::model::Timestamp;
use std::cmp::Ordering;
use std::sync::Arc;

/// What a node gives.
#[derive(Clone, Debug)]
pub(super) enum Val<'t> {
    Null,
    Number(f64),
    Bool(bool),
    Time(Timestamp),
    Text(&'t str),
    Made(Arc<str>),
    Unknown(Why),
}

impl Val<'_> {
    /// The text; empty for anything else.
    pub fn str(&self) -> &str {
        match self {
            Val::Text(t) => t,
            Val::Made(t) => t,
            _ => "",
        }
    }
}

/// Why a value is not of the type that is needed.
pub(super) fn not_a(value: &Val, node: Id) -> Why {
    match value {
        Val::Null => Why { reason: Reason::Null, node },
        Val::Unknown(why) => *why,
        _ => Why { reason: Reason::Mixed, node },
    }
}

pub(super) fn as_number(value: Val, node: Id) -> Result<f64, Why> {
    match value {
        Val::Number(n) => Ok(n),
        other => Err(not_a(&other, node)),
    }
}

#[inline]
pub(super) fn finite(n: f64, node: Id) -> Result<f64, Why> {
    if n.is_finite() {
        return Ok(n);
    }
    Err(Why { reason: if n.is_nan() { Reason::NotANumber } else { Reason::Infinite }, node })
}

#[inline]
pub(super) fn arith(how: Arith, a: f64, b: f64, node: Id) -> Result<f64, Why> {
    let result = match how {
        Arith::Add => a + b,
        Arith::Subtract => a - b,
        Arith::Multiply => a * b,
        Arith::Divide | Arith::Remainder if b == 0.0 => return Err(Why { reason: Reason::DividesByZero, node }),
        Arith::Divide => a / b,
        Arith::Remainder => a % b,
        Arith::Power => a.powf(b),
    };
    finite(result, node)
}

/// Two known values; `None` where their types differ or have no order.
pub(super) fn compare(how: Comparison, a: &Val, b: &Val) -> Option<bool> {
    let order = match (a, b) {
        (Val::Number(a), Val::Number(b)) => return Some(how.holds(a, b)),
        (Val::Time(a), Val::Time(b)) => a.cmp(b),
        (Val::Bool(a), Val::Bool(b)) if how.is_equality() => a.cmp(b),
        (Val::Text(_) | Val::Made(_), Val::Text(_) | Val::Made(_)) if how.is_equality() => a.str().cmp(b.str()),
        _ => return None,
    };
    Some(how.holds(&order, &Ordering::Equal))
}

/// A time so many seconds later.
pub(super) fn shifted(t: Timestamp, seconds: f64, node: Id) -> Result<Timestamp, Why> {
    let micros = (seconds * 1e6).round();
    #[expect(clippy::cast_possible_truncation, reason = "its size is asked first")]
    let shift = if micros.abs() < 9e18 { Some(micros as i64) } else { None };
    let shifted = shift.and_then(|s| t.as_micros().checked_add(s)).map(Timestamp::from_micros);
    let in_range = shifted.filter(|t| jiff::Timestamp::from_microsecond(t.as_micros()).is_ok());
    in_range.ok_or(Why { reason: Reason::OutsideTime, node })
}
