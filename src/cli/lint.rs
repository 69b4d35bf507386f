//! `lint`: all that can be known of a configuration without running it.

mod cost;
mod online;

use super::{count, environment, has_color, print, say};
use crate::config::Problems;
use crate::load::{self, Loaded, Mode};
use crate::model::Timestamp;
use crate::rules::lint::advise;

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    folder: super::Folder,
    /// Ask the sources whether the queries can be run, and for their columns.
    #[arg(long)]
    online: bool,
    /// Advice counts as an error.
    #[arg(long)]
    strict: bool,
    /// How findings are written.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Json,
    Github,
    Sarif,
}

/// 0, or 1 with errors (with `--strict` advice too), or 2 where there is no such folder.
pub(super) fn main(arguments: &Arguments) -> u8 {
    // With `--online` the sources are asked: then what they need has to be there.
    let mode = if arguments.online { Mode::Strict } else { Mode::Lenient };
    let mut loaded = match load::load(&arguments.folder.folder, &environment, mode) {
        Ok(loaded) => loaded,
        Err(error) => {
            say(&format!("error: {error}"));
            return 2;
        }
    };
    let mut costs = Vec::new();
    if arguments.online {
        match &loaded.config {
            Some(config) => {
                let found = online::ask(config, &loaded.outline);
                loaded.problems.extend(found.problems);
                costs = found.costs;
            }
            None => say("the sources are not asked: the configuration has errors"),
        }
    }
    loaded.outline.now = Timestamp::from(jiff::Timestamp::now());
    advise(&loaded.outline, &loaded.sources, &mut loaded.problems);
    loaded.problems.sort();
    print(&written(&loaded, arguments.format));
    // Of the formats only this one is read by people.
    match arguments.format {
        Format::Text => print(&cost::report(&costs)),
        _ => say(cost::report(&costs).trim_end()),
    }
    for note in &loaded.notes {
        say(&format!("note: {note}"));
    }
    say(&summary(&loaded));
    let fails = loaded.problems.has_errors() || (arguments.strict && !loaded.problems.is_empty());
    u8::from(fails)
}

fn written(loaded: &Loaded, format: Format) -> String {
    let problems = &loaded.problems;
    match format {
        Format::Text if problems.is_empty() => String::new(),
        Format::Text => format!("{}\n", problems.human(&loaded.sources, has_color()).trim_end()),
        Format::Json => format!("{:#}\n", problems.json()),
        Format::Github => problems.github(),
        Format::Sarif => format!("{:#}\n", problems.sarif()),
    }
}

/// `3 errors and 1 advice in 12 files`.
fn summary(loaded: &Loaded) -> String {
    let files = count(loaded.sources.iter().count(), "file");
    let what = format!("{} in {files}", count(loaded.outline.checks.len(), "check"));
    let (errors, advice) = counts(&loaded.problems);
    match (errors, advice) {
        (0, 0) => format!("{what}: nothing to say"),
        (0, advice) => format!("{what}: {}", count_advice(advice)),
        (errors, 0) => format!("{what}: {}", count(errors, "error")),
        (errors, advice) => format!("{what}: {}, {}", count(errors, "error"), count_advice(advice)),
    }
}

fn count_advice(n: usize) -> String {
    if n == 1 { "1 piece of advice".to_owned() } else { format!("{n} pieces of advice") }
}

fn counts(problems: &Problems) -> (usize, usize) {
    let errors = problems.iter().filter(|problem| problem.is_error()).count();
    (errors, problems.len() - errors)
}
