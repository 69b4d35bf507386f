//! JSON Schema (draft 2020-12) from the same tables that the files are read by.

use serde_json::{Map, Value, json};

use super::scalar::{DURATION_PATTERN, SIZE_PATTERN};
use super::shape::{Key, Record, Shape, is_secret};

/// `${NAME}` may stand where a value of another kind is asked.
const FILLED_PATTERN: &str = r"\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\}";

/// What a schema knows beyond the tables.
pub struct SchemaContext<'a> {
    /// The names that a reference may have (`source`, `channel`, `check`, `calendar`), where they are known.
    pub names: &'a dyn Fn(&str) -> Option<Vec<String>>,
    /// A schema for what is read later by another table ([`Shape::Any`]): asked with the record and the key.
    pub any: &'a AnySchema<'a>,
}

/// Makes a schema for a key of any shape, where there is more to say than that.
pub type AnySchema<'a> = dyn Fn(&mut SchemaBuilder<'_>, &Record, &Key) -> Option<Value> + 'a;

impl SchemaContext<'_> {
    /// Knows no names and no later tables.
    pub const EMPTY: SchemaContext<'static> = SchemaContext { names: &|_| None, any: &|_, _, _| None };
}

/// The schema of a whole file, whose top-level mapping is `root`.
#[must_use]
pub fn json_schema(root: &'static Record, title: &str, context: &SchemaContext<'_>) -> Value {
    let mut builder = SchemaBuilder { context, defs: Map::new(), named: Vec::new() };
    let body = builder.body(root);
    let mut schema = Map::new();
    schema.insert("$schema".into(), "https://json-schema.org/draft/2020-12/schema".into());
    schema.insert("title".into(), title.into());
    if let Value::Object(fields) = body {
        schema.extend(fields);
    }
    schema.insert("$defs".into(), builder.defs.into());
    schema.into()
}

/// Collects one definition for each record, so that a route may hold routes.
pub struct SchemaBuilder<'a> {
    context: &'a SchemaContext<'a>,
    defs: Map<String, Value>,
    /// The records that have a definition, or will have, with its name.
    named: Vec<(*const Record, String)>,
}

impl SchemaBuilder<'_> {
    /// A reference to the schema of a record.
    pub fn record(&mut self, record: &'static Record) -> Value {
        let address = std::ptr::from_ref(record);
        if let Some((_, name)) = self.named.iter().find(|(known, _)| *known == address) {
            return json!({ "$ref": format!("#/$defs/{name}") });
        }
        let taken =
            self.named.iter().filter(|(_, name)| name.trim_end_matches(char::is_numeric) == record.name).count();
        let name = if taken == 0 { record.name.to_owned() } else { format!("{}{}", record.name, taken + 1) };
        self.named.push((address, name.clone()));
        let body = self.body(record);
        let reference = json!({ "$ref": format!("#/$defs/{name}") });
        self.defs.insert(name, body);
        reference
    }

    fn body(&mut self, record: &'static Record) -> Value {
        let mut properties = Map::new();
        let mut rules = Vec::new();
        let mut required = Vec::new();
        for key in record.keys {
            properties.insert(key.name.to_owned(), self.key(record, key));
            if is_secret(&key.shape) {
                let twin = format!("{}_file", key.name);
                rules.push(secret_rule(key, &twin));
                let doc = format!("A file that holds `{}`.", key.name);
                properties.insert(twin, json!({ "type": "string", "description": doc }));
            } else if key.required {
                required.push(key.name);
            }
        }
        let kinds = record.kinds();
        for kind in &kinds {
            properties.insert(kind.name.to_owned(), self.record(kind));
        }
        if record.kinds.is_some() {
            rules.push(one_of_keys(kinds.iter().map(|kind| kind.name)));
        }
        let may_be_empty = record.kinds.is_none() && !record.keys.iter().any(|key| key.required);
        let kind = if may_be_empty { json!(["object", "null"]) } else { json!("object") };
        let mut schema = json!({
            "type": kind, "description": record.doc, "properties": properties, "additionalProperties": false,
        });
        if !required.is_empty() {
            schema["required"] = required.into();
        }
        if !rules.is_empty() {
            schema["allOf"] = rules.into();
        }
        schema
    }

    fn key(&mut self, record: &Record, key: &'static Key) -> Value {
        let any = matches!(key.shape, Shape::Any).then(|| (self.context.any)(self, record, key)).flatten();
        let mut schema = any.unwrap_or_else(|| self.shape(&key.shape));
        if !key.doc.is_empty() {
            schema["description"] = key.doc.into();
        }
        if let Some(default) = key.default {
            schema["default"] = default_value(&key.shape, default);
        }
        schema
    }

    /// The schema of one value.
    pub fn shape(&mut self, shape: &'static Shape) -> Value {
        match shape {
            // Without quotes, YAML's reader in an editor takes `5` for a number and `true` for a boolean.
            Shape::Text | Shape::Expression | Shape::Template | Shape::Secret | Shape::Constant => {
                json!({ "type": ["string", "number", "boolean"] })
            }
            Shape::Matcher | Shape::Path | Shape::Zone => json!({ "type": "string" }),
            Shape::Url | Shape::SecretUrl => pattern("^https?://"),
            Shape::Duration => pattern(DURATION_PATTERN),
            Shape::Size => pattern(SIZE_PATTERN),
            Shape::Bool => or_filled(&json!({ "type": "boolean" })),
            Shape::Integer { min, max } => or_filled(&integer(*min, *max)),
            Shape::Number => or_filled(&json!({ "type": "number" })),
            Shape::Time => json!({ "type": "string", "format": "date-time" }),
            Shape::Choice(words) => or_filled(&json!({ "enum": words })),
            Shape::Reference(of) => match (self.context.names)(of) {
                Some(names) => json!({ "enum": names }),
                None => json!({ "type": ["string", "number", "boolean"] }),
            },
            Shape::Checked(rule) => match rule.pattern {
                Some(text) => pattern(text),
                None => json!({ "type": ["string", "number"] }),
            },
            Shape::List(of) => json!({ "type": "array", "items": self.shape(of) }),
            Shape::OneOrMany(of) => {
                let one = self.shape(of);
                json!({ "anyOf": [one, { "type": "array", "items": one }] })
            }
            Shape::MapOf(Shape::Secret) => json!({
                "type": "object",
                "patternProperties": { "._file$": { "type": "string", "description": "A file that holds the value." } },
                "additionalProperties": self.shape(&Shape::Secret),
            }),
            Shape::MapOf(of) => json!({ "type": "object", "additionalProperties": self.shape(of) }),
            Shape::Record(record) => self.record(record),
            Shape::OneOf(shapes) => {
                json!({ "anyOf": shapes.iter().map(|shape| self.shape(shape)).collect::<Vec<_>>() })
            }
            Shape::Any => json!({}),
        }
    }
}

/// A secret is given itself or by its file, not by both.
fn secret_rule(key: &Key, twin: &str) -> Value {
    if key.required {
        one_of_keys([key.name, twin].into_iter())
    } else {
        json!({ "not": { "required": [key.name, twin] } })
    }
}

fn one_of_keys<'a>(names: impl Iterator<Item = &'a str>) -> Value {
    json!({ "oneOf": names.map(|name| json!({ "required": [name] })).collect::<Vec<_>>() })
}

/// A default as the type that it is read as.
fn default_value(shape: &Shape, written: &str) -> Value {
    match shape {
        Shape::Bool | Shape::Integer { .. } | Shape::Number => {
            serde_json::from_str(written).unwrap_or_else(|_| written.into())
        }
        _ => written.into(),
    }
}

/// Text of a pattern, or text in which a name is filled in.
fn pattern(text: &str) -> Value {
    json!({ "type": "string", "pattern": format!("(?:{text})|(?:{FILLED_PATTERN})") })
}

fn or_filled(schema: &Value) -> Value {
    json!({ "anyOf": [schema, { "type": "string", "pattern": FILLED_PATTERN }] })
}

fn integer(min: i64, max: i64) -> Value {
    let mut schema = json!({ "type": "integer" });
    if min != i64::MIN {
        schema["minimum"] = min.into();
    }
    if max != i64::MAX {
        schema["maximum"] = max.into();
    }
    schema
}
