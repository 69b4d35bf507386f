//! # `firestore`: documents of Google Firestore, and whether it answers
//!
//! ```yaml
//! sources:
//!   state: { firestore: { project: my-project } }
//! checks:
//!   - check: firestore-reachable
//!     source: state
//!     collect: { probe: read }
//!     every: 1m
//!     timeout: 10s
//!     alert:
//!       critical: { when: "!reachable", for: 2m }
//!       warning: { when: read_latency > 2, for: 5m }
//!     title: "Firestore: {{ why }}"
//!   - check: processor-stuck
//!     source: state
//!     collect:
//!       collection: processors
//!       where:
//!         - { field: status, op: "==", value: running }
//!         - { field: started_at, op: "<", value: "@now - 6h" }
//!       fields: { processor: name, phase: phase.name, started_at: started_at }
//!     key: [processor]
//!     alert: { critical: age(started_at) > hours(6) }
//!     title: "{{ processor }} runs since {{ started_at }}"
//! ```
//!
//! **`probe`** reads one `document`, be it there or not (`bellwether/probe` where none is named), and gives one row:
//! `reachable`; `read_latency`, seconds; `write_latency`, seconds, null without a write; `why` not, null where it is
//! reachable. `probe: write` first writes the slot's time into the document, replacing what it holds, and then reads it back:
//! a document that is older than what was written is not reachable either. No answer within four fifths of the check's
//! `timeout`, a connection that fails, 429 and 5xx after two retries are `reachable: false`: that is the answer. What the
//! configuration has to mend (no credentials, 401, 403, a database that is not there) is a failed collection.
//!
//! **`collection`** asks for the documents of one collection, `processors` or `users/ana/orders`, as one consistent read.
//! `where` is a list of conditions that all have to hold: `field`, `op` (`== != < <= > >= in not_in array_contains
//! array_contains_any is_null is_not_null`, in quotes) and `value`: text, a number, a boolean, a time, a list of such for
//! `in`, `not_in` and `array_contains_any`. A value `"@now"`, `"@now - 6h"` (or `+`) is a time counted from the slot's, and `"@name"`
//! one of the check's `params`; `"@@x"` is the text `@x`. `order_by` is a list of fields, each with ` desc` where it shall
//! descend; `limit` the most documents.
//! Firestore passes over documents that lack a field of `where` or `order_by`. A query that needs a composite index
//! is refused with Google's link that makes it; the emulator asks for none.
//!
//! **Columns.** `id`, the document's last name, and those of `fields`: a mapping from columns to fields, a nested one by
//! its dotted path, a name with a dot in backticks. `__name__` is the document's path, `__create_time__` and `__update_time__` are its
//! times. Only the fields named are read. Without `fields` every field is a column, a nested one under its path with `_`
//! for each dot, and the documents decide which there are: declare `fields`, so that a check does not lose a
//! column with its last document. A field that a document lacks is null.
//!
//! | Firestore | here |
//! |---|---|
//! | string | text; a time where it is declared one and reads as RFC 3339 |
//! | integer | number; beyond 2^53 an error, unless the column is declared `text` |
//! | double | number, `NaN` and infinity too |
//! | boolean, null | bool, null |
//! | timestamp | time |
//! | map, geo point | by the path of its members (`place.latitude`); as a whole JSON text |
//! | array | JSON text |
//! | reference | text: the document's path |
//! | bytes | text: base64 |
//!
//! **Credentials.** One set for all of Google's sources: `credentials` (application default credentials without it),
//! `impersonate`, `scopes`, `quota_project`. Least role: `roles/datastore.viewer` on the project; for `probe: write`
//! `roles/datastore.user`. `database` is `(default)` unless it says otherwise. Documents read (and written, by that probe) are billed.
//!
//! **Emulator.** `endpoint: "http://127.0.0.1:8080"` is asked without credentials.
//!
//! **Limits.** `max_rows` and `max_bytes` of the source; a query without a `limit` of its own asks for one document more than
//! `max_rows`, and more is an error. Without `fields`, 1,000 columns. The check's `timeout` is for everything together.

mod document;
mod path;
mod probe;
mod query;
mod value;

use super::error::CollectError;
use super::google::{self, Call, Deadline, Failure, Google, Service};
use super::limits;
use super::registry::{DefaultKey, Kind, StaticColumns};
use super::{Collector, Request, web};
use crate::config::{Key, Problem, Record, Settings, Shape};
use crate::model::table::identifier;
use crate::model::{Table, ValueType};
use probe::Probe;
use std::sync::Arc;

pub const KIND: Kind = Kind {
    name: "firestore",
    source_text: include_str!("mod.rs"),
    source: &SOURCE,
    collect: &COLLECT,
    binds: None,
    check_request,
    static_columns,
    default_key: DefaultKey::OneInstance,
    build: |source, place| {
        let database = source.text("database").unwrap_or("(default)").to_owned();
        Ok(Arc::new(Firestore { google: Google::new(&SERVICE, source, place)?, database }))
    },
};

static SERVICE: Service = Service {
    name: "Firestore",
    endpoint: "https://firestore.googleapis.com",
    role: "`roles/datastore.viewer` on the project, `roles/datastore.user` for `probe: write`",
};

static SOURCE: Record = Record::new(
    "firestore",
    "Google Firestore in native mode.",
    &[
        google::PROJECT,
        Key::new("database", Shape::Text, "The database's id.").default("(default)").known_as(&["database_id"]),
        google::CREDENTIALS,
        google::IMPERSONATE,
        google::SCOPES,
        google::QUOTA_PROJECT,
        google::ENDPOINT,
        limits::MAX_ROWS,
        web::MAX_BYTES,
    ],
);

static COLLECT: Record = Record::new(
    "firestore",
    "A probe, or the documents of a collection.",
    &[
        Key::new(
            "probe",
            Shape::Choice(&["read", "write"]),
            "Whether Firestore answers; `write` writes and reads back.",
        ),
        Key::new("document", Shape::Checked(&path::DOCUMENT), "The document of the probe.").default("bellwether/probe"),
        Key::new("collection", Shape::Checked(&path::COLLECTION), "Whose documents.").known_as(&["from", "path"]),
        Key::new("where", Shape::List(&Shape::Record(&query::CONDITION)), "Conditions that all have to hold.")
            .known_as(&["filter", "filters"]),
        Key::new(
            "order_by",
            Shape::List(&Shape::Checked(&path::ORDER)),
            "Fields, each with ` desc` where it descends.",
        )
        .known_as(&["sort", "order"]),
        Key::new("limit", Shape::Integer { min: 1, max: 1_000_000 }, "The most documents."),
        Key::new("fields", Shape::MapOf(&Shape::Checked(&path::FIELD)), "A field for each column.")
            .known_as(&["select", "columns"]),
    ],
);

fn check_request(collect: &Settings, params: &[&str]) -> Vec<Problem> {
    let mut problems = Vec::new();
    match (collect.has("probe"), collect.has("collection")) {
        (true, false) | (false, true) => {}
        (true, true) => {
            let problem = Problem::error("`probe` beside `collection`").at(collect.key_place("probe"));
            problems.push(problem.help("each is a check of its own"));
        }
        (false, false) => {
            let problem = Problem::error("nothing says what to ask").at(collect.place("probe"));
            problems.push(problem.help("write `probe: read`, or the name of a `collection`"));
        }
    }
    let (asked, others): (_, &[&str]) = if collect.has("probe") {
        ("probe", &["where", "order_by", "limit", "fields"])
    } else if collect.has("collection") {
        ("collection", &["document"])
    } else {
        ("", &[])
    };
    for key in others.iter().filter(|key| collect.has(key)) {
        problems.push(Problem::error(format!("`{key}` has no meaning with `{asked}`")).at(collect.key_place(key)));
    }
    problems.extend(query::problems(collect, params));
    problems.extend(column_problems(collect));
    problems
}

fn column_problems(collect: &Settings) -> Vec<Problem> {
    let mut seen: Vec<String> = Vec::new();
    let mut problems = Vec::new();
    for (name, _) in collect.map("fields").unwrap_or_default() {
        let identifier = identifier(&name.text);
        if seen.contains(&identifier) {
            let problem = Problem::error(format!("there is a column `{identifier}` already"));
            problems.push(problem.at(name.place()).help("give it another name"));
        }
        seen.push(identifier);
    }
    problems
}

fn static_columns(collect: &Settings) -> StaticColumns {
    if collect.has("probe") {
        let known = probe::COLUMNS.map(|(name, value_type)| (name.to_owned(), Some(value_type)));
        return StaticColumns { known: known.into(), complete: true };
    }
    let known = document::columns(collect).into_iter().map(|(name, field)| {
        let is_time = matches!(field.as_deref(), Some(document::CREATE_TIME | document::UPDATE_TIME));
        let is_text = matches!(field.as_deref(), None | Some(document::NAME));
        let value_type = is_time.then_some(ValueType::Time).or(is_text.then_some(ValueType::Text));
        (identifier(&name), value_type)
    });
    StaticColumns { known: known.collect(), complete: collect.has("fields") }
}

/// One database.
struct Firestore {
    google: Google,
    database: String,
}

#[async_trait::async_trait]
impl Collector for Firestore {
    async fn collect(&self, request: &Request) -> Result<Table, CollectError> {
        match request.collect.text("probe") {
            Some(kind) => probe::table(&self.probe(kind == "write", request).await?),
            None => self.query(request).await,
        }
    }

    async fn columns(&self, request: &Request) -> Result<Vec<(String, Option<ValueType>)>, CollectError> {
        if !request.collect.has("probe") {
            return Ok(super::columns_of(&self.query(request).await?));
        }
        // Lint writes nothing.
        match self.probe(false, request).await?.why {
            Some(why) => Err(CollectError::unreachable(why)),
            None => Ok(static_columns(&request.collect).known),
        }
    }
}

impl Firestore {
    async fn query(&self, request: &Request) -> Result<Table, CollectError> {
        let deadline = Deadline::after(request.timeout);
        let collection = request.collect.text("collection");
        let collection = collection.ok_or_else(|| CollectError::refused("the check has no `collection`"))?;
        let root = self.documents(deadline).await?;
        let (parent, id) = collection.rsplit_once('/').map_or(("", collection), |(parent, id)| (parent, id));
        let query = query::structured(request, &root, id, collection, self.google.limits().rows_max)?;
        let path = format!("{}:runQuery", encoded(&format!("{root}/{parent}")));
        let answer = self.google.ask(&Call::post(path, query), deadline).await.map_err(|failure| failure.error)?;
        document::table(&answer, request, self.google.limits())
    }

    async fn probe(&self, writes: bool, request: &Request) -> Result<Probe, CollectError> {
        // What is left of the timeout tells of it.
        let deadline = Deadline::after(request.timeout * 4 / 5);
        let root = self.documents(deadline).await?;
        let document = request.collect.text("document").unwrap_or("bellwether/probe");
        probe::run(&self.google, &root, document, writes.then_some(request.now), deadline).await
    }

    /// `projects/P/databases/D/documents`.
    async fn documents(&self, deadline: Deadline) -> Result<String, CollectError> {
        let project = self.google.project(deadline).await?;
        Ok(format!("projects/{project}/databases/{}/documents", self.database))
    }
}

/// The path of a resource, each of its names encoded.
fn encoded(name: &str) -> String {
    let names = name.split('/').filter(|name| !name.is_empty()).map(Call::segment);
    format!("/v1/{}", names.collect::<Vec<_>>().join("/"))
}

/// Whether Firestore is not there, rather than asked amiss.
fn is_away(failure: &Failure) -> bool {
    failure.passes() || failure.is_unanswered || matches!(failure.http, Some(500..=599))
}
