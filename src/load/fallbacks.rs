//! What a channel says beside its kind: its rate, and who is told in its place.

use super::breakers::breaker;
use super::decls::Names;
use super::{ChannelDecl, Loading};
use crate::channels::registry::Kind;
use crate::config::{Problem, Problems, Settings, Text};
use crate::dispatch::ChannelRules;
use crate::model::Rate;
use crate::rules::read::unknown_name;
use std::collections::HashMap;
use std::sync::Arc;

/// A channel and the fallback that it names.
type Named = (Arc<str>, Text);

/// What a channel's keys, and those of its kind, say; its fallback is looked up once all channels are known.
pub(super) fn rules(
    name: &Arc<str>,
    settings: &Settings,
    kind: &Kind,
    inner: &Settings,
    problems: &mut Problems,
) -> ChannelRules {
    ChannelRules {
        breaker: breaker(settings, problems),
        rate: settings.text("rate").and_then(Rate::parse).or(kind.rate),
        room: (kind.room)(inner),
        hourly: settings.integer("max_per_hour").and_then(|n| u32::try_from(n).ok()),
        ..ChannelRules::new(name)
    }
}

impl Loading<'_> {
    /// Gives each channel the fallback that it names, and tells of names that nothing has and of rings.
    pub(super) fn fallbacks(&mut self, channels: &mut Names<ChannelDecl>, named: &[Named]) {
        let mut right: HashMap<Arc<str>, &Text> = HashMap::new();
        for (channel, to) in named {
            self.outline.channels_used.push(Arc::clone(&to.text));
            if !channels.all.contains(&to.text) {
                if !self.files.hides("channels") {
                    self.problems.push(unknown_name(to, "channel", channels.all.iter().map(|name| &**name)));
                }
            } else if channels.left_out.contains(&to.text) {
                self.notes.push(format!("channel `{channel}` has no fallback: `{to}` is left out"));
            } else {
                right.insert(Arc::clone(channel), to);
            }
        }
        for (channel, to) in named {
            if let Some(ring) = ring(channel, &right) {
                let problem = Problem::error(format!("`fallback` goes round in a ring: {ring}")).at(to.place());
                self.problems.push(problem.help("the last channel of a row of fallbacks has none"));
                return;
            }
        }
        for channel in &mut channels.declared {
            channel.rules.fallback = right.get(&channel.name).map(|to| Arc::clone(&to.text));
        }
    }
}

/// The way from a channel back to itself, where there is one.
fn ring(channel: &Arc<str>, fallbacks: &HashMap<Arc<str>, &Text>) -> Option<String> {
    let mut way = vec![format!("`{channel}`")];
    let mut at = channel;
    while let Some(to) = fallbacks.get(at) {
        way.push(format!("`{to}`"));
        if to.text == *channel {
            return Some(way.join(" → "));
        }
        if fallbacks.len() < way.len() {
            return None;
        }
        at = &to.text;
    }
    None
}
