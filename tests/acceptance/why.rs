//! `why`: what was told of an alert, what was not, and what would have to happen.

use super::daemon::{Daemon, Home, bellwether, eventually, slow};
use super::told;
use testkit::{FaultServer, Reply};

/// What `why` says of an alert: its exit, and both outputs.
fn why(home: &Home, daemon: &Daemon, alert: &str) -> (i32, String) {
    let url = format!("http://127.0.0.1:{}", daemon.port);
    let output = bellwether().arg("why").arg(alert).arg(home.config()).args(["--url", &url]).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(text).unwrap())
}

/// Waits until the answer holds all of these, in this order.
fn says(home: &Home, daemon: &Daemon, alert: &str, parts: &[&str]) {
    let mut last = (0, String::new());
    let in_order = |text: &str| {
        let mut rest = text;
        parts.iter().all(|part| rest.split_once(part).map(|(_, after)| rest = after).is_some())
    };
    let is_said = testkit::wait_until(std::time::Duration::from_secs(30), || {
        last = why(home, daemon, alert);
        last.0 == 0 && in_order(&last.1)
    });
    assert!(is_said, "{alert}: {parts:?} is not in\n{}", last.1);
}

const CHILD: &str = "checks:\n\
    - check: child\n  \
      source: local\n  \
      every: 1s\n  \
      key: [processor]\n  \
      depends_on: [slow]\n  \
      collect: { query: 'SELECT processor, duration FROM runs' }\n  \
      alert: { warning: duration > 300 }\n\
    - check: later\n  \
      source: local\n  \
      every: 1s\n  \
      collect: { query: 'SELECT max(duration) AS duration FROM runs' }\n  \
      alert: { info: { when: duration > 300, for: 6h } }\n\
    - check: quiet\n  \
      source: local\n  \
      every: 1s\n  \
      mode: shadow\n  \
      collect: { query: 'SELECT max(duration) AS duration FROM runs' }\n  \
      alert: { info: duration > 300 }\n";

#[test]
fn each_alert_says_who_was_told_and_what_has_to_happen() {
    let receiver = FaultServer::answering(|_| Reply::status(200));
    let home = Home::telling(&receiver.url("/"));
    home.write("slow.yaml", &slow("1s", "critical: duration > 300"));
    home.write("child.yaml", CHILD);
    home.ran("X", 608);
    home.ran("Y", 608);
    let daemon = home.start();
    told(&receiver, &["firing slow X", "firing slow Y"]);
    says(
        &home,
        &daemon,
        "slow{processor=X}",
        &[
            "Told to hook at 2",
            " (critical). Next: a repeat is due at 2",
            "slow{processor=\"X\"} is firing (critical) since 2",
            "fired, critical: X ran",
            "hook  sent `fired`: delivered in ",
        ],
    );
    says(
        &home,
        &daemon,
        r#"child{processor="X"}"#,
        &[
            "Not told to hook: held by its parent `slow`: slow{processor=\"X\"} is active. Next: when slow{processor=\"X\"} is over and this still fires",
            "fired, warning",
            "hook  not sent: held by its parent",
        ],
    );
    says(
        &home,
        &daemon,
        "later",
        &[
            "Told to nobody yet: it is pending. Next: info fires when its condition, true since 2",
            "has been so for 6h, at 2",
            "leads to hook (by ",
            "pending at info",
        ],
    );
    says(&home, &daemon, "quiet", &["Told to nobody: its check has `mode: shadow`", "fired, info"]);
    let (code, text) = why(&home, &daemon, "slow");
    assert!(code == 1 && text.contains("may be one of 2 alerts") && text.contains("slow{processor=\"Y\"}"), "{text}");
    let (code, text) = why(&home, &daemon, "sloow");
    assert!(code == 1 && text.contains("no alert of a check `sloow` is known"), "{text}");
}

#[test]
fn an_alert_that_ended_is_answered_from_the_history_also_after_a_restart() {
    let receiver = FaultServer::answering(|_| Reply::status(200));
    let home = Home::new(&format!(
        "{}\nroute: {{ channels: [hook], group_wait: 0s, group_interval: 1s }}",
        super::daemon::hook(&receiver.url("/"))
    ));
    home.slow("critical: duration > 300");
    home.ran("X", 608);
    let daemon = home.start();
    told(&receiver, &["firing slow X"]);
    daemon.stop();
    let daemon = home.start();
    says(&home, &daemon, "slow", &["hook  sent `fired`: delivered"]);
    let (_, text) = why(&home, &daemon, "slow");
    assert!(!text.contains("stopped"), "a stop that changed nothing for it is not of its life: {text}");
    home.ran("X", 8);
    told(&receiver, &["resolved slow X"]);
    home.sql("DELETE FROM runs;");
    daemon.stop();
    let daemon = home.start();
    let life =
        ["fired, critical", "hook  sent `fired`: delivered", "resolved after", "hook  sent `resolved`: delivered"];
    says(&home, &daemon, "slow", &[&["Told to hook, last at", "is over"], &life[..]].concat());
}

#[test]
fn a_channel_that_is_down_says_when_it_is_tried_again() {
    let receiver = FaultServer::answering(|_| Reply::status(500));
    let home = Home::telling(&receiver.url("/"));
    home.slow("critical: duration > 300");
    home.ran("X", 608);
    let daemon = home.start();
    eventually("a first attempt", || !receiver.requests().is_empty());
    says(
        &home,
        &daemon,
        "slow",
        &[
            "Perhaps told to hook: ",
            "not confirmed: it answered 500",
            "Next: it is sent again at 2",
            "hook  sent `fired`: may have arrived (",
            "): it answered 500",
        ],
    );
    receiver.rewrite([Reply::status(200)]);
    says(&home, &daemon, "slow", &["Told to hook at 2", "may have arrived (", "attempt 2", "delivered in"]);
}

#[test]
fn an_alert_that_another_sent_is_answered_too() {
    let receiver = FaultServer::answering(|_| Reply::status(200));
    let home = Home::telling(&receiver.url("/"));
    home.slow("critical: duration > 300");
    let daemon = home.start();
    let alert = r#"[{"labels": {"alertname": "Lag", "job": "a", "severity": "warning"}}]"#;
    let json = [("Content-Type", "application/json")];
    let sent = testkit::http::request("POST", daemon.port, "/api/v2/alerts", &json, alert).unwrap();
    assert_eq!(sent.0, 200, "{}", sent.1);
    for name in ["{alertname=Lag}", "Lag", "La", "job=a"] {
        says(&home, &daemon, name, &["Told to hook at 2", "is firing (warning)", "sent `fired`: delivered"]);
    }
}
