//! What a person sees of a configuration that is wrong.

use std::path::Path;
use std::sync::Arc;

use bellwether::config::{Document, Key, Problems, Reader, Record, Settings, Shape, Source};

static SQLITE: Record = Record::new("sqlite", "A file.", &[Key::new("path", Shape::Path, "The database.").required()]);
static POSTGRES: Record = Record::new(
    "postgres",
    "A server.",
    &[
        Key::new("url", Shape::Secret, "Where.").required(),
        Key::new("password", Shape::Secret, "With what."),
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
fn smoke() {
    let (settings, report) = read(
        "checks:\n  - check: 0x5\n    interval: 15m\n    every: 90\n    alert:\n      critical: !healthy && x > 2\n      warning: { wen: x, for: 5 m }\n      info: name == \"a # b\"\n    mode: lve\n    dry: yes\n    labels: { a: {{ b }} }\nsources:\n  w: { postgres: { url: \"${NOPE}\", pasword: hunter2 } }\n  v: { sqlit: {} }\n  u: {}\n  t: { sqlite: { path: a }, postgres: { url: x } }\n",
    );
    println!("{report}");
    assert!(settings.is_some());
}
