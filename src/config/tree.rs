//! YAML as a tree of nodes that know where they stand, built from the parser's events.
//!
//! Text is kept as written (no number, boolean or null is guessed), and what YAML would change in silence is an
//! error here: tags, anchors and aliases on text, keys given twice.

use std::sync::Arc;

use super::build::Builder;
use super::diagnostic::{Problem, Problems};
use super::source::{Origin, Place, Source, Span, Style};

/// The largest file that is read, in bytes.
pub const FILE_BYTES_MAX: usize = 8 << 20;
/// How deep lists and mappings may be nested.
pub const DEPTH_MAX: usize = 64;
/// How many nodes aliases and `<<` may add to a file.
pub const COPIES_MAX: usize = 200_000;

/// One scalar, list or mapping.
#[derive(Clone, Debug)]
pub struct Node {
    /// Of a block scalar, its content; of a list or mapping in block style, from its first entry on.
    pub span: Span,
    pub kind: NodeKind,
    /// Where `*name` or `<<` brought it in, if it stands elsewhere.
    pub alias: Option<Span>,
}

#[derive(Clone, Debug)]
pub enum NodeKind {
    /// A scalar, decoded.
    Scalar(Box<str>, Style),
    List(Vec<Node>),
    /// Keys are scalars, each given once, in the order written; what `<<` brought in comes last.
    Map(Vec<(Node, Node)>),
    /// Nothing is written: `key:`.
    Empty,
    /// It was wrong, and that has been said.
    Broken,
}

impl Node {
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            NodeKind::Scalar(text, _) => Some(text),
            _ => None,
        }
    }

    #[must_use]
    pub fn list(&self) -> Option<&[Node]> {
        match &self.kind {
            NodeKind::List(items) => Some(items),
            _ => None,
        }
    }

    #[must_use]
    pub fn map(&self) -> Option<&[(Node, Node)]> {
        match &self.kind {
            NodeKind::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The value of a mapping's key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.map()?.iter().find(|(k, _)| k.text() == Some(key)).map(|(_, value)| value)
    }

    #[must_use]
    pub fn style(&self) -> Option<Style> {
        match self.kind {
            NodeKind::Scalar(_, style) => Some(style),
            _ => None,
        }
    }

    /// The same place with nothing to be read at it.
    #[must_use]
    pub(super) fn as_broken(&self) -> Node {
        Node { span: self.span, kind: NodeKind::Broken, alias: self.alias }
    }

    /// Whether it, or something in it, was wrong to YAML, which has been said.
    #[must_use]
    pub fn holds_broken(&self) -> bool {
        match &self.kind {
            NodeKind::Broken => true,
            NodeKind::List(items) => items.iter().any(Node::holds_broken),
            NodeKind::Map(entries) => entries.iter().any(|(_, value)| value.holds_broken()),
            NodeKind::Scalar(..) | NodeKind::Empty => false,
        }
    }

    /// What it is, as errors say it.
    #[must_use]
    pub fn noun(&self) -> &'static str {
        match self.kind {
            NodeKind::Scalar(..) => "text",
            NodeKind::List(_) => "a list",
            NodeKind::Map(_) => "a mapping",
            NodeKind::Empty | NodeKind::Broken => "nothing",
        }
    }
}

/// A parsed file.
#[derive(Clone, Debug)]
pub struct Document {
    pub source: Arc<Source>,
    pub root: Node,
}

impl Document {
    /// Parses a file that holds one document. `None` where it holds none, or where it could not be read as YAML; that
    /// is then among the problems.
    pub fn parse(source: &Arc<Source>, problems: &mut Problems) -> Option<Document> {
        if FILE_BYTES_MAX < source.text().len() {
            problems.push(too_large(source.name()));
            return None;
        }
        let root = Builder::new(source, problems).run()?;
        Some(Document { source: source.clone(), root })
    }

    /// Parses many files on all cores: the parser takes most of the time that a large configuration needs. Documents
    /// and problems come in the order of the files.
    pub fn parse_all(sources: &[Arc<Source>], problems: &mut Problems) -> Vec<Document> {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let share = sources.len().div_ceil(cores).max(1);
        let parse = |sources: &[Arc<Source>]| {
            let mut found = Problems::new();
            let documents: Vec<_> = sources.iter().filter_map(|source| Document::parse(source, &mut found)).collect();
            (documents, found)
        };
        let parts: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = sources.chunks(share).map(|part| scope.spawn(move || parse(part))).collect();
            threads.into_iter().map(|thread| thread.join().expect("the parser has limits and does not panic")).collect()
        });
        let mut documents = Vec::with_capacity(sources.len());
        for (parsed, found) in parts {
            documents.extend(parsed);
            problems.extend(found);
        }
        documents
    }

    #[must_use]
    pub fn place(&self, node: &Node) -> Place {
        self.source.place(node.span)
    }

    #[must_use]
    pub fn origin(&self, node: &Node) -> Origin {
        Origin { source: self.source.clone(), span: node.span, style: node.style() }
    }

    /// The place of `len` bytes at `offset` of a scalar's text.
    #[must_use]
    pub fn place_in(&self, node: &Node, offset: usize, len: usize) -> Place {
        self.origin(node).place_in(node.text().unwrap_or(""), offset, len)
    }
}

/// The error for a file over the limit on size.
pub(super) fn too_large(name: &str) -> Problem {
    Problem::error(format!("the file is larger than {} MiB, the most that is read", FILE_BYTES_MAX >> 20))
        .at(Place::file(name))
        .help("split it into several files")
}
