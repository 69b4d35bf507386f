//! An alert as a message shows it, rendered from its last row.

use super::{CheckState, Engine, Life, RowValues, Signal};
use crate::model::alert::{AlertState, AlertView, Latch, Reason};
use crate::model::{AlertId, Key, LabelSet, Severity, Template, Timestamp, Value};
use crate::rules::{Check, fixed_labels};
use std::sync::Arc;

impl Engine {
    /// The view of an active alert as of its last row.
    #[must_use]
    pub fn view(&self, id: &AlertId) -> Option<Arc<AlertView>> {
        if let Some(signal) = self.signals.get(id) {
            let mut view = signal.view(id, self.checks.get(&id.check).map(|c| &*c.check));
            let failing = id.key.get("check").filter(|_| &*id.check == "check-failing");
            if let Some(failing) = failing.and_then(|name| self.checks.get(name)) {
                view.declared = Arc::clone(&failing.check.declared);
            }
            return Some(Arc::new(view));
        }
        let state = self.checks.get(&id.check)?;
        state.view(state.lives.get(&id.key)?, id).map(Arc::new)
    }
}

impl CheckState {
    /// The view of a life that is pending or firing.
    pub(super) fn view(&self, life: &Life, id: &AlertId) -> Option<AlertView> {
        match AlertState::of(&life.latches) {
            AlertState::Inactive => None,
            AlertState::Pending(severity) | AlertState::Firing(severity) => Some(self.view_at(life, id, severity)),
        }
    }

    /// The view of a life at a severity.
    pub(super) fn view_at(&self, life: &Life, id: &AlertId, severity: Severity) -> AlertView {
        AlertView { fell_back: self.fell_back().map(str::to_owned), ..view(&self.check, life, id, severity) }
    }
}

/// A row as a message would show it at a severity: for whoever judges rows and holds no lives.
#[must_use]
pub fn preview(check: &Check, key: &Key, row: RowValues, severity: Severity, at: Timestamp) -> AlertView {
    let id = AlertId::new(&check.name, key.clone());
    let labels = labels(check, &id, &row, severity);
    let life = Life { latches: [Latch::Off; 3], since: at, absent: None, unknown: 0, row, labels };
    view(check, &life, &id, severity)
}

/// What the check's words say of a life at a severity.
fn view(check: &Check, life: &Life, id: &AlertId, severity: Severity) -> AlertView {
    let lookup = |name: &str| lookup(check, &life.row, &id.key, name);
    let mut failed = None;
    let mut render = |template: &Template| match template.render(&lookup) {
        Ok(text) => Some(text),
        Err(why) => {
            failed.get_or_insert(why);
            None
        }
    };
    let title = check.title.as_ref().and_then(&mut render);
    let body = check.body.as_ref().and_then(&mut render).unwrap_or_default();
    let links = check.links.iter().filter_map(|(name, url)| render(url).map(|url| ((*name).to_owned(), url))).collect();
    let rule = check.severities[severity.index()].as_ref();
    AlertView {
        labels: life.labels.with("severity", severity.name()),
        severity,
        since: life.since,
        ended: None,
        note: None,
        title: title.unwrap_or_else(|| plain_title(&id.check, &id.key)),
        body,
        description: check.description.clone(),
        values: rule.map(|r| deciding(check, life, r.when)).unwrap_or_default(),
        condition: rule.map(|r| check.compiled.with_constants(r.when)).unwrap_or_default(),
        links,
        declared: Arc::clone(&check.declared),
        template_error: failed,
        fell_back: None,
        flapping: None,
        id: id.clone(),
    }
}

/// The columns and `let` names that a condition uses, with their values.
fn deciding(check: &Check, life: &Life, condition: usize) -> Vec<(Arc<str>, Value)> {
    let names = check.compiled.names_of(condition);
    let value = |name: &Arc<str>| life.row.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
    let mut values = Vec::with_capacity(names.len());
    values.extend(names.into_iter().filter_map(|name| value(&name).map(|v| (name, v))));
    values
}

/// What a template may name: columns and `let` names, params, the key.
pub(super) fn lookup(check: &Check, row: &[(Arc<str>, Value)], key: &Key, name: &str) -> Option<Value> {
    let find = |pairs: &[(Arc<str>, Value)]| pairs.iter().find(|(n, _)| &**n == name).map(|(_, v)| v.clone());
    find(row).or_else(|| find(&check.params)).or_else(|| key.get(name).map(Value::text))
}

/// The title where the check has none, or its own failed.
fn plain_title(check: &str, key: &Key) -> String {
    let values: Vec<&str> = key.0.iter().map(|(_, v)| &**v).collect();
    if values.is_empty() { check.to_owned() } else { format!("{check}: {}", values.join(", ")) }
}

/// The labels of a life: its check's, its key columns, and the fixed ones.
pub(super) fn labels(check: &Check, id: &AlertId, row: &[(Arc<str>, Value)], severity: Severity) -> LabelSet {
    check.labels_of(id, severity, &|name| lookup(check, row, &id.key, name))
}

impl Signal {
    /// The view of an alert without rows; `check` is the check whose own alert it is.
    pub(super) fn view(&self, id: &AlertId, check: Option<&Check>) -> AlertView {
        let labels = match check.filter(|_| id.reason.is_some()) {
            Some(check) => labels(check, id, &[], self.severity),
            None => self_labels(id, self.severity),
        };
        let links = Vec::new();
        AlertView {
            id: id.clone(),
            labels,
            severity: self.severity,
            since: self.since,
            ended: None,
            note: None,
            title: signal_title(id),
            body: self.message.clone(),
            description: check.map(|c| c.description.clone()).unwrap_or_default(),
            values: Vec::new(),
            condition: String::new(),
            links,
            declared: check.map_or_else(|| Arc::from("self_alerts"), |c| Arc::clone(&c.declared)),
            template_error: None,
            fell_back: None,
            flapping: None,
        }
    }
}

/// The labels of an alert about Bellwether itself. The check that `check-failing` is about stands under
/// `failing_check`, since `check` names the alert's own check.
fn self_labels(id: &AlertId, severity: Severity) -> LabelSet {
    let key = id.key.0.iter().map(|(name, value)| {
        let name = if &**name == "check" { Arc::from("failing_check") } else { Arc::clone(name) };
        (name, Arc::clone(value))
    });
    LabelSet::new(key.chain(fixed_labels(id, severity, None)))
}

fn signal_title(id: &AlertId) -> String {
    let about = id.key.0.first().map_or("", |(_, v)| v);
    match (id.reason, &*id.check) {
        (Some(Reason::Error), check) => format!("{check} could not be collected"),
        (Some(Reason::Empty), check) => format!("{check} had no rows"),
        (Some(Reason::Limit), check) => format!("{check} fires for more instances than its limit"),
        (Some(Reason::Received), _) => id.to_string(),
        (None, "source-unreachable") => format!("source {about} cannot be reached"),
        (None, "check-failing") => format!("check {about} cannot be judged"),
        (None, "channel-down") => format!("channel {about} does not take messages"),
        (None, "config-rejected") => "a changed configuration was refused; the old one runs on".to_owned(),
        (None, "store-failing") => "the store cannot be written; alerts are still delivered".to_owned(),
        (None, check) => plain_title(check, &id.key),
    }
}
