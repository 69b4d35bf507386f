//! Which active alerts hold which others.

use super::{Inhibit, InhibitCause};
use crate::model::{AlertId, LabelSet, MatchOp, Matcher};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// The values of a rule's `equal` labels; a label that is lacking is empty, and equals another that is.
type EqualValues = Vec<Arc<str>>;

/// The active (firing or pending) alerts that are a source of a rule, by rule and by `equal` values.
#[derive(Debug, Default)]
pub struct Inhibitions {
    rules: Vec<Inhibit>,
    /// Rules by the check that their source side, or their target side, names: a thousand checks with a parent each
    /// are a thousand rules, of which one matters to an alert.
    by_source: ByCheck,
    by_target: ByCheck,
    sources: Vec<HashMap<EqualValues, BTreeMap<AlertId, Source>>>,
}

#[derive(Debug)]
struct Source {
    /// It matches the target side, too.
    both_sides: bool,
}

/// What holds an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inhibitor {
    pub by: AlertId,
    pub cause: InhibitCause,
}

impl Inhibitions {
    #[must_use]
    pub fn new(rules: Vec<Inhibit>) -> Self {
        let sources = rules.iter().map(|_| HashMap::new()).collect();
        let by_source = ByCheck::new(rules.iter().map(|r| r.source.as_slice()));
        let by_target = ByCheck::new(rules.iter().map(|r| r.target.as_slice()));
        Inhibitions { rules, by_source, by_target, sources }
    }

    /// Whether some rule has an alert with these labels as its source.
    #[must_use]
    pub fn is_source(&self, labels: &LabelSet) -> bool {
        self.by_source.of(labels).any(|i| Matcher::all(&self.rules[i].source, labels))
    }

    /// An alert is active, with these labels now. True where that may hold or free another.
    pub fn activate(&mut self, id: &AlertId, labels: &LabelSet) -> bool {
        let mut changed = false;
        for i in self.by_source.of(labels) {
            let (rule, sources) = (&self.rules[i], &mut self.sources[i]);
            if rule.cause.is_about(id) && Matcher::all(&rule.source, labels) {
                let source = Source { both_sides: Matcher::all(&rule.target, labels) };
                changed |= sources.entry(equal_values(rule, labels)).or_default().insert(id.clone(), source).is_none();
            }
        }
        changed
    }

    /// An alert that was active with these labels is not any more. True where that may free another.
    pub fn deactivate(&mut self, id: &AlertId, labels: &LabelSet) -> bool {
        let mut changed = false;
        for i in self.by_source.of(labels) {
            let (rule, sources) = (&self.rules[i], &mut self.sources[i]);
            if !Matcher::all(&rule.source, labels) {
                continue;
            }
            let values = equal_values(rule, labels);
            if let Some(alerts) = sources.get_mut(&values) {
                changed |= alerts.remove(id).is_some();
                if alerts.is_empty() {
                    sources.remove(&values);
                }
            }
        }
        changed
    }

    /// What holds an alert with these labels, if anything does: the first rule in the order written.
    ///
    /// An alert that matches both sides of a rule is not held by another that does, as in Alertmanager
    /// (`inhibit.Inhibitor.Mutes`, `excludeTwoSidedMatch`).
    #[must_use]
    pub fn find(&self, id: &AlertId, labels: &LabelSet) -> Option<Inhibitor> {
        self.by_target.of(labels).find_map(|i| {
            let (rule, sources) = (&self.rules[i], &self.sources[i]);
            if sources.is_empty() || !rule.cause.is_about(id) || !Matcher::all(&rule.target, labels) {
                return None;
            }
            let target_is_source = Matcher::all(&rule.source, labels);
            let alerts = sources.get(&equal_values(rule, labels))?;
            let (by, _) = alerts.iter().find(|(by, s)| *by != id && !(target_is_source && s.both_sides))?;
            Some(Inhibitor { by: by.clone(), cause: rule.cause.clone() })
        })
    }

    /// The parents of an alert with these labels: the checks that its `depends_on` names.
    #[must_use]
    pub fn parents(&self, labels: &LabelSet) -> BTreeSet<Arc<str>> {
        let parent = |i: usize| match &self.rules[i].cause {
            InhibitCause::Parent(parent) if Matcher::all(&self.rules[i].target, labels) => Some(Arc::clone(parent)),
            _ => None,
        };
        self.by_target.of(labels).filter_map(parent).collect()
    }
}

/// Rules by the check that one of their sides names with `check="…"`.
#[derive(Debug, Default)]
struct ByCheck {
    named: HashMap<String, Vec<usize>>,
    /// Rules whose side names no check.
    open: Vec<usize>,
}

impl ByCheck {
    fn new<'a>(sides: impl Iterator<Item = &'a [Matcher]>) -> ByCheck {
        let mut by = ByCheck::default();
        for (i, side) in sides.enumerate() {
            let named = side.iter().find(|m| m.name() == "check" && m.op() == MatchOp::Equal);
            match named {
                Some(m) => by.named.entry(m.value().to_owned()).or_default().push(i),
                None => by.open.push(i),
            }
        }
        by
    }

    /// The rules that may match these labels, in the order written.
    fn of(&self, labels: &LabelSet) -> impl Iterator<Item = usize> + use<> {
        let named = labels.get("check").and_then(|check| self.named.get(check));
        let mut rules: Vec<usize> = named.into_iter().flatten().chain(&self.open).copied().collect();
        rules.sort_unstable();
        rules.into_iter()
    }
}

fn equal_values(rule: &Inhibit, labels: &LabelSet) -> EqualValues {
    rule.equal.iter().map(|name| Arc::from(labels.read(name).unwrap_or(""))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Key;

    fn rule(source: &str, target: &str, equal: &[&str]) -> Inhibit {
        Inhibit {
            source: vec![Matcher::parse(source).unwrap()],
            target: vec![Matcher::parse(target).unwrap()],
            equal: equal.iter().map(|e| Arc::from(*e)).collect(),
            cause: InhibitCause::Rule(Arc::from("x.yaml:1")),
        }
    }

    fn alert(check: &str, region: &str) -> (AlertId, LabelSet) {
        let labels = [("check", check), ("region", region), ("team", "data")].into_iter().collect();
        (AlertId::new(check, Key::one("region", region)), labels)
    }

    #[test]
    fn equal_labels_hold_and_others_do_not() {
        let mut i = Inhibitions::new(vec![rule(r#"check="down""#, r#"team="data""#, &["region", "zone"])]);
        let (down, down_labels) = alert("down", "eu");
        let (slow, slow_labels) = alert("slow", "eu");
        let (far, far_labels) = alert("slow", "us");
        assert!(i.activate(&down, &down_labels) && !i.activate(&down, &down_labels));
        assert_eq!(i.find(&slow, &slow_labels).map(|h| h.by), Some(down.clone()), "a label that both lack is equal");
        assert_eq!(i.find(&far, &far_labels), None);
        assert_eq!(i.find(&down, &down_labels), None, "never itself");
        assert!(i.deactivate(&down, &down_labels));
        assert_eq!(i.find(&slow, &slow_labels), None);
    }

    #[test]
    fn two_alerts_that_match_both_sides_do_not_hold_each_other() {
        let mut i = Inhibitions::new(vec![rule(r#"team="data""#, r#"team="data""#, &[])]);
        let ((a, la), (b, lb)) = (alert("a", "eu"), alert("b", "eu"));
        i.activate(&a, &la);
        i.activate(&b, &lb);
        assert_eq!((i.find(&a, &la), i.find(&b, &lb)), (None, None));
    }
}
