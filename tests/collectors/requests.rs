//! What is known of a request without asking, and whether two are the same.

use crate::{columns, kind, params, query, read, source};
use bellwether::collectors::{KINDS, identity};
use bellwether::model::{Timestamp, Value, ValueType};
use std::time::Duration;

#[test]
fn problems_of_a_request_have_their_place() {
    for (name, collect, want) in [
        ("sqlite", "query: SELECT @now, @factor, '@x'", ""),
        ("sqlite", "query: SELECT @factr", "1:15 unknown parameter `@factr`: did you mean `@factor`?"),
        (
            "sqlite",
            "query: |\n  SELECT 1\n  WHERE x = ?1",
            "3:13 `?1` is bound to nothing: write `@name`, a name under `params:`",
        ),
        ("postgres", "query: SELECT 1 <@now", "1:18 `<@` is an operator of Postgres: put a space before `@now`"),
        ("postgres", "query: SELECT $1", "1:15 `$1` is bound to nothing: write `@name`, a name under `params:`"),
        ("prometheus", "promql: up", ""),
        ("http", "url: 'http://x/'\nrows: /a", "2:1 `rows` without `json` gives rows without columns"),
        ("http", "url: 'http://x/'\njson: { a-b: /a, a_b: /b }", "2:18 there is a column `a_b` already"),
        ("http", "url: 'http://x/'\njson: { status: /s }", "2:9 there is a column `status` already"),
        ("exec", "command: [check_disk -w 10]", "1:10 `command` is one word with spaces, and no shell reads it"),
        ("exec", "command: []", "1:10 `command` is empty"),
        ("cloud_logging", "filter: f\ngroup_by: [resource.labels.a, 'labels.\"k8s-pod/app\"']", ""),
        (
            "cloud_logging",
            "filter: f\nwindow: 0s\ngroup_by: { severity: severity, a: jsonPayload., a-b: labels.x, a_b: labels.y }",
            "3:23 every alert has a label `severity` of its own: no key column can have its name; \
             3:36 `jsonPayload.` is no path of a field; 3:70 there is a column `a_b` already; 2:9 the `window` is empty",
        ),
        ("cloud_monitoring", "filter: f\naligner: ALIGN_SUM\nreducer: REDUCE_SUM\ngroup_by: [resource.label.a]", ""),
        ("cloud_monitoring", "window: 1h", "1:1 neither `filter` nor `promql` is given"),
        ("cloud_monitoring", "filter: f\npromql: up", "2:1 `filter` and `promql` are both given"),
        ("cloud_monitoring", "filter: f\nreducer: REDUCE_SUM", "2:1 `reducer` without `aligner` does nothing"),
        ("cloud_monitoring", "filter: f\nperiod: 1m", "2:1 `period` without `aligner` does nothing"),
        ("cloud_monitoring", "promql: up\naligner: ALIGN_SUM", "2:1 `aligner` without `filter` does nothing"),
        (
            "cloud_monitoring",
            "filter: f\naligner: ALIGN_SUM\nperiod: 30s",
            "3:9 `period` is shorter than a minute, the least that is aligned to",
        ),
        (
            "cloud_monitoring",
            "filter: f\naligner: ALIGN_SUM\nwindow: 30s",
            "3:9 `window` is shorter than a minute, the least that is aligned to",
        ),
        ("cloud_monitoring", "filter: f\naligner: ALIGN_SUM\nperiod: 1h", "3:9 `period` is longer than the window"),
        (
            "cloud_monitoring",
            "filter: f\naligner: ALIGN_SUM\nreducer: REDUCE_SUM\ngroup_by: [zone, metric.labels.b., resource.labels.source, \
             metric.labels.value, metric.labels.x, resource.labels.x]",
            "4:18 `metric.labels.b.` is no path of a field; \
             4:36 every alert has a label `source` of its own: no key column can have its name; \
             4:60 there is a column `value` already; 4:98 there is a column `x` already; \
             4:12 `zone` is no label of a series",
        ),
    ] {
        assert_eq!(problems(name, collect), want, "{collect}");
    }
    let pointer = read(kind("http").collect, "url: 'http://x/'\njson: { a: $.data.a }").unwrap_err();
    assert!(pointer.contains("`$.data.a` is no JSON pointer"), "{pointer}");
}

#[test]
fn problems_of_what_pubsub_and_firestore_are_asked_have_their_place() {
    for (name, collect, want) in [
        ("pubsub", "pattern: '*-dlq'\ndead_letter: true", ""),
        ("pubsub", "metrics: false", "1:1 nothing says which subscriptions"),
        ("pubsub", "subscriptions: []", "1:1 `subscriptions` is empty"),
        ("pubsub", "subscriptions: [a]\npattern: a", "1:1 `subscriptions` beside `pattern` or `dead_letter`"),
        ("pubsub", "pattern: a\nwindow: 59s", "2:1 `window` is shorter than a minute"),
        ("firestore", "probe: write\ndocument: a/b", ""),
        ("firestore", "document: a/b", "1:1 nothing says what to ask"),
        ("firestore", "probe: read\ncollection: a", "1:1 `probe` beside `collection`"),
        ("firestore", "probe: read\nlimit: 3", "2:1 `limit` has no meaning with `probe`"),
        ("firestore", "collection: a\ndocument: a/b", "2:1 `document` has no meaning with `collection`"),
        ("firestore", "collection: a\nfields: { a-b: x, a_b: y }", "2:19 there is a column `a_b` already"),
        ("firestore", "collection: a\nwhere: [{ field: b, op: '==', value: '@factor' }]", ""),
        (
            "firestore",
            "collection: a\nwhere: [{ field: b, op: in, value: [1, '@factr'] }]",
            "2:40 unknown parameter `@factr`: did you mean `@factor`?",
        ),
        (
            "firestore",
            "collection: a\nwhere: [{ field: b, op: '<', value: '@now - 6' }]",
            "2:37 `@now - 6` is no time: write `@now - 6h`",
        ),
        ("firestore", "collection: a\nwhere: [{ field: b, op: in, value: 3 }]", "2:36 `in` takes a list of values"),
        (
            "firestore",
            "collection: a\nwhere: [{ field: b, op: '==', value: [3] }]",
            "2:38 `==` takes one value, and no list",
        ),
        ("firestore", "collection: a\nwhere: [{ field: b, op: '==' }]", "2:9 a condition without a `value`"),
        ("firestore", "collection: a\nwhere: [{ field: b, op: is_null, value: 3 }]", "2:41 `is_null` takes no `value`"),
    ] {
        assert_eq!(problems(name, collect), want, "{collect}");
    }
    for (name, collect, want) in [
        ("pubsub", "subscriptions: [projects/p/subscriptions/a]", "`projects/p/subscriptions/a` is no name"),
        ("pubsub", "subscriptions: ['a*']", "`a*` is no name of a subscription"),
        ("pubsub", "pattern: '[ab]*'", "`[ab]*` can be no subscription's name"),
        ("firestore", "collection: a/b", "`a/b` is no collection"),
        ("firestore", "probe: read\ndocument: a", "`a` is no document"),
        ("firestore", "collection: a\nfields: { x: a..b }", "`a..b` is no path of a field"),
        ("firestore", "collection: a\norder_by: [a down]", "`a down` is no path of a field"),
        ("pubsub", "pattern: a\npeek: 0", "`0` is out of range"),
    ] {
        let said = read(kind(name).collect, collect).unwrap_err();
        assert!(said.contains(want), "{collect}: {said}");
    }
}

/// The problems of a `collect`, each with its place, where the check has a param `factor`.
fn problems(name: &str, collect: &str) -> String {
    let kind = kind(name);
    let settings = read(kind.collect, collect).unwrap();
    let problems = (kind.check_request)(&settings, &["factor"]);
    let told: Vec<String> = problems
        .iter()
        .map(|p| p.place.as_ref().map_or(String::new(), |at| format!("{}:{} {}", at.line, at.column, p.message)))
        .collect();
    told.join("; ")
}

#[test]
fn columns_are_known_where_the_kind_decides_them() {
    for (name, collect, want, complete) in [
        ("sqlite", "query: SELECT 1", "", false),
        ("prometheus", "promql: up", "value:number", false),
        ("exec", "command: [x]", "exit:number output:text", false),
        ("cloud_logging", "filter: f", "count:number first:time last:time sample:text", true),
        ("cloud_logging", "filter: f\ngroup_by: [a.b]", "b:text count:number first:time last:time sample:text", true),
        ("cloud_monitoring", "promql: up", "value:number", false),
        ("cloud_monitoring", "filter: f", "value:? count:number at:time", false),
        (
            "cloud_monitoring",
            "filter: f\naligner: ALIGN_SUM\nreducer: REDUCE_SUM\ngroup_by: { a-b: metric.labels.x }",
            "a_b:text value:number count:number at:time",
            true,
        ),
        ("firestore", "probe: read", "reachable:bool read_latency:number write_latency:number why:text", true),
        ("firestore", "collection: a", "id:text", false),
        ("firestore", "collection: a\nfields: { a-b: x.y, at: __create_time__ }", "id:text a_b:? at:time", true),
        (
            "pubsub",
            "pattern: a\npeek: 3",
            "subscription:text topic:text state:text dead_letter_topic:text max_delivery_attempts:number \
             retention:number undelivered:number oldest_unacked_age:number dead_lettered:number \
             retention_left:number samples:text",
            true,
        ),
        (
            "http",
            "url: 'http://x/'\njson: { a-b: /a }",
            "a_b:? status:number latency:number body_bytes:number tls_days_left:number",
            true,
        ),
    ] {
        let kind = kind(name);
        let columns = (kind.static_columns)(&read(kind.collect, collect).unwrap());
        let known: Vec<String> =
            columns.known.iter().map(|(n, t)| format!("{n}:{}", t.map_or("?", ValueType::name))).collect();
        assert_eq!((known.join(" ").as_str(), columns.complete), (want, complete), "{name}");
    }
}

#[test]
fn the_same_request_is_the_same_whoever_asks() {
    let asked = source("sqlite", "path: x.db");
    let mut one = asked.request(&query("SELECT @a"));
    one.params = params(&[("a", Value::Number(1.0)), ("b", Value::Number(1.0))]);
    let id = |request: &_| identity("s", asked.kind, request);
    let mut other = one.clone();
    other.check = "another".into();
    other.params = params(&[("b", Value::Number(2.0)), ("a", Value::Number(1.0))]);
    assert_eq!(id(&one), id(&other), "`b` is not named by the query");
    let changes: [&dyn Fn(&mut bellwether::collectors::Request); 5] = [
        &|r| r.params = params(&[("a", Value::Number(2.0))]),
        &|r| r.now = Timestamp::from_secs(1),
        &|r| r.timeout = Duration::from_secs(1),
        &|r| r.columns = Some(columns(&[("a", ValueType::Text)])),
        &|r| r.collect = asked.request(&query("SELECT @a + 1")).collect,
    ];
    for (i, change) in changes.iter().enumerate() {
        let mut other = one.clone();
        change(&mut other);
        assert_ne!(id(&one), id(&other), "change {i}");
    }
    assert_ne!(id(&one), identity("t", asked.kind, &one));
}

#[test]
fn requests_that_differ_in_a_secret_differ_and_do_not_show_it() {
    let web = source("http", "{}");
    let with = |token: &str| web.request(&format!("url: 'http://x/'\nheaders: {{ Authorization: {token} }}"));
    let (a, b) = (identity("w", web.kind, &with("hunter1")), identity("w", web.kind, &with("hunter2")));
    assert_ne!(a, b);
    assert!(!format!("{a:?} {:?}", with("hunter1")).contains("hunter"));
}

#[test]
fn every_kind_has_a_manual_that_names_its_keys() {
    for kind in KINDS {
        let manual = kind.manual();
        assert!(manual.starts_with(&format!("# `{}`", kind.name)), "{}", kind.name);
        assert!(manual.contains("```yaml") && manual.contains("**Limits.**"), "{}", kind.name);
        for key in kind.source.keys.iter().chain(kind.collect.keys) {
            assert!(manual.contains(key.name), "the manual of `{}` does not name `{}`", kind.name, key.name);
        }
    }
}

#[tokio::test]
async fn a_source_that_cannot_be_made_answers_with_why() {
    let asked = source("postgres", "url: 'mysql://ana:hunter2@h/d'");
    let error = asked.query("SELECT 1").await.unwrap_err();
    assert!(error.message.contains("no Postgres URL") && !error.message.contains("hunter2"), "{error}");
}
