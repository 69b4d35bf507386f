//! Drills.

use super::api::{bad_request, json};
use crate::model::{LabelSet, Severity};
use crate::runtime::handle::Handle;
use crate::runtime::views::drill::DrillWish;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};

/// The keys of a drill's body.
const KEYS: [&str; 4] = ["check", "severity", "labels", "channel"];

pub async fn order(State(handle): State<Handle>, body: Bytes) -> Response {
    let wish = match wish(&body) {
        Ok(wish) => wish,
        Err(why) => return bad_request(&why),
    };
    match handle.drill(wish).await {
        Ok(Ok(report)) => Json(report).into_response(),
        Ok(Err(why)) => bad_request(&why),
        Err(none) => json::<()>(Err(none)),
    }
}

/// The body of a drill; nothing is a drill of a critical alert.
fn wish(body: &[u8]) -> Result<DrillWish, String> {
    if body.is_empty() {
        return Ok(DrillWish::default());
    }
    let value: Value = serde_json::from_slice(body).map_err(|e| format!("the body is no JSON: {e}"))?;
    let Value::Object(fields) = value else { return Err("the body is an object".to_owned()) };
    if let Some(unknown) = fields.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(format!("`{unknown}` is no field of a drill: there are {}", KEYS.join(" ")));
    }
    let severity = text(&fields, "severity")?.map(|name| {
        Severity::from_name(&name).ok_or_else(|| format!("`severity` is `{name}`: critical, warning or info"))
    });
    Ok(DrillWish {
        check: text(&fields, "check")?,
        severity: severity.transpose()?,
        labels: labels(&fields)?,
        channel: text(&fields, "channel")?,
    })
}

fn labels(fields: &Map<String, Value>) -> Result<LabelSet, String> {
    let wrong = || "`labels` is an object of texts: `{\"team\": \"data\"}`".to_owned();
    match fields.get("labels") {
        None | Some(Value::Null) => Ok(LabelSet::default()),
        Some(Value::Object(labels)) => {
            let pairs = labels.iter().map(|(name, value)| Some((name.as_str(), value.as_str()?)));
            pairs.collect::<Option<LabelSet>>().ok_or_else(wrong)
        }
        Some(_) => Err(wrong()),
    }
}

fn text(fields: &Map<String, Value>, name: &str) -> Result<Option<String>, String> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(format!("`{name}` is a text")),
    }
}
