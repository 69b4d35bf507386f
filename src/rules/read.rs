//! A check, from the mapping that declares it. What is wrong is recorded, and the rest is read all the same.

mod compile;
mod policies;
mod templates;

use super::declare::CHECK;
use super::{Check, Columns, Fallback, KeyColumns, Mode, Params, Schedule};
use crate::config::{Node, Problem, Problems, Reader, Record, Setting, Settings, Source, Text, did_you_mean};
use crate::model::{FlapRule, ValueType};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// What a check needs to know of the configuration around it.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    pub reader: Reader<'a>,
    /// `defaults.every`.
    pub every: Duration,
    /// The sources, each with what its kind declares of `collect`; `None` where the source itself is wrong.
    pub sources: &'a HashMap<Arc<str>, Option<SourceFacts>>,
    /// Whether there may be other sources, which nobody could read.
    pub hides_sources: bool,
}

/// What is known of a kind of source without asking it.
pub struct SourceFacts {
    /// The keys under `collect:`.
    pub collect: &'static Record,
    /// What is wrong with a request; the names are the check's params.
    pub check_request: fn(&Settings, &[&str]) -> Vec<Problem>,
    /// The columns that name an instance where a check has no `key`: none of them is one instance, and without an answer
    /// there is an instance for each label set.
    pub default_key: OfCollect<Option<Vec<String>>>,
    /// The columns of an answer.
    pub columns: OfCollect<KnownColumns>,
}

/// What follows from a `collect:`.
pub type OfCollect<T> = Box<dyn Fn(&Settings) -> T + Send + Sync>;

/// Columns that are known without asking.
#[derive(Clone, Debug, Default)]
pub struct KnownColumns {
    pub columns: Vec<(String, Option<ValueType>)>,
    /// Whether there can be no others.
    pub is_complete: bool,
}

/// A check as it is declared, right or wrong.
#[derive(Debug)]
pub struct Declared {
    pub name: Text,
    /// What is written, each value with its place.
    pub settings: Settings,
    /// What is known of the answer's columns without asking.
    pub known: KnownColumns,
    /// `None` where something is wrong with it; that has been told.
    pub check: Option<Arc<Check>>,
}

/// Reads an entry of `checks:`. `None` where it has no name to speak of it by.
pub fn read(context: &Context<'_>, source: &Arc<Source>, node: &Node, problems: &mut Problems) -> Option<Declared> {
    let mut found = Problems::new();
    let settings = context.reader.record(source, node, &CHECK, &mut found);
    let name = settings.spanned("check");
    // What else is wrong with a check without a name is told, too.
    let nameless = Text { text: Arc::from(""), origin: settings.origin().clone() };
    let named = name.as_ref().unwrap_or(&nameless);
    let (check, known) = Reading { context, settings: &settings, name: named, problems: &mut found }.check();
    // What is wrong to YAML already was told when the file was parsed.
    let is_wrong = found.has_errors() || node.holds_broken();
    problems.extend(found);
    Some(Declared { name: name?, known, check: check.filter(|_| !is_wrong).map(Arc::new), settings })
}

/// A `fallback:`, and what is known of its answer's columns.
struct AlsoAsked {
    ask: Fallback,
    known: KnownColumns,
}

/// One check being read.
struct Reading<'a, 'c> {
    context: &'a Context<'c>,
    settings: &'a Settings,
    name: &'a Text,
    problems: &'a mut Problems,
}

impl<'c> Reading<'_, 'c> {
    /// The check, where it is right, and what is known of its columns.
    fn check(mut self) -> (Option<Check>, KnownColumns) {
        let params = self.params();
        let (facts, collect, is_right) = self.asked(self.settings);
        let columns = self.columns();
        let known = self.known(facts, collect.as_ref(), is_right);
        let fallback = self.fallback();
        (self.parts(facts, params, collect, fallback, columns, &known), known)
    }

    /// The source that `of` names, what it is asked, and whether that is right.
    fn asked(&mut self, of: &Settings) -> (Option<&'c SourceFacts>, Option<Settings>, bool) {
        let facts = self.facts(of);
        let (collect, is_right) = facts.and_then(|facts| self.collect(of, facts)).unzip();
        (facts, collect, is_right.unwrap_or(false))
    }

    fn parts(
        &mut self,
        facts: Option<&SourceFacts>,
        params: Params,
        collect: Option<Settings>,
        fallback: Option<AlsoAsked>,
        columns: Option<Columns>,
        known: &KnownColumns,
    ) -> Option<Check> {
        let key = self.key(known, facts.zip(collect.as_ref()));
        let (schedule, timeout) = (self.schedule(), self.timeout());
        let policies = self.policies();
        let compiled = self.compile(columns.as_ref(), &params, known, fallback.as_ref().map(|f| &f.known));
        let lets = self.names_under("let");
        let names = [self.names_under("params"), lets.clone()].concat();
        let scope = templates::Scope::new(known, names, &key);
        let labels = self.labels(&scope, &key);
        let texts = self.texts(&scope);
        let (severities, compiled) = compiled?;
        Some(Check {
            name: Arc::clone(&self.name.text),
            description: self.settings.text("description").unwrap_or("").trim_end().to_owned(),
            source: Arc::from(self.settings.text("source")?),
            collect: Arc::new(collect?),
            fallback: fallback.map(|fallback| fallback.ask),
            columns,
            key,
            schedule: schedule?,
            timeout: timeout?,
            params,
            lets,
            compiled,
            severities,
            on_error: policies.error,
            on_empty: policies.empty,
            on_absent: policies.absent,
            on_unknown: policies.unknown,
            remember: self.settings.duration("remember")?,
            limit: usize::try_from(self.settings.integer("limit")?).unwrap_or(usize::MAX),
            flapping: self.flapping(),
            mode: self.mode(),
            labels,
            title: texts.title,
            body: texts.body,
            links: texts.links,
            depends_on: self.settings.texts("depends_on").into_iter().map(Arc::from).collect(),
            declared: declared(&self.name.place()),
        })
    }

    fn flapping(&mut self) -> Option<FlapRule> {
        let Some(written) = self.settings.get("flapping") else { return Some(FlapRule::DEFAULT) };
        let rule = written.record()?;
        let changes = rule.integer("changes").and_then(|n| u32::try_from(n).ok())?;
        let window = rule.duration("window")?;
        if window.is_zero() {
            self.fail("flapping", Problem::error("a `window` of nothing holds no changes").help("write `window: 1h`"));
        }
        Some(FlapRule { changes, window })
    }

    fn timeout(&mut self) -> Option<Duration> {
        let timeout = self.settings.duration("timeout")?;
        if timeout.is_zero() {
            self.fail(
                "timeout",
                Problem::error("a `timeout` of nothing leaves no time to collect").help("write `30s`, or leave it out"),
            );
        }
        Some(timeout)
    }

    fn fail(&mut self, key: &str, problem: Problem) {
        self.problems.push(problem.at(self.settings.place(key)));
    }

    /// The names of a mapping's entries, right or wrong, in the order written.
    fn names_under(&self, key: &str) -> Vec<Arc<str>> {
        self.settings.map(key).unwrap_or_default().iter().map(|(name, _)| Arc::clone(&name.text)).collect()
    }

    fn columns(&mut self) -> Option<Columns> {
        self.settings.map("columns")?;
        let written = self.settings.right("columns");
        let column = |(name, of): &(Text, Setting)| Some((Arc::clone(&name.text), ValueType::from_name(of.text()?)?));
        Some(written.filter_map(column).collect())
    }

    fn params(&mut self) -> Params {
        let written = self.settings.map("params").unwrap_or_default();
        written.iter().filter_map(|(name, of)| Some((Arc::clone(&name.text), of.constant()?.clone()))).collect()
    }

    fn key(&mut self, known: &KnownColumns, asked: Option<(&SourceFacts, &Settings)>) -> KeyColumns {
        let Some(written) = self.settings.get("key") else {
            // A key that is wrong was told, and is none.
            let asked = asked.filter(|_| !self.settings.has("key"));
            return match asked.map(|(facts, collect)| (facts.default_key)(collect)) {
                None => KeyColumns::None,
                Some(None) => KeyColumns::AllText,
                Some(Some(names)) if names.is_empty() => KeyColumns::None,
                Some(Some(names)) => KeyColumns::Columns(names.into_iter().map(Arc::from).collect()),
            };
        };
        let names = self.settings.spanned_texts("key");
        let is_one_word = written.origin.style.is_some();
        if let [word] = names.as_slice()
            && is_one_word
            && word.as_str() == "prometheus"
        {
            return KeyColumns::AllText;
        }
        for (i, name) in names.iter().enumerate() {
            if let Some(problem) = key_problem(name, &names[..i], known) {
                self.problems.push(problem.at(name.place()));
            }
        }
        if names.is_empty() {
            KeyColumns::None
        } else {
            KeyColumns::Columns(names.into_iter().map(|n| n.text).collect())
        }
    }

    fn schedule(&mut self) -> Option<Schedule> {
        if let (true, true) = (self.settings.has("cron"), self.settings.has("every")) {
            let problem = Problem::error("`every` and `cron` are both given").help("remove one of them");
            let other = self.settings.key_place("every");
            self.problems.push(problem.at(self.settings.key_place("cron")).also(other, "the other one"));
            return None;
        }
        if self.settings.has("timezone") && !self.settings.has("cron") {
            let problem = Problem::error("`timezone` belongs to `cron`, which is not given");
            self.problems.push(
                problem
                    .at(self.settings.key_place("timezone"))
                    .help("remove it, or write `cron` in the place of `every`"),
            );
        }
        if self.settings.has("cron") {
            let zone = self.settings.zone("timezone").and_then(|zone| zone.iana_name()).unwrap_or("UTC");
            return Schedule::cron(self.settings.text("cron")?, zone).ok();
        }
        let every = if self.settings.has("every") { self.settings.duration("every")? } else { self.context.every };
        if every < EVERY_MIN {
            self.fail(
                "every",
                Problem::error("`every` is shorter than a second, the least").help("write `every: 1s` or more"),
            );
            return None;
        }
        Some(Schedule::every(every, self.name.as_str()))
    }

    /// What is known of the source; `None` where it is wrong or not there.
    fn facts(&mut self, of: &Settings) -> Option<&'c SourceFacts> {
        let source = of.spanned("source")?;
        let sources = self.context.sources;
        let Some(facts) = sources.get(&source.text) else {
            if self.context.hides_sources {
                return None;
            }
            self.problems.push(unknown_name(&source, "source", sources.keys().map(|name| &**name)));
            return None;
        };
        facts.as_ref()
    }

    /// The settings of `collect:`, by what the source's kind declares, and whether they are right.
    fn collect(&mut self, of: &Settings, facts: &SourceFacts) -> Option<(Settings, bool)> {
        let reader = self.context.reader.filling(true);
        let node = of.node("collect")?;
        let mut found = Problems::new();
        let collect = reader.record(&of.origin().source, node, facts.collect, &mut found);
        let is_right = !found.has_errors();
        self.problems.extend(found);
        if is_right && !self.settings.is_wrong("params") {
            let names = self.names_under("params");
            let names: Vec<&str> = names.iter().map(|name| &**name).collect();
            for problem in (facts.check_request)(&collect, &names) {
                self.problems.push(problem);
            }
        }
        Some((collect, is_right))
    }

    /// What is known of the columns: the declared ones, else what the kind of source knows. Where a part that gives
    /// names could not be read, there may be others.
    fn known(&self, facts: Option<&SourceFacts>, collect: Option<&Settings>, collect_is_right: bool) -> KnownColumns {
        let known = match (self.settings.map("columns"), facts.zip(collect)) {
            (Some(columns), _) => KnownColumns {
                columns: columns
                    .iter()
                    .map(|(name, of)| (name.text.to_string(), of.text().and_then(ValueType::from_name)))
                    .collect(),
                is_complete: true,
            },
            (None, Some((facts, collect))) => {
                let known = (facts.columns)(collect);
                KnownColumns { is_complete: known.is_complete && collect_is_right, ..known }
            }
            (None, None) => KnownColumns::default(),
        };
        let is_whole = ["columns", "params", "let"].iter().all(|key| !self.settings.is_wrong(key));
        KnownColumns { is_complete: known.is_complete && is_whole, ..known }
    }

    /// `fallback:`, where it is right.
    fn fallback(&mut self) -> Option<AlsoAsked> {
        let written = self.settings.record("fallback")?;
        let (facts, collect, is_right) = self.asked(written);
        let known = self.known(facts, collect.as_ref(), is_right);
        let source = Arc::from(written.text("source")?);
        Some(AlsoAsked { ask: Fallback { source, collect: Arc::new(collect?) }, known })
    }

    fn mode(&self) -> Mode {
        match self.settings.text("mode") {
            Some("off") => Mode::Off,
            Some("shadow") => Mode::Shadow,
            _ => Mode::Live,
        }
    }
}

/// The least distance between two slots.
const EVERY_MIN: Duration = Duration::from_secs(1);

/// `rules/slow.yaml:4`.
pub fn declared(place: &crate::config::Place) -> Arc<str> {
    Arc::from(format!("{}:{}", place.file, place.line))
}

fn key_problem(name: &Text, before: &[Text], known: &KnownColumns) -> Option<Problem> {
    if super::declare::RESERVED_LABELS.contains(&name.as_str()) {
        let problem =
            Problem::error(format!("every alert has a label `{name}` of its own: no key column can have its name"));
        return Some(problem.help(format!("rename it in the query: `{name} AS the_{name}`")));
    }
    if before.iter().any(|earlier| earlier.text == name.text) {
        return Some(Problem::error(format!("`{name}` is a key column already")).help("remove it"));
    }
    if !known.is_complete || known.columns.iter().any(|(column, _)| **column == *name.text) {
        return None;
    }
    Some(unknown_column(name.as_str(), known.columns.iter().map(|(column, _)| column.as_str())))
}

/// The error for a name that is no column.
fn unknown_column<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Problem {
    let help = did_you_mean(name, known);
    Problem::error(format!("unknown column `{name}`"))
        .help(help.unwrap_or_else(|| "declare it under `columns:`".to_owned()))
}

/// The error for a name that points nowhere.
pub fn unknown_name<'a>(name: &Text, of: &str, known: impl Iterator<Item = &'a str> + Clone) -> Problem {
    let problem = Problem::error(format!("unknown {of} `{name}`")).at(name.place());
    if let Some(help) = did_you_mean(name.as_str(), known.clone()) {
        return problem.help(help);
    }
    let mut names: Vec<&str> = known.collect();
    names.sort_unstable();
    names.dedup();
    match names.as_slice() {
        [] => problem.help(format!("declare it under `{of}s:`; no other is declared")),
        _ if names.len() <= 8 => {
            problem.help(format!("there {} `{}`", if names.len() == 1 { "is" } else { "are" }, names.join("`, `")))
        }
        _ => problem.help(format!("declare it under `{of}s:`")),
    }
}
