//! What a person sees of a configuration that is wrong.

use std::path::Path;
use std::sync::Arc;

use bellwether::config::{Document, Key, Problem, Problems, Reader, Record, Settings, Shape, Source, Span};

static SQLITE: Record = Record::new("sqlite", "A file.", &[Key::new("path", Shape::Path, "The database.").required()]);
static POSTGRES: Record = Record::new(
    "postgres",
    "A server.",
    &[
        Key::new("url", Shape::Secret, "Where.").required(),
        Key::new("password", Shape::Secret, "With what.").known_as(&["passphrase"]),
        Key::new("headers", Shape::MapOf(&Shape::Secret), "Said."),
        Key::new("connections", Shape::Integer { min: 1, max: 64 }, "How many.").default("4"),
    ],
);
static SOURCE: Record = Record::new("source", "A source.", &[Key::new("timeout", Shape::Duration, "How long.")])
    .with_kinds(|| vec![&SQLITE, &POSTGRES]);
static SEVERITY: Record = Record::new(
    "severity",
    "A severity.",
    &[
        Key::new("when", Shape::Expression, "The condition.").required().known_as(&["expr"]),
        Key::new("for", Shape::Duration, "How long it must be true.").default("0s"),
    ],
);
static CHECK: Record = Record::new(
    "check",
    "A check.",
    &[
        Key::new("check", Shape::Text, "Its name.").required(),
        Key::new("every", Shape::Duration, "How often.").default("1m").known_as(&["interval"]),
        Key::new(
            "alert",
            Shape::MapOf(&Shape::OneOf(&[Shape::Expression, Shape::Record(&SEVERITY)])),
            "The severities.",
        )
        .required()
        .known_as(&["expr"]),
        Key::new("labels", Shape::MapOf(&Shape::Template), "Labels."),
        Key::new("mode", Shape::Choice(&["live", "shadow", "off"]), "Whether it is told.").default("live"),
        Key::new("key", Shape::OneOrMany(&Shape::Text), "The columns that name one instance."),
        Key::new("params", Shape::MapOf(&Shape::Constant), "Constants."),
        Key::new("matchers", Shape::List(&Shape::Matcher), "Matchers.").known_as(&["match"]),
        Key::new("dry", Shape::Bool, "A boolean."),
    ],
);
static FILE: Record = Record::new(
    "file",
    "A file.",
    &[
        Key::new("checks", Shape::List(&Shape::Record(&CHECK)), "Checks."),
        Key::new("sources", Shape::MapOf(&Shape::Record(&SOURCE)), "Sources."),
    ],
);

/// Reads a text as the file `rules/x.yaml`; what is set in the environment is `A=alpha` and `SEVEN=7`.
fn read_with(text: &str, lenient: bool, folder: &Path) -> (Option<Settings>, String) {
    let source = Arc::new(Source::new("rules/x.yaml", "rules/x.yaml", text.to_owned()));
    let mut problems = Problems::new();
    let env = |name: &str| match name {
        "A" => Some("alpha".to_owned()),
        "SEVEN" => Some("7".to_owned()),
        _ => None,
    };
    let reader = Reader { folder, env: &env, lenient, fill: true };
    let document = Document::parse(&source, &mut problems);
    let settings = document.map(|document| reader.record(&source, &document.root, &FILE, &mut problems));
    problems.sort();
    (settings, problems.human(&[&source].into_iter().collect(), false))
}

fn read(text: &str) -> (Option<Settings>, String) {
    read_with(text, false, Path::new("conf"))
}

#[test]
#[expect(clippy::too_many_lines, reason = "the snapshot is the test")]
fn every_error_is_told_at_once() {
    let (settings, report) = read(
        r#"checks:
  - check: 0x5
    interval: 15m
    every: 90
    alert:
      critical: !healthy && x > 2
      warning: { wen: x, for: 5 m }
      info: name == "a # b"
    mode: lve
    dry: yes
    matchers: ['team=ml', severity]
  - every: 1m
    key: { a: b }
"#,
    );
    insta::assert_snapshot!(report, @r#"
    error: unknown key `interval`
     --> rules/x.yaml:3:5
      |
    3 |     interval: 15m
      |     ^^^^^^^^
      |
      = help: did you mean `every`?

    error: `90` is not a duration
     --> rules/x.yaml:4:12
      |
    4 |     every: 90
      |            ^^
      |
      = help: write its unit: `90s`

    error: YAML reads `!healthy` as a tag, not as text
     --> rules/x.yaml:6:17
      |
    6 |       critical: !healthy && x > 2
      |                 ^^^^^^^^
      |
      = help: put the expression in single quotes: `'!healthy && x > 2'`

    error: unknown key `wen`
     --> rules/x.yaml:7:18
      |
    7 |       warning: { wen: x, for: 5 m }
      |                  ^^^
      |
      = help: did you mean `when`?

    error: `5 m` is not a duration
     --> rules/x.yaml:7:31
      |
    7 |       warning: { wen: x, for: 5 m }
      |                               ^^^
      |
      = help: write whole numbers with units: `90s`, `15m`, `6h`, `7d`, `1h30m`

    error: YAML reads ` #` as the beginning of a comment, inside of a quotation
     --> rules/x.yaml:8:13
      |
    8 |       info: name == "a # b"
      |             ^^^^^^^^^^
      |
      = help: put the expression in single quotes, comment and all

    error: `lve` is not known here
     --> rules/x.yaml:9:11
      |
    9 |     mode: lve
      |           ^^^
      |
      = help: did you mean `live`? It is one of `live`, `shadow`, `off`

    error: `yes` is neither `true` nor `false`
      --> rules/x.yaml:10:10
       |
    10 |     dry: yes
       |          ^^^
       |
       = help: write `true`

    error: put the value in double quotes: `team="ml"`
      --> rules/x.yaml:11:22
       |
    11 |     matchers: ['team=ml', severity]
       |                      ^

    error: expected one of `=`, `!=`, `=~`, `!~` after the label's name
      --> rules/x.yaml:11:35
       |
    11 |     matchers: ['team=ml', severity]
       |                                   ^

    error: `alert` is missing
      --> rules/x.yaml:12:5
       |
    12 |   - every: 1m
       |     ^^^^^
       |
       = help: add `alert`: a mapping from names, each value an expression, or a mapping: `when`, `for`

    error: `check` is missing
      --> rules/x.yaml:12:5
       |
    12 |   - every: 1m
       |     ^^^^^
       |
       = help: add `check`: text

    error: `key` cannot be a mapping
      --> rules/x.yaml:13:10
       |
    13 |     key: { a: b }
       |          ^^^^^^^^
       |
       = help: write text, or a list of such
    "#);
    let settings = settings.unwrap();
    let check = settings.list("checks").unwrap()[0].record().unwrap();
    assert_eq!(check.text("check"), Some("0x5"));
    assert_eq!((check.has("every"), check.duration("every")), (true, None), "wrong, and told");
    assert_eq!(check.integer("limit"), None);
}

#[test]
fn kinds_are_one_of_a_list() {
    let (_, report) = read(
        r#"sources:
  w: { postgres: { url: "${NOPE}", pasword: hunter2 } }
  v: { sqlit: {} }
  u: { timeout: 5s }
  t: { sqlite: { path: a }, postgres: { url: x } }
"#,
    );
    insta::assert_snapshot!(report, @r#"
    error: the environment has no `NOPE`
     --> rules/x.yaml:2:26
      |
    2 |   w: { postgres: { url: "${NOPE}", pasword: ******* } }
      |                          ^^^^^^^
      |
      = help: set it, or write a default: `${NOPE:-…}`

    error: unknown key `pasword`
     --> rules/x.yaml:2:36
      |
    2 |   w: { postgres: { url: "${NOPE}", pasword: ******* } }
      |                                    ^^^^^^^
      |
      = help: did you mean `password`?

    error: unknown key `sqlit`
     --> rules/x.yaml:3:8
      |
    3 |   v: { sqlit: {} }
      |        ^^^^^
      |
      = help: did you mean `sqlite`?

    error: `u` does not say its kind
     --> rules/x.yaml:4:8
      |
    4 |   u: { timeout: 5s }
      |        ^^^^^^^
      |
      = help: write one of `sqlite`, `postgres`

    error: `sqlite` and `postgres`: only one kind can be given
     --> rules/x.yaml:5:29
      |
    5 |   t: { sqlite: { path: a }, postgres: { url: x } }
      |                             ^^^^^^^^
      |
     ::: rules/x.yaml:5:8
      |
    5 |   t: { sqlite: { path: a }, postgres: { url: x } }
      |        ------ the other one
    "#);
}

#[test]
fn values_are_read_with_their_places() {
    let (settings, report) = read(
        r#"checks:
  - check: slow
    every: 1h30m
    key: host
    params: { factor: 3, name: "3", on: true, at: 2026-03-05T00:00:00Z }
    labels: { phase: "5", team: data }
    alert: { critical: x > 2, warning: { when: 'x > 1' } }
    matchers: ['team=~"ml|growth"']
sources:
  w: { postgres: { url: "pg://${A}", connections: "${SEVEN}" }, timeout: "${T:-90s}" }
  v: { sqlite: { path: a/b.db } }
"#,
    );
    assert_eq!(report, "");
    let settings = settings.unwrap();
    let check = settings.list("checks").unwrap()[0].record().unwrap();
    assert_eq!(check.duration("every").unwrap().as_secs(), 5400);
    assert_eq!(check.place("every").to_string(), "rules/x.yaml:3:12");
    assert_eq!(check.key_place("every").to_string(), "rules/x.yaml:3:5");
    assert_eq!(check.texts("key"), ["host"]);
    let params: Vec<_> =
        check.map("params").unwrap().iter().map(|(n, s)| format!("{n}={:?}", s.constant().unwrap())).collect();
    assert_eq!(params[..3], ["factor=Number(3.0)", "name=Text(\"3\")", "on=Bool(true)"]);
    assert!(params[3].starts_with("at=Time("));
    assert_eq!(check.map("labels").unwrap()[0].1.template().unwrap().source(), "5");
    assert_eq!((check.has("mode"), check.text("mode")), (false, Some("live")), "a default");
    assert_eq!(check.matchers("matchers")[0].to_string(), r#"team=~"ml|growth""#);
    let alert = check.map("alert").unwrap();
    let critical = alert[0].1.spanned().unwrap();
    assert_eq!((critical.as_str(), critical.place_in(4, 1).to_string().as_str()), ("x > 2", "rules/x.yaml:7:28"));
    let warning = alert[1].1.record().unwrap();
    assert_eq!(warning.spanned("when").unwrap().place_in(4, 1).to_string(), "rules/x.yaml:7:53");
    assert_eq!(warning.duration("for").unwrap().as_secs(), 0);
    let sources = settings.map("sources").unwrap();
    let source = sources[0].1.record().unwrap();
    let (kind, postgres) = source.kind().unwrap();
    assert_eq!((kind, postgres.secret("url").unwrap().expose()), ("postgres", "pg://alpha"));
    assert_eq!(postgres.integer("connections"), Some(7));
    assert_eq!(source.duration("timeout").unwrap().as_secs(), 90);
    let (_, sqlite) = sources[1].1.record().unwrap().kind().unwrap();
    assert_eq!(sqlite.path("path"), Some(Path::new("conf/a/b.db")));
}

#[test]
fn a_missing_name_is_an_error_and_a_stand_in_where_it_is_lenient() {
    let text = "sources:\n  w: { postgres: { url: '${U}', connections: '${N}' }, timeout: '${T}' }\n";
    let (_, report) = read(text);
    for name in ["U", "N", "T"] {
        assert!(report.contains(&format!("the environment has no `{name}`")), "{report}");
    }
    let (settings, report) = read_with(text, true, Path::new("conf"));
    assert_eq!(report, "");
    let settings = settings.unwrap();
    let source = settings.map("sources").unwrap()[0].1.record().unwrap();
    let (_, postgres) = source.kind().unwrap();
    assert_eq!(postgres.secret("url").unwrap().expose(), "${U}");
    assert_eq!(postgres.integer("connections"), Some(1));
    assert_eq!(source.duration("timeout").unwrap().as_secs(), 60);
}

#[test]
fn what_came_from_the_environment_is_not_told() {
    let (_, report) = read(
        "sources:\n  w: { postgres: { url: x, connections: '${A}' }, timeout: '5${A}' }\nchecks:\n  - { check: a, alert: { critical: x }, matchers: ['${A}'], mode: '${A}' }\n",
    );
    assert!(!report.contains("alpha"), "{report}");
    for want in ["`${A}` is not a whole number", "`5${A}` is not a duration", "`${A}` is not known here"] {
        assert!(report.contains(want), "{want}: {report}");
    }
}

#[test]
fn a_secret_in_a_file_is_not_told() {
    for text in [
        "sources:\n  w: { postgres: { url: x, password: hunter2, conections: 5 } }\n",
        "sources:\n  w: { postgres: { url: x, pasword: hunter2 } }\n",
        "sources:\n  w: { postgres: { url: x, password: [hunter2] } }\n",
        "sources:\n  w: { postgres: { url: 'pg://me:hunter2@h', connections: x } }\n",
        "sources:\n  w: { postgres: { password: hunter2, url: \"${NOPE}\" } }\n",
        "sources:\n  w:\n    postgres:\n      password: hunter2: x\n",
        "sources:\n  w:\n    postgres:\n      password: !hunter2 x\n",
        "sources:\n  w:\n    postgres:\n      password: *hunter2\n",
        "sources:\n  w:\n    postgres:\n      password: &hunter2 x\n",
        "sources:\n  w:\n    postgres: { password: \"hunter2\" ]\n",
        "sources:\n  w:\n    postgres:\n      password: \"a # hunter2\" b\n",
        "sources:\n  w:\n    postgres:\n      password: |\n        hunter2\n      password_file: x\n      url: y\n",
        "sources:\n  w: pg://me:hunter2@host/db\n",
    ] {
        let (_, report) = read(text);
        assert!(report.contains("error") && !report.contains("hunter2"), "{report}");
    }
}

#[test]
fn a_secret_may_come_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("pw"), "hunter2\n").unwrap();
    std::fs::write(folder.path().join("empty"), "\n").unwrap();
    std::fs::write(folder.path().join("large"), "x".repeat(100_000)).unwrap();
    std::fs::write(folder.path().join("binary"), [0xFF, 0xFE]).unwrap();
    let postgres = |keys: &str| format!("sources:\n  w: {{ postgres: {{ url: x, {keys} }} }}\n");
    let (settings, report) = read_with(&postgres("password_file: pw"), false, folder.path());
    assert_eq!(report, "");
    let settings = settings.unwrap();
    let (_, kind) = settings.map("sources").unwrap()[0].1.record().unwrap().kind().unwrap();
    assert_eq!(kind.secret("password").unwrap().expose(), "hunter2");
    for (keys, want) in [
        ("password_file: nope", "cannot read the secret file `nope`: No such file"),
        ("password_file: 'nope'", "cannot read the secret file `nope`: No such file"),
        ("password_file: .", "it is a folder"),
        ("password_file: empty", "it is empty"),
        ("password_file: large", "larger than 64 KiB"),
        ("password_file: binary", "valid UTF-8"),
        ("password_file: pw, password: x", "`password` and `password_file` are both given"),
        ("headers: { A: x, A_file: pw }", "`A` and `A_file` are both given"),
        ("headers: { A_file: pw, A: x }", "`A` and `A_file` are both given"),
        ("headers: { A_file: nope }", "cannot read the secret file `nope`: No such file"),
        ("headers: { A_file: [pw] }", "`A_file` cannot be a list"),
    ] {
        let (_, report) = read_with(&postgres(keys), false, folder.path());
        assert!(report.contains(want), "{keys}: {report}");
    }
    for keys in ["password_file: nope", "headers: { A_file: nope }"] {
        assert_eq!(read_with(&postgres(keys), true, folder.path()).1, "", "lenient opens no file");
    }
    let (settings, report) =
        read_with(&postgres("headers: { A_file: pw, b: x, _file: y, C_FILE: z }"), false, folder.path());
    assert_eq!(report, "");
    let settings = settings.unwrap();
    let (_, kind) = settings.map("sources").unwrap()[0].1.record().unwrap().kind().unwrap();
    let headers = kind.map("headers").unwrap().iter().map(|(name, value)| (name.as_str(), value.secret().unwrap()));
    let headers: Vec<_> = headers.map(|(name, value)| format!("{name}={}", value.expose())).collect();
    assert_eq!(headers, ["A=hunter2", "b=x", "_file=y", "C_FILE=z"], "a name that is all suffix is a name");
}

#[test]
fn a_misspelt_file_of_a_secret_is_known() {
    let postgres = |keys: &str| read(&format!("sources:\n  w: {{ postgres: {{ {keys} }} }}\n")).1;
    for (key, want) in [
        ("passwrod_file", "did you mean `password_file`?"),
        ("password_fiel", "did you mean `password_file`?"),
        ("passphrase_file", "did you mean `password_file`?"),
        ("pasword", "did you mean `password`?"),
        ("connections_file", "did you mean `connections`?"),
    ] {
        let report = postgres(&format!("url: x, {key}: pw"));
        assert!(report.contains(want), "{key}: {report}");
    }
    let report = postgres("ulr_file: pw");
    assert!(report.contains("did you mean `url_file`?") && !report.contains("`url` is missing"), "{report}");
    let report = postgres("url: x, passwrod_file: run/pw");
    assert!(report.contains("passwrod_file: run/pw"), "a path is no secret: {report}");
}

#[test]
fn a_table_with_faults_says_so() {
    static BELOW: Record = Record::new("below", "B.", &[Key::new("wait", Shape::Duration, "W.").default("5")]);
    static TABLE: Record = Record::new(
        "table",
        "T.",
        &[
            Key::new("a", Shape::List(&Shape::Record(&BELOW)), ""),
            Key::new("a", Shape::Text, "A."),
            Key::new("again", Shape::Record(&TABLE), "A."),
        ],
    );
    let reader = Reader { folder: Path::new("."), env: &|_| None, lenient: true, fill: false };
    assert_eq!(
        reader.faults(&TABLE),
        ["table.a stands twice", "table.a says nothing", "below.wait: its default: `5` is not a duration"]
    );
    assert_eq!(reader.faults(&FILE), Vec::<String>::new());
}

#[test]
fn names_of_other_tools_are_known() {
    for (text, want) in [
        ("checks:\n  - { check: a, expr: x }\n", "did you mean `alert`?"),
        ("checks:\n  - { check: a, alert: {}, interval: 5m }\n", "did you mean `every`?"),
        ("checks:\n  - { check: a, alert: {}, match: [] }\n", "did you mean `matchers`?"),
        ("checks:\n  - { check: a, alert: {}, zzzzzz: [] }\n", "`check` has `check`, `every`"),
        ("checks:\n  - text\n", "an entry of `checks` cannot be text"),
        ("checks:\n", "`checks` has no value"),
        ("checks:\n  - { check: [a], alert: {} }\n", "`check` cannot be a list"),
        ("checks: { a: b }\n", "`checks` cannot be a mapping"),
        ("checks:\n  - { check: a, alert: { critical: } }\n", "`critical` has no value"),
    ] {
        let (_, report) = read(text);
        assert!(report.contains(want), "{text}: {report}");
    }
}

#[test]
fn findings_are_told_to_programs() {
    let source = Arc::new(Source::new("a b/x.yaml", "x.yaml", "a: 1\nb: 2\n".to_owned()));
    let mut problems = Problems::new();
    let place = |start, end| source.place(Span::new(start, end));
    problems.push(Problem::error("100% wrong:\nno").at(place(5, 6)).help("do").also(place(0, 1), "here"));
    problems.push(Problem::advice("unused", "a name").at(place(0, 1)));
    problems.push(Problem::advice("unused", "a name").at(place(0, 1)));
    problems.push(Problem::error("no place"));
    problems.sort();
    assert_eq!(
        problems.github(),
        "::error::no place\n\
         ::warning file=a b/x.yaml,line=1,col=1,endColumn=1::a name\n\
         ::error file=a b/x.yaml,line=2,col=1,endColumn=1::100%25 wrong:%0Ano%0Ado\n"
    );
    let json = problems.json();
    assert_eq!(json[1]["name"], "unused");
    assert_eq!((json[2]["line"].as_u64(), json[2]["also"][0]["message"].as_str()), (Some(2), Some("here")));
    let sarif = problems.sarif();
    assert_eq!(sarif["version"], "2.1.0");
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    assert_eq!(results.len(), 3);
    assert_eq!(results[0]["locations"], serde_json::json!([]));
    let location = &results[2]["locations"][0]["physicalLocation"];
    assert_eq!(location["artifactLocation"]["uri"], "a%20b/x.yaml");
    assert_eq!(location["region"]["startLine"], 2);
    insta::assert_snapshot!(problems.human(&[&source].into_iter().collect(), false), @r#"
    error: no place

    advice[unused]: a name
     --> a b/x.yaml:1:1
      |
    1 | a: 1
      | ^

    error: 100% wrong:
           no
     --> a b/x.yaml:2:1
      |
    2 | b: 2
      | ^
      |
     ::: a b/x.yaml:1:1
      |
    1 | a: 1
      | - here
      |
      = help: do
    "#);
}

#[test]
fn advice_is_allowed_by_a_comment_and_errors_are_not() {
    let source = Arc::new(Source::new("x", "x", "# bellwether: allow unused\na: 1\nb: 2\n".to_owned()));
    let mut problems = Problems::new();
    for span in [Span::new(27, 28), Span::new(32, 33)] {
        problems.push(Problem::advice("unused", "advice").at(source.place(span)));
        problems.push(Problem::error("error").at(source.place(span)));
    }
    problems.drop_allowed(&[&source].into_iter().collect());
    let left: Vec<_> = problems.iter().map(|p| (p.message.as_str(), p.place.as_ref().unwrap().line)).collect();
    assert_eq!(left, [("error", 2), ("advice", 3), ("error", 3)]);
}
