//! Files that no one meant to write, through `lint` itself: it answers at once, and says what to do.
#![expect(clippy::unwrap_used, reason = "a test that cannot set up its folder fails")]

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Nothing here may take long, on a machine that does much else, in a build without optimisation.
const SOON: Duration = Duration::from_secs(20);

struct Lint {
    code: i32,
    results: String,
    words: String,
}

fn lint(folder: &Path, arguments: &[&str]) -> Lint {
    let started = Instant::now();
    let mut command = Command::new(env!("CARGO_BIN_EXE_bellwether"));
    let output = command.arg("lint").arg(folder).args(arguments).env_clear().output().unwrap();
    assert!(started.elapsed() < SOON, "it took {:?}", started.elapsed());
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace(&format!("{}/", folder.display()), "");
    Lint { code: output.status.code().unwrap(), results: text(output.stdout), words: text(output.stderr) }
}

/// What `lint` says of one file, in which `bytes` stand.
fn lint_file(bytes: impl AsRef<[u8]>) -> Lint {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.yaml"), bytes).unwrap();
    lint(folder.path(), &[])
}

/// A check whose `alert:` and what follows it is `rest`.
fn check(rest: &str) -> String {
    format!(
        "sources: {{ s: {{ sqlite: {{ path: a.db }} }} }}\nchecks:\n  - check: a\n    source: s\n    description: A.\n    \
         collect: {{ query: SELECT 1 }}\n    columns: {{ n: number, t: text }}\n    {rest}\n"
    )
}

#[test]
fn each_bad_file_is_told_in_words_and_at_its_place() {
    let bomb = (b'b'..=b'i').fold("a: &a [x,x,x,x,x,x,x,x,x]\n".to_owned(), |mut text, c| {
        let (this, last) = (char::from(c), char::from(c - 1));
        writeln!(text, "{this}: &{this} [*{last},*{last},*{last},*{last},*{last},*{last},*{last},*{last},*{last}]")
            .unwrap();
        text
    });
    let large = format!("checks:\n{}", "  # nothing is said here, at length, over and over\n".repeat(210_000));
    let deep = format!("a: {}", "[".repeat(100_000));
    let brackets = check(&format!("alert: {{ info: '{}n{} > 1' }}", "(".repeat(100_000), ")".repeat(100_000)));
    let few_brackets = check(&format!("alert: {{ info: '{}n{} > 1' }}", "(".repeat(1_000), ")".repeat(1_000)));
    let repetition = check("alert: { info: 'matches(t, \"((a{100}){100}){100}\")' }");
    for (name, bytes, want) in [
        ("a bomb", bomb.into_bytes(), "error: aliases make this file larger than 200000 nodes, the limit\n --> a.yaml:"),
        ("10 MB", large.into_bytes(), "error: the file is larger than 8 MiB, the most that is read\n--> a.yaml:1:1\n = help: split it"),
        ("no UTF-8", b"checks:\n  - check: caf\xe9\n".to_vec(), "error: the file is not UTF-8: byte 0xE9\n--> a.yaml:2:15\n = help: save it as UTF-8"),
        ("a tab", b"checks:\n  - check: a\n\tsource: s\n".to_vec(), "error: a tab cannot indent YAML\n --> a.yaml:3:1\n"),
        ("deep nesting", deep.into_bytes(), "error: nested deeper than 64 levels, the limit\n --> a.yaml:1:"),
        ("100,000 brackets", brackets.into_bytes(), "error: the expression is longer than 4096 bytes\n --> a.yaml:8:21\n"),
        ("1,000 brackets", few_brackets.into_bytes(), "error: the expression has more than 64 operators or brackets in or after each other\n --> a.yaml:8:"),
        ("an expression that explodes", repetition.into_bytes(), "error: the regular expression is too large\n --> a.yaml:8:"),
        ("a key twice", b"store: { path: a.db, path: b.db }\n".to_vec(), "error: the key `path` is given twice\n --> a.yaml:1:22\n"),
        ("a bracket that is never closed", b"store: { path: a.db\n".to_vec(), "error: this `{` is never closed\n --> a.yaml:"),
        ("two documents", b"checks: []\n---\nchecks: []\n".to_vec(), "error: a second document begins here\n --> a.yaml:2:1\n"),
        ("a comma", b"checks:\n  - { check: a, source: s, collect: { query: SELECT a, b } }\nsources: { s: { sqlite: { path: a } } }\n".to_vec(), "= help: a `,` between `{ }` ends a value: put the value before it in quotes"),
        ("a tag", check("alert:\n      critical: !bad && n > 2").into_bytes(), "= help: put the expression in single quotes: `'!bad && n > 2'`"),
        ("a title", check("alert: { info: n > 1 }\n    title: {{ t }} is bad").into_bytes(), "= help: quote the title: `\"{{ t }} is bad\"`"),
        ("a cut quotation", check("alert:\n      info: t == \"a # b\"").into_bytes(), "error: YAML reads ` #` as the beginning of a comment, inside of a quotation\n --> a.yaml:9:"),
    ] {
        let got = lint_file(bytes);
        assert!(got.results.contains(want), "{name}: {}", got.results);
        assert_eq!(got.code, 1, "{name}");
    }
}

#[test]
fn what_would_loop_at_run_time_is_let_in_and_bounded_there() {
    // A regular expression of this engine cannot backtrack, and a template has fuel: neither is an error here.
    let slow = check(
        "alert: { info: 'matches(t, \"^(a+)+$\")' }\n    title: \"{% for i in range(1000000) %}{{ t }}{% endfor %}\"",
    );
    let got = lint_file(&slow);
    assert_eq!((got.code, got.results.as_str()), (0, ""), "{}", got.words);
}

#[test]
fn ordinary_text_is_not_taken_for_a_mistake() {
    for text in [
        "alert: { info: 'n > 0x5' }",
        "alert: { info: n > 1 } # it's \"fine\"",
        "alert:\n      info: t == \"a\" # why",
        "alert: { info: n > 1 }\n    title: it's {{ n }}",
        "alert: { info: n > 1 }\n    labels: { a: yes, b: 1.10, c: 010, d: null, e: '!x' }",
    ] {
        let got = lint_file(check(text));
        assert_eq!((got.code, got.results.as_str()), (0, ""), "{text}");
    }
}

#[test]
fn a_folder_that_is_not_there_ends_with_2() {
    let folder = tempfile::tempdir().unwrap();
    let missing = lint(&folder.path().join("nope"), &[]);
    assert_eq!(missing.code, 2);
    assert!(missing.words.starts_with("error: there is no folder `"), "{}", missing.words);
    std::fs::write(folder.path().join("a.yaml"), "checks: []").unwrap();
    let file = lint(&folder.path().join("a.yaml"), &[]);
    assert_eq!(file.code, 2);
    assert!(file.words.contains("is a file: name the folder that holds the configuration"), "{}", file.words);
}

#[cfg(unix)]
#[test]
fn what_cannot_be_read_is_an_error_and_the_rest_is_read() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.yaml"), "store: { pth: a.db }").unwrap();
    std::os::unix::fs::symlink("nowhere", folder.path().join("b.yaml")).unwrap();
    let got = lint(folder.path(), &[]);
    assert_eq!(got.code, 1);
    assert!(got.results.contains("unknown key `pth`") && got.results.contains("cannot read `"), "{}", got.results);
    assert!(got.words.contains("0 checks in 1 file: 2 errors"), "{}", got.words);
}

#[test]
fn a_secret_is_in_no_finding() {
    let text = "sources: { db: { postgres: { url: 'postgres://u:hunter1@h/db', pasword: hunter2 } } }
channels:
  hook: { webhook: { url: 'https://h/hunter3', tokn: hunter4 } }
  chat: { slack: { webhook: 'https://h/hunter5', room: 5, x: 1 } }
  mail: { email: { smtp: h, username: u, password: hunter6, password_file: /run/hunter } }
";
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.yaml"), text).unwrap();
    for format in ["text", "json", "github", "sarif"] {
        let got = lint(folder.path(), &["--format", format]);
        assert_eq!(got.code, 1, "{format}");
        for n in 1..=6 {
            assert!(!got.results.contains(&format!("hunter{n}")), "{format}: {}", got.results);
        }
    }
}

#[test]
fn a_secret_file_is_opened_where_it_is_needed_and_only_there() {
    use bellwether::load::{Mode, load};
    let folder = tempfile::tempdir().unwrap();
    let text = "channels: { hook: { webhook: { url_file: secrets/nope } } }\nroute: { channels: [hook] }\n";
    std::fs::write(folder.path().join("a.yaml"), text).unwrap();
    assert_eq!(lint(folder.path(), &[]).code, 0, "lint runs where the secrets are not");
    let loaded = load(folder.path(), &|_| None, Mode::Strict).unwrap();
    let messages: Vec<&str> = loaded.problems.iter().map(|problem| problem.message.as_str()).collect();
    assert!(
        messages.len() == 1 && messages[0].starts_with("cannot read the secret file `secrets/nope`: "),
        "{messages:?}"
    );
    assert!(loaded.config.is_none());
}
