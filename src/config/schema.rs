//! JSON Schema (draft 2020-12) from the same tables that the files are read by.

use serde_json::{Map, Value, json};

use super::scalar::{DURATION_PATTERN, SIZE_PATTERN};
use super::shape::{Key, Record, Shape};

/// `${NAME}` may stand where a value of another kind is asked.
const FILLED_PATTERN: &str = r"\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\}";

/// What a schema knows beyond the tables.
pub struct SchemaContext<'a> {
    /// The names that a reference may have (`source`, `channel`, `check`, `calendar`), where they are known.
    pub names: &'a dyn Fn(&str) -> Option<Vec<String>>,
    /// A schema for what is read later by another table ([`Shape::Any`]): asked with the record and the key.
    pub any: &'a dyn Fn(&Record, &Key) -> Option<Value>,
}

impl SchemaContext<'_> {
    /// Knows no names and no later tables.
    pub const EMPTY: SchemaContext<'static> = SchemaContext { names: &|_| None, any: &|_, _| None };
}

/// The schema of a mapping, without `$schema`: for embedding.
#[must_use]
pub fn record_schema(record: &Record, context: &SchemaContext<'_>) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    let mut alternatives = Vec::new();
    for key in record.keys {
        properties.insert(key.name.to_owned(), key_schema(record, key, context));
        let twin = format!("{}_file", key.name);
        match (key.required, matches!(key.shape, Shape::Secret)) {
            (true, true) => alternatives.push(one_of_keys([key.name, twin.as_str()].into_iter())),
            (true, false) => required.push(key.name),
            (false, true) => alternatives.push(json!({ "not": { "required": [key.name, twin] } })),
            (false, false) => {}
        }
        if matches!(key.shape, Shape::Secret) {
            let doc = format!("A file that holds `{}`.", key.name);
            properties.insert(twin, json!({ "type": "string", "description": doc }));
        }
    }
    let kinds = record.kinds();
    for kind in &kinds {
        properties.insert(kind.name.to_owned(), record_schema(kind, context));
    }
    if record.kinds.is_some() {
        alternatives.push(one_of_keys(kinds.iter().map(|kind| kind.name)));
    }
    let takes_nothing = record.kinds.is_none() && required.is_empty() && alternatives.is_empty();
    let kind = if takes_nothing { json!(["object", "null"]) } else { json!("object") };
    let mut schema = Map::new();
    schema.insert("type".into(), kind);
    schema.insert("description".into(), record.doc.into());
    schema.insert("properties".into(), properties.into());
    schema.insert("additionalProperties".into(), false.into());
    if !required.is_empty() {
        schema.insert("required".into(), required.into());
    }
    if !alternatives.is_empty() {
        schema.insert("allOf".into(), alternatives.into());
    }
    schema.into()
}

/// The schema of a whole file.
#[must_use]
pub fn json_schema(record: &Record, title: &str, context: &SchemaContext<'_>) -> Value {
    let mut schema = Map::new();
    schema.insert("$schema".into(), "https://json-schema.org/draft/2020-12/schema".into());
    schema.insert("title".into(), title.into());
    if let Value::Object(rest) = record_schema(record, context) {
        schema.extend(rest);
    }
    schema.into()
}

fn one_of_keys<'a>(names: impl Iterator<Item = &'a str>) -> Value {
    json!({ "oneOf": names.map(|name| json!({ "required": [name] })).collect::<Vec<_>>() })
}

fn key_schema(record: &Record, key: &Key, context: &SchemaContext<'_>) -> Value {
    let any = if matches!(key.shape, Shape::Any) { (context.any)(record, key) } else { None };
    let mut schema = any.unwrap_or_else(|| shape_schema(&key.shape, context));
    if let Value::Object(fields) = &mut schema {
        if !key.doc.is_empty() {
            fields.insert("description".into(), key.doc.into());
        }
        if let Some(default) = key.default {
            fields.insert("default".into(), default.into());
        }
    }
    schema
}

/// The schema of one value.
#[must_use]
pub fn shape_schema(shape: &Shape, context: &SchemaContext<'_>) -> Value {
    match shape {
        // Without quotes, YAML's reader in an editor takes `5` for a number and `true` for a boolean.
        Shape::Text | Shape::Expression | Shape::Template | Shape::Secret | Shape::Constant => {
            json!({ "type": ["string", "number", "boolean"] })
        }
        Shape::Matcher | Shape::Path | Shape::Zone => json!({ "type": "string" }),
        Shape::Url => pattern("^https?://"),
        Shape::Duration => pattern(DURATION_PATTERN),
        Shape::Size => pattern(SIZE_PATTERN),
        Shape::Bool => or_filled(json!({ "type": "boolean" })),
        Shape::Integer { min, max } => or_filled(integer(*min, *max)),
        Shape::Number => or_filled(json!({ "type": "number" })),
        Shape::Time => json!({ "type": "string", "format": "date-time" }),
        Shape::Choice(words) => json!({ "enum": words }),
        Shape::Reference(of) => match (context.names)(of) {
            Some(names) => json!({ "enum": names }),
            None => json!({ "type": ["string", "number", "boolean"] }),
        },
        Shape::Checked(rule) => match rule.pattern {
            Some(text) => pattern(text),
            None => json!({ "type": ["string", "number"] }),
        },
        Shape::List(of) => json!({ "type": "array", "items": shape_schema(of, context) }),
        Shape::OneOrMany(of) => {
            let one = shape_schema(of, context);
            json!({ "anyOf": [one, { "type": "array", "items": one }] })
        }
        Shape::MapOf(of) => json!({ "type": "object", "additionalProperties": shape_schema(of, context) }),
        Shape::Record(record) => record_schema(record, context),
        Shape::OneOf(shapes) => {
            json!({ "anyOf": shapes.iter().map(|shape| shape_schema(shape, context)).collect::<Vec<_>>() })
        }
        Shape::Any => json!({}),
    }
}

/// Text of a pattern, or text in which a name is filled in.
fn pattern(text: &str) -> Value {
    json!({ "type": "string", "pattern": format!("(?:{text})|(?:{FILLED_PATTERN})") })
}

fn or_filled(schema: Value) -> Value {
    json!({ "anyOf": [schema, { "type": "string", "pattern": FILLED_PATTERN }] })
}

fn integer(min: i64, max: i64) -> Value {
    let mut schema = Map::new();
    schema.insert("type".into(), "integer".into());
    if min != i64::MIN {
        schema.insert("minimum".into(), min.into());
    }
    if max != i64::MAX {
        schema.insert("maximum".into(), max.into());
    }
    schema.into()
}
