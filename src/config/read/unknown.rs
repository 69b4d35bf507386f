//! Keys that a record does not have: misspelt, of another tool, or the rest of a value that a comma cut.

use super::super::diagnostic::Problem;
use super::super::shape::{self, Key, Record, listed};
use super::super::source::Style;
use super::super::tree::Node;
use super::Reading;

/// The keys of one mapping that its record does not have.
#[derive(Default)]
pub(super) struct Unknown {
    pub(super) count: usize,
    /// The keys that they were probably meant to be.
    pub(super) meant: Vec<&'static str>,
    /// The record whose kind this is, where it is one.
    pub(super) around: Option<&'static Record>,
}

/// A value longer than this is not shown again.
const SHOWN_MAX: usize = 40;

impl Reading<'_, '_> {
    pub(super) fn unknown_key(
        &mut self,
        record: &'static Record,
        kinds: &[&'static Record],
        key: &Node,
        name: &str,
        value: &Node,
    ) -> Option<&'static str> {
        let (written, meant) = record.meant(name).unzip();
        // What stands under a misspelt `password` is a password; what nobody knows may be one, where there are some.
        let is_secret = |key: &Key| shape::is_secret(&key.shape);
        let may_be_secret = match meant {
            Some(meant) => written.as_deref() == Some(meant) && record.key(meant).is_some_and(is_secret),
            None => record.keys.iter().any(is_secret),
        };
        if may_be_secret {
            self.problems.mask(self.source, value.span);
        }
        let help = match &written {
            _ if self.is_rest(record, key) => {
                "a `,` between `{ }` ends a value: put the value before it in quotes".to_owned()
            }
            Some(written) => format!("did you mean `{written}`?"),
            None if kinds.is_empty() => {
                format!("`{}` has {}", record.name, listed(record.keys.iter().map(|key| key.name)))
            }
            None => format!("a {} is one of {}", record.name, listed(kinds.iter().map(|kind| kind.name))),
        };
        self.fail(key.span, Problem::error(format!("unknown key `{name}`")).help(help));
        meant
    }

    /// A key that stands in the kind and belongs beside it: `slack: { fallback: b }`.
    pub(super) fn beside(&mut self, kind: &Record, around: &Record, key: &Node, value: &Node) {
        let name = key.text().unwrap_or_default();
        let written = self.source.slice(value.span).trim();
        // What has lines of its own cannot stand between `{ }`.
        let is_flow = value.style().is_some() || written.starts_with(['{', '[']);
        let is_shown = is_flow && written.len() <= SHOWN_MAX && !written.contains('\n');
        let written = if is_shown { written } else { "…" };
        let (kind, around) = (kind.name, around.name);
        let problem = Problem::error(format!("`{name}` is a key of the {around}, and stands in its `{kind}`"));
        let help = format!("write it beside `{kind}`: `{{ {kind}: {{ … }}, {name}: {written} }}`");
        self.fail(key.span, problem.help(help));
    }

    /// Whether a key is what a comma left of the value before it: in `{ query: SELECT a, b }` the `b` is a key to YAML.
    pub(super) fn is_rest(&self, record: &Record, key: &Node) -> bool {
        let behind = self.source.text().get(key.span.end as usize..).unwrap_or("").trim_start();
        let is_known = key.text().is_some_and(|name| record.key(name).is_some());
        key.style() == Some(Style::Plain) && !is_known && !behind.starts_with(':')
    }
}

/// Whether a value without quotes may be the first piece of one: a single word is not.
pub(super) fn may_be_cut(value: &Node) -> bool {
    value.style() == Some(Style::Plain) && value.text().is_some_and(|text| text.contains([' ', '(', '"', '\'']))
}
