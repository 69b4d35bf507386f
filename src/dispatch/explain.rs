//! Where labels lead, and by which route: for people who ask, and for tests of routes.
//!
//! It reads a configuration and keeps no state: what may be held is said here, what *is* held only a daemon knows.

use super::hold::Cause;
use super::{Config, Inhibit, Route};
use crate::model::silence::SilenceState;
use crate::model::{LabelSet, Matcher, Silence, Timestamp};
use std::sync::Arc;

/// Where labels lead.
#[derive(Clone, Debug)]
pub struct Explained<'a> {
    /// Every node of the tree that was come to, in the order of the walk.
    pub steps: Vec<Step<'a>>,
    /// The channels that are told, each once: by the first route that leads there and that no calendar holds, or else by
    /// the first.
    pub leads: Vec<Lead<'a>>,
    /// The rules of inhibition whose target side matches: each holds while an alert of its source side is active.
    pub inhibit: Vec<&'a Inhibit>,
    /// The silences of files that hold it then.
    pub silences: Vec<&'a Silence>,
}

impl Explained<'_> {
    /// The names of the silences and calendars that hold a channel of it then, each once.
    #[must_use]
    pub fn held_by(&self) -> Vec<Arc<str>> {
        let mut names: Vec<Arc<str>> = self.silences.iter().map(|silence| Arc::clone(&silence.id)).collect();
        for lead in &self.leads {
            match &lead.held {
                Some(Cause::Outside { calendars, .. }) => names.extend(calendars.iter().cloned()),
                Some(Cause::Muted { calendar, .. }) => names.push(Arc::clone(calendar)),
                _ => {}
            }
        }
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// One node of the tree, and what became of it.
#[derive(Clone, Debug)]
pub struct Step<'a> {
    pub route: &'a Route,
    /// The root's is 0.
    pub depth: usize,
    pub verdict: Verdict<'a>,
}

#[derive(Clone, Copy, Debug)]
pub enum Verdict<'a> {
    /// It matches, and none below it does: it tells.
    Taken,
    /// It matches, and one below it tells.
    Below,
    /// This matcher does not fit.
    Differs(&'a Matcher),
    /// It was not asked: this sibling before it matched and does not continue.
    NotAsked(&'a Route),
}

impl Step<'_> {
    /// The node and what became of it, in a line: `a.yaml:12 severity="critical": taken: data-slack`.
    #[must_use]
    pub fn words(&self, labels: &LabelSet) -> String {
        format!(
            "{}{} {}: {}",
            "  ".repeat(self.depth),
            self.route.declared,
            self.route.asks(),
            self.verdict_words(labels)
        )
    }

    /// What became of it, and why.
    #[must_use]
    pub fn verdict_words(&self, labels: &LabelSet) -> String {
        match self.verdict {
            Verdict::Taken if self.route.channels.is_empty() => "taken: it leads to no channel".to_owned(),
            Verdict::Taken => format!("taken: {}", self.route.channels.join(", ")),
            Verdict::Below => "matches, and so does one below it".to_owned(),
            Verdict::Differs(matcher) => match labels.get(matcher.name()) {
                Some(value) => format!("no: {matcher}, and {} is {value:?}", matcher.name()),
                None => format!("no: {matcher}, and there is no {}", matcher.name()),
            },
            Verdict::NotAsked(before) => format!("not asked: {} matches and does not continue", before.declared),
        }
    }
}

impl Route {
    /// A node's own matchers: `severity="critical", team="data"`.
    #[must_use]
    pub fn asks(&self) -> String {
        let matchers: Vec<String> = self.matchers.iter().map(Matcher::to_string).collect();
        if matchers.is_empty() { "(every alert)".to_owned() } else { matchers.join(", ") }
    }
}

/// A channel, and the route that leads there.
#[derive(Clone, Debug)]
pub struct Lead<'a> {
    pub channel: &'a Arc<str>,
    pub route: &'a Route,
    /// The calendar that holds the route then.
    pub held: Option<Cause>,
}

/// Says where labels lead at an instant.
#[must_use]
pub fn explain<'a>(config: &'a Config, labels: &LabelSet, at: Timestamp) -> Explained<'a> {
    let mut steps = Vec::new();
    if let Some(root) = &config.route {
        walk(root, 0, labels, &mut steps);
    }
    let mut leads: Vec<Lead<'a>> = Vec::new();
    for step in steps.iter().filter(|step| matches!(step.verdict, Verdict::Taken)) {
        let held = step.route.during.at(at).0;
        for channel in &step.route.channels {
            let lead = Lead { channel, route: step.route, held: held.clone() };
            match leads.iter_mut().find(|lead| lead.channel == channel) {
                None => leads.push(lead),
                Some(known) if known.held.is_some() && held.is_none() => *known = lead,
                Some(_) => {}
            }
        }
    }
    let inhibit = config.inhibit.iter().filter(|rule| Matcher::all(&rule.target, labels)).collect();
    let silences =
        config.silences.iter().filter(|s| s.state(at) == SilenceState::Active && s.matches(labels)).collect();
    Explained { steps, leads, inhibit, silences }
}

/// As [`Route::find`], with a note of each node. Whether it matched.
fn walk<'a>(route: &'a Route, depth: usize, labels: &LabelSet, steps: &mut Vec<Step<'a>>) -> bool {
    if let Some(matcher) = route.matchers.iter().find(|matcher| !matcher.matches(labels)) {
        steps.push(Step { route, depth, verdict: Verdict::Differs(matcher) });
        return false;
    }
    let mine = steps.len();
    steps.push(Step { route, depth, verdict: Verdict::Taken });
    let mut taken_by: Option<&Route> = None;
    for child in &route.routes {
        if let Some(before) = taken_by {
            steps.push(Step { route: child, depth: depth + 1, verdict: Verdict::NotAsked(before) });
        } else if walk(child, depth + 1, labels, steps) {
            steps[mine].verdict = Verdict::Below;
            taken_by = (!child.continues).then_some(child);
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dispatch::{GroupBy, Timers};

    fn node(id: &str, matchers: &[&str], continues: bool, channels: &[&str], routes: Vec<Route>) -> Route {
        Route {
            id: Arc::from(id),
            matchers: matchers.iter().map(|m| Matcher::parse(m).unwrap()).collect(),
            continues,
            channels: channels.iter().map(|c| Arc::from(*c)).collect(),
            group_by: GroupBy::Labels(vec![]),
            timers: Timers::default(),
            during: crate::dispatch::calendar::During::default(),
            routes,
            declared: Arc::from(""),
        }
    }

    fn tree() -> Config {
        let a1 = node("a1", &[r#"team="x""#], false, &["x"], vec![]);
        let a = node("a", &[r#"severity="critical""#], true, &["crit", "log"], vec![a1]);
        let b = node("b", &[r#"team=~"x|y""#], false, &["log", "y"], vec![]);
        let c = node("c", &[], false, &["rest"], vec![]);
        let root = node("root", &[], false, &["root"], vec![a, b, c]);
        Config { route: Some(root), ..Config::default() }
    }

    /// A letter a node, in the order of the walk: T taken, B below, D differs, - not asked.
    fn verdicts(explained: &Explained<'_>) -> String {
        let one = |step: &Step<'_>| match step.verdict {
            Verdict::Taken => 'T',
            Verdict::Below => 'B',
            Verdict::Differs(_) => 'D',
            Verdict::NotAsked(_) => '-',
        };
        explained.steps.iter().map(one).collect()
    }

    #[test]
    fn each_node_says_what_became_of_it_and_each_channel_is_led_to_once() {
        let config = tree();
        for (labels, walk, channels) in [
            (vec![("severity", "critical"), ("team", "x")], "BBTT-", "x log y"),
            (vec![("severity", "critical"), ("team", "y")], "BTDT-", "crit log y"),
            (vec![("severity", "critical")], "BTDDT", "crit log rest"),
            (vec![("team", "y")], "BDT-", "log y"),
            (vec![], "BDDT", "rest"),
        ] {
            let labels: LabelSet = labels.into_iter().collect();
            let explained = explain(&config, &labels, Timestamp::default());
            let leads: Vec<&str> = explained.leads.iter().map(|lead| &**lead.channel).collect();
            assert_eq!((verdicts(&explained).as_str(), leads.join(" ").as_str()), (walk, channels), "{labels}");
            // The same routes as those by which alerts are led.
            let taken: Vec<&str> = (explained.steps.iter().filter(|s| matches!(s.verdict, Verdict::Taken)))
                .map(|s| &*s.route.id)
                .collect();
            let found: Vec<&str> = config.route.as_ref().unwrap().find(&labels).iter().map(|r| &*r.id).collect();
            assert_eq!(taken, found, "{labels}");
        }
    }
}
