//! The messages for a terminal.

use super::{Place, Shown, blocks};
use crate::channels::render::alertmanager::Payload;
use crate::channels::render::{plain, slack};
use crate::load::cases::TestCase;
use crate::model::time::human_duration;
use std::fmt::Write;

pub(super) fn written(case: &TestCase, shown: &[Shown<'_>], color: bool) -> String {
    let mut out = format!("{} ({})\n", case.name, case.declared);
    for one in shown {
        let _ = write!(out, "\n{}\n", heading(one));
        out.push_str(&indented(&content(one, color)));
        if one.changes_the_first() {
            let ended = slack::ended(&one.message(), &one.first_said);
            out.push_str("\n    and the first message is changed to\n");
            out.push_str(&indented(&indented(&blocks::text(&ended["blocks"]))));
        }
    }
    out
}

/// `at 30m to data-slack (slack), in the thread`.
pub(super) fn heading(shown: &Shown<'_>) -> String {
    let at = human_duration(shown.at.as_secs_f64());
    let place = match shown.place {
        Place::Alone => "",
        Place::Thread => ", in the thread",
        Place::Both => ", in the thread and in the room",
    };
    format!("at {at} to {} ({}){place}", shown.channel.name, shown.channel.kind.name)
}

fn content(shown: &Shown<'_>, color: bool) -> String {
    let message = shown.message();
    match shown.channel.kind.name {
        "slack" => blocks::text(&slack::body(&message)["blocks"]),
        "webhook" => json(shown),
        "email" => {
            let (from, to) = addresses(shown);
            format!("From: {from}\nTo: {to}\nSubject: {}\n\n{}", shown.subject, plain::plain(&message))
        }
        _ if color => plain::coloured(&message),
        _ => plain::plain(&message),
    }
}

pub(super) fn json(shown: &Shown<'_>) -> String {
    let payload = Payload { notification: &shown.notification, url: shown.url.unwrap_or_default() };
    serde_json::to_string_pretty(&payload).unwrap_or_default() + "\n"
}

/// Who sends a mail, and to whom.
pub(super) fn addresses(shown: &Shown<'_>) -> (String, String) {
    let settings = &shown.channel.settings;
    (settings.text("from").unwrap_or_default().to_owned(), settings.texts("to").join(", "))
}

fn indented(text: &str) -> String {
    let line = |line: &str| if line.is_empty() { "\n".to_owned() } else { format!("    {line}\n") };
    text.lines().map(line).collect()
}
