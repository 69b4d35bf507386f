//! An entry of `tests:` that is of routes.

use super::{CaseReader, TestCase};
use crate::config::{Node, Problem, Source, Text, did_you_mean};
use crate::load::declare::ROUTE_TEST;
use crate::model::{Severity, Timestamp};
use crate::rules::read::declared;
use std::sync::Arc;

/// An alert that routes lead, and where they have to.
#[derive(Clone, Debug)]
pub struct RouteCase {
    /// Whose source and constant labels it has.
    pub check: Option<Arc<str>>,
    /// `None`: the check's most severe; without a check it has none.
    pub severity: Option<Severity>,
    /// They win over the check's.
    pub labels: Vec<(Arc<str>, Arc<str>)>,
    pub at: Timestamp,
    /// Every channel that is told, in any order.
    pub channels: Vec<Arc<str>>,
    /// Every silence and calendar that holds it then, in any order; `None` where the test does not ask.
    pub held_by: Option<Vec<Arc<str>>>,
}

impl CaseReader<'_> {
    /// What may hold an alert on its routes is declared, or it could never be the one that does.
    fn known_hold(&mut self, name: &Text) {
        if self.hides_holds || self.holds.contains(&name.text) {
            return;
        }
        let near = did_you_mean(name.as_str(), self.holds.iter().map(|name| &**name));
        let problem = Problem::error(format!("unknown silence or calendar `{name}`")).at(name.place());
        self.problems.push(problem.help(near.unwrap_or_else(|| {
            "write a name that stands under `silences:` or `calendars:`, or `held_by: []` where nothing holds it"
                .to_owned()
        })));
    }

    pub(super) fn route_case(&mut self, source: &Arc<Source>, node: &Node) -> Option<TestCase> {
        let settings = self.reader.record(source, node, &ROUTE_TEST, self.problems);
        let channels = settings.spanned_texts("channels");
        for channel in &channels {
            self.known_channel(channel);
        }
        let held_by = settings.spanned_texts("held_by");
        for name in &held_by {
            self.known_hold(name);
        }
        let routed = settings.get("route").and_then(crate::config::Setting::record)?;
        let check = if routed.has("check") { Some(self.known_check(routed)?.text) } else { None };
        let labels = routed.map("labels").unwrap_or_default();
        let labels = labels.iter().filter_map(|(name, value)| Some((Arc::clone(&name.text), Arc::from(value.text()?))));
        let route = RouteCase {
            check,
            severity: routed.text("severity").and_then(Severity::from_name),
            labels: labels.collect(),
            at: routed.time("at")?,
            channels: channels.into_iter().map(|channel| channel.text).collect(),
            held_by: settings.has("held_by").then(|| held_by.into_iter().map(|name| name.text).collect()),
        };
        settings.has("channels").then_some(())?;
        Some(TestCase {
            name: settings.text("test")?.to_owned(),
            declared: declared(&settings.origin().place()),
            place: settings.origin().place(),
            start: route.at,
            inputs: Vec::new(),
            expect: Vec::new(),
            sends: None,
            route: Some(route),
        })
    }
}
