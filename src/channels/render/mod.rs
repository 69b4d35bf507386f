//! From a notification to what people read. Pure: no socket, no clock, no channel's settings.
//!
//! [`Message`] is what a message says, in the order of importance and without any markup; the files
//! beside this one write it as Block Kit, e-mail, text for a terminal and Alertmanager's JSON.

pub mod alertmanager;
pub mod html;
pub mod plain;
mod preface;
pub mod slack;
mod text;

use crate::model::alert::AlertView;
use crate::model::notification::Holds;
use crate::model::{Item, ItemKind, Notification, Severity, Timestamp, Value};
use std::sync::Arc;

pub use html::escape as html_escaped;
use preface::Digest;
use text::clipped;
pub use text::{date_time, one_line, shown};

/// How many alerts a message shows in full: beyond that nobody reads.
const FULL_MAX: usize = 10;
const VALUES_MAX: usize = 20;
const LINKS_MAX: usize = 10;
const TITLE_MAX: usize = 400;
const BODY_MAX: usize = 4_000;
/// How long a subject may be, in characters: beyond that no mail program shows it.
const SUBJECT_MAX: usize = 200;

/// What a message says. Of the texts that come from data only line breaks and control characters are
/// cleaned; markup is escaped by who writes it.
#[derive(Debug)]
pub struct Message<'a> {
    /// One line that says it all: `CRITICAL processor-slowdown — PredictionCoordinator ran 8.2x its baseline`.
    pub headline: String,
    pub tone: Tone,
    /// What is to be said before all else: that it is gathered, late, or in another channel's place.
    pub preface: Vec<String>,
    /// It tells a channel that is back what another was told.
    is_digest: bool,
    /// What happened, most severe first; of a repeat, what still fires. To be shown in full.
    pub sections: Vec<Section<'a>>,
    /// The rest of that: to be shown in a line each, or counted.
    pub more: Vec<Line>,
    /// What else fires, told before: the same.
    pub still: Vec<Line>,
    /// What these hold, so that it is not told by itself: the same.
    pub held: Vec<Line>,
    /// The heading of that list: how many they are, where not all are named.
    pub held_heading: String,
    /// When it was decided.
    pub at: Timestamp,
    /// The address of this Bellwether's pages.
    pub url: Option<&'a str>,
}

/// What colour a message has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Critical,
    Warning,
    Info,
    /// Nothing that it tells of fires any more.
    Over,
}

/// One alert in a line.
#[derive(Debug)]
pub struct Line {
    pub tone: Tone,
    pub kind: ItemKind,
    /// How bad, or that it is over: `CRITICAL (was warning)`, `RESOLVED (forgotten)`.
    pub word: String,
    /// One line, clipped.
    pub title: String,
}

/// One alert in full.
#[derive(Debug)]
pub struct Section<'a> {
    pub line: Line,
    /// May have several lines, or none.
    pub body: String,
    pub since: Timestamp,
    pub ended: Option<Timestamp>,
    /// How long it has fired, or did.
    pub lasted: String,
    pub condition: String,
    /// The values that decided, shortened for reading.
    pub values: Vec<(String, String)>,
    /// What the reader should know about the message itself: told late, a template that failed.
    pub notes: Vec<String>,
    /// The labels that neither the check's name nor the key says: `team=data`.
    pub labels: String,
    /// Which alert this is: `processor-slowdown{processor="x"}`.
    pub id: String,
    /// Where its check is declared.
    pub declared: String,
    pub alert: &'a AlertView,
}

impl<'a> Message<'a> {
    #[must_use]
    pub fn new(notification: &'a Notification, url: Option<&'a str>) -> Message<'a> {
        let (news, still): (Vec<&Item>, Vec<&Item>) = notification.items.iter().partition(|i| i.kind.is_news());
        // A repeat has no news: what still fires is its matter.
        let (shown, others) = if news.is_empty() { (still, news) } else { (news, still) };
        let (full, more) = shown.split_at(shown.len().min(FULL_MAX));
        let mut message = Message {
            headline: String::new(),
            tone: tone(notification),
            preface: preface::preface(notification),
            is_digest: notification.occasion.away.is_some(),
            sections: full.iter().map(|item| Section::new(item, notification.at)).collect(),
            more: more.iter().map(|item| Line::new(item)).collect(),
            still: others.iter().map(|item| Line::new(item)).collect(),
            held: notification.holds.named.iter().map(Line::held).collect(),
            held_heading: held_heading(&notification.holds),
            at: notification.at,
            url,
        };
        message.headline = headline(notification, &message);
        message
    }

    /// The alert, where the message is about one alone.
    #[must_use]
    pub fn only(&self) -> Option<&Section<'a>> {
        match self.sections.as_slice() {
            [one] if self.more.is_empty() => Some(one),
            _ => None,
        }
    }

    /// The subject of a mail that is about nothing before it.
    #[must_use]
    pub fn subject(&self) -> String {
        one_line(&self.headline).chars().take(SUBJECT_MAX).collect()
    }

    /// Its heading, where the titles stand below it.
    #[must_use]
    pub fn heading(&self) -> String {
        self.only()
            .filter(|_| !self.is_digest)
            .map_or_else(|| self.headline.clone(), |one| format!("{} {}", one.line.word, one.check()))
    }
}

impl Line {
    fn new(item: &Item) -> Line {
        let alert = &*item.alert;
        let title = clipped(&alert.title, TITLE_MAX);
        let title = if title.is_empty() { clipped(&alert.id.to_string(), TITLE_MAX) } else { title };
        Line {
            tone: if item.kind.is_firing() { Tone::of(alert.severity) } else { Tone::Over },
            kind: item.kind,
            word: word(item),
            title,
        }
    }

    /// An alert that another holds.
    fn held(alert: &Arc<AlertView>) -> Line {
        let line = Line::new(&Item { kind: ItemKind::Fired, before: None, alert: Arc::clone(alert) });
        let check = clipped(&alert.id.check, TITLE_MAX);
        let title = if line.title.starts_with(&check) { line.title } else { format!("{check} — {}", line.title) };
        Line { title, ..line }
    }

    /// The word where the line stands in a list whose heading says already that it still fires.
    #[must_use]
    pub fn short_word(&self) -> &str {
        self.word.strip_prefix("STILL ").unwrap_or(&self.word)
    }
}

impl<'a> Section<'a> {
    fn new(item: &'a Item, now: Timestamp) -> Section<'a> {
        let alert = &*item.alert;
        let body = if alert.body.trim().is_empty() { &alert.description } else { &alert.body };
        Section {
            line: Line::new(item),
            body: text::clip(&text::lines(body.trim()), BODY_MAX).into_owned(),
            since: alert.since,
            ended: alert.ended,
            lasted: match text::span(alert.since, alert.ended.unwrap_or(now)) {
                nothing if nothing == "0s" && alert.ended.is_none() => "just now".to_owned(),
                span => span,
            },
            condition: clipped(&alert.condition, TITLE_MAX),
            values: values(alert),
            notes: notes(item),
            id: clipped(&alert.id.to_string(), TITLE_MAX),
            labels: labels(alert),
            declared: clipped(&alert.declared, TITLE_MAX),
            alert,
        }
    }

    /// The name of its check.
    #[must_use]
    pub fn check(&self) -> String {
        clipped(&self.alert.id.check, TITLE_MAX)
    }

    /// The values in one line: `ratio = 8.216, duration = 608`.
    #[must_use]
    pub fn values_line(&self) -> String {
        self.values.iter().map(|(name, value)| format!("{name} = {value}")).collect::<Vec<_>>().join(", ")
    }

    /// The links that may be followed, each with its name.
    pub fn links(&self) -> impl Iterator<Item = (String, Option<String>)> {
        self.alert.links.iter().take(LINKS_MAX).map(|(name, url)| {
            let url = one_line(url);
            let is_web = url.starts_with("https://") || url.starts_with("http://");
            (clipped(name, 60), is_web.then_some(url))
        })
    }
}

fn values(alert: &AlertView) -> Vec<(String, String)> {
    let shown = |(name, value): &(Arc<str>, Value)| (clipped(name, 60), text::shown(value));
    alert.values.iter().take(VALUES_MAX).map(shown).collect()
}

impl Tone {
    #[must_use]
    pub const fn of(severity: Severity) -> Tone {
        match severity {
            Severity::Critical => Tone::Critical,
            Severity::Warning => Tone::Warning,
            Severity::Info => Tone::Info,
        }
    }

    /// A sign that stands before a line.
    #[must_use]
    pub const fn sign(self) -> &'static str {
        match self {
            Tone::Critical => "🔴",
            Tone::Warning => "🟠",
            Tone::Info => "🔵",
            Tone::Over => "🟢",
        }
    }
}

fn tone(notification: &Notification) -> Tone {
    if !notification.is_firing() {
        return Tone::Over;
    }
    notification.severity().map_or(Tone::Over, Tone::of)
}

fn word(item: &Item) -> String {
    let now = item.alert.severity.name().to_uppercase();
    let was = |fallback: &str| item.before.map_or(fallback.to_owned(), |s| format!("was {s}"));
    match item.kind {
        ItemKind::Fired => now,
        ItemKind::Escalated => format!("{now} ({})", was("escalated")),
        ItemKind::Eased => format!("{now} ({})", was("eased")),
        ItemKind::StillFiring => format!("STILL {now}"),
        ItemKind::Flapping => format!("{now} (flapping)"),
        ItemKind::Steady => format!("{now} (steady after flapping)"),
        ItemKind::CameAndWent => format!("CAME AND WENT ({})", item.alert.severity),
        ItemKind::Resolved => {
            item.alert.note.map_or("RESOLVED".to_owned(), |note| format!("RESOLVED ({})", note.text()))
        }
    }
}

fn notes(item: &Item) -> Vec<String> {
    let mut notes = Vec::new();
    if item.kind == ItemKind::CameAndWent {
        notes.push("Told late: it fired and ended while this channel could not be reached.".to_owned());
    }
    if let Some(changes) = item.alert.flapping.as_ref().filter(|_| item.kind == ItemKind::Flapping) {
        notes.push(format!("It flaps: {}. You are told again once it is steady.", clipped(changes, 100)));
    }
    if let Some(why) = &item.alert.fell_back {
        notes.push(format!("This was {}", clipped(why, TITLE_MAX)));
    }
    if let Some(error) = &item.alert.template_error {
        notes
            .push(format!("A template of this check failed, so this is the plain text: {}", clipped(error, TITLE_MAX)));
    }
    notes
}

fn held_heading(holds: &Holds) -> String {
    if holds.count == holds.named.len() {
        return "Held under it:".to_owned();
    }
    format!("Held under it: {}, among them", holds.count)
}

/// The labels that are not said elsewhere in the message.
fn labels(alert: &AlertView) -> String {
    let said = |name: &str| {
        matches!(name, "check" | "alertname" | "severity" | "source" | "reason") || alert.id.key.get(name).is_some()
    };
    let other = alert.labels.iter().filter(|(name, _)| !said(name));
    let said: Vec<String> = other.map(|(name, value)| format!("{name}={}", clipped(value, 100))).collect();
    text::clip(&said.join(" "), TITLE_MAX).into_owned()
}

fn headline(notification: &Notification, message: &Message<'_>) -> String {
    let Some(first) = message.sections.first() else {
        return format!("{}: nothing to tell", notification.group);
    };
    let lines = message.sections.iter().map(|s| &s.line).chain(&message.more);
    if let (Some(away), Some(digest)) = (&notification.occasion.away, Digest::of(notification)) {
        return digest.headline(notification, away);
    }
    if let Some(one) = message.only() {
        let check = if one.line.title == one.id { String::new() } else { format!("{} — ", one.check()) };
        let also = message.still.len();
        let also = if also == 0 { String::new() } else { format!(" (+{also} still firing)") };
        return format!("{} {check}{}{also}", one.line.word, one.line.title);
    }
    let worst = match message.tone {
        Tone::Over => "RESOLVED".to_owned(),
        _ => notification.severity().map_or("INFO", Severity::name).to_uppercase(),
    };
    let again = if notification.repeat && message.tone != Tone::Over { "STILL " } else { "" };
    let counts = match (counts(lines), message.still.len()) {
        (counts, 0) => counts,
        (counts, still) => format!("{counts}, {still} still firing"),
    };
    format!("{again}{worst} {} — {counts}", subject(notification, first))
}

/// What several alerts have in common.
fn subject(notification: &Notification, first: &Section<'_>) -> String {
    if notification.items.iter().all(|i| i.alert.id.check == first.alert.id.check) {
        return first.check();
    }
    let group: Vec<String> = notification.group_labels.iter().map(|(_, value)| clipped(value, 60)).collect();
    if group.is_empty() { format!("{} alerts", notification.items.len()) } else { group.join(" ") }
}

/// `2 critical, 1 warning, 3 resolved`.
#[must_use]
pub fn counts<'l>(lines: impl IntoIterator<Item = &'l Line>) -> String {
    const NAMES: [&str; 5] = ["critical", "warning", "info", "resolved", "came and went"];
    let mut numbers = [0; NAMES.len()];
    for line in lines {
        let place = match (line.tone, line.kind) {
            (Tone::Critical, _) => 0,
            (Tone::Warning, _) => 1,
            (Tone::Info, _) => 2,
            (Tone::Over, ItemKind::CameAndWent) => 4,
            (Tone::Over, _) => 3,
        };
        numbers[place] += 1;
    }
    let said = numbers.iter().zip(NAMES).filter(|(n, _)| **n > 0).map(|(n, what)| format!("{n} {what}"));
    said.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;
