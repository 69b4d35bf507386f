//! THE SEAM TO THE WATCHED WORLD: one file a kind of source, and one line in `registry`.
//!
//! A collector is asked a [`Request`] and gives a typed [`Table`] or says why not. It never guesses:
//! an answer that was cut short, partial or mistyped is an error, not fewer rows.

#[cfg(feature = "bigquery")]
mod bigquery;
#[cfg(feature = "cloud_logging")]
mod cloud_logging;
#[cfg(feature = "cloud_monitoring")]
mod cloud_monitoring;
mod conceal;
pub mod convert;
pub mod error;
#[cfg(all(feature = "exec", unix))]
mod exec;
#[cfg(feature = "firestore")]
mod firestore;
#[cfg(feature = "google")]
pub mod google;
#[cfg(feature = "http")]
mod http;
pub mod identity;
pub mod limits;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(feature = "prometheus")]
mod prometheus;
#[cfg(any(feature = "prometheus", feature = "cloud_monitoring"))]
mod promql;
#[cfg(feature = "pubsub")]
mod pubsub;
pub mod registry;
pub mod sql_text;
#[cfg(feature = "sqlite")]
pub mod sqlite;
#[cfg(any(feature = "http", feature = "prometheus", feature = "google"))]
mod web;

pub use error::{CollectError, CollectErrorKind};
pub use identity::{Identity, identity};
pub use registry::{DefaultKey, KINDS, Kind, Place, StaticColumns};

use crate::model::{Table, Timestamp, Value, ValueType};
use std::sync::Arc;
use std::time::Duration;

/// What one check asks of its source in one slot.
#[derive(Clone, Debug)]
pub struct Request {
    /// The check's `collect:` mapping, already validated by the kind's declaration.
    pub collect: Arc<crate::config::Settings>,
    /// The check's `params`, bound as `@name` where the kind binds parameters.
    pub params: Arc<[(Arc<str>, Value)]>,
    /// The declared `columns:`, where the check declares them: a collector may read an exact text or a time
    /// where its source has no such type (SQLite).
    pub columns: Option<Arc<Columns>>,
    /// The slot's planned instant: `@now`, and the time a Prometheus query is asked at.
    pub now: Timestamp,
    /// How long the whole collection may take.
    pub timeout: Duration,
    /// The check's name, for labels of jobs and for logs.
    pub check: Arc<str>,
}

/// Declared columns: names as expressions write them, and their types.
pub type Columns = [(Arc<str>, ValueType)];

/// A source, connected or able to connect. Cheap to ask from many tasks at once.
#[async_trait::async_trait]
pub trait Collector: Send + Sync {
    /// Asks once; retries inside are the collector's own affair and count against `request.timeout`.
    async fn collect(&self, request: &Request) -> Result<Table, CollectError>;

    /// What `lint --online` asks: the columns the answer will have, without running the request where the
    /// source can tell (a prepared statement), else by running it.
    async fn columns(&self, request: &Request) -> Result<Vec<(String, Option<ValueType>)>, CollectError>;

    /// The same, with what running the request would cost, where the source can tell.
    async fn survey(&self, request: &Request) -> Result<Survey, CollectError> {
        Ok(Survey { columns: self.columns(request).await?, bytes: None })
    }
}

/// What is known of a request before it is run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// The columns that the answer will have, and their types.
    pub columns: Vec<(String, Option<ValueType>)>,
    /// Bytes that it would process, for a source that bills by them.
    pub bytes: Option<u64>,
}

/// The columns of a table that was collected, for a source that cannot tell them otherwise.
#[cfg(any(
    feature = "http",
    feature = "prometheus",
    feature = "exec",
    feature = "cloud_monitoring",
    feature = "firestore"
))]
fn columns_of(table: &Table) -> Vec<(String, Option<ValueType>)> {
    table.columns().iter().map(|c| (c.name.to_string(), c.cells.value_type())).collect()
}
