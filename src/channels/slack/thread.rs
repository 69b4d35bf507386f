//! A bot's messages: the first in the room, what follows in its thread.
//!
//! The post that tells people is the delivery. The first message is changed before it, since that has no part in what was
//! told: where the change fails, the post is shown in the room; where the message is gone, it stands there by itself.
//! So each news is posted once, whatever becomes of the change.
//!
//! Sources: docs.slack.dev/reference/methods/chat.postMessage and …/chat.update. The arguments and the answer were held
//! against the types of Slack's own client (`ChatPostMessageArguments`, `ChatUpdateArguments` and
//! `ChatPostMessageResponse` of `@slack/web-api` 7.19.0).

use super::super::render::{Message, slack};
use super::super::unanswered;
use super::super::web::{Answer, Want};
use super::{Room, Slack, advice};
use crate::model::{Delivery, FailureClass, Notification, Receipt};
use reqwest::Url;
use serde_json::Value as Json;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Of a send's time, the part that changing the first message may take.
const UPDATE_SHARE: u32 = 3;
/// Nothing can be posted within less.
const TIME_MIN: Duration = Duration::from_millis(50);

/// Where a message goes.
#[derive(Clone, Copy)]
enum Place<'a> {
    Room,
    Thread {
        first: &'a Receipt,
        /// Whether the room is shown it too.
        shown: bool,
    },
}

/// A call that did not do what it should.
struct Failed {
    /// Slack's own word: `message_not_found`.
    error: Option<String>,
    delivery: Delivery,
}

impl Slack {
    pub(super) async fn tell(&self, room: &Room, notification: &Notification) -> Delivery {
        let until = Instant::now() + self.web.timeout();
        // A first message in another room, of before a reload, is none here.
        let first = notification.first.as_ref().filter(|first| first.to == room.name);
        let Some(first) = first else { return self.post(room, Place::Room, notification, until).await };
        let mut place = Place::Thread { first, shown: is_for_the_room(notification) };
        let mut but = None;
        if notification.over && !first.shared {
            match self.update(room, first, notification).await {
                Ok(()) => {}
                // Nobody is there: nothing was told, and all of it is tried again.
                Err(Failed { delivery: Delivery::NotSent { ill: true, why, retry_after, class }, .. }) => {
                    return Delivery::NotSent { ill: true, why, retry_after, class };
                }
                Err(failed) if failed.is_gone() => place = Place::Room,
                Err(failed) => {
                    place = Place::Thread { first, shown: true };
                    but = Some(format!("the first message could not be changed: {}", failed.why()));
                }
            }
        }
        match self.post(room, place, notification, until).await {
            Delivery::Delivered { but: None, receipt } => Delivery::Delivered { but, receipt },
            other => other,
        }
    }

    /// Says in the first message that all of it is over.
    async fn update(&self, room: &Room, first: &Receipt, notification: &Notification) -> Result<(), Failed> {
        let mut body = slack::ended(&Message::new(notification, self.url.as_deref()), &first.said);
        body["channel"] = Json::from(&*first.place);
        body["ts"] = Json::from(&*first.message);
        self.call(&room.update, self.web.timeout() / UPDATE_SHARE, &body).await.map(|_| ())
    }

    async fn post(&self, room: &Room, place: Place<'_>, notification: &Notification, until: Instant) -> Delivery {
        let message = Message::new(notification, self.url.as_deref());
        let mut body = slack::body(&message);
        body["channel"] = Json::from(&*room.name);
        if let Place::Thread { first, shown } = place {
            // The id outlives a renaming of the room.
            body["channel"] = Json::from(&*first.place);
            body["thread_ts"] = Json::from(&*first.message);
            body["reply_broadcast"] = Json::from(shown);
        }
        let url = self.web.beside("chat.postMessage");
        let mut answer = self.call(&url, left(until), &body).await;
        let mut place = place;
        if matches!(place, Place::Thread { .. }) && answer.as_ref().is_err_and(Failed::is_gone) {
            // Slack refused it, so that it is told once all the same.
            body["channel"] = Json::from(&*room.name);
            body.as_object_mut().map(|body| (body.remove("thread_ts"), body.remove("reply_broadcast")));
            place = Place::Room;
            answer = self.call(&url, left(until), &body).await;
        }
        match answer {
            Ok(answer) => Delivery::Delivered { but: None, receipt: receipt(room, place, &message, &answer) },
            Err(failed) => failed.delivery,
        }
    }

    /// Calls a method of the Web API.
    async fn call(&self, url: &Url, within: Duration, body: &Json) -> Result<Json, Failed> {
        let body = || Ok(body.to_string().into_bytes());
        let answer = self.web.post_to(url, within, body, Want::Body).await;
        self.judge(&answer.map_err(|delivery| Failed { error: None, delivery })?)
    }

    /// docs.slack.dev/reference/methods/chat.postMessage: the errors with which Slack says that the fault is its own.
    fn judge(&self, answer: &Answer) -> Result<Json, Failed> {
        let retry_after = answer.retry_after;
        let json: Json = serde_json::from_str(&answer.body).unwrap_or_default();
        let error = json["error"].as_str().map(|e| self.web.quote(e));
        let why = |error: &str| format!("Slack answered `{error}`");
        let delivery = match (json["ok"].as_bool(), error.as_deref()) {
            (Some(true), _) => return Ok(json),
            (Some(false), Some(e @ ("ratelimited" | "rate_limited"))) => {
                Delivery::NotSent { why: why(e), retry_after, ill: false, class: FailureClass::RateLimited }
            }
            (Some(false), Some(e @ ("request_timeout" | "service_unavailable" | "team_added_to_org"))) => {
                Delivery::NotSent { why: why(e), retry_after, ill: true, class: FailureClass::ServerError }
            }
            (Some(false), Some(e @ ("internal_error" | "fatal_error"))) => {
                unanswered(FailureClass::ServerError, why(e), retry_after)
            }
            (Some(false), Some(e)) => {
                let why = advice::of_error(e).map_or_else(|| why(e), |advice| format!("{}: {advice}", why(e)));
                Delivery::Refused { why, class: refusal(e) }
            }
            _ => unanswered(
                FailureClass::Malformed,
                format!("its answer cannot be read: {}", self.web.quote(&answer.body)),
                retry_after,
            ),
        };
        Err(Failed { error, delivery })
    }
}

impl Failed {
    /// Whether nothing can stand under that message any more, or it is not where it was.
    fn is_gone(&self) -> bool {
        const GONE: [&str; 6] = [
            "message_not_found",
            "thread_not_found",
            "cannot_reply_to_message",
            "invalid_thread_ts",
            "restricted_action_thread_locked",
            // Its id is of another workspace, of before a reload.
            "channel_not_found",
        ];
        self.error.as_deref().is_some_and(|error| GONE.contains(&error))
    }

    fn why(&self) -> &str {
        match &self.delivery {
            Delivery::Delivered { .. } => "",
            Delivery::NotSent { why, .. } | Delivery::Unanswered { why, .. } | Delivery::Refused { why, .. } => why,
        }
    }
}

fn left(until: Instant) -> Duration {
    until.saturating_duration_since(Instant::now()).max(TIME_MIN)
}

/// Whether those who do not follow the thread should see it: an alarm, or a reminder.
fn is_for_the_room(notification: &Notification) -> bool {
    notification.repeat || notification.alarms()
}

/// What names a message that stands in the room. Slack puts a reply there whose first message was deleted: its answer is
/// then of a message without `thread_ts`.
fn receipt(room: &Room, place: Place<'_>, message: &Message<'_>, answer: &Json) -> Option<Receipt> {
    let posted = &answer["message"];
    let in_thread = matches!(place, Place::Thread { .. }) && (posted.is_null() || posted["thread_ts"].is_string());
    let text = |name: &str| answer[name].as_str().map(Arc::from);
    let said = Arc::from(slack::said(message));
    let (place, message) = text("channel").zip(text("ts")).filter(|_| !in_thread)?;
    Some(Receipt { to: Arc::clone(&room.name), place, message, said, shared: false })
}

/// docs.slack.dev/reference/methods/chat.postMessage: the errors that a token, or what it may do, is at fault for.
fn refusal(error: &str) -> FailureClass {
    match error {
        "invalid_auth"
        | "not_authed"
        | "account_inactive"
        | "token_revoked"
        | "token_expired"
        | "no_permission"
        | "missing_scope"
        | "access_denied"
        | "not_allowed_token_type" => FailureClass::Unauthorised,
        _ => FailureClass::Rejected,
    }
}
