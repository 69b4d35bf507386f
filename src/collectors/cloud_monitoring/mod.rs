//! # `cloud_monitoring`: time series of Google Cloud Monitoring
//!
//! ```yaml
//! sources:
//!   metrics: { cloud_monitoring: { project: my-project } }
//! checks:
//!   - check: subscription-backlog
//!     source: metrics
//!     collect:
//!       filter: >-
//!         metric.type = "pubsub.googleapis.com/subscription/num_undelivered_messages"
//!         AND resource.labels.subscription_id = starts_with("orders-")
//!       aligner: ALIGN_MAX
//!       reducer: REDUCE_MAX
//!       group_by: [resource.labels.subscription_id]
//!       delay: 4m
//!     alert: { warning: value > 1000 }
//!     on_absent: warning                        # a series that ends is no series that is well
//!   - check: errors-of-a-service
//!     source: metrics
//!     collect:
//!       promql: >-
//!         sum by (service_name) (rate(run_googleapis_com:request_count{response_code_class="5xx"}[10m]))
//!     alert: { critical: value > 1 }
//! ```
//!
//! **What is asked.** With `filter`, `timeSeries.list` of the API's version 3 for the `window` that ends at the slot's
//! time, or the `delay` before it. A row is a series that has a point in it, and its **newest point**. `aligner` makes one point of a
//! `period`, which is the whole window unless it is given: `window: 10m` with `ALIGN_SUM` is the sum of ten
//! minutes, and `period: 1m` beside it the newest minute of them. Without an aligner the point is the newest that was written.
//! `reducer` makes one series of those that are equal in `group_by`. With `promql`, an instant query at that time, through
//! `…/location/global/prometheus`. An answer that Google itself calls incomplete (`executionErrors`, `unreachable`,
//! PromQL's warnings) is a failed collection.
//!
//! **Late series.** Google shows most of its own metrics up to four minutes after they were measured. The end of a window
//! that reaches to the slot's time is therefore often empty: a sum over it is too small, a count too low. `delay: 4m`
//! asks for a window that is whole. `at` is the time of the point: `age(at) > minutes(15)` finds a series that falls behind, as long as
//! there is no aligner; an aligned point stands at the end of its period, however late its data are. A series without
//! a point in the window gives no row, which is not well but *absent*: `on_absent` and `on_empty` say what that means.
//!
//! **Columns.** `value`: a number for `INT64` (beyond 2^53 to the nearest) and `DOUBLE`, a boolean, a text, of a distribution its mean
//! (null where it counts nothing); `count`, how many values a distribution has, else null; `at`. A percentile of a
//! distribution is an aligner: `ALIGN_PERCENTILE_99`. And a text column for each entry of `group_by`, named by the last word of its path:
//! `resource.labels.zone` is `zone`; a mapping names them otherwise, `group_by: { place: resource.labels.zone }`. What a
//! series lacks is the empty text. Without a reducer there is a column for each label of the metric and of the resource,
//! null where a series has no such label; where both have one of the same name, or it is called as a column above, they are
//! `metric_zone` and `resource_zone`. `promql` gives its labels and `value`, as `prometheus` does.
//!
//! **Key.** Without `key`, a series is an instance: of `group_by` where there is a reducer, else of all labels. A metric
//! whose value is a text needs a `key`, or a reducer: the text would be part of it.
//!
//! **Credentials.** `credentials`: the application default's, unless it names a file, or `metadata`; `impersonate`, `scopes`,
//! `quota_project`. The least role is `roles/monitoring.viewer` on the `project`; a scoping project shows the metrics of
//! the projects that it watches. Only an `endpoint` under `https://….googleapis.com` is sent a token. Where this machine's clock is five
//! minutes off Google's, the window would be another one: that is an error that says so.
//!
//! **Limits.** `max_rows` counts series, `max_bytes` all pages of an answer. A request that may pass (429, 500, 503) is made again,
//! not sooner than Google asks, while the check's `timeout` lasts.

mod series;

use super::error::CollectError;
use super::google::{
    CREDENTIALS, Call, Deadline, ENDPOINT, GROUP_BY, Google, IMPERSONATE, PROJECT, QUOTA_PROJECT, SCOPES, Service,
    group_problems, groups,
};
use super::registry::{DefaultKey, Kind, StaticColumns};
use super::{Collector, Request, limits, promql, web};
use crate::config::{Key, Problem, Record, Settings, Shape};
use crate::model::{Table, Timestamp, ValueType};
use series::{COLUMNS, Collected};
use std::sync::Arc;
use std::time::Duration;

/// The least period that can be aligned to: <https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.alertPolicies#Aggregation>.
const PERIOD_MIN: Duration = Duration::from_mins(1);

static SERVICE: Service = Service {
    name: "Cloud Monitoring",
    endpoint: "https://monitoring.googleapis.com",
    role: "`roles/monitoring.viewer` on the project",
};

pub const KIND: Kind = Kind {
    name: "cloud_monitoring",
    source_text: include_str!("mod.rs"),
    source: &SOURCE,
    collect: &COLLECT,
    binds: None,
    check_request,
    static_columns,
    default_key: DefaultKey::OfRequest(default_key),
    build: |source, place| Ok(Arc::new(CloudMonitoring(Google::new(&SERVICE, source, place)?.keeping_time()))),
};

static SOURCE: Record = Record::new(
    "cloud_monitoring",
    "Google Cloud Monitoring.",
    &[PROJECT, CREDENTIALS, IMPERSONATE, SCOPES, QUOTA_PROJECT, ENDPOINT, limits::MAX_ROWS, web::MAX_BYTES],
);

static COLLECT: Record = Record::new(
    "cloud_monitoring",
    "Time series of a metric, or a PromQL query.",
    &[
        Key::new("filter", Shape::Text, "A monitoring filter. It names one metric type."),
        Key::new("promql", Shape::Text, "A PromQL query, in place of `filter`.").known_as(&["query", "expr"]),
        Key::new("aligner", Shape::Choice(ALIGNERS), "Makes one point of a period. `filter` only.")
            .known_as(&["per_series_aligner", "perSeriesAligner"]),
        Key::new("reducer", Shape::Choice(REDUCERS), "Makes one series of many. It needs an aligner.")
            .known_as(&["cross_series_reducer", "crossSeriesReducer"]),
        Key::new(
            "group_by",
            GROUP_BY,
            "What the reducer keeps apart: `resource.labels.zone`. A mapping names the columns.",
        )
        .known_as(&["group_by_fields", "groupByFields"]),
        Key::new("window", Shape::Duration, "How far back points are looked for. `filter` only.").default("10m"),
        Key::new("period", Shape::Duration, "What an aligner makes one point of; the whole window unless it is given.")
            .known_as(&["alignment_period", "alignmentPeriod"]),
        Key::new("delay", Shape::Duration, "How long before the slot's time the window ends, or the query is asked.")
            .default("0s")
            .known_as(&["offset", "lag"]),
    ],
);

const ALIGNERS: &[&str] = &[
    "ALIGN_DELTA",
    "ALIGN_RATE",
    "ALIGN_INTERPOLATE",
    "ALIGN_NEXT_OLDER",
    "ALIGN_MIN",
    "ALIGN_MAX",
    "ALIGN_MEAN",
    "ALIGN_COUNT",
    "ALIGN_SUM",
    "ALIGN_STDDEV",
    "ALIGN_COUNT_TRUE",
    "ALIGN_COUNT_FALSE",
    "ALIGN_FRACTION_TRUE",
    "ALIGN_PERCENTILE_99",
    "ALIGN_PERCENTILE_95",
    "ALIGN_PERCENTILE_50",
    "ALIGN_PERCENTILE_05",
    "ALIGN_PERCENT_CHANGE",
];

const REDUCERS: &[&str] = &[
    "REDUCE_MEAN",
    "REDUCE_MIN",
    "REDUCE_MAX",
    "REDUCE_SUM",
    "REDUCE_STDDEV",
    "REDUCE_COUNT",
    "REDUCE_COUNT_TRUE",
    "REDUCE_COUNT_FALSE",
    "REDUCE_FRACTION_TRUE",
    "REDUCE_PERCENTILE_99",
    "REDUCE_PERCENTILE_95",
    "REDUCE_PERCENTILE_50",
    "REDUCE_PERCENTILE_05",
];

/// Google Cloud Monitoring.
struct CloudMonitoring(Google);

#[async_trait::async_trait]
impl Collector for CloudMonitoring {
    async fn collect(&self, request: &Request) -> Result<Table, CollectError> {
        let deadline = Deadline::after(request.timeout);
        let project = Call::segment(&self.0.project(deadline).await?);
        let end = request.now - request.collect.duration("delay").unwrap_or_default();
        if let Some(promql) = request.collect.text("promql") {
            let call = promql_call(&project, promql, end, deadline);
            let answer = self.0.whole(&call, deadline).await.map_err(|failure| failure.error)?;
            return promql::table(&answer, self.0.limits());
        }
        let mut collected = Collected::new(&request.collect, self.0.limits().counter());
        let mut pages = self.0.pages(list_call(&project, &request.collect, end), deadline);
        while let Some(page) = pages.next().await.map_err(|failure| failure.error)? {
            collected.page(&page)?;
        }
        collected.table()
    }

    async fn columns(&self, request: &Request) -> Result<Vec<(String, Option<ValueType>)>, CollectError> {
        Ok(super::columns_of(&self.collect(request).await?))
    }
}

/// <https://cloud.google.com/stackdriver/docs/managed-prometheus/query-api-ui>
fn promql_call(project: &str, promql: &str, end: Timestamp, deadline: Deadline) -> Call {
    let fields = [
        ("query", promql.to_owned()),
        ("time", end.to_string()),
        ("timeout", format!("{}ms", deadline.left().as_millis())),
    ];
    Call::form(format!("/v1/projects/{project}/location/global/prometheus/api/v1/query"), fields)
}

/// <https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.timeSeries/list>
fn list_call(project: &str, collect: &Settings, end: Timestamp) -> Call {
    let window = window(collect);
    let mut call = Call::get(format!("/v3/projects/{project}/timeSeries"))
        .query("filter", collect.text("filter").unwrap_or_default())
        .query("interval.startTime", (end - window).to_string())
        .query("interval.endTime", end.to_string())
        .query("view", "FULL");
    let Some(aligner) = collect.text("aligner") else { return call };
    let period = collect.duration("period").unwrap_or(window);
    call = call
        .query("aggregation.perSeriesAligner", aligner)
        .query("aggregation.alignmentPeriod", format!("{}s", period.as_secs_f64()));
    let Some(reducer) = collect.text("reducer") else { return call };
    call = call.query("aggregation.crossSeriesReducer", reducer);
    groups(collect).into_iter().fold(call, |call, group| call.query("aggregation.groupByFields", group.path.as_str()))
}

fn window(collect: &Settings) -> Duration {
    collect.duration("window").unwrap_or(Duration::from_mins(10))
}

fn default_key(collect: &Settings) -> Option<Vec<String>> {
    collect.has("reducer").then(|| groups(collect).into_iter().map(|group| group.column).collect())
}

fn static_columns(collect: &Settings) -> StaticColumns {
    if collect.has("promql") {
        return StaticColumns { known: vec![("value".to_owned(), Some(ValueType::Number))], complete: false };
    }
    let of_any_type = matches!(collect.text("aligner"), None | Some("ALIGN_NEXT_OLDER")) && !collect.has("reducer");
    let value = (!of_any_type).then_some(ValueType::Number);
    let own = COLUMNS.into_iter().zip([value, Some(ValueType::Number), Some(ValueType::Time)]);
    let groups = groups(collect).into_iter().map(|group| (group.column, Some(ValueType::Text)));
    let known = groups.chain(own.map(|(name, of)| (name.to_owned(), of))).collect();
    StaticColumns { known, complete: collect.has("reducer") }
}

fn check_request(collect: &Settings, _: &[&str]) -> Vec<Problem> {
    let groups = groups(collect);
    let mut problems = group_problems(&groups, &COLUMNS);
    for group in groups.iter().filter(|group| !group.members.is_empty() && series::place(&group.members).is_none()) {
        let problem = Problem::error(format!("`{}` is no label of a series", group.path)).at(group.path.place());
        problems.push(problem.help("write `resource.labels.…`, `metric.labels.…`, `metadata.user_labels.…`, `metadata.system_labels.…` or `resource.type`"));
    }
    match (collect.has("filter"), collect.has("promql")) {
        (true, true) => {
            let problem = Problem::error("`filter` and `promql` are both given").at(collect.key_place("promql"));
            problems.push(problem.help("remove one of them"));
        }
        (false, false) => {
            let problem = Problem::error("neither `filter` nor `promql` is given").at(collect.origin().place());
            problems.push(problem.help("write `filter: 'metric.type = \"…\"'`, or `promql:`"));
        }
        _ => {}
    }
    for (key, needs) in [("aligner", "filter"), ("reducer", "aligner"), ("period", "aligner"), ("group_by", "reducer")]
    {
        if collect.has(key) && !collect.has(needs) {
            let problem = Problem::error(format!("`{key}` without `{needs}` does nothing")).at(collect.key_place(key));
            problems.push(problem.help(format!("give `{needs}`, or remove `{key}`")));
        }
    }
    problems.extend(period_problem(collect));
    problems
}

fn period_problem(collect: &Settings) -> Option<Problem> {
    collect.text("aligner")?;
    let key = if collect.has("period") { "period" } else { "window" };
    let period = collect.duration(key)?;
    let problem = if period < PERIOD_MIN {
        Problem::error(format!("`{key}` is shorter than a minute, the least that is aligned to"))
            .help(format!("write `{key}: 1m` or more"))
    } else if window(collect) < period {
        Problem::error("`period` is longer than the window").help("write a longer `window`, or remove `period`")
    } else {
        return None;
    };
    Some(problem.at(collect.place(key)))
}
