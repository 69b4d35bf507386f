//! Stands before each route: lets in who may, and reads no more of a request than the route takes.

use super::access::{Access, Peer, Refusal, Role};
use super::api::problem;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

/// What a route is guarded by.
#[derive(Clone, Debug)]
pub struct Gate {
    pub access: Access,
    pub needs: Role,
}

/// Lets a request through to its route, or says why not.
pub async fn pass(State(gate): State<Gate>, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<Peer>().copied();
    match gate.access.admits(peer, request.headers(), gate.needs) {
        Ok(caller) => {
            if let Some(caller) = caller {
                request.extensions_mut().insert(caller);
            }
            next.run(request).await
        }
        Err(refusal) => refused(&refusal),
    }
}

fn refused(refusal: &Refusal) -> Response {
    let (status, why) = match refusal {
        Refusal::WrongToken => (StatusCode::UNAUTHORIZED, "this token is none of those in `server.tokens_file`"),
        Refusal::NoToken(why) => (StatusCode::UNAUTHORIZED, why.as_str()),
        Refusal::Role(why) => (StatusCode::FORBIDDEN, why.as_str()),
    };
    let mut response = problem(status, why);
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}
