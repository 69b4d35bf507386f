//! Far sides that are ill, and the real binary: who is told all the same, and when the sick one is told again.

use super::daemon::{Home, eventually};
use super::{told, words};
use serde_json::Value;
use std::time::Duration;
use testkit::{FaultServer, Reply};

#[test]
fn of_twenty_channels_the_nineteen_that_are_well_hear_while_one_hangs() {
    let receiver = FaultServer::answering(|request| match &*request.path {
        "/c3" => Reply::Hang,
        _ => Reply::status(200),
    });
    let names: Vec<String> = (0..20).map(|i| format!("c{i}")).collect();
    let hook = |name: &String| {
        format!("{name}: {{ webhook: {{ url: '{}', timeout: 25s }} }}", receiver.url(&format!("/{name}")))
    };
    let hooks: Vec<String> = names.iter().map(hook).collect();
    let route = format!("route: {{ channels: [{}], group_by: ['...'], group_wait: 0s }}", names.join(", "));
    let home = Home::new(&format!("channels: {{ {} }}\n{route}", hooks.join(", ")));
    home.slow("critical: duration > 300");
    home.ran("X", 608);
    let daemon = home.start();
    told_by(&receiver, 20, "X");
    // The sick one's send is still out, and what comes now is told as well.
    home.ran("Y", 608);
    told_by(&receiver, 20, "Y");
    let sick = channel(&daemon.get("/api/v1/status"), "c3");
    assert_eq!((&sick["in_flight"], &sick["breaker"]), (&2.into(), &"admitting".into()), "{sick}");
    let first = receiver.requests().iter().filter(|request| request.path == "/c3").count();
    assert_eq!(first, 2, "one for each alert: none has timed out yet");
    daemon.kill();
}

/// Waits until so many channels were sent what is said of this processor.
fn told_by(receiver: &FaultServer, channels: usize, processor: &str) {
    eventually(&format!("{processor} by {channels} channels"), || {
        receiver.requests().iter().filter(|request| request.text().contains(&format!("\"{processor}\""))).count()
            == channels
    });
}

fn channel(status: &Value, name: &str) -> Value {
    let channels = status["channels"].as_array().unwrap();
    channels.iter().find(|channel| channel["channel"] == name).unwrap().clone()
}

#[test]
fn a_far_side_that_asks_to_wait_is_told_again_when_it_said_and_not_before() {
    let receiver = FaultServer::start([Reply::status(429).header("Retry-After", "2"), Reply::status(200)]);
    let home = Home::telling(&receiver.url("/"));
    home.slow("critical: duration > 300");
    home.ran("X", 608);
    let daemon = home.start();
    eventually("two requests", || 2 <= receiver.requests().len());
    let at: Vec<_> = receiver.requests().iter().map(|request| request.at).collect();
    let waited = at[1].duration_since(at[0]);
    assert!(Duration::from_secs(2) <= waited, "told again after {waited:?}");
    assert_eq!(words(&receiver), ["firing slow X"; 2]);
    eventually("the answer", || daemon.alerts()[0]["channels"][0]["believes"] == "firing");
    daemon.stop();
}

#[test]
fn what_may_have_arrived_is_said_again_until_it_is_answered() {
    let receiver = FaultServer::start([Reply::Reset, Reply::status(500), Reply::Close, Reply::status(200)]);
    let home = Home::telling(&receiver.url("/"));
    home.slow("critical: duration > 300");
    home.ran("X", 608);
    let daemon = home.start();
    eventually("the answer", || {
        daemon.alerts().first().is_some_and(|alert| alert["channels"][0]["believes"] == "firing")
    });
    assert_eq!(words(&receiver), ["firing slow X"; 4]);
    daemon.stop();
}

#[test]
fn a_revoked_webhook_is_told_elsewhere_with_what_to_do() {
    let slack = FaultServer::start([Reply::text(404, "no_service")]);
    let hook = FaultServer::start([Reply::status(200)]);
    let home = Home::new(&format!(
        "channels:\n  room: {{ slack: {{ webhook: '{}' }}, fallback: hook }}\n  hook: {{ webhook: {{ url: '{}' }} }}\n\
         route: {{ channels: [room], group_by: ['...'], group_wait: 0s }}",
        slack.url("/services/T/B/secret"),
        hook.url("/")
    ));
    home.slow("critical: duration > 300");
    home.ran("X", 608);
    let daemon = home.start();
    told(&hook, &["firing slow X", "firing channel-down"]);
    let said: String = hook.requests().iter().map(testkit::Request::text).collect();
    assert!(said.contains("the webhook was revoked") && !said.contains("B/secret"), "{said}");
    daemon.stop();
}
