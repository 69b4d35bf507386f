//! A connection that only reads, and that stops at a deadline.

use super::super::error::CollectError;
use super::super::limits::Limits;
use super::super::sql_text;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::{Connection, ErrorCode, OpenFlags, Statement};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How many steps of SQLite's machine lie between two looks at the clock: well below a millisecond.
const STEPS_BETWEEN_LOOKS: i32 = 4_000;

/// A connection with its authorizer, its deadline and the file that it has open.
pub(super) struct Guarded {
    connection: Connection,
    file: Option<FileId>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    deadline: Mutex<Option<(Instant, Duration)>>,
    /// What the authorizer denied last.
    denied: Mutex<Option<String>>,
}

/// Which file a path leads to: device and inode. `None` where the system does not tell.
pub(super) type FileId = (u64, u64);

/// The file that `path` leads to now.
pub(super) fn file_id(path: &Path) -> Result<Option<FileId>, CollectError> {
    let metadata = std::fs::metadata(path)
        .map_err(|e| CollectError::unreachable(format_args!("cannot open `{}`: {e}", path.display())))?;
    if metadata.is_dir() {
        return Err(CollectError::unreachable(format_args!("cannot open `{}`: it is a folder", path.display())));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        Ok(Some((metadata.dev(), metadata.ino())))
    }
    #[cfg(not(unix))]
    Ok(None)
}

/// Why a statement was left: SQLite's word or ours.
pub(super) enum Stop {
    Theirs(rusqlite::Error),
    Ours(CollectError),
}

impl From<rusqlite::Error> for Stop {
    fn from(error: rusqlite::Error) -> Stop {
        Stop::Theirs(error)
    }
}

impl From<CollectError> for Stop {
    fn from(error: CollectError) -> Stop {
        Stop::Ours(error)
    }
}

impl Guarded {
    pub(super) fn open(path: &Path, file: Option<FileId>, limits: Limits) -> Result<Guarded, CollectError> {
        let failed =
            |e: rusqlite::Error| CollectError::unreachable(format_args!("cannot open `{}`: {e}", path.display()));
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags).map_err(failed)?;
        connection.pragma_update(None, "query_only", true).map_err(failed)?;
        // One cell can be no longer than a whole answer.
        let length_max = i32::try_from(limits.bytes_max).unwrap_or(i32::MAX);
        connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, length_max).map_err(failed)?;
        let shared = Arc::new(Shared::default());
        let asked = Arc::clone(&shared);
        connection.authorizer(Some(move |context: AuthContext<'_>| asked.judge(context.action))).map_err(failed)?;
        let asked = Arc::clone(&shared);
        connection.progress_handler(STEPS_BETWEEN_LOOKS, Some(move || asked.is_late())).map_err(failed)?;
        Ok(Guarded { connection, file, shared })
    }

    /// Whether it has this very file open.
    pub(super) fn is_of(&self, file: Option<FileId>) -> bool {
        file.is_some() && self.file == file
    }

    pub(super) fn set_deadline(&self, started: Instant, timeout: Duration) {
        *lock(&self.shared.deadline) = Some((started, timeout));
        // Fails for a closed connection only, and then the statement says so.
        let _ = self.connection.busy_timeout(timeout);
    }

    /// Prepares the query and lets `read` use it.
    pub(super) fn run<T>(
        &self,
        query: &str,
        read: impl FnOnce(&mut Statement<'_>) -> Result<T, Stop>,
    ) -> Result<T, CollectError> {
        *lock(&self.shared.denied) = None;
        let answer = self.connection.prepare(query).map_err(Stop::from).and_then(|mut statement| read(&mut statement));
        answer.map_err(|stop| match stop {
            Stop::Ours(error) => error,
            Stop::Theirs(error) => self.explain(&error),
        })
    }

    fn explain(&self, error: &rusqlite::Error) -> CollectError {
        if let Some(denied) = lock(&self.shared.denied).take() {
            return CollectError::refused(format_args!("the query is refused, for a source is only read: {denied}"));
        }
        match error {
            rusqlite::Error::MultipleStatement => {
                return CollectError::refused("the query holds several statements: write one");
            }
            rusqlite::Error::Empty => return CollectError::refused("the query is empty: write a SELECT"),
            rusqlite::Error::SqlInputError { msg, sql, offset, .. } => {
                let at = sql_text::line_and_column(sql, usize::try_from(*offset).unwrap_or(0));
                return CollectError::refused(format_args!("the query is refused: {msg} ({at})"));
            }
            _ => {}
        }
        match error.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) => {
                let timeout = lock(&self.shared.deadline).map_or(Duration::ZERO, |(_, timeout)| timeout);
                CollectError::too_late("the query", timeout)
            }
            Some(ErrorCode::TooBig) => CollectError::limit(
                "a cell has more bytes than a whole answer may have (`max_bytes` of the source): ask for less, or raise it",
            ),
            Some(
                ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::CannotOpen
                | ErrorCode::NotADatabase
                | ErrorCode::DatabaseCorrupt
                | ErrorCode::SystemIoFailure
                | ErrorCode::PermissionDenied,
            ) => CollectError::unreachable(format_args!("the file cannot be read: {error}")),
            _ => CollectError::refused(format_args!("the query is refused: {error}")),
        }
    }
}

impl Shared {
    fn is_late(&self) -> bool {
        lock(&self.deadline).is_some_and(|(started, timeout)| started.elapsed() >= timeout)
    }

    fn judge(&self, action: AuthAction<'_>) -> Authorization {
        match denial(action) {
            None => Authorization::Allow,
            Some(denied) => {
                lock(&self.denied).get_or_insert(denied);
                Authorization::Deny
            }
        }
    }
}

/// What is wrong with an action; reading is right.
fn denial(action: AuthAction<'_>) -> Option<String> {
    match action {
        AuthAction::Function { function_name } if function_name.eq_ignore_ascii_case("load_extension") => {
            Some("it loads an extension".to_owned())
        }
        // Full-text tables ask for `data_version` themselves.
        AuthAction::Pragma { pragma_name: "data_version", pragma_value: None }
        | AuthAction::Select
        | AuthAction::Read { .. }
        | AuthAction::Function { .. }
        | AuthAction::Recursive => None,
        AuthAction::Pragma { pragma_name, .. } => Some(format!("it holds `PRAGMA {pragma_name}`")),
        AuthAction::Attach { .. } => Some("it attaches another file; make that a source of its own".to_owned()),
        AuthAction::Insert { table_name }
        | AuthAction::Update { table_name, .. }
        | AuthAction::Delete { table_name }
            if table_name.starts_with("sqlite_") =>
        {
            Some("it changes the schema".to_owned())
        }
        AuthAction::Insert { table_name } => Some(format!("it inserts into `{table_name}`")),
        AuthAction::Update { table_name, .. } => Some(format!("it updates `{table_name}`")),
        AuthAction::Delete { table_name } => Some(format!("it deletes from `{table_name}`")),
        AuthAction::Transaction { .. } | AuthAction::Savepoint { .. } => Some("it is a transaction".to_owned()),
        _ => Some("it changes the schema or the connection".to_owned()),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
