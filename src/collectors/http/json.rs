//! Rows out of JSON, by JSON pointers (RFC 6901).

use super::super::error::CollectError;
use super::super::web::Answer;
use super::super::{Columns, convert};
use crate::config::{Rule, ScalarError, Settings};
use crate::model::table::identifier;
use crate::model::{Value, ValueType};
use serde_json::Value as Json;
use std::sync::Arc;

/// What a pointer has to look like.
pub(super) static POINTER: Rule = Rule {
    noun: "a JSON pointer",
    example: "/data/0/name",
    pattern: Some("^(/.*)?$"),
    check: |text, shown| {
        if text.is_empty() || text.starts_with('/') {
            return Ok(());
        }
        let path = text.trim_start_matches(['$', '.']).replace('.', "/");
        Err(ScalarError::new(format!("`{shown}` is no JSON pointer")).help(format!("write `/{path}`")))
    },
};

/// Which part of an answer is which column.
pub(super) struct Pointers {
    columns: Vec<(Arc<str>, String)>,
    rows: Option<String>,
}

impl Pointers {
    pub(super) fn of(collect: &Settings) -> Pointers {
        let columns = collect.map("json").unwrap_or_default().iter();
        let columns = columns.filter_map(|(name, pointer)| Some((name.text.clone(), pointer.text()?.to_owned())));
        Pointers { columns: columns.collect(), rows: collect.text("rows").map(str::to_owned) }
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|(name, _)| &**name)
    }

    /// The rows of an answer; one without cells where no JSON is asked.
    pub(super) fn rows(&self, answer: &Answer, declared: Option<&Columns>) -> Result<Vec<Vec<Value>>, CollectError> {
        if self.columns.is_empty() && self.rows.is_none() {
            return Ok(vec![Vec::new()]);
        }
        let json = answer.json()?;
        let Some(pointer) = &self.rows else { return Ok(vec![self.row(&json, declared)?]) };
        let Some(Json::Array(rows)) = json.pointer(pointer) else {
            let message = format!("`rows` points to `{pointer}`, and there is no list in the answer");
            let status = answer.status;
            return Err(if status.is_success() {
                CollectError::refused(message)
            } else {
                answer.failed(format!("{message} (status {})", status.as_u16()))
            });
        };
        rows.iter().map(|row| self.row(row, declared)).collect()
    }

    fn row(&self, json: &Json, declared: Option<&Columns>) -> Result<Vec<Value>, CollectError> {
        let cell = |(name, pointer): &(Arc<str>, String)| {
            let declared = convert::declared(declared, &identifier(name));
            cell(json.pointer(pointer).unwrap_or(&Json::Null), declared)
                .map_err(|e| CollectError::refused(format_args!("`json` column `{name}` {e}")))
        };
        self.columns.iter().map(cell).collect()
    }
}

fn cell(json: &Json, declared: Option<ValueType>) -> Result<Value, String> {
    match json {
        Json::Null => Ok(Value::Null),
        Json::Bool(b) => Ok(Value::Bool(*b)),
        Json::String(text) => convert::text(text, declared),
        Json::Number(n) => match (n.as_i64(), n.as_f64()) {
            // A 0 or 1 where a bool is declared stays a number: JSON has booleans.
            (Some(n), _) => convert::integer(n, declared.filter(|t| *t != ValueType::Bool)),
            _ if n.is_u64() && declared == Some(ValueType::Text) => Ok(Value::text(&n.to_string())),
            _ if n.is_u64() => Err(format!("holds {n}, which a number cannot hold exactly: declare it `text`")),
            (None, Some(n)) => convert::float(n, declared),
            (None, None) => Err(format!("holds {n}, which is no 64-bit float")),
        },
        Json::Array(_) => Err("holds a list: point deeper, `/0`, or at it with `rows`".to_owned()),
        Json::Object(_) => Err("holds an object: point deeper, to one of its members".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_becomes_cells_as_declared() {
        let time = Some(ValueType::Time);
        for (json, declared, want) in [
            ("1.5", None, Ok(Value::Number(1.5))),
            ("7", None, Ok(Value::Number(7.0))),
            ("null", time, Ok(Value::Null)),
            ("true", None, Ok(Value::Bool(true))),
            ("\"7\"", None, Ok(Value::text("7"))),
            ("9007199254740993", Some(ValueType::Text), Ok(Value::text("9007199254740993"))),
            ("18446744073709551615", Some(ValueType::Text), Ok(Value::text("18446744073709551615"))),
            ("5", time, Ok(Value::Time(crate::model::Timestamp::from_secs(5)))),
            ("18446744073709551615", None, Err("exactly")),
            ("9007199254740993", None, Err("exactly")),
            ("[1]", None, Err("a list: point deeper")),
            ("{}", None, Err("an object: point deeper")),
        ] {
            let got = cell(&serde_json::from_str(json).unwrap(), declared);
            match want {
                Ok(value) => assert_eq!(got, Ok(value), "{json}"),
                Err(said) => assert!(got.unwrap_err().contains(said), "{json}"),
            }
        }
    }
}
