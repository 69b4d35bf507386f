//! Keys given twice, and `<<`.

use std::collections::HashMap;

use super::diagnostic::Problem;
use super::source::{Source, Span};
use super::tree::{Node, NodeKind};

type Found = Vec<(Span, Problem)>;

/// Every key that stands twice in one mapping is an error that shows both.
pub(super) fn report_duplicates(source: &Source, entries: &[(Node, Node)], found: &mut Found) {
    let mut first: HashMap<&str, Span> = HashMap::with_capacity(entries.len());
    for (key, _) in entries {
        let Some(text) = key.text() else { continue };
        if let Some(earlier) = first.get(text) {
            let problem = Problem::error(format!("the key `{text}` is given twice"))
                .also(source.place(*earlier), "it stands here already")
                .help("remove one of them");
            found.push((key.span, problem));
        } else {
            first.insert(text, key.span);
        }
    }
}

/// Puts what `<<` names in its place. A mapping's own keys win, then what was named first. Gives the nodes added.
pub(super) fn expand(source: &Source, entries: &mut Vec<(Node, Node)>, found: &mut Found) -> usize {
    let is_merge = |key: &Node| key.text() == Some("<<");
    if !entries.iter().any(|(key, _)| is_merge(key)) {
        return 0;
    }
    let (merges, own): (Vec<_>, Vec<_>) = std::mem::take(entries).into_iter().partition(|(key, _)| is_merge(key));
    *entries = own;
    let mut added = 0;
    for (key, value) in merges {
        let maps = match value.kind {
            NodeKind::List(items) => items,
            _ => vec![value],
        };
        for map in maps {
            let use_site = map.alias.unwrap_or(key.span);
            match map.kind {
                NodeKind::Map(inner) => added += merge(entries, inner, use_site),
                NodeKind::Broken => {}
                _ => found.push((
                    use_site,
                    Problem::error(format!("`{}` is no mapping", source.slice(use_site)))
                        .help("`<<` takes a mapping, or a list of mappings"),
                )),
            }
        }
    }
    added
}

fn merge(entries: &mut Vec<(Node, Node)>, inner: Vec<(Node, Node)>, use_site: Span) -> usize {
    let before = entries.len();
    for (mut key, value) in inner {
        if !entries.iter().any(|(own, _)| own.text() == key.text()) {
            key.alias = Some(use_site);
            entries.push((key, value));
        }
    }
    entries.len() - before
}
