//! Silences as Alertmanager's API has them.

use super::query;
use crate::http::query::Pairs;
use crate::model::{MatchOp, Matcher};
use crate::runtime::handle::{Handle, NoAnswer};
use crate::runtime::silences::{Silence, SilenceFilter, SilenceRefused, SilenceRequest};
use crate::runtime::views::{Instant, Window};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// `gettableSilence`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Gettable {
    id: Arc<str>,
    status: Status,
    updated_at: Instant,
    comment: Arc<str>,
    created_by: Arc<str>,
    ends_at: Instant,
    starts_at: Instant,
    matchers: Vec<Wire>,
}

#[derive(Serialize)]
struct Status {
    state: &'static str,
}

/// `matcher`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    name: String,
    value: String,
    is_regex: bool,
    #[serde(default = "yes")]
    is_equal: bool,
}

/// `postableSilence`; `yes` is ours, as in `/api/v1/silences`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Postable {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    matchers: Vec<Wire>,
    #[serde(default)]
    starts_at: Option<String>,
    #[serde(default)]
    ends_at: Option<String>,
    #[serde(default)]
    created_by: String,
    #[serde(default)]
    comment: String,
    #[serde(default)]
    yes: bool,
}

#[derive(Serialize)]
struct Made {
    #[serde(rename = "silenceID")]
    id: Arc<str>,
}

fn yes() -> bool {
    true
}

pub async fn list(State(handle): State<Handle>, Query(pairs): Query<Pairs>) -> Response {
    let wanted = match query::silences(pairs) {
        Ok(wanted) => wanted,
        Err(why) => return super::problem(StatusCode::BAD_REQUEST, &why),
    };
    let all = SilenceFilter { window: Window { offset: 0, limit: usize::MAX }, ..SilenceFilter::default() };
    let found = handle.silences(all).await;
    let passing = |silence: &Silence| wanted.iter().all(|matcher| names(silence, matcher));
    super::json(found.map(|page| page.items.into_iter().filter(passing).map(gettable).collect::<Vec<_>>()))
}

pub async fn one(State(handle): State<Handle>, Path(id): Path<String>) -> Response {
    let unknown = SilenceRefused::Unknown(format!("there is no silence `{id}`"));
    let found = handle.silences(SilenceFilter { id: Some(id), ..SilenceFilter::default() }).await;
    let found = found.map(|page| page.items.into_iter().next().map(gettable).ok_or(unknown));
    answer(found)
}

pub async fn put(State(handle): State<Handle>, body: Bytes) -> Response {
    match request(&body) {
        Ok(request) => {
            let made = handle.put_silence(request).await;
            answer(made.map(|made| made.map(|made| Made { id: made.silence.id })))
        }
        Err(why) => super::problem(StatusCode::BAD_REQUEST, &why),
    }
}

pub async fn expire(State(handle): State<Handle>, Path(id): Path<String>) -> Response {
    match handle.expire_silence(id).await {
        Ok(Ok(_)) => StatusCode::OK.into_response(),
        other => answer(other.map(|expired| expired.map(gettable))),
    }
}

fn answer<T: Serialize>(answer: Result<Result<T, SilenceRefused>, NoAnswer>) -> Response {
    let refused = match answer {
        Ok(Ok(value)) => return Json(value).into_response(),
        Ok(Err(refused)) => refused,
        Err(none) => return super::json::<T>(Err(none)),
    };
    let status = match &refused {
        SilenceRefused::Unknown(_) => StatusCode::NOT_FOUND,
        // Alertmanager knows no question back.
        SilenceRefused::Wrong(_) | SilenceRefused::NeedsYes(_) => StatusCode::BAD_REQUEST,
        SilenceRefused::NotKept(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    super::problem(status, refused.why())
}

fn gettable(silence: Silence) -> Gettable {
    Gettable {
        id: silence.id,
        status: Status { state: silence.state.name() },
        updated_at: silence.updated,
        comment: silence.comment,
        created_by: silence.created_by,
        ends_at: silence.ends,
        starts_at: silence.starts,
        matchers: silence.matchers.iter().map(wire).collect(),
    }
}

fn wire(matcher: &Matcher) -> Wire {
    Wire {
        name: matcher.name().to_owned(),
        value: matcher.value().to_owned(),
        is_regex: matches!(matcher.op(), MatchOp::Matches | MatchOp::NotMatches),
        is_equal: matches!(matcher.op(), MatchOp::Equal | MatchOp::Matches),
    }
}

/// Whether a filter speaks of a silence: it is matched against the texts of the silence's own matchers, as in
/// Alertmanager (`api/v2.CheckSilenceMatchesFilterLabels`).
fn names(silence: &Silence, filter: &Matcher) -> bool {
    let value = silence.matchers.iter().rev().find(|m| m.name() == filter.name()).map(Matcher::value);
    match (filter.op(), value) {
        (MatchOp::Equal | MatchOp::Matches, None) => filter.value().is_empty(),
        (MatchOp::NotEqual | MatchOp::NotMatches, Some(_)) if filter.value().is_empty() => true,
        (_, value) => filter.takes(value.unwrap_or_default()),
    }
}

fn request(body: &[u8]) -> Result<SilenceRequest, String> {
    let posted: Postable = serde_json::from_slice(body).map_err(|e| format!("the body is no silence: {e}"))?;
    let ends = super::send::time("endsAt", posted.ends_at)?;
    Ok(SilenceRequest {
        id: posted.id.filter(|id| !id.is_empty()),
        matchers: posted.matchers.iter().map(matcher).collect::<Result<_, _>>()?,
        starts: super::send::time("startsAt", posted.starts_at)?,
        ends: ends.ok_or("a silence has an end: give `endsAt`")?,
        created_by: posted.created_by,
        comment: posted.comment,
        yes: posted.yes,
        dry_run: false,
    })
}

fn matcher(wire: &Wire) -> Result<Matcher, String> {
    let op = match (wire.is_regex, wire.is_equal) {
        (false, true) => MatchOp::Equal,
        (false, false) => MatchOp::NotEqual,
        (true, true) => MatchOp::Matches,
        (true, false) => MatchOp::NotMatches,
    };
    let made = Matcher::new(&wire.name, op, &wire.value)
        .map_err(|why| format!("the matcher of `{}` has a wrong regular expression: {why}", wire.name))?;
    // It is kept as its text.
    Matcher::parse(&made.to_string()).map_err(|e| format!("the matcher {made}: {}", e.message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;

    fn silence(matchers: &[&str]) -> Silence {
        let at = Instant(Timestamp::from_secs(0));
        Silence {
            id: "s".into(),
            matchers: matchers.iter().map(|text| Matcher::parse(text).unwrap()).collect(),
            state: crate::model::silence::SilenceState::Active,
            starts: at,
            ends: at,
            created_by: "ana".into(),
            comment: "x".into(),
            updated: at,
            declared: None,
        }
    }

    #[test]
    fn a_filter_is_matched_against_a_silences_own_matchers() {
        let of = silence(&[r#"alertname="Down""#, r#"job=~"a|b""#]);
        for (filter, want) in [
            ("alertname=Down", true),
            ("alertname=Up", false),
            ("alertname!=Up", true),
            (r#"job="a|b""#, true),
            ("job=a", false),
            ("team=", true),
            ("team=x", false),
            ("team!=x", true),
            ("job!=", true),
        ] {
            assert_eq!(names(&of, &query::matcher(filter).unwrap()), want, "{filter}");
        }
    }

    #[test]
    fn a_silence_is_read_as_amtool_sends_it() {
        let body = br#"{"comment":"c","createdBy":"ana","startsAt":"2026-01-05T00:00:00.000Z","endsAt":"2026-01-05T01:00:00.000Z",
            "matchers":[{"isEqual":true,"isRegex":false,"name":"alertname","value":"Down"},
                        {"isEqual":false,"isRegex":true,"name":"job","value":"a|b"},{"isRegex":false,"name":"x","value":"\"y"}]}"#;
        let request = request(body).unwrap();
        let texts: Vec<String> = request.matchers.iter().map(ToString::to_string).collect();
        assert_eq!(texts, [r#"alertname="Down""#, r#"job!~"a|b""#, r#"x="\"y""#]);
        assert_eq!((request.id, request.ends), (None, Timestamp::parse("2026-01-05T01:00:00Z").unwrap()));
    }

    #[test]
    fn a_wrong_silence_is_said() {
        for (body, why) in [
            ("7", "the body is no silence"),
            ("{}", "give `endsAt`"),
            (r#"{"endsAt":"x"}"#, "`endsAt` is `x`"),
            (
                r#"{"endsAt":"2026-01-05T01:00:00Z","matchers":[{"name":"a","value":"(","isRegex":true}]}"#,
                "wrong regular expression",
            ),
            (
                r#"{"endsAt":"2026-01-05T01:00:00Z","matchers":[{"name":"a-b","value":"c","isRegex":false}]}"#,
                "the matcher a-b=\"c\"",
            ),
        ] {
            let error = request(body.as_bytes()).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }
}
