//! Every kind of source, against real servers and against a false one.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod bigquery;
mod cloud_logging;
mod cloud_monitoring;
mod conformance;
mod docs;
mod exec;
mod firestore;
mod http;
mod postgres;
mod prometheus;
mod pubsub;
mod requests;
mod secrets;
mod sqlite;

use bellwether::collectors::registry::{self, Kind, Place};
use bellwether::collectors::{CollectError, Collector, Columns, Request};
use bellwether::config::{Document, Problems, Reader, Record, Settings, Source};
use bellwether::model::{Table, Timestamp, Value, ValueType};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The slot of every request here.
const NOW: &str = "2026-01-05T00:30:00Z";

/// What `${NAME}` gives here.
const ENVIRONMENT: [(&str, &str); 3] =
    [("KEY", "key-77ab20e9"), ("OTHER_KEY", "key-77ab20e9-more"), ("REGION", "eu-west")];

fn kind(name: &str) -> &'static Kind {
    registry::kind(name).unwrap_or_else(|| panic!("this build has no `{name}`"))
}

/// Reads a mapping by its record; what is wrong with it, as one text.
fn read(record: &'static Record, yaml: &str) -> Result<Settings, String> {
    let source = Arc::new(Source::new("bellwether.yaml", "bellwether.yaml", yaml.to_owned()));
    let mut problems = Problems::new();
    let document = Document::parse(&source, &mut problems).expect("the test wrote YAML");
    let env = |name: &str| ENVIRONMENT.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    let reader = Reader { folder: Path::new("/"), env: &env, lenient: false, fill: true };
    let settings = reader.record(&source, &document.root, record, &mut problems);
    let said = problems.iter().fold(String::new(), |mut all, p| {
        let _ = writeln!(all, "{}", p.message);
        all
    });
    if said.is_empty() { Ok(settings) } else { Err(said) }
}

/// A source, asked the way that checks ask it.
struct Asked {
    kind: &'static Kind,
    source: Arc<dyn Collector>,
}

fn source(name: &str, yaml: &str) -> Asked {
    let kind = kind(name);
    let settings = read(kind.source, yaml).expect("the source's keys are right");
    let source = registry::build(kind, &settings, &Place { name: "tested", folder: Path::new("/") });
    Asked { kind, source }
}

impl Asked {
    fn request(&self, collect: &str) -> Request {
        Request {
            collect: Arc::new(read(self.kind.collect, collect).expect("the request's keys are right")),
            params: Arc::from([]),
            columns: None,
            now: Timestamp::parse(NOW).unwrap(),
            timeout: Duration::from_secs(20),
            check: Arc::from("tested"),
        }
    }

    /// Asks a query with `@now` alone.
    async fn query(&self, sql: &str) -> Result<Table, CollectError> {
        self.source.collect(&self.request(&query(sql))).await
    }

    async fn collect(&self, collect: &str) -> Result<Table, CollectError> {
        self.source.collect(&self.request(collect)).await
    }
}

/// A `collect:` with this query, whatever is in it.
fn query(sql: &str) -> String {
    format!("query: |\n  {}\n", sql.replace('\n', "\n  "))
}

fn params(params: &[(&str, Value)]) -> Arc<[(Arc<str>, Value)]> {
    params.iter().map(|(name, value)| (Arc::from(*name), value.clone())).collect()
}

fn columns(columns: &[(&str, ValueType)]) -> Arc<Columns> {
    columns.iter().map(|(name, value_type)| (Arc::from(*name), *value_type)).collect()
}

/// A row as `name=value name=value`.
fn row(table: &Table, row: usize) -> String {
    let cells = table.columns().iter().map(|c| format!("{}={}", c.name, c.value(row)));
    cells.collect::<Vec<_>>().join(" ")
}

/// The first row, with the types of its columns: `n:number=1 t:text=x`.
fn typed_row(table: &Table) -> String {
    let typed = |c: &bellwether::model::Column| {
        let value_type = c.cells.value_type().map_or("?", ValueType::name);
        format!("{}:{value_type}={}", c.name, c.value(0))
    };
    table.columns().iter().map(typed).collect::<Vec<_>>().join(" ")
}

/// Kind and message of an error.
fn said(answer: Result<Table, CollectError>) -> String {
    let error = answer.expect_err("there is no table");
    format!("{:?}: {}", error.kind, error.message)
}
