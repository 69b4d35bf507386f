//! BigQuery and what it costs: `lint --online`, and one query for checks that ask the same.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use testkit::{BigQuery, FaultServer, Reply, Request};

const GIB: u64 = 1 << 30;

fn bellwether(arguments: &[&str], folder: &Path, variables: &[(&str, &str)]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bellwether"));
    command.args(arguments).arg(folder).envs(variables.iter().copied());
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

/// Answers a dry run with the size of the tables that the query names: `runs` is 3 GiB, `eval` 1 GiB.
fn dry_runs() -> FaultServer {
    FaultServer::answering(|request: &Request| {
        let query = request.json()["query"].as_str().unwrap().to_owned();
        let sizes = [("runs", 3 * GIB), ("eval", GIB), ("phases", GIB / 2)];
        let bytes: u64 = sizes.iter().filter(|(table, _)| query.contains(table)).map(|(_, bytes)| bytes).sum();
        let fields = json!([{ "name": "n", "type": "INTEGER" }]);
        let answer =
            json!({ "jobComplete": true, "schema": { "fields": fields }, "totalBytesProcessed": bytes.to_string() });
        Reply::json(200, &answer.to_string())
    })
}

fn configuration(endpoint: &str, source: &str, checks: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "sources: {{ warehouse: {{ bigquery: {{ project: {}, endpoint: {endpoint}, {source} }} }} }}
channels: {{ terminal: {{ console: {{}} }} }}
route: {{ channels: [terminal] }}
checks:
{checks}",
        BigQuery::PROJECT
    );
    std::fs::write(folder.path().join("bellwether.yaml"), text).unwrap();
    folder
}

fn check(name: &str, query: &str, rest: &str) -> String {
    format!(
        "  - {{ check: {name}, source: warehouse, description: D., collect: {{ query: '{query}' }}, title: t, {rest}, alert: {{ info: n > 1 }} }}\n"
    )
}

#[test]
fn lint_online_prints_what_queries_ask_for_and_finds_what_is_over_its_budget() {
    let server = dry_runs();
    let checks = [
        check("slow", "SELECT n FROM runs WHERE t < @now", "every: 15m, budget: 1TiB"),
        check("trend", "SELECT n FROM runs WHERE t < @now", "every: 15m, budget: 100GiB"),
        check("graded", "SELECT n FROM eval", "cron: '0 9 * * *', timezone: America/New_York"),
        check("odd", "SELECT m FROM eval", "every: 1h, mode: 'off'"),
    ];
    let folder = configuration(&server.url(""), "price_per_tib: 6.25", &checks.concat());
    let (code, results, words) = bellwether(&["lint", "--online"], folder.path(), &[]);
    assert_eq!(code, 1, "{results}{words}");
    let finding =
        "the query asks for 288.0 GiB a day (3.0 GiB a run, 96 runs a day), and the check's `budget` is 100.0 GiB";
    assert!(results.contains(finding) && results.contains("bellwether.yaml:6:"), "{results}");
    let table = "
  check                 a run  runs a day      a day    a month
  slow (warehouse)    3.0 GiB          96  288.0 GiB  8.438 TiB  52.73
  trend (warehouse)   3.0 GiB          96  288.0 GiB  8.438 TiB  asked for with slow
  graded (warehouse)  1.0 GiB           1    1.0 GiB  0.029 TiB  0.18
  in all                                   289.0 GiB  8.467 TiB  52.92
  if each asked alone                      577.0 GiB  16.904 TiB  105.65
";
    let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(squeezed(&results).contains(&squeezed(table)), "{results}");
    assert_eq!(server.requests().len(), 3, "a dry run for each check that is not off");
    // A format for machines holds the findings alone.
    let (_, results, words) = bellwether(&["lint", "--online", "--format", "json"], folder.path(), &[]);
    let findings: Value = serde_json::from_str(&results).unwrap();
    assert!(findings.as_array().unwrap().iter().any(|f| f["message"].as_str().unwrap().contains(finding)), "{results}");
    assert!(words.contains("in all"), "{words}");
}

#[test]
fn a_budget_where_nothing_is_billed_is_a_finding() {
    let folder = tempfile::tempdir().unwrap();
    let text = "sources: { warehouse: { sqlite: { path: a.db } } }
channels: { terminal: { console: {} } }
route: { channels: [terminal] }
checks:
";
    rusqlite::Connection::open(folder.path().join("a.db")).unwrap().execute_batch("CREATE TABLE t (n)").unwrap();
    let checks = check("c", "SELECT n FROM t", "every: 15m, budget: 1GiB, columns: { n: number }");
    std::fs::write(folder.path().join("bellwether.yaml"), format!("{text}{checks}")).unwrap();
    let (code, results, _) = bellwether(&["lint", "--online"], folder.path(), &[]);
    assert!(code == 1 && results.contains("`warehouse` does not say how much a query asks for"), "{results}");
}

/// Fifty checks over three tables, of which each asks one of five queries.
#[test]
fn fifty_checks_over_three_tables_ask_for_five_queries() {
    let server = dry_runs();
    let queries = ["runs", "eval", "phases", "runs JOIN eval USING (n)", "eval JOIN phases USING (n)"];
    let checks: String = (0..50).fold(String::new(), |mut all, i| {
        let query = format!("SELECT n FROM {} WHERE t < @now", queries[i % 5]);
        let _ = write!(all, "{}", check(&format!("check-{i:02}"), &query, "every: 15m"));
        all
    });
    let folder = configuration(&server.url(""), "", &checks);
    let (_, results, words) = bellwether(&["lint", "--online"], folder.path(), &[]);
    let day = |line: &str| {
        let line =
            results.lines().find(|l| l.trim_start().starts_with(line)).unwrap_or_else(|| panic!("{results}{words}"));
        line.split_whitespace().skip_while(|word| !word.contains('.')).take(2).collect::<Vec<_>>().join(" ")
    };
    // (3 + 1 + 0.5 + 4 + 1.5) GiB, 96 times a day; and ten times that.
    assert_eq!((day("in all"), day("if each asked alone")), ("960.0 GiB".to_owned(), "9.4 TiB".to_owned()));
}

/// A daemon that is killed when dropped.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn checks_that_ask_the_same_are_one_job_for_bigquery() {
    let Some(bigquery) = testkit::bigquery() else { return };
    let same = "SELECT n FROM UNNEST([1]) AS n WHERE @now IS NOT NULL";
    let mut checks: Vec<String> = (0..6).map(|i| check(&format!("same-{i}"), same, "every: 1h")).collect();
    checks.push(check("other", "SELECT 0 AS n", "every: 1h"));
    let folder = configuration(&bigquery.url(), "", &checks.concat());
    let name = folder.path().join("bellwether.yaml");
    let text = std::fs::read_to_string(&name).unwrap().replace("warehouse", "counted");
    std::fs::write(&name, format!("{text}server: {{ listen: '127.0.0.1:0' }}\n")).unwrap();
    let jobs = || -> Vec<String> {
        let jobs = bigquery.jobs().unwrap().into_iter();
        let labels = jobs.map(|job| job["configuration"]["labels"].clone());
        let ours = labels.filter(|labels| labels["bellwether_source"] == "counted");
        ours.map(|labels| labels["bellwether_check"].as_str().unwrap().to_owned()).collect()
    };
    let mut command = Command::new(env!("CARGO_BIN_EXE_bellwether"));
    command.arg("run").arg(folder.path()).stdout(Stdio::null()).stderr(Stdio::null());
    let daemon = Daemon(command.spawn().unwrap());
    assert!(testkit::wait_until(Duration::from_mins(1), || 2 <= jobs().len()), "{:?}", jobs());
    // What would come besides comes with them: all checks are asked for the first time at one instant.
    std::thread::sleep(Duration::from_secs(2));
    let mut found = jobs();
    found.sort();
    assert!(found.len() == 2 && found[0] == "other" && found[1].starts_with("same-"), "{found:?}");
    drop(daemon);
    let (code, results, words) = bellwether(&["eval"], folder.path(), &[]);
    assert_eq!(code, 0, "{results}{words}");
    assert_eq!(jobs().len(), 4, "and `eval` asks each once");
}

#[test]
fn the_example_lints_against_an_emulator_and_finds_a_slow_run() {
    let Some(bigquery) = testkit::bigquery() else { return };
    bigquery.sql("CREATE SCHEMA IF NOT EXISTS ops").unwrap();
    bigquery
        .sql(
            "CREATE OR REPLACE TABLE ops.processor_run_history AS
             SELECT 'PredictionCoordinator' AS processor_name, 'phase_5' AS phase, 540 AS timeout_seconds,
               TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL hours HOUR) AS started_at, IF(hours = 1, 608.0, 74.0) AS duration_seconds
             FROM UNNEST(GENERATE_ARRAY(1, 100)) AS hours",
        )
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    for name in ["bellwether.yaml", "bigquery.yaml"] {
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/gcp").join(name);
        std::fs::copy(example, folder.path().join(name)).unwrap();
    }
    let url = bigquery.url();
    let variables = [("BIGQUERY_ENDPOINT", url.as_str()), ("GOOGLE_CLOUD_PROJECT", BigQuery::PROJECT)];
    let (code, results, words) = bellwether(&["lint", "--online", "--strict"], folder.path(), &variables);
    assert_eq!(code, 0, "{results}{words}");
    assert!(results.contains("asked for with processor-slowdown"), "{results}");
    let (code, results, words) = bellwether(&["eval"], folder.path(), &variables);
    assert!(code == 2 && results.contains("PredictionCoordinator ran 8.2x its baseline"), "{results}{words}");
    assert!(results.contains("112.6 % of its timeout"), "{results}");
}
