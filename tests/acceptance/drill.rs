//! `drill`: a marked message through the real routes and channels.

use super::daemon::{Daemon, Home, bellwether};
use super::{told, words};
use serde_json::Value;
use testkit::{FaultServer, Reply};

fn drill(home: &Home, daemon: &Daemon, arguments: &[&str]) -> (i32, String) {
    let url = format!("http://127.0.0.1:{}", daemon.port);
    let output = bellwether().arg("drill").arg(home.config()).args(["--url", &url]).args(arguments).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

fn home(well: &FaultServer, ill: &FaultServer) -> Home {
    let home = Home::new(&format!(
        "channels: {{ well: {{ webhook: {{ url: \"{}\" }} }}, ill: {{ webhook: {{ url: \"{}\" }} }} }}\n\
         route: {{ channels: [well], group_wait: 6h, routes: [{{ matchers: [severity=\"critical\"], channels: [well, ill] }}] }}",
        well.url("/"),
        ill.url("/")
    ));
    home.slow("critical: duration > 300, warning: duration > 100");
    home
}

#[test]
fn a_drill_goes_through_the_routes_at_once_and_says_what_each_channel_answered() {
    let (well, ill) =
        (FaultServer::answering(|_| Reply::status(200)), FaultServer::answering(|_| Reply::text(403, "no")));
    let home = home(&well, &ill);
    let daemon = home.start();
    let silence = r#"{"matchers": ["check=\"slow\""], "ends": "2099-01-01T00:00:00Z", "created_by": "ana", "comment": "planned", "yes": true}"#;
    let made = testkit::http::request("POST", daemon.port, "/api/v1/silences", &[], silence).unwrap();
    assert_eq!(made.0, 200, "{}", made.1);
    let (code, text) = drill(&home, &daemon, &["--check", "slow", "--severity", "warning"]);
    assert_eq!(code, 0, "{text}");
    for part in [
        "drill=\"true\"",
        "well (by ",
        "sent `fired`: delivered in ",
        "sent `resolved`: delivered in ",
        "a real alert would be held: silenced by `",
        "it arrived everywhere",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(words(&well), ["firing slow", "resolved slow"], "{text}");
    let first: Value = well.requests()[0].json();
    let alert = &first["alerts"][0];
    assert_eq!(alert["labels"]["drill"], "true");
    assert!(alert["annotations"].to_string().contains("DRILL: "), "{alert}");

    let (code, text) = drill(&home, &daemon, &["--check", "slow", "--label", "team=data"]);
    assert!(code == 1 && text.contains("sent `fired`: refused (") && text.contains("403"), "{text}");
    assert!(text.contains("it did not arrive everywhere"), "{text}");
    let (code, text) = drill(&home, &daemon, &["--channel", "well"]);
    assert!(code == 0 && text.contains("well\n  sent `fired`: delivered"), "{text}");
    let (code, text) = drill(&home, &daemon, &["--channel", "wel"]);
    assert!(code == 2 && text.contains("there is no channel `wel`"), "{text}");
}

#[test]
fn a_drill_touches_no_real_alert_and_stands_in_the_history() {
    let (well, ill) = (FaultServer::answering(|_| Reply::status(200)), FaultServer::answering(|_| Reply::status(200)));
    let home = home(&well, &ill);
    home.ran("X", 200);
    let daemon = home.start();
    daemon.judged("slow", 1.0);
    let told_of = |daemon: &Daemon| daemon.alerts()[0]["channels"].clone();
    let before = told_of(&daemon);
    let (code, text) = drill(&home, &daemon, &["--check", "slow"]);
    assert_eq!(code, 0, "{text}");
    let again =
        text.lines().last().and_then(|line| line.split_once(": bellwether why ")).expect("how it is shown again").1;
    told(&well, &["resolved slow"]);
    assert_eq!(told_of(&daemon), before);
    assert_eq!(daemon.alerts().len(), 1, "a drill is no alert");
    assert_eq!(drill(&home, &daemon, &["--channel", "ill"]).0, 0, "another one, so that `drill` alone is unclear");
    let url = format!("http://127.0.0.1:{}", daemon.port);
    let shown = bellwether().args(["why", again]).arg(home.config()).args(["--url", &url]).output().unwrap();
    let shown = String::from_utf8([shown.stdout, shown.stderr].concat()).unwrap();
    assert!(shown.contains("Told to well, last at 2") && shown.contains("well  sent `fired`: delivered"), "{shown}");
}
