//! The JSON Schema that the tables give.

use bellwether::config::schema::{SchemaContext, json_schema};
use bellwether::config::{Key, Record, Shape, manual};
use serde_json::json;

static ROUTE: Record = Record::new(
    "route",
    "A route.",
    &[
        Key::new("channels", Shape::List(&Shape::Reference("channel")), "Who is told."),
        Key::new("group_wait", Shape::Duration, "How long the first news waits.").default("30s"),
        Key::new("routes", Shape::List(&Shape::Record(&ROUTE)), "Its children."),
        Key::new("continue", Shape::Bool, "Whether the next one is asked too.").default("false"),
    ],
);
static WEBHOOK: Record = Record::new(
    "webhook",
    "A webhook.",
    &[
        Key::new("url", Shape::Secret, "Where.").required(),
        Key::new("limit", Shape::Size, "At most."),
        Key::new("mode", Shape::Choice(&["a", "b|c"]), "How."),
        Key::new("retries", Shape::Integer { min: 0, max: 9 }, "How often.").default("3"),
    ],
);
static CHANNEL: Record =
    Record::new("channel", "A channel.", &[Key::new("collect", Shape::Any, "Later.")]).with_kinds(|| vec![&WEBHOOK]);
static FILE: Record = Record::new(
    "file",
    "A file.",
    &[
        Key::new("route", Shape::Record(&ROUTE), "The tree."),
        Key::new("channels", Shape::MapOf(&Shape::Record(&CHANNEL)), "Channels."),
        Key::new("check", Shape::Text, "A name.").required(),
    ],
);

#[test]
fn a_schema_says_what_the_tables_say() {
    let schema = json_schema(&FILE, "Bellwether", &SchemaContext::EMPTY);
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(schema["required"], json!(["check"]));
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(schema["properties"]["check"]["type"], json!(["string", "number", "boolean"]), "`5` is a text here");
    let route = &schema["$defs"]["route"];
    assert_eq!(route["properties"]["routes"]["items"]["$ref"], "#/$defs/route", "a route holds routes");
    assert_eq!(route["properties"]["group_wait"]["default"], "30s");
    assert_eq!(route["properties"]["continue"]["default"], false);
    let webhook = &schema["$defs"]["webhook"];
    assert_eq!(webhook["properties"]["url_file"]["type"], "string");
    assert_eq!(webhook["allOf"], json!([{ "oneOf": [{ "required": ["url"] }, { "required": ["url_file"] }] }]));
    assert_eq!(webhook["properties"]["retries"]["default"], 3);
    assert_eq!(webhook["properties"]["mode"]["anyOf"][0]["enum"], json!(["a", "b|c"]));
    let channel = &schema["$defs"]["channel"];
    assert_eq!(channel["properties"]["webhook"]["$ref"], "#/$defs/webhook");
    assert_eq!(channel["allOf"], json!([{ "oneOf": [{ "required": ["webhook"] }] }]));
}

#[test]
fn a_folder_gives_its_names() {
    let context = SchemaContext {
        names: &|of| (of == "channel").then(|| vec!["slack".to_owned()]),
        any: &|builder, record, key| {
            assert_eq!((record.name, key.name), ("channel", "collect"));
            Some(json!({ "anyOf": [builder.record(&WEBHOOK)] }))
        },
    };
    let schema = json_schema(&FILE, "Bellwether", &context);
    assert_eq!(schema["$defs"]["route"]["properties"]["channels"]["items"]["enum"], json!(["slack"]));
    assert_eq!(schema["$defs"]["channel"]["properties"]["collect"]["anyOf"][0]["$ref"], "#/$defs/webhook");
}

#[test]
fn patterns_take_what_the_reader_takes() {
    let schema = json_schema(&FILE, "Bellwether", &SchemaContext::EMPTY);
    let matches =
        |pattern: &serde_json::Value, text: &str| regex::Regex::new(pattern.as_str().unwrap()).unwrap().is_match(text);
    let duration = &schema["$defs"]["route"]["properties"]["group_wait"]["pattern"];
    for (text, want) in
        [("30s", true), ("1h30m", true), ("500ms", true), ("${WAIT:-5s}", true), ("30", false), ("5 m", false)]
    {
        assert_eq!(matches(duration, text), want, "{text}");
    }
    let size = &schema["$defs"]["webhook"]["properties"]["limit"]["pattern"];
    for (text, want) in [("2GiB", true), ("5B", true), ("2GB", false), ("${SIZE}", true)] {
        assert_eq!(matches(size, text), want, "{text}");
    }
}

#[test]
fn the_manual_follows_the_tables() {
    assert_eq!(
        manual::keys_table(&WEBHOOK),
        "| key | default | |\n|---|---|---|\n\
         | `url` or `url_file` | required | Where. |\n\
         | `limit` | – | At most. |\n\
         | `mode` | – | How. One of `a`, `b\\|c`. |\n\
         | `retries` | `3` | How often. |\n"
    );
}
