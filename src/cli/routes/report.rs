//! Where labels lead, for a person and for a program.

use crate::dispatch::calendar::Calendar;
use crate::dispatch::explain::{Explained, Lead, Verdict};
use crate::dispatch::{ChannelRules, Config, GroupBy, Inhibit, InhibitCause, Route};
use crate::model::time::human_duration;
use crate::model::{LabelSet, Matcher, Silence, Timestamp};
use serde_json::{Value, json};
use std::sync::Arc;
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
        explained.steps.iter().for_each(|step| out.push_str(&format!("  {}\n", step.words(labels))));
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

/// The tree as text: what each node asks for, where it leads and when; then the channels that have rules of their own.
pub(super) fn tree(config: &Config, at: Timestamp) -> String {
    let mut out = String::new();
    if let Some(root) = &config.route {
        branch(root, 0, at, &mut out);
    }
    let channels: Vec<String> = config.channels.iter().filter_map(rules).collect();
    if !channels.is_empty() {
        out.push_str(&format!("\nchannels:\n{}", channels.concat()));
    }
    out
}

fn branch(route: &Route, depth: usize, at: Timestamp, out: &mut String) {
    let channels = if route.channels.is_empty() { "nobody".to_owned() } else { route.channels.join(", ") };
    let group = match &route.group_by {
        GroupBy::Each => "each alert alone".to_owned(),
        GroupBy::Labels(names) if names.is_empty() => "all together".to_owned(),
        GroupBy::Labels(names) => format!("by {}", names.join(", ")),
    };
    let on = if route.continues { "; continues" } else { "" };
    let (indent, own) = ("  ".repeat(depth), route.asks());
    out.push_str(&format!(
        "{indent}{own} -> {channels}  ({})\n{indent}    {group}; {}{on}\n",
        route.declared,
        timers(route)
    ));
    if let Some(during) = during(route, at) {
        out.push_str(&format!("{indent}    {during}\n"));
    }
    route.routes.iter().for_each(|child| branch(child, depth + 1, at, out));
}

/// The calendars of a route, and what they say then: `mute_during lunch; at …: held, muted during `lunch` until …`.
fn during(route: &Route, at: Timestamp) -> Option<String> {
    let (active, muted) = (&route.during.active, &route.during.muted);
    let named = |what: &str, calendars: &[Arc<Calendar>]| {
        let names: Vec<&str> = calendars.iter().map(|calendar| &*calendar.name).collect();
        (!names.is_empty()).then(|| format!("{what} {}", names.join(", ")))
    };
    let all: Vec<String> =
        [named("active_during", active), named("mute_during", muted)].into_iter().flatten().collect();
    let (held, until) = route.during.at(at);
    let then = match (held, until) {
        (Some(held), _) => format!("held, {held}"),
        (None, Some(until)) => format!("tells, until {until} at least"),
        (None, None) => "tells".to_owned(),
    };
    (!all.is_empty()).then(|| format!("{}; at {}: {then}", all.join("; "), at.in_the_second()))
}

/// The rules of a channel, in the words of its keys; `None` where it has none.
fn rules(channel: &ChannelRules) -> Option<String> {
    let fallback = channel.fallback.as_ref().map(|name| format!("fallback {name}"));
    let rate = channel.rate.map(|rate| format!("rate {rate}"));
    let hourly = channel.hourly.map(|max| format!("max_per_hour {max}"));
    let all: Vec<String> = [fallback, rate, hourly].into_iter().flatten().collect();
    (!all.is_empty()).then(|| format!("  {}: {}\n", channel.name, all.join("; ")))
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
        of["why"] = json!(step.verdict_words(labels));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::{Mode, load};

    #[test]
    fn the_tree_shows_calendars_and_what_channels_do_besides() {
        let yaml = "
sources: { s: { exec: {} } }
channels: { a: { console: {}, fallback: b, rate: 2/m }, b: { console: {}, max_per_hour: 9 }, c: { console: {} } }
calendars: { day: { times: ['09:00-18:00'] }, lunch: { times: ['12:00-13:00'] } }
route:
  channels: [a]
  routes:
    - { matchers: ['x=\"1\"'], channels: [c], active_during: [day], mute_during: [lunch], routes: [{ matchers: ['y=\"2\"'], mute_during: [] }] }
";
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.yaml"), yaml).unwrap();
        let loaded = load(folder.path(), &|_| None, Mode::Lenient).unwrap();
        let problems = loaded.problems.human(&loaded.sources, false);
        let config = loaded.config.expect(&problems);
        let shown = |time: &str| {
            let at = Timestamp::parse(&format!("2026-03-05T{time}:00Z")).unwrap();
            tree(&config.dispatch, at)
        };
        let timers = "all together; group_wait 30s, group_interval 5m, repeat_interval 4h";
        let want = format!(
            "(every alert) -> a  (a.yaml:6)
    {timers}
  x=\"1\" -> c  (a.yaml:8)
      {timers}
      active_during day; mute_during lunch; at 2026-03-05T12:30:00Z: held, muted during `lunch` until 2026-03-05T13:00:00Z
    y=\"2\" -> c  (a.yaml:8)
        {timers}
        active_during day; at 2026-03-05T12:30:00Z: tells, until 2026-03-05T18:00:00Z at least

channels:
  a: fallback b; rate one every 30s
  b: max_per_hour 9
"
        );
        let prefix = format!("{}/", folder.path().display());
        assert_eq!(shown("12:30").replace(&prefix, ""), want);
        let night = "at 2026-03-05T20:00:00Z: held, outside of `day` until 2026-03-06T09:00:00Z";
        assert_eq!(shown("20:00").matches(night).count(), 2, "{}", shown("20:00"));
    }
}
