//! `checks:` of all files, and what they say of each other.

use super::decls::{Names, twice};
use super::files::Section;
use super::{Loading, SourceDecl, entries, parallel};
use crate::collectors;
use crate::config::{Node, Place, Problem, Problems, Text};
use crate::rules::read::{self, Context, Declared, KnownColumns, SourceFacts, unknown_name};
use crate::rules::{Check, Mode, SelfAlerts};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

impl Loading<'_> {
    /// The checks that are right. All of them, as they are declared, go to the outline.
    pub(super) fn checks(&mut self, sources: &Names<SourceDecl>, every: Duration) -> Vec<Arc<Check>> {
        let mut nodes: Vec<(Section<'_>, &Node)> = Vec::new();
        for section in self.files.sections("checks") {
            nodes.extend(
                entries(section, &mut self.problems).unwrap_or_default().into_iter().map(|node| (section, node)),
            );
        }
        let (facts, hides_sources) = (facts(sources), self.files.hides("sources"));
        let reader = self.reader;
        let read = |(section, node): &(Section<'_>, &Node)| {
            let mut problems = Problems::new();
            let context = Context { reader: reader.filling(section.fill), every, sources: &facts, hides_sources };
            let declared = read::read(&context, section.source, node, &mut problems);
            (declared, problems)
        };
        let mut declared = Vec::with_capacity(nodes.len());
        for (check, problems) in parallel::map(&nodes, read) {
            self.problems.extend(problems);
            declared.extend(check);
        }
        self.names_once(&declared);
        self.parents(&declared);
        let checks = declared.iter().filter_map(|d| d.check.clone()).collect();
        self.outline.checks = declared;
        checks
    }

    fn names_once(&mut self, declared: &[Declared]) {
        let mut seen: HashMap<&str, &Text> = HashMap::with_capacity(declared.len());
        for check in declared {
            let name = check.name.as_str();
            if SelfAlerts::NAMES.contains(&name) {
                let problem = Problem::error(format!("`{name}` is an alert about Bellwether itself"));
                self.problems.push(problem.at(check.name.place()).help("give the check another name"));
            }
            if let Some(earlier) = seen.insert(name, &check.name) {
                self.problems.push(twice(&check.name, "check", earlier.place()));
            }
        }
    }

    /// Whether every parent is there, is told of, and does not wait for its own child.
    fn parents(&mut self, declared: &[Declared]) {
        let by_name: HashMap<&str, &Declared> = declared.iter().map(|d| (d.name.as_str(), d)).collect();
        for check in declared {
            for parent in check.settings.spanned_texts("depends_on") {
                match by_name.get(parent.as_str()) {
                    None if self.files.hides("checks") => {}
                    None => {
                        let others = declared.iter().map(|d| d.name.as_str()).filter(|n| *n != check.name.as_str());
                        self.problems.push(unknown_name(&parent, "check", others));
                    }
                    Some(found) => {
                        if let Some(problem) = parent_problem(&parent, found) {
                            self.problems.push(problem);
                        }
                    }
                }
            }
        }
        for cycle in super::links::cycles(declared, &by_name) {
            self.problems.push(cycle);
        }
    }
}

/// A parent that is off or in shadow holds nothing.
fn parent_problem(name: &Text, parent: &Declared) -> Option<Problem> {
    let mode = parent.settings.text("mode").filter(|mode| matches!(*mode, "off" | "shadow"))?;
    let also: Place = parent.settings.key_place("mode");
    let problem =
        Problem::error(format!("the parent `{name}` is `{mode}`, and so would hold nothing")).at(name.place());
    Some(problem.also(also, "here").help(format!("remove it from `depends_on`, or take `mode: {mode}` from it")))
}

fn facts(sources: &Names<SourceDecl>) -> HashMap<Arc<str>, Option<SourceFacts>> {
    let mut facts: HashMap<Arc<str>, Option<SourceFacts>> =
        sources.all.iter().map(|name| (Arc::clone(name), None)).collect();
    for source in &sources.declared {
        facts.insert(Arc::clone(&source.name), Some(known_of(source.kind)));
    }
    facts
}

/// What rules may know of a kind of source.
fn known_of(kind: &'static collectors::registry::Kind) -> SourceFacts {
    SourceFacts {
        collect: kind.collect,
        check_request: kind.check_request,
        default_key: Box::new(|collect| kind.default_key.columns(collect)),
        columns: Box::new(|collect| {
            let known = (kind.static_columns)(collect);
            KnownColumns { columns: known.known, is_complete: known.complete }
        }),
    }
}

/// The mode of a check as it is declared.
pub(super) fn mode(declared: &Declared) -> Mode {
    match declared.settings.text("mode") {
        Some("off") => Mode::Off,
        Some("shadow") => Mode::Shadow,
        _ => Mode::Live,
    }
}
