//! A file's text, and places in it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::locate;

/// One file as it was read. Its lines are found once, places are computed when asked for.
pub struct Source {
    name: Arc<str>,
    relative: String,
    text: String,
    /// The byte offset at which each line begins.
    lines: Vec<u32>,
}

impl Source {
    /// `name` is how people are told of the file (it opens from where they stand), `relative` its path inside of
    /// the configuration's folder, with `/`.
    #[must_use]
    pub fn new(name: &str, relative: &str, mut text: String) -> Source {
        if text.starts_with('\u{feff}') {
            text.remove(0);
        }
        let breaks = text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| small(i + 1));
        let lines = std::iter::once(0).chain(breaks).collect();
        Source { name: Arc::from(name), relative: relative.to_owned(), text, lines }
    }

    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The path inside of the configuration's folder: `channels/slack.yaml`.
    #[must_use]
    pub fn relative(&self) -> &str {
        &self.relative
    }

    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text of a line (counted from 1), without its break; empty past the end.
    #[must_use]
    pub fn line(&self, line: u32) -> &str {
        let Some(start) = self.line_start(line) else { return "" };
        let end = self.line_start(line + 1).unwrap_or(self.text.len());
        self.text[start..end].trim_end_matches(['\n', '\r'])
    }

    /// The byte offset at which a line (counted from 1) begins.
    #[must_use]
    pub fn line_start(&self, line: u32) -> Option<usize> {
        let index = usize::try_from(line).ok()?.checked_sub(1)?;
        self.lines.get(index).map(|start| *start as usize)
    }

    /// The text between two byte offsets; empty where they are none.
    #[must_use]
    pub fn slice(&self, span: Span) -> &str {
        self.text.get(span.start as usize..span.end as usize).unwrap_or("")
    }

    /// The place of a span. Its length ends with its first line.
    #[must_use]
    pub fn place(&self, span: Span) -> Place {
        let start = (span.start as usize).min(self.text.len());
        let line = self.lines.partition_point(|begin| *begin as usize <= start);
        let begin = self.lines[line - 1] as usize;
        let column = self.text.get(begin..start).unwrap_or("").chars().count() + 1;
        let covered = self.text.get(start..(span.end as usize).max(start)).unwrap_or("");
        let first = covered.lines().next().unwrap_or("").trim_end();
        Place { file: self.name.clone(), line: small(line), column: small(column), len: small(first.chars().count()) }
    }

    /// Whether the comment lines directly above `line` hold `# bellwether: allow NAME`; names are separated by
    /// commas or spaces.
    #[must_use]
    pub fn allows(&self, line: u32, name: &str) -> bool {
        (1..line).rev().map(|above| self.line(above).trim_start()).take_while(|text| text.starts_with('#')).any(
            |text| {
                let text = text.trim_start_matches('#').trim_start();
                let names = text.strip_prefix("bellwether:").and_then(|rest| rest.trim_start().strip_prefix("allow "));
                names.is_some_and(|names| names.split([',', ' ']).any(|n| n == name))
            },
        )
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({})", self.name)
    }
}

/// A part of a file, in byte offsets. Files are limited to less than 4 GiB, so 32 bits hold them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Span {
    pub start: u32,
    pub end: u32,
}

impl Span {
    #[must_use]
    pub fn new(start: usize, end: usize) -> Span {
        Span { start: small(start), end: small(end.max(start)) }
    }
}

/// Saturates: what it counts is bounded by the limit on a file's size.
pub(super) fn small(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// A place in a file, for people. Lines and columns count from 1, columns and lengths in characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    pub file: Arc<str>,
    pub line: u32,
    pub column: u32,
    pub len: u32,
}

impl Place {
    /// The head of a file: for what concerns it as a whole.
    #[must_use]
    pub fn file(name: &str) -> Place {
        Place { file: Arc::from(name), line: 1, column: 1, len: 0 }
    }
}

/// `file:line:column`, which terminals and editors open.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// How a scalar is written. A collection has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    Plain,
    Single,
    Double,
    Literal,
    Folded,
}

/// Where a value comes from: enough to point at any byte of its text.
#[derive(Clone, Debug)]
pub struct Origin {
    pub source: Arc<Source>,
    /// Quotes included; of a block scalar, the content without its header and first indentation.
    pub span: Span,
    /// `None` for a list, a mapping, and a text that is not the one written (`${NAME}` was filled in).
    pub style: Option<Style>,
}

impl Origin {
    #[must_use]
    pub fn place(&self) -> Place {
        self.source.place(self.span)
    }

    /// The place of `len` bytes at `offset` of `decoded`, this scalar's text: right to the column in every style.
    #[must_use]
    pub fn place_in(&self, decoded: &str, offset: usize, len: usize) -> Place {
        let Some(style) = self.style else { return self.place() };
        self.source.place(locate::raw_span(self.source.text(), self.span, style, decoded, offset, len))
    }

    /// What is written in the file, without quotes. A secret that came from the environment is not in it.
    #[must_use]
    pub fn written(&self) -> &str {
        self.source.slice(self.span).trim_matches(['"', '\''])
    }
}

/// A text and where it is written.
#[derive(Clone, Debug)]
pub struct Text {
    pub text: Arc<str>,
    pub origin: Origin,
}

impl Text {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    #[must_use]
    pub fn place(&self) -> Place {
        self.origin.place()
    }

    /// See [`Origin::place_in`].
    #[must_use]
    pub fn place_in(&self, offset: usize, len: usize) -> Place {
        self.origin.place_in(&self.text, offset, len)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The files of a configuration by name, for those who show lines of them.
#[derive(Clone, Debug, Default)]
pub struct Sources(BTreeMap<Arc<str>, Arc<Source>>);

impl Sources {
    pub fn add(&mut self, source: &Arc<Source>) {
        self.0.insert(source.name().clone(), source.clone());
    }

    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<Source>> {
        self.0.get(name)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<Source>> {
        self.0.values()
    }
}

impl<'a> FromIterator<&'a Arc<Source>> for Sources {
    fn from_iter<I: IntoIterator<Item = &'a Arc<Source>>>(sources: I) -> Sources {
        Sources(sources.into_iter().map(|source| (source.name().clone(), source.clone())).collect())
    }
}
