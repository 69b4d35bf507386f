//! One of each view with nothing left out.

use super::drill::{DrillChannel, DrillReport, DrillSend};
use super::why::{Why, WhyChannel, WhyFlapping, WhyLine};
use super::*;
use crate::model::Timestamp;
use crate::model::silence::SilenceState;
use crate::runtime::silences::{Hides, Silence, Silenced};

fn names<T>(of: impl IntoIterator<Item = (&'static str, T)>) -> Names<T> {
    of.into_iter().map(|(n, v)| (Arc::from(n), v)).collect()
}

fn at(secs: i64) -> Instant {
    Instant(Timestamp::from_secs(1_767_571_200 + secs))
}

pub fn page<T>(item: T) -> Page<T> {
    Page { total: 1, offset: 0, limit: LIMIT_DEFAULT, items: vec![item] }
}

pub fn alert() -> Alert {
    Alert {
        id: r#"slow{processor="X"}"#.into(),
        check: "slow".into(),
        key: names([("processor", "X".into())]),
        reason: Some("limit"),
        state: State::Firing,
        severity: Severity::Critical,
        shadow: false,
        since: at(0),
        title: "X ran 8.2x its baseline".into(),
        body: "10m8s".into(),
        description: "slow".into(),
        labels: names([("team", "data".into())]),
        values: names([
            ("ratio", Shown(Value::Number(8.2))),
            ("worst", Shown(Value::Number(f64::INFINITY))),
            ("started", Shown(Value::Time(at(0).0))),
        ]),
        condition: "ratio > 3".into(),
        links: names([("runbook", "https://runbooks.example/slow".into())]),
        declared: "rules/slow.yaml:4".into(),
        fell_back: None,
        channels: vec![Told {
            channel: "oncall".into(),
            group: "{}".into(),
            believes: "firing",
            severity: Some(Severity::Warning),
            since: Some(at(0)),
            news_since: Some(at(60)),
            held: Some("silenced by `deploy`".into()),
        }],
    }
}

pub fn check() -> Check {
    Check {
        check: "slow".into(),
        source: "warehouse".into(),
        declared: "rules/slow.yaml:4".into(),
        mode: "live",
        last_slot: Some(at(0)),
        next_slot: Some(at(900)),
        collecting: false,
        took_seconds: 0.25,
        answered: Some("copy".into()),
        fell_back: Some("read from `copy`, because `warehouse` gave no answer: refused".into()),
        error: Some("no such table".into()),
        rows: 3,
        unread_rows: 1,
        firing: 1,
        pending: 0,
        skipped_slots: 2,
        outcomes: vec![Outcome {
            key: names([("processor", "X".into())]),
            state: "firing",
            severity: Some(Severity::Critical),
            values: names([
                ("ratio", Shown(Value::Number(8.2))),
                ("runs", Shown(Value::Number(3.0))),
                ("lag", Shown(Value::Number(f64::NAN))),
                ("least", Shown(Value::Number(f64::NEG_INFINITY))),
                ("healthy", Shown(Value::Bool(false))),
                ("owner", Shown(Value::Null)),
                ("state", Shown(Value::text("true"))),
                ("started", Shown(Value::Time(at(0).0))),
            ]),
            unknown: vec!["warning: baseline is null".into()],
        }],
    }
}

pub fn silence() -> Silence {
    Silence {
        id: "backfill".into(),
        matchers: vec![Matcher::parse(r#"team="data""#).unwrap()],
        state: SilenceState::Active,
        starts: at(0),
        ends: at(600),
        created_by: "ana".into(),
        comment: "planned backfill".into(),
        updated: at(0),
        declared: Some("silences.yaml:2".into()),
    }
}

pub fn silenced() -> Silenced {
    Silenced { silence: silence(), hides: Hides { firing: 3, checks: 1, every_critical: false } }
}

pub fn status() -> Status {
    Status {
        version: "0.1.0",
        started: at(0),
        now: at(60),
        checks: 1,
        firing: 1,
        pending: 0,
        config: ConfigStatus { rejected: Some("rules/a.yaml:3:1: no".into()), loaded: at(0) },
        store: StoreStatus { failing: Some("no room".into()) },
        sources: vec![Source {
            source: "warehouse".into(),
            breaker: "tripped",
            failures: 2,
            failures_by_class: [("refused", 3)].into(),
            tripped_until: Some(at(90)),
            last_failure: Some(LastFailure { at: at(30), class: "refused", why: "nobody listens".into() }),
        }],
        channels: vec![Channel {
            channel: "oncall".into(),
            breaker: "tripped",
            failures: 5,
            failures_by_class: [("timed_out", 7)].into(),
            tripped_until: Some(at(90)),
            down: Some("it answered 500".into()),
            last_failure: Some(LastFailure { at: at(60), class: "timed_out", why: "no answer within 10s".into() }),
            in_flight: 1,
            undelivered: 4,
        }],
    }
}

pub fn reset() -> ResetBreaker {
    ResetBreaker { of: "channel", was: "tripped", failures: 5 }
}

pub fn why() -> Why {
    Why {
        alert: r#"slow{processor="X"}"#.into(),
        now: at(120),
        state: "firing",
        severity: Some(Severity::Critical),
        since: Some(at(0)),
        title: "X ran 8.2x its baseline".into(),
        answer: vec!["Not told to oncall: silenced by `deploy`. Next: the silence ends.".into()],
        channels: vec![WhyChannel {
            channel: "oncall".into(),
            group: "{}".into(),
            knows: "told_before",
            severity: Some(Severity::Warning),
            told_at: Some(at(1)),
            because: "silenced by `deploy`".into(),
            next: "the silence ends".into(),
            next_at: Some(at(180)),
        }],
        flapping: Some(WhyFlapping {
            rule: "6 changes within 1h".into(),
            since: Some(at(30)),
            changes: 2,
            firing: true,
            steady_at: at(1800),
        }),
        life: vec![WhyLine {
            at: at(1),
            kind: "sent",
            channel: Some("oncall".into()),
            text: "sent `fired`: delivered in 120ms".into(),
            severity: Some(Severity::Warning),
            outcome: Some("delivered"),
            took_seconds: Some(0.12),
            attempt: Some(1),
        }],
        older: Some(17),
        unread: Some("the store fails".into()),
    }
}

pub fn drill() -> DrillReport {
    let send = || DrillSend {
        outcome: "refused",
        why: Some("it answered 403".into()),
        took_seconds: 0.12,
        text: "refused (120ms): it answered 403".into(),
    };
    DrillReport {
        id: "1-1".into(),
        at: at(0),
        labels: names([("drill", "true".into())]),
        arrived: false,
        held: vec!["silenced by `deploy`".into()],
        channels: vec![DrillChannel {
            channel: "oncall".into(),
            route: Some("bellwether.yaml:12".into()),
            kept: Some("its breaker".into()),
            fired: Some(send()),
            resolved: Some(send()),
        }],
    }
}

/// What a channel was not told.
pub fn undelivered() -> Undelivered {
    Undelivered {
        alert: r#"slow{processor="X"}"#.into(),
        severity: Severity::Critical,
        title: "X is slow".into(),
        firing: true,
        channel: Arc::from("data-slack"),
        since: Some(Instant(Timestamp::from_secs(1_767_571_200))),
        missed: 1,
        covered: true,
        why: "its fallback `oncall` is told in its place, as it was away: no connection; next: it is tried again at \
              2026-01-05T00:00:30Z, and once it is back it is told in one message what it missed"
            .into(),
    }
}
