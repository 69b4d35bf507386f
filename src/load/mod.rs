//! FILES INTO A CONFIGURATION: every file of a folder, read at once, with all errors of all of them.
//!
//! [`load`] is the one way in. What a file is, its top-level keys say ([`declare`]); what a check is, `rules` knows.

mod breakers;
pub mod cases;
mod checks;
mod config;
pub mod declare;
mod decls;
mod fallbacks;
mod files;
mod holds;
mod links;
mod parallel;
mod request;
mod route;
mod schema;
mod series;
mod server;
mod slots;
mod spans;

pub use config::{ChannelDecl, Config, HeartbeatConfig, ServerConfig, SourceDecl, StoreConfig, TlsConfig};
pub use request::request;
pub use schema::schema;
pub use slots::in_shared_slots;

use crate::config::files::FolderError;
use crate::config::{Env, Folder, Node, Problem, Problems, Reader, Sources};
use crate::dispatch;
use crate::rules::Check;
use crate::rules::outline::Outline;
use cases::CaseReader;
use files::{Files, Section};
use route::Routing;
use std::path::Path;
use std::sync::Arc;

/// How much of the world around has to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// For `lint` and `test`: a NAME that the environment lacks is an opaque text, and no secret file is opened.
    Lenient,
    /// For `eval` and `lint --online`: what sources and channels need is there.
    Strict,
    /// For `run`: so is what the doors need.
    Serving,
}

/// What a folder gave.
#[derive(Debug)]
pub struct Loaded {
    /// `None` where there is an error.
    pub config: Option<Config>,
    /// `server`, where that can be read, be there errors elsewhere or not.
    pub server: Option<ServerConfig>,
    /// Errors and advice, in the order of files and lines.
    pub problems: Problems,
    /// The texts of the files, to show lines of them.
    pub sources: Sources,
    /// What is no problem and worth knowing: a file that was passed over, a channel that is left out.
    pub notes: Vec<String>,
    /// What is declared where, for lint.
    pub outline: Outline,
}

/// Reads a folder.
///
/// # Errors
/// Where there is no such folder, or it cannot be listed. Whatever is wrong inside of it is among the problems.
pub fn load(path: &Path, env: Env<'_>, mode: Mode) -> Result<Loaded, FolderError> {
    let mut problems = Problems::new();
    let folder = Folder::read(path, &mut problems)?;
    let files = Files::parse(&folder, &mut problems);
    let reader = Reader { folder: path, env, lenient: mode == Mode::Lenient, fill: false };
    let (notes, outline) = (Vec::new(), Outline::default());
    let mut loading = Loading { files: &files, reader, mode, problems, notes, outline };
    let config = loading.config(&folder);
    let Loading { mut problems, mut notes, outline, .. } = loading;
    notes.extend(whole_is_above(path));
    if files.documents.is_empty() && !problems.has_errors() {
        notes.push(no_file(path));
    }
    let sources = folder.sources();
    problems.sort();
    let server = config.as_ref().map(|config| config.server.clone());
    let config = config.filter(|_| !problems.has_errors());
    Ok(Loaded { config, server, problems, sources, notes: [files.notes, notes].concat(), outline })
}

/// What to say where only a part of a configuration is read: the folder above holds the `bellwether.yaml`.
fn whole_is_above(folder: &Path) -> Option<String> {
    let here = folder.canonicalize().ok()?;
    let above = here.parent().filter(|above| above.join(MAIN).is_file() && !here.join(MAIN).is_file())?;
    Some(format!("the folder above holds a `{MAIN}`: for the whole configuration name `{}`", above.display()))
}

/// The file that the head of a configuration has by custom.
const MAIN: &str = "bellwether.yaml";

/// What to say of a folder without a file that says something to Bellwether.
#[must_use]
pub fn no_file(folder: &Path) -> String {
    let name = folder.display();
    format!(
        "no file in `{name}` is Bellwether's: name another folder, or write a small one with `bellwether init {name}`"
    )
}

/// The parsed files being read.
struct Loading<'a> {
    files: &'a Files,
    reader: Reader<'a>,
    mode: Mode,
    problems: Problems,
    notes: Vec<String>,
    outline: Outline,
}

impl Loading<'_> {
    fn config(&mut self, folder: &Folder) -> Option<Config> {
        self.outline.is_whole = !["sources", "channels", "checks", "route"].iter().any(|key| self.files.hides(key));
        let sources = self.sources();
        let channels = self.channels();
        let defaults = self.defaults();
        let self_alerts = self.self_alerts();
        let checks = self.checks(&sources, defaults);
        let dispatch = self.dispatch(&channels, &checks, self_alerts);
        let tests = self.tests(&channels);
        let (store, server, heartbeat) = (self.store(), self.server(), self.heartbeat());
        Some(Config {
            folder: folder.path.clone(),
            hash: folder.hash,
            files: self.files.documents.len(),
            checks,
            sources: sources.declared,
            channels: channels.declared,
            dispatch,
            self_alerts,
            tests,
            store,
            server: server?,
            heartbeat,
        })
    }

    fn dispatch(
        &mut self,
        channels: &decls::Names<ChannelDecl>,
        checks: &[Arc<Check>],
        self_alerts: crate::rules::SelfAlerts,
    ) -> dispatch::Config {
        let (calendars, silences) = (self.calendars(), self.silences());
        let section = self.files.once("route", &mut self.problems);
        let mut routing = Routing {
            reader: self.reader,
            channels: &channels.all,
            left_out: &channels.left_out,
            hides_channels: self.files.hides("channels"),
            calendars: &calendars,
            hides_calendars: self.files.hides("calendars"),
            problems: &mut self.problems,
            notes: &mut self.notes,
            outline: &mut self.outline,
        };
        let before = routing.problems.len();
        let route = section.map(|section| routing.tree(section));
        let is_right = routing.problems.len() == before && !section.is_some_and(|section| section.value.holds_broken());
        routing.outline.is_whole &= is_right;
        let mut inhibit: Vec<dispatch::Inhibit> =
            self.files.sections("inhibit").flat_map(|section| routing.inhibitions(section)).collect();
        inhibit.extend(links::parents(checks));
        inhibit.extend(self_alerts.source_unreachable.and_then(|_| links::source_unreachable()));
        self.outline.has_route = route.is_some();
        let channels = channels.declared.iter().map(|c| c.rules.clone()).collect();
        dispatch::Config { route, inhibit, silences, channels }
    }

    fn tests(&mut self, channels: &decls::Names<ChannelDecl>) -> Vec<cases::TestCase> {
        let mut found = Vec::new();
        let checks = self.outline.checks.iter().map(|check| (check.name.as_str(), check)).collect();
        let calendars = self.outline.calendars.iter().map(|calendar| &calendar.text);
        let holds = calendars.chain(&self.outline.silences_named).cloned().collect();
        for section in self.files.sections("tests") {
            let mut reader = CaseReader {
                reader: self.reader.filling(section.fill),
                checks: &checks,
                channels: &channels.all,
                hides: (self.files.hides("checks"), self.files.hides("channels")),
                holds: &holds,
                hides_holds: self.files.hides("calendars") || self.files.hides("silences"),
                problems: &mut self.problems,
            };
            let Some(nodes) = entries(section, reader.problems) else { continue };
            found.extend(nodes.into_iter().filter_map(|node| reader.case(section.source, node)));
        }
        found
    }
}

/// The entries of a section that is a list. One that is empty is told here, and is none.
fn entries<'a>(section: Section<'a>, problems: &mut Problems) -> Option<Vec<&'a Node>> {
    let key = section.key.text().unwrap_or("");
    if let Some(list) = section.value.list() {
        let (empty, written) = list.iter().partition(|node| matches!(node.kind, crate::config::NodeKind::Empty));
        let empty: Vec<&Node> = empty;
        for node in empty {
            let problem = Problem::error(format!("an entry of `{key}` has no value"));
            let help = "write it behind the `-`, or remove the `-`";
            problems.push(problem.at(section.source.place(node.span)).help(help));
        }
        return Some(written);
    }
    match section.value.kind {
        crate::config::NodeKind::Empty => {}
        crate::config::NodeKind::Broken => return None,
        _ => {
            let problem = Problem::error(format!("`{key}` is a list, and this is {}", section.value.noun()));
            let help = "begin each entry with `- `";
            problems.push(problem.at(section.source.place(section.value.span)).help(help));
        }
    }
    None
}
