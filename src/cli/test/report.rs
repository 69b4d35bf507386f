//! The outcomes of tests for a person, a program, and a CI server.

use super::Format;
use crate::load::cases::TestCase;
use crate::testing::Outcome;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// The tests with their outcomes, in this format.
pub(super) fn written(cases: &[&TestCase], outcomes: &[Outcome], format: Format) -> String {
    match format {
        Format::Text => text(outcomes),
        Format::Json => format!("{:#}\n", as_json(cases, outcomes)),
        Format::Junit => junit(cases, outcomes),
    }
}

/// Those that failed, with what differed; then how many passed and failed.
fn text(outcomes: &[Outcome]) -> String {
    let mut out = String::new();
    for outcome in outcomes.iter().filter(|outcome| !outcome.passed()) {
        out.push_str(&format!("FAILED {}\n    {}\n", outcome.name, outcome.declared));
        for difference in &outcome.differences {
            out.push_str(&format!("    - {}\n", difference.trim_end().replace('\n', "\n      ")));
        }
        for note in &outcome.notes {
            out.push_str(&format!("    note: {}\n", note.replace('\n', "\n    ")));
        }
        out.push('\n');
    }
    let (passed, failed) = counts(outcomes);
    format!("{out}{passed} passed, {failed} failed\n")
}

fn counts(outcomes: &[Outcome]) -> (usize, usize) {
    let passed = outcomes.iter().filter(|outcome| outcome.passed()).count();
    (passed, outcomes.len() - passed)
}

fn as_json(cases: &[&TestCase], outcomes: &[Outcome]) -> Value {
    let tests = cases.iter().zip(outcomes).map(|(case, outcome)| {
        json!({
            "test": outcome.name,
            "declared": &*outcome.declared,
            "checks": checks(case),
            "passed": outcome.passed(),
            "differences": outcome.differences,
            "notes": outcome.notes,
        })
    });
    let (passed, failed) = counts(outcomes);
    json!({ "passed": passed, "failed": failed, "tests": tests.collect::<Vec<_>>() })
}

fn checks(case: &TestCase) -> Vec<&str> {
    case.checks().collect()
}

/// JUnit's XML as CI servers read it (<https://llg.cubic.org/docs/junit/>). A test's class is its first check.
fn junit(cases: &[&TestCase], outcomes: &[Outcome]) -> String {
    let (_, failed) = counts(outcomes);
    let all = outcomes.len();
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let head = format!("tests=\"{all}\" failures=\"{failed}\" errors=\"0\"");
    out.push_str(&format!("<testsuites {head}>\n  <testsuite name=\"bellwether\" {head}>\n"));
    for (case, outcome) in cases.iter().zip(outcomes) {
        let class = checks(case).first().copied().unwrap_or("bellwether");
        let (file, line) = (&case.place.file, case.place.line);
        let (name, class, file) = (escaped(&outcome.name), escaped(class), escaped(file));
        let head = format!("    <testcase name=\"{name}\" classname=\"{class}\" file=\"{file}\" line=\"{line}\"");
        out.push_str(&match outcome.differences.first() {
            None => format!("{head}/>\n"),
            Some(first) => format!("{head}>\n{}    </testcase>\n", failure(first, outcome)),
        });
    }
    out.push_str("  </testsuite>\n</testsuites>\n");
    out
}

fn failure(first: &str, outcome: &Outcome) -> String {
    let message = escaped(first.lines().next().unwrap_or_default());
    let differences = outcome.differences.iter().flat_map(|difference| difference.lines()).map(escaped);
    let notes = outcome.notes.iter().flat_map(|note| note.lines()).map(|line| escaped(&format!("note: {line}")));
    let all: Vec<String> = differences.chain(notes).collect();
    format!("      <failure message=\"{message}\">{}</failure>\n", all.join("\n"))
}

/// Text as XML 1.0 holds it: the characters that it cannot hold at all are replaced.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => write!(out, "&#{};", u32::from(c)).expect("a string takes all"),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(c),
        }
    }
    out
}
