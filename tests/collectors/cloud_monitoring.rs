use crate::{Asked, kind, row, said, source, typed_row};
use bellwether::collectors::CollectError;
use bellwether::config::Shape;
use bellwether::model::Table;
use serde_json::{Value as Json, json};
use std::time::{Duration, Instant};
use testkit::{GoogleApi, Reply, Request};

const BACKLOG: &str = "filter: 'metric.type = \"pubsub.googleapis.com/subscription/num_undelivered_messages\"'\n";

/// Where a server ends in mid-answer.
const HALF: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{\"timeSeries\":[";

/// A series of a subscription, with points at these minutes of 2026-01-05T00.
fn series(subscription: &str, points: &[(u32, Json)]) -> Json {
    let point = |(minute, value): &(u32, Json)| {
        let at = format!("2026-01-05T00:{minute:02}:00Z");
        json!({ "interval": { "startTime": at, "endTime": at }, "value": value })
    };
    json!({ "metric": { "type": "pubsub.googleapis.com/subscription/num_undelivered_messages" },
            "resource": { "type": "pubsub_subscription",
                          "labels": { "subscription_id": subscription, "project_id": "proj" } },
            "metricKind": "GAUGE", "valueType": "INT64",
            "points": points.iter().map(point).collect::<Vec<_>>() })
}

fn ok(body: &Json) -> Reply {
    Reply::json(200, &body.to_string())
}

fn refusal(code: u16, status: &str, message: &str) -> Reply {
    Reply::json(code, &json!({ "error": { "code": code, "message": message, "status": status } }).to_string())
}

fn server(answer: impl FnMut(&Request) -> Reply + Send + 'static) -> Option<GoogleApi> {
    testkit::google_api("monitoring.v3", answer)
}

fn metrics(server: &GoogleApi, more: &str) -> Asked {
    source("cloud_monitoring", &format!("endpoint: {}\nproject: proj\n{more}", server.url()))
}

/// What a check is answered where this is what Google says.
async fn answer(collect: &str, body: Json) -> Option<Result<Table, CollectError>> {
    let server = server(move |_| ok(&body))?;
    Some(metrics(&server, "").collect(collect).await)
}

fn rows(table: &Table) -> Vec<String> {
    (0..table.rows()).map(|i| row(table, i)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_window_that_ends_at_the_slot_is_asked_for() {
    let Some(server) = server(|_| ok(&json!({ "unit": "1" }))) else { return };
    let asked = metrics(&server, "");
    for (collect, want) in [
        (
            BACKLOG.to_owned(),
            "interval.startTime=2026-01-05T00%3A20%3A00Z&interval.endTime=2026-01-05T00%3A30%3A00Z&view=FULL",
        ),
        (
            format!("{BACKLOG}aligner: ALIGN_MEAN\nwindow: 1h\ndelay: 4m"),
            "interval.startTime=2026-01-04T23%3A26%3A00Z&interval.endTime=2026-01-05T00%3A26%3A00Z&view=FULL\
             &aggregation.perSeriesAligner=ALIGN_MEAN&aggregation.alignmentPeriod=3600s",
        ),
        (
            format!(
                "{BACKLOG}aligner: ALIGN_RATE\nreducer: REDUCE_SUM\nperiod: 90s\n\
                 group_by: [resource.label.zone, 'metadata.user_labels.\"k8s/app\"']"
            ),
            "view=FULL&aggregation.perSeriesAligner=ALIGN_RATE&aggregation.alignmentPeriod=90s\
             &aggregation.crossSeriesReducer=REDUCE_SUM&aggregation.groupByFields=resource.label.zone\
             &aggregation.groupByFields=metadata.user_labels.%22k8s%2Fapp%22",
        ),
    ] {
        assert!(asked.collect(&collect).await.unwrap().is_empty());
        let path = server.requests().last().unwrap().path.clone();
        assert!(path.starts_with("/v3/projects/proj/timeSeries?filter=metric.type+%3D+%22pubsub"), "{path}");
        assert!(path.ends_with(want), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_word_for_an_aligner_or_a_reducer_is_one_of_googles() {
    let Some(server) = server(|_| ok(&json!({}))) else { return };
    let words = |key: &str| match kind("cloud_monitoring").collect.key(key).unwrap().shape {
        Shape::Choice(words) => words,
        other => panic!("{other:?}"),
    };
    let asked = metrics(&server, "");
    for aligner in words("aligner") {
        asked.collect(&format!("{BACKLOG}aligner: {aligner}")).await.unwrap();
    }
    for reducer in words("reducer") {
        asked.collect(&format!("{BACKLOG}aligner: ALIGN_SUM\nreducer: {reducer}")).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_series_is_a_row_with_its_newest_point() {
    let body = json!({ "timeSeries": [
        series("orders", &[(29, json!({ "int64Value": "7" })), (28, json!({ "int64Value": "900" }))]),
        series("games", &[(24, json!({ "int64Value": "1" }))]),
    ] });
    let Some(table) = answer(BACKLOG, body).await else { return };
    assert_eq!(
        rows(&table.unwrap()),
        [
            "project_id=proj subscription_id=orders value=7 count=null at=2026-01-05T00:29:00Z",
            "project_id=proj subscription_id=games value=1 count=null at=2026-01-05T00:24:00Z",
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_series_on_two_pages_is_one_row() {
    let pages = |request: &Request| {
        let (minute, token) = if request.path.contains("pageToken=second") { (29, "") } else { (28, "second") };
        let series = series("orders", &[(minute, json!({ "int64Value": minute.to_string() }))]);
        ok(&json!({ "timeSeries": [series], "nextPageToken": token }))
    };
    let Some(server) = server(pages) else { return };
    let table = metrics(&server, "max_rows: 1").collect(BACKLOG).await.unwrap();
    assert_eq!(rows(&table), ["project_id=proj subscription_id=orders value=29 count=null at=2026-01-05T00:29:00Z"]);
    let filter = |request: &Request| request.path.split("&pageToken").next().map(str::to_owned);
    let requests = server.requests();
    assert_eq!((requests.len(), filter(&requests[0])), (2, filter(&requests[1])), "both pages of one question");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_type_of_value_is_a_cell() {
    for (value, want) in [
        (json!({ "int64Value": "-3" }), "value:number=-3 count:?=null"),
        (json!({ "doubleValue": 0.25 }), "value:number=0.25 count:?=null"),
        (json!({ "doubleValue": "NaN" }), "value:number=NaN count:?=null"),
        (json!({ "doubleValue": "-Infinity" }), "value:number=-inf count:?=null"),
        (json!({ "boolValue": false }), "value:bool=false count:?=null"),
        (json!({ "stringValue": "up" }), "value:text=up count:?=null"),
        (json!({ "distributionValue": { "count": "4", "mean": 2.5 } }), "value:number=2.5 count:number=4"),
        (json!({ "distributionValue": { "count": "0" } }), "value:?=null count:number=0"),
        (json!({ "distributionValue": {} }), "value:?=null count:number=0"),
    ] {
        let body = json!({ "timeSeries": [series("orders", &[(29, value.clone())])] });
        let Some(table) = answer(BACKLOG, body).await else { return };
        assert!(typed_row(&table.unwrap()).contains(&format!(" {want} ")), "{value}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reduced_series_has_the_columns_it_was_grouped_by() {
    let mut one = series("orders", &[(30, json!({ "doubleValue": 2 }))]);
    one["metadata"] = json!({ "systemLabels": { "spot": true }, "userLabels": { "k8s/app": "web" } });
    one["metric"]["labels"] = json!({ "zone": "of-the-metric" });
    let grouped = |group_by: &str| format!("{BACKLOG}aligner: ALIGN_MEAN\nreducer: REDUCE_SUM\ngroup_by: {group_by}");
    for (group_by, want) in [
        ("[resource.label.subscription_id]", "subscription_id=orders value=2 "),
        ("{ place: metric.labels.zone, zone: resource.labels.zone }", "place=of-the-metric zone= value=2 "),
        ("[metadata.system_labels.spot, 'metadata.user_labels.\"k8s/app\"']", "spot=true k8s_app=web value=2 "),
        ("[resource.type]", "type=pubsub_subscription value=2 "),
        ("[]", "value=2 "),
    ] {
        let Some(table) = answer(&grouped(group_by), json!({ "timeSeries": [one.clone()] })).await else { return };
        let table = table.unwrap();
        assert!(row(&table, 0).starts_with(want), "{}", row(&table, 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_of_one_name_are_told_apart() {
    let mut one = series("orders", &[(29, json!({ "int64Value": "1" }))]);
    one["metric"]["labels"] = json!({ "project_id": "theirs", "value": "v", "at": "a" });
    let Some(table) = answer(BACKLOG, json!({ "timeSeries": [one.clone()] })).await else { return };
    assert_eq!(
        row(&table.unwrap(), 0),
        "metric_at=a metric_project_id=theirs metric_value=v resource_project_id=proj subscription_id=orders value=1 \
         count=null at=2026-01-05T00:29:00Z"
    );
    one["metric"]["labels"] = json!({ "a.b": "x", "a_b": "y" });
    let Some(refused) = answer(BACKLOG, json!({ "timeSeries": [one] })).await else { return };
    let refused = said(refused);
    assert!(
        refused.contains("`metric.labels.a.b` and `metric.labels.a_b` would both be the column `a_b`"),
        "{refused}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_lacks_something_is_an_error() {
    let whole = series("orders", &[(29, json!({ "int64Value": "1" }))]);
    for (key, what, want) in [
        (
            "executionErrors",
            json!([{ "code": 4, "message": "query timed out" }]),
            "Refused: the answer is partial, for Cloud Monitoring says: query timed out",
        ),
        (
            "unreachable",
            json!(["us-west2"]),
            "Unreachable: the answer is partial, for Cloud Monitoring cannot reach `us-west2`",
        ),
        ("executionErrors", json!([]), "whole"),
        ("timeSeries", json!([series("orders", &[])]), "Refused: the answer of Cloud Monitoring has no points"),
        (
            "timeSeries",
            json!([series("orders", &[(29, json!({}))])]),
            "Refused: the answer of Cloud Monitoring has a point without a value",
        ),
    ] {
        let mut body = json!({ "timeSeries": [whole.clone()] });
        body[key] = what;
        let Some(answer) = answer(BACKLOG, body).await else { return };
        let said = answer.map_or_else(|e| format!("{:?}: {e}", e.kind), |_| "whole".to_owned());
        assert!(said.starts_with(want), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_google_refuses_is_said_in_its_words_with_what_to_do() {
    for (code, status, want) in [
        (400, "INVALID_ARGUMENT", "Refused: Cloud Monitoring answered 400: its words"),
        (
            401,
            "UNAUTHENTICATED",
            "Unreachable: Cloud Monitoring does not take the credentials (401): its words: look at",
        ),
        (
            403,
            "PERMISSION_DENIED",
            "Unreachable: Cloud Monitoring refuses access (403): its words: grant `roles/monitoring.viewer` on the project",
        ),
        (404, "NOT_FOUND", "Refused: Cloud Monitoring does not know what is asked for (404): its words"),
        (429, "RESOURCE_EXHAUSTED", "Unreachable: Cloud Monitoring takes no more requests now (429): its words"),
        (500, "INTERNAL", "Unreachable: Cloud Monitoring answered 500: its words"),
        (503, "UNAVAILABLE", "Unreachable: Cloud Monitoring answered 503: its words"),
    ] {
        let Some(server) = server(move |_| refusal(code, status, "its words.").header("Retry-After", "0")) else {
            return;
        };
        for collect in [BACKLOG, "promql: up"] {
            // The other API of the two: its paths are not in this one's document.
            let Some(of_v1) = testkit::google_api("monitoring.v1", move |_| {
                refusal(code, status, "its words.").header("Retry-After", "0")
            }) else {
                return;
            };
            let asked = metrics(if collect == BACKLOG { &server } else { &of_v1 }, "");
            let said = said(asked.collect(collect).await);
            assert!(said.starts_with(want), "{said}");
        }
        let tries = if matches!(code, 429 | 500 | 503) { 3 } else { 1 };
        assert_eq!(server.requests().len(), tries, "{code}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_away_answers_when_it_is_back() {
    let body = json!({ "timeSeries": [series("orders", &[(29, json!({ "int64Value": "1" }))])] });
    let mut replies = vec![
        Reply::Reset,
        Reply::Raw(HALF.to_vec()),
        refusal(503, "UNAVAILABLE", "x").header("Retry-After", "1"),
        ok(&body),
    ]
    .into_iter();
    let Some(server) = server(move |_| replies.next().unwrap_or_else(|| Reply::status(500))) else { return };
    let asked = metrics(&server, "");
    for _ in ["before it answers", "in the middle of it"] {
        let killed = said(asked.collect(BACKLOG).await);
        assert!(killed.starts_with("Unreachable: the answer did not come whole: "), "{killed}");
    }
    let started = Instant::now();
    assert_eq!(asked.collect(BACKLOG).await.unwrap().rows(), 1);
    assert!(started.elapsed() >= Duration::from_secs(1), "not sooner than the server asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_never_comes_is_a_failed_collection_and_no_part_of_one() {
    let first = json!({ "timeSeries": [series("a", &[(29, json!({ "int64Value": "1" }))])], "nextPageToken": "b" });
    let pages = move |request: &Request| {
        if request.path.contains("pageToken") { Reply::Hang } else { ok(&first) }
    };
    let Some(server) = server(pages) else { return };
    let asked = metrics(&server, "");
    let mut request = asked.request(BACKLOG);
    request.timeout = Duration::from_millis(400);
    let said = said(asked.source.collect(&request).await);
    assert!(said.starts_with("Unreachable: the request to Cloud Monitoring did not finish within 400ms"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_count_against_the_limits_together() {
    let mut count = 0;
    let pages = move |_: &Request| {
        count += 1;
        let series = series(&format!("s{count}"), &[(29, json!({ "int64Value": "1" }))]);
        ok(&json!({ "timeSeries": [series], "nextPageToken": count.to_string() }))
    };
    let Some(server) = server(pages) else { return };
    for (limit, want) in [("max_rows: 5", "more than 5 rows (`max_rows`"), ("max_bytes: 2KiB", "more than 2048 bytes")]
    {
        let said = said(metrics(&server, limit).collect(BACKLOG).await);
        assert!(said.starts_with("LimitPassed: ") && said.contains(want), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_wrong_asks_for_no_window() {
    for (minutes, want) in [
        (10, "Unreachable: this machine's clock is 10m behind that of Cloud Monitoring, and the window of time"),
        (-10, "Unreachable: this machine's clock is 10m ahead of that of Cloud Monitoring, and the window of time"),
        (2, "rows"),
    ] {
        let date = move || {
            let there = jiff::Timestamp::now() + jiff::SignedDuration::from_mins(minutes);
            jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&there).unwrap()
        };
        let Some(server) = server(move |_| ok(&json!({})).header("Date", &date())) else { return };
        let answer = metrics(&server, "").collect(BACKLOG).await;
        let said = answer.map_or_else(|e| format!("{:?}: {e}", e.kind), |_| "rows".to_owned());
        assert!(said.starts_with(want), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn promql_is_asked_of_the_prometheus_in_it() {
    let Some(prometheus) = testkit::prometheus_at("/v1/projects/proj/location/global/prometheus") else { return };
    let asked = source("cloud_monitoring", &format!("endpoint: {}\nproject: proj", prometheus.url()));
    let value = async |collect: &str| row(&asked.collect(collect).await.unwrap(), 0);
    assert_eq!(value("promql: time()").await, "value=1767573000");
    assert_eq!(value("promql: time()\ndelay: 4m").await, "value=1767572760");
    let labelled = "promql: 'label_replace(vector(1), \"queue\", \"a b&c=+\", \"\", \"\")'";
    assert_eq!(value(labelled).await, "queue=a b&c=+ value=1");
    let refused = said(asked.collect("promql: 'sum(('").await);
    assert!(
        refused.starts_with("Refused: Cloud Monitoring answered 400: ") && refused.contains("parse error"),
        "{refused}"
    );
    let range = said(asked.collect("promql: 'up[5m]'").await);
    assert!(range.contains("max_over_time"), "{range}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promql_request_is_one_of_googles() {
    let body = json!({ "status": "success", "data": { "resultType": "vector", "result": [] } });
    let warned =
        json!({ "status": "success", "warnings": ["cut short"], "data": { "resultType": "vector", "result": [] } });
    let mut replies = vec![ok(&body), ok(&warned)].into_iter();
    let Some(server) = testkit::google_api("monitoring.v1", move |_| replies.next().unwrap()) else { return };
    let asked = metrics(&server, "");
    assert!(asked.collect("promql: 'sum(a{b=\"c\"})'").await.unwrap().is_empty());
    let request = &server.requests()[0];
    assert!(request.text().starts_with("query=sum%28a%7Bb%3D%22c%22%7D%29&time=2026-01-05T00%3A30%3A00Z&timeout="));
    let partial = said(asked.collect("promql: up").await);
    assert!(partial.starts_with("Refused: the answer is partial, for Prometheus warns: cut short"), "{partial}");
}
