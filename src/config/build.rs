//! The parser's events, put together to a tree.

use std::collections::HashMap;
use std::sync::Arc;

use granit_parser::{Event, Parser, ScalarStyle, ScanError};

use super::diagnostic::{Problem, Problems};
use super::merge;
use super::source::{Source, Span, Style};
use super::syntax;
use super::tree::{COPIES_MAX, DEPTH_MAX, Node, NodeKind};

/// A list or mapping that has begun. Of a mapping, keys and values lie in `items` by turns.
struct Frame {
    start: usize,
    is_map: bool,
    is_flow: bool,
    is_broken: bool,
    anchor: Option<usize>,
    items: Vec<Node>,
    /// Nodes inside, and how deep they lie: what a copy of it would add.
    weight: Weight,
}

#[derive(Clone, Copy, Default)]
struct Weight {
    nodes: usize,
    depth: usize,
}

pub(super) struct Builder<'a> {
    source: &'a Arc<Source>,
    problems: &'a mut Problems,
    stack: Vec<Frame>,
    root: Option<Node>,
    documents: usize,
    anchors: HashMap<usize, (Node, Weight)>,
    copies: usize,
    /// The lines with an error: what the parser trips over next on such a line is a consequence.
    told: Vec<u32>,
}

/// A limit was passed: the rest of the file is not read.
struct Stop;

impl<'a> Builder<'a> {
    pub(super) fn new(source: &'a Arc<Source>, problems: &'a mut Problems) -> Builder<'a> {
        Builder {
            source,
            problems,
            stack: Vec::new(),
            root: None,
            documents: 0,
            anchors: HashMap::new(),
            copies: 0,
            told: Vec::new(),
        }
    }

    pub(super) fn run(mut self) -> Option<Node> {
        let options = granit_parser::options! {
            emit_comments: false,
            emit_anchor_events: true,
            emit_unresolved_aliases: true,
            flow_nesting_limit: DEPTH_MAX,
            block_nesting_limit: DEPTH_MAX,
        };
        for item in Parser::new_from_str_with_options(self.source.text(), options) {
            let (event, span) = match item {
                Ok(item) => item,
                Err(error) => {
                    self.scan_error(&error);
                    return None;
                }
            };
            if self.event(event, span).is_err() {
                return None;
            }
        }
        self.root
    }

    fn event(&mut self, event: Event<'_>, at: granit_parser::Span) -> Result<(), Stop> {
        let span = bytes(at);
        let tag = at.tag_span().map(bytes);
        match event {
            Event::DocumentStart(..) => self.document(span),
            Event::Scalar(text, style, anchor, _) => self.scalar(&text, style, span, tag, anchor),
            Event::Anchor(..) => {
                self.anchor(span);
                Ok(())
            }
            Event::Alias(id) => self.alias(id, span),
            Event::UnresolvedAlias(_) => {
                self.error(span, syntax::unknown_alias(self.source, span, self.in_flow()));
                self.place(broken(span), Weight::default())
            }
            Event::SequenceStart(style, anchor, _) => self.open(false, is_flow(style), span, tag, anchor),
            Event::MappingStart(style, anchor, _) => self.open(true, is_flow(style), span, tag, anchor),
            Event::SequenceEnd | Event::MappingEnd => self.close(span),
            _ => Ok(()),
        }
    }

    fn document(&mut self, span: Span) -> Result<(), Stop> {
        self.documents += 1;
        if self.documents < 2 {
            return Ok(());
        }
        self.error(span, Problem::error("a second document begins here").help("write one document to a file"));
        Err(Stop)
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        span: Span,
        tag: Option<Span>,
        anchor: usize,
    ) -> Result<(), Stop> {
        let style = match style {
            ScalarStyle::SingleQuoted => Style::Single,
            ScalarStyle::DoubleQuoted => Style::Double,
            ScalarStyle::Literal => Style::Literal,
            ScalarStyle::Folded => Style::Folded,
            ScalarStyle::Plain => Style::Plain,
        };
        if let Some(tag) = tag {
            self.error(tag, syntax::tag(self.source, tag, span, self.in_flow()));
        }
        let kind = match style {
            _ if tag.is_some() => NodeKind::Broken,
            Style::Plain if span.start == span.end => NodeKind::Empty,
            _ => NodeKind::Scalar(text.into(), style),
        };
        let node = Node { span, kind, alias: None };
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), Weight::default()));
        }
        self.place(node, Weight::default())
    }

    /// Follows the node that it names: an open collection, or the scalar that was placed last.
    fn anchor(&mut self, span: Span) {
        let scalar = match self.stack.last_mut() {
            Some(frame) if frame.items.is_empty() => None,
            Some(frame) => frame.items.last_mut().filter(|node| node.list().is_none() && node.map().is_none()),
            None => self.root.as_mut(),
        };
        let Some(node) = scalar else { return };
        // With a tag before it, that has been said already.
        if !matches!(node.kind, NodeKind::Broken) {
            node.kind = NodeKind::Broken;
            let value = node.span;
            self.error(span, syntax::anchor_on_text(self.source, span, value, self.in_flow()));
        }
    }

    fn alias(&mut self, id: usize, span: Span) -> Result<(), Stop> {
        let Some((node, weight)) = self.anchors.get(&id) else {
            self.error(span, Problem::error("this alias stands inside of what it names"));
            return self.place(broken(span), Weight::default());
        };
        let (mut node, weight) = (node.clone(), *weight);
        if node.list().is_none() && node.map().is_none() {
            self.error(span, syntax::alias_of_text(self.source, span, self.in_flow()));
            node = broken(span);
        }
        node.alias = Some(span);
        self.copy(weight, span)?;
        self.place(node, weight)
    }

    /// Counts a copy against the budget that a bomb would pass.
    fn copy(&mut self, weight: Weight, span: Span) -> Result<(), Stop> {
        self.copies += weight.nodes + 1;
        if self.copies <= COPIES_MAX {
            return Ok(());
        }
        self.error(span, Problem::error(format!("aliases make this file larger than {COPIES_MAX} nodes, the limit")));
        Err(Stop)
    }

    fn open(&mut self, is_map: bool, is_flow: bool, span: Span, tag: Option<Span>, anchor: usize) -> Result<(), Stop> {
        if let Some(tag) = tag {
            self.error(tag, syntax::tag_on_collection(self.source, tag));
        }
        let in_flow = self.stack.len().checked_sub(2).is_some_and(|at| self.stack[at].is_flow);
        if let Some(outer) = self.stack.last_mut() {
            let is_template = is_map && is_flow && outer.is_map && outer.is_flow && outer.items.is_empty();
            if is_template && outer.start + 1 == span.start as usize {
                outer.is_broken = true;
                let at = Span::new(outer.start, span.end as usize);
                self.error(at, syntax::template_without_quotes(self.source, at, in_flow));
            }
        }
        self.check_depth(self.stack.len() + 1, span)?;
        self.stack.push(Frame {
            start: span.start as usize,
            is_map,
            is_flow,
            is_broken: tag.is_some(),
            anchor: (anchor != 0).then_some(anchor),
            items: Vec::new(),
            weight: Weight::default(),
        });
        Ok(())
    }

    fn check_depth(&mut self, depth: usize, span: Span) -> Result<(), Stop> {
        if depth <= DEPTH_MAX {
            return Ok(());
        }
        self.error(span, syntax::too_deep());
        Err(Stop)
    }

    fn close(&mut self, end: Span) -> Result<(), Stop> {
        let frame = self.stack.pop().expect("the parser closes what it opened");
        let span = Span::new(frame.start, if frame.is_flow { end.end as usize } else { end.start as usize });
        let kind = match (frame.is_broken, frame.is_map) {
            (true, _) => NodeKind::Broken,
            (false, false) => NodeKind::List(frame.items),
            (false, true) => NodeKind::Map(self.entries(frame.items)?),
        };
        let node = Node { span, kind, alias: None };
        if let Some(id) = frame.anchor {
            self.copy(frame.weight, span)?;
            self.anchors.insert(id, (node.clone(), frame.weight));
        }
        self.place(node, frame.weight)
    }

    fn entries(&mut self, items: Vec<Node>) -> Result<Vec<(Node, Node)>, Stop> {
        let mut entries = Vec::with_capacity(items.len() / 2);
        let mut items = items.into_iter();
        while let (Some(key), Some(value)) = (items.next(), items.next()) {
            match key.kind {
                NodeKind::Scalar(..) => entries.push((key, value)),
                NodeKind::Broken => {}
                _ => self.error(key.span, Problem::error("a key is text").help("put the key in quotes")),
            }
        }
        let mut found = Vec::new();
        merge::report_duplicates(self.source, &entries, &mut found);
        let added = merge::expand(self.source, &mut entries, &mut found);
        for (span, problem) in found {
            self.error(span, problem);
        }
        let last = entries.last().map(|(key, _)| key.alias.unwrap_or(key.span)).unwrap_or_default();
        self.copy(Weight { nodes: added, depth: 0 }, last)?;
        self.copies -= 1;
        Ok(entries)
    }

    /// Puts a finished node where it belongs.
    fn place(&mut self, node: Node, weight: Weight) -> Result<(), Stop> {
        self.check_depth(self.stack.len() + weight.depth, node.alias.unwrap_or(node.span))?;
        let Some(frame) = self.stack.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        frame.weight.nodes += weight.nodes + 1;
        frame.weight.depth = frame.weight.depth.max(weight.depth + 1);
        frame.items.push(node);
        Ok(())
    }

    /// Whether what comes stands between `[ ]` or `{ }`.
    fn in_flow(&self) -> bool {
        self.stack.last().is_some_and(|frame| frame.is_flow)
    }

    fn error(&mut self, span: Span, problem: Problem) {
        let place = self.source.place(span);
        self.told.push(place.line);
        let placed = if problem.place.is_some() { problem } else { problem.at(place) };
        self.problems.push(placed);
    }

    fn scan_error(&mut self, error: &ScanError) {
        let at = syntax::error_offset(self.source, error);
        let span = Span::new(at, at + 1);
        if !self.told.contains(&self.source.place(span).line) {
            self.error(span, syntax::scan_error(self.source, error, span));
        }
    }
}

fn broken(span: Span) -> Node {
    Node { span, kind: NodeKind::Broken, alias: None }
}

fn is_flow(style: granit_parser::StructureStyle) -> bool {
    style == granit_parser::StructureStyle::Flow
}

fn bytes(span: granit_parser::Span) -> Span {
    let start = span.start.byte_offset().unwrap_or(0);
    Span::new(start, span.end.byte_offset().unwrap_or(start))
}
