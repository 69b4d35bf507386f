use crate::{Asked, row, said, source};
use bellwether::model::Table;
use serde_json::{Value as Json, json};
use std::time::{Duration, Instant};
use testkit::{GoogleApi, Reply, Request};

const ERRORS: &str = "filter: severity >= ERROR\n";
const BY_SERVICE: &str = "filter: severity >= ERROR\ngroup_by: [resource.labels.service_name]\n";

/// Where a server ends in mid-answer.
const HALF: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{\"entries\":[";

/// An entry of a service at a minute of 2026-01-05T00.
fn entry(service: &str, minute: u32, text: &str) -> Json {
    json!({ "logName": "projects/proj/logs/run.googleapis.com%2Fstderr", "insertId": format!("{service}-{minute}"),
            "resource": { "type": "cloud_run_revision", "labels": { "service_name": service, "project_id": "proj" } },
            "timestamp": format!("2026-01-05T00:{minute:02}:00.123456789Z"),
            "receiveTimestamp": "2026-01-05T00:30:00Z", "severity": "ERROR", "textPayload": text })
}

fn ok(body: &Json) -> Reply {
    Reply::json(200, &body.to_string())
}

fn refusal(code: u16, status: &str, message: &str) -> Reply {
    Reply::json(code, &json!({ "error": { "code": code, "message": message, "status": status } }).to_string())
}

fn server(answer: impl FnMut(&Request) -> Reply + Send + 'static) -> Option<GoogleApi> {
    testkit::google_api("logging.v2", answer)
}

fn logs(server: &GoogleApi, more: &str) -> Asked {
    source("cloud_logging", &format!("endpoint: {}\nproject: proj\n{more}", server.url()))
}

/// The rows of these entries.
async fn rows(collect: &str, entries: Json) -> Option<Vec<String>> {
    let server = server(move |_| ok(&json!({ "entries": entries })))?;
    Some(lines(&logs(&server, "").collect(collect).await.unwrap()))
}

fn lines(table: &Table) -> Vec<String> {
    (0..table.rows()).map(|i| row(table, i)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_filter_is_asked_within_the_window_and_in_brackets_of_its_own() {
    let Some(server) = server(|_| ok(&json!({}))) else { return };
    let window = "timestamp > \"2026-01-05T00:20:00Z\" AND timestamp <= \"2026-01-05T00:30:00Z\"";
    for (more, collect, names, filter) in [
        ("", ERRORS, "[\"projects/proj\"]", format!("{window}\n(\nseverity >= ERROR\n)")),
        (
            "resource_names: [folders/1, projects/p/locations/global/buckets/b/views/v]",
            "filter: |\n  a = \"b\" OR c -- why\n\n",
            "[\"folders/1\",\"projects/p/locations/global/buckets/b/views/v\"]",
            format!("{window}\n(\na = \"b\" OR c -- why\n)"),
        ),
        ("", "filter: ''", "[\"projects/proj\"]", window.to_owned()),
        (
            "",
            "filter: x\nwindow: 1d\ndelay: 90s",
            "[\"projects/proj\"]",
            "timestamp > \"2026-01-04T00:28:30Z\" AND timestamp <= \"2026-01-05T00:28:30Z\"\n(\nx\n)".to_owned(),
        ),
    ] {
        logs(&server, more).collect(collect).await.unwrap();
        let request = server.requests().pop().unwrap();
        assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/v2/entries:list"));
        let body = request.json();
        assert_eq!((body["resourceNames"].to_string().as_str(), body["filter"].as_str()), (names, Some(&*filter)));
        assert_eq!((&body["orderBy"], &body["pageSize"]), (&json!("timestamp desc"), &json!(1000)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_are_counted_by_what_they_are_grouped_by() {
    let entries = json!([
        entry("grader", 29, "ImportError:\n  no module `scores`"),
        entry("loader", 28, "x"),
        entry("grader", 21, "an older one"),
        entry("grader", 25, "one between"),
    ]);
    let Some(by_service) = rows(BY_SERVICE, entries.clone()).await else { return };
    assert_eq!(
        by_service,
        [
            "service_name=grader count=3 first=2026-01-05T00:21:00.123456Z last=2026-01-05T00:29:00.123456Z \
             sample=ImportError: no module `scores`",
            "service_name=loader count=1 first=2026-01-05T00:28:00.123456Z last=2026-01-05T00:28:00.123456Z sample=x",
        ]
    );
    let Some(all) = rows(ERRORS, entries).await else { return };
    assert!(all.len() == 1 && all[0].starts_with("count=4 first=2026-01-05T00:21:00.123456Z "), "{all:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_a_count_of_zero_and_no_group() {
    let Some(all) = rows(ERRORS, json!([])).await else { return };
    assert_eq!(all, ["count=0 first=null last=null sample=null"]);
    let Some(groups) = rows(BY_SERVICE, json!([])).await else { return };
    assert!(groups.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_is_a_column_whatever_it_is() {
    let mut one = entry("grader", 29, "x");
    one["labels"] = json!({ "k8s-pod/app": "web" });
    one["httpRequest"] = json!({ "status": 503 });
    one["operation"] = json!({ "id": "1", "last": true });
    for (path, want) in [
        ("{ level: severity }", "level=ERROR"),
        ("['labels.\"k8s-pod/app\"']", "k8s_pod_app=web"),
        ("[httpRequest.status]", "status=503"),
        ("{ of: operation }", "of={\"id\":\"1\",\"last\":true}"),
        ("[jsonPayload.code.x]", "x="),
        ("{ service: resource.labels.service_name, is_last: operation.last }", "service=grader is_last=true"),
    ] {
        let Some(got) = rows(&format!("filter: x\ngroup_by: {path}"), json!([one.clone()])).await else { return };
        assert!(got[0].starts_with(&format!("{want} count=1 ")), "{got:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_read_to_the_last_though_one_is_empty() {
    let pages = |request: &Request| {
        let token = request.json().get("pageToken").map_or(String::new(), |token| token.as_str().unwrap().to_owned());
        match token.as_str() {
            "" => ok(&json!({ "entries": [entry("a", 29, "x")], "nextPageToken": "b" })),
            "b" => ok(&json!({ "nextPageToken": "c" })),
            _ => ok(&json!({ "entries": [entry("a", 28, "x")] })),
        }
    };
    let Some(server) = server(pages) else { return };
    let table = logs(&server, "max_rows: 2").collect(ERRORS).await.unwrap();
    assert!(row(&table, 0).starts_with("count=2 "), "{}", row(&table, 0));
    let passed = said(logs(&server, "max_rows: 1").collect(ERRORS).await);
    assert!(passed.starts_with("LimitPassed: the answer has more than 1 rows (`max_rows` of the source)"), "{passed}");
    let passed = said(logs(&server, "max_bytes: 500B").collect(ERRORS).await);
    assert!(passed.starts_with("LimitPassed: the answer has more than 500 bytes"), "{passed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_google_refuses_is_said_in_its_words_with_what_to_do() {
    for (code, status, want, tries) in [
        (400, "INVALID_ARGUMENT", "Refused: Cloud Logging answered 400: its words", 1),
        (
            401,
            "UNAUTHENTICATED",
            "Unreachable: Cloud Logging does not take the credentials (401): its words: look at",
            1,
        ),
        (
            403,
            "PERMISSION_DENIED",
            "Unreachable: Cloud Logging refuses access (403): its words: grant `roles/logging.viewer` on the project",
            1,
        ),
        (404, "NOT_FOUND", "Refused: Cloud Logging does not know what is asked for (404): its words", 1),
        (429, "RESOURCE_EXHAUSTED", "Unreachable: Cloud Logging takes no more requests now (429): its words", 3),
        (500, "INTERNAL", "Unreachable: Cloud Logging answered 500: its words", 3),
        (503, "UNAVAILABLE", "Unreachable: Cloud Logging answered 503: its words", 3),
    ] {
        let Some(server) = server(move |_| refusal(code, status, "its words.").header("Retry-After", "0")) else {
            return;
        };
        let said = said(logs(&server, "").collect(ERRORS).await);
        assert!(said.starts_with(want), "{said}");
        assert_eq!(server.requests().len(), tries, "{code}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_away_answers_when_it_is_back() {
    let body = json!({ "entries": [entry("a", 29, "x")] });
    let busy = refusal(429, "RESOURCE_EXHAUSTED", "x").header("Retry-After", "1");
    let mut replies = vec![Reply::Reset, Reply::Raw(HALF.to_vec()), busy, ok(&body)].into_iter();
    let Some(server) = server(move |_| replies.next().unwrap_or_else(|| Reply::status(500))) else { return };
    let asked = logs(&server, "");
    for _ in ["before it answers", "in the middle of it"] {
        let killed = said(asked.collect(ERRORS).await);
        assert!(killed.starts_with("Unreachable: the answer did not come whole: "), "{killed}");
    }
    let started = Instant::now();
    assert!(row(&asked.collect(ERRORS).await.unwrap(), 0).starts_with("count=1 "));
    assert!(started.elapsed() >= Duration::from_secs(1), "not sooner than the server asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_never_comes_is_a_failed_collection_and_no_part_of_one() {
    let first = json!({ "entries": [entry("a", 29, "x")], "nextPageToken": "b" });
    let pages = move |request: &Request| {
        if request.text().contains("pageToken") { Reply::Hang } else { ok(&first) }
    };
    let Some(server) = server(pages) else { return };
    let asked = logs(&server, "");
    let mut request = asked.request(ERRORS);
    request.timeout = Duration::from_millis(400);
    let said = said(asked.source.collect(&request).await);
    assert!(said.starts_with("Unreachable: the request to Cloud Logging did not finish within 400ms"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_wrong_counts_nothing() {
    for (minutes, want) in [
        (10, "Unreachable: this machine's clock is 10m behind that of Cloud Logging, and the window of time"),
        (-10, "Unreachable: this machine's clock is 10m ahead of that of Cloud Logging, and the window of time"),
        (2, "rows"),
    ] {
        let date = move || {
            let there = jiff::Timestamp::now() + jiff::SignedDuration::from_mins(minutes);
            jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&there).unwrap()
        };
        let Some(server) = server(move |_| ok(&json!({})).header("Date", &date())) else { return };
        let answer = logs(&server, "").collect(ERRORS).await;
        let said = answer.map_or_else(|e| format!("{:?}: {e}", e.kind), |_| "rows".to_owned());
        assert!(said.starts_with(want), "{said}");
    }
}
