//! Which files of a folder are read.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot set up its folder fails")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use bellwether::config::{Folder, FolderError, Problems};

/// Reads a folder; gives the files' paths inside of it, the errors, and the hash.
fn read(path: &Path) -> (Vec<String>, Vec<String>, u64) {
    let mut problems = Problems::new();
    let folder = Folder::read(path, &mut problems).unwrap();
    let files = folder.files.iter().map(|file| file.relative().to_owned()).collect();
    let errors = problems.iter().map(|p| format!("{}: {}", p.place.as_ref().unwrap(), p.message)).collect();
    (files, errors, folder.hash)
}

fn write(root: &Path, files: &[&str]) {
    for file in files {
        let path = root.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "a: 1\n").unwrap();
    }
}

#[test]
fn yaml_files_are_read_in_order() {
    let root = tempfile::tempdir().unwrap();
    write(
        root.path(),
        &[
            "rules/b.yaml",
            "rules/a.yml",
            "bellwether.yaml",
            "README.md",
            ".hidden.yaml",
            ".git/x.yaml",
            "rules/c.yaml.bak",
        ],
    );
    let (files, errors, _) = read(root.path());
    assert_eq!(files, ["bellwether.yaml", "rules/a.yml", "rules/b.yaml"]);
    assert!(errors.is_empty());
}

#[test]
fn a_config_map_is_read_once() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), &["..2026_01_05/rules.yaml", "..2026_01_05/bellwether.yaml"]);
    symlink("..2026_01_05", root.path().join("..data")).unwrap();
    symlink("..data/rules.yaml", root.path().join("rules.yaml")).unwrap();
    symlink("..data/bellwether.yaml", root.path().join("bellwether.yaml")).unwrap();
    assert_eq!(read(root.path()).0, ["bellwether.yaml", "rules.yaml"]);
}

#[test]
fn links_are_followed_and_rings_end() {
    let root = tempfile::tempdir().unwrap();
    let other = tempfile::tempdir().unwrap();
    write(root.path(), &["rules/a.yaml"]);
    write(other.path(), &["shared.yaml"]);
    symlink(other.path(), root.path().join("shared")).unwrap();
    symlink("..", root.path().join("rules/up")).unwrap();
    symlink("a.yaml", root.path().join("rules/again.yaml")).unwrap();
    let (files, errors, _) = read(root.path());
    assert_eq!(files, ["rules/a.yaml", "shared/shared.yaml"]);
    assert!(errors.is_empty());
}

#[test]
fn what_cannot_be_read_is_told_with_its_place() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    write(root.path(), &["good.yaml"]);
    fs::write(at("latin1.yaml"), b"a: 1\nb: caf\xE9\n").unwrap();
    fs::write(at("large.yaml"), vec![b'#'; 10 << 20]).unwrap();
    symlink("nowhere", at("lost.yaml")).unwrap();
    let (files, errors, _) = read(root.path());
    assert_eq!(files, ["good.yaml"]);
    let shown = |name: &str| at(name).display().to_string();
    let want = [
        format!("{}:1:1: the file is larger than 8 MiB, the most that is read", shown("large.yaml")),
        format!("{}:2:7: the file is not UTF-8: byte 0xE9", shown("latin1.yaml")),
        format!("{0}:1:1: cannot read `{0}`: No such file or directory (os error 2)", shown("lost.yaml")),
    ];
    let mut errors = errors;
    errors.sort();
    let mut want = want.to_vec();
    want.sort();
    assert_eq!(errors, want);
}

#[test]
fn a_pipe_is_not_waited_for() {
    let root = tempfile::tempdir().unwrap();
    let made = std::process::Command::new("mkfifo").arg(root.path().join("pipe.yaml")).status().unwrap();
    assert!(made.success());
    assert!(read(root.path()).1[0].contains("is not a file"));
}

#[test]
fn a_folder_that_is_not_there_is_an_error_of_its_own() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), &["file.yaml"]);
    let missing = root.path().join("nope");
    let error = Folder::read(&missing, &mut Problems::new()).unwrap_err();
    assert_eq!(error, FolderError::Missing(missing.clone()));
    assert_eq!(error.to_string(), format!("there is no folder `{}`", missing.display()));
    let file = root.path().join("file.yaml");
    assert_eq!(Folder::read(&file, &mut Problems::new()).unwrap_err(), FolderError::NotAFolder(file));
}

#[test]
fn the_hash_tells_a_change() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), &["a.yaml", "b.yaml"]);
    let first = read(root.path()).2;
    assert_eq!(first, read(root.path()).2);
    fs::write(root.path().join("a.yaml"), "a: 2\n").unwrap();
    let second = read(root.path()).2;
    assert_ne!(first, second);
    fs::rename(root.path().join("b.yaml"), root.path().join("c.yaml")).unwrap();
    let third = read(root.path()).2;
    assert_ne!(second, third);
    fs::write(root.path().join("notes.txt"), "x").unwrap();
    assert_eq!(third, read(root.path()).2, "what is not read does not count");
}

#[test]
fn a_name_opens_from_where_the_program_stands() {
    let mut problems = Problems::new();
    let folder = Folder::read(Path::new("."), &mut problems);
    // The project's own folder: whatever it holds is named without `./`.
    let names: Vec<PathBuf> = folder.unwrap().files.iter().map(|file| PathBuf::from(&**file.name())).collect();
    assert!(names.iter().all(|name| !name.starts_with(".") && name.exists()), "{names:?}");
}
