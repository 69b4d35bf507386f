//! WHO IS TOLD, WHEN, AND WHY NOT.
//!
//! What is true and what each channel has been told stand side by side; a message is an attempt to make the
//! second equal to the first. Groups say only what travels together and when.

pub mod route;

pub use route::{GroupBy, Route, Timers};

use crate::model::Matcher;
use std::sync::Arc;

/// What a configuration says of dispatch.
#[derive(Clone, Debug)]
pub struct Config {
    /// The root of the routing tree; `None` where there is none: alerts are kept and told to nobody.
    pub route: Option<Route>,
    pub inhibit: Vec<Inhibit>,
    /// The names of all channels.
    pub channels: Vec<Arc<str>>,
}

/// A rule by which one alert holds another. `depends_on` is one of these, too.
#[derive(Clone, Debug)]
pub struct Inhibit {
    pub source: Vec<Matcher>,
    pub target: Vec<Matcher>,
    pub equal: Vec<Arc<str>>,
    /// Where it stands: `rules/x.yaml:3`, or the parent that a check depends on.
    pub cause: InhibitCause,
}

/// Where a rule of inhibition comes from: what a hold is called by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InhibitCause {
    /// `inhibit:`, declared there.
    Rule(Arc<str>),
    /// `depends_on: [parent]`.
    Parent(Arc<str>),
    /// `source-unreachable` holds the `reason: error` alerts of its checks.
    SourceUnreachable,
}
