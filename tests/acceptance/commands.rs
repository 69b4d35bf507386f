//! Every command's exits, and what it writes where.

use super::daemon::{Home, bellwether, eventually, slow};
use serde_json::Value;
use testkit::{FaultServer, Reply};

struct Said {
    code: i32,
    out: String,
    err: String,
}

fn said(home: &Home, arguments: &[&str]) -> Said {
    let output = bellwether().current_dir(home.config()).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

fn home() -> Home {
    let home = Home::new("channels: { terminal: { console: {} } }\nroute: { channels: [terminal] }");
    home.slow("critical: duration > 300, warning: duration > 100, info: duration > 90");
    home
}

const TEST: &str = "tests:\n\
    - test: six hundred seconds are critical\n  \
      check: slow\n  \
      rows: [{ processor: X, duration: 70 608 }]\n  \
      expect: [{ at: 1s, fired: critical, key: { processor: X } }]\n";

#[test]
fn the_exits_are_those_of_the_page() {
    let home = home();
    let broken = home_with("broken.yaml", "checks: [{ check: a }]\n");
    let loose = home_with(
        "loose.yaml",
        "checks: [{ check: never, source: local, collect: { query: 'SELECT 1 AS n' }, alert: { info: 1 > 2 } }]\n",
    );
    let failing = home_with("a.test.yaml", &TEST.replace("at: 1s", "at: 0s"));
    let tested = home_with("a.test.yaml", TEST);
    for (home, arguments, code) in [
        (&home, &["check"][..], 2),
        (&home, &["check", "--strict", "x"], 2),
        (&home, &["lint"], 0),
        (&broken, &["lint"], 1),
        (&loose, &["lint"], 0),
        (&loose, &["lint", "--strict"], 1),
        (&home, &["lint", "nowhere"], 2),
        (&home, &["test"], 0),
        (&tested, &["test"], 0),
        (&tested, &["test", "--run", "nothing like it"], 0),
        (&failing, &["test"], 1),
        (&failing, &["test", "--run", "nothing like it"], 0),
        (&broken, &["test"], 2),
        (&home, &["routes", "show"], 0),
        (&home, &["routes", "test", ".", "--check", "slow", "--at", "2026-03-05T03:00:00Z"], 0),
        (&home, &["routes", "test", "--check", "sloow"], 2),
        (&home, &["routes", "test", "--severity", "bad"], 2),
        (&home, &["routes", "test", "--label", "team"], 2),
        (&broken, &["routes", "test"], 2),
        (&home, &["test", "nowhere"], 2),
        (&home, &["schema"], 0),
        (&home, &["schema", "."], 0),
        (&home, &["init", "new"], 0),
        (&home, &["init", "new"], 1),
        (&home, &["lint", "new"], 0),
        (&home, &["test", "new"], 0),
        (&broken, &["run"], 1),
        (&home, &["run", "nowhere"], 1),
        (&home, &["run", "--log", "bellwether=loud"], 1),
        (&broken, &["eval"], 3),
        (&home, &["eval", "nowhere"], 3),
        (&home, &["eval", ".", "sloow"], 3),
        (&home, &["eval", "--at", "noon"], 3),
        (&home, &["eval", "--help"], 0),
        (&home, &["token", "new", "ci", "--role", "read"], 0),
        (&home, &["token", "new", "ci", "--role", "read", "--file", "tokens"], 0),
        (&home, &["token", "new", "ci", "--role", "admin", "--file", "tokens"], 1),
        (&home, &["token", "new", "no name", "--role", "read"], 1),
        (&home, &["token", "new", "ci", "--role", "root"], 2),
        (&home, &["odd"], 2),
    ] {
        let said = said(home, arguments);
        assert_eq!(said.code, code, "{arguments:?}\n{}{}", said.out, said.err);
    }
}

#[test]
fn a_plugin_that_died_says_why_where_its_columns_are_missing() {
    let died = "['/bin/sh', '-c', 'echo Traceback >&2; echo \"no module psycopg2\" >&2; exit 1']";
    let check = |name: &str, more: &str| {
        format!(
            "  - {{ check: {name}, source: plugins, collect: {{ command: {died} }}, alert: {{ critical: n > 2 }}{more} }}\n"
        )
    };
    let checks = check("plain", "") + &check("keyed", ", columns: { k: text, n: number }, key: [k]");
    let home = home_with("plugin.yaml", &format!("sources: {{ plugins: {{ exec: {{}} }} }}\nchecks:\n{checks}"));
    let said = said(&home, &["eval", ".", "plain", "keyed"]);
    let (out, why) = (said.out, "its source said: Traceback no module psycopg2");
    for wrong in ["plain: the answer has no column `n`", "rows have no key: the answer has no key column `k`"] {
        assert!(out.contains(&format!("{wrong}; {why}")), "{wrong}: {out}");
    }
}

#[test]
fn a_folder_without_a_file_of_ours_is_not_run_and_one_without_a_check_is_with_a_warning() {
    let home = Home::new("");
    let daemon = home.start();
    assert!(daemon.stderr().contains("NOTHING IS WATCHED"), "{}", daemon.stderr());
    home.slow("critical: duration > 300");
    daemon.reload();
    eventually("the check is taken up", || daemon.get("/api/v1/checks")["items"][0]["check"] == "slow");
    drop(daemon);

    for (name, text) in [("values.yaml", "replicas: 3\n"), ("notes.txt", "checks: []\n")] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(name), text).unwrap();
        let output = bellwether().arg("run").arg(folder.path()).output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{err}");
        let init = format!("`bellwether init {}`", folder.path().display());
        assert!(err.contains("is Bellwether's") && err.contains(&init), "{err}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing was written");
    }
}

/// Who declares channels and forgets the route hears of it, and `telling` names only whom a route reaches.
#[test]
fn where_no_route_leads_to_a_channel_the_log_warns_that_nobody_is_told() {
    let channels = "channels: { terminal: { console: {} }, other: { console: {} } }";
    let home = Home::new(channels);
    let daemon = home.start();
    let log = daemon.stderr();
    assert!(log.contains("telling nobody"), "{log}");
    assert!(log.contains("WARN") && log.contains("NOBODY IS TOLD: there is no `route:`"), "{log}");
    drop(daemon);

    let routed = Home::new(&format!("{channels}\nroute: {{ channels: [terminal] }}"));
    let daemon = routed.start();
    let log = daemon.stderr();
    assert!(log.contains("telling terminal,") && !log.contains("other") && !log.contains("NOBODY"), "{log}");
    let main = std::fs::read_to_string(routed.config().join("bellwether.yaml")).unwrap();
    routed.write("bellwether.yaml", &main.replace("[terminal]", "[]"));
    assert_eq!(daemon.reload().0, 200);
    eventually("the warning", || daemon.stderr().contains("NOBODY IS TOLD: `route:` leads to no channel"));
}

/// A folder of checks that is gone ends nothing either; a start without checks is a wish.
#[test]
fn a_reload_that_takes_the_last_check_away_leaves_the_old_configuration_running() {
    let home = Home::new("");
    home.slow("critical: duration > 300");
    let daemon = home.start();
    std::fs::remove_file(home.config().join("slow.yaml")).unwrap();
    let (status, said) = daemon.reload();
    assert!(status != 200 && said.contains("no check any more") && said.contains("start the daemon again"), "{said}");
    assert_eq!(daemon.get("/api/v1/checks")["items"][0]["check"], "slow");
    eventually("it is an alert", || daemon.get("/api/v1/alerts").to_string().contains("config-rejected"));
    drop(daemon);
    assert!(home.start().stderr().contains("NOTHING IS WATCHED"));
}

#[test]
fn eval_of_a_folder_without_a_file_of_ours_knows_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for (command, code) in [("eval", 3), ("lint", 0), ("test", 0)] {
        let output = bellwether().arg(command).arg(folder.path()).output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{command}: {err}");
        assert!(err.contains("is Bellwether's"), "{command}: {err}");
        assert!(command != "eval" || output.stdout.is_empty(), "it judged nothing");
    }
}

#[test]
fn help_is_a_command_too() {
    let help = |arguments: &[&str]| bellwether().args(arguments).output().unwrap();
    let (one, other) = (help(&["help", "run"]), help(&["run", "--help"]));
    assert_eq!((one.status.code(), &one.stdout), (Some(0), &other.stdout));
    assert!(help(&["help"]).status.success());
}

/// A volume that is gone must not end what fires.
#[test]
fn a_reload_that_finds_no_file_of_ours_leaves_the_old_configuration_running() {
    let home = Home::new(&slow("1s", "critical: duration > 300"));
    let daemon = home.start();
    std::fs::remove_file(home.config().join("bellwether.yaml")).unwrap();
    let (status, said) = daemon.reload();
    assert!(status != 200 && said.contains("is Bellwether's"), "{status} {said}");
    assert_eq!(daemon.get("/api/v1/checks")["items"][0]["check"], "slow");
}

fn home_with(name: &str, text: &str) -> Home {
    let home = home();
    home.write(name, text);
    home
}

#[test]
fn a_near_miss_is_met_with_a_hint() {
    let home = home_with("broken.yaml", "checks: [{ check: a }]\n");
    for (arguments, hint) in [
        (&["check"][..], "did you mean lint or eval?"),
        (&["eval", "slow"], "bellwether eval . slow"),
        (&["run"], "broken.yaml:1:"),
        (&["test"], "the configuration does not load: 3 errors"),
    ] {
        let said = said(&home, arguments);
        assert!(said.err.contains(hint) && said.out.is_empty(), "{arguments:?}: {}\n{}", said.err, said.out);
    }
    std::fs::remove_file(home.config().join("broken.yaml")).unwrap();
    let sloow = said(&home, &["eval", ".", "sloow"]);
    assert!(sloow.err.contains("did you mean `slow`?"), "{}", sloow.err);
}

#[test]
fn eval_ends_with_the_worst_and_says_why() {
    let home = home();
    let eval = |arguments: &[&str]| said(&home, &[&["eval", "."], arguments].concat());
    assert_eq!((eval(&[]).code, eval(&[]).out.as_str()), (0, "1 ok of 1 check\n"), "no rows are ok");
    home.ran("Ok", 70);
    home.ran("Info", 95);
    assert_eq!(eval(&[]).code, 0);
    home.sql("INSERT INTO runs VALUES ('Null', NULL);");
    assert_eq!(eval(&[]).code, 3);
    home.ran("Warning", 120);
    assert_eq!(eval(&[]).code, 1, "a warning is worse than an unknown");
    home.ran("Critical", 608);
    let all = eval(&[]);
    assert_eq!(all.code, 2);
    assert_eq!(
        all.out,
        "CRITICAL slow{processor=\"Critical\"}: Critical ran for 10m8s (duration > 300; duration=608)\n\
         WARNING  slow{processor=\"Warning\"}: Warning ran for 2m (duration > 100; duration=120)\n\
         UNKNOWN  slow{processor=\"Null\"}: Null ran for null (unknown: `duration` is null; duration=null)\n\
         INFO     slow{processor=\"Info\"}: Info ran for 1m35s (duration > 90; duration=95)\n\
         1 critical, 1 warning, 1 unknown, 1 info, 1 ok of 1 check\n"
    );
    assert_eq!(eval(&["--key", "processor=Warning"]).code, 1);
    let none = eval(&["--key", "processor=Nobody"]);
    assert_eq!((none.code, none.err.contains("no instance has the key")), (3, true), "{}", none.err);

    let explained = eval(&["slow", "--key", "processor=Ok", "--explain"]);
    assert!(explained.out.contains("critical: duration > 300 = false\n    └─ duration = 70"), "{}", explained.out);
    let json: Value = serde_json::from_str(&eval(&["--format", "json", "--explain"]).out).unwrap();
    assert_eq!((&json["exit"], &json["counts"]["ok"]), (&2.into(), &1.into()));
    let critical =
        json["checks"][0]["instances"].as_array().unwrap().iter().find(|i| i["state"] == "critical").unwrap();
    assert_eq!(critical["explain"][0]["trace"]["children"][0]["value"], 608.0, "{critical}");
    assert!(!home.path("state.db").exists(), "eval keeps nothing");
}

#[test]
fn eval_judges_as_of_a_time_and_says_what_did_not_answer() {
    let home = home();
    home.write(
        "more.yaml",
        "sources: { gone: { sqlite: { path: nowhere.db } } }\n\
         checks:\n\
         - { check: late, source: local, collect: { query: 'SELECT @now AS at' }, columns: { at: time },\n    \
             alert: { warning: 'age(at) < 0 || hour_of(now, \"UTC\") == 3' } }\n\
         - { check: lost, source: gone, collect: { query: 'SELECT 1 AS n' }, alert: { critical: n > 1 } }\n\
         - { check: grave, source: gone, on_error: warning, collect: { query: 'SELECT 1 AS n' }, alert: { warning: n > 1 } }\n\
         - { check: resting, mode: off, source: gone, collect: { query: 'SELECT 1 AS n' }, alert: { critical: n > 1 } }\n",
    );
    let eval = |arguments: &[&str]| said(&home, &[&["eval", "."], arguments].concat());
    assert_eq!(eval(&["late", "--at", "2026-01-05T03:30:00Z"]).code, 1);
    assert_eq!(eval(&["late", "--at", "2026-01-05T04:30:00Z"]).code, 0);
    let lost = eval(&["lost"]);
    assert_eq!(lost.code, 3);
    assert!(lost.out.starts_with("UNKNOWN  lost: source `gone` gave no answer: "), "{}", lost.out);
    let grave = eval(&["grave"]);
    assert_eq!(grave.code, 1);
    assert!(grave.out.starts_with("WARNING  grave{reason=\"error\"}: source `gone`"), "{}", grave.out);
    assert_eq!(eval(&["resting"]).code, 3, "it is judged where it is named");
    let all = eval(&["--at", "2026-01-05T04:30:00Z"]);
    assert!(!all.out.contains("resting"), "{}", all.out);
}

#[test]
fn eval_asks_the_sources_that_are_needed_and_each_request_once() {
    let server = FaultServer::start([Reply::json(200, "{\"n\": 7}")]);
    let home = home();
    let check = |name: &str, path: &str, alert: &str| {
        let url = server.url(path);
        format!(
            "- {{ check: {name}, source: web, collect: {{ url: '{url}', json: {{ n: /n }} }}, alert: {{ {alert} }} }}\n"
        )
    };
    let checks =
        [check("a", "/x", "warning: n > 5"), check("b", "/x", "critical: n > 9"), check("c", "/y", "info: n > 5")];
    home.write("web.yaml", &format!("sources: {{ web: {{ http: {{}} }} }}\nchecks:\n{}", checks.concat()));
    assert_eq!(said(&home, &["eval", ".", "slow"]).code, 0);
    assert!(server.requests().is_empty(), "`slow` asks another source");
    assert_eq!(said(&home, &["eval", "."]).code, 1);
    let mut paths: Vec<String> = server.requests().into_iter().map(|request| request.path).collect();
    paths.sort();
    assert_eq!(paths, ["/x", "/y"]);
}

#[test]
fn failing_tests_are_told_with_their_differences_in_every_format() {
    let home = home_with("a.test.yaml", &TEST.replace("at: 1s", "at: 0s"));
    let text = said(&home, &["test"]);
    assert!(text.out.starts_with("FAILED six hundred seconds are critical\n    a.test.yaml:2\n    - "), "{}", text.out);
    assert!(text.out.contains(": expected fired critical at 0s: it happened at 1s\n"), "{}", text.out);
    assert!(text.out.ends_with("\n\n0 passed, 1 failed\n"), "{}", text.out);
    let json: Value = serde_json::from_str(&said(&home, &["test", "--format", "json"]).out).unwrap();
    assert_eq!((&json["failed"], &json["tests"][0]["passed"]), (&1.into(), &false.into()));
    let junit = said(&home, &["test", "--format", "junit"]).out;
    assert!(junit.contains("<testsuite name=\"bellwether\" tests=\"1\" failures=\"1\" errors=\"0\">"), "{junit}");
    assert!(junit.contains("<failure message=\"a.test.yaml:5: expected fired critical at 0s"), "{junit}");

    home.write("a.test.yaml", &TEST.replace("70 608", "nullx3"));
    let why = [
        "at 2s fired warning check-failing{check=\"slow\"}: check slow cannot be judged: ",
        "in its last slot slow{processor=\"X\"} is unknown: critical: `duration` is null",
    ];
    let text = said(&home, &["test"]).out;
    let json: Value = serde_json::from_str(&said(&home, &["test", "--format", "json"]).out).unwrap();
    let junit = said(&home, &["test", "--format", "junit"]).out;
    for (i, why) in why.iter().enumerate() {
        assert!(text.contains(&format!("\n    note: {why}")), "{text}");
        assert!(json["tests"][0]["notes"][i].as_str().unwrap().starts_with(why), "{json}");
        assert!(junit.contains(&format!("\nnote: {}", why.replace('"', "&quot;"))), "{junit}");
    }

    home.write("a.test.yaml", TEST);
    for pattern in ["slow", "six", "^six .* critical$"] {
        assert_eq!(said(&home, &["test", "--run", pattern]).out, "1 passed, 0 failed\n");
    }
    let none = said(&home, &["test", "--run", "seven"]);
    assert!(none.err.contains("of 1 test none is called like `seven`"), "{}", none.err);
}

#[test]
fn routes_test_shows_who_is_told_and_why_others_are_not() {
    let home = Home::new(
        "channels: { terminal: { console: {} }, page: { console: {} } }\n\
         route:\n  channels: [terminal]\n  routes: [{ matchers: ['severity=\"critical\"'], channels: [page], group_wait: 0s }]",
    );
    home.slow("critical: duration > 300, warning: duration > 100");
    let at = ["--check", "slow", "--at", "2026-03-05T03:00:00Z"];
    let critical = said(&home, &[&["routes", "test"], &at[..]].concat());
    for part in
        ["severity=\"critical\"", "at 2026-03-05T03:00:00Z", "told:\n  page\n    by bellwether.yaml:", "group_wait 0s"]
    {
        assert!(critical.out.contains(part), "{part}: {}", critical.out);
    }
    assert!(critical.err.contains("only a row gives `processor`"), "{}", critical.err);
    let warning = ["--severity", "warning", "--label", "processor=X"];
    let said_of = |more: &[&str]| said(&home, &[&["routes", "test"], &at[..], &warning[..], more].concat());
    let warned = said_of(&["--explain"]);
    assert!(warned.out.contains("told:\n  terminal\n"), "{}", warned.out);
    assert!(warned.out.contains("no: severity=\"critical\", and severity is \"warning\""), "{}", warned.out);
    assert_eq!(warned.err, "", "no label is lacking");
    let json: Value = serde_json::from_str(&said_of(&["--format", "json"]).out).unwrap();
    assert_eq!(
        (&json["channels"][0]["channel"], &json["routes"][1]["verdict"]),
        (&"terminal".into(), &"differs".into())
    );
}
