//! Every kind of channel there is: one line each.

use super::Channel;
use crate::config::{Problem, Record, Settings};
use crate::model::Rate;
use std::sync::Arc;

/// The kinds that this build has, each behind its cargo feature.
pub const KINDS: &[Kind] = &[
    #[cfg(feature = "console")]
    super::console::KIND,
    #[cfg(feature = "slack")]
    super::slack::KIND,
    #[cfg(feature = "email")]
    super::email::KIND,
    #[cfg(feature = "webhook")]
    super::webhook::KIND,
];

/// A kind of channel: what may be written for it, and how it is made.
pub struct Kind {
    pub name: &'static str,
    /// The text of its file: the doc comment at its head is the manual, see [`Kind::manual`].
    pub source_text: &'static str,
    /// The keys under `channels: { name: { <kind>: … } }`.
    pub record: &'static Record,
    /// What is wrong with settings whose keys are each right: keys that need or exclude each other.
    pub check: fn(&Settings) -> Vec<Problem>,
    /// The most messages in a time, where the configuration does not say.
    pub rate: Option<Rate>,
    /// The far side that the rate is counted at, where channels may share one: a hash, which shows nothing of the settings.
    pub room: fn(&Settings) -> Option<u64>,
    /// Makes a channel of checked settings. It reads files that they name, and never connects.
    pub build: fn(&Settings, &Context) -> Built,
}

/// A channel, or why it cannot be made, with its place.
pub type Built = Result<Arc<dyn Channel>, Box<Problem>>;

/// What a channel knows of the rest of the configuration.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// `server.url`: the address of this Bellwether's pages, for links.
    pub url: Option<Arc<str>>,
}

impl Kind {
    /// The manual in Markdown: the doc comment at the head of the kind's file.
    #[must_use]
    pub fn manual(&self) -> String {
        let lines = self.source_text.lines().map_while(|line| line.strip_prefix("//!"));
        lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect::<Vec<_>>().join("\n") + "\n"
    }
}

/// The kind of a name.
#[must_use]
pub fn kind(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}

/// What may be written for each kind of channel, for the shape of `channels:`.
#[must_use]
pub fn records() -> Vec<&'static Record> {
    KINDS.iter().map(|kind| kind.record).collect()
}
