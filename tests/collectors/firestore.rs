//! Google's own Firestore emulator, and false servers for what it does not do.

use crate::{Asked, columns, params, row, said, source, typed_row};
use bellwether::collectors::identity;
use bellwether::model::{Value, ValueType};
use serde_json::{Value as Json, json};
use std::time::Duration;
use testkit::{FaultServer, Firestore, Reply};

const HEADERS: [(&str, &str); 1] = [("Content-Type", "application/json")];

fn put(port: u16, project: &str, path: &str, fields: &Json) {
    let path = format!("/v1/projects/{project}/databases/(default)/documents/{path}");
    let body = json!({ "fields": fields }).to_string();
    let (status, answer) = testkit::http::request("PATCH", port, &path, &HEADERS, &body).unwrap();
    assert_eq!(status, 200, "{path}: {answer}");
}

fn text(text: &str) -> Json {
    json!({ "stringValue": text })
}

fn time(time: &str) -> Json {
    json!({ "timestampValue": time })
}

fn at(url: &str, project: &str) -> Asked {
    source("firestore", &format!("project: {project}\nendpoint: {url}"))
}

/// Three processors, of which one has little to say.
fn processors(project: &str) -> Option<Asked> {
    let firestore = testkit::firestore()?;
    let processor = |id: &str, fields: Json| put(firestore.port(), project, &format!("processors/{id}"), &fields);
    let phase = |name: &str| json!({ "mapValue": { "fields": { "name": text(name), "no": { "integerValue": "5" } } } });
    processor(
        "a",
        json!({ "status": text("running"), "started_at": time("2026-01-04T20:00:00Z"), "phase": phase("grade") }),
    );
    processor(
        "b",
        json!({ "status": text("running"), "started_at": time("2026-01-05T00:10:00Z"), "phase": phase("load"),
                           "runs": { "integerValue": "3" }, "tags": { "arrayValue": { "values": [text("ml")] } } }),
    );
    processor("c", json!({ "status": text("done"), "error": { "nullValue": null }, "runs": { "doubleValue": 0.5 } }));
    put(firestore.port(), project, "processors/a/steps/one", &json!({ "step": text("first") }));
    Some(at(&firestore.url(), project))
}

fn rows(table: &bellwether::model::Table) -> Vec<String> {
    (0..table.rows()).map(|i| row(table, i)).collect()
}

#[tokio::test]
async fn documents_are_rows_and_nested_fields_columns() {
    let Some(asked) = processors("rows-of-documents") else { return };
    let table = asked
        .collect(
            "collection: processors\nfields: { status: status, phase: phase.name, no: phase.no, runs: runs, \
             tag list: tags, path: __name__, started: started_at }",
        )
        .await
        .unwrap();
    assert_eq!(
        rows(&table),
        [
            "id=a status=running phase=grade no=5 runs=null tag_list=null path=processors/a started=2026-01-04T20:00:00Z",
            "id=b status=running phase=load no=5 runs=3 tag_list=[\"ml\"] path=processors/b started=2026-01-05T00:10:00Z",
            "id=c status=done phase=null no=null runs=0.5 tag_list=null path=processors/c started=null",
        ]
    );
    let table = asked.collect("collection: processors\nlimit: 2").await.unwrap();
    assert_eq!(
        rows(&table),
        [
            "id=a phase_name=grade phase_no=5 started_at=2026-01-04T20:00:00Z status=running runs=null tags=null",
            "id=b phase_name=load phase_no=5 started_at=2026-01-05T00:10:00Z status=running runs=3 tags=[\"ml\"]",
        ]
    );
    let table = asked.collect("collection: processors/a/steps").await.unwrap();
    assert_eq!(rows(&table), ["id=one step=first"]);
    let times =
        asked.collect("collection: processors\nfields: { made: __create_time__, id: __update_time__ }\nlimit: 1").await;
    assert!(typed_row(&times.unwrap()).starts_with("made:time=20"));
}

#[tokio::test]
async fn conditions_bind_the_slots_time_and_params() {
    let Some(asked) = processors("bound-conditions") else { return };
    let ids = async |more: &str| {
        let mut request = asked.request(&format!("collection: processors\nfields: {{ id: __name__ }}\n{more}"));
        request.params = params(&[("status", Value::text("running")), ("least", Value::Number(0.5))]);
        let table = asked.source.collect(&request).await.unwrap();
        rows(&table).join(" ").replace("id=processors/", "")
    };
    for (condition, want) in [
        ("{ field: status, op: '==', value: running }", "a b"),
        ("{ field: status, op: '==', value: '@status' }", "a b"),
        ("{ field: started_at, op: '<', value: '@now - 30m' }", "a"),
        ("{ field: started_at, op: '>=', value: '@now - 30m' }", "b"),
        ("{ field: started_at, op: '>', value: 2026-01-04T20:00:00Z }", "b"),
        ("{ field: runs, op: '<=', value: '@least' }", "c"),
        ("{ field: runs, op: '==', value: 3.0 }", "b"),
        ("{ field: phase.name, op: in, value: [load, grade] }", "b a"),
        ("{ field: phase.name, op: not_in, value: [load] }", "a"),
        ("{ field: tags, op: array_contains, value: ml }", "b"),
        ("{ field: tags, op: array_contains_any, value: [x, ml] }", "b"),
        ("{ field: error, op: is_null }", "c"),
        ("{ field: phase, op: is_not_null }", "a b"),
        ("{ field: status, op: '!=', value: running }", "c"),
        ("{ field: __name__, op: '>', value: a }", "b c"),
        ("{ field: status, op: '==', value: '@@now' }", ""),
        (
            "{ field: status, op: '==', value: running }, { field: phase.no, op: '==', value: 5 }, { field: tags, op: array_contains, value: ml }",
            "b",
        ),
    ] {
        let mut got: Vec<_> = (ids(&format!("where: [{condition}]")).await).split(' ').map(str::to_owned).collect();
        let mut want: Vec<_> = want.split(' ').map(str::to_owned).collect();
        got.sort();
        want.sort();
        assert_eq!(got, want, "{condition}");
    }
    assert_eq!(ids("order_by: [started_at desc]").await, "b a", "those that have it");
    assert_eq!(ids("order_by: [status asc, phase.name]\nlimit: 1").await, "a");
    let unknown = said(asked.collect("collection: processors\nwhere: [{ field: a, op: '==', value: '@leest' }]").await);
    assert!(unknown.starts_with("Refused: unknown parameter `@leest`"), "{unknown}");
}

#[test]
fn requests_that_bind_another_value_are_not_the_same() {
    let asked = at("http://127.0.0.1:1", "p");
    let with = |value: f64, other: f64| {
        let mut request = asked.request("collection: a\nwhere: [{ field: b, op: in, value: [1, '@least'] }]");
        request.params = params(&[("least", Value::Number(value)), ("most", Value::Number(other))]);
        identity("s", asked.kind, &request)
    };
    assert_ne!(with(1.0, 9.0), with(2.0, 9.0));
    assert_eq!(with(1.0, 8.0), with(1.0, 9.0), "`most` is not named");
}

fn answer(documents: &[Json]) -> Reply {
    let stream: Vec<Json> =
        documents.iter().map(|d| json!({ "document": d, "readTime": "2026-01-05T00:30:00Z" })).collect();
    Reply::json(200, &Json::from(stream).to_string())
}

fn document(id: &str, fields: &Json) -> Json {
    json!({ "name": format!("projects/p/databases/(default)/documents/a/{id}"), "fields": fields })
}

#[tokio::test]
async fn what_a_document_holds_is_read_as_declared_or_is_an_error_that_names_it() {
    let big = json!({ "n": { "integerValue": "9007199254740993" }, "t": text("2026-01-05 00:30") });
    let server = FaultServer::start([answer(&[document("x", &big)])]);
    let asked = at(&server.url(""), "p");
    let mut request = asked.request("collection: a");
    request.columns = Some(columns(&[("n", ValueType::Text), ("t", ValueType::Time)]));
    let table = asked.source.collect(&request).await.unwrap();
    assert_eq!(typed_row(&table), "id:text=x n:text=9007199254740993 t:time=2026-01-05T00:30:00Z");
    let refused = said(asked.collect("collection: a").await);
    assert!(
        refused.starts_with("Refused: column `n` of the document `a/x` holds 9007199254740993, which a number cannot"),
        "{refused}"
    );
    for (documents, want) in [
        (
            vec![document("x", &json!({ "a_b": text("1"), "a": { "mapValue": { "fields": { "b": text("2") } } } }))],
            "Refused: the fields `a.b` and `a_b` would both be the column `a_b`",
        ),
        (
            vec![document("x", &json!({ "id": text("1") }))],
            "Refused: the fields `the document's id` and `id` would both",
        ),
        (
            vec![document("x", &json!({ "n": text("1") })), document("y", &json!({ "n": { "integerValue": "1" } }))],
            "Refused: ",
        ),
        (
            vec![json!({ "name": "x", "fields": { "f": { "newValue": 1 } } })],
            "Refused: column `f` of the document `x` holds",
        ),
    ] {
        server.rewrite([answer(&documents)]);
        let said = said(asked.collect("collection: a").await);
        assert!(said.starts_with(want), "{said}");
    }
    // A field called `id` is that where it is asked for.
    server.rewrite([answer(&[document("x", &json!({ "id": text("1") }))])]);
    assert_eq!(row(&asked.collect("collection: a\nfields: { id: id }").await.unwrap(), 0), "id=1");
}

#[tokio::test]
async fn an_answer_that_breaks_off_or_wants_an_index_is_an_error() {
    let link = "https://console.firebase.google.com/v1/r/project/my-project/firestore/indexes?create_composite=\
                Ckxwcm9qZWN0cy9teS1wcm9qZWN0L2RhdGFiYXNlcy8oZGVmYXVsdCkvY29sbGVjdGlvbkdyb3Vwcy9ydW5zL2luZGV4ZXMvXxABGgoKBnN0YXR1cxABGg4KCnN0YXJ0ZWRfYXQQARoMCghfX25hbWVfXxAB";
    let wants = json!([{ "error": { "code": 400, "status": "FAILED_PRECONDITION",
                         "message": format!("The query requires an index. You can create it here: {link}") } }]);
    let broken =
        json!([{ "document": document("x", &json!({})) }, { "error": { "code": 14, "message": "gone away" } }]);
    for (reply, want) in [
        (
            Reply::json(400, &wants.to_string()),
            format!("Refused: Firestore answered 400: The query requires an index. You can create it here: {link}"),
        ),
        (Reply::json(200, &broken.to_string()), "Unreachable: Firestore broke its answer off: gone away".to_owned()),
        (Reply::json(200, "{}"), "Refused: Firestore's answer is no list of documents".to_owned()),
        (Reply::json(200, "[{"), "Refused: the answer is not JSON".to_owned()),
    ] {
        let server = FaultServer::start([reply]);
        let said = said(at(&server.url(""), "p").collect("collection: a").await);
        assert!(said.starts_with(&want), "{said}");
    }
}

#[tokio::test]
async fn a_query_asks_for_what_it_needs_and_no_more() {
    let server = FaultServer::start([answer(&[])]);
    let asked = source("firestore", &format!("project: p\ndatabase: runs\nmax_rows: 7\nendpoint: {}", server.url("")));
    asked.collect("collection: u/ana/orders\nfields: { a: '`x.y`.z-1', b: __create_time__, c: a }").await.unwrap();
    asked.collect("collection: orders\nfields: { b: __update_time__ }\norder_by: [a-b desc]\nlimit: 3").await.unwrap();
    let requests = server.requests();
    assert_eq!(requests[0].path, "/v1/projects/p/databases/runs/documents/u/ana:runQuery");
    assert_eq!(
        requests[0].json()["structuredQuery"],
        json!({ "from": [{ "collectionId": "orders" }], "select": { "fields": [{ "fieldPath": "`x.y`.`z-1`" }, { "fieldPath": "a" }] }, "limit": 8 })
    );
    assert_eq!(requests[1].path, "/v1/projects/p/databases/runs/documents:runQuery");
    assert_eq!(
        requests[1].json()["structuredQuery"],
        json!({ "from": [{ "collectionId": "orders" }], "select": { "fields": [{ "fieldPath": "__name__" }] },
                "orderBy": [{ "field": { "fieldPath": "`a-b`" }, "direction": "DESCENDING" }], "limit": 3 })
    );
}

/// A probe's row without its times: `reachable`, whether each latency is known, `why`.
async fn probed(asked: &Asked, collect: &str, timeout: Duration) -> String {
    let mut request = asked.request(collect);
    request.timeout = timeout;
    let table = asked.source.collect(&request).await.unwrap();
    let cell = |name: &str| table.columns()[table.column_index(name).unwrap()].value(0);
    let known = |name: &str| cell(name) != Value::Null;
    format!("{} read={} write={} {}", cell("reachable"), known("read_latency"), known("write_latency"), cell("why"))
}

const LONG: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_says_whether_firestore_answers_and_the_emulator_may_die() {
    let Some(mut firestore) = testkit::require("Firestore emulator", Firestore::start()) else { return };
    let (port, asked) = (firestore.port(), at(&firestore.url(), "probed"));
    assert_eq!(probed(&asked, "probe: read", LONG).await, "true read=true write=false null", "there is no document");
    assert_eq!(probed(&asked, "probe: write", LONG).await, "true read=true write=true null");
    let path = "/v1/projects/probed/databases/(default)/documents/bellwether/probe";
    assert!(testkit::http::get(port, path).unwrap().contains("2026-01-05T00:30:00Z"), "the slot's time is written");
    assert_eq!(probed(&asked, "probe: write\ndocument: a/b", LONG).await, "true read=true write=true null");
    assert_eq!(asked.source.columns(&asked.request("probe: write\ndocument: c/d")).await.unwrap().len(), 4);
    assert!(testkit::http::get(port, &path.replace("bellwether/probe", "c/d")).is_err(), "lint writes nothing");

    firestore.server().signal("STOP");
    assert_eq!(
        probed(&asked, "probe: read", Duration::from_millis(500)).await,
        "false read=false write=false the request to Firestore did not finish within 400ms: make it cheaper, or raise \
         the check's `timeout`"
    );
    let mut request = asked.request("probe: write");
    let source = std::sync::Arc::clone(&asked.source);
    request.timeout = LONG;
    let waiting = tokio::spawn(async move { source.collect(&request).await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    firestore.server().stop();
    let table = waiting.await.unwrap().unwrap();
    assert!(
        row(&table, 0).starts_with("reachable=false read_latency=null write_latency=null why="),
        "{}",
        row(&table, 0)
    );
    assert!(
        probed(&asked, "probe: read", LONG)
            .await
            .starts_with("false read=false write=false cannot connect to 127.0.0.1:")
    );
    let failed = asked.source.columns(&asked.request("probe: read")).await.unwrap_err();
    assert!(failed.message.starts_with("cannot connect to 127.0.0.1:"), "{failed}");
    assert!(said(asked.collect("collection: a").await).starts_with("Unreachable: cannot connect to 127.0.0.1:"));

    let Some(_again) = testkit::require("Firestore emulator", Firestore::start_at(port)) else { return };
    assert_eq!(probed(&asked, "probe: write", LONG).await, "true read=true write=true null");
}

#[tokio::test]
async fn a_probe_tells_an_ill_service_from_a_wrong_configuration() {
    let refusal = |code: u16| {
        let body = json!([{ "error": { "code": code, "message": "the server's words", "status": "X" } }]);
        Reply::json(code, &body.to_string()).header("Retry-After", "0")
    };
    for (reply, want) in [
        (refusal(429), "false read=false write=false Firestore takes no more requests now (429): the server's words"),
        (refusal(500), "false read=false write=false Firestore answered 500: the server's words"),
        (refusal(503), "false read=false write=false Firestore answered 503: the server's words"),
        (refusal(501), "false read=false write=false Firestore answered 501: the server's words"),
        (Reply::Reset, "false read=false write=false "),
        (Reply::Close, "false read=false write=false "),
    ] {
        let server = FaultServer::start([reply]);
        let got = probed(&at(&server.url(""), "p"), "probe: read", LONG).await;
        assert!(got.starts_with(want), "{got}");
    }
    let there = jiff::Timestamp::now() + jiff::SignedDuration::from_mins(-10);
    let date = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&there).unwrap();
    for (reply, want) in [
        (refusal(401), "Unreachable: Firestore does not take the credentials (401): the server's words: look at"),
        (
            refusal(401).header("Date", &date),
            "Unreachable: Firestore does not take the credentials (401): the server's words: this machine's clock is 10m ahead of",
        ),
        (
            refusal(403),
            "Unreachable: Firestore refuses access (403): the server's words: grant `roles/datastore.viewer`",
        ),
        (refusal(404), "Refused: Firestore does not know what is asked for (404): the server's words"),
        (refusal(400), "Refused: Firestore answered 400: the server's words"),
        (Reply::json(200, "[{}]"), "Refused: Firestore's answer is neither a document nor that there is none"),
    ] {
        let server = FaultServer::start([reply]);
        for collect in ["probe: read", "probe: write", "collection: a"] {
            if collect == "probe: read" || !want.contains("neither") {
                let said = said(at(&server.url(""), "p").collect(collect).await);
                assert!(said.starts_with(want), "{collect}: {said}");
            }
        }
    }
}

#[tokio::test]
async fn a_probe_that_reads_what_is_older_than_it_wrote_is_not_reachable() {
    let wrote =
        json!({ "writeResults": [{ "updateTime": "2026-01-05T00:30:01Z" }], "commitTime": "2026-01-05T00:30:01Z" });
    for (read, want) in [
        (json!([{ "found": { "name": "x", "updateTime": "2026-01-05T00:30:01Z" } }]), "true read=true write=true null"),
        (
            json!([{ "found": { "name": "x", "updateTime": "2026-01-05T00:30:02.5Z" } }]),
            "true read=true write=true null",
        ),
        (
            json!([{ "found": { "name": "x", "updateTime": "2026-01-05T00:30:00.999Z" } }]),
            "false read=true write=true what was written to `bellwether/probe` is not read back",
        ),
        (
            json!([{ "missing": "x" }]),
            "false read=true write=true what was written to `bellwether/probe` is not read back",
        ),
    ] {
        let server = FaultServer::start([Reply::json(200, &wrote.to_string()), Reply::json(200, &read.to_string())]);
        assert_eq!(probed(&at(&server.url(""), "p"), "probe: write", LONG).await, want);
    }
}
