//! The channels against real servers: a mail server with STARTTLS and a login, a Slack, and the oracles of Block Kit.

use bellwether::channels::render::{Message, slack};
use bellwether::channels::{Channel, registry};
use bellwether::config::{Document, Problems, Reader, Record, Source};
use bellwether::model::{self, Delivery};
use std::path::Path;
use std::sync::Arc;
use testkit::{SlackEmulator, Smtp, SmtpOptions, Tls};

// The samples are written for the library's own tests.
#[path = "../src/channels/render/samples.rs"]
mod samples;

/// Reads the settings of a kind as a configuration would, and makes the channel.
fn channel(kind: &str, yaml: &str) -> Arc<dyn Channel> {
    static ANY: Record = Record::new("channel", "A channel.", &[]).with_kinds(registry::records);
    let source = Arc::new(Source::new("channels.yaml", "channels.yaml", format!("{kind}: {{ {yaml} }}\n")));
    let mut problems = Problems::new();
    let document = Document::parse(&source, &mut problems).expect("the test's YAML is right");
    let env = |_: &str| None;
    let reader = Reader { folder: Path::new("."), env: &env, lenient: false, fill: true };
    let settings = reader.record(&source, &document.root, &ANY, &mut problems);
    assert!(problems.is_empty(), "{problems:?}");
    let (name, settings) = settings.kind().expect("a kind was written");
    let context = registry::Context { url: Some(Arc::from("https://bellwether.example")) };
    (registry::kind(name).expect("it is of the registry").build)(settings, &context).expect("the settings are right")
}

fn mail(server: &Smtp, scheme: &str, login: &str, to: &str) -> Arc<dyn Channel> {
    let (port, ca) = (server.port(), server.authority());
    let options = format!("ca: '{}', timeout: 3s, from: 'Bellwether <alerts@example.com>'", ca.display());
    channel("email", &format!("smtp: '{scheme}://localhost:{port}', {options}, to: [{to}]{login}"))
}

fn login(password: &str) -> String {
    format!(", username: {}, password: {password}", Smtp::USER)
}

fn sample(name: &str) -> model::Notification {
    samples::all().into_iter().find(|(n, _)| *n == name).expect("there is one").1
}

const DELIVERED: Delivery = Delivery::delivered();

/// Without what names it.
fn bare(delivery: Delivery) -> Delivery {
    match delivery {
        Delivery::Delivered { but, .. } => Delivery::Delivered { but, receipt: None },
        other => other,
    }
}

#[tokio::test]
async fn mail_goes_over_starttls_with_a_login() {
    let Some(server) = testkit::smtp(SmtpOptions { tls: Tls::StartTls, auth: true }) else { return };
    let password = login(Smtp::PASSWORD);
    let oncall = mail(&server, "smtp", &password, "oncall@example.com, boss@example.com");
    for name in ["fired", "resolved", "hostile"] {
        assert_eq!(bare(oncall.send(&sample(name)).await), DELIVERED, "{name}");
    }
    let mails = server.wait_for_mails(3);
    for mail in &mails {
        assert_eq!((mail.tls, mail.user.as_deref()), (true, Some(Smtp::USER)));
        assert_eq!((mail.from.as_str(), mail.to.len()), ("alerts@example.com", 2), "one message to all");
        assert!(!mail.data.contains("\nBcc:"), "{}", mail.data);
    }
    assert!(mails[1].data.contains("References: <n-7f3a-1@example.com>"), "{}", mails[1].data);

    let wrong = mail(&server, "smtp", &login("wrong-password"), "oncall@example.com").send(&sample("fired")).await;
    assert!(
        matches!(&wrong, Delivery::Refused { why, .. } if why.contains("login") && !why.contains("wrong-password"))
    );
    let nobody = mail(&server, "smtp", "", "oncall@example.com").send(&sample("fired")).await;
    assert!(matches!(nobody, Delivery::Refused { .. }), "{nobody:?}");
    assert_eq!(server.mails().len(), 3);
}

#[tokio::test]
async fn mail_goes_over_implicit_tls_and_to_no_stranger() {
    let Some(server) = testkit::smtp(SmtpOptions { tls: Tls::Implicit, auth: false }) else { return };
    assert_eq!(bare(mail(&server, "smtps", "", "oncall@example.com").send(&sample("many")).await), DELIVERED);
    // Without `ca` its certificate is of nobody that the system trusts.
    let yaml = format!("smtp: 'smtps://localhost:{}', from: a@x.example, to: b@x.example", server.port());
    let stranger = channel("email", &yaml).send(&sample("fired")).await;
    assert!(matches!(stranger, Delivery::NotSent { ill: true, .. }), "{stranger:?}");
    assert_eq!(server.wait_for_mails(1).len(), 1);
}

#[tokio::test]
async fn a_mail_server_that_misbehaves_is_understood() {
    let Some(server) = testkit::smtp(SmtpOptions::default()) else { return };
    let send = async |to: &str| {
        let port = server.port();
        let yaml = format!("smtp: 'smtp://127.0.0.1:{port}?tls=none', from: a@x.example, to: [{to}], timeout: 1s");
        channel("email", &yaml).send(&sample("fired")).await
    };
    assert!(matches!(send("greylisted@x.example").await, Delivery::NotSent { ill: false, .. }));
    assert_eq!(bare(send("greylisted@x.example").await), DELIVERED, "the second time");
    assert!(matches!(send("full@x.example").await, Delivery::NotSent { ill: false, .. }));
    assert!(matches!(send("refused@x.example").await, Delivery::Refused { .. }));
    let one_of_two = send("refused@x.example, fine@x.example").await;
    assert!(matches!(&one_of_two, Delivery::Delivered { but: Some(but), .. } if but.starts_with("refused@x.example")));
    assert!(matches!(send("spam@x.example").await, Delivery::Refused { .. }));
    assert!(matches!(send("hang@x.example").await, Delivery::Unanswered { .. }));
    assert!(matches!(send("drop@x.example").await, Delivery::Unanswered { .. }));
}

#[tokio::test]
async fn slack_takes_what_we_post() {
    let Some(server) = testkit::slack() else { return };
    let (hook, api, token) = (server.webhook_url(), server.api_url(), SlackEmulator::TOKEN);
    let by_hook = channel("slack", &format!("webhook: '{hook}'"));
    // The emulator knows rooms by their ids alone.
    let room = server.room_id("alerts").unwrap();
    let by_token = channel("slack", &format!("token: '{token}', room: {room}, api: '{api}'"));
    for (name, notification) in samples::all() {
        assert_eq!(by_hook.send(&notification).await, DELIVERED, "{name}");
        assert_eq!(bare(by_token.send(&notification).await), DELIVERED, "{name}");
    }
    for room in ["general", "alerts"] {
        let messages = server.messages(room).unwrap();
        let texts: Vec<&str> = messages.iter().filter_map(|m| m["text"].as_str()).collect();
        assert_eq!(
            texts.iter().filter(|t| t.starts_with("🔴") || t.starts_with("🟢") || t.starts_with("🟠")).count(),
            12
        );
    }
    let lost = channel("slack", &format!("token: '{token}', room: '#nowhere', api: '{api}'"));
    let lost = lost.send(&sample("fired")).await;
    assert!(matches!(&lost, Delivery::Refused { why, .. } if why.contains("channel_not_found")), "{lost:?}");
}

#[tokio::test]
async fn slack_answers_in_the_thread_and_changes_the_first_message() {
    let Some(server) = testkit::slack() else { return };
    let (api, token, room) = (server.api_url(), SlackEmulator::TOKEN, server.room_id("alerts").unwrap());
    let slack = channel("slack", &format!("token: '{token}', room: {room}, api: '{api}'"));
    let Delivery::Delivered { but: None, receipt: Some(first) } = slack.send(&sample("fired")).await else {
        panic!("a first message has a receipt");
    };
    let following =
        |name: &str| model::Notification { first: Some(first.clone()), over: name == "resolved", ..sample(name) };
    for name in ["escalated", "eased", "resolved"] {
        assert_eq!(slack.send(&following(name)).await, DELIVERED, "{name}");
    }
    let thread = server.call("conversations.replies", &format!("channel={room}&ts={}", first.message)).unwrap();
    let messages = thread["messages"].as_array().unwrap_or_else(|| panic!("{thread}"));
    let seen: Vec<(bool, bool, &str)> = messages
        .iter()
        .map(|m| (m["thread_ts"] == *first.message, m["reply_broadcast"] == true, m["text"].as_str().unwrap()))
        .map(|(under, shown, text)| (under, shown, text.split(" processor").next().unwrap()))
        .collect();
    assert_eq!(
        seen,
        [
            (false, false, "🟢 RESOLVED"), // as it was changed
            (true, true, "🔴 CRITICAL (was warning)"),
            (true, false, "🟠 WARNING (was critical)"),
            (true, false, "🟢 RESOLVED"),
        ]
    );
    let blocks = messages[0]["blocks"].to_string();
    assert!(blocks.contains("Nothing of it fires any more") && blocks.contains("RESOLVED"), "{blocks}");
    // One of which the emulator knows nothing.
    let gone = model::Receipt { message: Arc::from("1.0"), ..first.clone() };
    let end = slack.send(&model::Notification { first: Some(gone), ..following("resolved") }).await;
    assert!(matches!(&end, Delivery::Delivered { but: None, receipt: Some(_) }), "{end:?}");
}

#[test]
fn block_kit_passes_its_oracles() {
    // Each asks two programs: those samples that differ in their blocks.
    for name in ["fired", "came-and-went", "mixed", "many", "hostile"] {
        let body = slack::body(&Message::new(&sample(name), Some("https://bellwether.example")));
        let Some(verdict) = testkit::require("Block Kit oracles", testkit::check_blocks(&body["blocks"])) else {
            return;
        };
        assert_eq!(verdict, Ok(()), "{name}");
    }
}
