//! A look at messages that wait. It takes them and gives them back at once, which Pub/Sub counts as an attempt to deliver.

use super::super::error::CollectError;
use super::super::google::{Call, Deadline, Failure, Google};
use super::backlog::Backlog;
use super::subscription::Subscription;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::{Value as Json, json};

/// So many subscriptions are peeked at together.
const TOGETHER: usize = 8;

/// The longest value of an attribute that is shown; Pub/Sub has up to 1,024 bytes.
const VALUE_CHARS_MAX: usize = 200;

/// The attributes of up to `count` messages of each subscription, as JSON; none where there is nothing to see.
pub(super) async fn read(
    google: &Google,
    subscriptions: &[Subscription],
    backlog: &Backlog,
    count: usize,
    deadline: Deadline,
) -> Result<Vec<Option<String>>, CollectError> {
    let peeks: Vec<_> = subscriptions.iter().map(|one| look(google, one, backlog, count, deadline)).collect();
    stream::iter(peeks).buffered(TOGETHER).try_collect().await
}

async fn look(
    google: &Google,
    subscription: &Subscription,
    backlog: &Backlog,
    count: usize,
    deadline: Deadline,
) -> Result<Option<String>, CollectError> {
    let is_empty = backlog.of(&subscription.name).undelivered == Some(0.0);
    if is_empty || !subscription.is_pulled {
        return Ok(None);
    }
    peek(google, &subscription.path, count, deadline).await.map_err(|failure| explain(failure, subscription))
}

async fn peek(google: &Google, path: &str, count: usize, deadline: Deadline) -> Result<Option<String>, Failure> {
    let path: Vec<String> = path.split('/').map(Call::segment).collect();
    let path = format!("/v1/{}", path.join("/"));
    // Without it Pub/Sub waits for a message to come.
    let pull = json!({ "maxMessages": count, "returnImmediately": true });
    let answer = google.ask(&Call::post(format!("{path}:pull"), pull), deadline).await?;
    let received = answer.get("receivedMessages").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
    if received.is_empty() {
        return Ok(None);
    }
    let ids: Vec<&Json> = received.iter().filter_map(|message| message.get("ackId")).collect();
    let back = json!({ "ackIds": ids, "ackDeadlineSeconds": 0 });
    google.ask(&Call::post(format!("{path}:modifyAckDeadline"), back), deadline).await?;
    let samples: Vec<Json> = received.iter().map(attributes).collect();
    Ok(Some(Json::from(samples).to_string()))
}

fn attributes(received: &Json) -> Json {
    let attributes = received.pointer("/message/attributes").and_then(Json::as_object).into_iter().flatten();
    let shown = attributes.map(|(name, value)| {
        let text = value.as_str().unwrap_or_default();
        let cut = text.char_indices().nth(VALUE_CHARS_MAX).map(|(end, _)| format!("{}…", &text[..end]));
        (name.clone(), Json::from(cut.unwrap_or_else(|| text.to_owned())))
    });
    Json::Object(shown.collect())
}

fn explain(failure: Failure, subscription: &Subscription) -> CollectError {
    if failure.http != Some(403) || failure.passes() {
        return failure.error;
    }
    CollectError::unreachable(format_args!(
        "Pub/Sub lets nobody peek at `{}` (403): {}: grant `roles/pubsub.subscriber` on it, or take `peek` away",
        subscription.name,
        failure.message.trim_end_matches('.')
    ))
}
