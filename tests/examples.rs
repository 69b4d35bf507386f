//! Every configuration that is shipped: it loads, lint has nothing to say, and its tests pass.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use bellwether::{channels, collectors};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The program, in an environment without the variables that an example may ask for.
fn bellwether(arguments: &[&str], folder: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bellwether"));
    command.args(arguments).arg(folder).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn examples() -> Vec<PathBuf> {
    let mut folders: Vec<_> = fs::read_dir(root().join("examples"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|p| p.is_dir())
        .collect();
    folders.sort();
    folders
}

/// The texts of all YAML files below a folder.
fn yaml(folder: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            text.push_str(&yaml(&path));
        } else if path.extension().is_some_and(|e| e == "yaml") {
            text.push_str(&fs::read_to_string(&path).unwrap());
        }
    }
    text
}

/// Lint without a word, and a test of each check.
fn assert_is_whole(folder: &Path) {
    let lint = bellwether(&["lint", "--strict"], folder);
    assert_eq!(lint.status.code(), Some(0), "{}: {}", folder.display(), said(&lint));
    let test = bellwether(&["test"], folder);
    assert_eq!(test.status.code(), Some(0), "{}: {}", folder.display(), said(&test));
    let text = yaml(folder);
    for name in text.lines().filter_map(|line| line.strip_prefix("  - check: ")) {
        let is_tested = text.contains(&format!("    check: {name}\n")) || text.contains(&format!("      {name}: "));
        assert!(is_tested, "{}: no test of `{name}`", folder.display());
    }
}

#[test]
fn every_example_lints_and_its_tests_pass() {
    for folder in examples() {
        assert_is_whole(&folder);
    }
}

/// They are there to be copied into a configuration, so they are tried in one.
#[test]
#[cfg(unix)]
fn what_is_shipped_to_copy_lints_and_its_tests_pass() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["rules", "channels"] {
        std::os::unix::fs::symlink(root().join(name), folder.path().join(name)).unwrap();
    }
    assert_is_whole(folder.path());
}

#[test]
fn every_kind_of_source_and_channel_has_an_example() {
    let text: String = examples().iter().map(|folder| yaml(folder)).collect();
    let sources = collectors::KINDS.iter().map(|kind| kind.name);
    for kind in sources.chain(channels::registry::KINDS.iter().map(|kind| kind.name)) {
        assert!(
            text.contains(&format!("{kind}: {{")) || text.contains(&format!("{kind}:\n")),
            "no example has `{kind}`"
        );
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else if path.extension().is_none_or(|e| e != "db") {
            fs::copy(&path, &target).unwrap();
        }
    }
}

/// A copy of the pipeline as it is in a fresh clone: without its database.
fn pipeline() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy(&root().join("examples/pipeline"), folder.path());
    folder
}

/// The figures are those of a night that happened; README shows them.
#[test]
fn the_pipeline_shows_what_its_script_says() {
    let folder = pipeline();
    let eval = bellwether(&["eval"], folder.path());
    assert_eq!(eval.status.code(), Some(2), "{}", said(&eval));
    let text = said(&eval);
    for line in [
        "CRITICAL processor-slowdown{processor=\"PredictionCoordinator\"}: PredictionCoordinator ran 8.2x its baseline",
        "WARNING  processor-trend{processor=\"PlayerDailyCacheProcessor\"}: PlayerDailyCacheProcessor is 39.7 % slower",
        "CRITICAL worker-near-timeout{worker=\"prediction-worker\"}: prediction-worker used 112.6 % of its timeout",
        "CRITICAL dead-letter-messages{subscription=\"prediction-request-dlq\"}: 41 dead letters",
        "3 critical, 3 warning, 47 ok of 6 checks",
    ] {
        assert!(text.contains(line), "no `{line}` in:\n{text}");
    }
    assert!(text.contains("ratio=8.216, duration=608, baseline=74"), "{text}");
    assert!(folder.path().join("pipeline.db").exists());
}

/// A newcomer sees the first alerts within five seconds; a busy machine that runs other tests is given more.
#[test]
fn the_pipeline_tells_its_terminal_at_once() {
    const PATIENCE: Duration = Duration::from_secs(30);
    let folder = pipeline();
    fs::write(folder.path().join("server.yaml"), "server: { listen: '127.0.0.1:0' }\n").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_bellwether"));
    command.arg("run").arg(folder.path()).env_clear().stdout(Stdio::piped()).stderr(Stdio::null());
    let mut daemon = command.spawn().unwrap();
    let stdout = daemon.stdout.take().unwrap();
    let (sender, lines) = mpsc::channel();
    std::thread::spawn(move || {
        BufReader::new(stdout).lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
    });
    let mut wanted = vec![
        "CRITICAL processor-slowdown — PredictionCoordinator ran 8.2x its baseline",
        "CRITICAL worker-near-timeout — prediction-worker used 112.6 % of its timeout",
        "CRITICAL dead-letter-messages — 41 dead letters in prediction-request-dlq",
        "WARNING processor-trend — PlayerDailyCacheProcessor is 39.7 % slower over three days than over seven",
        "WARNING dead-letter-messages — 3 dead letters in phase3-analytics-trigger-dlq",
    ];
    let (deadline, mut told) = (Instant::now() + PATIENCE, Vec::new());
    while !wanted.is_empty() {
        let left = deadline.saturating_duration_since(Instant::now());
        let Ok(line) = lines.recv_timeout(left) else { break };
        wanted.retain(|headline| !line.ends_with(headline));
        told.push(line);
    }
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    assert!(wanted.is_empty(), "not told: {wanted:#?}, but:\n{}", told.join("\n"));
    // The message of what holds it names it, indented; a message of its own begins with its time.
    let named: Vec<&String> = told.iter().filter(|line| line.contains("PredictionCoordinator is")).collect();
    let is_held = named.iter().all(|line| line.starts_with(' '));
    assert!(is_held, "its parent's alert holds the trend:\n{}", told.join("\n"));
}
