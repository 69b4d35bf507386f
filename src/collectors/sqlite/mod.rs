//! # `sqlite`: a query of an SQLite file
//!
//! ```yaml
//! sources:
//!   local: { sqlite: { path: pipeline.db } }
//! checks:
//!   - check: processor-slowdown
//!     source: local
//!     collect:
//!       query: |
//!         SELECT processor, duration, baseline, started_at FROM runs
//!         WHERE datetime(started_at) > datetime(@now, '-1 day')
//!     columns: { processor: text, duration: number, baseline: number, started_at: time }
//!     key: [processor]
//!     alert: { critical: duration > 3 * baseline }
//! ```
//!
//! **What is asked.** One statement that reads. The file is opened read-only; a statement that writes, `ATTACH`,
//! `PRAGMA` and transactions are refused before they run. A file that is not there is an unreachable source, and
//! is never made. A file that was replaced is opened anew.
//!
//! **An example's data.** With `script: pipeline.sql` beside `path` a file that is not there is made from that script
//! when it is first asked, whole or not at all; a file that is there stays as it is. The script has that file alone:
//! `ATTACH` and extensions are refused.
//!
//! **Parameters.** `@now` and the check's `params` are bound where they stand outside quotes and comments. `@now`
//! is text in UTC as SQLite's date functions write it, `2026-01-05 00:30:00` (with a fraction where the slot has
//! one). A whole number is bound as an integer, as if it stood in the query; `true` is 1, `false` is 0.
//!
//! **Types.** Integers and floats are numbers, text is text. SQLite has no booleans and no times: declare them
//! under `columns`. A `time` is read from RFC 3339 (`2026-01-05T00:30:00Z`), from `2026-01-05 00:30:00` or a date
//! alone (both UTC), or from seconds since 1970. A `bool` is 0 or 1. An integer beyond 2^53 is an error, for a
//! number cannot hold it exactly: `CAST(id AS TEXT)`, or declare the column `text`. A BLOB is an error: `hex(x)`.
//! Compare times in the query through `datetime(…)`, for `'2026-01-05T…'` sorts behind `'2026-01-05 …'`.
//!
//! **Limits.** `max_rows` and `max_bytes` of the source; an answer that passes one is an error that names it, not
//! fewer rows. The query is interrupted at the check's `timeout`.

mod guard;
mod make;

use super::error::CollectError;
use super::limits::{self, Limits};
use super::registry::{DefaultKey, Kind, StaticColumns, query_problems};
use super::sql_text::{self, Dialect};
use super::{Request, convert};
use crate::config::{Key, Record, Settings, Shape};
use crate::model::table::identifier;
use crate::model::{Table, TableBuilder, Timestamp, Value, ValueType};
use guard::{Guarded, Stop};
use rusqlite::types::{ToSqlOutput, Value as Sql, ValueRef};
use rusqlite::{Rows, Statement};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Threads that ask one file at once, and connections kept open between slots. A disk that hangs holds no more.
const THREADS_MAX: usize = 4;

/// How much later than SQLite itself the waiting task gives up.
const DISK_GRACE: Duration = Duration::from_secs(1);

pub const KIND: Kind = Kind {
    name: "sqlite",
    source_text: include_str!("mod.rs"),
    source: &SOURCE,
    collect: &COLLECT,
    binds: Some(Dialect::Sqlite),
    check_request: |collect, params| query_problems(collect, Dialect::Sqlite, params),
    static_columns: |_| StaticColumns::default(),
    default_key: DefaultKey::OneInstance,
    build: |source, _| Ok(Arc::new(Sqlite::of(source)?)),
};

static SOURCE: Record = Record::new(
    "sqlite",
    "A file of SQLite.",
    &[
        Key::new("path", Shape::Path, "The file. It is only read, and without a `script` never made.").required(),
        Key::new("script", Shape::Path, "SQL that makes the file where it is not there; for examples and trials.")
            .known_as(&["init", "seed", "schema"]),
        limits::MAX_ROWS,
        limits::MAX_BYTES,
    ],
);

static COLLECT: Record = Record::new(
    "sqlite",
    "A query.",
    &[Key::new("query", Shape::Text, "One SELECT. `@now` and `@param` are bound.").required().known_as(&["sql"])],
);

/// An SQLite file that can be asked.
#[derive(Clone)]
pub struct Sqlite(Arc<File>);

struct File {
    path: PathBuf,
    script: Option<PathBuf>,
    limits: Limits,
    /// Held while the file is made, so that it is made once.
    making: Mutex<()>,
    idle: Mutex<Vec<Guarded>>,
    permits: Arc<Semaphore>,
}

impl Sqlite {
    #[must_use]
    pub fn new(path: PathBuf, limits: Limits) -> Sqlite {
        Sqlite::made_from(path, None, limits)
    }

    fn made_from(path: PathBuf, script: Option<PathBuf>, limits: Limits) -> Sqlite {
        let permits = Arc::new(Semaphore::new(THREADS_MAX));
        let file = File { path, script, limits, making: Mutex::default(), idle: Mutex::default(), permits };
        Sqlite(Arc::new(file))
    }

    fn of(source: &Settings) -> Result<Sqlite, CollectError> {
        let path = source.path("path").ok_or_else(|| CollectError::unreachable("the source has no `path`"))?;
        let script = source.path("script").map(ToOwned::to_owned);
        Ok(Sqlite::made_from(path.to_owned(), script, Limits::of(source)))
    }

    /// Asks on the calling thread.
    ///
    /// # Errors
    /// As [`Collector::collect`](super::Collector::collect).
    pub fn collect_blocking(&self, request: &Request) -> Result<Table, CollectError> {
        let query = query(request)?;
        self.with(request, Instant::now(), |guarded| guarded.run(query, |s| self.read(s, request)))
    }

    fn columns_blocking(&self, request: &Request) -> Result<Vec<(String, Option<ValueType>)>, CollectError> {
        let query = query(request)?;
        self.with(request, Instant::now(), |guarded| {
            guarded.run(query, |statement| {
                bind(statement, request)?;
                let names = names(statement);
                TableBuilder::new(&names).map_err(CollectError::refused)?;
                let typed = |name: String| {
                    let declared = convert::declared(request.columns.as_deref(), &name);
                    (name, declared)
                };
                Ok(names.into_iter().map(typed).collect())
            })
        })
    }

    /// Lends a connection, and keeps it where it may be used again.
    fn with<T>(
        &self,
        request: &Request,
        started: Instant,
        ask: impl FnOnce(&Guarded) -> Result<T, CollectError>,
    ) -> Result<T, CollectError> {
        self.make(started, request.timeout)?;
        let current = guard::file_id(&self.0.path)?;
        let kept = {
            let mut idle = self.idle();
            idle.retain(|guarded| guarded.is_of(current));
            idle.pop()
        };
        let guarded = match kept {
            Some(guarded) => guarded,
            None => Guarded::open(&self.0.path, current, self.0.limits)?,
        };
        guarded.set_deadline(started, request.timeout);
        let answer = ask(&guarded);
        let mut idle = self.idle();
        if idle.len() < THREADS_MAX {
            idle.push(guarded);
        }
        answer
    }

    fn make(&self, started: Instant, timeout: Duration) -> Result<(), CollectError> {
        let Some(script) = &self.0.script else { return Ok(()) };
        let _one_at_a_time = self.0.making.lock().unwrap_or_else(PoisonError::into_inner);
        make::make(&self.0.path, script, started, timeout)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Guarded>> {
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self, statement: &mut Statement<'_>, request: &Request) -> Result<Table, Stop> {
        bind(statement, request)?;
        let names = names(statement);
        let declared: Vec<_> = names.iter().map(|n| convert::declared(request.columns.as_deref(), n)).collect();
        let mut table = TableBuilder::new(&names).map_err(CollectError::refused)?;
        let mut counter = self.0.limits.counter();
        let mut rows = statement.raw_query();
        while let Some(cells) = next_row(&mut rows, &names, &declared)? {
            counter.row(cells.iter().map(size).sum())?;
            table.push(cells).map_err(CollectError::refused)?;
        }
        Ok(table.finish())
    }
}

fn names(statement: &Statement<'_>) -> Vec<String> {
    statement.column_names().map(identifier).collect()
}

fn next_row(rows: &mut Rows<'_>, names: &[String], declared: &[Option<ValueType>]) -> Result<Option<Vec<Value>>, Stop> {
    let Some(row) = rows.next()? else { return Ok(None) };
    let mut cells = Vec::with_capacity(names.len());
    for (i, name) in names.iter().enumerate() {
        let cell = cell(row.get_ref(i)?, declared[i]);
        cells.push(cell.map_err(|e| CollectError::refused(format_args!("column `{name}` {e}")))?);
    }
    Ok(Some(cells))
}

fn cell(cell: ValueRef<'_>, declared: Option<ValueType>) -> Result<Value, String> {
    match cell {
        ValueRef::Null => Ok(Value::Null),
        ValueRef::Integer(n) => convert::integer(n, declared),
        ValueRef::Real(n) => convert::float(n, declared),
        ValueRef::Text(bytes) => {
            let text =
                std::str::from_utf8(bytes).map_err(|_| "holds text that is not UTF-8: use hex() in the query")?;
            convert::text(text, declared)
        }
        ValueRef::Blob(_) => Err("holds a BLOB: CAST it to text or use hex() in the query".to_owned()),
    }
}

/// Bytes of a cell, as the limit counts them.
fn size(cell: &Value) -> usize {
    if let Value::Text(text) = cell { text.len() + 8 } else { 8 }
}

fn bind(statement: &mut Statement<'_>, request: &Request) -> Result<(), Stop> {
    let known: Vec<&str> = request.params.iter().map(|(name, _)| &**name).collect();
    for index in 1..=statement.parameter_count() {
        let name = statement.parameter_name(index).unwrap_or("?").to_owned();
        let Some(wanted) = name.strip_prefix('@') else {
            let message = format!("`{name}` is bound to nothing: write `@name`, a name under `params:`");
            return Err(CollectError::refused(message).into());
        };
        let value = match request.params.iter().find(|(n, _)| **n == *wanted) {
            Some((_, value)) => sql(value),
            None if wanted == "now" => Sql::Text(datetime(request.now)),
            None => return Err(CollectError::refused(sql_text::unknown(wanted, &known)).into()),
        };
        statement.raw_bind_parameter(index, ToSqlOutput::Owned(value))?;
    }
    Ok(())
}

fn sql(value: &Value) -> Sql {
    match value {
        Value::Null => Sql::Null,
        Value::Bool(b) => Sql::Integer(i64::from(*b)),
        Value::Text(t) => Sql::Text(t.to_string()),
        Value::Time(t) => Sql::Text(datetime(*t)),
        #[expect(clippy::cast_possible_truncation, reason = "a whole number below 2^53")]
        Value::Number(n) if n.fract() == 0.0 && n.abs() < 9e15 => Sql::Integer(*n as i64),
        Value::Number(n) => Sql::Real(*n),
    }
}

/// As SQLite's `datetime()` writes it, in UTC.
fn datetime(time: Timestamp) -> String {
    let civil = time.to_jiff().to_zoned(jiff::tz::TimeZone::UTC).datetime();
    civil.to_string().replacen('T', " ", 1)
}

fn query(request: &Request) -> Result<&str, CollectError> {
    request.collect.text("query").ok_or_else(|| CollectError::refused("the check has no `query`"))
}

#[async_trait::async_trait]
impl super::Collector for Sqlite {
    async fn collect(&self, request: &Request) -> Result<Table, CollectError> {
        self.on_a_thread(request, Sqlite::collect_blocking).await
    }

    async fn columns(&self, request: &Request) -> Result<Vec<(String, Option<ValueType>)>, CollectError> {
        self.on_a_thread(request, Sqlite::columns_blocking).await
    }
}

impl Sqlite {
    /// SQLite waits for its disk, so it waits on a thread of its own. It stops by itself at the deadline; a disk
    /// that does not answer is left to its thread a little later.
    async fn on_a_thread<T: Send + 'static>(
        &self,
        request: &Request,
        ask: fn(&Sqlite, &Request) -> Result<T, CollectError>,
    ) -> Result<T, CollectError> {
        let (sqlite, asked) = (self.clone(), request.clone());
        let permit = timeout(request.timeout, Arc::clone(&self.0.permits).acquire_owned()).await;
        let permit = permit.map_err(|_| CollectError::too_late("a query before this one", request.timeout))?;
        let thread = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            ask(&sqlite, &asked)
        });
        match timeout(request.timeout + DISK_GRACE, thread).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(CollectError::refused("the query made its thread panic: this is a bug of Bellwether")),
            Err(_) => Err(CollectError::too_late("the query", request.timeout)),
        }
    }
}
