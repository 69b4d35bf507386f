//! Real series in real databases: one rule over both, driven over months on the virtual clock, says the same thing at
//! the same times; and how good the rule is, by the windows in which something was really wrong.
//!
//! The series lie beside the repository, or where `BELLWETHER_DATA` says; without them this suite is skipped.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "real_series/series.rs"]
mod series;

use bellwether::collectors::{Collector, Place, Request, registry};
use bellwether::core::{Core, CoreConfig, Options, Turn};
use bellwether::dispatch::Send;
use bellwether::engine::{Collect, CollectFailure};
use bellwether::load::{self, Mode};
use bellwether::model::record::Saved;
use bellwether::model::{ChangeKind, Delivery, Table, Timestamp};
use bellwether::testing::{World, drive};
use series::Recorded;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The folder that `BELLWETHER_DATA` names, or the one beside the repository.
fn folder_of_series() -> PathBuf {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/cloudwatch");
    std::env::var_os("BELLWETHER_DATA").map_or_else(beside, PathBuf::from)
}

/// What a series did, against its own last day: the mean, and the mean distance from it. In SQL that both speak.
const LAST_DAY: &str = "\
CREATE TABLE around AS SELECT seq, series, at, value, avg(value) OVER day AS mean FROM readings
WINDOW day AS (PARTITION BY series ORDER BY seq ROWS BETWEEN 288 PRECEDING AND 1 PRECEDING);
CREATE TABLE judged AS SELECT series, at, value, mean, avg(abs(value - mean)) OVER day AS deviation, count(*) OVER day AS known
FROM around WINDOW day AS (PARTITION BY series ORDER BY seq ROWS BETWEEN 288 PRECEDING AND 1 PRECEDING);
CREATE INDEX judged_at ON judged (at);
";

/// The rule: half an hour is five times as far from the mean of the last day as is usual, and by half of it.
fn rules(source: &str, last_half_hour: &str) -> String {
    format!(
        "sources: {{ metrics: {source} }}\n\
         channels: {{ terminal: {{ console: {{}} }} }}\n\
         route: {{ channels: [terminal], group_by: ['...'] }}\n\
         checks:\n  - check: unlike-its-last-day\n    source: metrics\n    every: 30m\n    key: [series]\n    \
         collect:\n      query: |\n        SELECT series, avg(value) AS value, avg(mean) AS mean, avg(deviation) AS deviation, min(known) AS known\n        \
         FROM judged WHERE at <= @now AND at > {last_half_hour} GROUP BY series ORDER BY series\n    \
         columns: {{ series: text, value: number, mean: number, deviation: number, known: number }}\n    \
         params: {{ factor: 5, day: 288 }}\n    let: {{ off: abs(value - mean) }}\n    keep_firing_for: 2h\n    \
         alert:\n      warning: known == day && off > factor * deviation && off > mean / 2\n"
    )
}

/// An alert that began or ended: the instant, what happened, and of which series.
type Heard = (Timestamp, ChangeKind, String);

/// The sources of a configuration, asked at each slot's own time, and what came of it.
struct Observed {
    collector: Arc<dyn Collector>,
    executor: tokio::runtime::Runtime,
    slots: usize,
    rows: usize,
    heard: Vec<Heard>,
}

impl World for Observed {
    fn collect(&mut self, collect: &Collect) -> Result<Arc<Table>, CollectFailure> {
        let check = &collect.check;
        let request = Request {
            collect: Arc::clone(&check.collect),
            params: Arc::clone(&check.params),
            columns: check.columns.clone(),
            now: collect.slot,
            timeout: check.timeout,
            check: Arc::clone(&check.name),
        };
        let table = self.executor.block_on(self.collector.collect(&request)).unwrap();
        self.slots += 1;
        self.rows += table.rows();
        Ok(Arc::new(table))
    }

    fn send(&mut self, _: Timestamp, _: &Send) -> Delivery {
        Delivery::delivered()
    }

    fn watch(&mut self, _: Timestamp, turn: &Turn) {
        let heard = turn.changes.iter().map(|c| {
            let about = c.view.labels.get("series").map_or_else(|| c.view.title.clone(), ToOwned::to_owned);
            (c.at, c.kind, about)
        });
        self.heard.extend(heard);
    }
}

/// Runs these rules over the whole span of the series.
fn observe(yaml: &str, recorded: &Recorded) -> Observed {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bellwether.yaml"), yaml).unwrap();
    let loaded = load::load(folder.path(), &|_| None, Mode::Strict).unwrap();
    let config = loaded.config.unwrap_or_else(|| panic!("{}", loaded.problems.human(&loaded.sources, false)));
    let source = &config.sources[0];
    let place = Place { name: &source.name, folder: &config.folder };
    let collector = registry::build(source.kind, &source.settings, &place);
    let executor = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut world = Observed { collector, executor, slots: 0, rows: 0, heard: Vec::new() };
    let config = CoreConfig {
        checks: config.checks,
        dispatch: config.dispatch,
        self_alerts: config.self_alerts,
        ..CoreConfig::default()
    };
    let options = Options { seed: 7, eager: false };
    let mut core = Core::new(config, Saved::default(), recorded.first(), options);
    let end = recorded.last() + Duration::from_hours(6);
    drive(&mut core, recorded.first(), end, &mut world);
    world
}

fn in_sqlite(folder: &Path, recorded: &Recorded) -> String {
    let path = folder.join("series.db");
    let mut database = rusqlite::Connection::open(&path).unwrap();
    let transaction = database.transaction().unwrap();
    transaction.execute_batch("CREATE TABLE readings (seq INTEGER, series TEXT, at TEXT, value REAL)").unwrap();
    {
        let mut insert = transaction.prepare("INSERT INTO readings VALUES (?1, ?2, ?3, ?4)").unwrap();
        for (seq, reading) in (0_i64..).zip(recorded.readings()) {
            insert.execute((seq, reading.series, reading.at, reading.value)).unwrap();
        }
    }
    transaction.execute_batch(LAST_DAY).unwrap();
    transaction.commit().unwrap();
    let source = format!("{{ sqlite: {{ path: \"{}\" }} }}", path.display());
    rules(&source, "datetime(@now, '-30 minutes')")
}

fn in_postgres(postgres: &testkit::Postgres, recorded: &Recorded) -> String {
    let mut script = String::from(
        "CREATE TABLE readings (seq integer, series text, at timestamptz, value double precision);\n\
         SET TIME ZONE 'UTC';\nCOPY readings FROM STDIN;\n",
    );
    for (seq, reading) in recorded.readings().enumerate() {
        script.push_str(&format!("{seq}\t{}\t{}\t{}\n", reading.series, reading.at, reading.value));
    }
    script.push_str("\\.\n");
    script.push_str(LAST_DAY);
    script.push_str("ANALYZE judged;\n");
    let database = postgres.database(&script).unwrap();
    let source = format!("{{ postgres: {{ url: \"{}?sslmode=disable\" }} }}", postgres.url(&database));
    rules(&source, "@now - interval '30 minutes'")
}

/// How good a rule is by the labelled windows.
#[derive(Debug, PartialEq, Eq)]
struct Figures {
    alerts: usize,
    /// Windows in which an alert of their series fired.
    found: usize,
    /// Alerts that fired outside of every window of their series.
    false_ones: usize,
}

fn figures(heard: &[Heard], recorded: &Recorded) -> Figures {
    let fired: Vec<(Timestamp, &str)> = heard
        .iter()
        .filter(|(_, k, _)| *k == ChangeKind::Fired)
        .map(|(at, _, series)| (*at, series.as_str()))
        .collect();
    let inside =
        |(at, series): (Timestamp, &str), w: &series::Window| w.series == series && w.begins <= at && at <= w.ends;
    let windows = &recorded.incidents;
    Figures {
        alerts: fired.len(),
        found: windows.iter().filter(|w| fired.iter().any(|f| inside(*f, w))).count(),
        false_ones: fired.iter().filter(|f| !windows.iter().any(|w| inside(**f, w))).count(),
    }
}

/// Past the test runner's capture: these figures are to be read.
fn say(what: &str) {
    let _ = writeln!(std::io::stderr(), "real series: {what}");
}

#[test]
fn one_rule_over_sqlite_and_postgres_says_the_same_at_the_same_times() {
    let folder = folder_of_series();
    let Some(recorded) = testkit::if_there("real series", folder.is_dir(), || Recorded::read(&folder)) else { return };
    assert_eq!((recorded.series.len(), recorded.readings().count()), (17, 67_740));
    let folder = tempfile::tempdir().unwrap();
    let sqlite = observe(&in_sqlite(folder.path(), &recorded), &recorded);

    let seen = figures(&sqlite.heard, &recorded);
    say(&format!(
        "{} series, {} values: {} slots, {} rows; {} alerts, {} of {} labelled incidents found, {} alerts outside of any",
        recorded.series.len(),
        recorded.readings().count(),
        sqlite.slots,
        sqlite.rows,
        seen.alerts,
        seen.found,
        recorded.incidents.len(),
        seen.false_ones
    ));

    // A plain rule finds about half, and cries wolf: what it does must not change unseen.
    assert_eq!(seen, Figures { alerts: 82, found: 14, false_ones: 66 });

    let Some(postgres) = testkit::postgres() else { return };
    let postgres = observe(&in_postgres(postgres, &recorded), &recorded);
    assert_eq!((sqlite.slots, sqlite.rows), (postgres.slots, postgres.rows));
    assert_eq!(sqlite.heard, postgres.heard);
    say(&format!("PostgreSQL and SQLite: the same {} beginnings and ends at the same times", sqlite.heard.len()));
}
