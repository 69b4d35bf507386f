//! Which subscriptions a check asks for, and how they are read.

use super::super::error::CollectError;
use super::super::google::{Call, Deadline, Failure, Google};
use super::subscription::Subscription;
use crate::config::{Problem, Rule, ScalarError, Settings, did_you_mean};
use futures_util::future::try_join_all;
use serde_json::Value as Json;
use std::collections::{BTreeSet, HashSet};

/// Up to so many names are read one by one; that needs no right to list.
const SINGLY_MAX: usize = 10;

/// How many subscriptions are asked for in one page.
const PAGE_ROWS: &str = "1000";

/// What a subscription may be called: <https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names>.
pub(super) static NAME: Rule = Rule {
    noun: "a subscription's name",
    example: "orders-dlq",
    pattern: Some(r"^[A-Za-z][A-Za-z0-9._~+%-]*$"),
    check: name,
};

pub(super) static PATTERN: Rule =
    Rule { noun: "a pattern", example: "*-dlq", pattern: Some(r"^[A-Za-z0-9._~+%*?-]+$"), check: pattern };

fn name(text: &str, shown: &str) -> Result<(), ScalarError> {
    let error = ScalarError::new(format!("`{shown}` is no name of a subscription"));
    if let Some((_, last)) = text.rsplit_once('/') {
        let help = if text == shown { format!("write `{last}`; ") } else { String::new() };
        return Err(error.help(format!("{help}the project is the source's")));
    }
    if text.contains(['*', '?']) {
        return Err(error.help("write it under `pattern`"));
    }
    let is_right = text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(may_stand);
    if is_right { Ok(()) } else { Err(error.help("it begins with a letter, and has letters, digits and `-._~+%`")) }
}

fn pattern(text: &str, shown: &str) -> Result<(), ScalarError> {
    if !text.is_empty() && text.chars().all(|c| may_stand(c) || c == '*' || c == '?') {
        return Ok(());
    }
    let error = ScalarError::new(format!("`{shown}` can be no subscription's name"));
    Err(error.help("a pattern has letters, digits, `-._~+%`, `*` for any text and `?` for one character"))
}

fn may_stand(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-._~+%".contains(c)
}

/// What is wrong with the keys of a `collect` together.
pub(super) fn problems(collect: &Settings) -> Vec<Problem> {
    let mut problems = Vec::new();
    let has_dead_letter = collect.boolean("dead_letter") == Some(true);
    let named = collect.key_place("subscriptions");
    if !(collect.has("subscriptions") || collect.has("pattern") || has_dead_letter) {
        let problem = Problem::error("nothing says which subscriptions").at(collect.place("subscriptions"));
        problems.push(problem.help("write `subscriptions: [name]`, `pattern: \"*\"` or `dead_letter: true`"));
    }
    if collect.list("subscriptions").is_some_and(<[_]>::is_empty) {
        problems
            .push(Problem::error("`subscriptions` is empty").at(named.clone()).help("name one, or write `pattern`"));
    }
    if collect.has("subscriptions") && (collect.has("pattern") || has_dead_letter) {
        let problem = Problem::error("`subscriptions` beside `pattern` or `dead_letter`").at(named);
        problems.push(problem.help("keep the one or the other"));
    }
    if collect.duration("window").is_some_and(|window| window.as_secs() < 60) {
        let problem = Problem::error("`window` is shorter than a minute").at(collect.key_place("window"));
        problems.push(problem.help("Monitoring counts by the minute: write `1m` or more"));
    }
    problems
}

/// Which subscriptions.
pub(super) enum Choice<'a> {
    Named(Vec<&'a str>),
    Fitting { pattern: &'a str, dead_letter: bool },
}

impl Choice<'_> {
    pub(super) fn of(collect: &Settings) -> Choice<'_> {
        let names = collect.texts("subscriptions");
        if !names.is_empty() {
            return Choice::Named(names);
        }
        let dead_letter = collect.boolean("dead_letter") == Some(true);
        Choice::Fitting { pattern: collect.text("pattern").unwrap_or("*"), dead_letter }
    }
}

pub(super) async fn read(
    google: &Google,
    project: &str,
    choice: &Choice<'_>,
    deadline: Deadline,
) -> Result<Vec<Subscription>, CollectError> {
    let chosen = match choice {
        Choice::Named(names) if names.len() <= SINGLY_MAX => {
            try_join_all(names.iter().map(|name| one(google, project, name, deadline))).await?
        }
        Choice::Named(names) => named(names, project, all(google, project, deadline).await?)?,
        Choice::Fitting { pattern, dead_letter } => {
            let all = all(google, project, deadline).await?;
            let lost = if *dead_letter { unread(project, pattern, &all) } else { Vec::new() };
            fitting(pattern, *dead_letter, all).into_iter().chain(lost).collect()
        }
    };
    let mut counter = google.limits().counter();
    chosen.iter().try_for_each(|_| counter.row(0))?;
    Ok(chosen)
}

async fn one(google: &Google, project: &str, name: &str, deadline: Deadline) -> Result<Subscription, CollectError> {
    let path = format!("{}/{}", list_path(project), Call::segment(name));
    let missing = |failure: Failure| match failure.http {
        Some(404) => absent(name, project, &[]),
        _ => failure.error,
    };
    Subscription::of(&google.ask(&Call::get(path), deadline).await.map_err(missing)?)
}

fn absent(name: &str, project: &str, all: &[Subscription]) -> CollectError {
    let meant = did_you_mean(name, all.iter().map(|known| known.name.as_str()));
    let help = meant.unwrap_or_else(|| "look at `subscriptions`".to_owned());
    CollectError::refused(format_args!("the project `{project}` has no subscription `{name}`: {help}"))
}

/// Every subscription of the project.
async fn all(google: &Google, project: &str, deadline: Deadline) -> Result<Vec<Subscription>, CollectError> {
    let mut pages = google.pages(Call::get(list_path(project)).query("pageSize", PAGE_ROWS), deadline);
    let mut all = Vec::new();
    while let Some(page) = pages.next().await.map_err(|failure| failure.error)? {
        let listed = page.get("subscriptions").and_then(Json::as_array);
        for json in listed.into_iter().flatten() {
            all.push(Subscription::of(json)?);
        }
    }
    Ok(all)
}

fn list_path(project: &str) -> String {
    format!("/v1/projects/{}/subscriptions", Call::segment(project))
}

fn named(names: &[&str], project: &str, all: Vec<Subscription>) -> Result<Vec<Subscription>, CollectError> {
    let known: HashSet<&str> = all.iter().map(|subscription| subscription.name.as_str()).collect();
    if let Some(name) = names.iter().find(|name| !known.contains(*name)) {
        return Err(absent(name, project, &all));
    }
    let wanted: HashSet<&str> = names.iter().copied().collect();
    Ok(all.into_iter().filter(|subscription| wanted.contains(subscription.name.as_str())).collect())
}

fn fitting(pattern: &str, dead_letter: bool, all: Vec<Subscription>) -> Vec<Subscription> {
    let policies = all.iter().filter_map(|subscription| Some(subscription.dead_letter.as_ref()?.topic.clone()));
    let topics: HashSet<String> = policies.collect();
    let is_chosen = |subscription: &Subscription| {
        fits(pattern, &subscription.name) && (!dead_letter || topics.contains(&subscription.topic))
    };
    all.into_iter().filter(is_chosen).collect()
}

/// The project's dead-letter topics that nothing is subscribed to: what is sent there is lost.
fn unread(project: &str, pattern: &str, all: &[Subscription]) -> Vec<Subscription> {
    let own = format!("projects/{project}/topics/");
    let read: HashSet<&str> = all.iter().map(|subscription| subscription.topic.as_str()).collect();
    let named: BTreeSet<&str> = all.iter().filter_map(|s| Some(s.dead_letter.as_ref()?.topic.as_str())).collect();
    let unread = named.into_iter().filter(|topic| !read.contains(topic));
    let own = unread.filter_map(|topic| Some((topic, topic.strip_prefix(&own)?)));
    own.filter(|(_, name)| fits(pattern, name)).map(|(topic, name)| Subscription::lacking(topic, name)).collect()
}

/// Whether a name fits a glob of `*` and `?`. Both are ASCII.
fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    let (mut p, mut n) = (0, 0);
    // Where the last `*` stands, and how much of the name it has taken.
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(byte) if *byte == b'?' || *byte == name[n] => {
                p += 1;
                n += 1;
            }
            _ => {
                let Some((at, taken)) = star else { return false };
                star = Some((at, taken + 1));
                p = at + 1;
                n = taken + 1;
            }
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_dead_letter_topic_that_nothing_reads_is_a_row_of_its_own() {
        let subscription = |name: &str, topic: &str, dead: Option<&str>| {
            let mut json = json!({ "name": format!("projects/p/subscriptions/{name}"), "topic": topic });
            if let Some(dead) = dead {
                json["deadLetterPolicy"] = json!({ "deadLetterTopic": dead });
            }
            Subscription::of(&json).unwrap()
        };
        let all = [
            subscription("orders", "projects/p/topics/orders", Some("projects/p/topics/orders-dead")),
            subscription("grave", "projects/p/topics/orders-dead", None),
            subscription("refunds", "projects/p/topics/refunds", Some("projects/p/topics/refunds-dead")),
            subscription("again", "projects/p/topics/refunds", Some("projects/p/topics/refunds-dead")),
            subscription("abroad", "projects/p/topics/x", Some("projects/q/topics/dead")),
        ];
        let names = |pattern| -> Vec<String> { unread("p", pattern, &all).into_iter().map(|s| s.name).collect() };
        assert_eq!(names("*"), ["no subscription to refunds-dead"]);
        assert!(names("orders*").is_empty());
    }

    #[test]
    fn a_glob_is_any_text_and_one_character() {
        for (pattern, name, want) in [
            ("*", "a", true),
            ("*-dlq", "orders-dlq", true),
            ("*-dlq", "orders-dlq-2", false),
            ("orders-*", "orders-", true),
            ("o?ders", "orders", true),
            ("o?ders", "oders", false),
            ("*a*b*", "xxabxxaxxb", true),
            ("*ab", "aaab", true),
            ("*ab?", "aabab", false),
            ("orders", "orders", true),
            ("a.c", "abc", false),
        ] {
            assert_eq!(fits(pattern, name), want, "{pattern} {name}");
        }
    }
}
