//! `silence`: makes, lists and expires silences of a daemon that runs.

use super::daemon::{self, Client, Refusal};
use super::{Folder, Format, count, environment, print, say};
use crate::config::scalar;
use crate::model::{Matcher, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;

const PATH: &str = "/api/v1/silences";
/// Items that are asked for at once.
const PAGE: usize = 1_000;

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Makes a silence, and says what it hides now.
    Add(Add),
    /// Lists silences, those of files too.
    List(List),
    /// Ends a silence now.
    Expire(Expire),
}

#[derive(clap::Args)]
struct Add {
    /// What the alerts have in common, such as `check=queue` or `team=~"ml|growth"`; all of them match.
    #[arg(value_name = "MATCHER", required = true, value_parser = matcher)]
    matchers: Vec<Matcher>,
    /// How long it holds, such as `2h`.
    #[arg(long = "for", value_name = "DURATION", value_parser = duration, required_unless_present = "until")]
    lasts: Option<Duration>,
    /// When it ends (RFC 3339).
    #[arg(long, value_name = "TIME", value_parser = super::instant, conflicts_with = "lasts")]
    until: Option<Timestamp>,
    /// When it starts (RFC 3339); now where it is left out.
    #[arg(long, value_name = "TIME", value_parser = super::instant)]
    start: Option<Timestamp>,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    comment: String,
    /// Who is asked about it; by default the variable `USER`, or else the name of whoever runs this.
    #[arg(long, value_name = "NAME")]
    author: Option<String>,
    /// Edits the silence of this id in the place of making another.
    #[arg(long, value_name = "ID")]
    edit: Option<String>,
    /// It may hide every critical alert.
    #[arg(long)]
    yes: bool,
    /// Only says what it would hide.
    #[arg(long)]
    dry_run: bool,
    /// The folder of the configuration, whose `server` says where the daemon is.
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    #[command(flatten)]
    access: daemon::Access,
}

#[derive(clap::Args)]
struct List {
    #[command(flatten)]
    daemon: daemon::Reach,
    /// Those that are over, too.
    #[arg(long)]
    all: bool,
    /// How they are written.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(clap::Args)]
struct Expire {
    /// The silence, by its id or a beginning of it that no other has.
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    folder: Folder,
    #[command(flatten)]
    access: daemon::Access,
}

fn duration(text: &str) -> Result<Duration, String> {
    scalar::duration(text, text).map_err(|e| e.help.map_or(e.message.clone(), |help| format!("{}: {help}", e.message)))
}

/// As in files; a value without quotes is taken as it stands, for shells take quotes away.
fn matcher(text: &str) -> Result<Matcher, String> {
    let parse = |text: &str| Matcher::parse(text).map_err(|e| e.message);
    let ops = ["=~", "!~", "!=", "="];
    let op = text.find(['=', '!']).and_then(|at| Some((at, ops.into_iter().find(|op| text[at..].starts_with(op))?)));
    match op {
        Some((at, op)) if !text[at + op.len()..].trim_start().starts_with('"') => {
            let quoted = Value::from(text[at + op.len()..].trim());
            parse(&format!("{}{op}{quoted}", &text[..at]))
        }
        _ => parse(text),
    }
}

/// 0; 1 where the daemon refuses, 2 where it does not answer.
pub(super) fn main(arguments: &Arguments) -> u8 {
    let done = match &arguments.command {
        Command::Add(add) => added(add),
        Command::List(list) => listed(list),
        Command::Expire(expire) => expired(expire),
    };
    match done {
        Ok(()) => 0,
        Err(refusal) => {
            say(&format!("error: {refusal}"));
            if refusal.status.is_some() { 1 } else { 2 }
        }
    }
}

fn unreachable(why: String) -> Refusal {
    Refusal { status: None, message: why }
}

fn added(add: &Add) -> Result<(), Refusal> {
    let client = Client::new(&add.dir, &add.access).map_err(unreachable)?;
    let author = add.author.clone().or_else(|| {
        // A container or a cron job has no `USER`.
        let known = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        whoever_runs_this(environment, &known, rustix::process::getuid().as_raw())
    });
    let Some(author) = author.filter(|author| !author.trim().is_empty()) else {
        let why = "who makes it? Neither `USER` nor this machine's list of users says: name somebody with `--author`";
        return Err(unreachable(why.to_owned()));
    };
    let now = Timestamp::from(jiff::Timestamp::now());
    let ends = add.until.unwrap_or_else(|| add.start.unwrap_or(now) + add.lasts.unwrap_or_default());
    let mut body = json!({
        "matchers": add.matchers, "ends": ends.to_string(), "created_by": author, "comment": add.comment,
        "yes": add.yes, "dry_run": add.dry_run,
    });
    for (key, value) in [("starts", add.start.map(|start| start.to_string())), ("id", add.edit.clone())] {
        if let Some(value) = value {
            body[key] = value.into();
        }
    }
    let answer = client.ask(&Method::POST, PATH, &[], Some(&body))?;
    print(&made(&answer, add.dry_run));
    if answer["hides"]["checks"] == 0 && answer["hides"]["firing"] == 0 {
        say(
            "note: it hides nothing now: no alert that fires matches, and none of a check could. Is a label or a value misspelt?",
        );
    }
    Ok(())
}

/// The name in the environment, or that of the user in a list of users: passwd(5), `name:password:uid:…`.
fn whoever_runs_this(variable: impl Fn(&str) -> Option<String>, users: &str, uid: u32) -> Option<String> {
    let given = ["USER", "LOGNAME"].into_iter().filter_map(variable).find(|name| !name.trim().is_empty());
    given.or_else(|| {
        let mut lines = users.lines().map(|line| line.split(':'));
        lines.find_map(|mut fields| {
            let name = fields.next()?;
            (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
        })
    })
}

fn made(answer: &Value, dry_run: bool) -> String {
    let (silence, hides) = (&answer["silence"], &answer["hides"]);
    let number = |key: &str| usize::try_from(hides[key].as_u64().unwrap_or(0)).unwrap_or(usize::MAX);
    let head = if dry_run { "it would hold".to_owned() } else { format!("silence {}", text(silence, "id")) };
    let critical = if hides["every_critical"] == true { "; every critical alert is among them" } else { "" };
    format!(
        "{head} from {} to {}: {}\n{}: {} now, and what {} may come to fire for{critical}\n",
        text(silence, "starts"),
        text(silence, "ends"),
        matchers(silence),
        if dry_run { "it would hide" } else { "it hides" },
        count(number("firing"), "firing alert"),
        count(number("checks"), "check"),
    )
}

fn listed(list: &List) -> Result<(), Refusal> {
    let client = list.daemon.client().map_err(unreachable)?;
    let silences = all(&client)?;
    let shown: Vec<&Value> = silences.iter().filter(|s| list.all || s["state"] != "expired").collect();
    match list.format {
        Format::Json => print(&format!("{:#}\n", json!(shown))),
        Format::Text if shown.is_empty() => say("no alert is silenced"),
        Format::Text => shown.into_iter().for_each(|silence| print(&line(silence))),
    }
    Ok(())
}

fn all(client: &Client) -> Result<Vec<Value>, Refusal> {
    let mut found: Vec<Value> = Vec::new();
    loop {
        let (offset, limit) = (found.len().to_string(), PAGE.to_string());
        let page = client.get(PATH, &[("offset", &offset), ("limit", &limit)])?;
        let items = page["items"].as_array().cloned().unwrap_or_default();
        let is_last = items.len() < PAGE;
        found.extend(items);
        if is_last {
            return Ok(found);
        }
    }
}

/// Two lines: what it is and whom it holds.
fn line(silence: &Value) -> String {
    let when = match text(silence, "state") {
        "pending" => format!("pending from {} to {}", text(silence, "starts"), text(silence, "ends")),
        state => format!("{state} {} {}", if state == "active" { "until" } else { "since" }, text(silence, "ends")),
    };
    let declared = silence["declared"].as_str().map(|place| format!(" [{place}]")).unwrap_or_default();
    format!(
        "{} {when}{declared}\n  {}\n  {}: {}\n",
        text(silence, "id"),
        matchers(silence),
        text(silence, "created_by"),
        text(silence, "comment")
    )
}

fn expired(expire: &Expire) -> Result<(), Refusal> {
    let client = Client::new(&expire.folder.folder, &expire.access).map_err(unreachable)?;
    let silences = all(&client)?;
    let id = meant(&silences, &expire.id)?;
    let silence = client.ask(&Method::DELETE, &format!("{PATH}/{id}"), &[], None)?;
    print(&format!("silence {id} is over since {}: {}\n", text(&silence, "ends"), matchers(&silence)));
    Ok(())
}

/// The id of the one silence that an id, or a beginning of one, means.
fn meant(silences: &[Value], written: &str) -> Result<String, Refusal> {
    let refused = |message| Err(Refusal { status: Some(404), message });
    let ids = || silences.iter().map(|s| text(s, "id"));
    if ids().any(|id| id == written) {
        return Ok(written.to_owned());
    }
    let begun: Vec<&str> = ids().filter(|id| !written.is_empty() && id.starts_with(written)).collect();
    match begun.as_slice() {
        [one] => Ok((*one).to_owned()),
        [] => refused(format!("there is no silence `{written}`: `bellwether silence list` shows those there are")),
        many => refused(format!("`{written}` begins the id of {}: write more of it", count(many.len(), "silence"))),
    }
}

fn matchers(silence: &Value) -> String {
    let list = silence["matchers"].as_array().into_iter().flatten().filter_map(Value::as_str);
    list.collect::<Vec<_>>().join(" ")
}

fn text<'a>(of: &'a Value, key: &str) -> &'a str {
    of[key].as_str().unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_takes_quotes_away_and_the_matcher_is_the_same() {
        for (text, want) in [
            ("check=queue", r#"check="queue""#),
            (r#"check="queue""#, r#"check="queue""#),
            ("team=~ml|growth", r#"team=~"ml|growth""#),
            ("team!=a=b c", r#"team!="a=b c""#),
            ("a!~", r#"a!~"""#),
        ] {
            assert_eq!(matcher(text).unwrap().to_string(), want, "{text}");
        }
        assert!(matcher("queue").unwrap_err().contains("expected one of"));
        assert!(matcher("team=~(").unwrap_err().contains("the regular expression is wrong"));
    }

    #[test]
    fn who_makes_a_silence_is_known_without_a_variable() {
        let users = "root:x:0:0:root:/root:/bin/sh\nbroken\nana:x:1000:1000:Ana,,,:/home/ana:/bin/sh\n";
        for (user, logname, uid, want) in [
            ("ben", "", 1000, Some("ben")),
            ("", "cy", 1000, Some("cy")),
            (" ", "", 1000, Some("ana")),
            ("", "", 0, Some("root")),
            ("", "", 7, None),
        ] {
            let variable = |name: &str| Some(if name == "USER" { user } else { logname }.to_owned());
            assert_eq!(whoever_runs_this(variable, users, uid).as_deref(), want, "{user} {logname} {uid}");
        }
    }

    #[test]
    fn a_beginning_that_one_id_has_is_enough() {
        let silences = [json!({ "id": "abc-1" }), json!({ "id": "abd-2" }), json!({ "id": "ab" })];
        for (written, want) in [
            ("abc", Ok("abc-1")),
            ("ab", Ok("ab")),
            ("a", Err("begins the id of 3 silences")),
            ("x", Err("there is no silence `x`")),
            ("", Err("there is no silence")),
        ] {
            match (meant(&silences, written), want) {
                (Ok(got), Ok(want)) => assert_eq!(got, want),
                (Err(refusal), Err(want)) => assert!(refusal.message.contains(want), "{refusal}"),
                other => panic!("{written}: {other:?}"),
            }
        }
    }
}
