//! `breaker`: how the breakers of a daemon that runs are, and one that is to be tried now.

use super::{daemon, print, say};
use reqwest::Method;
use serde_json::Value;

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Every channel and source with its breaker.
    List {
        #[command(flatten)]
        daemon: daemon::Reach,
    },
    /// Has a channel or a source tried at once.
    Reset {
        /// The name of the channel or source.
        name: String,
        #[command(flatten)]
        daemon: daemon::Reach,
    },
}

/// 0, or 1 where there is no such breaker, or 2 where the daemon does not say.
pub(super) fn main(arguments: &Arguments) -> u8 {
    let done = match &arguments.what {
        What::List { daemon } => list(daemon),
        What::Reset { name, daemon } => reset(name, daemon),
    };
    match done {
        Ok(text) => {
            print(&text);
            0
        }
        Err((code, why)) => {
            say(&format!("error: {why}"));
            code
        }
    }
}

fn list(daemon: &daemon::Reach) -> Result<String, (u8, String)> {
    let client = daemon.client().map_err(|why| (2, why))?;
    let status = client.get("/api/v1/status", &[]).map_err(|refusal| (2, refusal.to_string()))?;
    Ok(listed(&status))
}

fn listed(status: &Value) -> String {
    let all = [("channel", "channels"), ("source", "sources")];
    let lines = all.into_iter().flat_map(|(what, list)| {
        let items = status[list].as_array().map_or(&[][..], Vec::as_slice);
        items.iter().map(move |item| line(what, item))
    });
    lines.collect()
}

fn line(what: &str, item: &Value) -> String {
    let text = |key: &str| item[key].as_str();
    let mut line = format!("{what:<8} {:<10} {}", text("breaker").unwrap_or("?"), text(what).unwrap_or("?"));
    if let Some(failures) = item["failures"].as_u64().filter(|failures| 0 < *failures) {
        line.push_str(&format!(", {failures} failures in a row"));
    }
    if let Some(until) = text("tripped_until") {
        line.push_str(&format!(", tripped until {}", super::to_come(until)));
    }
    if let Some(last) = super::status::last_failure(item) {
        line.push_str(&format!("; last failure: {last}"));
    }
    format!("{line}{}\n", super::status::failed(item))
}

fn reset(name: &str, daemon: &daemon::Reach) -> Result<String, (u8, String)> {
    let client = daemon.client().map_err(|why| (2, why))?;
    let path = format!("/api/v1/breakers/{}/reset", segment(name));
    match client.ask(&Method::POST, &path, &[], None) {
        Ok(done) => Ok(done["breakers"].as_array().into_iter().flatten().map(|was| reset_line(name, was)).collect()),
        Err(refusal) => Err((if refusal.status == Some(404) { 1 } else { 2 }, refusal.to_string())),
    }
}

/// What a reset came to, by what the breaker was.
fn reset_line(name: &str, was: &Value) -> String {
    let (of, failures) = (was["of"].as_str().unwrap_or("?"), was["failures"].as_u64().unwrap_or(0));
    let tried = match of {
        "source" => "one check asks it now",
        _ => "what waits for it is tried now",
    };
    match (was["was"].as_str().unwrap_or("?"), failures) {
        ("admitting", 0) => format!("{of} `{name}` was admitting already: there was nothing to reset\n"),
        ("admitting", n) => {
            let times = super::count(usize::try_from(n).unwrap_or(usize::MAX), "failure");
            format!("{of} `{name}` was admitting already, after {times} in a row, which count no more; {tried}\n")
        }
        (was, _) => format!("{of} `{name}` was {was}; {tried}: `bellwether status` shows how it goes\n"),
    }
}

/// A text as one part of a path.
fn segment(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let mut out = String::new();
    for byte in text.bytes() {
        if is_plain(byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::views::{ResetBreaker, samples};

    #[test]
    fn each_breaker_is_a_line() {
        let list = listed(&serde_json::to_value(samples::status()).unwrap());
        let want = "channel  tripped    oncall, 5 failures in a row, tripped until 2026-01-05T00:01:30Z; last failure: timed_out at 2026-01-05T00:01:00Z: no answer within 10s; failed so far: 7 timed_out
source   tripped    warehouse, 2 failures in a row, tripped until 2026-01-05T00:01:30Z; last failure: refused at 2026-01-05T00:00:30Z: nobody listens; failed so far: 3 refused
";
        assert_eq!(list, want);
    }

    #[test]
    fn a_reset_says_what_the_breaker_was() {
        for (of, was, failures, want) in [
            ("channel", "admitting", 0, "channel `x` was admitting already: there was nothing to reset\n"),
            (
                "channel",
                "admitting",
                2,
                "channel `x` was admitting already, after 2 failures in a row, which count no more; what waits for it is tried now\n",
            ),
            (
                "source",
                "tripped",
                5,
                "source `x` was tripped; one check asks it now: `bellwether status` shows how it goes\n",
            ),
        ] {
            let reset = ResetBreaker { of, was, failures };
            assert_eq!(reset_line("x", &serde_json::to_value(reset).unwrap()), want);
        }
    }

    #[test]
    fn a_name_is_one_part_of_a_path() {
        assert_eq!(segment("a b/ü?"), "a%20b%2F%C3%BC%3F");
    }
}
