//! Where credentials are, as Google's own libraries look for them: <https://google.aip.dev/auth/4110>.

use super::super::error::CollectError;
use serde_json::Value as Json;
use std::path::{Path, PathBuf};

/// The metadata server of a machine at Google.
const METADATA: &str = "http://metadata.google.internal";

/// What the process's variables say of Google.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// `GOOGLE_APPLICATION_CREDENTIALS`.
    pub named: Option<PathBuf>,
    /// Where `gcloud auth application-default login` writes.
    pub well_known: Option<PathBuf>,
    /// The metadata server, from `GCE_METADATA_HOST` where that is set.
    pub metadata: Option<String>,
    /// `GOOGLE_CLOUD_PROJECT`.
    pub project: Option<String>,
    /// `GOOGLE_CLOUD_QUOTA_PROJECT`.
    pub quota_project: Option<String>,
}

impl Environment {
    #[must_use]
    pub fn of_process() -> Environment {
        let text = |name| std::env::var(name).ok().filter(|value: &String| !value.is_empty());
        let path = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let gcloud = path("CLOUDSDK_CONFIG").or_else(|| Some(path("HOME")?.join(".config/gcloud")));
        Environment {
            named: path("GOOGLE_APPLICATION_CREDENTIALS"),
            well_known: gcloud.map(|folder| folder.join("application_default_credentials.json")),
            metadata: text("GCE_METADATA_HOST").map(|host| format!("http://{host}")),
            project: text("GOOGLE_CLOUD_PROJECT"),
            quota_project: text("GOOGLE_CLOUD_QUOTA_PROJECT"),
        }
    }

    /// The base of the metadata server's addresses.
    #[must_use]
    pub fn metadata_server(&self) -> &str {
        self.metadata.as_deref().unwrap_or(METADATA)
    }

    /// The application default credentials: the file's JSON and its path; none where the metadata server is to be asked.
    ///
    /// # Errors
    /// Where the variable names a file that cannot be read, or a file is no JSON.
    pub fn application_default(&self) -> Result<Option<(Json, PathBuf)>, CollectError> {
        if let Some(path) = &self.named {
            return read(path, "the variable GOOGLE_APPLICATION_CREDENTIALS names it").map(Some);
        }
        match &self.well_known {
            Some(path) if path.exists() => read(path, "`gcloud auth application-default login` writes it").map(Some),
            _ => Ok(None),
        }
    }
}

/// A file of credentials. Nothing of what it holds is shown.
pub(super) fn read(path: &Path, why: &str) -> Result<(Json, PathBuf), CollectError> {
    let failed = |what: &dyn std::fmt::Display| {
        CollectError::unreachable(format_args!(
            "the credentials in `{}` cannot be read: {what} ({why})",
            path.display()
        ))
    };
    let text = std::fs::read(path).map_err(|e| failed(&e))?;
    let json: Json =
        serde_json::from_slice(&text).map_err(|e| failed(&format_args!("it is no JSON, {}", place(&e))))?;
    if json.get("type").and_then(Json::as_str).is_none() {
        return Err(failed(&"it has no `type`, as a service account's key or what `gcloud` writes has"));
    }
    Ok((json, path.to_owned()))
}

/// Where the JSON ends to be one, without the words around it, which may be of a secret.
fn place(error: &serde_json::Error) -> String {
    format!("line {} column {}", error.line(), error.column())
}
