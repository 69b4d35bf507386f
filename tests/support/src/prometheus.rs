use crate::process::{Server, ended_with_us, free_port, server_folder};
use crate::{http, tools};
use tempfile::TempDir;

/// A Prometheus of its own.
pub struct Prometheus {
    server: Server,
    port: u16,
    rules: Option<TempDir>,
}

impl Prometheus {
    /// Starts one that scrapes itself each second as `job="self"`: `up`, `vector(7)` and `time()` have answers.
    pub fn start() -> Result<Prometheus, String> {
        Prometheus::start_at("")
    }

    /// The same with its API below a path: `/v1/projects/proj/location/global/prometheus`, where Google has its own.
    pub fn start_at(prefix: &str) -> Result<Prometheus, String> {
        Prometheus::start_with(prefix, "")
    }

    /// One that judges these rules (`groups:`) each second, and sends what fires to an Alertmanager on this port.
    pub fn alerting(rules: &str, alertmanager: u16) -> Result<Prometheus, String> {
        Prometheus::alerting_as(rules, alertmanager, "")
    }

    /// The same, with more said of how it is sent: `scheme: https, `.
    pub fn alerting_as(rules: &str, alertmanager: u16, how: &str) -> Result<Prometheus, String> {
        let rules_folder = server_folder()?;
        let file = rules_folder.path().join("rules.yml");
        std::fs::write(&file, rules).map_err(|error| error.to_string())?;
        let more = format!(
            "rule_files: ['{}']\n\
             alerting: {{ alertmanagers: [ {{ {how}static_configs: [ {{ targets: ['127.0.0.1:{alertmanager}'] }} ] }} ] }}\n",
            file.display()
        );
        let mut prometheus = Prometheus::start_with("", &more)?;
        prometheus.rules = Some(rules_folder);
        Ok(prometheus)
    }

    fn start_with(prefix: &str, more: &str) -> Result<Prometheus, String> {
        let program = tools::in_path("prometheus").or_else(|_| tools::installed("debian/usr/bin/prometheus"))?;
        let folder = server_folder()?;
        let port = free_port();
        let config = folder.path().join("prometheus.yml");
        std::fs::write(&config, config_text(port) + more).map_err(|error| error.to_string())?;
        let mut command = ended_with_us(&program, "TERM", None);
        command.arg(format!("--config.file={}", config.display()));
        command.arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()));
        command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
        command.arg(format!("--web.external-url=http://127.0.0.1:{port}{prefix}"));
        command.arg("--rules.alert.resend-delay=1s");
        let ready = format!("{prefix}/-/ready");
        let server = Server::start(folder, command, "TERM", || http::get(port, &ready).is_ok())?;
        Ok(Prometheus { server, port, rules: None })
    }

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

fn config_text(port: u16) -> String {
    format!(
        "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}\n\
         scrape_configs:\n\
         - job_name: self\n  \
           static_configs: [{{ targets: ['127.0.0.1:{port}'] }}]\n"
    )
}
