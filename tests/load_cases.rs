//! `tests:` as the runner takes them, and what is wrong in them.
#![expect(clippy::unwrap_used, reason = "a test that cannot set up its folder fails")]

use bellwether::load::cases::{Cell, Slot, TestCase};
use bellwether::load::{self, Loaded, Mode};
use bellwether::testing;

const BASE: &str = "sources: { local: { sqlite: { path: a.db } } }
channels: { terminal: { console: {} } }
route: { channels: [terminal] }
checks:
  - check: a
    source: local
    collect: { query: SELECT 1 AS n }
    columns: { name: text, n: number }
    key: [name]
    alert: { critical: n > 100 }
  - check: times
    source: local
    collect: { query: SELECT 1 AS n }
    columns: { name: text, at: time, up: bool }
    key: [name]
    alert: { critical: up && age(at) > 1 }
  - { check: open, source: local, collect: { query: SELECT 1 AS n }, alert: { info: n > 1 } }
  - { check: idle, source: local, collect: { query: SELECT 1 AS n }, alert: { info: n > 1 }, mode: off }
tests:
";

fn load_tests(tests: &str) -> Loaded {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.yaml"), format!("{BASE}{tests}")).unwrap();
    load::load(folder.path(), &|_| None, Mode::Lenient).unwrap()
}

fn case(rows: &str) -> TestCase {
    let loaded = load_tests(&format!("  - test: t\n    {rows}\n    expect: []\n"));
    let shown = loaded.problems.human(&loaded.sources, false);
    loaded.config.unwrap_or_else(|| panic!("{rows}: {shown}")).tests.remove(0)
}

/// Slots by `/`, rows by `;`, cells by blanks.
fn show(slots: &[Slot]) -> String {
    let cell = |cell: &Cell| match cell {
        Cell::Value(bellwether::model::Value::Text(text)) => format!("{text:?}"),
        Cell::Value(value) => value.to_string(),
        Cell::Ago(ago) => format!("-{}s", ago.as_secs()),
    };
    let row = |row: &Vec<_>| row.iter().map(|(name, of)| format!("{name}={}", cell(of))).collect::<Vec<_>>().join(" ");
    let slot = |slot: &Slot| match slot {
        Slot::Fail => "fail".to_owned(),
        Slot::Rows(rows) => rows.iter().map(row).collect::<Vec<_>>().join("; "),
    };
    slots.iter().map(slot).collect::<Vec<_>>().join(" / ")
}

#[test]
fn series_become_slots() {
    for (rows, want) in [
        ("[{ name: x, n: 70 75x2 }]", "name=\"x\" n=70 / name=\"x\" n=75 / name=\"x\" n=75"),
        ("[{ name: x, n: 10+5x4 }]", "name=\"x\" n=10 / name=\"x\" n=15 / name=\"x\" n=20 / name=\"x\" n=25"),
        ("[{ name: x, n: 1 }, { name: y, n: 2 }]", "name=\"x\" n=1; name=\"y\" n=2"),
        ("[{ name: x, n: 1 _ }, { name: y, n: 2 }]", "name=\"x\" n=1; name=\"y\" n=2 / name=\"y\" n=2"),
        (
            "[{ name: x, n: 1 fail null }, { name: y, n: 2 }]",
            "name=\"x\" n=1; name=\"y\" n=2 / fail / name=\"x\" n=null; name=\"y\" n=2",
        ),
        (
            "[{ name: [\"a b\", \"null\", ok, 'x4'], n: 1x4 }]",
            "name=\"a b\" n=1 / name=\"null\" n=1 / name=\"ok\" n=1 / name=\"x4\" n=1",
        ),
        ("[{ name: [\"a b\"], n: 1x2 }]", "name=\"a b\" n=1 / name=\"a b\" n=1"),
        ("[{ name: x, n: [1x2, 3] }]", "name=\"x\" n=1 / name=\"x\" n=1 / name=\"x\" n=3"),
        ("[{ name: x, n: _x2 }]", " / "),
        ("[{ n: failx2 }, { n: _x2 }]", "fail / fail"),
        ("[]", ""),
    ] {
        assert_eq!(show(&case(&format!("check: a\n    rows: {rows}")).inputs[0].slots), want, "{rows}");
    }
    let times =
        case("check: times\n    rows: [{ name: x, at: [-2h, -90s, 2026-01-05T00:00:00Z], up: true false null }]");
    assert_eq!(
        show(&times.inputs[0].slots),
        "name=\"x\" at=-7200s up=true / name=\"x\" at=-90s up=false / name=\"x\" at=2026-01-05T00:00:00Z up=null"
    );
    let many = case("rows: { a: [{ name: x, n: 1 2 }], open: [{ n: 5x3 }] }");
    let shown: Vec<String> =
        many.inputs.iter().map(|input| format!("{}: {}", input.check, show(&input.slots))).collect();
    assert_eq!(shown, ["a: name=\"x\" n=1 / name=\"x\" n=2", "open: n=5 / n=5 / n=5"]);
}

#[test]
fn what_is_wrong_in_a_test_is_shown_at_its_place() {
    for (test, at, want) in [
        (
            "check: times, rows: [{ name: x, up: true false, at: -1h -2h -3h }]",
            "-1h",
            "`at` has 3 values, and `up` has 2 values",
        ),
        ("check: a, rows: [{ name: x, nn: 1 }]", "nn", "unknown column `nn`"),
        ("check: a, rows: [{ name: x }]", "{ name", "this row lacks `n`, declared under `columns:`"),
        ("check: a, rows: [{ n: 1 }]", "{ n", "this row lacks `name`, declared under `columns:`"),
        ("check: times, rows: [{ name: x, up: null, at: 5 }]", "5", "`at` is time, and `5` is number"),
        (
            "check: times, rows: [{ name: x }, { up: _, name: y }]",
            "{ name",
            "this row lacks `at`, `up`, declared under `columns:`",
        ),
        ("check: a, rows: [{ name: 5, n: 1 }]", "5", "`name` is text, and `5` is number"),
        ("check: a, rows: [{ name: x, n: 3 1x99999 }]", "1x9", "`1x99999` is more than 10000 values, the limit"),
        ("check: a, rows: [{ name: x, n: 1x0 }]", "1x0", "`1x0` is no value at all"),
        ("check: a, rows: [{ name: '', n: 1 }]", "''", "`name` has no value"),
        ("check: a, rows: { a: [{ name: x, n: 1 }] }", "check", "`check` and rows by check are both given"),
        ("check: a, rows: { n: 1 2, name: x }", "{ n", "`rows` is a list, and this is a mapping"),
        ("check: b, rows: []", "b", "unknown check `b`"),
        ("check: idle, rows: [{ n: 1 }]", "idle", "`idle` is off: there is nothing to test"),
        ("rows: [{ n: 1 }]", "rows", "`rows` is a list, and the test names no `check`"),
    ] {
        let loaded = load_tests(&format!("  - test: t\n    expect: []\n    <<: {{ {test} }}\n"));
        let place = |p: &bellwether::config::Problem| p.place.as_ref().unwrap().column as usize - 11;
        let got: Vec<_> = loaded.problems.iter().map(|p| (place(p), p.message.as_str())).collect();
        assert_eq!(got, [(test.find(at).unwrap(), want)], "{test}");
    }
}

#[test]
fn expectations_are_read_and_checked() {
    let text = "  - test: t
    check: a
    start: 2026-03-01T00:00:00Z
    rows: [{ name: x, n: 1 }]
    expect:
      - { at: 30m, fired: critical, key: { name: 1.10 }, title: yes, labels: { a: 010 }, reason: limit, check: source-unreachable }
    sends: [{ at: 30s, channel: terminal, contains: [a, b] }, { at: 0s, channel: terminal, check: a }]
";
    let loaded = load_tests(text);
    let case = &loaded.config.as_ref().unwrap().tests[0];
    let expect = &case.expect[0];
    let key = expect.key.as_ref().unwrap();
    assert_eq!(
        (&*key[0].1, expect.title.as_deref(), &*expect.labels[0].1),
        ("1.10", Some("yes"), "010"),
        "text as it stands"
    );
    assert_eq!(
        (case.start.to_string().as_str(), expect.at.as_secs(), expect.place.line),
        ("2026-03-01T00:00:00Z", 1800, 25)
    );
    assert_eq!(case.sends.as_ref().unwrap()[0].contains, ["a", "b"]);

    let loaded = load_tests(&text.replace("fired: critical", "fire: critical"));
    let got: Vec<&str> = loaded.problems.iter().map(|problem| problem.message.as_str()).collect();
    assert_eq!(got, ["unknown key `fire`"]);

    let wrong = text
        .replace("fired: critical", "fired: critical, eased: info")
        .replace("terminal, check: a", "termina, check: b");
    let loaded = load_tests(&wrong);
    let got: Vec<&str> = loaded.problems.iter().map(|problem| problem.message.as_str()).collect();
    assert_eq!(got, ["an entry is one change, and this one names two", "unknown check `b`"]);
}

const ROUTES: &str = "sources: { local: { sqlite: { path: a.db } } }
channels: { data: { console: {} }, page: { console: {} }, ml: { console: {} } }
route:
  channels: [data]
  routes:
    - { matchers: [severity=\"critical\"], channels: [data, page], continue: true }
    - { matchers: ['team=~\"ml|growth\"'], channels: [ml] }
    - { matchers: [region=\"eu\"], channels: [page], mute_during: [nights] }
calendars: { nights: { times: [\"22:00-06:00\"] } }
silences:
  - { name: move, matchers: [region=\"eu\"], starts: 2026-03-05T00:00:00Z, ends: 2026-03-06T00:00:00Z, created_by: ana,
      comment: a move }
checks:
  - check: a
    source: local
    collect: { query: SELECT 1 AS n }
    columns: { region: text, n: number }
    key: [region]
    labels: { team: ml }
    alert: { critical: n > 100, info: n > 1 }
tests:
";

fn load_routes(test: &str) -> Loaded {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.yaml"), format!("{ROUTES}  - test: t\n    <<: {{ {test} }}\n")).unwrap();
    load::load(folder.path(), &|_| None, Mode::Lenient).unwrap()
}

/// What the test says of the routes: its differences, then its notes.
fn routed(test: &str) -> Vec<String> {
    let loaded = load_routes(test);
    let shown = loaded.problems.human(&loaded.sources, false);
    let config = loaded.config.unwrap_or_else(|| panic!("{test}: {shown}"));
    let outcome = testing::run(&config, &config.tests[0]);
    let folder = format!("{}/", config.folder.display());
    [outcome.differences, outcome.notes].concat().iter().map(|line| line.replace(&folder, "")).collect()
}

#[test]
fn a_test_of_routes_holds_where_they_lead_against_its_list() {
    for passes in [
        "route: { check: a }, channels: [ml, page, data]",
        "route: { check: a, severity: info }, channels: ml",
        "route: { check: a, severity: info, labels: { team: data, region: eu } }, channels: [page]",
        "route: { labels: { x: y } }, channels: [data]",
        "route: { severity: critical }, channels: [data, page]",
    ] {
        assert_eq!(routed(passes), [""; 0], "{passes}");
    }
    let labels = "the labels are {check=\"a\", severity=\"info\", source=\"local\", team=\"ml\"}";
    let row = "only a row gives `region`: give what a route asks for";
    for (test, want) in [
        (
            "check: a, severity: info }, channels: [ml, page",
            vec![
                "expected to be told: ml, page; got: ml (by a.yaml:7)",
                "`page` is not told: the route at a.yaml:6 asks for severity=\"critical\", and `severity` is \"info\"",
                labels,
                row,
                "the routes that were asked:
    a.yaml:4 (every alert): matches, and so does one below it
      a.yaml:6 severity=\"critical\": no: severity=\"critical\", and severity is \"info\"
      a.yaml:7 team=~\"ml|growth\": taken: ml
      a.yaml:8 region=\"eu\": not asked: a.yaml:7 matches and does not continue",
            ],
        ),
        (
            "check: a, severity: info, labels: { region: us } }, channels: [data",
            vec![
                "expected to be told: data; got: ml (by a.yaml:7)",
                "`data` is not told: below the route at a.yaml:4 another one matches",
                "`ml` is told, by the route at a.yaml:7, and not expected",
                "the labels are {check=\"a\", region=\"us\", severity=\"info\", source=\"local\", team=\"ml\"}",
            ],
        ),
    ] {
        let said = routed(&format!("route: {{ {test}]"));
        assert_eq!(said[..want.len()], want, "{test}");
    }
}

#[test]
fn a_test_of_routes_may_say_what_holds_the_alert_then() {
    let eu = "labels: { team: data, region: eu }, severity: info";
    for (at, held) in [
        ("2026-03-04T12:00:00Z", "[]"),
        ("2026-03-04T23:00:00Z", "[nights]"),
        ("2026-03-05T01:00:00Z", "[move, nights]"),
        ("2026-03-05T12:00:00Z", "move"),
    ] {
        let test = format!("route: {{ {eu}, at: {at} }}, channels: [page], held_by: {held}");
        assert_eq!(routed(&test), [""; 0], "{test}");
    }
    let wrong = routed(&format!("route: {{ {eu}, at: 2026-03-04T23:00:00Z }}, channels: [page], held_by: [move]"));
    assert_eq!(wrong[0], "expected to be held by `move` at 2026-03-04T23:00:00Z; got `nights`");
}

#[test]
fn what_is_wrong_in_a_test_of_routes_is_told() {
    for (test, want) in [
        ("route: { check: b }, channels: [data]", "unknown check `b`"),
        ("route: { check: a }, channels: [dota]", "unknown channel `dota`"),
        ("route: { check: a }", "`channels` is missing"),
        ("route: { check: a }, channels: [data], held_by: [moove]", "unknown silence or calendar `moove`"),
        ("route: { check: a }, channels: [data], rows: []", "unknown key `rows`"),
        ("route: { sevrity: info }, channels: [data]", "unknown key `sevrity`"),
        ("check: a, rows: [], expect: [], channels: [data]", "unknown key `channels`"),
    ] {
        let loaded = load_routes(test);
        let got: Vec<&str> = loaded.problems.iter().map(|problem| problem.message.as_str()).collect();
        assert_eq!(got, [want], "{test}");
    }
}
