//! Routes and inhibitions that no alert can match.

use super::Advice;
use crate::config::{Problem, Problems, did_you_mean};
use crate::model::{LabelSet, MatchOp, Matcher, Severity};
use crate::rules::outline::{MatcherList, Outline, Role};
use crate::rules::{KeyColumns, SelfAlerts};
use std::collections::{BTreeMap, BTreeSet};

const ROUTE: &str = "unreachable-route";
const INHIBIT: &str = "idle-inhibition";
pub(super) const ADVICE: Advice = Advice { names: &[ROUTE, INHIBIT], give };

/// What is known of the labels that alerts have.
pub(super) struct Labels {
    /// Every value that a label may have; `None` where rows decide.
    values: BTreeMap<String, Option<BTreeSet<String>>>,
    /// Whether alerts may have labels that nobody can know: each text column of a row.
    is_open: bool,
}

fn give(outline: &Outline, problems: &mut Problems) {
    if !super::knows_all_labels(outline) {
        return;
    }
    let labels = Labels::of(outline);
    let mut above: Vec<&MatcherList> = Vec::new();
    let mut siblings: Vec<Vec<&MatcherList>> = Vec::new();
    for list in &outline.matchers {
        if let Role::Route { .. } = list.role {
            above.truncate(list.depth);
            siblings.truncate(list.depth + 1);
            siblings.resize_with(list.depth + 1, Vec::new);
            let taken = siblings[list.depth].iter().find(|earlier| takes_all(earlier, list)).copied();
            problems_of(&labels, list, &above, problems);
            if let Some(earlier) = taken {
                let problem = Problem::advice(ROUTE, "an earlier route takes all that this one could match")
                    .at(list.place.clone());
                problems.push(
                    problem
                        .also(earlier.place.clone(), "this one")
                        .help("add `continue: true` to the earlier one, or put this one before it"),
                );
            }
            siblings[list.depth].push(list);
            above.push(list);
        } else {
            problems_of(&labels, list, &[], problems);
        }
    }
}

/// Whether what `later` matches never gets past `earlier`.
fn takes_all(earlier: &MatcherList, later: &MatcherList) -> bool {
    let goes_on = matches!(earlier.role, Role::Route { continues: true });
    let is_wider = earlier.matchers.iter().all(|(matcher, _)| later.matchers.iter().any(|(other, _)| other == matcher));
    !goes_on && is_wider
}

fn problems_of(labels: &Labels, list: &MatcherList, above: &[&MatcherList], problems: &mut Problems) {
    let (name, what) = match list.role {
        Role::Route { .. } => (ROUTE, "no alert gets here"),
        Role::InhibitSource => (INHIBIT, "no alert is its source"),
        Role::InhibitTarget => (INHIBIT, "no alert is its target"),
    };
    for (at, (matcher, place)) in list.matchers.iter().enumerate() {
        if let Some((why, help)) = labels.problem(matcher) {
            problems.push(Problem::advice(name, format!("{what}: {why}")).at(place.clone()).help_if(help));
            continue;
        }
        let before = above.iter().flat_map(|list| &list.matchers).chain(&list.matchers[..at]);
        if let Some((other, also)) = before.into_iter().find(|(other, _)| contradict(matcher, other)) {
            let message = format!("{what}: `{matcher}` and `{other}` cannot both match");
            problems.push(Problem::advice(name, message).at(place.clone()).also(also.clone(), "here"));
        }
    }
}

/// Whether no value satisfies both.
fn contradict(a: &Matcher, b: &Matcher) -> bool {
    let refuses = |fixed: &Matcher, other: &Matcher| {
        fixed.op() == MatchOp::Equal
            && !other.matches(&[(fixed.name(), fixed.value())].into_iter().collect::<LabelSet>())
    };
    a.name() == b.name() && (refuses(a, b) || refuses(b, a))
}

impl Labels {
    pub(super) fn of(outline: &Outline) -> Labels {
        let mut labels = Labels { values: BTreeMap::new(), is_open: false };
        for severity in Severity::ALL {
            labels.add("severity", severity.name());
        }
        for reason in ["error", "empty", "limit"] {
            labels.add("reason", reason);
        }
        for name in SelfAlerts::NAMES {
            labels.add("check", name);
        }
        labels.values.insert("channel".to_owned(), None);
        // Alertmanager's name of `check`, which alerts that others send have as well: of any value.
        labels.values.insert("alertname".to_owned(), None);
        for (declared, check) in super::checks(outline) {
            labels.add("check", &check.name);
            labels.add("source", &check.source);
            for (name, template) in &check.labels {
                match template.constant() {
                    Some(value) => labels.add(name, value),
                    None => drop(labels.values.insert(name.to_string(), None)),
                }
            }
            match &check.key {
                KeyColumns::Columns(names) => {
                    labels.values.extend(names.iter().map(|name| (name.to_string(), None)));
                }
                KeyColumns::AllText => labels.is_open = true,
                KeyColumns::None => {}
            }
            debug_assert!(declared.check.is_some(), "only checks that are right are looked at");
        }
        labels
    }

    fn add(&mut self, name: &str, value: &str) {
        if let Some(values) = self.values.entry(name.to_owned()).or_insert_with(|| Some(BTreeSet::new())) {
            values.insert(value.to_owned());
        }
    }

    /// Why no alert matches, and what was probably meant.
    pub(super) fn problem(&self, matcher: &Matcher) -> Option<(String, Option<String>)> {
        let empty = LabelSet::default();
        if matcher.matches(&empty) {
            return None;
        }
        match self.values.get(matcher.name()) {
            None if self.is_open => None,
            None => {
                let help = did_you_mean(matcher.name(), self.values.keys().map(String::as_str));
                Some((format!("no alert has a label `{}`", matcher.name()), help))
            }
            Some(None) => None,
            Some(Some(values)) => {
                let can = values
                    .iter()
                    .any(|value| matcher.matches(&[(matcher.name(), value.as_str())].into_iter().collect()));
                let help = did_you_mean(matcher.value(), values.iter().map(String::as_str));
                (!can).then(|| (format!("no alert has `{matcher}`"), help))
            }
        }
    }
}
