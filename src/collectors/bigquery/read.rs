//! The schema of an answer as columns, and its cells as values.
//!
//! The forms: <https://cloud.google.com/bigquery/docs/reference/rest/v2/tables#TableFieldSchema> and the `f` and `v` of
//! `jobs.getQueryResults`.

use super::super::error::CollectError;
use super::super::{Columns, convert};
use crate::model::table::identifier;
use crate::model::{Timestamp, Value, ValueType};
use serde_json::Value as Json;

/// How cells of a type are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Int,
    Float,
    /// `NUMERIC` and `BIGNUMERIC`.
    Numeric,
    Bool,
    Text,
    /// Microseconds since 1970, as is asked for.
    Timestamp,
    /// `DATE`, and `DATETIME`, which is taken as UTC.
    Civil,
}

/// A field of the schema.
#[derive(Debug)]
struct Field {
    name: String,
    shape: Shape,
    is_repeated: bool,
}

#[derive(Debug)]
enum Shape {
    Scalar(Of),
    Record(Vec<Field>),
}

/// A column: the field that a path leads to.
#[derive(Debug)]
struct Leaf {
    /// As expressions write it.
    name: String,
    /// Which field of the row, of that record, and so on.
    path: Vec<usize>,
    of: LeafOf,
}

#[derive(Debug)]
enum LeafOf {
    Scalar(Of),
    /// JSON as text.
    Array(Field),
}

/// The columns of an answer.
pub(super) struct Schema(Vec<Leaf>);

impl Schema {
    /// Those of an answer's `schema`.
    pub(super) fn of(answer: &Json) -> Result<Schema, CollectError> {
        let fields = answer.get("schema").and_then(|schema| schema.get("fields"));
        let Some(fields) = fields.and_then(Json::as_array).filter(|fields| !fields.is_empty()) else {
            return Err(CollectError::refused("the query gives no columns: write a SELECT"));
        };
        let mut leaves = Vec::new();
        for (i, field) in fields.iter().enumerate() {
            flatten(field_of(field, "")?, "", vec![i], &mut leaves);
        }
        Ok(Schema(leaves))
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|leaf| leaf.name.as_str())
    }

    /// What each column was declared as.
    pub(super) fn declared(&self, columns: Option<&Columns>) -> Vec<Option<ValueType>> {
        self.names().map(|name| convert::declared(columns, name)).collect()
    }

    /// The columns and their types, as the rows will have them.
    pub(super) fn columns(&self, declared: Option<&Columns>) -> Vec<(String, Option<ValueType>)> {
        let typed = |leaf: &Leaf| match &leaf.of {
            LeafOf::Scalar(of) => of.value_type(convert::declared(declared, &leaf.name)),
            LeafOf::Array(_) => ValueType::Text,
        };
        self.0.iter().map(|leaf| (leaf.name.clone(), Some(typed(leaf)))).collect()
    }

    /// The cells of a row, and their bytes as they came.
    pub(super) fn row(&self, row: &Json, declared: &[Option<ValueType>]) -> Result<(Vec<Value>, usize), CollectError> {
        let mut bytes = 0;
        let mut cells = Vec::with_capacity(self.0.len());
        for (leaf, declared) in self.0.iter().zip(declared) {
            let cell = find(row, &leaf.path).and_then(|cell| match &leaf.of {
                LeafOf::Scalar(of) => {
                    bytes += 8 + cell.as_str().map_or(0, str::len);
                    of.value(cell, *declared)
                }
                LeafOf::Array(field) => {
                    let mut text = String::new();
                    write_array(field, cell, &mut text)?;
                    bytes += 8 + text.len();
                    Ok(Value::text(&text))
                }
            });
            cells.push(cell.map_err(|e| CollectError::refused(format_args!("column `{}` {e}", leaf.name)))?);
        }
        Ok((cells, bytes))
    }
}

const BROKEN: &str = "is not as its schema says";

/// The cell at the end of a path; null where a record on the way is.
fn find<'a>(row: &'a Json, path: &[usize]) -> Result<&'a Json, String> {
    let mut at = row;
    for place in path {
        if at.is_null() {
            return Ok(at);
        }
        at = at.get("f").and_then(|cells| cells.get(*place)?.get("v")).ok_or(BROKEN)?;
    }
    Ok(at)
}

fn field_of(field: &Json, above: &str) -> Result<Field, CollectError> {
    let text = |key| field.get(key).and_then(Json::as_str).unwrap_or_default();
    let path = format!("{above}{}", text("name"));
    let shape = match text("type") {
        "RECORD" | "STRUCT" => {
            let inner = field.get("fields").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
            let inner: Result<Vec<Field>, _> = inner.iter().map(|f| field_of(f, &format!("{path}."))).collect();
            Shape::Record(inner?)
        }
        "INTEGER" | "INT64" => Shape::Scalar(Of::Int),
        "FLOAT" | "FLOAT64" => Shape::Scalar(Of::Float),
        "NUMERIC" | "BIGNUMERIC" => Shape::Scalar(Of::Numeric),
        "BOOLEAN" | "BOOL" => Shape::Scalar(Of::Bool),
        "STRING" | "JSON" | "TIME" | "INTERVAL" | "GEOGRAPHY" | "RANGE" => Shape::Scalar(Of::Text),
        "TIMESTAMP" => Shape::Scalar(Of::Timestamp),
        "DATE" | "DATETIME" => Shape::Scalar(Of::Civil),
        of => {
            return Err(CollectError::refused(format_args!(
                "column `{path}` is of the type {of}, which is no number, text, bool or time: TO_HEX it, or CAST it AS STRING"
            )));
        }
    };
    Ok(Field { name: text("name").to_owned(), shape, is_repeated: text("mode") == "REPEATED" })
}

fn flatten(field: Field, above: &str, path: Vec<usize>, leaves: &mut Vec<Leaf>) {
    let name = format!("{above}{}", field.name);
    match field {
        Field { is_repeated: true, .. } => {
            leaves.push(Leaf { name: identifier(&name), path, of: LeafOf::Array(field) });
        }
        Field { shape: Shape::Scalar(of), .. } => {
            leaves.push(Leaf { name: identifier(&name), path, of: LeafOf::Scalar(of) });
        }
        Field { shape: Shape::Record(inner), .. } => {
            for (i, field) in inner.into_iter().enumerate() {
                flatten(field, &format!("{name}."), [path.as_slice(), &[i]].concat(), leaves);
            }
        }
    }
}

impl Of {
    fn value_type(self, declared: Option<ValueType>) -> ValueType {
        match self {
            Of::Bool => ValueType::Bool,
            Of::Text => ValueType::Text,
            Of::Int | Of::Numeric | Of::Civil if declared == Some(ValueType::Text) => ValueType::Text,
            Of::Int | Of::Float | Of::Numeric => ValueType::Number,
            Of::Timestamp | Of::Civil => ValueType::Time,
        }
    }

    fn value(self, cell: &Json, declared: Option<ValueType>) -> Result<Value, String> {
        if cell.is_null() {
            return Ok(Value::Null);
        }
        let text = cell.as_str().ok_or(BROKEN)?;
        // Only an exact text is asked of a typed source: the rest of a declaration is the evaluator's to check.
        let exact = declared.filter(|t| *t == ValueType::Text);
        Ok(match self {
            Of::Int => convert::integer(text.parse().map_err(|_| BROKEN)?, exact)?,
            Of::Numeric | Of::Civil if exact.is_some() => Value::text(text),
            Of::Float | Of::Numeric => Value::Number(float(text).ok_or(BROKEN)?),
            Of::Bool => match text {
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                _ => return Err(BROKEN.to_owned()),
            },
            Of::Text => Value::text(text),
            Of::Timestamp => Value::Time(timestamp(text).ok_or(
                "holds a TIMESTAMP that is not in whole microseconds, as was asked for: CAST it AS STRING in the query",
            )?),
            Of::Civil => Value::Time(convert::time(text).ok_or_else(|| format!("holds `{text}`, which is no time"))?),
        })
    }
}

fn timestamp(text: &str) -> Option<Timestamp> {
    text.parse().ok().map(Timestamp::from_micros)
}

/// `NaN`, `Infinity` and `-Infinity` too.
fn float(text: &str) -> Option<f64> {
    text.parse().ok()
}

/// The list in a cell as JSON.
fn write_array(field: &Field, cell: &Json, out: &mut String) -> Result<(), String> {
    out.push('[');
    // BigQuery has no null arrays: one that is null is empty.
    for (i, item) in cell.as_array().map(Vec::as_slice).unwrap_or_default().iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        write_one(&field.shape, item.get("v").ok_or(BROKEN)?, out)?;
    }
    out.push(']');
    Ok(())
}

fn write_one(shape: &Shape, cell: &Json, out: &mut String) -> Result<(), String> {
    if cell.is_null() {
        out.push_str("null");
        return Ok(());
    }
    match shape {
        Shape::Scalar(of) => write_scalar(*of, cell.as_str().ok_or(BROKEN)?, out),
        Shape::Record(fields) => {
            out.push('{');
            for (i, field) in fields.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                out.push_str(&Json::from(field.name.as_str()).to_string());
                out.push(':');
                let cell = find(cell, &[i])?;
                if field.is_repeated {
                    write_array(field, cell, out)?;
                } else {
                    write_one(&field.shape, cell, out)?;
                }
            }
            out.push('}');
            Ok(())
        }
    }
}

fn write_scalar(of: Of, text: &str, out: &mut String) -> Result<(), String> {
    match of {
        Of::Bool | Of::Int | Of::Numeric => out.push_str(text),
        Of::Float if float(text).is_some_and(f64::is_finite) => out.push_str(text),
        Of::Timestamp => {
            let time = timestamp(text).ok_or(BROKEN)?;
            out.push_str(&Json::from(time.to_string()).to_string());
        }
        Of::Float | Of::Text | Of::Civil => out.push_str(&Json::from(text).to_string()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn answer(fields: &Json) -> Json {
        json!({ "schema": { "fields": fields } })
    }

    fn cell(of: &str, text: &str, declared: Option<ValueType>) -> Result<Value, String> {
        let schema = Schema::of(&answer(&json!([{ "name": "a", "type": of }]))).map_err(|e| e.message)?;
        let row = json!({ "f": [{ "v": text }] });
        schema.row(&row, &[declared]).map(|(cells, _)| cells[0].clone()).map_err(|e| e.message)
    }

    #[test]
    fn each_type_has_its_value() {
        let time = |text: &str| Value::Time(Timestamp::parse(text).unwrap());
        for (of, text, declared, want) in [
            ("INTEGER", "-7", None, Value::Number(-7.0)),
            ("INT64", "9007199254740993", Some(ValueType::Text), Value::text("9007199254740993")),
            ("FLOAT", "1.5e3", None, Value::Number(1500.0)),
            ("FLOAT64", "Infinity", None, Value::Number(f64::INFINITY)),
            ("NUMERIC", "1.10", None, Value::Number(1.1)),
            ("BIGNUMERIC", "1.10", Some(ValueType::Text), Value::text("1.10")),
            ("BOOLEAN", "true", None, Value::Bool(true)),
            ("STRING", "x", None, Value::text("x")),
            ("JSON", "{\"a\":1}", None, Value::text("{\"a\":1}")),
            ("TIME", "12:30:00", None, Value::text("12:30:00")),
            ("INTERVAL", "0-0 1 0:0:0", None, Value::text("0-0 1 0:0:0")),
            ("TIMESTAMP", "1767573000250000", None, time("2026-01-05T00:30:00.25Z")),
            ("DATE", "2026-01-05", None, time("2026-01-05T00:00:00Z")),
            ("DATE", "2026-01-05", Some(ValueType::Text), Value::text("2026-01-05")),
            ("DATETIME", "2026-01-05T00:30:00.5", None, time("2026-01-05T00:30:00.5Z")),
        ] {
            assert_eq!(cell(of, text, declared), Ok(want), "{of} {text}");
        }
        assert!(matches!(cell("FLOAT", "NaN", None), Ok(Value::Number(n)) if n.is_nan()));
        for (of, text, want) in [
            ("INT64", "9007199254740993", "column `a` holds 9007199254740993, which a number cannot hold exactly"),
            ("INT64", "1.5", "column `a` is not as its schema says"),
            ("TIMESTAMP", "1.767573E9", "column `a` holds a TIMESTAMP that is not in whole microseconds"),
            ("BYTES", "AA==", "column `a` is of the type BYTES"),
            ("BOOLEAN", "1", "column `a` is not as its schema says"),
        ] {
            assert!(cell(of, text, None).unwrap_err().starts_with(want), "{of} {text}");
        }
    }

    #[test]
    fn records_are_columns_by_their_path_and_lists_are_json() {
        let of = |name: &str, of: &str, mode: &str| json!({ "name": name, "type": of, "mode": mode });
        let inner = json!([of("at", "TIMESTAMP", "NULLABLE"), of("tags", "STRING", "REPEATED")]);
        let fields = json!([
            of("n", "INTEGER", "REPEATED"),
            { "name": "run", "type": "RECORD", "mode": "NULLABLE", "fields": inner },
            { "name": "all", "type": "STRUCT", "mode": "REPEATED", "fields": inner },
        ]);
        let schema = Schema::of(&answer(&fields)).unwrap();
        assert_eq!(schema.names().collect::<Vec<_>>().join(" "), "n run_at run_tags all");
        let run = json!({ "f": [{ "v": "0" }, { "v": [{ "v": "a\"b" }, { "v": null }] }] });
        let row = json!({ "f": [{ "v": [{ "v": "1" }, { "v": "2" }] }, { "v": run }, { "v": [{ "v": run }] }] });
        let (cells, _) = schema.row(&row, &[None; 4]).unwrap();
        let told: Vec<String> = cells.iter().map(ToString::to_string).collect();
        let at = "1970-01-01T00:00:00Z";
        let all = format!(r#"[{{"at":"{at}","tags":["a\"b",null]}}]"#);
        assert_eq!(told, ["[1,2]", at, r#"["a\"b",null]"#, &all]);
        let empty = json!({ "f": [{ "v": [] }, { "v": null }, { "v": [] }] });
        let (cells, _) = schema.row(&empty, &[None; 4]).unwrap();
        let told: Vec<String> = cells.iter().map(ToString::to_string).collect();
        assert_eq!(told, ["[]", "null", "[]", "[]"]);
        let types = schema.columns(None).into_iter().map(|(_, of)| of.unwrap().name()).collect::<Vec<_>>();
        assert_eq!(types.join(" "), "text time text text");
        assert!(Schema::of(&json!({})).err().unwrap().message.contains("no columns"));
    }
}
