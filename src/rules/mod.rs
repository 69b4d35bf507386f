//! CHECKS: what one declared policy is, once it has been read and checked.

pub mod declare;
pub mod lint;
pub mod outline;
pub mod reach;
pub mod read;
pub mod schedule;

use crate::config::Settings;
use crate::expr::Compiled;
use crate::model::{AlertId, FlapRule, LabelSet, Severity, Template, Value, ValueType};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

pub use schedule::Schedule;

/// The declared columns and their types, in the order written.
pub type Columns = Arc<[(Arc<str>, ValueType)]>;
/// Constants by name.
pub type Params = Arc<[(Arc<str>, Value)]>;

/// One declared policy. Everything in it has been validated: an expression compiles, a name exists.
#[derive(Clone, Debug)]
pub struct Check {
    pub name: Arc<str>,
    pub description: String,
    /// The source it asks, by name.
    pub source: Arc<str>,
    /// What it asks; the source's kind knows its keys.
    pub collect: Arc<Settings>,
    /// What is asked where `source` cannot be read.
    pub fallback: Option<Fallback>,
    pub columns: Option<Columns>,
    pub key: KeyColumns,
    pub schedule: Schedule,
    pub timeout: Duration,
    pub params: Params,
    /// The names of `let`, in the order written: place `i` is let `i` of `compiled`.
    pub lets: Vec<Arc<str>>,
    /// The `let`s and conditions, compiled together.
    pub compiled: Compiled,
    /// By [`Severity::index`].
    pub severities: [Option<SeverityRule>; 3],
    pub on_error: Policy,
    pub on_empty: Policy,
    pub on_absent: Policy,
    pub on_unknown: Policy,
    /// How long a key without rows is remembered.
    pub remember: Duration,
    /// Instances told one by one.
    pub limit: usize,
    /// What is flapping; `None` where it is `off`.
    pub flapping: Option<FlapRule>,
    pub mode: Mode,
    pub labels: Vec<(Arc<str>, Template)>,
    pub title: Option<Template>,
    pub body: Option<Template>,
    /// `(name, url)`: runbook, dashboard.
    pub links: Vec<(&'static str, Template)>,
    pub depends_on: Vec<Arc<str>>,
    /// `rules/slow.yaml:4`.
    pub declared: Arc<str>,
}

/// `fallback:`: another source and what it is asked.
#[derive(Clone, Debug)]
pub struct Fallback {
    pub source: Arc<str>,
    pub collect: Arc<Settings>,
}

/// One severity under `alert:`.
#[derive(Clone, Debug)]
pub struct SeverityRule {
    /// The place of `when` among the compiled conditions.
    pub when: usize,
    /// The place of `until`, where there is one.
    pub until: Option<usize>,
    /// `for`: how long it must be true before it is on.
    pub hold: Duration,
    pub keep_firing_for: Duration,
}

/// Which columns name an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyColumns {
    /// One instance, whatever the rows.
    None,
    Columns(Arc<[Arc<str>]>),
    /// Every text column: one instance for each label set, as Prometheus has it.
    AllText,
}

/// What to make of a failed collection, of no rows, of a key without a row, of an unknown condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Latches and clocks stay as they are.
    Keep,
    /// It reads as clear.
    Ok,
    /// It reads as that severity's condition being true; for error and empty, the check's own alert fires.
    Fire(Severity),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Live,
    /// Evaluated and recorded, never told.
    Shadow,
    Off,
}

impl Mode {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Mode::Live => "live",
            Mode::Shadow => "shadow",
            Mode::Off => "off",
        }
    }
}

/// The alerts about Bellwether itself: severity of each, `None` where it is off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SelfAlerts {
    pub source_unreachable: Option<Severity>,
    pub check_failing: Option<Severity>,
    pub channel_down: Option<Severity>,
    pub config_rejected: Option<Severity>,
    pub store_failing: Option<Severity>,
}

impl Default for SelfAlerts {
    fn default() -> Self {
        SelfAlerts {
            source_unreachable: Some(Severity::Critical),
            check_failing: Some(Severity::Warning),
            channel_down: Some(Severity::Critical),
            config_rejected: Some(Severity::Warning),
            store_failing: Some(Severity::Critical),
        }
    }
}

impl SelfAlerts {
    /// Their names, as `self_alerts:` and matchers write them.
    pub const NAMES: [&'static str; 5] =
        ["source-unreachable", "check-failing", "channel-down", "config-rejected", "store-failing"];

    /// Where the severity of that name is kept.
    pub fn slot(&mut self, name: &str) -> Option<&mut Option<Severity>> {
        Some(match name {
            "source-unreachable" => &mut self.source_unreachable,
            "check-failing" => &mut self.check_failing,
            "channel-down" => &mut self.channel_down,
            "config-rejected" => &mut self.config_rejected,
            "store-failing" => &mut self.store_failing,
            _ => return None,
        })
    }

    /// The severity of the alert of that name; `None` where it is off or there is no such alert.
    #[must_use]
    pub fn severity(&self, name: &str) -> Option<Severity> {
        match name {
            "source-unreachable" => self.source_unreachable,
            "check-failing" => self.check_failing,
            "channel-down" => self.channel_down,
            "config-rejected" => self.config_rejected,
            "store-failing" => self.store_failing,
            _ => None,
        }
    }
}

impl Check {
    /// The sources it may ask.
    pub fn sources(&self) -> impl Iterator<Item = &Arc<str>> {
        std::iter::once(&self.source).chain(self.fallback.as_ref().map(|fallback| &fallback.source))
    }

    /// The longest that a slot's collection may take: each source that it may ask has the whole `timeout`.
    #[must_use]
    pub fn longest(&self) -> Duration {
        if self.fallback.is_some() { self.timeout * 2 } else { self.timeout }
    }

    /// The most severe severity under `alert:`.
    #[must_use]
    pub fn worst(&self) -> Severity {
        Severity::ALL.into_iter().rev().find(|s| self.severities[s.index()].is_some()).unwrap_or(Severity::Info)
    }

    /// The labels of one of its alerts: the check's own, its key columns, `check`, `severity`, `source`, `reason`.
    /// A label whose template fails or renders empty is left out.
    #[must_use]
    pub fn labels_of(&self, id: &AlertId, severity: Severity, lookup: &dyn Fn(&str) -> Option<Value>) -> LabelSet {
        let own = self.labels.iter().filter_map(|(name, template)| {
            let text = match template.constant() {
                Some(text) => Arc::clone(text),
                None => Arc::from(template.render(lookup).ok()?),
            };
            Some((Arc::clone(name), text))
        });
        let key = id.key.0.iter().cloned();
        LabelSet::new(own.chain(key).chain(fixed_labels(id, severity, Some(&self.source))))
    }

    /// The labels that all its alerts of a severity have, whatever the row; and the names of those that the row gives.
    #[must_use]
    pub fn labels_known(&self, severity: Severity) -> (LabelSet, Vec<Arc<str>>) {
        let id = AlertId::new(&self.name, crate::model::Key::default());
        let own = self.labels.iter().filter_map(|(name, t)| Some((Arc::clone(name), Arc::clone(t.constant()?))));
        let labels = LabelSet::new(own.chain(fixed_labels(&id, severity, Some(&self.source))));
        let from_row = self.labels.iter().filter(|(_, t)| t.constant().is_none()).map(|(name, _)| Arc::clone(name));
        let key = match &self.key {
            KeyColumns::Columns(columns) => columns.to_vec(),
            KeyColumns::None | KeyColumns::AllText => Vec::new(),
        };
        (labels, from_row.chain(key).collect())
    }
}

/// `check`, `severity`, `reason` and `source`: the labels nobody may declare.
pub fn fixed_labels(
    id: &AlertId,
    severity: Severity,
    source: Option<&Arc<str>>,
) -> impl Iterator<Item = (Arc<str>, Arc<str>)> {
    let Words { check, severity: level, reason, source: from, levels } = &*WORDS;
    let reason = id.reason.map(|r| (Arc::clone(reason), Arc::from(r.name())));
    let source = source.map(|s| (Arc::clone(from), Arc::clone(s)));
    let level = (Arc::clone(level), Arc::clone(&levels[severity.index()]));
    [(Arc::clone(check), Arc::clone(&id.check)), level].into_iter().chain(reason).chain(source)
}

/// What every alert's labels are called, once for all of them.
struct Words {
    check: Arc<str>,
    severity: Arc<str>,
    reason: Arc<str>,
    source: Arc<str>,
    /// By [`Severity::index`].
    levels: [Arc<str>; 3],
}

static WORDS: LazyLock<Words> = LazyLock::new(|| Words {
    check: Arc::from("check"),
    severity: Arc::from("severity"),
    reason: Arc::from("reason"),
    source: Arc::from("source"),
    levels: Severity::ALL.map(|severity| Arc::from(severity.name())),
});
