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

pub(super) fn anchor_on_text(source: &Source, anchor: Span, value: Span, in_flow: bool) -> Problem {
    Problem::error(format!("YAML reads {} as an anchor, not as text", name(source, anchor)))
        .help(format!("{}; an anchor belongs to a mapping", quoted(source, anchor.start, value, in_flow)))
}

pub(super) fn alias_of_text(source: &Source, alias: Span, in_flow: bool) -> Problem {
    Problem::error(format!("YAML reads {} as an alias, and it names no mapping", name(source, alias)))
        .help(format!("write the value out, or {}", quoted(source, alias.start, alias, in_flow)))
}

pub(super) fn unknown_alias(source: &Source, alias: Span, in_flow: bool) -> Problem {
    Problem::error(format!("YAML reads {} as an alias, and nothing has that anchor", name(source, alias))).help(quoted(
        source,
        alias.start,
        alias,
        in_flow,
    ))
}

pub(super) fn template_without_quotes(source: &Source, at: Span, in_flow: bool) -> Problem {
    let problem = Problem::error("YAML reads `{{` at the head of a value as a mapping");
    let value = meant(source, at.start, in_flow);
    if value.contains('"') {
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

/// The advice to quote, with the text as it should be where that is known.
fn quoted(source: &Source, start: u32, value: Span, in_flow: bool) -> String {
    if sounds_secret(source, Span { start, end: start }) {
        return "put the value in single quotes".to_owned();
    }
    let text = meant(source, start, in_flow);
    let is_on_its_line = source.place(Span { start, end: start }).line == source.place(value).line;
    if text.is_empty() || !is_on_its_line {
        return QUOTE.to_owned();
    }
    format!("{QUOTE}: `'{}'`", text.replace('\'', "''"))
}

/// What was meant to be one text: from here to the end of the line or to a comment; inside of `[ ]` and `{ }` no further
/// than to the comma or the bracket that ends it. Brackets and quotations of the text's own are part of it.
fn meant(source: &Source, start: u32, in_flow: bool) -> &str {
    let rest = source.text().get(start as usize..).unwrap_or("").lines().next().unwrap_or("");
    let (mut depth, mut is_quoted) = (0_u32, false);
    for (at, c) in rest.char_indices() {
        match c {
            '"' => is_quoted = !is_quoted,
            _ if is_quoted => {}
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' if 0 < depth => depth -= 1,
            ',' | ']' | '}' if in_flow && depth == 0 => return rest[..at].trim_end(),
            '#' if rest[..at].ends_with([' ', '\t']) => return rest[..at].trim_end(),
            _ => {}
        }
    }
    rest.trim_end()
}

/// The tag or the anchor right before a place, at the head of a value: in `!(x > 2)` YAML reads `!(x` as a tag, and
/// then trips over the `>`.
fn head_before(source: &Source, at: usize) -> Option<Span> {
    let line_start = source.line_start(source.place(Span::new(at, at)).line)?;
    let before = source.text().get(line_start..at)?.trim_end();
    let from = before.rfind([' ', '\t', ',', '[', '{']).map_or(0, |at| at + 1);
    let is_head =
        before[from..].starts_with(['!', '&']) && before[..from].trim_end().ends_with([':', '-', '?', ',', '[', '{']);
    is_head.then(|| Span::new(line_start + from, line_start + before.len()))
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

/// Where a comment begins inside of a quotation, and takes the closing bracket or the comma with it:
/// `{ when: name == "a # b" }`. The parser notices on that line or on one below.
fn hidden_end(source: &Source, error_line: u32) -> Option<usize> {
    let is_hidden = |line: &str, at: usize| line[..at].matches('"').count() % 2 == 1 && line[at..].contains('"');
    (error_line.saturating_sub(1)..=error_line).rev().find_map(|number| {
        let line = source.line(number);
        let at = line.match_indices(" #").map(|(at, _)| at).find(|at| is_hidden(line, *at))?;
        Some(source.line_start(number)? + at + 1)
    })
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

/// What the parser tripped over only later, with its own place where that is another.
fn earlier_cause(source: &Source, error: &ScanError, at: Span) -> Option<Problem> {
    let line = source.line(source.place(at).line);
    if line.contains("{{") || line.contains("{%") {
        let problem = Problem::error("YAML cannot read this line, which holds a template");
        return Some(problem.help("put the whole value in double quotes, or in single quotes where it holds some"));
    }
    if let (true, Some(hash)) = (is_flow_error(error.kind()), hidden_end(source, source.place(at).line)) {
        let problem =
            Problem::error("YAML reads ` #` as the beginning of a comment, inside of a quotation").help(QUOTE);
        return Some(problem.at(source.place(Span::new(hash, hash + 1))));
    }
    let in_flow = match error.kind() {
        ErrorKind::UnexpectedCharacter { .. } => true,
        ErrorKind::InvalidBlockScalarHeader => false,
        _ => return None,
    };
    let head = head_before(source, at.start as usize)?;
    let problem = match source.slice(head).as_bytes() {
        [b'&', ..] => anchor_on_text(source, head, head, in_flow),
        _ => tag(source, head, head, in_flow),
    };
    Some(problem.at(source.place(head)))
}

/// The parser's own error, in the words of someone who knows what was probably meant.
pub(super) fn scan_error(source: &Source, error: &ScanError, at: Span) -> Problem {
    if let Some(problem) = earlier_cause(source, error, at) {
        return problem;
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
        ErrorKind::ExpectedFlowMappingSeparator | ErrorKind::ExpectedFlowSequenceSeparator => {
            let end = if matches!(error.kind(), ErrorKind::ExpectedFlowMappingSeparator) { '}' } else { ']' };
            Problem::error(format!("before this, a `,` or a `{end}` is missing"))
                .help(format!("if all of it is one text, {quote_it}"))
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
