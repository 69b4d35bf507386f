//! # `bigquery`: a query of Google BigQuery
//!
//! ```yaml
//! sources:
//!   warehouse:
//!     bigquery: { project: my-project, location: us-west2, max_bytes_billed: 2GiB, price_per_tib: 6.25 }
//! checks:
//!   - check: processor-slowdown
//!     source: warehouse
//!     collect:
//!       query: |
//!         SELECT processor_name AS processor, duration_seconds AS duration
//!         FROM ops.processor_run_history
//!         WHERE run_date >= DATE_SUB(DATE(@now), INTERVAL @days DAY) AND phase IN UNNEST(@phases)
//!       params: { days: 7, phases: [phase_3, phase_4] }
//!     columns: { processor: text, duration: number }
//!     key: [processor]
//!     every: 15m
//!     budget: 50GiB
//!     alert: { critical: duration > 600 }
//! ```
//!
//! **What is asked.** One query in GoogleSQL. A statement that does not begin with `SELECT`, `WITH`, `FROM` or `(`, and a
//! script of several, are refused before they are sent; give the daemon an account that may only read all the same. A
//! job that is not complete is waited for, and its pages are read to the last. An answer that carries errors beside no
//! rows, or fewer rows than it says there are, is a failed collection. At the check's `timeout`, and whenever nobody
//! waits any longer, the job is cancelled; BigQuery is told the timeout too.
//!
//! **Parameters.** `@now`, the slot's time, is always there, a `TIMESTAMP`. The check's `params` and the query's own `params`
//! are sent apart from the text, where the query names them: a whole number is an `INT64`, another a `FLOAT64`, `true` a
//! `BOOL`, a time with its zone (`2026-01-05T00:30:00Z`) a `TIMESTAMP`, other text a `STRING`, which BigQuery takes for a date
//! or a time of day where one is needed. A list under the query's `params` is an `ARRAY` of those. For any other type write
//! both: `{ type: date, value: 2026-01-05 }`; its `value` may be a list. `@name` counts outside quotes and comments, and
//! `@@name` is BigQuery's own.
//!
//! **Types.** `INT64`, `FLOAT64`, `NUMERIC` and `BIGNUMERIC` are numbers (`NaN` and infinity too: what meets one is unknown), `BOOL`
//! a bool, `STRING`, `JSON`, `TIME`, `INTERVAL`, `RANGE` and `GEOGRAPHY` text, as BigQuery writes them. `TIMESTAMP`, `DATETIME` (taken
//! as UTC) and `DATE` (its midnight in UTC) are times, to the microsecond. Declared `text`, numbers and dates keep their
//! digits: `1.10`. An `INT64` beyond 2^53 is an error: cast it to `STRING`, or declare it `text`. `BYTES` is an error: `TO_HEX(x)`.
//! A field of a `STRUCT` is a column under its path: `run.started` is `run_started`. An `ARRAY`, of whatever, is JSON as text:
//! `["a","b"]`; `UNNEST` it, or ask for `ARRAY_LENGTH(x)`.
//!
//! **Credentials.** `credentials` is `application_default` (the default), `metadata`, or the path of a JSON file: a service
//! account's key, workload identity federation, an authorized user. `impersonate` names a service account to act as;
//! `scopes` and `quota_project` as Google has them. All sources that say the same share one token. `project` is where
//! queries run and are billed; without it the credentials' own. `endpoint` is another address of the API, as of an
//! emulator; only one under `https://….googleapis.com` is ever sent a token. The least roles: `roles/bigquery.jobUser` on the
//! project, `roles/bigquery.dataViewer` on the datasets.
//!
//! **Money.** `max_bytes_billed` is the most that one query may bill: a dearer one fails and costs nothing. `lint --online`
//! runs each query dry, which is free, and prints the bytes that it would process, those of a day and of a month, and
//! with `price_per_tib` the money; a check that asks for more in a day than its `budget` is a finding. Checks that ask the
//! same share one query. Each job has the labels `bellwether_check`, of one of them, and `bellwether_source`, so that the
//! bill can be split by them. `dataset`, `name` or `project.name`, is where tables without one are looked for; `location` is
//! where the data is, if not in the US.
//!
//! **Limits.** `max_rows` and `max_bytes` of the source, over all pages: an answer that passes one is an error that names it,
//! not fewer rows.

mod failure;
mod job;
mod params;
mod read;
mod statement;

use super::error::CollectError;
use super::google::{
    CREDENTIALS, Call, Deadline, ENDPOINT, Google, IMPERSONATE, PROJECT, QUOTA_PROJECT, SCOPES, Service,
};
use super::limits;
use super::registry::{DefaultKey, Kind, Place, StaticColumns, query_problems};
use super::sql_text::Dialect;
use super::{Collector, Request, Survey};
use crate::config::{Key, Problem, Record, Settings, Shape};
use crate::model::{Table, ValueType};
use job::Job;
use read::Schema;
use serde_json::{Map, Value as Json, json};
use std::sync::Arc;

static SERVICE: Service = Service {
    name: "BigQuery",
    endpoint: "https://bigquery.googleapis.com",
    role: "`roles/bigquery.jobUser` on the project and `roles/bigquery.dataViewer` on the datasets",
};

pub const KIND: Kind = Kind {
    name: "bigquery",
    source_text: include_str!("mod.rs"),
    source: &SOURCE,
    collect: &COLLECT,
    binds: Some(Dialect::BigQuery),
    check_request: problems,
    static_columns: |_| StaticColumns::default(),
    default_key: DefaultKey::OneInstance,
    build: |source, place| Ok(Arc::new(BigQuery::new(source, place)?)),
};

static SOURCE: Record = Record::new(
    "bigquery",
    "A project of Google BigQuery.",
    &[
        PROJECT,
        Key::new("location", Shape::Text, "Where the data is: `US`, `EU`, `us-west2`.").known_as(&["region"]),
        Key::new("dataset", Shape::Text, "Where tables without a dataset are: `name` or `project.name`.")
            .known_as(&["default_dataset"]),
        Key::new("max_bytes_billed", Shape::Size, "The most bytes that one query may bill; a dearer one fails.")
            .known_as(&["maximum_bytes_billed"]),
        Key::new(
            "price_per_tib",
            Shape::Number,
            "What a TiB costs, in your money: `lint --online` then says what checks cost.",
        ),
        CREDENTIALS,
        IMPERSONATE,
        SCOPES,
        QUOTA_PROJECT,
        ENDPOINT,
        limits::MAX_ROWS,
        limits::MAX_BYTES,
    ],
);

static COLLECT: Record = Record::new(
    "bigquery",
    "A query.",
    &[
        Key::new("query", Shape::Text, "One SELECT in GoogleSQL. `@now` and `@param` are bound.")
            .required()
            .known_as(&["sql"]),
        params::KEY,
    ],
);

fn problems(collect: &Settings, names: &[&str]) -> Vec<Problem> {
    let mut known = names.to_vec();
    known.extend(collect.map(params::KEY.name).unwrap_or_default().iter().map(|(name, _)| name.as_str()));
    let mut found = query_problems(collect, Dialect::BigQuery, &known);
    if let Some(query) = collect.spanned("query")
        && let Some(problem) = statement::problem(query.as_str())
    {
        found.push(Problem::error(problem.message).at(query.place_in(problem.at.start, problem.at.len())));
    }
    found.extend(params::problems(collect, names));
    found
}

/// A project that can be asked.
struct BigQuery {
    google: Arc<Google>,
    /// The source's name, for labels.
    name: String,
    location: Option<String>,
    dataset: Option<String>,
    max_bytes_billed: Option<u64>,
}

#[async_trait::async_trait]
impl Collector for BigQuery {
    async fn collect(&self, request: &Request) -> Result<Table, CollectError> {
        let deadline = Deadline::after(request.timeout);
        let project = self.google.project(deadline).await?;
        let mut body = self.body(request, &project)?;
        job::bound(&mut body, deadline, self.google.limits());
        let mut job = Job::start(&self.google, project, body, deadline).await?;
        let page = job.first_page(deadline).await?;
        let schema = Schema::of(&page)?;
        job.read(page, &schema, request, deadline).await
    }

    async fn columns(&self, request: &Request) -> Result<Vec<(String, Option<ValueType>)>, CollectError> {
        Ok(self.survey(request).await?.columns)
    }

    /// A dry run: BigQuery checks the query, and says what it would process.
    async fn survey(&self, request: &Request) -> Result<Survey, CollectError> {
        let deadline = Deadline::after(request.timeout);
        let project = self.google.project(deadline).await?;
        let mut body = self.body(request, &project)?;
        body.insert("dryRun".to_owned(), true.into());
        let answer = self.google.ask(&Call::post(job::queries(&project), body.into()), deadline).await;
        let answer = answer.map_err(failure::explain)?;
        failure::beside_no_rows(&answer)?;
        let columns = Schema::of(&answer)?.columns(request.columns.as_deref());
        let bytes = answer.get("totalBytesProcessed").and_then(Json::as_str).and_then(|bytes| bytes.parse().ok());
        Ok(Survey { columns, bytes })
    }
}

impl BigQuery {
    fn new(source: &Settings, place: &Place<'_>) -> Result<BigQuery, CollectError> {
        let text = |key| source.text(key).map(str::to_owned);
        Ok(BigQuery {
            google: Arc::new(Google::new(&SERVICE, source, place)?),
            name: place.name.to_owned(),
            location: text("location"),
            dataset: text("dataset"),
            max_bytes_billed: source.size("max_bytes_billed"),
        })
    }

    /// What every query is sent with: <https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs/query>.
    fn body(&self, request: &Request, project: &str) -> Result<Map<String, Json>, CollectError> {
        let query = request.collect.text("query").ok_or_else(|| CollectError::refused("the check has no `query`"))?;
        if let Some(problem) = statement::problem(query) {
            return Err(CollectError::refused(problem.message));
        }
        let mut body = Map::new();
        let mut put = |key: &str, value: Json| body.insert(key.to_owned(), value);
        put("query", query.into());
        put("useLegacySql", false.into());
        put("parameterMode", "NAMED".into());
        put("queryParameters", params::bound(query, request)?);
        put("formatOptions", json!({ "useInt64Timestamp": true }));
        let labels = [("bellwether_check", &*request.check), ("bellwether_source", &self.name)];
        put("labels", labels.map(|(key, value)| (key.to_owned(), Json::from(label(value)))).into_iter().collect());
        if let Some(location) = &self.location {
            put("location", location.as_str().into());
        }
        if let Some(dataset) = &self.dataset {
            let (project, dataset) = dataset.split_once(['.', ':']).unwrap_or((project, dataset));
            put("defaultDataset", json!({ "projectId": project, "datasetId": dataset }));
        }
        if let Some(bytes) = self.max_bytes_billed {
            put("maximumBytesBilled", bytes.to_string().into());
        }
        Ok(body)
    }
}

/// Text as a label's value may be: <https://cloud.google.com/bigquery/docs/labels-intro#requirements>.
fn label(text: &str) -> String {
    let lower = text.to_lowercase();
    let fits = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    lower.chars().map(|c| if fits(c) { c } else { '_' }).take(LABEL_CHARS_MAX).collect()
}

const LABEL_CHARS_MAX: usize = 63;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_made_to_fit() {
        for (name, want) in [("processor-slowdown", "processor-slowdown"), ("A Check: 1/2", "a_check__1_2"), ("é", "é")]
        {
            assert_eq!(label(name), want);
        }
        assert_eq!(label(&"x".repeat(100)).len(), 63);
    }
}
