//! `routes`: the routing tree, and where it leads labels.

mod report;

use super::{Folder, Format, environment, print, say};
use crate::dispatch::explain::explain;
use crate::load::{Config, Mode};
use crate::model::{LabelSet, Severity, Timestamp};
use crate::testing::routed::{from_the_row, labels_of};
use std::sync::Arc;

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Shows which routes and channels labels lead to, and what may hold the message.
    Test(Test),
    /// Shows the tree, with what its calendars hold then, and the fallbacks and rates of the channels.
    Show(Show),
}

#[derive(clap::Args)]
struct Show {
    #[command(flatten)]
    folder: Folder,
    /// When its calendars are asked (RFC 3339); now where it is left out.
    #[arg(long, value_name = "TIME", value_parser = super::instant)]
    at: Option<Timestamp>,
}

#[derive(clap::Args)]
struct Test {
    #[command(flatten)]
    folder: Folder,
    /// A label of the alert; given several times, all of them. It wins over the check's.
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = super::key_value)]
    labels: Vec<(String, String)>,
    /// An alert of this check: its source and its constant labels are taken.
    #[arg(long, value_name = "NAME")]
    check: Option<String>,
    /// Its severity; the check's most severe where it is left out.
    #[arg(long, value_name = "SEVERITY", value_parser = severity)]
    severity: Option<Severity>,
    /// When it is to be told (RFC 3339); now where it is left out.
    #[arg(long, value_name = "TIME", value_parser = super::instant)]
    at: Option<Timestamp>,
    /// Shows every route that was asked, and why it was not taken.
    #[arg(long)]
    explain: bool,
    /// How the result is written.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(super) fn severity(text: &str) -> Result<Severity, String> {
    Severity::from_name(text).ok_or_else(|| "write critical, warning or info".to_owned())
}

/// 0, or 2 where the configuration does not load or has no such check.
pub(super) fn main(arguments: &Arguments) -> u8 {
    let folder = match &arguments.command {
        Command::Test(test) => &test.folder,
        Command::Show(show) => &show.folder,
    };
    let Some((config, _)) = super::loaded(&folder.folder, &environment, Mode::Lenient) else { return 2 };
    if let Some(why) = config.dispatch.nobody_is_told() {
        say(&format!("note: nobody is told: {why}"));
    }
    match &arguments.command {
        Command::Show(show) => print(&report::tree(&config.dispatch, then(show.at))),
        Command::Test(test) => return tested(test, &config),
    }
    0
}

/// The instant that is meant; now where none is given.
fn then(at: Option<Timestamp>) -> Timestamp {
    at.unwrap_or_else(|| Timestamp::from(jiff::Timestamp::now()))
}

fn tested(test: &Test, config: &Config) -> u8 {
    match labels(test, config) {
        Ok((labels, from_row)) => {
            if let Some(note) = from_the_row(&from_row) {
                say(&format!("note: {note} by `--label NAME=VALUE`"));
            }
            let at = then(test.at);
            let explained = explain(&config.dispatch, &labels, at);
            print(&match test.format {
                Format::Text => report::text(&config.dispatch, &labels, at, &explained, test.explain),
                Format::Json => format!("{:#}\n", report::json(&config.dispatch, &labels, at, &explained)),
            });
            0
        }
        Err(why) => {
            say(&format!("error: {why}"));
            2
        }
    }
}

fn labels(test: &Test, config: &Config) -> Result<(LabelSet, Vec<Arc<str>>), String> {
    let named = |name: &String| config.check(name).ok_or_else(|| super::no_check(config, name));
    let check = test.check.as_ref().map(named).transpose()?;
    let given: Vec<(Arc<str>, Arc<str>)> =
        test.labels.iter().map(|(name, value)| (Arc::from(&**name), Arc::from(&**value))).collect();
    Ok(labels_of(check.map(|check| &**check), test.severity, &given))
}
