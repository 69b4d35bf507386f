//! The store's task: it makes turns durable, as many as wait in one transaction and on a thread that may wait for the
//! disk, and then lets their sends go.
//!
//! A store that fails or hangs never holds up a send for longer than [`PATIENCE`]: better told twice than never. From
//! its first failure on nothing is written until a snapshot of the whole state was: half a state is worse than an
//! old one. The lines of history of that time are kept in memory and written with it.

mod owed;

use super::guard::spawned;
use crate::model::Timestamp;
use crate::model::record::{Saved, Write};
use crate::store::{Store, StoreError};
use crate::telemetry::Telemetry;
pub use owed::LOST;
use owed::{Late, Owed};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

/// How long sends wait for their turn to be durable.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// How long after a failure a snapshot is tried, and tried again.
pub const RETRY: Duration = Duration::from_secs(5);
/// Turns committed in one transaction, so that a commit stays short.
const TURNS_MAX: usize = 1_024;

/// Opens the store: at the start, and again after a failure.
pub type Opener = Arc<dyn Fn() -> Result<Box<dyn Store>, StoreError> + Send + Sync>;

/// Told how it ended once a turn is durable, or is known not to be: then with the reason.
pub type Promise = Box<dyn FnOnce(Result<(), &str>) + Send>;

enum Job {
    Turn { number: u64, writes: Vec<Write> },
    Snapshot(Vec<Write>),
    Prune { now: Timestamp, keep: Duration },
    Read(Read),
}

/// Reads the store between two commits; `None` where it fails and is not open. It must be short.
pub type Read = Box<dyn FnOnce(Option<&mut dyn Store>) + Send>;

/// What the task says.
#[derive(Debug)]
pub enum Report {
    /// All turns up to this one are durable.
    Kept(u64),
    /// All turns up to this one are not, and will not be; `lost` is what they would have written.
    Failed { through: u64, why: String, lost: Vec<Write> },
    /// Everything is durable again.
    Restored,
    /// The snapshot failed.
    NotRestored,
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

/// The loop's end of the store's task. `S` is whatever waits for a turn to be durable.
pub struct Keeper<S> {
    jobs: mpsc::UnboundedSender<Job>,
    reports: mpsc::UnboundedReceiver<Report>,
    task: JoinHandle<()>,
    turns: u64,
    waiting: VecDeque<Waiting<S>>,
    /// `Some` from the first failure until a snapshot was kept: when to try one, or that one is on its way.
    failing: Option<Retry>,
    /// Why, for promises.
    why: String,
    /// Lines that are in no snapshot that was asked for.
    owed: Owed,
    /// Those in the snapshot that is on its way.
    asked: Owed,
    late: Late,
}

struct Waiting<S> {
    turn: u64,
    since: Instant,
    sends: Vec<S>,
    promises: Vec<Promise>,
}

enum Retry {
    At(Instant),
    Asked,
}

impl<S> Keeper<S> {
    /// Opens the store and starts its task. Gives what was kept, and why it could not be read where it could not:
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
        if let Some(why) = &why {
            telemetry.store_failed(why, true);
        }
        // Unbounded, as it holds no more than the turns of one patience.
        let (jobs, inbox) = mpsc::unbounded_channel();
        let (outbox, reports) = mpsc::unbounded_channel();
        let worker = Worker { open, store, reports: outbox, telemetry };
        let keeper = Keeper {
            jobs,
            reports,
            task: tokio::spawn(worker.run(inbox)),
            turns: 0,
            waiting: VecDeque::new(),
            failing: why.as_ref().map(|_| Retry::At(Instant::now() + RETRY)),
            why: why.clone().unwrap_or_default(),
            owed: Owed::default(),
            asked: Owed::default(),
            late: Late::default(),
        };
        Ok((keeper, saved, why))
    }

    /// Hands over a turn. Gives back the sends that need not wait.
    pub fn keep(&mut self, writes: Vec<Write>, sends: Vec<S>) -> Vec<S> {
        if let Some(retry) = &self.failing {
            let is_late = matches!(retry, Retry::Asked);
            let (lines, state): (Vec<_>, Vec<_>) = writes.into_iter().partition(|w| matches!(w, Write::Append(_)));
            self.owed.extend(lines);
            self.late.extend(state.into_iter().filter(|_| is_late));
            return sends;
        }
        if writes.is_empty() && self.waiting.is_empty() {
            return sends;
        }
        self.turns += 1;
        self.waiting.push_back(Waiting { turn: self.turns, since: Instant::now(), sends, promises: Vec::new() });
        self.order(Job::Turn { number: self.turns, writes });
        Vec::new()
    }

    /// Keeps these with the turn that was handed over last: call it right after [`Keeper::keep`].
    pub fn promise(&mut self, promises: Vec<Promise>) {
        match self.waiting.back_mut() {
            _ if self.failing.is_some() => promises.into_iter().for_each(|promise| promise(Err(&self.why))),
            Some(last) => last.promises.extend(promises),
            None => promises.into_iter().for_each(|promise| promise(Ok(()))),
        }
    }

    /// What the task says next. It pends for ever once the task has ended.
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
            Report::Kept(through) => outcome.sends = self.release(through, Ok(())),
            Report::Failed { through, why, lost } => {
                outcome.sends = self.release(through, Err(&why));
                outcome.failed = self.fail(why);
                self.owed.extend(lost);
            }
            Report::Restored => outcome.recovered = self.restored(),
            Report::NotRestored => {
                let newer = std::mem::take(&mut self.owed);
                self.owed = std::mem::take(&mut self.asked);
                self.owed.append(newer);
                self.failing = Some(Retry::At(Instant::now() + RETRY));
            }
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
            let why = format!("the store has not answered for {} s: is its disk hanging?", PATIENCE.as_secs());
            outcome.sends = self.release(u64::MAX, Err(&why));
            outcome.failed = self.fail(why);
        }
        if matches!(self.failing, Some(Retry::At(at)) if at <= now) {
            self.failing = Some(Retry::Asked);
            (self.asked, self.late) = (std::mem::take(&mut self.owed), Late::default());
            let writes = snapshot().into_iter().chain(self.asked.writes()).collect();
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

    /// Reads, after what was handed over before.
    pub fn read(&self, read: Read) {
        self.order(Job::Read(read));
    }

    /// Lets the task finish what it has, and waits for it, but not for ever. Whether it ended.
    pub async fn stop(self) -> bool {
        drop(self.jobs);
        timeout(PATIENCE, self.task).await.is_ok()
    }

    fn order(&self, job: Job) {
        // A task that is gone answers nothing, and the sends go by their patience.
        let _ = self.jobs.send(job);
    }

    fn release(&mut self, through: u64, ended: Result<(), &str>) -> Vec<S> {
        let count = self.waiting.partition_point(|w| w.turn <= through);
        let mut sends = Vec::new();
        for waiting in self.waiting.drain(..count) {
            waiting.promises.into_iter().for_each(|promise| promise(ended));
            sends.extend(waiting.sends);
        }
        sends
    }

    fn fail(&mut self, why: String) -> Option<String> {
        let first = self.failing.is_none();
        self.failing.get_or_insert_with(|| Retry::At(Instant::now() + RETRY));
        self.why.clone_from(&why);
        first.then_some(why)
    }

    /// A snapshot was kept. Whether that is all: what came while it was on its way is written behind it.
    fn restored(&mut self) -> bool {
        self.asked = Owed::default();
        let Some(mut writes) = std::mem::take(&mut self.late).writes() else {
            self.failing = Some(Retry::At(Instant::now()));
            return false;
        };
        self.failing = None;
        writes.extend(std::mem::take(&mut self.owed).writes());
        self.keep(writes, Vec::new());
        true
    }
}

/// The task.
struct Worker {
    open: Opener,
    /// `None` from a failure until it was opened again.
    store: Option<Box<dyn Store>>,
    reports: mpsc::UnboundedSender<Report>,
    telemetry: Telemetry,
}

impl Worker {
    async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Job>) {
        let mut jobs = Vec::new();
        while 0 < inbox.recv_many(&mut jobs, TURNS_MAX).await {
            let (open, reports, telemetry) = (Arc::clone(&self.open), self.reports.clone(), self.telemetry.clone());
            let work = std::mem::take(&mut jobs);
            let has_snapshot = work.iter().any(|job| matches!(job, Job::Snapshot(_)));
            self = spawned(move || self.work(work)).await.unwrap_or_else(|panic| {
                telemetry.panicked("the store", &panic);
                let worker = Worker { open, store: None, reports, telemetry };
                let why = format!("a bug was caught in the store: {panic}");
                worker.say(Report::Failed { through: u64::MAX, why, lost: Vec::new() });
                if has_snapshot {
                    worker.say(Report::NotRestored);
                }
                worker
            });
        }
    }

    /// Does these in order, turns that stand together in one transaction.
    fn work(mut self, jobs: Vec<Job>) -> Worker {
        let mut jobs = jobs.into_iter().peekable();
        while let Some(job) = jobs.next() {
            match job {
                Job::Turn { mut number, mut writes } => {
                    let mut turns = 1;
                    while let Some(Job::Turn { number: n, writes: more }) =
                        jobs.next_if(|job| matches!(job, Job::Turn { .. }))
                    {
                        writes.extend(more);
                        (number, turns) = (n, turns + 1);
                    }
                    self.commit(number, turns, writes);
                }
                Job::Snapshot(writes) => self.snapshot(&writes),
                Job::Prune { now, keep } => self.prune(now, keep),
                Job::Read(read) => read(self.store.as_mut().map(|store| &mut **store as &mut dyn Store)),
            }
        }
        self
    }

    fn commit(&mut self, number: u64, turns: usize, writes: Vec<Write>) {
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
                self.say(Report::Failed { through: number, why, lost: writes });
            }
        }
    }

    fn snapshot(&mut self, writes: &[Write]) {
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
                self.say(Report::NotRestored);
            }
        }
    }

    fn prune(&mut self, now: Timestamp, keep: Duration) {
        // What could not be pruned is pruned the next time; a store that fails is noticed by its commits.
        let _ = self.store.as_mut().map(|store| store.prune(now, keep));
    }

    fn say(&self, report: Report) {
        // A loop that is gone needs no report.
        let _ = self.reports.send(report);
    }
}

#[cfg(test)]
mod tests;
