//! What stands under names, or once: sources, channels, `defaults`, `self_alerts`, `store`.

use super::breakers::breaker;
use super::declare::{CHANNEL, DEFAULTS, HEARTBEAT, SELF_ALERTS, SOURCE, STORE};
use super::fallbacks::rules;
use super::files::Section;
use super::{ChannelDecl, HeartbeatConfig, Loading, SourceDecl, StoreConfig};
use crate::config::{Node, NodeKind, Place, Problem, Problems, Reader, Record, Settings, Text, headers};
use crate::model::Severity;
use crate::rules::SelfAlerts;
use crate::{channels, collectors};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// Entries under names.
pub(super) struct Names<T> {
    /// Those that are right.
    pub declared: Vec<T>,
    /// All of them, those too that are wrong: what names one of these does not point nowhere.
    pub all: BTreeSet<Arc<str>>,
    /// Channels whose `only_if` is empty.
    pub left_out: BTreeSet<Arc<str>>,
}

impl<T> Names<T> {
    fn none() -> Names<T> {
        Names { declared: Vec::new(), all: BTreeSet::new(), left_out: BTreeSet::new() }
    }
}

impl<'a> Loading<'a> {
    pub(super) fn sources(&mut self) -> Names<SourceDecl> {
        let mut found = Names::none();
        for (name, node, section) in self.named("sources") {
            found.all.insert(Arc::clone(&name.text));
            self.outline.sources.push(name.clone());
            let settings = self.reader.filling(section.fill).record(section.source, node, &SOURCE, &mut self.problems);
            let Some((kind, inner)) = settings.kind() else { continue };
            let kind = collectors::registry::KINDS.iter().find(|known| known.name == kind);
            for problem in headers::problems(inner, "headers") {
                self.problems.push(problem);
            }
            let breaker = breaker(&settings, &mut self.problems);
            let declare = |kind| SourceDecl { name: name.text, kind, settings: inner.clone(), breaker };
            found.declared.extend(kind.map(declare));
        }
        found
    }

    pub(super) fn channels(&mut self) -> Names<ChannelDecl> {
        let (mut found, mut fallbacks) = (Names::none(), Vec::new());
        for (name, node, section) in self.named("channels") {
            found.all.insert(Arc::clone(&name.text));
            self.outline.channels.push(name.clone());
            if let Some(asked) = self.left_out_by(node, section) {
                self.notes.push(format!("channel `{name}` is left out: its `only_if: {asked}` is empty"));
                found.left_out.insert(name.text);
                continue;
            }
            let before = self.problems.len();
            let settings = self.reader.filling(section.fill).record(section.source, node, &CHANNEL, &mut self.problems);
            let is_right = self.problems.len() == before;
            let Some((kind, inner)) = settings.kind() else { continue };
            let Some(kind) = channels::registry::kind(kind) else { continue };
            // What is missing may be what is wrong.
            for problem in if is_right { self.wrong_with(kind, inner) } else { Vec::new() } {
                self.problems.push(problem);
            }
            let rules = rules(&name.text, &settings, kind, inner, &mut self.problems);
            fallbacks.extend(settings.spanned("fallback").map(|to| (Arc::clone(&name.text), to)));
            found.declared.push(ChannelDecl { name: name.text, kind, settings: inner.clone(), rules });
        }
        self.fallbacks(&mut found, &fallbacks);
        found
    }

    /// What is wrong with a channel's settings as a whole. Where its secrets and files are there, it is made: what keeps
    /// it from that is told with its place, too.
    fn wrong_with(&self, kind: &channels::registry::Kind, settings: &Settings) -> Vec<Problem> {
        let found = (kind.check)(settings);
        if self.reader.lenient || !found.is_empty() {
            return found;
        }
        (kind.build)(settings, &channels::registry::Context::default())
            .err()
            .map(|problem| *problem)
            .into_iter()
            .collect()
    }

    /// A channel's `only_if` as it is written, where it is empty. It is asked before the rest is read, for that may name
    /// variables which are not set either. `lint` and `test` leave nothing out.
    fn left_out_by(&self, node: &Node, section: Section<'_>) -> Option<String> {
        let reader = Reader { lenient: true, ..self.reader.filling(section.fill) };
        let settings = reader.record(section.source, node, &CHANNEL, &mut Problems::new());
        let asked = settings.get("only_if").filter(|asked| !self.reader.lenient && asked.text() == Some(""))?;
        Some(asked.origin.written().to_owned())
    }

    /// The entries of a mapping from names, over all files. A name that stands twice is an error that shows both.
    pub(super) fn named(&mut self, key: &'static str) -> Vec<(Text, &'a Node, Section<'a>)> {
        let mut seen: HashMap<Arc<str>, Place> = HashMap::new();
        let mut found = Vec::new();
        let files = self.files;
        for section in files.sections(key) {
            let entries = match &section.value.kind {
                NodeKind::Map(entries) => entries.as_slice(),
                NodeKind::Empty | NodeKind::Broken => continue,
                _ => {
                    let problem = Problem::error(format!(
                        "`{key}` is a mapping from names, and this is {}",
                        section.value.noun()
                    ));
                    let help = format!("write each as `name: {{ … }}` under `{key}:`");
                    self.problems.push(problem.at(section.source.place(section.value.span)).help(help));
                    continue;
                }
            };
            for (name, node) in entries {
                let Some(text) = name.text() else { continue };
                let origin =
                    crate::config::Origin { source: Arc::clone(section.source), span: name.span, style: name.style() };
                let name = Text { text: Arc::from(text), origin };
                if let Err(error) = (super::declare::DECLARED_NAME.check)(text, text) {
                    self.problems.push(Problem::error(error.message).at(name.place()).help_if(error.help));
                }
                if let Some(earlier) = seen.get(&name.text) {
                    self.problems.push(twice(&name, &key[..key.len() - 1], earlier.clone()));
                    continue;
                }
                seen.insert(Arc::clone(&name.text), name.place());
                found.push((name, node, section));
            }
        }
        found
    }

    /// The settings of a section that stands once; defaults where it is not written.
    pub(super) fn single(&mut self, key: &'static str, record: &'static Record) -> Option<Settings> {
        let section = self.files.once(key, &mut self.problems)?;
        Some(self.reader.filling(section.fill).record(section.source, section.value, record, &mut self.problems))
    }

    /// `defaults.every`.
    pub(super) fn defaults(&mut self) -> Duration {
        let written = self.single("defaults", &DEFAULTS);
        written.and_then(|settings| settings.duration("every")).unwrap_or(Duration::from_mins(1))
    }

    pub(super) fn self_alerts(&mut self) -> SelfAlerts {
        let mut alerts = SelfAlerts::default();
        let files = self.files;
        let mut seen: HashMap<&str, Place> = HashMap::new();
        for section in files.sections("self_alerts") {
            let reader = self.reader.filling(section.fill);
            let settings = reader.record(section.source, section.value, &SELF_ALERTS, &mut self.problems);
            for name in SelfAlerts::NAMES.into_iter().filter(|name| settings.has(name)) {
                let place = settings.key_place(name);
                if let Some(earlier) = seen.insert(name, place.clone()) {
                    let problem = Problem::error(format!("`{name}` is given twice under `self_alerts:`")).at(place);
                    self.problems.push(problem.also(earlier, "it stands here already"));
                }
                if let (Some(word), Some(slot)) = (settings.text(name), alerts.slot(name)) {
                    *slot = Severity::from_name(word);
                }
            }
        }
        alerts
    }

    pub(super) fn store(&mut self) -> StoreConfig {
        let written = self.single("store", &STORE);
        let path = written.as_ref().and_then(|settings| settings.path("path"));
        StoreConfig {
            path: path.map_or_else(|| self.reader.folder.join("bellwether.db"), std::path::Path::to_owned),
            keep: written
                .as_ref()
                .and_then(|settings| settings.duration("keep"))
                .unwrap_or(Duration::from_hours(30 * 24)),
        }
    }

    pub(super) fn heartbeat(&mut self) -> Option<HeartbeatConfig> {
        let written = self.single("heartbeat", &HEARTBEAT)?;
        let url = written.secret("url")?.clone();
        let every = written.duration("every").filter(|every| !every.is_zero());
        if every.is_none() && written.has("every") {
            let problem = Problem::error("`every` is more than nothing").at(written.place("every"));
            self.problems.push(problem.help("write `every: 1m`"));
        }
        Some(HeartbeatConfig { url, every: every.unwrap_or(Duration::from_mins(1)) })
    }
}

/// The error for a name that is declared twice.
pub(super) fn twice(name: &Text, of: &str, earlier: Place) -> Problem {
    let problem = Problem::error(format!("two {of}s are named `{name}`")).at(name.place());
    problem.also(earlier, "the other one").help("rename one of them")
}
