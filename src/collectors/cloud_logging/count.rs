//! Entries, counted by their fields: <https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry>.

use super::super::convert;
use super::super::error::{CollectError, one_line};
use super::super::google::Group;
use super::super::limits::Counter;
use crate::model::{Table, TableBuilder, Timestamp, Value};
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// Beside the groups.
pub(super) const COLUMNS: [&str; 4] = ["count", "first", "last", "sample"];

/// The longest sample.
const SAMPLE_CHARS_MAX: usize = 300;

pub(super) struct Counted {
    groups: Vec<Group>,
    /// Of entries.
    counter: Counter,
    counts: BTreeMap<Vec<String>, Count>,
}

struct Count {
    entries: f64,
    first: Timestamp,
    last: Timestamp,
    /// Of the newest entry.
    sample: Option<String>,
}

impl Counted {
    pub(super) fn new(groups: Vec<Group>, counter: Counter) -> Counted {
        Counted { groups, counter, counts: BTreeMap::new() }
    }

    /// Takes a page; one may be empty though others follow.
    pub(super) fn page(&mut self, page: &Json) -> Result<(), CollectError> {
        for entry in page.get("entries").and_then(Json::as_array).into_iter().flatten() {
            self.counter.row(0)?;
            let at = time(entry)?;
            let values = self.groups.iter().map(|group| group.text(entry).into_owned()).collect();
            let count = self.counts.entry(values).or_insert_with(|| Count {
                entries: 0.0,
                first: at,
                last: at,
                sample: sample(entry),
            });
            count.entries += 1.0;
            count.first = count.first.min(at);
            if count.last < at {
                count.last = at;
                count.sample = sample(entry);
            }
        }
        Ok(())
    }

    pub(super) fn table(self) -> Result<Table, CollectError> {
        let columns = self.groups.iter().map(|group| group.column.as_str()).chain(COLUMNS);
        let mut table = TableBuilder::new(columns).map_err(CollectError::refused)?;
        if self.groups.is_empty() && self.counts.is_empty() {
            let nothing = [Value::Number(0.0), Value::Null, Value::Null, Value::Null];
            table.push(nothing).map_err(CollectError::refused)?;
        }
        for (values, Count { entries, first, last, sample }) in self.counts {
            let sample = sample.map_or(Value::Null, |text| Value::text(&text));
            let own = [Value::Number(entries), Value::Time(first), Value::Time(last), sample];
            let values = values.iter().map(|text| Value::text(text));
            table.push(values.chain(own).collect::<Vec<_>>()).map_err(CollectError::refused)?;
        }
        Ok(table.finish())
    }
}

/// When it happened. An entry that does not say so was given the time of its arrival.
fn time(entry: &Json) -> Result<Timestamp, CollectError> {
    let time = |key| entry.get(key).and_then(Json::as_str).and_then(convert::time);
    time("timestamp").or_else(|| time("receiveTimestamp")).ok_or_else(|| {
        CollectError::refused(
            "the answer of Cloud Logging has an entry without a time: look at the source's `endpoint`",
        )
    })
}

/// What it says, on one line.
fn sample(entry: &Json) -> Option<String> {
    let text = ["/textPayload", "/jsonPayload/message"].iter().find_map(|at| entry.pointer(at)?.as_str());
    let payload = || ["jsonPayload", "protoPayload", "httpRequest"].iter().find_map(|key| entry.get(*key));
    let line = one_line(&text.map(str::to_owned).or_else(|| Some(payload()?.to_string()))?);
    match line.char_indices().nth(SAMPLE_CHARS_MAX) {
        Some((end, _)) => Some(format!("{}…", &line[..end])),
        None => Some(line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_sample_is_what_the_entry_says_on_one_line_that_ends() {
        let long = "ü".repeat(SAMPLE_CHARS_MAX + 1);
        for (entry, want) in [
            (json!({ "textPayload": " Traceback:\n  ImportError\t" }), Some("Traceback: ImportError".to_owned())),
            (json!({ "jsonPayload": { "message": "m", "code": 1 } }), Some("m".to_owned())),
            (json!({ "jsonPayload": { "message": { "a": 1 } } }), Some("{\"message\":{\"a\":1}}".to_owned())),
            (json!({ "protoPayload": { "methodName": "x" } }), Some("{\"methodName\":\"x\"}".to_owned())),
            (json!({ "httpRequest": { "status": 500 } }), Some("{\"status\":500}".to_owned())),
            (json!({ "textPayload": long }), Some(format!("{}…", "ü".repeat(SAMPLE_CHARS_MAX)))),
            (json!({ "textPayload": "" }), Some(String::new())),
            (json!({}), None),
        ] {
            assert_eq!(sample(&entry), want, "{entry}");
        }
    }
}
