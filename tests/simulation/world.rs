//! The false world: what its sources say, what its receivers do, and when the daemon dies.

use super::faults;
use super::senders::{self, Senders};
use bellwether::core::{Core, CoreConfig, Input, Options, Turn};
use bellwether::dispatch::ChannelRules;
use bellwether::dispatch::backoff::Jitter;
use bellwether::dispatch::calendar::{Calendar, During};
use bellwether::engine::{Collect, CollectFailure, Evaluated, Judged};
use bellwether::load::{self, Mode};
use bellwether::model::alert::ChangeKind;
use bellwether::model::record::{Row, RowName, Saved, TargetRecord, Write};
use bellwether::model::{
    AlertId, Change, Delivery, FailureClass, ItemKind, LabelSet, Matcher, Notification, Receipt, Severity, Silence,
    TableBuilder, Timestamp, Value,
};
use bellwether::testing::evaluated;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

/// How long faults happen, and how long after that everybody must believe what is true: the longest wait of a
/// breaker or of a refused message, and a group's interval on top.
const FAULTS: Duration = Duration::from_hours(3);
const BOUND: Duration = Duration::from_mins(45);
/// The same where a channel has a cap per hour: one that was reached is over an hour after.
const BOUND_OF_CAP: Duration = Duration::from_mins(110);

/// How long a send waits for an answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Turns that one instant may take.
const TURNS_MAX: u32 = 200;

/// What happened in a run.
#[derive(Debug, Default, Clone)]
pub struct Report {
    pub changes: usize,
    pub delivered: usize,
    pub failed: usize,
    pub lost_answers: usize,
    pub crashes: usize,
    pub reloads: usize,
    pub silences: usize,
    pub told_late: usize,
    pub digests: usize,
    pub gathered: usize,
    pub stand_ins: usize,
    pub flapping: usize,
    pub leaps: usize,
    pub store_failures: usize,
    pub received: usize,
    pub in_threads: usize,
    /// How many sends met each fault, by its name.
    pub faults: BTreeMap<&'static str, usize>,
    /// A hash of everything that was sent, in order.
    pub trace: u64,
}

impl Report {
    pub fn add(&mut self, other: &Report) {
        self.changes += other.changes;
        self.delivered += other.delivered;
        self.failed += other.failed;
        self.lost_answers += other.lost_answers;
        self.crashes += other.crashes;
        self.reloads += other.reloads;
        self.silences += other.silences;
        self.told_late += other.told_late;
        self.digests += other.digests;
        self.gathered += other.gathered;
        self.stand_ins += other.stand_ins;
        self.flapping += other.flapping;
        self.leaps += other.leaps;
        self.store_failures += other.store_failures;
        self.received += other.received;
        self.in_threads += other.in_threads;
        for (fault, count) in &other.faults {
            *self.faults.entry(fault).or_default() += count;
        }
    }
}

pub struct Rng(pub Jitter);

impl Rng {
    pub fn below(&mut self, n: u64) -> u64 {
        self.0.next_u64() % n
    }

    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        let at = usize::try_from(self.below(of.len() as u64)).expect("small");
        &of[at]
    }

    pub fn millis(&mut self, below: u64) -> Duration {
        Duration::from_millis(self.below(below))
    }
}

enum Event {
    Evaluated(Box<Evaluated>),
    Arrives(Arc<Notification>),
    Answered(Arc<str>, Delivery),
    /// Others say what fires with them.
    Minute,
}

/// What one receiver read, and what it believes because of it.
#[derive(Default)]
struct Inbox {
    believes: BTreeMap<AlertId, Severity>,
    /// Episodes it was told the beginning of.
    told: BTreeSet<(AlertId, Timestamp)>,
    /// How often it may be told of an episode again: once for each answer that was lost, be it that the daemon died.
    doubt: BTreeMap<(AlertId, Timestamp), u32>,
    /// Messages that it has, under which others may stand.
    threads: BTreeSet<Arc<str>>,
}

/// The channels that alerts lead to, by our own reading of the routes.
type Led = BTreeMap<AlertId, BTreeSet<Arc<str>>>;

struct World {
    rng: Rng,
    now: Timestamp,
    calm: Timestamp,
    events: BTreeMap<(Timestamp, u64), Event>,
    issued: u64,
    saved: BTreeMap<RowName, Row>,
    config: CoreConfig,
    /// All channels, where `four` is taken out now and then.
    channels: Vec<ChannelRules>,
    /// `four` was once taken out: who reads there cannot know what became of what it was told.
    was_out: bool,
    inboxes: BTreeMap<Arc<str>, Inbox>,
    /// Notifications that are out.
    out: BTreeMap<Arc<str>, Arc<Notification>>,
    /// Where the routes led at the last firing or escalation.
    led: Led,
    values: BTreeMap<(Arc<str>, &'static str), f64>,
    down: BTreeMap<Arc<str>, Timestamp>,
    away: BTreeMap<Arc<str>, (Timestamp, &'static testkit::Outcome)>,
    senders: Senders,
    /// Checks whose last answer was none.
    unread: BTreeSet<Arc<str>>,
    /// When each channel was last sent something.
    last_sends: BTreeMap<Arc<str>, Timestamp>,
    /// The silences that were made, as whoever made them knows them.
    silences: BTreeMap<Arc<str>, Silence>,
    /// Until when nothing can be written down, where that is so.
    store_back: Option<Timestamp>,
    report: Report,
    trace: DefaultHasher,
    /// What happened to each alert, in words, for a failure's message.
    log: Vec<(AlertId, String)>,
}

pub fn simulate(seed: u64) -> Report {
    let mut rng = Rng(Jitter::new(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ 0x5eed));
    let config = configuration(&mut rng);
    let start = Timestamp::from_secs(1_767_571_200);
    let mut world = World {
        rng,
        now: start,
        calm: start + FAULTS,
        events: BTreeMap::new(),
        issued: 0,
        saved: BTreeMap::new(),
        inboxes: config.dispatch.names().map(|c| (Arc::clone(c), Inbox::default())).collect(),
        channels: config.dispatch.channels.clone(),
        was_out: false,
        config,
        out: BTreeMap::new(),
        led: BTreeMap::new(),
        values: BTreeMap::new(),
        down: BTreeMap::new(),
        away: BTreeMap::new(),
        senders: Senders::default(),
        unread: BTreeSet::new(),
        last_sends: BTreeMap::new(),
        silences: BTreeMap::new(),
        store_back: None,
        report: Report::default(),
        trace: DefaultHasher::new(),
        log: Vec::new(),
    };
    world.run(seed);
    world.report.trace = world.trace.finish();
    world.report
}

/// A configuration out of the seed: checks of every temper, and a tree with short timers.
fn configuration(rng: &mut Rng) -> CoreConfig {
    let mut yaml = String::from("sources:\n  s0: { exec: {} }\n  s1: { exec: {} }\nchannels:\n");
    for (channel, fallback) in [("one", "two"), ("two", "three"), ("three", "four"), ("four", "")] {
        let mut keys = String::from("console: {}");
        if !fallback.is_empty() && rng.chance(50) {
            keys += &format!(", fallback: {fallback}");
        }
        if rng.chance(30) {
            keys += &format!(", rate: {}", rng.pick(&["1/s", "4/m", "20/h"]));
        }
        if rng.chance(10) {
            keys += ", max_per_hour: 20";
        }
        yaml += &format!("  {channel}: {{ {keys} }}\n");
    }
    let group = |rng: &mut Rng| (*rng.pick(&["[check]", "['...']", "[]", "[check, k]", "[severity]"])).to_owned();
    let wait = |rng: &mut Rng| (*rng.pick(&["0s", "10s", "30s"])).to_owned();
    yaml += &format!(
        "route:\n  channels: [one]\n  group_by: {}\n  group_wait: {}\n  group_interval: {}\n  repeat_interval: {}\n  routes:\n",
        group(rng),
        wait(rng),
        rng.pick(&["1m", "5m"]),
        rng.pick(&["20m", "4h"]),
    );
    yaml +=
        &format!("    - {{ matchers: ['severity=\"critical\"'], channels: [one, two], group_wait: {} }}\n", wait(rng));
    let during = rng.pick(&["", "", ", mute_during: [early]", ", active_during: [late]", ", mute_during: [rest]"]);
    yaml += &format!("    - {{ matchers: ['check=\"c2\"'], channels: [two, three]{during}, continue: true }}\n");
    yaml += &format!(
        "    - {{ matchers: ['check=~\"c[12]\"'], channels: [three], group_by: {}, continue: {} }}\n",
        group(rng),
        rng.chance(50),
    );
    yaml += "    - { matchers: ['check=~\"c[123]\"'], channels: [two] }\n";
    if rng.chance(50) {
        yaml += "inhibit:\n  - { source: ['check=\"c0\"', 'severity=\"critical\"'], target: ['check=\"c1\"'], equal: [k] }\n";
    }
    // The world begins at midnight, and its faults cease at three.
    yaml += "calendars:\n  early: { times: ['00:20-01:10', '01:40-02:30'] }\n  late: { times: ['00:30-00:50', '02:10-23:00'] }\n  rest: { times: ['01:30-24:00'] }\n";
    if rng.chance(30) {
        yaml += "silences:\n  - { name: planned, matchers: ['k=\"b\"'], starts: 2026-01-05T00:30:00Z, ends: 2026-01-05T02:00:00Z, created_by: ana, comment: x }\n";
    }
    yaml += "checks:\n";
    for i in 0..4 {
        yaml += &check(rng, i);
    }
    let dir = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(dir.path().join("bellwether.yaml"), &yaml).expect("written");
    let loaded = load::load(dir.path(), &|_| None, Mode::Lenient).expect("a folder");
    let problems: Vec<String> = loaded.problems.iter().map(|p| format!("{p:?}")).collect();
    let config = loaded.config.unwrap_or_else(|| panic!("{yaml}\n{problems:?}"));
    CoreConfig {
        checks: config.checks,
        dispatch: config.dispatch,
        self_alerts: config.self_alerts,
        ..CoreConfig::default()
    }
}

fn check(rng: &mut Rng, i: u64) -> String {
    let mut yaml = format!(
        "  - check: c{i}\n    source: s{}\n    collect: {{ command: [\"true\"] }}\n    columns: {{ k: text, v: number }}\n    key: [k]\n    every: {}\n    timeout: 20s\n",
        i % 2,
        rng.pick(&["30s", "1m", "3m"]),
    );
    yaml += &format!("    on_absent: {}\n", rng.pick(&["keep", "ok", "warning"]));
    yaml += &format!("    on_unknown: {}\n", rng.pick(&["keep", "warning"]));
    yaml += &format!("    on_empty: {}\n", rng.pick(&["keep", "ok", "critical"]));
    yaml += &format!("    on_error: {}\n", rng.pick(&["keep", "warning"]));
    yaml += &format!("    keep_firing_for: {}\n    limit: {}\n", rng.pick(&["0s", "2m"]), rng.pick(&["100", "2"]));
    yaml += &format!(
        "    flapping: {}\n",
        rng.pick(&["off", "off", "{ changes: 4, window: 10m }", "{ changes: 3, window: 30m }"])
    );
    if i == 3 && rng.chance(60) {
        yaml += "    depends_on: [c0]\n";
    }
    let until = if rng.chance(50) { ", until: v < 3" } else { "" };
    yaml += &format!(
        "    alert:\n      critical: v > 10\n      warning: {{ when: v > 5, for: {}{until} }}\n",
        rng.pick(&["0s", "1m", "4m"]),
    );
    yaml
}

impl World {
    fn run(&mut self, seed: u64) {
        let mut core = Core::new(self.config.clone(), Saved::default(), self.now, Options { seed, eager: true });
        let capped = self.config.dispatch.channels.iter().any(|channel| channel.hourly.is_some());
        let end = self.calm + if capped { BOUND_OF_CAP } else { BOUND };
        let (mut boots, mut turns) = (0, (self.now, 0));
        self.at(Duration::ZERO, Event::Minute);
        loop {
            let timer = core.next_due();
            let event = self.events.keys().next().map(|(at, _)| *at);
            let Some(next) = timer.into_iter().chain(event).min() else { break };
            if end < next {
                break;
            }
            self.now = self.now.max(next);
            self.leap();
            turns = if turns.0 == self.now { (self.now, turns.1 + 1) } else { (self.now, 0) };
            assert!(turns.1 < TURNS_MAX, "{TURNS_MAX} turns at one instant, {}\n{}", self.now, self.last_words());
            let mut inputs = self.inputs();
            let reload = self.reload();
            let is_reload = reload.is_some();
            inputs.extend(reload);
            inputs.extend(self.store_fails(&core));
            let silences = self.silences.clone();
            inputs.extend(self.silence());
            let turn = core.handle(self.now, inputs);
            let led = self.led.clone();
            self.note(&turn.changes);
            for send in &turn.sends {
                self.report.digests += usize::from(send.notification.occasion.away.is_some());
                self.report.gathered += usize::from(send.notification.occasion.gathered.is_some());
                self.report.stand_ins += usize::from(!send.notification.occasion.instead_of.is_empty());
                for item in &send.notification.items {
                    let words = format!(
                        "{} sent to {} {:?} id {} try {}",
                        self.now, send.notification.channel, item.kind, send.notification.id, send.attempt
                    );
                    self.log.push((item.alert.id.clone(), words));
                }
            }
            World::check_truth(&core, &turn);
            self.check_silenced(&turn);
            // What was told while nothing could be written down is not remembered by one that dies then.
            let odds = if is_reload { 5 } else { 400 };
            let dies = self.now < self.calm && self.store_back.is_none() && self.rng.below(odds) == 0;
            if dies {
                boots += 1;
                core = self.crash(turn, (led, silences), seed ^ (boots << 32));
                self.check_silences(&core);
                continue;
            }
            self.keep(&turn.writes);
            self.start(turn);
        }
        self.everybody_believes_the_truth(&core);
    }

    /// What happened last, to whatever alerts.
    fn last_words(&self) -> String {
        let from = self.log.len().saturating_sub(40);
        self.log[from..].iter().map(|(id, words)| format!("{id}: {words}")).collect::<Vec<_>>().join("\n  ")
    }

    /// What enters now.
    fn inputs(&mut self) -> Vec<Input> {
        let mut inputs = Vec::new();
        while let Some(entry) = self.events.first_entry() {
            if self.now < entry.key().0 {
                break;
            }
            match entry.remove() {
                Event::Evaluated(evaluated) => {
                    let check = &evaluated.check.name;
                    match evaluated.judged {
                        Judged::Failed(_) => drop(self.unread.insert(Arc::clone(check))),
                        Judged::Rows(_) => drop(self.unread.remove(check)),
                    }
                    inputs.push(Input::Evaluated(evaluated));
                }
                Event::Minute => {
                    self.at(senders::EVERY, Event::Minute);
                    let said = self.senders.say(self.now, self.is_calm(), &mut self.rng);
                    self.report.received += said.len();
                    inputs.push(Input::Received(said));
                }
                Event::Arrives(notification) => self.arrives(&notification),
                Event::Answered(id, delivery) => {
                    if let Some(notification) = self.out.remove(&id) {
                        for item in &notification.items {
                            self.log.push((
                                item.alert.id.clone(),
                                format!("{} answered {id} {}", self.now, delivery.name()),
                            ));
                        }
                    }
                    inputs.push(Input::Delivered { id, took: Duration::ZERO, delivery });
                }
            }
        }
        inputs
    }

    /// Now and then somebody saves a file: the same checks, declared anew, or a broken one.
    fn reload(&mut self) -> Option<Input> {
        if self.is_calm() || self.rng.below(300) != 0 {
            return None;
        }
        self.report.reloads += 1;
        if self.rng.chance(30) {
            return Some(Input::ReloadRejected { why: "x.yaml:1:1: it is broken".into() });
        }
        for check in &mut self.config.checks {
            *check = Arc::new((**check).clone());
        }
        if self.rng.chance(30) {
            self.toggle();
        }
        Some(Input::Reload(Box::new(self.config.clone())))
    }

    /// Takes the channel `four`, which only ever stands for another, out of the configuration, or writes it there again.
    fn toggle(&mut self) {
        let known = &mut self.config.dispatch.channels;
        if known.len() < self.channels.len() {
            known.clone_from(&self.channels);
            return;
        }
        known.retain(|channel| &*channel.name != "four");
        known.iter_mut().filter(|c| c.fallback.as_deref() == Some("four")).for_each(|c| c.fallback = None);
        self.was_out = true;
        self.last_sends.remove("four"); // what it was sent before is forgotten with it
    }

    /// Whether what a channel believes says nothing of us.
    fn is_excused(&self, channel: &str) -> bool {
        self.was_out && channel == "four"
    }

    /// Now and then somebody makes a silence, edits or expires one.
    fn silence(&mut self) -> Option<Input> {
        if self.is_calm() || self.rng.below(120) != 0 {
            return None;
        }
        self.report.silences += 1;
        let ids: Vec<Arc<str>> = self.silences.keys().cloned().collect();
        if !ids.is_empty() && self.rng.chance(40) {
            let id = Arc::clone(self.rng.pick(&ids));
            let silence = self.silences.get_mut(&id).expect("one of them");
            if self.now < silence.ends {
                (silence.starts, silence.ends, silence.updated) = (silence.starts.min(self.now), self.now, self.now);
            }
            return Some(Input::ExpireSilence { id });
        }
        let new = ids.is_empty() || self.rng.chance(80);
        let id = if new { Arc::from(format!("s{}", self.report.silences)) } else { Arc::clone(self.rng.pick(&ids)) };
        let matcher = *self.rng.pick(&[r#"check="c0""#, r#"check=~"c[12]""#, r#"k="a""#, r#"severity="critical""#]);
        let starts = self.now + self.rng.millis(1_200_000);
        // One in five holds to the end; what the others held is told until then.
        let ends = if self.rng.chance(20) { self.calm + BOUND_OF_CAP * 2 } else { starts + self.rng.millis(3_600_000) };
        let silence = Silence {
            id: Arc::clone(&id),
            matchers: vec![Matcher::parse(matcher).expect("a matcher")],
            starts,
            ends: if ends < self.calm + BOUND_OF_CAP { ends.min(self.calm) } else { ends },
            created_by: Arc::from("ana"),
            comment: Arc::from("x"),
            updated: self.now,
            declared: None,
        };
        self.silences.insert(id, silence.clone());
        Some(Input::Silence(Box::new(silence)))
    }

    fn is_silenced(&self, labels: &LabelSet) -> bool {
        let all = self.silences.values().chain(&self.config.dispatch.silences);
        all.filter(|s| s.starts <= self.now && self.now < s.ends).any(|s| Matcher::all(&s.matchers, labels))
    }

    /// What was silenced before the daemon died is silenced after it.
    fn check_silences(&self, core: &Core) {
        for (id, silence) in &self.silences {
            assert_eq!(core.dispatch.silences().get(id).map(|s| &**s), Some(silence), "at {}", self.now);
        }
    }

    /// What is silenced is not told: no news but ends and easings, and no repeat.
    fn check_silenced(&self, turn: &Turn) {
        for send in &turn.sends {
            for item in &send.notification.items {
                let held = matches!(item.kind, ItemKind::Fired | ItemKind::Escalated | ItemKind::StillFiring);
                let id = &item.alert.id;
                assert!(
                    !held || !self.is_silenced(&item.alert.labels),
                    "{id} is silenced and told as {:?} at {}\n{}",
                    item.kind,
                    self.now,
                    story(&self.log, id)
                );
            }
        }
    }

    /// Whether a calendar holds, as of now, a route that leads to the channel: by our own reading of the hours.
    fn is_out_of_hours(&self, channel: &str) -> bool {
        let minute = u16::try_from(self.now.as_secs().rem_euclid(86_400) / 60).expect("a minute of the day");
        let active = |c: &Arc<Calendar>| c.times.iter().any(|(start, end)| *start <= minute && minute < *end);
        let routes = self.config.dispatch.route.iter().flat_map(|root| root.walk());
        let held = |during: &During| {
            during.muted.iter().any(active) || (!during.active.is_empty() && !during.active.iter().any(active))
        };
        // Who stands for a channel is told by that channel's routes.
        let fallback = |name: &Arc<str>| self.config.dispatch.channel(name).and_then(|c| c.fallback.clone());
        let leads = |c: &Arc<str>| std::iter::successors(Some(Arc::clone(c)), fallback).any(|c| *c == *channel);
        routes.filter(|r| r.channels.iter().any(leads)).any(|r| held(&r.during))
    }

    /// Now and then somebody sets the clock an hour on. That it is never seen to go back is the runtime's matter.
    fn leap(&mut self) {
        let hour = Duration::from_hours(1);
        if self.now + hour * 2 < self.calm && self.rng.below(5_000) == 0 {
            self.report.leaps += 1;
            self.now = self.now + hour;
        }
    }

    /// Now and then the disk is full, or the store locked: nothing is kept until all of it is.
    fn store_fails(&mut self, core: &Core) -> Option<Input> {
        match self.store_back {
            None if !self.is_calm() && self.rng.below(800) == 0 => {
                self.report.store_failures += 1;
                self.store_back = Some(self.now + self.rng.millis(600_000));
                Some(Input::StoreFailed { why: "the disk is full".into() })
            }
            Some(back) if back <= self.now => {
                self.store_back = None;
                self.saved.clear();
                self.keep(&core.snapshot(self.now));
                Some(Input::StoreRecovered)
            }
            _ => None,
        }
    }

    fn keep(&mut self, writes: &[Write]) {
        if self.store_back.is_some() {
            return;
        }
        for write in writes {
            match write {
                Write::Put(row) => {
                    self.saved.insert(row.name(), row.clone());
                }
                Write::Delete(name) => {
                    self.saved.remove(name);
                }
                Write::Append(_) => {}
            }
        }
    }

    fn start(&mut self, turn: Turn) {
        self.check_pace(&turn);
        for collect in &turn.collects {
            self.collect(collect);
        }
        for send in turn.sends {
            self.send(&send.notification);
        }
    }

    fn at(&mut self, after: Duration, event: Event) {
        self.issued += 1;
        self.events.insert((self.now + after, self.issued), event);
    }

    fn is_calm(&self) -> bool {
        self.calm <= self.now
    }

    /// The daemon dies: before its commit, after it and before the sends, or after both. `before` is where alerts led and
    /// what was silenced before the turn.
    fn crash(&mut self, turn: Turn, before: (Led, BTreeMap<Arc<str>, Silence>), seed: u64) -> Core {
        self.report.crashes += 1;
        let how = self.rng.below(3);
        let ids: BTreeSet<AlertId> = self.log.iter().map(|(id, _)| id.clone()).collect();
        self.log.extend(ids.into_iter().map(|id| (id, format!("{} crash {how}", self.now))));
        match how {
            // Nobody ever heard of what changed in this turn.
            0 => (self.led, self.silences) = before,
            1 => self.keep(&turn.writes),
            _ => {
                self.keep(&turn.writes);
                self.start(turn);
            }
        }
        // What is out may still arrive; nobody hears the answer.
        self.events.retain(|_, event| matches!(event, Event::Arrives(_) | Event::Minute));
        let kept: Vec<Row> = self.saved.values().cloned().collect();
        for row in &kept {
            let Row::Flight(flight) = row else { continue };
            let inbox = self.inboxes.get_mut(&flight.channel).expect("a known channel");
            for item in &flight.items {
                *inbox.doubt.entry((item.alert.clone(), item.told.episode)).or_default() += 1;
            }
        }
        self.out.clear();
        let downtime = if self.rng.chance(50) { self.rng.millis(5_000) } else { self.rng.millis(600_000) };
        self.now = self.now + downtime;
        let late: Vec<_> = self.events.keys().filter(|(at, _)| *at <= self.now).copied().collect();
        for key in late {
            match self.events.remove(&key) {
                Some(Event::Arrives(notification)) => self.arrives(&notification),
                // What was said in the meantime nobody heard.
                Some(event) => self.at(Duration::from_secs(1), event),
                None => {}
            }
        }
        let mut core = Core::new(self.config.clone(), Saved { rows: kept }, self.now, Options { seed, eager: true });
        let turn = core.handle(self.now, []);
        self.note(&turn.changes);
        self.keep(&turn.writes);
        self.start(turn);
        core
    }

    fn collect(&mut self, collect: &Collect) {
        let evaluated = evaluated(collect, self.answer(collect));
        let slow = if self.rng.chance(10) { 45_000 } else { 2_000 };
        let after = self.rng.millis(if self.is_calm() { 500 } else { slow });
        self.at(after, Event::Evaluated(evaluated));
    }

    fn answer(&mut self, collect: &Collect) -> Result<Arc<bellwether::model::Table>, CollectFailure> {
        let source = Arc::clone(&collect.check.source);
        if !self.is_calm() {
            if self.rng.below(150) == 0 {
                let back = self.now + self.rng.millis(900_000);
                self.down.insert(Arc::clone(&source), back);
            }
            if self.down.get(&source).is_some_and(|back| self.now < *back) || self.rng.below(60) == 0 {
                return Err(CollectFailure {
                    unreachable: self.rng.chance(80),
                    message: "it is down".into(),
                    class: FailureClass::Other,
                    retry_after: None,
                });
            }
        }
        Ok(Arc::new(self.table(&collect.check.name)))
    }

    fn table(&mut self, check: &Arc<str>) -> bellwether::model::Table {
        let mut table = TableBuilder::new(["k", "v"]).expect("two names");
        let empty = !self.is_calm() && self.rng.below(40) == 0;
        for key in ["a", "b", "c"] {
            let value = self.value(check, key);
            if empty || (!self.is_calm() && self.rng.below(25) == 0) {
                continue;
            }
            let null = !self.is_calm() && self.rng.below(25) == 0;
            let value = if null { Value::Null } else { Value::Number(value) };
            table.push([Value::text(key), value]).expect("two values");
        }
        table.finish()
    }

    /// A value that stays for a while, jumps now and then, and rests once the faults have ceased.
    fn value(&mut self, check: &Arc<str>, key: &'static str) -> f64 {
        let jump = !self.is_calm() && self.rng.chance(8);
        let drawn = f64::from(u32::try_from(self.rng.below(14)).expect("small"));
        let value = self.values.entry((Arc::clone(check), key)).or_insert(0.0);
        if jump {
            *value = drawn;
        }
        *value
    }

    fn send(&mut self, notification: &Arc<Notification>) {
        let channel = Arc::clone(&notification.channel);
        self.out.insert(Arc::clone(&notification.id), Arc::clone(notification));
        let (arrives, delivery) = self.fate(notification);
        let travel = self.rng.millis(800);
        if arrives {
            self.at(travel, Event::Arrives(Arc::clone(notification)));
        }
        if matches!(delivery, Delivery::Delivered { .. }) {
            self.report.delivered += 1;
        } else {
            self.report.failed += 1;
        }
        if arrives && !matches!(delivery, Delivery::Delivered { .. }) {
            self.report.lost_answers += 1;
        }
        if matches!(delivery, Delivery::Unanswered { .. }) {
            let inbox = self.inboxes.get_mut(&channel).expect("a known channel");
            for item in &notification.items {
                *inbox.doubt.entry((item.alert.id.clone(), item.alert.since)).or_default() += 1;
            }
        }
        let timed_out = delivery.class() == Some(FailureClass::TimedOut);
        let back = travel + if timed_out { TIMEOUT } else { self.rng.millis(1_000) };
        self.at(back, Event::Answered(Arc::clone(&notification.id), delivery));
    }

    /// Whether a message arrives, and what its sender hears.
    fn fate(&mut self, notification: &Notification) -> (bool, Delivery) {
        let channel = &notification.channel;
        if self.is_calm() {
            return (true, self.taken(notification));
        }
        if self.rng.below(40) == 0 {
            let back = self.now + self.rng.millis(2_400_000);
            let fault = faults::draw(&mut self.rng);
            self.away.insert(Arc::clone(channel), (back, fault));
        }
        let away = self.away.get(channel).filter(|(back, _)| self.now < *back).map(|(_, fault)| *fault);
        let once = if away.is_none() && self.rng.chance(6) { Some(faults::draw(&mut self.rng)) } else { None };
        let Some(fault) = away.or(once) else { return (true, self.taken(notification)) };
        *self.report.faults.entry(fault.fault).or_default() += 1;
        faults::play(fault, &mut self.rng)
    }

    /// A channel takes a message: two of them know threads, so that what follows stands under its first, unless somebody
    /// took that away.
    fn taken(&mut self, notification: &Notification) -> Delivery {
        if !matches!(&*notification.channel, "one" | "two") {
            return Delivery::delivered();
        }
        let inbox = self.inboxes.get_mut(&notification.channel).expect("a known channel");
        if let Some(first) = &notification.first {
            assert!(inbox.threads.contains(&first.message), "{} stands under no message", notification.id);
            if self.is_calm() || !self.rng.chance(5) {
                self.report.in_threads += 1;
                return Delivery::delivered();
            }
        }
        let inbox = self.inboxes.get_mut(&notification.channel).expect("looked up above");
        inbox.threads.insert(Arc::clone(&notification.id));
        let (to, place) = (Arc::clone(&notification.channel), Arc::clone(&notification.channel));
        let receipt = Receipt { to, place, message: Arc::clone(&notification.id), said: "".into(), shared: false };
        Delivery::Delivered { but: None, receipt: Some(receipt) }
    }

    /// A receiver reads a message.
    fn arrives(&mut self, notification: &Notification) {
        (&notification.channel, self.now, notification.items.len()).hash(&mut self.trace);
        let excused = self.is_excused(&notification.channel);
        let inbox = self.inboxes.get_mut(&notification.channel).expect("a known channel");
        for item in &notification.items {
            let id = item.alert.id.clone();
            let episode = (id.clone(), item.alert.since);
            let words = format!(
                "{} {} reads {:?} {} of {}",
                self.now, notification.channel, item.kind, item.alert.severity, item.alert.since
            );
            self.log.push((id.clone(), words));
            (id.to_string(), item.kind, item.alert.severity).hash(&mut self.trace);
            match item.kind {
                ItemKind::CameAndWent => self.report.told_late += 1,
                ItemKind::Resolved => {
                    inbox.believes.remove(&id);
                }
                kind => {
                    self.report.flapping += usize::from(kind == ItemKind::Flapping);
                    let again = kind == ItemKind::Fired && !inbox.told.insert(episode.clone());
                    let doubt = inbox.doubt.entry(episode).or_default();
                    let fine = !again || 0 < *doubt;
                    *doubt = if again { doubt.saturating_sub(1) } else { *doubt };
                    let fine = fine || excused;
                    assert!(fine, "{id} told twice to {}\n{}", notification.channel, story(&self.log, &id));
                    inbox.believes.insert(id, item.alert.severity);
                }
            }
        }
    }

    fn note(&mut self, changes: &[Change]) {
        self.report.changes += changes.len();
        for change in changes {
            let words = format!("{} {:?} {} note {:?}", change.at, change.kind, change.severity, change.note);
            self.log.push((change.view.id.clone(), words));
            let id = &change.view.id;
            let unread = id.reason.is_none() && self.unread.contains(&id.check);
            assert!(
                change.kind != ChangeKind::Resolved || !unread,
                "{id} is said to be over while its source cannot be read\n{}",
                story(&self.log, id)
            );
            if matches!(change.kind, ChangeKind::Fired | ChangeKind::Escalated) {
                let route = self.config.dispatch.route.as_ref().expect("there is a route");
                let id = &change.view.id;
                let down = if &*id.check == "channel-down" { id.key.get("channel") } else { None };
                let led: BTreeSet<Arc<str>> = if let Some(down) = down {
                    // Its fallback hears of it, or the next that is well: who that is depends on what dispatch knows.
                    let has_fallback = self.config.dispatch.channel(down).is_some_and(|c| c.fallback.is_some());
                    let others = self.config.dispatch.names().filter(|c| ***c != *down && !has_fallback);
                    others.cloned().collect()
                } else {
                    route.find(&change.view.labels).iter().flat_map(|r| r.channels.iter().cloned()).collect()
                };
                self.led.insert(id.clone(), led);
            }
        }
    }

    /// No channel is sent more than its rate lets through; what is critical waits for a second at least.
    fn check_pace(&mut self, turn: &Turn) {
        for send in &turn.sends {
            let channel = &send.notification.channel;
            let last = self.last_sends.insert(Arc::clone(channel), self.now);
            let rate = self.config.dispatch.channel(channel).and_then(|rules| rules.rate);
            let (Some(rate), Some(last)) = (rate, last) else { continue };
            let critical =
                send.notification.severity() == Some(Severity::Critical) || send.notification.occasion.away.is_some();
            let least = if critical { rate.every.min(Duration::from_secs(1)) } else { rate.every };
            assert!(least <= self.now.since(last), "{channel} is told at {} and at {last}, more than {rate}", self.now);
        }
    }

    /// What leaves says what is true when it leaves.
    fn check_truth(core: &Core, turn: &Turn) {
        for send in &turn.sends {
            for item in send.notification.items.iter().filter(|i| i.alert.flapping.is_none()) {
                let id = &item.alert.id;
                let truth = core.view(id).filter(|_| firing(core, id));
                match item.kind {
                    ItemKind::Resolved | ItemKind::CameAndWent => {
                        let still = truth.is_some_and(|t| t.since == item.alert.since);
                        assert!(!still, "{id} is told to be over and fires");
                    }
                    _ => {
                        let truth = truth.unwrap_or_else(|| panic!("{id} is told to fire and does not"));
                        assert_eq!((truth.severity, truth.since), (item.alert.severity, item.alert.since), "{id}");
                    }
                }
            }
        }
    }

    /// The faults have ceased, the bound is over: each inbox alone tells the truth.
    fn everybody_believes_the_truth(&self, core: &Core) {
        let alerts: Vec<_> = core.active().filter_map(|id| Some((core.brief(id)?.0, core.view(id)?))).collect();
        let firing: Vec<_> = alerts
            .iter()
            .filter_map(|(state, view)| state.firing().map(|severity| (view.id.clone(), severity, view.labels.clone())))
            .collect();
        let active: Vec<_> = alerts.iter().map(|(_, view)| (view.id.clone(), view.labels.clone())).collect();
        let received: BTreeSet<AlertId> = core.firing().filter(|id| id.is_received()).cloned().collect();
        assert_eq!(received, self.senders.firing().collect(), "what fires by the senders' word");
        for report in core.dispatch.channel_reports(self.now) {
            let ids: BTreeSet<&AlertId> = self.log.iter().map(|(id, _)| id).collect();
            let untold = || {
                let told = ids.iter().map(|id| (id, core.dispatch.told(id)));
                let is_untold =
                    |t: &TargetRecord| t.channel == report.channel && (t.news.is_some() || t.owed) && t.hold.is_none();
                let untold = told.filter(|(_, t)| t.iter().any(is_untold));
                untold.map(|(id, t)| format!("{id} {t:?}\n{}", story(&self.log, id))).next().unwrap_or_default()
            };
            // A repeat may be out as the world ends.
            assert!(
                report.undelivered == 0 || (0 < report.in_flight && untold().is_empty()),
                "{} is not told everything, as of {}\n{}",
                report.channel,
                self.now,
                untold()
            );
        }
        for (channel, inbox) in self.inboxes.iter().filter(|(name, _)| !self.is_excused(name)) {
            for (id, severity) in &inbox.believes {
                let truth = firing.iter().find(|(f, ..)| f == id);
                let Some((_, now, labels)) = truth else {
                    panic!("{channel} believes that {id} fires, and it does not")
                };
                let held = self.is_held(core, id, labels, &active) || self.is_out_of_hours(channel);
                assert!(
                    held || severity == now,
                    "{channel} believes {id} is {severity}, and it is {now}\n{:?}\n{}",
                    core.dispatch.told(id),
                    story(&self.log, id)
                );
            }
            for (id, severity, labels) in &firing {
                let led = self.led.get(id).is_some_and(|led| led.contains(channel));
                if led && !self.is_held(core, id, labels, &active) && !self.is_out_of_hours(channel) {
                    // While it flaps the routes are asked for what is worse than before alone.
                    let known = inbox.believes.contains_key(id) || core.dispatch.flapping(id).is_some();
                    assert!(known, "{channel} was not told that {id} is {severity}\n{}", story(&self.log, id));
                }
            }
        }
    }

    /// By its own reading of the rules, not by dispatch's.
    fn is_held(
        &self,
        core: &Core,
        id: &AlertId,
        labels: &bellwether::model::LabelSet,
        active: &[(AlertId, bellwether::model::LabelSet)],
    ) -> bool {
        let limited = core.engine.alerts().iter().any(|(_, view)| {
            view.id.check == id.check && view.id.reason.is_some_and(|r| r.name() == "limit") && id.reason.is_none()
        });
        limited
            || self.is_silenced(labels)
            || self.config.dispatch.inhibit.iter().any(|rule| {
                let equal = |other: &bellwether::model::LabelSet| {
                    rule.equal.iter().all(|name| labels.get(name) == other.get(name))
                };
                Matcher::all(&rule.target, labels)
                    && active.iter().any(|(by, other)| by != id && Matcher::all(&rule.source, other) && equal(other))
            })
    }
}

/// What happened to one alert.
fn story(log: &[(AlertId, String)], id: &AlertId) -> String {
    let lines: Vec<&str> = log.iter().filter(|(i, _)| i == id).map(|(_, words)| words.as_str()).collect();
    lines.join("\n  ")
}

fn firing(core: &Core, id: &AlertId) -> bool {
    core.brief(id).is_some_and(|(state, _)| state.firing().is_some())
}
