use crate::process::{Server, ended_with_us, free_port, run, server_folder};
use crate::{http, tools};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// Google's own Pub/Sub emulator, which comes with the Cloud SDK. REST and gRPC stand on one port.
///
/// It takes a subscription's `filter` and does not apply it, and waits about two seconds between deliveries whatever the
/// retry policy. It moves a message to the dead-letter topic after the fifth attempt, as Pub/Sub does.
pub struct Pubsub {
    server: Server,
    port: u16,
}

impl Pubsub {
    pub fn start() -> Result<Pubsub, String> {
        Pubsub::start_at(free_port())
    }

    /// On the port that one had which was stopped; of its data nothing is left.
    pub fn start_at(port: u16) -> Result<Pubsub, String> {
        let program = in_cloud_sdk("platform/pubsub-emulator/bin/cloud-pubsub-emulator")?;
        let folder = server_folder()?;
        let mut command = ended_with_us(&program, "KILL", None);
        command.args(["--host=127.0.0.1", &format!("--port={port}")]).current_dir(folder.path());
        let server = Server::start(folder, command, "KILL", || http::get(port, "/").is_ok())?;
        Ok(Pubsub { server, port })
    }

    /// For the `endpoint` of a source.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The process: stop it, freeze it, read its log.
    pub fn server(&mut self) -> &mut Server {
        &mut self.server
    }
}

/// Google's own Firestore emulator, which comes with the Cloud SDK. REST and gRPC stand on one port.
///
/// It asks for no composite index where Firestore would (`FAILED_PRECONDITION`), and has no quotas.
pub struct Firestore {
    server: Server,
    port: u16,
}

impl Firestore {
    pub fn start() -> Result<Firestore, String> {
        Firestore::start_at(free_port())
    }

    /// On the port that one had which was stopped; of its data nothing is left.
    pub fn start_at(port: u16) -> Result<Firestore, String> {
        let jar = in_cloud_sdk("platform/cloud-firestore-emulator/cloud-firestore-emulator.jar")?;
        let folder = server_folder()?;
        let mut command = ended_with_us(&tools::in_path("java")?, "KILL", None);
        command
            .args(["-Duser.language=en", "-cp"])
            .arg(jar)
            .arg("com.google.cloud.datastore.emulator.firestore.CloudFirestore");
        command.args(["start", "--host=127.0.0.1", &format!("--port={port}")]).current_dir(folder.path());
        let server = Server::start(folder, command, "KILL", || http::get(port, "/").is_ok())?;
        Ok(Firestore { server, port })
    }

    /// For the `endpoint` of a source.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Takes every document of a project away.
    pub fn wipe(&self, project: &str) -> Result<(), String> {
        let path = format!("/emulator/v1/projects/{project}/databases/(default)/documents");
        match http::request("DELETE", self.port, &path, &[], "")? {
            (200, _) => Ok(()),
            (status, body) => Err(format!("{status}: {body}")),
        }
    }

    /// The process: stop it, freeze it, read its log.
    pub fn server(&mut self) -> &mut Server {
        &mut self.server
    }
}

/// Whether the machine has the Cloud SDK: where it does, its emulators are to be there too.
pub(crate) fn is_there() -> bool {
    tools::in_path("gcloud").is_ok()
}

/// A part of the Cloud SDK, by its path from the SDK's root.
fn in_cloud_sdk(path: &str) -> Result<PathBuf, String> {
    static ROOT: LazyLock<Result<PathBuf, String>> = LazyLock::new(cloud_sdk);
    let found = ROOT.clone()?.join(path);
    if found.exists() { Ok(found) } else { Err(format!("the Cloud SDK has no {path}: install that component")) }
}

/// Where the program `gcloud` leads to, else where it says it is.
fn cloud_sdk() -> Result<PathBuf, String> {
    let gcloud = tools::in_path("gcloud").map_err(|_| "there is no Cloud SDK: gcloud is not in the PATH".to_owned())?;
    let real = gcloud.canonicalize().map_err(|error| error.to_string())?;
    let root = real.parent().and_then(Path::parent).filter(|root| root.join("platform").exists());
    if let Some(root) = root {
        return Ok(root.to_owned());
    }
    let said = run(Command::new(gcloud).args(["info", "--format=value(installation.sdk_root)"]))?;
    Ok(PathBuf::from(said.trim()))
}
