//! What is wrong with a configuration, or could be better: collected, so that all of it is told at once.

use std::sync::Arc;

use super::source::{Place, Source, Sources, Span};

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub level: Level,
    /// One sentence without a point, with names in backticks. It never quotes a secret.
    pub message: String,
    pub place: Option<Place>,
    /// What to write instead.
    pub help: Option<String>,
    /// Other places that have to do with it, each with a word on why.
    pub also: Vec<(Place, String)>,
}

/// How grave a finding is. Advice has a name, by which `# bellwether: allow NAME` lets it pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Error,
    Advice(&'static str),
}

impl Problem {
    pub fn error(message: impl Into<String>) -> Problem {
        Problem { level: Level::Error, message: message.into(), place: None, help: None, also: Vec::new() }
    }

    pub fn advice(name: &'static str, message: impl Into<String>) -> Problem {
        Problem { level: Level::Advice(name), ..Problem::error(message) }
    }

    #[must_use]
    pub fn at(self, place: Place) -> Problem {
        Problem { place: Some(place), ..self }
    }

    #[must_use]
    pub fn help(self, help: impl Into<String>) -> Problem {
        Problem { help: Some(help.into()), ..self }
    }

    /// Adds the help where there is one.
    #[must_use]
    pub fn help_if(self, help: Option<String>) -> Problem {
        Problem { help: help.or(self.help), ..self }
    }

    #[must_use]
    pub fn also(mut self, place: Place, why: impl Into<String>) -> Problem {
        self.also.push((place, why.into()));
        self
    }

    #[must_use]
    pub fn is_error(&self) -> bool {
        self.level == Level::Error
    }
}

/// All findings so far, and the parts of files that may not be shown.
#[derive(Clone, Debug, Default)]
pub struct Problems {
    list: Vec<Problem>,
    masked: Vec<(Arc<str>, Span)>,
}

impl Problems {
    #[must_use]
    pub fn new() -> Problems {
        Problems::default()
    }

    pub fn push(&mut self, problem: Problem) {
        self.list.push(problem);
    }

    /// Has this part of a file shown as `***` in every line that is quoted: it is a secret.
    pub fn mask(&mut self, source: &Source, span: Span) {
        self.masked.push((source.name().clone(), span));
    }

    pub fn extend(&mut self, other: Problems) {
        self.list.extend(other.list);
        self.masked.extend(other.masked);
    }

    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(Problem::is_error)
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.list.iter()
    }

    /// Orders them by file, line and column, those without a place first, and drops what was said twice.
    pub fn sort(&mut self) {
        self.list.sort_by(|a, b| (&a.place, a.is_error(), &a.message).cmp(&(&b.place, b.is_error(), &b.message)));
        self.list.dedup();
    }

    /// Drops advice that a comment above its line allows.
    pub fn drop_allowed(&mut self, sources: &Sources) {
        self.list.retain(|problem| match (problem.level, &problem.place) {
            (Level::Advice(name), Some(place)) => !sources.get(&place.file).is_some_and(|s| s.allows(place.line, name)),
            _ => true,
        });
    }

    /// Drops the others.
    pub fn keep(&mut self, which: impl FnMut(&Problem) -> bool) {
        self.list.retain(which);
    }

    pub(super) fn masks<'a>(&'a self, file: &'a str) -> impl Iterator<Item = Span> + 'a {
        self.masked.iter().filter(move |(name, _)| **name == *file).map(|(_, span)| *span)
    }
}

impl IntoIterator for Problems {
    type Item = Problem;
    type IntoIter = std::vec::IntoIter<Problem>;
    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter()
    }
}

/// The nearest of `known` to what was written, where it is near enough to be meant.
pub fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&written.to_lowercase(), &name.to_lowercase()), name))
        .filter(|(distance, name)| {
            let longer = name.chars().count().max(written.chars().count());
            *distance <= longer.div_ceil(3) && *distance + 1 < longer
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// `did you mean …?` for the nearest of `known`.
pub fn did_you_mean<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(written, known).map(|name| format!("did you mean `{name}`?"))
}
