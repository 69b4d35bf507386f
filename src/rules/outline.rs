//! What a configuration says where, for those who give advice on it.

use super::read::Declared;
use crate::config::{Place, Settings, Text};
use crate::model::Matcher;
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
    pub has_route: bool,
    /// Whether all names that are declared, and all routes, could be read. Of what is missing otherwise nothing can be
    /// said.
    pub is_whole: bool,
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
        let written = settings.list(key).unwrap_or_default();
        let matchers = written.iter().filter_map(|setting| Some((setting.matcher()?.clone(), setting.place())));
        MatcherList { role, depth, matchers: matchers.collect(), place: settings.origin().place() }
    }
}
