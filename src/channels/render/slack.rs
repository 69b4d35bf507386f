//! The message as Slack's Block Kit, within Slack's limits.
//!
//! Limits: docs.slack.dev/reference/block-kit/blocks (50 blocks, a header of 150 characters, a section of
//! 3,000, 10 fields of 2,000) and docs.slack.dev/reference/methods/chat.postMessage (`text` of 4,000).
//! `& < >` are escaped and every text is `verbatim`, so that data can neither mention nor link.

use super::text::clip;
use super::{Line, Message, Section, counts, date_time};
use crate::model::Timestamp;
use serde_json::{Value as Json, json};
use std::fmt::Write;

const BLOCKS_MAX: usize = 50;
const HEADER_MAX: usize = 150;
const SECTION_MAX: usize = 3_000;
const FIELD_MAX: usize = 2_000;
const FALLBACK_MAX: usize = 4_000;

/// How many sections of one-line alerts may follow.
const LIST_SECTIONS_MAX: usize = 4;
const VALUES_MAX: usize = 10;
const TITLE_MAX: usize = 300;
const BODY_MAX: usize = 1_000;
const NOTE_MAX: usize = 300;
const LINE_MAX: usize = 250;
/// What a list's closing line may need.
const REST_MAX: usize = 200;
/// What the links of one alert may take.
const LINKS_MAX: usize = 1_800;

/// The keys of a message that the webhook and `chat.postMessage` share.
#[must_use]
pub fn body(message: &Message<'_>) -> Json {
    json!({
        "text": fallback(message),
        "blocks": blocks(message),
        "unfurl_links": false,
        "unfurl_media": false,
    })
}

/// The keys of `chat.update` for the first message of a group of which nothing fires any more.
#[must_use]
pub fn ended(message: &Message<'_>) -> Json {
    let mut blocks = blocks(message);
    blocks.push(context("Nothing that this message told of fires any more. How it went stands in its thread."));
    json!({ "text": fallback(message), "blocks": blocks })
}

fn fallback(message: &Message<'_>) -> String {
    escape(&format!("{} {}", message.tone.sign(), message.headline), FALLBACK_MAX)
}

fn blocks(message: &Message<'_>) -> Vec<Json> {
    let mut out = vec![header(message)];
    for (i, section) in message.sections.iter().enumerate() {
        if i > 0 {
            out.push(json!({ "type": "divider" }));
        }
        out.push(if message.only().is_some() { alone(section) } else { among_others(section) });
        out.push(context(&footer(section)));
    }
    list(&mut out, "And", &message.more);
    list(&mut out, &message.held_heading, &message.held);
    list(&mut out, "Still firing:", &message.still);
    if let Some(url) = message.url {
        out.push(context(&link(url, "all alerts")));
    }
    debug_assert!(out.len() < BLOCKS_MAX);
    out
}

fn header(message: &Message<'_>) -> Json {
    let text = escape(&format!("{} {}", message.tone.sign(), message.heading()), HEADER_MAX);
    json!({ "type": "header", "text": { "type": "plain_text", "text": text, "emoji": false } })
}

fn mrkdwn(text: &str) -> Json {
    json!({ "type": "mrkdwn", "text": text, "verbatim": true })
}

fn context(text: &str) -> Json {
    json!({ "type": "context", "elements": [mrkdwn(text)] })
}

/// An alert that has the message for itself: title and body, below them two columns.
fn alone(section: &Section<'_>) -> Json {
    let text = titled(section, format!("*{}*", bold(&section.line.title)));
    let fields: Vec<Json> = columns(section).iter().map(|f| mrkdwn(f)).collect();
    json!({ "type": "section", "text": mrkdwn(&text), "fields": fields })
}

/// One of several: the same in fewer lines.
fn among_others(section: &Section<'_>) -> Json {
    let line = &section.line;
    let head = format!("{} *{}*  *{}*", line.tone.sign(), escape(&line.word, TITLE_MAX), bold(&line.title));
    let mut text = titled(section, head);
    let _ = match section.ended {
        None => write!(text, "\nsince {} ({})", date(section.since), section.lasted),
        Some(ended) => write!(text, "\nfrom {} to {} ({})", date(section.since), date(ended), section.lasted),
    };
    if !section.condition.is_empty() {
        let _ = write!(text, "  ·  {}", code(&section.condition, 120));
    }
    if !section.values.is_empty() {
        let _ = write!(text, "\n{}", escape(&section.values_line(), 300));
    }
    json!({ "type": "section", "text": mrkdwn(&text) })
}

/// The title with the body and the notes below it.
fn titled(section: &Section<'_>, title: String) -> String {
    let mut out = title;
    if !section.body.is_empty() {
        let _ = write!(out, "\n{}", escape(&section.body, BODY_MAX));
    }
    for note in &section.notes {
        let _ = write!(out, "\n:warning: {}", escape(note, NOTE_MAX));
    }
    out
}

/// Since when and the condition; the values that decided.
fn columns(section: &Section<'_>) -> Vec<String> {
    let mut left = match section.ended {
        None => format!("*Since*\n{} ({})", date(section.since), section.lasted),
        Some(ended) => {
            format!("*Fired*\n{}\n*Ended*\n{} (after {})", date(section.since), date(ended), section.lasted)
        }
    };
    if !section.condition.is_empty() {
        let _ = write!(left, "\n*Condition*\n{}", code(&section.condition, 500));
    }
    let mut out = vec![left];
    if !section.values.is_empty() {
        let mut right = "*Values*".to_owned();
        for (name, value) in section.values.iter().take(VALUES_MAX) {
            let _ = write!(right, "\n{} = {}", escape(name, 40), code(value, 60));
        }
        if let Some(rest) = section.values.len().checked_sub(VALUES_MAX).filter(|n| *n > 0) {
            let _ = write!(right, "\n… and {rest} more");
        }
        out.push(right);
    }
    debug_assert!(out.iter().all(|f| units(f) <= FIELD_MAX));
    out
}

/// Links, which alert this is, and where it is declared.
fn footer(section: &Section<'_>) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut used = 0;
    for (name, url) in section.links() {
        let link = url.map(|url| link(&url, &name)).filter(|link| used + units(link) <= LINKS_MAX);
        used += link.as_deref().map_or(0, units);
        // What cannot be linked is named all the same.
        parts.push(link.unwrap_or_else(|| escape(&name, 60)));
    }
    parts.push(code(&section.id, 200));
    if !section.labels.is_empty() {
        parts.push(escape(&section.labels, 250));
    }
    parts.push(escape(&section.declared, 200));
    parts.join("  ·  ")
}

/// A line each, as many as fit; the rest is counted.
fn list(out: &mut Vec<Json>, heading: &str, lines: &[Line]) {
    if lines.is_empty() {
        return;
    }
    let mut text = format!("*{heading} {}*", counts(lines));
    let mut used = units(&text);
    let mut sections = Vec::new();
    for (i, line) in lines.iter().enumerate() {
        let shown = escape(&format!("{} {}", line.short_word(), line.title), LINE_MAX);
        let shown = format!("\n{} {shown}", line.tone.sign());
        if used + units(&shown) + REST_MAX > SECTION_MAX {
            if sections.len() + 1 == LIST_SECTIONS_MAX {
                let _ = write!(text, "\n… and {}", counts(&lines[i..]));
                break;
            }
            sections.push(std::mem::take(&mut text));
            used = 0;
        }
        used += units(&shown);
        text.push_str(&shown);
    }
    sections.push(text);
    out.extend(sections.iter().map(|t| json!({ "type": "section", "text": mrkdwn(t.trim_start()) })));
}

fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// A time in the reader's own zone, for those whose client can; the others read UTC.
fn date(t: Timestamp) -> String {
    format!("<!date^{}^{{date_short_pretty}} {{time_secs}}|{}>", t.as_secs(), date_time(t))
}

fn link(url: &str, name: &str) -> String {
    let url = url.replace('&', "&amp;").replace('<', "%3C").replace('>', "%3E").replace('|', "%7C").replace(' ', "%20");
    format!("<{url}|{}>", escape(&name.replace('|', "/"), 60))
}

/// The text escaped, and clipped so that it has at most so many units afterwards.
fn escape(text: &str, units_max: usize) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    let (mut used, mut fits_up_to) = (0, 0);
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            c => escaped.push(c),
        }
        used += match c {
            '&' => 5,
            '<' | '>' => 4,
            c => c.len_utf16(),
        };
        if used < units_max {
            fits_up_to = escaped.len();
        }
        if used > units_max {
            escaped.truncate(fits_up_to);
            escaped.push('…');
            break;
        }
    }
    escaped
}

/// Text to stand between asterisks.
fn bold(text: &str) -> String {
    escape(&text.replace('*', "∗"), TITLE_MAX)
}

/// Text between backticks, shown as it is.
fn code(text: &str, units_max: usize) -> String {
    format!("`{}`", escape(&clip(text, units_max).replace('`', "ˋ"), 2 * units_max))
}
