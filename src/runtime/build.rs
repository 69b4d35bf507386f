//! From what the files say to what runs.

use super::{ChannelSpec, HeartbeatSpec, Loaded, SourceSpec};
use crate::channels::registry::{self, Context};
use crate::collectors::{self, Place};
use crate::core::CoreConfig;
use crate::load::{self, ChannelDecl, Config};
use std::sync::Arc;
use std::time::Duration;

/// A channel ends a send by itself within its `timeout`; this much later it is cut.
const SEND_GRACE: Duration = Duration::from_secs(5);
/// The deadline of a channel that has no `timeout`.
const SEND_MAX: Duration = Duration::from_mins(1);

impl Loaded {
    /// Makes the sources and channels of a configuration. It reads files that they name, and asks nobody anything.
    ///
    /// # Errors
    /// What keeps channels from being made, a line each, with its place. A source that cannot be made answers each
    /// request with why.
    pub fn of(config: &Config) -> Result<Loaded, String> {
        let sources = config.sources.iter().map(|decl| SourceSpec {
            name: Arc::clone(&decl.name),
            kind: decl.kind,
            fingerprint: decl.settings.fingerprint(),
            collector: collectors::registry::build(
                decl.kind,
                &decl.settings,
                &Place { name: &decl.name, folder: &config.folder },
            ),
        });
        let core = CoreConfig {
            checks: load::in_shared_slots(&config.checks, &config.sources),
            sources: config.sources.iter().map(|decl| (Arc::clone(&decl.name), decl.breaker)).collect(),
            dispatch: config.dispatch.clone(),
            self_alerts: config.self_alerts,
        };
        Ok(Loaded {
            core,
            sources: sources.collect(),
            channels: channels(config)?,
            heartbeat: config.heartbeat.as_ref().map(|h| HeartbeatSpec { url: h.url.clone(), every: h.every }),
            keep: config.store.keep,
            fingerprint: Some(config.hash),
        })
    }
}

fn channels(config: &Config) -> Result<Vec<ChannelSpec>, String> {
    let context = Context { url: config.server.url.as_deref().map(Arc::from) };
    let (mut specs, mut errors) = (Vec::new(), Vec::new());
    for decl in &config.channels {
        match channel(decl, &context) {
            Ok(spec) => specs.push(spec),
            Err(why) => errors.push(why),
        }
    }
    if errors.is_empty() { Ok(specs) } else { Err(errors.join("\n")) }
}

fn channel(decl: &ChannelDecl, context: &Context) -> Result<ChannelSpec, String> {
    let kind =
        registry::kind(decl.kind.name).ok_or_else(|| format!("this build has no channel `{}`", decl.kind.name))?;
    let built = (kind.build)(&decl.settings, context).map_err(|problem| {
        let place = problem.place.map_or_else(|| format!("channel `{}`", decl.name), |place| place.to_string());
        format!("{place}: {}", problem.message)
    })?;
    Ok(ChannelSpec {
        name: Arc::clone(&decl.name),
        fingerprint: decl.settings.fingerprint(),
        deadline: decl.settings.duration("timeout").map_or(SEND_MAX, |timeout| timeout + SEND_GRACE),
        channel: built,
    })
}
