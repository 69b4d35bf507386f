//! From the start to the first message, and to the end.

use super::daemon::{Home, eventually};
use super::{told, words};
use std::time::Duration;
use testkit::{FaultServer, Reply};

#[test]
fn the_first_alert_is_on_the_terminal_within_five_seconds_and_sigterm_ends_with_0() {
    let home = Home::new(
        "channels: { terminal: { console: {} } }\n\
         route: { channels: [terminal], group_wait: 0s }",
    );
    home.slow("critical: duration > 300");
    home.ran("PredictionCoordinator", 608);
    let daemon = home.start();
    eventually("the alert", || daemon.stdout().contains("CRITICAL slow — PredictionCoordinator ran for 10m8s"));
    let took = daemon.started.elapsed();
    assert!(took < Duration::from_secs(5), "the first alert took {took:?}");
    let (out, log) = (daemon.stdout(), daemon.stderr());
    assert!(out.contains("condition  duration > 300") && out.contains("slow.yaml:2"), "{out}");
    assert!(log.contains("telling terminal") && log.contains("checks=1"), "{log}");
    assert!(!log.contains("CRITICAL"), "results are on standard output alone: {log}");
    daemon.stop();
}

#[test]
fn a_webhook_is_told_of_the_fire_and_of_the_end_in_alertmanagers_words() {
    let receiver = FaultServer::start([Reply::status(200)]);
    let home = Home::telling(&receiver.url("/hook"));
    home.slow("critical: duration > 300");
    home.ran("X", 608);
    home.ran("Y", 70);
    let mut daemon = home.start();
    told(&receiver, &["firing slow X"]);
    home.ran("X", 80);
    // The end waits for the group's interval, which is longer than a test.
    home.write(
        "bellwether.yaml",
        &std::fs::read_to_string(home.config().join("bellwether.yaml"))
            .unwrap()
            .replace("group_wait: 0s", "group_wait: 0s, group_interval: 1s"),
    );
    assert_eq!(daemon.reload().0, 200);
    told(&receiver, &["resolved slow X"]);
    assert_eq!(words(&receiver), ["firing slow X", "resolved slow X"], "once each, and nothing of Y");

    let [fired, ended] = <[_; 2]>::try_from(receiver.requests()).unwrap();
    assert_eq!((fired.method.as_str(), fired.path.as_str()), ("POST", "/hook"));
    let (fired, ended) = (fired.json(), ended.json());
    for (message, status) in [(&fired, "firing"), (&ended, "resolved")] {
        assert_eq!((&message["version"], &message["status"]), (&"4".into(), &status.into()));
        assert_eq!(message["alerts"][0]["labels"]["alertname"], "slow");
        assert_eq!(message["alerts"][0]["labels"]["severity"], "critical", "an end carries the severity before it");
        assert_eq!(message["receiver"], "hook");
    }
    assert_eq!(fired["alerts"][0]["annotations"]["summary"], "X ran for 10m8s");
    assert_eq!(fired["alerts"][0]["fingerprint"], ended["alerts"][0]["fingerprint"]);
    assert_ne!(ended["alerts"][0]["endsAt"], "0001-01-01T00:00:00Z");
    daemon.signal("INT");
    assert_eq!(daemon.end().code(), Some(0), "SIGINT ends it as cleanly");
}
