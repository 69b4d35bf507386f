//! A subscription, as Pub/Sub describes it:
//! <https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.subscriptions#Subscription>.

use super::super::error::CollectError;
use serde_json::Value as Json;

/// What it is where a subscription does not say: 7 days.
const RETENTION: f64 = 7.0 * 86_400.0;

/// What it is where a policy does not say.
const ATTEMPTS_MAX: f64 = 5.0;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Subscription {
    /// The last part of its name.
    pub name: String,
    /// `projects/P/topics/T`, or `_deleted-topic_`.
    pub topic: String,
    /// None where the server does not say, as the emulator.
    pub state: Option<String>,
    pub dead_letter: Option<DeadLetter>,
    /// Seconds; nothing is kept where there is no subscription.
    pub retention: f64,
    /// Whether subscribers pull from it: else it pushes, or writes elsewhere.
    pub is_pulled: bool,
    /// `projects/P/subscriptions/S`.
    pub path: String,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct DeadLetter {
    /// `projects/P/topics/T`.
    pub topic: String,
    pub attempts_max: f64,
}

impl Subscription {
    /// What stands for the subscription that a topic lacks: its state is our word.
    pub(super) fn lacking(topic: &str, name: &str) -> Subscription {
        Subscription {
            name: format!("no subscription to {name}"),
            topic: topic.to_owned(),
            state: Some("NO_SUBSCRIPTION".to_owned()),
            dead_letter: None,
            retention: 0.0,
            is_pulled: false,
            path: String::new(),
        }
    }

    pub(super) fn of(json: &Json) -> Result<Subscription, CollectError> {
        let text = |key| json.get(key).and_then(Json::as_str).filter(|text: &&str| !text.is_empty());
        let strange = |what| CollectError::refused(format_args!("Pub/Sub gives a subscription without {what}"));
        let path = text("name").ok_or_else(|| strange("a name"))?;
        let is_detached = json.get("detached") == Some(&Json::Bool(true));
        let state = if is_detached { Some("DETACHED") } else { text("state") };
        let has = |key| json.get(key).is_some_and(|config: &Json| config.as_object().is_some_and(|c| !c.is_empty()));
        let retention = match text("messageRetentionDuration") {
            Some(text) => seconds(text).ok_or_else(|| strange("a retention that can be read"))?,
            None => RETENTION,
        };
        Ok(Subscription {
            name: path.rsplit('/').next().unwrap_or(path).to_owned(),
            topic: text("topic").ok_or_else(|| strange("a topic"))?.to_owned(),
            state: state.map(str::to_owned),
            dead_letter: json.get("deadLetterPolicy").and_then(DeadLetter::of),
            retention,
            is_pulled: !["pushConfig", "bigqueryConfig", "cloudStorageConfig", "bigtableConfig"].into_iter().any(has),
            path: path.to_owned(),
        })
    }
}

impl DeadLetter {
    fn of(json: &Json) -> Option<DeadLetter> {
        let topic = json.get("deadLetterTopic")?.as_str().filter(|topic| !topic.is_empty())?.to_owned();
        let attempts = json.get("maxDeliveryAttempts").and_then(Json::as_f64).filter(|n| *n > 0.0);
        Some(DeadLetter { topic, attempts_max: attempts.unwrap_or(ATTEMPTS_MAX) })
    }
}

/// `604800s`: <https://protobuf.dev/reference/protobuf/google.protobuf/#duration>.
fn seconds(text: &str) -> Option<f64> {
    text.strip_suffix('s')?.parse().ok().filter(|n: &f64| n.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_a_subscription_does_not_say_is_googles_default() {
        let least = json!({ "name": "projects/p/subscriptions/s", "topic": "projects/p/topics/t" });
        let with = |more: Json| {
            let mut json = least.clone();
            json.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            Subscription::of(&json)
        };
        let plain = with(json!({})).unwrap();
        assert_eq!((plain.name.as_str(), plain.retention, plain.state.as_deref()), ("s", 604_800.0, None));
        assert!(plain.is_pulled && plain.dead_letter.is_none());
        assert!(with(json!({ "pushConfig": {} })).unwrap().is_pulled);
        for export in
            [json!({ "pushConfig": { "pushEndpoint": "https://x" } }), json!({ "bigqueryConfig": { "table": "t" } })]
        {
            assert!(!with(export).unwrap().is_pulled);
        }
        assert_eq!(with(json!({ "messageRetentionDuration": "600.5s" })).map(|s| s.retention), Ok(600.5));
        assert!(with(json!({ "messageRetentionDuration": "10m" })).is_err());
        let detached = with(json!({ "state": "ACTIVE", "detached": true })).unwrap();
        assert_eq!(detached.state.as_deref(), Some("DETACHED"));
        let policy = with(json!({ "deadLetterPolicy": { "deadLetterTopic": "projects/q/topics/d" } })).unwrap();
        assert_eq!(policy.dead_letter, Some(DeadLetter { topic: "projects/q/topics/d".into(), attempts_max: 5.0 }));
        assert!(Subscription::of(&json!({ "name": "projects/p/subscriptions/s" })).is_err());
    }
}
