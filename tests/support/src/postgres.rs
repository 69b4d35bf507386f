use crate::certificates::Certificates;
use crate::process::{Server, ended_with_us, free_port, run, server_folder};
use crate::tools::postgres_program;
use std::fmt::Write as _;
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// A PostgreSQL of its own: TLS on, passwords asked (SCRAM), nothing synced to disk.
///
/// The database `tls_only` refuses connections without TLS.
pub struct Postgres {
    server: Server,
    port: u16,
    certificates: Certificates,
    databases: AtomicU32,
}

const ACCESS: &str = "\
local     all      all              trust
hostnossl tls_only all 127.0.0.1/32 reject
host      all      all 127.0.0.1/32 scram-sha-256
";

impl Postgres {
    /// Its superuser.
    pub const USER: &str = "bellwether";
    pub const PASSWORD: &str = "right-password";

    pub fn start() -> Result<Postgres, String> {
        let folder = server_folder()?;
        let certificates = Certificates::new(folder.path(), 30)?;
        let data = folder.path().join("data");
        let user = unprivileged();
        hand_over(folder.path(), user)?;
        initialise(folder.path(), &data, user)?;
        let port = free_port();
        configure(&data, port, folder.path(), &certificates)?;
        let mut command = ended_with_us(&postgres_program("postgres")?, "INT", user);
        command.arg("-D").arg(&data).current_dir(folder.path());
        let socket = folder.path().to_owned();
        // SIGQUIT: at once, without waiting for clients. The data goes with the folder.
        let server = Server::start(folder, command, "QUIT", || select_one(&socket, port).is_ok())?;
        let postgres = Postgres { server, port, certificates, databases: AtomicU32::new(0) };
        postgres.sql("postgres", "CREATE DATABASE tls_only")?;
        Ok(postgres)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The authority that signed its certificate (for `localhost` and `127.0.0.1`).
    pub fn authority(&self) -> PathBuf {
        self.certificates.authority()
    }

    /// The process: stop it, freeze it, read its log.
    pub fn server(&mut self) -> &mut Server {
        &mut self.server
    }

    /// A new database for one test, filled by `script`. Its name.
    pub fn database(&self, script: &str) -> Result<String, String> {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name}"))?;
        self.sql(&name, script)?;
        Ok(name)
    }

    /// `postgres://…` for a database, with the password, without TLS parameters.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{}:{}@127.0.0.1:{}/{database}", Self::USER, Self::PASSWORD, self.port)
    }

    /// Runs SQL by `psql` over the local socket (`COPY … FROM STDIN` with its lines, too); its rows, a line each, `|` between the fields.
    pub fn sql(&self, database: &str, script: &str) -> Result<String, String> {
        psql(self.server.folder(), self.port, database, script)
    }
}

/// PostgreSQL refuses to run as root.
fn unprivileged() -> Option<&'static str> {
    let root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
    root.then_some("postgres")
}

fn hand_over(folder: &Path, user: Option<&str>) -> Result<(), String> {
    let Some(user) = user else { return Ok(()) };
    run(Command::new("chown").arg("-R").arg(format!("{user}:{user}")).arg(folder)).map(|_| ())
}

fn initialise(folder: &Path, data: &Path, user: Option<&str>) -> Result<(), String> {
    let password_file = folder.join("password");
    std::fs::write(&password_file, Postgres::PASSWORD).map_err(|error| error.to_string())?;
    hand_over(&password_file, user)?;
    let mut command = ended_with_us(&postgres_program("initdb")?, "TERM", user);
    command.arg("-D").arg(data).arg("--pwfile").arg(&password_file).current_dir(folder);
    command.args(["-U", Postgres::USER, "-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "--no-sync"]);
    run(&mut command).map(|_| ())
}

fn configure(data: &Path, port: u16, socket: &Path, certificates: &Certificates) -> Result<(), String> {
    let path = data.join("postgresql.conf");
    let mut text = std::fs::read_to_string(&path).map_err(|error| error.to_string())?;
    let settings = [
        ("listen_addresses", "127.0.0.1".to_owned()),
        ("port", port.to_string()),
        ("unix_socket_directories", socket.display().to_string()),
        ("ssl", "on".to_owned()),
        ("ssl_cert_file", certificates.certificate().display().to_string()),
        ("ssl_key_file", certificates.key().display().to_string()),
        ("fsync", "off".to_owned()),
        ("shared_buffers", "32MB".to_owned()),
    ];
    for (name, value) in settings {
        writeln!(text, "{name} = '{value}'").expect("a String takes all that is written to it");
    }
    std::fs::write(&path, text).map_err(|error| error.to_string())?;
    std::fs::write(data.join("pg_hba.conf"), ACCESS).map_err(|error| error.to_string())
}

fn select_one(socket: &Path, port: u16) -> Result<String, String> {
    psql(socket, port, "postgres", "SELECT 1")
}

/// The script goes through a file: it may be longer than a command line.
fn psql(socket: &Path, port: u16, database: &str, script: &str) -> Result<String, String> {
    let mut file = tempfile::tempfile().map_err(|error| error.to_string())?;
    file.write_all(script.as_bytes()).and_then(|()| file.rewind()).map_err(|error| error.to_string())?;
    let mut command = Command::new(postgres_program("psql")?);
    command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", Postgres::USER, "-d", database]);
    run(command.arg("-h").arg(socket).args(["-p", &port.to_string()]).stdin(file))
}
