//! # `pubsub`: subscriptions of Google Pub/Sub and their backlog
//!
//! ```yaml
//! sources:
//!   queues: { pubsub: { project: my-project } }
//! checks:
//!   - check: dead-letters
//!     source: queues
//!     collect: { dead_letter: true }
//!     key: [subscription]
//!     every: 5m
//!     alert:
//!       critical: undelivered > 0 && retention_left < hours(24)
//!       warning: undelivered > 0
//!     title: "{{ undelivered }} dead letters in {{ subscription }}, the oldest is gone in {{ retention_left | duration }}"
//! ```
//!
//! **What is asked.** `subscriptions`, a list of names, or `pattern`, a glob (`*` is any text, `?` one character):
//! `"*-dlq"`. `dead_letter: true` gives the subscriptions of the topics that any subscription of the project names in its
//! dead-letter policy, of these those that the `pattern` fits where there is one. A named subscription that is not there
//! is an error. A dead-letter topic of the project that nothing is subscribed to is a row
//! too, whose `state` is `NO_SUBSCRIPTION`: what is sent there is lost.
//!
//! **Columns.** One row a subscription.
//!
//! | column | type | |
//! |---|---|---|
//! | `subscription` | text | Its name. |
//! | `topic` | text | Its topic: the name, or `projects/…` where that is of another project. `_deleted-topic_` where it is gone. |
//! | `state` | text | `ACTIVE`, `RESOURCE_ERROR` (Pub/Sub cannot push or write what comes), `DETACHED` from its topic, `NO_SUBSCRIPTION`. |
//! | `dead_letter_topic` | text | Null without a policy. |
//! | `max_delivery_attempts` | number | Null without a policy. |
//! | `retention` | number | Seconds for which a message is kept after it was published. |
//! | `undelivered` | number | Messages that were not acknowledged. |
//! | `oldest_unacked_age` | number | Seconds since the oldest of them was published. |
//! | `dead_lettered` | number | Messages passed to the dead-letter topic within the `window`; null without a policy. |
//! | `retention_left` | number | Seconds until the oldest message expires: `retention` less `oldest_unacked_age`. |
//! | `samples` | text | With `peek` only: the attributes of some messages, as JSON. Null where there were none to see. |
//!
//! **Backlog is Cloud Monitoring's.** Pub/Sub itself does not tell it: `undelivered`, `oldest_unacked_age` and
//! `dead_lettered` are the metrics `num_undelivered_messages`, `oldest_unacked_message_age` and
//! `dead_letter_message_count`, each asked once for all subscriptions of a check, as of the slot's time. They are measured
//! each minute and seen some minutes later; the newest value of the last ten minutes counts. Where there is none,
//! `undelivered` and `oldest_unacked_age` are null, and a condition on them is unknown; but where `undelivered` is 0 there
//! is no oldest message, and the age is 0. `dead_lettered` counts events: where Monitoring knows the subscription (it
//! has an `undelivered`) and no such event, it is 0. An answer that Monitoring calls incomplete is an
//! error, and so is a clock of this machine that is five minutes off. `metrics: false` asks nothing of Monitoring, and
//! these columns and `retention_left` are null.
//!
//! **`peek: N`** shows the attributes of up to N messages that wait, without their data. Pub/Sub has no way to look at a
//! message without taking it: **each peek counts as a delivery attempt**, which on a subscription with a
//! dead-letter policy brings the message nearer to its dead-letter topic, and for a moment no subscriber gets it. So it is off by default,
//! and for dead-letter subscriptions. It is given back at once; where the deadline cuts in between, after the
//! subscription's `ackDeadlineSeconds`. Only a subscription with a backlog is peeked at, and none that pushes or exports. An answer may
//! hold fewer messages than wait, or none. `lint --online` does not peek.
//!
//! **Credentials.** One set for all of Google's sources: `credentials` (application default credentials without it),
//! `impersonate`, `scopes`, `quota_project`. Least roles: `roles/pubsub.viewer` and `roles/monitoring.viewer` on the
//! project; for `peek` also `roles/pubsub.subscriber` on the subscriptions.
//!
//! **Emulator.** `endpoint: "http://127.0.0.1:8085"` is asked without credentials. It has no Monitoring: with it goes
//! `metrics: false`, or a `monitoring_endpoint`.
//!
//! **Limits.** `max_rows` and `max_bytes` (of all pages of one request) of the source; the check's `timeout` is for everything together.
//! Up to ten names are read one by one, more with the project's list, a thousand to a page. Monitoring is asked for up to fifty subscriptions
//! by name, for more with the whole project's.

mod backlog;
mod choice;
mod peek;
mod subscription;

use super::error::CollectError;
use super::google::{self, Deadline, Google, Service};
use super::limits;
use super::registry::{DefaultKey, Kind, StaticColumns};
use super::{Collector, Request, web};
use crate::config::{Key, Record, Settings, Shape};
use crate::model::{Table, TableBuilder, Value, ValueType};
use backlog::Backlog;
use choice::Choice;
use std::sync::Arc;
use subscription::Subscription;

pub const KIND: Kind = Kind {
    name: "pubsub",
    source_text: include_str!("mod.rs"),
    source: &SOURCE,
    collect: &COLLECT,
    binds: None,
    check_request: |collect, _| choice::problems(collect),
    static_columns: |collect| StaticColumns { known: columns(collect.has("peek")), complete: true },
    default_key: DefaultKey::OfRequest(|_| Some(vec!["subscription".to_owned()])),
    build: |source, place| {
        let google = Google::new(&PUBSUB, source, place)?;
        let has_monitoring = !google.is_anonymous() || source.has(MONITORING_ENDPOINT);
        let monitoring = Google::behind(MONITORING_ENDPOINT, &MONITORING, source, place)?.keeping_time();
        Ok(Arc::new(Pubsub { google, monitoring: has_monitoring.then_some(monitoring) }))
    },
};

const MONITORING_ENDPOINT: &str = "monitoring_endpoint";

static PUBSUB: Service = Service {
    name: "Pub/Sub",
    endpoint: "https://pubsub.googleapis.com",
    role: "`roles/pubsub.viewer` on the project",
};

static MONITORING: Service = Service {
    name: "Cloud Monitoring",
    endpoint: "https://monitoring.googleapis.com",
    role: "`roles/monitoring.viewer` on the project, or write `metrics: false`",
};

static SOURCE: Record = Record::new(
    "pubsub",
    "Google Pub/Sub.",
    &[
        google::PROJECT,
        google::CREDENTIALS,
        google::IMPERSONATE,
        google::SCOPES,
        google::QUOTA_PROJECT,
        google::ENDPOINT,
        Key::new(MONITORING_ENDPOINT, Shape::Url, "Another address of Cloud Monitoring's API, by the same rule."),
        limits::MAX_ROWS,
        web::MAX_BYTES,
    ],
);

static COLLECT: Record = Record::new(
    "pubsub",
    "Subscriptions: named, by a pattern, or those of dead letters.",
    &[
        Key::new("subscriptions", Shape::List(&Shape::Checked(&choice::NAME)), "Their names.")
            .known_as(&["subscription", "names"]),
        Key::new("pattern", Shape::Checked(&choice::PATTERN), "A glob that their names fit.")
            .known_as(&["glob", "match"]),
        Key::new("dead_letter", Shape::Bool, "Those of the topics that dead-letter policies name.")
            .default("false")
            .known_as(&["dead_letters", "dlq"]),
        Key::new("metrics", Shape::Bool, "Whether Monitoring is asked for the backlog.").default("true"),
        Key::new("window", Shape::Duration, "How far back `dead_lettered` counts: a minute at least.").default("1h"),
        Key::new(
            "peek",
            Shape::Integer { min: 1, max: 100 },
            "How many messages are looked at: each a delivery attempt.",
        ),
    ],
);

/// Each with its type, in their order.
fn columns(with_samples: bool) -> Vec<(String, Option<ValueType>)> {
    let (text, number) = (Some(ValueType::Text), Some(ValueType::Number));
    let mut columns = vec![
        ("subscription", text),
        ("topic", text),
        ("state", text),
        ("dead_letter_topic", text),
        ("max_delivery_attempts", number),
        ("retention", number),
        ("undelivered", number),
        ("oldest_unacked_age", number),
        ("dead_lettered", number),
        ("retention_left", number),
    ];
    columns.extend(with_samples.then_some(("samples", text)));
    columns.into_iter().map(|(name, value_type)| (name.to_owned(), value_type)).collect()
}

/// Pub/Sub of one project.
struct Pubsub {
    google: Google,
    /// None: an emulator of Pub/Sub alone.
    monitoring: Option<Google>,
}

#[async_trait::async_trait]
impl Collector for Pubsub {
    async fn collect(&self, request: &Request) -> Result<Table, CollectError> {
        let peek = request.collect.integer("peek").and_then(|n| usize::try_from(n).ok());
        self.read(request, peek).await
    }

    async fn columns(&self, request: &Request) -> Result<Vec<(String, Option<ValueType>)>, CollectError> {
        self.read(request, None).await?;
        Ok(columns(request.collect.has("peek")))
    }
}

impl Pubsub {
    async fn read(&self, request: &Request, peek: Option<usize>) -> Result<Table, CollectError> {
        let deadline = Deadline::after(request.timeout);
        let monitoring = self.monitoring_for(&request.collect)?;
        let project = self.google.project(deadline).await?;
        let choice = Choice::of(&request.collect);
        let subscriptions = choice::read(&self.google, &project, &choice, deadline).await?;
        let backlog = match monitoring {
            Some(monitoring) if !subscriptions.is_empty() => {
                backlog::read(monitoring, &project, &subscriptions, request, deadline).await?
            }
            _ => Backlog::default(),
        };
        let samples = match peek {
            Some(count) => Some(peek::read(&self.google, &subscriptions, &backlog, count, deadline).await?),
            None => None,
        };
        let mut table = TableBuilder::new(columns(peek.is_some()).into_iter().map(|(name, _)| name))
            .map_err(CollectError::refused)?;
        for (i, subscription) in subscriptions.iter().enumerate() {
            let row = row(subscription, &project, &backlog);
            let sample = samples.as_ref().map(|samples| samples[i].as_deref().map_or(Value::Null, Value::text));
            table.push(row.into_iter().chain(sample)).map_err(CollectError::refused)?;
        }
        Ok(table.finish())
    }

    /// Who is asked for the backlog; nobody, where the check wants none.
    fn monitoring_for(&self, collect: &Settings) -> Result<Option<&Google>, CollectError> {
        if collect.boolean("metrics") == Some(false) {
            return Ok(None);
        }
        let missing = || {
            CollectError::refused(
                "an emulator of Pub/Sub has no Cloud Monitoring: write `metrics: false` under `collect`, or \
                 `monitoring_endpoint` under the source",
            )
        };
        self.monitoring.as_ref().map(Some).ok_or_else(missing)
    }
}

fn row(subscription: &Subscription, project: &str, backlog: &Backlog) -> [Value; 10] {
    let own = |name: &str| Value::text(name.strip_prefix(&format!("projects/{project}/topics/")).unwrap_or(name));
    let number = |n: Option<f64>| n.map_or(Value::Null, Value::Number);
    let policy = subscription.dead_letter.as_ref();
    let of = backlog.of(&subscription.name);
    [
        Value::text(&subscription.name),
        own(&subscription.topic),
        subscription.state.as_deref().map_or(Value::Null, Value::text),
        policy.map_or(Value::Null, |policy| own(&policy.topic)),
        number(policy.map(|policy| policy.attempts_max)),
        Value::Number(subscription.retention),
        number(of.undelivered),
        number(of.oldest_unacked_age),
        number(of.dead_lettered.filter(|_| policy.is_some())),
        number(of.oldest_unacked_age.map(|age| subscription.retention - age)),
    ]
}
