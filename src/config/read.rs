//! Reads a node by its shape. Whatever is wrong is recorded, and the rest is read all the same.

mod unknown;

use std::collections::HashSet;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use super::diagnostic::{Problem, Problems};
use super::interpolate::Env;
use super::scalars::Scalars;
use super::settings::{Entry, Setting, SettingValue, Settings};
use super::shape::{self, Record, Shape, listed};
use super::source::{Origin, Source, Span, Style, Text};
use super::tree::{Node, NodeKind};
use unknown::{Unknown, may_be_cut};

/// How values are read: the same for a whole configuration, but for `fill`.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    /// The folder named on the command line: paths are relative to it.
    pub folder: &'a Path,
    pub env: Env<'a>,
    /// For `lint` and `test`: a NAME that is not set is an opaque text, and no secret file is opened. Where something
    /// else than text is asked, a value of that kind stands in.
    pub lenient: bool,
    /// Whether `${NAME}` is filled in here: in `bellwether.yaml`, in channel files, and under `collect:`.
    pub fill: bool,
}

impl<'a> Reader<'a> {
    /// The same with `${NAME}` filled in, or not.
    #[must_use]
    pub fn filling(self, fill: bool) -> Reader<'a> {
        Reader { fill, ..self }
    }

    /// Reads a mapping. What is wrong with it is among the problems, and its settings hold the rest.
    pub fn record(
        &self,
        source: &Arc<Source>,
        node: &Node,
        record: &'static Record,
        problems: &mut Problems,
    ) -> Settings {
        let mut reading = Reading { reader: self, source, problems, around: None };
        let settings = reading.record(node, record, What::Key(record.name));
        settings.unwrap_or_else(|| Settings {
            record,
            origin: reading.origin(node),
            entries: Vec::new(),
            kind: None,
            meant: Vec::new(),
        })
    }

    /// What is wrong with a table itself, and with the tables below it: a default that its own shape refuses, a key
    /// without a word on what it is, a name that stands twice. For tests: a table that passes cannot surprise a user.
    #[must_use]
    pub fn faults(&self, record: &'static Record) -> Vec<String> {
        let mut faults = Vec::new();
        let mut records = vec![record];
        let mut at = 0;
        while let Some(record) = records.get(at).copied() {
            at += 1;
            self.faults_of(record, &mut faults);
            let below = record.keys.iter().flat_map(|key| key.shape.records()).chain(record.kinds());
            for record in below.collect::<Vec<_>>() {
                if !records.iter().any(|known| std::ptr::eq(*known, record)) {
                    records.push(record);
                }
            }
        }
        faults
    }

    fn faults_of(&self, record: &'static Record, faults: &mut Vec<String>) {
        let source = Arc::new(Source::new("table", "table", String::new()));
        let kinds = record.kinds();
        let names: Vec<_> = record.keys.iter().map(|key| key.name).chain(kinds.iter().map(|kind| kind.name)).collect();
        for (at, name) in names.iter().enumerate() {
            if names[..at].contains(name) {
                faults.push(format!("{}.{name} stands twice", record.name));
            }
        }
        for key in record.keys {
            if key.doc.is_empty() {
                faults.push(format!("{}.{} says nothing", record.name, key.name));
            }
            let mut problems = Problems::new();
            let mut reading = Reading { reader: self, source: &source, problems: &mut problems, around: None };
            if let Some(written) = key.default {
                reading.default(&key.shape, written, Span::default());
            }
            faults.extend(problems.iter().map(|p| format!("{}.{}: its default: {}", record.name, key.name, p.message)));
        }
    }

    /// Reads a value of any shape; `what` is its name in errors.
    pub fn value(
        &self,
        source: &Arc<Source>,
        node: &Node,
        shape: &'static Shape,
        what: &str,
        problems: &mut Problems,
    ) -> Option<Setting> {
        Reading { reader: self, source, problems, around: None }.value(node, shape, What::Key(what))
    }
}

/// What a value is called in errors.
#[derive(Clone, Copy)]
enum What<'a> {
    Key(&'a str),
    /// An entry of the list under a key.
    Entry(&'a str),
}

impl What<'_> {
    fn entry(self) -> Self {
        let (What::Key(name) | What::Entry(name)) = self;
        What::Entry(name)
    }
}

impl fmt::Display for What<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            What::Key(name) => write!(f, "`{name}`"),
            What::Entry(name) => write!(f, "an entry of `{name}`"),
        }
    }
}

struct Reading<'r, 'a> {
    reader: &'r Reader<'a>,
    source: &'r Arc<Source>,
    problems: &'r mut Problems,
    /// The record of whose kind the keys are read that come next.
    around: Option<&'static Record>,
}

impl Reading<'_, '_> {
    fn origin(&self, node: &Node) -> Origin {
        Origin { source: self.source.clone(), span: node.span, style: node.style() }
    }

    fn fail(&mut self, span: Span, problem: Problem) {
        self.problems.push(problem.at(self.source.place(span)));
    }

    fn value(&mut self, node: &Node, shape: &'static Shape, what: What<'_>) -> Option<Setting> {
        if shape::is_secret(shape) {
            self.problems.mask(self.source, node.span);
        }
        let value = match (shape, &node.kind) {
            (_, NodeKind::Broken) => return None,
            (Shape::Any, _) => SettingValue::Any(node.clone()),
            (Shape::Record(record), NodeKind::Map(_) | NodeKind::Empty) => {
                SettingValue::Record(self.record(node, record, what)?)
            }
            (Shape::List(of) | Shape::OneOrMany(of), NodeKind::List(items)) => {
                SettingValue::List(items.iter().map(|item| self.entry_of(item, of, what.entry())).collect())
            }
            (Shape::OneOrMany(of), _) if accepts(of, node) => SettingValue::List(vec![self.value(node, of, what)?]),
            (Shape::MapOf(of), NodeKind::Map(entries)) => SettingValue::Map(self.map(entries, of)),
            (Shape::OneOf(shapes), _) => return self.one_of(node, shape, shapes, what),
            (_, NodeKind::Scalar(text, style)) if shape.is_scalar() => return self.scalar(node, shape, text, *style),
            _ => {
                self.wrong_kind(node, shape, what);
                return None;
            }
        };
        Some(Setting::new(self.origin(node), value))
    }

    /// An entry of a list or a mapping. One that is wrong stays, as wrong: its name is there all the same.
    fn entry_of(&mut self, node: &Node, shape: &'static Shape, what: What<'_>) -> Setting {
        let wrong = Setting { origin: self.origin(node), value: SettingValue::Wrong, given: Vec::new() };
        self.value(node, shape, what).unwrap_or(wrong)
    }

    fn scalar(&mut self, node: &Node, shape: &'static Shape, text: &str, style: Style) -> Option<Setting> {
        let mut scalars = Scalars { reader: self.reader, source: self.source, problems: self.problems };
        scalars.read(node.span, shape, text, style)
    }

    fn wrong_kind(&mut self, node: &Node, shape: &Shape, what: What<'_>) {
        let problem = match node.kind {
            NodeKind::Empty => Problem::error(format!("{what} has no value")),
            _ => Problem::error(format!("{what} cannot be {}", node.noun())),
        };
        self.fail(node.span, problem.help(format!("write {}", shape.describe())));
    }

    fn one_of(
        &mut self,
        node: &Node,
        shape: &'static Shape,
        shapes: &'static [Shape],
        what: What<'_>,
    ) -> Option<Setting> {
        if let Some(fitting) = shapes.iter().find(|shape| accepts(shape, node)) {
            return self.value(node, fitting, what);
        }
        self.wrong_kind(node, shape, what);
        None
    }

    fn map(&mut self, entries: &[(Node, Node)], of: &'static Shape) -> Vec<(Text, Setting)> {
        let read = entries.iter().filter_map(|(key, value)| {
            let name = key.text()?;
            let Some(given) = shape::is_secret(of).then(|| shape::twin_of(name)).flatten() else {
                let setting = self.entry_of(value, of, What::Key(name));
                return Some((Text { text: Arc::from(name), origin: self.origin(key) }, setting));
            };
            self.only_twin(given, key, entries)?;
            let setting = self.secret_file(value, of, name)?;
            Some((Text { text: Arc::from(given), origin: self.origin(key) }, setting))
        });
        let mut read: Vec<(Text, Setting)> = read.collect();
        // Of a key that is given twice, which was told when the file was parsed, the first stands.
        let mut seen = HashSet::with_capacity(read.len());
        read.retain(|(name, _)| seen.insert(Arc::clone(&name.text)));
        read
    }

    /// Tells where a mapping of secrets has both `name` and its file.
    fn only_twin(&mut self, name: &str, twin: &Node, entries: &[(Node, Node)]) -> Option<()> {
        let Some((other, _)) = entries.iter().find(|(key, _)| key.text() == Some(name)) else { return Some(()) };
        self.both_given(name, other.span, twin.span);
        None
    }

    fn record(&mut self, node: &Node, record: &'static Record, what: What<'_>) -> Option<Settings> {
        let entries = match &node.kind {
            NodeKind::Map(entries) => entries.as_slice(),
            NodeKind::Empty if record.kinds.is_none() => &[],
            NodeKind::Broken => return None,
            _ => {
                self.wrong_kind(node, &Shape::Record(record), what);
                return None;
            }
        };
        let mut settings = Settings {
            record,
            origin: self.origin(node),
            entries: Vec::with_capacity(entries.len()),
            kind: None,
            meant: Vec::new(),
        };
        let kinds = record.kinds();
        let mut unknown = Unknown { around: self.around.take(), ..Unknown::default() };
        let mut in_rest = false;
        for (at, (key, value)) in entries.iter().enumerate() {
            let was_in_rest = std::mem::replace(&mut in_rest, self.is_rest(record, key));
            if was_in_rest && in_rest {
                continue;
            }
            // Of a value that a comma cut nobody knows what else is wrong with it: its rest is told.
            let is_cut = may_be_cut(value) && entries.get(at + 1).is_some_and(|(next, _)| self.is_rest(record, next));
            let broken = is_cut.then(|| value.as_broken());
            self.entry(&mut settings, &kinds, &mut unknown, key, broken.as_ref().unwrap_or(value));
        }
        let head = entries.first().map_or(node.span, |(key, _)| key.span);
        self.absent(&mut settings, &unknown, head);
        // A key that nobody knows may be a kind misspelt, and was told.
        if record.kinds.is_some() && settings.kind.is_none() && unknown.count == 0 {
            let names = listed(kinds.iter().map(|kind| kind.name));
            self.fail(
                head,
                Problem::error(format!("{what} does not say its kind")).help(format!("write one of {names}")),
            );
        }
        settings.meant = unknown.meant;
        Some(settings)
    }

    fn entry(
        &mut self,
        settings: &mut Settings,
        kinds: &[&'static Record],
        unknown: &mut Unknown,
        key: &Node,
        value: &Node,
    ) {
        let Some(name) = key.text() else { return };
        if let Some(known) = settings.record.key(name) {
            let setting = self.value(value, &known.shape, What::Key(name));
            self.insert(settings, known.name, key.span, setting);
        } else if let Some(known) = settings.record.keys.iter().find(|known| known.is_file_twin(name)) {
            let setting = self.secret_file(value, &known.shape, name);
            self.insert(settings, known.name, key.span, setting);
        } else if let Some(kind) = kinds.iter().find(|kind| kind.name == name) {
            self.kind(settings, kind, key.span, value);
        } else {
            unknown.count += 1;
            let around = unknown.around.filter(|around| around.key(name).is_some());
            match around {
                Some(around) => self.beside(settings.record, around, key, value),
                None => unknown.meant.extend(self.unknown_key(settings.record, kinds, key, name, value)),
            }
        }
    }

    fn insert(&mut self, settings: &mut Settings, key: &'static str, span: Span, setting: Option<Setting>) {
        if let Some(Entry { span: Some(earlier), .. }) = settings.entries.iter().find(|entry| entry.key == key) {
            // YAML's duplicates are told already. What is left is a secret and its file.
            if self.source.slice(*earlier) == self.source.slice(span) {
                return;
            }
            self.both_given(key, *earlier, span);
            return;
        }
        settings.entries.push(Entry { key, span: Some(span), setting });
    }

    fn both_given(&mut self, name: &str, one: Span, other: Span) {
        let problem = Problem::error(format!("`{name}` and `{name}_file` are both given"));
        self.fail(other, problem.also(self.source.place(one), "the other one").help("remove one of them"));
    }

    fn kind(&mut self, settings: &mut Settings, kind: &'static Record, span: Span, value: &Node) {
        if let Some(Entry { key, span: Some(earlier), .. }) = settings.kind.map(|at| &settings.entries[at]) {
            let problem = Problem::error(format!("`{key}` and `{}`: only one kind can be given", kind.name))
                .also(self.source.place(*earlier), "the other one");
            self.fail(span, problem);
            return;
        }
        self.around = Some(settings.record);
        let read = self.record(value, kind, What::Key(kind.name));
        let setting = read.map(|inner| Setting::new(inner.origin.clone(), SettingValue::Record(inner)));
        settings.kind = Some(settings.entries.len());
        settings.entries.push(Entry { key: kind.name, span: Some(span), setting });
    }

    /// Adds defaults, and tells of required keys that are not there, not even misspelt.
    fn absent(&mut self, settings: &mut Settings, unknown: &Unknown, head: Span) {
        for key in settings.record.keys {
            if settings.entries.iter().any(|entry| entry.key == key.name) {
                continue;
            }
            if unknown.meant.contains(&key.name) {
                continue;
            }
            if key.required {
                let problem = Problem::error(format!("`{}` is missing", key.name));
                let what = if matches!(key.shape, Shape::Any) { key.doc.to_owned() } else { key.shape.describe() };
                self.fail(head, problem.help(format!("add `{}`: {what}", key.name)));
            } else if let Some(written) = key.default {
                let setting = self.default(&key.shape, written, head);
                settings.entries.push(Entry { key: key.name, span: None, setting });
            }
        }
    }

    fn default(&mut self, shape: &'static Shape, written: &str, head: Span) -> Option<Setting> {
        let mut scalars = Scalars { reader: self.reader, source: self.source, problems: self.problems };
        scalars.default(shape, written, head)
    }

    fn secret_file(&mut self, value: &Node, shape: &Shape, name: &str) -> Option<Setting> {
        let path = self.value(value, &Shape::Path, What::Key(name))?;
        let mut scalars = Scalars { reader: self.reader, source: self.source, problems: self.problems };
        scalars.secret_file(&path, shape)
    }
}

/// Whether a shape takes the kind of node that is written.
fn accepts(shape: &Shape, node: &Node) -> bool {
    match (shape, &node.kind) {
        (Shape::Any, _)
        | (Shape::OneOrMany(_) | Shape::List(_), NodeKind::List(_))
        | (Shape::MapOf(_) | Shape::Record(_), NodeKind::Map(_)) => true,
        (Shape::OneOrMany(of), _) => accepts(of, node),
        (Shape::OneOf(shapes), _) => shapes.iter().any(|shape| accepts(shape, node)),
        (shape, NodeKind::Scalar(..)) => shape.is_scalar(),
        _ => false,
    }
}
