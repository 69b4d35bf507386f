//! A test of routes: where the labels of an alert lead, against where they have to.

use crate::dispatch::explain::{Explained, Verdict, explain};
use crate::load::Config;
use crate::load::cases::RouteCase;
use crate::model::{LabelSet, Severity};
use crate::rules::Check;
use std::sync::Arc;

/// The labels of an alert of a check, with those that were given; and the names of labels that the row gives and that
/// nobody gave.
#[must_use]
pub fn labels_of(
    check: Option<&Check>,
    severity: Option<Severity>,
    given: &[(Arc<str>, Arc<str>)],
) -> (LabelSet, Vec<Arc<str>>) {
    let severity = severity.or_else(|| check.map(Check::worst));
    let (known, mut from_row) = match (check, severity) {
        (Some(check), Some(severity)) => check.labels_known(severity),
        (_, severity) => (severity.iter().map(|s| ("severity", s.name())).collect(), Vec::new()),
    };
    from_row.retain(|name| !given.iter().any(|(have, _)| have == name));
    (LabelSet::new(known.iter().map(|(n, v)| (Arc::clone(n), Arc::clone(v))).chain(given.iter().cloned())), from_row)
}

/// What differs, each in a line or a few, and what may explain it; both empty where the routes lead where they have to.
pub(super) fn differences(config: &Config, case: &RouteCase) -> (Vec<String>, Vec<String>) {
    let check = case.check.as_deref().and_then(|name| config.check(name));
    let (labels, from_row) = labels_of(check.map(|check| &**check), case.severity, &case.labels);
    let explained = explain(&config.dispatch, &labels, case.at);
    let mut differences = Vec::new();
    for lead in explained.leads.iter().filter(|lead| !case.channels.contains(lead.channel)) {
        differences.push(format!("not expected: `{}` is told, by {}", lead.channel, lead.route.declared));
    }
    for channel in case.channels.iter().filter(|c| !explained.leads.iter().any(|lead| lead.channel == *c)) {
        differences.push(format!("expected `{channel}`: it is not told{}", nearest(&explained, channel, &labels)));
    }
    if let Some(want) = &case.held_by {
        let (have, at) = (explained.held_by(), case.at);
        let odd = have.iter().filter(|name| !want.contains(name));
        differences.extend(odd.map(|name| format!("not expected: `{name}` holds it at {at}")));
        let lacking = want.iter().filter(|name| !have.contains(name));
        differences.extend(lacking.map(|name| format!("expected `{name}`: it does not hold it at {at}")));
    }
    let mut notes = Vec::new();
    if !differences.is_empty() {
        notes.push(format!("the labels are {labels}"));
        notes.extend(from_the_row(&from_row));
    }
    (differences, notes)
}

/// What to say of labels that only a row gives.
#[must_use]
pub fn from_the_row(names: &[Arc<str>]) -> Option<String> {
    let names = (!names.is_empty()).then(|| names.join("`, `"))?;
    Some(format!("only a row gives `{names}`: give what a route asks for"))
}

/// Why a channel is not told, by the first route that would have led there.
fn nearest(explained: &Explained<'_>, channel: &Arc<str>, labels: &LabelSet) -> String {
    let leads_there = |step: &&crate::dispatch::explain::Step<'_>| step.route.channels.contains(channel);
    let Some(step) = explained.steps.iter().find(leads_there) else {
        return ": no route that was come to leads there".to_owned();
    };
    let place = &step.route.declared;
    match step.verdict {
        Verdict::Differs(matcher) => {
            let have = labels.get(matcher.name()).map_or_else(|| "not there".to_owned(), |v| format!("{v:?}"));
            format!(": the route at {place} asks for {matcher}, and `{}` is {have}", matcher.name())
        }
        Verdict::NotAsked(before) => {
            format!(": the route at {place} is not asked, as {} matches and does not continue", before.declared)
        }
        Verdict::Below => format!(": below the route at {place} another one matches"),
        Verdict::Taken => String::new(),
    }
}
