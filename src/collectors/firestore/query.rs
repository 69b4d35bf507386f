//! What is asked of Firestore: <https://cloud.google.com/firestore/docs/reference/rest/v1/StructuredQuery>.

use super::super::error::CollectError;
use super::super::{Request, sql_text};
use super::{document, path};
use crate::config::{Key, Problem, Record, Setting, Settings, Shape, scalar};
use crate::model::{Timestamp, Value};
use serde_json::{Value as Json, json};

pub(super) static CONDITION: Record = Record::new(
    "condition",
    "A condition on a field.",
    &[
        Key::new("field", Shape::Checked(&path::FIELD), "The field's dotted path.").required(),
        Key::new("op", Shape::Choice(&OPS), "How it is compared.").required().known_as(&["operator"]),
        Key::new("value", Shape::OneOf(&[Shape::Constant, Shape::List(&Shape::Constant)]), "With what."),
    ],
);

const OPS: [&str; 12] = [
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "in",
    "not_in",
    "array_contains",
    "array_contains_any",
    "is_null",
    "is_not_null",
];

/// The API's word for each of them.
const WORDS: [&str; 12] = [
    "EQUAL",
    "NOT_EQUAL",
    "LESS_THAN",
    "LESS_THAN_OR_EQUAL",
    "GREATER_THAN",
    "GREATER_THAN_OR_EQUAL",
    "IN",
    "NOT_IN",
    "ARRAY_CONTAINS",
    "ARRAY_CONTAINS_ANY",
    "IS_NULL",
    "IS_NOT_NULL",
];

/// What is wrong with the conditions of a `collect`; `params` are the check's.
pub(super) fn problems(collect: &Settings, params: &[&str]) -> Vec<Problem> {
    let conditions = collect.list("where").unwrap_or_default().iter().filter_map(Setting::record);
    conditions.flat_map(|condition| condition_problems(condition, params)).collect()
}

fn condition_problems(condition: &Settings, params: &[&str]) -> Vec<Problem> {
    let op = condition.text("op").unwrap_or_default();
    let value = condition.get("value");
    let wants_list = matches!(op, "in" | "not_in" | "array_contains_any");
    let said = match value {
        _ if condition.is_wrong("value") || op.is_empty() => None,
        None if op.starts_with("is_") => None,
        None => Some("a condition without a `value`".to_owned()),
        Some(_) if op.starts_with("is_") => Some(format!("`{op}` takes no `value`")),
        Some(value) if wants_list && value.list().is_none_or(<[_]>::is_empty) => {
            Some(format!("`{op}` takes a list of values"))
        }
        Some(value) if !wants_list && value.list().is_some() => Some(format!("`{op}` takes one value, and no list")),
        Some(_) => None,
    };
    let mut problems: Vec<Problem> =
        said.map(|said| Problem::error(said).at(condition.place("value"))).into_iter().collect();
    for constant in value.into_iter().flat_map(constants) {
        if let Some(Value::Text(text)) = constant.constant()
            && let Err(said) =
                bound(text, Timestamp::default(), |name| params.contains(&name).then_some(Value::Null), params)
        {
            problems.push(Problem::error(said).at(constant.place()));
        }
    }
    problems
}

fn constants(value: &Setting) -> &[Setting] {
    value.list().unwrap_or(std::slice::from_ref(value))
}

/// The body of `runQuery`.
pub(super) fn structured(
    request: &Request,
    root: &str,
    id: &str,
    collection: &str,
    rows_max: usize,
) -> Result<Json, CollectError> {
    let collect = &request.collect;
    let mut query = json!({ "from": [{ "collectionId": id }] });
    if let Some(fields) = document::selected(collect) {
        let fields: Vec<Json> = fields.iter().map(|field| field_of(field)).collect();
        query["select"] = json!({ "fields": fields });
    }
    let conditions = collect.list("where").unwrap_or_default().iter().filter_map(Setting::record);
    let filters = conditions.map(|c| filter(c, request, root, collection)).collect::<Result<Vec<_>, _>>()?;
    if !filters.is_empty() {
        query["where"] = json!({ "compositeFilter": { "op": "AND", "filters": filters } });
    }
    let orders = collect.texts("order_by").into_iter().map(|text| {
        let (field, descends) = path::order(text);
        json!({ "field": field_of(field), "direction": if descends { "DESCENDING" } else { "ASCENDING" } })
    });
    let orders: Vec<Json> = orders.collect();
    if !orders.is_empty() {
        query["orderBy"] = orders.into();
    }
    // One more than may come, so that too many are seen.
    let limit = collect.integer("limit").unwrap_or_else(|| i64::try_from(rows_max).map_or(i64::MAX, |n| n + 1));
    query["limit"] = limit.min(i64::from(i32::MAX)).into();
    Ok(json!({ "structuredQuery": query }))
}

fn field_of(path: &str) -> Json {
    json!({ "fieldPath": path::quoted(path) })
}

fn filter(condition: &Settings, request: &Request, root: &str, collection: &str) -> Result<Json, CollectError> {
    let text = |key| condition.text(key).unwrap_or_default();
    let (field, op) = (text("field"), text("op"));
    let word = OPS.iter().position(|known| *known == op).map_or("", |at| WORDS[at]);
    if op.starts_with("is_") {
        return Ok(json!({ "unaryFilter": { "field": field_of(field), "op": word } }));
    }
    let is_name = field == document::NAME;
    let encode = |constant: &Setting| {
        let value = evaluate(constant.constant().unwrap_or(&Value::Null), request)?;
        Ok(match (&value, is_name) {
            (Value::Text(id), true) if id.contains('/') => json!({ "referenceValue": format!("{root}/{id}") }),
            (Value::Text(id), true) => json!({ "referenceValue": format!("{root}/{collection}/{id}") }),
            _ => encoded(&value),
        })
    };
    let value = condition.get("value").ok_or_else(|| CollectError::refused("a condition of `where` has no `value`"))?;
    let value = match value.list() {
        Some(list) => {
            let values = list.iter().map(encode).collect::<Result<Vec<_>, CollectError>>()?;
            json!({ "arrayValue": { "values": values } })
        }
        None => encode(value)?,
    };
    Ok(json!({ "fieldFilter": { "field": field_of(field), "op": word, "value": value } }))
}

fn evaluate(value: &Value, request: &Request) -> Result<Value, CollectError> {
    let Value::Text(text) = value else { return Ok(value.clone()) };
    let param = |name: &str| request.params.iter().find(|(known, _)| **known == *name).map(|(_, value)| value.clone());
    let names: Vec<&str> = request.params.iter().map(|(name, _)| &**name).collect();
    bound(text, request.now, param, &names).map_err(CollectError::refused)
}

/// A text as a value: `@now`, `@now - 6h`, `@param`, `@@x` for the text `@x`, else itself.
fn bound(text: &str, now: Timestamp, param: impl Fn(&str) -> Option<Value>, names: &[&str]) -> Result<Value, String> {
    let Some(name) = text.strip_prefix('@') else { return Ok(Value::text(text)) };
    if name.starts_with('@') {
        return Ok(Value::text(name));
    }
    let Some(rest) = name.strip_prefix("now").filter(|rest| rest.is_empty() || rest.starts_with([' ', '-', '+']))
    else {
        return param(name).ok_or_else(|| sql_text::unknown(name, names));
    };
    let rest = rest.trim_start();
    let Some(sign) = rest.chars().next() else { return Ok(Value::Time(now)) };
    let span = rest[sign.len_utf8()..].trim_start();
    let span = scalar::duration(span, span).map_err(|_| format!("`{text}` is no time: write `@now - 6h`"))?;
    match sign {
        '-' => Ok(Value::Time(now - span)),
        '+' => Ok(Value::Time(now + span)),
        _ => Err(format!("`{text}` is no time: write `@now - 6h`")),
    }
}

/// A value as Firestore has it. It compares integers and doubles by what they are worth.
#[expect(clippy::cast_possible_truncation, reason = "a whole number below 2^53")]
fn encoded(value: &Value) -> Json {
    match value {
        Value::Null => json!({ "nullValue": "NULL_VALUE" }),
        Value::Bool(b) => json!({ "booleanValue": b }),
        Value::Number(n) if n.fract() == 0.0 && n.abs() < 9.0e15 => json!({ "integerValue": (*n as i64).to_string() }),
        Value::Number(n) if n.is_finite() => json!({ "doubleValue": n }),
        Value::Number(n) if n.is_nan() => json!({ "doubleValue": "NaN" }),
        Value::Number(n) => json!({ "doubleValue": if *n < 0.0 { "-Infinity" } else { "Infinity" } }),
        Value::Text(text) => json!({ "stringValue": &**text }),
        Value::Time(time) => json!({ "timestampValue": time.to_string() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_may_be_a_time_or_a_param() {
        let now = Timestamp::parse("2026-01-05T00:30:00Z").unwrap();
        let param = |name: &str| (name == "least").then_some(Value::Number(3.0));
        let at = |text: &str| Ok(Value::Time(Timestamp::parse(text).unwrap()));
        for (text, want) in [
            ("running", Ok(Value::text("running"))),
            ("@@x", Ok(Value::text("@x"))),
            ("@now", at("2026-01-05T00:30:00Z")),
            ("@now - 6h", at("2026-01-04T18:30:00Z")),
            ("@now+30m", at("2026-01-05T01:00:00Z")),
            ("@least", Ok(Value::Number(3.0))),
            ("@now - 6", Err("`@now - 6` is no time: write `@now - 6h`".to_owned())),
            ("@leest", Err("unknown parameter `@leest`: did you mean `@least`?".to_owned())),
        ] {
            assert_eq!(bound(text, now, param, &["least"]), want, "{text}");
        }
    }

    #[test]
    fn a_number_that_is_whole_is_an_integer() {
        for (n, want) in [
            (5.0, json!({ "integerValue": "5" })),
            (-0.5, json!({ "doubleValue": -0.5 })),
            (1e300, json!({ "doubleValue": 1e300 })),
            (f64::NAN, json!({ "doubleValue": "NaN" })),
        ] {
            assert_eq!(encoded(&Value::Number(n)), want);
        }
    }
}
