//! What a bot calls, against a Web API that answers as it is told.

use crate::channels::conformance::{build, outcome};
use crate::channels::render::samples;
use crate::model::{Delivery, Notification, Receipt};
use serde_json::{Value as Json, json};
use std::sync::Arc;
use testkit::{FaultServer, Reply};

/// The arguments of `chat.postMessage` and `chat.update`, of those that Slack's own client has types for
/// (`ChatPostMessageArguments` and `ChatUpdateArguments` of `@slack/web-api` 7.19.0).
const POST: [&str; 7] = ["channel", "text", "blocks", "unfurl_links", "unfurl_media", "thread_ts", "reply_broadcast"];
const UPDATE: [&str; 4] = ["channel", "ts", "text", "blocks"];

/// What a call was, in a word: `post`, `post in 1.0`, `post in 1.0 and room`, `update 1.0`.
fn call(path: &str, body: &Json) -> String {
    let arguments = if path.ends_with("chat.update") { &UPDATE[..] } else { &POST[..] };
    let unknown: Vec<&String> = body.as_object().unwrap().keys().filter(|key| !arguments.contains(&&***key)).collect();
    assert!(unknown.is_empty(), "{path} has no argument {unknown:?}");
    let text = |key: &str| body[key].as_str().unwrap_or_default();
    if path.ends_with("chat.update") {
        // What it told before is not lost.
        assert!(body["blocks"].to_string().contains("*What it first told*\\n🔴 it was slow"), "{body}");
    }
    match (text("thread_ts"), &body["reply_broadcast"]) {
        _ if path.ends_with("chat.update") => format!("update {} of {}", text("ts"), text("channel")),
        ("", Json::Null) => format!("post to {}", text("channel")),
        (ts, Json::Bool(true)) => format!("post under {ts} of {} and there", text("channel")),
        (ts, _) => format!("post under {ts} of {}", text("channel")),
    }
}

/// Sends against answers to `chat.update` and, in turn, to `chat.postMessage`.
async fn send(notification: &Notification, update: &Json, posts: Vec<Json>) -> (Delivery, Vec<String>) {
    let (update, mut posts) = (update.clone(), posts.into_iter());
    let server = FaultServer::answering(move |request| {
        let answer = if request.path.ends_with("chat.update") { update.clone() } else { posts.next().unwrap() };
        let status = answer["status"].as_u64().map_or(200, |status| u16::try_from(status).unwrap());
        Reply::json(status, &answer.to_string())
    });
    let slack = build("slack", &format!("token: xoxb-1, room: '#data', api: '{}'", server.url("/api"))).unwrap();
    let delivery = slack.send(notification).await;
    let calls = server.requests().iter().map(|r| call(&r.path, &r.json())).collect();
    (delivery, calls)
}

fn first(shared: bool) -> Receipt {
    Receipt {
        to: Arc::from("#data"),
        place: Arc::from("C7"),
        message: Arc::from("1.0"),
        said: Arc::from("🔴 it was slow"),
        shared,
    }
}

fn sample(name: &str, first: Option<Receipt>) -> Notification {
    let (_, notification) = samples::all().into_iter().find(|(n, _)| *n == name).unwrap();
    Notification { first, over: name == "resolved", ..notification }
}

fn ok(ts: &str, thread: Option<&str>) -> Json {
    let message = thread.map_or(json!({ "text": "x" }), |thread| json!({ "text": "x", "thread_ts": thread }));
    json!({ "ok": true, "channel": "C7", "ts": ts, "message": message })
}

fn no(error: &str) -> Json {
    json!({ "ok": false, "error": error })
}

#[tokio::test]
async fn what_follows_stands_in_the_thread_and_what_is_new_in_the_room_too() {
    for (name, want) in [
        ("fired", "post under 1.0 of C7 and there"),
        ("escalated", "post under 1.0 of C7 and there"),
        ("came-and-went", "post under 1.0 of C7 and there"),
        ("repeat", "post under 1.0 of C7 and there"),
        ("mixed", "post under 1.0 of C7 and there"),
        ("eased", "post under 1.0 of C7"),
        ("forgotten", "post under 1.0 of C7"),
    ] {
        let (delivery, calls) =
            send(&sample(name, Some(first(false))), &no("unused"), vec![ok("2.0", Some("1.0"))]).await;
        assert_eq!((delivery, calls), (Delivery::delivered(), vec![want.to_owned()]), "{name}");
    }
    // A first message, and one after a reload that changed the room.
    let elsewhere = Receipt { to: Arc::from("#old"), ..first(false) };
    for before in [None, Some(elsewhere)] {
        let (delivery, calls) = send(&sample("resolved", before), &no("unused"), vec![ok("2.0", None)]).await;
        let said =
            "🟢 RESOLVED PredictionCoordinator ran 8.2x its baseline\nratio = 8.216, duration = 608, baseline = 74";
        let receipt = Some(Receipt { message: Arc::from("2.0"), said: Arc::from(said), ..first(false) });
        assert_eq!((delivery, calls), (Delivery::Delivered { but: None, receipt }, vec!["post to #data".to_owned()]));
    }
}

#[tokio::test]
async fn an_end_changes_the_first_message_and_is_told_once_whatever_becomes_of_that() {
    let (change, reply) = ("update 1.0 of C7", "post under 1.0 of C7");
    let shown = "post under 1.0 of C7 and there";
    let busy = json!({ "status": 429 });
    for (update, want, but) in [
        (ok("1.0", None), reply, None),
        (no("cant_update_message"), shown, Some("cant_update_message")),
        (no("edit_window_closed"), shown, Some("edit_window_closed")),
        (no("ratelimited"), shown, Some("ratelimited")),
        (busy, shown, Some("429")),
        (no("internal_error"), shown, Some("internal_error")),
        (json!({ "status": 500 }), shown, Some("500")),
    ] {
        let (delivery, calls) =
            send(&sample("resolved", Some(first(false))), &update, vec![ok("2.0", Some("1.0"))]).await;
        assert_eq!(calls, [change, want], "{update}");
        let Delivery::Delivered { but: said, receipt: None } = &delivery else { panic!("{update}: {delivery:?}") };
        assert_eq!(said.is_some(), but.is_some(), "{update}: {said:?}");
        assert!(said.as_deref().unwrap_or_default().contains(but.unwrap_or_default()), "{update}: {said:?}");
    }
    // One that tells of other groups, too, is left as it is.
    let (_, calls) = send(&sample("resolved", Some(first(true))), &no("unused"), vec![ok("2.0", Some("1.0"))]).await;
    assert_eq!(calls, [reply]);
    // Slack is not well: nothing was told.
    let (delivery, calls) = send(&sample("resolved", Some(first(false))), &no("service_unavailable"), vec![]).await;
    assert_eq!((outcome(&delivery).as_str(), calls), ("not_sent ill", vec![change.to_owned()]));
}

#[tokio::test]
async fn where_the_first_message_is_gone_a_new_one_becomes_the_first() {
    let (room, shown) = ("post to #data", "post under 1.0 of C7 and there");
    let new = ok("2.0", None);
    for (name, update, posts, want) in [
        ("resolved", no("message_not_found"), vec![new.clone()], vec!["update 1.0 of C7", room]),
        // What Slack does: it puts the reply in the room, and its answer names no thread.
        ("escalated", no("unused"), vec![new.clone()], vec![shown]),
        ("escalated", no("unused"), vec![no("thread_not_found"), new.clone()], vec![shown, room]),
        ("escalated", no("unused"), vec![no("cannot_reply_to_message"), new.clone()], vec![shown, room]),
        ("escalated", no("unused"), vec![no("channel_not_found"), new.clone()], vec![shown, room]),
    ] {
        let (delivery, calls) = send(&sample(name, Some(first(false))), &update, posts).await;
        let Delivery::Delivered { but: None, receipt: Some(receipt) } = delivery else {
            panic!("{calls:?}: {delivery:?}")
        };
        assert_eq!((&*receipt.place, &*receipt.message, receipt.shared), ("C7", "2.0", false), "{calls:?}");
        assert_eq!(calls, want);
    }
    // Another refusal is one, and nothing is said twice.
    let (delivery, calls) =
        send(&sample("escalated", Some(first(false))), &no("unused"), vec![no("is_archived")]).await;
    assert_eq!((outcome(&delivery).as_str(), calls), ("refused", vec![shown.to_owned()]));
}

#[tokio::test]
async fn a_change_that_hangs_leaves_time_for_the_reply() {
    let server = FaultServer::answering(|request| {
        if request.path.ends_with("chat.update") {
            Reply::Hang
        } else {
            Reply::json(200, &ok("2.0", Some("1.0")).to_string())
        }
    });
    let yaml = format!("token: xoxb-1, room: '#data', timeout: 900ms, api: '{}'", server.url("/api"));
    let delivery = build("slack", &yaml).unwrap().send(&sample("resolved", Some(first(false)))).await;
    assert_eq!(outcome(&delivery), "delivered but", "{delivery:?}");
}
