//! What BigQuery's errors mean: <https://cloud.google.com/bigquery/docs/error-messages>.

use super::super::error::CollectError;
use super::super::google::Failure;
use super::SERVICE;
use serde_json::Value as Json;

/// A refused request, as the check is told of it.
pub(super) fn explain(failure: Failure) -> CollectError {
    let said = failure.message.trim_end_matches('.');
    match (failure.http, failure.reason.as_str()) {
        // Whoever may not run jobs may ask nothing; a table that may not be read is one check's.
        (Some(403), "accessDenied") if !said.contains("Access Denied: Project") => access_denied(said),
        (Some(400 | 404), reason) => of_reason(reason, said),
        _ => failure.error,
    }
}

/// An answer may say 200 and carry errors. With rows they are warnings; without, nobody knows whether there are none.
pub(super) fn beside_no_rows(answer: &Json) -> Result<(), CollectError> {
    let rows = answer.get("rows").and_then(Json::as_array).map_or(0, Vec::len);
    let errors = answer.get("errors").and_then(Json::as_array).and_then(|errors| errors.first());
    let Some(error) = errors.filter(|_| rows == 0) else { return Ok(()) };
    let text = |key| error.get(key).and_then(Json::as_str).unwrap_or_default();
    let said = if text("message").is_empty() { "an error without words" } else { text("message") };
    Err(of_reason(text("reason"), said.trim_end_matches('.')))
}

fn of_reason(reason: &str, said: &str) -> CollectError {
    match reason {
        "bytesBilledLimitExceeded" => CollectError::limit(format_args!(
            "the query would bill more than `max_bytes_billed` of the source: {said}: ask for fewer columns or partitions, or raise it"
        )),
        "responseTooLarge" | "resourcesExceeded" => {
            CollectError::limit(format_args!("the query is too large for BigQuery: {said}: aggregate or filter in it"))
        }
        "notFound" => CollectError::refused(format_args!(
            "BigQuery does not know what is asked for: {said}: look at the names, and at `project`, `dataset` and `location` of the source"
        )),
        "accessDenied" => access_denied(said),
        "stopped" => CollectError::unreachable(format_args!("the query was stopped at BigQuery: {said}")),
        "timeout"
        | "backendError"
        | "internalError"
        | "jobBackendError"
        | "jobInternalError"
        | "rateLimitExceeded"
        | "jobRateLimitExceeded"
        | "quotaExceeded"
        | "blocked"
        | "billingNotEnabled" => {
            CollectError::unreachable(format_args!("BigQuery cannot run the query now ({reason}): {said}"))
        }
        _ => CollectError::refused(format_args!("the query is refused: {said}")),
    }
}

fn access_denied(said: &str) -> CollectError {
    CollectError::refused(format_args!("BigQuery refuses access: {said}: grant {}", SERVICE.role))
}
