//! WHAT THE GOOGLE SOURCES SHARE, no kind itself: credentials once for a process, and one way to ask a REST API.
//!
//! A kind declares its [`Service`], takes the keys below into its source's record, and asks through a [`Google`].

mod adc;
mod answer;
mod client;
mod group;
mod keeper;
#[cfg(test)]
mod tests;
mod tokens;

pub use adc::Environment;
pub use answer::Failure;
pub use client::{Call, Google, Pages};
pub use group::{GROUP_BY, Group, groups, problems as group_problems};
pub use tokens::{Tokens, Wanted};

use super::error::CollectError;
use crate::config::{Key, Shape};
use std::time::Duration;
use tokio::time::Instant;

/// What is known of one of Google's services.
#[derive(Debug)]
pub struct Service {
    /// As errors call it: `BigQuery`.
    pub name: &'static str,
    /// Where its REST API is: `https://bigquery.googleapis.com`.
    pub endpoint: &'static str,
    /// What to grant to whom it refuses: the least roles, as one phrase.
    pub role: &'static str,
}

pub const PROJECT: Key =
    Key::new("project", Shape::Text, "The project's id; without it the credentials' own.").known_as(&["project_id"]);
pub const CREDENTIALS: Key = Key::new(
    "credentials",
    Shape::Text,
    "`application_default`, `metadata`, or the path of a JSON file: a service account's key, workload identity federation, an authorized user.",
)
.default("application_default")
.known_as(&["credentials_file", "key_file", "keyfile", "service_account_file"]);
pub const IMPERSONATE: Key = Key::new(
    "impersonate",
    Shape::Text,
    "The e-mail address of a service account to act as; the credentials need `roles/iam.serviceAccountTokenCreator` on it.",
)
.known_as(&["impersonate_service_account", "target_principal"]);
pub const SCOPES: Key = Key::new(
    "scopes",
    Shape::List(&Shape::Text),
    "OAuth scopes, in place of the credentials' own or `https://www.googleapis.com/auth/cloud-platform`.",
);
pub const QUOTA_PROJECT: Key = Key::new(
    "quota_project",
    Shape::Text,
    "The project that requests are counted and billed to, where it is another one.",
)
.known_as(&["quota_project_id", "billing_project"]);
pub const ENDPOINT: Key = Key::new(
    "endpoint",
    Shape::Url,
    "Another address of the API, as of an emulator. Only an address under `https://….googleapis.com` is ever sent a token.",
)
.known_as(&["api_endpoint", "base_url", "emulator", "emulator_host"]);

/// When a collection has to be over.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    at: Instant,
    timeout: Duration,
}

impl Deadline {
    /// So long from now.
    #[must_use]
    pub fn after(timeout: Duration) -> Deadline {
        Deadline { at: Instant::now() + timeout, timeout }
    }

    /// What is left.
    #[must_use]
    pub fn left(self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }

    /// Waits for `work`, at most to the deadline.
    ///
    /// # Errors
    /// Where it is not over by then; `what` is named, and the whole time that there was.
    pub async fn within<T>(self, what: &str, work: impl Future<Output = T>) -> Result<T, CollectError> {
        tokio::time::timeout_at(self.at, work).await.map_err(|_| CollectError::too_late(what, self.timeout))
    }
}
