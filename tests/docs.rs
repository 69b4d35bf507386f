//! The pages for people: what they name is there, and what they show is so.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every page that is written by hand or made by a test.
fn pages() -> Vec<PathBuf> {
    let mut pages = Vec::new();
    let mut folders = vec![root().to_owned(), root().join("docs"), root().join("examples")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && folder != root() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "md") {
                pages.push(path);
            }
        }
    }
    pages
}

/// The targets of `[…](target)`.
fn links(text: &str) -> Vec<&str> {
    text.lines().flat_map(|line| line.split("](").skip(1)).filter_map(|rest| Some(rest.split_once(')')?.0)).collect()
}

/// What stands between backticks.
fn names(text: &str) -> Vec<&str> {
    text.lines().flat_map(|line| line.split('`').skip(1).step_by(2)).collect()
}

#[test]
fn every_link_leads_somewhere() {
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for link in links(&text) {
            let target = link.split('#').next().unwrap();
            if !target.contains("://") && !target.is_empty() {
                let place = page.parent().unwrap().join(target);
                assert!(place.exists(), "{}: `{link}` leads nowhere", page.display());
            }
        }
    }
}

/// `src/core.rs`, `tests/tidy.rs::a_test`.
#[test]
fn what_the_pages_name_is_there() {
    const FOLDERS: [&str; 8] = ["src/", "tests/", "docs/", "examples/", "scripts/", "rules/", "channels/", ".ci/"];
    let mut named = 0;
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for word in names(&text).into_iter().filter(|word| FOLDERS.iter().any(|folder| word.starts_with(folder))) {
            let (path, test) = word.split_once("::").map_or((word, None), |(path, test)| (path, Some(test)));
            // What a page has its reader write, or a run make, is not there.
            let is_to_be_written = path.contains("NAME") || path.starts_with("examples/pipeline/rules/export.");
            if path.contains(['*', ' ', '<'])
                || is_to_be_written
                || Path::new(path).extension().is_some_and(|e| e == "db")
            {
                continue;
            }
            assert!(root().join(path).exists(), "{}: there is no `{path}`", page.display());
            let Some(test) = test else { continue };
            let code = fs::read_to_string(root().join(path)).unwrap();
            assert!(code.contains(&format!("fn {test}(")), "{}: `{path}` has no `{test}`", page.display());
            named += 1;
        }
    }
    assert!(named > 20, "the page of invariants names its tests: {named}");
}

/// Every test that is named in the tables of invariants is a test.
#[test]
fn every_invariant_names_a_test() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let tables = text.split("## Invariants").nth(1).unwrap().split("## Words").next().unwrap();
    for line in tables.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| it holds")) {
        assert!(line.contains(".rs::"), "no test keeps it: {line}");
    }
}

/// The check of README is a file of its own in a folder with the rest it needs.
#[test]
fn the_first_check_of_the_readme_loads_and_its_test_passes() {
    let text = fs::read_to_string(root().join("README.md")).unwrap();
    let blocks: Vec<&str> = text.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(blocks.len(), 2, "a check and its test");
    let folder = tempfile::tempdir().unwrap();
    let base = fs::read_to_string(root().join("examples/pipeline/bellwether.yaml")).unwrap();
    fs::write(folder.path().join("bellwether.yaml"), base).unwrap();
    for name in ["terminal", "slack", "email"] {
        let file = root().join(format!("examples/pipeline/channels/{name}.yaml"));
        fs::copy(file, folder.path().join(format!("{name}.yaml"))).unwrap();
    }
    for (i, block) in blocks.iter().enumerate() {
        fs::write(folder.path().join(format!("{i}.yaml")), block).unwrap();
    }
    for command in [&["lint", "--strict"][..], &["test"]] {
        let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_bellwether"));
        let output = program.args(command).arg(folder.path()).output().unwrap();
        assert!(output.status.success(), "{command:?}: {output:?}");
    }
}
