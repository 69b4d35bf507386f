//! What to say where YAML itself is wrong, or says something else than its writer meant.

use granit_parser::{ErrorKind, ScanError};

use super::diagnostic::Problem;
use super::mask::sounds_secret;
use super::source::{Source, Span};
use super::tree::DEPTH_MAX;

const QUOTE: &str = "put the expression in single quotes";

/// `!healthy && x > 2`: to YAML, `!healthy` says of what type the value is.
pub(super) fn tag(source: &Source, tag: Span, value: Span, in_flow: bool) -> Problem {
    let problem = Problem::error(format!("YAML reads {} as a tag, not as text", name(source, tag)));
    problem.help(quoted(source, tag.start, value, in_flow))
}

pub(super) fn tag_on_collection(source: &Source, tag: Span) -> Problem {
    Problem::error(format!("the tag {} has no meaning here", name(source, tag))).help("remove it")
}

pub(super) fn anchor_on_text(source: &Source, anchor: Span, value: Span) -> Problem {
    Problem::error(format!("YAML reads {} as an anchor, not as text", name(source, anchor)))
        .help(format!("{}; an anchor belongs to a mapping", quoted(source, anchor.start, value, false)))
}

pub(super) fn alias_of_text(source: &Source, alias: Span) -> Problem {
    Problem::error(format!("YAML reads {} as an alias, and it names no mapping", name(source, alias)))
        .help(format!("write the value out, or {QUOTE}"))
}

pub(super) fn unknown_alias(source: &Source, alias: Span) -> Problem {
    Problem::error(format!("YAML reads {} as an alias, and nothing has that anchor", name(source, alias))).help(quoted(
        source,
        alias.start,
        alias,
        true,
    ))
}

pub(super) fn template_without_quotes(source: &Source, at: Span, in_flow: bool) -> Problem {
    let problem = Problem::error("YAML reads `{{` at the head of a value as a mapping");
    let line = source.line(source.place(at).line);
    let value = line.find("{{").map_or("", |start| line[start..].trim_end());
    if in_flow || value.contains('"') {
        return problem.help("quote the title");
    }
    problem.help(format!("quote the title: `\"{value}\"`"))
}

pub(super) fn too_deep() -> Problem {
    Problem::error(format!("nested deeper than {DEPTH_MAX} levels, the limit"))
}

/// A token in backticks, where it may be shown: a password may begin with `!` or `*`.
fn name(source: &Source, token: Span) -> String {
    if sounds_secret(source, token) {
        "the head of this value".to_owned()
    } else {
        format!("`{}`", source.slice(token))
    }
}

/// The advice to quote, with the line as it should be where that is known.
fn quoted(source: &Source, start: u32, value: Span, in_flow: bool) -> String {
    let first = source.line_start(source.place(Span { start, end: start }).line).unwrap_or(0);
    let line = source.text()[first..].lines().next().unwrap_or("");
    let text = line.get(start as usize - first..).unwrap_or("").trim_end();
    if sounds_secret(source, Span { start, end: start }) {
        return "put the value in single quotes".to_owned();
    }
    if in_flow || text.is_empty() || (first + line.len()) < value.start as usize {
        return QUOTE.to_owned();
    }
    format!("{QUOTE}: `'{}'`", text.replace('\'', "''"))
}

fn is_tab(kind: &ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::TabNotAllowed
            | ErrorKind::TabInBlockIndentation
            | ErrorKind::TabInIndentation
            | ErrorKind::TabAtBlockScalarStart
            | ErrorKind::TabInPlainScalar
    )
}

fn is_flow_error(kind: &ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::UnclosedFlowCollection { .. }
            | ErrorKind::ExpectedFlowMappingSeparator
            | ErrorKind::ExpectedFlowSequenceSeparator
    )
}

/// Whether a comment begins inside of a quotation, and takes the closing bracket with it: `{ when: name == "a # b" }`.
fn hides_its_end(line: &str) -> bool {
    line.match_indices(" #").any(|(at, _)| line[..at].matches('"').count() % 2 == 1 && line[at..].contains('"'))
}

/// Where the parser's error is: for a tab at the tab, though the parser may have stopped a line before it.
pub(super) fn error_offset(source: &Source, error: &ScanError) -> usize {
    let at = error.marker().byte_offset().unwrap_or(0);
    if !is_tab(error.kind()) {
        return at;
    }
    let line = source.place(Span::new(at, at)).line;
    let tab = (line..=line + 1).find_map(|line| {
        let text = source.line(line);
        let indentation = &text[..text.len() - text.trim_start().len()];
        Some(source.line_start(line)? + indentation.find('\t')?)
    });
    tab.unwrap_or(at)
}

/// The parser's own error, in the words of someone who knows what was probably meant.
pub(super) fn scan_error(source: &Source, error: &ScanError, at: Span) -> Problem {
    let line = source.line(source.place(at).line);
    if line.contains("{{") || line.contains("{%") {
        return Problem::error("YAML cannot read this line, which holds a template")
            .help("put the whole value in double quotes, or in single quotes where it holds some");
    }
    if is_flow_error(error.kind()) && hides_its_end(line) {
        return Problem::error("YAML reads ` #` as the beginning of a comment, inside of a quotation").help(QUOTE);
    }
    let quote_it = "put the whole value in single quotes";
    match error.kind() {
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabAtBlockScalarStart
        | ErrorKind::TabInPlainScalar => Problem::error("a tab cannot indent YAML").help("indent with spaces"),
        ErrorKind::MappingValueNotAllowed | ErrorKind::InvalidMappingValueWhitespace => {
            Problem::error("a `:` that begins a mapping cannot stand here")
                .help(format!("check the indentation; if the `:` is part of the text, {quote_it}"))
        }
        ErrorKind::UnexpectedCharacter { character } => {
            Problem::error(format!("a value without quotes cannot begin with `{character}`")).help(quote_it)
        }
        ErrorKind::InvalidBlockScalarHeader => {
            Problem::error("after `>` or `|` at the head of a value the line must end").help(quote_it)
        }
        ErrorKind::UnclosedQuotedScalar => Problem::error("this quotation is never closed"),
        ErrorKind::InvalidTrailingSingleQuotedScalar | ErrorKind::InvalidTrailingDoubleQuotedScalar => {
            Problem::error("text goes on behind a closing quote").help(quote_it)
        }
        ErrorKind::UnclosedFlowCollection { open } => Problem::error(format!("this `{open}` is never closed")),
        ErrorKind::MismatchedFlowCollectionEnd { open, close } => {
            Problem::error(format!("`{open}` is closed by `{close}`"))
        }
        ErrorKind::InvalidColonPlacement => {
            Problem::error("a `:` cannot stand here").help("check that every `[` and `{` above it is closed")
        }
        ErrorKind::RecursionLimitExceeded => too_deep(),
        ErrorKind::BlockSequenceEntryNotAllowed => {
            Problem::error("a list cannot begin on this line").help("begin it on the next line, indented")
        }
        ErrorKind::ExpectedBlockMappingKey | ErrorKind::ExpectedBlockSequenceEntry | ErrorKind::InvalidIndentation => {
            Problem::error("this line does not belong to what stands above it").help("check its indentation")
        }
        ErrorKind::UnknownQuotedScalarEscape => Problem::error("an escape that YAML does not know")
            .help("write `\\\\` for a backslash, or put the value in single quotes"),
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => {
            Problem::error("expected `key: value`").help("put a `:` and a space behind the key")
        }
        _ => Problem::error(format!("YAML cannot read this: {}", error.info())),
    }
}
