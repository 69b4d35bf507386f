//! Advice: what is right and yet probably not meant; and `lint` as a command.
#![expect(clippy::unwrap_used, reason = "a test that cannot set up its folder fails")]

use std::process::Command;

const BASE: &str = "sources: { s: { sqlite: { path: a.db } } }
channels: { terminal: { console: {} } }
route: { channels: [terminal] }
";

/// A check `a` with these lines.
fn check(lines: &str) -> String {
    format!(
        "checks:\n  - check: a\n    source: s\n    description: A.\n    collect: {{ query: SELECT 1 }}\n{}\n",
        indented(lines)
    )
}

fn indented(lines: &str) -> String {
    lines.lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}

fn lint(files: &[(&str, &str)], arguments: &[&str]) -> (i32, String, String) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_bellwether"));
    let output = command.arg("lint").arg(".").args(arguments).current_dir(folder.path()).env_clear().output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// `name line:column`, of each finding in `b.yaml`; the route and the rest of `BASE` stand in `a.yaml`.
fn advice(text: &str) -> Vec<String> {
    let base =
        if text.contains("route:") { BASE.lines().take(2).collect::<Vec<_>>().join("\n") } else { BASE.to_owned() };
    let (_, results, words) = lint(&[("a.yaml", &base), ("b.yaml", text)], &["--format", "json"]);
    let found: serde_json::Value = serde_json::from_str(&results).unwrap_or_else(|e| panic!("{e}: {results}{words}"));
    let found = found.as_array().unwrap().iter();
    found.map(|f| format!("{} {}:{}", f["name"].as_str().unwrap_or("ERROR"), f["line"], f["column"])).collect()
}

#[test]
fn each_kind_of_advice_is_given_where_it_is_due_and_nowhere_else() {
    let columns = "columns: { n: number, m: number }\n";
    for (text, want) in [
        (check(&format!("{columns}alert: {{ info: n > 1, warning: n > 2, critical: n > 3 }}")), vec![]),
        // name-used-once
        (check("alert: { info: dlq_count > 1 }"), vec!["name-used-once 6:20"]),
        (check("alert: { info: dlq_count > 1 }\ntitle: '{{ dlq_count }}'"), vec![]),
        (check("let: { r: a / b }\nalert: { info: r > 1 && a > 1 }"), vec!["name-used-once 6:19"]),
        // short-for
        (check(&format!("{columns}every: 5m\nfor: 1m\nalert: {{ info: n > 1 }}")), vec!["short-for 8:10"]),
        (
            check(&format!(
                "{columns}every: 5m\nalert: {{ info: {{ when: n > 1, for: 1m }}, warning: {{ when: n > 2, for: 5m }} }}"
            )),
            vec!["short-for 8:40"],
        ),
        // severity-order
        (check(&format!("{columns}alert: {{ critical: n > 10, warning: n > 20 }}")), vec!["severity-order 7:41"]),
        (check(&format!("{columns}alert: {{ critical: n > 10, warning: n > 10 }}")), vec!["severity-order 7:41"]),
        (check(&format!("{columns}alert: {{ critical: n < 10, warning: n <= 10 }}")), vec![]),
        (check(&format!("{columns}alert: {{ critical: n < 10, warning: n < 5 }}")), vec!["severity-order 7:41"]),
        (check(&format!("{columns}alert: {{ critical: {{ when: n > 10, for: 10m }}, warning: n > 10 }}")), vec![]),
        // constant-condition
        (
            check(&format!("{columns}params: {{ p: 5 }}\nalert: {{ info: n > 1, critical: p > 4 }}")),
            vec!["constant-condition 8:37"],
        ),
        (check(&format!("{columns}alert: {{ info: 'hour_of(now, \"UTC\") == 3' }}")), vec![]),
        // timeout-over-every
        (
            check(&format!("{columns}every: 10s\ntimeout: 1m\nalert: {{ info: n > 1 }}")),
            vec!["timeout-over-every 8:14"],
        ),
        (check(&format!("{columns}every: 10s\nalert: {{ info: n > 1 }}")), vec![]),
        // unused-name
        (
            check(&format!("{columns}params: {{ p: 5 }}\nlet: {{ l: n }}\nalert: {{ info: n > 1 }}")),
            vec!["unused-name 7:15", "unused-name 8:12"],
        ),
        (check(&format!("{columns}params: {{ p: 5 }}\nalert: {{ info: n > p }}")), vec![]),
        // no-words
        (
            check(&format!("{columns}alert: {{ info: n > 1 }}")).replace("    description: A.\n", ""),
            vec!["no-words 2:12"],
        ),
        // duplicate-check
        (
            format!(
                "{}{}",
                check(&format!("{columns}alert: {{ info: n > 1 }}")),
                check(&format!("{columns}alert: {{ info: n > 1 }}"))
                    .replace("checks:\n", "")
                    .replace("check: a", "check: b")
            ),
            vec!["duplicate-check 8:12"],
        ),
        (
            format!(
                "{}{}",
                check(&format!("{columns}alert: {{ info: n > 1 }}")),
                check(&format!("{columns}for: 1h\nalert: {{ info: n > 1 }}"))
                    .replace("checks:\n", "")
                    .replace("check: a", "check: b")
            ),
            vec![],
        ),
        (
            format!(
                "{}{}",
                check(&format!("{columns}alert: {{ info: n > 1 }}")),
                check(&format!("{columns}alert: {{ info: n > 2 }}"))
                    .replace("checks:\n", "")
                    .replace("check: a", "check: b")
            ),
            vec![],
        ),
    ] {
        assert_eq!(advice(&text), want, "\n{text}");
    }
}

#[test]
fn routes_and_inhibitions_that_nothing_reaches_are_told() {
    let known = check(
        "columns: { n: number, region: text }\nkey: [region]\nlabels: { team: data, host: 'h{{ n }}' }\nalert: { info: n > 1 }",
    );
    for (rest, want) in [
        (
            "route: { channels: [terminal], routes: [{ matchers: ['team=\"data\"'] }, { matchers: ['severity=\"critical\"'] }] }",
            vec![],
        ),
        ("route: { channels: [terminal], routes: [{ matchers: ['team=\"dta\"'] }] }", vec!["unreachable-route 10:54"]),
        ("route: { channels: [terminal], routes: [{ matchers: ['teem=\"data\"'] }] }", vec!["unreachable-route 10:54"]),
        (
            "route: { channels: [terminal], routes: [{ matchers: ['severity=\"page\"'] }] }",
            vec!["unreachable-route 10:54"],
        ),
        (
            "route: { channels: [terminal], routes: [{ matchers: ['region=\"x\"', 'host=\"y\"', 'check=\"channel-down\"'] }] }",
            vec![],
        ),
        ("route: { channels: [terminal], routes: [{ matchers: ['nope!=\"x\"', 'other=\"\"'] }] }", vec![]),
        (
            "route: { channels: [terminal], routes: [{ matchers: ['team=\"data\"'] }, { matchers: ['team=\"data\"', 'severity=\"critical\"'] }] }",
            vec!["unreachable-route 10:72"],
        ),
        (
            "route: { channels: [terminal], routes: [{ matchers: ['team=\"data\"'], continue: true }, { matchers: ['team=\"data\"'] }] }",
            vec![],
        ),
        (
            "route: { channels: [terminal], routes: [{ matchers: ['severity=\"info\"'], routes: [{ matchers: ['severity=\"warning\"'] }] }] }",
            vec!["unreachable-route 10:96"],
        ),
        ("inhibit: [{ source: ['check=\"a\"'], target: ['team=\"dat\"'] }]", vec!["idle-inhibition 10:45"]),
        ("inhibit: [{ source: ['check=\"a\"'], target: ['team=\"data\"'] }]", vec![]),
    ] {
        assert_eq!(advice(&format!("{known}{rest}\n")), want, "\n{known}{rest}");
    }
}

#[test]
fn what_nobody_uses_is_told() {
    let got = |text: &str| {
        let (_, results, _) = lint(&[("a.yaml", text)], &["--format", "github"]);
        results.lines().map(ToOwned::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(
        got(&format!("{BASE}  \n")),
        ["::warning file=a.yaml,line=1,col=12,endColumn=12::no check asks the source `s`%0Aremove it"]
    );
    let idle = check("columns: { n: number }\nalert: { info: n > 1 }");
    let text = format!(
        "sources: {{ s: {{ sqlite: {{ path: a.db }} }} }}\nchannels: {{ terminal: {{ console: {{}} }} }}\n{idle}"
    );
    assert!(
        got(&text)[0].contains("there is no `route:`, and so the channel `terminal` is told nothing"),
        "{:?}",
        got(&text)
    );
}

#[test]
fn a_comment_lets_advice_pass_and_one_that_does_nothing_is_told() {
    let text = check("# bellwether: allow name-used-once\nalert: { info: dlq_count > 1 }");
    assert_eq!(advice(&text), Vec::<String>::new());
    let text = check(
        "alert:\n  # Settled with the owners of the table.\n  # bellwether: allow short-for, name-used-once\n  info: dlq_count > 1",
    );
    assert_eq!(advice(&text), ["unused-allow 8:27"]);
    let text = check("# bellwether: allow name-usd-once\nalert: { info: dlq_count > 1 }");
    assert_eq!(advice(&text), ["unused-allow 6:25", "name-used-once 7:20"]);
}

#[test]
fn the_exit_says_whether_there_are_errors() {
    let right = check("columns: { n: number }\nalert: { info: n > 1 }");
    let advised = check("alert: { info: n > 1 }");
    let wrong = check("columns: { n: number }\nalert: { info: m > 1 }");
    for (text, arguments, want) in [
        (&right, &[][..], 0),
        (&right, &["--strict"], 0),
        (&advised, &[], 0),
        (&advised, &["--strict"], 1),
        (&wrong, &[], 1),
        (&wrong, &["--format", "sarif"], 1),
        (&"checks: [".to_owned(), &[], 1),
    ] {
        let (code, results, words) = lint(&[("a.yaml", BASE), ("b.yaml", text)], arguments);
        assert_eq!(code, want, "{arguments:?} {results}{words}");
    }
}

#[test]
fn results_stand_on_standard_output_and_words_on_standard_error() {
    let right = check("columns: { n: number }\nalert: { info: n > 1 }");
    let (_, results, words) = lint(&[("a.yaml", BASE), ("b.yaml", &right), ("values.yaml", "replicas: 3")], &[]);
    assert_eq!(results, "");
    assert!(words.starts_with("note: values.yaml is passed over: it has none of the top-level keys"), "{words}");
    assert!(words.ends_with("1 check in 3 files: nothing to say\n"), "{words}");
    let (_, results, _) = lint(&[("a.yaml", BASE)], &["--format", "json"]);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&results).unwrap().as_array().map(Vec::len), Some(1));
}

#[test]
fn there_is_no_command_check() {
    let output = Command::new(env!("CARGO_BIN_EXE_bellwether")).args(["check", "--all", "x"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("did you mean lint or eval?"));
}

#[test]
fn online_asks_the_source_for_its_columns() {
    let folder = tempfile::tempdir().unwrap();
    let db = rusqlite::Connection::open(folder.path().join("a.db")).unwrap();
    db.execute_batch("CREATE TABLE queues (name TEXT, size REAL); INSERT INTO queues VALUES ('x', 1)").unwrap();
    let checks = "checks:
  - { check: right, source: s, description: R., collect: { query: 'SELECT name, size FROM queues' }, key: [name], alert: { info: size > 1 } }
  - { check: misspelt, source: s, description: M., collect: { query: 'SELECT name, size FROM queues' }, key: [name], alert: { info: sise > 1 } }
  - { check: refused, source: s, description: N., collect: { query: SELECT name FROM queue }, columns: { name: text }, key: name, alert: { info: 'len(name) > 1' } }
";
    std::fs::write(folder.path().join("a.yaml"), BASE).unwrap();
    std::fs::write(folder.path().join("b.yaml"), checks).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_bellwether"));
    let output =
        command.args(["lint", ".", "--online", "--format", "github"]).current_dir(folder.path()).output().unwrap();
    let results = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{results}");
    let errors: Vec<&str> = results.lines().filter(|line| line.starts_with("::error")).collect();
    assert_eq!(errors.len(), 2, "{results}");
    assert!(
        errors[0].contains("line=3,") && errors[0].contains("the answer has no column `sise`: did you mean `size`?"),
        "{results}"
    );
    assert!(errors[1].contains("line=4,") && errors[1].contains("no such table"), "{results}");
}

#[test]
fn a_part_of_a_configuration_is_told_from_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("rules");
    std::fs::create_dir(&rules).unwrap();
    std::fs::write(folder.path().join("bellwether.yaml"), BASE).unwrap();
    std::fs::write(rules.join("a.yaml"), check("columns: { n: number }\nalert: { info: n > 1 }")).unwrap();
    for (at, want) in [(rules.as_path(), true), (folder.path(), false)] {
        let output = Command::new(env!("CARGO_BIN_EXE_bellwether")).arg("lint").arg(at).output().unwrap();
        let words = String::from_utf8(output.stderr).unwrap();
        assert_eq!(words.contains("for the whole configuration name `/"), want, "{words}");
        assert_eq!(output.status.code(), Some(i32::from(want)), "{words}");
    }
}

#[test]
fn a_window_that_looks_back_less_than_from_slot_to_slot_is_told() {
    let check = |collect: &str, every: &str| {
        format!(
            "sources: {{ logs: {{ cloud_logging: {{ project: p }} }}, metrics: {{ cloud_monitoring: {{ project: p }} }} }}\nchecks:\n\
             - {{ check: a, source: {collect}, every: {every}, description: d, alert: {{ info: {} > 1 }} }}\n",
            if collect.starts_with("logs") { "count" } else { "value" }
        )
    };
    for (collect, every, want) in [
        ("logs, collect: { filter: x, window: 1m }", "5m", true),
        ("logs, collect: { filter: x }", "1h", true),
        ("logs, collect: { filter: x, window: 5m }", "5m", false),
        ("metrics, collect: { promql: up }", "1h", false),
    ] {
        let found = advice(&check(collect, every)).iter().any(|found| found.starts_with("short-window 3:"));
        assert_eq!(found, want, "{collect} every {every}: {:?}", advice(&check(collect, every)));
    }
}
