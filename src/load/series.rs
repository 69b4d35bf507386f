//! The values of a column over the slots of a test: `70x4`, `10+5x4`, `[a, "b c"]`, `-2h`, `_`, `fail`.

use super::cases::{Cell, Slot};
use crate::config::scalar::{self, ScalarError};
use crate::config::{Place, Text};
use crate::model::{Timestamp, Value};
use std::sync::Arc;
use std::time::Duration;

/// One value of a series.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    Value(Value),
    /// A time this long before its slot.
    Ago(Duration),
    /// `_`: the row is not there.
    NoRow,
    /// `fail`: the source could not be reached.
    Fail,
}

/// The values of one column of one row, over the slots.
pub(super) struct Series {
    pub column: Text,
    pub items: Vec<Item>,
    pub place: Place,
}

/// The most values of one series.
pub const VALUES_MAX: usize = 10_000;

/// Reads one word without quotes, to as many values as it stands for.
pub(super) fn word(text: &str) -> Result<Vec<Item>, ScalarError> {
    let Some((value, times)) = repeated(text) else { return Ok(vec![item(text)]) };
    let times = match times.parse::<usize>() {
        Ok(0) => {
            return Err(
                ScalarError::new(format!("`{text}` is no value at all")).help("remove it, or repeat it at least once")
            );
        }
        Ok(times) if times <= VALUES_MAX => times,
        _ => return Err(ScalarError::new(format!("`{text}` is more than {VALUES_MAX} values, the limit"))),
    };
    match steps(value) {
        Some((start, step)) => Ok((0..times).map(|n| Item::Value(Value::Number(at_step(start, step, n)))).collect()),
        None => Ok(vec![item(value); times]),
    }
}

/// `70x4` is `70` and `4`.
fn repeated(text: &str) -> Option<(&str, &str)> {
    let (value, times) = text.rsplit_once('x')?;
    let is_count = !times.is_empty() && times.bytes().all(|b| b.is_ascii_digit());
    (is_count && !value.is_empty()).then_some((value, times))
}

/// `10+5` is `10` and `5`; `10-5` is `10` and `-5`.
fn steps(text: &str) -> Option<(f64, f64)> {
    let signs = text.char_indices().skip(1).filter(|(_, c)| matches!(c, '+' | '-'));
    let splits = signs.filter_map(|(at, sign)| {
        let (start, step) = (number(&text[..at])?, number(&text[at + 1..])?);
        Some((start, if sign == '-' { -step } else { step }))
    });
    // `1e-5+2`: of several readings the one whose sign stands last.
    splits.last()
}

#[expect(clippy::cast_precision_loss, reason = "a series has at most VALUES_MAX values")]
fn at_step(start: f64, step: f64, n: usize) -> f64 {
    start + step * n as f64
}

fn number(text: &str) -> Option<f64> {
    scalar::number(text, text).ok()
}

/// One value as it is written without quotes.
fn item(text: &str) -> Item {
    match text {
        "_" => return Item::NoRow,
        "fail" => return Item::Fail,
        "null" => return Item::Value(Value::Null),
        "true" => return Item::Value(Value::Bool(true)),
        "false" => return Item::Value(Value::Bool(false)),
        _ => {}
    }
    if let Some(n) = number(text) {
        return Item::Value(Value::Number(n));
    }
    if let Some(Ok(ago)) = text.strip_prefix('-').map(|rest| scalar::duration(rest, rest)) {
        return Item::Ago(ago);
    }
    match Timestamp::parse(text) {
        Ok(time) => Item::Value(Value::Time(time)),
        Err(_) => Item::Value(Value::text(text)),
    }
}

/// The item of a series in a slot: a single one stands for every slot.
fn item_of(series: &Series, slot: usize) -> Option<&Item> {
    series.items.get(slot).or_else(|| series.items.first())
}

/// Whether a slot has this row.
pub(super) fn is_there(row: &[Series], slot: usize) -> bool {
    row.iter().all(|series| !matches!(item_of(series, slot), Some(Item::NoRow | Item::Fail)))
}

/// The rows of one slot. Where one of its values is `fail`, there are none.
pub(super) fn slot(table: &[Vec<Series>], slot: usize) -> Slot {
    let mut rows = Vec::new();
    for row in table {
        let items: Vec<(&Text, &Item)> = row.iter().filter_map(|s| Some((&s.column, item_of(s, slot)?))).collect();
        if items.iter().any(|(_, item)| **item == Item::Fail) {
            return Slot::Fail;
        }
        if items.iter().any(|(_, item)| **item == Item::NoRow) {
            continue;
        }
        let cells = items.into_iter().filter_map(|(column, item)| match item {
            Item::Value(value) => Some((Arc::clone(&column.text), Cell::Value(value.clone()))),
            Item::Ago(ago) => Some((Arc::clone(&column.text), Cell::Ago(*ago))),
            Item::NoRow | Item::Fail => None,
        });
        rows.push(cells.collect());
    }
    Slot::Rows(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(text: &str) -> String {
        let items = text.split_whitespace().map(|w| {
            word(w).map_or_else(
                |e| vec![format!("! {}", e.message)],
                |items| {
                    items
                        .iter()
                        .map(|item| match item {
                            Item::Value(Value::Text(text)) => format!("{text:?}"),
                            Item::Value(value) => value.to_string(),
                            Item::Ago(ago) => format!("-{}s", ago.as_secs()),
                            Item::NoRow => "_".into(),
                            Item::Fail => "fail".into(),
                        })
                        .collect()
                },
            )
        });
        items.flatten().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_series_is_read_as_the_page_says() {
        for (text, want) in [
            ("70 75 608", "70 75 608"),
            ("70x4", "70 70 70 70"),
            ("10+5x4", "10 15 20 25"),
            ("10-5x3", "10 5 0"),
            ("-1.5-0.5x3", "-1.5 -2 -2.5"),
            ("1e-1+1x2", "0.1 1.1"),
            ("0x5", "0 0 0 0 0"),
            ("_x2 failx2 nullx2 truex2", "_ _ fail fail null null true true"),
            ("okx2 ok", r#""ok" "ok" "ok""#),
            ("-2h -90sx2", "-7200s -90s -90s"),
            ("2026-01-05T00:00:00Z", "2026-01-05T00:00:00Z"),
            ("ax x4 0x", r#""ax" "x4" "0x""#),
            ("1e400 NaN", r#""1e400" "NaN""#),
            ("1x0", "! `1x0` is no value at all"),
            ("1x99999999999999999999", "! `1x99999999999999999999` is more than 10000 values, the limit"),
        ] {
            assert_eq!(show(text), want, "{text}");
        }
    }
}
