//! # `postgres`: a query of a PostgreSQL database
//!
//! ```yaml
//! sources:
//!   orders: { postgres: { url: "${ORDERS_URL}" } }     # postgres://user:password@host:5432/db?sslmode=verify-full
//! checks:
//!   - check: late-orders
//!     source: orders
//!     collect:
//!       query: |
//!         SELECT region, count(*) AS late FROM orders
//!         WHERE shipped_at IS NULL AND ordered_at < @now - interval '2 days' GROUP BY region
//!     key: [region]
//!     alert: { warning: late > 10 }
//! ```
//!
//! **What is asked.** One statement, in a read-only transaction that is rolled back, with the session's zone set to UTC
//! and the server's `statement_timeout` set to what is left of the check's `timeout`. Give the daemon a role that may
//! only read all the same. At its deadline a query is cancelled at the server too.
//!
//! **Parameters.** `@now` and the check's `params` are sent apart from the text; they become `$1`, `$2`, … outside
//! `'…'`, `E'…'`, `"…"`, `$tag$…$tag$` and comments. An `@` is a parameter where a name follows it and no operator
//! that holds an `@` begins before it: `a >= @factor` and `a>=@factor` are parameters, `tags @> other`, `@@` and
//! `@ x` are Postgres' operators. `<@now` is an error that says "put a space before it". `@now` is a `timestamptz`;
//! a whole number or a text takes the type that its place needs, as a literal does; another number is
//! `double precision`, a bool `boolean`. Cast where that is not what you mean: `@days::int`.
//!
//! **Types.** `int2 int4 int8 oid float4 float8 numeric` are numbers (`NaN` and infinity too: what meets one is
//! unknown), `bool` a bool, `text varchar char name uuid json jsonb` and enums are text, `timestamptz`, `timestamp`
//! (taken as UTC) and `date` (its midnight in UTC) are times; `infinity` is the end of time. Any other type is an error
//! that names the column and the cast. An `int8` beyond 2^53 is an error too: cast it to text, or declare it `text`.
//!
//! **TLS.** `sslmode` of the URL: `disable`, `prefer` (the default), `require` (neither looks who answers),
//! `verify-full` (the certificate must be good and for this host, as the system's roots say). `ca`, a PEM file, takes
//! the place of the system's roots, and whoever gives it has every TLS connection verified.
//!
//! **Limits.** `max_rows`, `max_bytes` and `max_connections` of the source.

mod failure;
mod read;
mod tls;

use super::error::{CollectError, with_causes};
use super::limits::{self, Limits};
use super::registry::{DefaultKey, Kind, StaticColumns, query_problems};
use super::sql_text::{self, Dialect};
use super::{Collector, Request, convert};
use crate::config::{Key, Record, Settings, Shape};
use crate::model::table::identifier;
use crate::model::{FailureClass, Secret, Table, TableBuilder, ValueType};
use failure::{class, is_io};
use futures_util::{StreamExt, pin_mut};
use read::{Bound, Reader};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, Error, Statement};

/// How long the server is given to hear that a query is cancelled.
const CANCEL_TIME: Duration = Duration::from_secs(5);

pub const KIND: Kind = Kind {
    name: "postgres",
    source_text: include_str!("mod.rs"),
    source: &SOURCE,
    collect: &COLLECT,
    binds: Some(Dialect::Postgres),
    check_request: |collect, params| query_problems(collect, Dialect::Postgres, params),
    static_columns: |_| StaticColumns::default(),
    default_key: DefaultKey::OneInstance,
    build: |source, _| Ok(Arc::new(Postgres::of(source)?)),
};

static SOURCE: Record = Record::new(
    "postgres",
    "A PostgreSQL database, or one that speaks its protocol.",
    &[
        Key::new(
            "url",
            Shape::Secret,
            "`postgres://user:password@host:5432/database?sslmode=verify-full`; never shown.",
        )
        .required()
        .known_as(&["dsn", "uri"]),
        Key::new("ca", Shape::Path, "A PEM file of root certificates, in place of the system's.")
            .known_as(&["sslrootcert"]),
        Key::new("max_connections", Shape::Integer { min: 1, max: 100 }, "The most connections at once.").default("4"),
        limits::MAX_ROWS,
        limits::MAX_BYTES,
    ],
);

static COLLECT: Record = Record::new(
    "postgres",
    "A query.",
    &[Key::new("query", Shape::Text, "One SELECT. `@now` and `@param` are bound.").required().known_as(&["sql"])],
);

#[async_trait::async_trait]
impl Collector for Postgres {
    async fn collect(&self, request: &Request) -> Result<Table, CollectError> {
        let deadline = Instant::now() + request.timeout;
        let session = self.session(deadline, request.timeout).await?;
        let answer = tokio::time::timeout_at(deadline, self.read(&session.client, request)).await;
        self.finish(session, answer, request.timeout).await
    }

    /// The server prepares the query and does not run it.
    async fn columns(&self, request: &Request) -> Result<Vec<(String, Option<ValueType>)>, CollectError> {
        let deadline = Instant::now() + request.timeout;
        let session = self.session(deadline, request.timeout).await?;
        let answer = tokio::time::timeout_at(deadline, describe(&session.client, request)).await;
        self.finish(session, answer, request.timeout).await
    }
}

/// A database that can be asked.
pub struct Postgres {
    config: Config,
    tls: tls::Tls,
    limits: Limits,
    permits: Semaphore,
    idle: Mutex<Vec<Client>>,
    secrets: Vec<Secret>,
}

/// A connection in a transaction, and the right to have it.
struct Session<'a> {
    client: Client,
    _permit: SemaphorePermit<'a>,
}

/// Why an answer was not read.
enum Stop {
    Theirs(Error),
    Ours(CollectError),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Stop {
        Stop::Theirs(error)
    }
}

impl From<CollectError> for Stop {
    fn from(error: CollectError) -> Stop {
        Stop::Ours(error)
    }
}

impl Postgres {
    fn of(source: &Settings) -> Result<Postgres, CollectError> {
        let url = source.secret("url").ok_or_else(|| CollectError::unreachable("the source has no `url`"))?;
        let connections_max = source.integer("max_connections").and_then(|n| usize::try_from(n).ok()).unwrap_or(4);
        Postgres::new(url, source.path("ca").map(PathBuf::from), connections_max, Limits::of(source))
    }

    /// Nothing is connected yet.
    ///
    /// # Errors
    /// Where the URL cannot be read: no part of it is shown.
    pub fn new(
        url: &Secret,
        ca: Option<PathBuf>,
        connections_max: usize,
        limits: Limits,
    ) -> Result<Postgres, CollectError> {
        let (rest, mode) = tls::split(url.expose(), ca)?;
        let mut config: Config = rest.parse().map_err(|_| {
            CollectError::unreachable(
                "the source's `url` is no Postgres URL: write `postgres://user:password@host:5432/database`",
            )
        })?;
        config.ssl_mode(mode.ssl_mode());
        if config.get_application_name().is_none() {
            config.application_name("bellwether");
        }
        let password = config.get_password().map(|p| Secret::new(&String::from_utf8_lossy(p)));
        Ok(Postgres {
            config,
            tls: mode,
            limits,
            permits: Semaphore::new(connections_max.max(1)),
            idle: Mutex::new(Vec::new()),
            secrets: password.into_iter().chain([url.clone()]).collect(),
        })
    }

    /// A connection whose transaction has begun: a kept one that still answers, else a new one.
    async fn session(&self, deadline: Instant, timeout: Duration) -> Result<Session<'_>, CollectError> {
        let late = |_| {
            let place = self.place();
            CollectError::unreachable(format_args!("cannot connect to {place}: it did not answer within {timeout:?}"))
                .classed(FailureClass::TimedOut)
        };
        let permit = tokio::time::timeout_at(deadline, self.permits.acquire()).await;
        let permit = permit.map_err(|_| {
            CollectError::unreachable(format_args!(
                "no connection was free within {timeout:?}: raise `max_connections` of the source, or ask less at once"
            ))
            .classed(FailureClass::TimedOut)
        })?;
        let permit = permit.expect("the semaphore is never closed");
        while let Some(client) = self.pop() {
            let begun = tokio::time::timeout_at(deadline, begin(&client, deadline)).await;
            if begun.map_err(late)?.is_ok() {
                return Ok(Session { client, _permit: permit });
            }
        }
        let connected = tokio::time::timeout_at(deadline, async {
            let client = self.connect().await?;
            begin(&client, deadline).await.map_err(|e| self.explain(&e, timeout))?;
            Ok(client)
        });
        Ok(Session { client: connected.await.map_err(late)??, _permit: permit })
    }

    async fn connect(&self) -> Result<Client, CollectError> {
        let connector = self.tls.connector()?;
        let (client, connection) = self.config.connect(connector).await.map_err(|e| {
            let said = e.as_db_error().map_or_else(|| with_causes(&e), |db| db.message().to_owned());
            let class = e.as_db_error().map_or_else(|| FailureClass::of_connection(&e), |db| class(db.code()));
            CollectError::unreachable(self.redact(&format!("cannot connect to {}: {said}", self.place())))
                .classed(class)
        })?;
        // It ends with the client; what it fails with, the client's next call says.
        tokio::spawn(connection);
        Ok(client)
    }

    async fn read(&self, client: &Client, request: &Request) -> Result<Table, Stop> {
        let (statement, bound) = prepare(client, request).await?;
        let readers = readers(&statement)?;
        let names = readers.iter().map(|(name, _)| name);
        let mut table = TableBuilder::new(names).map_err(CollectError::refused)?;
        let declared: Vec<_> =
            readers.iter().map(|(name, _)| convert::declared(request.columns.as_deref(), name)).collect();
        let mut counter = self.limits.counter();
        let rows = client.query_raw(&statement, bound).await?;
        pin_mut!(rows);
        while let Some(row) = rows.next().await {
            let row = row?;
            counter.row(row.raw_size_bytes())?;
            let mut cells = Vec::with_capacity(readers.len());
            for (i, (name, reader)) in readers.iter().enumerate() {
                let cell = reader.read(&row, i, declared[i]);
                cells.push(cell.map_err(|e| CollectError::refused(format_args!("column `{name}` {e}")))?);
            }
            table.push(cells).map_err(CollectError::refused)?;
        }
        Ok(table.finish())
    }

    /// Ends the transaction; a connection that answers is kept, one that is still busy is cancelled.
    async fn finish<T>(
        &self,
        session: Session<'_>,
        answer: Result<Result<T, Stop>, tokio::time::error::Elapsed>,
        timeout: Duration,
    ) -> Result<T, CollectError> {
        let answer = match answer {
            Ok(Ok(answer)) => Ok(answer),
            // The server has ended this statement itself.
            Ok(Err(Stop::Theirs(error))) => Err(self.explain(&error, timeout)),
            Ok(Err(Stop::Ours(error))) => {
                self.cancel(&session.client);
                return Err(error);
            }
            Err(_) => {
                self.cancel(&session.client);
                return Err(CollectError::too_late("the query", timeout));
            }
        };
        let ended = tokio::time::timeout(CANCEL_TIME, session.client.batch_execute("ROLLBACK")).await;
        if matches!(ended, Ok(Ok(()))) {
            self.idle().push(session.client);
        }
        answer
    }

    /// Asks the server to stop, beside what goes on here.
    fn cancel(&self, client: &Client) {
        let token = client.cancel_token();
        if let Ok(connector) = self.tls.connector() {
            tokio::spawn(tokio::time::timeout(CANCEL_TIME, async move { token.cancel_query(connector).await }));
        }
    }

    fn explain(&self, error: &Error, timeout: Duration) -> CollectError {
        let Some(db) = error.as_db_error() else {
            let said = self.redact(&with_causes(error));
            return if error.is_closed() || is_io(error) {
                CollectError::unreachable(format_args!("the connection to {} was lost: {said}", self.place()))
                    .classed(FailureClass::Lost)
            } else {
                CollectError::refused(format_args!("the query is refused: {said}"))
            };
        };
        if *db.code() == SqlState::QUERY_CANCELED && db.message().contains("statement timeout") {
            return CollectError::too_late("the query", timeout);
        }
        let hint = db.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
        let said = self.redact(&format!("{}{hint}", db.message()));
        if *db.code() == SqlState::READ_ONLY_SQL_TRANSACTION {
            return CollectError::refused(format_args!("the query is refused, for a source is only read: {said}"));
        }
        // Login, resources, the operator's intervention, the system: not the query's fault.
        let code = db.code().code();
        if ["08", "28", "3D", "53", "57", "58", "XX"].iter().any(|class| code.starts_with(class)) {
            let error = CollectError::unreachable(format_args!("{} answered: {said}", self.place()));
            return error.classed(class(db.code()));
        }
        CollectError::refused(format_args!("the query is refused: {said}"))
    }

    /// Host and database, for errors: never the user's password.
    fn place(&self) -> String {
        let host = self.config.get_hosts().first().map_or_else(
            || "localhost".to_owned(),
            |host| match host {
                tokio_postgres::config::Host::Tcp(name) => name.clone(),
                #[cfg(unix)]
                tokio_postgres::config::Host::Unix(path) => path.display().to_string(),
            },
        );
        let port = self.config.get_ports().first().copied().unwrap_or(5432);
        format!("{host}:{port}/{}", self.config.get_dbname().unwrap_or_default())
    }

    fn redact(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, secret| secret.redact(&text))
    }

    fn pop(&self) -> Option<Client> {
        let mut idle = self.idle();
        idle.retain(|client| !client.is_closed());
        idle.pop()
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Client>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn begin(client: &Client, deadline: Instant) -> Result<(), Error> {
    let left = deadline.saturating_duration_since(Instant::now()).as_millis().max(1);
    let begin = format!("BEGIN READ ONLY; SET LOCAL statement_timeout = {left}; SET LOCAL timezone = 'UTC'");
    client.batch_execute(&begin).await
}

async fn describe(client: &Client, request: &Request) -> Result<Vec<(String, Option<ValueType>)>, Stop> {
    let (statement, _) = prepare(client, request).await?;
    let columns = readers(&statement)?.into_iter().map(|(name, reader)| {
        let declared = convert::declared(request.columns.as_deref(), &name);
        (name, Some(reader.value_type(declared)))
    });
    Ok(columns.collect())
}

async fn prepare(client: &Client, request: &Request) -> Result<(Statement, Vec<Bound>), Stop> {
    let query = request.collect.text("query").ok_or_else(|| CollectError::refused("the check has no `query`"))?;
    let (sql, names) = sql_text::numbered(query, Dialect::Postgres);
    let known: Vec<&str> = request.params.iter().map(|(name, _)| &**name).collect();
    let mut bound = Vec::with_capacity(names.len());
    for name in names {
        let value =
            Bound::find(&name, request).ok_or_else(|| CollectError::refused(sql_text::unknown(&name, &known)))?;
        bound.push(value);
    }
    let types: Vec<_> = bound.iter().map(Bound::wanted).collect();
    let statement = client.prepare_typed(&sql, &types).await?;
    Ok((statement, bound))
}

fn readers(statement: &Statement) -> Result<Vec<(String, Reader)>, CollectError> {
    let column = |column: &tokio_postgres::Column| {
        let name = identifier(column.name());
        let reader = Reader::of(column.type_()).ok_or_else(|| {
            CollectError::refused(format_args!(
                "column `{name}` is of the type {}, which is no number, text, bool or time: cast it, `{0}::text`, or for an interval `extract(epoch FROM …)`",
                column.type_().name()
            ))
        });
        reader.map(|reader| (name.clone(), reader))
    };
    if statement.columns().is_empty() {
        return Err(CollectError::refused("the query gives no columns: write a SELECT"));
    }
    statement.columns().iter().map(column).collect()
}
