use super::life::Life;
use super::*;
use crate::core::{CoreConfig, Input, Options};
use crate::model::alert::AlertView;
use crate::model::notification::{Holds, Occasion};
use crate::model::record::{Entry, Saved, Write};
use crate::model::{
    AlertId, Change, ChangeKind, Delivery, FailureClass, Incoming, Item, ItemKind, Key, LabelSet, Notification,
};
use crate::store::Memory;
use std::time::Duration;

const NOW: i64 = 100_000;

fn at(second: i64) -> Timestamp {
    Timestamp::from_secs(second)
}

fn id() -> AlertId {
    AlertId::new("slow", Key::one("p", "x"))
}

fn view(id: &AlertId, since: i64) -> Arc<AlertView> {
    Arc::new(AlertView {
        id: id.clone(),
        labels: LabelSet::default(),
        severity: Severity::Critical,
        since: at(since),
        ended: None,
        note: None,
        title: format!("since {since}"),
        body: "it answered 500".into(),
        description: String::new(),
        values: Vec::new(),
        condition: String::new(),
        links: Vec::new(),
        declared: Arc::from("a.yaml:1"),
        template_error: None,
        fell_back: None,
        flapping: None,
    })
}

fn change_of(id: &AlertId, second: i64, kind: ChangeKind, since: i64) -> Entry {
    let (severity, view) = (Severity::Critical, view(id, since));
    Entry::Change(Change { at: at(second), kind, severity, note: None, view })
}

fn fired(second: i64) -> Entry {
    change_of(&id(), second, ChangeKind::Fired, second)
}

fn resolved(second: i64, since: i64) -> Entry {
    change_of(&id(), second, ChangeKind::Resolved, since)
}

fn note(second: i64, text: &str) -> Entry {
    Entry::Note { at: at(second), text: text.into() }
}

fn decision(second: i64, text: &str) -> Entry {
    Entry::Decision { at: at(second), alert: id(), channel: Arc::from("hook"), decision: text.into() }
}

/// A message and its answer.
fn sent(second: i64, kind: ItemKind, delivery: Delivery) -> [Entry; 2] {
    let (name, channel) = (Arc::from(format!("n{second}")), Arc::<str>::from("hook"));
    let notification = Arc::new(Notification {
        id: Arc::clone(&name),
        channel: Arc::clone(&channel),
        group: Arc::from("{}"),
        group_labels: LabelSet::default(),
        thread: Arc::clone(&name),
        at: at(second),
        repeat: false,
        items: vec![Item { kind, before: None, alert: view(&id(), second) }],
        holds: Holds::default(),
        first: None,
        over: false,
        occasion: Occasion::default(),
    });
    let took = Duration::from_millis(7);
    [
        Entry::Sent { at: at(second), attempt: 1, notification },
        Entry::Delivery { at: at(second), id: name, channel, attempt: 1, took, delivery },
    ]
}

fn lost() -> Delivery {
    Delivery::Unanswered { why: "it answered 500".into(), retry_after: None, class: FailureClass::ServerError }
}

fn kept(entries: impl IntoIterator<Item = Entry>) -> Memory {
    let mut store = Memory::default();
    let writes: Vec<Write> = entries.into_iter().map(|entry| Write::Append(Box::new(entry))).collect();
    store.commit(&writes).unwrap();
    store
}

/// An alert that only the history knows.
fn past() -> Present {
    Present { alert: id().to_string(), now: at(NOW), standing: None, outlooks: Vec::new(), led: None, flaps: None }
}

fn asked(limit: usize, before: Option<i64>) -> WhyFilter {
    WhyFilter { alert: "slow".into(), limit, before }
}

/// Its lines, as `second text`.
fn lines(entries: impl IntoIterator<Item = Entry>) -> Vec<String> {
    let why = past().with_life(&asked(LINES_MAX, None), Some(&mut kept(entries)));
    why.life.iter().map(|line| format!("{} {}", line.at.0.as_secs(), line.text)).collect()
}

#[test]
fn the_answer_does_not_depend_on_how_much_of_the_life_is_shown() {
    let delivered = |second, kind| sent(second, kind, Delivery::delivered());
    let mut entries = vec![fired(10), resolved(20, 10), fired(100)];
    entries.extend(delivered(130, ItemKind::Fired));
    entries.extend((0..20).map(|n| decision(200 + n, "not sent: silenced by `deploy`")));
    entries.extend([resolved(300, 100)]);
    let mut store = kept(entries);
    let mut answers = [(LINES_MAX, None), (200, None), (1, None), (3, Some(4)), (1, Some(1))]
        .map(|(limit, before)| past().with_life(&asked(limit, before), Some(&mut store)));
    let want = ["Told to hook, last at 1970-01-01T00:02:10Z.", "It was over at 1970-01-01T00:05:00Z."];
    for why in &mut answers {
        assert_eq!((&why.answer[..], why.title.as_str()), (&want.map(str::to_owned)[..], "since 100"));
    }
    assert_eq!(answers[2].life.len(), 1);
    assert_eq!(answers[2].life[0].text, "resolved after 3m20s", "also where its beginning is not shown");
}

#[test]
fn an_alert_that_flapped_and_is_over_says_so() {
    let flaps = "it flaps, 4 changes within 1m: told once, and again when nothing has changed for 30s";
    let mut entries = vec![fired(10), resolved(20, 10), decision(20, flaps)];
    entries.extend(sent(21, ItemKind::Flapping, Delivery::delivered()));
    entries.extend([fired(30), resolved(40, 30)]);
    entries.extend(sent(70, ItemKind::Resolved, Delivery::delivered()));
    let answer =
        |entries: &[Entry]| past().with_life(&asked(200, None), Some(&mut kept(entries.to_vec()))).answer.join(" ");
    let want = "It flapped from 1970-01-01T00:00:20Z on: single changes were not told.";
    assert!(answer(&entries).contains(want), "{}", answer(&entries));
    // What was steady since fired of itself.
    entries.extend([fired(500), resolved(510, 500)]);
    assert!(!answer(&entries).contains("flapped"), "{}", answer(&entries));
}

#[test]
fn what_may_have_arrived_is_told_perhaps() {
    let entries = [fired(10)].into_iter().chain(sent(11, ItemKind::Fired, lost())).chain([resolved(12, 10)]);
    let why = past().with_life(&asked(200, None), Some(&mut kept(entries)));
    let want = "Perhaps told to hook at 1970-01-01T00:00:11Z: sent `fired`: may have arrived (7ms): it answered 500.";
    assert_eq!(why.answer[0], want);
}

#[test]
fn who_was_told_all_of_an_alert_that_is_over_reads_so() {
    let told = Outlook {
        channel: Arc::from("mail"),
        group: Arc::from("{}"),
        knows: Knows::Over,
        because: "nothing is left to tell".into(),
        next: "nothing".into(),
        at: None,
        told_at: Some(at(11)),
    };
    let why = Present { outlooks: vec![told], ..past() }.with_life(&asked(200, None), Some(&mut kept([fired(10)])));
    assert_eq!(why.answer, ["Told to mail, last at 1970-01-01T00:00:11Z: nothing is left to tell. Next: nothing."]);
    assert_eq!((why.channels[0].knows, why.channels[0].severity), ("told", None));
}

#[test]
fn what_happened_to_bellwether_is_shown_only_where_it_changed_something() {
    let reload = "a changed configuration was taken up";
    let (stop, start) = ("Bellwether stopped", "Bellwether 0.1.0 started");
    let gone = &*format!("3 lines of history from 1 to 2 {}", crate::runtime::keeper::LOST);
    let of_hook = "the breaker of channel `hook` was reset: it was tripped until 9";
    let of_other = "the breaker of channel `other` was reset: it was tripped until 9";
    let entries = || {
        let mut all = vec![fired(1_000)];
        all.extend(sent(1_030, ItemKind::Fired, Delivery::delivered()));
        all
    };
    // Each is followed by the decision, the message or the change at the second; and whether it is shown.
    for (second, notes, follows, shown) in [
        (2_000, vec![reload], vec![], 0),
        (2_000, vec![gone], vec![], 1),
        (2_000, vec![reload], vec![decision(2_001, "not sent: silenced by `deploy`")], 1),
        (2_000, vec![reload], vec![decision(2_090, "not sent: silenced by `deploy`")], 0),
        (2_000, vec![reload], sent(2_001, ItemKind::StillFiring, Delivery::delivered()).to_vec(), 0),
        (2_000, vec![stop, start], vec![], 0),
        (2_000, vec![stop, start], sent(2_001, ItemKind::StillFiring, Delivery::delivered()).to_vec(), 2),
        (2_000, vec![stop, start], vec![resolved(2_003, 1_000)], 2),
        (2_000, vec![of_hook], sent(2_001, ItemKind::StillFiring, lost()).to_vec(), 1),
        (2_000, vec![of_other], sent(2_001, ItemKind::StillFiring, lost()).to_vec(), 0),
        (2_000, vec!["silence `deploy` was made"], vec![], 0),
        (2_000, vec!["silence `deploy` was made"], vec![decision(2_500, "not sent: silenced by `deploy`")], 1),
        (999, vec![stop, start], vec![], 2),
        (900, vec![start], vec![], 0),
    ] {
        let notes: Vec<Entry> = notes.into_iter().map(|text| note(second, text)).collect();
        let story = [notes.clone(), entries(), follows, vec![resolved(9_000, 1_000)]].concat();
        let lines = lines(story);
        let found = lines
            .iter()
            .filter(|line| notes.iter().any(|n| matches!(n, Entry::Note { text, .. } if line.ends_with(text))));
        assert_eq!(found.count(), shown, "{notes:?} {lines:?}");
    }
}

#[test]
fn a_channel_that_was_down_is_shown_only_where_it_was_to_be_told() {
    let down = AlertId::new("channel-down", Key::one("channel", "hook"));
    let was_down =
        |from, to| [change_of(&down, from, ChangeKind::Fired, from), change_of(&down, to, ChangeKind::Resolved, from)];
    let story = |more: Vec<Entry>| {
        let mut all = vec![fired(1_000)];
        all.extend(sent(1_030, ItemKind::Fired, Delivery::delivered()));
        all.extend(was_down(2_000, 2_600));
        all.extend(more);
        all.push(resolved(9_000, 1_000));
        lines(all).into_iter().filter(|line| line.contains("is down") || line.contains("is up")).collect::<Vec<_>>()
    };
    assert_eq!(story(vec![]), [""; 0]);
    let both = ["2000 is down: it answered 500", "2600 is up again"];
    assert_eq!(story(sent(2_100, ItemKind::StillFiring, lost()).to_vec()), both);
    assert_eq!(story(sent(2_000, ItemKind::StillFiring, lost()).to_vec()), both, "the very one that tripped it");
    assert_eq!(story(vec![decision(2_100, "told through its fallback `other`")]), both);
}

/// Received alerts, by alertname and job.
fn core(alerts: &[(&str, &str)]) -> Core {
    let mut core = Core::new(CoreConfig::default(), Saved::default(), at(0), Options { seed: 1, eager: true });
    let incoming = |(name, job): &(&str, &str)| Incoming {
        labels: [("alertname", *name), ("job", *job)].into_iter().collect(),
        annotations: LabelSet::default(),
        generator: Arc::from(""),
        starts: None,
        ends: None,
    };
    core.handle(at(1), [Input::Received(alerts.iter().map(incoming).collect())]);
    core
}

/// Which alert a text means: its text, or the error.
fn found(core: &Core, store: &mut Memory, text: &str) -> String {
    let named = AlertRef::parse(text).unwrap();
    let chosen = match find(core, &named) {
        Ok(Found::One(id)) => Ok(id.to_string()),
        Ok(Found::Others(others)) => choose(&named, others, Some(store)),
        Err(none) => Err(none),
    };
    match chosen {
        Ok(text) => text,
        Err(NoAlert::Unclear(why) | NoAlert::Unknown(why)) => format!("error: {why}"),
    }
}

#[test]
fn a_received_alert_is_found_by_its_name_its_beginning_or_its_labels() {
    let core = core(&[("Lag", "a"), ("Lag", "b"), ("Backfill", "a")]);
    let over = AlertId::received(&[("alertname", "HighLatency"), ("job", "z")].into_iter().collect());
    let hidden = AlertId::received(&[("Zone", "eu"), ("alertname", "Odd")].into_iter().collect());
    let entries = [&over, &hidden, &id()].map(|id| change_of(id, 5, ChangeKind::Fired, 5));
    let mut store = kept(entries);
    for (text, want) in [
        ("Backfill", r#"{alertname="Backfill", job="a"}"#),
        ("Back", r#"{alertname="Backfill", job="a"}"#),
        ("Lag{job=a}", r#"{alertname="Lag", job="a"}"#),
        ("job=b", r#"{alertname="Lag", job="b"}"#),
        ("{job=b}", r#"{alertname="Lag", job="b"}"#),
        ("HighLatency", r#"{alertname="HighLatency", job="z"}"#),
        ("High", r#"{alertname="HighLatency", job="z"}"#),
        ("job=z", r#"{alertname="HighLatency", job="z"}"#),
        ("Odd", r#"{Zone="eu", alertname="Odd"}"#),
        ("slow", r#"slow{p="x"}"#),
        ("slo", r#"slow{p="x"}"#),
    ] {
        assert_eq!(found(&core, &mut store, text), want, "{text}");
    }
    let both =
        "error: `Lag` may be one of 2 alerts: name one\n{alertname=\"Lag\", job=\"a\"}\n{alertname=\"Lag\", job=\"b\"}";
    assert_eq!(found(&core, &mut store, "Lag"), both);
    assert!(found(&core, &mut store, "job=a").contains("may be one of 2 alerts"));
    assert!(
        found(&core, &mut store, "Nope")
            .starts_with("error: no alert of a check `Nope` is known, and none with that alertname")
    );
    assert!(found(&core, &mut store, "job=nope").starts_with("error: no alert with these labels"));
}

#[test]
fn a_check_without_alerts_is_not_called_unknown_and_a_wrong_column_is_named() {
    let yaml =
        "sources: { s: { exec: {} } }\nchecks:\n  - check: latency\n    source: s\n    collect: { command: [\"true\"] }
    columns: { name: text, v: number }\n    key: [name]\n    alert: { warning: v > 5 }";
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("bellwether.yaml"), yaml).unwrap();
    let loaded = crate::load::load(dir.path(), &|_| None, crate::load::Mode::Lenient).unwrap();
    let config = CoreConfig { checks: loaded.config.unwrap().checks, ..CoreConfig::default() };
    let (core, mut store) =
        (Core::new(config, Saved::default(), at(0), Options { seed: 1, eager: true }), Memory::default());
    for (text, want) in [
        ("latency", "there is a check `latency`, and it has no alert: none fires"),
        ("latency{name=a}", "there is a check `latency`, and it has no alert with this key: none fires"),
        ("latency{reason=error}", "there is a check `latency`, and it has no alert with this key: none fires"),
        ("latency{nme=a}", "the key of check `latency` has no column `nme`, its `key` is `name`: did you mean `name`?"),
        ("latnecy", "no alert of a check `latnecy` is known, and none with that alertname: did you mean `latency`?"),
    ] {
        let said = found(&core, &mut store, text);
        assert!(said.starts_with(&format!("error: {want}")), "{said}");
    }
}

#[test]
fn of_many_that_may_be_meant_a_dozen_are_listed() {
    let jobs: Vec<String> = (0..30).map(|n| format!("j{n:02}")).collect();
    let many: Vec<(&str, &str)> = jobs.iter().map(|job| ("Lag", job.as_str())).collect();
    let (core, mut store) = (core(&many), Memory::default());
    for text in ["Lag", "La", "alertname=Lag"] {
        let said = found(&core, &mut store, text);
        assert!(said.starts_with(&format!("error: `{text}` may be one of 30 alerts")), "{said}");
        assert_eq!(said.lines().count(), 14, "{said}");
        assert!(said.ends_with("\nand 18 more"), "{said}");
    }
}

#[test]
fn lines_of_a_life_say_what_they_are_of() {
    let entries = [fired(10)].into_iter().chain(sent(11, ItemKind::Fired, lost()));
    let life = Life::read(&mut kept(entries), &past(), None, 10).unwrap();
    let [change, message] = &life.lines[..] else { panic!("{:?}", life.lines) };
    assert_eq!((change.kind, change.severity), ("change", Some(Severity::Critical)));
    assert_eq!((message.outcome, message.attempt), (Some("unanswered"), Some(1)));
    assert_eq!(message.text, "sent `fired`: may have arrived (7ms): it answered 500");
}
