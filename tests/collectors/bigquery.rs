use crate::{Asked, columns, kind, params, query, read, row, said, source, typed_row};
use bellwether::model::{Value, ValueType};
use serde_json::{Value as Json, json};
use std::time::{Duration, Instant};
use testkit::{BigQuery, BqEmulator, FaultServer, Reply, Request};

pub fn emulated(bigquery: &BigQuery, keys: &str) -> Asked {
    source("bigquery", &format!("endpoint: {}\nproject: {}\n{keys}", bigquery.url(), BigQuery::PROJECT))
}

/// A source that asks a false BigQuery.
pub fn false_one(server: &FaultServer, keys: &str) -> Asked {
    source("bigquery", &format!("endpoint: {}\nproject: p\n{keys}", server.url("")))
}

/// An answer with one column of whole numbers.
pub fn numbers(numbers: &[i64], more: &Json) -> Json {
    let rows: Vec<Json> = numbers.iter().map(|n| json!({ "f": [{ "v": n.to_string() }] })).collect();
    let mut answer = json!({
        "jobComplete": true, "jobReference": { "projectId": "p", "jobId": "job_1", "location": "EU" },
        "schema": { "fields": [{ "name": "n", "type": "INTEGER" }] }, "totalRows": numbers.len().to_string(), "rows": rows,
    });
    for (key, value) in more.as_object().unwrap() {
        answer[key] = value.clone();
    }
    answer
}

pub fn reply(answer: &Json) -> Reply {
    Reply::json(200, &answer.to_string())
}

fn running() -> Json {
    json!({ "jobComplete": false, "jobReference": { "projectId": "p", "jobId": "job_1", "location": "EU" } })
}

fn refusal(code: u16, status: &str, reason: &str, message: &str) -> Reply {
    let errors = json!([{ "reason": reason, "message": message }]);
    let body = json!({ "error": { "code": code, "message": message, "status": status, "errors": errors } });
    Reply::json(code, &body.to_string())
}

#[tokio::test]
async fn cells_come_in_their_types() {
    let Some(bigquery) = testkit::bigquery() else { return };
    let d = emulated(bigquery, "");
    for (sql, want) in [
        ("SELECT 1 AS a, -2.5 AS b, CAST('NaN' AS FLOAT64) AS c", "a:number=1 b:number=-2.5 c:number=NaN"),
        ("SELECT NUMERIC '1.10' AS a, BIGNUMERIC '0.5' AS b", "a:number=1.1 b:number=0.5"),
        ("SELECT true AS a, 'x' AS b, JSON '{\"k\":1}' AS c", "a:bool=true b:text=x c:text={\"k\":1}"),
        (
            "SELECT TIMESTAMP '2026-01-05 01:30:00.250001+01' AS a, DATETIME '2026-01-05 00:30:00' AS b, DATE '2026-01-05' AS c",
            "a:time=2026-01-05T00:30:00.250001Z b:time=2026-01-05T00:30:00Z c:time=2026-01-05T00:00:00Z",
        ),
        ("SELECT TIME '12:30:00' AS a", "a:text=12:30:00"),
        ("SELECT CAST(NULL AS INT64) AS a, CAST(NULL AS TIMESTAMP) AS b", "a:?=null b:?=null"),
        (
            "SELECT STRUCT(1 AS id, STRUCT('x' AS b) AS a) AS run, ['p', 'q'] AS tags",
            "run_id:number=1 run_a_b:text=x tags:text=[\"p\",\"q\"]",
        ),
        ("SELECT [STRUCT(1 AS id, DATE '2026-01-05' AS d)] AS runs", "runs:text=[{\"id\":1,\"d\":\"2026-01-05\"}]"),
    ] {
        assert_eq!(typed_row(&d.query(sql).await.unwrap()), want, "{sql}");
    }
    let mut request = d.request(&query("SELECT 9007199254740993 AS a, DATE '2026-01-05' AS b"));
    request.columns = Some(columns(&[("a", ValueType::Text), ("b", ValueType::Text)]));
    assert_eq!(typed_row(&d.source.collect(&request).await.unwrap()), "a:text=9007199254740993 b:text=2026-01-05");
}

#[tokio::test]
async fn parameters_are_bound_with_their_types() {
    let Some(bigquery) = testkit::bigquery() else { return };
    let d = emulated(bigquery, "");
    let with = |collect: &str| {
        let mut request = d.request(collect);
        request.params = params(&[
            ("two", Value::Number(2.0)),
            ("half", Value::Number(0.5)),
            ("name", Value::text("it's")),
            ("on", Value::Bool(true)),
        ]);
        request
    };
    for (collect, want) in [
        (
            query("SELECT @now AS a, TIMESTAMP_SUB(@now, INTERVAL @two DAY) AS b"),
            "a=2026-01-05T00:30:00Z b=2026-01-03T00:30:00Z",
        ),
        (
            query("SELECT @two + 1 AS a, @half * 2 AS b, @name AS c, @on AS d, '@name' AS e"),
            "a=3 b=1 c=it's d=true e=@name",
        ),
        (
            query(
                "SELECT COUNTIF(x IN UNNEST(@names)) AS a, ARRAY_LENGTH(@sizes) AS b FROM UNNEST(['a', 'b', 'c']) AS x",
            ) + "params: { names: [a, c], sizes: [1, 0.5] }",
            "a=2 b=2",
        ),
        (
            query("SELECT DATE_DIFF(@day, @days[OFFSET(0)], DAY) AS a, @exact AS b, @at < @now AS c")
                + "params:\n  day: { type: date, value: 2026-01-05 }\n  days: { type: date, value: [2026-01-01] }\n  exact: { type: numeric, value: '1.10' }\n  at: 2026-01-05T00:00:00Z",
            "a=4 b=1.1 c=true",
        ),
    ] {
        assert_eq!(row(&d.source.collect(&with(&collect)).await.unwrap(), 0), want, "{collect}");
    }
    let said = said(d.source.collect(&with(&query("SELECT @haf"))).await);
    assert_eq!(said, "Refused: unknown parameter `@haf`: did you mean `@half`?");
}

#[test]
fn what_is_wrong_with_a_request_is_told_before_it_is_sent() {
    let collect = |text: &str| read(kind("bigquery").collect, text);
    for (text, want) in [
        ("query: SELECT @now, @two, @own\nparams: { own: 1 }", ""),
        (
            "query: SELECT @own, ?\nparams: { owm: 1 }",
            "1:15 unknown parameter `@own`: did you mean `@owm`?; 1:21 `?` is bound to nothing",
        ),
        ("query: DELETE FROM t", "1:8 `DELETE` begins no query"),
        ("query: SELECT 1\nparams: { two: 1 }", "2:11 the check has a param `two` already"),
        ("query: SELECT 1\nparams: { now: 1 }", "2:11 `@now` is the slot's time"),
        ("query: SELECT 1\nparams: { a: [1, x] }", "2:14 `a` holds a INT64 and a STRING"),
    ] {
        let settings = collect(text).unwrap();
        let problems = (kind("bigquery").check_request)(&settings, &["two"]);
        let told: Vec<String> = problems
            .iter()
            .map(|p| p.place.as_ref().map_or(String::new(), |at| format!("{}:{} {}", at.line, at.column, p.message)))
            .collect();
        let told = told.join("; ");
        assert!(told.starts_with(want) && told.is_empty() == want.is_empty(), "{text}: {told}");
    }
    let unknown = collect("query: SELECT 1\nparams: { a: { type: dat, value: x } }").unwrap_err();
    assert!(unknown.contains("dat"), "{unknown}");
}

#[tokio::test]
async fn what_the_emulator_refuses_is_the_checks_fault() {
    let Some(bigquery) = testkit::bigquery() else { return };
    let d = emulated(bigquery, "");
    for (sql, want) in [
        ("SELECT nobody FROM UNNEST([1]) AS n", "Refused: the query is refused: "),
        ("SELECT 1 / 0 AS x", "Refused: the query is refused: "),
        ("SELECT * FROM absent.t", "Refused: BigQuery does not know what is asked for: "),
        ("SELECT b'a' AS a", "Refused: column `a` is of the type BYTES"),
        ("SELECT 9007199254740993 AS a", "Refused: column `a` holds 9007199254740993"),
        ("CREATE TABLE t AS SELECT 1", "Refused: `CREATE` begins no query"),
    ] {
        let said = said(d.query(sql).await);
        assert!(said.starts_with(want), "{sql}: {said}");
    }
}

#[tokio::test]
async fn an_error_inside_a_200_is_an_error() {
    let Some(bqemulator) = testkit::bqemulator() else { return };
    let keys = format!("endpoint: {}\nproject: {}", bqemulator.url(), BqEmulator::PROJECT);
    let d = source("bigquery", &keys);
    assert_eq!(row(&d.query("SELECT @now AS t, 1 AS n").await.unwrap(), 0), "t=2026-01-05T00:30:00Z n=1");
    for sql in ["SELECT 1 / 0 AS x", "SELECT nobody FROM UNNEST([1]) AS n", "SELECT ERROR('no') AS x"] {
        let answer = bqemulator.sql(sql).unwrap();
        assert!(answer["errors"].is_array(), "the emulator answers 200: {answer}");
        let said = said(d.query(sql).await);
        assert!(said.starts_with("Refused: the query is refused: "), "{sql}: {said}");
    }
}

#[tokio::test]
async fn an_answer_of_many_pages_is_read_to_the_last() {
    let Some(bigquery) = testkit::bigquery() else { return };
    let d = emulated(bigquery, "max_rows: 30000");
    let sql =
        "SELECT n, TIMESTAMP_ADD(@now, INTERVAL n SECOND) AS t FROM UNNEST(GENERATE_ARRAY(1, 25000)) AS n ORDER BY n";
    let table = d.query(sql).await.unwrap();
    assert_eq!((table.rows(), row(&table, 24_999).as_str()), (25_000, "n=25000 t=2026-01-05T07:26:40Z"));
    let said = said(d.query(&sql.replace("25000", "30001")).await);
    assert!(said.starts_with("LimitPassed: the answer has more than 30000 rows"), "{said}");
    let small = emulated(bigquery, "max_bytes: 64KiB");
    let said = crate::said(small.query(sql).await);
    assert!(said.starts_with("LimitPassed: the answer has more than 65536 bytes"), "{said}");
}

#[tokio::test]
async fn lint_asks_for_the_columns_without_running() {
    let Some(bigquery) = testkit::bigquery() else { return };
    let d = emulated(bigquery, "");
    let survey = d.source.survey(&d.request(&query("SELECT 1 AS n, 'x' AS s, @now AS t"))).await.unwrap();
    let told: Vec<String> = survey.columns.iter().map(|(n, of)| format!("{n}:{}", of.unwrap())).collect();
    assert_eq!((told.join(" ").as_str(), survey.bytes), ("n:number s:text t:time", Some(0)));
    let error = d.source.columns(&d.request(&query("SELECT nobody FROM UNNEST([1]) AS n"))).await.unwrap_err();
    assert!(error.message.starts_with("the query is refused: "), "{error}");
    let dry = FaultServer::start([reply(&numbers(&[], &json!({ "totalBytesProcessed": "123456789" })))]);
    let d = false_one(&dry, "");
    assert_eq!(d.source.survey(&d.request(&query("SELECT n FROM t"))).await.unwrap().bytes, Some(123_456_789));
    assert_eq!(dry.requests()[0].json()["dryRun"], true);
}

#[tokio::test]
async fn a_query_is_sent_with_what_the_source_says() {
    let server = FaultServer::start([reply(&numbers(&[7], &json!({})))]);
    let d = false_one(&server, "location: EU\ndataset: ops\nmax_bytes_billed: 2GiB\nmax_rows: 5\nquota_project: q");
    let mut request = d.request(&query("SELECT n FROM t WHERE t < @now"));
    request.check = "A Check/1".into();
    assert_eq!(row(&d.source.collect(&request).await.unwrap(), 0), "n=7");
    let sent = &server.wait_for_requests(1)[0];
    assert_eq!((sent.method.as_str(), sent.path.as_str()), ("POST", "/bigquery/v2/projects/p/queries"));
    assert_eq!(sent.header("authorization"), None, "an endpoint that is not Google's is sent no token");
    let mut body = sent.json();
    let id = body["requestId"].take();
    assert!(id.as_str().is_some_and(|id| id.len() <= 36), "{id}");
    let timeout = |key: &Json| key.as_u64().or_else(|| key.as_str()?.parse().ok()).unwrap();
    let (wait, job) = (timeout(&body["timeoutMs"].take()), timeout(&body["jobTimeoutMs"].take()));
    assert!((5_000..=10_000).contains(&wait) && (11_000..=21_000).contains(&job), "{wait} {job}");
    let now = json!({ "name": "now", "parameterType": { "type": "TIMESTAMP" }, "parameterValue": { "value": "2026-01-05T00:30:00Z" } });
    let want = json!({
        "query": "SELECT n FROM t WHERE t < @now\n", "useLegacySql": false, "parameterMode": "NAMED", "queryParameters": [now],
        "formatOptions": { "useInt64Timestamp": true }, "location": "EU", "maximumBytesBilled": "2147483648", "maxResults": 6,
        "defaultDataset": { "projectId": "p", "datasetId": "ops" },
        "labels": { "bellwether_check": "a_check_1", "bellwether_source": "tested" },
        "requestId": null, "timeoutMs": null, "jobTimeoutMs": null,
    });
    assert_eq!(body, want);
}

#[tokio::test]
async fn a_job_that_is_not_complete_is_waited_for_where_it_is() {
    let first = numbers(&[1, 2], &json!({ "totalRows": "3", "pageToken": "b" }));
    let last = numbers(&[3], &json!({ "totalRows": "3" }));
    let server = FaultServer::start([reply(&running()), reply(&running()), reply(&first), reply(&last)]);
    let table = false_one(&server, "").query("SELECT n FROM t").await.unwrap();
    assert_eq!((table.rows(), row(&table, 2).as_str()), (3, "n=3"));
    let sent = server.requests();
    let results =
        "/bigquery/v2/projects/p/queries/job_1?maxResults=10000&formatOptions.useInt64Timestamp=true&location=EU";
    assert!(sent[1].path.starts_with(&format!("{results}&timeoutMs=")), "{}", sent[1].path);
    assert_eq!(sent[3].path, format!("{results}&pageToken=b"));
    assert!(Duration::from_millis(80) < sent[2].at - sent[1].at, "who does not wait is not asked without end");
    assert_eq!(sent.len(), 4, "a job that is over is not cancelled");
}

#[tokio::test]
async fn what_is_not_the_whole_answer_is_an_error() {
    let short = numbers(&[1, 2], &json!({ "totalRows": "3" }));
    let errors = json!([{ "reason": "backendError", "message": "went wrong" }]);
    let no_page = json!({ "totalRows": "3", "pageToken": "b" });
    for (answers, want) in [
        (vec![short], "Refused: the answer has 2 of the 3 rows that there are"),
        (vec![numbers(&[1], &no_page), numbers(&[], &no_page)], "Refused: a page came without rows after 1 rows"),
        (
            vec![numbers(&[], &json!({ "errors": errors }))],
            "Unreachable: BigQuery cannot run the query now (backendError): went wrong",
        ),
        (vec![json!({ "kind": "discovery#restDescription" })], "Refused: the answer is not one of BigQuery's"),
        (vec![json!({ "jobComplete": false })], "Refused: BigQuery's answer does not name its job"),
        (vec![json!({ "jobComplete": true })], "Refused: the query gives no columns"),
    ] {
        let server = FaultServer::start(answers.iter().map(reply));
        let said = said(false_one(&server, "").query("SELECT n FROM t").await);
        assert!(said.starts_with(want), "{said}");
    }
    let warned = FaultServer::start([reply(&numbers(&[1], &json!({ "errors": [{ "message": "a warning" }] })))]);
    assert_eq!(false_one(&warned, "").query("SELECT n FROM t").await.unwrap().rows(), 1);
}

#[tokio::test]
async fn each_refusal_says_whose_fault_it_is() {
    let denied = "Access Denied: Table p:d.t: User does not have permission to query table p:d.t.";
    let no_jobs = "Access Denied: Project p: User does not have bigquery.jobs.create permission in project p.";
    for (reply, want) in [
        (
            refusal(400, "INVALID_ARGUMENT", "invalidQuery", "Syntax error at [1:8]"),
            "Refused: the query is refused: Syntax error at [1:8]",
        ),
        (
            refusal(400, "", "bytesBilledLimitExceeded", "Query exceeded limit"),
            "LimitPassed: the query would bill more than `max_bytes_billed`",
        ),
        (
            refusal(401, "UNAUTHENTICATED", "authError", "Invalid Credentials"),
            "Unreachable: BigQuery does not take the credentials (401)",
        ),
        (
            refusal(403, "PERMISSION_DENIED", "accessDenied", denied),
            "Refused: BigQuery refuses access: Access Denied: Table p:d.t",
        ),
        (
            refusal(403, "PERMISSION_DENIED", "accessDenied", no_jobs),
            "Unreachable: BigQuery refuses access (403): Access Denied: Project p",
        ),
        (refusal(403, "", "quotaExceeded", "Quota"), "Unreachable: BigQuery takes no more requests now (403)"),
        (
            refusal(404, "NOT_FOUND", "notFound", "Not found: Dataset p:d"),
            "Refused: BigQuery does not know what is asked for: Not found: Dataset p:d: look at",
        ),
        (
            refusal(429, "", "rateLimitExceeded", "Slow").header("Retry-After", "3600"),
            "Unreachable: BigQuery takes no more requests now (429)",
        ),
        (
            refusal(500, "INTERNAL", "internalError", "x").header("Retry-After", "3600"),
            "Unreachable: BigQuery answered 500: x",
        ),
        (
            refusal(503, "UNAVAILABLE", "backendError", "x").header("Retry-After", "3600"),
            "Unreachable: BigQuery answered 503: x",
        ),
        (Reply::Close, "Unreachable: "),
        (Reply::Reset, "Unreachable: "),
    ] {
        let server = FaultServer::start([reply]);
        let said = said(false_one(&server, "").query("SELECT n FROM t").await);
        assert!(said.starts_with(want), "{said}");
    }
}

#[tokio::test]
async fn a_request_that_is_sent_again_has_the_same_id() {
    let busy = refusal(503, "UNAVAILABLE", "backendError", "x").header("Retry-After", "0");
    let server = FaultServer::start([busy, reply(&numbers(&[1], &json!({})))]);
    assert_eq!(false_one(&server, "").query("SELECT n FROM t").await.unwrap().rows(), 1);
    let ids: Vec<Json> = server.requests().iter().map(|r| r.json()["requestId"].clone()).collect();
    assert_eq!(ids[0], ids[1], "else BigQuery would run two jobs");
}

/// Google's own description of its API knows each request, and the false BigQuery's answers.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_and_answered_is_as_google_describes_it() {
    let Some(google) = testkit::discovery("bigquery.v2") else { return };
    let first = numbers(
        &[1],
        &json!({ "totalRows": "2", "pageToken": "b", "totalBytesProcessed": "5", "errors": [{ "reason": "x" }] }),
    );
    let (last, running, cancelled) = (numbers(&[2], &json!({ "totalRows": "2" })), running(), json!({}));
    for (method, answer) in [("query", &first), ("query", &running), ("getQueryResults", &last), ("cancel", &cancelled)]
    {
        google.check_answer(&format!("bigquery.jobs.{method}"), answer).unwrap();
    }
    let server = FaultServer::start([reply(&running), reply(&first), reply(&last)]);
    let keys = "location: EU\ndataset: other.ops\nmax_bytes_billed: 2GiB";
    let asked = query("SELECT n FROM t WHERE d = @d AND s IN UNNEST(@list) AND t < @now")
        + "params: { d: { type: date, value: 2026-01-05 }, list: [a, b] }";
    let d = false_one(&server, keys);
    d.collect(&asked).await.unwrap();
    d.source.columns(&d.request(&asked)).await.unwrap();
    let stuck = stuck();
    let d = false_one(&stuck, keys);
    let mut request = d.request(&asked);
    request.timeout = Duration::from_millis(300);
    d.source.collect(&request).await.unwrap_err();
    assert!(testkit::wait_until(Duration::from_secs(5), || cancels(&stuck).len() == 1));
    let sent = server.requests().into_iter().chain(stuck.requests());
    let empty = stuck.requests().into_iter().find(|request| request.path.contains("/cancel")).unwrap();
    assert_eq!(empty.header("content-length"), Some("0"), "Google answers 411 to a POST without a length");
    let methods: Vec<&str> = sent.map(|request| google.method_of(&request).unwrap()).collect();
    let short: Vec<&str> = methods.iter().filter_map(|method| method.strip_prefix("bigquery.jobs.")).collect();
    assert_eq!(short.join(" "), "query getQueryResults getQueryResults query query getQueryResults cancel");
}

/// Answers that name a running job, whose results never come; and says whether it was cancelled.
pub fn stuck() -> FaultServer {
    FaultServer::answering(|request: &Request| match request.path.as_str() {
        path if path.contains("/cancel") => reply(&json!({ "job": {} })),
        path if path.contains("/job_1") => Reply::Hang,
        _ => reply(&running()),
    })
}

fn cancels(server: &FaultServer) -> Vec<String> {
    let sent = server.requests().into_iter().filter(|r| r.path.contains("/cancel"));
    sent.map(|r| format!("{} {}", r.method, r.path)).collect()
}

const CANCEL: &str = "POST /bigquery/v2/projects/p/jobs/job_1/cancel?location=EU";

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_cancelled_at_the_deadline_and_where_nobody_waits() {
    let server = stuck();
    let d = false_one(&server, "");
    let mut request = d.request(&query("SELECT n FROM t"));
    request.timeout = Duration::from_millis(300);
    let started = Instant::now();
    let said = said(d.source.collect(&request).await);
    assert!(said.starts_with("Unreachable: the request to BigQuery did not finish within 300ms"), "{said}");
    assert!(started.elapsed() < Duration::from_secs(3));
    assert!(testkit::wait_until(Duration::from_secs(5), || cancels(&server) == [CANCEL]), "{:?}", cancels(&server));
    // Who asked is gone.
    let server = stuck();
    let d = false_one(&server, "");
    let request = d.request(&query("SELECT n FROM t"));
    let task = tokio::spawn(async move { d.source.collect(&request).await });
    server.wait_for_requests(2);
    task.abort();
    assert!(testkit::wait_until(Duration::from_secs(5), || cancels(&server) == [CANCEL]), "{:?}", cancels(&server));
}

#[tokio::test]
async fn a_page_that_never_comes_is_cut_at_the_deadline() {
    let first = numbers(&[1], &json!({ "totalRows": "2", "pageToken": "b" }));
    let server = FaultServer::start([reply(&first), Reply::Hang]);
    let d = false_one(&server, "");
    let mut request = d.request(&query("SELECT n FROM t"));
    request.timeout = Duration::from_millis(300);
    let said = said(d.source.collect(&request).await);
    assert!(said.starts_with("Unreachable: the request to BigQuery did not finish within 300ms"), "{said}");
    assert_eq!(cancels(&server).len(), 0, "the job is over");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_killed_in_mid_query_is_unreachable_and_answers_when_it_is_back() {
    // One of its own: the others' is not to be killed.
    let Some(mut bigquery) = testkit::bigquery_alone() else { return };
    let d = emulated(&bigquery, "");
    let slow = "SELECT COUNT(*) AS n FROM UNNEST(GENERATE_ARRAY(1, 30000)) AS a, UNNEST(GENERATE_ARRAY(1, 300000)) AS b WHERE MOD(a * b, 7) = 3";
    let (asked, request) = (std::sync::Arc::clone(&d.source), d.request(&query(slow)));
    let task = tokio::spawn(async move { asked.collect(&request).await });
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert!(!task.is_finished(), "the query is meant to be slow");
    let started = Instant::now();
    bigquery.server().stop();
    let said = said(task.await.unwrap());
    assert!(said.starts_with("Unreachable: "), "{said}");
    assert!(started.elapsed() < Duration::from_secs(5), "it is told at once");
    assert!(crate::said(d.query("SELECT 1 AS n").await).starts_with("Unreachable: cannot connect"));
    bigquery.restart().unwrap();
    assert_eq!(row(&d.query("SELECT 1 AS n").await.unwrap(), 0), "n=1");
}
