//! Breakers that a person resets.

use super::api::{Problem, json};
use crate::runtime::handle::Handle;
use crate::runtime::views::ResetBreaker;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// What was reset.
#[derive(Serialize)]
struct Reset {
    reset: String,
    /// As they were before: a channel, a source, or both.
    breakers: Vec<ResetBreaker>,
}

pub async fn reset(State(handle): State<Handle>, Path(name): Path<String>) -> Response {
    match handle.reset_breaker(name.clone()).await {
        Ok(Ok(breakers)) => Json(Reset { reset: name, breakers }).into_response(),
        Ok(Err(why)) => (StatusCode::NOT_FOUND, Json(Problem { error: &why })).into_response(),
        Err(none) => json::<()>(Err(none)),
    }
}
