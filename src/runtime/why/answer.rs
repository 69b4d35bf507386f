//! The answer in sentences: who was told, who was not and why not, and what would have to happen.

use super::{Life, Present};
use crate::core::Standing;
use crate::model::time::human_duration;
use crate::model::{AlertState, ChangeKind};
use crate::runtime::views::why::WhyChannel;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The sentences, the most important first.
pub fn answer(present: &Present, channels: &[WhyChannel], life: &Life) -> Vec<String> {
    let mut answer: Vec<String> = channels.iter().map(|channel| of_channel(present, channel)).collect();
    match &present.standing {
        Some(standing) => {
            if channels.is_empty() {
                answer.push(unbound(present, standing));
            }
            answer.extend(judging(standing));
        }
        None if channels.is_empty() => answer.extend(over(life)),
        None => {}
    }
    answer
}

fn of_channel(present: &Present, channel: &WhyChannel) -> String {
    let name = &channel.channel;
    let at = channel.told_at.map(|at| format!(" at {}", at.0.to_the_second())).unwrap_or_default();
    let known = channel.severity.map(|severity| format!(" ({severity})")).unwrap_or_default();
    let firing = present.standing.as_ref().is_some_and(|standing| matches!(standing.state, AlertState::Firing(_)));
    let head = match channel.knows {
        "told" => return format!("Told to {name}{at}{known}. Next: {}.", channel.next),
        "told_before" if firing => format!("{name} was told something older{at}{known} and not what is true now"),
        "told_before" => format!("{name} was told that it fires{known}{at}, and not yet that it is over"),
        "unsure" => format!("Perhaps told to {name}{at}"),
        _ => format!("Not told to {name}"),
    };
    format!("{head}: {}. Next: {}.", channel.because, channel.next)
}

/// Where no channel is bound to it.
fn unbound(present: &Present, standing: &Standing) -> String {
    let mode = standing.mode;
    if mode != "live" {
        return format!("Told to nobody: its check has `mode: {mode}`. Next: take `mode: {mode}` from the check.");
    }
    let led = match &present.led {
        Some(Err(why)) => return format!("Told to nobody: {why}."),
        Some(Ok(led)) => {
            led.iter().map(|led| format!("{} (by {})", led.channel, led.by)).collect::<Vec<_>>().join(", ")
        }
        None => String::new(),
    };
    match standing.state {
        AlertState::Firing(_) => format!("Told to nobody. It leads to {led}."),
        AlertState::Inactive => format!("Told to nobody: it does not fire. When it does, it leads to {led}."),
        AlertState::Pending(_) => {
            let waits = standing.pending.iter().map(|pending| {
                let hold = human_duration(pending.hold.as_secs_f64());
                let at = pending.earliest.map(|at| format!(", at {} at the earliest", at.to_the_second()));
                let (severity, since) = (pending.severity, pending.since.to_the_second());
                format!(
                    "{severity} fires when its condition, true since {since}, has been so for {hold}{}",
                    at.unwrap_or_default()
                )
            });
            let waits: Vec<String> = waits.collect();
            format!("Told to nobody yet: it is pending. Next: {}. It leads to {led}.", waits.join("; "))
        }
    }
}

/// What keeps the alert from being judged.
fn judging(standing: &Standing) -> Vec<String> {
    let mut lines = Vec::new();
    let slot = standing.last_slot.map(|at| format!(" ({})", at.to_the_second())).unwrap_or_default();
    if let Some(error) = &standing.error {
        lines.push(format!(
            "Its check could not be judged in its last slot{slot}, and what is unknown changes nothing: {error}"
        ));
    } else if standing.unknown > 0 {
        let why = standing.unknown_why.join("; ");
        let slots = if standing.unknown == 1 { "slot".to_owned() } else { format!("{} slots", standing.unknown) };
        let why = if why.is_empty() { String::new() } else { format!(": {why}") };
        lines.push(format!("It is unknown in the last {slots}{slot}, and what is unknown changes nothing{why}"));
    }
    if let Some(absent) = standing.absent {
        lines.push(format!("It has had no row since {}.", absent.to_the_second()));
    }
    lines
}

/// An alert that only the history knows: what became of its last episode.
fn over(life: &Life) -> Vec<String> {
    if life.lines.is_empty() {
        return Vec::new();
    }
    let fired = life.lines.iter().rposition(|line| line.kind == "change" && line.text.starts_with("fired"));
    let episode = &life.lines[fired.unwrap_or(0)..];
    let mut channels: BTreeMap<Arc<str>, String> = BTreeMap::new();
    for line in episode {
        let (Some(channel), true) = (&line.channel, line.kind != "note") else { continue };
        let told = channels.get(channel).is_some_and(|text| text.starts_with("Told"));
        if line.outcome == Some("delivered") {
            channels.insert(Arc::clone(channel), format!("Told to {channel}, last at {}.", line.at.0.to_the_second()));
        } else if !told {
            let why = line.text.strip_prefix("not sent: ").unwrap_or(&line.text);
            channels.insert(Arc::clone(channel), format!("Not told to {channel}: {why}."));
        }
    }
    let mut lines: Vec<String> = channels.into_values().collect();
    if lines.is_empty() {
        lines.push("Told to nobody: it was over before a message left, or no route led to a channel.".to_owned());
    }
    if let Some((at, ChangeKind::Resolved)) = life.last {
        lines.push(format!("It was over at {}.", at.to_the_second()));
    }
    lines
}
