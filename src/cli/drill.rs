//! `drill`: a marked message through the routes and channels of the daemon that runs.

use super::{Format, daemon, print, say};
use crate::model::Severity;
use reqwest::Method;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// Two messages to each channel, whose deadlines are their own.
const PATIENCE: Duration = Duration::from_mins(5);

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    daemon: daemon::Reach,
    /// A label of the alert; given several times, all of them. It wins over the check's.
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = super::key_value)]
    labels: Vec<(String, String)>,
    /// As an alert of this check: its source and its constant labels are taken.
    #[arg(long, value_name = "NAME")]
    check: Option<String>,
    /// Its severity; the check's most severe, or critical, where it is left out.
    #[arg(long, value_name = "SEVERITY", value_parser = super::routes::severity)]
    severity: Option<Severity>,
    /// This channel alone, whatever the routes say.
    #[arg(long, value_name = "NAME")]
    channel: Option<String>,
    /// How the result is written.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// 0 where it arrived everywhere, 1 where it did not or led nowhere, 2 where the daemon does not do it.
pub(super) fn main(arguments: &Arguments) -> u8 {
    let labels: Map<String, Value> = arguments.labels.iter().map(|(n, v)| (n.clone(), json!(v))).collect();
    let body = json!({
        "check": arguments.check,
        "severity": arguments.severity.map(Severity::name),
        "labels": labels,
        "channel": arguments.channel,
    });
    let asked = arguments.daemon.client().and_then(|client| {
        let client = client.patient(PATIENCE);
        client.ask(&Method::POST, "/api/v1/drill", &[], Some(&body)).map_err(|refusal| refusal.to_string())
    });
    match asked {
        Ok(report) => {
            print(&match arguments.format {
                Format::Json => format!("{report:#}\n"),
                Format::Text => written(&report),
            });
            u8::from(report["arrived"] != true)
        }
        Err(why) => {
            say(&format!("error: {why}"));
            2
        }
    }
}

fn written(report: &Value) -> String {
    let labels = report["labels"].as_object().into_iter().flatten();
    let labels: Vec<String> = labels.map(|(name, value)| format!("{name}={value}")).collect();
    let id = report["id"].as_str().unwrap_or("");
    let mut out = format!("drill {id} {{{}}}\n", labels.join(", "));
    let legs = report["channels"].as_array().map(Vec::as_slice).unwrap_or_default();
    for leg in legs {
        let name = leg["channel"].as_str().unwrap_or("");
        let by = leg["route"].as_str().map(|route| format!(" (by {route})")).unwrap_or_default();
        out.push_str(&format!("{name}{by}\n  sent `fired`: {}\n", send(&leg["fired"])));
        if !leg["resolved"].is_null() {
            out.push_str(&format!("  sent `resolved`: {}\n", send(&leg["resolved"])));
        }
        if let Some(kept) = leg["kept"].as_str() {
            out.push_str(&format!("  a real message would have waited: {kept}\n"));
        }
    }
    for held in report["held"].as_array().into_iter().flatten() {
        out.push_str(&format!("a real alert would be held: {}\n", held.as_str().unwrap_or("")));
    }
    out.push_str(match (legs.is_empty(), report["arrived"] == true) {
        (true, _) => "no route leads to a channel: nothing was sent\n",
        (_, true) => "it arrived everywhere\n",
        (_, false) => "it did not arrive everywhere\n",
    });
    if !legs.is_empty() {
        out.push_str(&format!("shown again by: bellwether why drill{{id={id}}}\n"));
    }
    out
}

/// How one message ended, as in `why`: `delivered in 120ms`, `refused (80ms): it answered 403`.
fn send(send: &Value) -> &str {
    send["text"].as_str().unwrap_or("not sent")
}
