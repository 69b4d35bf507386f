use super::*;
use crate::store::conformance::{ROWS, entries, kept, puts, rows};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

impl Sqlite {
    fn pragma(&self, name: &str) -> rusqlite::types::Value {
        self.connection.pragma_query_value(None, name, |row| row.get(0)).unwrap()
    }

    fn limit_pages(&self, pages: i64) {
        self.connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())).unwrap();
    }
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bellwether.db");
    (folder, path)
}

fn failed(result: Result<Sqlite, StoreError>) -> StoreError {
    result.expect_err("this must not open")
}

#[test]
fn a_commit_waits_for_the_disk() {
    let (_folder, path) = folder();
    let store = Sqlite::open(&path).unwrap();
    let full = rusqlite::types::Value::Integer(2);
    assert_eq!((store.pragma("journal_mode"), store.pragma("synchronous")), ("wal".to_owned().into(), full));
}

#[test]
fn new_rows_lie_side_by_side_in_the_order_of_their_keys() {
    let (_folder, path) = folder();
    let mut store = Sqlite::open(&path).unwrap();
    store.commit(&puts(["b", "c", "a"].into_iter().flat_map(rows).collect())).unwrap();
    let stored: Vec<String> = {
        let mut statement = store.connection.prepare("SELECT key FROM groups ORDER BY rowid").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    assert_eq!(stored, ["{}/a", "{}/b", "{}/c"]);
}

#[test]
fn a_second_daemon_is_told_who_has_the_store() {
    let (_folder, path) = folder();
    let first = Sqlite::open(&path).unwrap();
    let StoreError::Locked(why) = failed(Sqlite::open(&path)) else { panic!("not locked") };
    assert!(why.contains("bellwether.db") && why.contains("one daemon to a store"), "{why}");
    drop(first);
    Sqlite::open(&path).unwrap();
}

#[test]
fn what_is_not_a_store_is_left_alone() {
    let (_folder, path) = folder();
    std::fs::write(
        &path,
        "not a database, but somebody's file, long enough to hold a header of a hundred bytes, surely",
    )
    .unwrap();
    let StoreError::Corrupt(why) = failed(Sqlite::open(&path)) else { panic!("not corrupt") };
    assert!(why.contains("move") && why.contains("bellwether.db"), "{why}");
    assert!(std::fs::read_to_string(&path).unwrap().starts_with("not a database"), "it was touched");

    let (_folder, path) = self::folder();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE runs (x)").unwrap();
    drop(other);
    let StoreError::Failed(why) = failed(Sqlite::open(&path)) else { panic!("opened somebody's data") };
    assert!(why.contains("something else"), "{why}");
}

#[test]
fn a_damaged_page_or_row_is_reported_with_what_to_do() {
    let (_folder, path) = folder();
    let mut store = Sqlite::open(&path).unwrap();
    store.commit(&puts(rows("a"))).unwrap();
    store.connection.execute("UPDATE \"groups\" SET body = '{\"key\": 5}'", []).unwrap();
    let Err(StoreError::Corrupt(why)) = store.load() else { panic!("not corrupt") };
    assert!(why.contains("`groups`") && why.contains("{}/a"), "{why}");
    drop(store);

    let mut bytes = std::fs::read(&path).unwrap();
    bytes[usize::try_from(PAGE_BYTES).unwrap()..].fill(0xA5);
    std::fs::write(&path, bytes).unwrap();
    let found = Sqlite::open(&path).and_then(|mut s| s.load());
    assert!(matches!(found, Err(StoreError::Corrupt(_))), "{found:?}");
}

#[test]
fn a_store_of_a_newer_version_is_not_touched() {
    let (_folder, path) = folder();
    Sqlite::open(&path).unwrap().connection.pragma_update(None, "user_version", SCHEMA + 1).unwrap();
    let StoreError::Failed(why) = failed(Sqlite::open(&path)) else { panic!("opened") };
    assert!(why.contains("newer"), "{why}");
}

#[test]
fn a_history_of_the_first_schema_is_found_by_what_it_is_about() {
    let (_folder, path) = folder();
    let written = entries("a", 5);
    let mut store = Sqlite::open(&path).unwrap();
    store.commit(&written.iter().cloned().map(|e| Write::Append(Box::new(e))).collect::<Vec<_>>()).unwrap();
    let before = "DROP TABLE mentions; UPDATE history SET alert = NULL WHERE id > 2; PRAGMA user_version = 1";
    store.connection.execute_batch(before).unwrap();
    drop(store);
    let mut store = Sqlite::open(&path).unwrap();
    let Entry::Change(change) = &written[0] else { panic!("the first is a change") };
    let alert = change.view.id.to_string();
    for (topic, want) in [
        (Topic::Alert(&alert), &written[..3]),
        (Topic::Notification("n-1"), &written[3..4]),
        (Topic::Bellwether, &written[4..]),
    ] {
        let mut found: Vec<Entry> = store.lines(topic, i64::MAX, 9).unwrap().entries.into_iter().map(|l| l.1).collect();
        found.reverse();
        assert_eq!(found, want, "{topic:?}");
    }
}

#[test]
fn what_is_pruned_leaves_no_mention() {
    let (_folder, path) = folder();
    let mut store = Sqlite::open(&path).unwrap();
    let many = |secs| Write::Append(Box::new(crate::store::conformance::of_many(&["a", "b"], secs)));
    store.commit(&[many(1), many(100)]).unwrap();
    let count = |store: &Sqlite| -> i64 {
        store.connection.query_row("SELECT count(*) FROM mentions", [], |row| row.get(0)).unwrap()
    };
    assert_eq!(count(&store), 4);
    let now = |secs| crate::store::conformance::at(secs);
    store.prune(now(110), std::time::Duration::from_mins(1)).unwrap();
    assert_eq!(count(&store), 2);
    store.prune(now(1000), std::time::Duration::from_mins(1)).unwrap();
    assert_eq!(count(&store), 0);
}

#[test]
fn a_store_of_an_earlier_version_gets_the_tables_that_it_lacks() {
    let (_folder, path) = folder();
    let mut store = Sqlite::open(&path).unwrap();
    store.commit(&puts(rows("before"))).unwrap();
    store.connection.execute("DROP TABLE silences", []).unwrap();
    drop(store);
    let mut store = Sqlite::open(&path).unwrap();
    assert_eq!(kept(&mut store).len(), ROWS - 1);
    store.commit(&puts(rows("after"))).unwrap();
    assert_eq!(kept(&mut store).len(), ROWS * 2 - 1);
}

#[test]
fn a_full_disk_keeps_nothing_of_the_turn_and_goes_on_when_there_is_room() {
    let (_folder, path) = folder();
    let mut store = Sqlite::open(&path).unwrap();
    store.commit(&puts(rows("kept"))).unwrap();
    let before = kept(&mut store);
    store.limit_pages(1);
    let many: Vec<Write> = (0..200).flat_map(|i| puts(rows(&format!("more-{i}")))).collect();
    let Err(StoreError::Failed(why)) = store.commit(&many) else { panic!("it had no room") };
    assert!(why.contains("no room left"), "{why}");
    assert_eq!(kept(&mut store), before);
    store.limit_pages(1_000_000);
    store.commit(&many).unwrap();
    assert_eq!(kept(&mut store).len(), ROWS * 201);
}

#[test]
fn a_store_that_cannot_be_made_says_what_is_missing() {
    let (folder, _) = folder();
    let StoreError::Failed(why) = failed(Sqlite::open(&folder.path().join("no/such/s.db"))) else { panic!("opened") };
    assert!(why.contains("its folder must exist"), "{why}");
}

#[test]
fn the_history_uses_its_index() {
    let (_folder, path) = folder();
    let store = Sqlite::open(&path).unwrap();
    let plan: String = store
        .connection
        .query_row(
            "EXPLAIN QUERY PLAN SELECT body FROM history WHERE alert = ?1 ORDER BY at DESC, id DESC LIMIT 5",
            ["x"],
            |row| row.get(3),
        )
        .unwrap();
    assert!(plan.contains("history_alert"), "{plan}");
}

const CHILD: &str = "BELLWETHER_TEST_STORE";

/// The parent runs this very test again as a child that commits until it is killed.
#[test]
fn a_killed_process_lost_nothing_that_it_said_was_kept() {
    if let Some(path) = std::env::var_os(CHILD) {
        return commit_for_ever(Path::new(&path));
    }
    let (_folder, path) = folder();
    let name = "store::sqlite::tests::a_killed_process_lost_nothing_that_it_said_was_kept";
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(CHILD, &path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let said: Vec<usize> =
        lines.map_while(Result::ok).filter_map(|l| l.strip_prefix("kept ")?.parse().ok()).take(50).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    let mut store = Sqlite::open(&path).unwrap();
    let kept = kept(&mut store);
    for n in said {
        let of_n = rows(&format!("r{n}"));
        assert!(of_n.iter().all(|r| kept.contains(r)), "commit {n} was said to be kept and is not");
    }
    assert_eq!(kept.len() % ROWS, 0, "half a turn was kept");
    assert_eq!(
        store.history(None, 10_000).unwrap().len(),
        kept.len() / ROWS * 5,
        "a turn's history goes with its state"
    );
}

fn commit_for_ever(path: &Path) {
    let mut store = Sqlite::open(path).unwrap();
    for n in 0.. {
        let name = format!("r{n}");
        let history = entries(&name, 0).into_iter().map(|e| Write::Append(Box::new(e)));
        store.commit(&puts(rows(&name)).into_iter().chain(history).collect::<Vec<_>>()).unwrap();
        println!("kept {n}");
        std::io::stdout().flush().unwrap();
    }
}
