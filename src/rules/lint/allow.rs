//! `# bellwether: allow NAME`: lets advice on the line below pass. One that lets nothing pass is advice itself.

use crate::config::{Level, Problem, Problems, Source, Sources, Span, did_you_mean};
use std::collections::BTreeSet;
use std::sync::Arc;

pub(super) const NAME: &str = "unused-allow";

/// A name in a comment, and the line it speaks of.
struct Allowed {
    source: Arc<Source>,
    name: String,
    span: Span,
    line: u32,
}

/// Drops what is allowed, and tells of comments that allow nothing.
pub(super) fn apply(sources: &Sources, problems: &mut Problems) {
    let given: BTreeSet<(String, u32, &'static str)> = problems
        .iter()
        .filter_map(|problem| match (problem.level, &problem.place) {
            (Level::Advice(name), Some(place)) => Some((place.file.to_string(), place.line, name)),
            _ => None,
        })
        .collect();
    let idle: Vec<Allowed> = sources
        .iter()
        .flat_map(comments)
        .filter(|allowed| {
            let file = allowed.source.name();
            !given.iter().any(|(f, line, name)| **f == **file && *line == allowed.line && *name == allowed.name)
        })
        .collect();
    problems.drop_allowed(sources);
    // Of what is wrong nobody knows what advice it would get.
    if problems.has_errors() {
        return;
    }
    for allowed in idle {
        problems.push(idle_problem(&allowed));
    }
}

fn idle_problem(allowed: &Allowed) -> Problem {
    let name = &allowed.name;
    let place = allowed.source.place(allowed.span);
    if super::names().any(|known| known == name) {
        return Problem::advice(NAME, format!("there is no advice `{name}` on the next line"))
            .at(place)
            .help("remove it");
    }
    let help = did_you_mean(name, super::names());
    Problem::advice(NAME, format!("no advice is called `{name}`")).at(place).help_if(help)
}

/// The names in the comments of a file.
fn comments(source: &Arc<Source>) -> Vec<Allowed> {
    let text = source.text();
    if !text.contains("bellwether:") {
        return Vec::new();
    }
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (i, line) in lines.iter().enumerate() {
        let trimmed = line.trim_start();
        let Some(rest) = trimmed.strip_prefix('#').map(|rest| rest.trim_start_matches('#').trim_start()) else {
            continue;
        };
        let Some(names) = rest.strip_prefix("bellwether:").and_then(|rest| rest.trim_start().strip_prefix("allow "))
        else {
            continue;
        };
        let below =
            lines[i..].iter().position(|line| !line.trim_start().starts_with('#')).map_or(lines.len(), |n| i + n);
        for name in names.split([',', ' ']).filter(|name| !name.is_empty()) {
            let start = source.line_start(u32::try_from(i + 1).unwrap_or(u32::MAX)).unwrap_or(0)
                + (name.as_ptr() as usize - line.as_ptr() as usize);
            found.push(Allowed {
                source: Arc::clone(source),
                name: name.to_owned(),
                span: Span::new(start, start + name.len()),
                line: u32::try_from(below + 1).unwrap_or(u32::MAX),
            });
        }
    }
    found
}
