//! Reading all state: one thread reads the file, as many as there are processors parse what it read.

use super::rows::{self, TABLES};
use super::{Sqlite, StoreError, corrupt, explain};
use crate::model::record::Row;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// Rows that are handed over at once.
const BATCH: usize = 1_000;
/// Batches that wait to be parsed: more would only be memory.
const WAITING: usize = 8;

/// A row as it stands in the file.
struct Raw {
    table: usize,
    key: String,
    body: Vec<u8>,
}

/// Rows with their batch's number: batches are parsed in no order.
type Batch<T> = (usize, Vec<T>);

/// Every state row, in the order of tables and keys.
pub fn rows(store: &Sqlite) -> Result<Vec<Row>, StoreError> {
    let (sender, receiver) = sync_channel(WAITING);
    let parsed = thread::scope(|scope| {
        let waiting = Arc::new(Mutex::new(receiver));
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let parse = |_| {
            let (waiting, path) = (Arc::clone(&waiting), &*store.path);
            scope.spawn(move || parse_all(path, &waiting))
        };
        let parsers: Vec<_> = (0..threads).map(parse).collect();
        drop(waiting); // once no parser is left, the reader ends, too
        let read = read(store, sender);
        let parsed: Result<Vec<_>, _> =
            parsers.into_iter().map(|p| p.join().expect("parsing does not panic")).collect();
        parsed.and_then(|parsed| read.map(|()| parsed))
    })?;
    let mut batches: Vec<Batch<Row>> = parsed.into_iter().flatten().collect();
    batches.sort_unstable_by_key(|(number, _)| *number);
    Ok(batches.into_iter().flat_map(|(_, rows)| rows).collect())
}

#[expect(clippy::needless_pass_by_value, reason = "parsers end once the sender is gone")]
fn read(store: &Sqlite, sender: SyncSender<Batch<Raw>>) -> Result<(), StoreError> {
    let fail = |e: rusqlite::Error| explain(&store.path, &e);
    let (mut number, mut batch) = (0, Vec::with_capacity(BATCH));
    for (table, name) in TABLES.iter().enumerate() {
        let sql = format!("SELECT key, body FROM \"{name}\" ORDER BY key");
        let mut statement = store.connection.prepare(&sql).map_err(fail)?;
        let mut found = statement.query([]).map_err(fail)?;
        while let Some(row) = found.next().map_err(fail)? {
            let body = row.get_ref(1).and_then(|v| Ok(v.as_bytes()?.to_vec())).map_err(fail)?;
            batch.push(Raw { table, key: row.get(0).unwrap_or_default(), body });
            if batch.len() == BATCH {
                let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH));
                if sender.send((number, full)).is_err() {
                    return Ok(()); // the parsers say why they ended
                }
                number += 1;
            }
        }
    }
    let _ = sender.send((number, batch));
    Ok(())
}

fn parse_all(path: &Path, waiting: &Mutex<Receiver<Batch<Raw>>>) -> Result<Vec<Batch<Row>>, StoreError> {
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).recv().ok();
    std::iter::from_fn(next)
        .map(|(number, batch)| {
            let rows: Result<Vec<Row>, StoreError> = batch.iter().map(|raw| parse(path, raw)).collect();
            Ok((number, rows?))
        })
        .collect()
}

fn parse(path: &Path, Raw { table, key, body }: &Raw) -> Result<Row, StoreError> {
    rows::parse(*table, body)
        .map_err(|e| corrupt(path, &format!("the row `{key}` of its table `{}` cannot be read ({e})", TABLES[*table])))
}
