//! What every store must pass, and the records that its tests write.

use super::{Memory, Sqlite, Store};
use crate::model::alert::{AlertView, Change, Reason};
use crate::model::breaker::BreakerRecord;
use crate::model::notification::{Delivery, Item, ItemKind, Notification, Occasion, Receipt};
use crate::model::record::{
    Belief, ChannelRecord, CheckRecord, Entry, FlightItem, FlightRecord, GroupRecord, LifeRecord, Lines, PaceRecord,
    Phase, ReceivedRecord, Row, RowName, SourceRecord, SubjectRecord, TargetRecord, Told, Topic, Write,
};
use crate::model::{
    AlertId, ChangeKind, FailureClass, Flapping, Key, LabelSet, LastFailure, Severity, Timestamp, Value, alert::Latch,
};
use std::sync::Arc;
use std::time::Duration;

pub fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(1_767_571_200 + secs)
}

pub fn id(name: &str) -> AlertId {
    AlertId::new("processor-slowdown", Key::one("processor", name))
}

pub fn view(id: &AlertId) -> Arc<AlertView> {
    Arc::new(AlertView {
        id: id.clone(),
        labels: [("check", "processor-slowdown"), ("severity", "critical"), ("team", "data")].into_iter().collect(),
        severity: Severity::Critical,
        since: at(0),
        ended: None,
        note: None,
        title: "PredictionCoordinator ran 8.2x its baseline".into(),
        body: "10m8s against 1m14s".into(),
        description: "A processor's latest run took far longer than its own 7-day baseline.".into(),
        values: vec![(Arc::from("duration"), Value::Number(608.0)), (Arc::from("ratio"), Value::Number(f64::INFINITY))],
        condition: "ratio > 3".into(),
        links: vec![("runbook".into(), "https://runbooks.example/slowdown".into())],
        declared: Arc::from("rules/slow.yaml:4"),
        template_error: None,
        fell_back: None,
        flapping: None,
    })
}

/// How many tables there are.
pub const ROWS: usize = super::rows::TABLES.len();

fn source(name: &str) -> Row {
    Row::Source(Box::new(SourceRecord {
        source: Arc::from(name),
        breaker: BreakerRecord {
            failures: 5,
            tripped_until: Some(at(90)),
            wait: Duration::from_secs(30),
            recent: vec![at(20)],
            proven: 1,
        },
        last_failure: Some(LastFailure { at: at(20), class: FailureClass::Refused, why: "refused".into() }),
        classes: [FailureClass::Refused].into_iter().collect(),
    }))
}

fn received(name: &str) -> Row {
    Row::Received(Box::new(ReceivedRecord {
        labels: [("alertname", name), ("job", "x \"y\"")].into_iter().collect(),
        annotations: [("summary", "x is down")].into_iter().collect(),
        generator: Arc::from("http://prometheus.example/graph"),
        since: at(0),
        expires: at(240),
        updated: at(1),
    }))
}

/// One row of each table about this alert.
pub fn rows(name: &str) -> Vec<Row> {
    let id = id(name);
    let told = Told { severity: Severity::Critical, episode: at(0), flapping: true };
    let (group, channel) = (Arc::<str>::from(format!("{{}}/{name}")), Arc::<str>::from("oncall"));
    vec![
        Row::Life(Box::new(LifeRecord {
            id: id.clone(),
            latches: [
                Latch::Off,
                Latch::Pending { since: at(0), known: at(1) },
                Latch::On { since: at(0), clear: None },
            ],
            since: at(0),
            absent: None,
            unknown: 1,
            row: Arc::from([(Arc::from("duration"), Value::Number(608.0)), (Arc::from("x"), Value::Null)]),
            labels: [("team", "data")].into_iter().collect(),
        })),
        Row::Check(Box::new(CheckRecord {
            check: Arc::from(name),
            key: vec![Arc::from("processor")],
            last_slot: Some(at(60)),
        })),
        Row::Subject(Box::new(SubjectRecord {
            flapping: Some(Flapping {
                episode: at(0),
                severity: Severity::Critical,
                steady_at: at(60),
                steady: Duration::from_mins(1),
                began: Some(at(5)),
                changes: 3,
                last: view(&id),
            }),
            view: view(&id),
            phase: Phase::Firing,
            targets: vec![TargetRecord {
                channel: Arc::clone(&channel),
                group: Arc::clone(&group),
                belief: Belief::Unknown { before: None, sent: Some(told) },
                news: Some(at(0)),
                owed: false,
                ended: vec![view(&id)],
                missed: vec![view(&id)],
                hold: Some("silenced by `deploy`".into()),
                covered: true,
                stands_for: Some(Arc::from("away")),
                told_at: Some(at(31)),
            }],
        })),
        Row::Group(Box::new(GroupRecord {
            key: Arc::clone(&group),
            route: Arc::from("{}"),
            channel: Arc::clone(&channel),
            labels: LabelSet::default(),
            wait: Duration::from_secs(30),
            interval: Duration::from_mins(5),
            repeat: Duration::from_hours(4),
            last_send: Some(at(30)),
            thread: None,
            retry: None,
            first: Some(Box::new(receipt())),
        })),
        Row::Channel(Box::new(ChannelRecord {
            channel: Arc::from(name),
            failures: 2,
            tripped_until: Some(at(90)),
            wait: Duration::from_secs(30),
            not_before: None,
            down: Some("it answered 500".into()),
            away_since: Some(at(60)),
            pace: PaceRecord { last: Some(at(1)), free: Some(at(2)), hour: Some(at(3)), sent: 4 },
            recent: vec![at(10)],
            proven: 1,
            classes: [FailureClass::ServerError].into_iter().collect(),
            last_failure: Some(LastFailure { at: at(50), class: FailureClass::TimedOut, why: "no answer".into() }),
        })),
        source(name),
        Row::Flight(Box::new(FlightRecord {
            id: Arc::from(format!("n-{name}")),
            channel,
            group,
            at: at(30),
            attempt: 2,
            digest: u64::MAX,
            repeat: false,
            items: vec![FlightItem { alert: id, kind: ItemKind::CameAndWent, told }],
            also: vec![(Arc::from("another"), 7)],
            is_digest: true,
        })),
        Row::Silence(Box::new(crate::model::Silence {
            id: Arc::from(name),
            matchers: vec![crate::model::Matcher::parse(r#"team=~"data|ml""#).unwrap()],
            starts: at(0),
            ends: at(600),
            created_by: Arc::from("ana"),
            comment: Arc::from("planned \"backfill\""),
            updated: at(1),
            declared: None,
        })),
        received(name),
    ]
}

pub fn puts(rows: Vec<Row>) -> Vec<Write> {
    rows.into_iter().map(Write::Put).collect()
}

fn receipt() -> Receipt {
    Receipt {
        to: Arc::from("#data"),
        place: Arc::from("C1"),
        message: Arc::from("1.2"),
        said: Arc::from("slow"),
        shared: true,
    }
}

/// One entry of each kind; the change and the decision are about this alert.
pub fn entries(name: &str, secs: i64) -> Vec<Entry> {
    let (at, alert, channel) = (at(secs), id(name), Arc::<str>::from("oncall"));
    let notification = Notification {
        id: Arc::from("n-1"),
        channel: Arc::clone(&channel),
        group: Arc::from("{}"),
        group_labels: LabelSet::default(),
        thread: Arc::from("n-1"),
        at,
        repeat: false,
        holds: crate::model::notification::Holds { named: vec![view(&alert)], count: 1 },
        first: Some(receipt()),
        over: true,
        occasion: Occasion::default(),
        items: vec![Item { kind: ItemKind::Fired, before: None, alert: view(&alert) }],
    };
    vec![
        Entry::Change(Change {
            at,
            kind: ChangeKind::Fired,
            severity: Severity::Critical,
            note: None,
            view: view(&alert),
        }),
        Entry::Decision { at, alert, channel: Arc::clone(&channel), decision: "held: limit".into() },
        Entry::Sent { at, attempt: 1, notification: Arc::new(notification) },
        Entry::Delivery {
            at,
            id: Arc::from("n-1"),
            channel,
            attempt: 1,
            took: Duration::from_millis(80),
            delivery: Delivery::NotSent {
                why: "no connection".into(),
                retry_after: Some(Duration::from_secs(3)),
                ill: true,
                class: FailureClass::Refused,
            },
        },
        Entry::Note { at, text: "started".into() },
    ]
}

fn appends(entries: &[Entry]) -> Vec<Write> {
    entries.iter().cloned().map(|e| Write::Append(Box::new(e))).collect()
}

/// What is kept, in a fixed order.
pub fn kept(store: &mut dyn Store) -> Vec<Row> {
    let mut rows = store.load().unwrap().rows;
    rows.sort_by_key(Row::name);
    rows
}

fn sorted(mut rows: Vec<Row>) -> Vec<Row> {
    rows.sort_by_key(Row::name);
    rows
}

fn every_store(case: impl Fn(&mut dyn Store)) {
    let folder = tempfile::tempdir().unwrap();
    case(&mut Sqlite::open(&folder.path().join("s.db")).unwrap());
    case(&mut Memory::default());
}

#[test]
fn every_record_comes_back_as_it_was_kept() {
    every_store(|store| {
        store.commit(&puts(rows("a"))).unwrap();
        assert_eq!(kept(store), sorted(rows("a")));
    });
}

#[test]
fn a_put_replaces_and_a_delete_removes() {
    every_store(|store| {
        store.commit(&puts(rows("a"))).unwrap();
        let Row::Life(mut life) = rows("a").remove(0) else { panic!("the first is a life") };
        life.unknown = 7;
        let delete = rows("a").iter().skip(1).map(|r| Write::Delete(Box::new(r.name()))).collect::<Vec<_>>();
        store.commit(&[puts(vec![Row::Life(life.clone())]), delete].concat()).unwrap();
        assert_eq!(kept(store), [Row::Life(life)]);
        store.commit(&[Write::Delete(Box::new(RowName::Check(Arc::from("never was"))))]).unwrap();
    });
}

#[test]
fn the_last_write_of_a_row_in_a_turn_wins_and_all_of_its_history_stays() {
    every_store(|store| {
        let life = |unknown: u32| {
            let Row::Life(life) = rows("a").remove(0) else { panic!("the first is a life") };
            Row::Life(Box::new(LifeRecord { unknown, ..*life }))
        };
        let delete = || Write::Delete(Box::new(life(0).name()));
        store.commit(&[puts(vec![life(1), life(2)]), appends(&entries("a", 1)), puts(vec![life(3)])].concat()).unwrap();
        assert_eq!(kept(store), [life(3)]);
        store.commit(&[vec![delete()], puts(vec![life(4)])].concat()).unwrap();
        assert_eq!(kept(store), [life(4)]);
        store.commit(&[puts(vec![life(5)]), appends(&entries("a", 2)), vec![delete()]].concat()).unwrap();
        assert_eq!(kept(store), []);
        assert_eq!(store.history(None, 100).unwrap().len(), 10);
    });
}

#[test]
fn a_checks_own_alert_is_not_the_instance_that_looks_like_it() {
    every_store(|store| {
        let both = [AlertId::own("c", Reason::Error), AlertId::new("c", Key::one("reason", "error"))];
        assert_eq!(both[0].to_string(), both[1].to_string());
        let lives = both.map(|id| {
            let Row::Life(life) = rows("a").remove(0) else { panic!("the first is a life") };
            Row::Life(Box::new(LifeRecord { id, ..*life }))
        });
        store.commit(&puts(lives.to_vec())).unwrap();
        assert_eq!(kept(store).len(), 2);
    });
}

#[test]
fn replacing_leaves_nothing_of_the_old_state_and_all_of_the_history() {
    every_store(|store| {
        store.commit(&[puts(rows("old")), appends(&entries("old", 1))].concat()).unwrap();
        store.replace(&[puts(rows("new")), appends(&entries("new", 2))].concat()).unwrap();
        assert_eq!(kept(store), sorted(rows("new")));
        assert_eq!(store.history(None, 100).unwrap().len(), 10);
    });
}

#[test]
fn the_history_is_given_newest_first_and_of_one_alert() {
    every_store(|store| {
        let (early, late) = (entries("a", 10), entries("b", 20));
        store.commit(&appends(&late)).unwrap();
        store.commit(&appends(&early)).unwrap();
        let newest_first = |e: &[Entry]| e.iter().rev().cloned().collect::<Vec<_>>();
        assert_eq!(store.history(None, 100).unwrap(), [newest_first(&late), newest_first(&early)].concat());
        assert_eq!(store.history(None, 1).unwrap(), [late[4].clone()]);
        let of_a = store.history(Some(&id("a").to_string()), 100).unwrap();
        assert_eq!(of_a, newest_first(&early[..3]), "its change, what was decided, and the message that told of it");
    });
}

/// A message that speaks of several alerts.
pub fn of_many(names: &[&str], secs: i64) -> Entry {
    let Entry::Sent { at, attempt, notification } = entries(names[0], secs).remove(2) else { panic!("the third") };
    let items = names.iter().map(|n| Item { kind: ItemKind::Fired, before: None, alert: view(&id(n)) }).collect();
    Entry::Sent { at, attempt, notification: Arc::new(Notification { items, ..Notification::clone(&notification) }) }
}

#[test]
fn the_history_is_read_by_what_it_is_about_in_pages() {
    every_store(|store| {
        let (a, b, both) = (entries("a", 10), entries("b", 20), of_many(&["a", "b", "a"], 30));
        store.commit(&appends(&[a.clone(), b, vec![both.clone()]].concat())).unwrap();
        let alert = id("a").to_string();
        let mut read = |before, limit| store.lines(Topic::Alert(&alert), before, limit).unwrap();
        let all = read(i64::MAX, 100);
        let found: Vec<Entry> = all.entries.iter().map(|(_, entry)| entry.clone()).collect();
        assert_eq!((found, all.more), (vec![both, a[2].clone(), a[1].clone(), a[0].clone()], false));
        let head = read(i64::MAX, 2);
        assert_eq!((head.entries.as_slice(), head.more), (&all.entries[..2], true));
        let tail = read(head.entries[1].0, 2);
        assert_eq!((tail.entries.as_slice(), tail.more), (&all.entries[2..], false));
        let answers = store.lines(Topic::Notification("n-1"), i64::MAX, 100).unwrap().entries;
        assert_eq!(answers.iter().map(|(_, e)| e.at()).collect::<Vec<_>>(), [at(20), at(10)]);
        let notes = store.lines(Topic::Bellwether, i64::MAX, 100).unwrap().entries;
        assert!(notes.iter().all(|(_, e)| matches!(e, Entry::Note { .. })) && notes.len() == 2);
        assert_eq!(store.lines(Topic::Alert("z"), i64::MAX, 100).unwrap(), Lines::default());
    });
}

#[test]
fn the_alerts_whose_text_begins_so_are_known_from_the_history() {
    every_store(|store| {
        let check = id("a").check.to_string();
        let other = format!("{check}er");
        let about = |alert: AlertId| {
            let Entry::Change(change) = entries("a", 1).remove(0) else { panic!("the first is a change") };
            let view = AlertView { id: alert, ..AlertView::clone(&change.view) };
            Write::Append(Box::new(Entry::Change(Change { view: Arc::new(view), ..change })))
        };
        let ids = [id("b"), id("a"), AlertId::own(&check, Reason::Error), AlertId::new(&check, Key::default())];
        store.commit(&[ids.clone(), ids.clone()].concat().into_iter().map(about).collect::<Vec<_>>()).unwrap();
        store.commit(&[about(AlertId::new(&other, Key::one("n", "a")))]).unwrap();
        let mut want = ids.map(|id| id.to_string());
        want.sort();
        assert_eq!(store.alerts_from(&format!("{check}{{"), 100).unwrap(), want[1..]);
        let longer = AlertId::new(&other, Key::one("n", "a")).to_string();
        assert_eq!(store.alerts_from(&check, 100).unwrap(), [&want[..1], &[longer], &want[1..]].concat());
        assert_eq!(store.alerts_from(&check, 1).unwrap(), want[..1]);
        assert_eq!(store.alerts_from("nothing", 100).unwrap(), [""; 0]);
    });
}

#[test]
fn pruning_keeps_what_is_young_enough() {
    every_store(|store| {
        store.commit(&[appends(&entries("a", 0)), appends(&entries("a", 100)), puts(rows("a"))].concat()).unwrap();
        store.prune(at(160), Duration::from_mins(1)).unwrap();
        assert_eq!(store.history(None, 100).unwrap().len(), 5, "an entry exactly as old as `keep` stays");
        store.prune(at(161), Duration::from_mins(1)).unwrap();
        assert_eq!(store.history(None, 100).unwrap(), []);
        assert_eq!(kept(store).len(), ROWS, "state is never pruned");
    });
}
