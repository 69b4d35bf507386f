//! What is wrong in a configuration, where, and what to write instead: all of it at once.
#![expect(clippy::unwrap_used, reason = "a test that cannot set up its folder fails")]

use bellwether::load::{self, Loaded, Mode};

const BASE: &str = "sources: { local: { sqlite: { path: a.db } }, web: { http: {} }, prom: { prometheus: { url: 'http://127.0.0.1:1' } } }
channels: { terminal: { console: {} } }
";
const ROUTE: &str = "route: { channels: [terminal] }\n";
const CHECK: &str = "checks:
  - check: queue
    source: local
    collect: { query: 'SELECT name, size FROM queues' }
    columns: { name: text, size: number, at: time }
    key: [name]
    description: Queues that grow.
    alert: { critical: size > 100 }
";

fn load_files(files: &[(&str, &str)]) -> Loaded {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let mut loaded = load::load(folder.path(), &|_| None, Mode::Lenient).unwrap();
    loaded.problems.sort();
    loaded
}

/// The errors of `text`, a file beside the sources and the channels: `line:column message | help`.
fn errors_of(text: &str) -> Vec<String> {
    let files = [("base.yaml", BASE), ("route.yaml", ROUTE), ("t.yaml", text)];
    let files = if text.contains("route:") { &files[..1] } else { &files[..2] };
    let mut files = files.to_vec();
    files.push(("t.yaml", text));
    shown(&load_files(&files))
}

fn shown(loaded: &Loaded) -> Vec<String> {
    let all = loaded.problems.iter().filter(|problem| problem.is_error());
    all.map(|problem| {
        let place = problem.place.as_ref().map(|p| format!("{}:{}", p.line, p.column)).unwrap_or_default();
        let help = problem.help.as_ref().map(|help| format!(" | {help}")).unwrap_or_default();
        format!("{place} {}{help}", problem.message)
    })
    .collect()
}

/// A check with these lines added.
fn check(lines: &str) -> String {
    format!("{CHECK}    {lines}\n")
}

/// A check with this condition, as it stands behind `critical:`.
fn condition(written: &str) -> String {
    CHECK.replace("alert: { critical: size > 100 }", &format!("alert:\n      critical: {written}"))
}

fn assert_errors(cases: &[(String, &str)]) {
    for (text, want) in cases {
        let got = errors_of(text);
        assert_eq!(got.join("\n"), *want, "\n{text}");
    }
}

#[test]
fn an_expression_is_pointed_into_whatever_its_style() {
    assert_errors(
        &[
            (condition("siz > 100"), "9:17 unknown variable `siz` | did you mean `size`?"),
            (condition("'name == \"it''s\" && siz > 100'"), "9:37 unknown variable `siz` | did you mean `size`?"),
            (condition("\"name == \\\"x\\\" && siz > 100\""), "9:35 unknown variable `siz` | did you mean `size`?"),
            (
                condition("|\n        size > 100\n        || siz > 5"),
                "11:12 unknown variable `siz` | did you mean `size`?",
            ),
            (
                condition(">\n        size > 100\n        || siz > 5"),
                "11:12 unknown variable `siz` | did you mean `size`?",
            ),
            (
                condition(">-\n        size > 100\n\n          || siz > 5"),
                "12:14 unknown variable `siz` | did you mean `size`?",
            ),
            (condition("{ when: size > 100, until: siz < 5 }"), "9:44 unknown variable `siz` | did you mean `size`?"),
            (condition("größe > 1"), "9:17 `größe` is no name: letters, digits and `_`, a letter first"),
        ][..7],
    );
}

#[test]
fn all_errors_of_a_check_are_told_at_once() {
    let text = "checks:
  - check: a
    source: locl
    collect: { query: SELECT 1 }
    columns: { size: number, state: text }
    key: [stat]
    every: 5x
    labels: { severity: x, 'a b': y }
    title: '{{ sze }}'
    on_absent: info
    mode: of
    alert: { critical: sze > 1, warning: state > 1 }
    expr: size > 1
";
    assert_errors(&[(
        text.to_owned(),
        "3:13 unknown source `locl` | did you mean `local`?
6:11 unknown column `stat` | did you mean `state`?
7:12 `5x` is not a duration | write whole numbers with units: `90s`, `15m`, `6h`, `7d`, `1h30m`
8:15 every alert has a label `severity` of its own | give yours another name: `the_severity`
8:28 `a b` is no name for a label | write letters, digits and `_`, not a digit first
9:16 unknown name `sze` | did you mean `size`?
10:16 `on_absent: info` needs a condition for `info` under `alert:` | add one, or write `warning`, `critical` or `keep`
11:11 `of` is not known here | did you mean `off`? It is one of `live`, `shadow`, `off`
12:24 unknown variable `sze` | did you mean `size`?
12:48 `>` compares text with number
13:5 unknown key `expr` | did you mean `alert`?",
    )]);
}

#[test]
fn all_errors_of_a_template_are_told_at_once() {
    assert_errors(&[(
        check("title: '{{ nme }} {{ size | rond(1) }} {{ sze | duratoin }}'"),
        "9:16 unknown name `nme` | did you mean `name`?
9:33 unknown filter `rond`: did you mean `round`?
9:47 unknown name `sze` | did you mean `size`?
9:53 unknown filter `duratoin`: did you mean `duration`?",
    )]);
}

#[test]
fn the_times_of_a_check_are_checked() {
    assert_errors(&[
        (check("every: 500ms"), "9:12 `every` is shorter than a second, the least | write `every: 1s` or more"),
        (check("timeout: 0s"), "9:14 a `timeout` of nothing leaves no time to collect | write `30s`, or leave it out"),
        (
            check("timezone: UTC"),
            "9:5 `timezone` belongs to `cron`, which is not given | remove it, or write `cron` in the place of `every`",
        ),
        (check("every: 1m\n    cron: 0 * * * *"), "10:5 `every` and `cron` are both given | remove one of them"),
        (
            check("cron: 0 * * *"),
            "9:11 `0 * * *` is no cron pattern | it has 4 fields; write five: minute, hour, day of the month, month, weekday",
        ),
        (
            check("cron: 0 0 30 2 *"),
            "9:11 `0 0 30 2 *` never runs: no month that it names has such a day | write a day that there is, as `28`; the last of a month is `L`: `0 0 L 2 *`",
        ),
        (
            check("cron: 0 0 31 4,6,9,11 *"),
            "9:11 `0 0 31 4,6,9,11 *` never runs: no month that it names has such a day | write a day that there is, as `28`; the last of a month is `L`: `0 0 L 2 *`",
        ),
        (check("cron: 0 0 29 2 *"), ""),
        (check("cron: 0 0 30 2 1"), ""),
        (check("cron: 0 0 L 2 *"), ""),
        (check("cron: 30 2 31 1-4 *"), ""),
        (
            check("cron: 0 12 * * *\n    timezone: America/NewYork"),
            "10:15 `America/NewYork` is no time zone | did you mean `America/New_York`?",
        ),
        (check("limit: 0"), "9:12 `0` is out of range | write a number from 1 to 1000000"),
    ]);
}

#[test]
fn names_point_somewhere() {
    assert_errors(&[
        (
            check("depends_on: [queues]"),
            "9:18 unknown check `queues` | declare it under `checks:`; no other is declared",
        ),
        (check("depends_on: [queue]"), "9:18 `queue` depends on itself | remove one of them from `depends_on`"),
        (check("labels: { name: x }"), "9:15 `name` is a key column, and a label by that | remove it"),
        ("route: { channels: [termnal] }".into(), "1:21 unknown channel `termnal` | did you mean `terminal`?"),
        (
            format!("{}tests:\n  - {{ test: t, check: queu, rows: [], expect: [] }}\n", check("")),
            "11:23 unknown check `queu` | did you mean `queue`?",
        ),
    ]);
}

#[test]
fn a_ring_of_parents_and_parents_that_hold_nothing_are_errors() {
    let check = |name: &str, rest: &str| {
        format!(
            "  - {{ check: {name}, source: local, collect: {{ query: SELECT 1 AS a }}, columns: {{ a: number }}, alert: {{ info: a > 1 }}{rest} }}\n"
        )
    };
    let ring = format!(
        "checks:\n{}{}{}",
        check("a", ", depends_on: b"),
        check("b", ", depends_on: [c]"),
        check("c", ", depends_on: [a]")
    );
    let off = format!(
        "checks:\n{}{}{}",
        check("a", ", depends_on: [b, c]"),
        check("b", ", mode: off"),
        check("c", ", mode: shadow")
    );
    assert_errors(&[
        (ring, "4:128 these checks depend on each other in a ring: `a` → `b` → `c` → `a` | remove one of them from `depends_on`"),
        (
            off,
            "2:128 the parent `b` is `off`, and so would hold nothing | remove it from `depends_on`, or take `mode: off` from it
2:131 the parent `c` is `shadow`, and so would hold nothing | remove it from `depends_on`, or take `mode: shadow` from it",
        ),
    ]);
}

#[test]
fn what_stands_twice_is_shown_at_both_places() {
    let loaded = load_files(&[
        ("a.yaml", &format!("{BASE}{ROUTE}{CHECK}")),
        ("b.yaml", &format!("{ROUTE}channels: {{ terminal: {{ console: {{}} }} }}\n{CHECK}")),
        ("c.yaml", "sources: { local: { sqlite: { path: b.db } } }\nstore: {}\n"),
        ("d.yaml", "store: { path: x.db }\n"),
    ]);
    let got: Vec<String> = loaded
        .problems
        .iter()
        .map(|problem| {
            let place = |p: &bellwether::config::Place| {
                format!("{}:{}:{}", p.file.rsplit('/').next().unwrap(), p.line, p.column)
            };
            format!("{} {} ({})", place(problem.place.as_ref().unwrap()), problem.message, place(&problem.also[0].0))
        })
        .collect();
    assert_eq!(
        got.join("\n"),
        "b.yaml:1:1 `route` stands twice in this configuration (a.yaml:3:1)
b.yaml:2:13 two channels are named `terminal` (a.yaml:2:13)
b.yaml:4:12 two checks are named `queue` (a.yaml:5:12)
c.yaml:1:12 two sources are named `local` (a.yaml:1:12)
d.yaml:1:1 `store` stands twice in this configuration (c.yaml:2:1)"
    );
}

#[test]
fn the_tree_of_routes_is_checked() {
    let timers = "route:
  channels: [terminal]
  matchers: ['a=\"b\"']
  continue: true
  group_by: ['...', team]
  routes:
    - { matchers: [severity=critical], group_interval: 0s }
    - { matchers: ['a=~\"(\"'], match: x, receiver: y }
    - 'x'
";
    assert_errors(&[
        (
            timers.into(),
            "3:3 the root of the tree takes every alert: it has no `matchers` | put it on a route under `routes:`
4:3 the root of the tree takes every alert: it has no `continue` | put it on a route under `routes:`
5:14 `...` groups by every label: other labels beside it say nothing | write `group_by: ['...']`
7:29 put the value in double quotes: `severity=\"critical\"`
7:56 `group_interval` cannot be nothing: messages would follow each other without end
8:25 the regular expression is wrong: unclosed group
8:31 unknown key `match` | did you mean `matchers`?
8:41 unknown key `receiver` | did you mean `channels`?
9:7 an entry of `routes` cannot be text | write a mapping: `matchers`, `channels`, `group_by`, `group_wait`, `group_interval`, `repeat_interval`, `continue`, `active_during`, `mute_during`, `routes`",
        ),
        (
            "route: { group_by: [team] }".into(),
            "1:1 the root of the tree has no `channels`: what no route matches would be told to nobody | add `channels: [name]`; if that is what you want, `channels: []`",
        ),
        (
            "inhibit:\n  - { source: [], target: ['a=\"b\"'], equals: [x] }".into(),
            "2:15 `source` has no matcher: it would match every alert | write one: `['check=\"warehouse-down\"']`
2:38 unknown key `equals` | did you mean `equal`?",
        ),
    ]);
}

#[test]
fn top_level_keys_say_what_a_file_is() {
    assert_errors(&[
        ("check:\n  - check: a".into(), "1:1 unknown top-level key `check` | did you mean `checks`?"),
        ("receivers: {}".into(), "1:1 unknown top-level key `receivers` | did you mean `channels`?"),
        ("checks: { a: b }".into(), "1:9 `checks` is a list, and this is a mapping | begin each entry with `- `"),
        (
            "sources: [a]".into(),
            "1:10 `sources` is a mapping from names, and this is a list | write each as `name: { … }` under `sources:`",
        ),
        ("calendars: {}\nheartbeat: {}\nsilences: []".into(), "2:12 `url` is missing | add `url`: a URL"),
    ]);
    let loaded =
        load_files(&[("base.yaml", BASE), ("beat.yaml", "heartbeat: { url: \"http://127.0.0.1:1/key\", every: 5m }")]);
    let beat = loaded.config.expect("it loads").heartbeat.expect("declared");
    assert_eq!((beat.url.expose(), beat.every.as_secs()), ("http://127.0.0.1:1/key", 300));
    let loaded = load_files(&[
        ("base.yaml", BASE),
        ("values.yaml", "replicas: 3"),
        ("list.yml", "- a"),
        ("empty.yaml", "# none\n"),
    ]);
    assert_eq!(shown(&loaded), Vec::<String>::new());
    let notes: Vec<&str> =
        loaded.notes.iter().map(|n| n.rsplit('/').next().unwrap().split(':').next().unwrap()).collect();
    assert_eq!(notes, ["list.yml is passed over", "values.yaml is passed over"]);
}

#[test]
fn a_source_that_knows_its_columns_needs_no_declaration() {
    let http = |condition: &str, rest: &str| {
        format!(
            "checks:\n  - check: web\n    source: web\n    collect: {{ url: 'http://127.0.0.1:1/', json: {{ ready: /ready }} }}\n    alert: {{ critical: '{condition}' }}\n{rest}"
        )
    };
    assert_errors(&[
        (http("status >= 500 || ready > 3", ""), ""),
        (http("statu >= 500", ""), "5:25 unknown column `statu` | did you mean `status`?"),
        (http("status == \"200\"", ""), "5:25 column `status` is number, and is taken for text here"),
        (http("status > 1", "    title: '{{ latenzy }}'\n"), "6:16 unknown name `latenzy` | did you mean `latency`?"),
        (http("status > 1", "    key: redy\n"), "6:10 unknown column `redy` | did you mean `ready`?"),
    ]);
}

#[test]
fn a_check_of_prometheus_has_an_instance_for_each_label_set() {
    use bellwether::rules::KeyColumns;
    let text = |key: &str| {
        format!(
            "checks:\n  - {{ check: up, source: prom, collect: {{ promql: up }}, alert: {{ critical: value == 0 }}{key} }}\n"
        )
    };
    for (key, want) in [
        ("", KeyColumns::AllText),
        (", key: prometheus", KeyColumns::AllText),
        (", key: job", KeyColumns::Columns(["job".into()].into())),
        (", key: [prometheus]", KeyColumns::Columns(["prometheus".into()].into())),
        (", key: []", KeyColumns::None),
    ] {
        let loaded = load_files(&[("base.yaml", BASE), ("route.yaml", ROUTE), ("t.yaml", &text(key))]);
        assert_eq!(loaded.config.unwrap().checks[0].key, want, "{key}");
    }
}

#[test]
#[cfg(all(feature = "cloud_monitoring", feature = "cloud_logging"))]
fn a_check_of_metrics_or_logs_has_an_instance_for_what_its_request_tells_apart() {
    use bellwether::rules::KeyColumns;
    let base = BASE.replace("prom:", "metrics: { cloud_monitoring: {} }, logs: { cloud_logging: {} }, prom:");
    let text = |source: &str, collect: &str| {
        let alert = if source == "logs" { "count == 0" } else { "value == 0" };
        format!(
            "checks:\n  - {{ check: up, source: {source}, collect: {{ {collect} }}, alert: {{ critical: {alert} }} }}\n"
        )
    };
    let reduced = "filter: x, aligner: ALIGN_SUM, reducer: REDUCE_SUM";
    for (source, collect, want) in [
        ("metrics", "promql: up".to_owned(), KeyColumns::AllText),
        ("metrics", "filter: x".to_owned(), KeyColumns::AllText),
        ("metrics", reduced.to_owned(), KeyColumns::None),
        ("logs", "filter: x".to_owned(), KeyColumns::None),
        ("logs", "filter: x, group_by: { level: severity }".to_owned(), KeyColumns::Columns(["level".into()].into())),
        (
            "metrics",
            format!("{reduced}, group_by: [resource.labels.zone, metric.labels.a-b]"),
            KeyColumns::Columns(["zone".into(), "a_b".into()].into()),
        ),
    ] {
        let loaded = load_files(&[("base.yaml", &base), ("route.yaml", ROUTE), ("t.yaml", &text(source, &collect))]);
        assert_eq!(loaded.config.unwrap().checks[0].key, want, "{collect}");
    }
}

#[test]
fn names_are_filled_in_where_the_page_says() {
    let env = |name: &str| (name == "DB").then(|| "x.db".to_owned());
    let check = CHECK
        .replace("'SELECT name, size FROM queues'", "\"SELECT '${DB}' AS name FROM queues\"")
        .replace("Queues", "${DB} queues");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.yaml"), BASE.replace("a.db", "'${DB}'")).unwrap();
    std::fs::write(folder.path().join("b.yaml"), format!("{ROUTE}{check}")).unwrap();
    let loaded = load::load(folder.path(), &env, Mode::Strict).unwrap();
    let config = loaded.config.unwrap();
    let check = &config.checks[0];
    assert_eq!(check.description, "${DB} queues that grow.");
    assert_eq!(check.collect.text("query"), Some("SELECT 'x.db' AS name FROM queues"));
    let source = config.sources.iter().find(|source| &*source.name == "local").unwrap();
    assert_eq!(source.settings.path("path"), Some(folder.path().join("x.db").as_path()));

    let strict = load::load(folder.path(), &|_| None, Mode::Strict).unwrap();
    let messages: Vec<&str> = strict.problems.iter().map(|problem| problem.message.as_str()).collect();
    assert_eq!(messages, ["the environment has no `DB`", "the environment has no `DB`"]);
    assert!(load::load(folder.path(), &|_| None, Mode::Lenient).unwrap().config.is_some());
}

/// These are secrets as well: no error quotes them.
#[test]
fn an_address_that_is_no_url_is_an_error_where_it_stands() {
    let no_url = "no URL | write `https://host/path`";
    for address in ["htp:/foo", "example.com/beat", "https://", "'https://a b/'"] {
        assert_eq!(errors_of(&format!("heartbeat: {{ url: {address} }}")), [format!("1:19 this is {no_url}")]);
        let channel = |kind: &str| format!("channels:\n  c: {{ {kind}: {address} }} }}");
        assert_eq!(errors_of(&channel("webhook: { url")), [format!("2:24 this is {no_url}")]);
        assert_eq!(errors_of(&channel("slack: { webhook")), [format!("2:26 this is {no_url}")]);
    }
    for address in ["'${BEAT}'", "'${SCHEME}://host/${BEAT}'", "https://host/path"] {
        let known = format!("channels:\n  bellwether: {{ webhook: {{ url: {address} }} }}");
        assert_eq!(errors_of(&known), Vec::<String>::new());
    }
    let folder = tempfile::tempdir().unwrap();
    let text = "heartbeat: { url_file: beat }\nchannels: { c: { webhook: { url: '${HOOK}' } } }\n";
    std::fs::write(folder.path().join("bellwether.yaml"), text).unwrap();
    std::fs::write(folder.path().join("beat"), "not-a-url-but-a-token\n").unwrap();
    let env = |name: &str| (name == "HOOK").then(|| "htp:/token".to_owned());
    let loaded = load::load(folder.path(), &env, Mode::Strict).unwrap();
    let want = [
        "1:24 the secret file `beat` holds no URL | write `https://host/path` into it",
        "2:34 this is no URL | write `https://host/path`",
    ];
    let mut errors = shown(&loaded);
    errors.sort();
    assert_eq!(errors, want);
}

#[test]
fn a_cron_pattern_that_is_wrong_names_its_field() {
    for (pattern, want) in [
        ("61 * * * *", "the minute `61` is wrong: it is 0 to 59"),
        ("0 24 * * *", "the hour `24` is wrong: it is 0 to 23"),
        ("0 0 32 * *", "the day of the month `32` is wrong: it is 1 to 31, or `L`, the last"),
        ("0 0 1 1-13 *", "the month `1-13` is wrong: it is 1 to 12, or `JAN` to `DEC`"),
        ("0 0 * * MOO", "the weekday `MOO` is wrong: it is 0 to 7, or `SUN` to `SAT`"),
    ] {
        let want = format!("9:11 `{pattern}` is no cron pattern | {want}");
        assert_eq!(errors_of(&check(&format!("cron: '{pattern}'"))), [want]);
    }
    let odd = errors_of(&check("cron: '@sometimes'"));
    assert!(odd.len() == 1 && !odd[0].contains("minute"), "{odd:?}");
}

#[test]
fn a_matcher_of_another_language_is_told_ours() {
    let route = |matcher: &str| {
        format!("route: {{ channels: [terminal], routes: [{{ matchers: ['{matcher}'], channels: [terminal] }}] }}")
    };
    for (matcher, want) in [
        ("severity==\"critical\"", "1:63 a matcher has one `=`: `severity=\"critical\"`"),
        ("severity=~ \"crit(\"", "1:67 the regular expression is wrong: unclosed group"),
    ] {
        assert_eq!(errors_of(&route(matcher)), [want]);
    }
}

#[test]
fn a_name_written_with_a_hyphen_is_one_finding() {
    let hyphened = |condition: &str| {
        CHECK
            .replace("size: number", "job_size: number")
            .replace("critical: size > 100", &format!("critical: {condition}"))
    };
    assert_eq!(errors_of(&hyphened("job-size > 100")), ["8:24 unknown variable `job-size` | did you mean `job_size`?"]);
    let said = errors_of(&hyphened("name-siz > 100")).join("\n");
    assert!(said.contains("`-` cannot take text |") && said.contains("unknown variable `siz`"), "{said}");
}

#[test]
fn a_key_of_a_channel_or_a_source_that_stands_in_its_kind_is_told_where_it_belongs() {
    let file = "sources: { s: { sqlite: { path: a.db, breaker: { failures: 2 } } } }
channels:
  a: { slack: { webhook: 'https://hooks.example/a', fallback: b } }
  b:
    console:
      rate: 1/s
      only_if:
        - x
route: { channels: [a] }
";
    let mut loaded = load_files(&[("a.yaml", file)]);
    loaded.problems.sort();
    let want = [
        "1:39 `breaker` is a key of the source, and stands in its `sqlite` | write it beside `sqlite`: `{ sqlite: { … }, breaker: { failures: 2 } }`",
        "3:53 `fallback` is a key of the channel, and stands in its `slack` | write it beside `slack`: `{ slack: { … }, fallback: b }`",
        "6:7 `rate` is a key of the channel, and stands in its `console` | write it beside `console`: `{ console: { … }, rate: 1/s }`",
        "7:7 `only_if` is a key of the channel, and stands in its `console` | write it beside `console`: `{ console: { … }, only_if: … }`",
    ];
    assert_eq!(shown(&loaded), want);
}

#[test]
fn what_keeps_a_channel_or_a_source_from_being_made_is_told_where_it_stands() {
    let mail = |to: &str| format!("{{ email: {{ smtp: 'smtps://x.example', from: a@b.example, to: {to} }} }}");
    let hook = |more: &str| format!("{{ webhook: {{ url: 'https://hook.example/', {more} }} }}");
    let slack = |room: &str| format!("{{ slack: {{ token: x, room: {room} }} }}");
    let breaker = |rules: &str| format!("{{ console: {{}}, breaker: {{ {rules} }} }}");
    let name = "is no name of an HTTP header | write letters, digits and `-`, as in `X-Scope-OrgID`";
    let line = "holds a line break or another control character | write it on one line";
    let no_room = "`room` is empty | write the room's name or its id, `room: \"#data\"`";
    let nothing =
        |key: &str, instead: &str| format!("`{key}` is more than nothing | write `{key}: {instead}`, or leave it out");
    let nobody = "`to` is empty: nobody is told | write at least one recipient, `to: [oncall@example.com]`";
    let port = "this is no URL: invalid port number | write `https://host/path`";
    // Each finding begins at the last place of its first text.
    for (channel, want) in [
        (mail("[]"), vec![("[]", nobody.to_owned())]),
        (mail("['${MAIL_TO}']"), vec![]),
        (
            hook("headers: { 'bad header': x, X-Ok: \"a\\nb\", Fine: '${HOOK_KEY}' }"),
            vec![("'bad", format!("`bad header` {name}")), ("\"a", format!("the value of the header `X-Ok` {line}"))],
        ),
        ("{ webhook: { url: 'https://hook.example:99999/' } }".to_owned(), vec![("'https", port.to_owned())]),
        (slack("''"), vec![("''", no_room.to_owned())]),
        (slack("'#'"), vec![("'#'", no_room.to_owned())]),
        (slack("'${SLACK_ROOM}'"), vec![]),
        (breaker("wait: 0s"), vec![("0s", nothing("wait", "30s"))]),
        (breaker("window: 0s"), vec![("0s", nothing("window", "10m"))]),
        (breaker("wait_max: 0s"), vec![("0s", nothing("wait_max", "15m"))]),
    ] {
        let text = format!("channels: {{ a: {channel} }}\n");
        let want = want.iter().map(|(at, said)| format!("1:{} {said}", text.rfind(at).unwrap() + 1));
        assert_eq!(errors_of(&text), want.collect::<Vec<_>>(), "{channel}");
    }
    let source = "sources: { a: { prometheus: { url: 'http://x.example', headers: { 'X Y': z } } } }\n";
    assert_eq!(errors_of(source), [format!("1:{} `X Y` {name}", source.find("'X Y").unwrap() + 1)]);
    let asked = CHECK
        .replace("local", "web")
        .replace("query: 'SELECT name, size FROM queues'", "url: 'http://x', headers: { '': z }");
    let said = errors_of(&asked);
    assert!(said.iter().any(|said| said.contains("`` is no name of an HTTP header")), "{said:?}");
}

#[test]
fn where_its_files_are_there_a_channel_is_made_and_what_fails_is_told_where_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    let text = "channels: { a: { webhook: { url: 'https://x.example/', ca: none.pem } } }\nroute: { channels: [a] }\n";
    std::fs::write(folder.path().join("a.yaml"), text).unwrap();
    let said = |mode| shown(&load::load(folder.path(), &|_| None, mode).unwrap());
    assert_eq!(said(Mode::Lenient), [""; 0]);
    let strict = said(Mode::Strict);
    assert!(strict.len() == 1 && strict[0].starts_with("1:60 cannot read the certificates of `"), "{strict:?}");
}
