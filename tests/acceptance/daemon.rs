//! A configuration in a folder of its own, and `bellwether` run over it.

use rusqlite::Connection;
use serde_json::Value;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use testkit::http;

/// How long anything may take. Two cores may be shared with a compiler.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until it is so.
pub fn eventually(what: &str, is_so: impl FnMut() -> bool) {
    assert!(testkit::wait_until(PATIENCE, is_so), "not within {PATIENCE:?}: {what}");
}

/// The binary under test.
pub fn bellwether() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bellwether"));
    command.env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

/// A configuration: `config` with its files, and beside it the source's data, the store and the logs.
pub struct Home(TempDir);

impl Home {
    /// A source `local` with the table `runs (processor, duration)`; what to tell, and how, is the caller's.
    pub fn new(rest: &str) -> Home {
        let home = Home(tempfile::tempdir().unwrap());
        fs::create_dir(home.config()).unwrap();
        home.sql("PRAGMA journal_mode = WAL; CREATE TABLE runs (processor TEXT PRIMARY KEY, duration REAL);");
        home.write("bellwether.yaml", &home.main(rest));
        home
    }

    /// A webhook at this URL, told each alert by itself and at once.
    pub fn telling(url: &str) -> Home {
        Home::new(&format!("{}\nroute: {{ channels: [hook], group_by: ['...'], group_wait: 0s }}", hook(url)))
    }

    fn main(&self, rest: &str) -> String {
        let (data, store) = (self.path("pipeline.db"), self.path("state.db"));
        format!(
            "sources: {{ local: {{ sqlite: {{ path: {} }} }} }}\n\
             store: {{ path: {} }}\n\
             server: {{ listen: \"127.0.0.1:0\" }}\n{rest}\n",
            data.display(),
            store.display()
        )
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn config(&self) -> PathBuf {
        self.path("config")
    }

    /// Writes a file of the configuration.
    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.config().join(name), text).unwrap();
    }

    /// Writes the check `slow`, asked each second, with this below `alert:`.
    pub fn slow(&self, alert: &str) {
        self.write("slow.yaml", &slow("1s", alert));
    }

    pub fn sql(&self, statements: &str) {
        let connection = Connection::open(self.path("pipeline.db")).unwrap();
        connection.busy_timeout(PATIENCE).unwrap();
        connection.execute_batch(statements).unwrap();
    }

    /// The latest run of a processor.
    pub fn ran(&self, processor: &str, duration: u32) {
        self.sql(&format!("INSERT OR REPLACE INTO runs VALUES ('{processor}', {duration});"));
    }

    /// Starts the daemon, and waits until it is ready.
    pub fn start(&self) -> Daemon {
        self.start_with(|command| command)
    }

    pub fn start_with(&self, change: impl FnOnce(&mut Command) -> &mut Command) -> Daemon {
        let mut command = bellwether();
        command.arg("run").arg(self.config());
        change(&mut command);
        Daemon::started(self, command)
    }
}

/// A webhook channel `hook`.
pub fn hook(url: &str) -> String {
    format!("channels: {{ hook: {{ webhook: {{ url: \"{url}\" }} }} }}")
}

/// The file of a check of the processors' runs.
pub fn slow(every: &str, alert: &str) -> String {
    format!(
        "checks:\n\
         - check: slow\n  \
           source: local\n  \
           every: {every}\n  \
           key: [processor]\n  \
           limit: 100000\n  \
           collect: {{ query: 'SELECT processor, duration FROM runs' }}\n  \
           alert: {{ {alert} }}\n  \
           title: '{{{{ processor }}}} ran for {{{{ duration | duration }}}}'\n"
    )
}

/// A daemon that runs; killed when dropped.
pub struct Daemon {
    child: Child,
    pub port: u16,
    stdout: PathBuf,
    stderr: PathBuf,
    pub started: Instant,
}

impl Daemon {
    /// Starts a process, and waits until it is ready.
    pub fn started(home: &Home, command: Command) -> Daemon {
        let mut daemon = Daemon::spawn(home, command);
        eventually("the address in the log", || daemon.found_port());
        eventually("ready", || http::get(daemon.port, "/readyz").is_ok());
        daemon
    }

    /// Starts a process that may end by itself.
    pub fn spawn(home: &Home, mut command: Command) -> Daemon {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let file = |name: &str| home.path(&format!("{number}.{name}"));
        let (stdout, stderr) = (file("out"), file("err"));
        command.stdout(File::create(&stdout).unwrap()).stderr(File::create(&stderr).unwrap());
        let started = Instant::now();
        Daemon { child: command.spawn().unwrap(), port: 0, stdout, stderr, started }
    }

    fn is_running(&mut self) {
        let ended = self.child.try_wait().unwrap();
        assert!(ended.is_none(), "it ended ({ended:?}): {}", self.stderr());
    }

    /// Whether the log told the port yet.
    pub fn found_port(&mut self) -> bool {
        self.is_running();
        self.find_port();
        self.port != 0
    }

    fn find_port(&mut self) {
        let log = self.stderr();
        let after = log.split_once("://127.0.0.1:").map_or("", |(_, after)| after);
        let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
        // A number at the end of what is written so far may go on.
        if digits.len() < after.len() {
            self.port = digits.parse().unwrap_or(0);
        }
    }

    pub fn stdout(&self) -> String {
        read(&self.stdout)
    }

    pub fn stderr(&self) -> String {
        read(&self.stderr)
    }

    pub fn get(&self, path: &str) -> Value {
        let text = http::get(self.port, path).unwrap();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}"))
    }

    /// The alerts that are pending or firing.
    pub fn alerts(&self) -> Vec<Value> {
        self.get("/api/v1/alerts?limit=1000")["items"].as_array().unwrap().clone()
    }

    pub fn metrics(&self) -> String {
        http::get(self.port, "/metrics").unwrap()
    }

    /// The value of a series of `/metrics`, 0 where it is not there.
    pub fn metric(&self, series: &str) -> f64 {
        let text = self.metrics();
        let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.map_or(0.0, |value| value.parse().unwrap())
    }

    /// Waits until each check was judged that often since the start.
    pub fn judged(&self, check: &str, slots: f64) {
        let series = format!("bellwether_evaluations_total{{check=\"{check}\",outcome=\"ok\"}}");
        eventually(&format!("{slots} slots of {check}"), || slots <= self.metric(&series));
    }

    /// Asks for a reload; its status and what it said.
    pub fn reload(&self) -> (u16, String) {
        http::request("POST", self.port, "/-/reload", &[], "").unwrap()
    }

    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args(["-s", signal, &self.child.id().to_string()]).status();
        assert!(sent.unwrap().success(), "cannot send {signal}");
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for its end.
    pub fn end(&mut self) -> ExitStatus {
        let mut ended = None;
        eventually("the end of the process", || {
            ended = self.child.try_wait().unwrap();
            ended.is_some()
        });
        ended.unwrap()
    }

    /// SIGTERM, and a clean end.
    pub fn stop(mut self) {
        self.signal("TERM");
        let status = self.end();
        assert_eq!(status.code(), Some(0), "{}", self.stderr());
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- what the daemon logged ---\n{}", self.stderr());
        }
    }
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}
