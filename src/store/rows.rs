//! How a record becomes a row: its table, its key as text, its body as JSON.

use crate::model::AlertId;
use crate::model::record::{Row, RowName};

/// The tables of state rows; a row's place in this list is its table's number.
pub const TABLES: [&str; 9] =
    ["life", "checks", "subjects", "groups", "channels", "flights", "silences", "received", "sources"];

/// The number of a row's table.
pub fn table(name: &RowName) -> usize {
    match name {
        RowName::Life(_) => 0,
        RowName::Check(_) => 1,
        RowName::Subject(_) => 2,
        RowName::Group(_) => 3,
        RowName::Channel(_) => 4,
        RowName::Flight(_) => 5,
        RowName::Silence(_) => 6,
        RowName::Received(_) => 7,
        RowName::Source(_) => 8,
    }
}

/// The key of a row as text.
pub fn key(name: &RowName) -> String {
    match name {
        RowName::Life(id) | RowName::Subject(id) | RowName::Received(id) => alert_key(id),
        RowName::Check(name)
        | RowName::Group(name)
        | RowName::Channel(name)
        | RowName::Flight(name)
        | RowName::Silence(name)
        | RowName::Source(name) => name.to_string(),
    }
}

/// The identity as people read it; a check's own alert is written `check!reason`, so that it can never be the
/// key of an instance that has a key column of that name.
fn alert_key(id: &AlertId) -> String {
    match id.reason.filter(|_| !id.is_received()) {
        Some(reason) => format!("{}!{}", id.check, reason.name()),
        None => id.to_string(),
    }
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
        0 => Row::Life(Box::new(serde_json::from_slice(body)?)),
        1 => Row::Check(Box::new(serde_json::from_slice(body)?)),
        2 => Row::Subject(Box::new(serde_json::from_slice(body)?)),
        3 => Row::Group(Box::new(serde_json::from_slice(body)?)),
        4 => Row::Channel(Box::new(serde_json::from_slice(body)?)),
        5 => Row::Flight(Box::new(serde_json::from_slice(body)?)),
        6 => Row::Silence(Box::new(serde_json::from_slice(body)?)),
        7 => Row::Received(Box::new(serde_json::from_slice(body)?)),
        _ => Row::Source(Box::new(serde_json::from_slice(body)?)),
    })
}
