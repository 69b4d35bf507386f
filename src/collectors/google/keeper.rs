//! One set of credentials of `google-cloud-auth`, kept so that its habits do no harm.
//!
//! The library renews tokens in a task that it spawns when credentials are made; it sets no time limit on a request, and
//! an error that it takes for permanent it repeats for ever. So each set lives on a small runtime of its own: who asks
//! waits to its deadline, and a set that failed for good, or that is silent, is thrown away with its tasks. Nothing here
//! depends on the runtime that asks.

use super::super::error::{CollectError, with_causes};
use super::Deadline;
use super::tokens::{From, Tokens};
use crate::model::{FailureClass, Secret};
use google_cloud_auth::build_errors::Error as BuildError;
use google_cloud_auth::credentials::{
    AccessTokenCredentials, Credentials, external_account, impersonated, mds, service_account, user_account,
};
use google_cloud_auth::errors::CredentialsError;
use serde_json::{Value as Json, json};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::time::Instant;

/// How long a set may be silent before it is thrown away. A shorter deadline is the check's affair.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// The keys of credentials whose values no error may show.
const SECRET_KEYS: [&str; 4] = ["private_key", "client_secret", "refresh_token", "private_key_id"];

pub(super) struct Keeper {
    /// There until it is dropped.
    runtime: Option<Runtime>,
    credentials: AccessTokenCredentials,
    /// What the credentials say themselves.
    pub(super) project: Option<String>,
    pub(super) quota_project: Option<String>,
    secrets: Vec<Secret>,
    /// Whether they are the metadata server's.
    pub(super) is_of_machine: bool,
    /// What to do where they fail.
    advice: String,
    /// Since when somebody waits who has got no answer.
    silent_since: Mutex<Option<Instant>>,
}

/// Why there is no token.
pub(super) struct Refusal {
    pub(super) error: CollectError,
    /// Asking these credentials again would give no other answer.
    pub(super) is_final: bool,
}

impl Keeper {
    /// Reads the credentials and prepares to ask; asks nobody yet.
    pub(super) fn open(tokens: &Tokens) -> Result<Keeper, CollectError> {
        let json = tokens.wanted.json(&tokens.environment)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("google-tokens")
            .enable_all()
            .build()
            .map_err(|e| CollectError::unreachable(format_args!("cannot start a thread for Google's tokens: {e}")))?;
        let text = |key| json.as_ref().and_then(|json| json.get(key)).and_then(Json::as_str).map(str::to_owned);
        let (project, quota_project) = (text("project_id"), text("quota_project_id"));
        let secrets = json.as_ref().map(secrets).unwrap_or_default();
        let advice = advice(tokens, json.as_ref());
        let is_of_machine = json.is_none();
        let made = {
            let _on = runtime.enter();
            credentials(tokens, json)
        };
        let credentials = made.map_err(|error| {
            let said = conceal(&secrets, with_causes(&error));
            CollectError::unreachable(format_args!("the Google credentials are not good: {said}: {advice}"))
                .classed(FailureClass::Unauthorised)
        });
        let silent_since = Mutex::default();
        match credentials {
            Ok(credentials) => {
                let runtime = Some(runtime);
                Ok(Keeper {
                    runtime,
                    credentials,
                    project,
                    quota_project,
                    secrets,
                    is_of_machine,
                    advice,
                    silent_since,
                })
            }
            Err(error) => {
                runtime.shutdown_background();
                Err(error)
            }
        }
    }

    pub(super) async fn token(&self, deadline: Deadline) -> Result<Secret, Refusal> {
        let Some(runtime) = &self.runtime else { return Err(Refusal::of("the thread is gone", true)) };
        let credentials = self.credentials.clone();
        self.silent_since().get_or_insert_with(Instant::now);
        // In a task: what the library panics at is an error here.
        let asked = runtime.spawn(async move { credentials.access_token().await });
        let what = "the request for a Google access token";
        let Ok(answer) = deadline.within(what, asked).await else {
            let is_final = self.silent_since().is_some_and(|since| SILENCE_MAX <= since.elapsed());
            let error = CollectError::too_late(what, deadline.timeout);
            return Err(Refusal { error, is_final });
        };
        *self.silent_since() = None;
        match answer {
            Ok(Ok(token)) => Ok(Secret::new(&token.token)),
            Ok(Err(error)) => Err(self.explain(&error)),
            Err(_) => Err(Refusal::of("the request for a Google access token broke off: it is made anew", true)),
        }
    }

    fn explain(&self, error: &CredentialsError) -> Refusal {
        let said = conceal(&self.secrets, said(error));
        let message = format!("there is no Google access token: {said}: {}", self.advice);
        Refusal::of(&message, !error.is_transient())
    }

    fn silent_since(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.silent_since.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // A runtime may not be waited for where others run.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Refusal {
    fn of(message: &str, is_final: bool) -> Refusal {
        Refusal { error: CollectError::unreachable(message).classed(FailureClass::Unauthorised), is_final }
    }
}

fn credentials(tokens: &Tokens, json: Option<Json>) -> Result<AccessTokenCredentials, BuildError> {
    let scopes = tokens.wanted.scopes.clone();
    let Some(who) = &tokens.wanted.impersonate else { return of_json(tokens, json, scopes) };
    let builder = if let Some(json) = json {
        impersonated::Builder::new(json!({
            "service_account_impersonation_url":
                format!("{}/v1/projects/-/serviceAccounts/{who}:generateAccessToken", tokens.iam),
            "source_credentials": json,
        }))
    } else {
        let source: Credentials = of_json(tokens, None, None)?.into();
        impersonated::Builder::from_source_credentials(source).with_target_principal(who.as_str())
    };
    with(builder, scopes, impersonated::Builder::with_scopes).build_access_token_credentials()
}

/// Scopes are passed on only where they are asked for: a user's login, or a machine, may have fewer than all.
fn of_json(
    tokens: &Tokens,
    json: Option<Json>,
    scopes: Option<Vec<String>>,
) -> Result<AccessTokenCredentials, BuildError> {
    let Some(json) = json else {
        let builder = mds::Builder::default().with_endpoint(tokens.environment.metadata_server());
        return with(builder, scopes, mds::Builder::with_scopes).build_access_token_credentials();
    };
    match json.get("type").and_then(Json::as_str).unwrap_or_default() {
        "authorized_user" => with(user_account::Builder::new(json), scopes, user_account::Builder::with_scopes)
            .build_access_token_credentials(),
        "external_account" => {
            with(external_account::Builder::new(json), scopes, external_account::Builder::with_scopes)
                .build_access_token_credentials()
        }
        "impersonated_service_account" => {
            with(impersonated::Builder::new(json), scopes, impersonated::Builder::with_scopes)
                .build_access_token_credentials()
        }
        _ => with(service_account::Builder::new(json), scopes, |builder, scopes: Vec<String>| {
            builder.with_access_specifier(service_account::AccessSpecifier::from_scopes(scopes))
        })
        .build_access_token_credentials(),
    }
}

fn with<B>(builder: B, scopes: Option<Vec<String>>, set: impl FnOnce(B, Vec<String>) -> B) -> B {
    match scopes {
        Some(scopes) => set(builder, scopes),
        None => builder,
    }
}

/// What the user can do, by the kind of credentials.
fn advice(tokens: &Tokens, json: Option<&Json>) -> String {
    if let Some(who) = &tokens.wanted.impersonate {
        return format!("grant `roles/iam.serviceAccountTokenCreator` on `{who}` to who runs Bellwether");
    }
    let kind = json.and_then(|json| json.get("type")).and_then(Json::as_str);
    let advice = match (kind, &tokens.wanted.from) {
        (Some("authorized_user"), _) => "run `gcloud auth application-default login` again",
        (Some("external_account"), _) => {
            "look at the workload identity pool, its provider and what it lets in, and at the subject token"
        }
        (Some("impersonated_service_account"), _) => {
            "grant `roles/iam.serviceAccountTokenCreator` on the service account to whom the file names"
        }
        (Some("service_account"), _) => "make a new key, `gcloud iam service-accounts keys create`",
        (Some(_), _) => {
            "give a file of the type service_account, external_account, impersonated_service_account or authorized_user"
        }
        (None, From::Metadata) => {
            "run on a machine at Google that has a service account, or give `credentials: key.json`"
        }
        (None, _) => {
            "run `gcloud auth application-default login`, give `credentials: key.json`, or run on a machine at Google that has a service account"
        }
    };
    advice.to_owned()
}

/// The texts of the credentials that no error may show, wherever in the file they stand.
fn secrets(json: &Json) -> Vec<Secret> {
    match json {
        Json::Object(map) => map
            .iter()
            .flat_map(|(key, value)| match value {
                Json::String(text) if SECRET_KEYS.contains(&key.as_str()) => vec![Secret::new(text)],
                value => secrets(value),
            })
            .collect(),
        Json::Array(list) => list.iter().flat_map(secrets).collect(),
        _ => Vec::new(),
    }
}

fn conceal(secrets: &[Secret], said: String) -> String {
    secrets.iter().fold(said, |said, secret| secret.redact(&said))
}

/// What the far side said, else the innermost cause. A body that is no error of OAuth's or Google's is not shown: it may
/// be what a token was read from.
fn said(error: &CredentialsError) -> String {
    let mut innermost = String::new();
    let mut next: Option<&dyn std::error::Error> = Some(error);
    while let Some(cause) = next {
        let text = cause.to_string();
        if let Some(said) = body(&text) {
            return said;
        }
        text.split("body=<").next().unwrap_or_default().clone_into(&mut innermost);
        next = cause.source();
    }
    innermost
}

/// `error_description`, `error.message` or `error` of the JSON in a text.
fn body(text: &str) -> Option<String> {
    let json: Json = serde_json::from_str(text.get(text.find('{')?..=text.rfind('}')?)?).ok()?;
    let error = json.get("error")?;
    let words = [json.get("error_description"), error.get("message"), Some(error)];
    let mut words = words.into_iter().flatten().filter_map(Json::as_str);
    let said = words.next()?;
    Some(match error.as_str().filter(|code| *code != said) {
        Some(code) => format!("{said} ({code})"),
        None => said.to_owned(),
    })
}
