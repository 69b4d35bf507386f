//! How a record becomes a row: its table, its key as text, its body as JSON.

use crate::model::AlertId;
use crate::model::record::{Row, RowName};
use std::fmt::Write as _;

/// The tables of state rows; a row's place in this list is its table's number.
pub const TABLES: [&str; 9] =
    ["life", "checks", "subjects", "groups", "channels", "flights", "silences", "received", "sources"];

/// The table of a row, and its key written into `key`.
pub fn place(name: &RowName, key: &mut String) -> usize {
    key.clear();
    match name {
        RowName::Life(id) => {
            alert_key(id, key);
            0
        }
        RowName::Check(name) => plain(1, name, key),
        RowName::Subject(id) => {
            alert_key(id, key);
            2
        }
        RowName::Group(name) => plain(3, name, key),
        RowName::Channel(name) => plain(4, name, key),
        RowName::Flight(name) => plain(5, name, key),
        RowName::Silence(name) => plain(6, name, key),
        RowName::Received(id) => {
            alert_key(id, key);
            7
        }
        RowName::Source(name) => plain(8, name, key),
    }
}

fn plain(table: usize, name: &str, key: &mut String) -> usize {
    key.push_str(name);
    table
}

/// The identity as people read it; a check's own alert is written `check!reason`, so that it can never be the
/// key of an instance that has a key column of that name.
fn alert_key(id: &AlertId, key: &mut String) {
    let written = match id.reason.filter(|_| !id.is_received()) {
        Some(reason) => write!(key, "{}!{}", id.check, reason.name()),
        None => write!(key, "{id}"),
    };
    written.expect("writing to a String does not fail");
}

/// The body of a row, written into `body`.
pub fn body(row: &Row, body: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    body.clear();
    match row {
        Row::Life(r) => serde_json::to_writer(body, r),
        Row::Check(r) => serde_json::to_writer(body, r),
        Row::Subject(r) => serde_json::to_writer(body, r),
        Row::Group(r) => serde_json::to_writer(body, r),
        Row::Channel(r) => serde_json::to_writer(body, r),
        Row::Flight(r) => serde_json::to_writer(body, r),
        Row::Silence(r) => serde_json::to_writer(body, r),
        Row::Received(r) => serde_json::to_writer(body, r),
        Row::Source(r) => serde_json::to_writer(body, r),
    }
}

/// The row that a body of this table holds.
pub fn parse(table: usize, body: &[u8]) -> Result<Row, serde_json::Error> {
    Ok(match table {
        0 => Row::Life(serde_json::from_slice(body)?),
        1 => Row::Check(serde_json::from_slice(body)?),
        2 => Row::Subject(serde_json::from_slice(body)?),
        3 => Row::Group(serde_json::from_slice(body)?),
        4 => Row::Channel(serde_json::from_slice(body)?),
        5 => Row::Flight(serde_json::from_slice(body)?),
        6 => Row::Silence(serde_json::from_slice(body)?),
        7 => Row::Received(serde_json::from_slice(body)?),
        _ => Row::Source(serde_json::from_slice(body)?),
    })
}
