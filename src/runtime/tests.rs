//! The loop with a false world around it: sources and channels that do as they are told, on a paused clock.

mod silenced;

use super::clock::FakeClock;
use super::views::{AlertFilter, CheckFilter, State, why::WhyFilter};
use super::*;
use crate::channels::Channel;
use crate::collectors::{CollectError, Collector, Request};
use crate::config::{Document, Problems, Reader, Source};
use crate::dispatch::{self, GroupBy, Route, Timers};
use crate::expr::{Script, compile};
use crate::model::{Delivery, Notification, Table, TableBuilder, Timestamp, Value, ValueType};
use crate::rules::{Check, KeyColumns, Mode, Policy, Schedule, SelfAlerts, SeverityRule};
use crate::store::{Memory, StoreError};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

pub const START: Timestamp = Timestamp::from_secs(1_767_571_200);

/// A check of one row, critical while `value > 10`, at each whole minute.
pub fn check(name: &str) -> Check {
    let script = Script { conditions: vec!["value > 10"], ..Script::default() };
    let rule = SeverityRule { when: 0, until: None, hold: Duration::ZERO, keep_firing_for: Duration::ZERO };
    Check {
        name: Arc::from(name),
        description: String::new(),
        source: Arc::from("world"),
        collect: Arc::new(settings(name)),
        fallback: None,
        columns: None,
        key: KeyColumns::None,
        schedule: Schedule::Every { every: Duration::from_mins(1), phase: Duration::ZERO },
        timeout: Duration::from_secs(30),
        params: Arc::from([]),
        lets: Vec::new(),
        compiled: compile(&script).unwrap(),
        severities: [None, None, Some(rule)],
        on_error: Policy::Keep,
        on_empty: Policy::Ok,
        on_absent: Policy::Ok,
        on_unknown: Policy::Keep,
        remember: Duration::from_hours(168),
        flapping: None,
        limit: 100,
        mode: Mode::Live,
        labels: Vec::new(),
        title: None,
        body: None,
        links: Vec::new(),
        depends_on: Vec::new(),
        declared: Arc::from("rules/a.yaml:1"),
    }
}

/// What a check of this name asks.
fn settings(name: &str) -> crate::config::Settings {
    let yaml = format!("query: SELECT value FROM {name}");
    let source = Arc::new(Source::new("a.yaml", "a.yaml", yaml));
    let mut problems = Problems::new();
    let document = Document::parse(&source, &mut problems).unwrap();
    let reader = Reader { folder: Path::new("/"), env: &|_| None, lenient: false, fill: false };
    let record = crate::collectors::registry::kind("sqlite").unwrap().collect;
    reader.record(&source, &document.root, record, &mut problems)
}

pub fn table(value: f64) -> Table {
    let mut table = TableBuilder::new(["value"]).unwrap();
    table.push([Value::Number(value)]).unwrap();
    table.finish()
}

/// A source and a channel that do as they are told, and remember what they were asked.
#[derive(Default)]
pub struct World {
    /// What every query gives.
    pub value: Mutex<f64>,
    pub hangs: AtomicBool,
    pub panics: AtomicBool,
    pub asked: Mutex<Vec<(String, Timestamp)>>,
    pub out: AtomicUsize,
    pub most_out: AtomicUsize,
    /// Titles of what was sent, each with its kind.
    pub told: Mutex<Vec<String>>,
    pub silent: AtomicBool,
}

impl World {
    pub fn told(&self) -> Vec<String> {
        self.told.lock().unwrap().clone()
    }

    fn set(&self, value: f64) {
        *self.value.lock().unwrap() = value;
    }
}

#[async_trait::async_trait]
impl Collector for World {
    async fn collect(&self, request: &Request) -> Result<Table, CollectError> {
        self.asked.lock().unwrap().push((request.check.to_string(), request.now));
        let out = self.out.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_out.fetch_max(out, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(100)).await;
        self.out.fetch_sub(1, Ordering::SeqCst);
        assert!(!(self.panics.load(Ordering::SeqCst) && &*request.check == "buggy"), "an index out of bounds");
        if self.hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        Ok(table(*self.value.lock().unwrap()))
    }

    async fn columns(&self, _: &Request) -> Result<Vec<(String, Option<ValueType>)>, CollectError> {
        unreachable!("only `lint --online` asks")
    }
}

#[async_trait::async_trait]
impl Channel for World {
    async fn send(&self, notification: &Notification) -> Delivery {
        let words = notification.items.iter().map(|i| format!("{} {}", i.kind.name(), i.alert.id));
        self.told.lock().unwrap().extend(words);
        if self.silent.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        Delivery::delivered()
    }
}

pub fn source(world: &Arc<World>, fingerprint: u64) -> SourceSpec {
    let kind = crate::collectors::registry::kind("sqlite").unwrap();
    SourceSpec { name: Arc::from("world"), kind, fingerprint, collector: Arc::clone(world) as Arc<dyn Collector> }
}

fn loaded(world: &Arc<World>, names: &[&str]) -> Loaded {
    let timers = Timers { wait: Duration::ZERO, interval: Duration::from_mins(1), repeat: Duration::from_hours(4) };
    let route = Route {
        id: Arc::from("{}"),
        matchers: Vec::new(),
        continues: false,
        channels: vec![Arc::from("people")],
        group_by: GroupBy::Each,
        timers,
        during: dispatch::calendar::During::default(),
        routes: Vec::new(),
        declared: Arc::from("routes.yaml:1"),
    };
    let channels = vec![dispatch::ChannelRules::new(&Arc::from("people"))];
    let people = ChannelSpec {
        name: Arc::from("people"),
        fingerprint: 1,
        deadline: Duration::from_mins(1),
        channel: Arc::clone(world) as Arc<dyn Channel>,
    };
    Loaded {
        core: CoreConfig {
            sources: Vec::new(),
            checks: names.iter().map(|n| Arc::new(check(n))).collect(),
            dispatch: dispatch::Config { route: Some(route), channels, ..dispatch::Config::default() },
            self_alerts: SelfAlerts::default(),
        },
        sources: vec![source(world, 1)],
        channels: vec![people],
        heartbeat: None,
        keep: Duration::from_hours(1),
        fingerprint: Some(1),
    }
}

/// A running daemon.
struct Run {
    world: Arc<World>,
    memory: Memory,
    handle: Handle,
    clock: FakeClock,
    signals: mpsc::Sender<Signal>,
    task: tokio::task::JoinHandle<Result<(), String>>,
}

fn opener(memory: &Memory) -> Opener {
    let memory = memory.clone();
    Arc::new(move || Ok(Box::new(memory.clone())))
}

fn start(names: &'static [&'static str]) -> Run {
    start_with(Arc::default(), &Memory::default(), None, names)
}

fn start_with(world: Arc<World>, memory: &Memory, open: Option<Opener>, names: &'static [&'static str]) -> Run {
    let telemetry = Telemetry::new(START);
    let (handle, inbox) = channel(telemetry.clone());
    let (signals, receiver) = mpsc::channel(4);
    let clock = FakeClock::at(START + Duration::from_secs(5));
    let again = Arc::clone(&world);
    let options = Options {
        loaded: loaded(&world, names),
        loader: Arc::new(move || match &*again.told() {
            told if told.iter().any(|t| t.contains("break the files")) => Err("a.yaml:1:1: broken".into()),
            _ => Ok(loaded(&again, &["alpha", "new"])),
        }),
        folder: PathBuf::from("/nowhere"),
        fingerprint: Arc::new(|| Some(1)),
        store: open.unwrap_or_else(|| opener(memory)),
        clock: Box::new(clock.clone()),
        inbox,
        signals: receiver,
        telemetry,
        seed: 1,
    };
    Run { world, memory: memory.clone(), handle, clock, signals, task: tokio::spawn(run(options)) }
}

impl Run {
    async fn wait(&self, secs: u64) {
        tokio::time::sleep(Duration::from_secs(secs)).await;
    }

    async fn stop(self) -> Result<(), String> {
        self.signals.send(Signal::Stop("SIGTERM")).await.unwrap();
        self.task.await.unwrap()
    }

    fn asked(&self) -> Vec<(String, Timestamp)> {
        self.world.asked.lock().unwrap().clone()
    }
}

#[tokio::test(start_paused = true)]
async fn a_value_becomes_a_message_and_its_end_another() {
    let daemon = start(&["alpha"]);
    daemon.world.set(11.0);
    daemon.wait(61).await;
    assert_eq!(daemon.world.told(), ["fired alpha"]);
    daemon.world.set(9.0);
    daemon.wait(120).await;
    assert_eq!(daemon.world.told(), ["fired alpha", "resolved alpha"]);
    daemon.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_was_told_is_not_told_again_after_a_restart() {
    let daemon = start(&["alpha"]);
    daemon.world.set(11.0);
    daemon.wait(61).await;
    let (world, memory) = (Arc::clone(&daemon.world), daemon.memory.clone());
    daemon.stop().await.unwrap();
    let again = start_with(world, &memory, None, &["alpha"]);
    again.wait(200).await;
    assert_eq!(again.world.told(), ["fired alpha"]);
    again.world.set(9.0);
    again.wait(120).await;
    assert_eq!(again.world.told(), ["fired alpha", "resolved alpha"]);
}

#[tokio::test(start_paused = true)]
async fn a_bug_in_one_collector_stops_no_other_check() {
    let daemon = start(&["buggy", "alpha"]);
    daemon.world.set(11.0);
    daemon.world.panics.store(true, Ordering::SeqCst);
    daemon.wait(130).await;
    let told = daemon.world.told();
    assert!(told.contains(&"fired alpha".into()), "{told:?}");
    assert!(told.iter().any(|t| t.starts_with("fired check-failing") && t.contains("buggy")), "{told:?}");
    let checks = daemon.handle.checks(CheckFilter { check: Some("buggy".into()), ..CheckFilter::default() });
    let error = checks.await.unwrap().items[0].error.clone().unwrap();
    assert!(error.contains("a bug was caught") && error.contains("an index out of bounds"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_source_that_hangs_is_cut_at_the_deadline() {
    let daemon = start(&["alpha"]);
    daemon.world.hangs.store(true, Ordering::SeqCst);
    daemon.wait(300).await;
    let told = daemon.world.told();
    assert!(told.iter().any(|t| t.starts_with("fired source-unreachable")), "{told:?}");
    let check = daemon.handle.checks(CheckFilter::default()).await.unwrap().items.remove(0);
    assert!(check.error.unwrap().contains("did not finish within 30s"));
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_never_answers_holds_up_nothing() {
    let daemon = start(&["alpha", "beta"]);
    daemon.world.set(11.0);
    daemon.world.silent.store(true, Ordering::SeqCst);
    daemon.wait(20).await;
    assert_eq!(daemon.handle.status().await.unwrap().channels[0].in_flight, 2);
    daemon.wait(120).await;
    assert!(daemon.asked().len() >= 4, "slots go on");
    let metrics = daemon.handle.metrics().await;
    assert!(metrics.contains(r#"bellwether_notifications_total{channel="people",outcome="unanswered"}"#), "{metrics}");
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_jumps_an_hour_neither_stalls_nor_fires_everything() {
    let daemon = start(&["alpha"]);
    daemon.wait(130).await;
    let before = daemon.asked().len();
    daemon.clock.jump(Duration::from_hours(1));
    daemon.wait(10).await;
    assert_eq!(daemon.asked().len(), before + 1, "one late slot, not sixty");
    daemon.wait(120).await;
    assert!(daemon.asked().len() >= before + 3, "it goes on");
    assert_eq!(daemon.world.told(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_stops_no_alert_and_is_told_of() {
    let daemon = start(&["alpha"]);
    daemon.wait(2).await;
    daemon.memory.fail_next(3);
    daemon.world.set(11.0);
    daemon.wait(70).await;
    let told = daemon.world.told();
    assert!(told.contains(&"fired alpha".into()) && told.contains(&"fired store-failing".into()), "{told:?}");
    daemon.wait(120).await;
    assert!(daemon.world.told().contains(&"resolved store-failing".into()));
    assert_eq!(daemon.handle.status().await.unwrap().store.failing, None);
    assert!(!daemon.memory.saved().rows.is_empty(), "it was made whole again");
    let life = daemon.handle.why(WhyFilter { alert: "alpha".into(), limit: 100, before: None }).await;
    let life = life.unwrap().unwrap().life;
    let lines: Vec<_> = life.iter().map(|line| line.kind).collect();
    assert_eq!(lines, ["change", "sent"], "its life is known all the same: {life:?}");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_cannot_be_read_stops_no_alert_but_a_locked_one_ends_the_start() {
    let corrupt: Opener = Arc::new(|| Err(StoreError::Corrupt("move it away".into())));
    let daemon = start_with(Arc::default(), &Memory::default(), Some(corrupt), &["alpha"]);
    daemon.world.set(11.0);
    daemon.wait(70).await;
    let told = daemon.world.told();
    assert!(told.contains(&"fired alpha".into()) && told.contains(&"fired store-failing".into()), "{told:?}");
    assert_eq!(daemon.handle.status().await.unwrap().store.failing.as_deref(), Some("move it away"));

    let locked: Opener = Arc::new(|| Err(StoreError::Locked("held by another".into())));
    let daemon = start_with(Arc::default(), &Memory::default(), Some(locked), &["alpha"]);
    assert_eq!(daemon.task.await.unwrap(), Err("held by another".into()));
}

#[tokio::test(start_paused = true)]
async fn a_reload_is_atomic_and_a_broken_one_leaves_the_old_running() {
    let daemon = start(&["alpha", "beta"]);
    daemon.wait(2).await;
    assert_eq!(daemon.handle.reload().await, Ok(Ok(super::views::Reloaded { checks: 2 })));
    daemon.wait(70).await;
    let names: Vec<_> = daemon.handle.checks(CheckFilter::default()).await.unwrap().items;
    let names: Vec<&str> = names.iter().map(|c| &*c.check).collect();
    assert_eq!(names, ["alpha", "new"]);

    daemon.world.silent.store(true, Ordering::SeqCst);
    daemon.world.set(11.0);
    daemon.wait(60).await;
    daemon.world.told.lock().unwrap().push("break the files".into());
    let refused = daemon.handle.reload().await.unwrap().unwrap_err();
    assert_eq!(refused, "a.yaml:1:1: broken");
    daemon.world.silent.store(false, Ordering::SeqCst);
    daemon.wait(130).await;
    let told = daemon.world.told();
    assert!(told.contains(&"fired config-rejected".into()), "{told:?}");
    assert!(told.iter().filter(|t| *t == "fired alpha").count() == 2, "a send in flight is asserted again: {told:?}");
    assert_eq!(daemon.handle.status().await.unwrap().config.rejected.as_deref(), Some("a.yaml:1:1: broken"));
    let metrics = daemon.handle.metrics().await;
    assert!(metrics.contains("bellwether_config_last_reload_successful 0"), "{metrics}");
}

#[tokio::test(start_paused = true)]
async fn alerts_are_shown_with_what_was_told() {
    let daemon = start(&["alpha", "beta"]);
    daemon.world.set(11.0);
    daemon.wait(61).await;
    let filter = AlertFilter { state: Some(State::Firing), check: Some("alpha".into()), ..AlertFilter::default() };
    let page = daemon.handle.alerts(filter).await.unwrap();
    assert_eq!((page.total, &*page.items[0].id), (1, "alpha"));
    let told = &page.items[0].channels[0];
    assert_eq!((&*told.channel, told.believes, told.held.as_deref()), ("people", "firing", None));
    let page = daemon.handle.alerts(AlertFilter { state: Some(State::Pending), ..AlertFilter::default() });
    assert_eq!(page.await.unwrap().total, 0);
    let metrics = daemon.handle.metrics().await;
    assert!(metrics.contains(r#"bellwether_alerts{state="firing",severity="critical"} 2"#), "{metrics}");
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_sends_but_not_for_ever() {
    let daemon = start(&["alpha"]);
    daemon.world.set(11.0);
    daemon.world.silent.store(true, Ordering::SeqCst);
    daemon.wait(5).await;
    assert_eq!(daemon.world.told(), ["fired alpha"]);
    let (begun, memory) = (tokio::time::Instant::now(), daemon.memory.clone());
    daemon.stop().await.unwrap();
    let took = begun.elapsed();
    assert!(Duration::from_secs(9) < took && took < Duration::from_secs(11), "{took:?}");
    let flights = memory.saved().rows.into_iter().filter(|r| matches!(r, crate::model::record::Row::Flight(_)));
    assert_eq!(flights.count(), 1, "the next start must know that it may have arrived");

    let idle = start(&["alpha"]);
    idle.wait(5).await;
    let begun = tokio::time::Instant::now();
    idle.stop().await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(1));
}
