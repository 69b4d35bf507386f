//! Sending over HTTP, for the kinds that do, and the one place that says what an answer means.
//!
//! | seen | outcome |
//! |---|---|
//! | no connection, no TLS, 408, 425 | not sent, the far side is ill |
//! | 429 | not sent, it only asks to wait |
//! | a timeout or a reset once the request was written, 5xx, an answer that cannot be read | unanswered |
//! | any other 4xx, a redirect | refused |

use super::keys::{CA, timeout};
use super::render::one_line;
use super::unanswered;
use crate::config::{Problem, Settings};
use crate::model::{Delivery, FailureClass, Secret};
use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT};
use reqwest::{Client, Response, StatusCode, Url, redirect, tls};
use std::error::Error;
use std::time::Duration;
use tokio::sync::Semaphore;

/// How many sends of one channel are under way at once; the others wait their turn.
const SENDS_MAX: usize = 64;
/// How much of an answer is read.
const ANSWER_MAX: usize = 64 * 1024;
/// How much of an answer is quoted in an error.
const QUOTE_MAX: usize = 200;
/// The shortest path or query that is taken for a secret: `hook` is none.
const QUOTED_PART_MIN: usize = 8;
/// How long the rest of an answer is waited for whose status says all: so that the connection can be used again.
const DRAIN_TIME: Duration = Duration::from_secs(1);

/// An address that is posted to.
pub(super) struct Web {
    client: Client,
    url: Url,
    headers: HeaderMap,
    timeout: Duration,
    permits: Semaphore,
    /// What no error may show: the address, tokens.
    secrets: Vec<Secret>,
    /// What to do about a refusal in these words.
    advice: Advice,
}

pub(super) type Advice = fn(&str) -> Option<&'static str>;

/// An answer whose status is 2xx.
#[cfg_attr(not(feature = "slack"), expect(dead_code, reason = "Slack alone says more than a status"))]
pub(super) struct Answer {
    pub retry_after: Option<Duration>,
    pub body: String,
}

/// How much of an answer is wanted.
#[cfg_attr(not(feature = "slack"), expect(dead_code, reason = "Slack alone says more than a status"))]
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Want {
    Body,
    Status,
}

impl Web {
    /// For an address that may be a secret; `key` is where it is written.
    pub(super) fn new(
        settings: &Settings,
        key: &str,
        url: &str,
        mut secrets: Vec<Secret>,
    ) -> Result<Web, Box<Problem>> {
        let wrong = |what: String, key: &str| Box::new(Problem::error(what).at(settings.place(key)));
        let url: Url = url.parse().map_err(|e| wrong(format!("`{key}` is no URL: {e}"), key))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong(format!("`{key}` is no URL of `http` or `https`"), key));
        }
        // A server may quote the path that it was asked for.
        let parts = [Some(url.path()), url.query()].into_iter().flatten().map(|part| part.trim_matches('/'));
        secrets.extend(parts.filter(|part| QUOTED_PART_MIN <= part.len()).map(Secret::new));
        let mut secrets: Vec<Secret> = secrets.iter().flat_map(Secret::parts).collect();
        // One may be a part of another.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.expose().len()));
        let timeout = timeout(settings);
        let mut builder = Client::builder().connect_timeout(timeout / 2).redirect(redirect::Policy::none());
        if let Some(path) = settings.path(CA.name) {
            let failed = |e: &dyn std::fmt::Display| {
                wrong(format!("cannot read the certificates of `{}`: {e}", path.display()), CA.name)
            };
            let pem = std::fs::read(path).map_err(|e| failed(&e))?;
            builder = builder.tls_certs_only(tls::Certificate::from_pem_bundle(&pem).map_err(|e| failed(&e))?);
        }
        let client =
            builder.build().map_err(|e| wrong(format!("the HTTP client cannot be made: {}", causes(&e)), key))?;
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("bellwether/", env!("CARGO_PKG_VERSION"))));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
        Ok(Web { client, url, headers, timeout, permits: Semaphore::new(SENDS_MAX), secrets, advice: |_| None })
    }

    /// Sets a header of every request; its value is a secret.
    ///
    /// # Errors
    /// Where it is no header of HTTP: what is wrong, without the value.
    pub(super) fn set_header(&mut self, name: &str, value: &str) -> Result<(), String> {
        let name = reqwest::header::HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| format!("`{name}` is no name of an HTTP header"))?;
        let mut value = HeaderValue::from_str(value)
            .map_err(|_| format!("the value of the header `{name}` holds a line break or another control character"))?;
        value.set_sensitive(true);
        self.headers.insert(name, value);
        Ok(())
    }

    /// Whose words this server speaks.
    #[cfg(feature = "slack")]
    pub(super) fn advised_by(self, advice: Advice) -> Web {
        Web { advice, ..self }
    }

    /// How long one send may take.
    #[cfg(feature = "slack")]
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The address beside this one: `chat.update` for `chat.postMessage`.
    #[cfg(feature = "slack")]
    pub(super) fn beside(&self, name: &str) -> Url {
        self.url.join(name).unwrap_or_else(|_| self.url.clone())
    }

    /// Posts a JSON body, which is written when its turn has come; an answer of 2xx, or how else it ended.
    pub(super) async fn post(
        &self,
        body: impl FnOnce() -> Result<Vec<u8>, Delivery>,
        want: Want,
    ) -> Result<Answer, Delivery> {
        self.post_to(&self.url, self.timeout, body, want).await
    }

    /// The same to an address of the same server, within a time of its own.
    pub(super) async fn post_to(
        &self,
        url: &Url,
        within: Duration,
        body: impl FnOnce() -> Result<Vec<u8>, Delivery>,
        want: Want,
    ) -> Result<Answer, Delivery> {
        let permit = tokio::time::timeout(within, self.permits.acquire()).await.map_err(|_| Delivery::NotSent {
            why: format!("waited {within:?} while {SENDS_MAX} other sends were under way"),
            retry_after: None,
            ill: false,
            class: FailureClass::TimedOut,
        })?;
        // In a box, so that those who wait for their turn are small.
        let exchange = Box::pin(self.exchange(url, body()?, want));
        let exchange = tokio::time::timeout(within, exchange).await;
        // Connecting is cut earlier: what takes this long has been written.
        let late = |_| Err(unanswered(FailureClass::TimedOut, format!("no answer within {within:?}"), None));
        let (answer, unread) = exchange.unwrap_or_else(late)?;
        if let Some(mut response) = unread {
            let _ = tokio::time::timeout(DRAIN_TIME, read(&mut response)).await;
        }
        drop(permit);
        Ok(answer)
    }

    /// An answer, and what is still unread of it.
    async fn exchange(&self, url: &Url, body: Vec<u8>, want: Want) -> Result<(Answer, Option<Response>), Delivery> {
        let request = self.client.post(url.clone()).headers(self.headers.clone()).body(body);
        let mut response = request.send().await.map_err(|e| self.failed(e))?;
        let (status, retry_after) = (response.status(), retry_after(response.headers()));
        if status.is_success() && want == Want::Status {
            return Ok((Answer { retry_after, body: String::new() }, Some(response)));
        }
        let body = read(&mut response).await.map_err(|e| self.failed(e));
        if status.is_success() {
            return Ok((Answer { retry_after, body: body? }, None));
        }
        Err(judge(status, retry_after, &self.quote(&body.unwrap_or_default()), self.advice))
    }

    /// What a server said, fit to stand in an error.
    pub(super) fn quote(&self, text: &str) -> String {
        let text = self.secrets.iter().fold(text.to_owned(), |text, secret| secret.redact(&text));
        one_line(text.chars().take(QUOTE_MAX).collect::<String>().as_str())
    }

    fn failed(&self, error: reqwest::Error) -> Delivery {
        let (connecting, writing) = (error.is_connect(), error.is_builder());
        let class = match FailureClass::of_connection(&error) {
            _ if error.is_timeout() => FailureClass::TimedOut,
            // What broke off without a word of the system's was no HTTP.
            FailureClass::Unreachable if !connecting => FailureClass::Malformed,
            class => class,
        };
        // reqwest would name the address, which is a secret.
        let why = self.quote(&causes(&error.without_url()));
        match (connecting, writing) {
            (true, _) => {
                Delivery::NotSent { why: format!("no connection: {why}"), retry_after: None, ill: true, class }
            }
            (_, true) => Delivery::Refused { why, class: FailureClass::Other },
            _ => unanswered(class, format!("no answer: {why}"), None),
        }
    }
}

/// How long the far side asks to wait.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: HeaderName| headers.get(name)?.to_str().ok();
    crate::model::retry_after(text(RETRY_AFTER)?, text(DATE), jiff::Timestamp::now)
}

/// What an answer other than 2xx means; `said` is its body, fit to be shown.
fn judge(status: StatusCode, retry_after: Option<Duration>, said: &str, advice: Advice) -> Delivery {
    let why = if said.is_empty() { format!("it answered {status}") } else { format!("it answered {status}: {said}") };
    let class = FailureClass::of_http(status.as_u16());
    match status.as_u16() {
        429 => Delivery::NotSent { why, retry_after, ill: false, class },
        408 | 425 => Delivery::NotSent { why, retry_after, ill: true, class },
        300..=499 => {
            let advice = advice(said).or_else(|| advice_for(status.as_u16()));
            Delivery::Refused { why: advice.map_or(why.clone(), |advice| format!("{why}: {advice}")), class }
        }
        _ => unanswered(class, why, retry_after),
    }
}

/// What to do about a status alone.
fn advice_for(status: u16) -> Option<&'static str> {
    Some(match status {
        300..=399 => "it has moved, write its new address",
        401 | 403 => "it does not let us in: look at the address, and at the credentials or headers that it wants",
        404 | 410 => "nothing takes messages there (any more): look at the address",
        413 => "the message is too large for it",
        _ => return None,
    })
}

/// The answer's text, as far as the limit.
async fn read(response: &mut Response) -> Result<String, reqwest::Error> {
    let mut body = Vec::new();
    while body.len() < ANSWER_MAX {
        let Some(chunk) = response.chunk().await? else { break };
        body.extend_from_slice(&chunk[..chunk.len().min(ANSWER_MAX - body.len())]);
    }
    Ok(String::from_utf8_lossy(&body).into_owned())
}

/// The last cause behind an error: `connection refused` rather than `error sending request`.
fn causes(error: &dyn Error) -> String {
    let mut last = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    last.to_string()
}
