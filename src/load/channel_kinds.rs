//! The kinds of channel and their keys, until the room of channels has its registry.

use crate::config::{Key, Record, Shape};

/// A kind of channel.
pub struct Kind {
    pub name: &'static str,
    /// The keys under `channels: { name: { <kind>: … } }`.
    pub settings: &'static Record,
}

pub const KINDS: &[Kind] = &[
    Kind { name: "console", settings: &CONSOLE },
    Kind { name: "slack", settings: &SLACK },
    Kind { name: "email", settings: &EMAIL },
    Kind { name: "webhook", settings: &WEBHOOK },
];

static CONSOLE: Record = Record::new("console", "The terminal.", &[]);
static SLACK: Record = Record::new(
    "slack",
    "Slack.",
    &[
        Key::new("webhook", Shape::Secret, "An incoming webhook."),
        Key::new("token", Shape::Secret, "A bot's token."),
        Key::new("room", Shape::Text, "Where the bot writes."),
    ],
);
static EMAIL: Record = Record::new(
    "email",
    "Mail.",
    &[
        Key::new("smtp", Shape::Text, "The server.").required(),
        Key::new("username", Shape::Text, "Who logs in."),
        Key::new("password", Shape::Secret, "The password."),
        Key::new("from", Shape::Text, "The sender.").required(),
        Key::new("to", Shape::OneOrMany(&Shape::Text), "The recipients.").required(),
    ],
);
static WEBHOOK: Record =
    Record::new("webhook", "Alertmanager's JSON.", &[Key::new("url", Shape::Secret, "Where to post.").required()]);
