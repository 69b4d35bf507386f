//! `kill -9` and a new start: what was known is known, what was told is not told again, what was not told is.

use super::daemon::{Home, eventually};
use super::{settle, times, told, words};
use testkit::{FaultServer, Reply};

#[test]
fn a_pending_alert_keeps_its_start() {
    let receiver = FaultServer::start([Reply::status(200)]);
    let home = Home::telling(&receiver.url("/"));
    home.slow("critical: { when: duration > 300, for: 6s }");
    home.ran("X", 608);
    let daemon = home.start();
    eventually("pending", || daemon.alerts().first().is_some_and(|alert| alert["state"] == "pending"));
    let since = daemon.alerts()[0]["since"].clone();
    settle();
    daemon.kill();
    let daemon = home.start();
    let alert = daemon.alerts()[0].clone();
    assert_eq!((&alert["state"], &alert["since"]), (&"pending".into(), &since));
    told(&receiver, &["firing slow X"]);
    daemon.stop();
}

#[test]
fn a_firing_alert_goes_on_and_is_not_told_twice() {
    let receiver = FaultServer::start([Reply::status(200)]);
    let home = Home::telling(&receiver.url("/"));
    home.slow("critical: duration > 300");
    home.ran("X", 608);
    let daemon = home.start();
    told(&receiver, &["firing slow X"]);
    eventually("the answer", || daemon.alerts()[0]["channels"][0]["believes"] == "firing");
    let since = daemon.alerts()[0]["since"].clone();
    settle();
    daemon.kill();
    let daemon = home.start();
    daemon.judged("slow", 3.0);
    let alert = daemon.alerts()[0].clone();
    assert_eq!((&alert["state"], &alert["since"]), (&"firing".into(), &since));
    assert_eq!(words(&receiver), ["firing slow X"]);
    daemon.stop();
}

#[test]
fn what_was_not_told_is_told_after_the_start() {
    // A group_wait that the first daemon does not live to see.
    let receiver = FaultServer::start([Reply::status(200)]);
    let url = receiver.url("/");
    let home = Home::new(&format!("{}\nroute: {{ channels: [hook], group_wait: 5s }}", super::daemon::hook(&url)));
    home.slow("critical: duration > 300");
    home.ran("X", 608);
    let daemon = home.start();
    eventually("firing", || daemon.alerts().first().is_some_and(|alert| alert["state"] == "firing"));
    settle();
    daemon.kill();
    assert_eq!(words(&receiver), [""; 0]);
    let daemon = home.start();
    told(&receiver, &["firing slow X"]);
    assert_eq!(times(&receiver, "firing slow X"), 1);
    daemon.stop();
}

#[test]
fn what_ended_while_it_was_down_is_told_after_the_start() {
    let receiver = FaultServer::start([Reply::status(200)]);
    let url = receiver.url("/");
    let route = "route: { channels: [hook], group_wait: 0s, group_interval: 1s }";
    let home = Home::new(&format!("{}\n{route}", super::daemon::hook(&url)));
    home.slow("critical: duration > 300");
    home.ran("X", 608);
    let daemon = home.start();
    told(&receiver, &["firing slow X"]);
    settle();
    daemon.kill();
    home.ran("X", 80);
    let daemon = home.start();
    told(&receiver, &["resolved slow X"]);
    assert_eq!(words(&receiver), ["firing slow X", "resolved slow X"]);
    daemon.stop();
}

#[test]
fn a_send_that_was_in_flight_is_sent_again() {
    let receiver = FaultServer::start([Reply::Hang]);
    let home = Home::telling(&receiver.url("/"));
    home.slow("critical: duration > 300");
    home.ran("X", 608);
    let daemon = home.start();
    told(&receiver, &["firing slow X"]);
    daemon.kill();
    receiver.rewrite([Reply::status(200)]);
    let daemon = home.start();
    eventually("the second attempt", || times(&receiver, "firing slow X") == 2);
    eventually("its answer", || daemon.alerts()[0]["channels"][0]["believes"] == "firing");
    daemon.stop();
}

#[test]
fn a_stop_waits_for_a_send_that_is_in_flight_and_remembers_its_answer() {
    let receiver = FaultServer::answering(|_| {
        std::thread::sleep(std::time::Duration::from_secs(2));
        Reply::status(200)
    });
    let home = Home::telling(&receiver.url("/"));
    home.slow("critical: duration > 300");
    home.ran("X", 608);
    let daemon = home.start();
    eventually("a send in flight", || daemon.get("/api/v1/status")["channels"][0]["in_flight"] == 1);
    daemon.stop();
    assert_eq!(words(&receiver), ["firing slow X"]);
    let daemon = home.start();
    daemon.judged("slow", 2.0);
    assert_eq!(words(&receiver), ["firing slow X"]);
    daemon.stop();
}
