use super::*;
use crate::model::Timestamp;
use crate::runtime::handle::{Inbox, Question, channel};
use crate::runtime::silences::SilenceRefused;
use crate::runtime::views::drill::DrillReport;
use crate::runtime::views::why::{NoAlert, Why};
use crate::runtime::views::{Reloaded, samples};
use crate::telemetry::{self, Telemetry};
use serde_json::Value;
use std::collections::BTreeSet;

/// A daemon whose loop answers with one of each; `reload` is how reloads end.
async fn daemon(reload: Result<Reloaded, String>) -> String {
    let (handle, inbox) = channel(Telemetry::new(Timestamp::default()));
    inbox.pulse.beat();
    tokio::spawn(answer(inbox, reload));
    listening(handle).await
}

async fn listening(handle: Handle) -> String {
    let listener = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let doors = Doors::plain(Telemetry::new(Timestamp::default()));
    tokio::spawn(serve(listener, handle, Guard::new(address, None), doors));
    format!("http://{address}")
}

async fn answer(mut inbox: Inbox, reload: Result<Reloaded, String>) {
    while let Some(question) = inbox.questions.recv().await {
        match question {
            Question::Alerts(filter, reply) => {
                let mut page = samples::page(samples::alert());
                page.items[0].check = format!("{filter:?}").into();
                reply.send(page).unwrap();
            }
            Question::Undelivered(_, reply) => reply.send(samples::page(samples::undelivered())).unwrap(),
            Question::Checks(_, reply) => reply.send(samples::page(samples::check())).unwrap(),
            Question::Status(reply) => reply.send(samples::status()).unwrap(),
            Question::Find(named, reply) => reply
                .send(match &*named.check {
                    "slow" => Ok(samples::why().alert),
                    "two" => Err(NoAlert::Unclear("one of 2".into())),
                    _ => Err(NoAlert::Unknown("not known".into())),
                })
                .unwrap(),
            Question::Why(alert, filter, reply) => {
                reply.send(Why { alert, title: format!("{filter:?}"), ..samples::why() }).unwrap();
            }
            Question::ResetBreaker(name, reply) => {
                let known =
                    if name == "a b" { Ok(vec![samples::reset()]) } else { Err(format!("there is no `{name}`")) };
                reply.send(known).unwrap();
            }
            Question::Drill(wish, reply) => {
                let report = DrillReport { id: format!("{wish:?}").into(), ..samples::drill() };
                let known = wish.check.as_deref() != Some("odd");
                reply.send(if known { Ok(report) } else { Err("there is no check `odd`".into()) }).unwrap();
            }
            Question::Gauges(reply) => reply.send(()).unwrap(),
            Question::Reload(reply) => reply.send(reload.clone()).unwrap(),
            Question::Silences(filter, reply) => {
                let mut page = samples::page(samples::silence());
                page.items.retain(|s| filter.id.as_deref().is_none_or(|id| *s.id == *id));
                reply.send(page).unwrap();
            }
            Question::PutSilence(request, reply) => {
                let mut silenced = samples::silenced();
                silenced.silence.comment = format!("{request:?}").into();
                let refused = SilenceRefused::NeedsYes("every critical alert".into());
                reply.send(if request.yes { Ok(silenced) } else { Err(refused) }).unwrap();
            }
            Question::ExpireSilence(id, reply) => {
                let unknown = SilenceRefused::Unknown(format!("there is no silence `{id}`"));
                reply.send(if id == "backfill" { Ok(samples::silence()) } else { Err(unknown) }).unwrap();
            }
            Question::V2(_) => unreachable!("its tests are its own"),
        }
    }
}

async fn get(url: &str) -> (u16, String) {
    let response = reqwest::get(url).await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

async fn get_json(url: &str) -> Value {
    let (status, text) = get(url).await;
    assert_eq!(status, 200, "{text}");
    serde_json::from_str(&text).unwrap()
}

fn openapi() -> Value {
    serde_json::from_str(include_str!("../../docs/openapi.json")).unwrap()
}

#[test]
fn the_document_has_every_route_and_no_other() {
    let document = openapi();
    let operations = |(path, item): (&String, &Value)| {
        item.as_object().unwrap().keys().map(|method| format!("{method} {path}")).collect::<Vec<_>>()
    };
    let described: BTreeSet<String> = document["paths"].as_object().unwrap().iter().flat_map(operations).collect();
    let served = api::routes().into_iter().map(|(path, method, ..)| format!("{method} {path}")).collect();
    assert_eq!(described, served);
}

#[tokio::test]
async fn the_document_has_every_field_and_no_other() {
    let url = daemon(Ok(Reloaded { checks: 3 })).await;
    let document = openapi();
    let paths = [
        "/api/v1/alerts",
        "/api/v1/checks",
        "/api/v1/undelivered",
        "/api/v1/status",
        "/api/v1/silences",
        "/api/v1/why?alert=slow",
    ];
    for asked in paths {
        let path = asked.split('?').next().unwrap();
        let schema = &document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"];
        conforms(&document, schema, &get_json(&format!("{url}{asked}")).await, path);
    }
    let reloaded = reqwest::Client::new().post(format!("{url}/-/reload")).send().await.unwrap();
    let reloaded: Value = reloaded.json().await.unwrap();
    conforms(&document, &document["components"]["schemas"]["Reloaded"], &reloaded, "reload");
    let (status, problem) = get(&format!("{url}/api/v1/alerts?state=on")).await;
    assert_eq!(status, 400);
    let problem = serde_json::from_str(&problem).unwrap();
    conforms(&document, &document["components"]["schemas"]["Problem"], &problem, "problem");
    assert_eq!(get_json(&format!("{url}/api/v1/openapi.json")).await, document);
}

/// Whether a value has the type that its schema says, each property of it, and no other.
fn conforms(document: &Value, schema: &Value, value: &Value, at: &str) {
    let schema = match schema["$ref"].as_str() {
        Some(reference) => document.pointer(&reference[1..]).unwrap(),
        None => schema,
    };
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(n) if n.is_u64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        several => several.as_array().unwrap().iter().map(|t| t.as_str().unwrap()).collect(),
    };
    let fits = types.contains(&kind) || (kind == "integer" && types.contains(&"number"));
    assert!(fits, "{at}: {value} is {kind}, the document says {types:?}");
    if let Some(allowed) = schema["enum"].as_array() {
        assert!(allowed.contains(value), "{at}: {value} is none of {allowed:?}");
    }
    for (i, item) in value.as_array().into_iter().flatten().enumerate() {
        conforms(document, &schema["items"], item, &format!("{at}[{i}]"));
    }
    let Some(fields) = value.as_object() else { return };
    let names: BTreeSet<&String> = fields.keys().collect();
    if let Some(properties) = schema["properties"].as_object() {
        assert_eq!(names, properties.keys().collect(), "{at}");
    }
    for (name, field) in fields {
        let schema = schema["properties"].get(name).unwrap_or(&schema["additionalProperties"]);
        conforms(document, schema, field, &format!("{at}.{name}"));
    }
}

#[tokio::test]
async fn values_have_the_types_that_they_have_in_rows() {
    let url = daemon(Err(String::new())).await;
    let checks = get_json(&format!("{url}/api/v1/checks")).await;
    let want = serde_json::json!({
        "ratio": 8.2, "runs": 3.0, "lag": "NaN", "least": "-inf",
        "healthy": false, "owner": null, "state": "true", "started": "2026-01-05T00:00:00Z",
    });
    assert_eq!(checks["items"][0]["outcomes"][0]["values"], want);
    let alerts = get_json(&format!("{url}/api/v1/alerts")).await;
    assert_eq!(alerts["items"][0]["values"]["worst"], "inf");
}

#[tokio::test]
async fn filters_reach_the_loop() {
    let url = daemon(Err(String::new())).await;
    let alerts = get_json(&format!("{url}/api/v1/alerts?state=firing&matcher=team%3D%22data%22&limit=5")).await;
    let heard = alerts["items"][0]["check"].as_str().unwrap();
    assert!(heard.contains("Firing") && heard.contains("data") && heard.contains("limit: 5"), "{heard}");
}

#[tokio::test]
async fn a_drill_reads_its_body_and_answers_as_the_document_says() {
    let url = daemon(Ok(Reloaded { checks: 3 })).await;
    for (body, status, want) in [
        ("", 200, "check: None, severity: None"),
        (r#"{"check": "slow", "severity": "info", "labels": {"team": "x"}}"#, 200, "severity: Some(Info)"),
        (r#"{"check": "odd"}"#, 400, "there is no check"),
        (r#"{"checks": "odd"}"#, 400, "`checks` is no field of a drill"),
        (r#"{"severity": "bad"}"#, 400, "critical, warning or info"),
        (r#"{"labels": ["a"]}"#, 400, "`labels` is an object of texts"),
        ("x", 400, "no JSON"),
    ] {
        let request = reqwest::Client::new().post(format!("{url}/api/v1/drill")).body(body).send().await.unwrap();
        let (got, text) = (request.status().as_u16(), request.text().await.unwrap());
        assert!(got == status && text.contains(want), "{body}: {got} {text}");
        if status == 200 {
            let document = openapi();
            let schema = &document["components"]["schemas"]["Drill"];
            conforms(&document, schema, &serde_json::from_str(&text).unwrap(), "drill");
        }
    }
}

#[tokio::test]
async fn why_says_what_it_needs_and_which_alerts_there_are() {
    let url = daemon(Ok(Reloaded { checks: 3 })).await;
    for (query, status, want) in [
        ("", 400, "`alert` is missing"),
        ("?alert=slow&limit=x", 400, "a whole number"),
        ("?alert=slow&at=x", 400, "there are alert limit before"),
        ("?alert=two", 400, "one of 2"),
        ("?alert=odd", 404, "not known"),
        ("?alert=%7Ba%7D", 400, "`a` has no value"),
        ("?alert=slow%7Ba=b%7D&limit=5000&before=7", 200, "limit: 1000, before: Some(7)"),
    ] {
        let (got, text) = get(&format!("{url}/api/v1/why{query}")).await;
        assert!(got == status && text.contains(want), "{query}: {got} {text}");
    }
}

#[tokio::test]
async fn a_reload_that_is_refused_says_why() {
    let url = daemon(Err("rules/a.yaml:3:1: unknown key `wen`".into())).await;
    let response = reqwest::Client::new().post(format!("{url}/-/reload")).send().await.unwrap();
    assert_eq!(response.status(), 400);
    assert!(response.text().await.unwrap().contains("unknown key `wen`"));
    assert_eq!(get(&format!("{url}/-/reload")).await.0, 405, "a link must not reload");
}

async fn post(url: &str, body: &str) -> (u16, Value) {
    let response = reqwest::Client::new().post(url).body(body.to_owned()).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test]
async fn silences_are_made_shown_and_expired() {
    let url = format!("{}/api/v1/silences", daemon(Err(String::new())).await);
    let document = openapi();
    let schema = |name: &str| document["components"]["schemas"][name].clone();
    let body = r#"{"matchers": ["check=\"slow\"", "team=~\"a|b\""], "ends": "2026-03-06T00:00:00+01:00",
                   "created_by": "ana", "comment": "backfill", "yes": true}"#;
    let (status, made) = post(&url, body).await;
    assert_eq!(status, 200, "{made}");
    conforms(&document, &schema("Silenced"), &made, "made");
    let heard = made["silence"]["comment"].as_str().unwrap();
    for part in ["slow", "a|b", "ana", "backfill", "1772751600", "dry_run: false"] {
        assert!(heard.contains(part), "{part}: {heard}");
    }
    let (status, problem) = post(&url, &body.replace("true", "false")).await;
    assert_eq!((status, problem["error"].as_str()), (409, Some("every critical alert")));
    conforms(&document, &schema("Silence"), &get_json(&format!("{url}/backfill")).await, "one");
    assert_eq!(get(&format!("{url}/other")).await.0, 404);
    for (id, want) in [("backfill", 200), ("other", 404)] {
        let response = reqwest::Client::new().delete(format!("{url}/{id}")).send().await.unwrap();
        assert_eq!(response.status(), want, "{id}");
    }
    assert_eq!(get(&format!("{url}?state=over")).await.0, 400);
}

#[tokio::test]
async fn a_wrong_silence_says_what_to_write() {
    let url = format!("{}/api/v1/silences", daemon(Err(String::new())).await);
    for (body, want) in [
        ("{", "no JSON"),
        ("[]", "an object"),
        (r#"{"matcher": []}"#, "`matcher` is no field"),
        (r#"{"matchers": "a", "ends": "2026-03-06T00:00:00Z"}"#, "a list of texts"),
        (r#"{"matchers": ["a=b"], "ends": "2026-03-06T00:00:00Z"}"#, "double quotes"),
        (r#"{"matchers": []}"#, "has an end"),
        (r#"{"matchers": [], "ends": "tomorrow"}"#, "write a time as"),
        (r#"{"matchers": [], "ends": "2026-03-06T00:00:00Z", "yes": 1}"#, "`yes` is `true` or `false`"),
        (r#"{"matchers": [], "ends": "2026-03-06T00:00:00Z", "comment": 1}"#, "`comment` is a text"),
    ] {
        let (status, problem) = post(&url, body).await;
        let error = problem["error"].as_str().unwrap();
        assert!(status == 400 && error.contains(want), "{body}: {status} {error}");
    }
}

#[tokio::test]
async fn a_breaker_is_reset_by_name_and_an_unknown_one_is_404() {
    let url = daemon(Err(String::new())).await;
    let done = r#"{"reset":"a b","breakers":[{"of":"channel","was":"tripped","failures":5}]}"#;
    for (name, status, want) in [("a%20b", 200, done), ("x", 404, r#"{"error":"there is no `x`"}"#)] {
        let asked = reqwest::Client::new().post(format!("{url}/api/v1/breakers/{name}/reset")).send().await.unwrap();
        assert_eq!(asked.status(), status, "{name}");
        let text = asked.text().await.unwrap();
        assert_eq!(text, want);
        let (document, schema) = (openapi(), if status == 200 { "BreakerReset" } else { "Problem" });
        let schema = &document["components"]["schemas"][schema];
        conforms(&document, schema, &serde_json::from_str(&text).unwrap(), name);
    }
}

#[tokio::test]
async fn metrics_come_with_their_type() {
    let url = daemon(Err(String::new())).await;
    let response = reqwest::get(format!("{url}/metrics")).await.unwrap();
    assert_eq!(response.headers()["content-type"], telemetry::CONTENT_TYPE);
    assert!(response.text().await.unwrap().ends_with("# EOF\n"));
}

#[tokio::test]
async fn it_is_healthy_but_not_ready_before_the_loop_turns() {
    let (handle, inbox) = channel(Telemetry::new(Timestamp::default()));
    let url = listening(handle).await;
    assert_eq!(get(&format!("{url}/healthz")).await.0, 200);
    assert_eq!(get(&format!("{url}/readyz")).await.0, 503);
    inbox.pulse.beat();
    assert_eq!(get(&format!("{url}/readyz")).await.0, 200);
    drop(inbox);
    assert_eq!(get(&format!("{url}/readyz")).await.0, 503);
    let (status, text) = get(&format!("{url}/api/v1/status")).await;
    assert_eq!((status, text.contains("try again")), (503, true));
}

#[tokio::test]
async fn other_peoples_pages_are_refused() {
    let url = daemon(Ok(Reloaded { checks: 3 })).await;
    let request = reqwest::Client::new().post(format!("{url}/-/reload")).header("origin", "https://evil.example");
    assert_eq!(request.send().await.unwrap().status(), 403);
}

#[tokio::test]
async fn an_address_in_use_says_what_to_do() {
    let taken = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let error = bind(taken.local_addr().unwrap()).await.unwrap_err();
    assert!(error.contains("is in use") && error.contains("server: { listen:"), "{error}");
}

#[tokio::test]
async fn a_client_that_never_ends_its_request_is_cut() {
    let (handle, _inbox) = channel(Telemetry::new(Timestamp::default()));
    let url = listening(handle).await;
    let mut client = TcpStream::connect(url.trim_start_matches("http://")).await.unwrap();
    client.write_all(b"GET /healthz HTTP/1.1\r\nHost: loc").await.unwrap();
    tokio::time::pause();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
}

mod access;
mod limits;
