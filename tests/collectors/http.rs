use crate::{Asked, columns, row, said, source, typed_row};
use bellwether::model::{Table, ValueType};
use testkit::{Certificates, FaultServer, Reply};

fn web() -> Asked {
    source("http", "max_bytes: 64KiB")
}

/// A row without the columns that differ from run to run.
fn steady(table: &Table, at: usize) -> String {
    let row = row(table, at);
    row.split(' ').filter(|cell| !cell.starts_with("latency=")).collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn any_status_is_a_row() {
    for (reply, want) in [
        (Reply::text(200, "hello"), "status=200 body_bytes=5 tls_days_left=null"),
        (Reply::html(500, "<h1>no"), "status=500 body_bytes=6 tls_days_left=null"),
        (Reply::status(404), "status=404 body_bytes=0 tls_days_left=null"),
    ] {
        let server = FaultServer::start([reply]);
        let table = web().collect(&format!("url: {}", server.url("/health"))).await.unwrap();
        assert_eq!(steady(&table, 0), want);
        let bellwether::model::Value::Number(latency) = table.columns()[1].value(0) else { panic!("no latency") };
        assert!(latency > 0.0 && latency < 20.0, "{latency}");
    }
}

#[tokio::test]
async fn json_gives_rows_and_what_is_not_there_is_null() {
    let body = r#"{"data":{"queues":[{"name":"a","n":1,"at":"2026-01-05 00:10:00"},{"name":"b","n":null}]},"ok":true}"#;
    let server = FaultServer::start([Reply::json(200, body)]);
    let asked = web();
    let mut request = asked.request(&format!(
        "url: {}\nrows: /data/queues\njson: {{ queue: /name, n: /n, at: /at, gone: /x/y }}",
        server.url("/")
    ));
    request.columns = Some(columns(&[("at", ValueType::Time)]));
    let table = asked.source.collect(&request).await.unwrap();
    let rows: Vec<String> = (0..2).map(|r| steady(&table, r)).collect();
    assert_eq!(
        rows,
        [
            "queue=a n=1 at=2026-01-05T00:10:00Z gone=null status=200 body_bytes=99 tls_days_left=null",
            "queue=b n=null at=null gone=null status=200 body_bytes=99 tls_days_left=null"
        ]
    );
    let one =
        asked.collect(&format!("url: {}\njson: {{ ok: /ok, second: /data/queues/1/name }}", server.url("/"))).await;
    assert!(typed_row(&one.unwrap()).starts_with("ok:bool=true second:text=b status:number=200"));
}

#[tokio::test]
async fn where_json_is_asked_and_none_comes_the_collection_failed() {
    for (reply, keys, want) in [
        (Reply::html(200, "<html>"), "json: { a: /a }", "Refused: the answer is not JSON (status 200, text/html"),
        (Reply::html(503, "<html>"), "json: { a: /a }", "Unreachable: the answer is not JSON (status 503"),
        (Reply::html(429, "slow"), "json: { a: /a }", "Unreachable: the answer is not JSON (status 429"),
        (
            Reply::json(429, "{}"),
            "rows: /a\njson: { a: /a }",
            "Unreachable: `rows` points to `/a`, and there is no list",
        ),
        (Reply::json(200, "{}"), "rows: /a\njson: { a: /a }", "Refused: `rows` points to `/a`, and there is no list"),
        (Reply::json(200, r#"{"a":{}}"#), "json: { a: /a }", "Refused: `json` column `a` holds an object"),
        (Reply::json(200, "[1,\"x\"]"), "rows: ''\njson: { a: '' }", "Refused: column `a` holds both number and text"),
    ] {
        let server = FaultServer::start([reply]);
        let said = said(web().collect(&format!("url: {}\n{keys}", server.url("/"))).await);
        assert!(said.starts_with(want), "{said}");
    }
}

#[tokio::test]
async fn what_is_sent_is_what_was_written() {
    let server = FaultServer::start([Reply::status(204)]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c");
    std::fs::write(&file, "c\n").unwrap();
    let asked = source("http", &format!("bearer_token: t0ken\nheaders: {{ X-A: a, X-C_file: {} }}", file.display()));
    let keys = "method: POST\nheaders: { X-B: b }\nbody: '{\"q\":1}'";
    asked.collect(&format!("url: {}\n{keys}", server.url("/p?q=1"))).await.unwrap();
    let request = &server.wait_for_requests(1)[0];
    assert_eq!(
        (request.method.as_str(), request.path.as_str(), request.text().as_str()),
        ("POST", "/p?q=1", "{\"q\":1}")
    );
    let header = |name| request.header(name).unwrap_or("absent");
    assert_eq!((header("authorization"), header("x-a"), header("x-b")), ("Bearer t0ken", "a", "b"));
    assert_eq!((header("x-c"), header("x-c_file")), ("c", "absent"));
}

#[tokio::test]
async fn redirects_are_followed_so_far_and_no_further() {
    let server = FaultServer::start([Reply::status(302).header("Location", "/again")]);
    let keys = format!("url: {}", server.url("/"));
    let endless = said(web().collect(&keys).await);
    assert!(endless.starts_with("Refused: ") && endless.contains("more than 5 redirects"), "{endless}");
    let abroad = FaultServer::start([Reply::status(302).header("Location", "http://localhost:1/")]);
    let asked = web().collect(&format!("url: {}\nheaders: {{ X-Key: k }}", abroad.url("/"))).await;
    let abroad = said(asked);
    assert!(abroad.starts_with("Refused: ") && abroad.contains("another host"), "{abroad}");
    let first = source("http", "max_redirects: 0").collect(&keys).await.unwrap();
    assert!(row(&first, 0).starts_with("status=302"));
}

#[tokio::test]
async fn the_certificates_end_is_counted_from_the_slot() {
    let folder = tempfile::tempdir().unwrap();
    let Some(certificates) = testkit::require("openssl", Certificates::new(folder.path(), 30)) else { return };
    let server = FaultServer::start_tls([Reply::status(200)], &certificates);
    let keys = format!("url: {}", server.url("/"));
    let stranger = said(web().collect(&keys).await);
    assert!(
        stranger.starts_with("Unreachable: cannot connect to localhost:") && stranger.contains("certificate"),
        "{stranger}"
    );
    let known = source("http", &format!("ca: {}", certificates.authority().display()));
    let mut request = known.request(&keys);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    request.now = bellwether::model::Timestamp::from_secs(i64::try_from(now).unwrap());
    let table = known.source.collect(&request).await.unwrap();
    let left = table.columns()[table.column_index("tls_days_left").unwrap()].value(0);
    let bellwether::model::Value::Number(left) = left else { panic!("no days") };
    assert!((29.9..30.1).contains(&left), "{left}");
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_an_error_that_names_it() {
    let server = FaultServer::start([Reply::text(200, &"x".repeat(70_000))]);
    let said = said(web().collect(&format!("url: {}", server.url("/"))).await);
    assert!(said.starts_with("LimitPassed: the answer has more than 65536 bytes (`max_bytes`"), "{said}");
}

#[tokio::test]
async fn a_secret_in_the_url_is_not_shown() {
    let port = testkit::free_port();
    let said = said(web().collect(&format!("url: 'http://ana:hunter2@127.0.0.1:{port}/?token=s3cret'")).await);
    assert!(said.starts_with("Unreachable: cannot connect"), "{said}");
    assert!(!said.contains("hunter2") && !said.contains("s3cret"), "{said}");
}
