//! Each route, asked with each token, from each place.

use super::*;
use crate::http::access::{Peer, Role, Rules};
use crate::http::tokens::{self, Tokens};
use axum::body::Body;
use axum::http::Request;
use hyper::service::Service as _;

fn three_tokens() -> Access {
    let lines = [Role::Read, Role::Silence, Role::Admin].map(|role| tokens::line(role.name(), role, role.name()));
    Access::new(Rules { tokens: Some(Tokens::parse(&lines.join("\n")).unwrap()), ..Rules::default() })
}

/// The status of a request from this address, with this token.
async fn status(access: &Access, from: &str, (path, method): (&str, &str), token: Option<&str>) -> u16 {
    let (handle, _) = channel(Telemetry::new(Timestamp::default()));
    let router = api::router(handle, Guard::new("127.0.0.1:0".parse().unwrap(), None), access);
    let mut request = Request::builder().method(&*method.to_uppercase()).uri(path).header("host", "127.0.0.1");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let request = request.extension(Peer(from.parse().unwrap())).body(Body::empty()).unwrap();
    TowerToHyperService::new(router).call(request).await.unwrap().status().as_u16()
}

/// The loop is gone: who is let in hears 503 of it, or 400 of a request that is not whole.
#[tokio::test]
async fn each_route_lets_in_whom_its_role_says() {
    let access = three_tokens();
    for (path, method, needs, _) in api::routes() {
        for (from, by_place) in [("127.0.0.1", Role::Read), ("192.0.2.7", Role::Anyone)] {
            for (token, has) in [
                (None, by_place),
                (Some("read"), Role::Read),
                (Some("silence"), Role::Silence),
                (Some("admin"), Role::Admin),
                (Some("wrong"), Role::Anyone),
            ] {
                let refused = match token {
                    _ if needs <= has => None,
                    None | Some("wrong") => Some(401),
                    Some(_) => Some(403),
                };
                let status = status(&access, from, (path, method), token).await;
                let told = Some(status).filter(|status| [401, 403].contains(status));
                assert_eq!(told, refused, "{method} {path} from {from} with {token:?}: {status}");
            }
        }
    }
}

/// A new route that nobody thought of has no right to be here.
#[test]
fn only_a_load_balancer_needs_no_role_and_whatever_changes_something_needs_more_than_to_read() {
    for (path, method, needs, _) in api::routes() {
        assert_eq!(needs == Role::Anyone, ["/healthz", "/readyz"].contains(&path), "{path}");
        assert!(method == "get" || Role::Silence <= needs, "{method} {path} needs {needs:?}");
    }
}
