//! A query's job: started, waited for, read page by page, cancelled where nobody waits any longer.

use super::super::Request;
use super::super::error::CollectError;
use super::super::google::{Call, Deadline, Google};
use super::super::limits::Limits;
use super::failure;
use super::read::Schema;
use crate::model::{Table, TableBuilder};
use serde_json::{Map, Value as Json};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Rows of one page. As a tree, a page takes several times its bytes.
const PAGE_ROWS: usize = 10_000;

/// How long BigQuery is let to answer once. A longer job is asked for again.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// The pause before an unfinished job is asked for again, where the server did not wait itself; it grows.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// How much later than we BigQuery itself gives up a job, should our word to cancel it be lost.
const GRACE: Duration = Duration::from_secs(1);

/// How long BigQuery is given to hear that a job is cancelled.
const CANCEL_TIME: Duration = Duration::from_secs(5);

/// Where queries are sent.
pub(super) fn queries(project: &str) -> String {
    format!("/bigquery/v2/projects/{}/queries", Call::segment(project))
}

/// The bounds of a run: its time, the rows of a page, and an id, so that a request that is sent again is no second job.
pub(super) fn bound(body: &mut Map<String, Json>, deadline: Deadline, limits: Limits) {
    // Half of the time: the answer that names the job has to be here before it is cancelled.
    let wait = (deadline.left() / 2).min(WAIT_MAX);
    body.insert("timeoutMs".to_owned(), millis(wait).into());
    body.insert("jobTimeoutMs".to_owned(), millis(deadline.left() + GRACE).to_string().into());
    body.insert("maxResults".to_owned(), page_rows(limits).into());
    body.insert("requestId".to_owned(), request_id().into());
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1)
}

/// One row more than there may be says as well as all of them that there are too many.
fn page_rows(limits: Limits) -> usize {
    limits.rows_max.saturating_add(1).min(PAGE_ROWS)
}

/// At most 36 characters, as BigQuery has it: its keys are random.
fn request_id() -> String {
    let random = || RandomState::new().hash_one(std::process::id());
    format!("{:016x}{:016x}", random(), random())
}

/// A job. Unless it is over, it is cancelled when it is dropped.
pub(super) struct Job {
    google: Arc<Google>,
    project: String,
    /// None until an answer names it.
    id: Option<String>,
    location: Option<String>,
    /// The latest answer.
    answer: Json,
    is_over: bool,
}

impl Job {
    pub(super) async fn start(
        google: &Arc<Google>,
        project: String,
        body: Map<String, Json>,
        deadline: Deadline,
    ) -> Result<Job, CollectError> {
        let answer = google.ask(&Call::post(queries(&project), body.into()), deadline).await;
        let answer = answer.map_err(failure::explain)?;
        let text = |key| answer.get("jobReference")?.get(key)?.as_str().map(str::to_owned);
        let (id, location) = (text("jobId"), text("location"));
        Ok(Job { google: Arc::clone(google), project, id, location, answer, is_over: false })
    }

    /// Waits until the job is complete: the first page, which has the schema.
    pub(super) async fn first_page(&mut self, deadline: Deadline) -> Result<Json, CollectError> {
        let mut pause = PAUSE_MIN;
        loop {
            match self.answer.get("jobComplete").and_then(Json::as_bool) {
                Some(true) => break,
                Some(false) => {}
                None => {
                    return Err(CollectError::refused(
                        "the answer is not one of BigQuery's: look at `endpoint` of the source",
                    ));
                }
            }
            let asked = Instant::now();
            let wait = deadline.left().saturating_sub(PAUSE_MIN).min(WAIT_MAX);
            let call = self.results()?.query("timeoutMs", millis(wait).to_string());
            self.answer = self.ask(&call, deadline).await?;
            // Who answers at once does not wait, and would be asked without end.
            if asked.elapsed() < pause && self.answer.get("jobComplete") == Some(&Json::Bool(false)) {
                deadline.within("the query", tokio::time::sleep(pause)).await?;
                pause = (pause * 2).min(PAUSE_MAX);
            }
        }
        self.is_over = true;
        failure::beside_no_rows(&self.answer)?;
        self.google.limits().allow(self.total().unwrap_or(0))?;
        Ok(self.answer.take())
    }

    /// Reads this page and those that follow it.
    pub(super) async fn read(
        &mut self,
        mut page: Json,
        schema: &Schema,
        request: &Request,
        deadline: Deadline,
    ) -> Result<Table, CollectError> {
        let total = total(&page);
        let declared = schema.declared(request.columns.as_deref());
        let mut table = TableBuilder::new(schema.names()).map_err(CollectError::refused)?;
        let mut counter = self.google.limits().counter();
        loop {
            for row in rows(&mut page) {
                let (cells, bytes) = schema.row(&row, &declared)?;
                counter.row(bytes)?;
                table.push(cells).map_err(CollectError::refused)?;
            }
            let token = page.get("pageToken").and_then(Json::as_str).filter(|token| !token.is_empty());
            let Some(token) = token else { break };
            let before = table.rows();
            page = self.ask(&self.results()?.query("pageToken", token), deadline).await?;
            if page.get("rows").and_then(Json::as_array).is_none_or(Vec::is_empty) {
                return Err(CollectError::refused(format_args!("a page came without rows after {before} rows")));
            }
        }
        if let Some(total) = total.filter(|total| *total != table.rows()) {
            let read = table.rows();
            return Err(CollectError::refused(format_args!(
                "the answer has {read} of the {total} rows that there are"
            )));
        }
        Ok(table.finish())
    }

    fn total(&self) -> Option<usize> {
        total(&self.answer)
    }

    /// The request for the results: <https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs/getQueryResults>.
    fn results(&self) -> Result<Call, CollectError> {
        let Some(id) = &self.id else { return Err(CollectError::refused("BigQuery's answer does not name its job")) };
        let call = Call::get(format!("{}/{}", queries(&self.project), Call::segment(id)))
            .query("maxResults", page_rows(self.google.limits()).to_string())
            .query("formatOptions.useInt64Timestamp", "true");
        Ok(match &self.location {
            Some(location) => call.query("location", location.as_str()),
            None => call,
        })
    }

    async fn ask(&self, call: &Call, deadline: Deadline) -> Result<Json, CollectError> {
        self.google.ask(call, deadline).await.map_err(failure::explain)
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        let (Some(id), false) = (&self.id, self.is_over) else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let path = format!("/bigquery/v2/projects/{}/jobs/{}/cancel", Call::segment(&self.project), Call::segment(id));
        // It takes no body.
        let mut call = Call::get(path).method("POST");
        if let Some(location) = &self.location {
            call = call.query("location", location.as_str());
        }
        let google = Arc::clone(&self.google);
        // BigQuery ends it at its own time limit if this is not heard.
        runtime.spawn(async move { drop(google.ask(&call, Deadline::after(CANCEL_TIME)).await) });
    }
}

/// How many rows there are on all pages.
fn total(page: &Json) -> Option<usize> {
    page.get("totalRows")?.as_str()?.parse().ok()
}

fn rows(page: &mut Json) -> Vec<Json> {
    match page.get_mut("rows").map(Json::take) {
        Some(Json::Array(rows)) => rows,
        _ => Vec::new(),
    }
}
