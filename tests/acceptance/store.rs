//! A store that is held, full, gone or spoilt.

use super::daemon::{Daemon, Home, bellwether, eventually};
use super::{times, told};
use std::fs;
use testkit::{FaultServer, Reply};

fn home(receiver: &FaultServer) -> Home {
    let home = Home::new(&format!(
        "{}\nroute: {{ channels: [hook], group_by: ['...'], group_wait: 0s, group_interval: 1s }}",
        super::daemon::hook(&receiver.url("/"))
    ));
    home.slow("critical: duration > 300");
    home.ran("X", 608);
    home
}

/// What a failing store must not keep from people, and what is said of it.
fn delivers(daemon: &Daemon, home: &Home, receiver: &FaultServer) {
    told(receiver, &["firing slow X", "firing store-failing"]);
    assert!(1.0 <= daemon.metric("bellwether_store_failures_total"));
    assert!(daemon.get("/api/v1/status")["store"]["failing"].is_string());
    assert!(daemon.stderr().contains("alerts go on being delivered"), "{}", daemon.stderr());
    home.ran("X", 80);
    told(receiver, &["resolved slow X"]);
    assert_eq!(times(receiver, "firing slow X"), 1);
}

#[test]
fn a_second_daemon_on_the_same_store_is_refused() {
    let receiver = FaultServer::start([Reply::status(200)]);
    let home = home(&receiver);
    let daemon = home.start();
    let second = bellwether().arg("run").arg(home.config()).output().unwrap();
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(1), "{said}");
    assert!(said.contains("error: ") && said.contains("state.db"), "{said}");
    told(&receiver, &["firing slow X"]);
    assert_eq!(times(&receiver, "firing slow X"), 1, "the second told nobody");
    daemon.stop();
    home.start().stop();
}

#[test]
fn a_spoilt_store_is_left_as_it_is_and_alerts_are_delivered() {
    let receiver = FaultServer::start([Reply::status(200)]);
    let home = home(&receiver);
    let spoilt = "this was a database once, and is none now. ".repeat(200);
    fs::write(home.path("state.db"), &spoilt).unwrap();
    let daemon = home.start();
    delivers(&daemon, &home, &receiver);
    daemon.stop();
    assert_eq!(fs::read_to_string(home.path("state.db")).unwrap(), spoilt, "a person may want to look at it");
}

#[test]
fn a_store_that_cannot_be_made_is_said_and_works_once_it_can() {
    let receiver = FaultServer::start([Reply::status(200)]);
    let home = home(&receiver);
    let main = fs::read_to_string(home.config().join("bellwether.yaml")).unwrap();
    home.write("bellwether.yaml", &main.replace("state.db", "later/state.db"));
    let daemon = home.start();
    delivers(&daemon, &home, &receiver);
    fs::create_dir(home.path("later")).unwrap();
    told(&receiver, &["resolved store-failing"]);
    assert!(daemon.get("/api/v1/status")["store"]["failing"].is_null());
    daemon.stop();
}

/// The disk is full: no file may grow beyond a few kilobytes.
#[test]
fn a_full_disk_is_said_and_alerts_are_delivered() {
    let receiver = FaultServer::start([Reply::status(200)]);
    let home = home(&receiver);
    // Each slot writes: the log of the store meets the limit after a while.
    home.ran("X", 80);
    let mut shell = std::process::Command::new("sh");
    let script = "trap '' XFSZ; ulimit -f 128; exec \"$@\"";
    shell.args(["-c", script, "sh", env!("CARGO_BIN_EXE_bellwether"), "run"]).arg(home.config());
    let daemon = Daemon::started(&home, shell);
    eventually("a failed write", || 1.0 <= daemon.metric("bellwether_store_failures_total"));
    home.ran("X", 608);
    delivers(&daemon, &home, &receiver);
    daemon.stop();
}
