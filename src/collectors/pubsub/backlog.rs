//! What Cloud Monitoring knows of subscriptions: <https://cloud.google.com/monitoring/api/metrics_gcp_p_z#gcp-pubsub>.

use super::super::Request;
use super::super::error::CollectError;
use super::super::google::{Call, Deadline, Google};
use super::subscription::Subscription;
use serde_json::Value as Json;
use std::collections::HashMap;
use std::time::Duration;

/// How old a measurement may be: it is made each minute, and seen some minutes later.
const FRESH: Duration = Duration::from_mins(10);

/// Up to so many subscriptions are asked for by name.
const NAMED_MAX: usize = 50;

/// Series of one page.
const PAGE_ROWS: &str = "5000";

/// Numbers by the names of subscriptions.
type Numbers = HashMap<String, f64>;

#[derive(Default)]
pub(super) struct Backlog {
    undelivered: Numbers,
    oldest_unacked_age: Numbers,
    dead_lettered: Numbers,
}

/// Of one subscription, what is known.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Measured {
    pub undelivered: Option<f64>,
    /// Seconds.
    pub oldest_unacked_age: Option<f64>,
    pub dead_lettered: Option<f64>,
}

impl Backlog {
    pub(super) fn of(&self, name: &str) -> Measured {
        let undelivered = self.undelivered.get(name).copied();
        // Where no message waits, there is no oldest one to be measured.
        let none = (undelivered == Some(0.0)).then_some(0.0);
        Measured {
            undelivered,
            oldest_unacked_age: self.oldest_unacked_age.get(name).copied().or(none),
            // Of what Monitoring knows at all, it tells each event there was.
            dead_lettered: self.dead_lettered.get(name).copied().or(undelivered.map(|_| 0.0)),
        }
    }
}

pub(super) async fn read(
    monitoring: &Google,
    project: &str,
    subscriptions: &[Subscription],
    request: &Request,
    deadline: Deadline,
) -> Result<Backlog, CollectError> {
    let window = request.collect.duration("window").unwrap_or(Duration::from_hours(1));
    let which = which(project, subscriptions);
    let asked = |metric, span, aligner, reducer| {
        numbers(monitoring, call(project, metric, &which, request, span, aligner, reducer), deadline)
    };
    let newest = |metric| asked(metric, FRESH, "ALIGN_NEXT_OLDER", "REDUCE_NONE");
    let has_policies = subscriptions.iter().any(|subscription| subscription.dead_letter.is_some());
    let dead_lettered = async {
        if !has_policies {
            return Ok(Numbers::new());
        }
        asked("dead_letter_message_count", window, "ALIGN_DELTA", "REDUCE_SUM").await
    };
    let (undelivered, oldest_unacked_age, dead_lettered) =
        tokio::try_join!(newest("num_undelivered_messages"), newest("oldest_unacked_message_age"), dead_lettered)?;
    Ok(Backlog { undelivered, oldest_unacked_age, dead_lettered })
}

/// The part of a filter that says which subscriptions. A project's Monitoring may see other projects too.
fn which(project: &str, subscriptions: &[Subscription]) -> String {
    let mut filter = String::new();
    if !project.bytes().all(|b| b.is_ascii_digit()) {
        filter.push_str(&format!(" AND resource.labels.project_id = \"{project}\""));
    }
    if subscriptions.len() <= NAMED_MAX {
        let names: Vec<String> = subscriptions.iter().map(|s| format!("\"{}\"", s.name)).collect();
        filter.push_str(&format!(" AND resource.labels.subscription_id = one_of({})", names.join(", ")));
    }
    filter
}

/// One number for each series: its last within `span` before the slot, or what it grew by.
/// <https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.timeSeries/list>
fn call(
    project: &str,
    metric: &str,
    which: &str,
    request: &Request,
    span: Duration,
    aligner: &str,
    reducer: &str,
) -> Call {
    let filter = format!("metric.type = \"pubsub.googleapis.com/subscription/{metric}\"{which}");
    let call = Call::get(format!("/v3/projects/{}/timeSeries", Call::segment(project)))
        .query("filter", filter)
        .query("interval.startTime", (request.now - span).to_string())
        .query("interval.endTime", request.now.to_string())
        .query("aggregation.alignmentPeriod", format!("{}s", span.as_secs()))
        .query("aggregation.perSeriesAligner", aligner)
        .query("aggregation.crossSeriesReducer", reducer)
        .query("view", "FULL")
        .query("pageSize", PAGE_ROWS);
    match reducer {
        "REDUCE_NONE" => call,
        _ => call.query("aggregation.groupByFields", "resource.labels.subscription_id"),
    }
}

async fn numbers(monitoring: &Google, call: Call, deadline: Deadline) -> Result<Numbers, CollectError> {
    let mut pages = monitoring.pages(call, deadline);
    let mut numbers = Numbers::new();
    while let Some(page) = pages.next().await.map_err(|failure| failure.error)? {
        let list = |key| page.get(key).and_then(Json::as_array).into_iter().flatten();
        if let Some(error) = list("executionErrors").next() {
            let said = error.get("message").and_then(Json::as_str).unwrap_or("without a word");
            return Err(CollectError::unreachable(format_args!(
                "Cloud Monitoring calls its answer incomplete: {said}: it may pass"
            )));
        }
        for series in list("timeSeries") {
            let name = series.pointer("/resource/labels/subscription_id").and_then(Json::as_str);
            let name = name.ok_or_else(|| strange("a series of no subscription"))?;
            if let Some(number) = newest(series)? {
                numbers.insert(name.to_owned(), number);
            }
        }
    }
    Ok(numbers)
}

/// The newest point's value.
fn newest(series: &Json) -> Result<Option<f64>, CollectError> {
    let points = series.get("points").and_then(Json::as_array).into_iter().flatten();
    let end = |point: &&Json| {
        let text = point.pointer("/interval/endTime").and_then(Json::as_str).unwrap_or_default();
        text.parse::<jiff::Timestamp>().unwrap_or(jiff::Timestamp::MIN)
    };
    let Some(point) = points.max_by_key(end) else { return Ok(None) };
    let value = point.get("value").unwrap_or(&Json::Null);
    let integer = value.get("int64Value").and_then(Json::as_str).and_then(|text| text.parse().ok());
    let number = integer.or_else(|| value.get("doubleValue").and_then(Json::as_f64));
    number.map(Some).ok_or_else(|| strange("a point that is no number"))
}

fn strange(what: &str) -> CollectError {
    CollectError::refused(format_args!("Cloud Monitoring gives {what}"))
}
