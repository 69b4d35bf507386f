//! What an answer of Google's REST APIs means: <https://cloud.google.com/apis/design/errors>.

use super::super::error::CollectError;
use super::super::web::Answer;
use super::Service;
use crate::model::{FailureClass, http_date};
use serde_json::Value as Json;
use std::time::Duration;

/// From this on a clock is told of. Google takes a token whose time is a few minutes off.
const SKEW_MIN: Duration = Duration::from_mins(1);

/// From this on a window that is counted from the clock is not asked for.
const SKEW_MAX: Duration = Duration::from_mins(5);

/// An answer that is none. A kind may look into it before it takes its `error`.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The HTTP status; none where there was no answer.
    pub http: Option<u16>,
    /// The reason of Google's `ErrorInfo`, else of its first `error.errors[]` (`accessDenied`), else its `error.status`
    /// (`PERMISSION_DENIED`); may be empty.
    pub reason: String,
    /// Google's `error.message`; may be empty.
    pub message: String,
    /// The service was asked and gave no whole answer, or none in time; not that it could not be asked, as without a token.
    pub is_unanswered: bool,
    /// How long the server asks to wait.
    pub retry_after: Option<Duration>,
    /// What it is for the check.
    pub error: CollectError,
}

impl From<CollectError> for Failure {
    fn from(error: CollectError) -> Failure {
        let (reason, message) = Default::default();
        Failure { http: None, reason, message, is_unanswered: false, retry_after: None, error }
    }
}

impl Failure {
    /// It may pass by itself: too many requests, or an ill server.
    #[must_use]
    pub fn passes(&self) -> bool {
        matches!(self.http, Some(429 | 500 | 502 | 503 | 504)) || self.is_quota()
    }

    fn is_quota(&self) -> bool {
        self.http == Some(403) && matches!(self.reason.as_str(), "rateLimitExceeded" | "userRateLimitExceeded")
    }
}

/// Whether an answer is a good one.
pub(super) fn check(service: &Service, answer: &Answer) -> Result<(), Failure> {
    if answer.status.is_success() { Ok(()) } else { Err(failure(service, answer)) }
}

/// The body of a good answer.
pub(super) fn json(answer: &Answer) -> Result<Json, CollectError> {
    if answer.body.is_empty() { Ok(Json::Null) } else { answer.json() }
}

/// Whether this machine's clock is near enough the server's for a window of time to be the one that is meant.
pub(super) fn check_clock(service: &Service, answer: &Answer) -> Result<(), CollectError> {
    let Some((off, is_behind)) = off(answer).filter(|(off, _)| SKEW_MAX <= *off) else { return Ok(()) };
    let side = if is_behind { "behind" } else { "ahead of" };
    Err(CollectError::unreachable(format_args!(
        "this machine's clock is {} {side} that of {}, and the window of time would be another one: set it (NTP)",
        minutes(off),
        service.name
    )))
}

fn failure(service: &Service, answer: &Answer) -> Failure {
    let body: Json = serde_json::from_slice(&answer.body).unwrap_or(Json::Null);
    // A streaming method answers with a list.
    let error = body.get("error").or_else(|| body.get(0)?.get("error")).unwrap_or(&Json::Null);
    let text = |key| error.get(key).and_then(Json::as_str).unwrap_or_default().to_owned();
    let reason_in = |list| error.get(list)?.as_array()?.iter().find_map(|one: &Json| one.get("reason")?.as_str());
    let reason = reason_in("details").or_else(|| reason_in("errors")).map_or_else(|| text("status"), str::to_owned);
    let mut failure = Failure {
        http: Some(answer.status.as_u16()),
        reason,
        // Where the API is Prometheus', so are its errors: a text.
        message: error.as_str().map_or_else(|| text("message"), str::to_owned),
        is_unanswered: false,
        retry_after: answer.retry_after(),
        error: CollectError::refused(""),
    };
    let class =
        if failure.is_quota() { FailureClass::RateLimited } else { FailureClass::of_http(answer.status.as_u16()) };
    failure.error = explain(service, answer, &failure).classed(class).after(failure.retry_after);
    failure
}

fn explain(service: &Service, answer: &Answer, failure: &Failure) -> CollectError {
    let (name, http) = (service.name, answer.status.as_u16());
    let said = said(answer, failure);
    let quota = failure.is_quota() || failure.reason == "quotaExceeded";
    match http {
        401 => {
            let advice = clock(answer).unwrap_or_else(|| "look at `credentials` of the source".to_owned());
            CollectError::unreachable(format_args!("{name} does not take the credentials (401): {said}: {advice}"))
        }
        403 if quota => {
            CollectError::unreachable(format_args!("{name} takes no more requests now (403): {said}: ask less often"))
        }
        403 if failure.reason == "SERVICE_DISABLED" => {
            CollectError::unreachable(format_args!("{name} is not switched on in the project (403): {said}"))
        }
        403 => CollectError::unreachable(format_args!("{name} refuses access (403): {said}: grant {}", service.role)),
        404 => CollectError::refused(format_args!("{name} does not know what is asked for (404): {said}")),
        429 => CollectError::unreachable(format_args!(
            "{name} takes no more requests now (429): {said}: ask less often, or raise the quota"
        )),
        500..=599 => CollectError::unreachable(format_args!("{name} answered {http}: {said}")),
        300..=399 => CollectError::refused(format_args!("{name} answered {http}, a redirect: look at `endpoint`")),
        _ => CollectError::refused(format_args!("{name} answered {http}: {said}")),
    }
}

/// Google's own words, else the first of the body's.
fn said(answer: &Answer, failure: &Failure) -> String {
    if !failure.message.is_empty() {
        return failure.message.trim_end_matches(['.', ':']).to_owned();
    }
    let body: String = String::from_utf8_lossy(&answer.body).chars().take(80).collect();
    match body.trim() {
        "" => "without a word".to_owned(),
        body => format!("`{body}` ({})", answer.content_type()),
    }
}

/// What is wrong with this machine's clock, as the answer's own time says.
fn clock(answer: &Answer) -> Option<String> {
    let (off, is_behind) = off(answer).filter(|(off, _)| SKEW_MIN <= *off)?;
    let (off, side) = (minutes(off), if is_behind { "behind" } else { "ahead of" });
    Some(format!(
        "this machine's clock is {off} {side} the server's, and a token is good for its time only: set it (NTP)"
    ))
}

/// How far this machine's clock is off the answer's own time, and whether it is behind.
fn off(answer: &Answer) -> Option<(Duration, bool)> {
    let off = jiff::Timestamp::now().duration_since(http_date(answer.header(reqwest::header::DATE)?)?);
    Some((off.unsigned_abs(), off.is_negative()))
}

/// To the minute: an answer's time has taken a while to come.
fn minutes(off: Duration) -> String {
    crate::model::time::human_duration((off.as_secs_f64() / 60.0).round() * 60.0)
}
