//! # `slack`: a room in Slack
//!
//! ```yaml
//! channels:
//!   data-slack:   { slack: { webhook: "${SLACK_WEBHOOK}" } }
//!   oncall-slack: { slack: { token_file: /run/secrets/slack, room: "#oncall" } }
//! ```
//!
//! **Two ways.** An incoming webhook posts to the room it was made for. A bot token (`xoxb-…`, scope `chat:write`) posts
//! to any `room` that the bot was invited to, by its name or, which survives a renaming, by its id.
//!
//! **What is posted.** Block Kit: a heading with the severity and the check; title and body; since when, the condition
//! and the values that decided; links to the runbook and the dashboard, which alert it is and where its check is
//! declared. Times are shown in each reader's own zone. The first ten alerts of a group are shown in full, the others in
//! a line each as far as Slack's limits allow, and the rest is counted. Data cannot mention anyone or make a link.
//!
//! **What counts as delivered.** `ok` of a webhook, `"ok": true` of the Web API. `ratelimited` and 429 are obeyed with
//! their `Retry-After`, in seconds or as a date, up to an hour;
//! `"ok": false` with another error is a refusal, but for those with which Slack says that the fault is its own.

use super::keys::TIMEOUT;
use super::registry::{Built, Context, Kind};
use super::render::{Message, slack};
use super::web::{Answer, Want, Web};
use super::{Channel, unanswered};
use crate::config::{Key, Problem, Record, Settings, Shape};
use crate::model::{Delivery, Notification, Rate};
use serde_json::Value as Json;
use std::sync::Arc;

pub const KIND: Kind =
    Kind { name: "slack", source_text: include_str!("slack.rs"), record: &RECORD, check, rate: Some(RATE), build };

/// A message a second and room: <https://docs.slack.dev/apis/web-api/rate-limits>.
const RATE: Rate = Rate::per_second(1);

static RECORD: Record = Record::new(
    "slack",
    "A room in Slack.",
    &[
        Key::new("webhook", Shape::SecretUrl, "The address of an incoming webhook; never shown.").known_as(&[
            "api_url",
            "url",
            "webhook_url",
        ]),
        Key::new("token", Shape::Secret, "A bot token, in place of a webhook.").known_as(&["bot_token", "app_token"]),
        Key::new("room", Shape::Text, "With a token: the room, `#data` or its id.").known_as(&["channel"]),
        Key::new("api", Shape::Url, "With a token: the Web API, where it is not Slack's own.")
            .default("https://slack.com/api"),
        TIMEOUT,
    ],
);

struct Slack {
    web: Web,
    /// With a token.
    room: Option<String>,
    url: Option<Arc<str>>,
}

#[async_trait::async_trait]
impl Channel for Slack {
    async fn send(&self, notification: &Notification) -> Delivery {
        let body = || {
            let mut body = slack::body(&Message::new(notification, self.url.as_deref()));
            if let Some(room) = &self.room {
                body["channel"] = Json::from(room.as_str());
            }
            Ok(body.to_string().into_bytes())
        };
        match self.web.post(body, Want::Body).await {
            Ok(answer) if self.room.is_some() => self.api_outcome(&answer),
            Ok(answer) => self.webhook_outcome(&answer),
            Err(delivery) => delivery,
        }
    }
}

impl Slack {
    /// A webhook answers `ok`, and what it does not take with a 4xx.
    fn webhook_outcome(&self, answer: &Answer) -> Delivery {
        match answer.body.trim() {
            "ok" => Delivery::Delivered { but: None },
            other => unanswered(format!("its answer cannot be read: {}", self.web.quote(other)), answer.retry_after),
        }
    }

    /// docs.slack.dev/reference/methods/chat.postMessage: the errors with which Slack says that the fault is its own.
    fn api_outcome(&self, answer: &Answer) -> Delivery {
        let retry_after = answer.retry_after;
        let json: Json = serde_json::from_str(&answer.body).unwrap_or_default();
        let error = json["error"].as_str().map(|e| self.web.quote(e));
        let why = |error: &str| format!("Slack answered `{error}`");
        match (json["ok"].as_bool(), error.as_deref()) {
            (Some(true), _) => Delivery::Delivered { but: None },
            (Some(false), Some(e @ ("ratelimited" | "rate_limited"))) => {
                Delivery::NotSent { why: why(e), retry_after, ill: false }
            }
            (Some(false), Some(e @ ("request_timeout" | "service_unavailable" | "team_added_to_org"))) => {
                Delivery::NotSent { why: why(e), retry_after, ill: true }
            }
            (Some(false), Some(e @ ("internal_error" | "fatal_error"))) => unanswered(why(e), retry_after),
            (Some(false), Some(e)) => Delivery::Refused { why: why(e) },
            _ => unanswered(format!("its answer cannot be read: {}", self.web.quote(&answer.body)), retry_after),
        }
    }
}

fn check(settings: &Settings) -> Vec<Problem> {
    let (webhook, token) = (settings.has("webhook"), settings.has("token"));
    let wrong = |what: &str, key: &str| vec![Problem::error(what).at(settings.key_place(key))];
    match (webhook, token) {
        (true, true) => wrong("`webhook` and `token` exclude each other: keep one of them", "token"),
        (false, false) => wrong("`slack` needs a `webhook`, or a `token` and a `room`", "slack"),
        (false, true) if !settings.has("room") => wrong("a `token` needs a `room`: `room: \"#data\"`", "token"),
        (true, false) if settings.has("room") => {
            wrong("a webhook posts to the room it was made for: take `room` away, or use a `token`", "room")
        }
        _ => Vec::new(),
    }
}

fn build(settings: &Settings, context: &Context) -> Built {
    if let Some(problem) = check(settings).pop() {
        return Err(Box::new(problem));
    }
    let url = context.url.clone();
    if let Some(webhook) = settings.secret("webhook") {
        let web = Web::new(settings, "webhook", webhook.expose(), vec![webhook.clone()])?;
        return Ok(Arc::new(Slack { web, room: None, url }));
    }
    let token = settings.secret("token").cloned().unwrap_or_default();
    let api = settings.text("api").unwrap_or_default().trim_end_matches('/');
    let mut web = Web::new(settings, "api", &format!("{api}/chat.postMessage"), vec![token.clone()])?;
    web.set_header("authorization", &format!("Bearer {}", token.expose()))
        .map_err(|what| Box::new(Problem::error(what).at(settings.place("token"))))?;
    let room = settings.text("room").unwrap_or_default().to_owned();
    Ok(Arc::new(Slack { web, room: Some(room), url }))
}
