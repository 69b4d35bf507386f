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
//! **Threads, with a token.** The first message of a group's life stands in the room; what follows stands in its thread.
//! What fires anew, an escalation, what came and went, and a repeat are shown in the room too
//! (`reply_broadcast`); an easing and an end are not. When nothing of the group fires any more, the first message itself is
//! changed to say so (`chat.update`). Where it cannot be changed, the room is shown the end as a reply. Where it is gone,
//! a new message goes to the room, and what follows stands under that one. A webhook has no threads: each message stands
//! in the room.
//!
//! **What counts as delivered.** `ok` of a webhook, `"ok": true` of the Web API. `ratelimited` and 429 are obeyed with
//! their `Retry-After`, in seconds or as a date, up to an hour;
//! `"ok": false` with another error is a refusal, but for those with which Slack says that the fault is its own.

mod advice;
#[cfg(test)]
mod tests;
mod thread;

use super::keys::TIMEOUT;
use super::registry::{Built, Context, Kind};
use super::render::{Message, slack};
use super::web::{Answer, Want, Web};
use super::{Channel, unanswered};
use crate::config::{Key, Problem, Record, Settings, Shape};
use crate::model::{Delivery, FailureClass, Notification, Rate, fnv};
use reqwest::Url;
use std::sync::Arc;

pub const KIND: Kind = Kind {
    name: "slack",
    source_text: include_str!("slack.rs"),
    record: &RECORD,
    check,
    rate: Some(RATE),
    room,
    build,
};

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
    room: Option<Room>,
    url: Option<Arc<str>>,
}

/// A room that a bot posts to.
struct Room {
    /// As the configuration calls it.
    name: Arc<str>,
    /// Where `chat.update` is.
    update: Url,
}

#[async_trait::async_trait]
impl Channel for Slack {
    async fn send(&self, notification: &Notification) -> Delivery {
        if let Some(room) = &self.room {
            return self.tell(room, notification).await;
        }
        let body = || Ok(slack::body(&Message::new(notification, self.url.as_deref())).to_string().into_bytes());
        match self.web.post(body, Want::Body).await {
            Ok(answer) => self.webhook_outcome(&answer),
            Err(delivery) => delivery,
        }
    }
}

impl Slack {
    /// A webhook answers `ok`, and what it does not take with a 4xx.
    fn webhook_outcome(&self, answer: &Answer) -> Delivery {
        match answer.body.trim() {
            "ok" => Delivery::delivered(),
            other => unanswered(
                FailureClass::Malformed,
                format!("its answer cannot be read: {}", self.web.quote(other)),
                answer.retry_after,
            ),
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
        _ if settings.text("room").is_some_and(|room| room.trim_matches([' ', '#']).is_empty()) => {
            let problem = Problem::error("`room` is empty").at(settings.place("room"));
            vec![problem.help("write the room's name or its id, `room: \"#data\"`")]
        }
        _ => Vec::new(),
    }
}

/// The room that the rate is counted at: that of a webhook, or the one that a token posts to.
fn room(settings: &Settings) -> Option<u64> {
    let key = settings.secret("webhook").or_else(|| settings.secret("token"))?.expose();
    let place =
        [settings.text("api"), settings.text("room")].map(|text| text.unwrap_or_default().trim_matches(['#', '/']));
    (!key.is_empty()).then(|| fnv::of(&format!("{key} {}", place.join(" "))))
}

fn build(settings: &Settings, context: &Context) -> Built {
    if let Some(problem) = check(settings).pop() {
        return Err(Box::new(problem));
    }
    let url = context.url.clone();
    if let Some(webhook) = settings.secret("webhook") {
        let web = Web::new(settings, "webhook", webhook.expose(), vec![webhook.clone()])?.advised_by(advice::of_answer);
        return Ok(Arc::new(Slack { web, room: None, url }));
    }
    let token = settings.secret("token").cloned().unwrap_or_default();
    let api = settings.text("api").unwrap_or_default().trim_end_matches('/');
    let mut web = Web::new(settings, "api", &format!("{api}/chat.postMessage"), vec![token.clone()])?;
    web.set_header("authorization", &format!("Bearer {}", token.expose()))
        .map_err(|what| Box::new(Problem::error(what).at(settings.place("token"))))?;
    let name = Arc::from(settings.text("room").unwrap_or_default());
    let room = Room { name, update: web.beside("chat.update") };
    Ok(Arc::new(Slack { web, room: Some(room), url }))
}
