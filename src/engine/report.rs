//! What each check last said, for the API and for people.

use super::evaluate::{Evaluated, Judged, Judgement, Outcome, row_values, unknown_reasons};
use super::{CheckState, Engine, Life, RowValues};
use crate::model::alert::{AlertState, AlertView};
use crate::model::{AlertId, Key, LabelSet, Timestamp, Value};
use crate::rules::{Check, Mode};
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;

/// Outcomes of a check's last slot that are kept with their values, the worst first.
pub const OUTCOMES_KEPT: usize = 20;

/// A check's last slot.
#[derive(Debug, Default)]
pub(super) struct Last {
    slot: Option<Timestamp>,
    took: Duration,
    answered: Option<Arc<str>>,
    fell_back: Option<String>,
    error: Option<String>,
    rows: usize,
    unread: usize,
    samples: Vec<Sample>,
}

/// One kept outcome: the values are made when somebody asks.
#[derive(Debug)]
struct Sample {
    key: Key,
    values: RowValues,
    unknown: Vec<(crate::model::Severity, String)>,
}

/// What `/api/v1/checks` shows of one check.
#[derive(Clone, Debug, Serialize)]
pub struct CheckReport {
    pub check: Arc<str>,
    pub source: Arc<str>,
    pub declared: Arc<str>,
    pub mode: &'static str,
    pub last_slot: Option<Timestamp>,
    pub next_slot: Option<Timestamp>,
    pub collecting: bool,
    /// Seconds that the last collection and evaluation took.
    pub took: f64,
    /// The source whose answer was judged last, and, where that is the fallback, why.
    pub answered: Option<Arc<str>>,
    pub fell_back: Option<String>,
    /// Why the last slot could not be judged, where it could not.
    pub error: Option<String>,
    pub rows: usize,
    pub unread: usize,
    pub firing: usize,
    pub pending: usize,
    pub skipped_slots: u64,
    /// The worst outcomes of the last slot, at most 20.
    pub outcomes: Vec<Instance>,
}

/// One instance of a check in its last slot.
#[derive(Clone, Debug, Serialize)]
pub struct Instance {
    pub key: Key,
    #[serde(flatten)]
    pub state: AlertState,
    pub values: Vec<(Arc<str>, Value)>,
    /// `severity: why`, where a condition is unknown.
    pub unknown: Vec<String>,
}

impl Last {
    /// Notes a slot that was judged.
    fn note(&mut self, evaluated: &Evaluated) {
        let (source, fell_back) = evaluated.answered();
        (self.slot, self.took) = (Some(evaluated.slot), evaluated.took);
        (self.answered, self.fell_back) = (None, fell_back);
        match &evaluated.judged {
            Judged::Failed(failure) => self.error = Some(evaluated.why_failed(failure)),
            Judged::Rows(j) => {
                self.answered = Some(Arc::clone(source));
                self.error = j.mistyped.clone().or_else(|| j.unread_why.first().cloned());
                (self.rows, self.unread) = (j.table.rows(), j.unread);
                self.samples = samples(&evaluated.check, evaluated.slot, j);
            }
        }
    }
}

/// The worst outcomes: those that are not clear first, in the order of rows.
fn samples(check: &Check, slot: Timestamp, judgement: &Judgement) -> Vec<Sample> {
    let worst = judgement.outcomes.iter().filter(|o| !o.is_clear()).take(OUTCOMES_KEPT);
    let mut chosen: Vec<&Outcome> = worst.collect();
    let rest = OUTCOMES_KEPT - chosen.len();
    chosen.extend(judgement.outcomes.iter().filter(|o| o.is_clear()).take(rest));
    let sample = |o: &&Outcome| Sample {
        key: o.key.clone(),
        values: row_values(check, &judgement.table, o.row as usize, slot),
        unknown: if let Some(why) = &judgement.mistyped {
            let asked = crate::model::Severity::ALL.into_iter().filter(|s| check.severities[s.index()].is_some());
            asked.map(|severity| (severity, why.clone())).collect()
        } else if o.is_unknown() {
            unknown_reasons(check, &judgement.table, o.row as usize, slot)
        } else {
            Vec::new()
        },
    };
    chosen.iter().map(sample).collect()
}

impl Engine {
    /// All checks, in no order.
    pub fn checks(&self) -> impl Iterator<Item = &Check> {
        self.checks.values().map(|state| &*state.check)
    }

    /// The names of all checks, in order.
    #[must_use]
    pub fn check_names(&self) -> Vec<Arc<str>> {
        let mut names: Vec<Arc<str>> = self.checks.keys().cloned().collect();
        names.sort_unstable();
        names
    }

    /// What a check last said.
    #[must_use]
    pub fn check_report(&self, name: &str) -> Option<CheckReport> {
        self.checks.get(name).map(CheckState::report)
    }

    /// How many alerts are in each state that is not inactive.
    #[must_use]
    pub fn counts(&self) -> Vec<(AlertState, usize)> {
        let mut counts: Vec<(AlertState, usize)> = Vec::new();
        let lives = self.checks.values().flat_map(|c| c.lives.values()).map(|l| AlertState::of(&l.latches));
        let signals = self.signals.values().map(|s| AlertState::Firing(s.severity));
        for state in lives.chain(signals).filter(|s| *s != AlertState::Inactive) {
            match counts.iter_mut().find(|(s, _)| *s == state) {
                Some((_, count)) => *count += 1,
                None => counts.push((state, 1)),
            }
        }
        counts
    }

    /// Whether a check is evaluated and recorded, and never told.
    #[must_use]
    pub fn is_shadow(&self, check: &str) -> bool {
        self.checks.get(check).is_some_and(|c| c.check.mode == Mode::Shadow)
    }

    /// The identities of all alerts that are pending or firing, and whether they fire.
    pub fn active_ids(&self) -> impl Iterator<Item = (AlertId, bool)> {
        let lives = self.checks.values().flat_map(|c| {
            c.lives.iter().filter_map(|(key, life)| {
                let state = AlertState::of(&life.latches);
                let id = || AlertId { check: Arc::clone(&c.check.name), reason: None, key: key.clone() };
                (state != AlertState::Inactive).then(|| (id(), state.firing().is_some()))
            })
        });
        lives.chain(self.signals.keys().map(|id| (id.clone(), true)))
    }

    /// The state and the labels of an active alert; the label `severity` may be an older one.
    #[must_use]
    pub fn brief(&self, id: &AlertId) -> Option<(AlertState, LabelSet)> {
        if self.signals.contains_key(id) {
            return self.view(id).map(|view| (AlertState::Firing(view.severity), view.labels.clone()));
        }
        let life = self.checks.get(&id.check).filter(|_| id.reason.is_none())?.lives.get(&id.key)?;
        let state = AlertState::of(&life.latches);
        (state != AlertState::Inactive).then(|| (state, life.labels.clone()))
    }

    /// Every alert that is pending or firing, in the order of identities.
    #[must_use]
    pub fn alerts(&self) -> Vec<(AlertState, Arc<AlertView>)> {
        let lives = self.checks.values().flat_map(|c| {
            c.lives.iter().filter_map(|(key, life)| {
                let id = AlertId { check: Arc::clone(&c.check.name), reason: None, key: key.clone() };
                Some((AlertState::of(&life.latches), Arc::new(c.view(life, &id)?)))
            })
        });
        let signals = self.signals.iter().filter_map(|(id, s)| Some((AlertState::Firing(s.severity), self.view(id)?)));
        let mut alerts: Vec<_> = lives.chain(signals).collect();
        alerts.sort_by(|(_, a), (_, b)| a.id.cmp(&b.id));
        alerts
    }
}

impl CheckState {
    /// Notes a slot that was judged.
    pub(super) fn note(&mut self, evaluated: &Evaluated) {
        self.report.note(evaluated);
    }

    /// Whether its last slot could not be judged.
    pub(super) fn has_error(&self) -> bool {
        self.report.error.is_some()
    }

    /// Why the last answer is not of the check's own source.
    pub(super) fn fell_back(&self) -> Option<&str> {
        self.report.fell_back.as_deref()
    }

    fn report(&self) -> CheckReport {
        let is_pending = |l: &&Life| matches!(AlertState::of(&l.latches), AlertState::Pending(_));
        CheckReport {
            check: Arc::clone(&self.check.name),
            source: Arc::clone(&self.check.source),
            declared: Arc::clone(&self.check.declared),
            mode: self.check.mode.name(),
            last_slot: self.last_slot,
            next_slot: self.next,
            collecting: self.out.is_some(),
            took: self.report.took.as_secs_f64(),
            answered: self.report.answered.clone(),
            fell_back: self.report.fell_back.clone(),
            error: self.report.error.clone(),
            rows: self.report.rows,
            unread: self.report.unread,
            firing: self.firing,
            pending: self.lives.values().filter(is_pending).count(),
            skipped_slots: self.skipped,
            outcomes: self.report.samples.iter().map(|s| self.instance(s)).collect(),
        }
    }

    fn instance(&self, sample: &Sample) -> Instance {
        Instance {
            key: sample.key.clone(),
            state: self.lives.get(&sample.key).map_or(AlertState::Inactive, |l| AlertState::of(&l.latches)),
            values: sample.values.iter().map(|(n, v)| (Arc::clone(n), v.clone())).collect(),
            unknown: sample.unknown.iter().map(|(s, why)| format!("{s}: {why}")).collect(),
        }
    }
}
