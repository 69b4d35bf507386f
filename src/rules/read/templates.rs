//! Labels, title, body and links: their templates, and the names in them.

use super::{KnownColumns, Reading};
use crate::config::{Problem, Text, did_you_mean};
use crate::model::Template;
use crate::rules::KeyColumns;
use crate::rules::declare::RESERVED_LABELS;
use std::sync::Arc;

/// The names that a template may use.
pub(super) struct Scope {
    names: Vec<Arc<str>>,
    /// Whether these are all: without `columns:` any name may be a column.
    is_closed: bool,
}

impl Scope {
    /// `names` are those of params and `let`s.
    pub fn new(known: &KnownColumns, mut names: Vec<Arc<str>>, key: &KeyColumns) -> Scope {
        names.extend(known.columns.iter().map(|(name, _)| Arc::from(name.as_str())));
        if let KeyColumns::Columns(key) = key {
            names.extend(key.iter().cloned());
        }
        Scope { names, is_closed: known.is_complete }
    }

    fn has(&self, name: &str) -> bool {
        !self.is_closed || self.names.iter().any(|known| **known == *name)
    }
}

/// What a message says.
pub(super) struct Texts {
    pub title: Option<Template>,
    pub body: Option<Template>,
    pub links: Vec<(&'static str, Template)>,
}

impl Reading<'_, '_> {
    pub(super) fn texts(&mut self, scope: &Scope) -> Texts {
        let links = [("runbook", "runbook_url"), ("dashboard", "dashboard_url")];
        Texts {
            title: self.template("title", scope),
            body: self.template("body", scope),
            links: links.into_iter().filter_map(|(name, key)| Some((name, self.template(key, scope)?))).collect(),
        }
    }

    fn template(&mut self, key: &str, scope: &Scope) -> Option<Template> {
        let template = self.settings.template(key)?;
        let text = self.settings.spanned(key)?;
        self.names_in(template, &text, scope);
        Some(template.clone())
    }

    /// Every name in a template has to be one that a row, a `let` or a param gives.
    fn names_in(&mut self, template: &Template, text: &Text, scope: &Scope) {
        if template.constant().is_some() {
            return;
        }
        for (name, offset) in template.variables() {
            if !scope.has(&name) {
                let problem = Problem::error(format!("unknown name `{name}`")).at(text.place_in(offset, name.len()));
                let help = did_you_mean(&name, scope.names.iter().map(|n| &**n));
                self.problems
                    .push(problem.help(help.unwrap_or_else(|| "declare the column under `columns:`".to_owned())));
            }
        }
    }

    pub(super) fn labels(&mut self, scope: &Scope, key: &KeyColumns) -> Vec<(Arc<str>, Template)> {
        let mut labels = Vec::new();
        for (name, setting) in self.settings.map("labels").unwrap_or_default() {
            if let Some(problem) = label_problem(name, key) {
                self.problems.push(problem.at(name.place()));
            }
            let (Some(template), Some(text)) = (setting.template(), setting.spanned()) else { continue };
            self.names_in(template, &text, scope);
            labels.push((Arc::clone(&name.text), template.clone()));
        }
        labels
    }
}

fn label_problem(name: &Text, key: &KeyColumns) -> Option<Problem> {
    let text = name.as_str();
    if RESERVED_LABELS.contains(&text) {
        let problem = Problem::error(format!("every alert has a label `{text}` of its own"));
        return Some(problem.help(format!("give yours another name: `the_{text}`")));
    }
    if matches!(key, KeyColumns::Columns(columns) if columns.iter().any(|column| **column == *text)) {
        return Some(Problem::error(format!("`{text}` is a key column, and a label by that")).help("remove it"));
    }
    let is_word = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    // A matcher could not name it.
    (!is_word).then(|| {
        Problem::error(format!("`{text}` is no name for a label"))
            .help("write letters, digits and `_`, not a digit first")
    })
}
