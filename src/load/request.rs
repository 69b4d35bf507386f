//! What a check asks of a source.

use crate::collectors::Request;
use crate::config::Settings;
use crate::model::Timestamp;
use crate::rules::Check;
use std::sync::Arc;

/// What a check asks of a source in a slot: `collect` is the check's own, or that of its fallback.
#[must_use]
pub fn request(check: &Check, collect: &Arc<Settings>, now: Timestamp) -> Request {
    Request {
        collect: Arc::clone(collect),
        params: Arc::clone(&check.params),
        columns: check.columns.clone(),
        now,
        timeout: check.timeout,
        check: Arc::clone(&check.name),
    }
}
