//! # `cloud_logging`: log entries of Google Cloud Logging, counted
//!
//! ```yaml
//! sources:
//!   logs: { cloud_logging: { project: my-project } }
//! checks:
//!   - check: worker-boot-failures
//!     source: logs
//!     collect:
//!       filter: |
//!         resource.type = "cloud_run_revision"
//!         severity >= ERROR
//!         textPayload:"ImportError"
//!       window: 15m
//!       group_by: [resource.labels.service_name]
//!     every: 5m
//!     alert: { critical: count > 0 }
//!     title: "{{ service_name }}: {{ count }} workers failed to boot"
//!     body: "{{ sample }}"
//!   - check: no-audit-log
//!     source: logs
//!     collect: { filter: 'log_id("cloudaudit.googleapis.com/activity")', window: 1d }
//!     alert: { warning: count == 0 }
//! ```
//!
//! **What is asked.** `entries.list` of the API's version 2: the `filter`, in the Logging query language, and a `timestamp` in the
//! `window` that ends at the slot's time, or the `delay` before it: after its start, and not after its end. The filter stands in brackets
//! of its own, on lines of its own: an `OR` or a comment in it reaches no further. Every entry is read, to the last page, and counted here.
//!
//! **Rows.** With `group_by`, a row for each set of values that occurs, and none where nothing occurs: an alert on `count > 0` ends with the
//! window after the last entry. Without it, one row always, whose `count` may be 0.
//!
//! **Columns.** `count`; `first` and `last`, the times of the oldest and the newest entry; `sample`, the newest entry's text on one line: its
//! `textPayload`, else `jsonPayload.message`, else the payload as JSON, at most 300 characters. A text column for each entry of
//! `group_by`, named by the last word of its path: `resource.labels.service_name` is `service_name`, `labels."k8s-pod/app"` is
//! `k8s_pod_app`; a mapping names them otherwise, `group_by: { level: severity }`. What an entry lacks is the empty text; what is no
//! text is written as JSON. Of no entry `first`, `last` and `sample` are null.
//!
//! **Late entries.** An entry is found by its own time, and may arrive later than that. In a window that is as long as the check's `every` an
//! entry that arrives after its slot is never seen: a longer window sees it in the next one. Slots whose windows overlap count an
//! entry several times; `delay` moves the window to where no more entries are expected.
//!
//! **Key.** Without `key`, each set of values of `group_by` is an instance; without `group_by` there is one.
//!
//! **Credentials.** `credentials`: the application default's, unless it names a file, or `metadata`; `impersonate`, `scopes`,
//! `quota_project`. The least role is `roles/logging.viewer` on the `project` (`roles/logging.privateLogViewer` for the Data Access audit logs).
//! `resource_names`, in the project's place, asks folders, organizations or views: of a view the least is
//! `roles/logging.viewAccessor`. Only an `endpoint` under `https://….googleapis.com` is sent a token. Where this machine's clock is five
//! minutes off Google's, the window would be another one: that is an error that says so.
//!
//! **Limits.** `max_rows` counts the **entries** that are read, since each is: more are an error, never fewer. A request brings a
//! thousand of them, and Google's quota of such requests is small: what comes in larger numbers is counted by a log-based metric and
//! read with `cloud_monitoring`. `max_bytes` counts all pages. A request that may pass (429, 500, 503) is made again, not sooner than Google
//! asks, while the check's `timeout` lasts.

mod count;

use super::error::CollectError;
use super::google::{
    CREDENTIALS, Call, Deadline, ENDPOINT, GROUP_BY, Google, IMPERSONATE, PROJECT, QUOTA_PROJECT, SCOPES, Service,
    group_problems, groups,
};
use super::registry::{DefaultKey, Kind, StaticColumns};
use super::{Collector, Request, limits, web};
use crate::config::{Key, Problem, Record, Settings, Shape};
use crate::model::{Table, Timestamp, ValueType};
use count::{COLUMNS, Counted};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// How many entries a page brings: its default, 50, would take twenty requests for them.
const PAGE_ENTRIES: u32 = 1000;

/// The longest filter, in characters, by the reference of `entries.list`.
const FILTER_CHARS_MAX: usize = 20_000;

/// What the condition on the time adds to a filter, with room to spare.
const CONDITION_CHARS: usize = 200;

static SERVICE: Service = Service {
    name: "Cloud Logging",
    endpoint: "https://logging.googleapis.com",
    role: "`roles/logging.viewer` on the project",
};

pub const KIND: Kind = Kind {
    name: "cloud_logging",
    source_text: include_str!("mod.rs"),
    source: &SOURCE,
    collect: &COLLECT,
    binds: None,
    check_request,
    static_columns,
    default_key: DefaultKey::OfRequest(|collect| Some(groups(collect).into_iter().map(|group| group.column).collect())),
    build: |source, place| {
        let google = Google::new(&SERVICE, source, place)?.keeping_time();
        let names = source.texts("resource_names").into_iter().map(str::to_owned).collect();
        Ok(Arc::new(CloudLogging { google, names }))
    },
};

static SOURCE: Record = Record::new(
    "cloud_logging",
    "Google Cloud Logging.",
    &[
        PROJECT,
        Key::new(
            "resource_names",
            Shape::List(&Shape::Text),
            "What to search in the project's place: `folders/1`, `projects/p/locations/global/buckets/b/views/v`.",
        ),
        CREDENTIALS,
        IMPERSONATE,
        SCOPES,
        QUOTA_PROJECT,
        ENDPOINT,
        Key::new("max_rows", limits::MAX_ROWS.shape, "The most entries that one answer reads; more is an error.")
            .default("10000"),
        web::MAX_BYTES,
    ],
);

static COLLECT: Record = Record::new(
    "cloud_logging",
    "Log entries of a window, counted.",
    &[
        Key::new("filter", Shape::Text, "What to look for, in the Logging query language, without the time.")
            .required()
            .known_as(&["query"]),
        Key::new("window", Shape::Duration, "How far back.").default("10m"),
        Key::new("delay", Shape::Duration, "How long before the slot's time the window ends.")
            .default("0s")
            .known_as(&["offset", "lag"]),
        Key::new("group_by", GROUP_BY, "Fields whose values are counted apart. A mapping names the columns."),
    ],
);

/// Google Cloud Logging.
struct CloudLogging {
    google: Google,
    /// In place of the project; may be empty.
    names: Vec<String>,
}

#[async_trait::async_trait]
impl Collector for CloudLogging {
    async fn collect(&self, request: &Request) -> Result<Table, CollectError> {
        let deadline = Deadline::after(request.timeout);
        let names = match self.names.as_slice() {
            [] => vec![format!("projects/{}", self.google.project(deadline).await?)],
            names => names.to_vec(),
        };
        let call = call(&names, &request.collect, request.now);
        let mut counted = Counted::new(groups(&request.collect), self.google.limits().counter());
        let mut pages = self.google.pages(call, deadline);
        while let Some(page) = pages.next().await.map_err(|failure| failure.error)? {
            counted.page(&page)?;
        }
        counted.table()
    }

    async fn columns(&self, request: &Request) -> Result<Vec<(String, Option<ValueType>)>, CollectError> {
        // Whether the request is one at all is told by asking.
        self.collect(request).await?;
        Ok(static_columns(&request.collect).known)
    }
}

/// <https://cloud.google.com/logging/docs/reference/v2/rest/v2/entries/list>
fn call(names: &[String], collect: &Settings, now: Timestamp) -> Call {
    let end = now - collect.duration("delay").unwrap_or_default();
    let start = end - collect.duration("window").unwrap_or(Duration::from_mins(10));
    let filter = collect.text("filter").unwrap_or_default();
    let filter = match filter.trim() {
        "" => String::new(),
        filter => format!("\n(\n{filter}\n)"),
    };
    let filter = format!("timestamp > \"{start}\" AND timestamp <= \"{end}\"{filter}");
    let body = json!({
        "resourceNames": names, "filter": filter, "orderBy": "timestamp desc", "pageSize": PAGE_ENTRIES
    });
    Call::post("/v2/entries:list", body)
}

fn static_columns(collect: &Settings) -> StaticColumns {
    let groups = groups(collect).into_iter().map(|group| (group.column, Some(ValueType::Text)));
    let own = [ValueType::Number, ValueType::Time, ValueType::Time, ValueType::Text].map(Some);
    let own = COLUMNS.into_iter().map(str::to_owned).zip(own);
    StaticColumns { known: groups.chain(own).collect(), complete: true }
}

fn check_request(collect: &Settings, _: &[&str]) -> Vec<Problem> {
    let mut problems = group_problems(&groups(collect), &COLUMNS);
    let filter = collect.text("filter").unwrap_or_default();
    if FILTER_CHARS_MAX < filter.chars().count() + CONDITION_CHARS {
        let problem = Problem::error("the `filter` is longer than the 20,000 characters that Google takes");
        problems.push(problem.at(collect.place("filter")).help("make two checks of it"));
    }
    if collect.duration("window").is_some_and(|window| window.is_zero()) {
        let problem = Problem::error("the `window` is empty").at(collect.place("window"));
        problems.push(problem.help("write how far back to look: `window: 10m`"));
    }
    problems
}
