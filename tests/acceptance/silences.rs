//! `silence` against a daemon: what is held, over a `kill -9`, and told when it ends.

use super::daemon::{Daemon, Home, bellwether, eventually};
use super::{settle, told, words};
use testkit::{FaultServer, Reply, http};

/// The exit, the results and the words of `bellwether silence`.
fn silence(daemon: &Daemon, home: &Home, arguments: &[&str]) -> (i32, String, String) {
    let url = format!("http://127.0.0.1:{}", daemon.port);
    let mut command = bellwether();
    command.arg("silence").args(arguments).args(["--url", &url]).current_dir(home.config());
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_silence_holds_over_a_kill_until_it_is_expired() {
    let receiver = FaultServer::start([Reply::status(200)]);
    let home = Home::telling(&receiver.url("/"));
    home.slow("critical: duration > 300");
    home.ran("Y", 608);
    let daemon = home.start();
    told(&receiver, &["firing slow Y"]);
    let add = ["add", "processor=X", "--for", "2h", "--comment", "planned backfill", "--author", "ana"];
    let (code, made, said) = silence(&daemon, &home, &add);
    assert_eq!(code, 0, "{made}{said}");
    assert!(made.contains(r#"processor="X""#) && made.contains("it hides: 0 firing alerts now"), "{made}");
    daemon.kill();

    let daemon = home.start();
    home.ran("X", 608);
    eventually("it fires and is held", || {
        let held = |alert: &serde_json::Value| alert["channels"][0]["held"].as_str().unwrap_or("").to_owned();
        daemon.alerts().iter().any(|alert| held(alert).contains("(ana: planned backfill)"))
    });
    settle();
    assert_eq!(words(&receiver), ["firing slow Y"]);
    let (_, list, _) = silence(&daemon, &home, &["list"]);
    let id = list.split_whitespace().next().unwrap().to_owned();
    assert!(list.contains("active until") && list.contains("ana: planned backfill"), "{list}");
    let (code, over, said) = silence(&daemon, &home, &["expire", &id[..6]]);
    assert_eq!(code, 0, "{over}{said}");
    told(&receiver, &["firing slow X"]);
    assert_eq!(silence(&daemon, &home, &["list"]).1, "");
    assert!(silence(&daemon, &home, &["list", "--all"]).1.contains("expired since"));
    daemon.stop();
}

#[test]
fn one_that_hides_every_critical_asks_for_yes_and_what_is_wrong_says_so() {
    let home = Home::telling("http://127.0.0.1:1/");
    home.slow("critical: duration > 300");
    let daemon = home.start();
    let add = ["add", "severity=critical", "--for", "2h", "--comment", "quiet", "--author", "ana"];
    let (code, _, said) = silence(&daemon, &home, &add);
    assert!(code == 1 && said.contains("every critical alert") && said.contains("--yes"), "{code} {said}");
    let (code, made, _) = silence(&daemon, &home, &[&add[..], &["--yes"]].concat());
    assert!(code == 0 && made.contains("every critical alert is among them"), "{code} {made}");
    let misspelt = ["add", "chek=slow", "--for", "2h", "--comment", "quiet", "--author", "ana", "--dry-run"];
    let (code, made, said) = silence(&daemon, &home, &misspelt);
    assert!(code == 0 && made.starts_with("it would hold") && said.contains("misspelt"), "{code} {made}{said}");
    let (code, _, said) = silence(&daemon, &home, &["expire", "nobody"]);
    assert!(code == 1 && said.contains("there is no silence `nobody`"), "{code} {said}");
    daemon.stop();
    let mut command = bellwether();
    let output = command.args(["silence", "list", "--url", "http://127.0.0.1:1"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn critical_alerts_that_others_sent_are_counted_and_not_hidden_unasked() {
    let home = Home::telling("http://127.0.0.1:1/");
    let daemon = home.start();
    let alert = |job: &str| format!(r#"{{"labels":{{"alertname":"Down","severity":"critical","job":"{job}"}}}}"#);
    let body = format!("[{},{}]", alert("x"), alert("y"));
    let headers = [("Content-Type", "application/json")];
    let (status, why) = http::request("POST", daemon.port, "/api/v2/alerts", &headers, &body).unwrap();
    assert_eq!(status, 200, "{why}");
    let add = ["add", "severity=critical", "--for", "1m", "--comment", "t", "--author", "me"];
    let (code, _, said) = silence(&daemon, &home, &add);
    assert!(code == 1 && said.contains("every critical alert") && said.contains("--yes"), "{code} {said}");
    let one = ["add", "job=x", "--for", "1m", "--comment", "t", "--author", "me"];
    let (code, made, said) = silence(&daemon, &home, &one);
    assert!(code == 0 && made.contains("it hides: 1 firing alert now"), "{code} {made}");
    assert_eq!(said, "", "it hides something");
    daemon.stop();
}
