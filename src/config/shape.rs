//! What may be written where, declared once: the reader, the JSON Schema and the manual all follow these tables.

use std::fmt;

use super::diagnostic::nearest;
use super::scalar::ScalarError;

/// What a value has to be. All of it is constant, so that tables of it can be `static`.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// Text as it stands in the file: `0x5` and `yes` are that text.
    Text,
    /// An expression. Read as text; who compiles it points into it with [`super::Text::place_in`].
    Expression,
    /// A Jinja template, parsed.
    Template,
    /// One matcher: `team=~"ml|growth"`.
    Matcher,
    /// Text that is never shown. The key, and each name of a mapping of such, has a twin `…_file`: the path of a file
    /// that is read, without its trailing line break.
    Secret,
    /// A URL of `http` or `https` that is a [`Shape::Secret`]: it often holds a token.
    SecretUrl,
    /// A path, relative to the configuration's folder.
    Path,
    /// An `http` or `https` URL.
    Url,
    Duration,
    /// A size in bytes.
    Size,
    Bool,
    Integer {
        min: i64,
        max: i64,
    },
    Number,
    /// RFC 3339.
    Time,
    /// An IANA time zone.
    Zone,
    /// A number, boolean, time or text, by what it looks like without quotes.
    Constant,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A name declared elsewhere: `source`, `channel`, `check`, `calendar`. Who loads checks that it is there.
    Reference(&'static str),
    /// Text with a rule of its own.
    Checked(&'static Rule),
    List(&'static Shape),
    /// One value, or a list of them. Read as a list.
    OneOrMany(&'static Shape),
    /// Names chosen by the user, each with such a value.
    MapOf(&'static Shape),
    Record(&'static Record),
    /// The first of these that takes text, a list or a mapping, whichever is written.
    OneOf(&'static [Shape]),
    /// Anything: kept as a node, and read by another shape later.
    Any,
}

/// A rule for text that is not one of the common kinds: a schedule, a rate.
#[derive(Debug)]
pub struct Rule {
    /// With its article: `a rate`.
    pub noun: &'static str,
    pub example: &'static str,
    /// A pattern for the schema, where one says it.
    pub pattern: Option<&'static str>,
    /// The text, and how an error may quote it.
    pub check: fn(&str, &str) -> Result<(), ScalarError>,
}

/// A mapping with known keys.
pub struct Record {
    /// The kind's name for a kind, else what it is called in errors: `check`, `route`.
    pub name: &'static str,
    pub doc: &'static str,
    pub keys: &'static [Key],
    /// Where exactly one more key has to name a kind (`sqlite:`, `slack:`): the records of the kinds, by their names.
    pub kinds: Option<fn() -> Vec<&'static Record>>,
}

/// Its name: the table is long, and the same everywhere.
impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Record({})", self.name)
    }
}

impl Record {
    #[must_use]
    pub const fn new(name: &'static str, doc: &'static str, keys: &'static [Key]) -> Record {
        Record { name, doc, keys, kinds: None }
    }

    #[must_use]
    pub const fn with_kinds(self, kinds: fn() -> Vec<&'static Record>) -> Record {
        Record { kinds: Some(kinds), ..self }
    }

    #[must_use]
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// What should have been written in place of a name that this has not, where that is plain, and the key that it
    /// gives: itself, or of a `…_file` the secret.
    pub(super) fn meant(&self, name: &str) -> Option<(String, &'static str)> {
        let secrets = || self.keys.iter().filter(|key| is_secret(&key.shape));
        let twin = |key: &Key| (format!("{}_file", key.name), key.name);
        if let Some(key) = self.keys.iter().find(|key| key.known_as.contains(&name)) {
            return Some((key.name.to_owned(), key.name));
        }
        if let Some(key) = secrets().find(|key| twin_of(name).is_some_and(|secret| key.known_as.contains(&secret))) {
            return Some(twin(key));
        }
        let names = self.keys.iter().map(|key| key.name).chain(self.kinds().into_iter().map(|kind| kind.name));
        let all: Vec<_> = names.map(|name| (name.to_owned(), name)).chain(secrets().map(twin)).collect();
        let written = nearest(name, all.iter().map(|(written, _)| written.as_str()))?;
        all.iter().find(|(known, _)| known == written).cloned()
    }

    /// The kinds, none where the record has none.
    #[must_use]
    pub fn kinds(&self) -> Vec<&'static Record> {
        self.kinds.map(|kinds| kinds()).unwrap_or_default()
    }
}

/// A key of a record.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    pub name: &'static str,
    pub shape: Shape,
    pub required: bool,
    /// As it would be written. Where the key is not, it reads as if this were.
    pub default: Option<&'static str>,
    /// One sentence for the manual and the schema.
    pub doc: &'static str,
    /// Names that other tools have for it: who writes one is told ours.
    pub known_as: &'static [&'static str],
    /// Whether a name that is filled in here is taken for a secret, though the rest of the text is none.
    pub carries_secrets: bool,
}

impl Key {
    #[must_use]
    pub const fn new(name: &'static str, shape: Shape, doc: &'static str) -> Key {
        Key { name, shape, required: false, default: None, doc, known_as: &[], carries_secrets: false }
    }

    #[must_use]
    pub const fn required(self) -> Key {
        Key { required: true, ..self }
    }

    #[must_use]
    pub const fn default(self, written: &'static str) -> Key {
        Key { default: Some(written), ..self }
    }

    #[must_use]
    pub const fn known_as(self, names: &'static [&'static str]) -> Key {
        Key { known_as: names, ..self }
    }

    #[must_use]
    pub const fn carries_secrets(self) -> Key {
        Key { carries_secrets: true, ..self }
    }

    /// Whether `name` is this key's `…_file` twin.
    #[must_use]
    pub fn is_file_twin(&self, name: &str) -> bool {
        is_secret(&self.shape) && twin_of(name) == Some(self.name)
    }
}

pub(super) const fn is_secret(shape: &Shape) -> bool {
    matches!(shape, Shape::Secret | Shape::SecretUrl)
}

/// The secret that a key is the `…_file` twin of, if it is one.
pub(super) fn twin_of(name: &str) -> Option<&str> {
    name.strip_suffix("_file").filter(|secret| !secret.is_empty())
}

impl Shape {
    /// Whether it is written as a scalar and nothing else.
    #[must_use]
    pub const fn is_scalar(&self) -> bool {
        !matches!(
            self,
            Shape::List(_) | Shape::OneOrMany(_) | Shape::MapOf(_) | Shape::Record(_) | Shape::OneOf(_) | Shape::Any
        )
    }

    /// The records that stand directly under it.
    #[must_use]
    pub fn records(&'static self) -> Vec<&'static Record> {
        match self {
            Shape::Record(record) => vec![record],
            Shape::List(of) | Shape::OneOrMany(of) | Shape::MapOf(of) => of.records(),
            Shape::OneOf(shapes) => shapes.iter().flat_map(Shape::records).collect(),
            _ => Vec::new(),
        }
    }

    /// What to write, as errors and the manual say it.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Shape::Text => "text".to_owned(),
            Shape::Expression => "an expression".to_owned(),
            Shape::Template => "a template".to_owned(),
            Shape::Matcher => "a matcher: `team=\"data\"`".to_owned(),
            Shape::Secret => "a secret".to_owned(),
            Shape::Path => "a path".to_owned(),
            Shape::Url | Shape::SecretUrl => "a URL".to_owned(),
            Shape::Duration => "a duration: `15m`".to_owned(),
            Shape::Size => "a size: `2GiB`".to_owned(),
            Shape::Bool => "`true` or `false`".to_owned(),
            Shape::Integer { .. } => "a whole number".to_owned(),
            Shape::Number => "a number".to_owned(),
            Shape::Time => "a time: `2026-03-05T00:00:00Z`".to_owned(),
            Shape::Zone => "a time zone: `America/New_York`".to_owned(),
            Shape::Constant => "a number, a boolean, a time or text".to_owned(),
            Shape::Choice(words) => words.iter().map(|w| format!("`{w}`")).collect::<Vec<_>>().join(", "),
            Shape::Reference(of) => format!("the name of a {of}"),
            Shape::Checked(rule) => format!("{}: `{}`", rule.noun, rule.example),
            Shape::List(of) => format!("a list, each entry {}", of.describe()),
            Shape::OneOrMany(of) => format!("{}, or a list of such", of.describe()),
            Shape::MapOf(of) => format!("a mapping from names, each value {}", of.describe()),
            Shape::Record(record) => format!("a mapping: {}", listed(record.keys.iter().map(|key| key.name))),
            Shape::OneOf(shapes) => shapes.iter().map(Shape::describe).collect::<Vec<_>>().join(", or "),
            Shape::Any => "anything".to_owned(),
        }
    }
}

/// Names in backticks, the first sixteen of them.
pub(super) fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    const SHOWN_MAX: usize = 16;
    let mut names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    if SHOWN_MAX < names.len() {
        names.truncate(SHOWN_MAX);
        names.push("…".to_owned());
    }
    names.join(", ")
}
