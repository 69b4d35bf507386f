//! What is shown of one alert's life.

use super::Instant;
use crate::model::Severity;
use serde::Serialize;
use std::sync::Arc;

/// Lines of a life where nothing else is asked.
pub const LINES_DEFAULT: usize = 200;
/// Lines of a life at most.
pub const LINES_MAX: usize = 1_000;

/// Which alert, and which part of its life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhyFilter {
    /// As a person writes it.
    pub alert: String,
    /// The newest lines are given; at most so many.
    pub limit: usize,
    /// Only what is older than this: an `older` of an answer before.
    pub before: Option<i64>,
}

/// One alert: how it stands, what each channel was told, and its life.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Why {
    pub alert: String,
    pub now: Instant,
    /// `firing`, `pending`, `inactive`; `over` where only the history knows it.
    pub state: &'static str,
    pub severity: Option<Severity>,
    /// When it fired, or since when it is pending.
    pub since: Option<Instant>,
    pub title: String,
    /// How it stands, and why, in sentences.
    pub answer: Vec<String>,
    pub channels: Vec<WhyChannel>,
    /// That it flaps, where it does.
    pub flapping: Option<WhyFlapping>,
    /// What happened, the oldest first.
    pub life: Vec<WhyLine>,
    /// Where there are lines before these: give it as `before`.
    pub older: Option<i64>,
    /// Why the history could not be read, where it could not.
    pub unread: Option<String>,
}

/// That an alert flaps.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WhyFlapping {
    /// `6 changes within 1h`.
    pub rule: String,
    pub since: Option<Instant>,
    /// Its changes since then.
    pub changes: u32,
    /// Whether it fires now.
    pub firing: bool,
    /// When it is steady, if nothing changes before.
    pub steady_at: Instant,
}

/// One channel.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WhyChannel {
    pub channel: Arc<str>,
    pub group: Arc<str>,
    /// `told`: it knows what is true, also that it is over; `told_flapping`: it knows that the alert flaps; `told_before`: what is not true any more; `unsure`: a message may have arrived;
    /// `not_told`.
    pub knows: &'static str,
    /// The severity that it was told; `null` where it knows of none that fires.
    pub severity: Option<Severity>,
    /// When the last message left that told the channel of it and was delivered.
    pub told_at: Option<Instant>,
    /// Why it was told no more.
    pub because: String,
    /// What has to happen for it to be told (again).
    pub next: String,
    /// When, where a clock says it.
    pub next_at: Option<Instant>,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WhyLine {
    pub at: Instant,
    /// `change`, `decision`, `sent`, `note`.
    pub kind: &'static str,
    pub channel: Option<Arc<str>>,
    pub text: String,
    pub severity: Option<Severity>,
    /// Of a message: `delivered`, `not_sent`, `unanswered`, `refused`; null where there is no answer yet.
    pub outcome: Option<&'static str>,
    /// How long the answer took.
    pub took_seconds: Option<f64>,
    pub attempt: Option<u32>,
}

/// Why no alert is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoAlert {
    /// It is written wrong, or may be one of several: for people.
    Unclear(String),
    Unknown(String),
}
