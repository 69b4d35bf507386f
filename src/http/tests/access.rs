//! Each route, asked with each token, from each place.

use super::*;
use crate::http::access::{Peer, Role, Rules};
use crate::http::tokens::{self, Tokens};
use axum::body::Body;
use axum::http::Request;
use axum::response::Response;

fn three_tokens() -> Doors {
    let lines = [Role::Read, Role::Silence, Role::Admin].map(|role| tokens::line(role.name(), role, role.name()));
    let doors = Doors::plain(Telemetry::new(Timestamp::default()));
    doors.access().adopt(Rules { tokens: Some(Tokens::parse(&lines.join("\n")).unwrap()), ..Rules::default() });
    doors
}

fn every_route() -> impl Iterator<Item = api::Route> {
    api::routes().into_iter().chain(crate::http::v2::routes())
}

/// The answer to a request from this address, with this token.
async fn ask(doors: &Doors, from: &str, (path, method): (&str, &str), token: Option<&str>) -> Response {
    let (handle, _) = channel(Telemetry::new(Timestamp::default()));
    let router = api::router(handle, Guard::new("127.0.0.1:0".parse().unwrap(), None), doors);
    let mut request = Request::builder().method(&*method.to_uppercase()).uri(path).header("host", "127.0.0.1");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let request = request.extension(Peer(from.parse().unwrap())).body(Body::empty()).unwrap();
    TowerToHyperService::new(router).call(request).await.unwrap()
}

/// The loop is gone: who is let in hears 503 of it, or 400 of a request that is not whole.
#[tokio::test]
async fn each_route_lets_in_whom_its_role_says() {
    for (path, method, needs, _) in every_route() {
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
                // A new one each time: who sends too many wrong tokens is answered otherwise.
                let status = ask(&three_tokens(), from, (path, method), token).await.status().as_u16();
                let told = Some(status).filter(|status| [401, 403].contains(status));
                assert_eq!(told, refused, "{method} {path} from {from} with {token:?}: {status}");
            }
        }
    }
}

/// A new route that nobody thought of has no right to be here.
#[test]
fn only_a_load_balancer_needs_no_role_and_whatever_changes_something_needs_more_than_to_read() {
    for (path, method, needs, _) in every_route() {
        let is_health = ["/healthz", "/readyz", "/-/healthy", "/-/ready"].contains(&path);
        assert_eq!(needs == Role::Anyone, is_health, "{path}");
        assert!(method == "get" || Role::Silence <= needs, "{method} {path} needs {needs:?}");
    }
}

#[tokio::test]
async fn what_is_refused_says_what_is_needed_and_is_counted() {
    let doors = three_tokens();
    for (from, token, status, challenge, want) in [
        ("192.0.2.7", None, 401, true, "a token of the role `admin`"),
        ("127.0.0.1", None, 401, true, "send `Authorization: Bearer TOKEN`"),
        ("192.0.2.7", Some("wrong"), 401, true, "none of those in `server.tokens_file`"),
        ("192.0.2.7", Some("silence"), 403, false, "needs the role `admin`, and the role of `silence` is `silence`"),
    ] {
        let answer = ask(&doors, from, ("/-/reload", "post"), token).await;
        let challenges = answer.headers().get("www-authenticate").is_some_and(|scheme| scheme == "Bearer");
        assert_eq!((answer.status().as_u16(), challenges), (status, challenge));
        let text = axum::body::to_bytes(answer.into_body(), 10_000).await.unwrap();
        let problem: Value = serde_json::from_slice(&text).unwrap();
        assert!(problem["error"].as_str().unwrap().contains(want), "{problem}");
    }
    let metrics = doors.telemetry().encode();
    for (reason, count) in [("token", 1), ("no_token", 2), ("role", 1)] {
        let line = format!("bellwether_requests_refused_total{{reason=\"{reason}\"}} {count}");
        assert!(metrics.contains(&line), "{line}\n{metrics}");
    }
}

/// The status and `Retry-After` of each of these requests, one after the other.
async fn statuses(doors: &Doors, from: &str, token: Option<&str>, count: usize) -> Vec<(u16, bool)> {
    let mut seen = Vec::new();
    for _ in 0..count {
        let answer = ask(doors, from, ("/api/v1/openapi.json", "get"), token).await;
        seen.push((answer.status().as_u16(), answer.headers().contains_key("retry-after")));
    }
    seen
}

#[tokio::test(start_paused = true)]
async fn an_address_that_asks_too_often_is_told_when_to_ask_again_and_others_are_not() {
    let doors = three_tokens();
    let burst = 10 * doors::Limits::default().rate as usize;
    let seen = statuses(&doors, "192.0.2.7", Some("read"), burst + 2).await;
    assert!(seen[..burst].iter().all(|seen| *seen == (200, false)));
    assert_eq!(seen[burst..], [(429, true), (429, true)]);
    assert_eq!(ask(&doors, "192.0.2.7", ("/healthz", "get"), None).await.status(), 200, "health is not counted");
    assert_eq!(statuses(&doors, "192.0.2.8", Some("read"), 1).await, [(200, false)]);
    let local = statuses(&doors, "127.0.0.1", None, burst + 2).await;
    assert!(local.iter().all(|seen| *seen == (200, false)), "this machine is not counted");
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(statuses(&doors, "192.0.2.7", Some("read"), 1).await, [(200, false)]);
}

#[tokio::test(start_paused = true)]
async fn who_tries_tokens_is_slowed_down_and_the_right_one_still_opens() {
    let doors = three_tokens();
    let seen = statuses(&doors, "192.0.2.7", Some("wrong"), 12).await;
    assert!(seen[..10].iter().all(|seen| *seen == (401, false)), "{seen:?}");
    assert_eq!(seen[10..], [(429, true), (429, true)]);
    assert_eq!(statuses(&doors, "192.0.2.7", Some("read"), 1).await, [(200, false)]);
}
