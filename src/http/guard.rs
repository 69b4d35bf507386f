//! Keeps web pages from reaching the daemon through the browser of somebody who may.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// What is known of how people reach the daemon.
#[derive(Clone, Debug)]
pub struct Guard(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    loopback: bool,
    /// The host of `server.url`.
    own: Option<String>,
}

impl Guard {
    /// `url` is `server.url`, by which a proxy may pass requests on.
    #[must_use]
    pub fn new(listen: SocketAddr, url: Option<&str>) -> Guard {
        let own = url.and_then(|u| Some(host_of(u.split_once("://")?.1.split('/').next()?).to_ascii_lowercase()));
        Guard(Arc::new(Inner { loopback: listen.ip().is_loopback(), own }))
    }

    /// Why a request with these headers is refused, where it is.
    fn refuses(&self, headers: &HeaderMap) -> Option<&'static str> {
        let text = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or(""));
        let host = text(header::HOST).unwrap_or("");
        // A page that made its own name point here (DNS rebinding) is told apart by the name.
        if self.0.loopback && !self.is_own(host_of(host)) {
            return Some("this name is not ours: ask by address or `localhost`, or set `server: { url: … }`");
        }
        if text(header::ORIGIN).is_some_and(|origin| origin.split_once("://").map(|(_, rest)| rest) != Some(host)) {
            return Some("requests of other web pages are refused");
        }
        let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
        (site == Some(b"cross-site")).then_some("requests of other web pages are refused")
    }

    fn is_own(&self, host: &str) -> bool {
        is_address(host) || self.0.own.as_deref() == Some(&host.to_ascii_lowercase())
    }
}

/// Whether the `Host` of a request is an address or `localhost`, which nobody else's page, and no proxy, has for a name.
pub(super) fn is_by_address(headers: &HeaderMap) -> bool {
    headers.get(header::HOST).and_then(|host| host.to_str().ok()).is_some_and(|host| is_address(host_of(host)))
}

fn is_address(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok()
}

/// `host:port` without the port and without brackets.
fn host_of(authority: &str) -> &str {
    if let Some(rest) = authority.strip_prefix('[') {
        return rest.split(']').next().unwrap_or(rest);
    }
    authority.rsplit_once(':').map_or(authority, |(host, _)| host)
}

/// Refuses what comes from elsewhere, and tells browsers to guess nothing and keep nothing.
pub async fn watch(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let mut response = match guard.refuses(request.headers()) {
        Some(why) => (StatusCode::FORBIDDEN, format!("{why}\n")).into_response(),
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_meant_for_us_passes() {
        let loopback = Guard::new("127.0.0.1:9600".parse().unwrap(), Some("https://Bell.example:8443/x"));
        let open = Guard::new("0.0.0.0:9600".parse().unwrap(), None);
        for (guard, headers, passes) in [
            (&loopback, [("host", "127.0.0.1:9600"), ("x", "")], true),
            (&loopback, [("host", "localhost:9600"), ("x", "")], true),
            (&loopback, [("host", "[::1]:9600"), ("x", "")], true),
            (&loopback, [("host", "bell.example"), ("x", "")], true),
            (&loopback, [("host", "evil.example:9600"), ("x", "")], false),
            (&loopback, [("x", ""), ("y", "")], false),
            (&loopback, [("host", "localhost:9600"), ("origin", "http://localhost:9600")], true),
            (&loopback, [("host", "localhost:9600"), ("origin", "https://evil.example")], false),
            (&loopback, [("host", "localhost:9600"), ("origin", "null")], false),
            (&loopback, [("host", "localhost:9600"), ("sec-fetch-site", "cross-site")], false),
            (&loopback, [("host", "localhost:9600"), ("sec-fetch-site", "none")], true),
            (&open, [("host", "bellwether.internal:9600"), ("x", "")], true),
            (&open, [("host", "bellwether.internal:9600"), ("origin", "http://evil.example")], false),
        ] {
            let map: HeaderMap =
                headers.iter().map(|(n, v)| (n.parse().unwrap(), HeaderValue::from_static(v))).collect();
            assert_eq!(guard.refuses(&map).is_none(), passes, "{headers:?}");
        }
    }
}
