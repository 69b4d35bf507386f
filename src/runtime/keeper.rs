//! The store's thread: it makes turns durable, as many as wait in one transaction, and then lets their sends go.
//!
//! A store that fails or hangs never holds up a send for longer than [`PATIENCE`]: better told twice than never. From
//! its first failure on nothing is written until a snapshot of the whole state was: half a state is worse than an
//! old one.

use crate::model::Timestamp;
use crate::model::record::{Entry, Saved, Write};
use crate::store::{Store, StoreError};
use crate::telemetry::Telemetry;
use std::collections::VecDeque;
use std::sync::mpsc as std_mpsc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// How long sends wait for their turn to be durable.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// How long after a failure a snapshot is tried, and tried again.
pub const RETRY: Duration = Duration::from_secs(5);
/// Turns committed in one transaction, so that a commit stays short.
const TURNS_MAX: usize = 1_024;
/// Lines of history kept in memory for a store that fails; what is over is lost.
const OWED_MAX: usize = 10_000;

/// Opens the store: at the start, and again after a failure.
pub type Opener = Box<dyn Fn() -> Result<Box<dyn Store>, StoreError> + Send>;
/// The answer to a question about the history.
pub type HistoryReply = oneshot::Sender<Result<Vec<Entry>, StoreError>>;

enum Job {
    Turn { number: u64, writes: Vec<Write> },
    Snapshot(Vec<Write>),
    Prune { now: Timestamp, keep: Duration },
    History { alert: Option<String>, limit: usize, reply: HistoryReply },
}

/// What the thread says.
#[derive(Debug)]
pub enum Report {
    /// All turns up to this one are durable.
    Kept(u64),
    /// All turns up to this one are not, and will not be.
    Failed { through: u64, why: String },
    /// Everything is durable again.
    Restored,
    /// The snapshot failed.
    NotRestored(String),
}

/// What the loop is to do about a report.
#[derive(Debug, Default)]
pub struct Outcome<S> {
    /// These may leave now.
    pub sends: Vec<S>,
    /// The store began to fail.
    pub failed: Option<String>,
    /// It writes again.
    pub recovered: bool,
}

/// The loop's end of the store's thread. `S` is whatever waits for a turn to be durable.
pub struct Keeper<S> {
    jobs: Option<std_mpsc::Sender<Job>>,
    reports: mpsc::UnboundedReceiver<Report>,
    thread: Option<std::thread::JoinHandle<()>>,
    turns: u64,
    waiting: VecDeque<Waiting<S>>,
    /// `Some` from the first failure until a snapshot was kept: when to try one, or that one is on its way.
    failing: Option<Retry>,
    owed: VecDeque<Write>,
}

struct Waiting<S> {
    turn: u64,
    since: Instant,
    sends: Vec<S>,
}

enum Retry {
    At(Instant),
    Asked,
}

impl<S> Keeper<S> {
    /// Opens the store and starts its thread. Gives what was kept, and why it could not be read where it could not:
    /// then the daemon goes on with an empty memory, and a snapshot is tried until one is kept.
    ///
    /// # Errors
    /// Where another process holds the store: that one is telling people.
    pub fn start(open: Opener, telemetry: Telemetry) -> Result<(Keeper<S>, Saved, Option<String>), StoreError> {
        let (store, saved, why) = match open().and_then(|mut store| Ok((store.load()?, store))) {
            Ok((saved, store)) => (Some(store), saved, None),
            Err(StoreError::Locked(why)) => return Err(StoreError::Locked(why)),
            Err(other) => (None, Saved::default(), Some(other.to_string())),
        };
        let (jobs, inbox) = std_mpsc::channel();
        let (outbox, reports) = mpsc::unbounded_channel();
        let worker = Worker { open, store, reports: outbox, telemetry };
        let thread = std::thread::Builder::new()
            .name("store".into())
            .spawn(move || worker.run(&inbox))
            .map_err(|e| StoreError::Failed(format!("no thread for the store: {e}")))?;
        let failing = why.as_ref().map(|_| Retry::At(Instant::now() + RETRY));
        let keeper = Keeper {
            jobs: Some(jobs),
            reports,
            thread: Some(thread),
            turns: 0,
            waiting: VecDeque::new(),
            failing,
            owed: VecDeque::new(),
        };
        Ok((keeper, saved, why))
    }

    /// Hands over a turn. Gives back the sends that need not wait.
    pub fn keep(&mut self, writes: Vec<Write>, sends: Vec<S>) -> Vec<S> {
        if self.failing.is_some() {
            self.owe(writes);
            return sends;
        }
        if writes.is_empty() && self.waiting.is_empty() {
            return sends;
        }
        self.turns += 1;
        self.waiting.push_back(Waiting { turn: self.turns, since: Instant::now(), sends });
        self.order(Job::Turn { number: self.turns, writes });
        Vec::new()
    }

    /// What the thread says next. It pends for ever once the thread has ended.
    pub async fn report(&mut self) -> Report {
        match self.reports.recv().await {
            Some(report) => report,
            None => std::future::pending().await,
        }
    }

    /// Takes note of a report.
    pub fn hear(&mut self, report: Report) -> Outcome<S> {
        let mut outcome = Outcome { sends: Vec::new(), failed: None, recovered: false };
        match report {
            Report::Kept(through) => outcome.sends = self.release(through),
            Report::Failed { through, why } => {
                outcome.sends = self.release(through);
                outcome.failed = self.fail(why);
            }
            Report::Restored => {
                self.failing = None;
                outcome.recovered = true;
            }
            Report::NotRestored(_) => self.failing = Some(Retry::At(Instant::now() + RETRY)),
        }
        outcome
    }

    /// When [`Keeper::tick`] has something to do.
    pub fn next_due(&self) -> Option<Instant> {
        let stalled = self.waiting.front().map(|w| w.since + PATIENCE);
        let retry = match self.failing {
            Some(Retry::At(at)) => Some(at),
            Some(Retry::Asked) | None => None,
        };
        [stalled, retry].into_iter().flatten().min()
    }

    /// Lets go what has waited too long, and asks for a snapshot where one is due.
    pub fn tick(&mut self, snapshot: impl FnOnce() -> Vec<Write>) -> Outcome<S> {
        let now = Instant::now();
        let mut outcome = Outcome { sends: Vec::new(), failed: None, recovered: false };
        if self.waiting.front().is_some_and(|w| w.since + PATIENCE <= now) {
            outcome.sends = self.release(u64::MAX);
            outcome.failed =
                self.fail(format!("the store has not answered for {} s: is its disk hanging?", PATIENCE.as_secs()));
        }
        if matches!(self.failing, Some(Retry::At(at)) if at <= now) {
            self.failing = Some(Retry::Asked);
            let writes = snapshot().into_iter().chain(self.owed.drain(..)).collect();
            self.order(Job::Snapshot(writes));
        }
        outcome
    }

    /// Whether the last write failed and nothing was kept since.
    pub fn is_failing(&self) -> bool {
        self.failing.is_some()
    }

    /// Drops what is older than `keep`.
    pub fn prune(&self, now: Timestamp, keep: Duration) {
        self.order(Job::Prune { now, keep });
    }

    /// Asks for the history of one alert, or of everything.
    pub fn history(&self, alert: Option<String>, limit: usize, reply: HistoryReply) {
        self.order(Job::History { alert, limit, reply });
    }

    /// Lets the thread finish what it has, and waits for it, but not for ever. Whether it ended.
    pub async fn stop(mut self) -> bool {
        self.jobs = None;
        let end = async { while self.reports.recv().await.is_some() {} };
        let ended = tokio::time::timeout(PATIENCE, end).await.is_ok();
        if let (true, Some(thread)) = (ended, self.thread.take()) {
            return thread.join().is_ok();
        }
        ended
    }

    fn order(&self, job: Job) {
        if let Some(jobs) = &self.jobs {
            // A thread that is gone answers nothing, and the sends go by their patience.
            let _ = jobs.send(job);
        }
    }

    fn release(&mut self, through: u64) -> Vec<S> {
        let count = self.waiting.partition_point(|w| w.turn <= through);
        self.waiting.drain(..count).flat_map(|w| w.sends).collect()
    }

    fn fail(&mut self, why: String) -> Option<String> {
        let first = self.failing.is_none();
        self.failing.get_or_insert_with(|| Retry::At(Instant::now() + RETRY));
        first.then_some(why)
    }

    fn owe(&mut self, writes: Vec<Write>) {
        self.owed.extend(writes.into_iter().filter(|w| matches!(w, Write::Append(_))));
        let over = self.owed.len().saturating_sub(OWED_MAX);
        self.owed.drain(..over);
    }
}

/// The thread.
struct Worker {
    open: Opener,
    /// `None` from a failure until it was opened again.
    store: Option<Box<dyn Store>>,
    reports: mpsc::UnboundedSender<Report>,
    telemetry: Telemetry,
}

impl Worker {
    fn run(mut self, inbox: &std_mpsc::Receiver<Job>) {
        let mut next = inbox.recv().ok();
        while let Some(job) = next.take() {
            next = match job {
                Job::Turn { number, writes } => self.turns(number, writes, inbox),
                Job::Snapshot(writes) => self.snapshot(&writes),
                Job::Prune { now, keep } => self.prune(now, keep),
                Job::History { alert, limit, reply } => self.history(alert.as_deref(), limit, reply),
            };
            next = next.or_else(|| inbox.recv().ok());
        }
    }

    /// Commits this turn and those that wait behind it. Gives back the job that it met and that is no turn.
    fn turns(&mut self, mut number: u64, mut writes: Vec<Write>, inbox: &std_mpsc::Receiver<Job>) -> Option<Job> {
        let (mut other, mut turns) = (None, 1);
        while turns < TURNS_MAX && other.is_none() {
            match inbox.try_recv() {
                Ok(Job::Turn { number: n, writes: more }) => {
                    writes.extend(more);
                    (number, turns) = (n, turns + 1);
                }
                Ok(job) => other = Some(job),
                Err(_) => break,
            }
        }
        let begun = std::time::Instant::now();
        let result = match &mut self.store {
            Some(store) => store.commit(&writes).map_err(|e| e.to_string()),
            None => Err("the store failed before, and waits for a snapshot".into()),
        };
        match result {
            Ok(()) => {
                self.telemetry.committed(begun.elapsed(), turns, writes.len());
                self.say(Report::Kept(number));
            }
            Err(why) => {
                self.telemetry.store_failed(&why, self.store.is_some());
                self.store = None;
                self.say(Report::Failed { through: number, why });
            }
        }
        other
    }

    fn snapshot(&mut self, writes: &[Write]) -> Option<Job> {
        // A file that cannot be read whole is not written over: a person must move it away.
        self.store = None;
        let result = (self.open)().and_then(|mut store| {
            store.load()?;
            store.replace(writes)?;
            Ok(store)
        });
        match result {
            Ok(store) => {
                self.store = Some(store);
                self.telemetry.store_recovered();
                self.say(Report::Restored);
            }
            Err(why) => {
                self.telemetry.store_failed(&why.to_string(), false);
                self.say(Report::NotRestored(why.to_string()));
            }
        }
        None
    }

    fn prune(&mut self, now: Timestamp, keep: Duration) -> Option<Job> {
        // What could not be pruned is pruned the next time; a store that fails is noticed by its commits.
        let _ = self.store.as_mut().map(|store| store.prune(now, keep));
        None
    }

    fn history(&mut self, alert: Option<&str>, limit: usize, reply: HistoryReply) -> Option<Job> {
        let failing = || Err(StoreError::Failed("the store fails at present".into()));
        let _ = reply.send(self.store.as_mut().map_or_else(failing, |store| store.history(alert, limit)));
        None
    }

    fn say(&self, report: Report) {
        // A loop that is gone needs no report.
        let _ = self.reports.send(report);
    }
}

#[cfg(test)]
mod tests;
