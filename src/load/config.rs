//! A configuration as the daemon and the tests take it: everything in it has been checked.

use super::cases::TestCase;
use crate::config::Settings;
use crate::model::Secret;
use crate::model::breaker::BreakerRules;
use crate::rules::{Check, SelfAlerts};
use crate::{channels, collectors, dispatch};
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// What a folder says.
#[derive(Debug)]
pub struct Config {
    /// The folder named on the command line.
    pub folder: PathBuf,
    /// Of the names and contents of its files: the same number means that nothing changed.
    pub hash: u64,
    /// How many of its files say something to Bellwether.
    pub files: usize,
    pub checks: Vec<Arc<Check>>,
    pub sources: Vec<SourceDecl>,
    pub channels: Vec<ChannelDecl>,
    pub dispatch: dispatch::Config,
    pub self_alerts: SelfAlerts,
    pub tests: Vec<TestCase>,
    pub store: StoreConfig,
    pub server: ServerConfig,
    pub heartbeat: Option<HeartbeatConfig>,
}

impl Config {
    /// The check of that name.
    #[must_use]
    pub fn check(&self, name: &str) -> Option<&Arc<Check>> {
        self.checks.iter().find(|check| *check.name == *name)
    }
}

/// An entry of `sources:`.
pub struct SourceDecl {
    pub name: Arc<str>,
    pub kind: &'static collectors::registry::Kind,
    pub settings: Settings,
    pub breaker: BreakerRules,
}

/// An entry of `channels:`.
pub struct ChannelDecl {
    pub name: Arc<str>,
    pub kind: &'static channels::registry::Kind,
    pub settings: Settings,
    /// What does not belong to its kind: `fallback`, `rate`.
    pub rules: dispatch::ChannelRules,
}

/// `store:`.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    pub path: PathBuf,
    /// How long what is over is kept.
    pub keep: Duration,
}

/// `heartbeat:`.
#[derive(Clone, Debug)]
pub struct HeartbeatConfig {
    /// Such URLs carry their key in the path.
    pub url: Secret,
    pub every: Duration,
}

/// `server:`.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    pub listen: SocketAddr,
    /// How people reach it, for links in messages.
    pub url: Option<String>,
    pub tokens_file: Option<PathBuf>,
    pub tls: Option<TlsConfig>,
    /// Whether everybody may read.
    pub open: bool,
    /// Requests a second from one address of another machine.
    pub rate: u32,
    /// Connections at once.
    pub connections: usize,
}

/// `server.tls:`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsConfig {
    pub cert: PathBuf,
    pub key: PathBuf,
}

/// A kind is code: its name stands for it.
impl fmt::Debug for SourceDecl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} {:?}", self.name, self.kind.name, self.settings)
    }
}

impl fmt::Debug for ChannelDecl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} {:?}", self.name, self.kind.name, self.settings)
    }
}
