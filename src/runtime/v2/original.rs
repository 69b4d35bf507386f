//! The routes in Alertmanager's own words, for what reads them there: `amtool config routes`.
//!
//! Source: prometheus.io/docs/alerting/latest/configuration. A route of several channels is one receiver that is called
//! by all of them.

use crate::core::routes::{Config, GroupBy, Route};
use crate::model::Matcher;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

/// A YAML document. Texts are written as JSON, which YAML includes.
pub fn of(config: &Config) -> String {
    let mut out =
        String::from("# What Bellwether's routes are to Alertmanager. Written by Bellwether, read by nobody.\n");
    let nobody = "nobody".to_owned();
    let mut receivers = BTreeSet::from([nobody.clone()]);
    match &config.route {
        Some(root) => {
            receivers.extend(root.walk().map(receiver));
            out.push_str("route:\n");
            route(&mut out, root, 1);
        }
        None => {
            let _ = writeln!(out, "route: {{ receiver: {} }}", text(&nobody));
        }
    }
    out.push_str("receivers:\n");
    for name in &receivers {
        let _ = writeln!(out, "- name: {}", text(name));
    }
    out
}

fn receiver(route: &Route) -> String {
    if route.channels.is_empty() { "nobody".into() } else { route.channels.join(", ") }
}

/// The keys of one route at this depth, and its children below.
fn route(out: &mut String, of: &Route, depth: usize) {
    let at = "  ".repeat(depth);
    let mut line = |key: &str, value: &str| {
        let _ = writeln!(out, "{at}{key}: {value}");
    };
    line("receiver", &text(&receiver(of)));
    if !of.matchers.is_empty() {
        line("matchers", &list(of.matchers.iter().map(Matcher::to_string)));
    }
    match &of.group_by {
        GroupBy::Each => line("group_by", r#"["..."]"#),
        GroupBy::Labels(names) => line("group_by", &list(names.iter().map(ToString::to_string))),
    }
    line("group_wait", &span(of.timers.wait));
    line("group_interval", &span(of.timers.interval));
    line("repeat_interval", &span(of.timers.repeat));
    if of.continues {
        line("continue", "true");
    }
    if of.routes.is_empty() {
        return;
    }
    line("routes", "");
    for child in &of.routes {
        let _ = writeln!(out, "{at}-");
        route(out, child, depth + 1);
    }
}

fn list(of: impl Iterator<Item = String>) -> String {
    format!("[{}]", of.map(|item| text(&item)).collect::<Vec<_>>().join(", "))
}

fn text(of: &str) -> String {
    serde_json::Value::from(of).to_string()
}

fn span(of: Duration) -> String {
    format!("{}ms", of.as_millis())
}
