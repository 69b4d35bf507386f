//! The answer in sentences: who was told, who was not and why not, and what would have to happen.

use super::{Life, Present};
use crate::core::{Flaps, Standing};
use crate::model::time::human_duration;
use crate::model::{AlertState, ChangeKind, Timestamp};
use crate::runtime::views::why::{WhyChannel, WhyLine};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The sentences, the most important first.
pub fn answer(present: &Present, channels: &[WhyChannel], life: &Life) -> Vec<String> {
    let mut answer: Vec<String> = present.flaps.iter().map(flaps).collect();
    answer.extend(channels.iter().map(|channel| of_channel(present, channel)));
    match &present.standing {
        Some(standing) => {
            if channels.is_empty() {
                let past = if standing.state == AlertState::Inactive { over(life) } else { Vec::new() };
                answer.extend(past);
                answer.push(unbound(present, standing));
            }
            answer.extend(judging(standing));
        }
        None if channels.is_empty() => answer.extend(over(life)),
        None => {}
    }
    answer
}

/// That it flaps, since when, and what is true now.
fn flaps(flaps: &Flaps) -> String {
    let since = flaps.since.map(|at| format!(" since {}", at.in_the_second())).unwrap_or_default();
    let more = match flaps.changes {
        0 => String::new(),
        1 => ", and one more since then".to_owned(),
        n => format!(", and {n} more since then"),
    };
    let at = flaps.true_since.in_the_second();
    let truth = match flaps.fires {
        Some(severity) => format!("It fires now ({severity}, since {at})."),
        None => format!("It does not fire now (since {at})."),
    };
    format!("It flaps{since}: {}{more}. {truth}", flaps.rule)
}

fn of_channel(present: &Present, channel: &WhyChannel) -> String {
    let name = &channel.channel;
    let at = channel.told_at.map(|at| format!(" at {}", at.0.in_the_second())).unwrap_or_default();
    let known = channel.severity.map(|severity| format!(" ({severity})")).unwrap_or_default();
    let firing = present.standing.as_ref().is_some_and(|standing| matches!(standing.state, AlertState::Firing(_)));
    let head = match channel.knows {
        "told_flapping" => {
            return format!("{name} was told{at} that it flaps{known}: {}. Next: {}.", channel.because, channel.next);
        }
        // What it knows is that nothing fires.
        "told" if channel.severity.is_none() => {
            let at = at.replacen(" at", ", last at", 1);
            return format!("Told to {name}{at}: {}. Next: {}.", channel.because, channel.next);
        }
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
        AlertState::Inactive => format!("It does not fire now: nobody is told. When it does, it leads to {led}."),
        AlertState::Pending(_) => {
            let waits = standing.pending.iter().map(|pending| {
                let hold = human_duration(pending.hold.as_secs_f64());
                let at = pending.earliest.map(|at| format!(", at {} at the earliest", at.to_the_second()));
                let (severity, since) = (pending.severity, pending.since.in_the_second());
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
    let slot = standing.last_slot.map(|at| format!(" ({})", at.in_the_second())).unwrap_or_default();
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
        lines.push(format!("It has had no row since {}.", absent.in_the_second()));
    }
    lines
}

/// What became of the last episode of an alert that is over, as the history has it.
fn over(life: &Life) -> Vec<String> {
    if life.lines.is_empty() {
        return Vec::new();
    }
    let (begin, flapped) = last_episode(&life.lines);
    let episode = &life.lines[begin..];
    let mut channels: BTreeMap<Arc<str>, String> = BTreeMap::new();
    for line in episode {
        let (Some(channel), true) = (&line.channel, line.kind != "note") else { continue };
        let told = channels.get(channel).is_some_and(|text| text.starts_with("Told"));
        let at = line.at.0.in_the_second();
        let why = line.text.strip_prefix("not sent: ").unwrap_or(&line.text);
        match line.outcome {
            Some("delivered") => {
                channels.insert(Arc::clone(channel), format!("Told to {channel}, last at {at}."));
            }
            Some("unanswered") if !told => {
                channels.insert(Arc::clone(channel), format!("Perhaps told to {channel} at {at}: {why}."));
            }
            _ if !told => {
                channels.insert(Arc::clone(channel), format!("Not told to {channel}: {why}."));
            }
            _ => {}
        }
    }
    let mut lines: Vec<String> = channels.into_values().collect();
    if lines.is_empty() {
        lines.push("Told to nobody: it was over before a message left, or no route led to a channel.".to_owned());
    }
    if let Some(at) = flapped {
        lines.push(format!("It flapped from {} on: single changes were not told.", at.in_the_second()));
    }
    if let Some((at, ChangeKind::Resolved)) = life.last {
        lines.push(format!("It was over at {}.", at.in_the_second()));
    }
    lines
}

/// Where the last episode begins, and since when it flapped, where it did: then all that was told as one is one.
fn last_episode(lines: &[WhyLine]) -> (usize, Option<Timestamp>) {
    let fired = lines.iter().rposition(|line| line.kind == "change" && line.text.starts_with("fired")).unwrap_or(0);
    let flaps = lines.iter().rposition(|line| line.kind == "decision" && line.text.starts_with("it flaps"));
    let Some(flaps) = flaps else { return (fired, None) };
    let ends = |line: &WhyLine| {
        let said = line.text.split(':').next().unwrap_or_default();
        line.outcome == Some("delivered") && (said.contains("`resolved`") || said.contains("`steady`"))
    };
    // What was steady in between fired again of itself.
    let is_over = lines.get(flaps..fired).is_some_and(|between| between.iter().any(ends));
    if is_over { (fired, None) } else { (fired.min(flaps), Some(lines[flaps].at.0)) }
}
