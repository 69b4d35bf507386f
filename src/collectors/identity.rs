//! Whether two checks ask the same, so that it is asked once.

use super::Request;
use super::registry::Kind;
use crate::config::{Setting, SettingValue, Settings};
use std::fmt::{self, Write};

/// What a request asks of its source: two that are equal have one answer. It may hold secrets and is never shown.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Identity(String);

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(…)")
    }
}

/// The source, what is asked of it, the params that its query names, the declared types, the slot's time and the
/// deadline. The check's name is no part of it.
#[must_use]
pub fn identity(source: &str, kind: &Kind, request: &Request) -> Identity {
    let mut text = String::new();
    part(&mut text, source);
    settings(&mut text, &request.collect);
    for (name, value) in kind.params_used(request) {
        part(&mut text, &name);
        part(&mut text, &format!("{value:?}"));
    }
    let mut columns = request.columns.as_deref().unwrap_or_default().to_vec();
    columns.sort();
    for (name, value_type) in columns {
        part(&mut text, &name);
        part(&mut text, value_type.name());
    }
    part(&mut text, &format!("{:?} {:?}", request.now, request.timeout));
    Identity(text)
}

/// Its length first, so that no two lists of parts read alike.
fn part(text: &mut String, part: &str) {
    let _ = write!(text, "{}:{part}", part.len());
}

fn settings(text: &mut String, of: &Settings) {
    for key in of.shape().keys {
        part(text, key.name);
        match of.get(key.name) {
            Some(value) => setting(text, value),
            None => part(text, ""),
        }
    }
}

fn setting(text: &mut String, of: &Setting) {
    match &of.value {
        SettingValue::Text(t) => part(text, t),
        SettingValue::Secret(secret) => part(text, secret.expose()),
        SettingValue::List(list) => {
            part(text, &list.len().to_string());
            for item in list {
                setting(text, item);
            }
        }
        SettingValue::Map(map) => {
            part(text, &map.len().to_string());
            for (name, value) in map {
                part(text, name.as_str());
                setting(text, value);
            }
        }
        SettingValue::Record(inner) => settings(text, inner),
        other => part(text, &format!("{other:?}")),
    }
}
