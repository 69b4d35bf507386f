//! Stands before each route: lets in who may, as often as they may, and reads no more of a request than the route takes.

use super::access::{Peer, Refusal, Role};
use super::api::problem;
use super::doors::Doors;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use futures_util::StreamExt as _;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;
use tokio::time::timeout;

/// The longest body of what people and commands send, in bytes.
pub const BODY_MAX: usize = 1 << 20;
/// The longest body of alerts: some tens of thousands of them.
pub const ALERTS_BODY_MAX: usize = 32 << 20;
/// Where alerts are sent to.
const ALERTS: &str = "/api/v2/alerts";
/// How long a body may take.
const BODY_PATIENCE: Duration = Duration::from_secs(30);

/// What a route is guarded by.
#[derive(Clone, Debug)]
pub struct Gate {
    pub doors: Doors,
    pub needs: Role,
}

/// Lets a request through to its route, or says why not. Who asks whether the daemon lives is never counted.
pub async fn pass(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    if gate.needs == Role::Anyone {
        return next.run(request).await;
    }
    let request = gate.admitted(request);
    match request.map(|request| gate.whole(request)) {
        Ok(reading) => match reading.await {
            Ok(request) => next.run(request).await,
            Err(refused) => refused,
        },
        Err(refused) => refused,
    }
}

impl Gate {
    /// The request of who may, with its [`super::access::Caller`].
    #[expect(clippy::result_large_err, reason = "a response is what it comes to, once a request")]
    fn admitted(&self, mut request: Request) -> Result<Request, Response> {
        let peer = request.extensions().get::<Peer>().copied();
        let from = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0);
        if !peer.is_some_and(|peer| peer.is_local(request.headers())) {
            self.doors.request(from).map_err(|wait| self.too_many(wait, "too many requests from this address"))?;
        }
        let admitted = self.doors.access().admits(peer, request.headers(), self.needs);
        let caller = admitted.map_err(|refusal| self.refused(&refusal, from, request.uri().path()))?;
        if let Some(caller) = caller {
            if !request.method().is_safe() {
                self.doors.telemetry().ordered(&caller.0, request.method().as_str(), request.uri().path());
            }
            request.extensions_mut().insert(caller);
        }
        Ok(request)
    }

    fn refused(&self, refusal: &Refusal, from: IpAddr, path: &str) -> Response {
        let (reason, status, why) = match refusal {
            Refusal::WrongToken => {
                if let Err(wait) = self.doors.wrong_token(from) {
                    return self.too_many(wait, "too many wrong tokens from this address");
                }
                self.doors.telemetry().wrong_token(from, path);
                ("token", StatusCode::UNAUTHORIZED, "this token is none of those in `server.tokens_file`")
            }
            Refusal::NoToken(why) => ("no_token", StatusCode::UNAUTHORIZED, why.as_str()),
            Refusal::Role(why) => ("role", StatusCode::FORBIDDEN, why.as_str()),
        };
        self.doors.telemetry().request_refused(reason);
        let mut response = problem(status, why);
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }

    fn too_many(&self, wait: Duration, what: &str) -> Response {
        self.doors.telemetry().request_refused("rate");
        let seconds = wait.as_secs() + 1;
        let mut response = problem(StatusCode::TOO_MANY_REQUESTS, &format!("{what}: ask again in {seconds}s"));
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        response
    }

    /// The request with all of its body, where that is not too long and comes in time.
    async fn whole(&self, request: Request) -> Result<Request, Response> {
        if [Method::GET, Method::HEAD].contains(request.method()) {
            return Ok(request);
        }
        let max = if request.uri().path() == ALERTS { ALERTS_BODY_MAX } else { BODY_MAX };
        let (parts, body) = request.into_parts();
        let announced = parts.headers.get(header::CONTENT_LENGTH).and_then(|n| n.to_str().ok()?.parse::<u64>().ok());
        if announced.is_some_and(|bytes| u64::try_from(max).is_ok_and(|max| max < bytes)) {
            return Err(self.too_long(max));
        }
        let mut stream = body.into_data_stream();
        let read = timeout(BODY_PATIENCE, async {
            let mut bytes = Vec::new();
            while let Some(chunk) = stream.next().await {
                let chunk = chunk.map_err(|_| problem(StatusCode::BAD_REQUEST, "the body cannot be read"))?;
                if max < bytes.len() + chunk.len() {
                    return Err(self.too_long(max));
                }
                bytes.extend_from_slice(&chunk);
            }
            Ok(bytes)
        });
        let late = |_| problem(StatusCode::REQUEST_TIMEOUT, "the body took longer than 30s");
        Ok(Request::from_parts(parts, Body::from(read.await.map_err(late)??)))
    }

    fn too_long(&self, max: usize) -> Response {
        self.doors.telemetry().request_refused("body");
        problem(StatusCode::PAYLOAD_TOO_LARGE, &format!("the body is longer than {max} bytes"))
    }
}
