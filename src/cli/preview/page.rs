//! The messages as one page that needs nothing else: Slack's as Slack shows them, mail as a mail program does.

use super::text::{addresses, heading, json};
use super::{Place, Shown, blocks};
use crate::channels::render::{date_time, html, html_escaped, plain, slack};
use crate::load::cases::TestCase;
use serde_json::Value as Json;
use std::fmt::Write;

const STYLE: &str = include_str!("preview.css");

pub(super) fn written(case: &TestCase, shown: &[Shown<'_>]) -> String {
    let (name, declared) = (html_escaped(&case.name), html_escaped(&case.declared));
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{name}</title>\n\
         <meta name=\"viewport\" content=\"width=device-width\"><style>\n{STYLE}</style></head>\n\
         <body><h1>{name}</h1><p class=\"declared\">{declared}</p>\n"
    );
    for channel in shown.chunk_by(|a, b| a.channel.name == b.channel.name) {
        let decl = channel[0].channel;
        let name = html_escaped(&decl.name);
        let _ = writeln!(out, "<h2>{name} <small>{}</small></h2>\n<section class=\"{0}\">", decl.kind.name);
        for one in channel {
            let _ = writeln!(out, "<p class=\"at\">{}</p>\n{}", html_escaped(&heading(one)), content(one));
            if one.changes_the_first() {
                let ended = slack_message(one, &slack::ended(&one.message(), &one.first_said), "edited");
                let _ = writeln!(out, "<p class=\"at\">and the first message is changed to</p>\n{ended}");
            }
        }
        out.push_str("</section>\n");
    }
    out + "</body></html>\n"
}

fn content(shown: &Shown<'_>) -> String {
    let message = shown.message();
    match shown.channel.kind.name {
        "slack" => slack_message(shown, &slack::body(&message), ""),
        "email" => mail(shown),
        "webhook" => format!("<pre>{}</pre>", html_escaped(&json(shown))),
        _ => format!("<pre class=\"terminal\">{}</pre>", html_escaped(&plain::plain(&message))),
    }
}

/// A message of a bot; `note` stands behind its time.
fn slack_message(shown: &Shown<'_>, body: &Json, note: &str) -> String {
    let time = shown.notification.at.to_jiff().strftime("%H:%M").to_string();
    let is_reply = shown.place != Place::Alone && note.is_empty();
    let class = if is_reply { "message reply" } else { "message" };
    let place =
        if shown.place == Place::Both && is_reply { "<div class=\"also\">also sent to the room</div>" } else { "" };
    let note = if note.is_empty() { String::new() } else { format!(" <span class=\"time\">({note})</span>") };
    format!(
        "<div class=\"{class}\"><div class=\"avatar\">B</div><div class=\"body\">{place}<div><b>Bellwether</b> \
         <span class=\"app\">APP</span> <span class=\"time\">{time}</span>{note}</div>{}</div></div>",
        blocks::html(&body["blocks"])
    )
}

fn mail(shown: &Shown<'_>) -> String {
    let (from, to) = addresses(shown);
    let rows = [("From", from), ("To", to), ("Date", date_time(shown.notification.at))];
    let rows: Vec<String> =
        rows.iter().map(|(name, text)| format!("<tr><th>{name}</th><td>{}</td></tr>", html_escaped(text))).collect();
    let rows = rows.concat();
    let fit = "this.style.height='0';this.style.height=this.contentDocument.documentElement.scrollHeight+'px'";
    format!(
        "<div class=\"mail\"><div class=\"subject\">{}</div><table>{rows}</table>\
         <iframe srcdoc=\"{}\" onload=\"{fit}\" title=\"the mail\"></iframe></div>",
        html_escaped(&shown.subject),
        html_escaped(&html::html(&shown.message()))
    )
}
