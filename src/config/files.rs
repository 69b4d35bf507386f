//! A configuration's folder: which files it holds, each read once.

use std::collections::BTreeSet;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::diagnostic::{Problem, Problems};
use super::source::{Place, Source, Sources};
use super::tree::{FILE_BYTES_MAX, too_large};

/// How many files and folders are looked at before it is taken for the wrong folder.
pub const ENTRIES_MAX: usize = 100_000;

/// What a folder held at one moment.
#[derive(Clone, Debug)]
pub struct Folder {
    /// As it was named on the command line.
    pub path: PathBuf,
    /// Ordered by their paths.
    pub files: Vec<Arc<Source>>,
    /// Of the names and the contents of all files, unreadable ones too: the same number means that nothing changed.
    pub hash: u64,
}

impl Folder {
    /// Reads every `*.yaml` and `*.yml` under a folder. Links are followed, names that begin with `.` passed over; a
    /// file that is reached twice is read once. A file that cannot be read is among the problems.
    ///
    /// # Errors
    /// Where there is no such folder, or it cannot be listed.
    pub fn read(path: &Path, problems: &mut Problems) -> Result<Folder, FolderError> {
        let mut walk = Walk::new(path)?;
        walk.list(path, "")?;
        walk.found.sort();
        let mut folder = Folder { path: path.to_owned(), files: Vec::new(), hash: 0 };
        let mut hasher = DefaultHasher::new();
        for relative in walk.found {
            let name = shown(path, &relative);
            let read = read_file(&path.join(&relative), &name);
            relative.hash(&mut hasher);
            match read {
                Ok(text) => {
                    text.hash(&mut hasher);
                    folder.files.push(Arc::new(Source::new(&name, &relative, text)));
                }
                Err(problem) => {
                    problem.message.hash(&mut hasher);
                    problems.push(problem);
                }
            }
        }
        for problem in walk.unreadable {
            problem.message.hash(&mut hasher);
            problems.push(problem);
        }
        folder.hash = hasher.finish();
        Ok(folder)
    }

    /// The files by name, for those who show lines of them.
    #[must_use]
    pub fn sources(&self) -> Sources {
        self.files.iter().collect()
    }
}

/// Why a folder could not be read at all.
#[derive(Debug, PartialEq, Eq)]
pub enum FolderError {
    /// There is none. `lint` ends with 2.
    Missing(PathBuf),
    /// It is a file.
    NotAFolder(PathBuf),
    Unreadable(PathBuf, String),
    /// It holds more than [`ENTRIES_MAX`] files and folders.
    TooLarge(PathBuf),
}

impl std::fmt::Display for FolderError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            FolderError::Missing(path) => write!(f, "there is no folder `{}`", path.display()),
            FolderError::NotAFolder(path) => {
                write!(f, "`{}` is a file: name the folder that holds the configuration", path.display())
            }
            FolderError::Unreadable(path, why) => write!(f, "cannot read the folder `{}`: {why}", path.display()),
            FolderError::TooLarge(path) => write!(
                f,
                "`{}` holds more than {ENTRIES_MAX} files and folders: name the folder that holds the configuration",
                path.display()
            ),
        }
    }
}

impl std::error::Error for FolderError {}

struct Walk<'a> {
    root: &'a Path,
    found: Vec<String>,
    unreadable: Vec<Problem>,
    /// What was reached, without links: a file linked twice counts once, and a folder that holds itself ends.
    seen: BTreeSet<PathBuf>,
    entries: usize,
}

impl<'a> Walk<'a> {
    fn new(root: &'a Path) -> Result<Walk<'a>, FolderError> {
        match fs::metadata(root) {
            Ok(meta) if meta.is_dir() => {}
            Ok(_) => return Err(FolderError::NotAFolder(root.to_owned())),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Err(FolderError::Missing(root.to_owned())),
            Err(e) => return Err(FolderError::Unreadable(root.to_owned(), e.to_string())),
        }
        let seen = fs::canonicalize(root).into_iter().collect();
        Ok(Walk { root, found: Vec::new(), unreadable: Vec::new(), seen, entries: 0 })
    }

    fn list(&mut self, folder: &Path, relative: &str) -> Result<(), FolderError> {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(e) if relative.is_empty() => return Err(FolderError::Unreadable(folder.to_owned(), e.to_string())),
            Err(e) => {
                self.cannot_read(relative, &e);
                return Ok(());
            }
        };
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|n| !n.starts_with('.'))
            .collect();
        names.sort();
        self.entries += names.len();
        if ENTRIES_MAX < self.entries {
            return Err(FolderError::TooLarge(self.root.to_owned()));
        }
        for name in names {
            let below = if relative.is_empty() { name.clone() } else { format!("{relative}/{name}") };
            self.entry(&folder.join(&name), &name, &below)?;
        }
        Ok(())
    }

    fn entry(&mut self, path: &Path, name: &str, relative: &str) -> Result<(), FolderError> {
        let is_yaml = [".yaml", ".yml"].iter().any(|end| name.ends_with(end));
        let meta = match fs::metadata(path) {
            Ok(meta) => meta,
            Err(e) if is_yaml => {
                self.cannot_read(relative, &e);
                return Ok(());
            }
            Err(_) => return Ok(()),
        };
        if !meta.is_dir() && !is_yaml {
            return Ok(());
        }
        if !fs::canonicalize(path).is_ok_and(|real| self.seen.insert(real)) {
            return Ok(());
        }
        if meta.is_dir() {
            return self.list(path, relative);
        }
        self.found.push(relative.to_owned());
        Ok(())
    }

    fn cannot_read(&mut self, relative: &str, error: &std::io::Error) {
        self.unreadable.push(cannot_read(&shown(self.root, relative), error));
    }
}

fn cannot_read(name: &str, error: &std::io::Error) -> Problem {
    Problem::error(format!("cannot read `{name}`: {error}")).at(Place::file(name))
}

/// A file's path as it opens from where the program was started.
fn shown(root: &Path, relative: &str) -> String {
    let root = root.strip_prefix(".").unwrap_or(root);
    root.join(relative).to_string_lossy().into_owned()
}

fn read_file(path: &Path, name: &str) -> Result<String, Problem> {
    let fail = |e: std::io::Error| cannot_read(name, &e);
    // A pipe or a device would be waited for.
    if !fs::metadata(path).map_err(fail)?.is_file() {
        return Err(Problem::error(format!("`{name}` is not a file")).at(Place::file(name)));
    }
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(fail)?;
    file.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(fail)?;
    if FILE_BYTES_MAX < bytes.len() {
        return Err(too_large(name));
    }
    decode(bytes, name)
}

fn decode(bytes: Vec<u8>, name: &str) -> Result<String, Problem> {
    let error = match String::from_utf8(bytes) {
        Ok(text) => return Ok(text),
        Err(error) => error,
    };
    let at = error.utf8_error().valid_up_to();
    let before = String::from_utf8_lossy(&error.as_bytes()[..at]).into_owned();
    let byte = error.as_bytes()[at];
    let place = Source::new(name, name, before).place(super::source::Span::new(at, at));
    Err(Problem::error(format!("the file is not UTF-8: byte 0x{byte:02X}")).at(place).help("save it as UTF-8"))
}
