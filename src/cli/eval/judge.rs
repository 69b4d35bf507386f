//! What a check's answer means now, without a memory: no `for`, no `until`, no holds.

use super::ask::Answer;
use crate::collectors::CollectError;
use crate::engine::evaluate::{Judgement, Outcome, row_values, unknown_reasons};
use crate::engine::life::Verdict as Reading;
use crate::engine::{CollectFailure, Evaluated, Judged, evaluate, preview};
use crate::expr::Trace;
use crate::model::alert::{AlertView, Reason};
use crate::model::{AlertId, Key, Severity, Timestamp};
use crate::rules::{Check, Policy};
use std::sync::Arc;
use std::time::Duration;

/// How bad it is; the order is that of the exits: an unknown is worse than an `info`, and less than a warning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    Ok,
    Info,
    Unknown,
    Warning,
    Critical,
}

impl State {
    /// As monitoring plugins end.
    pub fn exit(self) -> u8 {
        match self {
            State::Ok | State::Info => 0,
            State::Warning => 1,
            State::Critical => 2,
            State::Unknown => super::UNKNOWN,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            State::Ok => "ok",
            State::Info => "info",
            State::Unknown => "unknown",
            State::Warning => "warning",
            State::Critical => "critical",
        }
    }

    fn of(severity: Option<Severity>, is_unknown: bool) -> State {
        match severity {
            Some(Severity::Critical) => State::Critical,
            Some(Severity::Warning) => State::Warning,
            _ if is_unknown => State::Unknown,
            Some(Severity::Info) => State::Info,
            None => State::Ok,
        }
    }
}

/// What one check says.
pub(super) struct Verdict {
    pub check: Arc<Check>,
    pub took: Duration,
    pub rows: usize,
    pub instances: Vec<Instance>,
    /// What is to be said of the check itself: no answer, no rows, rows that cannot be read.
    pub remarks: Vec<Remark>,
    /// The source that was asked last: the check's own, or its fallback's.
    pub answered: Arc<str>,
    /// Which source was read in the place of the check's own, and why, where one was.
    pub note: Option<String>,
}

/// One key.
pub(super) struct Instance {
    pub view: AlertView,
    pub state: State,
    /// Why conditions are unknown, the least severe first.
    pub unknown: Vec<(Severity, String)>,
    /// How each condition came to its value, the most severe first; where it was asked.
    pub traces: Vec<(Severity, Trace)>,
}

pub(super) struct Remark {
    pub id: AlertId,
    pub state: State,
    pub text: String,
}

impl Verdict {
    pub fn worst(&self) -> State {
        let all = self.instances.iter().map(|i| i.state).chain(self.remarks.iter().map(|r| r.state));
        all.max().unwrap_or(State::Ok)
    }
}

/// What is asked to be seen.
pub(super) struct Wanted<'a> {
    pub keys: &'a [(String, String)],
    pub explain: bool,
}

impl Wanted<'_> {
    fn takes(&self, key: &Key) -> bool {
        self.keys.iter().all(|(name, value)| key.get(name) == Some(value))
    }
}

/// Judges an answer.
pub(super) fn judge(answer: Answer, now: Timestamp, wanted: &Wanted<'_>) -> Verdict {
    let Answer { check, took, table, fell_back } = answer;
    // Whose fault it is does not matter to whoever asks once.
    let failure =
        |e: CollectError| CollectFailure { unreachable: false, message: e.message, class: e.class, retry_after: None };
    let judged = evaluate(&check, now, table.map_err(failure));
    let fell_back = fell_back.map(failure);
    let evaluated = Evaluated { check: Arc::clone(&check), slot: now, generation: 0, took, fell_back, judged };
    let (answered, note) = evaluated.answered();
    let note = note.filter(|_| matches!(evaluated.judged, Judged::Rows(_)));
    let answered = Arc::clone(answered);
    let mut verdict = Verdict { took, rows: 0, instances: Vec::new(), remarks: Vec::new(), check, answered, note };
    match &evaluated.judged {
        Judged::Failed(failure) => {
            let why = evaluated.why_failed(failure);
            let text = format!("source `{}` gave no answer: {why}", verdict.check.source);
            verdict.remark(Some(Reason::Error), without_latches(verdict.check.on_error), text);
        }
        Judged::Rows(judgement) => verdict.take(judgement, now, wanted),
    }
    verdict
}

/// What a policy means where there is nothing to keep.
fn without_latches(policy: Policy) -> State {
    match policy {
        Policy::Keep => State::Unknown,
        Policy::Ok => State::Ok,
        Policy::Fire(severity) => State::of(Some(severity), false),
    }
}

impl Verdict {
    fn take(&mut self, judgement: &Judgement, now: Timestamp, wanted: &Wanted<'_>) {
        self.rows = judgement.table.rows();
        if judgement.table.is_empty() {
            let state = without_latches(self.check.on_empty);
            self.remark(Some(Reason::Empty), state, "the answer held no rows".to_owned());
        }
        if 0 < judgement.unread {
            let text =
                format!("{} of {} rows have no key: {}", judgement.unread, self.rows, judgement.unread_why.join("; "));
            self.remark(None, State::Unknown, text);
        }
        if let Some(why) = &judgement.mistyped {
            // Every row would say the same.
            return self.remark(None, State::Unknown, why.clone());
        }
        let asked = judgement.outcomes.iter().filter(|outcome| wanted.takes(&outcome.key));
        let of = Of { check: &self.check, judgement, now, explain: wanted.explain };
        self.instances = asked.map(|outcome| of.instance(outcome)).collect();
    }

    fn remark(&mut self, reason: Option<Reason>, state: State, text: String) {
        let fires = matches!(state, State::Critical | State::Warning | State::Info);
        let id = AlertId { check: Arc::clone(&self.check.name), reason: reason.filter(|_| fires), key: Key::default() };
        self.remarks.push(Remark { id, state, text });
    }
}

/// What an instance is made of.
struct Of<'a> {
    check: &'a Check,
    judgement: &'a Judgement,
    now: Timestamp,
    explain: bool,
}

impl Of<'_> {
    fn instance(&self, outcome: &Outcome) -> Instance {
        let (row, check) = (outcome.row as usize, self.check);
        let unknown = self.unknown(outcome);
        let mut severity = most_severe(outcome, Reading::True);
        let mut is_unknown = !unknown.is_empty();
        if let (true, Policy::Fire(instead)) = (is_unknown, check.on_unknown) {
            severity = severity.max(Some(instead));
            is_unknown = false;
        }
        let shown = severity.or_else(|| most_severe(outcome, Reading::Unknown)).unwrap_or_else(|| check.worst());
        let values = row_values(check, &self.judgement.table, row, self.now);
        Instance {
            view: preview(check, &outcome.key, values, shown, self.now),
            state: State::of(severity, is_unknown),
            unknown,
            traces: if self.explain { self.traces(row) } else { Vec::new() },
        }
    }

    fn unknown(&self, outcome: &Outcome) -> Vec<(Severity, String)> {
        if self.judgement.doubled.contains(&outcome.key) {
            let why = if outcome.key.0.is_empty() {
                "the answer has several rows, and the check has no `key` that tells them apart"
            } else {
                "two rows have this key"
            };
            return vec![(self.check.worst(), why.to_owned())];
        }
        if !outcome.is_unknown() {
            return Vec::new();
        }
        unknown_reasons(self.check, &self.judgement.table, outcome.row as usize, self.now)
    }

    fn traces(&self, row: usize) -> Vec<(Severity, Trace)> {
        let Ok(bound) = self.check.compiled.bind(&self.judgement.table) else { return Vec::new() };
        let rules = Severity::ALL.into_iter().rev();
        let rules = rules.filter_map(|s| self.check.severities[s.index()].as_ref().map(|rule| (s, rule)));
        rules.map(|(severity, rule)| (severity, bound.explain(rule.when, row, self.now))).collect()
    }
}

fn most_severe(outcome: &Outcome, reading: Reading) -> Option<Severity> {
    Severity::ALL.into_iter().rev().find(|severity| outcome.readings[severity.index()].when == reading)
}
