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
    let mut differences = channels(&explained, case, &labels);
    if let Some(want) = &case.held_by {
        let (have, at) = (explained.held_by(), case.at);
        if named(want) != named(&have) {
            differences.push(format!("expected to be held by {} at {at}; got {}", named(want), named(&have)));
        }
    }
    let mut notes = Vec::new();
    if !differences.is_empty() {
        notes.push(format!("the labels are {labels}"));
        notes.extend(from_the_row(&from_row));
        let asked = explained.steps.iter().map(|step| format!("\n    {}", step.words(&labels)));
        notes.push(format!("the routes that were asked:{}", asked.collect::<String>()));
    }
    (differences, notes)
}

/// What was to be told beside what is, then each channel that differs with its reason.
fn channels(explained: &Explained<'_>, case: &RouteCase, labels: &LabelSet) -> Vec<String> {
    let is_told = |channel: &Arc<str>| explained.leads.iter().any(|lead| lead.channel == channel);
    let mut each: Vec<String> = Vec::new();
    for channel in case.channels.iter().filter(|channel| !is_told(channel)) {
        each.push(format!("`{channel}` is not told{}", nearest(explained, channel, labels)));
    }
    for lead in explained.leads.iter().filter(|lead| !case.channels.contains(lead.channel)) {
        each.push(format!("`{}` is told, by the route at {}, and not expected", lead.channel, lead.route.declared));
    }
    if each.is_empty() {
        return each;
    }
    let got: Vec<String> =
        explained.leads.iter().map(|lead| format!("{} (by {})", lead.channel, lead.route.declared)).collect();
    let got = if got.is_empty() { "nobody".to_owned() } else { got.join(", ") };
    let want = if case.channels.is_empty() { "nobody".to_owned() } else { case.channels.join(", ") };
    each.insert(0, format!("expected to be told: {want}; got: {got}"));
    each
}

/// Names in their order, as a person reads them.
fn named(names: &[Arc<str>]) -> String {
    let mut names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.sort_unstable();
    names.dedup();
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
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
