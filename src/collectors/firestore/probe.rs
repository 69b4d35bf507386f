//! Whether Firestore answers, and how soon.

use super::super::error::CollectError;
use super::super::google::{Call, Deadline, Failure, Google};
use super::{encoded, is_away};
use crate::model::{Table, TableBuilder, Timestamp, Value, ValueType};
use serde_json::{Value as Json, json};
use std::time::{Duration, Instant};

pub(super) const COLUMNS: [(&str, ValueType); 4] = [
    ("reachable", ValueType::Bool),
    ("read_latency", ValueType::Number),
    ("write_latency", ValueType::Number),
    ("why", ValueType::Text),
];

/// What a probe found.
#[derive(Debug, Default)]
pub(super) struct Probe {
    read: Option<Duration>,
    write: Option<Duration>,
    /// Why it is not reachable; none where it is.
    pub why: Option<String>,
}

/// Reads the document; before that writes it, where there is a time to write.
pub(super) async fn run(
    google: &Google,
    root: &str,
    document: &str,
    written: Option<Timestamp>,
    deadline: Deadline,
) -> Result<Probe, CollectError> {
    let name = format!("{root}/{document}");
    let mut probe = Probe::default();
    let mut since = None;
    if let Some(time) = written {
        let started = Instant::now();
        match answered(write(google, root, &name, time, deadline).await)? {
            Ok(at) => since = Some(at),
            Err(why) => return Ok(Probe { why: Some(why), ..probe }),
        }
        probe.write = Some(started.elapsed());
    }
    let started = Instant::now();
    match answered(read(google, root, &name, deadline).await)? {
        Ok(at) if since.is_some_and(|since| at.is_none_or(|at| at < since)) => {
            probe.why = Some(format!("what was written to `{document}` is not read back"));
        }
        Ok(_) => {}
        Err(why) => return Ok(Probe { why: Some(why), ..probe }),
    }
    probe.read = Some(started.elapsed());
    Ok(probe)
}

/// What Firestore said, or why it did not; what was asked amiss is the check's error.
fn answered<T>(result: Result<T, Failure>) -> Result<Result<T, String>, CollectError> {
    match result {
        Ok(said) => Ok(Ok(said)),
        Err(failure) if is_away(&failure) => Ok(Err(failure.error.cut().message)),
        Err(failure) => Err(failure.error),
    }
}

/// Writes, and gives the time of it by Firestore's clock.
/// <https://cloud.google.com/firestore/docs/reference/rest/v1/projects.databases.documents/commit>
async fn write(
    google: &Google,
    root: &str,
    name: &str,
    time: Timestamp,
    deadline: Deadline,
) -> Result<jiff::Timestamp, Failure> {
    let fields = json!({ "at": { "timestampValue": time.to_string() }, "by": { "stringValue": "bellwether" } });
    let body = json!({ "writes": [{ "update": { "name": name, "fields": fields } }] });
    let answer = google.ask(&Call::post(format!("{}:commit", encoded(root)), body), deadline).await?;
    let at = answer.pointer("/writeResults/0/updateTime").or_else(|| answer.get("commitTime"));
    instant(at).ok_or_else(|| CollectError::refused("Firestore does not say when it wrote").into())
}

/// When the document was last written; none where it is not there.
/// <https://cloud.google.com/firestore/docs/reference/rest/v1/projects.databases.documents/batchGet>
async fn read(google: &Google, root: &str, name: &str, deadline: Deadline) -> Result<Option<jiff::Timestamp>, Failure> {
    let body = json!({ "documents": [name], "mask": { "fieldPaths": ["at"] } });
    let answer = google.ask(&Call::post(format!("{}:batchGet", encoded(root)), body), deadline).await?;
    let entries = answer.as_array().map(Vec::as_slice).unwrap_or_default();
    if let Some(found) = entries.iter().find_map(|entry| entry.get("found")) {
        return Ok(instant(found.get("updateTime")));
    }
    if entries.iter().any(|entry| entry.get("missing").is_some()) {
        return Ok(None);
    }
    Err(CollectError::refused("Firestore's answer is neither a document nor that there is none").into())
}

fn instant(json: Option<&Json>) -> Option<jiff::Timestamp> {
    json?.as_str()?.parse().ok()
}

pub(super) fn table(probe: &Probe) -> Result<Table, CollectError> {
    let seconds = |took: Option<Duration>| took.map_or(Value::Null, |took| Value::Number(took.as_secs_f64()));
    let why = probe.why.as_deref().map_or(Value::Null, Value::text);
    let row = [Value::Bool(probe.why.is_none()), seconds(probe.read), seconds(probe.write), why];
    let mut table = TableBuilder::new(COLUMNS.map(|(name, _)| name)).map_err(CollectError::refused)?;
    table.push(row).map_err(CollectError::refused)?;
    Ok(table.finish())
}
