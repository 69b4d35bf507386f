//! The routes.

use super::access::Role;
use super::breakers;
use super::doors::Doors;
use super::drill;
use super::gate::{self, Gate};
use super::guard::{self, Guard};
use super::query::{self, Pairs};
use super::silences;
use super::v2;
use crate::runtime::handle::{Handle, NoAnswer};
use crate::runtime::views::why::NoAlert;
use crate::telemetry;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get, post};
use axum::{Json, Router, middleware};
use serde::Serialize;

/// Described by this document, which a test keeps true.
const OPENAPI: &str = include_str!("../../docs/openapi.json");

/// Path, method, the role that it needs, and what answers.
pub type Route = (&'static str, &'static str, Role, MethodRouter<Handle>);

/// Every route there is. What only shows needs `Read`; what changes who is told of what, `Silence`; what changes the
/// daemon, `Admin`. `Anyone` is for what a load balancer asks, and tells nothing.
pub fn routes() -> [Route; 16] {
    [
        ("/healthz", "get", Role::Anyone, get(healthz)),
        ("/readyz", "get", Role::Anyone, get(readyz)),
        ("/metrics", "get", Role::Read, get(metrics)),
        ("/-/reload", "post", Role::Admin, post(reload)),
        ("/api/v1/alerts", "get", Role::Read, get(alerts)),
        ("/api/v1/checks", "get", Role::Read, get(checks)),
        ("/api/v1/undelivered", "get", Role::Read, get(undelivered)),
        ("/api/v1/status", "get", Role::Read, get(status)),
        ("/api/v1/silences", "get", Role::Read, get(silences::list)),
        ("/api/v1/silences", "post", Role::Silence, post(silences::put)),
        ("/api/v1/silences/{id}", "get", Role::Read, get(silences::one)),
        ("/api/v1/silences/{id}", "delete", Role::Silence, delete(silences::expire)),
        ("/api/v1/why", "get", Role::Read, get(why)),
        ("/api/v1/breakers/{name}/reset", "post", Role::Admin, post(breakers::reset)),
        ("/api/v1/drill", "post", Role::Admin, post(drill::order)),
        ("/api/v1/openapi.json", "get", Role::Read, get(openapi)),
    ]
}

pub fn router(handle: Handle, guard: Guard, doors: &Doors) -> Router {
    let add = |router: Router<Handle>, (path, _, needs, answer): Route| {
        let gate = Gate { doors: doors.clone(), needs };
        router.route(path, answer.route_layer(middleware::from_fn_with_state(gate, gate::pass)))
    };
    let router = routes().into_iter().chain(v2::routes()).fold(Router::new(), add);
    router.layer(middleware::from_fn_with_state(guard, guard::watch)).with_state(handle)
}

pub async fn healthz(State(handle): State<Handle>) -> Response {
    if handle.is_alive() { "ok\n".into_response() } else { unavailable("the loop has not turned for a minute") }
}

pub async fn readyz(State(handle): State<Handle>) -> Response {
    if handle.is_ready() { "ok\n".into_response() } else { unavailable("starting or stopping") }
}

async fn metrics(State(handle): State<Handle>) -> Response {
    ([(header::CONTENT_TYPE, telemetry::CONTENT_TYPE)], handle.metrics().await).into_response()
}

async fn reload(State(handle): State<Handle>) -> Response {
    match handle.reload().await {
        Ok(Ok(reloaded)) => Json(reloaded).into_response(),
        Ok(Err(why)) => (StatusCode::BAD_REQUEST, format!("{why}\n")).into_response(),
        Err(none) => json::<()>(Err(none)),
    }
}

async fn alerts(State(handle): State<Handle>, Query(pairs): Query<Pairs>) -> Response {
    match query::alerts(pairs) {
        Ok(filter) => json(handle.alerts(filter).await),
        Err(why) => bad_request(&why),
    }
}

async fn checks(State(handle): State<Handle>, Query(pairs): Query<Pairs>) -> Response {
    match query::checks(pairs) {
        Ok(filter) => json(handle.checks(filter).await),
        Err(why) => bad_request(&why),
    }
}

async fn undelivered(State(handle): State<Handle>, Query(pairs): Query<Pairs>) -> Response {
    match query::part(pairs) {
        Ok(part) => json(handle.undelivered(part).await),
        Err(why) => bad_request(&why),
    }
}

async fn status(State(handle): State<Handle>) -> Response {
    json(handle.status().await)
}

async fn why(State(handle): State<Handle>, Query(pairs): Query<Pairs>) -> Response {
    let filter = match query::why(pairs) {
        Ok(filter) => filter,
        Err(why) => return bad_request(&why),
    };
    match handle.why(filter).await {
        Ok(Ok(why)) => Json(why).into_response(),
        Ok(Err(NoAlert::Unclear(why))) => bad_request(&why),
        Ok(Err(NoAlert::Unknown(why))) => (StatusCode::NOT_FOUND, Json(Problem { error: &why })).into_response(),
        Err(none) => json::<()>(Err(none)),
    }
}

async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], OPENAPI).into_response()
}

/// What went wrong, as JSON.
#[derive(Serialize)]
pub struct Problem<'a> {
    pub error: &'a str,
}

pub(super) fn json<T: Serialize>(answer: Result<T, NoAnswer>) -> Response {
    let Ok(value) = answer else {
        let problem = Problem { error: "the daemon is starting, stopping or busy: try again" };
        return (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "1")], Json(problem)).into_response();
    };
    Json(value).into_response()
}

pub(super) fn bad_request(why: &str) -> Response {
    problem(StatusCode::BAD_REQUEST, why)
}

/// A refusal with its reason, as JSON.
pub fn problem(status: StatusCode, why: &str) -> Response {
    (status, Json(Problem { error: why })).into_response()
}

fn unavailable(why: &str) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response()
}
