//! Silences: listed, made, edited, expired.

use super::api::{bad_request, json, problem};
use super::query::{self, Pairs};
use crate::model::{Matcher, Timestamp};
use crate::runtime::handle::{Handle, NoAnswer};
use crate::runtime::silences::{SilenceFilter, SilenceRefused, SilenceRequest};
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use serde_json::{Map, Value};

/// The keys of a silence's body.
const KEYS: [&str; 8] = ["id", "matchers", "starts", "ends", "created_by", "comment", "yes", "dry_run"];

pub async fn list(State(handle): State<Handle>, Query(pairs): Query<Pairs>) -> Response {
    match query::silences(pairs) {
        Ok(filter) => json(handle.silences(filter).await),
        Err(why) => bad_request(&why),
    }
}

pub async fn one(State(handle): State<Handle>, Path(id): Path<String>) -> Response {
    let unknown = SilenceRefused::Unknown(format!("there is no silence `{id}`"));
    let found = handle.silences(SilenceFilter { id: Some(id), ..SilenceFilter::default() }).await;
    answer(found.map(|page| page.items.into_iter().next().ok_or(unknown)))
}

pub async fn put(State(handle): State<Handle>, body: Bytes) -> Response {
    match request(&body) {
        Ok(request) => answer(handle.put_silence(request).await),
        Err(why) => bad_request(&why),
    }
}

pub async fn expire(State(handle): State<Handle>, Path(id): Path<String>) -> Response {
    answer(handle.expire_silence(id).await)
}

fn answer<T: Serialize>(answer: Result<Result<T, SilenceRefused>, NoAnswer>) -> Response {
    let refused = match answer {
        Ok(Err(refused)) => refused,
        Ok(Ok(value)) => return json(Ok(value)),
        Err(none) => return json::<T>(Err(none)),
    };
    let status = match &refused {
        SilenceRefused::Unknown(_) => StatusCode::NOT_FOUND,
        SilenceRefused::Wrong(_) => StatusCode::BAD_REQUEST,
        SilenceRefused::NeedsYes(_) => StatusCode::CONFLICT,
        SilenceRefused::NotKept(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    problem(status, refused.why())
}

/// The body of a silence.
fn request(body: &[u8]) -> Result<SilenceRequest, String> {
    let value: Value = serde_json::from_slice(body).map_err(|e| format!("the body is no JSON: {e}"))?;
    let Value::Object(fields) = value else { return Err("the body is an object".to_owned()) };
    if let Some(unknown) = fields.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(format!("`{unknown}` is no field of a silence: there are {}", KEYS.join(" ")));
    }
    Ok(SilenceRequest {
        id: text(&fields, "id")?,
        matchers: matchers(&fields)?,
        starts: time(&fields, "starts")?,
        ends: time(&fields, "ends")?.ok_or("a silence has an end: give `ends`, such as `2026-03-06T00:00:00Z`")?,
        created_by: text(&fields, "created_by")?.unwrap_or_default(),
        comment: text(&fields, "comment")?.unwrap_or_default(),
        yes: flag(&fields, "yes")?,
        dry_run: flag(&fields, "dry_run")?,
    })
}

fn matchers(fields: &Map<String, Value>) -> Result<Vec<Matcher>, String> {
    let wrong = || "`matchers` is a list of texts: `[\"check=\\\"processor-slowdown\\\"\"]`".to_owned();
    let list = match fields.get("matchers") {
        Some(Value::Array(list)) => list,
        None => return Ok(Vec::new()),
        Some(_) => return Err(wrong()),
    };
    let parse = |value: &Value| {
        let text = value.as_str().ok_or_else(wrong)?;
        Matcher::parse(text).map_err(|e| format!("the matcher {text}: {}", e.message))
    };
    list.iter().map(parse).collect()
}

fn text(fields: &Map<String, Value>, name: &str) -> Result<Option<String>, String> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(format!("`{name}` is a text")),
    }
}

fn time(fields: &Map<String, Value>, name: &str) -> Result<Option<Timestamp>, String> {
    let Some(text) = text(fields, name)? else { return Ok(None) };
    Timestamp::parse(&text)
        .map(Some)
        .map_err(|_| format!("`{name}` is `{text}`: write a time as `2026-03-06T00:00:00Z`"))
}

fn flag(fields: &Map<String, Value>, name: &str) -> Result<bool, String> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(format!("`{name}` is `true` or `false`")),
    }
}
