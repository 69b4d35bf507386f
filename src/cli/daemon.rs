//! The client of a daemon that runs: where it is, and how it is asked. Each command that speaks to one asks here.
//!
//! It is asked over HTTP at `--url`, else at `server.url` of the folder, else at `server.listen`. A token is sent where
//! there is one, as `Authorization: Bearer …`: from `--token-file`, else from the variable `BELLWETHER_TOKEN`.

use super::{Folder, environment};
use crate::collectors::error::with_causes;
use crate::load::{self, Mode, ServerConfig};
use crate::model::Secret;
use crate::runtime;
use reqwest::{Method, Response, StatusCode, Url, redirect, tls};
use serde_json::Value;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Whose value is sent as the token where `--token-file` names none.
const TOKEN: &str = "BELLWETHER_TOKEN";
/// The daemon gives up a question after five seconds.
const PATIENCE: Duration = Duration::from_secs(10);
const CONNECT_PATIENCE: Duration = Duration::from_secs(3);
/// What `load` reads for a URL whose variable this environment lacks.
const STAND_IN: &str = "http://127.0.0.1/";
/// More is no answer of the daemon's.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// Which daemon, for a command whose other arguments stand before DIR: `breaker reset NAME [DIR]`.
#[derive(clap::Args)]
pub(super) struct Reach {
    #[command(flatten)]
    pub(super) folder: Folder,
    #[command(flatten)]
    pub(super) access: Access,
}

/// How a daemon is reached, for a command that names its folder by itself.
#[derive(clap::Args)]
pub(super) struct Access {
    /// The daemon's address, such as `http://127.0.0.1:9600`; by default that of the folder's `server`.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// A file that holds the token; by default the variable `BELLWETHER_TOKEN` does.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// A PEM file of the certificates that sign the daemon's, in place of the system's.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

impl Reach {
    /// # Errors
    /// As [`Client::new`].
    pub(super) fn client(&self) -> Result<Client, String> {
        Client::new(&self.folder.folder, &self.access)
    }
}

/// A daemon that can be asked. Nothing is sent before the first question.
#[derive(Debug)]
pub(super) struct Client {
    /// Without a `/` at its end.
    base: Url,
    token: Option<Secret>,
    /// Whose signature on its certificate is believed; `None`: those of the system.
    roots: Option<Vec<tls::Certificate>>,
    /// How long an answer is waited for.
    patience: Duration,
}

/// Why there is no answer, or why it is no. For people: what to do stands in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// What the daemon answered; `None` where it gave no answer.
    pub(super) status: Option<u16>,
    pub(super) message: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

type Answer = Result<Value, Refusal>;

impl Client {
    /// Finds the address and the token. A folder that does not load is read as far as its `server`: that is when the
    /// daemon, which goes on with what it had, is asked.
    ///
    /// # Errors
    /// Says what to write where the address or the token cannot be had.
    pub(super) fn new(folder: &Path, access: &Access) -> Result<Client, String> {
        let base = match &access.url {
            Some(url) => given(url)?,
            None => found(folder)?,
        };
        Ok(Client {
            base,
            token: token(access.token_file.as_deref())?,
            roots: roots(access.ca.as_deref())?,
            patience: PATIENCE,
        })
    }

    /// The same, waiting so long for an answer.
    pub(super) fn patient(self, patience: Duration) -> Client {
        Client { patience, ..self }
    }

    /// Where it asks, for people.
    pub(super) fn address(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// Asks for `path`, such as `/api/v1/status`, with these parameters.
    pub(super) fn get(&self, path: &str, query: &[(&str, &str)]) -> Answer {
        self.ask(&Method::GET, path, query, None)
    }

    /// Asks for anything else: `(&Method::POST, path, &[], Some(&body))`.
    pub(super) fn ask(&self, method: &Method, path: &str, query: &[(&str, &str)], body: Option<&Value>) -> Answer {
        let asked = runtime::block_on(self.exchange(method.clone(), path, query, body));
        asked.map_err(|why| Refusal { status: None, message: why })?
    }

    async fn exchange(&self, method: Method, path: &str, query: &[(&str, &str)], body: Option<&Value>) -> Answer {
        let failed = |e: reqwest::Error| self.no_answer(&e);
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut request = self.http().map_err(failed)?.request(method, url);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose());
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(failed)?;
        let status = response.status();
        let text = text(response).await.map_err(failed)?;
        if status.is_success() { self.read(status, &text) } else { Err(self.refused(status, &text)) }
    }

    fn http(&self) -> reqwest::Result<reqwest::Client> {
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("bellwether/", env!("CARGO_PKG_VERSION")))
            .timeout(self.patience)
            .connect_timeout(CONNECT_PATIENCE)
            // A proxy's page for logging in is no answer, and the token is not for others.
            .redirect(redirect::Policy::none());
        if let Some(roots) = &self.roots {
            builder = builder.tls_certs_only(roots.iter().cloned());
        }
        if is_loopback(&self.base) {
            builder = builder.no_proxy();
        }
        builder.build()
    }

    fn read(&self, status: StatusCode, text: &str) -> Answer {
        if text.trim().is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(text).map_err(|_| {
            let message = format!(
                "what listens at {} answered with no JSON: it is no Bellwether, or an older one: see `--url`",
                self.address()
            );
            Refusal { status: Some(status.as_u16()), message }
        })
    }

    fn no_answer(&self, error: &reqwest::Error) -> Refusal {
        let address = self.address();
        let why = cause(error);
        let message = if why.contains("CaUsedAsEndEntity") {
            format!(
                "{address} shows a certificate that is an authority's own, as `openssl req -x509` makes them: it may sign \
                 others, and is not taken for a server's. Have it sign one for the server, and give the authority's to \
                 `--ca`: docs/access.md has the commands ({why})"
            )
        } else if self.base.scheme() == "https" && why.contains("InvalidContentType") {
            let plain = address.replacen("https:", "http:", 1);
            format!("{address} speaks plain HTTP: ask `--url {plain}`, or give the daemon `server.tls` ({why})")
        } else if why.contains("certificate") {
            format!(
                "{address} shows a certificate that is not trusted: `--ca FILE` names who signed it, `--url` a name that it \
                 is for ({why})"
            )
        } else if error.is_connect() {
            format!(
                "nothing answers at {address}: is `bellwether run DIR` running, and is that its address? (`--url` names \
                 another; {why})"
            )
        } else if error.is_timeout() {
            format!(
                "{address} took the question and gave no answer in {} s: see its log, and `/healthz`",
                self.patience.as_secs()
            )
        } else {
            format!("no answer of {address} that can be read: {}", with_causes(error))
        };
        Refusal { status: None, message }
    }

    /// What a status that is no success means to who asked.
    fn refused(&self, status: StatusCode, text: &str) -> Refusal {
        let said = said(text);
        let address = self.address();
        let what = match status {
            StatusCode::UNAUTHORIZED => {
                format!("{address} asks for a token: give one with `--token-file FILE` or in {TOKEN}")
            }
            StatusCode::FORBIDDEN => match self.token {
                Some(_) => format!("{address} refused: the token may not do this, one with another role may"),
                None => format!("{address} refused: perhaps it takes a token (`--token-file FILE` or {TOKEN})"),
            },
            StatusCode::SERVICE_UNAVAILABLE => format!("{address} is starting, stopping or busy: ask again"),
            _ if status.is_redirection() => format!(
                "{address} sends elsewhere, as a page for logging in does: ask the daemon itself with `--url`, such as \
                 `--url http://127.0.0.1:9600` on its machine"
            ),
            _ if !said.is_empty() => return Refusal { status: Some(status.as_u16()), message: said },
            StatusCode::NOT_FOUND => {
                format!("{address} does not know this question: it may be older than this command")
            }
            _ => format!("{address} answered {status}"),
        };
        let message = if said.is_empty() { what } else { format!("{what} ({said})") };
        Refusal { status: Some(status.as_u16()), message }
    }
}

/// The address of `--url`.
fn given(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok().filter(|url| ["http", "https"].contains(&url.scheme()) && url.has_host());
    url.ok_or_else(|| format!("`--url {text}` is no address: write it as `http://127.0.0.1:9600`"))
}

/// The address that the folder names.
fn found(folder: &Path) -> Result<Url, String> {
    let loaded = load::load(folder, &environment, Mode::Lenient).map_err(|e| format!("{e}, or use `--url URL`"))?;
    let server = loaded.server.ok_or_else(|| {
        format!("`server` in `{}` cannot be read: see `bellwether lint`, or use `--url URL`", folder.display())
    })?;
    address(&server)
}

fn address(server: &ServerConfig) -> Result<Url, String> {
    if let Some(url) = server.url.as_deref().filter(|url| *url != STAND_IN).and_then(|url| given(url).ok()) {
        return Ok(url);
    }
    if server.listen.port() == 0 {
        return Err("`server.listen` has port 0, so the system chose one: name it with `--url`; it stands in the \
                    daemon's log"
            .to_owned());
    }
    let scheme = if server.tls.is_some() { "https" } else { "http" };
    given(&format!("{scheme}://{}", reachable(server.listen)))
}

/// Who listens on every address is reached at this machine's own.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or("").trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn token(file: Option<&Path>) -> Result<Option<Secret>, String> {
    let text = match file {
        Some(path) => {
            std::fs::read_to_string(path).map_err(|e| format!("cannot read the token in `{}`: {e}", path.display()))?
        }
        None => environment(TOKEN).unwrap_or_default(),
    };
    let token = text.trim();
    if token.is_empty() && file.is_some() {
        return Err("the file of `--token-file` is empty: write the token in its first line".to_owned());
    }
    Ok((!token.is_empty()).then(|| Secret::new(token)))
}

fn roots(file: Option<&Path>) -> Result<Option<Vec<tls::Certificate>>, String> {
    let Some(path) = file else { return Ok(None) };
    let failed = |why: &dyn fmt::Display| format!("cannot read the certificates of `{}`: {why}", path.display());
    let pem = std::fs::read(path).map_err(|e| failed(&e))?;
    let roots = tls::Certificate::from_pem_bundle(&pem).map_err(|e| failed(&e))?;
    if roots.is_empty() { Err(failed(&"it holds none in PEM")) } else { Ok(Some(roots)) }
}

/// The answer's text; what is longer than any answer is cut, and then is no JSON.
async fn text(mut response: Response) -> reqwest::Result<String> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        bytes.extend_from_slice(&chunk);
        if ANSWER_BYTES_MAX < bytes.len() {
            break;
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The last cause of an error: the ones before it say that there was one.
fn cause(error: &reqwest::Error) -> String {
    let mut last: &dyn std::error::Error = error;
    while let Some(next) = last.source() {
        last = next;
    }
    last.to_string()
}

/// What an error says: its `error`, or its text where that is for people too.
fn said(text: &str) -> String {
    if let Ok(value) = serde_json::from_str::<Value>(text) {
        return value["error"].as_str().unwrap_or("").to_owned();
    }
    let text = text.trim();
    if text.starts_with('<') { String::new() } else { text.chars().take(2_000).collect() }
}

#[cfg(test)]
mod tests;
