//! Where labels lead, for a person and for a program.

use crate::dispatch::explain::{Explained, Lead, Step, Verdict};
use crate::dispatch::{Config, GroupBy, Inhibit, InhibitCause, Route};
use crate::model::time::human_duration;
use crate::model::{LabelSet, Matcher, Silence, Timestamp};
use serde_json::{Value, json};
use std::time::Duration;

/// The channels in order with the route that leads there, then what may hold the message. With `walk` every route that
/// was asked.
pub(super) fn text(config: &Config, labels: &LabelSet, at: Timestamp, explained: &Explained<'_>, walk: bool) -> String {
    let mut out = format!("{labels}\nat {at}\n\ntold:\n");
    if explained.leads.is_empty() {
        out.push_str("  nobody\n");
    }
    for lead in &explained.leads {
        out.push_str(&format!("  {}\n    by {}\n    {}\n", lead.channel, place(lead.route), grouping(lead, labels)));
        out.push_str(&fallback(config, lead.channel));
        if let Some(held) = &lead.held {
            out.push_str(&format!("    held then: {held}\n"));
        }
    }
    for silence in &explained.silences {
        out.push_str(&format!("\nheld then: {}\n", silenced(silence)));
    }
    if !explained.inhibit.is_empty() {
        out.push_str("\nheld while:\n");
        explained.inhibit.iter().for_each(|rule| out.push_str(&format!("  {}\n", held_while(rule, labels))));
    }
    if walk {
        out.push_str("\nroutes asked:\n");
        explained.steps.iter().for_each(|step| out.push_str(&format!("  {}\n", step_line(step, labels))));
    }
    out
}

/// Who is told where the channel cannot be.
fn fallback(config: &Config, channel: &str) -> String {
    let fallback = config.channel(channel).and_then(|channel| channel.fallback.as_ref());
    fallback.map(|name| format!("    while it is away: {name}\n")).unwrap_or_default()
}

fn silenced(silence: &Silence) -> String {
    let place = silence.declared.as_deref().unwrap_or("made while it ran");
    format!(
        "silenced by `{}` ({}: {}) until {} ({place})",
        silence.id, silence.created_by, silence.comment, silence.ends
    )
}

/// `bellwether.yaml:12, {}/{severity="critical"}`
fn place(route: &Route) -> String {
    format!("{}, {}", route.declared, route.id)
}

fn duration(of: Duration) -> String {
    human_duration(of.as_secs_f64())
}

fn grouping(lead: &Lead<'_>, labels: &LabelSet) -> String {
    let group = match &lead.route.group_by {
        GroupBy::Each => "alone".to_owned(),
        GroupBy::Labels(names) if names.is_empty() => "with all alerts of the route".to_owned(),
        GroupBy::Labels(_) => format!("with {}", lead.route.group_labels(labels)),
    };
    format!("{group}; {}", timers(lead.route))
}

fn timers(route: &Route) -> String {
    let t = route.timers;
    format!(
        "group_wait {}, group_interval {}, repeat_interval {}",
        duration(t.wait),
        duration(t.interval),
        duration(t.repeat)
    )
}

fn held_while(rule: &Inhibit, labels: &LabelSet) -> String {
    let source: Vec<String> = rule.source.iter().map(Matcher::to_string).collect();
    let equal: Vec<String> =
        rule.equal.iter().map(|name| format!("{name}={:?}", labels.get(name).unwrap_or(""))).collect();
    let alike = if equal.is_empty() { String::new() } else { format!(" and {}", equal.join(", ")) };
    match &rule.cause {
        InhibitCause::Parent(parent) => format!("an alert of its parent `{parent}`{alike} is active"),
        InhibitCause::Rule(declared) => {
            format!("an alert with {}{alike} is active ({declared})", source.join(", "))
        }
        InhibitCause::SourceUnreachable => format!("`source-unreachable` fires{alike}"),
    }
}

fn verdict(step: &Step<'_>, labels: &LabelSet) -> String {
    match step.verdict {
        Verdict::Taken if step.route.channels.is_empty() => "taken: it leads to no channel".to_owned(),
        Verdict::Taken => format!("taken: {}", step.route.channels.join(", ")),
        Verdict::Below => "matches, and so does one below it".to_owned(),
        Verdict::Differs(matcher) => match labels.get(matcher.name()) {
            Some(value) => format!("no: {matcher}, and {} is {value:?}", matcher.name()),
            None => format!("no: {matcher}, and there is no {}", matcher.name()),
        },
        Verdict::NotAsked(before) => format!("not asked: {} matches and does not continue", before.declared),
    }
}

fn step_line(step: &Step<'_>, labels: &LabelSet) -> String {
    format!("{}{} {}: {}", "  ".repeat(step.depth), step.route.declared, own(step.route), verdict(step, labels))
}

/// A node's own matchers.
fn own(route: &Route) -> String {
    let matchers: Vec<String> = route.matchers.iter().map(Matcher::to_string).collect();
    if matchers.is_empty() { "(every alert)".to_owned() } else { matchers.join(", ") }
}

/// The tree as text: what each node asks for and where it leads.
pub(super) fn tree(config: &Config) -> String {
    let mut out = String::new();
    if let Some(root) = &config.route {
        branch(root, 0, &mut out);
    }
    out
}

fn branch(route: &Route, depth: usize, out: &mut String) {
    let channels = if route.channels.is_empty() { "nobody".to_owned() } else { route.channels.join(", ") };
    let group = match &route.group_by {
        GroupBy::Each => "each alert alone".to_owned(),
        GroupBy::Labels(names) if names.is_empty() => "all together".to_owned(),
        GroupBy::Labels(names) => format!("by {}", names.join(", ")),
    };
    let on = if route.continues { "; continues" } else { "" };
    let (indent, own) = ("  ".repeat(depth), own(route));
    out.push_str(&format!(
        "{indent}{own} -> {channels}  ({})\n{indent}    {group}; {}{on}\n",
        route.declared,
        timers(route)
    ));
    route.routes.iter().for_each(|child| branch(child, depth + 1, out));
}

/// The shape that `docs/commands/routes.md` describes.
pub(super) fn json(config: &Config, labels: &LabelSet, at: Timestamp, explained: &Explained<'_>) -> Value {
    let route = |route: &Route| json!({ "declared": &*route.declared, "path": &*route.id });
    let channels = explained.leads.iter().map(|lead| {
        let timers = lead.route.timers;
        json!({
            "channel": &**lead.channel,
            "route": route(lead.route),
            "group": lead.route.group_labels(labels),
            "group_wait": timers.wait.as_secs_f64(),
            "group_interval": timers.interval.as_secs_f64(),
            "repeat_interval": timers.repeat.as_secs_f64(),
            "fallback": config.channel(lead.channel).and_then(|channel| channel.fallback.as_deref()),
            "held": lead.held.as_ref().map(ToString::to_string),
        })
    });
    let asked = explained.steps.iter().map(|step| {
        let mut of = route(step.route);
        of["verdict"] = json!(verdict_word(step.verdict));
        of["why"] = json!(verdict(step, labels));
        of
    });
    let held = explained.inhibit.iter().map(|rule| held_while(rule, labels));
    json!({
        "labels": labels,
        "at": at.to_string(),
        "channels": channels.collect::<Vec<_>>(),
        "silences": explained.silences.iter().map(|silence| silenced(silence)).collect::<Vec<_>>(),
        "held_while": held.collect::<Vec<_>>(),
        "routes": asked.collect::<Vec<_>>(),
    })
}

fn verdict_word(verdict: Verdict<'_>) -> &'static str {
    match verdict {
        Verdict::Taken => "taken",
        Verdict::Below => "below",
        Verdict::Differs(_) => "differs",
        Verdict::NotAsked(_) => "not_asked",
    }
}
