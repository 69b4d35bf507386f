//! A changed configuration: noticed, taken whole or not at all.

use super::daemon::{Daemon, Home, eventually, slow};
use super::{times, told};
use std::time::Duration;
use testkit::{FaultServer, Reply};

const BROKEN: &str = "checks: [{ check: slow, sorce: local }]\n";

/// A home that tells a webhook of all at once, each alert by itself, ends soon after.
fn home(url: &str) -> Home {
    let home = Home::new(&format!(
        "{}\nroute: {{ channels: [hook], group_by: ['...'], group_wait: 0s, group_interval: 1s }}",
        super::daemon::hook(url)
    ));
    home.slow("critical: duration > 300");
    home.ran("X", 200);
    home
}

fn limit_is(daemon: &Daemon, limit: &str) -> bool {
    daemon.alerts().iter().any(|alert| alert["condition"] == format!("duration > {limit}"))
}

#[test]
fn a_saved_file_a_signal_and_a_request_are_heard() {
    let receiver = FaultServer::start([Reply::status(200)]);
    let home = home(&receiver.url("/"));
    let daemon = home.start();
    daemon.judged("slow", 1.0);
    assert!(daemon.alerts().is_empty());

    home.slow("critical: duration > 150");
    eventually("the saved file", || limit_is(&daemon, "150"));

    // As the file was saved a moment ago, what is seen first may be the watch's work: that is well.
    home.slow("critical: duration > 140");
    daemon.signal("HUP");
    eventually("the signal", || limit_is(&daemon, "140"));

    home.slow("critical: duration > 130");
    let (status, said) = daemon.reload();
    assert_eq!((status, said.contains("\"checks\":1")), (200, true), "{said}");
    eventually("the request", || limit_is(&daemon, "130"));
    assert_eq!(times(&receiver, "firing slow X"), 1, "the alert kept its life through all of it");
    daemon.stop();
}

/// A ConfigMap is a folder of links to `..data/…`, and `..data` is a link that is replaced as a whole.
#[cfg(unix)]
#[test]
fn a_config_map_that_is_swapped_is_heard() {
    use std::os::unix::fs::symlink;
    let receiver = FaultServer::start([Reply::status(200)]);
    let home = home(&receiver.url("/"));
    let at = |name: &str| home.config().join(name);
    let version = |name: &str, limit: u32| {
        std::fs::create_dir(at(name)).unwrap();
        std::fs::write(at(name).join("slow.yaml"), slow("1s", &format!("critical: duration > {limit}"))).unwrap();
    };
    version("..1", 300);
    symlink("..1", at("..data")).unwrap();
    std::fs::remove_file(at("slow.yaml")).unwrap();
    symlink("..data/slow.yaml", at("slow.yaml")).unwrap();
    let daemon = home.start();
    daemon.judged("slow", 1.0);
    version("..2", 110);
    symlink("..2", at("..data_tmp")).unwrap();
    std::fs::rename(at("..data_tmp"), at("..data")).unwrap();
    let started = std::time::Instant::now();
    eventually("the new version", || limit_is(&daemon, "110"));
    assert!(started.elapsed() < Duration::from_secs(20), "it was seen by the watch, and not by the slow poll");
    daemon.stop();
}

#[test]
fn sighup_is_heard_where_the_files_did_not_change() {
    let receiver = FaultServer::start([Reply::status(200)]);
    let home = home(&receiver.url("/"));
    let daemon = home.start();
    let before = daemon.get("/api/v1/status")["config"]["loaded"].clone();
    daemon.signal("HUP");
    eventually("a reload", || daemon.get("/api/v1/status")["config"]["loaded"] != before);
    daemon.stop();
}

#[test]
fn a_broken_file_leaves_the_old_one_running_and_says_so_until_it_is_right() {
    let receiver = FaultServer::start([Reply::status(200)]);
    let home = home(&receiver.url("/"));
    let daemon = home.start();
    home.write("slow.yaml", BROKEN);
    told(&receiver, &["firing config-rejected"]);
    let (status, said) = daemon.reload();
    assert_eq!(status, 400);
    assert!(said.contains("slow.yaml:1:") && said.contains("did you mean"), "{said}");
    let rejected = daemon.get("/api/v1/status")["config"]["rejected"].clone();
    assert!(rejected.as_str().is_some_and(|why| why.contains("slow.yaml:1:")), "{rejected}");
    assert!(daemon.metrics().contains("bellwether_config_last_reload_successful 0"));

    home.ran("X", 608);
    told(&receiver, &["firing slow X"]);
    home.slow("critical: duration > 300");
    told(&receiver, &["resolved config-rejected"]);
    assert!(daemon.metrics().contains("bellwether_config_last_reload_successful 1"));
    assert_eq!(times(&receiver, "firing config-rejected"), 1, "however often it was refused");
    daemon.stop();
}

#[test]
fn a_reload_to_a_broken_file_while_a_send_is_in_flight_costs_nothing() {
    let receiver = FaultServer::answering(|request| {
        if request.text().contains("\"slow\"") {
            std::thread::sleep(Duration::from_secs(3));
        }
        Reply::status(200)
    });
    let home = home(&receiver.url("/"));
    home.ran("X", 608);
    let daemon = home.start();
    eventually("a send in flight", || daemon.get("/api/v1/status")["channels"][0]["in_flight"] == 1);
    home.write("slow.yaml", BROKEN);
    assert_eq!(daemon.reload().0, 400);
    told(&receiver, &["firing slow X"]);
    eventually("its answer", || {
        daemon.alerts().iter().any(|a| a["check"] == "slow" && a["channels"][0]["believes"] == "firing")
    });
    // The rules that run are the old ones, and know that X ends.
    home.ran("X", 80);
    told(&receiver, &["resolved slow X"]);
    assert_eq!(times(&receiver, "firing slow X"), 1);
    daemon.stop();
}

#[test]
fn what_is_taken_at_the_start_alone_is_said_to_need_one() {
    let receiver = FaultServer::start([Reply::status(200)]);
    let home = home(&receiver.url("/"));
    let daemon = home.start();
    let main = std::fs::read_to_string(home.config().join("bellwether.yaml")).unwrap();
    home.write("bellwether.yaml", &main.replace("127.0.0.1:0", "127.0.0.1:1"));
    home.write("slow.yaml", &slow("1s", "critical: duration > 100"));
    assert_eq!(daemon.reload().0, 200);
    eventually("a word of it", || daemon.stderr().contains("`server.listen` changed"));
    eventually("the rest of it", || limit_is(&daemon, "100"));
    daemon.stop();
}
