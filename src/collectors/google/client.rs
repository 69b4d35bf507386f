//! Asking a REST API of Google's: authorised, within a deadline and limits, page by page.

use super::super::conceal::Hidden;
use super::super::error::CollectError;
use super::super::limits::{Counter, Limits};
use super::super::registry::Place;
use super::super::web::{Answer, Web};
use super::answer::{self, Failure};
use super::tokens::{Pass, Tokens, Wanted};
use super::{Deadline, ENDPOINT, PROJECT, QUOTA_PROJECT, Service};
use crate::config::Settings;
use reqwest::header::CONTENT_TYPE;
use reqwest::{RequestBuilder, Url};
use serde_json::Value as Json;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// How often a request is made again after an answer that may pass.
const RETRIES_MAX: u32 = 2;

/// The wait before the first of them, where the server names none; it doubles.
const RETRY_WAIT: Duration = Duration::from_millis(500);

/// The most pages of one answer.
const PAGES_MAX: usize = 10_000;

/// One request.
#[derive(Clone, Debug)]
pub struct Call {
    method: &'static str,
    path: String,
    query: Vec<(String, String)>,
    body: Body,
}

#[derive(Clone, Debug)]
enum Body {
    None,
    Json(Json),
    Form(Vec<(String, String)>),
}

impl Call {
    /// `path` begins with `/` and is percent-encoded: see [`Call::segment`].
    #[must_use]
    pub fn get(path: impl Into<String>) -> Call {
        Call { method: "GET", path: path.into(), query: Vec::new(), body: Body::None }
    }

    #[must_use]
    pub fn post(path: impl Into<String>, body: Json) -> Call {
        Call { method: "POST", path: path.into(), query: Vec::new(), body: Body::Json(body) }
    }

    /// A POST whose fields are sent as a form.
    #[must_use]
    pub fn form<const N: usize>(path: impl Into<String>, fields: [(&str, String); N]) -> Call {
        let fields = fields.map(|(name, value)| (name.to_owned(), value)).into();
        Call { method: "POST", path: path.into(), query: Vec::new(), body: Body::Form(fields) }
    }

    /// The same as another method: `DELETE`, `PATCH`.
    #[must_use]
    pub fn method(self, method: &'static str) -> Call {
        Call { method, ..self }
    }

    /// With a parameter in the URL. It may be given more than once.
    #[must_use]
    pub fn query(mut self, name: &str, value: impl Into<String>) -> Call {
        self.query.push((name.to_owned(), value.into()));
        self
    }

    /// Text as one segment of a path: `a/b` is `a%2Fb`.
    #[must_use]
    pub fn segment(text: &str) -> String {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~:".contains(&b);
        let mut path = String::new();
        for byte in text.bytes() {
            match byte {
                byte if plain(byte) => path.push(byte.into()),
                byte => path.push_str(&format!("%{byte:02X}")),
            }
        }
        path
    }
}

/// One of Google's services, as one source asks it.
pub struct Google {
    service: &'static Service,
    web: Web,
    endpoint: Url,
    /// None: an emulator, which is sent no token.
    tokens: Option<Arc<Tokens>>,
    project: Option<String>,
    quota_project: Option<String>,
    /// The credentials' own project, once it is known.
    found: OnceLock<String>,
    keeps_time: bool,
}

impl Google {
    /// Asks nobody yet.
    ///
    /// # Errors
    /// Where the `endpoint` is no URL.
    pub fn new(service: &'static Service, source: &Settings, place: &Place<'_>) -> Result<Google, CollectError> {
        Google::behind(ENDPOINT.name, service, source, place)
    }

    /// As [`Google::new`], with another key for its address: for a source that asks a second service.
    ///
    /// # Errors
    /// Where the address is no URL.
    pub fn behind(
        endpoint_key: &str,
        service: &'static Service,
        source: &Settings,
        place: &Place<'_>,
    ) -> Result<Google, CollectError> {
        let endpoint = source.text(endpoint_key).unwrap_or(service.endpoint);
        let endpoint: Url = endpoint.parse().map_err(|e| {
            CollectError::unreachable(format_args!("the source's `{endpoint_key}` cannot be read: {e}"))
        })?;
        let tokens = is_google(&endpoint).then(|| Tokens::shared(Wanted::of(source, place.folder)));
        let text = |key| source.text(key).map(str::to_owned);
        Ok(Google {
            service,
            web: Web::new(source, 0, true),
            endpoint,
            tokens,
            project: text(PROJECT.name),
            quota_project: text(QUOTA_PROJECT.name),
            found: OnceLock::new(),
            keeps_time: false,
        })
    }

    /// Takes no answer where this machine's clock is minutes off the server's: for what is asked by the time of the
    /// clock, which would be another window than the one that is meant.
    #[must_use]
    pub fn keeping_time(self) -> Google {
        Google { keeps_time: true, ..self }
    }

    /// Sends tokens, though the endpoint is none of Google's: for tests.
    #[cfg(test)]
    pub(super) fn trusting(self, tokens: Arc<Tokens>) -> Google {
        Google { tokens: Some(tokens), ..self }
    }

    #[must_use]
    pub fn service(&self) -> &'static Service {
        self.service
    }

    /// The limits of the source.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.web.limits
    }

    /// Whether it is asked without credentials, as an emulator is.
    #[must_use]
    pub fn is_anonymous(&self) -> bool {
        self.tokens.is_none()
    }

    /// The source's project, else the credentials' own.
    ///
    /// # Errors
    /// Where neither is known.
    pub async fn project(&self, deadline: Deadline) -> Result<String, CollectError> {
        if let Some(project) = self.project.as_ref().or_else(|| self.found.get()) {
            return Ok(project.clone());
        }
        let unknown = || CollectError::unreachable("no project is known: write `project:` under the source");
        let tokens = self.tokens.as_ref().ok_or_else(unknown)?;
        let project = match &tokens.environment.project {
            Some(project) => Some(project.clone()),
            None => self.project_of(tokens, deadline).await?,
        };
        let project = project.ok_or_else(unknown)?;
        Ok(self.found.get_or_init(|| project).clone())
    }

    /// That of the credentials, or of the machine that they are of.
    async fn project_of(&self, tokens: &Tokens, deadline: Deadline) -> Result<Option<String>, CollectError> {
        let keeper = tokens.pass(deadline).await?.keeper;
        Ok(match &keeper.project {
            Some(project) => Some(project.clone()),
            None if keeper.is_of_machine => self.project_of_machine(tokens, deadline).await,
            None => keeper.quota_project.clone(),
        })
    }

    /// <https://cloud.google.com/compute/docs/metadata/predefined-metadata-keys#project-metadata>
    async fn project_of_machine(&self, tokens: &Tokens, deadline: Deadline) -> Option<String> {
        let url = format!("{}/computeMetadata/v1/project/project-id", tokens.environment.metadata_server());
        let request = self.web.request("GET", &url, &[]).ok()?.header("Metadata-Flavor", "Google");
        let answer = deadline.within("the request for the project", self.fetch(request)).await.ok()?.ok()?;
        let project = String::from_utf8(answer.body).ok()?;
        (answer.status.is_success() && !project.trim().is_empty()).then(|| project.trim().to_owned())
    }

    /// The answer's JSON. A token that is not taken is asked for anew, once; what may pass is asked again, if the
    /// deadline lets it.
    ///
    /// # Errors
    /// What went wrong, as the service says it.
    pub async fn ask(&self, call: &Call, deadline: Deadline) -> Result<Json, Failure> {
        Ok(answer::json(&self.whole(call, deadline).await?)?)
    }

    /// The same for an answer that is read otherwise.
    pub(in super::super) async fn whole(&self, call: &Call, deadline: Deadline) -> Result<Answer, Failure> {
        let mut renewed = false;
        let mut retries = 0;
        loop {
            let pass = match &self.tokens {
                Some(tokens) => Some(tokens.pass(deadline).await?),
                None => None,
            };
            let answer = deadline.within(&self.what(), self.fetch(self.request(call, pass.as_ref())?)).await;
            let unanswered = |error| Failure { is_unanswered: true, ..Failure::from(error) };
            let answer = answer.and_then(|answer| answer).map_err(unanswered)?;
            let failure = match self.check(&answer, pass.as_ref()) {
                Ok(()) => return Ok(answer),
                Err(failure) => failure,
            };
            if let (Some(401), Some(tokens), Some(pass), false) = (failure.http, &self.tokens, &pass, renewed) {
                tokens.spoil(pass);
                renewed = true;
                continue;
            }
            let wait = failure.retry_after.unwrap_or(RETRY_WAIT * 2_u32.pow(retries));
            if !failure.passes() || retries == RETRIES_MAX || deadline.left() <= wait {
                return Err(failure);
            }
            retries += 1;
            tokio::time::sleep(wait).await;
        }
    }

    async fn fetch(&self, request: RequestBuilder) -> Result<Answer, CollectError> {
        self.web.fetch(request, Hidden::default()).await
    }

    fn what(&self) -> String {
        format!("the request to {}", self.service.name)
    }

    fn check(&self, answer: &Answer, pass: Option<&Pass>) -> Result<(), Failure> {
        answer::check(self.service, answer).map_err(|mut failure| {
            // A server may have sent back what it was sent.
            if let Some(pass) = pass {
                failure.error.message = pass.token.redact(&failure.error.message);
                failure.message = pass.token.redact(&failure.message);
            }
            failure
        })?;
        if self.keeps_time { Ok(answer::check_clock(self.service, answer)?) } else { Ok(()) }
    }

    fn request(&self, call: &Call, pass: Option<&Pass>) -> Result<RequestBuilder, CollectError> {
        let mut url = self.endpoint.clone();
        url.set_path(&format!("{}{}", self.endpoint.path().trim_end_matches('/'), call.path));
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        let mut request = self.web.request(call.method, url.as_str(), &[])?;
        request = match &call.body {
            // Google wants a length of every POST, and the client writes none for no body.
            Body::None if call.method == "POST" => request.header(reqwest::header::CONTENT_LENGTH, 0),
            Body::None => request,
            Body::Json(body) => request.json(body),
            Body::Form(fields) => {
                // The URL's own writer of pairs: its query is also the body of a form.
                let mut pairs = self.endpoint.clone();
                pairs.query_pairs_mut().clear().extend_pairs(fields);
                let form = pairs.query().unwrap_or_default().to_owned();
                request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form)
            }
        };
        let Some(pass) = pass else { return Ok(request) };
        request = request.bearer_auth(pass.token.expose());
        let environment = self.tokens.as_ref().and_then(|tokens| tokens.environment.quota_project.as_ref());
        let quota_project = self.quota_project.as_ref().or(environment).or(pass.keeper.quota_project.as_ref());
        Ok(quota_project.into_iter().fold(request, |request, project| request.header("x-goog-user-project", project)))
    }

    /// The pages of an answer, one after the other.
    #[must_use]
    pub fn pages(&self, call: Call, deadline: Deadline) -> Pages<'_> {
        let counter = self.limits().counter();
        Pages { google: self, call: Some(call), deadline, count: 0, token: None, counter }
    }
}

/// The pages of an answer: each has its successor's `nextPageToken`, which is asked for as `pageToken`, in the body of a
/// request that has one and else in the URL.
pub struct Pages<'a> {
    google: &'a Google,
    /// The next request; none after the last page.
    call: Option<Call>,
    deadline: Deadline,
    count: usize,
    token: Option<String>,
    /// Of the bytes of all pages.
    counter: Counter,
}

impl Pages<'_> {
    /// The next page; none after the last.
    ///
    /// # Errors
    /// As [`Google::ask`], and where the pages do not end or are too many bytes together.
    pub async fn next(&mut self) -> Result<Option<Json>, Failure> {
        let Some(mut call) = self.call.take() else { return Ok(None) };
        let answer = self.google.whole(&call, self.deadline).await?;
        self.counter.bytes(answer.body.len())?;
        let page = answer::json(&answer)?;
        self.count += 1;
        let token = page.get("nextPageToken").and_then(Json::as_str).filter(|token| !token.is_empty());
        if let Some(token) = token {
            if PAGES_MAX <= self.count || self.token.as_deref() == Some(token) {
                let name = self.google.service.name;
                let message = format!("the answer of {name} does not end after {} pages: ask for less", self.count);
                return Err(CollectError::limit(message).into());
            }
            self.token = Some(token.to_owned());
            if let Body::Json(body) = &mut call.body {
                body["pageToken"] = token.into();
            } else {
                call.query.retain(|(name, _)| name != "pageToken");
                call.query.push(("pageToken".to_owned(), token.to_owned()));
            }
            self.call = Some(call);
        }
        Ok(Some(page))
    }
}

/// Whether an address may be sent a token.
fn is_google(endpoint: &Url) -> bool {
    let host = endpoint.host_str().unwrap_or_default();
    endpoint.scheme() == "https" && (host == "googleapis.com" || host.ends_with(".googleapis.com"))
}
