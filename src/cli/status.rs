//! `status`: how a daemon that runs is, and whether something of it is down.

use super::{Format, count, daemon, passed, print, say, to_come};
use serde_json::Value;

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    daemon: daemon::Reach,
    /// How it is written.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// 0 where all is well, 1 where something is down, 2 where the daemon does not say.
pub(super) fn main(arguments: &Arguments) -> u8 {
    let asked = arguments.daemon.client().and_then(|client| {
        let status = client.get("/api/v1/status", &[]).map_err(|refusal| refusal.to_string())?;
        Ok((client.address().to_owned(), status))
    });
    let (address, status) = match asked {
        Ok(answer) => answer,
        Err(why) => {
            say(&format!("error: {why}"));
            return 2;
        }
    };
    match arguments.format {
        Format::Json => print(&format!("{status:#}\n")),
        Format::Text => print(&written(&address, &status)),
    }
    u8::from(lines(&status).iter().any(|line| line.is_down))
}

/// A line of the report.
struct Line {
    what: &'static str,
    text: String,
    is_down: bool,
}

/// The report for people; what is down is marked.
fn written(address: &str, status: &Value) -> String {
    let lines = lines(status);
    let mut out =
        format!("bellwether {} at {address}, since {}\n", text(status, "version"), passed(text(status, "started")));
    for line in &lines {
        let mark = if line.is_down { "! " } else { "  " };
        out.push_str(&format!("{mark}{:<8} {}\n", line.what, line.text));
    }
    let down = lines.iter().filter(|line| line.is_down).count();
    out.push_str(&if down == 0 { "all is well\n".to_owned() } else { format!("{down} of these are down\n") });
    out
}

fn lines(status: &Value) -> Vec<Line> {
    let number = |key: &str| usize::try_from(status[key].as_u64().unwrap_or(0)).unwrap_or(usize::MAX);
    let plain = |what, text| Line { what, text, is_down: false };
    let mut lines = vec![
        plain("checks", number("checks").to_string()),
        plain("alerts", format!("{} firing, {} pending", number("firing"), number("pending"))),
        config(&status["config"]),
        store(&status["store"]),
    ];
    lines.extend(items(status, "sources").iter().map(source));
    lines.extend(items(status, "channels").iter().map(channel));
    lines
}

fn config(config: &Value) -> Line {
    let loaded = format!("that of {}", passed(text(config, "loaded")));
    match config["rejected"].as_str() {
        Some(why) => {
            let why = format!("{loaded} goes on; what the files say since then was refused:\n{}", why.trim_end());
            Line { what: "config", text: why.replace('\n', "\n           "), is_down: true }
        }
        None => Line { what: "config", text: loaded, is_down: false },
    }
}

fn store(store: &Value) -> Line {
    match store["failing"].as_str() {
        Some(why) => Line { what: "store", text: format!("writes nothing: {why}"), is_down: true },
        None => Line { what: "store", text: "writes".to_owned(), is_down: false },
    }
}

fn source(source: &Value) -> Line {
    let failures = number(source, "failures");
    let mut said = format!("`{}` ", text(source, "source"));
    match failures {
        0 => said.push_str("answers"),
        _ => said.push_str(&format!("did not answer {} in a row", count(failures, "time"))),
    }
    if let Some(until) = source["tripped_until"].as_str() {
        said.push_str(&format!(", asked again at {}", to_come(until)));
    }
    said.push_str(&last_failure(source).map(|why| format!(": {why}")).unwrap_or_default());
    said.push_str(&failed(source));
    Line { what: "source", text: said, is_down: 0 < failures || text(source, "breaker") != "admitting" }
}

fn channel(channel: &Value) -> Line {
    let breaker = text(channel, "breaker");
    let down = channel["down"].as_str();
    let mut said = format!("`{}` ", text(channel, "channel"));
    said.push_str(if down.is_none() && breaker == "admitting" { "takes messages" } else { "is down" });
    if let Some(until) = channel["tripped_until"].as_str() {
        said.push_str(&format!(", tried again at {}", to_come(until)));
    }
    said.push_str(&trouble(channel));
    let waiting = number(channel, "undelivered");
    if 0 < waiting {
        said.push_str(&format!("; {} not told yet", count(waiting, "alert")));
    }
    said.push_str(&failed(channel));
    Line { what: "channel", text: said, is_down: down.is_some() || breaker != "admitting" }
}

/// Why a channel fails, by its latest failure; and what it went down by, where that was another.
fn trouble(channel: &Value) -> String {
    let (down, last) = (channel["down"].as_str(), last_failure(channel));
    let first = down.filter(|why| channel["last_failure"]["why"].as_str() != Some(why));
    match (last, first) {
        (None, None) => String::new(),
        (None, Some(first)) => format!(": {first}"),
        (Some(last), None) => format!(": {last}"),
        (Some(last), Some(first)) => format!(": {last}; it went down by: {first}"),
    }
}

/// The latest failure, where there was no success since: `timed_out at 2026-01-05T00:01:00Z: no answer within 10s`.
pub(super) fn last_failure(of: &Value) -> Option<String> {
    let last = &of["last_failure"];
    let why = last["why"].as_str()?;
    Some(format!("{} at {}: {why}", text(last, "class"), passed(text(last, "at"))))
}

/// Failures by class, ever: `; failed so far: 7 timed_out, 1 refused`.
pub(super) fn failed(of: &Value) -> String {
    let classes = of["failures_by_class"].as_object().into_iter().flatten();
    let classes: Vec<String> = classes.map(|(class, count)| format!("{count} {class}")).collect();
    if classes.is_empty() { String::new() } else { format!("; failed so far: {}", classes.join(", ")) }
}

fn items<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

fn number(value: &Value, key: &str) -> usize {
    usize::try_from(value[key].as_u64().unwrap_or(0)).unwrap_or(usize::MAX)
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or("?")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;
    use crate::runtime::views::{Instant, samples};

    #[test]
    fn what_is_down_is_marked_and_says_why() {
        let report = written("http://127.0.0.1:9600", &serde_json::to_value(samples::status()).unwrap());
        let want = "bellwether 0.1.0 at http://127.0.0.1:9600, since 2026-01-05T00:00:00Z
  checks   1
  alerts   1 firing, 0 pending
! config   that of 2026-01-05T00:00:00Z goes on; what the files say since then was refused:
           rules/a.yaml:3:1: no
! store    writes nothing: no room
! source   `warehouse` did not answer 2 times in a row, asked again at 2026-01-05T00:01:30Z: refused at 2026-01-05T00:00:30Z: nobody listens; failed so far: 3 refused
! channel  `oncall` is down, tried again at 2026-01-05T00:01:30Z: timed_out at 2026-01-05T00:01:00Z: no answer within 10s; it went down by: it answered 500; 4 alerts not told yet; failed so far: 7 timed_out
4 of these are down
";
        assert_eq!(report, want);
    }

    #[test]
    fn instants_are_shown_to_the_second_and_none_too_early() {
        let mut status = samples::status();
        let micros = |second: i64| Instant(Timestamp::from_micros(second * 1_000_000 + 123_456));
        (status.started, status.config.loaded) = (micros(10), micros(20));
        status.channels[0].tripped_until = Some(micros(30));
        let report = written("x", &serde_json::to_value(status).unwrap());
        for want in
            ["since 1970-01-01T00:00:10Z", "that of 1970-01-01T00:00:20Z", "tried again at 1970-01-01T00:00:31Z"]
        {
            assert!(report.contains(want), "{report}");
        }
    }

    #[test]
    fn a_daemon_that_is_well_has_nothing_down() {
        let mut status = samples::status();
        (status.config.rejected, status.store.failing) = (None, None);
        let source = &mut status.sources[0];
        (source.breaker, source.failures, source.tripped_until) = ("admitting", 0, None);
        source.failures_by_class.clear();
        source.last_failure = None;
        let channel = &mut status.channels[0];
        channel.failures_by_class.clear();
        channel.last_failure = None;
        (channel.breaker, channel.down, channel.tripped_until, channel.undelivered) = ("admitting", None, None, 0);
        let report = written("x", &serde_json::to_value(status).unwrap());
        assert!(report.ends_with("  channel  `oncall` takes messages\nall is well\n"), "{report}");
        assert!(!report.contains('!'), "{report}");
    }
}
