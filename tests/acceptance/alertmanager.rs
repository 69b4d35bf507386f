//! In an Alertmanager's place: what sends to one sends to us, and what asks one asks us.

use super::daemon::{Daemon, Home, eventually, hook};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};
use testkit::{FaultServer, Reply, http};

/// A daemon that tells this receiver of each alert by itself and at once.
fn start(receiver: &FaultServer) -> (Home, Daemon) {
    let route = "route: { channels: [hook], group_by: ['...'], group_wait: 0s, group_interval: 1s }";
    let home = Home::new(&format!("{}\n{route}", hook(&receiver.url("/"))));
    let daemon = home.start();
    (home, daemon)
}

fn post(daemon: &Daemon, alerts: &Value) -> (u16, String) {
    let headers = [("Content-Type", "application/json")];
    http::request("POST", daemon.port, "/api/v2/alerts", &headers, &alerts.to_string()).unwrap()
}

/// What a receiver was told: `firing NAME JOB: title`.
fn said(receiver: &FaultServer) -> Vec<String> {
    let messages = receiver.requests();
    let alerts = messages.iter().flat_map(|request| request.json()["alerts"].as_array().unwrap().clone());
    let text = |v: &Value| v.as_str().unwrap_or("").to_owned();
    let line = |a: Value| {
        let labels = &a["labels"];
        let (status, name, job) = (text(&a["status"]), text(&labels["alertname"]), text(&labels["job"]));
        format!("{status} {name} {job}: {} ({})", text(&a["annotations"]["summary"]), text(&a["annotations"]["change"]))
    };
    alerts.map(line).collect()
}

fn told(receiver: &FaultServer, want: &str) {
    eventually(want, || said(receiver).iter().any(|line| line == want));
}

/// A rule of Prometheus's that fires for this many seconds from now on.
fn fires_for(seconds: u64) -> String {
    let until = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() + seconds;
    format!(
        "groups:\n- name: g\n  rules:\n  - alert: Down\n    expr: vector(time()) < {until}\n    \
         labels: {{ severity: critical, job: x }}\n    annotations: {{ summary: x is down }}\n"
    )
}

#[test]
fn what_is_sent_is_told_listed_and_survives_a_kill() {
    let receiver = FaultServer::start([Reply::status(200)]);
    let (home, daemon) = start(&receiver);
    let down = json!({"labels": {"alertname": "Down", "job": "x"}, "annotations": {"summary": "x is down"}});
    assert_eq!(post(&daemon, &json!([down])), (200, String::new()));
    told(&receiver, "firing Down x: x is down (fired)");

    let alerts = daemon.get("/api/v2/alerts");
    let alert = &alerts[0];
    assert_eq!(alerts.as_array().unwrap().len(), 1, "{alerts}");
    assert_eq!(alert["status"], json!({"state": "active", "silencedBy": [], "inhibitedBy": [], "mutedBy": []}));
    assert_eq!(alert["labels"]["check"], "Down");
    assert_eq!(alert["receivers"], json!([{"name": "hook"}]));
    assert_eq!(alert["fingerprint"], receiver.requests()[0].json()["alerts"][0]["fingerprint"]);
    assert_eq!(daemon.alerts()[0]["id"], r#"{alertname="Down", job="x"}"#);
    for (query, count) in [("filter=job=x", 1), ("filter=job%3D~%22y.*%22", 0), ("active=false", 0), ("receiver=ho", 0)]
    {
        let found = daemon.get(&format!("/api/v2/alerts?{query}"));
        assert_eq!(found.as_array().unwrap().len(), count, "{query}");
    }
    let groups = daemon.get("/api/v2/alerts/groups");
    assert_eq!(
        (&groups[0]["receiver"]["name"], &groups[0]["alerts"][0]["labels"]["job"]),
        (&json!("hook"), &json!("x"))
    );
    assert_eq!(daemon.get("/api/v2/receivers"), json!([{"name": "hook"}]));
    assert_eq!(http::get(daemon.port, "/-/healthy").as_deref(), Ok("ok\n"));

    daemon.kill();
    let daemon = home.start();
    assert_eq!(daemon.get("/api/v2/alerts")[0]["fingerprint"], alert["fingerprint"]);
    let mut over = down;
    over["endsAt"] = json!("2026-01-05T00:00:00Z");
    assert_eq!(post(&daemon, &json!([over])).0, 200);
    told(&receiver, "resolved Down x: x is down (resolved)");
    assert_eq!(said(&receiver).len(), 2, "{:?}", said(&receiver));
    assert_eq!(daemon.get("/api/v2/alerts"), json!([]));
    daemon.stop();
}

#[test]
fn what_holds_an_alert_stands_in_its_status_and_can_be_asked_for() {
    let receiver = FaultServer::start([Reply::status(200)]);
    let home = Home::new(&format!(
        "{}
calendars: {{ always: {{ times: ['00:00-24:00'] }} }}
inhibit: [{{ source: ['job=\"root\"'], target: ['job=\"leaf\"'] }}]
route:
  channels: [hook]
  group_by: ['...']
  group_wait: 0s
  routes: [{{ matchers: ['job=\"night\"'], mute_during: [always] }}]",
        hook(&receiver.url("/"))
    ));
    let daemon = home.start();
    let silence =
        json!({"matchers": ["job=\"planned\""], "ends": "2099-01-01T00:00:00Z", "created_by": "ana", "comment": "x"});
    let made = http::request("POST", daemon.port, "/api/v1/silences", &[], &silence.to_string()).unwrap().1;
    let silence = serde_json::from_str::<Value>(&made).unwrap()["silence"]["id"].clone();
    let jobs = ["free", "leaf", "night", "planned", "root"];
    let alerts: Vec<Value> = jobs.iter().map(|job| json!({"labels": {"alertname": "Down", "job": job}})).collect();
    assert_eq!(post(&daemon, &json!(alerts)).0, 200);
    told(&receiver, "firing Down free: Down: free (fired)");
    told(&receiver, "firing Down root: Down: root (fired)");

    let listed = daemon.get("/api/v2/alerts");
    let of = |job: &str| listed.as_array().unwrap().iter().find(|alert| alert["labels"]["job"] == job).unwrap();
    let root = &of("root")["fingerprint"];
    for (job, state, silenced, inhibited, muted) in [
        ("free", "active", json!([]), json!([]), json!([])),
        ("root", "active", json!([]), json!([]), json!([])),
        ("leaf", "suppressed", json!([]), json!([root]), json!([])),
        ("planned", "suppressed", json!([silence]), json!([]), json!([])),
        ("night", "suppressed", json!([]), json!([]), json!(["always"])),
    ] {
        let want = json!({"state": state, "silencedBy": silenced, "inhibitedBy": inhibited, "mutedBy": muted});
        assert_eq!(of(job)["status"], want, "{job}");
    }
    for (query, want) in [
        ("muted=false", "free leaf planned root"),
        ("silenced=false", "free leaf night root"),
        ("inhibited=false", "free night planned root"),
        ("active=false", "leaf night planned"),
        ("muted=false&silenced=false&inhibited=false", "free root"),
    ] {
        let found = daemon.get(&format!("/api/v2/alerts?{query}"));
        let mut jobs: Vec<&str> =
            found.as_array().unwrap().iter().map(|alert| alert["labels"]["job"].as_str().unwrap()).collect();
        jobs.sort_unstable();
        assert_eq!(jobs.join(" "), want, "{query}");
        let groups = daemon.get(&format!("/api/v2/alerts/groups?{query}"));
        assert_eq!(groups.as_array().unwrap().len(), jobs.len(), "{query}: {groups}");
    }
    assert!(
        said(&receiver).iter().all(|line| line.contains(" free:") || line.contains(" root:")),
        "{:?}",
        said(&receiver)
    );
    daemon.stop();
}

#[test]
fn what_is_wrong_is_said_as_a_json_text_and_the_rest_is_taken() {
    let receiver = FaultServer::start([Reply::status(200)]);
    let (_home, daemon) = start(&receiver);
    let (status, said) = post(&daemon, &json!([{"labels": {}}, {"labels": {"alertname": "Down", "job": "x"}}]));
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((status, &said), (400, &json!("alert 0: it has no label: at least one with a value is needed")));
    told(&receiver, "firing Down x: Down: x (fired)");
    let (status, said) = http::request("GET", daemon.port, "/api/v2/alerts?filter=x", &[], "").unwrap();
    assert_eq!(status, 400, "{said}");
    assert!(serde_json::from_str::<String>(&said).unwrap().contains("a matcher is a label"), "{said}");
    daemon.stop();
}

#[test]
fn prometheus_sends_to_us_as_it_is() {
    let receiver = FaultServer::start([Reply::status(200)]);
    let (_home, daemon) = start(&receiver);
    let Some(_prometheus) = testkit::alerting_prometheus(&fires_for(10), daemon.port) else { return };
    told(&receiver, "firing Down x: x is down (fired)");
    let alert = &daemon.get("/api/v2/alerts")[0];
    assert!(alert["generatorURL"].as_str().unwrap().contains("/graph?g0.expr="), "{alert}");
    told(&receiver, "resolved Down x: x is down (resolved)");
    daemon.stop();
}

#[test]
fn vmalert_sends_to_us_as_it_is() {
    let receiver = FaultServer::start([Reply::status(200)]);
    let (_home, daemon) = start(&receiver);
    let Some(prometheus) = testkit::prometheus() else { return };
    let Some(_vmalert) = testkit::vmalert(&fires_for(10), &prometheus.url(), daemon.port) else { return };
    told(&receiver, "firing Down x: x is down (fired)");
    told(&receiver, "resolved Down x: x is down (resolved)");
    daemon.stop();
}

#[test]
fn amtool_lists_and_adds() {
    let receiver = FaultServer::start([Reply::status(200)]);
    let (home, daemon) = start(&receiver);
    let Some(amtool) = testkit::amtool() else { return };
    let run = |arguments: &[&str]| amtool.run(daemon.port, arguments).unwrap();
    run(&["alert", "add", "Down", "job=x", "--annotation=summary=x is down"]);
    told(&receiver, "firing Down x: x is down (fired)");
    home.slow("critical: duration > 300");
    home.ran("X", 608);
    eventually("our own", || daemon.alerts().len() == 2);
    let listed = run(&["alert", "query"]);
    assert!(listed.contains("Down") && listed.contains("slow"), "{listed}");
    for (matcher, name) in
        [("job=x", "Down"), ("slow", "slow"), ("alertname=~Do.*", "Down"), ("severity=critical", "slow")]
    {
        let listed = run(&["alert", "query", "-o", "json", matcher]);
        let listed: Value = serde_json::from_str(&listed).unwrap();
        let names: Vec<&Value> = listed.as_array().unwrap().iter().map(|a| &a["labels"]["alertname"]).collect();
        assert_eq!(names, [name], "{matcher}: {listed}");
    }
    let routes = run(&["config", "routes", "show"]);
    assert!(routes.contains("hook"), "{routes}");
    assert_eq!(run(&["config", "routes", "test", "alertname=Down"]).trim(), "hook");
    daemon.stop();
}

#[test]
fn amtool_makes_queries_and_ends_silences() {
    let receiver = FaultServer::start([Reply::status(200)]);
    let (home, daemon) = start(&receiver);
    let Some(amtool) = testkit::amtool() else { return };
    let run = |arguments: &[&str]| amtool.run(daemon.port, arguments).unwrap();
    let silence = |matcher: &str| {
        run(&["silence", "add", "--author=ana", "--comment=planned", "--duration=1h", matcher]).trim().to_owned()
    };
    // By the name that Alertmanager gives what is a check to us.
    let of_check = silence("alertname=slow");
    let of_received = silence("job=~x|y");
    home.slow("critical: duration > 300");
    home.ran("X", 608);
    run(&["alert", "add", "Down", "job=x", "--annotation=summary=x is down"]);
    eventually("both fire", || daemon.alerts().len() == 2);
    assert_eq!(run(&["alert", "query", "-o", "simple"]).lines().count(), 1, "what is silenced is left out");
    let silenced = daemon.get("/api/v2/alerts?active=false");
    let by: Vec<(&Value, &Value)> =
        silenced.as_array().unwrap().iter().map(|a| (&a["labels"]["alertname"], &a["status"]["silencedBy"])).collect();
    assert!(
        by.contains(&(&json!("slow"), &json!([of_check]))) && by.contains(&(&json!("Down"), &json!([of_received])))
    );

    let listed = run(&["silence", "query", "alertname=slow", "-o", "json"]);
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["id"]), (1, &json!(of_check)), "{listed}");
    assert_eq!((&listed[0]["createdBy"], &listed[0]["status"]["state"]), (&json!("ana"), &json!("active")));
    assert_eq!(said(&receiver), Vec::<String>::new(), "nobody was told");

    run(&["silence", "expire", &of_received]);
    told(&receiver, "firing Down x: x is down (fired)");
    assert_eq!(run(&["silence", "query", "-q"]).trim(), of_check);
    let (status, why) = http::request("DELETE", daemon.port, "/api/v2/silence/nobody", &[], "").unwrap();
    assert_eq!(status, 404, "{why}");
    let everything = ["silence", "add", "--author=ana", "--comment=all", "severity=critical"];
    let refused = amtool.run(daemon.port, &everything).unwrap_err();
    assert!(refused.contains("every critical alert"), "{refused}");
    daemon.stop();
}
