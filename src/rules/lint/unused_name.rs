//! A param or a `let` that nothing uses.

use super::{Advice, checks};
use crate::config::{Problem, Problems, Settings};
use crate::expr::Compiled;
use crate::model::Template;
use crate::rules::Check;
use crate::rules::outline::Outline;

const NAME: &str = "unused-name";
pub(super) const ADVICE: Advice = Advice { names: &[NAME], give };

fn give(outline: &Outline, problems: &mut Problems) {
    for (declared, check) in checks(outline) {
        for (key, sign) in [("params", "@"), ("let", "")] {
            for (name, _) in declared.settings.map(key).unwrap_or_default() {
                let is_asked = key == "params" && asks_for(&declared.settings, name.as_str());
                if is_asked || is_used(check, &declared.settings, name.as_str()) {
                    continue;
                }
                let what = if key == "let" { "`let`" } else { "param" };
                let message = format!("nothing uses the {what} `{name}`");
                let asked =
                    if sign.is_empty() { String::new() } else { format!(", or ask for `{sign}{name}` in the query") };
                problems.push(Problem::advice(NAME, message).at(name.place()).help(format!("remove it{asked}")));
            }
        }
    }
}

/// Whether the request, or that of the fallback, names it.
fn asks_for(settings: &Settings, name: &str) -> bool {
    let requests = std::iter::once(settings).chain(settings.record("fallback"));
    let mut texts = requests.filter_map(|of| Some(of.origin().source.slice(of.node("collect")?.span)));
    texts.any(|text| text.contains(&format!("@{name}")))
}

fn is_used(check: &Check, settings: &Settings, name: &str) -> bool {
    let lets = settings.map("let").unwrap_or_default().iter().filter_map(|(_, of)| of.text());
    let conditions = (0..Compiled::conditions(&check.compiled)).map(|i| &**check.compiled.source(i));
    let labels = check.labels.iter().chain([]).map(|(_, template)| template);
    let links = check.links.iter().map(|(_, template)| template);
    let templates = check.title.iter().chain(&check.body).chain(labels).chain(links);
    lets.chain(conditions).any(|text| has_word(text, name))
        || templates.flat_map(Template::variables).any(|(used, _)| used == name)
}

/// Whether a name stands in an expression. One in a quotation counts, too: better no advice than a wrong one.
fn has_word(text: &str, name: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(name)
        .any(|(at, _)| !text[..at].ends_with(is_part) && !text[at + name.len()..].starts_with(is_part))
}
