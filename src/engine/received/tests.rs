use super::*;

const NOON: i64 = 1_767_614_400;

/// A second of a story.
fn at(second: i64) -> Timestamp {
    Timestamp::from_secs(NOON + second)
}

fn sent(starts: Option<i64>, ends: Option<i64>) -> Incoming {
    Incoming {
        labels: [("alertname", "Down"), ("job", "x")].into_iter().collect(),
        annotations: LabelSet::default(),
        generator: Arc::from(""),
        starts: starts.map(at),
        ends: ends.map(at),
    }
}

fn id() -> AlertId {
    AlertId::received(&sent(None, None).labels)
}

/// What was told at each of these seconds: `second:kind`, and why where a note says so.
fn told(received: &mut Received, now: Timestamp) -> Vec<String> {
    let second = now.as_secs() - NOON;
    let say = |news: News| match news {
        News::Changed(c) => {
            let note = c.note.map(|note| format!(" ({})", note.text())).unwrap_or_default();
            let over = c.view.ended.map(|end| format!(" at {}", end.as_secs() - NOON)).unwrap_or_default();
            format!("{second}:{} since {}{over}{note}", c.kind.name(), c.view.since.as_secs() - NOON)
        }
        other => panic!("{other:?}"),
    };
    received.take_news().into_iter().map(say).collect()
}

/// Steps of `(second, what was sent then)`; between them it ends what is due, at the very second.
fn life(steps: &[(i64, Incoming)], until: i64) -> Vec<String> {
    let (mut received, mut said, mut ended) = (Received::default(), Vec::new(), None);
    let mut steps = steps.iter().peekable();
    loop {
        let next = steps.peek().map_or(until, |(second, _)| *second);
        while let Some(due) = received.next_due().filter(|due| *due < at(next)) {
            received.expire(due);
            said.extend(told(&mut received, due));
        }
        let Some((second, alert)) = steps.next() else { return said };
        received.take(vec![alert.clone()], at(*second), &|_| ended);
        said.extend(told(&mut received, at(*second)));
        if said.last().is_some_and(|last| last.contains("resolved")) {
            ended = alert.ends;
        }
    }
}

#[test]
fn lives() {
    let fires = |starts, ends| sent(Some(starts), Some(ends));
    for (name, steps, want) in [
        (
            "as prometheus sends it",
            vec![(0, fires(0, 240)), (60, fires(0, 300)), (120, fires(0, 110))],
            vec!["0:fired since 0", "120:resolved since 0 at 110"],
        ),
        (
            "a sender that goes silent",
            vec![(0, fires(-5, 240))],
            vec!["0:fired since -5", "240:resolved since -5 at 240 (no longer sent)"],
        ),
        (
            "no times at all: five minutes from the last",
            vec![(0, sent(None, None)), (100, sent(None, None))],
            vec!["0:fired since 0", "400:resolved since 0 at 400 (no longer sent)"],
        ),
        ("an end of what is not known", vec![(0, fires(-60, -1)), (1, fires(-60, 1))], vec![]),
        (
            "an end at this very instant is an end",
            vec![(0, fires(0, 60)), (10, fires(0, 10))],
            vec!["0:fired since 0", "10:resolved since 0 at 10"],
        ),
        (
            "a beginning to come is now",
            vec![(0, fires(30, 60))],
            vec!["0:fired since 0", "60:resolved since 0 at 60 (no longer sent)"],
        ),
        (
            "an end that comes nearer",
            vec![(0, fires(0, 1000)), (10, fires(0, 20))],
            vec!["0:fired since 0", "20:resolved since 0 at 20 (no longer sent)"],
        ),
        (
            "again with its old beginning: another episode",
            vec![(0, fires(0, 60)), (10, fires(0, 9)), (20, fires(0, 80)), (30, fires(0, 29))],
            vec!["0:fired since 0", "10:resolved since 0 at 9", "20:fired since 20", "30:resolved since 20 at 29"],
        ),
    ] {
        let want: Vec<&str> = want;
        assert_eq!(life(&steps, 2_000), want, "{name}");
    }
}

#[test]
fn after_a_start_each_has_five_minutes_to_be_sent_again() {
    let mut before = Received::default();
    before.take(vec![sent(Some(0), Some(240))], at(0), &|_| None);
    let record = before.record(&id()).unwrap().clone();
    let (down_until, grace) = (3_600, 300);
    let mut after = Received::new(vec![record], at(down_until));
    assert_eq!(after.next_due(), Some(at(down_until + grace)));
    after.expire(at(down_until + grace - 1));
    assert!(after.view(&id()).is_some());
    after.expire(at(down_until + grace));
    assert_eq!(told(&mut after, at(down_until + grace)), ["3900:resolved since 0 at 3900 (no longer sent)"]);
}

#[test]
fn what_is_sent_again_is_written_only_now_and_then() {
    let mut received = Received::default();
    let mut written = Vec::new();
    for minute in 0..12 {
        received.take(vec![sent(Some(0), Some(minute * 60 + 240))], at(minute * 60), &|_| None);
        if !received.take_writes().is_empty() {
            written.push(minute);
        }
    }
    assert_eq!(written, [0, 6]);
    let mut other = sent(Some(0), Some(900));
    other.annotations = [("summary", "worse")].into_iter().collect();
    received.take(vec![other], at(720), &|_| None);
    assert_eq!(received.take_writes().len(), 1, "other words are");
    assert_eq!(received.view(&id()).unwrap().title, "worse");
    received.take(vec![sent(Some(0), Some(721))], at(721), &|_| None);
    let writes = received.take_writes();
    assert!(matches!(&writes[..], [Write::Delete(gone)] if **gone == RowName::Received(id())), "{writes:?}");
}

#[test]
fn a_severity_of_theirs_is_one_of_ours() {
    for (sent, severity, label) in [
        (Some("critical"), Severity::Critical, "critical"),
        (Some("Info"), Severity::Info, "info"),
        (Some("page"), Severity::Warning, "page"),
        (Some("none"), Severity::Warning, "none"),
        (None, Severity::Warning, "warning"),
    ] {
        let sent: LabelSet = [("alertname", "A")].into_iter().chain(sent.map(|s| ("severity", s))).collect();
        assert_eq!(super::severity(&sent), severity);
        let labels = labels(&AlertId::received(&sent), &sent, severity);
        assert_eq!((labels.get("severity"), labels.get("check")), (Some(label), Some("A")), "{sent}");
    }
    let own: LabelSet = [("alertname", "A"), ("check", "b")].into_iter().collect();
    assert_eq!(labels(&AlertId::received(&own), &own, Severity::Info).get("check"), Some("b"), "theirs stays");
}

#[test]
fn the_words_are_the_senders() {
    let mut alert = sent(None, None);
    let title = |alert: &Incoming| {
        let mut received = Received::default();
        received.take(vec![alert.clone()], at(0), &|_| None);
        received.view(&id()).unwrap()
    };
    assert_eq!(title(&alert).title, "Down: x");
    alert.annotations = [
        ("summary", "x is down"),
        ("description", "for 5 min"),
        ("runbook_url", "https://runbooks.example/down"),
        ("dashboard_url", "https://graphs.example/x"),
    ]
    .into_iter()
    .collect();
    alert.generator = Arc::from("http://prometheus.example/graph");
    let view = title(&alert);
    assert_eq!((&*view.title, &*view.body), ("x is down", "for 5 min"));
    let links: Vec<(&str, &str)> = view.links.iter().map(|(n, u)| (&**n, &**u)).collect();
    assert_eq!(
        links,
        [
            ("runbook", "https://runbooks.example/down"),
            ("dashboard", "https://graphs.example/x"),
            ("source", "http://prometheus.example/graph")
        ]
    );
}

#[test]
fn there_is_room_for_so_many_and_no_more() {
    let many = |from: usize, count: usize| -> Vec<Incoming> {
        let numbered =
            |n: usize| Incoming { labels: [("n", n.to_string().as_str())].into_iter().collect(), ..sent(None, None) };
        (from..from + count).map(numbered).collect()
    };
    let mut received = Received::default();
    received.take(many(0, RECEIVED_MAX), at(0), &|_| None);
    assert_eq!(received.has_room(&many(0, 10)), Ok(()), "those that fire already");
    let refused = received.has_room(&many(RECEIVED_MAX - 1, 2)).unwrap_err();
    assert!(refused.starts_with("200000 received alerts fire already"), "{refused}");
}
