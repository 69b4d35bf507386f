//! Firestore's values as cells: <https://cloud.google.com/firestore/docs/reference/rest/Shared.Types/ArrayValue#Value>.

use super::super::convert;
use crate::model::{Value, ValueType};
use serde_json::{Map, Value as Json, json};
use std::borrow::Cow;

/// A value's kind and what it holds: `{ "integerValue": "5" }`.
fn kind(value: &Json) -> Option<(&str, &Json)> {
    value.as_object()?.iter().next().map(|(kind, held)| (kind.as_str(), held))
}

/// The members of a map or of a geo point; none of anything else.
pub(super) fn members(value: &Json) -> Option<Cow<'_, Map<String, Json>>> {
    match kind(value)? {
        ("mapValue", map) => Some(map.get("fields").and_then(Json::as_object).map_or_else(Cow::default, Cow::Borrowed)),
        ("geoPointValue", point) => {
            let of = |key: &str| {
                let degrees = point.get(key).cloned().unwrap_or_else(|| 0.0.into());
                (key.to_owned(), json!({ "doubleValue": degrees }))
            };
            Some(Cow::Owned([of("latitude"), of("longitude")].into_iter().collect()))
        }
        _ => None,
    }
}

/// A value as a cell.
///
/// # Errors
/// What is wrong with it, to stand behind the column's name.
pub(super) fn cell(value: &Json, declared: Option<ValueType>) -> Result<Value, String> {
    let unreadable = || format!("holds {value}, which is no value of Firestore's that is known");
    let (kind, held) = kind(value).ok_or_else(unreadable)?;
    match (kind, held) {
        ("nullValue", _) => Ok(Value::Null),
        ("booleanValue", Json::Bool(b)) => Ok(Value::Bool(*b)),
        ("integerValue", _) => {
            let n = integer(held).ok_or_else(unreadable)?;
            // Firestore has booleans: a 0 or 1 where one is declared is none.
            let declared = declared.filter(|t| *t != ValueType::Bool);
            convert::integer(n, declared).map_err(|e| e.replace("CAST it to text in the query", "declare it `text`"))
        }
        ("doubleValue", _) => convert::float(double(held).ok_or_else(unreadable)?, declared),
        ("timestampValue", Json::String(text)) => convert::time(text).map(Value::Time).ok_or_else(unreadable),
        ("stringValue", Json::String(text)) => convert::text(text, declared),
        ("bytesValue", Json::String(text)) => Ok(Value::text(text)),
        ("referenceValue", Json::String(text)) => Ok(Value::text(relative(text))),
        ("arrayValue" | "mapValue" | "geoPointValue", _) => Ok(Value::text(&plain(value).to_string())),
        _ => Err(unreadable()),
    }
}

/// JSON has it as text; a number is taken too.
fn integer(held: &Json) -> Option<i64> {
    held.as_i64().or_else(|| held.as_str()?.parse().ok())
}

/// `NaN` and `Infinity` are text.
fn double(held: &Json) -> Option<f64> {
    held.as_f64().or_else(|| match held.as_str()? {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ => None,
    })
}

/// A document's path below the root of its database.
pub(super) fn relative(name: &str) -> &str {
    name.split_once("/documents/").map_or(name, |(_, path)| path)
}

/// A value as JSON without the kinds.
fn plain(value: &Json) -> Json {
    if let Some(members) = members(value) {
        return Json::Object(members.iter().map(|(name, value)| (name.clone(), plain(value))).collect());
    }
    match kind(value) {
        Some(("arrayValue", array)) => {
            let values = array.get("values").and_then(Json::as_array);
            values.into_iter().flatten().map(plain).collect::<Vec<_>>().into()
        }
        Some(("integerValue", held)) => integer(held).map_or_else(|| held.clone(), Json::from),
        Some(("referenceValue", Json::String(text))) => relative(text).into(),
        Some(("nullValue", _)) | None => Json::Null,
        Some((_, held)) => held.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;

    #[test]
    fn each_kind_of_value_is_a_cell() {
        let time = |text| Value::Time(Timestamp::parse(text).unwrap());
        for (value, declared, want) in [
            (json!({ "nullValue": null }), None, Ok(Value::Null)),
            (json!({ "booleanValue": true }), None, Ok(Value::Bool(true))),
            (json!({ "integerValue": "-7" }), None, Ok(Value::Number(-7.0))),
            (json!({ "integerValue": "5" }), Some(ValueType::Time), Ok(Value::Time(Timestamp::from_secs(5)))),
            (json!({ "integerValue": "9007199254740993" }), Some(ValueType::Text), Ok(Value::text("9007199254740993"))),
            (json!({ "integerValue": "9007199254740993" }), None, Err("exactly: declare it `text`")),
            (json!({ "doubleValue": 0.5 }), None, Ok(Value::Number(0.5))),
            (json!({ "doubleValue": 3 }), None, Ok(Value::Number(3.0))),
            (json!({ "doubleValue": "-Infinity" }), None, Ok(Value::Number(f64::NEG_INFINITY))),
            (json!({ "timestampValue": "2026-01-05T00:00:00.5Z" }), None, Ok(time("2026-01-05T00:00:00.5Z"))),
            (json!({ "stringValue": "2026-01-05" }), None, Ok(Value::text("2026-01-05"))),
            (json!({ "stringValue": "2026-01-05" }), Some(ValueType::Time), Ok(time("2026-01-05T00:00:00Z"))),
            (json!({ "stringValue": "soon" }), Some(ValueType::Time), Err("`soon`, which is no time")),
            (json!({ "bytesValue": "YWI=" }), None, Ok(Value::text("YWI="))),
            (json!({ "referenceValue": "projects/p/databases/d/documents/a/b" }), None, Ok(Value::text("a/b"))),
            (
                json!({ "arrayValue": { "values": [{ "integerValue": "1" }, { "mapValue": { "fields": { "k": { "nullValue": null } } } }] } }),
                None,
                Ok(Value::text(r#"[1,{"k":null}]"#)),
            ),
            (json!({ "arrayValue": {} }), None, Ok(Value::text("[]"))),
            (json!({ "mapValue": {} }), None, Ok(Value::text("{}"))),
            (
                json!({ "geoPointValue": { "latitude": 1.5 } }),
                None,
                Ok(Value::text(r#"{"latitude":1.5,"longitude":0.0}"#)),
            ),
            (json!({ "functionValue": {} }), None, Err("no value of Firestore's")),
            (json!({}), None, Err("no value of Firestore's")),
        ] {
            match (cell(&value, declared), want) {
                (got, Ok(want)) => assert_eq!(got, Ok(want), "{value}"),
                (got, Err(said)) => assert!(got.as_ref().unwrap_err().contains(said), "{value}: {got:?}"),
            }
        }
    }
}
