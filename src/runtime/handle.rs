//! How the API asks the loop: each question is answered between two turns.

use super::silences::{Silence, SilenceFilter, SilenceRefused, SilenceRequest, Silenced};
use super::views::drill::{DrillReport, DrillWish};
use super::views::why::{NoAlert, Why, WhyFilter};
use super::views::{Alert, AlertFilter, Check, CheckFilter, Page, Reloaded, ResetBreaker, Status, Undelivered, Window};
use crate::model::alert_ref::AlertRef;
use crate::telemetry::Telemetry;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};

/// Questions that may wait for the loop; more are turned away.
const QUESTIONS_MAX: usize = 64;
/// How long a question waits for its answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a drill may take: two messages to each channel, whose deadlines are their own.
const DRILL_PATIENCE: Duration = Duration::from_mins(4);
/// How long a reload may take: it reads files, which may lie on a slow disk.
const RELOAD_PATIENCE: Duration = Duration::from_mins(2);
/// How long a silence waits until it is durable, or is known not to be.
const KEEP_PATIENCE: Duration = Duration::from_secs(15);
/// A loop that has not turned for this long is stuck: it wakes at least every few seconds.
const STUCK: Duration = Duration::from_mins(1);

/// A question with the place for its answer.
#[derive(Debug)]
pub enum Question {
    Alerts(AlertFilter, oneshot::Sender<Page<Alert>>),
    Checks(CheckFilter, oneshot::Sender<Page<Check>>),
    Undelivered(Window, oneshot::Sender<Page<Undelivered>>),
    Status(oneshot::Sender<Status>),
    /// Which alert is meant, by its text.
    Find(AlertRef, oneshot::Sender<Result<String, NoAlert>>),
    /// Why the alert with this text was told, or not.
    Why(String, WhyFilter, oneshot::Sender<Why>),
    /// Brings the gauges up to date.
    Gauges(oneshot::Sender<()>),
    /// Reads the configuration again; the error is that of the configuration, for people.
    Reload(oneshot::Sender<Result<Reloaded, String>>),
    Silences(SilenceFilter, oneshot::Sender<Page<Silence>>),
    /// Makes or edits a silence; answered once it is durable.
    PutSilence(Box<SilenceRequest>, oneshot::Sender<Result<Silenced, SilenceRefused>>),
    /// Ends a silence now; answered once that is durable.
    ExpireSilence(String, oneshot::Sender<Result<Silence, SilenceRefused>>),
    /// Has the channel or source of this name tried at once; the error names those that there are.
    ResetBreaker(String, oneshot::Sender<Result<Vec<ResetBreaker>, String>>),
    /// Sends a marked message; answered once each channel has answered. The error is for people.
    Drill(DrillWish, oneshot::Sender<Result<DrillReport, String>>),
    /// Of Alertmanager's API.
    V2(super::v2::Ask),
}

/// The loop does not answer: it is starting, stopping, or has too much to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoAnswer;

/// Asks the loop. A clone asks the same one.
#[derive(Clone, Debug)]
pub struct Handle {
    questions: mpsc::Sender<Question>,
    telemetry: Telemetry,
    pulse: Pulse,
}

/// The loop's end.
#[derive(Debug)]
pub struct Inbox {
    pub questions: mpsc::Receiver<Question>,
    pub pulse: Pulse,
}

/// When the loop last turned.
#[derive(Clone, Debug)]
pub struct Pulse(Arc<(Instant, AtomicU64)>);

impl Pulse {
    fn new() -> Pulse {
        Pulse(Arc::new((Instant::now(), AtomicU64::new(0))))
    }

    /// The loop turns.
    pub fn beat(&self) {
        let millis = u64::try_from(self.0.0.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.1.store(millis.max(1), Ordering::Relaxed);
    }

    /// Whether it ever turned.
    pub fn began(&self) -> bool {
        self.0.1.load(Ordering::Relaxed) > 0
    }

    /// Whether it turned lately, or has not begun.
    pub fn is_alive(&self) -> bool {
        let last = self.0.0 + Duration::from_millis(self.0.1.load(Ordering::Relaxed));
        !self.began() || last.elapsed() < STUCK
    }
}

/// The two ends.
#[must_use]
pub fn channel(telemetry: Telemetry) -> (Handle, Inbox) {
    let (questions, receiver) = mpsc::channel(QUESTIONS_MAX);
    let pulse = Pulse::new();
    (Handle { questions, telemetry, pulse: pulse.clone() }, Inbox { questions: receiver, pulse })
}

impl Handle {
    /// Whether the configuration is loaded, the store is open and the loop turns.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.pulse.began() && self.pulse.is_alive() && !self.questions.is_closed()
    }

    /// Whether the loop is not stuck.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.pulse.is_alive()
    }

    pub async fn alerts(&self, filter: AlertFilter) -> Result<Page<Alert>, NoAnswer> {
        self.ask(PATIENCE, |reply| Question::Alerts(filter, reply)).await
    }

    /// What channels were not told yet though nothing holds it.
    pub async fn undelivered(&self, window: Window) -> Result<Page<Undelivered>, NoAnswer> {
        self.ask(PATIENCE, |reply| Question::Undelivered(window, reply)).await
    }

    pub async fn checks(&self, filter: CheckFilter) -> Result<Page<Check>, NoAnswer> {
        self.ask(PATIENCE, |reply| Question::Checks(filter, reply)).await
    }

    pub async fn status(&self) -> Result<Status, NoAnswer> {
        self.ask(PATIENCE, Question::Status).await
    }

    /// Why an alert was told, or was not. The inner error is for people.
    pub async fn why(&self, filter: WhyFilter) -> Result<Result<Why, NoAlert>, NoAnswer> {
        let named = match AlertRef::parse(&filter.alert) {
            Ok(named) => named,
            Err(why) => return Ok(Err(NoAlert::Unclear(why))),
        };
        match self.ask(PATIENCE, |reply| Question::Find(named, reply)).await? {
            Ok(alert) => Ok(Ok(self.ask(PATIENCE, |reply| Question::Why(alert, filter, reply)).await?)),
            Err(none) => Ok(Err(none)),
        }
    }

    /// Has a channel or a source tried at once. The inner error names those that there are.
    pub async fn reset_breaker(&self, name: String) -> Result<Result<Vec<ResetBreaker>, String>, NoAnswer> {
        self.ask(PATIENCE, |reply| Question::ResetBreaker(name, reply)).await
    }

    /// Sends a marked message through the routes and channels, and waits until each channel has answered. The inner
    /// error is for people.
    pub async fn drill(&self, wish: DrillWish) -> Result<Result<DrillReport, String>, NoAnswer> {
        self.ask(DRILL_PATIENCE, |reply| Question::Drill(wish, reply)).await
    }

    /// All metrics as text. A loop that does not answer leaves its gauges as they were: that is when metrics matter.
    pub async fn metrics(&self) -> String {
        let _ = self.ask(Duration::from_secs(1), Question::Gauges).await;
        self.telemetry.encode()
    }

    /// Reads the configuration again, and waits until that is done. The inner error is for people: what is wrong in
    /// which file.
    pub async fn reload(&self) -> Result<Result<Reloaded, String>, NoAnswer> {
        self.ask(RELOAD_PATIENCE, Question::Reload).await
    }

    /// Silences that pass the filter: active before pending before expired, then those that end first. Those of files
    /// are among them; `declared` tells them apart. One that was made stays listed for five days after its end.
    pub async fn silences(&self, filter: SilenceFilter) -> Result<Page<Silence>, NoAnswer> {
        self.ask(PATIENCE, |reply| Question::Silences(filter, reply)).await
    }

    /// Makes a silence, or with an `id` edits one: every field takes the place of what it was, and the id stays. It
    /// holds from the turn in which it is heard, and is answered once the store has kept it. What is refused is not
    /// made; but for `NotKept`, which holds until the daemon ends.
    ///
    /// - A start that is not given or is past is now; of an edited silence that has begun it stays what it was.
    /// - An expired silence that is edited stays as it was, and a new one with another id is made.
    /// - One of a file is refused as `Wrong`, an id that nobody has as `Unknown`.
    /// - One that hides every critical alert is refused as `NeedsYes` without `yes`.
    /// - `dry_run` makes nothing, and says what it would hide.
    pub async fn put_silence(&self, request: SilenceRequest) -> Result<Result<Silenced, SilenceRefused>, NoAnswer> {
        self.ask(KEEP_PATIENCE, |reply| Question::PutSilence(Box::new(request), reply)).await
    }

    /// Ends a silence now, one that has not begun too, and answers with it once that is durable. One that is over
    /// already stays as it was, and is no error. One of a file is refused as `Wrong`: it ends with its lines.
    pub async fn expire_silence(&self, id: String) -> Result<Result<Silence, SilenceRefused>, NoAnswer> {
        self.ask(KEEP_PATIENCE, |reply| Question::ExpireSilence(id, reply)).await
    }

    pub(super) async fn ask<T>(
        &self,
        patience: Duration,
        question: impl FnOnce(oneshot::Sender<T>) -> Question,
    ) -> Result<T, NoAnswer> {
        let (reply, answer) = oneshot::channel();
        self.questions.try_send(question(reply)).map_err(|_| NoAnswer)?;
        timeout(patience, answer).await.map_err(|_| NoAnswer)?.map_err(|_| NoAnswer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_does_not_answer_costs_no_more_than_patience() {
        let (handle, inbox) = channel(Telemetry::new(Timestamp::default()));
        assert_eq!(handle.status().await, Err(NoAnswer), "it never began");
        assert!(handle.metrics().await.contains("# EOF"), "metrics are given all the same");
        drop(inbox);
        assert_eq!(handle.status().await, Err(NoAnswer));
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_ready_once_the_loop_turns_and_not_when_it_is_stuck() {
        let (handle, inbox) = channel(Telemetry::new(Timestamp::default()));
        assert!((!handle.is_ready(), handle.is_alive()) == (true, true));
        inbox.pulse.beat();
        assert!(handle.is_ready());
        tokio::time::advance(STUCK * 2).await;
        assert!(!handle.is_ready() && !handle.is_alive());
        inbox.pulse.beat();
        assert!(handle.is_ready());
        drop(inbox);
        assert!(!handle.is_ready(), "it is stopping");
    }
}
