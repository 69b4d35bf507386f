use crate::process::{Server, ended_with_us, free_port, server_folder};
use crate::{http, tools};
use serde_json::{Value, json};
use std::path::PathBuf;

/// The project of both emulators.
const PROJECT: &str = "proj";

/// A BigQuery on this machine (PyPI's `local-bigquery`: SQL translated for DuckDB). It takes requests with any token or
/// none, does not enforce `maximumBytesBilled`, and a dry run counts no bytes.
pub struct BigQuery {
    server: Server,
    port: u16,
}

impl BigQuery {
    pub const PROJECT: &str = PROJECT;

    pub fn start() -> Result<BigQuery, String> {
        let port = free_port();
        Ok(BigQuery { server: launch(port)?, port })
    }

    /// Stops it and starts it again where it was, without its data.
    pub fn restart(&mut self) -> Result<(), String> {
        self.server.stop();
        self.server = launch(self.port)?;
        Ok(())
    }

    /// For the `endpoint` of a source.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Runs a statement to its end; the answer of `jobs.query`.
    pub fn sql(&self, statement: &str) -> Result<Value, String> {
        query(self.port, statement)
    }

    /// The jobs so far, as `jobs.list` tells of them with their configuration.
    pub fn jobs(&self) -> Result<Vec<Value>, String> {
        let path = format!("/bigquery/v2/projects/{PROJECT}/jobs?projection=full&maxResults=10000&allUsers=true");
        let answer: Value = serde_json::from_str(&http::get(self.port, &path)?).map_err(|error| error.to_string())?;
        Ok(answer["jobs"].as_array().cloned().unwrap_or_default())
    }

    /// The process: stop it, freeze it, read its log.
    pub fn server(&mut self) -> &mut Server {
        &mut self.server
    }
}

fn launch(port: u16) -> Result<Server, String> {
    let program = program("local_bigquery", "local-bigquery")?;
    let folder = server_folder()?;
    let mut command = ended_with_us(&program, "KILL", None);
    command.args(["--host", "127.0.0.1", "--port", &port.to_string(), "--grpc-port", &free_port().to_string()]);
    command.args(["--project", PROJECT, "--data-dir"]).arg(folder.path().join("data")).current_dir(folder.path());
    command.env("HOME", tools::installed("local_bigquery/home")?);
    command.env("PYTHONPATH", tools::server_program("local_bigquery"));
    Server::start(folder, command, "KILL", || is_ready(port))
}

/// Another BigQuery on this machine (PyPI's `bqemulator`): a query that fails is answered with 200, no rows, and `errors`.
pub struct BqEmulator {
    _server: Server,
    port: u16,
}

impl BqEmulator {
    pub const PROJECT: &str = PROJECT;

    pub fn start() -> Result<BqEmulator, String> {
        let program = program("bqemulator", "bqemulator")?;
        let folder = server_folder()?;
        let (port, grpc) = (free_port(), free_port());
        let mut command = ended_with_us(&program, "KILL", None);
        command.args(["start", "--rest-port", &port.to_string(), "--grpc-port", &grpc.to_string()]);
        command.args(["--project", PROJECT]).current_dir(folder.path());
        command.env("HOME", tools::installed("bqemulator/home")?);
        let server = Server::start(folder, command, "KILL", || is_ready(port))?;
        Ok(BqEmulator { _server: server, port })
    }

    /// Runs a statement; the answer of `jobs.query`.
    pub fn sql(&self, statement: &str) -> Result<Value, String> {
        query(self.port, statement)
    }

    /// For the `endpoint` of a source.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

/// Whether the machine had a Python of 3.13 or later when the tools were installed.
pub(crate) fn is_there() -> bool {
    tools::installed("bigquery-complete").is_ok()
}

fn program(folder: &str, name: &str) -> Result<PathBuf, String> {
    tools::installed(&format!("{folder}/bin/{name}")).map_err(|why| format!("{why} (it needs Python 3.13 or later)"))
}

fn is_ready(port: u16) -> bool {
    query(port, "SELECT 1").is_ok()
}

fn query(port: u16, statement: &str) -> Result<Value, String> {
    let body = json!({ "query": statement, "useLegacySql": false, "timeoutMs": 60_000 }).to_string();
    let headers = [("Content-Type", "application/json")];
    let path = format!("/bigquery/v2/projects/{PROJECT}/queries");
    match http::request("POST", port, &path, &headers, &body)? {
        (200, answer) => serde_json::from_str(&answer).map_err(|error| format!("{error}: {answer}")),
        (status, answer) => Err(format!("{status}: {answer}")),
    }
}
