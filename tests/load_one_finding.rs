//! One mistake, one finding: what is wrong makes nothing else look wrong.
#![expect(clippy::unwrap_used, reason = "a test that cannot set up its folder fails")]

use bellwether::load::{self, Mode};
use bellwether::rules::lint::advise;

/// A configuration about which there is nothing to say.
const SOUND: [(&str, &str); 3] = [
    (
        "bellwether.yaml",
        "sources: { local: { sqlite: { path: a.db } }, web: { http: {} } }
channels: { terminal: { console: {} }, pager: { console: {} } }
route:
  channels: [terminal]
  routes:
    - { matchers: ['severity=\"critical\"'], channels: [pager] }
    - { matchers: ['team=\"data\"'], channels: [terminal] }
inhibit:
  - { source: ['check=\"probe\"'], target: ['check=\"queue\"'] }
",
    ),
    (
        "rules/a.yaml",
        "checks:
  - check: queue
    description: Queues that grow.
    source: local
    collect: { query: 'SELECT name, n, s FROM queues WHERE n > @least' }
    columns: { name: text, n: number, s: text }
    key: [name]
    params: { least: 3, factor: 2 }
    let: { r: n / factor, up: r > 1 }
    alert: { critical: { when: r > 2 * n && s == \"x\", for: 5m }, warning: { when: up || n > 7 } }
    title: '{{ name }} {{ n }} {{ factor }} {{ r }}'
    labels: { team: data }
    depends_on: [probe]
  - check: probe
    description: The page.
    source: web
    collect: { url: 'http://127.0.0.1:1/', json: { ready: /ready } }
    alert: { critical: status >= 500 || ready > 3 }
",
    ),
    (
        "rules/a.test.yaml",
        "tests:
  - test: t
    check: queue
    rows: [{ name: x, n: 1 2, s: x }]
    expect: []
    sends: [{ at: 0s, channel: pager }]
",
    ),
];

/// All that is said where this one place of the configuration is changed: `file:line message`.
fn findings(from: &str, to: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let mut changed = 0;
    for (name, text) in SOUND {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        changed += text.matches(from).count();
        std::fs::write(path, text.replace(from, to)).unwrap();
    }
    assert!(from.is_empty() || changed == 1, "`{from}` stands {changed} times");
    let mut loaded = load::load(folder.path(), &|_| None, Mode::Lenient).unwrap();
    advise(&loaded.outline, &loaded.sources, &mut loaded.problems);
    loaded.problems.sort();
    let shown = loaded.problems.iter().map(|problem| {
        let place = problem.place.as_ref().unwrap();
        format!("{}:{} {}", place.file.rsplit('/').next().unwrap(), place.line, problem.message)
    });
    shown.collect()
}

#[test]
fn each_mistake_is_one_finding() {
    assert_eq!(findings("", ""), Vec::<String>::new());
    for (from, to, want) in [
        ("n: number", "n: numbr", "a.yaml:6 `numbr` is not known here"),
        ("name: text", "name: [text]", "a.yaml:6 `name` cannot be a list"),
        ("{ name: text, n: number, s: text }", "[name, n, s]", "a.yaml:6 `columns` cannot be a list"),
        ("factor: 2", "factor: [2]", "a.yaml:8 `factor` cannot be a list"),
        ("least: 3", "least: !x 3", "a.yaml:8 YAML reads `!x` as a tag, not as text"),
        ("{ least: 3, factor: 2 }", "[3, 2]", "a.yaml:8 `params` cannot be a list"),
        ("r: n / factor", "r: [n]", "a.yaml:9 `r` cannot be a list"),
        ("r: n / factor", "r: n / fctor", "a.yaml:9 unknown variable `fctor`"),
        ("{ r: n / factor, up: r > 1 }", "[r, up]", "a.yaml:9 `let` cannot be a list"),
        ("for: 5m", "for: 5x", "a.yaml:10 `5x` is not a duration"),
        ("team: data", "team: *data", "a.yaml:12 YAML reads `*data` as an alias, and nothing has that anchor"),
        ("json: { ready: /ready }", "json: [ready]", "a.yaml:17 `json` cannot be a list"),
        ("ready: /ready", "ready: [ready]", "a.yaml:17 `ready` cannot be a list"),
        ("source: web", "source: wbe", "a.yaml:16 unknown source `wbe`"),
        ("source: web", "sorce: web", "a.yaml:16 unknown key `sorce`"),
        ("check: probe", "chek: probe", "a.yaml:14 unknown key `chek`"),
        ("[terminal]\n  routes", "[termnal]\n  routes", "bellwether.yaml:4 unknown channel `termnal`"),
        (
            "channels: [pager]",
            "channels: [*pager]",
            "bellwether.yaml:6 YAML reads `*pager` as an alias, and nothing has that anchor",
        ),
        (
            "'severity=\"critical\"'",
            "severity=critical",
            "bellwether.yaml:6 put the value in double quotes: `severity=\"critical\"`",
        ),
        ("'severity=\"critical\"'", "!x", "bellwether.yaml:6 YAML reads `!x` as a tag, not as text"),
        ("'check=\"probe\"'", "check=probe", "bellwether.yaml:9 put the value in double quotes: `check=\"probe\"`"),
        ("'check=\"queue\"'", "&x", "bellwether.yaml:9 YAML reads `&x` as an anchor, not as text"),
        ("factor: 2 }", "factor: 2, least: 4 }", "a.yaml:8 the key `least` is given twice"),
        ("{ when: up || n > 7 }", "max(n, r, 1) > 7", "a.yaml:10 unknown key `r`"),
        ("{ when: up || n > 7 }", "s == \"a, b\"", "a.yaml:10 unknown key `b\"`"),
        (
            "channels: [terminal]\n  routes",
            "receiver: [terminal]\n  routes",
            "bellwether.yaml:4 unknown key `receiver`",
        ),
        ("pager: { console: {} }", "pager: { slack: { webhok: x } }", "bellwether.yaml:2 unknown key `webhok`"),
        ("pager: { console: {} }", "pager: { pagerduty: {} }", "bellwether.yaml:2 unknown key `pagerduty`"),
        ("sqlite: { path: a.db }", "sqlite: [a.db]", "bellwether.yaml:1 `sqlite` cannot be a list"),
        ("sources: {", "sorces: {", "bellwether.yaml:1 unknown top-level key `sorces`"),
        ("channels: { terminal", "chanels: { terminal", "bellwether.yaml:2 unknown top-level key `chanels`"),
        (
            "{ terminal: { console: {} }, pager: { console: {} } }",
            "[terminal]",
            "bellwether.yaml:2 `channels` is a mapping from names, and this is a list",
        ),
        ("web: { http: {} } }", "web: { http: {} ] }", "bellwether.yaml:1 `{` is closed by `]`"),
        ("checks:\n  - check: queue", "checks:\n\t- check: queue", "a.yaml:2 a tab cannot indent YAML"),
        (
            "- check: probe",
            "- check: probe\n    description: The page.\n    source: web
    collect: { url: 'http://127.0.0.1:1/', json: { ready: /ready } }
    alert: { critical: status >= 500 || ready > 3 }\n  - check: probe",
            "a.yaml:19 two checks are named `probe`",
        ),
        ("{ critical: status >= 500 || ready > 3 }", "{ crit: status >= 500 }", "a.yaml:18 unknown key `crit`"),
        ("{ critical: status >= 500 || ready > 3 }", "{ warn: status >= 500 }", "a.yaml:18 unknown key `warn`"),
        ("  - check: probe", "  -\n  - check: probe", "a.yaml:14 an entry of `checks` has no value"),
        ("n: 1 2", "n: *n", "a.test.yaml:4 YAML reads `*n` as an alias, and nothing has that anchor"),
        ("n: 1 2", "n: [1, !x 2]", "a.test.yaml:4 YAML reads `!x` as a tag, not as text"),
    ] {
        assert_eq!(findings(from, to), [want], "`{from}` → `{to}`");
    }
}

#[test]
fn other_mistakes_beside_it_are_told_all_the_same() {
    for (from, to, want) in [
        (
            "n: number, s: text",
            "n: numbr, s: number",
            &["a.yaml:6 `numbr` is not known here", "a.yaml:10 `==` compares number with text"][..],
        ),
        (
            "for: 5m }, warning: { when: up || n > 7 }",
            "for: 5x }, warning: { when: up || m > 7 }",
            &["a.yaml:10 `5x` is not a duration", "a.yaml:10 unknown variable `m`"],
        ),
        (
            "check: probe\n    description: The page.",
            "chek: probe\n    every: 5x",
            &["a.yaml:14 unknown key `chek`", "a.yaml:15 `5x` is not a duration"],
        ),
        ("when: r > 2 * n &&", "wen: r > 2 * n &&", &["a.yaml:10 unknown key `wen`"]),
    ] {
        assert_eq!(findings(from, to), want, "`{from}` → `{to}`");
    }
}
