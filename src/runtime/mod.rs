//! THE ONLY PLACE THAT WAITS: the loop, and the tasks, the thread and the watch around it.
//!
//! The loop owns the core and is its only caller. It waits for whatever comes first: the end of a collection or a send,
//! word from the store's thread, a question, a signal, a changed file, or the time. Then it hands the core what came,
//! hands the store what the core wants kept, and starts what may start.

mod answer;
mod ask;
mod asking;
mod build;
pub mod clock;
mod guard;
pub mod handle;
mod heartbeat;
mod keeper;
mod reload;
pub mod signals;
pub mod silences;
mod tell;
mod turn;
pub mod v2;
pub mod views;
mod watch;
mod why;

pub use ask::SourceSpec;
pub use clock::{Clock, SystemClock};
pub use handle::{Handle, Inbox, channel};
pub use heartbeat::HeartbeatSpec;
pub use keeper::Opener;
pub use signals::Signal;
pub use tell::ChannelSpec;
pub use watch::Fingerprint;

use crate::core::CoreConfig;
use crate::engine::evaluate::Evaluated;
use crate::telemetry::Telemetry;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tell::Sent;
use tokio::sync::mpsc;

/// A configuration that loaded.
pub struct Loaded {
    pub core: CoreConfig,
    pub sources: Vec<SourceSpec>,
    pub channels: Vec<ChannelSpec>,
    pub heartbeat: Option<HeartbeatSpec>,
    /// How long history is kept.
    pub keep: Duration,
    /// What [`Fingerprint`] says of the files that were read.
    pub fingerprint: Option<u64>,
}

/// Reads the configuration; the error is for people. It may block.
pub type Loader = Arc<dyn Fn() -> Result<Loaded, String> + Send + Sync>;

/// What a daemon is made of.
pub struct Options {
    pub loaded: Loaded,
    pub loader: Loader,
    /// The folder to watch.
    pub folder: PathBuf,
    pub fingerprint: Fingerprint,
    pub store: Opener,
    pub clock: Box<dyn Clock>,
    /// Where the API asks.
    pub inbox: Inbox,
    pub signals: mpsc::Receiver<Signal>,
    pub telemetry: Telemetry,
    /// Seeds backoff and makes ids unique over restarts: never the same number twice for one store.
    pub seed: u64,
}

/// What comes back to the loop from its tasks. Unbounded, as the tasks are not: each answers once.
type Events = mpsc::UnboundedSender<Event>;

enum Event {
    Evaluated(Box<Evaluated>),
    Sent(Sent),
    Loaded(reload::LoadResult),
}

/// Runs until a signal says to stop.
///
/// # Errors
/// Where another process holds the store; everything else is told and survived.
pub async fn run(options: Options) -> Result<(), String> {
    turn::Daemon::start(options).map_err(|e| e.to_string())?.run().await;
    Ok(())
}

/// Runs this to its end on a small executor: almost everything waits, and one thread for each core would only cost
/// memory. What is still busy then, such as a query on a thread of its own, is left behind.
///
/// # Errors
/// Where the system has no threads to give.
pub fn block_on<T>(work: impl Future<Output = T>) -> Result<T, String> {
    let executor = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(BLOCKING_MAX)
        .thread_keep_alive(Duration::from_secs(2))
        .thread_name("bellwether")
        .enable_all()
        .build()
        .map_err(|e| format!("no threads to run on: {e}"))?;
    let result = executor.block_on(work);
    executor.shutdown_timeout(Duration::from_secs(1));
    Ok(result)
}

/// Threads that may wait for disks and embedded databases: one for each request, and a few for the store, the files and
/// big tables.
const BLOCKING_MAX: usize = ask::REQUESTS_MAX + 8;

#[cfg(test)]
mod tests;
