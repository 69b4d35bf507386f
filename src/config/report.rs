//! Findings as a person, a program, GitHub or a code scanner reads them.

use annotate_snippets::{AnnotationKind, Element, Group, Level as Grade, Renderer, Snippet};
use serde_json::{Value, json};

use super::diagnostic::{Level, Problem, Problems};
use super::mask::masked;
use super::source::{Place, Sources};

impl Problems {
    /// For people: message, `file:line:column`, the line with a caret, and what to write.
    #[must_use]
    pub fn human(&self, sources: &Sources, color: bool) -> String {
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let blocks = self.iter().map(|problem| format!("{}\n", renderer.render(&[self.group(problem, sources)])));
        blocks.collect::<Vec<_>>().join("\n")
    }

    fn group<'a>(&self, problem: &'a Problem, sources: &Sources) -> Group<'a> {
        let title = match problem.level {
            Level::Error => Grade::ERROR.primary_title(&*problem.message),
            Level::Advice(name) => Grade::WARNING.with_name("advice").primary_title(&*problem.message).id(name),
        };
        let mut elements = Vec::new();
        elements.extend(problem.place.as_ref().map(|place| self.snippet(place, "", AnnotationKind::Primary, sources)));
        let also = problem.also.iter().map(|(place, why)| self.snippet(place, why, AnnotationKind::Context, sources));
        elements.extend(also);
        elements.extend(problem.help.as_ref().map(|help| Grade::HELP.message(&**help).into()));
        title.elements(elements)
    }

    /// A place with its line. The line is cut out, so that the length of the file costs nothing.
    fn snippet<'a>(&self, place: &Place, label: &str, kind: AnnotationKind, sources: &Sources) -> Element<'a> {
        let Some(source) = sources.get(&place.file) else {
            return annotate_snippets::Origin::path(place.to_string()).into();
        };
        let line = masked(source, place.line, self.masks(&place.file));
        let from = byte_at(&line, place.column as usize - 1);
        let to = byte_at(&line, (place.column + place.len) as usize - 1);
        let annotation = kind.span(from..to).label((!label.is_empty()).then(|| label.to_owned()));
        Snippet::source(line).line_start(place.line as usize).path(place.file.to_string()).annotation(annotation).into()
    }

    /// For programs: an array of findings.
    #[must_use]
    pub fn json(&self) -> Value {
        self.iter()
            .map(|problem| {
                let also: Vec<_> = problem.also.iter().map(|(place, why)| {
                json!({ "file": &*place.file, "line": place.line, "column": place.column, "message": why })
            }).collect();
                json!({
                    "level": level_name(problem),
                    "name": advice_name(problem),
                    "message": problem.message,
                    "file": problem.place.as_ref().map(|place| &*place.file),
                    "line": problem.place.as_ref().map(|place| place.line),
                    "column": problem.place.as_ref().map(|place| place.column),
                    "end_column": problem.place.as_ref().map(|place| place.column + place.len),
                    "help": problem.help,
                    "also": also,
                })
            })
            .collect()
    }

    /// For GitHub Actions: workflow commands, one a line, as
    /// <https://docs.github.com/actions/reference/workflow-commands-for-github-actions> has them.
    #[must_use]
    pub fn github(&self) -> String {
        let mut out = String::new();
        for problem in self.iter() {
            let command = if problem.is_error() { "error" } else { "warning" };
            let mut message = problem.message.clone();
            if let Some(help) = &problem.help {
                message.push_str(&format!("\n{help}"));
            }
            let place = problem.place.as_ref().map(|place| {
                let end = place.column + place.len.max(1) - 1;
                let file = escape_property(&place.file);
                format!(" file={file},line={},col={},endColumn={end}", place.line, place.column)
            });
            out.push_str(&format!("::{command}{}::{}\n", place.unwrap_or_default(), escape_data(&message)));
        }
        out
    }

    /// For code scanners: SARIF 2.1.0.
    #[must_use]
    pub fn sarif(&self) -> Value {
        let mut rules: Vec<&str> = self.iter().map(|problem| advice_name(problem).unwrap_or("error")).collect();
        rules.sort_unstable();
        rules.dedup();
        let results: Vec<_> = self.iter().map(sarif_result).collect();
        json!({
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [{
                "tool": { "driver": {
                    "name": "bellwether",
                    "version": env!("CARGO_PKG_VERSION"),
                    "rules": rules.iter().map(|id| json!({ "id": id })).collect::<Vec<_>>(),
                } },
                "columnKind": "unicodeCodePoints",
                "results": results,
            }],
        })
    }
}

fn sarif_result(problem: &Problem) -> Value {
    let message = match &problem.help {
        Some(help) => format!("{} ({help})", problem.message),
        None => problem.message.clone(),
    };
    let related: Vec<_> = problem.also.iter().map(|(place, why)| sarif_location(place, Some(why))).collect();
    json!({
        "ruleId": advice_name(problem).unwrap_or("error"),
        "level": if problem.is_error() { "error" } else { "warning" },
        "message": { "text": message },
        "locations": problem.place.iter().map(|place| sarif_location(place, None)).collect::<Vec<_>>(),
        "relatedLocations": related,
    })
}

fn sarif_location(place: &Place, why: Option<&str>) -> Value {
    let mut location = json!({ "physicalLocation": {
        "artifactLocation": { "uri": uri(&place.file) },
        "region": {
            "startLine": place.line,
            "startColumn": place.column,
            "endColumn": place.column + place.len.max(1),
        },
    } });
    if let Some(why) = why {
        location["message"] = json!({ "text": why });
    }
    location
}

/// A relative path as a URI reference.
fn uri(path: &str) -> String {
    let mut out = String::new();
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            b'\\' => out.push('/'),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

fn level_name(problem: &Problem) -> &'static str {
    if problem.is_error() { "error" } else { "advice" }
}

fn advice_name(problem: &Problem) -> Option<&'static str> {
    match problem.level {
        Level::Error => None,
        Level::Advice(name) => Some(name),
    }
}

fn byte_at(line: &str, column: usize) -> usize {
    line.char_indices().nth(column).map_or(line.len(), |(at, _)| at)
}

fn escape_data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn escape_property(text: &str) -> String {
    escape_data(text).replace(':', "%3A").replace(',', "%2C")
}
