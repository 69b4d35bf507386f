//! What every channel must pass: the same faults, and for each the outcome of its next step.

use super::render::samples;
use super::{Channel, registry};
use crate::config::{Document, Problem, Problems, Reader, Record, Source};
use crate::model::{Delivery, FailureClass};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use testkit::{FaultServer, Reply, free_port};

/// Reads the settings of a kind as a configuration would, and makes the channel.
pub fn build(kind: &str, yaml: &str) -> Result<Arc<dyn Channel>, Vec<Problem>> {
    static ANY: Record = Record::new("channel", "A channel.", &[]).with_kinds(registry::records);
    let source = Arc::new(Source::new("channels.yaml", "channels.yaml", format!("{kind}: {{ {yaml} }}\n")));
    let mut problems = Problems::new();
    let document = Document::parse(&source, &mut problems).expect("the test's YAML is right");
    let env = |_: &str| None;
    let reader = Reader { folder: Path::new("."), env: &env, lenient: false, fill: true };
    let settings = reader.record(&source, &document.root, &ANY, &mut problems);
    if problems.has_errors() {
        return Err(problems.iter().cloned().collect());
    }
    let (name, settings) = settings.kind().expect("a kind was written");
    let kind = registry::kind(name).expect("the record is of the registry");
    let context = registry::Context { url: Some(Arc::from("https://bellwether.example")) };
    (kind.build)(settings, &context).map_err(|problem| vec![*problem])
}

pub async fn send(kind: &str, yaml: &str) -> Delivery {
    let (_, fired) = samples::all().swap_remove(0);
    build(kind, yaml).unwrap_or_else(|p| panic!("{kind}: {yaml}: {p:?}")).send(&fired).await
}

/// A delivery without its words: `not_sent ill`, `not_sent after 7s`.
pub fn outcome(delivery: &Delivery) -> String {
    let after = |wait: &Option<Duration>| wait.map_or(String::new(), |d| format!(" after {d:?}"));
    let more = match delivery {
        Delivery::Delivered { but, .. } => if but.is_some() { " but" } else { "" }.to_owned(),
        Delivery::NotSent { retry_after, ill, .. } => {
            format!("{}{}", if *ill { " ill" } else { "" }, after(retry_after))
        }
        Delivery::Unanswered { retry_after, .. } => after(retry_after),
        Delivery::Refused { .. } => String::new(),
    };
    format!("{}{more}", delivery.name())
}

const SECRET: &str = "T0/B1/the-secret";

/// The ways to send over HTTP: how they are called here, their kind, and their settings for an address.
fn ways(base: &str) -> [(&'static str, &'static str, String); 3] {
    [
        ("webhook", "webhook", format!("url: '{base}/{SECRET}'")),
        ("slack webhook", "slack", format!("webhook: '{base}/{SECRET}'")),
        ("slack token", "slack", format!("token: '{SECRET}', room: '#data', api: '{base}/api'")),
    ]
}

#[tokio::test]
async fn each_fault_of_an_http_server_has_its_outcome() {
    let wait = |status, seconds| Reply::text(status, "busy").header("Retry-After", seconds);
    let dated = |status, date| wait(status, date).header("Date", "Fri, 31 Dec 1999 23:59:00 GMT");
    let moved = Reply::status(302).header("Location", "https://evil.example/");
    let slow = Reply::Trickle { body: b"ok and much more".to_vec(), interval: Duration::from_millis(200) };
    let cut = Reply::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nok".to_vec());
    let html = Reply::html(200, "<html>Sign in</html>");
    // Of a webhook the status says all; Slack's answer has to be read.
    for (fault, webhook, slack) in [
        (wait(429, "7"), "not_sent after 7s", "not_sent after 7s"),
        (Reply::status(429), "not_sent", "not_sent"),
        (wait(503, "9"), "unanswered after 9s", "unanswered after 9s"),
        (wait(500, "Fri, 31 Dec 1999 23:59:59 GMT"), "unanswered after 0ns", "unanswered after 0ns"),
        (dated(429, "Fri, 31 Dec 1999 23:59:59 GMT"), "not_sent after 59s", "not_sent after 59s"),
        (dated(503, "Sat, 01 Jan 2000 23:59:00 GMT"), "unanswered after 3600s", "unanswered after 3600s"),
        (wait(429, "soon"), "not_sent", "not_sent"),
        (Reply::text(500, "oops"), "unanswered", "unanswered"),
        (Reply::text(404, "no_service"), "refused", "refused"),
        (Reply::text(400, "invalid_blocks"), "refused", "refused"),
        (Reply::text(403, SECRET), "refused", "refused"),
        (Reply::status(410), "refused", "refused"),
        (moved, "refused", "refused"),
        (Reply::status(408), "not_sent ill", "not_sent ill"),
        (Reply::Hang, "unanswered", "unanswered"),
        (Reply::Close, "unanswered", "unanswered"),
        (Reply::Reset, "unanswered", "unanswered"),
        (Reply::Raw(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()), "unanswered", "unanswered"),
        (html, "delivered", "unanswered"),
        (Reply::status(204), "delivered", "unanswered"),
        (slow, "delivered", "unanswered"),
        (cut, "delivered", "unanswered"),
    ] {
        let server = FaultServer::start([fault.clone()]);
        let timeout = if matches!(fault, Reply::Hang | Reply::Trickle { .. }) { ", timeout: 300ms" } else { "" };
        for (way, kind, yaml) in ways(&server.url("")) {
            let delivery = send(kind, &format!("{yaml}{timeout}")).await;
            let want = if kind == "webhook" { webhook } else { slack };
            assert_eq!(outcome(&delivery), want, "{way}: {fault:?}: {delivery:?}");
            assert!(!format!("{delivery:?}").contains(SECRET), "{way}: {delivery:?}");
        }
        assert_eq!(server.requests().len(), 3, "one attempt each, and a redirect is not followed: {fault:?}");
    }
}

#[tokio::test]
async fn a_server_that_says_a_key_back_is_quoted_without_it() {
    let server = FaultServer::start([Reply::text(403, "not with key-77ab20e9 nor with key-77ab20e9-more")]);
    let headers = "{ Authorization: 'Bearer key-77ab20e9', X-Key: 'Basic key-77ab20e9-more' }";
    let Delivery::Refused { why, .. } =
        send("webhook", &format!("url: '{}', headers: {headers}", server.url("/"))).await
    else {
        panic!("it is refused")
    };
    assert!(why.contains("not with *** nor with ***: it does not let us in"), "{why}");
}

/// A person reads what to do.
#[tokio::test]
async fn a_refusal_says_what_to_do() {
    let (hook, slack, token) = (0, 1, 2);
    let no = |error: &str| Reply::json(200, &format!(r#"{{"ok":false,"error":"{error}"}}"#));
    for (way, reply, want) in [
        (hook, Reply::status(401), "look at the address, and at the credentials"),
        (hook, Reply::status(404), "nothing takes messages there"),
        (hook, Reply::status(410), "nothing takes messages there"),
        (hook, Reply::status(302), "it has moved"),
        (slack, Reply::text(404, "no_service"), "the webhook was revoked"),
        (slack, Reply::text(403, "invalid_token"), "the webhook was revoked"),
        (slack, Reply::text(403, "action_prohibited"), "ask its administrators"),
        (slack, Reply::text(410, "channel_is_archived"), "the room is archived"),
        (slack, Reply::text(404, "channel_not_found"), "look at `room`"),
        (slack, Reply::text(404, "<html>gone</html>"), "nothing takes messages there"),
        (slack, Reply::text(400, "invalid_payload"), "please report it"),
        (token, no("invalid_auth"), "write its new `xoxb-` token"),
        (token, no("not_in_channel"), "invite the bot there"),
        (token, no("restricted_action_read_only_channel"), "ask its administrators"),
        (token, no("missing_scope"), "`chat:write`"),
        (token, no("msg_blocks_too_long"), "please report it"),
    ] {
        let server = FaultServer::start([reply]);
        let (_, kind, yaml) = &ways(&server.url(""))[way];
        let delivery = send(kind, yaml).await;
        let Delivery::Refused { why, .. } = &delivery else { panic!("{want}: {delivery:?}") };
        assert!(why.contains(want), "{why}");
    }
}

#[tokio::test]
async fn without_a_connection_nothing_was_sent() {
    let plain = FaultServer::start([Reply::text(200, "ok")]);
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let no_tls = plain.url("").replace("http://", "https://");
    for base in [nobody.as_str(), no_tls.as_str(), "http://no-such-host.invalid"] {
        for (way, kind, yaml) in ways(base) {
            let delivery = send(kind, &yaml).await;
            assert_eq!(outcome(&delivery), "not_sent ill", "{way}: {base}: {delivery:?}");
            assert!(!format!("{delivery:?}").contains(SECRET), "{way}: {delivery:?}");
        }
    }
}

#[tokio::test]
async fn each_fault_has_its_class() {
    let cut = Reply::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nok".to_vec());
    for (fault, want) in [
        (Reply::status(429), "rate_limited"),
        (Reply::status(503), "server_error"),
        (Reply::status(401), "unauthorised"),
        (Reply::status(404), "rejected"),
        (Reply::text(200, "<html>"), "malformed"),
        (Reply::json(200, r#"{"ok":false,"error":"token_revoked"}"#), "unauthorised"),
        (Reply::json(200, r#"{"ok":false,"error":"channel_not_found"}"#), "rejected"),
        (Reply::Raw(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()), "malformed"),
        (cut, "lost"),
        (Reply::Reset, "lost"),
        (Reply::Hang, "timed_out"),
    ] {
        let server = FaultServer::start([fault.clone()]);
        let settings = format!("token: xoxb-77, room: '#data', api: '{}/api', timeout: 300ms", server.url(""));
        let delivery = send("slack", &settings).await;
        assert_eq!(delivery.class().map(FailureClass::name), Some(want), "{fault:?}: {delivery:?}");
    }
    for (base, want) in [
        (format!("http://127.0.0.1:{}", free_port()), "refused"),
        ("http://no-such-host.invalid".to_owned(), "unreachable"),
    ] {
        let delivery = send("webhook", &format!("url: '{base}/'")).await;
        assert_eq!(delivery.class().map(FailureClass::name), Some(want), "{base}: {delivery:?}");
    }
}

#[tokio::test]
async fn what_slack_says_in_a_200_counts() {
    for (answer, want) in [
        (r#"{"ok":true,"ts":"1.2"}"#, "delivered"),
        (r#"{"ok":false,"error":"channel_not_found"}"#, "refused"),
        (r#"{"ok":false,"error":"invalid_auth"}"#, "refused"),
        (r#"{"ok":false,"error":"ratelimited"}"#, "not_sent after 30s"),
        (r#"{"ok":false,"error":"request_timeout"}"#, "not_sent ill after 30s"),
        (r#"{"ok":false,"error":"service_unavailable"}"#, "not_sent ill after 30s"),
        (r#"{"ok":false,"error":"internal_error"}"#, "unanswered after 30s"),
        (r#"{"ok":false,"error":"fatal_error"}"#, "unanswered after 30s"),
        (r#"{"ok":false}"#, "unanswered after 30s"),
        ("{}", "unanswered after 30s"),
        ("ok", "unanswered after 30s"),
        ("", "unanswered after 30s"),
    ] {
        let server = FaultServer::start([Reply::json(200, answer).header("Retry-After", "30")]);
        let (_, kind, yaml) = &ways(&server.url(""))[2];
        let delivery = send(kind, yaml).await;
        assert_eq!(outcome(&delivery), want, "{answer}: {delivery:?}");
    }
}

#[tokio::test]
async fn the_request_is_what_each_far_side_asks_for() {
    let server = FaultServer::start([Reply::text(200, "ok")]);
    for (_, kind, yaml) in ways(&server.url("")) {
        send(kind, &yaml).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    std::fs::write(&file, "of a file\n").unwrap();
    let headers = format!("{{ X-Scope: eu, X-Key_file: {} }}", file.display());
    let extra = format!("url: '{}', bearer_token: hunter2, headers: {headers}", server.url("/hook"));
    send("webhook", &extra).await;
    let requests = server.requests();
    let seen: Vec<(&str, Option<&str>)> =
        requests.iter().map(|r| (r.path.as_str(), r.header("authorization"))).collect();
    assert_eq!(
        seen,
        [
            ("/T0/B1/the-secret", None),
            ("/T0/B1/the-secret", None),
            ("/api/chat.postMessage", Some("Bearer T0/B1/the-secret")),
            ("/hook", Some("Bearer hunter2")),
        ]
    );
    assert_eq!((requests[3].header("x-scope"), requests[3].header("x-key")), (Some("eu"), Some("of a file")));
    assert!(requests.iter().all(|r| r.header("content-type") == Some("application/json; charset=utf-8")));
    assert_eq!((&requests[0].json()["version"], &requests[0].json()["receiver"]), (&"4".into(), &"data-slack".into()));
    assert_eq!(requests[1].json().get("channel"), None);
    assert_eq!(requests[2].json()["channel"], "#data");
}

#[test]
fn settings_that_cannot_be_are_refused_where_they_stand() {
    for (kind, yaml, want) in [
        ("slack", "timeout: 1s", "needs a `webhook`, or a `token` and a `room`"),
        ("slack", "webhook: 'https://x.example/a', token: t", "exclude each other"),
        ("slack", "token: t", "a `token` needs a `room`"),
        ("slack", "webhook: 'https://x.example/a', room: '#b'", "take `room` away"),
        ("slack", "channel: '#b'", "channel"),
        ("webhook", "url: hook.example", "this is no URL"),
        ("webhook", "url: 'ftp://hook.example'", "this is no URL"),
        ("webhook", "url: 'https://hook.example:99999/'", "this is no URL: invalid port number"),
        ("webhook", "{}", "url"),
        ("webhook", "url: 'http://x.example', headers: { 'a b': c }", "`a b` is no name of an HTTP header"),
        ("webhook", "url: 'http://x.example', ca: none.pem", "cannot read the certificates of"),
        ("console", "timeout: soon", "is not a duration"),
        ("email", "smtp: 'smtps://x.example', from: a@b.example", "to"),
        ("email", "smtp: x.example, from: a@b.example, to: c@d.example", "`x.example` is no URL"),
        ("email", "smtp: 'http://x.example', from: a@b.example, to: c@d.example", "no address of a mail server"),
        ("email", "smtp: 'smtp://u:p@x.example', from: a@b.example, to: c@d.example", "holds no login"),
        ("email", "smtp: 'smtp://x.example?tls=none', from: a@b.example, to: c@d.example", "in the clear"),
        ("email", "smtp: 'smtp://x.example?tls=no', from: a@b.example, to: c@d.example", "unknown option"),
        ("email", "smtp: 'smtps://x.example', from: nobody, to: c@d.example", "`nobody` is no mail address"),
        ("email", "smtp: 'smtps://x.example', from: a@b.example, to: ['x y']", "`x y` is no mail address"),
        ("email", "smtp: 'smtps://x.example', from: a@b.example, to: ü@d.example", "no address in ASCII"),
        ("email", "smtp: 'smtps://x.example', from: a@b.example, to: []", "`to` is empty"),
        ("email", "smtp: 'smtps://x.example', username: u, from: a@b.example, to: c@d.example", "needs a `password`"),
        ("email", "smtp: 'smtps://x.example', password: p, from: a@b.example, to: c@d.example", "needs a `username`"),
    ] {
        let Err(problems) = build(kind, yaml) else { panic!("{kind}: {yaml} was taken") };
        let said = format!("{problems:?}");
        assert!(said.contains(want), "{kind}: {yaml}: {said}");
        assert!(problems.iter().all(|p| p.place.is_some()), "{kind}: {yaml}: {said}");
    }
}

#[test]
fn every_kind_has_a_manual_with_an_example() {
    for kind in registry::KINDS {
        let manual = kind.manual();
        assert!(manual.starts_with(&format!("# `{}`: ", kind.name)) && manual.contains("```yaml"), "{manual}");
        assert_eq!(kind.name, kind.record.name);
        assert!(kind.record.keys.iter().all(|key| key.doc.ends_with('.')), "{}", kind.name);
    }
}

#[tokio::test]
async fn many_sends_share_few_connections() {
    use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let connections = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counter = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counter.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            tokio::spawn(async move {
                let mut stream = BufReader::new(stream);
                let (mut line, mut length) = (String::new(), 0);
                while stream.read_line(&mut line).await.is_ok_and(|n| n > 0) {
                    if let Some(n) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
                        length = n.trim().parse().unwrap();
                    }
                    if line == "\r\n" {
                        let mut body = vec![0; length];
                        stream.read_exact(&mut body).await.unwrap();
                        stream.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
                    }
                    line.clear();
                }
            });
        }
    });
    let hook = build("webhook", &format!("url: '{url}'")).unwrap();
    let (_, fired) = samples::all().swap_remove(0);
    let sends = (0..500).map(|_| hook.send(&fired));
    let ended = futures_util::future::join_all(sends).await;
    assert!(ended.iter().all(|d| *d == Delivery::delivered()), "{ended:?}");
    let opened = connections.load(std::sync::atomic::Ordering::SeqCst);
    assert!(opened <= 64, "{opened} connections");
}
