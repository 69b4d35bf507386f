//! A file that is made from a script where it is not there.

use super::super::error::CollectError;
use super::super::sql_text;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::{Connection, ErrorCode};
use std::fmt::Display;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{fs, io};

/// A script is an example's, written by hand: a larger one is a dump, for the `sqlite3` program to read.
const SCRIPT_BYTES_MAX: u64 = 16 << 20;

/// How many steps of SQLite's machine lie between two looks at the clock.
const STEPS_BETWEEN_LOOKS: i32 = 4_000;

/// Makes `path` from `script` where nothing is there. Whatever is there stays as it is, and a file that is half made
/// is never there: it is made under another name, and gets its own when it is whole.
///
/// # Errors
/// Where the script cannot be read, is refused, or has not ended `timeout` after `started`; then there is no file.
pub(super) fn make(path: &Path, script: &Path, started: Instant, timeout: Duration) -> Result<(), CollectError> {
    if path.symlink_metadata().is_ok() {
        return Ok(());
    }
    let text = read(script).map_err(|e| failed(path, script, e))?;
    let unfinished = Unfinished::beside(path);
    run(&unfinished.0, &text, started, timeout).map_err(|why| failed(path, script, why))?;
    fs::File::open(&unfinished.0).and_then(|file| file.sync_all()).map_err(|e| failed(path, script, e))?;
    // A link, not a renaming: that would replace a file that somebody else made in the meantime.
    match fs::hard_link(&unfinished.0, path) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(failed(path, script, e)),
        _ => Ok(()),
    }
}

fn failed(path: &Path, script: &Path, why: impl Display) -> CollectError {
    CollectError::unreachable(format_args!("cannot make `{}` from `{}`: {why}", path.display(), script.display()))
}

fn read(script: &Path) -> io::Result<String> {
    let mut text = String::new();
    fs::File::open(script)?.take(SCRIPT_BYTES_MAX + 1).read_to_string(&mut text)?;
    if SCRIPT_BYTES_MAX < text.len() as u64 {
        return Err(io::Error::other("the script is larger than 16 MiB"));
    }
    Ok(text)
}

/// A file that goes away when this does.
struct Unfinished(PathBuf);

impl Unfinished {
    /// One process makes one file at a time, so its number makes the name its own.
    fn beside(path: &Path) -> Unfinished {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{}.unfinished", std::process::id()));
        let unfinished = Unfinished(PathBuf::from(name));
        unfinished.remove();
        unfinished
    }

    fn remove(&self) {
        // What is not there, or cannot be removed, is no file of the configuration: nobody reads it.
        let _ = fs::remove_file(&self.0);
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        self.remove();
    }
}

fn run(file: &Path, script: &str, started: Instant, timeout: Duration) -> Result<(), String> {
    let said = |error: rusqlite::Error| explain(&error, script, timeout);
    let mut connection = Connection::open(file).map_err(said)?;
    // Nobody else has it, and one that is not whole is thrown away: no journal is left behind, and no statement waits
    // for the disk.
    connection.pragma_update(None, "journal_mode", "MEMORY").map_err(said)?;
    connection.pragma_update(None, "synchronous", "OFF").map_err(said)?;
    connection.authorizer(Some(judge)).map_err(said)?;
    let is_late = move || started.elapsed() >= timeout;
    connection.progress_handler(STEPS_BETWEEN_LOOKS, Some(is_late)).map_err(said)?;
    connection.execute_batch(script).map_err(said)?;
    if !connection.is_autocommit() {
        return Err("it ends within a transaction: add COMMIT".to_owned());
    }
    connection.close().map_err(|(_, error)| said(error))
}

/// A script has its own file and no other.
fn judge(context: AuthContext<'_>) -> Authorization {
    match context.action {
        AuthAction::Attach { .. } | AuthAction::Detach { .. } => Authorization::Deny,
        AuthAction::Function { function_name } if function_name.eq_ignore_ascii_case("load_extension") => {
            Authorization::Deny
        }
        _ => Authorization::Allow,
    }
}

fn explain(error: &rusqlite::Error, script: &str, timeout: Duration) -> String {
    if let rusqlite::Error::SqlInputError { msg, sql, offset, .. } = error {
        // What SQLite was handed is the rest of the script.
        let at = script.len().saturating_sub(sql.len()) + usize::try_from(*offset).unwrap_or(0);
        let at = sql_text::line_and_column(script, at.min(script.len()));
        return format!("{msg} ({})", at.replace("the query", "the script"));
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::OperationInterrupted) => format!("it did not end within {timeout:?}"),
        Some(ErrorCode::AuthorizationForStatementDenied) => {
            "it attaches another file or loads an extension, and a script has its own file alone".to_owned()
        }
        _ => error.to_string(),
    }
}
