//! What the files of a folder are, by their top-level keys.

use super::declare::FILE;
use crate::config::{Document, Folder, Node, NodeKind, Problem, Problems, Source, nearest};
use std::sync::Arc;

/// The parsed files, and their top-level keys in order.
#[derive(Default)]
pub(super) struct Files {
    pub documents: Vec<Document>,
    /// Files with none of the keys, passed over.
    pub notes: Vec<String>,
    /// Whether a file, or a part of one, could not be read: nobody knows what it declares.
    is_cut: bool,
}

/// The value of one top-level key of one file.
#[derive(Clone, Copy)]
pub(super) struct Section<'a> {
    pub source: &'a Arc<Source>,
    pub key: &'a Node,
    pub value: &'a Node,
    /// Whether `${NAME}` is filled in here.
    pub fill: bool,
}

impl Section<'_> {
    pub fn problem(&self, message: impl Into<String>) -> Problem {
        Problem::error(message).at(self.source.place(self.key.span))
    }
}

impl Files {
    /// Parses the files of a folder, some at a time.
    pub fn parse(folder: &Folder, problems: &mut Problems) -> Files {
        let mut files = Files { is_cut: problems.has_errors(), ..Files::default() };
        let parse = |source: &Arc<Source>| {
            let mut found = Problems::new();
            let document = Document::parse(source, &mut found);
            (document, found)
        };
        for (document, found) in super::parallel::map(&folder.files, parse) {
            files.is_cut |= document.is_none() && found.has_errors();
            problems.extend(found);
            if let Some(document) = document {
                files.classify(document, problems);
            }
        }
        files
    }

    /// Keeps a file that holds one of the keys, or nearly one.
    fn classify(&mut self, document: Document, problems: &mut Problems) {
        let name = Arc::clone(document.source.name());
        let entries = match &document.root.kind {
            NodeKind::Map(entries) => entries,
            NodeKind::Empty => return,
            NodeKind::Broken => {
                self.is_cut = true;
                return;
            }
            NodeKind::List(_) | NodeKind::Scalar(..) => {
                self.notes.push(format!("{name} is passed over: {}", no_key()));
                return;
            }
        };
        let is_ours = entries.iter().any(|(key, _)| key.text().is_some_and(is_key));
        let mut is_near = false;
        for (key, _) in entries {
            let Some(written) = key.text().filter(|text| !is_key(text)) else { continue };
            let meant = meant(written);
            is_near |= meant.is_some();
            self.is_cut |= meant.is_some();
            if is_ours || meant.is_some() {
                let help = meant
                    .map_or_else(|| format!("a file has {}", listed()), |meant| format!("did you mean `{meant}`?"));
                let problem = Problem::error(format!("unknown top-level key `{written}`"));
                problems.push(problem.at(document.place(key)).help(help));
            }
        }
        if is_ours {
            self.documents.push(document);
        } else if !is_near {
            self.notes.push(format!("{name} is passed over: {}", no_key()));
        }
    }

    /// Every section of that name.
    pub fn sections<'a>(&'a self, name: &'static str) -> impl Iterator<Item = Section<'a>> {
        self.documents.iter().filter_map(move |document| {
            let (key, value) = document.root.map()?.iter().find(|(key, _)| key.text() == Some(name))?;
            let fill = name == "sources" || is_filled(document);
            Some(Section { source: &document.source, key, value, fill })
        })
    }

    /// Whether names may be declared under this key that nobody could read. An unknown name is then no error: it would
    /// be a second one for one mistake.
    pub fn hides(&self, key: &'static str) -> bool {
        let name = match key {
            "checks" => Some("check"),
            "silences" => Some("name"),
            _ => None,
        };
        let is_read = |section: Section<'_>| match &section.value.kind {
            NodeKind::Empty => true,
            NodeKind::List(entries) => name.is_some_and(|name| {
                entries.iter().all(|entry| entry.get(name).is_some_and(|name| name.text().is_some()))
            }),
            NodeKind::Map(_) => name.is_none(),
            _ => false,
        };
        self.is_cut || !self.sections(key).all(is_read)
    }

    /// The section of a key that stands once; a second one is an error that shows both.
    pub fn once<'a>(&'a self, name: &'static str, problems: &mut Problems) -> Option<Section<'a>> {
        let mut all = self.sections(name);
        let first = all.next()?;
        for other in all {
            let problem = other.problem(format!("`{name}` stands twice in this configuration"));
            problems.push(
                problem.also(first.source.place(first.key.span), "it stands here already").help("keep one of them"),
            );
        }
        Some(first)
    }
}

fn is_key(text: &str) -> bool {
    FILE.key(text).is_some()
}

/// The key that was meant: one that other tools have another name for, or the nearest.
fn meant(written: &str) -> Option<&'static str> {
    let known_as = FILE.keys.iter().find(|key| key.known_as.contains(&written)).map(|key| key.name);
    known_as.or_else(|| nearest(written, FILE.keys.iter().map(|key| key.name)))
}

fn listed() -> String {
    FILE.keys.iter().map(|key| format!("`{}`", key.name)).collect::<Vec<_>>().join(", ")
}

fn no_key() -> String {
    format!("it has none of the top-level keys {}", listed())
}

/// `${NAME}` is filled in in `bellwether.yaml` and in channel files.
fn is_filled(document: &Document) -> bool {
    let relative = document.source.relative();
    let stem = relative.trim_end_matches(".yaml").trim_end_matches(".yml");
    stem == "bellwether" || relative.starts_with("channels/") || document.root.get("channels").is_some()
}
