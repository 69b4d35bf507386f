use crate::{Asked, columns, params, query, row, said, source, typed_row};
use bellwether::collectors::Collector;
use bellwether::model::{Value, ValueType};
use rusqlite::Connection;
use std::path::Path;
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub struct Database {
    pub folder: TempDir,
    pub source: Asked,
}

impl Database {
    pub fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("d.db")
    }
}

pub fn database(script: &str, keys: &str) -> Database {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("d.db");
    Connection::open(&path).unwrap().execute_batch(script).unwrap();
    let source = source("sqlite", &format!("path: {}\n{keys}", path.display()));
    Database { folder, source }
}

#[tokio::test]
async fn cells_come_as_they_are_and_as_declared() {
    let d = database("", "");
    for (sql, declared, want) in [
        ("SELECT 1 AS n, 2.5 AS f, 'x' AS t, NULL AS z", None, "n:number=1 f:number=2.5 t:text=x z:?=null"),
        ("SELECT 9e999 AS up, -9e999 AS down", None, "up:number=inf down:number=-inf"),
        ("SELECT '2026-01-05 00:10:00' AS x", Some(columns(&[("x", ValueType::Time)])), "x:time=2026-01-05T00:10:00Z"),
        ("SELECT 1767573000 AS x", Some(columns(&[("x", ValueType::Time)])), "x:time=2026-01-05T00:30:00Z"),
        ("SELECT 1 AS x", Some(columns(&[("x", ValueType::Bool)])), "x:bool=true"),
        ("SELECT 9007199254740993 AS x", Some(columns(&[("x", ValueType::Text)])), "x:text=9007199254740993"),
        ("SELECT 1 AS 'a b'", Some(columns(&[("a_b", ValueType::Bool)])), "a_b:bool=true"),
    ] {
        let mut request = d.source.request(&query(sql));
        request.columns = declared;
        let table = d.source.source.collect(&request).await.unwrap();
        assert_eq!(typed_row(&table), want, "{sql}");
    }
}

#[tokio::test]
async fn parameters_are_bound_outside_quotes_and_comments() {
    let d = database("", "");
    let sql = "SELECT @now AS now, '@now' AS quoted, @factor + 1 AS whole, 7 / @factor AS integral, @half AS half,\n\
               @name AS name, @on AS 'on', datetime(@now, '-1 hour') AS before -- @nobody\n LIMIT @factor";
    let mut request = d.source.request(&query(sql));
    request.params = params(&[
        ("factor", Value::Number(2.0)),
        ("half", Value::Number(0.5)),
        ("name", Value::text("it's")),
        ("on", Value::Bool(true)),
    ]);
    let table = d.source.source.collect(&request).await.unwrap();
    assert_eq!(
        row(&table, 0),
        "now=2026-01-05 00:30:00 quoted=@now whole=3 integral=3 half=0.5 name=it's on=1 before=2026-01-04 23:30:00"
    );
    let unknown = d.source.query("SELECT @nwo").await;
    assert_eq!(said(unknown), "Refused: unknown parameter `@nwo`: did you mean `@now`?");
}

#[tokio::test]
async fn what_does_not_only_read_is_refused_by_name_and_changes_nothing() {
    let d = database("CREATE TABLE t (a); INSERT INTO t VALUES (1)", "");
    for (sql, want) in [
        ("INSERT INTO t VALUES (2)", "it inserts into `t`"),
        ("DELETE FROM t RETURNING a", "it deletes from `t`"),
        ("UPDATE t SET a = 3 RETURNING a", "it updates `t`"),
        ("DROP TABLE t", "it changes the schema"),
        ("CREATE TABLE u (a)", "it changes the schema"),
        ("CREATE TEMP TABLE u AS SELECT 1", "it changes the schema"),
        ("ATTACH 'other.db' AS o", "it attaches another file"),
        ("PRAGMA query_only = 0", "it holds `PRAGMA query_only`"),
        ("PRAGMA journal_mode", "it holds `PRAGMA journal_mode`"),
        ("BEGIN", "it is a transaction"),
        ("VACUUM", "it"),
        ("SELECT load_extension('x')", "it loads an extension"),
        ("SELECT 1; SELECT 2", "several statements"),
        ("SELECT 1; DELETE FROM t", "it deletes from `t`"),
        ("-- nothing", "the query is empty"),
    ] {
        let said = said(d.source.query(sql).await);
        assert!(said.starts_with("Refused: ") && said.contains(want), "{sql}: {said}");
    }
    assert_eq!(row(&d.source.query("SELECT group_concat(a) AS a FROM t").await.unwrap(), 0), "a=1");
    assert!(!Path::new("other.db").exists());
}

#[tokio::test]
async fn a_query_that_never_ends_is_interrupted_at_the_deadline() {
    let d = database("", "");
    let endless = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT max(n) AS n FROM c";
    let mut request = d.source.request(&query(endless));
    request.timeout = Duration::from_millis(200);
    let started = Instant::now();
    let said = said(d.source.source.collect(&request).await);
    assert!(said.starts_with("Unreachable: the query did not finish within 200ms"), "{said}");
    assert!(started.elapsed() < Duration::from_secs(1), "it took {:?}", started.elapsed());
    // The connection is as good as before.
    assert_eq!(row(&d.source.query("SELECT 1 AS n").await.unwrap(), 0), "n=1");
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_an_unreachable_source_and_is_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.db");
    let asked = source("sqlite", &format!("path: {}", missing.display()));
    let said_missing = said(asked.query("SELECT 1").await);
    assert!(
        said_missing.starts_with("Unreachable: cannot open") && said_missing.contains("missing.db"),
        "{said_missing}"
    );
    assert!(!missing.exists());
    std::fs::write(
        &missing,
        "this is no database, and it is longer than a header of SQLite would be, by far, is it not?",
    )
    .unwrap();
    let broken = said(asked.query("SELECT * FROM t").await);
    assert!(broken.starts_with("Unreachable: the file cannot be read"), "{broken}");
    let is_folder = said(source("sqlite", &format!("path: {}", folder.path().display())).query("SELECT 1").await);
    assert!(is_folder.contains("it is a folder"), "{is_folder}");
}

#[tokio::test]
async fn a_file_that_was_replaced_is_opened_anew() {
    let d = database("CREATE TABLE t (a); INSERT INTO t VALUES ('old')", "");
    assert_eq!(row(&d.source.query("SELECT a FROM t").await.unwrap(), 0), "a=old");
    let next = d.folder.path().join("next.db");
    Connection::open(&next).unwrap().execute_batch("CREATE TABLE t (a); INSERT INTO t VALUES ('new')").unwrap();
    std::fs::rename(next, d.path()).unwrap();
    assert_eq!(row(&d.source.query("SELECT a FROM t").await.unwrap(), 0), "a=new");
}

#[tokio::test]
async fn a_locked_file_is_waited_for_until_the_deadline() {
    let d = database("CREATE TABLE t (a)", "");
    let writer = Connection::open(d.path()).unwrap();
    writer.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let mut request = d.source.request(&query("SELECT a FROM t"));
    request.timeout = Duration::from_millis(200);
    let locked = said(d.source.source.collect(&request).await);
    assert!(locked.starts_with("Unreachable: ") && locked.contains("locked"), "{locked}");
    writer.execute_batch("COMMIT").unwrap();
    assert!(d.source.source.collect(&request).await.unwrap().is_empty());
}

#[tokio::test]
async fn cells_that_no_column_can_hold_are_errors_that_name_it() {
    let d = database("", "max_bytes: 10KiB");
    for (sql, want) in [
        ("SELECT x'00' AS b", "Refused: column `b` holds a BLOB"),
        ("SELECT 9007199254740993 AS big", "Refused: column `big` holds 9007199254740993"),
        ("SELECT CAST(x'ff' AS TEXT) AS t", "Refused: column `t` holds text that is not UTF-8"),
        ("SELECT 1 AS a, 2 AS A2, 3 AS 'a'", "Refused: two columns are named `a`"),
        ("SELECT 1 AS m UNION ALL SELECT 'x'", "Refused: column `m` holds both number and text"),
        ("SELECT nobody FROM sqlite_master", "no such column: nobody (line 1, column 8 of the query)"),
        ("SELECT randomblob(100000)", "LimitPassed: a cell has more bytes"),
    ] {
        let said = said(d.source.query(sql).await);
        assert!(said.contains(want), "{sql}: {said}");
    }
}

#[tokio::test]
async fn columns_are_told_without_running_the_query() {
    let d = database("CREATE TABLE t (a, b)", "");
    let mut request = d.source.request(&query("SELECT a, b AS 'b-c', @x AS x FROM t"));
    request.params = params(&[("x", Value::Number(1.0))]);
    request.columns = Some(columns(&[("a", ValueType::Time)]));
    let columns = d.source.source.columns(&request).await.unwrap();
    assert_eq!(columns, [("a".into(), Some(ValueType::Time)), ("b_c".into(), None), ("x".into(), None)]);
    assert!(d.source.source.columns(&d.source.request(&query("SELECT c FROM t"))).await.is_err());
}

/// A source whose file is made from this script.
fn scripted(folder: &Path, script: &str) -> Asked {
    std::fs::write(folder.join("make.sql"), script).unwrap();
    let keys = format!("path: {0}/made.db\nscript: {0}/make.sql", folder.display());
    source("sqlite", &keys)
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_file_that_is_not_there_is_made_once_from_its_script_and_never_again() {
    let folder = tempfile::tempdir().unwrap();
    let asked = scripted(folder.path(), "CREATE TABLE t (a); INSERT INTO t VALUES (abs(random()) % 1000000000);");
    let (one, two) = tokio::join!(asked.query("SELECT a FROM t"), asked.query("SELECT a FROM t"));
    let made = row(&one.unwrap(), 0);
    assert_eq!(made, row(&two.unwrap(), 0), "both asked at once, and it was made once");
    assert_eq!(names(folder.path()), ["made.db", "make.sql"], "nothing else is left");
    let again = scripted(folder.path(), "this is no SQL");
    assert_eq!(row(&again.query("SELECT a FROM t").await.unwrap(), 0), made);
    let columns = scripted(folder.path(), "").source.columns(&again.request(&query("SELECT a FROM t"))).await;
    assert_eq!(columns.unwrap(), [("a".into(), None)]);
}

#[tokio::test]
async fn a_script_that_fails_is_an_unreachable_source_and_leaves_no_file() {
    for (script, want) in [
        (
            "CREATE TABLE t (a);\nINSERT INTO t VALUES (1);\n  SELEC 2;",
            "near \"SELEC\": syntax error (line 3, column 3 of the script)",
        ),
        ("CREATE TABLE t (a); INSERT INTO u VALUES (1)", "no such table: u"),
        ("BEGIN; CREATE TABLE t (a)", "it ends within a transaction"),
        ("ATTACH 'other.db' AS other", "it attaches another file"),
        ("CREATE TABLE t (a UNIQUE); INSERT INTO t VALUES (1), (1)", "UNIQUE constraint failed"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let asked = scripted(folder.path(), script);
        let said = said(asked.query("SELECT 1 AS n").await);
        assert!(said.starts_with("Unreachable: cannot make") && said.contains(want), "{script}: {said}");
        assert_eq!(names(folder.path()), ["make.sql"], "{script}");
    }
    let folder = tempfile::tempdir().unwrap();
    let asked = scripted(folder.path(), "");
    std::fs::remove_file(folder.path().join("make.sql")).unwrap();
    assert!(said(asked.query("SELECT 1 AS n").await).contains("make.sql"));
}

#[tokio::test]
async fn a_script_that_never_ends_is_interrupted_at_the_deadline() {
    let folder = tempfile::tempdir().unwrap();
    let endless =
        "CREATE TABLE t AS WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT max(n) FROM c";
    let asked = scripted(folder.path(), endless);
    let mut request = asked.request(&query("SELECT 1 AS n"));
    request.timeout = Duration::from_millis(200);
    let said = said(asked.source.collect(&request).await);
    assert!(said.contains("it did not end within 200ms"), "{said}");
    assert_eq!(names(folder.path()), ["make.sql"]);
}

#[test]
fn a_thread_without_a_runtime_can_ask_too() {
    let d = database("CREATE TABLE t (a); INSERT INTO t VALUES (7)", "");
    let sqlite =
        bellwether::collectors::sqlite::Sqlite::new(d.path(), bellwether::collectors::limits::Limits::default());
    let table = sqlite.collect_blocking(&d.source.request(&query("SELECT a FROM t"))).unwrap();
    assert_eq!(row(&table, 0), "a=7");
}

/// Is a trait object, so that a source can be shared.
#[test]
fn a_source_is_shared_between_tasks() {
    fn shared<T: Send + Sync + ?Sized>() {}
    shared::<dyn Collector>();
}
