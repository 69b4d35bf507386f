//! `init`: what it writes is right, and it never writes over anything.
#![expect(clippy::unwrap_used, reason = "a test that cannot set up its folder fails")]

use std::path::Path;
use std::process::{Command, Output};

fn bellwether(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bellwether")).args(arguments).current_dir(folder).output().unwrap()
}

#[test]
fn what_it_writes_has_no_findings() {
    let folder = tempfile::tempdir().unwrap();
    let made = bellwether(folder.path(), &["init", "conf"]);
    assert_eq!(made.status.code(), Some(0), "{made:?}");
    let linted = bellwether(folder.path(), &["lint", "conf", "--strict"]);
    assert_eq!((linted.status.code(), linted.stdout.as_slice()), (Some(0), &b""[..]), "{linted:?}");
    for line in String::from_utf8(made.stdout).unwrap().lines() {
        let text = std::fs::read_to_string(folder.path().join(line)).unwrap();
        let Some(modeline) = text.lines().next().unwrap().strip_prefix("# yaml-language-server: $schema=") else {
            assert!(line.ends_with("schema.json"), "{line} has no modeline");
            continue;
        };
        assert!(folder.path().join(line).parent().unwrap().join(modeline).is_file(), "{line} points at {modeline}");
    }
}

#[test]
fn the_command_that_it_writes_can_be_asked() {
    let folder = tempfile::tempdir().unwrap();
    bellwether(folder.path(), &["init"]);
    let linted = bellwether(folder.path(), &["lint", "--online", "--strict"]);
    assert_eq!((linted.status.code(), linted.stdout.as_slice()), (Some(0), &b""[..]), "{linted:?}");
}

#[test]
fn it_refuses_to_overwrite() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bellwether.yaml"), "mine").unwrap();
    let made = bellwether(folder.path(), &["init"]);
    assert_eq!(made.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&made.stderr).contains("bellwether.yaml is there already, and nothing was written")
    );
    assert_eq!(std::fs::read_to_string(folder.path().join("bellwether.yaml")).unwrap(), "mine");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is there");
}
