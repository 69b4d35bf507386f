//! One JSON Schema for every file, from the tables that the files are read by.

use super::declare::FILE;
use crate::collectors;
use crate::config::schema::{SchemaBuilder, SchemaContext, json_schema};
use crate::config::{Key, Record};
use crate::rules::outline::Outline;
use serde_json::{Value, json};

/// The schema; with an outline it knows the names of that folder's sources, channels and checks.
#[must_use]
pub fn schema(known: Option<&Outline>) -> Value {
    let names = |of: &str| {
        let outline = known?;
        let names: Vec<String> = match of {
            "source" => outline.sources.iter().map(ToString::to_string).collect(),
            "channel" => outline.channels.iter().map(ToString::to_string).collect(),
            "check" => outline.checks.iter().map(|check| check.name.to_string()).collect(),
            _ => return None,
        };
        Some(names)
    };
    let context = SchemaContext { names: &names, any: &later };
    json_schema(&FILE, "Bellwether", &context)
}

/// The schema of what is read by another table once more is known.
fn later(builder: &mut SchemaBuilder<'_>, record: &Record, key: &Key) -> Option<Value> {
    match (record.name, key.name) {
        ("check", "collect") => {
            let kinds = collectors::registry::KINDS.iter();
            let kinds: Vec<Value> = kinds.map(|kind| builder.record(kind.collect)).collect();
            Some(json!({ "anyOf": kinds }))
        }
        ("test", "rows") => Some(rows()),
        _ => None,
    }
}

fn rows() -> Value {
    let value = json!({ "type": ["string", "number", "boolean", "null"] });
    let series = json!({ "anyOf": [value, { "type": "array", "items": value }] });
    let rows = json!({ "type": "array", "items": { "type": "object", "additionalProperties": series } });
    json!({ "anyOf": [rows, { "type": "object", "additionalProperties": rows }] })
}
