//! Validated values, each with its place.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::shape::Record;
use super::source::{Origin, Place, Span, Text};
use super::tree::Node;
use crate::model::{Matcher, Secret, Template, Timestamp, Value};

/// A mapping that was read by a [`Record`]. A key whose value was wrong is absent here: that has been told already.
#[derive(Clone, Debug)]
pub struct Settings {
    pub(super) record: &'static Record,
    pub(super) origin: Origin,
    pub(super) entries: Vec<Entry>,
    /// The key that names the kind, as an index of `entries`.
    pub(super) kind: Option<usize>,
    /// The keys that unknown ones were probably meant to be.
    pub(super) meant: Vec<&'static str>,
}

/// One key with its value.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: &'static str,
    /// `None` where the value is the default.
    pub(super) span: Option<Span>,
    /// `None` where the value is wrong.
    pub(super) setting: Option<Setting>,
}

/// A value.
#[derive(Clone, Debug)]
pub struct Setting {
    pub origin: Origin,
    pub value: SettingValue,
    /// What of it came from the environment or from a secret's file, and may be a secret wherever it stands.
    pub given: Vec<Secret>,
}

#[derive(Clone, Debug)]
pub enum SettingValue {
    /// Text, an expression, a choice, a reference, a URL, a checked text.
    Text(Arc<str>),
    Template(Template),
    Matcher(Matcher),
    Secret(Secret),
    Path(PathBuf),
    Duration(Duration),
    Size(u64),
    Bool(bool),
    Integer(i64),
    Number(f64),
    Time(Timestamp),
    Zone(jiff::tz::TimeZone),
    Constant(Value),
    List(Vec<Setting>),
    Map(Vec<(Text, Setting)>),
    Record(Settings),
    Any(Node),
    /// An entry of a list or a mapping that is wrong: that has been told. It keeps its place and its name.
    Wrong,
}

/// A getter for a value that is copied or borrowed out of its setting.
macro_rules! getters {
    ($($(#[$doc:meta])* $name:ident: $variant:ident -> $out:ty = $take:expr;)*) => {
        impl Setting {
            $($(#[$doc])* #[must_use] pub fn $name(&self) -> Option<$out> {
                match &self.value { SettingValue::$variant(value) => Some($take(value)), _ => None }
            })*
        }
        impl Settings {
            $($(#[$doc])* #[must_use] pub fn $name(&self, key: &str) -> Option<$out> {
                self.get(key).and_then(Setting::$name)
            })*
        }
    };
}

getters! {
    template: Template -> &Template = |v| v;
    matcher: Matcher -> &Matcher = |v| v;
    secret: Secret -> &Secret = |v| v;
    /// Absolute, or relative to where the program stands: it holds the configuration's folder already.
    path: Path -> &Path = PathBuf::as_path;
    duration: Duration -> Duration = |v: &Duration| *v;
    /// In bytes.
    size: Size -> u64 = |v: &u64| *v;
    boolean: Bool -> bool = |v: &bool| *v;
    integer: Integer -> i64 = |v: &i64| *v;
    number: Number -> f64 = |v: &f64| *v;
    time: Time -> Timestamp = |v: &Timestamp| *v;
    zone: Zone -> &jiff::tz::TimeZone = |v| v;
    constant: Constant -> &Value = |v| v;
    list: List -> &[Setting] = Vec::as_slice;
    map: Map -> &[(Text, Setting)] = Vec::as_slice;
    record: Record -> &Settings = |v| v;
    node: Any -> &Node = |v| v;
}

impl Setting {
    pub(super) fn new(origin: Origin, value: SettingValue) -> Setting {
        Setting { origin, value, given: Vec::new() }
    }

    #[must_use]
    pub fn place(&self) -> Place {
        self.origin.place()
    }

    /// Whether it stands for what is wrong, and was told.
    #[must_use]
    pub fn is_wrong(&self) -> bool {
        matches!(self.value, SettingValue::Wrong)
    }

    /// Text of any kind; of a template, its source.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            SettingValue::Text(text) => Some(text),
            SettingValue::Template(template) => Some(template.source()),
            _ => None,
        }
    }

    /// The same with its place, so that errors can point into it.
    #[must_use]
    pub fn spanned(&self) -> Option<Text> {
        let text = match &self.value {
            SettingValue::Text(text) => text.clone(),
            SettingValue::Template(template) => Arc::from(template.source()),
            _ => return None,
        };
        Some(Text { text, origin: self.origin.clone() })
    }
}

impl Settings {
    /// The table that it was read by.
    #[must_use]
    pub fn shape(&self) -> &'static Record {
        self.record
    }

    /// The entries of a mapping whose values are right; empty where the key is absent.
    pub fn right(&self, key: &str) -> impl Iterator<Item = &(Text, Setting)> {
        self.map(key).unwrap_or_default().iter().filter(|(_, setting)| !setting.is_wrong())
    }

    /// Whether a key is written and its value as a whole is wrong: that has been told.
    #[must_use]
    pub fn is_wrong(&self, key: &str) -> bool {
        self.has(key) && self.get(key).is_none()
    }

    /// A key's value or its default.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Setting> {
        self.entry(key)?.setting.as_ref()
    }

    fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// Whether the key is written in the file, be its value right or wrong.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.entry(key).is_some_and(|entry| entry.span.is_some())
    }

    /// Whether the key is neither written nor misspelt: an unknown key that was probably meant to be it was told.
    #[must_use]
    pub fn lacks(&self, key: &str) -> bool {
        !self.has(key) && !self.meant.contains(&key)
    }

    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        self.get(key)?.text()
    }

    /// A text with its place, so that errors can point into it.
    #[must_use]
    pub fn spanned(&self, key: &str) -> Option<Text> {
        self.get(key)?.spanned()
    }

    /// A list of texts; empty where the key is absent.
    #[must_use]
    pub fn texts(&self, key: &str) -> Vec<&str> {
        self.list(key).unwrap_or_default().iter().filter_map(Setting::text).collect()
    }

    /// A list of texts with their places; empty where the key is absent.
    #[must_use]
    pub fn spanned_texts(&self, key: &str) -> Vec<Text> {
        self.list(key).unwrap_or_default().iter().filter_map(Setting::spanned).collect()
    }

    /// A list of matchers; empty where the key is absent.
    #[must_use]
    pub fn matchers(&self, key: &str) -> Vec<Matcher> {
        self.list(key).unwrap_or_default().iter().filter_map(|s| s.matcher().cloned()).collect()
    }

    /// Which kind was written, and its settings. They are absent where they were wrong as a whole.
    #[must_use]
    pub fn kind(&self) -> Option<(&'static str, &Settings)> {
        let entry = &self.entries[self.kind?];
        Some((entry.key, entry.setting.as_ref()?.record()?))
    }

    /// The place of a key's value; of the whole mapping where the key is not written.
    #[must_use]
    pub fn place(&self, key: &str) -> Place {
        match self.entry(key) {
            Some(Entry { setting: Some(setting), span: Some(_), .. }) => setting.place(),
            _ => self.key_place(key),
        }
    }

    /// The place of a key itself; of the whole mapping where the key is not written.
    #[must_use]
    pub fn key_place(&self, key: &str) -> Place {
        match self.entry(key).and_then(|entry| entry.span) {
            Some(span) => self.origin.source.place(span),
            None => self.origin.place(),
        }
    }

    /// The keys that have a value, with it.
    pub fn values(&self) -> impl Iterator<Item = (&'static str, &Setting)> {
        self.entries.iter().filter_map(|entry| Some((entry.key, entry.setting.as_ref()?)))
    }

    /// Where it begins.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }
}
