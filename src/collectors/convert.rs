//! Cells of sources whose types are not ours: exact integers, and times that a source keeps as text or number.

use super::Columns;
use crate::model::{Timestamp, Value, ValueType};

/// The largest integer up to which every integer is exact as a 64-bit float: 2^53.
const EXACT_MAX: u64 = 1 << 53;

/// What a column was declared as, where it was.
#[must_use]
pub fn declared(columns: Option<&Columns>, name: &str) -> Option<ValueType> {
    columns?.iter().find(|(n, _)| **n == *name).map(|(_, t)| *t)
}

/// An integer as a number; as declared: text keeps its digits, a time is seconds since 1970, a bool is 0 or 1.
///
/// # Errors
/// Where a number cannot hold it exactly, or it is no bool: what to write instead.
pub fn integer(n: i64, declared: Option<ValueType>) -> Result<Value, String> {
    match declared {
        Some(ValueType::Text) => Ok(Value::text(&n.to_string())),
        Some(ValueType::Time) => Ok(Value::Time(Timestamp::from_secs(n))),
        Some(ValueType::Bool) if n == 0 || n == 1 => Ok(Value::Bool(n == 1)),
        Some(ValueType::Bool) => Err(format!("holds {n}, and a bool is 0 or 1")),
        Some(ValueType::Number) | None => exact(n),
    }
}

#[expect(clippy::cast_precision_loss, reason = "not above 2^53, where integers stop being exact")]
fn exact(n: i64) -> Result<Value, String> {
    if n.unsigned_abs() > EXACT_MAX {
        return Err(format!("holds {n}, which a number cannot hold exactly: CAST it to text in the query"));
    }
    Ok(Value::Number(n as f64))
}

/// A float as a number; declared as a time it is seconds since 1970.
///
/// # Errors
/// Where a time is not finite.
pub fn float(n: f64, declared: Option<ValueType>) -> Result<Value, String> {
    match declared {
        Some(ValueType::Time) if n.is_finite() => Ok(Value::Time(from_seconds(n))),
        Some(ValueType::Time) => Err(format!("holds {n}, which is no time")),
        _ => Ok(Value::Number(n)),
    }
}

/// Seconds since 1970 with their fraction, to the microsecond.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "saturates at the ends of time")]
pub fn from_seconds(seconds: f64) -> Timestamp {
    Timestamp::from_micros((seconds * 1e6).round() as i64)
}

/// Text; declared as a time it is read as one.
///
/// # Errors
/// Where it was declared a time and is none.
pub fn text(text: &str, declared: Option<ValueType>) -> Result<Value, String> {
    if declared != Some(ValueType::Time) {
        return Ok(Value::text(text));
    }
    let time = time(text).ok_or_else(|| {
        let shown: String = text.chars().take(40).collect();
        format!("holds `{shown}`, which is no time: give `2026-01-05T00:30:00Z`, `2026-01-05 00:30:00` (UTC) or seconds since 1970")
    })?;
    Ok(Value::Time(time))
}

/// RFC 3339, or a date with or without a time of day, which is then in UTC.
#[must_use]
pub fn time(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(instant) = text.parse::<jiff::Timestamp>() {
        return Some(Timestamp::from(instant));
    }
    let civil = text.parse::<jiff::civil::DateTime>().ok()?;
    jiff::tz::TimeZone::UTC.to_timestamp(civil).ok().map(Timestamp::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_numbers_are_times_where_declared() {
        let at = |s: &str| Timestamp::parse(s).unwrap();
        for (given, want) in [
            ("2026-01-05T00:30:00Z", "2026-01-05T00:30:00Z"),
            ("2026-01-05T00:30:00.25-05:00", "2026-01-05T05:30:00.25Z"),
            ("2026-01-05 00:30:00+02", "2026-01-04T22:30:00Z"),
            ("2026-01-05 00:30:00", "2026-01-05T00:30:00Z"),
            ("2026-01-05 00:30", "2026-01-05T00:30:00Z"),
            ("2026-01-05", "2026-01-05T00:00:00Z"),
        ] {
            assert_eq!(text(given, Some(ValueType::Time)), Ok(Value::Time(at(want))), "{given}");
            assert_eq!(text(given, None), Ok(Value::text(given)));
        }
        assert!(text("yesterday", Some(ValueType::Time)).unwrap_err().contains("`yesterday`, which is no time"));
        assert!(text("2026-01-05 00:30 EST", Some(ValueType::Time)).is_err());
        assert_eq!(integer(1_767_571_200, Some(ValueType::Time)), Ok(Value::Time(at("2026-01-05T00:00:00Z"))));
        assert_eq!(float(0.25, Some(ValueType::Time)), Ok(Value::Time(at("1970-01-01T00:00:00.25Z"))));
        assert!(float(f64::NAN, Some(ValueType::Time)).is_err());
    }

    #[test]
    fn an_integer_is_exact_or_an_error() {
        let limit = 1_i64 << 53;
        assert_eq!(integer(limit, None), Ok(Value::Number(9_007_199_254_740_992.0)));
        for n in [limit + 1, -limit - 1, i64::MIN] {
            assert!(integer(n, None).unwrap_err().contains("CAST it to text"));
            assert_eq!(integer(n, Some(ValueType::Text)), Ok(Value::text(&n.to_string())));
        }
        assert_eq!(integer(1, Some(ValueType::Bool)), Ok(Value::Bool(true)));
        assert!(integer(2, Some(ValueType::Bool)).is_err());
    }
}
