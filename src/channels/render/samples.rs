//! Notifications for tests.

use crate::model::alert::{AlertView, EndNote};
use crate::model::notification::{Holds, Occasion};
use crate::model::{AlertId, Item, ItemKind, Key, LabelSet, Notification, Severity, Timestamp, Value};
use std::sync::Arc;

pub const START: i64 = 1_772_719_200; // 2026-03-05T14:00:00Z

/// The alert of LANGUAGE.md's example, of `processor`.
pub fn slow(processor: &str, severity: Severity) -> AlertView {
    let ratio = 608.0 / 74.0;
    let labels = [
        ("check", "processor-slowdown"),
        ("processor", processor),
        ("severity", severity.name()),
        ("source", "warehouse"),
        ("team", "data"),
        ("phase", "5"),
    ];
    AlertView {
        id: AlertId::new("processor-slowdown", Key::one("processor", processor)),
        labels: labels.into_iter().collect(),
        severity,
        since: Timestamp::from_secs(START),
        ended: None,
        note: None,
        title: format!("{processor} ran 8.2x its baseline"),
        body: "10m8s against 1m14s".to_owned(),
        description: "A processor's latest run took far longer than its own 7-day baseline.".to_owned(),
        values: vec![
            (Arc::from("ratio"), Value::Number(ratio)),
            (Arc::from("duration"), Value::Number(608.0)),
            (Arc::from("baseline"), Value::Number(74.0)),
        ],
        condition: "ratio > 3".to_owned(),
        links: vec![
            ("runbook".to_owned(), "https://runbooks.example/slowdown".to_owned()),
            ("dashboard".to_owned(), "https://grafana.example/d/abc?var-processor=x&from=now-6h".to_owned()),
        ],
        declared: Arc::from("rules/slow.yaml:4"),
        template_error: None,
        fell_back: None,
        flapping: None,
    }
}

pub fn ended(mut alert: AlertView, after_s: i64, note: Option<EndNote>) -> AlertView {
    alert.ended = Some(Timestamp::from_secs(START + after_s));
    alert.note = note;
    alert
}

pub fn item(kind: ItemKind, before: Option<Severity>, alert: AlertView) -> Item {
    Item { kind, before, alert: Arc::new(alert) }
}

/// A notification, decided ten seconds past the hour.
pub fn notification(items: Vec<Item>) -> Notification {
    Notification {
        id: Arc::from("n-7f3a-2"),
        channel: Arc::from("data-slack"),
        group: Arc::from("{}/{severity=\"critical\"}:{check=\"processor-slowdown\"}"),
        group_labels: [("check", "processor-slowdown")].into_iter().collect::<LabelSet>(),
        thread: Arc::from("n-7f3a-1"),
        at: Timestamp::from_secs(START + 10),
        repeat: items.iter().all(|i| !i.kind.is_news()),
        holds: Holds::default(),
        first: None,
        over: false,
        occasion: Occasion::default(),
        items,
    }
}

/// What a hostile table would put into a message.
pub const HOSTILE: &str = "<!channel> & <https://evil.example|click> *bold* `code` @here \u{1b}[31m\r\nBcc: x@y";

pub fn hostile() -> Notification {
    let mut alert = slow(HOSTILE, Severity::Critical);
    alert.title = format!("{HOSTILE} is slow");
    alert.body = format!("{HOSTILE}\n<script>alert(1)</script>");
    alert.values[0].1 = Value::text(HOSTILE);
    alert.condition = String::from("name == \"<!here>\" && a > 3");
    alert.links[1].1 = String::from("javascript:alert(1)");
    alert.links.push(("odd|name>".to_owned(), "https://x.example/a|b>c?d=\"e\"".to_owned()));
    alert.template_error = Some("title: unknown name `<!everyone>`".to_owned());
    alert.fell_back = Some(format!("read from `copy`, because `first` gave no answer: {HOSTILE}"));
    let holds = Holds { named: vec![Arc::new(alert.clone())], count: 1 };
    Notification { holds, ..notification(vec![item(ItemKind::Fired, None, alert)]) }
}

/// A cause with what it holds: one is named, and two more are counted.
fn holding() -> Notification {
    let cause = notification(vec![item(ItemKind::Fired, None, slow("BillingExport", Severity::Critical))]);
    let mut held = slow("PredictionCoordinator", Severity::Warning);
    held.id.check = Arc::from("processor-trend");
    Notification { holds: Holds { named: vec![Arc::new(held)], count: 3 }, ..cause }
}

/// The messages that the pictures and snapshots show.
pub fn all() -> Vec<(&'static str, Notification)> {
    use ItemKind::{CameAndWent, Eased, Escalated, Fired, Resolved, StillFiring};
    use Severity::{Critical, Info, Warning};
    let pc = "PredictionCoordinator";
    let many = (0..60).map(|n| {
        let severity = [Critical, Warning, Info][usize::min(n / 20, 2)];
        item(Fired, None, slow(&format!("Processor{n:02}"), severity))
    });
    vec![
        ("fired", notification(vec![item(Fired, None, slow(pc, Critical))])),
        ("escalated", notification(vec![item(Escalated, Some(Warning), slow(pc, Critical))])),
        ("eased", notification(vec![item(Eased, Some(Critical), slow(pc, Warning))])),
        ("resolved", notification(vec![item(Resolved, Some(Critical), ended(slow(pc, Critical), 4_020, None))])),
        (
            "forgotten",
            notification(vec![item(
                Resolved,
                Some(Warning),
                ended(slow(pc, Warning), 604_800, Some(EndNote::Forgotten)),
            )]),
        ),
        ("came-and-went", notification(vec![item(CameAndWent, None, ended(slow(pc, Critical), 900, None))])),
        ("repeat", notification(vec![item(StillFiring, Some(Critical), slow(pc, Critical))])),
        (
            "mixed",
            notification(vec![
                item(Fired, None, slow("BillingExport", Critical)),
                item(Resolved, Some(Critical), ended(slow(pc, Critical), 4_020, None)),
                item(StillFiring, Some(Warning), slow("PlayerDailyCacheProcessor", Warning)),
                item(StillFiring, Some(Info), slow("Archiver", Info)),
            ]),
        ),
        (
            "ended-and-fired-again",
            notification(vec![
                item(Resolved, Some(Critical), ended(slow(pc, Critical), 300, None)),
                item(Fired, None, slow(pc, Warning)),
            ]),
        ),
        ("many", notification(many.collect())),
        ("holding", holding()),
        ("hostile", hostile()),
    ]
}
