//! What Alertmanager's API v2 shows: plain values in its format, made between turns.
//!
//! Source: the OpenAPI document of Alertmanager 0.25 to 0.28 (`api/v2/openapi.yaml`).

pub mod answer;
mod original;

use super::handle::{Handle, NoAnswer, Question};
use super::views::{Instant, Names};
use crate::model::{AlertId, Incoming, Matcher};
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// Alerts made between two turns at most; of more each part has a pause of its own.
pub const PART_MAX: usize = 500;
/// How long a sender waits until what it sent is kept: longer than the store's own patience.
const KEPT_PATIENCE: Duration = Duration::from_secs(12);
const PATIENCE: Duration = Duration::from_secs(5);

/// A question of this API with the place for its answer.
#[derive(Debug)]
pub enum Ask {
    /// These were sent. The answer comes when they are kept; an error says why they are not taken.
    Receive(Vec<Incoming>, oneshot::Sender<Result<(), String>>),
    /// The firing alerts that pass.
    List(Filter, oneshot::Sender<Vec<AlertId>>),
    /// Those of these that still fire.
    Show(Vec<AlertId>, oneshot::Sender<Vec<Alert>>),
    Groups(Filter, oneshot::Sender<Vec<Outline>>),
    Status(oneshot::Sender<Status>),
    Receivers(oneshot::Sender<Vec<Receiver>>),
}

/// Which alerts are asked for: Alertmanager's parameters, and a window of ours.
#[expect(clippy::struct_excessive_bools, reason = "they are Alertmanager's parameters, one each")]
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    pub active: bool,
    pub silenced: bool,
    pub inhibited: bool,
    pub unprocessed: bool,
    /// Held by a calendar: a parameter of Alertmanager's groups, and here of alerts, too.
    pub muted: bool,
    /// A regular expression over the names of channels.
    pub receiver: Option<Matcher>,
    pub matchers: Vec<Matcher>,
    pub offset: usize,
    pub limit: usize,
}

impl Default for Filter {
    fn default() -> Filter {
        Filter {
            active: true,
            silenced: true,
            inhibited: true,
            unprocessed: true,
            muted: true,
            receiver: None,
            matchers: Vec::new(),
            offset: 0,
            limit: usize::MAX,
        }
    }
}

/// `gettableAlert`: one that fires.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    pub annotations: Names<Arc<str>>,
    /// Of a received one, when it ends unless it is sent again; ours have no such time, and say in five minutes.
    pub ends_at: Instant,
    pub fingerprint: String,
    pub receivers: Vec<Receiver>,
    pub starts_at: Instant,
    pub status: AlertStatus,
    pub updated_at: Instant,
    #[serde(rename = "generatorURL", skip_serializing_if = "str::is_empty")]
    pub generator_url: Arc<str>,
    pub labels: Names<Arc<str>>,
}

/// `alertStatus`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AlertStatus {
    /// `active`, `suppressed`, or `unprocessed` where its check is in shadow: nobody is told of it.
    pub state: &'static str,
    /// Ids of silences.
    pub silenced_by: Vec<Arc<str>>,
    /// Fingerprints of alerts.
    pub inhibited_by: Vec<String>,
    /// Names of calendars.
    pub muted_by: Vec<Arc<str>>,
}

/// `receiver`: one of our channels.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Receiver {
    pub name: Arc<str>,
}

/// A group before its alerts are made.
#[derive(Clone, Debug, PartialEq)]
pub struct Outline {
    pub labels: Names<Arc<str>>,
    pub receiver: Receiver,
    pub members: Vec<AlertId>,
}

/// `alertGroup`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Group {
    pub alerts: Vec<Alert>,
    pub labels: Names<Arc<str>>,
    pub receiver: Receiver,
}

/// `alertmanagerStatus`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    pub cluster: Cluster,
    pub config: Config,
    /// When the daemon started.
    pub uptime: Instant,
    pub version_info: VersionInfo,
}

/// `clusterStatus`: there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cluster {
    pub peers: [(); 0],
    pub status: &'static str,
}

/// `alertmanagerConfig`: the routes, written as Alertmanager writes them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Config {
    pub original: String,
}

/// `versionInfo`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VersionInfo {
    pub branch: &'static str,
    pub build_date: &'static str,
    pub build_user: &'static str,
    pub go_version: &'static str,
    pub revision: &'static str,
    pub version: &'static str,
}

impl Handle {
    /// Hands over what others sent, and waits until it is kept, or the store's patience is over. The inner error says
    /// why it was not taken.
    pub async fn receive(&self, alerts: Vec<Incoming>) -> Result<Result<(), String>, NoAnswer> {
        self.ask(KEPT_PATIENCE, |reply| Question::V2(Ask::Receive(alerts, reply))).await
    }

    /// The firing alerts that pass, by identity.
    pub async fn v2_alerts(&self, filter: Filter) -> Result<Vec<Alert>, NoAnswer> {
        let ids = self.ask(PATIENCE, |reply| Question::V2(Ask::List(filter, reply))).await?;
        self.v2_shown(ids).await
    }

    /// The groups of the firing alerts that pass.
    pub async fn v2_groups(&self, filter: Filter) -> Result<Vec<Group>, NoAnswer> {
        let outlines = self.ask(PATIENCE, |reply| Question::V2(Ask::Groups(filter, reply))).await?;
        let mut groups = Vec::with_capacity(outlines.len());
        for Outline { labels, receiver, members } in outlines {
            let alerts = self.v2_shown(members).await?;
            // All of them may have ended since.
            if !alerts.is_empty() {
                groups.push(Group { alerts, labels, receiver });
            }
        }
        Ok(groups)
    }

    pub async fn v2_status(&self) -> Result<Status, NoAnswer> {
        self.ask(PATIENCE, |reply| Question::V2(Ask::Status(reply))).await
    }

    pub async fn v2_receivers(&self) -> Result<Vec<Receiver>, NoAnswer> {
        self.ask(PATIENCE, |reply| Question::V2(Ask::Receivers(reply))).await
    }

    /// In parts, so that the loop turns between them; what ended meanwhile is left out.
    async fn v2_shown(&self, ids: Vec<AlertId>) -> Result<Vec<Alert>, NoAnswer> {
        let mut alerts = Vec::with_capacity(ids.len());
        for part in ids.chunks(PART_MAX) {
            alerts.extend(self.ask(PATIENCE, |reply| Question::V2(Ask::Show(part.to_vec(), reply))).await?);
        }
        Ok(alerts)
    }
}
