//! What the tests stand on: real servers on free loopback ports, a false one, and oracles for messages.
//!
//! Every server is started by its test, waits until it answers, keeps its data in a folder of its own, and is stopped
//! when dropped, or when the test process ends, however it ends. `scripts/tools` installs them, but for Google's emulators,
//! which come with the Cloud SDK; a suite says
//!
//! ```no_run
//! let Some(postgres) = testkit::postgres() else { return };
//! ```
//!
//! and is skipped, with its reason printed and counted, where the server cannot be had; with `BELLWETHER_REQUIRE_SERVERS`
//! set it fails instead, but where the server stands on what no registry has: the Cloud SDK, a Python of 3.13 or later.
//!
//! [`FaultServer`] needs nothing installed: it is an HTTP server that misbehaves as told.

mod alerting;
mod bigquery;
mod block_kit;
mod certificates;
mod discovery;
mod fault;
mod google;
mod google_api;
pub mod http;
mod outcome;
mod postgres;
mod process;
mod prometheus;
mod require;
mod service_account;
mod slack;
mod smtp;
pub mod tools;

pub use alerting::{Amtool, Vmalert};
pub use bigquery::{BigQuery, BqEmulator};
pub use block_kit::{check_attachments, check_blocks};
pub use certificates::Certificates;
pub use discovery::Discovery;
pub use fault::{FaultServer, Reply, Request};
pub use google::{Firestore, Pubsub};
pub use google_api::GoogleApi;
pub use outcome::{OUTCOMES, Outcome};
pub use postgres::Postgres;
pub use process::{Server, free_port, wait_until};
pub use prometheus::Prometheus;
pub use require::{if_there, require};
pub use service_account::ServiceAccount;
pub use slack::SlackEmulator;
pub use smtp::{Mail, Smtp, SmtpOptions, Tls};

use std::sync::LazyLock;

/// One PostgreSQL for all tests of this binary; each takes a database of its own from it.
pub fn postgres() -> Option<&'static Postgres> {
    static SHARED: LazyLock<Option<Postgres>> = LazyLock::new(|| require("PostgreSQL", twice(Postgres::start)));
    SHARED.as_ref()
}

/// One Prometheus for all tests of this binary. It scrapes itself each second as `job="self"`.
pub fn prometheus() -> Option<&'static Prometheus> {
    static SHARED: LazyLock<Option<Prometheus>> = LazyLock::new(|| require("Prometheus", twice(Prometheus::start)));
    SHARED.as_ref()
}

/// A Prometheus of this test's own, with its API below a path.
pub fn prometheus_at(prefix: &str) -> Option<Prometheus> {
    require("Prometheus", twice(|| Prometheus::start_at(prefix)))
}

/// A Prometheus of this test's own that judges rules and sends what fires to an Alertmanager on this port.
pub fn alerting_prometheus(rules: &str, alertmanager: u16) -> Option<Prometheus> {
    require("Prometheus", twice(|| Prometheus::alerting(rules, alertmanager)))
}

/// The same, with more said of how it is sent: `scheme: https, `.
pub fn alerting_prometheus_as(rules: &str, alertmanager: u16, how: &str) -> Option<Prometheus> {
    require("Prometheus", twice(|| Prometheus::alerting_as(rules, alertmanager, how)))
}

/// A vmalert of this test's own, over a Prometheus.
pub fn vmalert(rules: &str, prometheus: &str, alertmanager: u16) -> Option<Vmalert> {
    require("vmalert", twice(|| Vmalert::start(rules, prometheus, alertmanager)))
}

pub fn amtool() -> Option<Amtool> {
    require("amtool", Amtool::find())
}

/// One Pub/Sub emulator for all tests of this binary; each takes a project of its own.
pub fn pubsub() -> Option<&'static Pubsub> {
    static SHARED: LazyLock<Option<Pubsub>> =
        LazyLock::new(|| if_there("Pub/Sub emulator", google::is_there(), || twice(Pubsub::start)));
    SHARED.as_ref()
}

/// One Firestore emulator for all tests of this binary; each takes a project of its own.
pub fn firestore() -> Option<&'static Firestore> {
    static SHARED: LazyLock<Option<Firestore>> =
        LazyLock::new(|| if_there("Firestore emulator", google::is_there(), || twice(Firestore::start)));
    SHARED.as_ref()
}

/// One BigQuery emulator for all tests of this binary; each takes a dataset of its own.
pub fn bigquery() -> Option<&'static BigQuery> {
    static SHARED: LazyLock<Option<BigQuery>> =
        LazyLock::new(|| if_there("BigQuery emulator", bigquery::is_there(), || twice(BigQuery::start)));
    SHARED.as_ref()
}

/// A BigQuery emulator of this test's own.
pub fn bigquery_alone() -> Option<BigQuery> {
    if_there("BigQuery emulator", bigquery::is_there(), || twice(BigQuery::start))
}

/// Another BigQuery emulator, which answers a failed query with 200.
pub fn bqemulator() -> Option<&'static BqEmulator> {
    static SHARED: LazyLock<Option<BqEmulator>> =
        LazyLock::new(|| if_there("second BigQuery emulator", bigquery::is_there(), || twice(BqEmulator::start)));
    SHARED.as_ref()
}

/// What Google publishes of one of its APIs: `discovery("monitoring.v3")`.
pub fn discovery(api: &str) -> Option<&'static Discovery> {
    require("Google's discovery documents", Discovery::of(api))
}

/// A false API of Google's, held to its discovery document.
pub fn google_api(api: &str, answer: impl FnMut(&Request) -> Reply + Send + 'static) -> Option<GoogleApi> {
    Some(GoogleApi::start(discovery(api)?, answer))
}

/// A port that was free may be taken the next moment; that it happens twice is unlikely.
fn twice<T>(start: impl Fn() -> Result<T, String>) -> Result<T, String> {
    start().or_else(|_| start())
}

/// A mail server of this test's own.
pub fn smtp(options: SmtpOptions) -> Option<Smtp> {
    require("SMTP server (aiosmtpd)", twice(|| Smtp::start(options)))
}

/// A Slack of this test's own.
pub fn slack() -> Option<SlackEmulator> {
    require("Slack emulator", twice(SlackEmulator::start))
}

/// Where a plugin of Debian's `monitoring-plugins-basic` is: `monitoring_plugin("check_dummy")`.
pub fn monitoring_plugin(name: &str) -> Option<std::path::PathBuf> {
    require("monitoring plugins", tools::monitoring_plugin(name))
}
