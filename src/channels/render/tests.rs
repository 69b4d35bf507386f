use super::{Message, alertmanager, html, plain, samples, slack};
use crate::model::{Item, Notification};
use proptest::prelude::*;
use serde_json::Value as Json;

const URL: Option<&str> = Some("https://bellwether.example");

/// A snapshot with the notification in it, as short as it can be said.
fn input(notification: &Notification) -> String {
    let items = notification.items.iter().map(|item| {
        let (alert, before) = (&item.alert, item.before.map_or(String::new(), |s| format!(", told {s} before")));
        let ended = alert.ended.map_or(String::new(), |t| format!(", ended {t}"));
        format!("{} {} {}{before}, since {}{ended}", item.kind.name(), alert.severity, alert.id, alert.since)
    });
    let items: Vec<String> = items.collect();
    let (first, rest) = items.split_at(items.len().min(8));
    let more = if rest.is_empty() { String::new() } else { format!("\n… and {} more", rest.len()) };
    format!("decided {}\n{}{more}", notification.at, first.join("\n"))
}

fn snapshot(of: &str, write: impl Fn(&Notification) -> String) {
    for (name, notification) in samples::all() {
        let text = format!("{}\n----\n{}", input(&notification), write(&notification));
        insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false, snapshot_path => "snapshots" }, {
            insta::assert_snapshot!(format!("{of}-{name}"), text);
        });
    }
}

#[test]
fn messages_as_text() {
    snapshot("text", |n| plain::plain(&Message::new(n, URL)));
}

#[test]
fn messages_as_block_kit() {
    snapshot("slack", |n| serde_json::to_string_pretty(&slack::body(&Message::new(n, URL))).unwrap());
}

#[test]
fn messages_as_mail() {
    snapshot("mail", |n| html::html(&Message::new(n, URL)).replace("<tr>", "\n<tr>").replace("<div", "\n<div"));
}

#[test]
fn messages_as_alertmanager_json() {
    snapshot("webhook", |n| {
        serde_json::to_string_pretty(&alertmanager::Payload { notification: n, url: URL.unwrap_or_default() }).unwrap()
    });
}

#[test]
fn headlines_say_the_worst_first() {
    let got: Vec<String> = samples::all().iter().map(|(_, n)| Message::new(n, None).headline).collect();
    let want = [
        "CRITICAL processor-slowdown — PredictionCoordinator ran 8.2x its baseline",
        "CRITICAL (was warning) processor-slowdown — PredictionCoordinator ran 8.2x its baseline",
        "WARNING (was critical) processor-slowdown — PredictionCoordinator ran 8.2x its baseline",
        "RESOLVED processor-slowdown — PredictionCoordinator ran 8.2x its baseline",
        "RESOLVED (forgotten) processor-slowdown — PredictionCoordinator ran 8.2x its baseline",
        "CAME AND WENT (critical) processor-slowdown — PredictionCoordinator ran 8.2x its baseline",
        "STILL CRITICAL processor-slowdown — PredictionCoordinator ran 8.2x its baseline",
        "CRITICAL processor-slowdown — 1 critical, 1 resolved, 2 still firing",
        "WARNING processor-slowdown — 1 warning, 1 resolved",
        "CRITICAL processor-slowdown — 20 critical, 20 warning, 20 info",
    ];
    assert_eq!(got[..want.len()], want);
}

/// Every string of a JSON document with its key.
fn strings<'a>(json: &'a Json, out: &mut Vec<(&'a Json, &'a str)>) {
    match json {
        Json::Array(list) => list.iter().for_each(|j| strings(j, out)),
        Json::Object(map) => {
            if let Some(text) = map.get("text").and_then(Json::as_str) {
                out.push((json, text));
            }
            map.values().for_each(|j| strings(j, out));
        }
        _ => {}
    }
}

/// What Slack refuses, and what would mention or link.
fn block_kit_faults(body: &Json) -> Vec<String> {
    let units = |text: &str| text.encode_utf16().count();
    let mut faults = Vec::new();
    let blocks = body["blocks"].as_array().unwrap();
    if blocks.len() > 50 {
        faults.push(format!("{} blocks", blocks.len()));
    }
    let size = units(&body["blocks"].to_string());
    if size > 13_000 {
        faults.push(format!("{size} of JSON"));
    }
    let mut texts = Vec::new();
    strings(body, &mut texts);
    for (object, text) in texts {
        let max = match object["type"].as_str() {
            Some("plain_text") => 150,
            Some(_) => 3_000,
            None => 4_000,
        };
        if text.is_empty() || units(text) > max {
            faults.push(format!("{} units of {max}: {text:.40}", units(text)));
        }
        if object["type"] == "mrkdwn" && object["verbatim"] != true {
            faults.push(format!("not verbatim: {text:.40}"));
        }
        for at in text.match_indices('&').map(|(i, _)| &text[i..]) {
            if !["&amp;", "&lt;", "&gt;"].iter().any(|entity| at.starts_with(entity)) {
                faults.push(format!("a cut entity: {at:.40}"));
            }
        }
        for at in text.match_indices('<').map(|(i, _)| &text[i..]) {
            if !["<https://", "<http://", "<!date^"].iter().any(|ours| at.starts_with(ours)) {
                faults.push(format!("unescaped: {at:.40}"));
            }
        }
    }
    for field in blocks.iter().filter_map(|b| b["fields"].as_array()) {
        if field.len() > 10 || field.iter().any(|f| units(f["text"].as_str().unwrap()) > 2_000) {
            faults.push("too many fields, or too long".to_owned());
        }
    }
    faults
}

/// Long and hostile in every place.
fn monster(items: usize) -> Notification {
    let mut n = samples::hostile();
    let long = samples::HOSTILE.repeat(50) + "🔴&<".repeat(1_000).as_str();
    let mut alert = (*n.items[0].alert).clone();
    alert.title.clone_from(&long);
    alert.body.clone_from(&long);
    alert.condition.clone_from(&long);
    alert.values = (0..40).map(|i| (format!("{i}{long}").into(), crate::model::Value::text(&long))).collect();
    alert.links = (0..30).map(|i| (format!("{i}{long}"), format!("https://x.example/{i}{long}"))).collect();
    alert.declared = long.as_str().into();
    alert.labels = alert.labels.with("huge", &long);
    alert.template_error = Some(long.clone());
    alert.id.key = crate::model::Key::one("k", &long);
    n.group_labels = alert.labels.clone();
    let held = std::sync::Arc::new(alert.clone());
    n.holds.named = vec![held; items.min(50)];
    n.items = vec![samples::item(crate::model::ItemKind::Fired, None, alert); items];
    n
}

#[test]
fn block_kit_stays_within_slacks_limits_whatever_the_data() {
    let samples = samples::all().into_iter().map(|(_, n)| n).chain([monster(1), monster(9), monster(700)]);
    for notification in samples {
        let body = slack::body(&Message::new(&notification, URL));
        assert_eq!(block_kit_faults(&body), Vec::<String>::new(), "{}", notification.items.len());
    }
}

/// Text of the kind that limits are broken with: characters that grow when they are escaped, or count as two.
fn text() -> impl Strategy<Value = String> {
    let piece = proptest::sample::select(vec![
        "&", "<", ">", "\"", "`", "*", "|", "🔴", "é", "日本", "\n", "\u{202e}", "a word",
    ]);
    (proptest::collection::vec(piece, 1..8), prop_oneof![Just(1_usize), 1..40_usize, 400..1_000_usize])
        .prop_map(|(pieces, times)| pieces.concat().repeat(times))
}

/// An alert with such a text in every place, as an item of some kind.
fn any_item() -> impl Strategy<Value = Item> {
    use crate::model::ItemKind::{CameAndWent, Eased, Escalated, Fired, Resolved, StillFiring};
    use crate::model::Severity::{Critical, Info, Warning};
    let kind = proptest::sample::select(vec![Fired, Fired, Escalated, Eased, Resolved, CameAndWent, StillFiring]);
    let severity = proptest::sample::select(vec![Critical, Warning, Info]);
    (kind, severity, [text(), text(), text(), text(), text()], 0..30_usize).prop_map(|(kind, severity, texts, many)| {
        let [key, title, body, value, link] = texts;
        let mut alert = samples::slow("x", severity);
        alert.id.key = crate::model::Key::one("processor", &key);
        alert.labels = alert.labels.with("note", &value);
        alert.values = (0..many).map(|i| (format!("{i}{key}").into(), crate::model::Value::text(&value))).collect();
        alert.links = (0..many).map(|i| (title.clone(), format!("https://x.example/{i}?{link}"))).collect();
        alert.template_error = (many > 20).then(|| link.clone());
        alert.fell_back = (many > 25).then(|| body.clone());
        (alert.title, alert.body, alert.condition, alert.declared) = (title, body, value, link.as_str().into());
        if !kind.is_firing() {
            alert = samples::ended(alert, 900, None);
        }
        samples::item(kind, Some(Warning), alert)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_message_breaks_a_limit_of_slack(
        items in proptest::collection::vec(any_item(), 1..14),
        times in prop_oneof![Just(1_usize), Just(60)],
        held in 0..3_usize,
    ) {
        let mut notification = samples::notification(items.iter().cycle().take(items.len() * times).cloned().collect());
        let named: Vec<_> = items.iter().cycle().take(held * 20).map(|item| std::sync::Arc::clone(&item.alert)).collect();
        notification.holds = crate::model::notification::Holds { count: named.len() * 2, named };
        let message = Message::new(&notification, URL);
        for body in [slack::body(&message), slack::ended(&message, &slack::said(&message))] {
            prop_assert_eq!(block_kit_faults(&body), Vec::<String>::new());
        }
        // What is not shown is counted.
        let (said, lines) = (slack::body(&message).to_string(), message.sections.len() + message.more.len());
        prop_assert!(lines < 11 || said.contains("*And "), "{} lines", lines);
    }
}

#[test]
fn every_alert_of_a_large_group_is_shown_named_or_counted() {
    let (_, many) = samples::all().into_iter().find(|(name, _)| *name == "many").unwrap();
    let message = Message::new(&many, None);
    let slack = slack::body(&message).to_string();
    for text in [plain::plain(&message), html::html(&message), slack] {
        for n in 0..60 {
            assert!(text.contains(&format!("Processor{n:02} ran")), "{n}: {text}");
        }
    }
    let mut huge = many.clone();
    huge.items = many.items.iter().cycle().take(3_000).cloned().collect();
    let message = Message::new(&huge, None);
    for text in [plain::plain(&message), html::html(&message), slack::body(&message).to_string()] {
        let rest = text.rfind("… and ").expect("the rest is counted");
        let said: String = text[rest..].chars().take(60).collect();
        assert!(said.contains("critical") && said.contains("info"), "{said}");
        assert!(text.contains("1000 critical, 1000 warning, 1000 info"), "{said}");
    }
}

#[test]
fn html_holds_no_markup_of_the_data() {
    for notification in [samples::hostile(), monster(2)] {
        let text = html::html(&Message::new(&notification, URL));
        assert!(!text.contains("<script") && !text.contains("<!channel") && !text.contains("javascript:"), "{text}");
        assert!(!text.contains("href=\"https://evil"), "{text}");
    }
}

#[test]
fn an_end_carries_the_severity_before_it_and_the_fingerprint_of_its_beginning() {
    let samples = samples::all();
    let find = |name| &samples.iter().find(|(n, _)| *n == name).unwrap().1;
    let json = |n: &Notification| serde_json::to_value(alertmanager::Payload { notification: n, url: "" }).unwrap();
    let (fired, resolved, again) = (json(find("fired")), json(find("resolved")), json(find("ended-and-fired-again")));
    assert_eq!(resolved["alerts"][0]["labels"]["severity"], "critical");
    assert_eq!(resolved["alerts"][0]["endsAt"], "2026-03-05T15:07:00Z");
    assert_eq!(fired["alerts"][0]["endsAt"], "0001-01-01T00:00:00Z");
    for alert in [&resolved["alerts"][0], &again["alerts"][0], &again["alerts"][1]] {
        assert_eq!(alert["fingerprint"], fired["alerts"][0]["fingerprint"]);
    }
    let statuses = (0..2).map(|i| &again["alerts"][i]["status"]).chain([&again["status"]]);
    assert!(statuses.eq(["resolved", "firing", "firing"]), "{again}");
    assert_eq!(again["commonLabels"].get("severity"), None);
    assert_eq!(again["commonLabels"]["team"], "data");
}

#[test]
fn a_webhook_says_that_a_message_is_a_digest_gathered_or_in_anothers_place() {
    use crate::model::ItemKind::{CameAndWent, Fired, Resolved, StillFiring};
    use crate::model::Severity::Critical;
    use crate::model::notification::{Absent, Away, Occasion};
    let slow = || samples::slow("x", Critical);
    let gone = |kind| samples::item(kind, None, samples::ended(slow(), 60, None));
    let firing = |kind| samples::item(kind, None, slow());
    let plain = samples::notification(vec![
        firing(Fired),
        firing(Fired),
        gone(CameAndWent),
        gone(Resolved),
        firing(StillFiring),
    ]);
    let of = |occasion: Occasion| {
        let n = Notification { occasion, ..plain.clone() };
        let headline = Message::new(&n, None).headline;
        (serde_json::to_value(alertmanager::Payload { notification: &n, url: "" }).unwrap(), headline)
    };
    let own = ["digest", "gathered", "insteadOf", "held"];
    let (body, _) = of(Occasion::default());
    assert!(own.iter().all(|field| body.get(field).is_none()), "{body}");

    let since = plain.at - std::time::Duration::from_mins(20);
    let away = Some(Away { since, told: vec!["oncall".into()] });
    let (body, headline) = of(Occasion { away, gathered: Some(2), ..Occasion::default() });
    assert_eq!(body.get("gathered"), None, "a digest is of many groups by its nature");
    assert_eq!(headline, "data-slack was away 20m: 2 firing, 1 resolved, 1 came and went");
    let want = serde_json::json!({
        "summary": headline, "since": since.to_string(), "toldTo": ["oncall"], "firing": 2, "resolved": 1, "cameAndWent": 1
    });
    assert_eq!(body["digest"], want);

    let (body, _) = of(Occasion { gathered: Some(12), ..Occasion::default() });
    assert_eq!((&body["gathered"], body.get("digest")), (&serde_json::json!(12), None));

    let absent = Absent { channel: "room".into(), why: "it answered 500".into() };
    let (body, _) = of(Occasion { instead_of: vec![absent], ..Occasion::default() });
    assert_eq!(body["insteadOf"], serde_json::json!([{ "channel": "room", "why": "it answered 500" }]));
    // What every receiver of Alertmanager's reads is there as ever.
    for field in
        ["receiver", "status", "alerts", "groupLabels", "commonLabels", "commonAnnotations", "externalURL", "groupKey"]
    {
        assert!(body.get(field).is_some(), "{field}");
    }
    assert_eq!(body["version"], "4");
}
