//! What every kind must do alike.

use crate::{Asked, bigquery, query, said, source, sqlite};
use bellwether::collectors::KINDS;
use std::time::{Duration, Instant};
use testkit::{FaultServer, Reply};

/// A kind's sources that misbehave, and what to ask them. `None` where the kind has no such case.
struct Cases {
    kind: &'static str,
    /// Three rows where two are allowed.
    too_many: Option<(Asked, String)>,
    /// Nobody listens, or nothing is there.
    absent: Option<(Asked, String)>,
    /// It never answers to the end.
    endless: Vec<(Asked, String)>,
    /// An answer without rows.
    empty: Option<(Asked, String)>,
    _keep: Vec<Box<dyn std::any::Any>>,
}

fn cases() -> Vec<Cases> {
    let mut all = vec![of_sqlite(), of_prometheus(), of_http(), of_exec(), of_postgres_absent()];
    all.extend([of_bigquery(), of_cloud_monitoring(), of_cloud_logging(), of_pubsub(), of_firestore()]);
    all.extend(testkit::postgres().map(of_postgres));
    all
}

const TEN_MILLION: &str =
    "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 10000000) SELECT n FROM c";
const ENDLESS: &str = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT n FROM c WHERE n < 0";

fn of_sqlite() -> Cases {
    let (few, plain) = (sqlite::database("", "max_rows: 2"), sqlite::database("", ""));
    let (other, path) = (sqlite::database("", ""), plain.folder.path().join("absent.db"));
    Cases {
        kind: "sqlite",
        too_many: Some((few.source, query(TEN_MILLION))),
        absent: Some((source("sqlite", &format!("path: {}", path.display())), query("SELECT 1"))),
        endless: vec![(plain.source, query(ENDLESS))],
        empty: Some((other.source, query("SELECT 1 AS a WHERE false"))),
        _keep: vec![Box::new((few.folder, plain.folder, other.folder))],
    }
}

fn of_postgres_absent() -> Cases {
    let url = format!("postgres://u:p@127.0.0.1:{}/d", testkit::free_port());
    let silent = silent();
    let hung = format!("url: postgres://u:p@127.0.0.1:{}/d?sslmode=disable", silent.port());
    Cases {
        kind: "postgres",
        too_many: None,
        absent: Some((source("postgres", &format!("url: {url}")), query("SELECT 1"))),
        endless: vec![(source("postgres", &hung), query("SELECT 1"))],
        empty: None,
        _keep: vec![Box::new(silent)],
    }
}

fn of_postgres(postgres: &testkit::Postgres) -> Cases {
    let database = postgres.database("").unwrap();
    let keys = |more: &str| source("postgres", &format!("url: {}?sslmode=disable\n{more}", postgres.url(&database)));
    Cases {
        kind: "postgres",
        too_many: Some((keys("max_rows: 2"), query("SELECT generate_series(1, 10000000) AS n"))),
        absent: None,
        endless: vec![(keys(""), query(ENDLESS)), (keys(""), query("SELECT pg_sleep(60)::text AS s"))],
        empty: Some((keys(""), query("SELECT 1 AS a WHERE false"))),
        _keep: Vec::new(),
    }
}

fn of_bigquery() -> Cases {
    let numbers =
        |list: &[i64]| FaultServer::start([bigquery::reply(&bigquery::numbers(list, &serde_json::json!({})))]);
    let (many, none, stuck) = (numbers(&[1, 2, 3]), numbers(&[]), bigquery::stuck());
    let (slow, silent) = (FaultServer::start([Reply::one_byte_a_second(&"x".repeat(60))]), silent());
    let absent = format!("endpoint: http://127.0.0.1:{}\nproject: p", testkit::free_port());
    let sql = || query("SELECT n FROM t");
    Cases {
        kind: "bigquery",
        too_many: Some((bigquery::false_one(&many, "max_rows: 2"), sql())),
        absent: Some((source("bigquery", &absent), sql())),
        endless: [&slow, &silent, &stuck].map(|server| (bigquery::false_one(server, ""), sql())).into(),
        empty: Some((bigquery::false_one(&none, ""), sql())),
        _keep: vec![Box::new((many, none, slow, silent, stuck))],
    }
}

fn of_prometheus() -> Cases {
    let series = [r#"{"metric":{},"value":[1,"2"]}"#; 3].join(",");
    let vector = |series: &str| {
        Reply::json(200, &format!(r#"{{"status":"success","data":{{"resultType":"vector","result":[{series}]}}}}"#))
    };
    let (many, none) = (FaultServer::start([vector(&series)]), FaultServer::start([vector("")]));
    let (slow, silent) = (FaultServer::start([Reply::one_byte_a_second(&"x".repeat(60))]), silent());
    let keys = |server: &FaultServer, more: &str| source("prometheus", &format!("url: {}\n{more}", server.url("")));
    let up = || "promql: up".to_owned();
    Cases {
        kind: "prometheus",
        too_many: Some((keys(&many, "max_rows: 2"), up())),
        absent: Some((source("prometheus", &format!("url: http://127.0.0.1:{}", testkit::free_port())), up())),
        endless: vec![(keys(&slow, ""), up()), (keys(&silent, ""), up())],
        empty: Some((keys(&none, ""), up())),
        _keep: vec![Box::new((many, none, slow, silent))],
    }
}

fn of_http() -> Cases {
    let (many, none) =
        (FaultServer::start([Reply::json(200, "[1,2,3]")]), FaultServer::start([Reply::json(200, "[]")]));
    let (slow, silent) = (FaultServer::start([Reply::one_byte_a_second(&"x".repeat(60))]), silent());
    let ask = |server: &FaultServer| format!("url: {}", server.url("/"));
    let rows = |server: &FaultServer| format!("url: {}\nrows: ''\njson: {{ n: '' }}", server.url("/"));
    let absent = format!("url: http://127.0.0.1:{}/", testkit::free_port());
    Cases {
        kind: "http",
        too_many: Some((source("http", "max_rows: 2"), rows(&many))),
        absent: Some((source("http", "{}"), absent)),
        endless: vec![(source("http", "{}"), ask(&slow)), (source("http", "{}"), ask(&silent))],
        empty: Some((source("http", "{}"), rows(&none))),
        _keep: vec![Box::new((many, none, slow, silent))],
    }
}

fn of_cloud_monitoring() -> Cases {
    let series = |name: u8| {
        format!(
            r#"{{"resource":{{"type":"x","labels":{{"name":"{name}"}}}},
               "points":[{{"interval":{{"endTime":"2026-01-05T00:29:00Z"}},"value":{{"int64Value":"1"}}}}]}}"#
        )
    };
    let three = format!(r#"{{"timeSeries":[{}]}}"#, [1, 2, 3].map(series).join(","));
    let (many, none) = (FaultServer::start([Reply::json(200, &three)]), FaultServer::start([Reply::json(200, "{}")]));
    let (slow, silent) = (FaultServer::start([Reply::one_byte_a_second(&"x".repeat(60))]), silent());
    let keys = |url: &str, more: &str| source("cloud_monitoring", &format!("endpoint: {url}\nproject: p\n{more}"));
    let (filter, promql) = (|| "filter: metric.type = \"x\"".to_owned(), || "promql: up".to_owned());
    let absent = format!("http://127.0.0.1:{}", testkit::free_port());
    Cases {
        kind: "cloud_monitoring",
        too_many: Some((keys(&many.url(""), "max_rows: 2"), filter())),
        absent: Some((keys(&absent, ""), filter())),
        endless: vec![
            (keys(&slow.url(""), ""), filter()),
            (keys(&silent.url(""), ""), filter()),
            (keys(&silent.url(""), ""), promql()),
        ],
        empty: Some((keys(&none.url(""), ""), filter())),
        _keep: vec![Box::new((many, none, slow, silent))],
    }
}

fn of_firestore() -> Cases {
    let documents = |ids: &[&str]| {
        let one = |id: &&str| format!(r#"{{"document":{{"name":"projects/p/databases/d/documents/a/{id}"}}}}"#);
        let all: Vec<_> = ids.iter().map(one).collect();
        FaultServer::start([Reply::json(200, &format!("[{}]", all.join(",")))])
    };
    let (many, none) = (documents(&["a", "b", "c"]), documents(&[]));
    let (slow, silent) = (FaultServer::start([Reply::one_byte_a_second(&"x".repeat(60))]), silent());
    let keys = |url: &str, more: &str| source("firestore", &format!("project: p\nendpoint: {url}\n{more}"));
    let all = || "collection: a".to_owned();
    let absent = format!("http://127.0.0.1:{}", testkit::free_port());
    Cases {
        kind: "firestore",
        too_many: Some((keys(&many.url(""), "max_rows: 2"), all())),
        absent: Some((keys(&absent, ""), all())),
        endless: vec![(keys(&slow.url(""), ""), all()), (keys(&silent.url(""), ""), all())],
        empty: Some((keys(&none.url(""), ""), all())),
        _keep: vec![Box::new((many, none, slow, silent))],
    }
}

fn of_pubsub() -> Cases {
    let listed = |names: &[&str]| {
        let subscription =
            |name: &&str| format!(r#"{{"name":"projects/p/subscriptions/{name}","topic":"projects/p/topics/t"}}"#);
        let all: Vec<_> = names.iter().map(subscription).collect();
        FaultServer::start([Reply::json(200, &format!(r#"{{"subscriptions":[{}]}}"#, all.join(",")))])
    };
    let (many, none) = (listed(&["a", "b", "c"]), listed(&[]));
    let (slow, silent) = (FaultServer::start([Reply::one_byte_a_second(&"x".repeat(60))]), silent());
    let keys = |url: &str, more: &str| source("pubsub", &format!("project: p\nendpoint: {url}\n{more}"));
    let all = || "pattern: '*'\nmetrics: false".to_owned();
    let absent = format!("http://127.0.0.1:{}", testkit::free_port());
    Cases {
        kind: "pubsub",
        too_many: Some((keys(&many.url(""), "max_rows: 2"), all())),
        absent: Some((keys(&absent, ""), all())),
        endless: vec![(keys(&slow.url(""), ""), all()), (keys(&silent.url(""), ""), all())],
        empty: Some((keys(&none.url(""), ""), all())),
        _keep: vec![Box::new((many, none, slow, silent))],
    }
}

fn of_cloud_logging() -> Cases {
    let three = format!(r#"{{"entries":[{}]}}"#, [r#"{"timestamp":"2026-01-05T00:29:00Z"}"#; 3].join(","));
    let (many, none) = (FaultServer::start([Reply::json(200, &three)]), FaultServer::start([Reply::json(200, "{}")]));
    let (slow, silent) = (FaultServer::start([Reply::one_byte_a_second(&"x".repeat(60))]), silent());
    let keys = |url: &str, more: &str| source("cloud_logging", &format!("endpoint: {url}\nproject: p\n{more}"));
    let filter = || "filter: severity >= ERROR\ngroup_by: [logName]".to_owned();
    let absent = format!("http://127.0.0.1:{}", testkit::free_port());
    Cases {
        kind: "cloud_logging",
        too_many: Some((keys(&many.url(""), "max_rows: 2"), filter())),
        absent: Some((keys(&absent, ""), filter())),
        endless: vec![(keys(&slow.url(""), ""), filter()), (keys(&silent.url(""), ""), filter())],
        empty: Some((keys(&none.url(""), ""), filter())),
        _keep: vec![Box::new((many, none, slow, silent))],
    }
}

fn of_exec() -> Cases {
    let endless =
        ["sleep 60", "yes > /dev/null", "trap '' TERM INT; while :; do sleep 1; done", "exec >&- 2>&-; sleep 60"];
    Cases {
        kind: "exec",
        too_many: None,
        absent: None,
        endless: endless.map(|s| (source("exec", "{}"), crate::exec::script(s))).into(),
        empty: None,
        _keep: Vec::new(),
    }
}

/// A server that takes a connection and says nothing.
fn silent() -> FaultServer {
    FaultServer::start([Reply::Hang])
}

#[test]
fn every_kind_has_its_cases() {
    let cases = cases();
    for kind in KINDS {
        assert!(cases.iter().any(|c| c.kind == kind.name), "`{}` has no cases here", kind.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn more_rows_than_allowed_are_an_error_that_names_the_limit() {
    for case in cases() {
        let Some((asked, collect)) = &case.too_many else { continue };
        let started = Instant::now();
        let said = said(asked.collect(collect).await);
        assert!(said.starts_with("LimitPassed: the answer has more than 2 rows (`max_rows`"), "{}: {said}", case.kind);
        assert!(started.elapsed() < Duration::from_secs(10), "{}: {:?}", case.kind, started.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_unreachable() {
    for case in cases() {
        let Some((asked, collect)) = &case.absent else { continue };
        let said = said(asked.collect(collect).await);
        assert!(said.starts_with("Unreachable: cannot "), "{}: {said}", case.kind);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_end_is_cut_at_the_deadline() {
    for case in cases() {
        for (asked, collect) in &case.endless {
            let mut request = asked.request(collect);
            request.timeout = Duration::from_millis(300);
            let started = Instant::now();
            let said = said(asked.source.collect(&request).await);
            assert!(said.starts_with("Unreachable: ") && said.contains("300ms"), "{}: {said}", case.kind);
            assert!(started.elapsed() < Duration::from_secs(3), "{}: {:?}", case.kind, started.elapsed());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_rows_is_an_empty_table() {
    for case in cases() {
        let Some((asked, collect)) = &case.empty else { continue };
        assert!(asked.collect(collect).await.unwrap().is_empty(), "{}", case.kind);
    }
}
