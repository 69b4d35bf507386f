//! Without `columns:` any name is a column: one that stands in one place only may be misspelt.

use super::{Advice, checks};
use crate::config::{Place, Problem, Problems, nearest};
use crate::expr::Which;
use crate::model::{Severity, Template};
use crate::rules::outline::Outline;
use crate::rules::read::Declared;
use crate::rules::{Check, KeyColumns};

const NAME: &str = "name-used-once";
pub(super) const ADVICE: Advice = Advice { names: &[NAME], give };

fn give(outline: &Outline, problems: &mut Problems) {
    for (declared, check) in checks(outline).filter(|(_, check)| check.columns.is_none()) {
        if declared.known.is_complete {
            continue;
        }
        let in_texts = names_in_texts(check);
        for column in check.compiled.columns() {
            let is_known = declared.known.columns.iter().any(|(name, _)| **name == *column.name);
            let others = in_texts.iter().filter(|name| **name == *column.name).count();
            if is_known || column.uses + others > 1 {
                continue;
            }
            let names = check.compiled.columns().iter().map(|c| &*c.name).filter(|name| *name != &*column.name);
            let near = nearest(&column.name, names.chain(in_texts.iter().map(String::as_str)));
            let message = format!("`{}` is used once, and no `columns:` say that the answer has it", column.name);
            let help = match near {
                Some(near) => {
                    format!("did you mean `{near}`? `columns:` settles it, and `lint --online` asks the source")
                }
                None => format!(
                    "add `columns: {{ {}: {} }}` with the others; `lint --online` asks the source",
                    column.name,
                    column.value_type.map_or("…", |t| t.name())
                ),
            };
            problems.push(
                Problem::advice(NAME, message).at(place_of(declared, check, column.first, &column.name)).help(help),
            );
        }
    }
}

/// The names in the templates and in the key.
fn names_in_texts(check: &Check) -> Vec<String> {
    let links = check.links.iter().map(|(_, template)| template);
    let labels = check.labels.iter().map(|(_, template)| template);
    let templates = check.title.iter().chain(&check.body).chain(links).chain(labels);
    let mut names: Vec<String> = templates.flat_map(Template::variables).map(|(name, _)| name).collect();
    if let KeyColumns::Columns(key) = &check.key {
        names.extend(key.iter().map(ToString::to_string));
    }
    names
}

/// Where a name is written first.
fn place_of(declared: &Declared, check: &Check, first: Option<(Which, usize)>, name: &str) -> Place {
    let text = match first {
        Some((Which::Let(i), at)) => {
            declared.settings.map("let").and_then(|map| map.get(i)?.1.spanned()).map(|text| (text, at))
        }
        Some((Which::Condition(i), at)) => condition(declared, check, i).map(|text| (text, at)),
        _ => None,
    };
    text.map_or_else(|| declared.name.place(), |(text, at)| text.place_in(at, name.len()))
}

/// The text of a condition, by its place among the compiled ones.
fn condition(declared: &Declared, check: &Check, i: usize) -> Option<crate::config::Text> {
    let alert = declared.settings.record("alert")?;
    Severity::ALL.into_iter().find_map(|severity| {
        let rule = check.severities[severity.index()].as_ref()?;
        let key = match i {
            _ if i == rule.when => "when",
            _ if Some(i) == rule.until => "until",
            _ => return None,
        };
        match alert.record(severity.name()) {
            Some(written) => written.spanned(key),
            None => alert.spanned(severity.name()),
        }
    })
}
