//! A channel that no route leads to is never told anything; without a route nobody is.

use super::Advice;
use crate::config::{Problem, Problems};
use crate::rules::outline::Outline;

const NAME: &str = "unused-channel";
pub(super) const ADVICE: Advice = Advice { names: &[NAME], give };

fn give(outline: &Outline, problems: &mut Problems) {
    if !outline.is_whole {
        return;
    }
    for channel in outline.channels.iter().filter(|channel| !outline.channels_used.contains(&channel.text)) {
        let message = if outline.has_route {
            format!("no route leads to the channel `{channel}`")
        } else {
            format!("there is no `route:`, and so the channel `{channel}` is told nothing")
        };
        let help = format!("name it under `channels:` of a route: `route: {{ channels: [{channel}] }}`");
        problems.push(Problem::advice(NAME, message).at(channel.place()).help(help));
    }
}
