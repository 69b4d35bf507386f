//! Asking over HTTP, for the kinds that do: a client with its credentials, and an answer read within limits.

use super::conceal::Hidden;
use super::error::{CollectError, with_causes};
use super::limits::Limits;
use crate::config::{Key, Settings, Shape};
use crate::model::{FailureClass, Secret, retry_after};
use reqwest::header::{DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Method, RequestBuilder, StatusCode, Url, redirect, tls};
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

pub(super) const USERNAME: Key = Key::new("username", Shape::Text, "The user of HTTP basic authentication.");
pub(super) const PASSWORD: Key = Key::new("password", Shape::Secret, "The password of HTTP basic authentication.");
pub(super) const BEARER: Key =
    Key::new("bearer_token", Shape::Secret, "Sent as `Authorization: Bearer …`.").known_as(&["token", "credentials"]);
pub(super) const HEADERS: Key =
    Key::new("headers", Shape::MapOf(&Shape::Secret), "Headers of every request; their values are never shown.");
pub(super) const CA: Key =
    Key::new("ca", Shape::Path, "A PEM file of root certificates, in place of the system's.").known_as(&["ca_file"]);

/// Less than other kinds have: as a tree, JSON takes several times its bytes.
#[cfg(any(
    feature = "http",
    feature = "prometheus",
    feature = "pubsub",
    feature = "firestore",
    feature = "cloud_monitoring"
))]
pub(super) const MAX_BYTES: Key = super::limits::MAX_BYTES.default("16MiB");

/// How a source is asked.
pub(super) struct Web {
    username: Option<String>,
    password: Option<Secret>,
    bearer: Option<Secret>,
    headers: Vec<(String, Secret)>,
    hidden: Hidden,
    ca: Option<PathBuf>,
    redirects_max: usize,
    /// Whether connections are kept: a probe wants a new one each time, so that it sees the certificate of today.
    pooled: bool,
    pub(super) limits: Limits,
    /// One that follows redirects anywhere, and one for requests with headers of their own, which stays at its host.
    clients: [OnceLock<Client>; 2],
}

/// An answer, read to its end.
#[cfg_attr(not(feature = "http"), expect(dead_code, reason = "only `http` gives rows of its time and certificate"))]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    /// The server's own certificate in DER; none without TLS.
    pub(super) certificate: Option<Vec<u8>>,
    /// From the request's first byte to the answer's last, redirects included.
    pub(super) took: Duration,
    /// What the server may have sent back and no error may quote.
    pub(super) hidden: Hidden,
}

impl Web {
    pub(super) fn new(source: &Settings, redirects_max: usize, pooled: bool) -> Web {
        Web {
            username: source.text(USERNAME.name).map(str::to_owned),
            password: source.secret(PASSWORD.name).cloned(),
            bearer: source.secret(BEARER.name).cloned(),
            headers: headers(source),
            hidden: Hidden::of_source(source),
            ca: source.path(CA.name).map(PathBuf::from),
            redirects_max,
            pooled,
            limits: Limits::of(source),
            clients: [const { OnceLock::new() }; 2],
        }
    }

    /// A request with the source's credentials and with `more` headers. The client is made at the first one.
    pub(super) fn request(
        &self,
        method: &str,
        url: &str,
        more: &[(String, Secret)],
    ) -> Result<RequestBuilder, CollectError> {
        let url: Url = url.parse().map_err(|e| CollectError::refused(format_args!("the `url` cannot be read: {e}")))?;
        let method: Method = method.parse().map_err(|_| CollectError::refused("the `method` is no method of HTTP"))?;
        // Another host is sent no header that may be a key; `Authorization` the client drops by itself.
        let stays = !(self.headers.is_empty() && more.is_empty());
        let headers = header_map(self.headers.iter().chain(more))?;
        let mut request = self.client(stays)?.request(method, url).headers(headers);
        if let Some(bearer) = &self.bearer {
            request = request.bearer_auth(bearer.expose());
        }
        if let Some(username) = &self.username {
            request = request.basic_auth(username, self.password.as_ref().map(Secret::expose));
        }
        Ok(request)
    }

    fn client(&self, stays: bool) -> Result<&Client, CollectError> {
        let made = &self.clients[usize::from(stays)];
        if let Some(client) = made.get() {
            return Ok(client);
        }
        let mut builder = Client::builder()
            .user_agent(concat!("bellwether/", env!("CARGO_PKG_VERSION")))
            .tls_info(true)
            .redirect(redirects(self.redirects_max, stays));
        if !self.pooled {
            builder = builder.pool_max_idle_per_host(0);
        }
        if let Some(path) = &self.ca {
            let failed = |e: &dyn std::fmt::Display| {
                CollectError::unreachable(format_args!("cannot read the `ca` file `{}`: {e}", path.display()))
            };
            let pem = std::fs::read(path).map_err(|e| failed(&e))?;
            builder = builder.tls_certs_only(tls::Certificate::from_pem_bundle(&pem).map_err(|e| failed(&e))?);
        }
        let client = builder.build().map_err(|e| {
            CollectError::unreachable(format_args!("the HTTP client cannot be made: {}", with_causes(&e)))
        })?;
        Ok(made.get_or_init(|| client))
    }

    /// Sends, and reads the whole answer; what takes longer than the request may or has more bytes than the limit is cut.
    #[cfg(any(feature = "http", feature = "prometheus"))]
    pub(super) async fn send(&self, asked: RequestBuilder, request: &super::Request) -> Result<Answer, CollectError> {
        let hidden = Hidden::of_request(&request.collect);
        let answer = tokio::time::timeout(request.timeout, self.fetch(asked, hidden)).await;
        answer.map_err(|_| CollectError::too_late("the request", request.timeout))?
    }

    /// The same without a deadline of its own, for who has one for several requests; `hidden` is the request's.
    pub(super) async fn fetch(&self, asked: RequestBuilder, hidden: Hidden) -> Result<Answer, CollectError> {
        self.read(asked, self.hidden.and(hidden)).await.map_err(|error| match error {
            Failed::Ours(error) => error,
            Failed::Theirs(error) => Web::explain(error),
        })
    }

    async fn read(&self, request: RequestBuilder, hidden: Hidden) -> Result<Answer, Failed> {
        let started = Instant::now();
        let mut response = request.send().await?;
        let headers = response.headers().clone();
        let info = response.extensions().get::<tls::TlsInfo>();
        let certificate = info.and_then(|info| info.peer_certificate()).map(<[u8]>::to_vec);
        let mut counter = self.limits.counter();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            counter.bytes(chunk.len())?;
            body.extend_from_slice(&chunk);
        }
        let status = response.status();
        Ok(Answer { status, headers, body, certificate, took: started.elapsed(), hidden })
    }

    /// What went wrong, without the URL: it may carry a token.
    fn explain(error: reqwest::Error) -> CollectError {
        let place =
            error.url().and_then(|url| Some(format!(" to {}:{}", url.host_str()?, url.port_or_known_default()?)));
        let place = place.unwrap_or_default();
        let (class, error) = (FailureClass::of_connection(&error), error.without_url());
        let said = with_causes(&error);
        if error.is_redirect() || error.is_builder() {
            return CollectError::refused(said);
        }
        if error.is_connect() {
            // What the library says on the way there tells nobody anything.
            let said =
                said.trim_start_matches("error sending request: ").trim_start_matches("client error (Connect): ");
            return CollectError::unreachable(format_args!("cannot connect{place}: {said}")).classed(class);
        }
        // What broke off without a word of the system's was no HTTP.
        let class = if class == FailureClass::Unreachable { FailureClass::Malformed } else { class };
        CollectError::unreachable(format_args!("the answer did not come whole: {said}")).classed(class)
    }
}

fn redirects(max: usize, stays: bool) -> redirect::Policy {
    redirect::Policy::custom(move |attempt| {
        let leaves = attempt.previous().last().is_some_and(|from| from.origin() != attempt.url().origin());
        if max == 0 {
            attempt.stop()
        } else if attempt.previous().len() > max {
            attempt.error(format!("more than {max} redirects (`max_redirects` of the source)"))
        } else if stays && leaves {
            attempt.error("it redirects to another host, which is not sent the request's `headers`: ask there")
        } else {
            attempt.follow()
        }
    })
}

enum Failed {
    Theirs(reqwest::Error),
    Ours(CollectError),
}

impl From<reqwest::Error> for Failed {
    fn from(error: reqwest::Error) -> Failed {
        Failed::Theirs(error)
    }
}

impl From<CollectError> for Failed {
    fn from(error: CollectError) -> Failed {
        Failed::Ours(error)
    }
}

/// The `headers` of a source or of a check.
pub(super) fn headers(settings: &Settings) -> Vec<(String, Secret)> {
    let entries = settings.map(HEADERS.name).unwrap_or_default();
    entries.iter().filter_map(|(name, value)| Some((name.text.to_string(), value.secret()?.clone()))).collect()
}

/// Headers as they are sent. A value that cannot be sent is not shown.
fn header_map<'a>(headers: impl Iterator<Item = &'a (String, Secret)>) -> Result<HeaderMap, CollectError> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let parsed: Result<HeaderName, _> = name.parse();
        let header = parsed.map_err(|_| CollectError::refused(format_args!("`{name}` cannot be a header's name")))?;
        let mut value = HeaderValue::from_str(value.expose())
            .map_err(|_| CollectError::refused(format_args!("the value of the header `{name}` cannot be sent")))?;
        value.set_sensitive(true);
        map.append(header, value);
    }
    Ok(map)
}

impl Answer {
    pub(super) fn content_type(&self) -> &str {
        let written = self.headers.get(reqwest::header::CONTENT_TYPE);
        written.and_then(|value| value.to_str().ok()).unwrap_or("no content type")
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// Where it is none: its status, its type and its first words are shown.
    pub(super) fn json(&self) -> Result<serde_json::Value, CollectError> {
        serde_json::from_slice(&self.body).map_err(|e| {
            let message = format!(
                "the answer is not JSON (status {}, {}): {e}; it begins with `{}`",
                self.status.as_u16(),
                self.content_type(),
                self.beginning()
            );
            if self.status.is_success() {
                return CollectError::refused(message).classed(FailureClass::Malformed);
            }
            self.failed(message)
        })
    }

    /// What an answer is whose status says that it is no good one: whose fault that is, and of which class.
    pub(super) fn failed(&self, message: String) -> CollectError {
        let status = self.status.as_u16();
        let error = match status {
            // It lets nobody in, or nobody now; or a gateway answers for a server that does not.
            401 | 403 | 407 | 408 | 425 | 429 | 502..=504 => CollectError::unreachable(message),
            _ => CollectError::refused(message),
        };
        error.classed(FailureClass::of_http(status)).after(self.retry_after())
    }

    /// How long the far side asks to wait.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        retry_after(self.header(RETRY_AFTER)?, self.header(DATE), jiff::Timestamp::now)
    }

    pub(super) fn header(&self, name: HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The first words of the body, without what is secret.
    pub(super) fn beginning(&self) -> String {
        let body = String::from_utf8_lossy(&self.body);
        let first: String = self.hidden.out_of_errors(&body).chars().take(80).collect();
        first.trim().to_owned()
    }
}
