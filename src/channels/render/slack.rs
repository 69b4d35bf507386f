//! The message as Slack's Block Kit, within Slack's limits.
//!
//! Limits: docs.slack.dev/reference/block-kit/blocks (50 blocks, a header of 150 characters, a section of
//! 3,000, 10 fields of 2,000) and docs.slack.dev/reference/methods/chat.postMessage (`text` of 4,000).
//! All blocks together may be about 13,200 characters of JSON, which is written nowhere but is what
//! github.com/slackapi/bolt-js/issues/2509 and 2867 met (`msg_blocks_too_long`): what is beyond gets a line, or is counted.
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
/// All blocks together, as JSON.
const TOTAL_MAX: usize = 12_000;
/// Of that, what is kept for alerts in a line each, where there are any.
const LISTS_SHARE: usize = 4_000;
/// Of that, what each further list has at least: its heading and a count.
const LIST_MIN: usize = 500;
/// What is kept of the first message, to stand in it once it is over.
const SAID_MAX: usize = 600;

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

/// The keys of `chat.update` for the first message of a group of which nothing fires any more; `said` is what it told.
#[must_use]
pub fn ended(message: &Message<'_>, said: &str) -> Json {
    let mut blocks = blocks(message);
    if !said.is_empty() {
        let text = format!("*What it first told*\n{}", escape(said, SAID_MAX));
        blocks.push(json!({ "type": "section", "text": mrkdwn(&text) }));
    }
    blocks.push(context("Nothing of it fires any more. How it went stands in the thread."));
    json!({ "text": fallback(message), "blocks": blocks })
}

/// What a message tells, in few lines.
#[must_use]
pub fn said(message: &Message<'_>) -> String {
    let lines = message.sections.iter().map(|section| {
        let line = format!("{} {} {}", section.line.tone.sign(), section.line.word, section.line.title);
        if message.only().is_some() { format!("{line}\n{}", section.values_line()) } else { line }
    });
    clip(lines.collect::<Vec<_>>().join("\n").trim_end(), SAID_MAX).into_owned()
}

fn fallback(message: &Message<'_>) -> String {
    escape(&format!("{} {}", message.tone.sign(), message.headline), FALLBACK_MAX)
}

fn blocks(message: &Message<'_>) -> Vec<Json> {
    let mut out = vec![header(message)];
    if !message.preface.is_empty() {
        out.push(context(&escape(&message.preface.join("\n"), NOTE_MAX * 4)));
    }
    let end: Vec<Json> = message.url.map(|url| context(&link(url, "all alerts"))).into_iter().collect();
    // The last is for what `ended` says.
    let mut left = TOTAL_MAX - size(&out) - size(&end) - 2 * SAID_MAX;
    let lists =
        message.sections.len() > 1 || [&message.more, &message.held, &message.still].iter().any(|l| !l.is_empty());
    let kept = if lists { LISTS_SHARE } else { 0 };
    let mut full = 0;
    for section in &message.sections {
        let blocks = shown(section, full, message.only().is_some());
        // The first one fits by its own limits.
        if full > 0 && left < size(&blocks) + kept {
            break;
        }
        left = left.saturating_sub(size(&blocks));
        out.extend(blocks);
        full += 1;
    }
    let and: Vec<&Line> = message.sections[full..].iter().map(|s| &s.line).chain(&message.more).collect();
    let lists = [("And", and), (&*message.held_heading, message.held.iter().collect())];
    let still = ("Still firing:", message.still.iter().collect());
    let lists: Vec<(&str, Vec<&Line>)> = lists.into_iter().chain([still]).filter(|(_, l)| !l.is_empty()).collect();
    for (i, (heading, lines)) in lists.iter().enumerate() {
        let blocks = list(heading, lines, left.saturating_sub(LIST_MIN * (lists.len() - i - 1)));
        left = left.saturating_sub(size(&blocks));
        out.extend(blocks);
    }
    out.extend(end);
    debug_assert!(out.len() + 1 < BLOCKS_MAX);
    out
}

/// One alert in full.
fn shown(section: &Section<'_>, place: usize, alone_here: bool) -> Vec<Json> {
    let mut out = Vec::new();
    if place > 0 {
        out.push(json!({ "type": "divider" }));
    }
    out.push(if alone_here { alone(section) } else { among_others(section) });
    out.push(context(&footer(section)));
    out
}

/// What Slack counts of blocks, as nearly as is known: their JSON.
fn size(blocks: &[Json]) -> usize {
    blocks.iter().map(|block| units(&block.to_string()) + 1).sum()
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

/// A line each, as many as fit into so much JSON; the rest is counted.
fn list(heading: &str, lines: &[&Line], size_max: usize) -> Vec<Json> {
    let section = |text: &str| json!({ "type": "section", "text": mrkdwn(text.trim_start()) });
    let mut text = format!("*{heading} {}*", counts(lines.iter().copied()));
    let mut out = Vec::new();
    // What the whole list takes, with its closing line.
    let mut used = size(&[section(&text)]) + REST_MAX;
    for (i, line) in lines.iter().enumerate() {
        let shown = escape(&format!("{} {}", line.short_word(), line.title), LINE_MAX);
        let shown = format!("\n{} {shown}", line.tone.sign());
        let is_full = units(&text) + units(&shown) + REST_MAX > SECTION_MAX;
        let costs = units(&Json::from(shown.as_str()).to_string()) + if is_full { size(&[section("")]) } else { 0 };
        if used + costs > size_max || (is_full && out.len() + 1 == LIST_SECTIONS_MAX) {
            let _ = write!(text, "\n… and {}", counts(lines[i..].iter().copied()));
            break;
        }
        if is_full {
            out.push(section(&std::mem::take(&mut text)));
        }
        used += costs;
        text.push_str(&shown);
    }
    out.push(section(&text));
    out
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
