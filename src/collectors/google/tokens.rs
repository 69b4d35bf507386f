//! Access tokens, once for all sources of a process that want the same.

use super::super::error::CollectError;
use super::adc::Environment;
use super::keeper::Keeper;
use super::{CREDENTIALS, Deadline, IMPERSONATE, SCOPES, adc};
use crate::config::Settings;
use crate::model::Secret;
use serde_json::Value as Json;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};

/// Where service accounts are impersonated: <https://cloud.google.com/iam/docs/reference/credentials/rest>.
const IAM: &str = "https://iamcredentials.googleapis.com";

/// Which credentials a source wants.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Wanted {
    pub from: From,
    /// A service account's e-mail address.
    pub impersonate: Option<String>,
    /// None: the credentials' own.
    pub scopes: Option<Vec<String>>,
}

/// Where credentials come from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum From {
    ApplicationDefault,
    Metadata,
    File(PathBuf),
}

impl Wanted {
    /// What a source says of its credentials; `folder` is the configuration's.
    #[must_use]
    pub fn of(source: &Settings, folder: &Path) -> Wanted {
        let from = match source.text(CREDENTIALS.name) {
            None | Some("application_default") => From::ApplicationDefault,
            Some("metadata") => From::Metadata,
            Some(path) => From::File(folder.join(path)),
        };
        let scopes = source.texts(SCOPES.name);
        Wanted {
            from,
            impersonate: source.text(IMPERSONATE.name).map(str::to_owned),
            scopes: (!scopes.is_empty()).then(|| scopes.into_iter().map(str::to_owned).collect()),
        }
    }

    /// The JSON of the credentials; none where the metadata server is to be asked.
    ///
    /// # Errors
    /// Where a file cannot be read.
    pub(super) fn json(&self, environment: &Environment) -> Result<Option<Json>, CollectError> {
        match &self.from {
            From::Metadata => Ok(None),
            From::ApplicationDefault => Ok(environment.application_default()?.map(|(json, _)| json)),
            From::File(path) => Ok(Some(adc::read(path, "`credentials` of the source names it")?.0)),
        }
    }
}

/// Gives access tokens. It remembers one for as long as it is good, and begins anew where one was not.
pub struct Tokens {
    pub(super) wanted: Wanted,
    pub(super) environment: Environment,
    pub(super) iam: String,
    kept: Mutex<Option<Arc<Keeper>>>,
}

/// A token, and who gave it.
pub struct Pass {
    pub token: Secret,
    pub(super) keeper: Arc<Keeper>,
}

type Shared = Mutex<HashMap<Wanted, Weak<Tokens>>>;

impl Tokens {
    #[must_use]
    pub fn new(wanted: Wanted, environment: Environment) -> Tokens {
        Tokens { wanted, environment, iam: IAM.to_owned(), kept: Mutex::default() }
    }

    /// Impersonates elsewhere: for tests.
    #[cfg(test)]
    pub(super) fn impersonating_at(self, iam: &str) -> Tokens {
        Tokens { iam: iam.to_owned(), ..self }
    }

    /// The same for all who want the same, for as long as one of them is there.
    #[must_use]
    pub fn shared(wanted: Wanted) -> Arc<Tokens> {
        static SHARED: LazyLock<Shared> = LazyLock::new(Mutex::default);
        let mut shared = lock(&SHARED);
        if let Some(tokens) = shared.get(&wanted).and_then(Weak::upgrade) {
            return tokens;
        }
        shared.retain(|_, tokens| tokens.strong_count() > 0);
        let tokens = Arc::new(Tokens::new(wanted.clone(), Environment::of_process()));
        shared.insert(wanted, Arc::downgrade(&tokens));
        tokens
    }

    /// A token that is good now, as far as is known here.
    ///
    /// # Errors
    /// Where there is none by the deadline: why, and what to do.
    pub async fn pass(&self, deadline: Deadline) -> Result<Pass, CollectError> {
        let keeper = self.keeper()?;
        match keeper.token(deadline).await {
            Ok(token) => Ok(Pass { token, keeper }),
            Err(refusal) => {
                if refusal.is_final {
                    self.forget(&keeper);
                }
                Err(refusal.error)
            }
        }
    }

    /// A server did not take this token: the next one is a new one.
    pub fn spoil(&self, pass: &Pass) {
        self.forget(&pass.keeper);
    }

    fn keeper(&self) -> Result<Arc<Keeper>, CollectError> {
        let mut kept = lock(&self.kept);
        if let Some(keeper) = &*kept {
            return Ok(Arc::clone(keeper));
        }
        let keeper = Arc::new(Keeper::open(self)?);
        *kept = Some(Arc::clone(&keeper));
        Ok(keeper)
    }

    fn forget(&self, keeper: &Arc<Keeper>) {
        let mut kept = lock(&self.kept);
        if kept.as_ref().is_some_and(|now| Arc::ptr_eq(now, keeper)) {
            *kept = None;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
