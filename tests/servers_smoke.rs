//! Each server that other suites stand on starts, answers, and does what it is for.

use lettre::message::Message;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls as ClientTls, TlsParameters};
use lettre::{SmtpTransport, Transport};
use serde_json::json;
use std::process::Command;
use std::time::{Duration, Instant};
use testkit::{Certificates, FaultServer, Reply, Smtp, SmtpOptions, Tls};

#[test]
fn postgres_answers_over_tls_and_with_passwords() {
    let Some(postgres) = testkit::postgres() else { return };
    let database = postgres.database("CREATE TABLE t (n int); INSERT INTO t VALUES (7)").unwrap();
    assert_eq!(postgres.sql(&database, "SELECT n FROM t").unwrap().trim(), "7");
    let copy = format!("COPY t FROM STDIN;\n{}\\.\n", "1\n".repeat(100_000));
    postgres.sql(&database, &copy).unwrap();
    assert_eq!(postgres.sql(&database, "SELECT sum(n) FROM t").unwrap().trim(), "100007");

    let authority = postgres.authority();
    let right = postgres.url("tls_only");
    let wrong = right.replace("right-password", "wrong");
    let verified = format!("sslmode=verify-full&sslrootcert={}", authority.display());
    for (url, parameters, want) in [
        (&right, verified.as_str(), "t\n"),
        (&right, "sslmode=disable", "pg_hba.conf rejects connection"),
        (&wrong, verified.as_str(), "password authentication failed"),
    ] {
        let mut psql = Command::new(testkit::tools::postgres_program("psql").unwrap());
        psql.args(["-X", "-A", "-t", "-c", "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"]);
        let output = psql.arg(format!("{url}?{parameters}")).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        assert!(String::from_utf8_lossy(&said).contains(want), "{parameters}: {}", String::from_utf8_lossy(&said));
    }
}

#[test]
fn prometheus_answers_an_instant_query() {
    let Some(prometheus) = testkit::prometheus() else { return };
    let answer = testkit::http::get(prometheus.port(), "/api/v1/query?query=vector(7)").unwrap();
    assert!(answer.contains(r#""status":"success""#) && answer.contains(r#""7""#), "{answer}");
}

#[test]
fn pubsub_makes_a_topic_and_a_subscription() {
    let Some(pubsub) = testkit::pubsub() else { return };
    let topic = "/v1/projects/smoke/topics/runs";
    for (path, body) in
        [(topic, "{}"), ("/v1/projects/smoke/subscriptions/reader", "{\"topic\":\"projects/smoke/topics/runs\"}")]
    {
        let headers = [("Content-Type", "application/json")];
        let (status, said) = testkit::http::request("PUT", pubsub.port(), path, &headers, body).unwrap();
        assert_eq!(status, 200, "{path}: {said}");
    }
    let listed = testkit::http::get(pubsub.port(), "/v1/projects/smoke/subscriptions").unwrap();
    assert!(listed.contains("projects/smoke/subscriptions/reader"), "{listed}");
}

#[test]
fn firestore_keeps_a_document() {
    let Some(firestore) = testkit::firestore() else { return };
    let documents = "/v1/projects/smoke/databases/(default)/documents/runs";
    let body = r#"{"fields":{"n":{"integerValue":"7"}}}"#;
    let headers = [("Content-Type", "application/json")];
    let made = format!("{documents}?documentId=a");
    let (status, said) = testkit::http::request("POST", firestore.port(), &made, &headers, body).unwrap();
    assert_eq!(status, 200, "{said}");
    assert!(testkit::http::get(firestore.port(), &format!("{documents}/a")).unwrap().contains("\"7\""));
    firestore.wipe("smoke").unwrap();
    assert!(testkit::http::get(firestore.port(), &format!("{documents}/a")).is_err());
}

#[test]
fn bigquery_answers_a_query_and_lists_its_job() {
    let Some(bigquery) = testkit::bigquery() else { return };
    let answer = bigquery.sql("SELECT DATE '2026-01-05' AS d, [1, 2] AS list").unwrap();
    assert_eq!(answer["rows"][0]["f"][0]["v"], "2026-01-05", "{answer}");
    let job = &answer["jobReference"]["jobId"];
    assert!(bigquery.jobs().unwrap().iter().any(|known| known["jobReference"]["jobId"] == *job), "no job {job}");
}

#[test]
fn another_bigquery_answers_an_error_with_200() {
    let Some(bqemulator) = testkit::bqemulator() else { return };
    let answer = bqemulator.sql("SELECT 1 / 0 AS x").unwrap();
    assert!(
        answer["errors"][0]["message"].is_string() && answer["rows"].as_array().is_none_or(Vec::is_empty),
        "{answer}"
    );
}

#[test]
fn a_monitoring_plugin_exits_as_told() {
    let Some(plugin) = testkit::monitoring_plugin("check_dummy") else { return };
    let output = Command::new(plugin).args(["2", "on fire"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "CRITICAL: on fire\n");
}

/// What became of a mail: `sent`, the code of the refusal, or `broken` where there was no answer.
fn send(server: &Smtp, tls: Tls, login: Option<(&str, &str)>, recipient: &str) -> String {
    let mut transport = SmtpTransport::builder_dangerous("localhost").port(server.port()).tls(client_tls(server, tls));
    transport = transport.timeout(Some(Duration::from_secs(2)));
    if let Some((user, password)) = login {
        transport = transport.credentials(Credentials::new(user.into(), password.into()));
    }
    let mail = Message::builder().from("alerts@bellwether.test".parse().expect("an address"));
    let mail = mail.to(recipient.parse().expect("an address")).subject("a test");
    match transport.build().send(&mail.body("hello".to_owned()).expect("a mail")) {
        Ok(_) => "sent".to_owned(),
        Err(error) => error.status().map_or_else(|| "broken".to_owned(), |code| code.to_string()),
    }
}

fn client_tls(server: &Smtp, tls: Tls) -> ClientTls {
    let pem = std::fs::read(server.authority()).expect("the authority was written");
    let trusted = Certificate::from_pem(&pem).expect("a certificate");
    let parameters = TlsParameters::builder("localhost".into()).add_root_certificate(trusted);
    let parameters = parameters.build().expect("TLS parameters");
    match tls {
        Tls::None => ClientTls::None,
        Tls::StartTls => ClientTls::Required(parameters),
        Tls::Implicit => ClientTls::Wrapper(parameters),
    }
}

#[test]
fn smtp_speaks_tls_asks_for_a_password_and_misbehaves_by_recipient() {
    let right = Some((Smtp::USER, Smtp::PASSWORD));
    let wrong = Some((Smtp::USER, "wrong"));
    for (tls, auth, cases) in [
        (Tls::None, true, &[(Tls::None, right, "sent")][..]),
        (
            Tls::StartTls,
            true,
            &[
                (Tls::StartTls, right, "sent"),
                (Tls::StartTls, wrong, "535"),
                (Tls::StartTls, None, "530"),
                (Tls::None, None, "530"),
            ],
        ),
        (Tls::Implicit, true, &[(Tls::Implicit, right, "sent"), (Tls::Implicit, wrong, "535")]),
    ] {
        let Some(server) = testkit::smtp(SmtpOptions { tls, auth }) else { return };
        for (used, login, want) in cases {
            let before = server.mails().len();
            assert_eq!(send(&server, *used, *login, "oncall@bellwether.test"), *want, "{tls:?} {used:?} {login:?}");
            let mails = server.mails();
            assert_eq!(mails.len() - before, usize::from(*want == "sent"), "{tls:?} {used:?} {login:?}");
        }
        let mail = &server.mails()[0];
        assert_eq!((mail.tls, mail.user.as_deref()), (tls != Tls::None, Some(Smtp::USER)));
        assert!(mail.data.contains("Subject: a test"), "{}", mail.data);
    }

    let Some(server) = testkit::smtp(SmtpOptions::default()) else { return };
    for (recipient, want, taken) in [
        ("oncall", "sent", true),
        ("refused", "550", false),
        ("full", "452", false),
        ("greylisted", "451", false),
        ("greylisted", "sent", true),
        ("spam", "554", false),
        ("hang", "broken", true),
        ("drop", "broken", true),
    ] {
        let before = server.mails().len();
        assert_eq!(send(&server, Tls::None, None, &format!("{recipient}@bellwether.test")), want, "{recipient}");
        let mails = server.mails();
        assert_eq!(mails.len() - before, usize::from(taken), "{recipient}");
        assert!(!taken || mails.last().unwrap().answered == (want == "sent"), "{recipient}");
    }
}

#[test]
fn slack_keeps_what_is_posted() {
    let Some(slack) = testkit::slack() else { return };
    let room = slack.room_id("alerts").unwrap();
    let posted = slack.call("chat.postMessage", &format!("channel={room}&text=by+token")).unwrap();
    assert_eq!(posted["ok"], true, "{posted}");
    let port = slack.api_url().rsplit(':').next().unwrap().trim_end_matches("/api").parse().unwrap();
    let path = slack.webhook_url().split_once(&format!(":{port}")).unwrap().1.to_owned();
    let json = [("Content-Type", "application/json")];
    let answer = testkit::http::request("POST", port, &path, &json, r#"{"text":"by webhook"}"#).unwrap();
    assert_eq!(answer, (200, "ok".to_owned()));

    for (room, want) in [("alerts", "by token"), ("general", "by webhook")] {
        let messages = slack.messages(room).unwrap();
        assert_eq!(messages.iter().map(|message| &message["text"]).collect::<Vec<_>>(), [want], "{room}");
    }
    let refused = slack.call("chat.postMessage", "channel=C000&text=x").unwrap();
    assert_eq!((&refused["ok"], &refused["error"]), (&json!(false), &json!("channel_not_found")));
}

#[test]
fn block_kit_oracles_know_shapes_and_limits() {
    let section = |text: &str| json!({ "type": "section", "text": { "type": "mrkdwn", "text": text } });
    let button = |text: &str| {
        let text = json!({ "type": "plain_text", "text": text });
        json!({ "type": "actions", "elements": [{ "type": "button", "text": text, "url": "https://a.example" }] })
    };
    let header = |kind: &str, text: &str| json!({ "type": "header", "text": { "type": kind, "text": text } });
    let field = json!({ "type": "section", "fields": [{ "type": "mrkdwn", "text": "x".repeat(2001) }] });
    for (blocks, want) in [
        (json!([header("plain_text", "h"), section("*ok*"), button("open"), { "type": "divider" }]), Ok(())),
        (json!([{ "type": "nonsense" }]), Err("")),
        (
            json!([header("mrkdwn", "h")]),
            Err("/0/text/type must be equal to constant {\"allowedValue\":\"plain_text\"}"),
        ),
        (json!([{ "type": "divider", "colour": "red" }]), Err("colour")),
        (json!([section(&"x".repeat(3001))]), Err("3000")),
        (json!([header("plain_text", &"x".repeat(151))]), Err("150")),
        (json!([field]), Err("2000")),
        (json!([button(&"x".repeat(76))]), Err("75")),
        (json!(vec![section("x"); 51]), Err("51 blocks")),
    ] {
        let Some(judged) = testkit::require("Block Kit oracles", testkit::check_blocks(&blocks)) else { return };
        match (judged, want) {
            (Ok(()), Ok(())) => {}
            (Err(complaint), Err(word)) => assert!(complaint.contains(word), "{complaint}"),
            (judged, want) => panic!("{judged:?}, not {want:?}, for {blocks}"),
        }
    }
    let attachments = json!([{ "color": "#d00000", "fallback": "x", "blocks": [section("x")] }]);
    let Some(judged) = testkit::require("Block Kit oracles", testkit::check_attachments(&attachments)) else { return };
    assert_eq!(judged, Ok(()));
}

#[tokio::test]
async fn the_fault_server_does_as_its_script_says() {
    let trickle = Reply::Trickle { body: b"12345".to_vec(), interval: Duration::from_millis(40) };
    let server = FaultServer::start([
        Reply::json(429, "{}").header("Retry-After", "2"),
        Reply::html(200, "<html>"),
        trickle,
        Reply::Raw(b"SSH-2.0-x\r\n".to_vec()),
        Reply::Close,
        Reply::Reset,
        Reply::Hang,
    ]);
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(1)).build().unwrap();
    let ask = || client.post(server.url("/hook?n=1")).header("X-Test", "yes").body("{\"a\":1}").send();

    let limited = ask().await.unwrap();
    assert_eq!((limited.status().as_u16(), limited.headers()["retry-after"].to_str().unwrap()), (429, "2"));
    assert_eq!(ask().await.unwrap().text().await.unwrap(), "<html>");
    let started = Instant::now();
    assert_eq!(ask().await.unwrap().text().await.unwrap(), "12345");
    assert!(Duration::from_millis(160) <= started.elapsed(), "the bytes should come one by one");
    for fault in ["not HTTP", "closed", "reset", "hangs"] {
        let error = ask().await.expect_err(fault);
        assert_eq!(error.is_timeout(), fault == "hangs", "{fault}: {error:?}");
        assert_eq!(format!("{error:?}").contains("ConnectionReset"), fault == "reset", "{fault}: {error:?}");
    }

    let requests = server.wait_for_requests(7);
    assert_eq!((requests.len(), requests[0].method.as_str(), requests[0].path.as_str()), (7, "POST", "/hook?n=1"));
    assert_eq!((requests[0].header("x-test"), &requests[0].json()["a"]), (Some("yes"), &json!(1)));
    server.rewrite([Reply::text(200, "well again")]);
    assert_eq!(ask().await.unwrap().text().await.unwrap(), "well again");

    let echo = FaultServer::answering(|request| Reply::text(200, &request.path));
    assert_eq!(client.get(echo.url("/a?b")).send().await.unwrap().text().await.unwrap(), "/a?b");
}

#[tokio::test]
async fn the_fault_server_speaks_tls() {
    let folder = tempfile::tempdir().unwrap();
    let Some(certificates) = testkit::require("openssl", Certificates::new(folder.path(), 30)) else { return };
    let server = FaultServer::start_tls([Reply::text(200, "safe")], &certificates);
    let trusted = reqwest::Certificate::from_pem(&std::fs::read(certificates.authority()).unwrap()).unwrap();
    let trusting = reqwest::Client::builder().no_proxy().tls_certs_only([trusted]).build().unwrap();
    assert_eq!(trusting.get(server.url("/")).send().await.unwrap().text().await.unwrap(), "safe");
    let stranger = reqwest::Client::builder().no_proxy().build().unwrap();
    assert!(stranger.get(server.url("/")).send().await.is_err(), "an unknown authority must not be trusted");
}
