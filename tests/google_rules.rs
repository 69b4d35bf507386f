//! The checks of `rules/google`, on the real binary: what they find in a BigQuery, on which clock their jobs stand, and the
//! story they were written for.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use testkit::BigQuery;

/// The instant that the tables of `tests/google` are told from.
const AT: &str = "2025-12-30T14:00:00Z";

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The rules in a folder with a channel.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(repository().join("rules/google")).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            std::fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
        }
    }
    let route = "channels: { oncall: { console: {} } }\nroute: { channels: [oncall], group_by: [check] }\n";
    std::fs::write(folder.path().join("bellwether.yaml"), route).unwrap();
    folder
}

/// A BigQuery with the tables, made once for all tests of this file.
fn warehouse() -> Option<&'static BigQuery> {
    static FILLED: std::sync::OnceLock<()> = std::sync::OnceLock::new();
    let bigquery = testkit::bigquery()?;
    FILLED.get_or_init(|| {
        for file in ["processor_run_history.sql", "stages_and_jobs.sql"] {
            let text = std::fs::read_to_string(repository().join("tests/google").join(file)).unwrap();
            let text: Vec<&str> = text.lines().filter(|line| !line.starts_with("--")).collect();
            for statement in text.join("\n").split(';').filter(|statement| !statement.trim().is_empty()) {
                bigquery.sql(statement).unwrap();
            }
        }
    });
    Some(bigquery)
}

/// What `eval` says of these checks as of an instant: its exit and its output.
fn eval(bigquery: &BigQuery, at: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let folder = folder();
    let mut command = Command::new(env!("CARGO_BIN_EXE_bellwether"));
    command.arg("eval").arg(folder.path()).args(["--at", at]).args(arguments);
    command.env("BIGQUERY_ENDPOINT", bigquery.url()).env("GOOGLE_CLOUD_PROJECT", BigQuery::PROJECT);
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!text.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    (output.status.code(), text)
}

const PROCESSORS: [&str; 3] = ["processor-slowdown", "processor-near-timeout", "processor-trend"];

/// `STATE id: title`, without the values.
fn findings(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| line.contains('{'));
    lines.map(|line| line.split(" (").next().unwrap().split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

const FOUND: [&str; 4] = [
    "CRITICAL processor-slowdown{processor=\"PredictionCoordinator\"}: PredictionCoordinator ran 8.2x its baseline",
    "WARNING processor-near-timeout{processor=\"PredictionCoordinator\"}: PredictionCoordinator used 112.6 % of its timeout",
    "WARNING processor-trend{processor=\"PlayerDailyCacheProcessor\"}: PlayerDailyCacheProcessor is 39.7 % slower over three days than over seven",
    "WARNING processor-trend{processor=\"PredictionCoordinator\"}: PredictionCoordinator is 66.8 % slower over three days than over seven",
];

#[test]
fn the_history_of_runs_holds_just_these_four_and_is_asked_for_once() {
    let Some(bigquery) = warehouse() else { return };
    let asked = |jobs: Vec<Value>| jobs.iter().filter(|job| job.to_string().contains("last_runs")).count();
    let before = asked(bigquery.jobs().unwrap());
    let (code, text) = eval(bigquery, AT, &PROCESSORS);
    let mut found = findings(&text);
    found.sort_unstable();
    assert_eq!((code, found), (Some(2), FOUND.map(String::from).to_vec()), "{text}");
    assert!(text.contains("duration=608, baseline=74"), "{text}");
    assert_eq!(asked(bigquery.jobs().unwrap()) - before, 1, "three checks, one query");
}

#[test]
fn the_same_as_json_and_for_one_processor() {
    let Some(bigquery) = warehouse() else { return };
    let arguments = [&PROCESSORS[..], &["--format", "json"]].concat();
    let json: Value = serde_json::from_str(&eval(bigquery, AT, &arguments).1).unwrap();
    let counts = &json["counts"];
    assert_eq!((&counts["critical"], &counts["warning"], &counts["unknown"]), (&1.into(), &3.into(), &0.into()));
    let arguments = [&PROCESSORS[..], &["--key", "processor=PlayerDailyCacheProcessor"]].concat();
    let (code, text) = eval(bigquery, AT, &arguments);
    assert_eq!((code, findings(&text)), (Some(1), vec![FOUND[2].to_owned()]), "{text}");
}

#[test]
fn games_and_exports_are_told_with_what_they_lack() {
    let Some(bigquery) = warehouse() else { return };
    let (_, text) = eval(bigquery, AT, &["game-to-graded", "predictions-missing", "processor-stuck"]);
    let found = findings(&text);
    for want in [
        "WARNING game-to-graded{game_id=\"g1\"}: BOS@NYK is not graded 11h after its end",
        "WARNING game-to-graded{game_id=\"g2\"}: LAL@DEN was graded 6h30m after its end",
        "CRITICAL predictions-missing{due=\"2025-12-30 08:00\"}: the export due at 2025-12-30 08:00 lacks 2 of 3 predictions",
        "CRITICAL processor-stuck{processor=\"StuckProcessor\"}: StuckProcessor has run for 7h",
    ] {
        assert!(found.iter().any(|line| line == want), "{want}\n{text}");
    }
    assert_eq!(found.len(), 4, "{text}");
}

/// 12:45 in New York is 17:45 UTC in winter and 16:45 in summer; the clocks change on 8 March and 1 November 2026.
#[test]
fn a_job_is_due_at_its_own_time_on_both_sides_of_a_clock_change() {
    let Some(bigquery) = warehouse() else { return };
    for (before, after) in [
        ("2026-03-07T18:14:00Z", "2026-03-07T18:16:00Z"),
        ("2026-03-08T17:14:00Z", "2026-03-08T17:16:00Z"),
        ("2026-10-31T17:14:00Z", "2026-10-31T17:16:00Z"),
        ("2026-11-01T18:14:00Z", "2026-11-01T18:16:00Z"),
    ] {
        let missing = |at: &str| eval(bigquery, at, &["job-missing", "--key", "job=self-heal"]).0;
        assert_eq!((missing(before), missing(after)), (Some(0), Some(2)), "{before}");
    }
    let (code, text) = eval(bigquery, AT, &["job-late", "--key", "job=self-heal"]);
    let want = "CRITICAL job-late{job=\"self-heal\"}: self-heal began 1h15m after its time, 12:45 in New York";
    assert_eq!((code, findings(&text)), (Some(2), vec![want.to_owned()]), "{text}");
}

#[test]
fn on_30_december_the_cause_is_told_and_the_slowdown_named_under_it() {
    let folder = folder();
    let story: PathBuf = folder.path().join("story.test.yaml");
    std::fs::copy(repository().join("tests/google/story.test.yaml"), story).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_bellwether"));
    let output = command.arg("test").arg(folder.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
