//! When an alert changes too often to be told each time.

use super::alert::{AlertView, Severity};
use super::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// So many changes within a window are flapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlapRule {
    pub changes: u32,
    pub window: Duration,
}

impl FlapRule {
    /// What holds where a check does not say: six changes within an hour.
    pub const DEFAULT: FlapRule = FlapRule { changes: 6, window: Duration::from_hours(1) };

    /// It is steady again once nothing has changed for so long: half the window.
    #[must_use]
    pub fn steady(&self) -> Duration {
        self.window / 2
    }
}

/// An alert that flaps: to whoever is told, it fires until it is steady.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Flapping {
    /// The instant by which the episode that is told is called.
    pub episode: Timestamp,
    /// The worst since it flaps.
    pub severity: Severity,
    /// When it is steady, if nothing changes before.
    pub steady_at: Timestamp,
    pub steady: Duration,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began: Option<Timestamp>,
    /// Its changes since then.
    #[serde(default)]
    pub changes: u32,
    /// What it is in truth: its last view; ended, where it does not fire.
    pub last: Arc<AlertView>,
}
