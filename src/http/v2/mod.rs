//! Alertmanager's API v2, so that what sends to an Alertmanager sends to us, and what asks one asks us.
//!
//! Source: the OpenAPI document of Alertmanager 0.25 to 0.28 (`api/v2/openapi.yaml`). An error is a JSON text.

mod query;
mod send;
mod silences;

use super::access::Role;
use super::api::{self, Route};
use super::query::Pairs;
use crate::runtime::handle::{Handle, NoAnswer};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use serde::Serialize;

/// What may be sent at once: some tens of thousands of alerts.
const BODY_MAX: usize = 32 << 20;

/// Every route there is.
pub fn routes() -> Vec<Route> {
    vec![
        ("/api/v2/alerts", "get", Role::Read, get(alerts)),
        ("/api/v2/alerts", "post", Role::Silence, post(receive).layer(DefaultBodyLimit::max(BODY_MAX))),
        ("/api/v2/alerts/groups", "get", Role::Read, get(groups)),
        ("/api/v2/receivers", "get", Role::Read, get(receivers)),
        ("/api/v2/silence/{id}", "delete", Role::Silence, delete(silences::expire)),
        ("/api/v2/silence/{id}", "get", Role::Read, get(silences::one)),
        ("/api/v2/silences", "get", Role::Read, get(silences::list)),
        ("/api/v2/silences", "post", Role::Silence, post(silences::put)),
        ("/api/v2/status", "get", Role::Read, get(status)),
        ("/-/healthy", "get", Role::Anyone, get(api::healthz)),
        ("/-/ready", "get", Role::Anyone, get(api::readyz)),
    ]
}

async fn receive(State(handle): State<Handle>, body: Bytes) -> Response {
    let parsed = match send::parse(&body) {
        Ok(parsed) => parsed,
        Err(why) => return problem(StatusCode::BAD_REQUEST, &why),
    };
    match handle.receive(parsed.alerts).await {
        Err(none) => json::<()>(Err(none)),
        Ok(Err(why)) => problem(StatusCode::SERVICE_UNAVAILABLE, &why),
        // As Alertmanager: those that are right were taken all the same.
        Ok(Ok(())) => match parsed.wrong {
            Some(why) => problem(StatusCode::BAD_REQUEST, &why),
            None => StatusCode::OK.into_response(),
        },
    }
}

async fn alerts(State(handle): State<Handle>, Query(pairs): Query<Pairs>) -> Response {
    match query::alerts(pairs) {
        Ok(filter) => json(handle.v2_alerts(filter).await),
        Err(why) => problem(StatusCode::BAD_REQUEST, &why),
    }
}

async fn groups(State(handle): State<Handle>, Query(pairs): Query<Pairs>) -> Response {
    match query::alerts(pairs) {
        Ok(filter) => json(handle.v2_groups(filter).await),
        Err(why) => problem(StatusCode::BAD_REQUEST, &why),
    }
}

async fn receivers(State(handle): State<Handle>) -> Response {
    json(handle.v2_receivers().await)
}

async fn status(State(handle): State<Handle>) -> Response {
    json(handle.v2_status().await)
}

fn json<T: Serialize>(answer: Result<T, NoAnswer>) -> Response {
    let Ok(value) = answer else {
        let busy = "the daemon is starting, stopping or busy: try again";
        return (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "1")], Json(busy)).into_response();
    };
    Json(value).into_response()
}

fn problem(status: StatusCode, why: &str) -> Response {
    (status, Json(why)).into_response()
}

#[cfg(test)]
mod tests;
