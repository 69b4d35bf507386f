//! The message as HTML for a mail: tables and inline styles, which is what mail programs understand.
//!
//! Text and background colours are set only together, so that a dark theme keeps every text readable.

use super::{Line, Message, Section, Tone, counts, date_time};
use std::fmt::Write;

/// How many alerts get a line; what is beyond is counted.
const LINES_MAX: usize = 200;

const FONT: &str = "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif";
const MONO: &str = "font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:13px";
/// Readable on white and on black.
const FAINT: &str = "color:#7a7f87";

/// The document.
#[must_use]
pub fn html(message: &Message<'_>) -> String {
    let mut rows = String::new();
    for line in &message.preface {
        let _ = write!(rows, "<tr><td style=\"padding:12px 20px 0\">{}</td></tr>", escape(line));
    }
    let alone = message.only().is_some();
    for section in &message.sections {
        full(&mut rows, section, alone);
    }
    list(&mut rows, "And", &message.more);
    list(&mut rows, &message.held_heading, &message.held);
    list(&mut rows, "Still firing:", &message.still);
    if let Some(url) = message.url {
        let _ = write!(rows, "<tr><td style=\"padding:12px 20px\">{}</td></tr>", link(url, "All alerts"));
    }
    format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>{title}</title></head>\
         <body style=\"margin:0;padding:16px;{FONT};font-size:15px;line-height:1.45\">\
         <table role=\"presentation\" cellpadding=\"0\" cellspacing=\"0\" width=\"100%\" \
         style=\"max-width:640px;border:1px solid #8884;border-radius:6px;border-collapse:separate\">\
         <tr><td style=\"background:{colour};color:#ffffff;padding:12px 20px;border-radius:5px 5px 0 0;\
         font-size:17px;font-weight:600\">{head}</td></tr>{rows}</table></body></html>",
        title = escape(&message.headline),
        colour = colour(message.tone),
        head = escape(&message.heading()),
    )
}

const fn colour(tone: Tone) -> &'static str {
    match tone {
        Tone::Critical => "#c0262d",
        Tone::Warning => "#b45309",
        Tone::Info => "#2563a8",
        Tone::Over => "#2b7a3e",
    }
}

fn full(out: &mut String, section: &Section<'_>, alone: bool) {
    let _ = write!(out, "<tr><td style=\"padding:14px 20px 12px;border-bottom:1px solid #8884\">");
    if !alone {
        let _ = write!(out, "<div>{}</div>", badge(section.line.tone, &section.line.word));
    }
    let _ = write!(out, "<div style=\"font-size:17px;font-weight:600\">{}</div>", escape(&section.line.title));
    if !section.body.is_empty() {
        let body = escape(&section.body).replace('\n', "<br>");
        let _ = write!(out, "<div style=\"margin-top:4px\">{body}</div>");
    }
    for note in &section.notes {
        let _ = write!(
            out,
            "<div style=\"margin-top:8px;padding:6px 10px;background:#fff3cd;color:#5c4400;border-radius:4px\">{}</div>",
            escape(note)
        );
    }
    facts(out, section);
    let links: Vec<String> = section.links().filter_map(|(name, url)| url.map(|url| link(&url, &name))).collect();
    if !links.is_empty() {
        let _ = write!(out, "<div style=\"margin-top:10px\">{}</div>", links.join(" &nbsp; "));
    }
    out.push_str("</td></tr>");
}

/// The table of what is known: since when, the condition, the values, which alert, where declared.
fn facts(out: &mut String, section: &Section<'_>) {
    let mut rows: Vec<(&str, String)> = match section.ended {
        None => vec![("Since", format!("{} ({})", date_time(section.since), section.lasted))],
        Some(ended) => vec![
            ("Fired", date_time(section.since)),
            ("Ended", format!("{} (after {})", date_time(ended), section.lasted)),
        ],
    }
    .into_iter()
    .map(|(name, text)| (name, escape(&text)))
    .collect();
    let mono = |text: &str| format!("<span style=\"{MONO}\">{}</span>", escape(text));
    if !section.condition.is_empty() {
        rows.push(("Condition", mono(&section.condition)));
    }
    let values: Vec<String> = section.values.iter().map(|(name, value)| mono(&format!("{name} = {value}"))).collect();
    rows.push(("Values", values.join("<br>")));
    rows.push(("Alert", mono(&section.id)));
    rows.push(("Labels", escape(&section.labels)));
    rows.push(("Declared", mono(&section.declared)));
    out.push_str(
        "<table role=\"presentation\" cellpadding=\"0\" cellspacing=\"0\" style=\"margin-top:10px;font-size:14px\">",
    );
    for (name, cell) in rows.iter().filter(|(_, cell)| !cell.is_empty()) {
        let _ = write!(
            out,
            "<tr><td valign=\"top\" style=\"{FAINT};padding:2px 16px 2px 0;white-space:nowrap\">{name}</td>\
             <td style=\"padding:2px 0;word-break:break-word\">{cell}</td></tr>"
        );
    }
    out.push_str("</table>");
}

fn badge(tone: Tone, word: &str) -> String {
    format!(
        "<span style=\"background:{};color:#ffffff;padding:1px 8px;border-radius:9px;font-size:12px;font-weight:600\">{}</span>",
        colour(tone),
        escape(word)
    )
}

/// A line each, as many as fit; the rest is counted.
fn list(out: &mut String, heading: &str, lines: &[Line]) {
    if lines.is_empty() {
        return;
    }
    let _ = write!(
        out,
        "<tr><td style=\"padding:12px 20px\"><div style=\"font-weight:600;margin-bottom:4px\">{heading} {}</div>",
        counts(lines)
    );
    let (shown, rest) = lines.split_at(lines.len().min(LINES_MAX));
    for line in shown {
        let badge = badge(line.tone, line.short_word());
        let _ = write!(out, "<div style=\"margin:3px 0\">{badge} {}</div>", escape(&line.title));
    }
    if !rest.is_empty() {
        let _ = write!(out, "<div style=\"{FAINT}\">… and {}</div>", counts(rest));
    }
    out.push_str("</td></tr>");
}

fn link(url: &str, name: &str) -> String {
    format!("<a href=\"{}\" style=\"color:#3b82c4\">{}</a>", escape(url), escape(name))
}

/// Text to stand in HTML, between tags or in a quoted attribute.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}
