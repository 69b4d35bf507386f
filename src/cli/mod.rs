//! THE COMMANDS: one file each. Results go to standard output, words for people to standard error.

mod breaker;
mod daemon;
mod drill;
mod eval;
mod init;
mod lint;
mod preview;
mod routes;
mod run;
mod schema;
mod silence;
mod status;
mod test;
mod token;
mod why;

use crate::config::{Env, Problem, did_you_mean};
use crate::load::{self, Config, Loaded, Mode};
use crate::model::Timestamp;
use clap::{Parser, Subcommand};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Alerting as code for the people who run data pipelines.
#[derive(Parser)]
#[command(name = "bellwether", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// The daemon: evaluates the checks and tells the channels.
    Run(run::Arguments),
    /// Judges the conditions as of now; sends and keeps nothing.
    Eval(eval::Arguments),
    /// All that can be known without running.
    Lint(lint::Arguments),
    /// Runs the tests of the checks.
    Test(test::Arguments),
    /// Shows what the channels of a check would show, from a test's rows.
    Preview(preview::Arguments),
    /// The routing tree, and where it leads labels.
    Routes(routes::Arguments),
    /// Sends a marked message through the routes and channels of the daemon that runs.
    Drill(drill::Arguments),
    /// How the breakers of a daemon that runs are, and one that is to be tried now.
    Breaker(breaker::Arguments),
    /// Says what was told of an alert, what was not and why not.
    Why(why::Arguments),
    /// Prints one JSON Schema for every file.
    Schema(schema::Arguments),
    /// Writes a small configuration that runs.
    Init(init::Arguments),
    /// How a daemon that runs is: its sources, channels, store and configuration.
    Status(status::Arguments),
    /// Silences of a daemon that runs: made, listed, expired.
    Silence(silence::Arguments),
    /// Makes the tokens that open the daemon's API.
    Token(token::Arguments),
    #[command(hide = true)]
    Check {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        rest: Vec<String>,
    },
}

/// How most commands write their results.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Json,
}

/// Where the configuration is.
#[derive(clap::Args)]
struct Folder {
    /// The folder of the configuration.
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
}

/// Runs the command that the arguments name.
#[must_use]
pub fn main() -> ExitCode {
    // One provider of cryptography for all who speak TLS. Who installed another before would be ourselves.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(usage) => return ExitCode::from(misused(&usage)),
    };
    let code = match arguments.command {
        Command::Run(arguments) => run::main(&arguments),
        Command::Eval(arguments) => eval::main(&arguments),
        Command::Lint(arguments) => lint::main(&arguments),
        Command::Test(arguments) => test::main(&arguments),
        Command::Preview(arguments) => preview::main(&arguments),
        Command::Routes(arguments) => routes::main(&arguments),
        Command::Drill(arguments) => drill::main(&arguments),
        Command::Breaker(arguments) => breaker::main(&arguments),
        Command::Why(arguments) => why::main(&arguments),
        Command::Schema(arguments) => schema::main(&arguments),
        Command::Init(arguments) => init::main(&arguments),
        Command::Silence(arguments) => silence::main(&arguments),
        Command::Status(arguments) => status::main(&arguments),
        Command::Token(arguments) => token::main(&arguments),
        Command::Check { .. } => {
            say("there is no command `check`: did you mean lint or eval?");
            2
        }
    };
    ExitCode::from(code)
}

/// Says how the commands are used. An `eval` that was misused found nothing critical: it is unknown, 3.
fn misused(usage: &clap::Error) -> u8 {
    // Nobody reads it: then nobody is told.
    let _ = usage.print();
    let is_eval = std::env::args_os().nth(1).is_some_and(|command| command == "eval");
    match usage.exit_code() {
        0 => 0,
        _ if is_eval => 3,
        _ => 2,
    }
}

/// The configuration of a folder and what is worth knowing of it; where it does not load, what is wrong is said.
fn loaded(folder: &Path, env: Env<'_>, mode: Mode) -> Option<(Config, Vec<String>)> {
    let mut loaded = match load::load(folder, env, mode) {
        Ok(loaded) => loaded,
        Err(error) => {
            say(&format!("error: {error}"));
            return None;
        }
    };
    let config = loaded.config.take();
    if config.is_none() {
        let color = std::io::stderr().is_terminal() && may_have_color();
        say(refusal(&loaded, color).trim_end());
        loaded.notes.iter().for_each(|note| say(&format!("note: {note}")));
    }
    Some((config?, loaded.notes))
}

/// The errors of a configuration for people, and how many there are. Advice is `lint`'s.
fn refusal(loaded: &Loaded, color: bool) -> String {
    let mut errors = loaded.problems.clone();
    errors.keep(Problem::is_error);
    let text = errors.human(&loaded.sources, color);
    format!("{}\n\nthe configuration does not load: {}\n", text.trim_end(), count(errors.len(), "error"))
}

/// The variables that `${NAME}` asks for.
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// `NAME=VALUE` of an option.
fn key_value(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
    pair.map(|(name, value)| (name.to_owned(), value.to_owned())).ok_or_else(|| "write NAME=VALUE".to_owned())
}

/// An instant of an option.
fn instant(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).map_err(|_| {
        "write a time as `2026-03-05T14:00:00Z`, or with an offset, `2026-03-05T15:00:00+01:00`".to_owned()
    })
}

/// That there is no such check: with the one that is meant, or with those that there are.
fn no_check(config: &Config, name: &str) -> String {
    let names = || config.checks.iter().map(|check| &*check.name);
    if let Some(hint) = did_you_mean(name, names()) {
        return format!("there is no check `{name}`: {hint}");
    }
    let mut all: Vec<&str> = names().collect();
    all.sort_unstable();
    let more = all.len().saturating_sub(NAMED_MAX);
    all.truncate(NAMED_MAX);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    match all.as_slice() {
        [] => format!("there is no check `{name}`, and no other"),
        [one] => format!("there is no check `{name}`; there is `{one}`"),
        _ => format!("there is no check `{name}`; there are `{}`{more}", all.join("`, `")),
    }
}

/// Names of checks that an error lists.
const NAMED_MAX: usize = 12;

/// A line for people.
fn say(text: &str) {
    // Nobody reads it: then nobody is told.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// A result. A reader who has seen enough (`| head`) is no error.
fn print(text: &str) {
    let _ = write!(std::io::stdout(), "{text}");
}

/// Whether results may have colours: a terminal reads them, and nobody asked for none (<https://no-color.org>).
fn has_color() -> bool {
    std::io::stdout().is_terminal() && may_have_color()
}

fn may_have_color() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// An instant of an answer that has passed, to the second.
fn passed(at: &str) -> String {
    Timestamp::parse(at).map_or_else(|_| at.to_owned(), |at| at.in_the_second().to_string())
}

/// One that is to come: never too early.
fn to_come(at: &str) -> String {
    Timestamp::parse(at).map_or_else(|_| at.to_owned(), |at| at.to_the_second().to_string())
}

/// `1 error`, `2 errors`.
fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn a_time_that_is_none_comes_with_an_example() {
        let arguments = ["bellwether", "routes", "test", "--at", "nonsense"];
        let said = Arguments::try_parse_from(arguments).map(|_| ()).unwrap_err().to_string();
        assert!(said.contains("write a time as `2026-03-05T14:00:00Z`"), "{said}");
    }

    #[test]
    fn a_check_that_is_not_there_comes_with_those_that_are() {
        let dir = tempfile::tempdir().unwrap();
        let check = |name| {
            format!(
                "\n  - check: {name}\n    source: s\n    collect: {{ command: [\"true\"] }}\n    columns: {{ v: number }}\n    \
                 alert: {{ warning: v > 5 }}"
            )
        };
        let checks: String = ["queue", "latency"].map(check).concat();
        let yaml = format!("sources: {{ s: {{ exec: {{}} }} }}\nchecks:{checks}\n");
        std::fs::write(dir.path().join("bellwether.yaml"), yaml).unwrap();
        let config = load::load(dir.path(), &|_| None, Mode::Lenient).unwrap().config.unwrap();
        assert_eq!(no_check(&config, "quue"), "there is no check `quue`: did you mean `queue`?");
        assert_eq!(no_check(&config, "nope"), "there is no check `nope`; there are `latency`, `queue`");
        let one = Config { checks: config.checks[..1].to_vec(), ..config };
        assert_eq!(no_check(&one, "nope"), format!("there is no check `nope`; there is `{}`", one.checks[0].name));
        let none = Config { checks: Vec::new(), ..one };
        assert_eq!(no_check(&none, "nope"), "there is no check `nope`, and no other");
    }

    #[test]
    fn the_arguments_of_every_command_fit_together() {
        Arguments::command().debug_assert();
    }
}
