//! The embedded default: one SQLite file, one writer, nothing lost once it was said to be kept.
//!
//! WAL with `synchronous=FULL`: a commit that returned survives `kill -9` and a power cut. The lock is exclusive
//! and held as long as the store is open, so that two daemons can never tell the same people the same things.

mod load;
mod mentions;

use super::rows::{self, TABLES};
use super::{Store, StoreError};
use crate::model::Timestamp;
use crate::model::record::{Entry, Lines, Row, RowName, Saved, Topic, Write};
use rusqlite::{Connection, ErrorCode, Transaction, params};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

/// The schema this code reads and writes: SQLite's `user_version`.
const SCHEMA: i64 = 2;
/// `BELW`, SQLite's `application_id`: so that a `store: path` that names somebody's data is refused.
const APPLICATION: i64 = 0x4245_4C57;
/// How long to wait for a predecessor that is just leaving.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);
/// Rows of history deleted in one transaction, so that pruning never holds up a commit for long.
const PRUNE_ROWS: usize = 10_000;
/// The write-ahead log is cut back to this many bytes after a checkpoint.
const WAL_BYTES: i64 = 64 << 20;
/// Of a new file. The rows of an alert are some kilobytes, and many are written at once: with SQLite's own 4 KiB that is
/// four times the calls.
const PAGE_BYTES: i64 = 16 << 10;
/// Pages that are kept in memory, in KiB: a turn of many rows is written once, and not in pieces that are read again.
const CACHE_KIB: i64 = 4 << 10;

/// An open store. See the module.
#[derive(Debug)]
pub struct Sqlite {
    connection: Connection,
    path: PathBuf,
    /// Kept between writes, so that a row costs no allocation.
    body: Vec<u8>,
}

impl Sqlite {
    /// Opens the store in this file, makes it where there is none, and locks it.
    ///
    /// # Errors
    /// `Locked` where another process has it, `Corrupt` where it cannot be read, `Failed` where it cannot be made.
    pub fn open(path: &Path) -> Result<Sqlite, StoreError> {
        let fail = |e: rusqlite::Error| explain(path, &e);
        let mut connection = Connection::open(path).map_err(fail)?;
        connection.busy_timeout(LOCK_PATIENCE).map_err(fail)?;
        connection.set_prepared_statement_cache_capacity(32);
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE").map_err(fail)?;
        check_owner(&connection, path)?;
        connection.pragma_update(None, "page_size", PAGE_BYTES).map_err(fail)?;
        connection.pragma_update(None, "cache_size", -CACHE_KIB).map_err(fail)?;
        connection.pragma_update(None, "journal_mode", "WAL").map_err(fail)?;
        connection.pragma_update(None, "synchronous", "FULL").map_err(fail)?;
        connection.pragma_update(None, "journal_size_limit", WAL_BYTES).map_err(fail)?;
        migrate(&mut connection, path)?;
        Ok(Sqlite { connection, path: path.to_owned(), body: Vec::new() })
    }

    fn write(&mut self, writes: &[Write], afresh: bool) -> Result<(), StoreError> {
        let Sqlite { connection, path, body } = self;
        let fail = |e: rusqlite::Error| explain(path, &e);
        let transaction = connection.transaction().map_err(fail)?;
        if afresh {
            clear(&transaction).map_err(fail)?;
        }
        for (table, writes) in by_table(writes).iter().enumerate() {
            for (key, row) in in_order(writes) {
                write_row(&transaction, table, &key, row, body).map_err(fail)?;
            }
        }
        for write in writes {
            let Write::Append(entry) = write else { continue };
            append(&transaction, entry, body).map_err(fail)?;
        }
        transaction.commit().map_err(fail)
    }
}

/// The row that a write replaces or (`None`) deletes, with its name; `None` where it is no state.
fn state(write: &Write) -> Option<(Cow<'_, RowName>, Option<&Row>)> {
    match write {
        Write::Put(row) => Some((Cow::Owned(row.name()), Some(row))),
        Write::Delete(name) => Some((Cow::Borrowed(name), None)),
        Write::Append(_) => None,
    }
}

/// The writes of each table.
fn by_table(writes: &[Write]) -> [Vec<&Write>; TABLES.len()] {
    let mut tables: [Vec<&Write>; TABLES.len()] = Default::default();
    for write in writes {
        if let Some((name, _)) = state(write) {
            tables[rows::table(&name)].push(write);
        }
    }
    tables
}

/// What the writes of one table come to: of each row the last one, in the order of keys, so that few pages are touched.
fn in_order<'a>(writes: &[&'a Write]) -> BTreeMap<String, Option<&'a Row>> {
    writes.iter().filter_map(|write| state(write)).map(|(name, row)| (rows::key(&name), row)).collect()
}

fn clear(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    TABLES.iter().try_for_each(|table| transaction.execute(&format!("DELETE FROM \"{table}\""), []).map(drop))
}

/// By table: the statement that replaces a row, and the one that deletes it.
static STATEMENTS: LazyLock<[(String, String); TABLES.len()]> = LazyLock::new(|| {
    TABLES.map(|table| {
        let put = format!(
            "INSERT INTO \"{table}\" (key, body) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET body = excluded.body"
        );
        (put, format!("DELETE FROM \"{table}\" WHERE key = ?1"))
    })
});

fn write_row(
    transaction: &Transaction<'_>,
    table: usize,
    key: &str,
    row: Option<&Row>,
    body: &mut Vec<u8>,
) -> rusqlite::Result<()> {
    let (put, delete) = &STATEMENTS[table];
    match row {
        Some(row) => {
            rows::body(row, body).map_err(unwritable)?;
            transaction.prepare_cached(put)?.execute(params![key, text(body)?])
        }
        None => transaction.prepare_cached(delete)?.execute([key]),
    }
    .map(drop)
}

fn append(transaction: &Transaction<'_>, entry: &Entry, body: &mut Vec<u8>) -> rusqlite::Result<()> {
    body.clear();
    serde_json::to_writer(&mut *body, entry).map_err(unwritable)?;
    mentions::append(transaction, entry, text(body)?)
}

fn text(body: &[u8]) -> rusqlite::Result<&str> {
    std::str::from_utf8(body).map_err(unwritable)
}

fn unwritable(e: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(Box::new(e))
}

impl Store for Sqlite {
    fn load(&mut self) -> Result<Saved, StoreError> {
        load::rows(self).map(|rows| Saved { rows })
    }

    fn commit(&mut self, writes: &[Write]) -> Result<(), StoreError> {
        self.write(writes, false)
    }

    fn replace(&mut self, writes: &[Write]) -> Result<(), StoreError> {
        self.write(writes, true)
    }

    fn history(&mut self, alert: Option<&str>, limit: usize) -> Result<Vec<Entry>, StoreError> {
        if let Some(alert) = alert {
            let lines = self.lines(Topic::Alert(alert), i64::MAX, limit)?;
            return Ok(lines.entries.into_iter().map(|(_, entry)| entry).collect());
        }
        let fail = |e: rusqlite::Error| explain(&self.path, &e);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let sql = "SELECT body FROM history ORDER BY at DESC, id DESC LIMIT ?1";
        let mut statement = self.connection.prepare_cached(sql).map_err(fail)?;
        let mut found = statement.query([limit]).map_err(fail)?;
        let mut entries = Vec::new();
        while let Some(row) = found.next().map_err(fail)? {
            let body = row.get_ref(0).and_then(|v| Ok(v.as_bytes()?)).map_err(fail)?;
            entries.push(serde_json::from_slice(body).map_err(|e| unreadable(&self.path, &e))?);
        }
        Ok(entries)
    }

    fn lines(&mut self, of: Topic<'_>, before: i64, limit: usize) -> Result<Lines, StoreError> {
        let lines = mentions::lines(&self.connection, of, before, limit).map_err(|e| explain(&self.path, &e))?;
        lines.map_err(|e| unreadable(&self.path, &e))
    }

    fn alerts_from(&mut self, begins: &str, limit: usize) -> Result<Vec<String>, StoreError> {
        mentions::alerts_from(&self.connection, begins, limit).map_err(|e| explain(&self.path, &e))
    }

    fn prune(&mut self, now: Timestamp, keep: Duration) -> Result<(), StoreError> {
        let cutoff = (now - keep).as_micros();
        let sql = format!(
            "DELETE FROM history WHERE id IN (SELECT id FROM history WHERE at < ?1 ORDER BY at LIMIT {PRUNE_ROWS})"
        );
        loop {
            let gone = self.connection.execute(&sql, [cutoff]).map_err(|e| explain(&self.path, &e))?;
            if gone < PRUNE_ROWS {
                return mentions::prune(&self.connection).map_err(|e| explain(&self.path, &e));
            }
        }
    }
}

/// Refuses a file that is not a store, and takes the lock by reading it.
fn check_owner(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (application, pages) = pragma("application_id")
        .and_then(|application| Ok((application, pragma("page_count")?)))
        .map_err(|e| explain(path, &e))?;
    if application == APPLICATION || pages == 0 {
        return Ok(());
    }
    Err(StoreError::Failed(format!(
        "{} is an SQLite file of something else, not a store of Bellwether: give `store: path` a name of its own",
        path.display()
    )))
}

/// Brings the file to the present schema, one step after the other.
fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let fail = |e: rusqlite::Error| explain(path, &e);
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).map_err(fail)?;
    let version: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(fail)?;
    if version > SCHEMA {
        return Err(StoreError::Failed(format!(
            "{} was written by a newer Bellwether (schema {version}, this one knows {SCHEMA}): \
             run that version, or move the file away",
            path.display()
        )));
    }
    if version < 1 {
        create(&transaction).map_err(fail)?;
    }
    if version < 2 {
        mentions::create(&transaction).map_err(fail)?;
        transaction.pragma_update(None, "user_version", SCHEMA).map_err(fail)?;
    }
    tables(&transaction).map_err(fail)?;
    transaction.commit().map_err(fail)
}

/// Schema 1.
fn create(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute_batch(
        "CREATE TABLE history (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, alert TEXT, body TEXT NOT NULL);
         CREATE INDEX history_alert ON history (alert, at) WHERE alert IS NOT NULL;
         CREATE INDEX history_at ON history (at);",
    )?;
    transaction.pragma_update(None, "application_id", APPLICATION)
}

fn unreadable(path: &Path, error: &serde_json::Error) -> StoreError {
    corrupt(path, &format!("a line of its history cannot be read ({error})"))
}

/// The tables of state rows: those that a store of an earlier version lacks are added, and an earlier version passes
/// over them.
fn tables(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    TABLES.iter().try_for_each(|table| {
        let sql = format!("CREATE TABLE IF NOT EXISTS \"{table}\" (key TEXT PRIMARY KEY, body TEXT NOT NULL)");
        transaction.execute(&sql, []).map(drop)
    })
}

fn corrupt(path: &Path, what: &str) -> StoreError {
    let shown = path.display();
    StoreError::Corrupt(format!(
        "the store {shown} is damaged: {what}. Stop the daemon, move {shown} away with its -wal file, and start again: \
         it begins with an empty memory and tells again what still fires"
    ))
}

/// What an error of SQLite means for a person.
fn explain(path: &Path, error: &rusqlite::Error) -> StoreError {
    let shown = path.display();
    let failed = |what: &str| StoreError::Failed(format!("the store {shown} {what}"));
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Locked(format!(
            "the store {shown} is held by another process: one daemon to a store. Stop the other one, \
             or give this one another `store: path`"
        )),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => corrupt(path, &error.to_string()),
        Some(ErrorCode::DiskFull) => failed("has no room left on its disk: free some, and it goes on by itself"),
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            failed("may not be written: give this user the right to write it and its folder")
        }
        Some(ErrorCode::CannotOpen) => failed("cannot be opened: its folder must exist and be writable"),
        _ => failed(&format!("could not be used: {error}")),
    }
}

#[cfg(test)]
mod tests;
