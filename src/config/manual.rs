//! The manual's tables of keys, from the same tables that the files are read by.

use super::shape::{Key, Record, Shape};

/// A Markdown table of a record's keys: `key | default | what it is`.
#[must_use]
pub fn keys_table(record: &Record) -> String {
    let mut out = String::from("| key | default | |\n|---|---|---|\n");
    for key in record.keys {
        out.push_str(&format!("| {} | {} | {} |\n", names(key), default(key), cell(&words(key))));
    }
    out
}

fn names(key: &Key) -> String {
    match key.shape {
        Shape::Secret | Shape::SecretUrl => format!("`{0}` or `{0}_file`", key.name),
        _ => format!("`{}`", key.name),
    }
}

fn default(key: &Key) -> String {
    match key.default {
        _ if key.required => "required".to_owned(),
        Some(written) => format!("`{}`", cell(written)),
        None => "–".to_owned(),
    }
}

fn words(key: &Key) -> String {
    match key.shape {
        Shape::MapOf(Shape::Secret) => format!("{} `NAME_file` gives that of `NAME` by a file.", key.doc),
        Shape::Choice(_) => format!("{} One of {}.", key.doc, key.shape.describe()),
        _ => key.doc.to_owned(),
    }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
