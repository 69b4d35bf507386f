//! What the daemon answers over HTTP.

use super::daemon::{Home, eventually, slow};
use super::told;
use testkit::{FaultServer, Reply, http};

#[test]
fn every_route_answers() {
    let receiver = FaultServer::start([Reply::status(200)]);
    let home = Home::telling(&receiver.url("/"));
    home.slow("critical: duration > 300");
    home.ran("X", 608);
    home.ran("Y", 70);
    let daemon = home.start();
    told(&receiver, &["firing slow X"]);
    for path in ["/healthz", "/readyz"] {
        assert_eq!(http::get(daemon.port, path).as_deref(), Ok("ok\n"));
    }
    eventually("the answer", || daemon.alerts()[0]["channels"][0]["believes"] == "firing");
    let alert = &daemon.alerts()[0];
    assert_eq!((&alert["id"], &alert["state"]), (&"slow{processor=\"X\"}".into(), &"firing".into()));
    assert_eq!(alert["values"]["duration"], 608.0);
    assert_eq!((&alert["condition"], &alert["shadow"]), (&"duration > 300".into(), &false.into()));

    let checks = daemon.get("/api/v1/checks");
    let check = &checks["items"][0];
    assert_eq!((&checks["total"], &check["check"], &check["rows"]), (&1.into(), &"slow".into(), &2.into()));
    assert_eq!(check["outcomes"][0]["values"]["duration"], 608.0, "{check}");

    assert!(daemon.get("/api/v1/openapi.json")["paths"]["/api/v1/alerts"].is_object());
    assert_eq!(daemon.get("/api/v1/status")["firing"], 1);
    assert!(1.0 <= daemon.metric("bellwether_evaluations_total{check=\"slow\",outcome=\"ok\"}"));
    assert!(daemon.metrics().contains("bellwether_build_info{version="));
    assert!((daemon.metric("bellwether_alerts{state=\"firing\",severity=\"critical\"}") - 1.0).abs() < f64::EPSILON);
    let (status, said) = http::request("GET", daemon.port, "/api/v1/alerts?state=odd", &[], "").unwrap();
    assert_eq!(status, 400, "{said}");
    daemon.stop();
}

#[test]
fn an_alert_in_shadow_is_marked_as_such() {
    let receiver = FaultServer::start([Reply::status(200)]);
    let home = Home::telling(&receiver.url("/"));
    home.write("slow.yaml", &format!("{}  mode: shadow\n", slow("1s", "critical: duration > 300")));
    home.ran("X", 608);
    let daemon = home.start();
    eventually("the alert", || !daemon.alerts().is_empty());
    let alert = &daemon.alerts()[0];
    assert_eq!((&alert["state"], &alert["shadow"]), (&"firing".into(), &true.into()), "{alert}");
    assert_eq!(receiver.requests().len(), 0, "nobody is told");
    daemon.stop();
}

#[test]
fn an_address_in_use_is_said_and_ends_with_1() {
    let home = Home::new("channels: { terminal: { console: {} } }\nroute: { channels: [terminal] }");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let main = std::fs::read_to_string(home.config().join("bellwether.yaml")).unwrap();
    home.write("bellwether.yaml", &main.replace("127.0.0.1:0", &address));
    let output = super::daemon::bellwether().arg("run").arg(home.config()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(&format!("error: {address} is in use")), "{said}");
}

#[test]
fn the_log_can_be_json_and_quiet() {
    let home = Home::new("channels: { terminal: { console: {} } }\nroute: { channels: [terminal] }");
    home.slow("critical: duration > 300");
    let daemon = home.start_with(|command| command.args(["--log-format", "json"]));
    let log = daemon.stderr();
    let lines: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().any(|line| line["message"] == "started" && line["checks"] == 1), "{log}");
    daemon.stop();
    let broken =
        super::daemon::bellwether().args(["run", "--log", "error"]).arg(home.path("nowhere")).output().unwrap();
    let said = String::from_utf8_lossy(&broken.stderr).into_owned();
    assert!(said.starts_with("error: there is no folder"), "{said}");
}
