//! Every example of `docs/language.md` is loaded, with as little around it as it needs.
#![expect(clippy::unwrap_used, reason = "a test that cannot set up its folder fails")]

use bellwether::load::{self, Loaded, Mode};

const PAGE: &str = include_str!("../docs/language.md");

/// What an example stands on that another example, or nobody, declares.
const SOURCES: &str = "sources: { warehouse: { sqlite: { path: runs.db } } }\n";
const PARENT: &str = "checks:
  - { check: firestore-reachable, source: warehouse, description: It answers., collect: { query: SELECT 1 AS up }, columns: { up: number }, alert: { critical: up == 0 } }
";
const ROUTES: &str =
    "channels: { data-slack: { console: {} }, oncall-email: { webhook: { url: 'http://127.0.0.1:1/' } } }
route: { channels: [data-slack, oncall-email] }
";

fn examples() -> Vec<&'static str> {
    PAGE.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

fn load_files(files: &[(&str, &str)]) -> Loaded {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    load::load(folder.path(), &|_| None, Mode::Lenient).unwrap()
}

fn assert_loads(loaded: &Loaded) {
    assert!(loaded.config.is_some(), "{}", loaded.problems.human(&loaded.sources, false));
}

#[test]
fn the_page_has_the_examples_that_are_tried_here() {
    let heads: Vec<&str> = examples().iter().map(|e| e.lines().next().unwrap()).collect();
    assert_eq!(heads, ["checks:", "sources:", "channels:", "tests:", "tests:"]);
}

#[test]
fn the_check_loads() {
    let loaded = load_files(&[("a.yaml", examples()[0]), ("b.yaml", SOURCES), ("c.yaml", PARENT)]);
    assert_loads(&loaded);
    let config = loaded.config.unwrap();
    let check = config.check("processor-slowdown").unwrap();
    assert_eq!(check.declared.rsplit(':').next(), Some("2"));
    assert_eq!(config.dispatch.inhibit.len(), 2, "its parent, and the dead source");
}

#[test]
fn sources_channels_and_routes_load() {
    for example in [examples()[1], examples()[2]] {
        assert_loads(&load_files(&[("bellwether.yaml", example)]));
    }
}

#[test]
fn the_test_loads() {
    let files = [
        ("a.yaml", examples()[0]),
        ("b.yaml", SOURCES),
        ("c.yaml", PARENT),
        ("d.yaml", ROUTES),
        ("e.yaml", examples()[3]),
    ];
    let loaded = load_files(&files);
    assert_loads(&loaded);
    let case = &loaded.config.as_ref().unwrap().tests[0];
    assert_eq!((case.inputs[0].slots.len(), case.expect.len(), case.sends.as_ref().map(Vec::len)), (5, 2, Some(4)));
}

#[test]
fn the_tests_of_routes_load_beside_the_routes_and_pass() {
    let teams = ROUTES.replace(
        "channels: [data-slack, oncall-email] }",
        "channels: [data-slack], routes: [{ matchers: [severity=\"critical\"], channels: [data-slack, oncall-email] }, \
         { matchers: ['team=~\"ml|growth\"'], channels: [oncall-email] }] }",
    );
    let files = [
        ("a.yaml", examples()[0]),
        ("b.yaml", SOURCES),
        ("c.yaml", PARENT),
        ("d.yaml", teams.as_str()),
        ("e.yaml", examples()[4]),
    ];
    let loaded = load_files(&files);
    assert_loads(&loaded);
    let config = loaded.config.unwrap();
    for case in &config.tests {
        assert_eq!(bellwether::testing::run(&config, case).differences, [""; 0], "{}", case.name);
    }
    assert_eq!(config.tests.len(), 2);
}
