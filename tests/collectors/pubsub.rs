//! Google's own Pub/Sub emulator, and a false Cloud Monitoring that Google's discovery document judges.

use crate::{Asked, row, said, source};
use serde_json::{Value as Json, json};
use std::fmt::Write as _;
use std::time::{Duration, Instant};
use testkit::{FaultServer, GoogleApi, Reply, Request};

/// A project of the emulator's.
struct Project {
    name: &'static str,
    port: u16,
}

impl Project {
    fn call(&self, method: &str, path: &str, body: &Json) -> Json {
        let path = format!("/v1/projects/{}/{path}", self.name);
        let headers = [("Content-Type", "application/json")];
        let (status, answer) = testkit::http::request(method, self.port, &path, &headers, &body.to_string()).unwrap();
        assert_eq!(status, 200, "{path}: {answer}");
        serde_json::from_str(&answer).unwrap()
    }

    fn topic(&self, topic: &str) {
        self.call("PUT", &format!("topics/{topic}"), &json!({}));
    }

    fn subscription(&self, name: &str, topic: &str, mut more: Json) {
        more["topic"] = format!("projects/{}/topics/{topic}", self.name).into();
        self.call("PUT", &format!("subscriptions/{name}"), &more);
    }

    fn policy(&self, topic: &str) -> Json {
        json!({ "deadLetterTopic": format!("projects/{}/topics/{topic}", self.name), "maxDeliveryAttempts": 5 })
    }

    fn publish(&self, topic: &str, attributes: &Json) {
        let message = json!({ "data": "aGVsbG8=", "attributes": attributes });
        self.call("POST", &format!("topics/{topic}:publish"), &json!({ "messages": [message] }));
    }

    /// Takes what waits in a subscription and refuses it.
    fn refuse(&self, name: &str) {
        let pull = json!({ "maxMessages": 10, "returnImmediately": true });
        let pulled = self.call("POST", &format!("subscriptions/{name}:pull"), &pull);
        let messages = pulled["receivedMessages"].as_array().cloned().unwrap_or_default();
        let ids: Vec<_> = messages.iter().map(|message| message["ackId"].clone()).collect();
        if !ids.is_empty() {
            let back = json!({ "ackIds": ids, "ackDeadlineSeconds": 0 });
            self.call("POST", &format!("subscriptions/{name}:modifyAckDeadline"), &back);
        }
    }

    /// The emulator, behind a server that counts requests and holds each, and each answer, to Google's own document.
    fn judged(&self) -> Option<GoogleApi> {
        let port = self.port;
        testkit::google_api("pubsub.v1", move |request| {
            let headers = [("Content-Type", "application/json")];
            let asked = testkit::http::request(&request.method, port, &request.path, &headers, &request.text());
            let (status, body) = asked.unwrap();
            Reply::json(status, &body)
        })
    }

    fn source(&self, pubsub: &str, monitoring: &str) -> Asked {
        let keys = format!("project: {}\nendpoint: {pubsub}\nmonitoring_endpoint: {monitoring}", self.name);
        source("pubsub", &keys)
    }
}

fn project(name: &'static str) -> Option<Project> {
    Some(Project { name, port: testkit::pubsub()?.port() })
}

/// A series as Monitoring gives it: of a subscription, with one point.
fn series(name: &str, value: &Json) -> Json {
    json!({ "resource": { "type": "pubsub_subscription", "labels": { "subscription_id": name, "project_id": "any" } },
            "points": [{ "interval": { "startTime": "2026-01-05T00:20:00Z", "endTime": "2026-01-05T00:30:00Z" },
                         "value": value }] })
}

fn int(n: i64) -> Json {
    json!({ "int64Value": n.to_string() })
}

fn list(series: &[Json]) -> Reply {
    Reply::json(200, &json!({ "timeSeries": series }).to_string())
}

/// A Monitoring that answers by metric.
fn monitoring(undelivered: Vec<Json>, age: Vec<Json>, dead_lettered: Vec<Json>) -> Option<GoogleApi> {
    testkit::google_api("monitoring.v3", move |request| match request.path.as_str() {
        path if path.contains("num_undelivered_messages") => list(&undelivered),
        path if path.contains("oldest_unacked_message_age") => list(&age),
        path if path.contains("dead_letter_message_count") => list(&dead_lettered),
        path => panic!("asked {path}"),
    })
}

/// The path and the parameters of a request, one a line.
fn lines(request: &Request) -> String {
    let url: reqwest::Url = format!("http://x{}", request.path).parse().unwrap();
    url.query_pairs().fold(url.path().to_owned(), |mut lines, (name, value)| {
        write!(lines, "\n{name}={value}").unwrap();
        lines
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_pubsub_gave_up_is_seen_in_its_dead_letter_subscription() {
    let Some(project) = project("dead-letters") else { return };
    for topic in ["runs", "runs-dead", "other"] {
        project.topic(topic);
    }
    let policy = project.policy("runs-dead");
    project.subscription("reader", "runs", json!({ "deadLetterPolicy": policy }));
    project.subscription("graveyard", "runs-dead", json!({ "messageRetentionDuration": "86400s" }));
    project.subscription("bystander", "other", json!({}));
    project.publish("runs", &json!({ "run": "17" }));
    let Some(pubsub) = project.judged() else { return };
    let known = (vec![series("graveyard", &int(1))], vec![series("graveyard", &int(3600))], Vec::new());
    let Some(monitoring) = monitoring(known.0, known.1, known.2) else { return };
    let asked = project.source(&pubsub.url(), &monitoring.url());

    let mut seen = None;
    let moved = testkit::wait_until(Duration::from_mins(1), || {
        project.refuse("reader");
        let peeked = tokio::task::block_in_place(|| {
            let collect = asked.collect("dead_letter: true\npeek: 5");
            tokio::runtime::Handle::current().block_on(collect)
        });
        let table = peeked.unwrap();
        let samples = table.column_index("samples").unwrap();
        assert_eq!(table.rows(), 1, "the one subscription of a topic that a policy names");
        seen = (!table.columns()[samples].is_null(0)).then(|| table.columns()[samples].value(0).to_string());
        seen.is_some()
    });
    assert!(moved, "Pub/Sub moves it after the fifth attempt");
    let samples: Json = serde_json::from_str(&seen.unwrap()).unwrap();
    assert_eq!((&samples[0]["run"], samples.as_array().unwrap().len()), (&json!("17"), 1), "{samples}");
    assert_eq!(samples[0]["CloudPubSubDeadLetterSourceSubscription"], "reader", "{samples}");

    assert_eq!(
        row(&asked.collect("dead_letter: true").await.unwrap(), 0),
        "subscription=graveyard topic=runs-dead state=null dead_letter_topic=null max_delivery_attempts=null \
         retention=86400 undelivered=1 oldest_unacked_age=3600 dead_lettered=null retention_left=82800"
    );
    assert_eq!(
        row(&asked.collect("subscriptions: [reader]").await.unwrap(), 0),
        "subscription=reader topic=runs state=null dead_letter_topic=runs-dead max_delivery_attempts=5 \
         retention=604800 undelivered=null oldest_unacked_age=null dead_lettered=null retention_left=null"
    );
    assert!(asked.collect("dead_letter: true\npattern: 'by*'").await.unwrap().is_empty());
    assert_eq!(asked.collect("pattern: '*e*'").await.unwrap().rows(), 3);
}

#[tokio::test]
async fn monitoring_is_asked_once_for_each_metric_as_of_the_slot() {
    let Some(monitoring) = monitoring(
        vec![series("reader", &int(7)), series("empty", &int(0)), series("quiet", &int(1))],
        vec![series("reader", &json!({ "doubleValue": 90.5 }))],
        vec![series("reader", &int(4))],
    ) else {
        return;
    };
    let policy = json!({ "deadLetterTopic": "projects/q/topics/dead", "maxDeliveryAttempts": 9 });
    let pubsub = FaultServer::start([listed(&[
        json!({ "name": "projects/p/subscriptions/reader", "topic": "_deleted-topic_", "state": "RESOURCE_ERROR",
                "messageRetentionDuration": "600s", "deadLetterPolicy": policy }),
        json!({ "name": "projects/p/subscriptions/empty", "topic": "projects/p/topics/t", "state": "ACTIVE" }),
        json!({ "name": "projects/p/subscriptions/quiet", "topic": "projects/q/topics/t", "deadLetterPolicy": policy }),
        json!({ "name": "projects/p/subscriptions/unmeasured", "topic": "projects/p/topics/t", "detached": true,
                "deadLetterPolicy": policy }),
    ])]);
    let asked = at(&pubsub.url(""), &monitoring.url());
    let table = asked.collect("pattern: '*'\nwindow: 6h").await.unwrap();
    let rows: Vec<_> = (0..4).map(|i| row(&table, i)).collect();
    assert_eq!(
        rows,
        [
            "subscription=reader topic=_deleted-topic_ state=RESOURCE_ERROR dead_letter_topic=projects/q/topics/dead \
             max_delivery_attempts=9 retention=600 undelivered=7 oldest_unacked_age=90.5 dead_lettered=4 retention_left=509.5",
            "subscription=empty topic=t state=ACTIVE dead_letter_topic=null max_delivery_attempts=null \
             retention=604800 undelivered=0 oldest_unacked_age=0 dead_lettered=null retention_left=604800",
            "subscription=quiet topic=projects/q/topics/t state=null dead_letter_topic=projects/q/topics/dead \
             max_delivery_attempts=9 retention=604800 undelivered=1 oldest_unacked_age=null dead_lettered=0 \
             retention_left=null",
            "subscription=unmeasured topic=t state=DETACHED dead_letter_topic=projects/q/topics/dead \
             max_delivery_attempts=9 retention=604800 undelivered=null oldest_unacked_age=null dead_lettered=null \
             retention_left=null",
        ]
    );
    let requests = monitoring.requests();
    let sent = |metric: &str| {
        let one: Vec<_> = requests.iter().map(lines).filter(|lines| lines.contains(metric)).collect();
        assert_eq!(one.len(), 1, "{metric}");
        one[0].clone()
    };
    let which = "resource.labels.project_id = \"p\" AND \
                 resource.labels.subscription_id = one_of(\"reader\", \"empty\", \"quiet\", \"unmeasured\")";
    assert_eq!(
        sent("oldest_unacked_message_age"),
        format!(
            "/v3/projects/p/timeSeries\nfilter=metric.type = \"pubsub.googleapis.com/subscription/oldest_unacked_message_age\" \
             AND {which}\ninterval.startTime=2026-01-05T00:20:00Z\ninterval.endTime=2026-01-05T00:30:00Z\n\
             aggregation.alignmentPeriod=600s\naggregation.perSeriesAligner=ALIGN_NEXT_OLDER\n\
             aggregation.crossSeriesReducer=REDUCE_NONE\nview=FULL\npageSize=5000"
        )
    );
    assert_eq!(
        sent("num_undelivered_messages"),
        sent("oldest_unacked").replace("oldest_unacked_message_age", "num_undelivered_messages")
    );
    let counted = sent("dead_letter_message_count");
    for part in [
        "startTime=2026-01-04T18:30:00Z",
        "=21600s",
        "=ALIGN_DELTA",
        "=REDUCE_SUM",
        "groupByFields=resource.labels.subscription_id",
    ] {
        assert!(counted.contains(part), "{part}: {counted}");
    }
}

fn listed(subscriptions: &[Json]) -> Reply {
    Reply::json(200, &json!({ "subscriptions": subscriptions }).to_string())
}

fn plain(name: &str) -> Json {
    json!({ "name": format!("projects/p/subscriptions/{name}"), "topic": "projects/p/topics/t" })
}

fn at(pubsub: &str, monitoring: &str) -> Asked {
    source("pubsub", &format!("project: p\nendpoint: {pubsub}\nmonitoring_endpoint: {monitoring}"))
}

fn without_metrics(server: &FaultServer) -> Asked {
    source("pubsub", &format!("project: p\nendpoint: {}", server.url("")))
}

#[tokio::test]
async fn what_monitoring_does_not_say_whole_is_an_error() {
    let server = FaultServer::start([listed(&[plain("a")])]);
    let of = |reply: Reply| FaultServer::start([reply]);
    let incomplete = json!({ "executionErrors": [{ "code": 14, "message": "a shard is away" }] });
    let strange = json!({ "timeSeries": [series("a", &json!({ "stringValue": "x" }))] });
    let refused = json!({ "error": { "code": 403, "message": "Permission denied.", "status": "PERMISSION_DENIED" } });
    for (monitoring, want) in [
        (
            of(Reply::json(200, &incomplete.to_string())),
            "Unreachable: Cloud Monitoring calls its answer incomplete: a shard is away",
        ),
        (of(Reply::json(200, &strange.to_string())), "Refused: Cloud Monitoring gives a point that is no number"),
        (
            of(Reply::json(403, &refused.to_string())),
            "Unreachable: Cloud Monitoring refuses access (403): Permission denied: grant `roles/monitoring.viewer` on the \
             project, or write `metrics: false`",
        ),
    ] {
        let said = said(at(&server.url(""), &monitoring.url("")).collect("pattern: a").await);
        assert!(said.starts_with(want), "{said}");
    }
    let said = said(without_metrics(&server).collect("pattern: a").await);
    assert!(
        said.starts_with("Refused: an emulator of Pub/Sub has no Cloud Monitoring: write `metrics: false`"),
        "{said}"
    );
    let table = without_metrics(&server).collect("pattern: a\nmetrics: false").await.unwrap();
    assert!(
        row(&table, 0).ends_with("undelivered=null oldest_unacked_age=null dead_lettered=null retention_left=null")
    );
    let there = jiff::Timestamp::now() + jiff::SignedDuration::from_mins(10);
    let date = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&there).unwrap();
    let monitoring = of(Reply::json(200, "{}").header("Date", &date));
    let skewed = self::said(at(&server.url(""), &monitoring.url("")).collect("pattern: a").await);
    assert!(skewed.starts_with("Unreachable: this machine's clock is 10m behind that of Cloud Monitoring"), "{skewed}");
    // A point of which nothing is known is none.
    let pointless = json!({ "timeSeries": [{ "resource": { "labels": { "subscription_id": "a" } }, "points": [] }] });
    let monitoring = of(Reply::json(200, &pointless.to_string()));
    let table = at(&server.url(""), &monitoring.url("")).collect("pattern: a").await.unwrap();
    assert!(row(&table, 0).contains("undelivered=null"));
}

#[tokio::test]
async fn a_named_subscription_that_is_not_there_is_named() {
    let Some(project) = project("some-names") else { return };
    project.topic("runs");
    for i in 0..12 {
        project.subscription(&format!("reader-{i}"), "runs", json!({}));
    }
    let Some(pubsub) = project.judged() else { return };
    let asked = project.source(&pubsub.url(), "http://127.0.0.1:1");
    let names = |count: usize, last: &str| {
        let mut names: Vec<_> = (0..count).map(|i| format!("reader-{i}")).collect();
        names.push(last.to_owned());
        format!("subscriptions: [{}]\nmetrics: false", names.join(", "))
    };
    for (count, last, want, requests) in [
        (0, "reader-x", "Refused: the project `some-names` has no subscription `reader-x`: look at `subscriptions`", 1),
        (
            10,
            "reeder-3",
            "Refused: the project `some-names` has no subscription `reeder-3`: did you mean `reader-3`?",
            1,
        ),
    ] {
        let before = pubsub.requests().len();
        assert_eq!(said(asked.collect(&names(count, last)).await), want);
        assert_eq!(pubsub.requests().len() - before, requests);
    }
    assert_eq!(asked.collect(&names(2, "reader-7")).await.unwrap().rows(), 3, "one by one");
    assert_eq!(asked.collect(&names(11, "reader-11")).await.unwrap().rows(), 12, "out of the list");
}

#[tokio::test]
async fn only_what_waits_for_subscribers_is_peeked_at_and_given_back() {
    let mut pushing = plain("pushing");
    pushing["pushConfig"] = json!({ "pushEndpoint": "https://x.example/" });
    let all = [plain("waiting"), plain("drained"), plain("unknown"), pushing];
    let long = "x".repeat(201);
    let pulled = json!({ "receivedMessages": [
        { "ackId": "1", "message": { "messageId": "1", "attributes": { "a": "b", "long": long } } },
        { "ackId": "2", "message": { "messageId": "2" } } ] });
    let answer = move |request: &Request| match request.path.as_str() {
        path if path.ends_with("waiting:pull") => Reply::json(200, &pulled.to_string()),
        path if path.ends_with(":pull") => Reply::json(200, "{}"),
        path if path.ends_with(":modifyAckDeadline") => Reply::json(200, "{}"),
        _ => listed(&all),
    };
    let Some(pubsub) = testkit::google_api("pubsub.v1", answer) else { return };
    let undelivered = vec![series("waiting", &int(2)), series("drained", &int(0)), series("pushing", &int(9))];
    let Some(monitoring) = monitoring(undelivered, Vec::new(), Vec::new()) else { return };
    let asked = at(&pubsub.url(), &monitoring.url());
    let table = asked.collect("pattern: '*'\npeek: 5").await.unwrap();
    let samples = table.columns().last().unwrap();
    let shown: Vec<_> = (0..4).map(|i| samples.value(i).to_string()).collect();
    let cut = format!(r#"[{{"a":"b","long":"{}…"}},{{}}]"#, "x".repeat(200));
    assert_eq!(shown, [cut.as_str(), "null", "null", "null"]);
    let mut posted: Vec<_> =
        pubsub.requests().iter().filter(|r| r.method == "POST").map(|r| format!("{} {}", r.path, r.text())).collect();
    posted.sort();
    assert_eq!(
        posted,
        [
            r#"/v1/projects/p/subscriptions/unknown:pull {"maxMessages":5,"returnImmediately":true}"#,
            r#"/v1/projects/p/subscriptions/waiting:modifyAckDeadline {"ackIds":["1","2"],"ackDeadlineSeconds":0}"#,
            r#"/v1/projects/p/subscriptions/waiting:pull {"maxMessages":5,"returnImmediately":true}"#,
        ]
    );
    // Lint asks for the columns, and takes no message.
    let columns = asked.source.columns(&asked.request("pattern: '*'\npeek: 5")).await.unwrap();
    assert_eq!(columns.last().unwrap().0, "samples");
    assert_eq!(pubsub.requests().iter().filter(|r| r.method == "POST").count(), 3);
}

#[tokio::test]
async fn who_may_not_peek_is_told_so() {
    let refused = json!({ "error": { "code": 403, "message": "Not you.", "status": "PERMISSION_DENIED" } });
    let server = FaultServer::start([listed(&[plain("a")]), Reply::json(403, &refused.to_string())]);
    let said = said(without_metrics(&server).collect("pattern: a\nmetrics: false\npeek: 1").await);
    assert_eq!(
        said,
        "Unreachable: Pub/Sub lets nobody peek at `a` (403): Not you: grant `roles/pubsub.subscriber` on it, or take `peek` away"
    );
}

#[tokio::test]
async fn each_fault_says_whose_it_is() {
    let refusal = |code: u16| {
        let body = json!({ "error": { "code": code, "message": "the server's words", "status": "X" } });
        Reply::json(code, &body.to_string()).header("Retry-After", "0")
    };
    let there = jiff::Timestamp::now() + jiff::SignedDuration::from_mins(10);
    let date = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&there).unwrap();
    for (reply, want) in [
        (
            refusal(401),
            "Unreachable: Pub/Sub does not take the credentials (401): the server's words: look at `credentials`",
        ),
        (
            refusal(401).header("Date", &date),
            "Unreachable: Pub/Sub does not take the credentials (401): the server's words: this machine's clock is 10m behind",
        ),
        (
            refusal(403),
            "Unreachable: Pub/Sub refuses access (403): the server's words: grant `roles/pubsub.viewer` on the project",
        ),
        (refusal(404), "Refused: Pub/Sub does not know what is asked for (404): the server's words"),
        (refusal(429), "Unreachable: Pub/Sub takes no more requests now (429)"),
        (refusal(500), "Unreachable: Pub/Sub answered 500"),
        (refusal(503), "Unreachable: Pub/Sub answered 503"),
        (Reply::Close, "Unreachable: "),
        (Reply::Reset, "Unreachable: "),
        (Reply::json(200, r#"{"subscriptions":[{}]}"#), "Refused: Pub/Sub gives a subscription without a name"),
    ] {
        let server = FaultServer::start([reply]);
        let said = said(without_metrics(&server).collect("pattern: '*'\nmetrics: false").await);
        assert!(said.starts_with(want), "{said}");
    }
}

#[tokio::test]
async fn a_page_that_never_comes_is_no_answer() {
    let first = json!({ "subscriptions": [plain("a")], "nextPageToken": "2" });
    for second in [Reply::Hang, Reply::one_byte_a_second(&"x".repeat(60))] {
        let server = FaultServer::start([Reply::json(200, &first.to_string()), second]);
        let asked = without_metrics(&server);
        let mut request = asked.request("pattern: '*'\nmetrics: false");
        request.timeout = Duration::from_millis(500);
        let said = said(asked.source.collect(&request).await);
        assert!(said.starts_with("Unreachable: the request to Pub/Sub did not finish within 500ms"), "{said}");
        assert!(server.requests()[1].path.ends_with("pageToken=2"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emulator_that_dies_in_the_midst_is_unreachable_and_then_back() {
    let Some(mut pubsub) = testkit::require("Pub/Sub emulator", testkit::Pubsub::start()) else { return };
    let project = Project { name: "comes-back", port: pubsub.port() };
    let make = || {
        project.topic("runs");
        project.subscription("reader", "runs", json!({}));
    };
    make();
    let asked = source("pubsub", &format!("project: comes-back\nendpoint: {}", pubsub.url()));
    let all = "pattern: '*'\nmetrics: false";
    assert_eq!(asked.collect(all).await.unwrap().rows(), 1);
    pubsub.server().signal("STOP");
    let request = asked.request(all);
    let source = std::sync::Arc::clone(&asked.source);
    let waiting = tokio::spawn(async move { source.collect(&request).await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!waiting.is_finished(), "it does not answer");
    pubsub.server().stop();
    let said = said(waiting.await.unwrap());
    assert!(said.starts_with("Unreachable: "), "{said}");
    let Some(_again) = testkit::require("Pub/Sub emulator", testkit::Pubsub::start_at(project.port)) else { return };
    make();
    assert_eq!(asked.collect(all).await.unwrap().rows(), 1);
}

#[tokio::test]
async fn a_thousand_subscriptions_are_four_requests() {
    const COUNT: usize = 1000;
    let Some(project) = project("thousand-of-them") else { return };
    project.topic("runs");
    project.topic("runs-dead");
    let policy = project.policy("runs-dead");
    for i in 0..COUNT {
        project.subscription(&format!("reader-{i}"), "runs", json!({ "deadLetterPolicy": policy }));
    }
    let of = |n: i64| (0..COUNT).map(|i| series(&format!("reader-{i}"), &int(n))).collect::<Vec<_>>();
    let Some(pubsub) = project.judged() else { return };
    let Some(monitoring) = monitoring(of(3), of(60), of(1)) else { return };
    let asked = project.source(&pubsub.url(), &monitoring.url());
    let started = Instant::now();
    let table = asked.collect("pattern: '*'").await.unwrap();
    let took = started.elapsed();
    let requests = (pubsub.requests().len(), monitoring.requests().len());
    assert_eq!((table.rows(), requests), (COUNT, (1, 3)));
    assert!(row(&table, 999).contains("undelivered=3 oldest_unacked_age=60 dead_lettered=1"));
    assert!(!lines(&monitoring.requests()[0]).contains("one_of"), "the whole project's");
    let direct =
        source("pubsub", &format!("project: thousand-of-them\nendpoint: {}", testkit::pubsub().unwrap().url()));
    let started = Instant::now();
    direct.collect("pattern: '*'\nmetrics: false").await.unwrap();
    println!(
        "{COUNT} subscriptions: {requests:?} requests, {took:?} through the judges; {:?} of the emulator itself",
        started.elapsed()
    );
}
