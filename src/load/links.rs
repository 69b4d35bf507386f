//! What one check has to do with another: `depends_on`, and what a dead source holds.

use crate::config::Problem;
use crate::dispatch::{Inhibit, InhibitCause};
use crate::model::{MatchOp, Matcher, ValueType};
use crate::rules::read::Declared;
use crate::rules::{Check, KeyColumns};
use std::collections::HashMap;
use std::sync::Arc;

/// `depends_on` of every check, as rules of inhibition.
pub(super) fn parents(checks: &[Arc<Check>]) -> Vec<Inhibit> {
    let by_name: HashMap<&str, &Check> = checks.iter().map(|check| (&*check.name, &**check)).collect();
    let mut rules = Vec::new();
    for check in checks {
        for parent in check.depends_on.iter().filter_map(|name| by_name.get(&**name)) {
            let equal = key_columns(check).into_iter().filter(|column| key_columns(parent).contains(column)).collect();
            let (Some(source), Some(target)) = (equals("check", &parent.name), equals("check", &check.name)) else {
                continue;
            };
            rules.push(Inhibit {
                source: vec![source],
                target: vec![target],
                equal,
                cause: InhibitCause::Parent(Arc::clone(&parent.name)),
            });
        }
    }
    rules
}

/// A dead source is one message: it holds the `reason: error` alerts of its checks.
pub(super) fn source_unreachable() -> Option<Inhibit> {
    Some(Inhibit {
        source: vec![equals("check", "source-unreachable")?],
        target: vec![equals("reason", "error")?],
        equal: vec![Arc::from("source")],
        cause: InhibitCause::SourceUnreachable,
    })
}

fn equals(label: &str, value: &str) -> Option<Matcher> {
    Matcher::new(label, MatchOp::Equal, value).ok()
}

/// The key columns, as far as they are known before there are rows.
fn key_columns(check: &Check) -> Vec<Arc<str>> {
    match (&check.key, &check.columns) {
        (KeyColumns::Columns(names), _) => names.to_vec(),
        (KeyColumns::AllText, Some(columns)) => {
            columns.iter().filter(|(_, of)| *of == ValueType::Text).map(|(name, _)| Arc::clone(name)).collect()
        }
        (KeyColumns::None | KeyColumns::AllText, _) => Vec::new(),
    }
}

/// Every ring of `depends_on`, told once, at the check of it that stands first.
pub(super) fn cycles(declared: &[Declared], by_name: &HashMap<&str, &Declared>) -> Vec<Problem> {
    let mut walk = Walk { by_name, done: HashMap::new(), path: Vec::new(), found: Vec::new() };
    for check in declared {
        walk.visit(check);
    }
    walk.found
}

struct Walk<'a> {
    by_name: &'a HashMap<&'a str, &'a Declared>,
    /// `false` while it is on the path.
    done: HashMap<&'a str, bool>,
    path: Vec<&'a Declared>,
    found: Vec<Problem>,
}

impl<'a> Walk<'a> {
    /// Follows the parents of a check, one after the other, without recursion: chains may be long.
    fn visit(&mut self, start: &'a Declared) {
        let mut stack = vec![(start, 0)];
        while let Some((check, next)) = stack.pop() {
            let name = check.name.as_str();
            if next == 0 && self.done.contains_key(name) {
                continue;
            }
            if next == 0 {
                self.done.insert(name, false);
                self.path.push(check);
            }
            let parents = check.settings.spanned_texts("depends_on");
            let Some(parent) = parents.get(next) else {
                self.done.insert(name, true);
                self.path.pop();
                continue;
            };
            stack.push((check, next + 1));
            let Some(found) = self.by_name.get(parent.as_str()) else { continue };
            match self.done.get(found.name.as_str()) {
                Some(true) => {}
                Some(false) => self.ring(found, parent),
                None => stack.push((found, 0)),
            }
        }
    }

    fn ring(&mut self, first: &Declared, closing: &crate::config::Text) {
        let from = self.path.iter().position(|on| on.name.text == first.name.text).unwrap_or(0);
        let mut names: Vec<&str> = self.path[from..].iter().map(|on| on.name.as_str()).collect();
        names.push(first.name.as_str());
        let message = match names.as_slice() {
            [one, _] => format!("`{one}` depends on itself"),
            _ => format!("these checks depend on each other in a ring: `{}`", names.join("` → `")),
        };
        self.found.push(Problem::error(message).at(closing.place()).help("remove one of them from `depends_on`"));
    }
}
