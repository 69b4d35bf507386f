//! One cell of a table, and the types a column may have.

use super::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// A cell. Numbers are 64-bit floats; a cell that holds nothing is [`Value::Null`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Value {
    Null,
    Number(#[serde(with = "any_float")] f64),
    Bool(bool),
    Text(Arc<str>),
    Time(Timestamp),
}

/// The type of a column or of an expression; each is nullable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ValueType {
    Number,
    Text,
    Bool,
    Time,
}

impl ValueType {
    /// The word used in `columns:` and in errors.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            ValueType::Number => "number",
            ValueType::Text => "text",
            ValueType::Bool => "bool",
            ValueType::Time => "time",
        }
    }

    /// The type that `name` stands for in `columns:`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<ValueType> {
        [ValueType::Number, ValueType::Text, ValueType::Bool, ValueType::Time].into_iter().find(|t| t.name() == name)
    }
}

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Value {
    /// Its type, or `None` for a null.
    #[must_use]
    pub const fn value_type(&self) -> Option<ValueType> {
        match self {
            Value::Null => None,
            Value::Number(_) => Some(ValueType::Number),
            Value::Bool(_) => Some(ValueType::Bool),
            Value::Text(_) => Some(ValueType::Text),
            Value::Time(_) => Some(ValueType::Time),
        }
    }

    #[must_use]
    pub fn text(text: &str) -> Value {
        Value::Text(Arc::from(text))
    }
}

/// As it stands in a message: whole numbers without a point, others shortest, a null as `null`.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("null"),
            Value::Number(n) => write_number(f, *n),
            Value::Bool(b) => write!(f, "{b}"),
            Value::Text(t) => f.write_str(t),
            Value::Time(t) => write!(f, "{t}"),
        }
    }
}

/// Writes a number the way messages, traces and keys show it: shortest text that reads back as the same float.
fn write_number(f: &mut fmt::Formatter<'_>, n: f64) -> fmt::Result {
    if n == 0.0 {
        return f.write_str("0"); // -0 too
    }
    if n.is_finite() && (n.abs() >= 1e21 || n.abs() < 1e-7) {
        return write!(f, "{n:e}");
    }
    write!(f, "{n}")
}

/// JSON has no NaN and no infinities: those are kept as text.
mod any_float {
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    pub fn serialize<S: Serializer>(n: &f64, s: S) -> Result<S::Ok, S::Error> {
        if n.is_finite() { s.serialize_f64(*n) } else { s.serialize_str(&n.to_string()) }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<f64, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Number(f64),
            Text(String),
        }
        match Either::deserialize(d)? {
            Either::Number(n) => Ok(n),
            Either::Text(t) => t.parse().map_err(serde::de::Error::custom),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_print_shortest() {
        for (n, want) in [
            (608.0, "608"),
            (8.2, "8.2"),
            (0.1 + 0.2, "0.30000000000000004"),
            (-0.0, "0"),
            (1e300, "1e300"),
            (1e15, "1000000000000000"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(Value::Number(n).to_string(), want);
        }
    }

    #[test]
    fn every_value_survives_the_store() {
        for v in [
            Value::Null,
            Value::Number(f64::INFINITY),
            Value::Number(0.1),
            Value::Bool(true),
            Value::text("ü"),
            Value::Time(Timestamp::from_secs(5)),
        ] {
            let json = serde_json::to_string(&v).unwrap();
            assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), v, "{json}");
        }
    }
}
