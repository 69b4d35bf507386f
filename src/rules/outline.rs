//! What a configuration says where, for those who give advice on it.

use super::read::Declared;
use crate::config::{Place, Settings, Text};
use crate::model::{Matcher, Timestamp};
use std::sync::Arc;

/// The declarations with their places, right or wrong.
#[derive(Debug, Default)]
pub struct Outline {
    pub checks: Vec<Declared>,
    /// Every list of matchers: of routes (a parent before its children), of inhibitions.
    pub matchers: Vec<MatcherList>,
    pub sources: Vec<Text>,
    /// The channels, and the channels that routes lead to.
    pub channels: Vec<Text>,
    pub channels_used: Vec<Arc<str>>,
    /// The calendars, and those that routes name.
    pub calendars: Vec<Text>,
    pub calendars_used: Vec<Arc<str>>,
    /// Every silence that has a name, those too that are wrong.
    pub silences_named: Vec<Arc<str>>,
    pub silences: Vec<SilenceOutline>,
    pub has_route: bool,
    /// As of when advice is given: what ended before is over.
    pub now: Timestamp,
    /// Whether all names that are declared, and all routes, could be read. Of what is missing otherwise nothing can be
    /// said.
    pub is_whole: bool,
}

/// A silence of a file.
#[derive(Debug)]
pub struct SilenceOutline {
    pub name: Text,
    pub matchers: Vec<(Matcher, Place)>,
    pub ends: Timestamp,
    pub ends_at: Place,
}

/// Matchers that all have to match.
#[derive(Debug)]
pub struct MatcherList {
    pub role: Role,
    /// How deep a route stands; 0 for the root.
    pub depth: usize,
    pub matchers: Vec<(Matcher, Place)>,
    /// Of the whole declaration.
    pub place: Place,
}

/// What a list of matchers is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Route { continues: bool },
    InhibitSource,
    InhibitTarget,
}

impl MatcherList {
    /// The matchers under a key.
    pub fn of(role: Role, depth: usize, settings: &Settings, key: &str) -> MatcherList {
        MatcherList { role, depth, matchers: with_places(settings, key), place: settings.origin().place() }
    }
}

/// The matchers under a key, with their places.
pub fn with_places(settings: &Settings, key: &str) -> Vec<(Matcher, Place)> {
    let written = settings.list(key).unwrap_or_default();
    written.iter().filter_map(|setting| Some((setting.matcher()?.clone(), setting.place()))).collect()
}
