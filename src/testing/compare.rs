//! What happened against what a test expects.

use crate::load::cases::{Expect, SendExpect, TestCase};
use crate::model::time::human_duration;
use crate::model::{Change, ChangeKind, Notification};
use crate::rules::SelfAlerts;
use std::sync::Arc;
use std::time::Duration;

/// A change, and when it was.
#[derive(Clone, Debug)]
pub struct Happened {
    /// After the test's start.
    pub at: Duration,
    pub change: Change,
}

/// A message, and when it was sent.
#[derive(Clone, Debug)]
pub struct Sent {
    /// After the test's start.
    pub at: Duration,
    pub notification: Arc<Notification>,
    /// As a person reads it.
    pub text: String,
}

/// Every difference between the two lists of a test and what happened; the order at one instant does not count.
#[must_use]
pub fn compare(case: &TestCase, happened: &[Happened], sent: &[Sent]) -> Vec<String> {
    let asked: Vec<&str> = case.expect.iter().filter_map(|e| e.check.as_deref()).collect();
    let pending = case.expect.iter().any(|e| e.kind == ChangeKind::Pending);
    let happened: Vec<&Happened> = happened.iter().filter(|h| counts(h, &asked, pending)).collect();
    let pairs = pair(&case.expect, &happened, |e, h| wrong(e, h).is_none());
    let mut differences = Vec::new();
    for (expect, at) in case.expect.iter().zip(&pairs.by_first) {
        if at.is_none() {
            differences.push(missing(expect, nearest(expect, pairs.free(&happened).copied())));
        }
    }
    let left = pairs.free(&happened).filter(|h| h.change.kind != ChangeKind::Pending);
    differences.extend(left.map(|h| format!("not expected: {}", describe(h))));
    if let Some(sends) = &case.sends {
        differences.extend(compare_sends(sends, sent));
    }
    differences
}

/// Whether a change is to be compared: those of Bellwether itself only where an entry names their check.
fn counts(happened: &Happened, asked: &[&str], pending: bool) -> bool {
    let check = &*happened.change.view.id.check;
    let own = SelfAlerts::NAMES.contains(&check);
    (!own || asked.contains(&check)) && (pending || happened.change.kind != ChangeKind::Pending)
}

/// The alerts about Bellwether itself that fired and that the test does not ask for: why something else did not happen.
#[must_use]
pub fn own_alerts(case: &TestCase, happened: &[Happened]) -> Vec<String> {
    let asked = |check: &str| case.expect.iter().any(|e| e.check.as_deref() == Some(check));
    let own = happened.iter().filter(|h| {
        let check = &*h.change.view.id.check;
        h.change.kind == ChangeKind::Fired && SelfAlerts::NAMES.contains(&check) && !asked(check)
    });
    own.map(|h| {
        let (change, view) = (&h.change, &h.change.view);
        let why = view.body.lines().next().unwrap_or("");
        format!("at {} fired {} {}: {}: {why}", clock(h.at), change.severity, view.id, view.title)
    })
    .collect()
}

/// What was probably meant: a change of that kind with that key, the nearest in time, or one of another key at that
/// instant.
fn nearest<'a>(expect: &Expect, free: impl Iterator<Item = &'a Happened>) -> Option<&'a Happened> {
    let has_key = |h: &Happened| expect.key.iter().flatten().all(|(n, v)| h.change.view.id.key.get(n) == Some(&**v));
    free.filter(|h| h.change.kind == expect.kind && (has_key(h) || h.at == expect.at))
        .min_by_key(|h| (!has_key(h), h.at.abs_diff(expect.at)))
}

fn missing(expect: &Expect, near: Option<&Happened>) -> String {
    let place = format!("{}:{}", expect.place.file, expect.place.line);
    let head = format!("{place}: expected {} {} at {}", expect.kind.name(), expect.severity, clock(expect.at));
    match near.and_then(|h| wrong(expect, h).map(|why| (h, why))) {
        Some((_, why)) => format!("{head}: {why}"),
        None => format!("{head}{}: it did not happen", key_text(expect)),
    }
}

fn key_text(expect: &Expect) -> String {
    let Some(key) = &expect.key else { return String::new() };
    let parts: Vec<String> = key.iter().map(|(n, v)| format!("{n}={v:?}")).collect();
    format!(" {{{}}}", parts.join(", "))
}

/// What is wrong with a change as the expected one; `None` where it is it.
fn wrong(expect: &Expect, happened: &Happened) -> Option<String> {
    let (change, view) = (&happened.change, &happened.change.view);
    if expect.at != happened.at {
        return Some(format!("it happened at {}", clock(happened.at)));
    }
    if (expect.kind, expect.severity) != (change.kind, change.severity) {
        return Some(format!("it {} {}", change.kind.name(), change.severity));
    }
    if expect.check.as_deref().is_some_and(|c| c != &*view.id.check) {
        return Some(format!("it is an alert of {}", view.id.check));
    }
    if expect.reason != view.id.reason && (expect.reason.is_some() || expect.key.is_some()) {
        return Some(format!("it is {}", view.id));
    }
    let key = expect.key.iter().flatten().find(|(n, v)| view.id.key.get(n) != Some(&**v));
    if let Some((name, value)) = key {
        return Some(format!("{name} is {:?}, not {value:?}", view.id.key.get(name).unwrap_or("")));
    }
    if let Some(title) = expect.title.as_ref().filter(|t| **t != view.title) {
        return Some(format!("the title is {:?}, not {title:?}", view.title));
    }
    let label = expect.labels.iter().find(|(n, v)| view.labels.get(n).unwrap_or("") != &**v)?;
    Some(format!("label {} is {:?}, not {:?}", label.0, view.labels.get(&label.0).unwrap_or(""), label.1))
}

fn describe(happened: &Happened) -> String {
    let (change, view) = (&happened.change, &happened.change.view);
    let kind = change.kind.name();
    format!("at {} {kind} {} {} {:?}", clock(happened.at), change.severity, view.id, view.title)
}

fn compare_sends(expected: &[SendExpect], sent: &[Sent]) -> Vec<String> {
    let asked: Vec<&str> = expected.iter().filter_map(|e| e.check.as_deref()).collect();
    let sent: Vec<&Sent> = sent.iter().filter(|s| send_counts(s, &asked)).collect();
    let pairs = pair(expected, &sent, |e, s| wrong_send(e, s).is_none());
    let mut differences = Vec::new();
    for (expect, _) in expected.iter().zip(&pairs.by_first).filter(|(_, at)| at.is_none()) {
        let place = format!("{}:{}", expect.place.file, expect.place.line);
        let near = pairs.free(&sent).filter(|s| s.notification.channel == expect.channel);
        let near = near.min_by_key(|s| s.at.abs_diff(expect.at));
        let why = near.and_then(|s| wrong_send(expect, s)).unwrap_or_else(|| "it was not sent".to_owned());
        differences.push(format!("{place}: expected a send to {} at {}: {why}", expect.channel, clock(expect.at)));
    }
    differences.extend(pairs.free(&sent).map(|s| {
        let first = s.text.lines().next().unwrap_or("");
        format!("not expected: a send to {} at {}: {first}", s.notification.channel, clock(s.at))
    }));
    differences
}

fn send_counts(sent: &Sent, asked: &[&str]) -> bool {
    sent.notification.items.iter().any(|i| {
        let check = &*i.alert.id.check;
        !SelfAlerts::NAMES.contains(&check) || asked.contains(&check)
    })
}

fn wrong_send(expect: &SendExpect, sent: &Sent) -> Option<String> {
    if expect.at != sent.at {
        return Some(format!("it was sent at {}", clock(sent.at)));
    }
    if expect.channel != sent.notification.channel {
        return Some(format!("it was sent to {}", sent.notification.channel));
    }
    let about = |c: &Arc<str>| sent.notification.items.iter().any(|i| i.alert.id.check == *c);
    if let Some(check) = expect.check.as_ref().filter(|c| !about(c)) {
        return Some(format!("it says nothing of {check}"));
    }
    let lacks = expect.contains.iter().find(|text| !sent.text.contains(text.as_str()))?;
    Some(format!("it does not contain {lacks:?}:\n    {}", sent.text.trim_end().replace('\n', "\n    ")))
}

/// `30m30s`.
fn clock(at: Duration) -> String {
    human_duration(at.as_secs_f64())
}

/// A matching of two lists: each entry with at most one of the other.
struct Pairs {
    by_first: Vec<Option<usize>>,
    taken: Vec<bool>,
}

impl Pairs {
    fn free<'a, T>(&'a self, second: &'a [T]) -> impl Iterator<Item = &'a T> {
        second.iter().zip(&self.taken).filter(|(_, taken)| !**taken).map(|(t, _)| t)
    }
}

/// Pairs as many as can be (augmenting paths: Kuhn 1955), so that a vague entry never takes what an exact one needs.
fn pair<A, B>(first: &[A], second: &[B], fits: impl Fn(&A, &B) -> bool) -> Pairs {
    let mut owner: Vec<Option<usize>> = vec![None; second.len()];
    for a in 0..first.len() {
        let mut seen = vec![false; second.len()];
        augment(a, &mut owner, &mut seen, &|a, b| fits(&first[a], &second[b]));
    }
    let mut by_first = vec![None; first.len()];
    for (b, a) in owner.iter().enumerate() {
        if let Some(a) = a {
            by_first[*a] = Some(b);
        }
    }
    Pairs { by_first, taken: owner.iter().map(Option::is_some).collect() }
}

fn augment(a: usize, owner: &mut [Option<usize>], seen: &mut [bool], fits: &impl Fn(usize, usize) -> bool) -> bool {
    for b in 0..owner.len() {
        if seen[b] || !fits(a, b) {
            continue;
        }
        seen[b] = true;
        if owner[b].is_none_or(|other| augment(other, owner, seen, fits)) {
            owner[b] = Some(a);
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vague_entry_does_not_take_what_an_exact_one_needs() {
        let (any, one) = (0, 1); // 0 fits all
        let pairs = pair(&[any, one], &[1, 2], |a, b| *a == 0 || a == b);
        assert_eq!(pairs.by_first, [Some(1), Some(0)]);
        let pairs = pair(&[one, one], &[1, 2], |a, b| a == b);
        assert_eq!((pairs.by_first, pairs.taken), (vec![Some(0), None], vec![true, false]));
    }
}
