//! The answer of Prometheus' query API: <https://prometheus.io/docs/prometheus/latest/querying/api/>.

use super::error::CollectError;
use super::limits::Limits;
use super::web::Answer;
use crate::model::table::identifier;
use crate::model::{FailureClass, Table, TableBuilder, Value};
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;

pub(super) fn table(answer: &Answer, limits: Limits) -> Result<Table, CollectError> {
    let json = answer.json()?;
    match json.get("status").and_then(Json::as_str) {
        Some("error") => return Err(error(&json, answer)),
        // Whatever it says, a proxy or the server itself says that it is none.
        _ if !answer.status.is_success() => {
            let message = format!("the server answered {}; it begins with `{}`", answer.status, answer.beginning());
            return Err(answer.failed(message));
        }
        Some("success") => {}
        _ => return Err(strange("no `status`")),
    }
    if let Some(first) = json.get("warnings").and_then(Json::as_array).and_then(|w| w.first()) {
        let first = first.as_str().unwrap_or("no words");
        return Err(CollectError::refused(format_args!("the answer is partial, for Prometheus warns: {first}")));
    }
    let data = json.get("data").ok_or_else(|| strange("no `data`"))?;
    let result = data.get("result").ok_or_else(|| strange("no `result`"))?;
    match data.get("resultType").and_then(Json::as_str) {
        Some("vector") => vector(result.as_array().ok_or_else(|| strange("a vector that is no list"))?, limits),
        Some("scalar") => {
            let mut table = TableBuilder::new(["value"]).map_err(CollectError::refused)?;
            table.push([number(result)?]).map_err(CollectError::refused)?;
            Ok(table.finish())
        }
        Some("matrix") => Err(CollectError::refused(
            "the query gives a range vector: wrap it in a function over time, `max_over_time(…[5m])`",
        )),
        Some("string") => Err(CollectError::refused("the query gives a string: ask for numbers")),
        _ => Err(strange("no `resultType` that is known")),
    }
}

/// An error in Prometheus' own words.
fn error(json: &Json, answer: &Answer) -> CollectError {
    let text = |key| json.get(key).and_then(Json::as_str).unwrap_or("without a word");
    let message = format!("Prometheus answered {}: {}", text("errorType"), text("error"));
    let is_status = !answer.status.is_success();
    let message = if is_status { format!("{message} (status {})", answer.status.as_u16()) } else { message };
    let error = match text("errorType") {
        "timeout" | "canceled" => CollectError::unreachable(message).classed(FailureClass::TimedOut),
        "unavailable" | "internal" if is_status => {
            CollectError::unreachable(message).classed(FailureClass::of_http(answer.status.as_u16()))
        }
        "unavailable" | "internal" => CollectError::unreachable(message).classed(FailureClass::ServerError),
        _ if is_status => answer.failed(message),
        _ => CollectError::refused(message),
    };
    error.after(answer.retry_after())
}

fn strange(what: &str) -> CollectError {
    CollectError::refused(format_args!(
        "the answer is not one of Prometheus' query API: it has {what}; look at the address that is asked"
    ))
    .classed(FailureClass::Malformed)
}

fn vector(series: &[Json], limits: Limits) -> Result<Table, CollectError> {
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    let mut counter = limits.counter();
    for one in series {
        counter.row(0)?;
        for label in one.get("metric").and_then(Json::as_object).into_iter().flat_map(Map::keys) {
            if !names.contains_key(label) {
                names.insert(label.clone(), named(label, &names)?);
            }
        }
    }
    let columns = names.values().map(String::as_str).chain(["value"]);
    let mut table = TableBuilder::new(columns).map_err(CollectError::refused)?;
    for one in series {
        let label = |name| one.get("metric").and_then(|labels| labels.get(name));
        let texts = names.keys().map(|name| label(name).and_then(Json::as_str).map_or(Value::Null, Value::text));
        let value = number(one.get("value").ok_or_else(|| strange("a series without a `value`"))?)?;
        table.push(texts.chain([value])).map_err(CollectError::refused)?;
    }
    Ok(table.finish())
}

/// A label's column. UTF-8 label names of Prometheus 3 may become one identifier.
fn named(label: &str, others: &BTreeMap<String, String>) -> Result<String, CollectError> {
    let column = identifier(label);
    if column == "value" {
        return Err(CollectError::refused(
            "a label is called `value`, as the column of the value is: rename it, `label_replace(…, \"kind\", \"$1\", \"value\", \"(.*)\")`",
        ));
    }
    match others.iter().find(|(_, other)| **other == column) {
        Some((other, _)) => Err(CollectError::refused(format_args!(
            "the labels `{other}` and `{label}` would both be the column `{column}`: drop one, `sum without (\"{label}\") (…)`"
        ))),
        None => Ok(column),
    }
}

/// `[ <unix time>, "<value>" ]`; the value may be `NaN`, `+Inf` or `-Inf`.
fn number(sample: &Json) -> Result<Value, CollectError> {
    let text = sample.get(1).and_then(Json::as_str).ok_or_else(|| strange("a sample without a value"))?;
    text.parse().map(Value::Number).map_err(|_| strange("a value that is no number"))
}

#[cfg(test)]
mod tests {
    use super::super::conceal::Hidden;
    use super::super::error::CollectErrorKind;
    use super::*;
    use reqwest::header::{CONTENT_TYPE, HeaderValue};
    use std::time::Duration;

    fn read(body: &str) -> Result<Table, CollectError> {
        let answer = Answer {
            status: reqwest::StatusCode::OK,
            headers: [(CONTENT_TYPE, HeaderValue::from_static("text/html"))].into_iter().collect(),
            body: body.into(),
            certificate: None,
            took: Duration::ZERO,
            hidden: Hidden::default(),
        };
        table(&answer, Limits { rows_max: 2, ..Limits::default() })
    }

    fn vector_of(series: &str) -> String {
        format!(r#"{{"status":"success","data":{{"resultType":"vector","result":[{series}]}}}}"#)
    }

    #[test]
    fn a_vector_is_a_row_a_series_and_a_missing_label_is_null() {
        let body = vector_of(
            r#"{"metric":{"job":"a","__name__":"up"},"value":[1,"NaN"]},{"metric":{"job":"b","zone":"x"},"value":[1,"+Inf"]}"#,
        );
        let table = read(&body).unwrap();
        let row =
            |r| table.columns().iter().map(|c| format!("{}={}", c.name, c.value(r))).collect::<Vec<_>>().join(" ");
        assert_eq!(row(0), "__name__=up job=a zone=null value=NaN");
        assert_eq!(row(1), "__name__=null job=b zone=x value=inf");
        assert!(read(&vector_of("")).unwrap().is_empty());
    }

    #[test]
    fn what_is_not_a_whole_answer_is_an_error_that_says_so() {
        let series = r#"{"metric":{},"value":[1,"2"]}"#;
        for (body, want) in [
            ("<html><h1>Login</h1>".to_owned(), "not JSON (status 200, text/html)"),
            ("{}".to_owned(), "look at the address that is asked"),
            (r#"{"status":"error","errorType":"bad_data","error":"parse error"}"#.to_owned(), "bad_data: parse error"),
            (vector_of(series).replace("\"data\"", r#""warnings":["store is down"],"data""#), "partial"),
            (vector_of(series).replace("vector", "matrix"), "range vector"),
            (vector_of(series).replace("vector", "string"), "string"),
            (vector_of(r#"{"metric":{"value":"x"},"value":[1,"2"]}"#), "label_replace"),
            (vector_of(r#"{"metric":{"a.b":"x","a_b":"y"},"value":[1,"2"]}"#), "`a.b` and `a_b`"),
            (vector_of(r#"{"metric":{},"value":[1,2]}"#), "a sample without a value"),
            (vector_of(&[series; 3].join(",")), "`max_rows`"),
        ] {
            let error = read(&body).unwrap_err();
            assert!(error.message.contains(want), "{body}: {error}");
            assert_ne!(error.kind, CollectErrorKind::Unreachable);
        }
        let late = read(r#"{"status":"error","errorType":"timeout","error":"too slow"}"#).unwrap_err();
        assert_eq!(late.kind, CollectErrorKind::Unreachable);
    }

    #[test]
    fn a_scalar_is_one_row() {
        let table = read(r#"{"status":"success","data":{"resultType":"scalar","result":[1,"-1.5e3"]}}"#).unwrap();
        assert_eq!((table.rows(), table.columns()[0].value(0)), (1, Value::Number(-1500.0)));
    }
}
