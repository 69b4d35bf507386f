use super::*;
use crate::model::record::{Entry, Lines, RowName, Topic};
use crate::store::Memory;
use crate::store::conformance::{ROWS, entries, puts, rows};
use std::sync::Mutex;
use std::sync::mpsc::Receiver;

type Sends = Keeper<&'static str>;

fn keeper(memory: &Memory) -> Sends {
    let store = memory.clone();
    let open: Opener = Arc::new(move || Ok(Box::new(store.clone())));
    Keeper::start(open, Telemetry::new(Timestamp::default())).unwrap().0
}

async fn next(keeper: &mut Sends) -> Outcome<&'static str> {
    let report = keeper.report().await;
    keeper.hear(report)
}

#[tokio::test]
async fn sends_wait_until_their_turn_is_durable() {
    let memory = Memory::default();
    let mut keeper = keeper(&memory);
    assert!(keeper.keep(puts(rows("a")), vec!["first"]).is_empty());
    assert_eq!(next(&mut keeper).await.sends, ["first"]);
    assert_eq!(memory.saved().rows.len(), ROWS);
}

#[tokio::test]
async fn a_turn_without_writes_waits_only_behind_others() {
    let mut keeper = keeper(&Memory::default());
    assert_eq!(keeper.keep(Vec::new(), vec!["at once"]), ["at once"]);
    keeper.keep(puts(rows("a")), vec!["first"]);
    assert!(keeper.keep(Vec::new(), vec!["second"]).is_empty(), "it must not overtake");
    let mut sent = Vec::new();
    while sent.len() < 2 {
        sent.extend(next(&mut keeper).await.sends);
    }
    assert_eq!(sent, ["first", "second"]);
}

/// Waits to be let go before each commit, so that others queue up behind it.
struct Slow(Memory, Mutex<Receiver<()>>);

impl Store for Slow {
    fn load(&mut self) -> Result<Saved, StoreError> {
        self.0.load()
    }

    fn commit(&mut self, writes: &[Write]) -> Result<(), StoreError> {
        let _ = self.1.lock().unwrap().recv();
        self.0.commit(writes)
    }

    fn replace(&mut self, writes: &[Write]) -> Result<(), StoreError> {
        self.0.replace(writes)
    }

    fn history(&mut self, alert: Option<&str>, limit: usize) -> Result<Vec<Entry>, StoreError> {
        self.0.history(alert, limit)
    }

    fn lines(&mut self, of: Topic<'_>, before: i64, limit: usize) -> Result<Lines, StoreError> {
        self.0.lines(of, before, limit)
    }

    fn alerts_from(&mut self, begins: &str, limit: usize) -> Result<Vec<String>, StoreError> {
        self.0.alerts_from(begins, limit)
    }

    fn prune(&mut self, now: Timestamp, keep: Duration) -> Result<(), StoreError> {
        self.0.prune(now, keep)
    }
}

#[tokio::test]
async fn turns_that_wait_are_one_transaction() {
    let memory = Memory::default();
    let gate = memory.clone();
    let (open_gate, wait) = std::sync::mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let open: Opener = Arc::new(move || {
        let wait = std::mem::replace(&mut *wait.lock().unwrap(), std::sync::mpsc::channel().1);
        Ok(Box::new(Slow(gate.clone(), Mutex::new(wait))))
    });
    let mut keeper: Sends = Keeper::start(open, Telemetry::new(Timestamp::default())).unwrap().0;
    for turn in 0..100 {
        keeper.keep(puts(rows(&format!("r{turn}"))), Vec::new());
    }
    drop(open_gate);
    assert!(keeper.stop().await);
    assert_eq!(memory.saved().rows.len(), 100 * ROWS);
    assert!(memory.commits() <= 3, "{} commits for a hundred turns", memory.commits());
}

#[tokio::test]
async fn a_failing_store_holds_up_no_send_and_is_made_whole_again() {
    tokio::time::pause();
    let memory = Memory::default();
    let mut keeper = keeper(&memory);
    keeper.keep(puts(rows("before")), vec![]);
    next(&mut keeper).await;

    memory.fail_next(2);
    keeper.keep(puts(rows("lost")), vec!["told all the same"]);
    let outcome = next(&mut keeper).await;
    assert_eq!(outcome.sends, ["told all the same"]);
    assert!(outcome.failed.is_some() && keeper.is_failing());

    let appended = entries("meanwhile", 1).into_iter().map(|e| Write::Append(Box::new(e)));
    let gone = Write::Delete(Box::new(RowName::Check("before".into())));
    assert_eq!(keeper.keep(appended.chain([gone]).collect(), vec!["at once"]), ["at once"]);

    // The first snapshot fails, too; the next is kept.
    for attempt in 0..2 {
        tokio::time::advance(RETRY).await;
        assert!(keeper.next_due().unwrap() <= Instant::now());
        keeper.tick(|| puts(rows("now")));
        assert_eq!(next(&mut keeper).await.recovered, attempt == 1);
    }
    assert!(!keeper.is_failing());
    let kept = memory.saved().rows;
    assert_eq!(kept.len(), ROWS, "the snapshot replaces the state of before");
    assert!(rows("now").iter().all(|r| kept.contains(r)));

    keeper.keep(puts(rows("after")), vec!["after"]);
    assert_eq!(next(&mut keeper).await.sends, ["after"]);
    assert_eq!(memory.saved().rows.len(), 2 * ROWS);
}

#[tokio::test]
async fn a_store_that_hangs_lets_sends_go_when_patience_ends() {
    tokio::time::pause();
    let mut keeper = keeper(&Memory::default());
    // Nobody hears the thread: to the loop that is a store that does not answer.
    keeper.keep(puts(rows("a")), vec!["late"]);
    assert!(keeper.tick(Vec::new).sends.is_empty());
    tokio::time::advance(PATIENCE).await;
    let outcome = keeper.tick(Vec::new);
    assert_eq!(outcome.sends, ["late"]);
    assert!(outcome.failed.unwrap().contains("has not answered"));
}

#[tokio::test]
async fn a_store_that_cannot_be_read_is_tried_again_but_a_locked_one_ends_the_start() {
    tokio::time::pause();
    let memory = Memory::default();
    let store = memory.clone();
    let times = std::sync::atomic::AtomicU32::new(0);
    let open: Opener = Arc::new(move || match times.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
        0 => Err(StoreError::Corrupt("move it away".into())),
        _ => Ok(Box::new(store.clone())),
    });
    let (mut keeper, saved, why): (Sends, _, _) = Keeper::start(open, Telemetry::new(Timestamp::default())).unwrap();
    assert_eq!((saved, why.as_deref()), (Saved::default(), Some("move it away")));
    assert_eq!(keeper.keep(puts(rows("a")), vec!["told"]), ["told"]);
    tokio::time::advance(RETRY).await;
    keeper.tick(|| puts(rows("a")));
    assert!(next(&mut keeper).await.recovered);
    assert_eq!(memory.saved().rows.len(), ROWS);

    let open: Opener = Arc::new(|| Err(StoreError::Locked("held".into())));
    let started = Keeper::<()>::start(open, Telemetry::new(Timestamp::default()));
    assert_eq!(started.err(), Some(StoreError::Locked("held".into())));
}

fn note(second: i64) -> Write {
    Write::Append(Box::new(Entry::Note { at: Timestamp::from_secs(second), text: format!("note {second}") }))
}

/// The notes that a store has, in the order in which they were written.
fn notes(memory: &Memory) -> Vec<String> {
    let lines = memory.clone().lines(Topic::Bellwether, i64::MAX, usize::MAX).unwrap();
    let texts = lines.entries.into_iter().rev().map(|(_, entry)| match entry {
        Entry::Note { text, .. } => text,
        other => panic!("{other:?}"),
    });
    texts.collect()
}

async fn tries(keeper: &mut Sends, memory: &Memory, fails: bool, meanwhile: Vec<Write>) -> bool {
    memory.fail_next(u32::from(fails));
    tokio::time::advance(RETRY).await;
    keeper.tick(|| puts(rows("now")));
    keeper.keep(meanwhile, vec![]);
    next(keeper).await.recovered
}

/// A store that has just failed, with one line of history owed to it.
async fn failing() -> (Memory, Sends) {
    tokio::time::pause();
    let memory = Memory::default();
    let mut keeper = keeper(&memory);
    memory.fail_next(1);
    keeper.keep(vec![note(1)], vec![]);
    next(&mut keeper).await;
    (memory, keeper)
}

#[tokio::test]
async fn no_line_is_lost_however_often_a_snapshot_fails() {
    let (memory, mut keeper) = failing().await;
    keeper.keep(vec![note(2)], vec![]);
    assert!(!tries(&mut keeper, &memory, true, vec![note(3)]).await);
    assert!(!tries(&mut keeper, &memory, true, vec![note(4)]).await);
    let late = puts(rows("late")).into_iter().chain([note(5)]).collect();
    assert!(tries(&mut keeper, &memory, false, late).await);
    keeper.keep(vec![note(6)], vec![]);
    assert!(keeper.stop().await);
    assert_eq!(notes(&memory), ["note 1", "note 2", "note 3", "note 4", "note 5", "note 6"]);
    let kept = memory.saved().rows;
    assert!(rows("late").iter().all(|row| kept.contains(row)), "state that came while the snapshot was on its way");
}

#[tokio::test]
async fn lines_that_there_is_no_room_for_are_counted_in_a_note() {
    let (memory, mut keeper) = failing().await;
    let many = i64::try_from(owed::LINES_MAX).unwrap();
    keeper.keep((2..=many + 1).map(note).collect(), vec![]);
    assert!(!tries(&mut keeper, &memory, true, (many + 2..=many + 3).map(note).collect()).await);
    assert!(tries(&mut keeper, &memory, false, vec![]).await);
    let found = notes(&memory);
    assert_eq!(found.len(), owed::LINES_MAX + 1);
    let want = "3 lines of history from 1970-01-01T00:00:01Z to 1970-01-01T00:00:03Z could not be kept by the store: no \
                more than 10000 are kept in memory while it fails";
    assert_eq!((&*found[0], &*found[1]), (want, "note 4"));
}

/// How a promise that was given now ended, once it has.
fn promise(keeper: &mut Sends) -> std::sync::mpsc::Receiver<Result<(), String>> {
    let (sender, ended) = std::sync::mpsc::channel();
    keeper.promise(vec![Box::new(move |kept| sender.send(kept.map_err(str::to_owned)).unwrap())]);
    ended
}

#[tokio::test]
async fn what_is_promised_is_answered_once_its_turn_is_durable_or_known_not_to_be() {
    tokio::time::pause();
    let memory = Memory::default();
    let mut keeper = keeper(&memory);
    assert_eq!(promise(&mut keeper).try_recv(), Ok(Ok(())), "there is nothing to keep");
    keeper.keep(puts(rows("a")), vec![]);
    let first = promise(&mut keeper);
    assert!(first.try_recv().is_err(), "it is not durable yet");
    next(&mut keeper).await;
    assert_eq!((first.try_recv(), memory.saved().rows.len()), (Ok(Ok(())), ROWS));
    memory.fail_next(1);
    keeper.keep(puts(rows("b")), vec![]);
    let second = promise(&mut keeper);
    next(&mut keeper).await;
    assert!(second.try_recv().unwrap().unwrap_err().contains("told to fail"));
    assert!(promise(&mut keeper).try_recv().unwrap().is_err(), "nor is what comes while it fails");
}
