//! The JSON Schema, held against every file that is shipped by a validator that is not ours (ajv).
#![expect(clippy::unwrap_used, reason = "a test that cannot set up its folder fails")]

use bellwether::config::{Document, Node, NodeKind, Problems, Source, Style};
use bellwether::load::{self, Mode};
use serde_json::{Map, Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use testkit::require;
use testkit::tools::{installed, server_program};

/// YAML as an editor's language server reads it, by the core schema of YAML 1.2.
fn json_of(node: &Node) -> Value {
    match &node.kind {
        NodeKind::Scalar(text, Style::Plain) => match &**text {
            "null" | "~" => Value::Null,
            text => match serde_json::from_str::<Value>(text) {
                Ok(value @ (Value::Bool(_) | Value::Number(_))) => value,
                _ => text.into(),
            },
        },
        NodeKind::Scalar(text, _) => (**text).into(),
        NodeKind::List(items) => items.iter().map(json_of).collect(),
        NodeKind::Map(entries) => entries
            .iter()
            .map(|(key, value)| (key.text().unwrap().to_owned(), json_of(value)))
            .collect::<Map<_, _>>()
            .into(),
        NodeKind::Empty | NodeKind::Broken => Value::Null,
    }
}

fn parsed(name: &str, text: &str) -> Value {
    let mut problems = Problems::new();
    let source = Arc::new(Source::new(name, name, text.to_owned()));
    let document = Document::parse(&source, &mut problems);
    assert!(problems.is_empty(), "{name}: {problems:?}");
    document.map_or(Value::Null, |document| json_of(&document.root))
}

/// What the validator says; `None` where there is none.
fn complaints(schema: &Value, documents: &Map<String, Value>) -> Option<Vec<String>> {
    let node = require("validator of JSON Schema (ajv)", installed("node/bin/node"))?;
    let ajv = require("validator of JSON Schema (ajv)", installed("package.json"))?;
    let mut child = Command::new(node)
        .arg(server_program("json_schema.mjs"))
        .arg(ajv)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let asked = json!({ "schema": schema, "documents": documents });
    child.stdin.take().unwrap().write_all(asked.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.code().is_some_and(|code| code < 2), "no judgement: {output:?}");
    Some(String::from_utf8(output.stdout).unwrap().lines().map(ToOwned::to_owned).collect())
}

fn yaml_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            yaml_files(&path, found);
        } else if path.extension().is_some_and(|end| end == "yaml" || end == "yml") {
            found.push(path);
        }
    }
}

#[test]
fn every_shipped_file_fits_the_schema() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["examples", "rules", "channels", "src/cli/init"] {
        yaml_files(&root.join(folder), &mut files);
    }
    assert!(!files.is_empty(), "`init` ships some");
    let mut documents = Map::new();
    for path in files {
        let name = path.strip_prefix(root).unwrap().display().to_string();
        let value = parsed(&name, &std::fs::read_to_string(&path).unwrap());
        documents.insert(name, value);
    }
    let page = include_str!("../docs/language.md");
    for (i, example) in page.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).enumerate() {
        documents.insert(format!("language.md, example {i}"), parsed("language.md", example));
    }
    let Some(complaints) = complaints(&load::schema(None), &documents) else { return };
    assert_eq!(complaints, Vec::<String>::new());
}

#[test]
fn what_lint_refuses_the_schema_refuses() {
    let check = |rest: &str| format!("checks: [{{ check: a, source: s, collect: {{ query: SELECT 1 }}, {rest} }}]");
    let cases = [
        ("an unknown key", "check: x".to_owned()),
        ("an unknown key of a check", check("alert: { info: a > 1 }, expr: a")),
        ("a missing key", check("every: 1m")),
        ("an unknown severity", check("alert: { page: a > 1 }")),
        ("a wrong duration", check("alert: { info: a > 1 }, every: 5 minutes")),
        ("a wrong word", check("alert: { info: a > 1 }, mode: on")),
        ("a source of two kinds", "sources: { s: { sqlite: { path: a }, exec: {} } }".to_owned()),
        ("a source without its key", "sources: { s: { sqlite: {} } }".to_owned()),
        ("a wrong key deep in the tree", "route: { channels: [], routes: [{ routes: [{ receiver: x }] }] }".to_owned()),
        ("a row that is no series", "tests: [{ test: t, check: a, rows: [{ a: { b: 1 } }], expect: [] }]".to_owned()),
    ];
    let documents: Map<String, Value> =
        cases.iter().map(|(name, text)| ((*name).to_owned(), parsed(name, text))).collect();
    let Some(complaints) = complaints(&load::schema(None), &documents) else { return };
    for (name, _) in &cases {
        assert!(complaints.iter().any(|complaint| complaint.starts_with(name)), "{name} passes");
    }
}

#[test]
fn the_schema_of_a_folder_knows_its_names() {
    let folder = tempfile::tempdir().unwrap();
    let text = "sources: { local: { sqlite: { path: a } } }
channels: { terminal: { console: {} } }
checks: [{ check: queue, source: local, collect: { query: SELECT 1 AS a }, alert: { info: a > 1 } }]
";
    std::fs::write(folder.path().join("a.yaml"), text).unwrap();
    let loaded = load::load(folder.path(), &|_| None, Mode::Lenient).unwrap();
    let schema = load::schema(Some(&loaded.outline));
    let documents = [
        ("right", text.to_owned()),
        ("an unknown source", text.replace("source: local", "source: locl")),
        ("an unknown channel", "route: { channels: [termina] }".to_owned()),
        ("an unknown check", text.replace("alert: {", "depends_on: [queu], alert: {")),
    ];
    let documents: Map<String, Value> =
        documents.iter().map(|(name, text)| ((*name).to_owned(), parsed(name, text))).collect();
    let Some(complaints) = complaints(&schema, &documents) else { return };
    for name in ["an unknown source", "an unknown channel", "an unknown check"] {
        assert!(complaints.iter().any(|complaint| complaint.starts_with(name)), "{name} passes");
    }
    assert!(!complaints.iter().any(|complaint| complaint.starts_with("right")), "{complaints:#?}");
}
