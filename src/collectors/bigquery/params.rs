//! Query parameters: `@name` with its type and its value, apart from the text.
//!
//! The form: <https://cloud.google.com/bigquery/docs/reference/rest/v2/QueryParameter>.

use super::super::Request;
use super::super::error::CollectError;
use super::super::sql_text::{self, Dialect};
use crate::config::{Key, Problem, Record, Setting, Settings, Shape};
use crate::model::Value;
use serde_json::{Value as Json, json};

pub(super) const KEY: Key = Key::new(
    "params",
    Shape::MapOf(&PARAM),
    "Parameters of the query alone: constants, lists of them, or `{ type: date, value: 2026-01-05 }`.",
)
.known_as(&["parameters", "query_params"]);

const PARAM: Shape = Shape::OneOf(&[Shape::Constant, Shape::List(&Shape::Constant), Shape::Record(&TYPED)]);

static TYPED: Record = Record::new(
    "parameter",
    "A parameter with its type.",
    &[
        Key::new(
            "type",
            Shape::Choice(&[
                "string",
                "int64",
                "float64",
                "numeric",
                "bignumeric",
                "bool",
                "timestamp",
                "date",
                "datetime",
                "time",
                "json",
            ]),
            "BigQuery's type.",
        )
        .required(),
        Key::new(
            "value",
            Shape::OneOf(&[Shape::Text, Shape::List(&Shape::Text)]),
            "The value as BigQuery writes it, or a list of such: an ARRAY.",
        )
        .required(),
    ],
);

/// A value with the type that BigQuery is told.
#[derive(Debug, PartialEq)]
enum Param {
    One(String, String),
    Many(String, Vec<String>),
}

/// What is wrong with `params` under `collect`; `others` are the check's.
pub(super) fn problems(collect: &Settings, others: &[&str]) -> Vec<Problem> {
    let mut found = Vec::new();
    for (name, setting) in collect.map(KEY.name).unwrap_or_default() {
        let (name, place) = (name.as_str(), name.place());
        if name == "now" {
            found.push(Problem::error("`@now` is the slot's time").at(place).help("give the parameter another name"));
        } else if others.contains(&name) {
            let problem = Problem::error(format!("the check has a param `{name}` already")).at(place);
            found.push(problem.help("remove it here, or there, or rename it"));
        } else if let Err(why) = of(setting) {
            found.push(Problem::error(format!("`{name}` {why}")).at(setting.place()));
        }
    }
    found
}

/// The parameters that a query names.
pub(super) fn bound(query: &str, request: &Request) -> Result<Json, CollectError> {
    let own = request.collect.map(KEY.name).unwrap_or_default();
    let mut names: Vec<String> = sql_text::spots(query, Dialect::BigQuery).into_iter().map(|spot| spot.name).collect();
    names.sort();
    names.dedup();
    let mut list = Vec::with_capacity(names.len());
    for name in names {
        let param = if let Some((_, setting)) = own.iter().find(|(known, _)| known.as_str() == name) {
            of(setting).map_err(|why| CollectError::refused(format_args!("the param `{name}` {why}")))?
        } else if let Some((_, value)) = request.params.iter().find(|(known, _)| **known == *name) {
            one(value)
        } else if name == "now" {
            one(&Value::Time(request.now))
        } else {
            let known: Vec<&str> = request.params.iter().map(|(name, _)| &**name).collect();
            return Err(CollectError::refused(sql_text::unknown(&name, &known)));
        };
        list.push(param.json(&name));
    }
    Ok(list.into())
}

/// A parameter as it is written under `collect`, or why it is none.
fn of(setting: &Setting) -> Result<Param, String> {
    if let Some(value) = setting.constant() {
        return Ok(one(value));
    }
    if let Some(typed) = setting.record() {
        let of = typed.text("type").unwrap_or_default().to_uppercase();
        return match (typed.list("value"), typed.text("value")) {
            (Some(_), _) => Ok(Param::Many(of, typed.texts("value").into_iter().map(str::to_owned).collect())),
            (None, Some(value)) => Ok(Param::One(of, value.to_owned())),
            (None, None) => Err("has no value".to_owned()),
        };
    }
    let values: Vec<&Value> = setting.list().unwrap_or_default().iter().filter_map(Setting::constant).collect();
    list(&values)
}

fn list(values: &[&Value]) -> Result<Param, String> {
    let mut typed = values.iter().map(|value| text(value));
    let Some((mut of, first)) = typed.next() else {
        return Err("is an empty list, whose type nobody knows: write `{ type: string, value: [] }`".to_owned());
    };
    let mut texts = vec![first];
    for (other, text) in typed {
        match (of, other) {
            ("INT64", "FLOAT64") => of = "FLOAT64",
            ("FLOAT64", "INT64") => {}
            _ if of == other => {}
            _ => return Err(format!("holds a {of} and a {other}: a list has one type")),
        }
        texts.push(text);
    }
    Ok(Param::Many(of.to_owned(), texts))
}

fn one(value: &Value) -> Param {
    let (of, text) = text(value);
    Param::One(of.to_owned(), text)
}

/// The type that a constant has for BigQuery, and how it is written.
fn text(value: &Value) -> (&'static str, String) {
    let of = match value {
        Value::Number(n) if n.fract() == 0.0 && n.abs() < 9e15 => "INT64",
        Value::Number(_) => "FLOAT64",
        Value::Bool(_) => "BOOL",
        Value::Time(_) => "TIMESTAMP",
        Value::Text(_) | Value::Null => "STRING",
    };
    (of, value.to_string())
}

impl Param {
    fn json(self, name: &str) -> Json {
        match self {
            Param::One(of, value) => {
                json!({ "name": name, "parameterType": { "type": of }, "parameterValue": { "value": value } })
            }
            Param::Many(of, values) => {
                let values: Vec<Json> = values.into_iter().map(|value| json!({ "value": value })).collect();
                let of = json!({ "type": "ARRAY", "arrayType": { "type": of } });
                json!({ "name": name, "parameterType": of, "parameterValue": { "arrayValues": values } })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;

    #[test]
    fn a_constant_has_the_type_that_it_looks_like() {
        let time = Value::Time(Timestamp::parse("2026-01-05T00:30:00.25Z").unwrap());
        for (value, want) in [
            (Value::Number(-3.0), ("INT64", "-3")),
            (Value::Number(2.5), ("FLOAT64", "2.5")),
            (Value::Number(1e300), ("FLOAT64", "1e300")),
            (Value::Bool(true), ("BOOL", "true")),
            (Value::text("it's"), ("STRING", "it's")),
            (time, ("TIMESTAMP", "2026-01-05T00:30:00.25Z")),
        ] {
            let (of, text) = text(&value);
            assert_eq!((of, text.as_str()), want);
        }
    }

    #[test]
    fn a_list_has_one_type() {
        let many =
            |of: &str, texts: &[&str]| Ok(Param::Many(of.into(), texts.iter().map(|t| (*t).to_owned()).collect()));
        let (one, half, a) = (Value::Number(1.0), Value::Number(0.5), Value::text("a"));
        assert_eq!(list(&[&one, &one]), many("INT64", &["1", "1"]));
        assert_eq!(list(&[&one, &half]), many("FLOAT64", &["1", "0.5"]));
        assert_eq!(list(&[&a]), many("STRING", &["a"]));
        assert!(list(&[&a, &one]).unwrap_err().contains("a STRING and a INT64"));
        assert!(list(&[]).unwrap_err().contains("type: string"));
    }
}
