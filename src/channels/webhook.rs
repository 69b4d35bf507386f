//! # `webhook`: Alertmanager's JSON, posted to an address
//!
//! ```yaml
//! channels:
//!   hook: { webhook: { url: "https://example.com/hook" } }
//! ```
//!
//! **What is posted.** The body of Alertmanager's webhook, version 4, so that what understands Alertmanager understands
//! Bellwether: `version groupKey truncatedAlerts status receiver groupLabels commonLabels commonAnnotations externalURL
//! alerts`, and of our own `notificationId`, which stays the same when a message is sent again. News come first, then
//! what else fires. An end carries the severity before it. An alert that ended and fired again stands there twice.
//!
//! Where a message is more than that, further fields of our own say so; each is there only where it is so.
//!
//! | field | |
//! |---|---|
//! | `digest` | the channel was away and its fallback was told: `summary` (`hook was away 20m: 3 firing, 2 came and went`), `since`, `toldTo` (the channels that were told), and the counts `firing`, `resolved`, `cameAndWent` |
//! | `insteadOf` | it is told in the place of these: a list of `channel` and `why` that one is down |
//! | `gathered` | from so many groups, as more came at once than the channel's rate lets through |
//! | `held` | what fires and is not told by itself, because an alert of this message holds it: `count`, and in `alerts` the ids of the first of them |
//!
//! **Of each alert.** `labels` hold `alertname` (the check) beside its own; `annotations` hold `summary` (the title),
//! `description` (the body), `runbook_url`, `dashboard_url`, `values`, `condition`, `declared` and `change`. The
//! `fingerprint` names the alert over its whole life, whatever becomes of its labels and its severity.
//!
//! **What counts as delivered.** Any 2xx. A 429 is obeyed with its `Retry-After`, in seconds or as a date,
//! up to an hour; another 4xx and a redirect are refusals.

use super::Channel;
use super::keys::{CA, TIMEOUT};
use super::registry::{Built, Context, Kind};
use super::render::alertmanager::Payload;
use super::web::{Want, Web};
use crate::config::{Key, Problem, Record, Settings, Shape, headers};
use crate::model::{Delivery, FailureClass, Notification, Secret};
use std::sync::Arc;

pub const KIND: Kind = Kind {
    name: "webhook",
    source_text: include_str!("webhook.rs"),
    record: &RECORD,
    check: |settings| headers::problems(settings, "headers"),
    rate: None,
    room: |_| None,
    build,
};

static RECORD: Record = Record::new(
    "webhook",
    "An address that takes Alertmanager's webhook, version 4.",
    &[
        Key::new("url", Shape::SecretUrl, "The address; never shown, since it often holds a token.").required(),
        Key::new("headers", Shape::MapOf(&Shape::Secret), "Headers of every request; their values are never shown."),
        Key::new("bearer_token", Shape::Secret, "Sent as `Authorization: Bearer …`.")
            .known_as(&["token", "credentials"]),
        CA,
        TIMEOUT,
    ],
);

struct Webhook {
    web: Web,
    url: Arc<str>,
}

#[async_trait::async_trait]
impl Channel for Webhook {
    async fn send(&self, notification: &Notification) -> Delivery {
        let body = || {
            serde_json::to_vec(&Payload { notification, url: &self.url }).map_err(|e| {
                let why = format!("the message cannot be written as JSON: {e}");
                Delivery::Refused { why, class: FailureClass::Other }
            })
        };
        match self.web.post(body, Want::Status).await {
            Ok(_) => Delivery::delivered(),
            Err(delivery) => delivery,
        }
    }
}

fn build(settings: &Settings, context: &Context) -> Built {
    let url = settings.secret("url").cloned().unwrap_or_default();
    let bearer = settings.secret("bearer_token").cloned();
    let headers = settings.map("headers").unwrap_or_default();
    let headers = headers.iter().filter_map(|(name, value)| Some((&*name.text, value.secret()?.clone())));
    let headers: Vec<(&str, Secret)> = headers.collect();
    let mut secrets = vec![url.clone()];
    secrets.extend(bearer.clone());
    secrets.extend(headers.iter().map(|(_, value)| value.clone()));
    let mut web = Web::new(settings, "url", url.expose(), secrets)?;
    let wrong = |what: String, key: &str| Box::new(Problem::error(what).at(settings.place(key)));
    for (name, value) in &headers {
        web.set_header(name, value.expose()).map_err(|what| wrong(what, "headers"))?;
    }
    if let Some(bearer) = bearer {
        let value = format!("Bearer {}", bearer.expose());
        web.set_header("authorization", &value).map_err(|what| wrong(what, "bearer_token"))?;
    }
    let url = context.url.clone().unwrap_or_default();
    Ok(Arc::new(Webhook { web, url }))
}
