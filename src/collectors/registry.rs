//! Every kind of source there is: one line each.

use super::conceal::{Concealing, Hidden};
use super::error::CollectError;
use super::sql_text::{self, Dialect};
use super::{Collector, Request};
use crate::config::{Problem, Record, Setting, SettingValue, Settings};
use crate::model::{Table, Value, ValueType};
use std::path::Path;
use std::sync::Arc;

/// The kinds that this build has, each behind its cargo feature.
pub const KINDS: &[Kind] = &[
    #[cfg(feature = "sqlite")]
    super::sqlite::KIND,
    #[cfg(feature = "postgres")]
    super::postgres::KIND,
    #[cfg(feature = "bigquery")]
    super::bigquery::KIND,
    #[cfg(feature = "prometheus")]
    super::prometheus::KIND,
    #[cfg(feature = "http")]
    super::http::KIND,
    #[cfg(all(feature = "exec", unix))]
    super::exec::KIND,
    #[cfg(feature = "cloud_monitoring")]
    super::cloud_monitoring::KIND,
    #[cfg(feature = "cloud_logging")]
    super::cloud_logging::KIND,
    #[cfg(feature = "pubsub")]
    super::pubsub::KIND,
    #[cfg(feature = "firestore")]
    super::firestore::KIND,
];

/// A kind of source: what may be written for it, what is known of it without asking, and how it is made.
pub struct Kind {
    pub name: &'static str,
    /// The text of its file: the doc comment at its head is the manual, see [`Kind::manual`].
    pub source_text: &'static str,
    /// The keys under `sources: { name: { <kind>: … } }`.
    pub source: &'static Record,
    /// The keys under a check's `collect:`.
    pub collect: &'static Record,
    /// Whose quotes its `query` has, where it binds `@name`.
    pub binds: Option<Dialect>,
    /// What is wrong with a request, as far as that can be known without asking; the names are the check's params.
    pub check_request: fn(&Settings, &[&str]) -> Vec<Problem>,
    /// What is known of the columns without asking.
    pub static_columns: fn(&Settings) -> StaticColumns,
    /// What names an instance where the check has no `key`.
    pub default_key: DefaultKey,
    /// Makes a source of its settings. It never connects.
    pub build: fn(&Settings, &Place<'_>) -> Built,
}

/// A source, or why it cannot be made.
pub type Built = Result<Arc<dyn Collector>, CollectError>;

/// Where a source stands.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The source's name.
    pub name: &'a str,
    /// The configuration's folder.
    pub folder: &'a Path,
}

/// Columns that are known without asking.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StaticColumns {
    /// Names as expressions write them; a type where it is known.
    pub known: Vec<(String, Option<ValueType>)>,
    /// Whether there can be no others.
    pub complete: bool,
}

/// What names one instance where a check has no `key`.
#[derive(Clone, Copy, Debug)]
pub enum DefaultKey {
    /// The whole answer is one instance.
    OneInstance,
    /// Each set of texts: every text column that is not null in the row.
    TextColumns,
    /// The columns that the request says, none of them being one instance; where it says nothing, as `TextColumns`.
    OfRequest(fn(&Settings) -> Option<Vec<String>>),
}

impl DefaultKey {
    /// The columns that name an instance; none where each set of texts does.
    #[must_use]
    pub fn columns(self, collect: &Settings) -> Option<Vec<String>> {
        match self {
            DefaultKey::OneInstance => Some(Vec::new()),
            DefaultKey::TextColumns => None,
            DefaultKey::OfRequest(columns) => columns(collect),
        }
    }
}

impl Kind {
    /// The manual in Markdown: the doc comment at the head of the kind's file.
    #[must_use]
    pub fn manual(&self) -> String {
        let lines = self.source_text.lines().map_while(|line| line.strip_prefix("//!"));
        lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect::<Vec<_>>().join("\n") + "\n"
    }

    /// The params of a request that it names: in its query, else at the head of a text.
    pub(super) fn params_used(&self, request: &Request) -> Vec<(Arc<str>, Value)> {
        match (self.binds, request.collect.text("query")) {
            (Some(dialect), Some(query)) => sql_text::used(query, dialect, &request.params),
            _ => request.params.iter().filter(|(name, _)| names(&request.collect, name)).cloned().collect(),
        }
    }
}

/// Whether a text of these settings begins with `@name`, as a value that is bound does.
fn names(settings: &Settings, name: &str) -> bool {
    settings.values().any(|(_, setting)| is_named(setting, name))
}

fn is_named(setting: &Setting, name: &str) -> bool {
    let begins = |text: &str| text.strip_prefix('@').is_some_and(|rest| rest.starts_with(name));
    match &setting.value {
        SettingValue::Text(text) | SettingValue::Constant(Value::Text(text)) => begins(text),
        SettingValue::List(list) => list.iter().any(|item| is_named(item, name)),
        SettingValue::Map(map) => map.iter().any(|(_, value)| is_named(value, name)),
        SettingValue::Record(inner) => names(inner, name),
        _ => false,
    }
}

/// The kind of a name.
#[must_use]
pub fn kind(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}

/// What may be written for each kind of source, for the shape of `sources:`.
#[must_use]
pub fn source_records() -> Vec<&'static Record> {
    KINDS.iter().map(|kind| kind.source).collect()
}

/// Makes a source. One that cannot be made answers every request with why, so that it stops no other. What it answers
/// has no secrets in it.
#[must_use]
pub fn build(kind: &Kind, source: &Settings, place: &Place<'_>) -> Arc<dyn Collector> {
    let made = (kind.build)(source, place).unwrap_or_else(|error| Arc::new(Broken(error)));
    // A database answers with what it stores, not with what it was sent.
    Arc::new(Concealing { made, hidden: Hidden::of_source(source), in_cells: kind.binds.is_none() })
}

/// A source that could not be made.
struct Broken(CollectError);

#[async_trait::async_trait]
impl Collector for Broken {
    async fn collect(&self, _: &Request) -> Result<Table, CollectError> {
        Err(self.0.clone())
    }

    async fn columns(&self, _: &Request) -> Result<Vec<(String, Option<ValueType>)>, CollectError> {
        Err(self.0.clone())
    }
}

/// The problems of a `query` that binds `@name`, each with its place in the file.
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "bigquery"))]
pub(super) fn query_problems(collect: &Settings, dialect: Dialect, params: &[&str]) -> Vec<Problem> {
    let Some(query) = collect.spanned("query") else { return Vec::new() };
    let problems = sql_text::problems(query.as_str(), dialect, params).into_iter();
    problems.map(|p| Problem::error(p.message).at(query.place_in(p.at.start, p.at.len()))).collect()
}
