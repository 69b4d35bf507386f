//! # `http`: a request, and what its answer holds
//!
//! ```yaml
//! sources:
//!   web: { http: {} }
//! checks:
//!   - check: shop-down
//!     source: web
//!     collect: { url: "https://shop.example/health" }
//!     alert: { critical: status >= 500, warning: tls_days_left < 14 || latency > 2 }
//!   - check: queues
//!     source: web
//!     collect:
//!       url: "https://rabbit.example/api/queues"
//!       headers: { Authorization: "Basic ${RABBIT_TOKEN}" }
//!       rows: ""                                  # the whole answer is the list
//!       json: { queue: /name, ready: /messages_ready }
//!     key: [queue]
//!     alert: { warning: ready > 1000 }
//! ```
//!
//! `method` is `GET` unless it says otherwise; `body` is sent as it stands.
//!
//! **Columns.** `status`, the number of the answer; `latency`, seconds from the request to the last byte of the
//! answer, with redirects, on a new connection each time; `body_bytes`, its size, unpacked; `tls_days_left`, days from
//! the slot's time to the end of the server's certificate, null without TLS. Beside them those of `json`. An answer
//! with status 500 is a row like any other: that is what the check is for. A connection that fails, a certificate that is
//! not good (or has ended) and an answer that does not come within the check's `timeout` are an unreachable source.
//!
//! **`json`** gives each column a JSON pointer (RFC 6901): `/a/b` is the member `b` of the member `a`, `/0` the first
//! of a list, `""` the whole. **`rows`** points to a list: each entry is a row, and the pointers of `json` begin at
//! it. What a pointer does not find is null. An answer that is no JSON, or `rows` that is no list, is a failed
//! collection, whatever its status. Numbers, texts, booleans and nulls are cells; a list or an object is an error
//! that says to point deeper. Declared a `time`, a text is read as RFC 3339 or `2026-01-05 00:30:00` in UTC, and a number as
//! seconds since 1970; declared `text`, an integer keeps its digits (beyond 2^53 it is an error otherwise).
//!
//! **Credentials.** `headers`, `username` and `password`, `bearer_token` of the source; `headers` and `body` of the check
//! may hold `${NAME}`. The values of headers are never shown: where
//! an answer holds one that came from `${NAME}` or a file, its column reads `***` there. `ca`, a PEM file, takes the place of the system's roots.
//!
//! With headers of its own a request follows no redirect to another host. A proxy of the daemon's environment
//! (`HTTPS_PROXY`, `NO_PROXY`) is used.
//!
//! **Limits.** `max_rows`, `max_bytes` and `max_redirects` (0: a redirect is the answer) of the source.

mod certificate;
mod json;

use super::error::CollectError;
use super::limits;
use super::registry::{DefaultKey, Kind, StaticColumns};
use super::web::{self, Answer, Web};
use super::{Collector, Request};
use crate::config::{Key, Problem, Record, Settings, Shape, headers};
use crate::model::table::identifier;
use crate::model::{Table, TableBuilder, Value, ValueType};
use json::Pointers;
use std::sync::Arc;

/// The columns that every answer has.
const OWN: [&str; 4] = ["status", "latency", "body_bytes", "tls_days_left"];

pub const KIND: Kind = Kind {
    name: "http",
    source_text: include_str!("mod.rs"),
    source: &SOURCE,
    collect: &COLLECT,
    binds: None,
    check_request,
    static_columns,
    default_key: DefaultKey::OneInstance,
    build: |source, _| {
        let redirects_max = source.integer("max_redirects").and_then(|n| usize::try_from(n).ok()).unwrap_or(5);
        Ok(Arc::new(Http(Web::new(source, redirects_max, false))))
    },
};

static SOURCE: Record = Record::new(
    "http",
    "Any HTTP server.",
    &[
        web::HEADERS,
        web::BEARER,
        web::USERNAME,
        web::PASSWORD,
        web::CA,
        Key::new("max_redirects", Shape::Integer { min: 0, max: 20 }, "How many redirects are followed.").default("5"),
        limits::MAX_ROWS,
        web::MAX_BYTES,
    ],
);

static COLLECT: Record = Record::new(
    "http",
    "One request.",
    &[
        Key::new("url", Shape::Url, "Where to ask.").required().carries_secrets(),
        Key::new("method", Shape::Choice(&["GET", "HEAD", "POST", "PUT", "OPTIONS"]), "The method.").default("GET"),
        web::HEADERS,
        Key::new("body", Shape::Secret, "What is sent; never shown."),
        Key::new("json", Shape::MapOf(&Shape::Checked(&json::POINTER)), "A JSON pointer for each column."),
        Key::new("rows", Shape::Checked(&json::POINTER), "A JSON pointer to the list whose entries are rows."),
    ],
);

/// Any HTTP server.
struct Http(Web);

#[async_trait::async_trait]
impl Collector for Http {
    async fn collect(&self, request: &Request) -> Result<Table, CollectError> {
        let headers = web::headers(&request.collect);
        let collect = &request.collect;
        let url = collect.text("url").ok_or_else(|| CollectError::refused("the check has no `url`"))?;
        let mut asked = self.0.request(collect.text("method").unwrap_or("GET"), url, &headers)?;
        if let Some(body) = collect.secret("body") {
            asked = asked.body(body.expose().to_owned());
        }
        let answer = self.0.send(asked, request).await?;
        table(&answer, request, &Pointers::of(collect), self.0.limits)
    }

    async fn columns(&self, request: &Request) -> Result<Vec<(String, Option<ValueType>)>, CollectError> {
        Ok(super::columns_of(&self.collect(request).await?))
    }
}

fn table(
    answer: &Answer,
    request: &Request,
    pointers: &Pointers,
    limits: super::limits::Limits,
) -> Result<Table, CollectError> {
    let own = own(answer, request);
    let names = pointers.names().chain(OWN);
    let mut table = TableBuilder::new(names).map_err(CollectError::refused)?;
    let mut counter = limits.counter();
    for mut row in pointers.rows(answer, request.columns.as_deref())? {
        counter.row(0)?;
        row.extend(own.iter().cloned());
        table.push(row).map_err(CollectError::refused)?;
    }
    Ok(table.finish())
}

#[expect(clippy::cast_precision_loss, reason = "a body is far below 2^53 bytes")]
fn own(answer: &Answer, request: &Request) -> [Value; 4] {
    let end = answer.certificate.as_deref().and_then(certificate::not_after);
    let days_left = end.map_or(Value::Null, |end| Value::Number(end.seconds_since(request.now) / 86_400.0));
    [
        Value::Number(answer.status.as_u16().into()),
        Value::Number(answer.took.as_secs_f64()),
        Value::Number(answer.body.len() as f64),
        days_left,
    ]
}

fn static_columns(collect: &Settings) -> StaticColumns {
    let pointers = Pointers::of(collect);
    let known = pointers.names().map(|name| (identifier(name), None));
    let own = OWN.iter().map(|name| ((*name).to_owned(), Some(ValueType::Number)));
    StaticColumns { known: known.chain(own).collect(), complete: true }
}

fn check_request(collect: &Settings, _: &[&str]) -> Vec<Problem> {
    let mut problems = headers::problems(collect, web::HEADERS.name);
    if collect.has("rows") && !collect.has("json") {
        let problem = Problem::error("`rows` without `json` gives rows without columns");
        problems.push(problem.at(collect.key_place("rows")).help("name the columns: `json: { name: /name }`"));
    }
    let mut seen: Vec<String> = OWN.iter().map(|name| (*name).to_owned()).collect();
    for (name, _) in collect.map("json").unwrap_or_default() {
        let identifier = identifier(&name.text);
        if seen.contains(&identifier) {
            let problem = Problem::error(format!("there is a column `{identifier}` already"));
            problems.push(problem.at(name.place()).help("give it another name"));
        }
        seen.push(identifier);
    }
    problems
}
