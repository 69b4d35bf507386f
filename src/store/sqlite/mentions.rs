//! How the history is found by what it is about.
//!
//! An entry about one alert has that alert's text in its row. A message about several has a row for each of them in
//! `mentions`, by a hash of the alert's text: sixteen bytes, for a message may speak of thousands. An answer is found by
//! the id of its message, with a `#` before it, which no check's name has.

use crate::model::fnv;
use crate::model::record::{About, Entry, Lines, Topic};
use crate::store::BYTES_MAX;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

/// What stands in the row of an entry about Bellwether itself.
const BELLWETHER: &str = "#";

const APPEND: &str = "INSERT INTO history (at, alert, body) VALUES (?1, ?2, ?3)";
const MENTION: &str = "INSERT INTO mentions (alert, entry) VALUES (?1, ?2)";

/// Schema 2: the table, and what stands in a history that had none.
pub(super) fn create(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute_batch(
        "CREATE TABLE mentions (alert INTEGER NOT NULL, entry INTEGER NOT NULL);
         CREATE INDEX mentions_alert ON mentions (alert, entry);",
    )?;
    let mut statement = transaction.prepare("SELECT id, body FROM history WHERE alert IS NULL")?;
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        // What cannot be read is found by nobody, as before.
        let Ok(entry) = serde_json::from_str::<Entry>(row.get_ref(1)?.as_str()?) else { continue };
        let id: i64 = row.get(0)?;
        let (own, several) = places(&entry);
        if let Some(own) = own {
            transaction.prepare_cached("UPDATE history SET alert = ?1 WHERE id = ?2")?.execute(params![own, id])?;
        }
        mention(transaction, &several, id)?;
    }
    Ok(())
}

/// Writes an entry with all that it is found by.
pub(super) fn append(transaction: &Transaction<'_>, entry: &Entry, body: &str) -> rusqlite::Result<()> {
    let (own, several) = places(entry);
    transaction.prepare_cached(APPEND)?.execute(params![entry.at().as_micros(), own, body])?;
    mention(transaction, &several, transaction.last_insert_rowid())
}

fn mention(transaction: &Transaction<'_>, alerts: &[i64], entry: i64) -> rusqlite::Result<()> {
    if alerts.is_empty() {
        return Ok(());
    }
    let mut statement = transaction.prepare_cached(MENTION)?;
    alerts.iter().try_for_each(|alert| statement.execute(params![alert, entry]).map(drop))
}

/// What stands in the entry's own row, and the hashes of the alerts of one that speaks of several.
fn places(entry: &Entry) -> (Option<String>, Vec<i64>) {
    match entry.about() {
        About::Alerts(ids) if ids.len() == 1 => (Some(ids[0].to_string()), Vec::new()),
        About::Alerts(ids) => (None, ids.iter().map(|id| hash(&id.to_string())).collect()),
        About::Notification(id) => (Some(answers_to(id)), Vec::new()),
        About::Bellwether => (Some(BELLWETHER.to_owned()), Vec::new()),
    }
}

fn hash(alert: &str) -> i64 {
    fnv::of(alert).cast_signed()
}

fn answers_to(id: &str) -> String {
    format!("#{id}")
}

/// See [`crate::store::Store::lines`]; the inner error is of an entry that cannot be read.
pub(super) fn lines(
    connection: &Connection,
    of: Topic<'_>,
    before: i64,
    limit: usize,
) -> rusqlite::Result<Result<Lines, serde_json::Error>> {
    let (own, mentioned) = match of {
        Topic::Alert(alert) => (alert.to_owned(), Some(hash(alert))),
        Topic::Notification(id) => (answers_to(id), None),
        Topic::Bellwether => (BELLWETHER.to_owned(), None),
    };
    let mut statement = connection.prepare_cached(
        "SELECT id, body FROM history WHERE id IN (
             SELECT id FROM history WHERE alert = ?1 AND id < ?3
             UNION SELECT entry FROM mentions WHERE alert = ?2 AND entry < ?3)
         ORDER BY id DESC",
    )?;
    let mut found = statement.query(params![own, mentioned, before])?;
    let (mut lines, mut bytes) = (Lines::default(), 0);
    while let Some(row) = found.next()? {
        lines.more = limit <= lines.entries.len() || BYTES_MAX < bytes;
        if lines.more {
            break;
        }
        let body = row.get_ref(1)?.as_bytes()?;
        bytes += body.len();
        match serde_json::from_slice::<Entry>(body) {
            // Two alerts may have one hash.
            Ok(entry) if of.is_of(&entry) => lines.entries.push((row.get(0)?, entry)),
            Ok(_) => {}
            Err(error) => return Ok(Err(error)),
        }
    }
    Ok(Ok(lines))
}

/// See [`crate::store::Store::alerts_from`]. Each one is looked up after the one before it: alerts are few beside their
/// entries.
pub(super) fn alerts_from(connection: &Connection, begins: &str, limit: usize) -> rusqlite::Result<Vec<String>> {
    let mut next = connection.prepare_cached("SELECT alert FROM history WHERE alert > ?1 ORDER BY alert LIMIT 1")?;
    let mut own = connection.prepare_cached("SELECT alert FROM history WHERE alert = ?1 LIMIT 1")?;
    let mut alerts: Vec<String> = own.query_row([begins], |row| row.get(0)).optional()?.into_iter().collect();
    let mut last = begins.to_owned();
    while alerts.len() < limit {
        let found: Option<String> = next.query_row([&last], |row| row.get(0)).optional()?;
        let Some(found) = found.filter(|alert| alert.starts_with(begins)) else { break };
        last.clone_from(&found);
        alerts.push(found);
    }
    Ok(alerts)
}

/// Forgets what stands for entries that are gone. Entries are dropped in the order in which they were written, but for a
/// clock that was set back: such a row is found by nobody and goes with the next.
pub(super) fn prune(connection: &Connection) -> rusqlite::Result<()> {
    let gone = "DELETE FROM mentions WHERE rowid < coalesce(
        (SELECT rowid FROM mentions WHERE entry >= (SELECT coalesce(min(id), 9223372036854775807) FROM history)
         ORDER BY rowid LIMIT 1),
        9223372036854775807)";
    connection.execute(gone, []).map(drop)
}
