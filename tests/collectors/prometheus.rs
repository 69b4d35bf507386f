use crate::{row, said, source};
use bellwether::collectors::CollectErrorKind;
use bellwether::model::FailureClass;
use testkit::{FaultServer, Reply};

const EMPTY: &str = r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#;

#[tokio::test]
async fn a_real_server_answers_at_the_slots_time() {
    let Some(prometheus) = testkit::prometheus() else { return };
    for method in ["POST", "GET"] {
        let d = source("prometheus", &format!("url: {}\nmethod: {method}", prometheus.url()));
        assert_eq!(row(&d.collect("promql: vector(7)").await.unwrap(), 0), "value=7");
        assert_eq!(row(&d.collect("promql: time()").await.unwrap(), 0), "value=1767573000");
        assert_eq!(row(&d.collect("promql: 'vector(0) / 0'").await.unwrap(), 0), "value=NaN");
        assert!(d.collect("promql: 'up{job=\"self\"}'").await.unwrap().is_empty(), "nothing was scraped at that time");
        let labelled = d.collect("promql: 'label_replace(vector(1), \"queue\", \"a\", \"\", \"\")'").await.unwrap();
        assert_eq!(row(&labelled, 0), "queue=a value=1");
        let refused = said(d.collect("promql: 'sum(('").await);
        assert!(refused.starts_with("Refused: Prometheus answered bad_data: "), "{refused}");
        let range = said(d.collect("promql: 'up[5m]'").await);
        assert!(range.contains("max_over_time"), "{range}");
    }
}

#[tokio::test]
async fn the_request_carries_time_deadline_and_credentials() {
    let server = FaultServer::start([Reply::json(200, EMPTY)]);
    let keys =
        format!("url: {}\nusername: ana\npassword: hunter2\nheaders: {{ X-Scope-OrgID: t1 }}", server.url("/prom/"));
    let d = source("prometheus", &keys);
    d.collect("promql: 'a{b=\"c d\"} > 1'").await.unwrap();
    let request = &server.wait_for_requests(1)[0];
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/prom/api/v1/query"));
    assert_eq!(request.text(), "query=a%7Bb%3D%22c+d%22%7D+%3E+1&time=2026-01-05T00%3A30%3A00Z&timeout=20000ms");
    assert_eq!(request.header("x-scope-orgid"), Some("t1"));
    assert!(request.header("authorization").is_some_and(|h| h.starts_with("Basic ")));
}

#[tokio::test]
async fn answers_that_are_not_prometheus_say_so() {
    for (reply, want) in [
        (Reply::html(200, "<html>Login"), "Refused: the answer is not JSON (status 200, text/html; charset=utf-8)"),
        (Reply::html(502, "<html>Bad Gateway"), "Unreachable: the answer is not JSON (status 502"),
        (Reply::json(200, "[]"), "Refused: the answer is not one of Prometheus' query API"),
        (
            Reply::json(503, r#"{"status":"error","errorType":"unavailable","error":"x"}"#),
            "Unreachable: Prometheus answered",
        ),
        (Reply::json(422, r#"{"status":"error","errorType":"execution","error":"x"}"#), "Refused: Prometheus answered"),
        (Reply::Raw(b"SSH-2.0-OpenSSH\r\n".to_vec()), "Unreachable: "),
    ] {
        let server = FaultServer::start([reply]);
        let d = source("prometheus", &format!("url: {}", server.url("")));
        let said = said(d.collect("promql: up").await);
        assert!(said.starts_with(want), "{said}");
    }
}

#[tokio::test]
async fn a_status_that_is_not_2xx_is_no_answer_and_has_its_class() {
    let error = |kind: &str| format!(r#"{{"status":"error","errorType":"{kind}","error":"a word"}}"#);
    for (reply, kind, class, words) in [
        (Reply::json(429, EMPTY), CollectErrorKind::Unreachable, FailureClass::RateLimited, "429 Too Many Requests"),
        (Reply::html(429, "slow"), CollectErrorKind::Unreachable, FailureClass::RateLimited, "status 429"),
        (Reply::text(429, ""), CollectErrorKind::Unreachable, FailureClass::RateLimited, "status 429"),
        (
            Reply::json(429, &error("too_many_requests")),
            CollectErrorKind::Unreachable,
            FailureClass::RateLimited,
            "Prometheus answered too_many_requests: a word (status 429)",
        ),
        (Reply::json(503, EMPTY), CollectErrorKind::Unreachable, FailureClass::ServerError, "503 Service Unavailable"),
        (Reply::json(500, EMPTY), CollectErrorKind::Refused, FailureClass::ServerError, "500 Internal Server Error"),
        (Reply::html(500, "no"), CollectErrorKind::Refused, FailureClass::ServerError, "status 500"),
        (Reply::html(404, "no"), CollectErrorKind::Refused, FailureClass::Rejected, "status 404"),
        (Reply::html(401, "no"), CollectErrorKind::Unreachable, FailureClass::Unauthorised, "status 401"),
        (Reply::json(200, "["), CollectErrorKind::Refused, FailureClass::Malformed, "status 200"),
        (
            Reply::json(400, &error("bad_data")),
            CollectErrorKind::Refused,
            FailureClass::Rejected,
            "Prometheus answered bad_data: a word (status 400)",
        ),
        (
            Reply::json(503, &error("unavailable")),
            CollectErrorKind::Unreachable,
            FailureClass::ServerError,
            "Prometheus answered unavailable: a word (status 503)",
        ),
        (
            Reply::json(503, &error("timeout")),
            CollectErrorKind::Unreachable,
            FailureClass::TimedOut,
            "Prometheus answered timeout: a word (status 503)",
        ),
    ] {
        let shown = format!("{reply:?}");
        let server = FaultServer::start([reply]);
        let d = source("prometheus", &format!("url: {}", server.url("")));
        let error = d.collect("promql: up").await.expect_err("it is no answer");
        assert_eq!((error.kind, error.class), (kind, class), "{shown} {error}");
        assert!(error.message.contains(words), "{shown} {error}");
    }
}

#[tokio::test]
async fn retry_after_is_handed_on_up_to_an_hour() {
    for (value, want) in [("7", Some(7)), ("86400", Some(3600)), ("soon", None)] {
        for reply in [Reply::text(429, "slow"), Reply::json(503, EMPTY)] {
            let server = FaultServer::start([reply.header("Retry-After", value)]);
            let d = source("prometheus", &format!("url: {}", server.url("")));
            let error = d.collect("promql: up").await.expect_err("it is no answer");
            assert_eq!(error.retry_after.map(|wait| wait.as_secs()), want, "{value}");
        }
    }
}
