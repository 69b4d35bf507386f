use crate::process::{Server, ended_with_us, free_port, server_folder};
use crate::{http, tools};
use std::path::PathBuf;
use std::process::Command;

/// A vmalert of its own: Debian's, from the package `victoria-metrics`.
pub struct Vmalert {
    #[expect(dead_code, reason = "it is stopped when dropped")]
    server: Server,
}

impl Vmalert {
    /// Starts one that judges these rules (`groups:`) each second over a Prometheus, and sends what fires to an
    /// Alertmanager on this port.
    pub fn start(rules: &str, prometheus: &str, alertmanager: u16) -> Result<Vmalert, String> {
        let program = tools::in_path("vmalert").or_else(|_| tools::installed("debian/usr/bin/vmalert"))?;
        let folder = server_folder()?;
        let file = folder.path().join("rules.yml");
        std::fs::write(&file, rules).map_err(|error| error.to_string())?;
        let port = free_port();
        let mut command = ended_with_us(&program, "TERM", None);
        command.arg(format!("-rule={}", file.display()));
        command.arg(format!("-datasource.url={prometheus}"));
        command.arg(format!("-notifier.url=http://127.0.0.1:{alertmanager}"));
        command.arg(format!("-httpListenAddr=127.0.0.1:{port}"));
        command.arg("-evaluationInterval=1s");
        let server = Server::start(folder, command, "TERM", || http::get(port, "/health").is_ok())?;
        Ok(Vmalert { server })
    }
}

/// Debian's amtool, from the package `prometheus-alertmanager`.
pub struct Amtool(PathBuf);

impl Amtool {
    pub fn find() -> Result<Amtool, String> {
        tools::in_path("amtool").or_else(|_| tools::installed("debian/usr/bin/amtool")).map(Amtool)
    }

    /// The program itself, without arguments.
    pub fn command(&self) -> Command {
        Command::new(&self.0)
    }

    /// Runs it against an Alertmanager on this port; what it printed, or what it said and how it ended.
    pub fn run(&self, port: u16, arguments: &[&str]) -> Result<String, String> {
        let mut command = Command::new(&self.0);
        command.arg(format!("--alertmanager.url=http://127.0.0.1:{port}")).args(arguments);
        crate::process::run(&mut command)
    }
}
