//! THE COMMANDS: one file each. Results go to standard output, words for people to standard error.

mod eval;
mod init;
mod lint;
mod run;
mod schema;
mod test;

use clap::{Parser, Subcommand};
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// Alerting as code for the people who run data pipelines.
#[derive(Parser)]
#[command(name = "bellwether", version, about, disable_help_subcommand = true)]
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
    /// Prints one JSON Schema for every file.
    Schema(schema::Arguments),
    /// Writes a small configuration that runs.
    Init(init::Arguments),
    #[command(hide = true)]
    Check {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        rest: Vec<String>,
    },
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
    let code = match Arguments::parse().command {
        Command::Run(arguments) => run::main(&arguments),
        Command::Eval(arguments) => eval::main(&arguments),
        Command::Lint(arguments) => lint::main(&arguments),
        Command::Test(arguments) => test::main(&arguments),
        Command::Schema(arguments) => schema::main(&arguments),
        Command::Init(arguments) => init::main(&arguments),
        Command::Check { .. } => {
            say("there is no command `check`: did you mean lint or eval?");
            2
        }
    };
    ExitCode::from(code)
}

/// The variables that `${NAME}` asks for.
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

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
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// `1 error`, `2 errors`.
fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}
