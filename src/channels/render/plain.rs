//! The message as text: for a terminal, for the text part of a mail, for tests of checks.

use super::{Line, Message, Section, Tone, counts, date_time};

/// How many alerts get a line; what is beyond is counted.
const LINES_MAX: usize = 200;

/// Wraps a piece of text in colour, or not.
type Paint = fn(Tone, &str) -> String;

/// The message without colour, its headline first.
#[must_use]
pub fn plain(message: &Message<'_>) -> String {
    write(message, |_, text| text.to_owned())
}

/// The message with ANSI colours for a terminal.
#[must_use]
pub fn coloured(message: &Message<'_>) -> String {
    write(message, |tone, text| {
        let code = match tone {
            Tone::Critical => "1;31",
            Tone::Warning => "1;33",
            Tone::Info => "1;34",
            Tone::Over => "1;32",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    })
}

fn write(message: &Message<'_>, paint: Paint) -> String {
    let mut out = paint(message.tone, &message.headline);
    out.push('\n');
    message.preface.iter().for_each(|line| out.push_str(&format!("    {line}\n")));
    let alone = message.only().is_some();
    for section in &message.sections {
        if !alone {
            out.push_str(&format!("\n  {} {}\n", paint(section.line.tone, &section.line.word), section.line.title));
        }
        details(&mut out, section, if alone { "    " } else { "      " });
    }
    list(&mut out, "And", &message.more, paint);
    list(&mut out, &message.held_heading, &message.held, paint);
    list(&mut out, "Still firing:", &message.still, paint);
    if let Some(url) = message.url {
        out.push_str(&format!("\n    {url}\n"));
    }
    out
}

/// A line each, as many as fit; the rest is counted.
fn list(out: &mut String, heading: &str, lines: &[Line], paint: Paint) {
    if lines.is_empty() {
        return;
    }
    out.push_str(&format!("\n  {heading} {}\n", counts(lines)));
    let (shown, rest) = lines.split_at(lines.len().min(LINES_MAX));
    for line in shown {
        out.push_str(&format!("    {} {}\n", paint(line.tone, line.short_word()), line.title));
    }
    if !rest.is_empty() {
        out.push_str(&format!("    … and {}\n", counts(rest)));
    }
}

fn details(out: &mut String, section: &Section<'_>, indent: &str) {
    for line in section.body.lines() {
        out.push_str(&format!("{indent}{line}\n"));
    }
    let mut row = |name: &str, text: &str| {
        if !text.is_empty() {
            out.push_str(&format!("{indent}{name:<10} {text}\n"));
        }
    };
    row("condition", &section.condition);
    row("values", &section.values_line());
    match section.ended {
        None => row("since", &format!("{} ({})", date_time(section.since), section.lasted)),
        Some(ended) => {
            row("fired", &date_time(section.since));
            row("ended", &format!("{} (after {})", date_time(ended), section.lasted));
        }
    }
    row("alert", &section.id);
    row("labels", &section.labels);
    for (name, url) in section.links() {
        row(&name, url.as_deref().unwrap_or("(not a web address)"));
    }
    row("declared", &section.declared);
    for note in &section.notes {
        row("note", note);
    }
}
