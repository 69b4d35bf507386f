//! `eval`: judges the conditions once, sends and keeps nothing.

mod ask;
mod judge;
mod report;

use super::{Format, environment, print, say};
use crate::load::{self, Config, Mode};
use crate::model::Timestamp;
use crate::rules::{self, Check};
use judge::{State, Verdict};
use std::path::PathBuf;
use std::sync::Arc;

/// The exit of what cannot be known, as monitoring plugins have it.
const UNKNOWN: u8 = 3;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The folder of the configuration.
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
    /// Only these checks; one that is `off` is judged where it is named.
    #[arg(value_name = "CHECK")]
    checks: Vec<String>,
    /// Judges as of this instant (RFC 3339): it is `now` and `@now`, and the time a Prometheus query is asked at.
    #[arg(long, value_name = "TIME", value_parser = super::instant)]
    at: Option<Timestamp>,
    /// Only instances whose key has this value; given several times, all of them.
    #[arg(long = "key", value_name = "NAME=VALUE", value_parser = super::key_value)]
    keys: Vec<(String, String)>,
    /// Shows every instance, and how each of its conditions came to its value.
    #[arg(long)]
    explain: bool,
    /// How results are written.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// The worst of critical 2, warning 1, unknown 3, ok or info 0, in that order; 3 too where nothing could be judged.
pub(super) fn main(arguments: &Arguments) -> u8 {
    let Some((config, _)) = super::loaded(&arguments.folder, &environment, Mode::Strict) else {
        if let Some(hint) = folder_hint(arguments) {
            say(&hint);
        }
        return UNKNOWN;
    };
    if config.files == 0 {
        say(&format!("error: {}", load::no_file(&arguments.folder)));
        return UNKNOWN;
    }
    match evaluate(arguments, &config) {
        Ok(code) => code,
        Err(why) => {
            say(&format!("error: {why}"));
            UNKNOWN
        }
    }
}

/// The first name is the folder's: whoever forgot it named a check there.
fn folder_hint(arguments: &Arguments) -> Option<String> {
    let name = arguments.folder.to_str().filter(|name| !name.contains(['/', '.']))?;
    (!arguments.folder.exists()).then(|| {
        format!("the first name is that of the folder: for the check `{name}` of this one, `bellwether eval . {name}`")
    })
}

fn evaluate(arguments: &Arguments, config: &Config) -> Result<u8, String> {
    let checks = chosen(config, &arguments.checks)?;
    if checks.is_empty() {
        say("note: there are no checks to judge");
    }
    let now = arguments.at.unwrap_or_else(|| Timestamp::from(jiff::Timestamp::now()));
    let answers = ask::ask(config, &checks, now)?;
    let wanted = judge::Wanted { keys: &arguments.keys, explain: arguments.explain };
    let verdicts: Vec<Verdict> = answers.into_iter().map(|answer| judge::judge(answer, now, &wanted)).collect();
    let found = verdicts.iter().any(|verdict| !verdict.instances.is_empty());
    let misses = !found && !arguments.keys.is_empty();
    if misses {
        say(&format!("note: no instance has the key {}", report::keys(&arguments.keys)));
    }
    let worst = verdicts.iter().map(Verdict::worst).chain(misses.then_some(State::Unknown)).max();
    let code = worst.map_or(0, State::exit);
    print(&match arguments.format {
        Format::Text => report::text(&verdicts, arguments.explain),
        Format::Json => format!("{:#}\n", report::json(&verdicts, now, code)),
    });
    Ok(code)
}

/// The named checks, or all that are not off.
fn chosen(config: &Config, names: &[String]) -> Result<Vec<Arc<Check>>, String> {
    if names.is_empty() {
        return Ok(config.checks.iter().filter(|check| check.mode != rules::Mode::Off).map(Arc::clone).collect());
    }
    let one = |name: &String| config.check(name).map(Arc::clone).ok_or_else(|| super::no_check(config, name));
    names.iter().map(one).collect()
}
