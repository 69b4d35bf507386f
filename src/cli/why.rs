//! `why`: what was told of an alert, what was not and why not, and its life.

use super::{Format, daemon, passed, print, say};
use serde_json::Value;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The alert as it is printed, such as `slow{processor="X"}`; the check's name where that means one alert.
    #[arg(value_name = "ALERT")]
    alert: String,
    #[command(flatten)]
    daemon: daemon::Reach,
    /// Lines of its life that are shown, the newest; at most 1000.
    #[arg(long, value_name = "N", default_value_t = 200)]
    limit: u32,
    /// Only what is older: the number that an answer before ends with.
    #[arg(long, value_name = "NUMBER")]
    before: Option<i64>,
    /// How it is written.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// 0, 1 where no alert or more than one is meant, 2 where the daemon does not say.
pub(super) fn main(arguments: &Arguments) -> u8 {
    let (limit, before) = (arguments.limit.to_string(), arguments.before.map(|before| before.to_string()));
    let mut query = vec![("alert", arguments.alert.as_str()), ("limit", &limit)];
    query.extend(before.as_deref().map(|before| ("before", before)));
    let asked = arguments.daemon.client().map_err(|why| (2, why)).and_then(|client| {
        client.get("/api/v1/why", &query).map_err(|refusal| {
            let is_ours = matches!(refusal.status, Some(400 | 404));
            (if is_ours { 1 } else { 2 }, refusal.message)
        })
    });
    match asked {
        Ok(why) => {
            print(&match arguments.format {
                Format::Json => format!("{why:#}\n"),
                Format::Text => written(&why),
            });
            0
        }
        Err((code, why)) => {
            say(&format!("error: {why}"));
            code
        }
    }
}

/// The answer, then the life, the oldest first.
fn written(why: &Value) -> String {
    let answer: Vec<String> = list(why, "answer").map(|line| flat(line.as_str().unwrap_or(""))).collect();
    let mut out = format!("{}\n", answer.join("\n"));
    let severity = why["severity"].as_str().map(|severity| format!(" ({severity})")).unwrap_or_default();
    let since = why["since"].as_str().map(|since| format!(" since {}", passed(since))).unwrap_or_default();
    let title =
        Some(text(why, "title")).filter(|t| !t.is_empty()).map(|t| format!(": {}", flat(t))).unwrap_or_default();
    let state = match why["flapping"]["firing"].as_bool() {
        Some(true) => "flaps, and fires now",
        Some(false) => "flaps, and does not fire now",
        None => &format!("is {}", text(why, "state")),
    };
    out.push_str(&format!("\n{} {state}{severity}{since}{title}\n", text(why, "alert")));
    if let Some(unread) = why["unread"].as_str() {
        out.push_str(&format!("its life cannot be shown: {unread}\n"));
    }
    if let Some(older) = why["older"].as_i64() {
        out.push_str(&format!("(what is older: --before {older})\n"));
    }
    let width = list(why, "life").filter_map(|line| line["channel"].as_str()).map(str::len).max().unwrap_or(0);
    for line in list(why, "life") {
        let channel = line["channel"].as_str().unwrap_or("");
        let row = format!("{}  {channel:<width$}  {}", passed(text(line, "at")), flat(text(line, "text")));
        out.push_str(row.trim_end());
        out.push('\n');
    }
    out
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value[key].as_array().into_iter().flatten()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or("")
}

/// In one line.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
