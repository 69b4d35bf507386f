use crate::certificates::Certificates;
use crate::process::{Server, ended_with_us, free_port, server_folder, wait_until};
use crate::tools;
use serde_json::Value;
use std::path::PathBuf;
use std::time::Duration;
use tempfile::TempDir;

/// How a mail server speaks TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tls {
    #[default]
    None,
    /// Offered, and demanded before anything else (530).
    StartTls,
    /// From the first byte (`smtps://`).
    Implicit,
}

impl Tls {
    fn name(self) -> &'static str {
        match self {
            Tls::None => "none",
            Tls::StartTls => "starttls",
            Tls::Implicit => "implicit",
        }
    }
}

/// What a mail server asks of its clients.
#[derive(Clone, Copy, Debug, Default)]
pub struct SmtpOptions {
    pub tls: Tls,
    /// Only [`Smtp::USER`] with [`Smtp::PASSWORD`] may send: 530 without, 535 with others.
    pub auth: bool,
}

/// A mail that the server took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    pub from: String,
    /// The recipients it was taken for.
    pub to: Vec<String>,
    /// Headers and body as they came.
    pub data: String,
    pub tls: bool,
    /// Who had logged in.
    pub user: Option<String>,
    /// Whether the client was told that it was taken.
    pub answered: bool,
}

/// A mail server (`tests/servers/smtp.py`) that misbehaves by recipient: `refused@` is 550, `greylisted@` 451 the first
/// time, `full@` 452, `spam@` 554 after DATA, `hang@` taken and never answered, `drop@` taken and the connection closed.
pub struct Smtp {
    server: Server,
    port: u16,
    certificates: Certificates,
}

impl Smtp {
    pub const USER: &str = "bellwether";
    pub const PASSWORD: &str = "right-password";

    pub fn start(options: SmtpOptions) -> Result<Smtp, String> {
        let python = tools::installed("python/bin/python")?;
        let folder = server_folder()?;
        let certificates = Certificates::new(folder.path(), 30)?;
        let port = free_port();
        let mut command = ended_with_us(&python, "TERM", None);
        command.arg(tools::server_program("smtp.py")).args(["--port", &port.to_string(), "--tls", options.tls.name()]);
        command.arg("--mails").arg(mails_file(&folder));
        command.arg("--cert").arg(certificates.certificate()).arg("--key").arg(certificates.key());
        if options.auth {
            command.arg("--auth");
        }
        let log = folder.path().join("log");
        let ready = || std::fs::read_to_string(&log).is_ok_and(|text| text.contains("ready"));
        let server = Server::start(folder, command, "TERM", ready)?;
        Ok(Smtp { server, port, certificates })
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The authority that signed its certificate (for `localhost` and `127.0.0.1`).
    pub fn authority(&self) -> PathBuf {
        self.certificates.authority()
    }

    /// The mails taken so far, the first first.
    pub fn mails(&self) -> Vec<Mail> {
        let text = std::fs::read_to_string(self.server.folder().join("mails.jsonl")).unwrap_or_default();
        // A line without its end is still being written.
        let whole = text.rsplit_once('\n').map_or("", |(lines, _)| lines);
        whole.lines().map(mail).collect()
    }

    /// The mails, once there are `count`; panics where there are fewer after ten seconds.
    pub fn wait_for_mails(&self, count: usize) -> Vec<Mail> {
        let there = wait_until(Duration::from_secs(10), || count <= self.mails().len());
        assert!(there, "{count} mails should have come; there are {:#?}", self.mails());
        self.mails()
    }

    /// The process: stop it, freeze it, read its log.
    pub fn server(&mut self) -> &mut Server {
        &mut self.server
    }
}

fn mails_file(folder: &TempDir) -> PathBuf {
    folder.path().join("mails.jsonl")
}

fn mail(line: &str) -> Mail {
    let value: Value = serde_json::from_str(line).expect("smtp.py writes a mail as a line of JSON");
    let text = |name: &str| value[name].as_str().map(str::to_owned);
    let to = value["to"].as_array().into_iter().flatten().filter_map(|address| Some(address.as_str()?.to_owned()));
    Mail {
        from: text("from").unwrap_or_default(),
        to: to.collect(),
        data: text("data").unwrap_or_default(),
        tls: value["tls"] == true,
        user: text("user"),
        answered: value["answered"] == true,
    }
}
