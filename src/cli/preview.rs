//! `preview`: what the channels of a check would show, from a test's rows.

mod blocks;
mod page;
mod text;

use super::{Folder, environment, has_color, print, say};
use crate::channels::render::{Message, slack};
use crate::config::did_you_mean;
use crate::load::ChannelDecl;
use crate::load::cases::TestCase;
use crate::load::{Config, Mode};
use crate::model::Notification;
use crate::testing;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

#[derive(clap::Args)]
#[command(allow_missing_positional = true)]
pub(super) struct Arguments {
    #[command(flatten)]
    folder: Folder,
    /// A check, of which the first test is taken, or a test.
    #[arg(value_name = "CHECK|TEST", required = true)]
    name: String,
    /// Only this channel; given several times, these.
    #[arg(long = "channel", value_name = "NAME")]
    channels: Vec<String>,
    /// How the messages are written: `html` is one page that needs nothing else.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Html,
}

/// A message as its channel has it.
struct Shown<'a> {
    /// After the test's start.
    at: Duration,
    channel: &'a ChannelDecl,
    notification: Arc<Notification>,
    place: Place,
    /// As a mail.
    subject: String,
    /// What the first message of the group told.
    first_said: String,
    url: Option<&'a str>,
}

/// Where a message stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// By itself.
    Alone,
    /// In the thread of the first one.
    Thread,
    /// There, and shown to all.
    Both,
}

impl Shown<'_> {
    fn message(&self) -> Message<'_> {
        Message::new(&self.notification, self.url)
    }

    /// Whether the first message of its group is changed by it.
    fn changes_the_first(&self) -> bool {
        self.place != Place::Alone && self.notification.over
    }
}

/// 0, or 1 where nothing is sent, or 2 where the configuration does not load or has no such check or test.
pub(super) fn main(arguments: &Arguments) -> u8 {
    let Some((config, _)) = super::loaded(&arguments.folder.folder, &environment, Mode::Lenient) else { return 2 };
    let found = test_of(&config, &arguments.name).and_then(|case| known(&config, &arguments.channels).map(|()| case));
    let case = match found {
        Ok(case) => case,
        Err(why) => {
            say(&format!("error: {why}"));
            return 2;
        }
    };
    let shown = shown(&config, case, arguments);
    if shown.is_empty() {
        let why = config.dispatch.nobody_is_told();
        let why = why.unwrap_or_else(|| "look at what it fires, and where `routes test` leads that".to_owned());
        say(&format!("in the test `{}` ({}) no channel is sent anything: {why}", case.name, case.declared));
        return 1;
    }
    match arguments.format {
        Format::Text => print(&text::written(case, &shown, has_color())),
        Format::Html => print(&page::written(case, &shown)),
    }
    0
}

/// The test of that name, or the first that feeds the check of that name.
fn test_of<'a>(config: &'a Config, name: &str) -> Result<&'a TestCase, String> {
    let with_rows = || config.tests.iter().filter(|case| case.route.is_none());
    let case = with_rows().find(|case| case.name == name);
    if let Some(case) = case.or_else(|| with_rows().find(|case| case.checks().any(|check| check == name))) {
        return Ok(case);
    }
    if config.check(name).is_some() {
        return Err(format!("no test feeds the check `{name}`: write one under `tests:`, and its rows are shown here"));
    }
    let names = config.checks.iter().map(|check| &*check.name).chain(with_rows().map(|case| &*case.name));
    let near = did_you_mean(name, names).map_or(String::new(), |near| format!(": {near}"));
    Err(format!("there is no check and no test `{name}`{near}"))
}

fn known(config: &Config, channels: &[String]) -> Result<(), String> {
    let names = || config.channels.iter().map(|channel| &*channel.name);
    let Some(unknown) = channels.iter().find(|name| !names().any(|known| known == **name)) else { return Ok(()) };
    let near = did_you_mean(unknown, names()).map_or(String::new(), |near| format!(": {near}"));
    Err(format!("there is no channel `{unknown}`{near}"))
}

/// The messages of the test, by channel as they are declared.
fn shown<'a>(config: &'a Config, case: &TestCase, arguments: &Arguments) -> Vec<Shown<'a>> {
    let sent = testing::case::sends(config, case);
    let about = |n: &Notification| {
        let is_check = case.name != arguments.name;
        !is_check || n.items.iter().any(|item| *item.alert.id.check == *arguments.name)
    };
    let wanted = |name: &str| arguments.channels.is_empty() || arguments.channels.iter().any(|c| c == name);
    let mut subjects: HashMap<String, String> = HashMap::new();
    let mut firsts: HashMap<String, String> = HashMap::new();
    let mut out = Vec::new();
    for channel in config.channels.iter().filter(|channel| wanted(&channel.name)) {
        for sent in sent.iter().filter(|s| s.notification.channel == channel.name && about(&s.notification)) {
            let notification = Arc::clone(&sent.notification);
            let url = config.server.url.as_deref();
            let life = format!("{}/{}", notification.channel, notification.thread);
            let message = Message::new(&notification, url);
            let first_said = firsts.entry(life.clone()).or_insert_with(|| slack::said(&message)).clone();
            let subject = subject(&notification, &message, life, &mut subjects);
            let place = place(channel, &notification);
            out.push(Shown { at: sent.at, channel, notification, place, subject, first_said, url });
        }
    }
    out
}

/// As `slack` does it with a token, see its page.
fn place(channel: &ChannelDecl, notification: &Notification) -> Place {
    if channel.kind.name != "slack" || !channel.settings.has("token") || notification.thread == notification.id {
        return Place::Alone;
    }
    if notification.repeat || notification.alarms() { Place::Both } else { Place::Thread }
}

/// As `email` does it, see its page. `before` are the subjects of the last alarms, by their group's life.
fn subject(
    notification: &Notification,
    message: &Message<'_>,
    life: String,
    before: &mut HashMap<String, String>,
) -> String {
    if let Some(alarm) = before.get(&life).filter(|_| !notification.alarms()) {
        return format!("Re: {alarm}");
    }
    let subject = message.subject();
    before.insert(life, subject.clone());
    subject
}
