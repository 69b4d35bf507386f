//! What a failure of PostgreSQL, or of the way there, is.

use crate::model::FailureClass;
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

/// By the class of SQLSTATE: <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
pub(super) fn class(state: &SqlState) -> FailureClass {
    match state.code().get(..2) {
        Some("28") => FailureClass::Unauthorised,
        Some("08") => FailureClass::Lost,
        // It has no more connections, disk or memory to give.
        Some("53") => FailureClass::RateLimited,
        _ => FailureClass::ServerError,
    }
}

/// Whether the connection was lost.
pub(super) fn is_io(error: &Error) -> bool {
    std::error::Error::source(error).is_some_and(<dyn std::error::Error>::is::<std::io::Error>)
}
