//! WHAT THE DAEMON SAYS OF ITSELF: one function for each thing worth saying, which writes the log line and counts.
//!
//! Every metric is described in `docs/metrics.md`; a test compares the two.

mod access;
mod failures;
mod memory;

pub use failures::BreakerState;

use crate::model::alert::Change;
use crate::model::record::{Entry, Write};
use crate::model::{AlertState, ChangeKind, Delivery, FailureCounts, Notification, Severity, Timestamp};
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use tracing::{debug, error, info, warn};

/// The content type of [`Telemetry::encode`]: OpenMetrics text, which Prometheus reads since 2.5.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All counters and gauges. A clone counts into the same ones.
#[derive(Clone, Debug)]
pub struct Telemetry(Arc<Inner>);

type Seconds = Gauge<f64, AtomicU64>;

#[derive(Debug)]
struct Inner {
    registry: Registry,
    evaluations: Family<CheckOutcome, Counter>,
    evaluation_duration: Histogram,
    slots_skipped: Counter,
    collections: Family<SourceOutcome, Counter>,
    alerts: Family<StateSeverity, Gauge>,
    changes: Family<ChangeSeverity, Counter>,
    notifications: Family<ChannelOutcome, Counter>,
    latency: Family<OfChannel, Histogram, Buckets>,
    undelivered: Family<OfChannel, Gauge>,
    breaker: Family<OfChannel, Gauge>,
    reload_successful: Gauge,
    reload_at: Seconds,
    commit_duration: Histogram,
    store_failures: Counter,
    heartbeats: Family<Outcome, Counter>,
    clock_offset: Seconds,
    resident: Gauge,
    access: access::Counters,
    failures: failures::Failures,
}

/// A label's value that is shared with whoever names the thing, so that counting allocates nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Name(Arc<str>);

impl EncodeLabelValue for Name {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        encoder.write_str(&self.0)
    }
}

macro_rules! labels {
    ($($name:ident { $($label:ident: $kind:ty),* })*) => {
        $(#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)] struct $name { $($label: $kind),* })*
    };
}

labels! {
    CheckOutcome { check: Name, outcome: &'static str }
    SourceOutcome { source: Name, outcome: &'static str }
    StateSeverity { state: &'static str, severity: &'static str }
    ChangeSeverity { change: &'static str, severity: &'static str }
    ChannelOutcome { channel: Name, outcome: &'static str }
    OfChannel { channel: Name }
    Outcome { outcome: &'static str }
    Build { version: &'static str, os: &'static str, arch: &'static str }
}

/// Seconds, from five milliseconds to five minutes: from a quick query to a message that waited for a breaker.
const SECONDS: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0, 30.0, 60.0, 300.0];

#[derive(Clone, Debug)]
struct Buckets;

impl MetricConstructor<Histogram> for Buckets {
    fn new_metric(&self) -> Histogram {
        Histogram::new(SECONDS)
    }
}

impl Inner {
    fn new(started: Timestamp) -> Inner {
        let seconds = || Histogram::new(SECONDS);
        let mut inner = Inner {
            registry: Registry::default(),
            evaluations: Family::default(),
            evaluation_duration: seconds(),
            slots_skipped: Counter::default(),
            collections: Family::default(),
            alerts: Family::default(),
            changes: Family::default(),
            notifications: Family::default(),
            latency: Family::new_with_constructor(Buckets),
            undelivered: Family::default(),
            breaker: Family::default(),
            reload_successful: Gauge::default(),
            reload_at: Seconds::default(),
            commit_duration: seconds(),
            store_failures: Counter::default(),
            heartbeats: Family::default(),
            clock_offset: Seconds::default(),
            resident: Gauge::default(),
            access: access::Counters::default(),
            failures: failures::Failures::default(),
        };
        inner.registry = inner.registered(started);
        inner
    }

    /// The registry with everything in it. A counter's `_total` and an info's `_info` are added by the format.
    fn registered(&self, started: Timestamp) -> Registry {
        let mut root = Registry::default();
        let start = Seconds::default();
        start.set(started.as_secs_f64());
        root.register("process_start_time_seconds", "When the process started, since the epoch", start);
        root.register("process_resident_memory_bytes", "Resident memory", self.resident.clone());
        let own = root.sub_registry_with_prefix("bellwether");
        own.register("evaluations", "Slots of a check that were judged", self.evaluations.clone());
        let took = "How long a slot took, collection included";
        own.register("evaluation_duration_seconds", took, self.evaluation_duration.clone());
        own.register("slots_skipped", "Slots whose predecessor was still out", self.slots_skipped.clone());
        own.register("collections", "Requests to a source", self.collections.clone());
        own.register("alerts", "Alerts that are not inactive", self.alerts.clone());
        own.register("alert_changes", "Changes of alerts", self.changes.clone());
        own.register("notifications", "Attempts to send a notification, by how they ended", self.notifications.clone());
        let latency = "From the decision to tell to the delivery, of what was delivered";
        own.register("notification_latency_seconds", latency, self.latency.clone());
        let undelivered = "Alerts of which the channel does not yet know what is true";
        own.register("notifications_undelivered", undelivered, self.undelivered.clone());
        own.register("breaker_state", "0 admitting, 1 probing, 2 tripped", self.breaker.clone());
        self.failures.register(own);
        let successful = "Whether the last reload succeeded";
        own.register("config_last_reload_successful", successful, self.reload_successful.clone());
        let at = "When a reload last succeeded, since the epoch";
        own.register("config_last_reload_success_timestamp_seconds", at, self.reload_at.clone());
        own.register("store_commit_duration_seconds", "How long a commit took", self.commit_duration.clone());
        own.register("store_failures", "Commits that failed", self.store_failures.clone());
        own.register("heartbeats", "Calls of the heartbeat's URL", self.heartbeats.clone());
        let offset = "The daemon's clock minus the system's, which may have been set back";
        own.register("clock_offset_seconds", offset, self.clock_offset.clone());
        let build =
            Build { version: env!("CARGO_PKG_VERSION"), os: std::env::consts::OS, arch: std::env::consts::ARCH };
        self.access.register(own);
        own.register("build", "What runs", Info::new(build));
        root
    }
}

impl Telemetry {
    #[must_use]
    pub fn new(started: Timestamp) -> Telemetry {
        Telemetry(Arc::new(Inner::new(started)))
    }

    /// All metrics as text of [`CONTENT_TYPE`].
    #[must_use]
    pub fn encode(&self) -> String {
        if let Some(bytes) = memory::resident_bytes() {
            self.0.resident.set(bytes);
        }
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.0.registry)
            .expect("writing to a String does not fail");
        text
    }

    /// Everything is ready to begin: what is watched, who is told, where it answers.
    pub fn serving(&self, folder: &str, channels: &[&str], address: &str) {
        let channels = if channels.is_empty() { "nobody".to_owned() } else { channels.join(", ") };
        info!("starting with {folder}, telling {channels}, answering on {address}");
    }

    /// A reload changed what is taken at the start alone.
    pub fn needs_restart(&self, key: &str) {
        warn!("`{key}` changed: it is as it was until the daemon is started again");
    }

    /// `firing` alerts are known from before.
    pub fn started(&self, checks: usize, firing: usize, version: &str) {
        info!(checks, firing, version, "started");
        if firing > 0 {
            info!(
                "{firing} alerts fire since before this start: who was told of one hears of it again when it is repeated"
            );
        }
    }

    pub fn stopping(&self, why: &str, in_flight: usize) {
        info!(in_flight, "stopping: {why}");
    }

    /// One slot of a check was judged; `outcome` is `ok`, `empty`, `unknown` (some row could not be judged) or `error`.
    pub fn evaluated(&self, check: &Arc<str>, outcome: &'static str, took: Duration) {
        self.0.evaluations.get_or_create(&CheckOutcome { check: Name(Arc::clone(check)), outcome }).inc();
        self.0.evaluation_duration.observe(took.as_secs_f64());
        debug!(check = &**check, outcome, ?took, "evaluated");
    }

    /// These checks are no more: their series end.
    pub fn forget_checks<'a>(&self, gone: impl IntoIterator<Item = &'a Arc<str>>) {
        for check in gone {
            for outcome in ["ok", "empty", "unknown", "error"] {
                self.0.evaluations.remove(&CheckOutcome { check: Name(Arc::clone(check)), outcome });
            }
        }
    }

    /// What is noted about Bellwether itself stands in the log, too.
    pub fn noted(&self, writes: &[Write]) {
        for write in writes {
            if let Write::Append(entry) = write
                && let Entry::Note { text, .. } = &**entry
            {
                info!("{text}");
            }
        }
    }

    /// So many slots were skipped since this was said last.
    pub fn slots_skipped(&self, count: u64) {
        if count > 0 {
            self.0.slots_skipped.inc_by(count);
            warn!(count, "slots skipped: the one before was still out, or the clock went past them");
        }
    }

    /// A source was asked; `outcome` is `ok`, `unreachable`, `refused` or `limit_passed`.
    pub fn collected(&self, source: &Arc<str>, outcome: &'static str) {
        self.0.collections.get_or_create(&SourceOutcome { source: Name(Arc::clone(source)), outcome }).inc();
    }

    /// A collection gave no table.
    pub fn collection_failed(&self, check: &str, source: &str, why: &str) {
        warn!(check, source, "collection failed: {why}");
    }

    /// A bug was caught in the task of one check or one send.
    pub fn panicked(&self, what: &str, why: &str) {
        error!("a bug was caught in {what}: {why}");
    }

    pub fn changed(&self, change: &Change) {
        let severity = change.severity.name();
        self.0.changes.get_or_create(&ChangeSeverity { change: change.kind.name(), severity }).inc();
        if change.kind == ChangeKind::Pending {
            debug!(alert = %change.view.id, severity, "pending");
        } else {
            let view = &change.view;
            let note = view.note.map(|note| format!(" ({})", note.text())).unwrap_or_default();
            // An alert about Bellwether, and a check's own, says why in its body alone.
            let why =
                if view.condition.is_empty() && !view.body.is_empty() { &*format!(": {}", view.body) } else { "" };
            info!(alert = %view.id, severity, at = %change.at, "{}: {}{note}{why}", change.kind.name(), view.title);
        }
    }

    /// How many alerts are in each state.
    pub fn alerts(&self, counts: impl IntoIterator<Item = (AlertState, usize)>) {
        for severity in Severity::ALL {
            for state in ["pending", "firing"] {
                self.0.alerts.get_or_create(&StateSeverity { state, severity: severity.name() }).set(0);
            }
        }
        for (state, count) in counts {
            let (state, severity) = match state {
                AlertState::Pending(severity) => ("pending", severity),
                AlertState::Firing(severity) => ("firing", severity),
                AlertState::Inactive => continue,
            };
            self.0.alerts.get_or_create(&StateSeverity { state, severity: severity.name() }).set(gauge(count));
        }
    }

    /// One attempt to send ended at `now`.
    pub fn delivered(&self, notification: &Notification, attempt: u32, delivery: &Delivery, now: Timestamp) {
        let channel = Name(Arc::clone(&notification.channel));
        let outcome = delivery.name();
        self.0.notifications.get_or_create(&ChannelOutcome { channel: channel.clone(), outcome }).inc();
        let (id, to, items) = (&*notification.id, &*notification.channel, notification.items.len());
        let alerts = notification.about();
        match delivery {
            Delivery::Delivered { but, .. } => {
                let latency = now.since(notification.at).as_secs_f64();
                self.0.latency.get_or_create(&OfChannel { channel }).observe(latency);
                match but {
                    None => info!(id, channel = to, attempt, items, alerts, "delivered"),
                    Some(but) => warn!(id, channel = to, attempt, items, alerts, "delivered, but {but}"),
                }
            }
            Delivery::NotSent { why, .. } => warn!(id, channel = to, attempt, items, alerts, "did not arrive: {why}"),
            Delivery::Unanswered { why, .. } => {
                warn!(id, channel = to, attempt, items, alerts, "may have arrived: {why}");
            }
            Delivery::Refused { why, .. } => error!(id, channel = to, attempt, items, alerts, "refused: {why}"),
        }
    }

    /// The health of a channel, and of how many alerts it does not yet know what is true.
    pub fn channel(&self, channel: &Arc<str>, breaker: BreakerState, undelivered: usize, failures: &FailureCounts) {
        self.0.failures.channel(channel, failures);
        let of = OfChannel { channel: Name(Arc::clone(channel)) };
        self.0.breaker.get_or_create(&of).set(breaker as i64);
        self.0.undelivered.get_or_create(&of).set(gauge(undelivered));
    }

    /// Ends the series of a channel that is no more.
    pub fn forget_channel(&self, channel: &Arc<str>) {
        self.0.failures.forget_channel(channel);
        let of = OfChannel { channel: Name(Arc::clone(channel)) };
        self.0.breaker.remove(&of);
        self.0.undelivered.remove(&of);
    }

    pub fn reloaded(&self, now: Timestamp, checks: usize) {
        self.0.reload_successful.set(1);
        self.0.reload_at.set(now.as_secs_f64());
        info!(checks, "configuration loaded");
        if checks == 0 {
            warn!(
                "NOTHING IS WATCHED: the configuration has no check. One that is written under `checks:` is taken up at once"
            );
        }
    }

    pub fn reload_rejected(&self, why: &str) {
        self.0.reload_successful.set(0);
        error!("the configuration does not load, the old one goes on:\n{why}");
    }

    /// No alert is told to anybody.
    pub fn nobody_is_told(&self, why: &str) {
        warn!("NOBODY IS TOLD: {why}");
    }

    /// The files cannot be watched: only the slow poll sees a change.
    pub fn watch_failed(&self, why: &str, every: Duration) {
        warn!("the folder of the configuration cannot be watched, and is read every {every:?} instead: {why}");
    }

    pub fn committed(&self, took: Duration, turns: usize, writes: usize) {
        self.0.commit_duration.observe(took.as_secs_f64());
        debug!(turns, writes, ?took, "committed");
    }

    /// A write failed. `first` where the one before it did not.
    pub fn store_failed(&self, why: &str, first: bool) {
        self.0.store_failures.inc();
        if first {
            error!("alerts go on being delivered, but a restart would not know of them: {why}");
        } else {
            debug!("the store still fails: {why}");
        }
    }

    pub fn store_recovered(&self) {
        info!("the store writes again");
    }

    pub fn heartbeat(&self, result: Result<(), &str>) {
        let outcome = if result.is_ok() { "ok" } else { "failed" };
        self.0.heartbeats.get_or_create(&Outcome { outcome }).inc();
        if let Err(why) = result {
            warn!("heartbeat not sent: {why}");
        }
    }

    /// The daemon's clock minus the system's.
    pub fn clock_offset(&self, seconds: f64) {
        self.0.clock_offset.set(seconds);
    }

    /// The system's clock was set: what it did, and what ours does about it.
    pub fn clock_jumped(&self, what: &str) {
        warn!("{what}");
    }
}

fn gauge(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FailureClass;
    use std::collections::BTreeMap;

    /// Says every thing once.
    fn talkative() -> Telemetry {
        let t = Telemetry::new(Timestamp::from_secs(1_000));
        let name = Arc::<str>::from("x");
        t.evaluated(&name, "ok", Duration::from_millis(7));
        t.slots_skipped(1);
        t.collected(&name, "unreachable");
        t.alerts([(AlertState::Firing(Severity::Critical), 3)]);
        let (kind, view) = (ChangeKind::Fired, crate::store::conformance::view(&crate::store::conformance::id("x")));
        t.changed(&Change { at: Timestamp::default(), kind, severity: Severity::Critical, note: None, view });
        t.delivered(&notification(), 1, &Delivery::delivered(), Timestamp::from_secs(1_002));
        t.channel(&name, BreakerState::Tripped, 4, &[FailureClass::TimedOut; 3].into_iter().collect());
        t.source(&name, BreakerState::Probing, &[FailureClass::Refused].into_iter().collect());
        t.reloaded(Timestamp::from_secs(1_001), 12);
        t.committed(Duration::from_millis(2), 1, 6);
        t.store_failed("no room", true);
        t.heartbeat(Ok(()));
        t.request_refused("token");
        t
    }

    fn notification() -> Notification {
        Notification {
            id: Arc::from("n-1"),
            channel: Arc::from("x"),
            group: Arc::from("{}"),
            group_labels: crate::model::LabelSet::default(),
            thread: Arc::from("n-1"),
            at: Timestamp::from_secs(1_000),
            repeat: false,
            holds: crate::model::notification::Holds::default(),
            first: None,
            over: false,
            occasion: crate::model::notification::Occasion::default(),
            items: Vec::new(),
        }
    }

    /// `name → labels` of each family, as the text has them.
    fn told(text: &str) -> BTreeMap<String, String> {
        let types: Vec<(&str, &str)> =
            text.lines().filter_map(|l| l.strip_prefix("# TYPE ")?.split_once(' ')).collect();
        let suffix = |kind: &str| match kind {
            "counter" => "_total",
            "info" => "_info",
            "histogram" => "_count",
            _ => "",
        };
        let mut found = BTreeMap::new();
        for (name, kind) in types {
            let series = format!("{name}{}", suffix(kind));
            let starts = |l: &&str| l.strip_prefix(&*series).is_some_and(|rest| rest.starts_with(['{', ' ']));
            let line = text.lines().find(starts).unwrap_or_else(|| panic!("{series} has no sample"));
            let braces = line.split_once('{').map_or("", |(_, rest)| rest.split_once('}').unwrap().0);
            let labels: Vec<&str> =
                braces.split(',').filter(|l| !l.is_empty()).map(|l| l.split_once('=').unwrap().0).collect();
            found.insert(series.trim_end_matches("_count").to_owned(), labels.join(" "));
        }
        found
    }

    #[test]
    fn the_page_lists_every_metric_with_its_labels() {
        let page = include_str!("../docs/metrics.md");
        let cell = |text: &str| text.trim().replace('`', "");
        let rows = page.lines().filter(|l| l.starts_with("| `")).map(|l| l.split('|').map(cell).collect::<Vec<_>>());
        let listed: BTreeMap<String, String> = rows.map(|r| (r[1].clone(), r[3].clone())).collect();
        assert_eq!(told(&talkative().encode()), listed, "left: what /metrics has, right: docs/metrics.md");
    }

    #[test]
    fn values_are_those_that_were_said() {
        let t = talkative();
        t.alerts([(AlertState::Pending(Severity::Info), 2)]);
        let text = t.encode();
        for line in [
            "process_start_time_seconds 1000.0",
            r#"bellwether_evaluations_total{check="x",outcome="ok"} 1"#,
            r#"bellwether_alerts{state="pending",severity="info"} 2"#,
            r#"bellwether_alerts{state="firing",severity="critical"} 0"#,
            r#"bellwether_notification_latency_seconds_sum{channel="x"} 2.0"#,
            r#"bellwether_breaker_state{channel="x"} 2"#,
            r#"bellwether_channel_failures_total{channel="x",class="timed_out"} 3"#,
            r#"bellwether_source_failures_total{source="x",class="refused"} 1"#,
            r#"bellwether_source_breaker_state{source="x"} 1"#,
            r#"bellwether_notifications_undelivered{channel="x"} 4"#,
            "bellwether_config_last_reload_success_timestamp_seconds 1001.0",
            "bellwether_store_failures_total 1",
            "# EOF",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn a_rejected_reload_keeps_the_time_of_the_last_good_one() {
        let t = talkative();
        t.reload_rejected("rules/a.yaml:3:1: no");
        let text = t.encode();
        assert!(text.contains("bellwether_config_last_reload_successful 0"));
        assert!(text.contains("bellwether_config_last_reload_success_timestamp_seconds 1001.0"));
    }

    #[test]
    fn what_is_gone_has_no_series() {
        let t = talkative();
        t.forget_checks([&Arc::from("x")]);
        t.forget_channel(&Arc::from("x"));
        t.forget_source(&Arc::from("x"));
        let text = t.encode();
        for gone in [
            "bellwether_evaluations_total{",
            "bellwether_breaker_state{",
            "channel_failures_total{",
            "notifications_undelivered{",
        ] {
            assert!(!text.contains(gone), "{gone}");
        }
    }
}
